//! `ganvas metrics`.

use std::path::Path;
use std::sync::Arc;

use burn::tensor::Device;
use ganvas_data::{DataError, Dataset, ImageFolder};
use ganvas_engine::suggest;
use ganvas_metrics::{Extractor, Images};
use ganvas_prob::stream::Streams;

use super::cache::Cache;
use super::extraction::{BLOCK, Extraction, Folder, Items, Seen, see};
use super::limit::{self, product, sum};
use super::measures::{Measures, ON_ANSWERS, wanted};
use super::{Reading, files, open, show};
use crate::args::MetricsArgs;
use crate::device::choose;
use crate::error::CliError;
use crate::progress::Stages;
use crate::view;

/// Measures one sample against another.
pub fn run(args: &MetricsArgs) -> Result<(), CliError> {
    let raw = args.features == "raw" && args.measuring.inception.is_none();
    if args.features != "raw" && !Extractor::names().contains(&args.features.as_str()) {
        let names = [&["raw"], &Extractor::names()[..]].concat();
        let message = format!("there are no features `{}`", args.features);
        return Err(CliError::usage(message, suggest::help(&args.features, &names)));
    }
    if let Some(name) = args.metrics.iter().find(|name| raw && ON_ANSWERS.contains(&name.as_str())) {
        let message = format!("`{name}` is measured on a classifier's answers");
        return Err(CliError::usage(message, "name one: for example `--features mnist`, or `--inception FILE`"));
    }
    let device = choose(&args.device)?.device.inner();
    let extraction = match Extraction::inception(&args.measuring, &device)? {
        Some(inception) => inception,
        None if raw => Extraction::Raw,
        None => Extraction::classifier(&args.features, &device)?,
    };
    let known = extraction.words();
    let usual = ["fd", "kid", "prdc", "is", "class_share_min"].into_iter().filter(|name| known.contains(name));
    let usual: Vec<String> = usual.map(str::to_owned).collect();
    let names = wanted(if args.metrics.is_empty() { &usual } else { &args.metrics }, &known, &extraction)?;
    let streams = Streams::new(args.seed).fork("metrics");
    let mut stages = Stages::new();

    stages.begin("reading", 0);
    let (real, fake) = (Given::find(&args.real, &extraction)?, Given::find(&args.fake, &extraction)?);
    same_items(args, &extraction, &real, &fake)?;
    check_memory(args, &extraction, &names, &real, &fake)?;
    for (given, path) in [(&real, &args.real), (&fake, &args.fake)] {
        if let Given::Folder(Folder { images, .. }) = given
            && images.ignored() > 0
        {
            let (n, path) = (images.ignored(), path.display());
            stages.say_once(format!("note: files in {path} that are no .png, .jpg or .jpeg, left out: {n}"));
        }
    }
    let [_, height, width] = fake.planes();
    let real = given_seen(&extraction, real, &args.real, !args.measuring.no_cache, &device, &mut stages)?;
    let fake = given_seen(&extraction, fake, &args.fake, false, &device, &mut stages)?;
    let intervals = args.measuring.intervals.map(|resamples| resamples as usize);
    let measures = Measures { names: &names, k: args.k, extraction: &extraction, intervals, streams: &streams };
    let mut figures = measures.between(&real, &fake, &mut stages)?;
    for figure in &mut figures {
        figure.n_real = Some(real.len());
        figure.n_fake = Some(fake.len());
        figure.extractor = Some(extraction.label((height, width)));
    }
    drop(stages);
    show(args.json, Some(args.seed), figures.clone(), || print!("{}", view::figures_table(&figures)))?;
    Ok(())
}

/// A sample as it was given, before its values are read.
enum Given<'a> {
    /// An array or rows of numbers, with its shape.
    Array(&'a Path, Vec<usize>),
    Folder(Folder),
    Data(Arc<Dataset>),
}

impl<'a> Given<'a> {
    fn find(path: &'a Path, extraction: &Extraction) -> Result<Self, CliError> {
        let raw = matches!(extraction, Extraction::Raw);
        if path.is_dir() {
            let one_size = |error: DataError| match error {
                error @ DataError::SizeMismatch { .. } => {
                    let help = "figures are of images of one size: bring all of them to it".to_owned();
                    CliError { help: Some(help), ..error.into() }
                }
                error => error.into(),
            };
            let images = ImageFolder::open(path).map_err(one_size)?;
            // A classifier makes all of them grey, or all of them coloured; values as they are must be of one kind.
            let channels = if raw { images.channels()? } else { 1 };
            return Ok(Self::Folder(Folder { images, channels }));
        }
        if raw || path.extension().and_then(|e| e.to_str()) == Some("npy") {
            return Ok(Self::Array(path, files::shape(path)?));
        }
        Ok(Self::Data(open(&path.to_string_lossy(), &Reading::default())?))
    }

    fn len(&self) -> usize {
        match self {
            Self::Array(_, shape) => shape[0],
            Self::Folder(folder) => folder.len(),
            Self::Data(dataset) => Items::len(dataset.as_ref()),
        }
    }

