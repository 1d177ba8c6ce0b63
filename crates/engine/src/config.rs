//! A run's settings: one TOML file from which the run can be made again.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, FloatDType};
use ganvas_data::{Channel, Dataset, ItemShape, read_within};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::EngineError;
use crate::schedule::Schedule;
use crate::suggest;
use crate::system::{DataSpec, Definition, Preset};

/// What can be wrong with a setting.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ConfigError {
    /// A key that does not exist.
    #[error("there is no setting `{key}`")]
    UnknownKey {
        /// The key as given.
        key: String,
        /// Those that exist.
        known: Vec<String>,
    },
    /// A setting outside of its domain.
    #[error("`{key}` must be {expected}, got {got}")]
    Domain {
        /// The setting.
        key: String,
        /// Its domain, in words.
        expected: String,
        /// The value given.
        got: String,
    },
    /// `--set` without `=`.
    #[error("`{text}` is not of the form key=value")]
    NotAnAssignment {
        /// The text given.
        text: String,
    },
    /// The file is no TOML, or its values are of the wrong types.
    #[error("the settings cannot be read: {reason}")]
    Parse {
        /// What is wrong.
        reason: String,
    },
    /// The settings are of another system.
    #[error("these settings are for `{found}`, not for `{wanted}`")]
    OtherSystem {
        /// The system asked for.
        wanted: String,
        /// The system of the settings.
        found: String,
    },
}

impl ConfigError {
    /// A setting outside of its domain.
    pub fn domain(key: impl Into<String>, expected: impl Into<String>, got: impl ToString) -> Self {
        Self::Domain { key: key.into(), expected: expected.into(), got: got.to_string() }
    }

    /// What to do next, where something can be said.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::UnknownKey { key, known } => {
                Some(suggest::help(key, &known.iter().map(String::as_str).collect::<Vec<_>>()))
            }
            Self::NotAnAssignment { .. } => Some("for example `--set batch=32`".into()),
            Self::OtherSystem { found, .. } => Some(format!("`ganvas train {found} --config ...`")),
            Self::Domain { .. } | Self::Parse { .. } => None,
        }
    }
}

/// Everything that a run is made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The system's id.
    pub system: String,
    /// Version of Ganvas that made the run.
    pub version: String,
    /// The preset that the settings started from.
    pub preset: String,
    /// The seed of all random streams.
    pub seed: u64,
    /// Updates of the whole rule.
    pub steps: u64,
    /// Items of a batch.
    pub batch: usize,
    /// Steps between reports.
    pub log_every: u64,
    /// Steps between sample grids; 0: only the last.
    pub sample_every: u64,
    /// Steps between checkpoints; 0: only the last.
    pub checkpoint_every: u64,
    /// Newest checkpoints that are kept.
    #[serde(default = "kept_checkpoints")]
    pub keep: usize,
    /// What happens when a loss or gradient is not finite.
    #[serde(default)]
    pub on_non_finite: NonFinite,
    /// The factor of all learning rates over time.
    #[serde(default)]
    pub schedule: Schedule,
    /// The gradients of a network are scaled down to this Euclidean norm where theirs is larger; 0: never.
    #[serde(default)]
    pub clip_norm: f64,
    /// Parts of a batch whose gradients are added up to one update: less memory for the same batch.
    #[serde(default = "one")]
    pub accumulate: usize,
    /// What products are computed in.
    #[serde(default)]
    pub precision: Precision,
    /// Steps between measurements on held-out data; 0: none.
    #[serde(default)]
    pub eval_every: u64,
    /// Samples, and held-out items at most, that are measured then.
    #[serde(default = "measured_items")]
    pub eval_n: usize,
    /// Samples in a grid.
    pub samples: usize,
    /// Threads that prepare batches; the result does not depend on it.
    pub threads: usize,
    /// Side that images are brought to; 0: as they are.
    pub resolution: usize,
    /// Channels that images are brought to, 1 or 3; 0: as they are.
    pub channels: usize,
    /// Steps of the pieces that series are cut into; 0: they are not.
    #[serde(default)]
    pub window: usize,
    /// Side of the squares that images are cut into; 0: they are whole.
    #[serde(default)]
    pub crop: usize,
    /// The device trained on; several with commas between them.
    pub device: String,
    /// The data, as they were found.
    pub data: DataConfig,
    /// The system's own settings.
    pub model: Table,
}

/// What the products of linear and convolutional layers are computed in while a run trains; all else, the weights among it, is `f32`
/// (Micikevicius et al. 2018, section 3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Single precision.
    #[default]
    F32,
    /// The range of `f32` in 16 bits, with 8 bits of precision.
    Bf16,
    /// 11 bits of precision, 6e-8 to 65504: losses are scaled up to keep gradients in range.
    F16,
}

