//! Acceptance checks of LSGAN.

use burn::tensor::Tensor;
use ganvas_engine::accept::{AcceptError, Acceptance, Threshold, Trial, Until};
use ganvas_engine::system::Preset;

use super::{LeastSquares, Lsgan, points, without_norms};
use crate::objectives::Objective;
use crate::systems::adversarial::{Adversarial, AdversarialConfig};
use crate::systems::dcgan::settings;
use crate::systems::measures::{Quality, count_of, extractor, independent, median, optimum, quality};

/// Images that are compared.
const N: usize = 5000;
/// A run has collapsed where fewer classes than this have a share of 2 %.
const CLASSES: usize = 8;

pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    // 1: between N(0, 1) and N(1, 1) the best score is p / (p + q) = 1 / (1 + e^(x - 1/2)).
    for seed in acceptance.seeds() {
        let best = |x: f64| 1.0 / (1.0 + (x - 0.5).exp());
        let (loss, error) = optimum(acceptance.device(), seed, Objective::LeastSquares, best);
        let conditions = format!("seed {seed}, 3000 steps of 1024, Adam 1e-3");
        let near = Threshold::Near { value: 0.198_99, tolerance: 0.004 };
        acceptance.check("1 loss at the optimum", loss, near, &conditions);
        acceptance.check("1 score against 1 / (1 + e^(x - 1/2))", error, Threshold::AtMost(0.03), conditions);
    }
    slopes(acceptance);
    images(acceptance)?;
    ring(acceptance)
}

/// 2: least squares do not saturate.
fn slopes(acceptance: &mut Acceptance) {
    let slope = |acceptance: &Acceptance, objective: Objective, score: f32| {
        let t = Tensor::<2>::from_floats([[score]], acceptance.device()).require_grad();
        let grads = objective.generator(None, t.clone()).backward();
        t.grad(&grads).map_or(f64::NAN, |g| g.into_scalar::<f64>().abs())
    };
    for k in [1.0, 3.0, 6.0] {
        let found = slope(acceptance, Objective::LeastSquares, 1.0 + k);
        let near = Threshold::Near { value: f64::from(k), tolerance: 1e-5 };
        acceptance.check(&format!("2 slope at {}", 1.0 + k), found, near, "least squares");
    }
    let found = slope(acceptance, Objective::NonSaturating, 6.0);
    let near = Threshold::Near { value: 0.002_47, tolerance: 1e-5 };
    acceptance.check("2 slope at a logit of 6", found, near, "cross-entropy");
}

/// 3, 4 and 6: on MNIST without batch norm, beside cross-entropy of the same networks and seeds and the other coding.
fn images(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let extractor = extractor(&dataset, &device)?;
    let naive = independent(&dataset, &extractor, N, 0)?;
    let of = |objective| AdversarialConfig { objective, ..without_norms(settings(Preset::Small, 28)) };
    let collapsed = |found: &Quality| found.present(0.02) < CLASSES || found.ffd > naive.ffd;
    let (mut counts, mut medians) = ([0.0; 2], Vec::new());
    let first = acceptance.seeds();
    // The comparison takes five seeds: those given and the next ones.
    let more = (first.iter().max().map_or(0, |last| last + 1)..).take(5usize.saturating_sub(first.len()));
    let seeds: Vec<u64> = first.iter().copied().chain(more).collect();
    for (i, objective) in
        [Objective::LeastSquares, Objective::NonSaturating, Objective::LeastSquaresPearson].into_iter().enumerate()
    {
        let mut found_ffd = Vec::new();
        for &seed in if i < 2 { &seeds } else { &first } {
            let trial = Trial { dataset: &dataset, seed, batch: 64, until: Until::Steps(2500) };
            let trained = acceptance.train::<Adversarial<LeastSquares>>(&of(objective), &trial);
            let note = format!("no batch norm, {}, pixels {:.1}", objective.name(), naive.ffd);
            let conditions = match &trained {
                Ok(trained) => trained.conditions().items(N, N).note(note),
                Err(error) => format!("seed {seed}, {note}: {error}").into(),
            };
            let found = match &trained {
                Ok(trained) => Some(quality(&trained.system, &dataset, &extractor, N, seed, &device)?),
                // A run that is not finite has collapsed.
                Err(AcceptError::Engine(_)) => None,
                Err(_) => return trained.map(|_| ()),
            };
            let ffd = found.as_ref().map_or(f64::INFINITY, |found| found.ffd);
            acceptance.check(&format!("4 ffd, {}", objective.name()), ffd, Threshold::Recorded, &conditions);
            if i == 0 && first.contains(&seed) {
                let rarest = found.as_ref().map_or(0.0, |found| found.rarest);
                acceptance.check("3 ffd / independent pixels", ffd / naive.ffd, Threshold::AtMost(0.5), &conditions);
                acceptance.check("3 rarest class", rarest, Threshold::AtLeast(0.02), conditions);
            }
            if i < 2 && found.as_ref().is_none_or(collapsed) {
                counts[i] += 1.0;
            }
            found_ffd.push(ffd);
        }
        medians.push(median(found_ffd));
    }
    let conditions =
        format!("{} seeds, collapsed: fewer than {CLASSES} classes, or ffd above the pixels'", seeds.len());
    acceptance.check("4 collapsed runs, cross-entropy", counts[1], Threshold::Recorded, &conditions);
    acceptance.check("4 collapsed runs, least squares", counts[0], Threshold::AtMost(counts[1]), &conditions);
    acceptance.check("4 median ffd, cross-entropy", medians[1], Threshold::Recorded, &conditions);
    acceptance.check("4 median ffd, least squares", medians[0], Threshold::Recorded, conditions);
    let ratio = (medians[0] / medians[2]).max(medians[2] / medians[0]);
    acceptance.check("6 ratio of both codings", ratio, Threshold::AtMost(1.5), "medians of ffd");
    Ok(())
}

/// 5, recorded: which of both losses covers a ring depends on the configuration.
fn ring(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("ring8")?;
    let device = acceptance.plain_device();
    let seed = acceptance.seeds()[0];
    for objective in [Objective::LeastSquares, Objective::NonSaturating] {
        let config = AdversarialConfig { objective, ..points() };
        let trial = Trial { dataset: &dataset, seed, batch: 256, until: Until::Steps(24_000) };
        let trained = acceptance.train::<Lsgan>(&config, &trial)?;
        let counts = count_of(&trained.system, "ring8", seed, &device)?;
        let conditions = trained.conditions().items(0, 2500);
        let (covered, near) =
            (format!("5 modes covered, {}", objective.name()), format!("5 near, {}", objective.name()));
        acceptance.check(&covered, counts.covered as f64, Threshold::Recorded, &conditions);
        acceptance.check(&near, counts.near, Threshold::Recorded, conditions);
    }
    Ok(())
}
