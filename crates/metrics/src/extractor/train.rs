use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use ganvas_nets::optim::{OptimizerConfig, Trained};
use ganvas_prob::stream::{Streams, permutation};
use sha2::{Digest, Sha256};

use super::weights::{hex, label};
use super::{Card, Extractor, Net, Spec, tensor};
use crate::items::check_labels;
use crate::resize::to_grey_squares;
use crate::{Images, MetricError};

const BATCH: usize = 128;
const RATE: f64 = 1e-3;

/// How far the training of a reference classifier is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainProgress {
    /// Updates done, from 1.
    pub step: usize,
    /// Updates in all.
    pub steps: usize,
    /// Cross-entropy of the last batch, in nats.
    pub loss: f64,
}

/// Trains the reference classifier called `name` on real images and measures its accuracy on others.
///
/// Adam (1e-3, betas 0.9 and 0.999) on batches of 128, the rate falling linearly to zero. Weights and order come from
/// `seed`; on a deterministic device the result is the same bit for bit. `progress` is called after each update.
///
/// # Errors
/// If there is no such classifier, images or labels are missing or wrong, or the loss is no longer finite.
#[allow(clippy::too_many_arguments, reason = "two labelled sets, and what every training takes")]
pub fn train_extractor(
    name: &str,
    train: &Images,
    train_labels: &[u32],
    test: &Images,
    test_labels: &[u32],
    seed: u64,
    device: &Device,
    progress: &mut dyn FnMut(TrainProgress),
) -> Result<Extractor, MetricError> {
    let spec = Spec::find(name)?;
    for (set, images, labels) in [("training", train, train_labels), ("test", test, test_labels)] {
        images.check(set)?;
        check_labels(labels, images.len(), spec.classes, set)?;
        if images.is_empty() {
            return Err(MetricError::TooFew { set, needed: 1, got: 0 });
        }
    }
    let net = fit(spec, train, train_labels, seed, device, progress)?;
    let card = Card {
        label: label(spec),
        data: fingerprint([(train, train_labels), (test, test_labels)]),
        n_train: train.len(),
        n_test: test.len(),
        n_correct: 0,
        seed,
        epochs: spec.epochs,
    };
    let plain = device.clone().without_autodiff();
    let mut extractor = Extractor { spec, card, net: net.valid().no_grad(), device: plain };
    let classes = extractor.classes(test)?;
    extractor.card.n_correct = classes.iter().zip(test_labels).filter(|(class, label)| class == label).count();
    Ok(extractor)
}

fn fit(
    spec: &Spec,
    images: &Images,
    labels: &[u32],
    seed: u64,
    device: &Device,
    progress: &mut dyn FnMut(TrainProgress),
) -> Result<Net, MetricError> {
    let device = device.clone().autodiff();
    let streams = Streams::new(seed);
    let n = images.len();
    let squares = to_grey_squares(images, 0, n, spec.side)?;
    let mut trained = Trained::new(spec.net(seed, &device), OptimizerConfig::adam(RATE, 0.9));
    let steps = spec.epochs * n.div_ceil(BATCH);
    let mut step = 0;
    for epoch in 0..spec.epochs {
        let order = permutation(&mut streams.rng("extractor/shuffle", epoch as u64), n);
        for batch in order.chunks(BATCH) {
            let size = spec.side * spec.side;
            let pixels = batch.iter().flat_map(|&i| &squares[i * size..(i + 1) * size]).copied().collect();
            let targets: Vec<i64> = batch.iter().map(|&i| labels[i].into()).collect();
            let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [batch.len(), 1]), &device);
            let logits = trained.net.logits(trained.net.features(tensor(pixels, spec.side, &device)));
            let loss = log_softmax(logits, 1).gather(1, targets).mean().neg();
            let value = loss.clone().into_scalar::<f64>();
            if !value.is_finite() {
                return Err(MetricError::Diverged { name: spec.name.to_owned(), step });
            }
            let gradients = trained.gradients(loss);
            trained.apply(gradients, 1.0 - step as f64 / steps as f64);
            step += 1;
            progress(TrainProgress { step, steps, loss: value });
        }
    }
    Ok(trained.net)
}

/// See [`Card::data`].
fn fingerprint(sets: [(&Images, &[u32]); 2]) -> String {
    let mut hash = Sha256::new();
    for (images, labels) in sets {
        for size in [images.len(), images.channels, images.height, images.width] {
            hash.update((size as u64).to_le_bytes());
        }
        let bytes: Vec<u8> = images.values.iter().map(|x| ((x + 1.0) * 127.5).round() as u8).collect();
        hash.update(&bytes);
        labels.iter().for_each(|label| hash.update(label.to_le_bytes()));
    }
    hex(&hash.finalize())
}
