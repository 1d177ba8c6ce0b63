//! Acceptance checks of SN-GAN.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use faer::Mat;
use ganvas_data::Dataset;
use ganvas_engine::accept::{AcceptError, Acceptance, Threshold, Trial, Until};
use ganvas_engine::session::{restore, sample, state_of};
use ganvas_engine::system::{Build, DataSpec, Preset, System, to_device};
use ganvas_nets::init::{Init, Initializer};
use ganvas_nets::layers::{NormKind, SpectralNorm};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::OptimizerConfig;
use ganvas_prob::stream::Streams;

use super::{Sngan, normalised};
use crate::networks::{Discriminator, Networks};
use crate::objectives::Objective;
use crate::systems::adversarial::{Adversarial, AdversarialConfig};
use crate::systems::dcgan::{Dcgan, settings};
use crate::systems::gan::{self, Plain};
use crate::systems::measures::{extractor, median, quality};

/// Images that are compared.
const N: usize = 5000;
/// Training of each network.
const STEPS: u64 = 2500;
/// The spectral norm is that of an estimate, which lags a little behind the weights.
const NEAR_ONE: f64 = 1.05;

pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    gradient(acceptance);
    lipschitz(acceptance)?;
    images(acceptance)
}

/// 2: the gradient with respect to a weight, through its normalisation, against central differences; with the estimate
/// of the norm taken as a constant the same comparison has to fail.
fn gradient(acceptance: &mut Acceptance) {
    const STEP: f64 = 1e-2;
    let device = acceptance.device().clone();
    for seed in acceptance.seeds() {
        let init = &mut Init::new(&Streams::new(seed), "check", Initializer::Normal { sd: 1.0 }, &device);
        let weight = init.weight([6, 9], 1, 1).val();
        let norm = SpectralNorm::new(weight.clone(), init);
        // Partly along the weight: across it, the norm of the weight does not matter.
        let upstream = (init.weight([6, 9], 1, 1).val() + weight.clone()).detach();
        let loss = |weight: Tensor<2>| (norm.normalized(weight, Pass::Eval) * upstream.clone()).sum();
        let found =
            weight.grad(&loss(weight.clone()).backward()).map(|g| g.to_data().iter::<f64>().collect::<Vec<_>>());
        let sigma = (weight.clone() / norm.normalized(weight.clone(), Pass::Eval)).mean().into_scalar::<f64>();
        let constant: Vec<f64> = upstream.to_data().iter::<f64>().map(|g| g / sigma).collect();
        let values: Vec<f64> = weight.to_data().iter::<f64>().collect();
        let at = |place: usize, step: f64| {
            let moved: Vec<f64> =
                values.iter().enumerate().map(|(i, x)| if i == place { x + step } else { *x }).collect();
            loss(Tensor::<1>::from_floats(moved.as_slice(), &device).reshape([6, 9])).into_scalar::<f64>()
        };
        let expected: Vec<f64> = (0..values.len()).map(|i| (at(i, STEP) - at(i, -STEP)) / (2.0 * STEP)).collect();
        let length = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>().sqrt();
        let error = |found: &[f64]| {
            let apart: Vec<f64> = found.iter().zip(&expected).map(|(a, b)| a - b).collect();
            length(&apart) / length(&expected)
        };
        let conditions = format!("seed {seed}, 6 x 9 weights, central differences of {STEP}");
        let found = found.map_or(f64::NAN, |found| error(&found));
        acceptance.check("2 relative error of the gradient", found, Threshold::AtMost(1e-2), &conditions);
        let constant = error(&constant);
        acceptance.check("2 the same with a constant norm", constant, Threshold::AtLeast(1e-2), conditions);
    }
}

