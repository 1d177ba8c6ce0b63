//! `ganvas upscale`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use ganvas_data::{OpenOptions, images, read_image};
use ganvas_engine::enlargement::{Enlargement, enlarge_in_tiles};

use super::image_files::to_byte;
use super::{enlargement, load_run, weights, write};
use crate::args::UpscaleArgs;
use crate::error::CliError;
use crate::progress::Stages;
use crate::view;

/// Values of the largest image that is made: it is in memory as a whole.
const MOST_VALUES: u64 = 1 << 30;

/// Enlarges files, and names those that cannot be.
pub fn run(args: &UpscaleArgs) -> Result<(), CliError> {
    if args.tile == 0 {
        return Err(CliError::usage("`--tile` must be at least 1, got 0", "for example `--tile 64`"));
    }
    let (loaded, device) = load_run(&args.run, &args.loading)?;
    let model = enlargement(&loaded, &args.run)?;
    let files = named(&files(&args.files)?, &args.out)?;
    let mut stages = Stages::new();
    let mut failed = 0;
    for (to, from) in &files {
        stages.begin(&from.display().to_string(), 0);
        if let Err(error) = enlarge(model, from, to, args.tile, &device) {
            failed += 1;
            stages.say_once(format!("error: {}", error.message));
        }
    }
    drop(stages);
    let (step, weights, done) = (loaded.header.step, weights(loaded.averaged), files.len() - failed);
    let many = if done == 1 { "image" } else { "images" };
    println!(
        "{done} {many}, {} times as large a side, of step {step} by the {weights} weights: {}",
        model.factor(),
        args.out.display()
    );
    match failed {
        0 => Ok(()),
        failed => Err(CliError::failure(format!("{failed} of {} files were not enlarged", files.len()))),
    }
}

/// The files that are asked for, and those of folders.
fn files(asked: &[PathBuf]) -> Result<Vec<PathBuf>, CliError> {
    let mut files = Vec::new();
    for path in asked {
        if path.is_dir() {
            files.extend(images(path)?.into_iter().map(|(_, path)| path))
        } else {
            files.push(path.clone())
        }
    }
    Ok(files)
}

/// Each file by that which is to be written. No two may be written to one, and none may be there.
fn named(files: &[PathBuf], out: &Path) -> Result<BTreeMap<PathBuf, PathBuf>, CliError> {
    let mut named: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for from in files {
        let Some(stem) = from.file_stem() else {
            let message = format!("{} is no file", from.display());
            return Err(CliError::usage(message, "name PNG or JPEG files, or a folder of such"));
        };
        let mut name = stem.to_owned();
        name.push(".png");
        let to = out.join(name);
        if to.exists() {
            let help = "choose another --out, or remove it";
            return Err(CliError::usage(format!("{} exists already", to.display()), help));
        }
        if let Some(other) = named.insert(to.clone(), from.clone()).filter(|other| other != from) {
            let message = format!("{} and {} would both become {}", other.display(), from.display(), to.display());
            return Err(CliError::usage(message, "enlarge them into two folders"));
        }
    }
    Ok(named)
}

fn enlarge(model: &dyn Enlargement, from: &Path, to: &Path, tile: usize, device: &Device) -> Result<(), CliError> {
    let (channels, factor) = (model.channels(), model.factor());
    // Grey becomes three equal channels, and of colours the luma is taken.
    let (shape, image) = read_image(from, &OpenOptions { channels: Some(channels), ..OpenOptions::default() })?;
    let [_, small_height, small_width] = shape.planes();
    let (height, width) = (small_height * factor, small_width * factor);
    if (height as u64).saturating_mul(width as u64).saturating_mul(channels as u64) > MOST_VALUES {
        let message = format!("{} would become {width}x{height} pixels, which are too many", from.display());
        return Err(CliError::failure(message));
    }
    let large = enlarge_in_tiles(model, &image, [channels, small_height, small_width], tile, device, to_byte);
    write(to, &view::image_png(&large, [channels, height, width])?)
}
