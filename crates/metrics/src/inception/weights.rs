use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use burn::tensor::TensorData;
use ganvas_nets::state::State;
use pytorch_reader::{DType, PytorchReader, Tensor};

use super::NAME;
use crate::MetricError;
use crate::extractor::sha256;

/// Size and SHA-256 of the file, `pt_inception-2015-12-05-6726825d.pth`.
const BYTES: u64 = 95_628_359;
const SHA_256: &str = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2";

/// The tensors of the file, if it is the one. What was checked is what is parsed: the parser takes a path only, and is given
/// a copy that is ours alone.
pub(super) fn open(path: &Path) -> Result<State, MetricError> {
    let unreadable = |source| MetricError::InceptionUnreadable { path: path.to_owned(), source };
    let bytes = checked(path)?;
    let mut copy = tempfile::NamedTempFile::new().map_err(unreadable)?;
    copy.write_all(&bytes).map_err(unreadable)?;
    read(copy.path())
}

/// The bytes of the file, if it is the one.
fn checked(path: &Path) -> Result<Vec<u8>, MetricError> {
    let unreadable = |source| MetricError::InceptionUnreadable { path: path.to_owned(), source };
    let other =
        |what, expected: String, got| Err(MetricError::OtherInception { path: path.to_owned(), what, expected, got });
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size != BYTES {
        return other("size in bytes", BYTES.to_string(), size.to_string());
    }
    let mut bytes = Vec::new();
    // Not more than that, should it grow meanwhile.
    File::open(path).and_then(|file| file.take(BYTES).read_to_end(&mut bytes)).map_err(unreadable)?;
    match sha256(&bytes) {
        sum if sum == SHA_256 => Ok(bytes),
        sum => other("SHA-256", SHA_256.to_owned(), sum),
    }
}

/// The tensors of a file by `torch.save`, but for counters of training batches, which nothing depends on.
fn read(path: &Path) -> Result<State, MetricError> {
    let content = |reason: String| MetricError::WeightsContent { name: NAME.to_owned(), reason };
    let tensors = PytorchReader::new(path).map_err(|error| content(error.to_string()))?.into_tensors();
    let tensors = tensors.into_iter().filter(|(name, _)| !name.ends_with(".num_batches_tracked"));
    let entries = tensors.map(|(name, tensor)| Ok((name, data(&tensor)?))).collect::<Result<BTreeMap<_, _>, _>>();
    Ok(State::from_entries(entries.map_err(content)?))
}

fn data(tensor: &Tensor) -> Result<TensorData, String> {
    if tensor.dtype() != DType::F32 {
        return Err(format!("`{}` is of {:?}, not of 32-bit floats", tensor.name, tensor.dtype()));
    }
    let bytes = tensor.read().map_err(|error| error.to_string())?;
    let values = bytes.chunks_exact(4).map(|b| f32::from_ne_bytes([b[0], b[1], b[2], b[3]]));
    Ok(TensorData::new(values.collect::<Vec<f32>>(), tensor.shape().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> Vec<u8> {
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
    }

    fn read_bytes(bytes: &[u8]) -> Result<State, MetricError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        read(file.path())
    }

    #[test]
    fn both_formats_of_torch_save_are_read() {
        for name in ["inception-zip.pth", "inception-legacy.pth"] {
            let mut state = read_bytes(&fixture(name)).unwrap();
            let values = state.take("a.weight", &[2, 3]).unwrap().iter::<f32>().collect::<Vec<_>>();
            assert_eq!(values, [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]);
            let values = state.take("a.transposed", &[3, 2]).unwrap().iter::<f32>().collect::<Vec<_>>();
            assert_eq!(values, [0.0, 0.75, 0.25, 1.0, 0.5, 1.25]);
            assert!(state.finish().is_ok(), "the counter is left out");
        }
    }

    #[test]
    fn other_types_are_named() {
        let error = read_bytes(&fixture("inception-half.pth")).unwrap_err().to_string();
        assert!(error.contains("`a.weight` is of F16"), "{error}");
    }

    /// Nothing but errors, whatever is missing or wrong; a byte changed in a value need not be noticed here.
    #[test]
    fn damaged_files_are_errors() {
        for name in ["inception-zip.pth", "inception-legacy.pth"] {
            let whole = fixture(name);
            for length in (0..whole.len()).step_by(5) {
                assert!(read_bytes(&whole[..length]).is_err(), "{name} of {length} bytes");
            }
            for i in (0..whole.len()).step_by(5) {
                let mut bytes = whole.clone();
                bytes[i] ^= 0xff;
                let _ = read_bytes(&bytes);
            }
        }
    }
}
