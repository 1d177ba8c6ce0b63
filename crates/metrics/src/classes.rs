//! The classes of generated items, as a classifier sees them.

use crate::MetricError;
use crate::items::check_labels;

/// How many items each class has.
///
/// # Errors
/// If a label is not below `classes`.
pub fn histogram(labels: &[u32], classes: usize) -> Result<Vec<u64>, MetricError> {
    check_labels(labels, labels.len(), classes, "classified")?;
    let mut counts = vec![0; classes];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    Ok(counts)
}

/// The share of each class, in [0, 1]; they sum to 1.
///
/// ```
/// use ganvas_metrics::classes::class_shares;
/// assert_eq!(class_shares(&[0, 2, 2, 2], 3)?, [0.25, 0.0, 0.75]);
/// # Ok::<(), ganvas_metrics::MetricError>(())
/// ```
///
/// # Errors
/// If a label is not below `classes`, or there is none.
pub fn class_shares(labels: &[u32], classes: usize) -> Result<Vec<f64>, MetricError> {
    if labels.is_empty() {
        return Err(MetricError::TooFew { set: "classified", needed: 1, got: 0 });
    }
    let counts = histogram(labels, classes)?;
    Ok(counts.into_iter().map(|count| count as f64 / labels.len() as f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_counted_and_strange_ones_refused() {
        assert_eq!(histogram(&[1, 1, 0], 3).unwrap(), [1, 2, 0]);
        assert!(matches!(histogram(&[1, 3], 3), Err(MetricError::Class { item: 1, label: 3, classes: 3, .. })));
        assert!(matches!(class_shares(&[], 3), Err(MetricError::TooFew { .. })));
    }
}
