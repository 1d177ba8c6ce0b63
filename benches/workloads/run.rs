//! What a workload is, and how one round of it is measured in a process of its own.

use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Device;
use clap::ValueEnum;
use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, Par};
use ganvas_data::{Dataset, ItemShape, Split, Values};
use ganvas_engine::config::Precision;
use ganvas_engine::session::{Options, Session, sample};
use ganvas_engine::step::Guard;
use ganvas_engine::system::{Build, DataSpec, Model, Preset, System};
use ganvas_gan::systems::dcgan::{Dcgan, settings};
use ganvas_gan::systems::rgan::Rgan;
use ganvas_gan::systems::wgan::WganGp;
use ganvas_prob::stream::Streams;
use ganvas_vae::systems::vae::Vae;
use rand::Rng;
use serde::{Deserialize, Serialize};

use crate::modulated;

/// Steps before a round is measured.
const WARM_UP: usize = 3;
/// Images of a call that draws samples.
const SAMPLES: usize = 10_000;

/// What is measured; an item is an image or a point that is trained on, once, or drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Training a VAE 784-400-20 on 28x28 grey, batches of 128.
    Vae,
    /// Training a DCGAN of width 64 on 32x32 in colour, batches of 64: one update of each network.
    Dcgan32,
    /// The same on 64x64.
    Dcgan64,
    /// Training a WGAN-GP 2-128-128-128-2 on grid25, 5 updates of the critic on 256 points each for one of the generator.
    WganGp,
    /// Drawing 10,000 images from the generator of the DCGAN on 32x32.
    Sample32,
    /// One update of a generator of modulated convolutions of width 64 to 64x64 in colour, batches of 32, by a loss of its images alone.
    Modulated64,
    /// Training an RGAN of 32 units on series of 30 steps, batches of 64: one update of each network.
    Rgan,
}

/// How a workload is run.
pub struct How {
    pub device: Device,
    pub precision: Precision,
    /// Instead of the workload's own.
    pub batch: Option<usize>,
    pub seconds: f64,
}

/// The device that a word stands for, as `ganvas train --device` has it.
pub fn device(word: &str) -> Result<Device, String> {
    let (kind, index) = word.split_once(':').unwrap_or((word, "0"));
    let index = index.parse::<usize>().map_err(|_| format!("`{word}` is no device: `{index}` is not a number"))?;
    match kind {
        "flex" if index == 0 => Ok(Device::flex()),
        #[cfg(feature = "wgpu")]
        "wgpu" => {
            let found = Device::enumerate(burn::tensor::DeviceType::Wgpu).into_vec();
            found.into_iter().nth(index).ok_or_else(|| format!("there is no `{word}`"))
        }
        #[cfg(feature = "cuda")]
        "cuda" => Ok(Device::cuda(index)),
        _ => {
            Err(format!("this build has no device `{word}`; `--features wgpu` or `cuda`, before all else, adds those"))
        }
    }
}

/// What a round gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figures {
    /// Items a second.
    pub rate: f64,
    /// Seconds from the start of the program, once loaded, to the end of the first step.
    pub first_step: f64,
    /// The largest resident memory, in bytes; absent where the system does not tell.
    pub memory: Option<u64>,
    /// Trained values, to see that both train the same.
    pub parameters: usize,
}

