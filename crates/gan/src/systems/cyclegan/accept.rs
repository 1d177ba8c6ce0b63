//! The acceptance check: are horses made zebras and zebras horses, of the same shape at the same place? The data know where each
//! animal is, which training does not see.

use burn::tensor::{Device, Tensor};
use ganvas_data::{Dataset, Loader, horse_zebra};
use ganvas_engine::accept::{AcceptError, Acceptance, Conditions, Threshold};
use ganvas_engine::session::{Options, upload};
use ganvas_engine::step::Step;
use ganvas_engine::system::{Build, DataSpec, Direction, Preset, Recommended, System, Translation, to_device};
use ganvas_engine::translation::translated;
use ganvas_nets::init::{Init, Initializer};
use ganvas_nets::noise::Pass;
use ganvas_nets::optim::{OptimizerConfig, Trained};
use ganvas_prob::stream::{Streams, permutation};
use std::sync::Arc;

use super::{CycleGan, CycleGanConfig};
use crate::objectives::cross_entropy;
use crate::systems::cegan::{Classifier, ClassifierConfig};

/// Steps of the classifier that tells the domains apart, and items of a batch.
const CLASSIFIER: (u64, usize) = (300, 50);

/// What is measured of translated items, each `[from A to B, from B to A]` where there are two.
struct Figures {
    /// The share that a classifier takes for the other domain.
    taken: [f64; 2],
    /// The mean absolute difference of items and what comes of them there and back.
    cycle: [f64; 2],
    /// The mean overlap, intersection over union, of the animal that its colours show and where it truly is.
    silhouette: [f64; 2],
    /// The mean over images made zebras of the standard deviation of grey levels within the animal.
    stripes: f64,
}

/// The held-out items of each domain, row by row, and where their animals are.
struct Truth {
    dataset: Arc<Dataset>,
    items: [Vec<f32>; 2],
    masks: [Vec<Vec<bool>>; 2],
}

impl Truth {
    fn of(dataset: Arc<Dataset>) -> Self {
        let items = [0, 1].map(|domain| dataset.test.gather(&dataset.test.of_class(domain)));
        Self { dataset, items, masks: [0, 1].map(horse_zebra::test_masks) }
    }

    fn count(&self) -> usize {
        self.masks[0].len()
    }

    /// The overlap of what [`shows`] finds of `domain` in images and of where the animals are that `masks` tell of.
    fn overlap(&self, images: &[f32], domain: usize, masks: &[Vec<bool>]) -> f64 {
        let each = images.chunks_exact(self.dataset.shape.len()).zip(masks).map(|(image, mask)| {
            let (mut both, mut either) = (0, 0);
            for (at, &inside) in mask.iter().enumerate() {
                let found = shows(image, at, mask.len(), domain);
                both += usize::from(found && inside);
                either += usize::from(found || inside);
            }
            both as f64 / either.max(1) as f64
        });
        each.sum::<f64>() / masks.len().max(1) as f64
    }

    /// The mean over images of the standard deviation of the means of red, green and blue within the masks.
    fn spread(&self, images: &[f32], masks: &[Vec<bool>]) -> f64 {
        let each = images.chunks_exact(self.dataset.shape.len()).zip(masks).map(|(image, mask)| {
            let size = mask.len();
            let level = |at: usize| (0..3).map(|channel| f64::from(image[channel * size + at])).sum::<f64>() / 3.0;
            let inside: Vec<f64> = (0..size).filter(|&at| mask[at]).map(level).collect();
            let n = inside.len().max(1) as f64;
            let mean = inside.iter().sum::<f64>() / n;
            (inside.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt()
        });
        each.sum::<f64>() / masks.len().max(1) as f64
    }

    /// What becomes of the held-out items; `judge` gives the share of items that is taken for a domain.
    fn figures(&self, translation: &dyn Translation, judge: impl Fn(&[f32], usize) -> f64, device: &Device) -> Figures {
        let shape = self.dataset.shape;
        let made = Direction::ALL.map(|direction| {
            let items = &self.items[direction.from()];
            let there = translated(translation, items, shape, direction, device);
            let back = translated(translation, &there, shape, direction.reversed(), device);
            let apart = items.iter().zip(&back).map(|(a, b)| f64::from((a - b).abs())).sum::<f64>();
            let overlap = self.overlap(&there, direction.to(), &self.masks[direction.from()]);
            (judge(&there, direction.to()), apart / items.len() as f64, overlap, there)
        });
        Figures {
            taken: [made[0].0, made[1].0],
            cycle: [made[0].1, made[1].1],
            silhouette: [made[0].2, made[1].2],
            stripes: self.spread(&made[0].3, &self.masks[0]),
        }
    }
}

/// Whether a pixel has the colour of an animal of a domain: brown, or without colour.
fn shows(image: &[f32], at: usize, size: usize, domain: usize) -> bool {
    let [r, g, b] = [0, 1, 2].map(|channel| (image[channel * size + at] + 1.0) / 2.0);
    match domain {
        0 => r - b > 0.2 && r > g + 0.08,
        _ => r.max(g).max(b) - r.min(g).min(b) < 0.15,
    }
}

/// Nothing is translated.
struct Identity;

impl Translation for Identity {
    fn translate(&self, items: Tensor<2>, _: Direction) -> Tensor<2> {
        items
    }
}

pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let truth = Truth::of(acceptance.data(horse_zebra::ID)?);
    let recommended = CycleGan::preset(Preset::Small, &DataSpec::of(&truth.dataset));
    let device = acceptance.plain_device();
    baselines(acceptance, &truth);
    for seed in acceptance.seeds() {
        let classifier = classifier(acceptance, &truth.dataset, seed)?;
        let share = |items: &[f32], domain: usize| taken(&classifier, items, domain, &truth.dataset, &device);
        let real = [0, 1].map(|domain| share(&truth.items[domain], domain));
        let known = real.into_iter().fold(f64::INFINITY, f64::min);
        let conditions = format!("seed {seed}, {} held-out images of each domain", truth.count());
        acceptance.check("1 domain classifier on real images", known, Threshold::AtLeast(0.99), conditions);
        let identity = truth.figures(&Identity, share, &device);
        acceptance.check("1 taken for the other domain, untranslated", identity.taken[0], Threshold::Recorded, "");
        let untrained = CycleGan::build(
            &recommended.config,
            &DataSpec::of(&truth.dataset),
            &Build { streams: Streams::new(seed), device: acceptance.device() },
        )?;
        let untrained = truth.figures(&untrained, share, &device);
        acceptance.check("2 cycle L1, untrained", untrained.cycle[0], Threshold::Recorded, format!("seed {seed}"));
        for cycle in [recommended.config.cycle, 0.0] {
            let config = CycleGanConfig { cycle, ..recommended.config.clone() };
            let preset = Recommended { config, ..recommended.clone() };
            let trained = acceptance.train_preset::<CycleGan>(&preset, &truth.dataset, seed)?;
            let found = truth.figures(&trained.system, share, &device);
            let note = if cycle == 0.0 { "cycle weight 0" } else { "" };
            report(acceptance, &found, cycle > 0.0, &trained.conditions().items(0, truth.count()).note(note));
        }
    }
    Ok(())
}

