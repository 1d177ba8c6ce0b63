use crate::resize::grey;
use crate::{Images, MetricError};

/// The luma of images in [-1, 1] without a border of so many pixels: what enlarged images are compared on, for at the border an image
/// lacks half of what it is computed from, and colours count for little (C. Ledig et al. 2017, section 3.1).
///
/// Luma is that of ITU-R BT.601 over the whole range, 0.299 R + 0.587 G + 0.114 B. Papers often have it in 16 to 235 of 255 and measure
/// against 255: their PSNR of the same images is 20 log10(255 / 219) = 1.32 dB larger.
///
/// # Errors
/// If images are of other than 1 or 3 channels, or no larger than the border.
pub fn luma(images: &Images, border: usize) -> Result<Images, MetricError> {
    let &Images { channels, height, width, .. } = images;
    if height.min(width) <= 2 * border {
        return Err(MetricError::ImageSize { height, width, needed: 2 * border + 1 });
    }
    let (rows, columns) = (height - 2 * border, width - 2 * border);
    let mut values = Vec::with_capacity(images.len() * rows * columns);
    for i in 0..images.len() {
        let plane = grey(images.item(i), channels)?;
        for row in plane.chunks_exact(width).skip(border).take(rows) {
            values.extend(&row[border..border + columns]);
        }
    }
    Ok(Images::new([1, rows, columns], values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inside_becomes_grey() {
        let colour = |c: usize, y: usize, x: usize| (c * 100 + y * 10 + x) as f32 / 300.0;
        let values = (0..60).map(|i| colour(i / 20, i / 5 % 4, i % 5)).collect();
        let images = Images::new([3, 4, 5], values);
        let found = luma(&images, 1).unwrap();
        assert_eq!((found.channels, found.height, found.width), (1, 2, 3));
        for (i, &value) in found.values.iter().enumerate() {
            let [r, g, b] = [0, 1, 2].map(|c| colour(c, 1 + i / 3, 1 + i % 3));
            assert!((value - (0.299 * r + 0.587 * g + 0.114 * b)).abs() < 1e-6);
        }
        assert!(matches!(luma(&images, 2), Err(MetricError::ImageSize { needed: 5, .. })));
    }
}
