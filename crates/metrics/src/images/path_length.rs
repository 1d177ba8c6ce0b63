use ganvas_prob::estimate::Estimate;
use ganvas_prob::stream::{Streams, uniforms};

use crate::items::same_dims;
use crate::{Features, Images, MetricError};

/// How far the two latents of a pair of images are apart, as a share of the path.
const STEP: f64 = 1e-4;

/// Pairs of images that are made at a time.
const PAIRS: usize = 64;

/// Perceptual path length: the mean of d(G(z(t)), G(z(t + e))) / e^2 for e = 1e-4, where z(t) is on the path from one
/// latent to another and t uniform in [0, 1), without what is below the 1st and above the 99th percentile (T. Karras,
/// S. Laine and T. Aila 2019, "A Style-Based Generator Architecture for Generative Adversarial Networks", section 4.1).
///
/// A small one means that images change evenly along the path; a generator that makes the same image of every latent
/// has the smallest. `starts` and `ends` are the latents between which the paths run, `[n, latent]`. Paths are arcs,
/// which suit Gaussian latents, where `arcs` is set, and lines otherwise. `generate` makes as many images as it is
/// given latents, and `distance` compares them pair by pair in the square of a distance, such as [`perc`](super::perc).
///
/// Latents are single precision: at e = 1e-4 the figure has about three digits. Depends on the order of the pairs,
/// by which t is drawn.
///
/// # Errors
/// If `starts` and `ends` differ in number or size, there is no pair, a value is not finite, `generate` does not give
/// one image for each latent or `distance` one number for each pair, or what it or `distance` fails with.
pub fn path_length(
    starts: &Features,
    ends: &Features,
    arcs: bool,
    mut generate: impl FnMut(&Features) -> Result<Images, MetricError>,
    mut distance: impl FnMut(&Images, &Images) -> Result<Vec<f64>, MetricError>,
    streams: &Streams,
) -> Result<Estimate, MetricError> {
    same_dims(starts, ends)?;
    starts.check("first latent", 1)?;
    ends.check("second latent", starts.len())?;
    if starts.len() != ends.len() {
        let said = |x: &Features| format!("{} latents of {} values", x.len(), x.dims);
        return Err(MetricError::Unpaired { left: said(starts), right: said(ends) });
    }
    let n = starts.len();
    let places = uniforms(&mut streams.rng("path-length", 0), n);
    let between = if arcs { arc } else { line };
    let mut lengths = Vec::with_capacity(n);
    for from in (0..n).step_by(PAIRS) {
        let to = (from + PAIRS).min(n);
        let mut images = |shift: f64| {
            let latent = |i: usize| between(starts.item(i), ends.item(i), f64::from(places[i]) + shift);
            let made = generate(&Features { dims: starts.dims, values: (from..to).flat_map(latent).collect() })?;
            made.check("generated")?;
            match made.len() == to - from {
                true => Ok(made),
                false => Err(MetricError::Unpaired {
                    left: format!("{} latents", to - from),
                    right: format!("{} images", made.len()),
                }),
            }
        };
        let (here, there) = (images(0.0)?, images(STEP)?);
        let distances = distance(&here, &there)?;
        if distances.len() != to - from {
            let (pairs, got) = (to - from, distances.len());
            return Err(MetricError::Unpaired { left: format!("{pairs} pairs"), right: format!("{got} distances") });
        }
        lengths.extend(distances.into_iter().map(|d| d / (STEP * STEP)));
    }
    if let Some(item) = lengths.iter().position(|x| !x.is_finite()) {
        return Err(MetricError::NotFinite { set: "distance", item, position: 0 });
    }
    lengths.sort_unstable_by(f64::total_cmp);
    // The 1st percentile and the 99th, where they lie between two lengths the outer one.
    let last = lengths.len() - 1;
    Ok(Estimate::of(&lengths[last / 100..=last - last / 100]))
}

fn line(a: &[f32], b: &[f32], t: f64) -> Vec<f32> {
    mix(a, b, 1.0 - t, t)
}

