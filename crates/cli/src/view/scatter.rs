//! A sample in the plane beside the real points.

use image::RgbImage;
use plotters::prelude::*;

use super::chart::{Axis, Entry, Header, Mark, colour, mesh, rgb, svg};
use super::format::count;
use super::{FAKE, PALETTE, REAL, ViewError, png};

/// The plot's side and, around it, what its labels take.
const SIDE: u32 = 1100;
const LEFT: u32 = 100;
const RIGHT: u32 = 44;
const BOTTOM: u32 = 64;
const PNG_SIDE: u32 = 480;
/// Points of one set in an SVG, which holds every one of them as an element.
const POINTS: usize = 2500;

/// The square that is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Frame {
    centre: [f64; 2],
    half: f64,
}

impl Frame {
    /// Equal axes around the real points with a margin, so that frames over time can be compared.
    fn around(real: &[[f32; 2]], fake: &[[f32; 2]]) -> Self {
        let extent = |axis: usize| {
            let of = |points: &[[f32; 2]]| {
                let coordinates = points.iter().filter(|p| finite(p)).map(|p| f64::from(p[axis]));
                coordinates.fold(None, |range: Option<(f64, f64)>, v| {
                    Some(range.map_or((v, v), |(low, high)| (low.min(v), high.max(v))))
                })
            };
            of(real).or_else(|| of(fake)).unwrap_or((-1.0, 1.0))
        };
        let [x, y] = [extent(0), extent(1)];
        let half = (x.1 - x.0).max(y.1 - y.0) / 2.0 * 1.2;
        let centre = [(x.0 + x.1) / 2.0, (y.0 + y.1) / 2.0];
        let magnitude = centre[0].abs().max(centre[1].abs());
        Self { centre, half: if half > magnitude * 1e-6 { half } else { magnitude.max(1.0) } }
    }

    /// The point in units of the frame, [-1, 1]; none outside.
    fn place(&self, point: [f32; 2]) -> Option<[f64; 2]> {
        let [x, y] = [0, 1].map(|axis| (f64::from(point[axis]) - self.centre[axis]) / self.half);
        (x.abs() <= 1.0 && y.abs() <= 1.0).then_some([x, y])
    }

    fn axis(&self, axis: usize) -> Axis {
        Axis::new(self.centre[axis] - self.half, self.centre[axis] + self.half)
    }
}

fn finite(point: &[f32; 2]) -> bool {
    point.iter().all(|value| value.is_finite())
}

/// An SVG of `fake` over `real`, with equal axes from the real points' extent.
///
/// The legend counts what it does not show: points outside the frame, and all but some 2,500 of a larger set.
pub fn scatter(title: &str, real: &[[f32; 2]], fake: &[[f32; 2]]) -> String {
    let sets = [("real", real, rgb(REAL)), ("generated", fake, rgb(FAKE))];
    draw(title, &Frame::around(real, fake), &sets)
}

/// An SVG of points by the class that each is named by, with equal axes.
pub fn scatter_classes(title: &str, classes: &[(String, Vec<[f32; 2]>)]) -> String {
    let all: Vec<[f32; 2]> = classes.iter().flat_map(|(_, points)| points.iter().copied()).collect();
    let sets: Vec<Set> = classes
        .iter()
        .enumerate()
        .map(|(i, (name, points))| (name.as_str(), points.as_slice(), class_colour(i, classes.len())))
        .collect();
    draw(title, &Frame::around(&all, &[]), &sets)
}

/// The colour of a class: of the palette where it has enough, otherwise hues around the circle, light and dark in turn.
fn class_colour(i: usize, count: usize) -> RGBColor {
    if count <= PALETTE.len() {
        return colour(i);
    }
    let lightness = if i.is_multiple_of(2) { 0.36 } else { 0.62 };
    let (red, green, blue) = HSLColor(i as f64 / count as f64, 0.75, lightness).rgb();
    RGBColor(red, green, blue)
}

