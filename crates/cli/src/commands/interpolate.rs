//! `ganvas interpolate`.

use burn::tensor::{Device, Tensor, TensorData};
use ganvas_data::ItemShape;
use ganvas_engine::config::RunConfig;
use ganvas_engine::system::{Autoencoder, to_device};

use super::encode::{Items, autoencoder, classes, extension};
use super::{load_run, weights, write};
use crate::args::{CodedArgs, InterpolateArgs, PathArg};
use crate::error::CliError;
use crate::view;

/// As many images as a picture may have.
const MOST_CELLS: usize = 4096;

/// Draws what lies between pairs of items: what is decoded along the way from the code of one to the code of the other.
pub fn run(args: &InterpolateArgs) -> Result<(), CliError> {
    if args.rows == 0 || args.steps < 2 || args.rows.saturating_mul(args.steps + 2) > MOST_CELLS {
        let message = format!("{} rows of {} steps are no picture", args.rows, args.steps);
        let help = format!("at least one row of two steps, and no more than {MOST_CELLS} images in all");
        return Err(CliError::usage(message, help));
    }
    if extension(&args.out).as_deref() != Some("png") {
        let message = format!("`{}` does not end in .png", args.out.display());
        return Err(CliError::usage(message, "for example `--out between.png`"));
    }
    let (loaded, device) = load_run(&args.run, &args.loading)?;
    let autoencoder = autoencoder(&loaded)?;
    let asked = CodedArgs { data: args.data.clone(), split: args.split, n: Some(2 * args.rows) };
    let items = Items::of(&loaded.config, &asked, None)?;
    let (bytes, pairs) = ways(autoencoder, &loaded.config, &items, (args.steps, args.path), &device)?;
    write(&args.out, &bytes)?;
    let (step, weights) = (loaded.header.step, weights(loaded.averaged));
    println!(
        "{pairs} ways of {} steps between {}, each between its items, by the {weights} weights of step {step}: {}",
        args.steps,
        items.words(),
        args.out.display()
    );
    Ok(())
}

/// A picture of the ways from the first half of some items to the second, and how many there are.
fn ways(
    autoencoder: &dyn Autoencoder,
    config: &RunConfig,
    items: &Items,
    (steps, path): (usize, PathArg),
    device: &Device,
) -> Result<(Vec<u8>, usize), CliError> {
    let ItemShape::Image { channels, height, width } = items.dataset.shape else {
        let message = format!("what lies between is drawn of images, and `{}` has points", items.dataset.id);
        return Err(CliError::usage(message, "name images, for example `--data digits`"));
    };
    let pairs = items.count / 2;
    if pairs == 0 {
        return Err(CliError::usage("one item has nothing to go to", "name data with two items at least"));
    }
    // The first half goes to the second: neighbours in a file are often alike.
    let rows = 0..2 * pairs;
    let labels = classes(autoencoder.codes_by_class(), config, items, &rows)?;
    let originals = items.values(&rows);
    let codes = autoencoder.encode(to_device(originals.clone(), items.dataset.shape, device), labels.as_deref());
    let latent = autoencoder.code_size();
    let codes: Vec<f32> = codes.to_data().iter().collect();
    let code = |i: usize| &codes[i * latent..(i + 1) * latent];
    let told = match (autoencoder.needs_class(), labels) {
        (false, _) => None,
        (true, Some(labels)) => Some(labels),
        (true, None) => classes(true, config, items, &rows)?,
    };

    let size = items.dataset.shape.len();
    let item = |i: usize| &originals[i * size..(i + 1) * size];
    let columns = steps + 2;
    let mut images: Vec<f32> = Vec::with_capacity(pairs * columns * size);
    for row in 0..pairs {
        let other = row + pairs;
        let way: Vec<f32> = (0..steps)
            .flat_map(|step| {
                let share = step as f64 / (steps - 1) as f64;
                between(code(row), code(other), share, path)
            })
            .collect();
        let way = Tensor::<2>::from_data(TensorData::new(way, [steps, latent]), device);
        // The class changes half way.
        let told: Option<Vec<usize>> =
            told.as_ref().map(|told| (0..steps).map(|step| told[if 2 * step < steps { row } else { other }]).collect());
        images.extend_from_slice(item(row));
        images.extend(autoencoder.decode(way, told.as_deref()).to_data().iter::<f32>());
        images.extend_from_slice(item(other));
    }
    Ok((view::image_grid(&images, [pairs * columns, channels, height, width], Some(columns))?, pairs))
}

/// Ways between the first test items of a run, `rows` of them, and a caption.
pub(super) fn picture(
    autoencoder: &dyn Autoencoder,
    config: &RunConfig,
    rows: usize,
    device: &Device,
) -> Result<(String, Vec<u8>), CliError> {
    let items = Items::test(config, 2 * rows)?;
    let (bytes, _) = ways(autoencoder, config, &items, (9, PathArg::Spherical), device)?;
    Ok(("between held-out items, on arcs between their codes".into(), bytes))
}

/// The code at a share of the way from `a` to `b`: on the straight line, or on the arc on which the length changes evenly (White
/// 2016, slerp): where codes are normal and many, the middle of the line is nearer to 0 than any code.
fn between(a: &[f32], b: &[f32], share: f64, path: PathArg) -> Vec<f32> {
    let mix = |of_a: f64, of_b: f64| -> Vec<f32> {
        a.iter().zip(b).map(|(&a, &b)| (of_a * f64::from(a) + of_b * f64::from(b)) as f32).collect()
    };
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
    let (length_a, length_b) = (dot(a, a).sqrt(), dot(b, b).sqrt());
    let angle = (dot(a, b) / (length_a * length_b)).clamp(-1.0, 1.0).acos();
    // Codes in one direction, or in opposite ones, or at 0 have no arc of their own.
    let has_arc = angle.sin() > 1e-6;
    if path == PathArg::Linear || !has_arc {
        return mix(1.0 - share, share);
    }
    let length = (1.0 - share) * length_a + share * length_b;
    let of = |share: f64, own: f64| (share * angle).sin() / angle.sin() * length / own;
    mix(of(1.0 - share, length_a), of(share, length_b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_begin_and_end_at_the_codes_and_an_arc_keeps_its_length() {
        let (a, b) = ([3.0f32, 0.0], [0.0f32, 3.0]);
        for path in [PathArg::Linear, PathArg::Spherical] {
            for (share, code) in [(0.0, a), (1.0, b)] {
                let found = between(&a, &b, share, path);
                assert!(found.iter().zip(code).all(|(x, y)| (x - y).abs() < 1e-6), "{path:?}: {found:?}");
            }
        }
        assert_eq!(between(&a, &b, 0.5, PathArg::Linear), [1.5, 1.5]);
        let half = 3.0 * std::f32::consts::FRAC_1_SQRT_2;
        let middle = between(&a, &b, 0.5, PathArg::Spherical);
        assert!(middle.iter().all(|x| (x - half).abs() < 1e-5), "{middle:?}");
        let third = between(&a, &b, 1.0 / 3.0, PathArg::Spherical);
        assert!((third[0] - 3.0 * 30f32.to_radians().cos()).abs() < 1e-5);
    }

    #[test]
    fn codes_without_an_arc_are_joined_by_a_line() {
        for (a, b) in [([0.0f32, 0.0], [1.0f32, 2.0]), ([1.0, 1.0], [2.0, 2.0]), ([1.0, 0.0], [-1.0, 0.0])] {
            let found = between(&a, &b, 0.5, PathArg::Spherical);
            assert_eq!(found, [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0]);
        }
    }
}
