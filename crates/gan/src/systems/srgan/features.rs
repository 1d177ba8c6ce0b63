//! The network whose features large images are compared by, and how large these are.

use std::any::Any;

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};
use ganvas_nets::export::{ExportError, Weights};
use ganvas_nets::init::Init;
use ganvas_nets::layers::{Activation, Conv2d, Geometry, Linear, pool};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::state::{Part, State, StateError};
use serde::{Deserialize, Serialize};

/// What the feature network is trained to tell of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureTask {
    /// By how many quarters it has been turned (Gidaris, Singh and Komodakis 2018): no labels are needed.
    Rotation,
    /// Its class.
    Class,
}

impl FeatureTask {
    /// How many answers there are.
    pub(super) fn answers(self, classes: usize) -> usize {
        match self {
            FeatureTask::Rotation => 4,
            FeatureTask::Class => classes,
        }
    }
}

/// Channels and strides of the convolutions.
const LAYERS: [(usize, usize); 5] = [(8, 1), (16, 2), (16, 1), (32, 2), (32, 1)];
/// The layers whose values before the rectifier are compared, from 0.
const COMPARED: [usize; 2] = [2, 4];

/// Five 3x3 convolutions with rectifiers, means over space, and a logit for each answer.
#[derive(Module, Debug)]
pub struct FeatureNet {
    convs: Vec<Conv2d>,
    output: Linear,
}

impl FeatureNet {
    pub(super) fn new(channels: usize, answers: usize, init: &mut Init) -> Self {
        let mut inputs = channels;
        let mut convs = Vec::with_capacity(LAYERS.len());
        for (outputs, stride) in LAYERS {
            convs.push(Conv2d::new(inputs, outputs, Geometry { stride, ..Geometry::KEEP }, true, init));
            inputs = outputs;
        }
        Self { convs, output: Linear::new(inputs, answers, true, init) }
    }

    /// The values of all convolutions, before their rectifiers.
    fn layers(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        let mut layers: Vec<Tensor<4>> = Vec::with_capacity(LAYERS.len());
        for conv in &self.convs {
            let x = layers.last().map_or_else(|| x.clone(), |last| Activation::Relu.forward(last.clone()));
            layers.push(conv.forward(x, Pass::Eval));
        }
        layers
    }

    /// The features by which images `[n, channels, h, w]` are compared: of the third layer and of the fifth.
    pub(super) fn compared(&self, images: Tensor<4>) -> [Tensor<4>; 2] {
        let layers = self.layers(images);
        COMPARED.map(|layer| layers[layer].clone())
    }

    /// Logits `[n, answers]` of images `[n, channels, h, w]`.
    pub(super) fn answer(&self, images: Tensor<4>) -> Tensor<2> {
        let last = self.layers(images).pop().expect("there are layers");
        let features = pool::mean_over_space(Activation::Relu.forward(last).into()).value;
        self.output.forward(features, Pass::Eval)
    }
}

/// Square images `[n, channels, side, side]`, each turned by 0 to 3 quarters, and by how many, `[n]`.
pub(super) fn turned(images: Tensor<4>, noise: &Noise) -> (Tensor<4>, Tensor<1, Int>) {
    let shape = images.dims();
    let turns = noise.classes("turns", shape[0], 4);
    let transposed = images.clone().swap_dims(2, 3);
    let ways = [transposed.clone().flip([2]), images.clone().flip([2, 3]), transposed.flip([3])];
    let mut found = images;
    for (quarters, way) in (1..).zip(ways) {
        let mask = turns.clone().equal_elem(quarters).reshape([shape[0], 1, 1, 1]).expand(shape);
        found = found.mask_where(mask, way);
    }
    (found, turns)
}

/// The mean squares of the compared features over all real images that were seen since the network was trained.
#[derive(Clone)]
pub(super) struct Scales {
    /// `[2]`: sums over images of their mean squares.
    sums: Tensor<1>,
    images: u64,
}

impl Scales {
    /// Of nothing yet; `device` does not track gradients.
    pub fn new(device: &Device) -> Self {
        Self { sums: Tensor::zeros([2], device), images: 0 }
    }

    /// Takes note of the features of real images, on the device that does not track gradients.
    pub fn note(&mut self, features: [Tensor<4>; 2]) {
        let n = features[0].dims()[0];
        let squares = features.map(|layer| layer.square().mean().mul_scalar(n as f64));
        self.sums = self.sums.clone() + Tensor::cat(squares.to_vec(), 0);
        self.images += n as u64;
    }

