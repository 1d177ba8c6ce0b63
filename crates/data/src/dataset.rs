//! What a data set is: shape, values and labels of a training and a test part.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::DataError;

/// The shape of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ItemShape {
    /// An image, `[channels, height, width]`.
    Image {
        /// 1 (grey) or 3 (red, green, blue).
        channels: usize,
        /// In pixels.
        height: usize,
        /// In pixels.
        width: usize,
    },
    /// A series, `[steps, channels]`.
    Series {
        /// Moments at which there are values.
        steps: usize,
        /// Values at each of them.
        channels: usize,
    },
    /// A point, `[dims]`.
    Points {
        /// The number of coordinates.
        dims: usize,
    },
}

impl ItemShape {
    /// The number of values in one item.
    #[allow(clippy::len_without_is_empty, reason = "an item without values is refused when a data set is made")]
    pub fn len(&self) -> usize {
        self.dims().into_iter().fold(1, usize::saturating_mul)
    }

    /// `[channels, height, width]`, `[steps, channels]` or `[dims]`.
    pub fn dims(&self) -> Vec<usize> {
        match *self {
            Self::Image { channels, height, width } => vec![channels, height, width],
            Self::Series { steps, channels } => vec![steps, channels],
            Self::Points { dims } => vec![dims],
        }
    }

    /// `[channels, height, width]`; series have one channel and a row for each step, points one channel and one row.
    pub fn planes(&self) -> [usize; 3] {
        match *self {
            Self::Image { channels, height, width } => [channels, height, width],
            Self::Series { steps, channels } => [1, steps, channels],
            Self::Points { dims } => [1, 1, dims],
        }
    }
}

/// `1x28x28`, `30x1` or `2`.
impl fmt::Display for ItemShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { channels, height, width } => write!(f, "{channels}x{height}x{width}"),
            Self::Series { steps, channels } => write!(f, "{steps}x{channels}"),
            Self::Points { dims } => write!(f, "{dims}"),
        }
    }
}

/// The values of all items of a part, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Images, `[items, channels, height, width]` row-major, 0 to 255. To the models they are x/127.5 - 1, in [-1, 1].
    U8(Vec<u8>),
    /// Series and points, `[items, steps, channels]` or `[items, dims]` row-major: points in the data's own unit, series in that of
    /// their [`channels`](Dataset::channels).
    F32(Vec<f32>),
}

