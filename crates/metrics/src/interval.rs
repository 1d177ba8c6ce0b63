//! Confidence intervals that need no resampling.

use ganvas_prob::distributions::{Normal, StudentT};
use ganvas_prob::traits::{ParameterError, Quantile};

use crate::MetricError;
use crate::classes::histogram;

/// The interval of a share of which `hits` of `n` independent draws were found, in [0, 1] (E. B. Wilson 1927, "Probable
/// Inference, the Law of Succession, and Statistical Inference"): also where all or none were, it has a width.
///
/// ```
/// let [low, high] = ganvas_metrics::interval::share(10, 10, 0.95)?;
/// assert!((low - 0.7225).abs() < 1e-4 && high == 1.0);
/// # Ok::<(), ganvas_metrics::MetricError>(())
/// ```
///
/// # Errors
/// If `n` is 0 or below `hits`, or `level` is not in (0, 1).
pub fn share(hits: usize, n: usize, level: f64) -> Result<[f64; 2], MetricError> {
    if n == 0 || hits > n {
        return Err(MetricError::Parameter { name: "hits", domain: "at most n, and n at least 1", got: hits as f64 });
    }
    let z = normal_quantile(level)?;
    let (p, n, square) = (hits as f64 / n as f64, n as f64, z * z);
    let centre = (p + square / (2.0 * n)) / (1.0 + square / n);
    let half = z / (1.0 + square / n) * (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt();
    let low = if p == 0.0 { 0.0 } else { centre - half };
    let high = if p == 1.0 { 1.0 } else { centre + half };
    Ok([low.max(0.0), high.min(1.0)])
}

/// The interval of the share of the rarest class, of labels below `classes`: the least of the low and the least of the
/// high ends of all classes' intervals, each so much wider that they hold together (C. E. Bonferroni 1936).
///
/// The classes are what the classifier says they are.
///
/// # Errors
/// If a label is not below `classes`, there is no label or no class, or `level` is not in (0, 1).
pub fn rarest_share(labels: &[u32], classes: usize, level: f64) -> Result<[f64; 2], MetricError> {
    let each = 1.0 - (1.0 - level) / classes.max(1) as f64;
    let mut least = [1.0f64, 1.0];
    for count in histogram(labels, classes)? {
        let [low, high] = share(count as usize, labels.len(), each)?;
        least = [least[0].min(low), least[1].min(high)];
    }
    Ok(least)
}

/// The interval of a mean of many from its standard error: a normal quantile to each side.
///
/// # Errors
/// If `level` is not in (0, 1).
pub fn of_mean(mean: f64, stderr: f64, level: f64) -> Result<[f64; 2], MetricError> {
    let half = normal_quantile(level)? * stderr;
    Ok([mean - half, mean + half])
}

/// The interval of a mean of `n` from its standard error: a quantile of Student's t to each side.
///
/// # Errors
/// If `level` is not in (0, 1) or `n` is below 2.
pub fn of_few(mean: f64, stderr: f64, n: usize, level: f64) -> Result<[f64; 2], MetricError> {
    let freedom = n.saturating_sub(1) as f64;
    let fault = |_: ParameterError| MetricError::Parameter { name: "n", domain: "at least 2", got: n as f64 };
    let half = StudentT::new(0.0, 1.0, freedom).map_err(fault)?.isf(tail(level)?) * stderr;
    Ok([mean - half, mean + half])
}

fn normal_quantile(level: f64) -> Result<f64, MetricError> {
    let fault = |_: ParameterError| MetricError::Parameter { name: "level", domain: "in (0, 1)", got: level };
    Ok(Normal::new(0.0, 1.0).map_err(fault)?.isf(tail(level)?))
}

/// The share above an interval in the middle.
fn tail(level: f64) -> Result<f64, MetricError> {
    if level > 0.0 && level < 1.0 {
        return Ok(0.5 - 0.5 * level);
    }
    Err(MetricError::Parameter { name: "level", domain: "in (0, 1)", got: level })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, uniforms};

    /// R: `binom::binom.confint(7, 50, method = "wilson")`.
    #[test]
    fn shares_have_the_known_intervals() {
        let [low, high] = share(7, 50, 0.95).unwrap();
        assert!((low - 0.069_51).abs() < 1e-4 && (high - 0.261_87).abs() < 1e-4, "{low}, {high}");
        assert_eq!(share(0, 9, 0.9).unwrap()[0], 0.0);
        assert_eq!(share(9, 9, 0.9).unwrap()[1], 1.0);
    }

    /// 1.959964 and, of 9 degrees of freedom, 2.262157 standard errors.
    #[test]
    fn means_have_the_quantiles_of_the_tables() {
        let [low, high] = of_mean(1.0, 2.0, 0.95).unwrap();
        assert!((high - 1.0 - 2.0 * 1.959_964).abs() < 1e-5 && (low + high - 2.0).abs() < 1e-12);
        let [_, high] = of_few(0.0, 1.0, 10, 0.95).unwrap();
        assert!((high - 2.262_157).abs() < 1e-5, "{high}");
    }

    /// Classes of the shares 0.05, 0.10, ...: 400 samples of 300 labels, so that a coverage of 0.95 has a standard error
    /// of 0.011. With equal shares the least of ten counts is far below each one's expectation.
    #[test]
    fn the_rarest_class_is_held_at_least_as_often_as_it_says() {
        let shares: [&[f32]; 2] = [&[0.05, 0.10, 0.15, 0.30, 0.40], &[0.1; 10]];
        for shares in shares {
            let truth = f64::from(shares.iter().copied().fold(1.0, f32::min));
            let holds = |i: &u64| {
                let label = |u: f32| {
                    let mut sum = 0.0;
                    let class = shares.iter().position(|share| {
                        sum += share;
                        u < sum
                    });
                    class.unwrap_or(shares.len() - 1) as u32
                };
                let labels: Vec<u32> =
                    uniforms(&mut Streams::new(1).rng("labels", *i), 300).into_iter().map(label).collect();
                let [low, high] = rarest_share(&labels, shares.len(), 0.95).unwrap();
                low <= truth && truth <= high
            };
            let held = (0..400).filter(holds).count() as f64 / 400.0;
            assert!(held >= 0.93, "{held}");
        }
    }

    #[test]
    fn what_is_no_share_is_refused() {
        assert!(share(3, 2, 0.95).is_err() && share(0, 0, 0.95).is_err());
        assert!(share(1, 2, 1.0).is_err() && of_mean(0.0, 1.0, f64::NAN).is_err());
        assert!(of_few(0.0, 1.0, 1, 0.95).is_err() && rarest_share(&[], 0, 0.95).is_ok());
        assert!(rarest_share(&[3], 3, 0.95).is_err());
    }
}
