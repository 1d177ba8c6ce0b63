//! Acceptance checks of the WAE.

use burn::tensor::Tensor;
use ganvas_engine::accept::{AcceptError, Acceptance, Threshold};
use ganvas_engine::measures::{extractor, quality_of};
use ganvas_engine::system::{Autoencoder, to_device};
use ganvas_metrics::Images;
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::Streams;

use super::{Matched, matched, plain};
use crate::objectives::{Kernel, mmd2};
use crate::systems::ae::Deterministic;
use crate::systems::measures::trained;

const EPOCHS: u64 = 8;
const LATENT: usize = 8;
/// Codes that are compared with the prior.
const CODES: usize = 2000;
/// Images that are compared.
const N: usize = 5000;

/// 3: its codes are near the prior, what it restores is hardly worse than the plain autoencoder's, and latents of the prior are
/// decoded to better images.
pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let classifier = extractor(&dataset, &device)?;
    let config = plain(LATENT, &[256, 256]);
    for seed in acceptance.seeds() {
        let ae = trained::<Deterministic>(acceptance, &config, &dataset, seed, EPOCHS)?;
        let wae = trained::<Matched>(acceptance, &matched(config.clone()), &dataset, seed, EPOCHS)?;
        let noise = Noise::new(Streams::new(seed), "accept", 0, &device);
        let items = to_device(dataset.test.first(dataset.test.len), dataset.shape, &device);
        let prior = noise.normal("prior", [N, LATENT]);
        let of = |system: &dyn Autoencoder| -> Result<[f64; 3], AcceptError> {
            let codes = system.encode(items.clone(), None);
            let near = prior.clone().narrow(0, 0, CODES);
            let kernel = Kernel::InverseMultiquadratic { sd: 1.0 };
            let away: Tensor<1> = mmd2(codes.clone().narrow(0, 0, CODES), near, kernel);
            let error = (items.clone() - system.decode(codes, None)).square().mean().into_scalar::<f64>();
            let drawn: Vec<f32> = system.decode(prior.clone(), None).to_data().iter().collect();
            let found = quality_of(&Images::new(dataset.shape.planes(), drawn), &dataset, &classifier)?;
            Ok([away.into_scalar::<f64>(), error, found.ffd])
        };
        let ([away, error, ffd], [ae_away, ae_error, ae_ffd]) = (of(&wae.system)?, of(&ae.system)?);
        let conditions =
            wae.conditions().items(CODES, CODES).note(format!("784-256-256-8; {away:.5} against {ae_away:.5}"));
        acceptance.check("3 MMD^2 / the autoencoder's", away / ae_away, Threshold::AtMost(0.2), conditions);
        let note = format!("784-256-256-8; MSE {error:.5} against {ae_error:.5}, values in [-1, 1]");
        let conditions = wae.conditions().items(dataset.test.len, 0).note(note);
        acceptance.check("3 MSE / the autoencoder's", error / ae_error, Threshold::AtMost(1.15), conditions);
        let note = format!("784-256-256-8; ffd {ffd:.2} against {ae_ffd:.2}, both of latents from N(0, I)");
        let conditions = wae.conditions().items(N, N).note(note);
        acceptance.check("3 ffd / the autoencoder's", ffd / ae_ffd, Threshold::AtMost(0.6), conditions);
    }
    Ok(())
}
