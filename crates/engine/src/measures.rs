//! What acceptance checks of any system measure.

use burn::tensor::Device;
use ganvas_data::{Dataset, ItemShape, Split, modes};
use ganvas_metrics::baseline::independent_pixels;
use ganvas_metrics::extractor::{Extractor, extractor_for, labels};
use ganvas_metrics::points::{ModeCounts, count_modes};
use ganvas_metrics::{Features, Images};
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::Streams;

use crate::accept::AcceptError;
use crate::session::sample;
use crate::system::{Conditional, Model};

/// The first `n` items of a split.
pub fn first_images(split: &Split, shape: ItemShape, n: usize) -> Images {
    Images::new(shape.planes(), split.first(n))
}

/// The classifier whose features measure images of a data set.
pub fn extractor(dataset: &Dataset, device: &Device) -> Result<Extractor, AcceptError> {
    let name = extractor_for(&dataset.id).unwrap_or("mnist");
    Extractor::load(name, device).map_err(AcceptError::figure)
}

/// Modes of a 2-D set among 2,500 samples.
pub fn count_of(model: &dyn Model, id: &str, seed: u64, device: &Device) -> Result<ModeCounts, AcceptError> {
    let modes = modes(id).ok_or_else(|| AcceptError::figure(std::io::Error::other(format!("`{id}` has no modes"))))?;
    let values = sample(model, 2500, &Streams::new(seed).fork("eval"), device);
    count_modes(values.as_chunks::<2>().0, &modes.centres, modes.sd, modes.spacing).map_err(AcceptError::figure)
}

/// Frechet distance and class shares of a system's samples.
pub struct Quality {
    /// Frechet distance of the classifier's features, generated against test images.
    pub ffd: f64,
    /// The smallest share that a class has among the samples.
    pub rarest: f64,
    /// The shares of all classes.
    pub shares: Vec<f64>,
}

impl Quality {
    /// How many classes have at least this share.
    pub fn present(&self, share: f64) -> usize {
        self.shares.iter().filter(|&&found| found >= share).count()
    }
}

/// Measures `n` samples of a system against as many test images.
pub fn quality(
    model: &dyn Model,
    dataset: &Dataset,
    extractor: &Extractor,
    n: usize,
    seed: u64,
    device: &Device,
) -> Result<Quality, AcceptError> {
    let streams = Streams::new(seed).fork("eval");
    let fake = Images::new(dataset.shape.planes(), sample(model, n, &streams, device));
    quality_of(&fake, dataset, extractor)
}

/// Measures images against as many test images.
pub fn quality_of(fake: &Images, dataset: &Dataset, extractor: &Extractor) -> Result<Quality, AcceptError> {
    let real =
        extractor.features(&first_images(&dataset.test, dataset.shape, fake.len())).map_err(AcceptError::figure)?;
    let features = extractor.features(fake).map_err(AcceptError::figure)?;
    let ffd = ganvas_metrics::frechet_distance(&real, &features).map_err(AcceptError::figure)?;
    let classes = extractor.classes(fake).map_err(AcceptError::figure)?;
    let shares =
        ganvas_metrics::classes::class_shares(&classes, dataset.class_names.len()).map_err(AcceptError::figure)?;
    Ok(Quality { ffd, rarest: shares.iter().copied().fold(1.0, f64::min), shares })
}

/// The same of `n` images whose every pixel is drawn from the training images' values at its place, whatever the others are.
pub fn independent(dataset: &Dataset, extractor: &Extractor, n: usize, seed: u64) -> Result<Quality, AcceptError> {
    let train = first_images(&dataset.train, dataset.shape, dataset.train.len);
    let pixels = independent_pixels(&train, n, &Streams::new(seed).fork("pixels")).map_err(AcceptError::figure)?;
    quality_of(&pixels, dataset, extractor)
}

/// Samples of each class that agreement is measured on.
pub const EACH: usize = 1000;

/// What a classifier that the system has never seen says of samples of every class.
pub struct Agreement {
    /// The share of each class's samples that it takes for that class.
    pub shares: Vec<f64>,
    /// The mean variance of its features within each class.
    pub variances: Vec<f64>,
}

impl Agreement {
    /// Over all classes.
    pub fn mean(&self) -> f64 {
        self.shares.iter().sum::<f64>() / self.shares.len() as f64
    }

    /// Of the class that it agrees with least.
    pub fn worst(&self) -> f64 {
        self.shares.iter().copied().fold(1.0, f64::min)
    }

    /// How many classes vary: at least 0.3 as much as real items of the class do. Ten pictures, one for each class, would agree
    /// and not vary.
    pub fn varied(&self, real: &[f64]) -> f64 {
        self.variances.iter().zip(real).filter(|(fake, real)| **fake >= 0.3 * **real).count() as f64
    }
}

