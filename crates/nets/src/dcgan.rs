//! The convolutional generator and discriminator of Radford, Metz and Chintala (2015), at any resolution that is
//! a small side doubled a few times: 28 = 7 * 4, 32 = 4 * 8, 64 = 4 * 16.

use burn::module::Module;
use burn::tensor::Tensor;

use crate::dual::Dual;
use crate::init::Init;
use crate::labels::{ClassHead, Conditioning, Judgement, following, judged, with_planes};
use crate::layers::{Activation, Conv2d, ConvTranspose2d, Geometry, Linear, Norm, NormKind};
use crate::noise::Pass;

/// Sizes of a DCGAN pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Channels of the image.
    pub channels: usize,
    /// Side of the image.
    pub resolution: usize,
    /// Channels next to the image; they double at each halving of the side.
    pub width: usize,
    /// Size of the latent.
    pub latent: usize,
    /// Kernel of the strided convolutions: 4 or 5.
    pub kernel: usize,
    /// First and last layer are convolutions over the whole smallest side, with no bias anywhere: the form of the
    /// published figure. Otherwise they are linear, and the layers next to the image have a bias.
    pub all_convolutional: bool,
    /// What stands between the generator's layers, but for the last.
    pub generator_norm: NormKind,
    /// What stands between the discriminator's layers, but for the first.
    pub discriminator_norm: NormKind,
    /// Every weight of the discriminator is brought to a spectral norm of 1.
    pub spectral: bool,
    /// What follows the discriminator's layers.
    pub slope: Activation,
    /// Classes that both networks know of; 0: none. The generator is told them as further latents, or by its norms where those
    /// are conditional.
    pub classes: usize,
    /// What the discriminator does with them: concatenation is as planes beside the image's channels.
    pub conditioning: Conditioning,
    /// What the discriminator puts out of an image: one score; more where it is an encoder.
    pub outputs: usize,
    /// What follows the generator's last layer: tanh; another where it is a decoder.
    pub last: Activation,
}

impl Shape {
    /// As in the paper, but for what is given: batch norm in both networks, a slope of 0.2, no classes.
    pub fn new(channels: usize, resolution: usize, width: usize, latent: usize) -> Self {
        Self {
            channels,
            resolution,
            width,
            latent,
            kernel: 4,
            all_convolutional: false,
            generator_norm: NormKind::Batch,
            discriminator_norm: NormKind::Batch,
            spectral: false,
            slope: Activation::LeakyRelu,
            classes: 0,
            conditioning: Conditioning::Concatenation,
            outputs: 1,
            last: Activation::Tanh,
        }
    }

    /// The smallest side and how often it doubles.
    ///
    /// ```
    /// use ganvas_nets::dcgan::Shape;
    /// let at = |resolution| Shape::new(1, resolution, 16, 64);
    /// assert_eq!(at(28).levels(), Some((7, 2)));
    /// assert_eq!(at(64).levels(), Some((4, 4)));
    /// assert_eq!(at(30).levels(), None);
    /// ```
    pub fn levels(&self) -> Option<(usize, usize)> {
        levels(self.resolution)
    }

    fn geometry(&self) -> Geometry {
        if self.kernel == 5 { Geometry::HALVE_5 } else { Geometry::HALVE }
    }

    /// Channels at the given number of halvings below the image's side, from 1.
    fn channels_at(&self, halvings: usize) -> usize {
        self.width << (halvings - 1)
    }
}

/// The smallest side, 4 to 7, that a side comes from, and how often it doubles.
pub(crate) fn levels(resolution: usize) -> Option<(usize, usize)> {
    let mut side = resolution;
    let mut doublings = 0;
    while side > 7 && side.is_multiple_of(2) {
        side /= 2;
        doublings += 1;
    }
    ((4..=7).contains(&side) && doublings > 0).then_some((side, doublings))
}

#[derive(Module, Debug)]
enum Project {
    Linear(Linear),
    Conv(ConvTranspose2d),
}

/// Latents to images.
#[derive(Module, Debug)]
pub struct Generator {
    project: Project,
    norms: Vec<Norm>,
    ups: Vec<ConvTranspose2d>,
    base: usize,
    #[module(skip)]
    last: Activation,
}

