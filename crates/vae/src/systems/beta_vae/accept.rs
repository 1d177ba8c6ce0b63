//! Acceptance checks of the beta-VAE.

use ganvas_engine::accept::{AcceptError, Acceptance, Threshold};
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::Streams;

use super::{Weighed, weighed};
use crate::observation::Decoder;
use crate::systems::measures::{Bounds, trained};
use crate::systems::vae::tanh;

const EPOCHS: u64 = 6;
const BETAS: [f64; 4] = [1.0, 2.0, 4.0, 8.0];

/// 7: the more the divergence counts, the less is said and the worse it is said.
pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    for seed in acceptance.seeds() {
        let mut found = Vec::new();
        for beta in BETAS {
            let config = weighed(tanh(10, &[200], Decoder::DYNAMIC), beta);
            let system = trained::<Weighed>(acceptance, &config, &dataset, seed, EPOCHS)?;
            let noise = Noise::new(Streams::new(seed), "accept", 0, &device);
            let bounds = Bounds::new(&system.system, &dataset, &noise);
            let (kl, reconstruction) = (bounds.kl(&bounds.test).mean, bounds.reconstruction(&bounds.test).mean);
            found.push((kl, reconstruction, system.conditions()));
        }
        for (pair, betas) in found.windows(2).zip(BETAS.windows(2)) {
            let [(kl, reconstruction, _), (less, worse, conditions)] = pair else { continue };
            let [from, to] = betas else { continue };
            let conditions = conditions.clone().items(dataset.test.len, 0);
            let note = format!("784-200-10, dynamic binarisation; KL {kl:.2} to {less:.2}");
            let name = format!("7 KL falls, beta {from} to {to}, nats");
            acceptance.check(&name, kl - less, Threshold::AtLeast(0.0), conditions.clone().note(note));
            let note = format!("784-200-10, dynamic binarisation; -ln p(x|z) {reconstruction:.2} to {worse:.2}");
            let name = format!("7 reconstruction error rises, beta {from} to {to}, nats");
            acceptance.check(&name, worse - reconstruction, Threshold::AtLeast(0.0), conditions.note(note));
        }
    }
    Ok(())
}
