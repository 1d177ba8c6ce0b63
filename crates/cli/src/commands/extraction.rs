//! What makes features of items, a few items at a time: they are made, seen and dropped, and only features stay.

use std::ops::Range;

use burn::tensor::Device;
use ganvas_data::{Dataset, ImageFolder, ItemShape, Split};
use ganvas_engine::config::DataConfig;
use ganvas_engine::session::sample_range;
use ganvas_engine::system::Model;
use ganvas_metrics::baseline::independent_image;
use ganvas_metrics::extractor::{extractor_for, sha256};
use ganvas_metrics::inception::{self, Inception, Resize};
use ganvas_metrics::{Extractor, Features, Images, MetricError};
use ganvas_prob::stream::{Streams, permutation};

use super::cache::Cache;
use super::measures::{ON_ANSWERS, ON_FEATURES};
use crate::args::MeasuringArgs;
use crate::error::CliError;
use crate::progress::Stages;

/// Items that the cache keeps in a file. Real items are always seen in whole blocks, so that a feature is the same to
/// the last bit however many are asked for.
pub const BLOCK: usize = 200;
/// Values of images that are held at a time, unless one image has more.
pub const HELD: usize = 1 << 24;
/// The order of the real items, and the baseline, have this seed whatever the run's: runs are measured on the same items.
const SEED: u64 = 0;

/// What makes features of items. A further network is a further variant, and its arms are all that it needs.
pub enum Extraction {
    /// Values as they are.
    Raw,
    /// A reference classifier.
    Classifier(Box<Extractor>),
    /// The network of the Frechet inception distance.
    Inception(Box<Inception>, Resize),
}

impl Extraction {
    /// The classifier of this name.
    pub fn classifier(name: &str, device: &Device) -> Result<Self, MetricError> {
        Ok(Self::Classifier(Box::new(Extractor::load(name, device)?)))
    }

    /// The Inception network, where its weights were given.
    pub fn inception(how: &MeasuringArgs, device: &Device) -> Result<Option<Self>, MetricError> {
        let open = |path| Ok(Self::Inception(Box::new(Inception::open(path, device)?), how.resize.into()));
        how.inception.as_deref().map(open).transpose()
    }

    /// What samples of these data are measured on: the Inception network where its weights were given, otherwise the
    /// data's own classifier or the nearest to it; points as they are.
    pub fn of(data: &DataConfig, how: &MeasuringArgs, device: &Device) -> Result<Self, CliError> {
        match (data.shape, Self::inception(how, device)?) {
            (ItemShape::Image { .. }, Some(inception)) => Ok(inception),
            (ItemShape::Image { channels, .. }, None) => {
                Ok(Self::classifier(classifier_for(&data.id, channels), device)?)
            }
            (_, None) => Ok(Self::Raw),
            (_, Some(_)) => {
                let message = format!("`{}` holds no images, which Inception sees", data.id);
                Err(CliError::usage(message, "leave out --inception"))
            }
        }
    }

