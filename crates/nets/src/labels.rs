//! How networks are told what class an item is of, or asked for it.
//!
//! Classes come as indicators, `[n, classes]`: 1 where an item is of the class, 0 elsewhere. But for the auxiliary
//! classifier, whose loss is of one class for each item, any real vector that describes an item will do in their place.

use burn::module::Module;
use burn::tensor::{Int, Tensor};
use serde::{Deserialize, Serialize};

use crate::dual::Dual;
use crate::init::Init;
use crate::layers::{Linear, Norm};
use crate::noise::Pass;

/// What a discriminator has to do with classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conditioning {
    /// Nothing; no network is told a class.
    #[default]
    None,
    /// They are further inputs (Mirza and Osindero 2014).
    Concatenation,
    /// Their embedding's inner product with the last features is added to the score (Miyato and Koyama 2018, eq. 3).
    Projection,
    /// It is not told them, but guesses them from the features that it scores (Odena et al. 2017, AC-GAN).
    Auxiliary,
}

/// `[n]` classes to `[n, count]`: 1 where it is, 0 elsewhere.
pub fn indicators(classes: Tensor<1, Int>, count: usize) -> Tensor<2> {
    let all = Tensor::<1, Int>::arange(0..count as i64, &classes.device());
    let [n] = classes.dims();
    let classes = classes.unsqueeze_dim::<2>(1).expand([n, count]);
    classes.equal(all.unsqueeze_dim::<2>(0).expand([n, count])).float()
}

/// What a discriminator makes of items.
pub struct Judgement {
    /// How much it takes them for real, `[n, 1]`.
    pub score: Dual<2>,
    /// Logits of their classes, `[n, classes]`, where it has an auxiliary classifier.
    pub logits: Option<Dual<2>>,
}

/// What a discriminator has beside its score, of the same features.
#[derive(Module, Debug)]
pub enum ClassHead {
    /// An embedding of the classes: v_y for each, without a bias.
    Projection(Linear),
    /// A linear classifier.
    Auxiliary(Linear),
}

impl ClassHead {
    /// For so many features and classes, with a spectral norm of 1 if it is wanted; none where the conditioning has none or
    /// there are no classes.
    pub fn new(
        conditioning: Conditioning,
        features: usize,
        classes: usize,
        spectral: bool,
        init: &mut Init,
    ) -> Option<Self> {
        let mut linear = |bias| {
            let linear = Linear::new(features, classes, bias, init);
            if spectral { linear.spectral(init) } else { linear }
        };
        match conditioning {
            _ if classes == 0 => None,
            Conditioning::None | Conditioning::Concatenation => None,
            Conditioning::Projection => Some(Self::Projection(linear(false))),
            Conditioning::Auxiliary => Some(Self::Auxiliary(linear(true))),
        }
    }

    /// What becomes of a score of `features`, `[n, features]`, given what the items are said to be.
    pub fn judge(&self, score: Dual<2>, features: Dual<2>, classes: Option<Tensor<2>>, pass: Pass) -> Judgement {
        match (self, classes) {
            (Self::Projection(embedding), Some(classes)) => {
                let products = embedding.dual(features, pass);
                let told = products.linear(|products| (products * classes.clone()).sum_dim(1));
                Judgement { score: score + told, logits: None }
            }
            (Self::Projection(_), None) => Judgement { score, logits: None },
            (Self::Auxiliary(classifier), _) => Judgement { score, logits: Some(classifier.dual(features, pass)) },
        }
    }
}

/// The score of `features` and what the head makes of both; a network without a head has the score alone.
pub(crate) fn judged(
    head: &Option<ClassHead>,
    score: Dual<2>,
    features: Dual<2>,
    classes: Option<Tensor<2>>,
    pass: Pass,
) -> Judgement {
    match head {
        Some(head) => head.judge(score, features, classes, pass),
        None => Judgement { score, logits: None },
    }
}

