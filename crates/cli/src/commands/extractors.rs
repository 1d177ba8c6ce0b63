//! `ganvas train-extractors`.

use std::time::Instant;

use ganvas_data::{Attribute, Dataset, ItemShape, OpenOptions, Split};
use ganvas_metrics::Images;
use ganvas_metrics::extractor::{self, Extractor, Labelled, TrainProgress, checksum_line, train_extractor};

use super::{Reading, open, write};
use crate::args::ExtractorArgs;
use crate::device::choose;
use crate::error::CliError;
use crate::progress::{Progress, duration};

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
        let dataset = open(name, &Reading::default())?;
        let attributes = ganvas_data::attributes(name, &OpenOptions::default())?;
        let tasks = extractor::tasks(name)?;
        let (train, train_labels) = part(&dataset, &dataset.train, &tasks, &attributes, |a| &a.train)?;
        let (test, test_labels) = part(&dataset, &dataset.test, &tasks, &attributes, |a| &a.test)?;
        let mut progress = Progress::new(None, "{spinner} {msg}");
        let began = Instant::now();
        let report = &mut |p: TrainProgress| {
            let left = began.elapsed().as_secs_f64() / p.step as f64 * (p.steps - p.step) as f64;
            let line = format!("{name}: step {} of {}, loss {:.4}, {} left", p.step, p.steps, p.loss, duration(left));
            progress.update(p.step as u64, &line, false);
        };
        let (train, test) = (labelled(&train, &train_labels), labelled(&test, &test_labels));
        let trained = train_extractor(name, &train, &test, args.seed, &device, report);
        progress.finish();
        let trained = trained?;
        let bytes = trained.to_safetensors()?;
        let path = args.out.join(format!("{name}.safetensors"));
        write(&path, &bytes)?;
        let accuracies = trained.accuracies().into_iter().map(|(task, share)| format!("{task} {share:.4}"));
        let accuracies = accuracies.collect::<Vec<_>>().join(", ");
        println!("{}: accuracy on {} held-out images: {accuracies}", path.display(), test.images.len());
        println!("{}", checksum_line(name, &bytes).trim_end());
    }
    Ok(())
}

/// The images of a part and their labels for each task: the attribute of that name, or else the class.
fn part(
    dataset: &Dataset,
    split: &Split,
    tasks: &[&str],
    attributes: &[Attribute],
    of_part: impl Fn(&Attribute) -> &Vec<u32>,
) -> Result<(Images, Vec<Vec<u32>>), CliError> {
    let rows: Vec<usize> = (0..split.len).collect();
    let labels = |task: &&str| match attributes.iter().find(|attribute| attribute.name == *task) {
        Some(attribute) => Some(of_part(attribute).clone()),
        None => split.gather_labels(&rows),
    };
    match (dataset.shape, tasks.iter().map(labels).collect()) {
        (ItemShape::Image { .. }, Some(labels)) => {
            Ok((Images::new(dataset.shape.planes(), split.gather(&rows)), labels))
        }
        _ => Err(CliError::failure(format!("`{}` is no labelled set of images", dataset.id))),
    }
}

fn labelled<'a>(images: &'a Images, labels: &'a [Vec<u32>]) -> Labelled<'a> {
    Labelled { images, labels: labels.iter().map(Vec::as_slice).collect() }
}
