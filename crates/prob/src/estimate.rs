//! A mean of draws with its standard error.

/// The mean of independent values and its standard error.
///
/// ```
/// use ganvas_prob::estimate::Estimate;
/// let estimate = Estimate::of(&[1.0, 3.0]);
/// assert_eq!((estimate.mean, estimate.stderr, estimate.n), (2.0, 1.0, 2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The mean; NaN of no values.
    pub mean: f64,
    /// sd / sqrt(n), the sd with n - 1 in its denominator; 0 for a single value.
    pub stderr: f64,
    /// How many values there are.
    pub n: usize,
}

impl Estimate {
    /// Of these values.
    pub fn of(values: &[f64]) -> Self {
        let n = values.len();
        let mean = values.iter().sum::<f64>() / n as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n as f64 - 1.0).max(1.0);
        Self { mean, stderr: (variance / n as f64).sqrt(), n }
    }
}
