use super::is_probability;
use super::special::ln_1m_exp;
use crate::information::ln_sum_exp;
use crate::sampling::{AliasTable, SamplingError, weight_sum};
use crate::traits::{Cumulative, Density, Law, Moments, Quantile, Sample, Support, Univariate};
use rand::Rng;

/// What a [`Mixture`] is made of: any law on the real line that has moments.
pub trait Component: Univariate + Moments {}

impl<T: Univariate + Moments> Component for T {}

/// What keeps laws from being mixed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MixtureError {
    /// A weight, or their sum, that is none.
    #[error(transparent)]
    Weights(#[from] SamplingError),
    /// Densities and masses do not add up: there is no common measure.
    #[error("component {continuous} is continuous and component {discrete} discrete: they have no common measure")]
    Measures {
        /// The first continuous component.
        continuous: usize,
        /// The first discrete component.
        discrete: usize,
    },
    /// Values between the whole numbers next to an unbounded count: no [`Support`] describes both.
    #[error("component {index} has mass at {value}: beside unbounded counts all values must be whole")]
    NotWhole {
        /// The component.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// Laws over vectors of different sizes.
    #[error("component {index} has {got} dimensions, the ones before it {expected}")]
    Dims {
        /// The component.
        index: usize,
        /// Dimensions of the ones before it.
        expected: usize,
        /// Its own.
        got: usize,
    },
}

/// Laws with weights that add up to one, none of them zero.
#[derive(Debug)]
struct Weighted<T: ?Sized> {
    parts: Vec<(f64, Box<T>)>,
    alias: AliasTable,
}

impl<T: ?Sized> Weighted<T> {
    fn new(mut parts: Vec<(f64, Box<T>)>) -> Result<Self, MixtureError> {
        let weights: Vec<f64> = parts.iter().map(|part| part.0).collect();
        let total = weight_sum(&weights)?;
        parts.iter_mut().for_each(|part| part.0 /= total);
        // Zero times an infinite density would be no number.
        parts.retain(|part| part.0 > 0.0);
        let weights: Vec<f64> = parts.iter().map(|part| part.0).collect();
        Ok(Self { alias: AliasTable::new(&weights)?, parts })
    }

    fn iter(&self) -> impl Iterator<Item = (f64, &T)> {
        self.parts.iter().map(|(weight, law)| (*weight, &**law))
    }

    /// sum w f(law).
    fn sum(&self, f: impl Fn(&T) -> f64) -> f64 {
        self.iter().map(|(weight, law)| weight * f(law)).sum()
    }

    /// ln of sum w exp(f(law)).
    fn ln_sum(&self, f: impl Fn(&T) -> f64) -> f64 {
        let terms: Vec<f64> = self.iter().map(|(weight, law)| weight.ln() + f(law)).collect();
        if terms.iter().any(|term| term.is_nan()) { f64::NAN } else { ln_sum_exp(&terms) }
    }

    fn pick<R: Rng + ?Sized>(&self, rng: &mut R) -> &T {
        &self.parts[self.alias.sample_index(rng)].1
    }
}

/// A mixture of laws on the real line: p(x) = sum w_i p_i(x), all of them continuous or all discrete.
///
/// Weights are finite, not negative and of any positive sum; they are divided by it. Densities and tails are sums of
/// positive terms, their logarithms log-sum-exps, so that nothing cancels or underflows. A quantile lies between those
/// of the components and is found there by halving the f64 in between: at most 64 steps, exact at the steps of
/// discrete laws. A draw takes a component by an alias table, and a draw of it. The entropy has no closed form and is
/// left out. G. McLachlan and D. Peel 2000, "Finite Mixture Models", chapter 1.
///
/// ```
/// use ganvas_prob::{distributions::{Mixture, Normal}, traits::{Cumulative, Moments, Quantile}};
/// let two = Mixture::new(vec![
///     (1.0, Box::new(Normal::new(-2.0, 1.0)?)),
///     (3.0, Box::new(Normal::new(2.0, 0.5)?)),
/// ])?;
/// assert_eq!(two.mean(), 1.0);
/// assert_eq!(two.variance(), 0.25 * (1.0 + 9.0) + 0.75 * (0.25 + 1.0));
/// assert!((two.cdf(two.ppf(0.1)) - 0.1).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Mixture {
    laws: Weighted<dyn Component>,
    support: Support,
}

