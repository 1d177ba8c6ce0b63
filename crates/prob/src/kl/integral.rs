use super::{Kl, KlError, Method, Tail, diverging, excess_term, rest};
use crate::sampling::SamplingError;
use crate::sampling::quadrature::{gauss7, integrate_with_error};
use crate::traits::{Support, Univariate};

/// Probabilities below, or above, which the integral is cut at p's quantiles, and at q's, in addition to p's decades.
const CUTS: [f64; 8] = [0.5, 0.4, 0.3, 0.2, 0.1, 0.01, 1e-4, 1e-9];

/// The integral of q - p + p (ln p - ln q), not negative anywhere: over p's quantiles from 1e-300 to 1 - 1e-300 by
/// quadrature, beyond them by the masses there. Pieces between neighbouring quantiles are smooth in the logarithm of the
/// distance from the nearer end of the support, or from the median where that is infinite.
pub fn integral(p: &dyn Univariate, q: &dyn Univariate, tolerance: f64) -> Result<Option<Kl>, KlError> {
    let (lower, upper) = (Tail::of(p, q, false)?, Tail::of(p, q, true)?);
    if diverging([&lower, &upper]) {
        return Ok(Some(Kl::certain(f64::INFINITY, Method::Quadrature { error: f64::INFINITY })));
    }
    let cuts = cuts(p, q, &lower, &upper)?;
    let (Some(&first), Some(&last)) = (cuts.first(), cuts.last()) else { return Ok(None) };
    // Of the masses beyond the pieces, as if ln p - ln q were constant there.
    let outside = beyond(p.ln_cdf(first), q.ln_cdf(first)) + beyond(p.ln_sf(last), q.ln_sf(last));
    let Support::Interval { low, high } = p.support() else { return Ok(None) };
    let middle = p.ppf(0.5);
    let anchor = |end: f64| if end.is_finite() { end } else { middle };
    let (below, above) = (anchor(low), anchor(high));
    let pieces: Vec<Piece> =
        cuts.windows(2).map(|w| Piece::new(w[0], w[1], if w[1] <= middle { below } else { above })).collect();
    let f = |x: f64| excess_term(p.ln_pdf(x), q.ln_pdf(x));
    let mut rough = outside;
    for piece in &pieces {
        match piece.rough(&f) {
            Ok(value) => rough += value,
            Err(error) => return wrong(p, q, error),
        }
    }
    let digits = CUTS.iter().flat_map(|&u| [(u, p.ppf(u)), (u, p.isf(u))]);
    let digits = digits.map(|(u, x)| u * (round_off(p, x) + round_off(q, x))).filter(|x| x.is_finite()).sum::<f64>();
    let noise = digits * (rough + (2.0 * rough).sqrt() + digits);
    let rest = rest([&lower, &upper], tolerance * rough + noise)?;
    let absolute = (1e-12 * rough + noise) / pieces.len() as f64;
    let (mut sum, mut error) = (outside, noise);
    for piece in &pieces {
        match piece.integral(&f, absolute) {
            Ok((value, difference)) => {
                sum += value;
                error += difference;
            }
            Err(SamplingError::Diverges { .. }) => return Ok(None),
            Err(error) => return wrong(p, q, error),
        }
    }
    error += rest;
    let enough = error <= tolerance * sum + 2.0 * noise;
    Ok(enough.then_some(Kl::certain(sum, Method::Quadrature { error })))
}

/// What two masses add to the divergence. One of q that underflows is left to the estimate of the error.
fn beyond(ln_p: f64, ln_q: f64) -> f64 {
    if ln_q == f64::NEG_INFINITY { 0.0 } else { excess_term(ln_p, ln_q) }
}

/// The last digits of ln p(x), and those that it has from the last digit of x.
fn round_off(p: &dyn Univariate, x: f64) -> f64 {
    let ln_p = p.ln_pdf(x);
    2e-16 * (1.0 + ln_p.abs()) + (p.ln_pdf(x.next_up()) - ln_p).abs()
}

