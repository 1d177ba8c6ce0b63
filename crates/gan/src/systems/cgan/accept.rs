//! Acceptance checks of the conditional GAN, on MNIST.

use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};
use ganvas_data::Dataset;
use ganvas_engine::accept::{AcceptError, Acceptance, Threshold, Trial, Until};
use ganvas_engine::system::{Conditional, to_device};
use ganvas_metrics::Images;
use ganvas_metrics::extractor::Extractor;
use ganvas_metrics::scores::auroc;
use ganvas_nets::noise::{Noise, Pass};
use ganvas_prob::stream::{Streams, permutation};

use super::{Cgan, small};
use crate::systems::adversarial::indicators;
use crate::systems::gan::{self, Gan};
use crate::systems::measures::{EACH, agreement, extractor, median, quality, real_variances};

/// Training of each network.
const STEPS: u64 = 12_000;

pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let extractor = extractor(&dataset, &device)?;
    let real = real_variances(&dataset, &extractor)?;
    for seed in acceptance.seeds() {
        let trial = Trial { dataset: &dataset, seed, batch: 64, until: Until::Steps(STEPS) };
        let trained = acceptance.train::<Cgan>(&small(), &trial)?;
        let conditions = trained.conditions();
        let system = trained.system;
        let found = agreement(&system, &dataset, &extractor, seed, &device)?;
        let count = conditions.clone().items(0, EACH * 10);
        acceptance.check("1 label agreement", found.mean(), Threshold::AtLeast(0.95), &count);
        acceptance.check("1 the same of the worst class", found.worst(), Threshold::AtLeast(0.75), &count);
        acceptance.check("2 classes of 10 that vary", found.varied(&real), Threshold::AtLeast(8.0), count);
        let read = reads_labels(&system, &dataset, seed, &device)?;
        acceptance.check("3 AUC of right against wrong labels", read, Threshold::AtLeast(0.8), &conditions);
        let distinct = classes_of_a_latent(&system, &dataset, &extractor, seed, &device)?;
        acceptance.check("4 classes seen for one latent", distinct, Threshold::AtLeast(8.0), "median of 200 latents");
        let ours = quality(&system, &dataset, &extractor, 5000, seed, &device)?;
        let plain = acceptance.train::<Gan>(&gan::small(false), &trial)?;
        let theirs = quality(&plain.system, &dataset, &extractor, 5000, seed, &device)?;
        let note = format!("ffd {:.2}, unconditional {:.2}", ours.ffd, theirs.ffd);
        let both = conditions.items(5000, 5000).note(note);
        acceptance.check("5 ffd / unconditional GAN's", ours.ffd / theirs.ffd, Threshold::AtMost(1.3), both);
        // The unconditional GAN cannot be asked: its samples agree with an even request by chance.
        let chance = theirs.shares.iter().sum::<f64>() / theirs.shares.len() as f64;
        acceptance.check(
            "1 label agreement, unconditional",
            chance,
            Threshold::Recorded,
            "its shares, an even request",
        );
    }
    without_information(acceptance, &dataset, &extractor, &device)
}

/// 1, the control: where the labels say nothing of the images, the measured agreement has to be chance. The labels of the
/// training images are permuted, so that nothing but the labels differs, not even the update rule.
fn without_information(
    acceptance: &mut Acceptance,
    dataset: &Dataset,
    extractor: &Extractor,
    device: &Device,
) -> Result<(), AcceptError> {
    for seed in acceptance.seeds() {
        let order = permutation(&mut Streams::new(seed).rng("labels", 0), dataset.train.len);
        let mut shuffled = dataset.clone();
        shuffled.train.labels = dataset.train.gather_labels(&order);
        let shuffled = Arc::new(shuffled);
        let trial = Trial { dataset: &shuffled, seed, batch: 64, until: Until::Steps(STEPS) };
        let trained = acceptance.train::<Cgan>(&small(), &trial)?;
        let found = agreement(&trained.system, dataset, extractor, seed, device)?;
        let chance = Threshold::Near { value: 0.1, tolerance: 0.05 };
        let conditions = trained.conditions().items(0, EACH * 10);
        acceptance.check("1 label agreement, labels permuted", found.mean(), chance, conditions);
    }
    Ok(())
}

/// 3: how well the discriminator's score tells held-out images with their label from the same with another one.
fn reads_labels(system: &Cgan, dataset: &Dataset, seed: u64, device: &Device) -> Result<f64, AcceptError> {
    let classes = dataset.class_names.len();
    let net = system.discriminator.frozen();
    let rows: Vec<usize> = (0..dataset.test.len).collect();
    let right: Vec<u32> = dataset.test.gather_labels(&rows).unwrap_or_default();
    let mut rng = Streams::new(seed).rng("wrong", 0);
    let wrong: Vec<u32> = right
        .iter()
        .map(|&label| {
            let other = 1 + permutation(&mut rng, classes - 1)[0] as u32;
            (label + other) % classes as u32
        })
        .collect();
    let (mut scores, mut truth) = (Vec::new(), Vec::new());
    for chunk in rows.chunks(500) {
        let items = to_device(dataset.test.gather(chunk), dataset.shape, device);
        for (labels, right) in [(&right, true), (&wrong, false)] {
            let labels: Vec<i64> = chunk.iter().map(|&row| i64::from(labels[row])).collect();
            let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [chunk.len()]), device);
            let found = net.forward(items.clone(), Some(indicators(labels, classes)), Pass::Eval);
            scores.extend(found.to_data().iter::<f64>());
            truth.extend(vec![right; chunk.len()]);
        }
    }
    auroc(&scores, &truth).map_err(AcceptError::figure)
}

/// 4: how many different classes the classifier sees where one latent is given every class; the median of 200 latents.
fn classes_of_a_latent(
    system: &Cgan,
    dataset: &Dataset,
    extractor: &Extractor,
    seed: u64,
    device: &Device,
) -> Result<f64, AcceptError> {
    const LATENTS: usize = 200;
    let classes = system.classes();
    let noise = Noise::new(Streams::new(seed).fork("latents"), "sample", 0, device);
    let latents = system.config.prior.draw(LATENTS, system.config.latent, &noise);
    let mut seen = vec![Vec::new(); LATENTS];
    for class in 0..classes {
        let labels = Tensor::<1, Int>::full([LATENTS], class as i64, device);
        let told = Some(indicators(labels, classes));
        let images = system.generator.shown().forward(latents.clone(), told, Pass::Eval);
        let images = Images::new(dataset.shape.planes(), images.to_data().iter::<f32>().collect());
        for (seen, class) in seen.iter_mut().zip(extractor.classes(&images).map_err(AcceptError::figure)?) {
            if !seen.contains(&class) {
                seen.push(class);
            }
        }
    }
    Ok(median(seen.into_iter().map(|seen| seen.len() as f64).collect()))
}
