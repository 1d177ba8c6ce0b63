//! Acceptance checks of SRGAN.

use std::sync::Arc;

use burn::tensor::Device;
use ganvas_data::{DataError, Dataset, Split, Values};
use ganvas_engine::accept::{AcceptError, Acceptance, Conditions, Threshold, Trial, Until};
use ganvas_engine::enlargement::{Enlargement, enlarged};
use ganvas_engine::system::Preset;
use ganvas_metrics::features::{Interval, bootstrap};
use ganvas_metrics::images::{luma, perc, psnr, ssim};
use ganvas_metrics::{Extractor, Features, Images, MetricError};
use ganvas_prob::stream::Streams;

use super::{FeatureTask, Srgan, SrganConfig};

const STEPS: u64 = 4000;
const BATCH: usize = 16;
/// Side of what is trained on: a quarter of an emoji.
const CROP: usize = 32;
/// The least share of a square that is no background.
const INK: f64 = 0.3;
/// What is enlarged four times a side lacks so many pixels of the border in the figures on pixels.
const BORDER: usize = 4;
/// An image that is met exactly counts with so many dB.
const MOST_DB: f64 = 100.0;
const RESAMPLES: usize = 2000;

pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let cut = acceptance.cut("emoji", CROP)?;
    let dataset = Arc::new(inked(&cut)?);
    let whole = acceptance.data("emoji")?;
    let device = acceptance.plain_device();
    // Trained to tell emoji, by others, and never seen by the networks here.
    let judge = Extractor::load("emoji", &device).map_err(AcceptError::figure)?;
    let config = SrganConfig::new(Preset::Small, FeatureTask::Class);
    for seed in acceptance.seeds() {
        let trial = Trial { dataset: &dataset, seed, batch: BATCH, until: Until::Steps(STEPS) };
        let trained = acceptance.train::<Srgan>(&config, &trial)?;
        let conditions = trained.conditions().items(whole.test.len, whole.test.len);
        measure(acceptance, &trained.system, &whole, (&judge, seed, &device), &conditions)
            .map_err(AcceptError::figure)?;
    }
    Ok(())
}

/// The same with those training squares alone of which a large enough share is not white.
fn inked(dataset: &Dataset) -> Result<Dataset, DataError> {
    let (plane, item) = (CROP * CROP, dataset.shape.len());
    let Values::U8(values) = &dataset.train.values else { return Ok(dataset.clone()) };
    let shown = |square: &[u8]| (0..plane).filter(|i| square[*i..].iter().step_by(plane).any(|&x| x < 250)).count();
    let chosen: Vec<usize> = values
        .chunks_exact(item)
        .enumerate()
        .filter(|(_, square)| shown(square) as f64 >= INK * plane as f64)
        .map(|(i, _)| i)
        .collect();
    let train = Split {
        values: Values::U8(chosen.iter().flat_map(|&i| values[i * item..(i + 1) * item].iter().copied()).collect()),
        labels: dataset.train.gather_labels(&chosen),
        len: chosen.len(),
    };
    let (names, test) = (dataset.class_names.clone(), dataset.test.clone());
    let Dataset { id, title, shape, attribution, .. } = dataset;
    Dataset::new(id.clone(), title.clone(), *shape, names, train, test, attribution.clone())
}

/// Figures of every image by one way of enlarging.
struct Found {
    psnr: Vec<f64>,
    ssim: Vec<f64>,
    perc: Vec<f64>,
    /// The variance of the Laplacian.
    sharpness: Vec<f64>,
    /// The mean of the PSNR of quarters with enough on them.
    psnr_inked: f64,
}

