//! The words of the command line, on which tools rely.

mod common;

use common::{ganvas, succeed};

#[test]
fn every_command_has_help_with_an_example() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        &["systems"] as &[&str],
        &["systems", "show"],
        &["devices"],
        &["data"],
        &["data", "list"],
        &["data", "info"],
        &["data", "get"],
        &["train"],
        &["sample"],
        &["traverse"],
        &["augment"],
        &["encode"],
        &["reconstruct"],
        &["upscale"],
        &["translate"],
        &["interpolate"],
        &["eval"],
        &["report"],
        &["accept"],
        &["train-extractors"],
        &["metrics"],
        &["compare"],
        &["prob"],
        &["prob", "sample"],
        &["prob", "kl"],
        &["prob", "table"],
        &["prob", "entropy"],
        &["prob", "distance"],
        &["prob", "laws"],
        &["completions"],
        &["man"],
    ] {
        let help = succeed(folder.path(), &[command, &["--help"]].concat());
        let example = format!("ganvas {}", command[0]);
        let has_example = help.contains("Example") && help.split("Example").nth(1).unwrap().contains(&example);
        assert!(has_example || command == ["data"], "{command:?}: {help}");
    }
}

#[test]
fn lists_name_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let systems = succeed(f, &["systems"]);
    assert!(["gan", "dcgan", "vae"].iter().all(|id| systems.lines().any(|line| line.starts_with(id))), "{systems}");
    let shown = succeed(f, &["systems", "show", "dcgan"]);
    assert!(
        shown.contains("--preset small") && shown.contains("--preset paper") && shown.contains("width = "),
        "{shown}"
    );
    let data = succeed(f, &["data", "list"]);
    assert!(
        ["digits", "mnist", "fashion-mnist", "emoji", "emoji-noto", "ring8", "grid25", "horse-zebra"]
            .iter()
            .all(|id| data.contains(id)),
        "{data}"
    );
    assert!(succeed(f, &["data", "info", "digits"]).contains("CC BY 4.0"));
    assert!(succeed(f, &["devices"]).contains("flex"));
    assert!(succeed(f, &["completions", "bash"]).contains("train-extractors"));
    assert!(succeed(f, &["man"]).contains(".TH ganvas"));
}

#[test]
fn cpu_is_another_word_for_flex() {
    let folder = tempfile::tempdir().unwrap();
    succeed(folder.path(), &["train", "vae", "--steps", "1", "--device", "cpu"]);
    let config = std::fs::read_to_string(folder.path().join("runs/vae-digits/config.toml")).unwrap();
    assert!(config.contains("device = \"flex\""), "{config}");
}

#[test]
fn a_data_set_is_fetched_from_a_folder_that_has_it_and_a_wrong_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    std::fs::create_dir(f.join("from")).unwrap();
    let output = ganvas(f, &["data", "get", "mnist", "--from", "from"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("train-images-idx3-ubyte"), "{said}");
    assert!(succeed(f, &["data", "get", "digits"]).contains("ready"));
    let output = ganvas(f, &["data", "get", "emoji"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(["noto-64.png", "https://openmoji.org", "--from DIR"].iter().all(|word| said.contains(word)), "{said}");
}
