use super::{SamplingError, checked_ln, open_unit};
use crate::traits::{Density, Sample, Support};
use rand::Rng;
use std::fmt;

/// Proposals in a row without one that is accepted, after which a draw is given up.
const PATIENCE: u64 = 10_000_000;

/// How far above the envelope a density may lie before it counts as a violation: round-off of a bound that is tight.
const ROUND_OFF: f64 = 1e-12;

/// A proposal made of two closures: what draws, and the logarithm of its normalised density.
#[derive(Clone, Copy, Debug)]
pub struct Proposal<S, L> {
    draw: S,
    ln_pdf: L,
}

impl<S: Fn(&mut dyn Rng) -> f64, L: Fn(f64) -> f64> Proposal<S, L> {
    /// A proposal from a sampler and ln q(x).
    pub fn new(draw: S, ln_pdf: L) -> Self {
        Self { draw, ln_pdf }
    }
}

impl<S, L: Fn(f64) -> f64> Density for Proposal<S, L> {
    fn ln_pdf(&self, x: f64) -> f64 {
        (self.ln_pdf)(x)
    }

    fn support(&self) -> Support {
        Support::Interval { low: f64::NEG_INFINITY, high: f64::INFINITY }
    }
}

impl<S: Fn(&mut dyn Rng) -> f64, L> Sample for Proposal<S, L> {
    fn sample<R: Rng + ?Sized>(&self, mut rng: &mut R) -> f64 {
        (self.draw)(&mut rng)
    }
}

/// The uniform proposal on ]low, high[, for densities that fit into a box.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UniformProposal {
    low: f64,
    high: f64,
}

impl UniformProposal {
    /// Uniform on ]low, high[.
    ///
    /// # Errors
    /// If the ends are not finite or not in order.
    pub fn new(low: f64, high: f64) -> Result<Self, SamplingError> {
        if low < high && (high - low).is_finite() {
            Ok(Self { low, high })
        } else {
            Err(SamplingError::Interval { low, high })
        }
    }
}

impl Density for UniformProposal {
    fn ln_pdf(&self, x: f64) -> f64 {
        if (self.low..=self.high).contains(&x) { -(self.high - self.low).ln() } else { f64::NEG_INFINITY }
    }

    fn support(&self) -> Support {
        Support::Interval { low: self.low, high: self.high }
    }
}

impl Sample for UniformProposal {
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.low + (self.high - self.low) * open_unit(rng)
    }
}

/// Rejection sampling: x from q is kept with probability p(x) / (M q(x)) (J. von Neumann 1951, "Various techniques
/// used in connection with random digits").
///
/// It is exact only where p(x) <= M q(x) everywhere, and silently wrong otherwise. The bound is therefore checked at
/// every proposal; a violation is [`SamplingError::EnvelopeViolated`] with the point and the ratio. No finite number
/// of draws proves that there is none.
///
/// For p(x) = 3/8 x^2 on [0, 2] in a box of height 3/2, M = 3/2 / (1/2) = 3:
///
/// ```
/// use ganvas_prob::{sampling::{Rejection, UniformProposal}, stream::Streams};
/// let ln_p = |x: f64| (3.0 / 8.0 * x * x).ln();
/// let mut law = Rejection::new(ln_p, UniformProposal::new(0.0, 2.0)?, 3.0)?;
/// let draws = law.draw_n(&mut Streams::new(7).rng("box", 0), 10_000)?;
/// assert!((draws.iter().sum::<f64>() / 1e4 - 1.5).abs() < 0.02);
/// assert!((law.acceptance_rate() - 1.0 / 3.0).abs() < 0.02);
/// # Ok::<(), ganvas_prob::sampling::SamplingError>(())
/// ```
#[derive(Clone)]
pub struct Rejection<F, Q> {
    ln_pdf: F,
    proposal: Q,
    factor: f64,
    proposed: u64,
    accepted: u64,
}

/// Without the density, which has nothing to show.
impl<F, Q> fmt::Debug for Rejection<F, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejection")
            .field("factor", &self.factor)
            .field("proposed", &self.proposed)
            .field("accepted", &self.accepted)
            .finish_non_exhaustive()
    }
}

impl<F: Fn(f64) -> f64, Q: Density + Sample> Rejection<F, Q> {
    /// Draws from exp(`ln_pdf`) with proposals from a normalised `proposal`, whose density times `factor` lies above.
    ///
    /// # Errors
    /// If the factor is not finite and above zero.
    pub fn new(ln_pdf: F, proposal: Q, factor: f64) -> Result<Self, SamplingError> {
        if !(factor > 0.0 && factor.is_finite()) {
            return Err(SamplingError::Parameter { name: "factor", domain: "finite and above 0", value: factor });
        }
        Ok(Self { ln_pdf, proposal, factor, proposed: 0, accepted: 0 })
    }

