use ganvas_prob::gaussian::{Moments, frechet};

use crate::items::same_dims;
use crate::{Features, MetricError};

/// Mean and covariance of features, in `f64`.
///
/// # Errors
/// If there are fewer than two items or a value is not finite.
pub fn moments(features: &Features, set: &'static str) -> Result<Moments, MetricError> {
    features.check(set, 2)?;
    Ok(Moments::of(features.dims, &features.values)?)
}

/// The squared Frechet distance of two sets of features, each taken as Gaussian, covariances unbiased
/// (M. Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", eq. 6).
///
/// Zero or more, in the square of the features' unit. It falls with the sample sizes, so that figures compare only
/// at equal ones. On the features of an [`Extractor`](crate::Extractor) its name is `ffd`.
///
/// # Errors
/// If the sets differ in size of their items, one has fewer than two items, or a value is not finite.
pub fn frechet_distance(real: &Features, fake: &Features) -> Result<f64, MetricError> {
    same_dims(real, fake)?;
    Ok(frechet(&moments(real, "real")?, &moments(fake, "fake")?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, normals};

    fn draw(seed: u64, n: usize, dims: usize) -> Features {
        Features { dims, values: normals(&mut Streams::new(seed).rng("features", 0), n * dims) }
    }

    /// Samples of two known Gaussians: |m|^2 + d (1 - s)^2 = 4 * 0.25 + 4 * 0.25 = 2; at n = 20,000 the standard error
    /// is about 0.03.
    #[test]
    fn samples_are_as_far_apart_as_their_gaussians() {
        let real = draw(1, 20_000, 4);
        let mut fake = draw(2, 20_000, 4);
        fake.values.iter_mut().for_each(|x| *x = 1.5 * *x + 0.5);
        let distance = frechet_distance(&real, &fake).unwrap();
        assert!((distance - 2.0).abs() < 0.12, "{distance}");
        let floor = frechet_distance(&real, &draw(3, 20_000, 4)).unwrap();
        assert!(floor < 0.003, "{floor}");
    }

    #[test]
    fn what_cannot_be_compared_is_named() {
        let (two, three) = (draw(1, 10, 2), draw(1, 10, 3));
        assert!(matches!(frechet_distance(&two, &three), Err(MetricError::Dims { left: 2, right: 3 })));
        let one = draw(1, 1, 2);
        assert!(matches!(frechet_distance(&two, &one), Err(MetricError::TooFew { set: "fake", needed: 2, got: 1 })));
        let mut broken = two.clone();
        broken.values[7] = f32::NAN;
        let error = frechet_distance(&broken, &two);
        assert!(matches!(error, Err(MetricError::NotFinite { set: "real", item: 3, position: 1 })));
    }
}
