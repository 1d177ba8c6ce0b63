//! `ganvas prob table`.

use std::path::Path;

use ganvas_metrics::Figure;
use ganvas_prob::joint::JointTable;
use ganvas_prob::text;

use super::{failed, in_unit, typed};
use crate::args::TableArgs;
use crate::commands::show;
use crate::error::CliError;
use crate::view::format::number;

/// A question to a joint table, or an overview of it.
pub fn run(args: &TableArgs) -> Result<(), CliError> {
    let table = read(&args.file, args.counts)?;
    if args.p.is_empty() {
        return overview(&table, args);
    }
    let mut figures = Vec::new();
    for asked in &args.p {
        let event = text::event(asked).map_err(|error| typed(&error, "for example --p \"y=2|x=1\""))?;
        let p = table.conditional_probability(&event.query, &event.given);
        let p = p.map_err(|error| CliError::usage(error.to_string(), "`ganvas prob table FILE` shows the axes"))?;
        figures.push(Figure::new(format!("p({})", asked.trim()), p));
    }
    show(args.json, None, figures.clone(), || {
        for figure in &figures {
            println!("{} = {}", figure.name, figure.value);
        }
    })
}

/// Marginals, expected values where outcomes are numbers, and the mutual information of every two axes.
fn overview(table: &JointTable, args: &TableArgs) -> Result<(), CliError> {
    let axes: Vec<&str> = table.axes().collect();
    let mut figures = Vec::new();
    for axis in &axes {
        let marginal = table.marginal(&[axis]).map_err(failed)?;
        for (outcome, p) in table.outcomes(axis).map_err(failed)?.iter().zip(marginal.entries()) {
            figures.push(Figure::new(format!("p({axis}={outcome})"), *p));
        }
        if let Ok(mean) = table.expectation(axis) {
            figures.push(Figure::new(format!("E[{axis}]"), mean));
        }
    }
    for (i, a) in axes.iter().enumerate() {
        for b in &axes[i + 1..] {
            let nats = table.mutual_information_nats(a, b).map_err(failed)?;
            let (value, unit) = in_unit(nats, args.bits);
            figures.push(Figure { extractor: Some(unit.into()), ..Figure::new(format!("I({a};{b})"), value) });
        }
    }
    show(args.json, None, figures.clone(), || {
        for figure in &figures {
            let unit = figure.extractor.as_deref().unwrap_or_default();
            println!("{:<20} {} {unit}", figure.name, number(figure.value));
        }
    })
}

/// A table whose first cell names both axes, `x\y`, rows before columns; or one line for each combination, the last
/// column its probability.
fn read(path: &Path, counts: bool) -> Result<JointTable, CliError> {
    let fault = |what: String| CliError::failure(format!("{}: {what}", path.display()));
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|e| CliError::failure(format!("cannot read {}: {e}", path.display())))?;
    let header: Vec<String> = reader.headers().map_err(|e| fault(e.to_string()))?.iter().map(str::to_owned).collect();
    let mut cells: Vec<Vec<String>> = Vec::new();
    for record in reader.records() {
        cells.push(record.map_err(|e| fault(e.to_string()))?.iter().map(str::to_owned).collect());
    }
    // The header is line 1.
    let value = |row: usize, column: usize| -> Result<f64, CliError> {
        let cell = &cells[row][column];
        cell.parse().map_err(|_| fault(format!("`{cell}` in line {}, column {} is no number", row + 2, column + 1)))
    };
    let corner = header.first().map(String::as_str).unwrap_or_default();
    let (axes, mut entries) = if let Some((rows, columns)) = corner.split_once('\\') {
        let mut entries = Vec::new();
        for row in 0..cells.len() {
            for column in 1..header.len() {
                entries.push(value(row, column)?);
            }
        }
        let outcomes = cells.iter().map(|row| row[0].clone()).collect::<Vec<_>>();
        (vec![(rows.trim().to_owned(), outcomes), (columns.trim().to_owned(), header[1..].to_vec())], entries)
    } else {
        let names = header.split_last().map(|(_, names)| names).filter(|names| !names.is_empty());
        let Some(names) = names else {
            let what = "the first cell must name both axes, as in `x\\y`, or the last of several columns be `p`";
            return Err(fault(what.into()));
        };
        let mut axes: Vec<(String, Vec<String>)> = names.iter().map(|name| (name.clone(), Vec::new())).collect();
        for row in &cells {
            for ((_, outcomes), cell) in axes.iter_mut().zip(row) {
                if !outcomes.contains(cell) {
                    outcomes.push(cell.clone());
                }
            }
        }
        let size = axes.iter().map(|axis| axis.1.len()).try_fold(1usize, |product, n| product.checked_mul(n));
        let Some(size) = size.filter(|&size| size <= 1 << 24) else {
            return Err(fault("the table is too large".into()));
        };
        let mut entries: Vec<Option<f64>> = vec![None; size];
        for (i, row) in cells.iter().enumerate() {
            let place = axes.iter().zip(row).fold(0, |place, ((_, outcomes), cell)| {
                place * outcomes.len() + outcomes.iter().position(|outcome| outcome == cell).unwrap_or(0)
            });
            if entries[place].replace(value(i, names.len())?).is_some() {
                return Err(fault(format!("line {} repeats a combination of outcomes", i + 2)));
            }
        }
        (axes, entries.into_iter().map(Option::unwrap_or_default).collect())
    };
    if counts {
        let sum: f64 = entries.iter().sum();
        if let Some(bad) = entries.iter().find(|x| !(x.is_finite() && **x >= 0.0)) {
            return Err(fault(format!("{bad} is no count")));
        }
        if sum <= 0.0 {
            return Err(fault("the counts add up to nothing".into()));
        }
        entries.iter_mut().for_each(|x| *x /= sum);
    }
    JointTable::new(axes, entries).map_err(|error| {
        let help = if counts { None } else { Some("--counts divides by the sum".to_owned()) };
        CliError { help, ..fault(error.to_string()) }
    })
}
