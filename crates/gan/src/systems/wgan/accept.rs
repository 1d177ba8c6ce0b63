//! Acceptance checks of WGAN and WGAN-GP.

use burn::module::ModuleVisitor;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance, Conditions, Threshold, Trial, Until};
use ganvas_engine::session::{Options, Session, sample};
use ganvas_engine::step::Step;
use ganvas_engine::system::{Batch, Build, DataSpec, System};
use ganvas_nets::init::{Init, Initializer};
use ganvas_nets::layers::Activation;
use ganvas_nets::mlp::{Mlp, MlpConfig};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::{OptimizerConfig, Trained};
use ganvas_prob::distance::energy_distance;
use ganvas_prob::stream::Streams;

use super::{Clipped, Penalized, clipped as clipped_form, images, points};
use crate::objectives::Objective;
use crate::regularizers::{GradientPenalty, clip, interpolates};
use crate::systems::adversarial::{Adversarial, AdversarialConfig, Penalty, Recipe};
use crate::systems::gan::Gan;
use crate::systems::measures::{count_of, extractor, independent, quality, rank_correlation};

pub(super) fn penalized(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    distances(acceptance);
    covers(acceptance)?;
    tracks::<Penalized>(acceptance, points(128), "grid25", 0.8)?;
    without_norms(acceptance)
}

pub(super) fn clipped(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    clipped_distances(acceptance);
    let seed = acceptance.seeds()[0];
    let dataset = acceptance.data("ring8")?;
    let config = clipped_form(points(128));
    let trial = Trial { dataset: &dataset, seed, batch: 256, until: Until::Steps(10_000) };
    let trained = acceptance.train::<Adversarial<Clipped>>(&config, &trial)?;
    let largest = largest_weight(&trained.system.discriminator.net);
    acceptance.check(
        "4 largest weight",
        largest,
        Threshold::AtMost(0.01 + 1e-9),
        format!("seed {seed}, ring8, 10,000 steps"),
    );
    let counts = count_of(&trained.system, "ring8", seed, &acceptance.plain_device())?;
    let conditions = trained.conditions().items(0, 2500);
    acceptance.check("2 modes covered of 8", counts.covered as f64, Threshold::Recorded, &conditions);
    acceptance.check("2 near", counts.near, Threshold::Recorded, conditions);
    tracks::<Clipped>(acceptance, config, "ring8", 0.6)
}

/// A critic between N(0, I) and N((m, 0), I): what it estimates, and the norms of its gradient between them.
fn critic(m: f64, seed: u64, device: &Device, penalty: bool) -> (f64, f64) {
    const STEPS: u64 = 2000;
    let config = MlpConfig::new(&[128, 128], Activation::Relu, Initializer::He);
    let streams = Streams::new(seed);
    let mut init = Init::new(&streams, "critic", config.init, device);
    let optimizer = match penalty {
        true => OptimizerConfig::Adam { lr: 1e-3, beta1: 0.0, beta2: 0.9, epsilon: 1e-8 },
        false => OptimizerConfig::RmsProp { lr: 5e-5, alpha: 0.99, epsilon: 1e-8 },
    };
    let mut trained = Trained::new(Mlp::new(2, 1, &config, &mut init), optimizer);
    let shift = Tensor::<2>::from_floats([[m as f32, 0.0]], device);
    let (mut estimates, mut norms) = (Vec::new(), Vec::new());
    for step in 0..STEPS {
        let noise = Noise::new(streams, "critic", step, device);
        let real = noise.normal("real", [512, 2]);
        let fake = noise.normal("fake", [512, 2]) + shift.clone();
        let score = |net: &Mlp, x: Tensor<2>| net.forward(x, Pass::Eval);
        let loss =
            Objective::Wasserstein.discriminator(score(&trained.net, real.clone()), score(&trained.net, fake.clone()));
        if step >= STEPS - 100 {
            estimates.push(-loss.clone().into_scalar::<f64>());
        }
        let loss = match penalty {
            true => {
                let frozen = trained.frozen();
                let between = interpolates(real, fake, &noise);
                let found =
                    GradientPenalty::TwoSided.of(between, |x| score(&frozen, x), |x| trained.net.dual(x, Pass::Eval));
                if step >= STEPS - 100 {
                    norms.push(found.norms.mean().into_scalar::<f64>());
                }
                loss + found.penalty.mul_scalar(10.0)
            }
            false => loss,
        };
        let gradients = trained.gradients(loss);
        let rate = if step >= STEPS * 3 / 4 { 0.2 } else { 1.0 };
        trained.apply(gradients, rate);
        if !penalty {
            trained.net = clip(trained.net, 0.01);
        }
    }
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    (mean(estimates), mean(norms))
}