impl Generator {
    /// A generator of this shape, or nothing where the resolution cannot be reached by doubling 4 to 7.
    pub fn new(shape: Shape, init: &mut Init) -> Option<Self> {
        let (base, doublings) = shape.levels()?;
        let widest = shape.channels_at(doublings);
        let conditional = shape.generator_norm == NormKind::Conditional;
        let inputs = shape.latent + if conditional { 0 } else { shape.classes };
        let biased = shape.generator_norm == NormKind::None;
        let project = if shape.all_convolutional {
            let geometry = Geometry { kernel: base, ..Geometry::COLLAPSE };
            Project::Conv(ConvTranspose2d::new(inputs, widest, geometry, biased, init))
        } else {
            Project::Linear(Linear::new(inputs, widest * base * base, biased, init))
        };
        let norm =
            |h: usize, init: &mut Init| Norm::told(shape.generator_norm, shape.channels_at(h), shape.classes, init);
        let norms = (1..=doublings).rev().map(|h| norm(h, init)).collect();
        let ups = (1..=doublings)
            .rev()
            .map(|halvings| {
                let last = halvings == 1;
                let outputs = if last { shape.channels } else { shape.channels_at(halvings - 1) };
                let bias = if last { !shape.all_convolutional } else { biased };
                ConvTranspose2d::new(shape.channels_at(halvings), outputs, shape.geometry(), bias, init)
            })
            .collect();
        Some(Self { project, norms, ups, base, last: shape.last })
    }

    /// The same generator with these values, one for each channel of the image, as the bias of its last layer, if that has one.
    pub fn with_output_bias(mut self, values: Vec<f32>, init: &mut Init) -> Self {
        if let Some(last) = self.ups.last_mut().filter(|last| last.bias.is_some()) {
            let n = values.len();
            last.bias = Some(init.parameter(values, [n]));
        }
        self
    }

    /// # Shapes
    /// `[batch, latent]` to `[batch, channels, resolution, resolution]` in (-1, 1) where its last function is tanh.
    pub fn forward(&self, z: Tensor<2>, pass: Pass) -> Tensor<4> {
        self.given(z, None, pass)
    }

    /// [`forward`](Generator::forward), given the classes' indicators, `[batch, classes]`.
    pub fn given(&self, z: Tensor<2>, classes: Option<Tensor<2>>, pass: Pass) -> Tensor<4> {
        self.dual(z.into(), classes, pass).value
    }

    /// The same, with a tangent along a direction of the latents.
    pub fn dual(&self, z: Dual<2>, classes: Option<Tensor<2>>, pass: Pass) -> Dual<4> {
        self.layers(z, classes, pass).pop().expect("a generator has layers")
    }

    /// The output of every layer, from the projected latent to the image.
    pub fn activations(&self, z: Tensor<2>, pass: Pass) -> Vec<Tensor<4>> {
        self.layers(z.into(), None, pass).into_iter().map(|x| x.value).collect()
    }

    fn layers(&self, z: Dual<2>, classes: Option<Tensor<2>>, pass: Pass) -> Vec<Dual<4>> {
        let (z, classes) = following(z, classes, &self.norms);
        let [batch, latent] = z.value.dims();
        let mut x = match &self.project {
            Project::Linear(linear) => {
                let x = linear.dual(z, pass);
                let channels = x.value.dims()[1] / (self.base * self.base);
                x.reshape([batch, channels, self.base, self.base])
            }
            Project::Conv(conv) => conv.dual(z.reshape([batch, latent, 1, 1]), pass),
        };
        let mut outputs = Vec::new();
        for (norm, up) in self.norms.iter().zip(&self.ups) {
            x = Activation::Relu.dual(norm.dual_given(x, classes.clone(), pass));
            outputs.push(x.clone());
            x = up.dual(x, pass);
        }
        outputs.push(self.last.dual(x));
        outputs
    }
}

#[derive(Module, Debug)]
enum Score {
    Linear(Linear),
    Conv(Conv2d),
}

/// Images to one logit each.
#[derive(Module, Debug)]
pub struct Discriminator {
    downs: Vec<Conv2d>,
    norms: Vec<Norm>,
    score: Score,
    head: Option<ClassHead>,
    #[module(skip)]
    slope: Activation,
    #[module(skip)]
    image: [usize; 3],
}

