use serde::{Deserialize, Serialize};

/// A result with what it takes to read it. What does not apply is absent: `null` in JSON.
///
/// ```
/// use ganvas_metrics::Figure;
/// let figure = Figure { n_fake: Some(5000), floor: Some(0.4), ..Figure::new("ffd", 3.25) };
/// let json = serde_json::to_string(&figure)?;
/// assert_eq!(
///     json,
///     r#"{"name":"ffd","value":3.25,"stderr":null,"interval":null,"n_real":null,"n_fake":5000,"extractor":null,"floor":0.4,"baseline":null}"#
/// );
/// assert_eq!(serde_json::from_str::<Figure>(&json)?, figure);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// What was measured: `ffd`, `precision`, ...
    pub name: String,
    /// The result.
    pub value: f64,
    /// Its standard error.
    pub stderr: Option<f64>,
    /// Its 95 % confidence interval, low and high end.
    pub interval: Option<[f64; 2]>,
    /// Real items it was measured on.
    pub n_real: Option<usize>,
    /// Generated items it was measured on.
    pub n_fake: Option<usize>,
    /// Label of the extractor whose features it was measured on.
    pub extractor: Option<String>,
    /// The same between real data and real data: no model should do better.
    pub floor: Option<f64>,
    /// The same for a naive model: any model should do better.
    pub baseline: Option<f64>,
}

impl Figure {
    /// A result of which nothing else is known.
    pub fn new(name: impl Into<String>, value: f64) -> Self {
        Self {
            name: name.into(),
            value,
            stderr: None,
            interval: None,
            n_real: None,
            n_fake: None,
            extractor: None,
            floor: None,
            baseline: None,
        }
    }
}
