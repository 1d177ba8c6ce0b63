use super::*;
use crate::sampling::proof::{DRAWS, follows};
use crate::stream::Streams;
use statrs::distribution::{Beta, ContinuousCDF, Normal};
use std::f64::consts::{PI, TAU};

const INFINITY: f64 = f64::INFINITY;

fn normal(x: f64) -> f64 {
    (-0.5 * x * x).exp() / TAU.sqrt()
}

fn gumbel(x: f64) -> f64 {
    (-x - (-x).exp()).exp()
}

fn beta25(x: f64) -> f64 {
    30.0 * x * (1.0 - x).powi(4)
}

/// The u-error against a cdf that was not integrated by this crate, on a grid finer than that of set-up.
fn worst(inverse: &NumericalInverse, cdf: impl Fn(f64) -> f64) -> f64 {
    let n = 100_003;
    (0..n).map(|i| (f64::from(i) + 0.5) / f64::from(n)).map(|u| (cdf(inverse.ppf(u)) - u).abs()).fold(0.0, f64::max)
}

fn proven(name: &str, inverse: &NumericalInverse, cdf: impl Fn(f64) -> f64 + Copy) {
    let against = worst(inverse, cdf);
    println!("{name}: {} pieces, u-error {:e}, against a cdf {against:e}", inverse.pieces(), inverse.u_error());
    assert!(inverse.u_error() <= 1e-10 && against <= 1.1e-10, "{name}: {:e}, {against:e}", inverse.u_error());
    follows(inverse.sample_n(&mut Streams::new(1).rng(name, 0), DRAWS), cdf);
}

#[test]
fn from_a_pdf_the_u_error_is_below_1e_10_and_a_million_draws_follow_the_cdf() {
    let law = Normal::standard();
    proven("normal", &NumericalInverse::from_pdf(normal, -INFINITY, INFINITY).unwrap(), |x| law.cdf(x));
    let inverse = NumericalInverse::from_pdf(|x: f64| (-x).exp(), 0.0, INFINITY).unwrap();
    proven("exponential", &inverse, |x| -(-x).exp_m1());
    let law = Beta::new(2.0, 5.0).unwrap();
    proven("beta(2, 5)", &NumericalInverse::from_pdf(beta25, 0.0, 1.0).unwrap(), |x| law.cdf(x));
    let inverse = NumericalInverse::from_pdf(gumbel, -INFINITY, INFINITY).unwrap();
    proven("gumbel", &inverse, |x| (-(-x).exp()).exp());
    let inverse = NumericalInverse::from_pdf(|x: f64| 0.375 * x * x, 0.0, 2.0).unwrap();
    proven("3/8 x^2", &inverse, |x| x.powi(3) / 8.0);
}

#[test]
fn heavy_tails_kinks_and_jumps_are_within_the_same_error() {
    let cauchy = NumericalInverse::from_pdf(|x: f64| 1.0 / (1.0 + x * x), -INFINITY, INFINITY).unwrap();
    assert!((cauchy.mass() / PI - 1.0).abs() < 1e-12);
    assert!(worst(&cauchy, |x| 0.5 + x.atan() / PI) <= 1.1e-10);
    let laplace = NumericalInverse::from_pdf(|x: f64| (-(x - 0.1).abs()).exp(), -INFINITY, INFINITY).unwrap();
    let cdf = |x: f64| if x < 0.1 { 0.5 * (x - 0.1).exp() } else { 1.0 - 0.5 * (0.1 - x).exp() };
    assert!(worst(&laplace, cdf) <= 1.1e-10);
    let box_inside = |x: f64| if (0.25..0.7).contains(&x) { 2.0 } else { 0.0 };
    let uniform = NumericalInverse::from_pdf(box_inside, -1.0, 3.0).unwrap();
    assert!(worst(&uniform, |x| ((x - 0.25) / 0.45).clamp(0.0, 1.0)) <= 1.1e-10);
}

#[test]
fn from_a_cdf_alone_the_same_holds() {
    let law = Normal::standard();
    proven("normal cdf", &NumericalInverse::from_cdf(|x| law.cdf(x), -INFINITY, INFINITY).unwrap(), |x| law.cdf(x));
    let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
    proven("logistic cdf", &NumericalInverse::from_cdf(logistic, -INFINITY, INFINITY).unwrap(), logistic);
}

