//! `ganvas accept`.

use std::time::Instant;

use ganvas_engine::accept::{Acceptance, Check};
use serde::Serialize;

use super::write;
use crate::args::AcceptArgs;
use crate::device::choose;
use crate::error::CliError;
use crate::progress::duration;
use crate::systems;

#[derive(Serialize)]
struct Outcome<'a> {
    system: &'a str,
    version: &'a str,
    device: &'a str,
    seeds: &'a [u64],
    seconds: f64,
    checks: &'a [Check],
}

/// Runs the checks of each system and says which fall short.
pub fn run(args: &AcceptArgs) -> Result<(), CliError> {
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
        results.push((system.info.id, seconds, checks));
    }
    if let Some(path) = &args.json {
        let list: Vec<Outcome> = results
            .iter()
            .map(|(system, seconds, checks)| Outcome {
                system,
                version: env!("CARGO_PKG_VERSION"),
                device: &chosen.word,
                seeds: &args.seeds,
                seconds: *seconds,
                checks,
            })
            .collect();
        let json = serde_json::to_string_pretty(&list).map_err(|e| CliError::failure(e.to_string()))?;
        write(path, (json + "\n").as_bytes())?;
    }
    if short.is_empty() {
        println!("all figures reach their thresholds");
        return Ok(());
    }
    Err(CliError::failure(format!("{} figure(s) fall short: {}", short.len(), short.join("; "))))
}
