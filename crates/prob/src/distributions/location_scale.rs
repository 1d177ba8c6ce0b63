//! What the laws on all reals with a location and a scale share.

/// The standardised variable Z = (X - location) / scale of a law on all reals. What is said of the upper tail takes
/// the law for symmetric.
pub trait Standard {
    /// ln of the density.
    fn ln_density(&self, z: f64) -> f64;

    /// The density.
    fn density(&self, z: f64) -> f64 {
        self.ln_density(z).exp()
    }

    /// P(Z <= z).
    fn below(&self, z: f64) -> f64;

    /// ln P(Z <= z).
    fn ln_below(&self, z: f64) -> f64;

    /// P(Z > z).
    fn above(&self, z: f64) -> f64 {
        self.below(-z)
    }

    /// ln P(Z > z).
    fn ln_above(&self, z: f64) -> f64 {
        self.ln_below(-z)
    }

    /// z with P(Z <= z) = p.
    fn lower_quantile(&self, p: f64) -> f64;

    /// z with P(Z > z) = q.
    fn upper_quantile(&self, q: f64) -> f64 {
        -self.lower_quantile(q)
    }

    /// The entropy, in nats.
    fn entropy(&self) -> f64;
}

/// The traits of a law with these fields for location and scale, from its [`Standard`].
macro_rules! location_scale {
    ($law:ident, $location:ident, $scale:ident) => {
        impl $law {
            fn standardise(&self, x: f64) -> f64 {
                (x - self.$location) / self.$scale
            }
        }

        impl $crate::traits::Density for $law {
            fn ln_pdf(&self, x: f64) -> f64 {
                self.ln_density(self.standardise(x)) - self.$scale.ln()
            }

            fn pdf(&self, x: f64) -> f64 {
                let density = self.density(self.standardise(x));
                // Below, digits are lost before a small scale can raise it.
                if density < 1e-290 { self.ln_pdf(x).exp() } else { density / self.$scale }
            }

            fn support(&self) -> $crate::traits::Support {
                $crate::traits::Support::Interval { low: f64::NEG_INFINITY, high: f64::INFINITY }
            }
        }

        impl $crate::traits::Cumulative for $law {
            fn cdf(&self, x: f64) -> f64 {
                self.below(self.standardise(x))
            }

            fn sf(&self, x: f64) -> f64 {
                self.above(self.standardise(x))
            }

            fn ln_cdf(&self, x: f64) -> f64 {
                self.ln_below(self.standardise(x))
            }

            fn ln_sf(&self, x: f64) -> f64 {
                self.ln_above(self.standardise(x))
            }
        }

        impl $crate::traits::Quantile for $law {
            fn ppf(&self, p: f64) -> f64 {
                if $crate::distributions::is_probability(p) {
                    self.$location + self.$scale * self.lower_quantile(p)
                } else {
                    f64::NAN
                }
            }

            fn isf(&self, q: f64) -> f64 {
                if $crate::distributions::is_probability(q) {
                    self.$location + self.$scale * self.upper_quantile(q)
                } else {
                    f64::NAN
                }
            }
        }

        impl $crate::traits::Entropy for $law {
            fn entropy_nats(&self) -> f64 {
                self.entropy() + self.$scale.ln()
            }
        }
    };
}

pub(super) use location_scale;
