use burn::module::Module;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Tensor, activation::relu};
use ganvas_nets::init::Init;
use ganvas_nets::layers::{Conv2d, Geometry, Linear};

/// Units of the hidden layer: the features.
pub const UNITS: usize = 64;

/// conv3x3 to 16, ReLU, maxpool2; conv3x3 to 32, ReLU, maxpool2; linear to 64, ReLU; linear to the classes.
#[derive(Module, Debug)]
pub(super) struct Net {
    conv1: Conv2d,
    conv2: Conv2d,
    hidden: Linear,
    output: Linear,
}

impl Net {
    /// For grey images of `side` x `side` pixels, a multiple of 4.
    pub(super) fn new(side: usize, classes: usize, init: &mut Init) -> Self {
        let rest = side / 4;
        Self {
            conv1: Conv2d::new(1, 16, Geometry::KEEP, true, init),
            conv2: Conv2d::new(16, 32, Geometry::KEEP, true, init),
            hidden: Linear::new(32 * rest * rest, UNITS, true, init),
            output: Linear::new(UNITS, classes, true, init),
        }
    }

    /// # Shapes
    /// `[batch, 1, side, side]` in [-1, 1] to `[batch, 64]`, zero or more.
    pub(super) fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let [_, _, features] = self.layers(x);
        features.flatten(1, 3)
    }

    /// What each rectifier gives, the last being the features.
    ///
    /// # Shapes
    /// `[batch, 1, side, side]` in [-1, 1] to `[batch, channels, height, width]`, zero or more.
    pub(super) fn layers(&self, x: Tensor<4>) -> [Tensor<4>; 3] {
        let first = relu(self.conv1.forward(x));
        let second = relu(self.conv2.forward(halve(first.clone())));
        let features = relu(self.hidden.forward(halve(second.clone()).flatten(1, 3)));
        [first, second, features.unsqueeze_dims(&[2, 3])]
    }

    /// # Shapes
    /// `[batch, 64]` to `[batch, classes]`.
    pub(super) fn logits(&self, features: Tensor<2>) -> Tensor<2> {
        self.output.forward(features)
    }
}

fn halve(x: Tensor<4>) -> Tensor<4> {
    max_pool2d(x, MaxPoolOptions::new([2, 2]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use ganvas_nets::init::Initializer;
    use ganvas_prob::stream::Streams;

    fn net(side: usize) -> Net {
        Net::new(side, 10, &mut Init::new(&Streams::new(1), "net", Initializer::He, &Device::flex()))
    }

    /// 16 (9 + 1) + 32 (16 9 + 1) + 64 (32 7 7 + 1) + 10 (64 + 1).
    #[test]
    fn at_28x28_there_are_105866_parameters() {
        assert_eq!(net(28).num_params(), 105_866);
    }

    #[test]
    fn images_become_64_features_and_a_logit_for_each_class() {
        for side in [8, 28] {
            let net = net(side);
            let features = net.features(Tensor::ones([3, 1, side, side], &Device::flex()));
            assert_eq!(features.dims(), [3, UNITS]);
            assert_eq!(net.logits(features).dims(), [3, 10]);
        }
    }
}