/// The variances of real test items, as [`Agreement::variances`] has those of samples.
pub fn real_variances(dataset: &Dataset, extractor: &Extractor) -> Result<Vec<f64>, AcceptError> {
    let test = first_images(&dataset.test, dataset.shape, dataset.test.len);
    let features = extractor.features(&test).map_err(AcceptError::figure)?;
    Ok(variances(&features, &dataset.test.labels.clone().unwrap_or_default(), dataset.class_names.len()))
}

/// Asks for [`EACH`] samples of every class.
pub fn agreement(
    system: &dyn Conditional,
    dataset: &Dataset,
    extractor: &Extractor,
    seed: u64,
    device: &Device,
) -> Result<Agreement, AcceptError> {
    let (streams, classes) = (Streams::new(seed).fork("classes"), system.classes());
    let (mut values, mut asked) = (Vec::new(), Vec::new());
    for class in 0..classes {
        let noise = Noise::new(streams, "sample", class as u64, device);
        let samples = system.sample_of(&vec![class; EACH], &noise);
        values.extend(samples.to_data().iter::<f32>());
        asked.extend(vec![class as u32; EACH]);
    }
    let images = Images::new(dataset.shape.planes(), values);
    let (features, logits) = extractor.features_and_logits(&images).map_err(AcceptError::figure)?;
    let seen = labels(&logits);
    let share = |class| seen[class * EACH..][..EACH].iter().filter(|&&seen| seen as usize == class).count();
    let shares = (0..classes).map(|class| share(class) as f64 / EACH as f64).collect();
    Ok(Agreement { shares, variances: variances(&features, &asked, classes) })
}

/// The variance of the features within each class, their mean.
fn variances(features: &Features, labels: &[u32], classes: usize) -> Vec<f64> {
    let dims = features.dims;
    let mut counts = vec![0.0; classes];
    let (mut sums, mut squares) = (vec![vec![0.0; dims]; classes], vec![vec![0.0; dims]; classes]);
    for (i, &label) in labels.iter().enumerate() {
        let class = label as usize;
        counts[class] += 1.0;
        for (d, &x) in features.item(i).iter().enumerate() {
            sums[class][d] += f64::from(x);
            squares[class][d] += f64::from(x).powi(2);
        }
    }
    let variance = |class: usize| {
        let each = sums[class].iter().zip(&squares[class]);
        each.map(|(sum, square): (&f64, &f64)| square / counts[class] - (sum / counts[class]).powi(2)).sum::<f64>()
            / dims as f64
    };
    (0..classes).map(variance).collect()
}

/// The middle one of an odd number of values.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Pearson's correlation.
pub fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let covariance =
        |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 { x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum() };
    covariance(a, mean_a, b, mean_b) / (covariance(a, mean_a, a, mean_a) * covariance(b, mean_b, b, mean_b)).sqrt()
}

/// How many values are less than each; half as many more that are the same.
fn ranks(values: &[f64]) -> Vec<f64> {
    let count = |x: &f64, wanted: fn(std::cmp::Ordering) -> bool| {
        values.iter().filter(|y| wanted(y.total_cmp(x))).count() as f64
    };
    values.iter().map(|x| count(x, std::cmp::Ordering::is_lt) + count(x, std::cmp::Ordering::is_eq) / 2.0).collect()
}

/// Spearman's rank correlation.
pub fn rank_correlation(a: &[f64], b: &[f64]) -> f64 {
    correlation(&ranks(a), &ranks(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Class 0 has 1 and 3 (variance 1) and 0 and 4 (variance 4), class 1 the same twice.
    #[test]
    fn variances_are_within_the_classes() {
        let features = Features { dims: 2, values: vec![1.0, 0.0, 3.0, 4.0, 7.0, 7.0, 7.0, 7.0] };
        assert_eq!(variances(&features, &[0, 0, 1, 1], 2), [2.5, 0.0]);
    }

    #[test]
    fn correlations_of_known_values() {
        let up = [1.0, 2.0, 3.0, 4.0];
        assert!((correlation(&up, &[2.0, 4.0, 6.0, 8.0]) - 1.0).abs() < 1e-12);
        assert!((correlation(&up, &[1.0, -1.0, -1.0, 1.0])).abs() < 1e-12);
        assert!((rank_correlation(&up, &[9.0, 3.0, 0.1, -7.0]) + 1.0).abs() < 1e-12);
        // Ranks 0 1 2 3 and 1 0 2 3: 1 - 6 * 2 / 60.
        assert!((rank_correlation(&up, &[2.0, 1.0, 3.0, 400.0]) - 0.8).abs() < 1e-12);
        assert_eq!(ranks(&[5.0, 5.0, 7.0]), [1.0, 1.0, 2.5]);
    }
}
