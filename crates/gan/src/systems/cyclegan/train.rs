use std::cell::RefCell;

use burn::tensor::{Tensor, TensorData};
use ganvas_engine::step::{MicroBatch, Step};
use ganvas_engine::system::{Batch, Direction, to_images};
use ganvas_nets::noise::Noise;
use ganvas_nets::optim::Trained;
use ganvas_nets::patchgan::PatchDiscriminator;
use ganvas_prob::stream::uniforms;

use super::pool::Pool;
use super::{CycleGan, CycleGanConfig};
use crate::objectives::Objective;

/// (D - 1)^2 and D^2 with a half in front, and so for the translators too: see [`ADVERSARIAL`].
const OBJECTIVE: Objective = Objective::LeastSquares;

/// What a translator minimises is (D - 1)^2, without a half in front (Zhu et al. 2017, section 4).
const ADVERSARIAL: f64 = 2.0;

impl CycleGan {
    /// One update of both translators by what the discriminators say of their items, and by the difference between an item and what
    /// comes of it there and back (Zhu et al. 2017, eq. 3); then one of each discriminator, on real items of its domain and on
    /// translated ones, some of which are of earlier steps.
    pub(super) fn update(&mut self, batch: &Batch, step: &mut Step) {
        let Self { generators, discriminators: [of_a, of_b], pools: [pool_a, pool_b], config, .. } = self;
        // The items of both domains of which the translators' update is computed: the discriminators are shown them.
        let made = RefCell::new([Vec::new(), Vec::new()]);
        let judges = [of_a.frozen(), of_b.frozen()];
        step.phase("generators").update("generators", generators, batch, |generators, micro| {
            let pass = micro.pass();
            let [a, b] = real(micro, config.flip);
            let (fake_b, fake_a) = (generators.ab.forward(a.clone(), pass), generators.ba.forward(b.clone(), pass));
            let fooled = |judge: &PatchDiscriminator, fake: &Tensor<4>| {
                OBJECTIVE.generator(None, judge.scores(fake.clone(), pass)).mul_scalar(ADVERSARIAL)
            };
            let [to_a, to_b] = [fooled(&judges[0], &fake_a), fooled(&judges[1], &fake_b)];
            micro.record("adversarial/ab", to_b.clone());
            micro.record("adversarial/ba", to_a.clone());
            let mut loss = to_a + to_b;
            if config.cycle > 0.0 {
                let back_a = difference(generators.ba.forward(fake_b.clone(), pass), a.clone());
                let back_b = difference(generators.ab.forward(fake_a.clone(), pass), b.clone());
                micro.record("cycle/a", back_a.clone());
                micro.record("cycle/b", back_b.clone());
                loss = loss + (back_a + back_b).mul_scalar(config.cycle);
                if config.identity > 0.0 {
                    let same_a = difference(generators.ba.forward(a.clone(), pass), a);
                    let same_b = difference(generators.ab.forward(b.clone(), pass), b);
                    micro.record("identity/a", same_a.clone());
                    micro.record("identity/b", same_b.clone());
                    loss = loss + (same_a + same_b).mul_scalar(config.cycle * config.identity);
                }
            }
            let mut made = made.borrow_mut();
            for (made, fake) in made.iter_mut().zip([fake_a, fake_b]) {
                made.push(fake.detach().flatten(1, 3));
            }
            loss
        });
        let [fake_a, fake_b] = made.into_inner().map(|parts| Tensor::cat(parts, 0));
        tell("discriminator_b", Direction::AToB, of_b, (pool_b, fake_b), (batch, config), step);
        tell("discriminator_a", Direction::BToA, of_a, (pool_a, fake_a), (batch, config), step);
    }
}

/// Updates the discriminator of the domain that a direction ends at.
fn tell(
    name: &'static str,
    direction: Direction,
    discriminator: &mut Trained<PatchDiscriminator>,
    (pool, fake): (&mut Pool, Tensor<2>),
    (batch, config): (&Batch, &CycleGanConfig),
    step: &mut Step,
) {
    // The translated items take the place of those that they are translated from, so that they are divided as these are.
    let batch = match direction {
        Direction::AToB => Batch { items: fake, ..batch.clone() },
        Direction::BToA => Batch { other: Some(fake), ..batch.clone() },
    };
    let pool = RefCell::new(pool);
    step.phase(name).update(name, discriminator, &batch, |discriminator, micro| {
        let pass = micro.pass();
        let domains = flat(&micro.batch);
        let [fake, real] = [direction.from(), direction.to()].map(|domain| domains[domain].clone());
        let fake = to_images(pool.borrow_mut().exchange(fake, &micro.noise), micro.batch.shape);
        let real = flipped(to_images(real, micro.batch.shape), config.flip, &micro.noise);
        let (on_real, on_fake) = (discriminator.scores(real, pass), discriminator.scores(fake, pass));
        record(micro, direction, &on_real, &on_fake);
        OBJECTIVE.discriminator(on_real, on_fake)
    });
}

/// Mean scores, and the shares of patches that are told rightly, by domain.
fn record(micro: &MicroBatch, direction: Direction, on_real: &Tensor<2>, on_fake: &Tensor<2>) {
    let (Some(boundary), true) = (OBJECTIVE.boundary(), micro.reported()) else { return };
    let [real, fake] = [on_real, on_fake].map(|scores| scores.clone().detach());
    let domain = ["a", "b"][direction.to()];
    micro.record(&format!("score/real_{domain}"), real.clone());
    micro.record(&format!("score/fake_{domain}"), fake.clone());
    micro.record(&format!("accuracy/real_{domain}"), real.greater_elem(boundary).float());
    micro.record(&format!("accuracy/fake_{domain}"), fake.lower_elem(boundary).float());
}

/// The items of both domains, `[n, values]` each.
fn flat(batch: &Batch) -> [Tensor<2>; 2] {
    // Batches of two domains are what this system asks for.
    [batch.items.clone(), batch.other.clone().unwrap_or_else(|| batch.items.clone())]
}

/// The images of both domains, some of them mirrored where that is asked for.
fn real(micro: &MicroBatch, flip: bool) -> [Tensor<4>; 2] {
    flat(&micro.batch).map(|items| flipped(to_images(items, micro.batch.shape), flip, &micro.noise))
}

/// Images of which each is mirrored left to right with probability 1/2.
fn flipped(images: Tensor<4>, flip: bool, noise: &Noise) -> Tensor<4> {
    if !flip {
        return images;
    }
    let n = images.dims()[0];
    let mirrored = |rng: &mut _| if uniforms(rng, 1)[0] < 0.5 { 1.0 } else { 0.0f32 };
    let share: Vec<f32> = noise.generators("flip", [n]).iter_mut().map(mirrored).collect();
    let share = Tensor::<4>::from_data(TensorData::new(share, [n, 1, 1, 1]), noise.device());
    images.clone().flip([3]) * share.clone() + images * share.neg().add_scalar(1.0)
}

/// The mean absolute difference, `[1]`.
fn difference(x: Tensor<4>, y: Tensor<4>) -> Tensor<1> {
    (x - y).abs().mean()
}
