//! Samples that are points: which modes of a mixture they cover, and how far they are from a sample of it.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::items::same_dims;
use crate::pairs::squared_distance;
use crate::{Features, MetricError};

/// How samples are distributed over the modes of a mixture.
///
/// Never read `near` or `hq3` without `covered`: a sample that has collapsed to one mode has the best of both.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModeCounts {
    /// Modes that get at least 20 % of their fair share (samples / modes) in near samples.
    pub covered: usize,
    /// Modes there are.
    pub modes: usize,
    /// Share of the samples within 0.2 of the spacing of a centre, in [0, 1].
    pub near: f64,
    /// Share of the samples within 3 standard deviations of a centre, in [0, 1]. A perfect model has 1 - exp(-4.5) =
    /// 0.9889 of them.
    pub hq3: f64,
}

/// Counts which modes are covered by samples, each of which belongs to the centre next to it.
///
/// The modes are equally likely isotropic Gaussians: `centres` are their means, `sd` is the standard deviation of each
/// coordinate, `spacing` the distance between neighbouring means.
///
/// # Errors
/// If there is no sample or no centre, or a value is not finite.
pub fn count_modes(
    samples: &[[f32; 2]],
    centres: &[[f32; 2]],
    sd: f32,
    spacing: f32,
) -> Result<ModeCounts, MetricError> {
    Features::from_points(samples).check("sample", 1)?;
    Features::from_points(centres).check("centre", 1)?;
    let near_radius = (0.2 * f64::from(spacing)).powi(2);
    let hq3_radius = (3.0 * f64::from(sd)).powi(2);
    let mut near = vec![0usize; centres.len()];
    let mut hq3 = 0usize;
    for sample in samples {
        let (mode, distance) = nearest(sample, centres);
        near[mode] += usize::from(distance <= near_radius);
        hq3 += usize::from(distance <= hq3_radius);
    }
    let total = samples.len() as f64;
    let least = 0.2 * total / near.len() as f64;
    Ok(ModeCounts {
        covered: near.iter().filter(|&&count| count as f64 >= least).count(),
        modes: near.len(),
        near: near.iter().sum::<usize>() as f64 / total,
        hq3: hq3 as f64 / total,
    })
}

/// Index of and squared distance to the nearest centre.
fn nearest(sample: &[f32; 2], centres: &[[f32; 2]]) -> (usize, f64) {
    let distances = centres.iter().map(|centre| squared_distance(sample, centre)).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f64::INFINITY))
}

/// The unbiased estimate of the squared maximum mean discrepancy (A. Gretton et al. 2012, "A Kernel Two-Sample Test",
/// eq. 3) with the inverse multiquadric kernel k(a, b) = C / (C + |a - b|^2), C = 2 d (I. Tolstikhin et al. 2018,
/// "Wasserstein Auto-Encoders", section 4).
///
/// In [-1, 2]; around zero, on either side, for two samples of one distribution.
///
/// # Errors
/// If the sets differ in size of their items, one has fewer than two items, or a value is not finite.
pub fn mmd2_unbiased(a: &Features, b: &Features) -> Result<f64, MetricError> {
    same_dims(a, b)?;
    a.check("first", 2)?;
    b.check("second", 2)?;
    let (n, m) = (a.len() as f64, b.len() as f64);
    let c = 2.0 * a.dims as f64;
    // A sum over all pairs of a set counts each item with itself: k = 1.
    let within = |x: &Features, n: f64| (kernel_sum(x, x, c) - n) / (n * (n - 1.0));
    Ok(within(a, n) + within(b, m) - 2.0 * kernel_sum(a, b, c) / (n * m))
}

