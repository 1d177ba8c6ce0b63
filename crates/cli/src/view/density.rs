//! A sample of one variable against its density and its distribution function.

use plotters::prelude::*;

use super::PALETTE;
use super::chart::{Area, Axis, Chart, Drawn, Entry, Header, Mark, TICK, colour, mesh, rgb, svg};
use super::format::count;

const WIDTH: u32 = 1640;
const PANEL_HEIGHT: u32 = 560;
/// Points of a curve.
const POINTS: usize = 600;

/// What is drawn of a sample and its law.
pub struct Sampled<'a> {
    /// The title.
    pub title: &'a str,
    /// The draws, in any order.
    pub draws: &'a [f64],
    /// Whether the law is of separate values, whose probabilities `pdf` gives.
    pub discrete: bool,
    /// The law's density.
    pub pdf: &'a dyn Fn(f64) -> f64,
    /// Its distribution function.
    pub cdf: &'a dyn Fn(f64) -> f64,
}

/// An SVG of two panels over one axis: the histogram with the density, and the empirical distribution function with the
/// law's.
///
/// The axis holds the middle 99.8 % of the draws, but no more than five times their interquartile range beyond the
/// quartiles: of a heavy tail the picture would show nothing else. Bins are of Freedman and Diaconis' width (1981), at
/// least 10 and at most 120.
pub fn sampled(plot: &Sampled) -> String {
    let mut sorted: Vec<f64> = plot.draws.iter().copied().filter(|x| x.is_finite()).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len();
    let at = |p: f64| sorted.get(((n as f64 * p) as usize).min(n.saturating_sub(1))).copied().unwrap_or(0.0);
    let (lower, upper) = (at(0.25), at(0.75));
    let reach = 5.0 * (upper - lower);
    let (low, high) = (at(0.001), at(0.999));
    let (low, high) = if reach > 0.0 { (low.max(lower - reach), high.min(upper + reach)) } else { (low, high) };
    let margin = 0.04 * (high - low);
    let axis = Axis::around([low - margin, high + margin], 0.0);
    let shown = || sorted.iter().copied().filter(|x| (axis.low..=axis.high).contains(x));
    // Bins end where the draws do, so that none reaches over an end of the support.
    let (from, to) = (axis.low.max(at(0.0)), axis.high.min(at(1.0)));
    let (from, to) = if from < to { (from, to) } else { (axis.low, axis.high) };
    let width = 2.0 * (upper - lower) / (n.max(1) as f64).cbrt();
    let bins = if width > 0.0 { (((to - from) / width).ceil() as usize).clamp(10, 120) } else { 10 };
    let step = (to - from) / bins as f64;
    let mut counts = vec![0usize; bins];
    for x in sorted.iter().filter(|x| (from..=to).contains(*x)) {
        counts[(((x - from) / step) as usize).min(bins - 1)] += 1;
    }
    // Left and right end of each bar, and its height.
    let mut bars: Vec<(f64, f64, f64)> = counts
        .iter()
        .enumerate()
        .map(|(i, &c)| {
            let left = from + step * i as f64;
            (left, left + step, c as f64 / (n.max(1) as f64 * step))
        })
        .collect();
    let mut values: Vec<f64> = Vec::new();
    if plot.discrete {
        values = shown().collect();
        values.dedup();
        let gap = values.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        let half = 0.4 * if gap.is_finite() { gap } else { 0.1 * (axis.high - axis.low) };
        let share = |x: f64| {
            (sorted.partition_point(|&d| d <= x) - sorted.partition_point(|&d| d < x)) as f64 / n.max(1) as f64
        };
        bars = values.iter().map(|&x| (x - half, x + half, share(x))).collect();
    }
    let xs: Vec<f64> = (0..=POINTS).map(|i| axis.low + (axis.high - axis.low) * i as f64 / POINTS as f64).collect();
    let curve = |f: &dyn Fn(f64) -> f64| xs.iter().map(|&x| (x, f(x))).filter(|p| p.1.is_finite()).collect::<Vec<_>>();
    let density = if plot.discrete {
        values.iter().map(|&x| (x, (plot.pdf)(x))).filter(|p| p.1.is_finite()).collect()
    } else {
        curve(plot.pdf)
    };
    let distribution = curve(plot.cdf);
    let empirical: Vec<(f64, f64)> =
        xs.iter().map(|&x| (x, sorted.partition_point(|&d| d <= x) as f64 / n.max(1) as f64)).collect();

    let entries = [
        (format!("{} draws", count(n)), BARS, Mark::Line),
        ("pdf".to_owned(), rgb(PALETTE[1]), if plot.discrete { Mark::Dot } else { Mark::Line }),
        ("cdf of the draws".to_owned(), BAND, Mark::Line),
        ("cdf".to_owned(), colour(0), Mark::Line),
    ];
    let entries = entries.map(|(label, colour, mark)| Entry { label, colour, mark });
    let header = Header::new(plot.title, WIDTH, entries.into());
    let aria =
        format!("{}: histogram of {} draws with the density, and both distribution functions", plot.title, count(n));
    svg((WIDTH, header.height + 2 * PANEL_HEIGHT), &aria, |area| {
        let (top, rest) = area.split_vertically(header.height);
        header.draw(&top)?;
        let (upper_panel, lower_panel) = rest.split_vertically(PANEL_HEIGHT);
        let tallest = bars.iter().map(|bar| bar.2).fold(0.0, f64::max);
        // A pole of the density must not flatten everything else.
        let heights = density.iter().map(|p| p.1).filter(|&y| y <= 1.5 * tallest);
        let y = Axis::around(heights.chain([0.0, 1.05 * tallest]), 0.0);
        let top_of_panel = y.high;
        let unit = Axis::new(0.0, 1.0);
        let room = y.label_width(TICK).max(unit.label_width(TICK));
        let label = if plot.discrete { "probability" } else { "density" };
        panel(&upper_panel, [axis.clone(), y], room, label, |chart| {
            chart.draw_series(
                bars.iter().map(|&(left, right, height)| Rectangle::new([(left, 0.0), (right, height)], BARS.filled())),
            )?;
            if plot.discrete {
                chart.draw_series(density.iter().map(|&point| Circle::new(point, 7, rgb(PALETTE[1]).filled())))?;
                return Ok(());
            }
            // Where the density leaves the panel its line ends there.
            for part in density.split(|p| p.1 > top_of_panel).filter(|part| part.len() > 1) {
                chart.draw_series(LineSeries::new(part.iter().copied(), rgb(PALETTE[1]).stroke_width(4)))?;
            }
            Ok(())
        })?;
        panel(&lower_panel, [axis.clone(), unit], room, "P(X ≤ x)", |chart| {
            chart.draw_series(LineSeries::new(empirical, BAND.stroke_width(16)))?;
            chart.draw_series(LineSeries::new(distribution, colour(0).stroke_width(4)))?;
            Ok(())
        })
    })
}

