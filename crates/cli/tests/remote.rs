//! Training on the devices of workers, which are processes of this machine here.
#![cfg(feature = "remote")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::succeed;
use serde_json::Value;

const TOKEN: &str = "only for this test";

/// A worker that ends with the test.
struct Worker {
    process: Child,
    /// The word for its device.
    word: String,
    /// What it prints: a worker that nobody listens to would end.
    _told: BufReader<ChildStdout>,
}

impl Worker {
    fn start(arguments: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_ganvas"))
            .arg("worker")
            .args(arguments)
            .env("GANVAS_TOKEN", TOKEN)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(process.stdout.take().unwrap());
        let mut first = String::new();
        told.read_line(&mut first).unwrap();
        let word = first.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(word.starts_with("remote:"), "{first}");
        Self { process, word, _told: told }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn train(folder: &Path, token: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ganvas"));
    command.arg("train").args(arguments).current_dir(folder).env("GANVAS_TOKEN", token).env_remove("RUST_BACKTRACE");
    command
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The losses of every step.
fn losses(run: &Path) -> Vec<f64> {
    let events = fs::read_to_string(run.join("events.jsonl")).unwrap();
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ticks = events.filter(|event| event["event"] == "tick");
    ticks.flat_map(|tick| ["discriminator", "generator"].map(|name| tick["figures"][name].as_f64().unwrap())).collect()
}

const SHORT: [&str; 8] = ["--steps", "12", "--batch", "32", "--set", "log_every=1", "--set", "samples=4"];

#[test]
fn two_workers_train_as_one_device_does() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let mut arguments = vec!["train", "gan", "--data", "ring8", "--out", "one"];
    arguments.extend(SHORT);
    succeed(f, &arguments);
    let one = losses(&f.join("one"));
    assert_eq!(one.len(), 24);
    for (kind, options) in [("iroh", &[][..]), ("websocket", &["--websocket"])] {
        let workers = [Worker::start(options), Worker::start(options)];
        let words = workers.iter().map(|worker| worker.word.as_str()).collect::<Vec<_>>();
        let all = [words[0].to_owned(), words.join(","), format!("flex,{}", words[1])];
        for (i, devices) in all.iter().enumerate() {
            let out = format!("{kind}-{i}");
            let output = train(f, TOKEN, &["gan", "--data", "ring8", "--out", &out, "--devices", devices])
                .args(SHORT)
                .output()
                .unwrap();
            assert!(output.status.success(), "{devices}: {}", told(&output));
            let found = losses(&f.join(&out));
            assert_eq!(found.len(), one.len());
            for (i, (a, b)) in one.iter().zip(&found).enumerate() {
                assert!((a - b).abs() <= 1e-3 * a.abs(), "{devices}, loss {i}: {a} against {b}");
            }
        }
    }
}

#[test]
fn who_has_not_the_token_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for options in [&[][..], &["--websocket"]] {
        let worker = Worker::start(options);
        for token in ["", "another"] {
            let output =
                train(folder.path(), token, &["gan", "--data", "ring8", "--device", &worker.word]).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{}", told(&output));
            assert!(told(&output).contains("GANVAS_TOKEN"), "{}", told(&output));
            assert!(!folder.path().join("runs").exists(), "nothing is begun");
        }
    }
}

#[test]
fn words_that_name_no_worker_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for word in ["remote:", "remote:x", "remote:x@127.0.0.1:1", "remote:ws://127.0.0.1:1/x"] {
        let output = train(folder.path(), TOKEN, &["gan", "--device", word]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{word}: {}", told(&output));
        assert!(told(&output).contains("help:"), "{word}: {}", told(&output));
    }
}

/// A worker dies while it trains: the run ends with an error that says so, and goes on without it from its last checkpoint.
#[test]
fn a_run_outlives_its_workers() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for (kind, options) in [("iroh", &[][..]), ("websocket", &["--websocket"])] {
        for lost in [0, 1] {
            let mut workers = [Worker::start(options), Worker::start(options)];
            let devices = format!("{},{}", workers[0].word, workers[1].word);
            let out = format!("{kind}-{lost}");
            let arguments = ["gan", "--data", "ring8", "--out", &out, "--devices", &devices, "--steps", "100000"];
            let settings =
                ["--batch", "32", "--set", "checkpoint_every=5", "--set", "sample_every=0", "--eval-every", "0"];
            let mut training = train(f, TOKEN, &arguments)
                .args(settings)
                .stderr(Stdio::piped())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let run = f.join(&out);
            let began = Instant::now();
            while fs::read_dir(run.join("checkpoints")).map_or(0, Iterator::count) == 0 {
                assert!(began.elapsed() < Duration::from_secs(120), "no checkpoint");
                std::thread::sleep(Duration::from_millis(50));
            }
            workers[lost].process.kill().unwrap();
            let mut said = String::new();
            training.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            let status = training.wait().unwrap();
            assert_eq!(status.code(), Some(3), "{devices}: {said}");
            assert!(said.contains("failed in step") && said.contains("is saved"), "{said}");
            assert!(!said.contains("panicked"), "{said}");
            let steps = step_kept(&run) + 20;
            let output = train(f, TOKEN, &["gan", "--out", &out, "--resume", "--device", "flex"])
                .args(["--steps", &steps.to_string()])
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", told(&output));
        }
    }
}

/// The step of the newest checkpoint.
fn step_kept(run: &Path) -> u64 {
    let names = fs::read_dir(run.join("checkpoints")).unwrap().map(|entry| entry.unwrap().file_name());
    let steps = names
        .filter_map(|name| name.to_str()?.chars().filter(char::is_ascii_digit).collect::<String>().parse::<u64>().ok());
    steps.max().unwrap()
}
