use std::collections::BTreeMap;

use burn::module::Module;
use ganvas_data::ItemShape;
use ganvas_engine::session::{Options, restore, sample, state_of};
use ganvas_nets::optim::{OptimizerConfig, trainable};
use ganvas_nets::state::{State, save_module};

use super::*;

const SHAPE: ItemShape = ItemShape::Image { channels: 1, height: 4, width: 4 };
const CLASSES: usize = 3;

fn spec(shape: ItemShape, classes: usize) -> DataSpec {
    DataSpec { shape, classes, mean: vec![0.0; shape.len()] }
}

fn small() -> AaeConfig {
    AaeConfig { ema: 0.0, ..AaeConfig::new(2, 12, 8) }
}

fn build(config: &AaeConfig) -> Aae {
    let device = Device::flex().autodiff();
    Aae::build(config, &spec(SHAPE, CLASSES), &Build { streams: Streams::new(1), device: &device }).unwrap()
}

/// Items whose class their first pixel says.
fn batch(n: usize, step: u64) -> Batch {
    let device = Device::flex().autodiff();
    let noise = Noise::new(Streams::new(7), "items", step, &device);
    let labels = noise.classes("class", n, CLASSES);
    let items = noise.uniform("items", [n, 16], -0.2, 0.2);
    let first = labels.clone().float().sub_scalar(1.0).unsqueeze_dim::<2>(1).mul_scalar(0.8);
    let items = items.slice_assign([0..n, 0..1], first);
    Batch { items, labels: Some(labels), other: None, shape: SHAPE }
}

/// One step; what it recorded.
fn step_on(aae: &mut Aae, batch: &Batch, index: u64) -> BTreeMap<String, f64> {
    let device = Device::flex().autodiff();
    let options = Options::new(Streams::new(1), batch.len(), 1000);
    let mut step = Step::new(&options, index, &device, true);
    aae.step(batch, &mut step);
    step.finish().unwrap().into_iter().map(|(name, value)| (name, value.into())).collect()
}

fn values(module: &impl Module) -> Vec<Vec<f32>> {
    let mut state = State::default();
    save_module(module, "net", &mut state);
    state.entries().values().map(|data| data.iter::<f32>().collect()).collect()
}

#[test]
fn networks_have_their_published_size() {
    let device = Device::flex().autodiff();
    let of = |config: AaeConfig| {
        let shape = ItemShape::Image { channels: 1, height: 28, width: 28 };
        let aae = Aae::build(&config, &spec(shape, 10), &Build { streams: Streams::new(1), device: &device }).unwrap();
        let networks = &aae.networks.net;
        [trainable(&networks.encoder), trainable(&networks.decoder), trainable(&aae.discriminator.net)]
    };
    assert_eq!(of(AaeConfig::new(8, 1000, 1000)), [1_794_008, 1_794_784, 1_011_001]);
    assert_eq!(of(AaeConfig::new(8, 256, 128)), [268_808, 269_584, 17_793]);
    assert_eq!(of(AaeConfig::new(2, 256, 128))[..2], [267_266, 268_048]);
}

/// A discriminator that scores all 0 costs 2 ln 2, and whoever plays against it ln 2.
#[test]
fn losses_by_hand() {
    let still = OptimizerConfig::adam(1e-12, 0.5);
    let mut config = small();
    config.reconstruction_weight = 3.0;
    config.discriminator.init = ganvas_nets::init::Initializer::Normal { sd: 1e-9 };
    config.reconstruction_optimizer = still;
    config.discriminator_optimizer = still;
    let mut aae = build(&config);
    let batch = batch(8, 0);
    let items = batch.items.clone().inner();
    let back = aae.decode(aae.encode(items.clone(), None), None);
    let mse = (back - items).square().mean().into_scalar::<f64>();
    let found = step_on(&mut aae, &batch, 0);
    let ln2 = std::f64::consts::LN_2;
    for (name, expected) in [
        ("mse", mse),
        ("reconstruction", 3.0 * 0.5 * 16.0 * mse),
        ("discriminator", 6.0 * 2.0 * ln2),
        ("encoder", 6.0 * ln2),
    ] {
        assert!((found[name] - expected).abs() < 1e-4 * expected, "{name}: {} for {expected}", found[name]);
    }
}

