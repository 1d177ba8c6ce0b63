//! `ganvas`: train, sample, measure and show generative models on any GPU or none.

mod args;
mod commands;
mod device;
mod error;
mod progress;
mod systems;
mod view;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // `ganvas systems show vae | head -3`: a reader that has seen enough ends the program, which is no panic.
    sigpipe::reset();
    let arguments = args::Cli::parse();
    if arguments.command.computes_here() {
        ganvas_kernels::use_this_thread();
    }
    match commands::run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", error.message);
            if let Some(help) = error.help {
                eprintln!("  help: {help}");
            }
            ExitCode::from(error.code)
        }
    }
}
