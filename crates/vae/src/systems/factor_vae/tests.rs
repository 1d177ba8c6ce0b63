use std::collections::BTreeMap;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use ganvas_data::ItemShape;
use ganvas_engine::session::{Options, restore, sample, state_of};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::Activation;
use ganvas_nets::mlp::MlpConfig;
use ganvas_nets::noise::Pass;
use ganvas_nets::optim::{OptimizerConfig, squared_norm};
use ganvas_nets::state::{State, save_module};
use ganvas_prob::stream::Streams;

use super::train::{permuted, told_apart};
use super::*;
use crate::observation::Decoder;
use crate::systems::autoencoder::{AutoencoderConfig, Objective, latents_of, loss_of_one};
use crate::systems::vae::tanh;

const SHAPE: ItemShape = ItemShape::Image { channels: 1, height: 4, width: 4 };

fn small() -> FactorVaeConfig {
    let discriminator = MlpConfig::new(&[32, 32], Activation::LeakyRelu, Initializer::He);
    FactorVaeConfig { discriminator, ..FactorVaeConfig::new(tanh(3, &[24], Decoder::Gaussian { sd: 0.3 })) }
}

fn built(config: &FactorVaeConfig) -> Result<FactorVae, ConfigError> {
    let device = Device::flex().autodiff();
    let data = DataSpec { shape: SHAPE, classes: 0, mean: vec![0.0; 16] };
    FactorVae::build(config, &data, &Build { streams: Streams::new(1), device: &device })
}

fn noise(seed: u64) -> Noise {
    Noise::new(Streams::new(seed), "test", 0, &Device::flex())
}

/// Items that two numbers make: the left half has the one for its grey level, the right half the other.
fn batch(n: usize, step: u64) -> Batch {
    let device = Device::flex().autodiff();
    let noise = Noise::new(Streams::new(7), "items", step, &device);
    let side = |name: &str| noise.uniform(name, [n, 1], -0.9, 0.9).expand([n, 8]);
    Batch { items: Tensor::cat(vec![side("left"), side("right")], 1), labels: None, other: None, shape: SHAPE }
}

/// One step; what it recorded.
fn step_on(system: &mut FactorVae, batch: &Batch, index: u64) -> BTreeMap<String, f64> {
    let device = Device::flex().autodiff();
    let options = Options::new(Streams::new(1), batch.len() / 2, 1000);
    let mut step = Step::new(&options, index, &device, true);
    system.step(batch, &mut step);
    step.finish().unwrap().into_iter().map(|(name, value)| (name, value.into())).collect()
}

fn values(module: &impl Module) -> Vec<Vec<f32>> {
    let mut state = State::default();
    save_module(module, "net", &mut state);
    state.entries().values().map(|data| data.iter::<f32>().collect()).collect()
}

fn column(z: &Tensor<2>, i: usize) -> Vec<f64> {
    z.clone().narrow(1, i, 1).to_data().iter().collect()
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    let covariance = |x: &[f64], y: &[f64]| {
        let (m, n) = (mean(x), mean(y));
        x.iter().zip(y).map(|(x, y)| (x - m) * (y - n)).sum::<f64>()
    };
    covariance(a, b) / (covariance(a, a) * covariance(b, b)).sqrt()
}

/// Three latents that are one number: each keeps its values, and correlations are 0 within 4 standard errors.
#[test]
fn permuted_latents_keep_their_marginals_and_lose_their_dependence() {
    let n = 4000;
    let z = noise(1).normal("z", [n, 1]).expand([n, 3]);
    let mixed = permuted(z.clone(), &noise(2));
    let sorted = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values
    };
    for i in 0..3 {
        assert_eq!(sorted(column(&z, i)), sorted(column(&mixed, i)));
        assert_ne!(column(&z, i), column(&mixed, i));
        let found = correlation(&column(&mixed, i), &column(&mixed, (i + 1) % 3));
        assert!(found.abs() < 4.0 / (n as f64).sqrt(), "{found}");
    }
}

