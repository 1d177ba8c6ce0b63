//! Acceptance checks of the VAE-GAN.

use ganvas_engine::accept::{AcceptError, Acceptance, Threshold, Trial, Until};
use ganvas_engine::measures::{extractor, quality};
use ganvas_engine::system::{Autoencoder, Model, to_device};

use super::{Vaegan, VaeganConfig};
use crate::observation::Decoder;
use crate::systems::autoencoder::AutoencoderConfig;
use crate::systems::vae::{Vae, tanh};

const STEPS: u64 = 1500;
const BATCH: usize = 64;
/// Images that are compared with as many test images.
const IMAGES: usize = 5000;

/// 2: decoded draws of the prior are nearer to test images than those of a VAE with the same encoder and decoder after as many
/// steps, whose likelihood is of pixels. Recorded beside that: a VAE with the fully connected networks of its preset, and how far
/// reconstructions are from the items.
pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let classifier = extractor(&dataset, &device)?;
    let config = VaeganConfig::new(16, 16);
    let pixels = AutoencoderConfig::new(config.latent, config.networks.clone(), Decoder::DYNAMIC);
    let connected = tanh(config.latent, &[400], Decoder::DYNAMIC);
    let items = to_device(dataset.test.first(IMAGES), dataset.shape, &device);
    for seed in acceptance.seeds() {
        let trial = Trial { dataset: &dataset, seed, batch: BATCH, until: Until::Steps(STEPS) };
        let plain = acceptance.train::<Vae>(&pixels, &trial)?;
        let system = acceptance.train::<Vaegan>(&config, &trial)?;
        let of = |model: &dyn Model| quality(model, &dataset, &classifier, IMAGES, seed, &device);
        let (found, without) = (of(&system.system)?, of(&plain.system)?);
        let note = format!("ffd {:.2} against {:.2}, rarest class {:.3}", found.ffd, without.ffd, found.rarest);
        let conditions = system.conditions().items(IMAGES, IMAGES).note(note);
        acceptance.check("2 ffd / the VAE's", found.ffd / without.ffd, Threshold::AtMost(0.999), conditions);

        let other = acceptance.train::<Vae>(&connected, &trial)?;
        let theirs = of(&other.system)?.ffd;
        let conditions =
            system.conditions().items(IMAGES, IMAGES).note(format!("ffd {:.2} against {theirs:.2}", found.ffd));
        acceptance.check("2 ffd / a fully connected VAE's", found.ffd / theirs, Threshold::Recorded, conditions);

        let error = |system: &Vae| {
            let back = system.decode(system.encode(items.clone(), None), None);
            (items.clone() - back).square().mean().into_scalar::<f64>()
        };
        let (found, without) = (error(&system.system.vae), error(&plain.system));
        let note = format!("MSE {found:.4} against {without:.4}, values in [-1, 1]");
        let conditions = system.conditions().items(IMAGES, 0).note(note);
        acceptance.check("2 MSE / the VAE's", found / without, Threshold::Recorded, conditions);
    }
    Ok(())
}
