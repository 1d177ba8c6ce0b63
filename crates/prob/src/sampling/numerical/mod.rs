mod mass;
mod pieces;

use super::quadrature::{gauss7, integrate};
use super::{SamplingError, open_unit};
use crate::traits::Sample;
use mass::{cut, segments};
use pieces::{Piece, pieces};
use rand::Rng;

/// Points per interval at which the finished inverse is measured.
const GRID: u32 = 10;

/// How a [`NumericalInverse`] is set up.
///
/// ```
/// use ganvas_prob::sampling::NumericalInverseConfig;
/// // Two peaks far apart, which a search from zero would not find.
/// let peaks = |x: f64| (-(x + 1e3).powi(2)).exp() + (-(x - 1e3).powi(2)).exp();
/// let config = NumericalInverseConfig::new().with_points(&[-1e3, 1e3]);
/// let law = config.from_pdf(peaks, f64::NEG_INFINITY, f64::INFINITY)?;
/// assert!((law.ppf(0.25) + 1e3).abs() < 1e-9);
/// # Ok::<(), ganvas_prob::sampling::SamplingError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NumericalInverseConfig {
    u_resolution: f64,
    tail_mass: f64,
    points: Vec<f64>,
}

impl Default for NumericalInverseConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// An inverse cumulative distribution function made from a pdf or a cdf, by piecewise polynomials of degree 5
/// (G. Derflinger, W. Hoermann and J. Leydold 2010, "Random variate generation by numerical inversion when only the
/// density is known", ACM TOMACS 20; `NumericalInversePolynomial` of scipy is by the same authors).
///
/// x is interpolated as a function of u = F(x) between nodes that are spread as Chebyshev's over each interval, an
/// interval being halved while its u-error |F(X(u)) - u| is too large. A draw looks its interval up in a guide table
/// and evaluates one polynomial. Tails of a mass of at most 1e-13 each are cut off (or what is set).
///
/// The u-error that [`u_error`](Self::u_error) reports is *measured*: after set-up, at 10 points per interval, by
/// another quadrature than the one that built it (15-point Kronrod against 7-point Gauss).
///
/// ```
/// use ganvas_prob::sampling::NumericalInverse;
/// let law = NumericalInverse::from_pdf(|x: f64| 3.0 / 8.0 * x * x, 0.0, 2.0)?;
/// assert!((law.ppf(0.125) - 1.0).abs() < 1e-9);
/// assert!((law.mass() - 1.0).abs() < 1e-12 && law.u_error() <= 1e-10);
/// # Ok::<(), ganvas_prob::sampling::SamplingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct NumericalInverse {
    pieces: Vec<Piece>,
    /// Lower end of each piece in u, in units of the whole mass.
    starts: Vec<f64>,
    /// The first piece that a u of each of equally many cells of [0, 1] can lie in.
    guide: Vec<u32>,
    cut: (f64, f64),
    mass: f64,
    u_error: f64,
}

impl NumericalInverseConfig {
    /// A u-error of 1e-10, tails of 1e-13.
    pub fn new() -> Self {
        Self { u_resolution: 1e-10, tail_mass: 1e-13, points: Vec::new() }
    }

    /// The largest u-error, from 1e-12 to 1e-2.
    pub fn with_u_resolution(mut self, u_resolution: f64) -> Self {
        self.u_resolution = u_resolution;
        self
    }

    /// The share of the mass that is cut off each end, from 0 to 1e-3. With 0, infinite ends are cut where the mass
    /// beyond is lost to round-off.
    pub fn with_tail_mass(mut self, tail_mass: f64) -> Self {
        self.tail_mass = tail_mass;
        self
    }

    /// Places worth knowing: modes (needed where peaks are narrow or far from zero), kinks, jumps of the density.
    pub fn with_points(mut self, points: &[f64]) -> Self {
        self.points = points.to_vec();
        self
    }

    fn check(&self, low: f64, high: f64) -> Result<(), SamplingError> {
        if low.is_nan() || high.is_nan() || low >= high || low == f64::INFINITY || high == f64::NEG_INFINITY {
            return Err(SamplingError::Interval { low, high });
        }
        let range = |name, domain, value: f64, from, to| {
            if (from..=to).contains(&value) { Ok(()) } else { Err(SamplingError::Parameter { name, domain, value }) }
        };
        range("u_resolution", "between 1e-12 and 1e-2", self.u_resolution, 1e-12, 1e-2)?;
        range("tail_mass", "between 0 and 1e-3", self.tail_mass, 0.0, 1e-3)?;
        match self.points.iter().find(|p| !p.is_finite()) {
            Some(&value) => Err(SamplingError::Parameter { name: "points", domain: "finite", value }),
            None => Ok(()),
        }
    }

