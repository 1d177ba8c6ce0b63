//! Initial weights.
//!
//! Every weight is drawn on the host from a stream keyed by seed and network, never from a backend's own generator:
//! the same seed gives the same network on every device.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use ganvas_prob::stream::{StreamRng, Streams, normals, uniforms};
use serde::{Deserialize, Serialize};

/// A rule for the initial weights of a layer, by its numbers of inputs and outputs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Initializer {
    /// N(0, sd^2).
    Normal {
        /// Standard deviation.
        sd: f64,
    },
    /// U(-bound, bound).
    Uniform {
        /// Largest absolute value.
        bound: f64,
    },
    /// N(0, 2 / fan_in), for rectifiers (He et al. 2015, eq. 10).
    He,
    /// U(-b, b) with b = sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010, eq. 16).
    Glorot,
    /// Orthonormal rows or columns, whichever are fewer, times `gain` (Saxe et al. 2014): a draw of N(0, 1) orthogonalised; of
    /// a kernel, as a matrix with one row for each entry of the first dimension.
    Orthogonal {
        /// What the matrix is multiplied by.
        gain: f64,
    },
}

impl Initializer {
    /// The setting that is out of its domain, as (name, what it must be, value).
    pub fn fault(&self) -> Option<(&'static str, &'static str, f64)> {
        let (name, value) = match *self {
            Self::Normal { sd } => ("init.sd", sd),
            Self::Uniform { bound } => ("init.bound", bound),
            Self::Orthogonal { gain } => ("init.gain", gain),
            Self::He | Self::Glorot => return None,
        };
        (!(value > 0.0 && value.is_finite())).then_some((name, "a positive number", value))
    }
}

/// Draws the weights of one network.
pub struct Init {
    rng: StreamRng,
    device: Device,
    rule: Initializer,
}

impl Init {
    /// Weights of the network called `name` by `rule`, as trainable parameters on `device`.
    pub fn new(streams: &Streams, name: &str, rule: Initializer, device: &Device) -> Self {
        Self { rng: streams.rng(&format!("init/{name}"), 0), device: device.clone(), rule }
    }

    /// Where the parameters are made.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// A weight of the given shape, by the network's rule.
    pub fn weight<const D: usize>(&mut self, shape: [usize; D], fan_in: usize, fan_out: usize) -> Param<Tensor<D>> {
        let n = shape.iter().product();
        let values = match self.rule {
            Initializer::Normal { sd } => scaled(normals(&mut self.rng, n), sd, 0.0),
            Initializer::Uniform { bound } => symmetric(&mut self.rng, n, bound),
            Initializer::He => scaled(normals(&mut self.rng, n), (2.0 / fan_in as f64).sqrt(), 0.0),
            Initializer::Glorot => symmetric(&mut self.rng, n, (6.0 / (fan_in + fan_out) as f64).sqrt()),
            Initializer::Orthogonal { gain } => {
                let rows = shape.first().copied().unwrap_or(1).max(1);
                orthogonal(normals(&mut self.rng, n), rows, n / rows, gain)
            }
        };
        self.parameter(values, shape)
    }

    /// A parameter drawn from N(mean, sd^2), whatever the rule: the gain of a norm, for one.
    pub fn normal<const D: usize>(&mut self, shape: [usize; D], mean: f64, sd: f64) -> Param<Tensor<D>> {
        let values = scaled(normals(&mut self.rng, shape.iter().product()), sd, mean);
        self.parameter(values, shape)
    }

    /// A parameter that starts as zeros.
    pub fn zeros<const D: usize>(&mut self, shape: [usize; D]) -> Param<Tensor<D>> {
        self.parameter(vec![0.0; shape.iter().product()], shape)
    }

    /// A parameter that starts as these values, row-major.
    pub fn parameter<const D: usize>(&mut self, values: Vec<f32>, shape: [usize; D]) -> Param<Tensor<D>> {
        Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), &self.device))
    }
}

