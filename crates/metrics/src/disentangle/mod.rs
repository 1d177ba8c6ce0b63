//! Disentanglement: whether each latent stands for one factor of the data, and each factor for one latent.
//!
//! Measured on the codes of items that are made from known [`Factors`], such as those of `sprites`: means of the
//! posterior, not draws from it. With codes `[n, latents]` and K factors the figures are
//!
//! | Codes | [`mig`] | [`sap`] | [`dci`] D / C / I | [`factor_vae`] |
//! | --- | --- | --- | --- | --- |
//! | the factors themselves, in any order and scale | 1 | 1 | 1 / 1 / 1 | 1 |
//! | each factor twice | 0 | 0 | 1 / 1 - ln 2 / ln latents / 1 | 1 |
//! | two factors turned by 45 degrees | near 0 | near 0 | near 0 / near 0 / near 1 | 1/2 |
//! | independent of the factors | near 0 | near 0 | 0 / 0 / chance | 1/K |
//!
//! They don't agree on what to punish: [`mig`] and [`sap`] punish a factor that is spread over several latents,
//! [`factor_vae`] doesn't, and [`dci`] tells both directions apart. Nor can a figure be compared with a published one
//! without the estimator behind it, which each page names (F. Locatello et al. 2019, "Challenging Common Assumptions
//! in the Unsupervised Learning of Disentangled Representations", section 5.4). Report several seeds: models of
//! one kind differ more by the seed than kinds do.

mod dci;
mod factor_vae;
mod forest;
mod mig;
mod sap;

pub use dci::{Dci, dci};
pub use factor_vae::{FactorVae, factor_vae};
pub use mig::mig;
pub use sap::sap;

use crate::{Features, MetricError};

/// The values of the factors that items are made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Factors {
    counts: Vec<usize>,
    /// One for each factor, `[n]`.
    columns: Vec<Vec<usize>>,
}

impl Factors {
    /// Factors with so many values each, `[factors]`, and what they are in each item, `[n, factors]` row-major.
    ///
    /// ```
    /// use ganvas_metrics::disentangle::Factors;
    /// let factors = Factors::new(&[2, 3], &[0, 0, 0, 1, 1, 2])?;
    /// assert_eq!((factors.len(), factors.column(1)), (3, &[0, 1, 2][..]));
    /// # Ok::<(), ganvas_metrics::MetricError>(())
    /// ```
    ///
    /// # Errors
    /// If the last item is not whole, or a value is not below its factor's count.
    pub fn new(counts: &[usize], values: &[usize]) -> Result<Self, MetricError> {
        if values.len().checked_rem(counts.len()).unwrap_or(values.len()) != 0 {
            let item = format!("{} factors", counts.len());
            return Err(MetricError::Ragged { set: "factor", values: values.len(), item });
        }
        let column = |factor: usize| values.iter().skip(factor).step_by(counts.len()).copied().collect();
        Self::checked(counts.to_vec(), (0..counts.len()).map(column).collect())
    }

    /// The same from one column for each factor: how many values it has, and what it is in each item, `[n]`.
    ///
    /// # Errors
    /// If the columns differ in length, or a value is not below its factor's count.
    pub fn from_columns(columns: &[(usize, &[u32])]) -> Result<Self, MetricError> {
        let items = columns.first().map_or(0, |(_, column)| column.len());
        if let Some((_, column)) = columns.iter().find(|(_, column)| column.len() != items) {
            return Err(MetricError::Labels { set: "factor", labels: column.len(), items });
        }
        let column = |(_, column): &(usize, &[u32])| column.iter().map(|&value| value as usize).collect();
        Self::checked(columns.iter().map(|column| column.0).collect(), columns.iter().map(column).collect())
    }

    fn checked(counts: Vec<usize>, columns: Vec<Vec<usize>>) -> Result<Self, MetricError> {
        for (factor, (column, &count)) in columns.iter().zip(&counts).enumerate() {
            if let Some(item) = column.iter().position(|&value| value >= count) {
                return Err(MetricError::FactorValue { factor, item, value: column[item], count });
            }
        }
        Ok(Self { counts, columns })
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many values each factor has, `[factors]`.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// The values of a factor, `[n]`.
    ///
    /// # Panics
    /// If there is no such factor.
    pub fn column(&self, factor: usize) -> &[usize] {
        &self.columns[factor]
    }

    fn columns(&self) -> impl Iterator<Item = (&[usize], usize)> {
        self.columns.iter().map(Vec::as_slice).zip(self.counts.iter().copied())
    }
}

/// How much better the best latent tells a factor than the second best.
#[derive(Clone, Debug, PartialEq)]
pub struct Gaps {
    /// The mean of `gaps`.
    pub mean: f64,
    /// One for each factor.
    pub gaps: Vec<f64>,
    /// What the gaps are between, `[factors][latents]`.
    pub scores: Vec<Vec<f64>>,
}

impl Gaps {
    fn of(scores: Vec<Vec<f64>>) -> Self {
        let gap = |scores: &Vec<f64>| {
            let mut sorted = scores.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            sorted[0] - sorted[1]
        };
        let gaps: Vec<f64> = scores.iter().map(gap).collect();
        Self { mean: mean(&gaps), gaps, scores }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Finite codes of so many latents at least, with as many factors each, none of which is the same in all items.
fn check(codes: &Features, factors: &Factors, latents: usize, needed: usize) -> Result<(), MetricError> {
    codes.check("code", 2)?;
    if factors.len() != codes.len() {
        return Err(MetricError::Labels { set: "code", labels: factors.len(), items: codes.len() });
    }
    for (what, got, needed) in [("latents", codes.dims, latents), ("factors", factors.counts.len(), needed)] {
        if got < needed {
            return Err(MetricError::Axes { what, got, needed });
        }
    }
    match factors.columns.iter().position(|column| column.iter().all(|value| *value == column[0])) {
        Some(factor) => Err(MetricError::ConstantFactor { factor }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
