use super::{RANGE, check_pairs};
use crate::{Images, MetricError};

/// Peak signal-to-noise ratio of each image, in dB: 10 log10(4 / mean squared difference), 4 being the square of the
/// range of [-1, 1]. Infinite for equal images.
///
/// ```
/// use ganvas_metrics::{Images, images::psnr};
/// let grey = |value| Images::new([1, 2, 2], vec![value; 4]);
/// assert_eq!(psnr(&grey(0.5), &grey(0.3)).map(|found| (found[0] - 20.0).abs() < 1e-5).ok(), Some(true));
/// ```
///
/// # Errors
/// If the sets do not have as many images of the same shape, or a value is not finite.
pub fn psnr(reference: &Images, images: &Images) -> Result<Vec<f64>, MetricError> {
    check_pairs(reference, images)?;
    let of = |i: usize| {
        let pairs = reference.item(i).iter().zip(images.item(i));
        let sum: f64 = pairs.map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
        10.0 * (RANGE * RANGE * reference.item_len() as f64 / sum).log10()
    };
    Ok((0..images.len()).map(of).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_that_do_not_match_are_named() {
        let images = |n: usize, side: usize| Images::new([1, side, side], vec![0.0; n * side * side]);
        assert_eq!(psnr(&images(2, 3), &images(2, 3)).unwrap(), [f64::INFINITY; 2]);
        let error = psnr(&images(2, 3), &images(3, 3)).unwrap_err();
        assert_eq!(error.to_string(), "2 images of 1x3x3 and 3 images of 1x3x3 cannot be compared item by item");
        assert!(matches!(psnr(&images(9, 2), &images(4, 3)), Err(MetricError::Unpaired { .. })));
        let mut broken = images(2, 3);
        broken.values[10] = f32::NAN;
        let error = psnr(&images(2, 3), &broken);
        assert!(matches!(error, Err(MetricError::NotFinite { set: "compared", item: 1, position: 1 })));
    }

    /// Black against white is 0 dB, and a tenth of the range 20 dB.
    #[test]
    fn decibels_count_tenths_of_the_range() {
        let grey = |values: [f32; 2]| Images::new([1, 1, 1], values.to_vec());
        let found = psnr(&grey([-1.0, 0.0]), &grey([1.0, 0.2])).unwrap();
        assert!(found[0].abs() < 1e-12 && (found[1] - 20.0).abs() < 1e-6, "{found:?}");
    }
}
