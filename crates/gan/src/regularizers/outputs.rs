//! Penalties on what a discriminator puts out.

use burn::tensor::Tensor;

/// Balanced consistency regularisation (Zhao et al. 2021, eq. 3 and 4): the mean squared difference between the scores of
/// items and of augmented copies, `[n, 1]` each. Weights are the caller's: the paper has 10 for real and generated items.
pub fn consistency(scores: Tensor<2>, of_augmented: Tensor<2>) -> Tensor<1> {
    (scores - of_augmented).square().mean()
}

/// What one-sided label smoothing (Salimans et al. 2016, section 3.4) adds to cross-entropy: real items are to be real with
/// probability 1 - s, and (1 - s) softplus(-t) + s softplus(t) is softplus(-t) + s t. Its mean over the logits `[n, 1]` of real
/// items.
pub fn label_smoothing(real: Tensor<2>, share: f64) -> Tensor<1> {
    real.mean().mul_scalar(share)
}

/// LeCam regularisation (Tseng et al. 2021, eq. 4): mean (D(x) - a_F)^2 + mean (D(G(z)) - a_R)^2 with the moving averages
/// a_R and a_F of the scores of real and generated items, which are constants here.
pub fn lecam(real: Tensor<2>, fake: Tensor<2>, average_real: Tensor<1>, average_fake: Tensor<1>) -> Tensor<1> {
    let to = |scores: Tensor<2>, anchor: Tensor<1>| (scores - anchor.detach().unsqueeze::<2>()).square().mean();
    to(real, average_fake) + to(fake, average_real)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn scores(values: [f32; 2]) -> Tensor<2> {
        Tensor::<1>::from_floats(values, &Device::flex()).reshape([2, 1])
    }

    /// Cross-entropy in probabilities: with D = sigmoid(t), -(0.9 ln D + 0.1 ln(1 - D)) for real items.
    #[test]
    fn smoothed_targets_are_those_of_cross_entropy() {
        use crate::objectives::Objective;
        let (real, fake) = ([1.5, -0.5], [0.25, -2.0]);
        let found =
            Objective::NonSaturating.discriminator(scores(real), scores(fake)) + label_smoothing(scores(real), 0.1);
        let p = |t: f32| 1.0 / (1.0 + (-f64::from(t)).exp());
        let of_real = real.map(|t| -(0.9 * p(t).ln() + 0.1 * (1.0 - p(t)).ln())).iter().sum::<f64>() / 2.0;
        let of_fake = fake.map(|t| -(1.0 - p(t)).ln()).iter().sum::<f64>() / 2.0;
        assert!((found.into_scalar::<f64>() - of_real - of_fake).abs() < 1e-6);
    }

    #[test]
    fn values_by_hand() {
        let anchor = |value: f32| Tensor::<1>::from_floats([value], &Device::flex());
        let found: f32 = consistency(scores([1.0, 2.0]), scores([0.0, 4.0])).into_scalar();
        assert_eq!(found, 2.5);
        let found: f32 = lecam(scores([1.0, 3.0]), scores([0.0, -2.0]), anchor(2.0), anchor(-1.0)).into_scalar();
        assert_eq!(found, (4.0 + 16.0) / 2.0 + (4.0 + 16.0) / 2.0);
    }
}
