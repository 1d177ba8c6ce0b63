//! Integrals of densities: Gauss and Kronrod rules of 7 and 15 points (A. S. Kronrod 1965; nodes and weights as in
//! QUADPACK, R. Piessens et al. 1983), halved where they disagree.

use super::{SamplingError, checked};

/// Positive nodes of the 15-point rule; every second one, and zero, is a node of the 7-point rule.
const NODES: [f64; 7] = [
    0.991_455_371_120_812_6,
    0.949_107_912_342_758_5,
    0.864_864_423_359_769_1,
    0.741_531_185_599_394_4,
    0.586_087_235_467_691_1,
    0.405_845_151_377_397_2,
    0.207_784_955_007_898_47,
];
const KRONROD: [f64; 8] = [
    0.022_935_322_010_529_224,
    0.063_092_092_629_978_55,
    0.104_790_010_322_250_18,
    0.140_653_259_715_525_92,
    0.169_004_726_639_267_9,
    0.190_350_578_064_785_4,
    0.204_432_940_075_298_9,
    0.209_482_141_084_727_83,
];
const GAUSS: [f64; 4] =
    [0.129_484_966_168_869_7, 0.279_705_391_489_276_64, 0.381_830_050_505_118_9, 0.417_959_183_673_469_4];

/// Most calls of a density in one integral: more means noise, or an integral that does not exist.
const CALLS: u32 = 1_000_000;

/// How often an interval is halved at most.
const DEPTH: u32 = 60;

/// The 7-point Gauss rule on [a, b]: exact for polynomials of degree 13.
pub fn gauss7(f: &impl Fn(f64) -> f64, a: f64, b: f64) -> Result<f64, SamplingError> {
    let (centre, half) = (0.5 * (a + b), 0.5 * (b - a));
    let mut sum = GAUSS[3] * checked(centre, f(centre))?;
    for i in 0..3 {
        let shift = half * NODES[2 * i + 1];
        let (low, high) = (centre - shift, centre + shift);
        sum += GAUSS[i] * (checked(low, f(low))? + checked(high, f(high))?);
    }
    Ok(sum * half)
}

/// The 15-point Kronrod rule on [a, b], and its distance from the 7-point rule inside of it.
fn kronrod15(f: &impl Fn(f64) -> f64, a: f64, b: f64) -> Result<(f64, f64), SamplingError> {
    let (centre, half) = (0.5 * (a + b), 0.5 * (b - a));
    let middle = checked(centre, f(centre))?;
    let (mut kronrod, mut gauss) = (KRONROD[7] * middle, GAUSS[3] * middle);
    for i in 0..7 {
        let shift = half * NODES[i];
        let (low, high) = (centre - shift, centre + shift);
        let pair = checked(low, f(low))? + checked(high, f(high))?;
        kronrod += KRONROD[i] * pair;
        if i % 2 == 1 {
            gauss += GAUSS[i / 2] * pair;
        }
    }
    Ok((kronrod * half, ((kronrod - gauss) * half).abs()))
}

/// The integral of a density over [a, b], halved until both rules agree to 1e-11 of it or to `absolute`: the
/// difference bounds the error of the 7-point rule; that of the 15-point rule is far smaller where f is smooth.
pub fn integrate(f: &impl Fn(f64) -> f64, a: f64, b: f64, absolute: f64) -> Result<f64, SamplingError> {
    integrate_with_error(f, a, b, absolute).map(|(value, _)| value)
}

/// The same, with the sum of what the rules differ by.
pub fn integrate_with_error(
    f: &impl Fn(f64) -> f64,
    a: f64,
    b: f64,
    absolute: f64,
) -> Result<(f64, f64), SamplingError> {
    let mut pending = vec![(a, b, 0)];
    let (mut sum, mut errors, mut calls) = (0.0, 0.0, 0);
    while let Some((a, b, depth)) = pending.pop() {
        let (value, error) = kronrod15(f, a, b)?;
        calls += 15;
        let middle = 0.5 * (a + b);
        if error <= 1e-11 * value || error <= absolute || depth >= DEPTH || middle <= a || middle >= b {
            sum += value;
            errors += error;
        } else if calls > CALLS {
            return Err(SamplingError::Diverges { x: middle });
        } else {
            pending.push((middle, b, depth + 1));
            pending.push((a, middle, depth + 1));
        }
    }
    if sum.is_finite() { Ok((sum, errors)) } else { Err(SamplingError::Diverges { x: a }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_exact_for_the_polynomials_they_are_made_for() {
        for degree in 0..=22 {
            let exact = (2f64.powi(degree + 1) - 1.0) / f64::from(degree + 1);
            let f = |x: f64| x.powi(degree);
            let (kronrod, difference) = kronrod15(&f, 1.0, 2.0).unwrap();
            assert!((kronrod / exact - 1.0).abs() < 1e-14, "degree {degree}: {kronrod} against {exact}");
            if degree <= 13 {
                assert!((gauss7(&f, 1.0, 2.0).unwrap() / exact - 1.0).abs() < 1e-14);
                assert!(difference < 1e-14 * exact);
            }
        }
    }

    #[test]
    fn a_kink_and_a_pole_that_can_be_integrated_are() {
        let kink = integrate(&|x: f64| (-(x - 0.3).abs()).exp(), -1.0, 1.0, 1e-15).unwrap();
        assert!((kink - (2.0 - (-1.3f64).exp() - (-0.7f64).exp())).abs() < 1e-13);
        let pole = integrate(&|x: f64| 1.0 / x.sqrt(), 0.0, 1.0, 1e-12).unwrap();
        assert!((pole - 2.0).abs() < 1e-8, "{pole}");
    }
}
