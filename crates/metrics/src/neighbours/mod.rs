//! Nearest neighbours in feature space: against memorisation, and for the manifold metrics.
//!
//! Distances are Euclidean and compared as exactly as `f64` sums of squared differences are: products of matrices only
//! find which pairs come close enough to a threshold for that.

mod copies;
mod duplicates;
mod prdc;
mod two_sample;

pub use copies::copies;
pub use duplicates::duplicates;
pub use prdc::{Prdc, prdc, prdc_with_error, precision_recall};
pub use two_sample::{TwoSample, two_sample_test};

use crate::items::same_dims;
use crate::pairs::{for_blocks, squared_distance, squared_norms};
use crate::{Features, MetricError};

/// The squared distance of a pair: between two bounds, and exact on demand.
struct Squared<'a> {
    low: f64,
    high: f64,
    pair: [&'a [f32]; 2],
}

impl Squared<'_> {
    fn exact(&self) -> f64 {
        squared_distance(self.pair[0], self.pair[1])
    }

    fn is_below(&self, limit: f64) -> bool {
        self.high < limit || self.low < limit && self.exact() < limit
    }

    fn if_below(&self, limit: f64) -> Option<f64> {
        Some(self).filter(|d| d.low < limit).map(Self::exact).filter(|&d| d < limit)
    }
}

/// Calls `visit(state, query, reference, squared distance)` for all pairs, and gives back each query's state.
fn for_all_pairs<S: Clone + Send + Sync>(
    queries: &Features,
    references: &Features,
    start: &S,
    visit: impl Fn(&mut S, usize, usize, &Squared) + Sync,
) -> Vec<S> {
    let (query_norms, reference_norms) = (squared_norms(queries), squared_norms(references));
    // Twice the bound of a sum of `dims` products, for the norms, the product and the exact distance.
    let share = 8.0 * (queries.dims + 4) as f64 * f64::EPSILON;
    let blocks = for_blocks(
        queries,
        references,
        |of| vec![start.clone(); of.len()],
        |states: &mut Vec<S>, block| {
            for ((i, q), state) in block.queries.clone().enumerate().zip(states) {
                let (query, norm) = (queries.item(q), query_norms[q]);
                for (r, dot) in block.references.clone().zip(block.dots(i)) {
                    let norms = norm + reference_norms[r];
                    let (square, margin) = (norms - 2.0 * dot, share * norms);
                    let pair = [query, references.item(r)];
                    visit(state, q, r, &Squared { low: square - margin, high: square + margin, pair });
                }
            }
        },
    );
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
    Ok(squared_nearest(query, reference).into_iter().map(|square| square.sqrt() as f32).collect())
}

/// Squared distance of each query to the reference next to it.
fn squared_nearest(queries: &Features, references: &Features) -> Vec<f64> {
    for_all_pairs(queries, references, &f64::INFINITY, |least: &mut f64, _, _, d| {
        *least = d.if_below(*least).unwrap_or(*least);
    })
}

/// Squared distance of each item to its k-th neighbour in the set, itself not counted.
fn squared_radii(features: &Features, k: usize) -> Vec<f64> {
    // The k least so far, in order.
    let least = for_all_pairs(features, features, &vec![f64::INFINITY; k], |least: &mut Vec<f64>, i, j, d| {
        if let Some(d) = d.if_below(least[k - 1]).filter(|_| i != j) {
            let place = least.partition_point(|&x| x <= d);
            least.pop();
            least.insert(place, d);
        }
    });
    least.into_iter().map(|least| least[k - 1]).collect()
}

/// Both sets have items of one size and more than `k` of them, so that each has a k-th neighbour.
fn check_neighbours(real: &Features, fake: &Features, k: usize) -> Result<(), MetricError> {
    same_dims(real, fake)?;
    if k == 0 {
        return Err(MetricError::Parameter { name: "k", domain: "at least 1", got: 0.0 });
    }
    real.check("real", k.saturating_add(1))?;
    fake.check("fake", k.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, normals};

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
}
