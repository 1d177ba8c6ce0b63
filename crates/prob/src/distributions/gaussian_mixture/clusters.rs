//! Where a fit begins: k-means++ and Lloyd's algorithm.

use crate::sampling::open_unit;
use rand::{Rng, RngExt};

/// Rounds of Lloyd's algorithm, at most.
const ROUNDS: usize = 10;

/// The first index whose weight, with those before it, reaches the share `u` of 1; the last positive one if none does.
pub(super) fn pick(weights: impl Iterator<Item = (usize, f64)>, mut u: f64) -> Option<usize> {
    let mut last = None;
    for (index, weight) in weights.filter(|(_, weight)| *weight > 0.0) {
        last = Some(index);
        if u < weight {
            break;
        }
        u -= weight;
    }
    last
}

/// Centres `[components, dims]` and the cluster of each item, by k-means++ and Lloyd's algorithm.
pub(super) fn clusters<R: Rng + ?Sized>(
    data: &[f64],
    dims: usize,
    components: usize,
    rng: &mut R,
) -> (Vec<f64>, Vec<usize>) {
    let items = data.len() / dims;
    let mut centres = Vec::with_capacity(components * dims);
    let mut nearest = vec![f64::INFINITY; items];
    for _ in 0..components {
        let total: f64 = nearest.iter().sum();
        let chosen = pick(nearest.iter().copied().enumerate(), open_unit(rng) * total)
            .filter(|_| total.is_finite())
            .unwrap_or_else(|| rng.random_range(0..items));
        let centre = &data[chosen * dims..(chosen + 1) * dims];
        centres.extend_from_slice(centre);
        for (distance, row) in nearest.iter_mut().zip(data.chunks_exact(dims)) {
            *distance = distance.min(squared_distance(row, centre));
        }
    }
    let mut labels = vec![usize::MAX; items];
    for _ in 0..ROUNDS {
        let mut moved = false;
        let mut sums = vec![0.0; components * dims];
        let mut counts = vec![0.0; components];
        for (label, row) in labels.iter_mut().zip(data.chunks_exact(dims)) {
            let mut best = (0, f64::INFINITY);
            for (k, centre) in centres.chunks_exact(dims).enumerate() {
                let distance = squared_distance(row, centre);
                if distance < best.1 {
                    best = (k, distance);
                }
            }
            moved |= std::mem::replace(label, best.0) != best.0;
            counts[best.0] += 1.0;
            sums[best.0 * dims..(best.0 + 1) * dims].iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        for ((centre, sum), count) in centres.chunks_exact_mut(dims).zip(sums.chunks_exact(dims)).zip(&counts) {
            if *count > 0.0 {
                centre.iter_mut().zip(sum).for_each(|(c, s)| *c = s / count);
            }
        }
        if !moved {
            break;
        }
    }
    (centres, labels)
}

pub(super) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}
