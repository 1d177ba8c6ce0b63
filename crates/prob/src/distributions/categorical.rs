use super::Discrete;
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;

/// The categorical law: P(X = k) = probabilities\[k\] for k = 0, ..., n - 1.
///
/// Probabilities are not negative and sum to 1 within 1e-9 (they are divided by their sum).
#[derive(Clone, Debug)]
pub struct Categorical(Discrete);

impl Categorical {
    /// The law with these probabilities for 0, 1, ...
    pub fn new(probabilities: &[f64]) -> Result<Self, ParameterError> {
        let pairs: Vec<_> = probabilities.iter().enumerate().map(|(k, &p)| (k as f64, p)).collect();
        Discrete::new(&pairs).map(Self).map_err(|error| ParameterError { law: "Categorical", ..error })
    }

    /// The probabilities of 0, 1, ...
    pub fn probabilities(&self) -> impl Iterator<Item = f64> + '_ {
        self.0.pairs().map(|(_, p)| p)
    }
}

impl Density for Categorical {
    fn ln_pdf(&self, x: f64) -> f64 {
        self.0.ln_pdf(x)
    }

    fn pdf(&self, x: f64) -> f64 {
        self.0.pdf(x)
    }

    fn support(&self) -> Support {
        Support::Finite
    }
}

impl Cumulative for Categorical {
    fn cdf(&self, x: f64) -> f64 {
        self.0.cdf(x)
    }

    fn sf(&self, x: f64) -> f64 {
        self.0.sf(x)
    }
}

impl Quantile for Categorical {
    fn ppf(&self, p: f64) -> f64 {
        self.0.ppf(p)
    }

    fn isf(&self, q: f64) -> f64 {
        self.0.isf(q)
    }
}

impl Moments for Categorical {
    fn mean(&self) -> f64 {
        self.0.mean()
    }

    fn variance(&self) -> f64 {
        self.0.variance()
    }

    fn skewness(&self) -> f64 {
        self.0.skewness()
    }

    fn excess_kurtosis(&self) -> f64 {
        self.0.excess_kurtosis()
    }
}

impl Entropy for Categorical {
    fn entropy_nats(&self) -> f64 {
        self.0.entropy_nats()
    }
}

impl Sample for Categorical {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.0.sample(rng)
    }
}