impl Mixture {
    /// The mixture of these laws with these weights; laws of weight zero are dropped.
    ///
    /// # Errors
    /// If a weight is negative or not finite, none is above zero, continuous laws meet discrete ones, or values
    /// between the whole numbers meet unbounded counts.
    pub fn new(components: Vec<(f64, Box<dyn Component>)>) -> Result<Self, MixtureError> {
        let supports: Vec<Support> = components.iter().map(|(_, law)| law.support()).collect();
        common_measure(supports.iter().copied().map(Some))?;
        let support = joined(&components, &supports)?;
        Ok(Self { laws: Weighted::new(components)?, support })
    }

    /// Weights, which add up to one, and laws.
    pub fn components(&self) -> impl Iterator<Item = (f64, &dyn Component)> {
        self.laws.iter()
    }

    fn is_discrete(&self) -> bool {
        !matches!(self.support, Support::Interval { .. })
    }

    /// The smallest x between the components' quantiles for which `holds`, where it stays true once it is.
    fn between_quantiles(&self, quantile: impl Fn(&dyn Component) -> f64, holds: impl Fn(f64) -> bool) -> f64 {
        let (low, high) = self.reach(quantile);
        if low <= high { first(low, high, holds) } else { f64::NAN }
    }

    /// The smallest and the largest of the components' quantiles.
    fn reach(&self, quantile: impl Fn(&dyn Component) -> f64) -> (f64, f64) {
        self.laws.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (_, law)| {
            let x = quantile(law);
            (low.min(x), high.max(x))
        })
    }

    /// `E[(X - E[X])^k]` for k = 2, 3, 4, by the binomial formula over each component's own centre.
    fn central(&self) -> [f64; 3] {
        let mean = self.mean();
        let mut sums = [0.0; 3];
        // A component that is centred where the mixture is adds nothing, even if its moment is infinite.
        let times = |power: f64, moment: f64| if power == 0.0 { 0.0 } else { power * moment };
        for (weight, law) in self.laws.iter() {
            let (d, variance) = (law.mean() - mean, law.variance());
            let (third, fourth) = if variance == 0.0 {
                (0.0, 0.0)
            } else {
                (law.skewness() * variance.powf(1.5), (law.excess_kurtosis() + 3.0) * variance * variance)
            };
            sums[0] += weight * (variance + d * d);
            sums[1] += weight * (third + times(3.0 * d, variance) + d.powi(3));
            sums[2] += weight * (fourth + times(4.0 * d, third) + times(6.0 * d * d, variance) + d.powi(4));
        }
        sums
    }
}

/// Refuses continuous laws among discrete ones; what has no known support is taken as it is.
fn common_measure(supports: impl Iterator<Item = Option<Support>>) -> Result<(), MixtureError> {
    let mut seen: [Option<usize>; 2] = [None, None];
    for (index, support) in supports.enumerate() {
        if let Some(support) = support {
            seen[usize::from(!matches!(support, Support::Interval { .. }))].get_or_insert(index);
        }
    }
    match seen {
        [Some(continuous), Some(discrete)] => Err(MixtureError::Measures { continuous, discrete }),
        _ => Ok(()),
    }
}

