//! The KL divergence of any two laws.
