//! The KL divergence of any two laws, KL(p || q) = E_p[ln p(X) - ln q(X)] (S. Kullback and R. A. Leibler 1951).
//!
//! [`kl`] takes the first of these that applies, and says which ([`Method`]):
//!
//! 1. a **closed form** of the [registry](KlRegistry), most of them exact to 1e-13 or better;
//! 2. the **support**: the divergence is infinite where p has mass and q has none, or one law is continuous and the other
//!    is not;
//! 3. for laws on the real line **quadrature**, or for counts a **sum**, of q - p + p (ln p - ln q) >= 0, whose excess
//!    q - p is known from q's tails, with an estimate of the error;
//! 4. **Monte Carlo**, with a standard error.
//!
//! An integral that diverges, such as that of a Cauchy law against a normal one, comes out as infinite where the tails
//! show it (each decade of p's probability down to 1e-300 adds as much as the one before), as
//! [`KlError::Diverges`] where they leave it open, never as a large number. What cannot be seen from outside is taken on
//! trust: that the quantiles of p are right down to 1e-300, that q has no zeros within its support beyond p's
//! probabilities of 1e-100 (they are taken for underflow), and by Monte Carlo all that the draws do not meet.
//!
//! | p | q |
//! |---|---|
//! | [`Normal`], [`LogNormal`], [`Exponential`], [`Gamma`], [`Beta`], [`Laplace`], [`Gumbel`], [`Weibull`], [`Pareto`], [`Uniform`], [`Cauchy`], [`VonMises`], [`Bernoulli`], [`Binomial`], [`Geometric`], [`Poisson`], [`Categorical`], [`Discrete`], [`MultivariateNormal`], [`Dirichlet`] | the same |
//! | every continuous law on the real line | [`Normal`] |
//! | [`Gamma`], [`Weibull`], [`LogNormal`], [`Pareto`], [`Beta`], [`Uniform`], [`TruncatedNormal`] | [`Exponential`] |
//! | [`Beta`], [`TruncatedNormal`], [`VonMises`] | [`Uniform`] |
//! | [`Exponential`], [`Gamma`], [`Weibull`], [`LogNormal`], [`Pareto`], [`Beta`], [`Uniform`] | [`Gamma`] |
//! | [`Exponential`], [`Gamma`], [`Weibull`], [`LogNormal`], [`Pareto`], [`Beta`] | [`Weibull`], [`LogNormal`] |
//! | [`Normal`], [`Laplace`], [`Uniform`], [`Exponential`], [`Gamma`] | [`Gumbel`] |
//! | [`Normal`], [`Uniform`] | [`Laplace`] |
//! | [`Uniform`] | [`Beta`], [`Pareto`] |
//! | [`Bernoulli`] | [`Binomial`], [`Poisson`] |
//! | [`Binomial`] | [`Bernoulli`] |
//! | [`Discrete`], [`Categorical`] | [`Categorical`], [`Discrete`] |
//!
//! Within a family terms that are not negative are added up, so a divergence of 1e-20 has its digits. Across families
//! terms of both signs meet, with an error of some 1e-15 of the largest. What is beyond the range of f64 is infinite. Two von Mises laws are compared as laws of an
//! angle, on the circle; against other laws they are on their interval. For binomial laws there is a closed form where
//! the numbers of trials are equal.
//!
//! ```
//! use ganvas_prob::distributions::{Cauchy, Logistic, Normal};
//! use ganvas_prob::kl::{Method, kl};
//!
//! let (p, q) = (Normal::new(1.0, 2.0)?, Normal::new(0.0, 1.0)?);
//! let divergence = kl(&p, &q)?;
//! assert!((divergence.nats - (2.0 - 2f64.ln())).abs() < 1e-15);
//! assert_eq!(divergence.method, Method::ClosedForm);
//!
//! let logistic = Logistic::new(0.0, 1.0)?;
//! assert!(matches!(kl(&p, &logistic)?.method, Method::Quadrature { error } if error < 1e-9));
//! assert_eq!(kl(&Cauchy::new(0.0, 1.0)?, &q)?.nats, f64::INFINITY);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Normal`]: crate::distributions::Normal
//! [`LogNormal`]: crate::distributions::LogNormal
//! [`Exponential`]: crate::distributions::Exponential
//! [`Gamma`]: crate::distributions::Gamma
//! [`Beta`]: crate::distributions::Beta
//! [`Laplace`]: crate::distributions::Laplace
//! [`Gumbel`]: crate::distributions::Gumbel
//! [`Weibull`]: crate::distributions::Weibull
//! [`Pareto`]: crate::distributions::Pareto
//! [`Uniform`]: crate::distributions::Uniform
//! [`Cauchy`]: crate::distributions::Cauchy
//! [`VonMises`]: crate::distributions::VonMises
//! [`TruncatedNormal`]: crate::distributions::TruncatedNormal
//! [`Bernoulli`]: crate::distributions::Bernoulli
//! [`Binomial`]: crate::distributions::Binomial
//! [`Geometric`]: crate::distributions::Geometric
//! [`Poisson`]: crate::distributions::Poisson
//! [`Categorical`]: crate::distributions::Categorical
//! [`Discrete`]: crate::distributions::Discrete
//! [`MultivariateNormal`]: crate::distributions::MultivariateNormal
//! [`Dirichlet`]: crate::distributions::Dirichlet

