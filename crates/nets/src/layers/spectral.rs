use burn::module::Module;
use burn::tensor::Tensor;

use super::Buffer;
use crate::export::{Layout, TorchLayer};
use crate::init::Init;
use crate::noise::Pass;

/// Added to norms, so that a weight of zeros is no division by zero.
const EPSILON: f64 = 1e-12;

/// Spectral normalisation (Miyato et al. 2018, algorithm 1): a weight divided by an estimate of its largest singular value, as
/// a matrix with one row for each output.
///
/// The estimate is u^T W v. Each pass in training does one power iteration for u and v, which gradients take as
/// constants, while they do flow through W in the estimate. Evaluation leaves both as they are.
#[derive(Module, Debug)]
pub struct SpectralNorm {
    u: Buffer<1>,
    v: Buffer<1>,
}

impl SpectralNorm {
    pub(crate) const TORCH: TorchLayer = TorchLayer {
        layer: "SpectralNorm",
        torch: "nn.utils.spectral_norm",
        values: &[("u", "weight_u", Layout::Same), ("v", "weight_v", Layout::Same)],
        counters: &[],
    };

    /// For a weight `[rows, columns]`: u is drawn from N(0, I), and fifteen iterations bring it near before the first pass.
    pub fn new(weight: Tensor<2>, init: &mut Init) -> Self {
        let weight = weight.detach();
        let u = init.normal([weight.dims()[0], 1], 0.0, 1.0).val().detach();
        let (u, v) = (1..15).fold(iterated(&weight, u), |(u, _), _| iterated(&weight, u));
        Self { u: Buffer::new(u.squeeze_dim(1)), v: Buffer::new(v.squeeze_dim(1)) }
    }

    /// The weight over its largest singular value.
    ///
    /// # Shapes
    /// `[rows, columns]` to the same.
    pub fn normalized(&self, weight: Tensor<2>, pass: Pass) -> Tensor<2> {
        if let Pass::Train(_) = pass {
            let (u, v) = iterated(&weight.clone().detach(), self.u.get().unsqueeze_dim(1));
            self.u.set(u.squeeze_dim(1));
            self.v.set(v.squeeze_dim(1));
        }
        let (u, v): (Tensor<2>, Tensor<2>) = (self.u.get().unsqueeze_dim(0), self.v.get().unsqueeze_dim(1));
        let sigma = u.matmul(weight.clone()).matmul(v);
        weight / sigma
    }
}

/// One power iteration: `[rows, 1]` to the next u and v, `[columns, 1]`.
fn iterated(weight: &Tensor<2>, u: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let unit = |x: Tensor<2>| x.clone() / x.square().sum().sqrt().add_scalar(EPSILON).unsqueeze::<2>();
    let v = unit(weight.clone().transpose().matmul(u));
    (unit(weight.clone().matmul(v.clone())), v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use crate::layers::{Conv2d, ConvTranspose2d, Geometry, Linear};
    use crate::noise::Noise;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn init() -> Init {
        Init::new(&Streams::new(1), "net", Initializer::Normal { sd: 1.0 }, &Device::flex().autodiff())
    }

    /// The largest singular value by 500 iterations from another start.
    fn largest(matrix: Tensor<2>) -> f64 {
        let rows = matrix.dims()[0];
        let start = Init::new(&Streams::new(9), "other", Initializer::He, &matrix.device()).normal([rows, 1], 0.0, 1.0);
        let u = (0..500).fold(start.val(), |u, _| iterated(&matrix, u).0);
        matrix.transpose().matmul(u).square().sum().sqrt().into_scalar()
    }

    #[test]
    fn every_layer_is_brought_to_a_norm_of_one() {
        let init = &mut init();
        let noise = Noise::new(Streams::new(2), "pass", 0, init.device());
        let linear = Linear::new(20, 30, true, init).spectral(init);
        let conv = Conv2d::new(4, 6, Geometry::HALVE, true, init).spectral(init);
        let transposed = ConvTranspose2d::new(4, 6, Geometry::HALVE, true, init).spectral(init);
        for _ in 0..50 {
            linear.weight(Pass::Train(&noise));
            conv.weight(Pass::Train(&noise));
            transposed.weight(Pass::Train(&noise));
        }
        let norms = [
            largest(linear.weight(Pass::Eval).inner()),
            largest(conv.weight(Pass::Eval).inner().reshape([6, 64])),
            largest(transposed.weight(Pass::Eval).inner().swap_dims(0, 1).reshape([6, 64])),
        ];
        for norm in norms {
            assert!((norm - 1.0).abs() < 1e-3, "{norms:?}");
        }
        assert!(largest(linear.weight.val().inner()) > 5.0, "the weight itself is not");
    }

    #[test]
    fn training_iterates_and_evaluation_does_not() {
        let init = &mut init();
        let noise = Noise::new(Streams::new(2), "pass", 0, init.device());
        let linear = Linear::new(20, 30, true, init).spectral(init);
        let values = |linear: &Linear| linear.weight(Pass::Eval).to_data().iter::<f32>().collect::<Vec<_>>();
        let before = values(&linear);
        assert_eq!(before, values(&linear));
        linear.weight(Pass::Train(&noise));
        assert_ne!(before, values(&linear));
    }

    /// (1 / sigma) (G - <G, W / sigma> u v^T) for the gradient G of what follows (ibid., eq. 12).
    #[test]
    fn the_gradient_flows_through_the_norm() {
        let init = &mut init();
        let weight = init.weight([5, 7], 1, 1);
        let norm = SpectralNorm::new(weight.val(), init);
        let g = init.weight([5, 7], 1, 1).val().detach();
        let gradients = (norm.normalized(weight.val(), Pass::Eval) * g.clone()).sum().backward();
        let found = weight.val().grad(&gradients).unwrap();
        let (u, v): (Tensor<2>, Tensor<2>) =
            (norm.u.get().inner().unsqueeze_dim(1), norm.v.get().inner().unsqueeze_dim(0));
        let (w, g) = (weight.val().inner(), g.inner());
        let sigma: f32 = (u.clone() * v.clone() * w.clone()).sum().into_scalar();
        let inner: f32 = (g.clone() * w).sum().into_scalar::<f32>() / sigma;
        let expected = (g - (u * v).mul_scalar(inner)).div_scalar(sigma);
        let error: f32 = (found - expected).abs().max().into_scalar();
        assert!(error < 1e-5, "{error}");
    }
}
