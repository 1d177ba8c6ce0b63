//! `ganvas train-extractors`.

use ganvas_data::{Dataset, ItemShape, Split};
use ganvas_metrics::Images;
use ganvas_metrics::extractor::{Extractor, checksum_line, train_extractor};

use super::{open, write};
use crate::args::ExtractorArgs;
use crate::device::choose;
use crate::error::CliError;
use crate::progress::Progress;

/// Trains and writes the classifiers that are named, or all.
pub fn run(args: &ExtractorArgs) -> Result<(), CliError> {
    let known = Extractor::names();
    let names: Vec<&str> =
        if args.names.is_empty() { known.clone() } else { args.names.iter().map(String::as_str).collect() };
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        let help = ganvas_engine::suggest::help(unknown, &known);
        return Err(CliError::usage(format!("there is no extractor `{unknown}`"), help));
    }
    let device = choose(&args.device)?.device;
    for name in names {
        let dataset = open(name, 0, 0)?;
        let (train, train_labels) = part(&dataset, &dataset.train)?;
        let (test, test_labels) = part(&dataset, &dataset.test)?;
        let mut progress = Progress::new(None, "{spinner} {msg}");
        let trained = train_extractor(name, &train, &train_labels, &test, &test_labels, args.seed, &device, &mut |p| {
            let line = format!("{name}: step {} of {}, loss {:.4}", p.step, p.steps, p.loss);
            progress.update(p.step as u64, &line, false);
        });
        progress.finish();
        let trained = trained?;
        let bytes = trained.to_safetensors()?;
        let path = args.out.join(format!("{name}.safetensors"));
        write(&path, &bytes)?;
        println!("{}: accuracy {:.4} on {} held-out images", path.display(), trained.accuracy(), test.len());
        println!("{}", checksum_line(name, &bytes).trim_end());
    }
    Ok(())
}

fn part(dataset: &Dataset, split: &Split) -> Result<(Images, Vec<u32>), CliError> {
    let rows: Vec<usize> = (0..split.len).collect();
    let labels = split.gather_labels(&rows);
    match (dataset.shape, labels) {
        (ItemShape::Image { .. }, Some(labels)) => {
            Ok((Images::new(dataset.shape.planes(), split.gather(&rows)), labels))
        }
        _ => Err(CliError::failure(format!("`{}` is no labelled set of images", dataset.id))),
    }
}
