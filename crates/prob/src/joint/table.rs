use super::JointError;

/// How far from 1 the entries may add up to.
const SUM_TOLERANCE: f64 = 1e-9;

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
    pub(super) fn two(&self, a: &str, b: &str) -> Result<[Vec<f64>; 3], JointError> {
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

    /// Whether every p(a, b) is p(a) p(b) within `tolerance`. For what counts say, see [`chi_square_test`](super::chi_square_test).
    ///
    /// # Errors
    /// If there is no such axis, or both are the same.
    pub fn is_independent(&self, a: &str, b: &str, tolerance: f64) -> Result<bool, JointError> {
        let [first, second, both] = self.two(a, b)?;
        let product = |i: usize| first[i / second.len()] * second[i % second.len()];
        Ok(both.iter().enumerate().all(|(i, p)| (p - product(i)).abs() <= tolerance))
    }
}
