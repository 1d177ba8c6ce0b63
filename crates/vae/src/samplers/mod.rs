//! Samplers: laws of codes that are fitted once an autoencoder is trained, so that what is decoded of their draws looks like what
//! it was trained on. A prior that codes were only drawn to, or nothing at all, often describes them badly.
//!
//! ```
//! use ganvas_vae::samplers::{Codes, Law};
//! # use burn::tensor::Device;
//! # use ganvas_nets::noise::Noise;
//! # use ganvas_prob::stream::Streams;
//! # let device = Device::flex().autodiff();
//! let codes = Codes::new(2, vec![0.0, 1.0, 1.0, 1.0, 1.0, 0.0, 3.0, 2.0])?;
//! let fitted = Law::Gaussian.fit(&codes, Streams::new(1), &device, &mut |_, _| ())?;
//! let drawn = fitted.draw(5, &Noise::new(Streams::new(2), "sample", 0, &Device::flex()));
//! assert_eq!(drawn.dims(), [5, 2]);
//! # Ok::<(), ganvas_vae::samplers::SamplerError>(())
//! ```

mod fitted;
mod flow;
mod two_stage;

use burn::tensor::{Device, Tensor};
use ganvas_data::{DataError, Sampling};
use ganvas_engine::EngineError;
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::Step;
use ganvas_engine::system::{Autoencoder, Batch, Conditional, Likelihood, Model, Traversal};
use ganvas_nets::flows::FlowKind;
use ganvas_nets::noise::Noise;
use ganvas_nets::state::Part;
use ganvas_prob::distributions::GaussianMixtureError;
use ganvas_prob::stream::Streams;

/// What codes are taken to be distributed like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// N(0, I), whatever the codes are.
    Normal,
    /// A Gaussian with their mean and covariance.
    Gaussian,
    /// A mixture of ten Gaussians with covariances of their own, by expectation maximisation (Ghosh et al. 2020, section 4).
    Mixture,
    /// A masked autoregressive flow (Papamakarios et al. 2017).
    Maf,
    /// An inverse autoregressive flow (Kingma et al. 2016), fitted by likelihood like the other: a pass for each latent in every
    /// step, where a draw is one.
    Iaf,
    /// A second VAE, of the codes (Dai and Wipf 2019).
    TwoStage,
}

impl Law {
    /// All of them.
    pub const ALL: [Law; 6] = [Law::Normal, Law::Gaussian, Law::Mixture, Law::Maf, Law::Iaf, Law::TwoStage];

    /// The word for it on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Law::Normal => "normal",
            Law::Gaussian => "gaussian",
            Law::Mixture => "gmm",
            Law::Maf => "maf",
            Law::Iaf => "iaf",
            Law::TwoStage => "two-stage",
        }
    }

    /// This law, fitted to codes. What is random in that is keyed by `streams`; `device` tracks gradients; `tell` hears how many
    /// steps of how many are done.
    ///
    /// # Errors
    /// If there are too few codes for it.
    pub fn fit(
        self,
        codes: &Codes,
        streams: Streams,
        device: &Device,
        tell: &mut dyn FnMut(u64, u64),
    ) -> Result<Box<dyn CodeLaw>, SamplerError> {
        let streams = streams.fork("sampler");
        Ok(match self {
            Law::Normal => Box::new(fitted::Standard { latent: codes.dims }),
            Law::Gaussian => Box::new(fitted::Mixture::fit(codes, 1, &streams)?),
            Law::Mixture => Box::new(fitted::Mixture::fit(codes, 10, &streams)?),
            Law::Maf => Box::new(flow::Fitted::fit(codes, FlowKind::Maf, streams, device, tell)?),
            Law::Iaf => Box::new(flow::Fitted::fit(codes, FlowKind::Iaf, streams, device, tell)?),
            Law::TwoStage => Box::new(two_stage::SecondStage::fit(codes, streams, device, tell)?),
        })
    }
}

/// A law of codes.
pub trait CodeLaw: Send {
    /// `n` draws, `[n, latent]`, on the noise's device.
    fn draw(&self, n: usize, noise: &Noise) -> Tensor<2>;

    /// The mean log-density of codes, in nats, where it has one in closed form.
    fn mean_log_density(&self, _codes: &Codes) -> Option<f64> {
        None
    }
}

