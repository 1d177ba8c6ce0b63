//! Reference classifiers: small networks trained on real data only, frozen and shipped with the crate.
//!
//! Their hidden units are the features that figures such as the Frechet distance rest on, their decisions the classes. A
//! figure on them carries the classifier's [label](Extractor::label), such as `mnist-cnn-v1`, and compares with others of
//! the same label only.
//!
//! | name | input | features | trained on |
//! | --- | --- | --- | --- |
//! | `digits` | `[1, 8, 8]` | 64 | handwritten digits, 8x8 (UCI, 1,797 items) |
//! | `mnist` | `[1, 28, 28]` | 64 | MNIST |
//! | `fashion-mnist` | `[1, 28, 28]` | 64 | Fashion-MNIST |
//! | `emoji` | `[3, 64, 64]` | 128 | emoji in three styles: category (the class), subcategory, style and skin tone at once |
//!
//! # Resize
//! Where the input has one channel, colour becomes grey by the luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B; where it
//! has three, grey becomes three equal channels, and each channel is resized alone. An image of another size than the
//! input is brought to it by averaging tiles where height and width are both multiples of the input's side, and
//! otherwise by bilinear interpolation between pixel centres at half numbers (`align_corners = false`), without
//! smoothing before.

mod net;
mod train;
mod weights;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use ganvas_nets::init::{Init, Initializer};
use ganvas_prob::stream::Streams;

use crate::resize::to_squares;
use crate::{Features, Images, MetricError};

use net::Net;
pub use train::{Labelled, TrainProgress, train_extractor};
pub use weights::{Card, checksum_line, sha256};

/// Version of architecture and training; a change of either gives other features under another label.
const VERSION: u32 = 1;

/// Images that go through the network at a time.
const BATCH: usize = 256;

/// What is fixed about a reference classifier.
#[derive(Debug)]
struct Spec {
    name: &'static str,
    /// Of the images: 1 or 3.
    channels: usize,
    /// Of the images, in pixels.
    side: usize,
    /// Channels of the first two convolutions.
    convolutions: [usize; 2],
    /// Channels of those that follow.
    deeper: &'static [usize],
    /// Hidden units: the features.
    units: usize,
    /// What it tells of an image, the class first.
    tasks: &'static [Task],
    epochs: usize,
    weights: &'static [u8],
}

/// Something that a classifier tells of an image.
#[derive(Debug)]
struct Task {
    name: &'static str,
    classes: usize,
}

/// The classifiers, by the data set that they are trained on.
static SPECS: [Spec; 4] = [
    Spec { side: 8, epochs: 40, ..Spec::grey("digits", include_bytes!("../weights/digits.safetensors")) },
    Spec { epochs: 4, ..Spec::grey("mnist", include_bytes!("../weights/mnist.safetensors")) },
    Spec { epochs: 8, ..Spec::grey("fashion-mnist", include_bytes!("../weights/fashion-mnist.safetensors")) },
    Spec {
        name: "emoji",
        channels: 3,
        side: 64,
        convolutions: [16, 32],
        deeper: &[64, 64],
        units: 128,
        tasks: &[
            Task { name: "category", classes: 8 },
            Task { name: "subcategory", classes: 95 },
            Task { name: "style", classes: 3 },
            Task { name: "skin_tone", classes: 3 },
        ],
        epochs: 15,
        weights: include_bytes!("../weights/emoji.safetensors"),
    },
];

impl Spec {
    /// Of grey images of 28 x 28 pixels in ten classes.
    const fn grey(name: &'static str, weights: &'static [u8]) -> Self {
        Self {
            name,
            channels: 1,
            side: 28,
            convolutions: [16, 32],
            deeper: &[],
            units: 64,
            tasks: &[Task { name: "class", classes: 10 }],
            epochs: 1,
            weights,
        }
    }

    fn find(name: &str) -> Result<&'static Self, MetricError> {
        SPECS.iter().find(|spec| spec.name == name).ok_or_else(|| MetricError::UnknownExtractor {
            name: name.to_owned(),
            known: Extractor::names().join(", "),
        })
    }

    fn net(&self, seed: u64, device: &Device) -> Net {
        let mut init = Init::new(&Streams::new(seed), "extractor", Initializer::He, device);
        Net::new(self, &mut init)
    }

    /// The number of classes: those of the first task.
    fn classes(&self) -> usize {
        self.tasks.first().map_or(0, |task| task.classes)
    }
}

