use std::io::Read;

use super::*;
use crate::baseline::independent_pixels;
use crate::frechet_distance;
use ganvas_prob::stream::{normals, uniforms};

const IMAGES: &[u8] = include_bytes!("../../../data/assets/digits8x8-images-idx3-ubyte.gz");
const LABELS: &[u8] = include_bytes!("../../../data/assets/digits8x8-labels-idx1-ubyte.gz");

/// The training or test part of the 8x8 digits: items with i % 5 == 4 are the test part.
fn digits(test: bool) -> (Images, Vec<u32>) {
    let unpacked = |gz: &[u8], header: usize| {
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(gz).read_to_end(&mut bytes).unwrap();
        bytes.split_off(header)
    };
    let (pixels, labels) = (unpacked(IMAGES, 16), unpacked(LABELS, 8));
    let items = || (0..labels.len()).filter(|i| (i % 5 == 4) == test);
    let byte = |x: u8| (f32::from(x) * 255.0 / 16.0).round();
    let values = items().flat_map(|i| &pixels[i * 64..(i + 1) * 64]).map(|&x| byte(x) / 127.5 - 1.0).collect();
    (Images { channels: 1, height: 8, width: 8, values }, items().map(|i| labels[i].into()).collect())
}

fn noise(n: usize, channels: usize, side: usize) -> Images {
    let values = uniforms(&mut Streams::new(1).rng("noise", 0), n * channels * side * side);
    Images { channels, height: side, width: side, values: values.into_iter().map(|u| 2.0 * u - 1.0).collect() }
}

#[test]
fn the_shipped_weights_are_those_of_their_checksums_and_good_enough() {
    let sums = [
        ("digits", include_str!("../../weights/digits.sha256"), 0.96),
        ("mnist", include_str!("../../weights/mnist.sha256"), 0.98),
        ("fashion-mnist", include_str!("../../weights/fashion-mnist.sha256"), 0.88),
        ("emoji", include_str!("../../weights/emoji.sha256"), 0.55),
    ];
    assert_eq!(Extractor::names(), sums.map(|(name, ..)| name));
    for (spec, (name, sum, least)) in SPECS.iter().zip(sums) {
        assert_eq!(checksum_line(name, spec.weights), sum);
        assert!(spec.weights.len() < 2_000_000);
        let extractor = Extractor::load(name, &Device::flex()).unwrap();
        assert_eq!(extractor_for(name), Some(name));
        assert_eq!(extractor.label(), format!("{name}-cnn-v1"));
        assert!(extractor.accuracy() >= least, "{name}: {}", extractor.accuracy());
        assert!(extractor.to_safetensors().unwrap() == spec.weights, "{name} is not written as it was read");
    }
}

/// Emoji that it has not seen. The most frequent category is 35 % of them, skin tone "none" 68 %, each style a third.
#[test]
fn the_emoji_classifier_tells_all_four_things() {
    let extractor = Extractor::load("emoji", &Device::flex()).unwrap();
    assert_eq!((extractor.card().n_train, extractor.card().n_test), (5196, 660));
    let least = [("category", 0.55), ("subcategory", 0.25), ("style", 0.88), ("skin_tone", 0.82)];
    assert_eq!(extractor.accuracies().len(), least.len());
    for ((task, share), (name, least)) in extractor.accuracies().into_iter().zip(least) {
        assert!(task == name && (least..=1.0).contains(&share), "{task}: {share}, {name} at least {least}");
    }
}

#[test]
fn the_card_tells_the_accuracy_on_held_out_digits() {
    let (images, labels) = digits(true);
    let extractor = Extractor::load("digits", &Device::flex()).unwrap();
    let right = extractor.classes(&images).unwrap().iter().zip(&labels).filter(|(a, b)| a == b).count();
    assert_eq!(images.len(), extractor.card().n_test);
    assert_eq!(right, extractor.card().n_correct);
}

/// What the Frechet distance is for: real against real is near, pixels without structure are far.
#[test]
fn real_digits_are_nearer_to_real_digits_than_independent_pixels_are() {
    let extractor = Extractor::load("digits", &Device::flex()).unwrap();
    let (train, test) = (digits(false).0, digits(true).0);
    let pixels = independent_pixels(&train, test.len(), &Streams::new(1)).unwrap();
    let real = extractor.features(&test).unwrap();
    let distance = |images: &Images| frechet_distance(&real, &extractor.features(images).unwrap()).unwrap();
    let (floor, baseline) = (distance(&train), distance(&pixels));
    assert!(floor < 0.2 * baseline, "floor {floor}, baseline {baseline}");
}

