//! The training loop, in memory.

use std::any::Any;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::{Device, Int, Tensor, TensorData};
use ganvas_data::{Dataset, HostBatch, ItemShape, Loader, Sampling};
use ganvas_kernels::{keep_awake, with_products_in};
use ganvas_nets::noise::Noise;
use ganvas_nets::state::{State, StateError};
use ganvas_prob::stream::Streams;

use crate::EngineError;
use crate::config::{ConfigError, NonFinite, Precision, RunConfig};
use crate::replicas::{self, Others, Replica, StepOrder, words};
use crate::schedule::Schedule;
use crate::step::{GRADIENT, Guard, LossScale, Step, StepError};
use crate::system::{Batch, Conditional, Model, to_device};

/// How a session runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// The run's random streams.
    pub streams: Streams,
    /// Items of a batch.
    pub batch: usize,
    /// Steps that training is planned for.
    pub steps: u64,
    /// Steps between reports.
    pub log_every: u64,
    /// Threads that prepare batches.
    pub threads: usize,
    /// When losses are checked.
    pub guard: Guard,
    /// Whether a step whose loss or gradient is not finite is skipped.
    pub skip: bool,
    /// Parts of a batch whose gradients are added up to one update.
    pub accumulate: usize,
    /// The gradients of a network are scaled down to this Euclidean norm where theirs is larger; 0: never.
    pub clip_norm: f64,
    /// The factor of all learning rates.
    pub schedule: Schedule,
    /// What products are computed in.
    pub precision: Precision,
}

impl Options {
    /// Steps as an update rule alone would have them: checked after each, reported every hundred.
    pub fn new(streams: Streams, batch: usize, steps: u64) -> Self {
        Self {
            streams,
            batch,
            steps,
            log_every: 100,
            threads: 1,
            guard: Guard::EveryStep,
            skip: false,
            accumulate: 1,
            clip_norm: 0.0,
            schedule: Schedule::default(),
            precision: Precision::F32,
        }
    }

    /// The share of all steps that is done before step `index`.
    pub fn progress(&self, index: u64) -> f64 {
        index as f64 / self.steps.max(1) as f64
    }

    /// Those of a run.
    pub fn of(config: &RunConfig, guard: Guard) -> Self {
        let skip = config.on_non_finite == NonFinite::Skip;
        // Half precision has to find the scale of its losses.
        let every = skip || config.precision == Precision::F16;
        Self {
            log_every: config.log_every,
            threads: config.threads,
            // Who skips must see what to skip.
            guard: if every { Guard::EveryStep } else { guard },
            skip,
            accumulate: config.accumulate,
            clip_norm: config.clip_norm,
            schedule: config.schedule.clone(),
            precision: config.precision,
            ..Self::new(Streams::new(config.seed), config.batch, config.steps)
        }
    }
}

/// Steps in a row that are skipped at most.
const MOST_SKIPPED: u64 = 20;

/// What came of a step.
#[derive(Debug)]
pub struct Done {
    /// The report, where it is due.
    pub tick: Option<Tick>,
    /// Why the step was skipped.
    pub skipped: Option<StepError>,
}

/// What is reported every few steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Steps done.
    pub step: u64,
    /// Seconds of training so far, over all sittings.
    pub seconds: f64,
    /// Items seen each second since the tick before.
    pub items_per_second: f64,
    /// Losses by phase, gradient norms by network, and what else the phases recorded, of this step.
    pub figures: Vec<(String, f32)>,
}

/// A system in training.
pub struct Session<'m> {
    model: &'m mut dyn Model,
    options: Options,
    device: Device,
    dataset: Arc<Dataset>,
    /// What the loader's batches have.
    sampling: Sampling,
    loader: Loader,
    batches: usize,
    step: u64,
    started: Instant,
    seconds_before: f64,
    last_tick: (Instant, u64),
    skipped_in_a_row: u64,
    others: Option<Others>,
    scale: Option<LossScale>,
}

