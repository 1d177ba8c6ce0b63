//! What a discriminator and a generator minimise, as functions of the discriminator's scores.

use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::{Int, Tensor};
use ganvas_nets::layers::Activation;
use serde::{Deserialize, Serialize};

/// An adversarial objective. t is the discriminator's score, `[n, 1]`: larger for what it takes for real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// Binary cross-entropy on logits; the generator minimises softplus(-t), the discriminator's surprise (Goodfellow et
    /// al. 2014, section 3).
    NonSaturating,
    /// The same for the discriminator; the generator minimises -softplus(t), the discriminator's negated loss (ibid., eq. 1):
    /// its gradient vanishes where the discriminator is sure.
    Minimax,
    /// Half squared distances of scores to 0 for generated and 1 for real items, and to 1 for the generator (Mao et al. 2017,
    /// eq. 9).
    LeastSquares,
    /// The same with -1, 1 and 0, with which the generator minimises the Pearson divergence between p + q and 2 q (ibid., eq. 8).
    LeastSquaresPearson,
    /// Differences of means (Arjovsky et al. 2017, eq. 3). The critic has to be kept Lipschitz by other means.
    Wasserstein,
    /// max(0, 1 - t) and max(0, 1 + t) for the discriminator, -t for the generator (Lim and Ye 2017; Miyato et al. 2018, eq. 16
    /// and 17).
    Hinge,
    /// Cross-entropy of t(real) - t(fake), pair by pair (Jolicoeur-Martineau 2019, RSGAN).
    Relativistic,
    /// Cross-entropy of each score less the mean score of the other kind (ibid., RaSGAN).
    RelativisticAverage,
    /// The variational bound of the Kullback-Leibler divergence of the data from the generator (Nowozin et al. 2016, eq. 6).
    Kl,
    /// The same of the reverse Kullback-Leibler divergence.
    ReverseKl,
    /// The same of the Pearson chi-squared divergence.
    PearsonChiSquared,
    /// The same of the squared Hellinger distance, without the factor 1/2.
    SquaredHellinger,
    /// The same of twice the Jensen-Shannon divergence.
    JensenShannon,
}

/// ln(1 + e^t), without overflow, with the gradient sigmoid(t) everywhere.
pub fn softplus<const D: usize>(t: Tensor<D>) -> Tensor<D> {
    Activation::Softplus.forward(t)
}

/// Half the mean squared distance to a target.
fn half_square(t: Tensor<2>, target: f64) -> Tensor<1> {
    t.sub_scalar(target).square().mean().mul_scalar(0.5)
}

/// A score less the mean score of the other kind, `[1]`.
fn above(t: Tensor<2>, others: Tensor<2>) -> Tensor<2> {
    t - others.mean().unsqueeze::<2>()
}

