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

/// The same, which must end with this code and say these words on its standard error: all that it said there.
#[allow(dead_code, reason = "not every test file has something refused")]
#[track_caller]
pub fn refused(folder: &Path, arguments: &[&str], code: i32, words: &[&str]) -> String {
    let output = ganvas(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "ganvas {arguments:?}: {said}");
    for word in words {
        assert!(said.contains(word), "ganvas {arguments:?} does not say `{word}`: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// The ids of all systems.
#[allow(dead_code, reason = "not every test file goes through them")]
pub fn systems(folder: &Path) -> Vec<String> {
    let listed = succeed(folder, &["systems"]);
    let ids = listed.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split(' ').next());
    let ids: Vec<String> = ids.map(str::to_owned).collect();
    assert!(ids.len() >= 3, "{listed}");
    ids
}

/// Whether a system translates items, and makes nothing of noise alone.
#[allow(dead_code, reason = "not every test file goes through all systems")]
pub fn translates(folder: &Path, system: &str) -> bool {
    succeed(folder, &["systems", "show", system]).contains("\ntask: translate\n")
}

/// An array of what a run makes: of samples, or, where its system translates, of strips of held-out items. What was said, and the
/// file, which is called `out`.
#[allow(dead_code, reason = "not every test file draws")]
#[track_caller]
pub fn drawn(folder: &Path, system: &str, run: &str, out: &str, more: &[&str]) -> (String, Vec<u8>) {
    let command = if translates(folder, system) { "translate" } else { "sample" };
    let said = succeed(folder, &[&[command, run, "--n", "8", "--out", out], more].concat());
    (said, std::fs::read(folder.join(out)).unwrap())
}