impl Found {
    fn of(images: &Images, truth: &Images, judge: &Extractor) -> Result<Self, MetricError> {
        let (a, b) = (luma(truth, BORDER)?, luma(images, BORDER)?);
        let bounded = |found: Vec<f64>| found.into_iter().map(|db| db.min(MOST_DB)).collect::<Vec<_>>();
        let (real, made) = inked_quarters(truth, images)?;
        let of_quarters = bounded(psnr(&real, &made)?);
        Ok(Self {
            psnr: bounded(psnr(&a, &b)?),
            ssim: ssim(&a, &b)?,
            perc: perc(judge, truth, images)?,
            sharpness: (0..b.len()).map(|i| sharpness(b.item(i), b.width)).collect(),
            psnr_inked: mean(&of_quarters),
        })
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The variance of the Laplacian (4 neighbours) over the inside of a plane.
fn sharpness(plane: &[f32], width: usize) -> f64 {
    let at = |y: usize, x: usize| f64::from(plane[y * width + x]);
    let inside = |y: usize| (1..width - 1).map(move |x| (y, x));
    let laplacian: Vec<f64> = (1..plane.len() / width - 1)
        .flat_map(inside)
        .map(|(y, x)| at(y - 1, x) + at(y + 1, x) + at(y, x - 1) + at(y, x + 1) - 4.0 * at(y, x))
        .collect();
    let centre = mean(&laplacian);
    mean(&laplacian.iter().map(|x| (x - centre).powi(2)).collect::<Vec<_>>())
}

/// The luma of those quarters of images, of both alike, of which a large enough share of the first is not white.
fn inked_quarters(truth: &Images, images: &Images) -> Result<(Images, Images), MetricError> {
    let (real, made) = (luma(truth, 0)?, luma(images, 0)?);
    let shape = [1, real.height / 2, real.width / 2];
    let quarter = |image: &[f32], top: usize, left: usize| -> Vec<f32> {
        let rows = (0..shape[1]).map(|y| &image[(top * shape[1] + y) * real.width + left * shape[2]..][..shape[2]]);
        rows.flatten().copied().collect()
    };
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for i in 0..real.len() {
        for (top, left) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let part = quarter(real.item(i), top, left);
            if part.iter().filter(|&&x| x < 0.96).count() as f64 >= INK * part.len() as f64 {
                a.extend(part);
                b.extend(quarter(made.item(i), top, left));
            }
        }
    }
    Ok((Images::new(shape, a), Images::new(shape, b)))
}

/// A figure of the means of two figures over the same images, with its interval over images.
fn paired(a: &[f64], b: &[f64], figure: fn(f64, f64) -> f64, seed: u64) -> Result<Interval, MetricError> {
    let pairs = Features { dims: 2, values: a.iter().zip(b).flat_map(|(&a, &b)| [a as f32, b as f32]).collect() };
    let of = |sets: &[Features]| {
        let column = |k: usize| -> Vec<f64> { sets[0].values.iter().skip(k).step_by(2).map(|&x| x.into()).collect() };
        Ok(figure(mean(&column(0)), mean(&column(1))))
    };
    bootstrap(&[&pairs], of, RESAMPLES, 0.95, &Streams::new(seed).fork("bootstrap"))
}

fn measure(
    acceptance: &mut Acceptance,
    system: &Srgan,
    whole: &Dataset,
    (judge, seed, device): (&Extractor, u64, &Device),
    conditions: &Conditions,
) -> Result<(), MetricError> {
    let (items, shape) = (whole.test.first(whole.test.len), whole.shape);
    let found = enlarged(system, &items, shape, device);
    let images = |values: Vec<f32>| Images::new(shape.planes(), values);
    let truth = images(items);
    let of = |values: Vec<f32>| Found::of(&images(values), &truth, judge);
    let (bicubic, sharp) = (of(found.bicubic)?, of(found.enlarged)?);
    // There is one: the steps do not end before adversarial training. Without it the figures would be refused.
    let smooth = of(found.before.unwrap_or_default())?;
    let less = |a: f64, b: f64| a - b;
    let over = |a: f64, b: f64| a / b;
    let within =
        |Interval { low, high, .. }: Interval| conditions.clone().note(format!("95 % interval {low:.4} to {high:.4}"));

    let gain = paired(&smooth.psnr, &bicubic.psnr, less, seed)?;
    acceptance.check("1 PSNR of SRResNet over bicubic, dB", gain.estimate, Threshold::AtLeast(1.0), within(gain));
    let gain = paired(&smooth.ssim, &bicubic.ssim, less, seed)?;
    acceptance.check("1 SSIM of SRResNet over bicubic", gain.estimate, Threshold::AtLeast(0.0), within(gain));

    let ratio = paired(&sharp.perc, &smooth.perc, over, seed)?;
    acceptance.check(
        "2 d_P of SRGAN by that of SRResNet, upper limit",
        ratio.high,
        Threshold::AtMost(0.9),
        within(ratio),
    );
    let ratio = paired(&sharp.perc, &bicubic.perc, over, seed)?;
    acceptance.check(
        "2 d_P of SRGAN by that of bicubic, upper limit",
        ratio.high,
        Threshold::AtMost(1.0),
        within(ratio),
    );

    let real: Vec<f64> = {
        let plane = luma(&truth, BORDER)?;
        (0..plane.len()).map(|i| sharpness(plane.item(i), plane.width)).collect()
    };
    let h = |found: &Found| paired(&found.sharpness, &real, over, seed);
    let (h_bicubic, h_smooth, h_sharp) = (h(&bicubic)?, h(&smooth)?, h(&sharp)?);
    for (name, h) in [("bicubic", h_bicubic), ("SRResNet", h_smooth), ("SRGAN", h_sharp)] {
        acceptance.check(&format!("3 H of {name}"), h.estimate, Threshold::Recorded, within(h));
    }
    let nearer = (h_sharp.estimate - 1.0).abs() - (h_smooth.estimate - 1.0).abs();
    acceptance.check("3 |H - 1| of SRGAN less that of SRResNet", nearer, Threshold::AtMost(0.0), conditions);

    let loss = paired(&sharp.psnr, &smooth.psnr, less, seed)?;
    acceptance.check("4 PSNR of SRGAN over SRResNet, dB", loss.estimate, Threshold::AtMost(0.0), within(loss));
    let loss = paired(&sharp.psnr, &bicubic.psnr, less, seed)?;
    acceptance.check("4 PSNR of SRGAN over bicubic, dB", loss.estimate, Threshold::AtLeast(-3.0), within(loss));

    let [channels, height, width] = shape.planes();
    let factor = system.factor();
    let small = |values: Vec<f32>| Images::new([channels, height / factor, width / factor], values);
    let [again, low] = found.again.map(small);
    let consistent = mean(&psnr(&low, &again)?.into_iter().map(|db| db.min(MOST_DB)).collect::<Vec<_>>());
    acceptance.check("5 PSNR of SRGAN shrunk again, dB", consistent, Threshold::AtLeast(25.0), conditions);

    for (name, found) in [("bicubic", &bicubic), ("SRResNet", &smooth), ("SRGAN", &sharp)] {
        let means =
            [("PSNR, dB", mean(&found.psnr)), ("SSIM", mean(&found.ssim)), ("d_P", mean(&found.perc))].into_iter();
        for (figure, value) in means.chain([("PSNR of quarters with 30 % ink, dB", found.psnr_inked)]) {
            acceptance.check(&format!("6 {figure}, {name}"), value, Threshold::Recorded, conditions);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ganvas_data::ItemShape;

    use ganvas_nets::srresnet::SrResNetConfig;
    use ganvas_prob::stream::uniforms;

    use super::*;

    /// Noise, of which nothing can be learnt: the figures are what matters.
    fn noise(side: usize) -> Dataset {
        let shape = ItemShape::Image { channels: 3, height: side, width: side };
        let drawn = uniforms(&mut Streams::new(1).rng("noise", 0), 12 * shape.len());
        let values = Values::U8(drawn.into_iter().map(|u| (255.0 * u) as u8).collect());
        let split = Split { values, labels: None, len: 12 };
        Dataset::new("noise", "", shape, Vec::new(), split.clone(), split, "").unwrap()
    }

    #[test]
    fn every_check_is_measured() {
        let mut told = |_: &str| {};
        let mut acceptance = Acceptance::new(Device::flex().autodiff(), None, vec![3], &mut told);
        let device = acceptance.plain_device();
        let config = SrganConfig {
            generator: SrResNetConfig { width: 4, blocks: 1, first_kernel: 3, last_kernel: 3 },
            discriminator_width: 2,
            discriminator_units: 4,
            ..SrganConfig::new(Preset::Small, FeatureTask::Rotation)
        };
        let (squares, whole) = (Arc::new(noise(CROP)), noise(64));
        let trial = Trial { dataset: &squares, seed: 3, batch: 4, until: Until::Steps(8) };
        let trained = acceptance.train::<Srgan>(&config, &trial).unwrap();
        let judge = Extractor::load("emoji", &device).unwrap();
        let conditions = trained.conditions();
        measure(&mut acceptance, &trained.system, &whole, (&judge, 3, &device), &conditions).unwrap();
        let checks = acceptance.checks();
        assert_eq!(checks.len(), 23);
        assert!(checks.iter().all(|check| check.value.is_finite()), "{checks:?}");
        for number in ["1 ", "2 ", "3 ", "4 ", "5 ", "6 "] {
            assert!(checks.iter().any(|check| check.name.starts_with(number)));
        }
    }

    /// A chessboard of -1 and 1 has a Laplacian of 8 or -8 everywhere.
    #[test]
    fn the_sharpness_of_a_chessboard() {
        let board: Vec<f32> = (0..48).map(|i| if (i / 8 + i % 8) % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert_eq!(sharpness(&board, 8), 64.0);
        assert_eq!(sharpness(&(0..48).map(|i| (i % 8) as f32).collect::<Vec<_>>(), 8), 0.0);
    }

    /// A figure of pairs that move together is surer than of those that do not.
    #[test]
    fn pairs_are_drawn_together() {
        let a: Vec<f64> = (0..50).map(|i| f64::from(i % 7)).collect();
        let b: Vec<f64> = a.iter().map(|x| x + 1.0).collect();
        let found = paired(&b, &a, |a, b| a - b, 1).unwrap();
        assert!((found.low - 1.0).abs() < 1e-6 && (found.high - 1.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn quarters_without_ink_are_left_out() {
        let mut image = vec![1.0; 64];
        // The lower right quarter of 8x8.
        (0..16).for_each(|i| image[(4 + i / 4) * 8 + 4 + i % 4] = -0.5);
        let truth = Images::new([1, 8, 8], image.clone());
        let (a, b) = inked_quarters(&truth, &Images::new([1, 8, 8], vec![0.25; 64])).unwrap();
        assert_eq!((a.values, b.values), (vec![-0.5; 16], vec![0.25; 16]));
    }

    #[test]
    fn squares_with_ink_are_kept() {
        let shape = ItemShape::Image { channels: 3, height: CROP, width: CROP };
        let square = |dark: usize| -> Vec<u8> {
            // Dark in its green channel alone.
            (0..shape.len()).map(|i| if (CROP * CROP..CROP * CROP + dark).contains(&i) { 0 } else { 255 }).collect()
        };
        let values = Values::U8([square(300), square(310)].concat());
        let split = Split { values, labels: Some(vec![0, 1]), len: 2 };
        let dataset = Dataset::new("x", "", shape, vec!["a".into(), "b".into()], split.clone(), split, "").unwrap();
        let kept = inked(&dataset).unwrap();
        assert_eq!((kept.train.len, kept.train.labels, kept.test.len), (1, Some(vec![1]), 2));
        assert_eq!(kept.train.values, Values::U8(square(310)));
    }
}
