//! Distances of many codes from what they should be distributed like.

use std::f64::consts::PI;

use burn::tensor::{Bool, Tensor};
use serde::{Deserialize, Serialize};

use super::bounds::log_mean_exp;
use super::sum_rows;

/// What says how alike two codes are in [`mmd2`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kernel {
    /// Inverse multiquadratic: the sum over s in {.1, .2, .5, 1, 2, 5, 10} of C / (C + |a - b|^2) with C = 2 d sd^2 s of d
    /// latents (Tolstikhin et al. 2018, section 4, and their published code).
    InverseMultiquadratic {
        /// Standard deviation of the prior.
        sd: f64,
    },
    /// Gaussian: exp(-|a - b|^2 / (d bandwidth^2)) of d latents (Zhao et al. 2019, their published code, with 1).
    Gaussian {
        /// In units of the prior's standard deviation.
        bandwidth: f64,
    },
}

impl Kernel {
    fn of(self, squared: Tensor<2>, latents: f64) -> Tensor<2> {
        match self {
            Self::InverseMultiquadratic { sd } => {
                let scales = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0].map(|s| 2.0 * latents * sd * sd * s);
                let one = |c: f64| squared.clone().add_scalar(c).recip().mul_scalar(c);
                let mut sum = one(scales[0]);
                for &c in &scales[1..] {
                    sum = sum + one(c);
                }
                sum
            }
            Self::Gaussian { bandwidth } => squared.mul_scalar(-1.0 / (latents * bandwidth * bandwidth)).exp(),
        }
    }

    /// The setting that is out of its domain.
    pub(crate) fn fault(self) -> Option<(&'static str, f64)> {
        let (name, value) = match self {
            Self::InverseMultiquadratic { sd } => ("sd", sd),
            Self::Gaussian { bandwidth } => ("bandwidth", bandwidth),
        };
        (!(value > 1e-6 && value < 1e6)).then_some((name, value))
    }
}

/// The squared maximum mean discrepancy of two samples, without bias: at times below 0, and not cut off there (Gretton et al.
/// 2012, eq. 3).
///
/// # Shapes
/// `a` and `b`, `[n, latent]` each with n at least 2, to `[1]`.
pub fn mmd2(a: Tensor<2>, b: Tensor<2>, kernel: Kernel) -> Tensor<1> {
    let [n, latents] = a.dims();
    let latents = latents as f64;
    let same: Tensor<2, Bool> = Tensor::<2, Bool>::diag_mask([n, n], 0, &a.device());
    let within = |x: &Tensor<2>| {
        let pairs = kernel.of(squared_distances(x.clone(), x.clone()), latents);
        // A diagonal mask is false on the diagonal.
        pairs.mask_fill(same.clone().bool_not(), 0.0).sum().div_scalar((n * (n - 1)) as f64)
    };
    let between = kernel.of(squared_distances(a.clone(), b.clone()), latents).mean();
    within(&a) + within(&b) - between.mul_scalar(2.0)
}

/// `[n, d]` and `[m, d]` to `[n, m]`.
fn squared_distances(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let of = |x: &Tensor<2>| x.clone().square().sum_dim(1);
    let (x, y) = (of(&a), of(&b).transpose());
    (x + y - a.matmul(b.transpose()).mul_scalar(2.0)).clamp_min(0.0)
}

/// The parts of the mean divergence from the prior (Chen et al. 2018, eq. 2), each `[1]`, in nats per item.
pub struct TotalCorrelation {
    /// Mutual information of item and code.
    pub mutual: Tensor<1>,
    /// Divergence of the codes' law from the product of its marginals: their total correlation.
    pub total: Tensor<1>,
    /// Sum of the divergences of the marginals from the prior's.
    pub dimensions: Tensor<1>,
}