/// 1 and 4: the estimate between two Gaussians at a distance m. The penalty is soft, so that the best slope is 1 + m / (2 lambda)
/// and the estimate m (1 + m / (2 lambda)).
fn distances(acceptance: &mut Acceptance) {
    let device = acceptance.device().clone();
    for seed in acceptance.seeds() {
        for m in [0.5, 1.0, 2.0] {
            let (estimate, norm) = critic(m, seed, &device, true);
            let conditions = format!("seed {seed}, N(0, I) and N(({m}, 0), I), lambda 10, 2000 steps of 512");
            let expected = m * (1.0 + m / 20.0);
            let near = Threshold::Near { value: expected, tolerance: 0.1 * expected };
            acceptance.check(&format!("1 estimate at {m}"), estimate, near, &conditions);
            acceptance.check("4 gradient norm, at least", norm, Threshold::AtLeast(0.8), &conditions);
            acceptance.check("4 gradient norm, at most", norm, Threshold::AtMost(1.3), conditions);
        }
    }
}

/// 1: with clipped weights the estimate has an unknown scale, but grows with the distance.
fn clipped_distances(acceptance: &mut Acceptance) {
    let device = acceptance.device().clone();
    for seed in acceptance.seeds() {
        let found = [0.5, 1.0, 2.0].map(|m| critic(m, seed, &device, false).0);
        for (i, pair) in found.windows(2).enumerate() {
            let name = format!("1 growth of the estimate, {}", ["0.5 to 1", "1 to 2"][i]);
            let conditions = format!("seed {seed}, clip 0.01, 2000 steps of 512: {:.2e} to {:.2e}", pair[0], pair[1]);
            acceptance.check(&name, pair[1] / pair[0], Threshold::AtLeast(1.0), conditions);
        }
    }
}

/// 2: modes on the ring and on the grid; on the grid against the cross-entropy of the same networks and optimiser.
fn covers(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let device = acceptance.plain_device();
    for seed in acceptance.seeds() {
        for (id, steps, least, near) in [("ring8", 1500, 8.0, 0.6), ("grid25", 3000, 25.0, 0.5)] {
            let dataset = acceptance.data(id)?;
            let trial = Trial { dataset: &dataset, seed, batch: 256, until: Until::Steps(steps) };
            let trained = acceptance.train::<Adversarial<Penalized>>(&points(128), &trial)?;
            let counts = count_of(&trained.system, id, seed, &device)?;
            let conditions = trained.conditions().items(0, 2500);
            let covered = counts.covered as f64;
            acceptance.check(&format!("2 modes covered, {id}"), covered, Threshold::AtLeast(least), &conditions);
            acceptance.check(&format!("2 near, {id}"), counts.near, Threshold::AtLeast(near), &conditions);
            acceptance.check(&format!("2 HQ3, {id}"), counts.hq3, Threshold::Recorded, conditions);
            if id == "grid25" {
                let plain = AdversarialConfig {
                    objective: Objective::NonSaturating,
                    penalty: Penalty::default(),
                    critic_steps: 1,
                    ..points(128)
                };
                let trial = Trial { dataset: &dataset, seed, batch: 256, until: Until::Steps(9000) };
                let trained = acceptance.train::<Gan>(&plain, &trial)?;
                let theirs = count_of(&trained.system, id, seed, &device)?;
                let note = format!(
                    "cross-entropy, same networks: {} modes, near {:.2}, HQ3 {:.2}",
                    theirs.covered, theirs.near, theirs.hq3
                );
                let conditions = trained.conditions().items(0, 2500).note(note);
                let more = covered - theirs.covered as f64;
                acceptance.check("2 modes more than cross-entropy", more, Threshold::AtLeast(4.0), conditions);
            }
        }
    }
    Ok(())
}

