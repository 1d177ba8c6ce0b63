//! Images whose factors are known: `sprites`, for measures of disentanglement.
//!
//! One white shape on black, 32x32 grey pixels, for each combination of five independent [`FACTORS`]: 17,280 images.
//! After dSprites (L. Matthey, I. Higgins, D. Hassabis and A. Lerchner 2017), which has 64x64 binary pixels, 6 scales, 40
//! rotations and 32 positions each way.
//!
//! | Factor | Values |
//! | --- | --- |
//! | `shape` | square, ellipse (twice as long as wide), heart |
//! | `scale` | radius of the circle around the shape: 6.75 pixels times 1/2, 2/3, 5/6, 1 |
//! | `rotation` | 0, 36, ..., 324 degrees, counter-clockwise |
//! | `x` | the centre of mass, 7.75 to 24.25 pixels from the left edge, 1.5 apart |
//! | `y` | the same from the upper edge |
//!
//! Squares and ellipses are what they were after half a turn, so that images of theirs whose rotations are five values
//! apart are equal: of the 17,280 images 11,520 differ, and no code can tell all rotations. dSprites has the same trait.
//!
//! The class is the shape. A tenth is held out, drawn once from a seed of its own; equal images, and the hearts half
//! a turn apart, are in the same part. In both parts images are in the order of [`factors_of`]; the library's
//! [`attributes`](crate::attributes) tells each one's factors.

use ganvas_prob::stream::{Streams, permutation};
use rayon::prelude::*;
use std::f64::consts::FRAC_1_SQRT_2;

use crate::Attribute;
use crate::dataset::{ItemShape, Split, Values};

/// The name of the data set.
/// The id of the data set.
pub const ID: &str = "sprites";

/// Pixels of a side.
pub const SIDE: usize = 32;

/// What is varied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factor {
    /// Its name.
    pub name: &'static str,
    /// How many values it has.
    pub count: usize,
}

/// The factors; the last one changes fastest from image to image.
pub const FACTORS: [Factor; 5] = [
    Factor { name: "shape", count: 3 },
    Factor { name: "scale", count: 4 },
    Factor { name: "rotation", count: ROTATIONS },
    Factor { name: "x", count: POSITIONS },
    Factor { name: "y", count: POSITIONS },
];

/// The shapes, which are the classes.
pub(crate) const SHAPES: &[&str] = &["square", "ellipse", "heart"];

const ROTATIONS: usize = 10;
const POSITIONS: usize = 12;

/// Of the largest shape's circle, in pixels: the outermost pixels stay black.
const RADIUS: f64 = 6.75;
/// Between neighbouring positions, in pixels.
const SPACING: f64 = 1.5;
/// Points of a pixel that are looked at, each way.
const SUPERSAMPLING: usize = 8;

/// Height of the heart's centre of mass, in the units of its equation; its tip is at -1 and farthest from there.
const HEART_CENTRE: f64 = 0.293_481_228_262_756;

/// Cosines and sines of 0, 36, ..., 144 degrees. They are written out, since these functions differ between platforms
/// in their last bit and the pixels must not.
const HALF_TURN: [(f64, f64); ROTATIONS / 2] = [
    (1.0, 0.0),
    (0.809_016_994_374_947_5, 0.587_785_252_292_473_1),
    (0.309_016_994_374_947_45, 0.951_056_516_295_153_5),
    (-0.309_016_994_374_947_45, 0.951_056_516_295_153_5),
    (-0.809_016_994_374_947_5, 0.587_785_252_292_473_1),
];

/// The seed of what is held out; not that of a run.
const SEED: u64 = 20_170_602;

/// How many images there are.
#[allow(clippy::len_without_is_empty, reason = "there are always some")]
pub const fn len() -> usize {
    let mut product = 1;
    let mut i = 0;
    while i < FACTORS.len() {
        product *= FACTORS[i].count;
        i += 1;
    }
    product
}

/// How many of them are held out.
pub(crate) const TEST: usize = len() / 10;

/// The values of the factors of image `index`, which counts from 0 to [`len`] and starts anew after that.
///
/// ```
/// use ganvas_data::sprites::{factors_of, len};
/// assert_eq!(len(), 17_280);
/// assert_eq!((factors_of(0), factors_of(13)), ([0; 5], [0, 0, 0, 1, 1]));
/// assert_eq!(factors_of(len() - 1), [2, 3, 9, 11, 11]);
/// ```
pub fn factors_of(index: usize) -> [usize; 5] {
    let mut rest = index;
    let mut values = [0; 5];
    for (value, factor) in values.iter_mut().zip(FACTORS).rev() {
        *value = rest % factor.count;
        rest /= factor.count;
    }
    values
}

