use std::path::PathBuf;

use ganvas_nets::state::StateError;
use ganvas_prob::distance::DistanceError;
use ganvas_prob::gaussian::GaussianError;

/// What keeps a figure from being computed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MetricError {
    /// Values that do not make up whole items.
    #[error("the {set} set holds {values} values, which are no whole number of items of {item}")]
    Ragged {
        /// Which set.
        set: &'static str,
        /// How many values there are.
        values: usize,
        /// Shape of an item.
        item: String,
    },
    /// A value that is NaN or infinite.
    #[error("value {position} of item {item} in the {set} set is not finite")]
    NotFinite {
        /// Which set.
        set: &'static str,
        /// Index of the item.
        item: usize,
        /// Index of the value in the item.
        position: usize,
    },
    /// Not enough items.
    #[error("the {set} set has {got} items, at least {needed} are needed")]
    TooFew {
        /// Which set.
        set: &'static str,
        /// How many are needed.
        needed: usize,
        /// How many there are.
        got: usize,
    },
    /// Two sets whose items differ in size.
    #[error("items of {left} and of {right} values cannot be compared")]
    Dims {
        /// Size of the items of the first set.
        left: usize,
        /// Size of the items of the second set.
        right: usize,
    },
    /// Another number of labels than items.
    #[error("{labels} labels for the {items} items of the {set} set")]
    Labels {
        /// Which set.
        set: &'static str,
        /// How many labels there are.
        labels: usize,
        /// How many items there are.
        items: usize,
    },
    /// Labels for another number of tasks than the classifier has.
    #[error("labels of the {set} set for {got} tasks, the classifier has {expected}")]
    Tasks {
        /// Which set.
        set: &'static str,
        /// For how many tasks there are labels.
        got: usize,
        /// How many tasks the classifier has.
        expected: usize,
    },
    /// A label outside of the classes.
    #[error("item {item} of the {set} set has the label {label}, there are {classes} classes")]
    Class {
        /// Which set.
        set: &'static str,
        /// Index of the item.
        item: usize,
        /// Its label.
        label: u32,
        /// The number of classes.
        classes: usize,
    },
    /// A figure that could not be computed for one class.
    #[error("class {class}: {source}")]
    InClass {
        /// The class.
        class: usize,
        /// What is wrong.
        source: Box<MetricError>,
    },
    /// Labels of which only one kind occurs, where two are compared.
    #[error("all {items} labels are {label}: there is nothing to tell apart")]
    OneKind {
        /// How many there are.
        items: usize,
        /// Which one.
        label: bool,
    },
    /// An item that has no direction.
    #[error("item {item} of the {set} set is zero in all its values: it has no angle with others")]
    Zero {
        /// Which set.
        set: &'static str,
        /// Index of the item.
        item: usize,
    },
    /// A column or channel that has one value throughout.
    #[error("column {column} of the {set} set is constant: it has no correlations")]
    Constant {
        /// Which set.
        set: &'static str,
        /// Index of the column or channel.
        column: usize,
    },
    /// A value that a factor does not have.
    #[error("factor {factor} of item {item} is {value}, it has {count} values, counted from 0")]
    FactorValue {
        /// Index of the factor.
        factor: usize,
        /// Index of the item.
        item: usize,
        /// What it is.
        value: usize,
        /// How many values the factor has.
        count: usize,
    },
    /// A factor that has one value throughout.
    #[error("factor {factor} has the same value in all items: no code can tell it")]
    ConstantFactor {
        /// Index of the factor.
        factor: usize,
    },
    /// Too few latents or factors to compare them with each other.
    #[error("{got} {what}: the figure compares at least {needed}")]
    Axes {
        /// `"latents"` or `"factors"`.
        what: &'static str,
        /// How many are needed.
        needed: usize,
        /// How many there are.
        got: usize,
    },
    /// Two sets that are compared item by item and do not match.
    #[error("{left} and {right} cannot be compared item by item")]
    Unpaired {
        /// Number and shape of the items of the first set.
        left: String,
        /// Number and shape of the items of the second set.
        right: String,
    },
    /// Images too small for a window.
    #[error("images of {height}x{width} pixels: at least {needed} of each are needed")]
    ImageSize {
        /// Rows of pixels.
        height: usize,
        /// Columns of pixels.
        width: usize,
        /// How many are needed of each.
        needed: usize,
    },
    /// Images with a number of channels that cannot be made grey.
    #[error("images of {channels} channels: the classifiers take 1 (grey) or 3 (red, green, blue)")]
    Channels {
        /// The number of channels.
        channels: usize,
    },
    /// A parameter outside of its domain.
    #[error("{name} is {got}, it must be {domain}")]
    Parameter {
        /// Name of the parameter.
        name: &'static str,
        /// What it must be.
        domain: &'static str,
        /// What it is.
        got: f64,
    },
    /// A reference classifier that does not exist.
    #[error("no reference classifier `{name}`; there are: {known}")]
    UnknownExtractor {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// This build was made without the weights.
    #[error(
        "this build has no weights for the reference classifier `{name}`: run `ganvas train-extractors`, then build"
    )]
    NoWeights {
        /// Name of the classifier.
        name: String,
    },
    /// A file of weights that is no safetensors file.
    #[error("cannot read the weights of `{name}`: {source}")]
    WeightsFile {
        /// Name of the classifier.
        name: String,
        /// What is wrong.
        source: safetensors::SafeTensorError,
    },
    /// A file of weights that holds something else.
    #[error("the weights of `{name}` cannot be used: {reason}")]
    WeightsContent {
        /// Name of the classifier.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// Weights that do not fit the network.
    #[error("the weights of `{name}` do not fit: {source}")]
    Weights {
        /// Name of the classifier.
        name: String,
        /// What is wrong.
        source: StateError,
    },
    /// A file of Inception weights that cannot be read.
    #[error("cannot read `{path}`: {source}")]
    InceptionUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of other weights than those of the Frechet inception distance.
    #[error(
        "`{path}` is not the weights file of the Frechet inception distance: its {what} is {got}, not {expected}; \
         `pt_inception-2015-12-05-6726825d.pth` is at https://github.com/mseitzer/pytorch-fid/releases/tag/fid_weights"
    )]
    OtherInception {
        /// The file.
        path: PathBuf,
        /// What differs: its size or its SHA-256.
        what: &'static str,
        /// That of the right file.
        expected: String,
        /// That of this file.
        got: String,
    },
    /// The training of a classifier has gone wrong.
    #[error("the loss is no longer finite at step {step} of training `{name}`")]
    Diverged {
        /// Name of the classifier.
        name: String,
        /// The step, from 0.
        step: usize,
    },
    /// The device did not give back its values.
    #[error("cannot read values back from the device: {reason}")]
    Device {
        /// What the backend said.
        reason: String,
    },
    /// The eigenvalues of a matrix were not found.
    #[error("the eigenvalues of a {side} x {side} matrix were not found")]
    NoEigenvalues {
        /// Side of the matrix.
        side: usize,
    },
    /// Moments or their distance could not be computed.
    #[error("the moments of the features: {0}")]
    Moments(#[from] GaussianError),
    /// A distance between samples could not be computed.
    #[error("the distance of the samples: {0}")]
    Distance(#[from] DistanceError),
}
