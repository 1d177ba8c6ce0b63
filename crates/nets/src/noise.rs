//! Random tensors of one step, and the mode of a forward pass.

use std::cell::Cell;
use std::ops::Range;

use burn::tensor::{Device, Int, Tensor, TensorData};
use ganvas_prob::stream::{StreamRng, Streams, normals, seeds, uniforms};
use ganvas_prob::traits::Sample;

/// Random tensors of one phase of one step.
///
/// Every draw is keyed by the phase's name, what is drawn, the step, and how many were drawn before it in the phase:
/// it depends on nothing that happened in earlier steps.
pub struct Noise {
    streams: Streams,
    scope: String,
    step: u64,
    draws: Cell<u64>,
    /// Which rows of how many are drawn for, where that is not all.
    rows: Option<(Range<usize>, usize)>,
    device: Device,
}

impl Noise {
    /// The noise of the phase `scope` of `step`, on `device`.
    pub fn new(streams: Streams, scope: impl Into<String>, step: u64, device: &Device) -> Self {
        Self { streams, scope: scope.into(), step, draws: Cell::new(0), rows: None, device: device.clone() }
    }

    /// The noise for some rows of a batch of `of`: of what is drawn with a first dimension of so many rows one gets just
    /// these rows of what is drawn for the whole batch.
    pub fn rows(mut self, rows: Range<usize>, of: usize) -> Self {
        self.rows = Some((rows, of));
        self
    }

    /// Where the tensors are made.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Draws from N(0, 1).
    pub fn normal<const D: usize>(&self, name: &str, shape: [usize; D]) -> Tensor<D> {
        let values = self.draw(shape, |n| normals(&mut self.rng(name), n));
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    /// Draws from U[low, high).
    pub fn uniform<const D: usize>(&self, name: &str, shape: [usize; D], low: f32, high: f32) -> Tensor<D> {
        let mut values = self.draw(shape, |n| uniforms(&mut self.rng(name), n));
        for value in &mut values {
            *value = low + (high - low) * *value;
        }
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    /// Draws from any law.
    pub fn of<const D: usize>(&self, name: &str, shape: [usize; D], law: &impl Sample) -> Tensor<D> {
        let values = self.draw(shape, |n| {
            let mut rng = self.rng(name);
            (0..n).map(|_| law.sample(&mut rng) as f32).collect()
        });
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    /// Draws from 0 to `count` - 1, each as often.
    pub fn classes(&self, name: &str, n: usize, count: usize) -> Tensor<1, Int> {
        let values = self.draw([n], |n| uniforms(&mut self.rng(name), n));
        let last = count.saturating_sub(1) as i64;
        let classes: Vec<i64> = values.into_iter().map(|u| ((f64::from(u) * count as f64) as i64).min(last)).collect();
        Tensor::from_data(TensorData::new(classes, [n]), &self.device)
    }

    /// A generator for each entry of a shape, of which nobody knows before how much it will be asked for.
    pub fn generators<const D: usize>(&self, name: &str, shape: [usize; D]) -> Vec<StreamRng> {
        let drawn = self.draw(shape, |n| seeds(&mut self.rng(name), n));
        drawn.into_iter().map(|seed| Streams::new(seed).rng(name, 0)).collect()
    }

    fn draw<T: Clone, const D: usize>(&self, shape: [usize; D], draw: impl FnOnce(usize) -> Vec<T>) -> Vec<T> {
        let n = shape.iter().product();
        match &self.rows {
            Some((rows, of)) if shape.first() == Some(&rows.len()) && !rows.is_empty() => {
                let size = n / rows.len();
                draw(of * size)[rows.start * size..rows.end * size].to_vec()
            }
            _ => draw(n),
        }
    }

    fn rng(&self, name: &str) -> StreamRng {
        let index = self.draws.replace(self.draws.get() + 1);
        self.streams.rng_at(&format!("{}/{name}", self.scope), self.step, index)
    }
}

/// How a network is run: training (batch statistics, dropout drawn from the phase's noise) or not (running
/// statistics, no dropout).
#[derive(Clone, Copy)]
pub enum Pass<'a> {
    /// Batch norm uses, and updates its averages by, the batch's own statistics; dropout drops.
    Train(&'a Noise),
    /// Batch norm uses its averages; dropout does nothing. An item does not depend on its batch.
    Eval,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(tensor: Tensor<1>) -> Vec<f32> {
        tensor.to_data().iter().collect()
    }

    #[test]
    fn draws_differ_within_a_step_and_repeat_with_it() {
        let noise = |step| Noise::new(Streams::new(1), "phase", step, &Device::flex());
        let (a, b) = (noise(3), noise(3));
        let first = values(a.normal("z", [4]));
        assert_ne!(first, values(a.normal("z", [4])));
        assert_eq!(first, values(b.normal("z", [4])));
        assert_ne!(first, values(noise(4).normal("z", [4])));
    }

    #[test]
    fn parts_of_a_batch_get_their_rows_of_its_noise() {
        let noise = || Noise::new(Streams::new(1), "phase", 3, &Device::flex());
        let draw = |noise: Noise, n: usize| values(noise.normal("z", [n, 3]).flatten(0, 1));
        let whole = draw(noise(), 5);
        for rows in [0..2, 2..5, 4..5] {
            let part = draw(noise().rows(rows.clone(), 5), rows.len());
            assert_eq!(part, whole[rows.start * 3..rows.end * 3], "{rows:?}");
            let first = |noise: Noise, n: usize| -> Vec<u64> {
                noise.generators("g", [n, 2]).iter_mut().flat_map(|rng| seeds(rng, 1)).collect()
            };
            let part = first(noise().rows(rows.clone(), 5), rows.len());
            assert_eq!(part, first(noise(), 5)[rows.start * 2..rows.end * 2], "{rows:?}");
        }
    }

    /// Phi(1) = 0.841345: within [-1, 1] the normal law has the variance 1 - 2 phi(1) / (2 Phi(1) - 1) = 0.291125.
    #[test]
    fn draws_of_a_law_are_the_laws() {
        let noise = Noise::new(Streams::new(1), "phase", 0, &Device::flex());
        let law = ganvas_prob::distributions::TruncatedNormal::new(0.0, 1.0, -1.0, 1.0).unwrap();
        let draws = values(noise.of("z", [100, 1000], &law).flatten(0, 1));
        assert!(draws.iter().all(|z| z.abs() <= 1.0));
        let square = draws.iter().map(|&z| f64::from(z).powi(2)).sum::<f64>() / 1e5;
        assert!((square - 0.291125).abs() < 5e-3, "{square}: 5 standard errors are 0.0044");
    }

    #[test]
    fn uniform_draws_stay_in_their_interval() {
        let noise = Noise::new(Streams::new(1), "phase", 0, &Device::flex());
        let draws = values(noise.uniform("u", [10_000], -2.0, 3.0));
        assert!(draws.iter().all(|x| (-2.0..=3.0).contains(x)));
        let mean = draws.iter().sum::<f32>() / 1e4;
        assert!((mean - 0.5).abs() < 0.075, "mean {mean}: 5 standard errors are 0.072");
    }
}
