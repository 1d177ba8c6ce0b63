use burn::module::Module;
use burn::tensor::Tensor;
use ganvas_kernels::exp;

use super::{Flow, Inverse, Made, MadeConfig, Order, chain, log_standard_normal, sum_over_dims};
use crate::init::Init;

fn blocks(dims: usize, context: usize, count: usize, config: &MadeConfig, init: &mut Init) -> Vec<Made> {
    (0..count).map(|i| Made::new(dims, context, Order::of_block(i), config, init)).collect()
}

/// A masked autoregressive flow, from items to noise (Papamakarios et al. 2017, eq. 4 and 5): in each block
/// u_i = (x_i - mu_i(x_<i)) exp(-a_i(x_<i)), with log |det| = -sum a; the order of the dimensions is reversed from block
/// to block.
///
/// A density is one pass, a sample one for each dimension. The flow starts near the identity: items should come with means
/// near 0 and deviations near 1.
#[derive(Module, Debug)]
pub struct Maf {
    blocks: Vec<Made>,
}

impl Maf {
    /// `count` blocks for items of `dims` values and a context of `context` values, 0 for none.
    pub fn new(dims: usize, context: usize, count: usize, config: &MadeConfig, init: &mut Init) -> Self {
        Self { blocks: blocks(dims, context, count, config, init) }
    }

    /// Log-density of items in nats: that of their noise under N(0, I), and log |det|.
    ///
    /// # Shapes
    /// `[batch, dims]` and `[batch, context]` to `[batch]`.
    pub fn log_density(&self, x: Tensor<2>, context: Option<Tensor<2>>) -> Tensor<1> {
        let (u, log_det) = self.forward(x, context);
        log_standard_normal(u) + log_det
    }

    /// The items of noise u ~ N(0, I): the inverse.
    ///
    /// # Shapes
    /// `[batch, dims]` and `[batch, context]` to `[batch, dims]`.
    pub fn sample(&self, u: Tensor<2>, context: Option<Tensor<2>>) -> Tensor<2> {
        self.inverse(u, context)
    }
}

impl Flow for Maf {
    fn forward(&self, x: Tensor<2>, context: Option<Tensor<2>>) -> (Tensor<2>, Tensor<1>) {
        chain(x, &self.blocks, |made, x| {
            let (shift, log_scale) = made.forward(x.clone(), context.clone());
            let shrink = log_scale.neg();
            ((x - shift) * exp(shrink.clone()), sum_over_dims(shrink))
        })
    }
}

impl Inverse for Maf {
    fn inverse(&self, y: Tensor<2>, context: Option<Tensor<2>>) -> Tensor<2> {
        let undone = |y, made: &Made| made.solve(y, context.clone(), |u, shift, log_scale| u * exp(log_scale) + shift);
        self.blocks.iter().rev().fold(y, undone)
    }
}

/// An inverse autoregressive flow, from noise to items (Kingma et al. 2016, eq. 10): in each block
/// z'_i = mu_i(z_<i) + exp(a_i(z_<i)) z_i, with log |det| = sum a; the order of the dimensions is reversed from block to
/// block.
///
/// A sample with its density is one pass, the density of something else one for each dimension. The flow starts near the
/// identity. The paper's own networks have a sigmoid in place of the exponential (eq. 13 and 14).
#[derive(Module, Debug)]
pub struct Iaf {
    blocks: Vec<Made>,
}

impl Iaf {
    /// `count` blocks for items of `dims` values and a context of `context` values, 0 for none.
    pub fn new(dims: usize, context: usize, count: usize, config: &MadeConfig, init: &mut Init) -> Self {
        Self { blocks: blocks(dims, context, count, config, init) }
    }

    /// The items of noise u ~ N(0, I), and their log-density in nats (eq. 11).
    ///
    /// # Shapes
    /// `[batch, dims]` and `[batch, context]` to `[batch, dims]` and `[batch]`.
    pub fn sample(&self, u: Tensor<2>, context: Option<Tensor<2>>) -> (Tensor<2>, Tensor<1>) {
        let (x, log_det) = self.forward(u.clone(), context);
        (x, log_standard_normal(u) - log_det)
    }

    /// Log-density of any items in nats, by their noise.
    ///
    /// # Shapes
    /// `[batch, dims]` and `[batch, context]` to `[batch]`.
    pub fn log_density(&self, x: Tensor<2>, context: Option<Tensor<2>>) -> Tensor<1> {
        self.sample(self.inverse(x, context.clone()), context).1
    }
}