impl Values {
    /// The number of values, over all items.
    pub fn len(&self) -> usize {
        match self {
            Self::U8(values) => values.len(),
            Self::F32(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One part of a data set, for training or for testing.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// The values of all items.
    pub values: Values,
    /// The class of each item, an index into [`Dataset::class_names`]; `None` where items have no class.
    pub labels: Option<Vec<u32>>,
    /// The number of items.
    pub len: usize,
}

impl Split {
    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number of values in one item.
    fn item_len(&self) -> usize {
        self.values.len().checked_div(self.len).unwrap_or(0)
    }

    /// Writes item `index` to `out`: pixels as x/127.5 - 1, in [-1, 1]; points as they are.
    ///
    /// # Panics
    /// If there is no such item, or `out` is not `shape.len()` long.
    pub fn item_f32(&self, index: usize, shape: ItemShape, out: &mut [f32]) {
        debug_assert_eq!(shape.len(), self.item_len(), "the shape is not that of the data set");
        assert_eq!(out.len(), shape.len(), "an item of shape {shape} needs that much room");
        self.write_item(index, out);
    }

    fn write_item(&self, index: usize, out: &mut [f32]) {
        let range = index * out.len()..(index + 1) * out.len();
        match &self.values {
            Values::U8(values) => {
                for (to, &from) in out.iter_mut().zip(&values[range]) {
                    *to = to_f32(from);
                }
            }
            Values::F32(values) => out.copy_from_slice(&values[range]),
        }
    }

    /// Value `place` of item `index`, as [`item_f32`](Self::item_f32) gives it.
    ///
    /// # Panics
    /// If there is no such value.
    pub fn value(&self, index: usize, place: usize) -> f32 {
        let at = index * self.item_len() + place;
        match &self.values {
            Values::U8(values) => to_f32(values[at]),
            Values::F32(values) => values[at],
        }
    }

    /// The items with these indices, in this order: `[indices.len(), item]`, pixels in [-1, 1], points as they are.
    ///
    /// # Panics
    /// If there is no item with one of the indices.
    pub fn gather(&self, indices: &[usize]) -> Vec<f32> {
        let item = self.item_len();
        let mut out = vec![0.0; indices.len() * item];
        if item > 0 {
            for (&index, row) in indices.iter().zip(out.chunks_exact_mut(item)) {
                self.write_item(index, row);
            }
        }
        out
    }

    /// The first `n` items, or all if there are fewer: `[n, item]`, as [`gather`](Self::gather) gives them.
    pub fn first(&self, n: usize) -> Vec<f32> {
        self.gather(&(0..n.min(self.len)).collect::<Vec<_>>())
    }

    /// The labels of the items with these indices, in this order; `None` where items have no class.
    ///
    /// # Panics
    /// If there is no item with one of the indices.
    pub fn gather_labels(&self, indices: &[usize]) -> Option<Vec<u32>> {
        self.labels.as_ref().map(|labels| indices.iter().map(|&i| labels[i]).collect())
    }

    /// The numbers of the items of a class, in their order.
    pub fn of_class(&self, class: u32) -> Vec<usize> {
        let labels = self.labels.as_deref().unwrap_or_default();
        (0..labels.len()).filter(|&item| labels[item] == class).collect()
    }

    /// Takes a set of items apart into those for training and those that `is_test` says are for testing.
    pub(crate) fn partition<T: Copy>(
        values: &[T],
        labels: Option<&[u32]>,
        item: usize,
        kind: fn(Vec<T>) -> Values,
        is_test: &dyn Fn(usize) -> bool,
    ) -> (Self, Self) {
        let pick = |test: bool| {
            let chosen = || values.chunks_exact(item).enumerate().filter(move |(i, _)| is_test(*i) == test);
            let values: Vec<T> = chosen().flat_map(|(_, item)| item.iter().copied()).collect();
            let labels = labels.map(|labels| chosen().map(|(i, _)| labels[i]).collect());
            Self { len: values.len() / item, values: kind(values), labels }
        };
        (pick(false), pick(true))
    }
}

/// What one value at each step of a series is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Its name.
    pub name: String,
    /// What -1 stands for, in the data's own unit: the least value of the training part.
    pub low: f32,
    /// What 1 stands for: the largest.
    pub high: f32,
}

impl Channel {
    /// A value in [-1, 1] in the data's own unit.
    pub fn in_own_unit(&self, value: f32) -> f32 {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        (low + (f64::from(value) + 1.0) / 2.0 * (high - low)) as f32
    }

    /// A value in the data's own unit, where -1 and 1 are the ends.
    pub fn scaled(&self, value: f32) -> f32 {
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        (2.0 * (f64::from(value) - low) / (high - low) - 1.0) as f32
    }
}

/// A data set in memory.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// The name that it was opened by: an id of the catalogue, or a path.
    pub id: String,
    /// The name that its second domain was opened by, where two data sets were [joined](crate::join).
    pub second: Option<String>,
    /// The name that a person reads.
    pub title: String,
    /// The shape of one item.
    pub shape: ItemShape,
    /// The name of each class; empty when items have none.
    pub class_names: Vec<String>,
    /// What the values at a step of a series are; empty where items are no series.
    pub channels: Vec<Channel>,
    /// The part to train on.
    pub train: Split,
    /// The part that is held out.
    pub test: Split,
    /// SHA-256 (hex) over shape, values and labels of both parts, as they are after all transforms.
    pub fingerprint: String,
    /// Whom the data come from and under which licence, for reports; empty when unknown.
    pub attribution: String,
}

impl Dataset {
    /// What a person calls it: by its id, or by both where it is joined of two.
    pub fn name(&self) -> String {
        self.second.as_ref().map_or_else(|| self.id.clone(), |second| format!("{} and {second}", self.id))
    }

