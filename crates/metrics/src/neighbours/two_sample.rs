use super::{check_neighbours, squared_nearest, squared_radii};
use crate::{Features, MetricError};

/// How often the nearest other item tells which set an item is of, each in [0, 1].
///
/// Around 1/2 for two samples of one size and one distribution. Towards 1 the sets are apart. Towards 0 each item has
/// its neighbour in the other set: the fakes repeat the reals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TwoSample {
    /// Share of all items that are told rightly.
    pub accuracy: f64,
    /// Share of the reals that are.
    pub real: f64,
    /// Share of the fakes that are.
    pub fake: f64,
}

/// The classifier two-sample test by the nearest neighbour, each item left out in turn (D. Lopez-Paz and M. Oquab 2017,
/// "Revisiting Classifier Two-Sample Tests", with the classifier of Q. Xu et al. 2018, "An empirical study on
/// evaluation metrics of generative adversarial networks").
///
/// An item with a nearest neighbour in both sets, at the same distance, counts half. Take sets of one size: otherwise
/// the larger one is nearer by chance.
///
/// # Errors
/// If the sets differ in size of their items, one has fewer than two items, or a value is not finite.
pub fn two_sample_test(real: &Features, fake: &Features) -> Result<TwoSample, MetricError> {
    check_neighbours(real, fake, 1)?;
    let right = |own: &Features, other: &Features| -> f64 {
        let pairs = squared_radii(own, 1).into_iter().zip(squared_nearest(own, other));
        pairs.map(|(own, other)| if own < other { 1.0 } else { 0.5 * f64::from(u8::from(own == other)) }).sum()
    };
    let (reals, fakes) = (right(real, fake), right(fake, real));
    let (n, m) = (real.len() as f64, fake.len() as f64);
    Ok(TwoSample { accuracy: (reals + fakes) / (n + m), real: reals / n, fake: fakes / m })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, normals};

    fn draw(seed: u64, n: usize) -> Features {
        Features { dims: 3, values: normals(&mut Streams::new(seed).rng("features", 0), n * 3) }
    }

    /// A share of 1,000 has a standard error of 0.016, and of 0.02 or so for neighbours are often mutual.
    #[test]
    fn equal_distributions_are_told_by_chance() {
        let test = two_sample_test(&draw(1, 500), &draw(2, 500)).unwrap();
        assert!((test.accuracy - 0.5).abs() < 0.08, "{test:?}");
        assert_eq!(test.accuracy, 0.5 * (test.real + test.fake));
    }

    #[test]
    fn copies_are_told_wrongly_and_distant_sets_rightly() {
        let real = draw(1, 200);
        let mut fake = real.clone();
        let none = TwoSample { accuracy: 0.0, real: 0.0, fake: 0.0 };
        assert_eq!(two_sample_test(&real, &fake).unwrap(), none);
        fake.values.iter_mut().for_each(|x| *x += 100.0);
        let all = TwoSample { accuracy: 1.0, real: 1.0, fake: 1.0 };
        assert_eq!(two_sample_test(&real, &fake).unwrap(), all);
    }

    /// Reals -1, 0 and fakes 1, 5: 0 is as near to -1 as to 1, so half; -1 is right; 1 is wrong; 5 is right.
    #[test]
    fn a_tie_counts_half() {
        let line = |values: [f32; 2]| Features { dims: 1, values: values.to_vec() };
        let test = two_sample_test(&line([-1.0, 0.0]), &line([1.0, 5.0])).unwrap();
        assert_eq!(test, TwoSample { accuracy: 0.625, real: 0.75, fake: 0.5 });
    }
}