/// Values, each with its classes after it as further inputs. An indicator is one number among many: it is multiplied by the root
/// of how many values there are, so that the first layer hears as much of the class as of all else.
///
/// # Shapes
/// `[n, values]` and `[n, classes]` to `[n, values + classes]`.
pub(crate) fn with_classes(x: Dual<2>, classes: Tensor<2>) -> Dual<2> {
    let values = x.value.dims()[1];
    Dual::cat(vec![x, classes.mul_scalar((values as f64).sqrt()).into()], 1)
}

/// What a generator's first layer and its norms are given: the classes follow the latents, unless the norms take them.
pub(crate) fn following(latents: Dual<2>, classes: Option<Tensor<2>>, norms: &[Norm]) -> (Dual<2>, Option<Tensor<2>>) {
    match classes {
        Some(classes) if !norms.iter().any(|norm| matches!(norm, Norm::Conditional(_))) => {
            (with_classes(latents, classes), None)
        }
        classes => (latents, classes),
    }
}

/// Flat items as images `[channels, height, width]` each, with a plane for each class that is told, after the channels: 1
/// throughout where the image is said to be of it.
pub(crate) fn with_planes(items: Dual<2>, image: [usize; 3], classes: Option<Tensor<2>>) -> Dual<4> {
    let [channels, height, width] = image;
    let [batch, _] = items.value.dims();
    let images = items.reshape([batch, channels, height, width]);
    let Some(classes) = classes else { return images };
    let [_, count] = classes.dims();
    let planes = classes.reshape([batch, count, 1, 1]).expand([batch, count, height, width]);
    Dual::cat(vec![images, planes.into()], 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn tensor<const N: usize, const M: usize>(values: [[f32; M]; N]) -> Tensor<2> {
        Tensor::from_floats(values, &Device::flex())
    }

    fn values(tensor: Tensor<2>) -> Vec<f32> {
        tensor.to_data().iter().collect()
    }

    /// Embeddings (1, 2), (3, 4) and (5, 6); features (1, 10) and (2, 0).
    #[test]
    fn heads_by_hand() {
        let mut init = Init::new(&Streams::new(1), "net", Initializer::He, &Device::flex());
        let mut weight = |head: ClassHead| match head {
            ClassHead::Projection(mut linear) => {
                linear.weight = init.parameter(vec![1.0, 3.0, 5.0, 2.0, 4.0, 6.0], [2, 3]);
                assert!(linear.bias.is_none());
                ClassHead::Projection(linear)
            }
            ClassHead::Auxiliary(linear) => {
                let mut linear = linear.with_bias(vec![0.5, 0.0, -0.5], &mut init);
                linear.weight = init.parameter(vec![1.0, 3.0, 5.0, 2.0, 4.0, 6.0], [2, 3]);
                ClassHead::Auxiliary(linear)
            }
        };
        let mut other = Init::new(&Streams::new(1), "net", Initializer::He, &Device::flex());
        let mut judge = |conditioning, classes| {
            let head = weight(ClassHead::new(conditioning, 2, 3, false, &mut other).unwrap());
            let features = tensor([[1.0, 10.0], [2.0, 0.0]]);
            head.judge(tensor([[100.0], [200.0]]).into(), features.into(), classes, Pass::Eval)
        };
        let second_and_first = tensor([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]);
        let found = judge(Conditioning::Projection, Some(second_and_first.clone()));
        assert_eq!(values(found.score.value), [143.0, 202.0]);
        assert!(found.logits.is_none());
        // Attributes: half of the first and all of the third.
        let attributes = tensor([[0.5, 0.0, 1.0], [0.0, 0.0, 0.0]]);
        let found = judge(Conditioning::Projection, Some(attributes));
        assert_eq!(values(found.score.value), [175.5, 200.0]);
        let found = judge(Conditioning::Auxiliary, Some(second_and_first));
        assert_eq!(values(found.score.value), [100.0, 200.0]);
        assert_eq!(values(found.logits.unwrap().value), [21.5, 43.0, 64.5, 2.5, 6.0, 9.5]);
    }
}
