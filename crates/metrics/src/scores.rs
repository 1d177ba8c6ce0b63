//! Scores that shall be high for what is labelled true: an anomaly, a class, a real item.
//!
//! Items of one score cannot be told apart and are taken together, so that no figure depends on their order.
//!
//! # The point-adjust trap
//! In anomaly detection on series F1 is often reported after *point adjustment*: where one point of an anomalous
//! segment is found, all of the segment counts as found (H. Xu et al. 2018, "Unsupervised Anomaly Detection via
//! Variational Auto-Encoder for Seasonal KPIs in Web Applications"). With long segments a random score
//! then comes close to the best there is (S. Kim et al. 2022, "Towards a Rigorous Evaluation of Time-Series Anomaly
//! Detection"). [`point_adjusted`] is here to compare with published figures: never report its F1 without the plain one
//! and that of a random score under the same protocol.

use crate::MetricError;
use crate::items::check_count;

/// Area under the receiver operating characteristic, in [0, 1]: the probability that a true item scores higher than a
/// false one, a tie counted half (J. A. Hanley and B. J. McNeil 1982, "The meaning and use of the area under a receiver
/// operating characteristic (ROC) curve").
///
/// ```
/// use ganvas_metrics::scores::auroc;
/// assert_eq!(auroc(&[0.1, 0.4, 0.35, 0.8], &[false, false, true, true])?, 0.75);
/// # Ok::<(), ganvas_metrics::MetricError>(())
/// ```
///
/// # Errors
/// If there is not one label for each score, a score is not finite, or all labels are the same.
pub fn auroc(scores: &[f64], labels: &[bool]) -> Result<f64, MetricError> {
    let steps = steps(scores, labels)?;
    let all = steps[steps.len() - 1];
    if all.wrong == 0 {
        return Err(MetricError::OneKind { items: labels.len(), label: true });
    }
    // Twice the pairs in the right order; whole numbers.
    let mut doubled = 0u128;
    let mut before = Step::default();
    for step in &steps {
        doubled += (step.wrong - before.wrong) as u128 * (step.right + before.right) as u128;
        before = *step;
    }
    Ok(doubled as f64 / (2.0 * all.right as f64 * all.wrong as f64))
}

/// Average precision, in [0, 1]: the sum over all thresholds of the precision times the step in recall. An area under
/// the curve of precision and recall without interpolation, which would flatter (M. Zhu 2004, "Recall, precision and
/// average precision").
///
/// A random score has the share of true items.
///
/// # Errors
/// If there is not one label for each score, a score is not finite, or no label is true.
pub fn average_precision(scores: &[f64], labels: &[bool]) -> Result<f64, MetricError> {
    let steps = steps(scores, labels)?;
    let total = steps[steps.len() - 1].right as f64;
    let mut before = 0;
    let sum: f64 = steps
        .iter()
        .map(|step| {
            let gained = step.right - std::mem::replace(&mut before, step.right);
            gained as f64 / total * (step.right as f64 / (step.right + step.wrong) as f64)
        })
        .sum();
    Ok(sum)
}

/// F1 of calling true what scores at least `threshold`, in [0, 1]: the harmonic mean of precision and recall, 0 if
/// nothing is found.
///
/// # Errors
/// If there is not one label for each score, a score is not finite, no label is true, or the threshold is NaN.
pub fn f1_at(scores: &[f64], labels: &[bool], threshold: f64) -> Result<f64, MetricError> {
    if threshold.is_nan() {
        return Err(MetricError::Parameter { name: "threshold", domain: "a number", got: threshold });
    }
    let steps = steps(scores, labels)?;
    let total = steps[steps.len() - 1].right;
    Ok(steps.iter().rev().find(|step| step.score >= threshold).map_or(0.0, |step| step.f1(total)))
}

/// The largest F1 over all thresholds, and the highest threshold that has it.
///
/// An upper bound: the threshold is chosen on the labels that it is measured on. Choose it on other data and take
/// [`f1_at`] for what a detector does.
///
/// # Errors
/// If there is not one label for each score, a score is not finite, or no label is true.
pub fn best_f1(scores: &[f64], labels: &[bool]) -> Result<(f64, f64), MetricError> {
    let steps = steps(scores, labels)?;
    let total = steps[steps.len() - 1].right;
    let best = steps.iter().fold((0.0, f64::INFINITY), |best, step| {
        let f1 = step.f1(total);
        if f1 > best.0 { (f1, step.score) } else { best }
    });
    Ok(best)
}

/// Scores of a series in which each point of an anomalous segment has the largest score of the segment: any figure on
/// them is that figure under the point-adjust protocol, with its [trap](self#the-point-adjust-trap).
///
/// # Errors
/// If there is not one label for each score, or a score is not finite.
pub fn point_adjusted(scores: &[f64], labels: &[bool]) -> Result<Vec<f64>, MetricError> {
    check(scores, labels)?;
    let mut adjusted = scores.to_vec();
    let mut from = 0;
    for segment in labels.chunk_by(|a, b| a == b) {
        let to = from + segment.len();
        if segment[0] {
            let largest = adjusted[from..to].iter().copied().fold(f64::NEG_INFINITY, f64::max);
            adjusted[from..to].fill(largest);
        }
        from = to;
    }
    Ok(adjusted)
}

