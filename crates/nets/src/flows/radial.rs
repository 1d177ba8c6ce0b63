use burn::module::{Module, Param};
use burn::tensor::Tensor;
use ganvas_kernels::softplus;

use super::{Flow, Inverse, chain, sum_over_dims};
use crate::export::{Layout, TorchLayer};
use crate::init::Init;

/// alpha, alpha + beta and r are kept from 0 by this.
const FLOOR: f64 = 1e-6;

/// f(z) = z + beta (z - z0) / (alpha + r) with r = |z - z0| (Rezende and Mohamed 2015, eq. 14).
///
/// alpha = softplus(a) is positive, and alpha + beta = s = softplus(c) too, which makes f invertible (appendix A.2). By s,
/// f(z) = z0 + (z - z0) (r + s) / (alpha + r), and all terms of the determinant are positive:
/// det = ((r + s) / (alpha + r))^(d - 1) (r^2 + 2 alpha r + alpha s) / (alpha + r)^2.
#[derive(Module, Debug)]
pub(crate) struct RadialLayer {
    /// z0, `[dims]`.
    centre: Param<Tensor<1>>,
    /// `[1]`.
    a: Param<Tensor<1>>,
    /// `[1]`.
    c: Param<Tensor<1>>,
}

impl RadialLayer {
    pub(crate) const TORCH: TorchLayer = TorchLayer {
        layer: "RadialLayer",
        torch: "nn.Module",
        values: &[("centre", "centre", Layout::Same), ("a", "a", Layout::Same), ("c", "c", Layout::Same)],
        counters: &[],
    };

    fn new(dims: usize, init: &mut Init) -> Self {
        Self { centre: init.weight([dims], dims, 1), a: init.zeros([1]), c: init.normal([1], 0.0, 0.01) }
    }

    /// alpha and s, `[1, 1]` each.
    fn shape(&self) -> [Tensor<2>; 2] {
        [&self.a, &self.c].map(|raw| softplus(raw.val()).add_scalar(FLOOR).unsqueeze())
    }

    /// The way from the centre and its length, `[batch, dims]` and `[batch, 1]`.
    fn centred(&self, z: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let way = z - self.centre.val().unsqueeze();
        let length = way.clone().square().sum_dim(1).add_scalar(FLOOR * FLOOR).sqrt();
        (way, length)
    }

    fn forward(&self, z: Tensor<2>) -> (Tensor<2>, Tensor<1>) {
        let dims = z.dims()[1];
        let [alpha, s] = self.shape();
        let (way, r) = self.centred(z);
        let (near, far) = (r.clone() + s.clone(), r.clone() + alpha.clone());
        let along = r.clone().square() + (r.mul_scalar(2.0) + s) * alpha;
        let log_far = far.clone().log();
        let across = (near.clone().log() - log_far.clone()).mul_scalar(dims.saturating_sub(1) as f64);
        let log_det = across + along.log() - log_far.mul_scalar(2.0);
        (way * (near / far) + self.centre.val().unsqueeze(), sum_over_dims(log_det))
    }

    /// The length R of an image is r (r + s) / (alpha + r): r is the positive root of r^2 + (s - R) r - alpha R = 0.
    fn inverse(&self, y: Tensor<2>) -> Tensor<2> {
        let [alpha, s] = self.shape();
        let (way, length) = self.centred(y);
        let b = s - length.clone();
        let root = (b.clone().square() + (alpha.clone() * length.clone()).mul_scalar(4.0)).sqrt();
        // Of both forms of the root the one without cancellation, over R.
        let larger = b.clone().abs() + root;
        let (outside, inside) = (larger.clone() / length.mul_scalar(2.0), alpha.mul_scalar(2.0) / larger);
        way * inside.mask_where(b.lower_elem(0.0), outside) + self.centre.val().unsqueeze()
    }
}

/// Radial flow: layers that press space together around a point, or spread it. There is no context.
#[derive(Module, Debug)]
pub struct Radial {
    layers: Vec<RadialLayer>,
}

impl Radial {
    /// `count` layers for items of `dims` values: z0 by the network's rule, alpha = ln 2, beta near 0.
    pub fn new(dims: usize, count: usize, init: &mut Init) -> Self {
        Self { layers: (0..count).map(|_| RadialLayer::new(dims, init)).collect() }
    }
}

impl Flow for Radial {
    fn forward(&self, x: Tensor<2>, _: Option<Tensor<2>>) -> (Tensor<2>, Tensor<1>) {
        chain(x, &self.layers, RadialLayer::forward)
    }
}

impl Inverse for Radial {
    fn inverse(&self, y: Tensor<2>, _: Option<Tensor<2>>) -> Tensor<2> {
        self.layers.iter().rev().fold(y, |y, layer| layer.inverse(y))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{init, jacobian_error, points, stirred};
    use super::*;
    use crate::dual::in_double_precision;
    use crate::optim::trainable;
    use burn::tensor::{DType, Device};

    fn layer(a: f32, c: f32, device: &Device) -> Radial {
        let init = &mut init(device);
        let centre = init.parameter(vec![0.5, -0.5, 0.1, 0.0], [4]);
        let [a, c] = [a, c].map(|value| init.parameter(vec![value], [1]));
        Radial { layers: vec![RadialLayer { centre, a, c }] }
    }

    /// c far below 0 is beta near -alpha, a far below 0 is alpha near 0.
    #[test]
    fn determinant_and_inverse_hold_for_all_shapes() {
        for (a, c) in [(0.0, 0.0), (0.0, -30.0), (0.0, 30.0), (-5.0, 3.0), (3.0, -5.0), (30.0, 0.0)] {
            let flow = in_double_precision(layer(a, c, &Device::flex()));
            let x = points(6, 4, 1.0).cast(DType::F64);
            let error = jacobian_error(|x| flow.forward(x, None), x.clone());
            assert!(error < 1e-3, "{a} {c}: {error}");
            let back = flow.inverse(flow.forward(x.clone(), None).0, None);
            let error: f64 = (back - x).abs().max().into_scalar();
            assert!(error < 1e-8, "{a} {c}: {error}");
        }
    }

    #[test]
    fn several_layers_are_undone_in_single_precision() {
        for dims in [1, 2, 16, 64] {
            let flow = stirred(Radial::new(dims, 8, &mut init(&Device::flex())), 0.5);
            let x = points(64, dims, 1.0);
            let back = flow.inverse(flow.forward(x.clone(), None).0, None);
            let error: f64 = (back - x).abs().max().into_scalar();
            assert!(error < 1e-4, "{dims}: {error}");
        }
    }

    #[test]
    fn the_centre_stays_with_finite_gradients() {
        let device = Device::flex().autodiff();
        let flow = layer(0.3, -1.0, &device);
        let centre = flow.layers[0].centre.val().detach().unsqueeze();
        let (y, log_det) = flow.forward(centre.clone(), None);
        assert_eq!((y.clone() - centre).abs().max().into_scalar::<f32>(), 0.0);
        let gradients = (y.square().sum() + log_det.sum()).backward();
        for parameter in [&flow.layers[0].centre, &flow.layers[0].a, &flow.layers[0].c] {
            let gradient = parameter.val().grad(&gradients).unwrap();
            assert!(gradient.is_finite().all().into_scalar::<bool>());
        }
    }

    #[test]
    fn a_layer_has_a_vector_and_two_numbers() {
        let radial = Radial::new(16, 5, &mut init(&Device::flex().autodiff()));
        assert_eq!(trainable(&radial), 5 * 18);
    }
}