/// Name of the reference classifier for a data set, if there is one.
///
/// ```
/// use ganvas_metrics::extractor::extractor_for;
/// assert_eq!(extractor_for("mnist"), Some("mnist"));
/// assert_eq!(extractor_for("ring8"), None);
/// ```
pub fn extractor_for(dataset_id: &str) -> Option<&'static str> {
    SPECS.iter().map(|spec| spec.name).find(|name| *name == dataset_id)
}

/// What the reference classifier called `name` tells of an image, in the order of [`Labelled::labels`], the class first.
///
/// ```
/// use ganvas_metrics::extractor::tasks;
/// assert_eq!(tasks("mnist")?, ["class"]);
/// assert_eq!(tasks("emoji")?, ["category", "subcategory", "style", "skin_tone"]);
/// # Ok::<(), ganvas_metrics::MetricError>(())
/// ```
///
/// # Errors
/// If there is no such classifier.
pub fn tasks(name: &str) -> Result<Vec<&'static str>, MetricError> {
    Ok(Spec::find(name)?.tasks.iter().map(|task| task.name).collect())
}

/// A reference classifier, on a device without autodiff.
#[derive(Clone, Debug)]
pub struct Extractor {
    spec: &'static Spec,
    card: Card,
    net: Net,
    device: Device,
}

