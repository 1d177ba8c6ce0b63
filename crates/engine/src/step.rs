//! What an update rule is given.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::{Trained, squared_norm};
use ganvas_prob::stream::Streams;

/// When losses and gradient norms are read from the device and checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Before every update: free on a CPU.
    EveryUpdate,
    /// Before the updates of the steps that are reported: reading a value makes a GPU wait.
    AtTicks,
}

/// An update that was refused: the loss or the gradient was no finite number.
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

/// One step of an update rule.
pub struct Step<'a> {
    streams: Streams,
    index: u64,
    steps: u64,
    device: &'a Device,
    guard: Guard,
    reported: bool,
    figures: Vec<(String, f32)>,
}

impl<'a> Step<'a> {
    /// Step `index`, from 0, of `steps`. Its figures are collected where it is `reported`.
    pub fn new(streams: Streams, index: u64, steps: u64, device: &'a Device, guard: Guard, reported: bool) -> Self {
        Self { streams, index, steps, device, guard, reported, figures: Vec::new() }
    }

    /// The step's number, from 0.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The share of all steps that is done, in [0, 1): what schedules go by.
    pub fn progress(&self) -> f64 {
        self.index as f64 / self.steps.max(1) as f64
    }

    /// Begins the named phase: its noise depends on seed, name and step alone.
    pub fn phase(&mut self, name: &'static str) -> Phase<'_, 'a> {
        let noise = Noise::new(self.streams, name, self.index, self.device);
        Phase { name, noise, rate: 1.0, step: self }
    }

    /// What the step's phases recorded, by name; empty where the step is not reported.
    pub fn into_figures(self) -> Vec<(String, f32)> {
        self.figures
    }
}

/// A named part of a step.
pub struct Phase<'s, 'a> {
    name: &'static str,
    /// The phase's random tensors.
    pub noise: Noise,
    /// What learning rates are multiplied by.
    pub rate: f64,
    step: &'s mut Step<'a>,
}

impl Phase<'_, '_> {
    /// The training mode, with the phase's noise.
    pub fn pass(&self) -> Pass<'_> {
        Pass::Train(&self.noise)
    }

    /// Updates one network by the gradient of `loss` (`[1]`) and records the loss under the phase's name.
    ///
    /// # Errors
    /// If the loss or the norm of the gradient is not finite; the network is unchanged then.
    pub fn update<M: Module>(
        &mut self,
        network: &str,
        trained: &mut Trained<M>,
        loss: Tensor<1>,
    ) -> Result<(), StepError> {
        let checked = self.step.reported || self.step.guard == Guard::EveryUpdate;
        let value = checked.then(|| loss.clone().detach());
        let gradients = trained.gradients(loss);
        if let Some(value) = value {
            self.finite("loss", network, self.name.to_owned(), value.into_scalar())?;
            if let Some(square) = squared_norm(&gradients, &trained.net) {
                let norm = square.into_scalar::<f32>().sqrt();
                self.finite("gradient norm", network, format!("grad_norm/{network}"), norm)?;
            }
        }
        trained.apply(gradients, self.rate);
        Ok(())
    }

    /// Records the mean of a tensor where the step is reported.
    pub fn record<const D: usize>(&mut self, name: &str, value: Tensor<D>) {
        if self.step.reported {
            self.step.figures.push((name.to_owned(), value.detach().mean().into_scalar()));
        }
    }

    fn finite(&mut self, what: &'static str, network: &str, name: String, value: f32) -> Result<(), StepError> {
        if !value.is_finite() {
            return Err(StepError { what, network: network.to_owned(), phase: self.name.to_owned(), value });
        }
        if self.step.reported {
            self.step.figures.push((name, value));
        }
        Ok(())
    }
}
