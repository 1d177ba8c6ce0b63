//! `cargo xtask train` without a system: a VAE and a DCGAN on the embedded digits, measured and reported.

use crate::Failure;
use crate::cargo;
use crate::options::{Options, find_value};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const SYSTEMS: [&str; 2] = ["vae", "dcgan"];

/// Trains both systems with the same extra flags, then prints their figures and names their reports.
pub fn train(options: &Options) -> Result<(), Failure> {
    let extra = &options.rest;
    refuse(extra)?;
    let ganvas = cargo::build(options)?;
    let start = Instant::now();

    let mut runs = Vec::new();
    for system in SYSTEMS {
        let run = free_folder(Path::new("runs"), &format!("{system}-{}", data_name(extra)))?;
        println!("\n== Training {system} in {}", run.display());
        cargo::run(Command::new(&ganvas).args(arguments(system, &run, extra)))?;
        runs.push((system, run));
    }
    for (system, run) in &runs {
        println!("\n== Figures of {system} ({})", run.display());
        cargo::run(Command::new(&ganvas).arg("eval").arg(run))?;
    }
    println!("\n== Reports");
    let mut reports = Vec::new();
    for (system, run) in &runs {
        let output = cargo::run_and_read(Command::new(&ganvas).arg("report").arg(run))?;
        reports.push((system, report_path(&output).unwrap_or_else(|| run.join("report.html"))));
    }
    println!(
        "\nTrained, measured and reported in {} (the build not counted). Open in a browser:",
        minutes(start.elapsed())
    );
    for (system, report) in reports {
        println!("  {system:<6} {}", report.display());
    }
    Ok(())
}

/// Flags that make sense for one run only.
fn refuse(extra: &[OsString]) -> Result<(), Failure> {
    for flag in ["--out", "--resume", "--config"] {
        let with_value = format!("{flag}=");
        if extra.iter().any(|arg| arg == flag || arg.to_str().is_some_and(|arg| arg.starts_with(&with_value))) {
            return Err(Failure::Usage(format!(
                "{flag} belongs to one run, and without a system two are trained ({}). Name a system: cargo xtask train vae {flag} ...",
                SYSTEMS.join(", ")
            )));
        }
    }
    Ok(())
}

fn arguments(system: &str, run: &Path, extra: &[OsString]) -> Vec<OsString> {
    let mut args: Vec<OsString> = vec!["train".into(), system.into()];
    for (flag, default) in [("--data", "digits"), ("--preset", "small")] {
        if find_value(extra, flag).is_none() {
            args.extend([flag.into(), default.into()]);
        }
    }
    args.extend(["--out".into(), run.into()]);
    args.extend(extra.iter().cloned());
    args
}

/// The last part of `--data`, which is an ID or a path, as a part of a folder's name.
fn data_name(extra: &[OsString]) -> String {
    find_value(extra, "--data")
        .and_then(|data| Path::new(data).file_name())
        .map_or_else(|| "digits".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// `parent/name`, or `parent/name-2` and so on if that exists: an earlier run is never touched.
fn free_folder(parent: &Path, name: &str) -> Result<PathBuf, Failure> {
    let first = parent.join(name);
    if !first.exists() {
        return Ok(first);
    }
    let free = (2..10_000)
        .map(|i| parent.join(format!("{name}-{i}")))
        .find(|path| !path.exists())
        .ok_or_else(|| Failure::Failed(format!("{} is full of earlier runs: move some away", parent.display())))?;
    println!("\n{} exists and is left as it is; this run goes to {}.", first.display(), free.display());
    Ok(free)
}

/// The path in the line `report: PATH`.
fn report_path(output: &str) -> Option<PathBuf> {
    output.lines().rev().find_map(|line| line.trim().strip_prefix("report: ")).map(PathBuf::from)
}

fn minutes(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(args: &[&str]) -> Vec<OsString> {
        args.iter().map(OsString::from).collect()
    }

    #[test]
    fn defaults_are_added_only_where_nothing_was_given() {
        assert_eq!(
            arguments("vae", Path::new("runs/vae-digits"), &[]),
            os(&["train", "vae", "--data", "digits", "--preset", "small", "--out", "runs/vae-digits"])
        );
        assert_eq!(
            arguments("dcgan", Path::new("r"), &os(&["--data=mnist", "--steps", "20"])),
            os(&["train", "dcgan", "--preset", "small", "--out", "r", "--data=mnist", "--steps", "20"])
        );
    }

    #[test]
    fn flags_of_one_run_are_refused_before_anything_is_built() {
        for args in [os(&["--out", "x"]), os(&["--steps", "2", "--resume"]), os(&["--config=c.toml"])] {
            assert!(matches!(refuse(&args), Err(Failure::Usage(_))), "{args:?}");
        }
        assert_eq!(refuse(&os(&["--steps", "20", "--outer", "x"])), Ok(()));
    }

    #[test]
    fn run_folder_is_named_after_the_data() {
        assert_eq!(data_name(&[]), "digits");
        assert_eq!(data_name(&os(&["--data", "fashion-mnist"])), "fashion-mnist");
        assert_eq!(data_name(&os(&["--data", "/pictures/cats/"])), "cats");
    }

    #[test]
    fn an_earlier_run_is_never_reused() {
        let parent = std::env::temp_dir().join(format!("xtask-free-folder-{}", std::process::id()));
        let name = "vae-digits";
        assert_eq!(free_folder(&parent, name), Ok(parent.join(name)));
        std::fs::create_dir_all(parent.join(name)).unwrap();
        std::fs::create_dir_all(parent.join("vae-digits-2")).unwrap();
        assert_eq!(free_folder(&parent, name), Ok(parent.join("vae-digits-3")));
        std::fs::remove_dir_all(&parent).unwrap();
    }

    #[test]
    fn report_line_is_found() {
        assert_eq!(report_path("measured\nreport: runs/a b/report.html\n"), Some("runs/a b/report.html".into()));
        assert_eq!(report_path("nothing\n"), None);
    }

    #[test]
    fn times_are_readable() {
        assert_eq!(minutes(Duration::from_millis(59_900)), "59 s");
        assert_eq!(minutes(Duration::from_secs(163)), "2 min 43 s");
    }
}
