use super::*;
use ganvas_prob::stream::{Streams, normals, uniforms};

/// All combinations of factors with these counts, each `times` times; the last factor changes fastest.
fn grid(counts: &[usize], times: usize) -> Factors {
    let n: usize = counts.iter().product();
    let mut values = Vec::new();
    for index in (0..n).cycle().take(n * times) {
        let mut rest = n;
        values.extend(counts.iter().map(|count| {
            rest /= count;
            index / rest % count
        }));
    }
    Factors::new(counts, &values).unwrap()
}

/// Codes whose latents are these columns.
fn codes(columns: &[Vec<f32>]) -> Features {
    let n = columns[0].len();
    Features { dims: columns.len(), values: (0..n).flat_map(|i| columns.iter().map(move |of| of[i])).collect() }
}

/// A factor as a latent, between -1 and 1.
fn as_latent(factors: &Factors, factor: usize) -> Vec<f32> {
    let last = (factors.counts()[factor] - 1) as f32;
    factors.column(factor).iter().map(|&value| 2.0 * value as f32 / last - 1.0).collect()
}

fn noise(seed: u64, n: usize, latents: usize) -> Features {
    Features { dims: latents, values: normals(&mut Streams::new(seed).rng("noise", 0), n * latents) }
}

/// Two factors of six values, each with an even error of a fifth of a step, turned by so many degrees.
fn turned(degrees: f32) -> (Factors, Features) {
    let factors = grid(&[6, 6], 200);
    let n = factors.len();
    let error = uniforms(&mut Streams::new(9).rng("error", 0), 2 * n);
    let axis = |f: usize| {
        as_latent(&factors, f).iter().enumerate().map(|(i, x)| x + 0.08 * (error[2 * i + f] - 0.5)).collect::<Vec<_>>()
    };
    let (a, b) = (axis(0), axis(1));
    let (sin, cos) = degrees.to_radians().sin_cos();
    let along = |s: f32, t: f32| a.iter().zip(&b).map(|(a, b)| s * a + t * b).collect::<Vec<_>>();
    (factors, codes(&[along(cos, sin), along(-sin, cos)]))
}

#[test]
fn codes_that_are_the_factors_have_one() {
    let factors = grid(&[3, 4, 10, 12], 2);
    let streams = Streams::new(1);
    // In another order and scale, one turned round, and a latent that has been given up beside them.
    let scaled = |factor: usize, by: f32| as_latent(&factors, factor).iter().map(|x| by * x + 0.3).collect::<Vec<_>>();
    let given_up = vec![0.1; factors.len()];
    let codes = codes(&[scaled(2, -3.0), scaled(0, 1.0), given_up, scaled(3, 0.5), scaled(1, 2.0)]);
    let (mig, sap) = (mig(&codes, &factors).unwrap(), sap(&codes, &factors).unwrap());
    assert!((mig.mean - 1.0).abs() < 1e-12 && (sap.mean - 1.0).abs() < 1e-12, "{mig:?}, {sap:?}");
    let dci = dci(&codes, &factors, &streams).unwrap();
    assert!(dci.disentanglement > 0.99 && dci.completeness > 0.99 && dci.informativeness > 0.99, "{dci:?}");
    let found = factor_vae(&codes, &factors, &streams).unwrap();
    assert_eq!((found.score, &found.active[..]), (1.0, &[0, 1, 3, 4][..]));
    assert!(found.votes[1][0] > 2000 && found.votes[1][1..] == [0; 3] && found.votes[2] == [0; 4], "{:?}", found.votes);
}

