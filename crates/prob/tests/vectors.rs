//! The laws over vectors against reference values, against their marginals and against their draws.

use ganvas_prob::distributions::{Dirichlet, MultivariateNormal, Normal};
use ganvas_prob::sampling::SamplingError;
use ganvas_prob::stream::Streams;
use ganvas_prob::traits::{Cumulative, Entropy, Law};
use proptest::prelude::*;

const SIGMA: [f64; 9] = [4.0, 1.2, -0.5, 1.2, 2.0, 0.3, -0.5, 0.3, 1.0];

fn numbers(list: &str) -> Vec<f64> {
    list.split(';').map(|x| x.parse().unwrap()).collect()
}

#[test]
fn values_agree_with_the_references() {
    let mut failures = Vec::new();
    let mut worst = (0.0, "");
    for line in include_str!("fixtures/vectors.csv").lines() {
        let [law, parameters, function, x, value] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let parameters: Vec<_> = parameters.split('|').map(numbers).collect();
        let (x, value) = (numbers(x), value.parse::<f64>().unwrap());
        let got = if law == "normal" {
            let law = MultivariateNormal::full(&parameters[0], &parameters[1]).unwrap();
            let given = || law.conditional(&[0], &x).unwrap();
            match function.rsplit_once('_') {
                Some(("given_mean", i)) => given().mean()[i.parse::<usize>().unwrap()],
                Some(("given_variance", i)) => {
                    let (given, i) = (given(), i.parse::<usize>().unwrap());
                    given.covariance()[i * (given.mean().len() + 1)]
                }
                _ if function == "entropy" => law.entropy_nats(),
                _ if function == "mahalanobis" => law.mahalanobis(&x),
                _ => law.ln_pdf(&x),
            }
        } else {
            let law = Dirichlet::new(&parameters[0]).unwrap();
            if function == "entropy" { law.entropy_nats() } else { law.ln_pdf(&x) }
        };
        let error = if value == 0.0 { got.abs() } else { ((got - value) / value).abs() };
        if error > worst.0 {
            worst = (error, line);
        }
        if error.is_nan() || error > 1e-10 {
            failures.push(format!("{error:.1e}: {got:e} for {line}"));
        }
    }
    println!("largest relative error: {worst:?}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Mean and standard error.
fn average(terms: &[f64]) -> (f64, f64) {
    let n = terms.len() as f64;
    let mean = terms.iter().sum::<f64>() / n;
    (mean, (terms.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / n / n).sqrt())
}

#[test]
fn entropies_and_moments_are_within_four_standard_errors_of_their_draws() {
    const N: usize = 100_000;
    let normals = [
        MultivariateNormal::full(&[1.0, -2.0, 0.5], &SIGMA).unwrap(),
        MultivariateNormal::diagonal(&[1.0, -2.0], &[0.3, 5.0]).unwrap(),
    ];
    let dirichlets = [&[0.4, 0.9, 2.0][..], &[30.0, 1.0], &[0.3, 0.3, 0.3, 0.3, 0.3], &[200.0, 1e3, 7.0]]
        .map(|alpha| Dirichlet::new(alpha).unwrap());
    let laws = normals
        .iter()
        .map(|law| (law as &dyn Law, law.entropy_nats(), law.mean().to_vec(), law.covariance()))
        .chain(dirichlets.iter().map(|law| (law as &dyn Law, law.entropy_nats(), law.mean(), law.covariance())));
    for (i, (law, entropy, mean, covariance)) in laws.enumerate() {
        let mut rng = Streams::new(47).rng("vectors", i as u64);
        let d = law.dims();
        let mut rows = vec![0.0; N * d];
        rows.chunks_exact_mut(d).for_each(|row| law.draw(&mut rng, row));
        let check = |what: &str, terms: Vec<f64>, stated: f64| {
            let (found, error) = average(&terms);
            assert!(
                (found - stated).abs() <= 4.0 * error + 1e-12,
                "{what} of {law:?}: {stated}, not {found} +- {error}"
            );
        };
        check("entropy", rows.chunks_exact(d).map(|x| -law.ln_density(x)).collect(), entropy);
        for a in 0..d {
            check("mean", rows.chunks_exact(d).map(|x| x[a]).collect(), mean[a]);
            for b in 0..=a {
                let products = rows.chunks_exact(d).map(|x| (x[a] - mean[a]) * (x[b] - mean[b])).collect();
                check("covariance", products, covariance[a * d + b]);
                assert_eq!(covariance[a * d + b], covariance[b * d + a]);
            }
        }
    }
}

/// Asserts that draws follow a law on the line: Kolmogorov and Smirnov, alpha = 0.001.
fn follows(mut draws: Vec<f64>, law: &dyn Cumulative) {
    draws.sort_by(f64::total_cmp);
    let n = draws.len() as f64;
    let distance = |(k, &x): (usize, &f64)| {
        let cdf = law.cdf(x);
        (cdf - k as f64 / n).max((k + 1) as f64 / n - cdf)
    };
    // Every 16th draw: the statistic can only miss 16/n, which is added.
    let statistic = draws.iter().enumerate().step_by(16).map(distance).fold(0.0, f64::max) + 16.0 / n;
    assert!(statistic < 1.95 / n.sqrt(), "{statistic}");
}

#[test]
fn draws_of_a_dirichlet_law_are_on_the_simplex_and_follow_their_marginals() {
    for (step, alpha) in [&[2.0, 0.5, 7.0][..], &[1.0, 1.0], &[0.2, 0.4, 3.0], &[300.0, 500.0]].iter().enumerate() {
        let law = Dirichlet::new(alpha).unwrap();
        let rows = law.sample_n(&mut Streams::new(48).rng("dirichlet", step as u64), 1_000_000);
        for x in rows.chunks_exact(alpha.len()) {
            assert!((x.iter().sum::<f64>() - 1.0).abs() < 1e-14 && x.iter().all(|x| *x >= 0.0), "{x:?}");
        }
        for i in 0..alpha.len() {
            follows(rows.iter().skip(i).step_by(alpha.len()).copied().collect(), &law.marginal(i).unwrap());
        }
    }
}

/// For small alpha nearly all mass is at a corner, which one with probability alpha_i / total.
#[test]
fn tiny_alpha_gives_corners_with_the_right_probabilities() {
    for scale in [1e-3, 1e-200] {
        let law = Dirichlet::new(&[scale, 3.0 * scale, 4.0 * scale]).unwrap();
        let n = 100_000;
        let rows = law.sample_n(&mut Streams::new(49).rng("corners", 0), n);
        let mut sums = [0.0; 3];
        for x in rows.chunks_exact(3) {
            assert!((x.iter().sum::<f64>() - 1.0).abs() < 1e-14, "{x:?}");
            sums.iter_mut().zip(x).for_each(|(sum, x)| *sum += x);
        }
        for (sum, p) in sums.iter().zip([0.125, 0.375, 0.5]) {
            let error = (p * (1.0 - p) / n as f64).sqrt();
            assert!((sum / n as f64 - p).abs() < 4.0 * error, "{sums:?}");
        }
    }
}

#[test]
fn off_the_simplex_there_is_no_density() {
    let law = Dirichlet::new(&[2.0, 1.0, 0.5]).unwrap();
    assert_eq!(law.ln_pdf(&[0.5, 0.4, 0.2]), f64::NEG_INFINITY);
    assert_eq!(law.ln_pdf(&[1.5, -0.4, -0.1]), f64::NEG_INFINITY);
    assert_eq!(law.ln_pdf(&[0.0, 0.5, 0.5]), f64::NEG_INFINITY);
    assert_eq!(law.ln_pdf(&[0.5, 0.5, 0.0]), f64::INFINITY);
    assert!(law.ln_pdf(&[0.2, 0.3, 0.5]).is_finite() && law.ln_pdf(&[0.5, 0.0, 0.5]).is_finite());
    assert!(law.ln_pdf(&[0.5, 0.5]).is_nan() && law.ln_pdf(&[f64::NAN, 0.5, 0.5]).is_nan());
}

#[test]
fn marginals_of_a_normal_law_are_normal_and_projections_of_it() {
    let law = MultivariateNormal::full(&[1.0, -2.0, 0.5], &SIGMA).unwrap();
    let marginal = law.marginal(&[2, 0]).unwrap();
    assert_eq!(marginal.mean(), [0.5, 1.0]);
    let expected = [1.0, -0.5, -0.5, 4.0];
    assert!(marginal.covariance().iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-14));
    let rows = law.sample_n(&mut Streams::new(50).rng("marginal", 0), 200_000);
    follows(rows.iter().skip(1).step_by(3).copied().collect(), &Normal::new(-2.0, 2f64.sqrt()).unwrap());
    // x^T (1, 1, 1): mean -1/2, variance the sum of all entries.
    let sums = rows.chunks_exact(3).map(|x| x.iter().sum()).collect();
    follows(sums, &Normal::new(-0.5, SIGMA.iter().sum::<f64>().sqrt()).unwrap());
}

#[test]
fn transforming_noise_is_the_mean_plus_the_factor_times_it() {
    let full = MultivariateNormal::full(&[1.0, 0.0], &[4.0, 2.0, 2.0, 10.0]).unwrap();
    assert_eq!(full.transform(&[1.0, 1.0, 0.0, 0.0]).unwrap(), [3.0, 4.0, 1.0, 0.0]);
    let diagonal = MultivariateNormal::diagonal(&[1.0, 0.0], &[2.0, 3.0]).unwrap();
    assert_eq!(diagonal.transform(&[1.0, -1.0]).unwrap(), [3.0, -3.0]);
    assert!(full.transform(&[1.0]).is_err());
    // The draws of both forms from one stream are those of the same noise.
    let same = MultivariateNormal::full(&[1.0, 0.0], &[4.0, 0.0, 0.0, 9.0]).unwrap();
    let draw = |law: &MultivariateNormal| law.sample(&mut Streams::new(51).rng("form", 0));
    assert_eq!(draw(&diagonal), draw(&same));
}

#[test]
fn what_is_no_parameter_is_refused_and_named() {
    use SamplingError::*;
    let full = |mean: &[f64], covariance: &[f64]| MultivariateNormal::full(mean, covariance).unwrap_err();
    assert!(matches!(full(&[0.0], &[1.0, 2.0]), Length { expected: 1, got: 2, .. }));
    assert!(matches!(full(&[f64::NAN], &[1.0]), Parameter { name: "mean", .. }));
    assert!(matches!(full(&[0.0], &[f64::INFINITY]), Parameter { name: "covariance", .. }));
    assert_eq!(full(&[0.0; 2], &[1.0, 0.5, 0.0, 1.0]), NotSymmetric { row: 1, column: 0 });
    assert_eq!(full(&[0.0; 2], &[1.0, 2.0, 2.0, 1.0]), NotPositiveDefinite { dims: 2 });
    let diagonal = |mean: &[f64], sd: &[f64]| MultivariateNormal::diagonal(mean, sd).unwrap_err();
    assert!(matches!(diagonal(&[0.0], &[]), Length { name: "sd", expected: 1, got: 0 }));
    assert!(matches!(diagonal(&[0.0], &[0.0]), Parameter { name: "sd", .. }));
    let law = MultivariateNormal::diagonal(&[0.0; 2], &[1.0; 2]).unwrap();
    assert!(law.marginal(&[2]).is_err() && law.marginal(&[0, 0]).is_err());
    assert!(law.conditional(&[0], &[]).is_err() && law.conditional(&[0], &[f64::NAN]).is_err());
    assert!(law.ln_pdf(&[0.0]).is_nan() && law.mahalanobis(&[0.0; 3]).is_nan());
    for alpha in
        [&[1.0][..], &[], &[1.0, 0.0], &[1.0, f64::NAN], &[1.0, f64::INFINITY], &[1e308, 1e308], &[1.0, 1e-310]]
    {
        let error = Dirichlet::new(alpha).unwrap_err();
        assert!(error.to_string().contains("of Dirichlet must be"), "{error}");
    }
    assert!(Dirichlet::new(&[1.0, 1.0]).unwrap().marginal(2).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// p(x) = p(x_b) p(x_a | x_b), for any parts a and b.
    #[test]
    fn a_normal_law_is_the_product_of_a_marginal_and_a_conditional(
        entries in prop::array::uniform16(-2.0..2.0_f64),
        mean in prop::array::uniform4(-3.0..3.0_f64),
        x in prop::array::uniform4(-3.0..3.0_f64),
        part in 1..15_usize,
    ) {
        // A A^T + 1/10.
        let covariance: Vec<f64> = (0..16)
            .map(|k| {
                let (i, j) = (k / 4, k % 4);
                let sum: f64 = (0..4).map(|m| entries[4 * i + m] * entries[4 * j + m]).sum();
                sum + if i == j { 0.1 } else { 0.0 }
            })
            .collect();
        let law = MultivariateNormal::full(&mean, &covariance).unwrap();
        let (mut given, others): (Vec<usize>, Vec<usize>) = (0..4).partition(|i| part >> i & 1 == 1);
        given.reverse();
        let at = |indices: &[usize]| indices.iter().map(|&i| x[i]).collect::<Vec<f64>>();
        let product = law.marginal(&given).unwrap().ln_pdf(&at(&given))
            + law.conditional(&given, &at(&given)).unwrap().ln_pdf(&at(&others));
        let whole = law.ln_pdf(&x);
        prop_assert!((product - whole).abs() < 1e-9 * (1.0 + whole.abs()), "{product}, not {whole}");
    }
}

/// A seed repeats a run: a change of these is a breaking one. The last digits may differ where the platform's elementary
/// functions do.
#[test]
fn draws_are_the_pinned_ones() {
    let normal = MultivariateNormal::full(&[1.0, -2.0], &[4.0, 1.2, 1.2, 0.5]).unwrap();
    let dirichlet = Dirichlet::new(&[0.3, 2.0, 5.0]).unwrap();
    let mut rng = Streams::new(46).rng("pinned", 0);
    let draws = [normal.sample(&mut rng), dirichlet.sample(&mut rng)];
    let pinned: [&[f64]; 2] =
        [&[-1.175008833614657, -3.3640597791392133], &[0.12793514260740751, 0.26286808321501354, 0.609196774177579]];
    for (draw, pinned) in draws.iter().zip(pinned) {
        assert!(draw.iter().zip(pinned).all(|(x, y)| (x - y).abs() <= 1e-13 * y.abs()), "{draws:?}");
    }
}
