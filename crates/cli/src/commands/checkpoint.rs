//! `ganvas checkpoint`.

use std::path::Path;

use ganvas_engine::EngineError;
use ganvas_engine::checkpoint::{Checkpoint, Header};
use ganvas_engine::config::RunConfig;
use ganvas_engine::run::{has, restored};
use ganvas_engine::session::{Options, Session};
use ganvas_engine::step::Guard;
use ganvas_metrics::extractor::sha256;
use serde::Serialize;

use super::data_of;
use crate::args::CheckpointCommand;
use crate::device::choose;
use crate::error::CliError;
use crate::systems;
use crate::view::format::{count, number};

/// What `--json` prints.
#[derive(Serialize)]
struct Inspected {
    header: Header,
    tensors: Vec<Entry>,
}

/// A tensor or counter of a checkpoint.
#[derive(Serialize)]
struct Entry {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    /// Least and largest value.
    range: Option<[f64; 2]>,
    sha256: String,
}

/// Inspects or verifies.
pub fn run(command: CheckpointCommand) -> Result<(), CliError> {
    match command {
        CheckpointCommand::Inspect { file, json } => inspect(&file, json),
        CheckpointCommand::Replay { file, device } => replay(&file, device.as_deref()),
        CheckpointCommand::Verify { files } => {
            let mut damaged = 0;
            for file in &files {
                match Checkpoint::read(file) {
                    Ok(checkpoint) => {
                        let Header { system, step, .. } = checkpoint.header;
                        println!("whole    {}: {system}, step {step}", file.display());
                    }
                    Err(error) => {
                        damaged += 1;
                        println!("damaged  {error}");
                    }
                }
            }
            match damaged {
                0 => Ok(()),
                n => Err(CliError::failure(format!("{n} of {} files are not whole checkpoints", files.len()))),
            }
        }
    }
}

/// Does the step that follows a checkpoint.
fn replay(file: &Path, device: Option<&str>) -> Result<(), CliError> {
    let Checkpoint { header, state } = Checkpoint::read(file)?;
    let config = RunConfig::from_toml(&header.config).map_err(EngineError::from)?;
    let system = systems::find(&config.system)?;
    // A step of several devices is, up to rounding, that of one.
    let first = config.device.split(',').next().unwrap_or_default();
    let chosen = choose(device.unwrap_or(first))?;
    has(&chosen.device, &chosen.word, config.precision).map_err(EngineError::from)?;
    let dataset = data_of(&config)?;
    let mut model = restored(state, file, &config, system, &chosen.device)?;
    let options = Options { skip: false, ..Options::of(&config, Guard::EveryStep) };
    let session = Session::new(model.as_mut(), &dataset, &chosen.device, options, header.step, 0.0)?;
    let mut session = session.scaled(header.loss_scale);
    let done = session.step(true).map_err(|error| error.in_system(&config.system))?;
    println!("step {} of {} is finite", header.step + 1, config.system);
    for (name, value) in done.tick.map_or_else(Vec::new, |tick| tick.figures) {
        println!("  {name} {}", number(value.into()));
    }
    Ok(())
}

fn inspect(file: &Path, json: bool) -> Result<(), CliError> {
    let Checkpoint { header, state } = Checkpoint::read(file)?;
    let entry = |(name, data): (&String, &burn::tensor::TensorData)| {
        let ends = |[low, high]: [f64; 2], x: f64| [low.min(x), high.max(x)];
        let range = data.iter::<f64>().fold([f64::INFINITY, f64::NEG_INFINITY], ends);
        Entry {
            name: name.clone(),
            dtype: format!("{:?}", data.dtype()).to_lowercase(),
            shape: data.shape().as_slice().to_vec(),
            range: range[0].is_finite().then_some(range),
            sha256: sha256(data.as_bytes()),
        }
    };
    let tensors: Vec<Entry> = state.entries().iter().map(entry).collect();
    if json {
        let object = Inspected { header, tensors };
        println!("{}", serde_json::to_string(&object).map_err(|e| CliError::failure(e.to_string()))?);
        return Ok(());
    }
    println!("system   {}, step {}, version {}", header.system, header.step, header.version);
    println!("data     {}", header.fingerprint);
    if let Some((name, value)) = &header.best {
        println!("best by  {name} {}", number(*value));
    }
    println!("\n{}", header.config);
    let width = tensors.iter().map(|entry| entry.name.len()).max().unwrap_or(0);
    for Entry { name, dtype, shape, range, sha256 } in &tensors {
        let shape = shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
        let range = range.map_or_else(String::new, |[low, high]| format!("{} to {}", number(low), number(high)));
        println!("{name:<width$}  {dtype:<4} {shape:<16} {range:<24} {}", &sha256[..12]);
    }
    let values: usize = tensors.iter().map(|entry| entry.shape.iter().product::<usize>()).sum();
    println!("\n{} entries, {} values", tensors.len(), count(values));
    Ok(())
}
