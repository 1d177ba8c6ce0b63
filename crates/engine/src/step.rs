//! What an update rule is given.

use std::cell::RefCell;

use burn::module::Module;
use burn::optim::GradientsAccumulator;
use burn::tensor::{Device, Tensor};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::{Trained, clipped, scaled, squared_norm};
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::replicas::Share;
use crate::session::Options;
use crate::system::Batch;

/// After which steps their losses and gradient norms are read from the device, all at once, and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// After every step: free on a CPU.
    EveryStep,
    /// After the steps that are reported: reading a value makes a GPU wait.
    AtTicks,
}

/// What is not finite where a step is refused: a loss, or the norm of a gradient.
const LOSS: &str = "loss";
pub(crate) const GRADIENT: &str = "gradient norm";

/// A step that is refused: a loss or a gradient was no finite number.
#[derive(Clone, Debug, PartialEq)]
pub struct StepError {
    /// "loss" or "gradient norm".
    pub what: &'static str,
    /// The network that was to be updated.
    pub network: String,
    /// The phase of the update rule.
    pub phase: String,
    /// The value found.
    pub value: f32,
}

impl StepError {
    /// The error that stops training at this step, from 0.
    pub fn at(self, step: u64) -> EngineError {
        let Self { what, network, phase, value } = self;
        EngineError::NonFinite { what, network, phase, step, value, kept: String::new() }
    }
}

/// The factor that losses have while their gradients are computed in half precision, so that small ones do not vanish: halved
/// where a gradient is not finite, doubled after 2,000 steps in which all were (Micikevicius et al. 2018, section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossScale {
    /// Its logarithm to base 2.
    pub exponent: u32,
    /// Steps since it was changed.
    pub steps: u32,
}

impl Default for LossScale {
    fn default() -> Self {
        Self { exponent: 16, steps: 0 }
    }
}

impl LossScale {
    /// Steps after which it is doubled.
    const GROWTH: u32 = 2000;
    /// Beyond, the loss itself would overflow.
    const LARGEST: u32 = 32;

    /// 2^exponent.
    pub fn factor(self) -> f64 {
        f64::from(self.exponent).exp2()
    }

    /// After a step whose gradients were all finite, or were not.
    pub(crate) fn after(self, finite: bool) -> Self {
        match (finite, self.steps + 1) {
            (false, _) => Self { exponent: self.exponent.saturating_sub(1), steps: 0 },
            (true, Self::GROWTH) => Self { exponent: (self.exponent + 1).min(Self::LARGEST), steps: 0 },
            (true, steps) => Self { steps, ..self },
        }
    }
}

/// One step of an update rule.
pub struct Step<'a> {
    options: &'a Options,
    index: u64,
    device: &'a Device,
    reported: bool,
    figures: Vec<(String, Tensor<1>)>,
    /// What has to be finite, in the order of the updates.
    guarded: Vec<Guarded>,
    /// The phases begun so far.
    begun: Vec<&'static str>,
    /// What this has to do with the same step on other devices.
    share: Option<&'a Share>,
    /// The factor of losses for their gradients.
    scale: f64,
}

/// A loss or gradient norm that is still on the device.
struct Guarded {
    what: &'static str,
    network: String,
    phase: &'static str,
    value: Tensor<1>,
}

impl<'a> Step<'a> {
    /// Step `index`, from 0. Its figures are collected where it is `reported`. The device tracks gradients.
    pub fn new(options: &'a Options, index: u64, device: &'a Device, reported: bool) -> Self {
        Self {
            options,
            index,
            device,
            reported,
            figures: Vec::new(),
            guarded: Vec::new(),
            begun: Vec::new(),
            share: None,
            scale: 1.0,
        }
    }

    /// The step on a share of the batch, beside others.
    pub(crate) fn sharing(mut self, share: &'a Share) -> Self {
        self.share = Some(share);
        self
    }

    /// The step with gradients computed from losses times a factor.
    pub(crate) fn scaling(mut self, factor: f64) -> Self {
        self.scale = factor;
        self
    }

    /// The step's number, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The share of all steps that is done, in [0, 1): what schedules go by.
    pub fn progress(&self) -> f64 {
        self.options.progress(self.index)
    }

    /// Begins the named phase: its noise depends on seed, name, step, and how often it was begun in the step before.
    pub fn phase(&mut self, name: &'static str) -> Phase<'_, 'a> {
        let time = self.begun.iter().filter(|&&other| other == name).count();
        self.begun.push(name);
        Phase { name, time, rate: 1.0, step: self }
    }

    /// What the step's phases recorded, by name; empty where the step is not reported. Reads from the device once, or not at
    /// all where the step is neither reported nor checked.
    ///
    /// # Errors
    /// If the loss or the gradient norm of an update is not finite: the first one.
    pub fn finish(self) -> Result<Vec<(String, f32)>, StepError> {
        let (names, values): (Vec<_>, Vec<_>) = self.figures.into_iter().unzip();
        let all = self.guarded.iter().map(|guarded| guarded.value.clone()).chain(values).collect();
        let mut all = read(all).into_iter();
        for (Guarded { what, network, phase, .. }, value) in self.guarded.into_iter().zip(&mut all) {
            if !value.is_finite() {
                return Err(StepError { what, network, phase: phase.to_owned(), value });
            }
        }
        Ok(names.into_iter().zip(all).collect())
    }
}