/// 3: a fully connected discriminator is Lipschitz, as a product of matrices of norm 1 with slopes of at most 1.
fn lipschitz(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    const PAIRS: usize = 10_000;
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let mut config = AdversarialConfig { objective: Objective::Hinge, ..gan::small(false) };
    if let Networks::Mlp { discriminator, .. } = &mut config.networks {
        discriminator.spectral = true;
    }
    for seed in acceptance.seeds() {
        let trial = Trial { dataset: &dataset, seed, batch: 64, until: Until::Steps(STEPS) };
        let trained = acceptance.train::<Adversarial<Plain>>(&config, &trial)?;
        let real = to_device(dataset.test.first(PAIRS / 2), dataset.shape, &device);
        let values = sample(&trained.system, PAIRS / 2, &Streams::new(seed).fork("eval"), &device);
        let fake = to_device(values, dataset.shape, &device);
        let noise = Noise::new(Streams::new(seed), "noise", 0, &device).uniform("noise", real.dims(), -1.0, 1.0);
        let half = PAIRS / 4;
        let [lower, upper] = [0, half].map(|from| move |x: &Tensor<2>| x.clone().narrow(0, from, half));
        // Of each kind with each other, and of real ones among themselves.
        let pairs = [
            (lower(&real), lower(&fake)),
            (upper(&real), lower(&noise)),
            (upper(&fake), upper(&noise)),
            (lower(&real), upper(&real)),
        ];
        let net = trained.system.discriminator.frozen().valid();
        let score = |x: Tensor<2>| net.forward(x, None, Pass::Eval);
        let mut steepest = 0.0f64;
        for (a, b) in pairs {
            let rise = (score(a.clone()) - score(b.clone())).abs();
            let apart = (a - b).square().sum_dim(1).sqrt().clamp_min(1e-6);
            steepest = steepest.max((rise / apart).max().into_scalar::<f64>());
        }
        let conditions = trained.conditions().note(format!("784-256-128-1, {PAIRS} pairs"));
        acceptance.check("3 steepest slope", steepest, Threshold::AtMost(NEAR_ONE), conditions);
    }
    Ok(())
}

/// A discriminator, and how it is trained.
struct Rival {
    name: &'static str,
    config: AdversarialConfig,
}

/// The preset, and the settings C (one update of the discriminator for one of the generator) and F (five) of the paper's
/// table 1, with the standard loss that its section 4 compares them with.
fn rivals() -> [Rival; 6] {
    let preset = normalised(settings(Preset::Small, 28));
    let with = |norm: NormKind, normalised: bool| {
        let mut config = preset.clone();
        if let Networks::Dcgan { discriminator_norm, spectral, .. } = &mut config.networks {
            (*discriminator_norm, *spectral) = (norm, normalised);
        }
        config
    };
    let standard = |config| AdversarialConfig { objective: Objective::NonSaturating, ..config };
    let f = |norm, normalised| {
        let adam = OptimizerConfig::adam(1e-3, 0.9);
        let config = standard(with(norm, normalised));
        AdversarialConfig { generator_optimizer: adam, discriminator_optimizer: adam, critic_steps: 5, ..config }
    };
    [
        Rival { name: "5 ffd, spectral norm", config: with(NormKind::None, true) },
        Rival { name: "5 ffd, no norm", config: with(NormKind::None, false) },
        Rival { name: "4 ffd, spectral norm, C", config: standard(with(NormKind::None, true)) },
        Rival { name: "4 ffd, spectral norm, F", config: f(NormKind::None, true) },
        Rival { name: "4 ffd, no norm, F", config: f(NormKind::None, false) },
        Rival { name: "4 ffd, batch norm, F", config: f(NormKind::Batch, false) },
    ]
}

