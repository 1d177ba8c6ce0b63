//! The items whose labels a run may use.

use std::any::Any;

use burn::tensor::{Device, Int, Tensor};
use ganvas_engine::system::Batch;
use ganvas_nets::export::{ExportError, Weights};
use ganvas_nets::noise::Noise;
use ganvas_nets::state::{Part, State, StateError};

/// The first items that training sees, with their labels; all others count as unlabelled.
///
/// The order of a run is drawn from its seed, so these are a random subset of the data, the same for the whole run.
#[derive(Clone)]
pub(super) struct Labelled {
    limit: usize,
    values: usize,
    device: Device,
    kept: Option<(Tensor<2>, Tensor<1, Int>)>,
}

impl Labelled {
    /// None yet of at most `limit` items of so many values.
    pub fn new(limit: usize, values: usize, device: &Device) -> Self {
        Self { limit, values, device: device.clone(), kept: None }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.kept.as_ref().map_or(0, |(items, _)| items.dims()[0])
    }

    /// Keeps the items of a batch while there is room.
    pub fn fill(&mut self, batch: &Batch) {
        let room = (self.limit - self.len()).min(batch.len());
        if room == 0 {
            return;
        }
        let Batch { items, labels: Some(labels), .. } = batch.rows(0..room) else { return };
        self.kept = Some(match self.kept.take() {
            Some((old, old_labels)) => (Tensor::cat(vec![old, items], 0), Tensor::cat(vec![old_labels, labels], 0)),
            None => (items, labels),
        });
    }

    /// `n` of them, drawn with replacement.
    pub fn draw(&self, n: usize, noise: &Noise) -> Option<(Tensor<2>, Tensor<1, Int>)> {
        let (items, labels) = self.kept.clone()?;
        let rows = noise.classes("labelled", n, items.dims()[0]);
        Some((items.select(0, rows.clone()), labels.select(0, rows)))
    }
}

impl Part for Labelled {
    fn remember(&self) -> Box<dyn Any> {
        Box::new(self.clone())
    }

    fn go_back(&mut self, to: Box<dyn Any>) {
        if let Ok(before) = to.downcast() {
            *self = *before;
        }
    }

    fn save(&self, name: &str, state: &mut State) {
        state.put_counter(format!("{name}/count"), self.len() as u64);
        if let Some((items, labels)) = &self.kept {
            state.put(format!("{name}/items"), items.clone());
            state.put(format!("{name}/labels"), labels.clone().float());
        }
    }

    fn load(&mut self, name: &str, state: &mut State) -> Result<(), StateError> {
        let entry = format!("{name}/count");
        let count = usize::try_from(state.take_counter(&entry)?).ok().filter(|&count| count <= self.limit);
        let Some(count) = count else { return Err(StateError::Type { name: entry }) };
        self.kept = None;
        if count > 0 {
            let items = state.take(&format!("{name}/items"), &[count, self.values])?;
            let labels = state.take(&format!("{name}/labels"), &[count])?;
            let labels: Tensor<1> = Tensor::from_data(labels, &self.device);
            self.kept = Some((Tensor::from_data(items, &self.device), labels.int()));
        }
        Ok(())
    }

    fn parameters(&self) -> usize {
        0
    }

    fn export(&self, _: &str, _: &mut Weights) -> Result<(), ExportError> {
        Ok(())
    }
}
