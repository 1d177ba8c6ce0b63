//! Many images in one picture.

use image::{Rgb, RgbImage};

use super::{ViewError, png};

/// The longer side of an item is enlarged, by a whole factor, to at least this many pixels.
const ITEM: usize = 48;
/// Between dark and light, so that neither a black nor a white item melts into it.
const BACKGROUND: [u8; 3] = [0x8f, 0x94, 0x9c];
/// What is not a number cannot be mistaken for a grey, and hardly for a colour.
const NOT_FINITE: [u8; 3] = [0xff, 0x00, 0xff];
/// 64 million pixels, 192 MB before compression.
const LARGEST: usize = 1 << 26;

/// A PNG of `values`, `[n, channels, height, width]` in [-1, 1] with 1 (grey) or 3 (RGB) channels, row by row in a grid.
///
/// Small images are enlarged without smoothing. Values outside the range are clamped; what is not finite is magenta.
/// Without `columns` the grid is as square as its items allow.
pub fn image_grid(values: &[f32], shape: [usize; 4], columns: Option<usize>) -> Result<Vec<u8>, ViewError> {
    png(&draw(values, shape, columns)?)
}

fn draw(values: &[f32], shape: [usize; 4], columns: Option<usize>) -> Result<RgbImage, ViewError> {
    let [n, channels, height, width] = shape;
    if !matches!(channels, 1 | 3) {
        return Err(ViewError::Channels { got: channels });
    }
    if n == 0 || height == 0 || width == 0 {
        return Err(ViewError::Empty { shape });
    }
    if shape.iter().try_fold(1, |product: usize, &side| product.checked_mul(side)) != Some(values.len()) {
        return Err(ViewError::Length { shape, got: values.len() });
    }
    let columns = match columns {
        Some(0) => return Err(ViewError::NoColumns),
        Some(columns) => columns.min(n),
        None => square_columns(n, height, width),
    };
    let rows = n.div_ceil(columns);
    let scale = ITEM.div_ceil(height.max(width));
    let gap = scale.div_ceil(2).max(2);
    // No overflow: `n * height * width` values are in memory, and `scale` is at most 48.
    let (full_width, full_height) =
        (columns * (width * scale + gap) + gap, rows.saturating_mul(height * scale + gap).saturating_add(gap));
    if full_width.saturating_mul(full_height) > LARGEST {
        return Err(ViewError::TooLarge { n, height, width });
    }

    let mut picture = RgbImage::from_pixel(full_width as u32, full_height as u32, Rgb(BACKGROUND));
    let plane = height * width;
    for (i, item) in values.chunks_exact(channels * plane).enumerate() {
        let left = gap + (i % columns) * (width * scale + gap);
        let top = gap + (i / columns) * (height * scale + gap);
        for y in 0..height * scale {
            for x in 0..width * scale {
                let at = (y / scale) * width + x / scale;
                let pixel = colour(item[at], item[at + (channels - 1) / 2 * plane], item[at + (channels - 1) * plane]);
                picture.put_pixel((left + x) as u32, (top + y) as u32, Rgb(pixel));
            }
        }
    }
    Ok(picture)
}

/// The number of columns that brings the whole picture nearest to a square.
fn square_columns(n: usize, height: usize, width: usize) -> usize {
    let columns = (n as f64 * height as f64 / width as f64).sqrt().ceil() as usize;
    columns.clamp(1, n)
}

fn colour(red: f32, green: f32, blue: f32) -> [u8; 3] {
    if !(red.is_finite() && green.is_finite() && blue.is_finite()) {
        return NOT_FINITE;
    }
    [red, green, blue].map(|value| ((value.clamp(-1.0, 1.0) + 1.0) * 127.5).round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> RgbImage {
        image::load_from_memory_with_format(bytes, image::ImageFormat::Png).unwrap().to_rgb8()
    }

    #[test]
    fn every_pixel_of_a_small_image_is_found_again() {
        // Two 8x8 images: scale 6, gap 3, hence items at x = 3 and 3 + 48 + 3.
        let values: Vec<f32> = (0..128).map(|i| i as f32 / 127.0 * 2.0 - 1.0).collect();
        let picture = decode(&image_grid(&values, [2, 1, 8, 8], Some(2)).unwrap());
        assert_eq!(picture.dimensions(), (2 * 51 + 3, 51 + 3));
        for (i, value) in values.iter().enumerate() {
            let expected = ((value + 1.0) * 127.5).round() as u8;
            let (item, at) = (i / 64, i % 64);
            let (left, top) = (3 + item * 51 + at % 8 * 6, 3 + at / 8 * 6);
            for (dx, dy) in [(0, 0), (5, 5), (0, 5), (5, 0)] {
                assert_eq!(picture.get_pixel((left + dx) as u32, (top + dy) as u32).0, [expected; 3], "value {i}");
            }
        }
        assert_eq!(picture.get_pixel(0, 0).0, BACKGROUND);
        assert_eq!(picture.get_pixel(52, 20).0, BACKGROUND);
    }

    #[test]
    fn channels_are_red_green_blue() {
        let picture = decode(&image_grid(&[1.0, 0.0, -1.0], [1, 3, 1, 1], None).unwrap());
        assert_eq!(picture.get_pixel(30, 30).0, [255, 128, 0]);
    }

    #[test]
    fn values_are_clamped_and_what_is_not_finite_is_magenta() {
        let values = [-3.0, 7.0, f32::NAN, f32::INFINITY];
        let picture = decode(&image_grid(&values, [1, 1, 1, 4], None).unwrap());
        let seen: Vec<_> = (0..4).map(|i| picture.get_pixel(6 + i * 12 + 5, 10).0).collect();
        assert_eq!(seen, [[0; 3], [255; 3], NOT_FINITE, NOT_FINITE]);
    }

    #[test]
    fn the_grid_is_nearly_square_and_items_can_be_seen() {
        for (n, side) in [(1, 8), (7, 8), (64, 8), (100, 28), (16, 64), (10, 16)] {
            let (width, height) = draw(&vec![0.0; n * side * side], [n, 1, side, side], None).unwrap().dimensions();
            assert!(width >= height && width - height <= 2 * (width / (n as f64).sqrt() as u32), "{width}x{height}");
            assert!(width as usize >= ITEM, "{width}");
        }
        let (width, height) = draw(&[0.0; 3 * 64 * 16], [3, 1, 16, 64], None).unwrap().dimensions();
        assert!(height > width / 2, "wide items are stacked: {width}x{height}");
    }

    #[test]
    fn wrong_shapes_are_typed_errors() {
        let grid = |len: usize, shape, columns| image_grid(&vec![0.0; len], shape, columns).unwrap_err();
        assert!(matches!(grid(0, [0, 1, 8, 8], None), ViewError::Empty { .. }));
        assert!(matches!(grid(0, [4, 1, 0, 8], None), ViewError::Empty { .. }));
        assert!(matches!(grid(128, [1, 2, 8, 8], None), ViewError::Channels { got: 2 }));
        assert!(matches!(grid(63, [1, 1, 8, 8], None), ViewError::Length { got: 63, .. }));
        assert!(matches!(grid(0, [usize::MAX, 1, 2, 2], None), ViewError::Length { .. }));
        assert!(matches!(grid(64, [1, 1, 8, 8], Some(0)), ViewError::NoColumns));
        assert!(matches!(grid(40_000, [40_000, 1, 1, 1], Some(1)), ViewError::TooLarge { n: 40_000, .. }));
        assert_eq!(grid(63, [1, 1, 8, 8], None).to_string(), "63 values do not fill images of shape [1, 1, 8, 8]");
    }
}
