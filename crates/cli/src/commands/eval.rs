//! `ganvas eval`.

use burn::tensor::Device;
use ganvas_data::{Dataset, ItemShape, Split};
use ganvas_engine::run::{Loaded, metrics_path};
use ganvas_metrics::extractor::extractor_for;
use ganvas_metrics::interval::of_mean;
use ganvas_metrics::points::{count_modes, mmd2_unbiased};
use ganvas_metrics::{Extractor, Features, Figure, MetricError};
use ganvas_prob::stream::Streams;
use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::extraction::{BLOCK, Extraction, Items, Ordered, Pixels, Samples, Seen, classifier_for, see};
use super::likelihood;
use super::limit::{self, product, sum};
use super::measures::{LEVEL, Measures, ON_FEATURES, rarest, share, wanted};
use super::{data_of, load_run, sampler, series, weights, write};
use super::{disentangle, enlarged, translated};
use crate::args::{EvalArgs, MeasuringArgs};
use crate::error::CliError;
use crate::progress::Stages;
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
    /// Which weights the samples were drawn from: "averaged" or "trained".
    #[serde(default)]
    pub weights: Option<String>,
    /// The law that codes were drawn by, where that is not the system's own.
    #[serde(default)]
    pub sampler: Option<String>,
    /// The run's seed.
    pub seed: Option<u64>,
    /// The figures.
    pub metrics: Vec<Figure>,
    /// The mean divergence of each latent from the prior, in nats, where it was measured.
    #[serde(default)]
    pub kl_per_latent: Option<Vec<f64>>,
}

/// A test split smaller than this is too small to compare distributions with: the training split stands in.
const ENOUGH_REAL: usize = 1000;
/// Neighbours of precision and recall (Kynkaanniemi et al. 2019).
const NEIGHBOURS: usize = 3;
/// What is measured on points around known modes.
const ON_MODES: [&str; 3] = ["covered", "near", "hq3"];
/// Generated items where no number is asked for.
const SAMPLES: usize = 2000;

/// Measures a run.
pub fn run(args: &EvalArgs) -> Result<(), CliError> {
    let (loaded, device) = load_run(&args.run, &args.loading)?;
    let extraction = Extraction::of(&loaded.config.data, &args.measuring, &device)?;
    let (n, bounds) = match args.nll {
        true => (SAMPLES, likelihood::Asked { k: args.k, n: args.n.unwrap_or(likelihood::ITEMS) }),
        false => (args.n.unwrap_or(SAMPLES), likelihood::Asked { k: args.k, ..Default::default() }),
    };
    bounds.check()?;
    let names = if args.nll { &likelihood::NAMES.map(str::to_owned)[..] } else { &args.metrics };
    if args.nll && loaded.model.likelihood().is_none() {
        let message = format!("`{}` bounds no likelihood", loaded.config.system);
        return Err(CliError::usage(message, "leave `--nll` out, or train one that does, such as `ganvas train vae`"));
    }
    let plan = Plan { bounds, ..Plan::new(&loaded, n, names, &args.measuring, &extraction)? };
    let dataset = data_of(&loaded.config)?;
    let loaded = sampler::apply(args.sampler, loaded, &dataset, &device)?;
    let mut stages = Stages::new();
    let streams = Streams::new(loaded.config.seed).fork("eval");
    let reals = plan.reals(&dataset, &streams, &device, &mut stages)?;
    let Measured { figures, per_latent } =
        plan.measure(&loaded, &dataset, reals.as_ref(), &streams, &device, &mut stages)?;
    drop(stages);
    let evaluation = Evaluation {
        run: Some(args.run.display().to_string()),
        system: Some(loaded.config.system.clone()),
        step: Some(loaded.header.step),
        weights: Some(weights(loaded.averaged).into()),
        sampler: args.sampler.word(),
        seed: Some(loaded.config.seed),
        metrics: figures,
        kl_per_latent: per_latent,
    };
    let json = serde_json::to_string(&evaluation).map_err(|e| CliError::failure(e.to_string()))?;
    write(&metrics_path(&args.run), json.as_bytes())?;
    if args.json {
        println!("{json}");
    } else {
        let weights = weights(loaded.averaged);
        let by = evaluation.sampler.as_ref().map_or(String::new(), |law| format!(", codes by {law}"));
        println!("{} on {}, step {}, {weights} weights{by}", loaded.config.system, dataset.name(), loaded.header.step);
        print!("{}", view::figures_table(&evaluation.metrics));
        let bound = evaluation.metrics.iter().find(|figure| figure.name == "nll");
        if let Some(how) = bound.and_then(|figure| figure.extractor.as_ref()).filter(|_| args.nll) {
            println!("nll: {how}; figures but bits_per_dim and mse are in nats per item");
        }
        if let (true, Some(per_latent)) = (args.nll, &evaluation.kl_per_latent) {
            let mut sorted = per_latent.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let words: Vec<String> = sorted.iter().map(|&kl| view::format::number(kl)).collect();
            println!("KL per latent, nats, largest first: {}", words.join(" "));
        }
    }
    Ok(())
}

