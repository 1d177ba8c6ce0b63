//! One figure of several runs, side by side.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::chart::{Drawn, Entry, Header, INK, Mark, QUIET, colour, drawable, estimated_width, svg, text};
use super::format::number;

const WIDTH: u32 = 1640;
const ROW: i32 = 56;
const SIDE: i32 = 28;
const LABEL: u32 = 26;
/// Names of runs take no more of the width than this.
const NAMES: i32 = 620;
/// Room for the number at the end of a bar.
const VALUE: i32 = 150;

/// An SVG of a bar for each `(run, value, ends of its error bar)`, with lines for what real data and a naive model score.
///
/// Bars start at 0, or end there where a value is below it. A value that is not finite has no bar.
pub fn bars(
    title: &str,
    runs: &[(String, f64, Option<[f64; 2]>)],
    floor: Option<f64>,
    baseline: Option<f64>,
) -> String {
    let mut entries = vec![Entry { label: "run".into(), colour: colour(0), mark: Mark::Line }];
    let marks = [("real data", floor, colour(2)), ("naive model", baseline, colour(1))];
    for (label, value, colour) in marks {
        if let Some(value) = value.filter(|&v| drawable(v)) {
            entries.push(Entry { label: format!("{label}: {}", number(value)), colour, mark: Mark::Line });
        }
    }
    let header = Header::new(title, WIDTH, entries);
    let height = header.height + runs.len() as u32 * ROW as u32 + 24;
    let aria = runs.iter().map(|(name, value, _)| format!("{name} {}", number(*value))).collect::<Vec<_>>().join(", ");
    svg((WIDTH, height), &format!("{title}: {aria}"), |area| {
        let (top, rows) = area.split_vertically(header.height);
        header.draw(&top)?;
        let shown = runs.iter().flat_map(|(_, value, error)| {
            let [low, high] = error.unwrap_or([*value; 2]);
            [*value, low, high]
        });
        let shown = shown.chain(floor).chain(baseline).filter(|&v| drawable(v));
        let (low, high) = shown.fold((0.0f64, 0.0f64), |(low, high), v| (low.min(v), high.max(v)));
        let names = runs.iter().map(|(name, ..)| estimated_width(name, LABEL)).max().unwrap_or(0).min(NAMES);
        let left = SIDE + names + 24;
        let room = f64::from(WIDTH as i32 - left - VALUE - SIDE);
        let span = if high > low { high - low } else { 1.0 };
        let at = |value: f64| left + ((value - low) / span * room).round() as i32;
        let label = text(LABEL, INK).pos(Pos::new(HPos::Right, VPos::Center));
        let end = text(LABEL, QUIET).pos(Pos::new(HPos::Left, VPos::Center));
        for (i, (name, value, error)) in runs.iter().enumerate() {
            let middle = ROW * i as i32 + ROW / 2;
            let name: String = if estimated_width(name, LABEL) > names {
                let kept = name.chars().count() * names as usize / estimated_width(name, LABEL).max(1) as usize;
                let skipped = name.chars().count() - kept.saturating_sub(1);
                format!("…{}", name.chars().skip(skipped).collect::<String>())
            } else {
                name.clone()
            };
            rows.draw(&Text::new(name, (left - 24, middle), label.clone()))?;
            // The number stands behind bar and error bar.
            let mut reach = 0.0;
            if drawable(*value) {
                reach = value.max(0.0);
                let ends = [(at(0.0).min(at(*value)), middle - 15), (at(0.0).max(at(*value)), middle + 15)];
                rows.draw(&Rectangle::new(ends, colour(0).filled()))?;
                if let Some([low, high]) = error.filter(|ends| ends.iter().all(|&end| drawable(end))) {
                    let line = [(at(low), middle), (at(high), middle)];
                    rows.draw(&PathElement::new(line, INK.stroke_width(4)))?;
                    reach = high.max(reach);
                }
            }
            rows.draw(&Text::new(number(*value), (at(reach) + 14, middle), end.clone()))?;
        }
        lines(&rows, &marks.map(|(_, value, colour)| (value.filter(|&v| drawable(v)).map(at), colour)), runs.len())
    })
}

fn lines(area: &super::chart::Area<'_>, marks: &[(Option<i32>, RGBColor)], rows: usize) -> Drawn {
    for &(x, colour) in marks {
        if let Some(x) = x {
            area.draw(&PathElement::new([(x, 4), (x, ROW * rows as i32 - 4)], colour.stroke_width(5)))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tests::tags;

    #[test]
    fn every_run_has_its_bar_and_number() {
        let runs = [("runs/a <1>".to_owned(), 2.5, Some([2.4, 2.6])), ("runs/b".to_owned(), 5.0, None)];
        let svg = bars("ffd", &runs, Some(1.0), Some(20.0));
        let elements = tags(&svg);
        // The page and the two bars.
        assert_eq!(elements.iter().filter(|tag| *tag == "rect").count(), 3);
        for text in ["runs/a &lt;1&gt;", "2.500", "real data: 1", "naive model: 20"] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
    }

    #[test]
    fn odd_values_are_drawn_too() {
        let name = "a very long name of a run ".repeat(10);
        for values in [vec![], vec![f64::NAN], vec![-1.0, 3.0], vec![0.0], vec![1e308, 1.0], vec![f64::INFINITY]] {
            let runs: Vec<_> = values.into_iter().map(|v| (name.clone(), v, Some([f64::NAN; 2]))).collect();
            let svg = bars("", &runs, Some(f64::NAN), None);
            tags(&svg);
            assert!(!svg.contains("could not be drawn") && !svg.contains("=\"NaN"), "{svg}");
        }
    }
}