/// What a density that is infinite or no number means for the divergence.
fn wrong(p: &dyn Univariate, q: &dyn Univariate, error: SamplingError) -> Result<Option<Kl>, KlError> {
    match error {
        SamplingError::Infinite { x } | SamplingError::NotANumber { x } | SamplingError::Negative { x, .. } => {
            let (ln_p, ln_q) = (p.ln_pdf(x), q.ln_pdf(x));
            if ln_p.is_finite() && ln_q == f64::NEG_INFINITY {
                Ok(Some(Kl::certain(f64::INFINITY, Method::Support)))
            } else {
                Err(KlError::NotANumber { x: vec![x], ln_p, ln_q })
            }
        }
        _ => Ok(None),
    }
}

/// Where to cut, in order: p's decades, and quantiles of both within them.
fn cuts(p: &dyn Univariate, q: &dyn Univariate, lower: &Tail, upper: &Tail) -> Result<Vec<f64>, KlError> {
    let mut cuts: Vec<f64> = lower.points.iter().chain(&upper.points).copied().collect();
    for probability in CUTS {
        for (name, law) in [("p", p), ("q", q)] {
            let both = [law.ppf(probability), law.isf(probability)];
            if both.iter().any(|x| x.is_nan()) {
                return Err(KlError::Quantile { law: name, probability });
            }
            cuts.extend(both);
        }
    }
    // Ends are left out: densities may be infinite there.
    let (low, high) = (lower.points.last(), upper.points.last());
    let (low, high) = (low.copied().unwrap_or(p.ppf(0.0)), high.copied().unwrap_or(p.isf(0.0)));
    cuts.retain(|x| x.is_finite() && (low..=high).contains(x));
    cuts.sort_by(f64::total_cmp);
    cuts.dedup();
    Ok(cuts)
}

/// A part of the integral.
struct Piece {
    from: f64,
    to: f64,
    /// Where distances are measured from, if their logarithm is the variable.
    anchor: Option<f64>,
}

impl Piece {
    fn new(from: f64, to: f64, anchor: f64) -> Self {
        let [a, b] = [(from - anchor).abs(), (to - anchor).abs()];
        let apart = a.min(b) > 0.0 && a.max(b) > 2.0 * a.min(b);
        Self { from, to, anchor: apart.then_some(anchor) }
    }

    /// Calls `rule` with the integrand and its limits.
    fn with<T>(&self, f: &impl Fn(f64) -> f64, rule: impl Fn(&dyn Fn(f64) -> f64, f64, f64) -> T) -> T {
        let Some(anchor) = self.anchor else { return rule(f, self.from, self.to) };
        let side = if self.from >= anchor { 1.0 } else { -1.0 };
        let [a, b] = [(self.from - anchor).abs().ln(), (self.to - anchor).abs().ln()];
        rule(&|v: f64| f(anchor + side * v.exp()) * v.exp(), a.min(b), a.max(b))
    }

    fn rough(&self, f: &impl Fn(f64) -> f64) -> Result<f64, SamplingError> {
        self.with(f, |g, a, b| gauss7(&|x| g(x), a, b)).map_err(|error| self.place(error))
    }

    fn integral(&self, f: &impl Fn(f64) -> f64, absolute: f64) -> Result<(f64, f64), SamplingError> {
        self.with(f, |g, a, b| integrate_with_error(&|x| g(x), a, b, absolute)).map_err(|error| self.place(error))
    }

    /// The error with its place on p's axis.
    fn place(&self, error: SamplingError) -> SamplingError {
        let x = |v: f64| {
            self.anchor.map_or(v, |anchor| if self.from >= anchor { anchor + v.exp() } else { anchor - v.exp() })
        };
        match error {
            SamplingError::Infinite { x: v } => SamplingError::Infinite { x: x(v) },
            SamplingError::NotANumber { x: v } => SamplingError::NotANumber { x: x(v) },
            SamplingError::Negative { x: v, value } => SamplingError::Negative { x: x(v), value },
            error => error,
        }
    }
}