/// 3: the critic's estimate and the energy distance over training rank alike; the plain GAN's loss is beside them.
fn tracks<R: Recipe>(
    acceptance: &mut Acceptance,
    config: AdversarialConfig,
    id: &str,
    least: f64,
) -> Result<(), AcceptError> {
    const CHECKPOINTS: u64 = 20;
    // With 1,000 the distance's own noise hides how it ranks late in training, when it is a hundredth of the first one.
    const SAMPLES: usize = 5000;
    let dataset = acceptance.data(id)?;
    let (device, plain) = (acceptance.device().clone(), acceptance.plain_device());
    // Over the whole of a run: the distance falls by two orders of magnitude, and not only within its noise.
    let every = if config.clip > 0.0 { 500 } else { 150 };
    let losses = AdversarialConfig {
        objective: Objective::NonSaturating,
        penalty: Penalty::default(),
        clip: 0.0,
        critic_steps: 1,
        ..config.clone()
    };
    for seed in acceptance.seeds() {
        let streams = Streams::new(seed);
        let spec = DataSpec::of(&dataset);
        let build = Build { streams, device: &device };
        let real: Vec<f64> = dataset.train.first(SAMPLES).into_iter().map(f64::from).collect();
        let mut ours = Adversarial::<R>::build(&config, &spec, &build)?;
        let mut theirs = Gan::build(&losses, &spec, &build)?;
        let (mut estimates, mut distances) = (Vec::new(), Vec::new());
        let (mut plain_losses, mut plain_distances) = (Vec::new(), Vec::new());
        for checkpoint in 0..CHECKPOINTS {
            let from = checkpoint * every;
            let to_real = |samples: Vec<f32>| {
                let samples: Vec<f64> = samples.into_iter().map(f64::from).collect();
                energy_distance(&samples, &real, 2).map_err(AcceptError::figure)
            };
            let fork = streams.fork("eval");
            distances.push(to_real(sample(&ours, SAMPLES, &fork, &plain))?);
            estimates.push(estimate(&mut ours.clone(), &dataset.train, dataset.shape, streams, from, &device)?);
            plain_distances.push(to_real(sample(&theirs, SAMPLES, &fork, &plain))?);
            let options = || Options { log_every: every, ..Options::new(streams, 256, CHECKPOINTS * every) };
            let mut session = Session::new(&mut ours, &dataset, &device, options(), from, 0.0)?;
            for _ in 0..every {
                session.step(false)?;
            }
            drop(session);
            let mut session = Session::new(&mut theirs, &dataset, &device, options(), from, 0.0)?;
            let mut tick = None;
            for step in 0..every {
                tick = session.step(step == 0)?.tick.or(tick);
            }
            let loss = tick.iter().flat_map(|tick| &tick.figures).find(|(name, _)| name == "generator");
            plain_losses.push(loss.map_or(f64::NAN, |(_, value)| f64::from(*value)));
        }
        let conditions = Conditions {
            seed: Some(seed),
            data: id.into(),
            steps: CHECKPOINTS * every,
            batch: 256,
            note: format!("{CHECKPOINTS} checkpoints, energy distance"),
            ..Conditions::default().items(SAMPLES, SAMPLES)
        };
        let ours = rank_correlation(&estimates, &distances);
        acceptance.check("3 rank correlation of the estimate", ours, Threshold::AtLeast(least), &conditions);
        let theirs = rank_correlation(&plain_losses, &plain_distances);
        acceptance.check("3 the same of the plain GAN's loss", theirs, Threshold::Recorded, conditions);
    }
    Ok(())
}

/// The mean of the critic's estimate over 20 batches, after 50 more updates of the critic alone.
fn estimate<R: Recipe>(
    system: &mut Adversarial<R>,
    train: &ganvas_data::Split,
    shape: ItemShape,
    streams: Streams,
    checkpoint: u64,
    device: &Device,
) -> Result<f64, AcceptError> {
    let options = Options::new(streams.fork("critic"), 256, 1);
    let mut sum = 0.0;
    for i in 0..70 {
        let rng = &mut streams.fork("critic").rng_at("batch", checkpoint, i);
        let order = ganvas_prob::stream::permutation(rng, train.len);
        let items = ganvas_engine::system::to_device(train.gather(&order[..256]), shape, device);
        let batch = Batch { items, labels: None, other: None, shape };
        let mut step = Step::new(&options, checkpoint * 100 + i, device, true);
        system.update_discriminator(&batch, &mut step);
        let figures = step.finish().map_err(|refused| refused.at(checkpoint))?;
        let found = figures.iter().find(|(name, _)| name == "divergence/estimate");
        if i >= 50 {
            sum += found.map_or(f64::NAN, |(_, value)| f64::from(*value));
        }
    }
    Ok(sum / 20.0)
}

/// 5: fully connected networks without any norm learn MNIST.
fn without_norms(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    const N: usize = 5000;
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let extractor = extractor(&dataset, &device)?;
    for seed in acceptance.seeds() {
        let naive = independent(&dataset, &extractor, N, seed)?;
        let trial = Trial { dataset: &dataset, seed, batch: 64, until: Until::Steps(2500) };
        let trained = acceptance.train::<Adversarial<Penalized>>(&images(), &trial)?;
        let found = quality(&trained.system, &dataset, &extractor, N, seed, &device)?;
        let note = format!("ffd {:.2}, pixels {:.1}, rarest class {:.3}", found.ffd, naive.ffd, found.rarest);
        let conditions = trained.conditions().items(N, N).note(note);
        acceptance.check("5 ffd / independent pixels", found.ffd / naive.ffd, Threshold::AtMost(0.5), conditions);
    }
    Ok(())
}

/// The largest absolute value of a network's parameters.
fn largest_weight(network: &impl Module) -> f64 {
    struct Largest(f64);
    impl ModuleVisitor for Largest {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.0 = self.0.max(param.val().abs().max().into_scalar::<f64>());
        }
    }
    let mut largest = Largest(0.0);
    network.visit(&mut largest);
    largest.0
}
