use super::*;
use proptest::prelude::*;
use std::f64::consts::{E, PI};

fn cdf(text: &str, x: f64) -> f64 {
    law(text).unwrap().univariate().map_or(f64::NAN, |law| law.cdf(x))
}

/// Problem and place of what must fail.
fn failure<T: std::fmt::Debug>(result: Result<T, TextError>) -> (String, usize) {
    let error = result.unwrap_err();
    (error.problem.to_string(), error.position)
}

#[test]
fn laws_are_read_by_position_and_by_name() {
    use crate::distributions::*;
    use crate::traits::Cumulative;
    let normal = Normal::new(1.0, 2.0).unwrap().cdf(1.5);
    for text in ["normal(1,2)", " Gaussian ( sd=2 , mean = 1 ) ", "NORMAL(1, sd=2)", "normal(2/2, 4/2)"] {
        assert_eq!(cdf(text, 1.5), normal, "{text}");
    }
    let t = StudentT::new(0.0, 1.0, 3.0).unwrap().cdf(0.5);
    for text in ["t(0,1,3)", "student_t(0,1,3)", "StudentT(freedom=3, scale=1, location=0)"] {
        assert_eq!(cdf(text, 0.5), t, "{text}");
    }
    assert_eq!(cdf("gamma(shape=2, scale=1)", 3.0), Gamma::new(2.0, 1.0).unwrap().cdf(3.0));
    let truncated = TruncatedNormal::new(0.0, 1.0, f64::NEG_INFINITY, -1e-3).unwrap().cdf(-2.0);
    assert_eq!(cdf("truncatednormal(0, 1, -inf, -1e-3)", -2.0), truncated);
    assert_eq!(cdf("discrete(-1:0.2, 0:0.5, 7:0.3)", 0.0), 0.7);
    assert_eq!(cdf("categorical(1/2, 1/4, 1/4)", 1.0), 0.75);
    assert!((cdf("von_mises(-pi/2, 0)", -PI / 2.0) - 0.5).abs() < 1e-15);
    assert_eq!(cdf("binomial(20, 0.5)", 20.0), 1.0);
    let mixed = 0.25 * Normal::new(0.0, 1.0).unwrap().cdf(0.3) + 0.75 * Gamma::new(2.0, 1.0).unwrap().cdf(0.3);
    let text = "mixture(1*normal(0, 1), 3*mixture(0.5*gamma(2, 1), 0.5*gamma(2, scale=1)))";
    assert!((cdf(text, 0.3) - mixed).abs() < 1e-15);
    assert_eq!(law("dirichlet(1, 2, 3)").unwrap().dims(), 3);
    assert_eq!(law("mixture(1*dirichlet(1, 2), 1*dirichlet(2, 2))").unwrap().dims(), 2);
}

/// The debug form of a law shows which constructor ran; every listed form is read, under each of its names.
#[test]
fn every_listed_law_is_read_and_refuses_what_its_constructor_refuses() {
    for form in laws() {
        let signature = form.signature();
        let (name, parameters) = signature.split_once('(').unwrap();
        let arguments = match name {
            "categorical" => "0.5, 0.5".into(),
            "dirichlet" => "1, 2".into(),
            "mixture" => "1*normal(0, 1)".into(),
            "discrete" => "1:0.5, 2:0.5".into(),
            "truncated_normal" => "0, 1, -1, 1".into(),
            "uniform" => "0, 1".into(),
            _ => vec!["1"; parameters.split(',').count()].join(","),
        };
        for name in [form.name].iter().chain(form.aliases) {
            let made = format!("{:?}", law(&format!("{name}({arguments})")).unwrap()).to_lowercase();
            assert!(made.starts_with(&form.name.replace('_', "")), "{name}: {made}");
        }
        if ["categorical", "dirichlet", "discrete", "mixture"].contains(&name) {
            continue;
        }
        // A refused parameter is one of the listed, and the place is where it stands.
        let names: Vec<&str> = parameters.trim_end_matches(')').split(", ").collect();
        let bad = vec!["-1e300"; names.len()].join(",");
        let error = law(&format!("{name}({bad})")).unwrap_err();
        let Problem::Parameter(refused) = &error.problem else { panic!("{error}") };
        let index = names.iter().position(|name| *name == refused.parameter).unwrap();
        assert_eq!(error.position, name.len() + 1 + index * 7, "{error}");
    }
}

