//! What a run looks like: sample grids, curves, the HTML report and the table in the terminal.
//!
//! Everything here is a pure function that returns bytes or text; the caller writes the files.
//!
//! | file | gives |
//! | --- | --- |
//! | `grid` | a PNG of many images side by side |
//! | `scatter` | a 2-D sample beside the real points, as SVG or PNG; points of the plane by class, as SVG |
//! | `series` | series over their steps, as PNG or SVG |
//! | `plot` | curves over training steps, as SVG |
//! | `density` | a sample of one variable against its law, as SVG |
//! | `bars` | one figure of several runs, as SVG |
//! | `html` | the report and the comparison: one file each that needs nothing else |
//! | `table` | figures as aligned text |
//! | `chart` | what every SVG shares: canvas, legend, ticks |
//! | `explain` | what each figure means, in one line |
//! | `format` | how numbers are written, everywhere |

mod bars;
mod chart;
mod density;
pub mod explain;
pub mod format;
mod grid;
mod html;
mod plot;
mod scatter;
mod series;
mod table;

pub use density::{Sampled, sampled};
pub use grid::image_grid;
pub use html::{Comparison, Episode, Picture, Png, Report, comparison, report};
pub use plot::{CurveOfSeeds, curves, curves_of_seeds};
pub use scatter::{scatter, scatter_classes, scatter_png};
pub use series::{series_png, series_svg};
pub use table::{aligned, compared_table, figures_table};

use ganvas_data::ItemShape;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ImageEncoder, RgbImage};

/// A small PNG of items: a grid of images in so many columns, panels of series, points over the real ones.
pub fn items_png(
    values: &[f32],
    shape: ItemShape,
    columns: Option<usize>,
    real: &[[f32; 2]],
) -> Result<Vec<u8>, ViewError> {
    let n = values.len() / shape.len().max(1);
    match shape {
        ItemShape::Image { channels, height, width } => image_grid(values, [n, channels, height, width], columns),
        ItemShape::Series { steps, channels } => series_png(values, [steps, channels]),
        ItemShape::Points { .. } => scatter_png(real, values.as_chunks::<2>().0),
    }
}

/// Why a picture could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The shape holds no pixel.
    #[error("no image to draw: the shape is {shape:?}")]
    Empty {
        /// `[n, channels, height, width]` as asked for.
        shape: [usize; 4],
    },
    /// Neither grey nor RGB.
    #[error("an image is drawn from 1 or 3 channels, got {got}")]
    Channels {
        /// Number of channels in the shape.
        got: usize,
    },
    /// The values don't fill the shape.
    #[error("{got} values do not fill images of shape {shape:?}")]
    Length {
        /// `[n, channels, height, width]` as asked for.
        shape: [usize; 4],
        /// Number of values given.
        got: usize,
    },
    /// A grid needs a column.
    #[error("a grid needs at least 1 column")]
    NoColumns,
    /// The picture would not fit in memory that a picture deserves.
    #[error("a grid of {n} images of {height}x{width} pixels is too large to draw; draw fewer")]
    TooLarge {
        /// Number of images.
        n: usize,
        /// Height of one of them.
        height: usize,
        /// Width of one of them.
        width: usize,
    },
    /// The encoder refused.
    #[error("cannot encode the PNG: {0}")]
    Png(#[from] image::ImageError),
}

/// A `#rrggbb` colour as bytes.
type Rgb = [u8; 3];

/// Okabe and Ito (2008): told apart with any common colour blindness. Their yellow is left out, for it fades on white.
const PALETTE: [Rgb; 7] = [
    [0x00, 0x72, 0xb2], // blue
    [0xd5, 0x5e, 0x00], // vermillion
    [0x00, 0x9e, 0x73], // bluish green
    [0xcc, 0x79, 0xa7], // reddish purple
    [0xe6, 0x9f, 0x00], // orange
    [0x56, 0xb4, 0xe9], // sky blue
    [0x00, 0x00, 0x00], // black
];

/// Real points: present, and behind the generated ones.
const REAL: Rgb = [0x8c, 0x8c, 0x8c];

/// Generated points.
const FAKE: Rgb = PALETTE[1];

/// A PNG of one image, `[channels, height, width]` with 1 (grey) or 3 (RGB) channels, pixel for pixel.
pub fn image_png(values: &[u8], [channels, height, width]: [usize; 3]) -> Result<Vec<u8>, ViewError> {
    let colour = match channels {
        1 => image::ExtendedColorType::L8,
        3 => image::ExtendedColorType::Rgb8,
        got => return Err(ViewError::Channels { got }),
    };
    let plane = height * width;
    // Pixel by pixel, not plane by plane.
    let pixels: Vec<u8> = (0..plane).flat_map(|at| (0..channels).map(move |c| values[c * plane + at])).collect();
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Adaptive).write_image(
        &pixels,
        width as u32,
        height as u32,
        colour,
    )?;
    Ok(bytes)
}

fn png(image: &RgbImage) -> Result<Vec<u8>, ViewError> {
    let mut bytes = Vec::new();
    // Enlarged pixels repeat the row above, which `Up` turns into zeros.
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::Up).write_image(
        image.as_raw(),
        image.width(),
        image.height(),
        image::ExtendedColorType::Rgb8,
    )?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    /// The names of all opened tags, in order; panics unless every tag is closed in turn.
    pub(super) fn tags(xml: &str) -> Vec<String> {
        let (mut open, mut seen) = (Vec::new(), Vec::new());
        for part in xml.split('<').skip(1) {
            let (tag, text) = part.split_once('>').expect("a tag ends");
            assert!(!text.contains('>'), "unescaped text: {text}");
            match tag.strip_prefix('/') {
                Some(name) => assert_eq!(open.pop().as_deref(), Some(name.trim())),
                None => {
                    let name = tag.split([' ', '/']).next().unwrap_or_default().to_owned();
                    if !tag.ends_with('/') {
                        open.push(name.clone());
                    }
                    seen.push(name);
                }
            }
        }
        assert!(open.is_empty(), "not closed: {open:?}");
        seen
    }
}
