//! Acceptance checks of the hierarchical VAE.

use ganvas_engine::accept::{AcceptError, Acceptance, Threshold, Trial, Until};
use ganvas_engine::measures::{extractor, quality};
use ganvas_engine::system::{Likelihood, Model};
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::Streams;

use super::{Hvae, HvaeConfig};
use crate::observation::Decoder;
use crate::systems::measures::{Bounds, Figures, batched, epochs};

const EPOCHS: u64 = 8;
const LAYERS: [(usize, usize); 2] = [(32, 256), (16, 128)];
/// Images that samples are compared with.
const IMAGES: usize = 5000;

/// Both layers say something of an item, and the bound is no worse than with the first layer alone, a VAE of the same networks next to
/// the data.
pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let classifier = extractor(&dataset, &device)?;
    for seed in acceptance.seeds() {
        let noise = Noise::new(Streams::new(seed), "accept", 0, &device);
        let mut trained = |layers: &[(usize, usize)]| {
            let until = Until::Steps(epochs(&dataset, EPOCHS));
            let trial = Trial { dataset: &dataset, seed, batch: 128, until };
            acceptance.train::<Hvae>(&HvaeConfig::new(layers, Decoder::DYNAMIC), &trial)
        };
        let (plain, hvae) = (trained(&LAYERS[..1])?, trained(&LAYERS)?);
        let of = Bounds::new(&hvae.system, &dataset, &noise);
        let mut start = 0;
        for (i, (latent, _)) in LAYERS.into_iter().enumerate() {
            let kl = Figures::of(batched(&of.some, |rows| {
                let bounded = hvae.system.elbo(rows, &noise);
                bounded
                    .per_latent
                    .unwrap_or_else(|| bounded.mean.zeros_like())
                    .narrow(1, start, latent)
                    .sum_dim(1)
                    .squeeze_dim(1)
            }));
            start += latent;
            let note = format!("784-256-256-32-128-128-16, dynamic binarisation, standard error {:.3}", kl.stderr);
            let conditions = hvae.conditions().items(of.some.len(), 0).note(note);
            acceptance.check(&format!("1 KL of layer {}, nats", i + 1), kl.mean, Threshold::AtLeast(1.0), conditions);
        }
        let found = of.weighted(&of.some, 500);
        let without = Bounds::new(&plain.system, &dataset, &noise);
        let without = without.weighted(&without.some, 500);
        let better = found.less(&without);
        let note = format!(
            "784-256-256-32-128-128-16 against 784-256-256-32, dynamic binarisation; -L500 {:.2} against {:.2}, standard error of the \
             difference {:.3}",
            -found.mean, -without.mean, better.stderr
        );
        let conditions = hvae.conditions().items(of.some.len(), 0).note(note);
        acceptance.check("2 -L500 under one layer's, nats", better.mean, Threshold::AtLeast(0.0), conditions);

        let of = |model: &dyn Model| quality(model, &dataset, &classifier, IMAGES, seed, &device);
        let (found, without) = (of(&hvae.system)?.ffd, of(&plain.system)?.ffd);
        let conditions = hvae.conditions().items(IMAGES, IMAGES).note(format!("{without:.2} of one layer's"));
        acceptance.check("3 ffd of samples", found, Threshold::Recorded, conditions);
    }
    Ok(())
}
