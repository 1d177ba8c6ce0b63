//! Acceptance checks of the autoencoder.

use ganvas_engine::accept::{AcceptError, Acceptance, Threshold};
use ganvas_engine::measures::{extractor, first_images};
use ganvas_engine::system::{Autoencoder, to_device};
use ganvas_metrics::baseline::principal_components;

use super::{Deterministic, deterministic};
use crate::observation::Decoder;
use crate::samplers::Law;
use crate::systems::measures::{by_samplers, trained};
use crate::systems::vae::tanh;

const EPOCHS: u64 = 8;
const LATENT: usize = 20;

/// A code of 20 numbers restores held-out digits with less error than 20 principal components, the best of all linear codes; and a mixture
/// fitted to the codes describes them and draws images better than one Gaussian does.
pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let of = |split: &ganvas_data::Split| first_images(split, dataset.shape, split.len);
    let linear = principal_components(&of(&dataset.train), &of(&dataset.test), LATENT).map_err(AcceptError::figure)?;
    let classifier = extractor(&dataset, &device)?;
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

        let laws = [Law::Gaussian, Law::Mixture, Law::Maf];
        let found = by_samplers(&system.system, &laws, &dataset, &classifier, (5000, seed), acceptance)?;
        let [gaussian, mixture, maf] = &found[..] else { continue };
        let [one, ten, flow] = [gaussian, mixture, maf].map(|found| found.density.unwrap_or(f64::NAN));
        let note = format!("784-400-20; ffd {:.1} of one Gaussian, {:.1} of ten", gaussian.ffd, mixture.ffd);
        let conditions = system.conditions().items(5000, 5000).note(note);
        acceptance.check("2 ffd, ten Gaussians / one", mixture.ffd / gaussian.ffd, Threshold::AtMost(0.5), &conditions);
        acceptance.check("2 ffd, flow / one Gaussian", maf.ffd / gaussian.ffd, Threshold::Recorded, &conditions);
        let note = format!("ln q of test codes: {one:.2} one Gaussian, {ten:.2} ten, {flow:.2} flow");
        let conditions = system.conditions().items(dataset.test.len, 0).note(note);
        acceptance.check("2 ln q, ten Gaussians over one, nats", ten - one, Threshold::AtLeast(0.0), &conditions);
        acceptance.check("2 ln q, flow over ten Gaussians, nats", flow - ten, Threshold::AtLeast(-0.5), conditions);
    }
    Ok(())
}
