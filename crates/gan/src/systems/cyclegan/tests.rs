use std::collections::BTreeMap;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use ganvas_data::{Dataset, Split, Values};
use ganvas_engine::session::{Options, Session, restore, state_of};
use ganvas_nets::init::Initializer;
use ganvas_nets::layers::{NormKind, Padding};
use ganvas_nets::optim::OptimizerConfig;
use ganvas_prob::stream::{Streams, uniforms};

use super::*;

const SHAPE: ItemShape = ItemShape::Image { channels: 1, height: 8, width: 8 };
const STEPS: u64 = 8;

fn config() -> CycleGanConfig {
    let small = CycleGanConfig::small();
    CycleGanConfig {
        generator: GeneratorConfig { width: 4, halvings: 1, blocks: 1, ..small.generator },
        discriminator: DiscriminatorConfig { width: 4, halvings: 1, ..small.discriminator },
        // Large enough weights that a few steps show what they do.
        init: Initializer::He,
        pool: 5,
        ..small
    }
}

fn data() -> DataSpec {
    DataSpec { shape: SHAPE, classes: 2, mean: vec![0.0; SHAPE.len()] }
}

fn device() -> Device {
    Device::flex().autodiff()
}

fn built(config: &CycleGanConfig) -> Result<CycleGan, ConfigError> {
    CycleGan::build(config, &data(), &Build { streams: Streams::new(1), device: &device() })
}

/// Dark images, and a few bright ones.
fn dataset() -> Arc<Dataset> {
    let split = |n: usize| {
        let labels: Vec<u32> = (0..n).map(|i| u32::from(i % 3 == 1)).collect();
        let draws = uniforms(&mut Streams::new(2).rng("items", n as u64), n * SHAPE.len());
        let pixel = |(i, u): (usize, &f32)| (u * 100.0) as u8 + if labels[i / SHAPE.len()] == 1 { 150 } else { 0 };
        let values = Values::U8(draws.iter().enumerate().map(pixel).collect());
        Split { values, labels: Some(labels), len: n }
    };
    let names = vec!["dark".into(), "bright".into()];
    Arc::new(Dataset::new("two", "", SHAPE, names, split(20), split(6), "").unwrap())
}

fn train(system: &mut CycleGan, options: &Options, steps: std::ops::Range<u64>) -> BTreeMap<String, f32> {
    let mut session = Session::new(system, &dataset(), &device(), options.clone(), steps.start, 0.0).unwrap();
    let mut figures = Vec::new();
    for _ in steps {
        figures = session.step(true).unwrap().tick.unwrap().figures;
    }
    figures.into_iter().collect()
}

fn options() -> Options {
    Options::new(Streams::new(3), 4, STEPS)
}

fn kept(system: &mut CycleGan) -> BTreeMap<String, TensorData> {
    state_of(system).entries().clone()
}

/// Two images of noise, `[2, 64]`.
fn drawn(device: &Device) -> Tensor<2> {
    Noise::new(Streams::new(5), "items", 0, device).uniform("x", [2, 64], -1.0, 1.0)
}

/// What is kept below a name, without the moments of optimisers.
fn below(kept: &BTreeMap<String, TensorData>, name: &str) -> Vec<f32> {
    let entries = kept.iter().filter(|(key, _)| key.starts_with(name) && !key.contains("/optimizer/"));
    let values: Vec<f32> = entries.flat_map(|(_, data)| data.iter::<f32>().collect::<Vec<_>>()).collect();
    assert!(!values.is_empty(), "nothing is called {name}");
    values
}

const NETWORKS: [&str; 4] = ["generators.ab", "generators.ba", "discriminator_a.", "discriminator_b."];

/// With a rate that moves nothing, all that the phase of a network has done is undone: what is left are the others' updates.
#[test]
fn a_phase_changes_its_own_networks_alone() {
    let still = OptimizerConfig::adam(1e-30, 0.5);
    let start = kept(&mut built(&config()).unwrap());
    for (settings, moved) in [
        (CycleGanConfig { discriminator_optimizer: still, ..config() }, [true, true, false, false]),
        (CycleGanConfig { generator_optimizer: still, ..config() }, [false, false, true, true]),
    ] {
        let mut system = built(&settings).unwrap();
        train(&mut system, &options(), 0..1);
        let after = kept(&mut system);
        let changed =
            |name: &str| below(&start, name).iter().zip(below(&after, name)).any(|(a, b)| (a - b).abs() > 1e-12);
        assert_eq!(NETWORKS.map(changed), moved);
    }
}

