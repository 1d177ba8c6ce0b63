//! Mixtures, empirical laws and kernel density estimates against reference values, quadrature and their own draws.

use ganvas_prob::distributions::*;
use ganvas_prob::sampling::SamplingError;
use ganvas_prob::stream::Streams;
use ganvas_prob::traits::*;
use proptest::prelude::*;

const DATA: [f64; 7] = [7.5, -1.5, 2.0, -0.25, 0.0, 0.125, 2.0];

fn part(weight: f64, law: impl Component) -> (f64, Box<dyn Component>) {
    (weight, Box::new(law))
}

fn normal(mean: f64, sd: f64) -> Normal {
    Normal::new(mean, sd).unwrap()
}

/// The law of a name in the fixtures.
fn law(name: &str) -> Box<dyn Component> {
    let parts = match name {
        "normals" => vec![part(0.3, normal(-2.0, 0.5)), part(0.7, normal(4.0, 1.0))],
        "far" => vec![part(1e-10, normal(0.0, 1.0)), part(1.0, normal(1000.0, 1e-3))],
        "tails" => vec![part(0.5, Cauchy::new(0.0, 1.0).unwrap()), part(0.5, normal(0.0, 1.0))],
        "positive" => {
            vec![part(1.0, Exponential::new(2.0).unwrap()), part(3.0, LogNormal::new(0.5, 1.5).unwrap())]
        }
        "counts" => vec![part(0.4, Poisson::new(0.7).unwrap()), part(0.6, Binomial::new(20, 0.35).unwrap())],
        "kde" => return Box::new(Kde::new(&DATA, 0.3).unwrap()),
        _ => panic!("no law {name}"),
    };
    Box::new(Mixture::new(parts).unwrap())
}

const CONTINUOUS: [&str; 5] = ["normals", "far", "tails", "positive", "kde"];

fn close(a: f64, b: f64, relative: f64) -> bool {
    a == b || (a - b).abs() <= relative * a.abs().max(b.abs())
}

#[test]
fn values_agree_with_the_references() {
    let mut worst = (0.0, String::new());
    let mut rows = 0;
    for line in include_str!("fixtures/composite.csv").lines() {
        let [name, function, x, value] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (x, value): (f64, f64) = (x.parse().unwrap(), value.parse().unwrap());
        let law = law(name);
        let got = match function {
            "pdf" => law.pdf(x),
            "ln_pdf" => law.ln_pdf(x),
            "cdf" => law.cdf(x),
            "sf" => law.sf(x),
            "ln_cdf" => law.ln_cdf(x),
            "ln_sf" => law.ln_sf(x),
            "ppf" => law.ppf(x),
            "isf" => law.isf(x),
            "mean" => law.mean(),
            "variance" => law.variance(),
            "skewness" => law.skewness(),
            "excess_kurtosis" => law.excess_kurtosis(),
            "silverman" => Kde::silverman(&DATA).unwrap().bandwidth(),
            "scott" => Kde::scott(&DATA).unwrap().bandwidth(),
            "leave_one_out" => Kde::new(&DATA, 0.3).unwrap().leave_one_out_nats(),
            _ => panic!("{line}"),
        };
        let error = ((got - value) / value).abs();
        if error.is_nan() || error > worst.0 {
            worst = (error, format!("{line}: got {got:e}"));
        }
        rows += 1;
    }
    println!("largest relative error of {rows}: {worst:?}");
    assert!(worst.0 <= 1e-10 && rows > 300, "{rows} rows, {worst:?}");
}

/// Integral over the law between its quantiles, by the midpoint rule in each of many pieces.
fn over_the_law(law: &dyn Component, f: impl Fn(f64) -> f64) -> f64 {
    let tails: Vec<f64> = (1..=30).map(|k| 0.5f64.powf(f64::from(k) * 1.5)).collect();
    let mut cuts: Vec<f64> = tails.iter().rev().map(|&p| law.ppf(p)).collect();
    cuts.extend((1..100).map(|i| law.ppf(0.3 + 0.4 * f64::from(i) / 100.0)));
    cuts.extend(tails.iter().map(|&q| law.isf(q)));
    cuts.sort_by(f64::total_cmp);
    // Three Gauss points in each of twenty parts.
    let node = 0.6f64.sqrt();
    let integral = |low: f64, high: f64| {
        let half = 0.5 * (high - low) / 20.0;
        let at = |i: i32, z: f64| f(low + half * (f64::from(2 * i + 1) + z));
        (0..20).map(|i| (5.0 * (at(i, -node) + at(i, node)) + 8.0 * at(i, 0.0)) / 9.0).sum::<f64>() * half
    };
    cuts.windows(2).map(|w| integral(w[0], w[1])).sum()
}