/// Refuses a number of generated items that nothing can be measured on.
pub fn check_count(n: usize) -> Result<(), CliError> {
    if n >= 2 {
        return Ok(());
    }
    Err(CliError::usage(format!("`--n` must be at least 2, got {n}"), "for example `--n 2000`"))
}

/// What is measured of a run, settled before any work.
pub struct Plan<'a> {
    names: Vec<&'a str>,
    n: usize,
    /// How the likelihood is bounded.
    pub bounds: likelihood::Asked,
    is_image: bool,
    enlarges: bool,
    /// Whether the run translates, and makes nothing of noise alone.
    translates: bool,
    how: &'a MeasuringArgs,
    extraction: &'a Extraction,
}

impl<'a> Plan<'a> {
    /// For `n` samples of this run; `asked` are the words of `--metrics`.
    pub fn new(
        loaded: &Loaded,
        n: usize,
        asked: &'a [String],
        how: &'a MeasuringArgs,
        extraction: &'a Extraction,
    ) -> Result<Self, CliError> {
        check_count(n)?;
        let data = &loaded.config.data;
        let is_image = matches!(data.shape, ItemShape::Image { .. });
        let bounded = loaded.model.likelihood().is_some();
        let mut known = extraction.words();
        known.extend(ON_MODES.into_iter().filter(|_| ganvas_data::modes(&data.id).is_some()));
        let is_series = matches!(data.shape, ItemShape::Series { .. });
        known.extend(["mmd2"].into_iter().filter(|_| !is_image));
        let labelled = loaded.model.conditional().is_some();
        known.extend(series::NAMES.into_iter().filter(|_| is_series));
        known.extend(series::BY_CLASS.into_iter().filter(|_| is_series && labelled));
        let coded = loaded.model.autoencoder().is_some_and(|autoencoder| !autoencoder.codes_by_class());
        known.extend(disentangle::NAMES.into_iter().filter(|_| coded && disentangle::applies(&data.id)));
        known.extend(likelihood::NAMES.into_iter().filter(|_| bounded));
        let enlarges = loaded.model.enlargement().is_some();
        if enlarges {
            known = enlarged::NAMES.to_vec();
        }
        let translates = loaded.model.translation().is_some();
        known.extend([translated::CYCLE].into_iter().filter(|_| translates));
        let (names, bounds) = (wanted(asked, &known, extraction)?, likelihood::Asked::default());
        let plan = Self { names, n, bounds, is_image, enlarges, translates, how, extraction };
        limit::check(how.limit, n, |n| plan.need(n, loaded))?;
        Ok(plan)
    }