impl<'m> Session<'m> {
    /// Training of `model` on the training split of `dataset`, from `step` on. The device tracks gradients.
    ///
    /// # Errors
    /// If the batch does not suit the data.
    pub fn new(
        model: &'m mut dyn Model,
        dataset: &Arc<Dataset>,
        device: &Device,
        options: Options,
        step: u64,
        seconds: f64,
    ) -> Result<Self, EngineError> {
        let batches = model.batches().max(1);
        let sampling = model.sampling(options.progress(step));
        let loader = loader(dataset, &options, batches, step, sampling)?;
        let now = Instant::now();
        let half = options.precision == Precision::F16;
        Ok(Self {
            model,
            options,
            device: device.clone(),
            dataset: dataset.clone(),
            sampling,
            loader,
            batches,
            step,
            started: now,
            seconds_before: seconds,
            last_tick: (now, step),
            skipped_in_a_row: 0,
            others: None,
            scale: half.then(LossScale::default),
        })
    }

    /// The same on further devices too, each of which has the system in the state that it has on the first.
    ///
    /// # Errors
    /// If a batch cannot be shared evenly, or the system wants one device.
    pub fn beside(mut self, replicas: Vec<Replica>) -> Result<Self, EngineError> {
        let count = replicas.len() + 1;
        shareable(self.model, self.options.batch, count)?;
        if count > 1 {
            self.others = Some(Others::start(replicas, &self.device, &self.options, self.dataset.shape));
        }
        Ok(self)
    }

    /// With the scale of losses that a checkpoint has kept.
    pub fn scaled(mut self, scale: Option<LossScale>) -> Self {
        self.scale = self.scale.map(|new| scale.unwrap_or(new));
        self
    }

    /// The scale of losses, where they have one.
    pub fn loss_scale(&self) -> Option<LossScale> {
        self.scale
    }

    /// Which device failed, from 0, and why, where something was thrown while the session was at work.
    pub(crate) fn failed(&mut self, thrown: &(dyn Any + Send)) -> (usize, String) {
        self.others.as_mut().map_or_else(|| (0, words(thrown)), |others| others.failed(thrown))
    }

    /// Steps done.
    pub fn steps_done(&self) -> u64 {
        self.step
    }

    /// Seconds of training so far, over all sittings.
    pub fn seconds(&self) -> f64 {
        self.seconds_before + self.started.elapsed().as_secs_f64()
    }

    /// Does one step. It is reported (and so checked on every device) where its number is a multiple of `log_every`,
    /// and where the caller has another reason to.
    ///
    /// # Errors
    /// If data cannot be read, or a loss or gradient is not finite and the step is not to be skipped. The system is then as
    /// it was before the step.
    pub fn step(&mut self, report: bool) -> Result<Done, EngineError> {
        let sampling = self.model.sampling(self.options.progress(self.step));
        if sampling != self.sampling {
            self.loader = loader(&self.dataset, &self.options, self.batches, self.step, sampling)?;
            self.sampling = sampling;
        }
        let count = self.others.as_ref().map_or(1, |others| others.share.count);
        let mut shares = replicas::shares(self.loader.next()?, count);
        for _ in 1..self.batches {
            for (share, HostBatch { values, labels, other, .. }) in
                shares.iter_mut().zip(replicas::shares(self.loader.next()?, count))
            {
                share.values.extend(values);
                if let (Some(all), Some(more)) = (&mut share.labels, labels) {
                    all.extend(more);
                }
                if let (Some(all), Some(more)) = (&mut share.other, other) {
                    all.extend(more);
                }
            }
        }
        let index = self.step;
        let options = &self.options;
        let reported = report || (index + 1).is_multiple_of(options.log_every);
        let checked = reported || options.guard == Guard::EveryStep;
        let before = if checked { remember(self.model) } else { Vec::new() };
        let batch = upload(shares.remove(0), self.dataset.shape, &self.device);
        let scale = self.scale.map_or(1.0, LossScale::factor);
        let mut step = Step::new(options, index, &self.device, reported).scaling(scale);
        if let Some(others) = &self.others {
            others.step(shares, StepOrder { index, reported, checked, scale });
            step = step.sharing(&others.share);
        }
        let model = &mut *self.model;
        let work = || {
            with_products_in(options.precision.dtype(), || model.step(&batch, &mut step));
            step.finish()
        };
        // Replicas ask the threads of a processor for work of their own.
        let finished = if self.others.is_some() { work() } else { keep_awake(&self.device, work) };
        let (figures, skipped) = match finished {
            Ok(figures) => (figures, None),
            Err(refused) => {
                // All phases have been applied, and batch norm has averaged what passed through it.
                go_back(self.model, before);
                if let Some(others) = &self.others {
                    others.go_back();
                }
                let scaled = self.scale.is_some() && refused.what == GRADIENT;
                if !(options.skip || scaled) || self.skipped_in_a_row + 1 >= MOST_SKIPPED {
                    return Err(refused.at(index));
                }
                (Vec::new(), Some(refused))
            }
        };
        self.scale = match (self.scale, &skipped) {
            (Some(scale), None) => Some(scale.after(true)),
            (Some(scale), Some(refused)) if refused.what == GRADIENT => Some(scale.after(false)),
            (scale, _) => scale,
        };
        self.skipped_in_a_row = if skipped.is_some() { self.skipped_in_a_row + 1 } else { 0 };
        self.step += 1;
        if !reported || skipped.is_some() {
            return Ok(Done { tick: None, skipped });
        }
        let (then, before) = self.last_tick;
        let now = Instant::now();
        let items = (self.step - before) * (self.options.batch * self.batches) as u64;
        self.last_tick = (now, self.step);
        let tick = Tick {
            step: self.step,
            seconds: self.seconds(),
            items_per_second: items as f64 / (now - then).as_secs_f64().max(1e-9),
            figures,
        };
        Ok(Done { tick: Some(tick), skipped })
    }