#[test]
fn densities_integrate_to_one_and_to_the_moments() {
    for name in CONTINUOUS {
        let law = law(name);
        let total = over_the_law(&*law, |x| law.pdf(x));
        assert!((total - 1.0).abs() < 1e-7, "{name} integrates to {total}");
        if matches!(name, "normals" | "kde") {
            let mean = over_the_law(&*law, |x| x * law.pdf(x));
            let [second, third, fourth] = [2, 3, 4].map(|k| over_the_law(&*law, |x| (x - mean).powi(k) * law.pdf(x)));
            let found = [mean, second, third / second.powf(1.5), fourth / (second * second) - 3.0];
            let stated = [law.mean(), law.variance(), law.skewness(), law.excess_kurtosis()];
            for (a, b) in stated.iter().zip(found) {
                assert!((a - b).abs() < 1e-5 * (1.0 + b.abs()), "{name}: {stated:?}, not {found:?}");
            }
        }
    }
}

const N: usize = 1_000_000;

#[test]
fn draws_pass_kolmogorov_and_smirnov_at_one_in_a_thousand() {
    for name in CONTINUOUS {
        let law = law(name);
        let mut rng = Streams::new(52).rng(name, 0);
        let mut draws: Vec<f64> = (0..N).map(|_| law.draw_one(&mut rng)).collect();
        draws.sort_by(f64::total_cmp);
        let n = N as f64;
        // Every 16th draw: the statistic can only miss 16/n, which is added.
        let statistic = draws.iter().enumerate().step_by(16).fold(0.0_f64, |worst, (k, &x)| {
            let cdf = law.cdf(x);
            worst.max((cdf - k as f64 / n).abs()).max(((k + 1) as f64 / n - cdf).abs())
        }) + 16.0 / n;
        assert!(statistic < 1.95 / n.sqrt(), "{name}: {statistic:.3e}");
    }
}

/// Pearson's statistic of draws against masses at these values, and the chance of one as large.
fn chi_square(law: &dyn Component, values: &[f64]) -> f64 {
    let mut rng = Streams::new(53).rng("chi-square", 0);
    let mut counts = vec![0.0; values.len()];
    for _ in 0..N {
        let x = law.draw_one(&mut rng);
        match values.iter().position(|&v| v == x) {
            Some(i) => counts[i] += 1.0,
            None => assert!(law.pdf(x) > 0.0, "drew {x}"),
        }
    }
    let terms = counts.iter().zip(values).map(|(seen, &x)| (law.pdf(x) * N as f64, seen));
    let statistic: f64 = terms.map(|(expected, seen)| (seen - expected).powi(2) / expected).sum();
    // Values in the tail that are not listed leave a little freedom out: the test is the stricter for it.
    Gamma::new(0.5 * (values.len() - 1) as f64, 2.0).unwrap().sf(statistic)
}

#[test]
fn draws_of_discrete_laws_pass_chi_square_at_one_in_a_thousand() {
    let p = chi_square(&*law("counts"), &(0..17).map(f64::from).collect::<Vec<_>>());
    assert!(p > 1e-3, "{p}");
    let p = chi_square(&Empirical::new(&DATA).unwrap(), &[-1.5, -0.25, 0.0, 0.125, 2.0, 7.5]);
    assert!(p > 1e-3, "{p}");
}

/// A change of these is a breaking one.
#[test]
fn draws_are_the_pinned_ones() {
    let third = |law: &dyn Component| {
        let mut rng = Streams::new(54).rng("pinned", 0);
        (0..3).map(|_| law.draw_one(&mut rng)).last().unwrap()
    };
    let draws =
        [third(&*law("normals")), third(&*law("counts")), third(&*law("kde")), third(&Empirical::new(&DATA).unwrap())];
    for (draw, pinned) in draws.iter().zip(PINNED) {
        assert!(close(*draw, pinned, 1e-13), "{draws:?}");
    }
}
const PINNED: [f64; 4] = [4.485004547325941, 9.0, 2.2022419353128004, 2.0];