pub(crate) mod bregman;
mod crossed;
mod integral;
mod monte_carlo;
mod registry;
mod same;
mod sum;

pub use registry::KlRegistry;

use crate::stream::Streams;
use crate::traits::{Law, Support, Univariate};

/// A KL divergence, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kl {
    /// KL(p || q) in nats; may be infinite.
    pub nats: f64,
    /// How it was computed.
    pub method: Method,
    /// The standard error of a Monte Carlo estimate, in nats.
    pub stderr: Option<f64>,
}

impl Kl {
    /// KL(p || q) in bits.
    pub fn bits(&self) -> f64 {
        self.nats / std::f64::consts::LN_2
    }

    fn certain(nats: f64, method: Method) -> Self {
        Self { nats, method, stderr: None }
    }
}

/// How a divergence was computed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Method {
    /// By a closed form of the registry.
    ClosedForm,
    /// By the supports alone: p has mass where q has none.
    Support,
    /// By numerical integration.
    Quadrature {
        /// The estimated error, in nats: what two rules differ by, round-off, and p's tails beyond a probability of
        /// 1e-300 each. Infinite where the integral diverges.
        error: f64,
    },
    /// By summation over values.
    Sum {
        /// How many values.
        terms: usize,
        /// The estimated error, in nats: round-off, and p's tails beyond a probability of 1e-300 each. Infinite where
        /// the sum diverges.
        error: f64,
    },
    /// By draws from p. The estimate is the mean of t = ln p - ln q. Where |t| <= 1 at all of them and at `n` draws from q
    /// too, it is the mean of exp(-t) - 1 + t (J. Schulman 2020, "Approximating KL divergence"), whose terms are not
    /// negative and vary by no more than the divergence itself.
    MonteCarlo {
        /// How many draws.
        n: usize,
    },
}

/// What keeps a divergence from being computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KlError {
    /// Laws over vectors of different sizes.
    #[error("p is over {p} values, q over {q}")]
    Dims {
        /// Size of a draw from p.
        p: usize,
        /// Size of a draw from q.
        q: usize,
    },
    /// A log-density, or its difference, that is no number.
    #[error("ln p - ln q is not a number at x = {x:?}: ln p = {ln_p}, ln q = {ln_q}")]
    NotANumber {
        /// The place, `[dims]`.
        x: Vec<f64>,
        /// ln p there.
        ln_p: f64,
        /// ln q there.
        ln_q: f64,
    },
    /// A quantile that is no number.
    #[error("a quantile of {law} for the probability {probability:e} is not a number")]
    Quantile {
        /// `"p"` or `"q"`.
        law: &'static str,
        /// The probability below it, or above it.
        probability: f64,
    },
    /// The integral or sum does not converge, or too slowly to tell.
    #[error(
        "the divergence does not converge towards x = {x}: beyond, where p has {probability:e}, {rest:e} nats or more are left"
    )]
    Diverges {
        /// How far it was taken.
        x: f64,
        /// p's mass beyond.
        probability: f64,
        /// An estimate of what is missing.
        rest: f64,
    },
    /// A Monte Carlo estimate of which one draw is more than a fifth: its standard error would mean nothing.
    #[error("one of {n} draws is {share} of the estimate: the divergence is infinite, or needs more draws")]
    HeavyTail {
        /// How many draws.
        n: usize,
        /// The share of the largest |ln p - ln q| in their sum.
        share: f64,
    },
    /// A setting outside of its domain.
    #[error("`{name}` must be {domain}, got {value}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// Its domain, in words.
        domain: &'static str,
        /// The value given.
        value: f64,
    },
}

