use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use ganvas_data::{Dataset, ItemShape, Split, Values};
use ganvas_engine::session::{Options, Session};
use ganvas_engine::system::{Build, DataSpec, Model, System};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::Activation;
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::Streams;

use super::{CodeLaw, Codes, SamplerError};
use crate::networks::Networks;
use crate::observation::Decoder;
use crate::systems::autoencoder::AutoencoderConfig;
use crate::systems::vae::Vae;

/// Codes of a batch.
const BATCH: usize = 128;
/// Passes over the codes.
const PASSES: u64 = 10;
/// Fewer codes are passed over more often, many less often.
const STEPS: (u64, u64) = (3000, 10_000);

/// A VAE of codes with as many latents as these have numbers, and a decoder that learns its deviation (Dai and Wipf 2019, section
/// 3.2). Theirs has two hidden layers of 1,024.
pub(super) struct SecondStage(Vae);

impl SecondStage {
    pub fn fit(
        codes: &Codes,
        streams: Streams,
        device: &Device,
        tell: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, SamplerError> {
        let (n, d) = (codes.len(), codes.dims);
        let networks = Networks::mlp(&[256, 256], Activation::Relu, Initializer::He);
        let config = AutoencoderConfig::new(d, networks, Decoder::LearnedGaussian { sd: 1.0 });
        let split = Split { values: Values::F32(codes.values.clone()), labels: None, len: n };
        let shape = ItemShape::Points { dims: d };
        let dataset = Arc::new(Dataset::new("codes", "codes", shape, vec![], split.clone(), split, "")?);
        let mut vae = Vae::build(&config, &DataSpec::of(&dataset), &Build { streams, device })?;
        let steps = (PASSES * (n as u64).div_ceil(BATCH as u64)).clamp(STEPS.0, STEPS.1);
        let options = Options::new(streams, BATCH.min(n), steps);
        let mut session = Session::new(&mut vae, &dataset, device, options, 0, 0.0)?;
        for step in 0..steps {
            session.step(false)?;
            if step % 100 == 99 {
                tell(step + 1, steps);
            }
        }
        drop(session);
        Ok(Self(vae))
    }
}

impl CodeLaw for SecondStage {
    fn draw(&self, n: usize, noise: &Noise) -> Tensor<2> {
        self.0.sample(n, noise)
    }
}
