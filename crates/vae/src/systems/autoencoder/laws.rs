//! Posteriors and priors of latents: draws, densities and the divergence between them.

use std::f64::consts::PI;

use burn::tensor::{Int, Tensor, TensorData};
use ganvas_kernels::exp;
use ganvas_nets::encoder::LOG_VARIANCE;
use ganvas_nets::flows::{AnyFlow, Flow};
use ganvas_nets::noise::Noise;

use super::Posterior;
use super::sphere::{Concentration, at_angle, direction};
use crate::objectives::{kl_per_latent, log_mean_exp, log_prior_ratio, sum_rows};

/// What an encoder says of the latents of some items.
#[derive(Clone)]
pub(crate) struct Coded {
    /// `[n, latent]`.
    pub mean: Tensor<2>,
    /// `[n, latent]`; none of a deterministic posterior and of one on the sphere. Of a full one twice the logarithm of the diagonal of the Cholesky factor.
    pub log_variance: Option<Tensor<2>>,
    /// What is below that diagonal, `[n, latent, latent]`; none but of a full posterior.
    below: Option<Tensor<3>>,
    /// Of a posterior on the sphere.
    pub concentration: Option<Concentration>,
    /// What is drawn goes through a flow, which is told this of the item, `[n, context]`.
    flow: Option<(AnyFlow, Option<Tensor<2>>)>,
}

/// Latents and what they were drawn by.
pub(crate) struct Drawn {
    /// `[n, latent]`.
    pub z: Tensor<2>,
    by: By,
    /// By how much a flow has thinned their density out, `[n]`: its log-determinant.
    log_det: Option<Tensor<1>>,
}

/// What says how dense latents are where they were drawn.
enum By {
    /// Standard normal draws, `[n, latent]`.
    Normal(Tensor<2>),
    /// Angles between mean directions and latents on the sphere, `[n]`.
    Angle(Tensor<1>),
}

impl Posterior {
    /// What the encoder has to put out for so many latents, without what a flow is told.
    pub(super) fn outputs(self, latent: usize) -> usize {
        match self {
            Self::Deterministic => latent,
            Self::Diagonal => 2 * latent,
            Self::Full => 2 * latent + latent * (latent - 1) / 2,
            Self::VonMisesFisher => latent + 1,
        }
    }

    /// What the encoder's outputs say of so many latents.
    pub(super) fn read(self, out: Tensor<2>, latent: usize) -> Coded {
        let mean = out.clone().narrow(1, 0, latent);
        if self == Self::VonMisesFisher {
            let concentration = Some(Concentration::read(out.narrow(1, latent, 1).squeeze_dim(1), latent));
            return Coded { mean: direction(mean), log_variance: None, below: None, concentration, flow: None };
        }
        let log_variance = (self != Self::Deterministic)
            .then(|| out.clone().narrow(1, latent, latent).clamp(LOG_VARIANCE.0, LOG_VARIANCE.1));
        let entries = latent * (latent - 1) / 2;
        let below = (self == Self::Full && entries > 0).then(|| lower(out.narrow(1, 2 * latent, entries), latent));
        Coded { mean, log_variance, below, concentration: None, flow: None }
    }
}

/// `[n, latent (latent - 1) / 2]` as what is below the diagonal, row by row, of `[n, latent, latent]`.
fn lower(entries: Tensor<2>, latent: usize) -> Tensor<3> {
    let [n, count] = entries.dims();
    let none = count as i64;
    let place = |i: usize, j: usize| if j < i { (i * (i - 1) / 2 + j) as i64 } else { none };
    let places: Vec<i64> = (0..latent).flat_map(|i| (0..latent).map(move |j| place(i, j))).collect();
    let places = Tensor::<1, Int>::from_data(TensorData::new(places, [latent * latent]), &entries.device());
    let zero = Tensor::zeros([n, 1], &entries.device());
    Tensor::cat(vec![entries, zero], 1).select(1, places).reshape([n, latent, latent])
}

