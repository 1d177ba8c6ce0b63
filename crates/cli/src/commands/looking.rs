//! What a report shows of the codes of a run, and of what it enlarges.

use std::path::Path;

use super::{data_of, encode, enlarged, interpolate, load_run, reconstruct, traverse};
use crate::args::{CheckpointArg, LoadingArgs};
use crate::error::CliError;
use crate::view::Picture;

/// Items above their reconstructions.
const PAIRS: usize = 24;
/// Ways from item to item.
const WAYS: usize = 6;
/// Codes that are traversed.
const CODES: usize = 12;
/// Items in a plot of two latents.
const POINTS: usize = 3000;

/// Reconstructions, what lies between items, codes one by one or the plane of two of them, and where items lie in it; nothing of a
/// system without codes.
pub fn pictures(folder: &Path) -> Result<Vec<Picture>, CliError> {
    let how = LoadingArgs { checkpoint: CheckpointArg::Latest, raw: false, device: "flex".into() };
    let (loaded, device) = load_run(folder, &how)?;
    let mut found = Vec::new();
    if let Some(model) = loaded.model.enlargement() {
        let (caption, bytes) = enlarged::picture(model, &*data_of(&loaded.config)?, &device)?;
        found.push(Picture::Png(caption, bytes));
    }
    let png = |(caption, bytes): (String, Vec<u8>)| Picture::Png(caption, bytes);
    if let Some(autoencoder) = loaded.model.autoencoder() {
        let config = &loaded.config;
        found.push(png(reconstruct::picture(autoencoder, config, PAIRS, &device)?));
        if config.data.test > 1 && config.data.shape.planes()[1] > 1 {
            found.push(png(interpolate::picture(autoencoder, config, WAYS, &device)?));
        }
        let plot = encode::plot(autoencoder, config, POINTS, &device)?;
        found.extend(plot.map(|svg| Picture::Svg("where held-out items lie".into(), svg)));
    }
    found.extend(traverse::picture(&loaded, CODES, &device)?.map(png));
    Ok(found)
}
