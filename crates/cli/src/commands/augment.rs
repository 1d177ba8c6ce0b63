//! `ganvas augment`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use ganvas_data::idx::Idx;
use ganvas_data::{Dataset, ItemShape, Split, Values};
use ganvas_engine::run::Loaded;
use ganvas_engine::session::sample_class;
use ganvas_prob::stream::Streams;

use super::image_files::{Unfinished, save_png, to_byte};
use super::{Reading, conditional, data_of, load_run, open};
use crate::args::{AugmentArgs, AugmentFormat, AugmentTo};
use crate::error::CliError;
use crate::progress::Progress;

/// A data set larger than this is not opened again.
const MOST_BYTES: usize = 16 << 30;

/// Images that are generated at a time: those that a stream gives at once.
const CHUNK: usize = 100;

/// Writes the real images of a data set with as many generated ones of each class as are missing.
pub fn run(args: &AugmentArgs) -> Result<(), CliError> {
    if args.out.exists() {
        let message = format!("{} exists already", args.out.display());
        return Err(CliError::usage(message, "choose another --out, or remove it"));
    }
    let (loaded, device) = load_run(&args.run, &args.loading)?;
    conditional(&loaded, &args.run)?;
    let config = &loaded.config;
    let dataset = match &args.data {
        Some(id) => open(id, &Reading::of(config))?,
        None => data_of(config)?,
    };
    suits(&loaded, &dataset)?;
    let plan = Plan::of(&dataset, args.to)?;
    if plan.items().saturating_mul(dataset.shape.len()) > MOST_BYTES {
        let message = format!("{} images of {} are more than the 16 GiB of a data set", plan.items(), dataset.shape);
        return Err(CliError::usage(message, "a smaller number for --to"));
    }
    let unfinished = Unfinished::beside(&args.out)?;
    let mut progress = Progress::new(Some(plan.items() as u64), "{bar:24} {pos}/{len} {msg}");
    let source = Source { loaded: &loaded, dataset: &dataset, plan: &plan, seed: args.seed, device: &device };
    match args.format {
        AugmentFormat::Png => source.write_png(&unfinished.0, &mut progress)?,
        AugmentFormat::Idx => source.write_idx(&unfinished.0, &mut progress)?,
    }
    progress.finish();
    unfinished.finish(&args.out)?;
    let generated: usize = plan.missing.iter().sum();
    println!("{} real and {generated} generated images: {}", plan.items() - generated, args.out.display());
    for ((name, real), missing) in dataset.class_names.iter().zip(&plan.real).zip(&plan.missing) {
        println!("  {name}: {} real, {missing} generated", real.len());
    }
    Ok(())
}

/// Refuses data that are not of the run's kind.
fn suits(loaded: &Loaded, dataset: &Dataset) -> Result<(), CliError> {
    let run = &loaded.config.data;
    let ItemShape::Image { channels, .. } = dataset.shape else {
        let help = "`ganvas sample --class K --out FILE.npy` draws points of a class";
        return Err(CliError::usage("only images are augmented", help));
    };
    if dataset.shape != run.shape {
        let message = format!("images of {} are not those of the run, which are {}", dataset.shape, run.shape);
        let help = format!("a run trained with `--set channels={channels}` and of the same size");
        return Err(CliError::usage(message, help));
    }
    if dataset.class_names != run.classes {
        let message = format!("the classes {} are not those of the run", dataset.class_names.join(", "));
        return Err(CliError::usage(message, format!("the run has {}", run.classes.join(", "))));
    }
    Ok(())
}

/// What there is of each class, and what is missing.
struct Plan {
    /// The numbers of the real training items.
    real: Vec<Vec<usize>>,
    /// How many are to be generated.
    missing: Vec<usize>,
}

impl Plan {
    fn of(dataset: &Dataset, to: AugmentTo) -> Result<Self, CliError> {
        let mut real = vec![Vec::new(); dataset.class_names.len()];
        for (item, &label) in dataset.train.labels.iter().flatten().enumerate() {
            real[label as usize].push(item);
        }
        let most = real.iter().map(Vec::len).max().unwrap_or(0);
        let wanted = match to {
            AugmentTo::Balanced => most,
            AugmentTo::Each(n) => n,
        };
        let missing: Vec<usize> = real.iter().map(|items| wanted.saturating_sub(items.len())).collect();
        if missing.iter().all(|&n| n == 0) {
            let least = real.iter().map(Vec::len).min().unwrap_or(0);
            let message = format!("nothing is missing: each class has {least} images or more, {wanted} are asked for");
            return Err(CliError::usage(message, format!("a number above {least}, such as `--to {}`", 2 * most)));
        }
        Ok(Self { real, missing })
    }

    fn items(&self) -> usize {
        let real: usize = self.real.iter().map(Vec::len).sum();
        self.missing.iter().fold(real, |sum, &n| sum.saturating_add(n))
    }
}

/// Where images come from.
struct Source<'a> {
    loaded: &'a Loaded,
    dataset: &'a Dataset,
    plan: &'a Plan,
    seed: u64,
    device: &'a Device,
}