/// The image with these values of the [`FACTORS`], `[32, 32]` row-major: the share of each pixel that the shape covers,
/// of 8x8 points, from 0 to 255.
///
/// # Panics
/// If a value is not below its factor's count.
pub fn render(factors: [usize; 5]) -> Vec<u8> {
    for (value, factor) in factors.into_iter().zip(FACTORS) {
        assert!(value < factor.count, "{} has {} values, none of them is {value}", factor.name, factor.count);
    }
    let [shape, _, rotation, x, y] = factors;
    let (radius, centre) = (radius(factors), [position(x), position(y)]);
    let (cos, sin) = HALF_TURN[rotation % HALF_TURN.len()];
    let turned = if rotation < HALF_TURN.len() { 1.0 / radius } else { -1.0 / radius };
    let (cos, sin) = (cos * turned, sin * turned);
    let covers = |column: usize, row: usize| {
        let at = |i: usize| (i as f64 + 0.5) / SUPERSAMPLING as f64;
        let (right, up) = (at(column) - centre[0], centre[1] - at(row));
        inside(shape, cos * right + sin * up, cos * up - sin * right)
    };
    let mut pixels = vec![0; SIDE * SIDE];
    let reach = |centre: f64| (centre - radius) as usize..(centre + radius) as usize + 1;
    for row in reach(centre[1]) {
        for column in reach(centre[0]) {
            let points = (0..SUPERSAMPLING * SUPERSAMPLING).filter(|point| {
                let (down, across) = (point / SUPERSAMPLING, point % SUPERSAMPLING);
                covers(column * SUPERSAMPLING + across, row * SUPERSAMPLING + down)
            });
            let of = SUPERSAMPLING * SUPERSAMPLING;
            pixels[row * SIDE + column] = ((points.count() * 255 + of / 2) / of) as u8;
        }
    }
    pixels
}

/// In pixels.
fn radius(factors: [usize; 5]) -> f64 {
    RADIUS * (factors[1] + 3) as f64 / 6.0
}

/// The pixels from the edge to a centre.
fn position(value: usize) -> f64 {
    SIDE as f64 / 2.0 + (value as f64 - (POSITIONS - 1) as f64 / 2.0) * SPACING
}

/// Whether a shape that is not turned, in the middle of a circle of radius 1, covers the point; `v` grows upwards.
fn inside(shape: usize, u: f64, v: f64) -> bool {
    match shape {
        0 => u.abs() <= FRAC_1_SQRT_2 && v.abs() <= FRAC_1_SQRT_2,
        1 => u * u + 4.0 * v * v <= 1.0,
        _ => {
            let (x, y) = (u * (1.0 + HEART_CENTRE), v * (1.0 + HEART_CENTRE) + HEART_CENTRE);
            let circle = x * x + y * y - 1.0;
            circle * circle * circle <= x * x * y * y * y
        }
    }
}

/// For each image whether it is held out.
fn held_out() -> Vec<bool> {
    // Half a turn apart is one.
    let key = |index: usize| {
        let [shape, scale, rotation, x, y] = factors_of(index);
        let pose = (shape * FACTORS[1].count + scale) * HALF_TURN.len() + rotation % HALF_TURN.len();
        (pose * POSITIONS + x) * POSITIONS + y
    };
    let keys = len() / 2;
    let mut chosen = vec![false; keys];
    let order = permutation(&mut Streams::new(SEED).fork(ID).rng("held out", 0), keys);
    order[..TEST / 2].iter().for_each(|&key| chosen[key] = true);
    (0..len()).map(|index| chosen[key(index)]).collect()
}

/// Shape of the images, training and test part.
pub(crate) fn items() -> (ItemShape, Split, Split) {
    let shape = ItemShape::Image { channels: 1, height: SIDE, width: SIDE };
    let held_out = held_out();
    let pixels: Vec<u8> = (0..len()).into_par_iter().flat_map_iter(|index| render(factors_of(index))).collect();
    let labels: Vec<u32> = (0..len()).map(|index| factors_of(index)[0] as u32).collect();
    let (train, test) = Split::partition(&pixels, Some(&labels), shape.len(), Values::U8, &|index| held_out[index]);
    (shape, train, test)
}

