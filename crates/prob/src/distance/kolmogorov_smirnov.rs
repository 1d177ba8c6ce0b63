use super::{DistanceError, TestResult, sorted};
use crate::distributions::special::{ln_binomial, ln_gamma};
use crate::traits::Cumulative;
use faer::Mat;
use std::f64::consts::LN_2;

/// The test of A. N. Kolmogorov (1933) and N. V. Smirnov that a sample follows a given continuous law: the largest
/// distance between the empirical cdf and the law's, and its p-value by [`kolmogorov_sf`].
///
/// For a law with steps the p-value is too large; for one whose parameters were estimated from the sample too.
///
/// # Errors
/// If the sample is empty, a value is not finite, or the law's cdf leaves [0, 1].
pub fn kolmogorov_smirnov(x: &[f64], law: &(impl Cumulative + ?Sized)) -> Result<TestResult, DistanceError> {
    let x = sorted(0, x)?;
    let n = x.len() as f64;
    let mut statistic: f64 = 0.0;
    for (i, &x) in x.iter().enumerate() {
        let value = law.cdf(x);
        if !(0.0..=1.0).contains(&value) {
            return Err(DistanceError::NotACdf { x, value });
        }
        statistic = statistic.max(value - i as f64 / n).max((i + 1) as f64 / n - value);
    }
    Ok(TestResult { statistic, p_value: kolmogorov_sf(x.len() as u64, statistic) })
}

/// Where both one-sided distances are as large as d with a chance below 2e-8 of that of one, and adding them is exact.
const FAR: f64 = 3.0;

/// The largest sample that powers of a matrix are taken for.
const MOST_EXACT: u64 = 4_000;

/// P(D >= d) for the Kolmogorov-Smirnov distance D of a sample of size n from its own continuous law; NaN for n = 0 or
/// a d that is no number.
///
/// Which formula: for n d^2 >= 3 or d >= 1/2 twice the exact one-sided probability (Z. W. Birnbaum and F. H. Tingey 1951,
/// eq. 3.0), a sum of n positive terms; below that the exact one of J. Durbin by powers of a matrix (G. Marsaglia, W. W.
/// Tsang and J. Wang 2003, J. Stat. Softw. 8(18)) up to n = 4,000, and above it the expansion to the order n^(-3/2) of
/// Li-Chien 1956 and V. S. Korolyuk 1960. Relative errors are below 1e-7, and below 1e-10 except near n d^2 = 3
/// and beyond n = 4,000. R. Simard and P. L'Ecuyer 2011 (J. Stat. Softw. 39(11)) compare the formulas.
///
/// ```
/// use ganvas_prob::distance::kolmogorov_sf;
/// assert!((kolmogorov_sf(10, 0.274) - (1.0 - 0.6284796154565043)).abs() < 1e-14);
/// ```
pub fn kolmogorov_sf(n: u64, d: f64) -> f64 {
    if n == 0 || d.is_nan() {
        return f64::NAN;
    }
    let count = n as f64;
    if d <= 0.5 / count {
        return 1.0;
    }
    if d >= 1.0 {
        return 0.0;
    }
    let p = if count * d * d >= FAR || d >= 0.5 {
        2.0 * one_sided_sf(n, d)
    } else if n <= MOST_EXACT {
        1.0 - durbin_cdf(n, d)
    } else {
        1.0 - expanded_cdf(count, d)
    };
    p.clamp(0.0, 1.0)
}

/// P(D+ >= d), the sum over j of the binomial mass of j at d + j/n, times d / (d + j/n).
fn one_sided_sf(n: u64, d: f64) -> f64 {
    let count = n as f64;
    (0..n)
        .map(|j| (j as f64, d + j as f64 / count, (n - j) as f64 / count - d))
        .take_while(|&(_, _, rest)| rest > 0.0)
        .map(|(j, p, rest)| d / p * ln_binomial(j, count - j, p, rest).exp())
        .sum()
}

/// P(D < d) as n! / n^n times an entry of the n-th power of Durbin's matrix.
fn durbin_cdf(n: u64, d: f64) -> f64 {
    let count = n as f64;
    let k = (count * d).ceil();
    let h = k - count * d;
    let centre = k as usize - 1;
    let m = 2 * centre + 1;
    let mut inverse_factorial = vec![1.0; m + 1];
    for i in 1..=m {
        inverse_factorial[i] = inverse_factorial[i - 1] / i as f64;
    }
    let edge = |i: usize| 1.0 - h.powi(i as i32);
    let mut power = Mat::from_fn(m, m, |i, j| {
        let part = if i == m - 1 && j == 0 {
            1.0 - 2.0 * h.powi(m as i32) + (2.0 * h - 1.0).max(0.0).powi(m as i32)
        } else if j == 0 {
            edge(i + 1)
        } else if i == m - 1 {
            edge(m - j)
        } else {
            1.0
        };
        if i + 1 >= j { part * inverse_factorial[i + 1 - j] } else { 0.0 }
    });
    let mut row = Mat::from_fn(1, m, |_, j| if j == centre { 1.0 } else { 0.0 });
    // Powers of two taken out, so that nothing overflows.
    let (mut row_exponent, mut exponent, mut rest) = (0.0, 0.0, n);
    loop {
        if rest % 2 == 1 {
            row = &row * &power;
            row_exponent += exponent + normalise(&mut row);
        }
        rest /= 2;
        if rest == 0 {
            break;
        }
        power = &power * &power;
        exponent = 2.0 * exponent + normalise(&mut power);
    }
    row[(0, centre)] * (ln_gamma(count + 1.0) - count * count.ln() + row_exponent * LN_2).exp()
}

