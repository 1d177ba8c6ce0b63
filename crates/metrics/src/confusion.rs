//! What a classifier took the items of each class for, and the figures that follow from it.

use crate::MetricError;
use crate::items::check_labels;

/// How often items of a class were taken for each class.
///
/// ```
/// use ganvas_metrics::confusion::Confusion;
/// let found = Confusion::of(&[0, 0, 0, 1], &[0, 0, 1, 1], 2)?;
/// assert_eq!((found.precision(0), found.recall(0)), (1.0, 2.0 / 3.0));
/// assert_eq!((found.f1(0), found.f1(1)), (0.8, 2.0 / 3.0));
/// # Ok::<(), ganvas_metrics::MetricError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    classes: usize,
    /// Rows: what items are; columns: what they were taken for.
    counts: Vec<u64>,
}

impl Confusion {
    /// Of items that are of the classes `truth` and were told to be of `told`.
    ///
    /// # Errors
    /// If there are not as many of both, or a label is not below `classes`.
    pub fn of(truth: &[u32], told: &[u32], classes: usize) -> Result<Self, MetricError> {
        check_labels(truth, told.len(), classes, "real")?;
        check_labels(told, told.len(), classes, "told")?;
        let mut counts = vec![0; classes * classes];
        for (&truth, &told) in truth.iter().zip(told) {
            counts[truth as usize * classes + told as usize] += 1;
        }
        Ok(Self { classes, counts })
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    fn row(&self, class: usize) -> u64 {
        self.counts[class * self.classes..(class + 1) * self.classes].iter().sum()
    }

    fn column(&self, class: usize) -> u64 {
        self.counts.iter().skip(class).step_by(self.classes).sum()
    }

    /// The share of the items of a class that were taken for `told`, in [0, 1]; 0 where the class has none.
    ///
    /// # Panics
    /// If there is no such class. So do the other figures of one class.
    pub fn share(&self, class: usize, told: usize) -> f64 {
        over(self.counts[class * self.classes + told], self.row(class))
    }

    /// The share of a class's items that were told to be of it, in [0, 1]; 0 where it has none.
    pub fn recall(&self, class: usize) -> f64 {
        self.share(class, class)
    }

    /// The share of the items told to be of a class that are, in [0, 1]; 0 where none was told to be.
    pub fn precision(&self, class: usize) -> f64 {
        over(self.counts[class * self.classes + class], self.column(class))
    }

    /// The harmonic mean of a class's precision and recall, in [0, 1]: 2 hits / (its items + items told to be of it); 0 where
    /// there is neither.
    pub fn f1(&self, class: usize) -> f64 {
        over(2 * self.counts[class * self.classes + class], self.row(class) + self.column(class))
    }

    /// The mean of the classes' F1, in [0, 1], whatever their sizes.
    pub fn macro_f1(&self) -> f64 {
        self.mean_f1(&(0..self.classes).collect::<Vec<_>>())
    }

    /// The mean F1 of some classes, in [0, 1]; 0 of none.
    pub fn mean_f1(&self, of: &[usize]) -> f64 {
        of.iter().map(|&class| self.f1(class)).sum::<f64>() / of.len().max(1) as f64
    }

    /// The geometric mean of the classes' recalls, in [0, 1] (M. Kubat and S. Matwin 1997): 0 where a class is never found.
    pub fn g_mean(&self) -> f64 {
        let product: f64 = (0..self.classes).map(|class| self.recall(class)).product();
        product.powf(1.0 / self.classes.max(1) as f64)
    }

    /// The pairs (a, b) of different classes of which a share of at least `least` of a's items was taken for b.
    pub fn ambiguous(&self, least: f64) -> Vec<(usize, usize)> {
        let pairs = (0..self.classes).flat_map(|a| (0..self.classes).map(move |b| (a, b)));
        pairs.filter(|&(a, b)| a != b && self.share(a, b) >= least).collect()
    }
}

fn over(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Class 0: 3 of 4 found, one taken for 1; class 1: 1 of 2, one taken for 2; class 2: both, and nothing of class 3.
    fn found() -> Confusion {
        Confusion::of(&[0, 0, 0, 0, 1, 1, 2, 2], &[0, 0, 0, 1, 1, 2, 2, 2], 4).unwrap()
    }

    #[test]
    fn figures_by_hand() {
        let found = found();
        assert_eq!([0, 1, 2, 3].map(|class| found.recall(class)), [0.75, 0.5, 1.0, 0.0]);
        assert_eq!([0, 1, 2, 3].map(|class| found.precision(class)), [1.0, 0.5, 2.0 / 3.0, 0.0]);
        assert_eq!([0, 1, 2, 3].map(|class| found.f1(class)), [6.0 / 7.0, 0.5, 0.8, 0.0]);
        assert!((found.macro_f1() - (6.0 / 7.0 + 0.5 + 0.8) / 4.0).abs() < 1e-12);
        assert_eq!((found.mean_f1(&[1, 2]), found.mean_f1(&[])), (0.65, 0.0));
        assert_eq!(found.g_mean(), 0.0);
        let two = Confusion::of(&[0, 0, 0, 0, 1], &[0, 1, 1, 1, 1], 2).unwrap();
        assert_eq!(two.g_mean(), 0.5, "the root of 1/4");
        assert_eq!((found.share(0, 1), found.share(1, 2)), (0.25, 0.5));
        assert_eq!(found.ambiguous(0.3), [(1, 2)]);
        assert_eq!(found.ambiguous(0.25), [(0, 1), (1, 2)]);
    }

    #[test]
    fn labels_that_do_not_fit_are_refused() {
        assert!(Confusion::of(&[0, 1], &[0], 2).is_err());
        assert!(Confusion::of(&[0, 2], &[0, 1], 2).is_err());
        assert!(Confusion::of(&[0, 1], &[0, 2], 2).is_err());
    }
}
