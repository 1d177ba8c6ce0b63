//! Images to another size and number of channels.
//!
//! Shrinking averages over the area of each new pixel; enlarging is bilinear between half-pixel centres, with the edge
//! continued outwards. Both are computed in f32 and rounded once, at the end.

use std::path::Path;

use rayon::prelude::*;

use crate::dataset::{ItemShape, Split, Values};
use crate::{DataError, OpenOptions};

/// The largest side that `resolution` may ask for, in pixels.
pub(crate) const MAX_RESOLUTION: usize = 4096;

/// The most bytes of images that are held in memory.
pub(crate) const MAX_BYTES: u64 = 16 << 30;

/// Refuses a data set that would take more memory than is sensible, before room is made for it.
pub(crate) fn check_memory(path: &Path, items: usize, shape: ItemShape) -> Result<(), DataError> {
    let bytes = (items as u64).saturating_mul(shape.len() as u64);
    if bytes > MAX_BYTES {
        return Err(DataError::TooLarge { path: path.to_owned(), bytes, limit: MAX_BYTES });
    }
    Ok(())
}

impl OpenOptions {
    /// Checks the values of the options, before any file is read.
    pub(crate) fn check(&self) -> Result<(), DataError> {
        if self.window == Some(0) {
            let (got, expected) = ("0".to_owned(), "1 step or more".to_owned());
            return Err(DataError::InvalidOption { option: "window", got, expected });
        }
        match (self.resolution, self.channels) {
            (Some(got), _) if !(1..=MAX_RESOLUTION).contains(&got) => Err(DataError::InvalidOption {
                option: "resolution",
                got: got.to_string(),
                expected: format!("1 to {MAX_RESOLUTION} pixels"),
            }),
            (_, Some(got)) if got != 1 && got != 3 => Err(DataError::InvalidOption {
                option: "channels",
                got: got.to_string(),
                expected: "1 (grey) or 3 (RGB)".into(),
            }),
            _ => self.check_crop(),
        }
    }

    fn check_crop(&self) -> Result<(), DataError> {
        match self.crop {
            Some(_) if self.resolution.is_some() => Err(DataError::Exclude { options: ["crop", "resolution"] }),
            // A square of one pixel is all one colour.
            Some(got) if !(2..=MAX_RESOLUTION).contains(&got) => Err(DataError::InvalidOption {
                option: "crop",
                got: got.to_string(),
                expected: format!("2 to {MAX_RESOLUTION} pixels"),
            }),
            _ => Ok(()),
        }
    }

    /// The shape of an image of `channels` x `height` x `width` after the transforms.
    pub(crate) fn output(&self, channels: usize, height: usize, width: usize) -> ItemShape {
        ItemShape::Image {
            channels: self.channels.unwrap_or(channels),
            height: self.resolution.unwrap_or(height),
            width: self.resolution.unwrap_or(width),
        }
    }
}

/// Applies the transforms to every image of a part.
pub(crate) fn transform(split: Split, shape: ItemShape, options: &OpenOptions) -> Split {
    let (ItemShape::Image { channels, height, width }, Values::U8(values)) = (shape, &split.values) else {
        return split;
    };
    let output = options.output(channels, height, width);
    if output == shape {
        return split;
    }
    let mut out = vec![0; split.len * output.len()];
    out.par_chunks_exact_mut(output.len())
        .zip(values.par_chunks_exact(shape.len()))
        .for_each(|(to, image)| to.copy_from_slice(&convert(image, [channels, height, width], options)));
    Split { values: Values::U8(out), ..split }
}

/// One image, `[channels, height, width]` with 1 or 3 channels, after the transforms.
pub(crate) fn convert(image: &[u8], [channels, height, width]: [usize; 3], options: &OpenOptions) -> Vec<u8> {
    if options.resolution.is_none() && options.channels.is_none_or(|wanted| wanted == channels) {
        return image.to_vec();
    }
    let planes = image.chunks_exact(height * width);
    let mut planes: Vec<Vec<f32>> = match options.resolution {
        Some(side) => {
            let square = height.min(width);
            let (top, left) = ((height - square) / 2, (width - square) / 2);
            let weights = weights(square, side);
            planes.map(|plane| resize(plane, width, [top, left], square, &weights)).collect()
        }
        None => planes.map(|plane| plane.iter().map(|&x| f32::from(x)).collect()).collect(),
    };
    match (channels, options.channels) {
        (3, Some(1)) => {
            let luma = |i: usize| luma([planes[0][i], planes[1][i], planes[2][i]]);
            planes = vec![(0..planes[0].len()).map(luma).collect()];
        }
        (1, Some(3)) => planes = vec![planes[0].clone(), planes[0].clone(), planes[0].clone()],
        _ => {}
    }
    planes.iter().flatten().map(|x| x.round().clamp(0.0, 255.0) as u8).collect()
}

/// Luma of red, green and blue (ITU-R BT.601-7, section 2.5.1).
fn luma([r, g, b]: [f32; 3]) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// Where a new pixel comes from: the first old pixel, and the weight of it and of those after it. They add up to 1.
type Weights = Vec<(usize, Vec<f32>)>;