/// The factors as attributes of the items.
pub(crate) fn attributes() -> Vec<Attribute> {
    let held_out = held_out();
    let of = |factor: usize, test: bool| {
        (0..len()).filter(|&i| held_out[i] == test).map(|i| factors_of(i)[factor] as u32).collect()
    };
    let attribute = |(i, factor): (usize, &Factor)| Attribute {
        name: factor.name,
        values: (0..factor.count).map(|value| name(i, value)).collect(),
        train: of(i, false),
        test: of(i, true),
    };
    FACTORS.iter().enumerate().map(attribute).collect()
}

/// What a person calls a factor's value.
fn name(factor: usize, value: usize) -> String {
    match factor {
        0 => SHAPES[value].to_owned(),
        1 => ["1/2", "2/3", "5/6", "1"][value].to_owned(),
        2 => format!("{} degrees", value * 360 / ROTATIONS),
        _ => format!("{} pixels", position(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OpenOptions, Values, attributes, open};
    use std::f64::consts::PI;

    /// Sum of the pixels, in pixels, and its centre from the left and from the upper edge.
    fn mass(image: &[u8]) -> (f64, [f64; 2]) {
        let (mut sum, mut first) = (0.0, [0.0; 2]);
        for (i, &byte) in image.iter().enumerate() {
            let share = f64::from(byte) / 255.0;
            sum += share;
            first[0] += share * ((i % SIDE) as f64 + 0.5);
            first[1] += share * ((i / SIDE) as f64 + 0.5);
        }
        (sum, first.map(|m| m / sum))
    }

    /// 2 r^2 for a square, pi r^2 / 2 for an ellipse, and 3.66197 (r / 1.29348)^2 for a heart, whose area in its own unit
    /// is known by quadrature. Points are an eighth of a pixel apart, and a side's length is off by that at most.
    #[test]
    fn areas_are_those_of_the_shapes_at_each_scale() {
        for (shape, factor) in [2.0, PI / 2.0, 3.661_973 / (1.293_481 * 1.293_481)].into_iter().enumerate() {
            for scale in 0..4 {
                for rotation in 0..ROTATIONS {
                    let (area, _) = mass(&render([shape, scale, rotation, 3, 4]));
                    let expected = factor * (6.75 * [0.5, 2.0 / 3.0, 5.0 / 6.0, 1.0_f64][scale]).powi(2);
                    assert!(
                        (area - expected).abs() < expected.sqrt() / 4.0,
                        "{shape} {scale} {rotation}: {area}, {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_centre_of_mass_follows_x_and_y() {
        for index in (0..len()).step_by(7) {
            let factors = factors_of(index);
            let (_, centre) = mass(&render(factors));
            for (found, value) in centre.into_iter().zip(&factors[3..]) {
                let expected = 7.75 + 1.5 * *value as f64;
                assert!((found - expected).abs() < 0.12, "{factors:?}: {found} against {expected}");
            }
        }
    }

    /// Two positions are three pixels, whatever the shape.
    #[test]
    fn two_positions_on_the_image_is_the_same_three_pixels_on() {
        for (shape, rotation) in [(0, 1), (1, 2), (2, 7)] {
            let here = render([shape, 2, rotation, 3, 8]);
            let mut there = render([shape, 2, rotation, 5, 8]);
            there.rotate_left(3);
            assert_eq!(here, there);
            let mut below = render([shape, 2, rotation, 3, 10]);
            below.rotate_left(3 * SIDE);
            assert_eq!(here, below);
        }
    }

    #[test]
    fn the_outermost_pixels_are_black() {
        for index in 0..len() {
            let image = render(factors_of(index));
            let edge = |i: usize| [i / SIDE, i % SIDE].iter().any(|&place| place == 0 || place == SIDE - 1);
            assert!(image.iter().enumerate().all(|(i, &byte)| byte == 0 || !edge(i)), "{:?}", factors_of(index));
        }
    }

    /// The long axis of an ellipse by its second moments, half of atan2(2 m_xy, m_xx - m_yy), modulo half a turn; up is
    /// against the rows.
    #[test]
    fn an_ellipse_lies_in_the_direction_of_its_rotation() {
        for rotation in 0..ROTATIONS {
            let image = render([1, 3, rotation, 5, 6]);
            let (_, centre) = mass(&image);
            let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
            for (i, &byte) in image.iter().enumerate() {
                let (x, y) = ((i % SIDE) as f64 + 0.5 - centre[0], centre[1] - (i / SIDE) as f64 - 0.5);
                xx += f64::from(byte) * x * x;
                xy += f64::from(byte) * x * y;
                yy += f64::from(byte) * y * y;
            }
            let found = 0.5 * f64::atan2(2.0 * xy, xx - yy);
            let off = (found - rotation as f64 * PI / 5.0) / PI;
            assert!((off - off.round()).abs() < 0.01, "{rotation}: {} degrees", found.to_degrees());
        }
    }

    #[test]
    fn hearts_differ_in_all_rotations_and_the_others_in_half_of_them() {
        for shape in 0..3 {
            let images: Vec<_> = (0..ROTATIONS).map(|rotation| render([shape, 1, rotation, 6, 2])).collect();
            for a in 0..ROTATIONS {
                for b in 0..a {
                    let alike = shape < 2 && a == b + 5;
                    assert_eq!(images[a] == images[b], alike, "shape {shape}, rotations {a} and {b}");
                }
            }
        }
        // The tip of a heart that is not turned is below, where it is narrow.
        let heart = render([2, 3, 0, 5, 5]);
        let width = |row: usize| heart[row * SIDE..(row + 1) * SIDE].iter().filter(|&&byte| byte > 0).count();
        assert!(width(12) > 10 && width(21) < 4, "{} and {}", width(12), width(21));
    }

    #[test]
    fn an_index_is_that_of_its_factors() {
        for index in 0..len() {
            let back = factors_of(index).iter().zip(FACTORS).fold(0, |sum, (value, factor)| sum * factor.count + value);
            assert_eq!(back, index);
        }
    }

    #[test]
    fn a_tenth_is_held_out_and_equal_images_stay_together() {
        let set = open(ID, &OpenOptions::default()).unwrap();
        assert_eq!((set.train.len, set.test.len, set.shape.to_string()), (15_552, 1_728, "1x32x32".to_owned()));
        assert_eq!(set.class_names, SHAPES);
        let bytes = |split: &Split| match &split.values {
            Values::U8(values) => values.chunks_exact(SIDE * SIDE).map(<[u8]>::to_vec).collect::<Vec<_>>(),
            Values::F32(_) => panic!("not images"),
        };
        let (train, test) = (bytes(&set.train), bytes(&set.test));
        let seen: std::collections::HashSet<_> = train.iter().collect();
        assert!(test.iter().all(|image| !seen.contains(image)));
        let distinct: std::collections::HashSet<_> = train.iter().chain(&test).collect();
        assert_eq!(distinct.len(), 11_520);
        for class in 0..3 {
            let held_out = set.test.labels.as_ref().unwrap().iter().filter(|&&label| label == class).count();
            assert!((500..650).contains(&held_out), "class {class}: {held_out}");
        }
    }

    #[test]
    fn attributes_tell_how_each_item_was_made() {
        let set = open(ID, &OpenOptions::default()).unwrap();
        let attributes = attributes(ID, &OpenOptions::default()).unwrap();
        assert!(attributes.iter().map(|a| (a.name, a.values.len())).eq(FACTORS.map(|f| (f.name, f.count))));
        let last = attributes.iter().map(|a| a.values[a.values.len() - 1].as_str());
        assert!(last.eq(["heart", "1", "324 degrees", "24.25 pixels", "24.25 pixels"]));
        assert_eq!(Some(&attributes[0].test), set.test.labels.as_ref());
        let Values::U8(pixels) = &set.train.values else { panic!("not images") };
        for item in (0..set.train.len).step_by(997) {
            let factors = [0, 1, 2, 3, 4].map(|f| attributes[f].train[item] as usize);
            assert_eq!(pixels[item * SIDE * SIDE..(item + 1) * SIDE * SIDE], render(factors), "{factors:?}");
        }
    }

    /// A change of the fingerprint is a change of the data.
    #[test]
    fn the_fingerprint_is_pinned() {
        assert_eq!(
            open(ID, &OpenOptions::default()).unwrap().fingerprint,
            "1d0e0d797d72d5357e59cc81fca3f524b8b428ee8ee67a1acca45418bd92527e"
        );
    }
}
