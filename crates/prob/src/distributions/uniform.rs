use super::{finite, is_probability, open01};
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;

/// The uniform law on an interval: p(x) = 1 / (high - low) for low <= x <= high.
///
/// `low` and `high` are finite, `low < high`, and their difference is finite. Johnson, Kotz and Balakrishnan,
/// *Continuous Univariate Distributions*, volume 2, chapter 26.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uniform {
    low: f64,
    high: f64,
    /// `high - low`.
    width: f64,
}

impl Uniform {
    /// Uniform on `[low, high]`.
    pub fn new(low: f64, high: f64) -> Result<Self, ParameterError> {
        finite("Uniform", "low", low)?;
        finite("Uniform", "high", high)?;
        ParameterError::unless(low < high, "Uniform", "high", "greater than low", high)?;
        ParameterError::unless((high - low).is_finite(), "Uniform", "high", "at a finite distance of low", high)?;
        Ok(Self { low, high, width: high - low })
    }

    /// The lower end.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// The upper end.
    pub fn high(&self) -> f64 {
        self.high
    }
}

impl Density for Uniform {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        if (self.low..=self.high).contains(&x) { -self.width.ln() } else { f64::NEG_INFINITY }
    }

    fn support(&self) -> Support {
        Support::Interval { low: self.low, high: self.high }
    }
}

impl Cumulative for Uniform {
    fn cdf(&self, x: f64) -> f64 {
        ((x.clamp(self.low, self.high) - self.low) / self.width).clamp(0.0, 1.0)
    }

    fn sf(&self, x: f64) -> f64 {
        ((self.high - x.clamp(self.low, self.high)) / self.width).clamp(0.0, 1.0)
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        let (below, above) = (self.cdf(x), self.sf(x));
        if below < above { below.ln() } else { (-above).ln_1p() }
    }

    fn ln_sf(&self, x: f64) -> f64 {
        let (below, above) = (self.cdf(x), self.sf(x));
        if below < above { (-below).ln_1p() } else { above.ln() }
    }
}

impl Quantile for Uniform {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        if p <= 0.5 { self.low + p * self.width } else { self.high - (1.0 - p) * self.width }
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        if q <= 0.5 { self.high - q * self.width } else { self.low + (1.0 - q) * self.width }
    }
}

impl Moments for Uniform {
    fn mean(&self) -> f64 {
        self.low + 0.5 * self.width
    }

    fn variance(&self) -> f64 {
        self.width * self.width / 12.0
    }

    fn skewness(&self) -> f64 {
        0.0
    }

    fn excess_kurtosis(&self) -> f64 {
        -1.2
    }
}

impl Entropy for Uniform {
    fn entropy_nats(&self) -> f64 {
        self.width.ln()
    }
}

impl Sample for Uniform {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.low + open01(rng) * self.width
    }
}
