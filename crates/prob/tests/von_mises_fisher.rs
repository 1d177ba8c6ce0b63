//! The von Mises-Fisher law against reference values, against the laws that it is on the circle and on the sphere, and against its
//! draws.

use ganvas_prob::distributions::{FisherAngle, VonMises, VonMisesFisher};
use ganvas_prob::stream::Streams;
use ganvas_prob::traits::{Cumulative, Density, Entropy, Law, Sample};
use std::f64::consts::PI;

/// dims, concentration k, ln of E[exp(k (cos t - 1))] under the uniform law, 1 - E[cos t], Var[cos t], KL to the uniform law, by
/// mpmath with 50 digits:
///
/// I = besseli(d/2 - 1, k); A = besseli(d/2, k) / I; M = log(gamma(d/2) * (2/k)**(d/2 - 1) * I) - k;
/// M, 1 - A, 1 - A*A - (d - 1)/k*A, k*A - k - M
#[rustfmt::skip]
const REFERENCES: [(usize, f64, f64, f64, f64, f64); 25] = [
    (2, 0.1, -0.09750156076612376, 0.9500623960120611, 0.4981301958285546, 0.0024953211649176485),
    (2, 1.0, -0.7640856414928213, 0.5536100341034655, 0.35434603245035623, 0.21047560738935586),
    (2, 10.0, -2.0570279168813044, 0.05140017404515404, 0.005298387602951359, 1.5430261764297641),
    (2, 1000.0, -4.3726911101305355, 0.0005001251251957198, 5.002503757832876e-07, 3.8725659849348157),
    (2, 20000.0, -5.870676059316478, 2.5000312515626222e-05, 1.2500312523439942e-09, 5.370669809003954),
    (3, 0.1, -0.09833388853641954, 0.9666888677460104, 0.332667723388165, 0.0016650017618185006),
    (3, 1.0, -0.8385606384288044, 0.6869647145006686, 0.27593833903368953, 0.15159592392813567),
    (3, 10.0, -2.9957322756151448, 0.09999999587769275, 0.009999991755385476, 1.995732316838217),
    (3, 1000.0, -7.600902459542082, 0.001, 1.0e-6, 6.600902459542082),
    (3, 20000.0, -10.596634733096073, 0.00005, 2.5e-9, 9.596634733096073),
    (10, 0.1, -0.09950002083134944, 0.990000833214305, 0.09997500595103576, 0.0004999375099189533),
    (10, 1.0, -0.9502063729136446, 0.9008216176002874, 0.09755820686716336, 0.04938475531335722),
    (10, 10.0, -6.147785670550905, 0.3663316083766946, 0.028162816996558402, 2.4844695867839595),
    (10, 1000.0, -26.061073667112996, 0.004492117144295849, 4.484226452284063e-06, 21.56895652281715),
    (10, 20000.0, -39.53438372687247, 0.000224980311515745, 1.1248031102367752e-08, 35.034777496557574),
    (64, 0.1, -0.09992187509247723, 0.9984375036990834, 0.015624889027838608, 7.812472256888821e-05),
    (64, 1.0, -0.9921884244918883, 0.9843786974013784, 0.015613911191959332, 0.007809727090509868),
    (64, 10.0, -9.227725796339724, 0.8472880958029169, 0.014594077874877145, 0.7548448383105558),
    (64, 1000.0, -119.41402053394394, 0.031019259690366518, 3.0538269487729297e-05, 88.39476084357742),
    (64, 20000.0, -213.32302963310966, 0.0015737990031698898, 7.862989738632882e-08, 181.84704956971186),
    (256, 0.1, -0.09998046875147856, 0.9996093750591426, 0.0039062482257230906, 1.9531245564306987e-05),
    (256, 1.0, -0.9980468897853522, 0.9960938091408162, 0.0039060725811053453, 0.001953080644535927),
    (256, 10.0, -9.804835061122825, 0.9609964655418191, 0.003888595616156042, 0.1948704057046334),
    (256, 1000.0, -310.13218846119076, 0.11945993440872127, 0.00011147616273047665, 190.6722540524695),
    (256, 20000.0, -684.4336888030579, 0.006354838257645769, 3.167337956831202e-07, 557.3369236501425),
];

const CASES: [(usize, f64); 12] = [
    (2, 1.0),
    (2, 10.0),
    (2, 1000.0),
    (3, 1.0),
    (3, 10.0),
    (3, 1000.0),
    (10, 1.0),
    (10, 10.0),
    (10, 1000.0),
    (64, 1.0),
    (64, 10.0),
    (64, 1000.0),
];

fn angle((dims, concentration): (usize, f64)) -> FisherAngle {
    FisherAngle::new(dims, concentration).unwrap()
}

/// Mean and standard error.
fn average(terms: &[f64]) -> (f64, f64) {
    let n = terms.len() as f64;
    let mean = terms.iter().sum::<f64>() / n;
    (mean, (terms.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / n / n).sqrt())
}

