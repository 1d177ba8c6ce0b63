//! Distances and tests between samples against closed forms, reference values, and their own calibration.

use ganvas_prob::distance::*;
use ganvas_prob::distributions::{Normal, Uniform};
use ganvas_prob::stream::Streams;
use ganvas_prob::traits::{Quantile, Sample};
use proptest::prelude::*;

/// Whole multiples of 1/64, the same as in the script.
fn lattice(p: &[f64]) -> Vec<f64> {
    let (n, step, shift) = (p[0] as u64, p[1] as u64, p[2] as u64);
    (0..n).map(|i| ((i * step + shift) % 1009) as f64 / 64.0).collect()
}

fn kernel(name: &str) -> Kernel {
    let gaussian = Kernel::Gaussian { bandwidth: 3.0 };
    let rational = Kernel::RationalQuadratic { alpha: 0.5, length: 2.0 };
    match name {
        "gaussian" => gaussian,
        "laplacian" => Kernel::Laplacian { bandwidth: 5.0 },
        "polynomial" => Kernel::kid(3),
        "rational" => rational,
        "sum" => Kernel::Sum(vec![gaussian, rational]),
        _ => panic!("no kernel {name}"),
    }
}

#[test]
fn values_agree_with_the_references() {
    let mut failures = Vec::new();
    let mut rows = 0;
    for line in include_str!("fixtures/distances.csv").lines() {
        let fields: Vec<&str> = line.split(',').collect();
        let p: Vec<f64> = fields[1].split(';').map(|x| x.parse().unwrap()).collect();
        let expected: Vec<f64> = fields[2..].iter().map(|x| x.parse().unwrap()).collect();
        let (mut x, mut y) = (vec![], vec![]);
        if p.len() == 6 {
            (x, y) = (lattice(&p[..3]), lattice(&p[3..]));
        }
        let half = |y: &[f64]| y.iter().map(|v| v / 2.0).collect::<Vec<_>>();
        let shifted = || {
            let y: Vec<f64> = lattice(&p[3..]).iter().map(|v| v % 7.0 + p[5] / 100.0).collect();
            (lattice(&p[..3]).iter().map(|v| v % 7.0).collect::<Vec<_>>(), y)
        };
        let both = |test: TestResult| vec![test.statistic, test.p_value];
        let mut bound = 1e-10;
        let got = match fields[0] {
            "wasserstein1" => vec![wasserstein1(&x, &y).unwrap()],
            "wasserstein2" => vec![wasserstein2(&x, &y).unwrap()],
            "wasserstein1_weighted" => {
                let weights = |n: usize, m: usize| (0..n).map(|i| (1 + i % m) as f64).collect::<Vec<_>>();
                vec![wasserstein1_weighted(&x, &weights(x.len(), 5), &y, &weights(y.len(), 3)).unwrap()]
            }
            "energy" => vec![energy_distance(&x, &y, 1).unwrap()],
            "energy_v" => vec![energy_distance(&x, &half(&y), 3).unwrap()],
            "energy_u" => vec![energy_distance_unbiased(&x, &half(&y), 3).unwrap()],
            "median_distance" => vec![median_distance(&x, &half(&y), 3).unwrap()],
            "ks_two" => both(kolmogorov_smirnov_two_samples(&x, &y).unwrap()),
            "ks_shifted" => {
                let (x, y) = shifted();
                both(kolmogorov_smirnov_two_samples(&x, &y).unwrap())
            }
            "ks_large" => {
                y[..400].iter_mut().for_each(|v| *v += 0.3);
                // SciPy's expansion is good to 1e-8.
                bound = 1e-7;
                both(kolmogorov_smirnov_two_samples(&x, &y).unwrap())
            }
            "ad_two" => {
                let (x, y) = shifted();
                both(anderson_darling_k_samples(&[&x, &y]).unwrap())
            }
            "ad_three" => {
                let third: Vec<f64> = x.iter().copied().chain(y.iter().map(|v| v + 1.0)).collect();
                both(anderson_darling_k_samples(&[&x, &y, &third]).unwrap())
            }
            "ks_sf" => {
                let square = p[0] * p[1] * p[1];
                // Twice the one-sided probability counts what exceeds both ways twice.
                bound = if (3.0..5.0).contains(&square) { 1e-7 } else { 1e-10 };
                vec![kolmogorov_sf(p[0] as u64, p[1])]
            }
            "ks_sf_large" => {
                bound = 1e-7;
                vec![kolmogorov_sf(p[0] as u64, p[1])]
            }
            "ad_limit" => vec![anderson_darling_limit_sf(p[0])],
            name => vec![mmd_squared(&x, &half(&y), 3, &kernel(name.strip_prefix("mmd_").unwrap())).unwrap()],
        };
        assert_eq!(got.len(), expected.len(), "{line}");
        for (a, b) in got.iter().zip(&expected) {
            let error = ((a - b) / b).abs();
            if error.is_nan() || error > bound {
                failures.push(format!("{line}: got {got:?}, error {error:e}"));
            }
        }
        rows += 1;
    }
    assert!(failures.is_empty() && rows > 100, "{} of {rows}:\n{}", failures.len(), failures.join("\n"));
}

