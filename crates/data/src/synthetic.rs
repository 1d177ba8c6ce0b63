//! The two-dimensional mixtures on which mode collapse is seen: `ring8` and `grid25`.
//!
//! Isotropic Gaussians with equal weights; the label is the mode. The points come from a seed of their own, so that the
//! data set (and its fingerprint) is the same in every run.

use ganvas_prob::stream::{StreamRng, Streams, normals, uniforms};

use crate::dataset::{Dataset, ItemShape, Split, Values};
use crate::{DataError, Entry};

/// Seed of the points; not that of a run.
const SEED: u64 = 20_140_610;

/// The number of points to train on, of each mixture.
pub(crate) const TRAIN: usize = 50_000;
/// The number of points held out, of each mixture.
pub(crate) const TEST: usize = 10_000;

/// A mixture of equally likely isotropic Gaussians in the plane.
#[derive(Clone, Debug, PartialEq)]
pub struct Modes {
    /// The means; a point's label is an index into them.
    pub centres: Vec<[f32; 2]>,
    /// Standard deviation of each coordinate around its mean.
    pub sd: f32,
    /// Distance between neighbouring means.
    pub spacing: f32,
}

/// The mixture behind a data set of points; `None` for every other data set.
///
/// ```
/// let ring = ganvas_data::modes("ring8").unwrap();
/// assert_eq!((ring.centres.len(), ring.sd), (8, 0.02));
/// assert!((ring.spacing - 0.765).abs() < 1e-3);
/// let grid = ganvas_data::modes("grid25").unwrap();
/// assert_eq!(grid.centres.len(), 25);
/// assert!((grid.spacing - 0.707).abs() < 1e-3);
/// assert!(ganvas_data::modes("mnist").is_none());
/// ```
pub fn modes(id: &str) -> Option<Modes> {
    match id {
        // Radius 1, standard deviation 0.02. The centres are written out, since sine and cosine differ between
        // platforms in their last bit and the points must not.
        "ring8" => {
            let h = std::f32::consts::FRAC_1_SQRT_2;
            let centres = vec![[1.0, 0.0], [h, h], [0.0, 1.0], [-h, h], [-1.0, 0.0], [-h, -h], [0.0, -1.0], [h, -h]];
            // 2 sin(pi/8)
            Some(Modes { centres, sd: 0.02, spacing: 0.765_366_9 })
        }
        // Spacing 2, standard deviation 0.05, everything divided by 2.828.
        "grid25" => {
            let at = |i: usize| ((i as f64 - 2.0) * 2.0 / 2.828) as f32;
            let centres = (0..25).map(|mode| [at(mode % 5), at(mode / 5)]).collect();
            Some(Modes { centres, sd: (0.05 / 2.828) as f32, spacing: (2.0 / 2.828) as f32 })
        }
        _ => None,
    }
}

/// The data set of a mixture.
pub(crate) fn dataset(entry: &Entry, modes: &Modes) -> Result<Dataset, DataError> {
    let streams = Streams::new(SEED).fork(entry.id);
    let train = draw(&mut streams.rng("points", 0), modes, TRAIN);
    let test = draw(&mut streams.rng("points", 1), modes, TEST);
    let class_names = entry.class_names.iter().map(|&name| name.to_owned()).collect();
    Dataset::new(entry.id, entry.title, ItemShape::Points { dims: 2 }, class_names, train, test, entry.attribution)
}

fn draw(rng: &mut StreamRng, modes: &Modes, n: usize) -> Split {
    let count = modes.centres.len();
    let labels: Vec<u32> =
        uniforms(rng, n).into_iter().map(|u| ((u * count as f32) as usize).min(count - 1) as u32).collect();
    let mut values = normals(rng, 2 * n);
    for (point, &label) in values.chunks_exact_mut(2).zip(&labels) {
        let centre = modes.centres[label as usize];
        point.iter_mut().zip(centre).for_each(|(x, mean)| *x = mean + modes.sd * *x);
    }
    Split { values: Values::F32(values), labels: Some(labels), len: n }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_centres_are_one_spacing_apart() {
        for id in ["ring8", "grid25"] {
            let modes = modes(id).unwrap();
            for (i, a) in modes.centres.iter().enumerate() {
                let nearest = modes
                    .centres
                    .iter()
                    .enumerate()
                    .filter(|&(j, _)| j != i)
                    .map(|(_, b)| (a[0] - b[0]).hypot(a[1] - b[1]))
                    .fold(f32::INFINITY, f32::min);
                assert!((nearest - modes.spacing).abs() < 1e-6, "{id} {i}: {nearest}");
            }
        }
    }

    /// Mode counts are binomial, offsets have standard deviation `sd`: five standard errors each.
    #[test]
    fn points_lie_around_the_centre_of_their_label() {
        for id in ["ring8", "grid25"] {
            let modes = modes(id).unwrap();
            let n = 100_000;
            let split = draw(&mut Streams::new(1).rng("points", 0), &modes, n);
            let (Values::F32(values), Some(labels)) = (&split.values, &split.labels) else { panic!("not points") };
            let mut counts = vec![0_usize; modes.centres.len()];
            let (mut sum, mut squares) = (0.0_f64, 0.0_f64);
            for (point, &label) in values.chunks_exact(2).zip(labels) {
                counts[label as usize] += 1;
                for (x, mean) in point.iter().zip(modes.centres[label as usize]) {
                    let offset = f64::from(x - mean) / f64::from(modes.sd);
                    sum += offset;
                    squares += offset * offset;
                }
            }
            let draws = 2.0 * n as f64;
            assert!((sum / draws).abs() < 5.0 / draws.sqrt(), "{id}: mean {}", sum / draws);
            assert!((squares / draws - 1.0).abs() < 5.0 * (2.0 / draws).sqrt(), "{id}: variance {}", squares / draws);
            let p = 1.0 / counts.len() as f64;
            let error = 5.0 * (n as f64 * p * (1.0 - p)).sqrt();
            assert!(counts.iter().all(|&c| (c as f64 - n as f64 * p).abs() < error), "{id}: {counts:?}");
        }
    }
}
