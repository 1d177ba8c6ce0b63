//! Images of any size as the squares that the classifiers take, grey or coloured.

use crate::{Images, MetricError};

/// Images `from..to` as `[to - from, channels, side, side]`, where there is 1 channel (grey) or 3.
pub(crate) fn to_squares(
    images: &Images,
    from: usize,
    to: usize,
    channels: usize,
    side: usize,
) -> Result<Vec<f32>, MetricError> {
    let mut values = Vec::with_capacity((to - from) * channels * side * side);
    let (height, width) = (images.height, images.width);
    for i in from..to {
        let item = match (images.channels, channels) {
            (1, 3) => images.item(i).repeat(3),
            (3, 3) => images.item(i).to_vec(),
            _ => grey(images.item(i), images.channels)?,
        };
        for plane in item.chunks_exact(height * width) {
            if (height, width) == (side, side) {
                values.extend(plane);
            } else if height % side == 0 && width % side == 0 {
                average(plane, height, width, side, &mut values);
            } else {
                bilinear(plane, height, width, side, &mut values);
            }
        }
    }
    Ok(values)
}

/// Luma by ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B.
pub(crate) fn grey(item: &[f32], channels: usize) -> Result<Vec<f32>, MetricError> {
    match channels {
        1 => Ok(item.to_vec()),
        3 => {
            let (red, rest) = item.split_at(item.len() / 3);
            let (green, blue) = rest.split_at(red.len());
            Ok((0..red.len()).map(|i| 0.299 * red[i] + 0.587 * green[i] + 0.114 * blue[i]).collect())
        }
        channels => Err(MetricError::Channels { channels }),
    }
}

fn average(plane: &[f32], height: usize, width: usize, side: usize, out: &mut Vec<f32>) {
    let (down, across) = (height / side, width / side);
    for y in 0..side {
        for x in 0..side {
            let rows = (y * down..(y + 1) * down).map(|row| &plane[row * width + x * across..][..across]);
            out.push(rows.flatten().sum::<f32>() / (down * across) as f32);
        }
    }
}

fn bilinear(plane: &[f32], height: usize, width: usize, side: usize, out: &mut Vec<f32>) {
    for y in 0..side {
        let (top, bottom, v) = neighbours(y, height, side);
        for x in 0..side {
            let (left, right, u) = neighbours(x, width, side);
            let across = |row: usize| (1.0 - u) * plane[row * width + left] + u * plane[row * width + right];
            out.push((1.0 - v) * across(top) + v * across(bottom));
        }
    }
}

/// The two places of `from` that place `i` of `to` lies between, and its share of the way to the second. Centres of
/// pixels are at half numbers; outside of the outermost centres the border goes on.
fn neighbours(i: usize, from: usize, to: usize) -> (usize, usize, f32) {
    let at = (i as f64 + 0.5) * from as f64 / to as f64 - 0.5;
    let at = at.clamp(0.0, (from - 1) as f64);
    let low = at.floor() as usize;
    (low, (low + 1).min(from - 1), (at - low as f64) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane(height: usize, width: usize, f: impl Fn(usize, usize) -> f32) -> Images {
        let values = (0..height * width).map(|i| f(i / width, i % width)).collect();
        Images { channels: 1, height, width, values }
    }

    fn resized(images: &Images, side: usize) -> Vec<f32> {
        to_squares(images, 0, images.len(), 1, side).unwrap()
    }

    #[test]
    fn the_right_size_is_left_alone() {
        let images = plane(5, 5, |y, x| (y * 5 + x) as f32);
        assert_eq!(resized(&images, 5), images.values);
    }

    #[test]
    fn whole_factors_average_their_tiles() {
        let images = plane(4, 6, |y, x| (10 * y + x) as f32);
        // Tiles of 2 rows and 3 columns: the mean row is 0.5 or 2.5, the mean column 1 or 4.
        assert_eq!(resized(&images, 2), [6.0, 9.0, 26.0, 29.0]);
    }

    /// Linear interpolation keeps a linear ramp where it does not reach over the border: pixel i of `to` has its centre
    /// at (i + 0.5) from / to - 0.5.
    #[test]
    fn ramps_stay_ramps() {
        for (from, to) in [(28, 20), (8, 28), (16, 28)] {
            let images = plane(from, from, |y, x| 2.0 * y as f32 - x as f32);
            let out = resized(&images, to);
            let scale = from as f32 / to as f32;
            let margin = to.div_ceil(from);
            for y in margin..to - margin {
                for x in margin..to - margin {
                    let centre = |i: usize| (i as f32 + 0.5) * scale - 0.5;
                    assert!((out[y * to + x] - (2.0 * centre(y) - centre(x))).abs() < 1e-4, "{from} to {to}");
                }
            }
        }
    }

    /// Two pixels to four by hand: centres at -0.25, 0.25, 0.75, 1.25.
    #[test]
    fn two_pixels_become_four() {
        let images = plane(2, 2, |_, x| x as f32);
        assert_eq!(resized(&images, 4)[..4], [0.0, 0.25, 0.75, 1.0]);
    }

    /// Red, green and blue are each resized like a grey image, and a grey image is all three.
    #[test]
    fn colour_is_resized_plane_by_plane() {
        let grey = plane(4, 6, |y, x| (10 * y + x) as f32);
        let planes = [1.0, -2.0, 3.0].map(|c| grey.values.iter().map(|x| c * x).collect::<Vec<f32>>());
        let images = Images { channels: 3, values: planes.concat(), ..grey.clone() };
        let out = to_squares(&images, 0, 1, 3, 2).unwrap();
        let expected = [1.0, -2.0, 3.0].map(|c| resized(&grey, 2).iter().map(|x| c * x).collect::<Vec<f32>>());
        assert_eq!(out, expected.concat());
        assert_eq!(to_squares(&grey, 0, 1, 3, 2).unwrap(), resized(&grey, 2).repeat(3));
        let two = Images { channels: 2, values: grey.values.repeat(2), ..grey };
        assert!(matches!(to_squares(&two, 0, 1, 3, 2), Err(MetricError::Channels { channels: 2 })));
    }

    #[test]
    fn colour_becomes_luma() {
        let images = Images { channels: 3, height: 1, width: 1, values: vec![1.0, -1.0, 0.5] };
        assert!((resized(&images, 1)[0] - (0.299 - 0.587 + 0.057)).abs() < 1e-6);
        let two = Images { channels: 2, height: 1, width: 1, values: vec![1.0, -1.0] };
        assert!(matches!(to_squares(&two, 0, 1, 1, 1), Err(MetricError::Channels { channels: 2 })));
    }
}
