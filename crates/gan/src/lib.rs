//! Generative adversarial networks: objectives, and a folder for each system.
//!
//! ```
//! let known: Vec<&str> = ganvas_gan::SYSTEMS.iter().map(|system| system.info.id).collect();
//! assert_eq!(known[..5], ["gan", "cgan", "dcgan", "aae", "infogan"]);
//! assert!(["lsgan", "wgan", "wgan-gp", "sngan", "cegan"].iter().all(|id| known.contains(id)));
//! ```

pub mod networks;
pub mod objectives;
pub mod regularizers;
pub mod systems;

use ganvas_engine::system::Definition;

/// Every system of this crate: a line each.
pub const SYSTEMS: &[Definition] = &[
    Definition::of::<systems::gan::Gan>(),
    Definition::of::<systems::cgan::Cgan>(),
    Definition::of::<systems::dcgan::Dcgan>(),
    Definition::of::<systems::aae::Aae>(),
    Definition::of::<systems::infogan::InfoGan>(),
    Definition::of::<systems::lsgan::Lsgan>(),
    Definition::of::<systems::wgan::Wgan>(),
    Definition::of::<systems::wgan::WganGp>(),
    Definition::of::<systems::sngan::Sngan>(),
    Definition::of::<systems::cegan::Cegan>(),
    Definition::of::<systems::variants::Acgan>(),
    Definition::of::<systems::variants::HingeGan>(),
    Definition::of::<systems::variants::Rsgan>(),
    Definition::of::<systems::variants::Dragan>(),
    Definition::of::<systems::rgan::Rgan>(),
    Definition::of::<systems::rgan::Rcgan>(),
    Definition::of::<systems::srgan::Srgan>(),
    Definition::of::<systems::cyclegan::CycleGan>(),
];
