//! Every kernel against burn's own operation: what it gives and its gradients, over shapes, strides, paddings and odd sizes; and
//! the same bits with one thread and with two.

use burn::tensor::module as burned;
use burn::tensor::ops::{ConvOptions, ConvTransposeOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, activation};
use proptest::prelude::*;

/// Values that look random, the same for the same seed: sines of squares.
fn values<const D: usize>(shape: [usize; D], seed: usize) -> Tensor<D> {
    ganvas_kernels::spoil_buffers();
    let count: usize = shape.iter().product();
    let value = |i: usize| ((i * i + 7 * i + 1) as f64 * 0.618 + seed as f64 * 1.37).sin() as f32;
    let data = burn::tensor::TensorData::new((0..count).map(value).collect::<Vec<f32>>(), shape);
    Tensor::from_data(data, &Device::flex().autodiff()).require_grad()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.to_data().iter().collect()
}

/// What a function of some inputs gives, and the gradients of a weighted sum of it.
type Outcome = Vec<Vec<f32>>;

fn outcome<const D: usize, const E: usize>(
    x: &Tensor<D>,
    weight: &Tensor<E>,
    bias: &Tensor<1>,
    f: impl Fn(Tensor<D>, Tensor<E>, Tensor<1>) -> Tensor<D>,
) -> Outcome {
    let y = f(x.clone(), weight.clone(), bias.clone());
    let gradients = (y.clone() * values(y.dims(), 9).detach()).sum().backward();
    let of = |gradient: Option<Tensor<1>>| gradient.map(numbers).unwrap_or_default();
    vec![
        numbers(y),
        of(x.grad(&gradients).map(|g| g.flatten(0, D - 1))),
        of(weight.grad(&gradients).map(|g| g.flatten(0, E - 1))),
        of(bias.grad(&gradients)),
    ]
}

/// Within 1e-5 of the largest number of each.
fn close(ours: &Outcome, theirs: &Outcome) -> Result<(), String> {
    for (part, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        if ours.len() != theirs.len() || theirs.is_empty() {
            return Err(format!("part {part}: {} numbers against {}", ours.len(), theirs.len()));
        }
        let size = theirs.iter().fold(1f32, |most, value| most.max(value.abs()));
        for (i, (a, b)) in ours.iter().zip(theirs).enumerate() {
            let near = (a - b).abs() <= 1e-5 * size;
            if !near {
                return Err(format!("part {part}, number {i}: {a} against {b}, the largest {size}"));
            }
        }
    }
    Ok(())
}

/// A function in a pool of so many threads.
fn with_threads<T: Send>(threads: usize, f: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
}

#[derive(Clone, Copy, Debug)]
struct Case {
    batch: usize,
    inputs: usize,
    outputs: usize,
    sides: [usize; 2],
    kernel: [usize; 2],
    stride: usize,
    padding: usize,
}

fn case() -> impl Strategy<Value = Case> {
    let kernel = [1usize..=5, 1..=5];
    ((1usize..=9, 1usize..=7, 1usize..=7), [1usize..=13, 1..=13], kernel, 1usize..=3, 0usize..=3).prop_filter_map(
        "the kernel fits",
        |((batch, inputs, outputs), sides, kernel, stride, padding)| {
            let fits = sides.iter().zip(kernel).all(|(side, kernel)| side + 2 * padding >= kernel);
            fits.then_some(Case { batch, inputs, outputs, sides, kernel, stride, padding })
        },
    )
}

/// Those that take fewer products: kernels of 4 with a stride of 2 and of 3 without, and channels by eights.
fn small_kernel() -> impl Strategy<Value = Case> {
    let kinds = prop_oneof![Just((4usize, 2usize)), Just((3, 1))];
    let channels = prop_oneof![Just([8usize, 128usize]), Just([32, 40]), Just([64, 16])];
    (kinds, channels, 1usize..=5, [1usize..=15, 1..=15], 0usize..=3).prop_filter_map(
        "the kernel fits",
        |((kernel, stride), [inputs, outputs], batch, sides, padding)| {
            let fits = sides.iter().all(|side| side + 2 * padding >= kernel);
            fits.then_some(Case { batch, inputs, outputs, sides, kernel: [kernel; 2], stride, padding })
        },
    )
}