fn normals(name: &str, step: u64, n: usize) -> Vec<f64> {
    Normal::new(0.0, 1.0).unwrap().sample_n(&mut Streams::new(61).rng(name, step), n)
}

#[test]
fn shifted_and_scaled_samples_are_as_far_as_they_were_moved() {
    let x = normals("shift", 0, 1000);
    let moved: Vec<f64> = x.iter().rev().map(|v| v - 2.5).collect();
    assert!((wasserstein1(&x, &moved).unwrap() - 2.5).abs() < 1e-13);
    assert!((wasserstein2(&x, &moved).unwrap() - 2.5).abs() < 1e-13);
    // The quantiles of N(1, 2^2) and N(-2, 5^2): W2^2 = 3^2 + 3^2, but for the tails of the midpoint rule.
    let quantiles = |mean, sd| {
        let law = Normal::new(mean, sd).unwrap();
        (0..100_000).map(|i| law.ppf((f64::from(i) + 0.5) / 1e5)).collect::<Vec<_>>()
    };
    let distance = wasserstein2(&quantiles(1.0, 2.0), &quantiles(-2.0, 5.0)).unwrap();
    assert!((distance - 18f64.sqrt()).abs() < 1e-3, "{distance}");
    // Values at the ends of f64.
    assert_eq!(wasserstein2(&[f64::MAX], &[f64::MAX / 2.0]).unwrap(), f64::MAX / 2.0);
    assert_eq!(wasserstein1(&[1.0, 1.0], &[1.0]).unwrap(), 0.0);
}

/// For N(0, 1) and N(mu, 1): 2 E|X - Y| - 2 E|X - X'|, with E|N(mu, 2)| = 2/sqrt(pi) e^(-mu^2 / 4) + mu erf(mu / 2).
#[test]
fn the_energy_distance_of_normals_is_met_within_its_spread() {
    let mu: f64 = 1.0;
    let exact = 2.0 * (2.0 / std::f64::consts::PI.sqrt() * ((-0.25 * mu * mu).exp() - 1.0) + mu * erf(0.5 * mu));
    let estimates: Vec<f64> = (0..200)
        .map(|i| {
            let y: Vec<f64> = normals("energy y", i, 60).iter().map(|v| v + mu).collect();
            energy_distance_unbiased(&normals("energy x", i, 50), &y, 1).unwrap()
        })
        .collect();
    within_four_errors(&estimates, exact);
}

/// erf from the normal cdf.
fn erf(x: f64) -> f64 {
    use ganvas_prob::traits::Cumulative;
    2.0 * Normal::new(0.0, 0.5f64.sqrt()).unwrap().cdf(x) - 1.0
}

fn within_four_errors(estimates: &[f64], exact: f64) {
    let n = estimates.len() as f64;
    let mean = estimates.iter().sum::<f64>() / n;
    let error = (estimates.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / n / (n - 1.0)).sqrt();
    assert!((mean - exact).abs() < 4.0 * error, "{mean} +- {error}, not {exact}");
}

/// For N(0, I) and N(mu, I) under a Gaussian kernel of bandwidth s: 2 (s^2 / (s^2 + 2))^(d/2) (1 - e^(-|mu|^2 / (2 (s^2 +
/// 2)))).
#[test]
fn the_squared_discrepancy_of_normals_is_unbiased() {
    let (dims, s2, shift) = (3, 4.0_f64, 0.6_f64);
    let square = 3.0 * shift * shift;
    let exact = 2.0 * (s2 / (s2 + 2.0)).powf(1.5) * (1.0 - (-0.5 * square / (s2 + 2.0)).exp());
    for (shift, exact) in [(shift, exact), (0.0, 0.0)] {
        let estimates: Vec<f64> = (0..200)
            .map(|i| {
                let y: Vec<f64> = normals("mmd y", i, 150).iter().map(|v| v + shift).collect();
                mmd_squared(&normals("mmd x", i, 90), &y, dims, &Kernel::Gaussian { bandwidth: 2.0 }).unwrap()
            })
            .collect();
        within_four_errors(&estimates, exact);
    }
}

