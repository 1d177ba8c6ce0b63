//! Each kernel with its backward pass, and how burn's autodiff is told of it.

use std::fmt::Debug;
use std::marker::PhantomData;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Flex};
use burn::tensor::{DType, Shape, TensorData};
use burn_autodiff::checkpoint::base::Checkpointer;
use burn_autodiff::checkpoint::strategy::CheckpointStrategy;
use burn_autodiff::grads::Gradients;
use burn_autodiff::ops::{Backward, Ops, OpsKind};
use faer::MatRef;

use super::convolution::{self, Sizes};
use super::functions::Function;
use super::passes;
use super::pool::Buffer;
use super::product::product;
use super::recurrent::{self, States};
use super::{Kernels, Raw};
use crate::AdamRates;

/// A tensor of the backend that keeps gradients.
type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

/// A function of `N` tensors and its gradients.
pub trait Rule<const N: usize>: Clone + Debug + Send + 'static {
    /// What the backward pass needs.
    type Kept: Clone + Debug + Send + 'static;

    /// The function.
    fn forward(&self, inputs: [Raw; N]) -> (Raw, Self::Kept);

    /// The gradients of those inputs that are wanted, given that of the output.
    fn backward(&self, kept: Self::Kept, gradient: Raw, wanted: [bool; N]) -> [Option<Raw>; N];
}

/// A rule as autodiff runs it.
#[derive(Clone, Debug)]
struct Step<R, const N: usize>(PhantomData<R>);

impl<R: Rule<N>, const N: usize> Backward<Flex, N> for Step<R, N> {
    type State = (R, R::Kept);

    fn backward(self, ops: Ops<Self::State, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let (rule, kept) = ops.state;
        let gradient = gradients.consume::<Flex>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        for (parent, gradient) in ops.parents.into_iter().zip(rule.backward(kept, gradient, wanted)) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                gradients.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

/// A rule on tensors that may want gradients.
fn apply<R: Rule<N>, C: CheckpointStrategy, const N: usize>(rule: R, inputs: [Tracked<C>; N]) -> (Tracked<C>, R::Kept) {
    let nodes = inputs.each_ref().map(|input| input.node());
    let (output, kept) = rule.forward(inputs.map(|input| input.primitive().clone()));
    let output = match Step::<R, N>(PhantomData).prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prepared) => prepared.finish((rule, kept.clone()), output),
        OpsKind::UnTracked(prepared) => prepared.finish(output),
    };
    (output, kept)
}

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn affine(x: Tracked<C>, weight: Tracked<C>, bias: Tracked<C>) -> Tracked<C> {
        apply::<_, C, 3>(Affine, [x, weight, bias]).0
    }

    fn convolve(x: Tracked<C>, weight: Tracked<C>, bias: Tracked<C>, stride: usize, padding: usize) -> Tracked<C> {
        apply::<_, C, 3>(Convolve { stride, padding }, [x, weight, bias]).0
    }

    fn spread(
        x: Tracked<C>,
        weight: Tracked<C>,
        bias: Tracked<C>,
        stride: usize,
        padding: usize,
        output_padding: usize,
    ) -> Tracked<C> {
        apply::<_, C, 3>(Spread { stride, padding, output_padding }, [x, weight, bias]).0
    }

    fn activate(x: Tracked<C>, function: Function) -> Tracked<C> {
        apply::<_, C, 1>(Activate(function), [x]).0
    }

    fn largest(x: Tracked<C>, size: usize) -> Tracked<C> {
        apply::<_, C, 1>(Largest { size }, [x]).0
    }

    fn normalize(
        x: Tracked<C>,
        gamma: Tracked<C>,
        beta: Tracked<C>,
        epsilon: f64,
    ) -> (Tracked<C>, Tracked<C>, Tracked<C>) {
        let (output, kept) = apply::<_, C, 3>(Normalize { epsilon }, [x, gamma, beta]);
        let constant = |value: Raw| <Self as AutodiffBackend>::from_inner(value);
        (output, constant(kept.mean), constant(kept.variance))
    }

    fn bernoulli(x: Tracked<C>, logits: Tracked<C>) -> Tracked<C> {
        apply::<_, C, 2>(Bernoulli, [x, logits]).0
    }

    fn remember(inputs: Tracked<C>, recurrent: Tracked<C>) -> Tracked<C> {
        apply::<_, C, 2>(Remember, [inputs, recurrent]).0
    }

    fn sum_of_squares(x: Tracked<C>) -> Tracked<C> {
        <Self as AutodiffBackend>::from_inner(sum_of_squares(<Self as AutodiffBackend>::inner(x)))
    }

    fn adapt(
        values: Tracked<C>,
        gradient: Tracked<C>,
        first: Tracked<C>,
        second: Tracked<C>,
        rates: AdamRates,
    ) -> (Tracked<C>, Tracked<C>, Tracked<C>) {
        let inputs = [values, gradient, first, second].map(<Self as AutodiffBackend>::inner);
        let (values, first, second) = adapt(inputs, &rates);
        let [values, first, second] = [values, first, second].map(<Self as AutodiffBackend>::from_inner);
        (values, first, second)
    }
}

