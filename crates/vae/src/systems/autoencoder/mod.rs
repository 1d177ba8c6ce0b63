//! What most autoencoders are: an encoder and a decoder of any architecture, trained as one by any objective, with any
//! posterior, prior and decoder. Such a system is a [`Recipe`]: its name, presets and acceptance checks.

mod config;
mod laws;
mod likelihood;
mod sphere;
#[cfg(test)]
mod tests;
mod train;

use std::marker::PhantomData;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::Step;
use ganvas_engine::system::{
    Autoencoder, Batch, Build, Code, CodeValues, Conditional, DataSpec, Info, Likelihood, Model, Preset, Recommended,
    System, Traversal, with_values,
};
use ganvas_nets::encoder::{Decoder, Encoder, mean_and_log_variance, reparameterize};
use ganvas_nets::flows::AnyFlow;
use ganvas_nets::init::Initializer;
use ganvas_nets::labels::indicators;
use ganvas_nets::layers::{Linear, Moments, Values};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::Trained;
use ganvas_nets::state::Part;
use ganvas_prob::distributions::MultivariateNormal;

use crate::networks::Sizes;
use crate::observation::Observation;

use laws::{Coded, PriorLaw};
use sphere::{direction, on_sphere};

pub(crate) use config::check_training;
pub(crate) use train::{latents_of, loss_of_one};

pub use config::{AutoencoderConfig, Objective, Posterior, Prior, Warmup};

/// What makes a system of its own out of the shared parts.
pub trait Recipe: 'static {
    /// What a person reads of it; it has one phase.
    const INFO: Info;

    /// The settings of a preset for these data.
    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AutoencoderConfig>;

    /// Its acceptance checks.
    ///
    /// # Errors
    /// If a check could not be carried out.
    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError>;
}

/// Encoder and decoder, and what is learned beside them, trained as one.
#[derive(Module, Debug)]
pub(crate) struct Networks {
    pub encoder: Encoder,
    pub decoder: Decoder,
    /// A tenth of the logarithm of the decoder's scale, where that is learned: by Adam, whose steps are of one size for all, it comes
    /// to its place in hundreds of steps and not in thousands.
    log_scale: Option<Values<1>>,
    /// Mean and log-variance of the latents of each class, where the prior is by class.
    class_prior: Option<Linear>,
    /// Where the posteriors lie that are the prior, where it is made of them: what is observed, value by value.
    pseudo_inputs: Option<Values<2>>,
    /// What the posterior's draws go through.
    flow: Option<AnyFlow>,
    /// Where codes lie that the prior says nothing of.
    codes: Option<Moments>,
}

impl Networks {
    pub(super) fn log_scale(&self) -> Option<Tensor<1>> {
        self.log_scale.as_ref().map(|value| value.get().mul_scalar(10.0))
    }
}

/// Everything of a system that is not trained.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub observation: Observation,
    pub config: AutoencoderConfig,
    /// Classes that are told; 0: none.
    pub classes: usize,
}

/// An encoder and a decoder.
pub struct Autoencoding<R> {
    pub(crate) networks: Trained<Networks>,
    pub(crate) setup: Setup,
    recipe: PhantomData<fn() -> R>,
}

impl<R: Recipe> System for Autoencoding<R> {
    const INFO: Info = R::INFO;

    type Config = AutoencoderConfig;

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AutoencoderConfig> {
        R::preset(preset, data)
    }

