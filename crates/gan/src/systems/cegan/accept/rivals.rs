//! The remedies that CEGAN is compared with: the same classifier, the same number of updates, no generator.

use std::ops::Range;

use burn::tensor::{Tensor, TensorData};
use ganvas_data::{HostBatch, ItemShape, Loader, Sampling};
use ganvas_engine::accept::AcceptError;
use ganvas_engine::step::Step;
use ganvas_engine::system::{Batch, to_device};
use ganvas_metrics::classes::histogram;
use ganvas_nets::optim::Trained;
use ganvas_prob::stream::{Streams, uniforms};

use super::{BATCH, Bench, Best, EVERY};
use crate::systems::adversarial::indicators;
use crate::systems::cegan::Classifier;
use crate::systems::cegan::classifier::surprisal;

/// Largest shift, in pixels, and rotation, in degrees, of an augmented image.
const SHIFT: f32 = 2.0;
const TURN: f32 = 10.0;

/// What is done about rare classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing.
    None,
    /// Each item weighs as much as its class is rare.
    Weights,
    /// Rare items come as often as others.
    Oversampling,
    /// The same, shifted and turned.
    Augmentation,
}

impl Remedy {
    pub(super) const ALL: [Self; 4] = [Self::None, Self::Augmentation, Self::Oversampling, Self::Weights];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::None => "N",
            Self::Weights => "W",
            Self::Oversampling => "O",
            Self::Augmentation => "OA",
        }
    }
}

/// A classifier trained on from where it is, `updates` times in each of these steps, and the best of it by validation items.
pub(super) fn train(
    bench: &Bench,
    from: &Trained<Classifier>,
    remedy: Remedy,
    steps: Range<u64>,
    updates: usize,
) -> Result<Best, AcceptError> {
    let (dataset, streams) = (bench.dataset, bench.options.streams);
    let classes = dataset.class_names.len();
    let balanced = matches!(remedy, Remedy::Oversampling | Remedy::Augmentation);
    let sampling = if balanced { Sampling::Balanced } else { Sampling::Shuffled };
    let mut loader = Loader::by(sampling, dataset.clone(), BATCH, streams, steps.start * updates as u64, 1)?;
    let weights = match remedy {
        Remedy::Weights => {
            let labels = dataset.train.labels.clone().unwrap_or_default();
            let counts = histogram(&labels, classes).map_err(AcceptError::figure)?;
            counts.into_iter().map(|count| labels.len() as f32 / (classes as f32 * count.max(1) as f32)).collect()
        }
        _ => vec![1.0; classes],
    };
    let weights = Tensor::<1>::from_data(TensorData::new(weights, [classes]), &bench.device);
    let mut trained = from.clone();
    let mut best = Best::of(bench, trained.shown())?;
    for index in steps.clone() {
        let mut step = Step::new(&bench.options, index, &bench.device, false);
        for _ in 0..updates {
            let HostBatch { mut values, labels, step: at, .. } = loader.next()?;
            if remedy == Remedy::Augmentation {
                augment(&mut values, dataset.shape, &streams, at);
            }
            let labels: Vec<i64> = labels.unwrap_or_default().into_iter().map(i64::from).collect();
            let labels = Tensor::from_data(TensorData::new(labels.clone(), [labels.len()]), &bench.device);
            let items = to_device(values, dataset.shape, &bench.device);
            let batch = Batch { items, labels: None, other: None, shape: dataset.shape };
            let told = indicators(labels, classes);
            let each = (told.clone() * weights.clone().unsqueeze_dim::<2>(0)).sum_dim(1).squeeze_dim::<1>(1);
            let phase = step.phase("classifier");
            phase.update("classifier", &mut trained, &batch, |net, micro| {
                let surprisals = surprisal(net.forward(micro.batch.items.clone(), micro.pass()), told.clone());
                (surprisals * each.clone()).sum() / each.clone().sum()
            });
        }
        step.finish().map_err(|refused| refused.at(index))?;
        if (index + 1 - steps.start).is_multiple_of(EVERY) || index + 1 == steps.end {
            best.look(bench, trained.shown())?;
        }
    }
    Ok(best)
}

