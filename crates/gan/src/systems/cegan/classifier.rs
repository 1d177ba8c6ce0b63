//! The classifier and its losses.

use burn::module::Module;
use burn::tensor::{Bool, Device, Tensor};
use ganvas_data::ItemShape;
use ganvas_nets::init::Init;
use ganvas_nets::layers::{Activation, Conv2d, Geometry, pool};
use ganvas_nets::mlp::Mlp;
use ganvas_nets::noise::Pass;

use super::ClassifierConfig;

/// Items to a logit for each class.
#[derive(Module, Debug)]
pub struct Classifier {
    convolutions: Vec<Conv2d>,
    head: Mlp,
    #[module(skip)]
    planes: [usize; 3],
}

impl Classifier {
    pub(crate) fn new(config: &ClassifierConfig, shape: ItemShape, classes: usize, init: &mut Init) -> Self {
        let planes = shape.planes();
        let mut inputs = planes[0];
        let mut convolutions = Vec::with_capacity(config.convolutions.len());
        for &outputs in &config.convolutions {
            convolutions.push(Conv2d::new(inputs, outputs, Geometry::KEEP, true, init));
            inputs = outputs;
        }
        let head = Mlp::new(config.features(planes), classes, &config.hidden, init);
        Self { convolutions, head, planes }
    }

    /// # Shapes
    /// Flat items `[n, values]` to `[n, classes]`.
    pub fn forward(&self, items: Tensor<2>, pass: Pass) -> Tensor<2> {
        let n = items.dims()[0];
        let [channels, height, width] = self.planes;
        let x = self.convolutions.iter().fold(items.reshape([n, channels, height, width]), |x, convolution| {
            pool::halve_by_maxima(Activation::Relu.forward(convolution.forward(x, pass)).into()).value
        });
        self.head.forward(x.flatten(1, 3), pass)
    }
}

/// -ln p(class) of each item, `[n]`, in nats, from logits and indicators of the classes, `[n, classes]` both.
pub(super) fn surprisal(logits: Tensor<2>, classes: Tensor<2>) -> Tensor<1> {
    (burn::tensor::activation::log_softmax(logits, 1) * classes).sum_dim(1).squeeze_dim::<1>(1).neg()
}

/// -ln(1 - p(b)) of each item and class b, `[n, classes]`, in nats, from logits of the same shape: the logarithm of the sum of
/// all exponentials less that of all but b's, so that a p(b) next to 1 has its slope.
pub(super) fn complement_surprisal(logits: Tensor<2>) -> Tensor<2> {
    let [n, classes] = logits.dims();
    let device: Device = logits.device();
    let own: Tensor<3, Bool> =
        Tensor::<2>::eye(classes, &device).bool().unsqueeze_dim::<3>(0).expand([n, classes, classes]);
    // `[n, b, k]`: an exponential of -1e9 is zero, whatever the others are.
    let others = logits.clone().unsqueeze_dim::<3>(1).expand([n, classes, classes]).mask_fill(own, -1e9);
    let of_others = log_sum_exp(others).squeeze_dim::<2>(2);
    log_sum_exp(logits.unsqueeze_dim::<3>(1)).squeeze_dim::<2>(2).expand([n, classes]) - of_others
}

/// ln of the sum of exponentials over the last dimension, of which 1 is left.
fn log_sum_exp(x: Tensor<3>) -> Tensor<3> {
    let largest = x.clone().detach().max_dim(2);
    (x - largest.clone()).exp().sum_dim(2).log() + largest
}

