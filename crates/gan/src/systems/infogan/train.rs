use burn::tensor::Tensor;
use ganvas_engine::step::Step;
use ganvas_engine::system::Batch;

use super::codes::Misread;
use super::{InfoGan, InfoGanConfig};
use crate::objectives::Objective;
use crate::systems::parts::record_balance;

const OBJECTIVE: Objective = Objective::NonSaturating;

impl InfoGan {
    /// One update of discriminator and Q by L_D + L_Q, then one of the generator by L_G + L_Q on fresh latents (Chen et al. 2016,
    /// eq. 6, with L_Q = -lambda L_I). Q sees generated images alone: of real ones nobody knows the codes.
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) {
        let Self { generator, discriminator, codes, config } = self;
        step.phase("discriminator").update("discriminator", discriminator, batch, |discriminator, micro| {
            let (real, pass) = (micro.batch.items.clone(), micro.pass());
            let latents = codes.draw(micro.batch.len(), &micro.noise);
            let fake = generator.net.forward(codes.joined(&latents), pass).detach();
            let on_real = discriminator.score(discriminator.features(real, pass), pass);
            let features = discriminator.features(fake.clone(), pass);
            let on_fake = discriminator.score(features.clone(), pass);
            record_balance(micro, OBJECTIVE, &fake, &on_real, &on_fake);
            let features = if config.maximize { features } else { features.detach() };
            let misread = codes.misread(discriminator.read(features, pass), &latents);
            config.weighted(misread, OBJECTIVE.discriminator(on_real, on_fake))
        });
        let judge = discriminator.frozen();
        step.phase("generator").update("generator", generator, batch, |generator, micro| {
            let pass = micro.pass();
            let latents = codes.draw(micro.batch.len(), &micro.noise);
            let features = judge.features(generator.forward(codes.joined(&latents), pass), pass);
            let misread = codes.misread(judge.read(features.clone(), pass), &latents);
            if let Some(entropy) = misread.cross_entropy.clone() {
                micro.record("mutual_information", entropy.neg().add_scalar(codes.entropy()));
            }
            if let Some(error) = misread.squared_error.clone() {
                micro.record("codes/error", error.div_scalar(codes.continuous as f64));
            }
            let loss = OBJECTIVE.generator(None, judge.score(features, pass));
            if config.maximize { config.weighted(misread, loss) } else { loss }
        });
    }
}

impl InfoGanConfig {
    /// A loss with L_Q, `[1]`: the negated log-likelihoods of the codes, of the continuous ones under a Gaussian of standard
    /// deviation 1 without its constant, each with its weight.
    fn weighted(&self, misread: Misread, loss: Tensor<1>) -> Tensor<1> {
        let terms = [
            misread.cross_entropy.map(|entropy| entropy.mul_scalar(self.categorical_weight)),
            misread.squared_error.map(|error| error.mul_scalar(0.5 * self.continuous_weight)),
        ];
        terms.into_iter().flatten().fold(loss, |sum, term| sum + term)
    }
}
