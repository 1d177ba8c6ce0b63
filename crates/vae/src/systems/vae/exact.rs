//! The linear Gaussian model, p(x|z) = N(W z, I / 4) with 8 values and 2 latents, whose likelihood has a closed form: a bound is
//! measured against what it bounds.

use std::sync::Arc;

use ganvas_data::{DataError, Dataset, ItemShape, Split, Values};
use ganvas_engine::accept::{AcceptError, Acceptance, Conditions, Threshold, Trial, Until};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::Activation;
use ganvas_nets::noise::Noise;
use ganvas_nets::optim::OptimizerConfig;
use ganvas_prob::jensen::{JensenError, LatentGaussian, LinearGaussian};
use ganvas_prob::stream::{StreamRng, Streams, normals};

use super::Vae;
use crate::networks::Networks;
use crate::observation::Decoder;
use crate::systems::autoencoder::{AutoencoderConfig, Posterior};
use crate::systems::measures::{Bounds, Figures};

const VALUES: usize = 8;
const LATENTS: usize = 2;
const SD: f64 = 0.5;
/// Held-out items.
pub const ITEMS: usize = 2000;
/// Draws of each bound of a known proposal: so many that the error of the draws is well within what the check allows.
const REPETITIONS: usize = 20;
/// Steps of 256 items.
pub const STEPS: u64 = 4000;

/// W_ij = cos(i (j + 1) / 2 + 3 j / 10).
fn weight(i: usize, j: usize) -> f64 {
    (0.5 * i as f64 * (j as f64 + 1.0) + 0.3 * j as f64).cos()
}

/// The model.
pub fn model() -> Result<LinearGaussian, JensenError> {
    let weights: Vec<f64> = (0..VALUES * LATENTS).map(|at| weight(at / LATENTS, at % LATENTS)).collect();
    LinearGaussian::new(&weights, &[0.0; VALUES], SD)
}

/// `n` items of the model, one after the other.
fn draw(rng: &mut StreamRng, n: usize) -> Vec<f32> {
    let draws = normals(rng, n * (LATENTS + VALUES));
    let item = |draws: &[f32]| {
        let (z, noise) = draws.split_at(LATENTS);
        let mean = |i: usize| (0..LATENTS).map(|j| weight(i, j) * f64::from(z[j])).sum::<f64>();
        (0..VALUES).map(|i| (mean(i) + SD * f64::from(noise[i])) as f32).collect::<Vec<f32>>()
    };
    draws.chunks(LATENTS + VALUES).flat_map(item).collect()
}

/// 50,000 items of the model to train on, and some held out.
pub fn data(seed: u64) -> Result<Arc<Dataset>, DataError> {
    let mut rng = Streams::new(seed).rng("linear-gaussian", 0);
    let mut split = |len| Split { values: Values::F32(draw(&mut rng, len)), labels: None, len };
    let (train, test) = (split(50_000), split(ITEMS));
    let shape = ItemShape::Points { dims: VALUES };
    Ok(Arc::new(Dataset::new("linear-gaussian", "linear Gaussian model", shape, vec![], train, test, "")?))
}

/// Linear networks, and a posterior whose two latents may be correlated as the true ones are. The best one without would be 0.023
/// nats short.
pub fn config() -> AutoencoderConfig {
    let networks = Networks::mlp(&[], Activation::Identity, Initializer::Normal { sd: 0.1 });
    AutoencoderConfig {
        posterior: Posterior::Full,
        optimizer: OptimizerConfig::adam(1e-2, 0.9),
        late: 0.6,
        rate_late: 0.05,
        ..AutoencoderConfig::new(LATENTS, networks, Decoder::Gaussian { sd: SD })
    }
}