#[test]
fn the_inverse_rises() {
    let inverse = NumericalInverse::from_pdf(gumbel, -INFINITY, INFINITY).unwrap();
    let x: Vec<f64> = (0..=100_000).map(|i| inverse.ppf(f64::from(i) / 1e5)).collect();
    assert!(x.windows(2).all(|pair| pair[0] <= pair[1]));
    assert_eq!((inverse.ppf(-1.0), inverse.ppf(2.0)), inverse.cut());
    assert!(inverse.ppf(f64::NAN).is_nan());
}

#[test]
fn a_scale_or_place_far_from_one_changes_nothing() {
    for (mean, deviation) in [(0.0, 1e-8), (0.0, 1e12), (1e6, 1.0), (-3e4, 1.0)] {
        let pdf = |x: f64| normal((x - mean) / deviation);
        let config = NumericalInverseConfig::new().with_points(&[mean]);
        let inverse = config.from_pdf(pdf, -INFINITY, INFINITY).unwrap();
        assert!((inverse.mass() / deviation - 1.0).abs() < 1e-9, "{mean}, {deviation}: mass {}", inverse.mass());
        let law = Normal::new(mean, deviation).unwrap();
        assert!(worst(&inverse, |x| law.cdf(x)) <= 1.1e-10, "{mean}, {deviation}");
    }
}

#[test]
fn a_seed_gives_the_pinned_draws() {
    let inverse = NumericalInverse::from_pdf(normal, -INFINITY, INFINITY).unwrap();
    let draws = inverse.sample_n(&mut Streams::new(1).rng("pinned", 0), 2);
    assert!(draws.iter().zip(PINNED).all(|(a, b)| (a - b).abs() < 1e-8), "{draws:?}");
}
const PINNED: [f64; 2] = [2.00897870285381, 0.775792405217339];

#[test]
fn densities_that_are_none_are_refused_with_the_place() {
    let of = |f: fn(f64) -> f64, low, high| NumericalInverse::from_pdf(f, low, high).unwrap_err();
    assert!(matches!(of(|x| x, -1.0, 1.0), SamplingError::Negative { x, value } if x < 0.0 && value == x));
    assert!(matches!(of(|x| x.sqrt(), -1.0, 1.0), SamplingError::NotANumber { x } if x < 0.0));
    assert!(matches!(of(|x| if x > 0.5 { INFINITY } else { 1.0 }, 0.0, 1.0), SamplingError::Infinite { x } if x > 0.5));
    assert_eq!(of(|_| 0.0, 0.0, 1.0), SamplingError::NoMass { low: 0.0, high: 1.0 });
    assert_eq!(of(|_| 0.0, -INFINITY, INFINITY), SamplingError::NoMass { low: -INFINITY, high: INFINITY });
    assert!(matches!(of(|_| 1.0, 0.0, INFINITY), SamplingError::Diverges { .. }));
    assert!(matches!(of(|x| 1.0 / x, 1.0, INFINITY), SamplingError::Diverges { .. }));
    assert_eq!(of(|_| 1.0, 1.0, 1.0), SamplingError::Interval { low: 1.0, high: 1.0 });
    assert!(matches!(of(|_| 1.0, f64::NAN, 1.0), SamplingError::Interval { .. }));
    let config = NumericalInverseConfig::new().with_u_resolution(0.0).from_pdf(normal, -1.0, 1.0);
    assert!(matches!(config, Err(SamplingError::Parameter { name: "u_resolution", .. })));
}

#[test]
fn cdfs_that_are_none_are_refused() {
    let of = |f: fn(f64) -> f64| NumericalInverse::from_cdf(f, -10.0, 10.0).unwrap_err();
    assert!(matches!(of(|x| x), SamplingError::NotACdf { .. }));
    assert!(matches!(of(|_| f64::NAN), SamplingError::NotACdf { .. }));
    assert!(matches!(of(|_| 0.5), SamplingError::NoMass { .. }));
    let jump = |x: f64| if x < 1.0 { 0.05 * (x + 10.0) / 2.0 } else { 1.0 };
    assert!(matches!(of(jump), SamplingError::Stuck { x } if (x - 1.0).abs() < 1e-6));
}
