//! `ganvas accept`.

use std::path::PathBuf;
use std::time::Instant;

use ganvas_data::read_within;
use ganvas_engine::accept::{Acceptance, Check, Threshold};
use serde::{Deserialize, Serialize};

use super::write;
use crate::args::AcceptArgs;
use crate::device::choose;
use crate::error::CliError;
use crate::progress::duration;
use crate::systems;
use crate::view::format::{number, uncertainty};

/// What came of a system's checks, as `--json` writes it.
#[derive(Serialize, Deserialize)]
struct Outcome {
    system: String,
    version: String,
    device: String,
    seeds: Vec<u64>,
    seconds: f64,
    checks: Vec<Check>,
}

/// Runs the checks of each system and says which fall short.
pub fn run(args: &AcceptArgs) -> Result<(), CliError> {
    if !args.table.is_empty() {
        print!("{}", table(&args.table)?);
        return Ok(());
    }
    if args.seeds.len().is_multiple_of(2) {
        let message = format!("`--seeds` takes an odd number of seeds, got {}", args.seeds.len());
        return Err(CliError::usage(message, "medians are taken over them: for example `--seeds 0,1,2`"));
    }
    let definitions = args.ids.iter().map(|id| systems::find(id)).collect::<Result<Vec<_>, _>>()?;
    let chosen = choose(&args.device)?;
    let mut results = Vec::new();
    let mut short = Vec::new();
    for system in definitions {
        let started = Instant::now();
        let mut tell = |text: &str| eprintln!("{text}");
        let mut acceptance = Acceptance::new(chosen.device.clone(), None, args.seeds.clone(), &mut tell);
        let outcome = (system.accept)(&mut acceptance);
        let checks = acceptance.checks().to_vec();
        let seconds = started.elapsed().as_secs_f64();
        println!("{} ({}, seeds {:?})", system.info.title, duration(seconds), args.seeds);
        for check in &checks {
            let word = if check.passed { "ok   " } else { "SHORT" };
            println!(
                "  {word} {:<38} {:>12.5}  {:<18} {}",
                check.name,
                check.value,
                check.threshold.to_string(),
                check.conditions
            );
        }
        short.extend(checks.iter().filter(|c| !c.passed).map(|c| format!("{}: {}", system.info.id, c.name)));
        outcome?;
        results.push(Outcome {
            system: system.info.id.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            device: chosen.word.clone(),
            seeds: args.seeds.clone(),
            seconds,
            checks,
        });
    }
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&results).map_err(|e| CliError::failure(e.to_string()))?;
        write(path, (json + "\n").as_bytes())?;
    }
    if short.is_empty() {
        println!("all figures reach their thresholds");
        return Ok(());
    }
    Err(CliError::failure(format!("{} figure(s) fall short: {}", short.len(), short.join("; "))))
}

/// The longest file of results that is read.
const LONGEST: u64 = 16 << 20;

/// Markdown tables of what `--json` wrote, a figure a row: its mean and standard deviation over the seeds.
fn table(paths: &[PathBuf]) -> Result<String, CliError> {
    let mut text = String::new();
    for path in paths {
        let bytes = read_within(path, LONGEST).map_err(|e| CliError::io("read", path, &e))?;
        let outcomes: Vec<Outcome> = serde_json::from_slice(&bytes).map_err(|e| {
            let help = "`ganvas accept ID --json FILE` writes one that is";
            CliError::usage(format!("{} is no file of results: {e}", path.display()), help)
        })?;
        for outcome in &outcomes {
            text += &section(outcome);
        }
    }
    Ok(text)
}

