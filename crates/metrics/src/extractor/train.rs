use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use ganvas_nets::optim::{OptimizerConfig, Trained};
use ganvas_prob::stream::{Streams, permutation};
use sha2::{Digest, Sha256};

use super::weights::{hex, label};
use super::{Card, Extractor, Net, Spec, largest, tensor};
use crate::items::check_labels;
use crate::resize::to_squares;
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
    /// Cross-entropy of the last batch, in nats, summed over the tasks.
    pub loss: f64,
}

/// Images, and what is to be told of each.
#[derive(Clone, Debug)]
pub struct Labelled<'a> {
    /// The images.
    pub images: &'a Images,
    /// For each of the classifier's [`tasks`](super::tasks) the label of each image.
    pub labels: Vec<&'a [u32]>,
}

impl Labelled<'_> {
    fn check(&self, set: &'static str, spec: &Spec) -> Result<(), MetricError> {
        self.images.check(set)?;
        if self.images.is_empty() {
            return Err(MetricError::TooFew { set, needed: 1, got: 0 });
        }
        if self.labels.len() != spec.tasks.len() {
            return Err(MetricError::Tasks { set, got: self.labels.len(), expected: spec.tasks.len() });
        }
        let mut pairs = self.labels.iter().zip(spec.tasks);
        pairs.try_for_each(|(labels, task)| check_labels(labels, self.images.len(), task.classes, set))
    }
}

/// Trains the reference classifier called `name` on real images and measures its accuracy on others.
///
/// Adam (1e-3, betas 0.9 and 0.999) on batches of 128, the rate falling linearly to zero; the loss is the sum of the tasks'
/// cross-entropies. Weights and order come from `seed`; on a deterministic device the result is the same bit for bit.
/// `progress` is called after each update.
///
/// # Errors
/// If there is no such classifier, images or labels are missing or wrong, or the loss is no longer finite.
pub fn train_extractor(
    name: &str,
    train: &Labelled,
    test: &Labelled,
    seed: u64,
    device: &Device,
    progress: &mut dyn FnMut(TrainProgress),
) -> Result<Extractor, MetricError> {
    let spec = Spec::find(name)?;
    train.check("training", spec)?;
    test.check("test", spec)?;
    let net = fit(spec, train, seed, device, progress)?;
    let card = Card {
        label: label(spec),
        data: fingerprint([train, test]),
        n_train: train.images.len(),
        n_test: test.images.len(),
        n_correct: 0,
        also_correct: Default::default(),
        seed,
        epochs: spec.epochs,
    };
    let plain = device.clone().without_autodiff();
    let mut extractor = Extractor { spec, card, net: net.valid().no_grad(), device: plain };
    let logits = extractor.run(test.images, |net, x| net.logits(net.features(x)))?;
    let mut correct = vec![0; spec.tasks.len()];
    for (image, mut logits) in logits.chunks_exact(logits.len() / test.images.len()).enumerate() {
        for ((task, labels), correct) in spec.tasks.iter().zip(&test.labels).zip(&mut correct) {
            let (own, others) = logits.split_at(task.classes);
            *correct += usize::from(largest(own) == labels[image]);
            logits = others;
        }
    }
    let mut told = spec.tasks.iter().map(|task| task.name.to_owned()).zip(correct);
    extractor.card.n_correct = told.next().map_or(0, |(_, correct)| correct);
    extractor.card.also_correct = told.collect();
    Ok(extractor)
}

fn fit(
    spec: &Spec,
    train: &Labelled,
    seed: u64,
    device: &Device,
    progress: &mut dyn FnMut(TrainProgress),
) -> Result<Net, MetricError> {
    let device = device.clone().autodiff();
    let streams = Streams::new(seed);
    let n = train.images.len();
    let squares = to_squares(train.images, 0, n, spec.channels, spec.side)?;
    let mut trained = Trained::new(spec.net(seed, &device), OptimizerConfig::adam(RATE, 0.9));
    let steps = spec.epochs * n.div_ceil(BATCH);
    let mut step = 0;
    for epoch in 0..spec.epochs {
        let order = permutation(&mut streams.rng("extractor/shuffle", epoch as u64), n);
        for batch in order.chunks(BATCH) {
            let size = spec.channels * spec.side * spec.side;
            let pixels = batch.iter().flat_map(|&i| &squares[i * size..(i + 1) * size]).copied().collect();
            let logits = trained.net.logits(trained.net.features(tensor(pixels, spec, &device)));
            let mut from = 0;
            let losses = spec.tasks.iter().zip(&train.labels).map(|(task, labels)| {
                let targets: Vec<i64> = batch.iter().map(|&i| labels[i].into()).collect();
                let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [batch.len(), 1]), &device);
                let own = logits.clone().narrow(1, from, task.classes);
                from += task.classes;
                log_softmax(own, 1).gather(1, targets).mean().neg()
            });
            let Some(loss) = losses.reduce(|sum, loss| sum + loss) else { break };
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
fn fingerprint(sets: [&Labelled; 2]) -> String {
    let mut hash = Sha256::new();
    for Labelled { images, labels } in sets {
        for size in [images.len(), images.channels, images.height, images.width] {
            hash.update((size as u64).to_le_bytes());
        }
        let bytes: Vec<u8> = images.values.iter().map(|x| ((x + 1.0) * 127.5).round() as u8).collect();
        hash.update(&bytes);
        labels.iter().copied().flatten().for_each(|label| hash.update(label.to_le_bytes()));
    }
    hex(&hash.finalize())
}
