use burn::tensor::{Device, Tensor};
use ganvas_engine::session::Options;
use ganvas_engine::step::Step;
use ganvas_engine::system::{Autoencoder, Batch, Build, Likelihood, Model, System};
use ganvas_nets::noise::Noise;
use ganvas_nets::optim::OptimizerConfig;
use ganvas_prob::stream::Streams;

use super::*;

const SHAPE: ItemShape = ItemShape::Image { channels: 1, height: 8, width: 8 };

/// Images of one bright row each, 1 to 8.
fn rows(n: usize, device: &Device) -> Batch {
    let pixel = |at: usize| if at % 64 / 8 == at / 64 % 8 { 1.0f32 } else { -1.0 };
    let pixels: Vec<f32> = (0..n * 64).map(pixel).collect();
    let items = Tensor::<1>::from_floats(pixels.as_slice(), device).reshape([n, 64]);
    Batch { items, labels: None, other: None, shape: SHAPE }
}

/// Eight images can be told apart on a sphere: the loss falls from 64 pixels' worth of not knowing to little more than ln 8, codes of one
/// image agree and of two do not.
#[test]
fn it_learns_where_on_the_sphere_each_image_is() {
    let device = Device::flex().autodiff();
    let optimizer = OptimizerConfig::adam(3e-3, 0.9);
    let config = AutoencoderConfig { optimizer, ..spherical(relu(3, &[32], Decoder::THRESHOLD)) };
    let data = DataSpec { shape: SHAPE, classes: 0, mean: vec![-0.75; 64] };
    let mut svae = Svae::build(&config, &data, &Build { streams: Streams::new(1), device: &device }).unwrap();
    let noise = Noise::new(Streams::new(2), "test", 0, &Device::flex());
    let plain = rows(8, &Device::flex());
    let observed = Batch { items: svae.observe(plain.items.clone(), &noise), ..plain.clone() };
    let bound = |svae: &Svae| svae.bound(&observed, 50, &noise).mean().into_scalar::<f64>();
    let before = bound(&svae);
    let options = Options::new(Streams::new(1), 64, 500);
    for index in 0..500 {
        let mut step = Step::new(&options, index, &device, false);
        svae.step(&rows(64, &device), &mut step);
        step.finish().unwrap();
    }
    let after = bound(&svae);
    assert!(before < -20.0 && after > -4.0, "{before} to {after}; ln 8 is 2.08");
    let codes = svae.encode(plain.items, None);
    let cosines: Vec<f64> = codes.clone().matmul(codes.transpose()).to_data().iter().collect();
    assert!((0..64).all(|at| at / 8 == at % 8 || cosines[at] < 0.95), "{cosines:?}");
}

#[test]
fn presets_suit_their_data() {
    let device = Device::flex().autodiff();
    let square = |side| ItemShape::Image { channels: 1, height: side, width: side };
    for shape in [ItemShape::Points { dims: 2 }, square(16), square(28)] {
        let data = DataSpec { shape, classes: 0, mean: vec![0.0; shape.len()] };
        for preset in Preset::ALL {
            let recommended = Svae::preset(preset, &data);
            let build = Build { streams: Streams::new(1), device: &device };
            assert!(Svae::build(&recommended.config, &data, &build).is_ok(), "{shape:?}, {preset:?}");
        }
    }
}
