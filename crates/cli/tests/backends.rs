//! The same seed gives the same training on every backend of the build.

mod common;
#[cfg(feature = "wgpu")]
#[path = "../../metrics/tests/common/inception.rs"]
mod inception;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::tensor::Device;
use common::{ganvas, succeed};
use ganvas_engine::session::{Options, Session};
use ganvas_engine::system::{Build, DataSpec, Likelihood, System, observed};
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::Streams;
use ganvas_vae::systems::vae::{Vae, exact};
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

/// The linear Gaussian model, whose likelihood is known: what a VAE has learned bounds it within 0.02 nats on every backend.
#[test]
fn the_bound_of_a_known_likelihood_is_tight_on_every_backend() {
    let gap = |device: &Device| {
        let (streams, dataset, tracking) = (Streams::new(5), exact::data(5).unwrap(), device.clone().autodiff());
        let build = Build { streams, device: &tracking };
        let mut vae = Vae::build(&exact::config(), &DataSpec::of(&dataset), &build).unwrap();
        let mut session =
            Session::new(&mut vae, &dataset, &tracking, Options::new(streams, 256, 2000), 0, 0.0).unwrap();
        for _ in 0..2000 {
            session.step(false).unwrap();
        }
        drop(session);
        let noise = Noise::new(streams, "elbo", 0, device);
        let items = observed(&vae, &dataset.test, exact::ITEMS, dataset.shape, "test", device);
        let elbo = (0..50).map(|_| vae.elbo(&items, &noise).elbo().mean().into_scalar::<f64>()).sum::<f64>() / 50.0;
        exact::likelihoods(&dataset).unwrap().mean - elbo
    };
    let found = gap(&Device::flex());
    println!("exact case: flex {found:.4} nats");
    assert!(found.abs() < 0.02, "flex: {found}");
    #[cfg(feature = "wgpu")]
    {
        let folder = tempfile::tempdir().unwrap();
        if !succeed(folder.path(), &["devices"]).lines().any(|line| line.starts_with("wgpu")) {
            println!("exact case: no wgpu here");
            assert!(std::env::var_os("GANVAS_REQUIRE_GPU").is_none(), "a GPU was promised");
            return;
        }
        let found = gap(&Device::wgpu(burn::tensor::DeviceKind::DefaultDevice));
        println!("exact case: wgpu {found:.4} nats");
        assert!(found.abs() < 0.02, "wgpu: {found}");
    }
}

/// The Inception network has the layers and features of PyTorch on a GPU too.
#[cfg(feature = "wgpu")]
#[test]
fn inception_on_wgpu_agrees_with_pytorch() {
    use burn::tensor::DeviceKind;

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
