//! Images at another size, as products with matrices: gradients flow through.

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

/// By what the pixels of one size weigh in one of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kernel {
    /// 1 within half a pixel: the mean of what a pixel covers where images shrink by a whole factor, the nearest pixel where they grow.
    Box,
    /// Piecewise cubic with a = -1/2 (Keys 1981, eq. 15), within two pixels.
    Bicubic,
}

impl Kernel {
    /// Half of its width, in pixels.
    fn reach(self) -> f64 {
        match self {
            Kernel::Box => 0.5,
            Kernel::Bicubic => 2.0,
        }
    }

    fn at(self, x: f64) -> f64 {
        let x_abs = x.abs();
        match self {
            Kernel::Box => f64::from(u8::from(x > -0.5 && x <= 0.5)),
            Kernel::Bicubic if x_abs < 1.0 => (1.5 * x_abs - 2.5) * x_abs * x_abs + 1.0,
            Kernel::Bicubic if x_abs < 2.0 => ((-0.5 * x_abs + 2.5) * x_abs - 4.0) * x_abs + 2.0,
            Kernel::Bicubic => 0.0,
        }
    }

    /// `[to, from]`, row-major: what each pixel of `from` in a row weighs in each of `to`. Centres of pixels are at half numbers. Where
    /// the row shrinks the kernel is as much wider, so that nothing is skipped (antialiasing); weights that would fall on no pixel are
    /// left to the others, so that a row always sums to 1.
    fn weights(self, from: usize, to: usize) -> Vec<f32> {
        let scale = from as f64 / to as f64;
        let wide = scale.max(1.0);
        let mut weights = Vec::with_capacity(from * to);
        for i in 0..to {
            let centre = (i as f64 + 0.5) * scale;
            let within = |j: usize| {
                let x = (j as f64 + 0.5 - centre) / wide;
                if x.abs() <= self.reach() { self.at(x) } else { 0.0 }
            };
            let sum: f64 = (0..from).map(within).sum();
            weights.extend((0..from).map(|j| (within(j) / sum) as f32));
        }
        weights
    }

    fn matrix(self, from: usize, to: usize, device: &Device) -> Tensor<2> {
        Tensor::from_data(TensorData::new(self.weights(from, to), [to, from]), device)
    }

    /// Images at another height and width. A bicubic kernel has negative weights: values can leave the range that they had.
    ///
    /// # Shapes
    /// `[batch, channels, h, w]` to `[batch, channels, height, width]`.
    pub fn resize(self, x: Tensor<4>, [height, width]: [usize; 2]) -> Tensor<4> {
        let [batch, channels, from_height, from_width] = x.dims();
        let device = x.device();
        let rows = x.reshape([batch * channels * from_height, from_width]);
        let across = rows.matmul(self.matrix(from_width, width, &device).transpose());
        let columns = across.reshape([batch * channels, from_height, width]).swap_dims(1, 2);
        let down = columns.reshape([batch * channels * width, from_height]);
        let down = down.matmul(self.matrix(from_height, height, &device).transpose());
        down.reshape([batch * channels, width, height]).swap_dims(1, 2).reshape([batch, channels, height, width])
    }