/// A name, its points and their colour.
type Set<'a> = (&'a str, &'a [[f32; 2]], RGBColor);

fn draw(title: &str, frame: &Frame, sets: &[Set]) -> String {
    let labels: Vec<String> = sets.iter().map(|(name, points, _)| legend(name, points, frame)).collect();
    let entry = |(label, set): (&String, &Set)| Entry { label: label.clone(), colour: set.2, mark: Mark::Dot };
    let header = Header::new(title, LEFT + SIDE + RIGHT, labels.iter().zip(sets).map(entry).collect());
    let aria = format!("{title}: {}", labels.join(" and "));
    svg((LEFT + SIDE + RIGHT, header.height + 8 + SIDE + BOTTOM), &aria, |area| {
        let (top, plot) = area.split_vertically(header.height);
        header.draw(&top)?;
        let (x, y) = (frame.axis(0), frame.axis(1));
        let mut chart = ChartBuilder::on(&plot)
            .margin_top(8)
            .margin_right(RIGHT)
            .x_label_area_size(BOTTOM)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(x, y)?;
        mesh(&mut chart, "", "")?;
        for (_, points, colour) in sets {
            let inside = points.iter().filter(|point| frame.place(**point).is_some());
            let shown = inside.step_by(stride(points.len()));
            chart
                .draw_series(shown.map(|point| {
                    Circle::new((f64::from(point[0]), f64::from(point[1])), 4, colour.mix(0.55).filled())
                }))?;
        }
        Ok(())
    })
}

/// Every how many points one is drawn.
fn stride(points: usize) -> usize {
    points.div_ceil(POINTS).max(1)
}

fn legend(name: &str, points: &[[f32; 2]], frame: &Frame) -> String {
    let mut label = format!("{name}: {}", count(points.len()));
    match stride(points.len()) {
        1 => {}
        stride => label += &format!(", 1 of {stride} drawn"),
    }
    match points.iter().filter(|point| frame.place(**point).is_none()).count() {
        0 => {}
        outside => label += &format!(", {} outside", count(outside)),
    }
    label
}

/// A small PNG of `fake` over `real` in the same frame as [`scatter()`], without axes: one of many over time.
pub fn scatter_png(real: &[[f32; 2]], fake: &[[f32; 2]]) -> Result<Vec<u8>, ViewError> {
    let frame = Frame::around(real, fake);
    let mut picture = RgbImage::from_pixel(PNG_SIDE, PNG_SIDE, image::Rgb([0xff; 3]));
    for (points, colour, radius) in [(real, REAL, 1.4), (fake, FAKE, 1.7)] {
        for point in points.iter().filter_map(|point| frame.place(*point)) {
            let half = f64::from(PNG_SIDE) / 2.0;
            disc(&mut picture, [half + point[0] * half, half - point[1] * half], radius, colour);
        }
    }
    for i in 0..PNG_SIDE {
        for (x, y) in [(i, 0), (i, PNG_SIDE - 1), (0, i), (PNG_SIDE - 1, i)] {
            picture.put_pixel(x, y, image::Rgb([0xc4, 0xc8, 0xcc]));
        }
    }
    png(&picture)
}

