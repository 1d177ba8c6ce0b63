//! Tables of joint probabilities over named axes: marginals, conditionals, Bayes' rule, expectation, independence.
//!
//! ```
//! use ganvas_prob::joint::JointTable;
//! let table = JointTable::from_rows(
//!     ("x", &["1", "2", "3"]),
//!     ("y", &["1", "2", "3"]),
//!     &[[0.32, 0.03, 0.01], [0.06, 0.24, 0.02], [0.02, 0.03, 0.27]],
//! )?;
//! let close = |a: f64, b: f64| (a - b).abs() < 1e-15;
//! // p(x = 1) = 0.36, E[x] = 1.96, p(y = 2 | x = 1) = 1/12.
//! assert!(close(table.probability(&[("x", "1")])?, 0.36));
//! assert!(close(table.expectation("x")?, 1.96));
//! assert!(close(table.conditional_probability(&[("y", "2")], &[("x", "1")])?, 1.0 / 12.0));
//! // Bayes' rule: p(x | y) = p(y | x) p(x) / p(y).
//! let posterior = table.conditional(&[("y", "2")])?;
//! assert!(close(posterior.probability(&[("x", "1")])?, 1.0 / 12.0 * 0.36 / 0.3));
//! assert!(!table.is_independent("x", "y", 1e-3)?);
//! # Ok::<(), ganvas_prob::joint::JointError>(())
//! ```

use statrs::distribution::{ChiSquared, ContinuousCDF};

/// How far from 1 the entries may add up to.
const SUM_TOLERANCE: f64 = 1e-9;

/// What is wrong with a table, or with a question to it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum JointError {
    /// An entry that is negative or not finite.
    #[error("entry {index} is {value}: it must be finite and not negative")]
    Entry {
        /// Its position, row-major.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// Entries that do not add up to 1 within 1e-9.
    #[error("the entries add up to {sum}, not to 1")]
    Sum {
        /// Their sum.
        sum: f64,
    },
    /// A row of another length than the axis it runs along.
    #[error("row {row} has {got} entries where {expected} were expected")]
    Ragged {
        /// The row.
        row: usize,
        /// Outcomes of the axis.
        expected: usize,
        /// Entries of the row.
        got: usize,
    },
    /// Not one entry for each combination of outcomes.
    #[error("{got} entries where the axes make {expected}")]
    Entries {
        /// The product of the axes' sizes.
        expected: usize,
        /// What was given.
        got: usize,
    },
    /// Two axes of one name, or two outcomes of one axis.
    #[error("the name `{name}` is given twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// An axis without outcomes, or no axis at all.
    #[error("a table needs axes, and an axis outcomes")]
    Empty,
    /// An axis that the table does not have.
    #[error("the table has no axis `{name}`; it has {known}")]
    UnknownAxis {
        /// The name asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// An outcome that an axis does not have.
    #[error("the axis `{axis}` has no outcome `{name}`; it has {known}")]
    UnknownOutcome {
        /// The axis.
        axis: String,
        /// The name asked for.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// An outcome that is no number, so that it has no expectation.
    #[error("the outcome `{name}` of `{axis}` is no number: its expectation needs a value")]
    NotANumber {
        /// The axis.
        axis: String,
        /// The outcome.
        name: String,
    },
    /// A condition of probability zero.
    #[error("the condition has probability 0: nothing is defined given it")]
    ImpossibleCondition,
    /// Counts that no chi-square test can be made of.
    #[error("the test needs two rows and two columns with counts above 0, got {rows} and {columns}")]
    TooFewCounts {
        /// Rows with a count.
        rows: usize,
        /// Columns with a count.
        columns: usize,
    },
}

#[derive(Clone, Debug, PartialEq)]
struct Axis {
    name: String,
    outcomes: Vec<String>,
}

fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Result<(), JointError> {
    let mut seen = std::collections::HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(JointError::Duplicate { name: name.clone() });
        }
    }
    Ok(())
}

/// The probabilities of all combinations of outcomes of named axes.
///
/// # Shapes
/// One entry per combination, row-major: the last axis runs fastest.
#[derive(Clone, Debug, PartialEq)]
pub struct JointTable {
    axes: Vec<Axis>,
    entries: Vec<f64>,
}

