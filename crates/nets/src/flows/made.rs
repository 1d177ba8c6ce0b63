use burn::module::{Module, Param};
use burn::tensor::{Tensor, TensorData};
use ganvas_kernels::{linear, tanh};
use serde::{Deserialize, Serialize};

use crate::init::{Init, Initializer};
use crate::layers::{Activation, Linear};
use crate::mlp::MlpConfig;

/// Log-scales stay within plus and minus this: a factor between 0.018 and 55.
const LOG_SCALE: f64 = 4.0;

/// The weights of the output start as those of the rule times this, so that shifts and log-scales start near 0.
const OUTPUT_WEIGHT: f32 = 0.01;

/// The hidden layers of a [`Made`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeConfig {
    /// Units of each hidden layer; with none the outputs are linear in what they depend on.
    pub hidden: Vec<usize>,
    /// What follows each hidden layer.
    pub activation: Activation,
    /// Rule for the initial weights.
    pub init: Initializer,
}

impl MadeConfig {
    /// Hidden layers of these units.
    pub fn new(hidden: &[usize], activation: Activation, init: Initializer) -> Self {
        Self { hidden: hidden.to_vec(), activation, init }
    }

    /// The first setting that is out of its domain, as (name, what it must be, value), for items of `dims` values and a
    /// context of `context`.
    pub fn fault(&self, dims: usize, context: usize) -> Option<(&'static str, &'static str, String)> {
        MlpConfig::new(&self.hidden, self.activation, self.init)
            .fault(dims.saturating_add(context), dims.saturating_mul(2))
    }
}

/// In which order the dimensions of an item follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The first one first.
    Natural,
    /// The last one first.
    Reversed,
}

impl Order {
    /// The order of the `i`th of several maps in a row, so that what was last in one is first in the next.
    pub fn of_block(i: usize) -> Self {
        if i.is_multiple_of(2) { Self::Natural } else { Self::Reversed }
    }

    /// The dimensions, the one that depends on nothing first.
    pub fn walk(self, dims: usize) -> impl Iterator<Item = usize> {
        (0..dims).map(move |i| match self {
            Self::Natural => i,
            Self::Reversed => dims - 1 - i,
        })
    }
}

/// A linear layer of which some connections are cut.
///
/// The weight of a cut connection starts at 0 and gets no gradient, so it stays there, and the layer without its mask is the
/// same function. It counts among the trained values.
#[derive(Module, Debug)]
struct Masked {
    linear: Linear,
    /// 1 where two units are connected, else 0, `[inputs, outputs]`. A constant: no part of what is trained or kept.
    mask: Tensor<2>,
}

impl Masked {
    /// From units of some degrees to units of others, connected where `connected(from, to)`; weights times `scale`.
    fn new(from: &[usize], to: &[usize], connected: fn(usize, usize) -> bool, scale: f32, init: &mut Init) -> Self {
        let shape = [from.len(), to.len()];
        let mask = from.iter().flat_map(|&a| to.iter().map(move |&b| if connected(a, b) { 1.0f32 } else { 0.0 }));
        let mask = Tensor::<2>::from_data(TensorData::new(mask.collect(), shape), init.device());
        let mut linear = Linear::new(shape[0], shape[1], true, init);
        let weight = linear.weight.val() * mask.clone().mul_scalar(scale);
        linear.weight = Param::from_tensor(weight.detach());
        Self { linear, mask }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let weight = self.linear.weight.val();
        let mask = self.mask.clone().cast(weight.dtype());
        linear(x, weight * mask, self.linear.bias.as_ref().map(Param::val))
    }
}

/// A masked autoencoder: a shift and a log-scale for each dimension of an item, which depend on the dimensions before it
/// alone (Germain et al. 2015, "MADE").
///
/// Every unit has a degree, the number of dimensions that it may depend on. Dimension i of d has degree i (the last one 1,
/// and so on, if the order is reversed), a context has degree 0. Degrees of hidden units are not drawn but rise evenly over each
/// layer, from 1 to d - 1; with a context, or where d = 1, from 0. A hidden unit is connected to what is below it of a degree no
/// higher than its own, an output to what is of a lower degree than its dimension (eq. 8 and 9). A layer of fewer units
/// than there are degrees leaves some out, so that not every output depends on all that it may.
///
/// A context, what an encoder says of the item for one (Kingma et al. 2016, section 4), is a further input of the first
/// layer; all outputs depend on it.
#[derive(Module, Debug)]
pub struct Made {
    hidden: Vec<Masked>,
    output: Masked,
    dims: usize,
    #[module(skip)]
    order: Order,
    #[module(skip)]
    activation: Activation,
}

