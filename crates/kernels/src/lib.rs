//! Operations that burn lacks or runs slowly on a CPU.
//!
//! Each is a function on tensors that any network may call. On burn's CPU backend (`flex`, with the feature of that name) and
//! on `f32` it has a path of its own, with a backward pass written by hand; everywhere else it is burn's own operation. The
//! tests hold both against each other. A result does not depend on the number of threads.

#[cfg(feature = "flex")]
mod flex;

use burn::tensor::module as burned;
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, MaxPoolOptions};
use burn::tensor::{Device, FloatDType, Tensor, activation};
use std::cell::Cell;

/// Whether this tensor has the fast paths.
#[cfg(feature = "flex")]
fn fast<const D: usize>(x: &Tensor<D>) -> bool {
    x.dtype() == burn::tensor::DType::F32 && x.device() == burn::tensor::Device::flex()
}

/// Has the calling thread compute beside the others of the pool, for a program whose main thread trains: handing each small
/// operation to others takes longer than the operation. To be called before anything else computes; there is no effect where
/// there is a pool already, or one thread alone. What other threads ask of the pool must then neither wait for this thread nor use
/// its graph of gradients: this thread may be given it while it waits.
pub fn use_this_thread() {
    #[cfg(feature = "flex")]
    flex::use_this_thread();
}

/// Runs `f`, a training step on `device` for one, with the other threads of the pool looking for work all the while, up to 2 ms in
/// vain, instead of falling asleep between its operations: to wake one takes longer than many an operation. Where a core is wanted
/// elsewhere they step back. What other threads than this one ask of the pool meanwhile may have to wait for as long. There is an
/// effect on `flex` alone, and only where [`use_this_thread`] has one.
pub fn keep_awake<T>(device: &Device, f: impl FnOnce() -> T) -> T {
    #[cfg(feature = "flex")]
    if device.clone().inner() == Device::flex() {
        return flex::keep_awake(f);
    }
    let _ = device;
    f()
}

/// For tests: from now on what kernels are about to write is filled with NaN, so that what they read before is seen.
#[doc(hidden)]
#[cfg(feature = "flex")]
pub use flex::spoil_buffers;

thread_local! {
    static PRODUCTS: Cell<Option<FloatDType>> = const { Cell::new(None) };
}

/// Mixed precision (Micikevicius et al. 2018): while `f` runs, [`linear`], [`conv2d`] and [`conv_transpose2d`] on this thread
/// bring what they multiply to `dtype`, and their results back to `f32`; so do their backward passes. All else, weights and
/// biases among it, stays as it is.
pub fn with_products_in<T>(dtype: Option<FloatDType>, f: impl FnOnce() -> T) -> T {
    struct Reset(Option<FloatDType>);
    impl Drop for Reset {
        fn drop(&mut self) {
            PRODUCTS.set(self.0);
        }
    }
    let _reset = Reset(PRODUCTS.replace(dtype));
    f()
}

/// A product of `x` and `weight` in mixed precision, with a bias for each of the entries along dimension 1.
fn mixed<const D: usize, const E: usize>(
    dtype: FloatDType,
    (x, weight, bias): (Tensor<D>, Tensor<E>, Option<Tensor<1>>),
    product: impl FnOnce(Tensor<D>, Tensor<E>) -> Tensor<D>,
) -> Tensor<D> {
    let product = product(x.cast(dtype), weight.cast(dtype)).cast(FloatDType::F32);
    match bias {
        None => product,
        Some(bias) => {
            let mut shape = [1; D];
            shape[1] = bias.dims()[0];
            product + bias.reshape(shape)
        }
    }
}

/// x W + b.
///
/// # Shapes
/// `x` `[n, inputs]`, `weight` `[inputs, outputs]`, `bias` `[outputs]`, to `[n, outputs]`.
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    if let Some(dtype) = PRODUCTS.get() {
        return mixed(dtype, (x, weight, bias), |x, weight| burned::linear(x, weight, None));
    }
    #[cfg(feature = "flex")]
    if fast(&x) && fast(&weight) {
        return flex::linear(x, weight, bias);
    }
    burned::linear(x, weight, bias)
}