impl Coded {
    /// Each item `k` times, one after the other.
    pub fn repeated(self, k: usize) -> Self {
        if k == 1 {
            return self;
        }
        let below = self.below.map(|below| {
            let [n, rows, columns] = below.dims();
            below.unsqueeze_dim::<4>(1).expand([n, k, rows, columns]).reshape([n * k, rows, columns])
        });
        let flow = self.flow.map(|(flow, context)| (flow, context.map(|context| repeated(context, k))));
        let concentration = self.concentration.map(|concentration| concentration.repeated(k));
        let log_variance = self.log_variance.map(|v| repeated(v, k));
        Self { mean: repeated(self.mean, k), log_variance, below, concentration, flow }
    }

    /// The same with a flow behind it, which is told `context` of each item, `[n, context]`.
    pub fn through(self, flow: AnyFlow, context: Option<Tensor<2>>) -> Self {
        Self { flow: Some((flow, context)), ..self }
    }

    /// The code that an item is given: the mean, as a flow has it.
    pub fn code(&self) -> Tensor<2> {
        match &self.flow {
            Some((flow, context)) => flow.forward(self.mean.clone(), context.clone()).0,
            None => self.mean.clone(),
        }
    }

    /// Whether it is one point, which has no density.
    pub fn is_point(&self) -> bool {
        self.log_variance.is_none() && self.concentration.is_none()
    }

    /// Latents of items that are there `k` times each, one after the other. A row of what is drawn is for an item, so that parts of a
    /// batch draw what the whole batch would.
    pub fn draw(&self, noise: &Noise, k: usize) -> Drawn {
        let [n, latent] = self.mean.dims();
        if let Some(concentration) = &self.concentration {
            let angle = concentration.angle(noise, k);
            let tangent = noise.normal("posterior", [n / k, k * (latent - 1)]).reshape([n, latent - 1]);
            let z = at_angle(self.mean.clone(), angle.clone(), tangent);
            return Drawn { z, by: By::Angle(angle), log_det: None };
        }
        let eps = match self.is_point() {
            true => self.mean.zeros_like(),
            false => noise.normal("posterior", [n / k, k * latent]).reshape([n, latent]),
        };
        let (z, by) = (self.latents(eps.clone()), By::Normal(eps));
        match &self.flow {
            Some((flow, context)) => {
                let (z, log_det) = flow.forward(z, context.clone());
                Drawn { z, by, log_det: Some(log_det) }
            }
            None => Drawn { z, by, log_det: None },
        }
    }

    /// Cut from any graph.
    pub fn detached(&self) -> Self {
        Self {
            mean: self.mean.clone().detach(),
            log_variance: self.log_variance.clone().map(Tensor::detach),
            below: self.below.clone().map(Tensor::detach),
            concentration: self.concentration.clone(),
            flow: self.flow.clone(),
        }
    }

    /// Where standard normal draws `[n, latent]` fall, before any flow.
    fn latents(&self, eps: Tensor<2>) -> Tensor<2> {
        let Some(log_variance) = &self.log_variance else { return self.mean.clone() };
        let z = self.mean.clone() + exp(log_variance.clone().mul_scalar(0.5)) * eps.clone();
        match &self.below {
            Some(below) => z + below.clone().matmul(eps.unsqueeze_dim(2)).squeeze_dim::<2>(2),
            None => z,
        }
    }

    /// ln q of where the draws `eps` fall, before any flow, `[n]`; 0 of a deterministic posterior.
    fn log_density(&self, eps: Tensor<2>) -> Tensor<1> {
        match &self.log_variance {
            Some(log_variance) => normal(eps, log_variance.clone()),
            None => sum_rows(eps.zeros_like()),
        }
    }

    /// ln q of latents, `[n]`, of a diagonal posterior.
    pub fn log_density_of(&self, z: Tensor<2>) -> Tensor<1> {
        let log_variance = self.log_variance.clone().unwrap_or_else(|| self.mean.zeros_like());
        normal_at(z, self.mean.clone(), log_variance)
    }

