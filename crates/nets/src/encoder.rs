//! Encoders, which bring items to the parameters of a distribution of latents, and decoders, which bring latents back.

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};

use crate::dcgan;
use crate::dual::Dual;
use crate::export::{Layout, TorchLayer};
use crate::init::Init;
use crate::layers::Buffer;
use crate::mlp::Mlp;
use crate::noise::Pass;
use crate::resnet;

/// Log-variances are kept within these: a variance between 4.5e-5 and 55.
pub const LOG_VARIANCE: (f64, f64) = (-10.0, 4.0);

/// Items to numbers that say something of their latents.
#[derive(Module, Debug)]
pub struct Encoder {
    net: EncoderNet,
    centre: Buffer<1>,
}

/// What an [`Encoder`] is made of.
#[allow(clippy::large_enum_variant, reason = "there are few of them, and modules cannot be boxed")]
#[derive(Module, Debug)]
pub enum EncoderNet {
    /// Fully connected.
    Mlp(Mlp),
    /// Strided convolutions.
    Conv(dcgan::Discriminator),
    /// Residual blocks.
    Resnet(resnet::Discriminator),
}

impl Encoder {
    pub(crate) const TORCH: TorchLayer = TorchLayer {
        layer: "Encoder",
        torch: "nn.Module",
        values: &[("centre", "centre", Layout::Same)],
        counters: &[],
    };

    /// A network whose input is items less `centre`, value by value.
    pub fn new(net: EncoderNet, centre: Vec<f32>, init: &Init) -> Self {
        let inputs = centre.len();
        let centre = Tensor::from_data(TensorData::new(centre, [inputs]), init.device());
        Self { net, centre: Buffer::new(centre) }
    }

    /// # Shapes
    /// `[batch, values]`, and indicators of the classes `[batch, classes]` where they are told, to `[batch, outputs]`.
    pub fn forward(&self, x: Tensor<2>, classes: Option<Tensor<2>>, pass: Pass) -> Tensor<2> {
        let x = x - self.centre.get().unsqueeze();
        match &self.net {
            EncoderNet::Mlp(net) => net.given(x, classes, pass),
            EncoderNet::Conv(net) => net.judge(x.into(), classes, pass).score.value,
            EncoderNet::Resnet(net) => net.judge(x.into(), classes, pass).score.value,
        }
    }
}

/// Latents to what is said of items.
#[allow(clippy::large_enum_variant, reason = "there are few of them, and modules cannot be boxed")]
#[derive(Module, Debug)]
pub enum Decoder {
    /// Fully connected.
    Mlp(Mlp),
    /// Transposed convolutions.
    Conv(dcgan::Generator),
    /// Residual blocks.
    Resnet(resnet::Generator),
}

impl Decoder {
    /// # Shapes
    /// `[batch, latent]`, and indicators of the classes `[batch, classes]` where they are told, to `[batch, values]`.
    pub fn forward(&self, z: Tensor<2>, classes: Option<Tensor<2>>, pass: Pass) -> Tensor<2> {
        self.dual(z.into(), classes, pass).value
    }

    /// [`forward`](Decoder::forward), with a tangent along a direction of the latents.
    pub fn dual(&self, z: Dual<2>, classes: Option<Tensor<2>>, pass: Pass) -> Dual<2> {
        match self {
            Self::Mlp(net) => net.dual_given(z, classes, pass),
            Self::Conv(net) => net.dual(z, classes, pass).flatten(1, 3),
            Self::Resnet(net) => net.dual(z, classes, pass).flatten(1, 3),
        }
    }
}

/// Mean and log-variance, the latter within [-10, 4], of `[batch, 2 latent]`: `[batch, latent]` each.
pub fn mean_and_log_variance(out: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let latent = out.dims()[1] / 2;
    let log_variance = out.clone().narrow(1, latent, latent).clamp(LOG_VARIANCE.0, LOG_VARIANCE.1);
    (out.narrow(1, 0, latent), log_variance)
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
    use crate::mlp::MlpConfig;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn encoder(centre: Vec<f32>, config: &MlpConfig, outputs: usize) -> Encoder {
        let mut init = Init::new(&Streams::new(1), "encoder", config.init, &Device::flex());
        let net = EncoderNet::Mlp(Mlp::new(centre.len(), outputs, config, &mut init));
        Encoder::new(net, centre, &init)
    }

    #[test]
    fn the_centre_is_where_the_encoder_sees_zero() {
        let config = MlpConfig::new(&[8], Activation::Tanh, Initializer::Glorot);
        let encoder = encoder(vec![0.25, 0.5], &config, 6);
        let out = encoder.forward(Tensor::from_floats([[0.25, 0.5]], &Device::flex()), None, Pass::Eval);
        let (mean, log_variance) = mean_and_log_variance(out);
        assert_eq!(mean.abs().max().into_scalar::<f32>(), 0.0, "no bias, tanh(0) = 0");
        assert_eq!(log_variance.dims(), [1, 3]);
    }

    #[test]
    fn log_variances_stay_within_their_bounds() {
        let config = MlpConfig::new(&[], Activation::Tanh, Initializer::Normal { sd: 100.0 });
        let out = encoder(vec![0.0; 4], &config, 100).forward(Tensor::ones([3, 4], &Device::flex()), None, Pass::Eval);
        let (_, v) = mean_and_log_variance(out);
        assert_eq!((v.clone().min().into_scalar::<f32>(), v.max().into_scalar::<f32>()), (-10.0, 4.0));
    }
}
