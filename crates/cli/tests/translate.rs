//! Translation between two folders of images, as a person does it.

mod common;

use std::fs;
use std::path::Path;

use common::{refused, succeed};
use image::{DynamicImage, Rgb, RgbImage};
use serde_json::Value;

/// Images of one hue each, of several sizes and kinds of files: `name-0.png`, `name-1.jpg` and so on.
fn paint(folder: &Path, name: &str, n: u32, colour: impl Fn(u8) -> [u8; 3]) {
    fs::create_dir_all(folder.join(name)).unwrap();
    for i in 0..n {
        let ending = ["png", "jpg"][i as usize % 2];
        let image = RgbImage::from_fn(18 + i, 16 + 2 * i, |x, y| Rgb(colour((8 * x + 4 * y) as u8)));
        image.save(folder.join(name).join(format!("{name}-{i}.{ending}"))).unwrap();
    }
}

/// Folders `red` of ten images and `blue` of seven.
fn folders(folder: &Path) {
    paint(folder, "red", 10, |x| [200, x / 4, 20]);
    paint(folder, "blue", 7, |x| [10, x / 4, 220]);
}

const TWO: [&str; 4] = ["--data", "red", "--data-b", "blue"];

fn train(folder: &Path, run: &str, data: &[&str], more: &[&str]) -> String {
    let set = ["--set", "generator.width=4", "--set", "discriminator.width=4", "--batch", "2"];
    succeed(folder, &[&["train", "cyclegan", "--out", run], data, &set[..], more].concat())
}

fn array(folder: &Path, name: &str) -> (String, Vec<f32>) {
    let bytes = fs::read(folder.join(name)).unwrap();
    let values = bytes[128..].as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    (String::from_utf8_lossy(&bytes[..128]).into_owned(), values)
}

#[test]
fn a_folder_is_translated_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    folders(f);
    train(f, "run", &TWO, &["--steps", "3", "--set", "ema=0.9"]);
    let config = fs::read_to_string(f.join("run/config.toml")).unwrap();
    // The smallest image is 18x16: the largest side that it fills and that can be halved twice.
    assert!(config.contains("second = ") && config.contains("classes = [\"red\", \"blue\"]"), "{config}");
    assert!(config.contains("height = 16") && config.contains("train = 15") && config.contains("test = 2"), "{config}");
    // Pictures of a run are strips: a row for each held-out item of both domains, here one, of six images.
    let strips = image::open(f.join("run/samples/step-000000003.png")).unwrap();
    assert_eq!((strips.width(), strips.height()), (6 * (3 * 16 + 2) + 2, 3 * 16 + 2 + 2));

    // What is asked for: any sizes, any depth, one pixel too.
    fs::create_dir_all(f.join("new/deep")).unwrap();
    for (path, width, height) in [("new/a.png", 50, 20), ("new/deep/b.jpg", 9, 31), ("new/deep/c.JPEG", 1, 1)] {
        let path = f.join(path);
        DynamicImage::ImageRgb8(RgbImage::from_pixel(width, height, Rgb([200, 30, 20]))).save(path).unwrap();
    }
    // Images directly inside and below are of no one kind.
    refused(f, &["translate", "run", "--from", "new", "--out", "x"], 1, &["directly inside"]);
    fs::rename(f.join("new/a.png"), f.join("new/deep/a.png")).unwrap();
    let said = succeed(f, &["translate", "run", "--from", "new", "--out", "made"]);
    assert!(said.contains("3 images of new from red to blue, of step 3 by the averaged weights: made"), "{said}");
    for name in ["a", "b", "c"] {
        let image = image::open(f.join("made/deep").join(format!("{name}.png"))).unwrap();
        assert_eq!((image.width(), image.height(), image.color()), (16, 16, image::ColorType::Rgb8));
    }
    succeed(f, &["translate", "run", "--from", "new", "--out", "back", "--direction", "ba"]);
    succeed(f, &["translate", "run", "--from", "new", "--out", "raw", "--raw"]);
    let bytes = |folder: &str| fs::read(f.join(folder).join("deep/a.png")).unwrap();
    assert!(bytes("made") != bytes("back") && bytes("made") != bytes("raw"));

    let said = succeed(f, &["translate", "run", "--out", "strips.npy"]);
    assert!(said.contains("1 strips of held-out items from red to blue and from blue to red"), "{said}");
    let (header, both) = array(f, "strips.npy");
    assert!(header.contains("(1, 6, 3, 16, 16,"), "{header}");
    succeed(f, &["translate", "run", "--direction", "ba", "--out", "ba.npy"]);
    let (header, one) = array(f, "ba.npy");
    assert!(header.contains("(1, 3, 3, 16, 16,") && one[..] == both[3 * 768..], "{header}");
    succeed(f, &["translate", "run"]);
    assert!(f.join("run/translate.png").exists());
}

