//! What the settings of an adversarial system do to its training: each has its effect, all go together, and a run that is
//! broken off goes on as if it had not been.

use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Device, TensorData};
use ganvas_data::{Dataset, OpenOptions};
use ganvas_engine::session::{Options, Session, restore, sample, state_of};
use ganvas_engine::system::{Build, Conditional, DataSpec, Model, System};
use ganvas_gan::networks::Networks;
use ganvas_gan::systems::adversarial::{AdversarialConfig, Conditioning, Regularizers};
use ganvas_gan::systems::dcgan::Dcgan;
use ganvas_nets::layers::NormKind;
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::Streams;

const STEPS: u64 = 4;

fn digits() -> Arc<Dataset> {
    Arc::new(ganvas_data::open("digits", &OpenOptions::default()).unwrap())
}

fn device() -> Device {
    Device::flex().autodiff()
}

fn made(config: &AdversarialConfig, dataset: &Dataset) -> Dcgan {
    let build = Build { streams: Streams::new(3), device: &device() };
    Dcgan::build(config, &DataSpec::of(dataset), &build).unwrap()
}

/// Does the steps from one to the other of a run of [`STEPS`]; the figures of the last.
fn train(system: &mut Dcgan, dataset: &Arc<Dataset>, from: u64, to: u64) -> BTreeMap<String, f32> {
    let options = Options::new(Streams::new(3), 8, STEPS);
    let mut session = Session::new(system, dataset, &device(), options, from, 0.0).unwrap();
    let mut figures = Vec::new();
    for _ in from..to {
        figures = session.step(true).unwrap().tick.unwrap().figures;
    }
    figures.into_iter().collect()
}

/// Everything that a system keeps.
fn kept(system: &mut Dcgan) -> BTreeMap<String, TensorData> {
    state_of(system).entries().clone()
}

/// Small networks without anything.
fn plain() -> AdversarialConfig {
    AdversarialConfig::new(4, Networks::dcgan(4, false))
}

#[test]
fn each_setting_changes_training_and_tells_its_value() {
    let dataset = digits();
    let run = |config: &AdversarialConfig| {
        let mut system = made(config, &dataset);
        let figures = train(&mut system, &dataset, 0, 1);
        let mut kept = kept(&mut system);
        kept.retain(|name, _| !name.starts_with("anchors"));
        (figures, kept)
    };
    let (_, without) = run(&plain());
    assert_eq!(run(&plain()).1, without, "the same again");
    let with = |regularizers| run(&AdversarialConfig { regularizers, ..plain() });
    let none = Regularizers::default;
    for (settings, figure) in [
        (Regularizers { label_smoothing: 0.1, ..none() }, None),
        (Regularizers { instance_noise: 0.1, ..none() }, None),
        (Regularizers { consistency: 10.0, ..none() }, Some("consistency/value")),
        (Regularizers { consistency: 10.0, consistency_flip: true, ..none() }, Some("consistency/value")),
        (Regularizers { orthogonal: 1e-2, ..none() }, Some("orthogonal/value")),
    ] {
        let (figures, kept) = with(settings);
        assert_ne!(kept, without, "{settings:?}");
        assert!(figure.is_none_or(|name| figures[name] > 0.0), "{settings:?}: {figures:?}");
    }
    // There is no average to hold scores to before the second step.
    let lecam = AdversarialConfig { regularizers: Regularizers { lecam: 0.3, ..none() }, ..plain() };
    let (figures, kept_first) = run(&lecam);
    assert!(!figures.contains_key("lecam/value"));
    assert_eq!(kept_first, without);
    let mut system = made(&lecam, &dataset);
    let figures = train(&mut system, &dataset, 0, 2);
    assert!(figures["lecam/value"] > 0.0);
    let mut other = made(&plain(), &dataset);
    train(&mut other, &dataset, 0, 2);
    let scoring = "discriminator.Dcgan.score.Linear.weight";
    assert_ne!(kept(&mut system)[scoring], kept(&mut other)[scoring]);
}

