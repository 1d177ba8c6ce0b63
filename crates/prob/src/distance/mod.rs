//! Distances and tests between samples.
