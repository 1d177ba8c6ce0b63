use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::Buffer;
use crate::export::{Layout, TorchLayer};

/// Running mean and covariance of vectors, such as the codes of an autoencoder: a Gaussian to draw more of them from.
#[derive(Module, Debug)]
pub struct Moments {
    mean: Buffer<1>,
    covariance: Buffer<2>,
}

impl Moments {
    pub(crate) const TORCH: TorchLayer = TorchLayer {
        layer: "Moments",
        torch: "nn.Module",
        values: &[("mean", "mean", Layout::Same), ("covariance", "covariance", Layout::Same)],
        counters: &[],
    };
    /// What a batch counts for.
    const SHARE: f64 = 0.01;

    /// Of `dims` values, that start as those of N(0, I).
    pub fn new(dims: usize, device: &Device) -> Self {
        Self { mean: Buffer::new(Tensor::zeros([dims], device)), covariance: Buffer::new(Tensor::eye(dims, device)) }
    }

    /// Takes a batch `[n, dims]` into account, for a hundredth: the covariance about the mean before it and after it (Welford
    /// 1962, with a share in place of a count), so that batches of one item serve too.
    pub fn update(&self, batch: Tensor<2>) {
        let batch = batch.detach();
        let n = batch.dims()[0] as f64;
        let before: Tensor<2> = self.mean.get().unsqueeze();
        let from_before = batch.clone() - before.clone();
        let after = before + from_before.clone().mean_dim(0).mul_scalar(Self::SHARE);
        let from_after = batch - after.clone();
        let products = from_before.transpose().matmul(from_after).div_scalar(n);
        // Rounding must not make it lopsided.
        let products = (products.clone() + products.transpose()).mul_scalar(0.5);
        let covariance = self.covariance.get();
        self.covariance.set(covariance.mul_scalar(1.0 - Self::SHARE) + products.mul_scalar(Self::SHARE));
        self.mean.set(after.squeeze_dim(0));
    }

    /// Mean, and covariance row by row.
    pub fn get(&self) -> (Vec<f64>, Vec<f64>) {
        (self.mean.get().to_data().iter().collect(), self.covariance.get().to_data().iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Noise;
    use ganvas_prob::stream::Streams;

    /// After 1,500 batches of 50 the start counts for e^-15, and what is kept is a mean of some 200 batches.
    #[test]
    fn they_come_to_those_of_what_is_seen() {
        let device = Device::flex();
        let moments = Moments::new(2, &device);
        for step in 0..1500 {
            let z = Noise::new(Streams::new(1), "codes", step, &device).normal("z", [50, 2]);
            let (a, b) = (z.clone().narrow(1, 0, 1), z.narrow(1, 1, 1));
            // Covariance [[4, 2], [2, 1.25]] about (3, -1).
            let first = a.clone().mul_scalar(2.0).add_scalar(3.0);
            let second = a + b.mul_scalar(0.5) - 1.0;
            moments.update(Tensor::cat(vec![first, second], 1));
        }
        let (mean, covariance) = moments.get();
        for (found, expected) in mean.iter().chain(&covariance).zip([3.0, -1.0, 4.0, 2.0, 2.0, 1.25]) {
            assert!((found - expected).abs() < 0.25, "{mean:?} {covariance:?}");
        }
        assert_eq!(covariance[1], covariance[2]);
    }
}
