//! Acceptance checks of the VAE.

use ganvas_engine::accept::{AcceptError, Acceptance, Threshold};
use ganvas_engine::measures::extractor;
use ganvas_engine::system::Likelihood;
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::Streams;

use super::{Variational, exact, tanh};
use crate::observation::Decoder;
use crate::samplers::Law;
use crate::systems::measures::{Bounds, Figures, by_samplers, trained};

const EPOCHS: u64 = 8;

pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    exact::run(acceptance)?;
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let classifier = extractor(&dataset, &device)?;
    let config = tanh(20, &[400], Decoder::DYNAMIC);
    for seed in acceptance.seeds() {
        let trained = trained::<Variational>(acceptance, &config, &dataset, seed, EPOCHS)?;
        let vae = &trained.system;
        let noise = Noise::new(Streams::new(seed), "accept", 0, &device);
        let bounds = Bounds::new(vae, &dataset, &noise);
        let at = trained.conditions().note("784-400-20, dynamic binarisation");
        let some = bounds.some.len();

        // 2: the closed-form KL against the mean of 2,000 draws, 200 images.
        let few = bounds.test.rows(0..200.min(bounds.test.len()));
        let closed = vae.elbo(&few, &noise).kl;
        let mut drawn = closed.zeros_like();
        for _ in 0..2000 {
            drawn = drawn + vae.drawn_divergence(&few, &noise);
        }
        let difference = Figures::of(drawn.div_scalar(2000.0) - closed);
        let conditions = at.clone().items(few.len(), 0).note("2000 draws");
        let largest = difference.values.iter().fold(0.0f64, |m, d| m.max(d.abs()));
        acceptance.check("2 KL, mean difference", difference.mean.abs(), Threshold::AtMost(0.02), &conditions);
        acceptance.check("2 KL, largest difference", largest, Threshold::AtMost(0.4), conditions);

        // 3: the bounds rise with k.
        let of: Vec<Figures> = [1, 5, 50, 500].into_iter().map(|k| bounds.weighted(&bounds.some, k)).collect();
        for (pair, name) in of.windows(2).zip(["3 L5 - L1", "3 L50 - L5", "3 L500 - L50"]) {
            let rise = pair[1].less(&pair[0]);
            let conditions = at.clone().items(some, 0).note(format!("standard error {:.4}", rise.stderr));
            acceptance.check(name, rise.mean, Threshold::AtLeast(-2.0 * rise.stderr), conditions);
        }
        let gap = of[3].mean - of[0].mean;
        acceptance.check("3 L500 - L1", gap, Threshold::AtLeast(1.0), at.clone().items(some, 0));
        let difference = of[0].less(&bounds.elbo(&bounds.some));
        let conditions = at.clone().items(some, 0).note(format!("standard error {:.4}", difference.stderr));
        let threshold = Threshold::AtMost(3.0 * difference.stderr);
        acceptance.check("3 |L1 - ELBO|", difference.mean.abs(), threshold, conditions);

        // 4: the level.
        let all = bounds.elbo(&bounds.test);
        let note =
            |figures: &Figures| format!("784-400-20, dynamic binarisation, standard error {:.3}", figures.stderr);
        let conditions = at.clone().items(all.values.len(), 0).note(note(&all));
        acceptance.check("4 -ELBO, nats", -all.mean, Threshold::AtMost(110.0), conditions);
        let conditions = at.clone().items(some, 0).note(note(&of[3]));
        acceptance.check("4 -L500, nats", -of[3].mean, Threshold::AtMost(105.0), conditions);
        let marginals = bounds.marginals(&dataset).mean;
        acceptance.check("4 per-pixel marginals, nats", marginals, Threshold::Recorded, at.clone());

        // Samplers: a law of codes that is fitted afterwards gives better samples than the prior.
        let found = by_samplers(vae, &Law::ALL, &dataset, &classifier, (5000, seed), acceptance)?;
        let of = |law: Law| found.iter().find(|found| found.law == law).map_or(f64::NAN, |found| found.ffd);
        let prior = of(Law::Normal);
        for found in &found {
            let note = found.density.map_or(String::new(), |nats| format!("ln q of test codes {nats:.2} nats"));
            let conditions = at.clone().items(5000, 5000).note(note);
            acceptance.check(
                &format!("samplers, ffd of {}", found.law.name()),
                found.ffd,
                Threshold::Recorded,
                conditions,
            );
        }
        let best = [Law::Mixture, Law::Maf, Law::Iaf, Law::TwoStage].map(of).into_iter().fold(f64::NAN, f64::min);
        let conditions = at.items(5000, 5000).note(format!("ffd {best:.1} of the best, {prior:.1} of the prior"));
        acceptance.check("samplers, best ffd / the prior's", best / prior, Threshold::AtMost(0.8), conditions);
    }
    Ok(())
}
