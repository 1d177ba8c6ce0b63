//! Nothing is lost, whatever ends a run; and what goes on is what would have been.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{ganvas, succeed, systems};
use ganvas_prob::stream::{Streams, uniforms};

/// Name and bytes of the newest checkpoint, and some samples.
fn end(folder: &Path, run: &str) -> (String, Vec<u8>, Vec<u8>) {
    let mut files: Vec<_> =
        fs::read_dir(folder.join(run).join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let newest = files.pop().unwrap();
    let out = format!("{run}.npy");
    succeed(folder, &["sample", run, "--n", "64", "--out", &out]);
    let name = newest.file_name().unwrap().to_string_lossy().into_owned();
    (name, fs::read(newest).unwrap(), fs::read(folder.join(out)).unwrap())
}

/// A training that has begun, and is not waited for.
fn begin(folder: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ganvas"))
        .args(arguments)
        .current_dir(folder)
        .env("GANVAS_DATA", folder.join("data"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn wait_for(what: &str, mut found: impl FnMut() -> bool) {
    let started = Instant::now();
    while !found() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what} does not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// For every system: 2N steps are N steps, and N more in another process, to the last byte of the checkpoint.
#[test]
fn two_halves_are_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for system in systems(f) {
        let train = |run: &str, steps: &str, more: &[&str]| {
            let set = ["--set", "sample_every=0", "--set", "checkpoint_every=5", "--set", "eval_every=5"];
            succeed(f, &[&["train", &system, "--out", run, "--steps", steps], &set[..], more].concat());
        };
        let (whole, halves) = (format!("{system}-whole"), format!("{system}-halves"));
        train(&whole, "20", &[]);
        train(&halves, "20", &["--minutes", "0.00001"]);
        let (name, ..) = end(f, &halves);
        assert_eq!(name, "step-000000001.ganvas", "stopped after its first step, for its time was over");
        succeed(f, &["train", &system, "--out", &halves, "--resume"]);
        assert!(end(f, &whole) == end(f, &halves), "{system}");
    }
}

/// For every system: a byte that is changed and a file that is cut are noticed.
#[test]
fn damage_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for system in systems(f) {
        succeed(f, &["train", &system, "--out", &system, "--steps", "1", "--eval-every", "0"]);
        let (_, bytes, _) = end(f, &system);
        let mut names = Vec::new();
        for (i, u) in uniforms(&mut Streams::new(1).rng("damage", 0), 40).into_iter().enumerate() {
            let place = (f64::from(u) * bytes.len() as f64) as usize;
            let mut changed = bytes.clone();
            changed[place] ^= 1 << (i % 8);
            let damaged = if i % 4 == 3 { bytes[..place].to_vec() } else { changed };
            names.push(format!("{system}-{i}.ganvas"));
            fs::write(f.join(&names[i]), damaged).unwrap();
        }
        fs::write(f.join("good.ganvas"), &bytes).unwrap();
        let files: Vec<&str> = names.iter().map(String::as_str).chain(["good.ganvas"]).collect();
        let output = ganvas(f, &[&["checkpoint", "verify"], &files[..]].concat());
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(said.lines().filter(|line| line.starts_with("damaged")).count(), 40, "{said}");
        assert!(said.lines().last().unwrap().starts_with("whole"), "{said}");
        assert!(succeed(f, &["checkpoint", "inspect", "good.ganvas"]).contains("f32"));
    }
}

/// `kill -9` at any moment, writes included. `cargo xtask torture` does this fifty times.
#[cfg(unix)]
#[test]
fn a_killed_run_goes_on_to_where_an_unbroken_one_ends() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let times: usize = std::env::var("GANVAS_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(5);
    let settings = |run: &'static str| -> Vec<&str> {
        let all = ["train", "gan", "--out", run, "--steps", "400", "--batch", "16"];
        [&all[..], &["--set", "checkpoint_every=3", "--set", "sample_every=50", "--set", "eval_every=50"]].concat()
    };
    succeed(f, &settings("whole"));
    let waits = uniforms(&mut Streams::new(1).rng("kills", 0), times);
    let (mut kills, mut resumed) = (0, 0);
    for wait in waits {
        let has_checkpoint = || f.join("broken/checkpoints").read_dir().is_ok_and(|mut files| files.next().is_some());
        let mut child = if has_checkpoint() {
            resumed += 1;
            begin(f, &["train", "gan", "--out", "broken", "--resume"])
        } else {
            let _ = fs::remove_dir_all(f.join("broken"));
            begin(f, &settings("broken"))
        };
        std::thread::sleep(Duration::from_millis((10.0 + 300.0 * f64::from(wait)) as u64));
        kills += usize::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
    }
    if f.join("broken/checkpoints").exists() {
        succeed(f, &["train", "gan", "--out", "broken", "--resume"]);
    } else {
        let _ = fs::remove_dir_all(f.join("broken"));
        succeed(f, &settings("broken"));
    }
    println!("{kills} kills, {resumed} times resumed");
    assert!(end(f, "whole") == end(f, "broken"));
}

#[test]
fn a_second_process_on_one_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let mut first = begin(f, &["train", "gan", "--data", "ring8", "--out", "run", "--steps", "1000000"]);
    wait_for("a first event", || fs::read_to_string(f.join("run/events.jsonl")).is_ok_and(|text| !text.is_empty()));
    let output = ganvas(f, &["train", "gan", "--data", "ring8", "--out", "run", "--resume"]);
    first.kill().unwrap();
    first.wait().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("another process trains in run"), "{said}");
}

