use burn::module::Module;
use burn::tensor::Tensor;
use ganvas_nets::init::Init;
use ganvas_nets::layers::pool::halve_by_maxima;
use ganvas_nets::layers::{Activation, Conv2d, Geometry, Linear};
use ganvas_nets::noise::Pass;

use super::Spec;

/// Convolutions 3x3, each with ReLU and maxpool2; linear to the features, ReLU; linear to the logits of all tasks.
#[derive(Module, Debug)]
pub(super) struct Net {
    conv1: Conv2d,
    conv2: Conv2d,
    /// Further ones.
    deeper: Vec<Conv2d>,
    hidden: Linear,
    output: Linear,
}

impl Net {
    pub(super) fn new(spec: &Spec, init: &mut Init) -> Self {
        let [first, second] = spec.convolutions;
        let conv1 = Conv2d::new(spec.channels, first, Geometry::KEEP, true, init);
        let conv2 = Conv2d::new(first, second, Geometry::KEEP, true, init);
        let (mut inputs, mut rest) = (second, spec.side / 4);
        let mut deeper = Vec::with_capacity(spec.deeper.len());
        for &outputs in spec.deeper {
            deeper.push(Conv2d::new(inputs, outputs, Geometry::KEEP, true, init));
            (inputs, rest) = (outputs, rest / 2);
        }
        Self {
            conv1,
            conv2,
            deeper,
            hidden: Linear::new(inputs * rest * rest, spec.units, true, init),
            output: Linear::new(spec.units, spec.tasks.iter().map(|task| task.classes).sum(), true, init),
        }
    }

    /// # Shapes
    /// `[batch, channels, side, side]` in [-1, 1] to `[batch, units]`, zero or more.
    pub(super) fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.convolutions().fold(x, |x, conv| halve(Activation::Relu.forward(conv.forward(x, Pass::Eval))));
        Activation::Relu.forward(self.hidden.forward(x.flatten(1, 3), Pass::Eval))
    }

    /// What each rectifier gives, the last being the features.
    ///
    /// # Shapes
    /// `[batch, channels, side, side]` in [-1, 1] to `[batch, channels, height, width]`, zero or more.
    pub(super) fn layers(&self, mut x: Tensor<4>) -> Vec<Tensor<4>> {
        let mut layers = Vec::new();
        for conv in self.convolutions() {
            let layer = Activation::Relu.forward(conv.forward(x, Pass::Eval));
            x = halve(layer.clone());
            layers.push(layer);
        }
        layers.push(Activation::Relu.forward(self.hidden.forward(x.flatten(1, 3), Pass::Eval)).unsqueeze_dims(&[2, 3]));
        layers
    }

    /// The logits of one task after the other.
    ///
    /// # Shapes
    /// `[batch, units]` to `[batch, classes of all tasks]`.
    pub(super) fn logits(&self, features: Tensor<2>) -> Tensor<2> {
        self.output.forward(features, Pass::Eval)
    }

    fn convolutions(&self) -> impl Iterator<Item = &Conv2d> {
        [&self.conv1, &self.conv2].into_iter().chain(&self.deeper)
    }
}

fn halve(x: Tensor<4>) -> Tensor<4> {
    halve_by_maxima(x.into()).value
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn net(name: &str) -> (&'static Spec, Net) {
        let spec = Spec::find(name).unwrap();
        (spec, spec.net(1, &Device::flex()))
    }

    /// 16 (9 + 1) + 32 (16 9 + 1) + 64 (32 7 7 + 1) + 10 (64 + 1) at 28x28 in grey.
    #[test]
    fn the_number_of_parameters_is_that_of_the_layers() {
        assert_eq!(net("mnist").1.num_params(), 105_866);
        let convolutions = 16 * (27 + 1) + 32 * (16 * 9 + 1) + 64 * (32 * 9 + 1) + 64 * (64 * 9 + 1);
        assert_eq!(net("emoji").1.num_params(), convolutions + 128 * (64 * 16 + 1) + (8 + 95 + 3 + 3) * (128 + 1));
    }

    #[test]
    fn images_become_features_and_a_logit_for_each_class() {
        for name in ["digits", "mnist", "emoji"] {
            let (spec, net) = net(name);
            let x = Tensor::ones([3, spec.channels, spec.side, spec.side], &Device::flex());
            let features = net.features(x.clone());
            assert_eq!(features.dims(), [3, spec.units]);
            let classes: usize = spec.tasks.iter().map(|task| task.classes).sum();
            assert_eq!(net.logits(features.clone()).dims(), [3, classes]);
            let layers = net.layers(x);
            assert_eq!(layers.len(), 3 + spec.deeper.len());
            let side = spec.side >> (layers.len() - 2);
            assert_eq!(layers[layers.len() - 2].dims()[2..], [side, side]);
            let last = layers.into_iter().next_back().unwrap().flatten::<2>(1, 3);
            assert_eq!(last.to_data(), features.to_data());
        }
    }
}
