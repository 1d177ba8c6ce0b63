//! `ganvas prob sample`.

use ganvas_metrics::Figure;
use ganvas_prob::distance::kolmogorov_smirnov;
use ganvas_prob::estimate::Estimate;
use ganvas_prob::sampling::{
    NumericalInverse, NumericalInverseConfig, Proposal, Rejection, SamplingError, UniformProposal,
};
use ganvas_prob::stream::{StreamRng, Streams};
use ganvas_prob::text::{self, Expression};
use ganvas_prob::traits::{Cumulative, Law, Sample, Support};
use rand::Rng;

use super::{failed, law, typed};
use crate::args::{ProbMethod, ProbSampleArgs};
use crate::commands::{files, show, write};
use crate::error::CliError;
use crate::view::format::{count, number, uncertainty};
use crate::view::{Sampled, sampled};

/// Places at which a bound of a density is looked for.
const PLACES: usize = 10_000;
/// How much above the largest value found a bound is set; a violation is still an error of the sampler.
const SLACK: f64 = 1.05;
/// The most draws, 2 GiB of them.
const MOST: usize = 1 << 28;

/// Draws that are compared with the distribution function.
const TESTED: usize = 1_000_000;

enum Format {
    Npy,
    Csv,
}

/// Draws, and what is known of the way they were made.
struct Drawn {
    draws: Vec<f64>,
    how: String,
    figures: Vec<Figure>,
}

/// Draws from a density, says how well they follow it, writes them and a plot.
pub fn run(args: &ProbSampleArgs) -> Result<(), CliError> {
    if args.n == 0 || args.n > MOST {
        return Err(CliError::usage(format!("`--n` must be 1 to {MOST}, got {}", args.n), "for example `--n 100000`"));
    }
    let format = match args.out.as_ref().map(|out| (out, out.extension().and_then(|e| e.to_str()))) {
        None => None,
        Some((_, Some("npy"))) => Some(Format::Npy),
        Some((_, Some("csv"))) => Some(Format::Csv),
        Some((out, _)) => {
            let message = format!("`{}` ends in neither .npy nor .csv", out.display());
            return Err(CliError::usage(message, "the ending chooses the format: an array, or a column of text"));
        }
    };
    let density = Density::of(args)?;
    let reference = density.inverse();
    let made = density.draw(args, &reference)?;

    let mut figures = made.figures;
    let estimate = Estimate::of(&made.draws);
    figures.push(Figure { stderr: Some(estimate.stderr), ..Figure::new("mean", estimate.mean) });
    figures.push(Figure::new("sd", estimate.stderr * (args.n as f64).sqrt()));
    let cdf = density.cdf(&reference);
    // The test's p-value holds for continuous laws.
    if let Some(cdf) = cdf.as_ref().filter(|_| !density.is_discrete()) {
        let some = &made.draws[..args.n.min(TESTED)];
        let test = kolmogorov_smirnov(some, &Distribution(cdf)).map_err(failed)?;
        figures.push(Figure::new("ks", test.statistic));
        figures.push(Figure::new("ks_p", test.p_value));
    }
    for figure in &mut figures {
        figure.n_fake = Some(args.n);
    }

    match (&args.out, format) {
        (Some(out), Some(Format::Npy)) => write(out, &files::npy(&made.draws, &[made.draws.len()])?)?,
        (Some(out), Some(Format::Csv)) => write(out, &files::csv_bytes(&made.draws))?,
        _ => {}
    }
    if let Some(path) = &args.plot {
        let nowhere = |_: f64| f64::NAN;
        let plot = Sampled {
            title: &density.title,
            draws: &made.draws,
            discrete: density.is_discrete(),
            pdf: &|x| density.normalised(x, &reference),
            cdf: cdf.as_ref().map_or(&nowhere, |cdf| cdf as &dyn Fn(f64) -> f64),
        };
        write(path, sampled(&plot).as_bytes())?;
    }
    show(args.json, Some(args.seed), figures.clone(), || {
        println!("{} draws from {} by {}", count(args.n), density.title, made.how);
        for figure in &figures {
            let error = figure.stderr.map(|e| format!(" ± {}", uncertainty(e))).unwrap_or_default();
            println!("{:<18} {}{error}", figure.name, number(figure.value));
        }
        for path in [&args.out, &args.plot].into_iter().flatten() {
            println!("{}", path.display());
        }
    })
}

/// What is drawn from.
struct Density {
    title: String,
    kind: Kind,
}

enum Kind {
    /// p(x) on an interval; need not be normalised.
    Pdf { pdf: Expression, low: f64, high: f64 },
    /// A law of one dimension.
    Law(Box<dyn Law>),
}

