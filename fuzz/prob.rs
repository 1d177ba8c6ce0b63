//! What the fuzz targets run on bytes, and the bounded property test `crates/prob/tests/fuzzed.rs` too.
//!
//! `cargo +nightly fuzz run -s none constructors -- -timeout=1` and
//! `cargo +nightly fuzz run -s none expression -- -timeout=1 -dict=fuzz/words.dict`.
#![allow(dead_code)]

use ganvas_prob::distributions::*;
use ganvas_prob::stream::Streams;
use ganvas_prob::text;
use ganvas_prob::traits::*;

/// Numbers at which formulas change or break.
const NUMBERS: [f64; 32] = [
    0.0,
    -0.0,
    5e-324,
    f64::MIN_POSITIVE,
    1e-300,
    1e-150,
    1e-30,
    1e-10,
    1e-3,
    0.1,
    0.5,
    1.0 - f64::EPSILON / 2.0,
    1.0,
    1.0 + f64::EPSILON,
    1.5,
    2.0,
    30.0,
    1e3,
    1e6,
    1e8,
    1e10,
    1e12,
    1e15,
    9_007_199_254_740_992.0,
    1e30,
    1e100,
    1e200,
    f64::MAX,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    -3.0,
];

/// Numbers of nine bytes each: one of `NUMBERS`, its negative, a number of any bits, or one between 0 and 1.
struct Numbers<'a>(&'a [u8]);

impl Numbers<'_> {
    fn next(&mut self) -> f64 {
        let (head, rest) = self.0.split_at(self.0.len().min(9));
        self.0 = rest;
        let mut bytes = [0; 9];
        bytes[..head.len()].copy_from_slice(head);
        let [kind, bits @ ..] = bytes;
        let bits = u64::from_le_bytes(bits);
        match kind {
            0..96 => NUMBERS[usize::from(kind) % 32],
            96..128 => -NUMBERS[usize::from(kind) % 32],
            128..192 => f64::from_bits(bits),
            192..255 => bits as f64 / u64::MAX as f64,
            255 => (bits % 1000) as f64,
        }
    }
}

/// The first byte chooses a law; then come its parameters, two places and a probability.
pub fn constructors(bytes: &[u8]) {
    let Some((&law, rest)) = bytes.split_first() else { return };
    let mut numbers = Numbers(rest);
    let p: [f64; 4] = std::array::from_fn(|_| numbers.next());
    let n = &mut numbers;
    match law % 21 {
        0 => examine(Bernoulli::new(p[0]), n),
        1 => examine(Beta::new(p[0], p[1]), n),
        2 => examine(Binomial::new(p[0] as u64, p[1]), n),
        3 => examine(Categorical::new(&p), n),
        4 => examine(Cauchy::new(p[0], p[1]), n),
        5 => examine(Discrete::new(&[(p[0], p[1]), (p[2], p[3]), (0.5, 1.0 - p[1] - p[3])]), n),
        6 => examine(Exponential::new(p[0]), n),
        7 => examine(Gamma::new(p[0], p[1]), n),
        8 => examine(Geometric::new(p[0]), n),
        9 => examine(Gumbel::new(p[0], p[1]), n),
        10 => examine(Laplace::new(p[0], p[1]), n),
        11 => examine(LogNormal::new(p[0], p[1]), n),
        12 => examine(Logistic::new(p[0], p[1]), n),
        13 => examine(Normal::new(p[0], p[1]), n),
        14 => examine(Pareto::new(p[0], p[1]), n),
        15 => examine(Poisson::new(p[0]), n),
        16 => examine(StudentT::new(p[0], p[1], p[2]), n),
        17 => examine(TruncatedNormal::new(p[0], p[1], p[2], p[3]), n),
        18 => examine(Uniform::new(p[0], p[1]), n),
        19 => examine(VonMises::new(p[0], p[1]), n),
        _ => examine(Weibull::new(p[0], p[1]), n),
    }
}

fn examine<T>(law: Result<T, ParameterError>, numbers: &mut Numbers)
where
    T: Density + Cumulative + Quantile + Moments + Entropy + Sample + std::fmt::Debug,
{
    let law = match law {
        Ok(law) => law,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let p = numbers.next();
    let (quantile, upper) = (law.ppf(p), law.isf(p));
    let probability = (0.0..=1.0).contains(&p);
    assert_eq!(quantile.is_nan(), !probability, "ppf({p:e}) = {quantile:e} of {law:?}");
    assert_eq!(upper.is_nan(), !probability, "isf({p:e}) = {upper:e} of {law:?}");
    for x in [numbers.next(), numbers.next(), quantile, upper] {
        let density = law.pdf(x);
        assert!(density >= 0.0 || x.is_nan(), "pdf({x:e}) = {density:e} of {law:?}");
        let ln_density = law.ln_pdf(x);
        assert!(!ln_density.is_nan() || x.is_nan(), "ln_pdf({x:e}) is no number of {law:?}");
        for (name, share) in [("cdf", law.cdf(x)), ("sf", law.sf(x))] {
            assert!((0.0..=1.0).contains(&share) || x.is_nan(), "{name}({x:e}) = {share:e} of {law:?}");
        }
        for (name, ln) in [("ln_cdf", law.ln_cdf(x)), ("ln_sf", law.ln_sf(x))] {
            assert!(ln <= 0.0 || x.is_nan(), "{name}({x:e}) = {ln:e} of {law:?}");
        }
    }
    let _ = (law.mean(), law.variance(), law.skewness(), law.excess_kurtosis(), law.entropy_nats(), law.support());
    let draw = law.sample(&mut Streams::new(1).rng("fuzz", 0));
    assert!(!draw.is_nan(), "a draw of {law:?} is no number");
}

/// Every parser on the text that the bytes are.
pub fn expression(bytes: &[u8]) {
    let lossy = String::from_utf8_lossy(bytes);
    let text = lossy.as_ref();
    if let Ok(expression) = check(text, text::Expression::parse(text)) {
        for x in NUMBERS {
            let value = expression.eval(x);
            let (same, _) = expression.eval_with_slope(x);
            assert!(value == same || value.is_nan() && same.is_nan(), "{text:?} at {x:e}: {value:e}, {same:e}");
        }
    }
    if let Ok(law) = check(text, text::law(text)) {
        let mut draw = vec![0.0; law.dims()];
        law.draw(&mut Streams::new(1).rng("fuzz", 0), &mut draw);
        let _ = law.ln_density(&draw);
        let univariate = law.univariate();
        for (law, p) in univariate.into_iter().flat_map(|law| [0.0, 1e-300, 0.3, 1.0].map(|p| (law, p))) {
            let x = law.ppf(p);
            assert!(!x.is_nan(), "ppf({p:e}) of {text:?} is no number");
            assert!((0.0..=1.0).contains(&law.cdf(x)), "cdf({x:e}) of {text:?}");
        }
    }
    if let Ok((low, high)) = check(text, text::interval(text)) {
        assert!(low < high);
    }
    if let Ok(p) = check(text, text::probabilities(text)) {
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
    if let Ok(event) = check(text, text::event(text)) {
        assert!(
            !event.query.is_empty()
                && event.query.iter().all(|(axis, outcome)| !axis.is_empty() && !outcome.is_empty())
        );
    }
}

/// An error points into the text, and can be shown.
fn check<T>(text: &str, result: Result<T, text::TextError>) -> Result<T, text::TextError> {
    if let Err(error) = &result {
        assert!(error.position <= text.chars().count(), "{error:?}");
        assert!(error.to_string().lines().count() == 3, "{error}");
    }
    result
}
