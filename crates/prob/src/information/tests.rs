use super::*;
use crate::stream::Streams;
use crate::{sampling::AliasTable, traits::Sample};
use proptest::prelude::*;
use std::f64::consts::LN_2;

fn close(a: f64, b: f64) {
    assert!((a - b).abs() <= 1e-14 * b.abs().max(1.0), "{a} against {b}");
}

#[test]
fn measures_of_two_coins_meet_their_closed_forms() {
    let (p, q) = ([0.5, 0.5], [0.25, 0.75]);
    close(entropy_nats(&p).unwrap(), LN_2);
    close(cross_entropy_bits(&p, &q).unwrap(), 0.5 * 2.0 + 0.5 * (4.0f64 / 3.0).log2());
    close(kl_nats(&p, &q).unwrap(), 0.5 * (4.0f64 / 3.0).ln());
    close(kl_bits(&q, &p).unwrap(), 0.25 * 0.5f64.log2() + 0.75 * 1.5f64.log2());
    close(total_variation(&p, &q).unwrap(), 0.25);
    close(hellinger(&p, &q).unwrap(), (1.0 - 0.125f64.sqrt() - 0.375f64.sqrt()).sqrt());
    close(chi_square(&p, &q).unwrap(), 0.0625 / 0.25 + 0.0625 / 0.75);
    // m = (3/4, 1/4).
    let js = 0.5 * (4.0f64 / 3.0).ln() + 0.25 * (2.0f64 / 3.0).ln() + 0.25 * LN_2;
    close(js_nats(&[1.0, 0.0], &p).unwrap(), js);
    close(js_bits(&p, &[1.0, 0.0]).unwrap() * LN_2, js);
    // Order 2 is ln(1 + chi-square), order 1/2 is -2 ln(1 - Hellinger^2).
    close(renyi_divergence_nats(&p, &q, 2.0).unwrap(), chi_square(&p, &q).unwrap().ln_1p());
    let affinity = 1.0 - hellinger(&p, &q).unwrap().powi(2);
    close(renyi_divergence_nats(&p, &q, 0.5).unwrap(), -2.0 * affinity.ln());
    close(renyi_divergence_bits(&p, &q, f64::INFINITY).unwrap(), 1.0);
    close(renyi_entropy_bits(&q, 2.0).unwrap(), -(0.0625f64 + 0.5625).log2());
    close(renyi_entropy_bits(&[0.5, 0.5, 0.0], 0.0).unwrap(), 1.0);
    close(renyi_entropy_bits(&q, f64::INFINITY).unwrap(), -(0.75f64.log2()));
}

#[test]
fn the_support_decides_what_is_infinite() {
    let (p, q) = ([0.5, 0.5, 0.0], [1.0, 0.0, 0.0]);
    for infinite in [kl_nats, cross_entropy_bits, chi_square] {
        assert_eq!(infinite(&p, &q), Ok(f64::INFINITY));
    }
    assert_eq!(renyi_divergence_nats(&p, &q, 2.0), Ok(f64::INFINITY));
    close(kl_bits(&q, &p).unwrap(), 1.0);
    close(renyi_divergence_bits(&q, &p, 0.0).unwrap(), 1.0);
    let disjoint = ([1.0, 0.0], [0.0, 1.0]);
    assert_eq!(js_nats(&disjoint.0, &disjoint.1), Ok(LN_2));
    assert_eq!(total_variation(&disjoint.0, &disjoint.1), Ok(1.0));
    assert_eq!(hellinger(&disjoint.0, &disjoint.1), Ok(1.0));
    assert_eq!(renyi_divergence_nats(&disjoint.0, &disjoint.1, 0.5), Ok(f64::INFINITY));
    assert_eq!(surprisal_nats(0.0), Ok(f64::INFINITY));
    assert!(entropy_nats(&[1.0, 0.0]).is_ok_and(|h| h == 0.0 && h.is_sign_positive()));
}

/// KL(p || p + d) = sum d^2 / (2 p) to second order: differences of 1e-9 have squares of 1e-18, which p ln(p / q)
/// alone would lose.
#[test]
fn distributions_close_to_each_other_lose_no_digits() {
    let d = 1e-9;
    let kl = kl_nats(&[0.25, 0.75], &[0.25 + d, 0.75 - d]).unwrap();
    assert!((kl / (d * d / 2.0 * (4.0 + 4.0 / 3.0)) - 1.0).abs() < 1e-6, "{kl:e}");
}

#[test]
fn the_mean_log_ratio_of_draws_is_the_kl() {
    let (p, q) = ([0.5, 0.2, 0.2, 0.1], [0.1, 0.4, 0.3, 0.2]);
    let draws = AliasTable::new(&p).unwrap().sample_n(&mut Streams::new(1).rng("kl", 0), 100_000);
    let terms: Vec<f64> = draws.iter().map(|&x| (p[x as usize] / q[x as usize]).ln()).collect();
    let mean = terms.iter().sum::<f64>() / 1e5;
    let error = (terms.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / 1e10).sqrt();
    assert!((mean - kl_nats(&p, &q).unwrap()).abs() < 4.0 * error);
}

