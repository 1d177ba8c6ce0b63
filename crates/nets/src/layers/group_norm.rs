use burn::module::{Module, Param};
use burn::tensor::Tensor;

use crate::dual::Dual;
use crate::export::{Layout, TorchLayer};
use crate::init::Init;
use crate::layers::instance_norm::with_gains;

/// Normalisation of each item by itself, over groups of its channels and all of space (Wu and He 2018): one group is the
/// layer norm that Gulrajani et al. (2017) advise for critics, as many groups as channels are the instance norm
/// (Ulyanov et al. 2016). Gain and offset are by channel; they start as 1 and 0; epsilon 1e-5.
#[derive(Module, Debug)]
pub struct GroupNorm {
    /// Gain, `[channels]`.
    pub gamma: Param<Tensor<1>>,
    /// Offset, `[channels]`.
    pub beta: Param<Tensor<1>>,
    groups: usize,
}

impl GroupNorm {
    pub(crate) const TORCH: TorchLayer = TorchLayer {
        layer: "GroupNorm",
        torch: "nn.GroupNorm",
        values: &[("gamma", "weight", Layout::Same), ("beta", "bias", Layout::Same)],
        counters: &[],
    };

    /// Over `groups` groups, which must divide `channels`.
    ///
    /// # Panics
    /// If they do not.
    pub fn new(channels: usize, groups: usize, init: &mut Init) -> Self {
        assert!(groups > 0 && channels.is_multiple_of(groups), "{groups} groups of {channels} channels");
        Self { gamma: init.parameter(vec![1.0; channels], [channels]), beta: init.zeros([channels]), groups }
    }

    /// # Shapes
    /// `[batch, channels, h, w]` to the same.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.dual(x.into()).value
    }

    /// [`forward`](GroupNorm::forward), with a tangent.
    pub fn dual(&self, x: Dual<4>) -> Dual<4> {
        let shape @ [batch, channels, height, width] = x.value.dims();
        if self.groups == channels && x.tangent.is_none() {
            return with_gains(x.value, Some([self.gamma.val(), self.beta.val()])).into();
        }
        let groups = x.reshape([batch, self.groups, channels / self.groups * height * width]);
        let gain = |x: Tensor<4>| x * self.gamma.val().reshape([1, channels, 1, 1]);
        groups
            .normalized(&[2], 1e-5)
            .reshape(shape)
            .affine(|x| gain(x) + self.beta.val().reshape([1, channels, 1, 1]), gain)
    }
}
