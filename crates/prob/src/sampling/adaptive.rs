use super::{SamplingError, checked_ln, open_unit};
use rand::Rng;
use std::fmt;

/// Tangent points at most: the envelope then fits so well that more of them cost more than they save.
const POINTS: usize = 64;

/// Proposals in a row without one that is accepted, after which a draw is given up.
const PATIENCE: u64 = 1_000_000;

/// How far ln p may lie outside of its envelope by round-off, for |ln p| up to 1.
const ROUND_OFF: f64 = 1e-9;

/// A point where ln p touches its envelope.
#[derive(Clone, Copy, Debug)]
struct Tangent {
    x: f64,
    height: f64,
    slope: f64,
}

/// One exponential piece of the envelope: exp(`height` + `slope` (x - `at`)) on [`low`, `high`].
#[derive(Clone, Copy, Debug)]
struct Piece {
    low: f64,
    high: f64,
    at: f64,
    height: f64,
    slope: f64,
}

impl Piece {
    fn ln_at(&self, x: f64) -> f64 {
        self.height + self.slope * (x - self.at)
    }

    /// The area below exp of the piece, in units of exp(`top`), without cancellation for flat pieces.
    fn area(&self, top: f64) -> f64 {
        let rise = self.slope * (self.high - self.low);
        if self.slope == 0.0 || rise == 0.0 {
            (self.ln_at(self.low) - top).exp() * (self.high - self.low)
        } else {
            let end = if self.slope > 0.0 { self.high } else { self.low };
            (self.ln_at(end) - top).exp() * -(-rise.abs()).exp_m1() / self.slope.abs()
        }
    }

    /// The place below which a share of the area lies, counted from the piece's higher end.
    fn at_share(&self, share: f64) -> f64 {
        let rise = self.slope * (self.high - self.low);
        let x = if self.slope == 0.0 || rise == 0.0 {
            self.low + share * (self.high - self.low)
        } else {
            let end = if self.slope > 0.0 { self.high } else { self.low };
            end + (share * (-rise.abs()).exp_m1()).ln_1p() / self.slope
        };
        x.max(self.low).min(self.high)
    }
}

/// Adaptive rejection sampling from a log-concave density: its tangents are the envelope, its chords the squeeze, and
/// every point that had to be evaluated becomes a tangent point (W. R. Gilks and P. Wild 1992, "Adaptive rejection
/// sampling for Gibbs sampling", Applied Statistics 41; the transformed density rejection of W. Hoermann 1995 with
/// T = ln). The density need not be normalised.
///
/// A density that is not log-concave, or whose derivative is wrong, is found where an evaluated point leaves its
/// envelope: [`SamplingError::NotLogConcave`] with the place.
///
/// ```
/// use ganvas_prob::{sampling::AdaptiveRejection, stream::Streams};
/// let infinite = (f64::NEG_INFINITY, f64::INFINITY);
/// let mut law = AdaptiveRejection::new(|x: f64| -0.5 * x * x, |x: f64| -x, infinite, &[0.3])?;
/// let draws = law.draw_n(&mut Streams::new(7).rng("ars", 0), 100_000)?;
/// assert!((draws.iter().sum::<f64>() / 1e5).abs() < 0.015);
/// assert!(law.acceptance_rate() > 0.99 && law.evaluations() < 2_000);
/// # Ok::<(), ganvas_prob::sampling::SamplingError>(())
/// ```
#[derive(Clone)]
pub struct AdaptiveRejection<F, D> {
    ln_pdf: F,
    slope: D,
    support: (f64, f64),
    tangents: Vec<Tangent>,
    hull: Vec<Piece>,
    /// Sums of the hull's areas.
    cumulative: Vec<f64>,
    squeeze_ratio: f64,
    proposed: u64,
    accepted: u64,
    evaluations: u64,
}

/// Without the closures, which have nothing to show.
impl<F, D> fmt::Debug for AdaptiveRejection<F, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdaptiveRejection")
            .field("support", &self.support)
            .field("tangents", &self.tangents)
            .field("proposed", &self.proposed)
            .field("accepted", &self.accepted)
            .finish_non_exhaustive()
    }
}