/// Without discriminators' say (a constant score has no slope), the loss of one cycle alone moves both translators.
#[test]
fn each_cycle_reaches_both_translators() {
    let system = built(&config()).unwrap();
    let items = drawn(&device()).reshape([2, 1, 8, 8]);
    let Generators { ab, ba } = &system.generators.net;
    for loss in [
        (ba.forward(ab.forward(items.clone(), Pass::Eval), Pass::Eval) - items.clone()).abs().mean(),
        (ab.forward(ba.forward(items.clone(), Pass::Eval), Pass::Eval) - items.clone()).abs().mean(),
    ] {
        let gradients = system.generators.gradients(loss);
        let norm = |net: &Translator| {
            ganvas_nets::optim::squared_norm(&gradients, net).map_or(0.0, |norm| norm.into_scalar::<f32>())
        };
        assert!(norm(ab) > 1e-8 && norm(ba) > 1e-8);
    }
}

/// The figures of a step are what they are called, computed again from the networks before it.
#[test]
fn losses_are_those_of_the_paper() {
    let settings = CycleGanConfig { identity: 0.5, pool: 0, ..config() };
    let figures = train(&mut built(&settings).unwrap(), &options(), 0..1);
    let system = built(&settings).unwrap();
    let mut loader = ganvas_data::Loader::by(Sampling::Domains, dataset(), 4, Streams::new(3), 0, 1).unwrap();
    let batch = ganvas_engine::session::upload(loader.next().unwrap(), SHAPE, &device());
    let [a, b] = [batch.items, batch.other.unwrap()].map(|items| to_images(items, SHAPE));
    let net = &system.generators.net;
    let (to_b, to_a) =
        (|x: &Tensor<4>| net.ab.forward(x.clone(), Pass::Eval), |x: &Tensor<4>| net.ba.forward(x.clone(), Pass::Eval));
    let apart = |x: Tensor<4>, y: &Tensor<4>| (x - y.clone()).abs().mean().into_scalar::<f32>();
    let (fake_b, fake_a) = (to_b(&a), to_a(&b));
    let near = |name: &str, expected: f32| {
        let found = figures[name];
        assert!((found - expected).abs() < 1e-4 * expected.abs().max(1.0), "{name}: {found}, not {expected}");
    };
    let (cycle, identity) =
        ([apart(to_a(&fake_b), &a), apart(to_b(&fake_a), &b)], [apart(to_a(&a), &a), apart(to_b(&b), &b)]);
    near("cycle/a", cycle[0]);
    near("cycle/b", cycle[1]);
    near("identity/a", identity[0]);
    near("identity/b", identity[1]);
    let square = |domain: usize, x: &Tensor<4>, target: f64| {
        let scores = system.discriminators[domain].net.forward(x.clone(), Pass::Eval);
        scores.sub_scalar(target).square().mean().into_scalar::<f32>()
    };
    let adversarial = [square(0, &fake_a, 1.0), square(1, &fake_b, 1.0)];
    near("adversarial/ba", adversarial[0]);
    near("adversarial/ab", adversarial[1]);
    let sum = |pair: [f32; 2]| pair[0] + pair[1];
    near("generators", sum(adversarial) + 10.0 * sum(cycle) + 5.0 * sum(identity));
    near("discriminator_a", 0.5 * (square(0, &a, 1.0) + square(0, &fake_a, 0.0)));
    near("discriminator_b", 0.5 * (square(1, &b, 1.0) + square(1, &fake_b, 0.0)));
}

/// To the last bit, the pools among it: they fill up within the first steps, and are drawn from after.
#[test]
fn a_run_that_is_broken_off_goes_on_exactly() {
    let settings = CycleGanConfig { flip: true, ema: 0.9, ..config() };
    let mut unbroken = built(&settings).unwrap();
    train(&mut unbroken, &options(), 0..STEPS);
    for at in [1, 3] {
        let mut first = built(&settings).unwrap();
        train(&mut first, &options(), 0..at);
        let mut second = built(&settings).unwrap();
        restore(&mut second, state_of(&mut first)).unwrap();
        train(&mut second, &options(), at..STEPS);
        assert!(kept(&mut unbroken) == kept(&mut second), "from step {at}");
    }
    assert_eq!(kept(&mut unbroken)["pool_a/items"].shape()[..], [5, 64]);
}

/// A batch in parts gives the update of the whole, and the same pools.
#[test]
fn parts_of_a_batch_add_up() {
    let run = |accumulate: usize| {
        let mut system = built(&CycleGanConfig { flip: true, ..config() }).unwrap();
        train(&mut system, &Options { accumulate, ..options() }, 0..3);
        kept(&mut system)
    };
    let (whole, parts) = (run(1), run(2));
    for (name, values) in &whole {
        // A bias before an instance norm has a gradient of rounding errors alone, which Adam makes steps of.
        if name.contains("/optimizer/") || name.contains(".bias") {
            continue;
        }
        for (a, b) in values.iter::<f32>().zip(parts[name].iter::<f32>()) {
            assert!((a - b).abs() < 2e-3, "{name}: {a} and {b}");
        }
    }
}

