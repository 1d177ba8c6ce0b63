//! `ganvas eval`.

use burn::tensor::{Device, Tensor};
use ganvas_data::{Dataset, ItemShape, Split};
use ganvas_engine::run::{Loaded, metrics_path};
use ganvas_engine::session;
use ganvas_engine::system::{Likelihood, OBSERVATION_SEED, observed};
use ganvas_metrics::baseline::independent_pixels;
use ganvas_metrics::extractor::{Extractor, extractor_for};
use ganvas_metrics::points::{count_modes, mmd2_unbiased};
use ganvas_metrics::{Features, Figure, Images};
use ganvas_nets::noise::Noise;
use ganvas_prob::estimate::Estimate;
use ganvas_prob::stream::{Streams, permutation};
use serde::{Deserialize, Serialize};

use super::measures::{Measures, ON_ANSWERS, ON_FEATURES, Seen, rarest, wanted};
use super::{data_of, load_run, write};
use crate::args::EvalArgs;
use crate::error::CliError;
use crate::progress::Progress;
use crate::view;

/// What `--json` prints, here and in every command that measures, and `metrics.json` holds. Fields that do not apply are
/// null.
#[derive(Serialize, Deserialize)]
pub struct Evaluation {
    /// The run folder, as it was named.
    pub run: Option<String>,
    /// The system's id.
    pub system: Option<String>,
    /// Steps of the checkpoint that was measured.
    pub step: Option<u64>,
    /// The run's seed.
    pub seed: Option<u64>,
    /// The figures.
    pub metrics: Vec<Figure>,
}

/// A test split smaller than this is too small to compare distributions with: the training split stands in.
const ENOUGH_REAL: usize = 1000;
/// Neighbours of precision and recall (Kynkaanniemi et al. 2019).
const NEIGHBOURS: usize = 3;
/// What is measured on points around known modes.
const ON_MODES: [&str; 3] = ["covered", "near", "hq3"];
/// What is measured of systems that bound the likelihood.
const ON_LIKELIHOOD: [&str; 2] = ["neg_elbo", "nll"];
/// Importance samples of the bound `nll`, and the held-out items it is computed on.
const IMPORTANCE_SAMPLES: usize = 64;
const IMPORTANCE_ITEMS: usize = 1000;

/// Measures a run.
pub fn run(args: &EvalArgs) -> Result<(), CliError> {
    check_count(args.n)?;
    let (loaded, device) = load_run(&args.run, args.checkpoint.into(), &args.device)?;
    let dataset = data_of(&loaded.config)?;
    let mut progress = Progress::new(None, "{spinner} {msg}");
    let streams = Streams::new(loaded.config.seed).fork("eval");
    let tell = &mut |text: &str| progress.update(0, text, true);
    let figures = measure(&loaded, &dataset, args.n, &args.metrics, &streams, &device, tell);
    progress.finish();
    let evaluation = Evaluation {
        run: Some(args.run.display().to_string()),
        system: Some(loaded.config.system.clone()),
        step: Some(loaded.header.step),
        seed: Some(loaded.config.seed),
        metrics: figures?,
    };
    let json = serde_json::to_string(&evaluation).map_err(|e| CliError::failure(e.to_string()))?;
    write(&metrics_path(&args.run), json.as_bytes())?;
    if args.json {
        println!("{json}");
    } else {
        println!("{} on {}, step {}", loaded.config.system, dataset.id, loaded.header.step);
        print!("{}", view::figures_table(&evaluation.metrics));
    }
    Ok(())
}

/// Refuses a number of generated items that nothing can be measured on, or that would not end.
pub fn check_count(n: usize) -> Result<(), CliError> {
    if (2..=100_000).contains(&n) {
        return Ok(());
    }
    Err(CliError::usage(format!("`--n` must be 2 to 100000, got {n}"), "for example `--n 2000`"))
}

