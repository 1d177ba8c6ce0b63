//! Figures for the terminal.

use ganvas_metrics::Figure;

use super::explain::meaning;
use super::format::{count, number, uncertainty};

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
        column("floor", &|f| optional(f.floor, number)),
        column("baseline", &|f| optional(f.baseline, number)),
        column("n", &|f| sizes(f)),
        column("better", &|f| meaning(&f.name).and_then(|m| m.better).map(|b| b.word().to_owned()).unwrap_or_default()),
    ];
    let width = |cells: &[String]| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
    let filled: Vec<_> = columns.iter().filter(|cells| cells[1..].iter().any(|cell| !cell.is_empty())).collect();
    let mut table = String::new();
    for row in 0..=figures.len() {
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
            n_real: Some(359),
            n_fake: Some(2000),
            floor: Some(0.41),
            baseline: Some(48.25),
            ..figure("ffd", 3.2141)
        };
        let table = figures_table(&[ffd, figure("precision", 0.875), figure("odd", f64::NAN)]);
        let expected = "\
figure      value      ±   floor  baseline            n  better
ffd         3.214  0.051  0.4100     48.25  2,000 / 359   lower
precision  0.8750                                        higher
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
