//! Acceptance checks of InfoGAN.

use std::sync::Arc;

use burn::tensor::{Device, Tensor};
use ganvas_data::{Dataset, ItemShape};
use ganvas_engine::accept::{AcceptError, Acceptance, Conditions, Threshold, Trial, Trialled, Until};
use ganvas_engine::system::{Preset, to_device};
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::Streams;
use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;

use super::{InfoGan, InfoGanConfig};
use crate::systems::measures::{correlation, extractor, median, quality, rank_correlation};

const STEPS: u64 = 3000;
/// Generated images that are measured.
const N: usize = 5000;

pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let extractor = extractor(&dataset, &device)?;
    let config = InfoGanConfig::new(Preset::Small);
    let baseline = InfoGanConfig { maximize: false, ..config.clone() };
    let seeds = acceptance.seeds();
    let (mut ffds, mut purities) = (Vec::new(), Vec::new());
    for &seed in &seeds {
        let trained = train(acceptance, &config, &dataset, seed)?;
        let plain = train(acceptance, &baseline, &dataset, seed)?;
        let (ours, theirs) = (trained.conditions(), plain.conditions());
        let (trained, plain) = (&trained.system, &plain.system);

        let (reading, unasked) = (Reading::of(trained, seed, &device), Reading::of(plain, seed, &device));
        let conditions = ours.clone().items(0, N).note(format!("of {:.4} nats", trained.codes.entropy()));
        let information = reading.information;
        acceptance.check("1 mutual information", information, Threshold::AtLeast(2.0), &conditions);
        acceptance.check("1 the same, baseline", unasked.information, Threshold::Recorded, &theirs);
        let gain = information - unasked.information;
        acceptance.check("1 gain over the baseline", gain, Threshold::AtLeast(1.0), conditions);

        let conditions = ours.clone().items(0, 2000);
        for k in 0..2 {
            let name = format!("4 correlation of c{} and its reading", k + 2);
            let own = correlation(&reading.codes[k], &reading.means[k]);
            acceptance.check(&name, own, Threshold::AtLeast(0.9), &conditions);
        }
        let other = correlation(&reading.codes[0], &reading.means[1]).abs();
        acceptance.check("4 |correlation| of c2 and the reading of c3", other, Threshold::AtMost(0.3), conditions);

        let conditions = ours.clone().note("101 latents, 9 values from -2 to 2");
        let effects = [0, 1].map(|k| effects(trained, k, dataset.shape, seed, &device));
        for (k, found) in effects.iter().enumerate() {
            for (what, value) in ["slant", "ink"].into_iter().zip(found) {
                let name = format!("5 median rank correlation, c{} and {what}", k + 2);
                acceptance.check(&name, *value, Threshold::Recorded, &conditions);
            }
        }
        let largest = effects.as_flattened().iter().fold(0.0, |largest: f64, found| largest.max(found.abs()));
        acceptance.check("5 the largest of these", largest, Threshold::AtLeast(0.9), conditions);

        let ffd = [quality(trained, &dataset, &extractor, N, seed, &device)?.ffd, {
            quality(plain, &dataset, &extractor, N, seed, &device)?.ffd
        }];
        acceptance.check("6 ffd", ffd[0], Threshold::Recorded, ours.clone().items(N, N));
        acceptance.check("6 ffd, baseline", ffd[1], Threshold::Recorded, theirs.clone().items(N, N));
        ffds.push(ffd);

        purities.push(classes(acceptance, trained, &dataset, ours, &device));
        let found = Classes::of(plain, &dataset, &device);
        acceptance.check("2 accuracy, baseline", found.accuracy, Threshold::Recorded, theirs);
    }
    // The accuracy takes five seeds: those given and the next ones.
    for seed in (seeds.iter().max().map_or(0, |last| last + 1)..).take(5usize.saturating_sub(seeds.len())) {
        let trained = train(acceptance, &config, &dataset, seed)?;
        let conditions = trained.conditions();
        purities.push(classes(acceptance, &trained.system, &dataset, conditions, &device));
    }
    let conditions = format!("median of {} seeds", purities.len());
    acceptance.check("2 accuracy", median(purities), Threshold::AtLeast(0.6), conditions);
    let of = |i: usize| median(ffds.iter().map(|ffd| ffd[i]).collect());
    let conditions = format!("medians of {} seeds", ffds.len());
    acceptance.check("6 ffd / baseline", of(0) / of(1), Threshold::AtMost(1.3), conditions);
    Ok(())
}