#[test]
fn a_run_of_two_folders_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    folders(f);
    train(f, "whole", &TWO, &["--steps", "4", "--set", "checkpoint_every=2"]);
    train(f, "broken", &TWO, &["--steps", "4", "--set", "checkpoint_every=2"]);
    let newest = |run: &str| f.join(run).join("checkpoints/step-000000004.ganvas");
    fs::remove_file(newest("broken")).unwrap();
    succeed(f, &["train", "cyclegan", "--out", "broken", "--resume"]);
    assert_eq!(fs::read(newest("whole")).unwrap(), fs::read(newest("broken")).unwrap());
    refused(
        f,
        &["train", "cyclegan", "--out", "broken", "--resume", "--steps", "5", "--data", "blue", "--data-b", "red"],
        2,
        &["made with data", "/red and ", "/blue and "],
    );
    // The same from its settings, and from a folder with both in it, whose images keep their parts.
    succeed(f, &["train", "cyclegan", "--out", "again", "--config", "whole/config.toml"]);
    assert_eq!(fs::read(newest("whole")).unwrap(), fs::read(newest("again")).unwrap());
    fs::create_dir(f.join("both")).unwrap();
    for name in ["red", "blue"] {
        fs::rename(f.join(name), f.join("both").join(name)).unwrap();
    }
    train(f, "inside", &["--data", "both"], &["--steps", "1"]);
    let config = fs::read_to_string(f.join("inside/config.toml")).unwrap();
    assert!(config.contains("classes = [\"blue\", \"red\"]") && config.contains("both/red\""), "{config}");
    DynamicImage::new_rgb8(20, 20).save(f.join("both/beside.png")).unwrap();
    refused(f, &["train", "cyclegan", "--data", "both"], 1, &["directly inside (beside.png) and in subfolders"]);
    // What was moved away is missed by its name.
    let said = refused(f, &["translate", "whole"], 1, &["does not exist"]);
    assert!(said.contains("/red"), "{said}");
}

#[test]
fn translated_items_are_measured_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    train(f, "run", &[], &["--steps", "2", "--eval-every", "1"]);
    let events = fs::read_to_string(f.join("run/events.jsonl")).unwrap();
    let eval: Value = serde_json::from_str(events.lines().find(|line| line.contains("\"eval\"")).unwrap()).unwrap();
    let figure = |name: &str| eval["figures"][name].as_f64().unwrap();
    assert_eq!(eval["by"], "ffd");
    assert!((figure("ffd") - (figure("ffd_ab") + figure("ffd_ba")) / 2.0).abs() < 1e-9);
    let json: Value = serde_json::from_str(&succeed(f, &["eval", "run", "--json"])).unwrap();
    let names: Vec<&str> = json["metrics"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect();
    assert_eq!(names[..4], ["ffd_ab", "precision_ab", "recall_ab", "cycle_l1_ab"]);
    assert_eq!((names[4], names.len()), ("ffd_ba", 8));
    let first = &json["metrics"][0];
    assert_eq!((first["n_real"].as_u64(), first["n_fake"].as_u64()), (Some(1000), Some(200)));
    assert!(first["floor"].as_f64() < first["baseline"].as_f64(), "horses are not zebras: {first}");
    assert!((json["metrics"][3]["value"].as_f64().unwrap() - figure("cycle_l1_ab")).abs() < 1.0);
    let some = succeed(f, &["eval", "run", "--metrics", "cycle_l1,kid", "--n", "50", "--json"]);
    assert!(some.contains("fkd_ab") && some.contains("cycle_l1_ba") && !some.contains("ffd"), "{some}");
    succeed(f, &["report", "run"]);
    let html = fs::read_to_string(f.join("run/report.html")).unwrap();
    assert!(html.contains("ganvas translate run --from DIR") && html.contains("data:image/png;base64,"));
    train(f, "other", &[], &["--steps", "1"]);
    let table = succeed(f, &["compare", "run", "other", "--n", "50", "--html", "compare.html"]);
    assert!(table.contains("ffd_ab") && table.contains("cycle_l1_ba"), "{table}");
}

