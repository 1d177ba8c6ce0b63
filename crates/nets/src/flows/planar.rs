use std::f64::consts::E;

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use ganvas_kernels::{softplus, tanh};

use super::{Flow, chain, sum_over_dims};
use crate::export::{Layout, TorchLayer};
use crate::init::Init;

/// 1 + w . u^ is kept from 0 by this, so that log |det| >= ln 1e-6.
const SLACK: f64 = 1e-6;

/// A squared length of w below this counts as this where it is divided by.
const LENGTH: f64 = 1e-6;

/// f(z) = z + u^ tanh(w . z + b), with det = 1 + (1 - tanh^2) w . u^ (Rezende and Mohamed 2015, eq. 10 to 12).
///
/// f is invertible where w . u^ > -1. As in appendix A.1, u^ = u + (m(w . u) - w . u) w / |w|^2, with w . u^ = m(w . u), but with
/// m(a) = -1 + ln(1 + (e - 1) e^a) in place of -1 + ln(1 + e^a): m(0) = 0 then, so that u^ is bounded as w goes to 0 and a
/// small u makes a map near the identity.
#[derive(Module, Debug)]
pub(crate) struct PlanarLayer {
    /// `[dims]`.
    w: Param<Tensor<1>>,
    /// `[dims]`.
    u: Param<Tensor<1>>,
    /// `[1]`.
    b: Param<Tensor<1>>,
}

impl PlanarLayer {
    pub(crate) const TORCH: TorchLayer = TorchLayer {
        layer: "PlanarLayer",
        torch: "nn.Module",
        values: &[("w", "w", Layout::Same), ("u", "u", Layout::Same), ("b", "b", Layout::Same)],
        counters: &[],
    };

    fn new(dims: usize, init: &mut Init) -> Self {
        Self { w: init.weight([dims], dims, 1), u: init.normal([dims], 0.0, 0.01), b: init.zeros([1]) }
    }

    /// u^ and 1 + w . u^, `[dims]` and `[1]`.
    fn bent(&self) -> (Tensor<1>, Tensor<1>) {
        let (w, u) = (self.w.val(), self.u.val());
        let inner = (w.clone() * u.clone()).sum();
        let length = w.clone().square().sum();
        let divisor = length.clone().clamp_min(LENGTH);
        let slack = softplus(inner.clone().add_scalar((E - 1.0).ln())).clamp_min(SLACK);
        let step = (slack.clone().sub_scalar(1.0) - inner.clone()) / divisor.clone();
        // Where w is all but 0, w . u^ is only in part what it should be.
        let share = length / divisor;
        let rest = share.clone().neg().add_scalar(1.0) * inner.add_scalar(1.0);
        (u + w * step, (share * slack + rest).clamp_min(SLACK))
    }

    fn forward(&self, z: Tensor<2>) -> (Tensor<2>, Tensor<1>) {
        let (u, slack) = self.bent();
        let inner = sum_over_dims(z.clone() * self.w.val().unsqueeze()) + self.b.val();
        let t = tanh(inner);
        let square = t.clone().square();
        // 1 + (1 - t^2) (slack - 1), of terms that are not negative.
        let det = square.clone() + square.neg().add_scalar(1.0) * slack;
        (z + t.unsqueeze_dim::<2>(1) * u.unsqueeze(), det.log())
    }
}

/// Planar flow: layers that stretch space, or press it together, along a direction near a plane. There is no inverse in closed
/// form, and no context.
#[derive(Module, Debug)]
pub struct Planar {
    layers: Vec<PlanarLayer>,
}

impl Planar {
    /// `count` layers for items of `dims` values: w by the network's rule, u ~ N(0, 0.01^2), b = 0.
    pub fn new(dims: usize, count: usize, init: &mut Init) -> Self {
        Self { layers: (0..count).map(|_| PlanarLayer::new(dims, init)).collect() }
    }
}

impl Flow for Planar {
    fn forward(&self, x: Tensor<2>, _: Option<Tensor<2>>) -> (Tensor<2>, Tensor<1>) {
        chain(x, &self.layers, PlanarLayer::forward)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{init, jacobian_error, points};
    use super::*;
    use crate::dual::in_double_precision;
    use crate::optim::trainable;
    use burn::tensor::{DType, Device};

    fn layer(w: [f32; 4], u: [f32; 4], b: f32, device: &Device) -> Planar {
        let init = &mut init(device);
        let [w, u] = [w, u].map(|values| init.parameter(values.to_vec(), [4]));
        Planar { layers: vec![PlanarLayer { w, u, b: init.parameter(vec![b], [1]) }] }
    }

    /// w . u far below -1 is brought to just above it: at the plane itself space is then all but pressed flat.
    #[test]
    fn the_determinant_is_exact_however_far_u_points_against_w() {
        for inner in [-30.0, -3.0, -1.001, -1.0, -0.999, 0.0, 2.0, 30.0] {
            let flow = layer([0.5, -0.5, 0.5, 0.5], [inner, 0.3, 0.1, inner + 0.2], 0.0, &Device::flex());
            let flow = in_double_precision(flow);
            let slack: f64 = flow.layers[0].bent().1.into_scalar();
            assert!(slack >= SLACK, "{inner}: {slack}");
            let on_the_plane = Tensor::from_floats([[1.0, 1.0, 0.0, 0.0], [0.2, 0.0, -0.1, -0.1]], &Device::flex());
            let x = Tensor::cat(vec![points(4, 4, 1.0), on_the_plane], 0).cast(DType::F64);
            let error = jacobian_error(|x| flow.forward(x, None), x);
            assert!(error < 1e-3, "w . u near {inner}: {error}");
        }
    }

    #[test]
    fn the_scalar_product_is_what_it_is_said_to_be() {
        for (w, u) in [(0.5, -3.0), (0.5, 4.0), (0.02, -1.0), (2e-4, -1.0), (2e-4, 1.0), (1e-10, 1.0), (0.0, 1.0)] {
            let flow = in_double_precision(layer([w; 4], [u; 4], 0.3, &Device::flex()));
            let layer = &flow.layers[0];
            let (bent, slack) = layer.bent();
            let inner: f64 = (layer.w.val() * bent.clone()).sum().into_scalar();
            assert!((inner + 1.0 - slack.into_scalar::<f64>()).abs() < 1e-12, "{w} {u}: {inner}");
            assert!(bent.abs().max().into_scalar::<f64>() < 8.0, "{w} {u}");
        }
    }

    #[test]
    fn without_w_the_flow_is_a_shift_with_finite_gradients() {
        let device = Device::flex().autodiff();
        let flow = layer([0.0; 4], [1.0, 2.0, 3.0, 4.0], 0.5, &device);
        let x = Tensor::<2>::zeros([2, 4], &device);
        let (y, log_det) = flow.forward(x, None);
        assert_eq!(log_det.clone().abs().max().into_scalar::<f32>(), 0.0);
        let shift = y.clone().narrow(1, 3, 1).max().into_scalar::<f64>();
        assert!((shift - 4.0 * 0.5f64.tanh()).abs() < 1e-6);
        let gradients = (y.square().sum() + log_det.sum()).backward();
        for parameter in [&flow.layers[0].w, &flow.layers[0].u, &flow.layers[0].b] {
            let gradient = parameter.val().grad(&gradients).unwrap();
            assert!(gradient.is_finite().all().into_scalar::<bool>());
        }
    }

    #[test]
    fn a_layer_has_two_vectors_and_a_number() {
        let planar = Planar::new(16, 5, &mut init(&Device::flex().autodiff()));
        assert_eq!(trainable(&planar), 5 * 33);
    }
}