/// Which of encoder, decoder and discriminator a step changes, by the phases that have weight.
#[test]
fn each_phase_updates_its_own_networks_alone() {
    for (weights, expected) in [
        ([1.0, 0.0, 0.0], [true, true, false]),
        ([0.0, 1.0, 0.0], [false, false, true]),
        ([0.0, 0.0, 1.0], [true, false, false]),
    ] {
        let [reconstruction_weight, discriminator_weight, encoder_weight] = weights;
        let mut aae = build(&AaeConfig { reconstruction_weight, discriminator_weight, encoder_weight, ..small() });
        let of = |aae: &Aae| {
            let networks = &aae.networks.net;
            [values(&networks.encoder), values(&networks.decoder), values(&aae.discriminator.net)]
        };
        let before = of(&aae);
        step_on(&mut aae, &batch(8, 0), 0);
        let after = of(&aae);
        let changed: Vec<bool> = before.iter().zip(&after).map(|(a, b)| a != b).collect();
        assert_eq!(changed, expected, "{weights:?}");
        assert_eq!((aae.networks.updates(), aae.encoder.updates()), (1, u64::from(encoder_weight > 0.0)));
    }
}

/// The first update of Adam is of the size of its rate: late, it is a tenth. Of each network the first update alone.
#[test]
fn late_in_training_every_rate_is_lower() {
    for [reconstruction_weight, discriminator_weight, encoder_weight] in
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    {
        let moved = |late: f64| {
            let weights = AaeConfig { reconstruction_weight, discriminator_weight, encoder_weight, ..small() };
            let mut aae = build(&AaeConfig { late, rate_late: 0.1, ..weights });
            let of = |aae: &Aae| [values(&aae.networks.net), values(&aae.discriminator.net)].concat().concat();
            let before = of(&aae);
            step_on(&mut aae, &batch(8, 0), 0);
            before.into_iter().zip(of(&aae)).map(|(a, b)| f64::from(b - a)).collect::<Vec<_>>()
        };
        let (early, late) = (moved(1.0), moved(0.0));
        assert!(early.iter().any(|change| change.abs() > 1e-4));
        assert!(early.iter().zip(late).all(|(early, late)| (late - 0.1 * early).abs() < 1e-6));
    }
}

#[test]
fn the_encoder_learns_to_pass_for_the_prior() {
    let mut aae = build(&AaeConfig { reconstruction_weight: 0.0, discriminator_weight: 0.0, ..small() });
    let batch = batch(32, 0);
    let losses: Vec<f64> = (0..50).map(|step| step_on(&mut aae, &batch, step)["encoder"]).collect();
    assert!(losses[49] < 0.9 * losses[0], "{} to {}", losses[0], losses[49]);
}

/// The pitfall of a label that is stored and reaches no network.
#[test]
fn labels_reach_the_discriminator_that_they_shape_the_prior_of() {
    let config = AaeConfig { variant: Variant::LabelShaped, prior: CodePrior::Ring, ..small() };
    let at = |shift: i64, labelled: usize| {
        let mut aae = build(&AaeConfig { labelled, ..config.clone() });
        let mut batch = batch(8, 0);
        let labels = batch.labels.take().unwrap();
        batch.labels = Some(labels.add_scalar(shift).remainder_scalar(CLASSES as i64));
        step_on(&mut aae, &batch, 0)["encoder"]
    };
    assert_ne!(at(0, 0), at(1, 0));
    assert_ne!(at(0, 0), at(0, 4), "unlabelled items have an entry of their own");
}

/// Over 40,000 codes of class k, those of a wheel with three spokes stand at 120 degrees.
#[test]
fn samples_of_a_class_are_of_its_part_of_the_prior() {
    let aae = build(&AaeConfig { variant: Variant::LabelShaped, prior: CodePrior::Ring, prior_scale: 2.0, ..small() });
    let noise = Noise::new(Streams::new(3), "test", 0, &Device::flex());
    let codes = aae.draw_codes(4000, Some(&[1; 4000]), &noise).mean_dim(0).to_data();
    let found: Vec<f64> = codes.iter().collect();
    let angle = 2.0 * std::f64::consts::PI / 3.0;
    // The error of a mean along the spoke is 2 * 0.5 / 63.
    assert!((found[0] - 2.8 * angle.cos()).abs() < 0.08 && (found[1] - 2.8 * angle.sin()).abs() < 0.08, "{found:?}");
    assert_eq!(aae.conditional().map(Conditional::classes), Some(CLASSES));
}