    /// One draw.
    ///
    /// # Errors
    /// If the envelope is violated, a density is no density at a proposal, or ten million proposals are rejected.
    pub fn draw<R: Rng + ?Sized>(&mut self, rng: &mut R) -> Result<f64, SamplingError> {
        let ln_factor = self.factor.ln();
        for _ in 0..PATIENCE {
            let x = self.proposal.sample(rng);
            self.proposed += 1;
            let ln_p = checked_ln(x, (self.ln_pdf)(x))?;
            let ln_q = checked_ln(x, self.proposal.ln_pdf(x))?;
            if ln_p == f64::NEG_INFINITY {
                continue;
            }
            let ln_ratio = ln_p - ln_q - ln_factor;
            if ln_ratio > ROUND_OFF {
                return Err(SamplingError::EnvelopeViolated { x, ratio: ln_ratio.exp() });
            }
            if open_unit(rng).ln() <= ln_ratio {
                self.accepted += 1;
                return Ok(x);
            }
        }
        Err(SamplingError::NoAcceptance { proposals: PATIENCE })
    }

    /// `n` draws.
    ///
    /// # Errors
    /// As [`draw`](Self::draw).
    pub fn draw_n<R: Rng + ?Sized>(&mut self, rng: &mut R, n: usize) -> Result<Vec<f64>, SamplingError> {
        (0..n).map(|_| self.draw(rng)).collect()
    }

    /// Proposals so far.
    pub fn proposed(&self) -> u64 {
        self.proposed
    }

    /// Draws so far.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Accepted by proposed; NaN before the first proposal.
    pub fn acceptance_rate(&self) -> f64 {
        self.accepted as f64 / self.proposed as f64
    }

    /// 1/M: what the rate converges to if p is normalised (mass / M if it is not).
    pub fn theoretical_rate(&self) -> f64 {
        1.0 / self.factor
    }
}

#[cfg(test)]
mod tests {
    use super::super::proof::{DRAWS, follows};
    use super::*;
    use crate::stream::Streams;
    use statrs::distribution::{ContinuousCDF, Normal};
    use std::f64::consts::{E, PI, TAU};

    /// N(0, 1) below a Laplace density: p/q = sqrt(2/pi) exp(|x| - x^2/2), largest at |x| = 1: M = sqrt(2 e / pi).
    fn normal_from_laplace(factor: f64) -> Rejection<impl Fn(f64) -> f64, impl Density + Sample> {
        let draw = |rng: &mut dyn Rng| {
            let u = open_unit(rng);
            if u < 0.5 { (2.0 * u).ln() } else { -(2.0 * (1.0 - u)).ln() }
        };
        let proposal = Proposal::new(draw, |x: f64| -x.abs() - 2f64.ln());
        Rejection::new(|x: f64| -0.5 * x * x - 0.5 * TAU.ln(), proposal, factor).unwrap()
    }

    #[test]
    fn a_million_draws_follow_the_cdf_and_the_rate_is_one_over_m() {
        let mut law = normal_from_laplace((2.0 * E / PI).sqrt());
        let draws = law.draw_n(&mut Streams::new(1).rng("rejection", 0), DRAWS).unwrap();
        // 4 standard errors of a share of proposals.
        let rate = law.theoretical_rate();
        let error = (rate * (1.0 - rate) / law.proposed() as f64).sqrt();
        assert!((law.acceptance_rate() - rate).abs() < 4.0 * error, "{} against {rate}", law.acceptance_rate());
        assert_eq!(law.accepted(), DRAWS as u64);
        follows(draws, |x| Normal::standard().cdf(x));
    }

    #[test]
    fn an_envelope_too_low_is_found_with_its_place() {
        let mut law = normal_from_laplace(0.95 * (2.0 * E / PI).sqrt());
        let error = law.draw_n(&mut Streams::new(1).rng("rejection", 0), DRAWS).unwrap_err();
        let SamplingError::EnvelopeViolated { x, ratio } = error else { panic!("{error}") };
        let exact = (x.abs() - 0.5 * x * x - 0.5).exp() / 0.95;
        assert!(ratio > 1.0 && (ratio - exact).abs() < 1e-12, "{x}, {ratio}");
    }

    #[test]
    fn a_seed_gives_the_pinned_draws() {
        let draws = normal_from_laplace(1.4).draw_n(&mut Streams::new(1).rng("pinned", 0), 2).unwrap();
        assert!(draws.iter().zip(PINNED).all(|(a, b)| (a - b).abs() < 1e-14), "{draws:?}");
    }
    const PINNED: [f64; 2] = [2.0608770653814354, 1.481242946433155];

    #[test]
    fn what_is_no_density_is_refused_with_its_place() {
        let unit = UniformProposal::new(0.0, 1.0).unwrap();
        let mut rng = Streams::new(1).rng("refused", 0);
        let error = Rejection::new(|x: f64| (x - 2.0).ln(), unit, 1.0).unwrap().draw(&mut rng);
        assert!(matches!(error, Err(SamplingError::NotANumber { x }) if x < 1.0));
        let error = Rejection::new(|_| f64::INFINITY, unit, 1.0).unwrap().draw(&mut rng);
        assert!(matches!(error, Err(SamplingError::Infinite { .. })));
        let error = Rejection::new(|_| f64::NEG_INFINITY, unit, 1.0).unwrap().draw(&mut rng);
        assert_eq!(error, Err(SamplingError::NoAcceptance { proposals: PATIENCE }));
        assert!(Rejection::new(|_| 0.0, unit, f64::NAN).is_err());
        assert!(UniformProposal::new(1.0, 0.0).is_err() && UniformProposal::new(0.0, f64::INFINITY).is_err());
    }
}
