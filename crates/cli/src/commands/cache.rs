//! Features of real data, kept by content, so that they are computed once.
//!
//! `CACHE/features/KEY/START.safetensors` holds those of the items from START on: `features`, `[items, dims]`, and
//! `logits`, `[items, classes]`. KEY is the SHA-256 of all that they depend on. What is damaged or cannot be read is computed
//! again; the folder may be deleted at any time.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use ganvas_engine::checkpoint::write_whole;
use ganvas_metrics::Features;
use ganvas_metrics::extractor::sha256;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView, serialize};

use super::extraction::{Extraction, Seen};
use crate::error::CliError;
use crate::progress::Stages;

/// Version of what makes features: sizes, orders, parts, the baseline. A change of them changes this.
const VERSION: u32 = 1;
/// The entry of a file's metadata that holds the checksum.
const SUM: &str = "sha256";

/// The kept features of one set of items.
pub struct Cache {
    folder: PathBuf,
    key: String,
}

impl Cache {
    /// For the items that are called `items` of the data with this fingerprint; none for features that are not kept.
    pub fn new(
        extraction: &Extraction,
        fingerprint: &str,
        items: &str,
        device: &Device,
    ) -> Result<Option<Self>, CliError> {
        let Some(identity) = extraction.identity()? else { return Ok(None) };
        // Another device may compute other last digits.
        let key = format!("ganvas features {VERSION}\n{identity}\n{fingerprint}\n{items}\n{device:?}");
        let key = sha256(key.as_bytes());
        Ok(Some(Self { folder: ganvas_data::cache_dir().join("features").join(&key), key }))
    }

    fn path(&self, range: &Range<usize>) -> PathBuf {
        self.folder.join(format!("{:09}.safetensors", range.start))
    }

    /// The features of these items, `[dims, classes]` of each; none where there is no good file, of which a bad one is
    /// told.
    pub fn read(&self, range: &Range<usize>, sizes: [usize; 2], stages: &mut Stages) -> Option<Seen> {
        let path = self.path(range);
        let read = |path: &Path| {
            // Beside the values a file has a header.
            let limit = (range.len() * (sizes[0] + sizes[1]) * size_of::<f32>() + (1 << 16)) as u64;
            let bytes = match ganvas_data::read_within(path, limit) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                bytes => bytes.map_err(|error| error.to_string())?,
            };
            self.decode(&bytes, range, sizes).map(Some)
        };
        read(&path).unwrap_or_else(|problem| {
            stages.say_once(format!("warning: {}: {problem}; computed again", path.display()));
            None
        })
    }

    fn decode(&self, bytes: &[u8], range: &Range<usize>, sizes: [usize; 2]) -> Result<Seen, String> {
        let text = |error: safetensors::SafeTensorError| error.to_string();
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(text)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(text)?;
        let set = |name: &str, dims: usize| -> Result<Features, String> {
            let view = tensors.tensor(name).map_err(text)?;
            if view.dtype() != Dtype::F32 || view.shape() != [range.len(), dims] {
                return Err(format!("`{name}` is {:?} {:?}", view.dtype(), view.shape()));
            }
            let (values, _) = view.data().as_chunks::<4>();
            Ok(Features { dims, values: values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect() })
        };
        let (features, logits) = (set("features", sizes[0])?, set("logits", sizes[1])?);
        let seen = Seen { features, logits: (sizes[1] > 0).then_some(logits) };
        let sum = self.sum(range, &parts(&seen, range.len()));
        match header.metadata().as_ref().and_then(|metadata| metadata.get(SUM)) {
            Some(found) if *found == sum => Ok(seen),
            _ => Err("its checksum is wrong".into()),
        }
    }

    /// Keeps the features of these items, which are the last of `all`; where it cannot, says so.
    pub fn write(&self, range: &Range<usize>, all: &Seen, stages: &mut Stages) {
        let parts = parts(all, range.len());
        let sum = HashMap::from([(SUM.to_owned(), self.sum(range, &parts))]);
        let views = parts.iter().map(|(name, dims, bytes)| {
            TensorView::new(Dtype::F32, vec![range.len(), *dims], bytes).map(|view| (*name, view))
        });
        let views = views.collect::<Result<Vec<_>, _>>();
        let file = views.and_then(|views| serialize(views, Some(sum))).map_err(std::io::Error::other);
        let written = file.and_then(|bytes| {
            std::fs::create_dir_all(&self.folder)?;
            write_whole(&self.path(range), &bytes)
        });
        if let Err(error) = written {
            // Of the kind alone, so that one note stands for all files.
            let folder = ganvas_data::cache_dir().join("features");
            stages.say_once(format!("note: features are not kept in {}: {}", folder.display(), error.kind()));
        }
    }

    /// Over the key, the place and the values.
    fn sum(&self, range: &Range<usize>, parts: &[(&str, usize, Vec<u8>)]) -> String {
        let mut text = format!("{} {range:?}", self.key);
        for (name, dims, bytes) in parts {
            text += &format!(" {name} {dims} {}", sha256(bytes));
        }
        sha256(text.as_bytes())
    }
}

/// Name, size of an item and bytes of the last `n` items.
fn parts(seen: &Seen, n: usize) -> Vec<(&'static str, usize, Vec<u8>)> {
    let none = Features::default();
    let last = |set: &Features| {
        let values = &set.values[set.values.len() - n * set.dims..];
        values.iter().flat_map(|x| x.to_le_bytes()).collect()
    };
    [("features", &seen.features), ("logits", seen.logits.as_ref().unwrap_or(&none))]
        .map(|(name, set)| (name, set.dims, last(set)))
        .into()
}
