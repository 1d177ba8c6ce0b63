//! Encoders: items to the parameters of a distribution of latents.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};

use crate::export::{Layout, TorchLayer};
use crate::init::Init;
use crate::layers::Buffer;
use crate::mlp::{Mlp, MlpConfig};
use crate::noise::Pass;

/// Log-variances are kept within these: a variance between 4.5e-5 and 55.
const LOG_VARIANCE: (f64, f64) = (-10.0, 4.0);

/// Items to mean and log-variance of a diagonal Gaussian.
#[derive(Module, Debug)]
pub struct GaussianEncoder {
    net: Mlp,
    centre: Buffer<1>,
    latent: usize,
}

impl GaussianEncoder {
    pub(crate) const TORCH: TorchLayer = TorchLayer {
        layer: "GaussianEncoder",
        torch: "nn.Module",
        values: &[("centre", "centre", Layout::Same)],
        counters: &[],
    };

    /// From `centre.len()` values, from which `centre` is subtracted, to `latent` latents.
    pub fn new(centre: Vec<f32>, latent: usize, config: &MlpConfig, init: &mut Init) -> Self {
        let inputs = centre.len();
        let net = Mlp::new(inputs, 2 * latent, config, init);
        let centre = Tensor::from_data(TensorData::new(centre, [inputs]), init.device());
        Self { net, centre: Buffer::new(centre), latent }
    }

    /// # Shapes
    /// `[batch, values]` to mean and log-variance (within [-10, 4]), `[batch, latent]` each.
    pub fn forward(&self, x: Tensor<2>, pass: Pass) -> (Tensor<2>, Tensor<2>) {
        let out = self.net.forward(x - self.centre.get().unsqueeze(), pass);
        let mean = out.clone().narrow(1, 0, self.latent);
        let log_variance = out.narrow(1, self.latent, self.latent).clamp(LOG_VARIANCE.0, LOG_VARIANCE.1);
        (mean, log_variance)
    }
}

/// z = mean + exp(log-variance / 2) eps with eps ~ N(0, I) (Kingma and Welling 2014, section 2.4). All `[batch, latent]`.
pub fn reparameterize(mean: Tensor<2>, log_variance: Tensor<2>, eps: Tensor<2>) -> Tensor<2> {
    mean + ganvas_kernels::exp(log_variance.mul_scalar(0.5)) * eps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use crate::layers::Activation;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    #[test]
    fn the_centre_is_where_the_encoder_sees_zero() {
        let config = MlpConfig::new(&[8], Activation::Tanh, Initializer::Glorot);
        let device = Device::flex();
        let mut init = Init::new(&Streams::new(1), "encoder", config.init, &device);
        let encoder = GaussianEncoder::new(vec![0.25, 0.5], 3, &config, &mut init);
        let (mean, log_variance) = encoder.forward(Tensor::from_floats([[0.25, 0.5]], &device), Pass::Eval);
        assert_eq!(mean.abs().max().into_scalar::<f32>(), 0.0, "no bias, tanh(0) = 0");
        assert_eq!(log_variance.dims(), [1, 3]);
    }

    #[test]
    fn log_variances_stay_within_their_bounds() {
        let config = MlpConfig::new(&[], Activation::Tanh, Initializer::Normal { sd: 100.0 });
        let device = Device::flex();
        let mut init = Init::new(&Streams::new(1), "encoder", config.init, &device);
        let encoder = GaussianEncoder::new(vec![0.0; 4], 50, &config, &mut init);
        let (_, v) = encoder.forward(Tensor::ones([3, 4], &device), Pass::Eval);
        assert_eq!((v.clone().min().into_scalar::<f32>(), v.max().into_scalar::<f32>()), (-10.0, 4.0));
    }
}
