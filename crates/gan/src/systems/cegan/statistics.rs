//! What is known of the data and of the classifier's mistakes: a system reads no files, so it counts what it is shown.

use std::any::Any;

use burn::tensor::{Device, Int, Tensor};
use ganvas_nets::export::{ExportError, Weights};
use ganvas_nets::noise::Noise;
use ganvas_nets::state::{Part, State, StateError};

/// Decay of the average of the classifier's answers at each of its updates: it reaches back some 200, as many as an epoch of
/// some thousand items has.
const DECAY: f64 = 0.995;

/// How many real items of each class there are among those seen, and what the classifier took them for.
///
/// Both are of the warm-up, in which items come by the data's own law. Answers are taken note of before the update on the same
/// items: at first the classifier has seen none of them, later not since the epoch before. Items held out for this would be
/// lost to training, and of a rare class there are too few: a tenth of forty tells nothing. The answers to items seen before
/// are better than to new ones, so that fewer pairs are found.
#[derive(Clone)]
pub(super) struct Statistics {
    /// `[classes]`: real items, drawn by the data's own law.
    counts: Tensor<1>,
    /// `[classes, classes]`: an exponential average; rows: what items are; columns: what they were taken for.
    answers: Tensor<2>,
}

/// By which law generated items fill the classes up to the largest.
pub(super) struct Fill {
    /// `[classes]`: the share of each class among the generated items.
    law: Tensor<1>,
    /// `[classes]`: what each class lacks, as a share of the largest; all 0 for balanced data.
    pub lacking: Tensor<1>,
}

impl Statistics {
    /// Of nothing yet; `device` does not track gradients.
    pub(super) fn new(classes: usize, device: &Device) -> Self {
        Self { counts: Tensor::zeros([classes], device), answers: Tensor::zeros([classes, classes], device) }
    }

    /// Takes note of the real items of an update, drawn by the data's own law: indicators of their classes and logits, `[n,
    /// classes]`.
    pub(super) fn note(&mut self, classes: Tensor<2>, logits: Tensor<2>) {
        let count = self.counts.dims()[0];
        let told: Tensor<2> = super::indicators(logits.argmax(1).squeeze_dim::<1>(1), count);
        self.counts = self.counts.clone() + classes.clone().sum_dim(0).squeeze_dim(0);
        self.answers = self.answers.clone().mul_scalar(DECAY) + classes.transpose().matmul(told);
    }

    /// The logarithm of each class's share of the data, `[classes]`; of one that was not seen, as if one item were.
    pub(super) fn log_shares(&self) -> Tensor<1> {
        (self.counts.clone().clamp_min(1.0) / self.counts.clone().sum().clamp_min(1.0)).log()
    }

    /// `[classes, classes]`: 1 for each pair (a, b) of different classes of which at least `share` of a's items is taken for b.
    pub(super) fn ambiguous(&self, share: f64) -> Tensor<2> {
        let rows = self.answers.clone().sum_dim(1).clamp_min(1e-6);
        let pairs = (self.answers.clone() / rows).greater_equal_elem(share).float();
        let [count, _] = pairs.dims();
        let different = Tensor::<2>::eye(count, &pairs.device()).neg().add_scalar(1.0);
        // What has hardly been seen is not known to be ambiguous.
        let known = self.answers.clone().sum_dim(1).greater_equal_elem(1.0).float();
        pairs * different * known
    }

    /// How to fill the classes up to the largest. Classes of one of the `pairs` are drawn twice as often as the others.
    pub(super) fn fill(&self, pairs: Option<&Tensor<2>>) -> Fill {
        let missing = self.counts.clone().max().expand(self.counts.dims()) - self.counts.clone();
        let lacking = missing.clone() / self.counts.clone().max().clamp_min(1.0);
        let wanted = match pairs {
            Some(pairs) => {
                let twice = pairs.clone().sum_dim(1).squeeze_dim::<1>(1).greater_elem(0.0).float().add_scalar(1.0);
                missing * twice
            }
            None => missing,
        };
        Fill { law: wanted.clone() / wanted.sum().clamp_min(1e-6), lacking }
    }
}

impl Fill {
    /// The weights of `n` real items, of which as many of each class are drawn, and of generated ones: those of a class sum to the
    /// same for all on the average. `real` and `asked` are the indicators of what they are, `[n, classes]`; `generated` is the
    /// share of each class's weight that generated items have, `[classes]`, 0 where none are drawn.
    pub fn weights(&self, real: Tensor<2>, asked: Tensor<2>, generated: &Tensor<1>) -> Tensor<1> {
        let [classes] = generated.dims();
        let of_one = generated.clone() / self.law.clone().clamp_min(1e-12).mul_scalar(classes as f64);
        let each =
            |told: Tensor<2>, of_class: Tensor<1>| told.matmul(of_class.unsqueeze_dim::<2>(1)).squeeze_dim::<1>(1);
        Tensor::cat(vec![each(real, generated.clone().neg().add_scalar(1.0)), each(asked, of_one)], 0)
    }

    /// `n` classes by the law.
    pub(super) fn draw(&self, n: usize, noise: &Noise) -> Tensor<1, Int> {
        let count = self.law.dims()[0];
        let shares = noise.uniform("class", [n, 1], 0.0, 1.0).inner().expand([n, count]);
        let below = self.law.clone().cumsum(0).unsqueeze_dim::<2>(0).expand([n, count]);
        shares.greater_equal(below).int().sum_dim(1).squeeze_dim::<1>(1).clamp_max(count as i64 - 1)
    }
}

impl Part for Statistics {
    fn remember(&self) -> Box<dyn Any> {
        Box::new(self.clone())
    }

