//! Measuring: kept features, limits of memory, intervals, bad input.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{ganvas, refused, succeed};
use serde_json::Value;

/// Everything that the call printed, and what it said beside it; it must succeed.
#[track_caller]
fn told(folder: &Path, arguments: &[&str]) -> (String, String) {
    let output = ganvas(folder, arguments);
    let (out, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {said}");
    (out.into_owned(), said.into_owned())
}

fn kept(folder: &Path) -> Vec<PathBuf> {
    let Ok(keys) = fs::read_dir(folder.join("data/features")) else { return Vec::new() };
    let files = keys.flat_map(|key| fs::read_dir(key.unwrap().path()).unwrap());
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// Figures from kept features are those from computed ones to the last bit, also where some of the features are of a
/// smaller measurement, and where a file is damaged.
#[test]
fn kept_features_change_no_figure() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "gan", "--out", "run", "--steps", "3"]);
    let arguments = |n: &'static str| ["eval", "run", "--json", "--metrics", "ffd,kid,prdc,is", "--n", n];
    let with = |n: &'static str| told(f, &arguments(n));
    let without = |n: &'static str| succeed(f, &[&arguments(n)[..], &["--no-cache"]].concat());
    let few = without("150");
    let many = without("500");
    assert!(kept(f).is_empty());
    assert_eq!(with("150").0, few);
    let blocks = kept(f);
    // A block of the reals, of those for the floor and of the baseline.
    assert_eq!(blocks.len(), 3);
    let before: Vec<Vec<u8>> = blocks.iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!(with("500").0, many);
    // 500 need three blocks of 200, 359 two.
    assert_eq!(kept(f).len(), 8);
    assert!(blocks.iter().zip(&before).all(|(path, bytes)| fs::read(path).unwrap() == *bytes));
    assert_eq!(with("500"), with("500"));
    assert_eq!(with("150").0, few);

    let whole = fs::read(&blocks[0]).unwrap();
    for change in [0, 9, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[change] ^= 1;
        fs::write(&blocks[0], changed).unwrap();
        let (figures, said) = with("150");
        assert!(figures == few && said.contains("warning:") && said.contains("computed again"), "{change}: {said}");
        assert_eq!(fs::read(&blocks[0]).unwrap(), whole, "it is put right");
    }
    fs::write(&blocks[0], &whole[..40]).unwrap();
    assert_eq!(with("150").0, few);
    // One block in another's place.
    fs::copy(&blocks[1], &blocks[0]).unwrap();
    let (figures, said) = with("150");
    assert!(figures == few && said.contains("checksum"), "{said}");
}

#[test]
fn a_place_that_cannot_keep_features_is_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "gan", "--out", "run", "--steps", "3"]);
    fs::write(f.join("data"), "a file in the place of the folder").unwrap();
    let (_, said) = told(f, &["eval", "run", "--n", "300", "--json"]);
    assert_eq!(said.matches("note: features are not kept").count(), 1, "{said}");
}

/// The real items are the same for every seed, and of several runs they are looked at once.
#[test]
fn runs_are_compared_on_the_same_items() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for seed in ["1", "2"] {
        succeed(f, &["train", "gan", "--out", seed, "--steps", "3", "--seed", seed]);
    }
    let (out, said) = told(f, &["compare", "1", "2", "--n", "100", "--json", "--no-cache"]);
    assert_eq!(said.matches("features of real items\n").count(), 1, "{said}");
    let compared: Value = serde_json::from_str(&out).unwrap();
    let evaluated =
        |run: &str| -> Value { serde_json::from_str(&succeed(f, &["eval", run, "--n", "100", "--json"])).unwrap() };
    let (one, two) = (evaluated("1"), evaluated("2"));
    for place in ["floor", "baseline"] {
        let of = |object: &Value| object["metrics"][0][place].as_f64().unwrap();
        assert_eq!(of(&one), of(&two), "{place}");
        assert_eq!(of(&one), of(&compared["runs"][1]), "{place}");
    }
    assert_ne!(one["metrics"][0]["value"], two["metrics"][0]["value"]);
}

