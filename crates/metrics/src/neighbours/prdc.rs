use std::sync::atomic::{AtomicBool, Ordering};

use ganvas_prob::estimate::Estimate;
use serde::{Deserialize, Serialize};

use super::{check_neighbours, for_all_pairs, squared_radii};
use crate::{Features, MetricError};

/// Fidelity and diversity, by balls around each item that reach to its k-th neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prdc {
    /// Share of the fakes that lie in the ball of a real, in [0, 1] (Kynkaanniemi et al. 2019, eq. 2).
    pub precision: f64,
    /// Share of the reals that lie in the ball of a fake, in [0, 1] (Kynkaanniemi et al. 2019, eq. 2).
    pub recall: f64,
    /// Balls of reals that a fake lies in, on average, over k; 1 expected for equal distributions (Naeem et al. 2020,
    /// eq. 4).
    pub density: f64,
    /// Share of the reals whose ball holds a fake, in [0, 1] (Naeem et al. 2020, eq. 5).
    pub coverage: f64,
}

/// Improved precision and recall (T. Kynkaanniemi et al. 2019, "Improved Precision and Recall Metric for Assessing
/// Generative Models"), density and coverage (M. F. Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for
/// Generative Models").
///
/// The radius of a ball is the distance to the k-th neighbour in its own set, the item itself not counted; a point
/// lies in a ball if its distance is strictly smaller. The papers take k = 3 and k = 5.
///
/// # Errors
/// If the sets differ in size of their items, `k` is 0, a set has no more than `k` items, or a value is not finite.
pub fn prdc(real: &Features, fake: &Features, k: usize) -> Result<Prdc, MetricError> {
    prdc_with_error(real, fake, k).map(|(figures, _)| figures)
}

/// [`prdc`], and the standard error of its density given the reals: the density is a mean over the fakes, which are
/// independent of each other once the balls of the reals are fixed.
///
/// So is the precision, and a recall is one over the reals once the balls of the fakes are fixed: shares, whose
/// [`interval`](crate::interval::share) needs nothing else. Nothing can be resampled with its own balls: of two copies
/// of an item each would be the other's neighbour. The coverage is a share of reals by their own balls, and neighbours
/// are covered together: the interval of a share held it in 89 % where it says 95 %.
///
/// # Errors
/// As [`prdc`].
pub fn prdc_with_error(real: &Features, fake: &Features, k: usize) -> Result<(Prdc, f64), MetricError> {
    check_neighbours(real, fake, k)?;
    let (real_radii, fake_radii) = (squared_radii(real, k), squared_radii(fake, k));
    // Of each real: whether it lies in a fake's ball, and whether a fake lies in its own. Only ever set, so that the
    // order of the threads is of no matter.
    let in_a_ball: Vec<AtomicBool> = real_radii.iter().map(|_| AtomicBool::new(false)).collect();
    let holds_a_fake: Vec<AtomicBool> = real_radii.iter().map(|_| AtomicBool::new(false)).collect();
    let balls = for_all_pairs(fake, real, &0usize, |count: &mut usize, f, r, d| {
        if d.is_below(real_radii[r]) {
            *count += 1;
            holds_a_fake[r].store(true, Ordering::Relaxed);
        }
        if d.is_below(fake_radii[f]) {
            in_a_ball[r].store(true, Ordering::Relaxed);
        }
    });
    let share = |count: usize, n: usize| count as f64 / n as f64;
    let set = |flags: &[AtomicBool]| flags.iter().filter(|flag| flag.load(Ordering::Relaxed)).count();
    let density = Estimate::of(&balls.iter().map(|&count| count as f64 / k as f64).collect::<Vec<_>>());
    let figures = Prdc {
        precision: share(balls.iter().filter(|&&count| count > 0).count(), fake.len()),
        recall: share(set(&in_a_ball), real.len()),
        density: share(balls.iter().sum(), fake.len()) / k as f64,
        coverage: share(set(&holds_a_fake), real.len()),
    };
    Ok((figures, density.stderr))
}

