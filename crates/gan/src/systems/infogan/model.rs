use burn::module::Module;
use burn::tensor::Tensor;
use ganvas_engine::config::ConfigError;
use ganvas_engine::system::{Build, DataSpec};
use ganvas_nets::dcgan::Shape;
use ganvas_nets::init::Init;
use ganvas_nets::layers::{Activation, Conv2d, ConvTranspose2d, Geometry, Linear, Norm, NormKind};
use ganvas_nets::noise::Pass;

use super::InfoGanConfig;
use crate::networks::Networks;

/// Both networks of these settings.
///
/// # Errors
/// If the data are no images, or their side is not 4, 5, 6 or 7 doubled once or more.
pub(super) fn networks(
    config: &InfoGanConfig,
    data: &DataSpec,
    build: &Build,
) -> Result<(Generator, Discriminator), ConfigError> {
    let shape = Networks::dcgan(config.width, false).shape(config.codes().inputs(), 0, data.shape)?;
    let sizes = Sizes::of(shape).ok_or_else(|| crate::networks::refused(data.shape))?;
    let generator = Generator::new(&sizes, config, &mut build.init("generator", config.init));
    let discriminator = Discriminator::new(&sizes, config, &mut build.init("discriminator", config.init));
    Ok((generator, discriminator))
}

/// Sizes of the convolutional layers.
struct Sizes {
    /// Channels of the image.
    image: usize,
    /// Side of the image.
    side: usize,
    /// The smallest side.
    base: usize,
    /// Channels of each layer, from the widest one to that next to the image.
    channels: Vec<usize>,
}

impl Sizes {
    fn of(shape: Shape) -> Option<Self> {
        let (base, doublings) = shape.levels()?;
        let channels = (0..doublings).rev().map(|halvings| shape.width << halvings).collect();
        Some(Self { image: shape.channels, side: shape.resolution, base, channels })
    }

    /// Values at the smallest side.
    fn widest(&self) -> usize {
        self.channels[0] * self.base * self.base
    }
}

/// A linear layer, a norm (of a batch: unit by unit), an activation.
#[derive(Module, Debug)]
struct Dense {
    linear: Linear,
    norm: Norm,
    #[module(skip)]
    activation: Activation,
}

impl Dense {
    fn new(inputs: usize, units: usize, norm: NormKind, activation: Activation, init: &mut Init) -> Self {
        let linear = Linear::new(inputs, units, true, init);
        Self { linear, norm: Norm::new(norm, units, init), activation }
    }

    fn forward(&self, x: Tensor<2>, pass: Pass) -> Tensor<2> {
        let x = self.linear.dual(x.into(), pass);
        self.activation.forward(self.norm.dual_flat(x, pass).value)
    }
}

/// Latents to images.
#[derive(Module, Debug)]
pub struct Generator {
    hidden: Dense,
    project: Dense,
    ups: Vec<ConvTranspose2d>,
    /// Behind each but the last of them.
    norms: Vec<Norm>,
    base: usize,
}

impl Generator {
    fn new(sizes: &Sizes, config: &InfoGanConfig, init: &mut Init) -> Self {
        let hidden = Dense::new(config.codes().inputs(), config.units, NormKind::Batch, Activation::Relu, init);
        let project = Dense::new(config.units, sizes.widest(), NormKind::Batch, Activation::Relu, init);
        let outputs = sizes.channels[1..].iter().copied().chain([sizes.image]);
        let ups = sizes.channels.iter().zip(outputs);
        let ups = ups.map(|(&from, to)| ConvTranspose2d::new(from, to, Geometry::HALVE, true, init)).collect();
        let norms = sizes.channels[1..].iter().map(|&channels| Norm::new(NormKind::Batch, channels, init)).collect();
        Self { hidden, project, ups, norms, base: sizes.base }
    }

    /// # Shapes
    /// `[n, latent]` to flat images `[n, values]` in (-1, 1).
    pub fn forward(&self, latents: Tensor<2>, pass: Pass) -> Tensor<2> {
        let x = self.project.forward(self.hidden.forward(latents, pass), pass);
        let [n, values] = x.dims();
        let mut x = x.reshape([n, values / (self.base * self.base), self.base, self.base]);
        for (i, up) in self.ups.iter().enumerate() {
            x = up.forward(x, pass);
            if let Some(norm) = self.norms.get(i) {
                x = Activation::Relu.forward(norm.dual(x.into(), pass).value);
            }
        }
        Activation::Sigmoid.forward(x).flatten(1, 3)
    }
}

