use super::{check_neighbours, for_all_pairs, squared_radii};
use crate::{Features, MetricError};

/// Share of the fakes that are nearer to the training item next to them than that item is to its own `k`-th neighbour
/// in the training set, in [0, 1]. Of several training items at the same distance the one with the largest radius
/// counts.
///
/// 1 for a model that repeats its training set. New draws of the training set's own distribution do not have 0 but 1 -
/// (q / (1 + q))^k, where q grows from 1/2 in one dimension to 1 in many (the share of a ball that is outside of
/// another one of its size whose centre is on its surface): for `k` = 1 that is from 2/3 down to 1/2, where the
/// distribution is even around an item. Features of MNIST are not, and new images have 0.41. So read it beside
/// the figure of held-out data in the place of the fakes; `k` = 1 leaves the most room above that.
///
/// # Errors
/// If the sets differ in size of their items, `k` is 0, a set has no more than `k` items, or a value is not finite.
pub fn copies(train: &Features, fake: &Features, k: usize) -> Result<f64, MetricError> {
    check_neighbours(train, fake, k)?;
    let radii = squared_radii(train, k);
    // Squared distance to the nearest training item, and its radius.
    let nearest = for_all_pairs(fake, train, &(f64::INFINITY, 0.0), |best: &mut (f64, f64), _, t, d| {
        if d.low <= best.0 {
            let d = d.exact();
            if d < best.0 || d == best.0 && radii[t] > best.1 {
                *best = (d, radii[t]);
            }
        }
    });
    let copied = nearest.iter().filter(|(distance, radius)| distance < radius).count();
    Ok(copied as f64 / fake.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, normals, uniforms};

    /// In one dimension q = 1/2, in two 1 - (2 pi / 3 - sqrt(3) / 2) / pi = 0.6090; standard errors are 0.004.
    #[test]
    fn new_draws_have_the_share_of_theory() {
        let square =
            |seed, dims| Features { dims, values: uniforms(&mut Streams::new(seed).rng("square", 0), 12_000 * dims) };
        for (dims, outside) in [(1, 0.5), (2, 0.6090)] {
            let (train, fake) = (square(1, dims), square(2, dims));
            for k in [1, 3] {
                let share = copies(&train, &fake, k).unwrap();
                let expected = 1.0 - (outside / (1.0f64 + outside)).powi(k as i32);
                assert!((share - expected).abs() < 0.02, "{dims} dimensions, k = {k}: {share} against {expected}");
            }
        }
    }

    #[test]
    fn a_repeated_training_set_is_found() {
        let train = Features { dims: 8, values: normals(&mut Streams::new(1).rng("train", 0), 8 * 300) };
        let mut fake = train.clone();
        fake.values.iter_mut().for_each(|x| *x += 0.01);
        assert_eq!(copies(&train, &fake, 1).unwrap(), 1.0);
        fake.values.iter_mut().for_each(|x| *x += 100.0);
        assert_eq!(copies(&train, &fake, 1).unwrap(), 0.0);
    }

    /// Training items 0, 2, 5 have the radii 2, 2, 3; 3.5 is as near to 2 as to 5 and inside of both.
    #[test]
    fn of_two_nearest_items_the_larger_radius_counts() {
        let line = |values: &[f32]| Features { dims: 1, values: values.to_vec() };
        let train = line(&[0.0, 2.0, 5.0, 12.0]);
        // 8.5 is 3.5 from 5 (radius 3) and from 12 (radius 7).
        assert_eq!(copies(&train, &line(&[8.5, 30.0]), 1).unwrap(), 0.5);
    }
}