impl Made {
    /// For items of `dims` values and a context of `context` values, 0 for none.
    pub fn new(dims: usize, context: usize, order: Order, config: &MadeConfig, init: &mut Init) -> Self {
        let mut degrees = vec![0; dims];
        for (degree, dim) in (1..).zip(order.walk(dims)) {
            degrees[dim] = degree;
        }
        let lowest = usize::from(context == 0 && dims > 1);
        let span = (dims - lowest).max(1);
        let mut below = [degrees.as_slice(), &vec![0; context]].concat();
        let mut hidden = Vec::with_capacity(config.hidden.len());
        for &units in &config.hidden {
            let layer: Vec<usize> = (0..units).map(|k| lowest + k * span / units).collect();
            hidden.push(Masked::new(&below, &layer, |from, to| to >= from, 1.0, init));
            below = layer;
        }
        let outputs = degrees.repeat(2);
        let output = Masked::new(&below, &outputs, |from, to| to > from, OUTPUT_WEIGHT, init);
        Self { hidden, output, dims, order, activation: config.activation }
    }

    /// Shift and log-scale. A log-scale is 4 tanh(a / 4) of the last layer's a, within (-4, 4).
    ///
    /// # Shapes
    /// `[batch, dims]` and `[batch, context]` to `[batch, dims]` each.
    pub fn forward(&self, x: Tensor<2>, context: Option<Tensor<2>>) -> (Tensor<2>, Tensor<2>) {
        let mut x = match context {
            Some(context) => Tensor::cat(vec![x, context], 1),
            None => x,
        };
        for layer in &self.hidden {
            x = self.activation.forward(layer.forward(x));
        }
        let out = self.output.forward(x);
        let shift = out.clone().narrow(1, 0, self.dims);
        let raw = out.narrow(1, self.dims, self.dims);
        (shift, tanh(raw.div_scalar(LOG_SCALE)).mul_scalar(LOG_SCALE))
    }