/// Blends a disc with a soft edge into the picture.
pub(super) fn disc(picture: &mut RgbImage, [x, y]: [f64; 2], radius: f64, colour: [u8; 3]) {
    let reach = radius.ceil() as i64 + 1;
    for row in y as i64 - reach..=y as i64 + reach {
        for column in x as i64 - reach..=x as i64 + reach {
            let (Ok(at_x), Ok(at_y)) = (u32::try_from(column), u32::try_from(row)) else { continue };
            let Some(pixel) = picture.get_pixel_mut_checked(at_x, at_y) else { continue };
            let distance = (column as f64 + 0.5 - x).hypot(row as f64 + 0.5 - y);
            let weight = 0.6 * (radius + 0.5 - distance).clamp(0.0, 1.0);
            for (old, new) in pixel.0.iter_mut().zip(colour) {
                *old = (f64::from(*old) * (1.0 - weight) + f64::from(new) * weight).round() as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::tags;

    const SQUARE: [[f32; 2]; 4] = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]];

    #[test]
    fn the_frame_is_square_holds_the_real_points_and_ignores_the_generated_ones() {
        let frame = Frame::around(&[[0.0, 0.0], [4.0, 1.0]], &[[900.0, 0.0]]);
        assert_eq!(frame, Frame { centre: [2.0, 0.5], half: 2.4 });
        assert_eq!(Frame::around(&SQUARE, &[[f32::NAN, 3.0]]), Frame::around(&SQUARE, &[]));
        assert_eq!(Frame::around(&[], &SQUARE), Frame::around(&SQUARE, &[]));
    }

    #[test]
    fn the_legend_says_what_is_not_shown() {
        let fake = [vec![[0.5f32, 0.5]; 9_997], vec![[9.0, 0.0], [f32::NAN, 0.0], [0.0, f32::NEG_INFINITY]]].concat();
        let svg = scatter("ring8 & co", &SQUARE, &fake);
        let tags = tags(&svg);
        assert!(svg.contains("real: 4<") || svg.contains("real: 4\n"), "{svg}");
        assert!(svg.contains("generated: 10,000, 1 of 4 drawn, 3 outside"));
        assert!(svg.contains("ring8 &amp; co"));
        // 4 real, 2,500 generated, 2 in the legend.
        assert_eq!(tags.iter().filter(|tag| *tag == "circle").count(), 2506);
    }

    #[test]
    fn every_class_has_a_colour_and_an_entry_of_its_own() {
        let classes: Vec<(String, Vec<[f32; 2]>)> =
            (0..10).map(|i| (format!("class {i}"), vec![[i as f32, 0.0]; i + 1])).collect();
        let svg = scatter_classes("codes", &classes);
        // 55 points and 10 in the legend.
        assert_eq!(tags(&svg).iter().filter(|tag| *tag == "circle").count(), 65);
        assert!((0..10).all(|i| svg.contains(&format!("class {i}: {}", i + 1))), "{svg}");
        let mut colours: Vec<RGBColor> = (0..10).map(|i| class_colour(i, 10)).collect();
        colours.sort_by_key(|colour| (colour.0, colour.1, colour.2));
        colours.dedup();
        assert_eq!(colours.len(), 10);
    }

    #[test]
    fn degenerate_sets_are_drawn() {
        let sets: [&[[f32; 2]]; 5] =
            [&[], &[[f32::NAN; 2]], &[[3.0, 3.0]], &[[f32::MIN; 2], [f32::MAX; 2]], &[[1e-40, 0.0], [0.0, 0.0]]];
        for real in sets {
            for fake in sets {
                let svg = scatter("", real, fake);
                tags(&svg);
                assert!(!svg.contains("could not be drawn"));
                assert!(scatter_png(real, fake).is_ok());
            }
        }
    }

    #[test]
    fn the_png_has_each_point_at_its_place() {
        let bytes = scatter_png(&SQUARE, &[[0.0, 1.0]]).unwrap();
        let picture = image::load_from_memory_with_format(&bytes, image::ImageFormat::Png).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (480, 480));
        // Real corners at 1/1.2 of the half side; y points up.
        let red_over_blue = |x: u32, y: u32| {
            let [red, _, blue] = picture.get_pixel(x, y).0;
            i32::from(red) - i32::from(blue)
        };
        assert!(red_over_blue(240, 40) > 80, "generated, at the top");
        assert_eq!(red_over_blue(240, 440), 0);
        for (x, y) in [(40, 40), (440, 40), (40, 440), (440, 440)] {
            let [red, green, blue] = picture.get_pixel(x, y).0;
            assert!(red == green && green == blue && red < 220, "real, grey: {red} {green} {blue}");
        }
        assert_eq!(picture.get_pixel(240, 240).0, [255; 3]);
    }
}
