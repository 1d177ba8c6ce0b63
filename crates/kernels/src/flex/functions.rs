//! Functions of single values, without branches or tables, so that a loop over them uses the widest registers.
//!
//! The polynomial of the exponential and that of tanh near 0 have the coefficients of S. Moshier's Cephes library (1992).

use super::pool::Buffer;

/// A function of each value, and its slope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// max(x, 0) + slope min(x, 0).
    LeakyRelu { slope: f32 },
    /// ln(1 + e^x).
    Softplus,
    /// 1 / (1 + e^-x).
    Sigmoid,
    /// tanh x.
    Tanh,
    /// e^x.
    Exp,
    /// The slope of a leaky ReLU: 1 where x > 0, else `below`. Its own slope is 0.
    Step { below: f32 },
}

/// A loop over values for each function, so that which it is is asked once.
macro_rules! for_each_function {
    ($function:expr, $run:expr) => {
        match $function {
            // Minus infinity times 0 is no number.
            Function::LeakyRelu { slope: 0.0 } => $run(|x: f32| if x > 0.0 || x.is_nan() { x } else { 0.0 }),
            Function::LeakyRelu { slope } => $run(move |x: f32| x * if x > 0.0 { 1.0 } else { slope }),
            Function::Softplus => $run(softplus),
            Function::Sigmoid => $run(sigmoid),
            Function::Tanh => $run(tanh),
            Function::Exp => $run(whole_exp),
            Function::Step { below } => $run(move |x: f32| if x > 0.0 { 1.0 } else { below }),
        }
    };
}

impl Function {
    /// f(x) for each x.
    pub fn of(self, x: &[f32]) -> Buffer {
        for_each_function!(self, |f| super::passes::map(x, f))
    }

    /// Whether [`slopes`](Function::slopes) wants f(x) in place of x.
    pub fn slope_by_value(self) -> bool {
        self != Self::Softplus
    }

    /// f'(x) dy for each x; see [`slope_by_value`](Function::slope_by_value) for what `x` is.
    pub fn slopes(self, x: &[f32], dy: &[f32]) -> Buffer {
        use super::passes::map2;
        match self {
            Self::LeakyRelu { slope: 0.0 } => map2(x, dy, |y, dy| if y > 0.0 { dy } else { 0.0 }),
            Self::LeakyRelu { slope } => map2(x, dy, move |y, dy| dy * if y > 0.0 { 1.0 } else { slope }),
            Self::Softplus => map2(x, dy, |x, dy| dy * sigmoid(x)),
            Self::Sigmoid => map2(x, dy, |y, dy| dy * (y * (1.0 - y))),
            Self::Tanh => map2(x, dy, |y, dy| dy * (1.0 - y * y)),
            Self::Exp => map2(x, dy, |y, dy| dy * y),
            Self::Step { .. } => map2(x, dy, |_, _| 0.0),
        }
    }
}

/// e^x to 2 units in the last place, for x in [-87, 88]; beyond that of the next of these.
#[inline(always)]
fn exp(x: f32) -> f32 {
    // 1.5 2^23: added to a small number it leaves the nearest integer in the last bits.
    const SHIFT: f32 = 12_582_912.0;
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + SHIFT;
    let n = shifted - SHIFT;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let p =
        ((((1.987_569_1e-4 * r + 1.398_2e-3) * r + 8.333_452e-3) * r + 4.166_579_6e-2) * r + 0.166_666_66) * r + 0.5;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3F80_0000));
    (p * (r * r) + r + 1.0) * power
}

/// e^x, also far out.
#[inline(always)]
fn whole_exp(x: f32) -> f32 {
    let root = exp(0.5 * x);
    if x.abs() > 87.0 { root * root } else { exp(x) }
}

/// ln(1 + u) for u in [0, 1], by the series of the inverse hyperbolic tangent of u / (2 + u).
#[inline(always)]
fn ln_1p(u: f32) -> f32 {
    let s = u / (2.0 + u);
    let z = s * s;
    let series = ((((((z / 15.0 + 1.0 / 13.0) * z + 1.0 / 11.0) * z + 1.0 / 9.0) * z + 1.0 / 7.0) * z + 0.2) * z
        + 1.0 / 3.0)
        * z;
    2.0 * (s + s * series)
}

