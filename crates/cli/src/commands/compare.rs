//! `ganvas compare`.

use std::path::PathBuf;

use ganvas_data::ItemShape;
use ganvas_engine::config::RunConfig;
use ganvas_engine::session;
use ganvas_engine::system::Direction;
use ganvas_engine::translation::strips;
use ganvas_metrics::Figure;
use ganvas_prob::stream::Streams;
use serde::Serialize;

use super::eval::{Evaluation, Measured, Plan, check_count};
use super::extraction::Extraction;
use super::{data_of, enlarged, load_run, objectives, test_points, weights, write};
use crate::args::{CheckpointArg, CompareArgs};
use crate::device::choose;
use crate::error::CliError;
use crate::progress::Stages;
use crate::view::{self, Comparison, Picture};

const TWO: &str = "a comparison needs two runs";
const EXAMPLE: &str = "for example `ganvas compare runs/a runs/b`";
/// Samples of a picture.
const SHOWN: usize = 64;
const POINTS: usize = 2000;
/// Images of a strip of both directions.
const STRIP: usize = 6;

/// What `--json` prints.
#[derive(Serialize)]
struct Compared {
    data: String,
    n: usize,
    seed: u64,
    runs: Vec<Evaluation>,
}

/// Measures runs in one way: the same data, numbers, seed and features.
pub fn run(args: &CompareArgs) -> Result<(), CliError> {
    if !args.trial.objectives.is_empty() {
        return objectives::run(&args.trial, &args.loading.device);
    }
    if args.runs.len() < 2 {
        return Err(CliError::usage(TWO, EXAMPLE));
    }
    check_count(args.n)?;
    let config = same_data(&args.runs)?;
    let extraction = Extraction::of(&config.data, &args.measuring, &choose(&args.loading.device)?.device.inner())?;
    let (mut runs, mut pictures, mut real, mut reals) = (Vec::new(), Vec::new(), None, None);
    let mut stages = Stages::new();
    for folder in &args.runs {
        let shown = folder.display().to_string();
        let (loaded, device) = load_run(folder, &args.loading)?;
        let config = &loaded.config;
        let plan = Plan::new(&loaded, args.n, &args.metrics, &args.measuring, &extraction)?;
        let dataset = data_of(config)?;
        let streams = Streams::new(args.seed).fork("compare");
        if reals.is_none() {
            reals = plan.reals(&dataset, &streams, &device, &mut stages)?;
        }
        stages.prefix = format!("{shown}: ");
        let Measured { figures, per_latent } =
            plan.measure(&loaded, &dataset, reals.as_ref(), &streams, &device, &mut stages)?;
        if args.html.is_some() {
            let caption = format!("{shown}: {}, step {}", config.system, loaded.header.step);
            let n = if matches!(dataset.shape, ItemShape::Image { .. }) { SHOWN } else { POINTS };
            let draw = || session::sample(loaded.model.as_ref(), n, &streams.fork("picture"), &device);
            pictures.push(match (loaded.model.enlargement(), dataset.shape) {
                (Some(model), _) => {
                    let (columns, png) = enlarged::picture(model, &dataset, &device)?;
                    Picture::Png(format!("{caption}; {columns}"), png)
                }
                (None, shape @ ItemShape::Image { .. }) if let Some(translation) = loaded.model.translation() => {
                    let values = strips(translation, &dataset.test, shape, &Direction::ALL, SHOWN / STRIP, &device);
                    Picture::Png(caption, view::items_png(&values, shape, Some(STRIP), &[])?)
                }
                (None, shape @ ItemShape::Series { .. }) => {
                    let values = draw();
                    Picture::Png(caption, view::items_png(&values[..SHOWN.min(n) * shape.len()], shape, None, &[])?)
                }
                (None, ItemShape::Image { channels, height, width }) => {
                    Picture::Png(caption, view::image_grid(&draw(), [n, channels, height, width], None)?)
                }
                (None, ItemShape::Points { .. }) => {
                    let values = draw();
                    let points = values.as_chunks::<2>().0;
                    Picture::Svg(caption.clone(), view::scatter(&caption, &test_points(&dataset), points))
                }
            });
            if let (None, ItemShape::Image { channels, height, width }) = (&real, dataset.shape) {
                let values = dataset.test.first(SHOWN);
                let shape = [values.len() / dataset.shape.len(), channels, height, width];
                real = Some(Picture::Png("held-out data".into(), view::image_grid(&values, shape, None)?));
            }
        }
        runs.push(Evaluation {
            run: Some(shown),
            system: Some(config.system.clone()),
            step: Some(loaded.header.step),
            weights: Some(weights(loaded.averaged).into()),
            sampler: None,
            seed: Some(config.seed),
            metrics: figures,
            kl_per_latent: per_latent,
        });
    }
    drop(stages);
    let compared = Compared { data: config.data.name(), n: args.n, seed: args.seed, runs };
    let columns: Vec<(String, Vec<Figure>)> =
        compared.runs.iter().map(|run| (run.run.clone().unwrap_or_default(), run.metrics.clone())).collect();
    if let Some(path) = &args.html {
        let comparison = Comparison {
            title: format!("{} runs on {}", columns.len(), compared.data),
            facts: format!("{}; {}", facts(args, &columns), weights_of(&compared.runs)),
            columns: columns.clone(),
            pictures: real.into_iter().chain(pictures).collect(),
        };
        write(path, view::comparison(&comparison).as_bytes())?;
    }
    if args.json {
        println!("{}", serde_json::to_string(&compared).map_err(|e| CliError::failure(e.to_string()))?);
    } else {
        print!("{}", view::compared_table(&columns));
        println!("{}", weights_of(&compared.runs));
        if let Some(path) = &args.html {
            println!("{}", path.display());
        }
    }
    Ok(())
}