/// Divides by the power of two that brings the largest entry near 1; its exponent.
fn normalise(matrix: &mut Mat<f64>) -> f64 {
    let exponent = matrix.norm_max().log2().floor();
    let scale = (-exponent).exp2();
    matrix.col_iter_mut().for_each(|column| column.iter_mut().for_each(|x| *x *= scale));
    exponent
}

/// P(D < d), with z = sqrt(n) d: the limit law of Kolmogorov and three corrections (as in Gnedenko, Korolyuk and
/// Skorokhod 1961, and in Marsaglia, Tsang and Wang 2003). The error measures 0.05 n^-2 at most.
fn expanded_cdf(n: f64, d: f64) -> f64 {
    let root = n.sqrt();
    let z = root * d;
    // Below, the cdf is less than 1e-13.
    if z < 0.2 {
        return 0.0;
    }
    let mut sum = 1.0;
    for i in 1..=30 {
        let k = f64::from(i);
        let (odd, k2, z2) = (f64::from(i % 2), k * k, z * z);
        let (f1, f2) = (k2 - odd, 5.0 * k2 + 22.0 - 15.0 * odd);
        let k2z2 = k2 * z2;
        let corrections =
            1.0 - 2.0 * k2 * z / (3.0 * root) - ((f1 - 4.0 * (f1 + 3.0) * k2z2) + 8.0 * k2z2 * k2z2) / (18.0 * n)
                + k2 * z / (27.0 * n * root) * (f2 / 5.0 - 4.0 * (f2 + 45.0) * k2z2 / 15.0 + 8.0 * k2z2 * k2z2);
        sum += (2.0 - 4.0 * odd) * (-2.0 * k2z2).exp() * corrections;
    }
    sum
}

/// The largest product of two sample sizes for which all orders of the pooled sample are counted.
const MOST_STEPS: usize = 100_000_000;

/// The two-sample test of Smirnov (1939): the largest distance between the empirical cdfs.
///
/// The p-value is exact for samples without ties while n m <= 10^8 (all orders of the pooled sample being equally likely;
/// J. L. Hodges 1958), to 1e-10 relative; with ties it is too large. Beyond that it is [`kolmogorov_sf`] at the
/// whole number nearest to n m / (n + m), off by the order of one step of the statistic.
///
/// # Errors
/// If a sample is empty or has a value that is not finite.
pub fn kolmogorov_smirnov_two_samples(x: &[f64], y: &[f64]) -> Result<TestResult, DistanceError> {
    let (x, y) = (sorted(0, x)?, sorted(1, y)?);
    let (n, m) = (x.len(), y.len());
    let (mut i, mut j, mut largest) = (0, 0, 0);
    while i < n && j < m {
        let next = x[i].min(y[j]);
        i += x[i..].iter().take_while(|&&v| v <= next).count();
        j += y[j..].iter().take_while(|&&v| v <= next).count();
        largest = largest.max(apart(i, j, n, m));
    }
    let statistic = largest as f64 / (n as f64 * m as f64);
    let p_value = if n.saturating_mul(m) <= MOST_STEPS {
        exceeds(n, m, largest)
    } else {
        let effective = n as f64 / (n as f64 + m as f64) * m as f64;
        kolmogorov_sf(effective.round() as u64, statistic)
    };
    Ok(TestResult { statistic, p_value })
}

/// n m |i/n - j/m|.
fn apart(i: usize, j: usize, n: usize, m: usize) -> u128 {
    (i as u128 * m as u128).abs_diff(j as u128 * n as u128)
}

/// The probability that a random order of n and m values somewhere has n m |i/n - j/m| >= h: a walk over the grid of (i, j)
/// whose mass is taken off where it first gets there, so that all terms are positive.
fn exceeds(n: usize, m: usize, h: u128) -> f64 {
    if h == 0 {
        return 1.0;
    }
    let total = (n + m) as f64;
    let mut inside = vec![0.0; m + 1];
    let mut sum = 0.0;
    let h = usize::try_from(h).unwrap_or(usize::MAX);
    for i in 0..=n {
        // Columns that mass can get to: those within reach in the row before, and one beyond those of this one.
        let from = (i.saturating_sub(1) * m).saturating_sub(h) / n;
        let to = ((i * m + h) / n + 1).min(m);
        for j in from..=to {
            let mut mass = if i == 0 && j == 0 { 1.0 } else { 0.0 };
            let left = |i: usize, j: usize| total - (i + j) as f64;
            if i > 0 {
                mass += inside[j] * (n - i + 1) as f64 / left(i - 1, j);
            }
            if j > 0 {
                mass += inside[j - 1] * (m - j + 1) as f64 / left(i, j - 1);
            }
            if apart(i, j, n, m) >= h as u128 {
                sum += mass;
                mass = 0.0;
            }
            inside[j] = mass;
        }
    }
    sum.min(1.0)
}
