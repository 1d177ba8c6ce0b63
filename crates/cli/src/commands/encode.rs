//! `ganvas encode`.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use ganvas_data::{Dataset, ItemShape, Split};
use ganvas_engine::config::RunConfig;
use ganvas_engine::run::Loaded;
use ganvas_engine::system::{Autoencoder, to_device};

use super::{Reading, data_of, files, load_run, open, weights, write};
use crate::args::{CodedArgs, EncodeArgs, SplitArg};
use crate::error::CliError;
use crate::view;

/// Items that pass an encoder at a time.
const BLOCK: usize = 500;

/// Writes the codes of items.
pub fn run(args: &EncodeArgs) -> Result<(), CliError> {
    let format = match extension(&args.out).as_deref() {
        Some("npy") => Format::Npy,
        Some("csv") => Format::Csv,
        Some("svg") => Format::Svg,
        _ => {
            let message = format!("`{}` does not end in .npy, .csv or .svg", args.out.display());
            return Err(CliError::usage(
                message,
                "the ending chooses the format: an array, a table, or a plot of codes",
            ));
        }
    };
    let (loaded, device) = load_run(&args.run, &args.loading)?;
    let autoencoder = autoencoder(&loaded)?;
    let size = autoencoder.code_size();
    if matches!(format, Format::Svg) && size != 2 {
        let message = format!("codes of {size} values are not drawn in the plane");
        return Err(CliError::usage(
            message,
            "end --out in .npy or .csv, or train with 2, for example `--set latent=2`",
        ));
    }
    let items = Items::of(&loaded.config, &args.items, None)?;
    let codes = codes(autoencoder, &loaded.config, &items, &device)?;
    let bytes = match format {
        Format::Npy => files::npy(&codes, &[items.count, size])?,
        Format::Csv => csv(&codes, size, &items)?,
        Format::Svg => scatter(&codes, &items, &loaded.config.system).into_bytes(),
    };
    write(&args.out, &bytes)?;
    let (step, weights) = (loaded.header.step, weights(loaded.averaged));
    println!(
        "codes of {}, {size} values each, by the {weights} weights of step {step}: {}",
        items.words(),
        args.out.display()
    );
    Ok(())
}

/// The codes of items, one after the other.
fn codes(
    autoencoder: &dyn Autoencoder,
    config: &RunConfig,
    items: &Items,
    device: &Device,
) -> Result<Vec<f32>, CliError> {
    let mut codes = Vec::with_capacity(items.count * autoencoder.code_size());
    for rows in items.blocks() {
        let classes = classes(autoencoder.codes_by_class(), config, items, &rows)?;
        let block = to_device(items.values(&rows), items.dataset.shape, device);
        codes.extend(autoencoder.encode(block, classes.as_deref()).to_data().iter::<f32>());
    }
    Ok(codes)
}

fn scatter(codes: &[f32], items: &Items, system: &str) -> String {
    view::scatter_classes(&format!("codes of {} by {system}", items.words()), &by_class(codes, items))
}

/// Where the codes of the first `n` test items lie in the plane, as an SVG; none where codes are of other than two values.
pub(super) fn plot(
    autoencoder: &dyn Autoencoder,
    config: &RunConfig,
    n: usize,
    device: &Device,
) -> Result<Option<String>, CliError> {
    if autoencoder.code_size() != 2 {
        return Ok(None);
    }
    let items = Items::test(config, n)?;
    let codes = codes(autoencoder, config, &items, device)?;
    Ok(Some(scatter(&codes, &items, &config.system)))
}

enum Format {
    Npy,
    Csv,
    Svg,
}

/// The ending of a file's name, in small letters.
pub(super) fn extension(path: &Path) -> Option<String> {
    path.extension().map(|ending| ending.to_string_lossy().to_lowercase())
}

/// The system of a run as an autoencoder.
pub(super) fn autoencoder(loaded: &Loaded) -> Result<&dyn Autoencoder, CliError> {
    loaded.model.autoencoder().ok_or_else(|| {
        let message = format!("`{}` is no autoencoder: it has no codes", loaded.config.system);
        CliError::usage(message, "train one that has, such as `ganvas train vae` or `ganvas train aae`")
    })
}

/// The class of each item, where the networks want to be told it.
pub(super) fn classes(
    wanted: bool,
    config: &RunConfig,
    items: &Items,
    rows: &Range<usize>,
) -> Result<Option<Vec<usize>>, CliError> {
    if !wanted {
        return Ok(None);
    }
    let (id, known) = (&items.dataset.id, config.data.classes.len());
    let help = "name data with the classes of the run, or none for those of the run";
    let Some(labels) = items.labels(rows) else {
        return Err(CliError::usage(format!("the networks have to be told classes, and {id} has none"), help));
    };
    match labels.iter().find(|&&label| label >= known) {
        Some(label) => Err(CliError::usage(format!("an item of {id} is of class {label}, the run has {known}"), help)),
        None => Ok(Some(labels)),
    }
}

