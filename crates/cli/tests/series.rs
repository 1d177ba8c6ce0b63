//! Series from a file of a person's own to generated ones that are data again.

mod common;

use std::fs;
use std::path::Path;

use common::{refused, succeed};

/// Forty series of twelve steps of two channels in units of their own, of two classes.
fn readings(folder: &Path) {
    let row = |i: usize| {
        let (series, step) = (i / 12, i % 12);
        let speed = if series % 2 == 0 { 0.5 } else { 1.2 };
        let turn = (step as f64 * speed + series as f64).sin();
        format!("s{series},{step},{},{},{}\n", ["day", "night"][series % 2], 20.0 + 5.0 * turn, 1000.0 - 30.0 * turn)
    };
    let rows: String = (0..480).map(row).collect();
    fs::write(folder.join("readings.csv"), format!("id,time,label,flow,pressure\n{rows}")).unwrap();
}

const SHORT: [&str; 6] = ["--steps", "6", "--batch", "8", "--set", "eval_every=3"];

#[test]
fn what_is_sampled_is_data_again_in_its_own_units() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    readings(f);
    succeed(f, &[&["train", "rcgan", "--data", "readings.csv", "--out", "run"], &SHORT[..]].concat());
    assert!(f.join("run/samples/step-000000006.png").exists());
    let more = ["sample", "run", "--classes", "night,day", "--n", "5", "--out", "more.csv"];
    succeed(f, &more);
    let text = fs::read_to_string(f.join("more.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("id,time,label,flow,pressure"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 10 * 12);
    assert_eq!((rows[0][2], rows[60][2], rows[13][..2].join("/")), ("night", "day", "1/1".to_owned()));
    for row in &rows {
        let [flow, pressure] = [3, 4].map(|i| row[i].parse::<f64>().unwrap());
        assert!((15.0..=25.0).contains(&flow) && (970.0..=1030.0).contains(&pressure), "{row:?}");
    }
    succeed(f, &[&["train", "rgan", "--data", "more.csv", "--out", "again"], &SHORT[..]].concat());
    succeed(f, &["sample", "again", "--n", "3", "--out", "x.npy"]);
    succeed(f, &["sample", "again", "--n", "3", "--out", "x.png"]);
    succeed(f, &["sample", "again", "--n", "3", "--out", "x.svg"]);
    let svg = fs::read_to_string(f.join("x.svg")).unwrap();
    assert!(svg.contains("flow") && svg.contains("pressure") && svg.contains("generated: 3"), "{svg}");
    let said = succeed(f, &["eval", "run", "--n", "20", "--metrics", "mmd2,marginal,autocorrelation,tstr,trts,copies"]);
    for name in ["mmd2", "marginal", "autocorrelation", "tstr", "trts", "copies"] {
        assert!(said.contains(name), "no {name}: {said}");
    }
    refused(f, &["eval", "again", "--metrics", "tstr"], 2, &["there is no metric `tstr`"]);
    succeed(f, &["report", "run"]);
}

/// What is no network of series takes them as so many numbers.
#[test]
fn other_systems_train_on_series_too() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    readings(f);
    for system in ["gan", "vae", "wgan-gp"] {
        succeed(f, &[&["train", system, "--data", "readings.csv", "--out", system], &SHORT[..]].concat());
        succeed(f, &["sample", system, "--n", "2", "--out", &format!("{system}.csv")]);
    }
    succeed(f, &["reconstruct", "vae", "--out", "pairs.png"]);
    for system in ["dcgan", "vqvae"] {
        refused(f, &["train", system, "--data", "readings.csv", "--out", "no"], 2, &["data"]);
        assert!(!f.join("no").exists());
    }
    refused(f, &["train", "rgan", "--data", "digits"], 2, &["series"]);
}

#[test]
fn a_recording_wants_a_window() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let rows: String = (0..200).map(|i| format!("{i},{}\n", (i as f64 * 0.3).cos())).collect();
    fs::write(f.join("recording.csv"), format!("time,x\n{rows}")).unwrap();
    let train = ["train", "rgan", "--data", "recording.csv", "--out", "run"];
    refused(f, &train, 1, &["one series of 200 steps", "--set window=N"]);
    refused(f, &[&train[..], &["--set", "window=300"]].concat(), 1, &["200 steps", "300"]);
    succeed(f, &[&train[..], &["--set", "window=10"], &SHORT[..]].concat());
    // The window is the run's: what was trained on is found again.
    succeed(f, &["eval", "run", "--n", "10"]);
    succeed(f, &["train", "rgan", "--out", "run", "--resume", "--steps", "8"]);
    refused(f, &["train", "gan", "--data", "digits", "--set", "window=3"], 2, &["window applies to series"]);
    fs::write(f.join("ragged.csv"), "id,time,x\na,0,1\na,1\n").unwrap();
    refused(f, &["train", "rgan", "--data", "ragged.csv"], 1, &["ragged.csv", "line: 3"]);
}
