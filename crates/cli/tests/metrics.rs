//! `ganvas metrics`: any sample against any other.

mod common;

use common::{ganvas, succeed};
use std::fs;
use std::path::Path;

/// Rows of numbers that repeat no pattern, as a `.csv` file; shifted by `shift`.
fn write_rows(path: &Path, n: usize, shift: f64) {
    let mut state = 7u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 31)
    };
    let rows: String = (0..n).map(|_| format!("{},{},{}\n", draw() + shift, draw(), draw() + draw())).collect();
    fs::write(path, rows).unwrap();
}

#[track_caller]
fn figures(folder: &Path, arguments: &[&str]) -> Vec<(String, f64)> {
    let json = succeed(folder, &[&["metrics"], arguments, &["--json"]].concat());
    let object: serde_json::Value = serde_json::from_str(&json).unwrap();
    let figures = object["metrics"].as_array().unwrap();
    figures.iter().map(|f| (f["name"].as_str().unwrap().to_owned(), f["value"].as_f64().unwrap())).collect()
}

#[test]
fn equal_samples_are_at_no_distance_and_shifted_ones_are_at_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    write_rows(&f.join("a.csv"), 600, 0.0);
    write_rows(&f.join("b.csv"), 600, 0.5);
    let same = figures(f, &["a.csv", "a.csv"]);
    assert_eq!(
        same.iter().map(|f| f.0.as_str()).collect::<Vec<_>>(),
        ["fd", "mmd2_cubic", "precision", "recall", "density", "coverage"]
    );
    assert!(same[0].1.abs() < 1e-12 && same[2].1 == 1.0 && same[5].1 == 1.0, "{same:?}");
    // With equal covariances the distance is that of the means, squared.
    let apart = figures(f, &["a.csv", "b.csv", "--metrics", "fd,c2st,vendi,copies,fd_infinity"]);
    assert!((apart[0].1 - 0.25).abs() < 1e-6, "{apart:?}");
    assert_eq!(apart.len(), 7);
}

#[test]
fn real_digits_are_measured_on_a_classifier() {
    let folder = tempfile::tempdir().unwrap();
    let measured = figures(folder.path(), &["digits", "digits", "--features", "digits"]);
    let value = |name: &str| measured.iter().find(|f| f.0 == name).unwrap_or_else(|| panic!("{name}: {measured:?}")).1;
    assert_eq!((value("ffd"), value("precision"), value("coverage")), (0.0, 1.0, 1.0));
    assert!(value("class_share_min") > 0.08 && value("classifier_score") > 7.0, "{measured:?}");
}

#[test]
fn runs_are_measured_in_one_way_and_only_on_the_same_data() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for (system, data) in [("gan", "digits"), ("vae", "digits"), ("gan", "ring8")] {
        let out = format!("{system}-{data}");
        succeed(f, &["train", system, "--data", data, "--steps", "20", "--out", &out]);
    }
    let arguments = ["compare", "gan-digits", "vae-digits", "--n", "200", "--html", "c.html"];
    let table = succeed(f, &arguments);
    for word in ["gan-digits", "vae-digits", "ffd", "neg_elbo", "floor", "baseline", "c.html"] {
        assert!(table.contains(word), "{word}: {table}");
    }
    let page = fs::read_to_string(f.join("c.html")).unwrap();
    assert_eq!(page.matches("data:image/png;base64,").count(), 3, "two runs beside held-out data");
    assert!(!page.contains("src=\"http") && !page.contains("href"), "the page needs nothing else");

    let json = succeed(f, &["compare", "vae-digits", "gan-digits", "--n", "200", "--metrics", "kid,ffd", "--json"]);
    let object: serde_json::Value = serde_json::from_str(&json).unwrap();
    let named = |run: usize| -> Vec<&str> {
        let figures = object["runs"][run]["metrics"].as_array().unwrap();
        figures.iter().map(|figure| figure["name"].as_str().unwrap()).collect()
    };
    assert_eq!((named(0), named(1)), (vec!["fkd", "ffd"], vec!["fkd", "ffd"]));

    let output = ganvas(f, &["compare", "gan-digits", "gan-ring8"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("do not compare"), "{said}");
    assert_eq!(ganvas(f, &["compare", "gan-digits"]).status.code(), Some(2));

    // One run alone, by name.
    let json = succeed(f, &["eval", "vae-digits", "--n", "200", "--metrics", "prdc,neg_elbo", "--json"]);
    let names = ["precision", "recall", "density", "coverage", "neg_elbo"];
    assert!(names.iter().all(|name| json.contains(&format!("\"name\":\"{name}\""))), "{json}");
    assert!(!json.contains("ffd"));
    let output = ganvas(f, &["eval", "vae-digits", "--metrics", "covered"]);
    assert_eq!(output.status.code(), Some(2), "modes are of points");
}

#[test]
fn what_cannot_be_measured_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    write_rows(&f.join("a.csv"), 30, 0.0);
    fs::write(f.join("wide.csv"), "1,2\n3,4\n5,6\n7,8\n9,1\n2,2\n8,3\n").unwrap();
    fs::write(f.join("nan.csv"), "1,2,3\n3,nan,5\n5,6,7\n").unwrap();
    fs::create_dir(f.join("empty")).unwrap();
    for (arguments, code, words) in [
        (&["a.csv", "a.csv", "--metrics", "fdd"] as &[&str], 2, "did you mean `fd`?"),
        (&["a.csv", "a.csv", "--metrics", "is"], 2, "`is` is measured on a classifier's answers"),
        (&["a.csv", "a.csv", "--features", "inception"], 2, "no features `inception`"),
        (&["a.csv", "wide.csv"], 1, "3"),
        (&["a.csv", "nan.csv"], 1, "item 1"),
        (&["a.csv", "missing.npy"], 1, "missing.npy"),
        (&["a.csv", "a.csv", "--k", "30"], 1, "30"),
        (&["empty", "digits", "--features", "digits"], 1, "empty"),
    ] {
        let output = ganvas(f, &[&["metrics"], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
}