fn train(
    acceptance: &mut Acceptance,
    config: &InfoGanConfig,
    dataset: &Arc<Dataset>,
    seed: u64,
) -> Result<Trialled<InfoGan>, AcceptError> {
    acceptance.train(config, &Trial { dataset, seed, batch: 64, until: Until::Steps(STEPS) })
}

/// 2 and 3 of one system; the accuracy.
fn classes(
    acceptance: &mut Acceptance,
    system: &InfoGan,
    dataset: &Dataset,
    conditions: Conditions,
    device: &Device,
) -> f64 {
    let Classes { accuracy, rarest, largest } = Classes::of(system, dataset, device);
    let conditions = conditions.items(dataset.test.len, 0);
    acceptance.check("2 accuracy of one seed", accuracy, Threshold::Recorded, &conditions);
    acceptance.check("3 share of the rarest category", rarest, Threshold::AtLeast(0.03), &conditions);
    acceptance.check("3 share of the most frequent one", largest, Threshold::AtMost(0.25), conditions);
    accuracy
}

/// What Q reads of generated images.
struct Reading {
    /// ln K less the cross-entropy, in nats, over all images.
    information: f64,
    /// Each continuous code of the first 2,000.
    codes: Vec<Vec<f64>>,
    /// What it is read to be.
    means: Vec<Vec<f64>>,
}

impl Reading {
    fn of(system: &InfoGan, seed: u64, device: &Device) -> Self {
        const GROUP: usize = 500;
        let mut entropy = 0.0;
        let [mut codes, mut means] = [(); 2].map(|()| vec![Vec::new(); system.codes.continuous]);
        for group in 0..N / GROUP {
            let noise = Noise::new(Streams::new(seed).fork("eval"), "codes", group as u64, device);
            let latents = system.codes.draw(GROUP, &noise);
            let read = system.read(system.show(&latents));
            let misread = system.codes.misread(read.clone(), &latents).cross_entropy;
            entropy += misread.map_or(f64::NAN, |entropy| entropy.into_scalar::<f64>());
            let (_, read) = system.codes.split(read);
            for (all, part) in codes.iter_mut().zip(latents.continuous).chain(means.iter_mut().zip(read)) {
                all.extend(part.to_data().iter::<f64>());
            }
        }
        codes.iter_mut().chain(&mut means).for_each(|values| values.truncate(2000));
        Self { information: system.codes.entropy() - entropy / (N / GROUP) as f64, codes, means }
    }
}

/// What the first categorical code is read to be of test images, as a classifier.
struct Classes {
    accuracy: f64,
    rarest: f64,
    largest: f64,
}

impl Classes {
    /// Each category is taken for another digit, so that most of one half of the images are right; the accuracy is that on the
    /// other half.
    fn of(system: &InfoGan, dataset: &Dataset, device: &Device) -> Self {
        let (test, count) = (&dataset.test, system.codes.categorical[0]);
        let mut found: Vec<usize> = Vec::new();
        for from in (0..test.len).step_by(500) {
            let rows: Vec<usize> = (from..test.len.min(from + 500)).collect();
            let read = system.read(to_device(test.gather(&rows), dataset.shape, device));
            let (logits, _) = system.codes.split(read);
            found.extend(logits[0].clone().argmax(1).to_data().iter::<i64>().map(|category| category as usize));
        }
        let rows: Vec<usize> = (0..test.len).collect();
        let truth: Vec<usize> = test.gather_labels(&rows).into_iter().flatten().map(|digit| digit as usize).collect();
        let half = test.len / 2;
        let digit_of = one_to_one(&found[..half], &truth[..half], count, dataset.class_names.len());
        let right = found[half..].iter().zip(&truth[half..]).filter(|&(&category, &digit)| digit_of[category] == digit);
        let shares = (0..count).map(|category| found.iter().filter(|&&other| other == category).count());
        let shares: Vec<f64> = shares.map(|n| n as f64 / test.len as f64).collect();
        Self {
            accuracy: right.count() as f64 / (test.len - half) as f64,
            rarest: shares.iter().copied().fold(1.0, f64::min),
            largest: shares.iter().copied().fold(0.0, f64::max),
        }
    }
}

