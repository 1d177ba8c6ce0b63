//! `ganvas train`.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ganvas_data::{DataError, Dataset, ImageFolder, ItemShape, smallest_side};
use ganvas_engine::EngineError;
use ganvas_engine::config::{Overrides, RunConfig};
use ganvas_engine::run::{Outcome, Training};
use ganvas_engine::system::{DataSpec, Definition, Preset, Task};

use super::held_out::HeldOut;
use super::{Reading, absolute, data_of, open_both, test_points};
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
    let data = DataIds::of(args, &overrides, system);
    let folder = args.out.clone().unwrap_or_else(|| data.folder(&args.system));
    let size = |key| size(&overrides, key);
    let mut reading = Reading {
        resolution: size("resolution")?,
        channels: size("channels")?,
        window: size("window")?,
        crop: size("crop")?,
    };
    if reading.resolution == 0
        && reading.crop == 0
        && let Some(smallest) = data.smallest_of_several()?
    {
        let side = side_for(system, preset, smallest)?;
        eprintln!("images of several sizes: each is cropped to its middle square and brought to {side}x{side}");
        eprintln!("`--set resolution=N` chooses another side, and `--crop N` cuts them into squares as they are");
        (reading.resolution, overrides) = (side, overrides.with("resolution", side as i64));
    }
    let mut dataset = data.open(&reading)?;
    if reading.resolution == 0
        && reading.crop == 0
        && let Some(wanted) = (system.preset)(preset, &DataSpec::of(&dataset))?.resolution
    {
        dataset = data.open(&Reading { resolution: wanted, ..reading })?;
        overrides = overrides.with("resolution", wanted as i64);
    }
    if system.info.task == Task::Translate {
        dataset.check_domains()?;
    }
    let config = RunConfig::make(system, preset, &dataset, &chosen.words.join(","), &overrides)?;
    let training = training(args, system, (&folder, &dataset), &chosen, stop);
    let outcome = watched(&training, config.steps, |watcher| training.start(&config, watcher))?;
    Ok((folder, outcome))
}

/// What a run is trained on.
struct DataIds {
    id: String,
    /// The second domain of a translation.
    second: Option<String>,
}

impl DataIds {
    /// What the flags say, or the file, or what suits the task.
    fn of(args: &TrainArgs, overrides: &Overrides, system: &Definition) -> Self {
        let of_file = |key| overrides.file.as_ref()?.get("data")?.get(key)?.as_str().map(str::to_owned);
        let (id, second) = match &args.data {
            Some(id) => (Some(id.clone()), args.data_b.clone()),
            None => (of_file("id"), of_file("second")),
        };
        let id = absolute(&id.unwrap_or_else(|| system.data.into()));
        match (system.info.task, second) {
            (Task::Translate, None) => Self::subfolders(id),
            (_, second) => Self { id, second: second.map(|second| absolute(&second)) },
        }
    }

    /// A folder of images in two subfolders stands for these two: each holds out images of its own.
    fn subfolders(id: String) -> Self {
        let images = match ganvas_data::find(&id) {
            Ok(_) => Vec::new(),
            // What is wrong with a folder is told by whoever opens it.
            Err(_) => ganvas_data::images(Path::new(&id)).unwrap_or_default(),
        };
        let inside: Option<BTreeSet<&str>> =
            images.iter().map(|(relative, _)| Some(relative.split_once('/')?.0)).collect();
        let names: Vec<&str> = inside.into_iter().flatten().collect();
        let path = |name: &str| Path::new(&id).join(name).to_string_lossy().into_owned();
        match names[..] {
            [first, second] => Self { id: path(first), second: Some(path(second)) },
            _ => Self { id, second: None },
        }
    }

    fn open(&self, reading: &Reading) -> Result<Arc<Dataset>, CliError> {
        open_both((&self.id, self.second.as_deref()), reading)
    }

    /// The run folder where none is named.
    fn folder(&self, system: &str) -> PathBuf {
        let name = |data: &str| {
            let name = data.rsplit(['/', '\\']).next().unwrap_or(data);
            name.split('.').next().unwrap_or(name).to_owned()
        };
        let names: Vec<String> = std::iter::once(&self.id).chain(&self.second).map(|id| name(id)).collect();
        PathBuf::from("runs").join(format!("{system}-{}", names.join("-")))
    }

    /// The shorter side of the smallest image, where folders have images of several sizes.
    fn smallest_of_several(&self) -> Result<Option<usize>, CliError> {
        let folders = || std::iter::once(&self.id).chain(&self.second).map(Path::new).filter(|path| path.is_dir());
        let mut sizes = Vec::new();
        let mut differ = false;
        for folder in folders() {
            match ImageFolder::open(folder) {
                Ok(images) => sizes.push(images.size()),
                Err(DataError::SizeMismatch { .. }) => differ = true,
                // Anything else is told by whoever reads the images.
                Err(_) => {}
            }
        }
        if !differ && sizes.windows(2).all(|pair| pair[0] == pair[1]) {
            return Ok(None);
        }
        let sides = folders().map(smallest_side).collect::<Result<Vec<_>, _>>()?;
        Ok(sides.into_iter().min())
    }
}

/// The side that images of several sizes are brought to: for a translation the preset's own of those that the smallest image fills,
/// otherwise the largest of the usual ones.
fn side_for(system: &Definition, preset: Preset, smallest: usize) -> Result<usize, CliError> {
    const USUAL: [usize; 5] = [64, 32, 28, 16, 8];
    if system.info.task == Task::Translate {
        let shape = ItemShape::Image { channels: 3, height: smallest, width: smallest };
        let data = DataSpec { shape, classes: 2, mean: vec![0.0; shape.len()] };
        return Ok((system.preset)(preset, &data)?.resolution.unwrap_or(smallest));
    }
    Ok(USUAL.into_iter().find(|&side| side <= smallest).unwrap_or(smallest))
}

fn resume(args: &TrainArgs, system: &Definition, stop: &AtomicBool) -> Result<(PathBuf, Outcome), CliError> {
    let data = DataIds::of(args, &Overrides::default(), system);
    let folder = args.out.clone().unwrap_or_else(|| data.folder(&args.system));
    let config = RunConfig::of_run(&folder)?;
    let chosen = choose_several(devices(args).unwrap_or(&config.device))?;
    let dataset = match &args.data {
        Some(_) => data.open(&Reading::of(&config))?,
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
