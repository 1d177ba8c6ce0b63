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
/// Images that are enlarged and compared at a time: the memory does not grow with their number.
const BLOCK: usize = 128;
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

/// What is measured beside the system itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Nothing: what else there is stays empty.
    Nothing,
    /// Bicubic interpolation.
    Bicubic,
    /// That, and the system as it was before adversarial training.
    All,
}

/// The figures of at most `n` held-out images: `perc` on a reference classifier, `psnr` and `ssim` on the luma without a border of as
/// many pixels as the factor, where at least the window of `ssim` is left; smaller images have their border too, and no `ssim` where
/// they are smaller than the window.
pub fn compare(
    model: &dyn Enlargement,
    dataset: &Dataset,
    n: usize,
    beside: Beside,
    extractor: &Extractor,
    device: &Device,
) -> Result<Vec<Compared>, CliError> {
    let planes @ [_, height, width] = dataset.shape.planes();
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
    let names = NAMES.into_iter().filter(|&name| name != "ssim" || side >= WINDOW);
    let mut all: Vec<Compared> =
        names.map(|name| Compared { name, own: Vec::new(), before: None, bicubic: Vec::new() }).collect();
    let n = n.min(dataset.test.len);
    for from in (0..n).step_by(BLOCK) {
        let items = dataset.test.gather(&(from..(from + BLOCK).min(n)).collect::<Vec<_>>());
        let Enlarged { bicubic, before, enlarged, .. } = enlarged(model, &items, dataset.shape, device);
        let images = |values: Vec<f32>| Images::new(planes, values);
        let (real, own, bicubic, before) = (images(items), images(enlarged), images(bicubic), before.map(images));
        for Compared { name, own: of_own, before: of_before, bicubic: of_bicubic } in &mut all {
            of_own.extend(measure(name, &real, &own)?);
            if beside != Beside::Nothing {
                of_bicubic.extend(measure(name, &real, &bicubic)?);
            }
            if let Some(before) = before.as_ref().filter(|_| beside == Beside::All) {
                of_before.get_or_insert_default().extend(measure(name, &real, before)?);
            }
        }
    }
    Ok(all)
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
    for Compared { name, own, before, bicubic } in compare(model, dataset, n, Beside::All, extractor, device)? {
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
