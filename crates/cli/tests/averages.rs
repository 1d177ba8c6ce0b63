//! Averaged weights, from the setting to the samples.

mod common;

use std::fs;
use std::path::Path;

use common::{ganvas, made, succeed, systems};

fn train(folder: &Path, system: &str, run: &str, more: &[&str]) {
    let set = ["--set", "sample_every=0", "--set", "checkpoint_every=5", "--set", "eval_every=5"];
    succeed(folder, &[&["train", system, "--out", run, "--steps", "20"], &set[..], more].concat());
}

/// The average follows the training and does not change it: without the average, samples are those of a run that has none.
#[test]
fn samples_are_of_the_average_unless_the_raw_weights_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for system in systems(f) {
        let (plain, averaged) = (format!("{system}-plain"), format!("{system}-averaged"));
        train(f, &system, &plain, &["--set", "ema=0"]);
        train(f, &system, &averaged, &["--set", "ema=0.99"]);
        let (said, of_average) = made(f, &averaged, &[]);
        assert!(said.contains("of step 20 by the averaged weights"), "{said}");
        let (said, raw) = made(f, &averaged, &["--raw"]);
        assert!(said.contains("of step 20 by the trained weights"), "{said}");
        assert_ne!(of_average, raw, "{system}");
        assert_eq!(raw, made(f, &plain, &[]).1, "{system}");
        let figures = |more: &[&str]| {
            let json = succeed(f, &[&["eval", &averaged, "--n", "64", "--json"], more].concat());
            let json: serde_json::Value = serde_json::from_str(&json).unwrap();
            (json["weights"].as_str().unwrap().to_owned(), json["metrics"][0]["value"].as_f64().unwrap())
        };
        let (raw, of_average) = (figures(&["--raw"]), figures(&[]));
        assert_eq!((of_average.0.as_str(), raw.0.as_str()), ("averaged", "trained"));
        assert_ne!(of_average.1, raw.1, "{system}");
        succeed(f, &["report", &averaged]);
        let html = fs::read_to_string(f.join(&averaged).join("report.html")).unwrap();
        assert!(html.contains("of the averaged weights"), "{html}");
        let compared = succeed(f, &["compare", &averaged, &plain, "--n", "64"]);
        assert!(compared.contains(&format!("averaged weights of {averaged}\n")), "{compared}");
    }
}

#[test]
fn a_run_with_an_average_goes_on_as_if_it_had_not_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for system in systems(f) {
        let newest = |run: &str| fs::read(f.join(run).join("checkpoints/step-000000020.ganvas")).unwrap();
        let (whole, broken) = (format!("{system}-whole"), format!("{system}-broken"));
        train(f, &system, &whole, &["--set", "ema=0.9"]);
        train(f, &system, &broken, &["--set", "ema=0.9"]);
        let unbroken = newest(&whole);
        fs::remove_file(f.join(&broken).join("checkpoints/step-000000020.ganvas")).unwrap();
        succeed(f, &["train", &system, "--out", &broken, "--resume"]);
        assert!(unbroken == newest(&broken), "{system}: the checkpoints differ");
        let file = format!("{whole}/checkpoints/step-000000020.ganvas");
        let listed = succeed(f, &["checkpoint", "inspect", &file]);
        assert!(listed.contains("/average."), "{system}: {listed}");
    }
}

#[test]
fn settings_from_before_there_were_averages_still_load() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for system in systems(f) {
        succeed(f, &["train", &system, "--out", &system, "--steps", "2", "--set", "ema=0"]);
        let path = f.join(&system).join("config.toml");
        let config = fs::read_to_string(&path).unwrap();
        let before: String =
            config.lines().filter(|line| !line.starts_with("ema = ")).map(|l| format!("{l}\n")).collect();
        assert_ne!(config, before, "{config}");
        let expected = made(f, &system, &[]);
        fs::write(&path, before).unwrap();
        assert_eq!(made(f, &system, &[]), expected);
    }
}

#[test]
fn a_decay_of_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for system in systems(folder.path()) {
        let output = ganvas(folder.path(), &["train", &system, "--set", "ema=1"]);
        let said = String::from_utf8_lossy(&output.stderr);
        // Of a system within a system it has the other's name in front.
        assert!(output.status.code() == Some(2) && said.contains("ema` must be in [0, 1), got 1"), "{said}");
    }
}
