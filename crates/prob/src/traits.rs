//! What a distribution can be asked for. Everything is `f64`; logarithms are natural, entropies in nats.

use rand::Rng;
use std::any::Any;
use std::fmt::Debug;

/// Which values a distribution has mass on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Support {
    /// All reals of an interval; the ends may be infinite.
    Interval {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// The whole numbers of an interval; `high` may be infinite.
    Integers {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Finitely many values.
    Finite,
}

/// A probability density, or a probability mass for discrete laws.
pub trait Density {
    /// ln p(x); negative infinity outside of the support.
    fn ln_pdf(&self, x: f64) -> f64;

    /// p(x); zero outside of the support.
    fn pdf(&self, x: f64) -> f64 {
        self.ln_pdf(x).exp()
    }

    /// Where there is mass.
    fn support(&self) -> Support;
}

/// A cumulative distribution function.
pub trait Cumulative {
    /// P(X <= x).
    fn cdf(&self, x: f64) -> f64;

    /// P(X > x), without cancellation in the upper tail.
    fn sf(&self, x: f64) -> f64;

    /// ln P(X <= x).
    fn ln_cdf(&self, x: f64) -> f64 {
        self.cdf(x).ln()
    }

    /// ln P(X > x).
    fn ln_sf(&self, x: f64) -> f64 {
        self.sf(x).ln()
    }
}

/// The inverse of a cumulative distribution function.
pub trait Quantile {
    /// The smallest x with P(X <= x) >= p; NaN where p is outside of [0, 1].
    fn ppf(&self, p: f64) -> f64;

    /// The smallest x with P(X > x) <= q, without cancellation for small q.
    fn isf(&self, q: f64) -> f64;
}

/// Moments; NaN where one does not exist, infinite where it is.
pub trait Moments {
    /// `E[X]`.
    fn mean(&self) -> f64;

    /// `E[(X - E[X])^2]`.
    fn variance(&self) -> f64;

    /// `E[(X - E[X])^3] / variance^(3/2)`.
    fn skewness(&self) -> f64;

    /// `E[(X - E[X])^4] / variance^2 - 3`.
    fn excess_kurtosis(&self) -> f64;
}

/// Entropy.
pub trait Entropy {
    /// `-E[ln p(X)]`, in nats; differential for continuous laws.
    fn entropy_nats(&self) -> f64;

    /// The same in bits.
    fn entropy_bits(&self) -> f64 {
        self.entropy_nats() / std::f64::consts::LN_2
    }
}

/// A source of draws.
pub trait Sample {
    /// One draw.
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64;

    /// `n` draws.
    fn sample_n<R: Rng + ?Sized>(&self, rng: &mut R, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.sample(rng)).collect()
    }
}

/// A law on the real line behind a reference: what mixtures take. Whatever has the traits above is one.
pub trait Univariate: Density + Cumulative + Quantile + Any + Debug + Send + Sync {
    /// One draw.
    fn draw_one(&self, rng: &mut dyn Rng) -> f64;
}

impl<T: Density + Cumulative + Quantile + Sample + Any + Debug + Send + Sync> Univariate for T {
    fn draw_one(&self, rng: &mut dyn Rng) -> f64 {
        self.sample(rng)
    }
}

/// A law over `[dims]` values behind a reference: what the registry of KL divergences takes. Every [`Univariate`] law is
/// one of one dimension.
pub trait Law: Any + Debug + Send + Sync {
    /// Size of a draw.
    fn dims(&self) -> usize;

    /// ln p(x), x `[dims]`, with respect to the law's own measure: volume, or counting for discrete laws. NaN where x
    /// has another size.
    fn ln_density(&self, x: &[f64]) -> f64;

    /// Fills `out`, `[dims]`, with one draw.
    fn draw(&self, rng: &mut dyn Rng, out: &mut [f64]);

    /// The law as one on the real line, if it is one.
    fn univariate(&self) -> Option<&dyn Univariate> {
        None
    }
}

impl<T: Univariate> Law for T {
    fn dims(&self) -> usize {
        1
    }

    fn ln_density(&self, x: &[f64]) -> f64 {
        if let [x] = x { self.ln_pdf(*x) } else { f64::NAN }
    }

    fn draw(&self, rng: &mut dyn Rng, out: &mut [f64]) {
        out.fill_with(|| self.draw_one(rng));
    }

    fn univariate(&self) -> Option<&dyn Univariate> {
        Some(self)
    }
}

/// A parameter outside of its domain.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{parameter}` of {law} must be {domain}, got {value}")]
pub struct ParameterError {
    /// The law.
    pub law: &'static str,
    /// The parameter.
    pub parameter: &'static str,
    /// Its domain, in words.
    pub domain: &'static str,
    /// The value given.
    pub value: f64,
}

impl ParameterError {
    /// Refuses a value that does not satisfy its domain.
    pub(crate) fn unless(
        holds: bool,
        law: &'static str,
        parameter: &'static str,
        domain: &'static str,
        value: f64,
    ) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self { law, parameter, domain, value }) }
    }
}
