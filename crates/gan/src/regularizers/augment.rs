//! Changes to an image that leave what it shows.

use burn::tensor::{Int, Tensor};
use ganvas_nets::noise::Noise;

/// Images moved by up to an eighth of their sides, each by a whole number of pixels of its own in both directions, and, where
/// `flip` says so, half of them mirrored left to right. What comes in at a side is the row or column that was there.
///
/// # Shapes
/// `[n, channels, height, width]` to the same.
pub fn shifted(images: Tensor<4>, flip: bool, noise: &Noise) -> Tensor<4> {
    let [n, _, height, width] = images.dims();
    let rows = places("rows", n, height, noise);
    let mut columns = places("columns", n, width, noise);
    if flip {
        let mirrored = noise.classes("flip", n, 2).reshape([n, 1]).expand([n, width]);
        let other = columns.clone().neg().add_scalar(width as i64 - 1);
        columns = columns.clone() + mirrored * (other - columns);
    }
    let shape = images.dims();
    let rows = rows.reshape([n, 1, height, 1]).expand(shape);
    let columns = columns.reshape([n, 1, 1, width]).expand(shape);
    images.gather(2, rows).gather(3, columns)
}

/// For each of `n` images, where along a side the value at each place comes from: `[n, side]`.
fn places(name: &str, n: usize, side: usize, noise: &Noise) -> Tensor<2, Int> {
    let most = side / 8;
    let shift = noise
        .classes(&format!("shift/{name}"), n, 2 * most + 1)
        .sub_scalar(most as i64)
        .reshape([n, 1])
        .expand([n, side]);
    let all = Tensor::<1, Int>::arange(0..side as i64, noise.device()).reshape([1, side]).expand([n, side]);
    (all + shift).clamp(0, side as i64 - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;
    use std::collections::BTreeSet;

    /// An image whose values tell their places, 16 by 8: every value that comes out is the one that the image's shift and
    /// mirroring say, which those at the centre give away.
    #[test]
    fn every_pixel_comes_from_where_the_shift_says() {
        const N: usize = 200;
        let device = Device::flex();
        let noise = Noise::new(Streams::new(1), "phase", 0, &device);
        let image = Tensor::<1, Int>::arange(0..128, &device).float().reshape([1, 1, 16, 8]);
        let images = image.expand([N, 1, 16, 8]);
        for flip in [false, true] {
            let values: Vec<f32> = shifted(images.clone(), flip, &noise).to_data().iter().collect();
            let mut seen = BTreeSet::new();
            for image in values.chunks(128) {
                let at = |row: usize, column: usize| image[row * 8 + column] as i64;
                let (row, column) = (at(8, 4) / 8, at(8, 4) % 8);
                let mirrored = at(8, 5) < at(8, 4);
                seen.insert((row, column, mirrored));
                for i in 0..16i64 {
                    for j in 0..8i64 {
                        let step = if mirrored { 4 - j } else { j - 4 };
                        let from = (row + i - 8).clamp(0, 15) * 8 + (column + step).clamp(0, 7);
                        assert_eq!(at(i as usize, j as usize), from);
                    }
                }
            }
            // Five shifts of rows, three of columns, and each of them mirrored.
            assert_eq!(seen.len(), if flip { 30 } else { 15 }, "{seen:?}");
            assert!(seen.iter().all(|&(row, _, _)| (6..=10).contains(&row)));
        }
    }
}