#[test]
fn odd_arguments_give_limits_or_nan() {
    for name in CONTINUOUS.iter().chain(&["counts"]) {
        let law = law(name);
        let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
        assert_eq!([law.pdf(low), law.pdf(high)], [0.0; 2], "{name}");
        assert_eq!([law.cdf(low), law.cdf(high), law.sf(low), law.sf(high)], [0.0, 1.0, 1.0, 0.0], "{name}");
        let nans = [
            law.pdf(f64::NAN),
            law.ln_pdf(f64::NAN),
            law.cdf(f64::NAN),
            law.sf(f64::NAN),
            law.ln_cdf(f64::NAN),
            law.ln_sf(f64::NAN),
            law.ppf(-0.1),
            law.ppf(1.1),
            law.isf(f64::NAN),
        ];
        assert!(nans.iter().all(|x| x.is_nan()), "{name}: {nans:?}");
    }
}

#[test]
fn what_cannot_be_mixed_is_refused() {
    let poisson = || Poisson::new(2.0).unwrap();
    let halves = || Discrete::new(&[(0.0, 0.5), (0.5, 0.5)]).unwrap();
    let error = Mixture::new(vec![part(1.0, poisson()), part(1.0, normal(0.0, 1.0))]).unwrap_err();
    assert_eq!(error, MixtureError::Measures { continuous: 1, discrete: 0 });
    let error = Mixture::new(vec![part(1.0, poisson()), part(1.0, halves())]).unwrap_err();
    assert_eq!(error, MixtureError::NotWhole { index: 1, value: 0.5 });
    let error = Mixture::new(vec![part(1.0, normal(0.0, 1.0)), part(-2.0, normal(0.0, 1.0))]).unwrap_err();
    assert_eq!(error, MixtureError::Weights(SamplingError::Weight { index: 1, value: -2.0 }));
    assert!(Mixture::new(vec![]).is_err());
    assert!(Mixture::new(vec![part(0.0, normal(0.0, 1.0))]).is_err());
    let inner = VectorMixture::new(vec![(1.0, Box::new(normal(0.0, 1.0)))]).unwrap();
    assert!(inner.ln_density(&[0.0, 0.0]).is_nan());
    let error = VectorMixture::new(vec![(1.0, Box::new(inner)), (1.0, Box::new(poisson()))]);
    assert!(error.is_ok(), "a law over vectors does not tell its measure");
    let error = VectorMixture::new(vec![(1.0, Box::new(poisson())), (1.0, Box::new(normal(0.0, 1.0)))]).unwrap_err();
    assert_eq!(error, MixtureError::Measures { continuous: 1, discrete: 0 });
    let error = VectorMixture::new(vec![(1.0, Box::new(poisson())), (1.0, Box::new(Pair))]).unwrap_err();
    assert_eq!(error, MixtureError::Dims { index: 1, expected: 1, got: 2 });
}

/// Two independent standard normals.
#[derive(Debug)]
struct Pair;

impl Law for Pair {
    fn dims(&self) -> usize {
        2
    }

    fn ln_density(&self, x: &[f64]) -> f64 {
        x.iter().map(|&x| normal(0.0, 1.0).ln_pdf(x)).sum()
    }

    fn draw(&self, rng: &mut dyn rand::Rng, out: &mut [f64]) {
        out.fill_with(|| normal(0.0, 1.0).draw_one(rng));
    }
}

#[test]
fn mixtures_of_vectors_weigh_densities_and_draws() {
    let one = VectorMixture::new(vec![(2.0, Box::new(Pair)), (6.0, Box::new(Pair)), (0.0, Box::new(Pair))]).unwrap();
    assert_eq!((one.dims(), one.components().count()), (2, 2));
    assert!(close(one.ln_density(&[30.0, -40.0]), Pair.ln_density(&[30.0, -40.0]), 1e-15));
    let two = VectorMixture::new(vec![
        (1.0, Box::new(normal(-100.0, 1.0)) as Box<dyn Law>),
        (3.0, Box::new(normal(100.0, 1.0))),
    ])
    .unwrap();
    let mut rng = Streams::new(55).rng("vectors", 0);
    let mut x = [0.0];
    let right = (0..100_000).filter(|_| {
        two.draw(&mut rng, &mut x);
        x[0] > 0.0
    });
    // Four standard errors: 4 sqrt(0.25 * 0.75 / 1e5) = 0.0055.
    assert!((right.count() as f64 / 1e5 - 0.75).abs() < 0.0055);
}

