use super::is_probability;
use crate::traits::{Cumulative, Density, Entropy, Moments, ParameterError, Quantile, Sample, Support};
use rand::Rng;
use rand_distr::{Distribution, weighted::WeightedAliasIndex};

/// A law on finitely many real values: P(X = v) is the probability given for v.
///
/// Values are finite and distinct; probabilities are not negative and sum to 1 within 1e-9 (they are divided by
/// their sum). Draws use an alias table (Walker 1977, Vose 1991) and take constant time.
///
/// ```
/// use ganvas_prob::{distributions::Discrete, traits::{Entropy, Moments, Quantile}};
/// let x = Discrete::new(&[(10.0, 0.5), (20.0, 0.25), (30.0, 0.125), (40.0, 0.125)])?;
/// assert_eq!(x.mean(), 18.75);
/// assert_eq!(x.entropy_bits(), 1.75);
/// assert_eq!(x.ppf(0.6), 20.0);
/// # Ok::<(), ganvas_prob::traits::ParameterError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Discrete {
    /// Ascending.
    values: Vec<f64>,
    mass: Vec<f64>,
    /// P(X <= values[i]).
    below: Vec<f64>,
    /// P(X > values[i]).
    above: Vec<f64>,
    alias: WeightedAliasIndex<f64>,
}

impl Discrete {
    /// The law with P(X = value) = probability for each pair.
    pub fn new(pairs: &[(f64, f64)]) -> Result<Self, ParameterError> {
        for &(value, probability) in pairs {
            super::finite("Discrete", "value", value)?;
            ParameterError::unless(is_probability(probability), "Discrete", "probability", "in [0, 1]", probability)?;
        }
        let mut pairs = pairs.to_vec();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        if let Some(twice) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(ParameterError { law: "Discrete", parameter: "value", domain: "distinct", value: twice[0].0 });
        }
        let total: f64 = pairs.iter().map(|pair| pair.1).sum();
        let domain = "probabilities that sum to 1";
        ParameterError::unless((total - 1.0).abs() <= 1e-9, "Discrete", "sum", domain, total)?;
        let values: Vec<f64> = pairs.iter().map(|pair| pair.0).collect();
        let mass: Vec<f64> = pairs.iter().map(|pair| pair.1 / total).collect();
        let alias = WeightedAliasIndex::new(mass.clone()).map_err(|_| ParameterError {
            law: "Discrete",
            parameter: "sum",
            domain,
            value: total,
        })?;
        let mut below = Vec::with_capacity(mass.len());
        let mut sum = 0.0;
        for p in &mass {
            sum += p;
            below.push(sum.min(1.0));
        }
        let mut above = vec![0.0; mass.len()];
        for i in (1..mass.len()).rev() {
            above[i - 1] = (above[i] + mass[i]).min(1.0);
        }
        // From the last value with mass on, everything is below.
        for i in 0..mass.len() {
            if above[i] == 0.0 {
                below[i] = 1.0;
            }
        }
        Ok(Self { values, mass, below, above, alias })
    }

    /// Values, ascending, with their probabilities.
    pub fn pairs(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.values.iter().copied().zip(self.mass.iter().copied())
    }

    /// How many values are <= x.
    fn count(&self, x: f64) -> usize {
        self.values.partition_point(|&value| value <= x)
    }

    fn central(&self, k: i32) -> f64 {
        let mean = self.mean();
        self.pairs().map(|(value, p)| p * (value - mean).powi(k)).sum()
    }

    fn at(&self, i: usize) -> f64 {
        self.values[i.min(self.values.len() - 1)]
    }
}

impl Density for Discrete {
    fn ln_pdf(&self, x: f64) -> f64 {
        if x.is_nan() { x } else { self.pdf(x).ln() }
    }

    fn pdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        match self.count(x) {
            0 => 0.0,
            n if self.values[n - 1] == x => self.mass[n - 1],
            _ => 0.0,
        }
    }

    fn support(&self) -> Support {
        Support::Finite
    }
}

impl Cumulative for Discrete {
    fn cdf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        self.count(x).checked_sub(1).map_or(0.0, |i| self.below[i])
    }

    fn sf(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        self.count(x).checked_sub(1).map_or(1.0, |i| self.above[i])
    }
}

impl Quantile for Discrete {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        self.at(self.below.partition_point(|&below| below < p))
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        self.at(self.above.partition_point(|&above| above > q))
    }
}

impl Moments for Discrete {
    fn mean(&self) -> f64 {
        self.pairs().map(|(value, p)| p * value).sum()
    }

    fn variance(&self) -> f64 {
        self.central(2)
    }

    fn skewness(&self) -> f64 {
        self.central(3) / self.variance().powf(1.5)
    }

    fn excess_kurtosis(&self) -> f64 {
        self.central(4) / self.variance().powi(2) - 3.0
    }
}

impl Entropy for Discrete {
    fn entropy_nats(&self) -> f64 {
        self.mass.iter().map(|&p| if p == 0.0 { 0.0 } else { -p * p.ln() }).sum()
    }
}

impl Sample for Discrete {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.values[self.alias.sample(rng)]
    }
}
