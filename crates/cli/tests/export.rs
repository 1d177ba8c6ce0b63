//! Networks with the names and layouts of PyTorch.
//!
//! In `export/` are files that `ganvas export` wrote, with values that the same networks gave here, and
//! `torch_check.py`, which loads them into the networks written in plain PyTorch and compares what those give. The test
//! holds today's export to those files: what PyTorch was shown to read is what is written.
//!
//! Where a change is meant to alter them, `GANVAS_EXPORT=write cargo test -p ganvas --test export` writes them anew, and
//! `python torch_check.py` has to agree again.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use common::{ganvas, succeed, systems};
use ganvas_engine::checkpoint::{Checkpoint, to_safetensors};
use ganvas_nets::dcgan::{Discriminator, Shape};
use ganvas_nets::encoder::{Encoder, EncoderNet, mean_and_log_variance};
use ganvas_nets::init::{Init, Initializer};
use ganvas_nets::layers::Activation;
use ganvas_nets::mlp::{Mlp, MlpConfig};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::state::load_module;
use ganvas_prob::stream::Streams;
use safetensors::SafeTensors;

/// Sizes that keep the files small.
const LATENT: usize = 4;
const N: usize = 4;

type Values = BTreeMap<String, TensorData>;

/// A network of its own size with what a checkpoint has below `name`.
fn trained<M: Module>(path: &Path, name: &str, make: impl FnOnce(&mut Init) -> M) -> M {
    let mut init = Init::new(&Streams::new(0), name, Initializer::He, &Device::flex());
    let mut state = Checkpoint::read(path).unwrap().state;
    load_module(make(&mut init), name, &mut state).unwrap()
}

/// What the networks of a run give: samples, the latents they are of, and what the other network makes of them.
fn values(folder: &Path, run: &str, case: &str) -> Values {
    let out = format!("{run}.npy");
    succeed(folder, &["sample", run, "--n", "4", "--seed", "5", "--out", &out]);
    let array = fs::read(folder.join(out)).unwrap();
    // 128 bytes of header, then f32.
    let samples: Vec<f32> = array[128..].as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    let device = Device::flex();
    let side = ((samples.len() / N) as f64).sqrt() as usize;
    let samples = Tensor::<2>::from_data(TensorData::new(samples, [N, side * side]), &device);
    // Samples come in groups of a hundred, which the first four are of.
    let noise = Noise::new(Streams::new(5).fork("sample"), "sample", 0, &device);
    let latents = noise.normal("latent", [100, LATENT]).narrow(0, 0, N);
    let mut values = BTreeMap::from([("latents", latents), ("samples", samples.clone())]);
    let checkpoint = folder.join(run).join("checkpoints/step-000000002.ganvas");
    match case {
        "gan" => {
            let config = MlpConfig { maxout: 3, ..MlpConfig::new(&[8], Activation::LeakyRelu, Initializer::He) };
            let net = trained(&checkpoint, "discriminator.Mlp", |init| Mlp::new(64, 1, &config, init));
            values.insert("logits", net.forward(samples, Pass::Eval));
        }
        "vae" => {
            let config = MlpConfig::new(&[16], Activation::Tanh, Initializer::He);
            let make = |init: &mut Init| {
                let net = EncoderNet::Mlp(Mlp::new(64, 2 * LATENT, &config, init));
                Encoder::new(net, vec![0.0; 64], init)
            };
            let out = trained(&checkpoint, "networks/average.encoder", make).forward(samples, None, Pass::Eval);
            let (mean, log_variance) = mean_and_log_variance(out);
            values.extend([("mean", mean), ("log_variance", log_variance)]);
        }
        _ => {
            let all_convolutional = case == "dcgan-convolutional";
            let shape = Shape { all_convolutional, ..Shape::new(1, 16, 4, LATENT) };
            let net = trained(&checkpoint, "discriminator.Dcgan", |init| Discriminator::new(shape, init).unwrap());
            values.insert("logits", net.forward(samples.reshape([N, 1, 16, 16]), Pass::Eval));
        }
    }
    values.into_iter().map(|(name, tensor)| (name.to_owned(), tensor.to_data())).collect()
}

fn numbers(file: &SafeTensors, name: &str) -> Vec<f32> {
    let data = file.tensor(name).unwrap();
    data.data().as_chunks::<4>().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}

/// The same names, types and shapes, and values that differ by no more than `tolerance`.
fn agree(found: &[u8], kept: &[u8], tolerance: f32, case: &str) {
    let (found, kept) = (SafeTensors::deserialize(found).unwrap(), SafeTensors::deserialize(kept).unwrap());
    let mut names = [found.names(), kept.names()];
    names.iter_mut().for_each(|names| names.sort_unstable());
    assert_eq!(names[0], names[1], "{case}");
    for name in &names[0] {
        let (a, b) = (found.tensor(name).unwrap(), kept.tensor(name).unwrap());
        assert_eq!((a.dtype(), a.shape()), (b.dtype(), b.shape()), "{case}, {name}");
        if a.dtype() == safetensors::Dtype::I64 {
            assert_eq!(a.data(), b.data(), "{case}, {name}");
            continue;
        }
        for (a, b) in numbers(&found, name).into_iter().zip(numbers(&kept, name)) {
            assert!((a - b).abs() <= tolerance, "{case}, {name}: {b} was written down, now it is {a}");
        }
    }
}