/// In bits, of two even factors of two values: z0 = a has 1 of a, and a copy that is wrong in a quarter of the items 1 -
/// h(1/4) = 0.188722. Two thresholds tell 3/4 of the one value from 1/4 of the other.
#[test]
fn a_noisy_copy_by_hand() {
    let factors = grid(&[2, 2], 4);
    let a = as_latent(&factors, 0);
    // Each combination comes four times, four items apart: the first four items are one of each.
    let noisy: Vec<f32> = a.iter().enumerate().map(|(i, x)| if i < 4 { -x } else { *x }).collect();
    let codes = codes(&[a, noisy]);
    let (mig, sap) = (mig(&codes, &factors).unwrap(), sap(&codes, &factors).unwrap());
    assert!((mig.scores[0][1] - 0.188_722).abs() < 1e-6 && (mig.gaps[0] - 0.811_278).abs() < 1e-6, "{mig:?}");
    assert!((mig.mean - 0.811_278 / 2.0).abs() < 1e-6 && mig.gaps[1].abs() < 1e-12, "{mig:?}");
    assert_eq!((&sap.scores[..], sap.mean), (&[vec![1.0, 0.5], vec![0.0, 0.0]][..], 0.25));
}

/// Sum and difference of two even factors of two values: each of them has half a bit of each factor, and an interval
/// holds both ends or the middle of neither.
#[test]
fn sum_and_difference_have_no_gap() {
    let factors = grid(&[2, 2], 1);
    let codes = codes(&[vec![0.0, 1.0, 1.0, 2.0], vec![0.0, -1.0, 1.0, 0.0]]);
    let (mig, sap) = (mig(&codes, &factors).unwrap(), sap(&codes, &factors).unwrap());
    assert!(mig.scores.iter().flatten().all(|share| (share - 0.5).abs() < 1e-12) && mig.mean.abs() < 1e-12);
    assert!(sap.scores.iter().flatten().all(|score| (score - 0.5).abs() < 1e-12) && sap.mean.abs() < 1e-12);
}

#[test]
fn a_turn_hides_factors_from_single_latents_and_not_from_trees() {
    let streams = Streams::new(2);
    let all = |degrees: f32| {
        let (factors, codes) = turned(degrees);
        let dci = dci(&codes, &factors, &streams).unwrap();
        let vote = factor_vae(&codes, &factors, &streams).unwrap().score;
        let gaps = [mig(&codes, &factors).unwrap().mean, sap(&codes, &factors).unwrap().mean];
        (gaps, vote, dci)
    };
    let (straight, vote, found) = all(0.0);
    assert!(straight.iter().all(|gap| *gap > 0.9) && vote == 1.0, "{straight:?}, {vote}");
    assert!(found.disentanglement > 0.99 && found.completeness > 0.99 && found.informativeness > 0.99, "{found:?}");
    let (slanted, vote, between) = all(15.0);
    assert!(slanted.iter().zip(straight).all(|(s, before)| (0.1..0.9 * before).contains(s)) && vote == 1.0);
    let (turned, vote, found) = all(45.0);
    assert!(turned.iter().all(|gap| *gap < 0.05) && vote < 0.56, "{turned:?}, {vote}");
    assert!(found.disentanglement < 0.1 && found.completeness < 0.1 && found.informativeness > 0.9, "{found:?}");
    let halfway = (between.disentanglement - found.disentanglement, between.completeness - found.completeness);
    assert!(halfway.0 > 0.03 && halfway.1 > 0.03, "{halfway:?}");
}

/// Noise that drowns half of what is told, which trees fit all the same.
#[test]
fn noise_on_straight_codes_costs_information_alone() {
    let (factors, codes) = turned(0.0);
    let noise = noise(7, codes.len(), 2);
    let values = codes.values.iter().zip(&noise.values).map(|(code, noise)| code + 0.3 * noise).collect();
    let dci = dci(&Features { dims: 2, values }, &factors, &Streams::new(7)).unwrap();
    assert!(dci.informativeness < 0.6 && dci.informativeness > dci.chance + 0.2, "{dci:?}");
    assert!(dci.disentanglement > 0.99 && dci.completeness > 0.99, "{dci:?}");
}

