//! Acceptance checks of the AAE.

use burn::tensor::{Device, Tensor, TensorData};
use ganvas_data::Dataset;
use ganvas_engine::accept::{AcceptError, Acceptance, Threshold, Trial, Trialled, Until};
use ganvas_engine::session::sample;
use ganvas_engine::system::{Autoencoder, to_device};
use ganvas_metrics::extractor::Extractor;
use ganvas_metrics::points::mmd2_unbiased;
use ganvas_metrics::{Features, Images, MetricError};
use ganvas_nets::noise::Noise;
use ganvas_prob::distributions::MultivariateNormal;
use ganvas_prob::gaussian::Moments;
use ganvas_prob::stream::Streams;

use super::{Aae, AaeConfig, CodePrior, Variant};
use crate::systems::measures::{extractor, quality_of};

/// Codes that are compared with as many draws of the prior.
const CODES: usize = 2000;
/// Images that are compared with as many test images.
const IMAGES: usize = 5000;
const STEPS: u64 = 6000;
const LATENT: usize = 8;

pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let extractor = extractor(&dataset, &device)?;
    let config = AaeConfig::new(LATENT, 256, 128);
    // P: the same networks and steps without the adversary.
    let plain = AaeConfig { discriminator_weight: 0.0, encoder_weight: 0.0, ..config.clone() };
    let null = null(&device)?;
    let conditions = "two sets of 2000 draws of the prior, 200 times";
    acceptance.check("1 MMD2 of the prior with itself, 95th percentile", null, Threshold::Recorded, conditions);
    for seed in acceptance.seeds() {
        let trial = Trial { dataset: &dataset, seed, batch: 128, until: Until::Steps(STEPS) };
        let ours = acceptance.train::<Aae>(&config, &trial)?;
        let baseline = acceptance.train::<Aae>(&plain, &trial)?;
        codes(acceptance, &ours, &baseline, &dataset, null, seed)?;
        samples(acceptance, &ours, &baseline, &dataset, &extractor, seed)?;
        let told = AaeConfig { variant: Variant::Supervised, ..AaeConfig::new(2, 256, 128) };
        let told = acceptance.train::<Aae>(&told, &trial)?;
        obeys(acceptance, &told, &dataset, &extractor, seed)?;
    }
    few_labels(acceptance, &dataset)
}

/// Draws of the prior that codes are compared with.
fn prior_draws(seed: u64, step: u64, device: &Device) -> Features {
    let noise = Noise::new(Streams::new(seed).fork("prior"), "accept", step, device);
    features(CodePrior::Normal.draw(CODES, LATENT, 1, None, &noise))
}

/// Test images at equal steps: MNIST's first half is of other writers than its second, and its codes have another mean.
fn held_out(dataset: &Dataset, device: &Device) -> Tensor<2> {
    let rows: Vec<usize> = (0..CODES).map(|i| i * dataset.test.len / CODES).collect();
    to_device(dataset.test.gather(&rows), dataset.shape, device)
}

fn features(rows: Tensor<2>) -> Features {
    Features { dims: rows.dims()[1], values: rows.to_data().iter().collect() }
}

