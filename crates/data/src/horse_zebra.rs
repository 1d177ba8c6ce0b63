//! Two domains whose pairing is known and hidden: `horse-zebra`, for translation without pairs.
//!
//! A brown or a striped animal on a plain under a sky, 32x32 RGB: 1,000 images of each kind to train on and 200 held out. An
//! animal is an ellipse with four legs, a neck (a capsule) and a head, facing left or right; what is drawn of a
//! horse and of a zebra differs in colours alone, so that the shape of an animal tells how well a translation keeps what
//! it should. No image of one kind has its counterpart among those of the other. [`test_masks`] tells where the animals are.

use ganvas_prob::stream::{StreamRng, Streams, normals, uniforms};
use rayon::prelude::*;

use crate::dataset::{ItemShape, Split, Values};

/// The id of the data set.
pub const ID: &str = "horse-zebra";

/// Pixels of a side.
pub const SIDE: usize = 32;

/// The kinds, which are the classes.
pub(crate) const KINDS: &[&str] = &["horse", "zebra"];

/// Images of each kind to train on.
pub(crate) const TRAIN: usize = 1000;
/// Images of each kind that are held out.
pub(crate) const TEST: usize = 200;

/// Points of a pixel that are looked at, each way.
const SUPERSAMPLING: usize = 2;
/// Standard deviation of the noise of each value, of a range of 1.
const NOISE: f32 = 0.02;

/// Seed of the images; not that of a run.
const SEED: u64 = 20_170_330;

/// Where the parts of an animal are, in pixels from the upper left corner.
struct Animal {
    /// 1: it faces right; -1: left.
    facing: f32,
    centre: [f32; 2],
    /// Half axes of the body.
    axes: [f32; 2],
    /// How far down legs go from the centre.
    legs: f32,
    /// The upper end of the neck.
    neck: [f32; 2],
    /// The row at which the ground begins.
    horizon: f32,
}

impl Animal {
    fn draw(rng: &mut StreamRng) -> Self {
        let u = uniforms(rng, 8);
        let between = |i: usize, low: f32, high: f32| low + (high - low) * u[i];
        let facing = if u[0] < 0.5 { -1.0 } else { 1.0 };
        let centre = [16.0 - facing * between(1, 0.0, 2.5), between(2, 15.0, 18.0)];
        let axes = [between(3, 6.5, 8.5), between(4, 3.0, 4.2)];
        let shoulder = [centre[0] + 0.75 * facing * axes[0], centre[1] - 1.0];
        let neck = [shoulder[0] + 2.5 * facing, shoulder[1] - between(6, 4.0, 6.5)];
        Self { facing, centre, axes, legs: between(5, 6.0, 8.0), neck, horizon: between(7, 7.0, 12.0) }
    }

    /// Whether a part of it is at the point.
    fn covers(&self, x: f32, y: f32) -> bool {
        let Self { facing, centre: [cx, cy], axes: [a, b], legs, neck, .. } = *self;
        let ellipse =
            |[left, top]: [f32; 2], [a, b]: [f32; 2]| ((x - left) / a).powi(2) + ((y - top) / b).powi(2) <= 1.0;
        let leg = |at: f32| (x - cx - at * a).abs() <= 0.8 && (cy..=cy + legs).contains(&y);
        let head = [neck[0] + 1.3 * facing, neck[1]];
        ellipse([cx, cy], [a, b])
            || [-0.75, -0.45, 0.45, 0.75].into_iter().any(leg)
            || near([x, y], [cx + 0.75 * facing * a, cy - 1.0], neck, 1.6)
            || ellipse(head, [2.6, 1.5])
    }
}

/// Whether a point is within `radius` of the line between two others.
fn near([x, y]: [f32; 2], from: [f32; 2], to: [f32; 2], radius: f32) -> bool {
    let along = [to[0] - from[0], to[1] - from[1]];
    let length = along[0] * along[0] + along[1] * along[1];
    let share = (((x - from[0]) * along[0] + (y - from[1]) * along[1]) / length).clamp(0.0, 1.0);
    let gap = [x - from[0] - share * along[0], y - from[1] - share * along[1]];
    gap[0] * gap[0] + gap[1] * gap[1] <= radius * radius
}

/// Red, green and blue in [0, 1], of an image.
struct Colours {
    ground: [f32; 3],
    sky: [f32; 3],
    /// Of a horse; a zebra is dark and light.
    coat: Option<[f32; 3]>,
}

impl Colours {
    fn draw(kind: usize, rng: &mut StreamRng) -> Self {
        let u = uniforms(rng, 3);
        let tone = |colour: [f32; 3], i: usize, low: f32, high: f32| colour.map(|x| x * (low + (high - low) * u[i]));
        match kind {
            0 => Self {
                ground: tone([0.30, 0.62, 0.25], 0, 0.85, 1.1),
                sky: tone([0.55, 0.75, 0.95], 1, 0.9, 1.05),
                coat: Some(tone([0.50, 0.28, 0.12], 2, 0.8, 1.2)),
            },
            _ => Self {
                ground: tone([0.80, 0.70, 0.40], 0, 0.85, 1.1),
                sky: tone([0.95, 0.68, 0.72], 1, 0.95, 1.05),
                coat: None,
            },
        }
    }