/// Rows (or columns, if those are fewer) made orthonormal one after the other, twice over so that nothing is left of what
/// cancels (Giraud et al. 2005).
fn orthogonal(values: Vec<f32>, rows: usize, columns: usize, gain: f64) -> Vec<f32> {
    let by_rows = rows <= columns;
    let (count, length) = if by_rows { (rows, columns) } else { (columns, rows) };
    let place = |i: usize, k: usize| if by_rows { i * columns + k } else { k * columns + i };
    let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
    for i in 0..count {
        let mut vector: Vec<f64> = (0..length).map(|k| f64::from(values[place(i, k)])).collect();
        for _ in 0..2 {
            for other in &vectors {
                let inner: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                vector.iter_mut().zip(other).for_each(|(a, b)| *a -= inner * b);
            }
        }
        let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        vector.iter_mut().for_each(|x| *x /= norm);
        vectors.push(vector);
    }
    let mut out = vec![0.0; values.len()];
    for (i, vector) in vectors.iter().enumerate() {
        for (k, x) in vector.iter().enumerate() {
            out[place(i, k)] = (gain * x) as f32;
        }
    }
    out
}

fn scaled(mut values: Vec<f32>, sd: f64, mean: f64) -> Vec<f32> {
    for value in &mut values {
        *value = (f64::from(*value) * sd + mean) as f32;
    }
    values
}

fn symmetric(rng: &mut StreamRng, n: usize, bound: f64) -> Vec<f32> {
    scaled(uniforms(rng, n), 2.0 * bound, -bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(rule: Initializer, fan_in: usize, fan_out: usize) -> Vec<f64> {
        let mut init = Init::new(&Streams::new(1), "net", rule, &Device::flex());
        let weight = init.weight([100, 1000], fan_in, fan_out);
        weight.val().to_data().iter::<f64>().collect()
    }

    /// 100,000 draws: the standard error of a standard deviation is its 1/447th.
    #[test]
    fn each_rule_has_its_spread() {
        let glorot = 2.0 * (6.0f64 / 80.0).sqrt() / 12f64.sqrt();
        for (rule, sd) in [
            (Initializer::Normal { sd: 0.02 }, 0.02),
            (Initializer::Uniform { bound: 0.05 }, 0.1 / 12f64.sqrt()),
            (Initializer::He, (2.0f64 / 50.0).sqrt()),
            (Initializer::Glorot, glorot),
        ] {
            let draws = draw(rule, 50, 30);
            let mean = draws.iter().sum::<f64>() / draws.len() as f64;
            let measured = (draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / draws.len() as f64).sqrt();
            assert!((measured / sd - 1.0).abs() < 0.01, "{rule:?}: {measured} for {sd}");
            assert!(mean.abs() < 5.0 * sd / 316.0, "{rule:?}: mean {mean}");
        }
    }

    #[test]
    fn the_seed_and_the_name_make_the_weights() {
        let weights = |seed, name| {
            let mut init = Init::new(&Streams::new(seed), name, Initializer::He, &Device::flex());
            init.weight([4, 4], 4, 4).val().to_data().iter::<f32>().collect::<Vec<_>>()
        };
        assert_eq!(weights(1, "a"), weights(1, "a"));
        assert_ne!(weights(1, "a"), weights(2, "a"));
        assert_ne!(weights(1, "a"), weights(1, "b"));
    }

    #[test]
    fn orthogonal_weights_keep_lengths() {
        for shape in [[8, 20], [20, 8], [9, 9]] {
            let mut init = Init::new(&Streams::new(1), "net", Initializer::Orthogonal { gain: 1.4 }, &Device::flex());
            let weight = init.weight(shape, 1, 1).val();
            let products = match shape[0] <= shape[1] {
                true => weight.clone().matmul(weight.transpose()),
                false => weight.clone().transpose().matmul(weight),
            };
            let n = shape[0].min(shape[1]);
            let error = (products - Tensor::<2>::eye(n, &Device::flex()).mul_scalar(1.96)).abs().max();
            assert!(error.into_scalar::<f32>() < 1e-5, "{shape:?}");
        }
    }
}