#[test]
fn what_needs_too_much_memory_is_refused_with_what_would_fit() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "gan", "--out", "run", "--steps", "3"]);
    refused(f, &["eval", "run", "--n", "3000000", "--limit", "512MiB"], 2, &["3000000", "512 MiB", "at most n = "]);
    refused(f, &["compare", "run", "run", "--limit", "1KiB"], 2, &["1 MiB of --limit", "no two items"]);
    refused(f, &["eval", "run", "--limit", "much"], 2, &["--limit"]);
    refused(f, &["eval", "run", "--limit", "3 parsecs"], 2, &["parsecs", "512MiB"]);
    refused(f, &["eval", "run", "--n", "18446744073709551615"], 2, &["free memory", "at most n = "]);
    // An array of which only the header is there, were it not refused before.
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (20000, 4000), }";
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend_from_slice(format!("{header:<117}\n").as_bytes());
    fs::write(f.join("x.npy"), &bytes).unwrap();
    let file = fs::File::options().write(true).open(f.join("x.npy")).unwrap();
    file.set_len(128 + 4 * 20_000 * 4_000).unwrap();
    refused(f, &["metrics", "x.npy", "x.npy", "--limit", "1400MiB"], 2, &["20000 items", "1.4 GiB", "at most n = "]);
    // What was said to fit does.
    let output = ganvas(f, &["eval", "run", "--n", "3000000", "--limit", "300MiB"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let fits: usize = said.split("at most n = ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    refused(f, &["eval", "run", "--n", &(fits + 1).to_string(), "--limit", "300MiB"], 2, &["at most n = "]);
}

#[test]
fn intervals_are_given_where_they_are_sound() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "vae", "--out", "run", "--steps", "50"]);
    let all = "ffd,fd_infinity,kid,prdc,c2st,vendi,copies,is,class_share_min,neg_elbo,nll";
    let json = succeed(f, &["eval", "run", "--n", "400", "--metrics", all, "--intervals=60", "--json"]);
    let object: Value = serde_json::from_str(&json).unwrap();
    for figure in object["metrics"].as_array().unwrap() {
        let name = figure["name"].as_str().unwrap();
        if ["ffd_infinity", "coverage", "c2st", "c2st_real", "c2st_fake", "vendi"].contains(&name) {
            assert!(figure["interval"].is_null(), "{figure}");
            continue;
        }
        let ends = figure["interval"].as_array().unwrap_or_else(|| panic!("{figure}"));
        let (low, high) = (ends[0].as_f64().unwrap(), ends[1].as_f64().unwrap());
        let value = figure["value"].as_f64().unwrap();
        assert!(low < high, "{figure}");
        // The distance's leaves out its bias.
        assert!(low <= value && (value <= high || name == "ffd"), "{figure}");
    }
    let floor = object["metrics"].as_array().unwrap().iter().find(|figure| figure["name"] == "ffd_infinity").unwrap();
    assert!(floor["floor"].is_f64() && floor["baseline"].is_f64(), "{floor}");
    // With too few items for 64 dimensions there is none.
    let json = succeed(f, &["eval", "run", "--n", "190", "--metrics", "ffd", "--intervals", "--json"]);
    assert!(json.contains("\"interval\":null"), "{json}");
    let table = succeed(f, &["compare", "run", "run", "--n", "400", "--intervals=40", "--html", "c.html"]);
    assert!(table.contains(" to "), "{table}");
    assert!(fs::read_to_string(f.join("c.html")).unwrap().contains(" to "));
    refused(f, &["eval", "run", "--intervals=3"], 2, &["--intervals"]);
}

fn write_images(folder: &Path, n: u8, side: u32) {
    fs::create_dir_all(folder).unwrap();
    for i in 0..n {
        let pixel = |x: u32, y: u32| image::Luma([(x * y * u32::from(i) % 251) as u8]);
        image::GrayImage::from_fn(side, side, pixel).save(folder.join(format!("{i:03}.png"))).unwrap();
    }
}

