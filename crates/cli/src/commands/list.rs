//! `ganvas systems` and `ganvas devices`.

use ganvas_engine::system::{DataSpec, Preset};

use super::{default_data, open};
use crate::args::SystemsCommand;
use crate::device;
use crate::error::CliError;
use crate::systems;

/// Lists the systems or shows one.
pub fn systems(command: Option<SystemsCommand>) -> Result<(), CliError> {
    let Some(SystemsCommand::Show { id, data }) = command else {
        for system in systems::all() {
            println!("{:<10} {}", system.info.id, system.info.summary);
        }
        println!("\n`ganvas systems show ID` shows a system's settings.");
        return Ok(());
    };
    let system = systems::find(&id)?;
    let info = system.info;
    let dataset = open(data.as_deref().unwrap_or(default_data(info.task)), 0, 0)?;
    println!(
        "{} ({})\n{}\n\n{}\n\ntask: {}\nphases of a step: {}",
        info.title,
        info.id,
        info.summary,
        info.paper,
        info.task.name(),
        info.phases.join(", ")
    );
    for preset in Preset::ALL {
        let recommended = (system.preset)(preset, &DataSpec::of(&dataset))?;
        println!(
            "\n# --preset {} on {}\nsteps = {}\nbatch = {}",
            preset.name(),
            dataset.id,
            recommended.steps,
            recommended.batch
        );
        if let Some(resolution) = recommended.resolution {
            println!("resolution = {resolution}");
        }
        print!("{}", toml::to_string(&recommended.config).map_err(|e| CliError::failure(e.to_string()))?);
    }
    Ok(())
}

/// Lists the devices.
pub fn devices() -> Result<(), CliError> {
    for listed in device::list() {
        println!("{:<10} {}; {}", listed.word, listed.what, listed.precisions.join(", "));
    }
    let built = device::built();
    let missing: Vec<&str> =
        ["ndarray", "wgpu", "cuda", "remote"].into_iter().filter(|name| !built.contains(name)).collect();
    if !missing.is_empty() {
        println!("\nnot in this build: {} (build with `--features {}`)", missing.join(", "), missing.join(","));
    }
    Ok(())
}
