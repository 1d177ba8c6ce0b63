use std::cell::RefCell;

use burn::tensor::{Int, Tensor};
use ganvas_engine::step::{MicroBatch, Step};
use ganvas_engine::system::{Batch, to_images};
use ganvas_nets::noise::Noise;

use super::PenaltyKind::{GradientPenalty, OneSided};
use super::{Adversarial, AdversarialConfig, PenaltyKind, indicators};
use crate::networks::{Discriminator, Generator};
use crate::objectives::cross_entropy;
use crate::regularizers::{
    clip, consistency, interpolates, label_smoothing, lecam, orthogonal, perturbed, shifted, with_wrong_pairs,
};
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
        for _ in 0..self.config.generator_steps {
            self.update_generator(&seen, step);
        }
    }

    /// One update of the discriminator alone.
    pub(crate) fn update_discriminator(&mut self, batch: &Batch, step: &mut Step) {
        let Self { generator, discriminator, config, classes, anchors, .. } = self;
        let rule = Rule::new(config, *classes, step);
        let averages = anchors.as_ref().and_then(|anchors| anchors.averages());
        let scores = RefCell::new(Vec::new());
        step.phase("discriminator").update("discriminator", discriminator, batch, |discriminator, micro| {
            // A point between a real and a generated item has a class where both have the same.
            let told = rule.labels(micro).filter(|_| matches!(config.penalty.kind, GradientPenalty | OneSided));
            let (generated, told) = rule.generate(&generator.net, told, micro);
            let (generated, items, labels) = (generated.detach(), micro.batch.items.clone(), rule.labels(micro));
            let fake = match (&told, &labels) {
                (Some(told), Some(labels)) => {
                    let (told, labels, share) = (&told.indicators, &labels.indicators, config.regularizers.mismatch);
                    with_wrong_pairs(generated.clone(), told, &items, labels, share, &micro.noise)
                }
                _ => generated.clone(),
            };
            let real = rule.judge(discriminator, "real", items, labels, micro);
            let fake = rule.judge(discriminator, "fake", fake, told, micro);
            record_balance(micro, config.objective, &generated, &real.score, &fake.score);
            if anchors.is_some() {
                scores.borrow_mut().push((real.score.clone().inner(), fake.score.clone().inner()));
            }
            let settings = &config.regularizers;
            let terms = [
                rule.penalty(discriminator, &real, &fake, micro),
                rule.classification(
                    &[("real", &real), ("fake", &fake)][..1 + usize::from(config.classify_generated)],
                    micro,
                ),
                (settings.label_smoothing > 0.0).then(|| label_smoothing(real.score.clone(), settings.label_smoothing)),
                rule.consistency(discriminator, &real, &fake, micro),
                averages.clone().map(|[of_real, of_fake]| {
                    let value = lecam(real.score.clone(), fake.score.clone(), of_real, of_fake);
                    micro.record("lecam/value", value.clone());
                    value.mul_scalar(settings.lecam)
                }),
            ];
            let loss = config.objective.discriminator(real.score, fake.score);
            terms.into_iter().flatten().fold(loss, |loss, term| loss + term)
        });
        if let Some(anchors) = anchors {
            anchors.follow(scores.into_inner());
        }
        if config.clip > 0.0 {
            discriminator.net = clip(discriminator.net.clone(), config.clip);
        }
    }

    fn update_generator(&mut self, batch: &Batch, step: &mut Step) {
        let Self { generator, discriminator, config, classes, .. } = self;
        let rule = Rule::new(config, *classes, step);
        let judge = discriminator.frozen();
        step.phase("generator").update("generator", generator, batch, |generator, micro| {
            let (fake, told) = rule.generate(generator, None, micro);
            let fake = rule.judge(&judge, "fake", fake, told, micro);
            let on_real = config
                .objective
                .looks_at_real()
                .then(|| rule.judge(&judge, "real", micro.batch.items.clone(), rule.labels(micro), micro).score);
            let terms = [
                rule.classification(&[("generated", &fake)], micro),
                Some(config.regularizers.orthogonal).filter(|&weight| weight > 0.0).and_then(|weight| {
                    let value = orthogonal(generator)?;
                    micro.record("orthogonal/value", value.clone());
                    Some(value.mul_scalar(weight))
                }),
            ];
            let loss = config.objective.generator(on_real, fake.score);
            terms.into_iter().flatten().fold(loss, |loss, term| loss + term)
        });
    }
}

