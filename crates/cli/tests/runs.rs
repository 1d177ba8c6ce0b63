//! Runs from beginning to end, as a person makes them.

mod common;

use std::fs;
use std::path::Path;

use common::{ganvas, succeed};
use serde_json::Value;

/// 128 bytes of npy header, then f32: the array of a run's samples.
fn samples(folder: &Path, run: &str) -> Vec<u8> {
    let out = format!("{run}.npy");
    succeed(folder, &["sample", run, "--n", "8", "--seed", "5", "--out", &out]);
    fs::read(folder.join(out)).unwrap()
}

/// The same of its best checkpoint.
fn best_samples(folder: &Path, run: &str) -> Vec<u8> {
    let out = format!("{run}-best.npy");
    succeed(folder, &["sample", run, "--n", "8", "--checkpoint", "best", "--out", &out]);
    fs::read(folder.join(out)).unwrap()
}

#[test]
fn every_system_trains_samples_measures_and_reports() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for (system, data) in
        [("gan", "digits"), ("dcgan", "digits"), ("vae", "digits"), ("gan", "grid25"), ("vae", "ring8")]
    {
        let run = format!("{system}-{data}");
        let arguments = ["train", system, "--data", data, "--out", &run, "--steps", "4", "--set", "sample_every=2"];
        succeed(f, &arguments);
        let json = succeed(f, &["eval", &run, "--n", "64", "--json"]);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["system"], &json["step"], &json["seed"]), (&system.into(), &4.into(), &0.into()), "{json}");
        for figure in json["metrics"].as_array().unwrap() {
            let keys: Vec<&String> = figure.as_object().unwrap().keys().collect();
            assert_eq!(keys.len(), 9, "{keys:?}");
            assert!(figure["value"].is_f64(), "{figure}");
        }
        let printed = succeed(f, &["report", &run]);
        assert_eq!(printed.trim(), format!("report: {run}/report.html"));
        let html = fs::read_to_string(f.join(&run).join("report.html")).unwrap();
        assert!(html.contains("<svg") && html.contains("data:image/png;base64,"), "{run}");
        let pictures = fs::read_dir(f.join(&run).join("samples")).unwrap().count();
        assert_eq!(pictures, 3, "at steps 0, 2 and 4");
        let array = samples(f, &run);
        let values = if data == "digits" { if system == "dcgan" { 256 } else { 64 } } else { 2 };
        assert_eq!(array.len() - 128, 8 * values * 4, "{run}");
    }
}

#[test]
fn figures_of_a_likelihood_have_a_baseline_and_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "vae", "--out", "run", "--steps", "300"]);
    let json: Value = serde_json::from_str(&succeed(f, &["eval", "run", "--n", "100", "--json"])).unwrap();
    let figures = json["metrics"].as_array().unwrap();
    let find = |name: &str| figures.iter().find(|figure| figure["name"] == name).unwrap();
    let (elbo, nll) = (find("neg_elbo"), find("nll"));
    assert_eq!(elbo["n_real"], 359);
    assert!(elbo["value"].as_f64() < elbo["baseline"].as_f64(), "better than independent pixels: {elbo}");
    assert!(nll["value"].as_f64() < elbo["value"].as_f64(), "the importance-weighted bound is tighter");
    assert!(elbo["stderr"].as_f64().unwrap() > 0.0);
    assert_eq!(nll["extractor"], "bound of k = 64, pixels above half grey");
}

/// Byte for byte, whatever the number of threads that prepare batches.
#[test]
fn a_seed_fixes_everything() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for system in ["dcgan", "vae", "gan"] {
        let train = |run: &str, more: &[&str]| {
            succeed(f, &[&["train", system, "--out", run, "--steps", "12", "--batch", "16"], more].concat());
            (samples(f, run), fs::read(f.join(run).join("samples/step-000000012.png")).unwrap())
        };
        let first = train(&format!("{system}-a"), &[]);
        assert_eq!(first, train(&format!("{system}-b"), &["--set", "threads=3"]), "{system}");
        assert_ne!(first, train(&format!("{system}-c"), &["--seed", "1"]), "{system}");
    }
}

#[test]
fn a_run_that_is_continued_ends_where_an_unbroken_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for system in ["dcgan", "vae", "gan"] {
        let run = |name: &str, steps: &str| {
            succeed(f, &["train", system, "--out", name, "--steps", steps, "--set", "checkpoint_every=5"]);
        };
        let (whole, broken) = (format!("{system}-whole"), format!("{system}-broken"));
        run(&whole, "20");
        run(&broken, "20");
        // As if the program had been killed after step 15: the last checkpoint and the last events are gone.
        fs::remove_file(f.join(&broken).join("checkpoints/step-000000020.ganvas")).unwrap();
        let output = ganvas(f, &["train", system, "--out", &broken, "--resume"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains("going on from step 15"), "{said}");
        assert_eq!(samples(f, &whole), samples(f, &broken), "{system}");
    }
}

