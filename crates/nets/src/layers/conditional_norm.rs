use burn::module::Module;
use burn::tensor::Tensor;

use crate::dual::Dual;
use crate::init::Init;
use crate::layers::{BatchNorm, Linear};
use crate::noise::Pass;

/// Batch normalisation whose gain and offset depend on what an item is said to be (Dumoulin et al. 2017, eq. 5; de Vries et
/// al. 2017, eq. 4): (1 + y G) x^ + y B with the normalised activations x^, indicators y and a row of G and of B for each
/// class. G starts as N(0, 0.02), B as zeros. Any other vector y that describes an item will do.
#[derive(Module, Debug)]
pub struct ConditionalBatchNorm {
    norm: BatchNorm,
    gain: Linear,
    offset: Linear,
}

impl ConditionalBatchNorm {
    /// For `channels` channels and `classes` classes.
    pub fn new(channels: usize, classes: usize, init: &mut Init) -> Self {
        let gain = init.normal([classes, channels], 0.0, 0.02);
        let offset = init.zeros([classes, channels]);
        Self { norm: BatchNorm::plain(channels, init), gain: Linear::of(gain), offset: Linear::of(offset) }
    }

    /// Without classes the gain is 1 and the offset 0.
    ///
    /// # Shapes
    /// `[batch, channels, h, w]` and `[batch, classes]` to the shape of the first.
    pub fn forward(&self, x: Tensor<4>, classes: Option<Tensor<2>>, pass: Pass) -> Tensor<4> {
        self.dual(x.into(), classes, pass).value
    }

    /// [`forward`](ConditionalBatchNorm::forward), with a tangent; the classes stay.
    pub fn dual(&self, x: Dual<4>, classes: Option<Tensor<2>>, pass: Pass) -> Dual<4> {
        let normed = self.norm.dual(x, pass);
        let Some(classes) = classes else { return normed };
        let [batch, channels, _, _] = normed.value.dims();
        let of = |table: &Linear| table.forward(classes.clone(), pass).reshape([batch, channels, 1, 1]);
        let (gain, offset) = (of(&self.gain).add_scalar(1.0), of(&self.offset));
        normed.affine(|x| x * gain.clone() + offset, |t| t * gain.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use crate::noise::Noise;
    use crate::optim::trainable;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    /// One channel with the values 1 and 3, each at one place: normalised -1 and 1.
    #[test]
    fn gain_and_offset_are_those_of_the_class() {
        let device = Device::flex();
        let mut init = Init::new(&Streams::new(1), "net", Initializer::He, &device);
        let mut norm = ConditionalBatchNorm::new(1, 2, &mut init);
        norm.gain.weight = init.parameter(vec![1.0, 4.0], [2, 1]);
        norm.offset.weight = init.parameter(vec![10.0, 20.0], [2, 1]);
        let noise = Noise::new(Streams::new(1), "pass", 0, &device);
        let values = |classes: Option<[[f32; 2]; 2]>| {
            let x = Tensor::<4>::from_floats([[[[1.0]]], [[[3.0]]]], &device);
            let classes = classes.map(|classes| Tensor::from_floats(classes, &device));
            norm.forward(x, classes, Pass::Train(&noise)).to_data().iter::<f32>().collect::<Vec<_>>()
        };
        for (classes, expected) in [
            (None, [-1.0, 1.0]),
            (Some([[1.0, 0.0], [1.0, 0.0]]), [8.0, 12.0]),
            (Some([[0.0, 1.0], [1.0, 0.0]]), [15.0, 12.0]),
            (Some([[0.0, 0.0], [0.5, 0.5]]), [-1.0, 18.5]),
        ] {
            let found = values(classes);
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{found:?} is not {expected:?}");
        }
    }

    #[test]
    fn a_table_for_each_of_gain_and_offset_is_trained() {
        let device = Device::flex().autodiff();
        let mut init = Init::new(&Streams::new(1), "net", Initializer::He, &device);
        assert_eq!(trainable(&ConditionalBatchNorm::new(6, 10, &mut init)), 120);
    }
}