    fn build(config: &AutoencoderConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        config.check(data)?;
        let classes = if config.conditional { data.classes } else { 0 };
        let observation = Observation { decoder: config.decoder, shape: data.shape };
        let (centre, bias) = observation.start(&data.mean);
        let latent = config.latent;
        let mut init = build.init("prior", Initializer::Normal { sd: 0.05 });
        let log_scale = config.decoder.learned().map(|scale| init.parameter(vec![scale.ln() as f32 / 10.0], [1]));
        let class_prior = (config.prior == Prior::ByClass).then(|| Linear::new(classes, 2 * latent, false, &mut init));
        let pseudo_inputs = match config.prior {
            Prior::Vamp { inputs } => {
                let values = centre.len();
                let around = init.normal([inputs, values], 0.0, 0.05).val().detach();
                let centre = Tensor::<1>::from_data(TensorData::new(centre.clone(), [values]), build.device);
                let start = (around + centre.unsqueeze()).to_data().iter().collect();
                Some(Values::new(init.parameter(start, [inputs, values])))
            }
            _ => None,
        };
        let codes = config.fits_codes().then(|| Moments::new(latent, build.device));
        let context = config.context();
        let outputs = config.posterior.outputs(latent) + context;
        let flow = match &config.flow {
            Some(flow) => AnyFlow::new(latent, context, flow, &mut build.init("flow", flow.init)).into(),
            None => None,
        };
        let sizes = Sizes { latent, outputs, classes, centre, bias };
        let (encoder, decoder) = config.networks.build(sizes, data, build)?;
        let log_scale = log_scale.map(Values::new);
        let networks = Networks { encoder, decoder, log_scale, class_prior, pseudo_inputs, flow, codes };
        Ok(Self {
            networks: Trained::new(networks, config.optimizer).averaged(config.ema),
            setup: Setup { observation, config: config.clone(), classes },
            recipe: PhantomData,
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        R::accept(acceptance)
    }
}

impl<R: Recipe> Model for Autoencoding<R> {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        self.update(batch, step);
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        match self.setup.classes {
            0 => self.generate(n, None, noise),
            // As many of each class, in turn.
            count => self.sample_of(&(0..n).map(|i| i % count).collect::<Vec<_>>(), noise),
        }
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        vec![("networks", &mut self.networks)]
    }

    fn likelihood(&self) -> Option<&dyn Likelihood> {
        (self.setup.config.posterior != Posterior::Deterministic).then_some(self)
    }

    fn autoencoder(&self) -> Option<&dyn Autoencoder> {
        Some(self)
    }

    fn traversal(&self) -> Option<&dyn Traversal> {
        (self.setup.classes == 0).then_some(self)
    }

    fn conditional(&self) -> Option<&dyn Conditional> {
        (self.setup.classes > 0).then_some(self)
    }
}

impl<R: Recipe> Conditional for Autoencoding<R> {
    fn classes(&self) -> usize {
        self.setup.classes
    }

    fn sample_of(&self, classes: &[usize], noise: &Noise) -> Tensor<2> {
        self.generate(classes.len(), self.told(Some(classes), noise.device()), noise)
    }
}

/// A code is the mean of the posterior; pixels that the model draws are seen as their probabilities.
impl<R: Recipe> Autoencoder for Autoencoding<R> {
    fn code_size(&self) -> usize {
        self.setup.config.latent
    }

    fn needs_class(&self) -> bool {
        self.setup.classes > 0
    }

    fn codes_by_class(&self) -> bool {
        self.setup.classes > 0
    }

    fn encode(&self, items: Tensor<2>, classes: Option<&[usize]>) -> Tensor<2> {
        let told = self.told(classes, &items.device());
        let networks = self.networks.shown();
        self.setup.coded(&networks, self.setup.observation.expected(items), told, Pass::Eval).code()
    }

    fn draw(&self, items: Tensor<2>, classes: Option<&[usize]>, noise: &Noise) -> Tensor<2> {
        let told = self.told(classes, &items.device());
        let (networks, observed) = (self.networks.shown(), self.setup.observation.observe(items, noise));
        let coded = self.setup.coded(&networks, observed, told, Pass::Eval);
        coded.draw(noise, 1).z
    }

    fn decode(&self, codes: Tensor<2>, classes: Option<&[usize]>) -> Tensor<2> {
        let told = self.told(classes, &codes.device());
        // A law that is fitted to codes draws some off the sphere.
        let codes = if self.setup.config.prior == Prior::Sphere { direction(codes) } else { codes };
        self.setup.observation.mean(self.networks.shown().decoder.forward(codes, told, Pass::Eval))
    }
}

impl<R: Recipe> Traversal for Autoencoding<R> {
    fn codes(&self) -> Vec<Code> {
        // Codes that no prior holds lie where they lie.
        let lie = self.networks.shown().codes.map(|codes| codes.get());
        let latent = self.setup.config.latent;
        let values = |i: usize| match &lie {
            Some((mean, covariance)) => {
                let reach = 2.0 * covariance[i * latent + i].max(0.0).sqrt();
                CodeValues::Continuous { from: mean[i] - reach, to: mean[i] + reach }
            }
            None if self.setup.config.prior == Prior::Sphere => CodeValues::Continuous { from: -1.0, to: 1.0 },
            None => CodeValues::Normal,
        };
        (0..latent).map(|i| Code { name: format!("z{}", i + 1), values: values(i) }).collect()
    }

