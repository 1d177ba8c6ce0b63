//! How good a system is that enlarges images, on held-out ones: shrunk, enlarged and compared with what they were.

use burn::tensor::Device;
use ganvas_data::Dataset;
use ganvas_engine::enlargement::{Enlarged, Enlargement, GAP, enlarged, strips};
use ganvas_metrics::images::{luma, perc, psnr, ssim};
use ganvas_metrics::{Extractor, Figure, Images, MetricError};
use ganvas_prob::estimate::Estimate;

use crate::error::CliError;
use crate::view;

/// What is measured.
pub const NAMES: [&str; 3] = ["perc", "psnr", "ssim"];
/// An image that is met exactly counts with so many dB: no mean is infinite.
const MOST_DB: f64 = 100.0;
/// Side of the window of the structural similarity.
const WINDOW: usize = 11;
/// Strips in a picture.
const SHOWN: usize = 12;

/// A figure of every image, by the system and by others.
pub struct Compared {
    /// One of [`NAMES`].
    pub name: &'static str,
    /// By the system.
    pub own: Vec<f64>,
    /// By the system as it was before adversarial training, where that is past.
    pub before: Option<Vec<f64>>,
    /// By bicubic interpolation.
    pub bicubic: Vec<f64>,
}

/// The figures of at most `n` held-out images: `perc` on a reference classifier, `psnr` and `ssim` on the luma without a border of as
/// many pixels as the factor, where at least the window of `ssim` is left; smaller images have their border too, and no `ssim` where
/// they are smaller than the window.
pub fn compare(
    model: &dyn Enlargement,
    dataset: &Dataset,
    n: usize,
    extractor: &Extractor,
    device: &Device,
) -> Result<Vec<Compared>, CliError> {
    let planes @ [_, height, width] = dataset.shape.planes();
    let items = dataset.test.first(n);
    let Enlarged { bicubic, before, enlarged, .. } = enlarged(model, &items, dataset.shape, device);
    let side = height.min(width);
    let border = if side >= 2 * model.factor() + WINDOW { model.factor() } else { 0 };
    let measure = |name: &str, real: &Images, found: &Images| -> Result<Vec<f64>, MetricError> {
        Ok(match name {
            "perc" => perc(extractor, real, found)?,
            "psnr" => {
                let found = psnr(&luma(real, border)?, &luma(found, border)?)?;
                found.into_iter().map(|db| db.min(MOST_DB)).collect()
            }
            _ => ssim(&luma(real, border)?, &luma(found, border)?)?,
        })
    };
    let real = Images::new(planes, items);
    let [own, bicubic] = [enlarged, bicubic].map(|values| Images::new(planes, values));
    let before = before.map(|values| Images::new(planes, values));
    let names = NAMES.into_iter().filter(|&name| name != "ssim" || side >= WINDOW);
    names
        .map(|name| {
            let of = |images: &Images| measure(name, &real, images);
            let before = before.as_ref().map(of).transpose()?;
            Ok(Compared { name, own: of(&own)?, before, bicubic: of(&bicubic)? })
        })
        .collect()
}

/// The means as figures, with bicubic interpolation as the baseline; those with `_before` in their name are of the system as it was before
/// adversarial training.
pub fn figures(
    model: &dyn Enlargement,
    dataset: &Dataset,
    n: usize,
    extractor: &Extractor,
    device: &Device,
) -> Result<Vec<Figure>, CliError> {
    let [_, height, width] = dataset.shape.planes();
    let label = match (height, width) == (extractor.side(), extractor.side()) {
        true => extractor.label(),
        false => format!("{}@{height}x{width}", extractor.label()),
    };
    let mut figures = Vec::new();
    for Compared { name, own, before, bicubic } in compare(model, dataset, n, extractor, device)? {
        let baseline = Some(Estimate::of(&bicubic).mean);
        let figure = |name: String, values: &[f64]| {
            let estimate = Estimate::of(values);
            Figure {
                stderr: Some(estimate.stderr).filter(|stderr| stderr.is_finite()),
                n_real: Some(values.len()),
                n_fake: Some(values.len()),
                extractor: name.starts_with("perc").then(|| label.clone()),
                baseline,
                ..Figure::new(name, estimate.mean)
            }
        };
        figures.push(figure(name.into(), &own));
        figures.extend(before.map(|before| figure(format!("{name}_before"), &before)));
    }
    Ok(figures)
}

/// Some held-out images beside what became of them, and a caption.
pub fn picture(model: &dyn Enlargement, dataset: &Dataset, device: &Device) -> Result<(String, Vec<u8>), CliError> {
    let items = dataset.test.first(SHOWN);
    let n = items.len() / dataset.shape.len().max(1);
    let (strips, shape) = strips(model, &items, dataset.shape, device);
    let [channels, height, width] = shape.planes();
    let parts = (width + GAP) / (dataset.shape.planes()[2] + GAP);
    let before = if parts > 4 { "by squared errors alone (before adversarial training), " } else { "" };
    let caption =
        format!("held-out images, shrunk: nearest pixels, bicubic, {before}enlarged by the run; last the truth");
    Ok((caption, view::image_grid(&strips, [n, channels, height, width], None)?))
}
