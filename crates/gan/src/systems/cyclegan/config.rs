use ganvas_data::ItemShape;
use ganvas_engine::config::ConfigError;
use ganvas_engine::schedule::{Kind, Schedule};
use ganvas_engine::system::{DataSpec, Preset, Recommended};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::{NormKind, Padding};
use ganvas_nets::optim::OptimizerConfig;
use ganvas_nets::{patchgan, translator};
use serde::{Deserialize, Serialize};

use crate::systems::parts::{check_count, check_ema, check_optimizer};

/// The most channels at a translator's smallest side: a residual block has two matrices of nine times their square.
const MOST_CHANNELS: usize = 1024;

/// Settings of two translators between two domains, there and back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CycleGanConfig {
    /// Layers of both translators.
    pub generator: GeneratorConfig,
    /// Layers of both discriminators.
    pub discriminator: DiscriminatorConfig,
    /// Rule for the initial weights.
    pub init: Initializer,
    /// Weight of the mean absolute difference between an item and what comes of it there and back; 0: there is no such loss.
    pub cycle: f64,
    /// Weight, as a share of `cycle`, of the mean absolute difference between an item and what the translator to its own domain makes
    /// of it; 0: there is no such loss.
    pub identity: f64,
    /// Translated items of each direction that are kept to be shown to a discriminator later; 0: it is shown the latest alone.
    pub pool: usize,
    /// Items are mirrored left to right, each with probability 1/2.
    pub flip: bool,
    /// Trains both translators.
    pub generator_optimizer: OptimizerConfig,
    /// Trains the discriminators.
    pub discriminator_optimizer: OptimizerConfig,
    /// Decay of the translators' averaged weights that items are translated by; 0: their trained weights.
    #[serde(default)]
    pub ema: f64,
}

/// Layers of a translator: see [`translator::Shape`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneratorConfig {
    /// Channels at the full side; they double at each halving of it.
    pub width: usize,
    /// How often the side is halved, and doubled again.
    pub halvings: usize,
    /// Residual blocks at the smallest side.
    pub blocks: usize,
    /// Side of the first and of the last kernel, odd.
    pub outer_kernel: usize,
    /// Side of the strided kernels: 3 or 4.
    pub kernel: usize,
    /// What stands behind all convolutions but the last.
    pub norm: NormKind,
    /// What stands around images before kernels without a stride.
    pub padding: Padding,
}

/// Layers of a discriminator: see [`patchgan::Shape`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DiscriminatorConfig {
    /// Channels behind the first convolution; they double with each further one, up to eight times as many.
    pub width: usize,
    /// How often the side is halved.
    pub halvings: usize,
    /// Side of the last two kernels, which have no stride: 3 or 4.
    pub last_kernel: usize,
    /// What stands behind all convolutions but the first and the last.
    pub norm: NormKind,
}

impl CycleGanConfig {
    /// The networks of the paper for images of 256x256 with 9 `blocks`, of 128x128 with 6.
    pub fn paper(blocks: usize) -> Self {
        let adam = OptimizerConfig::adam(2e-4, 0.5);
        let norm = NormKind::PlainInstance;
        Self {
            generator: GeneratorConfig {
                width: 64,
                halvings: 2,
                blocks,
                outer_kernel: 7,
                kernel: 3,
                norm,
                padding: Padding::Reflect,
            },
            discriminator: DiscriminatorConfig { width: 64, halvings: 3, last_kernel: 4, norm },
            init: Initializer::Normal { sd: 0.02 },
            cycle: 10.0,
            identity: 0.0,
            pool: 50,
            flip: true,
            generator_optimizer: adam,
            discriminator_optimizer: adam,
            ema: 0.0,
        }
    }

    /// Narrow networks for images of 32x32. Which way something faces is told from its image, so none is mirrored.
    pub fn small() -> Self {
        let adam = OptimizerConfig::adam(3e-4, 0.5);
        let norm = NormKind::Instance;
        Self {
            generator: GeneratorConfig {
                width: 12,
                halvings: 2,
                blocks: 2,
                outer_kernel: 3,
                kernel: 4,
                norm,
                padding: Padding::Zeros,
            },
            discriminator: DiscriminatorConfig { width: 16, halvings: 2, last_kernel: 3, norm },
            flip: false,
            generator_optimizer: adam,
            discriminator_optimizer: adam,
            // Of the last two hundred updates or so: shapes are kept better than by the last one.
            ema: 0.995,
            ..Self::paper(2)
        }
    }

