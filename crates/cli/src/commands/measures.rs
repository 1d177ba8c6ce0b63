//! Figures between two samples, which `eval` and `metrics` share.

use ganvas_engine::suggest;
use ganvas_metrics::extractor::labels;
use ganvas_metrics::features::{SPLITS, Similarity, frechet_infinity, inception_score, kid, kid_subsets, vendi_score};
use ganvas_metrics::neighbours::{copies, prdc, two_sample_test};
use ganvas_metrics::{Extractor, Features, Figure, Images, MetricError, classes, frechet_distance};
use ganvas_prob::stream::Streams;

use crate::error::CliError;

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
/// Sizes that the Frechet distance is extrapolated from (Chong and Forsyth 2020).
const POINTS: usize = 15;

/// The words of `--metrics`, each once; `known` are those that make sense here.
pub fn wanted<'a>(asked: &'a [String], known: &[&'static str]) -> Result<Vec<&'a str>, CliError> {
    let mut names: Vec<&str> = Vec::new();
    for name in asked {
        // On a classifier's features the Frechet distance is called so.
        let name = if name == "ffd" && known.contains(&"fd") { "fd" } else { name.as_str() };
        if !known.contains(&name) {
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

/// Items as features and, where a classifier made them, its answers.
pub struct Seen {
    pub features: Features,
    /// Logits and labels.
    pub answers: Option<(Features, Vec<u32>)>,
}

impl Seen {
    /// Values as they are.
    pub fn raw(features: Features) -> Self {
        Self { features, answers: None }
    }

    /// Images through a classifier.
    pub fn by(extractor: &Extractor, images: &Images) -> Result<Self, MetricError> {
        let (features, logits) = extractor.features_and_logits(images)?;
        let labels = labels(&logits);
        Ok(Self { features, answers: Some((logits, labels)) })
    }

    pub fn len(&self) -> usize {
        self.features.len()
    }
}

/// How figures are measured.
pub struct Measures<'a> {
    /// The figures, as [`wanted`] gives them.
    pub names: &'a [&'a str],
    /// Neighbours of precision, recall, density and coverage.
    pub k: usize,
    /// Classes of the classifier; none on raw values.
    pub classes: Option<usize>,
    /// Subsets and splits.
    pub streams: &'a Streams,
}

impl Measures<'_> {
    /// Measures one sample against another; a figure or three for each name, in their order.
    pub fn between(&self, real: &Seen, fake: &Seen, tell: &mut dyn FnMut(&str)) -> Result<Vec<Figure>, MetricError> {
        let raw = self.classes.is_none();
        let (r, f) = (&real.features, &fake.features);
        let mut figures = Vec::new();
        let mut balls = None;
        for &name in self.names {
            tell(&format!("measuring {name}"));
            match name {
                "fd" => figures.push(Figure::new(if raw { "fd" } else { "ffd" }, frechet_distance(r, f)?)),
                "fd_infinity" => {
                    let value = frechet_infinity(r, f, POINTS, self.streams)?;
                    figures.push(Figure::new(if raw { "fd_infinity" } else { "ffd_infinity" }, value));
                }
                "kid" => {
                    let name = if raw { "mmd2_cubic" } else { "fkd" };
                    figures.push(if r.len().min(f.len()) >= SUBSET {
                        let estimate = kid_subsets(r, f, SUBSETS, SUBSET, self.streams)?;
                        Figure { stderr: Some(estimate.stderr), ..Figure::new(name, estimate.mean) }
                    } else {
                        Figure::new(name, kid(r, f)?)
                    });
                }
                "precision" | "recall" | "density" | "coverage" => {
                    let found = match balls {
                        Some(found) => found,
                        None => *balls.insert(prdc(r, f, self.k)?),
                    };
                    let value = match name {
                        "precision" => found.precision,
                        "recall" => found.recall,
                        "density" => found.density,
                        _ => found.coverage,
                    };
                    figures.push(Figure::new(name, value));
                }
                "c2st" => {
                    let found = two_sample_test(r, f)?;
                    figures.push(Figure::new("c2st", found.accuracy));
                    figures.push(Figure::new("c2st_real", found.real));
                    figures.push(Figure::new("c2st_fake", found.fake));
                }
                "vendi" => figures.push(Figure::new("vendi", vendi_score(f, Similarity::Cosine)?)),
                "copies" => figures.push(Figure::new("copies", copies(r, f, 1)?)),
                _ => {}
            }
            if let (Some((logits, labels)), Some(known)) = (&fake.answers, self.classes) {
                match name {
                    "is" => {
                        let found = inception_score(logits, SPLITS, self.streams)?;
                        let stderr = found.sd / (SPLITS as f64 - 1.0).sqrt();
                        figures.push(Figure { stderr: Some(stderr), ..Figure::new("classifier_score", found.mean) });
                    }
                    "class_share_min" => figures.push(Figure::new("class_share_min", rarest(labels, known)?)),
                    _ => {}
                }
            }
        }
        Ok(figures)
    }
}

/// The share of the rarest class.
pub fn rarest(labels: &[u32], known: usize) -> Result<f64, MetricError> {
    classes::class_shares(labels, known).map(|shares| shares.into_iter().fold(1.0, f64::min))
}