impl JointTable {
    /// The table with these axes, each a name and its outcomes, and entries in row-major order.
    ///
    /// # Errors
    /// If a name is given twice, an axis is empty, or the entries are of another number, negative, not finite or do not
    /// add up to 1 within 1e-9.
    pub fn new<A: Into<String>, O: Into<String>>(
        axes: impl IntoIterator<Item = (A, Vec<O>)>,
        entries: Vec<f64>,
    ) -> Result<Self, JointError> {
        let name = |(name, outcomes): (A, Vec<O>)| Axis {
            name: name.into(),
            outcomes: outcomes.into_iter().map(Into::into).collect(),
        };
        let axes: Vec<Axis> = axes.into_iter().map(name).collect();
        if axes.is_empty() || axes.iter().any(|axis| axis.outcomes.is_empty()) {
            return Err(JointError::Empty);
        }
        distinct(axes.iter().map(|axis| &axis.name))?;
        for axis in &axes {
            distinct(axis.outcomes.iter())?;
        }
        let expected = axes.iter().fold(1usize, |product, axis| product.saturating_mul(axis.outcomes.len()));
        if entries.len() != expected {
            return Err(JointError::Entries { expected, got: entries.len() });
        }
        if let Some(index) = entries.iter().position(|x| !(x.is_finite() && *x >= 0.0)) {
            return Err(JointError::Entry { index, value: entries[index] });
        }
        let sum: f64 = entries.iter().sum();
        if (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(JointError::Sum { sum });
        }
        Ok(Self { axes, entries })
    }

    /// The table of two axes, one row per outcome of the first.
    ///
    /// # Errors
    /// As [`new`](Self::new), or if a row has another length than the second axis.
    pub fn from_rows<Row: AsRef<[f64]>>(
        rows: (&str, &[&str]),
        columns: (&str, &[&str]),
        entries: &[Row],
    ) -> Result<Self, JointError> {
        let expected = columns.1.len();
        for (row, values) in entries.iter().enumerate() {
            let got = values.as_ref().len();
            if got != expected {
                return Err(JointError::Ragged { row, expected, got });
            }
        }
        let flat = entries.iter().flat_map(|row| row.as_ref()).copied().collect();
        Self::new([(rows.0, rows.1.to_vec()), (columns.0, columns.1.to_vec())], flat)
    }

    /// The joint table p(x, y) = p(x) p(y | x) of a prior p(x), `[n]`, and a likelihood p(y | x), `[n, m]`; its
    /// [`conditional`](Self::conditional) on y is the posterior of Bayes' rule.
    ///
    /// ```
    /// use ganvas_prob::joint::JointTable;
    /// // A test that finds 99 % of a rare illness and is wrong for 5 % of the healthy.
    /// let ill = ("ill", &["yes", "no"][..]);
    /// let test = ("test", &["+", "-"][..]);
    /// let table = JointTable::from_prior(ill, &[0.01, 0.99], test, &[[0.99, 0.01], [0.05, 0.95]])?;
    /// let posterior = table.conditional_probability(&[("ill", "yes")], &[("test", "+")])?;
    /// assert!((posterior - 1.0 / 6.0).abs() < 1e-15);
    /// # Ok::<(), ganvas_prob::joint::JointError>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_rows`](Self::from_rows); a row of the likelihood that does not add up to 1 is a [`JointError::Sum`].
    pub fn from_prior<Row: AsRef<[f64]>>(
        cause: (&str, &[&str]),
        prior: &[f64],
        effect: (&str, &[&str]),
        likelihood: &[Row],
    ) -> Result<Self, JointError> {
        if prior.len() != likelihood.len() {
            return Err(JointError::Entries { expected: likelihood.len(), got: prior.len() });
        }
        for row in likelihood {
            Self::new([(effect.0, effect.1.to_vec())], row.as_ref().to_vec())?;
        }
        let scaled = |(p, row): (&f64, &Row)| row.as_ref().iter().map(|l| p * l).collect::<Vec<f64>>();
        let rows: Vec<Vec<f64>> = prior.iter().zip(likelihood).map(scaled).collect();
        Self::from_rows(cause, effect, &rows)
    }

