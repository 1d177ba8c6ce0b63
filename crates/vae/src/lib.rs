//! Variational autoencoders: objectives, and a folder for each system.
//!
//! ```
//! let known: Vec<&str> = ganvas_vae::SYSTEMS.iter().map(|system| system.info.id).collect();
//! assert_eq!(known[..5], ["ae", "vae", "cvae", "beta-vae", "iwae"]);
//! ```

pub mod networks;
pub mod objectives;
pub mod observation;
pub mod samplers;
pub mod systems;

use ganvas_engine::system::Definition;

/// Every system of this crate: a line each.
pub const SYSTEMS: &[Definition] = &[
    Definition::of::<systems::ae::Ae>(),
    Definition::of::<systems::vae::Vae>(),
    Definition::of::<systems::cvae::Cvae>(),
    Definition::of::<systems::beta_vae::BetaVae>(),
    Definition::of::<systems::iwae::Iwae>(),
    Definition::of::<systems::wae::Wae>(),
    Definition::of::<systems::variants::InfoVae>(),
    Definition::of::<systems::variants::BetaTcvae>(),
    Definition::of::<systems::variants::Miwae>(),
    Definition::of::<systems::variants::Ciwae>(),
    Definition::of::<systems::variants::Piwae>(),
    Definition::of::<systems::variants::Dreg>(),
    Definition::of::<systems::variants::VaeIaf>(),
    Definition::of::<systems::variants::VaeLinnf>(),
    Definition::of::<systems::variants::Vamp>(),
    Definition::of::<systems::variants::Rae>(),
    Definition::of::<systems::vqvae::VqVae>(),
    Definition::of::<systems::svae::Svae>(),
    Definition::of::<systems::hvae::Hvae>(),
    Definition::of::<systems::factor_vae::FactorVae>(),
    Definition::of::<systems::vaegan::Vaegan>(),
];

/// The example of the README, compiled and run with the documentation's other examples.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
