//! What series are measured by, and how they are written.

use burn::tensor::Device;
use ganvas_data::{Dataset, ItemShape, Split};
use ganvas_engine::config::DataConfig;
use ganvas_engine::session::sample_class;
use ganvas_engine::system::Conditional;
use ganvas_metrics::probe::linear_probe;
use ganvas_metrics::series::{autocorrelation_distances, marginal_distances, series_mmd2_mixed, spectra};
use ganvas_metrics::{Features, Figure, MetricError, Series};
use ganvas_prob::stream::Streams;

use crate::error::CliError;
use crate::view;

/// Figures of any series.
pub const NAMES: [&str; 2] = ["marginal", "autocorrelation"];
/// Figures of series of which samples of a class can be asked for.
pub const BY_CLASS: [&str; 2] = ["tstr", "trts"];

/// Series that the discrepancy is computed of at most: it looks at all pairs.
const MOST_PAIRED: usize = 2000;
/// Lags of the autocorrelation at most.
const LAGS: usize = 10;

fn series(values: Vec<f32>, [steps, channels]: [usize; 2]) -> Series {
    Series { steps, channels, values }
}

fn first(all: &Series, n: usize) -> Series {
    let values = all.values[..n.min(all.len()) * all.steps * all.channels].to_vec();
    Series { values, ..*all }
}

fn sides(dataset: &Dataset) -> [usize; 2] {
    let [_, steps, channels] = dataset.shape.planes();
    [steps, channels]
}

/// The mean over channels of each of [`NAMES`] and the discrepancy of whole series.
fn distances(real: &Series, fake: &Series) -> Result<Vec<(&'static str, f64)>, MetricError> {
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let mut found = vec![
        ("mmd2", series_mmd2_mixed(&first(real, MOST_PAIRED), &first(fake, MOST_PAIRED))?),
        (NAMES[0], mean(marginal_distances(real, fake)?)),
    ];
    let lags = LAGS.min(real.steps.saturating_sub(1));
    if lags > 0 {
        // What a generator has made constant has no correlation.
        match autocorrelation_distances(real, fake, lags) {
            Err(MetricError::Constant { .. }) => {}
            distances => found.push((NAMES[1], mean(distances?))),
        }
    }
    Ok(found)
}