    /// The system as it is now.
    pub fn model(&mut self) -> &mut dyn Model {
        self.model
    }

    /// Does something else with the system; the time that it takes is not counted in the items each second.
    pub fn aside<T>(&mut self, f: impl FnOnce(&dyn Model) -> T) -> T {
        let began = Instant::now();
        let done = f(self.model);
        self.last_tick.0 += began.elapsed();
        done
    }
}

/// Whether so many devices can share the batches of a system.
pub(crate) fn shareable(model: &dyn Model, batch: usize, devices: usize) -> Result<(), EngineError> {
    if !batch.is_multiple_of(devices) {
        let wanted = format!("a multiple of {devices}, the number of devices");
        return Err(ConfigError::domain("batch", wanted, batch).into());
    }
    if devices > 1 && model.wants_one_device() {
        return Err(EngineError::Whole);
    }
    Ok(())
}

/// The batches from a step on, of which each step wants so many.
fn loader(
    dataset: &Arc<Dataset>,
    options: &Options,
    batches: usize,
    step: u64,
    sampling: Sampling,
) -> Result<Loader, EngineError> {
    let first = step * batches as u64;
    Ok(Loader::by(sampling, dataset.clone(), options.batch, options.streams, first, options.threads)?)
}

/// A batch on a device.
pub fn upload(batch: HostBatch, shape: ItemShape, device: &Device) -> Batch {
    let items = to_device(batch.values, shape, device);
    let n = items.dims()[0];
    let labels = batch.labels.map(|labels| {
        let labels: Vec<i64> = labels.into_iter().map(i64::from).collect();
        Tensor::<1, Int>::from_data(TensorData::new(labels, [n]), device)
    });
    let other = batch.other.map(|values| to_device(values, shape, device));
    Batch { items, labels, other, shape }
}

/// Samples are drawn in groups of this many, each with noise of its own: the first sample is the same whether ten are
/// asked for or ten thousand.
const GROUP: usize = 100;

/// `n` samples of a system, row-major `[n, values]`, on the host. `device` does not track gradients.
pub fn sample(model: &dyn Model, n: usize, streams: &Streams, device: &Device) -> Vec<f32> {
    sample_range(model, 0..n, streams, device)
}

/// The samples of these numbers among those that [`sample`] gives, so that never all of them are in memory. A range that
/// begins and ends at multiples of 100 draws none in vain.
pub fn sample_range(model: &dyn Model, wanted: Range<usize>, streams: &Streams, device: &Device) -> Vec<f32> {
    in_groups(wanted, streams, device, |noise| model.sample(GROUP, noise))
}

/// The samples of these numbers of one class. Those of the same number have the same noise in every class.
pub fn sample_class(
    model: &dyn Conditional,
    class: usize,
    wanted: Range<usize>,
    streams: &Streams,
    device: &Device,
) -> Vec<f32> {
    in_groups(wanted, streams, device, |noise| model.sample_of(&[class; GROUP], noise))
}