#[test]
fn exports_are_what_pytorch_was_shown_to_read() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let generator = ["--set", "generator.hidden=[16]", "--set", "discriminator.hidden=[8]"];
    let cases: [(&str, &str, &[&str]); 4] = [
        ("gan", "gan", &[&generator[..], &["--set", "discriminator.maxout=3"]].concat()),
        ("dcgan", "dcgan", &["--set", "width=4", "--set", "init.sd=0.3"]),
        (
            "dcgan-convolutional",
            "dcgan",
            &["--set", "width=4", "--set", "init.sd=0.3", "--set", "all_convolutional=true"],
        ),
        ("vae", "vae", &["--set", "layers.hidden=[16]"]),
    ];
    for (case, system, more) in cases {
        let set = ["--set", "latent=4", "--set", "ema=0.5", "--steps", "2", "--batch", "16"];
        succeed(f, &[&["train", system, "--out", case], &set[..], more].concat());
        let file = format!("{case}.safetensors");
        succeed(f, &["export", case, "--out", &file]);
        let exported = fs::read(f.join(&file)).unwrap();
        let given = to_safetensors(&values(f, case, case));
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/export");
        let (weights_path, values_path) = (kept.join(&file), kept.join(format!("{case}-values.safetensors")));
        if std::env::var_os("GANVAS_EXPORT").is_some_and(|word| word == "write") {
            fs::write(weights_path, exported).unwrap();
            fs::write(values_path, given).unwrap();
            continue;
        }
        // Two updates by Adam at 1e-3 where a gradient is near zero, as another processor may round it.
        agree(&exported, &fs::read(weights_path).unwrap(), 2e-3, case);
        agree(&given, &fs::read(values_path).unwrap(), 2e-2, case);
    }
}

/// For every system, those of the future too: all values leave, the averaged ones if there are any, and twice the same.
#[test]
fn every_system_exports_what_its_checkpoint_holds() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    for system in systems(f) {
        succeed(f, &["train", &system, "--out", &system, "--steps", "3", "--set", "ema=0.9"]);
        let export = |name: &str, more: &[&str]| {
            let said = succeed(f, &[&["export", &system, "--out", name], more].concat());
            let weights = if more.is_empty() { "averaged" } else { "trained" };
            assert!(said.contains(&format!("of step 3, {weights} weights: {name}")), "{said}");
            fs::read(f.join(name)).unwrap()
        };
        let averaged = export(&format!("{system}.safetensors"), &[]);
        assert_eq!(averaged, export(&format!("{system}-again.safetensors"), &[]));
        let raw = export(&format!("{system}-raw.safetensors"), &["--raw"]);
        let (_, header) = SafeTensors::read_metadata(&averaged).unwrap();
        let metadata = header.metadata().as_ref().unwrap();
        let said = ["format", "system", "step", "version", "weights"].map(|key| metadata[key].as_str());
        assert_eq!(said, ["pt", &system, "3", env!("CARGO_PKG_VERSION"), "averaged"]);
        let state = Checkpoint::read(&f.join(&system).join("checkpoints/step-000000003.ganvas")).unwrap().state;
        let has_average: Vec<&str> =
            state.entries().keys().filter_map(|name| Some(name.split_once("/average.")?.0)).collect();
        for (exported, is_average) in [(&averaged, true), (&raw, false)] {
            let file = SafeTensors::deserialize(exported).unwrap();
            // Layouts differ, but not the values: each network's, sorted.
            let mut found: BTreeMap<&str, Vec<f32>> = BTreeMap::new();
            for name in file.names() {
                // PyTorch's second bias of a memory is zero, and not in the checkpoint.
                if name.ends_with("bias_hh_l0") {
                    assert!(numbers(&file, name).iter().all(|&value| value == 0.0));
                } else if file.tensor(name).unwrap().dtype() == safetensors::Dtype::F32 {
                    found.entry(name.split_once('.').unwrap().0).or_default().extend(numbers(&file, name));
                }
            }
            let mut expected: BTreeMap<&str, Vec<f32>> = BTreeMap::new();
            for (name, data) in state.entries() {
                let network = name.split(['.', '/']).next().unwrap();
                let from = if is_average && has_average.contains(&network) { "/average." } else { "." };
                if name[network.len()..].starts_with(from) {
                    expected.entry(network).or_default().extend(data.iter::<f32>());
                }
            }
            found.values_mut().chain(expected.values_mut()).for_each(|values| values.sort_by(f32::total_cmp));
            assert!(found == expected, "{system}: {:?} against {:?}", found.keys(), expected.keys());
        }
        assert_ne!(averaged[averaged.len() - 4096..], raw[raw.len() - 4096..], "{system}");
    }
}

#[test]
fn a_file_that_is_there_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    fs::write(f.join("kept.safetensors"), b"mine").unwrap();
    for (out, expected) in [
        ("kept.safetensors", "kept.safetensors exists already"),
        ("weights.pth", "`weights.pth` does not end in .safetensors"),
        ("new.safetensors", "no-run is not a run"),
    ] {
        let output = ganvas(f, &["export", "no-run", "--out", out]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(expected), "{said}");
    }
    assert_eq!(fs::read(f.join("kept.safetensors")).unwrap(), b"mine");
    assert!(!f.join("new.safetensors").exists());
}