#[test]
fn whole_values_mix_with_unbounded_counts() {
    let zero = Discrete::new(&[(0.0, 1.0)]).unwrap();
    let inflated = Mixture::new(vec![part(1.0, zero), part(3.0, Poisson::new(2.0).unwrap())]).unwrap();
    assert_eq!(inflated.support(), Support::Integers { low: 0.0, high: f64::INFINITY });
    assert!(close(inflated.pdf(0.0), 0.25 + 0.75 * (-2.0f64).exp(), 1e-15));
    assert_eq!(inflated.ppf(0.35), 0.0);
    assert_eq!(inflated.ppf(0.36), 1.0);
    let nested = Mixture::new(vec![part(1.0, inflated)]).unwrap();
    assert!(close(nested.mean(), 1.5, 1e-15));
}

/// Against the binomial formula for the central moments of a sum of equals: one law mixed with itself is that law.
#[test]
fn a_law_mixed_with_itself_is_that_law() {
    let same = Mixture::new(vec![part(0.1, normal(1e8, 1.0)), part(0.7, normal(1e8, 1.0))]).unwrap();
    assert_eq!(same.mean(), 1e8);
    assert!(
        close(same.variance(), 1.0, 1e-14) && same.skewness().abs() < 1e-14 && same.excess_kurtosis().abs() < 1e-14
    );
    for p in [1e-300, 1e-5, 0.3, 0.5, 0.9] {
        assert!(close(same.isf(p), normal(1e8, 1.0).isf(p), 1e-15));
    }
    let heavy = Mixture::new(vec![part(1.0, Cauchy::new(0.0, 1.0).unwrap())]).unwrap();
    assert!(heavy.mean().is_nan() && heavy.variance().is_nan());
}

/// A window must give what the sum over all values gives.
#[test]
fn a_large_estimate_is_the_sum_over_all_of_its_kernels() {
    let mut rng = Streams::new(56).rng("kde", 0);
    let sample: Vec<f64> = normal(3.0, 2.0).sample_n(&mut rng, 5000);
    let kde = Kde::silverman(&sample).unwrap();
    let h = kde.bandwidth();
    let mean = |f: &dyn Fn(Normal) -> f64| sample.iter().map(|&x| f(normal(x, h))).sum::<f64>() / 5000.0;
    for x in [-8.0, -5.0, 0.0, 3.0, 6.5, 12.0, 15.0] {
        assert!(close(kde.pdf(x), mean(&|k| k.pdf(x)), 1e-11), "pdf({x})");
        assert!(close(kde.cdf(x), mean(&|k| k.cdf(x)), 1e-11), "cdf({x})");
        assert!(close(kde.sf(x), mean(&|k| k.sf(x)), 1e-11), "sf({x})");
    }
    // The best bandwidth for normal data is near Scott's; far ones are worse.
    let score = |factor: f64| Kde::new(&sample, h * factor).unwrap().leave_one_out_nats();
    assert!(score(1.0) > score(0.05) && score(1.0) > score(8.0));
}

#[test]
fn samples_that_make_no_law_are_refused() {
    assert_eq!(Empirical::new(&[]).unwrap_err(), SampleError::TooFew { law: "Empirical", needed: 1, count: 0 });
    let error = Kde::new(&[0.0, f64::INFINITY], 1.0).unwrap_err();
    assert_eq!(error, SampleError::NotFinite { index: 1, value: f64::INFINITY });
    for bandwidth in [0.0, -1.0, f64::NAN] {
        assert!(matches!(Kde::new(&[0.0], bandwidth), Err(SampleError::Parameter(_))));
    }
    assert!(matches!(Kde::scott(&[1.0]), Err(SampleError::TooFew { .. })));
    assert!(matches!(Kde::silverman(&[1.0, 1.0]), Err(SampleError::Parameter(_))));
    // Quartiles that are the same do not hide the spread.
    assert!(Kde::silverman(&[0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]).is_ok());
}

fn any_mixture() -> impl Strategy<Value = Mixture> {
    let component = (0..4, -50.0..50.0_f64, -3.0..3.0_f64, 1e-6..1.0_f64);
    prop::collection::vec(component, 1..5).prop_map(|parts| {
        let build = |(kind, place, e, weight): (i32, f64, f64, f64)| {
            let scale = 10.0_f64.powf(e);
            match kind {
                0 => part(weight, normal(place, scale)),
                1 => part(weight, Gamma::new(scale, 1.0).unwrap()),
                2 => part(weight, Cauchy::new(place, scale).unwrap()),
                _ => part(weight, Uniform::new(place, place + scale).unwrap()),
            }
        };
        Mixture::new(parts.into_iter().map(build).collect()).unwrap()
    })
}

