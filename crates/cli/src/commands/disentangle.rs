//! Whether the latents of an autoencoder stand for the factors that data are made from.

use burn::tensor::Device;
use ganvas_data::{Dataset, Split, attributes, sprites};
use ganvas_engine::system::{Autoencoder, to_device};
use ganvas_metrics::disentangle::{Factors, dci, factor_vae, mig, sap};
use ganvas_metrics::{Features, Figure};
use ganvas_prob::stream::Streams;

use crate::error::CliError;
use crate::progress::Stages;

/// What is measured; `dci` is three figures.
pub const NAMES: [&str; 4] = ["mig", "sap", "dci", "factor_vae"];
/// Items that pass an encoder at a time.
const BLOCK: usize = 500;

/// Whether the factors of these data are known.
pub fn applies(data: &str) -> bool {
    data == sprites::ID
}

/// The figures of these names, on the codes of all items: the means of the posteriors.
pub fn measure(
    autoencoder: &dyn Autoencoder,
    dataset: &Dataset,
    wanted: impl Fn(&str) -> bool,
    streams: &Streams,
    device: &Device,
    stages: &mut Stages,
) -> Result<Vec<Figure>, CliError> {
    let all = dataset.train.len + dataset.test.len;
    stages.begin("codes of all items", all);
    let dims = autoencoder.code_size();
    let mut values: Vec<f32> = Vec::with_capacity(all * dims);
    let mut add = |split: &Split| {
        for from in (0..split.len).step_by(BLOCK) {
            let rows: Vec<usize> = (from..(from + BLOCK).min(split.len)).collect();
            let items = to_device(split.gather(&rows), dataset.shape, device);
            values.extend(autoencoder.encode(items, None).to_data().iter::<f32>());
            stages.at(values.len() / dims.max(1));
        }
    };
    add(&dataset.train);
    add(&dataset.test);
    let codes = Features { dims, values };
    let known = attributes(&dataset.id, &Default::default())?;
    let columns: Vec<(usize, Vec<u32>)> = known
        .iter()
        .map(|factor| (factor.values.len(), factor.train.iter().chain(&factor.test).copied().collect()))
        .collect();
    let columns: Vec<(usize, &[u32])> = columns.iter().map(|(count, column)| (*count, &column[..])).collect();
    let factors = Factors::from_columns(&columns)?;
    let mut figures = Vec::new();
    let mut put = |name: &str, value: f64, baseline: Option<f64>| {
        let names: Vec<&str> = known.iter().map(|factor| factor.name).collect();
        let extractor = Some(format!("{dims} latents, {}", names.join(", ")));
        figures.push(Figure { n_real: Some(all), extractor, baseline, ..Figure::new(name, value) });
    };
    for name in NAMES.into_iter().filter(|name| wanted(name)) {
        stages.begin(&format!("measuring {name}"), 0);
        match name {
            "mig" => put(name, mig(&codes, &factors)?.mean, None),
            "sap" => put(name, sap(&codes, &factors)?.mean, None),
            "dci" => {
                let found = dci(&codes, &factors, streams)?;
                put("disentanglement", found.disentanglement, None);
                put("completeness", found.completeness, None);
                put("informativeness", found.informativeness, Some(found.chance));
            }
            _ => {
                // Who always names the most frequent factor is right in a share of one over their number.
                let chance = 1.0 / known.len() as f64;
                put(name, factor_vae(&codes, &factors, streams)?.score, Some(chance));
            }
        }
    }
    Ok(figures)
}