/// Two standard normal latents with correlation 0.8: ln q(z) - ln prod_j q(z_j) is known, and its mean is -ln(1 - 0.64) / 2 =
/// 0.511. A discriminator of 64 and 64 units, taught on 1,500 batches of 256, is allowed 0.05 of the mean over 20,000 draws, whose
/// standard error is 0.006, and a mean square of 0.04 point by point.
#[test]
fn a_discriminator_of_permuted_latents_learns_the_total_correlation() {
    let rho = 0.8f64;
    let pairs = |n: usize, noise: &Noise| {
        let (a, b) = (noise.normal("a", [n, 1]), noise.normal("b", [n, 1]));
        let second = a.clone().mul_scalar(rho) + b.mul_scalar((1.0 - rho * rho).sqrt());
        Tensor::cat(vec![a, second], 1)
    };
    let device = Device::flex().autodiff();
    let config = MlpConfig::new(&[64, 64], Activation::LeakyRelu, Initializer::He);
    let build = Build { streams: Streams::new(1), device: &device };
    let net = Mlp::new(2, 1, &config, &mut build.init("discriminator", config.init));
    let mut discriminator = Trained::new(net, OptimizerConfig::adam(2e-3, 0.5));
    let steps = 1500;
    for step in 0..steps {
        let noise = Noise::new(Streams::new(2), "pairs", step, &device);
        let mixed = permuted(pairs(256, &noise), &noise);
        let judge = |z| discriminator.net.forward(z, Pass::Eval);
        let loss = told_apart(judge(pairs(256, &noise)), judge(mixed));
        let gradients = discriminator.gradients(loss);
        discriminator.apply(gradients, 1.0 - step as f64 / steps as f64);
    }
    let z = pairs(20_000, &noise(3));
    let found: Vec<f64> = discriminator.shown().forward(z.clone(), Pass::Eval).to_data().iter().collect();
    let exact = |a: f64, b: f64| {
        let spread = 1.0 - rho * rho;
        -0.5 * spread.ln() - (rho * rho * (a * a + b * b) - 2.0 * rho * a * b) / (2.0 * spread)
    };
    let exact: Vec<f64> = column(&z, 0).into_iter().zip(column(&z, 1)).map(|(a, b)| exact(a, b)).collect();
    let mean = |x: &mut dyn Iterator<Item = f64>| x.sum::<f64>() / found.len() as f64;
    let (total, expected) = (mean(&mut found.iter().copied()), -0.5 * (1.0 - rho * rho).ln());
    assert!((total - expected).abs() < 0.05, "{total} against {expected}");
    let error = mean(&mut found.iter().zip(&exact).map(|(a, b)| (a - b).powi(2)));
    assert!(error < 0.04, "mean square {error}");
}

/// The first loss goes through the discriminator and gives it no gradient; the second likewise with the VAE.
#[test]
fn each_network_has_its_gradient_from_its_own_loss_alone() {
    let system = built(&small()).unwrap();
    let (networks, setup) = (&system.vae.networks, &system.vae.setup);
    let norm = |gradients: GradientsParams, net: &dyn Fn(&GradientsParams) -> Option<Tensor<1>>| {
        net(&gradients).map_or(0.0, Tensor::into_scalar::<f64>)
    };
    let of_vae = |gradients: &GradientsParams| squared_norm(gradients, &networks.net);
    let of_discriminator = |gradients: &GradientsParams| squared_norm(gradients, &system.discriminator.net);
    let device = Device::flex().autodiff();
    let options = Options::new(Streams::new(1), 8, 10);
    let mut step = Step::new(&options, 0, &device, false);
    // The update gives the loss what it is computed from.
    let mut copy = networks.clone();
    step.phase("bound").update("networks", &mut copy, &batch(8, 0), |_, micro| {
        let bound = || {
            let (loss, z) = loss_of_one(setup, &networks.net, micro, 0.0);
            loss.mul_scalar(0.0) + system.discriminator.frozen().forward(z, micro.pass()).mean()
        };
        assert!(norm(networks.gradients(bound()), &of_vae) > 0.0);
        assert_eq!(norm(system.discriminator.gradients(bound()), &of_discriminator), 0.0);
        let told = || {
            let z = latents_of(setup, &networks.frozen(), micro).detach();
            let on = |z| system.discriminator.net.forward(z, micro.pass());
            told_apart(on(z.clone()), on(permuted(z, &micro.noise)))
        };
        assert!(norm(system.discriminator.gradients(told()), &of_discriminator) > 0.0);
        assert_eq!(norm(networks.gradients(told()), &of_vae), 0.0);
        bound()
    });
}

