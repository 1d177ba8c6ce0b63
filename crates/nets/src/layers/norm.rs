use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::dual::Dual;
use crate::init::Init;
use crate::layers::{BatchNorm, ConditionalBatchNorm, GroupNorm, InstanceNorm};
use crate::noise::Pass;

/// Which normalisation stands between layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormKind {
    /// None; the layer before has a bias then.
    #[default]
    None,
    /// Over batch and space, channel by channel.
    Batch,
    /// Over channels and space, item by item.
    Layer,
    /// Over space, item by item and channel by channel.
    Instance,
    /// The same without gain and offset.
    PlainInstance,
    /// Over batch and space, channel by channel, with gain and offset by the class that is told: for generators.
    Conditional,
}

/// What changes nothing.
#[derive(Module, Debug)]
pub struct Identity;

/// A normalisation, or none.
#[allow(clippy::large_enum_variant, reason = "there are few of them, and modules cannot be boxed")]
#[derive(Module, Debug)]
pub enum Norm {
    /// None.
    None(Identity),
    /// Over batch and space, channel by channel.
    Batch(BatchNorm),
    /// The same, with gain and offset by class.
    Conditional(ConditionalBatchNorm),
    /// Over groups of channels and space, item by item.
    Group(GroupNorm),
    /// Over space, item by item and channel by channel, without gain and offset.
    Instance(InstanceNorm),
}

impl Norm {
    /// Of this kind, for so many channels, told no classes: a conditional one is a batch norm then.
    pub fn new(kind: NormKind, channels: usize, init: &mut Init) -> Self {
        Self::told(kind, channels, 0, init)
    }

    /// Of this kind, for so many channels and, where it is conditional, classes.
    pub fn told(kind: NormKind, channels: usize, classes: usize, init: &mut Init) -> Self {
        match kind {
            NormKind::None => Self::None(Identity),
            NormKind::Conditional if classes > 0 => {
                Self::Conditional(ConditionalBatchNorm::new(channels, classes, init))
            }
            NormKind::Batch | NormKind::Conditional => Self::Batch(BatchNorm::new(channels, init)),
            NormKind::Layer => Self::Group(GroupNorm::new(channels, 1, init)),
            NormKind::Instance => Self::Group(GroupNorm::new(channels, channels, init)),
            NormKind::PlainInstance => Self::Instance(InstanceNorm),
        }
    }

    /// # Shapes
    /// `[batch, channels, h, w]` to the same.
    pub fn dual(&self, x: Dual<4>, pass: Pass) -> Dual<4> {
        self.dual_given(x, None, pass)
    }

    /// The same, given the classes of the items as indicators, `[batch, classes]`.
    pub fn dual_given(&self, x: Dual<4>, classes: Option<Tensor<2>>, pass: Pass) -> Dual<4> {
        match self {
            Self::None(_) => x,
            Self::Batch(norm) => norm.dual(x, pass),
            Self::Conditional(norm) => norm.dual(x, classes, pass),
            Self::Group(norm) => norm.dual(x),
            Self::Instance(norm) => norm.dual(x),
        }
    }

    /// The same for flat activations, `[batch, units]`.
    pub fn dual_flat(&self, x: Dual<2>, pass: Pass) -> Dual<2> {
        if let Self::None(_) = self {
            return x;
        }
        let [batch, units] = x.value.dims();
        self.dual(x.reshape([batch, units, 1, 1]), pass).reshape([batch, units])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    /// The quick way of instance norms is that of group norms with as many groups, its gradient too.
    #[test]
    fn instance_norms_are_group_norms_of_single_channels() {
        let device = Device::flex().autodiff();
        let mut init = Init::new(&Streams::new(1), "net", Initializer::He, &device);
        let (x, along): (Tensor<4>, Tensor<4>) =
            (init.normal([3, 4, 5, 6], 0.3, 2.0).val(), init.normal([3, 4, 5, 6], 0.0, 1.0).val());
        let mut group = GroupNorm::new(4, 4, &mut init);
        (group.gamma, group.beta) = (init.normal([4], 1.0, 0.5), init.normal([4], 0.0, 0.5));
        let by_hand = |x: Tensor<4>| Dual::from(x).reshape([12, 30]).normalized(&[1], 1e-5).value.reshape([3, 4, 5, 6]);
        let affine =
            |x: Tensor<4>| x * group.gamma.val().reshape([1, 4, 1, 1]) + group.beta.val().reshape([1, 4, 1, 1]);
        let same = |f: &dyn Fn(Tensor<4>) -> Tensor<4>, g: &dyn Fn(Tensor<4>) -> Tensor<4>| {
            let both = [f, g].map(|f| {
                let x = x.clone().detach().require_grad();
                let y = f(x.clone());
                let gradient = x.grad(&(y.clone() * along.clone()).sum().backward()).unwrap();
                Tensor::cat(vec![y.inner(), gradient], 0)
            });
            let [a, b] = both;
            assert!((a - b).abs().max().into_scalar::<f32>() < 1e-5);
        };
        same(&|x| InstanceNorm.dual(x.into()).value, &by_hand);
        same(&|x| group.forward(x), &|x| affine(by_hand(x)));
    }
}
