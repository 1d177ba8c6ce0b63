//! The fuzz targets on inputs of any bytes, bounded: `fuzz/` runs the same functions without an end.

#[path = "../../../fuzz/prob.rs"]
mod targets;

use proptest::prelude::*;

/// Texts made of what the parsers know.
fn text() -> impl Strategy<Value = String> {
    const PARTS: [&str; 40] = [
        "x",
        "exp",
        "ln",
        "sqrt",
        "max",
        "min",
        "(",
        ")",
        ",",
        "+",
        "-",
        "*",
        "/",
        "^",
        "1",
        "2.5",
        "1e",
        "e-3",
        ".",
        "pi",
        "inf",
        "nan",
        "normal",
        "gamma",
        "poisson",
        "binomial",
        "discrete",
        "categorical",
        "t",
        "mean",
        "sd",
        "=",
        ":",
        "|",
        " ",
        "\u{3c0}",
        "\u{130}",
        "\u{2003}",
        "\n",
        "1e300",
    ];
    prop::collection::vec(prop::sample::select(PARTS.to_vec()), 0..30).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn constructors_and_laws_take_any_number(bytes in prop::collection::vec(any::<u8>(), 1..65)) {
        targets::constructors(&bytes);
    }

    #[test]
    fn parsers_take_any_text(text in text()) {
        targets::expression(text.as_bytes());
    }

    #[test]
    fn parsers_take_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        targets::expression(&bytes);
    }
}

/// What fuzzing found: hangs, values that are no numbers, quantiles of what is no probability.
mod found {
    use ganvas_prob::distributions::*;
    use ganvas_prob::traits::*;

    #[test]
    fn a_tiny_negative_number_is_no_probability() {
        let counts: [Box<dyn Univariate>; 3] = [
            Box::new(Poisson::new(0.5).unwrap()),
            Box::new(Binomial::new(1000, 0.044).unwrap()),
            Box::new(Geometric::new(1.0).unwrap()),
        ];
        for law in counts {
            assert!(law.isf(-1e-259).is_nan() && law.ppf(-1e-259).is_nan(), "{law:?}");
        }
    }

    #[test]
    fn densities_vanish_where_their_argument_overflows() {
        assert_eq!(Weibull::new(1e100, 5e-324).unwrap().pdf(0.1), 0.0);
        assert_eq!(Weibull::new(5e-324, 1e10).unwrap().pdf(0.0), f64::INFINITY);
        assert_eq!(Gamma::new(0.9, 5e-324).unwrap().pdf(0.3), 0.0);
    }

    /// Beside a huge parameter the beta law is that of -ln(1 - X): exponential for alpha = 1, and Student's t is normal.
    #[test]
    fn beta_laws_with_a_huge_parameter_are_their_limits() {
        for b in [2e9, 1e12, 1e200] {
            let (law, mirrored) = (Beta::new(1.0, b).unwrap(), Beta::new(b, 1.0).unwrap());
            for t in [1e-5, 0.3, 2.0, 40.0, 600.0] {
                let x = t / b;
                let sf = (b * (-x).ln_1p()).exp();
                assert!((law.sf(x) / sf - 1.0).abs() < 1e-12 && (law.cdf(x) / (1.0 - sf) - 1.0).abs() < 1e-10);
                assert!((law.isf(sf) / x - 1.0).abs() < 1e-10, "{b:e}, {t}");
            }
            assert!((mirrored.ppf(0.5).ln() * b + std::f64::consts::LN_2).abs() < 1e-15 * b + 1e-12);
        }
        let normal = Normal::new(0.0, 1.0).unwrap();
        for freedom in [1e15, 1e100, f64::MAX] {
            let law = StudentT::new(0.0, 1.0, freedom).unwrap();
            for z in [0.1, 1.0, 5.0, 37.0] {
                assert!((law.sf(z) / normal.sf(z) - 1.0).abs() < 1e-8, "{freedom:e}, {z}");
                assert!((law.isf(normal.sf(z)) / z - 1.0).abs() < 1e-10, "{freedom:e}, {z}");
            }
        }
    }

    #[test]
    fn beta_parameters_whose_sums_or_inverses_overflow_are_refused() {
        for (alpha, beta) in [(f64::MAX, 1.0), (1.0, f64::MAX), (5e-324, 1.0), (1.0, 0.0), (f64::NAN, 1.0)] {
            let error = Beta::new(alpha, beta).unwrap_err();
            assert_eq!(error.domain, "from 1e-300 to 1e300");
        }
    }
}
