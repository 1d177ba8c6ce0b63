//! Super-resolution from photographs of several sizes to enlarged files, as a person makes them.

mod common;

use std::fs;
use std::path::Path;

use common::{refused, succeed};
use image::{GrayImage, Luma, Rgb, RgbImage};
use serde_json::Value;

/// Stripes and gradients, so that no square is all one colour.
fn photograph(path: &Path, width: u32, height: u32) {
    let pixel =
        |x: u32, y: u32| Rgb([(5 * x) as u8, (7 * y) as u8, if (x / 3 + y / 5).is_multiple_of(2) { 200 } else { 30 }]);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    RgbImage::from_fn(width, height, pixel).save(path).unwrap();
}

/// A run of a few steps with a small network, on the squares of six photographs.
fn trained(folder: &Path) {
    for (i, (width, height)) in [(40, 33), (64, 48), (30, 50), (50, 20), (33, 33), (70, 41)].into_iter().enumerate() {
        photograph(&folder.join(format!("photos/{i}.png")), width, height);
    }
    let network = ["generator.width=4", "generator.blocks=1", "discriminator_width=2", "discriminator_units=4"];
    let set: Vec<&str> = network.iter().flat_map(|setting| ["--set", setting]).collect();
    let train = ["train", "srgan", "--data", "photos", "--crop", "16", "--steps", "8", "--batch", "4", "--out", "run"];
    succeed(folder, &[&train[..], &set].concat());
}

fn size(path: &Path) -> (u32, u32, bool) {
    let image = image::open(path).unwrap();
    (image.width(), image.height(), image.color().has_color())
}

#[test]
fn photographs_are_learnt_from_and_enlarged() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    trained(f);
    let config = fs::read_to_string(f.join("run/config.toml")).unwrap();
    assert!(config.contains("crop = 16") && config.contains("height = 16"), "{config}");

    photograph(&f.join("small/a.png"), 21, 9);
    photograph(&f.join("small/b.jpg"), 5, 30);
    GrayImage::from_pixel(1, 1, Luma([90])).save(f.join("one.png")).unwrap();
    let said = succeed(f, &["upscale", "run", "small", "one.png", "--out", "large", "--tile", "8"]);
    assert_eq!(said, "3 images, 4 times as large a side, of step 8 by the trained weights: large\n");
    assert_eq!(size(&f.join("large/a.png")), (84, 36, true));
    assert_eq!(size(&f.join("large/b.png")), (20, 120, true));
    // A grey file for a run of colours: three equal channels go in, colours come out.
    assert_eq!(size(&f.join("large/one.png")), (4, 4, true));
    // However it is cut up, it is the same image, up to rounding.
    succeed(f, &["upscale", "run", "small/a.png", "--out", "whole", "--tile", "100"]);
    let [cut, whole] =
        ["large", "whole"].map(|of| image::open(f.join(of).join("a.png")).unwrap().into_rgb8().into_raw());
    assert!(cut.iter().zip(&whole).all(|(a, b)| a.abs_diff(*b) <= 1));

    let json: Value = serde_json::from_str(&succeed(f, &["eval", "run", "--intervals", "--json"])).unwrap();
    let names: Vec<&str> =
        json["metrics"].as_array().unwrap().iter().map(|figure| figure["name"].as_str().unwrap()).collect();
    // Squares of 16 pixels keep their border: without it they would have no room for the window of ssim.
    assert_eq!(names, ["perc", "perc_before", "psnr", "psnr_before", "ssim", "ssim_before"]);
    for figure in json["metrics"].as_array().unwrap() {
        assert!(figure["baseline"].is_f64() && figure["interval"].is_array(), "{figure}");
        assert_eq!(figure["name"].as_str().unwrap().starts_with("perc"), figure["extractor"].is_string());
    }
    succeed(f, &["report", "run"]);
    let html = fs::read_to_string(f.join("run/report.html")).unwrap();
    assert!(html.contains("by squared errors alone (before adversarial training), enlarged by the run"), "{html}");
    assert!(html.contains("ganvas upscale run FILE... --out larger"));
    let events = fs::read_to_string(f.join("run/events.jsonl")).unwrap();
    assert!(["perc", "psnr", "ssim_bicubic"].iter().all(|name| events.contains(&format!("\"{name}\":"))), "{events}");
}

#[test]
fn what_cannot_be_enlarged_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    trained(f);
    photograph(&f.join("a/x.png"), 6, 6);
    photograph(&f.join("b/x.png"), 6, 6);
    fs::create_dir(f.join("empty")).unwrap();
    fs::write(f.join("broken.png"), b"no image").unwrap();
    let out = ["--out", "large"];
    let upscale = |files: &[&'static str]| [&["upscale", "run"], files, &out].concat();
    refused(f, &upscale(&["empty"]), 1, &["empty holds no PNG or JPEG image (0 other files)", "put .png"]);
    refused(f, &upscale(&["a/x.png", "b/x.png"]), 2, &["a/x.png and b/x.png would both become large/x.png"]);
    refused(f, &upscale(&["a/x.png", "--tile", "0"]), 2, &["`--tile` must be at least 1"]);
    assert!(!f.join("large").exists(), "nothing was done");
    // The others are done all the same.
    let words = ["broken.png", "cannot read none.png", "2 of 3 files were not enlarged"];
    refused(f, &upscale(&["broken.png", "a/x.png", "none.png"]), 1, &words);
    let there: Vec<_> = fs::read_dir(f.join("large")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(there, ["x.png"]);
    refused(f, &upscale(&["b/x.png"]), 2, &["large/x.png exists already"]);

    refused(f, &["sample", "run"], 2, &["`srgan` draws no samples: it enlarges images", "ganvas upscale run"]);
    refused(f, &["eval", "run", "--metrics", "ffd"], 2, &["there is no metric"]);
    succeed(f, &["train", "gan", "--steps", "1", "--out", "gan"]);
    refused(f, &["upscale", "gan", "a/x.png", "--out", "other"], 2, &["gan (`gan`) enlarges no images", "train srgan"]);
}

#[test]
fn squares_are_asked_for_rightly() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    photograph(&f.join("photos/a.png"), 40, 40);
    photograph(&f.join("photos/b.png"), 40, 12);
    let train = ["train", "srgan", "--data", "photos", "--steps", "1", "--out", "run"];
    let with = |more: &[&'static str]| [&train[..], more].concat();
    refused(f, &with(&["--crop", "16"]), 1, &["b.png is 40x12 pixels, smaller than squares of 16x16", "--crop N"]);
    refused(f, &with(&["--crop", "8", "--set", "resolution=8"]), 2, &["crop and resolution cannot be given together"]);
    refused(f, &with(&["--crop", "10"]), 2, &["`data` must be sides that are multiples of 4", "got 10x10"]);
    refused(f, &with(&["--crop", "1"]), 2, &["crop is 1, expected 2 to 4096"]);
    succeed(f, &with(&["--crop", "8"]));
    // What the run was trained on is found again by all that look for it.
    succeed(f, &["train", "srgan", "--out", "run", "--resume", "--steps", "2"]);
}