/// Cross-correlation with zeros around the image, as all of the field's libraries have it under this name.
///
/// # Shapes
/// `x` `[n, inputs, height, width]`, `weight` `[outputs, inputs, rows, columns]`, `bias` `[outputs]`, to `[n, outputs, ..]` with
/// sides (side + 2 padding - kernel) / stride + 1, rounded down.
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, stride: usize, padding: usize) -> Tensor<4> {
    let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
    if let Some(dtype) = PRODUCTS.get() {
        return mixed(dtype, (x, weight, bias), |x, weight| burned::conv2d(x, weight, None, options));
    }
    #[cfg(feature = "flex")]
    if fast(&x) && fast(&weight) {
        return flex::conv2d(x, weight, bias, stride, padding);
    }
    burned::conv2d(x, weight, bias, options)
}

/// The adjoint of [`conv2d`] with the same weight, plus a bias.
///
/// # Shapes
/// `x` `[n, inputs, height, width]`, `weight` `[inputs, outputs, rows, columns]`, `bias` `[outputs]`, to `[n, outputs, ..]` with
/// sides (side - 1) stride - 2 padding + kernel + output_padding.
pub fn conv_transpose2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: usize,
    padding: usize,
    output_padding: usize,
) -> Tensor<4> {
    let options = ConvTransposeOptions::new([stride; 2], [padding; 2], [output_padding; 2], [1, 1], 1);
    if let Some(dtype) = PRODUCTS.get() {
        return mixed(dtype, (x, weight, bias), |x, weight| burned::conv_transpose2d(x, weight, None, options));
    }
    #[cfg(feature = "flex")]
    if fast(&x) && fast(&weight) {
        return flex::conv_transpose2d(x, weight, bias, stride, padding, output_padding);
    }
    burned::conv_transpose2d(x, weight, bias, options)
}

/// max(x, 0) + slope min(x, 0), for a slope in [0, 1): ReLU for 0, else leaky ReLU. On `flex` its derivative at 0 is
/// the slope, as in PyTorch; burn's own has 1 there for a leaky one.
pub fn leaky_relu<const D: usize>(x: Tensor<D>, slope: f64) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if fast(&x) {
        return flex::activate(x, flex::Function::LeakyRelu { slope: slope as f32 });
    }
    if slope == 0.0 { activation::relu(x) } else { activation::leaky_relu(x, slope) }
}

/// The slope of [`leaky_relu`], a constant: 1 where x > 0, else `slope`.
pub fn leaky_relu_slope<const D: usize>(x: Tensor<D>, slope: f64) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if fast(&x) {
        return flex::activate(x.detach(), flex::Function::Step { below: slope as f32 });
    }
    x.full_like(slope).mask_fill(x.greater_elem(0.0), 1.0)
}

/// ln(1 + e^x), without overflow, with the gradient sigmoid(x) everywhere.
pub fn softplus<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if fast(&x) {
        return flex::activate(x, flex::Function::Softplus);
    }
    // burn's own overflows far out, and its gradient there is no number.
    activation::log_sigmoid(x.neg()).neg()
}

/// e^x.
pub fn exp<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if fast(&x) {
        return flex::activate(x, flex::Function::Exp);
    }
    x.exp()
}

/// 1 / (1 + e^-x).
pub fn sigmoid<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if fast(&x) {
        return flex::activate(x, flex::Function::Sigmoid);
    }
    activation::sigmoid(x)
}

/// tanh x.
pub fn tanh<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if fast(&x) {
        return flex::activate(x, flex::Function::Tanh);
    }
    x.tanh()
}

/// The largest value of each square of `size` x `size`; rows and columns that fill no square are left out. The gradient goes to
/// the first of the largest values.
///
/// # Shapes
/// `[n, channels, height, width]` to `[n, channels, height / size, width / size]`, rounded down, of at least one square.
pub fn max_pool2d(x: Tensor<4>, size: usize) -> Tensor<4> {
    #[cfg(feature = "flex")]
    if fast(&x) {
        return flex::max_pool2d(x, size);
    }
    burned::max_pool2d(x, MaxPoolOptions::new([size; 2]).with_stride([size; 2]))
}

/// What [`batch_norm`] gives.
pub struct BatchNormed {
    /// The normed values, `[n, channels, height, width]`.
    pub output: Tensor<4>,
    /// The mean of each channel, `[channels]`; no gradient flows through it.
    pub mean: Tensor<1>,
    /// The biased variance of each channel, `[channels]`; no gradient flows through it.
    pub variance: Tensor<1>,
}