impl Precision {
    /// All, the most precise first.
    pub const ALL: [Precision; 3] = [Precision::F32, Precision::F16, Precision::Bf16];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
            Precision::F16 => "f16",
        }
    }

    /// The type of burn's, where it is not that of all else.
    pub fn dtype(self) -> Option<FloatDType> {
        match self {
            Precision::F32 => None,
            Precision::Bf16 => Some(FloatDType::BF16),
            Precision::F16 => Some(FloatDType::F16),
        }
    }

    /// Whether a device has it.
    pub fn is_on(self, device: &Device) -> bool {
        self.dtype().is_none_or(|dtype| device.supports_dtype(dtype))
    }
}

/// What happens when a loss or gradient is not finite: the step is never applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NonFinite {
    /// Training stops.
    #[default]
    Stop,
    /// The step is left out, and training goes on; after 20 in a row it stops.
    Skip,
}

/// The one before the newest is there in case that the newest gets damaged.
fn kept_checkpoints() -> usize {
    2
}

fn one() -> usize {
    1
}

/// Ten measurements of a run, but none of a run of some steps more often than it is trained.
fn eval_interval(steps: u64) -> u64 {
    steps.div_ceil(10).max(100)
}

/// Enough to tell good from bad, few enough to be drawn in passing.
fn measured_items() -> usize {
    1000
}

/// The data of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Id or path.
    pub id: String,
    /// Id or path of the second domain, where two data sets were joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<String>,
    /// Over shape, values and labels, after resizing.
    pub fingerprint: String,
    /// Training items.
    pub train: usize,
    /// Held-out items.
    pub test: usize,
    /// Names of the classes; none: no labels.
    pub classes: Vec<String>,
    /// Shape of an item.
    pub shape: ItemShape,
    /// What the values at a step of a series are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
}

impl DataConfig {
    /// Of a data set.
    pub fn of(dataset: &Dataset) -> Self {
        Self {
            id: dataset.id.clone(),
            second: dataset.second.clone(),
            fingerprint: dataset.fingerprint.clone(),
            train: dataset.train.len,
            test: dataset.test.len,
            classes: dataset.class_names.clone(),
            shape: dataset.shape,
            channels: dataset.channels.clone(),
        }
    }

    /// What a person calls the data: by their id, or by both.
    pub fn name(&self) -> String {
        self.second.as_ref().map_or_else(|| self.id.clone(), |second| format!("{} and {second}", self.id))
    }

    /// What a system that is to be loaded may know of the data.
    pub fn spec(&self) -> DataSpec {
        DataSpec { shape: self.shape, classes: self.classes.len(), mean: vec![0.0; self.shape.len()] }
    }
}

/// The version of Ganvas that makes runs.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Keys that say what a run was, not what it shall be: they cannot be set.
const FACTS: [&str; 6] = ["system", "version", "preset", "device", "data", "model"];

/// Settings of a run that are given by hand, over a preset: later ones win.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// A settings file, such as another run's `config.toml`.
    pub file: Option<Table>,
    /// Dotted keys and their values.
    pub set: Vec<(String, Value)>,
}

impl Overrides {
    /// Takes the settings of a TOML file, which may be another run's `config.toml`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn with_file(mut self, path: &Path) -> Result<Self, EngineError> {
        let text = read_text(path)?;
        self.file = Some(parse(&text)?);
        Ok(self)
    }

    /// Takes `key=value`.
    ///
    /// # Errors
    /// If there is no `=`.
    pub fn with_assignment(self, text: &str) -> Result<Self, ConfigError> {
        let (key, value) =
            text.split_once('=').ok_or_else(|| ConfigError::NotAnAssignment { text: text.to_owned() })?;
        Ok(self.with(key.trim(), read_value(value.trim())))
    }

    /// Takes a value for a dotted key.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.set.push((key.to_owned(), value.into()));
        self
    }

    /// The value that is given for a key of the run itself, in the order of precedence.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let set = self.set.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value);
        set.or_else(|| self.file.as_ref().and_then(|file| file.get(key)))
    }
}

fn read_text(path: &Path) -> Result<String, EngineError> {
    /// Settings are some kilobytes, and the names of the classes.
    const LONGEST: u64 = 16 << 20;
    let text = |bytes| String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "no UTF-8"));
    read_within(path, LONGEST).and_then(text).map_err(EngineError::io("read", path))
}

fn parse(text: &str) -> Result<Table, ConfigError> {
    text.parse::<Table>().map_err(|e| ConfigError::Parse { reason: e.message().to_owned() })
}