/// The inverse of a density's distribution function, or why there is none.
type Inverse = Result<NumericalInverse, SamplingError>;

impl Density {
    fn of(args: &ProbSampleArgs) -> Result<Self, CliError> {
        if let Some(text) = &args.law {
            let law = law(text)?;
            if law.univariate().is_none() {
                let message = format!("`{}` is a law of {} dimensions", text.trim(), law.dims());
                return Err(CliError::usage(message, "draws are of one dimension here"));
            }
            return Ok(Self { title: text.trim().to_owned(), kind: Kind::Law(law) });
        }
        let (Some(pdf), Some(on)) = (&args.pdf, &args.on) else {
            return Err(CliError::usage("nothing to draw from", "give --pdf with --on, or --law"));
        };
        let expression = Expression::parse(pdf).map_err(|e| typed(&e, "for example --pdf \"3/8*x^2\""))?;
        let (low, high) = text::interval(on).map_err(|e| typed(&e, "for example --on 0:2, or --on=-inf:inf"))?;
        let title = format!("{} on [{low}, {high}]", pdf.trim());
        Ok(Self { title, kind: Kind::Pdf { pdf: expression, low, high } })
    }

    fn is_discrete(&self) -> bool {
        match &self.kind {
            Kind::Law(law) => law.univariate().is_some_and(|law| !matches!(law.support(), Support::Interval { .. })),
            Kind::Pdf { .. } => false,
        }
    }

    /// Needed by the inverse method, and by every other to say what the draws are compared with.
    fn inverse(&self) -> Option<Inverse> {
        match &self.kind {
            Kind::Law(_) => None,
            Kind::Pdf { pdf, low, high } => Some(NumericalInverseConfig::new().from_pdf(|x| pdf.eval(x), *low, *high)),
        }
    }

    fn normalised(&self, x: f64, inverse: &Option<Inverse>) -> f64 {
        match (&self.kind, inverse) {
            (Kind::Law(law), _) => law.ln_density(&[x]).exp(),
            (Kind::Pdf { pdf, low, high }, Some(Ok(inverse))) if (*low..=*high).contains(&x) => {
                pdf.eval(x) / inverse.mass()
            }
            (Kind::Pdf { .. }, Some(Ok(_))) => 0.0,
            _ => f64::NAN,
        }
    }

    /// The distribution function; of a density, the inverse's own, which is within its measured u-error of it.
    fn cdf<'a>(&'a self, inverse: &'a Option<Inverse>) -> Option<Box<dyn Fn(f64) -> f64 + 'a>> {
        match (&self.kind, inverse) {
            (Kind::Law(law), _) => law.univariate().map(|law| Box::new(|x| law.cdf(x)) as Box<dyn Fn(f64) -> f64>),
            (_, Some(Ok(inverse))) => Some(Box::new(|x| share_below(inverse, x))),
            _ => None,
        }
    }

