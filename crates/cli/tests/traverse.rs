//! Traversals of a run's codes, as a person asks for them.

mod common;

use std::fs;
use std::path::Path;

use common::{refused, succeed};
use image::RgbImage;

/// A small InfoGAN of the embedded digits, at 16x16, with codes of two kinds.
fn train(folder: &Path) {
    let small = ["--set", "categorical=[4]", "--set", "width=4", "--set", "units=16", "--batch", "8", "--steps", "30"];
    succeed(folder, &[&["train", "infogan", "--out", "run"], &small[..]].concat());
}

fn picture(folder: &Path, name: &str) -> RgbImage {
    image::open(folder.join(name)).unwrap().to_rgb8()
}

/// The image in a cell, 48 pixels wide behind gaps of 2 (16x16 pixels, enlarged three times).
fn cell(picture: &RgbImage, row: u32, column: u32) -> Vec<u8> {
    let at = |i: u32| 2 + i * 50;
    image::imageops::crop_imm(picture, at(column), at(row), 48, 48).to_image().into_raw()
}

#[test]
fn a_row_for_each_code_and_a_line_for_each_row() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    train(f);
    let printed = succeed(f, &["traverse", "run", "--steps", "5", "--out", "codes.png"]);
    let lines: Vec<&str> = printed.lines().collect();
    let expected = [
        " row  code  values from left to right",
        "   1  c1    0 1 2 3",
        "   2  c2    -2 -1 0 1 2",
        "   3  c3    -2 -1 0 1 2",
        "3 rows of step 30 by the trained weights: codes.png",
    ];
    assert_eq!(lines, expected);
    let codes = picture(f, "codes.png");
    assert_eq!(codes.dimensions(), (5 * 50 + 2, 3 * 50 + 2));
    assert!(cell(&codes, 0, 4).iter().all(|&value| value == 128), "four categories leave the fifth cell grey");
    for row in 0..3 {
        assert_ne!(cell(&codes, row, 0), cell(&codes, row, 3), "row {row} does not change");
    }

    // One code alone, on the same first draw of the rest of the latents.
    succeed(f, &["traverse", "run", "--code", "c2", "--rows", "2", "--steps", "5", "--out", "c2.png"]);
    let alone = picture(f, "c2.png");
    assert_eq!(alone.dimensions(), (5 * 50 + 2, 2 * 50 + 2));
    for column in 0..5 {
        assert_eq!(cell(&alone, 0, column), cell(&codes, 1, column), "the first draw is the same");
        assert_ne!(cell(&alone, 1, column), cell(&alone, 0, column), "the second is another");
    }
    succeed(f, &["traverse", "run", "--seed", "7"]);
    succeed(f, &["traverse", "run", "--seed", "7", "--out", "again.png"]);
    assert_eq!(fs::read(f.join("run/traverse-7.png")).unwrap(), fs::read(f.join("again.png")).unwrap());
    succeed(f, &["traverse", "run", "--code", "c1", "--out", "c1.png"]);
    assert_eq!(picture(f, "c1.png").dimensions(), (4 * 50 + 2, 10 * 50 + 2));

    for (more, words) in [
        (&["--code", "c4"][..], &["no code `c4`", "c1, c2, c3"][..]),
        (&["--steps", "1"], &["`--steps`", "at least 2"]),
        (&["--rows", "0"], &["`--rows`", "at least 1"]),
        (&["--rows", "18446744073709551615"], &["too many", "4096"]),
        (&["--out", "codes.npy"], &["codes.npy", ".png"]),
    ] {
        refused(f, &[&["traverse", "run"], more].concat(), 2, words);
    }
}

#[test]
fn a_system_without_codes_is_refused_by_naming_those_with() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "gan", "--out", "run", "--batch", "8", "--steps", "2"]);
    refused(f, &["traverse", "run"], 2, &["`gan` has no codes", "infogan"]);
    assert!(!f.join("run/traverse-0.png").exists());
}
