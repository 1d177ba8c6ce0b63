//! CycleGAN (Zhu et al. 2017): two folders of images, of horses and of zebras, of which none belongs to one of the other, and a
//! translator each way. What is translated there and back has to be what it was.

mod accept;
mod config;
mod pool;
#[cfg(test)]
mod tests;
mod train;

use burn::module::Module;
use burn::tensor::Tensor;
use ganvas_data::{ItemShape, Sampling};
use ganvas_engine::accept::{AcceptError, Acceptance};
use ganvas_engine::config::ConfigError;
use ganvas_engine::step::Step;
use ganvas_engine::system::{
    Batch, Build, DataSpec, Direction, Info, Model, Preset, Recommended, System, Task, Translation, to_images,
};
use ganvas_nets::noise::{Noise, Pass};
use ganvas_nets::optim::Trained;
use ganvas_nets::patchgan::PatchDiscriminator;
use ganvas_nets::state::Part;
use ganvas_nets::translator::Translator;

use pool::Pool;

pub use config::{CycleGanConfig, DiscriminatorConfig, GeneratorConfig};

/// The translators, which are trained together.
#[derive(Module, Debug)]
pub struct Generators {
    /// From the first domain to the second.
    pub ab: Translator,
    /// From the second to the first.
    pub ba: Translator,
}

/// Two translators, a discriminator of each domain, and translated items of earlier steps.
pub struct CycleGan {
    generators: Trained<Generators>,
    /// Of domain A, of domain B.
    discriminators: [Trained<PatchDiscriminator>; 2],
    /// Items translated to domain A, to domain B.
    pools: [Pool; 2],
    config: CycleGanConfig,
    shape: ItemShape,
}

impl System for CycleGan {
    const INFO: Info = Info {
        id: "cyclegan",
        title: "CycleGAN",
        paper: "J.-Y. Zhu, T. Park, P. Isola, A. A. Efros (2017), Unpaired Image-to-Image Translation using Cycle-Consistent \
                Adversarial Networks, arXiv:1703.10593",
        summary: "Images of one domain from those of another and back, learnt without pairs.",
        task: Task::Translate,
        phases: &["generators", "discriminator_b", "discriminator_a"],
    };

    const DATA: &'static str = ganvas_data::horse_zebra::ID;

    type Config = CycleGanConfig;

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<CycleGanConfig> {
        config::recommended(preset, data)
    }

    fn build(config: &CycleGanConfig, data: &DataSpec, build: &Build) -> Result<Self, ConfigError> {
        config.check()?;
        let (translator, patches) = config.shapes(data)?;
        let generators = Generators {
            ab: Translator::new(translator, &mut build.init("generator_ab", config.init)),
            ba: Translator::new(translator, &mut build.init("generator_ba", config.init)),
        };
        let discriminator = |name| {
            let net = PatchDiscriminator::new(patches, &mut build.init(name, config.init));
            Trained::new(net, config.discriminator_optimizer)
        };
        Ok(Self {
            generators: Trained::new(generators, config.generator_optimizer).averaged(config.ema),
            discriminators: ["discriminator_a", "discriminator_b"].map(discriminator),
            pools: [0, 1].map(|_| Pool::new(config.pool, data.values(), build.device)),
            config: config.clone(),
            shape: data.shape,
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::run(acceptance)
    }
}

impl Model for CycleGan {
    fn step(&mut self, batch: &Batch, step: &mut Step) {
        self.update(batch, step);
    }

    fn sampling(&self, _: f64) -> Sampling {
        Sampling::Domains
    }

    /// What each device keeps in its pools would be of its own share.
    fn wants_one_device(&self) -> bool {
        self.config.pool > 0
    }

    /// Nothing is made of noise alone.
    fn sample(&self, _: usize, noise: &Noise) -> Tensor<2> {
        Tensor::zeros([0, self.shape.len()], noise.device())
    }

    fn parts(&mut self) -> Vec<(&'static str, &mut dyn Part)> {
        let [of_a, of_b] = &mut self.discriminators;
        let [pool_a, pool_b] = &mut self.pools;
        vec![
            ("generators", &mut self.generators),
            ("discriminator_a", of_a),
            ("discriminator_b", of_b),
            ("pool_a", pool_a),
            ("pool_b", pool_b),
        ]
    }

    fn translation(&self) -> Option<&dyn Translation> {
        Some(self)
    }
}

impl Translation for CycleGan {
    fn translate(&self, items: Tensor<2>, direction: Direction) -> Tensor<2> {
        let Generators { ab, ba } = self.generators.shown();
        let net = match direction {
            Direction::AToB => ab,
            Direction::BToA => ba,
        };
        net.forward(to_images(items, self.shape), Pass::Eval).flatten(1, 3)
    }
}
