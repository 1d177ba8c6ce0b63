//! How much a linear classifier finds in features.

use std::collections::VecDeque;

use rayon::prelude::*;

use crate::items::{check_labels, same_dims};
use crate::{Features, MetricError};

/// Weight of the penalty, as C = 1 is elsewhere: the sum of the losses plus half the squared norm of the weights.
const PENALTY: f64 = 1.0;
/// Pairs of steps and gradient changes that L-BFGS remembers.
const MEMORY: usize = 10;
const MAX_STEPS: usize = 1000;
/// The largest entry of the mean loss' gradient at which the search ends.
const TOLERANCE: f64 = 1e-6;

/// Test accuracy in [0, 1] of multinomial logistic regression on features.
///
/// Features are standardised by the training set's mean and standard deviation (constant ones are left out), the loss
/// is the mean cross-entropy plus |W|^2 / (2 n) without the biases, and it is minimised over the whole training set by
/// L-BFGS (J. Nocedal 1980) in `f64`: there is one minimum and nothing is random.
///
/// # Errors
/// If the sets differ in size of their items, one is empty, labels are missing or not below `classes`, or a value is
/// not finite.
pub fn linear_probe(
    train: &Features,
    train_labels: &[u32],
    test: &Features,
    test_labels: &[u32],
    classes: usize,
) -> Result<f64, MetricError> {
    same_dims(train, test)?;
    train.check("training", 1)?;
    test.check("test", 1)?;
    check_labels(train_labels, train.len(), classes, "training")?;
    check_labels(test_labels, test.len(), classes, "test")?;
    let scale = Scale::of(train);
    let problem = Problem { rows: scale.apply(train), labels: train_labels, width: train.dims + 1, classes };
    let weights = minimise(|w| problem.loss_and_gradient(w), vec![0.0; classes * problem.width]);
    let rows = scale.apply(test);
    let right = rows.chunks_exact(problem.width).zip(test_labels).filter(|(row, label)| {
        let scores = scores(row, &weights);
        let best = (0..classes).max_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(b.cmp(&a)));
        best == Some(**label as usize)
    });
    Ok(right.count() as f64 / test.len() as f64)
}

/// Accuracies of classifiers between real and generated items.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transfer {
    /// Trained on fakes and tested on reals (TSTR), in [0, 1]: falls where fakes are unlike reals and where kinds of
    /// them are missing.
    pub fakes_to_reals: f64,
    /// Trained on reals and tested on fakes (TRTS), in [0, 1]: falls where fakes are unlike reals, and is blind to
    /// missing kinds.
    pub reals_to_fakes: f64,
}

/// Whether fakes serve in the place of reals: the [`linear_probe`] trained on one and tested on the other, both ways
/// (C. Esteban, S. L. Hyland and G. Ratsch 2017, "Real-valued (Medical) Time Series Generation with Recurrent
/// Conditional GANs"). Series go in as [`to_features`](crate::Series::to_features) makes them.
///
/// Compare with the probe trained on reals and tested on other reals, which is what the best fakes have.
///
/// # Errors
/// As [`linear_probe`], where each set is once the training set and once the test set.
pub fn transfer(
    real: &Features,
    real_labels: &[u32],
    fake: &Features,
    fake_labels: &[u32],
    classes: usize,
) -> Result<Transfer, MetricError> {
    Ok(Transfer {
        fakes_to_reals: linear_probe(fake, fake_labels, real, real_labels, classes)?,
        reals_to_fakes: linear_probe(real, real_labels, fake, fake_labels, classes)?,
    })
}

/// Shifts and factors that give the training set mean 0 and variance 1.
struct Scale {
    mean: Vec<f64>,
    factor: Vec<f64>,
}

impl Scale {
    fn of(features: &Features) -> Self {
        let n = features.len() as f64;
        let sum = |f: &dyn Fn(usize, f64) -> f64| {
            let mut sums = vec![0.0; features.dims];
            for row in features.values.chunks_exact(features.dims) {
                sums.iter_mut().enumerate().for_each(|(j, sum)| *sum += f(j, row[j].into()));
            }
            sums
        };
        let mean: Vec<f64> = sum(&|_, x| x).into_iter().map(|sum| sum / n).collect();
        let squares = sum(&|j, x| (x - mean[j]).powi(2));
        let constant = |j: usize, sd: f64| sd <= 1e-9 * mean[j].abs();
        let factor = squares.iter().map(|square| (square / n).sqrt()).enumerate();
        let factor = factor.map(|(j, sd)| if constant(j, sd) { 0.0 } else { 1.0 / sd }).collect();
        Self { mean, factor }
    }

    /// Standardised rows, each with a 1 for the bias at its end.
    fn apply(&self, features: &Features) -> Vec<f64> {
        let mut rows = Vec::with_capacity(features.len() * (features.dims + 1));
        for row in features.values.chunks_exact(features.dims) {
            let columns = row.iter().zip(&self.mean).zip(&self.factor);
            rows.extend(columns.map(|((&x, mean), factor)| (f64::from(x) - mean) * factor));
            rows.push(1.0);
        }
        rows
    }
}