    /// `[channels, height, width]`; rows of numbers have one channel and one row.
    fn planes(&self) -> [usize; 3] {
        match self {
            Self::Array(_, shape) => match shape[1..] {
                [channels, height, width] => [channels, height, width],
                [height, width] => [1, height, width],
                _ => [1, 1, shape[1..].iter().product()],
            },
            Self::Folder(folder) => folder.planes(),
            Self::Data(dataset) => dataset.planes(),
        }
    }

    fn size(&self) -> usize {
        self.planes().iter().product()
    }
}

/// At least two items of each, and values as they are of one number.
fn same_items(args: &MetricsArgs, extraction: &Extraction, real: &Given, fake: &Given) -> Result<(), CliError> {
    for (given, path) in [(real, &args.real), (fake, &args.fake)] {
        if given.len() < 2 {
            let message = format!("{} holds {} items, at least 2 are needed", path.display(), given.len());
            return Err(CliError::failure(message));
        }
    }
    if matches!(extraction, Extraction::Raw) && real.size() != fake.size() {
        let (a, b) = (args.real.display(), args.fake.display());
        let message = format!("items of {a} have {} values, those of {b} {}", real.size(), fake.size());
        return Err(CliError::failure(message));
    }
    Ok(())
}

fn check_memory(
    args: &MetricsArgs,
    extraction: &Extraction,
    names: &[&str],
    real: &Given,
    fake: &Given,
) -> Result<(), CliError> {
    let size = real.size().max(fake.size());
    let figures = limit::Figures {
        names,
        dims: extraction.dims(size),
        classes: extraction.classes().unwrap_or(0),
        k: args.k,
        intervals: args.measuring.intervals.is_some(),
    };
    let need = |n: u64| {
        // Values of 8 bytes, and as they are in the file, until they are seen; or bytes of pixels.
        let values = |given: &Given| match given {
            Given::Array(..) => product(&[n.min(given.len() as u64), given.size() as u64, 12]),
            Given::Folder(_) => 0,
            Given::Data(_) => product(&[given.len() as u64, given.size() as u64]),
        };
        let sets = [real, fake].map(|given| figures.seen(n.min(given.len() as u64).next_multiple_of(BLOCK as u64)));
        let items = [real, fake].map(|given| n.min(given.len() as u64));
        // One after the other.
        let most = values(real).max(values(fake)).max(figures.working(items[0], items[1]));
        sum(&[limit::base(size), extraction.memory(), sets[0], sets[1], most])
    };
    limit::check(args.measuring.limit, real.len().max(fake.len()), need)
}

/// The features of all items that were given; those of images that come from files are kept where `keep` says so.
fn given_seen(
    extraction: &Extraction,
    given: Given,
    path: &Path,
    keep: bool,
    device: &Device,
    stages: &mut Stages,
) -> Result<Seen, CliError> {
    let fingerprint = match &given {
        Given::Folder(folder) if keep => Some(folder.images.fingerprint()?),
        Given::Data(dataset) if keep => Some(dataset.fingerprint.clone()),
        _ => None,
    };
    let cache = fingerprint.map(|of| Cache::new(extraction, &of, "all", device)).transpose()?.flatten();
    stages.begin(&format!("features of {}", path.display()), given.len());
    let array;
    let items: &dyn Items = match &given {
        Given::Array(path, _) => {
            array = self::array(path, extraction)?;
            &array
        }
        Given::Folder(folder) => folder,
        Given::Data(dataset) => dataset.as_ref(),
    };
    see(extraction, items, Items::len(items), cache.as_ref(), stages)
}

/// The items of an array: rows of numbers, or for a classifier images `[n, channels, height, width]` in [-1, 1].
fn array(path: &Path, extraction: &Extraction) -> Result<Images, CliError> {
    let array = files::read(path)?;
    let fault = |what: String| CliError::failure(format!("{}: {what}", path.display()));
    let dims = array.dims();
    let place = |i: usize| format!("value {} of item {} is {}", i % dims, i / dims, array.values[i]);
    if let Some(i) = array.values.iter().position(|&x| !(x as f32).is_finite()) {
        return Err(fault(place(i)));
    }
    let planes = match (extraction, &array.shape[..]) {
        (Extraction::Raw, _) => [1, 1, dims],
        (_, &[_, channels @ (1 | 3), height, width]) => [channels, height, width],
        (_, &[_, height, width]) => [1, height, width],
        _ => {
            return Err(fault(format!(
                "an array of shape {:?} holds no images `[n, 1 or 3, height, width]`",
                array.shape
            )));
        }
    };
    if !matches!(extraction, Extraction::Raw)
        && let Some(i) = array.values.iter().position(|x| !(-1.001..=1.001).contains(x))
    {
        let help = "images are in [-1, 1] here: x / 127.5 - 1 of bytes".to_owned();
        return Err(CliError { help: Some(help), ..fault(place(i)) });
    }
    Ok(Images::new(planes, array.values.into_iter().map(|x| x as f32).collect()))
}