/// Images to what discriminator and Q share, and from there to a score, and to what the codes are read to be.
#[derive(Module, Debug)]
pub struct Discriminator {
    downs: Vec<Conv2d>,
    /// Behind each but the first of them.
    norms: Vec<Norm>,
    shared: Dense,
    score: Linear,
    head: Dense,
    codes: Linear,
    #[module(skip)]
    slope: Activation,
    #[module(skip)]
    image: [usize; 3],
}

impl Discriminator {
    fn new(sizes: &Sizes, config: &InfoGanConfig, init: &mut Init) -> Self {
        let inwards: Vec<usize> = [sizes.image].into_iter().chain(sizes.channels.iter().rev().copied()).collect();
        let downs = inwards.windows(2).map(|pair| Conv2d::new(pair[0], pair[1], Geometry::HALVE, true, init)).collect();
        let norm = config.discriminator_norm;
        let norms = inwards[2..].iter().map(|&channels| Norm::new(norm, channels, init)).collect();
        Self {
            downs,
            norms,
            shared: Dense::new(sizes.widest(), config.units, norm, config.slope, init),
            score: Linear::new(config.units, 1, true, init),
            head: Dense::new(config.units, config.head, NormKind::Batch, config.slope, init),
            codes: Linear::new(config.head, config.codes().outputs(), true, init),
            slope: config.slope,
            image: [sizes.image, sizes.side, sizes.side],
        }
    }

    /// What discriminator and Q share.
    ///
    /// # Shapes
    /// Flat images `[n, values]` to `[n, units]`.
    pub fn features(&self, items: Tensor<2>, pass: Pass) -> Tensor<2> {
        let [channels, height, width] = self.image;
        let [n, _] = items.dims();
        let mut x = items.reshape([n, channels, height, width]);
        for (i, down) in self.downs.iter().enumerate() {
            x = down.forward(x, pass);
            if i > 0 {
                x = self.norms[i - 1].dual(x.into(), pass).value;
            }
            x = self.slope.forward(x);
        }
        self.shared.forward(x.flatten(1, 3), pass)
    }

    /// The discriminator's logit.
    ///
    /// # Shapes
    /// `[n, units]` to `[n, 1]`.
    pub fn score(&self, features: Tensor<2>, pass: Pass) -> Tensor<2> {
        self.score.forward(features, pass)
    }

    /// Q: a logit for each category, then the mean of each continuous code.
    ///
    /// # Shapes
    /// `[n, units]` to `[n, outputs]`.
    pub fn read(&self, features: Tensor<2>, pass: Pass) -> Tensor<2> {
        self.codes.forward(self.head.forward(features, pass), pass)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use ganvas_data::ItemShape;
    use ganvas_engine::system::Preset;
    use ganvas_nets::noise::Noise;
    use ganvas_nets::optim::trainable;
    use ganvas_prob::stream::Streams;

    fn made(preset: Preset, channels: usize, side: usize) -> Result<(Generator, Discriminator), ConfigError> {
        let shape = ItemShape::Image { channels, height: side, width: side };
        let data = DataSpec { shape, classes: 0, mean: vec![0.0; shape.len()] };
        let build = Build { streams: Streams::new(1), device: &Device::flex().autodiff() };
        networks(&InfoGanConfig::new(preset), &data, &build)
    }

    /// The authors' networks for MNIST, but for Q's variances, which are not used there either; and the small ones, counted
    /// by hand.
    #[test]
    fn networks_have_their_published_size() {
        for (preset, generator, shared, score, read) in
            [(Preset::Paper, 6_652_481, 6_558_144, 1025, 133_004), (Preset::Small, 219_921, 209_648, 129, 9164)]
        {
            let (g, d) = made(preset, 1, 28).unwrap();
            assert_eq!(trainable(&g), generator);
            assert_eq!(trainable(&d.score), score);
            assert_eq!(trainable(&d.head) + trainable(&d.codes), read);
            assert_eq!(trainable(&d), shared + score + read);
        }
    }

    #[test]
    fn any_side_that_halves_will_do() {
        for (channels, side) in [(1, 16), (3, 32), (1, 28), (3, 64), (1, 12)] {
            let (generator, discriminator) = made(Preset::Small, channels, side).unwrap();
            let device = Device::flex().autodiff();
            let noise = Noise::new(Streams::new(1), "phase", 0, &device);
            let codes = InfoGanConfig::new(Preset::Small).codes();
            let items = generator.forward(codes.joined(&codes.draw(2, &noise)), Pass::Train(&noise));
            assert_eq!(items.dims(), [2, channels * side * side]);
            let features = discriminator.features(items, Pass::Train(&noise));
            assert_eq!(discriminator.score(features.clone(), Pass::Eval).dims(), [2, 1]);
            assert_eq!(discriminator.read(features, Pass::Eval).dims(), [2, 12]);
        }
        assert!(made(Preset::Small, 1, 30).is_err());
    }
}
