//! `ganvas compare --objectives`: one pair of networks, several objectives.

use std::path::Path;

use ganvas_data::ItemShape;
use ganvas_engine::config::{Overrides, RunConfig};
use ganvas_engine::events::{Event, events};
use ganvas_engine::run::{Outcome, Training};
use ganvas_engine::suggest;
use ganvas_engine::system::{DataSpec, Preset};
use ganvas_gan::objectives::Objective;
use serde::Serialize;

use super::train::{stop_on_interrupt, watched};
use super::{Reading, absolute, open, write};
use crate::args::TrialArgs;
use crate::device::choose;
use crate::error::CliError;
use crate::progress::duration;
use crate::systems;
use crate::view;

/// Measurements, and reports of a step's figures, over a run.
const MEASURED: u64 = 40;
const REPORTED: u64 = 100;

/// What is drawn: file, title, axis, the figure's names, of which one is there, and whether its logarithm is shown.
const DRAWN: [(&str, &str, &str, &[&str], bool); 3] = [
    ("modes.svg", "Modes or classes that are covered", "covered", &["covered", "classes_covered"], false),
    ("gradient.svg", "The generator's gradient", "log10 of its norm", &["grad_norm/generator"], true),
    ("estimate.svg", "How far apart the discriminator says they are", "estimate", &["divergence/estimate"], false),
];

/// A figure's name and its values, (step, value).
type Course = (&'static str, Vec<(u64, f64)>);

/// One objective's training with one seed.
#[derive(Serialize)]
struct Trial {
    objective: String,
    seed: u64,
    run: String,
    steps: u64,
    seconds: f64,
    figures: Vec<Course>,
}

/// `comparison.json`.
#[derive(Serialize)]
struct Compared<'a> {
    version: &'static str,
    system: &'a str,
    data: &'a str,
    device: &'a str,
    steps: u64,
    seeds: &'a [u64],
    trials: &'a [Trial],
}

/// Trains a system with each objective and seed, and draws how they went.
pub fn run(args: &TrialArgs, device: &str) -> Result<(), CliError> {
    let system = systems::find(&args.system)?;
    let chosen = choose(device)?;
    let names = named(&args.objectives)?;
    let Some(out) = &args.out else {
        return Err(CliError::usage("a comparison by training needs `--out DIR`", "runs and charts are written there"));
    };
    let id = absolute(&args.data);
    let mut dataset = open(&id, &Reading::default())?;
    let wanted = (system.preset)(Preset::Small, &DataSpec::of(&dataset))?.resolution;
    if let Some(resolution) = wanted {
        dataset = open(&id, &Reading { resolution, ..Reading::default() })?;
    }
    let mut plans = Vec::new();
    for name in &names {
        for &seed in &args.seeds {
            let overrides = overrides(args, name, seed, dataset.shape, wanted)?;
            let steps = RunConfig::make(system, Preset::Small, &dataset, &chosen.word, &overrides)?.steps;
            let overrides = overrides
                .with("eval_every", steps.div_ceil(MEASURED) as i64)
                .with("log_every", steps.div_ceil(REPORTED) as i64);
            let config = RunConfig::make(system, Preset::Small, &dataset, &chosen.word, &overrides)?;
            plans.push((name.clone(), config, out.join(format!("{name}-{seed}"))));
        }
    }
    let stop = stop_on_interrupt()?;
    let mut trials = Vec::new();
    for (i, (objective, config, folder)) in plans.iter().enumerate() {
        eprintln!("{} of {}: {objective}, seed {}", i + 1, plans.len(), config.seed);
        let (device, guard) = (&chosen.device, chosen.guard);
        let (words, dataset) = (std::slice::from_ref(&chosen.word), &dataset);
        let training = Training { folder, system, dataset, device, others: &[], words, guard, stop: &stop, time: None };
        let outcome = go_on(&training, config)?;
        if outcome.stopped {
            println!("stopped in {}; the same command goes on from there", folder.display());
            return Ok(());
        }
        trials.push(Trial {
            objective: objective.clone(),
            seed: config.seed,
            run: folder.display().to_string(),
            steps: outcome.step,
            seconds: outcome.seconds,
            figures: figures(folder)?,
        });
    }
    let title = format!("{} on {}, {} seeds", system.info.title, args.data, args.seeds.len());
    for (file, what, axis, names, log) in DRAWN {
        let curves = spread(&trials, names, log);
        let title = format!("{what}: {title}");
        write(&out.join(file), view::curves_of_seeds(&title, axis, &curves).as_bytes())?;
    }
    let steps = plans.first().map_or(0, |(_, config, _)| config.steps);
    let compared = Compared {
        version: env!("CARGO_PKG_VERSION"),
        system: system.info.id,
        data: &args.data,
        device: &chosen.word,
        steps,
        seeds: &args.seeds,
        trials: &trials,
    };
    let json = serde_json::to_string_pretty(&compared).map_err(|e| CliError::failure(e.to_string()))?;
    write(&out.join("comparison.json"), (json + "\n").as_bytes())?;
    print!("{}", table(&names, &trials));
    let files: Vec<String> = DRAWN.iter().map(|(file, ..)| out.join(file).display().to_string()).collect();
    println!("{}", files.join("  "));
    Ok(())
}

