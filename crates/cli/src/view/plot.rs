//! Curves over training steps.

use plotters::prelude::*;

use super::PALETTE;
use super::chart::{Axis, Drawn, Entry, Header, Mark, QUIET, TICK, colour, drawable, mesh, svg, text};
use super::format::count;

const WIDTH: u32 = 1640;
const PLOT_HEIGHT: u32 = 720;
/// Points of one curve; more would only lie on top of each other.
const POINTS: usize = 2000;

/// An SVG of named curves over steps, `(step, value)` in order of step.
///
/// Points that are not finite are left out, which the legend says. A curve of more than 2,000 points is thinned to the
/// smallest and largest value of each stretch, so that no spike is lost.
pub fn curves(title: &str, y_label: &str, series: &[(String, Vec<(f64, f64)>)]) -> String {
    let drawn: Vec<_> = series.iter().map(|(_, points)| thinned(points)).collect();
    let entries = series.iter().zip(&drawn).enumerate().map(|(i, ((name, points), _))| {
        let missing = points.iter().filter(|point| !finite(point)).count();
        let label = match missing {
            0 => name.clone(),
            missing => format!("{name} ({} not finite)", count(missing)),
        };
        Entry { label, colour: colour(i), mark: mark(i) }
    });
    let header = Header::new(title, WIDTH, entries.collect());
    let size = (WIDTH, header.height + PLOT_HEIGHT);
    let names: Vec<_> = series.iter().map(|(name, _)| name.as_str()).collect();
    let aria = format!("{title}: {y_label} over steps of {}", names.join(", "));
    svg(size, &aria, |area| {
        let (top, plot) = area.split_vertically(header.height);
        header.draw(&top)?;
        draw(&plot, y_label, &drawn, &[])
    })
}

/// A name and, over steps, the least, the middle and the largest value of several seeds.
pub type CurveOfSeeds = (String, Vec<(f64, [f64; 3])>);

/// An SVG of the middle values over steps, each on the band from the least to the largest. Points that are not finite are left out.
pub fn curves_of_seeds(title: &str, y_label: &str, series: &[CurveOfSeeds]) -> String {
    let whole = |points: &[(f64, [f64; 3])]| -> Vec<(f64, [f64; 3])> {
        points.iter().copied().filter(|(x, values)| values.iter().all(|y| finite(&(*x, *y)))).collect()
    };
    let bands: Vec<_> = series.iter().map(|(_, points)| whole(points)).collect();
    let middle: Vec<Vec<(f64, f64)>> =
        bands.iter().map(|points| points.iter().map(|&(x, [_, y, _])| (x, y)).collect()).collect();
    let entries = series.iter().enumerate();
    let entries = entries.map(|(i, (name, _))| Entry { label: name.clone(), colour: colour(i), mark: mark(i) });
    let header = Header::new(title, WIDTH, entries.collect());
    let names: Vec<_> = series.iter().map(|(name, _)| name.as_str()).collect();
    let aria = format!("{title}: {y_label} over steps of {}", names.join(", "));
    svg((WIDTH, header.height + PLOT_HEIGHT), &aria, |area| {
        let (top, plot) = area.split_vertically(header.height);
        header.draw(&top)?;
        draw(&plot, y_label, &middle, &bands)
    })
}

fn draw(
    area: &super::chart::Area<'_>,
    y_label: &str,
    series: &[Vec<(f64, f64)>],
    bands: &[Vec<(f64, [f64; 3])>],
) -> Drawn {
    let points = || series.iter().flatten();
    let ends = bands.iter().flatten().flat_map(|(_, [low, _, high])| [*low, *high]);
    let x = Axis::around(points().map(|point| point.0), 0.0);
    let y = Axis::around(points().map(|point| point.1).chain(ends), 0.05);
    let mut chart = ChartBuilder::on(area)
        .margin_right(48)
        .margin_left(8)
        .margin_bottom(8)
        .margin_top(8)
        .x_label_area_size(78)
        .y_label_area_size(y.label_width(TICK) + 82)
        .build_cartesian_2d(x, y)?;
    mesh(&mut chart, "step", y_label)?;
    for (i, band) in bands.iter().enumerate().filter(|(_, band)| band.len() > 1) {
        let upper = band.iter().map(|&(x, [_, _, high])| (x, high));
        let lower = band.iter().rev().map(|&(x, [low, ..])| (x, low));
        let outline: Vec<_> = upper.chain(lower).collect();
        chart.draw_series([Polygon::new(outline, colour(i).mix(0.12))])?;
    }
    for (i, points) in series.iter().enumerate() {
        let stroke = colour(i).stroke_width(3);
        match points.as_slice() {
            [] => {}
            [only] => {
                chart.draw_series([Circle::new(*only, 7, colour(i).filled())])?;
            }
            points if mark(i) == Mark::Dashes => {
                chart.draw_series(DashedLineSeries::new(points.iter().copied(), 14, 8, stroke))?;
            }
            points => {
                chart.draw_series(LineSeries::new(points.iter().copied(), stroke))?;
            }
        }
    }
    if points().next().is_none() {
        let (width, height) = area.dim_in_pixel();
        area.draw(&Text::new("nothing to draw", (width as i32 / 2 - 80, height as i32 / 2 - 40), text(28, QUIET)))?;
    }
    Ok(())
}

