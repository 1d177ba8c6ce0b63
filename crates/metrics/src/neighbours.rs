//! Nearest neighbours in feature space: against memorisation, and for the manifold metrics.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::items::same_dims;
use crate::{Features, MetricError};

/// Queries that a thread holds while the references stream past, and references in a block (about 64 KiB at 64
/// dimensions).
const QUERIES: usize = 8;
const REFERENCES: usize = 256;

/// |a - b|^2, in `f64`; exactly the same when the two change places.
pub(crate) fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    const LANES: usize = 8;
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_lanes.remainder().iter().zip(b_lanes.remainder());
    let rest: f64 = rest.map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2)).sum();
    let mut sums = [0.0; LANES];
    for (x, y) in a_lanes.zip(b_lanes) {
        for lane in 0..LANES {
            let difference = f64::from(x[lane]) - f64::from(y[lane]);
            sums[lane] += difference * difference;
        }
    }
    rest + sums.iter().sum::<f64>()
}

/// Calls `visit(state, query, reference, squared distance)` for all pairs, and gives back each query's state.
fn for_all_pairs<S: Clone + Send + Sync>(
    queries: &Features,
    references: &Features,
    start: S,
    visit: impl Fn(&mut S, usize, usize, f64) + Sync,
) -> Vec<S> {
    let dims = queries.dims;
    let blocks: Vec<Vec<S>> = queries
        .values
        .par_chunks(QUERIES * dims)
        .enumerate()
        .map(|(block, rows)| {
            let mut states = vec![start.clone(); rows.len() / dims];
            for (part, references) in references.values.chunks(REFERENCES * dims).enumerate() {
                for ((q, row), state) in rows.chunks_exact(dims).enumerate().zip(&mut states) {
                    for (r, reference) in references.chunks_exact(dims).enumerate() {
                        let distance = squared_distance(row, reference);
                        visit(state, block * QUERIES + q, part * REFERENCES + r, distance);
                    }
                }
            }
            states
        })
        .collect();
    blocks.concat()
}

/// The Euclidean distance of each query to the reference next to it, `[queries]`; exact.
///
/// # Errors
/// If the sets differ in size of their items, there is no reference, or a value is not finite.
pub fn nearest_distances(query: &Features, reference: &Features) -> Result<Vec<f32>, MetricError> {
    same_dims(query, reference)?;
    query.check("query", 0)?;
    reference.check("reference", 1)?;
    let squares = for_all_pairs(query, reference, f64::INFINITY, |least: &mut f64, _, _, d| *least = least.min(d));
    Ok(squares.into_iter().map(|square| square.sqrt() as f32).collect())
}

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
    same_dims(real, fake)?;
    if k == 0 {
        return Err(MetricError::Parameter { name: "k", domain: "at least 1", got: 0.0 });
    }
    real.check("real", k + 1)?;
    fake.check("fake", k + 1)?;
    let real_radii = squared_radii(real, k);
    let fake_radii = squared_radii(fake, k);
    let balls =
        for_all_pairs(fake, real, 0usize, |count: &mut usize, _, r, d| *count += usize::from(d < real_radii[r]));
    let reals = for_all_pairs(real, fake, (false, false), |hit: &mut (bool, bool), r, f, d| {
        hit.0 |= d < fake_radii[f];
        hit.1 |= d < real_radii[r];
    });
    let share = |count: usize, n: usize| count as f64 / n as f64;
    Ok(Prdc {
        precision: share(balls.iter().filter(|&&count| count > 0).count(), fake.len()),
        recall: share(reals.iter().filter(|hit| hit.0).count(), real.len()),
        density: share(balls.iter().sum(), fake.len()) / k as f64,
        coverage: share(reals.iter().filter(|hit| hit.1).count(), real.len()),
    })
}

/// Precision and recall of [`prdc`].
///
/// # Errors
/// As [`prdc`].
pub fn precision_recall(real: &Features, fake: &Features, k: usize) -> Result<(f64, f64), MetricError> {
    prdc(real, fake, k).map(|figures| (figures.precision, figures.recall))
}

/// Squared distance of each item to its k-th neighbour in the set, itself not counted.
fn squared_radii(features: &Features, k: usize) -> Vec<f64> {
    // The k least so far, in order.
    let least = for_all_pairs(features, features, vec![f64::INFINITY; k], |least: &mut Vec<f64>, i, j, d| {
        if i != j && d < least[k - 1] {
            let place = least.partition_point(|&x| x <= d);
            least.pop();
            least.insert(place, d);
        }
    });
    least.into_iter().map(|least| least[k - 1]).collect()
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

    /// More items than a block, and dimensions that are no multiple of the lanes, against a search over all pairs.
    #[test]
    fn blocks_find_what_a_plain_search_finds() {
        let (query, reference) = (draw(1, 37, 11), draw(2, 700, 11));
        let found = nearest_distances(&query, &reference).unwrap();
        assert_eq!(found.len(), 37);
        for (i, found) in found.into_iter().enumerate() {
            let square = |j: usize| -> f64 {
                let pairs = query.item(i).iter().zip(reference.item(j));
                pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
            };
            let expected = (0..700).map(square).fold(f64::INFINITY, f64::min).sqrt();
            assert!((f64::from(found) - expected).abs() < 1e-6, "{found} against {expected}");
        }
    }

    #[test]
    fn an_item_of_the_reference_is_at_distance_zero() {
        let reference = draw(3, 300, 64);
        let query = Features { dims: 64, values: reference.item(299).to_vec() };
        assert_eq!(nearest_distances(&query, &reference).unwrap(), [0.0]);
        assert!(nearest_distances(&query, &Features { dims: 64, values: vec![] }).is_err());
        assert!(nearest_distances(&query, &draw(3, 10, 63)).is_err());
    }

    /// k = 1. Reals 0, 1, 3 have the radii 1, 1, 2; fakes 0.5, 1.5, 9 have 1, 1, 7.5.
    /// Fake 0.5 lies in the balls of 0 and 1 (at 3 - 0.5 = 2.5 not in the third), 1.5 in those of 1 and 3, 9 in none.
    /// Real 0 lies in the ball of 0.5; 1 in those of 0.5 and 1.5; 3 in that of 9 (6 < 7.5). Each real ball holds a fake.
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

    #[test]
    fn too_few_neighbours_are_refused() {
        let few = line(&[0.0, 1.0, 2.0]);
        assert!(matches!(prdc(&few, &few, 3), Err(MetricError::TooFew { needed: 4, got: 3, .. })));
        assert!(matches!(prdc(&few, &few, 0), Err(MetricError::Parameter { name: "k", .. })));
    }
}
