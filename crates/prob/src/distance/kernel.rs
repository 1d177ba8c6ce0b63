use super::{DistanceError, over_row, squared_distance};

/// A positive definite kernel k(a, b) over rows, `[dims]`.
///
/// ```
/// use ganvas_prob::distance::Kernel;
/// assert_eq!(Kernel::kid(2).evaluate(&[1.0, 2.0], &[3.0, 0.5]), 27.0);
/// // Several scales at once.
/// let kernel = Kernel::Sum([0.5, 1.0, 2.0].map(|bandwidth| Kernel::Gaussian { bandwidth }).to_vec());
/// assert_eq!(kernel.evaluate(&[0.0], &[0.0]), 3.0);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Kernel {
    /// exp(-|a - b|^2 / (2 bandwidth^2)).
    Gaussian {
        /// Finite and positive; [`median_distance`](super::median_distance) is a common choice.
        bandwidth: f64,
    },
    /// exp(-|a - b|_1 / bandwidth), with the sum of absolute differences.
    Laplacian {
        /// Finite and positive.
        bandwidth: f64,
    },
    /// (gamma a.b + coef0)^degree.
    Polynomial {
        /// At least 1.
        degree: u32,
        /// Finite and positive.
        gamma: f64,
        /// Finite and not negative.
        coef0: f64,
    },
    /// (1 + |a - b|^2 / (2 alpha length^2))^-alpha.
    RationalQuadratic {
        /// Finite and positive; the Gaussian kernel is its limit for large alpha.
        alpha: f64,
        /// Finite and positive.
        length: f64,
    },
    /// The sum of several, at least one.
    Sum(Vec<Kernel>),
}

impl Kernel {
    /// The cubic kernel (a.b / dims + 1)^3 of the kernel Inception distance (M. Binkowski et al. 2018, "Demystifying MMD
    /// GANs", section 4).
    pub fn kid(dims: usize) -> Self {
        Self::Polynomial { degree: 3, gamma: 1.0 / dims as f64, coef0: 1.0 }
    }

    /// k(a, b); of rows of different sizes, the shorter one counts.
    pub fn evaluate(&self, a: &[f64], b: &[f64]) -> f64 {
        let dims = a.len().min(b.len());
        let (a, b) = (&a[..dims], &b[..dims]);
        match *self {
            Self::Gaussian { bandwidth } => (-0.5 * squared_distance(a, b) / (bandwidth * bandwidth)).exp(),
            Self::Laplacian { bandwidth } => (-over_row(a, b, |x, y| (x - y).abs()) / bandwidth).exp(),
            Self::Polynomial { degree, gamma, coef0 } => {
                (gamma * over_row(a, b, |x, y| x * y) + coef0).powi(i32::try_from(degree).unwrap_or(i32::MAX))
            }
            Self::RationalQuadratic { alpha, length } => {
                (-alpha * (squared_distance(a, b) / (2.0 * alpha * length * length)).ln_1p()).exp()
            }
            Self::Sum(ref parts) => parts.iter().map(|part| part.evaluate(a, b)).sum(),
        }
    }

    /// Refuses parameters outside of their domains.
    pub(super) fn check(&self) -> Result<(), DistanceError> {
        let unless = |holds: bool, name, domain, value| {
            if holds { Ok(()) } else { Err(DistanceError::Parameter { name, domain, value }) }
        };
        let positive = |name, value: f64| unless(value.is_finite() && value > 0.0, name, "finite and positive", value);
        match self {
            Self::Gaussian { bandwidth } | Self::Laplacian { bandwidth } => positive("bandwidth", *bandwidth),
            Self::Polynomial { degree, gamma, coef0 } => {
                unless(*degree >= 1, "degree", "1 or more", f64::from(*degree))?;
                positive("gamma", *gamma)?;
                unless(coef0.is_finite() && *coef0 >= 0.0, "coef0", "finite and not negative", *coef0)
            }
            Self::RationalQuadratic { alpha, length } => {
                positive("alpha", *alpha)?;
                positive("length", *length)
            }
            Self::Sum(parts) => {
                unless(!parts.is_empty(), "parts", "1 or more", 0.0)?;
                parts.iter().try_for_each(Self::check)
            }
        }
    }
}
