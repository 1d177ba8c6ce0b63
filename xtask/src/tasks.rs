//! The tasks: name, help and what each runs.

use crate::options::Options;
use crate::{Failure, cargo, digits};
use std::ffi::OsString;
use std::process::Command;

/// One task of `cargo xtask`.
pub struct Task {
    /// The word that calls it.
    pub name: &'static str,
    /// One line for the overview.
    pub summary: &'static str,
    /// The whole help text.
    pub help: &'static str,
    /// What it does with the words after its name.
    pub run: fn(&[OsString]) -> Result<(), Failure>,
}

/// Every task, in the order of the overview.
pub const ALL: &[Task] = &[
    Task {
        name: "train",
        summary: "train a system; without one, a VAE and a DCGAN on the embedded digits",
        help: TRAIN,
        run: train,
    },
    Task { name: "test", summary: "run all tests, optimised", help: TEST, run: test },
    Task {
        name: "torture",
        summary: "kill a training fifty times and see that nothing is lost",
        help: TORTURE,
        run: torture,
    },
    Task {
        name: "health",
        summary: "train runs that fail and runs that do not, and see what is noticed",
        help: HEALTH,
        run: health,
    },
    Task { name: "check", summary: "check the format and run clippy, warnings refused", help: CHECK, run: check },
    Task { name: "bench", summary: "measure training and sampling, beside PyTorch if asked", help: BENCH, run: bench },
    Task { name: "docs", summary: "build the API documentation and the book", help: DOCS, run: docs },
    Task {
        name: "accept",
        summary: "run a system's acceptance checks, each figure with its threshold",
        help: ACCEPT,
        run: accept,
    },
    Task {
        name: "train-extractors",
        summary: "train again the classifiers whose features the metrics use",
        help: TRAIN_EXTRACTORS,
        run: train_extractors,
    },
];

/// The list of tasks.
pub fn overview() -> String {
    let width = ALL.iter().map(|task| task.name.len()).max().unwrap_or(0);
    let mut text = "Tasks of the Ganvas workspace\n\nUsage: cargo xtask TASK [ARGUMENTS]\n\n".to_owned();
    for task in ALL {
        text += &format!("  {:<width$}  {}\n", task.name, task.summary);
    }
    text += &format!("  {:<width$}  {}\n", "help", "print this, or the help of a task");
    text += "\n`cargo xtask TASK --help` says more. Exit codes: 0 success, 1 failure, 2 wrong use; that of a failing child is passed on.\n";
    text
}

const TRAIN: &str = "\
Train a system, or both first ones on the embedded digits

Usage: cargo xtask train [--features LIST] [--profile NAME] [SYSTEM] [FLAGS OF `ganvas train`]

With a SYSTEM: builds `ganvas` and runs `ganvas train SYSTEM ...`. Paths are relative to the directory you call from.

Without: trains `vae` and then `dcgan` on the embedded 8x8 digits, preset `small`, into runs/vae-digits and
runs/dcgan-digits (or the next free number), prints their figures with floor and baseline and names the two reports.
Flags go to both.

Options, before the SYSTEM:
  --features LIST  Cargo features of `ganvas`: wgpu, ndarray, cuda, tuned
  --profile NAME   Cargo profile [default: release]

Examples:
  cargo xtask train
  cargo xtask train --steps 200 --seed 7
  cargo xtask train dcgan --data mnist --out runs/mnist
  cargo xtask train --features wgpu dcgan --device wgpu
  cargo xtask train vae --help

From another directory:
  cargo run --manifest-path PATH/Cargo.toml -p xtask --profile xtask -- train vae
";

const TEST: &str = "\
Run all tests of the workspace with the release profile

Usage: cargo xtask test [ARGUMENTS OF `cargo test`]

Examples:
  cargo xtask test
  cargo xtask test -p ganvas-prob
  cargo xtask test -- --nocapture gaussian
";

const TORTURE: &str = "\
Kill a training at fifty random moments, go on each time, and compare its end with that of an unbroken one, to the last byte:
with one thread and with two. Then look at the memory of a run of 10,000 steps.

Usage: cargo xtask torture [KILLS]

Examples:
  cargo xtask torture
  cargo xtask torture 500
";

const HEALTH: &str = "\
Train runs that are made to fail and the `small` presets on the digits, with the seeds 0 to 9, and print what is noticed in each:
every failure has to be named, and nothing in the healthy runs. Takes an hour on two cores.