impl Flow for Iaf {
    fn forward(&self, x: Tensor<2>, context: Option<Tensor<2>>) -> (Tensor<2>, Tensor<1>) {
        chain(x, &self.blocks, |made, z| {
            let (shift, log_scale) = made.forward(z.clone(), context.clone());
            (shift + exp(log_scale.clone()) * z, sum_over_dims(log_scale))
        })
    }
}

impl Inverse for Iaf {
    fn inverse(&self, y: Tensor<2>, context: Option<Tensor<2>>) -> Tensor<2> {
        let undone =
            |y, made: &Made| made.solve(y, context.clone(), |z, shift, log_scale| (z - shift) * exp(log_scale.neg()));
        self.blocks.iter().rev().fold(y, undone)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{init, points, stirred};
    use super::*;
    use crate::dual::in_double_precision;
    use crate::init::Initializer;
    use crate::layers::Activation;
    use crate::noise::Noise;
    use crate::optim::{OptimizerConfig, Trained, squared_norm};
    use burn::tensor::{DType, Device, TensorData};
    use ganvas_prob::stream::Streams;

    fn config(hidden: &[usize]) -> MadeConfig {
        MadeConfig::new(hidden, Activation::Tanh, Initializer::Glorot)
    }

    fn largest(x: Tensor<2>) -> f64 {
        x.abs().max().into_scalar()
    }

    #[test]
    fn what_goes_forward_comes_back() {
        for (dims, context) in [(1, 0), (1, 2), (2, 0), (3, 2), (8, 0), (32, 3), (64, 0)] {
            let init = &mut init(&Device::flex());
            let maf = stirred(Maf::new(dims, context, 3, &config(&[64, 64]), init), 0.05);
            let iaf = stirred(Iaf::new(dims, context, 3, &config(&[64, 64]), init), 0.05);
            let x = points(64, dims, 1.0);
            let given = (context > 0).then(|| points(64, context, 1.0));
            let there = maf.forward(x.clone(), given.clone()).0;
            assert!(largest(there.clone() - x.clone()) > 0.05, "{dims}: far from the identity");
            let back = largest(maf.inverse(there, given.clone()) - x.clone());
            assert!(back < 1e-4, "maf of {dims} dimensions: {back}");
            let there = iaf.forward(x.clone(), given.clone()).0;
            let back = largest(iaf.inverse(there, given) - x);
            assert!(back < 1e-4, "iaf of {dims} dimensions: {back}");
        }
    }

    #[test]
    fn a_new_flow_is_near_the_identity() {
        let maf = Maf::new(8, 0, 2, &config(&[64, 64]), &mut init(&Device::flex()));
        let x = points(64, 8, 1.0);
        assert!(largest(maf.forward(x.clone(), None).0 - x) < 0.2);
    }

    #[test]
    fn both_densities_of_a_sample_agree() {
        let iaf = in_double_precision(stirred(Iaf::new(5, 2, 2, &config(&[16]), &mut init(&Device::flex())), 0.3));
        let (u, context) = (points(32, 5, 1.0).cast(DType::F64), points(32, 2, 1.0).cast(DType::F64));
        let (x, density) = iaf.sample(u, Some(context.clone()));
        let again = iaf.log_density(x, Some(context));
        assert!((density - again).abs().max().into_scalar::<f64>() < 1e-9);
    }

    /// The sum over a grid of spacing 0.05, within [-10, 10] in both dimensions.
    #[test]
    fn densities_integrate_to_one() {
        const SIDE: usize = 401;
        let place = |i: usize| (i as f64 - 200.0) * 0.05;
        let grid: Vec<f64> = (0..SIDE * SIDE).flat_map(|i| [place(i / SIDE), place(i % SIDE)]).collect();
        let grid = Tensor::from_data(TensorData::new(grid, [SIDE * SIDE, 2]), (&Device::flex(), DType::F64));
        let init = &mut init(&Device::flex());
        let maf = in_double_precision(stirred(Maf::new(2, 0, 2, &config(&[16]), init), 0.3));
        let iaf = in_double_precision(stirred(Iaf::new(2, 0, 2, &config(&[16]), init), 0.3));
        for density in [maf.log_density(grid.clone(), None), iaf.log_density(grid, None)] {
            let mass = density.exp().sum().into_scalar::<f64>() * 0.05 * 0.05;
            assert!((mass - 1.0).abs() < 1e-4, "{mass}");
        }
    }

    #[test]
    fn gradients_pass_through_the_steps_of_an_inverse() {
        let device = Device::flex().autodiff();
        let iaf = Iaf::new(3, 0, 2, &config(&[16]), &mut init(&device));
        let trained = Trained::new(iaf, OptimizerConfig::adam(1e-3, 0.9));
        let loss = trained.net.log_density(Tensor::from_inner(points(16, 3, 2.0)), None).mean().neg();
        let norm = squared_norm(&trained.gradients(loss), &trained.net).map(|norm| norm.into_scalar::<f64>());
        assert!(norm.is_some_and(|norm| norm.is_finite() && norm > 1e-6), "{norm:?}");
    }

    #[test]
    fn the_order_is_reversed_between_blocks() {
        let device = Device::flex();
        for (count, reached) in [(1, [false, false, true]), (2, [true; 3])] {
            let maf = stirred(Maf::new(3, 0, count, &config(&[16]), &mut init(&device)), 0.3);
            let at = |last: f32| maf.forward(Tensor::from_floats([[0.1, 0.2, last]], &device), None).0;
            let moved: Vec<f32> = (at(0.5) - at(-0.5)).to_data().iter().collect();
            assert_eq!(moved.iter().map(|change| *change != 0.0).collect::<Vec<_>>(), reached, "{count} blocks");
        }
    }

    /// x_1 ~ N(0, 1), x_2 = x_1^2 + 0.3 N(0, 1).
    fn banana(name: &str, step: u64, n: usize, device: &Device) -> Tensor<2> {
        let noise = Noise::new(Streams::new(5), name, step, device);
        let (a, b) = (noise.normal("a", [n, 1]), noise.normal("b", [n, 1]));
        Tensor::cat(vec![a.clone(), a.square() + b.mul_scalar(0.3)], 1)
    }

    /// Mean log-density of points under the normal law with the mean and covariance of others.
    fn gaussian_fit(fitted: &Tensor<2>, points: &Tensor<2>) -> f64 {
        let rows = |x: &Tensor<2>| x.to_data().iter::<f64>().collect::<Vec<_>>();
        let (fitted, points) = (rows(fitted), rows(points));
        let n = (fitted.len() / 2) as f64;
        let average = |of: &dyn Fn(&[f64]) -> f64| fitted.chunks(2).map(of).sum::<f64>() / n;
        let mean = [average(&|x| x[0]), average(&|x| x[1])];
        let covariance = |i: usize, j: usize| average(&|x| (x[i] - mean[i]) * (x[j] - mean[j]));
        let (a, b, c) = (covariance(0, 0), covariance(0, 1), covariance(1, 1));
        let determinant = a * c - b * b;
        let density = |x: &[f64]| {
            let (s, t) = (x[0] - mean[0], x[1] - mean[1]);
            let square = (c * s * s - 2.0 * b * s * t + a * t * t) / determinant;
            -0.5 * (square + determinant.ln()) - std::f64::consts::TAU.ln()
        };
        points.chunks(2).map(density).sum::<f64>() * 2.0 / points.len() as f64
    }

    /// The law's own mean log-density is -ln(2 pi e) - ln 0.3 = -1.634; the best normal law's is -3.21.
    #[test]
    fn a_trained_flow_fits_a_banana_far_better_than_a_normal_law() {
        let device = Device::flex().autodiff();
        let maf = Maf::new(2, 0, 2, &config(&[32, 32]), &mut init(&device));
        let mut trained = Trained::new(maf, OptimizerConfig::adam(5e-3, 0.9));
        for step in 0..400 {
            let loss = trained.net.log_density(banana("train", step, 256, &device), None).mean().neg();
            let gradients = trained.gradients(loss);
            trained.apply(gradients, 1.0);
        }
        let plain = Device::flex();
        let held_out = banana("held-out", 0, 8192, &plain);
        let flow: f64 = trained.shown().log_density(held_out.clone(), None).mean().into_scalar();
        let normal = gaussian_fit(&banana("train", 0, 8192, &plain), &held_out);
        let own = -(std::f64::consts::TAU * std::f64::consts::E * 0.3).ln();
        assert!((normal + 3.21).abs() < 0.05, "{normal}");
        assert!(flow > normal + 1.2 && flow < own + 0.05, "flow {flow}, normal {normal}, the law itself {own}");

        let noise = Noise::new(Streams::new(5), "sample", 0, &plain);
        let samples = trained.shown().sample(noise.normal("u", [8192, 2]), None);
        let off = samples.clone().narrow(1, 1, 1) - samples.narrow(1, 0, 1).square();
        let mut off: Vec<f64> = off.abs().to_data().iter().collect();
        off.sort_by(f64::total_cmp);
        // The median of |N(0, 0.3^2)| is 0.3 x 0.6745.
        let median = off[off.len() / 2];
        assert!((median - 0.202).abs() < 0.03, "samples lie along the banana: {median}");
    }
}
