//! The encoder with what may stand beside a code, and the decoder.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use ganvas_engine::system::Build;
use ganvas_nets::layers::Activation;
use ganvas_nets::mlp::Mlp;
use ganvas_nets::noise::{Noise, Pass};

use super::{AaeConfig, Coding};

/// Encoder and decoder, which the reconstruction trains as one.
#[derive(Module, Debug)]
pub(super) struct Networks {
    pub encoder: Encoder,
    pub decoder: Mlp,
}

/// Items to codes and, where it has a label head, to logits of the class.
#[derive(Module, Debug)]
pub(super) struct Encoder {
    net: Mlp,
    latent: usize,
    labels: usize,
    #[module(skip)]
    coding: Coding,
}

/// What the encoder makes of items.
pub(super) struct Coded {
    /// `[n, latent]`.
    pub code: Tensor<2>,
    /// `[n, labels]`, of an encoder with a label head.
    pub logits: Option<Tensor<2>>,
}

impl Coded {
    /// What the label head says: a probability of each class, `[n, labels]`.
    pub fn label(&self) -> Option<Tensor<2>> {
        self.logits.clone().map(|logits| softmax(logits, 1))
    }
}

impl Networks {
    /// For items of so many values of which the decoder is told one of `told` classes (0: none).
    pub fn new(config: &AaeConfig, values: usize, told: usize, build: &Build) -> Self {
        let latent = config.latent;
        let labels = if config.variant.has_label_head() { told } else { 0 };
        let (noises, heads) = match config.coding {
            Coding::Deterministic => (0, 1),
            Coding::Gaussian => (0, 2),
            Coding::Universal => (latent, 1),
        };
        let mut init = build.init("encoder", config.encoder.init);
        let net = Mlp::new(values + noises, heads * latent + labels, &config.encoder, &mut init);
        let mut init = build.init("decoder", config.decoder.init);
        let decoder = Mlp::new(latent + told, values, &config.decoder, &mut init).ending_in(config.output);
        Self { encoder: Encoder { net, latent, labels, coding: config.coding }, decoder }
    }
}

impl Encoder {
    /// # Shapes
    /// `items`: `[n, values]`. Without noise a random code is that of noise 0.
    pub fn forward(&self, items: Tensor<2>, noise: Option<&Noise>, pass: Pass) -> Coded {
        let [n, _] = items.dims();
        let draw = |like: &Tensor<2>| match noise {
            Some(noise) => noise.normal("code", [n, self.latent]),
            None => Tensor::zeros([n, self.latent], &like.device()),
        };
        let seen = match self.coding {
            Coding::Universal => {
                let noise = draw(&items);
                Tensor::cat(vec![items, noise], 1)
            }
            Coding::Deterministic | Coding::Gaussian => items,
        };
        let out = self.net.forward(seen, pass);
        let mean = out.clone().narrow(1, 0, self.latent);
        let (code, used) = match self.coding {
            Coding::Gaussian => {
                let sd = Activation::Softplus.forward(out.clone().narrow(1, self.latent, self.latent));
                let eps = draw(&mean);
                (mean + sd * eps, 2 * self.latent)
            }
            Coding::Deterministic | Coding::Universal => (mean, self.latent),
        };
        let logits = (self.labels > 0).then(|| out.narrow(1, used, self.labels));
        Coded { code, logits }
    }

    /// Whether the code of an item at noise 0 is not the mean of its codes.
    pub fn is_universal(&self) -> bool {
        self.coding == Coding::Universal
    }
}

/// Values side by side: `[n, a]` and `[n, b]` to `[n, a + b]`.
pub(super) fn beside(a: Tensor<2>, b: Option<Tensor<2>>) -> Tensor<2> {
    match b {
        Some(b) => Tensor::cat(vec![a, b], 1),
        None => a,
    }
}