/// A step changes both, with gamma 0 the VAE goes its own way.
#[test]
fn gamma_weighs_what_the_discriminator_says() {
    let after = |gamma: f64| {
        let mut system = built(&FactorVaeConfig { gamma, ..small() }).unwrap();
        let before = values(&system.discriminator.net);
        let figures = step_on(&mut system, &batch(16, 0), 0);
        assert_ne!(before, values(&system.discriminator.net));
        (figures, values(&system.vae.networks.net))
    };
    let ((plain, without), (found, with)) = (after(0.0), after(5.0));
    assert_ne!(without, with);
    let total = found["total_correlation"];
    assert!(total != 0.0 && total == plain["total_correlation"]);
    assert!((plain["bound"] - plain["reconstruction"] - plain["kl"]).abs() < 1e-3, "{plain:?}");
    assert!((found["bound"] - plain["bound"] - 5.0 * total).abs() < 1e-3, "{found:?}");
}

#[test]
fn training_lowers_the_loss_and_codes_tell_the_items_apart() {
    let mut system = built(&small()).unwrap();
    let found: Vec<_> = (0..300).map(|step| step_on(&mut system, &batch(128, step), step)).collect();
    let mean = |range: std::ops::Range<usize>, name: &str| {
        range.clone().map(|i| found[i][name]).sum::<f64>() / range.len() as f64
    };
    let (first, last) = (mean(0..10, "bound"), mean(290..300, "bound"));
    assert!(last < first - 5.0, "{first} to {last}");
    assert!(mean(290..300, "latents/active") >= 2.0);
    assert!((mean(290..300, "discriminator") - std::f64::consts::LN_2).abs() < 0.1);
}

#[test]
fn a_run_continues_from_its_state_exactly() {
    let config = FactorVaeConfig { autoencoder: AutoencoderConfig { ema: 0.5, ..small().autoencoder }, ..small() };
    let (mut unbroken, mut resumed) = (built(&config).unwrap(), built(&config).unwrap());
    for step in 0..2 {
        step_on(&mut unbroken, &batch(8, step), step);
    }
    restore(&mut resumed, state_of(&mut unbroken)).unwrap();
    for step in 2..4 {
        let found = [&mut unbroken, &mut resumed].map(|system| step_on(system, &batch(8, step), step));
        assert_eq!(found[0], found[1]);
    }
    let [a, b] = [&unbroken, &resumed].map(|system| sample(system, 6, &Streams::new(3), &Device::flex()));
    assert_eq!(a, b);
}

#[test]
fn bad_settings_are_named_by_their_keys() {
    let vae = |change: &dyn Fn(&mut AutoencoderConfig)| {
        let mut config = small();
        change(&mut config.autoencoder);
        config
    };
    let mut units = small();
    units.discriminator.hidden = vec![0];
    for (config, words) in [
        (FactorVaeConfig { gamma: -1.0, ..small() }, "`gamma` must be zero or more, got -1"),
        (FactorVaeConfig { gamma: f64::NAN, ..small() }, "`gamma`"),
        (
            FactorVaeConfig { discriminator_optimizer: OptimizerConfig::adam(0.0, 0.5), ..small() },
            "`discriminator_optimizer.lr`",
        ),
        (units, "`discriminator.hidden`"),
        (vae(&|config| config.latent = 1), "`autoencoder.latent`"),
        (vae(&|config| config.late = 2.0), "`autoencoder.late`"),
        (vae(&|config| config.objective = Objective::Multiply { m: 1, k: 1 }), "`autoencoder.objective.kind`"),
        (vae(&|config| config.conditional = true), "`data`"),
    ] {
        let error = built(&config).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(words), "`{words}` is not in `{error}`");
    }
}
