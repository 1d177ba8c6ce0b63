//! The generators and discriminators that an adversarial system may be made of, chosen by settings.

use burn::module::Module;
use burn::tensor::Tensor;
use ganvas_data::ItemShape;
use ganvas_engine::config::ConfigError;
use ganvas_engine::system::{Build, DataSpec};
use ganvas_nets::dcgan;
use ganvas_nets::dual::Dual;
use ganvas_nets::init::Initializer;
use ganvas_nets::labels::{Conditioning, Judgement};
use ganvas_nets::layers::{Activation, NormKind};
use ganvas_nets::mlp::{Mlp, MlpConfig};
use ganvas_nets::noise::Pass;
use ganvas_nets::recurrent;
use ganvas_nets::resnet::{self, Pooling};
use serde::{Deserialize, Serialize};

use crate::systems::parts::check_count;

/// More channels than this at the smallest side would be billions of weights.
const MOST_CHANNELS: usize = 4096;

/// The most channels of a residual block: each has two matrices of nine times their square.
const MOST_RESIDUAL_CHANNELS: usize = 1024;

/// An architecture and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Networks {
    /// Fully connected, for points and images.
    Mlp {
        /// Hidden layers of the generator.
        generator: MlpConfig,
        /// Hidden layers of the discriminator.
        discriminator: MlpConfig,
        /// What follows the generator's last layer: `tanh` or `sigmoid` (scaled to (-1, 1)) for images, `identity` for points.
        output: Activation,
        /// The generator's last bias starts where its output is the mean of the training data.
        mean_bias: bool,
    },
    /// Convolutional (Radford et al. 2015), for images.
    Dcgan {
        /// Channels next to the image; they double at each halving of the side.
        width: usize,
        /// Side of the strided kernels: 4, or 5 as in the paper.
        kernel: usize,
        /// No linear layers and no biases, as in the paper; otherwise the first and last layer are linear.
        all_convolutional: bool,
        /// What stands between the generator's layers.
        generator_norm: NormKind,
        /// What stands between the discriminator's layers.
        discriminator_norm: NormKind,
        /// Every weight of the discriminator is brought to a spectral norm of 1.
        spectral: bool,
        /// What follows the discriminator's layers.
        slope: Activation,
        /// Rule for the initial weights.
        init: Initializer,
    },
    /// Residual (Gulrajani et al. 2017; Miyato et al. 2018), for images.
    Resnet {
        /// Channels of the generator's blocks.
        generator_width: usize,
        /// Channels of the discriminator's blocks.
        discriminator_width: usize,
        /// What stands before the generator's activations.
        generator_norm: NormKind,
        /// What stands before the discriminator's activations, but for the first block.
        discriminator_norm: NormKind,
        /// Every weight of the discriminator is brought to a spectral norm of 1.
        spectral: bool,
        /// The discriminator's activations.
        activation: Activation,
        /// How its last activations become features.
        pooling: Pooling,
        /// Rule for the initial weights; those of 3x3 kernels within blocks are sqrt 2 times as large.
        init: Initializer,
    },
    /// Long short-term memories (Esteban et al. 2017), for series: every step has noise of its own, so many values as there are steps in
    /// the latent, and a score of its own.
    Recurrent {
        /// Units of the generator's memory.
        generator_units: usize,
        /// Units of the discriminator's memory.
        discriminator_units: usize,
        /// What follows the generator's last layer: `tanh` for values in [-1, 1], `identity` for any.
        output: Activation,
        /// Rule for the initial weights of the memories.
        init: Initializer,
        /// Rule for those of what reads them.
        output_init: Initializer,
    },
}

/// The most units of a memory.
const MOST_UNITS: usize = 4096;

impl Networks {
    /// A DCGAN pair of this width with N(0, 0.02) weights and batch norm in both networks.
    pub fn dcgan(width: usize, all_convolutional: bool) -> Self {
        Self::Dcgan {
            width,
            kernel: 4,
            all_convolutional,
            generator_norm: NormKind::Batch,
            discriminator_norm: NormKind::Batch,
            spectral: false,
            slope: Activation::LeakyRelu,
            init: Initializer::Normal { sd: 0.02 },
        }
    }

