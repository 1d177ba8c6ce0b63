//! Variational autoencoders: objectives, and a folder for each system.
//!
//! ```
//! let known: Vec<&str> = ganvas_vae::SYSTEMS.iter().map(|system| system.info.id).collect();
//! assert_eq!(known, ["ae", "vae", "cvae", "beta-vae", "iwae"]);
//! ```

pub mod networks;
pub mod objectives;
pub mod observation;
pub mod systems;

use ganvas_engine::system::Definition;

/// Every system of this crate: a line each.
pub const SYSTEMS: &[Definition] = &[
    Definition::of::<systems::ae::Ae>(),
    Definition::of::<systems::vae::Vae>(),
    Definition::of::<systems::cvae::Cvae>(),
    Definition::of::<systems::beta_vae::BetaVae>(),
    Definition::of::<systems::iwae::Iwae>(),
];

/// The example of the README, compiled and run with the documentation's other examples.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
