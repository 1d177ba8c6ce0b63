//! Naive models: what any model has to beat.

use ganvas_prob::stream::Streams;
use rand::RngExt;

use crate::{Images, MetricError};

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
