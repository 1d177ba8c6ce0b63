//! Draws a second: every law beside `rand_distr`, where it has the law, and the samplers of any density.
//!
//! Each pair draws from the same generator in the same run; figures are ratios first, rates second. `xoshiro` is
//! Xoshiro256++, which costs next to nothing; `chacha` is ChaCha with 8 rounds, the generator of `Streams`.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use ganvas_prob::distributions::*;
use ganvas_prob::sampling::*;
use ganvas_prob::stream::Streams;
use ganvas_prob::traits::Sample;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use rand_distr::Distribution;
use std::hint::black_box;
use std::time::Duration;

/// Draws at a time: they stay in the cache.
const BLOCK: usize = 4096;

type Group<'a> = BenchmarkGroup<'a, WallTime>;

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> Group<'a> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(BLOCK as u64));
    group
}

/// Times blocks of draws.
fn rate<R: Rng>(group: &mut Group, name: &str, rng: &mut R, mut draw: impl FnMut(&mut R) -> f64) {
    let mut block = [0.0; BLOCK];
    group.bench_function(name, |b| {
        b.iter(|| {
            block.iter_mut().for_each(|x| *x = draw(rng));
            black_box(&mut block);
        });
    });
}

/// Ours, theirs where there is one, from both generators.
macro_rules! compare {
    ($criterion:ident, $name:literal, $ours:expr $(, $theirs:expr)?) => {{
        let mut group = group($criterion, $name);
        let (mut xoshiro, mut chacha) = (Xoshiro256PlusPlus::seed_from_u64(1), Streams::new(1).rng("bench", 0));
        let ours = $ours.unwrap();
        rate(&mut group, "ganvas xoshiro", &mut xoshiro, |rng| ours.sample(rng));
        $(
            let theirs = $theirs.unwrap();
            rate(&mut group, "rand_distr xoshiro", &mut xoshiro, |rng| theirs.sample(rng) as f64);
            rate(&mut group, "rand_distr chacha", &mut chacha, |rng| theirs.sample(rng) as f64);
        )?
        rate(&mut group, "ganvas chacha", &mut chacha, |rng| ours.sample(rng));
        group.finish();
    }};
}

fn continuous(criterion: &mut Criterion) {
    compare!(criterion, "uniform(-1, 3)", Uniform::new(-1.0, 3.0), rand_distr::Uniform::new(-1.0f64, 3.0));
    compare!(criterion, "normal(2, 0.5)", Normal::new(2.0, 0.5), rand_distr::Normal::new(2.0f64, 0.5));
    compare!(criterion, "log-normal(0.3, 0.6)", LogNormal::new(0.3, 0.6), rand_distr::LogNormal::new(0.3f64, 0.6));
    compare!(criterion, "exponential(2.5)", Exponential::new(2.5), rand_distr::Exp::new(2.5f64));
    compare!(criterion, "gamma(0.4, 2)", Gamma::new(0.4, 2.0), rand_distr::Gamma::new(0.4f64, 2.0));
    compare!(criterion, "gamma(7.5, 0.1)", Gamma::new(7.5, 0.1), rand_distr::Gamma::new(7.5f64, 0.1));
    compare!(criterion, "beta(2, 5)", Beta::new(2.0, 5.0), rand_distr::Beta::new(2.0f64, 5.0));
    compare!(criterion, "gumbel(0.5, 2)", Gumbel::new(0.5, 2.0), rand_distr::Gumbel::new(0.5f64, 2.0));
    compare!(criterion, "cauchy(0, 1.5)", Cauchy::new(0.0, 1.5), rand_distr::Cauchy::new(0.0f64, 1.5));
    compare!(criterion, "student t(3.5)", StudentT::new(0.0, 1.0, 3.5), rand_distr::StudentT::new(3.5f64));
    compare!(criterion, "weibull(0.7, 2)", Weibull::new(0.7, 2.0), rand_distr::Weibull::new(2.0f64, 0.7));
    compare!(criterion, "pareto(2, 3.5)", Pareto::new(2.0, 3.5), rand_distr::Pareto::new(2.0f64, 3.5));
    compare!(criterion, "laplace(1, 2)", Laplace::new(1.0, 2.0));
    compare!(criterion, "logistic(-1, 0.7)", Logistic::new(-1.0, 0.7));
    compare!(criterion, "truncated normal(0, 1, 5, inf)", TruncatedNormal::new(0.0, 1.0, 5.0, f64::INFINITY));
    compare!(criterion, "von Mises(0.5, 3)", VonMises::new(0.5, 3.0));
}

