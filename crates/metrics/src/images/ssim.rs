use rayon::prelude::*;

use super::{RANGE, check_pairs};
use crate::{Images, MetricError};

/// Side of the window and the standard deviation of its weights, in pixels.
const WINDOW: usize = 11;
const WINDOW_SD: f64 = 1.5;

/// What keeps the quotients away from 0 / 0: (0.01 L)^2 and (0.03 L)^2 for the range L.
const C1: f64 = (0.01 * RANGE) * (0.01 * RANGE);
const C2: f64 = (0.03 * RANGE) * (0.03 * RANGE);

/// The weights of five scales that were fitted to the judgement of people (Wang et al. 2003, section 3.2).
pub const MS_SSIM_WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/// Structural similarity of each image, in [-1, 1], 1 for equal images (Z. Wang et al. 2004, "Image Quality Assessment:
/// From Error Visibility to Structural Similarity", eq. 13): the mean over all places of a Gaussian window of 11x11
/// pixels with the standard deviation 1.5 that lie within the image, with variances divided by the sum of the weights;
/// for colours the mean over the channels.
///
/// # Errors
/// If the sets do not have as many images of the same shape, these are smaller than 11x11, or a value is not finite.
pub fn ssim(reference: &Images, images: &Images) -> Result<Vec<f64>, MetricError> {
    for_planes(reference, images, 1, |a, b| similarity(a, b).whole)
}

/// Structural similarity over several scales, in [0, 1] (Z. Wang, E. P. Simoncelli and A. C. Bovik 2003, "Multiscale
/// structural similarity for image quality assessment", eq. 7): the product of contrast and structure on each scale and
/// of the luminance on the last one too, each to the power of its weight; for colours the mean over the channels. From
/// scale to scale 2x2 pixels are averaged, with the border repeated where the size is odd. A negative factor counts as
/// 0.
///
/// With the five [weights of the paper](MS_SSIM_WEIGHTS) images need sides of at least 161 pixels. With fewer of them
/// smaller images do, 64 pixels with three; such figures compare only with others of the same weights.
///
/// # Errors
/// As [`ssim`], with that size; or if there is no weight or one is not finite and positive.
pub fn ms_ssim(reference: &Images, images: &Images, weights: &[f64]) -> Result<Vec<f64>, MetricError> {
    if weights.is_empty() {
        return Err(MetricError::Parameter { name: "scales", domain: "at least 1", got: 0.0 });
    }
    if let Some(&got) = weights.iter().find(|w| !(w.is_finite() && **w > 0.0)) {
        return Err(MetricError::Parameter { name: "weight", domain: "finite and positive", got });
    }
    for_planes(reference, images, weights.len(), |a, b| {
        let (mut a, mut b) = (a.clone(), b.clone());
        let mut product = 1.0;
        for (scale, &weight) in weights.iter().enumerate() {
            if scale > 0 {
                (a, b) = (a.halved(), b.halved());
            }
            let found = similarity(&a, &b);
            let factor = if scale + 1 == weights.len() { found.whole } else { found.contrast };
            product *= factor.max(0.0).powf(weight);
        }
        product
    })
}

/// One channel of an image.
#[derive(Clone)]
struct Plane {
    height: usize,
    width: usize,
    values: Vec<f64>,
}

impl Plane {
    fn halved(&self) -> Self {
        let (height, width) = (self.height.div_ceil(2), self.width.div_ceil(2));
        let at = |y: usize, x: usize| self.values[y.min(self.height - 1) * self.width + x.min(self.width - 1)];
        let mean = |y, x| 0.25 * (at(y, x) + at(y, x + 1) + at(y + 1, x) + at(y + 1, x + 1));
        Self { height, width, values: (0..height * width).map(|i| mean(i / width * 2, i % width * 2)).collect() }
    }

    /// f of both, place by place.
    fn zip(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Self { values: self.values.iter().zip(&other.values).map(|(&a, &b)| f(a, b)).collect(), ..*self }
    }

    /// Its mean in the window, at all places where the window fits.
    fn blurred(&self, window: &[f64; WINDOW]) -> Vec<f64> {
        let across: Vec<f64> = self
            .values
            .chunks_exact(self.width)
            .flat_map(|row| row.windows(WINDOW).map(|part| part.iter().zip(window).map(|(x, w)| x * w).sum::<f64>()))
            .collect();
        let width = self.width + 1 - WINDOW;
        let down = |i: usize| window.iter().enumerate().map(|(k, w)| w * across[i + k * width]).sum();
        (0..(self.height + 1 - WINDOW) * width).map(down).collect()
    }
}

/// The mean of `f` over the channels, for each pair of images that `scales` halvings leave large enough.
fn for_planes(
    reference: &Images,
    images: &Images,
    scales: usize,
    f: impl Fn(&Plane, &Plane) -> f64 + Sync,
) -> Result<Vec<f64>, MetricError> {
    check_pairs(reference, images)?;
    let (height, width) = (images.height, images.width);
    let needed = (1..scales).fold(WINDOW, |side, _| side.saturating_mul(2).saturating_sub(1));
    if height.min(width) < needed {
        return Err(MetricError::ImageSize { height, width, needed });
    }
    let plane = |images: &Images, i: usize, channel: usize| {
        let values = &images.item(i)[channel * height * width..(channel + 1) * height * width];
        Plane { height, width, values: values.iter().map(|&x| x.into()).collect() }
    };
    let of_channel = |i, channel| f(&plane(reference, i, channel), &plane(images, i, channel));
    let of_image = |i| (0..images.channels).map(|channel| of_channel(i, channel)).sum::<f64>() / images.channels as f64;
    Ok((0..images.len()).into_par_iter().map(of_image).collect())
}