impl Workload {
    /// The word on the command line, which the peer knows too.
    pub fn name(self) -> &'static str {
        match self {
            Self::Vae => "vae",
            Self::Dcgan32 => "dcgan32",
            Self::Dcgan64 => "dcgan64",
            Self::WganGp => "wgan-gp",
            Self::Sample32 => "sample32",
            Self::Modulated64 => "modulated64",
            Self::Rgan => "rgan",
        }
    }

    /// Floating-point operations of the matrix products of an item: a multiplication and an addition count as two. Products
    /// whose result nobody needs are left out.
    pub fn flop(self) -> f64 {
        match self {
            // Encoder 784-400-40 and decoder 20-400-784: forward, weights, and inputs but for the first layer.
            Self::Vae => {
                let (first, rest) = (784.0 * 400.0, 400.0 * 40.0 + 20.0 * 400.0 + 400.0 * 784.0);
                2.0 * (2.0 * first + 3.0 * rest)
            }
            Self::Dcgan32 => adversarial(32),
            Self::Dcgan64 => adversarial(64),
            // Per point: the critic forward, for its weights and for its inputs on a real and on a generated item; forward and for
            // its inputs at a point between them, and with the tangent there forward, for weights and for inputs, twice as much of
            // the first; the generator forward, and a fifth of its own step.
            Self::WganGp => {
                let net = 2.0 * 128.0 + 2.0 * 128.0 * 128.0;
                let (critic, generator) = (net + 128.0, net + 256.0);
                2.0 * (critic * (2.0 * 3.0 + 2.0 + 4.0) + generator + (critic * 2.0 + generator * 3.0) / 5.0)
            }
            Self::Sample32 => 2.0 * generator(32),
            Self::Modulated64 => modulated::flop(),
            // A step of a memory of 32 units forward, for its weights and for its inputs: of the generator once more forward, of the
            // discriminator twice on each and then forward and for its inputs.
            Self::Rgan => {
                let memory = |inputs: f64| 4.0 * 32.0 * (inputs + 32.0);
                let (generator, discriminator) = (memory(5.0) + 32.0, memory(1.0) + 32.0);
                2.0 * 30.0 * (generator * (1.0 + 3.0) + discriminator * (2.0 * 3.0 + 2.0))
            }
        }
    }

    fn data(self) -> Arc<Dataset> {
        let data = match self {
            Self::Vae => images(1, 28, 12_800),
            Self::Dcgan32 => images(3, 32, 6400),
            // Only its shape is looked at.
            Self::Sample32 => images(3, 32, 1),
            // Nothing but their number is looked at.
            Self::Modulated64 => images(1, 4, 640),
            Self::Dcgan64 => images(3, 64, 1920),
            Self::Rgan => ganvas_data::open("sines", &ganvas_data::OpenOptions::default()),
            Self::WganGp => ganvas_data::open("grid25", &ganvas_data::OpenOptions::default()),
        };
        Arc::new(data.expect("made of whole items"))
    }

    fn model(self, data: &DataSpec, device: &Device) -> (Box<dyn Model>, usize) {
        let build = Build { streams: Streams::new(0), device };
        fn of<S: System + Model + 'static>(config: &S::Config, data: &DataSpec, build: &Build) -> Box<dyn Model> {
            Box::new(S::build(config, data, build).expect("a preset is valid"))
        }
        match self {
            Self::Vae => {
                let preset = Vae::preset(Preset::Small, data);
                (of::<Vae>(&preset.config, data, &build), 128)
            }
            Self::Dcgan32 | Self::Sample32 => (of::<Dcgan>(&settings(Preset::Paper, 32), data, &build), 64),
            Self::Dcgan64 => (of::<Dcgan>(&settings(Preset::Paper, 64), data, &build), 64),
            Self::Modulated64 => (Box::new(modulated::Synthesis::new(&build)), 32),
            Self::Rgan => (of::<Rgan>(&Rgan::preset(Preset::Small, data).config, data, &build), 64),
            Self::WganGp => (of::<WganGp>(&WganGp::preset(Preset::Small, data).config, data, &build), 256),
        }
    }

    /// Measures once warm.
    pub fn run(self, how: &How) -> Figures {
        let started = Instant::now();
        let dataset = self.data();
        let (device, seconds) = (how.device.clone().autodiff(), how.seconds);
        let (mut model, batch) = self.model(&DataSpec::of(&dataset), &device);
        let batch = how.batch.unwrap_or(batch);
        let done = || how.device.sync().expect("the device goes on");
        let parameters = model.parts().iter().map(|(_, part)| part.parameters()).sum();
        let (first_step, items, elapsed) = match self {
            Self::Sample32 => {
                let plain = device.inner();
                let draw = |n| {
                    let draw = || sample(model.as_ref(), n, &Streams::new(1), &plain);
                    drop(std::hint::black_box(ganvas_kernels::with_products_in(how.precision.dtype(), draw)));
                };
                repeat(started, seconds, 1, || draw(100), || draw(SAMPLES), done, SAMPLES)
            }
            _ => {
                let guard = if how.device == Device::flex() { Guard::EveryStep } else { Guard::AtTicks };
                let streams = Streams::new(0);
                let precision = how.precision;
                let options =
                    Options { log_every: u64::MAX, guard, precision, ..Options::new(streams, batch, u64::MAX) };
                let items = batch * if self == Self::WganGp { 5 } else { 1 };
                let mut session =
                    Session::new(model.as_mut(), &dataset, &device, options, 0, 0.0).expect("enough data");
                let session = std::cell::RefCell::new(&mut session);
                let step = || {
                    session.borrow_mut().step(false).expect("training goes on");
                };
                repeat(started, seconds, WARM_UP, step, step, done, items)
            }
        };
        Figures { rate: items / elapsed, first_step, memory: peak_memory(), parameters }
    }
}

