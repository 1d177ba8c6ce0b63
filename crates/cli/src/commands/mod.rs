//! The commands, a file each.

mod accept;
mod augment;
mod cache;
mod checkpoint;
mod compare;
mod data;
mod disentangle;
mod encode;
mod enlarged;
mod eval;
mod export;
mod extraction;
mod extractors;
mod files;
pub mod held_out;
mod image_files;
mod interpolate;
pub mod likelihood;
mod limit;
mod list;
mod looking;
mod measures;
mod metrics;
mod objectives;
mod prob;
mod reconstruct;
mod report;
mod sample;
mod sampler;
mod series;
mod train;
mod translate;
mod translated;
mod traverse;
mod upscale;
#[cfg(feature = "remote")]
mod worker;

pub use limit::{memory, parse_size, shown};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use clap::CommandFactory;
use ganvas_data::{Dataset, ItemShape, OpenOptions};
use ganvas_engine::config::RunConfig;
use ganvas_engine::enlargement::Enlargement;
use ganvas_engine::run::{Loaded, load};
use ganvas_engine::suggest;
use ganvas_engine::system::Conditional;
use ganvas_metrics::Figure;

use crate::args::{Cli, Command, LoadingArgs};
use crate::device::choose;
use crate::error::CliError;
use crate::systems;

/// Does what the command line asks for.
pub fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Systems { command } => list::systems(command),
        Command::Devices => list::devices(),
        #[cfg(feature = "remote")]
        Command::Worker(args) => worker::run(&args),
        #[cfg(not(feature = "remote"))]
        Command::Worker(_) => {
            Err(CliError::usage("this build cannot lend its devices", "build with `--features remote`"))
        }
        Command::Data { command } => data::run(command),
        Command::Train(args) => train::run(&args),
        Command::Sample(args) => sample::run(&args),
        Command::Traverse(args) => traverse::run(&args),
        Command::Augment(args) => augment::run(&args),
        Command::Encode(args) => encode::run(&args),
        Command::Reconstruct(args) => reconstruct::run(&args),
        Command::Translate(args) => translate::run(&args),
        Command::Interpolate(args) => interpolate::run(&args),
        Command::Upscale(args) => upscale::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Checkpoint { command } => checkpoint::run(command),
        Command::Report { run } => report::run(&run),
        Command::Accept(args) => accept::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Metrics(args) => metrics::run(&args),
        Command::Prob { command } => prob::run(command),
        Command::TrainExtractors(args) => extractors::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "ganvas", &mut std::io::stdout());
            Ok(())
        }
        Command::Man => {
            let page = clap_mangen::Man::new(Cli::command());
            page.render(&mut std::io::stdout()).map_err(|e| CliError::failure(format!("cannot write the page: {e}")))
        }
    }
}

/// A data set by id or path, at the given side and number of channels (0: as it is).
fn open(id: &str, reading: &Reading) -> Result<Arc<Dataset>, CliError> {
    let given = |n: usize| (n > 0).then_some(n);
    let options = OpenOptions {
        resolution: given(reading.resolution),
        channels: given(reading.channels),
        window: given(reading.window),
        crop: given(reading.crop),
        ..OpenOptions::default()
    };
    Ok(Arc::new(ganvas_data::open(id, &options)?))
}

/// How the files of a data set are read, as the settings of a run have it; 0: as they are.
#[derive(Clone, Copy, Debug, Default)]
struct Reading {
    resolution: usize,
    channels: usize,
    window: usize,
    crop: usize,
}

impl Reading {
    /// The settings of a run.
    fn of(config: &RunConfig) -> Self {
        Self { resolution: config.resolution, channels: config.channels, window: config.window, crop: config.crop }
    }
}

/// The same, joined with a second one where there is one.
fn open_both((id, second): (&str, Option<&str>), reading: &Reading) -> Result<Arc<Dataset>, CliError> {
    let first = open(id, reading)?;
    let Some(second) = second else { return Ok(first) };
    let second = open(second, reading)?;
    Ok(Arc::new(ganvas_data::join(Arc::unwrap_or_clone(first), Arc::unwrap_or_clone(second))?))
}

