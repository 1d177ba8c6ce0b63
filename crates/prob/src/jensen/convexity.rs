use super::JensenError;
use crate::sampling::open_unit;
use rand::Rng;

/// Strata of the places that triples are tried at.
const PLACES: u32 = 256;
/// Widths of the triples that are tried: the interval over 1, 2, 4, ... 2^10.
const WIDTHS: i32 = 11;
/// Triples that are refined, and how often each.
const REFINED: usize = 16;
const ROUNDS: u32 = 100;
/// The ends of a triple stay apart by this share of the interval: closer ones tell of round-off, not of f.
const CLOSEST: f64 = 1e-4;
/// An excess counts above this share of the largest of the three values.
const ROUND_OFF: f64 = 1e-13;

/// What a search for a counterexample to convexity found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Convexity {
    /// None was found. This is no proof: a bend narrower than the triples that were tried may have been missed.
    NoCounterexample {
        /// Triples (x1, x2, t) that were tried.
        tried: usize,
    },
    /// f is not convex.
    Counterexample {
        /// One end of a chord.
        x1: f64,
        /// The other end.
        x2: f64,
        /// The share of `x1` in the point between.
        t: f64,
        /// f(t x1 + (1 - t) x2) - [t f(x1) + (1 - t) f(x2)], above 0.
        excess: f64,
    },
}

/// Two points and the share of the first in a third one between them.
#[derive(Clone, Copy)]
struct Triple {
    x1: f64,
    x2: f64,
    t: f64,
    excess: f64,
    /// The excess over what round-off may explain.
    certainty: f64,
    /// Minus half the mean second derivative.
    bend: f64,
}

/// Searches [low, high] for a counterexample to f(t x1 + (1 - t) x2) <= t f(x1) + (1 - t) f(x2).
///
/// Triples are tried at 256 places times 11 widths, from the whole interval down to 2^-10 of it; the 16 with the
/// lowest mean second derivative are then moved to lower it further. An excess counts where it is above 1e-13 of the
/// largest of the three values, so f must be accurate to that. A value of positive infinity is allowed, as in convex
/// analysis: -ln x is convex on [0, 1]. For concavity ask for -f.
///
/// # Errors
/// If the interval has no inside or an infinite end, or f is NaN or negative infinity somewhere.
pub fn is_convex_on<R: Rng + ?Sized>(
    f: impl Fn(f64) -> f64,
    low: f64,
    high: f64,
    rng: &mut R,
) -> Result<Convexity, JensenError> {
    let width = high - low;
    if !(low < high && width.is_finite()) {
        return Err(JensenError::Interval { low, high });
    }
    let mut triples = Vec::new();
    for scale in 0..WIDTHS {
        for place in 0..PLACES {
            let middle = low + width * (f64::from(place) + open_unit(rng)) / f64::from(PLACES);
            let span = width * 0.5f64.powi(scale) * (0.5 + 0.5 * open_unit(rng));
            let t = open_unit(rng);
            triples.extend(triple(&f, low, high, middle - (1.0 - t) * span, middle + t * span, t)?);
        }
    }
    triples.sort_unstable_by(|a, b| b.bend.total_cmp(&a.bend));
    let mut tried = triples.len();
    let mut surest = triples.iter().copied().max_by(|a, b| a.certainty.total_cmp(&b.certainty));
    for mut best in triples.into_iter().take(REFINED) {
        let mut radius = 0.5;
        for _ in 0..ROUNDS {
            let mut near = || 2.0 * radius * (open_unit(rng) - 0.5);
            let span = best.x2 - best.x1;
            let (x1, x2) = (best.x1 + span * near(), best.x2 + span * near());
            let t = (best.t + near()).clamp(0.05, 0.95);
            let Some(next) = triple(&f, low, high, x1, x2, t)? else { continue };
            tried += 1;
            surest = surest.filter(|s| s.certainty >= next.certainty).or(Some(next));
            if next.bend > best.bend {
                best = next;
            } else {
                radius *= 0.96;
            }
        }
    }
    Ok(match surest {
        Some(Triple { x1, x2, t, excess, certainty, .. }) if certainty > 1.0 => {
            Convexity::Counterexample { x1, x2, t, excess }
        }
        _ => Convexity::NoCounterexample { tried },
    })
}

