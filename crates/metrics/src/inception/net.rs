use burn::tensor::module::{avg_pool2d, conv2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData, activation::relu};
use ganvas_nets::state::{State, StateError};

use super::{CLASSES, FEATURES};

/// The epsilon that every variance is given.
const EPSILON: f64 = 1e-3;

/// A part of the network; `C` is what it knows of a convolution.
#[derive(Clone, Debug)]
enum Step<C> {
    /// Convolution, normalisation, rectifier.
    Conv(C),
    Pool(Pool),
    /// Paths from one input, whose outputs are joined along the channels; named where it is a block.
    Branches(&'static str, Vec<Vec<Step<C>>>),
}

/// Pools of 3x3.
#[derive(Clone, Copy, Debug)]
enum Pool {
    /// Means of the pixels that there are, at every place.
    Average,
    /// Maxima at every place.
    Max,
    /// Maxima at every other place, without padding.
    Halve,
}

/// A convolution before it has its weights.
struct Spec {
    name: &'static str,
    outputs: usize,
    /// Height and width.
    kernel: [usize; 2],
    stride: usize,
    padding: [usize; 2],
}

fn conv(name: &'static str, outputs: usize, side: usize, stride: usize) -> Step<Spec> {
    Step::Conv(Spec { name, outputs, kernel: [side; 2], stride, padding: [0; 2] })
}

/// A convolution that keeps height and width.
fn keep(name: &'static str, outputs: usize, kernel: [usize; 2]) -> Step<Spec> {
    Step::Conv(Spec { name, outputs, kernel, stride: 1, padding: kernel.map(|side| side / 2) })
}

/// The network up to its last pool, by the names of PyTorch's `torchvision.models.inception`.
fn architecture() -> Vec<Step<Spec>> {
    vec![
        conv("Conv2d_1a_3x3", 32, 3, 2),
        conv("Conv2d_2a_3x3", 32, 3, 1),
        keep("Conv2d_2b_3x3", 64, [3, 3]),
        Step::Pool(Pool::Halve),
        conv("Conv2d_3b_1x1", 80, 1, 1),
        conv("Conv2d_4a_3x3", 192, 3, 1),
        Step::Pool(Pool::Halve),
        block_a("Mixed_5b", 32),
        block_a("Mixed_5c", 64),
        block_a("Mixed_5d", 64),
        block_b("Mixed_6a"),
        block_c("Mixed_6b", 128),
        block_c("Mixed_6c", 160),
        block_c("Mixed_6d", 160),
        block_c("Mixed_6e", 192),
        block_d("Mixed_7a"),
        block_e("Mixed_7b", Pool::Average),
        block_e("Mixed_7c", Pool::Max),
    ]
}

fn block_a(name: &'static str, pooled: usize) -> Step<Spec> {
    Step::Branches(
        name,
        vec![
            vec![keep("branch1x1", 64, [1, 1])],
            vec![keep("branch5x5_1", 48, [1, 1]), keep("branch5x5_2", 64, [5, 5])],
            vec![
                keep("branch3x3dbl_1", 64, [1, 1]),
                keep("branch3x3dbl_2", 96, [3, 3]),
                keep("branch3x3dbl_3", 96, [3, 3]),
            ],
            vec![Step::Pool(Pool::Average), keep("branch_pool", pooled, [1, 1])],
        ],
    )
}

fn block_b(name: &'static str) -> Step<Spec> {
    Step::Branches(
        name,
        vec![
            vec![conv("branch3x3", 384, 3, 2)],
            vec![
                keep("branch3x3dbl_1", 64, [1, 1]),
                keep("branch3x3dbl_2", 96, [3, 3]),
                conv("branch3x3dbl_3", 96, 3, 2),
            ],
            vec![Step::Pool(Pool::Halve)],
        ],
    )
}

fn block_c(name: &'static str, inner: usize) -> Step<Spec> {
    Step::Branches(
        name,
        vec![
            vec![keep("branch1x1", 192, [1, 1])],
            vec![
                keep("branch7x7_1", inner, [1, 1]),
                keep("branch7x7_2", inner, [1, 7]),
                keep("branch7x7_3", 192, [7, 1]),
            ],
            vec![
                keep("branch7x7dbl_1", inner, [1, 1]),
                keep("branch7x7dbl_2", inner, [7, 1]),
                keep("branch7x7dbl_3", inner, [1, 7]),
                keep("branch7x7dbl_4", inner, [7, 1]),
                keep("branch7x7dbl_5", 192, [1, 7]),
            ],
            vec![Step::Pool(Pool::Average), keep("branch_pool", 192, [1, 1])],
        ],
    )
}

fn block_d(name: &'static str) -> Step<Spec> {
    Step::Branches(
        name,
        vec![
            vec![keep("branch3x3_1", 192, [1, 1]), conv("branch3x3_2", 320, 3, 2)],
            vec![
                keep("branch7x7x3_1", 192, [1, 1]),
                keep("branch7x7x3_2", 192, [1, 7]),
                keep("branch7x7x3_3", 192, [7, 1]),
                conv("branch7x7x3_4", 192, 3, 2),
            ],
            vec![Step::Pool(Pool::Halve)],
        ],
    )
}

fn block_e(name: &'static str, pool: Pool) -> Step<Spec> {
    let both = |across, down| Step::Branches("", vec![vec![keep(across, 384, [1, 3])], vec![keep(down, 384, [3, 1])]]);
    Step::Branches(
        name,
        vec![
            vec![keep("branch1x1", 320, [1, 1])],
            vec![keep("branch3x3_1", 384, [1, 1]), both("branch3x3_2a", "branch3x3_2b")],
            vec![
                keep("branch3x3dbl_1", 448, [1, 1]),
                keep("branch3x3dbl_2", 384, [3, 3]),
                both("branch3x3dbl_3a", "branch3x3dbl_3b"),
            ],
            vec![Step::Pool(pool), keep("branch_pool", 192, [1, 1])],
        ],
    )
}

/// A convolution with its normalisation in weight and bias.
#[derive(Clone, Debug)]
struct Conv {
    name: String,
    weight: Tensor<4>,
    bias: Tensor<1>,
    options: ConvOptions<2>,
}

impl Conv {
    /// A convolution followed by a normalisation by fixed statistics is another convolution: with
    /// k = scale / sqrt(variance + epsilon) its weights are k times as large and its bias is shift - k mean.
    fn load(spec: &Spec, name: String, inputs: usize, state: &mut State, device: &Device) -> Result<Self, StateError> {
        let shape = [spec.outputs, inputs, spec.kernel[0], spec.kernel[1]];
        let weight = state.take(&format!("{name}.conv.weight"), &shape)?;
        let mut each = |what: &str| -> Result<Vec<f64>, StateError> {
            Ok(state.take(&format!("{name}.bn.{what}"), &[spec.outputs])?.iter().collect())
        };
        let (scale, shift) = (each("weight")?, each("bias")?);
        let (mean, variance) = (each("running_mean")?, each("running_var")?);
        let k: Vec<f64> =
            scale.iter().zip(&variance).map(|(scale, variance)| scale / (variance + EPSILON).sqrt()).collect();
        let bias: Vec<f32> = (0..k.len()).map(|i| (shift[i] - k[i] * mean[i]) as f32).collect();
        let size = inputs * spec.kernel[0] * spec.kernel[1];
        let weight: Vec<f32> = weight.iter::<f64>().enumerate().map(|(i, w)| (w * k[i / size]) as f32).collect();
        Ok(Self {
            name,
            weight: Tensor::from_data(TensorData::new(weight, shape), device),
            bias: Tensor::from_data(TensorData::new(bias, [spec.outputs]), device),
            options: ConvOptions::new([spec.stride; 2], spec.padding, [1, 1], 1),
        })
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        relu(conv2d(x, self.weight.clone(), Some(self.bias.clone()), self.options.clone()))
    }
}

impl Pool {
    fn forward(self, x: Tensor<4>) -> Tensor<4> {
        let max = MaxPoolOptions::new([3, 3]);
        match self {
            Pool::Average => {
                let average = AvgPoolOptions::new([3, 3]).with_stride([1, 1]).with_padding([1, 1]);
                avg_pool2d(x, average.with_count_include_pad(false))
            }
            Pool::Max => max_pool2d(x, max.with_stride([1, 1]).with_padding([1, 1])),
            Pool::Halve => max_pool2d(x, max.with_stride([2, 2])),
        }
    }
}

/// The steps with their weights; `channels` are those of the input, and afterwards those of the output.
fn load(
    steps: Vec<Step<Spec>>,
    block: &str,
    channels: &mut usize,
    state: &mut State,
    device: &Device,
) -> Result<Vec<Step<Conv>>, StateError> {
    let mut loaded = Vec::with_capacity(steps.len());
    for step in steps {
        loaded.push(match step {
            Step::Conv(spec) => {
                let conv = Conv::load(&spec, format!("{block}{}", spec.name), *channels, state, device)?;
                *channels = spec.outputs;
                Step::Conv(conv)
            }
            Step::Pool(pool) => Step::Pool(pool),
            Step::Branches(name, branches) => {
                let block = if name.is_empty() { block.to_owned() } else { format!("{name}.") };
                let (inputs, mut outputs) = (*channels, 0);
                let mut paths = Vec::with_capacity(branches.len());
                for branch in branches {
                    *channels = inputs;
                    paths.push(load(branch, &block, channels, state, device)?);
                    outputs += *channels;
                }
                *channels = outputs;
                Step::Branches(name, paths)
            }
        });
    }
    Ok(loaded)
}

/// Is given the name and the output of each convolution and each block.
type Look<'a> = &'a mut dyn FnMut(&str, &Tensor<4>);

fn forward(steps: &[Step<Conv>], mut x: Tensor<4>, look: Look) -> Tensor<4> {
    for step in steps {
        x = match step {
            Step::Conv(conv) => {
                let y = conv.forward(x);
                look(&conv.name, &y);
                y
            }
            Step::Pool(pool) => pool.forward(x),
            Step::Branches(name, branches) => {
                let y = Tensor::cat(branches.iter().map(|branch| forward(branch, x.clone(), look)).collect(), 1);
                if !name.is_empty() {
                    look(name, &y);
                }
                y
            }
        };
    }
    x
}

/// The network with its weights.
#[derive(Clone, Debug)]
pub(super) struct Net {
    steps: Vec<Step<Conv>>,
    /// `[2048, 1008]`.
    output: Tensor<2>,
    /// `[1008]`.
    bias: Vec<f32>,
}

impl Net {
    /// Takes out of the state what the network needs.
    pub(super) fn load(state: &mut State, device: &Device) -> Result<Self, StateError> {
        let mut channels = 3;
        let steps = load(architecture(), "", &mut channels, state, device)?;
        let output = Tensor::<2>::from_data(state.take("fc.weight", &[CLASSES, FEATURES])?, device).transpose();
        let bias = state.take("fc.bias", &[CLASSES])?.iter().collect();
        Ok(Self { steps, output, bias })
    }

    /// # Shapes
    /// `[batch, 3, 299, 299]` about in [-1, 1] to `[batch, 2048]`, zero or more.
    pub(super) fn features(&self, x: Tensor<4>, look: Look) -> Tensor<2> {
        forward(&self.steps, x, look).flatten::<3>(2, 3).mean_dim(2).flatten(1, 2)
    }

    /// # Shapes
    /// `[batch, 2048]` to `[batch, 1008]`, without the bias.
    pub(super) fn logits(&self, features: Tensor<2>) -> Tensor<2> {
        features.matmul(self.output.clone())
    }

    pub(super) fn bias(&self) -> &[f32] {
        &self.bias
    }
}