/// The data set that a run was trained on; it must still be the same.
fn data_of(config: &RunConfig) -> Result<Arc<Dataset>, CliError> {
    let both = (config.data.id.as_str(), config.data.second.as_deref());
    let dataset = open_both(both, &Reading::of(config))?;
    if dataset.fingerprint != config.data.fingerprint {
        let message = format!("{} is not what it was when the run was trained on it", config.data.name());
        return Err(CliError::failure(message));
    }
    Ok(dataset)
}

/// A trained run as it is asked for, and its device, which does not track gradients.
fn load_run(folder: &Path, how: &LoadingArgs) -> Result<(Loaded, Device), CliError> {
    let config = RunConfig::of_run(folder)?;
    let system = systems::find(&config.system)?;
    let device = choose(&how.device)?.device;
    let loaded = load(folder, how.checkpoint.into(), config, system, how.raw, &device)?;
    for error in &loaded.damaged {
        eprintln!("warning: {error}; an older checkpoint is used");
    }
    Ok((loaded, device.inner()))
}

/// A run as one that draws samples of a class.
fn conditional<'a>(loaded: &'a Loaded, run: &Path) -> Result<&'a dyn Conditional, CliError> {
    loaded.model.conditional().ok_or_else(|| {
        let message = format!("{} (`{}`) was not trained by class", run.display(), loaded.config.system);
        CliError::usage(
            message,
            "`ganvas train cegan` trains by class, and so does a GAN whose networks are told the class",
        )
    })
}

/// A run as one that enlarges images.
fn enlargement<'a>(loaded: &'a Loaded, run: &Path) -> Result<&'a dyn Enlargement, CliError> {
    loaded.model.enlargement().ok_or_else(|| {
        let message = format!("{} (`{}`) enlarges no images", run.display(), loaded.config.system);
        CliError::usage(message, "train one that does: `ganvas train srgan --data DIR`")
    })
}

/// The number of a class, which is given by its name or, where no class is called so, by its number from 0.
fn class_number(given: &str, names: &[String]) -> Result<usize, CliError> {
    let number = || given.parse().ok().filter(|&number: &usize| number < names.len());
    names.iter().position(|name| name == given).or_else(number).ok_or_else(|| {
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let range = format!("; or a number from 0 to {}", names.len().saturating_sub(1));
        CliError::usage(format!("there is no class `{given}`"), suggest::help(given, &known) + &range)
    })
}

/// Which weights samples are drawn from.
fn weights(averaged: bool) -> &'static str {
    if averaged { "averaged" } else { "trained" }
}

/// Writes a file as a whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|e| CliError::io("create", folder, &e))?;
    }
    ganvas_engine::checkpoint::write_whole(path, bytes).map_err(|e| CliError::io("write", path, &e))
}

/// A path as it can be found again from another folder.
fn absolute(path: &str) -> String {
    let is_path = ganvas_data::find(path).is_err() && Path::new(path).exists();
    let found = is_path.then(|| std::fs::canonicalize(path).ok()).flatten();
    found.map_or_else(|| path.to_owned(), |p: PathBuf| p.to_string_lossy().into_owned())
}

/// Prints figures that are of no run: one JSON object, or what `otherwise` prints.
fn show(json: bool, seed: Option<u64>, figures: Vec<Figure>, otherwise: impl FnOnce()) -> Result<(), CliError> {
    if !json {
        otherwise();
        return Ok(());
    }
    let object = eval::Evaluation {
        run: None,
        system: None,
        step: None,
        weights: None,
        sampler: None,
        seed,
        metrics: figures,
        kl_per_latent: None,
    };
    println!("{}", serde_json::to_string(&object).map_err(|e| CliError::failure(e.to_string()))?);
    Ok(())
}

/// Held-out points of the plane to draw samples over; none where items are no such points.
fn test_points(dataset: &Dataset) -> Vec<[f32; 2]> {
    const SHOWN: usize = 2000;
    match dataset.shape {
        ItemShape::Points { dims: 2 } => dataset.test.first(SHOWN).as_chunks::<2>().0.to_vec(),
        _ => Vec::new(),
    }
}