/// How all runs were measured, in a line.
fn facts(args: &CompareArgs, columns: &[(String, Vec<Figure>)]) -> String {
    let figures = columns.iter().flat_map(|(_, figures)| figures);
    let mut on: Vec<&str> = figures.filter_map(|figure| figure.extractor.as_deref()).collect();
    on.sort_unstable();
    on.dedup();
    let on = if on.is_empty() { String::new() } else { format!("; measured on {}", on.join("; ")) };
    let which = match args.loading.checkpoint {
        CheckpointArg::Latest => "newest",
        CheckpointArg::Best => "best",
    };
    format!("{} generated items each, seed {}, of the {which} checkpoints{on}", args.n, args.seed)
}

/// Which weights the samples were drawn from, in a line.
fn weights_of(runs: &[Evaluation]) -> String {
    let averaged = runs.iter().filter(|run| run.weights.as_deref() == Some(weights(true)));
    let names: Vec<&str> = averaged.filter_map(|run| run.run.as_deref()).collect();
    if names.is_empty() { "trained weights of all".into() } else { format!("averaged weights of {}", names.join(", ")) }
}

/// The data that all runs were trained on: figures of other data, or of the same at another size, do not compare.
fn same_data(runs: &[PathBuf]) -> Result<RunConfig, CliError> {
    let (of, others) = runs.split_first().ok_or_else(|| CliError::usage(TWO, EXAMPLE))?;
    let before = RunConfig::of_run(of)?;
    for folder in others {
        let config = RunConfig::of_run(folder)?;
        let own = |c: &RunConfig| (c.data.name(), c.data.fingerprint.clone(), c.resolution, c.channels);
        if own(&config) != own(&before) {
            let said = |c: &RunConfig| format!("{} as {}", c.data.name(), c.data.shape);
            let (now, then) = (said(&config), said(&before));
            let message = format!("{} was trained on {now}, {} on {then}", folder.display(), of.display());
            let help = "figures of different data, or of the same at different sizes, do not compare";
            return Err(CliError::usage(message, help));
        }
    }
    Ok(before)
}