fn weights(from: usize, to: usize) -> Weights {
    let scale = from as f64 / to as f64;
    (0..to)
        .map(|i| {
            if to < from {
                let (start, end) = (i as f64 * scale, ((i + 1) as f64 * scale).min(from as f64));
                let first = (start as usize).min(from - 1);
                let last = ((end.ceil() as usize).max(first + 1)).min(from);
                let covered = |j: usize| (end.min((j + 1) as f64) - start.max(j as f64)).max(0.0);
                (first, (first..last).map(|j| (covered(j) / scale) as f32).collect())
            } else {
                let centre = ((i as f64 + 0.5) * scale - 0.5).clamp(0.0, (from - 1) as f64);
                let first = centre as usize;
                let right = (centre - first as f64) as f32;
                (first, if first + 1 < from { vec![1.0 - right, right] } else { vec![1.0] })
            }
        })
        .collect()
}

/// Resizes the square of side `square` whose corner is at `[top, left]`, rows first, then columns.
fn resize(plane: &[u8], width: usize, [top, left]: [usize; 2], square: usize, weights: &Weights) -> Vec<f32> {
    let side = weights.len();
    let mut rows = vec![0.0; square * side];
    for (y, row) in rows.chunks_exact_mut(side).enumerate() {
        let source = &plane[(top + y) * width + left..][..square];
        for (x, (first, weights)) in row.iter_mut().zip(weights) {
            *x = weights.iter().zip(&source[*first..]).map(|(w, &p)| w * f32::from(p)).sum();
        }
    }
    let mut out = vec![0.0; side * side];
    for (row, (first, weights)) in out.chunks_exact_mut(side).zip(weights) {
        for (weight, source) in weights.iter().zip(rows[first * side..].chunks_exact(side)) {
            row.iter_mut().zip(source).for_each(|(x, p)| *x += weight * p);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(resolution: usize) -> OpenOptions {
        OpenOptions { resolution: Some(resolution), ..Default::default() }
    }

    #[test]
    fn halving_averages_each_two_by_two_block() {
        let image: Vec<u8> = vec![0, 4, 100, 200, 8, 12, 50, 50, 1, 1, 9, 9, 1, 1, 9, 9];
        assert_eq!(convert(&image, [1, 4, 4], &to(2)), [6, 100, 1, 9]);
    }

    #[test]
    fn shrinking_three_to_two_weighs_by_the_covered_area() {
        // New pixel 0 covers [0, 1.5]: (a + b/2)/1.5, and so in both directions.
        let image = [90, 60, 30, 90, 60, 30, 90, 60, 30];
        assert_eq!(convert(&image, [1, 3, 3], &to(2)), [80, 40, 80, 40]);
    }

    #[test]
    fn enlarging_two_to_four_interpolates_between_half_pixel_centres() {
        // Centres fall at -0.25, 0.25, 0.75, 1.25: the outer ones are clamped to the edge.
        let image = [0, 200, 0, 200];
        assert_eq!(convert(&image, [1, 2, 2], &to(4)), [0, 50, 150, 200].repeat(4));
    }

    #[test]
    fn the_same_size_changes_nothing_and_weights_add_up_to_one() {
        let image: Vec<u8> = (0..75).map(|i| i * 3).collect();
        assert_eq!(convert(&image, [3, 5, 5], &to(5)), image);
        for (from, to) in [(1, 7), (7, 1), (28, 32), (32, 28), (5, 5), (100, 99), (3, 2)] {
            for (first, weights) in weights(from, to) {
                assert!(first + weights.len() <= from);
                assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn an_oblong_image_is_cropped_to_its_middle_square() {
        let image = [9, 1, 2, 9, 9, 3, 4, 9];
        assert_eq!(convert(&image, [1, 2, 4], &to(2)), [1, 2, 3, 4]);
        let image = [9, 9, 1, 2, 3, 4, 9, 9];
        assert_eq!(convert(&image, [1, 4, 2], &to(2)), [1, 2, 3, 4]);
    }

    #[test]
    fn luma_of_the_primaries_and_grey_to_rgb_and_back() {
        let grey = OpenOptions { channels: Some(1), ..Default::default() };
        let rgb = OpenOptions { channels: Some(3), ..Default::default() };
        // Pixels red, green, blue, white: 76, 150, 29, 255 by BT.601.
        let image = [255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255];
        assert_eq!(convert(&image, [3, 2, 2], &grey), [76, 150, 29, 255]);
        let image: Vec<u8> = (0..=255).collect();
        let coloured = convert(&image, [1, 16, 16], &rgb);
        assert_eq!(coloured, image.repeat(3));
        assert_eq!(convert(&coloured, [3, 16, 16], &grey), image);
    }

    #[test]
    fn options_outside_their_domain_are_refused() {
        for options in [to(0), to(MAX_RESOLUTION + 1), OpenOptions { channels: Some(2), ..Default::default() }] {
            assert!(matches!(options.check(), Err(DataError::InvalidOption { .. })));
        }
        assert!(OpenOptions::default().check().is_ok());
    }
}