Usage: cargo xtask health [SEEDS]

Examples:
  cargo xtask health
  cargo xtask health 3
";

const CHECK: &str = "\
Check the format, then run clippy with warnings as errors

Usage: cargo xtask check [ARGUMENTS OF `cargo clippy`]

Example:
  cargo xtask check
";

const BENCH: &str = "\
Measure six workloads of training and sampling in items a second, each round in a process of its own

Usage: cargo xtask bench [--features LIST] [--peer [--compile]] [--python FILE] [--device D] [--precision f32|bf16]
                         [--batch N] [--rounds N] [--seconds S] [--threads N] [--only W,W] [--json FILE]
       cargo xtask bench --scaling DIR [--seconds S] [--threads N]
       cargo xtask bench --criterion [ARGUMENTS OF `cargo bench`]

  --features   Cargo features of the build, before all else: wgpu, cuda, tuned
  --peer       in turn with the same in PyTorch, and the ratio; needs a Python with `torch`
  --scaling    instead: how cost grows with batch, side, width and samples, as figures, a page and a chart
  --criterion  instead: the benchmarks of single layers, steps, samplers and measures

Examples:
  cargo xtask bench --peer --json speed.json
  cargo xtask bench --features cuda,tuned --device cuda --peer --compile --precision bf16 --batch 128 --only dcgan64
  cargo xtask bench --scaling docs/src/results/speed
  cargo xtask bench --criterion --bench penalties
";

const DOCS: &str = "\
Build the API documentation (warnings refused) and, if mdbook is installed, the book

Usage: cargo xtask docs

Example:
  cargo xtask docs
";

const ACCEPT: &str = "\
Run the acceptance checks of systems: trains as needed, prints each figure with its threshold, exits non-zero if one falls short

Usage: cargo xtask accept [--features LIST] [--profile NAME] ID... [FLAGS OF `ganvas accept`]

Examples:
  cargo xtask accept gan
  cargo xtask accept gan dcgan vae
";

const TRAIN_EXTRACTORS: &str = "\
Train again the classifiers whose features the metrics use

Usage: cargo xtask train-extractors [--features LIST] [--profile NAME] [FLAGS OF `ganvas train-extractors`]

Example:
  cargo xtask train-extractors
";

fn train(args: &[OsString]) -> Result<(), Failure> {
    let options = Options::parse(args)?;
    match options.rest.first() {
        Some(first) if !first.to_string_lossy().starts_with('-') => ganvas("train", &options),
        _ => digits::train(&options),
    }
}

fn torture(args: &[OsString]) -> Result<(), Failure> {
    let kills = number(args, "50", "kills", "cargo xtask torture 100")?;
    for threads in ["1", "2"] {
        println!("== threads: {threads}");
        let mut command = cargo::cargo("test");
        command.args(["--release", "-p", "ganvas", "--test", "recovery", "a_killed_run", "--", "--nocapture"]);
        cargo::run(command.env("GANVAS_KILLS", &kills).env("RAYON_NUM_THREADS", threads))?;
    }
    println!("== memory");
    let mut command = cargo::cargo("test");
    command.args(["--release", "-p", "ganvas", "--test", "recovery", "the_memory", "--", "--nocapture", "--ignored"]);
    cargo::run(&mut command)
}

fn health(args: &[OsString]) -> Result<(), Failure> {
    let seeds = number(args, "10", "seeds", "cargo xtask health 3")?;
    let mut command = cargo::cargo("test");
    command.args(["--release", "-p", "ganvas", "--test", "health", "--", "--nocapture", "--test-threads", "1"]);
    cargo::run(command.env("GANVAS_HEALTH_SEEDS", &seeds))
}

/// The one number that a task takes.
fn number(args: &[OsString], default: &str, what: &str, example: &str) -> Result<OsString, Failure> {
    match args {
        [] => Ok(default.into()),
        [number] if number.to_str().is_some_and(|text| text.parse::<u32>().is_ok()) => Ok(number.clone()),
        _ => Err(Failure::Usage(format!("a number of {what} is wanted, for example `{example}`"))),
    }
}

/// Builds the binary and becomes it.
fn ganvas(subcommand: &str, options: &Options) -> Result<(), Failure> {
    let binary = cargo::build(options)?;
    cargo::become_(Command::new(binary).arg(subcommand).args(&options.rest))
}

