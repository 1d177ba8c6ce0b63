//! What goes wrong is named, and where nothing does nothing is: on runs that are made to fail and on healthy ones.
//!
//! Short runs of one seed (or three) by default; `GANVAS_HEALTH_SEEDS=10` makes whole ones, with the seeds 0 to 9, and prints a table
//! (`cargo xtask health`).

mod common;

use std::fs;
use std::path::Path;

use common::{ganvas, succeed};
use serde_json::Value;

/// A run, and what has to be noticed.
struct Case {
    name: &'static str,
    train: &'static [&'static str],
    /// What makes the run a short one.
    short: &'static [&'static str],
    noticed: Option<&'static str>,
    /// In what share of the seeds at least: whether a run oscillates is chance.
    least: f64,
}

const FAST: [&str; 4] = ["--set", "discriminator_optimizer.lr=2e-3", "--set", "generator_optimizer.lr=2e-5"];

const ILL: [Case; 6] = [
    Case {
        name: "gan, the discriminator's rate times 10, the generator's divided by 10",
        train: &["gan", "--steps", "800", FAST[0], FAST[1], FAST[2], FAST[3]],
        short: &[],
        noticed: Some("discriminator_dominates"),
        least: 1.0,
    },
    Case {
        name: "the same with the minimax objective",
        train: &["gan", "--steps", "800", "--set", "objective=minimax", FAST[0], FAST[1], FAST[2], FAST[3]],
        short: &[],
        noticed: Some("vanishing_generator_gradient"),
        least: 1.0,
    },
    Case {
        name: "gan on ring8",
        train: &["gan", "--data", "ring8"],
        // Sooner by larger rates.
        short: &[
            "--steps",
            "3000",
            "--batch",
            "64",
            "--set",
            "discriminator_optimizer.lr=1e-3",
            "--set",
            "generator_optimizer.lr=1e-3",
        ],
        noticed: Some("mode_collapse"),
        least: 1.0,
    },
    Case {
        name: "vae, beta 100",
        train: &["vae", "--steps", "800", "--set", "objective.beta=100"],
        short: &[],
        noticed: Some("posterior_collapse"),
        least: 1.0,
    },
    Case {
        name: "vae, a decoder whose noise drowns what z says (sd 30)",
        train: &["vae", "--steps", "800", "--set", r#"decoder={kind="gaussian",sd=30.0}"#],
        short: &[],
        noticed: Some("posterior_collapse"),
        least: 1.0,
    },
    Case {
        name: "gan on ring8, batch 64, rates of 5e-3 and 1e-2, beta1 0.98",
        train: &[
            "gan",
            "--data",
            "ring8",
            "--batch",
            "64",
            "--steps",
            "1500",
            "--set",
            "discriminator_optimizer.lr=5e-3",
            "--set",
            "generator_optimizer.lr=1e-2",
            "--set",
            "discriminator_optimizer.beta1=0.98",
            "--set",
            "generator_optimizer.beta1=0.98",
        ],
        short: &[],
        noticed: Some("oscillation"),
        least: 0.3,
    },
];

const WELL: [Case; 3] = [
    Case { name: "gan, small", train: &["gan"], short: &["--steps", "1500"], noticed: None, least: 1.0 },
    Case {
        name: "dcgan, small",
        train: &["dcgan"],
        short: &["--steps", "1200", "--set", "width=8"],
        noticed: None,
        least: 1.0,
    },
    Case { name: "vae, small", train: &["vae"], short: &["--steps", "1500"], noticed: None, least: 1.0 },
];

/// Events of what begins or ends to go wrong.
fn told(folder: &Path, run: &str) -> Vec<Value> {
    let text = fs::read_to_string(folder.join(run).join("events.jsonl")).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["event"] == "health" || event["event"] == "recovered").collect()
}

#[test]
fn what_goes_wrong_is_named() {
    judge(&ILL);
}

#[test]
fn nothing_is_noticed_in_healthy_runs() {
    judge(&WELL);
}

