//! Variational autoencoders: objectives, and a folder for each system.
//!
//! ```
//! let known: Vec<&str> = ganvas_vae::SYSTEMS.iter().map(|system| system.info.id).collect();
//! assert_eq!(known, ["vae"]);
//! ```

pub mod objectives;
pub mod systems;

use ganvas_engine::system::Definition;

/// Every system of this crate: a line each.
pub const SYSTEMS: &[Definition] = &[Definition::of::<systems::vae::Vae>()];

/// The example of the README, compiled and run with the documentation's other examples.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