    /// A residual pair of this width with Glorot's initial weights and batch norm in the generator alone.
    pub fn resnet(width: usize) -> Self {
        Self::Resnet {
            generator_width: width,
            discriminator_width: width,
            generator_norm: NormKind::Batch,
            discriminator_norm: NormKind::None,
            spectral: false,
            activation: Activation::Relu,
            pooling: Pooling::Sum,
            init: Initializer::Glorot,
        }
    }

    /// Both networks, for latents of this size and so many classes (0: none), with which the discriminator does what the
    /// conditioning says.
    ///
    /// # Errors
    /// If a setting is out of its domain or does not suit the data.
    pub fn build(
        &self,
        latent: usize,
        classes: usize,
        conditioning: Conditioning,
        data: &DataSpec,
        build: &Build,
    ) -> Result<(Generator, Discriminator), ConfigError> {
        self.check_norms(classes)?;
        match self {
            Self::Mlp { generator, discriminator, output, mean_bias } => {
                let values = data.values();
                let inputs = values + if conditioning == Conditioning::Concatenation { classes } else { 0 };
                for (key, config, inputs, outputs) in
                    [("generator", generator, latent + classes, values), ("discriminator", discriminator, inputs, 1)]
                {
                    if let Some((name, domain, value)) = config.fault(inputs, outputs) {
                        return Err(ConfigError::domain(format!("networks.{key}.{name}"), domain, value));
                    }
                }
                let mut init = build.init("generator", generator.init);
                let mut net = Mlp::new(latent + classes, values, generator, &mut init).ending_in(*output);
                if *mean_bias {
                    net = net.with_output_bias(bias_for(*output, &data.mean)?, &mut init);
                }
                let init = &mut build.init("discriminator", discriminator.init);
                let discriminator =
                    Mlp::new(inputs, 1, discriminator, init).with_classes(conditioning, classes, discriminator, init);
                Ok((Generator::Mlp(net), Discriminator::Mlp(discriminator)))
            }
            Self::Dcgan { init, .. } => {
                check_init(init)?;
                let shape = dcgan::Shape { conditioning, ..self.shape(latent, classes, data.shape)? };
                let unfit = || refused(data.shape);
                let generator = dcgan::Generator::new(shape, &mut build.init("generator", *init)).ok_or_else(unfit)?;
                let discriminator =
                    dcgan::Discriminator::new(shape, &mut build.init("discriminator", *init)).ok_or_else(unfit)?;
                Ok((Generator::Dcgan(generator), Discriminator::Dcgan(discriminator)))
            }
            Self::Recurrent { init, output_init, output, .. } => {
                check_init(init)?;
                check_init(output_init)?;
                let (shape, units) = self.recurrent(latent, classes, conditioning, data.shape)?;
                let inits = |name: &str| [build.init(name, *init), build.init(&format!("{name}/output"), *output_init)];
                let [mut memory, mut reader] = inits("generator");
                let generator = recurrent::Generator::new(shape, *output, &mut memory, &mut reader);
                let [mut memory, mut reader] = inits("discriminator");
                let shape = recurrent::Shape { units, ..shape };
                let discriminator = recurrent::Discriminator::new(shape, &mut memory, &mut reader);
                Ok((Generator::Recurrent(generator), Discriminator::Recurrent(discriminator)))
            }
            Self::Resnet { init, .. } => {
                check_init(init)?;
                let shape = resnet::Shape { conditioning, ..self.residual(latent, classes, data.shape)? };
                let unfit = || refused(data.shape);
                let generator = resnet::Generator::new(shape, &mut build.init("generator", *init)).ok_or_else(unfit)?;
                let discriminator =
                    resnet::Discriminator::new(shape, &mut build.init("discriminator", *init)).ok_or_else(unfit)?;
                Ok((Generator::Resnet(generator), Discriminator::Resnet(discriminator)))
            }
        }
    }

    /// Refuses norms that are to depend on a class where none is told, and such norms in a discriminator.
    fn check_norms(&self, classes: usize) -> Result<(), ConfigError> {
        // A fully connected network refuses them in any case.
        let (Self::Dcgan { generator_norm, discriminator_norm, .. }
        | Self::Resnet { generator_norm, discriminator_norm, .. }) = self
        else {
            return Ok(());
        };
        if *discriminator_norm == NormKind::Conditional {
            let domain = "none, batch, layer or instance";
            return Err(ConfigError::domain("networks.discriminator_norm", domain, "conditional"));
        }
        if *generator_norm == NormKind::Conditional && classes == 0 {
            let domain = "none, batch, layer or instance where `conditioning` is none";
            return Err(ConfigError::domain("networks.generator_norm", domain, "conditional"));
        }
        Ok(())
    }

