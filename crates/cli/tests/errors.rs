//! Wrong input gets one or two clear lines and an exit code, leaves nothing behind and never panics.

mod common;

use std::fs;
use std::path::Path;

use common::{ganvas, succeed};

/// The call must fail with this code, say all of these, in few lines, and leave no run folder.
#[track_caller]
fn refused(folder: &Path, arguments: &[&str], code: i32, words: &[&str]) {
    let text = common::refused(folder, arguments, code, words);
    let said: Vec<&str> =
        text.lines().filter(|line| line.starts_with("error:") || line.starts_with("  help:")).collect();
    assert!((1..=2).contains(&said.len()), "one or two lines: {text}");
    assert!(!folder.join("run").exists(), "ganvas {arguments:?} left a run folder");
}

fn train<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "vae", "--out", "run"], more].concat()
}

#[test]
fn unknown_words_name_the_nearest_and_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    refused(f, &["train", "dcgn", "--out", "run"], 2, &["dcgn", "did you mean `dcgan`", "vae"]);
    refused(f, &train(&["--data", "digts"]), 2, &["digts", "digits", "mnist"]);
    refused(f, &train(&["--device", "flexx"]), 2, &["flexx", "flex"]);
    refused(f, &train(&["--device", "flex:1"]), 2, &["flex:1"]);
    refused(f, &train(&["--set", "latnt=3"]), 2, &["latnt", "did you mean `latent`", "optimizer.lr"]);
    refused(f, &train(&["--set", "latent"]), 2, &["key=value"]);
    refused(f, &["systems", "show", "vea"], 2, &["did you mean `vae`"]);
    refused(f, &["data", "info", "minst"], 2, &["mnist"]);
}

#[test]
fn settings_outside_of_their_domain_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    refused(f, &train(&["--steps", "0"]), 2, &["steps", "0"]);
    refused(f, &train(&["--batch", "0"]), 2, &["batch", "0"]);
    refused(f, &train(&["--batch", "5000"]), 2, &["batch", "1438", "5000"]);
    refused(f, &train(&["--set", "optimizer.lr=-0.1"]), 2, &["optimizer.lr", "positive", "-0.1"]);
    refused(f, &train(&["--set", "latent=0"]), 2, &["latent"]);
    refused(f, &train(&["--set", "beta=-1"]), 2, &["beta", "zero or more", "-1"]);
    refused(f, &train(&["--set", "latent=many"]), 2, &["many"]);
    refused(f, &train(&["--set", "log_every=0"]), 2, &["log_every"]);
    refused(f, &train(&["--set", "device=banana"]), 2, &["device"]);
    refused(f, &train(&["--set", "layers.maxout=4611686018427387904"]), 2, &["networks.layers.maxout"]);
    refused(f, &train(&["--set", "layers.hidden=[65536,65536]"]), 2, &["hidden", "2^28"]);
    refused(f, &["train", "dcgan", "--out", "run", "--set", "init.sd=nan"], 2, &["init.sd", "positive"]);
    refused(f, &["train", "dcgan", "--out", "run", "--set", "resolution=1024", "--set", "width=512"], 2, &["width"]);
    refused(f, &train(&["--set", "steps=-5"]), 2, &["-5"]);
    refused(f, &train(&["--set", "resolution=-5"]), 2, &["resolution", "-5"]);
    refused(f, &["train", "dcgan", "--out", "run", "--set", "resolution=9"], 2, &["resolution", "9x9"]);
    refused(f, &["train", "dcgan", "--out", "run", "--data", "ring8"], 2, &["data", "images"]);
    refused(f, &train(&["--data", "ring8", "--set", "decoder.kind=bernoulli"]), 2, &["decoder"]);
}

