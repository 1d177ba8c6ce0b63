//! `ganvas prob`.

mod distance;
mod information;
mod sample;
mod table;

use ganvas_prob::text::{self, TextError};
use ganvas_prob::traits::Law;

use crate::args::ProbCommand;
use crate::error::CliError;

/// Draws, compares or computes.
pub fn run(command: ProbCommand) -> Result<(), CliError> {
    match command {
        ProbCommand::Sample(args) => sample::run(&args),
        ProbCommand::Kl(args) => information::kl(&args),
        ProbCommand::Entropy(args) => information::entropy(&args),
        ProbCommand::Table(args) => table::run(&args),
        ProbCommand::Distance(args) => distance::run(&args),
        ProbCommand::Laws => {
            for form in text::laws() {
                let aliases = match form.aliases {
                    [] => String::new(),
                    aliases => format!("also {}", aliases.join(", ")),
                };
                println!("{:<44} {aliases}", form.signature());
            }
            Ok(())
        }
    }
}

fn law(text: &str) -> Result<Box<dyn Law>, CliError> {
    text::law(text).map_err(|error| CliError::usage(error.to_string(), "`ganvas prob laws` lists the laws"))
}

/// An error in what was typed, which shows the place.
fn typed(error: &TextError, help: &str) -> CliError {
    CliError::usage(error.to_string(), help)
}

fn failed(error: impl std::error::Error) -> CliError {
    CliError::failure(error.to_string())
}

/// A value in nats and the unit that was asked for.
fn in_unit(nats: f64, bits: bool) -> (f64, &'static str) {
    if bits { (nats / std::f64::consts::LN_2, "bits") } else { (nats, "nats") }
}