/// A digit for each category, no two alike, so that as many items as can be have theirs (Kuhn 1955). There are no more
/// categories than digits.
fn one_to_one(categories: &[usize], digits: &[usize], rows: usize, columns: usize) -> Vec<usize> {
    let mut counts = Matrix::new(rows, columns, 0i64);
    for (&category, &digit) in categories.iter().zip(digits) {
        counts[(category, digit)] += 1;
    }
    kuhn_munkres(&counts).1
}

/// 5: medians over latents of the rank correlation of a continuous code with the slant and with the ink of the image.
fn effects(system: &InfoGan, code: usize, shape: ItemShape, seed: u64, device: &Device) -> [f64; 2] {
    const LATENTS: usize = 101;
    let values: Vec<f64> = (0..9).map(|i| -2.0 + 0.5 * f64::from(i)).collect();
    let noise = Noise::new(Streams::new(seed).fork("eval"), "sweep", 0, device);
    let mut latents = system.codes.draw(LATENTS, &noise);
    let [_, _, width] = shape.planes();
    let mut seen = vec![[Vec::new(), Vec::new()]; LATENTS];
    for value in &values {
        latents.continuous[code] = Tensor::full([LATENTS, 1], *value, device);
        let images: Vec<f64> = system.show(&latents).to_data().iter().collect();
        for (image, seen) in images.chunks(shape.len()).zip(&mut seen) {
            let Ink { mass, slant } = Ink::of(image, width);
            seen[0].push(slant);
            seen[1].push(mass);
        }
    }
    [0, 1].map(|of| median(seen.iter().map(|seen| rank_correlation(&values, &seen[of])).collect()))
}

/// How much ink an image in [-1, 1] has, in pixels that are white throughout, and how it leans: the mixed second moment of its
/// distribution over the one along the columns, m11 / m02.
struct Ink {
    mass: f64,
    slant: f64,
}

impl Ink {
    fn of(image: &[f64], width: usize) -> Self {
        let ink = |i: usize| (image[i] + 1.0) / 2.0;
        let place = |i: usize| ((i % width) as f64, (i / width) as f64);
        let mean = |f: &dyn Fn(f64, f64) -> f64| {
            let (mut sum, mut mass) = (0.0, 1e-12);
            for i in 0..image.len() {
                let (x, y) = place(i);
                sum += ink(i) * f(x, y);
                mass += ink(i);
            }
            (sum / mass, mass)
        };
        let ((x0, mass), (y0, _)) = (mean(&|x, _| x), mean(&|_, y| y));
        let (m11, _) = mean(&|x, y| (x - x0) * (y - y0));
        let (m02, _) = mean(&|_, y| (y - y0).powi(2));
        Self { mass, slant: m11 / m02.max(1e-12) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Taking the most frequent digit of category 0 (digit 0, three of five) would leave 1 for category 1: three right. The
    /// other way round it is four.
    #[test]
    fn the_best_map_is_that_of_all_categories_together() {
        let categories = [0, 0, 0, 0, 0, 1, 1];
        let digits = [0, 0, 0, 1, 1, 0, 0];
        assert_eq!(one_to_one(&categories, &digits, 2, 2), [1, 0]);
        assert_eq!(one_to_one(&[0, 1, 2], &[2, 0, 1], 3, 3), [2, 0, 1]);
    }

    /// Three white pixels: on the falling diagonal x = y the moments agree, on the rising one they differ in sign, in a column
    /// there is no mixed one.
    #[test]
    fn ink_leans_as_it_is_drawn() {
        let drawn = |places: [usize; 3]| {
            let image: Vec<f64> = (0..9).map(|i| if places.contains(&i) { 1.0 } else { -1.0 }).collect();
            Ink::of(&image, 3)
        };
        for (places, slant) in [([0, 4, 8], 1.0), ([2, 4, 6], -1.0), ([1, 4, 7], 0.0)] {
            let found = drawn(places);
            assert!((found.slant - slant).abs() < 1e-9, "{places:?}: {}", found.slant);
            assert!((found.mass - 3.0).abs() < 1e-9);
        }
    }
}