/// Shifts and turns each image by a draw of its own; black comes in from outside.
fn augment(values: &mut [f32], shape: ItemShape, streams: &Streams, step: u64) {
    let [_, height, width] = shape.planes();
    let draws = uniforms(&mut streams.rng("augment", step), 3 * values.len() / shape.len().max(1));
    for (item, draw) in values.chunks_exact_mut(shape.len()).zip(draws.as_chunks::<3>().0) {
        let [right, down, turn] = draw.map(|u| 2.0 * u - 1.0);
        let (sin, cos) = (turn * TURN).to_radians().sin_cos();
        let before = item.to_vec();
        let centre = [(height as f32 - 1.0) / 2.0, (width as f32 - 1.0) / 2.0];
        for (i, value) in item.iter_mut().enumerate() {
            let (plane, at) = (i / (height * width), i % (height * width));
            // Where the pixel comes from: turned back around the centre, then shifted back.
            let [y, x] = [(at / width) as f32 - centre[0], (at % width) as f32 - centre[1]];
            let y_from = cos * y - sin * x + centre[0] - down * SHIFT;
            let x_from = sin * y + cos * x + centre[1] - right * SHIFT;
            *value = between(&before[plane * height * width..][..height * width], [height, width], y_from, x_from);
        }
    }
}

/// The value between four pixels; -1 outside.
fn between(plane: &[f32], [height, width]: [usize; 2], y: f32, x: f32) -> f32 {
    let pixel = |y: f32, x: f32| {
        let inside = y >= 0.0 && x >= 0.0 && y < height as f32 && x < width as f32;
        if inside { plane[y as usize * width + x as usize] } else { -1.0 }
    };
    let (top, left) = (y.floor(), x.floor());
    let (down, right) = (y - top, x - left);
    let row = |y: f32| (1.0 - right) * pixel(y, left) + right * pixel(y, left + 1.0);
    (1.0 - down) * row(top) + down * row(top + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_between_pixels_is_their_weighted_mean() {
        let plane = [0.0, 1.0, 0.5, -0.5];
        assert_eq!(between(&plane, [2, 2], 1.0, 0.0), 0.5);
        assert_eq!(between(&plane, [2, 2], 0.0, 0.25), 0.25);
        assert_eq!(between(&plane, [2, 2], 0.5, 0.5), 0.25);
        assert_eq!(between(&plane, [2, 2], -0.5, 1.0), 0.0, "half of it is outside: (1 - 1) / 2");
    }

    /// The mass of a spot in the middle stays, up to what turning smears, and its centre moves by no more than the shift.
    #[test]
    fn an_image_is_moved_a_little() {
        let shape = ItemShape::Image { channels: 1, height: 9, width: 9 };
        let mut values = vec![-1.0; 81 * 50];
        for item in values.chunks_exact_mut(81) {
            item[40] = 1.0;
        }
        augment(&mut values, shape, &Streams::new(1), 0);
        let mut moved = 0;
        for item in values.chunks_exact(81) {
            let mass: f32 = item.iter().map(|x| x + 1.0).sum();
            assert!((mass - 2.0).abs() < 0.7, "{mass}");
            let of = |f: &dyn Fn(usize) -> usize| {
                item.iter().enumerate().map(|(i, x)| (x + 1.0) * f(i) as f32).sum::<f32>() / mass - 4.0
            };
            let (down, right) = (of(&|i| i / 9), of(&|i| i % 9));
            assert!(down.abs() < 2.5 && right.abs() < 2.5, "{down}, {right}");
            moved += usize::from(down.abs() > 0.5 || right.abs() > 0.5);
        }
        assert!(moved > 30, "{moved}");
    }
}