/// (x - mean) / sqrt(variance + epsilon) gamma + beta, with the mean and the biased variance of each channel over batch, height
/// and width (Ioffe and Szegedy 2015, algorithm 1).
///
/// # Shapes
/// `x` `[n, channels, height, width]`, `gamma` and `beta` `[channels]`.
pub fn batch_norm(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> BatchNormed {
    #[cfg(feature = "flex")]
    if fast(&x) {
        return flex::batch_norm(x, gamma, beta, epsilon);
    }
    let normed = burned::batch_norm_train(x, gamma, beta, epsilon);
    BatchNormed { output: normed.output, mean: normed.mean, variance: normed.variance }
}

/// The logarithm of the probability of each row of values under a Bernoulli law with these logits l: the sum of
/// x l - ln(1 + e^l).
///
/// # Shapes
/// `x`, in [0, 1], and `logits`, `[n, values]`, to `[n]`.
pub fn bernoulli(x: Tensor<2>, logits: Tensor<2>) -> Tensor<1> {
    #[cfg(feature = "flex")]
    if fast(&x) && fast(&logits) {
        return flex::bernoulli(x, logits);
    }
    (x * logits.clone() - softplus(logits)).sum_dim(1).squeeze_dim(1)
}

/// Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gates of Gers, Schmidhuber and Cummins 2000) over
/// whole sequences, from a state of zeros: with the gates i, f, g, o = sigmoid, sigmoid, tanh, sigmoid of the four parts of
/// `inputs_t + h_(t-1) recurrent`, `c_t = f c_(t-1) + i g` and `h_t = o tanh c_t`.
///
/// # Shapes
/// `inputs`, what the gates are given from outside with their biases, `[n, steps, 4 units]`, `recurrent` `[units, 4 units]`, to
/// all `h_t`, `[n, steps, units]`.
pub fn lstm(inputs: Tensor<3>, recurrent: Tensor<2>) -> Tensor<3> {
    #[cfg(feature = "flex")]
    if fast(&inputs) && fast(&recurrent) && PRODUCTS.get().is_none() {
        return flex::lstm(inputs, recurrent);
    }
    let ([n, steps, _], [units, _]) = (inputs.dims(), recurrent.dims());
    let mut outputs: Vec<Tensor<3>> = Vec::with_capacity(steps);
    let mut state: Option<[Tensor<2>; 2]> = None;
    for step in 0..steps {
        let given = inputs.clone().slice([0..n, step..step + 1]).squeeze_dim::<2>(1);
        let all = match &state {
            Some([held, _]) => given + linear(held.clone(), recurrent.clone(), None),
            None => given,
        };
        let gate = |i: usize| all.clone().slice([0..n, i * units..(i + 1) * units]);
        let fresh = sigmoid(gate(0)) * tanh(gate(2));
        let memory = match state {
            Some([_, memory]) => sigmoid(gate(1)) * memory + fresh,
            None => fresh,
        };
        let held = sigmoid(gate(3)) * tanh(memory.clone());
        outputs.push(held.clone().unsqueeze_dim(1));
        state = Some([held, memory]);
    }
    Tensor::cat(outputs, 1)
}

/// The sum of the squares of all values, `[1]`; no gradient flows through it.
pub fn sum_of_squares<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    #[cfg(feature = "flex")]
    if fast(&x) {
        return flex::sum_of_squares(x);
    }
    x.detach().square().sum()
}

/// What an update of Adam is made with.
#[derive(Clone, Copy, Debug)]
pub struct AdamRates {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// What the first moment is multiplied by: minus the learning rate over 1 - beta1^t.
    pub size: f64,
    /// What the root of the second moment is multiplied by: 1 over the root of 1 - beta2^t.
    pub root: f64,
    /// Added to that root.
    pub epsilon: f64,
}

/// An update of Adam (Kingma and Ba 2015, algorithm 1): the values and both moments after it. All have one shape; no gradient
/// flows.
pub fn adam<const D: usize>(
    values: Tensor<D>,
    gradient: Tensor<D>,
    moments: [Tensor<D>; 2],
    rates: AdamRates,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    #[cfg(feature = "flex")]
    if fast(&values) && fast(&gradient) && fast(&moments[0]) {
        return flex::adam(values, gradient, moments, rates);
    }
    let AdamRates { beta1, beta2, size, root, epsilon } = rates;
    let [first, second] = moments;
    let first = first.mul_scalar(beta1) + gradient.clone().mul_scalar(1.0 - beta1);
    let second = second.mul_scalar(beta2) + gradient.square().mul_scalar(1.0 - beta2);
    let change = first.clone().mul_scalar(size) / second.clone().sqrt().mul_scalar(root).add_scalar(epsilon);
    (values + change, [first, second])
}
