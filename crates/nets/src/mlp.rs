//! Fully connected networks: generators, discriminators, encoders and decoders of flat batches.

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::dual::Dual;
use crate::init::{Init, Initializer};
use crate::labels::{ClassHead, Conditioning, Judgement, judged, with_classes};
use crate::layers::{Activation, Linear, Maxout, Norm, NormKind, dropout_dual};
use crate::noise::Pass;

/// The hidden layers of an [`Mlp`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpConfig {
    /// Units of each hidden layer.
    pub hidden: Vec<usize>,
    /// What follows each hidden layer. Neither this nor `norm` is used with `maxout`.
    pub activation: Activation,
    /// Hidden layers are maxout layers of this many pieces; 0: they are not.
    #[serde(default)]
    pub maxout: usize,
    /// What stands between each hidden layer, but for the first, and its activation.
    #[serde(default)]
    pub norm: NormKind,
    /// Every weight is brought to a spectral norm of 1. Not with `maxout`.
    #[serde(default)]
    pub spectral: bool,
    /// Share of the inputs that dropout keeps.
    #[serde(default = "one")]
    pub keep_input: f64,
    /// Share of each hidden layer's outputs that dropout keeps.
    #[serde(default = "one")]
    pub keep_hidden: f64,
    /// Rule for the initial weights.
    pub init: Initializer,
}

fn one() -> f64 {
    1.0
}

impl MlpConfig {
    /// Hidden layers without dropout.
    pub fn new(hidden: &[usize], activation: Activation, init: Initializer) -> Self {
        Self {
            hidden: hidden.to_vec(),
            activation,
            maxout: 0,
            norm: NormKind::None,
            spectral: false,
            keep_input: 1.0,
            keep_hidden: 1.0,
            init,
        }
    }

    /// The first setting that is out of its domain, as (name, what it must be, value), for a network from `inputs`
    /// to `outputs` values.
    pub fn fault(&self, inputs: usize, outputs: usize) -> Option<(&'static str, &'static str, String)> {
        const MOST_WEIGHTS: u128 = 1 << 28;
        if self.hidden.len() > 64 || self.hidden.iter().any(|&units| units == 0 || units > 1 << 16) {
            return Some(("hidden", "at most 64 layers of 1 to 65536 units", format!("{:?}", self.hidden)));
        }
        if self.maxout > 64 {
            return Some(("maxout", "at most 64 pieces", self.maxout.to_string()));
        }
        if self.maxout > 0 && self.spectral {
            return Some(("spectral", "false with `maxout`", "true".to_owned()));
        }
        if self.norm == NormKind::Conditional {
            return Some(("norm", "none, batch, layer or instance here", "conditional".to_owned()));
        }
        let widths: Vec<usize> = [&[inputs], self.hidden.as_slice(), &[outputs]].concat();
        let pairs = widths.windows(2).map(|pair| pair[0] as u128 * pair[1] as u128 * self.maxout.max(1) as u128);
        if pairs.sum::<u128>() > MOST_WEIGHTS {
            let sizes = format!("{:?} between {inputs} and {outputs} values", self.hidden);
            return Some(("hidden", "layers with at most 2^28 weights together", sizes));
        }
        if let Some((name, domain, value)) = self.init.fault() {
            return Some((name, domain, value.to_string()));
        }
        let share = |keep: f64| keep > 0.0 && keep <= 1.0;
        [("keep_input", self.keep_input), ("keep_hidden", self.keep_hidden)]
            .into_iter()
            .find(|&(_, keep)| !share(keep))
            .map(|(name, keep)| (name, "in (0, 1]", keep.to_string()))
    }
}

#[derive(Module, Debug)]
enum Hidden {
    Linear(Linear),
    Maxout(Maxout),
}

/// Hidden layers and a linear output.
#[derive(Module, Debug)]
pub struct Mlp {
    hidden: Vec<Hidden>,
    norms: Vec<Norm>,
    output: Linear,
    head: Option<ClassHead>,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    last: Activation,
    #[module(skip)]
    keep: (f64, f64),
}

impl Mlp {
    /// From `inputs` to `outputs` values, with no function at the output.
    pub fn new(inputs: usize, outputs: usize, config: &MlpConfig, init: &mut Init) -> Self {
        let mut width = inputs;
        let mut hidden = Vec::new();
        for &units in &config.hidden {
            hidden.push(match config.maxout {
                0 => Hidden::Linear(Linear::new(width, units, true, init)),
                pieces => Hidden::Maxout(Maxout::new(width, units, pieces, init)),
            });
            width = units;
        }
        let mut output = Linear::new(width, outputs, true, init);
        let norm = |(i, &units): (usize, &usize)| match i {
            0 => Norm::new(NormKind::None, units, init),
            _ => Norm::new(config.norm, units, init),
        };
        let norms = config.hidden.iter().enumerate().map(norm).collect();
        if config.spectral {
            let spectral = |layer| match layer {
                Hidden::Linear(linear) => Hidden::Linear(linear.spectral(init)),
                maxout => maxout,
            };
            hidden = hidden.into_iter().map(spectral).collect();
            output = output.spectral(init);
        }
        let keep = (config.keep_input, config.keep_hidden);
        Self { hidden, norms, output, head: None, activation: config.activation, last: Activation::Identity, keep }
    }

