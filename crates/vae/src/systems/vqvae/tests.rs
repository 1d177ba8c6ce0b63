use burn::tensor::{Device, TensorData};
use ganvas_data::ItemShape;
use ganvas_engine::session::Options;
use ganvas_prob::stream::Streams;

use super::*;

const SHAPE: ItemShape = ItemShape::Image { channels: 1, height: 8, width: 12 };
const VALUES: usize = 96;

fn spec() -> DataSpec {
    DataSpec { shape: SHAPE, classes: 0, mean: vec![0.0; VALUES] }
}

fn config() -> VqVaeConfig {
    let small = VqVaeConfig::preset(Preset::Small).config;
    VqVaeConfig { width: 8, blocks: 1, codes: 8, size: 4, patience: 10, prior_from: 0.7, ..small }
}

fn build(config: &VqVaeConfig) -> Result<VqVae, ConfigError> {
    let device = Device::flex().autodiff();
    VqVae::build(config, &spec(), &Build { streams: Streams::new(1), device: &device })
}

/// Images of 4x4 squares that are black or white, where a square is white if the one before it is not.
fn squares(n: usize, seed: u64, device: &Device) -> Tensor<2> {
    let first: Vec<f32> = Noise::new(Streams::new(seed), "squares", 0, &Device::flex())
        .uniform::<1>("first", [n], -1.0, 1.0)
        .to_data()
        .iter()
        .collect();
    let image = |first: f32| {
        (0..VALUES)
            .map(move |i| if (i / 12 / 4 + i % 12 / 4).is_multiple_of(2) { first.signum() } else { -first.signum() })
    };
    let values: Vec<f32> = first.into_iter().flat_map(image).collect();
    Tensor::from_data(TensorData::new(values, [n, VALUES]), device)
}

fn batch(n: usize, seed: u64, device: &Device) -> Batch {
    Batch { items: squares(n, seed, device), labels: None, other: None, shape: SHAPE }
}

fn noise(seed: u64) -> Noise {
    Noise::new(Streams::new(seed), "test", 0, &Device::flex())
}

fn trained(steps: u64) -> VqVae {
    let mut vq = build(&config()).unwrap();
    let device = Device::flex().autodiff();
    let options = Options::new(Streams::new(1), 16, steps);
    for index in 0..steps {
        let mut step = Step::new(&options, index, &device, false);
        vq.step(&batch(16, index, &device), &mut step);
    }
    vq
}

/// Of two images there is one bit to tell, and the prior finds that out: -ln p(tokens) comes to ln 2, where independent places would
/// cost 6 ln 2.
#[test]
fn the_prior_learns_what_tokens_go_together() {
    let vq = trained(600);
    let test = batch(200, 7, &Device::flex());
    let found = vq.elbo(&test, &noise(1));
    let error = found.error.mean().into_scalar::<f64>() / VALUES as f64;
    assert!(error < 0.01, "{error}");
    let kl = found.kl.mean().into_scalar::<f64>();
    assert!((kl - 2f64.ln()).abs() < 0.25, "{kl}");
    let drawn = vq.sample(100, &noise(2));
    let values: Vec<f32> = drawn.to_data().iter().collect();
    let alternates = |image: &[f32]| (image[0] > 0.0) != (image[4] > 0.0) && (image[0] > 0.0) != (image[48] > 0.0);
    let good = values.chunks(VALUES).filter(|image| alternates(image)).count();
    assert!(good >= 90, "{good} of 100");
}

#[test]
fn a_code_is_decoded_as_its_item_and_further_samples_say_nothing_new() {
    let vq = trained(200);
    let test = batch(20, 7, &Device::flex());
    let codes = vq.encode(test.items.clone(), None);
    assert_eq!(codes.dims(), [20, vq.code_size()]);
    assert_eq!(vq.code_size(), 2 * 3 * 4);
    let again = vq.encode(test.items.clone(), None) - codes.clone();
    assert_eq!(again.abs().max().into_scalar::<f32>(), 0.0);
    let error = (vq.decode(codes, None) - test.items.clone()).square().sum_dim(1).squeeze_dim::<1>(1);
    let of = vq.elbo(&test, &noise(1));
    assert!((error - of.error.clone()).abs().max().into_scalar::<f64>() < 1e-3);
    let bound = vq.bound(&test, 50, &noise(1));
    assert_eq!((bound - of.elbo()).abs().max().into_scalar::<f32>(), 0.0);
}

/// While encoder and codes are trained the prior stays, and the other way round.
#[test]
fn one_after_the_other_is_trained() {
    let mut vq = build(&config()).unwrap();
    let device = Device::flex().autodiff();
    let options = Options::new(Streams::new(1), 16, 10);
    let updates = |vq: &VqVae| (vq.networks.updates(), vq.prior.updates());
    for (index, expected) in [(0, (1, 0)), (6, (2, 0)), (7, (2, 1)), (9, (2, 2))] {
        let codes = |vq: &VqVae| vq.networks.net.codebook.vectors(Tensor::arange(0..8, &device)).to_data();
        let before = codes(&vq);
        vq.step(&batch(16, index, &device), &mut Step::new(&options, index, &device, false));
        assert_eq!(updates(&vq), expected, "step {index}");
        assert_eq!(codes(&vq) == before, index >= 7, "step {index}");
    }
}

#[test]
fn settings_out_of_their_domain_are_refused() {
    let key = |change: fn(&mut VqVaeConfig)| {
        let mut config = config();
        change(&mut config);
        build(&config).map(|_| ()).unwrap_err().to_string()
    };
    assert!(key(|c| c.halvings = 3).contains("resolution"), "12 is no multiple of 8");
    assert!(key(|c| c.halvings = 70).contains("halvings"));
    assert!(key(|c| c.codes = 0).contains("codes"));
    assert!(key(|c| c.decay = 1.0).contains("decay"));
    assert!(key(|c| c.commitment = f64::NAN).contains("commitment"));
    assert!(key(|c| c.prior_from = 1.5).contains("prior_from"));
    assert!(key(|c| c.prior.kernel = 4).contains("prior.kernel"));
    assert!(
        key(|c| c.prior_optimizer = ganvas_nets::optim::OptimizerConfig::adam(-1.0, 0.9))
            .contains("prior_optimizer.lr")
    );
    let points = DataSpec { shape: ItemShape::Points { dims: 2 }, classes: 0, mean: vec![0.0; 2] };
    let device = Device::flex().autodiff();
    let built = VqVae::build(&config(), &points, &Build { streams: Streams::new(1), device: &device });
    assert!(built.map(|_| ()).unwrap_err().to_string().contains("images"));
}
