//! Acceptance checks of the FactorVAE.

use ganvas_engine::accept::{AcceptError, Acceptance, Threshold, Trial, Until};
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::Streams;

use super::{FactorVae, FactorVaeConfig};
use crate::objectives::total_correlation;
use crate::observation::Decoder;
use crate::systems::beta_vae::{Weighed, weighed};
use crate::systems::measures::{Bounds, epochs, trained};
use crate::systems::vae::{Vae, Variational, tanh};

const EPOCHS: u64 = 6;

/// Latents depend on each other less than the VAE's; recorded is what that costs beside the beta-VAE with as large a weight of the
/// total correlation. All see as many items, and each is updated as often.
pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let base = tanh(10, &[200], Decoder::DYNAMIC);
    let config = FactorVaeConfig::new(base.clone());
    // As a part of KL it has the weight 1.
    let beta = 1.0 + config.gamma;
    for seed in acceptance.seeds() {
        let noise = Noise::new(Streams::new(seed), "accept", 0, &device);
        let plain = trained::<Variational>(acceptance, &base, &dataset, seed, EPOCHS)?;
        let rival = trained::<Weighed>(acceptance, &weighed(base.clone(), beta), &dataset, seed, EPOCHS)?;
        let trial = Trial { dataset: &dataset, seed, batch: 128, until: Until::Steps(epochs(&dataset, EPOCHS)) };
        let system = acceptance.train::<FactorVae>(&config, &trial)?;
        let ours = Bounds::new(&system.system.vae, &dataset, &noise);
        let some = &ours.some;
        let total = |(z, mean, log_variance)| total_correlation(z, mean, log_variance).total.into_scalar::<f64>();
        let of = |vae: &Vae| total(vae.posterior(some, &noise));
        let (found, without) = (of(&system.system.vae), of(&plain.system));
        let rivals = total(rival.system.posterior(some, &noise));
        let note = format!(
            "784-200-10, gamma {}; total correlation {found:.3} against {without:.3}, by minibatch weights",
            config.gamma
        );
        let conditions = system.conditions().items(some.len(), 0).note(note);
        let name = "1 total correlation under the VAE's, nats";
        acceptance.check(name, without - found, Threshold::AtLeast(0.0), conditions);

        let theirs = Bounds::new(&rival.system, &dataset, &noise);
        let (error, worse) = (ours.reconstruction(&ours.test), theirs.reconstruction(&theirs.test));
        let note = format!(
            "784-200-10; -ln p(x|z) {:.2} against {:.2} of beta {beta}, total correlation {found:.3} against {rivals:.3}",
            error.mean, worse.mean
        );
        let conditions = system.conditions().items(error.values.len(), 0).note(note);
        let name = "2 -ln p(x|z) under the beta-VAE's, nats";
        acceptance.check(name, worse.less(&error).mean, Threshold::Recorded, &conditions);
        let name = "2 total correlation under the beta-VAE's, nats";
        acceptance.check(name, rivals - found, Threshold::Recorded, conditions);
    }
    Ok(())
}
