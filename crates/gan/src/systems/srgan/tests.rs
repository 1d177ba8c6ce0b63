use std::collections::BTreeMap;
use std::ops::Range;

use burn::tensor::{Device, Int, TensorData};
use ganvas_data::ItemShape;
use ganvas_engine::enlargement::enlarge_in_tiles;
use ganvas_engine::session::{Options, state_of};
use ganvas_nets::resample::Kernel;
use ganvas_nets::srresnet::SrResNetConfig;
use ganvas_prob::stream::Streams;

use super::train::Stage;
use super::*;

const SHAPE: ItemShape = ItemShape::Image { channels: 3, height: 16, width: 16 };
const NETWORKS: [&str; 5] = ["generator", "content", "discriminator", "features", "scales"];

fn config() -> SrganConfig {
    SrganConfig {
        generator: SrResNetConfig { width: 6, blocks: 2, first_kernel: 5, last_kernel: 3 },
        discriminator_width: 2,
        discriminator_units: 8,
        adversarial_weight: 0.5,
        ..SrganConfig::new(Preset::Small, FeatureTask::Rotation)
    }
}

fn spec() -> DataSpec {
    DataSpec { shape: SHAPE, classes: 3, mean: vec![0.0; SHAPE.len()] }
}

fn made(config: &SrganConfig) -> Srgan {
    Srgan::build(config, &spec(), &Build { streams: Streams::new(1), device: &Device::flex().autodiff() }).unwrap()
}

fn batch() -> Batch {
    let device = Device::flex().autodiff();
    let items = Noise::new(Streams::new(2), "items", 0, &device).uniform("x", [8, SHAPE.len()], -1.0, 1.0);
    let labels = Tensor::<1, Int>::from_data(TensorData::new(vec![0i64, 1, 2, 0, 1, 2, 0, 1], [8]), &device);
    Batch { items, other: None, labels: Some(labels), shape: SHAPE }
}

/// Does these steps of 20, of which 5 are for the features, 10 for squared errors and 5 with the discriminator; the figures of the last.
fn go_on(system: &mut Srgan, steps: Range<u64>) -> BTreeMap<String, f32> {
    let (options, device) = (Options::new(Streams::new(3), 8, 20), Device::flex().autodiff());
    let mut figures = Vec::new();
    for index in steps {
        let mut step = Step::new(&options, index, &device, true);
        system.step(&batch(), &mut step);
        figures = step.finish().unwrap();
    }
    figures.into_iter().collect()
}

/// Everything kept of the part called `name`, less its optimiser.
fn kept(system: &mut Srgan, name: &str) -> Vec<f32> {
    let state = state_of(system);
    let own = |key: &str| key.strip_prefix(name).is_some_and(|rest| rest.starts_with('.') || rest.starts_with("/sums"));
    state
        .entries()
        .iter()
        .filter(|(key, _)| own(key))
        .flat_map(|(_, data)| data.iter::<f32>().collect::<Vec<_>>())
        .collect()
}

fn low(n: usize, height: usize, width: usize) -> Tensor<4> {
    let noise = Noise::new(Streams::new(4), "low", 0, &Device::flex());
    noise.uniform("x", [n, 3, height, width], -1.0, 1.0)
}

#[test]
fn each_part_of_training_changes_its_own_networks() {
    let mut system = made(&config());
    assert_eq!(system.config.stage(0.0), Stage::Features { done: 0.0 });
    assert_eq!(system.config.stage(0.5), Stage::Content { done: 0.5 });
    assert_eq!(system.config.stage(0.75), Stage::Adversarial);
    for (steps, moved, figure) in [
        (0..5, [false, false, false, true, false], "features"),
        (5..15, [true, false, false, false, true], "content"),
        // The first step of the last part keeps the generator as it is.
        (15..16, [true, true, true, false, false], "generator"),
        (16..20, [true, false, true, false, false], "discriminator"),
    ] {
        assert_eq!(system.enlarge_before(low(1, 4, 4)).is_some(), steps.start > 15);
        let before = NETWORKS.map(|name| kept(&mut system, name));
        let figures = go_on(&mut system, steps.clone());
        let after = NETWORKS.map(|name| kept(&mut system, name));
        let found: Vec<bool> = before.iter().zip(&after).map(|(before, after)| before != after).collect();
        assert_eq!(found, moved, "{steps:?}");
        assert!(figures[figure].is_finite());
    }
}

#[test]
fn adversarial_training_begins_where_squared_errors_ended() {
    let mut system = made(&config());
    go_on(&mut system, 0..15);
    let generator = kept(&mut system, "generator");
    let enlarged = system.enlarge(low(2, 4, 4)).to_data();
    go_on(&mut system, 15..18);
    assert_eq!(kept(&mut system, "content"), generator);
    assert_eq!(system.enlarge_before(low(2, 4, 4)).unwrap().to_data(), enlarged);
    assert_ne!(system.enlarge(low(2, 4, 4)).to_data(), enlarged);
}

/// Whatever the generator makes of the discriminator's opinion, the discriminator is updated by its own loss alone.
#[test]
fn the_discriminator_has_no_gradient_in_the_generators_update() {
    let run = |adversarial_weight: f64| {
        let mut system = made(&SrganConfig { adversarial_weight, ..config() });
        let figures = go_on(&mut system, 0..16);
        (kept(&mut system, "discriminator"), kept(&mut system, "generator"), figures)
    };
    let ((judge, generator, figures), (same, other, others)) = (run(0.0), run(5.0));
    assert_eq!(judge, same);
    assert_ne!(generator, other);
    assert_eq!(figures["grad_norm/discriminator"], others["grad_norm/discriminator"]);
    assert_eq!(figures["gradient/adversarial_to_content"], 0.0);
    assert!(others["gradient/adversarial_to_content"] > 0.0);
}

