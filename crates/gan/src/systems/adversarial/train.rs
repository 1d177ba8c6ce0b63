use burn::tensor::Tensor;
use ganvas_engine::step::{MicroBatch, Step};
use ganvas_engine::system::Batch;
use ganvas_nets::noise::Noise;

use super::{Adversarial, AdversarialConfig, PenaltyKind, indicators};
use crate::networks::{Discriminator, Generator};
use crate::regularizers::{clip, interpolates, perturbed};
use crate::systems::parts::record_balance;

impl<R> Adversarial<R> {
    /// Updates of the discriminator on real and generated items, then one of the generator on fresh latents (Goodfellow et al.
    /// 2014, algorithm 1). Real and generated items pass the discriminator separately, so that its batch statistics are of
    /// one kind.
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) {
        let updates = self.config.critic_steps;
        let n = batch.len() / updates;
        let mut seen = batch.clone();
        for i in 0..updates {
            if updates > 1 {
                seen = batch.rows(i * n..(i + 1) * n);
            }
            self.update_discriminator(&seen, step);
        }
        self.update_generator(&seen, step);
    }

    /// One update of the discriminator alone.
    pub(crate) fn update_discriminator(&mut self, batch: &Batch, step: &mut Step) {
        let Self { generator, discriminator, config, classes, .. } = self;
        let penalized = step.index().is_multiple_of(config.penalty.every);
        let rule = Rule { config, classes: *classes, penalized };
        step.phase("discriminator").update("discriminator", discriminator, batch, |discriminator, micro| {
            let (fake, told) = rule.generate(&generator.net, micro);
            let (real, fake) = (micro.batch.items.clone(), fake.detach());
            let of_real = rule.labels(micro);
            let on_real = discriminator.forward(real.clone(), of_real.clone(), micro.pass());
            let on_fake = discriminator.forward(fake.clone(), told, micro.pass());
            record_balance(micro, config.objective, &fake, &on_real, &on_fake);
            let loss = config.objective.discriminator(on_real, on_fake);
            match rule.penalty(discriminator, real, fake, of_real, micro) {
                Some(penalty) => loss + penalty,
                None => loss,
            }
        });
        if config.clip > 0.0 {
            discriminator.net = clip(discriminator.net.clone(), config.clip);
        }
    }

    fn update_generator(&mut self, batch: &Batch, step: &mut Step) {
        let Self { generator, discriminator, config, classes, .. } = self;
        let rule = Rule { config, classes: *classes, penalized: false };
        let judge = discriminator.frozen();
        step.phase("generator").update("generator", generator, batch, |generator, micro| {
            let (fake, told) = rule.generate(generator, micro);
            let on_fake = judge.forward(fake, told, micro.pass());
            let on_real = config
                .objective
                .looks_at_real()
                .then(|| judge.forward(micro.batch.items.clone(), rule.labels(micro), micro.pass()));
            config.objective.generator(on_real, on_fake)
        });
    }
}

/// What an update goes by.
struct Rule<'c> {
    config: &'c AdversarialConfig,
    classes: usize,
    /// Whether the penalty is due.
    penalized: bool,
}

impl Rule<'_> {
    /// Generated items, as many as real ones, and what they are said to be: drawn evenly, whatever the real ones are.
    fn generate(&self, generator: &Generator, micro: &MicroBatch) -> (Tensor<2>, Option<Tensor<2>>) {
        let n = micro.batch.len();
        let latents = self.config.prior.draw(n, self.config.latent, &micro.noise);
        let told = (self.classes > 0).then(|| indicators(micro.noise.classes("class", n, self.classes), self.classes));
        (generator.forward(latents, told.clone(), micro.pass()), told)
    }

    /// What the real items are.
    fn labels(&self, micro: &MicroBatch) -> Option<Tensor<2>> {
        let labels = micro.batch.labels.clone()?;
        (self.classes > 0).then(|| indicators(labels, self.classes))
    }

    /// The weighted penalty on the discriminator's input gradient.
    fn penalty(
        &self,
        discriminator: &Discriminator,
        real: Tensor<2>,
        fake: Tensor<2>,
        labels: Option<Tensor<2>>,
        micro: &MicroBatch,
    ) -> Option<Tensor<1>> {
        let settings = self.config.penalty;
        let penalty = settings.kind.penalty().filter(|_| self.penalized)?;
        let items = self.points(settings.kind, real, fake, &micro.noise);
        let frozen = burn::module::Module::no_grad(discriminator.clone());
        let found = penalty.of(
            items,
            |x| frozen.forward(x, labels.clone(), micro.pass()),
            |x| discriminator.dual(x, labels.clone(), micro.pass()),
        );
        micro.record("penalty/value", found.penalty.clone());
        micro.record("penalty/gradient_norm", found.norms);
        Some(found.penalty.mul_scalar(settings.weight * settings.every as f64))
    }

    /// Where the penalty is taken.
    fn points(&self, kind: PenaltyKind, real: Tensor<2>, fake: Tensor<2>, noise: &Noise) -> Tensor<2> {
        match kind {
            PenaltyKind::GradientPenalty | PenaltyKind::OneSided => interpolates(real, fake, noise),
            PenaltyKind::Dragan => perturbed(real, noise),
            PenaltyKind::R2 => fake,
            PenaltyKind::R1 | PenaltyKind::None => real,
        }
    }
}