/// What an update goes by.
struct Rule<'c> {
    config: &'c AdversarialConfig,
    classes: usize,
    /// Whether the penalty is due.
    penalized: bool,
    /// Standard deviation of the noise that is added to items; 0: none.
    blur: f64,
}

/// What items are said to be.
#[derive(Clone)]
struct Told {
    /// `[n]`.
    classes: Tensor<1, Int>,
    /// The same as indicators, `[n, classes]`.
    indicators: Tensor<2>,
}

/// Items as the discriminator is shown them, and what it makes of them.
struct Judged {
    items: Tensor<2>,
    told: Option<Told>,
    score: Tensor<2>,
    logits: Option<Tensor<2>>,
}

impl<'c> Rule<'c> {
    fn new(config: &'c AdversarialConfig, classes: usize, step: &Step) -> Self {
        Self {
            config,
            classes,
            penalized: step.index().is_multiple_of(config.penalty.every),
            blur: config.regularizers.instance_noise * (1.0 - step.progress()),
        }
    }

    /// Generated items, as many as real ones, of classes that are asked for or else drawn evenly, whatever the real ones are.
    fn generate(&self, generator: &Generator, told: Option<Told>, micro: &MicroBatch) -> (Tensor<2>, Option<Told>) {
        let n = micro.batch.len();
        let latents = self.config.prior.draw(n, self.config.latent, &micro.noise);
        let evenly = || (self.classes > 0).then(|| self.told(micro.noise.classes("class", n, self.classes)));
        let told = told.or_else(evenly);
        (generator.forward(latents, told.clone().map(|told| told.indicators), micro.pass()), told)
    }

    /// What the real items are.
    fn labels(&self, micro: &MicroBatch) -> Option<Told> {
        let labels = micro.batch.labels.clone()?;
        (self.classes > 0).then(|| self.told(labels))
    }

    fn told(&self, classes: Tensor<1, Int>) -> Told {
        Told { indicators: indicators(classes.clone(), self.classes), classes }
    }

    /// Shows the discriminator items, with instance noise where there is some: other noise for each kind of items.
    fn judge(
        &self,
        net: &Discriminator,
        kind: &str,
        items: Tensor<2>,
        told: Option<Told>,
        micro: &MicroBatch,
    ) -> Judged {
        let items = match self.blur > 0.0 {
            true => micro.noise.normal(&format!("blur/{kind}"), items.dims()).mul_scalar(self.blur) + items,
            false => items,
        };
        let judged = net.judge(items.clone().into(), told.clone().map(|told| told.indicators), micro.pass());
        Judged { items, told, score: judged.score.value, logits: judged.logits.map(|logits| logits.value) }
    }

    /// The weighted cross-entropy of the auxiliary classifier, summed over kinds of items (Odena et al. 2017, eq. 2).
    fn classification(&self, kinds: &[(&str, &Judged)], micro: &MicroBatch) -> Option<Tensor<1>> {
        let losses = kinds.iter().filter_map(|(name, judged)| {
            let loss = cross_entropy(judged.logits.clone()?, judged.told.clone()?.classes);
            micro.record(&format!("cross_entropy/{name}"), loss.clone());
            Some(loss)
        });
        losses.reduce(|sum, loss| sum + loss).map(|sum| sum.mul_scalar(self.config.class_weight))
    }

    /// Balanced consistency: scores are to stay where items are moved (Zhao et al. 2021, algorithm 1, line 6).
    fn consistency(
        &self,
        discriminator: &Discriminator,
        real: &Judged,
        fake: &Judged,
        micro: &MicroBatch,
    ) -> Option<Tensor<1>> {
        let settings = &self.config.regularizers;
        if settings.consistency == 0.0 {
            return None;
        }
        let of = |judged: &Judged| {
            let images = to_images(judged.items.clone(), micro.batch.shape);
            let moved = shifted(images, settings.consistency_flip, &micro.noise).flatten(1, 3);
            let told = judged.told.clone().map(|told| told.indicators);
            consistency(judged.score.clone(), discriminator.forward(moved, told, micro.pass()))
        };
        let value = of(real) + of(fake);
        micro.record("consistency/value", value.clone());
        Some(value.mul_scalar(settings.consistency))
    }