    /// The points inside of ]low, high[, in order.
    fn inner_points(&self, low: f64, high: f64) -> Vec<f64> {
        let mut points: Vec<f64> = self.points.iter().copied().filter(|&x| low < x && x < high).collect();
        points.sort_unstable_by(f64::total_cmp);
        points.dedup();
        points
    }

    /// The inverse of the density `pdf` on [low, high], whose ends may be infinite. The density need not be normalised.
    ///
    /// # Errors
    /// If the density is negative, infinite or no number where it is asked, integrates to nothing or without end, or
    /// the u-error asked for is not reached.
    #[allow(clippy::wrong_self_convention, reason = "the source is the argument")]
    pub fn from_pdf(&self, pdf: impl Fn(f64) -> f64, low: f64, high: f64) -> Result<NumericalInverse, SamplingError> {
        self.check(low, high)?;
        let points = self.inner_points(low, high);
        let segments = segments(&pdf, low, high, &points)?;
        let mass: f64 = segments.iter().map(|s| s.2).sum();
        if mass <= 0.0 {
            return Err(SamplingError::NoMass { low, high });
        }
        if !mass.is_finite() {
            return Err(SamplingError::Diverges { x: segments[0].0 });
        }
        let tail = self.tail_mass * mass;
        let absolute = 1e-16 * mass;
        let from = cut(&pdf, segments.iter().map(|s| (s.0, s.1, s.2)), tail, absolute)?;
        let to = cut(&pdf, segments.iter().rev().map(|s| (s.1, s.0, s.2)), tail, absolute)?;
        let rough = |a: f64, b: f64| Ok(gauss7(&pdf, a, b)? / mass);
        let exact = |a: f64, b: f64| Ok(integrate(&pdf, a, b, absolute)? / mass);
        self.build(rough, exact, (from.0, to.0), (from.1 / mass, to.1 / mass), mass, &points)
    }

    /// The inverse of the cumulative distribution function `cdf` on [low, high], whose ends may be infinite.
    ///
    /// # Errors
    /// If the function leaves [0, 1], falls or jumps, or the u-error asked for is not reached.
    #[allow(clippy::wrong_self_convention, reason = "the source is the argument")]
    pub fn from_cdf(&self, cdf: impl Fn(f64) -> f64, low: f64, high: f64) -> Result<NumericalInverse, SamplingError> {
        self.check(low, high)?;
        let at = |x: f64| match cdf(x) {
            f if (-1e-15..=1.0 + 1e-15).contains(&f) => Ok(f),
            value => Err(SamplingError::NotACdf { x, value }),
        };
        let points = self.inner_points(low, high);
        let tail = self.tail_mass.max(1e-16);
        // The largest x with F(x) <= p, by bisection between powers of two around a point of the support.
        let start = match (low.is_finite(), high.is_finite()) {
            (true, true) => 0.5 * (low + high),
            (true, false) => low,
            (false, true) => high,
            (false, false) => 0.0,
        };
        let reach = |sign: f64, done: &dyn Fn(f64) -> bool| -> Result<f64, SamplingError> {
            for k in -10..1000 {
                let x = (start + sign * 2f64.powi(k)).clamp(low, high);
                if !x.is_finite() || x == low || x == high || done(at(x)?) {
                    return Ok(x);
                }
            }
            Err(SamplingError::Diverges { x: sign * f64::INFINITY })
        };
        let bisect = |mut a: f64, mut b: f64, above: &dyn Fn(f64) -> bool| -> Result<(f64, f64), SamplingError> {
            for _ in 0..200 {
                let middle = 0.5 * (a + b);
                if middle <= a || middle >= b {
                    break;
                }
                if above(at(middle)?) { b = middle } else { a = middle }
            }
            Ok((a, b))
        };
        let (outer_low, outer_high) = (reach(-1.0, &|f| f <= tail)?, reach(1.0, &|f| 1.0 - f <= tail)?);
        let (a, _) = bisect(outer_low, outer_high, &|f| f > tail)?;
        let (_, b) = bisect(outer_low, outer_high, &|f| 1.0 - f <= tail)?;
        if at(b)? <= at(a)? {
            return Err(SamplingError::NoMass { low, high });
        }
        let below = at(a)?;
        let above = 1.0 - at(b)?;
        let between = |a: f64, b: f64| {
            let (f, g) = (at(a)?, at(b)?);
            if g >= f - 1e-15 { Ok((g - f).max(0.0)) } else { Err(SamplingError::NotACdf { x: b, value: g }) }
        };
        self.build(between, between, (a, b), (below, above), 1.0, &points)
    }