impl Extractor {
    /// The names of all reference classifiers.
    pub fn names() -> Vec<&'static str> {
        SPECS.iter().map(|spec| spec.name).collect()
    }

    /// The classifier called `name` with the weights that ship with this crate, on `device` (or, where that tracks
    /// gradients, on the one below).
    ///
    /// # Errors
    /// If there is no such classifier, or this build has no weights for it.
    pub fn load(name: &str, device: &Device) -> Result<Self, MetricError> {
        let spec = Spec::find(name)?;
        if spec.weights.is_empty() {
            return Err(MetricError::NoWeights { name: name.to_owned() });
        }
        Self::from_safetensors(name, spec.weights, device)
    }

    /// The classifier called `name` with the weights that [`to_safetensors`](Self::to_safetensors) wrote.
    ///
    /// # Errors
    /// If there is no such classifier, or the weights are not of it.
    pub fn from_safetensors(name: &str, bytes: &[u8], device: &Device) -> Result<Self, MetricError> {
        let spec = Spec::find(name)?;
        let device = device.clone().without_autodiff();
        let (card, net) = weights::read(spec, bytes, &device)?;
        Ok(Self { spec, card, net: net.no_grad(), device })
    }

    /// The weights as a safetensors file with its [`Card`]: the same bytes for the same weights.
    ///
    /// # Errors
    /// If the device does not give back its values.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, MetricError> {
        weights::write(self.spec, &self.card, &self.net)
    }

    /// Its name, which is the id of the data set that it is trained on.
    pub fn name(&self) -> &'static str {
        self.spec.name
    }

    /// What a figure on its features is marked with, such as `mnist-cnn-v1`.
    pub fn label(&self) -> String {
        weights::label(self.spec)
    }

    /// The number of classes.
    pub fn classes_count(&self) -> usize {
        self.spec.classes()
    }

    /// The number of features.
    pub fn units(&self) -> usize {
        self.spec.units
    }

    /// Side of the images that it takes, in pixels.
    pub fn side(&self) -> usize {
        self.spec.side
    }

    /// How it was trained and how good it is.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Share of the test images that it classifies rightly, in [0, 1].
    pub fn accuracy(&self) -> f64 {
        self.card.accuracy()
    }

    /// What it tells of an image and the share of the test images of which it tells that rightly, in [0, 1]; the class
    /// first.
    pub fn accuracies(&self) -> Vec<(&'static str, f64)> {
        let others = |name| self.card.also_correct.get(name).copied().unwrap_or(0);
        let correct = |(i, task): (usize, &Task)| if i == 0 { self.card.n_correct } else { others(task.name) };
        let share = |correct: usize| correct as f64 / self.card.n_test.max(1) as f64;
        self.spec.tasks.iter().enumerate().map(|task| (task.1.name, share(correct(task)))).collect()
    }

    /// The hidden units after the rectifier, zero or more. An image's features depend on no other image.
    ///
    /// # Errors
    /// If the images are not whole, not finite, or of other than 1 or 3 channels.
    pub fn features(&self, images: &Images) -> Result<Features, MetricError> {
        let values = self.run(images, |net, x| net.features(x))?;
        Ok(Features { dims: self.spec.units, values })
    }

    /// The logits of the classes.
    ///
    /// # Errors
    /// As [`features`](Self::features).
    pub fn logits(&self, images: &Images) -> Result<Features, MetricError> {
        let classes = self.spec.classes();
        let values = self.run(images, |net, x| net.logits(net.features(x)).narrow(1, 0, classes))?;
        Ok(Features { dims: classes, values })
    }

    /// [`features`](Self::features) and [`logits`](Self::logits) by one pass.
    ///
    /// # Errors
    /// As [`features`](Self::features).
    pub fn features_and_logits(&self, images: &Images) -> Result<(Features, Features), MetricError> {
        let (units, classes) = (self.spec.units, self.spec.classes());
        let both = self.run(images, |net, x| {
            let features = net.features(x);
            Tensor::cat(vec![features.clone(), net.logits(features).narrow(1, 0, classes)], 1)
        })?;
        let (mut features, mut logits) = (Vec::new(), Vec::new());
        for row in both.chunks_exact(units + classes) {
            features.extend_from_slice(&row[..units]);
            logits.extend_from_slice(&row[units..]);
        }
        Ok((Features { dims: units, values: features }, Features { dims: classes, values: logits }))
    }

    /// The activations of each layer after its rectifier.
    pub(crate) fn layers(&self, images: &Images) -> Result<Vec<Layer>, MetricError> {
        // `[channels, values]` of each layer.
        let mut sizes: Vec<[usize; 2]> = Vec::new();
        let all = self.run(images, |net, x| {
            let layers = net.layers(x);
            sizes = layers.iter().map(|layer| [layer.dims()[1], layer.dims()[1..].iter().product()]).collect();
            Tensor::cat(layers.into_iter().map(|layer| layer.flatten(1, 3)).collect(), 1)
        })?;
        let row: usize = sizes.iter().map(|[_, values]| values).sum();
        let starts = sizes.iter().scan(0, |start, [_, values]| Some(std::mem::replace(start, *start + values)));
        let layer = |([channels, size], start): ([usize; 2], usize)| {
            let values = all.chunks_exact(row).flat_map(|item| &item[start..start + size]).copied().collect();
            Layer { channels, features: Features { dims: size, values } }
        };
        Ok(sizes.iter().copied().zip(starts).map(layer).collect())
    }

    /// The class of the largest logit, for each image.
    ///
    /// # Errors
    /// As [`features`](Self::features).
    pub fn classes(&self, images: &Images) -> Result<Vec<u32>, MetricError> {
        Ok(labels(&self.logits(images)?))
    }

    fn run(&self, images: &Images, mut f: impl FnMut(&Net, Tensor<4>) -> Tensor<2>) -> Result<Vec<f32>, MetricError> {
        images.check("image")?;
        let n = images.len();
        let mut values = Vec::new();
        for from in (0..n).step_by(BATCH) {
            let to = (from + BATCH).min(n);
            let squares = to_squares(images, from, to, self.spec.channels, self.spec.side)?;
            let x = tensor(squares, self.spec, &self.device);
            let y = f(&self.net, x).into_data().try_into_vec_as::<f32>();
            values.extend(y.map_err(|error| MetricError::Device { reason: error.to_string() })?);
        }
        Ok(values)
    }
}

/// Activations of images on one layer.
pub(crate) struct Layer {
    pub channels: usize,
    /// `[n, channels * places]`.
    pub features: Features,
}

fn tensor(squares: Vec<f32>, spec: &Spec, device: &Device) -> Tensor<4> {
    let &Spec { channels, side, .. } = spec;
    let n = squares.len() / (channels * side * side);
    Tensor::from_data(TensorData::new(squares, [n, channels, side, side]), device)
}

/// The class of the largest logit in each row.
pub fn labels(logits: &Features) -> Vec<u32> {
    logits.values.chunks_exact(logits.dims).map(largest).collect()
}

fn largest(logits: &[f32]) -> u32 {
    let best = logits.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (class, &logit)| {
        if logit > best.1 { (class as u32, logit) } else { best }
    });
    best.0
}

#[cfg(test)]
mod tests;
