use std::cell::RefCell;

use burn::tensor::Tensor;
use ganvas_engine::step::{MicroBatch, Step};
use ganvas_engine::system::Batch;
use ganvas_nets::noise::{Noise, Pass};

use super::classifier::{ambiguity, surprisal};
use super::{Cegan, Stage, indicators};
use crate::networks::Generator;
use crate::objectives::Objective;
use crate::regularizers::{GradientPenalty, interpolates, with_wrong_pairs};
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
            let generated = generator.net.forward(latents, Some(told.clone()), micro.pass()).detach();
            let fake = with_wrong_pairs(generated.clone(), &told, &real, &told, config.mismatch, &micro.noise);
            let on_real = critic.forward(real.clone(), Some(told.clone()), micro.pass());
            let on_fake = critic.forward(fake.clone(), Some(told.clone()), micro.pass());
            record_balance(micro, Objective::Wasserstein, &generated, &on_real, &on_fake);
            let frozen = burn::module::Module::no_grad(critic.clone());
            let found = GradientPenalty::TwoSided.of(
                interpolates(real, fake, &micro.noise),
                |x| frozen.forward(x, Some(told.clone()), micro.pass()),
                |x| critic.dual(x, Some(told.clone()), micro.pass()),
            );
            micro.record("penalty/value", found.penalty.clone());
            micro.record("penalty/gradient_norm", found.norms);
            Objective::Wasserstein.discriminator(on_real, on_fake) + found.penalty.mul_scalar(config.penalty)
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
            let asked = indicators(fill.draw(n, &micro.noise), *classes);
            let fake = draw(generator, asked.clone(), config.latent, &micro.noise);
            let weights = Tensor::from_inner(fill.weights(real.clone().inner(), asked.clone(), generated));
            let told = Tensor::cat(vec![real, Tensor::from_inner(asked)], 0);
            // Apart, so that what is drawn for an item of the batch is drawn for it alone.
            let kinds = [micro.batch.items.clone(), Tensor::from_inner(fake)];
            let logits = Tensor::cat(kinds.map(|items| classifier.forward(items, micro.pass())).to_vec(), 0);
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
        // Of the warm-up alone, whose items come by the data's own law: later rare ones come again every few steps and are known by
        // heart.
        let (classes, logits): (Vec<_>, Vec<_>) = answers.into_inner().into_iter().unzip();
        if !classes.is_empty() {
            statistics.note(Tensor::cat(classes, 0), Tensor::cat(logits, 0));
        }
    }
}

/// Items of classes as they are drawn for a person: on the device without gradients, as are the indicators of the classes.
fn draw(generator: &Generator, classes: Tensor<2>, latent: usize, noise: &Noise) -> Tensor<2> {
    let latents = Prior::Normal.draw(classes.dims()[0], latent, noise).inner();
    generator.forward(latents, Some(classes), Pass::Eval)
}

/// Indicators of what real items are, `[n, classes]`.
fn labels(micro: &MicroBatch, classes: usize) -> Tensor<2> {
    indicators(micro.batch.labels.clone().expect("data with classes have labels"), classes)
}
