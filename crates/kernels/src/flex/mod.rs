//! The fast paths: what burn's dispatch calls on `flex`, with and without gradients.

mod convolution;
mod functions;
mod gradients;
mod passes;
mod pool;
mod product;
mod recurrent;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;

use crate::{AdamRates, BatchNormed};
pub use functions::Function;
use gradients::{Activate, Affine, Bernoulli, Convolve, Largest, Normalize, Remember, Rule, Spread};
pub use pool::spoil_buffers;

/// A tensor of this backend.
type Raw = FloatTensor<Flex>;

/// What runs on `flex`. Where gradients are kept, each is a [`Rule`] too, see [`gradients`].
#[backend_extension(Flex, Autodiff)]
pub trait Kernels: Backend {
    /// See [`crate::linear`].
    fn affine(x: FloatTensor<Self>, weight: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`crate::conv2d`].
    fn convolve(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self>;

    /// See [`crate::conv_transpose2d`].
    fn spread(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        stride: usize,
        padding: usize,
        output_padding: usize,
    ) -> FloatTensor<Self>;

    /// A function of each value.
    fn activate(x: FloatTensor<Self>, function: Function) -> FloatTensor<Self>;

    /// See [`crate::max_pool2d`].
    fn largest(x: FloatTensor<Self>, size: usize) -> FloatTensor<Self>;

    /// See [`crate::batch_norm`]: output, mean, variance.
    fn normalize(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// See [`crate::bernoulli`].
    fn bernoulli(x: FloatTensor<Self>, logits: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`crate::lstm`].
    fn remember(inputs: FloatTensor<Self>, recurrent: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`crate::sum_of_squares`]. It has no gradient.
    fn sum_of_squares(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// See [`crate::adam`]: values, first and second moments. It has no gradient.
    fn adapt(
        values: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        first: FloatTensor<Self>,
        second: FloatTensor<Self>,
        rates: AdamRates,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);
}

impl Kernels for Flex {
    fn affine(x: Raw, weight: Raw, bias: Raw) -> Raw {
        Affine.forward([x, weight, bias]).0
    }

    fn convolve(x: Raw, weight: Raw, bias: Raw, stride: usize, padding: usize) -> Raw {
        Convolve { stride, padding }.forward([x, weight, bias]).0
    }

    fn spread(x: Raw, weight: Raw, bias: Raw, stride: usize, padding: usize, output_padding: usize) -> Raw {
        Spread { stride, padding, output_padding }.forward([x, weight, bias]).0
    }

    fn activate(x: Raw, function: Function) -> Raw {
        Activate(function).forward([x]).0
    }

    fn largest(x: Raw, size: usize) -> Raw {
        Largest { size }.forward([x]).0
    }

    fn normalize(x: Raw, gamma: Raw, beta: Raw, epsilon: f64) -> (Raw, Raw, Raw) {
        let (output, kept) = Normalize { epsilon }.forward([x, gamma, beta]);
        (output, kept.mean, kept.variance)
    }

    fn bernoulli(x: Raw, logits: Raw) -> Raw {
        Bernoulli.forward([x, logits]).0
    }

    fn remember(inputs: Raw, recurrent: Raw) -> Raw {
        Remember.forward([inputs, recurrent]).0
    }

    fn sum_of_squares(x: Raw) -> Raw {
        gradients::sum_of_squares(x)
    }

    fn adapt(values: Raw, gradient: Raw, first: Raw, second: Raw, rates: AdamRates) -> (Raw, Raw, Raw) {
        gradients::adapt([values, gradient, first, second], &rates)
    }
}

pub fn use_this_thread() {
    let asked = std::env::var("RAYON_NUM_THREADS").ok().and_then(|n| n.parse().ok()).filter(|&n: &usize| n > 0);
    let threads = asked.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    // A pool of this thread alone would leave undone what another thread asks of it, while this one waits for the other.
    if threads > 1 {
        // Fails where there is a pool already.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).use_current_thread().build_global();
    }
}

/// How long a thread looks for work in vain.
const PATIENCE: Duration = Duration::from_millis(2);

pub fn keep_awake<T>(f: impl FnOnce() -> T) -> T {
    let own = rayon::current_thread_index();
    if own.is_none() || rayon::current_num_threads() < 2 {
        return f();
    }
    struct Over(Arc<AtomicBool>);
    impl Drop for Over {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
            // What was handed to this thread itself, and returns at once.
            rayon::yield_local();
        }
    }
    let over = Over(Arc::new(AtomicBool::new(false)));
    let seen = over.0.clone();
    rayon::spawn_broadcast(move |thread| {
        // A thread may come by this while it waits for a part of an operation that `f` waits for: it has to go back to it.
        let mut worked = Instant::now();
        while Some(thread.index()) != own && !seen.load(Ordering::Acquire) && worked.elapsed() < PATIENCE {
            if rayon::yield_now() == Some(rayon::Yield::Executed) {
                worked = Instant::now();
            } else {
                // Another process that waits for this core gets it.
                std::thread::yield_now();
            }
        }
    });
    f()
}

/// A bias of zeros where there is none.
fn or_zeros<const D: usize>(bias: Option<Tensor<1>>, outputs: usize, x: &Tensor<D>) -> Tensor<1> {
    bias.unwrap_or_else(|| Tensor::zeros([outputs], &x.device()))
}

pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>) -> Tensor<2> {
    let bias = or_zeros(bias, weight.dims()[1], &x);
    Tensor::from_dispatch(Dispatch::affine(x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch()))
}

pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>, stride: usize, padding: usize) -> Tensor<4> {
    let bias = or_zeros(bias, weight.dims()[0], &x).into_dispatch();
    Tensor::from_dispatch(Dispatch::convolve(x.into_dispatch(), weight.into_dispatch(), bias, stride, padding))
}

