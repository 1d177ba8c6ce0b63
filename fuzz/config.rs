//! What the fuzz target of settings runs on bytes, and `crates/gan/tests/fuzzed.rs` too.

use std::sync::LazyLock;

use burn::tensor::Device;
use ganvas_data::{Dataset, OpenOptions, open};
use ganvas_engine::config::{Overrides, RunConfig};
use ganvas_engine::system::{Build, Definition, Preset};
use ganvas_prob::stream::Streams;
use toml::{Table, Value};

/// Settings, as a run's own and as the file that `--config` names, down to the networks where these are small.
pub fn config(bytes: &[u8], systems: &[Definition]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match RunConfig::from_toml(text) {
        Ok(config) => accepted(&config, systems),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let Ok(file) = text.parse::<Table>() else { return };
    static DATASET: LazyLock<Dataset> = LazyLock::new(|| open("ring8", &OpenOptions::default()).unwrap());
    for system in systems {
        let overrides = Overrides { file: Some(file.clone()), ..Overrides::default() };
        match RunConfig::make(system, Preset::Small, &DATASET, "flex", &overrides) {
            Ok(config) => {
                assert_eq!((config.system.as_str(), config.data.id.as_str()), (system.info.id, "ring8"));
                accepted(&config, systems);
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

fn accepted(config: &RunConfig, systems: &[Definition]) {
    let written = config.to_toml();
    let again = RunConfig::from_toml(&written).unwrap();
    // Not the settings themselves: a NaN is no other's equal.
    assert_eq!(again.to_toml(), written);
    let same = Overrides { file: Some(written.parse().unwrap()), ..Overrides::default() };
    let (again, changes) = config.with(&same).unwrap();
    assert_eq!((again.to_toml(), changes), (written, Vec::new()), "settings over themselves change nothing");
    let Some(system) = systems.iter().find(|system| system.info.id == config.system) else { return };
    // What is large is refused or made, and to make it takes its time.
    if config.data.shape.len() > 256 || !small(&Value::Table(config.model.clone())) {
        return;
    }
    let device = Device::flex().autodiff();
    let build = Build { streams: Streams::new(config.seed), device: &device };
    match (system.build)(&config.model, &config.data.spec(), &build) {
        Ok(mut model) => assert!(model.parts().iter().any(|(_, part)| part.parameters() > 0)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Whether all numbers are, and lists are short.
fn small(value: &Value) -> bool {
    match value {
        Value::Integer(n) => n.unsigned_abs() <= 128,
        Value::Array(list) => list.len() <= 8 && list.iter().all(small),
        Value::Table(table) => table.values().all(small),
        _ => true,
    }
}
