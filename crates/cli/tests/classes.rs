//! Samples of a class.

mod common;

use std::fs;
use std::path::Path;

use common::{refused, succeed};

/// A run whose networks were told the class, of the embedded digits.
fn by_class(folder: &Path, run: &str) {
    let shares = ["--set", "warm_up=0.25", "--set", "adversarial=0.5"];
    succeed(folder, &[&["train", "cegan", "--out", run, "--steps", "4", "--batch", "8"], &shares[..]].concat());
}

/// The values of a `.npy` array of samples.
fn values(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    bytes[128..].as_chunks::<4>().0.iter().map(|&x| f32::from_le_bytes(x)).collect()
}

#[test]
fn samples_of_a_class_are_the_same_however_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    by_class(f, "run");
    let of = |arguments: &[&str]| {
        succeed(f, &[&["sample", "run", "--seed", "3", "--out", "x.npy"], arguments].concat());
        values(&f.join("x.npy"))
    };
    let (threes, sevens) = (of(&["--class", "3", "--n", "5"]), of(&["--class", "7", "--n", "5"]));
    assert_eq!(threes.len(), 5 * 64);
    assert_ne!(threes, sevens);
    assert_eq!(of(&["--classes", "7,3", "--n", "5"]), [sevens, threes.clone()].concat());
    assert_eq!(of(&["--class", "3", "--n", "120"])[..5 * 64], threes);
    assert_ne!(of(&["--class", "3", "--n", "5", "--truncation", "0.3"]), threes);
    assert_eq!(of(&[]).len(), 64 * 64, "64 of no class in particular");
    // A row for each class, eight in a row unless told: 8x8 images are drawn 48 pixels wide, 3 apart.
    let grid = |arguments: &[&str]| {
        succeed(f, &[&["sample", "run", "--grid", "--out", "x.png"], arguments].concat());
        image::image_dimensions(f.join("x.png")).unwrap()
    };
    assert_eq!(grid(&[]), (8 * 51 + 3, 10 * 51 + 3));
    assert_eq!(grid(&["--classes", "1,4", "--n", "3"]), (3 * 51 + 3, 2 * 51 + 3));
}

#[test]
fn what_cannot_be_is_refused_with_what_there_is() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    by_class(f, "run");
    succeed(f, &["train", "gan", "--out", "plain", "--steps", "1"]);
    refused(f, &["sample", "run", "--class", "ten"], 2, &["`ten`", "0, 1, 2, 3", "0 to 9"]);
    refused(f, &["sample", "run", "--class", "10"], 2, &["`10`"]);
    refused(f, &["sample", "run", "--classes", "1,x"], 2, &["`x`"]);
    refused(f, &["sample", "run", "--class", "1", "--classes", "2"], 2, &["--class", "--classes"]);
    refused(f, &["sample", "run", "--grid", "--out", "x.npy"], 2, &["--grid", ".png"]);
    refused(f, &["sample", "run", "--truncation", "-1"], 2, &["positive", "-1"]);
    refused(f, &["sample", "plain", "--class", "1"], 2, &["plain", "`gan`", "by class"]);
    refused(f, &["sample", "plain", "--grid"], 2, &["by class"]);
    assert!(!f.join("plain/sample-0.png").exists());
}
