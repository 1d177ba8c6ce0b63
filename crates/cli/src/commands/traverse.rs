//! `ganvas traverse`.

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use ganvas_data::ItemShape;
use ganvas_engine::run::Loaded;
use ganvas_engine::suggest;
use ganvas_engine::system::{Autoencoder, Build, Code, CodeValues, DataSpec, Definition, Preset, Traversal};
use ganvas_nets::noise::Noise;
use ganvas_prob::distributions::Normal;
use ganvas_prob::stream::Streams;
use ganvas_prob::traits::Quantile;

use super::encode::autoencoder;
use super::{load_run, weights, write};
use crate::args::TraverseArgs;
use crate::error::CliError;
use crate::systems;
use crate::view;
use crate::view::format::number;

/// Draws of the latents that one code is shown on, where not told otherwise.
const ROWS: usize = 10;
/// Values of a code in a report.
const STEPS: usize = 12;
/// As many images as a run's picture may have.
const MOST_CELLS: usize = 4096;

/// Draws images along codes and says what each row shows.
pub fn run(args: &TraverseArgs) -> Result<(), CliError> {
    if args.rows == Some(0) {
        return Err(CliError::usage("`--rows` must be at least 1, got 0", "for example `--rows 5`"));
    }
    if args.steps < 2 {
        let message = format!("`--steps` must be at least 2, got {}", args.steps);
        return Err(CliError::usage(message, "a continuous code is shown from one end of its range to the other"));
    }
    let out = args.out.clone().unwrap_or_else(|| args.run.join(format!("traverse-{}.png", args.seed)));
    if out.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case("png")) {
        let message = format!("`{}` does not end in .png", out.display());
        return Err(CliError::usage(message, "for example `--out codes.png`"));
    }
    let (loaded, device) = load_run(&args.run, &args.loading)?;
    if args.map {
        return map(args, &loaded, &device, &out);
    }
    let Some(traversal) = loaded.model.traversal() else {
        let message = format!("`{}` has no codes that can be set", loaded.config.system);
        return Err(CliError::usage(message, format!("systems that have: {}", with_codes(&device).join(", "))));
    };
    let ItemShape::Image { channels, height, width } = loaded.config.data.shape else {
        let message = format!("traversals are pictures of images, and `{}` has points", loaded.config.data.id);
        return Err(CliError::usage(message, "train the system on images, for example `--data digits`"));
    };
    let codes = traversal.codes();
    let shown = chosen(&codes, args.code.as_deref())?;
    let draws = args.rows.unwrap_or(if args.code.is_some() { ROWS } else { 1 });
    let columns = shown.iter().map(|&code| count(&codes[code], args.steps)).max().unwrap_or(0);
    let rows = shown.len().saturating_mul(draws);
    if rows.saturating_mul(columns) > MOST_CELLS {
        let message = format!("{rows} rows of {columns} images are too many for a picture");
        return Err(CliError::usage(message, format!("at most {MOST_CELLS} images: fewer --rows or --steps")));
    }

    let noise = |draw| Noise::new(Streams::new(args.seed).fork("traverse"), "traverse", draw as u64, &device);
    let (images, table) = lines(traversal, (&codes, &shown), (draws, args.steps, columns), noise);
    write(&out, &view::image_grid(&images, [rows * columns, channels, height, width], Some(columns))?)?;
    let (step, weights) = (loaded.header.step, weights(loaded.averaged));
    print!("{table}");
    println!("{rows} rows of step {step} by the {weights} weights: {}", out.display());
    Ok(())
}