fn discrete(criterion: &mut Criterion) {
    compare!(criterion, "binomial(20, 0.35)", Binomial::new(20, 0.35), rand_distr::Binomial::new(20, 0.35));
    compare!(criterion, "binomial(5000, 0.6)", Binomial::new(5000, 0.6), rand_distr::Binomial::new(5000, 0.6));
    compare!(criterion, "poisson(4)", Poisson::new(4.0), rand_distr::Poisson::new(4.0f64));
    compare!(criterion, "poisson(40)", Poisson::new(40.0), rand_distr::Poisson::new(40.0f64));
    compare!(criterion, "geometric(0.2)", Geometric::new(0.2), rand_distr::Geometric::new(0.2));
    let weights: Vec<f64> = (1..=100).map(f64::from).collect();
    let alias = rand_distr::weighted::WeightedAliasIndex::new(weights.clone());
    compare!(criterion, "alias table of 100", AliasTable::new(&weights), alias);
    let search = rand_distr::weighted::WeightedIndex::new(&weights);
    compare!(criterion, "inverse table of 100", InverseTable::new(&weights), search);
}

fn normal(x: f64) -> f64 {
    (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
}

const ALL: (f64, f64) = (f64::NEG_INFINITY, f64::INFINITY);

fn any_density(criterion: &mut Criterion) {
    compare!(criterion, "numerical inverse, normal", NumericalInverse::from_pdf(normal, ALL.0, ALL.1));
    let gamma = |x: f64| x.powf(1.5) * (-x).exp();
    compare!(criterion, "numerical inverse, gamma(2.5)", NumericalInverse::from_pdf(gamma, 0.0, ALL.1));

    let mut set_up = criterion.benchmark_group("set-up");
    set_up.bench_function("numerical inverse, normal", |b| {
        b.iter(|| NumericalInverse::from_pdf(black_box(normal), ALL.0, ALL.1));
    });
    set_up.bench_function("adaptive rejection, normal", |b| {
        b.iter(|| AdaptiveRejection::new(|x: f64| -0.5 * x * x, |x: f64| -x, ALL, black_box(&[0.3])));
    });
    let weights: Vec<f64> = (1..=100).map(f64::from).collect();
    set_up.bench_function("alias table of 100", |b| b.iter(|| AliasTable::new(black_box(&weights))));
    set_up.finish();

    let mut xoshiro = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut group = group(criterion, "rejection of a normal");
    let mut adaptive = AdaptiveRejection::new(|x: f64| -0.5 * x * x, |x: f64| -x, ALL, &[0.3]).unwrap();
    rate(&mut group, "adaptive xoshiro", &mut xoshiro, |rng| adaptive.draw(rng).unwrap());
    let laplace = Laplace::new(0.0, 1.0).unwrap();
    let factor = (2.0 * std::f64::consts::E / std::f64::consts::PI).sqrt();
    let mut given = Rejection::new(|x: f64| normal(x).ln(), laplace, factor).unwrap();
    rate(&mut group, "below a Laplace law, xoshiro", &mut xoshiro, |rng| given.draw(rng).unwrap());
    group.finish();
}

/// Samples of a few milliseconds: some of many are not interrupted, whatever else runs.
fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(250))
        .sample_size(50)
}

criterion_group! {
    name = benches;
    config = config();
    targets = continuous, discrete, any_density
}
criterion_main!(benches);
