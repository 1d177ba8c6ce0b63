use super::{Kl, KlError, Method, Tail, diverging, excess_term, rest};
use crate::traits::{Support, Univariate};

/// Sums of more terms are left to Monte Carlo.
const MOST_TERMS: f64 = 4e6;

/// The sum of q - p + p (ln p - ln q), not negative anywhere: over the whole numbers between p's quantiles 1e-300 and
/// 1 - 1e-300, beyond them as q's mass there.
pub fn over_integers(p: &dyn Univariate, q: &dyn Univariate, tolerance: f64) -> Result<Option<Kl>, KlError> {
    let (mut lower, mut upper) = (Tail::of(p, q, false)?, Tail::of(p, q, true)?);
    for tail in [&mut lower, &mut upper] {
        // Summed up to the last value, nothing is beyond.
        if tail.ended {
            tail.sizes.clear();
        }
    }
    let [low, high] = [p.ppf(1e-300), p.isf(1e-300)];
    // Also where one is not a number.
    let within = high - low < MOST_TERMS;
    if !within {
        return Ok(None);
    }
    if diverging([&lower, &upper]) {
        let method = Method::Sum { terms: 0, error: f64::INFINITY };
        return Ok(Some(Kl::certain(f64::INFINITY, method)));
    }
    let terms = (high - low) as usize + 1;
    let Some(sum) = terms_at((0..terms).map(|k| low + k as f64), p, q)? else {
        return Ok(Some(Kl::certain(f64::INFINITY, Method::Support)));
    };
    let outside = match q.support() {
        Support::Finite => sum.missing(),
        _ => q.cdf(low - 1.0) + q.sf(high),
    };
    let nats = sum.nats + outside;
    let error = sum.noise() + rest([&lower, &upper], tolerance * nats + sum.noise())?;
    Ok(Some(Kl::certain(nats, Method::Sum { terms, error })))
}

/// The same over finitely many values. They are found by walking along the quantiles, which skips values that have less
/// mass than round-off has beside that below or above them.
pub fn over_atoms(p: &dyn Univariate, q: &dyn Univariate) -> Result<Option<Kl>, KlError> {
    let quantile = |x: f64, probability: f64| {
        if x.is_nan() { Err(KlError::Quantile { law: "p", probability }) } else { Ok(x) }
    };
    let mut atoms = vec![quantile(p.ppf(0.0), 0.0)?];
    let mut here = atoms[0];
    while (atoms.len() as f64) < MOST_TERMS {
        let (below, above) = (p.cdf(here), p.sf(here));
        if above.is_nan() || above <= 0.0 {
            break;
        }
        // The one with the smaller probability tells neighbours apart.
        let next = if below < above { p.ppf(below.next_up()) } else { p.isf(above.next_down()) };
        here = quantile(next, above)?;
        if atoms.last().is_some_and(|&last| here <= last) {
            break;
        }
        atoms.push(here);
    }
    if p.sf(here) > 0.0 {
        return Ok(None);
    }
    let terms = atoms.len();
    Ok(Some(match terms_at(atoms.into_iter(), p, q)? {
        None => Kl::certain(f64::INFINITY, Method::Support),
        Some(sum) => Kl::certain(sum.nats + sum.missing(), Method::Sum { terms, error: sum.noise() }),
    }))
}

struct Sum {
    nats: f64,
    /// q's mass at the values summed over.
    mass: f64,
    /// The mean size of p ln p and p ln q, which are rounded.
    size: f64,
}

impl Sum {
    /// q's mass elsewhere, unless it may be round-off.
    fn missing(&self) -> f64 {
        let missing = 1.0 - self.mass;
        if missing > 1e-14 { missing } else { 0.0 }
    }

    fn noise(&self) -> f64 {
        let digits = 2e-16 * (1.0 + self.size);
        digits * ((2.0 * self.nats).sqrt() + digits)
    }
}

/// `None` where q has no mass at one of p's values.
fn terms_at(values: impl Iterator<Item = f64>, p: &dyn Univariate, q: &dyn Univariate) -> Result<Option<Sum>, KlError> {
    let mut sum = Sum { nats: 0.0, mass: 0.0, size: 0.0 };
    for x in values {
        let (ln_p, ln_q) = (p.ln_pdf(x), q.ln_pdf(x));
        if ln_p.is_nan() || ln_q.is_nan() {
            return Err(KlError::NotANumber { x: vec![x], ln_p, ln_q });
        }
        if ln_p > f64::NEG_INFINITY && ln_q == f64::NEG_INFINITY {
            return Ok(None);
        }
        let (mass, other) = (ln_p.exp(), ln_q.exp());
        sum.mass += other;
        if ln_q > f64::NEG_INFINITY {
            sum.nats += excess_term(ln_p, ln_q);
        }
        if mass > 0.0 {
            sum.size += mass * (ln_p.abs() + ln_q.abs());
        }
    }
    Ok(Some(sum))
}
