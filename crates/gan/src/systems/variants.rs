//! Systems that are the convolutional GAN with one setting changed: an auxiliary classifier, another objective, a penalty.

use ganvas_data::ItemShape;
use ganvas_engine::accept::{AcceptError, Acceptance, Threshold, Trial, Until};
use ganvas_engine::system::{DataSpec, Info, Preset, Recommended, Task};
use ganvas_nets::layers::NormKind;

use crate::networks::Networks;
use crate::objectives::Objective;
use crate::systems::adversarial::{Adversarial, AdversarialConfig, Conditioning, Penalty, PenaltyKind, Recipe};
use crate::systems::measures::{EACH, agreement, extractor, independent, quality, real_variances};
use crate::systems::{dcgan, gan};

/// With an auxiliary classifier.
pub type Acgan = Adversarial<Classifying>;
/// With the hinge loss.
pub type HingeGan = Adversarial<Hinged>;
/// With the relativistic loss.
pub type Rsgan = Adversarial<Relativistic>;
/// With a gradient penalty around the data.
pub type Dragan = Adversarial<Regularized>;

/// The AC-GAN.
pub struct Classifying;
/// The GAN with the hinge loss.
pub struct Hinged;
/// The RSGAN.
pub struct Relativistic;
/// The DRAGAN.
pub struct Regularized;

impl Recipe for Classifying {
    const INFO: Info = Info {
        id: "acgan",
        title: "AC-GAN",
        paper: "A. Odena, C. Olah, J. Shlens (2017), Conditional Image Synthesis with Auxiliary Classifier GANs, \
                arXiv:1610.09585",
        summary: "Samples of a chosen class, from a discriminator that also tells the class.",
        task: Task::Class,
        phases: &["discriminator", "generator"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        changed(preset, data, |mut config| {
            // Beside the latents, the class is all that this generator hears: every class becomes one picture.
            if let Networks::Dcgan { generator_norm, .. } = &mut config.networks {
                *generator_norm = NormKind::Conditional;
            }
            if preset == Preset::Small {
                layer_norm(&mut config);
            }
            // Else both networks agree on signs of their own, and what is drawn is any digit.
            AdversarialConfig {
                conditioning: Conditioning::Auxiliary,
                classify_generated: preset == Preset::Paper,
                class_weight: if preset == Preset::Small { 2.0 } else { 1.0 },
                ..config
            }
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::<Self>(acceptance)
    }
}

impl Recipe for Hinged {
    const INFO: Info = Info {
        id: "hinge",
        title: "GAN with the hinge loss",
        paper: "J. H. Lim, J. C. Ye (2017), Geometric GAN, arXiv:1705.02894",
        summary: "Images by a discriminator that stops learning from what it tells apart with a margin.",
        task: Task::Unconditional,
        phases: &["discriminator", "generator"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        changed(preset, data, |config| AdversarialConfig { objective: Objective::Hinge, ..config })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::<Self>(acceptance)
    }
}

impl Recipe for Relativistic {
    const INFO: Info = Info {
        id: "rsgan",
        title: "RSGAN",
        paper: "A. Jolicoeur-Martineau (2019), The Relativistic Discriminator: a Key Element Missing from Standard GAN, \
                arXiv:1807.00734",
        summary: "Images by a discriminator that tells which of a real and a generated one is the real one.",
        task: Task::Unconditional,
        phases: &["discriminator", "generator"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        changed(preset, data, |mut config| {
            if preset == Preset::Small {
                // Batch norm tells what a whole batch is, and pairs are of one of each.
                layer_norm(&mut config);
            }
            AdversarialConfig { objective: Objective::Relativistic, ..config }
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::<Self>(acceptance)
    }
}

impl Recipe for Regularized {
    const INFO: Info = Info {
        id: "dragan",
        title: "DRAGAN",
        paper: "N. Kodali, J. Abernethy, J. Hays, Z. Kira (2017), On Convergence and Stability of GANs, arXiv:1705.07215",
        summary: "Images by a discriminator whose gradient is kept near 1 around the data.",
        task: Task::Unconditional,
        phases: &["discriminator", "generator"],
    };

    fn preset(preset: Preset, data: &DataSpec) -> Recommended<AdversarialConfig> {
        changed(preset, data, |mut config| {
            // The penalty is each item's own, which batch norm would couple.
            layer_norm(&mut config);
            AdversarialConfig { penalty: Penalty { kind: PenaltyKind::Dragan, weight: 10.0, every: 1 }, ..config }
        })
    }

    fn accept(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
        accept::<Self>(acceptance)
    }
}

/// Layer norm in the convolutional discriminator.
fn layer_norm(config: &mut AdversarialConfig) {
    if let Networks::Dcgan { discriminator_norm, .. } = &mut config.networks {
        *discriminator_norm = NormKind::Layer;
    }
}

/// The DCGAN's settings for images, the fully connected GAN's for points, changed.
fn changed(
    preset: Preset,
    data: &DataSpec,
    change: impl FnOnce(AdversarialConfig) -> AdversarialConfig,
) -> Recommended<AdversarialConfig> {
    let of = match data.shape {
        ItemShape::Points { .. } | ItemShape::Series { .. } => gan::Plain::preset(preset, data),
        ItemShape::Image { .. } => dcgan::Convolutional::preset(preset, data),
    };
    Recommended { config: change(of.config), ..of }
}

/// Images that are compared, and samples of all classes together.
const N: usize = 5000;
/// Training on MNIST.
const STEPS: u64 = 2500;

/// On MNIST: half the distance of independent pixels at most, no class lost, and where classes are asked for an independent
/// classifier agrees with 90 % of the samples, of the worst class with 75 %, and the samples of eight classes vary.
fn accept<R: Recipe>(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let extractor = extractor(&dataset, &device)?;
    let naive = independent(&dataset, &extractor, N, 0)?;
    let config = R::preset(Preset::Small, &DataSpec::of(&dataset)).config;
    for seed in acceptance.seeds() {
        let trial = Trial { dataset: &dataset, seed, batch: 64, until: Until::Steps(STEPS) };
        let trained = acceptance.train::<Adversarial<R>>(&config, &trial)?;
        let found = quality(&trained.system, &dataset, &extractor, N, seed, &device)?;
        let note = format!("ffd {:.2}, pixels {:.1}", found.ffd, naive.ffd);
        let conditions = trained.conditions().items(N, N).note(note);
        acceptance.check("1 ffd / independent pixels", found.ffd / naive.ffd, Threshold::AtMost(0.5), &conditions);
        acceptance.check("1 rarest class", found.rarest, Threshold::AtLeast(0.02), &conditions);
        if R::INFO.task == Task::Class {
            let found = agreement(&trained.system, &dataset, &extractor, seed, &device)?;
            let conditions = trained.conditions().items(0, EACH * dataset.class_names.len());
            acceptance.check("2 label agreement", found.mean(), Threshold::AtLeast(0.9), &conditions);
            acceptance.check("2 the same of the worst class", found.worst(), Threshold::AtLeast(0.75), &conditions);
            let varied = found.varied(&real_variances(&dataset, &extractor)?);
            acceptance.check("3 classes of 10 that vary", varied, Threshold::AtLeast(8.0), conditions);
        }
    }
    Ok(())
}
