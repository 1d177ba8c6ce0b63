use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;
use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::Step;
use ganvas_engine::system::{
    Autoencoder, Batch, Build, Code, CodeValues, DataSpec, Info, Likelihood, Model, Preset, Recommended, System, Task,
    Traversal, with_values,
};
use ganvas_nets::encoder::{GaussianEncoder, reparameterize};
use ganvas_nets::mlp::{Mlp, MlpConfig};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::Trained;
use ganvas_nets::state::Part;

use super::{Binarization, Decoder, VaeConfig, accept};
use crate::objectives::{bernoulli, gaussian, importance_weighted, kl_to_standard_normal, log_prior_ratio};

/// Encoder and decoder, trained as one.
#[derive(Module, Debug)]
pub(super) struct Networks {
    pub encoder: GaussianEncoder,
    pub decoder: Mlp,
}

/// A diagonal Gaussian encoder and a Bernoulli or Gaussian decoder.
pub struct Vae {
    pub(super) networks: Trained<Networks>,
    pub(super) observation: Observation,
    pub(super) latent: usize,
    pub(super) beta: f64,
    pub(super) late: f64,
    pub(super) rate_late: f64,
}

/// What the decoder models: how it is observed and how likely it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    pub decoder: Decoder,
    pub shape: ItemShape,
}

impl Observation {
    /// Items in [-1, 1] as the model takes them: for a Bernoulli decoder, 0 or 1.
    pub fn observe(&self, items: Tensor<2>, noise: &Noise) -> Tensor<2> {
        match self.decoder {
            Decoder::Gaussian { .. } => items,
            Decoder::Bernoulli { binarization: Binarization::Threshold } => items.greater_elem(0.0).float(),
            Decoder::Bernoulli { binarization: Binarization::Dynamic } => {
                let draws = noise.uniform("binarize", items.dims(), 0.0, 1.0);
                draws.lower(items.add_scalar(1.0).mul_scalar(0.5)).float()
            }
        }
    }

    /// log p(x|z), `[n]`, of what the decoder puts out for z.
    pub fn log_likelihood(&self, observed: Tensor<2>, decoded: Tensor<2>) -> Tensor<1> {
        match self.decoder {
            Decoder::Bernoulli { .. } => bernoulli(observed, decoded),
            Decoder::Gaussian { sd } => gaussian(observed, decoded, sd),
        }
    }

    /// Items in [-1, 1] as the model takes them on the average over its draws.
    fn expected(&self, items: Tensor<2>) -> Tensor<2> {
        match self.decoder {
            Decoder::Gaussian { .. } => items,
            Decoder::Bernoulli { binarization: Binarization::Threshold } => items.greater_elem(0.0).float(),
            Decoder::Bernoulli { binarization: Binarization::Dynamic } => items.add_scalar(1.0).mul_scalar(0.5),
        }
    }

    /// The mean of a decoded latent, in the range of the items.
    fn mean(&self, decoded: Tensor<2>) -> Tensor<2> {
        match (self.decoder, self.shape) {
            (Decoder::Bernoulli { .. }, _) => sigmoid(decoded).mul_scalar(2.0).sub_scalar(1.0),
            (Decoder::Gaussian { .. }, ItemShape::Image { .. }) => decoded.clamp(-1.0, 1.0),
            (Decoder::Gaussian { .. }, ItemShape::Points { .. }) => decoded,
        }
    }

    /// What is shown of a decoded latent: the mean of an image, a draw of a point.
    fn show(&self, decoded: Tensor<2>, noise: &Noise) -> Tensor<2> {
        let mean = self.mean(decoded);
        match (self.decoder, self.shape) {
            (Decoder::Gaussian { sd }, ItemShape::Points { .. }) => {
                let shape = mean.dims();
                mean + noise.normal("observation", shape).mul_scalar(sd)
            }
            _ => mean,
        }
    }

