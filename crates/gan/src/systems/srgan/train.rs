use std::f64::consts::PI;

use burn::module::Module;
use burn::tensor::Tensor;
use ganvas_engine::step::{MicroBatch, Step};
use ganvas_engine::system::Batch;
use ganvas_nets::state::Kept;

use super::features::{FeatureTask, turned};
use super::{Srgan, SrganConfig};
use crate::objectives::{Objective, cross_entropy};
use crate::systems::parts::record_scores;

const OBJECTIVE: Objective = Objective::NonSaturating;

/// A part of training, and the share of it that is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    /// The feature network is trained.
    Features { done: f64 },
    /// The generator is trained by squared errors: SRResNet.
    Content { done: f64 },
    /// Discriminator and generator are trained in turn: SRGAN.
    Adversarial,
}

impl SrganConfig {
    /// What is done where this share of all steps is.
    pub(super) fn stage(&self, progress: f64) -> Stage {
        let (first, second) = (self.features, self.features + self.content);
        if progress < first {
            Stage::Features { done: progress / first }
        } else if progress < second {
            Stage::Content { done: (progress - first) / self.content }
        } else {
            Stage::Adversarial
        }
    }

    /// Small images in [-1, 1] of large ones.
    pub(super) fn shrunk(&self, images: Tensor<4>) -> Tensor<4> {
        // Bicubic weights can lead out of the range.
        self.kernel.shrink(images, self.factor).clamp(-1.0, 1.0)
    }

    /// What the generator is given of large images in training.
    pub(super) fn low(&self, images: Tensor<4>) -> Tensor<4> {
        to_unit(self.shrunk(images))
    }
}

/// [-1, 1] to [0, 1], in which the paper's generator takes small images.
pub(super) fn to_unit(images: Tensor<4>) -> Tensor<4> {
    images.add_scalar(1.0).mul_scalar(0.5)
}

/// From 1 to `end` along half a cosine.
fn falling(done: f64, end: f64) -> f64 {
    end + (1.0 - end) * 0.5 * (1.0 + (PI * done).cos())
}

impl Srgan {
    /// The step of the part of training that it belongs to.
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) {
        match self.config.stage(step.progress()) {
            Stage::Features { done } => self.learn_features(done, batch, step),
            Stage::Content { done } => self.learn_content(done, batch, step),
            Stage::Adversarial => self.learn_adversarially(batch, step),
        }
    }

    fn learn_features(&mut self, done: f64, batch: &Batch, step: &mut Step) {
        let task = self.config.feature_task;
        step.phase("features").rate(falling(done, 0.0)).update("features", &mut self.features, batch, |net, micro| {
            let images = micro.batch.images();
            let (images, answers) = match (task, micro.batch.labels.clone()) {
                (FeatureTask::Class, Some(labels)) => (images, labels),
                _ => turned(images, &micro.noise),
            };
            let logits = net.answer(images);
            if micro.reported() {
                let right = logits.clone().argmax(1).squeeze_dim::<1>(1).equal(answers.clone());
                micro.record("features/accuracy", right.float());
            }
            cross_entropy(logits, answers)
        });
    }

    /// L = mean (G(x) - y)^2 (Ledig et al. 2017, eq. 4).
    fn learn_content(&mut self, done: f64, batch: &Batch, step: &mut Step) {
        let Self { generator, features, scales, config, .. } = self;
        scales.note(features.net.valid().compared(batch.images().without_autodiff()));
        let rate = falling(done, config.content_rate_end);
        step.phase("content").rate(rate).update("generator", generator, batch, |generator, micro| {
            let real = micro.batch.images();
            (generator.forward(config.low(real.clone()), micro.pass()) - real).square().mean()
        });
    }

    /// One update of the discriminator by L_D, then one of the generator by its distance from the truth, by features and by pixels, and
    /// by L_G (there, eqs. 2, 3, 5 and 6).
    fn learn_adversarially(&mut self, batch: &Batch, step: &mut Step) {
        let Self { generator, before, discriminator, features, scales, config, .. } = self;
        if discriminator.updates() == 0 {
            *before = Kept(generator.shown());
            // Its optimiser has followed another loss.
            generator.begin_anew();
        }
        step.phase("discriminator").update("discriminator", discriminator, batch, |discriminator, micro| {
            let (real, pass) = (micro.batch.images(), micro.pass());
            let fake = generator.net.forward(config.low(real.clone()), pass).detach();
            let (on_real, on_fake) = (discriminator.forward(real, pass), discriminator.forward(fake, pass));
            record_scores(micro, OBJECTIVE, &on_real, &on_fake);
            OBJECTIVE.discriminator(on_real, on_fake)
        });
        let (judge, eye) = (discriminator.frozen(), features.frozen());
        let rate = config.adversarial_rate;
        step.phase("generator").rate(rate).update("generator", generator, batch, |generator, micro| {
            let (real, pass) = (micro.batch.images(), micro.pass());
            let of_real = eye.compared(real.clone());
            let content = |images: Tensor<4>| {
                let by_pixels = (images.clone() - real.clone()).square().mean();
                let by_features = scales.distance(of_real.clone(), eye.compared(images));
                by_features.mul_scalar(config.feature_weight) + by_pixels.mul_scalar(config.pixel_weight)
            };
            let adversarial = |images: Tensor<4>| {
                OBJECTIVE.generator(None, judge.forward(images, pass)).mul_scalar(config.adversarial_weight)
            };
            let images = generator.forward(config.low(real.clone()), pass);
            record_gradients(micro, &images, content, adversarial);
            let (by_content, by_judge) = (content(images.clone()), adversarial(images));
            micro.record("generator/content", by_content.clone());
            micro.record("generator/adversarial", by_judge.clone());
            by_content + by_judge
        });
    }
}

/// Records the Euclidean norm of the adversarial loss's gradient with respect to the images over that of the distance from the truth:
/// what its weight is chosen by.
fn record_gradients(
    micro: &MicroBatch,
    images: &Tensor<4>,
    content: impl Fn(Tensor<4>) -> Tensor<1>,
    adversarial: impl Fn(Tensor<4>) -> Tensor<1>,
) {
    if !micro.reported() {
        return;
    }
    let norm = |loss: &dyn Fn(Tensor<4>) -> Tensor<1>| {
        let images = images.clone().detach().require_grad();
        let gradients = loss(images.clone()).backward();
        images.grad(&gradients).map(|gradient| gradient.square().sum().sqrt())
    };
    if let (Some(of_judge), Some(of_content)) = (norm(&adversarial), norm(&content)) {
        let ratio = of_judge / of_content.clamp_min(1e-12);
        micro.record("gradient/adversarial_to_content", Tensor::<1>::from_inner(ratio));
    }
}