/// The mean of Kuiper's statistic is sqrt(pi / 2) sqrt(1 / n_v + 1 / (n - n_v)). The information shown is that of chi
/// square with d = 19 (values - 1) degrees of freedom by 2 n, in nats: sqrt(2 d) / (2 n) is its standard deviation.
#[test]
fn noise_has_nothing_but_what_chance_shows() {
    let factors = grid(&[3, 4, 5], 100);
    let n = factors.len() as f64;
    let codes = noise(3, factors.len(), 10);
    let streams = Streams::new(3);
    let (mig, sap) = (mig(&codes, &factors).unwrap(), sap(&codes, &factors).unwrap());
    assert!(mig.mean < 0.003 && sap.mean < 0.03, "{} and {}", mig.mean, sap.mean);
    for (factor, count) in [3.0, 4.0, 5.0f64].into_iter().enumerate() {
        let (shown, freedom) = (2.0 * n * count.ln() * mean(&mig.scores[factor]), 19.0 * (count - 1.0));
        assert!((shown - freedom).abs() < 5.0 * (2.0 * freedom / 10.0).sqrt(), "{shown} against {freedom}");
        let expected = (std::f64::consts::FRAC_PI_2 * (count / n + 1.0 / (n - n / count))).sqrt();
        let found = mean(&sap.scores[factor]);
        assert!((found / expected - 1.0).abs() < 0.1, "{found} against {expected}");
    }
    let dci = dci(&codes, &factors, &streams).unwrap();
    assert_eq!((dci.disentanglement, dci.completeness), (0.0, 0.0), "{dci:?}");
    assert!((dci.informativeness - dci.chance).abs() < 0.05 && (dci.chance - 0.26).abs() < 0.05, "{dci:?}");
    let found = factor_vae(&codes, &factors, &streams).unwrap();
    assert!((found.score - 1.0 / 3.0).abs() < 0.1, "{}", found.score);
}

#[test]
fn doubled_latents_have_no_gap_and_half_the_completeness() {
    let factors = grid(&[4, 5], 100);
    let (a, b) = (as_latent(&factors, 0), as_latent(&factors, 1));
    let codes = codes(&[a.clone(), b.clone(), a, b]);
    let streams = Streams::new(4);
    assert!(mig(&codes, &factors).unwrap().mean.abs() < 1e-12);
    assert!(sap(&codes, &factors).unwrap().mean.abs() < 1e-12);
    // 1 - ln 2 / ln 4, and somewhat more where the trees' choice is uneven.
    let dci = dci(&codes, &factors, &streams).unwrap();
    assert!(dci.disentanglement > 0.99 && (0.5..0.6).contains(&dci.completeness), "{dci:?}");
    assert_eq!(factor_vae(&codes, &factors, &streams).unwrap().score, 1.0);
}

#[test]
fn latents_that_hardly_vary_do_not_vote() {
    let factors = grid(&[4, 5], 20);
    let small = |factor: usize, by: f32| as_latent(&factors, factor).iter().map(|x| by * x).collect::<Vec<_>>();
    let streams = Streams::new(5);
    let found = factor_vae(&codes(&[small(0, 0.02), small(1, 0.02)]), &factors, &streams).unwrap();
    assert_eq!((found.score, found.active), (0.0, vec![]));
    let found = factor_vae(&codes(&[small(0, 0.02), small(1, 1.0)]), &factors, &streams).unwrap();
    assert_eq!(found.active, [1]);
    assert!((found.score - 0.5).abs() < 0.04, "one latent votes for one of two factors: {}", found.score);
}

/// The error of the larger latent is larger than all that the other one says.
#[test]
fn variances_are_compared_by_share() {
    let (factors, mut codes) = turned(0.0);
    codes.values.iter_mut().step_by(2).for_each(|x| *x *= 100.0);
    assert_eq!(factor_vae(&codes, &factors, &Streams::new(8)).unwrap().score, 1.0);
}

