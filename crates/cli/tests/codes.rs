//! Codes of data, and what comes of data through their codes.

mod common;

use std::fs;
use std::path::Path;

use common::{refused, succeed};

/// The sides and values of a `.npy` array of 32-bit floats.
fn array(path: &Path) -> (Vec<usize>, Vec<f32>) {
    let array = ganvas_data::array::read_npy(path).unwrap();
    (array.shape.clone(), array.values.iter().map(|&x| x as f32).collect())
}

#[test]
fn codes_are_the_same_in_every_format_and_decode_to_the_reconstructions() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "aae", "--out", "run", "--steps", "2", "--set", "latent=2"]);
    let said = succeed(f, &["encode", "run", "--out", "codes.npy"]);
    assert!(said.contains("codes of 359 test items of digits, 2 values each"), "{said}");
    let (shape, codes) = array(&f.join("codes.npy"));
    assert_eq!(shape, [359, 2]);

    succeed(f, &["encode", "run", "--out", "codes.csv", "-n", "5"]);
    let table = fs::read_to_string(f.join("codes.csv")).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!((lines.len(), lines[0]), (6, "z1,z2,label"));
    let dataset = ganvas_data::open("digits", &Default::default()).unwrap();
    let labels = dataset.test.labels.as_ref().unwrap();
    for (i, line) in lines[1..].iter().enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        let code: Vec<f32> = cells[..2].iter().map(|cell| cell.parse().unwrap()).collect();
        assert_eq!(code, codes[2 * i..2 * i + 2], "the digits that make the same number again");
        assert_eq!(cells[2], dataset.class_names[labels[i] as usize]);
    }

    succeed(f, &["encode", "run", "--out", "codes.svg", "--split", "train", "-n", "50"]);
    let svg = fs::read_to_string(f.join("codes.svg")).unwrap();
    // 50 points and ten classes in the legend.
    assert_eq!(svg.matches("<circle").count(), 60);

    let said = succeed(f, &["reconstruct", "run", "--out", "pairs.npy", "-n", "20"]);
    let (shape, pairs) = array(&f.join("pairs.npy"));
    assert_eq!(shape, [20, 2, 1, 8, 8]);
    let (mut squares, mut n) = (0.0, 0);
    for (i, pair) in pairs.chunks_exact(128).enumerate() {
        assert_eq!(pair[..64], dataset.test.gather(&[i]));
        squares += pair[..64].iter().zip(&pair[64..]).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        n += 64;
    }
    let mse: f64 = said.split(' ').nth(1).unwrap().parse().unwrap();
    assert!((mse - squares / f64::from(n)).abs() < 1e-3 * mse, "{said}: {}", squares / f64::from(n));
    succeed(f, &["reconstruct", "run", "--out", "pairs.png", "-n", "9"]);
    let picture = image::open(f.join("pairs.png")).unwrap();
    // Three columns of 8 and 16 pixels at three times their size, with gaps of two.
    assert_eq!((picture.width(), picture.height()), (5 * (8 * 3 + 2) + 2, 2 * (16 * 3 + 2) + 2));
}

#[test]
fn other_data_are_brought_to_the_shape_of_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for (part, value) in [("a", 30u8), ("b", 200)] {
        fs::create_dir_all(f.join("pictures").join(part)).unwrap();
        for i in 0..8 {
            let picture = image::RgbImage::from_pixel(20, 16, image::Rgb([value, i, 0]));
            picture.save(f.join("pictures").join(part).join(format!("{i}.png"))).unwrap();
        }
    }
    succeed(f, &["train", "vae", "--out", "run", "--steps", "2"]);
    let said = succeed(f, &["encode", "run", "--data", "pictures", "--split", "train", "--out", "codes.csv"]);
    assert!(said.contains("items of pictures, 16 values each"), "{said}");
    let table = fs::read_to_string(f.join("codes.csv")).unwrap();
    assert!(table.lines().skip(1).all(|line| line.ends_with(",a") || line.ends_with(",b")), "{table}");
    succeed(f, &["reconstruct", "run", "--data", "pictures", "--out", "pairs.npy"]);
    assert_eq!(array(&f.join("pairs.npy")).0[1..], [2, 1, 8, 8]);
}

#[test]
fn points_have_codes_too() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "aae", "--data", "ring8", "--out", "run", "--steps", "2"]);
    succeed(f, &["encode", "run", "--out", "codes.svg", "-n", "30"]);
    assert!(fs::read_to_string(f.join("codes.svg")).unwrap().contains("<circle"));
    succeed(f, &["reconstruct", "run", "--out", "pairs.png"]);
    succeed(f, &["reconstruct", "run", "--out", "pairs.npy", "-n", "3"]);
    assert_eq!(array(&f.join("pairs.npy")).0, [3, 2, 2]);
}

#[test]
fn what_has_no_codes_or_no_fitting_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "gan", "--out", "gan", "--steps", "1"]);
    succeed(f, &["train", "aae", "--out", "told", "--steps", "1", "--set", "variant=supervised"]);
    for command in ["encode", "reconstruct"] {
        refused(f, &[command, "gan", "--out", "out.npy"], 2, &["`gan` is no autoencoder", "ganvas train vae"]);
        refused(f, &[command, "told", "--out", "out.txt"], 2, &["`out.txt` does not end in"]);
        refused(f, &[command, "none", "--out", "out.npy"], 2, &["none is not a run"]);
        refused(f, &[command, "told", "--out", "out.npy", "-n", "0"], 2, &["`-n` must be at least 1"]);
        refused(f, &[command, "told", "--out", "out.npy", "--data", "ring8"], 2, &["ring8"]);
        refused(f, &[command, "told", "--out", "out.npy", "--data", "digts"], 2, &["did you mean `digits`"]);
    }
    refused(f, &["encode", "told", "--out", "out.svg"], 2, &["codes of 8 values", "--set latent=2"]);
    assert!(!f.join("out.npy").exists() && !f.join("out.svg").exists(), "nothing was written");
    // A decoder that is told the class cannot do without.
    fs::create_dir(f.join("plain")).unwrap();
    for i in 0..4 {
        image::GrayImage::from_pixel(8, 8, image::Luma([60 * i])).save(f.join(format!("plain/{i}.png"))).unwrap();
    }
    refused(f, &["reconstruct", "told", "--out", "out.npy", "--data", "plain"], 2, &["have to be told classes"]);
    succeed(f, &["encode", "told", "--out", "codes.csv", "--data", "plain"]);
    assert!(fs::read_to_string(f.join("codes.csv")).unwrap().starts_with("z1,z2,z3,z4,z5,z6,z7,z8\n"));
    succeed(f, &["reconstruct", "told", "--out", "pairs.npy"]);
}