#[test]
fn the_decoder_obeys_a_class_only_where_it_is_told_one() {
    let device = Device::flex();
    let codes = Tensor::<2>::zeros([1, 2], &device);
    let decoded = |aae: &Aae, class: usize| aae.decode(codes.clone(), Some(&[class])).to_data();
    let told = build(&AaeConfig { variant: Variant::Supervised, ..small() });
    assert!(told.needs_class() && told.conditional().is_some());
    assert_ne!(decoded(&told, 0), decoded(&told, 1));
    let plain = build(&small());
    assert!(!plain.needs_class() && plain.conditional().is_none());
    assert_eq!(decoded(&plain, 0), decoded(&plain, 1));
    // A code with a label part is whole: said, the class stands in its place.
    let head = build(&AaeConfig { variant: Variant::SemiSupervised, ..small() });
    assert_eq!((head.code_size(), head.needs_class()), (2 + CLASSES, false));
    let whole = Tensor::<2>::from_floats([[0.0, 0.0, 0.0, 1.0, 0.0]], &device);
    assert_eq!(head.decode(whole, None).to_data(), decoded(&head, 1));
}

#[test]
fn few_labels_teach_the_label_head() {
    let mut config = AaeConfig { variant: Variant::SemiSupervised, labelled: 24, supervised_every: 1, ..small() };
    config.encoder_optimizer = OptimizerConfig::adam(5e-3, 0.5);
    let mut aae = build(&config);
    for step in 0..150 {
        step_on(&mut aae, &batch(16, step), step);
    }
    assert_eq!(aae.labelled.as_ref().unwrap().len(), 24);
    let new = batch(200, 1000);
    let codes = aae.encode(new.items.inner(), None);
    let said = codes.narrow(1, 2, CLASSES).argmax(1).to_data();
    let labels = new.labels.unwrap().to_data();
    let right = said.iter::<i64>().zip(labels.iter::<i64>()).filter(|(a, b)| a == b).count();
    assert!(right >= 180, "{right} of 200, chance 67");
}

#[test]
fn the_label_head_learns_every_so_many_steps() {
    let mut aae = build(&AaeConfig { variant: Variant::SemiSupervised, supervised_every: 3, ..small() });
    let found: Vec<bool> =
        (0..6).map(|step| step_on(&mut aae, &batch(8, step), step).contains_key("supervised")).collect();
    assert_eq!(found, [true, false, false, true, false, false]);
}

#[test]
fn the_code_of_a_random_encoder_is_its_mean() {
    let items = batch(16, 0).items.inner();
    for coding in [Coding::Gaussian, Coding::Universal] {
        let aae = build(&AaeConfig { coding, ..small() });
        let codes = aae.encode(items.clone(), None);
        assert_eq!(codes.to_data(), aae.encode(items.clone(), None).to_data());
        let encoder = aae.networks.shown().encoder;
        let noise = Noise::new(Streams::new(3), "test", 0, &items.device());
        let draw = || encoder.forward(items.clone(), Some(&noise), Pass::Eval).code;
        let mean = (1..4000).fold(draw(), |sum, _| sum + draw()).div_scalar(4000.0);
        let spread = (draw() - codes.clone()).abs().mean().into_scalar::<f64>();
        let error = (mean - codes).abs().mean().into_scalar::<f64>();
        assert!(spread > 0.05, "{coding:?}: codes do not vary, {spread}");
        // Of 16 draws the mean is off by a quarter of their spread; of a Gaussian it is exact.
        let most = if coding == Coding::Gaussian { 0.05 } else { 0.5 };
        assert!(error < most * spread, "{coding:?}: {error} of {spread}");
    }
}

