//! Nothing is lost, whatever ends a run; and what goes on is what would have been.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{drawn, ganvas, succeed, systems};
use ganvas_prob::stream::{Streams, uniforms};
use serde_json::Value;

/// Name and bytes of the newest checkpoint, and some samples.
fn end(folder: &Path, system: &str, run: &str) -> (String, Vec<u8>, Vec<u8>) {
    let mut files: Vec<_> =
        fs::read_dir(folder.join(run).join("checkpoints")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let newest = files.pop().unwrap();
    let (_, array) = drawn(folder, system, run, &format!("{run}.npy"), &[]);
    let name = newest.file_name().unwrap().to_string_lossy().into_owned();
    (name, fs::read(newest).unwrap(), array)
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
        let (name, ..) = end(f, &system, &halves);
        assert_eq!(name, "step-000000001.ganvas", "stopped after its first step, for its time was over");
        succeed(f, &["train", &system, "--out", &halves, "--resume"]);
        assert!(end(f, &system, &whole) == end(f, &system, &halves), "{system}");
    }
}

/// For every system: a byte that is changed and a file that is cut are noticed.
#[test]
fn damage_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for system in systems(f) {
        succeed(f, &["train", &system, "--out", &system, "--steps", "1", "--eval-every", "0"]);
        let (_, bytes, _) = end(f, &system, &system);
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
    // More steps than are done between so many kills.
    let steps = (600 * times).to_string();
    let settings = |run: &'static str| -> Vec<&str> {
        let all = ["train", "gan", "--out", run, "--steps", &steps, "--batch", "16"];
        [&all[..], &["--set", "checkpoint_every=3", "--set", "sample_every=50", "--set", "eval_every=50"]].concat()
    };
    succeed(f, &settings("whole"));
    let waits = uniforms(&mut Streams::new(1).rng("kills", 0), times);
    let (mut kills, mut resumed) = (0, 0);
    // What was being written when the process ended is hidden, and no checkpoint.
    let has_checkpoint = || {
        let mut files = f.join("broken/checkpoints").read_dir().into_iter().flatten().flatten();
        files.any(|file| file.file_name().to_string_lossy().starts_with("step-"))
    };
    for wait in waits {
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
    if has_checkpoint() {
        succeed(f, &["train", "gan", "--out", "broken", "--resume"]);
    } else {
        let _ = fs::remove_dir_all(f.join("broken"));
        succeed(f, &settings("broken"));
    }
    let unfinished = |folder: &str| {
        let names = fs::read_dir(f.join("broken").join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with('.')).count()
    };
    assert_eq!(unfinished("checkpoints") + unfinished("best") + unfinished("samples"), 0, "nothing half-written stays");
    println!("{kills} kills, {resumed} times resumed");
    assert_eq!(kills, times, "the run ended before its time");
    assert!(end(f, "gan", "whole") == end(f, "gan", "broken"));
}