    /// The divergence from N(0, I), latent by latent, in closed form, `[n, latent]`. What a full posterior has below the diagonal
    /// counts for the latent of its row.
    fn divergence(&self) -> Tensor<2> {
        let Some(log_variance) = &self.log_variance else { return self.mean.zeros_like() };
        let diagonal = kl_per_latent(self.mean.clone(), log_variance.clone());
        match self.spread_below() {
            Some(spread) => diagonal + spread.mul_scalar(0.5),
            None => diagonal,
        }
    }

    /// The same from N(mean, e^log_variance) (Sohn et al. 2015).
    fn divergence_from(&self, mean: Tensor<2>, log_variance: Tensor<2>) -> Tensor<2> {
        let own = self.log_variance.clone().unwrap_or_else(|| self.mean.zeros_like());
        let mut spread = exp(own.clone()) + (self.mean.clone() - mean).square();
        if let Some(below) = self.spread_below() {
            spread = spread + below;
        }
        let terms = spread * exp(log_variance.clone().neg()) - own.add_scalar(1.0) + log_variance;
        terms.mul_scalar(0.5)
    }

    /// What the factor's entries below the diagonal add to the variance of each latent.
    fn spread_below(&self) -> Option<Tensor<2>> {
        self.below.clone().map(|below| below.square().sum_dim(2).squeeze_dim(2))
    }
}

/// What the latents are distributed like before anything is seen.
#[derive(Clone)]
pub(crate) enum PriorLaw {
    /// N(0, I).
    StandardNormal,
    /// A Gaussian for each item, `[n, latent]` each.
    Gaussian { mean: Tensor<2>, log_variance: Tensor<2> },
    /// The mean of some Gaussians for all items, `[count, latent]` each.
    Mixture { mean: Tensor<2>, log_variance: Tensor<2> },
    /// Uniform on the unit sphere.
    Sphere,
}

impl PriorLaw {
    /// Each item `k` times, one after the other.
    pub fn repeated(self, k: usize) -> Self {
        match self {
            Self::Gaussian { mean, log_variance } => {
                Self::Gaussian { mean: repeated(mean, k), log_variance: repeated(log_variance, k) }
            }
            other => other,
        }
    }

    /// ln p(z) - ln q(z|x) of latents, `[n]`; 0 of a deterministic posterior.
    pub fn log_ratio(&self, coded: &Coded, Drawn { z, by, log_det }: &Drawn) -> Tensor<1> {
        let (own, eps) = match (&coded.log_variance, &coded.concentration, by) {
            (_, Some(concentration), By::Angle(angle)) => return concentration.log_ratio(angle.clone()),
            (Some(own), _, By::Normal(eps)) => (own, eps.clone()),
            _ => return sum_rows(z.zeros_like()),
        };
        let z = z.clone();
        let prior = match (self, log_det) {
            // The constants cancel.
            (Self::StandardNormal, None) => return log_prior_ratio(z, own.clone(), eps),
            // On the sphere there is no Gaussian: settings are refused that would bring one here.
            (Self::StandardNormal | Self::Sphere, _) => standard_normal(z),
            (Self::Gaussian { mean, log_variance }, _) => normal_at(z, mean.clone(), log_variance.clone()),
            (Self::Mixture { mean, log_variance }, _) => mixture(z, mean.clone(), log_variance.clone()),
        };
        let ratio = prior - coded.log_density(eps);
        match log_det {
            Some(log_det) => ratio + log_det.clone(),
            None => ratio,
        }
    }

    /// The divergence of the posterior from it, latent by latent, in closed form, `[n, latent]`; none where there is no such form.
    pub fn divergence(&self, coded: &Coded) -> Option<Tensor<2>> {
        match self {
            _ if coded.flow.is_some() || coded.concentration.is_some() => None,
            Self::StandardNormal => Some(coded.divergence()),
            Self::Gaussian { mean, log_variance } => Some(coded.divergence_from(mean.clone(), log_variance.clone())),
            Self::Mixture { .. } | Self::Sphere => None,
        }
    }