const BARS: RGBColor = RGBColor(0xc4, 0xc9, 0xce);
/// For the wide line under a narrow one.
const BAND: RGBColor = RGBColor(0xa9, 0xd8, 0xc9);

fn panel(
    area: &Area<'_>,
    [x, y]: [Axis; 2],
    room: i32,
    label: &str,
    draw: impl FnOnce(&mut Chart<'_, '_>) -> Drawn,
) -> Drawn {
    let mut chart = ChartBuilder::on(area)
        .margin_right(48)
        .margin_left(8)
        .margin_bottom(8)
        .margin_top(12)
        .x_label_area_size(58)
        .y_label_area_size(room + 82)
        .build_cartesian_2d(x, y)?;
    mesh(&mut chart, "", label)?;
    draw(&mut chart)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::tags;

    fn draw(draws: &[f64], pdf: &dyn Fn(f64) -> f64) -> String {
        let cdf = &|x: f64| (x / 2.0).clamp(0.0, 1.0).powi(3);
        sampled(&Sampled { title: "3/8*x^2 <on> [0, 2]", draws, discrete: false, pdf, cdf })
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
                for discrete in [false, true] {
                    let plot = Sampled { title: "", draws: &draws, discrete, pdf: &pdf, cdf: &|_| f64::NAN };
                    let svg = sampled(&plot);
                    tags(&svg);
                    assert!(!svg.contains("could not be drawn"), "{draws:?}: {svg}");
                }
            }
        }
    }
}
