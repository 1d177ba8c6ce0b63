//! Acceptance checks of the autoencoder.

use ganvas_engine::accept::{AcceptError, Acceptance, Threshold};
use ganvas_engine::measures::first_images;
use ganvas_engine::system::{Autoencoder, to_device};
use ganvas_metrics::baseline::principal_components;

use super::{Deterministic, deterministic};
use crate::observation::Decoder;
use crate::systems::measures::trained;
use crate::systems::vae::tanh;

const EPOCHS: u64 = 8;
const LATENT: usize = 20;

/// A code of 20 numbers restores held-out digits with less error than 20 principal components, the best of all linear codes.
pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let of = |split: &ganvas_data::Split| first_images(split, dataset.shape, split.len);
    let linear = principal_components(&of(&dataset.train), &of(&dataset.test), LATENT).map_err(AcceptError::figure)?;
    let config = deterministic(tanh(LATENT, &[400], Decoder::DYNAMIC));
    for seed in acceptance.seeds() {
        let system = trained::<Deterministic>(acceptance, &config, &dataset, seed, EPOCHS)?;
        let items = to_device(dataset.test.first(dataset.test.len), dataset.shape, &device);
        let back = system.system.decode(system.system.encode(items.clone(), None), None);
        let error = (items - back).square().mean().into_scalar::<f64>();
        let note =
            format!("784-400-20; MSE {error:.5} against {linear:.5} of 20 principal components, values in [-1, 1]");
        let conditions = system.conditions().items(dataset.test.len, 0).note(note);
        acceptance.check("1 MSE / principal components'", error / linear, Threshold::AtMost(0.8), conditions);
    }
    Ok(())
}