#[test]
fn data_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    refused(f, &train(&["--data", "mnist"]), 1, &["mnist", "ganvas data get mnist"]);
    fs::create_dir(f.join("empty")).unwrap();
    refused(f, &train(&["--data", "empty"]), 1, &["empty"]);
    fs::write(f.join("x-images-idx3-ubyte"), b"rubbish that is no header").unwrap();
    refused(f, &train(&["--data", "x-images-idx3-ubyte"]), 1, &["x-images-idx3-ubyte"]);
    let header: &[u8] = &[0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 4, 0, 0, 0, 4];
    fs::write(f.join("x-images-idx3-ubyte"), [header, &[0; 20]].concat()).unwrap();
    refused(f, &train(&["--data", "x-images-idx3-ubyte"]), 1, &["x-images-idx3-ubyte"]);
    fs::create_dir(f.join("mixed")).unwrap();
    for (name, side) in [("a.png", 8), ("b.png", 9), ("c.png", 8)] {
        image::GrayImage::new(side, side).save(f.join("mixed").join(name)).unwrap();
    }
    fs::write(f.join("mixed/b.png"), b"no picture").unwrap();
    refused(f, &train(&["--data", "mixed"]), 1, &["b.png"]);
}

#[test]
fn a_run_folder_that_is_there_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "vae", "--out", "first", "--steps", "2"]);
    let before = fs::read_to_string(f.join("first/events.jsonl")).unwrap();
    let output = ganvas(f, &["train", "vae", "--out", "first"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("--resume") && text.contains("--out"), "{text}");
    assert_eq!(before, fs::read_to_string(f.join("first/events.jsonl")).unwrap());
}

#[test]
fn what_is_no_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for command in ["sample", "eval", "report"] {
        refused(f, &[command, "nowhere"], 2, &["nowhere", "not a run"]);
    }
    refused(f, &train(&["--resume"]), 2, &["not a run"]);
    refused(f, &["sample", "nowhere", "--n", "0"], 2, &["--n"]);
    refused(f, &["sample", "nowhere", "--out", "x.jpg"], 2, &["x.jpg", ".npy"]);
    refused(f, &["accept", "gna"], 2, &["did you mean `gan`"]);
}

#[cfg(unix)]
#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    fs::write(f.join("file"), b"").unwrap();
    let output = ganvas(f, &["train", "vae", "--steps", "1", "--out", "file/run"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("cannot create file/run"), "{text}");
}

/// Losses of 1e30 squared are no finite f32: the update is refused, the run says where, and code 3.
#[test]
fn training_that_explodes_stops_with_a_diagnosis() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let output =
        ganvas(f, &["train", "vae", "--data", "ring8", "--out", "x", "--set", "optimizer.lr=1e30", "--steps", "50"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{text}");
    for word in ["networks", "phase `elbo`", "not applied", "no checkpoint"] {
        assert!(text.contains(word), "{text}");
    }
}

/// A run from elsewhere may name any file, and say anything of its figures.
#[test]
fn a_report_shows_nothing_from_outside_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "gan", "--data", "ring8", "--steps", "2", "--out", "x"]);
    let events = fs::read_to_string(f.join("x/events.jsonl")).unwrap();
    fs::write(f.join("secret"), "secret").unwrap();
    for file in ["../secret".to_owned(), f.join("secret").display().to_string(), "../secret/../x/../secret".into()] {
        let line = serde_json::json!({ "event": "samples", "step": 3, "file": file });
        fs::write(f.join("x/events.jsonl"), format!("{events}{line}\n")).unwrap();
        refused(f, &["report", "x"], 1, &["secret"]);
    }
    let tick = |value: f64| {
        let figures = serde_json::json!({ "loss": value, "a/b": -value, "<injected>": value });
        serde_json::json!({ "event": "eval", "step": 1, "seconds": value, "by": "a", "figures": figures, "best": true })
    };
    fs::write(f.join("x/events.jsonl"), format!("{events}{}\n{}\n{}\n", tick(1e308), tick(-1e308), tick(5e-324)))
        .unwrap();
    succeed(f, &["report", "x"]);
    assert!(!fs::read_to_string(f.join("x/report.html")).unwrap().contains("<injected>"));
}

/// As in `ganvas systems show vae | head -1`.
#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_panic() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_ganvas"))
        .args(["systems", "show", "vae"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{output:?}");
}
