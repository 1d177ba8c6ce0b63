//! What the fuzz targets of a run folder's files run on bytes, and `crates/engine/tests/fuzzed.rs` too.
#![allow(dead_code)]

use std::cell::RefCell;

use burn::tensor::{Device, Tensor};
use ganvas_engine::checkpoint::{Checkpoint, Header};
use ganvas_engine::events;
use ganvas_engine::session::{restore, state_of};
use ganvas_engine::step::Step;
use ganvas_engine::system::{Batch, Model};
use ganvas_nets::init::{Init, Initializer};
use ganvas_nets::layers::Activation;
use ganvas_nets::mlp::{Mlp, MlpConfig};
use ganvas_nets::noise::Noise;
use ganvas_nets::optim::{OptimizerConfig, Trained};
use ganvas_nets::state::Part;
use ganvas_prob::stream::Streams;
use sha2::{Digest, Sha256};

/// `events.jsonl`.
pub fn events(bytes: &[u8]) {
    let (found, unreadable) = events::decode(bytes);
    assert!(found.len() + unreadable <= bytes.iter().filter(|&&byte| byte == b'\n').count());
    // What is kept of it when a run goes on reads the same.
    let lines: Vec<&[u8]> = found.iter().map(|(_, line)| *line).collect();
    assert_eq!(events::decode(&lines.concat()), (found, 0));
}

/// A checkpoint, as it is and with the checksum that fits the rest, down to the network that it is loaded into.
pub fn checkpoint(bytes: &[u8]) {
    let _ = decoded(bytes);
    let content = &bytes[..bytes.len().saturating_sub(32)];
    let sum = Sha256::digest(content);
    let Some(Checkpoint { header, state }) = decoded(&[content, sum.as_slice()].concat()) else { return };
    assert!(header.config.len() + header.system.len() < bytes.len());
    let values: usize = state.entries().values().map(|data| data.as_bytes().len()).sum();
    assert!(values < bytes.len(), "no more is made of it than is in it");
    for data in state.entries().values() {
        assert_eq!(data.shape().num_elements() * data.dtype().size(), data.as_bytes().len());
    }
    SMALL.with_borrow_mut(|model| {
        let expected = state.clone();
        if let Err(error) = restore(model, state) {
            assert!(!error.to_string().is_empty());
            return;
        }
        let kept = state_of(model);
        assert!(expected.entries().keys().eq(kept.entries().keys()), "all that is there is taken");
        for (name, data) in kept.entries() {
            assert_eq!(expected.entries()[name].as_bytes(), data.as_bytes(), "{name}");
        }
        let noise = Noise::new(Streams::new(1), "sample", 0, &Device::flex());
        assert_eq!(model.sample(3, &noise).dims(), [3, 2]);
    });
}

fn decoded(bytes: &[u8]) -> Option<Checkpoint> {
    let found = Checkpoint::decode(bytes).inspect_err(|reason| assert!(!reason.is_empty())).ok()?;
    let again = Checkpoint::decode(&found.encode()).unwrap();
    assert_eq!(again.header.config, found.header.config);
    assert_eq!(again.header.best, found.header.best);
    assert!(again.state.entries().keys().eq(found.state.entries().keys()));
    for (name, data) in again.state.entries() {
        let before = &found.state.entries()[name];
        assert!(data.shape() == before.shape() && data.as_bytes() == before.as_bytes(), "{name}");
    }
    Some(found)
}

/// A network of two hidden units.
struct Small(Trained<Mlp>);

impl Small {
    fn new() -> Self {
        let config = MlpConfig::new(&[2], Activation::Relu, Initializer::He);
        let mut init = Init::new(&Streams::new(1), "net", config.init, &Device::flex().autodiff());
        Self(Trained::new(Mlp::new(1, 2, &config, &mut init), OptimizerConfig::adam(1e-3, 0.5)))
    }
}

impl Model for Small {
    fn step(&mut self, _: &Batch, _: &mut Step) {}

    fn sample(&self, n: usize, noise: &Noise) -> Tensor<2> {
        noise.normal("x", [n, 2])
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        vec![("net", &mut self.0)]
    }
}

thread_local! {
    static SMALL: RefCell<Small> = RefCell::new(Small::new());
}

/// A checkpoint of the network, for the corpus.
pub fn whole_checkpoint() -> Vec<u8> {
    let header = Header {
        version: "0.1.0".into(),
        system: "gan".into(),
        step: 7,
        fingerprint: "00ff".into(),
        config: "steps = 7\n".into(),
        best: Some(("ffd".into(), 0.1)),
        loss_scale: None,
    };
    Checkpoint { header, state: SMALL.with_borrow_mut(|model| state_of(model)) }.encode()
}