/// Rows beyond one block must count as all others: against the sums written out.
#[test]
fn blocks_leave_no_pair_out() {
    let (x, y) = (normals("block x", 0, 5 * 300), normals("block y", 0, 5 * 270));
    let kernel = Kernel::Laplacian { bandwidth: 3.0 };
    let mean = |a: &[f64], b: &[f64], same: bool| {
        let (mut sum, mut count) = (0.0, 0.0);
        for (i, a) in a.chunks(5).enumerate() {
            for (j, b) in b.chunks(5).enumerate() {
                if !(same && i == j) {
                    sum += kernel.evaluate(a, b);
                    count += 1.0;
                }
            }
        }
        sum / count
    };
    let exact = mean(&x, &x, true) + mean(&y, &y, true) - 2.0 * mean(&x, &y, false);
    assert!((mmd_squared(&x, &y, 5, &kernel).unwrap() - exact).abs() < 1e-13);
    // The formula for the line against the one for rows, which a second column of zeros brings in.
    let flat: Vec<f64> = x.iter().flat_map(|&v| [v, 0.0]).collect();
    let other: Vec<f64> = y.iter().flat_map(|&v| [v, 0.0]).collect();
    let (line, rows) = (energy_distance(&x, &y, 1).unwrap(), energy_distance(&flat, &other, 2).unwrap());
    assert!((line - rows).abs() < 1e-12, "{line} against {rows}");
}

/// Where the null hypothesis holds, p is uniform: the test of p-values against U(0, 1) must not reject at 1e-3. `p` gives
/// the p-value of the i-th repetition.
fn uniform(p: impl Fn(u64) -> f64) -> Vec<f64> {
    let p: Vec<f64> = (0..600).map(p).collect();
    let test = kolmogorov_smirnov(&p, &Uniform::new(0.0, 1.0).unwrap()).unwrap();
    assert!(test.p_value > 1e-3, "{test:?}");
    p
}

#[test]
fn p_values_of_true_nulls_are_uniform() {
    let law = Normal::new(0.0, 1.0).unwrap();
    for n in [3, 8, 40, 400] {
        uniform(|i| kolmogorov_smirnov(&normals("ks", i, n), &law).unwrap().p_value);
        uniform(|i| anderson_darling(&normals("ad", i, n), &law).unwrap().p_value);
    }
    // Sizes without a common factor, so that steps of the statistic are fine.
    uniform(|i| kolmogorov_smirnov_two_samples(&normals("x", i, 211), &normals("y", i, 307)).unwrap().p_value);
    let k_samples = |i| {
        let samples = [normals("k x", i, 40), normals("k y", i, 60), normals("k z", i, 50)];
        anderson_darling_k_samples(&[&samples[0], &samples[1], &samples[2]]).unwrap().p_value
    };
    let p: Vec<f64> = (0..2000).map(k_samples).collect();
    for alpha in [0.01, 0.05, 0.2] {
        let share = p.iter().filter(|&&p| p <= alpha).count() as f64 / 2000.0;
        let error = (alpha * (1.0 - alpha) / 2000.0_f64).sqrt();
        assert!((share - alpha).abs() < 4.0 * error, "{share} at {alpha}");
    }
}

#[test]
fn false_nulls_are_found() {
    let wide = Normal::new(0.0, 1.5).unwrap();
    let x = normals("power", 0, 1000);
    let y: Vec<f64> = normals("power", 1, 800).iter().map(|v| 1.3 * v + 0.2).collect();
    assert!(kolmogorov_smirnov(&x, &wide).unwrap().p_value < 1e-6);
    assert!(anderson_darling(&x, &wide).unwrap().p_value < 1e-6);
    assert!(kolmogorov_smirnov_two_samples(&x, &y).unwrap().p_value < 1e-3);
    assert_eq!(anderson_darling_k_samples(&[&x, &y]).unwrap().p_value, 0.001);
    let outside = anderson_darling(&[0.5, 1.5], &Uniform::new(0.0, 1.0).unwrap()).unwrap();
    assert_eq!((outside.statistic, outside.p_value), (f64::INFINITY, 0.0));
}

/// All 252 orders of five and five values, counted.
#[test]
fn small_two_sample_p_values_are_shares_of_all_orders() {
    let orders = (0u32..1 << 10).filter(|bits| bits.count_ones() == 5);
    let statistic = |bits: u32| {
        let (mut high, mut most) = (0i32, 0);
        for i in 0..10 {
            high += if bits >> i & 1 == 1 { 1 } else { -1 };
            most = most.max(high.abs());
        }
        most
    };
    let all: Vec<i32> = orders.map(statistic).collect();
    for (shift, distance) in [(0.5, 1), (1.5, 2), (2.5, 3), (4.5, 5)] {
        let x: Vec<f64> = (0..5).map(f64::from).collect();
        let y: Vec<f64> = x.iter().map(|v| v + shift).collect();
        let test = kolmogorov_smirnov_two_samples(&x, &y).unwrap();
        assert_eq!(test.statistic, f64::from(distance) / 5.0);
        let share = all.iter().filter(|&&d| d >= distance).count() as f64 / 252.0;
        assert!((test.p_value - share).abs() < 1e-14, "{test:?}, not {share}");
    }
}