fn in_groups(wanted: Range<usize>, streams: &Streams, device: &Device, draw: impl Fn(&Noise) -> Tensor<2>) -> Vec<f32> {
    let mut values = Vec::new();
    for group in wanted.start / GROUP..wanted.end.div_ceil(GROUP) {
        let noise = Noise::new(*streams, "sample", group as u64, device);
        let samples = keep_awake(device, || draw(&noise));
        let size = samples.dims()[1];
        let before = wanted.start.saturating_sub(group * GROUP);
        let until = GROUP.min(wanted.end - group * GROUP);
        values.extend(samples.to_data().iter::<f32>().take(until * size).skip(before * size));
    }
    values
}

/// All parts of a system as they are now, in memory.
pub(crate) fn remember(model: &mut dyn Model) -> Vec<Box<dyn Any>> {
    model.parts().iter().map(|(_, part)| part.remember()).collect()
}

/// Puts a system back to what [`remember`] gave.
pub(crate) fn go_back(model: &mut dyn Model, before: Vec<Box<dyn Any>>) {
    for ((_, part), before) in model.parts().into_iter().zip(before) {
        part.go_back(before);
    }
}

/// Everything that a system keeps.
pub fn state_of(model: &mut dyn Model) -> State {
    let mut state = State::default();
    for (name, part) in model.parts() {
        part.save(name, &mut state);
    }
    state
}

/// Puts a system into a state.
///
/// # Errors
/// If the state is not one of this system.
pub fn restore(model: &mut dyn Model, mut state: State) -> Result<(), StateError> {
    for (name, part) in model.parts() {
        part.load(name, &mut state)?;
    }
    state.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_nets::state::Part;

    /// Samples are the noise that they are drawn with.
    struct Noises;

    impl Model for Noises {
        fn step(&mut self, _: &Batch, _: &mut Step) {}

        fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
            noise.normal("x", [n, 3])
        }

        fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
            Vec::new()
        }
    }

    #[test]
    fn any_range_of_samples_is_that_of_all_of_them() {
        let (streams, device) = (Streams::new(1), Device::flex());
        let all = sample(&Noises, 350, &streams, &device);
        for range in [0..350, 0..100, 100..200, 30..40, 90..310, 299..301, 350..350] {
            let part = sample_range(&Noises, range.clone(), &streams, &device);
            assert_eq!(part, all[range.start * 3..range.end * 3], "{range:?}");
        }
    }

    /// Balanced batches are asked for in the middle half of the steps; what is seen is the number of items of class 1.
    struct Middle(Vec<usize>);

    impl Model for Middle {
        fn step(&mut self, batch: &Batch, _: &mut Step) {
            let labels = batch.labels.clone().unwrap().to_data();
            self.0.push(labels.iter::<i64>().filter(|&label| label == 1).count());
        }

        fn batches(&self) -> usize {
            2
        }

        fn sampling(&self, progress: f64) -> Sampling {
            if (0.25..0.75).contains(&progress) { Sampling::Balanced } else { Sampling::Shuffled }
        }

        fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
            noise.normal("x", [n, 1])
        }

        fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
            Vec::new()
        }
    }

    /// One item in 100 is of class 1.
    #[test]
    fn batches_are_balanced_in_the_steps_that_ask_for_it_and_after_a_break_too() {
        let labels = (0..200).map(|i| u32::from(i % 100 == 0)).collect();
        let values = ganvas_data::Values::F32(vec![0.0; 200]);
        let split = ganvas_data::Split { values, labels: Some(labels), len: 200 };
        let shape = ItemShape::Points { dims: 1 };
        let names = vec!["a".into(), "b".into()];
        let dataset = Arc::new(Dataset::new("rare", "", shape, names, split.clone(), split, "").unwrap());
        let seen = |from: u64| {
            let mut model = Middle(Vec::new());
            let options = Options::new(Streams::new(1), 50, 20);
            let device = Device::flex();
            let mut session = Session::new(&mut model, &dataset, &device, options, from, 0.0).unwrap();
            (from..20).for_each(|_| drop(session.step(false).unwrap()));
            model.0
        };
        let whole = seen(0);
        for (step, &count) in whole.iter().enumerate() {
            assert_eq!((5..15).contains(&step), count > 20, "step {step}: {count} of 100");
        }
        for from in [3, 5, 9, 15] {
            assert_eq!(seen(from), whole[from as usize..]);
        }
    }
}