    /// The divergence of the posterior from it, `[n]`: in closed form, latent by latent or of all together, or by what was drawn.
    pub fn kl(&self, coded: &Coded, drawn: &Drawn, per_latent: Option<&Tensor<2>>) -> Tensor<1> {
        match (per_latent, &coded.concentration) {
            (Some(per_latent), _) => sum_rows(per_latent.clone()),
            (None, Some(concentration)) => concentration.divergence(),
            (None, None) => self.log_ratio(coded, drawn).neg(),
        }
    }
}

/// Each row `k` times, one after the other.
pub(super) fn repeated(rows: Tensor<2>, k: usize) -> Tensor<2> {
    if k == 1 {
        return rows;
    }
    let [n, values] = rows.dims();
    rows.unsqueeze_dim::<3>(1).expand([n, k, values]).reshape([n * k, values])
}

/// ln N(z; mean, e^log_variance) of the standard normal draws that gave z, `[n]`.
fn normal(eps: Tensor<2>, log_variance: Tensor<2>) -> Tensor<1> {
    sum_rows((eps.square() + log_variance).add_scalar((2.0 * PI).ln())).mul_scalar(-0.5)
}

/// ln N(z; mean, e^log_variance), `[n]`.
fn normal_at(z: Tensor<2>, mean: Tensor<2>, log_variance: Tensor<2>) -> Tensor<1> {
    let eps = (z - mean) * exp(log_variance.clone().mul_scalar(-0.5));
    normal(eps, log_variance)
}

/// ln N(z; 0, I), `[n]`.
pub(super) fn standard_normal(z: Tensor<2>) -> Tensor<1> {
    sum_rows(z.square().add_scalar((2.0 * PI).ln())).mul_scalar(-0.5)
}

