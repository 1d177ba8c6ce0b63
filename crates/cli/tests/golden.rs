//! The first losses of every system with a fixed seed are written down: a change of the code that moves them shows.
//!
//! Where a change is meant to move them, `GANVAS_GOLDEN=write cargo test -p ganvas --test golden` writes them anew, and the
//! message of the commit says why they moved.

mod common;

use std::fs;
use std::path::Path;

use common::{succeed, systems};
use serde_json::Value;

const STEPS: usize = 50;
/// Other processors round sums of products in other ways; after 50 steps that has grown to this, relative.
const TOLERANCE: f64 = 1e-3;

#[test]
fn the_first_losses_are_what_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for system in systems(f) {
        let steps = STEPS.to_string();
        let set = ["--set", "log_every=1", "--set", "sample_every=0", "--eval-every", "0", "--batch", "16"];
        succeed(f, &[&["train", &system, "--out", &system, "--steps", &steps], &set[..]].concat());
        let events = fs::read_to_string(f.join(&system).join("events.jsonl")).unwrap();
        let events = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let found: Vec<String> = events.filter(|event| event["event"] == "tick").map(|event| losses(&event)).collect();
        assert_eq!(found.len(), STEPS);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{system}.txt"));
        if std::env::var_os("GANVAS_GOLDEN").is_some_and(|word| word == "write") {
            fs::write(&path, found.join("\n") + "\n").unwrap();
            continue;
        }
        let golden = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(golden.lines().count(), STEPS, "{system}");
        for (step, (golden, found)) in golden.lines().zip(&found).enumerate() {
            for (golden, found) in golden.split(' ').zip(found.split(' ')) {
                let ((name, a), (other, b)) = (value(golden), value(found));
                assert_eq!(name, other, "{system}, step {}", step + 1);
                let near = (a - b).abs() <= TOLERANCE * a.abs().max(1e-3);
                assert!(near, "{system}, step {}, {name}: {a} was written down, now it is {b}", step + 1);
            }
        }
    }
}

/// `discriminator=1.386 generator=0.693`
fn losses(tick: &Value) -> String {
    let figures = tick["figures"].as_object().unwrap().iter().filter(|(name, _)| !name.contains('/'));
    figures.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn value(text: &str) -> (&str, f64) {
    let (name, value) = text.split_once('=').unwrap();
    (name, value.parse().unwrap())
}