    /// The distance of images from real ones by their features: of each layer the mean squared difference, divided by the layer's mean
    /// square, summed over both. `[1]`.
    pub fn distance(&self, real: [Tensor<4>; 2], images: [Tensor<4>; 2]) -> Tensor<1> {
        // Features of images without any contrast are all zero.
        let scales = self.sums.clone().div_scalar(self.images.max(1) as f64).clamp_min(1e-6);
        let scales = Tensor::from_inner(scales);
        let of = |layer: usize, real: Tensor<4>, images: Tensor<4>| {
            (images - real).square().mean() / scales.clone().narrow(0, layer, 1)
        };
        let ([a, b], [c, d]) = (real, images);
        of(0, a, c) + of(1, b, d)
    }
}

impl Part for Scales {
    fn remember(&self) -> Box<dyn Any> {
        Box::new(self.clone())
    }

    fn go_back(&mut self, to: Box<dyn Any>) {
        if let Ok(before) = to.downcast::<Self>() {
            *self = *before;
        }
    }

    fn save(&self, name: &str, state: &mut State) {
        state.put(format!("{name}/sums"), self.sums.clone());
        state.put_counter(format!("{name}/images"), self.images);
    }

    fn load(&mut self, name: &str, state: &mut State) -> Result<(), StateError> {
        self.sums = Tensor::from_data(state.take(&format!("{name}/sums"), &[2])?, &self.sums.device());
        self.images = state.take_counter(&format!("{name}/images"))?;
        Ok(())
    }

    fn parameters(&self) -> usize {
        0
    }

    fn export(&self, _: &str, _: &mut Weights) -> Result<(), ExportError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;
    use ganvas_nets::init::Initializer;
    use ganvas_nets::optim::trainable;
    use ganvas_prob::stream::Streams;

    fn net(answers: usize) -> FeatureNet {
        let device = Device::flex().autodiff();
        FeatureNet::new(3, answers, &mut Init::new(&Streams::new(1), "features", Initializer::He, &device))
    }

    #[test]
    fn the_network_has_its_size() {
        assert_eq!(trainable(&net(4)), 17_600 + 33 * 4);
        assert_eq!(trainable(&net(8)), 17_600 + 33 * 8);
        let images = Tensor::<4>::ones([2, 3, 32, 32], &Device::flex().autodiff());
        assert_eq!(net(4).answer(images.clone()).dims(), [2, 4]);
        assert_eq!(net(4).compared(images).map(|layer| layer.dims()), [[2, 16, 16, 16], [2, 32, 8, 8]]);
    }

    /// A corner that is bright goes round, by as many quarters as are told, counterclockwise.
    #[test]
    fn images_are_turned_by_what_is_told() {
        let device = Device::flex();
        let image: Vec<f32> = (0..9).map(|i| if i == 0 { 1.0 } else { 0.0 }).collect();
        let images = Tensor::<4>::from_data(TensorData::new(image.repeat(40), [40, 1, 3, 3]), &device);
        let (found, turns) = turned(images, &Noise::new(Streams::new(1), "features", 0, &device));
        let found: Vec<f32> = found.to_data().iter().collect();
        let turns: Vec<i64> = turns.to_data().iter().collect();
        for (image, &quarters) in found.chunks(9).zip(&turns) {
            let bright = image.iter().position(|&x| x == 1.0).unwrap();
            assert_eq!(bright, [0, 6, 8, 2][quarters as usize]);
        }
        assert!((0..4).all(|quarters| turns.contains(&quarters)), "{turns:?}");
    }

    #[test]
    fn each_layer_counts_by_its_own_scale() {
        let device = Device::flex();
        let layers = |a: f32, b: f32| {
            let full = |value: f32, side: usize| Tensor::<4>::full([2, 1, side, side], value, &device);
            [full(a, 2), full(b, 3)]
        };
        let mut scales = Scales::new(&device);
        scales.note(layers(1.0, 10.0));
        scales.note(layers(3.0, 10.0));
        // Mean squares of 5 and 100: 1 / 5 + 400 / 100.
        let tracked = |layers: [Tensor<4>; 2]| layers.map(Tensor::from_inner);
        let found = scales.distance(tracked(layers(0.0, 0.0)), tracked(layers(1.0, 20.0)));
        assert!((found.into_scalar::<f32>() - 4.2).abs() < 1e-5);
    }
}
