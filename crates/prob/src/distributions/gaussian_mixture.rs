use super::MultivariateNormal;
use super::special::HALF_LN_2PI;
use crate::information::ln_sum_exp;
use crate::sampling::{SamplingError, open_unit, weight_sum};
use crate::traits::Law;
use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::linalg::triangular_solve::solve_lower_triangular_in_place;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use rand::Rng;

mod clusters;
#[cfg(test)]
mod tests;

use clusters::{clusters, pick};

/// Items that are looked at together, so that they stay in the cache.
const BLOCK: usize = 256;

/// What keeps a mixture from being fitted or made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GaussianMixtureError {
    /// No item.
    #[error("there is no item")]
    NoData,
    /// Items of no values.
    #[error("items of 0 dimensions have no density")]
    NoDims,
    /// Values that do not make up whole items.
    #[error("{values} values are no whole number of items of {dims}")]
    Ragged {
        /// How many values there are.
        values: usize,
        /// Size of an item.
        dims: usize,
    },
    /// A value that is not a finite number.
    #[error("value {position} of item {item} is not finite")]
    NotFinite {
        /// Index of the item.
        item: usize,
        /// Index of the value in the item.
        position: usize,
    },
    /// Fewer items than components.
    #[error("{items} items cannot be shared among {components} components")]
    TooFew {
        /// How many items there are.
        items: usize,
        /// How many components were asked for.
        components: usize,
    },
    /// A setting outside of its domain.
    #[error("`{name}` must be {domain}, got {value}")]
    Setting {
        /// Its name.
        name: &'static str,
        /// Its domain, in words.
        domain: &'static str,
        /// The value given.
        value: f64,
    },
    /// A covariance without a Cholesky factor.
    #[error(
        "the covariance of component {component} is not positive definite, with {ridge:e} on its diagonal: \
         raise the ridge, scale the data or take fewer components"
    )]
    NotPositiveDefinite {
        /// The component.
        component: usize,
        /// What was added to the diagonal.
        ridge: f64,
    },
    /// Given weights, means or covariances that are none.
    #[error(transparent)]
    Parameters(#[from] SamplingError),
}

/// How a mixture is fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianMixtureConfig {
    max_iterations: usize,
    tolerance: f64,
    ridge: f64,
    starts: usize,
}

impl Default for GaussianMixtureConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl GaussianMixtureConfig {
    /// At most 100 steps, until one gains less than 1e-4 nats per item; a ridge of 1e-6; one start.
    pub fn new() -> Self {
        Self { max_iterations: 100, tolerance: 1e-4, ridge: 1e-6, starts: 1 }
    }

    /// Steps after the start, at most; with 0 the clusters of the start are the components.
    pub fn with_max_iterations(mut self, max_iterations: usize) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// The gain in mean log-likelihood, in nats per item, below which no further step is taken; not negative.
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// What is added to each variance, in the data's unit squared; not negative. It keeps a component from shrinking
    /// onto a few items, where the likelihood has no bound.
    pub fn with_ridge(mut self, ridge: f64) -> Self {
        self.ridge = ridge;
        self
    }

    /// How often the fit is begun anew, at least once; the one of the highest likelihood is kept.
    pub fn with_starts(mut self, starts: usize) -> Self {
        self.starts = starts;
        self
    }

    fn check(&self) -> Result<(), GaussianMixtureError> {
        for (name, value) in [("tolerance", self.tolerance), ("ridge", self.ridge)] {
            if !(value.is_finite() && value >= 0.0) {
                return Err(GaussianMixtureError::Setting { name, domain: "finite and not negative", value });
            }
        }
        at_least_one("starts", self.starts)
    }
}

fn at_least_one(name: &'static str, value: usize) -> Result<(), GaussianMixtureError> {
    if value == 0 {
        return Err(GaussianMixtureError::Setting { name, domain: "at least 1", value: 0.0 });
    }
    Ok(())
}

