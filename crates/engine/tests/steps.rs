//! What the engine does with a step of any system: parts of a batch, clipping, schedules, steps that are refused.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use ganvas_data::OpenOptions;
use ganvas_engine::EngineError;
use ganvas_engine::config::Precision;
use ganvas_engine::replicas::Replica;
use ganvas_engine::schedule::{Kind, Schedule};
use ganvas_engine::session::{Options, Session, state_of};
use ganvas_engine::step::Step;
use ganvas_engine::system::{Batch, Build, Model};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::Linear;
use ganvas_nets::noise::Noise;
use ganvas_nets::optim::{OptimizerConfig, Trained};
use ganvas_nets::state::{Part, State};
use ganvas_prob::stream::Streams;

/// Two linear networks: the first learns the points with noise on them, the second follows the first.
struct Toy {
    first: Trained<Linear>,
    second: Trained<Linear>,
    /// The loss of the second network is infinite at this step.
    breaks_at: Option<u64>,
    /// Of both losses.
    factor: f32,
}

impl Toy {
    fn new(optimizer: OptimizerConfig) -> Self {
        let (streams, device) = (Streams::new(1), Device::flex().autodiff());
        let build = Build { streams, device: &device };
        let net = |name| Linear::new(2, 2, true, &mut build.init(name, Initializer::He));
        let (first, second) = (net("first"), net("second"));
        Self {
            first: Trained::new(first, optimizer),
            second: Trained::new(second, optimizer),
            breaks_at: None,
            factor: 1.0,
        }
    }
}

impl Model for Toy {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        step.phase("first").update("first", &mut self.first, batch, |net, micro| {
            let x = micro.batch.items.clone();
            let noise = micro.noise.normal("noise", x.dims());
            micro.record("noise", noise.clone());
            (net.forward(x.clone() + noise, micro.pass()) - x).square().mean().mul_scalar(self.factor)
        });
        let target = self.first.frozen();
        let factor = if self.breaks_at == Some(step.index()) { f32::INFINITY } else { self.factor };
        step.phase("second").update("second", &mut self.second, batch, |net, micro| {
            let x = micro.batch.items.clone();
            (net.forward(x.clone(), micro.pass()) - target.forward(x, micro.pass())).square().mean().mul_scalar(factor)
        });
    }

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        noise.normal("x", [n, 2])
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        vec![("first", &mut self.first), ("second", &mut self.second)]
    }
}

/// All figures of some steps, and everything that the system keeps afterwards.
type Trace = (Vec<(String, f32)>, Vec<f32>);

fn train(toy: &mut Toy, options: Options) -> Trace {
    let dataset = Arc::new(ganvas_data::open("ring8", &OpenOptions::default()).unwrap());
    let (steps, device) = (options.steps, Device::flex().autodiff());
    let mut session = Session::new(toy, &dataset, &device, options, 0, 0.0).unwrap();
    let ticks: Vec<_> = (0..steps).filter_map(|_| session.step(true).unwrap().tick).collect();
    (ticks.into_iter().flat_map(|tick| tick.figures).collect(), kept(toy))
}

fn kept(toy: &mut Toy) -> Vec<f32> {
    state_of(toy).entries().values().flat_map(|data| data.iter::<f32>().collect::<Vec<_>>()).collect()
}

fn options(batch: usize, steps: u64) -> Options {
    Options::new(Streams::new(3), batch, steps)
}

/// Momentum descent: unlike Adam's, its steps are as long as its gradients.
fn descent(lr: f64) -> OptimizerConfig {
    OptimizerConfig::Sgd { lr, decay: 1.0, lr_min: 0.0, momentum: 0.5, momentum_end: 0.5, momentum_steps: 1 }
}

#[test]
fn parts_of_a_batch_make_the_update_of_the_whole() {
    for optimizer in [descent(0.05), OptimizerConfig::adam(0.01, 0.5)] {
        let whole = train(&mut Toy::new(optimizer), options(50, 30));
        // Seven parts of fifty are not of one size.
        for accumulate in [2, 7, 50] {
            let options = Options { accumulate, ..options(50, 30) };
            let parts = train(&mut Toy::new(optimizer), options);
            assert_same(&whole, &parts, &format!("{accumulate} parts"));
        }
    }
}

/// What [`train`] gives, on so many devices, each of which is this machine's processor.
fn train_on(devices: usize, make: impl Fn() -> Toy, options: Options) -> Result<Trace, EngineError> {
    let dataset = Arc::new(ganvas_data::open("ring8", &OpenOptions::default()).unwrap());
    let (steps, device) = (options.steps, Device::flex().autodiff());
    let replica = || Replica { model: Box::new(make()), device: device.clone() };
    let mut toy = make();
    let session = Session::new(&mut toy, &dataset, &device, options, 0, 0.0)?;
    let mut session = session.beside((1..devices).map(|_| replica()).collect())?;
    let mut figures = Vec::new();
    for _ in 0..steps {
        figures.extend(session.step(true)?.tick.map_or_else(Vec::new, |tick| tick.figures));
    }
    drop(session);
    Ok((figures, kept(&mut toy)))
}