/// On what is held out the last step is not always the best: the best one is kept, and found again after a break.
#[test]
fn the_step_with_the_best_held_out_figure_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let train = |run: &str, steps: &str| {
        let every = ["--eval-every", "10", "--set", "checkpoint_every=30", "--set", "eval_n=200"];
        succeed(f, &[&["train", "gan", "--data", "ring8", "--out", run, "--steps", steps], &every[..]].concat());
    };
    let events = |run: &str| -> Vec<Value> {
        let text = fs::read_to_string(f.join(run).join("events.jsonl")).unwrap();
        let all = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        all.filter(|event| event["event"] == "eval").collect()
    };
    let best_file = |run: &str| -> Vec<(String, Vec<u8>)> {
        let files = fs::read_dir(f.join(run).join("best")).unwrap().map(|entry| entry.unwrap().path());
        files.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), best_samples(f, run))).collect()
    };
    train("run", "60");
    let found = events("run");
    let figure = |event: &Value| event["figures"]["mmd2"].as_f64().unwrap();
    assert_eq!(found.iter().map(|e| e["step"].as_u64().unwrap()).collect::<Vec<_>>(), [10, 20, 30, 40, 50, 60]);
    let best = found.iter().min_by(|a, b| figure(a).total_cmp(&figure(b))).unwrap();
    assert_eq!(found.iter().rfind(|e| e["best"] == true), Some(best));
    let kept = best_file("run");
    assert_eq!(kept.len(), 1, "one file");
    assert_eq!(kept[0].0, format!("step-{:09}.ganvas", best["step"].as_u64().unwrap()));
    // What was best before a break is not forgotten: the run that goes on ends with the same file.
    train("broken", "60");
    fs::remove_file(f.join("broken/checkpoints/step-000000060.ganvas")).unwrap();
    succeed(f, &["train", "gan", "--data", "ring8", "--out", "broken", "--resume"]);
    assert_eq!(best_file("broken"), kept);
    let of = |event: &Value| (event["step"].clone(), event["figures"].clone(), event["by"].clone());
    assert_eq!(events("broken").iter().map(of).collect::<Vec<_>>(), found.iter().map(of).collect::<Vec<_>>());
    succeed(f, &["report", "run"]);
    let html = fs::read_to_string(f.join("run/report.html")).unwrap();
    assert!(html.contains("mmd2 on held-out data") && html.contains("best of 6"), "{html}");
    // None is kept where none was looked for.
    succeed(f, &["train", "gan", "--data", "ring8", "--out", "none", "--steps", "3", "--eval-every", "0"]);
    assert!(events("none").is_empty());
    let output = ganvas(f, &["sample", "none", "--checkpoint", "best", "--out", "x.png"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("--eval-every"), "{said}");
}

#[test]
fn a_damaged_checkpoint_is_reported_and_the_one_before_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "vae", "--out", "run", "--steps", "20", "--set", "checkpoint_every=10"]);
    let newest = f.join("run/checkpoints/step-000000020.ganvas");
    let mut bytes = fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&newest, bytes).unwrap();
    let output = ganvas(f, &["sample", "run", "--out", "x.png"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("step-000000020.ganvas") && said.contains("checksum"), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("of step 10"));
}

#[test]
fn a_run_is_not_continued_to_before_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "gan", "--data", "ring8", "--out", "run", "--steps", "9"]);
    let output = ganvas(f, &["train", "gan", "--out", "run", "--resume", "--steps", "5"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("at least 9"), "{said}");
}

#[test]
fn other_data_do_not_continue_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "gan", "--data", "ring8", "--out", "run", "--steps", "2"]);
    let output = ganvas(f, &["train", "gan", "--data", "grid25", "--out", "run", "--resume"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("ring8") && said.contains("grid25"), "{said}");
}

#[test]
fn a_run_can_be_made_again_from_its_settings() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "dcgan", "--out", "a", "--steps", "3", "--seed", "4", "--set", "width=8", "--batch", "8"]);
    succeed(f, &["train", "dcgan", "--out", "b", "--config", "a/config.toml"]);
    assert_eq!(fs::read(f.join("a/config.toml")).unwrap(), fs::read(f.join("b/config.toml")).unwrap());
    assert_eq!(samples(f, "a"), samples(f, "b"));
}

#[test]
fn a_folder_of_images_is_a_data_set() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for class in ["dots", "lines"] {
        fs::create_dir_all(f.join("pictures").join(class)).unwrap();
        for i in 0..12u8 {
            let picture = image::RgbImage::from_fn(18, 18, |x, y| {
                let on = if class == "dots" { (x / 4 + y / 4) % 2 == 0 } else { x / 4 % 2 == 0 };
                image::Rgb(if on { [200, i * 10, 0] } else { [0, 0, 60] })
            });
            picture.save(f.join("pictures").join(class).join(format!("{i}.png"))).unwrap();
        }
    }
    succeed(f, &["train", "dcgan", "--data", "pictures", "--out", "run", "--steps", "2", "--batch", "4"]);
    let config = fs::read_to_string(f.join("run/config.toml")).unwrap();
    assert!(
        config.contains("channels = 3") && config.contains("\"dots\"") && config.contains("resolution = 16"),
        "{config}"
    );
    succeed(f, &["eval", "run", "--n", "20"]);
}

/// Ctrl-C ends training after the step it is in, with everything saved, and `--resume` goes on.
#[cfg(unix)]
#[test]
fn an_interrupt_saves_and_the_run_goes_on_later() {
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ganvas"))
        .args(["train", "gan", "--data", "ring8", "--out", "run", "--steps", "1000000", "--batch", "16"])
        .current_dir(f)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let ticks = || fs::read_to_string(f.join("run/events.jsonl")).is_ok_and(|events| events.contains("\"tick\""));
    while !ticks() {
        assert!(started.elapsed() < Duration::from_secs(60), "training does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert!(child.wait().unwrap().success(), "a stop by request is no failure");
    let events = fs::read_to_string(f.join("run/events.jsonl")).unwrap();
    let last: Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "stop");
    let step = last["step"].as_u64().unwrap();
    let more = (step + 5).to_string();
    let said = succeed(f, &["train", "gan", "--data", "ring8", "--out", "run", "--resume", "--steps", &more]);
    assert!(said.contains(&format!("trained after step {more}")), "{said}");
}