/// Precision and recall of [`prdc`].
///
/// # Errors
/// As [`prdc`].
pub fn precision_recall(real: &Features, fake: &Features, k: usize) -> Result<(f64, f64), MetricError> {
    prdc(real, fake, k).map(|figures| (figures.precision, figures.recall))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, normals};

    fn line(values: &[f32]) -> Features {
        Features { dims: 1, values: values.to_vec() }
    }

    fn draw(seed: u64, n: usize, dims: usize) -> Features {
        Features { dims, values: normals(&mut Streams::new(seed).rng("features", 0), n * dims) }
    }

    /// k = 1. Reals 0, 1, 3 have the radii 1, 1, 2; fakes 0.5, 1.5, 9 have 1, 1, 7.5.
    /// Fake 0.5 lies in the balls of 0 and 1 (at 3 - 0.5 = 2.5 not in the third), 1.5 in those of 1 and 3, 9 in none.
    /// Real 0 lies in the ball of 0.5; 1 in those of 0.5 and 1.5; 3 in that of 9 (6 < 7.5). Each real's ball holds one.
    #[test]
    fn six_points_by_hand() {
        let figures = prdc(&line(&[0.0, 1.0, 3.0]), &line(&[0.5, 1.5, 9.0]), 1).unwrap();
        let expected = Prdc { precision: 2.0 / 3.0, recall: 1.0, density: 4.0 / 3.0, coverage: 1.0 };
        assert_eq!(figures, expected);
    }

    /// k = 2. Reals 0, 1, 3, 4 have the radii 3, 2, 2, 3; fakes 10, 11, 12 have 2, 1, 2: nothing overlaps, until a fake
    /// at exactly a radius' distance shows that the comparison is strict.
    #[test]
    fn the_second_neighbour_sets_the_radius_and_its_border_is_outside() {
        let real = line(&[0.0, 1.0, 3.0, 4.0]);
        assert_eq!(precision_recall(&real, &line(&[10.0, 11.0, 12.0]), 2).unwrap(), (0.0, 0.0));
        // 7 is at distance 3 of the real 4, whose radius is 3.
        assert_eq!(prdc(&real, &line(&[7.0, 11.0, 12.0]), 2).unwrap().precision, 0.0);
        assert_eq!(prdc(&real, &line(&[6.99, 11.0, 12.0]), 2).unwrap().precision, 1.0 / 3.0);
    }

    /// Far from the origin products of matrices lose the digits of small distances, here of many that are equal.
    /// Against the definition, by differences.
    #[test]
    fn ties_far_from_the_origin_are_told_exactly() {
        let set = |seed, n| {
            let mut set = draw(seed, n, 3);
            for row in set.values.chunks_exact_mut(3) {
                row[0] = 5000.0 + row[0].round() / 2048.0;
                row[1..].iter_mut().for_each(|x| *x = 0.0003 * (2.0 * *x).round());
            }
            set
        };
        let (real, fake, k) = (set(1, 140), set(2, 160), 3);
        let squares = |a: &Features, b: &Features| -> Vec<Vec<f64>> {
            let square = |i, j| {
                let pairs = a.item(i).iter().zip(b.item(j));
                pairs.map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2)).sum()
            };
            (0..a.len()).map(|i| (0..b.len()).map(|j| square(i, j)).collect()).collect()
        };
        let radii = |set: &Features| -> Vec<f64> {
            let sorted = squares(set, set).into_iter().map(|mut row| {
                row.sort_by(f64::total_cmp);
                row[k]
            });
            sorted.collect()
        };
        let (across, of_real, of_fake) = (squares(&real, &fake), radii(&real), radii(&fake));
        let inside = |r: usize, f: usize| across[r][f] < of_real[r];
        let (n, m) = (real.len(), fake.len());
        let share = |count: usize, of: usize| count as f64 / of as f64;
        let expected = Prdc {
            precision: share((0..m).filter(|&f| (0..n).any(|r| inside(r, f))).count(), m),
            recall: share((0..n).filter(|&r| (0..m).any(|f| across[r][f] < of_fake[f])).count(), n),
            density: share((0..n * m).filter(|i| inside(i % n, i / n)).count(), m) / k as f64,
            coverage: share((0..n).filter(|&r| (0..m).any(|f| inside(r, f))).count(), n),
        };
        assert_eq!(prdc(&real, &fake, k).unwrap(), expected);
    }

    /// For two samples of n of one distribution, whatever it is, the expected coverage is
    /// 1 - (n-1)...(n-k) / ((2n-1)...(2n-k)) (Naeem et al. 2020, lemma 2) and the expected density 1.
    #[test]
    fn equal_distributions_have_the_coverage_and_density_of_theory() {
        let (n, k) = (2000, 5);
        let miss: f64 = (1..=k).map(|i| f64::from(n - i) / f64::from(2 * n - i)).product();
        for dims in [2, 16] {
            let (real, fake) = (draw(5, n as usize, dims), draw(6, n as usize, dims));
            let figures = prdc(&real, &fake, k as usize).unwrap();
            assert!((figures.coverage - (1.0 - miss)).abs() < 0.02, "{figures:?} against {}", 1.0 - miss);
            assert!((figures.density - 1.0).abs() < 0.1, "{figures:?}");
        }
    }

    #[test]
    fn exchanging_the_sets_exchanges_precision_and_recall() {
        let (a, b) = (draw(7, 300, 3), draw(8, 200, 3));
        let (precision, recall) = precision_recall(&a, &b, 3).unwrap();
        assert_eq!(precision_recall(&b, &a, 3).unwrap(), (recall, precision));
        assert_eq!(precision_recall(&a, &a, 3).unwrap(), (1.0, 1.0));
    }

    /// Levels of 0.95 over 300 samples, a standard error of 0.013. The truth of what averages fakes is that of 20,000 fakes
    /// beside the same reals; of the recall the mean over the samples of reals beside the same fakes.
    #[test]
    fn intervals_hold_what_they_are_of_as_often_as_they_say() {
        use crate::interval::{of_mean, share};
        let wider = |seed, n| {
            let mut set = draw(seed, n, 2);
            set.values.iter_mut().for_each(|x| *x *= 1.5);
            set
        };
        let (n, k, fixed) = (150, 3, draw(1, 200, 2));
        let truth = prdc(&fixed, &wider(2, 20_000), k).unwrap();
        let held = |intervals: &[[f64; 2]], truth: f64| {
            let holds = intervals.iter().filter(|[low, high]| (*low..=*high).contains(&truth)).count();
            holds as f64 / intervals.len() as f64
        };
        let of_share = |value: f64, n: usize| share((value * n as f64).round() as usize, n, 0.95).unwrap();
        let beside_reals: Vec<_> = (0..300).map(|i| prdc_with_error(&fixed, &wider(100 + i, n), k).unwrap()).collect();
        let precision: Vec<_> = beside_reals.iter().map(|(found, _)| of_share(found.precision, n)).collect();
        let density: Vec<_> =
            beside_reals.iter().map(|(found, error)| of_mean(found.density, *error, 0.95).unwrap()).collect();
        let fixed = wider(3, 100);
        let beside_fakes: Vec<_> = (0..300).map(|i| prdc(&draw(500 + i, n, 2), &fixed, k).unwrap()).collect();
        let recalled = beside_fakes.iter().map(|found| found.recall).sum::<f64>() / beside_fakes.len() as f64;
        let recall: Vec<_> = beside_fakes.iter().map(|found| of_share(found.recall, n)).collect();
        let shares = [held(&precision, truth.precision), held(&density, truth.density), held(&recall, recalled)];
        assert!(shares.iter().all(|share| *share > 0.91), "{shares:?}");
    }

    #[test]
    fn too_few_neighbours_are_refused() {
        let few = line(&[0.0, 1.0, 2.0]);
        assert!(matches!(prdc(&few, &few, 3), Err(MetricError::TooFew { needed: 4, got: 3, .. })));
        assert!(matches!(prdc(&few, &few, 0), Err(MetricError::Parameter { name: "k", .. })));
    }
}