    /// The sizes of a generator of series, and the units of the discriminator's memory.
    fn recurrent(
        &self,
        latent: usize,
        classes: usize,
        conditioning: Conditioning,
        data: ItemShape,
    ) -> Result<(recurrent::Shape, usize), ConfigError> {
        let (Self::Recurrent { generator_units, discriminator_units, .. }, ItemShape::Series { steps, channels }) =
            (self, data)
        else {
            return Err(ConfigError::domain("data", "series for a recurrent system", data));
        };
        check_count("networks.generator_units", *generator_units, MOST_UNITS)?;
        check_count("networks.discriminator_units", *discriminator_units, MOST_UNITS)?;
        if !latent.is_multiple_of(steps) {
            let domain = format!("a multiple of {steps}, the steps of a series, each of which has noise of its own");
            return Err(ConfigError::domain("latent", domain, latent));
        }
        if !matches!(conditioning, Conditioning::None | Conditioning::Concatenation) {
            let domain = "none or concatenation for recurrent networks";
            return Err(ConfigError::domain("conditioning", domain, "another"));
        }
        let shape = recurrent::Shape { steps, channels, latent: latent / steps, classes, units: *generator_units };
        Ok((shape, *discriminator_units))
    }

    /// The sizes of a residual pair for images of this shape.
    fn residual(&self, latent: usize, classes: usize, data: ItemShape) -> Result<resnet::Shape, ConfigError> {
        let Self::Resnet {
            generator_width,
            discriminator_width,
            generator_norm,
            discriminator_norm,
            spectral,
            activation,
            pooling,
            ..
        } = *self
        else {
            return Err(ConfigError::domain("networks.kind", "resnet", "another"));
        };
        check_count("networks.generator_width", generator_width, MOST_RESIDUAL_CHANNELS)?;
        check_count("networks.discriminator_width", discriminator_width, MOST_RESIDUAL_CHANNELS)?;
        let (channels, side) = square(data)?;
        Ok(resnet::Shape {
            generator_width,
            discriminator_width,
            generator_norm,
            discriminator_norm,
            spectral,
            activation,
            pooling,
            classes,
            ..resnet::Shape::new(channels, side, generator_width, latent)
        })
    }

    /// The sizes of a convolutional pair for images of this shape.
    pub(crate) fn shape(&self, latent: usize, classes: usize, data: ItemShape) -> Result<dcgan::Shape, ConfigError> {
        let Self::Dcgan {
            width, kernel, all_convolutional, generator_norm, discriminator_norm, spectral, slope, ..
        } = *self
        else {
            return Err(ConfigError::domain("networks.kind", "dcgan", "another"));
        };
        check_count("networks.width", width, 1024)?;
        if !matches!(kernel, 4 | 5) {
            return Err(ConfigError::domain("networks.kernel", "4 or 5", kernel));
        }
        let (channels, side) = square(data)?;
        let shape = dcgan::Shape {
            kernel,
            all_convolutional,
            generator_norm,
            discriminator_norm,
            spectral,
            slope,
            classes,
            ..dcgan::Shape::new(channels, side, width, latent)
        };
        let (_, doublings) = shape.levels().ok_or_else(|| refused(data))?;
        if width << (doublings - 1) > MOST_CHANNELS {
            let most = MOST_CHANNELS >> (doublings - 1);
            return Err(ConfigError::domain("networks.width", format!("at most {most} at {side}x{side}"), width));
        }
        Ok(shape)
    }
}

fn check_init(init: &Initializer) -> Result<(), ConfigError> {
    init.fault()
        .map_or(Ok(()), |(name, domain, value)| Err(ConfigError::domain(format!("networks.{name}"), domain, value)))
}

/// Channels and side of square images.
fn square(data: ItemShape) -> Result<(usize, usize), ConfigError> {
    let ItemShape::Image { channels, height, width } = data else {
        return Err(ConfigError::domain("data", "images for a convolutional system", data));
    };
    if height == width { Ok((channels, height)) } else { Err(refused(data)) }
}

pub(crate) fn refused(data: ItemShape) -> ConfigError {
    let [_, height, width] = data.planes();
    let sides = "4, 5, 6 or 7 doubled once or more, such as 16, 28, 32 or 64";
    ConfigError::domain("resolution", sides, format!("{height}x{width}"))
}

