use burn::tensor::{Int, Tensor};
use ganvas_engine::step::{MicroBatch, Step};
use ganvas_engine::system::Batch;

use super::labelled::Labelled;
use super::networks::{Coded, Encoder, beside};
use super::{Aae, AaeConfig, LabelGame, Variant};
use crate::objectives::{Objective, cross_entropy};
use crate::systems::adversarial::indicators;
use crate::systems::parts::record_scores;

/// Cross-entropy on logits, for codes and for labels.
const OBJECTIVE: Objective = Objective::NonSaturating;

impl Aae {
    /// Encoder and decoder by the reconstruction, then the discriminators, then the encoder alone against them (Makhzani et al.
    /// 2015, section 2), and where labels teach the encoder, that (section 2.3). The encoder has an optimiser for each.
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) {
        if let Some(labelled) = &mut self.labelled {
            labelled.fill(batch);
        }
        let rate = if step.progress() >= self.config.late { self.config.rate_late } else { 1.0 };
        let Self { networks, discriminator, encoder, label_game, labelled, config, classes, told } = self;
        let rule = Rule { config, labelled: labelled.as_ref(), classes: *classes, told: *told };
        step.phase("reconstruction").rate(rate).update("networks", networks, batch, |networks, micro| {
            let coded = rule.encode(&networks.encoder, micro);
            let label = rule.label(&coded, micro);
            let error = micro.batch.items.clone() - networks.decoder.forward(beside(coded.code, label), micro.pass());
            let square = error.square();
            micro.record("mse", square.clone());
            square.sum_dim(1).mean().mul_scalar(0.5 * config.reconstruction_weight)
        });
        if config.discriminator_weight > 0.0 {
            let encoder = networks.frozen().encoder;
            step.phase("discriminator").rate(rate).update(
                "discriminator",
                discriminator,
                batch,
                |discriminator, micro| {
                    let shown = rule.shown(&encoder, micro);
                    let on_prior = discriminator.forward(shown.prior, micro.pass());
                    let on_codes = discriminator.forward(shown.codes.detach(), micro.pass());
                    record_scores(micro, OBJECTIVE, &on_prior, &on_codes);
                    OBJECTIVE.discriminator(on_prior, on_codes).mul_scalar(config.discriminator_weight)
                },
            );
            if let Some(LabelGame { discriminator, .. }) = label_game {
                let phase = step.phase("label_discriminator").rate(rate);
                phase.update("label_discriminator", discriminator, batch, |discriminator, micro| {
                    let drawn = indicators(micro.noise.classes("class", micro.batch.len(), rule.told), rule.told);
                    let on_prior = discriminator.forward(drawn, micro.pass());
                    let label = rule.encode(&encoder, micro).label();
                    let on_labels = label.map(|label| discriminator.forward(label.detach(), micro.pass()));
                    let on_labels = on_labels.unwrap_or_else(|| on_prior.clone());
                    OBJECTIVE.discriminator(on_prior, on_labels).mul_scalar(config.discriminator_weight)
                });
            }
        }
        if config.encoder_weight > 0.0 {
            let judge = discriminator.frozen();
            let label_judge = label_game.as_ref().map(|game| game.discriminator.frozen());
            networks.by(encoder, |networks| {
                step.phase("encoder").rate(rate).update("encoder", networks, batch, |networks, micro| {
                    let shown = rule.shown(&networks.encoder, micro);
                    let on_codes = judge.forward(shown.codes, micro.pass());
                    let mut loss = OBJECTIVE.generator(None, on_codes);
                    if let Some((judge, label)) = label_judge.as_ref().zip(shown.label) {
                        loss = loss + OBJECTIVE.generator(None, judge.forward(label, micro.pass()));
                    }
                    loss.mul_scalar(config.encoder_weight)
                });
            });
        }
        let supervised =
            config.variant == Variant::SemiSupervised && step.index().is_multiple_of(config.supervised_every);
        if let Some(LabelGame { supervised, .. }) = label_game.as_mut().filter(|_| supervised) {
            networks.by(supervised, |networks| {
                step.phase("supervised").rate(rate).update("supervised", networks, batch, |networks, micro| {
                    let (items, labels) = rule.taught(micro);
                    let coded = networks.encoder.forward(items, Some(&micro.noise), micro.pass());
                    match (coded.logits, labels) {
                        (Some(logits), Some(labels)) => cross_entropy(logits, labels),
                        _ => Tensor::zeros([1], &coded.code.device()),
                    }
                });
            });
        }
    }
}

