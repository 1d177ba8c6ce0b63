//! Figures for the terminal.

use ganvas_metrics::Figure;

use super::explain::{Better, meaning};
use super::format::{count, interval, number, uncertainty};

/// The figures as aligned text, one a line below a header, each line ended by a newline; empty without figures.
///
/// `n` is the number of generated and of real samples. A column that no figure fills is left out.
pub fn figures_table(figures: &[Figure]) -> String {
    if figures.is_empty() {
        return String::new();
    }
    let optional = |value: Option<f64>, write: fn(f64) -> String| value.map(write).unwrap_or_default();
    let column = |title: &str, cell: &dyn Fn(&Figure) -> String| -> Vec<String> {
        std::iter::once(title.to_owned()).chain(figures.iter().map(cell)).collect()
    };
    let columns = [
        column("figure", &|f| f.name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()),
        column("value", &|f| number(f.value)),
        column("±", &|f| optional(f.stderr, uncertainty)),
        column("95 %", &|f| f.interval.map(interval).unwrap_or_default()),
        column("floor", &|f| optional(f.floor, number)),
        column("baseline", &|f| optional(f.baseline, number)),
        column("n", &|f| sizes(f)),
        column("better", &|f| meaning(&f.name).and_then(|m| m.better).map(|b| b.word().to_owned()).unwrap_or_default()),
    ];
    aligned(&columns, figures.len() + 1)
}

/// Columns of `rows` cells side by side, those without a cell below their title left out.
pub fn aligned(columns: &[Vec<String>], rows: usize) -> String {
    let width = |cells: &[String]| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
    let filled: Vec<_> = columns.iter().filter(|cells| cells[1..].iter().any(|cell| !cell.is_empty())).collect();
    let mut table = String::new();
    for row in 0..rows {
        let mut line = String::new();
        for cells in &filled {
            let cell = &cells[row];
            let space = " ".repeat(width(cells) - cell.chars().count());
            // Names stand at the left, numbers at the right.
            line += &if line.is_empty() { format!("{cell}{space}") } else { format!("  {space}{cell}") };
        }
        table += line.trim_end();
        table.push('\n');
    }
    table
}

/// One figure of several runs.
pub struct Compared<'a> {
    /// Its name.
    pub name: &'a str,
    /// The runs' figures, in their order; none where a run does not have it.
    pub figures: Vec<Option<&'a Figure>>,
    /// The run that does best, if the figure has a better end, several runs have it and the best is not shared.
    pub best: Option<usize>,
    /// What real data score.
    pub floor: Option<f64>,
    /// What a naive model scores.
    pub baseline: Option<f64>,
}

impl Compared<'_> {
    /// The runs that have the figure, with its value and its interval or else one standard error to each side.
    pub fn named(&self, columns: &[(String, Vec<Figure>)]) -> Vec<(String, f64, Option<[f64; 2]>)> {
        let of = |((run, _), figure): (&(String, Vec<Figure>), &Option<&Figure>)| {
            figure.map(|figure| {
                let error = figure.stderr.map(|error| [figure.value - error, figure.value + error]);
                (run.clone(), figure.value, figure.interval.or(error))
            })
        };
        columns.iter().zip(&self.figures).filter_map(of).collect()
    }
}