/// The largest resident memory of each tenth of the steps, by the kernel's own record (VmHWM), which is set back (by a 5 to
/// `clear_refs`) as each begins.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "takes a minute; cargo xtask torture runs it"]
fn the_memory_of_a_long_run_is_flat() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let arguments = ["train", "gan", "--out", "run", "--steps", "10000", "--batch", "32", "--eval-every", "500"];
    let mut child =
        begin(f, &[&arguments[..], &["--set", "checkpoint_every=100", "--set", "sample_every=100"]].concat());
    let process = Path::new("/proc").join(child.id().to_string());
    let peak = || {
        let status = fs::read_to_string(process.join("status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    let mut tenths = Vec::new();
    while child.try_wait().unwrap().is_none() {
        let events = fs::read_to_string(f.join("run/events.jsonl")).unwrap_or_default();
        let step = events.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok()?["step"].as_u64());
        if step.unwrap_or(0) / 1000 > tenths.len() as u64
            && let Some(kib) = peak()
        {
            tenths.push(kib);
            fs::write(process.join("clear_refs"), "5").unwrap();
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("largest resident memory in each tenth of 10,000 steps, KiB: {tenths:?}");
    assert!(child.wait().unwrap().success());
    // The last of them may be over before it is looked at.
    let (second, last) = (tenths[1] as f64, *tenths.last().unwrap() as f64);
    assert!(tenths.len() >= 9 && last <= 1.02 * second, "{tenths:?}");
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

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    // Not even root makes folders there.
    #[cfg(target_os = "linux")]
    {
        let output = ganvas(f, &["train", "gan", "--steps", "1", "--out", "/proc/run"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("cannot create /proc/run"), "{said}");
    }
    // A file where a folder should be cannot be written into, whoever tries; the run goes on, its end says so.
    succeed(f, &["train", "gan", "--steps", "2", "--out", "run"]);
    fs::remove_dir_all(f.join("run/samples")).unwrap();
    fs::write(f.join("run/samples"), "no folder").unwrap();
    let output = ganvas(f, &["train", "gan", "--out", "run", "--resume", "--steps", "4"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("warning: no picture of the samples"), "{said}");
    let newest = |step: u64| f.join(format!("run/checkpoints/step-{step:09}.ganvas"));
    assert!(newest(4).exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let set = |mode| fs::set_permissions(f.join("run"), fs::Permissions::from_mode(mode)).unwrap();
        set(0o555);
        let writable = fs::write(f.join("run/probe"), "").is_ok();
        let output = ganvas(f, &["train", "gan", "--out", "run", "--resume", "--steps", "6"]);
        set(0o755);
        // Root may write all the same.
        if !writable {
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{said}");
            assert!(said.contains("cannot write run/"), "{said}");
            assert!(newest(4).exists() && !newest(6).exists());
        }
    }
}

/// What a run is continued with has to be what it was made with, or be allowed by name.
#[test]
fn what_changes_is_named_and_has_to_be_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "gan", "--out", "run", "--steps", "2", "--batch", "16"]);
    let resume = |more: &[&str]| {
        let output = ganvas(f, &[&["train", "gan", "--out", "run", "--resume"], more].concat());
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = resume(&["--steps", "3", "--batch", "32"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("made with batch 16, now it is 32") && said.contains("--allow-change batch"), "{said}");
    let (code, said) = resume(&["--steps", "3", "--data", "ring8"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("made with data digits"), "{said}");
    let (code, said) = resume(&["--steps", "3", "--set", "discriminator_optimizer.lr=0.5"]);
    assert!(code == Some(2) && said.contains("--allow-change discriminator_optimizer.lr"), "{said}");
    let (code, said) = resume(&["--steps", "3", "--batch", "16"]);
    assert_eq!(code, Some(0), "what is as it was needs no permission: {said}");
    let (code, said) = resume(&["--steps", "4", "--batch", "32", "--allow-change", "batch"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(fs::read_to_string(f.join("run/config.toml")).unwrap().contains("batch = 32"));
    assert!(fs::read_to_string(f.join("run/events.jsonl")).unwrap().contains("batch was 16, from here on it is 32"));
    let config = fs::read_to_string(f.join("run/config.toml")).unwrap();
    fs::write(f.join("run/config.toml"), config.replace("version = \"", "version = \"0.0.")).unwrap();
    let (code, said) = resume(&["--steps", "5"]);
    assert!(code == Some(2) && said.contains("made with version 0.0."), "{said}");
    let (code, said) = resume(&["--steps", "5", "--allow-change", "version"]);
    assert_eq!(code, Some(0), "{said}");
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
    succeed(f, &["train", "gan", "--out", "whole", "--steps", "2"]);
    let output = train("stopped", &[]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let events = fs::read_to_string(f.join("stopped/events.jsonl")).unwrap();
    assert!(events.lines().last().unwrap().contains("\"failure\""), "{events}");
    // The step can be done again from what was kept, with the same end.
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let dump = fs::read_dir(f.join("stopped/failure")).unwrap().next().unwrap().unwrap().path();
    let again = ganvas(f, &["checkpoint", "replay", dump.to_str().unwrap()]);
    let retold = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(told.contains(" of `gan` is "), "{told}");
    let end = |text: &str| {
        text.lines().find(|line| line.contains("in phase")).unwrap().split("; ").next().unwrap().to_owned()
    };
    assert_eq!((again.status.code(), end(&retold)), (Some(3), end(&told)));
    let newest = fs::read_dir(f.join("whole/checkpoints")).unwrap().next().unwrap().unwrap().path();
    assert!(succeed(f, &["checkpoint", "replay", newest.to_str().unwrap()]).contains("step 3 of gan is finite"));
    let output = train("skipped", &["--set", "on_non_finite=skip"]);
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    let events = fs::read_to_string(f.join("skipped/events.jsonl")).unwrap();
    assert_eq!(events.lines().filter(|line| line.contains("\"skip\"")).count(), 19, "the twentieth ends it");
}