/// The seconds to the end of the first call, and how many items how many seconds of further ones took.
fn repeat(
    started: Instant,
    seconds: f64,
    warm_up: usize,
    mut first: impl FnMut(),
    mut step: impl FnMut(),
    done: impl Fn(),
    items: usize,
) -> (f64, f64, f64) {
    first();
    done();
    let first_step = started.elapsed().as_secs_f64();
    for _ in 0..warm_up {
        step();
    }
    done();
    let (measured, mut count) = (Instant::now(), 0);
    loop {
        step();
        count += 1;
        if measured.elapsed().as_secs_f64() >= seconds {
            done();
            return (first_step, (count * items) as f64, measured.elapsed().as_secs_f64());
        }
    }
}

/// Multiplications of a generator of width 64 for an image of this side; a discriminator has as many but for the last layer.
fn generator(side: usize) -> f64 {
    100.0 * widest(side) * 16.0 + convolutions(side)
}

/// Channels at a side of 4.
fn widest(side: usize) -> f64 {
    64.0 * (side / 8) as f64
}

fn convolutions(side: usize) -> f64 {
    let (mut sum, mut narrow, mut wide, mut at) = (0.0, 3.0, 64.0, side / 2);
    while at >= 4 {
        sum += narrow * wide * 16.0 * (at * at) as f64;
        (narrow, wide, at) = (wide, 2.0 * wide, at / 2);
    }
    sum
}

/// D on real and generated images: forward, weights, and inputs but for the first layer; G forward. G: G forward, D forward
/// and inputs, G backward (inputs but for the first layer).
fn adversarial(side: usize) -> f64 {
    let (d, g) = (convolutions(side) + widest(side) * 16.0, generator(side));
    let d_first = 3.0 * 64.0 * 16.0 * (side * side / 4) as f64;
    let g_first = 100.0 * widest(side) * 16.0;
    2.0 * (2.0 * (3.0 * d - d_first) + g + g + 2.0 * d + 2.0 * g - g_first)
}

/// Images of noise, on which the time of a step does not depend.
pub fn images(channels: usize, side: usize, n: usize) -> Result<Dataset, ganvas_data::DataError> {
    let shape = ItemShape::Image { channels, height: side, width: side };
    let mut values = vec![0; n * shape.len()];
    Streams::new(0).rng("pixels", 0).fill_bytes(&mut values);
    let part = |values: Vec<u8>, len: usize| Split { values: Values::U8(values), labels: None, len };
    let one = values[..shape.len()].to_vec();
    Dataset::new("noise", "Noise", shape, Vec::new(), part(values, n), part(one, 1), "")
}

/// Operations a second of large products, one on each of so many threads: what the machine can do.
pub fn peak(threads: u64) -> f64 {
    const N: usize = 1536;
    let product = || {
        let of = |k: usize| Mat::<f32>::from_fn(N, N, |i, j| ((i * k + j) % 7) as f32 - 3.0);
        let (a, b, mut c) = (of(3), of(5), Mat::<f32>::zeros(N, N));
        let times = (0..7).map(|_| {
            let started = Instant::now();
            matmul(&mut c, Accum::Replace, &a, &b, 1.0, Par::Seq);
            started.elapsed().as_secs_f64()
        });
        2.0 * (N as f64).powi(3) / times.fold(f64::INFINITY, f64::min)
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(product)).collect();
        running.into_iter().map(|thread| thread.join().expect("a product does not panic")).sum()
    })
}

/// The largest resident memory of this process so far.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