pub fn conv_transpose2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    stride: usize,
    padding: usize,
    output_padding: usize,
) -> Tensor<4> {
    let bias = or_zeros(bias, weight.dims()[1], &x).into_dispatch();
    let (x, weight) = (x.into_dispatch(), weight.into_dispatch());
    Tensor::from_dispatch(Dispatch::spread(x, weight, bias, stride, padding, output_padding))
}

pub fn activate<const D: usize>(x: Tensor<D>, function: Function) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::activate(x.into_dispatch(), function))
}

pub fn max_pool2d(x: Tensor<4>, size: usize) -> Tensor<4> {
    Tensor::from_dispatch(Dispatch::largest(x.into_dispatch(), size))
}

pub fn batch_norm(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>, epsilon: f64) -> BatchNormed {
    let (gamma, beta) = (gamma.into_dispatch(), beta.into_dispatch());
    let (output, mean, variance) = Dispatch::normalize(x.into_dispatch(), gamma, beta, epsilon);
    BatchNormed {
        output: Tensor::from_dispatch(output),
        mean: Tensor::from_dispatch(mean),
        variance: Tensor::from_dispatch(variance),
    }
}

pub fn bernoulli(x: Tensor<2>, logits: Tensor<2>) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::bernoulli(x.into_dispatch(), logits.into_dispatch()))
}

pub fn lstm(inputs: Tensor<3>, recurrent: Tensor<2>) -> Tensor<3> {
    Tensor::from_dispatch(Dispatch::remember(inputs.into_dispatch(), recurrent.into_dispatch()))
}

pub fn sum_of_squares<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::sum_of_squares(x.into_dispatch()))
}

pub fn adam<const D: usize>(
    values: Tensor<D>,
    gradient: Tensor<D>,
    [first, second]: [Tensor<D>; 2],
    rates: AdamRates,
) -> (Tensor<D>, [Tensor<D>; 2]) {
    let (values, gradient) = (values.into_dispatch(), gradient.into_dispatch());
    let (values, first, second) =
        Dispatch::adapt(values, gradient, first.into_dispatch(), second.into_dispatch(), rates);
    (Tensor::from_dispatch(values), [first, second].map(Tensor::from_dispatch))
}