/// A value as written after `key=`: TOML where it is TOML, otherwise the text itself.
fn read_value(text: &str) -> Value {
    let table = format!("value = {text}").parse::<Table>();
    table.ok().and_then(|mut t| t.remove("value")).unwrap_or_else(|| Value::String(text.to_owned()))
}

/// A setting that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its dotted key; or "data" or "version".
    pub key: String,
    /// Its value in the run.
    pub before: String,
    /// Its value now.
    pub now: String,
}

impl RunConfig {
    /// The settings of `system` from a preset for this data set, with what is given by hand over it.
    ///
    /// # Errors
    /// If a key does not exist or a value does not suit it.
    pub fn make(
        system: &Definition,
        preset: Preset,
        dataset: &Dataset,
        device: &str,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        let recommended = (system.preset)(preset, &DataSpec::of(dataset))?;
        let config = Self {
            system: system.info.id.into(),
            version: VERSION.into(),
            preset: preset.name().into(),
            seed: 0,
            steps: recommended.steps,
            batch: recommended.batch.min(dataset.train.len.max(1)),
            log_every: 10,
            sample_every: recommended.steps.div_ceil(10),
            checkpoint_every: recommended.steps.div_ceil(5),
            keep: kept_checkpoints(),
            on_non_finite: NonFinite::Stop,
            schedule: recommended.schedule,
            clip_norm: recommended.clip_norm,
            accumulate: 1,
            precision: Precision::F32,
            eval_every: eval_interval(recommended.steps),
            eval_n: measured_items(),
            samples: 64,
            threads: 1,
            resolution: 0,
            channels: 0,
            window: 0,
            crop: 0,
            device: device.into(),
            data: DataConfig::of(dataset),
            model: recommended.config,
        };
        let mut table = Table::try_from(&config).map_err(|e| ConfigError::Parse { reason: e.to_string() })?;
        if let Some(file) = &overrides.file {
            overlay_file(&mut table, file, system.info.id)?;
        }
        for (key, value) in &overrides.set {
            assign(&mut table, key, value.clone())?;
        }
        // The file's and the flags' word on the data has been heard already: here stands what they led to.
        let mut config: Self = table.try_into().map_err(|e: toml::de::Error| parse_error(&e))?;
        if overrides.get("sample_every").is_none() {
            config.sample_every = config.steps.div_ceil(10);
        }
        if overrides.get("checkpoint_every").is_none() {
            config.checkpoint_every = config.steps.div_ceil(5);
        }
        if overrides.get("eval_every").is_none() {
            config.eval_every = eval_interval(config.steps);
        }
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), ConfigError> {
        /// An item of more values than this is none that a system here is made for.
        const LARGEST_ITEM: u128 = 1 << 28;
        let values: u128 = self.data.shape.dims().into_iter().map(|side| side as u128).product();
        if values == 0 || values > LARGEST_ITEM {
            return Err(ConfigError::domain("data.shape", format!("1 to {LARGEST_ITEM} values"), self.data.shape));
        }
        let at_least_one = |key: &str, value: u64| match value {
            0 => Err(ConfigError::domain(key, "at least 1", value)),
            _ => Ok(()),
        };
        at_least_one("steps", self.steps)?;
        at_least_one("batch", self.batch as u64)?;
        at_least_one("log_every", self.log_every)?;
        at_least_one("threads", self.threads as u64)?;
        at_least_one("samples", self.samples as u64)?;
        at_least_one("keep", self.keep as u64)?;
        self.schedule.check()?;
        if !(self.clip_norm >= 0.0 && self.clip_norm.is_finite()) {
            return Err(ConfigError::domain("clip_norm", "zero or more", self.clip_norm));
        }
        if !(1..=self.batch).contains(&self.accumulate) {
            return Err(ConfigError::domain("accumulate", format!("1 to the batch, {}", self.batch), self.accumulate));
        }
        if self.samples > 4096 {
            return Err(ConfigError::domain("samples", "at most 4096", self.samples));
        }
        if !(2..=100_000).contains(&self.eval_n) {
            return Err(ConfigError::domain("eval_n", "2 to 100000", self.eval_n));
        }
        if self.threads > 256 {
            return Err(ConfigError::domain("threads", "at most 256", self.threads));
        }
        if self.batch > self.data.train {
            let most = format!("at most {}, the number of training items of `{}`", self.data.train, self.data.name());
            return Err(ConfigError::domain("batch", most, self.batch));
        }
        Ok(())
    }