    fn go_back(&mut self, to: Box<dyn Any>) {
        if let Ok(before) = to.downcast::<Self>() {
            *self = *before;
        }
    }

    fn save(&self, name: &str, state: &mut State) {
        state.put(format!("{name}/counts"), self.counts.clone());
        state.put(format!("{name}/answers"), self.answers.clone());
    }

    fn load(&mut self, name: &str, state: &mut State) -> Result<(), StateError> {
        let count = self.counts.dims()[0];
        let device = self.counts.device();
        self.counts = Tensor::from_data(state.take(&format!("{name}/counts"), &[count])?, &device);
        self.answers = Tensor::from_data(state.take(&format!("{name}/answers"), &[count, count])?, &device);
        Ok(())
    }

    fn parameters(&self) -> usize {
        0
    }

    fn export(&self, _: &str, _: &mut Weights) -> Result<(), ExportError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::Streams;

    /// 4 items of class 0 (one taken for 1), 2 of class 1 (both taken for 2), 1 of class 2.
    fn seen() -> Statistics {
        let device = Device::flex();
        let indicators = |classes: &[i64]| super::super::indicators(Tensor::<1, Int>::from_ints(classes, &device), 3);
        let mut statistics = Statistics::new(3, &device);
        statistics.note(indicators(&[0, 0, 0, 0, 1, 1, 2]), indicators(&[0, 0, 1, 0, 2, 2, 2]));
        statistics
    }

    fn values<const D: usize>(x: Tensor<D>) -> Vec<f32> {
        x.to_data().iter::<f32>().collect()
    }

    #[test]
    fn pairs_are_those_that_are_mistaken_often_enough() {
        let seen = seen();
        assert_eq!(values(seen.ambiguous(0.3)), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(values(seen.ambiguous(0.25)), [0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
        assert_eq!(values(Statistics::new(3, &Device::flex()).ambiguous(0.0)), [0.0; 9], "nothing is known");
    }

    /// 0, 2 and 3 are missing to 4 each: 5 for 7 real ones. With (1, 2) ambiguous class 1 counts twice: 4 of 7.
    #[test]
    fn classes_are_filled_up_to_the_largest() {
        let seen = seen();
        let fill = seen.fill(None);
        assert_eq!(values(fill.law.clone()), [0.0, 0.4, 0.6]);
        assert_eq!(values(fill.lacking.clone()), [0.0, 0.5, 0.75]);
        let twice = seen.fill(Some(&seen.ambiguous(0.3)));
        let shares = values(twice.law.clone());
        assert!((shares[1] - 4.0 / 7.0).abs() < 1e-6 && (shares[2] - 3.0 / 7.0).abs() < 1e-6, "{shares:?}");
        assert_eq!(values(twice.lacking), values(fill.lacking.clone()));
        // 10,000 draws: a standard error of 0.005.
        let noise = Noise::new(Streams::new(1), "phase", 0, &Device::flex().autodiff());
        let drawn: Vec<i64> = fill.draw(10_000, &noise).to_data().iter().collect();
        let share = |class: i64| drawn.iter().filter(|&&drawn| drawn == class).count() as f64 / 1e4;
        assert_eq!(share(0), 0.0);
        assert!((share(1) - 0.4).abs() < 0.025 && (share(1) + share(2) - 1.0).abs() < 1e-9, "{}", share(1));
    }

    #[test]
    fn balanced_data_need_no_filling() {
        let device = Device::flex();
        let mut statistics = Statistics::new(2, &device);
        let classes = super::super::indicators(Tensor::<1, Int>::from_ints([0, 1], &device), 2);
        statistics.note(classes.clone(), classes);
        let fill = statistics.fill(None);
        assert_eq!(values(fill.lacking.clone()), [0.0, 0.0]);
        let noise = Noise::new(Streams::new(1), "phase", 0, &device.autodiff());
        assert_eq!(fill.draw(5, &noise).dims(), [5], "and what is drawn is a class");
    }

    #[test]
    fn shares_are_of_what_was_counted() {
        let shares = values(seen().log_shares());
        for (share, expected) in shares.iter().zip([4.0 / 7.0, 2.0 / 7.0, 1.0 / 7.0f32]) {
            assert!((share - expected.ln()).abs() < 1e-6, "{shares:?}");
        }
    }

    /// Whatever the law by which generated items are drawn, each class has the same weight on the average: four real items of
    /// each of three classes, and as many generated ones as the law draws.
    #[test]
    fn weights_of_each_class_sum_to_the_same() {
        let seen = seen();
        let device = Device::flex();
        let generated = Tensor::<1>::from_floats([0.0, 0.25, 0.75], &device);
        for fill in [seen.fill(None), seen.fill(Some(&seen.ambiguous(0.3)))] {
            let classes: Vec<i64> = (0..12).map(|i| i / 4).collect();
            let real = super::super::indicators(Tensor::<1, Int>::from_ints(classes.as_slice(), &device), 3);
            let one_each = Tensor::<2>::eye(3, &device);
            let weights = values(fill.weights(real, one_each, &generated));
            let law = values(fill.law.clone());
            for class in 0..3 {
                let kept: f32 = weights[4 * class..4 * class + 4].iter().sum();
                let drawn = 12.0 * law[class] * weights[12 + class];
                assert!((kept + drawn - 4.0).abs() < 1e-5, "{class}: {kept} and {drawn} with {law:?}");
            }
        }
    }

    #[test]
    fn a_state_is_read_back() {
        let mut state = State::default();
        seen().save("statistics", &mut state);
        let mut other = Statistics::new(3, &Device::flex());
        other.load("statistics", &mut state).unwrap();
        assert_eq!((values(other.counts), values(other.answers)), (values(seen().counts), values(seen().answers)));
        assert!(state.finish().is_ok());
    }
}
