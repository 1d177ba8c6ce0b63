//! What the program says when it cannot do what it was asked for.

use std::path::Path;

use ganvas_data::DataError;
use ganvas_engine::EngineError;
use ganvas_engine::accept::AcceptError;
use ganvas_engine::config::ConfigError;
use ganvas_metrics::MetricError;

/// An error with the exit code and the advice that go with it.
#[derive(Debug)]
pub struct CliError {
    /// 2 for a request that cannot be, 1 for something that failed, 3 for training that was stopped by a guard or has lost a device.
    pub code: u8,
    /// What is wrong, in a line.
    pub message: String,
    /// What to do next.
    pub help: Option<String>,
}

impl CliError {
    /// A request that cannot be.
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code: 2, message: message.into(), help: Some(help.into()) }
    }

    /// Something that failed.
    pub fn failure(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into(), help: None }
    }

    /// A file that cannot be read or written.
    pub fn io(action: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::failure(format!("cannot {action} {}: {error}", path.display()))
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        let code = match &error {
            EngineError::Data(data) => return Self { code: data_code(data), ..Self::from_parts(&error, error.help()) },
            EngineError::NonFinite { .. } | EngineError::Device { .. } => 3,
            error if error.is_usage() => 2,
            _ => 1,
        };
        Self { code, ..Self::from_parts(&error, error.help()) }
    }
}

impl CliError {
    fn from_parts(error: &dyn std::error::Error, help: Option<String>) -> Self {
        Self { code: 1, message: error.to_string(), help }
    }
}

/// A wrong word is the caller's; a wrong file is not.
fn data_code(error: &DataError) -> u8 {
    let usage = matches!(
        error,
        DataError::UnknownDataset { .. }
            | DataError::InvalidOption { .. }
            | DataError::Exclude { .. }
            | DataError::NotImages { .. }
            | DataError::NotSeries { .. }
            | DataError::Batch { .. }
            | DataError::Domains { .. }
    );
    if usage { 2 } else { 1 }
}

impl From<DataError> for CliError {
    fn from(error: DataError) -> Self {
        Self { code: data_code(&error), ..Self::from_parts(&error, error.help()) }
    }
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        EngineError::Config(error).into()
    }
}

impl From<MetricError> for CliError {
    fn from(error: MetricError) -> Self {
        Self::from_parts(&error, None)
    }
}

impl From<AcceptError> for CliError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Data(error) => error.into(),
            AcceptError::Engine(error) => error.into(),
            error => Self::from_parts(&error, None),
        }
    }
}

impl From<crate::view::ViewError> for CliError {
    fn from(error: crate::view::ViewError) -> Self {
        Self::from_parts(&error, None)
    }
}