/// 1, 4, 5 and 6: on MNIST.
fn images(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let extractor = extractor(&dataset, &device)?;
    let mut medians = [f64::NAN; 6];
    for (i, Rival { name, config }) in rivals().into_iter().enumerate() {
        let mut found = Vec::new();
        for seed in acceptance.seeds() {
            let trial = Trial { dataset: &dataset, seed, batch: 64, until: Until::Steps(STEPS) };
            let trained = match acceptance.train::<Sngan>(&config, &trial) {
                Ok(trained) => trained,
                // A run that is not finite has lost.
                Err(AcceptError::Engine(error)) => {
                    let conditions = format!("seed {seed}: {error}");
                    acceptance.check(name, f64::INFINITY, Threshold::Recorded, conditions);
                    found.push(f64::INFINITY);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let ffd = quality(&trained.system, &dataset, &extractor, N, seed, &device)?.ffd;
            let conditions = trained.conditions().items(N, N);
            acceptance.check(name, ffd, Threshold::Recorded, &conditions);
            found.push(ffd);
            let norms = largest_singular_values(&trained.system.discriminator.frozen());
            let largest = norms.iter().copied().fold(0.0, f64::max);
            match i {
                0 => {
                    acceptance.check("1 largest singular value", largest, Threshold::AtMost(NEAR_ONE), conditions);
                    state(acceptance, &trained.system, &config, &dataset, seed)?;
                }
                1 => acceptance.check("1 the same without the norm", largest, Threshold::Recorded, conditions),
                _ => {}
            }
        }
        medians[i] = median(found);
    }
    let [ours, _, c, f, plain, batch] = medians;
    let conditions = format!(
        "medians of {} seeds, C: Adam 2e-4 (0.5, 0.999), F: 1e-3 (0.9, 0.999) and five updates of the discriminator",
        acceptance.seeds().len()
    );
    acceptance.check("4 ffd in F / in C", f / c, Threshold::AtMost(2.0), &conditions);
    acceptance.check("4 ffd in F / best of the others", f / plain.min(batch), Threshold::AtMost(1.0), conditions);
    let mut theirs = Vec::new();
    for seed in acceptance.seeds() {
        let trial = Trial { dataset: &dataset, seed, batch: 64, until: Until::Steps(STEPS) };
        let trained = acceptance.train::<Dcgan>(&settings(Preset::Small, 28), &trial)?;
        theirs.push(quality(&trained.system, &dataset, &extractor, N, seed, &device)?.ffd);
    }
    let theirs = median(theirs);
    let conditions = format!("medians, ffd {ours:.2} against {theirs:.2}, {STEPS} steps each");
    acceptance.check("5 ffd / DCGAN's", ours / theirs, Threshold::AtMost(1.0), conditions);
    Ok(())
}

/// The largest singular value of each layer's weight as it is used, by a decomposition.
fn largest_singular_values(net: &Discriminator) -> Vec<f64> {
    net.weights()
        .into_iter()
        .map(|weight| {
            let [rows, columns] = weight.dims();
            let values: Vec<f64> = weight.to_data().iter::<f64>().collect();
            let matrix = Mat::from_fn(rows, columns, |i, j| values[i * columns + j]);
            matrix.singular_values().map_or(f64::NAN, |values| values.into_iter().fold(0.0, f64::max))
        })
        .collect()
}

/// 6: the vectors of the power iteration are kept in a checkpoint, and evaluation leaves them as they are.
fn state(
    acceptance: &mut Acceptance,
    trained: &Sngan,
    config: &AdversarialConfig,
    dataset: &Dataset,
    seed: u64,
) -> Result<(), AcceptError> {
    let device = acceptance.plain_device();
    let scores = |system: &Sngan, device: &Device| {
        let items = to_device(dataset.test.first(64), dataset.shape, device);
        system.discriminator.net.valid().forward(items, None, Pass::Eval).to_data()
    };
    let mut trained = trained.clone();
    let first = scores(&trained, &device);
    let again = scores(&trained, &device);
    let build = Build { streams: Streams::new(seed + 1), device: acceptance.device() };
    let mut read = Sngan::build(config, &DataSpec::of(dataset), &build)?;
    restore(&mut read, state_of(&mut trained)).map_err(AcceptError::figure)?;
    let restored = scores(&read, &device);
    let equal = f64::from(u8::from(first == again)) + f64::from(u8::from(first == restored));
    let conditions = format!("seed {seed}, 64 scores: evaluated twice, and after saving and loading, bit for bit");
    acceptance.check("6 equal evaluations of 2", equal, Threshold::AtLeast(2.0), conditions);
    Ok(())
}