    /// A data set from its parts, checked against each other. The fingerprint is computed.
    ///
    /// # Errors
    /// [`DataError::Inconsistent`] if the number of values or labels is not that of the items, a label has no class name,
    /// a value is not finite, or a part is empty.
    pub fn new(
        id: impl Into<String>,
        title: impl Into<String>,
        shape: ItemShape,
        class_names: Vec<String>,
        train: Split,
        test: Split,
        attribution: impl Into<String>,
    ) -> Result<Self, DataError> {
        let id = id.into();
        for (part, split) in [("train", &train), ("test", &test)] {
            check(&id, part, split, shape, class_names.len())?;
        }
        let fingerprint = fingerprint(shape, &train, &test);
        Ok(Self {
            id,
            second: None,
            title: title.into(),
            shape,
            class_names,
            channels: Vec::new(),
            train,
            test,
            fingerprint,
            attribution: attribution.into(),
        })
    }

    /// The same with names and units for what it has at each step; they are part of the fingerprint.
    pub(crate) fn of_series(mut self, channels: Vec<Channel>) -> Self {
        let mut hash = Sha256::new();
        hash.update(&self.fingerprint);
        for Channel { name, low, high } in &channels {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(name);
            hash.update(low.to_le_bytes());
            hash.update(high.to_le_bytes());
        }
        self.fingerprint = hex(&hash.finalize());
        Self { channels, ..self }
    }

    /// Mean of each coordinate over the training items, `shape.len()` long; pixels in [-1, 1].
    pub fn train_mean(&self) -> Vec<f32> {
        let mut sums = vec![0.0_f64; self.shape.len()];
        let items = self.train.len.max(1) as f64;
        match &self.train.values {
            Values::U8(values) => {
                for item in values.chunks_exact(sums.len().max(1)) {
                    sums.iter_mut().zip(item).for_each(|(sum, &x)| *sum += f64::from(x));
                }
                sums.iter().map(|sum| (sum / items / 127.5 - 1.0) as f32).collect()
            }
            Values::F32(values) => {
                for item in values.chunks_exact(sums.len().max(1)) {
                    sums.iter_mut().zip(item).for_each(|(sum, &x)| *sum += f64::from(x));
                }
                sums.iter().map(|sum| (sum / items) as f32).collect()
            }
        }
    }
}

fn check(id: &str, part: &str, split: &Split, shape: ItemShape, classes: usize) -> Result<(), DataError> {
    let wrong = |what: &str, got: String, expected: String| {
        Err(DataError::Inconsistent { id: id.to_owned(), part: format!("{part} {what}"), got, expected })
    };
    if shape.len() == 0 {
        return wrong("shape", shape.to_string(), "at least one value in an item".into());
    }
    if split.is_empty() {
        return wrong("part", "no item".into(), "at least one".into());
    }
    if Some(split.values.len()) != split.len.checked_mul(shape.len()) {
        let expected = format!("{} items of shape {shape}", split.len);
        return wrong("part", format!("{} values", split.values.len()), expected);
    }
    if let Values::F32(values) = &split.values
        && let Some(bad) = values.iter().position(|x| !x.is_finite())
    {
        return wrong("values", format!("{} at position {bad}", values[bad]), "finite numbers".into());
    }
    let Some(labels) = &split.labels else { return Ok(()) };
    if labels.len() != split.len {
        return wrong("labels", format!("{} labels", labels.len()), format!("{} items", split.len));
    }
    if let Some(&label) = labels.iter().find(|&&label| label as usize >= classes) {
        return wrong("labels", format!("label {label}"), format!("less than {classes} classes"));
    }
    Ok(())
}

fn fingerprint(shape: ItemShape, train: &Split, test: &Split) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("ganvas data 1 {shape}\n"));
    for split in [train, test] {
        hash.update((split.len as u64).to_le_bytes());
        match &split.values {
            Values::U8(values) => {
                hash.update(b"u8");
                hash.update(values);
            }
            Values::F32(values) => {
                hash.update(b"f4");
                values.iter().for_each(|x| hash.update(x.to_le_bytes()));
            }
        }
        match &split.labels {
            None => hash.update(b"-"),
            Some(labels) => {
                hash.update(b"+");
                labels.iter().for_each(|x| hash.update(x.to_le_bytes()));
            }
        }
    }
    hex(&hash.finalize())
}

/// A byte of a pixel, in [-1, 1].
pub(crate) fn to_f32(byte: u8) -> f32 {
    f32::from(byte) / 127.5 - 1.0
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
