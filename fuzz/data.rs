//! What the fuzz targets of the data files run on bytes, and `crates/data/tests/fuzzed.rs` too.
#![allow(dead_code)]

use std::fmt::Display;

use ganvas_data::OpenOptions;
use ganvas_data::array::Array;
use ganvas_data::parsers;

/// An error is one line that can be shown.
fn check<T, E: Display>(result: Result<T, E>) -> Option<T> {
    result.inspect_err(|error| assert_eq!(error.to_string().trim().lines().count(), 1, "{error}")).ok()
}

/// An IDX file, packed or not.
pub fn idx(bytes: &[u8]) {
    let Some(idx) = check(parsers::idx(bytes)) else { return };
    assert_eq!(idx.dims.iter().product::<usize>(), idx.data.len(), "{:?}", idx.dims);
    let mut written = Vec::new();
    idx.write(&mut written).unwrap();
    assert!(bytes.starts_with(&[0x1f, 0x8b]) || written == bytes, "an unpacked file is written as it was");
    assert_eq!(parsers::idx(&written).unwrap(), idx);
}

/// An `.npy` array; where another reader takes it too, it must read the same.
pub fn npy(bytes: &[u8]) {
    let Some(array) = check(parsers::npy(bytes)) else { return };
    whole(&array);
    let Ok(other) = npyz::NpyFile::new(bytes) else { return };
    let shape: Vec<usize> = other.shape().iter().map(|&side| side as usize).collect();
    assert_eq!(if shape.is_empty() { vec![1] } else { shape }, array.shape);
    let npyz::DType::Plain(kind) = other.dtype() else { panic!("{:?}", other.dtype()) };
    let values = match kind.to_string().trim_start_matches(['<', '>', '|', '=']) {
        "f8" => other.into_vec::<f64>().unwrap(),
        "f4" => widened(other.into_vec::<f32>().unwrap()),
        "i4" => widened(other.into_vec::<i32>().unwrap()),
        "i2" => widened(other.into_vec::<i16>().unwrap()),
        "i1" => widened(other.into_vec::<i8>().unwrap()),
        "u4" => widened(other.into_vec::<u32>().unwrap()),
        "u2" => widened(other.into_vec::<u16>().unwrap()),
        "u1" => widened(other.into_vec::<u8>().unwrap()),
        "i8" => other.into_vec::<i64>().unwrap().into_iter().map(|x| x as f64).collect(),
        "u8" => other.into_vec::<u64>().unwrap().into_iter().map(|x| x as f64).collect(),
        kind => panic!("{kind} was read"),
    };
    assert!(values.iter().zip(&array.values).all(|(a, b)| a == b || a.is_nan() && b.is_nan()));
    assert_eq!(values.len(), array.values.len());
}

fn widened<T: Into<f64>>(values: Vec<T>) -> Vec<f64> {
    values.into_iter().map(Into::into).collect()
}

fn whole(array: &Array) {
    assert!(!array.shape.is_empty());
    assert_eq!(array.shape[0] * array.dims(), array.values.len(), "{:?}", array.shape);
}

/// A PNG or JPEG file, as it is and brought to another size.
pub fn image(bytes: &[u8]) {
    let Some(([channels, height, width], values)) = check(parsers::image(bytes, &OpenOptions::default())) else {
        return;
    };
    assert!(matches!(channels, 1 | 3) && height * width > 0);
    assert_eq!(values.len(), channels * height * width);
    // A grey image has one channel.
    let (planes, _) = values.split_at(height * width);
    assert!(channels == 1 || values[height * width..].chunks(height * width).any(|plane| plane != planes));
    let small = OpenOptions { resolution: Some(5), channels: Some(3), ..OpenOptions::default() };
    let (shape, resized) = parsers::image(bytes, &small).unwrap();
    assert_eq!((shape, resized.len()), ([3, 5, 5], 75));
    let (low, high) = (values.iter().min(), values.iter().max());
    assert!(resized.iter().min() >= low && resized.iter().max() <= high, "means of pixels are between them");
}

/// A table: that of the emoji, and rows of numbers.
pub fn table(bytes: &[u8]) {
    check(parsers::series(bytes));
    if let Some(attributes) = check(parsers::emoji(bytes, &["Faces", "Food & Drink"])) {
        let (train, test) = (attributes[0].train.len(), attributes[0].test.len());
        for attribute in &attributes {
            assert_eq!((attribute.train.len(), attribute.test.len()), (train, test), "{}", attribute.name);
            let known = |&cell: &u32| (cell as usize) < attribute.values.len();
            assert!(attribute.train.iter().chain(&attribute.test).all(known), "{}", attribute.name);
        }
    }
    let Some(array) = check(parsers::csv(bytes)) else { return };
    whole(&array);
    let rows = array.values.chunks(array.dims().max(1));
    let text: Vec<String> =
        rows.map(|row| row.iter().map(f64::to_string).collect::<Vec<_>>().join(",") + "\n").collect();
    let again = parsers::csv(text.concat().as_bytes()).unwrap();
    let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    assert!(again.values.iter().zip(&array.values).all(same) && again.values.len() == array.values.len());
}