/// Values and moments after an update of Adam.
pub fn adapt(inputs: [Raw; 4], rates: &AdamRates) -> (Raw, Raw, Raw) {
    let shape = inputs[0].layout().shape().clone();
    for other in &inputs[1..] {
        same("values, gradient and moments", &shape, other.layout().shape());
    }
    let [w, gradient, first, second] = inputs.map(dense);
    let after = passes::adam(values(&w), values(&gradient), [values(&first), values(&second)], rates);
    let [w, first, second] = after.map(|values| tensor(values, shape.clone()));
    (w, first, second)
}

/// The sum of all squares, `[1]`.
pub fn sum_of_squares(x: Raw) -> Raw {
    tensor(vec![passes::sum_of_squares(values(&dense(x)))], [1])
}

/// With its values in the order of its dimensions.
fn dense(tensor: Raw) -> Raw {
    if tensor.as_slice::<f32>().is_some() { tensor } else { tensor.to_contiguous() }
}

/// The values of a [`dense`] tensor.
fn values(tensor: &Raw) -> &[f32] {
    tensor.as_slice().expect("values of f32 in order")
}

fn dims<const D: usize>(tensor: &Raw) -> [usize; D] {
    std::array::from_fn(|i| tensor.layout().shape()[i])
}

fn tensor(values: impl Into<Buffer>, shape: impl Into<Shape>) -> Raw {
    Raw::from_data(TensorData::from_bytes(values.into().into_bytes(), shape, DType::F32))
}

/// What has to be so for the loops to read and write all that they are given.
fn same<T: PartialEq + Debug>(what: &str, one: T, other: T) {
    assert!(one == other, "{what} differ: {one:?} and {other:?}");
}

/// The matrix of a dense tensor.
fn matrix(tensor: &Raw) -> MatRef<'_, f32> {
    let [rows, columns] = dims(tensor);
    MatRef::from_row_major_slice(values(tensor), rows, columns)
}

/// x W + b.
#[derive(Clone, Debug)]
pub struct Affine;

impl Rule<3> for Affine {
    type Kept = [Raw; 2];

    fn forward(&self, inputs: [Raw; 3]) -> (Raw, [Raw; 2]) {
        let [x, weight, bias] = inputs.map(dense);
        let ([_, values_of_x], [inputs, outputs]) = (dims(&x), dims(&weight));
        same("values of an item and inputs of the weight", values_of_x, inputs);
        same("outputs of the weight and of the bias", outputs, values(&bias).len());
        let y = product(matrix(&x), matrix(&weight), Some(values(&bias)));
        (tensor(y, [dims::<2>(&x)[0], outputs]), [x, weight])
    }

    fn backward(&self, [x, weight]: [Raw; 2], gradient: Raw, wanted: [bool; 3]) -> [Option<Raw>; 3] {
        let dy = dense(gradient);
        let outputs = dims::<2>(&weight)[1];
        [
            wanted[0].then(|| tensor(product(matrix(&dy), matrix(&weight).transpose(), None), dims::<2>(&x))),
            wanted[1].then(|| tensor(product(matrix(&x).transpose(), matrix(&dy), None), dims::<2>(&weight))),
            wanted[2].then(|| tensor(passes::column_sums(values(&dy), outputs), [outputs])),
        ]
    }
}

