use std::cell::RefCell;

use burn::tensor::Tensor;
use ganvas_engine::step::{MicroBatch, Step};
use ganvas_engine::system::Batch;
use ganvas_nets::noise::{Noise, Pass};

use super::classifier::{ambiguity, surprisal};
use super::{Cegan, Stage, indicators};
use crate::networks::Generator;
use crate::objectives::Objective;
use crate::regularizers::{GradientPenalty, interpolates};
use crate::systems::parts::{Prior, record_balance};

impl Cegan {
    /// First the classifier alone, then generator and critic, then the classifier with what the generator adds.
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) {
        let updates = self.config.critic_steps;
        let n = batch.len() / updates;
        let stage = self.stage(step.progress());
        let mut seen = batch.clone();
        for i in 0..updates {
            if updates > 1 {
                seen = batch.rows(i * n..(i + 1) * n);
            }
            match stage {
                Stage::WarmUp => self.update_classifier(&seen, None, step),
                Stage::Adversarial { .. } => self.update_critic(&seen, step),
                Stage::Enhancement { done } => self.update_classifier(&seen, Some(done), step),
            }
        }
        if let Stage::Adversarial { done } = stage {
            self.update_generator(&seen, done, step);
        }
    }

    /// One update of the critic: real and generated items of the same classes, so that each item between two has a class too.
    fn update_critic(&mut self, batch: &Batch, step: &mut Step) {
        let Self { generator, critic, config, classes, .. } = self;
        step.phase("critic").update("critic", critic, batch, |critic, micro| {
            let told = labels(micro, *classes);
            let real = micro.batch.items.clone();
            let latents = Prior::Normal.draw(micro.batch.len(), config.latent, &micro.noise);
            let fake = generator.net.forward(latents, Some(told.clone()), micro.pass()).detach();
            let on_real = critic.forward(real.clone(), Some(told.clone()), micro.pass());
            let on_fake = critic.forward(fake.clone(), Some(told.clone()), micro.pass());
            record_balance(micro, Objective::Wasserstein, &fake, &on_real, &on_fake);
            let frozen = burn::module::Module::no_grad(critic.clone());
            let found = GradientPenalty::TwoSided.of(
                interpolates(real, fake, &micro.noise),
                |x| frozen.forward(x, Some(told.clone()), micro.pass()),
                |x| critic.dual(x, Some(told.clone()), micro.pass()),
            );
            micro.record("penalty/value", found.penalty.clone());
            micro.record("penalty/gradient_norm", found.norms);
            let mut loss = Objective::Wasserstein.discriminator(on_real.clone(), on_fake);
            if config.mismatch > 0.0 {
                let labels = micro.batch.labels.clone().expect("data with classes have labels");
                let further = micro.noise.classes("wrong", micro.batch.len(), *classes - 1).add_scalar(1);
                let wrong = indicators((labels + further).remainder_scalar(*classes as i64), *classes);
                let on_wrong = critic.forward(micro.batch.items.clone(), Some(wrong), micro.pass());
                loss = loss.mul_scalar(1.0 - config.mismatch)
                    + Objective::Wasserstein.discriminator(on_real, on_wrong).mul_scalar(config.mismatch);
            }
            loss + found.penalty.mul_scalar(config.penalty)
        });
    }

    /// One update of the generator, on classes drawn evenly; the classifier is heard once it is due.
    fn update_generator(&mut self, batch: &Batch, done: f64, step: &mut Step) {
        let Self { generator, critic, classifier, statistics, config, classes, .. } = self;
        let judge = critic.frozen();
        // What the classifier would say if all classes were as large: it has learnt from the data's own law (Menon et al. 2021,
        // section 4).
        let shares = statistics.log_shares().unsqueeze_dim::<2>(0);
        let heard = (config.coupling > 0.0 && done >= config.coupling_from).then(|| classifier.frozen());
        step.phase("generator").update("generator", generator, batch, |generator, micro| {
            let n = micro.batch.len();
            let told = indicators(micro.noise.classes("class", n, *classes), *classes);
            let latents = Prior::Normal.draw(n, config.latent, &micro.noise);
            let fake = generator.forward(latents, Some(told.clone()), micro.pass());
            let on_fake = judge.forward(fake.clone(), Some(told.clone()), micro.pass());
            let loss = Objective::Wasserstein.generator(None, on_fake);
            let Some(classifier) = &heard else { return loss };
            let logits = classifier.forward(fake, micro.pass());
            let shares = Tensor::from_inner(shares.clone()).expand(logits.dims());
            let opinion = surprisal(logits - shares, told).mean();
            micro.record("classifier/generated", opinion.clone());
            loss + opinion.mul_scalar(config.coupling)
        });
    }

    /// One update of the classifier on real items and, where this share of the last part of training is done, on generated ones.
    fn update_classifier(&mut self, batch: &Batch, done: Option<f64>, step: &mut Step) {
        let Self { generator, classifier, statistics, config, classes, .. } = self;
        let own_law = done.is_none();
        let enhancement = done.map(|done| {
            let pairs = (config.ambiguity > 0.0).then(|| statistics.ambiguous(config.ambiguous_share));
            let fill = statistics.fill(pairs.as_ref());
            let weight = if config.ramp > 0.0 { (done / config.ramp).min(1.0) } else { 1.0 };
            // Real items come as often of each class; what is generated of one is taken from their weight.
            let generated = fill.lacking.clone().mul_scalar(config.generated * weight);
            (generator.shown(), fill, pairs, generated)
        });
        let answers = RefCell::new(Vec::new());
        step.phase("classifier").update("classifier", classifier, batch, |classifier, micro| {
            let real = labels(micro, *classes);
            let n = micro.batch.len();
            let Some((generator, fill, pairs, generated)) = &enhancement else {
                let logits = classifier.forward(micro.batch.items.clone(), micro.pass());
                answers.borrow_mut().push((real.clone().inner(), logits.clone().detach().inner()));
                return surprisal(logits, real).mean();
            };
            let told = indicators(fill.draw(n, &micro.noise), *classes);
            let fake = draw(generator, told.clone(), config.latent, &micro.noise);
            let told = Tensor::cat(vec![real.clone(), Tensor::from_inner(told)], 0);
            let items = Tensor::cat(vec![micro.batch.items.clone(), Tensor::from_inner(fake)], 0);
            let logits = classifier.forward(items, micro.pass());
            answers.borrow_mut().push((real.clone().inner(), logits.clone().narrow(0, 0, n).detach().inner()));
            let generated: Tensor<1> = Tensor::from_inner(generated.clone());
            let weights = weights(real.clone(), generated);
            let surprisals = surprisal(logits.clone(), told.clone());
            micro.record("classifier/real", surprisals.clone().narrow(0, 0, n).mean());
            micro.record("classifier/generated", surprisals.clone().narrow(0, n, n).mean());
            let loss = (surprisals * weights.clone()).sum().div_scalar(n as f64);
            let Some(pairs) = pairs else { return loss };
            let ambiguity = ambiguity(logits, told, Tensor::from_inner(pairs.clone()), weights);
            micro.record("classifier/ambiguity", ambiguity.clone());
            micro.record("classifier/pairs", Tensor::<2>::from_inner(pairs.clone()).sum());
            loss + ambiguity.mul_scalar(config.ambiguity)
        });
        for (classes, logits) in answers.into_inner() {
            statistics.note(classes, logits, own_law);
        }
    }
}

