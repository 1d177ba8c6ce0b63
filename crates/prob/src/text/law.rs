use super::cursor::Cursor;
use super::{Problem, TextError, nearest};
use crate::distributions::*;
use crate::traits::{Law, ParameterError};

type Made = Result<Box<dyn Law>, ParameterError>;

/// How a law is written.
pub struct LawForm {
    /// Its name.
    pub name: &'static str,
    /// Other names that the field has for it.
    pub aliases: &'static [&'static str],
    arguments: Arguments,
}

enum Arguments {
    /// Named parameters, which may be given by position.
    Named(&'static [&'static str], fn(&[f64]) -> Made),
    /// Any number of numbers.
    Numbers(&'static str, fn(&[f64]) -> Made),
    /// Any number of values with probabilities.
    Pairs(&'static str, fn(&[(f64, f64)]) -> Made),
    /// Any number of laws with weights.
    Weighted(&'static str),
}
use Arguments::{Named, Numbers, Pairs, Weighted};

/// Laws inside of each other at most.
const DEEPEST: usize = 32;

impl LawForm {
    /// The law with its parameters, such as `normal(mean, sd)`.
    pub fn signature(&self) -> String {
        let arguments = match self.arguments {
            Named(parameters, _) => parameters.join(", "),
            Numbers(shown, _) | Pairs(shown, _) | Weighted(shown) => shown.into(),
        };
        format!("{}({arguments})", self.name)
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        [self.name].into_iter().chain(self.aliases.iter().copied())
    }
}

/// All laws that [`law`] knows.
pub fn laws() -> &'static [LawForm] {
    LAWS
}

macro_rules! named {
    ($name:literal, $aliases:expr, [$($parameter:literal),+], $make:expr) => {
        LawForm {
            name: $name,
            aliases: &$aliases,
            arguments: Named(&[$($parameter),+], |p| Ok(Box::new(($make)(p)?))),
        }
    };
}

static LAWS: &[LawForm] = &[
    named!("bernoulli", [], ["p"], |p: &[f64]| Bernoulli::new(p[0])),
    named!("beta", [], ["alpha", "beta"], |p: &[f64]| Beta::new(p[0], p[1])),
    named!("binomial", [], ["n", "p"], |p: &[f64]| Binomial::new(whole("Binomial", "n", p[0])?, p[1])),
    LawForm {
        name: "categorical",
        aliases: &[],
        arguments: Numbers("p0, p1, ...", |p| Ok(Box::new(Categorical::new(p)?))),
    },
    named!("cauchy", [], ["location", "scale"], |p: &[f64]| Cauchy::new(p[0], p[1])),
    LawForm {
        name: "discrete",
        aliases: &[],
        arguments: Pairs("value:p, value:p, ...", |pairs| Ok(Box::new(Discrete::new(pairs)?))),
    },
    LawForm {
        name: "dirichlet",
        aliases: &[],
        arguments: Numbers("alpha1, alpha2, ...", |alpha| Ok(Box::new(Dirichlet::new(alpha)?))),
    },
    named!("exponential", ["expon"], ["rate"], |p: &[f64]| Exponential::new(p[0])),
    named!("gamma", [], ["shape", "scale"], |p: &[f64]| Gamma::new(p[0], p[1])),
    named!("geometric", ["geom"], ["p"], |p: &[f64]| Geometric::new(p[0])),
    named!("gumbel", [], ["location", "scale"], |p: &[f64]| Gumbel::new(p[0], p[1])),
    named!("laplace", [], ["location", "scale"], |p: &[f64]| Laplace::new(p[0], p[1])),
    named!("log_normal", [], ["location", "scale"], |p: &[f64]| LogNormal::new(p[0], p[1])),
    named!("logistic", [], ["location", "scale"], |p: &[f64]| Logistic::new(p[0], p[1])),
    LawForm { name: "mixture", aliases: &[], arguments: Weighted("weight*law, weight*law, ...") },
    named!("normal", ["gaussian"], ["mean", "sd"], |p: &[f64]| Normal::new(p[0], p[1])),
    named!("pareto", [], ["scale", "shape"], |p: &[f64]| Pareto::new(p[0], p[1])),
    named!("poisson", [], ["rate"], |p: &[f64]| Poisson::new(p[0])),
    named!("student_t", ["t"], ["location", "scale", "freedom"], |p: &[f64]| StudentT::new(p[0], p[1], p[2])),
    named!("truncated_normal", [], ["mean", "sd", "low", "high"], |p: &[f64]| {
        TruncatedNormal::new(p[0], p[1], p[2], p[3])
    }),
    named!("uniform", [], ["low", "high"], |p: &[f64]| Uniform::new(p[0], p[1])),
    named!("von_mises", [], ["location", "concentration"], |p: &[f64]| VonMises::new(p[0], p[1])),
    named!("weibull", [], ["shape", "scale"], |p: &[f64]| Weibull::new(p[0], p[1])),
];

fn whole(law: &'static str, parameter: &'static str, value: f64) -> Result<u64, ParameterError> {
    let inside = value >= 0.0 && value <= (1u64 << 53) as f64 && value == value.floor();
    ParameterError::unless(inside, law, parameter, "a whole number from 0 to 2^53", value)?;
    Ok(value as u64)
}

/// The law that a text such as `normal(1, 2)`, `gamma(shape=2, scale=1)`, `categorical(1/2, 1/2)`,
/// `discrete(-1:0.2, 0:0.5, 7:0.3)` or `mixture(0.3*normal(0, 1), 0.7*normal(4, 1))` names; [`laws`] lists them. Parameters are given by position, then by name. Case
/// and underscores do not matter in the law's name.
///
/// ```
/// use ganvas_prob::{text::law, traits::Law};
/// let law = law("gaussian(sd = 2, mean = 1)")?;
/// assert_eq!(law.univariate().map(|law| law.cdf(1.0)), Some(0.5));
/// # Ok::<(), ganvas_prob::text::TextError>(())
/// ```
///
/// # Errors
/// If the text is no law, with the place; if the law refuses a parameter, as its constructor says.
pub fn law(text: &str) -> Result<Box<dyn Law>, TextError> {
    let mut cursor = Cursor::new(text)?;
    let law = read(&mut cursor, 0)?;
    cursor.end("the end")?;
    Ok(law)
}

fn read(cursor: &mut Cursor<'_>, depth: usize) -> Result<Box<dyn Law>, TextError> {
    let start = cursor.place();
    if depth > DEEPEST {
        return Err(cursor.error(start, Problem::TooDeep));
    }
    let name = cursor.name().ok_or_else(|| cursor.expected("the name of a law"))?;
    let plain = |name: &str| name.replace('_', "");
    let Some(form) = LAWS.iter().find(|form| form.names().any(|known| plain(known) == plain(&name))) else {
        let nearest = nearest(&name, LAWS.iter().flat_map(LawForm::names));
        return Err(cursor.error(start, Problem::Unknown { what: "law", name, nearest }));
    };
    cursor.expect('(', "`(` and the parameters")?;
    let made = match form.arguments {
        Named(parameters, make) => {
            let (values, places) = named_arguments(cursor, form, parameters)?;
            return make(&values).map_err(|error| {
                let index = parameters.iter().position(|parameter| *parameter == error.parameter);
                cursor.error(index.map_or(start, |index| places[index]), error)
            });
        }
        Numbers(_, make) => make(&cursor.list(Some(')'), Cursor::number)?),
        Pairs(_, make) => make(&cursor.list(Some(')'), |cursor| {
            let value = cursor.number()?;
            cursor.expect(':', "`:` and a probability")?;
            Ok((value, cursor.number()?))
        })?),
        Weighted(_) => {
            let components = cursor.list(Some(')'), |cursor| {
                let weight = cursor.number()?;
                cursor.expect('*', "`*` and a law")?;
                Ok((weight, read(cursor, depth + 1)?))
            })?;
            return mixture(components).map_err(|error| cursor.error(start, error));
        }
    };
    made.map_err(|error| cursor.error(start, error))
}

/// One on the real line where all components are.
fn mixture(components: Vec<(f64, Box<dyn Law>)>) -> Result<Box<dyn Law>, MixtureError> {
    if components.iter().any(|(_, law)| law.univariate().is_none()) {
        return Ok(Box::new(VectorMixture::new(components)?));
    }
    let univariate = |(weight, law): (f64, Box<dyn Law>)| Some((weight, law.into_univariate()?));
    Ok(Box::new(Mixture::new(components.into_iter().filter_map(univariate).collect())?))
}

/// Values and places, in the order of the parameters.
fn named_arguments(
    cursor: &mut Cursor<'_>,
    form: &LawForm,
    parameters: &[&'static str],
) -> Result<(Vec<f64>, Vec<usize>), TextError> {
    let wrong = |what| Problem::Arguments { signature: form.signature(), what };
    let mut found: Vec<Option<(f64, usize)>> = vec![None; parameters.len()];
    let (mut by_name, mut position) = (false, 0);
    let argument = |cursor: &mut Cursor<'_>| {
        let place = cursor.place();
        let index = match cursor.parameter() {
            Some(name) => {
                by_name = true;
                let index = parameters.iter().position(|parameter| *parameter == name);
                index.ok_or_else(|| cursor.error(place, wrong(format!("it has no parameter `{name}`"))))?
            }
            None if by_name => return Err(cursor.error(place, wrong("after a named parameter all need names".into()))),
            None => {
                position += 1;
                position - 1
            }
        };
        let value = cursor.number()?;
        match found.get_mut(index) {
            None => Err(cursor.error(place, wrong(format!("more than {} parameters are given", parameters.len())))),
            Some(Some(_)) => Err(cursor.error(place, wrong(format!("`{}` is given twice", parameters[index])))),
            Some(free) => {
                *free = Some((value, place));
                Ok(())
            }
        }
    };
    if !cursor.eat(')') {
        cursor.list(Some(')'), argument)?;
    }
    match found.iter().position(Option::is_none) {
        Some(index) => Err(cursor.error(cursor.last(), wrong(format!("`{}` is missing", parameters[index])))),
        None => Ok(found.into_iter().flatten().unzip()),
    }
}