    /// The mean grey level as what is observed on the average (of thresholded pixels it is only near that), and the
    /// decoder's bias at which it decodes to that.
    fn start(&self, mean: &[f32]) -> (Vec<f32>, Vec<f32>) {
        match self.decoder {
            Decoder::Gaussian { .. } => (mean.to_vec(), mean.to_vec()),
            Decoder::Bernoulli { .. } => {
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
}

impl System for Vae {
    const INFO: Info = Info {
        id: "vae",
        title: "VAE",
        paper: "D. P. Kingma, M. Welling (2014), Auto-Encoding Variational Bayes, arXiv:1312.6114",
        summary: "Compression, samples and a bound on the likelihood, by an encoder and a decoder trained as one.",
        task: Task::Unconditional,
        phases: &["elbo"],
    };

    type Config = VaeConfig;

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<VaeConfig> {
        VaeConfig::preset(preset, data)
    }

    fn build(config: &VaeConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        config.check(data.values())?;
        if matches!((config.decoder, data.shape), (Decoder::Bernoulli { .. }, ItemShape::Points { .. })) {
            return Err(ConfigError::domain("decoder.kind", "gaussian for points", "bernoulli"));
        }
        let observation = Observation { decoder: config.decoder, shape: data.shape };
        let (centre, bias) = observation.start(&data.mean);
        let mut init = build.init("encoder", config.hidden.init);
        let encoder = GaussianEncoder::new(centre, config.latent, &config.hidden, &mut init);
        let mirrored =
            MlpConfig { hidden: config.hidden.hidden.iter().rev().copied().collect(), ..config.hidden.clone() };
        let mut init = build.init("decoder", config.hidden.init);
        let decoder = Mlp::new(config.latent, data.values(), &mirrored, &mut init).with_output_bias(bias, &mut init);
        Ok(Self {
            networks: Trained::new(Networks { encoder, decoder }, config.optimizer).averaged(config.ema),
            observation,
            latent: config.latent,
            beta: config.beta,
            late: config.late,
            rate_late: config.rate_late,
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

impl Model for Vae {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        self.update(batch, step);
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        let latents = noise.normal("latent", [n, self.latent]);
        let decoded = self.networks.shown().decoder.forward(latents, Pass::Eval);
        self.observation.show(decoded, noise)
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        vec![("networks", &mut self.networks)]
    }

    fn likelihood(&self) -> Option<&dyn Likelihood> {
        Some(self)
    }

    fn autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }

    fn traversal(&self) -> Option<&dyn Traversal> {
        Some(self)
    }
}

/// A code is the mean of the posterior; pixels that the model draws are seen as their probabilities.
impl Autoencoder for Vae {
    fn code_size(&self) -> usize {
        self.latent
    }

    fn encode(&self, items: Tensor<2>) -> Tensor<2> {
        self.networks.shown().encoder.forward(self.observation.expected(items), Pass::Eval).0
    }

    fn decode(&self, codes: Tensor<2>, _: Option<&[usize]>) -> Tensor<2> {
        self.observation.mean(self.networks.shown().decoder.forward(codes, Pass::Eval))
    }
}

impl Traversal for Vae {
    fn codes(&self) -> Vec<Code> {
        let values = CodeValues::Continuous { from: -2.0, to: 2.0 };
        (1..=self.latent).map(|i| Code { name: format!("z{i}"), values }).collect()
    }

    fn traverse(&self, code: usize, values: &[f64], noise: &Noise) -> Tensor<2> {
        self.decode(with_values(noise.normal("latent", [1, self.latent]), code, values), None)
    }
}

impl Vae {
    /// The KL of the posterior to the prior in closed form and by one draw, `[n]` each.
    pub(super) fn kl(&self, observed: Tensor<2>, noise: &Noise) -> (Tensor<1>, Tensor<1>) {
        let (mean, log_variance) = self.networks.shown().encoder.forward(observed, Pass::Eval);
        let eps = noise.normal("posterior", mean.dims());
        let z = reparameterize(mean.clone(), log_variance.clone(), eps.clone());
        (kl_to_standard_normal(mean, log_variance.clone()), log_prior_ratio(z, log_variance, eps).neg())
    }
}

impl Likelihood for Vae {
    fn observation(&self) -> &'static str {
        match self.observation.decoder {
            Decoder::Bernoulli { binarization: Binarization::Dynamic } => "pixels drawn",
            Decoder::Bernoulli { binarization: Binarization::Threshold } => "pixels above half grey",
            Decoder::Gaussian { .. } => "values as they are",
        }
    }

    fn observe(&self, items: Tensor<2>, noise: &Noise) -> Tensor<2> {
        self.observation.observe(items, noise)
    }

    fn elbo(&self, observed: Tensor<2>, noise: &Noise) -> Tensor<1> {
        let networks = self.networks.shown();
        let (mean, log_variance) = networks.encoder.forward(observed.clone(), Pass::Eval);
        let eps = noise.normal("posterior", mean.dims());
        let z = reparameterize(mean.clone(), log_variance.clone(), eps);
        let decoded = networks.decoder.forward(z, Pass::Eval);
        self.observation.log_likelihood(observed, decoded) - kl_to_standard_normal(mean, log_variance)
    }

    fn bound(&self, observed: Tensor<2>, k: usize, noise: &Noise) -> Tensor<1> {
        let networks = self.networks.shown();
        let (mean, log_variance) = networks.encoder.forward(observed.clone(), Pass::Eval);
        let weights = (0..k).map(|_| {
            let eps = noise.normal("posterior", mean.dims());
            let z = reparameterize(mean.clone(), log_variance.clone(), eps.clone());
            let decoded = networks.decoder.forward(z.clone(), Pass::Eval);
            let log_weight = self.observation.log_likelihood(observed.clone(), decoded)
                + log_prior_ratio(z, log_variance.clone(), eps);
            log_weight.unsqueeze_dim::<2>(1)
        });
        importance_weighted(Tensor::cat(weights.collect(), 1))
    }

    fn independent(&self, train: Tensor<2>, test: Tensor<2>) -> Tensor<1> {
        let count = train.dims()[0] as f64;
        let rows = test.dims()[0] as i64;
        match self.observation.decoder {
            Decoder::Bernoulli { .. } => {
                // Laplace's rule: a pixel never seen as 1 is not impossible.
                let share = train.sum_dim(0).add_scalar(1.0).div_scalar(count + 2.0);
                let logits = share.clone().log() - share.neg().add_scalar(1.0).log();
                bernoulli(test, logits.expand([rows, -1]))
            }
            Decoder::Gaussian { .. } => {
                let mean = train.clone().mean_dim(0);
                let sd = (train - mean.clone()).square().mean_dim(0).sqrt().clamp_min(1e-3);
                let constant = sd.clone().log().sum().add_scalar(0.0);
                let standard = (test - mean) / sd;
                gaussian(standard.clone(), standard.zeros_like(), 1.0) - constant
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use ganvas_nets::init::Initializer;
    use ganvas_nets::layers::Activation;
    use ganvas_prob::stream::Streams;

    /// A network with large weights, so that posteriors differ from the prior and the decoder depends on z.
    fn vae(decoder: Decoder) -> (Vae, Noise, Tensor<2>) {
        let device = Device::flex().autodiff();
        let shape = ItemShape::Image { channels: 1, height: 4, width: 4 };
        let data = DataSpec { shape, classes: 0, mean: vec![0.0; 16] };
        let hidden = MlpConfig::new(&[12], Activation::Tanh, Initializer::Normal { sd: 0.6 });
        let config = VaeConfig { hidden, ..VaeConfig::new(3, 12, decoder) };
        let vae = Vae::build(&config, &data, &Build { streams: Streams::new(1), device: &device }).unwrap();
        let noise = Noise::new(Streams::new(2), "test", 0, &device.inner());
        let items = noise.uniform("items", [8, 16], -1.0, 1.0);
        let observed = vae.observe(items, &noise);
        (vae, noise, observed)
    }

    /// Mean over 4,000 draws of the batch's mean, and its standard error.
    fn mean_of(mut draw: impl FnMut() -> Tensor<1>) -> (f64, f64) {
        let values: Vec<f64> = (0..4000).map(|_| draw().mean().into_scalar::<f64>()).collect();
        let mean = values.iter().sum::<f64>() / 4000.0;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 3999.0;
        (mean, (variance / 4000.0).sqrt())
    }

    #[test]
    fn the_bound_of_one_sample_is_the_elbo_on_the_average_and_more_samples_tighten_it() {
        for decoder in [Decoder::THRESHOLD, Decoder::Gaussian { sd: 0.7 }] {
            let (vae, noise, x) = vae(decoder);
            let elbo = mean_of(|| vae.elbo(x.clone(), &noise));
            let one = mean_of(|| vae.bound(x.clone(), 1, &noise));
            let five = mean_of(|| vae.bound(x.clone(), 5, &noise));
            let error = (elbo.1.powi(2) + one.1.powi(2)).sqrt();
            assert!((elbo.0 - one.0).abs() < 4.0 * error, "{decoder:?}: {elbo:?} against {one:?}");
            assert!(five.0 > one.0 + 4.0 * error, "{decoder:?}: {five:?} not above {one:?}");
        }
    }

    /// The bounds take the posterior's mean for the same thing; a code of one row, changed in one place, is decoded alone.
    #[test]
    fn codes_are_posterior_means_and_a_traversal_changes_one_of_them() {
        for decoder in [Decoder::THRESHOLD, Decoder::Gaussian { sd: 0.7 }] {
            let (vae, noise, _) = vae(decoder);
            let items = noise.uniform("items", [8, 16], -1.0, 1.0);
            let observed = vae.observe(items.clone(), &noise);
            let mean = vae.networks.shown().encoder.forward(observed, Pass::Eval).0;
            let codes = vae.encode(items);
            assert_eq!(codes.to_data(), mean.to_data(), "{decoder:?}");
            assert_eq!(codes.dims(), [8, vae.code_size()]);

            let fixed = || Noise::new(Streams::new(2), "traverse", 0, noise.device());
            let walked = vae.traverse(1, &[-2.0, 0.5], &fixed());
            let latent = fixed().normal("latent", [1, 3]).to_data();
            let mut latent: Vec<f32> = latent.iter().collect();
            latent[1] = 0.5;
            let by_hand = Tensor::<1>::from_floats(latent.as_slice(), noise.device()).reshape([1, 3]);
            let by_hand = vae.decode(by_hand, None);
            let difference = (walked.narrow(0, 1, 1) - by_hand.clone()).abs().max().into_scalar::<f32>();
            assert!(difference < 1e-6, "{decoder:?}: {difference}");
            assert!(by_hand.abs().max().into_scalar::<f32>() <= 1.0);
        }
    }

    /// A draw of a pixel has its grey level as mean: so has what is encoded.
    #[test]
    fn drawn_pixels_are_encoded_as_their_probabilities() {
        let (vae, noise, _) = vae(Decoder::DYNAMIC);
        let grey = Tensor::<2>::full([1, 16], 0.5, noise.device());
        let expected = Tensor::<2>::full([1, 16], 0.75, noise.device());
        let mean = vae.networks.shown().encoder.forward(expected, Pass::Eval).0;
        assert_eq!(vae.encode(grey).to_data(), mean.to_data());
    }

    #[test]
    fn thresholded_pixels_are_repeatable_and_drawn_ones_have_their_grey_level_as_mean() {
        let (vae, noise, _) = vae(Decoder::DYNAMIC);
        let items = Tensor::<2>::full([4000, 16], 0.5, noise.device());
        let share = vae.observe(items.clone(), &noise).mean().into_scalar::<f64>();
        assert!((share - 0.75).abs() < 4.0 * (0.1875f64 / 64_000.0).sqrt(), "{share}");
        let threshold = Observation { decoder: Decoder::THRESHOLD, ..vae.observation };
        assert_eq!(threshold.observe(items, &noise).mean().into_scalar::<f64>(), 1.0);
    }

    /// Data that are independent pixels: their entropy is what independent marginals cost.
    #[test]
    fn independent_marginals_cost_the_entropy_of_independent_pixels() {
        let (vae, noise, _) = vae(Decoder::DYNAMIC);
        let draw = || vae.observe(Tensor::<2>::full([4000, 16], 0.5, noise.device()), &noise);
        let cost = -vae.independent(draw(), draw()).mean().into_scalar::<f64>();
        let entropy = -16.0 * (0.75f64 * 0.75f64.ln() + 0.25 * 0.25f64.ln());
        assert!((cost - entropy).abs() < 0.1, "{cost} against {entropy}");
    }
}