    /// The names of the axes.
    pub fn axes(&self) -> impl Iterator<Item = &str> {
        self.axes.iter().map(|axis| axis.name.as_str())
    }

    /// The names of an axis' outcomes.
    ///
    /// # Errors
    /// If there is no such axis.
    pub fn outcomes(&self, axis: &str) -> Result<&[String], JointError> {
        Ok(&self.axes[self.axis(axis)?].outcomes)
    }

    /// The entries, row-major.
    pub fn entries(&self) -> &[f64] {
        &self.entries
    }

    fn axis(&self, name: &str) -> Result<usize, JointError> {
        let unknown =
            || JointError::UnknownAxis { name: name.into(), known: listed(self.axes.iter().map(|axis| &axis.name)) };
        self.axes.iter().position(|axis| axis.name == name).ok_or_else(unknown)
    }

    /// An event as pairs of positions, of an axis and one of its outcomes.
    fn event(&self, event: &[(&str, &str)]) -> Result<Vec<(usize, usize)>, JointError> {
        let place = |&(axis, name): &(&str, &str)| {
            let a = self.axis(axis)?;
            let outcomes = &self.axes[a].outcomes;
            let unknown =
                || JointError::UnknownOutcome { axis: axis.into(), name: name.into(), known: listed(outcomes.iter()) };
            Ok((a, outcomes.iter().position(|outcome| outcome == name).ok_or_else(unknown)?))
        };
        event.iter().map(place).collect()
    }

    /// The outcome of axis `axis` that entry `index` belongs to.
    fn outcome_of(&self, index: usize, axis: usize) -> usize {
        let stride: usize = self.axes[axis + 1..].iter().map(|a| a.outcomes.len()).product();
        index / stride % self.axes[axis].outcomes.len()
    }

    fn mass(&self, event: &[(usize, usize)]) -> f64 {
        let holds = |index: usize| event.iter().all(|&(axis, outcome)| self.outcome_of(index, axis) == outcome);
        self.entries.iter().enumerate().filter(|(index, _)| holds(*index)).map(|(_, p)| p).sum()
    }

    /// The probability that all of these axes have these outcomes, whatever the others have; of no condition: 1.
    ///
    /// # Errors
    /// If there is no such axis or outcome.
    pub fn probability(&self, event: &[(&str, &str)]) -> Result<f64, JointError> {
        Ok(self.mass(&self.event(event)?))
    }

    /// p(event | given) = p(event, given) / p(given).
    ///
    /// # Errors
    /// If there is no such axis or outcome, or p(given) = 0.
    pub fn conditional_probability(&self, event: &[(&str, &str)], given: &[(&str, &str)]) -> Result<f64, JointError> {
        let given = self.event(given)?;
        let whole = self.mass(&given);
        if whole == 0.0 {
            return Err(JointError::ImpossibleCondition);
        }
        let both: Vec<_> = self.event(event)?.into_iter().chain(given).collect();
        Ok(self.mass(&both) / whole)
    }

    /// The table of these axes alone, in this order: the others summed out.
    ///
    /// # Errors
    /// If there is no such axis, one is named twice, or none is.
    pub fn marginal(&self, axes: &[&str]) -> Result<Self, JointError> {
        let kept: Vec<usize> = axes.iter().map(|name| self.axis(name)).collect::<Result<_, _>>()?;
        self.summed(&kept, &[], 1.0)
    }

    /// The table of the other axes, given that these have these outcomes.
    ///
    /// # Errors
    /// If there is no such axis or outcome, no axis is left, or the condition has probability 0.
    pub fn conditional(&self, given: &[(&str, &str)]) -> Result<Self, JointError> {
        let given = self.event(given)?;
        let whole = self.mass(&given);
        if whole == 0.0 {
            return Err(JointError::ImpossibleCondition);
        }
        let kept: Vec<usize> = (0..self.axes.len()).filter(|axis| given.iter().all(|(a, _)| a != axis)).collect();
        self.summed(&kept, &given, whole)
    }

