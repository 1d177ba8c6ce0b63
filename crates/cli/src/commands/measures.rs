//! Figures between two samples, which `eval`, `compare` and `metrics` share.

use ganvas_engine::suggest;
use ganvas_metrics::extractor::labels;
use ganvas_metrics::features::{
    SPLITS, Similarity, bootstrap_frechet, frechet_infinity, inception_score, kid, kid_stderr, kid_subsets, vendi_score,
};
use ganvas_metrics::neighbours::{Prdc, copies, prdc_with_error, two_sample_test};
use ganvas_metrics::{Features, Figure, MetricError, classes, frechet_distance, interval};
use ganvas_prob::stream::Streams;

use super::extraction::{Extraction, Seen};
use crate::error::CliError;
use crate::progress::Stages;

/// What can be measured between any two samples.
pub const ON_FEATURES: [&str; 11] =
    ["fd", "fd_infinity", "kid", "precision", "recall", "density", "coverage", "prdc", "c2st", "vendi", "copies"];
/// What is measured on a classifier's answers.
pub const ON_ANSWERS: [&str; 2] = ["is", "class_share_min"];
/// The four figures of `prdc`.
const PRDC: [&str; 4] = ["precision", "recall", "density", "coverage"];

/// Subsets of the kernel distance and their size, as it is commonly reported.
const SUBSETS: usize = 100;
const SUBSET: usize = 1000;
/// The level of all intervals.
pub const LEVEL: f64 = 0.95;
/// Items for each dimension that the interval of the Frechet distance was tried with: with fewer there is none.
const PER_DIMENSION: usize = 3;
/// Sizes that the Frechet distance is extrapolated from (Chong and Forsyth 2020).
const POINTS: usize = 15;

/// The words of `--metrics`, each once; `known` are those that make sense on these features.
pub fn wanted<'a>(
    asked: &'a [String],
    known: &[&'static str],
    extraction: &Extraction,
) -> Result<Vec<&'a str>, CliError> {
    let mut names: Vec<&str> = Vec::new();
    for name in asked {
        let name = extraction.word(name);
        if !known.contains(&name) {
            if ["fid", "fid_infinity", "inception_score"].contains(&name) {
                let message = format!("`{name}` is measured on the Inception network");
                return Err(CliError::usage(message, "name its weights: --inception FILE"));
            }
            return Err(CliError::usage(format!("there is no metric `{name}`"), suggest::help(name, known)));
        }
        let all: &[&str] = if name == "prdc" { &PRDC } else { &[name] };
        for name in all {
            if !names.contains(name) {
                names.push(name);
            }
        }
    }
    Ok(names)
}

/// How figures are measured.
pub struct Measures<'a> {
    /// The figures, as [`wanted`] gives them.
    pub names: &'a [&'a str],
    /// Neighbours of precision, recall, density and coverage.
    pub k: usize,
    /// What made the features.
    pub extraction: &'a Extraction,
    /// Resamples of the Frechet distance's interval; none where no intervals are wanted.
    pub intervals: Option<usize>,
    /// Subsets, splits and resamples.
    pub streams: &'a Streams,
}