    /// What can be measured on it.
    pub fn words(&self) -> Vec<&'static str> {
        match self {
            Self::Raw => ON_FEATURES.to_vec(),
            Self::Classifier(_) => [&ON_FEATURES[..], &ON_ANSWERS].concat(),
            // Shares of classes that the data do not have say nothing.
            Self::Inception(..) => [&ON_FEATURES[..], &ON_ANSWERS[..1]].concat(),
        }
    }

    /// The word of `--metrics` that another name for its figure stands for.
    pub fn word<'a>(&self, name: &'a str) -> &'a str {
        match (self, name) {
            (Self::Classifier(_), "ffd") | (Self::Inception(..), "fid") => "fd",
            (Self::Classifier(_), "ffd_infinity") | (Self::Inception(..), "fid_infinity") => "fd_infinity",
            (Self::Classifier(_), "fkd") => "kid",
            _ => name,
        }
    }

    /// The name of the figure that the word of `--metrics` asks for.
    pub fn figure(&self, word: &str) -> &'static str {
        match (self, word) {
            (Self::Raw, "fd") => "fd",
            (Self::Raw, "fd_infinity") => "fd_infinity",
            (Self::Raw, _) => "mmd2_cubic",
            (Self::Classifier(_), "fd") => "ffd",
            (Self::Classifier(_), "fd_infinity") => "ffd_infinity",
            (Self::Classifier(_), "is") => "classifier_score",
            (Self::Classifier(_), _) => "fkd",
            (Self::Inception(..), "fd") => "fid",
            (Self::Inception(..), "fd_infinity") => "fid_infinity",
            (Self::Inception(..), "is") => "inception_score",
            (Self::Inception(..), _) => "kid",
        }
    }

    /// What a figure is marked with. The side of images is named where it is not the extractor's own: real and generated
    /// images are both resized then, and figures of one side do not compare with those of another.
    pub fn label(&self, (height, width): (usize, usize)) -> String {
        match self {
            Self::Raw => "raw".into(),
            Self::Classifier(extractor) if (height, width) == (extractor.side(), extractor.side()) => extractor.label(),
            Self::Classifier(extractor) => format!("{}@{height}x{width}", extractor.label()),
            Self::Inception(_, resize) => format!("{}@{height}x{width}", Inception::label(*resize)),
        }
    }

    /// Features of an item that has so many values.
    pub fn dims(&self, values: usize) -> usize {
        match self {
            Self::Raw => values,
            Self::Classifier(extractor) => extractor.units(),
            Self::Inception(..) => inception::FEATURES,
        }
    }

    /// Classes that it tells apart.
    pub fn classes(&self) -> Option<usize> {
        match self {
            Self::Raw => None,
            Self::Classifier(extractor) => Some(extractor.classes_count()),
            Self::Inception(..) => Some(inception::CLASSES),
        }
    }

    /// Bytes that it takes itself, where they are many.
    pub fn memory(&self) -> u64 {
        match self {
            Self::Raw | Self::Classifier(_) => 0,
            // Weights as in the file and as they are used, and what a batch makes of itself.
            Self::Inception(..) => 600 << 20,
        }
    }

    /// What its features depend on beside the images; none where they are not worth keeping.
    pub fn identity(&self) -> Result<Option<String>, MetricError> {
        match self {
            Self::Raw => Ok(None),
            Self::Classifier(extractor) => {
                Ok(Some(format!("{} {}", extractor.label(), sha256(&extractor.to_safetensors()?))))
            }
            // Its weights are those of one file.
            Self::Inception(_, resize) => Ok(Some(Inception::label(*resize))),
        }
    }

    fn see(&self, images: Images) -> Result<Seen, MetricError> {
        match self {
            Self::Raw => {
                Ok(Seen { features: Features { dims: images.item_len(), values: images.values }, logits: None })
            }
            Self::Classifier(extractor) => {
                let (features, logits) = extractor.features_and_logits(&images)?;
                Ok(Seen { features, logits: Some(logits) })
            }
            Self::Inception(inception, resize) => {
                let (features, logits) = inception.features_and_logits(&in_levels(images), *resize)?;
                Ok(Seen { features, logits: Some(logits) })
            }
        }
    }
}

/// The name of the data's own classifier; failing that, the one that sees colour for coloured images, and that of MNIST.
pub fn classifier_for(data: &str, channels: usize) -> &'static str {
    extractor_for(data).unwrap_or(if channels == 3 { "emoji" } else { "mnist" })
}

/// Images rounded to the 256 levels that they are written with: the references measure files.
fn in_levels(mut images: Images) -> Images {
    for x in &mut images.values {
        *x = ((*x + 1.0) * 127.5).round().clamp(0.0, 255.0) / 127.5 - 1.0;
    }
    images
}

/// Items as features and, where a classifier made them, its logits.
pub struct Seen {
    pub features: Features,
    pub logits: Option<Features>,
}

impl Seen {
    pub fn len(&self) -> usize {
        self.features.len()
    }

    /// Sets that differ in the size of their items were refused before.
    fn append(&mut self, more: Self) {
        self.features.values.extend(more.features.values);
        if let (Some(all), Some(more)) = (&mut self.logits, more.logits) {
            all.values.extend(more.values);
        }
    }

    fn truncate(&mut self, n: usize) {
        for set in std::iter::once(&mut self.features).chain(&mut self.logits) {
            set.values.truncate(n * set.dims);
        }
    }
}

/// Items that are made when they are asked for.
pub trait Items {
    /// How many there are.
    fn len(&self) -> usize;

    /// `[channels, height, width]`; of channels, at most.
    fn planes(&self) -> [usize; 3];

    /// Those of these numbers.
    fn take(&self, range: Range<usize>) -> Result<Images, CliError>;

    /// How many are made at a time: a divisor of [`BLOCK`].
    fn part(&self) -> usize {
        let size: usize = self.planes().iter().product();
        [100, 10].into_iter().find(|n| n * size <= HELD).unwrap_or(1)
    }
}

/// The features of the first `n` items, or of all if there are fewer; with a cache, only of those that it does not have.
pub fn see(
    extraction: &Extraction,
    items: &dyn Items,
    n: usize,
    cache: Option<&Cache>,
    stages: &mut Stages,
) -> Result<Seen, CliError> {
    let n = n.min(items.len());
    let room = n.next_multiple_of(BLOCK).min(items.len());
    let set = |dims| Features { dims, values: Vec::with_capacity(room * dims) };
    let dims = extraction.dims(items.planes().iter().product());
    let mut all = Seen { features: set(dims), logits: extraction.classes().map(set) };
    for start in (0..n).step_by(BLOCK) {
        let range = start..(start + BLOCK).min(items.len());
        let kept = cache.and_then(|cache| cache.read(&range, [dims, extraction.classes().unwrap_or(0)], stages));
        match kept {
            Some(seen) => all.append(seen),
            None => {
                for from in range.clone().step_by(items.part()) {
                    let part = from..(from + items.part()).min(range.end);
                    all.append(extraction.see(items.take(part)?).map_err(|error| counted_from(from, error))?);
                    stages.at((from + items.part()).min(n));
                }
                if let Some(cache) = cache {
                    cache.write(&range, &all, stages);
                }
            }
        }
        stages.at(range.end.min(n));
    }
    all.truncate(n);
    Ok(all)
}