/// The support of all together, which are all continuous or all discrete.
fn joined(components: &[(f64, Box<dyn Component>)], supports: &[Support]) -> Result<Support, MixtureError> {
    let (mut least, mut most, mut continuous, mut finite) = (f64::INFINITY, f64::NEG_INFINITY, false, false);
    for ((_, law), support) in components.iter().zip(supports) {
        let (low, high) = match *support {
            Support::Interval { low, high } => {
                continuous = true;
                (low, high)
            }
            Support::Integers { low, high } => (low, high),
            Support::Finite => {
                finite = true;
                (law.ppf(0.0), law.isf(0.0))
            }
        };
        (least, most) = (least.min(low), most.max(high));
    }
    if continuous {
        return Ok(Support::Interval { low: least, high: most });
    }
    if finite && least.is_finite() && most.is_finite() {
        return Ok(Support::Finite);
    }
    if finite {
        for (index, ((_, law), _)) in
            components.iter().zip(supports).enumerate().filter(|(_, c)| *c.1 == Support::Finite)
        {
            if let Some(value) = atoms(&**law).find(|x| x.fract() != 0.0) {
                return Err(MixtureError::NotWhole { index, value });
            }
        }
    }
    Ok(Support::Integers { low: least, high: most })
}

/// The values of a law on finitely many, ascending; those whose mass is lost in rounding are passed over.
fn atoms(law: &dyn Component) -> impl Iterator<Item = f64> {
    std::iter::successors(Some(law.ppf(0.0)), |&x| {
        let (below, above) = (law.cdf(x), law.sf(x));
        if above <= 0.0 {
            return None;
        }
        let next = if below < above { law.ppf(below.next_up()) } else { law.isf(above.next_down()) };
        (next > x).then_some(next)
    })
}

/// The smallest x in [low, high] for which `holds`, where it stays true once it is, by halving the number of f64 in
/// between; `high` where none below does.
fn first(low: f64, high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    // The order of f64 as that of whole numbers (IEEE 754-2019, section 5.10); the map is its own inverse.
    let flip = |bits: i64| bits ^ (((bits >> 63) as u64) >> 1) as i64;
    if holds(low) {
        return low;
    }
    let (mut below, mut above) = (flip(low.to_bits() as i64), flip(high.to_bits() as i64));
    while i128::from(above) - i128::from(below) > 1 {
        let middle = ((i128::from(below) + i128::from(above)) >> 1) as i64;
        if holds(f64::from_bits(flip(middle) as u64)) {
            above = middle;
        } else {
            below = middle;
        }
    }
    // Minus zero is zero.
    f64::from_bits(flip(above) as u64) + 0.0
}

impl Density for Mixture {
    fn ln_pdf(&self, x: f64) -> f64 {
        self.laws.ln_sum(|law| law.ln_pdf(x))
    }

    fn pdf(&self, x: f64) -> f64 {
        self.laws.sum(|law| law.pdf(x))
    }

    fn support(&self) -> Support {
        self.support
    }
}

impl Cumulative for Mixture {
    fn cdf(&self, x: f64) -> f64 {
        if x.is_nan() { x } else { self.laws.sum(|law| law.cdf(x)).min(1.0) }
    }

    fn sf(&self, x: f64) -> f64 {
        if x.is_nan() { x } else { self.laws.sum(|law| law.sf(x)).min(1.0) }
    }

    fn ln_cdf(&self, x: f64) -> f64 {
        ln_tail(self.sf(x), || self.laws.ln_sum(|law| law.ln_cdf(x)), || self.laws.ln_sum(|law| law.ln_sf(x)))
    }

    fn ln_sf(&self, x: f64) -> f64 {
        ln_tail(self.cdf(x), || self.laws.ln_sum(|law| law.ln_sf(x)), || self.laws.ln_sum(|law| law.ln_cdf(x)))
    }
}

/// ln of a tail, from that of the `other` one where that is the smaller.
fn ln_tail(other: f64, ln: impl Fn() -> f64, ln_other: impl Fn() -> f64) -> f64 {
    if other.is_nan() {
        other
    } else if other < 0.5 {
        ln_1m_exp(ln_other().min(0.0))
    } else {
        ln().min(0.0)
    }
}