    /// These settings with what is given by hand over them, and what differs then.
    ///
    /// # Errors
    /// If a key does not exist or a value does not suit it.
    pub fn with(&self, overrides: &Overrides) -> Result<(Self, Vec<Change>), ConfigError> {
        let before = Table::try_from(self).map_err(|e| ConfigError::Parse { reason: e.to_string() })?;
        let mut now = before.clone();
        if let Some(file) = &overrides.file {
            overlay_file(&mut now, file, &self.system)?;
        }
        for (key, value) in &overrides.set {
            assign(&mut now, key, value.clone())?;
        }
        let values = |table: &Table| -> BTreeMap<String, String> {
            flat(table).into_iter().map(|(key, value)| (key, value.to_string())).collect()
        };
        let (before, after) = (values(&before), values(&now));
        let keys: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let value = |of: &BTreeMap<String, String>, key| of.get(key).cloned().unwrap_or_else(|| "none".into());
        let changes = keys
            .into_iter()
            .filter(|&key| before.get(key) != after.get(key))
            .map(|key| Change { key: own_key(key).to_owned(), before: value(&before, key), now: value(&after, key) })
            .collect();
        let config: Self = now.try_into().map_err(|e: toml::de::Error| parse_error(&e))?;
        config.validate()?;
        Ok((config, changes))
    }

    /// The settings as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("settings are tables of numbers, strings and lists")
    }

    /// Reads settings back.
    ///
    /// # Errors
    /// If the text is no TOML, a key does not exist or a value is out of its domain.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        let config: Self = parse(text)?.try_into().map_err(|e: toml::de::Error| parse_error(&e))?;
        config.validate()?;
        Ok(config)
    }

    /// Reads the settings of a run folder.
    ///
    /// # Errors
    /// If the folder has none or they cannot be read.
    pub fn of_run(folder: &Path) -> Result<Self, EngineError> {
        let path = config_path(folder);
        if !path.is_file() {
            return Err(EngineError::NotARun { path: folder.to_owned() });
        }
        let text = read_text(&path)?;
        Ok(Self::from_toml(&text)?)
    }
}

/// The reader's message with the key that it is about.
pub(crate) fn one_line(error: &toml::de::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn parse_error(error: &toml::de::Error) -> ConfigError {
    ConfigError::Parse { reason: one_line(error) }
}

/// Where a run folder keeps its settings.
pub fn config_path(folder: &Path) -> PathBuf {
    folder.join("config.toml")
}

fn overlay_file(table: &mut Table, file: &Table, system: &str) -> Result<(), ConfigError> {
    if let Some(found) = file.get("system").and_then(Value::as_str)
        && found != system
    {
        return Err(ConfigError::OtherSystem { wanted: system.into(), found: found.into() });
    }
    for (key, value) in file {
        match (key.as_str(), value) {
            ("model", Value::Table(model)) => {
                for (key, value) in leaves(model, "") {
                    assign(table, &key, value)?;
                }
            }
            (key, _) if FACTS.contains(&key) => {}
            (key, value) => assign(table, key, value.clone())?,
        }
    }
    Ok(())
}

/// All values of a table by dotted key.
fn leaves(table: &Table, prefix: &str) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        match value {
            // A table with a `kind` is one choice: its other keys depend on it.
            Value::Table(inner) if !inner.contains_key("kind") => found.extend(leaves(inner, &format!("{key}."))),
            value => found.push((key, value.clone())),
        }
    }
    found
}

/// Sets a key of the run or, failing that, of its model. A key of the model may be called by its end, where only one
/// ends so: `width` for `networks.width`.
fn assign(table: &mut Table, key: &str, value: Value) -> Result<(), ConfigError> {
    let own = own_key(key);
    let first = key.split('.').next().unwrap_or(key);
    let of_run = !FACTS.contains(&first) && table.contains_key(first);
    let model = table.get("model").and_then(Value::as_table);
    let called = match (of_run, model) {
        (true, _) => Some(key.to_owned()),
        (false, Some(model)) => in_full(model, own).map(|full| format!("model.{full}")),
        (false, None) => None,
    };
    match called.and_then(|called| find_in(table, &called)) {
        Some(slot) => {
            // `lr = 1` for a float, as people write it.
            *slot = match (&*slot, value) {
                (Value::Float(_), Value::Integer(i)) => Value::Float(i as f64),
                (_, value) => value,
            };
            Ok(())
        }
        None => Err(ConfigError::UnknownKey { key: key.to_owned(), known: keys(table) }),
    }
}

