use std::collections::{BTreeMap, HashMap};

use burn::tensor::{Device, TensorData};
use ganvas_nets::state::{State, load_module, save_module};
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Net, Spec, VERSION};
use crate::MetricError;

/// The entry of the file's metadata that holds the card. One entry: several would be written in random order.
const CARD: &str = "card";
const ROOT: &str = "net";

/// How a reference classifier was trained and how good it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// What figures on it are marked with.
    pub label: String,
    /// SHA-256 of the data: shape, number, 8-bit pixels and labels of the training set, then of the test set.
    pub data: String,
    /// Images it was trained on.
    pub n_train: usize,
    /// Images it was tested on.
    pub n_test: usize,
    /// Of these, images that it classifies rightly.
    pub n_correct: usize,
    /// Of these, images of which it tells something else rightly, by what that is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub also_correct: BTreeMap<String, usize>,
    /// Seed of weights and order.
    pub seed: u64,
    /// Passes over the training set.
    pub epochs: usize,
}

impl Card {
    /// Share of the test images that are classified rightly, in [0, 1].
    pub fn accuracy(&self) -> f64 {
        self.n_correct as f64 / self.n_test.max(1) as f64
    }
}

/// The SHA-256 of a file's bytes, in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The content of `weights/NAME.sha256`, in the format of the tool `sha256sum`.
pub fn checksum_line(name: &str, bytes: &[u8]) -> String {
    format!("{}  {name}.safetensors\n", sha256(bytes))
}

pub(super) fn label(spec: &Spec) -> String {
    format!("{}-cnn-v{VERSION}", spec.name)
}

pub(super) fn write(spec: &Spec, card: &Card, net: &Net) -> Result<Vec<u8>, MetricError> {
    let name = || spec.name.to_owned();
    let mut state = State::default();
    save_module(net, ROOT, &mut state);
    let mut tensors = BTreeMap::new();
    for (entry, data) in state.entries() {
        let values = data.iter::<f32>().flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
        tensors.insert(entry.clone(), (data.shape().as_slice().to_vec(), values));
    }
    let file = |source| MetricError::WeightsFile { name: name(), source };
    let mut views = Vec::with_capacity(tensors.len());
    for (entry, (shape, values)) in &tensors {
        views.push((entry, TensorView::new(Dtype::F32, shape.clone(), values).map_err(file)?));
    }
    let card = serde_json::to_string(card)
        .map_err(|error| MetricError::WeightsContent { name: name(), reason: error.to_string() })?;
    serialize(views, Some(HashMap::from([(CARD.to_owned(), card)]))).map_err(file)
}

pub(super) fn read(spec: &Spec, bytes: &[u8], device: &Device) -> Result<(Card, Net), MetricError> {
    let name = || spec.name.to_owned();
    let file = |source| MetricError::WeightsFile { name: name(), source };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(file)?;
    let card = card(spec, header.metadata().as_ref().and_then(|metadata| metadata.get(CARD)))
        .map_err(|reason| MetricError::WeightsContent { name: name(), reason })?;
    let mut entries = BTreeMap::new();
    for (entry, view) in SafeTensors::deserialize(bytes).map_err(file)?.tensors() {
        let values = floats(&view)
            .map_err(|what| MetricError::WeightsContent { name: name(), reason: format!("`{entry}` {what}") })?;
        let shape = view.shape().to_vec();
        entries.insert(entry, TensorData::new(values, shape));
    }
    let mut state = State::from_entries(entries);
    let fit = |source| MetricError::Weights { name: name(), source };
    let net = load_module(spec.net(0, device), ROOT, &mut state).map_err(fit)?;
    state.finish().map_err(fit)?;
    Ok((card, net))
}

fn floats(view: &TensorView) -> Result<Vec<f32>, &'static str> {
    if view.dtype() != Dtype::F32 {
        return Err("is not of 32-bit floats");
    }
    let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let values: Vec<f32> = values.collect();
    values.iter().all(|x| x.is_finite()).then_some(values).ok_or("holds a value that is not finite")
}

fn card(spec: &Spec, json: Option<&String>) -> Result<Card, String> {
    let json = json.ok_or_else(|| format!("the metadata has no `{CARD}`"))?;
    let card: Card = serde_json::from_str(json).map_err(|error| error.to_string())?;
    if card.label != label(spec) {
        return Err(format!("they are those of `{}`, not of `{}`", card.label, label(spec)));
    }
    Ok(card)
}
