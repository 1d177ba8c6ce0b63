//! Runs the program as a person would.

use std::path::Path;
use std::process::{Command, Output};

/// The program in `folder`, with a data cache of its own there.
pub fn ganvas(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ganvas"))
        .args(arguments)
        .current_dir(folder)
        .env("GANVAS_DATA", folder.join("data"))
        .output()
        .expect("the program starts")
}

/// The same, which must succeed; what it printed.
#[track_caller]
pub fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = ganvas(folder, arguments);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "ganvas {arguments:?}: {:?}\n{out}{err}", output.status);
    out.into_owned()
}