/// What is had without any training: the same of real images.
fn baselines(acceptance: &mut Acceptance, truth: &Truth) {
    let (shape, n) = (truth.dataset.shape.len(), truth.count());
    // A held-out image of the other domain in place of a translation, drawn at random.
    let order = permutation(&mut Streams::new(0).fork("baseline").rng("order", 0), n);
    let shuffled = |domain: usize| -> Vec<f32> {
        order.iter().flat_map(|&i| &truth.items[domain][i * shape..(i + 1) * shape]).copied().collect()
    };
    let mut record = |name: &str, value: f64| acceptance.check(name, value, Threshold::Recorded, format!("{n} images"));
    for (direction, number) in Direction::ALL.into_iter().zip([3, 4]) {
        let (from, to) = (direction.from(), direction.to());
        let name = format!("{number} silhouette {}", direction.name());
        let masks = &truth.masks;
        record(
            &format!("{name}, real images of that domain and their own masks"),
            truth.overlap(&truth.items[to], to, &masks[to]),
        );
        record(&format!("{name}, untranslated"), truth.overlap(&truth.items[from], to, &masks[from]));
        record(&format!("{name}, random real image"), truth.overlap(&shuffled(to), to, &masks[from]));
    }
    record("5 stripes, untranslated", truth.spread(&truth.items[0], &truth.masks[0]));
    record("5 stripes, real zebras", truth.spread(&truth.items[1], &truth.masks[1]));
}

/// The figures of a run; with their thresholds, which are all to be reached together, or recorded.
fn report(acceptance: &mut Acceptance, found: &Figures, bound: bool, conditions: &Conditions) {
    let mut check = |name: String, value: f64, threshold: Threshold| {
        let (name, threshold) =
            if bound { (name, threshold) } else { (name + ", cycle weight 0", Threshold::Recorded) };
        acceptance.check(&name, value, threshold, conditions);
    };
    for (i, word) in Direction::ALL.map(Direction::name).into_iter().enumerate() {
        check(format!("1 taken for the other domain {word}"), found.taken[i], Threshold::AtLeast(0.90));
        check(format!("2 cycle L1 {word}"), found.cycle[i], Threshold::AtMost(0.12));
        check(format!("{} silhouette {word}", i + 3), found.silhouette[i], Threshold::AtLeast(0.70));
    }
    check("5 stripes".into(), found.stripes, Threshold::AtLeast(0.35));
}

/// Three convolutions that learn from the training items which domain one is of.
fn classifier(acceptance: &mut Acceptance, dataset: &Arc<Dataset>, seed: u64) -> Result<Classifier, AcceptError> {
    let ((steps, batch), device) = (CLASSIFIER, acceptance.device().clone());
    let streams = Streams::new(seed).fork("classifier");
    let mut init = Init::new(&streams, "classifier", Initializer::He, &device);
    let net = Classifier::new(&ClassifierConfig::new(&[8, 16, 32], &[]), dataset.shape, 2, &mut init);
    let mut trained = Trained::new(net, OptimizerConfig::adam(1e-3, 0.9));
    let options = Options::new(streams, batch, steps);
    let mut loader = Loader::new(dataset.clone(), batch, streams, 0, 1)?;
    for index in 0..steps {
        let batch = upload(loader.next()?, dataset.shape, &device);
        let mut step = Step::new(&options, index, &device, false);
        step.phase("classifier").update("classifier", &mut trained, &batch, |net, micro| {
            let logits = net.forward(micro.batch.items.clone(), micro.pass());
            // All items of these data have a class.
            let labels = micro.batch.labels.clone().unwrap_or_else(|| Tensor::zeros([micro.batch.len()], &device));
            cross_entropy(logits, labels)
        });
        step.finish().map_err(|refused| refused.at(index))?;
    }
    Ok(trained.shown())
}

/// The share of items that a classifier takes for a domain.
fn taken(classifier: &Classifier, items: &[f32], domain: usize, dataset: &Dataset, device: &Device) -> f64 {
    let logits = classifier.forward(to_device(items.to_vec(), dataset.shape, device), Pass::Eval);
    let told = logits.argmax(1).to_data();
    let right = told.iter::<i64>().filter(|&told| told == domain as i64).count();
    right as f64 / told.num_elements().max(1) as f64
}