#[test]
fn an_images_features_do_not_depend_on_the_others() {
    let extractor = Extractor::load("mnist", &Device::flex()).unwrap();
    let images = noise(BATCH + 3, 1, 28);
    let all = extractor.features(&images).unwrap();
    assert_eq!((all.dims, all.len()), (extractor.units(), BATCH + 3));
    assert!(all.values.iter().all(|&x| x >= 0.0) && all.values.iter().any(|&x| x > 0.0));
    for i in [0, BATCH - 1, BATCH + 2] {
        let alone = extractor.features(&Images { values: images.item(i).to_vec(), ..images }).unwrap();
        for (a, b) in all.item(i).iter().zip(&alone.values) {
            assert!((a - b).abs() <= 1e-5 * (1.0 + a.abs()), "item {i}: {a} against {b}");
        }
    }
}

/// Four equal pixels for each one, in three equal channels: resized and turned grey, the images are what they were.
#[test]
fn larger_and_coloured_images_are_brought_to_the_input() {
    let extractor = Extractor::load("digits", &Device::flex().autodiff()).unwrap();
    let (images, _) = digits(true);
    let grey = |item: &[f32]| (0..256).map(|i| item[i / 32 * 8 + i % 16 / 2]).collect::<Vec<f32>>();
    let values = images.values.chunks_exact(64).flat_map(|item| grey(item).repeat(3)).collect();
    let large = Images { channels: 3, height: 16, width: 16, values };
    assert_eq!(extractor.classes(&large).unwrap(), extractor.classes(&images).unwrap());
    assert!(matches!(extractor.features(&noise(1, 2, 8)), Err(MetricError::Channels { channels: 2 })));
    let mut broken = images;
    broken.values[64] = f32::NAN;
    assert!(matches!(extractor.features(&broken), Err(MetricError::NotFinite { item: 1, position: 0, .. })));
}

#[test]
fn an_unknown_name_gets_the_list() {
    let error = Extractor::load("cifar", &Device::flex()).unwrap_err().to_string();
    assert!(error.contains("`cifar`") && error.contains("digits, mnist, fashion-mnist"), "{error}");
}

/// Two kinds of images, bright above or bright below, with noise.
fn halves(n: usize) -> (Images, Vec<u32>) {
    let labels: Vec<u32> = (0..n as u32).map(|i| i % 2).collect();
    let mut values = normals(&mut Streams::new(2).rng("halves", n as u64), n * 64);
    for (item, &label) in values.chunks_exact_mut(64).zip(&labels) {
        let bright = |i: usize| if (i < 32) == (label == 0) { 0.5 } else { -0.5 };
        item.iter_mut().enumerate().for_each(|(i, x)| *x = (bright(i) + 0.2 * *x).clamp(-1.0, 1.0));
    }
    (Images { channels: 1, height: 8, width: 8, values }, labels)
}

fn labelled<'a>(images: &'a Images, labels: &'a [u32]) -> Labelled<'a> {
    Labelled { images, labels: vec![labels] }
}

fn trained(seed: u64, steps: &mut Vec<TrainProgress>) -> Extractor {
    let ((train, labels), (test, test_labels)) = (halves(150), halves(50));
    let progress = &mut |step| steps.push(step);
    let (train, test) = (labelled(&train, &labels), labelled(&test, &test_labels));
    train_extractor("digits", &train, &test, seed, &Device::flex(), progress).unwrap()
}

#[test]
fn training_learns_and_its_seed_repeats_it_bit_for_bit() {
    let mut steps = vec![];
    let extractor = trained(1, &mut steps);
    assert_eq!(extractor.accuracy(), 1.0);
    assert_eq!((steps.len(), steps[79].step, steps[79].steps), (80, 80, 80));
    assert!(steps[0].loss > 1.0 && steps[79].loss < 0.1, "{} to {}", steps[0].loss, steps[79].loss);
    let bytes = extractor.to_safetensors().unwrap();
    assert!(bytes == trained(1, &mut vec![]).to_safetensors().unwrap());
    assert!(bytes != trained(2, &mut vec![]).to_safetensors().unwrap());
}

/// Squares whose place is the category, whose side the subcategory, whose colour the style and the skin tone. Labels are
/// in the order of the tasks.
fn squares() -> (Images, [Vec<u32>; 4]) {
    let labels = [1, 2, 4, 8].map(|k| (0..16).map(|i| i / k % 2).collect());
    let mut values = Vec::new();
    for i in 0..16 {
        let [place, size, style, tone] = [1, 2, 4, 8].map(|k| i / k % 2);
        let (start, end) = (4 + 30 * place, 4 + 30 * place + 12 + 12 * size);
        for channel in [style, 1, tone] {
            let inside = |i: usize| (start..end).contains(&(i / 64)) && (start..end).contains(&(i % 64));
            values.extend((0..64 * 64).map(|i| if inside(i) { 2.0 * channel as f32 - 1.0 } else { 0.0 }));
        }
    }
    (Images { channels: 3, height: 64, width: 64, values }, labels)
}