/// What the divergences without a closed form are computed with.
///
/// ```
/// use ganvas_prob::{kl::KlConfig, stream::Streams};
/// let config = KlConfig::new().with_samples(10_000).with_streams(Streams::new(7)).with_tolerance(1e-6);
/// # let _ = config;
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KlConfig {
    samples: usize,
    streams: Streams,
    tolerance: f64,
}

impl Default for KlConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl KlConfig {
    /// 100,000 draws of seed 0; a relative error of 1e-8 of an integral or sum.
    pub fn new() -> Self {
        Self { samples: 100_000, streams: Streams::new(0), tolerance: 1e-8 }
    }

    /// Draws of a Monte Carlo estimate, at least 100.
    pub fn with_samples(mut self, samples: usize) -> Self {
        self.samples = samples;
        self
    }

    /// Where the draws come from.
    pub fn with_streams(mut self, streams: Streams) -> Self {
        self.streams = streams;
        self
    }

    /// The largest error of an integral or sum, relative to the divergence, from 1e-10 to 0.1. Integrals that miss it
    /// through p's tails diverge, others are left to Monte Carlo.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    fn check(&self) -> Result<(), KlError> {
        if self.samples < 100 {
            let value = self.samples as f64;
            return Err(KlError::Parameter { name: "samples", domain: "at least 100", value });
        }
        if !(1e-10..=0.1).contains(&self.tolerance) {
            let value = self.tolerance;
            return Err(KlError::Parameter { name: "tolerance", domain: "between 1e-10 and 0.1", value });
        }
        Ok(())
    }
}

/// KL(p || q) by the [standard registry](KlRegistry::standard) and the settings of [`KlConfig::new`].
///
/// # Errors
/// If the laws are over vectors of different sizes, a log-density is no number, or the integral is left open; see
/// [`KlError`].
pub fn kl(p: &dyn Law, q: &dyn Law) -> Result<Kl, KlError> {
    static STANDARD: std::sync::LazyLock<KlRegistry> = std::sync::LazyLock::new(KlRegistry::standard);
    STANDARD.kl(p, q, &KlConfig::new())
}

/// The divergence without a closed form.
fn numerical(p: &dyn Law, q: &dyn Law, config: &KlConfig) -> Result<Kl, KlError> {
    config.check()?;
    if p.dims() != q.dims() {
        return Err(KlError::Dims { p: p.dims(), q: q.dims() });
    }
    if let (Some(on_line), Some(other)) = (p.univariate(), q.univariate())
        && let Some(found) = on_the_line(on_line, other, config)?
    {
        return Ok(found);
    }
    monte_carlo::estimate(p, q, config)
}

/// By quadrature or summation; `None` where that is out of reach.
fn on_the_line(p: &dyn Univariate, q: &dyn Univariate, config: &KlConfig) -> Result<Option<Kl>, KlError> {
    let infinite = Ok(Some(Kl::certain(f64::INFINITY, Method::Support)));
    match (p.support(), q.support()) {
        (Support::Interval { .. }, Support::Interval { low, high }) => {
            // In logarithms, as far tails underflow.
            if p.ln_cdf(low) > f64::NEG_INFINITY || p.ln_sf(high) > f64::NEG_INFINITY {
                return infinite;
            }
            integral::integral(p, q, config.tolerance)
        }
        (Support::Interval { .. }, _) | (_, Support::Interval { .. }) => infinite,
        (Support::Integers { .. }, Support::Integers { low, high })
            if p.ln_cdf(low - 1.0) > f64::NEG_INFINITY || p.ln_sf(high) > f64::NEG_INFINITY =>
        {
            infinite
        }
        (Support::Integers { .. }, _) => sum::over_integers(p, q, config.tolerance),
        (Support::Finite, _) => sum::over_atoms(p, q),
    }
}

/// p's tails are looked at down to a mass of 10^-DECADES.
const DECADES: i32 = 300;

/// From here on a density of q that is zero, within its support, is taken for one that underflows.
const UNDERFLOW: usize = 100;