/// The sizes of the convolution with this weight that takes images `wide` to images `narrow`, `[n, channels, height, width]`.
fn sizes(wide: [usize; 4], narrow: [usize; 4], weight: &Raw, stride: usize, padding: usize) -> Sizes {
    let [_, _, rows, columns] = dims(weight);
    let image = |[_, channels, height, width]: [usize; 4]| [channels, height, width];
    Sizes { batch: wide[0], wide: image(wide), narrow: image(narrow), kernel: [rows, columns], stride, padding }
}

/// A convolution.
#[derive(Clone, Debug)]
pub struct Convolve {
    /// Steps between patches.
    pub stride: usize,
    /// Zeros on each side.
    pub padding: usize,
}

impl Convolve {
    fn sizes(&self, wide: [usize; 4], weight: &Raw) -> Sizes {
        let [outputs, inputs, rows, columns] = dims(weight);
        same("channels of the image and of the weight", wide[1], inputs);
        assert!(self.stride > 0, "a stride of 0");
        let [height, width] = [(wide[2], rows), (wide[3], columns)].map(|(side, kernel)| {
            let reach = side + 2 * self.padding;
            assert!(reach >= kernel, "a kernel of {kernel} is larger than an image of {reach}");
            (reach - kernel) / self.stride + 1
        });
        sizes(wide, [wide[0], outputs, height, width], weight, self.stride, self.padding)
    }
}

impl Rule<3> for Convolve {
    type Kept = [Raw; 2];

    fn forward(&self, inputs: [Raw; 3]) -> (Raw, [Raw; 2]) {
        let [x, weight, bias] = inputs.map(dense);
        let sizes = self.sizes(dims(&x), &weight);
        same("channels of the weight and of the bias", sizes.narrow[0], values(&bias).len());
        let y = convolution::convolve(&sizes, values(&x), values(&weight), Some(values(&bias)));
        let [channels, height, width] = sizes.narrow;
        (tensor(y, [sizes.batch, channels, height, width]), [x, weight])
    }

    fn backward(&self, [x, weight]: [Raw; 2], gradient: Raw, wanted: [bool; 3]) -> [Option<Raw>; 3] {
        let dy = dense(gradient);
        let sizes = self.sizes(dims(&x), &weight);
        let [channels, height, width] = sizes.narrow;
        [
            wanted[0].then(|| tensor(convolution::spread(&sizes, values(&dy), values(&weight), None), dims::<4>(&x))),
            wanted[1]
                .then(|| tensor(convolution::weight_gradient(&sizes, values(&x), values(&dy)), dims::<4>(&weight))),
            wanted[2].then(|| tensor(passes::channel_sums(values(&dy), channels, height * width), [channels])),
        ]
    }
}

/// A transposed convolution.
#[derive(Clone, Debug)]
pub struct Spread {
    /// Steps between what the values of an image are spread to.
    pub stride: usize,
    /// Rows and columns cut from each side.
    pub padding: usize,
    /// Rows and columns kept of the far side.
    pub output_padding: usize,
}

impl Spread {
    fn sizes(&self, narrow: [usize; 4], weight: &Raw) -> Sizes {
        let [inputs, outputs, rows, columns] = dims(weight);
        same("channels of the image and of the weight", narrow[1], inputs);
        assert!(self.stride > 0, "a stride of 0");
        let [height, width] = [(narrow[2], rows), (narrow[3], columns)].map(|(side, kernel)| {
            let (whole, cut) = (side.saturating_sub(1) * self.stride + kernel + self.output_padding, 2 * self.padding);
            assert!(side > 0 && whole > cut, "nothing is left of an image of {side}: {cut} is cut of {whole}");
            whole - cut
        });
        sizes([narrow[0], outputs, height, width], narrow, weight, self.stride, self.padding)
    }
}

impl Rule<3> for Spread {
    type Kept = [Raw; 2];

    fn forward(&self, inputs: [Raw; 3]) -> (Raw, [Raw; 2]) {
        let [x, weight, bias] = inputs.map(dense);
        let sizes = self.sizes(dims(&x), &weight);
        same("channels of the weight and of the bias", sizes.wide[0], values(&bias).len());
        let y = convolution::spread(&sizes, values(&x), values(&weight), Some(values(&bias)));
        let [channels, height, width] = sizes.wide;
        (tensor(y, [sizes.batch, channels, height, width]), [x, weight])
    }