/// Sixteen images, told apart in all four ways after 15 updates; each accuracy is that of its own task.
#[test]
fn several_tasks_are_learnt_at_once() {
    let (images, labels) = squares();
    let train = |labels: &[Vec<u32>; 4], test: &[Vec<u32>; 4]| {
        let set = |labels| Labelled { images: &images, labels: <[_]>::iter(labels).map(Vec::as_slice).collect() };
        train_extractor("emoji", &set(labels), &set(test), 1, &Device::flex(), &mut |_| {}).unwrap()
    };
    let extractor = train(&labels, &labels);
    for (task, share) in extractor.accuracies() {
        assert!(share > 0.8, "{task}: {share}");
    }
    let mut wrong = labels.clone();
    wrong[2].iter_mut().for_each(|style| *style = 2);
    let again = train(&labels, &wrong);
    assert_eq!(again.accuracies()[2], ("style", 0.0));
    assert_eq!((again.accuracies()[0], again.accuracies()[3]), (extractor.accuracies()[0], extractor.accuracies()[3]));
    let (bytes, again) = (extractor.to_safetensors().unwrap(), again.to_safetensors().unwrap());
    let tensors = |bytes: &[u8]| bytes[8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize..].to_vec();
    assert!(tensors(&bytes) == tensors(&again), "the seed does not repeat the training");
    let read = Extractor::from_safetensors("emoji", &bytes, &Device::flex()).unwrap();
    assert_eq!(read.card(), extractor.card());
    assert!(read.to_safetensors().unwrap() == bytes);
    let (features, logits) = read.features_and_logits(&images).unwrap();
    assert_eq!((features.dims, logits.dims, read.layers(&images).unwrap().len()), (128, 8, 5));
    assert_eq!(logits, read.logits(&images).unwrap());
}

#[test]
fn training_on_what_does_not_fit_is_refused() {
    let (images, labels) = halves(10);
    let train = |images: &Images, labels: &[u32]| {
        let test = halves(4);
        let (train, test) = (labelled(images, labels), labelled(&test.0, &test.1));
        train_extractor("digits", &train, &test, 1, &Device::flex(), &mut |_| {}).unwrap_err()
    };
    assert!(matches!(train(&images, &labels[1..]), MetricError::Labels { set: "training", labels: 9, items: 10 }));
    assert!(matches!(train(&images, &[10; 10]), MetricError::Class { label: 10, classes: 10, .. }));
    let (two, test) = (Labelled { images: &images, labels: vec![&labels, &labels] }, labelled(&images, &labels));
    let refused = train_extractor("digits", &two, &test, 1, &Device::flex(), &mut |_| {}).unwrap_err();
    assert!(matches!(refused, MetricError::Tasks { set: "training", got: 2, expected: 1 }));
    let none = Images { values: vec![], ..images };
    assert!(matches!(train(&none, &[]), MetricError::TooFew { set: "training", .. }));
}

#[test]
fn files_that_are_no_weights_are_errors() {
    let bytes = Extractor::load("digits", &Device::flex()).unwrap().to_safetensors().unwrap();
    let read = |name: &str, bytes: &[u8]| Extractor::from_safetensors(name, bytes, &Device::flex());
    assert!(read("digits", &bytes).is_ok());
    assert!(matches!(read("mnist", &bytes), Err(MetricError::WeightsContent { .. })));
    for length in [0, 7, 8, 100, bytes.len() - 1] {
        assert!(matches!(read("digits", &bytes[..length]), Err(MetricError::WeightsFile { .. })), "{length}");
    }
    let replaced = |from: &str, to: &str| {
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let text = std::str::from_utf8(&bytes[8..8 + header]).unwrap().replacen(from, to, 1);
        assert_eq!(text.len(), header);
        [&bytes[..8], text.as_bytes(), &bytes[8 + header..]].concat()
    };
    let error = read("digits", &replaced("net.conv1.bias", "net.conv9.bias")).unwrap_err();
    assert!(matches!(error, MetricError::Weights { .. }) && error.to_string().contains("net.conv1.bias"), "{error}");
    let error = read("digits", &replaced("\"F32\"", "\"I32\"")).unwrap_err();
    assert!(error.to_string().contains("is not of 32-bit floats"), "{error}");
    let mut nan = bytes.clone();
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    assert!(matches!(read("digits", &nan), Err(MetricError::WeightsContent { .. })));
    // Whatever byte of the header is hit, the answer is an error or a network, never a panic.
    for i in (0..bytes.len() - 4 * 13_000).step_by(3) {
        let mut hit = bytes.clone();
        hit[i] ^= 1 << (i % 7);
        let _ = read("digits", &hit);
    }
}