#[test]
fn samples_that_cannot_be_compared_are_refused() {
    let law = Uniform::new(0.0, 1.0).unwrap();
    let empty = DistanceError::TooFew { sample: 1, needed: 1, count: 0 };
    assert_eq!(wasserstein1(&[1.0], &[]), Err(empty.clone()));
    assert_eq!(kolmogorov_smirnov_two_samples(&[1.0], &[]), Err(empty));
    let nan = wasserstein2(&[1.0, f64::INFINITY], &[0.0]);
    assert_eq!(nan, Err(DistanceError::NotFinite { sample: 0, index: 1, value: f64::INFINITY }));
    assert_eq!(energy_distance(&[1.0; 6], &[1.0; 3], 2), Err(DistanceError::Rows { sample: 1, dims: 2, len: 3 }));
    assert!(energy_distance(&[1.0], &[1.0], 0).is_err());
    assert!(energy_distance_unbiased(&[1.0], &[1.0, 2.0], 1).is_err());
    assert!(matches!(
        wasserstein1_weighted(&[1.0], &[-1.0], &[0.0], &[1.0]),
        Err(DistanceError::Weights { sample: 0, .. })
    ));
    assert!(wasserstein1_weighted(&[1.0], &[1.0], &[0.0], &[1.0, 1.0]).is_err());
    for bandwidth in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let kernel = Kernel::Sum(vec![Kernel::kid(1), Kernel::Gaussian { bandwidth }]);
        let error = mmd_squared(&[0.0, 1.0], &[0.0, 1.0], 1, &kernel).unwrap_err();
        assert!(matches!(error, DistanceError::Parameter { name: "bandwidth", .. }));
    }
    assert!(mmd_squared(&[0.0, 1.0], &[0.0, 1.0], 1, &Kernel::Sum(vec![])).is_err());
    assert_eq!(median_distance(&[2.0; 3], &[2.0], 1), Err(DistanceError::NoSpread { value: 2.0 }));
    assert!(anderson_darling(&[], &law).is_err() && kolmogorov_smirnov(&[f64::NAN], &law).is_err());
    assert_eq!(anderson_darling_k_samples(&[&[1.0]]), Err(DistanceError::Samples { count: 1 }));
    assert!(anderson_darling_k_samples(&[&[1.0; 4], &[1.0]]).is_err());
    assert!(kolmogorov_sf(0, 0.5).is_nan() && kolmogorov_sf(5, f64::NAN).is_nan());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn distances_are_symmetric_and_scale(
        x in prop::collection::vec(-50.0..50.0_f64, 2..30),
        y in prop::collection::vec(-50.0..50.0_f64, 2..30),
    ) {
        let twice = |x: &[f64]| x.iter().map(|v| 2.0 * v + 7.0).collect::<Vec<_>>();
        let energy: fn(&[f64], &[f64]) -> Result<f64, DistanceError> = |x, y| energy_distance(x, y, 1);
        for distance in [wasserstein1, wasserstein2, energy] {
            let d = distance(&x, &y).unwrap();
            prop_assert!((distance(&y, &x).unwrap() - d).abs() < 1e-12 * (1.0 + d));
            prop_assert!((distance(&twice(&x), &twice(&y)).unwrap() - 2.0 * d).abs() < 1e-11 * (1.0 + d));
            prop_assert!(distance(&x, &x).unwrap() == 0.0);
        }
        prop_assert!(wasserstein1(&x, &y).unwrap() <= wasserstein2(&x, &y).unwrap() * (1.0 + 1e-12));
        let test = kolmogorov_smirnov_two_samples(&x, &y).unwrap();
        let other = kolmogorov_smirnov_two_samples(&y, &x).unwrap();
        prop_assert!((test.p_value - other.p_value).abs() < 1e-12);
        prop_assert_eq!(test.statistic, other.statistic);
    }

    #[test]
    fn tail_probabilities_fall(n in 1..20_000_u64, t in 0.05..3.0_f64) {
        let root = (n as f64).sqrt();
        let (p, q) = (kolmogorov_sf(n, t / root), kolmogorov_sf(n, (t + 0.01) / root));
        prop_assert!((0.0..=1.0).contains(&q) && q <= p * (1.0 + 1e-7), "{p} then {q}");
        let (p, q) = (anderson_darling_limit_sf(t), anderson_darling_limit_sf(t + 0.01));
        prop_assert!(q <= p && p <= 1.0);
    }
}
