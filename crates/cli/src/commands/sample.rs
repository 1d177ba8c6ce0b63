//! `ganvas sample`.

use ganvas_data::ItemShape;
use ganvas_engine::config::RunConfig;
use ganvas_engine::session;
use ganvas_prob::stream::Streams;

use super::{data_of, files, load_run, test_points, weights, write};
use crate::args::SampleArgs;
use crate::error::CliError;
use crate::view;

/// The values of all samples are held in memory at once: no more than 4 GiB of them.
const MOST_VALUES: usize = 1 << 30;

/// Draws samples and writes them.
pub fn run(args: &SampleArgs) -> Result<(), CliError> {
    if args.n == 0 {
        return Err(CliError::usage("`--n` must be at least 1, got 0", "for example `--n 64`"));
    }
    let out = args.out.clone().unwrap_or_else(|| args.run.join(format!("sample-{}.png", args.seed)));
    let extension = out.extension().map(|e| e.to_string_lossy().to_lowercase());
    let format = match extension.as_deref() {
        Some("png") => Format::Png,
        Some("npy") => Format::Npy,
        Some("svg") => Format::Svg,
        _ => {
            let message = format!("`{}` does not end in .png, .npy or .svg", out.display());
            return Err(CliError::usage(
                message,
                "the ending chooses the format: a grid, an array, or a plot of points",
            ));
        }
    };
    let (loaded, device) = load_run(&args.run, &args.loading)?;
    let most = MOST_VALUES / loaded.config.data.shape.len().max(1);
    if args.n > most {
        let help = format!("at most {most} of this run at a time; another --seed gives others");
        return Err(CliError::usage(format!("{} samples do not fit in memory", args.n), help));
    }
    let values = session::sample(loaded.model.as_ref(), args.n, &Streams::new(args.seed).fork("sample"), &device);
    write(&out, &encode(format, &values, &loaded.config)?)?;
    let weights = weights(loaded.averaged);
    println!("{} samples of step {} by the {weights} weights: {}", args.n, loaded.header.step, out.display());
    Ok(())
}

enum Format {
    Png,
    Npy,
    Svg,
}

fn encode(format: Format, values: &[f32], config: &RunConfig) -> Result<Vec<u8>, CliError> {
    let shape = config.data.shape;
    match (format, shape) {
        (Format::Npy, _) => {
            let n = values.len() / shape.len();
            files::npy(values, &[&[n], shape.dims().as_slice()].concat())
        }
        (Format::Png, ItemShape::Image { channels, height, width }) => {
            Ok(view::image_grid(values, [values.len() / shape.len(), channels, height, width], None)?)
        }
        (Format::Png, ItemShape::Points { .. }) => Ok(view::scatter_png(&[], values.as_chunks::<2>().0)?),
        (Format::Svg, ItemShape::Points { .. }) => {
            let dataset = data_of(config)?;
            let real = test_points(&dataset);
            let title = format!("{} on {}", config.system, config.data.id);
            Ok(view::scatter(&title, &real, values.as_chunks::<2>().0).into_bytes())
        }
        (Format::Svg, ItemShape::Image { .. }) => {
            Err(CliError::usage("images are not drawn as .svg", "end --out in .png or .npy"))
        }
    }
}
