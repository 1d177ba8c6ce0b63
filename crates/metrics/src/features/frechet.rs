use faer::{Mat, Side};
use ganvas_prob::gaussian::{Moments, frechet};
use ganvas_prob::stream::{Streams, permutation};

use crate::items::same_dims;
use crate::{Features, MetricError};

/// Mean and covariance of features, in `f64`.
///
/// [`Moments`] also take rows batch by batch and merge, and [`frechet`] is the distance of two of them: no set needs to
/// be in memory as a whole.
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
/// Zero or more, in the square of the features' unit. It falls with the sample sizes, so that figures compare only at
/// equal ones. Singular covariances, such as those of fewer items than dimensions, are no obstacle to it, but much of
/// it is bias then: [`rank`](crate::features::rank) tells. On the features of an [`Extractor`](crate::Extractor) its
/// name is `ffd`.
///
/// # Errors
/// If the sets differ in size of their items, one has fewer than two items, or a value is not finite.
pub fn frechet_distance(real: &Features, fake: &Features) -> Result<f64, MetricError> {
    same_dims(real, fake)?;
    // Side by side; each is computed in one thread, so that their number changes no digit.
    let (real, fake) = rayon::join(|| moments(real, "real"), || moments(fake, "fake"));
    Ok(frechet(&real?, &fake?)?)
}

/// How many dimensions the items vary in: the eigenvalues of their covariance that are larger than round-off, d times
/// the machine's epsilon times the largest.
///
/// Below d the covariance is singular; it is for at most d items.
///
/// # Errors
/// If there are fewer than two items.
pub fn rank(moments: &Moments) -> Result<usize, MetricError> {
    let (covariance, dims) = (moments.covariance()?, moments.dims());
    let matrix = Mat::from_fn(dims, dims, |i, j| covariance[i * dims + j]);
    let eigenvalues =
        matrix.self_adjoint_eigenvalues(Side::Lower).map_err(|_| MetricError::NoEigenvalues { side: dims })?;
    let largest = eigenvalues.iter().fold(0.0, |m: f64, &x| m.max(x));
    Ok(eigenvalues.into_iter().filter(|x| *x > dims as f64 * f64::EPSILON * largest).count())
}

/// The Frechet distance for endlessly many fakes: that of random subsets of the fakes, of `points` sizes at equal steps
/// from a tenth of them to all, extrapolated by least squares over 1/n to 0 (M. J. Chong and D. Forsyth 2020,
/// "Effectively Unbiased FID and Inception Score and where to find them"; there 15 points).
///
/// What the number of reals adds stays. An estimate, which can be below zero. Depends on the order of the items, which
/// the subsets are drawn by.
///
/// # Errors
/// As [`frechet_distance`](crate::frechet_distance), or if `points` is below 2 or there are fewer than 20 fakes.
pub fn frechet_infinity(
    real: &Features,
    fake: &Features,
    points: usize,
    streams: &Streams,
) -> Result<f64, MetricError> {
    if points < 2 {
        return Err(MetricError::Parameter { name: "points", domain: "at least 2", got: points as f64 });
    }
    same_dims(real, fake)?;
    fake.check("fake", 20)?;
    let real = moments(real, "real")?;
    let (n, least) = (fake.len(), fake.len() / 10);
    let mut measured = Vec::new();
    for point in 0..points {
        let size = least + ((n - least) as u128 * point as u128 / (points - 1) as u128) as usize;
        let order = permutation(&mut streams.rng_at("frechet-infinity", 0, point as u64), n);
        let distance = frechet(&real, &moments(&fake.select(&order[..size]), "fake")?)?;
        measured.push((1.0 / size as f64, distance));
    }
    let mean = |f: &dyn Fn(&(f64, f64)) -> f64| measured.iter().map(f).sum::<f64>() / points as f64;
    let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
    let slope = mean(&|p| (p.0 - x) * (p.1 - y)) / mean(&|p| (p.0 - x).powi(2));
    Ok(y - slope * x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::normals;

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

    #[test]
    fn few_items_or_a_column_that_follows_others_lower_the_rank() {
        let of = |features: &Features| rank(&moments(features, "real").unwrap()).unwrap();
        assert_eq!(of(&draw(1, 100, 12)), 12);
        assert_eq!(of(&draw(1, 12, 12)), 11);
        let mut dependent = draw(1, 100, 3);
        dependent.values.chunks_exact_mut(3).for_each(|row| row[2] = 2.0 * row[0]);
        assert_eq!(of(&dependent), 2);
        assert_eq!(of(&Features { dims: 2, values: vec![1.0; 8] }), 0);
    }

    /// 1,000 fakes of the reals' own distribution in 16 dimensions are about 0.08 away, all of it by their number; one
    /// extrapolation is off by about 0.03.
    #[test]
    fn extrapolation_takes_off_what_the_number_of_fakes_adds() {
        let real = draw(1, 50_000, 16);
        let mean = |f: &dyn Fn(&Features) -> f64| (2..10).map(|seed| f(&draw(seed, 1000, 16))).sum::<f64>() / 8.0;
        let distance = mean(&|fake| frechet_distance(&real, fake).unwrap());
        let infinity = mean(&|fake| frechet_infinity(&real, fake, 15, &Streams::new(1)).unwrap());
        assert!(distance > 0.07 && infinity.abs() < 0.4 * distance, "{infinity}, {distance}");
        let fake = draw(2, 1000, 16);
        let error = frechet_infinity(&real, &fake, 1, &Streams::new(1));
        assert!(matches!(error, Err(MetricError::Parameter { name: "points", .. })));
        let error = frechet_infinity(&real, &draw(2, 19, 16), 9, &Streams::new(1));
        assert!(matches!(error, Err(MetricError::TooFew { set: "fake", needed: 20, got: 19 })));
    }
}