    /// Images whose sides are this factor smaller.
    ///
    /// # Shapes
    /// `[batch, channels, h, w]` to `[batch, channels, h / factor, w / factor]`.
    pub fn shrink(self, x: Tensor<4>, factor: usize) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        self.resize(x, [height / factor, width / factor])
    }

    /// Images whose sides are this factor larger.
    ///
    /// # Shapes
    /// `[batch, channels, h, w]` to `[batch, channels, h factor, w factor]`.
    pub fn enlarge(self, x: Tensor<4>, factor: usize) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        self.resize(x, [height * factor, width * factor])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::pool;
    use crate::noise::Noise;
    use ganvas_prob::stream::Streams;

    const BOTH: [Kernel; 2] = [Kernel::Box, Kernel::Bicubic];

    fn far(a: Tensor<4>, b: Tensor<4>) -> f32 {
        assert_eq!(a.dims(), b.dims());
        (a - b).abs().max().into_scalar()
    }

    fn random() -> Tensor<4> {
        Noise::new(Streams::new(1), "images", 0, &Device::flex()).normal("x", [2, 3, 8, 12])
    }

    #[test]
    fn a_constant_stays_what_it_is() {
        let flat = |height, width| Tensor::<4>::full([1, 2, height, width], 0.3, &Device::flex());
        for kernel in BOTH {
            assert!(far(kernel.shrink(flat(8, 12), 4), flat(2, 3)) < 1e-6);
            assert!(far(kernel.enlarge(flat(2, 3), 4), flat(8, 12)) < 1e-6);
            assert!(far(kernel.resize(flat(5, 7), [3, 11]), flat(3, 11)) < 1e-6);
        }
    }

    /// Value of a ramp at the centres of pixels: both kernels keep it where they do not reach over the border, the box but for steps
    /// where it enlarges.
    #[test]
    fn a_ramp_stays_a_ramp() {
        let ramp = |n: usize, size: f64| {
            let at = |i: usize| ((i / n) as f64 + 0.5) * size - 2.0 * ((i % n) as f64 + 0.5) * size;
            let values: Vec<f32> = (0..n * n).map(|i| at(i) as f32).collect();
            Tensor::<4>::from_data(TensorData::new(values, [1, 1, n, n]), &Device::flex())
        };
        let inside = |x: Tensor<4>, margin: usize| {
            let n = x.dims()[2] - 2 * margin;
            x.narrow(2, margin, n).narrow(3, margin, n)
        };
        for kernel in BOTH {
            let found = kernel.shrink(ramp(32, 1.0), 4);
            assert!(far(inside(found, 2), inside(ramp(8, 4.0), 2)) < 1e-4, "{kernel:?}");
        }
        let found = Kernel::Bicubic.enlarge(ramp(8, 4.0), 4);
        assert!(far(inside(found, 8), inside(ramp(32, 1.0), 8)) < 1e-4);
    }

    #[test]
    fn a_box_is_means_of_squares_and_nearest_pixels() {
        let x = random();
        let means = pool::halve(pool::halve(x.clone().into())).value;
        assert!(far(Kernel::Box.shrink(x.clone(), 4), means) < 1e-6);
        assert_eq!(far(Kernel::Box.enlarge(x.clone(), 2), pool::double(x.into()).value), 0.0);
    }

    /// Keys 1981, eq. 15, halfway between pixels: (-1, 9, 9, -1) / 16; and widened by 2.
    #[test]
    fn bicubic_weights_are_the_known_ones() {
        let row = |from, to, i: usize| Kernel::Bicubic.weights(from, to)[i * from..(i + 1) * from].to_vec();
        let halfway: Vec<f32> = [-1.0, 9.0, 9.0, -1.0].map(|w: f32| w / 16.0).to_vec();
        // Pixel 4 of 9 out of 8 has its centre at 4, between the pixels 3 and 4.
        assert_eq!(row(8, 9, 4)[2..6], halfway);
        // Widened by 2, pixels lie at 1/4, 3/4, 5/4 and 7/4 of it, on both sides.
        let widened = row(16, 8, 4);
        for (k, distance) in [0.25f64, 0.75, 1.25, 1.75].into_iter().enumerate() {
            let w = if distance < 1.0 {
                1.5 * distance.powi(3) - 2.5 * distance.powi(2) + 1.0
            } else {
                -0.5 * distance.powi(3) + 2.5 * distance.powi(2) - 4.0 * distance + 2.0
            };
            for j in [8 - k, 9 + k] {
                assert!((f64::from(widened[j]) - w / 2.0).abs() < 1e-6, "{widened:?}");
            }
        }
    }

    /// <S x, y> has the gradient S^T y: an enlarged image sums to what the shrunk one does.
    #[test]
    fn gradients_flow_through() {
        let x = Tensor::from_inner(random()).require_grad();
        let gradients = Kernel::Bicubic.shrink(x.clone(), 4).sum().backward();
        let found: f32 = x.grad(&gradients).unwrap().sum().into_scalar();
        assert!((found - 2.0 * 3.0 * 2.0 * 3.0).abs() < 1e-4, "{found}");
    }
}
