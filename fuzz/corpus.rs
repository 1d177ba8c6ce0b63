//! The corpus of a target and mutations of it, for the bounded runs in the normal tests.

use std::path::Path;

use ganvas_prob::stream::{Streams, uniforms};

/// Bytes that mean something to one parser or another.
const BYTES: [u8; 16] = *b"\x00\x01\x7f\x80\xff,\n\"'{}[]():";

/// Runs `target` on every file of its corpus and on `n` mutations of each, the same every time.
pub fn run(name: &str, n: u64, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    // What a run of the fuzzer left is named by its SHA-1.
    files.retain(|path| path.file_name().is_some_and(|name| name.len() < 40));
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    let streams = Streams::new(5).fork(name);
    for (i, file) in (0..).zip(&files) {
        let whole = std::fs::read(file).unwrap();
        target(&whole);
        let mut draw = streams.rng("mutation", i);
        let mut below = |n: usize| (uniforms(&mut draw, 1)[0] * n as f32) as usize;
        for _ in 0..n {
            let mut bytes = whole.clone();
            for _ in 0..=below(4) {
                let at = below(bytes.len());
                match below(6) {
                    _ if bytes.is_empty() => bytes.push(0),
                    0 => bytes[at] ^= 1 << below(8),
                    1 => bytes[at] = BYTES[below(BYTES.len())],
                    2 => bytes.insert(at, BYTES[below(BYTES.len())]),
                    3 => drop(bytes.remove(at)),
                    4 => bytes.truncate(at),
                    _ => {
                        // A part once more: doubled keys, rows, chunks.
                        let part = bytes[at..(at + 1 + below(64)).min(bytes.len())].to_vec();
                        let to = below(bytes.len());
                        bytes.splice(to..to, part);
                    }
                }
            }
            target(&bytes);
        }
    }
}
