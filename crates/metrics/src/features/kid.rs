use ganvas_prob::estimate::Estimate;
use ganvas_prob::stream::{Streams, permutation};

use crate::items::same_dims;
use crate::pairs::{for_blocks, squared_norms};
use crate::{Features, MetricError};

/// The kernel distance of two sets of features: the unbiased estimate of their squared maximum mean discrepancy with
/// the kernel (a.b / d + 1)^3 (M. Binkowski et al. 2018, "Demystifying MMD GANs", section 4), on all items.
///
/// Around zero, on either side, for two samples of one distribution; its expectation does not depend on the sample
/// sizes.
///
/// # Errors
/// If the sets differ in size of their items, one has fewer than two items, or a value is not finite.
pub fn kid(real: &Features, fake: &Features) -> Result<f64, MetricError> {
    check(real, fake, 2)?;
    Ok(estimate(real, fake))
}

/// [`kid`] on `subsets` random subsets of `size` items of each set, drawn without replacement: their mean and its
/// standard error, as it is commonly reported (100 subsets of 1,000).
///
/// The standard deviation that other tools report is the standard error times the root of `subsets`. The subsets share
/// items, so that the standard error says how far the mean is from that over all subsets, and is no error of the figure
/// itself. Depends on the order of the items, which the subsets are drawn by.
///
/// # Errors
/// As [`kid`], if `subsets` is 0, `size` is below 2, or a set has fewer than `size` items.
pub fn kid_subsets(
    real: &Features,
    fake: &Features,
    subsets: usize,
    size: usize,
    streams: &Streams,
) -> Result<Estimate, MetricError> {
    if subsets == 0 {
        return Err(MetricError::Parameter { name: "subsets", domain: "at least 1", got: 0.0 });
    }
    if size < 2 {
        return Err(MetricError::Parameter { name: "size", domain: "at least 2", got: size as f64 });
    }
    check(real, fake, size)?;
    let draw = |features: &Features, name, subset| {
        let order = permutation(&mut streams.rng_at(name, 0, subset), features.len());
        features.select(&order[..size])
    };
    let mut estimates = Vec::new();
    for i in 0..subsets as u64 {
        estimates.push(estimate(&draw(real, "kid/real", i), &draw(fake, "kid/fake", i)));
    }
    Ok(Estimate::of(&estimates))
}

/// The standard error of [`kid`] as an estimate of the distance of the two distributions, by how much each item moves it:
/// the root of 4 var(a - c) / n over the reals plus the same over the fakes, where a is an item's mean kernel with the
/// others of its set and c that with the other set (A. Gretton et al. 2012, "A Kernel Two-Sample Test", corollary 16).
///
/// Where the distributions agree, and the estimate's variance is of second order, it is too large: by the root of 2 for
/// sets of similar size.
///
/// # Errors
/// As [`kid`], but for at least three items.
pub fn kid_stderr(real: &Features, fake: &Features) -> Result<f64, MetricError> {
    check(real, fake, 3)?;
    let share = |own: &Features, other: &Features| {
        let n = own.len() as f64;
        let itself = squared_norms(own).into_iter().map(|norm| kernel(norm, own.dims));
        let within = kernel_sums(own, own).into_iter().zip(itself).map(|(sum, itself)| (sum - itself) / (n - 1.0));
        let across = kernel_sums(own, other).into_iter().map(|sum| sum / other.len() as f64);
        Estimate::of(&within.zip(across).map(|(a, c)| 2.0 * (a - c)).collect::<Vec<_>>()).stderr
    };
    Ok(share(real, fake).hypot(share(fake, real)))
}

fn check(real: &Features, fake: &Features, needed: usize) -> Result<(), MetricError> {
    same_dims(real, fake)?;
    real.check("real", needed)?;
    fake.check("fake", needed)
}

/// (a.b / d + 1)^3, from the product.
fn kernel(dot: f64, dims: usize) -> f64 {
    (dot / dims as f64 + 1.0).powi(3)
}

/// For each item of `a` the sum of its kernels with all of `b`.
fn kernel_sums(a: &Features, b: &Features) -> Vec<f64> {
    for_blocks(
        a,
        b,
        |of| vec![0.0; of.len()],
        |sums: &mut Vec<f64>, block| {
            let of = |q| block.dots(q).iter().map(|&dot| kernel(dot, a.dims)).sum::<f64>();
            sums.iter_mut().enumerate().for_each(|(q, sum)| *sum += of(q));
        },
    )
    .concat()
}