impl<F: Fn(f64) -> f64, D: Fn(f64) -> f64> AdaptiveRejection<F, D> {
    /// Draws from exp(`ln_pdf`) on `support`, whose ends may be infinite, with `slope` the derivative of `ln_pdf` and
    /// the first tangents at `start`. Towards an infinite end further ones are added until ln p falls.
    ///
    /// # Errors
    /// If the support is no interval, no start lies inside of it where p is positive, ln p is not concave between the
    /// starts, or it falls towards an infinite end nowhere.
    pub fn new(ln_pdf: F, slope: D, support: (f64, f64), start: &[f64]) -> Result<Self, SamplingError> {
        let (low, high) = support;
        if low.is_nan() || high.is_nan() || low >= high {
            return Err(SamplingError::Interval { low, high });
        }
        if let Some(&value) = start.iter().find(|&&x| !(x.is_finite() && low <= x && x <= high)) {
            return Err(SamplingError::Parameter { name: "start", domain: "finite and in the support", value });
        }
        let mut law = Self {
            ln_pdf,
            slope,
            support,
            tangents: Vec::new(),
            hull: Vec::new(),
            cumulative: Vec::new(),
            squeeze_ratio: 0.0,
            proposed: 0,
            accepted: 0,
            evaluations: 0,
        };
        for &x in start {
            law.add(x)?;
        }
        if law.tangents.is_empty() {
            return Err(SamplingError::NoMass { low, high });
        }
        law.close_tail("lower", low, -1.0)?;
        law.close_tail("upper", high, 1.0)?;
        law.rebuild()?;
        Ok(law)
    }

    fn evaluate(&mut self, x: f64) -> Result<f64, SamplingError> {
        self.evaluations += 1;
        checked_ln(x, (self.ln_pdf)(x))
    }

    /// A tangent at x, if the density is positive there.
    fn add(&mut self, x: f64) -> Result<(), SamplingError> {
        let height = self.evaluate(x)?;
        self.insert(x, height)
    }

    fn insert(&mut self, x: f64, height: f64) -> Result<(), SamplingError> {
        let slope = (self.slope)(x);
        if slope.is_nan() {
            return Err(SamplingError::NotANumber { x });
        }
        let place = self.tangents.partition_point(|t| t.x < x);
        let known = self.tangents.get(place).is_some_and(|t| t.x == x);
        if height.is_finite() && slope.is_finite() && !known {
            self.tangents.insert(place, Tangent { x, height, slope });
        }
        Ok(())
    }

    /// Adds tangents outwards, in steps that double, until the last one falls towards an infinite end.
    fn close_tail(&mut self, end: &'static str, bound: f64, sign: f64) -> Result<(), SamplingError> {
        if bound.is_finite() {
            return Ok(());
        }
        let mut step = 1.0;
        for _ in 0..1000 {
            let last = if sign < 0.0 { self.tangents.first() } else { self.tangents.last() };
            let Some(&Tangent { x, slope, .. }) = last else { break };
            if slope * sign < 0.0 {
                return Ok(());
            }
            let (next, count) = (x + sign * step, self.tangents.len());
            if next.is_finite() {
                self.add(next)?;
            }
            if self.tangents.len() == count {
                return Err(SamplingError::OpenTail { end, x, slope });
            }
            step *= 2.0;
        }
        let x = sign * f64::INFINITY;
        Err(SamplingError::OpenTail { end, x, slope: 0.0 })
    }

    /// Envelope and squeeze of the tangents that there are.
    fn rebuild(&mut self) -> Result<(), SamplingError> {
        let top = self.tangents.iter().fold(f64::NEG_INFINITY, |top: f64, t| top.max(t.height));
        let mut low = self.support.0;
        self.hull.clear();
        for (i, t) in self.tangents.iter().enumerate() {
            let high = match self.tangents.get(i + 1) {
                Some(next) => crossing(t, next)?,
                None => self.support.1,
            };
            self.hull.push(Piece { low, high, at: t.x, height: t.height, slope: t.slope });
            low = high;
        }
        let mut sum = 0.0;
        self.cumulative.clear();
        for piece in &self.hull {
            sum += piece.area(top);
            self.cumulative.push(sum);
        }
        if !(sum > 0.0 && sum.is_finite()) {
            return Err(SamplingError::Diverges { x: self.tangents[0].x });
        }
        let chord = |pair: &[Tangent]| {
            let slope = (pair[1].height - pair[0].height) / (pair[1].x - pair[0].x);
            Piece { low: pair[0].x, high: pair[1].x, at: pair[0].x, height: pair[0].height, slope }.area(top)
        };
        self.squeeze_ratio = self.tangents.windows(2).map(chord).sum::<f64>() / sum;
        Ok(())
    }