/// One score a class; weights are `[classes, width]`.
fn scores(row: &[f64], weights: &[f64]) -> Vec<f64> {
    weights.chunks_exact(row.len()).map(|w| dot(w, row)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

struct Problem<'a> {
    rows: Vec<f64>,
    labels: &'a [u32],
    width: usize,
    classes: usize,
}

impl Problem<'_> {
    fn loss_and_gradient(&self, weights: &[f64]) -> (f64, Vec<f64>) {
        let n = self.labels.len();
        // Parts of a size that depends on n alone, summed in order: the threads don't change the result.
        let part = n.div_ceil(64).max(16);
        let parts: Vec<(f64, Vec<f64>)> = self
            .rows
            .par_chunks(part * self.width)
            .zip(self.labels.par_chunks(part))
            .map(|(rows, labels)| self.part(rows, labels, weights))
            .collect();
        let mut loss = 0.0;
        let mut gradient = vec![0.0; weights.len()];
        for (part_loss, part_gradient) in parts {
            loss += part_loss;
            gradient.iter_mut().zip(part_gradient).for_each(|(sum, g)| *sum += g);
        }
        for (i, (g, w)) in gradient.iter_mut().zip(weights).enumerate() {
            if i % self.width != self.width - 1 {
                loss += 0.5 * PENALTY * w * w;
                *g += PENALTY * w;
            }
            *g /= n as f64;
        }
        (loss / n as f64, gradient)
    }

    fn part(&self, rows: &[f64], labels: &[u32], weights: &[f64]) -> (f64, Vec<f64>) {
        let mut loss = 0.0;
        let mut gradient = vec![0.0; weights.len()];
        for (row, &label) in rows.chunks_exact(self.width).zip(labels) {
            let scores = scores(row, weights);
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
            let log_sum = largest + sum.ln();
            loss += log_sum - scores[label as usize];
            for class in 0..self.classes {
                let residual = (scores[class] - log_sum).exp() - f64::from(u8::from(class == label as usize));
                let gradient = &mut gradient[class * self.width..(class + 1) * self.width];
                gradient.iter_mut().zip(row).for_each(|(g, x)| *g += residual * x);
            }
        }
        (loss, gradient)
    }
}

/// L-BFGS with backtracking (Nocedal and Wright 2006, algorithms 7.4 and 3.1); for strictly convex functions.
fn minimise(f: impl Fn(&[f64]) -> (f64, Vec<f64>), mut w: Vec<f64>) -> Vec<f64> {
    let (mut loss, mut gradient) = f(&w);
    let mut memory: VecDeque<(Vec<f64>, Vec<f64>)> = VecDeque::new();
    for _ in 0..MAX_STEPS {
        if gradient.iter().all(|g| g.abs() < TOLERANCE) {
            break;
        }
        let direction = quasi_newton(&gradient, &memory);
        let slope = dot(&direction, &gradient);
        let along = |t: f64| w.iter().zip(&direction).map(|(w, d)| w + t * d).collect::<Vec<f64>>();
        let lengths = std::iter::successors(Some(1.0), |t| Some(t * 0.5)).take(40);
        let step = lengths
            .map(|t| (along(t), t))
            .map(|(next, t)| (f(&next), next, t))
            .find(|((value, _), _, t)| *value <= loss + 1e-4 * t * slope);
        // No length lowers the loss: this is the minimum, to round-off.
        let Some(((value, next_gradient), next, _)) = step else { break };
        let minus = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x - y).collect::<Vec<f64>>();
        let (moved, change) = (minus(&next, &w), minus(&next_gradient, &gradient));
        if dot(&moved, &change) > 0.0 {
            memory.push_back((moved, change));
            if memory.len() > MEMORY {
                memory.pop_front();
            }
        }
        (w, loss, gradient) = (next, value, next_gradient);
    }
    w
}