/// The key itself where it is one, otherwise the only one that ends in it.
fn in_full(model: &Table, key: &str) -> Option<String> {
    fn walk(table: &Table, prefix: &str, found: &mut Vec<String>) {
        for (key, value) in table {
            found.push(format!("{prefix}{key}"));
            if let Value::Table(inner) = value {
                walk(inner, &format!("{prefix}{key}."), found);
            }
        }
    }
    let mut found = Vec::new();
    walk(model, "", &mut found);
    if found.iter().any(|full| full == key) {
        return Some(key.to_owned());
    }
    let end = format!(".{key}");
    found.retain(|full| full.ends_with(&end));
    if found.len() == 1 { found.pop() } else { None }
}

fn find_in<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Value> {
    let (first, rest) = key.split_once('.').map_or((key, None), |(first, rest)| (first, Some(rest)));
    let value = table.get_mut(first)?;
    match rest {
        None => Some(value),
        Some(rest) => find_in(value.as_table_mut()?, rest),
    }
}

/// The keys that can be set.
fn keys(table: &Table) -> Vec<String> {
    let is_fact = |key: &str| FACTS.contains(&key.split('.').next().unwrap_or(key)) && !key.starts_with("model.");
    flat(table)
        .into_iter()
        .map(|(key, _)| key)
        .filter(|key| !is_fact(key))
        .map(|key| own_key(&key).to_owned())
        .collect()
}

/// A system's setting is called by its own name.
fn own_key(key: &str) -> &str {
    key.strip_prefix("model.").unwrap_or(key)
}

/// All values by dotted key.
fn flat(table: &Table) -> Vec<(String, &Value)> {
    fn walk<'t>(table: &'t Table, prefix: &str, found: &mut Vec<(String, &'t Value)>) {
        for (key, value) in table {
            let key = format!("{prefix}{key}");
            match value {
                Value::Table(inner) => walk(inner, &format!("{key}."), found),
                value => found.push((key, value)),
            }
        }
    }
    let mut found = Vec::new();
    walk(table, "", &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        parse("steps = 5\nsystem = 'x'\n[model]\nlatent = 3\n[model.adam]\nlr = 0.1").unwrap()
    }

    #[test]
    fn keys_of_the_run_and_of_the_model_can_be_set() {
        let mut t = table();
        assign(&mut t, "steps", 7.into()).unwrap();
        assign(&mut t, "adam.lr", 1.into()).unwrap();
        assign(&mut t, "model.latent", 4.into()).unwrap();
        assert_eq!(t["steps"].as_integer(), Some(7));
        assert_eq!(t["model"]["adam"]["lr"].as_float(), Some(1.0));
        assert_eq!(t["model"]["latent"].as_integer(), Some(4));
    }

    #[test]
    fn an_unknown_key_names_the_nearest_and_all() {
        let error = assign(&mut table(), "latnet", 4.into()).unwrap_err();
        let help = error.help().unwrap();
        assert!(help.contains("did you mean `latent`?") && help.contains("adam.lr"), "{help}");
        assert!(assign(&mut table(), "system", 4.into()).is_err(), "what a run was cannot be set");
    }

    #[test]
    fn a_key_may_be_called_by_its_end_where_only_one_ends_so() {
        let mut t = parse("[model]\nlatent = 3\n[model.networks]\nwidth = 4\na.lr = 1.0\nb.lr = 2.0\nb.z = 1").unwrap();
        assign(&mut t, "width", 8.into()).unwrap();
        assert_eq!(t["model"]["networks"]["width"].as_integer(), Some(8));
        assign(&mut t, "b.lr", 3.into()).unwrap();
        assert_eq!(t["model"]["networks"]["b"]["lr"].as_float(), Some(3.0));
        assign(&mut t, "z", 5.into()).unwrap();
        assert!(assign(&mut t, "lr", 3.into()).is_err(), "two end so");
        assert!(assign(&mut t, "idth", 3.into()).is_err(), "a part of a word is no key");
    }

    #[test]
    fn tables_of_the_run_have_keys_too() {
        let mut t = parse("system = 'x'\n[schedule]\nend = 0.1\n[model]\nlatent = 3").unwrap();
        assign(&mut t, "schedule.end", 1.into()).unwrap();
        assert_eq!(t["schedule"]["end"].as_float(), Some(1.0));
        assert!(assign(&mut t, "schedule.ende", 1.into()).is_err());
        assert_eq!(keys(&t), ["latent", "schedule.end"]);
    }

    #[test]
    fn values_are_toml_where_they_can_be() {
        assert_eq!(read_value("[1, 2]"), Value::from(vec![1, 2]));
        assert_eq!(read_value("2e-4"), Value::Float(2e-4));
        assert_eq!(read_value("relu"), Value::String("relu".into()));
        assert_eq!(read_value("a = b"), Value::String("a = b".into()));
    }
}