/// The triple with ends cut off at those of the interval; none where they are too close to tell.
fn triple(
    f: &impl Fn(f64) -> f64,
    low: f64,
    high: f64,
    x1: f64,
    x2: f64,
    t: f64,
) -> Result<Option<Triple>, JensenError> {
    let (x1, x2) = (x1.clamp(low, high), x2.clamp(low, high));
    let span = x2 - x1;
    let middle = t.mul_add(x1, (1.0 - t) * x2);
    if span < CLOSEST * (high - low) || !(x1 < middle && middle < x2) {
        return Ok(None);
    }
    // The share that belongs to the middle as it was rounded.
    let t = (x2 - middle) / span;
    let at = |x| match f(x) {
        value if value > f64::NEG_INFINITY => Ok(value),
        value => Err(JensenError::Value { x, value }),
    };
    let (left, centre, right) = (at(x1)?, at(middle)?, at(x2)?);
    if left.max(right) == f64::INFINITY {
        return Ok(None);
    }
    let excess = t.mul_add(centre - left, (1.0 - t) * (centre - right));
    if excess.is_nan() {
        return Ok(None);
    }
    let largest = left.abs().max(right.abs()).max(centre.abs()).min(f64::MAX);
    let certainty = excess / (ROUND_OFF * largest).max(f64::MIN_POSITIVE);
    Ok(Some(Triple { x1, x2, t, excess, certainty, bend: excess / (t * (1.0 - t) * span * span) }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Streams;

    fn search(f: impl Fn(f64) -> f64, low: f64, high: f64, seed: u64) -> Convexity {
        is_convex_on(f, low, high, &mut Streams::new(seed).rng("convexity", 0)).unwrap()
    }

    type Case = (fn(f64) -> f64, f64, f64);

    #[test]
    fn no_counterexample_is_claimed_for_convex_functions() {
        let convex: [Case; 12] = [
            (|x| x * x, -1e3, 1e3),
            (|x| x * x - 2.0 * x + 1.0, 0.999, 1.001),
            (f64::exp, -50.0, 50.0),
            (f64::abs, -1.0, 2.0),
            (|x| 3.0 * x - 7.0, -1e8, 1.0),
            (|_| 0.0, 0.0, 1.0),
            (|x| -x.ln(), 0.0, 1.0),
            (|x| x.max(0.0), -1.0, 1.0),
            (|x| x.exp().ln_1p(), -30.0, 30.0),
            (|x| if x == 0.0 { 0.0 } else { x * x.ln() }, 0.0, 5.0),
            (|x| if x.abs() < 0.5 { x * x } else { f64::INFINITY }, -1.0, 1.0),
            (|x| x.powi(4) - 1e-300, -1e-3, 1e-3),
        ];
        for (i, (f, low, high)) in convex.into_iter().enumerate() {
            for seed in 0..5 {
                let verdict = search(f, low, high, seed);
                let Convexity::NoCounterexample { tried } = verdict else { panic!("function {i}: {verdict:?}") };
                assert!(tried > 2000);
            }
        }
    }

    #[test]
    fn counterexamples_are_found_and_break_the_inequality() {
        let others: [Case; 9] = [
            (f64::sin, 0.0, 6.0),
            (f64::ln, 0.5, 0.501),
            (|x| x.powi(3), -1e-2, 1.0),
            (|x| -(x * x), 0.0, 1e-6),
            (|x| x * x + 1e-3 * (100.0 * x).sin(), -1.0, 1.0),
            (|x| x * x - 0.01 * (-(x - 0.3).powi(2) / 2e-5).exp(), -1.0, 1.0),
            (f64::floor, -3.0, 3.0),
            (|x| if (0.4..0.5).contains(&x) { f64::INFINITY } else { 0.0 }, 0.0, 1.0),
            (|x| (-0.5 * x * x).exp(), -0.9, 1.01),
        ];
        for (i, (f, low, high)) in others.into_iter().enumerate() {
            for seed in 0..5 {
                let verdict = search(f, low, high, seed);
                let Convexity::Counterexample { x1, x2, t, excess } = verdict else {
                    panic!("function {i}: {verdict:?}")
                };
                assert!(low <= x1 && x1 < x2 && x2 <= high && 0.0 < t && t < 1.0 && excess > 0.0, "{verdict:?}");
                let (between, chord) = (f(t * x1 + (1.0 - t) * x2), t * f(x1) + (1.0 - t) * f(x2));
                let slack = 1e-12 * f(x1).abs().max(f(x2).abs());
                assert!(between > chord && (excess == f64::INFINITY || (between - chord - excess).abs() <= slack));
            }
        }
    }

    #[test]
    fn what_is_no_function_on_an_interval_is_refused_with_the_place() {
        let mut rng = Streams::new(1).rng("refused", 0);
        let error = is_convex_on(|x| if x > 0.7 { f64::NAN } else { x }, 0.0, 1.0, &mut rng).unwrap_err();
        assert!(matches!(error, JensenError::Value { x, .. } if x > 0.7), "{error}");
        assert!(is_convex_on(f64::ln, -1.0, 1.0, &mut rng).is_err());
        for (low, high) in [(1.0, 0.0), (0.0, 0.0), (0.0, f64::INFINITY), (f64::NAN, 1.0), (-1e308, 1e308)] {
            let error = is_convex_on(|x| x, low, high, &mut rng).unwrap_err();
            assert!(matches!(error, JensenError::Interval { .. }), "{error}");
        }
    }
}
