//! What acceptance checks measure.

use burn::tensor::{Device, Tensor};
use ganvas_nets::init::{Init, Initializer};
use ganvas_nets::layers::Activation;
use ganvas_nets::mlp::{Mlp, MlpConfig};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::{OptimizerConfig, Trained};
use ganvas_prob::stream::Streams;

use crate::objectives::Objective;

pub use ganvas_engine::measures::*;

/// A discriminator alone between N(0, 1) as data and N(1, 1), trained for 3,000 steps of 1,024 with Adam 1e-3: the mean loss of
/// the last 200, and the mean distance of its score from `best` on [-1.5, 2.5].
pub fn optimum(device: &Device, seed: u64, objective: Objective, best: impl Fn(f64) -> f64) -> (f64, f64) {
    let streams = Streams::new(seed);
    let config = MlpConfig::new(&[64, 64], Activation::Relu, Initializer::He);
    let mut init = Init::new(&streams, "discriminator", config.init, device);
    let mut trained = Trained::new(Mlp::new(1, 1, &config, &mut init), OptimizerConfig::adam(1e-3, 0.9));
    let mut late = Vec::new();
    for step in 0..3000 {
        let noise = Noise::new(streams, "discriminator", step, device);
        let real = noise.normal("real", [1024, 1]);
        let fake = noise.normal("fake", [1024, 1]).add_scalar(1.0);
        let pass = Pass::Train(&noise);
        let loss = objective.discriminator(trained.net.forward(real, pass), trained.net.forward(fake, pass));
        if step >= 2800 {
            late.push(loss.clone().into_scalar::<f64>());
        }
        let gradients = trained.gradients(loss);
        trained.apply(gradients, 1.0);
    }
    let grid: Vec<f32> = (0..=80).map(|i| -1.5 + 0.05 * i as f32).collect();
    let x = Tensor::<1>::from_floats(grid.as_slice(), device).reshape([grid.len(), 1]);
    let scores = trained.net.forward(x, Pass::Eval).to_data();
    let errors = scores.iter::<f64>().zip(&grid).map(|(t, &x)| (t - best(x.into())).abs());
    (late.iter().sum::<f64>() / late.len() as f64, errors.sum::<f64>() / grid.len() as f64)
}