    /// The entries that satisfy `given`, over `whole`, summed over all axes but `kept`.
    fn summed(&self, kept: &[usize], given: &[(usize, usize)], whole: f64) -> Result<Self, JointError> {
        let axes: Vec<Axis> = kept.iter().map(|&axis| self.axes[axis].clone()).collect();
        if axes.is_empty() {
            return Err(JointError::Empty);
        }
        distinct(axes.iter().map(|axis| &axis.name))?;
        let mut entries = vec![0.0; axes.iter().map(|axis| axis.outcomes.len()).product()];
        for (index, p) in self.entries.iter().enumerate() {
            if given.iter().all(|&(axis, outcome)| self.outcome_of(index, axis) == outcome) {
                let place = kept
                    .iter()
                    .fold(0, |place, &axis| place * self.axes[axis].outcomes.len() + self.outcome_of(index, axis));
                entries[place] += p / whole;
            }
        }
        Ok(Self { axes, entries })
    }

    /// E of an axis whose outcomes are numbers.
    ///
    /// # Errors
    /// If there is no such axis, or an outcome is no finite number.
    pub fn expectation(&self, axis: &str) -> Result<f64, JointError> {
        let value = |name: &str| name.trim().parse::<f64>().ok().filter(|value| value.is_finite());
        let no_number = |name: &String| JointError::NotANumber { axis: axis.into(), name: name.clone() };
        let outcomes = self.outcomes(axis)?;
        let values: Vec<f64> =
            outcomes.iter().map(|name| value(name).ok_or_else(|| no_number(name))).collect::<Result<_, _>>()?;
        Ok(self.marginal(&[axis])?.entries.iter().zip(values).map(|(p, value)| p * value).sum())
    }

    /// `E[f]` of any function of the outcomes' names, which come in the order of the axes.
    ///
    /// ```
    /// # use ganvas_prob::joint::JointTable;
    /// let dice = JointTable::from_rows(("a", &["1", "2"]), ("b", &["1", "2"]), &[[0.25; 2]; 2])?;
    /// let number = |name: &str| name.parse::<f64>().unwrap_or(f64::NAN);
    /// assert_eq!(dice.expectation_of(|names| number(names[0]) * number(names[1])), 2.25);
    /// # Ok::<(), ganvas_prob::joint::JointError>(())
    /// ```
    pub fn expectation_of(&self, f: impl Fn(&[&str]) -> f64) -> f64 {
        let mut names = vec![""; self.axes.len()];
        let mut sum = 0.0;
        for (index, p) in self.entries.iter().enumerate().filter(|(_, p)| **p > 0.0) {
            for (axis, name) in names.iter_mut().enumerate() {
                *name = &self.axes[axis].outcomes[self.outcome_of(index, axis)];
            }
            sum += p * f(&names);
        }
        sum
    }

    /// p(a), `[n]`, p(b), `[m]`, and p(a, b), `[n, m]` row-major.
    fn two(&self, a: &str, b: &str) -> Result<[Vec<f64>; 3], JointError> {
        let both = self.marginal(&[a, b])?;
        Ok([both.marginal(&[a])?.entries, both.marginal(&[b])?.entries, both.entries])
    }

    /// The mutual information sum p(a, b) ln(p(a, b) / (p(a) p(b))), in nats: what one axis tells about the other.
    ///
    /// # Errors
    /// If there is no such axis, or both are the same.
    pub fn mutual_information_nats(&self, a: &str, b: &str) -> Result<f64, JointError> {
        let [first, second, both] = self.two(a, b)?;
        let term = |(i, &p): (usize, &f64)| {
            let (row, column) = (first[i / second.len()], second[i % second.len()]);
            if p > 0.0 { p * (p.ln() - row.ln() - column.ln()) } else { 0.0 }
        };
        Ok(both.iter().enumerate().map(term).sum::<f64>().max(0.0))
    }

