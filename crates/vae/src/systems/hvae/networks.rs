use burn::module::Module;
use burn::tensor::Tensor;
use ganvas_engine::system::{Build, DataSpec};
use ganvas_kernels::softplus;
use ganvas_nets::encoder::{Encoder, EncoderNet, mean_and_log_variance, reparameterize};
use ganvas_nets::layers::{Linear, Values};
use ganvas_nets::mlp::Mlp;
use ganvas_nets::noise::{Noise, Pass};

use super::HvaeConfig;
use crate::objectives::{kl_between, log_normal, sum_rows};
use crate::observation::Observation;

/// Mean and log-variance, `[n, latent]` each.
pub(super) type Gaussian = (Tensor<2>, Tensor<2>);

/// All networks, layer by layer, the one next to the data first.
#[derive(Module, Debug)]
pub(super) struct Networks {
    /// Items to the features of the first layer.
    bottom: Encoder,
    /// Features of a layer, or draws of its latents, to the features of the next.
    up: Vec<Mlp>,
    /// Features of a layer to what they say of its latents.
    heads: Vec<Linear>,
    /// Latents of a layer to the prior of those below.
    down: Vec<Mlp>,
    /// Latents of the first layer to what is said of items.
    decoder: Mlp,
    /// A tenth of the logarithm of the decoder's scale, where that is learned, as in the other autoencoders.
    log_scale: Option<Values<1>>,
}

/// What a pass has drawn of one layer for some items.
pub(super) struct Drawn {
    /// `[n, latent]`.
    pub z: Tensor<2>,
    /// The posterior that it was drawn from, given the layers that were drawn before.
    pub posterior: Gaussian,
    /// The prior, given the layer above.
    pub prior: Gaussian,
    /// KL latent by latent, `[n, latent]`, where what both are given does not depend on z.
    pub per_latent: Option<Tensor<2>>,
}

impl Drawn {
    /// ln p(z) - ln q(z), `[n]`.
    pub fn log_ratio(&self) -> Tensor<1> {
        log_normal(self.z.clone(), self.prior.clone()) - log_normal(self.z.clone(), self.posterior.clone())
    }

    /// KL of the layer given what was drawn before it, `[n]`: closed or, of a posterior that goes up, by z.
    pub fn kl(&self) -> Tensor<1> {
        self.per_latent.clone().map_or_else(|| self.log_ratio().neg(), sum_rows)
    }
}

/// The product of two Gaussian densities, made a density: precisions add, means are weighted by them (Sonderby et al. 2016, section
/// 2.2). With s = 1 / (1 + e^(a - b)), the share of the first precision, the log-variance is a + ln s.
pub(super) fn combined((mean, a): Gaussian, (other, b): Gaussian) -> Gaussian {
    let log_share = softplus(a.clone() - b).neg();
    let share = ganvas_kernels::exp(log_share.clone());
    (other.clone() + share * (mean - other), a + log_share)
}

impl Networks {
    pub fn new(config: &HvaeConfig, observation: &Observation, data: &DataSpec, build: &Build) -> Self {
        let (centre, bias) = observation.start(&data.mean);
        let mlp = |name: &str, inputs: usize, hidden: &[usize], outputs: usize| {
            let config = config.mlp(hidden);
            Mlp::new(inputs, outputs, &config, &mut build.init(name, config.init))
        };
        // Two hidden layers: the features are the second.
        let features =
            |name: &str, inputs: usize, units: usize| mlp(name, inputs, &[units], units).ending_in(config.activation);
        let layers = &config.layers;
        let name = |what: &str, i: usize| format!("{what}/{i}");
        let bottom = features("up/0", data.values(), layers[0].units);
        let given = |i: usize| if config.ladder { layers[i].units } else { layers[i].latent };
        let up = (1..layers.len()).map(|i| features(&name("up", i), given(i - 1), layers[i].units)).collect();
        let head = |i: usize| {
            Linear::new(layers[i].units, 2 * layers[i].latent, true, &mut build.init(&name("head", i), config.init))
        };
        let down = (1..layers.len())
            .map(|i| {
                let units = layers[i].units;
                mlp(&name("down", i), layers[i].latent, &[units, units], 2 * layers[i - 1].latent)
            })
            .collect();
        let decoder = mlp("decoder", layers[0].latent, &[layers[0].units; 2], data.values());
        let mut init = build.init("decoder/bias", config.init);
        let decoder = decoder.with_output_bias(bias, &mut init);
        let scale = config.decoder.learned();
        let log_scale = scale.map(|scale| Values::new(init.parameter(vec![scale.ln() as f32 / 10.0], [1])));
        let bottom = Encoder::new(EncoderNet::Mlp(bottom), centre, &init);
        Self { bottom, up, heads: (0..layers.len()).map(head).collect(), down, decoder, log_scale }
    }