#[test]
fn several_devices_make_the_update_of_one() {
    for optimizer in [descent(0.05), OptimizerConfig::adam(0.01, 0.5)] {
        let one = train(&mut Toy::new(optimizer), options(60, 30));
        for (devices, accumulate) in [(1, 1), (2, 1), (3, 1), (2, 3)] {
            let options = Options { accumulate, ..options(60, 30) };
            let all = train_on(devices, || Toy::new(optimizer), options).unwrap();
            assert_same(&one, &all, &format!("{devices} devices"));
        }
    }
}

#[test]
fn a_batch_that_cannot_be_shared_is_refused() {
    let error = train_on(3, || Toy::new(descent(0.05)), options(50, 1)).unwrap_err().to_string();
    assert!(error.contains("multiple of 3"), "{error}");
}

/// A step that one device alone would refuse: it is skipped on all of them, and they go on as one would.
#[test]
fn several_devices_skip_a_step_together() {
    let make = || Toy { breaks_at: Some(3), ..Toy::new(OptimizerConfig::adam(0.01, 0.5)) };
    let options = Options { skip: true, ..options(60, 10) };
    let (one, one_state) = train(&mut make(), options.clone());
    let (all, state) = train_on(2, make, options).unwrap();
    assert_eq!(one.len(), all.len());
    let apart = apart(&one_state, &state);
    assert!(apart < 1e-5, "{apart}");
}

/// The same training with products in 16 bits, on one device and on two.
#[test]
fn mixed_precision_trains_as_single_precision_does() {
    let make = || Toy::new(OptimizerConfig::adam(0.01, 0.5));
    let (_, single) = train(&mut make(), options(60, 30));
    for devices in [1, 2] {
        let options = Options { precision: Precision::Bf16, ..options(60, 30) };
        let (_, state) = train_on(devices, make, options).unwrap();
        let apart = apart(&single, &state);
        assert!(0.0 < apart && apart < 0.03, "{devices} devices: {apart}");
    }
}

/// Losses whose gradients are below what half precision can tell from 0, and such whose scaled gradients are beyond it.
#[test]
fn half_precision_finds_the_scale_of_its_losses() {
    let dataset = Arc::new(ganvas_data::open("ring8", &OpenOptions::default()).unwrap());
    let device = Device::flex().autodiff();
    for factor in [1e-9, 1.0, 1e4] {
        let make = || Toy { factor, ..Toy::new(OptimizerConfig::adam(0.01, 0.5)) };
        let mut single = make();
        train(&mut single, options(60, 60));
        for devices in [1, 2] {
            let options = Options { precision: Precision::F16, ..options(60, 80) };
            let mut toy = make();
            let session = Session::new(&mut toy, &dataset, &device, options, 0, 0.0).unwrap();
            let others = (1..devices).map(|_| Replica { model: Box::new(make()), device: device.clone() });
            let mut session = session.beside(others.collect()).unwrap();
            let (mut done, mut skipped) = (0, 0);
            while done < 60 {
                match session.step(true).unwrap().skipped {
                    None => done += 1,
                    Some(_) => skipped += 1,
                }
            }
            assert_eq!(session.loss_scale().unwrap().exponent, 16 - skipped, "{factor}");
            assert_eq!(skipped == 0, factor < 1.0, "{factor}: {skipped} were skipped");
            drop(session);
            // As many updates of at most about 0.01, on other batches where some were skipped.
            let apart = apart(&weights(&mut single), &weights(&mut toy));
            assert!(apart < if skipped == 0 { 0.005 } else { 0.1 }, "{factor}: {apart}");
        }
    }
}

/// The same figures and the same state, up to rounding.
#[track_caller]
fn assert_same((figures, state): &Trace, (other_figures, other_state): &Trace, what: &str) {
    assert_eq!(figures.len(), other_figures.len());
    for ((name, a), (other, b)) in figures.iter().zip(other_figures) {
        assert_eq!(name, other);
        assert!((a - b).abs() < 1e-5 * a.abs().max(1.0), "{name}, {what}: {a} against {b}");
    }
    let apart = apart(state, other_state);
    assert!(apart < 1e-5, "{what}: {apart}");
}

fn weights(toy: &mut Toy) -> Vec<f32> {
    let state = state_of(toy);
    let weights = state.entries().iter().filter(|(name, _)| !name.contains("/optimizer"));
    weights.flat_map(|(_, data)| data.iter::<f32>()).collect()
}

fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// How far one step of descent moves a network.
fn moved(name: &str, options: Options) -> f64 {
    let mut toy = Toy::new(descent(0.1));
    let before = state_of(&mut toy);
    train(&mut toy, options);
    let after = state_of(&mut toy);
    let keys = [format!("{name}.weight"), format!("{name}.bias")];
    let values =
        |state: &State| -> Vec<f64> { keys.iter().flat_map(|key| state.entries()[key].iter::<f64>()).collect() };
    values(&before).into_iter().zip(values(&after)).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

/// An update by descent is the learning rate times the gradient.
#[test]
fn clipping_bounds_the_update_of_each_network() {
    for name in ["first", "second"] {
        let free = moved(name, options(50, 1));
        let clipped = moved(name, Options { clip_norm: 1e-2, ..options(50, 1) });
        assert!(free > 2e-3, "there is something to clip: {free}");
        assert!((clipped - 1e-3).abs() < 1e-6, "{name}: {clipped}");
    }
}

#[test]
fn a_schedule_scales_the_updates() {
    let warmup = Schedule { kind: Kind::Cosine, warmup: 10, ..Schedule::default() };
    let (whole, tenth) =
        (moved("first", options(50, 1)), moved("first", Options { schedule: warmup, ..options(50, 1) }));
    assert!((whole - 10.0 * tenth).abs() < 1e-4 * whole, "{whole} is not ten times {tenth}");
}

#[test]
fn a_refused_step_leaves_nothing_behind() {
    let mut toy = Toy { breaks_at: Some(3), ..Toy::new(OptimizerConfig::adam(0.01, 0.5)) };
    let dataset = Arc::new(ganvas_data::open("ring8", &OpenOptions::default()).unwrap());
    let device = Device::flex().autodiff();
    let mut session = Session::new(&mut toy, &dataset, &device, options(20, 10), 0, 0.0).unwrap();
    for _ in 0..3 {
        session.step(false).unwrap();
    }
    let before = state_of(session.model());
    let error = session.step(false).unwrap_err().to_string();
    assert!(error.contains("loss of the second is inf in phase `second` of step 3"), "{error}");
    let after = state_of(session.model());
    for (name, data) in before.entries() {
        assert_eq!(data, &after.entries()[name], "{name}");
    }
}

#[test]
fn a_step_is_skipped_and_the_next_one_is_done() {
    let mut toy = Toy { breaks_at: Some(3), ..Toy::new(OptimizerConfig::adam(0.01, 0.5)) };
    let dataset = Arc::new(ganvas_data::open("ring8", &OpenOptions::default()).unwrap());
    let device = Device::flex().autodiff();
    let options = Options { skip: true, ..options(20, 10) };
    let mut session = Session::new(&mut toy, &dataset, &device, options, 0, 0.0).unwrap();
    let skipped: Vec<bool> = (0..5).map(|_| session.step(false).unwrap().skipped.is_some()).collect();
    assert_eq!(skipped, [false, false, false, true, false]);
    assert_eq!(toy.second.updates(), 4);
    assert_eq!(toy.first.updates(), 4, "the first network's update of that step is taken back");
}

/// A critic that is updated twice sees two batches and two draws of noise.
#[test]
fn a_step_may_want_several_batches() {
    struct Twice {
        net: Trained<Linear>,
        seen: Vec<Vec<f32>>,
    }
    impl Model for Twice {
        fn step(&mut self, batch: &Batch, step: &mut Step) {
            let n = batch.len() / 2;
            for part in [batch.rows(0..n), batch.rows(n..2 * n)] {
                let seen = std::cell::RefCell::new(Vec::new());
                step.phase("critic").update("net", &mut self.net, &part, |net, micro| {
                    let noise = micro.noise.normal("noise", [1, 2]);
                    let x = micro.batch.items.clone();
                    seen.borrow_mut().extend(x.to_data().iter::<f32>().chain(noise.to_data().iter::<f32>()));
                    net.forward(x, micro.pass()).square().mean()
                });
                self.seen.push(seen.into_inner());
            }
        }

        fn batches(&self) -> usize {
            2
        }

        fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
            noise.normal("x", [n, 2])
        }

        fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
            vec![("net", &mut self.net)]
        }
    }
    let dataset = Arc::new(ganvas_data::open("ring8", &OpenOptions::default()).unwrap());
    let device = Device::flex().autodiff();
    let seen = |from: u64, steps: u64| {
        let mut model = Twice { net: Toy::new(descent(0.1)).first, seen: Vec::new() };
        let mut session = Session::new(&mut model, &dataset, &device, options(20, 9), from, 0.0).unwrap();
        for _ in 0..steps {
            session.step(false).unwrap();
        }
        model.seen
    };
    let all = seen(0, 3);
    assert_eq!(all.len(), 6);
    for (i, a) in all.iter().enumerate() {
        assert_eq!(a.len(), 42);
        for b in &all[..i] {
            assert!(a[..40] != b[..40] && a[40..] != b[40..], "each has items and noise of its own");
        }
    }
    assert_eq!(seen(2, 1), all[4..], "a resumed run goes on with the same");
}