#[test]
fn folders_are_measured_and_the_reals_kept_by_their_content() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    write_images(&f.join("a"), 30, 8);
    write_images(&f.join("b"), 25, 8);
    let arguments = ["metrics", "a", "b", "--features", "digits", "--metrics", "fd,prdc", "--json"];
    let first = succeed(f, &arguments);
    assert_eq!(kept(f).len(), 1, "the fakes are not kept");
    assert_eq!(succeed(f, &arguments), first);
    assert_eq!(succeed(f, &[&arguments[..], &["--no-cache"]].concat()), first);
    // Another image is other content.
    write_images(&f.join("a"), 31, 8);
    assert_ne!(succeed(f, &arguments), first);
    assert_eq!(kept(f).len(), 2);
    succeed(f, &["metrics", "a", "b", "--metrics", "kid", "--json"]);
    assert_eq!(kept(f).len(), 2, "values are not kept");
}

#[test]
fn bad_input_is_named_with_its_file_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let write = |name: &str, text: &str| fs::write(f.join(name), text).unwrap();
    write("good.csv", "1,2\n3,4\n5,7\n2,9\n");
    write("nan.csv", "1,2\n3,4\n5,nan\n");
    write("huge.csv", "1,2\n3,1e300\n5,6\n");
    write("wide.csv", "1,2,3\n4,5,6\n");
    write("one.csv", "1,2\n");
    write("none.csv", "");
    write("names.csv", "a,b\n");
    write("ragged.csv", "1,2\n3\n");
    write("first.csv", "1,x\n3,4\n5,6\n");
    write("text.csv", "1,2\n3,four\n");
    fs::create_dir(f.join("empty")).unwrap();
    write_images(&f.join("images"), 4, 8);
    write_images(&f.join("single"), 1, 8);
    write_images(&f.join("mixed"), 3, 8);
    image::GrayImage::new(9, 8).save(f.join("mixed/001.png")).unwrap();
    write_images(&f.join("corrupt"), 3, 8);
    let bytes = fs::read(f.join("corrupt/001.png")).unwrap();
    fs::write(f.join("corrupt/001.png"), &bytes[..bytes.len() - 20]).unwrap();
    for (fake, words) in [
        ("nan.csv", &["nan.csv", "value 1 of item 2 is NaN"] as &[&str]),
        ("huge.csv", &["huge.csv", "value 1 of item 1 is 1"]),
        ("wide.csv", &["good.csv have 2 values, those of wide.csv 3"]),
        ("one.csv", &["one.csv holds 1 items, at least 2"]),
        ("none.csv", &["none.csv holds 0 items"]),
        ("names.csv", &["names.csv"]),
        ("ragged.csv", &["ragged.csv"]),
        ("first.csv", &["first.csv", "`x` in line 1, column 2"]),
        ("text.csv", &["text.csv", "`four` in line 2, column 2"]),
        ("empty", &["empty"]),
    ] {
        refused(f, &["metrics", "good.csv", fake, "--metrics", "fd"], 1, words);
        refused(f, &["metrics", fake, "good.csv", "--metrics", "fd"], 1, &[fake]);
    }
    for (fake, words) in [
        ("empty", &["empty"] as &[&str]),
        ("single", &["single holds 1 items, at least 2"]),
        ("mixed", &["001.png", "9x8", "one size"]),
        ("corrupt", &["001.png"]),
        ("nowhere.npy", &["nowhere.npy"]),
    ] {
        for features in ["raw", "digits"] {
            refused(f, &["metrics", "images", fake, "--features", features, "--metrics", "kid"], 1, words);
        }
    }
    fs::write(f.join("images/readme.txt"), "what these are").unwrap();
    let (_, said) = told(f, &["metrics", "images", "images", "--metrics", "kid"]);
    assert!(said.contains("left out: 1"), "{said}");
}