fn section(outcome: &Outcome) -> String {
    let Outcome { system, version, device, seeds, seconds, checks } = outcome;
    let title = systems::find(system).map_or(system.as_str(), |system| system.info.title);
    let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
    let (short, seeds) = (checks.iter().filter(|check| !check.passed).count(), seeds.join(","));
    let verdict = match short {
        0 => "all figures reach their thresholds".to_owned(),
        1 => "**one figure falls short**".to_owned(),
        n => format!("**{n} figures fall short**"),
    };
    let mut text = format!(
        "\n## {title}\n\n`ganvas accept {system} --seeds {seeds} --device {device}`, version {version}, {} in all: {verdict}.\n\n\
         | figure | score | threshold | reached | paper | real | generated | data | steps | seconds |\n\
         | --- | ---: | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |\n",
        duration(*seconds)
    );
    let mut told: Vec<(&str, String)> = Vec::new();
    for check in checks {
        let key = (check.name.as_str(), check.threshold.to_string());
        if told.contains(&key) {
            continue;
        }
        let same: Vec<&Check> = checks.iter().filter(|c| (c.name.as_str(), c.threshold.to_string()) == key).collect();
        text += &row(&same);
        told.push(key);
    }
    text
}

/// One figure, measured once or with several seeds.
fn row(same: &[&Check]) -> String {
    let first = same[0];
    let of = &first.conditions;
    let values: Vec<f64> = same.iter().map(|check| check.value).collect();
    let reached = match first.threshold {
        Threshold::Recorded => String::new(),
        _ => format!("{} of {}", same.iter().filter(|check| check.passed).count(), same.len()),
    };
    let threshold = match first.threshold {
        Threshold::Recorded => String::new(),
        threshold => threshold.to_string(),
    };
    let count = |n: u64| if n == 0 { String::new() } else { n.to_string() };
    let seconds: Vec<f64> = same.iter().filter_map(|check| check.conditions.seconds).collect();
    let time = if seconds.is_empty() { String::new() } else { format!("{:.0}", mean(&seconds)) };
    let cells = [
        first.name.replace('|', "\\|"),
        score(&values),
        threshold,
        reached,
        of.paper.map(number).unwrap_or_default(),
        count(of.real),
        count(of.fake),
        of.data.clone(),
        count(of.steps),
        time,
    ];
    format!("| {} |\n", cells.join(" | "))
}

/// Mean and standard deviation; a value alone where there is one.
fn score(values: &[f64]) -> String {
    let mean = mean(values);
    if values.len() < 2 {
        return number(mean);
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let sd = (squares / (values.len() - 1) as f64).sqrt();
    format!("{} ± {} ({})", number(mean), uncertainty(sd), values.len())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_engine::accept::Conditions;

    fn outcome() -> Outcome {
        let check = |name: &str, value: f64, threshold: Threshold, seed: u64| Check {
            name: name.into(),
            value,
            threshold,
            passed: threshold == Threshold::Recorded || value <= 0.5,
            conditions: Conditions {
                seed: Some(seed),
                data: "mnist".into(),
                steps: 100,
                seconds: Some(10.0 * (seed + 1) as f64),
                ..Conditions::default().items(500, 400)
            },
        };
        let limit = Threshold::AtMost(0.5);
        let checks = vec![
            check("1 ffd / pixels", 0.4, limit, 0),
            check("2 covered", 8.0, Threshold::Recorded, 0),
            check("1 ffd / pixels", 0.6, limit, 1),
        ];
        let text = |text: &str| text.to_owned();
        Outcome {
            system: text("gan"),
            version: text("1"),
            device: text("flex"),
            seeds: vec![0, 1],
            seconds: 61.0,
            checks,
        }
    }

    #[test]
    fn a_row_is_a_figure_with_its_spread_over_seeds() {
        let text = section(&outcome());
        assert!(text.contains("`ganvas accept gan --seeds 0,1 --device flex`, version 1, 1 min 01 s in all"), "{text}");
        assert!(text.contains("**one figure falls short**"), "{text}");
        let row = "| 1 ffd / pixels | 0.5000 ± 0.14 (2) | <= 0.5 | 1 of 2 |  | 500 | 400 | mnist | 100 | 15 |";
        assert!(text.contains(row), "{text}");
        assert!(text.contains("| 2 covered | 8 |  |  |  | 500 | 400 | mnist | 100 | 10 |"), "{text}");
    }

    #[test]
    fn results_survive_their_file() {
        let written = serde_json::to_string(&[outcome()]).unwrap();
        let read: Vec<Outcome> = serde_json::from_str(&written).unwrap();
        assert_eq!(read[0].checks, outcome().checks);
    }
}