/// Summed row by row in a fixed order, whatever the threads do.
fn kernel_sum(a: &Features, b: &Features, c: f64) -> f64 {
    let row = |x: &[f32]| -> f64 { b.values.chunks_exact(b.dims).map(|y| c / (c + squared_distance(x, y))).sum() };
    let rows: Vec<f64> = a.values.par_chunks_exact(a.dims).map(row).collect();
    rows.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, normals, uniforms};

    struct Modes {
        centres: Vec<[f32; 2]>,
        sd: f32,
        spacing: f32,
    }

    fn count(samples: &[[f32; 2]], modes: &Modes) -> Result<ModeCounts, MetricError> {
        count_modes(samples, &modes.centres, modes.sd, modes.spacing)
    }

    fn ring() -> Modes {
        let angle = |i: usize| i as f32 * std::f32::consts::FRAC_PI_4;
        let centres = (0..8).map(|i| [angle(i).cos(), angle(i).sin()]).collect();
        Modes { centres, sd: 0.02, spacing: 0.765 }
    }

    fn grid() -> Modes {
        let at = |i: usize| (i as f32 - 2.0) * 2.0 / 2.828;
        let centres = (0..25).map(|mode| [at(mode % 5), at(mode / 5)]).collect();
        Modes { centres, sd: 0.05 / 2.828, spacing: 2.0 / 2.828 }
    }

    fn pairs(values: Vec<f32>) -> Vec<[f32; 2]> {
        values.chunks_exact(2).map(|p| [p[0], p[1]]).collect()
    }

    /// n samples of the mixture restricted to its first `used` modes.
    fn draw(modes: &Modes, used: usize, n: usize) -> Vec<[f32; 2]> {
        let noise = pairs(normals(&mut Streams::new(1).rng("noise", 0), 2 * n));
        let at = |i: usize, k: usize| modes.centres[i % used][k] + modes.sd * noise[i][k];
        (0..n).map(|i| [at(i, 0), at(i, 1)]).collect()
    }

    /// The share within 3 sd is 1 - exp(-4.5) in two dimensions; its standard error at 2,500 samples is 0.0021.
    #[test]
    fn the_mixture_itself_covers_every_mode() {
        for modes in [ring(), grid()] {
            let counts = count(&draw(&modes, modes.centres.len(), 2500), &modes).unwrap();
            assert_eq!(counts.covered, modes.centres.len());
            assert!(counts.near > 0.999, "{counts:?}");
            assert!((counts.hq3 - 0.9889).abs() < 0.0105, "{counts:?}");
        }
    }

    #[test]
    fn a_collapsed_sample_is_near_but_covers_one_mode() {
        let counts = count(&draw(&ring(), 1, 2500), &ring()).unwrap();
        assert_eq!((counts.covered, counts.modes), (1, 8));
        assert!(counts.near > 0.999);
    }

    /// Over whole cells of the grid, [-2.5, 2.5]^2 spacings, discs of radius 0.2 fill pi 0.04 = 0.1257 of the area
    /// and those of 3 sd = 0.075 spacings fill 0.0177. Standard errors at 100,000 samples: 0.0011 and 0.0004.
    #[test]
    fn uniform_samples_are_near_by_the_share_of_the_discs() {
        let modes = grid();
        let side = 5.0 * modes.spacing;
        let square = uniforms(&mut Streams::new(1).rng("square", 0), 200_000);
        let samples = pairs(square.into_iter().map(|u| side * (u - 0.5)).collect());
        let counts = count(&samples, &modes).unwrap();
        assert!((counts.near - 0.1257).abs() < 0.0055, "{counts:?}");
        assert!((counts.hq3 - 0.0177).abs() < 0.002, "{counts:?}");
    }

    /// Fair share of 800 samples over 8 modes: 100, of which 20 cover a mode and 19 do not.
    #[test]
    fn a_fifth_of_the_fair_share_covers() {
        let modes = ring();
        let far = [10.0, 10.0];
        let with = |n: usize| [vec![modes.centres[3]; n], vec![far; 800 - n]].concat();
        assert_eq!(count(&with(20), &modes).unwrap().covered, 1);
        assert_eq!(count(&with(19), &modes).unwrap().covered, 0);
        assert_eq!(count(&with(20), &modes).unwrap().near, 0.025);
    }

    #[test]
    fn samples_that_are_no_points_are_refused() {
        let error = count(&[[0.0, 0.0], [0.0, f32::INFINITY]], &ring());
        assert!(matches!(error, Err(MetricError::NotFinite { item: 1, position: 1, .. })));
        assert!(matches!(count(&[], &ring()), Err(MetricError::TooFew { .. })));
        let none = Modes { centres: vec![], ..ring() };
        assert!(matches!(count(&[[0.0, 0.0]], &none), Err(MetricError::TooFew { .. })));
    }

    /// In one dimension C = 2: k(0, 1) = 2/3, k(0, 2) = 1/3, k(0, 3) = 2/11, k(1, 2) = 2/3, k(1, 3) = 1/3.
    #[test]
    fn mmd_of_four_points_by_hand() {
        let a = Features { dims: 1, values: vec![0.0, 1.0] };
        let b = Features { dims: 1, values: vec![2.0, 3.0] };
        let expected = 2.0 / 3.0 + 2.0 / 3.0 - 0.5 * (1.0 / 3.0 + 2.0 / 11.0 + 2.0 / 3.0 + 1.0 / 3.0);
        assert!((mmd2_unbiased(&a, &b).unwrap() - expected).abs() < 1e-12);
    }

    /// Over 200 pairs of samples of one distribution the mean must be zero; a biased estimate is off by 2 (1 - E k) / n.
    #[test]
    fn mmd_is_unbiased() {
        let draw = |step| {
            let values = normals(&mut Streams::new(1).rng("x", step), 20);
            Features { dims: 2, values }
        };
        let estimates: Vec<f64> = (0..200).map(|i| mmd2_unbiased(&draw(2 * i), &draw(2 * i + 1)).unwrap()).collect();
        let mean = estimates.iter().sum::<f64>() / 200.0;
        let sd = (estimates.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 199.0).sqrt();
        assert!(mean.abs() < 4.0 * sd / 200f64.sqrt(), "{mean} with sd {sd}");
        assert!(mean.abs() < 0.02, "{mean}");
        let mut moved = draw(1);
        moved.values.iter_mut().for_each(|x| *x += 2.0);
        assert!(mmd2_unbiased(&draw(0), &moved).unwrap() > 0.3);
    }
}
