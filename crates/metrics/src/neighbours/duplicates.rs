use super::squared_radii;
use crate::items::{check_count, same_dims};
use crate::{Features, MetricError};

/// The share of real items that are taken for duplicates of another one.
const OF_REAL: f64 = 0.01;

/// Share of the fakes whose nearest other fake is as near as only one in a hundred reals has another one, in [0, 1].
///
/// Repeats among samples tell how few a generator can make (S. Arora, Y. Zhang 2017, "Do GANs actually learn the
/// distribution? An empirical study", who look for them by eye). Here the data say what a repeat is: the limit
/// is the distance to the nearest other item that a hundredth of the reals keep within. Of two sets that differ in size
/// the first items of the larger are taken, for distances shrink as items are added.
///
/// Around 0.01 for new draws of the reals' own distribution, 1 for a generator that repeats a few items.
///
/// # Errors
/// If the sets differ in size of their items, one has fewer than two items, or a value is not finite.
pub fn duplicates(real: &Features, fake: &Features) -> Result<f64, MetricError> {
    same_dims(real, fake)?;
    real.check("real", 0)?;
    fake.check("fake", 0)?;
    let n = real.len().min(fake.len());
    check_count(if n == real.len() { "real" } else { "fake" }, n, 2)?;
    let first = |set: &Features| Features { dims: set.dims, values: set.values[..n * set.dims].to_vec() };
    let mut of_real = squared_radii(&first(real), 1);
    of_real.sort_by(f64::total_cmp);
    let limit = of_real[(n as f64 * OF_REAL) as usize];
    let repeated = squared_radii(&first(fake), 1).into_iter().filter(|&square| square <= limit).count();
    Ok(repeated as f64 / n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, normals, uniforms};

    fn square(seed: u64, n: usize) -> Features {
        Features { dims: 2, values: uniforms(&mut Streams::new(seed).rng("square", 0), 2 * n) }
    }

    /// In the plane the nearest of n points of density d is beyond r with probability exp(-d pi r^2): four times the
    /// density raises 0.01 to 1 - 0.99^4 = 0.0394. Standard errors over 20,000: 0.0010 (fakes and limit) and 0.0024.
    #[test]
    fn new_draws_have_one_in_a_hundred_and_denser_ones_the_share_of_theory() {
        let real = square(1, 20_000);
        let share = duplicates(&real, &square(2, 20_000)).unwrap();
        assert!((share - 0.01).abs() < 0.005, "{share}");
        let mut quarter = square(3, 20_000);
        quarter.values.iter_mut().for_each(|x| *x *= 0.5);
        let share = duplicates(&real, &quarter).unwrap();
        assert!((share - 0.0394).abs() < 0.012, "{share}");
    }

    #[test]
    fn a_generator_of_a_few_items_repeats_them_all() {
        let draw = |seed, n: usize| normals(&mut Streams::new(seed).rng("x", 0), 8 * n);
        let real = Features { dims: 8, values: draw(1, 300) };
        let fake = Features { dims: 8, values: draw(2, 30).repeat(10) };
        assert_eq!(duplicates(&real, &fake).unwrap(), 1.0);
        let few = Features { dims: 8, values: fake.values[..30 * 8].to_vec() };
        assert!(duplicates(&real, &few).unwrap() < 0.2, "each once, though others of them are left out");
    }

    #[test]
    fn sets_without_neighbours_are_refused() {
        assert!(matches!(duplicates(&square(1, 9), &square(2, 1)), Err(MetricError::TooFew { set: "fake", .. })));
        let other = Features { dims: 3, values: vec![0.0; 9] };
        assert!(matches!(duplicates(&square(1, 3), &other), Err(MetricError::Dims { .. })));
    }
}