impl Discriminator {
    /// A discriminator of this shape, or nothing where the resolution cannot be reached by doubling 4 to 7.
    pub fn new(shape: Shape, init: &mut Init) -> Option<Self> {
        let (base, doublings) = shape.levels()?;
        let planes = if shape.conditioning == Conditioning::Concatenation { shape.classes } else { 0 };
        let mut downs: Vec<Conv2d> = (1..=doublings)
            .map(|halvings| {
                let first = halvings == 1;
                let inputs = if first { shape.channels + planes } else { shape.channels_at(halvings - 1) };
                let bias = if first { !shape.all_convolutional } else { shape.discriminator_norm == NormKind::None };
                Conv2d::new(inputs, shape.channels_at(halvings), shape.geometry(), bias, init)
            })
            .collect();
        let norm = |h: usize, init: &mut Init| Norm::new(shape.discriminator_norm, shape.channels_at(h), init);
        let norms = (2..=doublings).map(|h| norm(h, init)).collect();
        let widest = shape.channels_at(doublings);
        let mut score = if shape.all_convolutional {
            let geometry = Geometry { kernel: base, ..Geometry::COLLAPSE };
            Score::Conv(Conv2d::new(widest, shape.outputs, geometry, false, init))
        } else {
            Score::Linear(Linear::new(widest * base * base, shape.outputs, true, init))
        };
        if shape.spectral {
            downs = downs.into_iter().map(|down| down.spectral(init)).collect();
            score = match score {
                Score::Linear(linear) => Score::Linear(linear.spectral(init)),
                Score::Conv(conv) => Score::Conv(conv.spectral(init)),
            };
        }
        let head = ClassHead::new(shape.conditioning, widest * base * base, shape.classes, shape.spectral, init);
        let image = [shape.channels, shape.resolution, shape.resolution];
        Some(Self { downs, norms, score, head, slope: shape.slope, image })
    }

    /// # Shapes
    /// `[batch, channels, resolution, resolution]`, the classes' planes after the channels, to `[batch, 1]`, a logit.
    pub fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<2> {
        self.dual(x.into(), pass).value
    }

    /// [`forward`](Discriminator::forward), with a tangent.
    pub fn dual(&self, x: Dual<4>, pass: Pass) -> Dual<2> {
        self.scored(x, None, pass).score
    }

    /// Scores of flat images, given what they are said to be: told to the head for classes where there is one, otherwise as
    /// planes.
    ///
    /// # Shapes
    /// `[batch, channels resolution^2]` and `[batch, classes]` to scores `[batch, 1]`.
    pub fn judge(&self, items: Dual<2>, classes: Option<Tensor<2>>, pass: Pass) -> Judgement {
        match classes {
            Some(_) if self.head.is_none() => self.scored(self.planes(items, classes), None, pass),
            classes => self.scored(self.planes(items, None), classes, pass),
        }
    }

    fn scored(&self, x: Dual<4>, classes: Option<Tensor<2>>, pass: Pass) -> Judgement {
        let x = self.layers(x, pass).pop().expect("a discriminator has layers");
        let features: Dual<2> = x.clone().flatten(1, 3);
        let score = match &self.score {
            Score::Linear(linear) => linear.dual(features.clone(), pass),
            Score::Conv(conv) => conv.dual(x, pass).flatten(1, 3),
        };
        judged(&self.head, score, features, classes, pass)
    }

    /// Flat images as planes, with a plane for each class: 1 throughout where the image is said to be of it.
    ///
    /// # Shapes
    /// `[batch, channels resolution^2]` and `[batch, classes]` to `[batch, channels + classes, resolution, resolution]`.
    pub fn planes(&self, items: Dual<2>, classes: Option<Tensor<2>>) -> Dual<4> {
        with_planes(items, self.image, classes)
    }

    /// Every layer's weight as it is used, from the image up, `[outputs, inputs and their places]`.
    pub fn weights(&self, pass: Pass) -> Vec<Tensor<2>> {
        let flat = |conv: &Conv2d| conv.weight(pass).flatten(1, 3);
        let score = match &self.score {
            Score::Linear(linear) => linear.weight(pass).transpose(),
            Score::Conv(conv) => flat(conv),
        };
        self.downs.iter().map(flat).chain([score]).collect()
    }

    /// The output of every convolution after its LeakyReLU, from the image down: what the paper's linear classifier reads.
    pub fn activations(&self, x: Tensor<4>, pass: Pass) -> Vec<Tensor<4>> {
        self.layers(x.into(), pass).into_iter().map(|x| x.value).collect()
    }