fn quasi_newton(gradient: &[f64], memory: &VecDeque<(Vec<f64>, Vec<f64>)>) -> Vec<f64> {
    let mut q: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let add = |q: &mut [f64], factor: f64, v: &[f64]| q.iter_mut().zip(v).for_each(|(q, v)| *q += factor * v);
    let mut alphas = Vec::with_capacity(memory.len());
    for (moved, change) in memory.iter().rev() {
        let alpha = dot(moved, &q) / dot(moved, change);
        add(&mut q, -alpha, change);
        alphas.push(alpha);
    }
    if let Some((moved, change)) = memory.back() {
        let scale = dot(moved, change) / dot(change, change);
        q.iter_mut().for_each(|q| *q *= scale);
    }
    for ((moved, change), alpha) in memory.iter().zip(alphas.into_iter().rev()) {
        let beta = dot(change, &q) / dot(moved, change);
        add(&mut q, alpha - beta, moved);
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, normals};

    /// Two classes at -1.5 and +1.5 along one of `dims` axes, unit variance.
    fn two_clouds(seed: u64, n: usize, dims: usize) -> (Features, Vec<u32>) {
        let mut values = normals(&mut Streams::new(seed).rng("clouds", 0), n * dims);
        let labels: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
        for (row, &label) in values.chunks_exact_mut(dims).zip(&labels) {
            // An axis of its own scale and offset, to be undone by standardising.
            row[0] = 1e-3 * (row[0] + 3.0 * label as f32 - 1.5) + 7.0;
        }
        (Features { dims, values }, labels)
    }

    /// The best possible accuracy is Phi(1.5) = 0.9332; its standard error at 4,000 tests is 0.004.
    #[test]
    fn two_gaussians_are_told_apart_as_well_as_possible() {
        let (train, train_labels) = two_clouds(1, 4000, 5);
        let (test, test_labels) = two_clouds(2, 4000, 5);
        let accuracy = linear_probe(&train, &train_labels, &test, &test_labels, 2).unwrap();
        assert!((accuracy - 0.9332).abs() < 0.016, "{accuracy}");
    }

    #[test]
    fn labels_that_features_do_not_tell_are_guessed() {
        let (train, _) = two_clouds(1, 2000, 3);
        let (test, _) = two_clouds(2, 2000, 3);
        let labels: Vec<u32> =
            normals(&mut Streams::new(3).rng("labels", 0), 2000).iter().map(|&x| (x > 0.0).into()).collect();
        let accuracy = linear_probe(&train, &labels, &test, &labels, 2).unwrap();
        assert!((accuracy - 0.5).abs() < 0.06, "{accuracy}");
    }

    fn problem<'a>(rows: &Features, labels: &'a [u32]) -> Problem<'a> {
        Problem { rows: Scale::of(rows).apply(rows), labels, width: rows.dims + 1, classes: 3 }
    }

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let (rows, _) = two_clouds(4, 50, 4);
        let labels: Vec<u32> = (0..50).map(|i| i % 3).collect();
        let problem = problem(&rows, &labels);
        let weights: Vec<f64> = (0..15).map(|i| (f64::from(i) * 0.7).sin()).collect();
        let (_, gradient) = problem.loss_and_gradient(&weights);
        for i in 0..15 {
            let at = |step: f64| {
                let mut moved = weights.clone();
                moved[i] += step;
                problem.loss_and_gradient(&moved).0
            };
            let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!((gradient[i] - difference).abs() < 1e-8, "{i}: {} against {difference}", gradient[i]);
        }
    }

    /// Where the gradient is zero a convex function has its minimum, wherever the search began.
    #[test]
    fn the_search_ends_at_the_minimum() {
        let (rows, _) = two_clouds(5, 60, 4);
        let labels: Vec<u32> = (0..60).map(|i| (i * i % 5) % 3).collect();
        let problem = problem(&rows, &labels);
        let from = |start: f64| minimise(|w| problem.loss_and_gradient(w), vec![start; 15]);
        let found = problem.loss_and_gradient(&from(0.0));
        assert!(found.1.iter().all(|g| g.abs() < TOLERANCE), "{:?}", found.1);
        assert!((problem.loss_and_gradient(&from(2.0)).0 - found.0).abs() < 1e-9);
    }

    /// Three classes along a line, at -3, 0 and 3; the fakes lack the one in the middle. Both their classes are told
    /// rightly, and a third of the reals is lost.
    #[test]
    fn what_fakes_lack_shows_on_reals_alone() {
        let draw = |seed, classes: &[u32]| {
            let noise = normals(&mut Streams::new(seed).rng("noise", 0), 900);
            let labels: Vec<u32> = (0..900).map(|i| classes[i % classes.len()]).collect();
            let values = noise.iter().zip(&labels).map(|(x, &label)| 0.3 * x + 3.0 * label as f32 - 3.0).collect();
            (Features { dims: 1, values }, labels)
        };
        let ((real, real_labels), (fake, fake_labels)) = (draw(1, &[0, 1, 2]), draw(2, &[0, 2]));
        let found = transfer(&real, &real_labels, &fake, &fake_labels, 3).unwrap();
        assert!((found.fakes_to_reals - 2.0 / 3.0).abs() < 0.01 && found.reals_to_fakes > 0.99, "{found:?}");
    }

    #[test]
    fn constant_features_and_single_classes_do_no_harm() {
        let train = Features { dims: 2, values: vec![5.0, 0.0, 5.0, 1.0, 5.0, 0.1, 5.0, 0.9] };
        assert_eq!(linear_probe(&train, &[0, 1, 0, 1], &train, &[0, 1, 0, 1], 2).unwrap(), 1.0);
        assert_eq!(linear_probe(&train, &[1; 4], &train, &[1; 4], 3).unwrap(), 1.0);
        let error = linear_probe(&train, &[0, 1, 0, 2], &train, &[0; 4], 2);
        assert!(matches!(error, Err(MetricError::Class { item: 3, label: 2, classes: 2, set: "training" })));
        let error = linear_probe(&train, &[0; 4], &train, &[0; 3], 2);
        assert!(matches!(error, Err(MetricError::Labels { labels: 3, items: 4, set: "test" })));
    }
}