/// The figures of several runs, by name, in the order in which they come up.
pub fn compared(columns: &[(String, Vec<Figure>)]) -> Vec<Compared<'_>> {
    let mut rows: Vec<Compared> = Vec::new();
    for (i, (_, figures)) in columns.iter().enumerate() {
        for figure in figures {
            let row = match rows.iter().position(|row| row.name == figure.name) {
                Some(row) => &mut rows[row],
                None => {
                    let name = figure.name.as_str();
                    let figures = vec![None; columns.len()];
                    rows.push(Compared { name, figures, best: None, floor: None, baseline: None });
                    let last = rows.len() - 1;
                    &mut rows[last]
                }
            };
            row.figures[i] = Some(figure);
            row.floor = row.floor.or(figure.floor);
            row.baseline = row.baseline.or(figure.baseline);
        }
    }
    for row in &mut rows {
        let sign = match meaning(row.name).and_then(|m| m.better) {
            Some(Better::Lower) => 1.0,
            Some(Better::Higher) => -1.0,
            None => continue,
        };
        let values = row.figures.iter().enumerate().filter_map(|(i, figure)| Some((i, sign * (*figure)?.value)));
        let values: Vec<(usize, f64)> = values.filter(|(_, value)| value.is_finite()).collect();
        if values.len() < 2 {
            continue;
        }
        let least = values.iter().map(|v| v.1).fold(f64::INFINITY, f64::min);
        let mut best = values.iter().filter(|v| v.1 == least);
        row.best = match (best.next(), best.next()) {
            (Some(only), None) => Some(only.0),
            _ => None,
        };
    }
    rows
}

/// Several runs as aligned text: a line for each figure, a column for each run, the best marked with `*`.
pub fn compared_table(columns: &[(String, Vec<Figure>)]) -> String {
    let rows = compared(columns);
    let mut cells: Vec<Vec<String>> =
        vec![std::iter::once("figure").chain(rows.iter().map(|row| row.name)).map(str::to_owned).collect()];
    for (i, (run, _)) in columns.iter().enumerate() {
        let cell = |row: &Compared| {
            let mark = if row.best == Some(i) { "*" } else { " " };
            row.figures[i].map_or_else(String::new, |figure| {
                let ends = figure.interval.map(|ends| format!(" ({})", interval(ends))).unwrap_or_default();
                format!("{}{ends}{mark}", number(figure.value))
            })
        };
        cells.push(std::iter::once(format!("{run} ")).chain(rows.iter().map(cell)).collect());
    }
    for (title, of) in [("floor", (|row| row.floor) as fn(&Compared) -> Option<f64>), ("baseline", |row| row.baseline)]
    {
        cells.push(
            std::iter::once(title.to_owned())
                .chain(rows.iter().map(|row| of(row).map(number).unwrap_or_default()))
                .collect(),
        );
    }
    aligned(&cells, rows.len() + 1)
}

/// Generated and real samples behind a figure.
fn sizes(figure: &Figure) -> String {
    match (figure.n_fake, figure.n_real) {
        (Some(fake), Some(real)) => format!("{} / {}", count(fake), count(real)),
        (Some(n), None) | (None, Some(n)) => count(n),
        (None, None) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, value: f64) -> Figure {
        Figure {
            name: name.to_owned(),
            value,
            stderr: None,
            interval: None,
            n_real: None,
            n_fake: None,
            extractor: None,
            floor: None,
            baseline: None,
        }
    }

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let ffd = Figure {
            stderr: Some(0.0512),
            interval: Some([3.10, 3.3333]),
            n_real: Some(359),
            n_fake: Some(2000),
            floor: Some(0.41),
            baseline: Some(48.25),
            ..figure("ffd", 3.2141)
        };
        let table = figures_table(&[ffd, figure("precision", 0.875), figure("odd", f64::NAN)]);
        let expected = "\
figure      value      ±          95 %   floor  baseline            n  better
ffd         3.214  0.051  3.10 to 3.33  0.4100     48.25  2,000 / 359   lower
precision  0.8750                                                      higher
odd           NaN
";
        assert_eq!(table, expected);
        assert_eq!(figures_table(&[figure("odd", 2.0)]), "figure  value\nodd         2\n");
        assert_eq!(figures_table(&[]), "");
    }

    #[test]
    fn a_name_cannot_break_its_line() {
        let table = figures_table(&[figure("a\nb\u{1b}[31m", 1.0)]);
        assert_eq!(table.lines().count(), 2);
        assert!(!table.contains('\u{1b}'));
    }
}