    fn backward(&self, [x, weight]: [Raw; 2], gradient: Raw, wanted: [bool; 3]) -> [Option<Raw>; 3] {
        let dy = dense(gradient);
        let sizes = self.sizes(dims(&x), &weight);
        let [channels, height, width] = sizes.wide;
        [
            wanted[0].then(|| tensor(convolution::convolve(&sizes, values(&dy), values(&weight), None), dims::<4>(&x))),
            wanted[1]
                .then(|| tensor(convolution::weight_gradient(&sizes, values(&dy), values(&x)), dims::<4>(&weight))),
            wanted[2].then(|| tensor(passes::channel_sums(values(&dy), channels, height * width), [channels])),
        ]
    }
}

/// A function of each value.
#[derive(Clone, Debug)]
pub struct Activate(pub Function);

impl Rule<1> for Activate {
    /// Output or input, whichever the slope is taken from.
    type Kept = Raw;

    fn forward(&self, inputs: [Raw; 1]) -> (Raw, Raw) {
        let [x] = inputs.map(dense);
        let y = tensor(self.0.of(values(&x)), x.layout().shape().clone());
        (y.clone(), if self.0.slope_by_value() { y } else { x })
    }

    fn backward(&self, kept: Raw, gradient: Raw, _: [bool; 1]) -> [Option<Raw>; 1] {
        let dx = self.0.slopes(values(&kept), values(&dense(gradient)));
        [Some(tensor(dx, kept.layout().shape().clone()))]
    }
}

/// The log-likelihood of each row under a Bernoulli law with these logits.
#[derive(Clone, Debug)]
pub struct Bernoulli;

impl Rule<2> for Bernoulli {
    type Kept = [Raw; 2];

    fn forward(&self, inputs: [Raw; 2]) -> (Raw, [Raw; 2]) {
        let [x, logits] = inputs.map(dense);
        let shape @ [n, columns] = dims(&x);
        same("values and their logits", shape, dims(&logits));
        let sums = passes::bernoulli(values(&x), values(&logits), columns);
        (tensor(sums, [n]), [x, logits])
    }

    fn backward(&self, [x, logits]: [Raw; 2], gradient: Raw, wanted: [bool; 2]) -> [Option<Raw>; 2] {
        let dy = dense(gradient);
        let [n, columns] = dims(&x);
        let of_x = || {
            values(&logits).chunks_exact(columns).zip(values(&dy)).flat_map(|(l, &dy)| l.iter().map(move |l| dy * l))
        };
        [
            wanted[0].then(|| tensor(of_x().collect::<Vec<f32>>(), [n, columns])),
            wanted[1].then(|| {
                tensor(passes::bernoulli_logits(values(&x), values(&logits), columns, values(&dy)), [n, columns])
            }),
        ]
    }
}

/// A long short-term memory over whole sequences.
#[derive(Clone, Debug)]
pub struct Remember;

/// What the backward pass of [`Remember`] needs.
#[derive(Clone, Debug)]
pub struct Remembered {
    recurrent: Raw,
    /// Outputs, memories and gates.
    states: [Raw; 3],
}

impl Remember {
    fn sizes(inputs: [usize; 3], recurrent: &Raw) -> recurrent::Sizes {
        let ([batch, steps, gates], [units, columns]) = (inputs, dims(recurrent));
        same("what the gates are given and columns of the weight", gates, columns);
        same("four gates of so many units and columns of the weight", 4 * units, columns);
        assert!(units > 0 && steps > 0, "{units} units, {steps} steps");
        recurrent::Sizes { batch, steps, units }
    }
}

impl Rule<2> for Remember {
    type Kept = Remembered;

