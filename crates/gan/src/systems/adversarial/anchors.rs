use std::any::Any;

use burn::tensor::{Device, Tensor};
use ganvas_nets::export::{ExportError, Weights};
use ganvas_nets::state::{Part, State, StateError};

/// Decay of the averages (Tseng et al. 2021, section 4.1).
const DECAY: f64 = 0.99;

/// The moving averages of a discriminator's scores of real and of generated items, which LeCam regularisation holds scores
/// to. What they start from is divided out, as Adam does it.
#[derive(Clone)]
pub(super) struct Anchors {
    /// Real, generated: `[2]`, without gradients.
    sums: Tensor<1>,
    updates: u64,
}

impl Anchors {
    pub(super) fn new(device: &Device) -> Self {
        Self { sums: Tensor::zeros([2], &device.clone().inner()), updates: 0 }
    }

    /// Both averages, `[1]` each, as constants on the device that tracks gradients; none before the first update.
    pub(super) fn averages(&self) -> Option<[Tensor<1>; 2]> {
        if self.updates == 0 {
            return None;
        }
        let averages = Tensor::from_inner(self.sums.clone().div_scalar(1.0 - DECAY.powf(self.updates as f64)));
        Some([0, 1].map(|i| averages.clone().narrow(0, i, 1)))
    }

    /// Takes in the scores of a batch, which may have come in parts: real and generated, `[n, 1]` each.
    pub(super) fn follow(&mut self, parts: Vec<(Tensor<2>, Tensor<2>)>) {
        let (real, fake): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        if real.is_empty() {
            return;
        }
        let new = Tensor::cat(vec![Tensor::cat(real, 0).mean(), Tensor::cat(fake, 0).mean()], 0);
        self.sums = self.sums.clone().mul_scalar(DECAY) + new.mul_scalar(1.0 - DECAY);
        self.updates += 1;
    }
}

impl Part for Anchors {
    fn remember(&self) -> Box<dyn Any> {
        Box::new(self.clone())
    }

    fn go_back(&mut self, to: Box<dyn Any>) {
        if let Ok(before) = to.downcast() {
            *self = *before;
        }
    }

    fn save(&self, name: &str, state: &mut State) {
        state.put(format!("{name}/sums"), self.sums.clone());
        state.put_counter(format!("{name}/updates"), self.updates);
    }

    fn load(&mut self, name: &str, state: &mut State) -> Result<(), StateError> {
        self.sums = Tensor::from_data(state.take(&format!("{name}/sums"), &[2])?, &self.sums.device());
        self.updates = state.take_counter(&format!("{name}/updates"))?;
        Ok(())
    }

    fn parameters(&self) -> usize {
        0
    }

    /// Nothing: samples do not depend on them.
    fn export(&self, _: &str, _: &mut Weights) -> Result<(), ExportError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores<const N: usize>(values: [f32; N]) -> Tensor<2> {
        Tensor::<1>::from_floats(values, &Device::flex()).reshape([N, 1])
    }

    fn averages(anchors: &Anchors) -> [f32; 2] {
        anchors.averages().unwrap().map(|average| average.into_scalar())
    }

    /// The first average is the batch's, the second (0.99 a + b) / 1.99; parts of a batch count by their items.
    #[test]
    fn averages_by_hand() {
        let mut anchors = Anchors::new(&Device::flex().autodiff());
        assert!(anchors.averages().is_none());
        anchors.follow(vec![(scores([1.0, 2.0, 6.0]), scores([-1.0])), (scores([3.0]), scores([-2.0, -3.0, 0.0]))]);
        let [real, fake] = averages(&anchors);
        assert!((real - 3.0).abs() < 1e-5 && (fake + 1.5).abs() < 1e-5, "{real}, {fake}");
        anchors.follow(vec![(scores([5.0]), scores([0.5]))]);
        let [real, fake] = averages(&anchors);
        let expected = [(0.99 * 3.0 + 5.0) / 1.99, (-0.99 * 1.5 + 0.5) / 1.99];
        assert!((real - expected[0]).abs() < 1e-4 && (fake - expected[1]).abs() < 1e-4, "{real}, {fake}");
    }

    #[test]
    fn a_state_brings_them_back() {
        let mut anchors = Anchors::new(&Device::flex());
        anchors.follow(vec![(scores([1.0, 2.0]), scores([-1.0, 0.0]))]);
        let mut state = State::default();
        anchors.save("anchors", &mut state);
        let mut read = Anchors::new(&Device::flex());
        read.load("anchors", &mut state).unwrap();
        state.finish().unwrap();
        assert_eq!(averages(&anchors), averages(&read));
    }
}