    /// The sizes of both networks for some data.
    ///
    /// # Errors
    /// If a setting is out of its domain or does not suit the data.
    pub(super) fn shapes(&self, data: &DataSpec) -> Result<(translator::Shape, patchgan::Shape), ConfigError> {
        let ItemShape::Image { channels, height, width } = data.shape else {
            return Err(ConfigError::domain("data", "images", data.shape));
        };
        if data.classes != 2 {
            let expected = "two domains: `--data A --data-b B`, or a folder with two subfolders";
            return Err(ConfigError::domain("data", expected, format!("{} classes", data.classes)));
        }
        let GeneratorConfig { width: wide, halvings, blocks, outer_kernel, kernel, norm, padding } = self.generator;
        let (inputs, outputs) = (channels, channels);
        let generator =
            translator::Shape { inputs, outputs, width: wide, halvings, blocks, outer_kernel, kernel, norm, padding };
        let DiscriminatorConfig { width: wide, halvings, last_kernel, norm } = self.discriminator;
        let discriminator = patchgan::Shape { inputs, width: wide, halvings, last_kernel, norm };
        self.check_layers()?;
        // Of a single pixel an instance norm leaves nothing, and a kernel of 3 mirrors one that has to be there.
        let unit = generator.unit();
        let least = (2 * unit).max(outer_kernel / 2 + 1);
        let fits = [height, width].into_iter().all(|side| side.is_multiple_of(unit) && side >= least);
        if !fits || discriminator.map([height, width]).is_none() {
            let expected = format!(
                "sides that are multiples of {unit}, at least {least}, and large enough for a patch of the discriminator"
            );
            return Err(ConfigError::domain("resolution", expected, format!("{height}x{width}")));
        }
        Ok((generator, discriminator))
    }

    fn check_layers(&self) -> Result<(), ConfigError> {
        let one_of = |key: &str, value: usize, known: &[usize], words: &str| match known.contains(&value) {
            true => Ok(()),
            false => Err(ConfigError::domain(key, words, value)),
        };
        let GeneratorConfig { width, halvings, blocks, outer_kernel, kernel, .. } = self.generator;
        check_count("generator.halvings", halvings, 4)?;
        check_count("generator.width", width, MOST_CHANNELS >> halvings)?;
        check_count("generator.blocks", blocks, 64)?;
        one_of("generator.outer_kernel", outer_kernel, &[1, 3, 5, 7, 9, 11], "odd, 1 to 11")?;
        one_of("generator.kernel", kernel, &[3, 4], "3 or 4")?;
        let DiscriminatorConfig { width, halvings, last_kernel, .. } = self.discriminator;
        check_count("discriminator.width", width, 256)?;
        check_count("discriminator.halvings", halvings, 6)?;
        one_of("discriminator.last_kernel", last_kernel, &[3, 4], "3 or 4")?;
        for (key, norm) in [("generator.norm", self.generator.norm), ("discriminator.norm", self.discriminator.norm)] {
            // Each image is translated by itself, and there are no classes.
            if matches!(norm, NormKind::Batch | NormKind::Conditional) {
                return Err(ConfigError::domain(
                    key,
                    "none, layer, instance or plain-instance",
                    format!("{norm:?}").to_lowercase(),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if let Some((name, domain, value)) = self.init.fault() {
            return Err(ConfigError::domain(name, domain, value));
        }
        for (key, weight) in [("cycle", self.cycle), ("identity", self.identity)] {
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(ConfigError::domain(key, "zero or more", weight));
            }
        }
        if self.pool > 10_000 {
            return Err(ConfigError::domain("pool", "at most 10000", self.pool));
        }
        check_optimizer("generator_optimizer", &self.generator_optimizer)?;
        check_optimizer("discriminator_optimizer", &self.discriminator_optimizer)?;
        check_ema(self.ema)
    }
}

/// Of 1,000 images of each domain or so: 200 epochs in `paper`, as in the paper; the rate falls in the second half.
pub(super) fn recommended(preset: Preset, data: &DataSpec) -> Recommended<CycleGanConfig> {
    let [_, height, width] = data.shape.planes();
    let side = height.min(width);
    let (steps, batch, most, config) = match preset {
        Preset::Small => (3000, 4, 32, CycleGanConfig::small()),
        Preset::Paper if side >= 256 => (200_000, 1, 256, CycleGanConfig::paper(9)),
        Preset::Paper => (200_000, 1, 128, CycleGanConfig::paper(6)),
    };
    let unit = 1 << config.generator.halvings;
    let wanted = most.min(side / unit * unit);
    // Images that are too small for the networks are refused when these are made.
    let resolution = (wanted >= 2 * unit && (height != width || side != wanted)).then_some(wanted);
    let schedule = Schedule { kind: Kind::Linear, hold: 0.5, end: 0.0, ..Schedule::default() };
    Recommended::new(steps, batch, config).at(resolution).scheduled(schedule)
}