fn estimate(real: &Features, fake: &Features) -> f64 {
    let sum = |a: &Features, b: &Features| kernel_sums(a, b).into_iter().sum::<f64>();
    let within = |x: &Features| {
        let n = x.len() as f64;
        let with_itself: f64 = squared_norms(x).into_iter().map(|norm| kernel(norm, x.dims)).sum();
        (sum(x, x) - with_itself) / (n * (n - 1.0))
    };
    within(real) + within(fake) - 2.0 * sum(real, fake) / (real.len() as f64 * fake.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::normals;

    fn draw(step: u64, n: usize) -> Features {
        Features { dims: 4, values: normals(&mut Streams::new(1).rng("features", step), n * 4) }
    }

    /// In one dimension k(a, b) = (ab + 1)^3. Within: k(0, 1) = 1 and k(1, 2) = 27; across 1, 1, 8, 27.
    #[test]
    fn four_numbers_by_hand() {
        let line = |values: [f32; 2]| Features { dims: 1, values: values.to_vec() };
        assert_eq!(kid(&line([0.0, 1.0]), &line([1.0, 2.0])).unwrap(), 1.0 + 27.0 - 2.0 * 37.0 / 4.0);
    }

    /// Over 200 pairs of samples of one distribution and of different sizes the mean must be zero.
    #[test]
    fn it_is_unbiased() {
        let estimate =
            Estimate::of(&(0..200).map(|i| kid(&draw(2 * i, 30), &draw(2 * i + 1, 50)).unwrap()).collect::<Vec<_>>());
        assert!(estimate.mean.abs() < 4.0 * estimate.stderr, "{estimate:?}");
    }

    /// The expected kernel of N(p, I) and N(q, I), from the cumulants of a product of two coordinates.
    fn expected_kernel(p: f64, q: f64, dims: f64) -> f64 {
        let (mean, square) = (p * q, (1.0 + p * p) * (1.0 + q * q));
        let cube = (p.powi(3) + 3.0 * p) * (q.powi(3) + 3.0 * q);
        let third = cube - 3.0 * mean * square + 2.0 * mean.powi(3);
        (1.0 + mean).powi(3) + 3.0 * (1.0 + mean) * (square - mean * mean) / dims + third / (dims * dims)
    }

    /// The expected distance is 9.625, the standard error about 0.3.
    #[test]
    fn gaussians_are_as_far_apart_as_their_moments_say() {
        let (real, mut fake) = (draw(1, 4000), draw(2, 4000));
        fake.values.iter_mut().for_each(|x| *x += 1.0);
        let expected =
            expected_kernel(0.0, 0.0, 4.0) + expected_kernel(1.0, 1.0, 4.0) - 2.0 * expected_kernel(0.0, 1.0, 4.0);
        let found = kid(&real, &fake).unwrap();
        assert!((found - expected).abs() < 1.2, "{found} against {expected}");
    }

    /// A subset of all items is the set itself in another order.
    #[test]
    fn subsets_are_samples_of_the_sets() {
        let (real, mut fake) = (draw(1, 300), draw(2, 300));
        fake.values.iter_mut().for_each(|x| *x *= 1.3);
        let whole = kid(&real, &fake).unwrap();
        let same = kid_subsets(&real, &fake, 3, 300, &Streams::new(5)).unwrap();
        assert!((same.mean - whole).abs() < 1e-10 && same.stderr < 1e-10, "{same:?} against {whole}");
        let parts = kid_subsets(&real, &fake, 400, 60, &Streams::new(5)).unwrap();
        assert!((parts.mean - whole).abs() < 4.0 * parts.stderr, "{parts:?} against {whole}");
        assert_eq!(parts, kid_subsets(&real, &fake, 400, 60, &Streams::new(5)).unwrap());
        assert!(matches!(
            kid_subsets(&real, &fake, 3, 301, &Streams::new(5)),
            Err(MetricError::TooFew { set: "real", needed: 301, got: 300 })
        ));
        assert!(matches!(kid_subsets(&real, &fake, 0, 9, &Streams::new(5)), Err(MetricError::Parameter { .. })));
    }

    /// The error against the spread over 300 pairs, whose own standard error is 4 %: where sets are apart, and where they
    /// are not, for which it is too large.
    #[test]
    fn the_error_is_the_spread_over_samples() {
        for (shift, least, most) in [(0.5, 0.85, 1.15), (0.0, 1.25, 1.6)] {
            let (mut found, mut errors) = (Vec::new(), Vec::new());
            for i in 0..300 {
                let (real, mut fake) = (draw(2 * i, 80), draw(2 * i + 1, 120));
                fake.values.iter_mut().for_each(|x| *x += shift);
                found.push(kid(&real, &fake).unwrap());
                errors.push(kid_stderr(&real, &fake).unwrap().powi(2));
            }
            let spread = Estimate::of(&found).stderr * 300f64.sqrt();
            let ratio = Estimate::of(&errors).mean.sqrt() / spread;
            assert!((least..most).contains(&ratio), "shift {shift}: {ratio}");
        }
    }
}
