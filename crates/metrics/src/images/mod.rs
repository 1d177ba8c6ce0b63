//! Figures on images in [-1, 1]: those that compare image by image with a reference, and the smoothness of a generator.
//!
//! - [`psnr`], [`ssim`], [`ms_ssim`]: on pixels; [`luma`]: those that super-resolution is measured on
//! - [`perc`]: on the layers of a reference classifier
//! - [`path_length`]: how far images move when their latents do a little
//!
//! Images that are compared must be as many and of one shape; each figure is one number for each pair.

mod luma;
mod path_length;
mod perc;
mod psnr;
mod ssim;

pub use luma::luma;
pub use path_length::path_length;
pub use perc::perc;
pub use psnr::psnr;
pub use ssim::{MS_SSIM_WEIGHTS, ms_ssim, ssim};

use crate::items::check_count;
use crate::{Images, MetricError};

/// Largest less smallest value of a pixel.
const RANGE: f64 = 2.0;

/// As many images of the same shape.
fn check_pairs(reference: &Images, images: &Images) -> Result<(), MetricError> {
    reference.check("reference")?;
    images.check("compared")?;
    check_count("reference", reference.len(), 1)?;
    let shape = |x: &Images| (x.len(), x.channels, x.height, x.width);
    if shape(reference) != shape(images) {
        let said = |x: &Images| format!("{} images of {}x{}x{}", x.len(), x.channels, x.height, x.width);
        return Err(MetricError::Unpaired { left: said(reference), right: said(images) });
    }
    Ok(())
}
