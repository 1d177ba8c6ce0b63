//! What a decoder says of data: how items are observed, and how likely they are.

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use ganvas_data::ItemShape;
use ganvas_engine::config::ConfigError;
use ganvas_nets::noise::Noise;
use serde::{Deserialize, Serialize};

use crate::objectives::{bernoulli, continuous_bernoulli, continuous_bernoulli_mean, discretized_logistic, gaussian};

/// What the decoder says of a value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Decoder {
    /// Pixels are 0 or 1: a logit each.
    Bernoulli {
        /// How grey levels become 0 or 1.
        binarization: Binarization,
    },
    /// Grey levels in [0, 1] as they are, with a density of the Bernoulli's form (Loaiza-Ganem and Cunningham 2019): a logit
    /// each.
    ContinuousBernoulli,
    /// Values as they are: a mean each, and this standard deviation for all.
    Gaussian {
        /// In the unit of the values, which is half of a pixel's whole range.
        sd: f64,
    },
    /// The same with a standard deviation for all that is learned (Rybkin et al. 2021: at its best it is the root of the mean
    /// squared error).
    LearnedGaussian {
        /// What it starts from.
        sd: f64,
    },
    /// One of 256 levels of a pixel: a mean each, and a scale for all that is learned (Kingma et al. 2016, eq. 18).
    DiscretizedLogistic {
        /// What the scale starts from, in the unit of the values.
        scale: f64,
    },
}

/// How grey levels become 0 or 1. A likelihood is of one of these, and not to be compared with that of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binarization {
    /// Drawn anew at each use, with the grey level as the probability of a 1.
    Dynamic,
    /// 1 where the grey level is above one half.
    Threshold,
}

impl Decoder {
    /// The usual one of MNIST experiments: grey levels drawn anew at each use.
    pub const DYNAMIC: Self = Self::Bernoulli { binarization: Binarization::Dynamic };
    /// For images of so few pixels that drawing them would leave little but the noise of it.
    pub const THRESHOLD: Self = Self::Bernoulli { binarization: Binarization::Threshold };

    /// What a learned scale starts from.
    pub fn learned(self) -> Option<f64> {
        match self {
            Self::LearnedGaussian { sd: start } | Self::DiscretizedLogistic { scale: start } => Some(start),
            _ => None,
        }
    }

    /// Refuses a setting out of its domain, and a decoder that these data are nothing for.
    pub(crate) fn check(self, shape: ItemShape) -> Result<(), ConfigError> {
        if let Self::Gaussian { sd: value }
        | Self::LearnedGaussian { sd: value }
        | Self::DiscretizedLogistic { scale: value } = self
            && !(value > 1e-6 && value < 1e6)
        {
            let key = if matches!(self, Self::DiscretizedLogistic { .. }) { "decoder.scale" } else { "decoder.sd" };
            return Err(ConfigError::domain(key, "a positive number, from 1e-6 to 1e6", value));
        }
        let of_any_value = matches!(self, Self::Gaussian { .. } | Self::LearnedGaussian { .. });
        if !matches!(shape, ItemShape::Image { .. }) && !of_any_value {
            let domain = "gaussian or learned-gaussian for points";
            return Err(ConfigError::domain("decoder.kind", domain, "one for pixels"));
        }
        Ok(())
    }
}

/// What the decoder models: how it is observed and how likely it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observation {
    pub decoder: Decoder,
    pub shape: ItemShape,
}