impl Objective {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::NonSaturating,
        Self::Minimax,
        Self::LeastSquares,
        Self::LeastSquaresPearson,
        Self::Wasserstein,
        Self::Hinge,
        Self::Relativistic,
        Self::RelativisticAverage,
        Self::Kl,
        Self::ReverseKl,
        Self::PearsonChiSquared,
        Self::SquaredHellinger,
        Self::JensenShannon,
    ];

    /// The word for it in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::NonSaturating => "non-saturating",
            Self::Minimax => "minimax",
            Self::LeastSquares => "least-squares",
            Self::LeastSquaresPearson => "least-squares-pearson",
            Self::Wasserstein => "wasserstein",
            Self::Hinge => "hinge",
            Self::Relativistic => "relativistic",
            Self::RelativisticAverage => "relativistic-average",
            Self::Kl => "kl",
            Self::ReverseKl => "reverse-kl",
            Self::PearsonChiSquared => "pearson-chi-squared",
            Self::SquaredHellinger => "squared-hellinger",
            Self::JensenShannon => "jensen-shannon",
        }
    }

    /// What the discriminator minimises, `[1]`, from its scores of real and generated items.
    pub fn discriminator(self, real: Tensor<2>, fake: Tensor<2>) -> Tensor<1> {
        match self {
            Self::NonSaturating | Self::Minimax => softplus(real.neg()).mean() + softplus(fake).mean(),
            Self::LeastSquares => half_square(real, 1.0) + half_square(fake, 0.0),
            Self::LeastSquaresPearson => half_square(real, 1.0) + half_square(fake, -1.0),
            Self::Wasserstein => fake.mean() - real.mean(),
            Self::Hinge => relu(real.neg().add_scalar(1.0)).mean() + relu(fake.add_scalar(1.0)).mean(),
            Self::Relativistic => softplus(fake - real).mean(),
            Self::RelativisticAverage => {
                softplus(above(real.clone(), fake.clone()).neg()).mean() + softplus(above(fake, real)).mean()
            }
            Self::Kl | Self::ReverseKl | Self::PearsonChiSquared | Self::SquaredHellinger | Self::JensenShannon => {
                self.conjugate(fake).mean() - self.output(real).mean()
            }
        }
    }

    /// What the generator minimises, `[1]`. Scores of real items matter where [`looks_at_real`](Self::looks_at_real) says so.
    pub fn generator(self, real: Option<Tensor<2>>, fake: Tensor<2>) -> Tensor<1> {
        match self {
            Self::NonSaturating => softplus(fake.neg()).mean(),
            Self::Minimax => softplus(fake).mean().neg(),
            Self::LeastSquares => half_square(fake, 1.0),
            Self::LeastSquaresPearson => half_square(fake, 0.0),
            Self::Wasserstein | Self::Hinge => fake.mean().neg(),
            Self::Relativistic | Self::RelativisticAverage => {
                let real = real.unwrap_or_else(|| fake.zeros_like());
                self.discriminator(fake, real)
            }
            Self::Kl | Self::ReverseKl | Self::PearsonChiSquared | Self::SquaredHellinger | Self::JensenShannon => {
                self.conjugate(fake).mean().neg()
            }
        }
    }

    /// The least that the discriminator's loss can be where it cannot tell real from generated items. What its loss is below that
    /// is its estimate of how far they are apart, in a unit of the objective's own: twice the Jensen-Shannon divergence in
    /// nats for cross-entropy (Goodfellow et al. 2014, theorem 1), the distance W1 for Wasserstein, twice the total variation for
    /// hinge, the divergence itself for the f-GAN bounds.
    pub fn at_indifference(self) -> f64 {
        use std::f64::consts::LN_2;
        match self {
            Self::NonSaturating | Self::Minimax | Self::RelativisticAverage => 2.0 * LN_2,
            Self::Relativistic => LN_2,
            Self::LeastSquares => 0.25,
            Self::LeastSquaresPearson => 1.0,
            Self::Hinge => 2.0,
            Self::Wasserstein
            | Self::Kl
            | Self::ReverseKl
            | Self::PearsonChiSquared
            | Self::SquaredHellinger
            | Self::JensenShannon => 0.0,
        }
    }

    /// Whether the generator's loss depends on the scores of real items.
    pub fn looks_at_real(self) -> bool {
        matches!(self, Self::Relativistic | Self::RelativisticAverage)
    }

    /// The score above which the discriminator takes an item for real, where there is one.
    pub fn boundary(self) -> Option<f64> {
        match self {
            Self::NonSaturating | Self::Minimax | Self::LeastSquaresPearson | Self::Hinge => Some(0.0),
            Self::LeastSquares => Some(0.5),
            _ => None,
        }
    }

    /// g_f(t) of Nowozin et al. (2016), table 6: the score brought into the domain of the conjugate.
    fn output(self, t: Tensor<2>) -> Tensor<2> {
        match self {
            Self::ReverseKl => t.neg().exp().neg(),
            Self::SquaredHellinger => t.neg().exp().neg().add_scalar(1.0),
            Self::JensenShannon => softplus(t.neg()).neg().add_scalar(std::f64::consts::LN_2),
            _ => t,
        }
    }

    /// f*(g_f(t)) of the conjugates in the same table, simplified so that nothing cancels.
    fn conjugate(self, t: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Kl => t.sub_scalar(1.0).exp(),
            Self::ReverseKl => t.sub_scalar(1.0),
            Self::PearsonChiSquared => t.clone().square().mul_scalar(0.25) + t,
            Self::SquaredHellinger => t.exp().sub_scalar(1.0),
            Self::JensenShannon => softplus(t).sub_scalar(std::f64::consts::LN_2),
            _ => t,
        }
    }
}

