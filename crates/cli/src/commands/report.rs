//! `ganvas report`.

use std::path::Path;

use ganvas_data::{Dataset, ItemShape, read_within};
use ganvas_engine::config::RunConfig;
use ganvas_engine::events::{Event, events};
use ganvas_engine::health::{Kind, watched};
use ganvas_engine::run::metrics_path;
use ganvas_engine::system::Task;

use super::eval::Evaluation;
use super::{data_of, looking, write};
use crate::error::CliError;
use crate::progress::duration;
use crate::systems;
use crate::view::{self, Episode, Png, Report};

/// Earlier pictures beside the last one.
const EARLIER: usize = 7;
/// The longest picture, and the longest `metrics.json`, that is read.
const LONGEST: u64 = 64 << 20;

/// Writes `report.html` into the run folder.
pub fn run(folder: &Path) -> Result<(), CliError> {
    let config = RunConfig::of_run(folder)?;
    let system = systems::find(&config.system)?;
    let (events, unreadable) = events(folder)?;
    let dataset = data_of(&config);
    let (step, seconds) = last(&events);
    let mut notes: Vec<String> = events
        .iter()
        .filter_map(|event| match event {
            Event::Warning { step, text } => Some(format!("step {step}: {text}")),
            Event::Resume { step } => Some(format!("went on from the checkpoint of step {step}")),
            Event::Stop { step, .. } => Some(format!("stopped before the end, after step {step}")),
            Event::Failure { step, what, network, phase, value } => {
                Some(format!("stopped at step {step}: {what} of the {network} was {value} in phase `{phase}`"))
            }
            _ => None,
        })
        .collect();
    let skipped = events.iter().filter(|event| matches!(event, Event::Skip { .. })).count();
    if skipped > 0 {
        notes.push(format!("{skipped} steps were skipped, for a loss or gradient was not finite"));
    }
    if unreadable > 0 {
        notes.push(format!("{unreadable} lines of events.jsonl cannot be read"));
    }
    let shown = folder.display();
    let evaluation = evaluation(folder).unwrap_or_else(|error| {
        notes.push(error.message);
        None
    });
    match &evaluation {
        None => notes.push(format!("not measured yet: `ganvas eval {shown}`")),
        Some(Evaluation { step: Some(of), .. }) if *of != step => notes.push(format!("the figures are of step {of}")),
        Some(_) => {}
    }
    if let Some(Evaluation { weights: Some(weights), .. }) = &evaluation
        && weights == super::weights(true)
    {
        notes.push("the figures and pictures are of the averaged weights".into());
    }
    if let Err(error) = &dataset {
        notes.push(format!("the data are not shown: {}", error.message));
    }
    let codes = looking::pictures(folder).unwrap_or_else(|error| {
        notes.push(format!("codes are not shown: {}", error.message));
        Vec::new()
    });
    let data = &config.data;
    let data_name = [Some(&data.id), data.second.as_ref()].into_iter().flatten().map(|id| name_of(id));
    let data_name = data_name.collect::<Vec<_>>().join(" and ");
    let show = match system.info.task {
        Task::Translate => format!("ganvas translate {shown} --from DIR --out translated"),
        Task::SuperResolve => format!("ganvas upscale {shown} FILE... --out larger"),
        Task::Unconditional | Task::Class => format!("ganvas sample {shown} --n 64 --out samples.png"),
    };
    let report = Report {
        title: format!("{} on {data_name}, step {step}", system.info.title),
        system: config.system.clone(),
        task: system.info.task.name().into(),
        run: shown.to_string(),
        summary: vec![
            ("paper".into(), system.info.paper.into()),
            ("data".into(), format!("{data_name}, {} to train on, {} held out, {}", data.train, data.test, data.shape)),
            ("steps".into(), format!("{step} of {}, batch {}", config.steps, config.batch)),
            ("seed".into(), config.seed.to_string()),
            ("time".into(), duration(seconds)),
            ("speed".into(), speed(&events)),
            ("best".into(), best(&events)),
            ("device".into(), config.device.clone()),
        ],
        figures: evaluation.map(|found| found.metrics).unwrap_or_default(),
        real: dataset.as_ref().ok().and_then(|dataset| real(dataset, config.samples)),
        grids: grids(folder, &events)?,
        codes,
        curves: curves(&events),
        health: episodes(&events),
        watched: watched(&events).into_iter().map(Kind::words).collect(),
        config: config.to_toml(),
        notes,
        attribution: dataset.as_ref().map(|d| d.attribution.clone()).unwrap_or_default(),
        commands: vec![
            format!("ganvas train {} --config {shown}/config.toml --out runs/again", config.system),
            show,
            format!("ganvas eval {shown} --json"),
        ],
    };
    let path = folder.join("report.html");
    write(&path, view::report(&report).as_bytes())?;
    println!("report: {}", path.display());
    Ok(())
}