/// As where an item's index is given for a factor.
#[test]
fn a_factor_of_very_many_values_is_told_to_the_last() {
    let factors = grid(&[500, 2], 20);
    let codes = codes(&[as_latent(&factors, 1), as_latent(&factors, 0)]);
    let dci = dci(&codes, &factors, &Streams::new(10)).unwrap();
    assert!(dci.informativeness > 0.99 && dci.disentanglement > 0.99, "{dci:?}");
}

#[test]
fn figures_do_not_depend_on_the_order_of_the_latents() {
    let (factors, straight) = turned(5.0);
    let swapped = codes(&[straight.column(1), straight.column(0)].map(|of| of.iter().map(|&x| x as f32).collect()));
    let streams = Streams::new(6);
    for [a, b] in [
        [&straight, &swapped].map(|codes| mig(codes, &factors).unwrap().mean),
        [&straight, &swapped].map(|codes| sap(codes, &factors).unwrap().mean),
        [&straight, &swapped].map(|codes| factor_vae(codes, &factors, &streams).unwrap().score),
        [&straight, &swapped].map(|codes| dci(codes, &factors, &streams).unwrap().informativeness),
    ] {
        assert!((a - b).abs() < 0.01, "{a} and {b}");
    }
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let factors = grid(&[2, 2], 2);
    let n = factors.len();
    let one = || noise(1, n, 1);
    assert!(matches!(mig(&one(), &factors), Err(MetricError::Axes { what: "latents", needed: 2, got: 1 })));
    assert!(matches!(sap(&one(), &factors), Err(MetricError::Axes { what: "latents", .. })));
    assert!(factor_vae(&one(), &factors, &Streams::new(1)).is_ok());
    let single = grid(&[2], 4);
    let error = dci(&noise(1, n, 2), &single, &Streams::new(1));
    assert!(matches!(error, Err(MetricError::Axes { what: "factors", needed: 2, got: 1 })));
    let error = mig(&noise(1, n + 1, 2), &factors);
    assert!(matches!(error, Err(MetricError::Labels { set: "code", labels: 8, items: 9 })));
    let constant = Factors::new(&[2, 2], &[0, 1, 1, 1]).unwrap();
    assert!(matches!(sap(&noise(1, 2, 2), &constant), Err(MetricError::ConstantFactor { factor: 1 })));
    let mut broken = noise(1, n, 2);
    broken.values[3] = f32::NAN;
    assert!(matches!(mig(&broken, &factors), Err(MetricError::NotFinite { item: 1, position: 1, .. })));
    let none = Factors::new(&[2, 2], &[]).unwrap();
    assert!(none.is_empty() && matches!(mig(&noise(1, 0, 2), &none), Err(MetricError::TooFew { .. })));
    assert!(dci(&noise(1, 2, 2), &Factors::new(&[2, 2], &[0, 0, 1, 1]).unwrap(), &Streams::new(1)).is_err());
}

#[test]
fn values_that_are_no_factors_are_refused() {
    let error = Factors::new(&[2, 3], &[0, 0, 1, 3]).unwrap_err();
    assert!(matches!(error, MetricError::FactorValue { factor: 1, item: 1, value: 3, count: 3 }), "{error}");
    assert!(matches!(Factors::new(&[2, 3], &[0; 3]), Err(MetricError::Ragged { values: 3, .. })));
    assert!(matches!(Factors::new(&[], &[0]), Err(MetricError::Ragged { .. })));
    assert!(Factors::new(&[], &[]).is_ok());
    let columns = Factors::from_columns(&[(2, &[0, 1, 1]), (4, &[3, 0, 2])]).unwrap();
    assert_eq!(columns, Factors::new(&[2, 4], &[0, 3, 1, 0, 1, 2]).unwrap());
    let error = Factors::from_columns(&[(2, &[0, 1]), (4, &[3])]);
    assert!(matches!(error, Err(MetricError::Labels { set: "factor", labels: 1, items: 2 })));
}
