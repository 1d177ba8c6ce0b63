use ganvas_prob::stream::{Streams, permutation};

use crate::{Features, MetricError};

/// The number of splits that is commonly reported.
pub const SPLITS: usize = 10;

/// Mean and spread of the score over the splits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InceptionScore {
    /// Mean over the splits, in [1, classes].
    pub mean: f64,
    /// Standard deviation over the splits, with their number in its denominator.
    pub sd: f64,
}

/// The Inception score of logits, `[n, classes]`: exp of the mean KL divergence from the mean class probabilities to
/// those of each item, for each of `splits` parts of the items in random order (T. Salimans et al. 2016, "Improved
/// Techniques for Training GANs", section 4; part i holds the items from i n / splits on, both rounded down).
///
/// It falls with the number of items of a split, and looks at no real data. On logits other than Inception-V3's its
/// name should say which. Depends on the order of the items through the splits.
///
/// # Errors
/// If `splits` is 0, there are fewer items than splits, or a value is not finite.
pub fn inception_score(logits: &Features, splits: usize, streams: &Streams) -> Result<InceptionScore, MetricError> {
    logits.check("generated", 1)?;
    let order = permutation(&mut streams.rng("inception-score", 0), logits.len());
    inception_score_in_order(&logits.select(&order), splits)
}

/// [`inception_score`] with the items split in the order that they have.
///
/// # Errors
/// As [`inception_score`].
pub fn inception_score_in_order(logits: &Features, splits: usize) -> Result<InceptionScore, MetricError> {
    if splits == 0 {
        return Err(MetricError::Parameter { name: "splits", domain: "at least 1", got: 0.0 });
    }
    logits.check("generated", splits)?;
    let n = logits.len() as u128;
    let start = |i: usize| (i as u128 * n / splits as u128) as usize * logits.dims;
    let scores: Vec<f64> = (0..splits).map(|i| score(&logits.values[start(i)..start(i + 1)], logits.dims)).collect();
    let mean = scores.iter().sum::<f64>() / splits as f64;
    let variance = scores.iter().map(|score| (score - mean).powi(2)).sum::<f64>() / splits as f64;
    Ok(InceptionScore { mean, sd: variance.sqrt() })
}

/// exp of the entropy of the mean less the mean of the entropies.
fn score(logits: &[f32], classes: usize) -> f64 {
    let n = (logits.len() / classes) as f64;
    let mut mean = vec![0.0; classes];
    let mut own = 0.0;
    for row in logits.chunks_exact(classes) {
        let largest = row.iter().fold(f64::NEG_INFINITY, |largest, &x| largest.max(x.into()));
        let shifted = || row.iter().map(|&x| f64::from(x) - largest);
        let log_sum = shifted().map(f64::exp).sum::<f64>().ln();
        for (mean, x) in mean.iter_mut().zip(shifted()) {
            let log_p = x - log_sum;
            *mean += log_p.exp() / n;
            own += log_p.exp() * log_p / n;
        }
    }
    let of_mean: f64 = mean.into_iter().filter(|&p| p > 0.0).map(|p| p * p.ln()).sum();
    (own - of_mean).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits(classes: usize, rows: impl Iterator<Item = usize>, height: f32) -> Features {
        let row = |class: usize| (0..classes).map(move |c| if c == class { height } else { 0.0 });
        Features { dims: classes, values: rows.flat_map(row).collect() }
    }

    /// Certain of every class equally often: the number of classes. The same for all, or nothing certain: 1.
    #[test]
    fn the_extremes_are_one_and_the_number_of_classes() {
        let mean = |logits: &Features| inception_score_in_order(logits, 5).unwrap().mean;
        assert!((mean(&logits(4, (0..100).map(|i| i % 4), 100.0)) - 4.0).abs() < 1e-12);
        assert!((mean(&logits(4, (0..100).map(|_| 2), 100.0)) - 1.0).abs() < 1e-12);
        assert!((mean(&logits(4, 0..100, 0.0)) - 1.0).abs() < 1e-12);
    }

    /// Splits of one class each have the score 1, whatever their order; shuffled, they come close to 4.
    #[test]
    fn splits_are_taken_of_a_random_order() {
        let sorted = logits(4, (0..400).map(|i| i / 100), 100.0);
        assert!((inception_score_in_order(&sorted, 4).unwrap().mean - 1.0).abs() < 1e-12);
        let shuffled = inception_score(&sorted, 4, &Streams::new(1)).unwrap();
        assert!(shuffled.mean > 3.8 && shuffled.sd > 0.0, "{shuffled:?}");
        assert_eq!(shuffled, inception_score(&sorted, 4, &Streams::new(1)).unwrap());
        assert_ne!(shuffled, inception_score(&sorted, 4, &Streams::new(2)).unwrap());
    }

    #[test]
    fn splits_without_items_are_refused() {
        let few = logits(3, 0..3, 1.0);
        assert!(matches!(inception_score_in_order(&few, 4), Err(MetricError::TooFew { needed: 4, got: 3, .. })));
        assert!(matches!(inception_score_in_order(&few, 0), Err(MetricError::Parameter { name: "splits", .. })));
        assert!(inception_score(&few, 3, &Streams::new(1)).is_ok());
    }
}
