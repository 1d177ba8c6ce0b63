use super::{SamplingError, weight_sum};
use crate::traits::Sample;
use rand::Rng;

/// 2^64: what a column of the table holds.
const COLUMN: f64 = 18_446_744_073_709_551_616.0;

#[derive(Clone, Copy, Debug)]
struct Column {
    /// The column's own outcome is drawn below this share of 2^64.
    threshold: u64,
    /// Who is drawn above it.
    alias: u32,
}

/// The alias method: n columns of equal mass, each shared by at most two outcomes (A. J. Walker 1977, ACM TOMS 3;
/// the set-up that loses no digits: M. D. Vose 1991, IEEE TSE 17). O(n) set-up, O(1) a draw, one random word a draw.
///
/// The word's product with n gives the column in its upper 64 bits and the place in the column in its lower 64
/// (D. Lemire 2019, ACM TOMACS 29), so a probability is off by at most n 2^-64.
///
/// ```
/// use ganvas_prob::{sampling::AliasTable, stream::Streams};
/// let table = AliasTable::new(&[0.5, 0.25, 0.125, 0.125])?;
/// assert_eq!(table.probabilities(), [0.5, 0.25, 0.125, 0.125]);
/// assert!(table.sample_index(&mut Streams::new(7).rng("outcome", 0)) < 4);
/// # Ok::<(), ganvas_prob::sampling::SamplingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct AliasTable {
    columns: Vec<Column>,
}

impl AliasTable {
    /// The table of outcomes 0..n with these weights, `[n]`, which need not add up to one.
    ///
    /// # Errors
    /// If a weight is negative or not finite, there is none above zero, or there are more than 2^32.
    pub fn new(weights: &[f64]) -> Result<Self, SamplingError> {
        let total = weight_sum(weights)?;
        let n = weights.len();
        if u32::try_from(n).is_err() {
            return Err(SamplingError::Length { name: "weights", expected: u32::MAX as usize, got: n });
        }
        // In units of a column; divided first, so that large weights do not overflow.
        let mut rest: Vec<f64> = weights.iter().map(|w| w / total * n as f64).collect();
        let mut columns = vec![Column { threshold: u64::MAX, alias: 0 }; n];
        columns.iter_mut().zip(0..).for_each(|(column, i)| column.alias = i);
        let (mut small, mut large): (Vec<usize>, Vec<usize>) = (0..n).partition(|&i| rest[i] < 1.0);
        while let (Some(&low), Some(&high)) = (small.last(), large.last()) {
            small.pop();
            columns[low] = Column { threshold: (rest[low] * COLUMN) as u64, alias: high as u32 };
            rest[high] = (rest[high] + rest[low]) - 1.0;
            if rest[high] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        // What is left is full but for round-off, except outcomes of no weight that round-off left without a partner.
        let richest = (0..n).fold(0, |best, i| if weights[i] > weights[best] { i } else { best });
        for i in small.into_iter().filter(|&i| weights[i] == 0.0) {
            columns[i] = Column { threshold: 0, alias: richest as u32 };
        }
        Ok(Self { columns })
    }

    /// How many outcomes there are.
    #[allow(clippy::len_without_is_empty, reason = "a table is never empty")]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// The probability of each outcome as the table draws it, `[n]`: its own share and what the others give it.
    pub fn probabilities(&self) -> Vec<f64> {
        let n = self.columns.len() as f64;
        let mut sums = vec![0.0; self.columns.len()];
        for (i, column) in self.columns.iter().enumerate() {
            let own = if column.alias as usize == i { 1.0 } else { column.threshold as f64 / COLUMN };
            sums[i] += own;
            sums[column.alias as usize] += 1.0 - own;
        }
        sums.into_iter().map(|sum| sum / n).collect()
    }

    /// Draws the index of an outcome.
    #[inline]
    pub fn sample_index<R: Rng + ?Sized>(&self, rng: &mut R) -> usize {
        let product = u128::from(rng.next_u64()) * self.columns.len() as u128;
        let (index, place) = ((product >> 64) as usize, product as u64);
        let column = self.columns[index];
        // Without a branch: no predictor could learn it.
        let mask = usize::from(place >= column.threshold).wrapping_neg();
        index ^ ((index ^ column.alias as usize) & mask)
    }
}

impl Sample for AliasTable {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.sample_index(rng) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::super::proof::{DRAWS, chi_square_p};
    use super::*;
    use crate::stream::Streams;
    use proptest::prelude::*;

    #[test]
    fn a_million_draws_pass_the_chi_square_test() {
        let weights: Vec<f64> = (0..10).map(|i| f64::from(i * i % 7)).collect();
        let table = AliasTable::new(&weights).unwrap();
        let total: f64 = weights.iter().sum();
        let probabilities: Vec<f64> = weights.iter().map(|w| w / total).collect();
        let mut rng = Streams::new(1).rng("alias table", 0);
        let mut counts = vec![0; 10];
        (0..DRAWS).for_each(|_| counts[table.sample_index(&mut rng)] += 1);
        assert!(chi_square_p(&counts, &probabilities) > 0.001, "{counts:?}");
    }

    #[test]
    fn a_seed_gives_the_pinned_outcomes() {
        let table = AliasTable::new(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        let mut rng = Streams::new(1).rng("pinned", 0);
        let draws: Vec<usize> = (0..8).map(|_| table.sample_index(&mut rng)).collect();
        assert_eq!(draws, PINNED);
    }
    const PINNED: [usize; 8] = [2, 3, 3, 3, 3, 0, 0, 3];

    proptest! {
        #[test]
        fn the_columns_add_up_to_the_probabilities(weights in prop::collection::vec(0.0f64..10.0, 1..200), zero in 0usize..200) {
            let mut weights = weights;
            if zero < weights.len() {
                weights[zero] = 0.0;
            }
            let total: f64 = weights.iter().sum();
            prop_assume!(total > 0.0);
            let table = AliasTable::new(&weights).unwrap();
            for (p, w) in table.probabilities().iter().zip(&weights) {
                prop_assert!((p - w / total).abs() < 1e-14, "{p} against {}", w / total);
                prop_assert!(*w > 0.0 || *p == 0.0);
            }
        }
    }
}
