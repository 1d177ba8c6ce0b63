//! Acceptance checks of the plain GAN.

use burn::tensor::Tensor;
use ganvas_engine::accept::{AcceptError, Acceptance, Threshold, Trial, Until};
use ganvas_engine::system::{Build, DataSpec, System};
use ganvas_prob::stream::Streams;

use super::{Gan, small};
use crate::objectives::Objective;
use crate::systems::measures::{count_of, extractor, independent, optimum, quality};

pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    optimal_discriminator(acceptance);
    slopes(acceptance);
    learns_images(acceptance)?;
    collapses(acceptance)
}

/// 1: between N(0, 1) and N(1, 1) the best logit is 0.5 - x and the loss 2 ln 2 - 2 JSD = 1.16345.
fn optimal_discriminator(acceptance: &mut Acceptance) {
    for seed in acceptance.seeds() {
        let (loss, error) = optimum(acceptance.device(), seed, Objective::NonSaturating, |x| 0.5 - x);
        let conditions = format!("seed {seed}, 3000 steps of 1024, Adam 1e-3");
        acceptance.check("1 loss at the optimum", loss, Threshold::Near { value: 1.163, tolerance: 0.02 }, &conditions);
        acceptance.check("1 logit against 0.5 - x", error, Threshold::AtMost(0.1), conditions);
    }
}

/// 2: at a logit of -4.6 on generated items the non-saturating gradient is 0.990, the minimax one 0.010.
fn slopes(acceptance: &mut Acceptance) {
    for (objective, name, expected) in [
        (Objective::NonSaturating, "2 slope of the non-saturating loss", 0.990),
        (Objective::Minimax, "2 slope of the minimax loss", 0.010),
    ] {
        let t = Tensor::<2>::from_floats([[-4.6]], acceptance.device()).require_grad();
        let grads = objective.generator(None, t.clone()).backward();
        let slope = t.grad(&grads).map_or(f64::NAN, |g| g.into_scalar::<f64>().abs());
        acceptance.check(name, slope, Threshold::Near { value: expected, tolerance: 0.001 }, "logit -4.6");
    }
}

/// 3: on MNIST, against the untrained generator and against independent pixels.
fn learns_images(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    const N: usize = 5000;
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let extractor = extractor(&dataset, &device)?;
    for seed in acceptance.seeds() {
        let streams = Streams::new(seed);
        let config = small(false);
        let build = Build { streams, device: acceptance.device() };
        let untrained = Gan::build(&config, &DataSpec::of(&dataset), &build)?;
        let before = quality(&untrained, &dataset, &extractor, N, seed, &device)?;
        let naive = independent(&dataset, &extractor, N, seed)?;
        let trial = Trial { dataset: &dataset, seed, batch: 64, until: Until::Steps(12_000) };
        let trained = acceptance.train::<Gan>(&config, &trial)?;
        let after = quality(&trained.system, &dataset, &extractor, N, seed, &device)?;
        let note = format!("ffd {:.3}, untrained {:.1}, pixels {:.1}", after.ffd, before.ffd, naive.ffd);
        let conditions = trained.conditions().items(N, N).note(note);
        acceptance.check("3 ffd / untrained", after.ffd / before.ffd, Threshold::AtMost(0.2), &conditions);
        acceptance.check("3 ffd / independent pixels", after.ffd / naive.ffd, Threshold::AtMost(0.5), &conditions);
        acceptance.check("3 rarest class", after.rarest, Threshold::AtLeast(0.02), conditions);
    }
    Ok(())
}

/// 4, recorded: on a ring of eight modes the plain GAN collapses.
fn collapses(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("ring8")?;
    let device = acceptance.plain_device();
    for seed in acceptance.seeds() {
        let trial = Trial { dataset: &dataset, seed, batch: 256, until: Until::Steps(8000) };
        let trained = acceptance.train::<Gan>(&small(true), &trial)?;
        let counts = count_of(&trained.system, "ring8", seed, &device)?;
        let conditions = trained.conditions().items(0, 2500);
        acceptance.check("4 modes covered of 8", counts.covered as f64, Threshold::Recorded, &conditions);
        acceptance.check("4 near", counts.near, Threshold::Recorded, &conditions);
        acceptance.check("4 HQ3", counts.hq3, Threshold::Recorded, conditions);
    }
    Ok(())
}