fn consistent(law: &dyn Component, u: f64, e: f64) -> Result<(), TestCaseError> {
    let x = law.ppf(u);
    prop_assume!(x.is_finite() && law.isf(u).is_finite());
    prop_assert!((law.cdf(x) + law.sf(x) - 1.0).abs() < 1e-12);
    let grain = |x: f64| {
        let (before, after) = if x.abs() < 1e-300 { (-1e-300, 1e-300) } else { (x.next_down(), x.next_up()) };
        (law.cdf(after) - law.cdf(before)).abs().max((law.sf(after) - law.sf(before)).abs())
    };
    prop_assert!((law.cdf(x) - u).abs() <= 1e-11 + 2.0 * grain(x), "cdf(ppf({u})) = {}", law.cdf(x));
    let z = law.isf(u);
    prop_assert!((law.sf(z) - u).abs() <= 1e-11 + 2.0 * grain(z), "sf(isf({u})) = {}", law.sf(z));
    prop_assert!(law.cdf(x.next_down()) <= law.cdf(x) * (1.0 + 1e-12));
    let y = law.ppf(0.5 + 0.5 * u);
    prop_assert!(y < x || law.cdf(y) >= law.cdf(x));
    let q = 10.0_f64.powf(-e);
    for (x, tail, ln_tail) in [
        (law.isf(q), law.sf(law.isf(q)), law.ln_sf(law.isf(q))),
        (law.ppf(q), law.cdf(law.ppf(q)), law.ln_cdf(law.ppf(q))),
    ] {
        prop_assert!(tail == 0.0 || (ln_tail - tail.ln()).abs() < 1e-9 * (1.0 + ln_tail.abs()), "at {x}");
        // Subnormal numbers have no digits to compare.
        prop_assert!(law.pdf(x) < 1e-300 || close(law.pdf(x), law.ln_pdf(x).exp(), 1e-9));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mixtures_are_consistent(law in any_mixture(), u in 1e-6..0.999_999_f64, e in 0.0..250.0_f64) {
        consistent(&law, u, e)?;
    }

    #[test]
    fn estimates_are_consistent(
        sample in prop::collection::vec(-50.0..50.0_f64, 1..40),
        h in -3.0..3.0_f64,
        u in 1e-6..0.999_999_f64,
        e in 0.0..250.0_f64,
    ) {
        consistent(&Kde::new(&sample, 10.0_f64.powf(h)).unwrap(), u, e)?;
    }

    #[test]
    fn quantiles_of_discrete_mixtures_are_the_smallest(
        rate in 1e-3..100.0_f64,
        p in 1e-3..1.0_f64,
        n in 1..200_u64,
        w in 0.01..0.99_f64,
        u in 1e-9..1.0_f64,
    ) {
        let parts = vec![part(w, Poisson::new(rate).unwrap()), part(1.0 - w, Binomial::new(n, p).unwrap())];
        let law = Mixture::new(parts).unwrap();
        let k = law.ppf(u);
        prop_assert!(k.fract() == 0.0 && law.cdf(k) >= u && (k == 0.0 || law.cdf(k - 1.0) < u), "{k}");
        let k = law.isf(u);
        prop_assert!(k.fract() == 0.0 && law.sf(k) <= u && (k == 0.0 || law.sf(k - 1.0) > u), "{k}");
        // A cdf that rounds to 1 has the end of the support for its quantile.
        prop_assert!(law.cdf(k) == 1.0 || law.ppf(law.cdf(k)) == k);
    }

    #[test]
    fn quantiles_of_a_sample_invert_its_cdf_exactly(
        sample in prop::collection::vec((-40..40_i32).prop_map(|x| f64::from(x) / 4.0), 1..60),
        u in 0.0..=1.0_f64,
    ) {
        let law = Empirical::new(&sample).unwrap();
        let mut distinct = law.values().to_vec();
        distinct.dedup();
        let mass: f64 = distinct.iter().map(|&x| law.pdf(x)).sum();
        prop_assert!((mass - 1.0).abs() < 1e-13);
        for &x in &distinct {
            prop_assert_eq!(law.ppf(law.cdf(x)), x);
            prop_assert_eq!(law.isf(law.sf(x)), x);
        }
        let smallest = distinct.iter().copied().find(|&x| law.cdf(x) >= u).unwrap();
        prop_assert_eq!(law.ppf(u), smallest);
        let smallest = distinct.iter().copied().find(|&x| law.sf(x) <= u).unwrap();
        prop_assert_eq!(law.isf(u), smallest);
        let entropy: f64 = distinct.iter().map(|&x| -law.pdf(x) * law.ln_pdf(x)).sum();
        prop_assert!((law.entropy_nats() - entropy).abs() < 1e-12);
    }
}
