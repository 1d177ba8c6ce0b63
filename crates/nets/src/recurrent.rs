//! Recurrent networks of series: a generator that is given fresh noise at every step, and a discriminator that scores every step
//! (Esteban, Hyland and Raetsch 2017).

use burn::module::Module;
use burn::tensor::Tensor;

use crate::dual::Dual;
use crate::init::Init;
use crate::labels::with_classes;
use crate::layers::{Activation, Linear, Lstm};
use crate::noise::Pass;

/// Sizes of both networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Steps of a series.
    pub steps: usize,
    /// Values at a step.
    pub channels: usize,
    /// Values of the noise at a step.
    pub latent: usize,
    /// Classes that are told at each step; 0: none.
    pub classes: usize,
    /// Units of the memory.
    pub units: usize,
}

/// Noise to series: a memory, and a linear layer of what it puts out at each step.
#[derive(Module, Debug)]
pub struct Generator {
    memory: Lstm,
    output: Linear,
    #[module(skip)]
    last: Activation,
    steps: usize,
}

impl Generator {
    /// Its memory starts with biases of 1 at all gates and 1 more at the forget gates, as in the authors' code.
    pub fn new(shape: Shape, last: Activation, init: &mut Init, output: &mut Init) -> Self {
        let Shape { steps, channels, latent, classes, units } = shape;
        Self {
            memory: Lstm::new(latent + classes, units, [1.0, 2.0, 1.0, 1.0], init),
            output: Linear::new(units, channels, true, output),
            last,
            steps,
        }
    }

    /// # Shapes
    /// `[n, steps * latent]`, and what is told of each series `[n, classes]` if anything is, to flat series `[n, steps * channels]`.
    pub fn given(&self, latents: Tensor<2>, classes: Option<Tensor<2>>, pass: Pass) -> Tensor<2> {
        let x = told(latents.into(), self.steps, classes);
        self.last.forward(each_step(&self.memory, &self.output, x, pass).value)
    }
}

/// Series to a score of each step.
#[derive(Module, Debug)]
pub struct Discriminator {
    memory: Lstm,
    output: Linear,
    steps: usize,
}

impl Discriminator {
    /// Its memory starts with a bias of 1 at the forget gates.
    pub fn new(shape: Shape, init: &mut Init, output: &mut Init) -> Self {
        let Shape { steps, channels, classes, units, .. } = shape;
        Self {
            memory: Lstm::new(channels + classes, units, [0.0, 1.0, 0.0, 0.0], init),
            output: Linear::new(units, 1, true, output),
            steps,
        }
    }

    /// # Shapes
    /// Flat series `[n, steps * channels]`, and what is told of each `[n, classes]` if anything is, to scores `[n, steps]`.
    pub fn dual(&self, series: Dual<2>, classes: Option<Tensor<2>>, pass: Pass) -> Dual<2> {
        each_step(&self.memory, &self.output, told(series, self.steps, classes), pass)
    }
}

/// Flat series as `[n, steps, values]`, each step with the classes after its values.
fn told(x: Dual<2>, steps: usize, classes: Option<Tensor<2>>) -> Dual<3> {
    let [n, values] = x.value.dims();
    let each = values / steps;
    let Some(classes) = classes else { return x.reshape([n, steps, each]) };
    let [_, count] = classes.dims();
    let classes = classes.unsqueeze_dim::<3>(1).repeat_dim(1, steps).reshape([n * steps, count]);
    with_classes(x.reshape([n * steps, each]), classes).reshape([n, steps, each + count])
}

/// A memory's outputs through a linear layer: `[n, steps, inputs]` to `[n, steps * outputs]`.
fn each_step(memory: &Lstm, output: &Linear, x: Dual<3>, pass: Pass) -> Dual<2> {
    let held = memory.dual(x);
    let [n, steps, units] = held.value.dims();
    let y = output.dual(held.reshape([n * steps, units]), pass);
    let [_, outputs] = y.value.dims();
    y.reshape([n, steps * outputs])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use crate::optim::trainable;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn networks(shape: Shape) -> (Generator, Discriminator) {
        let init = |name, rule| Init::new(&Streams::new(1), name, rule, &Device::flex().autodiff());
        let normal = Initializer::Normal { sd: 1.0 };
        let generator =
            Generator::new(shape, Activation::Tanh, &mut init("g", Initializer::Glorot), &mut init("go", normal));
        let discriminator = Discriminator::new(shape, &mut init("d", Initializer::Glorot), &mut init("do", normal));
        (generator, discriminator)
    }

    /// The paper's networks for sines and for seven labels of four channels, and small ones: 4 ((inputs + units) units + units) of
    /// the memory, and the linear layer.
    #[test]
    fn networks_have_their_published_size() {
        let shape = |steps, channels, latent, classes, units| Shape { steps, channels, latent, classes, units };
        for (shape, generator, discriminator) in [
            (shape(30, 1, 5, 0, 100), 42_501, 40_901),
            (shape(16, 4, 10, 7, 100), 47_604, 44_901),
            (shape(30, 1, 5, 0, 32), 4897, 4385),
            (shape(30, 1, 5, 3, 32), 5281, 4769),
        ] {
            let (g, d) = networks(shape);
            assert_eq!((trainable(&g), trainable(&d)), (generator, discriminator), "{shape:?}");
        }
    }

    /// What comes later has no influence on a step, what came before has, and so has the class at every step.
    #[test]
    fn a_step_knows_what_came_before_it() {
        let shape = Shape { steps: 6, channels: 2, latent: 3, classes: 2, units: 4 };
        let (generator, discriminator) = networks(shape);
        let device = Device::flex().autodiff();
        let ramp =
            |n: usize| Tensor::<1, burn::tensor::Int>::arange(0..n as i64, &device).float().mul_scalar(0.37).sin();
        let class = |i: usize| Tensor::<2>::from_floats([[(i == 0) as u8 as f32, (i == 1) as u8 as f32]], &device);
        let numbers = |t: Tensor<2>| t.to_data().iter::<f32>().collect::<Vec<_>>();
        let differ = |a: &[f32], b: &[f32], each: usize| -> Vec<bool> {
            a.chunks(each).zip(b.chunks(each)).map(|(a, b)| a != b).collect()
        };
        let latents = ramp(18).reshape([1, 18]);
        // Step 3, from 0, has another noise.
        let other = latents.clone().slice_assign([0..1, 9..12], Tensor::<2>::ones([1, 3], &device));
        let series = |latents: &Tensor<2>, i| numbers(generator.given(latents.clone(), Some(class(i)), Pass::Eval));
        let (first, second) = (series(&latents, 0), series(&other, 0));
        assert_eq!(differ(&first, &second, 2), [false, false, false, true, true, true]);
        assert!(first.iter().all(|x| x.abs() < 1.0));
        assert_eq!(differ(&first, &series(&latents, 1), 2), [true; 6]);
        let scores = |series: Vec<f32>, i| {
            let series = Tensor::<1>::from_floats(series.as_slice(), &device).reshape([1, 12]);
            numbers(discriminator.dual(series.into(), Some(class(i)), Pass::Eval).value)
        };
        assert_eq!(differ(&scores(first.clone(), 0), &scores(second, 0), 1), [false, false, false, true, true, true]);
        assert_eq!(differ(&scores(first.clone(), 0), &scores(first, 1), 1), [true; 6]);
    }
}
