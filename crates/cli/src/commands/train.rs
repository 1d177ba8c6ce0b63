//! `ganvas train`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ganvas_data::{DataError, Dataset, ImageFolder, smallest_side};
use ganvas_engine::EngineError;
use ganvas_engine::config::{Overrides, RunConfig};
use ganvas_engine::run::{Outcome, Training};
use ganvas_engine::system::{DataSpec, Definition, Preset};

use super::held_out::HeldOut;
use super::{Reading, absolute, data_of, open, test_points};
use crate::args::TrainArgs;
use crate::device::{Chosen, Several, choose_several};
use crate::error::CliError;
use crate::progress::{Watcher, duration};
use crate::systems;

/// Trains, or goes on with a run.
pub fn run(args: &TrainArgs) -> Result<(), CliError> {
    let system = systems::find(&args.system)?;
    if args.steps == Some(0) {
        return Err(CliError::usage("`--steps` must be at least 1, got 0", "for example `--steps 1000`"));
    }
    let stop = stop_on_interrupt()?;
    let (folder, outcome) = if args.resume { resume(args, system, &stop)? } else { start(args, system, &stop)? };
    let what = if outcome.stopped { "stopped" } else { "trained" };
    println!("{what} after step {} and {}: {}", outcome.step, duration(outcome.seconds), folder.display());
    if outcome.skipped > 0 {
        println!("{} steps were skipped, for their loss or gradient was not finite", outcome.skipped);
    }
    if outcome.stopped {
        println!("`--out {} --resume` goes on from here", folder.display());
    }
    Ok(())
}

/// True once the person has asked to stop; a second time ends the program at once.
pub(super) fn stop_on_interrupt() -> Result<Arc<AtomicBool>, CliError> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("stopping after this step; once more to stop at once");
    })
    .map_err(|e| CliError::failure(format!("cannot listen for Ctrl-C: {e}")))?;
    Ok(stop)
}

fn start(args: &TrainArgs, system: &Definition, stop: &AtomicBool) -> Result<(PathBuf, Outcome), CliError> {
    let chosen = choose_several(devices(args).unwrap_or("flex"))?;
    let mut overrides = overrides(args)?;
    let preset = preset(args, &overrides);
    let id = data_id(args, &overrides, system);
    let folder = args.out.clone().unwrap_or_else(|| default_folder(&args.system, &id));
    let size = |key| size(&overrides, key);
    let mut reading = Reading {
        resolution: size("resolution")?,
        channels: size("channels")?,
        window: size("window")?,
        crop: size("crop")?,
    };
    if reading.resolution == 0
        && reading.crop == 0
        && let Some(side) = common_side(&id)?
    {
        eprintln!("images of several sizes: each is cropped to its middle square and brought to {side}x{side}");
        eprintln!("`--set resolution=N` chooses another side, and `--crop N` cuts them into squares as they are");
        (reading.resolution, overrides) = (side, overrides.with("resolution", side as i64));
    }
    let mut dataset = open(&id, &reading)?;
    if reading.resolution == 0
        && reading.crop == 0
        && let Some(wanted) = (system.preset)(preset, &DataSpec::of(&dataset))?.resolution
    {
        dataset = open(&id, &Reading { resolution: wanted, ..reading })?;
        overrides = overrides.with("resolution", wanted as i64);
    }
    let config = RunConfig::make(system, preset, &dataset, &chosen.words.join(","), &overrides)?;
    let training = training(args, system, (&folder, &dataset), &chosen, stop);
    let outcome = watched(&training, config.steps, |watcher| training.start(&config, watcher))?;
    Ok((folder, outcome))
}

/// The side that images of a folder are brought to where they have several sizes: the largest of the usual ones that the smallest
/// image fills.
fn common_side(id: &str) -> Result<Option<usize>, CliError> {
    const USUAL: [usize; 5] = [64, 32, 28, 16, 8];
    let folder = Path::new(id);
    if !folder.is_dir() {
        return Ok(None);
    }
    match ImageFolder::open(folder) {
        Err(DataError::SizeMismatch { .. }) => {
            let smallest = smallest_side(folder)?;
            Ok(Some(USUAL.into_iter().find(|&side| side <= smallest).unwrap_or(smallest)))
        }
        // Anything else is told by whoever reads the images.
        _ => Ok(None),
    }
}

fn resume(args: &TrainArgs, system: &Definition, stop: &AtomicBool) -> Result<(PathBuf, Outcome), CliError> {
    let id = args.data.as_deref().map_or_else(|| system.data.into(), absolute);
    let folder = args.out.clone().unwrap_or_else(|| default_folder(&args.system, &id));
    let config = RunConfig::of_run(&folder)?;
    let chosen = choose_several(devices(args).unwrap_or(&config.device))?;
    let dataset = match &args.data {
        Some(_) => open(&id, &Reading::of(&config))?,
        None => data_of(&config)?,
    };
    let training = training(args, system, (&folder, &dataset), &chosen, stop);
    let overrides = overrides(args)?;
    let steps = args.steps.unwrap_or(config.steps);
    let outcome = watched(&training, steps, |watcher| training.resume(&overrides, &args.allow_change, watcher))?;
    Ok((folder, outcome))
}