#[test]
fn a_run_folder_that_is_removed_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let arguments = ["train", "gan", "--data", "ring8", "--out", "run", "--steps", "1000000"];
    let mut child = begin(f, &[&arguments[..], &["--set", "checkpoint_every=20"]].concat());
    wait_for("a checkpoint", || f.join("run/checkpoints").read_dir().is_ok_and(|mut files| files.next().is_some()));
    // Files that come meanwhile are tried again.
    wait_for("the removal", || fs::remove_dir_all(f.join("run")).is_ok() && !f.join("run/config.toml").exists());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

/// A limit on the size of files is a disk that is full: what does not fit is tried again, training goes on, and the end is
/// a failure that says so.
#[cfg(unix)]
#[test]
fn a_full_disk_does_not_end_training() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let program = env!("CARGO_BIN_EXE_ganvas");
    let train = format!("{program} train gan --out run --steps 12 --set checkpoint_every=6 --eval-every 0");
    let output = Command::new("sh")
        .args(["-c", &format!("trap '' XFSZ; ulimit -f 60; exec {train}")])
        .current_dir(f)
        .env("GANVAS_DATA", f.join("data"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("training goes on") && said.contains("step 12/12"), "{said}");
    let left: Vec<_> = fs::read_dir(f.join("run/checkpoints")).unwrap().collect();
    assert!(left.is_empty(), "nothing half-written stays: {left:?}");
}

/// One step in which the loss explodes is left out; when all do, training stops all the same.
#[test]
fn steps_that_are_not_finite_are_skipped_where_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let explode = ["--set", "discriminator_optimizer.lr=1e30", "--set", "generator_optimizer.lr=1e30"];
    let train = |run: &str, more: &[&str]| {
        ganvas(f, &[&["train", "gan", "--out", run, "--steps", "100"], &explode[..], more].concat())
    };
    let output = train("stopped", &[]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let events = fs::read_to_string(f.join("stopped/events.jsonl")).unwrap();
    assert!(events.lines().last().unwrap().contains("\"failure\""), "{events}");
    let output = train("skipped", &["--set", "on_non_finite=skip"]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let events = fs::read_to_string(f.join("skipped/events.jsonl")).unwrap();
    assert_eq!(events.lines().filter(|line| line.contains("\"skip\"")).count(), 19, "the twentieth ends it");
}
