//! Operations that burn lacks or runs slowly on a CPU, each with a portable default made of burn's own operations.
//!
//! Nothing has needed one yet: the layers of `ganvas-nets` call burn directly. What is measured to be slow moves here,
//! behind the same functions, so that no network or system has to change.