/// The images of some codes, on so many draws of the rest, of so many steps in so many columns, and a table of what they show.
fn lines(
    traversal: &dyn Traversal,
    (codes, shown): (&[Code], &[usize]),
    (draws, steps, columns): (usize, usize, usize),
    noise: impl Fn(usize) -> Noise,
) -> (Vec<f32>, String) {
    let width = shown.iter().map(|&code| codes[code].name.chars().count()).max().unwrap_or(0).max("code".len());
    let mut table = format!("{:>4}  {:<width$}  values from left to right\n", "row", "code");
    let mut images: Vec<f32> = Vec::new();
    for draw in 0..draws {
        for &code in shown {
            let values = sweep(&codes[code], steps);
            let row = traversal.traverse(code, &values, &noise(draw));
            let size = row.dims()[1];
            images.extend(row.to_data().iter::<f32>());
            let row = images.len().div_ceil(columns * size);
            // Cells for which a code has no value stay grey.
            images.resize(row * columns * size, 0.0);
            let values: Vec<String> = values.into_iter().map(number).collect();
            table += &format!("{row:>4}  {:<width$}  {}\n", codes[code].name, values.join(" "));
        }
    }
    (images, table)
}

/// The first codes of a run on one draw of the rest, `most` of them, and a caption; of two latents the whole plane.
pub(super) fn picture(loaded: &Loaded, most: usize, device: &Device) -> Result<Option<(String, Vec<u8>)>, CliError> {
    let ItemShape::Image { channels, height, width } = loaded.config.data.shape else { return Ok(None) };
    if let Some(autoencoder) = loaded.model.autoencoder().filter(|a| a.code_size() == 2 && !a.needs_class()) {
        let images = plane(autoencoder, STEPS, device);
        let caption = "the plane of both latents, at even quantiles of N(0, 1)".into();
        return Ok(Some((caption, view::image_grid(&images, [STEPS * STEPS, channels, height, width], Some(STEPS))?)));
    }
    let Some(traversal) = loaded.model.traversal() else { return Ok(None) };
    let codes = traversal.codes();
    let shown: Vec<usize> = (0..codes.len().min(most)).collect();
    let columns = shown.iter().map(|&code| count(&codes[code], STEPS)).max().unwrap_or(0);
    let noise = |draw| Noise::new(Streams::new(loaded.config.seed).fork("traverse"), "traverse", draw as u64, device);
    let (images, _) = lines(traversal, (&codes, &shown), (1, STEPS, columns), noise);
    let names: Vec<&str> = shown.iter().map(|&code| codes[code].name.as_str()).collect();
    let grid = view::image_grid(&images, [shown.len() * columns, channels, height, width], Some(columns))?;
    Ok(Some((format!("a row for each of {}", names.join(", ")), grid)))
}

/// What is decoded at even quantiles of N(0, 1) in both directions, row by row from the top.
fn plane(autoencoder: &dyn Autoencoder, steps: usize, device: &Device) -> Vec<f32> {
    let along = quantiles(steps);
    let across = |&y: &f64| along.iter().flat_map(move |&x| [x as f32, y as f32]);
    let codes: Vec<f32> = along.iter().rev().flat_map(across).collect();
    let codes = Tensor::<2>::from_data(TensorData::new(codes, [steps * steps, 2]), device);
    autoencoder.decode(codes, None).to_data().iter().collect()
}

/// Draws what is decoded all over the plane of two latents: to the right the first one grows, upwards the second.
fn map(args: &TraverseArgs, loaded: &Loaded, device: &Device, out: &Path) -> Result<(), CliError> {
    let autoencoder = autoencoder(loaded)?;
    let size = autoencoder.code_size();
    if size != 2 || autoencoder.needs_class() {
        let message = format!("codes of {size} values, or of a class, are no plane");
        return Err(CliError::usage(message, "train without classes and with 2 latents: `--set latent=2`"));
    }
    let ItemShape::Image { channels, height, width } = loaded.config.data.shape else {
        let message = format!("traversals are pictures of images, and `{}` has points", loaded.config.data.id);
        return Err(CliError::usage(message, "train the system on images, for example `--data digits`"));
    };
    let steps = args.steps;
    if steps.saturating_mul(steps) > MOST_CELLS {
        let message = format!("{steps} rows of {steps} images are too many for a picture");
        return Err(CliError::usage(message, "at most 64 --steps"));
    }
    let images = plane(autoencoder, steps, device);
    write(out, &view::image_grid(&images, [steps * steps, channels, height, width], Some(steps))?)?;
    let (step, weights) = (loaded.header.step, weights(loaded.averaged));
    let ends = quantiles(steps).last().copied().map(number).unwrap_or_default();
    println!(
        "z1 to the right and z2 upwards from -{ends} to {ends}, step {step} by the {weights} weights: {}",
        out.display()
    );
    Ok(())
}