/// Spherical interpolation (K. Shoemake 1985, "Animating rotation with quaternion curves"); of latents
/// that are parallel or zero the line.
fn arc(a: &[f32], b: &[f32], t: f64) -> Vec<f32> {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
    let angle = (dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()).clamp(-1.0, 1.0).acos();
    let sine = angle.sin();
    // Not above it either if the angle is NaN.
    if sine > 1e-6 { mix(a, b, ((1.0 - t) * angle).sin() / sine, (t * angle).sin() / sine) } else { line(a, b, t) }
}

fn mix(a: &[f32], b: &[f32], of_a: f64, of_b: f64) -> Vec<f32> {
    a.iter().zip(b).map(|(&x, &y)| (of_a * f64::from(x) + of_b * f64::from(y)) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::normals;

    fn latents(seed: u64, n: usize) -> Features {
        Features { dims: 4, values: normals(&mut Streams::new(seed).rng("latent", 0), n * 4) }
    }

    fn squared(a: &Images, b: &Images) -> Result<Vec<f64>, MetricError> {
        let of = |i| a.item(i).iter().zip(b.item(i)).map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2)).sum();
        Ok((0..a.len()).map(of).collect())
    }

    fn as_images(latents: &Features) -> Result<Images, MetricError> {
        Ok(Images::new([1, 2, 2], latents.values.clone()))
    }

    /// Where images are latents and the path a line, the length is |b - a|^2 wherever on the path; without the largest
    /// and the smallest of 150.
    #[test]
    fn on_lines_it_is_the_squared_distance_of_the_ends() {
        let (starts, ends) = (latents(1, 150), latents(2, 150));
        let found = path_length(&starts, &ends, false, as_images, squared, &Streams::new(1)).unwrap();
        let mut expected = squared(&as_images(&starts).unwrap(), &as_images(&ends).unwrap()).unwrap();
        expected.sort_unstable_by(f64::total_cmp);
        let expected = Estimate::of(&expected[1..149]);
        assert_eq!(found.n, 148);
        assert!((found.mean / expected.mean - 1.0).abs() < 2e-3, "{found:?} against {expected:?}");
    }

    /// Between orthogonal latents of norm r an arc has the length r pi / 2.
    #[test]
    fn arcs_are_as_long_as_circles_say() {
        let axis = |k: usize| {
            let row = |_| (0..4).map(move |j| if j == k { 3.0f32 } else { 0.0 });
            Features { dims: 4, values: (0..80).flat_map(row).collect() }
        };
        let found = path_length(&axis(0), &axis(2), true, as_images, squared, &Streams::new(1)).unwrap();
        let expected = (3.0 * std::f64::consts::FRAC_PI_2).powi(2);
        assert!((found.mean / expected - 1.0).abs() < 5e-3, "{found:?} against {expected}");
        let same = path_length(&axis(0), &axis(0), true, as_images, squared, &Streams::new(1)).unwrap();
        assert_eq!(same.mean, 0.0);
    }

    #[test]
    fn what_does_not_match_is_refused() {
        let run = |a: &Features, b: &Features| path_length(a, b, true, as_images, squared, &Streams::new(1));
        assert!(matches!(run(&latents(1, 3), &latents(2, 4)), Err(MetricError::Unpaired { .. })));
        assert!(matches!(run(&latents(1, 0), &latents(2, 0)), Err(MetricError::TooFew { .. })));
        let none = |_: &Features| Ok(Images::new([1, 2, 2], vec![]));
        let error = path_length(&latents(1, 3), &latents(2, 3), true, none, squared, &Streams::new(1));
        assert!(matches!(error, Err(MetricError::Unpaired { .. })));
        let short = |_: &Images, _: &Images| Ok(vec![0.0]);
        let error = path_length(&latents(1, 3), &latents(2, 3), true, as_images, short, &Streams::new(1));
        assert!(matches!(error, Err(MetricError::Unpaired { .. })));
        let infinite = |a: &Images, _: &Images| Ok(vec![f64::INFINITY; a.len()]);
        let error = path_length(&latents(1, 3), &latents(2, 3), true, as_images, infinite, &Streams::new(1));
        assert!(matches!(error, Err(MetricError::NotFinite { set: "distance", item: 0, .. })));
    }
}