    /// Builds and measures; `rough` and `exact` give the share of the mass between two places, `tails` what is beyond
    /// `ends`.
    fn build(
        &self,
        rough: impl Fn(f64, f64) -> Result<f64, SamplingError>,
        exact: impl Fn(f64, f64) -> Result<f64, SamplingError>,
        ends: (f64, f64),
        tails: (f64, f64),
        mass: f64,
        points: &[f64],
    ) -> Result<NumericalInverse, SamplingError> {
        let mut tolerance = 0.5 * self.u_resolution;
        let mut measured = f64::INFINITY;
        for _ in 0..3 {
            let (pieces, total) = pieces(&rough, ends, tolerance, points)?;
            let mut inverse = NumericalInverse::new(pieces, total, ends, mass);
            measured = inverse.measure(&exact, tails, total)?;
            if measured <= self.u_resolution {
                inverse.u_error = measured;
                return Ok(inverse);
            }
            tolerance *= 0.1;
        }
        Err(SamplingError::UError { measured, wanted: self.u_resolution })
    }
}

impl NumericalInverse {
    /// The inverse of a density on [low, high], whose ends may be infinite; see [`NumericalInverseConfig::from_pdf`].
    ///
    /// # Errors
    /// As there.
    pub fn from_pdf(pdf: impl Fn(f64) -> f64, low: f64, high: f64) -> Result<Self, SamplingError> {
        NumericalInverseConfig::new().from_pdf(pdf, low, high)
    }

    /// The inverse of a cumulative distribution function; see [`NumericalInverseConfig::from_cdf`].
    ///
    /// # Errors
    /// As there.
    pub fn from_cdf(cdf: impl Fn(f64) -> f64, low: f64, high: f64) -> Result<Self, SamplingError> {
        NumericalInverseConfig::new().from_cdf(cdf, low, high)
    }

    /// `total` is the mass of the pieces; they are rescaled to cover [0, 1].
    fn new(mut pieces: Vec<Piece>, total: f64, cut: (f64, f64), mass: f64) -> Self {
        for piece in &mut pieces {
            piece.start /= total;
            piece.scale *= total;
        }
        let starts: Vec<f64> = pieces.iter().map(|p| p.start).collect();
        let cells = (4 * pieces.len()).next_power_of_two();
        let mut piece = 0;
        let guide = (0..cells)
            .map(|cell| {
                let u = cell as f64 / cells as f64;
                while piece + 1 < starts.len() && starts[piece + 1] <= u {
                    piece += 1;
                }
                piece as u32
            })
            .collect();
        Self { pieces, starts, guide, cut, mass, u_error: f64::NAN }
    }

    /// The largest |F(X(u)) - u| at [`GRID`] points per piece, the cut tails counted.
    fn measure(
        &self,
        exact: &impl Fn(f64, f64) -> Result<f64, SamplingError>,
        tails: (f64, f64),
        total: f64,
    ) -> Result<f64, SamplingError> {
        let (mut f, mut before, mut largest) = (tails.0, self.cut.0, (1.0 - tails.0 - tails.1 - total).abs());
        for (i, piece) in self.pieces.iter().enumerate() {
            let end = self.starts.get(i + 1).copied().unwrap_or(1.0);
            for k in 0..GRID {
                let u = piece.start + (end - piece.start) * (f64::from(k) + 0.5) / f64::from(GRID);
                let x = piece.at(u).clamp(self.cut.0, self.cut.1);
                f += if x >= before { exact(before, x)? } else { -exact(x, before)? };
                before = x;
                largest = largest.max((f - u).abs());
            }
        }
        f += exact(before, self.cut.1)?;
        Ok(largest.max((f + tails.1 - 1.0).abs()))
    }

    /// X(u), the approximation of F^-1(u); u outside of ]0, 1[ gives the nearer end of [`cut`](Self::cut), NaN gives NaN.
    pub fn ppf(&self, u: f64) -> f64 {
        if u <= 0.0 {
            self.cut.0
        } else if u >= 1.0 {
            self.cut.1
        } else if u.is_nan() {
            u
        } else {
            self.at(u)
        }
    }

    #[inline]
    fn at(&self, u: f64) -> f64 {
        let cell = ((u * self.guide.len() as f64) as usize).min(self.guide.len() - 1);
        let mut piece = self.guide[cell] as usize;
        while let Some(&next) = self.starts.get(piece + 1)
            && next <= u
        {
            piece += 1;
        }
        // A polynomial's end may overshoot by round-off.
        self.pieces[piece].at(u).max(self.cut.0).min(self.cut.1)
    }

    /// The largest u-error |F(X(u)) - u| that was measured after set-up.
    pub fn u_error(&self) -> f64 {
        self.u_error
    }

    /// The integral of the density that was given, 1 if it was normalised; 1 for a cdf.
    pub fn mass(&self) -> f64 {
        self.mass
    }

    /// The ends between which draws lie, after the tails were cut.
    pub fn cut(&self) -> (f64, f64) {
        self.cut
    }

    /// How many polynomials there are.
    pub fn pieces(&self) -> usize {
        self.pieces.len()
    }
}

impl Sample for NumericalInverse {
    #[inline]
    fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> f64 {
        self.at(open_unit(rng))
    }
}

#[cfg(test)]
mod tests;
