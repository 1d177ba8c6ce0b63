//! `ganvas translate`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use ganvas_data::{ItemShape, OpenOptions, read_image};
use ganvas_engine::run::Loaded;
use ganvas_engine::system::{Direction, Translation};
use ganvas_engine::translation::{strips, translated};

use super::encode::extension;
use super::image_files::{Unfinished, save_png, to_byte};
use super::{data_of, files, load_run, weights, write};
use crate::args::TranslateArgs;
use crate::error::CliError;
use crate::progress::Progress;
use crate::view;

/// Images that are read, translated and written at a time.
const BLOCK: usize = 32;
/// The most strips: a picture of them can be looked at.
const MOST: usize = 4096;

/// Translates a folder, or shows how held-out items are translated.
pub fn run(args: &TranslateArgs) -> Result<(), CliError> {
    let out = args.out.clone().unwrap_or_else(|| args.run.join("translate.png"));
    let ending = extension(&out);
    if args.from.is_none() && !matches!(ending.as_deref(), Some("png" | "npy")) {
        let message = format!("`{}` does not end in .png or .npy", out.display());
        return Err(CliError::usage(
            message,
            "the ending chooses the format: a picture of strips, or an array of them",
        ));
    }
    if !(1..=MOST).contains(&args.n) {
        return Err(CliError::usage(format!("`-n` must be 1 to {MOST}, got {}", args.n), "for example `-n 16`"));
    }
    if args.from.is_some() && out.exists() {
        return Err(CliError::usage(format!("{} exists already", out.display()), "choose another --out, or remove it"));
    }
    let (loaded, device) = load_run(&args.run, &args.loading)?;
    let translation = translation(&loaded)?;
    let done = match &args.from {
        Some(from) => {
            let direction = args.direction.map_or(Direction::AToB, Into::into);
            let n = folder(translation, &loaded, (from, &out), direction, &device)?;
            format!("{n} images of {} from {}", from.display(), words(&loaded, &[direction]))
        }
        None => {
            let directions = args.direction.map_or(Direction::ALL.to_vec(), |direction| vec![direction.into()]);
            let (n, bytes) =
                held_out(translation, &loaded, &directions, args.n, ending.as_deref() == Some("npy"), &device)?;
            write(&out, &bytes)?;
            format!("{n} strips of held-out items from {}", words(&loaded, &directions))
        }
    };
    let (step, weights) = (loaded.header.step, weights(loaded.averaged));
    println!("{done}, of step {step} by the {weights} weights: {}", out.display());
    Ok(())
}

/// A run as one that translates.
fn translation(loaded: &Loaded) -> Result<&dyn Translation, CliError> {
    loaded.model.translation().ok_or_else(|| {
        let message = format!("`{}` does not translate", loaded.config.system);
        CliError::usage(message, "train one that does, such as `ganvas train cyclegan --data A --data-b B`")
    })
}

/// `horse to zebra and back the other way`
fn words(loaded: &Loaded, directions: &[Direction]) -> String {
    let name = |domain: usize| loaded.config.data.classes.get(domain).map_or("?", String::as_str);
    let each: Vec<String> =
        directions.iter().map(|direction| format!("{} to {}", name(direction.from()), name(direction.to()))).collect();
    each.join(" and from ")
}

/// Strips of held-out items, and how many.
fn held_out(
    translation: &dyn Translation,
    loaded: &Loaded,
    directions: &[Direction],
    n: usize,
    is_array: bool,
    device: &Device,
) -> Result<(usize, Vec<u8>), CliError> {
    let dataset = data_of(&loaded.config)?;
    let (shape, columns) = (dataset.shape, 3 * directions.len());
    let values = strips(translation, &dataset.test, shape, directions, n, device);
    let [channels, height, width] = shape.planes();
    let images = values.len() / shape.len();
    let n = images / columns;
    let bytes = match is_array {
        true => files::npy(&values, &[n, columns, channels, height, width])?,
        false => view::image_grid(&values, [images, channels, height, width], Some(columns))?,
    };
    Ok((n, bytes))
}

/// Translates every image of a folder into another; how many.
fn folder(
    translation: &dyn Translation,
    loaded: &Loaded,
    (from, out): (&Path, &Path),
    direction: Direction,
    device: &Device,
) -> Result<usize, CliError> {
    let shape = loaded.config.data.shape;
    let images = named(ganvas_data::images(from)?)?;
    let [channels, height, width] = shape.planes();
    // What is no square was not brought to its size: images have to have it.
    let options = OpenOptions {
        resolution: (height == width).then_some(height),
        channels: Some(channels),
        ..OpenOptions::default()
    };
    let unfinished = Unfinished::beside(out)?;
    let mut progress = Progress::new(Some(images.len() as u64), "{bar:24} {pos}/{len} {msg}");
    let mut done = 0;
    for block in images.chunks(BLOCK) {
        let mut values = Vec::with_capacity(block.len() * shape.len());
        for (_, path) in block {
            values.extend(read(path, shape, &options)?);
        }
        let made = translated(translation, &values, shape, direction, device);
        for ((name, _), image) in block.iter().zip(made.chunks_exact(shape.len())) {
            let path = unfinished.0.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(|e| CliError::io("create", parent, &e))?;
            }
            let bytes: Vec<u8> = image.iter().map(|&x| to_byte(x)).collect();
            save_png(&path, &bytes, shape.planes())?;
            done += 1;
            progress.update(done as u64, &name.display().to_string(), false);
        }
    }
    progress.finish();
    unfinished.finish(out)?;
    Ok(done)
}

/// The images with the names that they get, which no two may share.
fn named(images: Vec<(String, PathBuf)>) -> Result<Vec<(PathBuf, PathBuf)>, CliError> {
    let mut taken: BTreeMap<PathBuf, String> = BTreeMap::new();
    let mut all = Vec::with_capacity(images.len());
    for (relative, path) in images {
        let name = Path::new(&relative).with_extension("png");
        if let Some(other) = taken.insert(name.clone(), relative.clone()) {
            let message = format!("{other} and {relative} would both become {}", name.display());
            return Err(CliError::usage(message, "rename one of them"));
        }
        all.push((name, path));
    }
    Ok(all)
}

fn read(path: &Path, shape: ItemShape, options: &OpenOptions) -> Result<Vec<f32>, CliError> {
    let (found, values) = read_image(path, options)?;
    if found != shape {
        let message = format!("{} is {found}, the run was trained on {shape}", path.display());
        return Err(CliError::usage(message, "images of that size, or a run trained with `--set resolution=N`"));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_but_for_their_endings_and_are_not_shared() {
        let images = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), name.into())).collect::<Vec<_>>();
        let found = named(images(&["a.JPG", "in/b.c.jpeg", "in/a.png"])).unwrap();
        let names: Vec<&Path> = found.iter().map(|(name, _)| name.as_path()).collect();
        assert_eq!(names, ["a.png", "in/b.c.png", "in/a.png"].map(Path::new));
        let error = named(images(&["a.jpg", "a.png"])).unwrap_err();
        assert_eq!((error.code, error.message.as_str()), (2, "a.jpg and a.png would both become a.png"));
    }
}