/// The objectives that are asked for, by name; `all` of them.
fn named(asked: &[String]) -> Result<Vec<String>, CliError> {
    let known: Vec<String> = Objective::ALL.iter().map(|objective| objective.name().to_owned()).collect();
    if asked.iter().any(|name| name == "all") {
        return Ok(known);
    }
    let names: Vec<&str> = known.iter().map(String::as_str).collect();
    match asked.iter().find(|name| !known.contains(name)) {
        Some(name) => {
            let help = suggest::help(name, &names);
            Err(CliError::usage(format!("there is no objective `{name}`"), help))
        }
        None => Ok(asked.to_vec()),
    }
}

/// What is set for a trial. The Wasserstein objective is nothing without a Lipschitz critic: it gets the gradient penalty and five
/// critic updates (Gulrajani et al. 2017), unless the person says otherwise.
fn overrides(
    args: &TrialArgs,
    objective: &str,
    seed: u64,
    shape: ItemShape,
    resolution: Option<usize>,
) -> Result<Overrides, CliError> {
    let whole = |flag: &str, n: u64| {
        i64::try_from(n).map_err(|_| CliError::usage(format!("`--{flag} {n}` is too large"), "2^63 is the end"))
    };
    let mut overrides = Overrides::default().with("seed", whole("seeds", seed)?);
    if let Some(resolution) = resolution {
        overrides = overrides.with("resolution", resolution as i64);
    }
    if let Some(steps) = args.steps {
        overrides = overrides.with("steps", whole("steps", steps)?);
    }
    let mut settings = vec![format!("model.objective=\"{objective}\"")];
    if objective == Objective::Wasserstein.name() {
        let weight = if matches!(shape, ItemShape::Points { .. }) { 0.1 } else { 10.0 };
        settings.push("model.penalty.kind=\"gradient-penalty\"".into());
        settings.push(format!("model.penalty.weight={weight:?}"));
        settings.push("model.critic_steps=5".into());
    }
    for text in settings.iter().chain(&args.set) {
        overrides = overrides.with_assignment(text)?;
    }
    Ok(overrides)
}

/// Trains to the end: from the beginning, from where an earlier comparison was interrupted, or not at all where it had ended.
fn go_on(training: &Training, config: &RunConfig) -> Result<Outcome, CliError> {
    let folder = training.folder;
    if !folder.join("config.toml").exists() {
        return watched(training, config.steps, |watcher| training.start(config, watcher));
    }
    if RunConfig::of_run(folder)? != *config {
        let message = format!("{} holds a run with other settings", folder.display());
        return Err(CliError::usage(message, "name another folder with --out"));
    }
    watched(training, config.steps, |watcher| training.resume(&Overrides::default(), &[], watcher))
}