#[test]
fn bessel_functions_of_real_order_give_the_same_values() {
    for (dims, k, ln_normaliser, fall, variance, kl) in REFERENCES {
        let law = angle((dims, k));
        let found = [law.ln_normaliser(), law.fall(), law.cosine_variance(), law.kl_to_uniform()];
        // Logarithms of gamma functions up to 500 are rounded to 1e-13.
        for ((found, expected), rounding) in
            found.into_iter().zip([ln_normaliser, fall, variance, kl]).zip([1e-12, 0.0, 0.0, 1e-12])
        {
            let error = (found - expected).abs();
            assert!(error < 1e-11 * expected.abs() + rounding, "{dims}, {k}: {found:e} for {expected:e}, {error:e}");
        }
    }
}

#[test]
fn a_density_integrates_to_one_over_the_sphere() {
    // Area of the sphere of R^(d-1): 2, 2 pi, 32 pi^4 / 105.
    for (dims, area) in [(2, 2.0), (3, 2.0 * PI), (10, 32.0 * PI.powi(4) / 105.0)] {
        for k in [0.0, 1.0, 10.0, 1000.0] {
            let mut pole = vec![0.0; dims];
            pole[0] = 3.0;
            let law = VonMisesFisher::new(&pole, k).unwrap();
            let steps = 20_000;
            let at = |i: usize| {
                let t = PI * (i as f64 + 0.5) / steps as f64;
                let mut x = vec![0.0; dims];
                (x[0], x[dims - 1]) = (t.cos(), t.sin());
                (law.ln_pdf(&x).exp(), area * t.sin().powi(dims as i32 - 2), law.angle().pdf(t))
            };
            let all: f64 = (0..steps).map(at).map(|(p, ring, _)| p * ring * PI / steps as f64).sum();
            assert!((all - 1.0).abs() < 1e-5, "{dims}, {k}: {all}");
            assert!((0..steps).map(at).all(|(p, ring, angle)| (p * ring - angle).abs() < 1e-9 * (1.0 + angle)));
        }
    }
}

#[test]
fn on_the_circle_it_is_the_law_of_von_mises() {
    for k in [0.0, 1e-3, 1.0, 30.0, 1e4, 1e8] {
        let (law, circle) = (angle((2, k)), VonMises::new(0.0, k).unwrap());
        assert!((law.resultant() - circle.resultant()).abs() < 1e-13, "{k}");
        for t in [0.1, 1.0, 3.0].map(|t| t / (1.0 + k.sqrt())) {
            assert!((law.ln_pdf(t) - circle.ln_pdf(t) - 2f64.ln()).abs() < 1e-12, "{k}, {t}");
            assert!((law.sf(t) / (2.0 * circle.sf(t)) - 1.0).abs() < 1e-11, "{k}, {t}");
            assert!((law.cdf(t) - (1.0 - 2.0 * circle.sf(t))).abs() < 1e-13, "{k}, {t}");
        }
    }
}

/// P(W < w) = (e^(k w) - e^-k) / (e^k - e^-k) for w = cos t in R^3.
fn cosine_below(k: f64, w: f64) -> f64 {
    ((k * (w - 1.0)).exp() - (-2.0 * k).exp()) / (1.0 - (-2.0 * k).exp())
}

/// Kolmogorov and Smirnov, alpha = 0.001, of a million draws of the angle. In R^3 the law of its cosine has a closed form.
#[test]
fn draws_pass_kolmogorov_and_smirnov_at_one_in_a_thousand() {
    let cases = [(2, 1.0), (2, 1000.0), (3, 0.5), (3, 200.0), (10, 10.0), (64, 1000.0)];
    for (step, case) in cases.into_iter().enumerate() {
        let law = angle(case);
        let mut draws = law.sample_n(&mut Streams::new(61).rng("fisher", step as u64), 1_000_000);
        draws.sort_by(f64::total_cmp);
        let n = draws.len() as f64;
        let distance = |(i, &t): (usize, &f64)| {
            let cdf = if case.0 == 3 { 1.0 - cosine_below(case.1, t.cos()) } else { law.cdf(t) };
            (cdf - i as f64 / n).max((i + 1) as f64 / n - cdf)
        };
        // Every 16th draw: the statistic can only miss 16/n, which is added.
        let statistic = draws.iter().enumerate().step_by(16).map(distance).fold(0.0, f64::max) + 16.0 / n;
        assert!(statistic < 1.95 / n.sqrt(), "{case:?}: {statistic}");
    }
}