struct Similarity {
    /// Mean of luminance, contrast and structure.
    whole: f64,
    /// Mean of contrast and structure.
    contrast: f64,
}

fn similarity(a: &Plane, b: &Plane) -> Similarity {
    let mut window: [f64; WINDOW] =
        std::array::from_fn(|i| (-0.5 * ((i as f64 - (WINDOW / 2) as f64) / WINDOW_SD).powi(2)).exp());
    let sum: f64 = window.iter().sum();
    window.iter_mut().for_each(|weight| *weight /= sum);
    let of = |x: &Plane, y: &Plane, f: fn(f64, f64) -> f64| x.zip(y, f).blurred(&window);
    let (mean_a, mean_b) = (a.blurred(&window), b.blurred(&window));
    let (squares, products) = (of(a, b, |x, y| x * x + y * y), of(a, b, |x, y| x * y));
    let mut sums = Similarity { whole: 0.0, contrast: 0.0 };
    for i in 0..mean_a.len() {
        let (square, product) = (mean_a[i] * mean_a[i] + mean_b[i] * mean_b[i], mean_a[i] * mean_b[i]);
        let contrast = (2.0 * (products[i] - product) + C2) / (squares[i] - square + C2);
        sums.contrast += contrast;
        sums.whole += contrast * (2.0 * product + C1) / (square + C1);
    }
    let places = mean_a.len() as f64;
    Similarity { whole: sums.whole / places, contrast: sums.contrast / places }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, uniforms};

    fn noise(seed: u64, shape: [usize; 3], n: usize) -> Images {
        let values = uniforms(&mut Streams::new(seed).rng("image", 0), n * shape.iter().product::<usize>());
        Images::new(shape, values.into_iter().map(|u| 2.0 * u - 1.0).collect())
    }

    #[test]
    fn an_image_is_entirely_like_itself_and_the_order_does_not_matter() {
        let (a, b) = (noise(1, [3, 41, 43], 2), noise(2, [3, 41, 43], 2));
        for figure in [ssim, |a: &Images, b: &Images| ms_ssim(a, b, &[0.5, 0.2, 0.3])] {
            for one in figure(&a, &a).unwrap() {
                assert!((one - 1.0).abs() < 1e-12, "{one}");
            }
            assert_eq!(figure(&a, &b).unwrap(), figure(&b, &a).unwrap());
            assert!(figure(&a, &b).unwrap().into_iter().all(|found| found.abs() < 0.2));
        }
    }

    /// Two constant images have only their luminance: (2 a b + C1) / (a^2 + b^2 + C1).
    #[test]
    fn constant_images_differ_in_luminance_alone() {
        let grey = |value: f32| Images::new([1, 161, 161], vec![value; 161 * 161]);
        let expected: f64 = (2.0 * 0.125 + 4e-4) / (0.25 + 0.0625 + 4e-4);
        assert!((ssim(&grey(0.5), &grey(0.25)).unwrap()[0] - expected).abs() < 1e-9);
        let found = ms_ssim(&grey(0.5), &grey(0.25), &MS_SSIM_WEIGHTS).unwrap()[0];
        assert!((found - expected.powf(0.1333)).abs() < 1e-9, "{found}");
    }

    /// Around the same mean an image and its negative have the covariance -variance: luminance close to 1, contrast and
    /// structure close to -1, which counts as 0 over scales.
    #[test]
    fn the_negative_is_unlike() {
        let around = |sign: f32| {
            let mut image = noise(3, [1, 64, 64], 1);
            image.values.iter_mut().for_each(|x| *x = 0.5 + sign * 0.4 * *x);
            image
        };
        let found = ssim(&around(1.0), &around(-1.0)).unwrap()[0];
        assert!(found < -0.8, "{found}");
        assert_eq!(ms_ssim(&around(1.0), &around(-1.0), &[0.5, 0.5]).unwrap(), [0.0]);
    }

    #[test]
    fn windows_that_do_not_fit_are_refused() {
        let of = |side| noise(1, [1, side, 200], 1);
        let error = ssim(&of(10), &of(10));
        assert!(matches!(error, Err(MetricError::ImageSize { height: 10, width: 200, needed: 11 })));
        let error = ms_ssim(&of(160), &of(160), &MS_SSIM_WEIGHTS);
        assert!(matches!(error, Err(MetricError::ImageSize { needed: 161, .. })));
        assert!(matches!(ms_ssim(&of(64), &of(64), &[]), Err(MetricError::Parameter { name: "scales", .. })));
        assert!(matches!(ms_ssim(&of(64), &of(64), &[-1.0]), Err(MetricError::Parameter { name: "weight", .. })));
    }
}