fn training<'a>(
    args: &TrainArgs,
    system: &'a Definition,
    (folder, dataset): (&'a Path, &'a Arc<Dataset>),
    chosen: &'a Several,
    stop: &'a AtomicBool,
) -> Training<'a> {
    let Several { words, first: Chosen { device, guard, .. }, others } = chosen;
    Training { folder, system, dataset, device, others, words, guard: *guard, stop, time: args.minutes }
}

/// The words of the devices that are asked for.
fn devices(args: &TrainArgs) -> Option<&str> {
    args.device.as_deref().or(args.devices.as_deref())
}

/// Trains under the eyes of a watcher, to `steps`.
pub(super) fn watched(
    training: &Training,
    steps: u64,
    train: impl FnOnce(&mut Watcher) -> Result<Outcome, EngineError>,
) -> Result<Outcome, CliError> {
    let held_out = HeldOut::new(training.dataset.clone(), training.device.clone().inner());
    let mut watcher = Watcher::new(steps, test_points(training.dataset), held_out);
    let outcome = if training.may_lose_devices() { quietly(|| train(&mut watcher)) } else { Ok(train(&mut watcher)) };
    watcher.finish();
    Ok(outcome??)
}

/// What `f` gives; what it throws, because a device is lost before it trains for one, as an error. The threads of a device
/// that is lost all have something to say, which is printed only where `RUST_BACKTRACE` asks for more.
fn quietly<T>(f: impl FnOnce() -> T) -> Result<T, CliError> {
    if std::env::var_os("RUST_BACKTRACE").is_some_and(|value| value != "0") {
        return Ok(f());
    }
    let last = Arc::new(Mutex::new(String::new()));
    let (told, before) = (last.clone(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        let mut last = told.lock().unwrap_or_else(PoisonError::into_inner);
        *last = panic.to_string().replace('\n', " ");
    }));
    let done = catch_unwind(AssertUnwindSafe(f));
    std::panic::set_hook(before);
    done.map_err(|_| {
        let last = last.lock().unwrap_or_else(PoisonError::into_inner);
        CliError { code: 3, ..CliError::failure(format!("a device failed: {last}")) }
    })
}

/// What is given by hand: the file, then the flags, then `--set`.
fn overrides(args: &TrainArgs) -> Result<Overrides, CliError> {
    let mut overrides = Overrides::default();
    if let Some(file) = &args.config {
        overrides = overrides.with_file(file)?;
    }
    let whole = |flag: &str, n: u64| {
        i64::try_from(n).map_err(|_| CliError::usage(format!("`--{flag} {n}` is too large"), "2^63 is the end"))
    };
    for (key, value) in [
        ("steps", args.steps),
        ("batch", args.batch),
        ("seed", args.seed),
        ("eval_every", args.eval_every),
        ("keep", args.keep),
        ("accumulate", args.accumulate),
        ("crop", args.crop),
    ] {
        if let Some(value) = value {
            overrides = overrides.with(key, whole(&key.replace('_', "-"), value)?);
        }
    }
    if let Some(precision) = &args.precision {
        overrides = overrides.with("precision", precision.as_str());
    }
    for text in &args.set {
        overrides = overrides.with_assignment(text)?;
    }
    Ok(overrides)
}

/// That of the flag, of the file, or `small`.
fn preset(args: &TrainArgs, overrides: &Overrides) -> Preset {
    let of_file = || {
        let name = overrides.file.as_ref()?.get("preset")?.as_str()?;
        Preset::ALL.into_iter().find(|preset| preset.name() == name)
    };
    args.preset.map(Preset::from).or_else(of_file).unwrap_or(Preset::Small)
}

fn data_id(args: &TrainArgs, overrides: &Overrides, system: &Definition) -> String {
    let of_file = || overrides.file.as_ref()?.get("data")?.get("id")?.as_str().map(str::to_owned);
    absolute(&args.data.clone().or_else(of_file).unwrap_or_else(|| system.data.into()))
}

fn size(overrides: &Overrides, key: &str) -> Result<usize, CliError> {
    match overrides.get(key) {
        None => Ok(0),
        Some(value) => value.as_integer().and_then(|n| usize::try_from(n).ok()).ok_or_else(|| {
            CliError::usage(
                format!("`{key}` must be a whole number, got {value}"),
                format!("for example `--set {key}=1`"),
            )
        }),
    }
}

fn default_folder(system: &str, data: &str) -> PathBuf {
    let name = data.rsplit(['/', '\\']).next().unwrap_or(data);
    let name = name.split('.').next().unwrap_or(name);
    PathBuf::from("runs").join(format!("{system}-{name}"))
}