/// As many decades tell whether a tail converges.
const TREND: usize = 20;

/// One of p's tails.
struct Tail {
    /// Where p has 10^-k beyond, k = 1, 2, ..., as far as they are finite and inside of p's support.
    points: Vec<f64>,
    /// 10^-k |ln p - ln q| there: the size of what decade k adds to the divergence.
    sizes: Vec<f64>,
    /// Whether the last decades lie so near to the end of p's support that f64 cannot tell them from it.
    ended: bool,
}

impl Tail {
    fn of(p: &dyn Univariate, q: &dyn Univariate, upper: bool) -> Result<Self, KlError> {
        let mut tail = Self { points: Vec::new(), sizes: Vec::new(), ended: false };
        let end = if upper { p.isf(0.0) } else { p.ppf(0.0) };
        for k in 1..=DECADES {
            let probability = 10f64.powi(-k);
            let x = if upper { p.isf(probability) } else { p.ppf(probability) };
            if x.is_nan() {
                return Err(KlError::Quantile { law: "p", probability });
            }
            if x.is_infinite() || x == end {
                tail.ended = x.is_finite();
                break;
            }
            let (ln_p, ln_q) = (p.ln_pdf(x), q.ln_pdf(x));
            let gap = if ln_p == f64::NEG_INFINITY { 0.0 } else { ln_p - ln_q };
            let pole = ln_p == f64::INFINITY || ln_q == f64::INFINITY;
            if pole || gap == f64::INFINITY && tail.points.len() >= UNDERFLOW {
                tail.ended = pole;
                break;
            }
            if gap.is_nan() {
                return Err(KlError::NotANumber { x: vec![x], ln_p, ln_q });
            }
            tail.points.push(x);
            tail.sizes.push(probability * gap.abs());
            if gap.is_infinite() {
                break;
            }
        }
        Ok(tail)
    }

    /// The factor from decade to decade, from the means of the last ten and the ten before.
    fn ratio(&self) -> f64 {
        let half = TREND.min(self.sizes.len()) / 2;
        let (before, last) = self.sizes[self.sizes.len() - 2 * half..].split_at(half);
        let [before, last] = [before, last].map(|sizes| sizes.iter().sum::<f64>());
        if before > 0.0 { (last / before).powf(1.0 / half as f64) } else { 0.0 }
    }

    /// Whether each decade adds as much as the one before it, or q ends.
    fn diverges(&self) -> bool {
        self.sizes.last().is_some_and(|size| size.is_infinite())
            || self.sizes.len() >= TREND && self.ratio() >= 1.0 - 1e-9
    }

    /// p's mass beyond the last point.
    fn probability(&self) -> f64 {
        10f64.powi(-(self.points.len() as i32))
    }

    /// What is missing beyond the last point, if the decades go on to shrink as the last of them did. Where f64 ends
    /// before, the last decade is as uncertain as what is missing.
    fn rest(&self) -> f64 {
        let last = self.sizes.last().copied().unwrap_or(0.0);
        let uncertain = if self.ended { 10.0 * last } else { 0.0 };
        if last == 0.0 { 0.0 } else { uncertain + last / (1.0 - self.ratio()).max(0.0) }
    }
}

/// Whether the divergence is infinite because of one of p's tails.
fn diverging(tails: [&Tail; 2]) -> bool {
    tails.iter().any(|tail| tail.diverges())
}

/// What is missing beyond p's tails, unless one of them lacks more than is `allowed`.
fn rest(tails: [&Tail; 2], allowed: f64) -> Result<f64, KlError> {
    for tail in tails {
        if tail.rest() > allowed {
            let x = tail.points.last().copied().unwrap_or(f64::NAN);
            return Err(KlError::Diverges { x, probability: tail.probability(), rest: tail.rest() });
        }
    }
    Ok(tails.iter().map(|tail| tail.rest()).sum())
}

/// q - p + p (ln p - ln q), from logarithms.
fn excess_term(ln_p: f64, ln_q: f64) -> f64 {
    let t = ln_q - ln_p;
    if ln_p == f64::NEG_INFINITY {
        ln_q.exp()
    } else if t < 1.0 {
        ln_p.exp() * bregman::exp_rest(t)
    } else {
        ln_q.exp() - ln_p.exp() * (1.0 + t)
    }
}
