//! Series over their steps.

use image::RgbImage;
use plotters::prelude::*;

use super::chart::{Axis, Entry, Header, Mark, TICK, mesh, rgb, svg};
use super::scatter::disc;
use super::{FAKE, PALETTE, REAL, ViewError, png};

/// A panel of the small picture, and what lies around it.
const PANEL: [u32; 2] = [120, 72];
const GAP: u32 = 6;
/// Panels of the small picture at most: 64 million pixels.
const MOST: usize = 6000;

const WIDTH: u32 = 1640;
const HEIGHT: u32 = 620;
/// Series of each kind in a plot; more hide each other.
const DRAWN: usize = 12;

/// A small PNG of `values`, `[n, steps, channels]`: a panel for each series, with a line for each of its channels, all from the same least
/// to the same largest value.
pub fn series_png(values: &[f32], [steps, channels]: [usize; 2]) -> Result<Vec<u8>, ViewError> {
    let n = values.len() / (steps * channels).max(1);
    if n == 0 {
        return Err(ViewError::Empty { shape: [n, 1, steps, channels] });
    }
    if n > MOST {
        return Err(ViewError::TooLarge { n, height: steps, width: channels });
    }
    let [low, high] = range(values);
    let columns = (n as f64).sqrt().ceil() as usize;
    let rows = n.div_ceil(columns);
    let side = |count: usize, panel: u32| count as u32 * (panel + GAP) + GAP;
    let mut picture =
        RgbImage::from_pixel(side(columns, PANEL[0]), side(rows, PANEL[1]), image::Rgb([0xe4, 0xe7, 0xea]));
    for (i, series) in values.chunks_exact(steps * channels).enumerate() {
        let corner = [(i % columns) as u32 * (PANEL[0] + GAP) + GAP, (i / columns) as u32 * (PANEL[1] + GAP) + GAP];
        for y in corner[1]..corner[1] + PANEL[1] {
            for x in corner[0]..corner[0] + PANEL[0] {
                picture.put_pixel(x, y, image::Rgb([0xff; 3]));
            }
        }
        let place = |step: f64, value: f64| {
            let across = if steps > 1 { step / (steps - 1) as f64 } else { 0.5 };
            let up = ((value - low) / (high - low)).clamp(0.0, 1.0);
            let inside = |share: f64, panel: u32| 3.0 + share * (f64::from(panel) - 6.0);
            [f64::from(corner[0]) + inside(across, PANEL[0]), f64::from(corner[1]) + inside(1.0 - up, PANEL[1])]
        };
        for channel in 0..channels {
            let line: Vec<f64> = series.iter().skip(channel).step_by(channels).map(|&x| f64::from(x)).collect();
            let ink = PALETTE[channel % PALETTE.len()];
            for (step, pair) in line.windows(2).enumerate().filter(|(_, pair)| pair.iter().all(|x| x.is_finite())) {
                let (from, to) = (place(step as f64, pair[0]), place((step + 1) as f64, pair[1]));
                let length = (to[0] - from[0]).hypot(to[1] - from[1]).ceil().max(1.0);
                for k in 0..length as usize {
                    let share = k as f64 / length;
                    let at = [0, 1].map(|axis| from[axis] + share * (to[axis] - from[axis]));
                    disc(&mut picture, at, 0.8, ink);
                }
            }
        }
    }
    png(&picture)
}

/// The least and the largest finite value.
fn range(values: &[f32]) -> [f64; 2] {
    let finite = values.iter().filter(|x| x.is_finite()).map(|&x| f64::from(x));
    let [low, high] = finite.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)]);
    if low < high {
        [low, high]
    } else if low.is_finite() {
        [low - 1.0, low + 1.0]
    } else {
        [-1.0, 1.0]
    }
}

