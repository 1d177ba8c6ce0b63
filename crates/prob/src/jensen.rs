//! Convexity and Jensen's inequality.
