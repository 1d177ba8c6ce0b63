//! Generative adversarial networks: objectives, and a folder for each system.
//!
//! ```
//! let known: Vec<&str> = ganvas_gan::SYSTEMS.iter().map(|system| system.info.id).collect();
//! assert_eq!(known, ["gan", "dcgan", "lsgan", "wgan", "wgan-gp", "aae"]);
//! ```

pub mod networks;
pub mod objectives;
pub mod regularizers;
pub mod systems;

use ganvas_engine::system::Definition;

/// Every system of this crate: a line each.
pub const SYSTEMS: &[Definition] = &[
    Definition::of::<systems::gan::Gan>(),
    Definition::of::<systems::dcgan::Dcgan>(),
    Definition::of::<systems::lsgan::Lsgan>(),
    Definition::of::<systems::wgan::Wgan>(),
    Definition::of::<systems::wgan::WganGp>(),
    Definition::of::<systems::aae::Aae>(),
];
