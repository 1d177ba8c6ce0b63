//! Images of any size as 299x299, exactly as others do it: the filter alone moves a Frechet inception distance (Parmar
//! et al. 2022, "On aliased resizing and surprising subtleties in GAN evaluation").

use rayon::prelude::*;

use crate::{Images, MetricError};

/// Side of the images that the network takes.
pub(super) const SIDE: usize = 299;

/// How images are brought to 299x299 and to the range of the network.
///
/// Both are within 1e-3 of a grey level of what they are named after, for levels 0 to 255 that are (x + 1) 127.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// As clean-fid does by default: Pillow's bicubic filter, which averages over all pixels where it makes images
    /// smaller, without rounding to whole levels, cut to 0..255; then (level - 128) / 128.
    Clean,
    /// As pytorch-fid does, and clean-fid's `legacy_pytorch`: PyTorch's bilinear interpolation, which leaves pixels out
    /// where it makes images smaller; then 2 level / 255 - 1.
    Legacy,
}

impl Resize {
    /// The word for it: `clean` or `legacy`.
    pub fn name(self) -> &'static str {
        match self {
            Resize::Clean => "clean",
            Resize::Legacy => "legacy",
        }
    }

    /// The images as 299x299 in [-1, 1], with as many channels.
    ///
    /// # Errors
    /// If the images are not whole, not finite, or of other than 1 or 3 channels.
    pub fn resize(self, images: &Images) -> Result<Images, MetricError> {
        check(images)?;
        let values = self.levels(images, 0, images.len()).into_iter().map(|level| level / 127.5 - 1.0).collect();
        Ok(Images::new([images.channels, SIDE, SIDE], values))
    }

    /// Images `from..to`, which are checked, as the network takes them, `[to - from, 3, 299, 299]`.
    pub(super) fn input(self, images: &Images, from: usize, to: usize) -> Vec<f32> {
        let levels = self.levels(images, from, to);
        let planes = levels.chunks_exact(SIDE * SIDE).flat_map(|plane| std::iter::repeat_n(plane, 3 / images.channels));
        match self {
            Resize::Clean => planes.flatten().map(|level| (level - 128.0) / 128.0).collect(),
            Resize::Legacy => planes.flatten().map(|level| level / 127.5 - 1.0).collect(),
        }
    }

    /// Images `from..to` in grey levels, `[to - from, channels, 299, 299]`.
    fn levels(self, images: &Images, from: usize, to: usize) -> Vec<f32> {
        let (rows, columns) = (self.taps(images.height), self.taps(images.width));
        let planes = &images.values[from * images.item_len()..to * images.item_len()];
        let mut levels = vec![0.0; (to - from) * images.channels * SIDE * SIDE];
        planes.par_chunks_exact(images.height * images.width).zip(levels.par_chunks_exact_mut(SIDE * SIDE)).for_each(
            |(plane, out)| {
                let plane: Vec<f32> = plane.iter().map(|x| (x + 1.0) * 127.5).collect();
                down(&across(&plane, images.width, &columns), &rows, out);
            },
        );
        levels
    }

    fn taps(self, from: usize) -> Vec<Taps> {
        match self {
            Resize::Clean => (0..SIDE).map(|i| bicubic(i, from)).collect(),
            Resize::Legacy => (0..SIDE).map(|i| bilinear(i, from)).collect(),
        }
    }
}

/// Images that can be resized: whole, finite, grey or of three colours.
pub(super) fn check(images: &Images) -> Result<(), MetricError> {
    images.check("image")?;
    match images.channels {
        1 | 3 => Ok(()),
        channels => Err(MetricError::Channels { channels }),
    }
}

/// The pixels along one side that an output is a mean of: the first one, and the weight of each.
struct Taps {
    first: usize,
    weights: Vec<f64>,
}

/// Pillow's: Keys' kernel with a = -1/2 (Keys 1981, eq. 4), as much wider as the image gets smaller, cut at the border
/// and then made to sum to one.
fn bicubic(i: usize, from: usize) -> Taps {
    let scale = from as f64 / SIDE as f64;
    let wide = scale.max(1.0);
    let centre = (i as f64 + 0.5) * scale;
    // Rounded by cutting, as a conversion from double to int does in C.
    let first = (centre - 2.0 * wide + 0.5).max(0.0) as usize;
    let end = ((centre + 2.0 * wide + 0.5) as usize).min(from);
    let mut weights: Vec<f64> = (first..end).map(|x| keys((x as f64 - centre + 0.5) / wide)).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum);
    Taps { first, weights }
}

fn keys(x: f64) -> f64 {
    const A: f64 = -0.5;
    let x = x.abs();
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        (((x - 5.0) * x + 8.0) * x - 4.0) * A
    } else {
        0.0
    }
}

/// PyTorch's with `align_corners=False`: between two pixels whose centres are at half numbers. The place is found in
/// single precision as there, since its error is as large as a hundredth of a level.
fn bilinear(i: usize, from: usize) -> Taps {
    let at = (from as f32 / SIDE as f32 * (i as f32 + 0.5) - 0.5).max(0.0);
    let first = (at as usize).min(from - 1);
    let share = f64::from((at - first as f32).min(1.0));
    let weights = if first + 1 < from { vec![1.0 - share, share] } else { vec![1.0] };
    Taps { first, weights }
}

/// Each row to 299 values, `[height, width]` to `[height, 299]`.
fn across(plane: &[f32], width: usize, columns: &[Taps]) -> Vec<f32> {
    let rows = plane.chunks_exact(width);
    rows.flat_map(|row| {
        columns
            .iter()
            .map(|taps| taps.weights.iter().zip(&row[taps.first..]).map(|(w, &x)| w * f64::from(x)).sum::<f64>() as f32)
    })
    .collect()
}

/// Each column to 299 values, `[height, 299]` to `[299, 299]`, cut to levels that there are.
fn down(plane: &[f32], rows: &[Taps], out: &mut [f32]) {
    for (taps, out) in rows.iter().zip(out.chunks_exact_mut(SIDE)) {
        let mut sums = [0.0; SIDE];
        for (w, row) in taps.weights.iter().zip(plane[taps.first * SIDE..].chunks_exact(SIDE)) {
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += w * f64::from(x));
        }
        out.iter_mut().zip(sums).for_each(|(out, sum)| *out = (sum as f32).clamp(0.0, 255.0));
    }
}
