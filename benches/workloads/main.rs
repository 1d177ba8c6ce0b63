//! Five workloads as a user meets them, each in a process of its own, beside the same in PyTorch: `cargo xtask bench --peer`.
//!
//! Rounds alternate, so that what else the machine does meets both alike.

mod modulated;
mod report;
mod run;
mod scaling;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use clap::{Parser, ValueEnum};
use ganvas_engine::config::Precision;
use report::{Machine, Pair, Report};
use run::{How, Workload};
use scaling::Series;
use serde::de::DeserializeOwned;

/// Training and sampling of whole systems, in items a second.
#[derive(Parser)]
#[command(name = "cargo xtask bench", after_help = "Example:\n  cargo xtask bench --peer --json speed.json")]
struct Args {
    /// Beside PyTorch: needs a Python with `torch`.
    #[arg(long)]
    peer: bool,
    /// The Python to use.
    #[arg(long, value_name = "FILE", default_value = "python3")]
    python: PathBuf,
    /// Rounds of each.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    rounds: u64,
    /// Seconds that a round measures, after as many steps as warm it up.
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    seconds: f64,
    /// Threads of both.
    #[arg(long, value_name = "N", default_value_t = threads(), value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: u64,
    /// Where to compute: flex, wgpu[:i] or cuda[:i]; the peer on `cuda`, where that is no CPU.
    #[arg(long, value_name = "D", default_value = "flex")]
    device: String,
    /// What layers multiply in, of both.
    #[arg(long, value_name = "P", default_value = "f32", value_parser = ["f32", "bf16"])]
    precision: String,
    /// Items of a batch, instead of each workload's own.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    batch: Option<u64>,
    /// The peer with `torch.compile`.
    #[arg(long, requires = "peer")]
    compile: bool,
    /// Only these.
    #[arg(long, value_name = "W", value_delimiter = ',')]
    only: Vec<Workload>,
    /// Write all figures to this file too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure instead how cost grows with batch, side, width and samples, and write figures, a page and a chart into this folder.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["peer", "only", "json"])]
    scaling: Option<PathBuf>,
    /// Measure one point in this process, and print it as JSON.
    #[arg(long, hide = true, num_args = 2, value_names = ["SERIES", "N"])]
    point: Vec<String>,
    /// Measure one workload in this process, and print its figures as JSON.
    #[arg(long, hide = true, value_name = "W")]
    run: Option<Workload>,
}

fn threads() -> u64 {
    std::thread::available_parallelism().map_or(1, |n| n.get() as u64)
}

fn main() -> ExitCode {
    match measure(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args) -> Result<(), String> {
    if !(args.seconds > 0.0 && args.seconds <= 3600.0) {
        return Err(format!("`--seconds` takes more than 0 and at most 3600, got {}", args.seconds));
    }
    if let Some(workload) = args.run {
        ganvas_kernels::use_this_thread();
        let precision = if args.precision == "bf16" { Precision::Bf16 } else { Precision::F32 };
        let (device, batch) = (run::device(&args.device)?, args.batch.map(|n| n as usize));
        let figures = workload.run(&How { device, precision, batch, seconds: args.seconds });
        println!("{}", serde_json::to_string(&figures).map_err(|e| e.to_string())?);
        return Ok(());
    }
    if let [series, n] = &args.point[..] {
        let (series, n) = (Series::from_str(series, false)?, n.parse::<usize>().map_err(|e| e.to_string())?);
        ganvas_kernels::use_this_thread();
        println!("{}", serde_json::to_string(&series.measure(n, args.seconds)).map_err(|e| e.to_string())?);
        return Ok(());
    }
    if let Some(folder) = &args.scaling {
        let machine = Machine::this(args.threads, Some(run::peak(args.threads)));
        return scaling::run(folder, machine, |series, n| child(point(args, series, n)?, args));
    }
    let version = if args.peer { Some(peer_version(args)?) } else { None };
    let chosen = if args.only.is_empty() { Workload::value_variants() } else { &args.only };
    run::device(&args.device)?;
    let peak = (args.device == "flex").then(|| run::peak(args.threads));
    let mut report = Report::new(Machine::this(args.threads, peak), how(args), args.rounds, version);
    println!("{}", report.head());
    for &workload in chosen {
        let mut pair = Pair::new(workload);
        for round in 1..=args.rounds {
            eprint!("\r  {}, round {round} of {}  ", workload.name(), args.rounds);
            pair.ours.push(child(ours(args, workload)?, args)?);
            if args.peer {
                pair.peer.push(child(peer(args, workload), args)?);
            }
            pair.same_networks()?;
        }
        eprint!("\r{:60}\r", "");
        println!("{}", pair.line(peak));
        report.add(&pair);
    }
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report).map_err(|e| e.to_string())? + "\n";
        std::fs::write(path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    }
    Ok(())
}

fn this_program(args: &Args) -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|e| format!("this program cannot be found again: {e}"))?;
    let mut command = Command::new(program);
    command.args(["--seconds", &args.seconds.to_string()]);
    Ok(command)
}

fn ours(args: &Args, workload: Workload) -> Result<Command, String> {
    let mut command = this_program(args)?;
    command.args(["--run", workload.name(), "--device", &args.device, "--precision", &args.precision]);
    command.args(args.batch.map(|n| format!("--batch={n}")));
    Ok(command)
}

/// The conditions, in a few words.
fn how(args: &Args) -> String {
    let batch = args.batch.map(|n| format!(", batches of {n}")).unwrap_or_default();
    format!("{}, {}{batch}", args.device, args.precision)
}

fn point(args: &Args, series: Series, n: usize) -> Result<Command, String> {
    let mut command = this_program(args)?;
    command.args(["--point", series.name(), &n.to_string()]);
    Ok(command)
}

fn peer(args: &Args, workload: Workload) -> Command {
    let mut command = Command::new(&args.python);
    let device = if args.device == "flex" { "cpu" } else { "cuda" };
    command.arg(script()).args([workload.name(), "--seconds", &args.seconds.to_string(), "--device", device]);
    command.args(["--precision", &args.precision]).args(args.batch.map(|n| format!("--batch={n}")));
    // What it compiles has no second derivative.
    command.args((args.compile && workload != Workload::WganGp).then_some("--compile"));
    command
}

fn script() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peer/training.py")
}

fn child<T: DeserializeOwned>(mut command: Command, args: &Args) -> Result<T, String> {
    let threads = args.threads.to_string();
    let command = command.env("RAYON_NUM_THREADS", &threads).env("OMP_NUM_THREADS", &threads).stderr(Stdio::inherit());
    let output = command.output().map_err(|e| format!("{} cannot be started: {e}", command.get_program().display()))?;
    if !output.status.success() {
        return Err(format!("{:?} ended with {}", command, output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    serde_json::from_str(line).map_err(|e| format!("{:?} printed no figures but `{line}`: {e}", command))
}

/// PyTorch's version, asked before anything is measured.
fn peer_version(args: &Args) -> Result<String, String> {
    let asked = Command::new(&args.python).args(["-c", "import torch; print(torch.__version__)"]).output();
    match asked {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        _ => Err(format!(
            "`{}` has no torch: `pip install torch`, or name another Python with `--python`",
            args.python.display()
        )),
    }
}