    fn at(&self, animal: &Animal, x: f32, y: f32) -> [f32; 3] {
        if !animal.covers(x, y) {
            return if y < animal.horizon { self.sky } else { self.ground };
        }
        let stripe = (x - animal.centre[0]) / 3.0 + 0.15 * (y - animal.centre[1]);
        self.coat.unwrap_or([if stripe - stripe.floor() < 0.5 { 0.08 } else { 0.96 }; 3])
    }
}

/// The points of a pixel.
fn points(column: usize, row: usize) -> impl Iterator<Item = (f32, f32)> {
    let at = |i: usize, k: usize| i as f32 + (k as f32 + 0.5) / SUPERSAMPLING as f32;
    (0..SUPERSAMPLING * SUPERSAMPLING)
        .map(move |point| (at(column, point % SUPERSAMPLING), at(row, point / SUPERSAMPLING)))
}

/// The generator of image `index` of a kind; held-out ones follow those to train on.
fn rng(kind: usize, index: usize) -> StreamRng {
    Streams::new(SEED).fork(ID).rng(KINDS[kind], index as u64)
}

/// `[3, 32, 32]`, 0 to 255: means of 2x2 points, and noise.
fn render(kind: usize, index: usize) -> Vec<u8> {
    let mut rng = rng(kind, index);
    let animal = Animal::draw(&mut rng);
    let colours = Colours::draw(kind, &mut rng);
    let noise = normals(&mut rng, 3 * SIDE * SIDE);
    let mut pixels = vec![0; 3 * SIDE * SIDE];
    for at in 0..SIDE * SIDE {
        let mut sum = [0.0; 3];
        for (x, y) in points(at % SIDE, at / SIDE) {
            let colour = colours.at(&animal, x, y);
            sum.iter_mut().zip(colour).for_each(|(sum, x)| *sum += x);
        }
        for (channel, sum) in sum.into_iter().enumerate() {
            let place = channel * SIDE * SIDE + at;
            let value = sum / (SUPERSAMPLING * SUPERSAMPLING) as f32 + NOISE * noise[place];
            pixels[place] = (255.0 * value).round().clamp(0.0, 255.0) as u8;
        }
    }
    pixels
}

/// Shape of the images, training and test part; horses and zebras in turn.
pub(crate) fn items() -> (ItemShape, Split, Split) {
    let shape = ItemShape::Image { channels: 3, height: SIDE, width: SIDE };
    let part = |first: usize, n: usize| {
        let pixels = (0..2 * n).into_par_iter().flat_map_iter(|i| render(i % 2, first + i / 2)).collect();
        Split { values: Values::U8(pixels), labels: Some((0..2 * n).map(|i| (i % 2) as u32).collect()), len: 2 * n }
    };
    (shape, part(0, TRAIN), part(TRAIN, TEST))
}

/// Where the animal of each held-out image of a kind is, `[200]` of `[32, 32]` row-major, in the order of the held-out images of
/// the kind: the pixels of which it covers more than half. 0: horses, 1: zebras.
///
/// # Panics
/// If there is no such kind.
pub fn test_masks(kind: usize) -> Vec<Vec<bool>> {
    let mask = |index: usize| {
        let animal = Animal::draw(&mut rng(kind, TRAIN + index));
        let covered = |at: usize| points(at % SIDE, at / SIDE).filter(|&(x, y)| animal.covers(x, y)).count();
        (0..SIDE * SIDE).map(|at| 2 * covered(at) > SUPERSAMPLING * SUPERSAMPLING).collect()
    };
    (0..TEST).map(mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In an image of its kind the animal is where the mask says, by its colour alone, but for pixels at its edge.
    #[test]
    fn masks_are_where_the_animals_are() {
        let (shape, _, test) = items();
        let mut mean = [0.0; 2];
        for (kind, mean) in mean.iter_mut().enumerate() {
            for (i, mask) in test_masks(kind).into_iter().enumerate() {
                let image = test.gather(&[2 * i + kind]);
                let found = |at: usize| {
                    let [r, g, b] = [0, 1, 2].map(|channel| (image[channel * SIDE * SIDE + at] + 1.0) / 2.0);
                    match kind {
                        0 => r - b > 0.2 && r > g + 0.08,
                        _ => r.max(g).max(b) - r.min(g).min(b) < 0.15,
                    }
                };
                let (mut both, mut either) = (0, 0);
                for (at, inside) in mask.into_iter().enumerate() {
                    both += usize::from(inside && found(at));
                    either += usize::from(inside || found(at));
                }
                *mean += both as f64 / either as f64 / TEST as f64;
            }
        }
        assert_eq!(shape.len(), 3072);
        assert!(mean.iter().all(|&iou| iou > 0.95), "{mean:?}");
    }

    /// An animal covers pi a b of its body's ellipse, and legs, neck and head beside it.
    #[test]
    fn animals_have_the_size_that_they_should() {
        for seed in 0..50 {
            let animal = Animal::draw(&mut rng(0, seed));
            let covered = (0..SIDE * SIDE).flat_map(|at| points(at % SIDE, at / SIDE));
            let area = covered.filter(|&(x, y)| animal.covers(x, y)).count() as f32 / 4.0;
            let body = std::f32::consts::PI * animal.axes[0] * animal.axes[1];
            assert!(area > body + 15.0 && area < body + 70.0, "{area} of a body of {body}");
        }
    }
}