    /// Bytes for `n` samples.
    fn need(&self, n: u64, loaded: &Loaded) -> u64 {
        let data = &loaded.config.data;
        let (item, held) = (data.shape.len(), (data.train + data.test) as u64);
        let (usual, none) = (["fd", "precision"], &self.names[..]);
        let names = if self.names.is_empty() { &usual[..] } else { none };
        let (dims, classes) = (self.extraction.dims(item), self.extraction.classes().unwrap_or(0));
        let intervals = self.how.intervals.is_some();
        let figures = limit::Figures { names, dims, classes, k: NEIGHBOURS, intervals };
        let real = n.min(data.train.max(data.test) as u64).next_multiple_of(BLOCK as u64);
        let mut parts = vec![limit::base(item), self.extraction.memory(), product(&[held, item as u64])];
        if self.on_samples() {
            // The samples, the baseline and twice real data.
            parts.push(figures.seen(sum(&[n, n, 2 * real])));
            parts.push(figures.working(real, n));
        }
        if self.on_likelihood() && loaded.model.likelihood().is_some() {
            // All items as values, drawn ones beside them, and some of what the baseline makes of them.
            parts.push(product(&[held, item as u64, 10]));
        }
        sum(&parts)
    }

    fn asks(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.contains(&name)
    }

    /// Whether anything is measured on samples.
    fn on_samples(&self) -> bool {
        if self.enlarges {
            return false;
        }
        self.names.is_empty()
            || self.names.iter().any(|name| !likelihood::NAMES.contains(name) && !disentangle::NAMES.contains(name))
    }

