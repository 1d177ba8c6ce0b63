//! The same seed gives the same training on every backend of the build.

mod common;
#[cfg(feature = "wgpu")]
#[path = "../../metrics/tests/common/inception.rs"]
mod inception;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{ganvas, succeed};
use serde_json::Value;

const STEPS: usize = 20;

/// Losses of every step, by name; nothing where the machine has no such device.
fn losses(folder: &Path, system: &str, device: &str) -> Option<Vec<BTreeMap<String, f64>>> {
    if !succeed(folder, &["devices"]).lines().any(|line| line.starts_with(device)) {
        return None;
    }
    let run = format!("{system}-{device}");
    let steps = STEPS.to_string();
    let mut arguments = vec!["train", system, "--out", &run, "--device", device, "--steps", &steps, "--batch", "16"];
    arguments.extend(["--set", "log_every=1", "--set", "sample_every=0", "--set", "samples=4"]);
    if system == "dcgan" {
        arguments.extend(["--set", "width=8"]);
    }
    let output = ganvas(folder, &arguments);
    assert!(output.status.success(), "{device}: {}", String::from_utf8_lossy(&output.stderr));
    let events = fs::read_to_string(folder.join(&run).join("events.jsonl")).unwrap();
    let ticks =
        events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|e| e["event"] == "tick");
    let losses: Vec<BTreeMap<String, f64>> = ticks
        .map(|tick| {
            let figures = tick["figures"].as_object().unwrap();
            figures
                .iter()
                .filter(|(name, _)| !name.contains('/'))
                .map(|(n, v)| (n.clone(), v.as_f64().unwrap()))
                .collect()
        })
        .collect();
    assert_eq!(losses.len(), STEPS);
    Some(losses)
}

/// The losses of the first 20 steps agree with those of `flex` within 1e-3 relative.
#[test]
fn losses_agree_between_backends() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for system in ["gan", "dcgan", "vae"] {
        let expected = losses(f, system, "flex").expect("flex is everywhere");
        for device in ["ndarray", "wgpu"] {
            let Some(found) = losses(f, system, device) else {
                println!("{system}: no {device} here, not compared");
                assert!(!built(device) || device == "wgpu", "{device} is in this build");
                assert!(std::env::var_os("GANVAS_REQUIRE_GPU").is_none() || !built(device), "a GPU was promised");
                continue;
            };
            let mut largest = 0.0f64;
            for (step, (a, b)) in expected.iter().zip(&found).enumerate() {
                for (name, a) in a {
                    let difference = (a - b[name]).abs() / a.abs();
                    largest = largest.max(difference);
                    assert!(difference <= 1e-3, "{system} on {device}, step {step}, {name}: {a} against {}", b[name]);
                }
            }
            println!(
                "{system}: {device} agrees with flex over {STEPS} steps, largest relative difference {largest:.1e}"
            );
        }
    }
}

/// The Inception network has the layers and features of PyTorch on a GPU too.
#[cfg(feature = "wgpu")]
#[test]
fn inception_on_wgpu_agrees_with_pytorch() {
    use burn::tensor::{Device, DeviceKind};

    let folder = tempfile::tempdir().unwrap();
    if !succeed(folder.path(), &["devices"]).lines().any(|line| line.starts_with("wgpu")) {
        println!("inception: no wgpu here, not compared");
        assert!(std::env::var_os("GANVAS_REQUIRE_GPU").is_none(), "a GPU was promised");
        return;
    }
    let largest = inception::features_agree(&Device::wgpu(DeviceKind::DefaultDevice), 5);
    println!("inception: wgpu agrees with PyTorch, largest difference of a feature {largest:.1e}");
}

fn built(device: &str) -> bool {
    matches!((device, cfg!(feature = "ndarray"), cfg!(feature = "wgpu")), ("ndarray", true, _) | ("wgpu", _, true))
}
