//! Penalties on what a discriminator puts out.

use burn::tensor::Tensor;

/// Balanced consistency regularisation (Zhao et al. 2021, eq. 3 and 4): the mean squared difference between the scores of
/// items and of augmented copies, `[n, 1]` each. Weights are the caller's: the paper has 10 for real and generated items.
pub fn consistency(scores: Tensor<2>, of_augmented: Tensor<2>) -> Tensor<1> {
    (scores - of_augmented).square().mean()
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

    #[test]
    fn values_by_hand() {
        let anchor = |value: f32| Tensor::<1>::from_floats([value], &Device::flex());
        let found: f32 = consistency(scores([1.0, 2.0]), scores([0.0, 4.0])).into_scalar();
        assert_eq!(found, 2.5);
        let found: f32 = lecam(scores([1.0, 3.0]), scores([0.0, -2.0]), anchor(2.0), anchor(-1.0)).into_scalar();
        assert_eq!(found, (4.0 + 16.0) / 2.0 + (4.0 + 16.0) / 2.0);
    }
}
