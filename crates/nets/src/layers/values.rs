use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::export::{Layout, TorchLayer};

/// Trained numbers that are no weights of a layer: a scale, for one.
#[derive(Module, Debug)]
pub struct Values<const D: usize> {
    /// The numbers.
    pub value: Param<Tensor<D>>,
}

impl<const D: usize> Values<D> {
    pub(crate) const TORCH: TorchLayer =
        TorchLayer { layer: "Values", torch: "nn.Module", values: &[("value", "value", Layout::Same)], counters: &[] };

    /// Numbers that start as these.
    pub fn new(value: Param<Tensor<D>>) -> Self {
        Self { value }
    }

    /// The numbers now.
    pub fn get(&self) -> Tensor<D> {
        self.value.val()
    }
}