fn name_of(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn evaluation(folder: &Path) -> Result<Option<Evaluation>, CliError> {
    let path = metrics_path(folder);
    if !path.is_file() {
        return Ok(None);
    }
    let bytes = read_within(&path, LONGEST).map_err(|e| CliError::io("read", &path, &e))?;
    let read = serde_json::from_slice(&bytes);
    read.map(Some)
        .map_err(|e| CliError::failure(format!("{} cannot be read: {e}; `ganvas eval` writes it anew", path.display())))
}

fn last(events: &[Event]) -> (u64, f64) {
    let ends = events.iter().rev().find_map(|event| match event {
        Event::Tick { step, seconds, .. } | Event::Stop { step, seconds, .. } | Event::End { step, seconds, .. } => {
            Some((*step, *seconds))
        }
        _ => None,
    });
    ends.unwrap_or_default()
}

fn speed(events: &[Event]) -> String {
    let mut rates: Vec<f64> = events
        .iter()
        .filter_map(|event| match event {
            Event::Tick { items_per_second, .. } => Some(*items_per_second),
            _ => None,
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).map_or_else(|| "not known".into(), |median| format!("{median:.0} items/s (median)"))
}

/// What went wrong, from when to when.
fn episodes(events: &[Event]) -> Vec<Episode> {
    let mut found: Vec<(Kind, Episode)> = Vec::new();
    for event in events {
        match event {
            Event::Health { step, kind, text, advice, .. } => {
                let (words, text, advice) = (kind.words(), text.clone(), advice.clone());
                found.push((*kind, Episode { words, from: *step, to: None, text, advice }));
            }
            Event::Recovered { step, kind } => {
                if let Some((_, episode)) = found.iter_mut().rfind(|(other, _)| other == kind) {
                    episode.to = Some(*step);
                }
            }
            _ => {}
        }
    }
    found.into_iter().map(|(_, episode)| episode).collect()
}

/// The step with the best figure on held-out data, and what looking for it took.
fn best(events: &[Event]) -> String {
    let (mut times, mut spent, mut found) = (0, 0.0, None);
    for event in events {
        let Event::Eval { step, seconds, by, figures, best } = event else { continue };
        times += 1;
        spent += seconds;
        if *best && let Some(value) = figures.get(by) {
            found = Some(format!("step {step}, {by} {} on held-out data", view::format::number(*value)));
        }
    }
    found.map_or_else(
        || "not looked for".into(),
        |found| format!("{found} (best of {times}, which took {})", duration(spent)),
    )
}

/// The first picture, some in between, and the last.
fn grids(folder: &Path, events: &[Event]) -> Result<Vec<(String, Png)>, CliError> {
    let mut pictures: Vec<(u64, &String)> = events
        .iter()
        .filter_map(|event| match event {
            Event::Samples { step, file } => Some((*step, file)),
            _ => None,
        })
        .collect();
    pictures.dedup_by_key(|(step, _)| *step);
    let n = pictures.len();
    let shown = n.min(EARLIER + 1);
    let picked = (0..shown).map(|i| if shown < 2 { 0 } else { i * (n - 1) / (shown - 1) });
    picked
        .map(|i| {
            let (step, file) = pictures[i];
            let path = folder.join(file);
            let found = path.canonicalize().map_err(|e| CliError::io("read", &path, &e))?;
            // A run from elsewhere must not bring other files of this machine into the page.
            if !found.starts_with(folder.canonicalize().map_err(|e| CliError::io("read", folder, &e))?) {
                return Err(CliError::failure(format!("{} is outside of the run folder", path.display())));
            }
            let bytes = read_within(&path, LONGEST).map_err(|e| CliError::io("read", &path, &e))?;
            Ok((format!("step {step}"), bytes))
        })
        .collect()
}

/// A figure's name and its values, (step, value).
type Line = (String, Vec<(f64, f64)>);

/// Losses in one plot, gradient norms in one, everything else by the word before its slash; then a plot for each figure
/// on held-out data, for they have no scale in common.
fn curves(events: &[Event]) -> Vec<(String, String)> {
    let (mut series, mut held_out): (Vec<Line>, Vec<Line>) = Default::default();
    let add = |lines: &mut Vec<Line>, name: &str, point| match lines.iter_mut().find(|(known, _)| known == name) {
        Some((_, points)) => points.push(point),
        None => lines.push((name.to_owned(), vec![point])),
    };
    for event in events {
        match event {
            Event::Tick { step, figures, .. } => {
                figures.iter().for_each(|(name, &value)| add(&mut series, name, (*step as f64, value.into())));
            }
            Event::Eval { step, figures, .. } => {
                figures.iter().for_each(|(name, &value)| add(&mut held_out, name, (*step as f64, value)));
            }
            _ => {}
        }
    }
    let mut plots: Vec<(String, Vec<Line>)> = Vec::new();
    for (name, points) in series {
        let (group, label) = name.split_once('/').unwrap_or(("loss", &name));
        let entry = (label.to_owned(), points);
        match plots.iter_mut().find(|(known, _)| known == group) {
            Some((_, lines)) => lines.push(entry),
            None => plots.push((group.to_owned(), vec![entry])),
        }
    }
    plots.sort_by_key(|(group, _)| group != "loss");
    let plots = plots.into_iter().map(|(group, lines)| {
        let (title, unit) = match group.as_str() {
            "loss" => ("Losses", "nats"),
            "grad_norm" => ("Gradient norms", "Euclidean norm"),
            "logit" => ("Mean logits of the discriminator", "logit"),
            other => (other, "value"),
        };
        (String::new(), view::curves(title, unit, &lines))
    });
    let held_out = held_out.into_iter().map(|line| {
        (String::new(), view::curves(&format!("{} on held-out data", line.0), &line.0, std::slice::from_ref(&line)))
    });
    plots.chain(held_out).collect()
}

fn real(dataset: &Dataset, n: usize) -> Option<(String, Png)> {
    let rows: Vec<usize> = (0..n.min(dataset.train.len)).collect();
    let values = dataset.train.gather(&rows);
    let png = match dataset.shape {
        ItemShape::Points { .. } => view::scatter_png(values.as_chunks::<2>().0, &[]),
        shape => view::items_png(&values, shape, None, &[]),
    };
    Some(("training data".into(), png.ok()?))
}
