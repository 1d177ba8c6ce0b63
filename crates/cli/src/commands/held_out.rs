//! How good a system is while it trains, on data that it does not see.

use std::sync::Arc;

use burn::tensor::Device;
use ganvas_data::{Dataset, ItemShape};
use ganvas_engine::config::RunConfig;
use ganvas_engine::enlargement::Enlargement;
use ganvas_engine::session::sample;
use ganvas_engine::system::{Direction, Model, Translation, observed};
use ganvas_engine::translation::{sources, translated};
use ganvas_metrics::Extractor;
use ganvas_metrics::classes::class_shares;
use ganvas_metrics::extractor::{extractor_for, labels};
use ganvas_metrics::neighbours::duplicates;
use ganvas_metrics::points::{count_modes, mmd2_unbiased};
use ganvas_metrics::{Features, Images, frechet_distance};
use ganvas_prob::stream::Streams;

use super::enlarged::{self, Beside};
use super::extraction::classifier_for;
use super::translated::{CYCLE, cycle};
use super::{likelihood, series};
use crate::error::CliError;

/// Classes with at least a fifth of an even share: the rule by which modes count as covered.
fn covered_classes(shares: &[f64]) -> usize {
    shares.iter().filter(|&&share| share * shares.len() as f64 >= 0.2).count()
}

/// The held-out items of a run, seen once.
pub struct HeldOut {
    dataset: Arc<Dataset>,
    device: Device,
    seen: Option<(Option<Extractor>, Features)>,
    /// Figures of bicubic interpolation, which are always the same.
    bicubic: Option<Vec<(String, f64)>>,
    /// The same of each of two domains.
    domains: Option<(Extractor, [Features; 2])>,
}

impl HeldOut {
    /// Of a data set; `device` does not track gradients.
    pub fn new(dataset: Arc<Dataset>, device: Device) -> Self {
        Self { dataset, device, seen: None, bicubic: None, domains: None }
    }

    /// The bound of the likelihood where the system has one, the distance of samples from held-out items, how many samples
    /// repeat others, and for points around known modes how many of these are covered. Every time the same latents and the same items.
    pub fn measure(&mut self, model: &dyn Model, config: &RunConfig) -> Result<Vec<(String, f64)>, CliError> {
        if let Some(enlargement) = model.enlargement() {
            return self.compare(enlargement, config.eval_n);
        }
        if let Some(translation) = model.translation() {
            return self.translated(translation, config.eval_n);
        }
        let mut figures = Vec::new();
        if let Some(bound) = model.likelihood() {
            let rows = observed(bound, &self.dataset.test, config.eval_n, self.dataset.shape, "test", &self.device);
            let elbo = likelihood::elbo(bound, &rows, &self.device);
            figures.push(("neg_elbo".to_owned(), -elbo.mean));
        }
        let values = sample(model, config.eval_n, &Streams::new(config.seed).fork("held-out"), &self.device);
        let (extractor, real) = match &self.seen {
            Some(seen) => seen,
            None => self.seen.insert(self.real(config.eval_n)?),
        };
        match extractor {
            Some(extractor) => {
                let (fake, logits) =
                    extractor.features_and_logits(&Images::new(self.dataset.shape.planes(), values))?;
                figures.push(("ffd".to_owned(), frechet_distance(real, &fake)?));
                figures.push(("duplicates".to_owned(), duplicates(real, &fake)?));
                if extractor_for(&self.dataset.id).is_some() {
                    let shares = class_shares(&labels(&logits), extractor.classes_count())?;
                    figures.push(("classes_covered".to_owned(), covered_classes(&shares) as f64));
                }
            }
            None => {
                if let ItemShape::Series { steps, channels } = self.dataset.shape {
                    return Ok([figures, series::held_out(&real.values, values, [steps, channels])?].concat());
                }
                let modes = ganvas_data::modes(&self.dataset.id);
                let counts =
                    modes.map(|modes| count_modes(values.as_chunks::<2>().0, &modes.centres, modes.sd, modes.spacing));
                let fake = Features { dims: real.dims, values };
                figures.push(("mmd2".to_owned(), mmd2_unbiased(real, &fake)?));
                figures.push(("duplicates".to_owned(), duplicates(real, &fake)?));
                if let Some(counts) = counts.transpose()? {
                    figures.push(("covered".to_owned(), counts.covered as f64));
                    figures.push(("covered_share".to_owned(), counts.covered as f64 / counts.modes as f64));
                    figures.push(("near".to_owned(), counts.near));
                    figures.push(("hq3".to_owned(), counts.hq3));
                }
            }
        }
        Ok(figures)
    }