#[test]
fn mirrored_translators_learn_from_mirrored_images() {
    let run = |flip| train(&mut built(&CycleGanConfig { flip, ..config() }).unwrap(), &options(), 0..1)["generators"];
    assert_ne!(run(true), run(false));
}

/// Images in turn, each translated as alone.
#[test]
fn an_item_is_translated_by_itself() {
    let system = built(&config()).unwrap();
    let items = drawn(&Device::flex());
    for direction in Direction::ALL {
        let all = system.translate(items.clone(), direction);
        let one = system.translate(items.clone().narrow(0, 1, 1), direction);
        assert!((all.narrow(0, 1, 1) - one).abs().max().into_scalar::<f32>() < 1e-5);
    }
    assert_eq!(system.sample(4, &Noise::new(Streams::new(1), "sample", 0, &Device::flex())).dims(), [0, 64]);
}

#[test]
fn settings_out_of_their_domain_are_named() {
    let small = CycleGanConfig::small();
    let generator = |generator| CycleGanConfig { generator, ..config() };
    let discriminator = |discriminator| CycleGanConfig { discriminator, ..config() };
    for (wrong, key) in [
        (CycleGanConfig { cycle: -1.0, ..config() }, "cycle"),
        (CycleGanConfig { identity: f64::NAN, ..config() }, "identity"),
        (CycleGanConfig { pool: 20_000, ..config() }, "pool"),
        (CycleGanConfig { init: Initializer::Normal { sd: -1.0 }, ..config() }, "init.sd"),
        (CycleGanConfig { ema: 1.0, ..config() }, "ema"),
        (generator(GeneratorConfig { width: 0, ..small.generator.clone() }), "generator.width"),
        (generator(GeneratorConfig { width: 512, ..small.generator.clone() }), "generator.width"),
        (generator(GeneratorConfig { halvings: 0, ..small.generator.clone() }), "generator.halvings"),
        (generator(GeneratorConfig { blocks: 100, ..small.generator.clone() }), "generator.blocks"),
        (generator(GeneratorConfig { outer_kernel: 4, ..small.generator.clone() }), "generator.outer_kernel"),
        (generator(GeneratorConfig { kernel: 5, ..small.generator.clone() }), "generator.kernel"),
        (generator(GeneratorConfig { norm: NormKind::Batch, ..small.generator.clone() }), "generator.norm"),
        (generator(GeneratorConfig { halvings: 3, ..small.generator.clone() }), "resolution"),
        (discriminator(DiscriminatorConfig { width: 300, ..small.discriminator.clone() }), "discriminator.width"),
        (discriminator(DiscriminatorConfig { halvings: 9, ..small.discriminator.clone() }), "discriminator.halvings"),
        (discriminator(DiscriminatorConfig { halvings: 4, ..small.discriminator.clone() }), "resolution"),
        (
            discriminator(DiscriminatorConfig { last_kernel: 5, ..small.discriminator.clone() }),
            "discriminator.last_kernel",
        ),
        (
            discriminator(DiscriminatorConfig { norm: NormKind::Conditional, ..small.discriminator }),
            "discriminator.norm",
        ),
    ] {
        let error = built(&wrong).err().expect(key).to_string();
        assert!(error.contains(key), "{key}: {error}");
    }
    let refused = |shape, classes| {
        let data = DataSpec { shape, classes, mean: vec![0.0; shape.len()] };
        let build = Build { streams: Streams::new(1), device: &device() };
        CycleGan::build(&CycleGanConfig::small(), &data, &build).err().unwrap().to_string()
    };
    let image = |side| ItemShape::Image { channels: 3, height: side, width: side };
    assert!(refused(image(32), 10).contains("two domains"));
    assert!(refused(ItemShape::Points { dims: 2 }, 2).contains("images"));
    assert!(refused(image(1), 2).contains("at least 8") && refused(image(30), 2).contains("multiples of 4"));
}

/// 256x256 with 9 blocks and 128x128 with 6; the smallest that the networks take is left as it is.
#[test]
fn presets_suit_the_data() {
    let of = |preset, channels, height, width| {
        let shape = ItemShape::Image { channels, height, width };
        let found = CycleGan::preset(preset, &DataSpec { shape, classes: 2, mean: Vec::new() });
        (found.resolution, found.config.generator.blocks)
    };
    assert_eq!(of(Preset::Paper, 3, 400, 300), (Some(256), 9));
    assert_eq!(of(Preset::Paper, 3, 256, 256), (None, 9));
    assert_eq!(of(Preset::Paper, 3, 200, 200), (Some(128), 6));
    assert_eq!(of(Preset::Small, 3, 64, 64), (Some(32), 2));
    assert_eq!(of(Preset::Small, 1, 30, 30), (Some(28), 2));
    assert_eq!((of(Preset::Small, 1, 8, 8), of(Preset::Small, 1, 1, 1)), ((None, 2), (None, 2)));
    assert_eq!(CycleGanConfig::paper(9).generator.padding, Padding::Reflect);
}