    /// The item whose dimension i is `of(y_i, shift_i, log-scale_i)` where shift and log-scale are those of the item itself:
    /// one pass for each dimension.
    ///
    /// # Shapes
    /// `[batch, dims]` and `[batch, context]` to `[batch, dims]`.
    pub(super) fn solve(
        &self,
        y: Tensor<2>,
        context: Option<Tensor<2>>,
        of: impl Fn(Tensor<2>, Tensor<2>, Tensor<2>) -> Tensor<2>,
    ) -> Tensor<2> {
        let batch = y.dims()[0];
        let mut x = y.zeros_like();
        for i in self.order.walk(self.dims) {
            let (shift, log_scale) = self.forward(x.clone(), context.clone());
            let column = |values: Tensor<2>| values.narrow(1, i, 1);
            let solved = of(column(y.clone()), column(shift), column(log_scale));
            x = x.slice_assign([0..batch, i..i + 1], solved);
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{init, points, stirred};
    use super::*;
    use crate::optim::trainable;
    use crate::state::{State, save_module};
    use burn::tensor::Device;

    const ORDERS: [Order; 2] = [Order::Natural, Order::Reversed];

    fn config(hidden: &[usize]) -> MadeConfig {
        MadeConfig::new(hidden, Activation::Tanh, Initializer::Glorot)
    }

    fn made(dims: usize, context: usize, order: Order, hidden: &[usize]) -> Made {
        stirred(Made::new(dims, context, order, &config(hidden), &mut init(&Device::flex())), 0.5)
    }

    /// Shift and log-scale of the one item.
    fn outputs(made: &Made, x: &[f32], context: Option<Tensor<2>>) -> Vec<[u32; 2]> {
        let x = Tensor::from_data(TensorData::new(x.to_vec(), [1, x.len()]), &Device::flex());
        let (shift, log_scale) = made.forward(x, context);
        let bits = |values: Tensor<2>| values.to_data().iter::<f32>().map(f32::to_bits).collect::<Vec<_>>();
        bits(shift).into_iter().zip(bits(log_scale)).map(|(a, b)| [a, b]).collect()
    }

    #[test]
    fn an_output_depends_on_all_dimensions_before_its_own_and_no_other() {
        for (dims, context) in [1, 2, 5, 8].into_iter().flat_map(|dims| [(dims, 0), (dims, 3)]) {
            let hidden = [&[][..], &[9], &[16, 11, 13]];
            for (order, hidden) in ORDERS.into_iter().flat_map(|order| hidden.map(|hidden| (order, hidden))) {
                let made = made(dims, context, order, hidden);
                let given = (context > 0).then(|| points(1, context, 2.0));
                let x: Vec<f32> = points(1, dims, 1.0).to_data().iter().collect();
                let before = outputs(&made, &x, given.clone());
                let walk: Vec<usize> = order.walk(dims).collect();
                for (place, &j) in walk.iter().enumerate() {
                    let mut moved = x.clone();
                    moved[j] += 1.0;
                    let after = outputs(&made, &moved, given.clone());
                    for (other, &i) in walk.iter().enumerate() {
                        let changed = [0, 1].map(|of| before[i][of] != after[i][of]);
                        assert_eq!(changed, [other > place; 2], "{dims} {context} {order:?} {hidden:?}: {i} by {j}");
                    }
                }
            }
        }
    }

    /// Fewer units than degrees: 3 units for the degrees 1 to 19.
    #[test]
    fn of_few_units_each_output_but_the_first_depends_on_some_dimension() {
        let made = made(20, 0, Order::Natural, &[3]);
        let x = vec![0.1; 20];
        let before = outputs(&made, &x, None);
        for i in 1..20 {
            let mut moved = x.clone();
            moved[..i].iter_mut().for_each(|x| *x += 1.0);
            assert_ne!(before[i], outputs(&made, &moved, None)[i], "{i}");
        }
    }

    #[test]
    fn every_output_depends_on_the_context() {
        for (dims, hidden) in [(1, &[][..]), (1, &[4]), (4, &[16]), (4, &[16, 16])] {
            let made = made(dims, 2, Order::Reversed, hidden);
            let (x, context) = (vec![0.3; dims], points(1, 2, 1.0));
            let before = outputs(&made, &x, Some(context.clone()));
            let after = outputs(&made, &x, Some(context.add_scalar(0.5)));
            assert!(before.iter().zip(&after).all(|(a, b)| a[0] != b[0] && a[1] != b[1]), "{dims} {hidden:?}");
        }
    }

    /// 8 x 64 + 64, twice 64 x 64 + 64, 64 x 16 + 16: weights of cut connections are counted.
    #[test]
    fn an_8_64_64_64_16_network_has_9936_values_of_which_none_is_a_mask() {
        let device = Device::flex().autodiff();
        let made = Made::new(8, 0, Order::Natural, &config(&[64; 3]), &mut init(&device));
        assert_eq!(trainable(&made), 9936);
        let mut state = State::default();
        save_module(&made, "made", &mut state);
        assert_eq!(state.entries().len(), 8, "four weights, four biases: {:?}", state.entries().keys());
        let ones = made.hidden.iter().chain([&made.output]).map(|layer| layer.mask.clone().sum().into_scalar::<f64>());
        // 64 hidden units spread over the degrees 1 to 7 are 10, 9, 9, 9, 9, 9 and 9.
        let units = [10.0, 9.0, 9.0, 9.0, 9.0, 9.0, 9.0];
        let up_to = |degree: usize| units[..degree].iter().sum::<f64>();
        let first: f64 = (1..8).map(|degree| degree as f64 * units[degree - 1]).sum();
        let between: f64 = (1..8).map(|degree| up_to(degree) * units[degree - 1]).sum();
        let last: f64 = (0..8).map(|degree| 2.0 * up_to(degree)).sum();
        assert_eq!(ones.collect::<Vec<f64>>(), [first, between, between, last]);
    }

    #[test]
    fn weights_of_cut_connections_are_zero_and_get_no_gradient() {
        let device = Device::flex().autodiff();
        let made = Made::new(4, 2, Order::Natural, &config(&[16, 16]), &mut init(&device));
        let on = |x: Tensor<2>| Tensor::<2>::from_inner(x);
        let (shift, log_scale) = made.forward(on(points(8, 4, 1.0)), Some(on(points(8, 2, 1.0))));
        let gradients = (shift.square().sum() + log_scale.sum()).backward();
        for layer in made.hidden.iter().chain([&made.output]) {
            let cut = layer.mask.clone().inner().neg().add_scalar(1.0);
            let gradient = layer.linear.weight.val().grad(&gradients).unwrap();
            let weight = layer.linear.weight.val().inner();
            assert_eq!((gradient.abs() * cut.clone()).sum().into_scalar::<f32>(), 0.0);
            assert_eq!((weight.abs() * cut).sum().into_scalar::<f32>(), 0.0);
        }
    }

    #[test]
    fn log_scales_stay_within_their_bound() {
        for x in [1e4, -1e4] {
            let made = made(4, 0, Order::Natural, &[]);
            let (shift, log_scale) = made.forward(Tensor::full([1, 4], x, &Device::flex()), None);
            assert!(shift.is_finite().all().into_scalar::<bool>());
            assert!(log_scale.abs().max().into_scalar::<f64>() <= LOG_SCALE);
        }
    }

    #[test]
    fn settings_out_of_their_domain_are_named() {
        assert_eq!(config(&[64, 64]).fault(8, 0), None);
        assert_eq!(config(&[]).fault(1, 0), None);
        assert_eq!(config(&[64, 0]).fault(8, 0).map(|fault| fault.0), Some("hidden"));
        assert_eq!(config(&[1 << 16; 2]).fault(8, 0).map(|fault| fault.0), Some("hidden"));
        let init = Initializer::Normal { sd: -1.0 };
        assert_eq!(MadeConfig { init, ..config(&[8]) }.fault(8, 0).map(|fault| fault.0), Some("init.sd"));
    }
}
