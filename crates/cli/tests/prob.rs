//! `ganvas prob`: what it prints, what it writes, and what it refuses.

mod common;

use common::{ganvas, succeed};
use std::fs;
use std::path::Path;

/// The value of a figure in the JSON that the command prints.
#[track_caller]
fn figure(folder: &Path, arguments: &[&str], name: &str) -> f64 {
    let json = succeed(folder, &[&["prob"], arguments, &["--json"]].concat());
    let object: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(object["run"].is_null() && object["system"].is_null(), "{json}");
    let figures = object["metrics"].as_array().unwrap();
    let found = figures.iter().find(|figure| figure["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {json}"))["value"].as_f64().unwrap()
}

/// Exit code and words of a refusal.
#[track_caller]
fn refused(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = ganvas(folder, &[&["prob"], arguments].concat());
    assert!(!output.status.success(), "{arguments:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn draws_follow_the_density_by_every_method_and_are_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let cubic = ["sample", "--pdf", "3/8*x^2", "--on", "0:2", "--n", "20000", "--seed", "7"];
    for method in ["auto", "inverse", "rejection"] {
        let arguments = [&cubic as &[&str], &["--method", method]].concat();
        assert!((figure(f, &arguments, "mean") - 1.5).abs() < 0.02, "{method}");
        assert!(figure(f, &arguments, "ks_p") > 1e-3, "{method}");
    }
    let rate = figure(f, &[&cubic as &[&str], &["--method", "rejection", "--factor", "3"]].concat(), "acceptance");
    assert!((rate - 1.0 / 3.0).abs() < 0.02, "{rate}");
    let from_a_law = ["--method", "rejection", "--proposal", "normal(0, 0.7)", "--factor", "4"];
    let bell = ["sample", "--pdf", "exp(-x^4)", "--on=-inf:inf", "--n", "20000"];
    let arguments = [&bell as &[&str], &from_a_law].concat();
    assert!(figure(f, &arguments, "ks_p") > 1e-3);
    let (rate, theory) = (figure(f, &arguments, "acceptance"), figure(f, &arguments, "acceptance_theory"));
    assert!((rate - theory).abs() < 0.02, "{rate}, {theory}");

    succeed(f, &[&["prob"], &cubic as &[&str], &["--out", "a/x.npy", "--plot", "x.svg"]].concat());
    succeed(f, &[&["prob"], &cubic as &[&str], &["--out", "x.csv"]].concat());
    let bytes = fs::read(f.join("a/x.npy")).unwrap();
    let array = npyz::NpyFile::new(&bytes[..]).unwrap();
    assert_eq!(array.shape(), [20_000]);
    let values: Vec<f64> = array.into_vec().unwrap();
    let text = fs::read_to_string(f.join("x.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("x"));
    assert!(lines.map(|line| line.parse::<f64>().unwrap()).eq(values), "both files hold the same draws");
    assert!(fs::read_to_string(f.join("x.svg")).unwrap().contains("20,000 draws"));
}

#[test]
fn divergences_entropies_and_tables_are_the_known_ones() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let kl = figure(f, &["kl", "normal(1, 2)", "normal(0, 1)"], "kl");
    assert!((kl - 0.5 * (4.0 - 4f64.ln())).abs() < 1e-15, "{kl}");
    assert!(succeed(f, &["prob", "kl", "uniform(0, 2)", "uniform(0, 1)"]).contains("= inf nats"));
    assert_eq!(figure(f, &["entropy", "0.5,0.25,0.125,0.125", "--bits"], "entropy"), 1.75);
    assert!(succeed(f, &["prob", "laws"]).contains("gamma(shape, scale)"));

    fs::write(f.join("joint.csv"), "x\\y,1,2,3\n1,.32,.03,.01\n2,.06,.24,.02\n3,.02,.03,.27\n").unwrap();
    let p = figure(f, &["table", "joint.csv", "--p", "y=2|x=1"], "p(y=2|x=1)");
    assert!((p - 1.0 / 12.0).abs() < 1e-15, "{p}");
    assert!((figure(f, &["table", "joint.csv"], "E[x]") - 1.96).abs() < 1e-12);
    assert!((figure(f, &["table", "joint.csv"], "p(x=1)") - 0.36).abs() < 1e-12);
    fs::write(f.join("long.csv"), "a,b,n\nyes,red,30\nno,red,10\nyes,blue,20\nno,blue,40\n").unwrap();
    let p = figure(f, &["table", "long.csv", "--counts", "--p", "b=red|a=no"], "p(b=red|a=no)");
    assert!((p - 0.2).abs() < 1e-12, "{p}");
}

#[test]
fn two_samples_are_compared_whatever_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for (file, law, seed) in
        [("a.npy", "normal(0, 1)", "1"), ("b.csv", "normal(0, 1)", "2"), ("c.npy", "normal(1, 1)", "3")]
    {
        succeed(f, &["prob", "sample", "--law", law, "--n", "5000", "--seed", seed, "--out", file]);
    }
    assert!(figure(f, &["distance", "a.npy", "b.csv"], "wasserstein1") < 0.1);
    assert!(figure(f, &["distance", "a.npy", "b.csv"], "ks_p") > 1e-3);
    let apart = figure(f, &["distance", "a.npy", "c.npy"], "wasserstein1");
    assert!((apart - 1.0).abs() < 0.1, "{apart}");
    assert!(figure(f, &["distance", "a.npy", "c.npy"], "ks_p") < 1e-6);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let density = |pdf: &str, on: &str| refused(f, &["sample", "--pdf", pdf, &format!("--on={on}"), "--out", "x.npy"]);
    for (pdf, on, code, words) in [
        ("3/8*y^2", "0:2", 2, "`y`"),
        ("3/8*(x", "0:2", 2, "^"),
        ("", "0:2", 2, "expected"),
        ("x", "2:0", 2, "no interval"),
        ("x", "zero:2", 2, "expected a number"),
        ("x", "-1:1", 1, "negative at x = -"),
        ("1/x^2", "0:1", 1, "x = "),
        ("0", "0:1", 1, "integrates to nothing"),
        ("ln(x)", "-1:1", 1, "not a number at x = -"),
        ("1", "0:inf", 1, "does not converge"),
    ] {
        let (got, said) = density(pdf, on);
        assert_eq!(got, code, "{pdf}: {said}");
        assert!(said.contains(words), "{pdf}: {said}");
        assert!(!f.join("x.npy").exists());
    }
    let small = ["sample", "--pdf", "3/8*x^2", "--on", "0:2", "--method", "rejection", "--factor", "2"];
    let (code, said) = refused(f, &small);
    assert!(code == 1 && said.contains("envelope is violated at x = 1.") && said.contains("--factor"), "{said}");

    let (code, said) = refused(f, &["kl", "norml(0, 1)", "normal(0, 1)"]);
    assert!(code == 2 && said.contains("did you mean `normal`?"), "{said}");
    let (code, said) = refused(f, &["kl", "normal(0, -1)", "normal(0, 1)"]);
    assert!(code == 2 && said.contains("`sd` of Normal must be finite and positive, got -1"), "{said}");
    let (code, said) = refused(f, &["entropy", "0.5,0.6"]);
    assert!(code == 2 && said.contains("add up to 1.1"), "{said}");

    fs::write(f.join("bad.csv"), "x\\y,1,2\n1,.5,.5\n2,.5,half\n").unwrap();
    let (code, said) = refused(f, &["table", "bad.csv"]);
    assert!(code == 1 && said.contains("`half` in line 3, column 3"), "{said}");
    fs::write(f.join("sum.csv"), "x\\y,1,2\n1,.5,.5\n2,.5,.5\n").unwrap();
    let (_, said) = refused(f, &["table", "sum.csv"]);
    assert!(said.contains("add up to 2") && said.contains("--counts"), "{said}");
    fs::write(f.join("ok.csv"), "x\\y,1,2\n1,.25,.25\n2,.25,.25\n").unwrap();
    let (code, said) = refused(f, &["table", "ok.csv", "--p", "z=1"]);
    assert!(code == 2 && said.contains("no axis `z`"), "{said}");

    fs::write(f.join("a.npy"), b"\x93NUMPY\x01\x00garbage").unwrap();
    let (code, said) = refused(f, &["distance", "a.npy", "a.npy"]);
    assert!(code == 1 && said.contains("a.npy"), "{said}");
    fs::write(f.join("nan.csv"), "x\n1\nNaN\n3\n").unwrap();
    let (code, said) = refused(f, &["distance", "nan.csv", "nan.csv"]);
    assert!(code == 1 && said.contains("value 1 of nan.csv is NaN"), "{said}");
}
