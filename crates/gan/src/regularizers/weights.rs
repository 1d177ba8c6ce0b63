//! Constraints and penalties on weights.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

/// Clamps every trained parameter to [-bound, bound], as WGAN does after each update of its critic (Arjovsky et al. 2017,
/// algorithm 1). Buffers stay as they are.
pub fn clip<M: Module>(network: M, bound: f64) -> M {
    struct Clip(f64);
    impl ModuleMapper for Clip {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let (id, value, mapper) = param.consume();
            if !value.is_require_grad() {
                return Param::from_mapped_value(id, value, mapper);
            }
            let value = Tensor::from_inner(value.inner().clamp(-self.0, self.0)).require_grad();
            Param::from_mapped_value(id, value, mapper)
        }
    }
    network.map(&mut Clip(bound))
}

/// The relaxed orthogonal penalty (Brock et al. 2019, eq. 3): the sum over all weights W, as matrices with one row for each
/// output, of the squared off-diagonal entries of W W^T. `[1]`, or nothing where the network has no weight of two
/// dimensions or more.
///
/// Weights are told from gains and biases by their number of dimensions. Transposed convolutions, whose first dimension is
/// the inputs', are taken by their inputs.
pub fn orthogonal<M: Module>(network: &M) -> Option<Tensor<1>> {
    #[derive(Default)]
    struct Sum(Option<Tensor<1>>);
    impl ModuleVisitor for Sum {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let value = param.val();
            if D < 2 || !value.is_require_grad() {
                return;
            }
            let shape = value.dims();
            // A linear layer's matrix is `[inputs, outputs]`, a convolution's kernel `[outputs, ...]`.
            let rows: Tensor<2> = match D {
                2 => value.reshape([shape[0], shape[1]]).transpose(),
                _ => value.reshape([shape[0], shape[1..].iter().product()]),
            };
            let products = rows.clone().matmul(rows.clone().transpose()).square().sum();
            let diagonal = rows.square().sum_dim(1).square().sum();
            let off = products - diagonal;
            self.0 = Some(match self.0.take() {
                Some(sum) => sum + off,
                None => off,
            });
        }
    }
    let mut sum = Sum::default();
    network.visit(&mut sum);
    sum.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use ganvas_nets::init::{Init, Initializer};
    use ganvas_nets::layers::{BatchNorm, Linear};
    use ganvas_prob::stream::Streams;

    fn init() -> Init {
        Init::new(&Streams::new(1), "net", Initializer::Normal { sd: 1.0 }, &Device::flex().autodiff())
    }

    fn values<M: Module>(module: &M) -> Vec<f32> {
        #[derive(Default)]
        struct Collect(Vec<f32>);
        impl ModuleVisitor for Collect {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                self.0.extend(param.val().to_data().iter::<f32>());
            }
        }
        let mut collect = Collect::default();
        module.visit(&mut collect);
        collect.0
    }

    #[test]
    fn clipping_bounds_weights_and_leaves_statistics() {
        let linear = Linear::new(20, 20, true, &mut init());
        assert!(values(&linear).iter().any(|w| w.abs() > 0.5));
        let clipped = clip(linear, 0.01);
        assert!(values(&clipped).iter().all(|w| w.abs() <= 0.01));
        assert!(clipped.weight.val().is_require_grad());
        let norm = clip(BatchNorm::new(3, &mut init()), 0.01);
        assert_eq!(values(&norm).iter().filter(|&&w| w == 1.0).count(), 3, "the running variance");
    }

    /// Rows (1, 2) and (3, 4): their product is 11, twice off the diagonal.
    #[test]
    fn the_orthogonal_penalty_by_hand() {
        let mut linear = Linear::new(2, 2, true, &mut init());
        linear.weight = init().parameter(vec![1.0, 3.0, 2.0, 4.0], [2, 2]);
        let found: f32 = orthogonal(&linear).unwrap().into_scalar();
        assert!((found - 242.0).abs() < 1e-3, "{found}");
        linear.weight = init().parameter(vec![3.0, 4.0, -4.0, 3.0], [2, 2]);
        let found: f32 = orthogonal(&linear).unwrap().into_scalar();
        assert!(found.abs() < 1e-3, "{found}");
    }
}
