//! One file with everything that a run needs to go on.
//!
//! ```text
//! 8 bytes   "GANVAS1\n"
//! 8 bytes   length of the header, little-endian
//! header    JSON: version, system, step, data fingerprint, settings
//! body      safetensors: every network, average, optimiser moment and counter, by name
//! 32 bytes  SHA-256 of everything before
//! ```
//!
//! The same training gives the same bytes, however often it was broken off: times are in the events.
//!
//! A checkpoint is written to a file beside its place, synced and renamed; only when it has been read back and verified
//! is an older one removed. Reading checks the sum before anything else is looked at, runs no code, and takes no more
//! room than the file and what is in it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use burn::tensor::{DType, TensorData};
use ganvas_data::read_within;
use ganvas_nets::state::State;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::EngineError;
use crate::step::LossScale;

const MAGIC: &[u8; 8] = b"GANVAS1\n";
const SUM: usize = 32;
/// A header is some kilobytes of settings; more than this is not one of ours.
const LONGEST_HEADER: u64 = 16 << 20;
/// Networks are refused long before they need as much.
const LARGEST: u64 = 16 << 30;
/// How the names of files begin that are being written.
pub(crate) const UNFINISHED: &str = ".unfinished-";

/// What a checkpoint says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of Ganvas that wrote it.
    pub version: String,
    /// The system's id.
    pub system: String,
    /// Steps done.
    pub step: u64,
    /// Of the data trained on.
    pub fingerprint: String,
    /// The run's settings, TOML.
    pub config: String,
    /// The held-out figure that made it the best, and its value; none where it was kept for its step.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "figure")]
    pub best: Option<(String, f64)>,
    /// The factor of losses, where gradients are computed in half precision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<LossScale>,
}

/// A figure with its value as text: read back, numbers in JSON may differ in their last digit.
mod figure {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(figure: &Option<(String, f64)>, serializer: S) -> Result<S::Ok, S::Error> {
        figure.as_ref().map(|(name, value)| (name, value.to_string())).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<(String, f64)>, D::Error> {
        let figure = Option::<(String, String)>::deserialize(deserializer)?;
        figure.map(|(name, value)| Ok((name, value.parse().map_err(D::Error::custom)?))).transpose()
    }
}

/// A checkpoint in memory.
pub struct Checkpoint {
    /// What it says of itself.
    pub header: Header,
    /// Networks, optimisers and counters.
    pub state: State,
}

impl Checkpoint {
    /// The bytes of the file.
    #[doc(hidden)]
    pub fn encode(&self) -> Vec<u8> {
        let header = serde_json::to_vec(&self.header).expect("a header is strings and numbers");
        let body = to_safetensors(self.state.entries());
        let mut file = Vec::with_capacity(16 + header.len() + body.len() + SUM);
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&(header.len() as u64).to_le_bytes());
        file.extend_from_slice(&header);
        file.extend_from_slice(&body);
        let sum = Sha256::digest(&file);
        file.extend_from_slice(&sum);
        file
    }

    /// What [`encode`](Self::encode) made, or what is wrong.
    #[doc(hidden)]
    pub fn decode(file: &[u8]) -> Result<Self, String> {
        let Some(content) = file.len().checked_sub(SUM) else { return Err("it is too short".into()) };
        let (content, sum) = file.split_at(content);
        let Some((magic, rest)) = content.split_at_checked(8) else { return Err("it is too short".into()) };
        if magic != MAGIC {
            return Err("it does not begin as a checkpoint does".into());
        }
        if Sha256::digest(content).as_slice() != sum {
            return Err("its checksum is wrong: it is cut off or changed".into());
        }
        let Some((length, rest)) = rest.split_at_checked(8) else { return Err("it is too short".into()) };
        let length = u64::from_le_bytes(length.try_into().expect("eight bytes"));
        if length > LONGEST_HEADER {
            return Err(format!("its header claims {length} bytes"));
        }
        let Some((header, body)) = rest.split_at_checked(length as usize) else {
            return Err("its header is cut off".into());
        };
        let header = serde_json::from_slice(header).map_err(|e| format!("its header cannot be read: {e}"))?;
        let tensors = SafeTensors::deserialize(body).map_err(|e| format!("its tensors cannot be read: {e}"))?;
        let mut entries = BTreeMap::new();
        for (name, view) in tensors.tensors() {
            let shape = view.shape().to_vec();
            let data = match view.dtype() {
                Dtype::F32 => TensorData::new(read(view.data(), f32::from_le_bytes), shape),
                Dtype::I64 => TensorData::new(read(view.data(), i64::from_le_bytes), shape),
                other => return Err(format!("`{name}` is of type {other:?}")),
            };
            entries.insert(name, data);
        }
        Ok(Self { header, state: State::from_entries(entries) })
    }

    /// Reads and verifies a file.
    ///
    /// # Errors
    /// If it cannot be read or is not whole.
    pub fn read(path: &Path) -> Result<Self, EngineError> {
        let io = || EngineError::io("read", path);
        let damaged = |reason| EngineError::Damaged { path: path.to_owned(), reason };
        // Of what is no checkpoint, however long, no more is read than that.
        let mut magic = Vec::new();
        File::open(path).and_then(|file| file.take(8).read_to_end(&mut magic)).map_err(io())?;
        if magic != MAGIC {
            return Err(damaged("it does not begin as a checkpoint does".into()));
        }
        let file = read_within(path, LARGEST).map_err(io())?;
        Self::decode(&file).map_err(damaged)
    }