    fn draw(&self, args: &ProbSampleArgs, inverse: &Option<Inverse>) -> Result<Drawn, CliError> {
        let mut rng = Streams::new(args.seed).rng("prob sample", 0);
        let (pdf, low, high) = match &self.kind {
            Kind::Law(law) => {
                let mut draws = vec![0.0; args.n];
                draws.iter_mut().for_each(|x| law.draw(&mut rng, std::slice::from_mut(x)));
                return Ok(Drawn { draws, how: "the law's own sampler".into(), figures: Vec::new() });
            }
            Kind::Pdf { pdf, low, high } => (pdf, *low, *high),
        };
        let rejects = match (args.method, inverse) {
            (ProbMethod::Rejection, _) => true,
            (ProbMethod::Auto, Some(Err(_))) if low.is_finite() && high.is_finite() => true,
            _ => false,
        };
        if !rejects {
            let inverse = match inverse {
                Some(Ok(inverse)) => inverse,
                Some(Err(error)) => return Err(failed(error.clone())),
                None => return Err(CliError::failure("the density has no inverse")),
            };
            let how = format!("the numerical inverse transform of {} polynomials", inverse.pieces());
            let figures = vec![Figure::new("mass", inverse.mass()), Figure::new("u_error", inverse.u_error())];
            return Ok(Drawn { draws: inverse.sample_n(&mut rng, args.n), how, figures });
        }
        let mass = inverse.as_ref().and_then(|inverse| inverse.as_ref().ok()).map(NumericalInverse::mass);
        let ln_pdf = |x: f64| match pdf.eval(x) {
            // Of a negative density the logarithm would be no number, and the error would not say why.
            value if value < 0.0 => f64::NAN,
            _ if !(low..=high).contains(&x) => f64::NEG_INFINITY,
            value => value.ln(),
        };
        let drawn = if let Some(text) = &args.proposal {
            let proposal = law(text)?;
            if proposal.univariate().is_none() {
                return Err(CliError::usage(format!("`{text}` is not of one dimension"), "give another --proposal"));
            }
            let Some(factor) = args.factor else {
                return Err(CliError::usage("a proposal needs its factor M", "give --factor with p(x) <= M q(x)"));
            };
            let how = format!("rejection from {} with M = {}", text.trim(), number(factor));
            let proposal = Proposal::new(
                |rng: &mut dyn Rng| {
                    let mut x = [0.0];
                    proposal.draw(rng, &mut x);
                    x[0]
                },
                |x| proposal.ln_density(&[x]),
            );
            rejected(Rejection::new(ln_pdf, proposal, factor), &mut rng, args.n, how, mass)
        } else {
            if !(low.is_finite() && high.is_finite()) {
                let help = "give --proposal LAW and --factor M, or --method inverse";
                return Err(CliError::usage("rejection from a box needs an interval with two finite ends", help));
            }
            let factor = args.factor.unwrap_or_else(|| SLACK * (high - low) * tallest(pdf, low, high));
            let how = format!("rejection from the uniform law with M = {}", number(factor));
            let proposal = UniformProposal::new(low, high).map_err(failed)?;
            rejected(Rejection::new(ln_pdf, proposal, factor), &mut rng, args.n, how, mass)
        };
        drawn.map_err(|error| match (error, inverse) {
            // What is wrong with the density is clearer from there.
            (SamplingError::NotANumber { .. } | SamplingError::Parameter { .. }, Some(Err(reason))) => {
                failed(reason.clone())
            }
            (error @ SamplingError::EnvelopeViolated { .. }, _) => CliError {
                help: Some("a larger --factor M is needed: p(x) <= M q(x) everywhere".into()),
                ..failed(error)
            },
            (error, _) => failed(error),
        })
    }
}

fn rejected<F: Fn(f64) -> f64, Q: ganvas_prob::traits::Density + Sample>(
    sampler: Result<Rejection<F, Q>, SamplingError>,
    rng: &mut StreamRng,
    n: usize,
    how: String,
    mass: Option<f64>,
) -> Result<Drawn, SamplingError> {
    let mut sampler = sampler?;
    let draws = sampler.draw_n(rng, n)?;
    let expected = mass.map(|mass| mass * sampler.theoretical_rate());
    let figures = vec![
        Figure::new("acceptance", sampler.acceptance_rate()),
        Figure::new("acceptance_theory", expected.unwrap_or(f64::NAN)),
    ];
    Ok(Drawn { draws, how, figures: figures.into_iter().filter(|f| f.value.is_finite()).collect() })
}

/// The largest value of a density at many places and, by golden section, around the best of them.
fn tallest(pdf: &Expression, low: f64, high: f64) -> f64 {
    let step = (high - low) / PLACES as f64;
    let at = |i: usize| low + step * (i as f64 + 0.5);
    let best = (0..PLACES).max_by(|&i, &j| pdf.eval(at(i)).total_cmp(&pdf.eval(at(j)))).unwrap_or(0);
    let (mut a, mut b) = ((at(best) - step).max(low), (at(best) + step).min(high));
    let mut largest = pdf.eval(at(best)).max(pdf.eval(low)).max(pdf.eval(high));
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    for _ in 0..60 {
        let (left, right) = (b - GOLDEN * (b - a), a + GOLDEN * (b - a));
        let (at_left, at_right) = (pdf.eval(left), pdf.eval(right));
        largest = largest.max(at_left).max(at_right);
        if at_left > at_right { b = right } else { a = left }
    }
    largest
}

/// P(X <= x) by bisection of the inverse.
fn share_below(inverse: &NumericalInverse, x: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    if x < inverse.ppf(low) {
        return 0.0;
    }
    if x >= inverse.ppf(high) {
        return 1.0;
    }
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if inverse.ppf(middle) <= x { low = middle } else { high = middle }
    }
    low
}

/// A distribution function as what tests take.
struct Distribution<'a>(&'a dyn Fn(f64) -> f64);

impl Cumulative for Distribution<'_> {
    fn cdf(&self, x: f64) -> f64 {
        (self.0)(x)
    }

    fn sf(&self, x: f64) -> f64 {
        1.0 - (self.0)(x)
    }
}