#[test]
fn a_traversal_sets_one_code_and_keeps_the_rest() {
    let aae = build(&AaeConfig { variant: Variant::Supervised, prior_scale: 5.0, ..small() });
    let codes = aae.codes();
    let names: Vec<&str> = codes.iter().map(|code| code.name.as_str()).collect();
    assert_eq!(names, ["z1", "z2", "class"]);
    assert_eq!(codes[0].values, CodeValues::Continuous { from: -10.0, to: 10.0 });
    assert_eq!(codes[2].values, CodeValues::Categorical(CLASSES));
    let noise = || Noise::new(Streams::new(3), "test", 0, &Device::flex());
    let [z1, z2]: [f64; 2] = aae.draw_codes(1, None, &noise()).to_data().iter().collect::<Vec<_>>().try_into().unwrap();
    // The values that were drawn, set again, give the same item whichever code is set.
    let row = |code: usize, values: &[f64], i: usize| {
        aae.traverse(code, values, &noise()).narrow(0, i, 1).to_data().iter::<f32>().collect::<Vec<_>>()
    };
    let same = row(0, &[9.0, z1], 1);
    let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(near(&same, &row(1, &[z2], 0)));
    assert!(!near(&same, &row(0, &[9.0, z1], 0)));
    let by_class: Vec<bool> = (0..CLASSES).map(|class| near(&same, &row(2, &[0.0, 1.0, 2.0], class))).collect();
    assert_eq!(by_class.iter().filter(|same| **same).count(), 1, "the class was drawn, and stays");
}

#[test]
fn every_variant_continues_from_its_state_exactly() {
    let variants = [
        (Variant::Unsupervised, CodePrior::Normal),
        (Variant::LabelShaped, CodePrior::SwissRoll),
        (Variant::Supervised, CodePrior::Uniform),
        (Variant::SemiSupervised, CodePrior::Normal),
        (Variant::Clustering, CodePrior::Ring),
    ];
    for (variant, prior) in variants {
        for coding in [Coding::Deterministic, Coding::Universal] {
            let config = AaeConfig { variant, prior, coding, labelled: 20, supervised_every: 1, ema: 0.5, ..small() };
            let (mut unbroken, mut resumed) = (build(&config), build(&config));
            for step in 0..2 {
                step_on(&mut unbroken, &batch(8, step), step);
            }
            restore(&mut resumed, state_of(&mut unbroken)).unwrap();
            for step in 2..4 {
                let found = [&mut unbroken, &mut resumed].map(|aae| step_on(aae, &batch(8, step), step));
                assert_eq!(found[0], found[1], "{variant:?}");
            }
            let [a, b] = [&unbroken, &resumed].map(|aae| sample(aae, 6, &Streams::new(3), &Device::flex()));
            assert_eq!(a, b, "{variant:?}");
            assert!(a.iter().all(|x| x.abs() <= 1.0));
        }
    }
}

#[test]
fn settings_that_do_not_go_together_are_named() {
    let device = Device::flex().autodiff();
    let refused = |config: AaeConfig, classes: usize| {
        let build = Build { streams: Streams::new(1), device: &device };
        Aae::build(&config, &spec(SHAPE, classes), &build).err().map(|error| error.to_string()).unwrap_or_default()
    };
    for (config, classes, words) in [
        (AaeConfig { variant: Variant::Supervised, ..small() }, 0, "`data` must be labelled"),
        (AaeConfig { variant: Variant::LabelShaped, ..small() }, 3, "`prior` must be `ring` or `swiss-roll`"),
        (AaeConfig { prior: CodePrior::Ring, latent: 8, ..small() }, 3, "`latent` must be 2"),
        (AaeConfig { prior_scale: 0.0, ..small() }, 3, "`prior_scale`"),
        (AaeConfig { encoder_weight: -1.0, ..small() }, 3, "`encoder_weight` must be zero or more, got -1"),
        (AaeConfig { clusters: 1, ..small() }, 3, "`clusters`"),
        (AaeConfig { latent: 0, ..small() }, 3, "`latent`"),
    ] {
        let error = refused(config, classes);
        assert!(error.contains(words), "`{words}` is not in `{error}`");
    }
}