fn convolution(case: Case, ours: bool) -> Outcome {
    let Case { batch, inputs, outputs, sides: [height, width], kernel: [rows, columns], stride, padding } = case;
    let x = values([batch, inputs, height, width], 1);
    let weight = values([outputs, inputs, rows, columns], 2);
    outcome(&x, &weight, &values([outputs], 3), |x, weight, bias| {
        if ours {
            ganvas_kernels::conv2d(x, weight, Some(bias), stride, padding)
        } else {
            burned::conv2d(x, weight, Some(bias), ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1))
        }
    })
}

fn transposed(case: Case, output_padding: usize, ours: bool) -> Outcome {
    let Case { batch, inputs, outputs, sides: [height, width], kernel: [rows, columns], stride, padding } = case;
    let x = values([batch, inputs, height, width], 1);
    let weight = values([inputs, outputs, rows, columns], 2);
    outcome(&x, &weight, &values([outputs], 3), |x, weight, bias| {
        if ours {
            ganvas_kernels::conv_transpose2d(x, weight, Some(bias), stride, padding, output_padding)
        } else {
            let options = ConvTransposeOptions::new([stride; 2], [padding; 2], [output_padding; 2], [1, 1], 1);
            burned::conv_transpose2d(x, weight, Some(bias), options)
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn convolutions(case in case()) {
        close(&convolution(case, true), &convolution(case, false)).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn transposed_convolutions(case in case(), more in 0usize..3) {
        let more = more.min(case.stride - 1);
        let comes_out = case.sides.iter().zip(case.kernel).all(|(side, kernel)| {
            (side - 1) * case.stride + kernel + more > 2 * case.padding
        });
        prop_assume!(comes_out);
        close(&transposed(case, more, true), &transposed(case, more, false)).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn convolutions_of_small_kernels(case in small_kernel()) {
        close(&convolution(case, true), &convolution(case, false)).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn transposed_convolutions_of_small_kernels(case in small_kernel(), more in 0usize..2) {
        let more = more.min(case.stride - 1);
        let comes_out = case.sides.iter().all(|side| (side - 1) * case.stride + case.kernel[0] + more > 2 * case.padding);
        prop_assume!(comes_out);
        close(&transposed(case, more, true), &transposed(case, more, false)).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn linear_layers(rows in 1usize..200, inputs in 1usize..200, outputs in 1usize..200) {
        let (x, weight, bias) = (values([rows, inputs], 1), values([inputs, outputs], 2), values([outputs], 3));
        let ours = outcome(&x, &weight, &bias, |x, w, b| ganvas_kernels::linear(x, w, Some(b)));
        let theirs = outcome(&x, &weight, &bias, |x, w, b| burned::linear(x, w, Some(b)));
        close(&ours, &theirs).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn batch_norms(batch in 2usize..20, channels in 1usize..20, height in 1usize..12, width in 1usize..12) {
        let x = values([batch, channels, height, width], 1).mul_scalar(3.0).add_scalar(5.0);
        let x = x.detach().require_grad();
        let (gamma, beta) = (values([channels], 2), values([channels], 3));
        let ours = outcome(&x, &gamma, &beta, |x, g, b| ganvas_kernels::batch_norm(x, g, b, 1e-2).output);
        let theirs = outcome(&x, &gamma, &beta, |x, g, b| burned::batch_norm_train(x, g, b, 1e-2).output);
        // Four roundings of f32 more on their side: the mean of what is far from zero.
        close(&ours, &theirs).map_err(TestCaseError::fail)?;
        let (ours, theirs) = (
            ganvas_kernels::batch_norm(x.clone(), gamma.clone(), beta.clone(), 1e-2),
            burned::batch_norm_train(x, gamma, beta, 1e-2),
        );
        close(&vec![numbers(ours.mean), numbers(ours.variance)], &vec![numbers(theirs.mean), numbers(theirs.variance)])
            .map_err(TestCaseError::fail)?;
    }

    #[test]
    fn long_short_term_memories(batch in 1usize..70, steps in 1usize..12, units in 1usize..20) {
        let inputs = values([batch, steps, 4 * units], 1).mul_scalar(2.0).detach().require_grad();
        let (recurrent, none) = (values([units, 4 * units], 2), values([1], 3));
        let [ours, theirs] = [ganvas_kernels::lstm, step_by_step]
            .map(|lstm| outcome(&inputs, &recurrent, &none, |x, w, b| padded(lstm(x, w)) + b.unsqueeze()));
        close(&ours, &theirs).map_err(TestCaseError::fail)?;
    }

    /// Of values that are often alike, as after a rectifier.
    #[test]
    fn pools_of_maxima(planes in 1usize..40, height in 2usize..40, width in 2usize..40, size in 1usize..4) {
        prop_assume!(height >= size && width >= size);
        let x = values([planes, 3, height, width], 1).mul_scalar(2.0).round().detach().require_grad();
        let none = values([1], 2);
        let pooled = |x, ours| match ours {
            true => ganvas_kernels::max_pool2d(x, size),
            false => burned::max_pool2d(x, MaxPoolOptions::new([size; 2]).with_stride([size; 2])),
        };
        let [ours, theirs] = [true, false].map(|ours| outcome(&x, &none, &none, |x, _: Tensor<1>, _| pooled(x, ours)));
        close(&ours[..2].to_vec(), &theirs[..2].to_vec()).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn rectifiers(count in 1usize..100_000, slope in prop_oneof![Just(0.0), 0.01..0.9]) {
        let (x, none) = (values([count], 1), values([1], 2));
        let ours = outcome(&x, &none, &none, |x, w, b| ganvas_kernels::leaky_relu(x, slope) + w + b);
        let theirs = outcome(&x, &none, &none, |x, w, b| activation::leaky_relu(x, slope) + w + b);
        close(&ours[..2].to_vec(), &theirs[..2].to_vec()).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn smooth_functions(count in 1usize..40_000, scale in 0.01..30.0) {
        let (x, none) = (values([count], 1).mul_scalar(scale).detach().require_grad(), values([1], 2));
        type Pointwise = fn(Tensor<1>) -> Tensor<1>;
        let pairs: [[Pointwise; 2]; 4] = [
            [|x| ganvas_kernels::exp(x.mul_scalar(0.1)), |x| x.mul_scalar(0.1).exp()],
            [ganvas_kernels::softplus, |x| activation::log_sigmoid(x.neg()).neg()],
            [ganvas_kernels::sigmoid, activation::sigmoid],
            [ganvas_kernels::tanh, Tensor::tanh],
        ];
        for pair in pairs {
            let [ours, theirs] = pair.map(|f| outcome(&x, &none, &none, |x, w, b| f(x) + w + b));
            close(&ours[..2].to_vec(), &theirs[..2].to_vec()).map_err(TestCaseError::fail)?;
        }
    }

    /// Of values in [0, 1] and logits of either sign, with a weight for each row.
    #[test]
    fn bernoulli_laws(rows in 1usize..60, columns in 1usize..400, scale in 0.1..20.0) {
        let x = values([rows, columns], 1).square().detach().require_grad();
        let logits = values([rows, columns], 2).mul_scalar(scale).detach().require_grad();
        let outcome = |ours: bool| {
            let y = match ours {
                true => ganvas_kernels::bernoulli(x.clone(), logits.clone()),
                false => {
                    let terms = x.clone() * logits.clone() + activation::log_sigmoid(logits.clone().neg());
                    terms.sum_dim(1).squeeze_dim(1)
                }
            };
            let gradients = (y.clone() * values([rows], 9).detach()).sum().backward();
            let of = |t: &Tensor<2>| numbers(t.grad(&gradients).unwrap());
            vec![numbers(y), of(&x), of(&logits)]
        };
        close(&outcome(true), &outcome(false)).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn sums_of_squares(count in 1usize..100_000) {
        let x = values([count], 1);
        let ours = numbers(ganvas_kernels::sum_of_squares(x.clone()))[0];
        let exact: f64 = numbers(x).into_iter().map(|x| f64::from(x).powi(2)).sum();
        prop_assert!((f64::from(ours) - exact).abs() <= 1e-6 * exact.max(1.0), "{ours} against {exact}");
    }
}

/// The slope of a rectifier, and at its corner that from the left.
#[test]
fn slopes_of_rectifiers() {
    let x = Tensor::<1>::from_floats([-2.0, -0.0, 0.0, 3.0, f32::NAN], &Device::flex().autodiff()).require_grad();
    let slope = ganvas_kernels::leaky_relu_slope(x.clone(), 0.2);
    assert_eq!(numbers(slope.clone()), [0.2, 0.2, 0.2, 1.0, 0.2]);
    let gradients = (slope.sum() + x.clone().sum()).backward();
    assert_eq!(numbers(x.grad(&gradients).unwrap()), [1.0; 5]);
}

#[test]
fn a_maximum_hides_no_value_that_is_not_a_number() {
    for place in 0..4 {
        let mut square = [1.0f32, 2.0, 3.0, 4.0];
        square[place] = f32::NAN;
        let x = Tensor::<1>::from_floats(square, &Device::flex()).reshape([1, 1, 2, 2]);
        assert!(numbers(ganvas_kernels::max_pool2d(x, 2))[0].is_nan(), "{place}");
    }
}

/// Three updates of many values, against the rule in double precision.
#[test]
fn adam_follows_its_rule() {
    let n = 40_000;
    let (lr, beta1, beta2, epsilon) = (1e-2, 0.5, 0.9, 1e-8);
    let (mut w, mut m, mut v) =
        (values([n], 1).inner(), Tensor::zeros([n], &Device::flex()), Tensor::zeros([n], &Device::flex()));
    let mut expected: Vec<[f64; 3]> = numbers(w.clone()).into_iter().map(|w| [f64::from(w), 0.0, 0.0]).collect();
    for t in 1..=3 {
        let gradient = values([n], t as usize + 4).inner();
        let rates = ganvas_kernels::AdamRates {
            beta1,
            beta2,
            size: -lr / (1.0 - f64::powi(beta1, t)),
            root: 1.0 / (1.0 - f64::powi(beta2, t)).sqrt(),
            epsilon,
        };
        for (state, g) in expected.iter_mut().zip(numbers(gradient.clone())) {
            let ([w, m, v], g) = (*state, f64::from(g));
            let (m, v) = (beta1 * m + (1.0 - beta1) * g, beta2 * v + (1.0 - beta2) * g * g);
            let (first, second) = (m / (1.0 - f64::powi(beta1, t)), v / (1.0 - f64::powi(beta2, t)));
            *state = [w - lr * first / (second.sqrt() + epsilon), m, v];
        }
        (w, [m, v]) = ganvas_kernels::adam(w, gradient, [m, v], rates);
    }
    for (i, (w, expected)) in numbers(w).into_iter().zip(expected).enumerate() {
        assert!((f64::from(w) - expected[0]).abs() < 1e-5, "{i}: {w} against {}", expected[0]);
    }
}

/// Sizes of real networks, where work is shared.
const LARGE: [Case; 6] = [
    Case { batch: 60, inputs: 32, outputs: 64, sides: [16, 16], kernel: [4, 4], stride: 2, padding: 1 },
    Case { batch: 60, inputs: 64, outputs: 32, sides: [7, 7], kernel: [4, 4], stride: 2, padding: 1 },
    Case { batch: 33, inputs: 3, outputs: 16, sides: [32, 32], kernel: [4, 4], stride: 2, padding: 1 },
    Case { batch: 40, inputs: 16, outputs: 32, sides: [14, 14], kernel: [5, 5], stride: 2, padding: 2 },
    Case { batch: 70, inputs: 32, outputs: 48, sides: [7, 7], kernel: [3, 3], stride: 1, padding: 1 },
    Case { batch: 300, inputs: 24, outputs: 1, sides: [4, 4], kernel: [4, 4], stride: 1, padding: 0 },
];

/// A long short-term memory made of burn's operations.
fn step_by_step(inputs: Tensor<3>, recurrent: Tensor<2>) -> Tensor<3> {
    let ([n, steps, _], [units, _]) = (inputs.dims(), recurrent.dims());
    let mut held = Tensor::<2>::zeros([n, units], &inputs.device());
    let mut memory = held.clone();
    let mut outputs = Vec::new();
    for step in 0..steps {
        let all = inputs.clone().narrow(1, step, 1).squeeze_dim::<2>(1) + held.matmul(recurrent.clone());
        let [input, forget, cell, output] = [0, 1, 2, 3].map(|gate| all.clone().narrow(1, gate * units, units));
        memory = activation::sigmoid(forget) * memory + activation::sigmoid(input) * cell.tanh();
        held = activation::sigmoid(output) * memory.clone().tanh();
        outputs.push(held.clone().unsqueeze_dim::<3>(1));
    }
    Tensor::cat(outputs, 1)
}

/// `[n, steps, units]` as wide as what the gates were given.
fn padded(outputs: Tensor<3>) -> Tensor<3> {
    outputs.repeat_dim(2, 4)
}

#[test]
fn large_ones_are_right_and_do_not_depend_on_the_threads() {
    for case in LARGE {
        let kernels = [
            (&(|ours| convolution(case, ours)) as &(dyn Fn(bool) -> Outcome + Sync)),
            &(|ours| transposed(case, case.stride - 1, ours)),
        ];
        for kernel in kernels {
            let one = with_threads(1, || kernel(true));
            assert_eq!(one, with_threads(2, || kernel(true)), "{case:?}");
            // Sums of some ten thousand terms of f32 each, in another order.
            close(&one, &kernel(false)).unwrap_or_else(|what| panic!("{case:?}, {what}"));
        }
    }
    let (x, weight, bias) = (values([128, 784], 1), values([784, 400], 2), values([400], 3));
    let linear = || outcome(&x, &weight, &bias, |x, w, b| ganvas_kernels::linear(x, w, Some(b)));
    assert_eq!(with_threads(1, linear), with_threads(2, linear));
    let (x, gamma, beta) = (values([64, 32, 16, 16], 1), values([32], 2), values([32], 3));
    let normed = || outcome(&x, &gamma, &beta, |x, g, b| ganvas_kernels::batch_norm(x, g, b, 1e-5).output);
    assert_eq!(with_threads(1, normed), with_threads(2, normed));
    let recurrent = values([40, 4 * 40], 2).mul_scalar(0.2).detach().require_grad();
    let (inputs, none) = (values([100, 30, 4 * 40], 1), values([1], 3));
    let of = |lstm: fn(Tensor<3>, Tensor<2>) -> Tensor<3>| {
        outcome(&inputs, &recurrent, &none, |x, w, b| padded(lstm(x, w)) + b.unsqueeze())
    };
    let lstm = || of(ganvas_kernels::lstm);
    assert_eq!(with_threads(1, lstm), with_threads(2, lstm));
    close(&lstm(), &of(step_by_step)).unwrap();
}

/// What does not fit is refused, in place of what lies in memory.
#[test]
fn shapes_that_do_not_fit_are_refused() {
    let (x, weight, bias) = (values([2, 64, 8, 8], 1), values([64, 32, 3, 3], 2), values([64], 3));
    let one = || values([1], 4);
    let wide = values([64, 64, 3, 3], 2);
    type Wrong = Box<dyn Fn()>;
    let cases: [(&str, Wrong); 7] = [
        ("channels of the image", {
            let x = x.clone();
            Box::new(move || drop(ganvas_kernels::conv2d(x.clone(), weight.clone(), Some(bias.clone()), 1, 1)))
        }),
        ("bias", {
            let x = x.clone();
            Box::new(move || drop(ganvas_kernels::conv2d(x.clone(), wide.clone(), Some(one()), 1, 1)))
        }),
        ("gains", {
            let x = x.clone();
            Box::new(move || drop(ganvas_kernels::batch_norm(x.clone(), one(), one(), 1e-5).output))
        }),
        ("inputs of the weight", Box::new(|| drop(ganvas_kernels::linear(values([3, 4], 1), values([5, 2], 2), None)))),
        ("logits", Box::new(|| drop(ganvas_kernels::bernoulli(values([1, 4], 1), values([3, 4], 2))))),
        ("four gates", Box::new(|| drop(ganvas_kernels::lstm(values([2, 3, 12], 1), values([4, 12], 2))))),
        (
            "nothing is left",
            Box::new(|| {
                drop(ganvas_kernels::conv_transpose2d(values([1, 2, 1, 1], 1), values([2, 3, 2, 2], 2), None, 2, 1, 0))
            }),
        ),
    ];
    for (what, case) in cases {
        let message = std::panic::catch_unwind(std::panic::AssertUnwindSafe(case)).expect_err(what);
        let message = message.downcast_ref::<String>().cloned().unwrap_or_default();
        assert!(message.contains(what), "{message} has no word of {what}");
    }
}

/// What is transposed, sliced or broadcast is read as it is, not as it lies in memory.
#[test]
fn views_are_read_in_their_order() {
    let x = values([5, 4, 6, 3], 1).swap_dims(1, 3).slice([1..4, 0..2, 1..6, 0..4]);
    let weight = values([4, 3, 3, 2], 2).permute([0, 3, 1, 2]).detach().require_grad();
    let x = x.detach().require_grad();
    let bias = values([4], 3);
    let ours = outcome(&x, &weight, &bias, |x, w, b| ganvas_kernels::conv2d(x, w, Some(b), 1, 1));
    let options = || ConvOptions::new([1; 2], [1; 2], [1, 1], 1);
    let theirs = outcome(&x, &weight, &bias, |x, w, b| burned::conv2d(x, w, Some(b), options()));
    close(&ours, &theirs).unwrap();
    let x = values([6, 5], 1).transpose().detach().require_grad();
    let weight = values([4, 6], 2).transpose().detach().require_grad();
    let ours = outcome(&x, &weight, &bias, |x, w, b| ganvas_kernels::linear(x, w, Some(b)));
    close(&ours, &outcome(&x, &weight, &bias, |x, w, b| burned::linear(x, w, Some(b)))).unwrap();
}

/// Constants have no gradient, and a variance of zero no infinite one.
#[test]
fn constants_and_flat_channels() {
    let x = values([2, 3, 8, 8], 1);
    let weight = values([4, 3, 3, 3], 2).set_require_grad(false);
    let gradients = ganvas_kernels::conv2d(x.clone(), weight.clone(), None, 1, 1).sum().backward();
    assert!(x.grad(&gradients).is_some() && weight.grad(&gradients).is_none());
    let flat = Tensor::<4>::full([4, 2, 3, 3], 0.7, &Device::flex().autodiff()).require_grad();
    let normed = ganvas_kernels::batch_norm(flat.clone(), values([2], 2), values([2], 3), 1e-5);
    assert!(numbers(normed.variance).iter().all(|&v| v == 0.0));
    let gradients = normed.output.sum().backward();
    assert!(numbers(flat.grad(&gradients).unwrap()).iter().all(|g| g.is_finite()));
}

/// What layers give in mixed precision, and its gradients, is what they give in single precision but for the rounding of what is
/// multiplied; what comes out is in single precision again.
#[test]
fn products_in_sixteen_bits_are_those_of_single_precision_rounded() {
    use burn::tensor::FloatDType::{BF16, F16};
    let bias = values([3], 3);
    let linear = |x, weight, bias| ganvas_kernels::linear(x, weight, Some(bias));
    let conv = |x, weight, bias| ganvas_kernels::conv2d(x, weight, Some(bias), 2, 1);
    let transposed = |x, weight, bias| ganvas_kernels::conv_transpose2d(x, weight, Some(bias), 2, 1, 0);
    let all = || {
        [
            outcome(&values([6, 5], 1), &values([5, 3], 2), &bias, linear),
            outcome(&values([2, 4, 8, 8], 1), &values([3, 4, 4, 4], 2), &bias, conv),
            outcome(&values([2, 4, 8, 8], 1), &values([4, 3, 4, 4], 2), &bias, transposed),
        ]
    };
    let single = all();
    for (dtype, tolerance) in [(BF16, 0.02), (F16, 0.01)] {
        let mixed = ganvas_kernels::with_products_in(Some(dtype), all);
        for (mixed, single) in mixed.iter().flatten().zip(single.iter().flatten()) {
            assert_eq!(mixed.len(), single.len());
            let size = single.iter().fold(0f32, |most, value| most.max(value.abs()));
            let apart = mixed.iter().zip(single).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(apart <= tolerance * size, "{dtype:?}: {apart} of {size}");
        }
        assert_ne!(mixed[0][0], single[0][0], "{dtype:?}");
    }
    assert_eq!(all(), single, "only while it is asked for");
}