/// Once the colours are used up, dashes tell curves apart.
fn mark(i: usize) -> Mark {
    if (i / PALETTE.len()).is_multiple_of(2) { Mark::Line } else { Mark::Dashes }
}

fn finite(&(x, y): &(f64, f64)) -> bool {
    drawable(x) && drawable(y)
}

/// The finite points, or the extremes of each stretch of them.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let finite: Vec<_> = points.iter().copied().filter(finite).collect();
    if finite.len() <= POINTS {
        return finite;
    }
    // The first and the last point stand for themselves.
    let (first, last) = (finite[0], finite[finite.len() - 1]);
    let inner = &finite[1..finite.len() - 1];
    let mut thin = vec![first];
    for stretch in inner.chunks(inner.len().div_ceil(POINTS / 2 - 1)) {
        let order = |&a: &usize, &b: &usize| stretch[a].1.total_cmp(&stretch[b].1);
        let low = (0..stretch.len()).min_by(order).unwrap_or(0);
        let high = (0..stretch.len()).max_by(order).unwrap_or(0);
        thin.push(stretch[low.min(high)]);
        if low != high {
            thin.push(stretch[low.max(high)]);
        }
    }
    thin.push(last);
    thin
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::tags;

    fn series(name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> (String, Vec<(f64, f64)>) {
        (name.to_owned(), points.into_iter().collect())
    }

    #[test]
    fn the_svg_is_well_formed_and_names_its_curves() {
        let line = |slope: f64| (0..50).map(move |i| (f64::from(i), slope * f64::from(i)));
        let svg = curves("Losses <of> A & B", "nats", &[series("generator", line(1.0)), series("D & <x>", line(-2.0))]);
        tags(&svg);
        for text in ["generator", "D &amp; &lt;x&gt;", "Losses &lt;of&gt; A &amp; B", "nats", "step", "sans-serif"] {
            assert!(svg.contains(text), "{text} in {svg}");
        }
        assert!(!svg.contains("<x>"));
        for colour in ["#0072B2", "#D55E00"] {
            // In the legend and in the chart.
            assert_eq!(svg.matches(&format!("stroke=\"{colour}\"")).count(), 2, "{colour}");
        }
    }

    #[test]
    fn points_that_are_not_finite_are_left_out_and_counted() {
        let nan = [(0.0, 1.0), (1.0, f64::NAN), (2.0, 3.0), (f64::INFINITY, 1.0), (3.0, f64::MAX)];
        let svg = curves("loss", "loss", &[series("critic", nan)]);
        tags(&svg);
        assert!(svg.contains("critic (3 not finite)"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }

    #[test]
    fn thinning_keeps_every_spike_and_both_ends() {
        let mut points: Vec<_> = (0..100_000).map(|i| (f64::from(i), (f64::from(i) * 1e-3).sin())).collect();
        points[51_234].1 = 40.0;
        points[70_001].1 = -30.0;
        let thin = thinned(&points);
        assert!(thin.len() <= POINTS, "{}", thin.len());
        assert!(thin.contains(&(51_234.0, 40.0)) && thin.contains(&(70_001.0, -30.0)));
        assert_eq!((thin[0], thin[thin.len() - 1]), (points[0], points[99_999]));
        assert!(thin.windows(2).all(|pair| pair[0].0 < pair[1].0), "still in order of step");
        assert_eq!(thinned(&points[..2000]), points[..2000]);
        assert!(thinned(&points[..2001]).len() <= 2001);
    }

    #[test]
    fn extreme_series_are_drawn_too() {
        let many: Vec<_> = (0..20).map(|i| series(&format!("s{i}"), [(0.0, f64::from(i)), (1.0, 2.0)])).collect();
        let cases = [
            vec![],
            vec![series("empty", [])],
            vec![series("one", [(100.0, 0.5)])],
            vec![series("flat", [(0.0, 2.0), (10.0, 2.0)])],
            vec![series("huge", [(0.0, -1e300), (1e300, 1e300)])],
            vec![series("tiny", [(0.0, 1.0), (1e-300, 1.0 + f64::EPSILON)])],
            vec![series(&"long ".repeat(300), [(0.0, 1.0)])],
            many,
        ];
        for case in cases {
            let svg = curves("", "", &case);
            tags(&svg);
            assert!(!svg.contains("could not be drawn"), "{svg}");
        }
    }
}
