//! The encoders and decoders that an autoencoder may be made of, chosen by settings.

use ganvas_data::ItemShape;
use ganvas_engine::config::ConfigError;
use ganvas_engine::system::{Build, DataSpec};
use ganvas_nets::encoder::{Decoder, Encoder, EncoderNet};
use ganvas_nets::init::Initializer;
use ganvas_nets::labels::Conditioning;
use ganvas_nets::layers::{Activation, NormKind};
use ganvas_nets::mlp::{Mlp, MlpConfig};
use ganvas_nets::resnet::Pooling;
use ganvas_nets::{dcgan, resnet};
use serde::{Deserialize, Serialize};

/// An architecture and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Networks {
    /// Fully connected, for points and images.
    Mlp {
        /// Hidden layers of the encoder; the decoder has them in the opposite order.
        layers: MlpConfig,
    },
    /// Strided convolutions, and transposed ones, for square images (those of the DCGAN).
    Conv {
        /// Channels next to the image; they double at each halving of the side.
        width: usize,
        /// Side of the strided kernels: 4 or 5.
        kernel: usize,
        /// What stands between the layers.
        norm: NormKind,
        /// Rule for the initial weights.
        init: Initializer,
    },
    /// Residual blocks, for square images (those of the SN-GAN, without its spectral norm).
    Resnet {
        /// Channels of every block.
        width: usize,
        /// What stands before the activations.
        norm: NormKind,
        /// Rule for the initial weights.
        init: Initializer,
    },
}

/// What networks are made for.
pub(crate) struct Sizes {
    /// Latents.
    pub latent: usize,
    /// What the encoder puts out.
    pub outputs: usize,
    /// Classes that both networks are told; 0: none.
    pub classes: usize,
    /// Mean of what is observed, which the encoder takes for its zero.
    pub centre: Vec<f32>,
    /// The decoder's output before it has learned anything, value by value.
    pub bias: Vec<f32>,
}

impl Networks {
    /// Fully connected, with these hidden layers in the encoder.
    pub fn mlp(hidden: &[usize], activation: Activation, init: Initializer) -> Self {
        Self::Mlp { layers: MlpConfig::new(hidden, activation, init) }
    }

    /// Convolutional, with kernels of side 4 and batch norm.
    pub fn conv(width: usize) -> Self {
        Self::Conv { width, kernel: 4, norm: NormKind::Batch, init: Initializer::He }
    }

