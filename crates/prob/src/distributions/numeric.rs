//! Root finding and quadrature that quantiles and moments without a closed form rest on.

use super::special::Tails;
use super::{is_probability, normal};
use crate::traits::{Cumulative, Moments};

/// The root of an increasing `f(u) = target` within `[low, high]`, by Newton's method kept inside of the bracket.
/// `f` gives value and derivative.
pub fn solve(target: f64, mut low: f64, mut high: f64, start: f64, f: impl Fn(f64) -> (f64, f64)) -> f64 {
    let mut u = start.clamp(low, high);
    for _ in 0..300 {
        let (value, slope) = f(u);
        let residual = value - target;
        if residual == 0.0 {
            return u;
        }
        if residual > 0.0 {
            high = u;
        } else {
            low = u;
        }
        let mut next = u - residual / slope;
        if !(next >= low && next <= high) {
            next = 0.5 * (low + high);
        }
        let done = (next - u).abs() <= f64::EPSILON * u.abs();
        u = next;
        if done {
            break;
        }
    }
    u
}

/// Whole numbers above are not told apart everywhere; quantiles of counts end here.
pub const MOST: f64 = 9_007_199_254_740_992.0;

/// The smallest whole number k >= `low` for which `holds`, where `holds` stays true once it is; `guess` is near it.
/// `high` where none below does.
pub fn first_integer(low: f64, high: f64, guess: f64, holds: impl Fn(f64) -> bool) -> f64 {
    let mut step = 1.0;
    let mut above = if guess.is_finite() { guess.floor().clamp(low, high) } else { low };
    let mut below;
    if holds(above) {
        loop {
            below = above - step;
            if below < low {
                below = low - 1.0;
                break;
            }
            if !holds(below) {
                break;
            }
            above = below;
            step *= 2.0;
        }
    } else {
        below = above;
        loop {
            if below >= high {
                return high;
            }
            above = (below + step).min(high);
            if holds(above) {
                break;
            }
            below = above;
            step *= 2.0;
        }
    }
    while above - below > 1.0 {
        let middle = ((above + below) / 2.0).floor();
        if holds(middle) {
            above = middle;
        } else {
            below = middle;
        }
    }
    above
}

/// The root u in [low, high] of a cdf with the given `tails` at u, where it is p and its complement q = 1 - p; the
/// smaller of the two is solved for. `ln_density` is that of the variable u.
pub fn tail_quantile(
    (p, q): (f64, f64),
    (low, high): (f64, f64),
    tails: impl Fn(f64) -> Tails,
    ln_density: impl Fn(f64) -> f64,
) -> f64 {
    let slope = |u: f64, ln: f64| (ln_density(u) - ln).exp();
    if p <= q {
        solve(p.ln(), low, high, low, |u| {
            let ln = tails(u).ln_lower;
            (ln, slope(u, ln))
        })
    } else {
        solve(-q.ln(), low, high, high, |u| {
            let ln = tails(u).ln_upper;
            (-ln, slope(u, ln))
        })
    }
}

/// The smallest count k from 0 to `last` with P(X <= k) >= p = 1 - q: the smaller of p and q is compared, which has the
/// digits.
pub fn count_quantile(law: &(impl Cumulative + Moments), p: f64, q: f64, last: f64) -> f64 {
    // 1 minus a tiny negative number is 1.
    if !(is_probability(p) && is_probability(q)) {
        return f64::NAN;
    }
    if q == 0.0 {
        return last;
    }
    let z = if p <= q { normal::ppf(p) } else { -normal::ppf(q) };
    let guess = law.mean() + law.variance().sqrt() * z;
    first_integer(0.0, last.min(MOST), guess, |k| if p <= q { law.cdf(k) >= p } else { law.sf(k) <= q })
}

/// Positive nodes and weights of the Gauss-Legendre rule with 20 points (Abramowitz and Stegun, table 25.4).
const NODES: [(f64, f64); 10] = [
    (0.07652652113349734, 0.15275338713072584),
    (0.22778585114164507, 0.14917298647260374),
    (0.37370608871541955, 0.14209610931838204),
    (0.5108670019508271, 0.13168863844917664),
    (0.636053680726515, 0.11819453196151841),
    (0.7463319064601508, 0.10193011981724044),
    (0.8391169718222188, 0.08327674157670475),
    (0.912234428251326, 0.06267204833410907),
    (0.9639719272779138, 0.04060142980038694),
    (0.9931285991850949, 0.017614007139152118),
];

/// The integral of `f` over `[low, high]`, by `panels` panels of the Gauss-Legendre rule with 20 points.
pub fn integrate(low: f64, high: f64, panels: usize, f: impl Fn(f64) -> f64) -> f64 {
    let [sum] = integrate_all(low, high, panels, |x| [f(x)]);
    sum
}

/// The same of several functions of one argument at once.
pub fn integrate_all<const N: usize>(low: f64, high: f64, panels: usize, f: impl Fn(f64) -> [f64; N]) -> [f64; N] {
    let half = 0.5 * (high - low) / panels as f64;
    let mut sums = [0.0; N];
    for panel in 0..panels {
        let middle = low + half * (2 * panel + 1) as f64;
        for (node, weight) in NODES {
            let (below, above) = (f(middle - half * node), f(middle + half * node));
            sums.iter_mut().zip(below.iter().zip(above)).for_each(|(sum, (a, b))| *sum += weight * (a + b));
        }
    }
    sums.map(|sum| sum * half)
}
