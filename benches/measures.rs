//! Metrics on features as they come from the reference classifier: 64 dimensions.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ganvas_metrics::neighbours::precision_recall;
use ganvas_metrics::{Features, frechet_distance};
use ganvas_prob::stream::{Streams, normals};

fn features(name: &str, n: usize) -> Features {
    Features { dims: 64, values: normals(&mut Streams::new(0).rng(name, 0), 64 * n) }
}

fn measures(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("measures");
    group.sample_size(10);
    let (real, fake) = (features("real", 5000), features("fake", 5000));
    group.bench_function("frechet 5000 x 64", |b| b.iter(|| black_box(frechet_distance(&real, &fake))));
    let (real, fake) = (features("real", 2000), features("fake", 2000));
    group.bench_function("precision and recall 2000 x 64", |b| b.iter(|| black_box(precision_recall(&real, &fake, 3))));
    group.finish();
}

criterion_group!(benches, measures);
criterion_main!(benches);
