//! Acceptance checks of the CVAE.

use burn::tensor::Device;
use ganvas_data::Dataset;
use ganvas_engine::accept::{AcceptError, Acceptance, Threshold};
use ganvas_engine::measures::{EACH, agreement, extractor};
use ganvas_engine::system::{Autoencoder, to_device};
use ganvas_metrics::{Extractor, Images};
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::Streams;

use super::{Cvae, Told, small, told};
use crate::systems::measures::{Bounds, trained};
use crate::systems::vae::Variational;

const EPOCHS: u64 = 6;

/// 6: to be told the class is worth nats, samples are of the class that is asked for, and a code is decoded as another class when
/// another is told.
pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let classifier = extractor(&dataset, &device)?;
    let plain = small();
    let config = told(plain.clone());
    for seed in acceptance.seeds() {
        let noise = Noise::new(Streams::new(seed), "accept", 0, &device);
        let vae = trained::<Variational>(acceptance, &plain, &dataset, seed, EPOCHS)?;
        let of = Bounds::new(&vae.system, &dataset, &noise);
        let without = of.elbo(&of.test);
        let cvae = trained::<Told>(acceptance, &config, &dataset, seed, EPOCHS)?;
        let of = Bounds::new(&cvae.system, &dataset, &noise);
        let with = of.elbo(&of.test);
        let gain = with.less(&without);
        let note = format!(
            "784-400-400-10, dynamic binarisation; -ELBO {:.2} against {:.2}, standard error of the difference {:.3}",
            -with.mean, -without.mean, gain.stderr
        );
        let conditions = cvae.conditions().items(with.values.len(), 0).note(note);
        acceptance.check("6 -ELBO under the VAE's, nats", gain.mean, Threshold::AtLeast(2.0), conditions);

        let found = agreement(&cvae.system, &dataset, &classifier, seed, &device)?;
        let conditions = cvae.conditions().items(0, EACH * dataset.class_names.len());
        acceptance.check("6 label agreement", found.mean(), Threshold::AtLeast(0.9), conditions);

        let swapped = swapped(&cvae.system, &dataset, &classifier, &device)?;
        let conditions =
            cvae.conditions().items(SWAPPED, 9 * SWAPPED).note("the classifier sees the class that is told");
        acceptance.check("6 classes that follow a swap", swapped, Threshold::AtLeast(0.85), conditions);
    }
    Ok(())
}

/// Test images whose codes are decoded as every other class.
const SWAPPED: usize = 500;

/// The share of codes of real items, decoded as each class that they are not, in which the classifier sees that class.
fn swapped(system: &Cvae, dataset: &Dataset, classifier: &Extractor, device: &Device) -> Result<f64, AcceptError> {
    let items = to_device(dataset.test.first(SWAPPED), dataset.shape, device);
    let n = items.dims()[0];
    let own: Vec<usize> = dataset.test.labels.iter().flatten().take(n).map(|&label| label as usize).collect();
    let count = dataset.class_names.len();
    let codes = system.encode(items, Some(&own));
    let (mut followed, mut all) = (0, 0);
    for shift in 1..count {
        let others: Vec<usize> = own.iter().map(|class| (class + shift) % count).collect();
        let decoded: Vec<f32> = system.decode(codes.clone(), Some(&others)).to_data().iter().collect();
        let seen = classifier.classes(&Images::new(dataset.shape.planes(), decoded)).map_err(AcceptError::figure)?;
        followed += seen.iter().zip(&others).filter(|(seen, other)| **seen as usize == **other).count();
        all += n;
    }
    Ok(followed as f64 / all as f64)
}