/// An error in a part, with the item counted over all.
fn counted_from(first: usize, error: MetricError) -> MetricError {
    match error {
        MetricError::NotFinite { set, item, position } => MetricError::NotFinite { set, item: first + item, position },
        error => error,
    }
}

/// Samples of a model.
pub struct Samples<'a> {
    pub model: &'a dyn Model,
    pub n: usize,
    pub planes: [usize; 3],
    pub streams: &'a Streams,
    pub device: &'a Device,
}

impl Items for Samples<'_> {
    fn len(&self) -> usize {
        self.n
    }

    fn planes(&self) -> [usize; 3] {
        self.planes
    }

    fn take(&self, range: Range<usize>) -> Result<Images, CliError> {
        Ok(Images::new(self.planes, sample_range(self.model, range, self.streams, self.device)))
    }

    /// What a model draws at a time.
    fn part(&self) -> usize {
        100
    }
}

/// A part of a data set, in an order that is always the same.
pub struct Ordered<'a> {
    split: &'a Split,
    planes: [usize; 3],
    order: Vec<usize>,
}

impl<'a> Ordered<'a> {
    /// `name` is that of the part.
    pub fn new(dataset: &'a Dataset, split: &'a Split, name: &str) -> Self {
        let order = permutation(&mut Streams::new(SEED).fork("features").rng(name, 0), split.len);
        Self { split, planes: dataset.shape.planes(), order }
    }

    /// The items of a class alone.
    pub fn of_class(dataset: &'a Dataset, split: &'a Split, name: &str, class: u32) -> Self {
        let mut all = Self::new(dataset, split, name);
        let is_of_class = |item: usize| split.labels.as_ref().is_some_and(|labels| labels[item] == class);
        all.order.retain(|&item| is_of_class(item));
        all
    }
}

impl Items for Ordered<'_> {
    fn len(&self) -> usize {
        self.order.len()
    }

    fn planes(&self) -> [usize; 3] {
        self.planes
    }

    fn take(&self, range: Range<usize>) -> Result<Images, CliError> {
        Ok(Images::new(self.planes, self.split.gather(&self.order[range])))
    }
}

/// Images of independent pixels, by the marginals of the training part: any number of them, always the same.
pub struct Pixels<'a> {
    pub dataset: &'a Dataset,
}

impl Items for Pixels<'_> {
    fn len(&self) -> usize {
        usize::MAX
    }

    fn planes(&self) -> [usize; 3] {
        self.dataset.shape.planes()
    }

    fn take(&self, range: Range<usize>) -> Result<Images, CliError> {
        let (train, size, streams) =
            (&self.dataset.train, self.dataset.shape.len(), Streams::new(SEED).fork("features"));
        let image = |i| independent_image(train.len, size, |item, place| train.value(item, place), i as u64, &streams);
        Ok(Images::new(self.planes(), range.flat_map(image).collect()))
    }
}

/// All items of a data set, both parts of it.
impl Items for Dataset {
    fn len(&self) -> usize {
        self.train.len + self.test.len
    }

    fn planes(&self) -> [usize; 3] {
        self.shape.planes()
    }

    fn take(&self, range: Range<usize>) -> Result<Images, CliError> {
        let n = self.train.len;
        let train: Vec<usize> = (range.start.min(n)..range.end.min(n)).collect();
        let test: Vec<usize> = (range.start.max(n) - n..range.end.max(n) - n).collect();
        let values = [self.train.gather(&train), self.test.gather(&test)].concat();
        Ok(Images::new(self.shape.planes(), values))
    }
}

/// The images of a folder.
pub struct Folder {
    pub images: ImageFolder,
    /// Channels that all are brought to; 1: those that are coloured, and others at the same time, have 3.
    pub channels: usize,
}

impl Items for Folder {
    fn len(&self) -> usize {
        self.images.len()
    }

    fn planes(&self) -> [usize; 3] {
        let (height, width) = self.images.size();
        [self.channels, height, width]
    }

    fn take(&self, range: Range<usize>) -> Result<Images, CliError> {
        let (height, width) = self.images.size();
        let (channels, values) = self.images.decode(range, self.channels)?;
        Ok(Images::new([channels, height, width], values))
    }
}

/// Images in memory.
impl Items for Images {
    fn len(&self) -> usize {
        Images::len(self)
    }

    fn planes(&self) -> [usize; 3] {
        [self.channels, self.height, self.width]
    }

    fn take(&self, range: Range<usize>) -> Result<Images, CliError> {
        let size = self.item_len();
        Ok(Images::new(self.planes(), self.values[range.start * size..range.end * size].to_vec()))
    }
}