    fn forward(&self, inputs: [Raw; 2]) -> (Raw, Remembered) {
        let [inputs, recurrent] = inputs.map(dense);
        let sizes @ recurrent::Sizes { batch, steps, units } = Self::sizes(dims(&inputs), &recurrent);
        let States { outputs, cells, gates } = recurrent::forward(sizes, values(&inputs), values(&recurrent));
        let outputs = tensor(outputs, [batch, steps, units]);
        let cells = tensor(cells, [batch, steps, units]);
        let gates = tensor(gates, [batch, steps, 4 * units]);
        (outputs.clone(), Remembered { recurrent, states: [outputs, cells, gates] })
    }

    fn backward(&self, kept: Remembered, gradient: Raw, wanted: [bool; 2]) -> [Option<Raw>; 2] {
        let (Remembered { recurrent, states }, dy) = (kept, dense(gradient));
        let shape = dims::<3>(&states[2]);
        let sizes = Self::sizes(shape, &recurrent);
        let states = states.each_ref().map(values);
        let (inputs, weight) = recurrent::backward(sizes, values(&recurrent), states, values(&dy), wanted[1]);
        [Some(tensor(inputs, shape)), weight.map(|weight| tensor(weight, dims::<2>(&recurrent)))]
    }
}

/// The largest values of squares.
#[derive(Clone, Debug)]
pub struct Largest {
    /// Their side.
    pub size: usize,
}

impl Rule<1> for Largest {
    /// Input and output.
    type Kept = [Raw; 2];

    fn forward(&self, inputs: [Raw; 1]) -> (Raw, [Raw; 2]) {
        let ([x], size) = (inputs.map(dense), self.size);
        let [n, channels, height, width] = dims(&x);
        assert!(size >= 1 && height >= size && width >= size, "no square of {size} in an image of {height} x {width}");
        let y = tensor(passes::largest(values(&x), [height, width], size), [n, channels, height / size, width / size]);
        (y.clone(), [x, y])
    }

    fn backward(&self, [x, y]: [Raw; 2], gradient: Raw, _: [bool; 1]) -> [Option<Raw>; 1] {
        let (dy, shape @ [_, _, height, width]) = (dense(gradient), dims(&x));
        let dx = passes::to_largest(values(&x), [height, width], self.size, values(&y), values(&dy));
        [Some(tensor(dx, shape))]
    }
}

/// A batch norm in training.
#[derive(Clone, Debug)]
pub struct Normalize {
    /// Added to the variances.
    pub epsilon: f64,
}

/// What the backward pass of [`Normalize`] needs.
#[derive(Clone, Debug)]
pub struct Normalized {
    x: Raw,
    gamma: Raw,
    /// Of each channel.
    pub mean: Raw,
    /// Of each channel, biased.
    pub variance: Raw,
}

impl Rule<3> for Normalize {
    type Kept = Normalized;

    fn forward(&self, inputs: [Raw; 3]) -> (Raw, Normalized) {
        let [x, gamma, beta] = inputs.map(dense);
        let shape @ [_, channels, height, width] = dims(&x);
        same("channels of the image and gains", channels, values(&gamma).len());
        same("channels of the image and offsets", channels, values(&beta).len());
        let [mean, variance] = passes::moments(values(&x), channels, height * width);
        let scale: Vec<f32> = (variance.iter().zip(values(&gamma)))
            .map(|(&variance, &gamma)| (f64::from(gamma) / (f64::from(variance) + self.epsilon).sqrt()) as f32)
            .collect();
        let offset: Vec<f32> =
            values(&beta).iter().zip(&scale).zip(&mean).map(|((beta, scale), mean)| beta - scale * mean).collect();
        let y = passes::channel_affine(values(&x), height * width, &scale, &offset);
        let [mean, variance] = [mean, variance].map(|values| tensor(values, [channels]));
        (tensor(y, shape), Normalized { x, gamma, mean, variance })
    }

    fn backward(&self, kept: Normalized, gradient: Raw, _: [bool; 3]) -> [Option<Raw>; 3] {
        let (Normalized { x, gamma, mean, variance }, dy) = (kept, dense(gradient));
        let shape @ [_, channels, height, width] = dims(&x);
        let of_channels = [values(&mean), values(&variance), values(&gamma)];
        let found = passes::batch_norm_gradients(values(&x), values(&dy), height * width, of_channels, self.epsilon);
        [Some(tensor(found.x, shape)), Some(tensor(found.gamma, [channels])), Some(tensor(found.beta, [channels]))]
    }
}