impl Step<'_> {
    /// Keeps the figures of an update, the loss first, and its gradient norm, to be checked and told.
    fn keep(&mut self, phase: &'static str, network: &str, Figures(mut figures): Figures, norm: Option<Tensor<1>>) {
        let loss = figures.first().map(|(_, loss)| loss.clone());
        for (what, value) in [(LOSS, loss), (GRADIENT, norm.clone())] {
            self.guarded.extend(value.map(|value| Guarded { what, network: network.to_owned(), phase, value }));
        }
        figures.extend(norm.map(|norm| (format!("grad_norm/{network}"), norm)));
        if self.reported {
            // Of a phase that comes several times in a step the last is told.
            self.figures.retain(|(name, _)| figures.iter().all(|(new, _)| new != name));
            self.figures.extend(figures);
        }
    }
}

/// The values of tensors of one element, read from the device at once.
fn read(values: Vec<Tensor<1>>) -> Vec<f32> {
    if values.is_empty() {
        return Vec::new();
    }
    Tensor::cat(values, 0).to_data().iter::<f32>().collect()
}

/// A named part of a step: one update of one network.
pub struct Phase<'s, 'a> {
    name: &'static str,
    /// How often the step has had it before.
    time: usize,
    rate: f64,
    step: &'s mut Step<'a>,
}

impl Phase<'_, '_> {
    /// Multiplies the learning rate of this update, beside the run's schedule.
    pub fn rate(mut self, factor: f64) -> Self {
        self.rate *= factor;
        self
    }

    /// Updates one network by the gradient of `loss`, the mean over the items that it is given, and records the loss
    /// under the phase's name.
    ///
    /// With `accumulate` the batch goes through `loss` in parts, and their gradients are added: for a loss that is a mean
    /// over items the update is that of the whole batch, up to rounding. What looks at the batch as a whole (batch norm)
    /// sees the parts. With several devices it goes likewise through each of them in equal shares.
    ///
    /// Whether loss and gradient are finite is seen at the end of the step, which is taken back as a whole where they are not.
    pub fn update<M: Module>(
        self,
        network: &str,
        trained: &mut Trained<M>,
        batch: &Batch,
        loss: impl Fn(&M, &MicroBatch) -> Tensor<1>,
    ) {
        let Self { name, time, rate, step } = self;
        let scope = if time == 0 { name.to_owned() } else { format!("{name}/{time}") };
        let options = step.options;
        let checked = step.reported || options.guard == Guard::EveryStep;
        let (n, parts) = (batch.len(), options.accumulate.clamp(1, batch.len().max(1)));
        let (share, shares) = step.share.map_or((0, 1), |share| (share.index, share.count));
        let all = n * shares;
        let mut gradients = GradientsAccumulator::new();
        let mut figures = Figures::default();
        for part in 0..parts {
            let rows = n * part / parts..n * (part + 1) / parts;
            let noise = Noise::new(options.streams, scope.as_str(), step.index, step.device);
            let recorded = RefCell::default();
            let noise = match parts * shares {
                1 => noise,
                _ => noise.rows(share * n + rows.start..share * n + rows.end, all),
            };
            let batch = if parts == 1 { batch.clone() } else { batch.rows(rows.clone()) };
            let micro = MicroBatch { batch, noise, reported: step.reported, recorded };
            let weight = |value: Tensor<1>| match parts * shares {
                1 => value,
                _ => value.mul_scalar(rows.len() as f64 / all as f64),
            };
            let value = weight(loss(&trained.net, &micro));
            if checked {
                figures.add(name.to_owned(), value.clone().detach().inner());
            }
            for (name, figure) in micro.recorded.into_inner() {
                figures.add(name, weight(figure));
            }
            let value = if step.scale == 1.0 { value } else { value.mul_scalar(step.scale) };
            gradients.accumulate(&trained.net, trained.gradients(value));
        }
        let mut gradients = gradients.grads();
        if let Some(share) = step.share {
            let (names, values): (Vec<_>, Vec<_>) = figures.0.into_iter().unzip();
            let (sum, values) = share.sum(gradients, &trained.net, values);
            (gradients, figures) = (sum, Figures(names.into_iter().zip(values).collect()));
        }
        if step.scale != 1.0 {
            gradients = scaled(gradients, &trained.net, 1.0 / step.scale);
        }
        let most = options.clip_norm;
        let norm = match checked || most > 0.0 {
            true => squared_norm(&gradients, &trained.net).map(Tensor::sqrt),
            false => None,
        };
        if checked {
            step.keep(name, network, figures, norm.clone());
        }
        if let Some(norm) = norm.filter(|_| most > 0.0) {
            gradients = clipped(gradients, &trained.net, norm, most);
        }
        trained.apply(gradients, rate * options.schedule.factor(step.index, options.steps));
    }
}

/// A batch, or a part of one, from which a phase computes its loss.
pub struct MicroBatch {
    /// The items.
    pub batch: Batch,
    /// The phase's random tensors. Their first dimension is that of the items.
    pub noise: Noise,
    reported: bool,
    recorded: RefCell<Vec<(String, Tensor<1>)>>,
}

impl MicroBatch {
    /// The training mode, with the phase's noise.
    pub fn pass(&self) -> Pass<'_> {
        Pass::Train(&self.noise)
    }

    /// Whether figures are recorded: those that cost something need not be computed otherwise.
    pub fn reported(&self) -> bool {
        self.reported
    }

    /// Records the mean of a tensor where the step is reported.
    pub fn record<const D: usize>(&self, name: &str, value: Tensor<D>) {
        if self.reported {
            self.recorded.borrow_mut().push((name.to_owned(), value.detach().mean().inner()));
        }
    }
}

/// Figures of a phase, each summed over its parts.
#[derive(Default)]
struct Figures(Vec<(String, Tensor<1>)>);

impl Figures {
    fn add(&mut self, name: String, value: Tensor<1>) {
        match self.0.iter_mut().find(|(other, _)| *other == name) {
            Some((_, sum)) => *sum = sum.clone() + value,
            None => self.0.push((name, value)),
        }
    }
}