#[test]
fn an_image_does_not_depend_on_the_others() {
    let mut system = made(&config());
    go_on(&mut system, 0..16);
    let all = system.enlarge(low(16, 5, 6));
    for i in [0, 7, 15] {
        let alone = system.enlarge(low(16, 5, 6).narrow(0, i, 1));
        assert!((alone - all.clone().narrow(0, i, 1)).abs().max().into_scalar::<f32>() < 1e-6);
    }
}

#[test]
fn squares_of_an_image_are_those_of_the_whole() {
    for factor in [2, 4] {
        let config = SrganConfig { factor, ..config() };
        let mut system = made(&config);
        go_on(&mut system, 0..16);
        let (height, width) = (41, 33);
        let image: Vec<f32> = low(1, height, width).to_data().iter().collect();
        let whole: Vec<f32> = system.enlarge(low(1, height, width)).to_data().iter().collect();
        assert!(system.reach() < 16 && whole.len() == image.len() * factor * factor);
        for tile in [7, 16, 64] {
            let found = enlarge_in_tiles(&system, &image, [3, height, width], tile, &Device::flex(), |x| x);
            let far = found.iter().zip(&whole).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(far < 1e-5, "{tile}: {far}");
        }
    }
}

#[test]
fn one_pixel_becomes_a_square() {
    let found = made(&config()).enlarge(low(1, 1, 1));
    assert_eq!(found.dims(), [1, 3, 4, 4]);
    assert!(found.to_data().iter::<f32>().all(|x| (-1.0..=1.0).contains(&x)));
}

/// The classic mistake: small images in another range in training than afterwards.
#[test]
fn the_generator_is_given_what_it_was_trained_on() {
    for kernel in [Kernel::Box, Kernel::Bicubic] {
        let config = SrganConfig { kernel, ..config() };
        let system = made(&config);
        let images = batch().images().without_autodiff();
        let trained_on = config.low(images.clone());
        let (least, most): (f32, f32) =
            (trained_on.clone().min().into_scalar(), trained_on.clone().max().into_scalar());
        assert!(least >= 0.0 && most <= 1.0 && least < 0.4 && most > 0.6);
        let found = system.enlarge(system.shrink(images));
        let expected = system.generator.net.valid().forward(trained_on, Pass::Eval).clamp(-1.0, 1.0);
        assert_eq!(found.to_data(), expected.to_data());
    }
}

#[test]
fn settings_out_of_their_domain_are_refused() {
    let refused = |config: SrganConfig, spec: &DataSpec| -> String {
        let build = Build { streams: Streams::new(1), device: &Device::flex().autodiff() };
        Srgan::build(&config, spec, &build).err().map(|error| error.to_string()).unwrap_or_default()
    };
    let generator = |generator: SrResNetConfig| SrganConfig { generator, ..config() };
    for (wrong, expected) in [
        (SrganConfig { factor: 3, ..config() }, "`factor` must be 2 or 4"),
        (SrganConfig { features: 0.0, ..config() }, "`features` must be more than 0"),
        (SrganConfig { content: 0.8, ..config() }, "`content` must be at most 1 together with `features`"),
        (SrganConfig { pixel_weight: f64::NAN, ..config() }, "`pixel_weight` must be zero or more"),
        (generator(SrResNetConfig { first_kernel: 8, ..config().generator }), "`generator.first_kernel` must be odd"),
        (generator(SrResNetConfig { width: 0, ..config().generator }), "`generator.width` must be 1 to 1024"),
        (SrganConfig { discriminator_width: 0, ..config() }, "`discriminator_width` must be 1 to 256"),
    ] {
        let said = refused(wrong, &spec());
        assert!(said.starts_with(expected), "{said}");
    }
    let image = |height, width| DataSpec { shape: ItemShape::Image { channels: 3, height, width }, ..spec() };
    assert!(refused(config(), &image(18, 18)).contains("multiples of 4"));
    assert!(
        refused(config(), &image(16, 12)).starts_with("`feature_task` must be `class` for images that are no squares")
    );
    let by_class = SrganConfig { feature_task: FeatureTask::Class, ..config() };
    assert_eq!(refused(by_class.clone(), &image(16, 12)), "");
    assert!(refused(by_class, &DataSpec { classes: 0, ..spec() }).contains("`rotation` for data without classes"));
    let points = DataSpec { shape: ItemShape::Points { dims: 2 }, ..spec() };
    assert!(refused(config(), &points).starts_with("`data` must be images"));
}

#[test]
fn presets_fit_what_they_are_for() {
    let side = |height: usize, width: usize, classes: usize| {
        let shape = ItemShape::Image { channels: 1, height, width };
        let recommended = Srgan::preset(Preset::Small, &DataSpec { shape, classes, mean: Vec::new() });
        (recommended.resolution, recommended.config.feature_task)
    };
    assert_eq!(side(28, 28, 10), (None, FeatureTask::Class));
    assert_eq!(side(30, 30, 0), (Some(28), FeatureTask::Rotation));
    assert_eq!(side(20, 33, 0).0, Some(20));
    let paper = Srgan::preset(Preset::Paper, &spec());
    let steps = |share: f64| (paper.steps as f64 * share).round() as u64;
    let last = 1.0 - paper.config.features - paper.config.content;
    assert_eq!((steps(paper.config.content), steps(last)), (1_000_000, 200_000));
}