#[test]
fn what_is_no_law_is_an_error_with_the_place() {
    let of = |text: &str| failure(law(text));
    assert_eq!(of("gausian(0,1)"), ("there is no law `gausian`; did you mean `gaussian`?".into(), 0));
    assert_eq!(of(" zipf(2)"), ("there is no law `zipf`".into(), 1));
    assert_eq!(of(""), ("expected the name of a law".into(), 0));
    assert_eq!(of("normal"), ("expected `(` and the parameters".into(), 6));
    assert_eq!(of("normal(0, 1"), ("expected `,` or `)`".into(), 11));
    assert_eq!(of("normal(0, 1) x"), ("expected the end".into(), 13));
    assert_eq!(of("normal(0, one)"), ("expected a number".into(), 10));
    assert_eq!(of("normal(0, nan)"), ("expected a number".into(), 10));
    assert_eq!(of("normal(1e999, 1)"), ("the number is too large".into(), 7));
    assert_eq!(of("normal(0, 1, 2)"), ("the law is `normal(mean, sd)`: more than 2 parameters are given".into(), 13));
    assert_eq!(of("normal(0)"), ("the law is `normal(mean, sd)`: `sd` is missing".into(), 8));
    assert_eq!(of("normal()"), ("the law is `normal(mean, sd)`: `mean` is missing".into(), 7));
    assert_eq!(of("normal(0, var=1)"), ("the law is `normal(mean, sd)`: it has no parameter `var`".into(), 10));
    assert_eq!(of("normal(0, mean=1)"), ("the law is `normal(mean, sd)`: `mean` is given twice".into(), 10));
    let named = "the law is `normal(mean, sd)`: after a named parameter all need names";
    assert_eq!(of("normal(sd=1, 0)"), (named.into(), 13));
    assert_eq!(of("normal(ä, 1)"), ("expected a number".into(), 7));
    assert_eq!(of("normal(0, -1)"), ("`sd` of Normal must be finite and positive, got -1".into(), 10));
    assert_eq!(of("normal(inf, 1)"), ("`mean` of Normal must be finite, got inf".into(), 7));
    assert_eq!(of("binomial(2.5, 0.5)").1, 9);
    assert_eq!(of("discrete(1, 2:0.5)"), ("expected `:` and a probability".into(), 10));
    assert_eq!(of("categorical(0.5, 0.6)").1, 0);
    assert_eq!(of("mixture(1*normal(0, 1), 1*poisson(2))").1, 0);
    assert_eq!(of("mixture(0.5*normal(0, 1), 0.5*normal(0, -1))").1, 40);
    assert_eq!(of("mixture(normal(0, 1))"), ("expected a number".into(), 8));
    assert_eq!(of("mixture(1*uniform(0, 1), 1*dirichlet(1, 1))").1, 0);
    assert_eq!(of(&"mixture(1*".repeat(50)), ("the parts are nested too deeply".into(), 330));
    assert_eq!(of("normal(0/0, 1)"), ("expected another denominator".into(), 9));
    assert_eq!(of(&"(".repeat(5000)), ("the text has more than 4096 characters".into(), 4096));
}

#[test]
fn an_error_shows_the_text_and_points_at_the_place() {
    let error = law("normal\tof(1, \u{e4})").unwrap_err().to_string();
    assert_eq!(error, "expected `(` and the parameters\n  normal of(1, \u{e4})\n         ^");
    let far = format!("{}y", "1+".repeat(500));
    let error = Expression::parse(&far).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines[1].chars().nth(lines[2].chars().count() - 1), Some('y'));
    assert!(lines[1].len() < 130);
}

#[test]
fn intervals_and_lists_are_read() {
    assert_eq!(interval("0:2"), Ok((0.0, 2.0)));
    assert_eq!(interval(" -inf : inf "), Ok((f64::NEG_INFINITY, f64::INFINITY)));
    assert_eq!(interval("-1.5e-3:2pi"), Ok((-1.5e-3, 2.0 * PI)));
    assert_eq!(failure(interval("0")), ("expected `:` and the upper end".into(), 1));
    assert_eq!(failure(interval("0:")), ("expected a number".into(), 2));
    assert_eq!(failure(interval("0:1:2")), ("expected the end".into(), 3));
    assert_eq!(failure(interval("1:1")).1, 2);
    assert_eq!(failure(interval("nan:1")), ("expected a number".into(), 0));
    assert_eq!(probabilities("0.5,0.25,0.125,0.125"), Ok(vec![0.5, 0.25, 0.125, 0.125]));
    assert_eq!(probabilities("1/3, 2/3").map(|p| p[0]), Ok(1.0 / 3.0));
    assert_eq!(failure(probabilities("0.5,1.5")), ("probability 1 is 1.5: it must lie in [0, 1]".into(), 4));
    assert_eq!(failure(probabilities("0.5,0.4")).0, "2 probabilities add up to 0.9, not to 1");
    assert_eq!(failure(probabilities("0.5 0.5")), ("expected `,` or the end".into(), 4));
    assert_eq!(failure(probabilities("")), ("expected a number".into(), 0));
    let read = event("y=2,z = b c|x=1").unwrap();
    assert_eq!((read.query, read.given), (vec![("y", "2"), ("z", "b c")], vec![("x", "1")]));
    assert_eq!(event("y=2").map(|event| event.given), Ok(vec![]));
    assert_eq!(failure(event("y")), ("expected `=` and an outcome".into(), 1));
    assert_eq!(failure(event("y=|x=1")), ("expected an outcome".into(), 2));
    assert_eq!(failure(event("y=1|")), ("expected the name of an axis".into(), 4));
    assert_eq!(failure(event("y=1|x=2|z=3")), ("expected `,`, `|` or the end".into(), 7));
}

