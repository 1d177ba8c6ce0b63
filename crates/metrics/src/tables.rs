//! Figures on tables of numbers, `[n, columns]`: each column alone, and how columns go together.

use ganvas_prob::distance::{TestResult, kolmogorov_smirnov_two_samples};

use crate::features::moments;
use crate::items::same_dims;
use crate::{Features, MetricError};

/// For each column the Kolmogorov-Smirnov test that both tables have one distribution: the largest distance of the
/// empirical distribution functions, in [0, 1], and its p-value, which takes O(n m) up to n m = 10^8.
///
/// With many columns some p-values are small by chance: compare the smallest with its level over the columns.
///
/// # Errors
/// If the tables differ in columns, one is empty, or a value is not finite.
pub fn column_tests(real: &Features, fake: &Features) -> Result<Vec<TestResult>, MetricError> {
    same_dims(real, fake)?;
    real.check("real", 1)?;
    fake.check("fake", 1)?;
    let test = |column| Ok(kolmogorov_smirnov_two_samples(&real.column(column), &fake.column(column))?);
    (0..real.dims).map(test).collect()
}

/// The Frobenius norm of the difference of the correlation matrices of both tables (the pairwise correlation difference
/// of A. Goncalves et al. 2020, "Generation and evaluation of synthetic patient data").
///
/// In [0, 2 sqrt(columns (columns - 1))]. It sees pairs of columns and linear dependence, and nothing of a column
/// alone.
///
/// # Errors
/// If the tables differ in columns, one has fewer than two rows, a value is not finite, or a column is constant.
pub fn correlation_distance(real: &Features, fake: &Features) -> Result<f64, MetricError> {
    same_dims(real, fake)?;
    let (real, fake) = (correlations(real, "real")?, correlations(fake, "fake")?);
    Ok(real.iter().zip(&fake).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt())
}

/// `[columns, columns]`.
fn correlations(table: &Features, set: &'static str) -> Result<Vec<f64>, MetricError> {
    let covariance = moments(table, set)?.covariance()?;
    let dims = table.dims;
    let constant = |column: usize| table.values.chunks_exact(dims).all(|row| row[column] == table.values[column]);
    if let Some(column) = (0..dims).find(|&column| constant(column)) {
        return Err(MetricError::Constant { set, column });
    }
    let sd = |column: usize| covariance[column * dims + column].sqrt();
    Ok((0..dims * dims).map(|i| covariance[i] / (sd(i / dims) * sd(i % dims))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, normals};

    /// Three columns of variance 1; the second has the correlation `rho` with the first.
    fn table(seed: u64, n: usize, rho: f32) -> Features {
        let mut values = normals(&mut Streams::new(seed).rng("table", 0), n * 3);
        values.chunks_exact_mut(3).for_each(|row| row[1] = rho * row[0] + (1.0 - rho * rho).sqrt() * row[1]);
        Features { dims: 3, values }
    }

    /// Two entries differ by 0.8 each; scales and offsets of the columns do not count.
    #[test]
    fn correlations_differ_by_what_was_put_in() {
        let (a, mut b) = (table(1, 40_000, 0.6), table(2, 40_000, -0.2));
        let expected = 0.8 * 2f64.sqrt();
        assert!((correlation_distance(&a, &b).unwrap() - expected).abs() < 0.03);
        let before = correlation_distance(&a, &b).unwrap();
        b.values.iter_mut().step_by(3).for_each(|x| *x = 4.0 * *x + 2.0);
        assert!((correlation_distance(&a, &b).unwrap() - before).abs() < 1e-6);
    }

    /// Standard normals and such moved by 1: the largest distance is 2 Phi(1/2) - 1 = 0.3829.
    #[test]
    fn a_moved_column_is_the_one_that_is_found() {
        let (a, mut b) = (table(1, 3000, 0.6), table(2, 3000, 0.6));
        b.values.iter_mut().skip(2).step_by(3).for_each(|x| *x += 1.0);
        let found = column_tests(&a, &b).unwrap();
        assert!(found[..2].iter().all(|test| test.statistic < 0.05 && test.p_value > 1e-3), "{found:?}");
        assert!((found[2].statistic - 0.3829).abs() < 0.04 && found[2].p_value < 1e-9, "{found:?}");
    }

    #[test]
    fn tables_without_correlations_are_refused() {
        let a = table(1, 10, 0.5);
        let mut constant = table(2, 10, 0.5);
        constant.values.iter_mut().skip(1).step_by(3).for_each(|x| *x = 0.1);
        let error = correlation_distance(&a, &constant);
        assert!(matches!(error, Err(MetricError::Constant { set: "fake", column: 1 })));
        let none = Features { dims: 3, values: vec![] };
        assert!(matches!(column_tests(&a, &none), Err(MetricError::TooFew { set: "fake", .. })));
        let two = Features { dims: 2, values: vec![0.0; 4] };
        assert!(matches!(column_tests(&a, &two), Err(MetricError::Dims { left: 3, right: 2 })));
    }
}