    /// Held-out images, what stands beside them, and how they do; none where nothing is measured on images.
    pub fn reals(
        &self,
        dataset: &Dataset,
        streams: &Streams,
        device: &Device,
        stages: &mut Stages,
    ) -> Result<Option<Reals<'a>>, CliError> {
        if !self.is_image || self.translates || !self.on_samples() {
            return Ok(None);
        }
        let (n, extraction) = (self.n, self.extraction);
        let own = matches!(extraction, Extraction::Classifier(_)) && extractor_for(&dataset.id).is_some();
        let parts = [("test", &dataset.test), ("train", &dataset.train)];
        let [(reference, split), (floor, other)] =
            if dataset.test.len < ENOUGH_REAL { [parts[1], parts[0]] } else { parts };
        let mut of = |what: &str, name: &str, items: &dyn Items| -> Result<Seen, CliError> {
            stages.begin(&format!("features of {what}"), n.min(items.len()));
            let cache =
                if self.how.no_cache { None } else { Cache::new(extraction, &dataset.fingerprint, name, device)? };
            see(extraction, items, n, cache.as_ref(), stages)
        };
        let real = of("real items", reference, &Ordered::new(dataset, split, reference))?;
        let again = of("real items for the floor", floor, &Ordered::new(dataset, other, floor))?;
        let naive = of("independent pixels", "pixels", &Pixels { dataset })?;
        let mut names = self.names.clone();
        if names.is_empty() {
            names.push("fd");
            if real.len().min(again.len()).min(n) > NEIGHBOURS {
                names.extend(["precision", "recall"]);
            }
            names.extend(["class_share_min"].into_iter().filter(|_| own));
        }
        names.retain(|name| !likelihood::NAMES.contains(name) && !disentangle::NAMES.contains(name));
        let measures = Measures { names: &names, k: NEIGHBOURS, extraction, intervals: None, streams };
        stages.begin("measuring the floor", 0);
        let floors = match measures.plainly(&real, &again) {
            // What is too small for a figure has no floor.
            Err(MetricError::TooFew { .. }) => Vec::new(),
            floors => floors?,
        };
        stages.begin("measuring the baseline", 0);
        let baselines = measures.plainly(&real, &naive)?;
        let classes = extraction.classes().unwrap_or(0);
        let share = split.labels.as_deref().map(|labels| rarest(labels, classes)).transpose();
        let share = if names.contains(&"class_share_min") { share? } else { None };
        Ok(Some(Reals { names, real, floors, baselines, rarest: share }))
    }

    /// The figures of a run.
    pub fn measure(
        &self,
        loaded: &Loaded,
        dataset: &Dataset,
        reals: Option<&Reals>,
        streams: &Streams,
        device: &Device,
        stages: &mut Stages,
    ) -> Result<Measured, CliError> {
        let mut figures = Vec::new();
        if let Some(translation) = loaded.model.translation() {
            let measures = self.measures(&self.names, streams);
            let usual = self.names.is_empty();
            figures = translated::figures(translation, dataset, self.n, &measures, usual, device, stages)?;
        } else if self.on_samples() {
            let planes = dataset.shape.planes();
            let fake = Samples { model: loaded.model.as_ref(), n: self.n, planes, streams, device };
            stages.begin("drawing samples", self.n);
            figures = match reals {
                Some(reals) => self.images(reals, &fake, stages)?,
                None => match dataset.shape {
                    ItemShape::Series { .. } => self.series(loaded, dataset, &fake, stages)?,
                    _ => self.points(dataset, &fake, stages)?,
                },
            };
        }
        if let Some(enlargement) = loaded.model.enlargement() {
            stages.begin("enlarging held-out images", 0);
            let [channels, ..] = dataset.shape.planes();
            let extractor = Extractor::load(classifier_for(&dataset.id, channels), device)?;
            let of = enlarged::figures(enlargement, dataset, self.n, &extractor, device)?;
            for mut figure in of {
                if !self.asks(figure.name.trim_end_matches("_before")) {
                    continue;
                }
                let interval = figure.stderr.filter(|_| self.how.intervals.is_some());
                figure.interval = interval.map(|stderr| of_mean(figure.value, stderr, LEVEL)).transpose()?;
                figures.push(figure);
            }
        }
        let bounds = loaded.model.likelihood();
        let mut per_latent = None;
        if let Some(model) = bounds.filter(|_| self.on_likelihood()) {
            let wanted = |name: &str| match self.names.is_empty() {
                true => likelihood::USUAL.contains(&name),
                false => self.names.contains(&name),
            };
            let found = likelihood::measure(model, dataset, self.bounds, wanted, device, stages);
            per_latent = found.per_latent;
            for mut figure in found.figures {
                let interval = figure.stderr.filter(|_| self.how.intervals.is_some());
                figure.interval = interval.map(|stderr| of_mean(figure.value, stderr, LEVEL)).transpose()?;
                figures.push(figure);
            }
        }
        let on_codes = |name: &str| self.names.contains(&name);
        if let Some(autoencoder) = loaded.model.autoencoder().filter(|_| disentangle::NAMES.into_iter().any(on_codes)) {
            figures.extend(disentangle::measure(autoencoder, dataset, on_codes, streams, device, stages)?);
        }
        Ok(Measured { figures, per_latent })
    }

    /// Whether anything is measured of the likelihood.
    fn on_likelihood(&self) -> bool {
        likelihood::NAMES.iter().any(|name| self.asks(name))
    }

    fn measures<'b>(&'b self, names: &'b [&'b str], streams: &'b Streams) -> Measures<'b> {
        let intervals = self.how.intervals.map(|resamples| resamples as usize);
        Measures { names, k: NEIGHBOURS, extraction: self.extraction, intervals, streams }
    }

    fn images(&self, reals: &Reals, fake: &Samples, stages: &mut Stages) -> Result<Vec<Figure>, CliError> {
        let seen = see(self.extraction, fake, self.n, None, stages)?;
        let measures = self.measures(&reals.names, fake.streams);
        let mut figures = measures.between(&reals.real, &seen, stages)?;
        for (i, figure) in figures.iter_mut().enumerate() {
            figure.floor = reals.floors.get(i).map(|floor| floor.value);
            figure.baseline = reals.baselines.get(i).map(|baseline| baseline.value);
            figure.n_real = Some(reals.real.len());
            figure.n_fake = Some(self.n);
            figure.extractor = Some(self.extraction.label((fake.planes[1], fake.planes[2])));
            if figure.name == "class_share_min" {
                // What the labels say is surer than what the classifier does.
                (figure.floor, figure.baseline) = (reals.rarest, None);
            }
        }
        Ok(figures)
    }

    fn series(
        &self,
        loaded: &Loaded,
        dataset: &Dataset,
        fake: &Samples,
        stages: &mut Stages,
    ) -> Result<Vec<Figure>, CliError> {
        let seen = see(self.extraction, fake, self.n, None, stages)?;
        let asks = |name: &str| self.asks(name);
        let mut figures = series::measure(dataset, seen.features.values.clone(), self.n, asks)?;
        let [real, again] = [&dataset.test, &dataset.train].map(|split| self.rows(dataset, split));
        figures.extend(self.on_values([&real, &again, &seen], fake.streams, stages)?);
        if let Some(model) = loaded.model.conditional() {
            figures.extend(series::by_class(model, dataset, self.n, fake.streams, fake.device, asks)?);
        }
        Ok(figures)
    }

    /// The values of the first items of a part.
    fn rows(&self, dataset: &Dataset, split: &Split) -> Seen {
        Seen { features: Features { dims: dataset.shape.len(), values: split.first(self.n) }, logits: None }
    }

    fn points(&self, dataset: &Dataset, fake: &Samples, stages: &mut Stages) -> Result<Vec<Figure>, CliError> {
        let n = self.n;
        let [real, again] = [&dataset.test, &dataset.train].map(|split| self.rows(dataset, split));
        let fake_seen = see(self.extraction, fake, n, None, stages)?;
        let mut figures = Vec::new();
        if let Some(modes) = ganvas_data::modes(&dataset.id) {
            let count = |seen: &Seen| {
                count_modes(seen.features.values.as_chunks::<2>().0, &modes.centres, modes.sd, modes.spacing)
            };
            let (counts, floor) = (count(&fake_seen)?, count(&real)?);
            for (name, value, floor) in [
                (ON_MODES[0], counts.covered as f64, floor.covered as f64),
                (ON_MODES[1], counts.near, floor.near),
                (ON_MODES[2], counts.hq3, floor.hq3),
            ] {
                if self.asks(name) {
                    let is_share = self.how.intervals.is_some() && name != ON_MODES[0];
                    let interval = is_share.then(|| share(value, n)).transpose()?;
                    figures.push(Figure { floor: Some(floor), interval, ..Figure::new(name, value) });
                }
            }
        }
        if self.asks("mmd2") {
            let floor = Some(mmd2_unbiased(&real.features, &again.features)?);
            let value = mmd2_unbiased(&real.features, &fake_seen.features)?;
            figures.push(Figure { floor, ..Figure::new("mmd2", value) });
        }
        for figure in &mut figures {
            figure.n_real = Some(real.len());
            figure.n_fake = Some(n);
        }
        figures.extend(self.on_values([&real, &again, &fake_seen], fake.streams, stages)?);
        Ok(figures)
    }

    /// What is asked for of the features of real, other real and generated items, where these are their values.
    fn on_values(
        &self,
        [real, again, fake]: [&Seen; 3],
        streams: &Streams,
        stages: &mut Stages,
    ) -> Result<Vec<Figure>, CliError> {
        let names: Vec<&str> = self.names.iter().copied().filter(|name| ON_FEATURES.contains(name)).collect();
        let measures = self.measures(&names, streams);
        let floors = measures.plainly(real, again)?;
        let figures = measures.between(real, fake, stages)?.into_iter().zip(floors);
        let whole = |(figure, floor): (Figure, Figure)| Figure {
            floor: Some(floor.value),
            n_real: Some(real.len()),
            n_fake: Some(self.n),
            ..figure
        };
        Ok(figures.map(whole).collect())
    }
}

/// What was measured of a run.
pub struct Measured {
    /// The figures.
    pub figures: Vec<Figure>,
    /// The mean divergence of each latent from the prior, in nats, where that was measured.
    pub per_latent: Option<Vec<f64>>,
}

/// What images are measured against.
pub struct Reals<'a> {
    /// The figures, as [`wanted`] gives them.
    names: Vec<&'a str>,
    real: Seen,
    floors: Vec<Figure>,
    baselines: Vec<Figure>,
    /// The share of the rarest class by the labels.
    rarest: Option<f64>,
}
