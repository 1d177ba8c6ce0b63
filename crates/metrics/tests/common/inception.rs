//! The Inception network against `fixtures/inception.json`, on any device. Weights and images are made again by the
//! formulas of `fixtures/inception.py`.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use ganvas_metrics::Images;
use ganvas_metrics::inception::{Inception, Resize};
use ganvas_nets::state::State;
use serde_json::Value;

/// Features are of order one, up to 3.
const TOLERANCE: f64 = 1e-4;

/// The rows of one part of the script's output.
pub fn rows(part: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../fixtures/inception.json")).unwrap();
    all[part].as_array().unwrap().clone()
}

pub fn number(row: &Value, key: &str) -> usize {
    row[key].as_u64().unwrap() as usize
}

pub fn numbers(values: &Value) -> Vec<f64> {
    values.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

pub fn resize(row: &Value) -> Resize {
    [Resize::Clean, Resize::Legacy].into_iter().find(|resize| row["mode"] == resize.name()).unwrap()
}

/// splitmix64 at the places 0, 1, ... from the 64-bit FNV-1a of the name.
fn hashes(name: &str) -> impl Iterator<Item = u64> {
    let seed = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (1u64..).map(move |i| {
        let z = seed.wrapping_add(i.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

fn weights(name: &str, shape: &[usize]) -> TensorData {
    let size = |dims: &[usize]| dims.iter().product::<usize>();
    let (low, high) = match name.rsplit('.').take(2).collect::<Vec<_>>()[..] {
        ["weight", "conv" | "fc"] => {
            let bound = (6.0 / size(&shape[1..]) as f64).sqrt() as f32;
            (-bound, bound)
        }
        ["weight", "bn"] => (0.5, 1.25),
        ["running_var", "bn"] => (0.5, 1.5),
        ["bias", "fc"] => (-1.0, 1.0),
        _ => (-0.25, 0.25),
    };
    let uniform = hashes(name).map(|hash| (hash >> 40) as f32 / 16_777_216.0);
    TensorData::new(uniform.take(size(shape)).map(|u| low + (high - low) * u).collect::<Vec<f32>>(), shape.to_vec())
}

pub fn tensors() -> BTreeMap<String, TensorData> {
    let named = rows("tensors").into_iter().map(|row| {
        let name = row["name"].as_str().unwrap().to_owned();
        let shape: Vec<usize> = numbers(&row["shape"]).into_iter().map(|side| side as usize).collect();
        let values = weights(&name, &shape);
        (name, values)
    });
    named.collect()
}

/// Levels 0..256 of the channels, rows and columns that a row says, as images have them.
pub fn images(row: &Value, level: impl Fn(usize, [usize; 3]) -> u64) -> Images {
    let [channels, height, width] = ["channels", "height", "width"].map(|key| number(row, key));
    let place = |i| [i / width / height, i / width % height, i % width];
    let values = (0..channels * height * width).map(|i| level(i, place(i)) as f32 / 127.5 - 1.0);
    Images::new([channels, height, width], values.collect())
}

/// Levels of 8 bits, each at random.
pub fn noise(name: &str, row: &Value) -> Vec<u64> {
    let size = ["channels", "height", "width"].map(|key| number(row, key)).iter().product();
    hashes(name).map(|hash| hash >> 56).take(size).collect()
}

/// Waves that differ from picture to picture, half covered by noise.
pub fn picture(i: usize, row: &Value) -> Images {
    let noise = noise(&format!("picture {i}"), row);
    images(row, |at, [c, y, x]| ((y * (c + 1) * (i + 1) + x * (5 - i)) as u64 / 4 % 256 + noise[at]) / 2)
}

pub fn network(device: &Device) -> Inception {
    Inception::from_state(State::from_entries(tensors()), device).unwrap()
}

/// The largest difference.
pub fn differ(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max)
}

/// Mean, standard deviation and eight values.
fn sketch(output: &Tensor<4>) -> Vec<f32> {
    let values: Vec<f32> = output.to_data().iter().collect();
    let n = values.len();
    let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / n as f64;
    let variance = values.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n as f64;
    let places = (0..8).map(|k| values[(2 * k + 1) * n / 16]);
    [mean as f32, variance.sqrt() as f32].into_iter().chain(places).collect()
}

/// Every layer and the features of the first `n` pictures are those of PyTorch; a wrong layer is named. Gives the
/// largest difference of a feature.
pub fn features_agree(device: &Device, n: usize) -> f64 {
    let inception = network(device);
    let mut largest = 0.0f64;
    for (i, row) in rows("images").iter().enumerate().take(n) {
        let mut layers = row["layers"].as_object().unwrap().clone();
        let features = inception.look(&picture(i, row), resize(row), |name, output| {
            let expected = numbers(&layers.remove(name).unwrap_or_else(|| panic!("no layer `{name}`")));
            let difference = differ(&sketch(output), &expected);
            assert!(difference < TOLERANCE, "picture {i}: `{name}` is off by {difference:.1e}");
        });
        assert!(layers.is_empty(), "not seen: {:?}", layers.keys());
        let difference = differ(&features.unwrap().values, &numbers(&row["features"]));
        assert!(difference < TOLERANCE, "picture {i}: a feature is off by {difference:.1e}");
        largest = largest.max(difference);
    }
    largest
}
