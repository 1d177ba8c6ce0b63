//! Tables of joint probabilities over named axes: marginals, conditionals, Bayes' rule, expectation, independence.
//!
//! ```
//! use ganvas_prob::joint::JointTable;
//! let table = JointTable::from_rows(
//!     ("x", &["1", "2", "3"]),
//!     ("y", &["1", "2", "3"]),
//!     &[[0.32, 0.03, 0.01], [0.06, 0.24, 0.02], [0.02, 0.03, 0.27]],
//! )?;
//! let close = |a: f64, b: f64| (a - b).abs() < 1e-15;
//! // p(x = 1) = 0.36, E[x] = 1.96, p(y = 2 | x = 1) = 1/12.
//! assert!(close(table.probability(&[("x", "1")])?, 0.36));
//! assert!(close(table.expectation("x")?, 1.96));
//! assert!(close(table.conditional_probability(&[("y", "2")], &[("x", "1")])?, 1.0 / 12.0));
//! // Bayes' rule: p(x | y) = p(y | x) p(x) / p(y).
//! let posterior = table.conditional(&[("y", "2")])?;
//! assert!(close(posterior.probability(&[("x", "1")])?, 1.0 / 12.0 * 0.36 / 0.3));
//! assert!(!table.is_independent("x", "y", 1e-3)?);
//! # Ok::<(), ganvas_prob::joint::JointError>(())
//! ```

mod chi_square;
mod error;
mod table;

pub use chi_square::{ChiSquareTest, chi_square_test};
pub use error::JointError;
pub use table::JointTable;

#[cfg(test)]
mod tests;