/// The figures of a run while it trains.
pub fn held_out(real: &[f32], fake: Vec<f32>, sides: [usize; 2]) -> Result<Vec<(String, f64)>, CliError> {
    let found = distances(&series(real.to_vec(), sides), &series(fake, sides))?;
    Ok(found.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// The distances of generated series from held-out ones, with those of the training part beside them.
pub fn measure(
    dataset: &Dataset,
    generated: Vec<f32>,
    n: usize,
    asks: impl Fn(&str) -> bool,
) -> Result<Vec<Figure>, CliError> {
    let part = |split: &Split| series(split.first(n), sides(dataset));
    let (real, again, fake) = (part(&dataset.test), part(&dataset.train), series(generated, sides(dataset)));
    let floors = distances(&real, &again)?;
    let found = distances(&real, &fake)?.into_iter().filter(|(name, _)| asks(name));
    let figure = |(name, value)| {
        let floor = floors.iter().find(|floor| floor.0 == name).map(|floor| floor.1);
        Figure { floor, n_real: Some(real.len()), n_fake: Some(n), ..Figure::new(name, value) }
    };
    Ok(found.map(figure).collect())
}

/// How a linear classifier of spectra that was trained on generated series of each class does on held-out ones (`tstr`), and the reverse
/// (`trts`); beside both the same trained on real ones, and what always calling the most frequent class would give.
pub fn by_class(
    model: &dyn Conditional,
    dataset: &Dataset,
    n: usize,
    streams: &Streams,
    device: &Device,
    asks: impl Fn(&str) -> bool,
) -> Result<Vec<Figure>, CliError> {
    if !BY_CLASS.into_iter().any(asks) {
        return Ok(Vec::new());
    }
    let (classes, sides) = (model.classes(), sides(dataset));
    let labelled = |split: &Split| {
        let labels = split.labels.as_deref().unwrap_or_default();
        let count = n.min(split.len);
        (spectra(&series(split.first(count), sides)), labels[..count.min(labels.len())].to_vec())
    };
    let (train, test) = (labelled(&dataset.train), labelled(&dataset.test));
    let each = (n / classes.max(1)).max(2);
    let values = (0..classes).flat_map(|class| sample_class(model, class, 0..each, streams, device)).collect();
    let fakes = (spectra(&series(values, sides)), (0..classes * each).map(|i| (i / each) as u32).collect::<Vec<_>>());
    let accuracy = |train: &(Features, Vec<u32>), test: &(Features, Vec<u32>)| {
        linear_probe(&train.0, &train.1, &test.0, &test.1, classes)
    };
    let floor = accuracy(&train, &test)?;
    let mut counts = vec![0usize; classes];
    test.1.iter().for_each(|&label| counts[label as usize] += 1);
    let baseline = counts.into_iter().max().unwrap_or(0) as f64 / test.1.len().max(1) as f64;
    let figures = [
        (BY_CLASS[0], accuracy(&fakes, &test)?, baseline),
        (BY_CLASS[1], accuracy(&train, &fakes)?, 1.0 / classes.max(1) as f64),
    ];
    let figure = |(name, value, baseline)| Figure {
        floor: Some(floor),
        baseline: Some(baseline),
        n_real: Some(test.1.len()),
        n_fake: Some(classes * each),
        extractor: Some("log spectrum, logistic regression".into()),
        ..Figure::new(name, value)
    };
    Ok(figures.into_iter().map(figure).collect())
}

/// Series in the units of the data; what is no series as it is.
pub fn in_own_units(values: &[f32], data: &DataConfig) -> Vec<f32> {
    if data.channels.is_empty() {
        return values.to_vec();
    }
    values.iter().zip(data.channels.iter().cycle()).map(|(&value, channel)| channel.in_own_unit(value)).collect()
}

/// Series as the rows of a `.csv` file, which `ganvas train` takes as data: `id`, `time`, `label` where a class was asked for, and the channels in
/// their own units.
pub fn rows(values: &[f32], classes: Option<&[usize]>, each: usize, data: &DataConfig) -> Result<Vec<u8>, CliError> {
    let ItemShape::Series { steps, .. } = data.shape else {
        return Err(CliError::failure("these are no series"));
    };
    let fault = |error: csv::Error| CliError::failure(format!("cannot make the rows: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = vec!["id", "time"];
    header.extend(classes.map(|_| "label"));
    header.extend(data.channels.iter().map(|channel| channel.name.as_str()));
    writer.write_record(&header).map_err(fault)?;
    let own = in_own_units(values, data);
    for (i, series) in own.chunks_exact(data.shape.len().max(1)).enumerate() {
        let class = classes.and_then(|classes| classes.get(i / each.max(1)));
        let class = class.map(|&class| data.classes.get(class).cloned().unwrap_or_else(|| class.to_string()));
        for (time, step) in series.chunks_exact(data.channels.len().max(1)).take(steps).enumerate() {
            let mut row = vec![i.to_string(), time.to_string()];
            row.extend(class.clone());
            row.extend(step.iter().map(f32::to_string));
            writer.write_record(&row).map_err(fault)?;
        }
    }
    writer.into_inner().map_err(|error| CliError::failure(format!("cannot make the rows: {error}")))
}

/// Generated series over held-out ones, as SVG, in the units of the data.
pub fn plot(dataset: &Dataset, values: &[f32], system: &str) -> String {
    let data = DataConfig::of(dataset);
    let names: Vec<String> = dataset.channels.iter().map(|channel| channel.name.clone()).collect();
    let real = in_own_units(&dataset.test.first(32), &data);
    let title = format!("{system} on {}", dataset.id);
    view::series_svg(&title, &names, sides(dataset)[0], &real, &in_own_units(values, &data))
}