    /// The same in bits.
    ///
    /// # Errors
    /// As [`mutual_information_nats`](Self::mutual_information_nats).
    pub fn mutual_information_bits(&self, a: &str, b: &str) -> Result<f64, JointError> {
        Ok(self.mutual_information_nats(a, b)? / std::f64::consts::LN_2)
    }

    /// Whether every p(a, b) is p(a) p(b) within `tolerance`. For what counts say, see [`chi_square_test`].
    ///
    /// # Errors
    /// If there is no such axis, or both are the same.
    pub fn is_independent(&self, a: &str, b: &str, tolerance: f64) -> Result<bool, JointError> {
        let [first, second, both] = self.two(a, b)?;
        let product = |i: usize| first[i / second.len()] * second[i % second.len()];
        Ok(both.iter().enumerate().all(|(i, p)| (p - product(i)).abs() <= tolerance))
    }
}

/// The result of a test of independence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChiSquareTest {
    /// sum (n_ij - e_ij)^2 / e_ij with e_ij = n_i n_j / n.
    pub statistic: f64,
    /// (rows - 1)(columns - 1), of those with a count.
    pub degrees_of_freedom: usize,
    /// The probability of a statistic as large or larger if rows and columns are independent.
    pub p_value: f64,
    /// The smallest e_ij; the p-value, a limit for many counts, is trusted from about 5.
    pub least_expected: f64,
}