/// The parts estimated from a batch, whose posteriors stand for those of all data (Chen et al. 2018, eq. 5 without the
/// logarithm of the number of data, a constant that moves `mutual` and `total` but no gradient).
///
/// # Shapes
/// `z`, drawn from the posteriors of `mean` and `log_variance`, `[n, latent]` each.
pub fn total_correlation(z: Tensor<2>, mean: Tensor<2>, log_variance: Tensor<2>) -> TotalCorrelation {
    let [n, latents] = z.dims();
    let normalizer = (2.0 * PI).ln();
    let density = |z: Tensor<3>, mean: Tensor<3>, v: Tensor<3>| {
        let standard = (z - mean).square() * v.clone().neg().exp();
        (standard + v).add_scalar(normalizer).mul_scalar(-0.5)
    };
    let rows = |x: &Tensor<2>| x.clone().unsqueeze_dim::<3>(1);
    let own: Tensor<1> = sum_rows(density(rows(&z), rows(&mean), rows(&log_variance)).reshape([n, latents]));
    let prior = z.clone().square().add_scalar(normalizer).mul_scalar(-0.5);
    // Of code i under the posterior of item j: [i, j, latent].
    let pairs = [n, n, latents];
    let all = density(
        z.unsqueeze_dim::<3>(1).expand(pairs),
        mean.unsqueeze_dim::<3>(0).expand(pairs),
        log_variance.unsqueeze_dim::<3>(0).expand(pairs),
    );
    let joint = log_mean_exp(all.clone().sum_dim(2).reshape([n, n]));
    let marginals = all.swap_dims(1, 2).reshape([n * latents, n]);
    let marginals: Tensor<1> = sum_rows(log_mean_exp(marginals).reshape([n, latents]));
    TotalCorrelation {
        mutual: (own - joint.clone()).mean(),
        total: (joint - marginals.clone()).mean(),
        dimensions: (marginals - sum_rows(prior)).mean(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::one;
    use super::super::{kl_to_standard_normal, log_prior_ratio};
    use super::*;
    use burn::tensor::Device;
    use ganvas_nets::encoder::reparameterize;
    use ganvas_nets::noise::Noise;
    use ganvas_prob::stream::Streams;

    fn noise() -> Noise {
        Noise::new(Streams::new(1), "test", 0, &Device::flex())
    }

    const IMQ: Kernel = Kernel::InverseMultiquadratic { sd: 1.0 };
    const GAUSSIAN: Kernel = Kernel::Gaussian { bandwidth: 1.0 };

    /// Points 0 and 1 against 3 and 5, one latent: k(a, b) = exp(-(a - b)^2).
    #[test]
    fn mmd_by_hand() {
        let column = |a: f32, b: f32| Tensor::<2>::from_floats([[a], [b]], &Device::flex());
        let k = |d: f64| (-d * d).exp();
        let expected = k(1.0) + k(2.0) - 2.0 * (k(3.0) + k(5.0) + k(2.0) + k(4.0)) / 4.0;
        assert!((one(mmd2(column(0.0, 1.0), column(3.0, 5.0), GAUSSIAN)) - expected).abs() < 1e-6);
        let k = |d: f64| [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0].map(|s| 2.0 * s / (2.0 * s + d * d)).iter().sum::<f64>();
        let expected = k(1.0) + k(2.0) - 2.0 * (k(3.0) + k(5.0) + k(2.0) + k(4.0)) / 4.0;
        assert!((one(mmd2(column(0.0, 1.0), column(3.0, 5.0), IMQ)) - expected).abs() < 1e-5);
    }

    #[test]
    fn mmd_is_about_zero_of_equal_laws_and_not_of_others() {
        let noise = noise();
        let draw = || noise.normal("z", [500, 4]);
        for kernel in [IMQ, GAUSSIAN] {
            let same = one(mmd2(draw(), draw(), kernel));
            let other = one(mmd2(draw().add_scalar(0.5), draw(), kernel));
            assert!(same.abs() < 0.01 && other > 0.05, "{kernel:?}: {same} and {other}");
        }
    }

    /// The three parts add up to the Monte Carlo divergence of the same draws, whatever the estimates of each.
    #[test]
    fn the_parts_add_up() {
        let noise = noise();
        let (mean, log_variance) = (noise.normal("m", [64, 3]), noise.normal("v", [64, 3]).mul_scalar(0.5));
        let eps = noise.normal("eps", [64, 3]);
        let z = reparameterize(mean.clone(), log_variance.clone(), eps.clone());
        let parts = total_correlation(z.clone(), mean, log_variance.clone());
        let sum = one(parts.mutual) + one(parts.total) + one(parts.dimensions);
        let expected = -one(log_prior_ratio(z, log_variance, eps).mean());
        assert!((sum - expected).abs() < 1e-3, "{sum} against {expected}");
    }

    /// Two latents that are the same number: the total correlation is their mutual information, which noise of standard
    /// deviation s in each leaves at -ln(1 - (1 / (1 + s^2))^2) / 2; independent latents have none.
    #[test]
    fn correlated_latents_are_told_from_independent_ones() {
        let noise = noise();
        let n = 1000;
        let sd = 0.3f64;
        let first = noise.normal("m", [n, 1]);
        let log_variance = || Tensor::full([n, 2], 2.0 * sd.ln(), &Device::flex());
        let total = |mean: Tensor<2>| {
            let z = reparameterize(mean.clone(), log_variance(), noise.normal("eps", [n, 2]));
            one(total_correlation(z, mean, log_variance()).total)
        };
        let expected = -0.5 * (1.0 - (1.0 + sd * sd).powi(-2)).ln();
        let found = total(Tensor::cat(vec![first.clone(), first.clone()], 1));
        assert!((found - expected).abs() < 0.1, "{found} against {expected}");
        let independent = total(Tensor::cat(vec![first, noise.normal("m", [n, 1])], 1));
        assert!(independent.abs() < 0.1, "{independent}");
    }

    #[test]
    fn codes_of_the_prior_have_no_divergence() {
        let zeros = || Tensor::<2>::zeros([200, 2], &Device::flex());
        let parts = total_correlation(noise().normal("z", [200, 2]), zeros(), zeros());
        for part in [parts.mutual, parts.total, parts.dimensions] {
            assert!(one(part).abs() < 1e-4);
        }
        assert_eq!(one(kl_to_standard_normal(zeros(), zeros()).mean()), 0.0);
    }
}
