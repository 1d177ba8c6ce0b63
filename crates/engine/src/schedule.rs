//! Learning rates over time.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::config::ConfigError;

/// How the factor of all learning rates changes after the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It stays 1.
    #[default]
    Constant,
    /// From 1 to `end` in a straight line.
    Linear,
    /// From 1 to `end` along half a cosine (Loshchilov and Hutter 2017, eq. 5, without restarts).
    Cosine,
    /// From 1 to `end` by the same factor each step.
    Exponential,
    /// Times `drop` at each of the shares `drops` of the steps.
    Step,
}

/// A factor of all learning rates of a run that depends on the step; phases of an update rule may have factors of their
/// own beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// How it changes after the warm-up.
    pub kind: Kind,
    /// Steps in which it rises to 1 in a straight line (Goyal et al. 2017, section 2.2).
    pub warmup: u64,
    /// Share of the steps after the warm-up in which it stays 1 before it falls; for `linear`, `cosine` and `exponential`.
    pub hold: f64,
    /// Its value after the last step; for `linear`, `cosine` and `exponential`.
    pub end: f64,
    /// Shares of the steps after the warm-up at which it drops; for `step`.
    pub drops: Vec<f64>,
    /// What it is multiplied by there.
    pub drop: f64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { kind: Kind::Constant, warmup: 0, hold: 0.0, end: 0.01, drops: vec![0.5, 0.75], drop: 0.1 }
    }
}

impl Schedule {
    /// The factor of step `index`, from 0, of `steps`.
    pub fn factor(&self, index: u64, steps: u64) -> f64 {
        if index < self.warmup {
            return (index + 1) as f64 / self.warmup as f64;
        }
        let share = (index - self.warmup) as f64 / steps.saturating_sub(self.warmup).max(1) as f64;
        let share = share.min(1.0);
        let fallen = (share - self.hold).max(0.0) / (1.0 - self.hold);
        match self.kind {
            Kind::Constant => 1.0,
            Kind::Linear => 1.0 + (self.end - 1.0) * fallen,
            Kind::Cosine => self.end + (1.0 - self.end) * (1.0 + (PI * fallen).cos()) / 2.0,
            Kind::Exponential => self.end.powf(fallen),
            Kind::Step => self.drop.powi(self.drops.iter().filter(|&&at| share >= at).count() as i32),
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let fault =
            |key: &str, expected: &str, got: String| Err(ConfigError::domain(format!("schedule.{key}"), expected, got));
        match self {
            Self { hold, .. } if !(0.0..1.0).contains(hold) => fault("hold", "in [0, 1)", hold.to_string()),
            Self { end, .. } if !(0.0..=1.0).contains(end) => fault("end", "in [0, 1]", end.to_string()),
            Self { kind: Kind::Exponential, end: 0.0, .. } => {
                fault("end", "above 0, where the factor falls exponentially", "0".into())
            }
            Self { drop, .. } if !(*drop > 0.0 && *drop <= 1.0) => fault("drop", "in (0, 1]", drop.to_string()),
            Self { drops, .. } if drops.len() > 100 || drops.iter().any(|at| !(0.0..=1.0).contains(at)) => {
                fault("drops", "at most 100 shares in [0, 1]", format!("{drops:?}"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(kind: Kind, warmup: u64) -> Vec<f64> {
        let schedule = Schedule { kind, warmup, end: 0.25, ..Schedule::default() };
        assert_eq!(schedule.check(), Ok(()));
        [0, 1, 2, 3, 4].map(|index| schedule.factor(index, 4)).to_vec()
    }

    /// Four steps by hand; the fifth is past the end.
    #[test]
    fn factors_by_hand() {
        let root = 0.25f64.sqrt().sqrt();
        let cosine = |share: f64| 0.25 + 0.75 * 0.5 * (1.0 + (PI * share).cos());
        let expected = [
            (Kind::Constant, [1.0, 1.0, 1.0, 1.0, 1.0]),
            (Kind::Linear, [1.0, 0.8125, 0.625, 0.4375, 0.25]),
            (Kind::Cosine, [1.0, cosine(0.25), 0.625, cosine(0.75), 0.25]),
            (Kind::Exponential, [1.0, root, 0.5, 0.5 * root, 0.25]),
            (Kind::Step, [1.0, 1.0, 0.1, 0.01, 0.01]),
        ];
        for (kind, expected) in expected {
            let found = factors(kind, 0);
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{kind:?}: {found:?}");
        }
    }

    #[test]
    fn warm_up_comes_first_and_the_rest_fills_what_is_left() {
        assert_eq!(factors(Kind::Linear, 2), [0.5, 1.0, 1.0, 0.625, 0.25]);
        assert_eq!(factors(Kind::Constant, 8), [0.125, 0.25, 0.375, 0.5, 0.625], "longer than the run");
    }

    /// Zhu et al. (2017): constant for the first half, then in a straight line to zero.
    #[test]
    fn what_is_held_falls_in_the_rest() {
        let schedule = Schedule { kind: Kind::Linear, hold: 0.5, end: 0.0, ..Schedule::default() };
        let factors = [0, 3, 4, 5, 7, 8].map(|index| schedule.factor(index, 8));
        assert_eq!(factors, [1.0, 1.0, 1.0, 0.75, 0.25, 0.0]);
        assert!(Schedule { hold: 1.0, ..schedule }.check().is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refused = |schedule: Schedule| schedule.check().is_err();
        assert!(refused(Schedule { end: -0.1, ..Schedule::default() }));
        assert!(refused(Schedule { end: f64::NAN, ..Schedule::default() }));
        assert!(refused(Schedule { kind: Kind::Exponential, end: 0.0, ..Schedule::default() }));
        assert!(refused(Schedule { drop: 0.0, ..Schedule::default() }));
        assert!(refused(Schedule { drops: vec![1.5], ..Schedule::default() }));
    }
}