    /// Encoder and decoder.
    ///
    /// # Errors
    /// If a setting is out of its domain or does not suit the data.
    pub(crate) fn build(
        &self,
        sizes: Sizes,
        data: &DataSpec,
        build: &Build,
    ) -> Result<(Encoder, Decoder), ConfigError> {
        let Sizes { latent, outputs, classes, centre, bias } = sizes;
        let values = data.values();
        match self {
            Self::Mlp { layers } => {
                if let Some((name, domain, value)) = layers.fault(values + classes, values.max(outputs)) {
                    return Err(ConfigError::domain(format!("networks.layers.{name}"), domain, value));
                }
                let mut init = build.init("encoder", layers.init);
                let net = EncoderNet::Mlp(Mlp::new(values + classes, outputs, layers, &mut init));
                let encoder = Encoder::new(net, centre, &init);
                let mirrored = MlpConfig { hidden: layers.hidden.iter().rev().copied().collect(), ..layers.clone() };
                let mut init = build.init("decoder", layers.init);
                let decoder = Mlp::new(latent + classes, values, &mirrored, &mut init);
                Ok((encoder, Decoder::Mlp(decoder.with_output_bias(bias, &mut init))))
            }
            &Self::Conv { width, kernel, norm, init: rule } => {
                check_init(rule)?;
                check_norm(norm, classes)?;
                if !matches!(kernel, 4 | 5) {
                    return Err(ConfigError::domain("networks.kernel", "4 or 5", kernel));
                }
                let (channels, side) = square(data.shape)?;
                let shape = dcgan::Shape {
                    kernel,
                    generator_norm: norm,
                    discriminator_norm: told(norm),
                    classes,
                    conditioning: Conditioning::Concatenation,
                    outputs,
                    last: Activation::Identity,
                    ..dcgan::Shape::new(channels, side, width, latent)
                };
                let doublings = shape.levels().ok_or_else(|| refused(data.shape))?.1;
                let most = 4096 >> (doublings - 1);
                check_count("networks.width", width, most)?;
                let mut init = build.init("encoder", rule);
                let net = dcgan::Discriminator::new(shape, &mut init).ok_or_else(|| refused(data.shape))?;
                let encoder = Encoder::new(EncoderNet::Conv(net), centre, &init);
                let mut init = build.init("decoder", rule);
                let decoder = dcgan::Generator::new(shape, &mut init).ok_or_else(|| refused(data.shape))?;
                Ok((encoder, Decoder::Conv(decoder.with_output_bias(by_channel(&bias, channels), &mut init))))
            }
            &Self::Resnet { width, norm, init: rule } => {
                check_init(rule)?;
                check_norm(norm, classes)?;
                check_count("networks.width", width, 1024)?;
                let (channels, side) = square(data.shape)?;
                let shape = resnet::Shape {
                    generator_norm: norm,
                    discriminator_norm: told(norm),
                    pooling: Pooling::Flat,
                    classes,
                    conditioning: Conditioning::Concatenation,
                    outputs,
                    last: Activation::Identity,
                    ..resnet::Shape::new(channels, side, width, latent)
                };
                let mut init = build.init("encoder", rule);
                let net = resnet::Discriminator::new(shape, &mut init).ok_or_else(|| refused(data.shape))?;
                let encoder = Encoder::new(EncoderNet::Resnet(net), centre, &init);
                let mut init = build.init("decoder", rule);
                let decoder = resnet::Generator::new(shape, &mut init).ok_or_else(|| refused(data.shape))?;
                Ok((encoder, Decoder::Resnet(decoder.with_output_bias(by_channel(&bias, channels), &mut init))))
            }
        }
    }
}

/// An encoder's norm: it is told classes as planes of its input.
fn told(norm: NormKind) -> NormKind {
    if norm == NormKind::Conditional { NormKind::Batch } else { norm }
}

fn check_norm(norm: NormKind, classes: usize) -> Result<(), ConfigError> {
    if norm == NormKind::Conditional && classes == 0 {
        let domain = "none, batch, layer or instance where no class is told";
        return Err(ConfigError::domain("networks.norm", domain, "conditional"));
    }
    Ok(())
}

fn check_init(init: Initializer) -> Result<(), ConfigError> {
    init.fault()
        .map_or(Ok(()), |(name, domain, value)| Err(ConfigError::domain(format!("networks.{name}"), domain, value)))
}

/// Refuses a count that is zero or absurd.
pub(crate) fn check_count(key: &str, count: usize, most: usize) -> Result<(), ConfigError> {
    if (1..=most).contains(&count) { Ok(()) } else { Err(ConfigError::domain(key, format!("1 to {most}"), count)) }
}

/// The mean over the places of each channel.
pub(crate) fn by_channel(values: &[f32], channels: usize) -> Vec<f32> {
    let places = (values.len() / channels.max(1)).max(1);
    values.chunks(places).map(|values| values.iter().sum::<f32>() / places as f32).collect()
}

/// Channels and side of square images.
pub(crate) fn square(data: ItemShape) -> Result<(usize, usize), ConfigError> {
    let ItemShape::Image { channels, height, width } = data else {
        return Err(ConfigError::domain("data", "images for convolutions", data));
    };
    if height == width && dcgan::Shape::new(channels, height, 1, 1).levels().is_some() {
        Ok((channels, height))
    } else {
        Err(refused(data))
    }
}

fn refused(data: ItemShape) -> ConfigError {
    let [_, height, width] = data.planes();
    let sides = "4, 5, 6 or 7 doubled once or more, such as 16, 28, 32 or 64";
    ConfigError::domain("resolution", sides, format!("{height}x{width}"))
}
