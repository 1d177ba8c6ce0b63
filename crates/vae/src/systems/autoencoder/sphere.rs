//! Latents on the unit sphere (Davidson et al. 2018): directions, and how far a posterior keeps to its own.
//!
//! What needs Bessel functions is computed on the host in f64; its derivatives by the concentration, which have closed forms, are put
//! beside the values for the gradient. Densities are by the uniform law of the sphere.

use std::sync::Arc;

use burn::tensor::{Tensor, TensorData};
use ganvas_engine::system::with_values;
use ganvas_nets::noise::Noise;
use ganvas_prob::distributions::FisherAngle;
use ganvas_prob::traits::Sample;

/// Concentrations are kept within 1 and this, at which draws of d latents are about sqrt(d - 1) hundredths of a radian away.
const MOST: f64 = 1e4;

/// How concentrated posteriors are about their mean directions.
#[derive(Clone)]
pub(crate) struct Concentration {
    /// `[n]`, in [1, 1e4].
    pub value: Tensor<1>,
    /// The law of the angle for each; none of what is no number.
    laws: Arc<Vec<Option<FisherAngle>>>,
}

impl Concentration {
    /// Of what an encoder puts out, `[n]`: softplus + 1 as in the paper's published code, for so many latents.
    pub fn read(out: Tensor<1>, latent: usize) -> Self {
        let value = ganvas_kernels::softplus(out).add_scalar(1.0).clamp_max(MOST);
        let laws = value.to_data().iter::<f64>().map(|value| FisherAngle::new(latent, value).ok()).collect();
        Self { value, laws: Arc::new(laws) }
    }

    /// Each `k` times, one after the other.
    pub fn repeated(self, k: usize) -> Self {
        let n = self.laws.len();
        let value = self.value.unsqueeze_dim::<2>(1).expand([n, k]).reshape([n * k]);
        let laws = self.laws.iter().flat_map(|&law| std::iter::repeat_n(law, k)).collect();
        Self { value, laws: Arc::new(laws) }
    }

    /// Angles between mean direction and draw, `[n]`, of items that are there `k` times each. Their derivative by the concentration is
    /// that at a fixed probability (Figurnov, Mohamed and Mnih 2018, section 3); the paper goes through the rejection sampler and adds a
    /// correction for what it accepts.
    pub fn angle(&self, noise: &Noise, k: usize) -> Tensor<1> {
        let mut generators = noise.generators("angle", [self.laws.len() / k, k]);
        let draws: Vec<f64> = self
            .laws
            .iter()
            .zip(&mut generators)
            .map(|(law, rng)| law.map_or(f64::NAN, |law| law.sample(rng)))
            .collect();
        let slopes = self.of(|i, law| law.slope(draws[i]));
        self.with_slopes(draws, slopes)
    }

    /// KL(q(z|x) || uniform), `[n]`, in closed form.
    pub fn divergence(&self) -> Tensor<1> {
        let slope = |_: usize, law: &FisherAngle| law.concentration() * law.cosine_variance();
        self.with_slopes(self.of(|_, law| law.kl_to_uniform()), self.of(slope))
    }

    /// ln p(z) - ln q(z|x), `[n]`, of latents at these angles, `[n]`, from the mean directions.
    pub fn log_ratio(&self, angle: Tensor<1>) -> Tensor<1> {
        // concentration (1 - cos t), without cancellation at small angles.
        let fall = angle.mul_scalar(0.5).sin().square().mul_scalar(2.0);
        let normaliser = self.with_slopes(self.of(|_, law| law.ln_normaliser()), self.of(|_, law| -law.fall()));
        self.value.clone() * fall + normaliser
    }

    fn of(&self, f: impl Fn(usize, &FisherAngle) -> f64) -> Vec<f64> {
        self.laws.iter().enumerate().map(|(i, law)| law.as_ref().map_or(f64::NAN, |law| f(i, law))).collect()
    }

    /// Numbers with their derivatives by the concentration.
    fn with_slopes(&self, values: Vec<f64>, slopes: Vec<f64>) -> Tensor<1> {
        let device = self.value.device();
        let constant = |values: Vec<f64>| {
            let values: Vec<f32> = values.into_iter().map(|x| x as f32).collect();
            Tensor::<1>::from_data(TensorData::new(values, [self.laws.len()]), &device)
        };
        constant(values) + constant(slopes) * (self.value.clone() - self.value.clone().detach())
    }
}

