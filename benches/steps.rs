//! One training step, and sampling, of every registered system on the embedded digits; of those that translate on `horse-zebra`, where
//! 100 images are translated in place of samples.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Device;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ganvas_data::{Dataset, OpenOptions};
use ganvas_engine::session::{Options, Session, sample};
use ganvas_engine::system::{Build, DataSpec, Definition, Direction, Preset};
use ganvas_engine::translation::translated;
use ganvas_prob::stream::Streams;

const SAMPLES: usize = 100;

/// What the system is tried on.
fn data(system: &Definition, resolution: Option<usize>) -> Arc<Dataset> {
    let options = OpenOptions { resolution, ..OpenOptions::default() };
    Arc::new(ganvas_data::open(system.data, &options).expect("it is built in or computed"))
}

fn bench(criterion: &mut Criterion, system: &Definition) {
    let id = system.info.id;
    let mut dataset = data(system, None);
    let recommend = |data: &Dataset| (system.preset)(Preset::Small, &DataSpec::of(data)).expect("a preset is valid");
    let mut recommended = recommend(&dataset);
    if recommended.resolution.is_some() {
        dataset = data(system, recommended.resolution);
        recommended = recommend(&dataset);
    }
    let device = Device::flex().autodiff();
    let streams = Streams::new(0);
    let build = Build { streams, device: &device };
    let mut model = (system.build)(&recommended.config, &DataSpec::of(&dataset), &build).expect("a preset is valid");
    let options = Options { log_every: u64::MAX, ..Options::new(streams, recommended.batch, u64::MAX) };
    let mut group = criterion.benchmark_group(id);
    group.sample_size(20);
    group.throughput(Throughput::Elements(recommended.batch as u64));
    group.bench_function("step", |bencher| {
        let options = options.clone();
        let mut session = Session::new(model.as_mut(), &dataset, &device, options, 0, 0.0).expect("the data suffice");
        bencher.iter_custom(|n| {
            let started = Instant::now();
            for _ in 0..n {
                session.step(false).expect("training goes on");
            }
            started.elapsed()
        });
    });
    group.throughput(Throughput::Elements(SAMPLES as u64));
    let plain = device.clone().inner();
    group.bench_function("sample", |bencher| {
        let items = dataset.test.first(SAMPLES);
        bencher.iter(|| match model.translation() {
            Some(translation) => black_box(translated(translation, &items, dataset.shape, Direction::AToB, &plain)),
            None => black_box(sample(model.as_ref(), SAMPLES, &streams, &plain)),
        });
    });
    group.finish();
}

fn steps(criterion: &mut Criterion) {
    for system in ganvas_gan::SYSTEMS.iter().chain(ganvas_vae::SYSTEMS) {
        bench(criterion, system);
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