#[test]
fn expressions_have_the_values_of_mathematics() {
    let cases: [(&str, f64, f64); 24] = [
        ("3/8*x^2", 2.0, 1.5),
        ("-x^2", 3.0, -9.0),
        ("exp(-x^2/2)", 2.0, (-2.0f64).exp()),
        ("2^3^2", 0.0, 512.0),
        ("2^-x", 2.0, 0.25),
        ("1-2-3", 0.0, -4.0),
        ("8/4/2", 0.0, 1.0),
        ("2*-x", 3.0, -6.0),
        ("--x", 3.0, 3.0),
        ("2/-x", 4.0, -0.5),
        ("1e-3 + 2.5E+1 + .5 + 2.", 0.0, 27.501),
        ("SIN(PI*x)", 0.5, 1.0),
        ("e^x", 1.0, E),
        ("ln(e) + log(e) + log2(8) + log10(0.01)", 0.0, 3.0),
        ("max(1, x) + min(x, 2)", 3.0, 5.0),
        ("max(x, min(2*x, 7)) * 2", 5.0, 14.0),
        ("abs(x) * sqrt(16) * cbrt(-8)", -1.0, -8.0),
        ("floor(x) + ceil(x)", 1.5, 3.0),
        ("tan(atan(x)) + sin(asin(x)) + cos(acos(x))", 0.3, 0.9),
        ("cosh(x)^2 - sinh(x)^2", 0.7, 1.0),
        ("tanh(x) - (e^(2*x) - 1)/(e^(2*x) + 1)", 0.7, 0.0),
        ("exp(lgamma(x))", 5.0, 24.0),
        ("erf(x)", 1.0, 0.8427007929497149),
        ("tau - 2*\u{3c0} + (((x)))", 4.0, 4.0),
    ];
    for (text, x, expected) in cases {
        let value = Expression::parse(text).unwrap().eval(x);
        assert!((value - expected).abs() <= 1e-14 * expected.abs().max(1.0), "{text} at {x}: {value}, not {expected}");
    }
    assert!(Expression::parse("ln(x)").unwrap().eval(-1.0).is_nan());
    assert!(Expression::parse("max(ln(x), 0)").unwrap().eval(-1.0).is_nan());
    assert_eq!(Expression::parse("1/x").unwrap().eval(0.0), f64::INFINITY);
}

#[test]
fn slopes_are_the_finite_differences() {
    let texts = [
        "abs(x-1)",
        "acos(x)",
        "asin(x)",
        "atan(x)",
        "cbrt(x)",
        "ceil(x)",
        "cos(x)",
        "cosh(x)",
        "erf(x)",
        "exp(x)",
        "floor(x)",
        "lgamma(x)",
        "ln(x)",
        "log(x)",
        "log10(x)",
        "log2(x)",
        "sin(x)",
        "sinh(x)",
        "sqrt(x)",
        "tan(x)",
        "tanh(x)",
        "x^3",
        "2^x",
        "x^x",
        "-x^2",
        "max(x, x^2)",
        "min(x, x^2)",
        "(1+x)/(2-x)",
        "x*exp(-x^2/2)/3",
        "7",
    ];
    for text in texts {
        let f = Expression::parse(text).unwrap();
        for x in [0.23, 0.71] {
            let (value, slope) = f.eval_with_slope(x);
            let h = 1e-5;
            let difference = (f.eval(x + h) - f.eval(x - h)) / (2.0 * h);
            assert_eq!(value, f.eval(x), "{text}");
            assert!(
                (slope - difference).abs() < 1e-7 * slope.abs().max(1.0),
                "{text} at {x}: {slope}, not {difference}"
            );
        }
    }
    assert_eq!(Expression::parse("x^2").unwrap().eval_with_slope(-3.0), (9.0, -6.0));
    assert_eq!(Expression::parse("x^0.5 * 0").unwrap().eval_with_slope(0.0).0, 0.0);
}