/// What an update goes by.
struct Rule<'a> {
    config: &'a AaeConfig,
    labelled: Option<&'a Labelled>,
    classes: usize,
    told: usize,
}

/// What the discriminator of codes is shown.
struct Shown {
    /// `[m, latent]`, where labels shape the prior with what is known of each code.
    codes: Tensor<2>,
    /// As many draws of the prior, likewise.
    prior: Tensor<2>,
    /// What the label head says of the batch.
    label: Option<Tensor<2>>,
}

impl Rule<'_> {
    fn encode(&self, encoder: &Encoder, micro: &MicroBatch) -> Coded {
        encoder.forward(micro.batch.items.clone(), Some(&micro.noise), micro.pass())
    }

    /// What the decoder is told.
    fn label(&self, coded: &Coded, micro: &MicroBatch) -> Option<Tensor<2>> {
        match self.config.variant {
            Variant::Supervised => micro.batch.labels.clone().map(|labels| indicators(labels, self.told)),
            _ => coded.label(),
        }
    }

    /// The items that a label head learns from, with their labels.
    fn taught(&self, micro: &MicroBatch) -> (Tensor<2>, Option<Tensor<1, Int>>) {
        match self.labelled.and_then(|labelled| labelled.draw(micro.batch.len(), &micro.noise)) {
            Some((items, labels)) => (items, Some(labels)),
            None => (micro.batch.items.clone(), micro.batch.labels.clone()),
        }
    }

    fn shown(&self, encoder: &Encoder, micro: &MicroBatch) -> Shown {
        let coded = self.encode(encoder, micro);
        let label = coded.label();
        if self.config.variant != Variant::LabelShaped {
            return Shown { prior: self.draw(micro.batch.len(), None, micro), codes: coded.code, label };
        }
        // Without a set of labelled items every label is known; with one, the batch counts as unlabelled.
        let drawn = self.labelled.and_then(|labelled| labelled.draw(micro.batch.len(), &micro.noise));
        let groups = match drawn {
            None => vec![(coded.code, micro.batch.labels.clone())],
            Some((items, labels)) => {
                let known = encoder.forward(items, Some(&micro.noise), micro.pass()).code;
                vec![(coded.code, None), (known, Some(labels))]
            }
        };
        let (codes, prior) = groups
            .into_iter()
            .map(|(codes, labels)| {
                let n = codes.dims()[0];
                let known = self.known(n, labels.clone(), &codes);
                (beside(codes, Some(known.clone())), beside(self.draw(n, labels, micro), Some(known)))
            })
            .unzip::<_, _, Vec<_>, Vec<_>>();
        Shown { codes: Tensor::cat(codes, 0), prior: Tensor::cat(prior, 0), label }
    }

    /// What is known of `n` codes: the class or, in the last entry, that it is not known.
    fn known(&self, n: usize, labels: Option<Tensor<1, Int>>, like: &Tensor<2>) -> Tensor<2> {
        let labels = labels.unwrap_or_else(|| Tensor::full([n], self.classes as i64, &like.device()));
        indicators(labels, self.classes + 1)
    }

    fn draw(&self, n: usize, of: Option<Tensor<1, Int>>, micro: &MicroBatch) -> Tensor<2> {
        self.config.draw_codes(n, self.classes, of, &micro.noise)
    }
}
