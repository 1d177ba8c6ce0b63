//! Pooling, enlarging, and statistics of a batch: layers without weights.

use burn::tensor::Tensor;
use burn::tensor::module::{avg_pool2d, max_pool2d_with_indices};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

use crate::dual::Dual;

/// Means of 2x2 squares: `[batch, channels, h, w]` to half the side.
pub fn halve(x: Dual<4>) -> Dual<4> {
    x.linear(|x| avg_pool2d(x, AvgPoolOptions::new([2, 2]).with_stride([2, 2])))
}

/// Maxima of 2x2 squares: `[batch, channels, h, w]` to half the side. The tangent is that of the largest.
pub fn halve_by_maxima(x: Dual<4>) -> Dual<4> {
    let Some(tangent) = x.tangent else { return ganvas_kernels::max_pool2d(x.value, 2).into() };
    let (value, which) = max_pool2d_with_indices(x.value, MaxPoolOptions::new([2, 2]).with_stride([2, 2]));
    let [batch, channels, height, width] = tangent.dims();
    let shape @ [_, _, rows, columns] = value.dims();
    let tangent = tangent.reshape([batch, channels, height * width]);
    let tangent = tangent.gather(2, which.reshape([batch, channels, rows * columns])).reshape(shape);
    Dual::along(value, tangent)
}

/// Each pixel four times: `[batch, channels, h, w]` to twice the side.
pub fn double(x: Dual<4>) -> Dual<4> {
    x.linear(|x: Tensor<4>| {
        let [batch, channels, height, width] = x.dims();
        let x = x.reshape([batch as i64, channels as i64, height as i64, 1, width as i64, 1]);
        x.expand::<6, _>([-1, -1, -1, 2, -1, 2]).reshape([batch, channels, 2 * height, 2 * width])
    })
}

/// Sums over space: `[batch, channels, h, w]` to `[batch, channels]`.
pub fn sum_over_space(x: Dual<4>) -> Dual<2> {
    x.flatten::<3>(2, 3).linear(|x| x.sum_dim(2).squeeze_dim(2))
}

/// Means over space: `[batch, channels, h, w]` to `[batch, channels]`.
pub fn mean_over_space(x: Dual<4>) -> Dual<2> {
    x.flatten::<3>(2, 3).linear(|x| x.mean_dim(2).squeeze_dim(2))
}

/// The spread within groups of items as one more channel (Karras et al. 2018, section 3): the standard deviation over a
/// group at each place, its mean over all places, repeated. `[batch, channels, h, w]` to one channel more. The items of a
/// group are batch / groups apart; `group` items at most, fewer where the batch is no multiple of it.
pub fn with_minibatch_stddev(x: Dual<4>, group: usize) -> Dual<4> {
    let [batch, channels, height, width] = x.value.dims();
    let group = (1..=group.clamp(1, batch.max(1))).rev().find(|&size| batch.is_multiple_of(size)).unwrap_or(1);
    let groups = x.clone().reshape([group, batch / group * channels * height * width]);
    let centred = groups.linear(|x| x.clone() - x.mean_dim(0));
    let spread = centred.square().linear(|x| x.mean_dim(0)).root(1e-8);
    let spread = spread.linear(|s| s.reshape([batch / group, channels * height * width]).mean_dim(1));
    let channel = spread.linear(|s| {
        let s = s.reshape([1, (batch / group) as i64, 1, 1]).expand([group, batch / group, height, width]);
        s.reshape([batch, 1, height, width])
    });
    Dual::cat(vec![x, channel], 1)
}
