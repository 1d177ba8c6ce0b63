//! Laws, densities, intervals and events from text, as a command line takes them.
//!
//! | Text | Read by |
//! |---|---|
//! | `normal(1, 2)`, `gamma(shape=2, scale=1)`, `discrete(-1:0.2, 7:0.8)`, `mixture(0.3*normal(0, 1), 0.7*t(0, 1, 3))` | [`law`]; [`laws`] lists the names |
//! | `3/8*x^2` | [`Expression::parse`] |
//! | `-inf:inf`, `0:2pi` | [`interval`] |
//! | `1/2, 0.25, 0.25` | [`probabilities`] |
//! | `y=2, z=1 \| x=1` | [`event`] |
//!
//! Numbers are `2`, `-0.5`, `1e-3`, `inf`, `pi`, `2pi`, and quotients of two such. Case and spaces do not matter. Every
//! error shows the text and points at the place:
//!
//! ```
//! let error = ganvas_prob::text::law("norml(0, 1)").unwrap_err();
//! assert_eq!(error.to_string(), "there is no law `norml`; did you mean `normal`?\n  norml(0, 1)\n  ^");
//! ```

mod cursor;
mod expression;
mod law;
mod lists;

pub use expression::Expression;
pub use law::{LawForm, law, laws};
pub use lists::{Event, event, interval, probabilities};

use crate::distributions::MixtureError;
use crate::information::InformationError;
use crate::traits::ParameterError;
use std::fmt;

/// Characters of a text that an error shows on each side of the place.
const SHOWN: usize = 60;

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct TextError {
    /// What is wrong.
    pub problem: Problem,
    /// The text.
    pub text: String,
    /// The place: how many characters stand before it.
    pub position: usize,
}

impl std::error::Error for TextError {}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.position.saturating_sub(SHOWN);
        let visible = |c: char| if c.is_control() { ' ' } else { c };
        let shown: String = self.text.chars().skip(start).take(2 * SHOWN).map(visible).collect();
        write!(f, "{}\n  {shown}\n  {:>width$}", self.problem, '^', width = self.position - start + 1)
    }
}

/// What can be wrong with a text.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Something else should stand here.
    #[error("expected {what}")]
    Expected {
        /// What should.
        what: &'static str,
    },
    /// A number beyond the range of f64.
    #[error("the number is too large")]
    TooLarge,
    /// Too many characters.
    #[error("the text has more than {most} characters")]
    TooLong {
        /// How many it may have.
        most: usize,
    },
    /// Too many parts inside of each other.
    #[error("the parts are nested too deeply")]
    TooDeep,
    /// A name that is not known.
    #[error("there is no {what} `{name}`{}", suggestion(.nearest))]
    Unknown {
        /// What it should name: `"law"`, `"variable or function"`, ...
        what: &'static str,
        /// The name.
        name: String,
        /// The name that it was probably meant to be.
        nearest: Option<&'static str>,
    },
    /// Arguments that are not those of the law.
    #[error("the law is `{signature}`: {what}")]
    Arguments {
        /// The law with its parameters.
        signature: String,
        /// What is wrong.
        what: String,
    },
    /// A parameter that the law refuses.
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    /// Laws that cannot be mixed.
    #[error(transparent)]
    Mixture(#[from] MixtureError),
    /// Numbers that are no probabilities.
    #[error(transparent)]
    Probabilities(#[from] InformationError),
    /// An interval without an inside.
    #[error("[{low}, {high}] is no interval: the lower end must be below the upper one")]
    Interval {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
}

fn suggestion(nearest: &Option<&'static str>) -> String {
    nearest.map_or(String::new(), |name| format!("; did you mean `{name}`?"))
}

/// The name that `wanted` was probably meant to be, if one is near: a slip of the finger in every four letters, swapped
/// ones counting once.
///
/// ```
/// use ganvas_prob::text::nearest;
/// assert_eq!(nearest("dcgna", ["gan", "dcgan", "vae"]), Some("dcgan"));
/// assert_eq!(nearest("vea", ["gan", "dcgan", "vae"]), Some("vae"));
/// assert_eq!(nearest("transformer", ["gan", "dcgan", "vae"]), None);
/// ```
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let slips = names.into_iter().map(|name| (strsim::damerau_levenshtein(wanted, name), name));
    slips.filter(|&(slips, _)| slips <= 1 + wanted.len() / 4).min_by_key(|&(slips, _)| slips).map(|(_, name)| name)
}

#[cfg(test)]
mod tests;