    /// The chord below ln p at x; negative infinity outside of the outermost tangents.
    fn squeeze(&self, x: f64) -> f64 {
        let right = self.tangents.partition_point(|t| t.x <= x);
        match (right.checked_sub(1).and_then(|left| self.tangents.get(left)), self.tangents.get(right)) {
            (Some(a), Some(b)) => a.height + (b.height - a.height) * ((x - a.x) / (b.x - a.x)),
            _ => f64::NEG_INFINITY,
        }
    }

    /// One draw; the envelope may become tighter by it.
    ///
    /// # Errors
    /// If ln p turns out not to be concave, or not a number.
    pub fn draw<R: Rng + ?Sized>(&mut self, rng: &mut R) -> Result<f64, SamplingError> {
        for _ in 0..PATIENCE {
            let u = open_unit(rng) * self.cumulative[self.cumulative.len() - 1];
            let piece = self.hull[self.cumulative.partition_point(|&sum| sum < u).min(self.hull.len() - 1)];
            let x = piece.at_share(open_unit(rng));
            let (hull, squeeze, ln_u) = (piece.ln_at(x), self.squeeze(x), open_unit(rng).ln());
            self.proposed += 1;
            if ln_u + hull <= squeeze {
                self.accepted += 1;
                return Ok(x);
            }
            let height = self.evaluate(x)?;
            let excess = (height - hull).max(squeeze - height);
            if excess > ROUND_OFF * (1.0 + hull.abs()) {
                return Err(SamplingError::NotLogConcave { x, excess });
            }
            if self.tangents.len() < POINTS {
                self.insert(x, height)?;
                self.rebuild()?;
            }
            if ln_u + hull <= height {
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

    /// Accepted by proposed; NaN before the first proposal.
    pub fn acceptance_rate(&self) -> f64 {
        self.accepted as f64 / self.proposed as f64
    }

    /// Squeeze area by envelope area: a lower bound of the acceptance probability of the next proposal.
    pub fn squeeze_hat_ratio(&self) -> f64 {
        self.squeeze_ratio
    }

    /// How often ln p was evaluated.
    pub fn evaluations(&self) -> u64 {
        self.evaluations
    }
}

/// Where the tangents at two neighbours meet: between them, if ln p is concave.
fn crossing(a: &Tangent, b: &Tangent) -> Result<f64, SamplingError> {
    let (width, middle) = (b.x - a.x, 0.5 * (a.x + b.x));
    let tolerance = ROUND_OFF * (1.0 + a.height.abs().max(b.height.abs()));
    // How far each neighbour lies below the other's tangent.
    let below_b = a.height + a.slope * width - b.height;
    let below_a = b.height - b.slope * width - a.height;
    let excess = (-below_a).max(-below_b);
    if excess > tolerance {
        return Err(SamplingError::NotLogConcave { x: middle, excess });
    }
    let (below_a, below_b) = (below_a.max(0.0), below_b.max(0.0));
    // On a line all of it is shared: any place will do.
    Ok(if below_a + below_b > 0.0 { a.x + width * (below_a / (below_a + below_b)) } else { middle })
}

#[cfg(test)]
mod tests {
    use super::super::proof::{DRAWS, follows};
    use super::*;
    use crate::stream::Streams;
    use statrs::distribution::{ContinuousCDF, Gamma, Normal};

    const ALL: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

    #[test]
    fn a_million_normals_follow_their_cdf() {
        let mut law = AdaptiveRejection::new(|x: f64| -0.5 * x * x, |x: f64| -x, ALL, &[2.0]).unwrap();
        let draws = law.draw_n(&mut Streams::new(1).rng("adaptive", 0), DRAWS).unwrap();
        assert!(law.acceptance_rate() > 0.99 && law.squeeze_hat_ratio() > 0.97, "{}", law.squeeze_hat_ratio());
        assert!(law.evaluations() < 30_000, "{}", law.evaluations());
        follows(draws, |x| Normal::standard().cdf(x));
    }

    #[test]
    fn a_million_gammas_on_a_half_line_follow_their_cdf() {
        let half = (0.0, f64::INFINITY);
        let mut law =
            AdaptiveRejection::new(|x: f64| 1.5 * x.ln() - 2.0 * x, |x: f64| 1.5 / x - 2.0, half, &[0.1]).unwrap();
        let draws = law.draw_n(&mut Streams::new(1).rng("adaptive gamma", 0), DRAWS).unwrap();
        let gamma = Gamma::new(2.5, 2.0).unwrap();
        follows(draws, |x| gamma.cdf(x));
    }

    #[test]
    fn a_straight_line_and_a_finite_support_need_no_second_tangent() {
        let mut law = AdaptiveRejection::new(|x: f64| -3.0 * x, |_| -3.0, (0.0, 2.0), &[0.5]).unwrap();
        let draws = law.draw_n(&mut Streams::new(1).rng("line", 0), DRAWS).unwrap();
        assert_eq!(law.acceptance_rate(), 1.0);
        follows(draws, |x| (-3.0 * x).exp_m1() / (-6.0f64).exp_m1());
    }

    #[test]
    fn a_seed_gives_the_pinned_draws() {
        let mut law = AdaptiveRejection::new(|x: f64| -0.5 * x * x, |x: f64| -x, ALL, &[-1.0, 1.0]).unwrap();
        let draws = law.draw_n(&mut Streams::new(1).rng("pinned", 0), 2).unwrap();
        assert!(draws.iter().zip(PINNED).all(|(a, b)| (a - b).abs() < 1e-13), "{draws:?}");
    }
    const PINNED: [f64; 2] = [-2.1743901269931003, -2.454014034098372];

    #[test]
    fn densities_that_are_not_log_concave_are_found() {
        // Cauchy, and a normal whose slope is said to be half of what it is.
        let cauchy = AdaptiveRejection::new(|x: f64| -(x * x).ln_1p(), |x: f64| -2.0 * x / (1.0 + x * x), ALL, &[0.5]);
        let error = cauchy.and_then(|mut law| law.draw_n(&mut Streams::new(1).rng("cauchy", 0), 1000));
        assert!(matches!(error, Err(SamplingError::NotLogConcave { .. })), "{error:?}");
        let halved = AdaptiveRejection::new(|x: f64| -0.5 * x * x, |x: f64| -0.5 * x, ALL, &[-1.0, 1.0]);
        let error = halved.and_then(|mut law| law.draw_n(&mut Streams::new(1).rng("halved", 0), 1000));
        assert!(matches!(error, Err(SamplingError::NotLogConcave { .. })), "{error:?}");
    }

    #[test]
    fn what_has_no_envelope_is_refused() {
        let flat = AdaptiveRejection::new(|_| 0.0, |_| 0.0, ALL, &[0.0]).unwrap_err();
        assert!(matches!(flat, SamplingError::OpenTail { end: "lower", .. }), "{flat}");
        let nowhere = AdaptiveRejection::new(|_| f64::NEG_INFINITY, |_| 0.0, ALL, &[0.0]).unwrap_err();
        assert!(matches!(nowhere, SamplingError::NoMass { .. }));
        assert!(AdaptiveRejection::new(|x: f64| -x, |_| -1.0, (1.0, 0.0), &[0.5]).is_err());
        assert!(AdaptiveRejection::new(|x: f64| -x, |_| -1.0, (0.0, 1.0), &[2.0]).is_err());
        assert!(AdaptiveRejection::new(|x: f64| -x, |_| f64::NAN, (0.0, 1.0), &[0.5]).is_err());
    }
}