#[test]
fn every_kind_of_conditioning_trains_every_network() {
    let dataset = digits();
    let mlp = ganvas_gan::systems::gan::small(false).networks;
    for networks in [mlp, Networks::dcgan(4, false), Networks::dcgan(4, true), Networks::resnet(4)] {
        for conditioning in [Conditioning::Concatenation, Conditioning::Projection, Conditioning::Auxiliary] {
            for told_by_norms in [false, true] {
                let mut networks = networks.clone();
                match &mut networks {
                    Networks::Mlp { discriminator, .. } => discriminator.spectral = told_by_norms,
                    Networks::Dcgan { generator_norm, discriminator_norm, spectral, .. }
                    | Networks::Resnet { generator_norm, discriminator_norm, spectral, .. } => {
                        if told_by_norms {
                            (*generator_norm, *discriminator_norm) = (NormKind::Conditional, NormKind::None);
                        }
                        *spectral = told_by_norms;
                    }
                    Networks::Recurrent { .. } => unreachable!("they are for series"),
                }
                let config = AdversarialConfig { conditioning, ..AdversarialConfig::new(4, networks) };
                let mut system = made(&config, &dataset);
                let figures = train(&mut system, &dataset, 0, 1);
                let name = format!("{config:?}");
                assert!(figures.values().all(|value| value.is_finite()), "{name}");
                for kind in ["real", "fake", "generated"] {
                    let told = figures.contains_key(&format!("cross_entropy/{kind}"));
                    assert_eq!(told, conditioning == Conditioning::Auxiliary, "{name}");
                }
                // The same latents as two classes give two images.
                let noise = || Noise::new(Streams::new(1), "sample", 0, &Device::flex());
                let of = |class| system.sample_of(&[class; 3], &noise()).to_data().iter::<f32>().collect::<Vec<_>>();
                assert_eq!(of(1), of(1));
                assert_ne!(of(1), of(2), "{name}");
            }
        }
    }
}

#[test]
fn a_run_that_is_broken_off_goes_on_exactly() {
    let dataset = digits();
    let mut networks = Networks::resnet(4);
    if let Networks::Resnet { generator_norm, spectral, .. } = &mut networks {
        (*generator_norm, *spectral) = (NormKind::Conditional, true);
    }
    let config = AdversarialConfig {
        conditioning: Conditioning::Projection,
        regularizers: Regularizers {
            label_smoothing: 0.1,
            instance_noise: 0.2,
            consistency: 1.0,
            consistency_flip: true,
            lecam: 0.3,
            mismatch: 0.25,
            orthogonal: 1e-4,
        },
        ema: 0.9,
        ..AdversarialConfig::new(4, networks)
    };
    let mut unbroken = made(&config, &dataset);
    train(&mut unbroken, &dataset, 0, STEPS);
    let mut first = made(&config, &dataset);
    train(&mut first, &dataset, 0, 2);
    let state = state_of(&mut first);
    assert!(state.entries().contains_key("anchors/sums"));
    let mut second = made(&config, &dataset);
    restore(&mut second, state).unwrap();
    train(&mut second, &dataset, 2, STEPS);
    assert_eq!(kept(&mut unbroken), kept(&mut second));
}

#[test]
fn samples_by_truncated_latents_keep_their_class() {
    let dataset = digits();
    let config = AdversarialConfig { conditioning: Conditioning::Concatenation, ..plain() };
    let mut system = made(&config, &dataset);
    let before = sample(&system, 100, &Streams::new(1), &Device::flex());
    system.truncate(0.1).unwrap();
    let after = sample(&system, 100, &Streams::new(1), &Device::flex());
    // Sample i is of class i mod 10: those of one class have come closer to each other than they were.
    let spread = |values: &[f32], class: usize| {
        let size = dataset.shape.len();
        let of: Vec<&[f32]> = (0..10).map(|i| &values[(10 * i + class) * size..][..size]).collect();
        let mean = |k: usize| of.iter().map(|item| item[k]).sum::<f32>() / 10.0;
        (0..size).map(|k| of.iter().map(|item| (item[k] - mean(k)).powi(2)).sum::<f32>()).sum::<f32>()
    };
    for class in 0..10 {
        assert!(spread(&after, class) < 0.5 * spread(&before, class), "{class}");
    }
}
