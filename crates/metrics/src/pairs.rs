//! All pairs of the items of two sets, in blocks that fit the cache: the memory does not grow with the sets.

use std::ops::Range;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use crate::Features;

/// Queries and references of a block: their products take 512 KiB.
const QUERIES: usize = 128;
const REFERENCES: usize = 512;

/// Products of a block of queries with a block of references.
pub(crate) struct Block {
    /// The queries, of their set.
    pub queries: Range<usize>,
    /// The references, of theirs.
    pub references: Range<usize>,
    dots: Vec<f64>,
}

impl Block {
    /// The products of a query, counted within the block, with the references.
    pub fn dots(&self, query: usize) -> &[f64] {
        let size = self.references.len();
        &self.dots[query * size..(query + 1) * size]
    }
}

/// Calls `visit` with each block and the state of its queries, which `start` makes; gives back the states in order.
///
/// A block is computed by one thread in one order, so that the number of threads changes nothing.
pub(crate) fn for_blocks<S: Send>(
    queries: &Features,
    references: &Features,
    start: impl Fn(Range<usize>) -> S + Sync,
    visit: impl Fn(&mut S, &Block) + Sync,
) -> Vec<S> {
    let dims = queries.dims;
    let widened = |rows: &[f32]| rows.iter().map(|&x| f64::from(x)).collect::<Vec<f64>>();
    queries
        .values
        .par_chunks(QUERIES * dims)
        .enumerate()
        .map(|(i, rows)| {
            let of_queries = i * QUERIES..i * QUERIES + rows.len() / dims;
            let mut state = start(of_queries.clone());
            let rows = widened(rows);
            let rows = MatRef::from_column_major_slice(&rows, dims, of_queries.len());
            for (j, others) in references.values.chunks(REFERENCES * dims).enumerate() {
                let of_references = j * REFERENCES..j * REFERENCES + others.len() / dims;
                let others = widened(others);
                let others = MatRef::from_row_major_slice(&others, of_references.len(), dims);
                let mut dots = vec![0.0; of_references.len() * of_queries.len()];
                let products = MatMut::from_column_major_slice_mut(&mut dots, of_references.len(), of_queries.len());
                matmul(products, Accum::Replace, others, rows, 1.0, Par::Seq);
                visit(&mut state, &Block { queries: of_queries.clone(), references: of_references, dots });
            }
            state
        })
        .collect()
}

/// |x|^2 of each item.
pub(crate) fn squared_norms(features: &Features) -> Vec<f64> {
    let norm = |row: &[f32]| row.iter().map(|&x| f64::from(x).powi(2)).sum();
    features.values.chunks_exact(features.dims).map(norm).collect()
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, normals};

    #[test]
    fn every_pair_is_met_once_with_its_product() {
        let draw = |seed, n| Features { dims: 5, values: normals(&mut Streams::new(seed).rng("x", 0), n * 5) };
        let (queries, references) = (draw(1, 2 * QUERIES + 3), draw(2, REFERENCES + 7));
        let rows = for_blocks(
            &queries,
            &references,
            |of| vec![Vec::new(); of.len()],
            |state: &mut Vec<Vec<f64>>, block| {
                assert_eq!(block.references.start, state[0].len());
                state.iter_mut().enumerate().for_each(|(q, row)| row.extend(block.dots(q)));
            },
        )
        .concat();
        assert_eq!(rows.len(), queries.len());
        for (q, row) in rows.iter().enumerate() {
            assert_eq!(row.len(), references.len());
            for (r, found) in row.iter().enumerate() {
                let pairs = queries.item(q).iter().zip(references.item(r));
                let dot: f64 = pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                assert!((found - dot).abs() < 1e-12, "{q}, {r}: {found} against {dot}");
            }
        }
    }
}