impl Measures<'_> {
    /// Measures one sample against another; a figure or three for each name, in their order.
    pub fn between(&self, real: &Seen, fake: &Seen, stages: &mut Stages) -> Result<Vec<Figure>, MetricError> {
        let (dims, fewest) = (real.features.dims, real.len().min(fake.len()));
        if fewest <= dims && self.names.iter().any(|name| name.starts_with("fd")) {
            let what = "a covariance is singular, and the Frechet distance far above its limit";
            stages.say_once(format!("note: {fewest} items of {dims} values: {what}"));
        }
        self.told(real, fake, &mut |name| stages.begin(&format!("measuring {name}"), 0))
    }

    /// The same without intervals, for what stands beside the figures.
    pub fn plainly(&self, real: &Seen, fake: &Seen) -> Result<Vec<Figure>, MetricError> {
        Measures { intervals: None, ..*self }.told(real, fake, &mut |_| {})
    }

    fn told(&self, real: &Seen, fake: &Seen, tell: &mut dyn FnMut(&str)) -> Result<Vec<Figure>, MetricError> {
        let mut figures = Vec::new();
        let mut balls = None;
        for &name in self.names {
            tell(name);
            match name {
                "fd" => figures.push(self.frechet(&real.features, &fake.features)?),
                "kid" => figures.push(self.kernel(&real.features, &fake.features)?),
                "precision" | "recall" | "density" | "coverage" => {
                    let found = match balls {
                        Some(found) => found,
                        None => *balls.insert(prdc_with_error(&real.features, &fake.features, self.k)?),
                    };
                    figures.push(self.in_balls(name, found, real.len(), fake.len())?);
                }
                _ => figures.extend(self.others(name, real, fake)?),
            }
        }
        Ok(figures)
    }

    fn frechet(&self, real: &Features, fake: &Features) -> Result<Figure, MetricError> {
        let name = self.extraction.figure("fd");
        let enough = real.len().min(fake.len()) / PER_DIMENSION >= real.dims;
        Ok(match self.intervals.filter(|_| enough) {
            Some(resamples) => {
                let found = bootstrap_frechet(real, fake, resamples, LEVEL, self.streams)?;
                Figure { interval: Some([found.low, found.high]), ..Figure::new(name, found.estimate) }
            }
            None => Figure::new(name, frechet_distance(real, fake)?),
        })
    }

    fn kernel(&self, real: &Features, fake: &Features) -> Result<Figure, MetricError> {
        let name = self.extraction.figure("kid");
        let fewest = real.len().min(fake.len());
        let mut figure = if fewest >= SUBSET {
            let estimate = kid_subsets(real, fake, SUBSETS, SUBSET, self.streams)?;
            Figure { stderr: Some(estimate.stderr), ..Figure::new(name, estimate.mean) }
        } else {
            Figure::new(name, kid(real, fake)?)
        };
        if self.intervals.is_some() && fewest > 2 {
            // What the choice of subsets adds to the error on all items.
            let stderr = kid_stderr(real, fake)?.hypot(figure.stderr.unwrap_or(0.0));
            figure.interval = Some(interval::of_mean(figure.value, stderr, LEVEL)?);
        }
        Ok(figure)
    }

    fn in_balls(&self, name: &str, found: (Prdc, f64), real: usize, fake: usize) -> Result<Figure, MetricError> {
        let (Prdc { precision, recall, density, coverage }, density_error) = found;
        let figure = |value: f64, interval: Result<[f64; 2], MetricError>| -> Result<Figure, MetricError> {
            let interval = self.intervals.map(|_| interval).transpose()?;
            Ok(Figure { interval, ..Figure::new(name, value) })
        };
        match name {
            "precision" => figure(precision, share(precision, fake)),
            "recall" => figure(recall, share(recall, real)),
            "density" => figure(density, interval::of_mean(density, density_error, LEVEL)),
            // Its reals are not independent: neighbours are covered together.
            _ => Ok(Figure::new(name, coverage)),
        }
    }

    fn others(&self, name: &str, real: &Seen, fake: &Seen) -> Result<Vec<Figure>, MetricError> {
        let (r, f) = (&real.features, &fake.features);
        let wide = self.intervals.is_some();
        let when = |interval: Result<[f64; 2], MetricError>| Some(interval).filter(|_| wide).transpose();
        let mut figures = match name {
            "fd_infinity" => {
                vec![Figure::new(self.extraction.figure(name), frechet_infinity(r, f, POINTS, self.streams)?)]
            }
            "c2st" => {
                let found = two_sample_test(r, f)?;
                let named = [("c2st", found.accuracy), ("c2st_real", found.real), ("c2st_fake", found.fake)];
                named.map(|(name, value)| Figure::new(name, value)).into()
            }
            "vendi" => vec![Figure::new("vendi", vendi_score(f, Similarity::Cosine)?)],
            "copies" => {
                let found = copies(r, f, 1)?;
                vec![Figure { interval: when(share(found, f.len()))?, ..Figure::new("copies", found) }]
            }
            _ => Vec::new(),
        };
        if let (Some(logits), Some(known)) = (&fake.logits, self.extraction.classes()) {
            match name {
                "is" => {
                    let found = inception_score(logits, SPLITS, self.streams)?;
                    let stderr = found.sd / (SPLITS as f64 - 1.0).sqrt();
                    let interval = when(interval::of_few(found.mean, stderr, SPLITS, LEVEL))?;
                    let named = Figure::new(self.extraction.figure(name), found.mean);
                    figures.push(Figure { stderr: Some(stderr), interval, ..named });
                }
                "class_share_min" => {
                    let labels = labels(logits);
                    let interval = when(interval::rarest_share(&labels, known, LEVEL))?;
                    figures.push(Figure { interval, ..Figure::new("class_share_min", rarest(&labels, known)?) });
                }
                _ => {}
            }
        }
        Ok(figures)
    }
}

/// The interval of a share of `n` independent items.
pub fn share(value: f64, n: usize) -> Result<[f64; 2], MetricError> {
    interval::share((value * n as f64).round() as usize, n, LEVEL)
}

/// The share of the rarest class.
pub fn rarest(labels: &[u32], known: usize) -> Result<f64, MetricError> {
    classes::class_shares(labels, known).map(|shares| shares.into_iter().fold(1.0, f64::min))
}