/// ln p(x) of each held-out item.
pub fn likelihoods(dataset: &Dataset) -> Result<Figures, JensenError> {
    let model = model()?;
    let items = dataset.test.first(ITEMS);
    let of = |x: &[f32]| model.ln_density(&x.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
    Ok(Figures::new(items.chunks(VALUES).map(of).collect::<Result<_, _>>()?))
}

pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let seeds = acceptance.seeds();
    for &seed in &seeds {
        known(acceptance, seed).map_err(AcceptError::figure)?;
    }
    let device = acceptance.plain_device();
    for seed in seeds {
        let dataset = data(seed)?;
        let exact = likelihoods(&dataset).map_err(AcceptError::figure)?;
        let trial = Trial { dataset: &dataset, seed, batch: 256, until: Until::Steps(STEPS) };
        let trained = acceptance.train::<Vae>(&config(), &trial)?;
        let noise = Noise::new(Streams::new(seed), "accept", 0, &device);
        let bounds = Bounds::new(&trained.system, &dataset, &noise);
        // The bound of one sample of the latents varies; its mean over a hundred does not.
        let mut elbo = vec![0.0; ITEMS];
        for _ in 0..100 {
            let once = bounds.elbo(&bounds.test).values;
            elbo.iter_mut().zip(once).for_each(|(sum, value)| *sum += value / 100.0);
        }
        let gap = exact.less(&Figures::new(elbo));
        let note = format!("linear networks, full posterior, standard error {:.4}", gap.stderr);
        let conditions = trained.conditions().items(ITEMS, 0).note(note);
        acceptance.check("1 ln p(x) - ELBO, trained, nats", gap.mean, Threshold::AtMost(0.02), conditions);
    }
    Ok(())
}

/// Proposals that are known too: the exact posterior, and one that is not.
fn known(acceptance: &mut Acceptance, seed: u64) -> Result<(), JensenError> {
    let model = model()?;
    let mut rng = Streams::new(seed).rng("known", 0);
    let items: Vec<Vec<f64>> =
        draw(&mut rng, ITEMS).chunks(VALUES).map(|x| x.iter().map(|&x| f64::from(x)).collect()).collect();
    let conditions = Conditions { seed: Some(seed), ..Conditions::default() }.items(ITEMS, 0);
    let (mut furthest, mut gaps) = (0.0f64, [(); 3].map(|()| Vec::with_capacity(ITEMS)));
    let mut evidence = Vec::with_capacity(ITEMS);
    for x in &items {
        let exact = model.ln_density(x)?;
        let posterior = model.posterior(x)?;
        let off = model.ln_weights(x, &posterior, 5, &mut rng)?.iter().map(|w| (w - exact).abs()).fold(0.0, f64::max);
        furthest = furthest.max(off);
        let (mean, covariance) = (posterior.mean(), posterior.covariance());
        let loose =
            LatentGaussian::diagonal(&[mean[0] + 0.1, mean[1] + 0.1], &[1.69 * covariance[0], 1.69 * covariance[3]])?;
        for (gaps, k) in gaps.iter_mut().zip([1, 5, 50]) {
            gaps.push(exact - model.importance_bound(x, &loose, k, REPETITIONS, &mut rng)?.mean);
        }
        evidence.push(exact);
    }
    acceptance.check("1a log w - ln p(x), exact posterior", furthest, Threshold::AtMost(1e-10), &conditions);
    for ((gaps, k), (value, tolerance)) in
        gaps.into_iter().zip([1, 5, 50]).zip([(0.370, 0.0), (0.056, 0.02), (0.005, 0.005)])
    {
        let gap = Figures::new(gaps);
        // That of k = 1 is known exactly: what is left is the error of the draws.
        let tolerance = if k == 1 { 4.0 * gap.stderr } else { tolerance };
        let conditions = conditions.clone().note(format!("standard error {:.4}", gap.stderr));
        acceptance.check(&format!("1b ln p(x) - L{k}"), gap.mean, Threshold::Near { value, tolerance }, conditions);
    }
    let evidence = Figures::new(evidence);
    let threshold = Threshold::Near { value: -8.7135, tolerance: 4.0 * evidence.stderr };
    acceptance.check("1c mean ln p(x)", evidence.mean, threshold, conditions);
    Ok(())
}