/// A mixture of normal laws over vectors with a full covariance each: p(x) = sum w_k N(x; m_k, S_k) on R^d.
///
/// [`fit`](Self::fit) climbs the likelihood by expectation maximisation (A. P. Dempster, N. M. Laird and D. B. Rubin
/// 1977; Bishop 2006, *Pattern Recognition and Machine Learning*, section 9.2.2) from the clusters that k-means++ (D.
/// Arthur and S. Vassilvitskii 2007) and ten rounds of Lloyd's algorithm find. It ends on one of the likelihood's many
/// local maxima.
///
/// ```
/// use ganvas_prob::{distributions::{GaussianMixture, GaussianMixtureConfig}, stream::Streams};
/// let two = GaussianMixture::new(&[0.25, 0.75], &[-3.0, 0.0, 3.0, 0.0], &[1.0, 0.0, 0.0, 1.0, 2.0, 1.0, 1.0, 2.0])?;
/// let mut rng = Streams::new(1).rng("mixture", 0);
/// let draws = two.sample_n(&mut rng, 2000);
/// let fitted = GaussianMixture::fit(&draws, 2, 2, &GaussianMixtureConfig::new(), &mut rng)?;
/// assert!(fitted.mean_log_density(&draws)? > two.mean_log_density(&draws)?);
/// assert!((fitted.weights().iter().fold(1.0, |least: f64, w| least.min(*w)) - 0.25).abs() < 0.05);
/// # Ok::<(), ganvas_prob::distributions::GaussianMixtureError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct GaussianMixture {
    weights: Vec<f64>,
    laws: Vec<MultivariateNormal>,
}

impl GaussianMixture {
    /// The mixture of these weights `[k]`, means `[k, d]` and covariances `[k, d, d]`, row-major. Weights are finite,
    /// not negative and of any positive sum; they are divided by it.
    ///
    /// # Errors
    /// If the sizes do not fit or are 0, a value is not finite, a weight is negative, their sum is not positive, or a
    /// covariance is not symmetric and positive definite.
    pub fn new(weights: &[f64], means: &[f64], covariances: &[f64]) -> Result<Self, GaussianMixtureError> {
        let (total, components) = (weight_sum(weights)?, weights.len());
        let dims = means.len() / components;
        let fits = |name, expected, got| {
            if got == expected { Ok(()) } else { Err(SamplingError::Length { name, expected, got }) }
        };
        fits("means", dims * components, means.len())?;
        fits("covariances", dims * dims * components, covariances.len())?;
        if dims == 0 {
            return Err(GaussianMixtureError::NoDims);
        }
        let laws = means.chunks_exact(dims).zip(covariances.chunks_exact(dims * dims));
        let laws = laws.map(|(mean, covariance)| MultivariateNormal::full(mean, covariance));
        Ok(Self { weights: weights.iter().map(|w| w / total).collect(), laws: laws.collect::<Result<_, _>>()? })
    }

    /// Fits a mixture of `components` to `data`, `[n, dims]` row-major.
    ///
    /// One component is the normal law with the data's mean and covariance (divided by n, plus the ridge). More of them
    /// are in no particular order. A component that loses all its items, as where there are fewer different items
    /// than components, has the weight 0. A step never lowers the likelihood, but for what the ridge takes
    /// from it.
    ///
    /// # Errors
    /// If there is no item, `dims` or `components` is 0, there are fewer items than components, a value is not finite, a
    /// setting is outside of its domain, or every start meets a covariance that is not positive definite.
    pub fn fit<R: Rng + ?Sized>(
        data: &[f64],
        dims: usize,
        components: usize,
        config: &GaussianMixtureConfig,
        rng: &mut R,
    ) -> Result<Self, GaussianMixtureError> {
        check(data, dims)?;
        config.check()?;
        at_least_one("components", components)?;
        let items = data.len() / dims;
        if items < components {
            return Err(GaussianMixtureError::TooFew { items, components });
        }
        let mut best: Option<(Self, f64)> = None;
        let mut failure = GaussianMixtureError::NoData;
        for _ in 0..config.starts {
            match Self::start(data, dims, components, config.ridge, rng).and_then(|start| start.climb(data, config)) {
                Ok((mixture, history)) => {
                    let reached = history.last().copied().unwrap_or(f64::NEG_INFINITY);
                    if best.as_ref().is_none_or(|(_, highest)| reached > *highest) {
                        best = Some((mixture, reached));
                    }
                }
                Err(error) => failure = error,
            }
        }
        best.map(|(mixture, _)| mixture).ok_or(failure)
    }

