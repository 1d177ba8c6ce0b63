//! `ganvas export`.

use std::collections::BTreeMap;

use ganvas_engine::checkpoint::to_safetensors;
use ganvas_nets::export::Weights;

use super::{load_run, weights, write};
use crate::args::ExportArgs;
use crate::error::CliError;

/// Writes the networks of a run.
pub fn run(args: &ExportArgs) -> Result<(), CliError> {
    let out = &args.out;
    if out.extension().is_none_or(|extension| extension != "safetensors") {
        let message = format!("`{}` does not end in .safetensors", out.display());
        return Err(CliError::usage(message, "for example `--out weights.safetensors`"));
    }
    if out.exists() {
        return Err(CliError::usage(format!("{} exists already", out.display()), "choose another --out, or remove it"));
    }
    let (mut loaded, _) = load_run(&args.run, &args.loading)?;
    let mut values = Weights::new();
    for (name, part) in loaded.model.parts() {
        part.export(name, &mut values).map_err(|error| CliError::failure(error.to_string()))?;
    }
    let (header, weights) = (&loaded.header, weights(loaded.averaged));
    let step = header.step.to_string();
    let metadata = BTreeMap::from([
        ("format", "pt"),
        ("step", &step),
        ("system", &header.system),
        ("version", &header.version),
        ("weights", weights),
    ]);
    write(out, &with_metadata(&to_safetensors(&values), &metadata))?;
    println!("{} tensors of step {step}, {weights} weights: {}", values.len(), out.display());
    Ok(())
}

/// A safetensors file with metadata in an order of their own: the library takes them from a `HashMap`, whose order would
/// make two files of one export differ.
fn with_metadata(file: &[u8], metadata: &BTreeMap<&str, &str>) -> Vec<u8> {
    let (length, rest) = file.split_at(8);
    let length = u64::from_le_bytes(length.try_into().expect("eight bytes")) as usize;
    let (entries, values) = rest.split_at(length);
    let metadata = serde_json::to_string(metadata).expect("a map of strings");
    // The header is `{"name":{...},...}`, with blanks up to a multiple of eight bytes.
    let mut header = format!("{{\"__metadata__\":{metadata},").into_bytes();
    header.extend_from_slice(entries[1..].trim_ascii_end());
    header.resize(header.len().next_multiple_of(8), b' ');
    [&(header.len() as u64).to_le_bytes(), &header[..], values].concat()
}
