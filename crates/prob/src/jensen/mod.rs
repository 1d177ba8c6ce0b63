//! Convexity, Jensen's inequality, and the gap of the evidence lower bound.
//!
//! f is convex where f(t x1 + (1 - t) x2) <= t f(x1) + (1 - t) f(x2) for all x1, x2 and t in [0, 1]; then
//! `E[f(X)] >= f(E[X])` (J. L. W. V. Jensen 1906). The difference is the [`jensen_gap`]: at least 0 for convex f, at most
//! 0 for concave f. That ln is concave makes the expected log weight of importance sampling a lower bound of ln p(x),
//! the ELBO; [`LinearGaussian`] is the model in which everything about that gap is exact.
//!
//! ```
//! use ganvas_prob::{jensen::{Convexity, is_convex_on, jensen_gap}, stream::Streams};
//! let mut rng = Streams::new(7).rng("convexity", 0);
//! assert!(matches!(is_convex_on(f64::exp, -3.0, 3.0, &mut rng)?, Convexity::NoCounterexample { .. }));
//! let Convexity::Counterexample { x1, x2, t, excess } = is_convex_on(f64::sin, 0.0, 6.0, &mut rng)? else {
//!     panic!("the sine is not convex");
//! };
//! let above = (t * x1 + (1.0 - t) * x2).sin() - (t * x1.sin() + (1.0 - t) * x2.sin());
//! assert!(excess > 0.0 && (above - excess).abs() < 1e-12);
//! // E[X^2] - E[X]^2, a variance.
//! let gap = jensen_gap(|x| x * x, &[(0.0, 0.5), (4.0, 0.5)])?;
//! assert_eq!(gap, 4.0);
//! # Ok::<(), ganvas_prob::jensen::JensenError>(())
//! ```

mod convexity;
mod gap;
mod linear_gaussian;

pub use convexity::{Convexity, is_convex_on};
pub use gap::{jensen_gap, jensen_gap_under};
pub use linear_gaussian::{LatentGaussian, LinearGaussian};

use crate::information::InformationError;
use crate::sampling::SamplingError;

/// What keeps convexity, a gap or a bound from being computed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JensenError {
    /// A function value that nothing can be said about.
    #[error("f is {value} at x = {x}")]
    Value {
        /// The place.
        x: f64,
        /// What the function gave.
        value: f64,
    },
    /// An interval without an inside, or without ends.
    #[error("[{low}, {high}] is no interval: its ends must be finite, the lower one first")]
    Interval {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Probabilities that are none.
    #[error(transparent)]
    Probabilities(#[from] InformationError),
    /// An expectation that does not exist, or is not found.
    #[error("the expectation of {of} does not converge towards x = {x}")]
    Diverges {
        /// `"X"` or `"f(X)"`.
        of: &'static str,
        /// Where it was given up.
        x: f64,
    },
    /// A discrete law with too many values to sum over.
    #[error("the law has more than {most} values above probability 1e-300")]
    Values {
        /// The most that are summed over.
        most: usize,
    },
    /// A parameter outside of its domain.
    #[error("`{name}` must be {domain}, got {value}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// Its domain, in words.
        domain: &'static str,
        /// The value given.
        value: f64,
    },
    /// Two parts whose sizes differ.
    #[error("{got} values of `{name}` where {expected} were expected")]
    Length {
        /// What was given.
        name: &'static str,
        /// The size expected.
        expected: usize,
        /// The size given.
        got: usize,
    },
    /// A covariance that is none.
    #[error(transparent)]
    Covariance(#[from] SamplingError),
}
