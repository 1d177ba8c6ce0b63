//! Distributions, one file each, behind the traits of [`traits`](crate::traits).
//!
//! Constructors refuse NaN, infinite and out-of-domain parameters with a
//! [`ParameterError`]; no method panics. Far tails are computed on the
//! side where they are small, so `sf` and `ln_sf` keep their relative accuracy where `1 - cdf` has none.
//!
//! | Continuous | Support |
//! |---|---|
//! | [`Uniform`], [`Beta`], [`TruncatedNormal`], [`VonMises`] | an interval |
//! | [`Exponential`], [`Gamma`], [`Weibull`], [`LogNormal`], [`Pareto`] | a half-line |
//! | [`Normal`], [`Laplace`], [`Logistic`], [`Gumbel`], [`Cauchy`], [`StudentT`] | all reals |
//!
//! | Discrete | Support |
//! |---|---|
//! | [`Bernoulli`], [`Binomial`], [`Categorical`] | 0, 1, ..., n |
//! | [`Geometric`] | 1, 2, ... |
//! | [`Poisson`] | 0, 1, ... |
//! | [`Discrete`] | any finite set of reals |
//!
//! | Made of others | Support |
//! |---|---|
//! | [`Mixture`] of laws, [`VectorMixture`] of laws over vectors | that of its components |
//! | [`Empirical`] law of a sample | its values |
//! | [`Kde`] of a sample | all reals |
//!
//! | Over vectors | Support |
//! |---|---|
//! | [`MultivariateNormal`], [`GaussianMixture`] | all of R^d |
//! | [`Dirichlet`] | the simplex: values that are not negative and sum to 1 |
//! | [`VonMisesFisher`], and its [`FisherAngle`] alone | the unit sphere |

mod location_scale;
pub(crate) mod numeric;
pub(crate) mod special;

mod bernoulli;
mod beta;
mod binomial;
mod categorical;
mod cauchy;
mod dirichlet;
mod discrete;
mod empirical;
mod exponential;
mod gamma;
mod gaussian_mixture;
mod geometric;
mod gumbel;
mod kde;
mod laplace;
mod log_normal;
mod logistic;
mod mixture;
mod multivariate_normal;
mod normal;
mod pareto;
mod poisson;
mod student_t;
mod truncated_normal;
mod uniform;
mod von_mises;
mod von_mises_fisher;
mod weibull;

pub use bernoulli::Bernoulli;
pub use beta::Beta;
pub use binomial::Binomial;
pub use categorical::Categorical;
pub use cauchy::Cauchy;
pub use dirichlet::Dirichlet;
pub use discrete::Discrete;
pub use empirical::{Empirical, SampleError};
pub use exponential::Exponential;
pub use gamma::Gamma;
pub use gaussian_mixture::{GaussianMixture, GaussianMixtureConfig, GaussianMixtureError};
pub use geometric::Geometric;
pub use gumbel::Gumbel;
pub use kde::Kde;
pub use laplace::Laplace;
pub use log_normal::LogNormal;
pub use logistic::Logistic;
pub use mixture::{Mixture, MixtureError, VectorMixture};
pub use multivariate_normal::MultivariateNormal;
pub use normal::Normal;
pub use pareto::Pareto;
pub use poisson::Poisson;
pub use student_t::StudentT;
pub use truncated_normal::TruncatedNormal;
pub use uniform::Uniform;
pub use von_mises::VonMises;
pub use von_mises_fisher::{FisherAngle, VonMisesFisher};
pub use weibull::Weibull;

use crate::traits::ParameterError;
use rand::Rng;
use rand_distr::{Distribution, Open01};

/// Refuses a parameter that is not a finite number.
fn finite(law: &'static str, parameter: &'static str, value: f64) -> Result<(), ParameterError> {
    ParameterError::unless(value.is_finite(), law, parameter, "finite", value)
}

/// Refuses a parameter that is not finite and positive.
fn positive(law: &'static str, parameter: &'static str, value: f64) -> Result<(), ParameterError> {
    ParameterError::unless(value.is_finite() && value > 0.0, law, parameter, "finite and positive", value)
}

/// A draw from the open unit interval, for inverse transforms.
fn open01<R: Rng + ?Sized>(rng: &mut R) -> f64 {
    Open01.sample(rng)
}

/// Whether `p` can be a probability; NaN cannot.
fn is_probability(p: f64) -> bool {
    (0.0..=1.0).contains(&p)
}
