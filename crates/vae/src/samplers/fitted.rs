use std::f64::consts::TAU;

use burn::tensor::{Tensor, TensorData};
use ganvas_nets::noise::Noise;
use ganvas_prob::distributions::{GaussianMixture, GaussianMixtureConfig, GaussianMixtureError};
use ganvas_prob::stream::Streams;

use super::{CodeLaw, Codes};

/// N(0, I).
pub(super) struct Standard {
    pub latent: usize,
}

impl CodeLaw for Standard {
    fn draw(&self, n: usize, noise: &Noise) -> Tensor<2> {
        noise.normal("latent", [n, self.latent])
    }

    fn mean_log_density(&self, codes: &Codes) -> Option<f64> {
        let squares: f64 = codes.values.iter().map(|&z| f64::from(z).powi(2)).sum();
        Some(-0.5 * (squares / codes.len() as f64 + self.latent as f64 * TAU.ln()))
    }
}

/// A mixture of Gaussians.
pub(super) struct Mixture(GaussianMixture);

impl Mixture {
    pub fn fit(codes: &Codes, components: usize, streams: &Streams) -> Result<Self, GaussianMixtureError> {
        let config = GaussianMixtureConfig::new();
        let mut rng = streams.rng("mixture", 0);
        Ok(Self(GaussianMixture::fit(&codes.doubles(), codes.dims, components, &config, &mut rng)?))
    }
}

impl CodeLaw for Mixture {
    /// Uniform draws choose the component, standard normal ones the place in it.
    fn draw(&self, n: usize, noise: &Noise) -> Tensor<2> {
        let chosen: Vec<f64> = noise.uniform("component", [n], 0.0, 1.0).to_data().iter().collect();
        let components: Vec<_> = self.0.components().collect();
        let latent = components.first().map_or(0, |(_, law)| law.mean().len());
        let draws: Vec<f64> = noise.normal("latent", [n, latent]).to_data().iter().collect();
        let mut values: Vec<f32> = Vec::with_capacity(n * latent);
        for (u, eps) in chosen.into_iter().zip(draws.chunks(latent.max(1))) {
            let mut left = u;
            let mut law = components.first();
            for component in &components {
                law = Some(component);
                left -= component.0;
                if left < 0.0 {
                    break;
                }
            }
            // Draws have as many numbers as the law has dimensions.
            let z = law.and_then(|(_, law)| law.transform(eps).ok()).unwrap_or_else(|| eps.to_vec());
            values.extend(z.iter().map(|&z| z as f32));
        }
        Tensor::from_data(TensorData::new(values, [n, latent]), noise.device())
    }

    fn mean_log_density(&self, codes: &Codes) -> Option<f64> {
        self.0.mean_log_density(&codes.doubles()).ok()
    }
}
