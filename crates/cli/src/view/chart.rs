//! What every SVG shares: the canvas, the title with its legend, and the ticks of an axis.

use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::format::group;
use super::{PALETTE, Rgb};

/// Any failure while drawing; a canvas in memory has none but layout that does not fit.
pub(super) type Drawn<T = ()> = Result<T, Box<dyn std::error::Error>>;
/// A part of the canvas.
pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// plotters rounds to whole pixels, so a canvas has twice the pixels at which it is shown.
pub(super) const DENSITY: u32 = 2;
/// Width of a legend's mark.
const MARK: i32 = 44;
const LEGEND_ROW: u32 = 44;
const TITLE_ROW: u32 = 72;
const SIDE: i32 = 28;
/// Pixels of a tick's label.
pub(super) const TICK: u32 = 25;
/// The largest magnitude that is drawn; beyond it the arithmetic of an axis overflows.
pub(super) const LARGEST: f64 = 1e300;

/// Text of `pixels` on the canvas.
pub(super) fn text(pixels: u32, colour: RGBColor) -> TextStyle<'static> {
    // The SVG backend divides by 1.24.
    ("sans-serif", f64::from(pixels) * 1.24).into_font().color(&colour)
}

/// Near black, for text.
pub(super) const INK: RGBColor = RGBColor(0x22, 0x26, 0x2b);
/// For what stands back: tick labels, axes.
pub(super) const QUIET: RGBColor = RGBColor(0x5c, 0x63, 0x6b);
/// Mesh lines.
pub(super) const MESH: RGBColor = RGBColor(0xe4, 0xe7, 0xea);

/// The `i`-th colour of a legend.
pub(super) fn colour(i: usize) -> RGBColor {
    rgb(PALETTE[i % PALETTE.len()])
}

/// plotters' colour of ours.
pub(super) fn rgb([red, green, blue]: Rgb) -> RGBColor {
    RGBColor(red, green, blue)
}

/// How a legend marks an entry.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mark {
    /// A line, as in the chart.
    Line,
    /// A dashed line, as in the chart.
    Dashes,
    /// A point.
    Dot,
}

/// One entry of the legend.
pub(super) struct Entry {
    pub(super) label: String,
    pub(super) colour: RGBColor,
    pub(super) mark: Mark,
}

/// The header of a chart, laid out: its height depends on how many rows the legend takes.
pub(super) struct Header<'a> {
    title: &'a str,
    /// Entries with their place.
    entries: Vec<(Entry, i32, i32)>,
    pub(super) height: u32,
}

impl<'a> Header<'a> {
    /// Lays the legend out in rows of at most `width` pixels.
    pub(super) fn new(title: &'a str, width: u32, entries: Vec<Entry>) -> Self {
        let limit = width as i32 - SIDE;
        let (mut x, mut y) = (SIDE, TITLE_ROW as i32 + LEGEND_ROW as i32 / 2);
        let mut placed = Vec::with_capacity(entries.len());
        for entry in entries {
            let wide = MARK + 14 + estimated_width(&entry.label, 26) + 24;
            if x > SIDE && x.saturating_add(wide) > limit {
                x = SIDE;
                y += LEGEND_ROW as i32;
            }
            placed.push((entry, x, y));
            x = x.saturating_add(wide);
        }
        let height = if placed.is_empty() { TITLE_ROW } else { y as u32 + LEGEND_ROW / 2 + 10 };
        Self { title, entries: placed, height }
    }

