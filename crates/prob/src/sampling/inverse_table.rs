use super::{SamplingError, open_unit, weight_sum};
use crate::traits::Sample;
use rand::Rng;

/// Discrete inverse transform: outcome i is drawn where F(i - 1) <= u < F(i), found by binary search over the cumulative
/// sums F (L. Devroye 1986, "Non-Uniform Random Variate Generation", section III.2). O(n) set-up, O(log n) a draw.
///
/// ```
/// use ganvas_prob::sampling::InverseTable;
/// let table = InverseTable::new(&[1.0, 0.0, 3.0])?;
/// assert_eq!((table.index(0.2), table.index(0.3)), (0, 2));
/// assert_eq!(table.probabilities(), [0.25, 0.0, 0.75]);
/// # Ok::<(), ganvas_prob::sampling::SamplingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct InverseTable {
    /// F(i), the last entry 1; an impossible outcome repeats the value before it.
    cumulative: Vec<f64>,
    /// The last outcome that is possible.
    last: usize,
}

impl InverseTable {
    /// The table of outcomes 0..n with these weights, `[n]`, which need not add up to one.
    ///
    /// # Errors
    /// If a weight is negative or not finite, or there is none above zero.
    pub fn new(weights: &[f64]) -> Result<Self, SamplingError> {
        let total = weight_sum(weights)?;
        let last = weights.iter().rposition(|&w| w > 0.0).unwrap_or(0);
        let (mut sum, mut lost) = (0.0f64, 0.0);
        let mut cumulative = Vec::with_capacity(weights.len());
        for &weight in weights {
            let next = sum + weight;
            lost += if sum >= weight { (sum - next) + weight } else { (weight - next) + sum };
            sum = next;
            cumulative.push(((sum + lost) / total).min(1.0));
        }
        cumulative[last..].fill(1.0);
        Ok(Self { cumulative, last })
    }

    /// How many outcomes there are.
    #[allow(clippy::len_without_is_empty, reason = "a table is never empty")]
    pub fn len(&self) -> usize {
        self.cumulative.len()
    }

    /// The smallest i with F(i) > u: the outcome that `u` in [0, 1) stands for.
    pub fn index(&self, u: f64) -> usize {
        self.cumulative.partition_point(|&f| f <= u).min(self.last)
    }

    /// The probability of each outcome as the table draws it, `[n]`.
    pub fn probabilities(&self) -> Vec<f64> {
        std::iter::once(0.0).chain(self.cumulative.iter().copied()).zip(&self.cumulative).map(|(a, b)| b - a).collect()
    }

    /// Draws the index of an outcome.
    pub fn sample_index<R: Rng + ?Sized>(&self, rng: &mut R) -> usize {
        self.index(open_unit(rng))
    }
}

impl Sample for InverseTable {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.sample_index(rng) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::super::proof::{DRAWS, chi_square_p};
    use super::*;
    use crate::stream::Streams;

    #[test]
    fn a_million_draws_pass_the_chi_square_test() {
        let weights = [1.0, 2.0, 0.0, 3.5, 0.01, 7.0, 0.0];
        let table = InverseTable::new(&weights).unwrap();
        let mut rng = Streams::new(1).rng("inverse table", 0);
        let mut counts = [0; 7];
        (0..DRAWS).for_each(|_| counts[table.sample_index(&mut rng)] += 1);
        assert!(chi_square_p(&counts, &table.probabilities()) > 0.001, "{counts:?}");
        assert!(table.probabilities().iter().zip(weights).all(|(p, w)| (p - w / 13.51).abs() < 1e-15));
    }

    #[test]
    fn a_seed_gives_the_pinned_outcomes() {
        let table = InverseTable::new(&[0.1; 10]).unwrap();
        let mut rng = Streams::new(1).rng("pinned", 0);
        let draws: Vec<usize> = (0..8).map(|_| table.sample_index(&mut rng)).collect();
        assert_eq!(draws, PINNED);
    }
    const PINNED: [usize; 8] = [9, 7, 9, 4, 8, 0, 0, 8];

    #[test]
    fn no_outcome_without_weight_is_reached_even_at_the_ends() {
        let table = InverseTable::new(&[0.0, 0.1, 0.2, 0.0]).unwrap();
        assert_eq!((table.index(0.0), table.index(1.0 - f64::EPSILON / 2.0), table.index(1.0)), (1, 2, 2));
    }

    #[test]
    fn weights_that_are_no_weights_are_refused_with_their_place() {
        let refused = |w: &[f64]| InverseTable::new(w).unwrap_err();
        assert_eq!(refused(&[1.0, -0.5]), SamplingError::Weight { index: 1, value: -0.5 });
        assert!(matches!(refused(&[f64::NAN]), SamplingError::Weight { index: 0, .. }));
        assert_eq!(refused(&[]), SamplingError::WeightSum { count: 0, sum: 0.0 });
        assert_eq!(refused(&[0.0, 0.0]), SamplingError::WeightSum { count: 2, sum: 0.0 });
        assert!(matches!(refused(&[f64::MAX, f64::MAX]), SamplingError::WeightSum { .. }));
    }
}