/// The 95th percentile of MMD2 between two sets of draws of the prior: what codes that follow it exactly stay below.
fn null(device: &Device) -> Result<f64, AcceptError> {
    let mut found = (0..200)
        .map(|i| mmd2_unbiased(&prior_draws(0, 2 * i, device), &prior_draws(0, 2 * i + 1, device)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(AcceptError::figure)?;
    found.sort_by(f64::total_cmp);
    Ok(found[189])
}

/// 1, 2 and 3: the codes of test images follow the prior, and the images come back.
fn codes(
    acceptance: &mut Acceptance,
    ours: &Trialled<Aae>,
    plain: &Trialled<Aae>,
    dataset: &Dataset,
    null: f64,
    seed: u64,
) -> Result<(), AcceptError> {
    let device = acceptance.plain_device();
    let items = held_out(dataset, &device);
    let read = |system: &Aae| {
        let codes = system.encode(items.clone(), None);
        let back = system.decode(codes.clone(), None);
        let mse = (back - items.clone()).square().mean().into_scalar::<f64>();
        (codes, mse)
    };
    let (our_codes, our_mse) = read(&ours.system);
    let (plain_codes, plain_mse) = read(&plain.system);
    let prior = prior_draws(seed + 1, 0, &device);
    let to_prior = |codes: &Tensor<2>| mmd2_unbiased(&features(codes.clone()), &prior).map_err(AcceptError::figure);
    let centred = plain_codes.clone() - plain_codes.clone().mean_dim(0);
    let standard = centred.clone() / centred.square().mean_dim(0).sqrt();
    let [of_ours, of_plain, of_standard] = [to_prior(&our_codes)?, to_prior(&plain_codes)?, to_prior(&standard)?];
    let conditions = format!(
        "seed {seed}, MNIST, {STEPS} steps of 128 in {:.0} s, plain in {:.0} s, every fifth test image: MMD2 {of_ours:.5}, plain \
         {of_plain:.5}, plain standardised {of_standard:.5}, {:.1} x the null",
        ours.seconds,
        plain.seconds,
        of_ours / null
    );
    acceptance.check("1 MMD2 / plain autoencoder's", of_ours / of_plain, Threshold::AtMost(0.1), &conditions);
    acceptance.check("1 MMD2 / standardised", of_ours / of_standard, Threshold::AtMost(0.5), &conditions);

    let moments = moments(&our_codes)?;
    let covariance = moments.covariance().map_err(AcceptError::figure)?;
    let sd = |i: usize| covariance[i * LATENT + i].sqrt();
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0f64, |largest, x| largest.max(x.abs()));
    let mean = largest(&mut moments.mean().iter().copied());
    let sds: Vec<f64> = (0..LATENT).map(sd).collect();
    let off = |at: usize| (at / LATENT != at % LATENT).then(|| covariance[at] / sd(at / LATENT) / sd(at % LATENT));
    let correlation = largest(&mut (0..LATENT * LATENT).filter_map(off));
    let conditions = format!("seed {seed}, every fifth test image, {LATENT} dimensions");
    acceptance.check("2 largest mean", mean, Threshold::AtMost(0.15), &conditions);
    let smallest = sds.iter().copied().fold(f64::INFINITY, f64::min);
    acceptance.check("2 smallest sd", smallest, Threshold::AtLeast(0.85), &conditions);
    acceptance.check("2 largest sd", largest(&mut sds.into_iter()), Threshold::AtMost(1.15), &conditions);
    acceptance.check("2 largest correlation", correlation, Threshold::AtMost(0.2), &conditions);

    let conditions = format!("seed {seed}, every fifth test image: {our_mse:.4}, plain {plain_mse:.4}");
    acceptance.check("3 reconstruction MSE / plain", our_mse / plain_mse, Threshold::AtMost(1.5), conditions);
    Ok(())
}

fn moments(codes: &Tensor<2>) -> Result<Moments, AcceptError> {
    let Features { dims, values } = features(codes.clone());
    Moments::of(dims, &values).map_err(AcceptError::figure)
}

/// 4: decoded draws of the prior, against the plain autoencoder's decoded draws of a Gaussian fitted to its codes.
///
/// Each is held against what the same decoder makes of the codes of test images: so the figure is of the codes. Against test
/// images themselves it is of the decoder's blur: reconstructions of test images are as far from them as draws are.
fn samples(
    acceptance: &mut Acceptance,
    ours: &Trialled<Aae>,
    plain: &Trialled<Aae>,
    dataset: &Dataset,
    extractor: &Extractor,
    seed: u64,
) -> Result<(), AcceptError> {
    let device = acceptance.plain_device();
    let fitted = moments(&plain.system.encode(held_out(dataset, &device), None))?;
    let covariance = fitted.covariance().map_err(AcceptError::figure)?;
    let law = MultivariateNormal::full(fitted.mean(), &covariance).map_err(AcceptError::figure)?;
    let rng = &mut Streams::new(seed).rng("fitted", 0);
    let draws: Vec<f32> = law.sample_n(rng, IMAGES).into_iter().map(|x| x as f32).collect();
    let draws = Tensor::from_data(TensorData::new(draws, [IMAGES, LATENT]), &device);
    let decoded = images(plain.system.decode(draws, None), dataset);
    let drawn =
        Images::new(dataset.shape.planes(), sample(&ours.system, IMAGES, &Streams::new(seed).fork("eval"), &device));

    let items = to_device(dataset.test.first(IMAGES), dataset.shape, &device);
    let own = |system: &Aae, drawn: &Images| -> Result<(f64, Images), MetricError> {
        let back = images(system.decode(system.encode(items.clone(), None), None), dataset);
        let distance = ganvas_metrics::frechet_distance(&extractor.features(&back)?, &extractor.features(drawn)?)?;
        Ok((distance, back))
    };
    let (ours, our_back) = own(&ours.system, &drawn).map_err(AcceptError::figure)?;
    let (theirs, their_back) = own(&plain.system, &decoded).map_err(AcceptError::figure)?;
    let conditions = format!(
        "seed {seed}, {IMAGES} against reconstructions of {IMAGES} test images: ffd {ours:.2}, plain {theirs:.2}"
    );
    acceptance.check("4 ffd to reconstructions / plain", ours / theirs, Threshold::AtMost(0.6), conditions);

    let to_test = |images: &Images| quality_of(images, dataset, extractor);
    let (found, other) = (to_test(&drawn)?, to_test(&decoded)?);
    let conditions = format!(
        "seed {seed}, {IMAGES} against {IMAGES} test images: ffd {:.1}, plain {:.1}; of reconstructions {:.1}, plain {:.1}; \
         rarest class {:.3}",
        found.ffd,
        other.ffd,
        to_test(&our_back)?.ffd,
        to_test(&their_back)?.ffd,
        found.rarest
    );
    acceptance.check("4 ffd / plain", found.ffd / other.ffd, Threshold::Recorded, &conditions);
    acceptance.check("4 classes present", found.present(0.02) as f64, Threshold::AtLeast(9.0), conditions);
    Ok(())
}

fn images(items: Tensor<2>, dataset: &Dataset) -> Images {
    Images::new(dataset.shape.planes(), items.to_data().iter().collect())
}

/// 5: the decoder that is told a class makes an image of it, whatever the style.
fn obeys(
    acceptance: &mut Acceptance,
    told: &Trialled<Aae>,
    dataset: &Dataset,
    extractor: &Extractor,
    seed: u64,
) -> Result<(), AcceptError> {
    const STYLES: usize = 200;
    let noise = Noise::new(Streams::new(seed).fork("styles"), "accept", 0, &acceptance.plain_device());
    let styles = told.system.draw_codes(STYLES, None, &noise);
    let classes = dataset.class_names.len();
    let mut right = 0;
    for class in 0..classes {
        let decoded = images(told.system.decode(styles.clone(), Some(&[class; STYLES])), dataset);
        let found = extractor.classes(&decoded).map_err(AcceptError::figure)?;
        right += found.into_iter().filter(|&found| found as usize == class).count();
    }
    let conditions = format!(
        "seed {seed}, MNIST, told the class, d = 2, {STEPS} steps of 128 in {:.0} s, {STYLES} styles in {classes} classes",
        told.seconds
    );
    let share = right as f64 / (STYLES * classes) as f64;
    acceptance.check("5 agreement with the class told", share, Threshold::AtLeast(0.85), conditions);
    Ok(())
}

/// Recorded: the error of a label head that learns from 1,280 labels, and of clusters that each stand for their commonest class.
fn few_labels(acceptance: &mut Acceptance, dataset: &std::sync::Arc<Dataset>) -> Result<(), AcceptError> {
    let seed = acceptance.seeds()[0];
    let device = acceptance.plain_device();
    let labels = dataset.test.labels.clone().unwrap_or_default();
    for (variant, name) in [
        (Variant::SemiSupervised, "error with 1280 labels, percent"),
        (Variant::Clustering, "error of 16 clusters, percent"),
    ] {
        let config = AaeConfig { variant, labelled: 1280, ..AaeConfig::new(10, 256, 128) };
        let trial = Trial { dataset, seed, batch: 128, until: Until::Steps(STEPS) };
        let trained = acceptance.train::<Aae>(&config, &trial)?;
        let items = to_device(dataset.test.first(dataset.test.len), dataset.shape, &device);
        let codes = trained.system.encode(items, None);
        let said = codes.clone().narrow(1, config.latent, codes.dims()[1] - config.latent).argmax(1);
        let said: Vec<usize> = said.to_data().iter::<i64>().map(|class| class as usize).collect();
        let right = match variant {
            Variant::Clustering => majorities(&said, &labels, config.clusters),
            _ => said.iter().zip(&labels).filter(|&(&said, &label)| said == label as usize).count(),
        };
        let error = 100.0 * (1.0 - right as f64 / labels.len().max(1) as f64);
        let conditions = format!(
            "seed {seed}, MNIST, {STEPS} steps of 128 in {:.0} s, {} test images",
            trained.seconds,
            labels.len()
        );
        acceptance.check(name, error, Threshold::Recorded, conditions);
    }
    Ok(())
}

/// How many items have the commonest label of their cluster.
fn majorities(clusters: &[usize], labels: &[u32], count: usize) -> usize {
    let classes = labels.iter().max().map_or(0, |&last| last as usize + 1);
    let mut counts = vec![vec![0; classes]; count];
    for (&cluster, &label) in clusters.iter().zip(labels) {
        counts[cluster][label as usize] += 1;
    }
    counts.iter().map(|counts| counts.iter().max().copied().unwrap_or(0)).sum()
}

#[cfg(test)]
mod tests {
    use super::majorities;

    /// Cluster 0 has labels 1 1 2, cluster 2 has 0 2: two and one are of the majority; cluster 1 is empty.
    #[test]
    fn a_cluster_stands_for_its_commonest_label() {
        assert_eq!(majorities(&[0, 0, 2, 0, 2], &[1, 1, 0, 2, 2], 3), 3);
    }
}