    /// The normal laws of the clusters that k-means finds.
    fn start<R: Rng + ?Sized>(
        data: &[f64],
        dims: usize,
        components: usize,
        ridge: f64,
        rng: &mut R,
    ) -> Result<Self, GaussianMixtureError> {
        let (centres, labels) = clusters(data, dims, components, rng);
        let unit = vec![1.0; dims];
        let laws = centres.chunks_exact(dims).map(|centre| MultivariateNormal::diagonal(centre, &unit));
        let start = Self { weights: vec![0.0; components], laws: laws.collect::<Result<_, _>>()? };
        let mut sums = Sums::new(components, dims);
        for (rows, labels) in data.chunks(BLOCK * dims).zip(labels.chunks(BLOCK)) {
            let shares: Vec<f64> =
                (0..components).flat_map(|k| labels.iter().map(move |&l| f64::from(u8::from(l == k)))).collect();
            sums.add(rows, &start.laws, &shares);
        }
        start.maximise(&sums, data.len() / dims, ridge)
    }

    /// Steps until one gains less than the tolerance. Also gives the mean log-likelihood before each step and after
    /// the last one.
    fn climb(self, data: &[f64], config: &GaussianMixtureConfig) -> Result<(Self, Vec<f64>), GaussianMixtureError> {
        let (mut mixture, mut history) = (self, Vec::new());
        let items = data.len() / mixture.dims();
        loop {
            let (sums, reached) = mixture.expect(data);
            let gain = reached - history.last().copied().unwrap_or(f64::NEG_INFINITY);
            history.push(reached);
            if history.len() > config.max_iterations || gain.is_nan() || gain < config.tolerance {
                return Ok((mixture, history));
            }
            mixture = mixture.maximise(&sums, items, config.ridge)?;
        }
    }

    /// The sums over the items by their shares in each component (Bishop 2006, eq. 9.23), and the mean log-likelihood.
    fn expect(&self, data: &[f64]) -> (Sums, f64) {
        let (dims, components) = (self.dims(), self.weights.len());
        let mut sums = Sums::new(components, dims);
        let mut total = 0.0;
        self.for_blocks(data, |rows, terms| {
            total += shares(terms, rows.len() / dims);
            sums.add(rows, &self.laws, terms);
        });
        (sums, total * dims as f64 / data.len() as f64)
    }

    /// The mixture of the highest likelihood with these shares (Bishop 2006, eqs. 9.24 to 9.26), the ridge added.
    fn maximise(&self, sums: &Sums, items: usize, ridge: f64) -> Result<Self, GaussianMixtureError> {
        let dims = self.dims();
        let mut next = Self { weights: Vec::new(), laws: Vec::new() };
        for (component, law) in self.laws.iter().enumerate() {
            let total = sums.totals[component];
            // No moments are left of so little.
            if total <= f64::EPSILON * items as f64 {
                next.weights.push(0.0);
                next.laws.push(law.clone());
                continue;
            }
            let shift: Vec<f64> = sums.shifts[component].iter().map(|s| s / total).collect();
            let mean: Vec<f64> = law.mean().iter().zip(&shift).map(|(m, s)| m + s).collect();
            let scatter = &sums.scatters[component];
            let entry = |i: usize, j: usize| {
                let diagonal = if i == j { ridge } else { 0.0 };
                scatter[(i.max(j), i.min(j))] / total - shift[i] * shift[j] + diagonal
            };
            let covariance: Vec<f64> = (0..dims * dims).map(|k| entry(k / dims, k % dims)).collect();
            let law = MultivariateNormal::full(&mean, &covariance)
                .map_err(|_| GaussianMixtureError::NotPositiveDefinite { component, ridge })?;
            next.weights.push(total / items as f64);
            next.laws.push(law);
        }
        Ok(next)
    }

