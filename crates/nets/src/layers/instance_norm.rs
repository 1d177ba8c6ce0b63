use burn::module::Module;
use burn::tensor::Tensor;

use crate::dual::Dual;

/// Instance norm without gain and offset (Ulyanov et al. 2016): each channel of each item less its mean over space, divided by
/// its standard deviation; epsilon 1e-5. It has no statistics of a training to remember.
#[derive(Module, Debug)]
pub struct InstanceNorm;

impl InstanceNorm {
    /// # Shapes
    /// `[batch, channels, h, w]` to the same.
    pub fn dual(&self, x: Dual<4>) -> Dual<4> {
        match x.tangent {
            None => with_gains(x.value, None).into(),
            Some(_) => {
                let shape @ [batch, channels, height, width] = x.value.dims();
                x.reshape([batch, channels, height * width]).normalized(&[2], EPSILON).reshape(shape)
            }
        }
    }
}

const EPSILON: f64 = 1e-5;

/// Instance norm with gains and offsets `[channels]`, or without: items and channels together are the channels of a batch norm
/// of one item.
pub(super) fn with_gains(x: Tensor<4>, affine: Option<[Tensor<1>; 2]>) -> Tensor<4> {
    let shape @ [batch, channels, height, width] = x.dims();
    let each = batch * channels;
    let [gain, offset] = match affine {
        Some(values) => values.map(|values| values.repeat_dim(0, batch)),
        None => [Tensor::ones([each], &x.device()), Tensor::zeros([each], &x.device())],
    };
    ganvas_kernels::batch_norm(x.reshape([1, each, height, width]), gain, offset, EPSILON).output.reshape(shape)
}
