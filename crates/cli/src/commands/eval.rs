//! `ganvas eval`.

use burn::tensor::{Device, Tensor};
use ganvas_data::{Dataset, ItemShape, Split};
use ganvas_engine::run::{Loaded, metrics_path};
use ganvas_engine::session;
use ganvas_engine::system::{Likelihood, OBSERVATION_SEED, observed};
use ganvas_metrics::baseline::independent_pixels;
use ganvas_metrics::extractor::{Extractor, extractor_for};
use ganvas_metrics::neighbours::precision_recall;
use ganvas_metrics::points::{count_modes, mmd2_unbiased};
use ganvas_metrics::{Features, Figure, Images, classes, frechet_distance};
use ganvas_nets::noise::Noise;
use ganvas_prob::estimate::Estimate;
use ganvas_prob::stream::{Streams, permutation};
use serde::{Deserialize, Serialize};

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
/// Importance samples of the bound `nll`, and the held-out items it is computed on.
const IMPORTANCE_SAMPLES: usize = 64;
const IMPORTANCE_ITEMS: usize = 1000;

/// Measures a run.
pub fn run(args: &EvalArgs) -> Result<(), CliError> {
    if args.n < 2 || args.n > 100_000 {
        return Err(CliError::usage(format!("`--n` must be 2 to 100000, got {}", args.n), "for example `--n 2000`"));
    }
    let (loaded, device) = load_run(&args.run, &args.device)?;
    let dataset = data_of(&loaded.config)?;
    let mut progress = Progress::new(None, "{spinner} {msg}");
    let figures = measure(&loaded, &dataset, args.n, &device, &mut |text| progress.update(0, text, true));
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

fn measure(
    loaded: &Loaded,
    dataset: &Dataset,
    n: usize,
    device: &Device,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Figure>, CliError> {
    let streams = Streams::new(loaded.config.seed).fork("eval");
    tell(&format!("drawing {n} samples"));
    let fake = session::sample(loaded.model.as_ref(), n, &streams, device);
    let mut figures = match dataset.shape {
        ItemShape::Image { .. } => images(dataset, &Images::new(dataset.shape.planes(), fake), &streams, device, tell)?,
        ItemShape::Points { .. } => points(dataset, fake)?,
    };
    if let Some(model) = loaded.model.likelihood() {
        tell("bounding the likelihood of held-out items");
        figures.extend(likelihood(model, dataset, device));
    }
    Ok(figures)
}

fn images(
    dataset: &Dataset,
    fake: &Images,
    streams: &Streams,
    device: &Device,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Figure>, CliError> {
    let n = fake.len();
    let name = extractor_for(&dataset.id).unwrap_or("mnist");
    let extractor = Extractor::load(name, device)?;
    tell(&format!("comparing features of {}", extractor.label()));
    let (reference, other) = match dataset.test.len {
        0..ENOUGH_REAL => (&dataset.train, &dataset.test),
        _ => (&dataset.test, &dataset.train),
    };
    let some = |split: &Split, name| {
        let order = permutation(&mut streams.rng(name, 0), split.len);
        Images::new(dataset.shape.planes(), split.gather(&order[..n.min(split.len)]))
    };
    let real = extractor.features(&some(reference, "reference"))?;
    let again = extractor.features(&some(other, "floor"))?;
    let train = Images::new(dataset.shape.planes(), dataset.train.first(dataset.train.len));
    let naive = extractor.features(&independent_pixels(&train, n, &streams.fork("pixels"))?)?;
    let features = extractor.features(fake)?;
    let label = |figure: Figure| Figure {
        n_real: Some(real.len()),
        n_fake: Some(n),
        extractor: Some(label_at(&extractor, fake)),
        ..figure
    };
    let mut figures = vec![label(Figure {
        floor: if again.len() > 1 { Some(frechet_distance(&real, &again)?) } else { None },
        baseline: Some(frechet_distance(&real, &naive)?),
        ..Figure::new("ffd", frechet_distance(&real, &features)?)
    })];
    if real.len() > NEIGHBOURS && n > NEIGHBOURS && again.len() > NEIGHBOURS {
        let (precision, recall) = precision_recall(&real, &features, NEIGHBOURS)?;
        let floor = precision_recall(&real, &again, NEIGHBOURS)?;
        let baseline = precision_recall(&real, &naive, NEIGHBOURS)?;
        let figure = |name, value, floor, baseline| {
            label(Figure { floor: Some(floor), baseline: Some(baseline), ..Figure::new(name, value) })
        };
        figures.push(figure("precision", precision, floor.0, baseline.0));
        figures.push(figure("recall", recall, floor.1, baseline.1));
    }
    let known = extractor.classes_count();
    if extractor_for(&dataset.id).is_some() {
        let rarest =
            |labels: &[u32]| classes::class_shares(labels, known).map(|shares| shares.into_iter().fold(1.0, f64::min));
        let floor = reference.labels.as_deref().map(rarest).transpose()?;
        let value = rarest(&extractor.classes(fake)?)?;
        figures.push(label(Figure { floor, ..Figure::new("class_share_min", value) }));
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

fn points(dataset: &Dataset, fake: Vec<f32>) -> Result<Vec<Figure>, CliError> {
    let n = fake.len() / 2;
    let rows = |split: &Split| split.first(n);
    let real = rows(&dataset.test);
    let label = |figure: Figure| Figure { n_real: Some(real.len() / 2), n_fake: Some(n), ..figure };
    let mut figures = Vec::new();
    if let Some(modes) = ganvas_data::modes(&dataset.id) {
        let count = |points: &[f32]| count_modes(points.as_chunks::<2>().0, &modes.centres, modes.sd, modes.spacing);
        let (counts, floor) = (count(&fake)?, count(&real)?);
        for (name, value, floor) in [
            ("covered", counts.covered as f64, floor.covered as f64),
            ("near", counts.near, floor.near),
            ("hq3", counts.hq3, floor.hq3),
        ] {
            figures.push(label(Figure { floor: Some(floor), ..Figure::new(name, value) }));
        }
    }
    let set = |values: Vec<f32>| Features { dims: 2, values };
    let (real_set, again) = (set(real.clone()), set(rows(&dataset.train)));
    let mmd2 = mmd2_unbiased(&real_set, &set(fake))?;
    figures.push(label(Figure { floor: Some(mmd2_unbiased(&real_set, &again)?), ..Figure::new("mmd2", mmd2) }));
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
fn over(rows: &Tensor<2>, at_a_time: usize, mut f: impl FnMut(u64, Tensor<2>) -> Tensor<1>) -> Estimate {
    let n = rows.dims()[0];
    let step = at_a_time.min(n).max(1);
    let mut values: Vec<f64> = Vec::with_capacity(n);
    for (i, start) in (0..n).step_by(step).enumerate() {
        let part = rows.clone().narrow(0, start, step.min(n - start));
        values.extend(f(i as u64, part).to_data().iter::<f64>());
    }
    Estimate::of(&values)
}