impl Observation {
    /// In few words, what likelihoods are of.
    pub fn name(&self) -> &'static str {
        match self.decoder {
            Decoder::Bernoulli { binarization: Binarization::Dynamic } => "pixels drawn",
            Decoder::Bernoulli { binarization: Binarization::Threshold } => "pixels above half grey",
            Decoder::ContinuousBernoulli => "density of pixels in [0, 1]",
            Decoder::Gaussian { .. } | Decoder::LearnedGaussian { .. } => "values as they are",
            Decoder::DiscretizedLogistic { .. } => "256 levels",
        }
    }

    /// Whether likelihoods are probabilities, of which one may speak in bits.
    pub fn is_discrete(&self) -> bool {
        matches!(self.decoder, Decoder::Bernoulli { .. } | Decoder::DiscretizedLogistic { .. })
    }

    /// Items in [-1, 1] as the model takes them: for a Bernoulli decoder, 0 or 1.
    pub fn observe(&self, items: Tensor<2>, noise: &Noise) -> Tensor<2> {
        match self.decoder {
            Decoder::Bernoulli { binarization: Binarization::Dynamic } => {
                let draws = noise.uniform("binarize", items.dims(), 0.0, 1.0);
                draws.lower(in_unit_interval(items)).float()
            }
            _ => self.expected(items),
        }
    }

    /// Items in [-1, 1] as the model takes them on the average over its draws.
    pub fn expected(&self, items: Tensor<2>) -> Tensor<2> {
        match self.decoder {
            Decoder::Bernoulli { binarization: Binarization::Threshold } => items.greater_elem(0.0).float(),
            Decoder::Bernoulli { binarization: Binarization::Dynamic } | Decoder::ContinuousBernoulli => {
                in_unit_interval(items)
            }
            Decoder::Gaussian { .. } | Decoder::LearnedGaussian { .. } | Decoder::DiscretizedLogistic { .. } => items,
        }
    }

    /// Free numbers brought to the range of what is observed.
    pub fn in_range(&self, values: Tensor<2>) -> Tensor<2> {
        match self.decoder {
            Decoder::Bernoulli { .. } | Decoder::ContinuousBernoulli => values.clamp(0.0, 1.0),
            Decoder::Gaussian { .. } | Decoder::LearnedGaussian { .. }
                if !matches!(self.shape, ItemShape::Image { .. }) =>
            {
                values
            }
            _ => values.clamp(-1.0, 1.0),
        }
    }

    /// log p(x|z), `[n]`, of what the decoder puts out for z, with the logarithm of a learned scale, `[1]`, where there is one.
    pub fn log_likelihood(&self, observed: Tensor<2>, decoded: Tensor<2>, log_scale: Option<Tensor<1>>) -> Tensor<1> {
        let [n, values] = observed.dims();
        match (self.decoder, log_scale) {
            (Decoder::Bernoulli { .. }, _) => bernoulli(observed, decoded),
            (Decoder::ContinuousBernoulli, _) => continuous_bernoulli(observed, decoded),
            (Decoder::Gaussian { sd }, _) => gaussian(observed, self.central(decoded), sd),
            (Decoder::LearnedGaussian { .. }, Some(log_scale)) => {
                let scale = log_scale.clone().exp().unsqueeze::<2>().expand([n, values]);
                let standard = (observed - self.central(decoded)) / scale;
                gaussian(standard, Tensor::zeros([n, values], &log_scale.device()), 1.0)
                    - log_scale.mul_scalar(values as f64)
            }
            (Decoder::DiscretizedLogistic { .. }, Some(log_scale)) => {
                discretized_logistic(observed, self.central(decoded), log_scale)
            }
            (Decoder::LearnedGaussian { sd: start } | Decoder::DiscretizedLogistic { scale: start }, None) => {
                let log_scale = Tensor::full([1], start.ln(), &observed.device());
                self.log_likelihood(observed, decoded, Some(log_scale))
            }
        }
    }

    /// The mean that is meant by what the decoder puts out: of pixels, whose values have ends, by way of tanh (Kingma and Welling 2014,
    /// section 5, with a sigmoid).
    fn central(&self, decoded: Tensor<2>) -> Tensor<2> {
        match (self.decoder, self.shape) {
            (Decoder::Bernoulli { .. }, _) => sigmoid(decoded),
            (Decoder::ContinuousBernoulli, _) => continuous_bernoulli_mean(decoded),
            (_, ItemShape::Image { .. }) => ganvas_kernels::tanh(decoded),
            _ => decoded,
        }
    }

    /// The squared distance of what is observed from the mean of what is decoded, `[n]`.
    pub fn error(&self, observed: Tensor<2>, decoded: Tensor<2>) -> Tensor<1> {
        let mean = self.central(decoded);
        (observed - mean).square().sum_dim(1).squeeze_dim(1)
    }

    /// The mean of a decoded latent, in the range of the items.
    pub fn mean(&self, decoded: Tensor<2>) -> Tensor<2> {
        let mean = self.central(decoded);
        match self.decoder {
            Decoder::Bernoulli { .. } | Decoder::ContinuousBernoulli => mean.mul_scalar(2.0).sub_scalar(1.0),
            _ => mean,
        }
    }

    /// What is shown of a decoded latent: the mean of an image, a draw of a point.
    pub fn show(&self, decoded: Tensor<2>, log_scale: Option<Tensor<1>>, noise: &Noise) -> Tensor<2> {
        let mean = self.mean(decoded);
        if matches!(self.shape, ItemShape::Image { .. }) {
            return mean;
        }
        let draws = noise.normal("observation", mean.dims());
        match (self.decoder, log_scale) {
            (Decoder::LearnedGaussian { .. }, Some(log_scale)) => mean + draws * log_scale.exp().unsqueeze(),
            (Decoder::Gaussian { sd } | Decoder::LearnedGaussian { sd }, _) => mean + draws.mul_scalar(sd),
            _ => mean,
        }
    }

    /// The mean grey level as what is observed on the average (of thresholded pixels it is only near that), and the
    /// decoder's bias at which it decodes to that.
    pub fn start(&self, mean: &[f32]) -> (Vec<f32>, Vec<f32>) {
        match self.decoder {
            Decoder::Gaussian { .. } | Decoder::LearnedGaussian { .. } | Decoder::DiscretizedLogistic { .. } => {
                let inverse = |m: &f32| match self.shape {
                    ItemShape::Image { .. } => m.clamp(-0.998, 0.998).atanh(),
                    _ => *m,
                };
                (mean.to_vec(), mean.iter().map(inverse).collect())
            }
            Decoder::Bernoulli { .. } | Decoder::ContinuousBernoulli => {
                let share: Vec<f32> = mean.iter().map(|m| (m + 1.0) / 2.0).collect();
                // A pixel that is never set would need an infinite logit.
                let logit = |p: &f32| {
                    let p = p.clamp(1e-3, 1.0 - 1e-3);
                    (p / (1.0 - p)).ln()
                };
                (share.clone(), share.iter().map(logit).collect())
            }
        }
    }

    /// The log-likelihood of `test` when every value is drawn independently from its marginal in `train`, `[n]`.
    pub fn independent(&self, train: Tensor<2>, test: Tensor<2>) -> Tensor<1> {
        let count = train.dims()[0] as f64;
        let [rows, values] = test.dims();
        match self.decoder {
            Decoder::Bernoulli { .. } => {
                // Laplace's rule: a pixel never seen as 1 is not impossible.
                let share = train.sum_dim(0).add_scalar(1.0).div_scalar(count + 2.0);
                let logits = share.clone().log() - share.neg().add_scalar(1.0).log();
                bernoulli(test, logits.expand([rows, values]))
            }
            Decoder::DiscretizedLogistic { .. } => {
                let level = |x: Tensor<2>| x.add_scalar(1.0).mul_scalar(127.5).round();
                // How often each level was seen at each place, one more than counted.
                let (train, test) = (level(train), level(test));
                let mut sum = Tensor::zeros([rows, values], &test.device());
                for grey in 0..256 {
                    let seen = train.clone().equal_elem(f64::from(grey)).float().sum_dim(0).add_scalar(1.0);
                    let here = test.clone().equal_elem(f64::from(grey)).float();
                    sum = sum + here * seen.div_scalar(count + 256.0).log();
                }
                sum.sum_dim(1).squeeze_dim(1)
            }
            _ => {
                let mean = train.clone().mean_dim(0);
                let sd = (train - mean.clone()).square().mean_dim(0).sqrt().clamp_min(1e-3);
                let constant = sd.clone().log().sum();
                let standard = (test - mean) / sd;
                gaussian(standard.clone(), standard.zeros_like(), 1.0) - constant
            }
        }
    }
}

fn in_unit_interval(items: Tensor<2>) -> Tensor<2> {
    items.add_scalar(1.0).mul_scalar(0.5)
}