/// Within four standard errors of 20,000 draws: the mean of ln q(x) - ln u(x) is the divergence, that of the draws the resultant
/// times the mean direction.
#[test]
fn divergence_entropy_and_mean_are_those_of_draws() {
    for (step, (dims, k)) in CASES.into_iter().enumerate() {
        let mean: Vec<f64> = (0..dims).map(|i| (1.0 + i as f64).cos()).collect();
        let law = VonMisesFisher::new(&mean, k).unwrap();
        let uniform = VonMisesFisher::new(&mean, 0.0).unwrap();
        let mut rng = Streams::new(62).rng("fisher", step as u64);
        let mut x = vec![0.0; dims];
        let (mut ratios, mut firsts) = (Vec::new(), Vec::new());
        for _ in 0..20_000 {
            law.draw(&mut rng, &mut x);
            ratios.push(law.ln_density(&x) - uniform.ln_density(&x));
            firsts.push(x[1]);
        }
        for (terms, expected) in
            [(&ratios, law.angle().kl_to_uniform()), (&firsts, law.angle().resultant() * law.mean()[1])]
        {
            let (found, error) = average(terms);
            assert!((found - expected).abs() < 4.0 * error, "{dims}, {k}: {found} +- {error} for {expected}");
        }
        let entropy = uniform.entropy_nats() - law.angle().kl_to_uniform();
        assert!((law.entropy_nats() - entropy).abs() < 1e-9);
    }
}

/// The implicit slope against central differences of the distribution function, and the mean of the cosine's slope, -sin t dt/dk,
/// against the variance of the cosine, which is the closed derivative of its mean.
#[test]
fn slopes_are_those_of_draws_at_a_fixed_probability() {
    for (step, case) in CASES.into_iter().enumerate() {
        let (dims, k) = case;
        let law = angle(case);
        let away = 1e-4 * k;
        let draws = law.sample_n(&mut Streams::new(63).rng("fisher", step as u64), 20_000);
        for &t in &draws[..20] {
            let change = angle((dims, k + away)).cdf(t) - angle((dims, k - away)).cdf(t);
            let expected = -change / (2.0 * away) / law.pdf(t);
            let found = law.slope(t);
            assert!((found - expected).abs() < 1e-6 * expected.abs() + 1e-9, "{case:?}, {t}: {found} for {expected}");
        }
        let slopes: Vec<f64> = draws.iter().map(|&t| -t.sin() * law.slope(t)).collect();
        let (found, error) = average(&slopes);
        let expected = law.cosine_variance();
        assert!((found - expected).abs() < 4.0 * error, "{case:?}: {found} +- {error} for {expected}");
    }
}

/// Derivatives by the concentration of the divergence and of the normaliser, by central differences.
#[test]
fn derivatives_of_the_closed_forms_are_closed_forms() {
    for case in CASES {
        let (dims, k) = case;
        let (law, away) = (angle(case), 1e-3 * k);
        let slope =
            |f: fn(&FisherAngle) -> f64| (f(&angle((dims, k + away))) - f(&angle((dims, k - away)))) / (2.0 * away);
        let expected = k * law.cosine_variance();
        assert!((slope(FisherAngle::kl_to_uniform) / expected - 1.0).abs() < 1e-5, "{case:?}");
        assert!((slope(FisherAngle::ln_normaliser) / -law.fall() - 1.0).abs() < 1e-5, "{case:?}");
    }
}

#[test]
fn extremes_stay_finite_and_what_cannot_be_right_is_refused() {
    for dims in [2, 3, 256, 4096] {
        for k in [0.0, 5e-324, 1e-8, 1.0, 1e8] {
            let law = angle((dims, k));
            let t = law.sample(&mut Streams::new(64).rng("fisher", 0));
            let values = [law.ln_normaliser(), law.fall(), law.cosine_variance(), law.kl_to_uniform(), law.slope(t)];
            assert!(values.iter().all(|x| x.is_finite()) && (0.0..=PI).contains(&t), "{dims}, {k}: {values:?}, {t}");
            for t in [0.0, 1e-300, 1.0, PI] {
                assert!(law.slope(t).is_finite() && (0.0..=1.0).contains(&law.cdf(t)), "{dims}, {k}, {t}");
            }
            assert!(k >= 1e-8 || law.kl_to_uniform() < 1e-11, "{dims}, {k}: {}", law.kl_to_uniform());
        }
    }
    for (dims, k) in [(0, 1.0), (1, 1.0), (4097, 1.0), (3, -1.0), (3, f64::NAN), (3, f64::INFINITY), (3, 1e9)] {
        assert!(FisherAngle::new(dims, k).is_err(), "{dims}, {k}");
    }
    for mean in [&[0.0, 0.0][..], &[1.0], &[f64::NAN, 1.0], &[f64::INFINITY, 1.0]] {
        assert!(VonMisesFisher::new(mean, 1.0).is_err(), "{mean:?}");
    }
    let law = VonMisesFisher::new(&[1.0, 0.0], 1.0).unwrap();
    assert!(law.ln_pdf(&[1.0]).is_nan() && law.ln_pdf(&[1.0, 1.0]) == f64::NEG_INFINITY);
}