/// The bias at which an output is `mean`, value by value.
fn bias_for(output: Activation, mean: &[f32]) -> Result<Vec<f32>, ConfigError> {
    // A mean at the edge of the range would need an infinite bias.
    let inside = |m: f32| m.clamp(-0.998, 0.998);
    let inverse: fn(f32) -> f32 = match output {
        Activation::Identity => |m| m,
        Activation::Tanh => f32::atanh,
        Activation::Sigmoid => |m| 2.0 * m.atanh(),
        _ => {
            return Err(ConfigError::domain("networks.mean_bias", "false where `output` has no inverse", true));
        }
    };
    let bias = |&m: &f32| if output == Activation::Identity { m } else { inverse(inside(m)) };
    Ok(mean.iter().map(bias).collect())
}

/// Latents, and what is wanted of them, to items.
#[allow(clippy::large_enum_variant, reason = "there are few of them, and modules cannot be boxed")]
#[derive(Module, Debug)]
pub enum Generator {
    /// Fully connected.
    Mlp(Mlp),
    /// Convolutional.
    Dcgan(dcgan::Generator),
    /// Residual.
    Resnet(resnet::Generator),
    /// Recurrent.
    Recurrent(recurrent::Generator),
}

impl Generator {
    /// # Shapes
    /// `[n, latent]`, and indicators of the classes `[n, classes]` where they are told, to flat items `[n, values]`.
    pub fn forward(&self, latents: Tensor<2>, classes: Option<Tensor<2>>, pass: Pass) -> Tensor<2> {
        match self {
            Self::Mlp(net) => net.given(latents, classes, pass),
            Self::Dcgan(net) => net.given(latents, classes, pass).flatten(1, 3),
            Self::Resnet(net) => net.given(latents, classes, pass).flatten(1, 3),
            Self::Recurrent(net) => net.given(latents, classes, pass),
        }
    }
}

/// Items, and what they are said to be, to scores.
#[derive(Module, Debug)]
pub enum Discriminator {
    /// Fully connected.
    Mlp(Mlp),
    /// Convolutional.
    Dcgan(dcgan::Discriminator),
    /// Residual.
    Resnet(resnet::Discriminator),
    /// Recurrent.
    Recurrent(recurrent::Discriminator),
}

impl Discriminator {
    /// # Shapes
    /// Flat items `[n, values]`, and indicators of the classes `[n, classes]` where they are told, to scores `[n, 1]`;
    /// of series `[n, steps]`.
    pub fn forward(&self, items: Tensor<2>, classes: Option<Tensor<2>>, pass: Pass) -> Tensor<2> {
        self.dual(items.into(), classes, pass).value
    }

    /// [`forward`](Discriminator::forward), with a tangent along a direction of the items; the classes stay.
    pub fn dual(&self, items: Dual<2>, classes: Option<Tensor<2>>, pass: Pass) -> Dual<2> {
        self.judge(items, classes, pass).score
    }

    /// Scores, and logits of the classes where there is an auxiliary classifier, with tangents along a direction of the items.
    pub fn judge(&self, items: Dual<2>, classes: Option<Tensor<2>>, pass: Pass) -> Judgement {
        match self {
            Self::Mlp(net) => net.judge(items, classes, pass),
            Self::Dcgan(net) => net.judge(items, classes, pass),
            Self::Resnet(net) => net.judge(items, classes, pass),
            Self::Recurrent(net) => Judgement { score: net.dual(items, classes, pass), logits: None },
        }
    }

    /// Every weight of a DCGAN as it is used, one row for each output; none of other networks.
    pub fn weights(&self) -> Vec<Tensor<2>> {
        match self {
            Self::Dcgan(net) => net.weights(Pass::Eval),
            Self::Mlp(_) | Self::Resnet(_) | Self::Recurrent(_) => Vec::new(),
        }
    }

    /// The output of every convolution of a DCGAN, of flat items: `[n, channels, height, width]` each; none of other networks.
    pub fn activations(&self, items: Tensor<2>, pass: Pass) -> Vec<Tensor<4>> {
        match self {
            Self::Dcgan(net) => net.activations(net.planes(items.into(), None).value, pass),
            Self::Mlp(_) | Self::Resnet(_) | Self::Recurrent(_) => Vec::new(),
        }
    }
}