fn test(args: &[OsString]) -> Result<(), Failure> {
    // Release, because training is built that way too: the optimised dependencies are compiled once for both, and tests
    // that train a small network would take minutes without optimisation.
    let mut command = cargo::cargo("test");
    command.arg("--release");
    if !names_packages(args) {
        // The benches hold no tests, and criterion asks for other features of shared dependencies (`regex`, `either`):
        // with it in the graph burn would be compiled a second time.
        command.args(["--workspace", "--exclude", "ganvas-benches"]);
    }
    cargo::run(command.args(args))
}

fn names_packages(args: &[OsString]) -> bool {
    args.iter().take_while(|arg| *arg != "--").filter_map(|arg| arg.to_str()).any(|arg| {
        (arg.starts_with("-p") && !arg.starts_with("--")) || arg == "--package" || arg.starts_with("--package=")
    })
}

fn check(args: &[OsString]) -> Result<(), Failure> {
    cargo::run(cargo::cargo("fmt").args(["--all", "--", "--check"]))?;
    let mut clippy = cargo::cargo("clippy");
    if !names_packages(args) {
        clippy.arg("--workspace");
    }
    cargo::run(clippy.arg("--all-targets").args(args).args(["--", "-D", "warnings"]))
}

fn bench(args: &[OsString]) -> Result<(), Failure> {
    match args.split_first() {
        Some((first, rest)) if first == "--criterion" => {
            let packages = ["--package", "ganvas-benches", "--package", "ganvas-prob"];
            cargo::run(cargo::cargo("bench").args(packages).args(rest))
        }
        _ => {
            let Options { features, profile, rest } = Options::parse(args)?;
            let mut run = cargo::cargo("run");
            run.args(["--package", "ganvas-benches", "--example", "workloads", "--profile"]).arg(profile);
            if let Some(features) = features {
                run.arg("--features").arg(features);
            }
            cargo::run(run.arg("--").args(rest))
        }
    }
}

fn docs(args: &[OsString]) -> Result<(), Failure> {
    if let Some(arg) = args.first() {
        return Err(Failure::Usage(format!("`docs` takes no argument, got `{}`", arg.to_string_lossy())));
    }
    let mut flags = std::env::var("RUSTDOCFLAGS").unwrap_or_default();
    flags += " -D warnings";
    cargo::run(cargo::cargo("doc").args(["--workspace", "--no-deps"]).env("RUSTDOCFLAGS", flags.trim_start()))?;

    let book = cargo::root().join("docs");
    let installed = Command::new("mdbook").arg("--version").output().is_ok_and(|output| output.status.success());
    if !installed {
        println!("The book was not built: mdbook is missing. `cargo install mdbook --locked` installs it.");
        return Ok(());
    }
    cargo::run(Command::new("mdbook").arg("build").arg(&book))?;
    println!("Book: {}", book.join("book").join("index.html").display());
    Ok(())
}

fn accept(args: &[OsString]) -> Result<(), Failure> {
    let options = Options::parse(args)?;
    if options.rest.is_empty() {
        return Err(Failure::Usage("name the systems to check, for example: cargo xtask accept gan".to_owned()));
    }
    ganvas("accept", &options)
}

fn train_extractors(args: &[OsString]) -> Result<(), Failure> {
    ganvas("train-extractors", &Options::parse(args)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(args: &[&str]) -> Vec<OsString> {
        args.iter().map(OsString::from).collect()
    }

    #[test]
    fn overview_names_every_task() {
        let text = overview();
        for task in ALL {
            assert!(text.contains(task.name) && text.contains(task.summary));
        }
    }

    #[test]
    fn accept_without_a_system_is_a_usage_error() {
        assert!(matches!(accept(&[]), Err(Failure::Usage(_))));
        assert!(matches!(accept(&os(&["--profile", "dev"])), Err(Failure::Usage(_))));
    }

    #[test]
    fn docs_takes_no_argument() {
        assert!(matches!(docs(&os(&["--open"])), Err(Failure::Usage(_))));
    }

    #[test]
    fn packages_are_recognised_before_the_double_dash_only() {
        for args in [os(&["-p", "ganvas-prob"]), os(&["-pganvas-prob"]), os(&["--package=ganvas"])] {
            assert!(names_packages(&args), "{args:?}");
        }
        assert!(!names_packages(&os(&["--", "-p"])));
        assert!(!names_packages(&os(&["--profile", "dev"])));
        assert!(!names_packages(&[]));
    }
}