/// ln(1 + e^x), without overflow.
#[inline(always)]
pub fn softplus(x: f32) -> f32 {
    x.max(0.0) + ln_1p(exp(-x.abs()))
}

/// 1 / (1 + e^-x), without overflow.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    let u = exp(-x.abs());
    let far = 1.0 / (1.0 + u);
    if x >= 0.0 { far } else { u * far }
}

/// tanh x: a polynomial where e^(2 x) is near 1.
#[inline(always)]
pub fn tanh(x: f32) -> f32 {
    let size = x.abs();
    let z = x * x;
    let p = (((-5.704_988_7e-3 * z + 2.063_909e-2) * z - 0.053_739_715) * z + 0.133_314_42) * z - 0.333_332_83;
    let near = x + x * (z * p);
    let far = (1.0 - 2.0 / (exp(2.0 * size) + 1.0)).copysign(x);
    if size < 0.625 { near } else { far }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From -100 to 100, densely around 0.
    fn places() -> Vec<f32> {
        (-4000..=4000).map(|i| (i as f32 / 4000.0).powi(3) * 100.0).collect()
    }

    /// The largest distance to the function in f64, as a share of its size or of `least` where it is smaller.
    fn error(f: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64, least: f64) -> f64 {
        let at = |x: f32| {
            let expected = exact(f64::from(x));
            (f64::from(f(x)) - expected).abs() / expected.abs().max(least)
        };
        places().into_iter().map(at).fold(0.0, f64::max)
    }

    #[test]
    fn values_are_those_of_double_precision() {
        let near = |name: &str, found: f64, limit: f64| assert!(found < limit, "{name}: {found:e}");
        near("exp", error(|x| exp(x.clamp(-87.0, 88.0)), |x| x.clamp(-87.0, 88.0).exp(), 1e-38), 3e-7);
        near("whole_exp", error(|x| whole_exp(0.8 * x), |x| f64::from(0.8 * x as f32).exp(), 1e-38), 4e-7);
        near("softplus", error(softplus, |x| x.max(0.0) + (-x.abs()).exp().ln_1p(), 1e-30), 4e-7);
        near("sigmoid", error(sigmoid, |x| 1.0 / (1.0 + (-x).exp()), 1e-30), 4e-7);
        near("tanh", error(tanh, f64::tanh, 1e-38), 3e-7);
        let small = [1e-20f32, -1e-30, 0.0];
        assert_eq!(small.map(tanh), small);
        assert_eq!((softplus(0.0), sigmoid(0.0)), (std::f32::consts::LN_2, 0.5));
    }

    #[test]
    fn what_is_no_number_stays_so_and_the_ends_are_the_limits() {
        let rectifiers = [0.0, 0.2].map(|slope| Function::LeakyRelu { slope });
        for f in [Function::Exp, Function::Softplus, Function::Sigmoid, Function::Tanh].into_iter().chain(rectifiers) {
            assert!(f.of(&[f32::NAN])[0].is_nan(), "{f:?}");
        }
        let ends = [f32::INFINITY, f32::NEG_INFINITY];
        assert_eq!(ends.map(whole_exp), [f32::INFINITY, 0.0]);
        assert_eq!(rectifiers[0].of(&ends)[..], [f32::INFINITY, 0.0]);
        for x in [-103.0f32, -95.0, -88.0, 88.0, 88.5] {
            let (found, expected) = (f64::from(whole_exp(x)), f64::from(x).exp());
            assert!((found - expected).abs() <= 4e-7 * expected + 1.5e-45, "e^{x}: {found:e} in place of {expected:e}");
        }
        assert_eq!(ends.map(tanh), [1.0, -1.0]);
        assert!(softplus(ends[0]).is_infinite() && softplus(ends[1]) < 1e-37);
        assert!(sigmoid(ends[0]) == 1.0 && sigmoid(ends[1]) < 1e-37);
    }
}
