//! Images with their channels last.

/// Channels that are moved together.
const LANES: usize = 8;

/// Where an image lies among the pixels of a larger one.
#[derive(Clone, Copy)]
pub struct Frame {
    /// Channels, height and width of the image.
    pub shape: [usize; 3],
    /// Pixels of a row of the larger one.
    pub columns: usize,
    /// Rows above the image and columns left of it.
    pub offset: usize,
}

impl Frame {
    /// The values of the pixels that row `y` of the image has.
    fn row(&self, y: usize) -> std::ops::Range<usize> {
        let [channels, _, width] = self.shape;
        let from = ((y + self.offset) * self.columns + self.offset) * channels;
        from..from + width * channels
    }

    /// Writes an image `[channels, height, width]` to its pixels.
    #[inline(always)]
    pub fn write(&self, x: &[f32], pixels: &mut [f32]) {
        let [channels, height, width] = self.shape;
        for y in 0..height {
            let row = &mut pixels[self.row(y)];
            let line = |c: usize| &x[(c * height + y) * width..][..width];
            let whole = channels / LANES * LANES;
            for c in (0..whole).step_by(LANES) {
                let lines: [&[f32]; LANES] = std::array::from_fn(|lane| line(c + lane));
                for (i, pixel) in row.chunks_exact_mut(channels).enumerate().take(width) {
                    let values: [f32; LANES] = std::array::from_fn(|lane| lines[lane][i]);
                    pixel[c..c + LANES].copy_from_slice(&values);
                }
            }
            for c in whole..channels {
                for (pixel, &value) in row.chunks_exact_mut(channels).zip(line(c)) {
                    pixel[c] = value;
                }
            }
        }
    }

    /// Reads an image from its pixels, plus a bias for each channel.
    #[inline(always)]
    pub fn read(&self, pixels: &[f32], bias: Option<&[f32]>, x: &mut [f32]) {
        let [channels, height, width] = self.shape;
        for y in 0..height {
            let row = &pixels[self.row(y)];
            for c in 0..channels {
                let line = &mut x[(c * height + y) * width..][..width];
                let offset = bias.map_or(0.0, |bias| bias[c]);
                for (value, pixel) in line.iter_mut().zip(row.chunks_exact(channels)) {
                    *value = pixel[c] + offset;
                }
            }
        }
    }
}
