//! Laws and densities from text.