/// Why a law cannot be fitted.
#[derive(Debug, thiserror::Error)]
pub enum SamplerError {
    /// The codes are none.
    #[error("{values} values are no codes of {latent} numbers each that are all finite")]
    Codes {
        /// Numbers of a code.
        latent: usize,
        /// All values.
        values: usize,
    },
    /// A mixture could not be fitted.
    #[error(transparent)]
    Mixture(#[from] GaussianMixtureError),
    /// Training a law failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The codes make no data set.
    #[error(transparent)]
    Data(#[from] DataError),
}

impl From<ConfigError> for SamplerError {
    fn from(error: ConfigError) -> Self {
        Self::Engine(error.into())
    }
}

/// Codes on the host.
#[derive(Clone, Debug, PartialEq)]
pub struct Codes {
    dims: usize,
    values: Vec<f32>,
}

impl Codes {
    /// Of `dims` numbers each, one after the other.
    ///
    /// # Errors
    /// If they are none, the last is not whole, or a number is not finite.
    pub fn new(dims: usize, values: Vec<f32>) -> Result<Self, SamplerError> {
        let whole = dims > 0 && !values.is_empty() && values.len().is_multiple_of(dims);
        if !whole || !values.iter().all(|x| x.is_finite()) {
            return Err(SamplerError::Codes { latent: dims, values: values.len() });
        }
        Ok(Self { dims, values })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.dims
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The first `n`, and the others.
    pub fn split(&self, n: usize) -> (Vec<f32>, Vec<f32>) {
        let (first, rest) = self.values.split_at(n.min(self.len()) * self.dims);
        (first.to_vec(), rest.to_vec())
    }

    fn doubles(&self) -> Vec<f64> {
        self.values.iter().map(|&x| f64::from(x)).collect()
    }
}

/// A system whose samples are decoded from draws of a fitted law; all else is as before.
pub struct Sampled {
    model: Box<dyn Model>,
    law: Box<dyn CodeLaw>,
}

impl Sampled {
    /// Of an autoencoder that wants no class to be told; any other is given back.
    ///
    /// # Errors
    /// The system, if it is no such autoencoder.
    pub fn new(model: Box<dyn Model>, law: Box<dyn CodeLaw>) -> Result<Self, Box<dyn Model>> {
        let fits = model.autoencoder().is_some_and(|autoencoder| !autoencoder.needs_class());
        if fits { Ok(Self { model, law }) } else { Err(model) }
    }
}

impl Model for Sampled {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        self.model.step(batch, step);
    }

    fn batches(&self) -> usize {
        self.model.batches()
    }

    fn sampling(&self, progress: f64) -> Sampling {
        self.model.sampling(progress)
    }

    fn wants_one_device(&self) -> bool {
        self.model.wants_one_device()
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        match self.model.autoencoder() {
            Some(autoencoder) => autoencoder.decode(self.law.draw(n, noise), None),
            None => self.model.sample(n, noise),
        }
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        self.model.parts()
    }

    fn likelihood(&self) -> Option<&dyn Likelihood> {
        self.model.likelihood()
    }

    fn conditional(&self) -> Option<&dyn Conditional> {
        self.model.conditional()
    }

    fn autoencoder(&self) -> Option<&dyn Autoencoder> {
        self.model.autoencoder()
    }

    fn traversal(&self) -> Option<&dyn Traversal> {
        self.model.traversal()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shape that no Gaussian has: x from N(0, 1), and x^2 with a deviation of 0.1.
    fn bent(n: usize, seed: u64) -> Codes {
        let noise = Noise::new(Streams::new(seed), "bent", 0, &Device::flex());
        let x = noise.normal("x", [n, 1]);
        let y = x.clone().square() + noise.normal("y", [n, 1]).mul_scalar(0.1);
        Codes::new(2, Tensor::cat(vec![x, y], 1).to_data().iter().collect()).unwrap()
    }

    /// How far draws are from x^2.
    fn off(law: &dyn CodeLaw) -> f64 {
        let noise = Noise::new(Streams::new(9), "draw", 0, &Device::flex());
        let drawn = law.draw(1000, &noise);
        let (x, y) = (drawn.clone().narrow(1, 0, 1), drawn.narrow(1, 1, 1));
        (y - x.square()).abs().mean().into_scalar::<f64>()
    }

    #[test]
    fn laws_that_can_bend_follow_the_codes_and_a_gaussian_does_not() {
        let codes = bent(4000, 1);
        let device = Device::flex().autodiff();
        let fit = |law: Law| law.fit(&codes, Streams::new(1), &device, &mut |_, _| ()).unwrap();
        let gaussian = off(fit(Law::Gaussian).as_ref());
        assert!(gaussian > 1.0, "{gaussian}");
        for law in [Law::Mixture, Law::Maf, Law::Iaf, Law::TwoStage] {
            let found = off(fit(law).as_ref());
            assert!(found < 0.4 * gaussian, "{law:?}: {found} against {gaussian}");
        }
    }

    #[test]
    fn densities_of_codes_that_were_not_fitted_rank_the_laws() {
        let (codes, other) = (bent(3000, 1), bent(1000, 2));
        let device = Device::flex().autodiff();
        let of = |law: Law| {
            let fitted = law.fit(&codes, Streams::new(1), &device, &mut |_, _| ()).unwrap();
            fitted.mean_log_density(&other)
        };
        let (gaussian, mixture, maf) = (of(Law::Gaussian).unwrap(), of(Law::Mixture).unwrap(), of(Law::Maf).unwrap());
        assert!(mixture > gaussian + 0.5 && maf > gaussian + 0.5, "{gaussian}, {mixture}, {maf}");
        assert_eq!(of(Law::TwoStage), None);
        // E |x|^2 = 1 + 3 + 0.01; the mean of 1,000 fourth powers is off by 0.3.
        let normal = of(Law::Normal).unwrap();
        assert!((normal + (2.0 * std::f64::consts::PI).ln() + 2.005).abs() < 0.6, "{normal}");
    }

    #[test]
    fn what_are_no_codes_is_refused() {
        for (dims, values) in [(0, vec![1.0]), (2, vec![]), (2, vec![1.0; 3]), (1, vec![f32::NAN])] {
            assert!(matches!(Codes::new(dims, values), Err(SamplerError::Codes { .. })));
        }
        let one = Codes::new(2, vec![1.0, 2.0]).unwrap();
        let device = Device::flex().autodiff();
        assert!(Law::Mixture.fit(&one, Streams::new(1), &device, &mut |_, _| ()).is_err());
        for law in [Law::Maf, Law::TwoStage] {
            let fitted = law.fit(&one, Streams::new(1), &device, &mut |_, _| ()).unwrap();
            let noise = Noise::new(Streams::new(9), "draw", 0, &Device::flex());
            assert!(fitted.draw(3, &noise).abs().max().into_scalar::<f32>().is_finite(), "{law:?}");
        }
    }
}
