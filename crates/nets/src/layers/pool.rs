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

/// Channels to places: of each `factor`^2 channels in a row one of `factor` times the sides, whose pixel (factor y + i, factor x + j) is
/// that at (y, x) of the channel numbered factor i + j (Shi et al. 2016, eq. 4, in PyTorch's order of channels).
/// `[batch, channels factor^2, h, w]` to `[batch, channels, h factor, w factor]`.
pub fn shuffle(x: Tensor<4>, factor: usize) -> Tensor<4> {
    let [batch, channels, height, width] = x.dims();
    let channels = channels / (factor * factor);
    let x = x.reshape([batch, channels, factor, factor, height, width]).permute([0, 1, 4, 2, 5, 3]);
    x.reshape([batch, channels, height * factor, width * factor])
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

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    #[test]
    fn a_shuffle_is_its_definition() {
        let ([channels, height, width], factor) = ([2, 2, 5], 3);
        let values: Vec<f32> = (0..2 * channels * 9 * height * width).map(|i| i as f32).collect();
        let x = TensorData::new(values.clone(), [2, channels * 9, height, width]);
        let y = shuffle(Tensor::from_data(x, &Device::flex()), factor);
        assert_eq!(y.dims(), [2, channels, 6, 15]);
        let y: Vec<f32> = y.to_data().iter().collect();
        for (place, &found) in y.iter().enumerate() {
            let (column, row) = (place % 15, place / 15 % 6);
            let (channel, item) = (place / 90 % channels, place / 180);
            let from = (channel * factor + row % factor) * factor + column % factor;
            let at = ((item * channels * 9 + from) * height + row / factor) * width + column / factor;
            assert_eq!(found, values[at]);
        }
    }
}
