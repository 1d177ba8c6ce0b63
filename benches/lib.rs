//! Benchmarks, run by `cargo xtask bench`: `steps` (training and sampling of every system), `measures` (metrics), and
//! `sampling` of `ganvas-prob`, which builds without the rest; `peer/` has the same of other libraries.
//!
//! Figures of one machine are ratios waiting for a peer: compare two versions in the same sitting, or not at all.