    /// Calls `visit(rows, terms)` for each block of items, with ln(w_k p_k(x)) as `terms`, `[components, items]`.
    fn for_blocks(&self, data: &[f64], mut visit: impl FnMut(&[f64], &mut [f64])) {
        let dims = self.dims();
        let parts: Vec<_> = self.laws.iter().zip(&self.weights).map(|(law, w)| (law, law.factor(), w.ln())).collect();
        let (mut centred, mut terms) = (Vec::new(), Vec::new());
        for rows in data.chunks(BLOCK * dims) {
            terms.clear();
            for (law, factor, ln_weight) in &parts {
                centre(rows, law.mean(), &mut centred);
                let lower = MatRef::from_row_major_slice(factor.lower(), dims, dims);
                let columns = MatMut::from_column_major_slice_mut(&mut centred, dims, rows.len() / dims);
                solve_lower_triangular_in_place(lower, columns, Par::Seq);
                let constant = ln_weight - 0.5 * factor.ln_det() - HALF_LN_2PI * dims as f64;
                terms.extend(centred.chunks_exact(dims).map(|z| constant - 0.5 * z.iter().map(|z| z * z).sum::<f64>()));
            }
            visit(rows, &mut terms);
        }
    }

    /// ln p(x) for x `[d]`; NaN where it has another size.
    pub fn log_density(&self, x: &[f64]) -> f64 {
        let terms: Vec<f64> = self.components().map(|(weight, law)| weight.ln() + law.ln_pdf(x)).collect();
        if terms.iter().any(|term| term.is_nan()) { f64::NAN } else { ln_sum_exp(&terms) }
    }

    /// The mean of ln p(x) over `data`, `[n, d]` row-major, in nats per item.
    ///
    /// # Errors
    /// If there is no item, the last one is not whole, or a value is not finite.
    pub fn mean_log_density(&self, data: &[f64]) -> Result<f64, GaussianMixtureError> {
        let dims = self.dims();
        check(data, dims)?;
        let mut total = 0.0;
        self.for_blocks(data, |rows, terms| total += shares(terms, rows.len() / dims));
        Ok(total * dims as f64 / data.len() as f64)
    }

    /// One draw, `[d]`.
    pub fn sample<R: Rng + ?Sized>(&self, rng: &mut R) -> Vec<f64> {
        self.sample_n(rng, 1)
    }

    /// `n` draws, `[n, d]` row-major.
    pub fn sample_n<R: Rng + ?Sized>(&self, mut rng: &mut R, n: usize) -> Vec<f64> {
        let mut rows = vec![0.0; n * self.dims()];
        rows.chunks_exact_mut(self.dims().max(1)).for_each(|row| self.draw(&mut rng, row));
        rows
    }

    /// Weights, which add up to one, and laws.
    pub fn components(&self) -> impl Iterator<Item = (f64, &MultivariateNormal)> {
        self.weights.iter().copied().zip(&self.laws)
    }

    /// The weights, `[k]`; they add up to one.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The means, `[k, d]` row-major.
    pub fn means(&self) -> Vec<f64> {
        self.laws.iter().flat_map(|law| law.mean()).copied().collect()
    }