/// A divergence that counts a hundred times silences all latents; half a nat that each may say for free gives them their voice back.
#[test]
fn posterior_collapse_is_cured_by_free_bits() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let mut found = Vec::new();
    for (name, objective) in [
        ("silent", r#"objective={kind="elbo",beta=100.0}"#),
        ("cured", r#"objective={kind="free-bits",nats=0.5,beta=100.0}"#),
    ] {
        succeed(f, &["train", "vae", "--out", name, "--steps", "800", "--set", objective]);
        let noticed = told(f, name).iter().any(|event| event["kind"] == "posterior_collapse");
        let json = succeed(f, &["eval", name, "--nll", "--n", "100", "--k", "1", "--json"]);
        let json: Value = serde_json::from_str(&json).unwrap();
        let figure = |name: &str| {
            let all = json["metrics"].as_array().unwrap();
            all.iter().find(|figure| figure["name"] == name).unwrap()["value"].as_f64().unwrap()
        };
        found.push((noticed, figure("kl"), figure("reconstruction"), figure("active_units")));
    }
    let [(silent, nothing, worst, none), (cured, something, better, some)] = found[..] else { panic!() };
    assert!(silent && !cured, "{found:?}");
    assert!(nothing < 0.5 && none == 0.0, "{found:?}");
    assert!(something > 4.0 && better < worst - 2.0 && some > 8.0, "{found:?}");
}

fn judge(cases: &[Case]) {
    let seeds: Option<u64> = std::env::var("GANVAS_HEALTH_SEEDS").ok().map(|seeds| seeds.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let mut wrong = Vec::new();
    for Case { name, train, short, noticed, least } in cases {
        let few = if *least < 1.0 { 100..103 } else { 100..101 };
        let (seeds, short) = seeds.map_or((few, *short), |n| (0..n, &[]));
        let (mut right, n, mut found) = (0, seeds.end - seeds.start, Vec::new());
        for seed in seeds {
            let seed = seed.to_string();
            let quiet = ["--out", "run", "--seed", &seed, "--set", "sample_every=0", "--set", "checkpoint_every=0"];
            succeed(f, &[&["train"], *train, short, &quiet].concat());
            let told = told(f, "run");
            fs::remove_dir_all(f.join("run")).unwrap();
            let begun = told.iter().filter(|event| event["event"] == "health");
            let shown: Vec<String> = begun.map(|event| format!("{} {}", event["kind"], event["step"])).collect();
            println!("| {name} | {seed} | {} |", shown.join(", ").replace('"', "`"));
            right += u64::from(match noticed {
                Some(kind) => told.iter().any(|event| event["kind"] == *kind),
                None => told.is_empty(),
            });
            found.extend(told);
        }
        if (right as f64) < least * n as f64 {
            wrong.push(format!("{name}: right in {right} of {n}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn it_is_told_once_in_all_places_and_not_again_by_a_run_that_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let train =
        [&["train", "gan", "--out", "run", "--steps", "900", "--set", "checkpoint_every=600"], &FAST[..]].concat();
    let output = ganvas(f, &train);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("! discriminator dominates at step").count(), 1, "{said}");
    assert!(said.contains("try a lower learning rate of the discriminator"), "{said}");
    assert!(said.contains("step 900/900  ! discriminator dominates  "), "{said}");
    let whole = told(f, "run");
    assert_eq!(whole.len(), 1, "{whole:?}");
    succeed(f, &["report", "run"]);
    let html = fs::read_to_string(f.join("run/report.html")).unwrap();
    assert!(html.contains(">Health</h2>") && html.contains("<b>discriminator dominates</b>, from step"), "{html}");

    fs::remove_file(f.join("run/checkpoints/step-000000900.ganvas")).unwrap();
    let output = ganvas(f, &["train", "gan", "--out", "run", "--resume"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("going on from step 600") && !said.contains("dominates at step"), "{said}");
    assert!(said.contains("step 900/900  ! discriminator dominates  "), "{said}");
    assert_eq!(told(f, "run"), whole);
}