impl Source<'_> {
    /// Hands over the images of a class as bytes `[channels, height, width]`, the real ones first, with their number in the class
    /// from 1 and whether they are real.
    fn images(
        &self,
        class: usize,
        mut take: impl FnMut(&[u8], usize, bool) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        for (i, &item) in self.plan.real[class].iter().enumerate() {
            take(&bytes(&self.dataset.train, item, self.dataset.shape), i + 1, true)?;
        }
        let streams = Streams::new(self.seed).fork("augment");
        let Some(model) = self.loaded.model.conditional() else { return Ok(()) };
        let missing = self.plan.missing[class];
        for start in (0..missing).step_by(CHUNK) {
            let values = sample_class(model, class, start..missing.min(start + CHUNK), &streams, self.device);
            for (i, image) in values.chunks_exact(self.dataset.shape.len()).enumerate() {
                let pixels: Vec<u8> = image.iter().map(|&x| to_byte(x)).collect();
                take(&pixels, start + i + 1, false)?;
            }
        }
        Ok(())
    }

    /// A folder for each class, a file for each image.
    fn write_png(&self, folder: &Path, progress: &mut Progress) -> Result<(), CliError> {
        let mut table = Table::new("file")?;
        for (class, (name, inside)) in
            self.dataset.class_names.iter().zip(folders(&self.dataset.class_names)).enumerate()
        {
            let path = folder.join(&inside);
            fs::create_dir(&path).map_err(|e| CliError::io("create", &path, &e))?;
            self.images(class, |pixels, number, real| {
                let file = format!("{}-{number:06}.png", origin(real));
                let path = path.join(&file);
                save_png(&path, pixels, self.dataset.shape.planes())?;
                table.add(&format!("{inside}/{file}"), name, real, progress)
            })?;
        }
        table.write(folder)
    }

    /// Two files with all images and labels, and two with the part that is held out.
    fn write_idx(&self, folder: &Path, progress: &mut Progress) -> Result<(), CliError> {
        let ItemShape::Image { channels: 1, height, width } = self.dataset.shape else {
            let message = format!("an IDX file holds grey images, those of the run are {}", self.dataset.shape);
            return Err(CliError::usage(message, "`--format png`"));
        };
        if self.dataset.class_names.len() > 256 {
            let message =
                format!("an IDX file holds labels up to 255, there are {} classes", self.dataset.class_names.len());
            return Err(CliError::usage(message, "`--format png`"));
        }
        let (mut data, mut labels) = (Vec::new(), Vec::new());
        let mut table = Table::new("item")?;
        for (class, name) in self.dataset.class_names.iter().enumerate() {
            self.images(class, |pixels, _, real| {
                data.extend_from_slice(pixels);
                labels.push(class as u8);
                table.add(&(labels.len() - 1).to_string(), name, real, progress)
            })?;
        }
        let test = &self.dataset.test;
        let held_out = (0..test.len).flat_map(|item| bytes(test, item, self.dataset.shape)).collect();
        let held_out_labels = test.labels.iter().flatten().map(|&label| label as u8).collect();
        for (part, data, labels) in [("train", data, labels), ("t10k", held_out, held_out_labels)] {
            let n = labels.len();
            for (name, idx) in [
                (format!("{part}-images-idx3-ubyte"), Idx { dims: vec![n, height, width], data }),
                (format!("{part}-labels-idx1-ubyte"), Idx { dims: vec![n], data: labels }),
            ] {
                let path = folder.join(name);
                let mut bytes = Vec::new();
                idx.write(&mut bytes)
                    .and_then(|()| fs::write(&path, bytes))
                    .map_err(|e| CliError::io("write", &path, &e))?;
            }
        }
        table.write(folder)
    }
}

/// What each image is.
struct Table {
    rows: csv::Writer<Vec<u8>>,
    count: u64,
}

impl Table {
    /// `first` is what images are called by.
    fn new(first: &str) -> Result<Self, CliError> {
        let mut rows = csv::Writer::from_writer(Vec::new());
        rows.write_record([first, "class", "origin"]).map_err(|e| CliError::failure(e.to_string()))?;
        Ok(Self { rows, count: 0 })
    }

    fn add(&mut self, image: &str, class: &str, real: bool, progress: &mut Progress) -> Result<(), CliError> {
        self.count += 1;
        progress.update(self.count, class, false);
        self.rows.write_record([image, class, origin(real)]).map_err(|e| CliError::failure(e.to_string()))
    }

    fn write(self, folder: &Path) -> Result<(), CliError> {
        let path = folder.join("labels.csv");
        let bytes = self.rows.into_inner().map_err(|e| CliError::failure(e.to_string()))?;
        fs::write(&path, bytes).map_err(|e| CliError::io("write", &path, &e))
    }
}

fn origin(real: bool) -> &'static str {
    if real { "real" } else { "generated" }
}

fn bytes(split: &Split, item: usize, shape: ItemShape) -> Vec<u8> {
    let range = item * shape.len()..(item + 1) * shape.len();
    match &split.values {
        Values::U8(values) => values[range].to_vec(),
        Values::F32(values) => values[range].iter().map(|&x| to_byte(x)).collect(),
    }
}

/// Names of folders for classes: what no folder can be called becomes `_`, and a name that two have gets a number.
fn folders(classes: &[String]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut name_of = |class: &String| {
        let forbidden = |c: char| c.is_control() || r#"/\:*?"<>|"#.contains(c);
        let plain: String = class.chars().map(|c| if forbidden(c) { '_' } else { c }).collect();
        // Folders whose name begins with a dot are passed over when a data set is opened.
        let plain = if plain.is_empty() || plain.starts_with('.') { format!("_{plain}") } else { plain };
        let free = |name: &String| !taken.contains(&name.to_lowercase());
        let name = std::iter::once(plain.clone()).chain((2..).map(|i| format!("{plain}-{i}"))).find(free);
        let name = name.unwrap_or(plain);
        taken.insert(name.to_lowercase());
        name
    };
    classes.iter().map(&mut name_of).collect()
}

#[cfg(test)]
mod tests {
    use super::folders;

    #[test]
    fn classes_get_folders_that_can_be_made_and_are_their_own() {
        let names = ["shirt", "T-shirt/top", "T-shirt_top", "..", "", "Shirt"].map(String::from);
        assert_eq!(folders(&names), ["shirt", "T-shirt_top", "T-shirt_top-2", "_..", "_", "Shirt-2"]);
    }
}
