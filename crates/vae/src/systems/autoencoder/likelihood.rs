use burn::tensor::Tensor;
use ganvas_engine::system::{Batch, Bounded, Likelihood};
use ganvas_nets::noise::{Noise, Pass};

use super::{Autoencoding, Recipe};
use crate::objectives::importance_weighted;

impl<R: Recipe> Likelihood for Autoencoding<R> {
    fn observation(&self) -> &'static str {
        self.setup.observation.name()
    }

    fn is_discrete(&self) -> bool {
        self.setup.observation.is_discrete()
    }

    fn observe(&self, items: Tensor<2>, noise: &Noise) -> Tensor<2> {
        self.setup.observation.observe(items, noise)
    }

    fn elbo(&self, observed: &Batch, noise: &Noise) -> Bounded {
        let (setup, networks) = (&self.setup, self.networks.shown());
        let told = setup.told(observed);
        let coded = setup.coded(&networks, observed.items.clone(), told.clone(), Pass::Eval);
        let prior = setup.prior(&networks, told.clone(), Pass::Eval);
        let drawn = coded.draw(noise, 1);
        let decoded = networks.decoder.forward(drawn.z.clone(), told, Pass::Eval);
        let observation = &setup.observation;
        let error = observation.error(observed.items.clone(), decoded.clone());
        let likelihood = observation.log_likelihood(observed.items.clone(), decoded, networks.log_scale());
        let per_latent = prior.divergence(&coded);
        let kl = prior.kl(&coded, &drawn, per_latent.as_ref());
        Bounded { likelihood, kl, per_latent, mean: coded.code(), error }
    }

    fn bound(&self, observed: &Batch, k: usize, noise: &Noise) -> Tensor<1> {
        let (setup, networks) = (&self.setup, self.networks.shown());
        let told = setup.told(observed);
        let coded = setup.coded(&networks, observed.items.clone(), told.clone(), Pass::Eval);
        let prior = setup.prior(&networks, told.clone(), Pass::Eval);
        let weights = (0..k).map(|_| {
            let drawn = coded.draw(noise, 1);
            let decoded = networks.decoder.forward(drawn.z.clone(), told.clone(), Pass::Eval);
            let likelihood = setup.observation.log_likelihood(observed.items.clone(), decoded, networks.log_scale());
            (likelihood + prior.log_ratio(&coded, &drawn)).unsqueeze_dim::<2>(1)
        });
        importance_weighted(Tensor::cat(weights.collect(), 1))
    }

    fn independent(&self, train: Tensor<2>, test: Tensor<2>) -> Tensor<1> {
        self.setup.observation.independent(train, test)
    }
}

impl<R> Autoencoding<R> {
    /// One draw of the latents of observed items, and mean and log-variance of what they are drawn from: `[n, latent]` each.
    pub(crate) fn posterior(&self, observed: &Batch, noise: &Noise) -> (Tensor<2>, Tensor<2>, Tensor<2>) {
        let (setup, networks) = (&self.setup, self.networks.shown());
        let coded = setup.coded(&networks, observed.items.clone(), setup.told(observed), Pass::Eval);
        let drawn = coded.draw(noise, 1);
        let log_variance = coded.log_variance.unwrap_or_else(|| coded.mean.zeros_like());
        (drawn.z, coded.mean, log_variance)
    }

    /// The divergence of the posterior from the prior by one draw, `[n]`: its mean over draws is the closed form.
    pub(crate) fn drawn_divergence(&self, observed: &Batch, noise: &Noise) -> Tensor<1> {
        let (setup, networks) = (&self.setup, self.networks.shown());
        let told = setup.told(observed);
        let coded = setup.coded(&networks, observed.items.clone(), told.clone(), Pass::Eval);
        setup.prior(&networks, told, Pass::Eval).log_ratio(&coded, &coded.draw(noise, 1)).neg()
    }
}