#[test]
fn what_is_no_distribution_is_refused_with_its_place() {
    assert_eq!(entropy_bits(&[0.5, -0.1, 0.6]), Err(InformationError::Probability { index: 1, value: -0.1 }));
    assert!(matches!(entropy_bits(&[f64::NAN]), Err(InformationError::Probability { index: 0, .. })));
    assert_eq!(entropy_bits(&[]), Err(InformationError::Sum { count: 0, sum: 0.0 }));
    assert_eq!(entropy_bits(&[0.5, 0.25]), Err(InformationError::Sum { count: 2, sum: 0.75 }));
    assert_eq!(kl_nats(&[1.0], &[0.5, 0.5]), Err(InformationError::Lengths { left: 1, right: 2 }));
    assert_eq!(renyi_entropy_nats(&[1.0], -1.0), Err(InformationError::Order { order: -1.0 }));
    assert!(surprisal_bits(1.5).is_err() && huffman(&[0.5]).is_err());
}

#[test]
fn texts_that_the_code_cannot_have_made_are_refused() {
    let code = huffman(&[0.5, 0.25, 0.25, 0.0]).unwrap();
    assert_eq!(code.encode(&[0, 3]), Err(InformationError::Symbol { symbol: 3, position: 1 }));
    assert_eq!(code.decode("01"), Err(InformationError::Bits { position: 1 }));
    assert_eq!(code.decode("0x"), Err(InformationError::Bits { position: 1 }));
    assert_eq!(huffman(&[0.0, 1.0]).unwrap().word(1), Some(""));
}

fn weights(n: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<f64>> {
    let weight = prop_oneof![4 => 0.0f64..1.0, 1 => Just(0.0), 1 => (-300.0f64..0.0).prop_map(|e| 10f64.powf(e))];
    prop::collection::vec(weight, n).prop_filter_map("no mass", |w| {
        let sum: f64 = w.iter().sum();
        (sum > 1e-3).then(|| w.iter().map(|x| x / sum).collect())
    })
}

fn two() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    (1usize..30).prop_flat_map(|n| (weights(n), weights(n)))
}

proptest! {
    #[test]
    fn divergences_keep_their_bounds((p, q) in two()) {
        let kl = kl_nats(&p, &q).unwrap();
        prop_assert!(kl >= 0.0);
        prop_assert_eq!(kl_nats(&p, &p).unwrap(), 0.0);
        let js = js_nats(&p, &q).unwrap();
        prop_assert!((0.0..=LN_2).contains(&js));
        prop_assert!((js - js_nats(&q, &p).unwrap()).abs() < 1e-15);
        // Pinsker 1960, and Hellinger^2 <= TV <= sqrt(2) Hellinger.
        let (tv, h) = (total_variation(&p, &q).unwrap(), hellinger(&p, &q).unwrap());
        prop_assert!(2.0 * tv * tv <= kl + 1e-14);
        prop_assert!(h * h <= tv + 1e-14 && tv <= 2f64.sqrt() * h + 1e-14);
        // KL <= ln(1 + chi-square), and the Renyi divergence grows with its order.
        prop_assert!(kl <= chi_square(&p, &q).unwrap().ln_1p() * (1.0 + 1e-12) + 1e-12);
        let orders = [0.0, 0.3, 0.9, 1.0, 1.5, 4.0, f64::INFINITY];
        let renyi: Vec<f64> = orders.iter().map(|&a| renyi_divergence_nats(&p, &q, a).unwrap()).collect();
        prop_assert!(renyi.windows(2).all(|pair| pair[0] <= pair[1] * (1.0 + 1e-12) + 1e-12), "{renyi:?}");
    }

    #[test]
    fn cross_entropy_is_entropy_plus_kl_and_entropy_at_most_log_n((p, q) in two()) {
        let (h, cross) = (entropy_nats(&p).unwrap(), cross_entropy_nats(&p, &q).unwrap());
        let sum = h + kl_nats(&p, &q).unwrap();
        prop_assert!(cross == sum || (cross - sum).abs() < 1e-12 * cross.max(1.0), "{cross} against {sum}");
        prop_assert!(h >= 0.0 && h <= (p.len() as f64).ln() + 1e-14);
        prop_assert!((entropy_bits(&p).unwrap() * LN_2 - h).abs() < 1e-14);
    }

    #[test]
    fn huffman_wastes_less_than_a_bit_and_no_word(w in prop::collection::vec(0.01f64..1.0, 2..40), zero in 0usize..80) {
        let mut w = w;
        if zero < w.len() {
            w[zero] = 0.0;
        }
        let sum: f64 = w.iter().sum();
        let p: Vec<f64> = w.iter().map(|x| x / sum).collect();
        let code = huffman(&p).unwrap();
        prop_assert_eq!(code.kraft_sum(), 1.0);
        let (length, entropy) = (code.mean_length_bits(), code.entropy_bits());
        prop_assert!(length >= entropy - 1e-12 && length < entropy + 1.0);
        for (i, a) in (0..p.len()).filter_map(|i| Some((i, code.word(i)?))) {
            prop_assert!((0..p.len()).all(|j| j == i || !code.word(j).is_some_and(|b| b.starts_with(a))));
        }
        let text: Vec<usize> = (0..p.len()).rev().filter(|&i| p[i] > 0.0).collect();
        if text.len() > 1 {
            prop_assert_eq!(code.decode(&code.encode(&text).unwrap()).unwrap(), text);
        }
    }
}
