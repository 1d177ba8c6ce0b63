//! Naive models: what any model has to beat.

use faer::{Mat, Side};
use ganvas_prob::stream::Streams;
use rand::RngExt;

use crate::features::moments;
use crate::items::same_dims;
use crate::{Features, Images, MetricError};

/// `n` images of which every value is drawn independently from its marginal in the training set: each is taken from
/// the same place of a training image of its own, chosen uniformly.
///
/// Exact in every marginal, blind to everything between pixels.
///
/// # Errors
/// If there is no training image or a value is not finite.
pub fn independent_pixels(train: &Images, n: usize, streams: &Streams) -> Result<Images, MetricError> {
    train.check("training")?;
    let count = train.len();
    if count == 0 {
        return Err(MetricError::TooFew { set: "training", needed: 1, got: 0 });
    }
    let size = train.item_len();
    let mut values = Vec::with_capacity(n * size);
    for image in 0..n as u64 {
        values.extend(independent_image(count, size, |item, place| train.values[item * size + place], image, streams));
    }
    Ok(Images { values, ..*train })
}

/// The mean squared error, per value, of images restored from their coordinates along the `count` directions in which the training
/// images vary most (principal components): what the best linear code of so many numbers loses.
///
/// # Errors
/// If there are fewer than two training images or no image, sizes differ, a value is not finite, or the directions cannot be had.
pub fn principal_components(train: &Images, images: &Images, count: usize) -> Result<f64, MetricError> {
    train.check("training")?;
    images.check("other")?;
    let of = |x: &Images| Features { dims: x.item_len(), values: x.values.clone() };
    let (train, images) = (of(train), of(images));
    same_dims(&train, &images)?;
    let dims = train.dims;
    let moments = moments(&train, "training")?;
    let (mean, covariance) = (moments.mean(), moments.covariance()?);
    let covariance = Mat::from_fn(dims, dims, |i, j| covariance[i * dims + j]);
    let found = covariance.self_adjoint_eigen(Side::Lower).map_err(|_| MetricError::NoEigenvalues { side: dims })?;
    // The largest are the last. What is left of an image is its length less that of its shadow.
    let count = count.min(dims);
    let directions = found.U().subcols(dims - count, count);
    let mut left = 0.0;
    for image in images.values.chunks_exact(dims) {
        let centred: Vec<f64> = image.iter().zip(mean).map(|(&x, mean)| f64::from(x) - mean).collect();
        let shadow = |k: usize| centred.iter().enumerate().map(|(i, x)| x * directions[(i, k)]).sum::<f64>();
        left += centred.iter().map(|x| x * x).sum::<f64>() - (0..count).map(|k| shadow(k).powi(2)).sum::<f64>();
    }
    Ok(left.max(0.0) / images.values.len() as f64)
}

/// Image `image` of [`independent_pixels`], of a training set of `count` images of `size` values that is asked for
/// value by value: `value` takes an image and a place in it.
///
/// # Panics
/// If `count` is 0.
pub fn independent_image(
    count: usize,
    size: usize,
    value: impl Fn(usize, usize) -> f32,
    image: u64,
    streams: &Streams,
) -> Vec<f32> {
    let mut rng = streams.rng_at("baseline/independent-pixels", 0, image);
    (0..size).map(|place| value(rng.random_range(0..count), place)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Along (3, 4) / 5 items vary by 10 and across it by 1: one component leaves the square of what is across.
    #[test]
    fn principal_components_leave_what_varies_least() {
        let at = |along: f32, across: f32| [0.6 * along - 0.8 * across + 1.0, 0.8 * along + 0.6 * across - 2.0];
        let values: Vec<f32> = [(10.0, 1.0), (-10.0, 1.0), (10.0, -1.0), (-10.0, -1.0)]
            .into_iter()
            .flat_map(|(along, across)| at(along, across))
            .collect();
        let train = Images::new([1, 1, 2], values);
        let left = |images: &Images, count| principal_components(&train, images, count).unwrap();
        // Per value: one of two.
        assert!((left(&train, 1) - 0.5).abs() < 1e-5);
        assert!(left(&train, 2) < 1e-5 && left(&train, 9) < 1e-5);
        assert!((left(&train, 0) - 50.5).abs() < 1e-4);
        let other = Images::new([1, 1, 2], at(3.0, 2.0).to_vec());
        assert!((left(&other, 1) - 2.0).abs() < 1e-5);
        assert!(principal_components(&train, &Images::new([1, 1, 1], vec![0.0]), 1).is_err());
    }

    /// Two training images, (0, 0) and (1, 1): each pixel must be 1 half of the time, and the two must be uncorrelated.
    #[test]
    fn pixels_keep_their_marginals_and_lose_what_binds_them() {
        let train = Images { channels: 1, height: 1, width: 2, values: vec![0.0, 0.0, 1.0, 1.0] };
        let n = 10_000;
        let drawn = independent_pixels(&train, n, &Streams::new(1)).unwrap();
        assert_eq!(drawn.len(), n);
        let share = |f: fn(&[f32]) -> bool| drawn.values.chunks_exact(2).filter(|p| f(p)).count() as f64 / n as f64;
        // 5 standard errors: 0.025 and 0.022.
        assert!((share(|p| p[0] == 1.0) - 0.5).abs() < 0.025);
        assert!((share(|p| p[1] == 1.0) - 0.5).abs() < 0.025);
        assert!((share(|p| p == [1.0, 1.0]) - 0.25).abs() < 0.022);
    }

    #[test]
    fn every_value_comes_from_its_own_place() {
        let train = Images { channels: 1, height: 1, width: 3, values: vec![1.0, 2.0, 3.0] };
        let drawn = independent_pixels(&train, 5, &Streams::new(1)).unwrap();
        assert_eq!(drawn.values, [1.0, 2.0, 3.0].repeat(5));
        let none = Images { values: vec![], ..train };
        assert!(matches!(independent_pixels(&none, 5, &Streams::new(1)), Err(MetricError::TooFew { .. })));
    }
}
