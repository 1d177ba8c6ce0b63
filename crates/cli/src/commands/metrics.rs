//! `ganvas metrics`.

use std::path::Path;

use ganvas_engine::suggest;
use ganvas_metrics::{Extractor, Features, Images};
use ganvas_prob::stream::Streams;

use super::measures::{Measures, ON_ANSWERS, ON_FEATURES, Seen, wanted};
use super::{files, open, show};
use crate::args::MetricsArgs;
use crate::commands::eval::label_at;
use crate::device::choose;
use crate::error::CliError;
use crate::progress::Progress;
use crate::view;

/// Measures one sample against another.
pub fn run(args: &MetricsArgs) -> Result<(), CliError> {
    let raw = args.features == "raw";
    if !raw && !Extractor::names().contains(&args.features.as_str()) {
        let names = [&["raw"], &Extractor::names()[..]].concat();
        let message = format!("there are no features `{}`", args.features);
        return Err(CliError::usage(message, suggest::help(&args.features, &names)));
    }
    if let Some(name) = args.metrics.iter().find(|name| raw && ON_ANSWERS.contains(&name.as_str())) {
        let message = format!("`{name}` is measured on a classifier's answers");
        return Err(CliError::usage(message, "name one, for example `--features mnist`"));
    }
    let known = if raw { ON_FEATURES.to_vec() } else { [&ON_FEATURES[..], &ON_ANSWERS].concat() };
    let usual: Vec<String> = ["fd", "kid", "prdc", "is", "class_share_min"].map(str::to_owned).into();
    let names = match args.metrics.as_slice() {
        [] => wanted(if raw { &usual[..3] } else { &usual }, &known)?,
        asked => wanted(asked, &known)?,
    };
    let streams = Streams::new(args.seed).fork("metrics");
    let mut progress = Progress::new(None, "{spinner} {msg}");
    let mut tell = |text: &str| progress.update(0, text, true);

    tell("reading");
    let (real, fake, classes, label) = if raw {
        (Seen::raw(rows(&args.real)?), Seen::raw(rows(&args.fake)?), None, "raw".to_owned())
    } else {
        let (real, fake) = (images(&args.real)?, images(&args.fake)?);
        let extractor = Extractor::load(&args.features, &choose(&args.device)?.device.inner())?;
        tell(&format!("computing features of {}", extractor.label()));
        let label = label_at(&extractor, &fake);
        (Seen::by(&extractor, &real)?, Seen::by(&extractor, &fake)?, Some(extractor.classes_count()), label)
    };
    let measures = Measures { names: &names, k: args.k, classes, streams: &streams };
    let mut figures = measures.between(&real, &fake, &mut tell)?;
    for figure in &mut figures {
        figure.n_real = Some(real.len());
        figure.n_fake = Some(fake.len());
        figure.extractor = Some(label.clone());
    }
    progress.finish();
    show(args.json, Some(args.seed), figures.clone(), || print!("{}", view::figures_table(&figures)))?;
    let (dims, fewest) = (real.features.dims, real.len().min(fake.len()));
    if fewest <= dims && names.iter().any(|name| name.starts_with("fd")) {
        eprintln!(
            "note: {fewest} items of {dims} values: a covariance is singular, and the Frechet distance far above its limit"
        );
    }
    Ok(())
}

/// Items as rows of numbers.
fn rows(path: &Path) -> Result<Features, CliError> {
    if path.is_dir() {
        return Ok(images(path)?.to_features());
    }
    let array = files::read(path)?;
    let dims = array.dims();
    Ok(Features { dims, values: array.values.into_iter().map(|x| x as f32).collect() })
}

/// Images of a folder or data set, both parts of it, or of an array `[n, channels, height, width]` in [-1, 1].
fn images(path: &Path) -> Result<Images, CliError> {
    if path.extension().and_then(|e| e.to_str()) != Some("npy") {
        let dataset = open(&path.to_string_lossy(), 0, 0)?;
        let all = [dataset.train.first(dataset.train.len), dataset.test.first(dataset.test.len)].concat();
        return Ok(Images::new(dataset.shape.planes(), all));
    }
    let array = files::read(path)?;
    let fault = |what: String| CliError::failure(format!("{}: {what}", path.display()));
    let planes = match array.shape[..] {
        [_, channels @ (1 | 3), height, width] => [channels, height, width],
        [_, height, width] => [1, height, width],
        _ => {
            return Err(fault(format!(
                "an array of shape {:?} holds no images `[n, 1 or 3, height, width]`",
                array.shape
            )));
        }
    };
    if let Some(i) = array.values.iter().position(|x| !(-1.001..=1.001).contains(x)) {
        let help = "images are in [-1, 1] here: x / 127.5 - 1 of bytes".to_owned();
        return Err(CliError { help: Some(help), ..fault(format!("value {i} is {}", array.values[i])) });
    }
    Ok(Images::new(planes, array.values.into_iter().map(|x| x as f32).collect()))
}
