//! Single layers, forward and backward, as the networks have them, beside burn's own operations on the same CPU backend.

use std::hint::black_box;

use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData, activation, module as burned};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ganvas_prob::stream::{Streams, normals};

fn normal<const D: usize>(name: &str, shape: [usize; D]) -> Tensor<D> {
    let values = normals(&mut Streams::new(0).rng(name, 0), shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), &Device::flex().autodiff())
}

/// The layer's value and the gradients of its sum with respect to items, weight and bias.
fn beside<const D: usize, const E: usize>(
    criterion: &mut Criterion,
    name: &str,
    shapes: ([usize; D], [usize; E], usize),
    ours: impl Fn(Tensor<D>, Tensor<E>, Tensor<1>) -> Tensor<D>,
    theirs: impl Fn(Tensor<D>, Tensor<E>, Tensor<1>) -> Tensor<D>,
) {
    let (x, weight, bias) = (normal("x", shapes.0), normal("weight", shapes.1), normal("bias", [shapes.2]));
    let (x, weight, bias) = (x.require_grad(), weight.require_grad(), bias.require_grad());
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20);
    let run = |layer: &dyn Fn(Tensor<D>, Tensor<E>, Tensor<1>) -> Tensor<D>| {
        black_box(layer(x.clone(), weight.clone(), bias.clone()).sum().backward());
    };
    group.bench_function(BenchmarkId::from_parameter("ours"), |bencher| bencher.iter(|| run(&ours)));
    group.bench_function(BenchmarkId::from_parameter("burn"), |bencher| bencher.iter(|| run(&theirs)));
    group.finish();
}

fn products(criterion: &mut Criterion) {
    let linear = |x, weight, bias| ganvas_kernels::linear(x, weight, Some(bias));
    for (n, inputs, outputs) in [(128, 784, 400), (256, 128, 128)] {
        let name = format!("linear {inputs} to {outputs}, {n} items");
        let theirs = |x, weight, bias| burned::linear(x, weight, Some(bias));
        beside(criterion, &name, ([n, inputs], [inputs, outputs], outputs), linear, theirs);
    }
    for (inputs, outputs, side, kernel, stride) in [(64, 128, 16, 4, 2), (128, 256, 8, 4, 2), (64, 64, 16, 3, 1)] {
        let name = format!("conv {inputs} to {outputs} of {kernel}x{kernel}, stride {stride}, 64 of {side}x{side}");
        let options = || ConvOptions::new([stride; 2], [1; 2], [1, 1], 1);
        let shapes = ([64, inputs, side, side], [outputs, inputs, kernel, kernel], outputs);
        let ours = |x, weight, bias| ganvas_kernels::conv2d(x, weight, Some(bias), stride, 1);
        let theirs = |x, weight, bias| burned::conv2d(x, weight, Some(bias), options());
        beside(criterion, &name, shapes, ours, theirs);
    }
    for (inputs, outputs, side) in [(256, 128, 8), (128, 64, 16)] {
        let name = format!("transposed conv {inputs} to {outputs} of 4x4, stride 2, 64 of {side}x{side}");
        let options = || ConvTransposeOptions::new([2; 2], [1; 2], [0; 2], [1, 1], 1);
        let shapes = ([64, inputs, side, side], [inputs, outputs, 4, 4], outputs);
        let ours = |x, weight, bias| ganvas_kernels::conv_transpose2d(x, weight, Some(bias), 2, 1, 0);
        let theirs = |x, weight, bias| burned::conv_transpose2d(x, weight, Some(bias), options());
        beside(criterion, &name, shapes, ours, theirs);
    }
}

fn others(criterion: &mut Criterion) {
    const EPSILON: f64 = 1e-5;
    let shapes = ([64, 64, 16, 16], [1], 64);
    // Scaled and moved by the same vector, which stands for both.
    let ours = |x, _, bias: Tensor<1>| ganvas_kernels::batch_norm(x, bias.clone(), bias, EPSILON).output;
    let theirs = |x, _, bias: Tensor<1>| burned::batch_norm_train(x, bias.clone(), bias, EPSILON).output;
    beside(criterion, "batch norm, 64 of 64x16x16", shapes, ours, theirs);
    type Function = fn(Tensor<4>) -> Tensor<4>;
    let functions: [(&str, Function, Function); 4] = [
        ("leaky ReLU", |x| ganvas_kernels::leaky_relu(x, 0.2), |x| activation::leaky_relu(x, 0.2)),
        ("tanh", ganvas_kernels::tanh, |x| x.tanh()),
        ("softplus", ganvas_kernels::softplus, |x| activation::log_sigmoid(x.neg()).neg()),
        (
            "max pooling",
            |x| ganvas_kernels::max_pool2d(x, 2),
            |x| burned::max_pool2d(x, MaxPoolOptions::new([2; 2]).with_stride([2; 2])),
        ),
    ];
    for (name, ours, theirs) in functions {
        let name = format!("{name}, 64 of 64x16x16");
        let of = |function: Function| move |x: Tensor<4>, _: Tensor<1>, _: Tensor<1>| function(x);
        beside(criterion, &name, shapes, of(ours), of(theirs));
    }
}

criterion_group!(benches, products, others);
criterion_main!(benches);
