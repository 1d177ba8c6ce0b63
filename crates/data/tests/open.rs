//! Data sets opened by name and by path, from small files made here.

use std::fs;
use std::path::Path;

use ganvas_data::idx::{Idx, IdxError};
use ganvas_data::{DataError, Dataset, ImageFolder, ItemShape, OpenOptions, Split, Values, images, open, read_image};
use image::{GrayImage, Luma, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;
use tempfile::tempdir;

fn open_path(path: &Path, options: &OpenOptions) -> Result<Dataset, DataError> {
    open(path.to_str().unwrap(), options)
}

fn resolution(n: usize) -> OpenOptions {
    OpenOptions { resolution: Some(n), ..Default::default() }
}

fn bytes(split: &Split) -> &[u8] {
    match &split.values {
        Values::U8(values) => values,
        Values::F32(_) => panic!("not images"),
    }
}

fn write_idx(path: &Path, dims: &[usize], data: Vec<u8>) {
    Idx { dims: dims.to_vec(), data }.write(fs::File::create(path).unwrap()).unwrap();
}

/// A grey image whose pixels all have this value.
fn write_grey(path: &Path, width: u32, height: u32, value: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    GrayImage::from_pixel(width, height, Luma([value])).save(path).unwrap();
}

#[test]
fn digits_are_1797_with_every_fifth_held_out() {
    let digits = open("digits", &OpenOptions::default()).unwrap();
    assert_eq!((digits.train.len, digits.test.len), (1438, 359));
    assert_eq!(digits.shape, ItemShape::Image { channels: 1, height: 8, width: 8 });
    assert_eq!(digits.class_names.len(), 10);
    assert!(digits.attribution.contains("Alpaydin"));
    // The first digits are 0, 1, 2, 3, 4, ...; the fifth is the first held out.
    assert_eq!(digits.train.labels.as_ref().unwrap()[..4], [0, 1, 2, 3]);
    assert_eq!(digits.test.labels.as_ref().unwrap()[0], 4);
    // Its first row, as scikit-learn prints it: 0 0 5 13 9 1 0 0, of 16.
    assert_eq!(bytes(&digits.train)[..8], [0, 0, 80, 207, 143, 16, 0, 0]);
    assert_eq!(bytes(&digits.train).iter().max(), Some(&255));
}

/// A change of a fingerprint is a change of the data: runs made before it can't be compared with those after.
#[test]
fn fingerprints_are_pinned() {
    for (id, expected) in [
        ("digits", "535b6de68c8edb43abceba9d0cdf9c5dae8c632d97d98bfc9da29f3d32d516cc"),
        ("ring8", "62ec106d6d3d4136bf5a9bf60bc9e55ee2c8253cee2602313d5fec132ca77246"),
        ("grid25", "2383a7dde90f79fa79c7bc9f8e7515c008194c53f3de8cc53f230b5572013cc3"),
    ] {
        assert_eq!(open(id, &OpenOptions::default()).unwrap().fingerprint, expected, "{id}");
    }
}

#[test]
fn fingerprints_see_transforms_values_and_labels() {
    let plain = open("digits", &OpenOptions::default()).unwrap();
    let larger = open("digits", &resolution(16)).unwrap();
    assert_eq!(larger.shape.to_string(), "1x16x16");
    assert_ne!(plain.fingerprint, larger.fingerprint);
    assert_eq!(plain.fingerprint, open("digits", &resolution(8)).unwrap().fingerprint);
    let remade = |train: Split| {
        let names = plain.class_names.clone();
        Dataset::new("x", "", plain.shape, names, train, plain.test.clone(), "").unwrap().fingerprint
    };
    assert_eq!(remade(plain.train.clone()), plain.fingerprint);
    let mut labels = plain.train.clone();
    labels.labels.as_mut().unwrap().swap(0, 1);
    assert_ne!(remade(labels), plain.fingerprint);
    assert_ne!(remade(Split { labels: None, ..plain.train.clone() }), plain.fingerprint);
}

#[test]
fn pixels_become_minus_one_to_one_and_the_mean_is_theirs() {
    let digits = open("digits", &OpenOptions::default()).unwrap();
    let mut item = vec![0.0; 64];
    digits.train.item_f32(0, digits.shape, &mut item);
    assert_eq!(item[0], -1.0);
    assert!((item[2] - (80.0 / 127.5 - 1.0)).abs() < 1e-7);
    let all = digits.train.first(digits.train.len);
    assert_eq!(all[..64], item);
    for (i, mean) in digits.train_mean().into_iter().enumerate() {
        let expected = all[i..].iter().step_by(64).map(|&x| f64::from(x)).sum::<f64>() / digits.train.len as f64;
        assert!((f64::from(mean) - expected).abs() < 1e-6, "pixel {i}: {mean} against {expected}");
    }
}

#[test]
fn points_take_no_image_options() {
    let ring = open("ring8", &OpenOptions::default()).unwrap();
    assert_eq!((ring.train.len, ring.test.len, ring.shape.to_string()), (50_000, 10_000, "2".to_owned()));
    assert_eq!(ring.class_names.len(), 8);
    assert!(matches!(open("ring8", &resolution(8)), Err(DataError::NotImages { option: "resolution", .. })));
}

#[test]
fn an_item_shape_reads_back_from_json() {
    let shape = ItemShape::Image { channels: 3, height: 4, width: 5 };
    let json = serde_json::to_string(&shape).unwrap();
    assert_eq!(json, r#"{"kind":"image","channels":3,"height":4,"width":5}"#);
    assert_eq!(serde_json::from_str::<ItemShape>(&json).unwrap(), shape);
    assert_eq!((shape.len(), shape.dims()), (60, vec![3, 4, 5]));
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let shape = ItemShape::Points { dims: 2 };
    let split = |values: Vec<f32>, labels: Option<Vec<u32>>, len| Split { values: Values::F32(values), labels, len };
    let good = || split(vec![0.0; 4], Some(vec![0, 1]), 2);
    let make = |train| Dataset::new("x", "", shape, vec!["a".into(), "b".into()], train, good(), "");
    assert!(make(good()).is_ok());
    for bad in [
        split(vec![0.0; 3], None, 2),
        split(vec![], None, 0),
        split(vec![0.0; 4], Some(vec![0]), 2),
        split(vec![0.0; 4], Some(vec![0, 2]), 2),
        split(vec![0.0, f32::NAN, 0.0, 0.0], None, 2),
    ] {
        assert!(matches!(make(bad), Err(DataError::Inconsistent { .. })));
    }
}

#[test]
fn an_unknown_name_and_a_missing_path_are_told_apart() {
    assert!(matches!(open("minst", &OpenOptions::default()), Err(DataError::UnknownDataset { .. })));
    assert!(matches!(open("./nowhere", &OpenOptions::default()), Err(DataError::NotFound { .. })));
    let cache = tempdir().unwrap();
    let options = OpenOptions { cache: Some(cache.path().to_owned()), ..Default::default() };
    let error = open("mnist", &options).unwrap_err();
    assert!(matches!(&error, DataError::NotFetched { missing, .. } if missing.contains("train-images")), "{error}");
    assert!(error.help().unwrap().contains("ganvas data get mnist"));
}

#[test]
fn subfolders_are_classes_and_one_item_at_least_is_held_out() {
    let folder = tempdir().unwrap();
    for (i, class) in ["b", "a", "b", "a", "c"].into_iter().enumerate() {
        write_grey(&folder.path().join(class).join(format!("{i}.png")), 4, 4, i as u8 * 10);
    }
    fs::write(folder.path().join("notes.txt"), "no image").unwrap();
    let dataset = open_path(folder.path(), &OpenOptions::default()).unwrap();
    assert_eq!(dataset.class_names, ["a", "b", "c"]);
    assert_eq!(dataset.shape.to_string(), "1x4x4");
    assert_eq!(dataset.train.len + dataset.test.len, 5);
    assert!(dataset.test.len >= 1);
    for split in [&dataset.train, &dataset.test] {
        for (item, &label) in bytes(split).chunks(16).zip(split.labels.as_ref().unwrap()) {
            let expected = [1, 0, 1, 0, 2][usize::from(item[0] / 10)];
            assert_eq!(label, expected);
        }
    }
}

#[test]
fn about_a_tenth_is_held_out_and_stays_so_when_items_are_added() {
    let folder = tempdir().unwrap();
    let held_out = |n: u8| -> Vec<u8> {
        (0..n).for_each(|i| write_grey(&folder.path().join(format!("{i:03}.png")), 1, 1, i));
        let dataset = open_path(folder.path(), &OpenOptions::default()).unwrap();
        assert!(dataset.class_names.is_empty() && dataset.train.labels.is_none());
        assert!(bytes(&dataset.train).is_sorted(), "not in the order of the paths");
        bytes(&dataset.test).to_vec()
    };
    let (few, many) = (held_out(100), held_out(200));
    assert!((5..45).contains(&many.len()), "{}", many.len());
    assert!(few.iter().all(|item| many.contains(item)));
}

#[test]
fn one_coloured_pixel_makes_the_set_rgb() {
    let folder = tempdir().unwrap();
    // Grey, though stored as RGB and as half-transparent black on white.
    RgbImage::from_pixel(2, 1, Rgb([9, 9, 9])).save(folder.path().join("0.png")).unwrap();
    RgbaImage::from_pixel(2, 1, Rgba([0, 0, 0, 128])).save(folder.path().join("1.png")).unwrap();
    let grey = open_path(folder.path(), &OpenOptions::default()).unwrap();
    assert_eq!(grey.shape.to_string(), "1x1x2");
    let mut values = [bytes(&grey.train), bytes(&grey.test)].concat();
    values.sort();
    assert_eq!(values, [9, 9, 127, 127]);

    let mut coloured = RgbImage::from_pixel(2, 1, Rgb([1, 2, 3]));
    coloured.put_pixel(1, 0, Rgb([4, 5, 6]));
    coloured.save(folder.path().join("2.png")).unwrap();
    let rgb = open_path(folder.path(), &OpenOptions::default()).unwrap();
    assert_eq!(rgb.shape.to_string(), "3x1x2");
    let all = [bytes(&rgb.train), bytes(&rgb.test)].concat();
    let has = |item: [u8; 6]| all.chunks(6).any(|got| got == item);
    assert!(has([9; 6]) && has([1, 4, 2, 5, 3, 6]), "{all:?}");
    let options = OpenOptions { channels: Some(1), ..Default::default() };
    assert_eq!(open_path(folder.path(), &options).unwrap().shape.to_string(), "1x1x2");
}

/// Against the data set of the same folder, whose parts the images are told to by their paths' hashes.
#[test]
fn a_folder_read_part_by_part_is_the_data_set_of_it() {
    let folder = tempdir().unwrap();
    for i in 0..20u8 {
        write_grey(&folder.path().join(format!("{i:02}.png")), 3, 2, 10 * i);
    }
    fs::write(folder.path().join("notes.txt"), "not an image").unwrap();
    let images = ImageFolder::open(folder.path()).unwrap();
    assert_eq!((images.len(), images.size(), images.ignored(), images.channels().unwrap()), (20, (2, 3), 1, 1));
    let (channels, some) = images.decode(5..9, 1).unwrap();
    let expected: Vec<f32> = (5..9).flat_map(|i| [10.0 * i as f32 / 127.5 - 1.0; 6]).collect();
    assert_eq!((channels, &some), (1, &expected));
    assert_eq!(images.decode(5..9, 3).unwrap().1.len(), 3 * some.len());
    let dataset = open_path(folder.path(), &OpenOptions::default()).unwrap();
    let sorted = |mut values: Vec<f32>| {
        values.sort_by(f32::total_cmp);
        values
    };
    let all = [dataset.train.first(20), dataset.test.first(20)].concat();
    assert_eq!(sorted(images.decode(0..20, 1).unwrap().1), sorted(all));

    let before = images.fingerprint().unwrap();
    assert_eq!(before, ImageFolder::open(folder.path()).unwrap().fingerprint().unwrap());
    let mut coloured = RgbImage::from_pixel(3, 2, Rgb([7, 7, 7]));
    coloured.put_pixel(0, 0, Rgb([7, 8, 7]));
    coloured.save(folder.path().join("07.png")).unwrap();
    let images = ImageFolder::open(folder.path()).unwrap();
    assert_ne!(before, images.fingerprint().unwrap());
    assert_eq!((images.decode(0..5, 1).unwrap().0, images.decode(5..9, 1).unwrap().0), (1, 3));
    assert_eq!(images.channels().unwrap(), 3);
    write_grey(&folder.path().join("03.png"), 2, 2, 0);
    let error = ImageFolder::open(folder.path()).err().unwrap();
    assert!(matches!(error, DataError::SizeMismatch { ref path, .. } if path.ends_with("03.png")), "{error}");
}

#[test]
fn images_of_different_sizes_need_a_resolution() {
    let folder = tempdir().unwrap();
    for (name, width, height) in [("a.png", 6, 6), ("b.png", 6, 6), ("c.png", 9, 6), ("d.png", 5, 5)] {
        write_grey(&folder.path().join(name), width, height, 50);
    }
    let error = open_path(folder.path(), &OpenOptions::default()).unwrap_err();
    let DataError::SizeMismatch { path, got: (9, 6), first, expected: (6, 6) } = &error else { panic!("{error}") };
    assert!(path.ends_with("c.png") && first.ends_with("a.png"));
    assert!(error.help().unwrap().contains("--set resolution="));
    let dataset = open_path(folder.path(), &resolution(3)).unwrap();
    assert_eq!((dataset.shape.to_string(), dataset.train.len + dataset.test.len), ("1x3x3".to_owned(), 4));
    assert!(bytes(&dataset.train).iter().all(|&x| x == 50));
}

#[test]
fn folders_that_are_no_data_set_say_why() {
    let folder = tempdir().unwrap();
    let open = || open_path(folder.path(), &OpenOptions::default()).unwrap_err();
    assert!(matches!(open(), DataError::NoImages { ignored: 0, .. }));
    fs::write(folder.path().join("a.gif"), "GIF89a").unwrap();
    assert!(matches!(open(), DataError::NoImages { ignored: 1, .. }));
    write_grey(&folder.path().join("a.png"), 1, 1, 0);
    assert!(matches!(open(), DataError::TooFewItems { got: 1, .. }));
    write_grey(&folder.path().join("class/b.png"), 1, 1, 0);
    assert!(matches!(open(), DataError::MixedFolder { .. }));
}

#[test]
fn damaged_images_are_named() {
    let folder = tempdir().unwrap();
    write_grey(&folder.path().join("a.png"), 40, 40, 3);
    write_grey(&folder.path().join("b.png"), 40, 40, 3);
    let whole = fs::read(folder.path().join("b.png")).unwrap();
    let mut absurd = whole.clone();
    absurd[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
    for damaged in [&whole[..whole.len() / 2], &whole[..20], &absurd, b"no image", b""] {
        fs::write(folder.path().join("b.png"), damaged).unwrap();
        for options in [OpenOptions::default(), resolution(4)] {
            let error = open_path(folder.path(), &options).unwrap_err();
            assert!(matches!(&error, DataError::Image { path, .. } if path.ends_with("b.png")), "{error}");
            assert!(!error.to_string().contains('\n'));
        }
    }
}

#[test]
fn a_jpeg_is_read_whatever_its_extension() {
    let folder = tempdir().unwrap();
    write_grey(&folder.path().join("a.jpg"), 16, 16, 100);
    fs::copy(folder.path().join("a.jpg"), folder.path().join("b.PNG")).unwrap();
    let dataset = open_path(folder.path(), &OpenOptions::default()).unwrap();
    assert_eq!((dataset.train.len, dataset.test.len), (1, 1));
    assert_eq!(dataset.train.values, dataset.test.values);
}

#[test]
fn an_idx_file_brings_its_labels_and_its_test_part() {
    let folder = tempdir().unwrap();
    let images = folder.path().join("train-images-idx3-ubyte");
    write_idx(&images, &[20, 1, 2], (0..40).collect());
    let alone = open_path(&images, &OpenOptions::default()).unwrap();
    assert_eq!((alone.train.len, alone.test.len), (18, 2));
    assert_eq!(bytes(&alone.test), [18, 19, 38, 39]);
    assert!(alone.train.labels.is_none() && alone.class_names.is_empty());

    write_idx(&folder.path().join("train-labels-idx1-ubyte"), &[20], (0..20).map(|i| i % 3).collect());
    let labelled = open_path(&images, &OpenOptions::default()).unwrap();
    assert_eq!(labelled.class_names, ["0", "1", "2"]);
    assert_eq!(labelled.test.labels, Some(vec![0, 1]));

    write_idx(&folder.path().join("t10k-images-idx3-ubyte"), &[1, 1, 2], vec![7, 8]);
    write_idx(&folder.path().join("t10k-labels-idx1-ubyte"), &[1], vec![4]);
    let official = open_path(&images, &OpenOptions::default()).unwrap();
    assert_eq!((official.train.len, bytes(&official.test)), (20, &[7, 8][..]));
    assert_eq!((official.class_names.len(), official.test.labels), (5, Some(vec![4])));
}

#[test]
fn unsuitable_idx_files_are_named() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("x-images.idx3-ubyte");
    let open = || open_path(&path, &OpenOptions::default()).unwrap_err();
    fs::write(&path, b"neither").unwrap();
    assert!(matches!(open(), DataError::Idx { source: IdxError::Magic { .. }, .. }));
    write_idx(&path, &[5], vec![0; 5]);
    assert!(matches!(open(), DataError::Idx { source: IdxError::Rank { got: 1, expected: 3 }, .. }));
    write_idx(&path, &[5, 0, 3], vec![]);
    assert!(matches!(open(), DataError::Idx { source: IdxError::Empty { .. }, .. }));
    write_idx(&path, &[1, 1, 1], vec![0]);
    assert!(matches!(open(), DataError::TooFewItems { got: 1, .. }));
    write_idx(&path, &[4, 1, 1], vec![0; 4]);
    write_idx(&folder.path().join("x-labels.idx1-ubyte"), &[3], vec![0; 3]);
    assert!(matches!(open(), DataError::LabelCount { expected: 4, got: 3, .. }));
}

#[test]
fn enlarging_beyond_memory_is_refused() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("many");
    write_idx(&path, &[2000, 1, 1], vec![0; 2000]);
    assert!(matches!(open_path(&path, &resolution(4096)), Err(DataError::TooLarge { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_damage_to_an_image_is_worse_than_an_error(
        jpeg in any::<bool>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        cutting in any::<bool>(),
    ) {
        let folder = tempdir().unwrap();
        let (good, bad) = if jpeg { ("a.jpg", "b.jpg") } else { ("a.png", "b.png") };
        let image = RgbImage::from_fn(12, 9, |x, y| Rgb([x as u8 * 20, y as u8 * 25, (x * y) as u8]));
        image.save(folder.path().join(good)).unwrap();
        let mut bytes = fs::read(folder.path().join(good)).unwrap();
        for (at, value) in damage {
            *at.get_mut(&mut bytes) = value;
        }
        if cutting {
            bytes.truncate(cut.index(bytes.len()));
        }
        fs::write(folder.path().join(bad), bytes).unwrap();
        for options in [OpenOptions::default(), resolution(5)] {
            if let Ok(dataset) = open_path(folder.path(), &options) {
                prop_assert_eq!(dataset.train.len + dataset.test.len, 2);
            }
        }
    }
}

fn crop(side: usize) -> OpenOptions {
    OpenOptions { crop: Some(side), ..Default::default() }
}

/// An image whose pixels tell where they are, and nothing else.
fn write_places(path: &Path, width: u32, height: u32, first: u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    GrayImage::from_fn(width, height, |x, y| Luma([first.wrapping_add((y * width + x) as u8)])).save(path).unwrap();
}

#[test]
fn images_of_any_size_are_cut_into_squares_of_one() {
    let folder = tempdir().unwrap();
    // 6, 2 and 1 squares of 4 pixels, in folders of classes; each image's are in one part.
    for (name, width, height, first) in [("a/x.png", 13, 9, 0), ("a/y.png", 4, 8, 150), ("b/z.png", 7, 4, 200)] {
        write_places(&folder.path().join(name), width, height, first);
    }
    let cut = open_path(folder.path(), &crop(4)).unwrap();
    assert_eq!(cut.shape.to_string(), "1x4x4");
    assert_eq!(cut.train.len + cut.test.len, 9);
    assert!([1, 2, 6].contains(&cut.test.len), "{}", cut.test.len);
    let all: Vec<u8> = [bytes(&cut.train), bytes(&cut.test)].concat();
    // The last square of the first image: rows 4 to 7, columns 8 to 11 of 13.
    let last: Vec<u8> = (0..16).map(|i| ((4 + i / 4) * 13 + 8 + i % 4) as u8).collect();
    assert!(all.chunks_exact(16).any(|square| square == last));
    let labels = [cut.train.labels.unwrap(), cut.test.labels.unwrap()].concat();
    assert_eq!(labels.iter().filter(|&&label| label == 0).count(), 8);
}

#[test]
fn squares_that_cannot_be_cut_are_named() {
    let folder = tempdir().unwrap();
    write_places(&folder.path().join("a.png"), 20, 20, 0);
    write_places(&folder.path().join("small.png"), 20, 7, 0);
    let error = open_path(folder.path(), &crop(8)).unwrap_err();
    assert!(error.to_string().ends_with("small.png is 20x7 pixels, smaller than squares of 8x8"), "{error}");
    assert!(error.help().unwrap().contains("`--crop N` with N at most 7"));
    let error = open("digits", &crop(9)).unwrap_err();
    assert_eq!(error.to_string(), "digits is 8x8 pixels, smaller than squares of 9x9");
    for (options, expected) in [
        (OpenOptions { resolution: Some(8), ..crop(4) }, "crop and resolution cannot be given together"),
        (crop(1), "crop is 1, expected 2 to 4096 pixels"),
    ] {
        assert_eq!(open("digits", &options).unwrap_err().to_string(), expected);
    }
    assert!(matches!(open("ring8", &crop(4)), Err(DataError::NotImages { option: "crop", .. })));
}

/// An 8x8 digit is four squares; those that are plain, at the corners, are left out.
#[test]
fn known_data_are_cut_too() {
    let (whole, cut) = (open("digits", &OpenOptions::default()).unwrap(), open("digits", &crop(4)).unwrap());
    let squares = |split: &Split| -> Vec<Vec<u8>> {
        let of = |item: &[u8]| -> Vec<Vec<u8>> {
            let corner = |i: usize| (i / 2 * 4, i % 2 * 4);
            let square = |(top, left)| (0..16).map(|i| item[(top + i / 4) * 8 + left + i % 4]).collect();
            (0..4).map(|i| square(corner(i))).collect()
        };
        bytes(split).chunks_exact(64).flat_map(of).filter(|square| square.iter().any(|&x| x != square[0])).collect()
    };
    assert_eq!(bytes(&cut.train), squares(&whole.train).concat());
    assert_eq!(bytes(&cut.test), squares(&whole.test).concat());
    assert_eq!(cut.train.labels.as_ref().map(Vec::len), Some(cut.train.len));
}

#[test]
fn single_files_are_read_and_folders_are_searched() {
    let folder = tempdir().unwrap();
    assert!(matches!(images(folder.path()), Err(DataError::NoImages { ignored: 0, .. })));
    let path = folder.path().join("in/x.png");
    write_places(&path, 3, 2, 5);
    let options = OpenOptions::default();
    let (shape, values) = read_image(&path, &options).unwrap();
    assert_eq!(shape, ItemShape::Image { channels: 1, height: 2, width: 3 });
    assert_eq!(values, [5, 6, 7, 8, 9, 10].map(|byte| byte as f32 / 127.5 - 1.0));
    let coloured = OpenOptions { channels: Some(3), ..OpenOptions::default() };
    assert_eq!(read_image(&path, &coloured).unwrap().1, values.repeat(3));
    assert_eq!(images(folder.path()).unwrap(), [("in/x.png".to_owned(), path)]);
    let missing = folder.path().join("none.png");
    assert!(read_image(&missing, &options).unwrap_err().to_string().contains("none.png"));
}
