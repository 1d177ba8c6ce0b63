//! Every system that the program knows.

use ganvas_engine::suggest;
use ganvas_engine::system::Definition;

use crate::error::CliError;

/// All of them, in the order of their crates.
pub fn all() -> impl Iterator<Item = &'static Definition> {
    ganvas_gan::SYSTEMS.iter().chain(ganvas_vae::SYSTEMS)
}

/// The one with this id.
pub fn find(id: &str) -> Result<&'static Definition, CliError> {
    all().find(|system| system.info.id == id).ok_or_else(|| {
        let known: Vec<&str> = all().map(|system| system.info.id).collect();
        CliError::usage(format!("there is no system `{id}`"), suggest::help(id, &known))
    })
}
