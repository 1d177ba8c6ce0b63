//! Acceptance checks of the IWAE.

use ganvas_engine::accept::{AcceptError, Acceptance, Threshold};
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::Streams;

use super::{Weighted, weighted};
use crate::observation::Decoder;
use crate::systems::autoencoder::Objective;
use crate::systems::measures::{Bounds, trained};
use crate::systems::vae::{Variational, tanh};

const EPOCHS: u64 = 6;

/// 5: at equal passes over the data it bounds more tightly than the VAE, and has more to gain from samples.
pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let plain = tanh(10, &[200], Decoder::DYNAMIC);
    let config = weighted(plain.clone(), 5);
    debug_assert!(matches!(config.objective, Objective::ImportanceWeighted { k: 5, .. }));
    for seed in acceptance.seeds() {
        let noise = Noise::new(Streams::new(seed), "accept", 0, &device);
        let vae = trained::<Variational>(acceptance, &plain, &dataset, seed, EPOCHS)?;
        let of = Bounds::new(&vae.system, &dataset, &noise);
        let (vae_one, vae_many) = (of.weighted(&of.some, 1), of.weighted(&of.some, 500));
        let iwae = trained::<Weighted>(acceptance, &config, &dataset, seed, EPOCHS)?;
        let of = Bounds::new(&iwae.system, &dataset, &noise);
        let (one, many) = (of.weighted(&of.some, 1), of.weighted(&of.some, 500));
        let better = many.less(&vae_many);
        let note = format!(
            "784-200-10, k = 5, dynamic binarisation; -L500 {:.2} against {:.2}, standard error of the difference {:.3}",
            -many.mean, -vae_many.mean, better.stderr
        );
        let conditions = iwae.conditions().items(of.some.len(), 0).note(note);
        acceptance.check("5 -L500 under the VAE's, nats", better.mean, Threshold::AtLeast(0.5), &conditions);
        let (gap, vae_gap) = (many.mean - one.mean, vae_many.mean - vae_one.mean);
        let conditions = conditions.note(format!("L500 - L1 {gap:.2} against {vae_gap:.2}"));
        acceptance.check("5 L500 - L1 over the VAE's, nats", gap - vae_gap, Threshold::AtLeast(0.0), conditions);
    }
    Ok(())
}
