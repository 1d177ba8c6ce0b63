//! `ganvas reconstruct`.

use burn::tensor::Device;
use ganvas_data::ItemShape;
use ganvas_engine::config::RunConfig;
use ganvas_engine::system::{Autoencoder, to_device};

use super::encode::{Items, autoencoder, classes, extension};
use super::{files, load_run, weights, write};
use crate::args::ReconstructArgs;
use crate::error::CliError;
use crate::view;

/// Items where no number is asked for: a picture of them can be looked at.
const SHOWN: usize = 64;

/// Writes items beside what comes of them through their codes.
pub fn run(args: &ReconstructArgs) -> Result<(), CliError> {
    let is_array = match extension(&args.out).as_deref() {
        Some("png") => false,
        Some("npy") => true,
        _ => {
            let message = format!("`{}` does not end in .png or .npy", args.out.display());
            return Err(CliError::usage(
                message,
                "the ending chooses the format: a grid of pairs, or an array of them",
            ));
        }
    };
    let (loaded, device) = load_run(&args.run, &args.loading)?;
    let autoencoder = autoencoder(&loaded)?;
    let items = Items::of(&loaded.config, &args.items, Some(SHOWN))?;
    let (pairs, mse) = pairs(autoencoder, &loaded.config, &items, &device)?;
    let bytes = encode(is_array, &pairs, items.count, items.dataset.shape)?;
    write(&args.out, &bytes)?;
    let (step, weights) = (loaded.header.step, weights(loaded.averaged));
    let (words, mse) = (items.words(), view::format::number(mse));
    println!("MSE {mse} over {words}, by the {weights} weights of step {step}: {}", args.out.display());
    Ok(())
}

/// Items, each before what comes of it through its code, and the mean squared difference.
fn pairs(
    autoencoder: &dyn Autoencoder,
    config: &RunConfig,
    items: &Items,
    device: &Device,
) -> Result<(Vec<f32>, f64), CliError> {
    let shape = items.dataset.shape;
    let (mut pairs, mut squares) = (Vec::with_capacity(2 * items.count * shape.len()), 0.0);
    for rows in items.blocks() {
        let classes = classes(autoencoder.needs_class(), config, items, &rows)?;
        let originals = items.values(&rows);
        let codes = autoencoder.encode(to_device(originals.clone(), shape, device), classes.as_deref());
        let back: Vec<f32> = autoencoder.decode(codes, classes.as_deref()).to_data().iter().collect();
        for (original, back) in originals.chunks_exact(shape.len()).zip(back.chunks_exact(shape.len())) {
            squares += original.iter().zip(back).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
            pairs.extend_from_slice(original);
            pairs.extend_from_slice(back);
        }
    }
    Ok((pairs, squares / (items.count * shape.len()) as f64))
}

/// The first `n` test items of a run above what comes of them, and a caption.
pub(super) fn picture(
    autoencoder: &dyn Autoencoder,
    config: &RunConfig,
    n: usize,
    device: &Device,
) -> Result<(String, Vec<u8>), CliError> {
    let items = Items::test(config, n)?;
    let (pairs, mse) = pairs(autoencoder, config, &items, device)?;
    let caption = format!("held-out items above their reconstructions, MSE {}", view::format::number(mse));
    Ok((caption, encode(false, &pairs, items.count, items.dataset.shape)?))
}

/// Pairs of an original and its reconstruction, one after the other: in a picture of images, above each other.
fn encode(is_array: bool, pairs: &[f32], n: usize, shape: ItemShape) -> Result<Vec<u8>, CliError> {
    if is_array {
        return files::npy(pairs, &[&[n, 2], shape.dims().as_slice()].concat());
    }
    match shape {
        ItemShape::Image { channels, height, width } => {
            // Channel by channel, so that a pair is one image of twice the height.
            let (plane, item) = (height * width, shape.len());
            let pair = |pair: &[f32]| -> Vec<f32> {
                let planes = (0..channels).flat_map(|channel| [channel * plane, item + channel * plane]);
                planes.flat_map(|from| pair[from..from + plane].to_vec()).collect()
            };
            let tall: Vec<f32> = pairs.chunks_exact(2 * item).flat_map(pair).collect();
            Ok(view::image_grid(&tall, [n, channels, 2 * height, width], None)?)
        }
        // Each beside its reconstruction.
        ItemShape::Series { steps, channels } => Ok(view::series_png(pairs, [steps, channels])?),
        ItemShape::Points { dims: 2 } => {
            let points = pairs.as_chunks::<4>().0;
            let half = |at: usize| -> Vec<[f32; 2]> { points.iter().map(|pair| [pair[at], pair[at + 1]]).collect() };
            Ok(view::scatter_png(&half(0), &half(2))?)
        }
        ItemShape::Points { dims } => {
            Err(CliError::usage(format!("points of {dims} values are not drawn in the plane"), "end --out in .npy"))
        }
    }
}