fn check(scores: &[f64], labels: &[bool]) -> Result<(), MetricError> {
    if labels.len() != scores.len() {
        return Err(MetricError::Labels { set: "scored", labels: labels.len(), items: scores.len() });
    }
    match scores.iter().position(|x| !x.is_finite()) {
        Some(item) => Err(MetricError::NotFinite { set: "scored", item, position: 0 }),
        None => check_count("scored", scores.len(), 1),
    }
}

/// What is found with a score as threshold.
#[derive(Clone, Copy, Default)]
struct Step {
    score: f64,
    /// True items with at least that score.
    right: usize,
    /// False items with at least that score.
    wrong: usize,
}

impl Step {
    fn f1(&self, total: usize) -> f64 {
        2.0 * self.right as f64 / (self.right + self.wrong + total) as f64
    }
}

/// One for each score that occurs, from the highest on; the last one has all items, of which some are true.
fn steps(scores: &[f64], labels: &[bool]) -> Result<Vec<Step>, MetricError> {
    check(scores, labels)?;
    if !labels.contains(&true) {
        return Err(MetricError::OneKind { items: labels.len(), label: false });
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    let mut found = Step::default();
    let steps = order.chunk_by(|&a, &b| scores[a] == scores[b]).map(|equal| {
        let right = equal.iter().filter(|&&i| labels[i]).count();
        let (right, wrong) = (found.right + right, found.wrong + equal.len() - right);
        found = Step { score: scores[equal[0]], right, wrong };
        found
    });
    Ok(steps.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, uniforms};

    const SCORES: [f64; 6] = [5.0, 4.0, 3.0, 3.0, 2.0, 1.0];
    const LABELS: [bool; 6] = [true, false, true, false, false, true];

    /// Pairs in the right order: 5 beats 4, 3, 2; 3 ties with 3 and beats 2; 1 beats none: 4.5 of 9. Precision at the
    /// steps in recall: 1, 2/4 (with the tie), 3/6. F1 at 3: 4 / (4 + 3); at 1: 6 / 9.
    #[test]
    fn six_items_by_hand() {
        assert_eq!(auroc(&SCORES, &LABELS).unwrap(), 0.5);
        assert!((average_precision(&SCORES, &LABELS).unwrap() - (1.0 + 0.5 + 0.5) / 3.0).abs() < 1e-15);
        assert_eq!(f1_at(&SCORES, &LABELS, 3.0).unwrap(), 4.0 / 7.0);
        assert_eq!(f1_at(&SCORES, &LABELS, 2.5).unwrap(), 4.0 / 7.0);
        assert_eq!(f1_at(&SCORES, &LABELS, 9.0).unwrap(), 0.0);
        assert_eq!(best_f1(&SCORES, &LABELS).unwrap(), (6.0 / 9.0, 1.0));
    }

    #[test]
    fn a_perfect_score_has_one_and_a_reversed_one_the_opposite() {
        let labels = [true, true, false, false, false];
        let scores = [2.0, 1.0, 0.0, 0.0, -1.0];
        assert_eq!((auroc(&scores, &labels).unwrap(), average_precision(&scores, &labels).unwrap()), (1.0, 1.0));
        assert_eq!(best_f1(&scores, &labels).unwrap(), (1.0, 1.0));
        assert_eq!(auroc(&scores.map(|s| -s), &labels).unwrap(), 0.0);
        assert_eq!(auroc(&[0.5; 5], &labels).unwrap(), 0.5);
        assert_eq!(average_precision(&[0.5; 5], &labels).unwrap(), 0.4);
    }

    /// 20 segments of 100 points, a tenth of the series: a random score finds a point of nearly each of them at a
    /// threshold that hardly any other point reaches.
    #[test]
    fn point_adjustment_makes_a_random_score_look_good() {
        let n = 20_000;
        let labels: Vec<bool> = (0..n).map(|i| i % 1000 >= 900).collect();
        let random: Vec<f64> = uniforms(&mut Streams::new(1).rng("score", 0), n).into_iter().map(f64::from).collect();
        let (plain, _) = best_f1(&random, &labels).unwrap();
        let (adjusted, _) = best_f1(&point_adjusted(&random, &labels).unwrap(), &labels).unwrap();
        assert!(plain < 0.2 && adjusted > 0.75, "{plain}, {adjusted}");
        assert!((auroc(&random, &labels).unwrap() - 0.5).abs() < 0.04);
    }

    #[test]
    fn segments_take_their_largest_score() {
        let labels = [true, true, false, true, true];
        assert_eq!(point_adjusted(&[1.0, 3.0, 2.0, 5.0, 4.0], &labels).unwrap(), [3.0, 3.0, 2.0, 5.0, 5.0]);
        assert!(point_adjusted(&[1.0], &[false]).is_ok());
    }

    #[test]
    fn what_cannot_be_told_apart_is_refused() {
        assert!(matches!(auroc(&[1.0, 2.0], &[true; 2]), Err(MetricError::OneKind { items: 2, label: true })));
        assert!(matches!(best_f1(&[1.0, 2.0], &[false; 2]), Err(MetricError::OneKind { label: false, .. })));
        assert!(matches!(auroc(&[1.0, f64::NAN], &[true, false]), Err(MetricError::NotFinite { item: 1, .. })));
        assert!(matches!(auroc(&[1.0], &[true, false]), Err(MetricError::Labels { labels: 2, items: 1, .. })));
        assert!(matches!(average_precision(&[], &[]), Err(MetricError::TooFew { .. })));
        assert!(matches!(f1_at(&[1.0], &[true], f64::NAN), Err(MetricError::Parameter { .. })));
    }
}