    fn traverse(&self, code: usize, values: &[f64], noise: &Noise) -> Tensor<2> {
        let latent = self.latents(1, None, noise);
        let walked = match self.setup.config.prior {
            Prior::Sphere => on_sphere(latent, code, values),
            _ => with_values(latent, code, values),
        };
        self.decode(walked, None)
    }
}

impl<R> Autoencoding<R> {
    /// Indicators of the classes that the networks are told, `[n, classes]`.
    fn told(&self, classes: Option<&[usize]>, device: &Device) -> Option<Tensor<2>> {
        let classes = classes.filter(|_| self.setup.classes > 0)?;
        let labels: Vec<i64> = classes.iter().map(|&class| class as i64).collect();
        let labels = Tensor::from_data(TensorData::new(labels, [classes.len()]), device);
        Some(indicators(labels, self.setup.classes))
    }

    fn generate(&self, n: usize, told: Option<Tensor<2>>, noise: &Noise) -> Tensor<2> {
        let networks = self.networks.shown();
        let latents = self.latents(n, told.clone(), noise);
        let decoded = networks.decoder.forward(latents, told, Pass::Eval);
        self.setup.observation.show(decoded, networks.log_scale(), noise)
    }

    /// `[n, latent]` draws of the prior; where it says nothing of the codes, of a Gaussian fitted to those of training.
    fn latents(&self, n: usize, told: Option<Tensor<2>>, noise: &Noise) -> Tensor<2> {
        let networks = self.networks.shown();
        let draws = noise.normal("latent", [n, self.setup.config.latent]);
        if let Some(codes) = &networks.codes {
            return fitted(codes, draws);
        }
        match self.setup.prior(&networks, told, Pass::Eval) {
            PriorLaw::StandardNormal => draws,
            PriorLaw::Sphere => direction(draws),
            PriorLaw::Gaussian { mean, log_variance } => reparameterize(mean, log_variance, draws),
            PriorLaw::Mixture { mean, log_variance } => {
                let chosen = noise.classes("pseudo-input", n, mean.dims()[0]);
                reparameterize(mean.select(0, chosen.clone()), log_variance.select(0, chosen), draws)
            }
        }
    }
}

/// Standard normal draws as draws of a Gaussian with these moments. Where rounding has left the covariance without a Cholesky
/// factor, latents are drawn as if they were independent.
fn fitted(moments: &Moments, draws: Tensor<2>) -> Tensor<2> {
    let (mean, mut covariance) = moments.get();
    let ([n, d], device) = (draws.dims(), draws.device());
    let ridge = 1e-6 * (0..d).map(|i| covariance[i * d + i]).sum::<f64>() / d as f64 + 1e-12;
    (0..d).for_each(|i| covariance[i * d + i] += ridge);
    let sd: Vec<f64> = (0..d).map(|i| covariance[i * d + i].max(0.0).sqrt()).collect();
    let law = MultivariateNormal::full(&mean, &covariance).ok();
    let draws: Vec<f64> = draws.to_data().iter().collect();
    let of = |eps: &[f64]| match law.as_ref().and_then(|law| law.transform(eps).ok()) {
        Some(z) => z,
        None => (0..d).map(|i| mean[i] + sd[i] * eps[i]).collect(),
    };
    let values: Vec<f32> = draws.chunks(d).flat_map(of).map(|z| z as f32).collect();
    Tensor::from_data(TensorData::new(values, [n, d]), &device)
}

impl Setup {
    /// What the encoder says of what is observed, `[n, values]`, and told, `[n, classes]`.
    pub fn coded(&self, networks: &Networks, observed: Tensor<2>, told: Option<Tensor<2>>, pass: Pass) -> Coded {
        let (posterior, latent) = (self.config.posterior, self.config.latent);
        let out = networks.encoder.forward(observed, told, pass);
        let coded = posterior.read(out.clone(), latent);
        let Some(flow) = &networks.flow else { return coded };
        let (own, context) = (posterior.outputs(latent), self.config.context());
        coded.through(flow.clone(), (context > 0).then(|| out.narrow(1, own, context)))
    }

    /// The prior of the latents of what is told.
    pub fn prior(&self, networks: &Networks, told: Option<Tensor<2>>, pass: Pass) -> PriorLaw {
        if self.config.prior == Prior::Sphere {
            return PriorLaw::Sphere;
        }
        let learned = (&networks.class_prior, told, &networks.pseudo_inputs);
        match learned {
            (Some(linear), Some(told), _) => {
                let (mean, log_variance) = mean_and_log_variance(linear.forward(told, pass));
                PriorLaw::Gaussian { mean, log_variance }
            }
            (_, _, Some(inputs)) => {
                let inputs = self.observation.in_range(inputs.get());
                let (mean, log_variance) = mean_and_log_variance(networks.encoder.forward(inputs, None, pass));
                PriorLaw::Mixture { mean, log_variance }
            }
            _ => PriorLaw::StandardNormal,
        }
    }
}