/// ln of the mean of Gaussians, `[count, latent]` each of means and log-variances, at latents `[n, latent]`: `[n]`.
fn mixture(z: Tensor<2>, mean: Tensor<2>, log_variance: Tensor<2>) -> Tensor<1> {
    let ([n, latent], [count, _]) = (z.dims(), mean.dims());
    let all = [n, count, latent];
    let eps = (z.unsqueeze_dim::<3>(1).expand(all) - mean.unsqueeze_dim::<3>(0).expand(all))
        * exp(log_variance.clone().mul_scalar(-0.5)).unsqueeze_dim::<3>(0).expand(all);
    let squares: Tensor<2> = eps.square().sum_dim(2).squeeze_dim(2);
    let constants: Tensor<2> = sum_rows(log_variance.add_scalar((2.0 * PI).ln())).unsqueeze_dim(0);
    log_mean_exp((squares + constants).mul_scalar(-0.5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use ganvas_nets::noise::Noise;
    use ganvas_prob::distributions::MultivariateNormal;
    use ganvas_prob::stream::Streams;

    fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
        tensor.to_data().iter().collect()
    }

    /// One item, three latents: the factor L = [[s1, 0, 0], [a, s2, 0], [b, c, s3]].
    fn full() -> (Coded, [[f64; 3]; 3]) {
        let out = [0.5, -1.0, 2.0, -0.4, 0.6, 0.2, 0.7, -0.3, 1.1f32];
        let out = Tensor::<2>::from_floats([out], &Device::flex());
        let s = |v: f64| (0.5 * v).exp();
        let factor = [[s(-0.4), 0.0, 0.0], [0.7, s(0.6), 0.0], [-0.3, 1.1, s(0.2)]];
        (Posterior::Full.read(out, 3), factor)
    }

    #[test]
    fn a_full_posterior_has_the_density_and_divergence_of_its_covariance() {
        let (coded, factor) = full();
        let eps = [0.3, -1.2, 0.8f32];
        let draws = || Tensor::<2>::from_floats([eps], &Device::flex());
        let z = values(coded.latents(draws()));
        let mean = [0.5, -1.0, 2.0];
        for i in 0..3 {
            let expected = mean[i] + (0..3).map(|j| factor[i][j] * f64::from(eps[j])).sum::<f64>();
            assert!((z[i] - expected).abs() < 1e-6);
        }
        let covariance: Vec<f64> =
            (0..9).map(|at| (0..3).map(|k| factor[at / 3][k] * factor[at % 3][k]).sum()).collect();
        let expected = MultivariateNormal::full(&mean, &covariance).unwrap().ln_pdf(&z);
        assert!((values(coded.log_density(draws()))[0] - expected).abs() < 1e-4);
        // KL = (tr S + m'm - d - ln det S) / 2.
        let trace: f64 = (0..3).map(|i| covariance[4 * i]).sum();
        let expected = 0.5 * (trace + 5.25 - 3.0 - (-0.4 + 0.6 + 0.2));
        assert!((values(coded.divergence()).iter().sum::<f64>() - expected).abs() < 1e-5);
    }

    #[test]
    fn the_divergence_from_the_standard_normal_is_that_from_mean_0_and_variance_1() {
        let (coded, _) = full();
        let zero = || Tensor::zeros([1, 3], &Device::flex());
        let difference = (coded.divergence_from(zero(), zero()) - coded.divergence()).abs().max();
        assert!(difference.into_scalar::<f32>() < 1e-6);
    }

    /// The mean of ln q - ln p over draws comes to the closed form: 100,000 draws, within 5 standard errors.
    #[test]
    fn the_closed_divergence_from_another_gaussian_agrees_with_draws() {
        let n = 100_000;
        let noise = Noise::new(Streams::new(1), "test", 0, &Device::flex());
        let row = |values: [f32; 4]| Tensor::<2>::from_floats([values], &Device::flex()).expand([n, 4]);
        let coded = Posterior::Diagonal.read(row([0.5, -1.0, -0.5, 0.8]), 2);
        let prior = Posterior::Diagonal.read(row([-0.3, 0.2, 0.4, -0.2]), 2);
        let eps = noise.normal("eps", [n, 2]);
        let z = coded.latents(eps.clone());
        let (mean, v) = (prior.mean.clone(), prior.log_variance.clone().unwrap());
        let draws = values(coded.log_density(eps) - normal_at(z.clone(), mean.clone(), v.clone()));
        let found = draws.iter().sum::<f64>() / n as f64;
        let sd = (draws.iter().map(|d| (d - found).powi(2)).sum::<f64>() / n as f64).sqrt();
        let expected = values(coded.divergence_from(mean, v).narrow(0, 0, 1)).iter().sum::<f64>();
        assert!((found - expected).abs() < 5.0 * sd / (n as f64).sqrt(), "{found} against {expected}");
        // The density by draws and by latents is the same.
        let difference = (coded.log_density_of(z) - coded.log_density(noise.normal("again", [n, 2]))).mean();
        assert!(difference.into_scalar::<f64>().abs() < 0.05);
    }

    #[test]
    fn a_mixture_of_one_is_its_gaussian_and_of_two_their_mean() {
        let of = |values: [[f32; 2]; 2]| Tensor::<2>::from_floats(values, &Device::flex());
        let (z, mean, v) = (of([[0.3, -1.0], [4.0, 2.0]]), of([[0.0, 1.0], [3.0, 2.5]]), of([[0.0, 0.5], [-1.0, 0.2]]));
        let alone = |i: usize| {
            let pick = |x: &Tensor<2>| x.clone().narrow(0, i, 1);
            values(normal_at(z.clone(), pick(&mean).expand([2, 2]), pick(&v).expand([2, 2])))
        };
        let one = mixture(z.clone(), mean.clone().narrow(0, 0, 1), v.clone().narrow(0, 0, 1));
        for (found, expected) in values(one).into_iter().zip(alone(0)) {
            assert!((found - expected).abs() < 1e-5);
        }
        let both = values(mixture(z.clone(), mean.clone(), v.clone()));
        for (i, found) in both.into_iter().enumerate() {
            let expected = (0.5 * (alone(0)[i].exp() + alone(1)[i].exp())).ln();
            assert!((found - expected).abs() < 1e-4);
        }
    }
}