    /// Writes the file into `folder`, proves that it reads back, and then removes all but it and the newest
    /// others, `kept` in all.
    ///
    /// # Errors
    /// If it cannot be written; what was there before is untouched then.
    pub fn write(&self, folder: &Path, kept: usize) -> Result<PathBuf, EngineError> {
        make_folder(folder).map_err(EngineError::io("create", folder))?;
        let path = folder.join(file_name(self.header.step));
        let bytes = self.encode();
        write_whole(&path, &bytes).map_err(EngineError::io("write", &path))?;
        Self::read(&path)?;
        let others = checkpoints(folder)?.into_iter().filter(|other| *other != path);
        for old in others.skip(kept.saturating_sub(1)) {
            fs::remove_file(&old).map_err(EngineError::io("remove", &old))?;
        }
        Ok(path)
    }

    /// The newest checkpoint of a folder that verifies, and what is wrong with newer ones.
    ///
    /// # Errors
    /// If there is none.
    pub fn newest(folder: &Path) -> Result<(Self, Vec<EngineError>), EngineError> {
        let mut damaged = Vec::new();
        for path in checkpoints(folder)? {
            match Self::read(&path) {
                Ok(checkpoint) => return Ok((checkpoint, damaged)),
                Err(error) => damaged.push(error),
            }
        }
        let detail = damaged.iter().map(|e| format!("; {e}")).collect();
        Err(EngineError::NoCheckpoint { path: folder.to_owned(), detail })
    }
}

/// Values (32-bit floats and 64-bit integers) as the bytes of a safetensors file without metadata.
pub fn to_safetensors(entries: &BTreeMap<String, TensorData>) -> Vec<u8> {
    let views = entries.iter().map(|(name, data)| {
        let dtype = if data.dtype() == DType::I64 { Dtype::I64 } else { Dtype::F32 };
        let view = TensorView::new(dtype, data.shape().as_slice().to_vec(), data.as_bytes());
        (name, view.expect("a tensor's bytes have its shape"))
    });
    safetensors::serialize(views, None).expect("names are distinct")
}

fn read<const N: usize, T>(bytes: &[u8], value: fn([u8; N]) -> T) -> Vec<T> {
    let (chunks, _) = bytes.as_chunks::<N>();
    chunks.iter().map(|&chunk| value(chunk)).collect()
}

fn file_name(step: u64) -> String {
    format!("step-{step:09}.ganvas")
}

/// A folder's checkpoints, newest first.
fn checkpoints(folder: &Path) -> Result<Vec<PathBuf>, EngineError> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries.map_err(EngineError::io("read", folder))?,
    };
    for entry in entries {
        let path = entry.map_err(EngineError::io("read", folder))?.path();
        if path.extension().is_some_and(|e| e == "ganvas") {
            found.push(path);
        }
    }
    found.sort();
    found.reverse();
    Ok(found)
}

/// Makes a folder where there is none, in one that has to be there: a run that was removed does not come back in part.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

/// Writes a file so that its name never stands for half of it: beside its place, synced, renamed, the folder synced.
///
/// # Errors
/// If any of that fails; a file that was there before is untouched then.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    {
        // A temporary file is the owner's alone; a result is like any other file.
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(step: u64) -> Checkpoint {
        let mut state = State::default();
        state.put_counter("net/optimizer/updates".into(), step);
        let mut entries = state.entries().clone();
        entries.insert("net.weight".into(), TensorData::new(vec![1.5f32, -2.0, 0.25], [3, 1]));
        let header = Header {
            version: "0".into(),
            system: "x".into(),
            step,
            fingerprint: "f".into(),
            config: "steps = 1".into(),
            // Of such numbers serde_json, without a feature of its own, reads some back with another last digit.
            best: Some(("ffd".into(), 0.1 + 0.2 + f64::from(step as u32) / 3e-7)),
            loss_scale: Some(LossScale { exponent: 9, steps: 3 }),
        };
        Checkpoint { header, state: State::from_entries(entries) }
    }

    #[test]
    fn a_checkpoint_reads_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = checkpoint(7).write(folder.path(), 2).unwrap();
        let mut read = Checkpoint::read(&path).unwrap();
        assert_eq!(read.header, checkpoint(7).header);
        assert_eq!(read.state.take_counter("net/optimizer/updates"), Ok(7));
        let weight = read.state.take("net.weight", &[3, 1]).unwrap();
        assert_eq!(weight.iter::<f32>().collect::<Vec<_>>(), [1.5, -2.0, 0.25]);
        assert_eq!(read.state.finish(), Ok(()));
    }

    #[test]
    fn any_flipped_byte_and_any_cut_is_noticed() {
        let bytes = checkpoint(7).encode();
        for i in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[i] ^= 1;
            assert!(Checkpoint::decode(&flipped).is_err(), "byte {i}");
            assert!(Checkpoint::decode(&bytes[..i]).is_err(), "cut at {i}");
        }
    }

    #[test]
    fn the_newest_that_verifies_is_taken_and_two_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        for step in [1, 2, 3] {
            checkpoint(step).write(folder.path(), 2).unwrap();
        }
        let files = checkpoints(folder.path()).unwrap();
        assert_eq!(files.len(), 2);
        fs::write(&files[0], b"GANVAS1\nrubbish that is longer than a checksum of 32 bytes").unwrap();
        let (found, damaged) = Checkpoint::newest(folder.path()).unwrap();
        assert_eq!((found.header.step, damaged.len()), (2, 1));
    }

    #[test]
    fn a_folder_without_checkpoints_says_so() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Checkpoint::newest(folder.path()), Err(EngineError::NoCheckpoint { .. })));
    }
}