/// The first items of a part of a data set.
pub(super) struct Items {
    /// The data, in the run's shape.
    pub dataset: Arc<Dataset>,
    split: SplitArg,
    /// How many of them.
    pub count: usize,
}

impl Items {
    /// Of the data that are asked for, or those of the run, brought to its shape; as many as are asked for, or `usual`, or
    /// all.
    pub fn of(config: &RunConfig, asked: &CodedArgs, usual: Option<usize>) -> Result<Self, CliError> {
        if asked.n == Some(0) {
            return Err(CliError::usage("`-n` must be at least 1, got 0", "for example `-n 1000`"));
        }
        let dataset = match &asked.data {
            Some(id) => open_as(id, config)?,
            None => data_of(config)?,
        };
        let mut items = Self { dataset, split: asked.split, count: 0 };
        let there = items.part().len;
        items.count = asked.n.or(usual).map_or(there, |n| n.min(there));
        Ok(items)
    }

    /// The first `n` test items of a run's data.
    pub fn test(config: &RunConfig, n: usize) -> Result<Self, CliError> {
        Self::of(config, &CodedArgs { data: None, split: SplitArg::Test, n: Some(n) }, None)
    }

    fn part(&self) -> &Split {
        match self.split {
            SplitArg::Train => &self.dataset.train,
            SplitArg::Test => &self.dataset.test,
        }
    }

    /// The rows in groups, so that never all of them are on the device.
    pub fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let count = self.count;
        (0..count).step_by(BLOCK).map(move |from| from..(from + BLOCK).min(count))
    }

    /// The values of some rows.
    pub fn values(&self, rows: &Range<usize>) -> Vec<f32> {
        self.part().gather(&rows.clone().collect::<Vec<_>>())
    }

    /// The class of each row, where there are classes.
    pub fn labels(&self, rows: &Range<usize>) -> Option<Vec<usize>> {
        let labels = self.part().labels.as_ref()?;
        Some(labels[rows.clone()].iter().map(|&label| label as usize).collect())
    }

    /// `10,000 test items of mnist`
    pub fn words(&self) -> String {
        let part = match self.split {
            SplitArg::Train => "training",
            SplitArg::Test => "test",
        };
        let many = if self.count == 1 { "item" } else { "items" };
        format!("{} {part} {many} of {}", view::format::count(self.count), self.dataset.id)
    }
}

/// A data set as the run takes it: images of its side and channels.
fn open_as(id: &str, config: &RunConfig) -> Result<Arc<Dataset>, CliError> {
    let wanted = config.data.shape;
    let (side, channels) = match wanted {
        // The transform makes squares.
        ItemShape::Image { channels, height, width } => (if height == width { height } else { 0 }, channels),
        _ => (0, 0),
    };
    let dataset = open(id, &Reading { resolution: side, channels, window: config.window, crop: 0 })?;
    if dataset.shape != wanted {
        let message = format!("items of {id} have shape {}, the run was trained on {wanted}", dataset.shape);
        return Err(CliError::usage(message, "name data of that shape, or none for those of the run"));
    }
    Ok(dataset)
}

/// A line for each item: its code and, where it is known, its class.
fn csv(codes: &[f32], size: usize, items: &Items) -> Result<Vec<u8>, CliError> {
    let fault = |e: csv::Error| CliError::failure(format!("cannot make the table: {e}"));
    let labels = items.labels(&(0..items.count));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let label = labels.is_some().then(|| "label".to_owned());
    writer.write_record((1..=size).map(|i| format!("z{i}")).chain(label)).map_err(fault)?;
    for (i, code) in codes.chunks_exact(size).enumerate() {
        let label = labels.as_ref().map(|labels| items.dataset.class_names[labels[i]].clone());
        writer.write_record(code.iter().map(f32::to_string).chain(label)).map_err(fault)?;
    }
    writer.into_inner().map_err(|e| CliError::failure(format!("cannot make the table: {e}")))
}

/// Codes of the plane, by class.
fn by_class(codes: &[f32], items: &Items) -> Vec<(String, Vec<[f32; 2]>)> {
    let points = codes.as_chunks::<2>().0;
    let Some(labels) = items.labels(&(0..items.count)) else { return vec![("codes".into(), points.to_vec())] };
    let mut sets: Vec<(String, Vec<[f32; 2]>)> =
        items.dataset.class_names.iter().map(|name| (name.clone(), Vec::new())).collect();
    for (&point, label) in points.iter().zip(labels) {
        sets[label].1.push(point);
    }
    sets.retain(|(_, points)| !points.is_empty());
    sets
}
