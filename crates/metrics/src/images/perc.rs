use super::check_pairs;
use crate::{Extractor, Images, MetricError};

/// Pairs whose activations are kept at a time.
const PAIRS: usize = 64;

/// The distance of each image to its reference on the layers of a reference classifier: at each place of a layer the
/// activations of its channels are divided by their norm, and the squared norms of the differences, averaged over the
/// places, are summed over the layers (R. Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a
/// Perceptual Metric", eq. 1, with all weights 1).
///
/// The layers are those that have a rectifier, after it, three or, of `emoji`, five; a place without activation counts as
/// zero. In [0, 6], of `emoji` in [0, 10]. It is called `perc` and compares only with others of the same extractor: the classifier and the missing weights make it
/// another figure than LPIPS.
///
/// # Errors
/// If the sets do not have as many images of the same shape, a value is not finite, or as
/// [`features`](Extractor::features).
pub fn perc(extractor: &Extractor, reference: &Images, images: &Images) -> Result<Vec<f64>, MetricError> {
    check_pairs(reference, images)?;
    let mut distances = Vec::with_capacity(images.len());
    for from in (0..images.len()).step_by(PAIRS) {
        let to = (from + PAIRS).min(images.len());
        let part = |images: &Images| {
            let size = images.item_len();
            Images { values: images.values[from * size..to * size].to_vec(), ..*images }
        };
        let (a, b) = (extractor.layers(&part(reference))?, extractor.layers(&part(images))?);
        distances.extend((0..to - from).map(|i| {
            a.iter()
                .zip(&b)
                .map(|(a, b)| layer_distance(a.features.item(i), b.features.item(i), a.channels))
                .sum::<f64>()
        }));
    }
    Ok(distances)
}

/// Of activations `[channels, places]`.
fn layer_distance(a: &[f32], b: &[f32], channels: usize) -> f64 {
    let places = a.len() / channels;
    let of = |place: usize| {
        let at = |x: &[f32]| -> Vec<f64> { x.iter().skip(place).step_by(places).map(|&x| x.into()).collect() };
        let unit = |x: Vec<f64>| {
            let norm = x.iter().map(|x| x * x).sum::<f64>().sqrt();
            x.into_iter().map(move |x| if norm > 0.0 { x / norm } else { 0.0 })
        };
        unit(at(a)).zip(unit(at(b))).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
    };
    (0..places).map(of).sum::<f64>() / places as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use ganvas_prob::stream::{Streams, uniforms};

    /// Two channels and two places: (3, 4) against (4, 3) are 2 (0.2)^2 apart after their norms, nothing against (0, 2)
    /// is 1.
    #[test]
    fn a_layer_by_hand() {
        assert!((layer_distance(&[3.0, 0.0, 4.0, 0.0], &[8.0, 0.0, 6.0, 2.0], 2) - 0.5 * (0.08 + 1.0)).abs() < 1e-12);
    }

    #[test]
    fn it_grows_with_what_is_done_to_an_image() {
        let extractor = Extractor::load("digits", &Device::flex()).unwrap();
        let draw = |seed| {
            let values = uniforms(&mut Streams::new(seed).rng("image", 0), 70 * 64);
            Images::new([1, 8, 8], values.into_iter().map(|u| 2.0 * u - 1.0).collect())
        };
        let (images, noise) = (draw(1), draw(2));
        let mean = |share: f32| {
            let values = images.values.iter().zip(&noise.values).map(|(a, b)| (1.0 - share) * a + share * b);
            let found = perc(&extractor, &images, &Images { values: values.collect(), ..images }).unwrap();
            assert!(found.len() == 70 && found.iter().all(|d| (0.0..=6.0).contains(d)), "{found:?}");
            found.into_iter().sum::<f64>() / 70.0
        };
        let figures = [0.0, 0.1, 0.3, 1.0].map(mean);
        assert_eq!(figures[0], 0.0);
        assert!(figures.is_sorted() && figures[3] > 0.1, "{figures:?}");
    }
}