    /// The same network with these values as the bias of its output.
    pub fn with_output_bias(mut self, values: Vec<f32>, init: &mut Init) -> Self {
        self.output = self.output.with_bias(values, init);
        self
    }

    /// The same network with a head for classes beside its output, where the conditioning has one.
    pub fn with_classes(
        mut self,
        conditioning: Conditioning,
        classes: usize,
        config: &MlpConfig,
        init: &mut Init,
    ) -> Self {
        let features = self.output.weight.dims()[0];
        self.head = ClassHead::new(conditioning, features, classes, config.spectral, init);
        self
    }

    /// The same network with a function at its output.
    pub fn ending_in(mut self, activation: Activation) -> Self {
        self.last = activation;
        self
    }

    /// # Shapes
    /// `[batch, inputs]` to `[batch, outputs]`.
    pub fn forward(&self, x: Tensor<2>, pass: Pass) -> Tensor<2> {
        self.dual(x.into(), pass).value
    }

    /// [`forward`](Mlp::forward), with a tangent.
    pub fn dual(&self, x: Dual<2>, pass: Pass) -> Dual<2> {
        self.last.dual(self.output.dual(self.features(x, pass), pass))
    }

    /// [`forward`](Mlp::forward), with the classes that are asked for `[batch, classes]`, if any, as further inputs.
    pub fn given(&self, x: Tensor<2>, classes: Option<Tensor<2>>, pass: Pass) -> Tensor<2> {
        self.dual_given(x.into(), classes, pass).value
    }

    /// [`given`](Mlp::given), with a tangent.
    pub fn dual_given(&self, x: Dual<2>, classes: Option<Tensor<2>>, pass: Pass) -> Dual<2> {
        let x = match classes {
            Some(classes) => with_classes(x, classes),
            None => x,
        };
        self.dual(x, pass)
    }

    /// Scores of items, given what they are said to be: told to the head for classes where there is one, otherwise further
    /// inputs after the others.
    ///
    /// # Shapes
    /// `[batch, inputs]` and `[batch, classes]` to scores `[batch, outputs]`.
    pub fn judge(&self, x: Dual<2>, classes: Option<Tensor<2>>, pass: Pass) -> Judgement {
        let (x, classes) = match classes {
            Some(classes) if self.head.is_none() => (with_classes(x, classes), None),
            classes => (x, classes),
        };
        let features = self.features(x, pass);
        let score = self.last.dual(self.output.dual(features.clone(), pass));
        judged(&self.head, score, features, classes, pass)
    }

    /// The last hidden layer: `[batch, inputs]` to `[batch, units]`.
    pub fn features(&self, x: Dual<2>, pass: Pass) -> Dual<2> {
        let mut x = dropout_dual(x, self.keep.0, pass);
        for (layer, norm) in self.hidden.iter().zip(&self.norms) {
            x = match layer {
                Hidden::Linear(linear) => self.activation.dual(norm.dual_flat(linear.dual(x, pass), pass)),
                Hidden::Maxout(maxout) => maxout.dual(x, pass),
            };
            x = dropout_dual(x, self.keep.1, pass);
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::trainable;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn parameters(inputs: usize, outputs: usize, config: &MlpConfig) -> usize {
        let device = Device::flex().autodiff();
        let mut init = Init::new(&Streams::new(1), "net", config.init, &device);
        trainable(&Mlp::new(inputs, outputs, config, &mut init))
    }

    /// Counts of the networks of Goodfellow et al. (2014) for MNIST and of the small ones used here.
    #[test]
    fn networks_have_their_published_size() {
        let he = |hidden: &[usize]| MlpConfig::new(hidden, Activation::Relu, Initializer::He);
        assert_eq!(parameters(100, 784, &he(&[1200, 1200])), 2_503_984);
        assert_eq!(parameters(16, 2, &he(&[128, 128])), 18_946);
        assert_eq!(parameters(2, 1, &he(&[128, 128])), 17_025);
        assert_eq!(parameters(64, 784, &he(&[128, 256])), 242_832);
        assert_eq!(parameters(784, 1, &he(&[256, 128])), 233_985);
        // With ten classes, a batch norm in the second hidden layer (the small CGAN).
        let normed = MlpConfig { norm: NormKind::Batch, ..he(&[128, 256]) };
        assert_eq!(parameters(74, 784, &normed), 244_624);
        let maxout = MlpConfig { maxout: 5, ..he(&[240, 240]) };
        assert_eq!(parameters(784, 1, &maxout), 1_231_441);
    }
}