/// So many values of N(0, 1) with as much of its mass between any two.
fn quantiles(steps: usize) -> Vec<f64> {
    let at = |i: usize| Normal::new(0.0, 1.0).map_or(0.0, |normal| normal.ppf((i as f64 + 0.5) / steps as f64));
    (0..steps).map(at).collect()
}

/// The codes to show: the one of this name, or all.
fn chosen(codes: &[Code], name: Option<&str>) -> Result<Vec<usize>, CliError> {
    let Some(name) = name else { return Ok((0..codes.len()).collect()) };
    let place = codes.iter().position(|code| code.name == name).ok_or_else(|| {
        let known: Vec<&str> = codes.iter().map(|code| code.name.as_str()).collect();
        CliError::usage(format!("there is no code `{name}`"), suggest::help(name, &known))
    })?;
    Ok(vec![place])
}

fn count(code: &Code, steps: usize) -> usize {
    match code.values {
        CodeValues::Categorical(count) => count,
        CodeValues::Continuous { .. } | CodeValues::Normal => steps,
    }
}

/// Every category, or so many values from one end of the range to the other, or so many quantiles.
fn sweep(code: &Code, steps: usize) -> Vec<f64> {
    match code.values {
        CodeValues::Categorical(count) => (0..count).map(|category| category as f64).collect(),
        CodeValues::Continuous { from, to } => {
            let last = steps.saturating_sub(1).max(1) as f64;
            (0..steps).map(|i| from + (to - from) * i as f64 / last).collect()
        }
        CodeValues::Normal => quantiles(steps),
    }
}

/// The ids of the systems that have codes with their usual settings for grey images: a small one of each is made to see.
fn with_codes(device: &Device) -> Vec<&'static str> {
    let shape = ItemShape::Image { channels: 1, height: 28, width: 28 };
    let data = DataSpec { shape, classes: 10, mean: vec![0.0; shape.len()] };
    let device = device.clone().autodiff();
    let build = Build { streams: Streams::new(0), device: &device };
    let has = |system: &&Definition| {
        let made = (system.preset)(Preset::Small, &data).and_then(|found| (system.build)(&found.config, &data, &build));
        made.is_ok_and(|model| model.traversal().is_some())
    };
    systems::all().filter(has).map(|system| system.info.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continuous_codes_are_swept_evenly_and_categories_one_by_one() {
        let code = |values| Code { name: "c".into(), values };
        assert_eq!(sweep(&code(CodeValues::Categorical(3)), 10), [0.0, 1.0, 2.0]);
        assert_eq!(sweep(&code(CodeValues::Continuous { from: -1.0, to: 2.0 }), 4), [-1.0, 0.0, 1.0, 2.0]);
        assert_eq!(sweep(&code(CodeValues::Continuous { from: -2.0, to: 2.0 }), 2), [-2.0, 2.0]);
        // A sixth and five sixths of the mass of N(0, 1) lie below -0.967422 and 0.967422.
        let quantiles = sweep(&code(CodeValues::Normal), 3);
        for (found, expected) in quantiles.iter().zip([-0.967422, 0.0, 0.967422]) {
            assert!((found - expected).abs() < 1e-6, "{quantiles:?}");
        }
    }
}