    /// The weighted penalty on the discriminator's input gradient, at what it is shown.
    fn penalty(
        &self,
        discriminator: &Discriminator,
        real: &Judged,
        fake: &Judged,
        micro: &MicroBatch,
    ) -> Option<Tensor<1>> {
        let settings = self.config.penalty;
        let penalty = settings.kind.penalty().filter(|_| self.penalized)?;
        let of = if settings.kind == PenaltyKind::R2 { fake } else { real };
        let labels = of.told.clone().map(|told| told.indicators);
        let items = self.points(settings.kind, real.items.clone(), fake.items.clone(), &micro.noise);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::adversarial::Regularizers;
    use crate::systems::gan::{Gan, small};
    use burn::tensor::{Device, TensorData};
    use ganvas_data::ItemShape;
    use ganvas_engine::session::Options;
    use ganvas_engine::system::{Build, DataSpec, System};
    use ganvas_nets::labels::Conditioning;
    use ganvas_nets::noise::Pass;
    use ganvas_nets::optim::OptimizerConfig;
    use ganvas_prob::stream::Streams;

    #[test]
    fn instance_noise_falls_to_nothing() {
        let device = Device::flex();
        let options = Options::new(Streams::new(1), 8, 10);
        let regularizers = Regularizers { instance_noise: 0.4, ..Regularizers::default() };
        let config = AdversarialConfig { regularizers, ..small(true) };
        let blur = |index| Rule::new(&config, 0, &Step::new(&options, index, &device, false)).blur;
        for (index, expected) in [(0, 0.4), (5, 0.2), (10, 0.0)] {
            assert!((blur(index) - expected).abs() < 1e-12, "{index}: {}", blur(index));
        }
    }

    /// Two clusters of a class each, that lie where a generator of no training does not: without wrong pairs, nothing teaches a
    /// discriminator to look at the class.
    #[test]
    fn wrong_pairs_teach_the_discriminator_to_look_at_the_class() {
        let margin = |mismatch: f64| {
            let device = Device::flex().autodiff();
            let config = AdversarialConfig {
                conditioning: Conditioning::Concatenation,
                regularizers: Regularizers { mismatch, ..Regularizers::default() },
                discriminator_optimizer: OptimizerConfig::adam(2e-3, 0.5),
                ..small(true)
            };
            let shape = ItemShape::Points { dims: 2 };
            let data = DataSpec { shape, classes: 2, mean: vec![0.0; 2] };
            let mut gan = Gan::build(&config, &data, &Build { streams: Streams::new(1), device: &device }).unwrap();
            let labels: Vec<i64> = (0..64).map(|i| i % 2).collect();
            let places: Vec<f32> = labels.iter().flat_map(|&label| [6.0 * label as f32 - 3.0, 3.0]).collect();
            let labels = Tensor::<1, Int>::from_data(TensorData::new(labels, [64]), &device);
            let items = Tensor::<2>::from_data(TensorData::new(places, [64, 2]), &device);
            let batch = Batch { items: items.clone(), labels: Some(labels.clone()), other: None, shape };
            let options = Options::new(Streams::new(2), 64, 200);
            for index in 0..200 {
                let mut step = Step::new(&options, index, &device, false);
                gan.update_discriminator(&batch, &mut step);
                step.finish().unwrap();
            }
            let noise = Noise::new(Streams::new(3), "unused", 0, &device);
            let of = |classes| {
                gan.discriminator.net.forward(items.clone(), Some(indicators(classes, 2)), Pass::Train(&noise)).mean()
            };
            (of(labels.clone()) - of(labels.mul_scalar(-1).add_scalar(1))).into_scalar::<f64>()
        };
        let (with, without) = (margin(0.5), margin(0.0));
        assert!(with > 2.0 && with > 2.0 * without.abs(), "{with} and {without}");
    }
}