    fn layers(&self, x: Dual<4>, pass: Pass) -> Vec<Dual<4>> {
        let mut outputs: Vec<Dual<4>> = Vec::new();
        let mut x = x;
        for (i, down) in self.downs.iter().enumerate() {
            x = down.dual(x, pass);
            if i > 0 {
                x = self.norms[i - 1].dual(x, pass);
            }
            x = self.slope.dual(x);
            outputs.push(x.clone());
        }
        outputs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use crate::noise::Noise;
    use crate::optim::trainable;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn pair(shape: Shape) -> (Generator, Discriminator) {
        let mut init = Init::new(&Streams::new(1), "net", Initializer::Normal { sd: 0.02 }, &Device::flex().autodiff());
        (Generator::new(shape, &mut init).unwrap(), Discriminator::new(shape, &mut init).unwrap())
    }

    fn published() -> Shape {
        Shape { all_convolutional: true, ..Shape::new(3, 64, 64, 100) }
    }

    fn small() -> Shape {
        Shape::new(1, 28, 16, 64)
    }

    #[test]
    fn the_pair_at_64_pixels_has_the_published_size() {
        let (generator, discriminator) = pair(published());
        assert_eq!(trainable(&generator), 3_576_704);
        assert_eq!(trainable(&discriminator), 2_765_568);
    }

    #[test]
    fn the_pair_at_28_pixels_has_its_size() {
        let (generator, discriminator) = pair(small());
        assert_eq!(trainable(&generator), 108_897);
        assert_eq!(trainable(&discriminator), 10_097);
    }

    /// The sizes without batch norm (Mao et al. 2017) and with a spectral norm (Miyato et al. 2018), at 28 pixels; and
    /// ten classes: 10 more inputs of 1,568 units, 10 more planes of 16 kernels of 16.
    #[test]
    fn options_change_the_size_as_they_should() {
        let none = Shape { generator_norm: NormKind::None, discriminator_norm: NormKind::None, ..small() };
        let (generator, discriminator) = pair(none);
        assert_eq!((trainable(&generator), trainable(&discriminator)), (110_385, 10_065));
        let (_, discriminator) = pair(Shape { spectral: true, ..none });
        assert_eq!(trainable(&discriminator), 10_065);
        let (generator, discriminator) = pair(Shape { classes: 10, ..small() });
        assert_eq!((trainable(&generator), trainable(&discriminator)), (108_897 + 15_680, 10_097 + 2_560));
    }

    #[test]
    fn every_layer_has_the_published_shape() {
        let device = Device::flex().autodiff();
        let (generator, discriminator) = pair(published());
        let noise = Noise::new(Streams::new(1), "phase", 0, &device);
        let layers = generator.activations(noise.normal("z", [2, 100]), Pass::Train(&noise));
        let sizes: Vec<_> = layers.iter().map(|x| x.dims()).collect();
        assert_eq!(sizes, [[2, 512, 4, 4], [2, 256, 8, 8], [2, 128, 16, 16], [2, 64, 32, 32], [2, 3, 64, 64]]);
        let image = layers.last().unwrap().clone();
        assert!(image.clone().abs().max().into_scalar::<f32>() < 1.0);
        let layers = discriminator.activations(image.clone(), Pass::Train(&noise));
        let sizes: Vec<_> = layers.iter().map(|x| x.dims()).collect();
        assert_eq!(sizes, [[2, 64, 32, 32], [2, 128, 16, 16], [2, 256, 8, 8], [2, 512, 4, 4]]);
        assert_eq!(discriminator.forward(image, Pass::Train(&noise)).dims(), [2, 1]);
    }

    #[test]
    fn the_papers_kernels_of_five_double_exactly() {
        let shape = Shape { kernel: 5, ..published() };
        let (generator, _) = pair(shape);
        let noise = Noise::new(Streams::new(1), "phase", 0, &Device::flex().autodiff());
        assert_eq!(generator.forward(noise.normal("z", [1, 100]), Pass::Train(&noise)).dims(), [1, 3, 64, 64]);
    }

    #[test]
    fn resolutions_that_do_not_halve_are_refused() {
        for (resolution, levels) in
            [(16, Some((4, 2))), (32, Some((4, 3))), (8, Some((4, 1))), (9, None), (3, None), (22, None)]
        {
            assert_eq!(Shape { resolution, ..small() }.levels(), levels, "{resolution}");
        }
    }
}