    pub fn log_scale(&self) -> Option<Tensor<1>> {
        self.log_scale.as_ref().map(|value| value.get().mul_scalar(10.0))
    }

    /// Features of the first layer, `[n, units]`, of what is observed, `[n, values]`.
    pub fn features(&self, observed: Tensor<2>, pass: Pass) -> Tensor<2> {
        self.bottom.forward(observed, None, pass)
    }

    /// `[n, latents of the first layer]` to `[n, values]`.
    pub fn decode(&self, z: Tensor<2>, pass: Pass) -> Tensor<2> {
        self.decoder.forward(z, pass)
    }

    /// The posterior of every layer given features of the first, and a draw of it; without noise its mean, which what follows is given.
    pub fn draw(&self, config: &HvaeConfig, features: Tensor<2>, noise: Option<&Noise>, pass: Pass) -> Vec<Drawn> {
        if config.ladder { self.draw_down(features, noise, pass) } else { self.draw_up(features, noise, pass) }
    }

    /// The ladder: deterministic on the way up, then down with the prior, q(z_i|z_{i+1}, x) being what both say together.
    fn draw_down(&self, features: Tensor<2>, noise: Option<&Noise>, pass: Pass) -> Vec<Drawn> {
        let mut all = vec![features];
        for up in &self.up {
            let next = up.forward(all[all.len() - 1].clone(), pass);
            all.push(next);
        }
        let mut drawn: Vec<Drawn> = Vec::new();
        for (i, (head, features)) in self.heads.iter().zip(all).enumerate().rev() {
            let said = mean_and_log_variance(head.forward(features, pass));
            let (prior, posterior) = match drawn.last() {
                None => (standard(&said.0), said),
                Some(above) => {
                    let prior = self.prior(i, above.z.clone(), pass);
                    (prior.clone(), combined(said, prior))
                }
            };
            let z = draw(&posterior, noise);
            let per_latent = Some(kl_between(posterior.clone(), prior.clone()));
            drawn.push(Drawn { z, posterior, prior, per_latent });
        }
        drawn.reverse();
        drawn
    }

    /// Every layer drawn by the one below; only of the top one is the divergence closed.
    fn draw_up(&self, mut features: Tensor<2>, noise: Option<&Noise>, pass: Pass) -> Vec<Drawn> {
        let mut drawn: Vec<Drawn> = Vec::new();
        for (i, head) in self.heads.iter().enumerate() {
            let posterior = mean_and_log_variance(head.forward(features.clone(), pass));
            let (z, prior) = (draw(&posterior, noise), standard(&posterior.0));
            if let Some(up) = self.up.get(i) {
                features = up.forward(z.clone(), pass);
            }
            if let Some(below) = drawn.last_mut() {
                below.prior = self.prior(i - 1, z.clone(), pass);
            }
            let per_latent = (i + 1 == self.heads.len()).then(|| kl_between(posterior.clone(), prior.clone()));
            drawn.push(Drawn { z, posterior, prior, per_latent });
        }
        drawn
    }

    /// p(z_i|z_{i+1}) for layer `i` below the top.
    fn prior(&self, i: usize, above: Tensor<2>, pass: Pass) -> Gaussian {
        mean_and_log_variance(self.down[i].forward(above, pass))
    }

    /// Latents of the first layer from those of the top, `[n, latent]`, with standard normal draws for each layer between,
    /// `[n, latent]` each, the first layer's first.
    pub fn descend(&self, top: Tensor<2>, eps: &[Tensor<2>]) -> Tensor<2> {
        eps.iter().enumerate().rev().fold(top, |above, (i, eps)| {
            let (mean, log_variance) = self.prior(i, above, Pass::Eval);
            reparameterize(mean, log_variance, eps.clone())
        })
    }
}

/// N(0, I).
fn standard(like: &Tensor<2>) -> Gaussian {
    (like.zeros_like(), like.zeros_like())
}

fn draw((mean, log_variance): &Gaussian, noise: Option<&Noise>) -> Tensor<2> {
    match noise {
        Some(noise) => reparameterize(mean.clone(), log_variance.clone(), noise.normal("posterior", mean.dims())),
        None => mean.clone(),
    }
}
