use super::JointError;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// The result of a test of independence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChiSquareTest {
    /// sum (n_ij - e_ij)^2 / e_ij with e_ij = n_i n_j / n.
    pub statistic: f64,
    /// (rows - 1)(columns - 1), of those with a count.
    pub degrees_of_freedom: usize,
    /// The probability of a statistic as large or larger if rows and columns are independent.
    pub p_value: f64,
    /// The smallest e_ij; the p-value, a limit for many counts, is trusted from about 5.
    pub least_expected: f64,
}

/// Pearson's chi-square test of independence of the rows and columns of counts, without continuity correction
/// (K. Pearson 1900; degrees of freedom R. A. Fisher 1922). Rows and columns without a count are left out.
///
/// ```
/// use ganvas_prob::joint::chi_square_test;
/// let test = chi_square_test(&[[10, 20], [30, 40]])?;
/// assert!((test.statistic - 50.0 / 63.0).abs() < 1e-14 && test.degrees_of_freedom == 1);
/// # Ok::<(), ganvas_prob::joint::JointError>(())
/// ```
///
/// # Errors
/// If the rows differ in length, or fewer than two rows or columns have a count.
pub fn chi_square_test<Row: AsRef<[u64]>>(counts: &[Row]) -> Result<ChiSquareTest, JointError> {
    let expected = counts.first().map_or(0, |row| row.as_ref().len());
    let mut columns = vec![0.0; expected];
    let mut rows = Vec::with_capacity(counts.len());
    for (row, values) in counts.iter().map(AsRef::as_ref).enumerate() {
        if values.len() != expected {
            return Err(JointError::Ragged { row, expected, got: values.len() });
        }
        columns.iter_mut().zip(values).for_each(|(sum, &n)| *sum += n as f64);
        rows.push(values.iter().map(|&n| n as f64).sum::<f64>());
    }
    let above_zero = |sums: &[f64]| sums.iter().filter(|n| **n > 0.0).count();
    let (r, c) = (above_zero(&rows), above_zero(&columns));
    let degrees_of_freedom = r.saturating_sub(1) * c.saturating_sub(1);
    let too_few = JointError::TooFewCounts { rows: r, columns: c };
    let law = ChiSquared::new(degrees_of_freedom as f64).map_err(|_| too_few)?;
    let n: f64 = rows.iter().sum();
    let (mut statistic, mut least_expected) = (0.0, f64::INFINITY);
    for (values, row) in counts.iter().map(AsRef::as_ref).zip(&rows) {
        for (&count, column) in values.iter().zip(&columns) {
            let expected = row * (column / n);
            if expected > 0.0 {
                statistic += (count as f64 - expected).powi(2) / expected;
                least_expected = least_expected.min(expected);
            }
        }
    }
    Ok(ChiSquareTest { statistic, degrees_of_freedom, p_value: law.sf(statistic), least_expected })
}