/// The first axis of so many, for each of `n` rows: `[n, latent]`.
fn first_axis(like: &Tensor<2>) -> Tensor<2> {
    let [n, latent] = like.dims();
    let one = Tensor::ones([n, 1], &like.device());
    if latent == 1 { one } else { Tensor::cat(vec![one, Tensor::zeros([n, latent - 1], &like.device())], 1) }
}

/// Rows brought to length 1. A row of zeros, which has no direction, becomes the first axis.
///
/// # Shapes
/// `[n, latent]` to `[n, latent]`.
pub(super) fn direction(rows: Tensor<2>) -> Tensor<2> {
    let rows = rows.clone() + first_axis(&rows).mul_scalar(1e-12);
    let length = rows.clone().square().sum_dim(1).sqrt();
    rows / length
}

/// Points of the sphere at these angles, `[n]`, from mean directions, `[n, latent]`, where standard normal draws,
/// `[n, latent - 1]`, point to: made about the first axis and reflected to the mean, as in the paper. A fixed draw moves smoothly with the
/// mean, but where that is the first axis itself.
pub(super) fn at_angle(mean: Tensor<2>, angle: Tensor<1>, tangent: Tensor<2>) -> Tensor<2> {
    let angle = angle.unsqueeze_dim::<2>(1);
    let length = tangent.clone().square().sum_dim(1).sqrt().clamp_min(1e-30);
    let about_axis = Tensor::cat(vec![angle.clone().cos(), angle.sin() * (tangent / length)], 1);
    let across = first_axis(&mean) - mean;
    let square = across.clone().square().sum_dim(1).clamp_min(1e-12);
    let along = (across.clone() * about_axis.clone()).sum_dim(1) / square;
    about_axis - across * along.mul_scalar(2.0)
}