    /// Draws title and legend at the top of `area`.
    pub(super) fn draw(&self, area: &Area<'_>) -> Drawn {
        let title = text(34, INK).pos(Pos::new(HPos::Left, VPos::Center));
        area.draw(&Text::new(self.title.to_owned(), (SIDE, 42), title))?;
        let label = text(26, INK).pos(Pos::new(HPos::Left, VPos::Center));
        for (entry, x, y) in &self.entries {
            let (x, y) = (*x, *y);
            let stroke = entry.colour.stroke_width(6);
            let parts: &[(i32, i32)] = match entry.mark {
                Mark::Line => &[(0, MARK)],
                Mark::Dashes => &[(0, MARK / 3), (MARK * 2 / 3, MARK)],
                Mark::Dot => &[],
            };
            for (from, to) in parts {
                area.draw(&PathElement::new([(x + from, y), (x + to, y)], stroke))?;
            }
            if entry.mark == Mark::Dot {
                area.draw(&Circle::new((x + MARK - 10, y), 10, entry.colour.filled()))?;
            }
            area.draw(&Text::new(entry.label.clone(), (x + MARK + 14, y), label.clone()))?;
        }
        Ok(())
    }
}

/// A chart on these axes.
pub(super) type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;

/// Draws the axes with their ticks, and what they are where that is said.
pub(super) fn mesh(chart: &mut Chart<'_, '_>, x: &str, y: &str) -> Drawn {
    let mut mesh = chart.configure_mesh();
    mesh.bold_line_style(MESH.stroke_width(2))
        .axis_style(QUIET.stroke_width(2))
        .label_style(text(TICK, QUIET))
        .axis_desc_style(text(26, INK));
    if !x.is_empty() {
        mesh.x_desc(x);
    }
    if !y.is_empty() {
        mesh.y_desc(y);
    }
    Ok(mesh.draw()?)
}

/// How wide a sans-serif text is, about; an SVG is laid out before its font is known.
pub(super) fn estimated_width(text: &str, pixels: u32) -> i32 {
    (text.chars().count() as f64 * f64::from(pixels) * 0.54).min(1e6) as i32
}

/// An SVG of `size` canvas pixels on white, that a screen reader calls `label`.
pub(super) fn svg(size: (u32, u32), label: &str, draw: impl FnOnce(&Area<'_>) -> Drawn) -> String {
    let (width, height) = size;
    let mut body = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut body, size).into_drawing_area();
        let finish = |area: &Area<'_>| -> Drawn {
            area.fill(&WHITE)?;
            draw(area)?;
            Ok(area.present()?)
        };
        finish(&area)
    };
    let label = escape(label);
    let (shown_width, shown_height) = (width / DENSITY, height / DENSITY);
    let open = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{shown_width}\" height=\"{shown_height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">"
    );
    match (drawn, body.split_once('>')) {
        (Ok(()), Some((_, rest))) => open + rest,
        (Err(error), _) => format!(
            "{open}<rect width=\"100%\" height=\"100%\" fill=\"white\"/><text x=\"40\" y=\"80\" \
             font-family=\"sans-serif\" font-size=\"26\">{label} could not be drawn: {}</text></svg>",
            escape(&error.to_string())
        ),
        (Ok(()), None) => format!("{open}</svg>"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// An axis: its range, and round numbers within it.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) low: f64,
    pub(super) high: f64,
    step: f64,
}

impl Axis {
    /// The axis that holds the finite `values`, with `margin` of their range on either side; [0, 1] without any.
    pub(super) fn around(values: impl IntoIterator<Item = f64>, margin: f64) -> Self {
        let within = values.into_iter().filter(|value| drawable(*value));
        let (low, high) = within.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return Self::new(0.0, 1.0);
        }
        let magnitude = low.abs().max(high.abs());
        let pad = match high - low {
            // Constant, or varying by less than a tick label could tell.
            span if span <= magnitude * 1e-9 => (magnitude * 0.05).max(f64::MIN_POSITIVE * 1e16),
            span => span * margin,
        };
        if magnitude == 0.0 { Self::new(-1.0, 1.0) } else { Self::new(low - pad, high + pad) }
    }

    /// The axis from `low` to `high`, which are finite and apart.
    pub(super) fn new(low: f64, high: f64) -> Self {
        let rough = (high - low) / 6.0;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0].map(|unit| unit * power).into_iter().find(|step| *step >= rough);
        Self { low, high, step: step.unwrap_or(10.0 * power) }
    }

    /// Multiples of a round number, at most eight.
    pub(super) fn ticks(&self) -> Vec<f64> {
        // A tick at the very end counts, whatever the division rounds to.
        let (first, last) = ((self.low / self.step - 1e-9).ceil(), (self.high / self.step + 1e-9).floor());
        if !(first.is_finite() && last.is_finite()) {
            return Vec::new();
        }
        let ticks = (0..8).map(|i| first + f64::from(i)).take_while(|i| *i <= last);
        ticks.map(|i| (i * self.step + 0.0).clamp(self.low, self.high)).collect()
    }

    /// A tick as text, with as many decimals as tell it from its neighbours.
    pub(super) fn label(&self, tick: f64) -> String {
        let step = (self.step.log10() + 1e-9).floor() as i32;
        let magnitude = self.low.abs().max(self.high.abs());
        if !(1e-5..1e7).contains(&magnitude) || step < -9 {
            if tick == 0.0 {
                return "0".into();
            }
            let digits = (tick.abs().log10().floor() as i32 - step).clamp(0, 9) as usize;
            return format!("{tick:.digits$e}");
        }
        let decimals = usize::try_from(-step).unwrap_or(0);
        group(&format!("{tick:.decimals$}"))
    }

    /// The room that the tick labels take, in canvas pixels.
    pub(super) fn label_width(&self, pixels: u32) -> i32 {
        self.ticks().iter().map(|tick| estimated_width(&self.label(*tick), pixels)).max().unwrap_or(0)
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        let along = (value - self.low) / (self.high - self.low);
        (f64::from(start) + f64::from(end - start) * along).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Light points are what lies between ticks: nothing here.
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks() }
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

