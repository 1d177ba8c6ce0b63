//! Acceptance checks of RGAN and RCGAN.

use ganvas_data::Dataset;
use ganvas_engine::accept::{AcceptError, Acceptance, Threshold};
use ganvas_engine::session::{sample, sample_class};
use ganvas_engine::system::{DataSpec, Preset};
use ganvas_metrics::neighbours::nearest_distances;
use ganvas_metrics::probe::linear_probe;
use ganvas_metrics::series::{series_mmd2_mixed, spectra};
use ganvas_metrics::{Features, Series};
use ganvas_prob::stream::{Streams, permutation};

use super::{Rcgan, Recurrent, RecurrentConditional, Rgan};
use crate::systems::adversarial::Recipe;
use crate::systems::measures::median;

/// Series of which the discrepancy and neighbours are taken.
const N: usize = 1000;
/// The strongest of these frequencies is looked at.
const FREQUENCIES: usize = 5;

pub(super) fn unconditional(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("sines")?;
    let device = acceptance.plain_device();
    let preset = Recurrent::preset(Preset::Small, &DataSpec::of(&dataset));
    let (real, more, train) = (part(&dataset, false, 0), part(&dataset, false, N), part(&dataset, true, 0));
    let figure = AcceptError::figure;
    let floor = series_mmd2_mixed(&real, &more).map_err(figure)?;
    let conditions = format!("sines, {N} held-out series and {N} others");
    acceptance.check("5 mmd2 of real series", floor, Threshold::Near { value: 0.0, tolerance: 0.002 }, conditions);
    let baseline = series_mmd2_mixed(&real, &shuffled(&more)).map_err(figure)?;
    let conditions = format!("sines, {N} held-out series and {N} others whose steps are shuffled");
    acceptance.check("1 mmd2 of shuffled steps", baseline, Threshold::Recorded, conditions);
    for seed in acceptance.seeds() {
        let trained = acceptance.train_preset::<Rgan>(&preset, &dataset, seed)?;
        let values = sample(&trained.system, N, &Streams::new(seed).fork("eval"), &device);
        let fake = Series { values, ..real };
        let conditions = trained.conditions().items(N, N);
        let mmd2 = series_mmd2_mixed(&real, &fake).map_err(figure)?;
        acceptance.check("1 mmd2", mmd2, Threshold::AtMost(0.004), &conditions);
        acceptance.check("1 mmd2 / that of shuffled steps", mmd2 / baseline, Threshold::AtMost(1.0), &conditions);
        let apart = variation(&strongest(&real), &strongest(&fake));
        acceptance.check("2 total variation of the strongest frequency", apart, Threshold::AtMost(0.25), &conditions);
        let nearest = |reference: &Series| -> Result<f64, AcceptError> {
            let found = nearest_distances(&fake.to_features(), &reference.to_features()).map_err(figure)?;
            Ok(median(found.into_iter().map(f64::from).collect()))
        };
        let ratio = nearest(&train)? / nearest(&real)?;
        let near = Threshold::Near { value: 1.0, tolerance: 0.1 };
        acceptance.check("4 distance to training series / to held-out ones", ratio, near, conditions);
    }
    Ok(())
}

pub(super) fn conditional(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("waves3")?;
    let device = acceptance.plain_device();
    let preset = RecurrentConditional::preset(Preset::Small, &DataSpec::of(&dataset));
    let blind = Recurrent::preset(Preset::Small, &DataSpec::of(&dataset));
    let classes = dataset.class_names.len();
    let labels = |train: bool| {
        let part = if train { &dataset.train } else { &dataset.test };
        part.labels.clone().unwrap_or_default()
    };
    let (train, test) = (Judged(whole(&dataset, true), labels(true)), Judged(whole(&dataset, false), labels(false)));
    let accuracy = |train: &Judged, test: &Judged| {
        linear_probe(&train.0, &train.1, &test.0, &test.1, classes).map_err(AcceptError::figure)
    };
    let both_real = accuracy(&train, &test)?;
    acceptance.check("3 trained and tested on real series", both_real, Threshold::Recorded, "waves3");
    let each = train.1.len() / classes;
    for seed in acceptance.seeds() {
        let streams = Streams::new(seed).fork("eval");
        let drawn = |values: Vec<f32>| {
            Judged(spectra(&series(&dataset, values)), (0..classes * each).map(|i| (i / each) as u32).collect())
        };
        let trained = acceptance.train_preset::<Rcgan>(&preset, &dataset, seed)?;
        let of = |class| sample_class(&trained.system, class, 0..each, &streams, &device);
        let fakes = drawn((0..classes).flat_map(of).collect());
        let conditions = trained.conditions().items(test.1.len(), classes * each);
        let tstr = accuracy(&fakes, &test)?;
        acceptance.check("3 trained on synthetic, tested on real", tstr, Threshold::AtLeast(0.85), &conditions);
        let trts = accuracy(&train, &fakes)?;
        acceptance.check("3 trained on real, tested on synthetic", trts, Threshold::AtLeast(0.85), conditions);
        let trained = acceptance.train_preset::<Rgan>(&blind, &dataset, seed)?;
        let fakes = drawn(sample(&trained.system, classes * each, &streams, &device));
        let tstr = accuracy(&fakes, &test)?;
        let conditions = trained.conditions().note("RGAN, whose series are given any class");
        acceptance.check("3 the same, told no class", tstr, Threshold::Recorded, conditions);
    }
    Ok(())
}

/// What a classifier sees of series, and their classes.
struct Judged(Features, Vec<u32>);

fn series(dataset: &Dataset, values: Vec<f32>) -> Series {
    let [_, steps, channels] = dataset.shape.planes();
    Series { steps, channels, values }
}

/// `N` series of a part, from one on.
fn part(dataset: &Dataset, train: bool, from: usize) -> Series {
    let split = if train { &dataset.train } else { &dataset.test };
    let last = (from + N).min(split.len);
    series(dataset, split.gather(&(from.min(last)..last).collect::<Vec<_>>()))
}

fn whole(dataset: &Dataset, train: bool) -> Features {
    let split = if train { &dataset.train } else { &dataset.test };
    spectra(&series(dataset, split.first(split.len)))
}

/// The same values of each series in another order.
fn shuffled(series: &Series) -> Series {
    let streams = Streams::new(0);
    let size = series.steps * series.channels;
    let mix = |(i, one): (usize, &[f32])| -> Vec<f32> {
        let order = permutation(&mut streams.rng("shuffled", i as u64), series.steps);
        order.into_iter().flat_map(|step| one[step * series.channels..][..series.channels].to_vec()).collect()
    };
    Series { values: series.values.chunks_exact(size).enumerate().flat_map(mix).collect(), ..*series }
}

/// The share of series whose strongest frequency is each of the first.
fn strongest(series: &Series) -> [f64; FREQUENCIES] {
    let found = spectra(series);
    let mut counts = [0.0; FREQUENCIES];
    for row in found.values.chunks_exact(found.dims) {
        let best = (0..FREQUENCIES).max_by(|&a, &b| row[a + 1].total_cmp(&row[b + 1]));
        counts[best.unwrap_or(0)] += 1.0 / series.len() as f64;
    }
    counts
}

/// Half the sum of the differences of shares.
fn variation(a: &[f64; FREQUENCIES], b: &[f64; FREQUENCIES]) -> f64 {
    0.5 * a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>()
}