/// The figures of a run that are drawn, over its steps.
fn figures(folder: &Path) -> Result<Vec<Course>, CliError> {
    let (events, _) = events(folder)?;
    let names = DRAWN.iter().flat_map(|(_, _, _, names, _)| names.iter().copied());
    let of = |name: &str| -> Vec<(u64, f64)> {
        events
            .iter()
            .filter_map(|event| match event {
                Event::Tick { step, figures, .. } => figures.get(name).map(|&value| (*step, f64::from(value))),
                Event::Eval { step, figures, .. } => figures.get(name).map(|&value| (*step, value)),
                _ => None,
            })
            .collect()
    };
    Ok(names.map(|name| (name, of(name))).filter(|(_, points)| !points.is_empty()).collect())
}

/// For each objective and step the least, the middle and the largest value over the seeds.
fn spread(trials: &[Trial], names: &[&str], log: bool) -> Vec<view::CurveOfSeeds> {
    let mut curves: Vec<view::CurveOfSeeds> = Vec::new();
    for trial in trials {
        if curves.iter().any(|(name, _)| *name == trial.objective) {
            continue;
        }
        let of_seeds: Vec<&Vec<(u64, f64)>> = trials
            .iter()
            .filter(|other| other.objective == trial.objective)
            .flat_map(|other| other.figures.iter().filter(|(name, _)| names.contains(name)).map(|(_, points)| points))
            .collect();
        let Some(first) = of_seeds.first() else { continue };
        let points = first.iter().map(|&(step, _)| {
            let at = |points: &&Vec<(u64, f64)>| points.iter().find(|point| point.0 == step).map(|point| point.1);
            let mut values: Vec<f64> = of_seeds.iter().filter_map(at).collect();
            if log {
                values.iter_mut().for_each(|value| *value = value.max(1e-12).log10());
            }
            (step as f64, low_middle_high(values))
        });
        curves.push((trial.objective.clone(), points.collect()));
    }
    curves
}

fn low_middle_high(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let (n, middle) = (values.len(), values.len() / 2);
    let median = if n.is_multiple_of(2) { (values[middle - 1] + values[middle]) / 2.0 } else { values[middle] };
    [values[0], median, values[n - 1]]
}

/// The last value of each figure, seed by seed.
fn table(names: &[String], trials: &[Trial]) -> String {
    let own = |name: &String| trials.iter().filter(|trial| trial.objective == *name).collect::<Vec<_>>();
    let column = |title: &str, cell: &dyn Fn(Vec<&Trial>) -> String| {
        std::iter::once(title.to_owned()).chain(names.iter().map(|name| cell(own(name)))).collect::<Vec<_>>()
    };
    let last = |figures: &'static [&'static str]| {
        move |own: Vec<&Trial>| {
            let values = own.iter().filter_map(|trial| {
                let points = trial.figures.iter().find(|(name, _)| figures.contains(name))?;
                points.1.last().map(|(_, value)| view::format::number(*value))
            });
            values.collect::<Vec<_>>().join(" ")
        }
    };
    let [covered, gradient, estimate] = DRAWN.map(|(_, _, _, names, _)| last(names));
    let columns = [
        std::iter::once("objective".to_owned()).chain(names.iter().cloned()).collect(),
        column("covered", &covered),
        column("gradient norm", &gradient),
        column("estimate", &estimate),
        column("time", &|own| duration(own.iter().map(|trial| trial.seconds).sum())),
    ];
    view::aligned(&columns, names.len() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_seeds_is_their_median() {
        assert_eq!(low_middle_high(vec![3.0, 1.0, 2.0]), [1.0, 2.0, 3.0]);
        assert_eq!(low_middle_high(vec![4.0, 1.0]), [1.0, 2.5, 4.0]);
    }

    #[test]
    fn objectives_are_named_as_in_the_settings() {
        assert_eq!(named(&["minimax".into()]).unwrap(), ["minimax"]);
        assert_eq!(named(&["all".into()]).unwrap().len(), Objective::ALL.len());
        assert!(named(&["minmax".into()]).unwrap_err().help.is_some_and(|help| help.contains("minimax")));
    }
}