/// Pearson's chi-square test of independence of the rows and columns of counts, without continuity correction
/// (K. Pearson 1900; degrees of freedom R. A. Fisher 1922). Rows and columns without a count are left out.
///
/// ```
/// use ganvas_prob::joint::chi_square_test;
/// let test = chi_square_test(&[[10, 20], [30, 40]])?;
/// assert!((test.statistic - 50.0 / 63.0).abs() < 1e-14 && test.degrees_of_freedom == 1);
/// # Ok::<(), ganvas_prob::joint::JointError>(())
/// ```
///
/// # Errors
/// If the rows differ in length, or fewer than two rows or columns have a count.
pub fn chi_square_test<Row: AsRef<[u64]>>(counts: &[Row]) -> Result<ChiSquareTest, JointError> {
    let expected = counts.first().map_or(0, |row| row.as_ref().len());
    let mut columns = vec![0.0; expected];
    let mut rows = Vec::with_capacity(counts.len());
    for (row, values) in counts.iter().map(AsRef::as_ref).enumerate() {
        if values.len() != expected {
            return Err(JointError::Ragged { row, expected, got: values.len() });
        }
        columns.iter_mut().zip(values).for_each(|(sum, &n)| *sum += n as f64);
        rows.push(values.iter().map(|&n| n as f64).sum::<f64>());
    }
    let above_zero = |sums: &[f64]| sums.iter().filter(|n| **n > 0.0).count();
    let (r, c) = (above_zero(&rows), above_zero(&columns));
    let degrees_of_freedom = r.saturating_sub(1) * c.saturating_sub(1);
    let too_few = JointError::TooFewCounts { rows: r, columns: c };
    let law = ChiSquared::new(degrees_of_freedom as f64).map_err(|_| too_few)?;
    let n: f64 = rows.iter().sum();
    let (mut statistic, mut least_expected) = (0.0, f64::INFINITY);
    for (values, row) in counts.iter().map(AsRef::as_ref).zip(&rows) {
        for (&count, column) in values.iter().zip(&columns) {
            let expected = row * (column / n);
            if expected > 0.0 {
                statistic += (count as f64 - expected).powi(2) / expected;
                least_expected = least_expected.min(expected);
            }
        }
    }
    Ok(ChiSquareTest { statistic, degrees_of_freedom, p_value: law.sf(statistic), least_expected })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::information::{entropy_nats, kl_nats};
    use crate::sampling::AliasTable;
    use crate::stream::Streams;
    use proptest::prelude::*;

    fn example() -> JointTable {
        let names: &[&str] = &["1", "2", "3"];
        let rows = [[0.32, 0.03, 0.01], [0.06, 0.24, 0.02], [0.02, 0.03, 0.27]];
        JointTable::from_rows(("x", names), ("y", names), &rows).unwrap()
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-14, "{a} against {b}");
    }

    #[test]
    fn marginals_and_conditionals_of_the_example_are_those_done_by_hand() {
        let table = example();
        for (p, expected) in table.marginal(&["y"]).unwrap().entries().iter().zip([0.4, 0.3, 0.3]) {
            close(*p, expected);
        }
        for (p, expected) in table.conditional(&[("x", "2")]).unwrap().entries().iter().zip([0.1875, 0.75, 0.0625]) {
            close(*p, expected);
        }
        let turned = table.marginal(&["y", "x"]).unwrap();
        close(turned.probability(&[("x", "1"), ("y", "2")]).unwrap(), 0.03);
        assert_eq!(turned.entries()[1], 0.06);
        close(table.expectation("y").unwrap(), 1.9);
        close(table.probability(&[]).unwrap(), 1.0);
    }

    #[test]
    fn mutual_information_is_the_entropies_that_overlap() {
        let table = example();
        let h = |axes: &[&str]| entropy_nats(table.marginal(axes).unwrap().entries()).unwrap();
        let information = table.mutual_information_nats("x", "y").unwrap();
        close(information, h(&["x"]) + h(&["y"]) - h(&["x", "y"]));
        close(information, table.mutual_information_nats("y", "x").unwrap());
        close(information, table.mutual_information_bits("x", "y").unwrap() * std::f64::consts::LN_2);
    }

    /// Two fair bits and their exclusive or: any two are independent, but the third follows from them.
    #[test]
    fn three_axes_can_be_independent_in_pairs_but_not_together() {
        let bit = vec!["0", "1"];
        let entries = (0..8).map(|i: u32| if i.count_ones().is_multiple_of(2) { 0.25 } else { 0.0 }).collect();
        let table = JointTable::new([("a", bit.clone()), ("b", bit.clone()), ("c", bit)], entries).unwrap();
        assert!(table.is_independent("a", "b", 0.0).unwrap() && table.is_independent("b", "c", 0.0).unwrap());
        let given = table.conditional(&[("c", "1")]).unwrap();
        assert!(!given.is_independent("a", "b", 0.2).unwrap());
        close(given.mutual_information_bits("a", "b").unwrap(), 1.0);
        assert_eq!(table.conditional_probability(&[("c", "1")], &[("a", "1"), ("b", "1")]), Ok(0.0));
        assert_eq!(table.conditional_probability(&[("a", "0")], &[("a", "1")]), Ok(0.0));
        assert_eq!(table.probability(&[("a", "0"), ("a", "1")]), Ok(0.0));
    }

    /// scipy.stats.chi2_contingency([[10, 20, 30], [6, 9, 17]], correction=False).
    #[test]
    fn the_chi_square_test_gives_the_reference_value() {
        let test = chi_square_test(&[[10, 20, 30], [6, 9, 17]]).unwrap();
        assert!((test.statistic - 0.271_574_651_504_035).abs() < 1e-14, "{test:?}");
        assert!((test.p_value - 0.873_028_283_380_073).abs() < 1e-14 && test.degrees_of_freedom == 2);
        // With two degrees of freedom the p-value is exp(-statistic / 2).
        close(test.p_value, (-test.statistic / 2.0).exp());
    }

    #[test]
    fn draws_of_the_example_are_found_to_depend_and_draws_of_its_marginals_are_not() {
        let count = |entries: &[f64], name: &str| {
            let (table, mut rng) = (AliasTable::new(entries).unwrap(), Streams::new(1).rng(name, 0));
            let mut counts = [[0u64; 3]; 3];
            for _ in 0..1000 {
                let i = table.sample_index(&mut rng);
                counts[i / 3][i % 3] += 1;
            }
            chi_square_test(&counts).unwrap()
        };
        assert!(count(example().entries(), "dependent").p_value < 1e-100);
        let [x, y, _] = example().two("x", "y").unwrap();
        let product: Vec<f64> = x.iter().flat_map(|a| y.iter().map(move |b| a * b)).collect();
        assert!(count(&product, "independent").p_value > 0.001);
    }

    #[test]
    fn tables_that_are_none_are_refused() {
        let of = |rows: &[Vec<f64>]| JointTable::from_rows(("x", &["a", "b"]), ("y", &["c", "d"]), rows).unwrap_err();
        assert_eq!(of(&[vec![0.5, 0.5], vec![0.0]]), JointError::Ragged { row: 1, expected: 2, got: 1 });
        assert_eq!(of(&[vec![0.5, 0.5]]), JointError::Entries { expected: 4, got: 2 });
        assert_eq!(of(&[vec![0.5, 0.6], vec![-0.1, 0.0]]), JointError::Entry { index: 2, value: -0.1 });
        assert_eq!(of(&[vec![0.5, 0.25], vec![0.0, 0.0]]), JointError::Sum { sum: 0.75 });
        assert!(matches!(of(&[vec![f64::NAN, 0.25], vec![0.0, 0.0]]), JointError::Entry { index: 0, .. }));
        let twice = |name: &str| Err(JointError::Duplicate { name: name.into() });
        assert_eq!(JointTable::from_rows(("x", &["a"]), ("x", &["b"]), &[[1.0]]), twice("x"));
        assert_eq!(JointTable::from_rows(("x", &["a", "a"]), ("y", &["b"]), &[[0.5], [0.5]]), twice("a"));
        assert_eq!(JointTable::new::<&str, &str>([], vec![]), Err(JointError::Empty));
        assert_eq!(JointTable::new([("x", Vec::<&str>::new())], vec![]), Err(JointError::Empty));
    }

    #[test]
    fn questions_without_an_answer_are_refused() {
        let table = example();
        assert!(matches!(table.marginal(&["z"]), Err(JointError::UnknownAxis { .. })));
        assert!(matches!(table.marginal(&["x", "x"]), Err(JointError::Duplicate { .. })));
        assert!(matches!(table.probability(&[("x", "4")]), Err(JointError::UnknownOutcome { .. })));
        assert_eq!(table.conditional(&[("x", "1"), ("y", "1")]), Err(JointError::Empty));
        let certain = JointTable::from_rows(("x", &["a", "b"]), ("y", &["c"]), &[[1.0], [0.0]]).unwrap();
        assert_eq!(certain.conditional(&[("x", "b")]), Err(JointError::ImpossibleCondition));
        assert!(matches!(certain.expectation("x"), Err(JointError::NotANumber { .. })));
        let counts: [[u64; 2]; 2] = [[1, 0], [2, 0]];
        assert_eq!(chi_square_test(&counts), Err(JointError::TooFewCounts { rows: 2, columns: 1 }));
        assert!(chi_square_test::<[u64; 1]>(&[]).is_err());
    }

    proptest! {
        #[test]
        fn mutual_information_is_the_kl_from_the_product_of_the_marginals(w in prop::collection::vec(0.0f64..1.0, 12)) {
            let sum: f64 = w.iter().sum();
            prop_assume!(sum > 1e-3);
            let names = ["a", "b", "c", "d"];
            let axes = [("x", names[..3].to_vec()), ("y", names.to_vec())];
            let table = JointTable::new(axes, w.iter().map(|x| x / sum).collect()).unwrap();
            let [x, y, both] = table.two("x", "y").unwrap();
            let product: Vec<f64> = x.iter().flat_map(|a| y.iter().map(move |b| a * b)).collect();
            let information = table.mutual_information_nats("x", "y").unwrap();
            prop_assert!((information - kl_nats(&both, &product).unwrap()).abs() < 1e-13);
            prop_assert_eq!(&both, table.entries());
            let turned = table.marginal(&["y", "x"]).unwrap();
            prop_assert!((0..12).all(|i| turned.entries()[i % 4 * 3 + i / 4] == both[i]));
            // Bayes' rule, and the law of total probability.
            for a in &names[..3] {
                let total: f64 = names
                    .iter()
                    .map(|b| {
                        table.conditional_probability(&[("x", a)], &[("y", b)]).unwrap_or(0.0)
                            * table.probability(&[("y", b)]).unwrap()
                    })
                    .sum();
                prop_assert!((total - table.probability(&[("x", a)]).unwrap()).abs() < 1e-14);
            }
        }
    }
}