#[test]
fn what_cannot_be_translated_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    folders(f);
    let train = |more: &[&'static str], code, words: &[&str]| {
        refused(f, &[&["train", "cyclegan", "--out", "run"], more].concat(), code, words);
        assert!(!f.join("run").exists(), "{more:?} left a run folder");
    };
    train(&["--data", "digits"], 2, &["two domains, there are 10 classes", "--data A --data-b B"]);
    train(&["--data", "red"], 2, &["two domains, there are 0 classes"]);
    train(&["--data-b", "red"], 2, &["--data"]);
    train(&["--data", "red", "--data-b", "red"], 2, &["both domains have the same items"]);
    train(&["--data", "red", "--data-b", "nowhere"], 2, &["nowhere"]);
    train(&["--data", "emoji-noto", "--data-b", "red"], 1, &["ganvas data get emoji-noto"]);
    train(&["--data", "horse-zebra", "--data-b", "digits", "--set", "resolution=32"], 2, &["channels", "channels=3"]);
    train(&["--data", "horse-zebra", "--data-b", "digits"], 2, &["3x32x32, of the other 1x8x8", "resolution=N"]);
    // A domain of one image, of images of one pixel, with a damaged one.
    paint(f, "one", 1, |x| [x; 3]);
    train(&["--data", "red", "--data-b", "one"], 1, &["one holds 1 item(s)"]);
    fs::create_dir(f.join("dots")).unwrap();
    for i in 0..4u8 {
        RgbImage::from_pixel(1, 1, Rgb([i, 2 * i, 50])).save(f.join(format!("dots/{i}.png"))).unwrap();
    }
    train(&["--data", "red", "--data-b", "dots"], 2, &["resolution", "at least 8", "got 1x1"]);
    fs::write(f.join("blue/blue-9.png"), b"no image").unwrap();
    train(&["--data", "red", "--data-b", "blue"], 1, &["blue-9.png"]);
    fs::remove_file(f.join("blue/blue-9.png")).unwrap();

    let small = ["--steps", "1", "--set", "generator.width=4", "--eval-every", "0"];
    succeed(f, &[&["train", "cyclegan", "--out", "trained"], &TWO[..], &small[..]].concat());
    let translate = |more: &[&str], code, words: &[&str]| {
        refused(f, &[&["translate", "trained"], more].concat(), code, words);
    };
    translate(&["--from", "red"], 2, &["--out"]);
    translate(&["--from", "red", "--out", "blue"], 2, &["blue exists already"]);
    translate(&["--from", "nowhere", "--out", "made"], 1, &["nowhere"]);
    translate(&["--out", "strips.gif"], 2, &["`strips.gif` does not end in .png or .npy"]);
    translate(&["-n", "0"], 2, &["`-n` must be 1 to 4096"]);
    fs::write(f.join("blue/blue-9.png"), b"no image").unwrap();
    translate(&["--from", "blue", "--out", "made"], 1, &["blue-9.png"]);
    assert!(!f.join("made").exists(), "nothing half-done stays");
    refused(f, &["sample", "trained"], 2, &["makes nothing of noise alone", "ganvas translate trained --from DIR"]);
    for command in [&["augment", "trained", "--to", "9", "--out", "x"] as &[&str], &["traverse", "trained"]] {
        refused(f, command, 2, &["cyclegan"]);
    }
    succeed(f, &["train", "vae", "--steps", "1", "--out", "vae", "--eval-every", "0"]);
    refused(f, &["translate", "vae"], 2, &["`vae` does not translate", "cyclegan"]);
}