/// Finite, and not so large that an axis overflows.
pub(super) fn drawable(value: f64) -> bool {
    value.abs() <= LARGEST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low: f64, high: f64) -> Vec<String> {
        let axis = Axis::new(low, high);
        axis.ticks().into_iter().map(|tick| axis.label(tick)).collect()
    }

    #[test]
    fn ticks_are_round_and_told_apart() {
        assert_eq!(labels(0.0, 1.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(0.0, 12_000.0), ["0", "2,000", "4,000", "6,000", "8,000", "10,000", "12,000"]);
        assert_eq!(labels(-1.5, 1.5), ["-1.5", "-1.0", "-0.5", "0.0", "0.5", "1.0", "1.5"]);
        assert_eq!(labels(100.0, 100.3), ["100.00", "100.05", "100.10", "100.15", "100.20", "100.25", "100.30"]);
        assert_eq!(labels(0.0, 3e9), ["0", "5e8", "1.0e9", "1.5e9", "2.0e9", "2.5e9", "3.0e9"]);
    }

    #[test]
    fn every_range_gives_a_few_distinct_ticks_inside_it() {
        let extremes = [-1e300, -1e15, -1.0, -1e-300, 0.0, 1e-300, 1e-12, 1.0, 1.0 + 1e-12, 1e15, 1e300];
        for low in extremes {
            for high in extremes {
                let axis = Axis::around([low, high], 0.05);
                assert!(axis.low < axis.high && axis.low <= low.min(high) && axis.high >= low.max(high));
                let ticks = axis.ticks();
                assert!((2..=8).contains(&ticks.len()), "{low:e} {high:e}: {ticks:?}");
                let mut labels: Vec<_> = ticks.iter().map(|tick| axis.label(*tick)).collect();
                labels.dedup();
                assert_eq!(labels.len(), ticks.len(), "{low:e} {high:e}: {labels:?}");
                assert!(axis.low <= ticks[0] && ticks[ticks.len() - 1] <= axis.high);
            }
        }
    }

    #[test]
    fn without_values_an_axis_is_the_unit_interval() {
        let axis = Axis::around([f64::NAN, f64::INFINITY], 0.05);
        assert_eq!((axis.low, axis.high), (0.0, 1.0));
    }

    #[test]
    fn a_failed_drawing_says_so() {
        let svg = svg((400, 200), "a <b>", |_| Err("no room".into()));
        assert!(svg.contains("a &lt;b&gt; could not be drawn: no room") && svg.ends_with("</svg>"));
    }
}