    /// The covariances, `[k, d, d]` row-major.
    pub fn covariances(&self) -> Vec<f64> {
        self.laws.iter().flat_map(MultivariateNormal::covariance).collect()
    }
}

impl Law for GaussianMixture {
    fn dims(&self) -> usize {
        self.laws.first().map_or(0, |law| law.dims())
    }

    fn ln_density(&self, x: &[f64]) -> f64 {
        self.log_density(x)
    }

    fn draw(&self, mut rng: &mut dyn Rng, out: &mut [f64]) {
        let weights = self.weights.iter().copied().enumerate();
        if let Some(component) = pick(weights, open_unit(&mut rng)) {
            self.laws[component].draw(rng, out);
        }
    }
}

/// Whole items of finite values, at least one.
fn check(data: &[f64], dims: usize) -> Result<(), GaussianMixtureError> {
    if dims == 0 {
        return Err(GaussianMixtureError::NoDims);
    }
    if data.is_empty() {
        return Err(GaussianMixtureError::NoData);
    }
    if !data.len().is_multiple_of(dims) {
        return Err(GaussianMixtureError::Ragged { values: data.len(), dims });
    }
    match data.iter().position(|x| !x.is_finite()) {
        Some(i) => Err(GaussianMixtureError::NotFinite { item: i / dims, position: i % dims }),
        None => Ok(()),
    }
}

/// Sums over items by their shares in each component, about the component's mean before the step.
struct Sums {
    /// Of the shares.
    totals: Vec<f64>,
    /// Of share (x - mean), `[dims]` each.
    shifts: Vec<Vec<f64>>,
    /// Of share (x - mean)(x - mean)^T, in its lower half.
    scatters: Vec<Mat<f64>>,
}

impl Sums {
    fn new(components: usize, dims: usize) -> Self {
        Self {
            totals: vec![0.0; components],
            shifts: vec![vec![0.0; dims]; components],
            scatters: vec![Mat::zeros(dims, dims); components],
        }
    }

    /// Adds items with their shares, `[components, items]`.
    fn add(&mut self, rows: &[f64], laws: &[MultivariateNormal], shares: &[f64]) {
        let mut centred = Vec::new();
        for (component, law) in laws.iter().enumerate() {
            let dims = law.mean().len();
            let items = rows.len() / dims;
            let shares = &shares[component * items..(component + 1) * items];
            centre(rows, law.mean(), &mut centred);
            let shift = &mut self.shifts[component];
            for (row, &share) in centred.chunks_exact_mut(dims).zip(shares) {
                self.totals[component] += share;
                let root = share.sqrt();
                for (x, sum) in row.iter_mut().zip(&mut *shift) {
                    *sum += share * *x;
                    *x *= root;
                }
            }
            let columns = MatRef::from_column_major_slice(&centred, dims, items);
            let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
            let scatter = &mut self.scatters[component];
            matmul(scatter, lower, Accum::Add, columns, full, columns.transpose(), full, 1.0, Par::Seq);
        }
    }
}

/// Turns ln(w_k p_k(x)), `[components, items]`, into each component's share of the item, and gives the sum of ln p(x).
fn shares(terms: &mut [f64], items: usize) -> f64 {
    let mut total = 0.0;
    for item in 0..items {
        let top = terms.iter().skip(item).step_by(items).fold(f64::NEG_INFINITY, |top, t| top.max(*t));
        let mut sum = 0.0;
        for term in terms.iter_mut().skip(item).step_by(items) {
            *term = (*term - top).exp();
            sum += *term;
        }
        terms.iter_mut().skip(item).step_by(items).for_each(|term| *term /= sum);
        total += top + sum.ln();
    }
    total
}

/// Writes the rows minus the mean to `out`.
fn centre(rows: &[f64], mean: &[f64], out: &mut Vec<f64>) {
    out.clear();
    for row in rows.chunks_exact(mean.len()) {
        out.extend(row.iter().zip(mean).map(|(x, m)| x - m));
    }
}