/// An SVG of some generated series over some real ones, one channel below the other, each with its name and in its own unit; both
/// `[n, steps, channels]`.
pub fn series_svg(title: &str, names: &[String], steps: usize, real: &[f32], fake: &[f32]) -> String {
    let channels = names.len().max(1);
    let lines = |values: &[f32], channel: usize| -> Vec<Vec<(f64, f64)>> {
        let line = |series: &[f32]| {
            let values = series.iter().skip(channel).step_by(channels).enumerate();
            values.map(|(step, &x)| (step as f64, f64::from(x))).filter(|point| point.1.is_finite()).collect()
        };
        values.chunks_exact((steps * channels).max(1)).take(DRAWN).map(line).collect()
    };
    let count = |values: &[f32]| (values.len() / (steps * channels).max(1)).min(DRAWN);
    let entry = |name: &str, values: &[f32], colour| Entry {
        label: format!("{name}: {}", count(values)),
        colour,
        mark: Mark::Line,
    };
    let mut entries = Vec::new();
    if !real.is_empty() {
        entries.push(entry("real", real, rgb(REAL)));
    }
    entries.push(entry("generated", fake, rgb(FAKE)));
    let header = Header::new(title, WIDTH, entries);
    let size = (WIDTH, header.height + HEIGHT * channels as u32);
    svg(size, &format!("{title}: {} over steps", names.join(", ")), |area| {
        let (top, rest) = area.split_vertically(header.height);
        header.draw(&top)?;
        for (channel, panel) in rest.split_evenly((channels, 1)).iter().enumerate() {
            let (below, above) = (lines(real, channel), lines(fake, channel));
            let points = || below.iter().chain(&above).flatten();
            let x = Axis::around(points().map(|point| point.0), 0.0);
            let y = Axis::around(points().map(|point| point.1), 0.05);
            let mut chart = ChartBuilder::on(panel)
                .margin(8)
                .margin_right(48)
                .x_label_area_size(78)
                .y_label_area_size(y.label_width(TICK) + 82)
                .build_cartesian_2d(x, y)?;
            mesh(&mut chart, "step", names.get(channel).map_or("x", String::as_str))?;
            for (lines, ink) in [(below, rgb(REAL).mix(0.7)), (above, rgb(FAKE).mix(0.9))] {
                for line in lines {
                    chart.draw_series(LineSeries::new(line, ink.stroke_width(3)))?;
                }
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::tags;

    #[test]
    fn each_series_has_a_panel_with_its_line() {
        // One rises, one falls, of one channel.
        let bytes = series_png(&[0.0, 1.0, 1.0, 0.0], [2, 1]).unwrap();
        let picture = image::load_from_memory(&bytes).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (2 * 126 + 6, 84));
        let dark = |x: u32, y: u32| {
            let around = (x - 2..=x + 2).flat_map(|x| (y - 2..=y + 2).map(move |y| (x, y)));
            around.into_iter().any(|(x, y)| picture.get_pixel(x, y).0.iter().any(|&channel| channel < 200))
        };
        assert!(dark(9, 75) && dark(123, 9), "from the lower left to the upper right");
        assert!(dark(135, 9) && dark(249, 75), "from the upper left to the lower right");
        assert!(!dark(16, 16));
    }

    #[test]
    fn whatever_is_given_is_drawn_or_refused() {
        for values in [[f32::NAN; 6], [f32::INFINITY; 6], [1.0; 6], [f32::MAX, f32::MIN, 0.0, 1.0, -1.0, f32::NAN]] {
            for shape in [[3, 2], [6, 1], [1, 6], [2, 3]] {
                assert!(series_png(&values, shape).is_ok());
                let names: Vec<String> = (0..shape[1]).map(|i| format!("<{i}>")).collect();
                let svg = series_svg("a & b", &names, shape[0], &[], &values);
                tags(&svg);
                assert!(!svg.contains("could not be drawn"), "{values:?} {shape:?}");
            }
        }
        assert!(series_png(&[], [3, 2]).is_err());
    }
}
