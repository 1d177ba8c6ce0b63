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
