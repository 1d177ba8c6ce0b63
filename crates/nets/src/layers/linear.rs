use burn::module::{Module, Param};
use burn::tensor::Tensor;
use ganvas_kernels::linear;

use crate::dual::Dual;
use crate::export::{Layout, TorchLayer};
use crate::init::Init;
use crate::layers::SpectralNorm;
use crate::noise::Pass;

/// x W + b.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[inputs, outputs]`.
    pub weight: Param<Tensor<2>>,
    /// `[outputs]`.
    pub bias: Option<Param<Tensor<1>>>,
    spectral: Option<SpectralNorm>,
}

impl Linear {
    pub(crate) const TORCH: TorchLayer = TorchLayer {
        layer: "Linear",
        torch: "nn.Linear",
        values: &[("weight", "weight", Layout::Transposed), ("bias", "bias", Layout::Same)],
        counters: &[],
    };

    /// From `inputs` to `outputs` values; the bias starts at zero.
    pub fn new(inputs: usize, outputs: usize, bias: bool, init: &mut Init) -> Self {
        Self {
            weight: init.weight([inputs, outputs], inputs, outputs),
            bias: bias.then(|| init.zeros([outputs])),
            spectral: None,
        }
    }

    /// With this weight, `[inputs, outputs]`, and no bias.
    pub fn of(weight: Param<Tensor<2>>) -> Self {
        Self { weight, bias: None, spectral: None }
    }

    /// The same layer with its weight brought to a spectral norm of 1.
    pub fn spectral(mut self, init: &mut Init) -> Self {
        self.spectral = Some(SpectralNorm::new(self.weight.val().transpose(), init));
        self
    }

    /// The weight that inputs are multiplied by, `[inputs, outputs]`.
    pub fn weight(&self, pass: Pass) -> Tensor<2> {
        let weight = self.weight.val();
        match &self.spectral {
            Some(norm) => norm.normalized(weight.transpose(), pass).transpose(),
            None => weight,
        }
    }

    /// The same layer with these values as its bias, `[outputs]`.
    ///
    /// # Panics
    /// If there are not as many values as outputs.
    pub fn with_bias(mut self, values: Vec<f32>, init: &mut Init) -> Self {
        let outputs = self.weight.dims()[1];
        assert_eq!(values.len(), outputs, "a bias for each output");
        self.bias = Some(init.parameter(values, [outputs]));
        self
    }

    /// # Shapes
    /// `[batch, inputs]` to `[batch, outputs]`.
    pub fn forward(&self, x: Tensor<2>, pass: Pass) -> Tensor<2> {
        self.dual(x.into(), pass).value
    }

    /// [`forward`](Linear::forward), with a tangent.
    pub fn dual(&self, x: Dual<2>, pass: Pass) -> Dual<2> {
        let weight = self.weight(pass);
        let bias = self.bias.as_ref().map(Param::val);
        x.affine(|x| linear(x, weight.clone(), bias), |t| linear(t, weight.clone(), None))
    }
}

/// The largest of several linear pieces, for each unit (Goodfellow et al. 2013, "Maxout Networks").
#[derive(Module, Debug)]
pub struct Maxout {
    linear: Linear,
    pieces: usize,
}

impl Maxout {
    /// `units` maxima of `pieces` linear functions each.
    pub fn new(inputs: usize, units: usize, pieces: usize, init: &mut Init) -> Self {
        Self { linear: Linear::new(inputs, units * pieces, true, init), pieces }
    }

    /// # Shapes
    /// `[batch, inputs]` to `[batch, units]`.
    pub fn forward(&self, x: Tensor<2>, pass: Pass) -> Tensor<2> {
        self.dual(x.into(), pass).value
    }

    /// [`forward`](Maxout::forward), with a tangent: that of the largest piece.
    pub fn dual(&self, x: Dual<2>, pass: Pass) -> Dual<2> {
        let Dual { value: y, tangent } = self.linear.dual(x, pass);
        let [batch, outputs] = y.dims();
        let shape = [batch, outputs / self.pieces, self.pieces];
        let y = y.reshape(shape);
        let Some(tangent) = tangent else { return y.max_dim(2).squeeze_dim::<2>(2).into() };
        let (largest, which) = y.max_dim_with_indices(2);
        Dual::along(largest.squeeze_dim(2), tangent.reshape(shape).gather(2, which).squeeze_dim(2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn init() -> Init {
        Init::new(&Streams::new(1), "net", Initializer::He, &Device::flex())
    }

    #[test]
    fn linear_is_the_matrix_product_plus_bias() {
        let mut init = init();
        let mut layer = Linear::new(2, 2, false, &mut init).with_bias(vec![10.0, 20.0], &mut init);
        layer.weight = init.parameter(vec![1.0, 2.0, 3.0, 4.0], [2, 2]);
        let y = layer.forward(Tensor::from_floats([[1.0, 1.0], [2.0, 0.0]], &Device::flex()), Pass::Eval);
        let y: Vec<f32> = y.to_data().iter().collect();
        assert_eq!(y, [14.0, 26.0, 12.0, 24.0]);
    }

    #[test]
    fn maxout_takes_the_largest_of_each_units_pieces() {
        let layer = Maxout::new(3, 4, 5, &mut init());
        let x = Tensor::<2>::from_floats([[0.3, -1.0, 2.0]], &Device::flex());
        let pieces: Vec<f32> = layer.linear.forward(x.clone(), Pass::Eval).to_data().iter().collect();
        let y: Vec<f32> = layer.forward(x, Pass::Eval).to_data().iter().collect();
        for (unit, y) in y.iter().enumerate() {
            let largest = pieces[unit * 5..unit * 5 + 5].iter().copied().fold(f32::MIN, f32::max);
            assert_eq!(*y, largest);
        }
    }
}