/// The figures of a run on `n` samples; `asked` are the words of `--metrics`.
pub fn measure(
    loaded: &Loaded,
    dataset: &Dataset,
    n: usize,
    asked: &[String],
    streams: &Streams,
    device: &Device,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Figure>, CliError> {
    let bounds = loaded.model.likelihood();
    let modes = ganvas_data::modes(&dataset.id);
    let is_image = matches!(dataset.shape, ItemShape::Image { .. });
    let mut known = ON_FEATURES.to_vec();
    known.extend(ON_ANSWERS.into_iter().filter(|_| is_image));
    known.extend(ON_MODES.into_iter().filter(|_| modes.is_some()));
    known.extend(["mmd2"].into_iter().filter(|_| !is_image));
    known.extend(ON_LIKELIHOOD.into_iter().filter(|_| bounds.is_some()));
    let names = wanted(asked, &known)?;
    let usual = names.is_empty();
    let asked = |name: &str| usual || names.contains(&name);

    let mut figures = Vec::new();
    if usual || names.iter().any(|name| !ON_LIKELIHOOD.contains(name)) {
        tell(&format!("drawing {n} samples"));
        let fake = session::sample(loaded.model.as_ref(), n, streams, device);
        figures = if is_image {
            images(dataset, &Images::new(dataset.shape.planes(), fake), &names, streams, device, tell)?
        } else {
            points(dataset, fake, &names, streams, tell)?
        };
    }
    if let Some(model) = bounds.filter(|_| ON_LIKELIHOOD.into_iter().any(asked)) {
        tell("bounding the likelihood of held-out items");
        figures.extend(likelihood(model, dataset, device).into_iter().filter(|figure| asked(&figure.name)));
    }
    Ok(figures)
}

fn images(
    dataset: &Dataset,
    fake: &Images,
    names: &[&str],
    streams: &Streams,
    device: &Device,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Figure>, CliError> {
    let n = fake.len();
    let own = extractor_for(&dataset.id);
    let extractor = Extractor::load(own.unwrap_or("mnist"), device)?;
    tell(&format!("comparing features of {}", extractor.label()));
    let (reference, other) = match dataset.test.len {
        0..ENOUGH_REAL => (&dataset.train, &dataset.test),
        _ => (&dataset.test, &dataset.train),
    };
    let some = |split: &Split, name| {
        let order = permutation(&mut streams.rng(name, 0), split.len);
        Images::new(dataset.shape.planes(), split.gather(&order[..n.min(split.len)]))
    };
    let see = |images: &Images| Seen::by(&extractor, images);
    let (real, again) = (see(&some(reference, "reference"))?, see(&some(other, "floor"))?);
    let train = Images::new(dataset.shape.planes(), dataset.train.first(dataset.train.len));
    let naive = see(&independent_pixels(&train, n, &streams.fork("pixels"))?)?;
    let fake_seen = see(fake)?;

    let fewest = real.len().min(again.len()).min(n);
    let mut usual = vec!["fd"];
    if fewest > NEIGHBOURS {
        usual.extend(["precision", "recall"]);
    }
    if own.is_some() {
        usual.push("class_share_min");
    }
    let names = if names.is_empty() { &usual } else { names };
    let measures = Measures { names, k: NEIGHBOURS, classes: Some(extractor.classes_count()), streams };
    let mut figures = measures.between(&real, &fake_seen, tell)?;
    let floors = if again.len() > NEIGHBOURS { measures.between(&real, &again, &mut |_| {})? } else { Vec::new() };
    let baselines = measures.between(&real, &naive, &mut |_| {})?;
    for (i, figure) in figures.iter_mut().enumerate() {
        figure.floor = floors.get(i).map(|floor| floor.value);
        figure.baseline = baselines.get(i).map(|baseline| baseline.value);
        figure.n_real = Some(real.len());
        figure.n_fake = Some(n);
        figure.extractor = Some(label_at(&extractor, fake));
        if figure.name == "class_share_min" {
            // What the labels say is surer than what the classifier does.
            figure.floor =
                reference.labels.as_deref().map(|labels| rarest(labels, extractor.classes_count())).transpose()?;
            figure.baseline = None;
        }
    }
    Ok(figures)
}

/// The extractor's label, and the side of the images where it is not its own: real and generated images are both
/// resized then, and figures of one side do not compare with those of another.
pub fn label_at(extractor: &Extractor, images: &Images) -> String {
    let side = extractor.side();
    match (images.height, images.width) {
        (height, width) if height == side && width == side => extractor.label(),
        (height, width) => format!("{}@{height}x{width}", extractor.label()),
    }
}

fn points(
    dataset: &Dataset,
    fake: Vec<f32>,
    names: &[&str],
    streams: &Streams,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Figure>, CliError> {
    let n = fake.len() / 2;
    let rows = |split: &Split| split.first(n);
    let real = rows(&dataset.test);
    let asked = |name: &str| names.is_empty() || names.contains(&name);
    let mut figures = Vec::new();
    if let Some(modes) = ganvas_data::modes(&dataset.id) {
        let count = |points: &[f32]| count_modes(points.as_chunks::<2>().0, &modes.centres, modes.sd, modes.spacing);
        let (counts, floor) = (count(&fake)?, count(&real)?);
        for (name, value, floor) in [
            (ON_MODES[0], counts.covered as f64, floor.covered as f64),
            (ON_MODES[1], counts.near, floor.near),
            (ON_MODES[2], counts.hq3, floor.hq3),
        ] {
            if asked(name) {
                figures.push(Figure { floor: Some(floor), ..Figure::new(name, value) });
            }
        }
    }
    let set = |values: Vec<f32>| Features { dims: 2, values };
    let (real, again, fake) = (set(real), set(rows(&dataset.train)), set(fake));
    if asked("mmd2") {
        let floor = Some(mmd2_unbiased(&real, &again)?);
        figures.push(Figure { floor, ..Figure::new("mmd2", mmd2_unbiased(&real, &fake)?) });
    }
    let measures = Measures { names, k: NEIGHBOURS, classes: None, streams };
    let (real, again, fake) = (Seen::raw(real), Seen::raw(again), Seen::raw(fake));
    let floors = measures.between(&real, &again, &mut |_| {})?;
    for (figure, floor) in measures.between(&real, &fake, tell)?.into_iter().zip(floors) {
        figures.push(Figure { floor: Some(floor.value), ..figure });
    }
    for figure in &mut figures {
        figure.n_real = Some(real.len());
        figure.n_fake = Some(n);
    }
    Ok(figures)
}

fn likelihood(model: &dyn Likelihood, dataset: &Dataset, device: &Device) -> Vec<Figure> {
    let streams = Streams::new(OBSERVATION_SEED);
    let noise = |name: &str, step: u64| Noise::new(streams, name, step, device);
    let observe = |split: &Split, name| observed(model, split, split.len, dataset.shape, name, device);
    let (test, train) = (observe(&dataset.test, "test"), observe(&dataset.train, "train"));
    let elbo = over(&test, 500, |i, rows| model.elbo(rows, &noise("elbo", i)));
    let baseline = over(&test, usize::MAX, |_, rows| model.independent(train.clone(), rows));
    let some = test.clone().narrow(0, 0, IMPORTANCE_ITEMS.min(dataset.test.len));
    let bound = over(&some, 250, |i, rows| model.bound(rows, IMPORTANCE_SAMPLES, &noise("bound", i)));
    let some_baseline = over(&some, usize::MAX, |_, rows| model.independent(train.clone(), rows));
    let figure = |name: &str, how: &str, sample: Estimate, baseline: Estimate| Figure {
        stderr: Some(sample.stderr),
        n_real: Some(sample.n),
        extractor: Some(format!("{how}, {}", model.observation())),
        baseline: Some(-baseline.mean),
        ..Figure::new(name, -sample.mean)
    };
    let bound_of = format!("bound of k = {IMPORTANCE_SAMPLES}");
    vec![figure("neg_elbo", "ELBO", elbo, baseline), figure("nll", &bound_of, bound, some_baseline)]
}

/// The mean over rows of a function that is given so many at a time, and how often it was called before.
pub fn over(rows: &Tensor<2>, at_a_time: usize, mut f: impl FnMut(u64, Tensor<2>) -> Tensor<1>) -> Estimate {
    let n = rows.dims()[0];
    let step = at_a_time.min(n).max(1);
    let mut values: Vec<f64> = Vec::with_capacity(n);
    for (i, start) in (0..n).step_by(step).enumerate() {
        let part = rows.clone().narrow(0, start, step.min(n - start));
        values.extend(f(i as u64, part).to_data().iter::<f64>());
    }
    Estimate::of(&values)
}