/// One point of the sphere, `[1, latent]`, for each of `values`, in [-1, 1], of one coordinate: the others shrink or grow alike.
pub(super) fn on_sphere(point: Tensor<2>, place: usize, values: &[f64]) -> Tensor<2> {
    let others = direction(with_values(point.clone(), place, &vec![0.0; values.len()]));
    let values: Vec<f64> = values.iter().map(|value| value.clamp(-1.0, 1.0)).collect();
    let set = with_values(point.zeros_like(), place, &values);
    let rest = set.clone().square().sum_dim(1).neg().add_scalar(1.0).clamp_min(0.0).sqrt();
    others * rest + set
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn noise(seed: u64, device: &Device) -> Noise {
        Noise::new(Streams::new(seed), "test", 0, device)
    }

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
        tensor.to_data().iter().collect()
    }

    /// Mean of draws and four standard errors.
    fn average(terms: &[f64]) -> (f64, f64) {
        let n = terms.len() as f64;
        let mean = terms.iter().sum::<f64>() / n;
        (mean, 4.0 * (terms.iter().map(|t| (t - mean).powi(2)).sum::<f64>()).sqrt() / n)
    }

    /// What an encoder has to put out for a concentration.
    fn output(concentration: f64) -> f32 {
        (concentration - 1.0).exp_m1().max(1e-6).ln() as f32
    }

    /// Draws lie on the sphere, their mean is the resultant times the direction, and the mean of ln q - ln p is the divergence.
    #[test]
    fn draws_have_the_mean_and_divergence_of_their_law() {
        let device = Device::flex();
        for (latent, concentration) in [(2, 3.0), (3, 20.0), (10, 5.0)] {
            let n = 20_000;
            let law = FisherAngle::new(latent, f64::from(1.0 + (1.0 + output(concentration).exp()).ln())).unwrap();
            let mean = direction(noise(1, &device).normal("mean", [1, latent]));
            let read = Concentration::read(Tensor::full([n], output(concentration), &device), latent);
            let angle = read.angle(&noise(2, &device), 1);
            let z = at_angle(
                mean.clone().expand([n, latent]),
                angle.clone(),
                noise(3, &device).normal("t", [n, latent - 1]),
            );
            let length = z.clone().square().sum_dim(1).sub_scalar(1.0).abs().max().into_scalar::<f32>();
            assert!(length < 1e-5, "{length}");
            for place in 0..latent {
                let (found, error) = average(&values(z.clone().narrow(1, place, 1)));
                let expected = law.resultant() * values(mean.clone())[place];
                assert!((found - expected).abs() < error, "{latent}, {place}: {found} for {expected}");
            }
            let (found, error) = average(&values(read.log_ratio(angle).neg()));
            let expected = values(read.divergence())[0];
            assert!((found - expected).abs() < error + 1e-5, "{latent}: {found} for {expected}");
            assert!((expected - law.kl_to_uniform()).abs() < 1e-5);
        }
    }

    /// The mean of z_1^2 + z_2 over draws has a closed form in mean direction and concentration: E[z] = A mean, E[z z'] = (1 - E[w^2]) / (d - 1) (I - mean mean') + E[w^2] mean mean'.
    /// Its gradient by what the encoder puts out is the mean of those of the draws.
    #[test]
    fn the_gradient_of_draws_is_that_of_their_mean() {
        let device = Device::flex().autodiff();
        let (n, latent) = (40_000, 4);
        let start = [0.4f32, -0.7, 0.5, 0.2, 2.0];
        let row = Tensor::<2>::from_floats([start], &device).require_grad();
        let wide = row.clone().expand([n, latent + 1]);
        let read = Concentration::read(wide.clone().narrow(1, latent, 1).squeeze_dim(1), latent);
        let angle = read.angle(&noise(2, &device), 1);
        let z = at_angle(direction(wide.narrow(1, 0, latent)), angle, noise(3, &device).normal("t", [n, latent - 1]));
        let of = z.clone().narrow(1, 0, 1).square() + z.narrow(1, 1, 1);
        let gradients = of.mean().backward();
        let found = values(row.grad(&gradients).unwrap());
        let closed = |out: &[f64]| {
            let law = FisherAngle::new(latent, 2.0 + (-out[4]).exp().ln_1p() + out[4] - 1.0).unwrap();
            let length = out[..4].iter().map(|x| x * x).sum::<f64>().sqrt();
            let square = law.cosine_variance() + law.resultant().powi(2);
            let (first, second) = (out[0] / length, out[1] / length);
            let across = (1.0 - square) / (latent as f64 - 1.0);
            across + (square - across) * first * first + law.resultant() * second
        };
        for place in 0..=latent {
            let moved = |by: f64| {
                let mut out = start.map(f64::from);
                out[place] += by;
                closed(&out)
            };
            let expected = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            // Of draws whose gradients have a deviation below 1: four standard errors.
            assert!((found[place] - expected).abs() < 0.02, "{place}: {} for {expected}", found[place]);
        }
    }

    #[test]
    fn a_coordinate_is_set_on_the_sphere_and_extremes_stay_finite() {
        let device = Device::flex();
        let point = direction(Tensor::<2>::from_floats([[0.3, -0.5, 0.8]], &device));
        let walked = on_sphere(point.clone(), 1, &[-1.0, -0.5, 0.0, 1.0]);
        let length = walked.clone().square().sum_dim(1).sub_scalar(1.0).abs().max().into_scalar::<f32>();
        assert!(length < 1e-6);
        assert_eq!(values(walked.clone().narrow(1, 1, 1)), [-1.0, -0.5, 0.0, 1.0]);
        let ratio = values(walked.narrow(0, 1, 1));
        assert!((ratio[0] / ratio[2] - 0.375).abs() < 1e-6, "the others keep their proportion");

        let tracked = Device::flex().autodiff();
        for out in [-1e30f32, -100.0, 0.0, 1e5] {
            // No direction at all, and the first axis, where the reflection is none.
            for mean in [[0.0f32, 0.0, 0.0], [5.0, 0.0, 0.0], [-1e15, 1e-20, 0.0]] {
                let row = Tensor::<2>::from_floats([[mean[0], mean[1], mean[2], out]], &tracked).require_grad();
                let read = Concentration::read(row.clone().narrow(1, 3, 1).squeeze_dim(1), 3);
                let angle = read.angle(&noise(2, &tracked), 1);
                let z = at_angle(
                    direction(row.clone().narrow(1, 0, 3)),
                    angle.clone(),
                    noise(3, &tracked).normal("t", [1, 2]),
                );
                let loss = z.sum() + read.log_ratio(angle).sum() + read.divergence().sum();
                let gradients = loss.clone().backward();
                let finite = values(row.grad(&gradients).unwrap()).into_iter().chain(values(loss)).all(f64::is_finite);
                assert!(finite, "{mean:?}, {out}");
            }
        }
        // What is no number is no panic.
        let read = Concentration::read(Tensor::full([1], f32::NAN, &device), 3);
        assert!(values(read.angle(&noise(2, &device), 1))[0].is_nan() && values(read.divergence())[0].is_nan());
    }
}
