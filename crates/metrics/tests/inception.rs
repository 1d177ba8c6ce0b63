//! The Inception network and its resizes against PyTorch, pytorch-fid and clean-fid: `fixtures/inception.py` made the
//! values, on the same weights and images.

#[path = "common/inception.rs"]
mod common;

use std::fs::{self, File};

use burn::tensor::{Device, TensorData};
use common::{differ, features_agree, images, network, noise, numbers, picture, resize, rows, tensors};
use ganvas_metrics::inception::{Inception, Resize};
use ganvas_metrics::{Images, MetricError};
use ganvas_nets::state::{State, StateError};

#[test]
fn layers_and_features_are_those_of_pytorch() {
    let largest = features_agree(&Device::flex(), 5);
    println!("largest difference of a feature: {largest:.1e}");
}

/// Two pictures at once, on a device that would track gradients; the second one's own resize is the other one.
#[test]
fn features_and_logits_in_batches_are_those_of_pytorch() {
    let rows = rows("images");
    let mut both = picture(0, &rows[0]);
    both.values.extend(picture(1, &rows[1]).values);
    let inception = network(&Device::flex().autodiff());
    for (i, row) in rows[..2].iter().enumerate() {
        let (features, logits) = inception.features_and_logits(&both, resize(row)).unwrap();
        let with_bias: Vec<f32> = logits.item(i).iter().zip(inception.bias()).map(|(x, bias)| x + bias).collect();
        let found = [("features", features.item(i)), ("logits_unbiased", logits.item(i)), ("logits", &with_bias)];
        for (what, found) in found {
            let difference = differ(found, &numbers(&row[what]));
            assert!(difference < 1e-4, "{what} of picture {i} are off by {difference:.1e}");
        }
        let other = differ(features.item(1 - i), &numbers(&row["features"]));
        assert!(other > 1e-2, "the features of two pictures differ by {other:.1e}");
    }
}

/// On a grid of places, in grey levels, from random ones: smaller, larger, not square and left alone.
#[test]
fn resizes_are_those_of_clean_fid_and_pytorch_fid() {
    let sides = || (0..299).step_by(23).chain([298]);
    let places: Vec<usize> = sides().flat_map(|y| sides().map(move |x| y * 299 + x)).collect();
    for row in rows("resizes") {
        let noise = noise("resize", &row);
        let images = resize(&row).resize(&images(&row, |at, _| noise[at])).unwrap();
        assert_eq!((images.len(), images.height, images.width), (1, 299, 299));
        let planes = images.values.chunks_exact(299 * 299);
        let found = planes.flat_map(|plane| places.iter().map(|&place| (plane[place] + 1.0) * 127.5));
        let difference = differ(&found.collect::<Vec<f32>>(), &numbers(&row["values"]));
        let what = format!("{} of {}x{}", row["mode"], row["height"], row["width"]);
        println!("{what}: largest difference {difference:.1e} levels");
        assert!(difference < 1e-3, "{what} is off by {difference:.1e} levels");
    }
}

#[test]
fn all_levels_of_8_bits_come_back_from_images_of_the_right_size() {
    let values: Vec<f32> = (0..299 * 299).map(|i| (i % 256) as f32 / 127.5 - 1.0).collect();
    for resize in [Resize::Clean, Resize::Legacy] {
        let resized = resize.resize(&Images::new([1, 299, 299], values.clone())).unwrap();
        for (i, x) in resized.values.iter().enumerate() {
            assert!(((x + 1.0) * 127.5 - (i % 256) as f32).abs() < 1e-4, "{x} for {}", i % 256);
        }
    }
}

#[test]
fn images_that_cannot_be_taken_are_named() {
    let two = Images::new([2, 4, 4], vec![0.0; 32]);
    assert!(matches!(Resize::Clean.resize(&two), Err(MetricError::Channels { channels: 2 })));
    let mut torn = Images::new([1, 4, 4], vec![0.0; 31]);
    assert!(matches!(Resize::Legacy.resize(&torn), Err(MetricError::Ragged { values: 31, .. })));
    torn.values.push(f32::NAN);
    assert!(matches!(Resize::Legacy.resize(&torn), Err(MetricError::NotFinite { item: 1, position: 15, .. })));
    assert!(Resize::Clean.resize(&Images::new([3, 4, 4], vec![])).unwrap().is_empty());
}

/// All of the file's tensors are needed, and no others.
#[test]
fn weights_that_do_not_fit_are_named() {
    let entries = tensors();
    let error = |name: &str, tensor: Option<TensorData>| {
        let mut entries = entries.clone();
        entries.remove(name);
        entries.extend(tensor.map(|tensor| (name.to_owned(), tensor)));
        Inception::from_state(State::from_entries(entries), &Device::flex()).unwrap_err()
    };
    for name in ["Conv2d_1a_3x3.conv.weight", "Mixed_7c.branch3x3dbl_3b.bn.running_var", "fc.bias"] {
        let missing = error(name, None);
        assert!(matches!(&missing, MetricError::Weights { source: StateError::Missing { name: n }, .. } if n == name));
        let short = error(name, Some(TensorData::from([1.0f32])));
        assert!(matches!(&short, MetricError::Weights { source: StateError::Shape { name: n, .. }, .. } if n == name));
        let broken = error(name, Some(TensorData::from([f32::NAN]))).to_string();
        assert!(broken.contains(name) && broken.contains("finite"), "{broken}");
    }
    let more = error("AuxLogits.fc.bias", Some(TensorData::from([1.0f32])));
    assert!(matches!(more, MetricError::Weights { source: StateError::Unused { .. }, .. }), "{more}");
}

#[test]
fn other_files_are_refused_with_the_place_of_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.pth");
    let open = || Inception::open(&path, &Device::flex()).unwrap_err();
    assert!(matches!(open(), MetricError::InceptionUnreadable { .. }), "there is no such file");
    fs::write(&path, b"PK").unwrap();
    let error = open().to_string();
    for part in ["weights.pth", "size in bytes is 2, not 95628359", "https://github.com/mseitzer/pytorch-fid/releases"]
    {
        assert!(error.contains(part), "{error}");
    }
    // As long as the right one, of zeros.
    File::create(&path).unwrap().set_len(95_628_359).unwrap();
    let error = open().to_string();
    assert!(error.contains("SHA-256 is ") && error.contains(", not 6726825d0af5f729"), "{error}");
}

#[test]
fn labels_say_the_resize() {
    assert_eq!(Inception::label(Resize::Clean), "inception-v3-2015-12-05/clean");
    assert_eq!(Inception::label(Resize::Legacy), "inception-v3-2015-12-05/legacy");
}