/// Items of classes as they are drawn for a person: on the device without gradients, as are the indicators of the classes.
fn draw(generator: &Generator, classes: Tensor<2>, latent: usize, noise: &Noise) -> Tensor<2> {
    let latents = Prior::Normal.draw(classes.dims()[0], latent, noise).inner();
    generator.forward(latents, Some(classes), Pass::Eval)
}

/// The weights of real items of these classes (indicators, `[n, classes]`), of which as many of each class are drawn, and of as
/// many generated ones: `[2 n]`. `generated`, `[classes]`, is the share of each class's weight that generated items have;
/// they are drawn in proportion to it. The weights of a class then sum to the same for all.
fn weights(real: Tensor<2>, generated: Tensor<1>) -> Tensor<1> {
    let n = real.dims()[0];
    let kept = real.matmul(generated.clone().neg().add_scalar(1.0).unsqueeze_dim::<2>(1)).squeeze_dim::<1>(1);
    Tensor::cat(vec![kept, generated.mean().expand([n])], 0)
}

/// Indicators of what real items are, `[n, classes]`.
fn labels(micro: &MicroBatch, classes: usize) -> Tensor<2> {
    indicators(micro.batch.labels.clone().expect("data with classes have labels"), classes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// Half of class 1's weight and all of class 2's are generated: drawn 1 to 2, four generated items have 4/3 and 8/3 of their
    /// weight of 1/2. With as many real ones of each class, 4/3, the sums are 4/3 + 0, 2/3 + 2/3 and 0 + 4/3.
    #[test]
    fn weights_of_each_class_sum_to_the_same() {
        let device = Device::flex();
        let real =
            Tensor::<2>::from_floats([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], &device);
        let found = weights(real, Tensor::from_floats([0.0, 0.5, 1.0], &device));
        let found: Vec<f32> = found.to_data().iter().collect();
        assert_eq!(found, [1.0, 0.5, 0.0, 1.0, 0.5, 0.5, 0.5, 0.5]);
    }
}
