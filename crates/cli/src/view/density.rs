//! A sample of one variable against its density and its distribution function.

use plotters::prelude::*;

use super::PALETTE;
use super::chart::{Area, Axis, Drawn, Entry, Header, INK, MESH, Mark, QUIET, colour, rgb, svg, text};
use super::format::count;

const WIDTH: u32 = 1640;
const PANEL_HEIGHT: u32 = 560;
const TICK: u32 = 25;
/// Points of a curve.
const POINTS: usize = 600;

/// What is drawn of a sample and its law.
pub struct Sampled<'a> {
    /// The title.
    pub title: &'a str,
    /// The draws, in any order.
    pub draws: &'a [f64],
    /// The law's density.
    pub pdf: &'a dyn Fn(f64) -> f64,
    /// Its distribution function.
    pub cdf: &'a dyn Fn(f64) -> f64,
}

/// An SVG of two panels over one axis: the histogram with the density, and the empirical distribution function with the
/// law's.
///
/// The axis holds the middle 99.8 % of the draws with a margin: of a heavy tail the picture would show nothing else.
/// Bins are of Freedman and Diaconis' width (1981), at least 10 and at most 120.
pub fn sampled(plot: &Sampled) -> String {
    let mut sorted: Vec<f64> = plot.draws.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len();
    let at = |p: f64| sorted.get(((n as f64 * p) as usize).min(n.saturating_sub(1))).copied().unwrap_or(0.0);
    let (low, high) = (at(0.001), at(0.999));
    let margin = 0.04 * (high - low);
    let axis = Axis::around([low - margin, high + margin], 0.0);
    let (from, to) = (axis.low, axis.high);
    let width = 2.0 * (at(0.75) - at(0.25)) / (n.max(1) as f64).cbrt();
    let bins = if width > 0.0 { (((to - from) / width).ceil() as usize).clamp(10, 120) } else { 10 };
    let step = (to - from) / bins as f64;
    let mut counts = vec![0usize; bins];
    for x in sorted.iter().filter(|x| (from..to).contains(*x)) {
        counts[(((x - from) / step) as usize).min(bins - 1)] += 1;
    }
    let bars: Vec<f64> = counts.iter().map(|&c| c as f64 / (n.max(1) as f64 * step)).collect();
    let xs: Vec<f64> = (0..=POINTS).map(|i| from + (to - from) * i as f64 / POINTS as f64).collect();
    let curve = |f: &dyn Fn(f64) -> f64| xs.iter().map(|&x| (x, f(x))).filter(|p| p.1.is_finite()).collect::<Vec<_>>();
    let (density, distribution) = (curve(plot.pdf), curve(plot.cdf));
    let empirical: Vec<(f64, f64)> =
        xs.iter().map(|&x| (x, sorted.partition_point(|&d| d <= x) as f64 / n.max(1) as f64)).collect();

    let entries = [
        (format!("{} draws", count(n)), BARS, Mark::Line),
        ("pdf".to_owned(), rgb(PALETTE[1]), Mark::Line),
        ("cdf".to_owned(), colour(0), Mark::Line),
        ("cdf of the draws".to_owned(), rgb(PALETTE[2]), Mark::Dashes),
    ];
    let entries = entries.map(|(label, colour, mark)| Entry { label, colour, mark });
    let header = Header::new(plot.title, WIDTH, entries.into());
    let aria =
        format!("{}: histogram of {} draws with the density, and both distribution functions", plot.title, count(n));
    svg((WIDTH, header.height + 2 * PANEL_HEIGHT), &aria, |area| {
        let (top, rest) = area.split_vertically(header.height);
        header.draw(&top)?;
        let (upper, lower) = rest.split_vertically(PANEL_HEIGHT);
        let tallest = bars.iter().copied().fold(0.0, f64::max);
        // A pole of the density must not flatten everything else.
        let heights = density.iter().map(|p| p.1).filter(|&y| y <= 1.5 * tallest);
        let y = Axis::around(heights.chain([0.0, 1.05 * tallest]), 0.0);
        let top_of_panel = y.high;
        panel(&upper, axis.clone(), y, "density", |chart| {
            chart.draw_series(bars.iter().enumerate().map(|(i, &height)| {
                let left = from + step * i as f64;
                Rectangle::new([(left, 0.0), (left + step, height)], BARS.filled())
            }))?;
            // Where the density leaves the panel its line ends there.
            for part in density.split(|p| p.1 > top_of_panel).filter(|part| part.len() > 1) {
                chart.draw_series(LineSeries::new(part.iter().copied(), rgb(PALETTE[1]).stroke_width(4)))?;
            }
            Ok(())
        })?;
        panel(&lower, axis, Axis::new(0.0, 1.0), "probability", |chart| {
            chart.draw_series(LineSeries::new(distribution, colour(0).stroke_width(4)))?;
            chart.draw_series(DashedLineSeries::new(empirical, 14, 10, rgb(PALETTE[2]).stroke_width(4)))?;
            Ok(())
        })
    })
}

const BARS: RGBColor = RGBColor(0xc4, 0xc9, 0xce);

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

fn panel(area: &Area<'_>, x: Axis, y: Axis, label: &str, draw: impl FnOnce(&mut Chart<'_, '_>) -> Drawn) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .margin_right(48)
        .margin_left(8)
        .margin_bottom(8)
        .margin_top(12)
        .x_label_area_size(58)
        .y_label_area_size(y.label_width(TICK) + 82)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .bold_line_style(MESH.stroke_width(2))
        .axis_style(QUIET.stroke_width(2))
        .label_style(text(TICK, QUIET))
        .axis_desc_style(text(26, INK))
        .y_desc(label)
        .draw()?;
    draw(&mut chart)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::tags;

    fn draw(draws: &[f64], pdf: &dyn Fn(f64) -> f64) -> String {
        sampled(&Sampled { title: "3/8*x^2 <on> [0, 2]", draws, pdf, cdf: &|x| (x / 2.0).clamp(0.0, 1.0).powi(3) })
    }

    #[test]
    fn the_svg_is_well_formed_and_names_what_it_shows() {
        let draws: Vec<f64> = (0..1000).map(|i| 2.0 * ((f64::from(i) + 0.5) / 1000.0).cbrt()).collect();
        let svg = draw(&draws, &|x| 0.375 * x * x);
        let elements = tags(&svg);
        assert!(elements.iter().filter(|tag| *tag == "rect").count() >= 10, "bars");
        for text in ["1,000 draws", "pdf", "cdf of the draws", "3/8*x^2 &lt;on&gt; [0, 2]"] {
            assert!(svg.contains(text), "{text}");
        }
    }

    #[test]
    fn odd_samples_are_drawn_too() {
        for draws in [vec![], vec![1.0], vec![0.5; 50], vec![f64::NAN, 0.2, f64::INFINITY], vec![-1e300, 1e300]] {
            for pdf in [|x: f64| 1.0 / x, |_| f64::NAN, |_| 0.0] {
                let svg = draw(&draws, &pdf);
                tags(&svg);
                assert!(!svg.contains("could not be drawn"), "{draws:?}: {svg}");
            }
        }
    }
}