impl Quantile for Mixture {
    fn ppf(&self, p: f64) -> f64 {
        if !is_probability(p) {
            return f64::NAN;
        }
        if p == 0.0 {
            return self.reach(|law| law.ppf(0.0)).0;
        }
        if p == 1.0 {
            return self.isf(0.0);
        }
        if p <= 0.5 || self.is_discrete() {
            return self.between_quantiles(|law| law.ppf(p), |x| self.cdf(x) >= p);
        }
        let q = 1.0 - p;
        self.between_quantiles(|law| law.ppf(p), |x| self.sf(x) <= q)
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_probability(q) {
            return f64::NAN;
        }
        if q == 0.0 {
            return self.reach(|law| law.isf(0.0)).1;
        }
        if q == 1.0 {
            return self.ppf(0.0);
        }
        if q <= 0.5 || self.is_discrete() {
            return self.between_quantiles(|law| law.isf(q), |x| self.sf(x) <= q);
        }
        let p = 1.0 - q;
        self.between_quantiles(|law| law.isf(q), |x| self.cdf(x) >= p)
    }
}

impl Moments for Mixture {
    fn mean(&self) -> f64 {
        let rough = self.laws.sum(|law| law.mean());
        // What rounding of the weights and of the sum left over, which matters where the means are large and alike.
        if rough.is_finite() { rough + self.laws.sum(|law| law.mean() - rough) } else { rough }
    }

    fn variance(&self) -> f64 {
        self.central()[0]
    }

    fn skewness(&self) -> f64 {
        let [variance, third, _] = self.central();
        third / variance.powf(1.5)
    }

    fn excess_kurtosis(&self) -> f64 {
        let [variance, _, fourth] = self.central();
        fourth / (variance * variance) - 3.0
    }
}

impl Sample for Mixture {
    fn sample<R: Rng + ?Sized>(&self, mut rng: &mut R) -> f64 {
        self.laws.pick(rng).draw_one(&mut rng)
    }
}

/// A mixture of laws over vectors of the same size: p(x) = sum w_i p_i(x).
///
/// Weights are as for [`Mixture`]. Laws of one dimension must be all continuous or all discrete; larger ones do not
/// tell, and mixing them is the caller's care.
///
/// ```
/// use ganvas_prob::{distributions::{Normal, VectorMixture}, traits::{Density, Law}};
/// let (left, right) = (Normal::new(-2.0, 1.0)?, Normal::new(2.0, 1.0)?);
/// let two = VectorMixture::new(vec![(1.0, Box::new(left)), (1.0, Box::new(right))])?;
/// assert!((two.ln_density(&[0.0]) - left.ln_pdf(0.0)).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct VectorMixture {
    laws: Weighted<dyn Law>,
    dims: usize,
}

impl VectorMixture {
    /// The mixture of these laws with these weights; laws of weight zero are dropped.
    ///
    /// # Errors
    /// If a weight is negative or not finite, none is above zero, the dimensions differ, or continuous laws of one
    /// dimension meet discrete ones.
    pub fn new(components: Vec<(f64, Box<dyn Law>)>) -> Result<Self, MixtureError> {
        let expected = components.first().map_or(0, |(_, law)| law.dims());
        if let Some(index) = components.iter().position(|(_, law)| law.dims() != expected) {
            return Err(MixtureError::Dims { index, expected, got: components[index].1.dims() });
        }
        common_measure(components.iter().map(|(_, law)| law.univariate().map(|law| law.support())))?;
        Ok(Self { laws: Weighted::new(components)?, dims: expected })
    }

    /// Weights, which add up to one, and laws.
    pub fn components(&self) -> impl Iterator<Item = (f64, &dyn Law)> {
        self.laws.iter()
    }
}

impl Law for VectorMixture {
    fn dims(&self) -> usize {
        self.dims
    }

    fn ln_density(&self, x: &[f64]) -> f64 {
        self.laws.ln_sum(|law| law.ln_density(x))
    }

    fn draw(&self, rng: &mut dyn Rng, out: &mut [f64]) {
        self.laws.pick(rng).draw(rng, out);
    }
}
