//! `ganvas metrics`.

use std::path::Path;

use ganvas_engine::suggest;
use ganvas_metrics::features::{SPLITS, Similarity, frechet_infinity, inception_score, kid, kid_subsets, vendi_score};
use ganvas_metrics::neighbours::{copies, prdc, two_sample_test};
use ganvas_metrics::{Extractor, Features, Figure, Images, classes, frechet_distance};
use ganvas_prob::stream::Streams;

use super::{files, open};
use crate::args::MetricsArgs;
use crate::commands::eval::Evaluation;
use crate::device::choose;
use crate::error::CliError;
use crate::progress::Progress;
use crate::view;

/// What can be measured; the words of `--metrics`.
const NAMES: [&str; 9] = ["fd", "fd_infinity", "kid", "prdc", "c2st", "vendi", "copies", "is", "class_share_min"];
/// Subsets of the kernel distance and their size, as it is commonly reported.
const SUBSETS: usize = 100;
const SUBSET: usize = 1000;
/// Sizes that the Frechet distance is extrapolated from (Chong and Forsyth 2020).
const POINTS: usize = 15;

/// Measures one sample against another.
pub fn run(args: &MetricsArgs) -> Result<(), CliError> {
    let raw = args.features == "raw";
    if !raw && !Extractor::names().contains(&args.features.as_str()) {
        let names = [&["raw"], &Extractor::names()[..]].concat();
        let message = format!("there are no features `{}`", args.features);
        return Err(CliError::usage(message, suggest::help(&args.features, &names)));
    }
    // On a classifier's features the Frechet distance is called so.
    let asked: Vec<&str> = args.metrics.iter().map(|name| if name == "ffd" { "fd" } else { name.as_str() }).collect();
    for name in &asked {
        if !NAMES.contains(name) {
            return Err(CliError::usage(format!("there is no metric `{name}`"), suggest::help(name, &NAMES)));
        }
        if raw && matches!(*name, "is" | "class_share_min") {
            let message = format!("`{name}` is measured on a classifier's answers");
            return Err(CliError::usage(message, "name one, for example `--features mnist`"));
        }
    }
    let wanted = |name: &str| match asked.as_slice() {
        [] => matches!(name, "fd" | "kid" | "prdc") || !raw && matches!(name, "is" | "class_share_min"),
        asked => asked.contains(&name),
    };
    let streams = Streams::new(args.seed).fork("metrics");
    let mut progress = Progress::new(None, "{spinner} {msg}");
    let mut tell = |text: &str| progress.update(0, text, true);

    tell("reading");
    let mut extractor = None;
    let (real, fake, answers) = if raw {
        (rows(&args.real)?, rows(&args.fake)?, None)
    } else {
        let (real, fake) = (images(&args.real)?, images(&args.fake)?);
        let network = Extractor::load(&args.features, &choose(&args.device)?.device.inner())?;
        tell(&format!("computing features of {}", network.label()));
        let answers = (network.logits(&fake)?, network.classes(&fake)?);
        let features = (network.features(&real)?, network.features(&fake)?);
        let label = super::eval::label_at(&network, &fake);
        extractor = Some((network.classes_count(), label));
        (features.0, features.1, Some(answers))
    };
    let (n_real, n_fake) = (real.len(), fake.len());

    let mut figures = Vec::new();
    if wanted("fd") {
        tell("Frechet distance");
        figures.push(Figure::new(if raw { "fd" } else { "ffd" }, frechet_distance(&real, &fake)?));
    }
    if wanted("fd_infinity") {
        tell("Frechet distance, extrapolated");
        let value = frechet_infinity(&real, &fake, POINTS, &streams)?;
        figures.push(Figure::new(if raw { "fd_infinity" } else { "ffd_infinity" }, value));
    }
    if wanted("kid") {
        tell("kernel distance");
        let name = if raw { "mmd2_cubic" } else { "fkd" };
        figures.push(if n_real.min(n_fake) >= SUBSET {
            let estimate = kid_subsets(&real, &fake, SUBSETS, SUBSET, &streams)?;
            Figure { stderr: Some(estimate.stderr), ..Figure::new(name, estimate.mean) }
        } else {
            Figure::new(name, kid(&real, &fake)?)
        });
    }
    if wanted("prdc") {
        tell("neighbours");
        let found = prdc(&real, &fake, args.k)?;
        figures.push(Figure::new("precision", found.precision));
        figures.push(Figure::new("recall", found.recall));
        figures.push(Figure::new("density", found.density));
        figures.push(Figure::new("coverage", found.coverage));
    }
    if wanted("c2st") {
        tell("two-sample test");
        let found = two_sample_test(&real, &fake)?;
        figures.push(Figure::new("c2st", found.accuracy));
        figures.push(Figure::new("c2st_real", found.real));
        figures.push(Figure::new("c2st_fake", found.fake));
    }
    if wanted("vendi") {
        tell("Vendi score");
        figures.push(Figure::new("vendi", vendi_score(&fake, Similarity::Cosine)?));
    }
    if wanted("copies") {
        tell("copies");
        figures.push(Figure::new("copies", copies(&real, &fake, 1)?));
    }
    if let (Some((logits, labels)), Some((known, _))) = (&answers, &extractor) {
        if wanted("is") {
            let found = inception_score(logits, SPLITS, &streams)?;
            let stderr = found.sd / (SPLITS as f64 - 1.0).sqrt();
            figures.push(Figure { stderr: Some(stderr), ..Figure::new("classifier_score", found.mean) });
        }
        if wanted("class_share_min") {
            let shares = classes::class_shares(labels, *known)?;
            figures.push(Figure::new("class_share_min", shares.into_iter().fold(1.0, f64::min)));
        }
    }
    for figure in &mut figures {
        figure.n_real = Some(n_real);
        figure.n_fake = Some(n_fake);
        figure.extractor = Some(extractor.as_ref().map_or_else(|| "raw".into(), |(_, label)| label.clone()));
    }
    progress.finish();
    if args.json {
        let object = Evaluation { run: None, system: None, step: None, seed: Some(args.seed), metrics: figures };
        println!("{}", serde_json::to_string(&object).map_err(|e| CliError::failure(e.to_string()))?);
    } else {
        print!("{}", view::figures_table(&figures));
    }
    let dims = real.dims;
    if n_real.min(n_fake) <= dims && (wanted("fd") || wanted("fd_infinity")) {
        eprintln!(
            "note: {} items of {dims} values: the covariances are singular, and the Frechet distance is far above its limit",
            n_real.min(n_fake)
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
