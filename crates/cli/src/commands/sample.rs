//! `ganvas sample`.

use burn::tensor::Device;
use ganvas_data::ItemShape;
use ganvas_engine::config::RunConfig;
use ganvas_engine::run::Loaded;
use ganvas_engine::session;
use ganvas_prob::stream::Streams;

use super::{class_number, conditional, data_of, files, load_run, sampler, series, test_points, weights, write};
use crate::args::{SampleArgs, SamplerArg};
use crate::error::CliError;
use crate::view;

/// The values of all samples are held in memory at once: no more than 4 GiB of them.
const MOST_VALUES: usize = 1 << 30;

/// Samples in a picture, or of each class, where no number is given.
const SHOWN: usize = 64;

/// Samples in a row of a grid with a row for each class.
const COLUMNS: usize = 8;

/// Draws samples and writes them.
pub fn run(args: &SampleArgs) -> Result<(), CliError> {
    let each = args.n.unwrap_or(if args.grid { COLUMNS } else { SHOWN });
    if each == 0 {
        return Err(CliError::usage("`--n` must be at least 1, got 0", "for example `--n 64`"));
    }
    let out = args.out.clone().unwrap_or_else(|| args.run.join(format!("sample-{}.png", args.seed)));
    let extension = out.extension().map(|e| e.to_string_lossy().to_lowercase());
    let format = match extension.as_deref() {
        Some("png") => Format::Png,
        Some("npy") => Format::Npy,
        Some("svg") => Format::Svg,
        Some("csv") => Format::Csv,
        _ => {
            let message = format!("`{}` does not end in .png, .npy, .svg or .csv", out.display());
            return Err(CliError::usage(
                message,
                "the ending chooses the format: a picture, an array, a plot, or rows of values",
            ));
        }
    };
    let (mut loaded, device) = load_run(&args.run, &args.loading)?;
    if loaded.model.enlargement().is_some() {
        let message = format!("`{}` draws no samples: it enlarges images", loaded.config.system);
        return Err(CliError::usage(message, format!("`ganvas upscale {} FILE... --out DIR`", args.run.display())));
    }
    if loaded.model.translation().is_some() {
        let message = format!("`{}` makes nothing of noise alone: it translates images", loaded.config.system);
        let run = args.run.display();
        let help =
            format!("`ganvas translate {run} --from DIR --out DIR`, or `ganvas translate {run}` of held-out ones");
        return Err(CliError::usage(message, help));
    }
    let shape = loaded.config.data.shape;
    let columns = match (args.grid, format, shape) {
        (false, ..) => None,
        (true, Format::Png, ItemShape::Image { .. }) => Some(each),
        (true, ..) => {
            let message = format!("`--grid` draws images as a .png, not {shape} values as `{}`", out.display());
            return Err(CliError::usage(message, "leave `--grid` out, or end --out in .png"));
        }
    };
    if let Some(psi) = args.truncation {
        let help = "`--truncation` takes a positive number, such as 0.7, where latents are normal";
        loaded.model.truncate(psi).map_err(|error| CliError::usage(error.to_string(), help))?;
    }
    if args.sampler != SamplerArg::Own {
        let dataset = data_of(&loaded.config)?;
        loaded = sampler::apply(args.sampler, loaded, &dataset, &device)?;
    }
    let classes = classes(args, &loaded)?;
    let n = each.saturating_mul(classes.as_ref().map_or(1, Vec::len));
    let most = MOST_VALUES / shape.len().max(1);
    if n > most {
        let help = format!("at most {most} of this run at a time; another --seed gives others");
        return Err(CliError::usage(format!("{n} samples do not fit in memory"), help));
    }
    let values = draw(&loaded, classes.as_deref(), each, args.seed, &device);
    write(&out, &encode(format, &values, columns, (classes.as_deref(), each), &loaded.config)?)?;
    let names = classes.map(|classes| {
        let name = |&class: &usize| loaded.config.data.classes.get(class).cloned().unwrap_or_else(|| class.to_string());
        format!(", {each} of each of {}", classes.iter().map(name).collect::<Vec<_>>().join(", "))
    });
    let weights = weights(loaded.averaged);
    println!(
        "{n} samples of step {} by the {weights} weights{}: {}",
        loaded.header.step,
        names.unwrap_or_default(),
        out.display()
    );
    Ok(())
}

/// The classes that are asked for, in their order; `None` where samples are of none in particular.
fn classes(args: &SampleArgs, loaded: &Loaded) -> Result<Option<Vec<usize>>, CliError> {
    let named: Vec<&String> = args.class.iter().chain(&args.classes).collect();
    if named.is_empty() && !args.grid {
        return Ok(None);
    }
    let all = conditional(loaded, &args.run)?.classes();
    if named.is_empty() {
        return Ok(Some((0..all).collect()));
    }
    let names = &loaded.config.data.classes;
    named.into_iter().map(|name| class_number(name, names)).collect::<Result<_, _>>().map(Some)
}

fn draw(loaded: &Loaded, classes: Option<&[usize]>, each: usize, seed: u64, device: &Device) -> Vec<f32> {
    let streams = Streams::new(seed).fork("sample");
    let (Some(classes), Some(conditional)) = (classes, loaded.model.conditional()) else {
        return session::sample(loaded.model.as_ref(), each, &streams, device);
    };
    let of = |&class: &usize| session::sample_class(conditional, class, 0..each, &streams, device);
    classes.iter().flat_map(of).collect()
}

#[derive(Clone, Copy)]
enum Format {
    Png,
    Npy,
    Svg,
    Csv,
}

/// Images of a grid have so many `columns`, as many as make it a square where none are given; there are `each` of each of the classes.
fn encode(
    format: Format,
    values: &[f32],
    columns: Option<usize>,
    (classes, each): (Option<&[usize]>, usize),
    config: &RunConfig,
) -> Result<Vec<u8>, CliError> {
    let shape = config.data.shape;
    match (format, shape) {
        (Format::Npy, _) => {
            let n = values.len() / shape.len();
            files::npy(&series::in_own_units(values, &config.data), &[&[n], shape.dims().as_slice()].concat())
        }
        (Format::Csv, ItemShape::Series { .. }) => series::rows(values, classes, each, &config.data),
        (Format::Csv, ItemShape::Points { dims }) => Ok(files::csv_rows(values, dims)),
        (Format::Csv, ItemShape::Image { .. }) => {
            Err(CliError::usage("images are not written as .csv", "end --out in .png or .npy"))
        }
        (Format::Png, ItemShape::Image { channels, height, width }) => {
            Ok(view::image_grid(values, [values.len() / shape.len(), channels, height, width], columns)?)
        }
        (Format::Png, shape) => Ok(view::items_png(values, shape, None, &[])?),
        (Format::Svg, ItemShape::Points { .. }) => {
            let dataset = data_of(config)?;
            let real = test_points(&dataset);
            let title = format!("{} on {}", config.system, config.data.id);
            Ok(view::scatter(&title, &real, values.as_chunks::<2>().0).into_bytes())
        }
        (Format::Svg, ItemShape::Series { .. }) => {
            let dataset = data_of(config)?;
            Ok(series::plot(&dataset, values, &config.system).into_bytes())
        }
        (Format::Svg, ItemShape::Image { .. }) => {
            Err(CliError::usage("images are not drawn as .svg", "end --out in .png or .npy"))
        }
    }
}