    /// Held-out images shrunk and enlarged, by the system and by bicubic interpolation. The first figure is smaller where it is better.
    fn compare(&mut self, enlargement: &dyn Enlargement, n: usize) -> Result<Vec<(String, f64)>, CliError> {
        if self.seen.is_none() {
            self.seen = Some(self.real(1)?);
        }
        let Some((Some(extractor), _)) = &self.seen else { return Ok(Vec::new()) };
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let beside = if self.bicubic.is_some() { Beside::Nothing } else { Beside::Bicubic };
        let found = enlarged::compare(enlargement, &self.dataset, n, beside, extractor, &self.device)?;
        let bicubic = || found.iter().map(|of| (format!("{}_bicubic", of.name), mean(&of.bicubic))).collect();
        let bicubic: &Vec<_> = self.bicubic.get_or_insert_with(bicubic);
        let own = found.iter().map(|of| (of.name.to_owned(), mean(&of.own)));
        Ok(own.chain(bicubic.iter().cloned()).collect())
    }

    /// How far items translated to each domain are from real ones of it, and items from what comes of them there and back: means
    /// over both directions, and each.
    fn translated(&mut self, translation: &dyn Translation, n: usize) -> Result<Vec<(String, f64)>, CliError> {
        let (extractor, real) = match &self.domains {
            Some(seen) => seen,
            None => {
                let channels = self.dataset.shape.planes()[0];
                let extractor = Extractor::load(classifier_for(&self.dataset.id, channels), &self.device)?;
                let of = |domain: u32| -> Result<Features, CliError> {
                    let items: Vec<usize> = self.dataset.test.of_class(domain).into_iter().take(n).collect();
                    let images = Images::new(self.dataset.shape.planes(), self.dataset.test.gather(&items));
                    Ok(extractor.features(&images)?)
                };
                let real = [of(0)?, of(1)?];
                self.domains.insert((extractor, real))
            }
        };
        let (mut distances, mut cycles) = (Vec::new(), Vec::new());
        for direction in Direction::ALL {
            let items: Vec<usize> = sources(&self.dataset.test, direction).into_iter().take(n).collect();
            let (shape, source) = (self.dataset.shape, self.dataset.test.gather(&items));
            let made = translated(translation, &source, shape, direction, &self.device);
            let fake = extractor.features(&Images::new(shape.planes(), made))?;
            let word = direction.name();
            distances.push((format!("ffd_{word}"), frechet_distance(&real[direction.to()], &fake)?));
            let apart = cycle(translation, &self.dataset, direction, &items, &self.device);
            cycles.push((format!("{CYCLE}_{word}"), apart));
        }
        let mean = |name: &str, figures: &[(String, f64)]| {
            (name.to_owned(), figures.iter().map(|(_, value)| value).sum::<f64>() / figures.len() as f64)
        };
        let means = [mean("ffd", &distances), mean(CYCLE, &cycles)];
        Ok(means.into_iter().chain(distances).chain(cycles).collect())
    }

    fn real(&self, n: usize) -> Result<(Option<Extractor>, Features), CliError> {
        let values = self.dataset.test.first(n);
        match self.dataset.shape {
            ItemShape::Image { channels, .. } => {
                let extractor = Extractor::load(classifier_for(&self.dataset.id, channels), &self.device)?;
                let features = extractor.features(&Images::new(self.dataset.shape.planes(), values))?;
                Ok((Some(extractor), features))
            }
            shape => Ok((None, Features { dims: shape.len(), values })),
        }
    }
}
