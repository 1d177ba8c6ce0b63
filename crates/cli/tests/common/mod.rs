//! Runs the program as a person would.

use std::fs;
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

/// What a run's networks make, and what the program says of it: an array of samples or, where its system translates, of strips of held-out
/// items; of a system that enlarges images, an enlarged one as a file.
#[allow(dead_code, reason = "not every test file looks at it")]
#[track_caller]
pub fn made(folder: &Path, run: &str, more: &[&str]) -> (String, Vec<u8>) {
    let config = fs::read_to_string(folder.join(run).join("config.toml")).unwrap();
    let system = config.lines().find_map(|line| line.strip_prefix("system = \"")?.strip_suffix('"')).unwrap();
    let said = succeed(folder, &["systems", "show", system]);
    let task = said.lines().find_map(|line| line.strip_prefix("task: ")).unwrap();
    if task != "super-resolve" {
        let command = if task == "translate" { "translate" } else { "sample" };
        let said = succeed(folder, &[&[command, run, "--n", "8", "--out", "made.npy"], more].concat());
        return (said, fs::read(folder.join("made.npy")).unwrap());
    }
    let small = image::RgbImage::from_fn(7, 5, |x, y| image::Rgb([40 * x as u8, 50 * y as u8, (x * y) as u8]));
    small.save(folder.join("small.png")).unwrap();
    let _ = fs::remove_dir_all(folder.join("made"));
    let said = succeed(folder, &[&["upscale", run, "small.png", "--out", "made"], more].concat());
    (said, fs::read(folder.join("made/small.png")).unwrap())
}