/// The loss on ambiguous classes: the mean of -ln(1 - p(b)) over all items and the pairs (a, b) with a the item's class, each
/// with the item's weight; 0 where there is no pair. `[1]`.
///
/// # Shapes
/// `logits` and `classes` (indicators): `[n, classes]`; `pairs` (1 where (a, b) is one): `[classes, classes]`; `weights`: `[n]`.
pub(super) fn ambiguity(logits: Tensor<2>, classes: Tensor<2>, pairs: Tensor<2>, weights: Tensor<1>) -> Tensor<1> {
    let pairs = classes.matmul(pairs) * weights.unsqueeze_dim::<2>(1);
    let all = pairs.clone().sum().clamp_min(1e-12);
    (complement_surprisal(logits) * pairs).sum() / all
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_nets::init::Initializer;
    use ganvas_nets::optim::trainable;
    use ganvas_prob::stream::Streams;

    const LOGITS: [[f32; 3]; 3] = [[1.0, -0.5, 0.25], [3.0, 2.0, -4.0], [0.0, 40.0, -40.0]];

    fn probabilities(logits: [f32; 3]) -> [f64; 3] {
        let e = logits.map(|x| f64::from(x - 40.0).exp());
        e.map(|x| x / e.iter().sum::<f64>())
    }

    fn values<const D: usize>(x: Tensor<D>) -> Vec<f64> {
        x.to_data().iter::<f64>().collect()
    }

    #[test]
    fn the_small_classifier_has_its_size() {
        let device = Device::flex().autodiff();
        let mut init = Init::new(&Streams::new(1), "classifier", Initializer::He, &device);
        let shape = ItemShape::Image { channels: 1, height: 28, width: 28 };
        let net = Classifier::new(&super::super::images().classifier, shape, 10, &mut init);
        assert_eq!(trainable(&net), 52_138);
        assert_eq!(net.forward(Tensor::zeros([3, 784], &device), Pass::Eval).dims(), [3, 10]);
    }

    #[test]
    fn surprisals_are_those_of_the_softmax() {
        let device = Device::flex();
        let logits = Tensor::<2>::from_floats(LOGITS, &device);
        let found = values(complement_surprisal(logits.clone()));
        for (i, (found, logits)) in found.chunks(3).zip(LOGITS).enumerate() {
            for (k, found) in found.iter().enumerate() {
                let rest: f64 = probabilities(logits).iter().enumerate().filter(|&(j, _)| j != k).map(|(_, p)| p).sum();
                assert!((found + rest.ln()).abs() < 1e-5 * (1.0 - rest.ln()), "{i}, {k}: {found}");
            }
        }
        let classes = Tensor::<2>::from_floats([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]], &device);
        for (i, (found, class)) in values(surprisal(logits, classes)).into_iter().zip([1, 0, 0]).enumerate() {
            let expected = -probabilities(LOGITS[i])[class].ln();
            assert!((found - expected).abs() < 1e-5 * (1.0 + expected), "{i}: {found}");
        }
    }

    /// Classes 0, 1 and 0; the pairs (0, 1), (0, 2) and (1, 2): five terms, the last item's of half the weight.
    #[test]
    fn the_loss_on_ambiguous_classes_by_hand() {
        let device = Device::flex();
        let pairs = Tensor::<2>::from_floats([[0.0, 1.0, 1.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]], &device);
        let classes = Tensor::<2>::from_floats([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], &device);
        let weights = Tensor::<1>::from_floats([1.0, 1.0, 0.5], &device);
        let logits = Tensor::<2>::from_floats(LOGITS, &device);
        let found: f64 = ambiguity(logits.clone(), classes.clone(), pairs.clone(), weights.clone()).into_scalar();
        let term = |i: usize, b: usize| {
            let p = probabilities(LOGITS[i]);
            -(0..3).filter(|&k| k != b).map(|k| p[k]).sum::<f64>().ln()
        };
        let sum = term(0, 1) + term(0, 2) + term(1, 2) + 0.5 * (term(2, 1) + term(2, 2));
        assert!((found - sum / 4.0).abs() < 1e-4 * found, "{found}");
        let none: f64 = ambiguity(logits, classes, pairs.zeros_like(), weights).into_scalar();
        assert_eq!(none, 0.0);
    }

    /// Where the wrong class is nearly certain the slope is 1, not lost in rounding.
    #[test]
    fn a_certain_mistake_still_has_a_slope() {
        let device = Device::flex().autodiff();
        let logits = Tensor::<2>::from_floats([[0.0, 40.0, -40.0]], &device).require_grad();
        let gradients = complement_surprisal(logits.clone()).narrow(1, 1, 1).sum().backward();
        let slope = values(logits.grad(&gradients).unwrap());
        assert!((slope[0] + 1.0).abs() < 1e-5 && (slope[1] - 1.0).abs() < 1e-5, "{slope:?}");
    }
}