/// Mean -ln p(class) over items, `[1]`, in nats, from logits `[n, classes]` and classes `[n]`: what a classifier beside or
/// within a discriminator minimises (Odena et al. 2017, eq. 3).
pub fn cross_entropy(logits: Tensor<2>, classes: Tensor<1, Int>) -> Tensor<1> {
    log_softmax(logits, 1).gather(1, classes.unsqueeze_dim(1)).mean().neg()
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{DType, Device, TensorData};
    use ganvas_prob::distributions::Normal;
    use ganvas_prob::traits::Quantile;

    fn logits(t: f32) -> Tensor<2> {
        Tensor::from_floats([[t]], &Device::flex().autodiff()).require_grad()
    }

    fn slope(objective: Objective, t: f32) -> f32 {
        let t = logits(t);
        let grads = objective.generator(None, t.clone()).backward();
        t.grad(&grads).unwrap().into_scalar()
    }

    /// The discriminator's loss where its score is a function of p / q, for the data N(0, 1) and the generator N(1, 1):
    /// means over 200,000 quantiles of each. ln(p / q) at x is 1/2 - x.
    fn loss_at(objective: Objective, score: impl Fn(f64) -> f64) -> f64 {
        const N: usize = 200_000;
        let scores = |mean: f64| {
            let law = Normal::new(mean, 1.0).unwrap();
            let x = (0..N).map(|i| law.ppf((i as f64 + 0.5) / N as f64));
            let scores: Vec<f64> = x.map(|x| score(0.5 - x)).collect();
            Tensor::<2>::from_data(TensorData::new(scores, [N, 1]), (&Device::flex(), DType::F64))
        };
        objective.discriminator(scores(0.0), scores(1.0)).into_scalar()
    }

    /// At its optimum, which is known as a function of ln(p / q), each loss is a divergence that is known too.
    #[test]
    fn values_at_the_discriminators_optimum() {
        use std::f64::consts::{E, LN_2};
        // Of N(0, 1) and N(1, 1), in nats: 2 JSD by quadrature (Goodfellow et al. 2014, theorem 1), and the total variation
        // 2 Phi(1/2) - 1.
        let (twice_jsd, variation) = (0.222_844, 0.382_925);
        let hellinger = 2.0 * (1.0 - (-0.125f64).exp());
        type Score = fn(f64) -> f64;
        let sigmoid: Score = |r| 1.0 / (1.0 + (-r).exp());
        let cases: [(Objective, Score, f64); 9] = [
            (Objective::NonSaturating, |r| r, 2.0 * LN_2 - twice_jsd),
            (Objective::LeastSquares, sigmoid, 0.198_99),
            (Objective::LeastSquaresPearson, |r| (r / 2.0).tanh(), 4.0 * 0.198_99),
            (Objective::Hinge, f64::signum, 2.0 * (1.0 - variation)),
            (Objective::Kl, |r| 1.0 + r, -0.5),
            (Objective::ReverseKl, |r| r, -0.5),
            (Objective::PearsonChiSquared, |r| 2.0 * (r.exp() - 1.0), -(E - 1.0)),
            (Objective::SquaredHellinger, |r| r / 2.0, -hellinger),
            (Objective::JensenShannon, |r| r, -twice_jsd),
        ];
        for (objective, score, expected) in cases {
            let found = loss_at(objective, score);
            // Quantiles cut off the tails, where the chi-squared divergence has a part of its weight.
            assert!(
                (found - expected).abs() < 4e-3 * expected.abs().max(0.5),
                "{objective:?}: {found}, not {expected}"
            );
            // And it is an optimum: scores that are a little off lose.
            for factor in [0.9, 1.1] {
                let off = loss_at(objective, |r| score(r) * factor);
                assert!(off > found, "{objective:?}: {off} at {factor}, {found} at the optimum");
            }
        }
    }

    #[test]
    fn values_where_the_discriminator_cannot_tell() {
        let ln2 = std::f32::consts::LN_2;
        let value = |loss: Tensor<1>| loss.into_scalar::<f32>();
        for (objective, score, both) in [
            (Objective::NonSaturating, 0.0, [2.0 * ln2, ln2]),
            (Objective::Minimax, 0.0, [2.0 * ln2, -ln2]),
            (Objective::LeastSquares, 0.5, [0.25, 0.125]),
            (Objective::LeastSquaresPearson, 0.0, [1.0, 0.0]),
            (Objective::Wasserstein, 3.0, [0.0, -3.0]),
            (Objective::Hinge, 0.0, [2.0, 0.0]),
            (Objective::Relativistic, 3.0, [ln2, ln2]),
            (Objective::RelativisticAverage, 3.0, [2.0 * ln2, 2.0 * ln2]),
        ] {
            let discriminator = value(objective.discriminator(logits(score), logits(score)));
            let generator = value(objective.generator(Some(logits(score)), logits(score)));
            assert!((discriminator - both[0]).abs() < 1e-6, "{objective:?}: {discriminator}");
            assert!((generator - both[1]).abs() < 1e-6, "{objective:?}: {generator}");
        }
    }

    #[test]
    fn names_are_those_of_the_settings() {
        for objective in Objective::ALL {
            assert_eq!(toml::Value::try_from(objective).unwrap().as_str(), Some(objective.name()));
        }
    }

    /// No score that is the same for all items gets below it.
    #[test]
    fn the_loss_of_who_cannot_tell_is_known() {
        for objective in Objective::ALL {
            // Scores from -3 to 3; those of an f-GAN's critic go through its output activation.
            let losses = (-300..=300).map(|i| {
                let t = i as f32 / 100.0;
                objective.discriminator(logits(t), logits(t)).into_scalar::<f64>()
            });
            let least = losses.fold(f64::INFINITY, f64::min);
            assert!((least - objective.at_indifference()).abs() < 1e-4, "{objective:?}: {least}");
        }
    }

    /// sigmoid(4.6) = 0.99005: at a sure discriminator one objective learns, the other hardly does; and least squares go on
    /// where cross-entropy is satisfied.
    #[test]
    fn where_the_generators_gradient_vanishes() {
        assert!((slope(Objective::NonSaturating, -4.6) + 0.990).abs() < 1e-3);
        assert!((slope(Objective::Minimax, -4.6) + 0.010).abs() < 1e-3);
        assert!((slope(Objective::NonSaturating, 6.0) + 0.002_47).abs() < 1e-5);
        for k in [1.0, 3.0, 6.0] {
            assert!((slope(Objective::LeastSquares, 1.0 + k) - k).abs() < 1e-6);
        }
        assert_eq!(slope(Objective::Wasserstein, 7.0), -1.0);
    }

    /// The generator wants larger scores than it has, whatever the objective, where the discriminator cannot tell.
    #[test]
    fn every_generator_wants_to_be_taken_for_real() {
        for objective in Objective::ALL {
            let t = logits(-0.5);
            let real = objective.looks_at_real().then(|| logits(0.0));
            let grads = objective.generator(real, t.clone()).backward();
            let slope: f32 = t.grad(&grads).unwrap().into_scalar();
            assert!(slope < 0.0, "{objective:?}: {slope}");
        }
    }

    #[test]
    fn the_gradient_is_the_sigmoid_at_zero_and_far_out() {
        for (t, sigmoid) in [(0.0, 0.5), (100.0, 1.0), (-100.0, 0.0), (1.0, 0.731_058_6)] {
            let x = logits(t);
            let y = softplus(x.clone());
            let value = y.clone().into_scalar::<f32>();
            assert!((value - (f64::from(t).exp().ln_1p() as f32).min(f32::MAX)).abs() < 1e-5, "{t}: {value}");
            let gradient: f32 = x.grad(&y.backward()).unwrap().into_scalar();
            assert!((gradient - sigmoid).abs() < 1e-6, "{t}: {gradient}");
        }
    }

    /// Logits (0, ln 3) give probabilities 1/4 and 3/4.
    #[test]
    fn cross_entropy_by_hand() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_floats([[0.0, 3f32.ln()], [0.0, 3f32.ln()]], &device);
        let found: f32 = cross_entropy(logits, Tensor::from_ints([0, 1], &device)).into_scalar();
        assert!((found - (4f32.ln() + (4.0f32 / 3.0).ln()) / 2.0).abs() < 1e-6);
    }
}