#[test]
fn what_is_no_expression_is_an_error_with_the_place() {
    let of = |text: &str| failure(Expression::parse(text));
    assert_eq!(of("3/8*y^2"), ("there is no variable or function `y`; did you mean `x`?".into(), 4));
    assert_eq!(of("sqr(x)"), ("there is no variable or function `sqr`; did you mean `sqrt`?".into(), 0));
    assert_eq!(of("2x"), ("expected an operator or the end".into(), 1));
    assert_eq!(of("(x+1"), ("expected an operator or `)`".into(), 4));
    assert_eq!(of("x+)"), ("expected a number, x, a function or `(`".into(), 2));
    assert_eq!(of(""), ("expected a number, x, a function or `(`".into(), 0));
    assert_eq!(of("exp x"), ("expected `(` and the argument".into(), 4));
    assert_eq!(of("max(x)"), ("expected `,` and a second argument".into(), 5));
    assert_eq!(of("exp(x, x)"), ("expected an operator or `)`".into(), 5));
    assert_eq!(of("x $ 2"), ("expected an operator or the end".into(), 2));
    assert_eq!(of("1e999*x"), ("the number is too large".into(), 0));
    for deep in ["(", "-", "2^", "exp("] {
        assert_eq!(of(&deep.repeat(900)).0, "the parts are nested too deeply");
    }
    assert_eq!(of(&"1+(".repeat(90)).0, "the parts are nested too deeply");
    assert_eq!(Expression::parse(&format!("{}1", "x+".repeat(2000))).unwrap().eval(1.0), 2001.0);
}

/// A formula, and how to compute it without a parser.
#[derive(Clone, Debug)]
enum Tree {
    Number(f64),
    X,
    Unary(&'static str, Box<Tree>),
    Binary(char, Box<Tree>, Box<Tree>),
}

impl Tree {
    fn value(&self, x: f64) -> f64 {
        match self {
            Tree::Number(number) => *number,
            Tree::X => x,
            Tree::Unary(name, a) => match (*name, a.value(x)) {
                ("-", a) => -a,
                ("exp", a) => a.exp(),
                ("abs", a) => a.abs(),
                (_, a) => a.sin(),
            },
            Tree::Binary(operator, a, b) => match (operator, a.value(x), b.value(x)) {
                ('+', a, b) => a + b,
                ('-', a, b) => a - b,
                ('*', a, b) => a * b,
                ('/', a, b) => a / b,
                (_, a, b) => a.powf(b),
            },
        }
    }

    /// The text with parentheses only where precedence needs them, and how tight it binds: 1 sum, 2 product, 3 sign, 4
    /// power, 5 operand.
    fn text(&self) -> (String, u8) {
        let inside = |tree: &Tree, least: u8| {
            let (text, level) = tree.text();
            if level < least { format!("({text})") } else { text }
        };
        match self {
            Tree::Number(number) => (format!("{number:?}"), 5),
            Tree::X => ("x".into(), 5),
            Tree::Unary("-", a) => (format!("-{}", inside(a, 3)), 3),
            Tree::Unary(name, a) => (format!("{name}({})", a.text().0), 5),
            Tree::Binary('^', a, b) => (format!("{} ^ {}", inside(a, 5), inside(b, 3)), 4),
            Tree::Binary(o @ ('+' | '-'), a, b) => (format!("{} {o} {}", inside(a, 1), inside(b, 2)), 1),
            Tree::Binary(o, a, b) => (format!("{} {o} {}", inside(a, 2), inside(b, 3)), 2),
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![(0.0..9.0_f64).prop_map(Tree::Number), Just(Tree::X)];
    leaf.prop_recursive(6, 40, 2, |inner| {
        let unary = prop::sample::select(vec!["-", "exp", "abs", "sin"]);
        let binary = prop::sample::select(vec!['+', '-', '*', '/', '^']);
        prop_oneof![
            (unary, inner.clone()).prop_map(|(name, a)| Tree::Unary(name, a.into())),
            (binary, inner.clone(), inner).prop_map(|(o, a, b)| Tree::Binary(o, a.into(), b.into())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_formula_written_down_is_read_back(tree in tree(), x in -3.0..3.0_f64) {
        let text = tree.text().0;
        let (got, expected) = (Expression::parse(&text).unwrap().eval(x), tree.value(x));
        prop_assert!(got == expected || got.is_nan() && expected.is_nan(), "{text} at {x}: {got}, not {expected}");
    }
}
