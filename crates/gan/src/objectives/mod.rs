//! What a discriminator and a generator minimise, as functions of the discriminator's logits.

use burn::tensor::Tensor;
use burn::tensor::activation::log_sigmoid;
use serde::{Deserialize, Serialize};

/// An adversarial objective. t is the discriminator's logit: positive for what it takes for real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// The generator minimises softplus(-t), the discriminator's surprise (Goodfellow et al. 2014, section 3).
    NonSaturating,
    /// The generator minimises -softplus(t), the negated loss of the discriminator (ibid., eq. 1); its gradient
    /// vanishes where the discriminator is sure.
    Minimax,
}

/// ln(1 + e^t), without overflow, with the gradient sigmoid(t) everywhere.
pub fn softplus<const D: usize>(t: Tensor<D>) -> Tensor<D> {
    log_sigmoid(t.neg()).neg()
}

impl Objective {
    /// Binary cross-entropy: mean softplus(-t) over what is real plus mean softplus(t) over what is not, `[1]`.
    ///
    /// It is 2 ln 2 = 1.386 where the discriminator cannot tell, and 2 ln 2 - 2 JSD at its optimum.
    pub fn discriminator(self, real: Tensor<2>, fake: Tensor<2>) -> Tensor<1> {
        softplus(real.neg()).mean() + softplus(fake).mean()
    }

    /// The generator's loss, `[1]`; ln 2 = 0.693 (or -0.693) where the discriminator cannot tell.
    pub fn generator(self, fake: Tensor<2>) -> Tensor<1> {
        match self {
            Objective::NonSaturating => softplus(fake.neg()).mean(),
            Objective::Minimax => softplus(fake).mean().neg(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn logits(t: f32) -> Tensor<2> {
        Tensor::from_floats([[t]], &Device::flex().autodiff()).require_grad()
    }

    fn slope(objective: Objective, t: f32) -> f32 {
        let t = logits(t);
        let grads = objective.generator(t.clone()).backward();
        t.grad(&grads).unwrap().into_scalar()
    }

    #[test]
    fn values_where_the_discriminator_cannot_tell() {
        let ln2 = std::f32::consts::LN_2;
        let value = |loss: Tensor<1>| loss.into_scalar::<f32>();
        assert!((value(Objective::NonSaturating.discriminator(logits(0.0), logits(0.0))) - 2.0 * ln2).abs() < 1e-6);
        assert!((value(Objective::NonSaturating.generator(logits(0.0))) - ln2).abs() < 1e-6);
        assert!((value(Objective::Minimax.generator(logits(0.0))) + ln2).abs() < 1e-6);
    }

    /// sigmoid(4.6) = 0.99005: at a sure discriminator one objective learns, the other hardly does.
    #[test]
    fn only_the_non_saturating_objective_learns_from_a_sure_discriminator() {
        assert!((slope(Objective::NonSaturating, -4.6).abs() - 0.990).abs() < 1e-3);
        assert!((slope(Objective::Minimax, -4.6).abs() - 0.010).abs() < 1e-3);
        assert!(slope(Objective::NonSaturating, -4.6) < 0.0 && slope(Objective::Minimax, -4.6) < 0.0);
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
}
