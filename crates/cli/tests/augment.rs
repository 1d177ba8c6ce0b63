//! Rare classes filled up, and what is written trained on again.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::{refused, succeed};

/// Pictures of mixed sizes: 14 grey ones of `dots`, 6 coloured ones of `bars`.
fn pictures(folder: &Path, coloured: bool) {
    for (class, count) in [("dots", 14u32), ("bars", 6)] {
        fs::create_dir_all(folder.join(class)).unwrap();
        for i in 0..count {
            let (width, height) = (16 + i, 30 - i);
            let picture = image::RgbImage::from_fn(width, height, |x, y| {
                let on = if class == "dots" { (x / 4 + y / 4) % 2 == 0 } else { x / 4 % 2 == 0 };
                let light = if on { 200 } else { 10 * i as u8 };
                image::Rgb(if coloured && class == "bars" { [light, 0, 60] } else { [light; 3] })
            });
            picture.save(folder.join(class).join(format!("{i}.png"))).unwrap();
        }
    }
}

fn cegan(folder: &Path, data: &str, run: &str) {
    let settings = ["--set", "resolution=16", "--set", "warm_up=0.25", "--set", "adversarial=0.5"];
    let arguments = ["train", "cegan", "--data", data, "--out", run, "--steps", "4", "--batch", "4"];
    succeed(folder, &[&arguments[..], &settings[..]].concat());
}

/// Lines of labels.csv, counted by class and origin.
fn counted(folder: &Path) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    let mut table = csv::Reader::from_path(folder.join("labels.csv")).unwrap();
    for row in table.records() {
        let row = row.unwrap();
        if row[0].ends_with(".png") {
            assert!(folder.join(&row[0]).is_file() && row[0].contains(&row[2]), "{row:?}");
        }
        *counts.entry((row[1].to_owned(), row[2].to_owned())).or_default() += 1;
    }
    counts
}

/// Mixed sizes are brought to one; grey and coloured images together are RGB; the subfolders are the classes.
#[test]
fn rare_classes_of_a_folder_are_filled_up_and_the_folder_is_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    pictures(&f.join("mixed"), true);
    let steps = ["--steps", "2", "--batch", "4"];
    succeed(f, &[&["train", "cgan", "--data", "mixed", "--out", "cgan"], &steps[..]].concat());
    let config = fs::read_to_string(f.join("cgan/config.toml")).unwrap();
    assert!(config.contains("resolution = 16"), "the smallest image fills 16: {config}");
    let resolution = ["--set", "resolution=16"];
    succeed(f, &[&["train", "dcgan", "--data", "mixed", "--out", "dcgan"], &steps[..], &resolution[..]].concat());
    cegan(f, "mixed", "run");
    let config = fs::read_to_string(f.join("run/config.toml")).unwrap();
    assert!(config.contains("channels = 3") && config.contains("\"bars\""), "{config}");

    let said = succeed(f, &["augment", "run", "--data", "mixed", "--to", "balanced", "--out", "filled"]);
    let counts = counted(&f.join("filled"));
    let of = |class: &str, origin: &str| *counts.get(&(class.into(), origin.into())).unwrap_or(&0);
    let (dots, bars) = (of("dots", "real"), of("bars", "real"));
    assert!(dots > bars && bars > 0 && dots <= 14, "{counts:?}");
    assert_eq!((of("dots", "generated"), of("bars", "generated")), (0, dots - bars), "{said}");
    let picture = image::open(f.join("filled/bars/generated-000001.png")).unwrap();
    assert_eq!((picture.width(), picture.height(), picture.color().channel_count()), (16, 16, 3));
    // The real ones are what the run was trained on: the middle square, brought to 16x16.
    let data = ["--data", "filled", "--out", "again"];
    succeed(f, &[&["train", "dcgan"], &data[..], &steps[..]].concat());
    let config = fs::read_to_string(f.join("again/config.toml")).unwrap();
    assert!(config.contains("\"bars\"") && config.contains("\"dots\""), "{config}");
    // Everything generated is the seed's.
    succeed(f, &["augment", "run", "--to", "20", "--out", "same", "--seed", "0"]);
    let bytes = |folder: &str| fs::read(f.join(folder).join("bars/generated-000001.png")).unwrap();
    assert_eq!(bytes("filled"), bytes("same"));
    assert_eq!(counted(&f.join("same")).values().sum::<usize>(), 40);
    refused(f, &["augment", "run", "--to", "balanced", "--out", "filled"], 2, &["filled exists"]);
    refused(f, &["augment", "run", "--to", "20", "--format", "idx", "--out", "idx"], 2, &["grey", "--format png"]);
    let left: Vec<_> = fs::read_dir(f).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("unfinished")), "{left:?}");
}

/// Pictures as an IDX file hold labels and a held-out part that is real.
#[test]
fn grey_images_are_written_as_idx_files_that_are_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    pictures(&f.join("grey"), false);
    cegan(f, "grey", "run");
    succeed(f, &["augment", "run", "--to", "balanced", "--format", "idx", "--out", "filled"]);
    let counts = counted(&f.join("filled"));
    let real = |class: &str| counts[&(class.to_owned(), "real".to_owned())];
    let file = "filled/train-images-idx3-ubyte";
    succeed(f, &["train", "cegan", "--data", file, "--out", "again", "--steps", "1", "--batch", "4"]);
    let config = fs::read_to_string(f.join("again/config.toml")).unwrap();
    let (train, test) = (2 * real("dots"), 20 - real("dots") - real("bars"));
    assert!(config.contains(&format!("train = {train}")) && config.contains(&format!("test = {test}")), "{config}");
}

#[test]
fn what_cannot_be_filled_up_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "gan", "--out", "plain", "--steps", "1"]);
    refused(f, &["augment", "plain", "--to", "9", "--out", "x"], 2, &["plain", "by class"]);
    pictures(&f.join("grey"), false);
    cegan(f, "grey", "run");
    refused(f, &["augment", "run", "--to", "3", "--out", "x"], 2, &["nothing is missing", "3"]);
    refused(f, &["augment", "run", "--to", "many", "--out", "x"], 2, &["many", "balanced"]);
    refused(f, &["augment", "run", "--data", "digits", "--to", "900", "--out", "x"], 2, &["classes", "dots"]);
    refused(f, &["augment", "run", "--to", "900000000000", "--out", "x"], 2, &["16 GiB"]);
    refused(f, &["augment", "run", "--to", "20", "--out", ".."], 2, &[".."]);
    assert!(!f.join("x").exists());
}
