//! Benchmarks, run by `cargo xtask bench`: `steps` (training and sampling of every system), `measures` (metrics).
//!
//! Figures of one machine are ratios waiting for a peer: compare two versions in the same sitting, or not at all.
