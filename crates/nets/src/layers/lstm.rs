use burn::module::{Module, Param};
use burn::tensor::Tensor;
use ganvas_kernels::{linear, lstm, sigmoid};

use crate::dual::Dual;
use crate::export::{Layout, TorchLayer};
use crate::init::Init;
use crate::layers::Activation;

/// Long short-term memory (Hochreiter and Schmidhuber 1997; forget gates of Gers, Schmidhuber and Cummins 2000) over whole
/// sequences, each from a state of zeros. The four parts of weights and biases are those of the gates i, f, g, o, see
/// [`ganvas_kernels::lstm`].
#[derive(Module, Debug)]
pub struct Lstm {
    /// `[inputs, 4 units]`.
    input: Param<Tensor<2>>,
    /// `[units, 4 units]`.
    recurrent: Param<Tensor<2>>,
    /// `[4 units]`.
    bias: Param<Tensor<1>>,
}

impl Lstm {
    pub(crate) const TORCH: TorchLayer = TorchLayer {
        layer: "Lstm",
        torch: "nn.LSTM",
        values: &[
            ("input", "weight_ih_l0", Layout::Transposed),
            ("recurrent", "weight_hh_l0", Layout::Transposed),
            ("bias", "bias_ih_l0", Layout::Same),
            ("bias", "bias_hh_l0", Layout::Zeros),
        ],
        counters: &[],
    };

    /// From `inputs` to `units` values a step. The biases of the gates i, f, g, o start at `biases`.
    pub fn new(inputs: usize, units: usize, biases: [f32; 4], init: &mut Init) -> Self {
        Self {
            input: init.weight([inputs, 4 * units], inputs, 4 * units),
            recurrent: init.weight([units, 4 * units], units, 4 * units),
            bias: init.parameter(biases.into_iter().flat_map(|bias| vec![bias; units]).collect(), [4 * units]),
        }
    }

    /// Values that it puts out at each step.
    pub fn units(&self) -> usize {
        self.recurrent.dims()[0]
    }

    /// # Shapes
    /// `[n, steps, inputs]` to `[n, steps, units]`.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.dual(x.into()).value
    }

    /// [`forward`](Lstm::forward), with a tangent, which is carried on step by step.
    pub fn dual(&self, x: Dual<3>) -> Dual<3> {
        let [n, steps, inputs] = x.value.dims();
        let gates = 4 * self.units();
        let (weight, bias) = (self.input.val(), self.bias.val());
        let given = x
            .reshape([n * steps, inputs])
            .affine(|x| linear(x, weight.clone(), Some(bias)), |tangent| linear(tangent, weight.clone(), None));
        let given = given.reshape([n, steps, gates]);
        if given.tangent.is_none() {
            return lstm(given.value, self.recurrent.val()).into();
        }
        self.unrolled(given)
    }

    fn unrolled(&self, given: Dual<3>) -> Dual<3> {
        let ([n, steps, gates], units) = (given.value.dims(), self.units());
        let recurrent = self.recurrent.val();
        let mut state: Option<[Dual<2>; 2]> = None;
        let mut outputs = Vec::with_capacity(steps);
        for step in 0..steps {
            let given = given.clone().linear(|x| x.narrow(1, step, 1)).reshape([n, gates]);
            let all = match &state {
                Some([held, _]) => given + held.clone().linear(|held| linear(held, recurrent.clone(), None)),
                None => given,
            };
            let part = |i: usize| all.clone().linear(|x| x.narrow(1, i * units, units));
            let gate = |i: usize| part(i).map(sigmoid, |_, y| y.clone() - y.square());
            let fresh = gate(0) * Activation::Tanh.dual(part(2));
            let memory = match state {
                Some([_, memory]) => gate(1) * memory + fresh,
                None => fresh,
            };
            let held = gate(3) * Activation::Tanh.dual(memory.clone());
            outputs.push(held.clone().reshape([n, 1, units]));
            state = Some([held, memory]);
        }
        Dual::cat(outputs, 1)
    }
}
