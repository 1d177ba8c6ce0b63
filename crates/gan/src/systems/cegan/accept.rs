//! The acceptance check: does a classifier of imbalanced data gain by the generated items, and against simpler remedies?

mod rivals;

use std::sync::Arc;
use std::time::Instant;

use burn::tensor::{Device, Tensor};
use ganvas_data::{Dataset, Split, Values};
use ganvas_engine::accept::{AcceptError, Acceptance, Threshold};
use ganvas_engine::session::{Options, Session, sample_class};
use ganvas_engine::system::{Build, DataSpec, System, to_device};
use ganvas_metrics::confusion::Confusion;
use ganvas_metrics::extractor::Extractor;
use ganvas_metrics::interval::of_few;
use ganvas_metrics::{Features, Images};
use ganvas_nets::noise::Pass;
use ganvas_prob::stream::{Streams, permutation};

use super::{Cegan, CeganConfig, Classifier, Stage, images};
use crate::systems::measures::extractor;
use rivals::{Remedy, train};

const STEPS: u64 = 3600;
const BATCH: usize = 64;
/// Training items of a class, of a rare class, and items of a class to choose the best step by.
const ITEMS: [usize; 3] = [2000, 40, 100];
/// T-shirt, pullover, coat, shirt: each is taken for another by most classifiers.
const ALIKE: [usize; 4] = [0, 2, 4, 6];
/// Steps between two looks at the validation items.
const EVERY: u64 = 36;
/// Pairs are ambiguous from this share on.
const AMBIGUOUS: f64 = 0.1;
/// Generated items of a class that the reference classifier judges.
const JUDGED: usize = 1000;

/// A classifier on the test items, under the name of its remedy.
type Outcome = (&'static str, Confusion);

/// What a seed gave.
struct Trial {
    seed: u64,
    rare: Vec<usize>,
    outcomes: Vec<Outcome>,
    /// Pairs that N takes for each other on validation items.
    pairs: Vec<(usize, usize)>,
    /// For each rare class: the share of generated items that the reference classifier takes for it, of real test items, and
    /// the variance of its features within the class, generated over real.
    fidelity: Vec<[f64; 3]>,
    seconds: f64,
}

impl Trial {
    fn of(&self, name: &str) -> Result<&Confusion, AcceptError> {
        let found = self.outcomes.iter().find(|(other, _)| *other == name).map(|(_, confusion)| confusion);
        found.ok_or_else(|| AcceptError::figure(std::io::Error::other(format!("no classifier `{name}`"))))
    }

    /// The mean F1 of the rare classes, in points.
    fn minority(&self, name: &str) -> Result<f64, AcceptError> {
        Ok(100.0 * self.of(name)?.mean_f1(&self.rare))
    }

    /// The mean F1 of the others, in points.
    fn majority(&self, name: &str) -> Result<f64, AcceptError> {
        let confusion = self.of(name)?;
        let others: Vec<usize> = (0..confusion.classes()).filter(|class| !self.rare.contains(class)).collect();
        Ok(100.0 * confusion.mean_f1(&others))
    }

    fn macro_f1(&self, name: &str) -> Result<f64, AcceptError> {
        Ok(100.0 * self.of(name)?.macro_f1())
    }

    /// The summed shares of the ambiguous pairs.
    fn mistaken(&self, name: &str) -> Result<f64, AcceptError> {
        let confusion = self.of(name)?;
        Ok(self.pairs.iter().map(|&(a, b)| confusion.share(a, b)).sum())
    }
}

/// All checks on five seeds, or more where more are given; a single one is a trial, of which no interval is taken.
pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let mut seeds = acceptance.seeds();
    if seeds.len() > 1 {
        let next = seeds.iter().max().map_or(0, |last| last + 1);
        seeds.extend((next..).take(5usize.saturating_sub(seeds.len())));
    }
    let dataset = acceptance.data("fashion-mnist")?;
    let reference = extractor(&dataset, &acceptance.plain_device())?;
    let mut trials = Vec::new();
    for seed in seeds {
        let trial = trial(acceptance, &dataset, &reference, seed)?;
        report(acceptance, &trial, &reference)?;
        trials.push(trial);
    }
    compare(acceptance, &trials)
}

/// The training items of a seed, with three rare classes, two of them alike; validation items; all test items.
fn imbalanced(dataset: &Dataset, seed: u64) -> Result<(Vec<usize>, Arc<Dataset>, Split), AcceptError> {
    let streams = Streams::new(seed).fork("imbalanced");
    let pick = |from: &[usize], n: usize, name: &str| -> Vec<usize> {
        permutation(&mut streams.rng(name, 0), from.len()).into_iter().take(n).map(|i| from[i]).collect()
    };
    let classes = dataset.class_names.len();
    let others: Vec<usize> = (0..classes).filter(|class| !ALIKE.contains(class)).collect();
    let rare = [pick(&ALIKE, 2, "alike"), pick(&others, 1, "others")].concat();
    let labels = dataset.train.labels.clone().unwrap_or_default();
    let [many, few, held] = ITEMS;
    let (mut train, mut validation) = (Vec::new(), Vec::new());
    for class in 0..classes {
        let all: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] as usize == class).collect();
        let wanted = if rare.contains(&class) { few } else { many };
        let chosen = pick(&all, wanted + held, &format!("class/{class}"));
        validation.extend(&chosen[..held.min(chosen.len())]);
        train.extend(chosen.into_iter().skip(held));
    }
    let size = dataset.shape.len();
    let part = |items: &[usize]| -> Split {
        let values = match &dataset.train.values {
            Values::U8(values) => {
                Values::U8(items.iter().flat_map(|&i| &values[i * size..(i + 1) * size]).copied().collect())
            }
            Values::F32(values) => {
                Values::F32(items.iter().flat_map(|&i| &values[i * size..(i + 1) * size]).copied().collect())
            }
        };
        Split { values, labels: dataset.train.gather_labels(items), len: items.len() }
    };
    let names = dataset.class_names.clone();
    let id = format!("{}, imbalanced", dataset.id);
    let made = Dataset::new(id, "", dataset.shape, names, part(&train), dataset.test.clone(), "")?;
    Ok((rare, Arc::new(made), part(&validation)))
}

/// What a seed's classifiers share.
struct Bench<'a> {
    dataset: &'a Arc<Dataset>,
    validation: &'a Split,
    device: Device,
    options: Options,
}

impl Bench<'_> {
    /// What a classifier takes items for.
    fn confusion(&self, classifier: &Classifier, items: &Split) -> Result<Confusion, AcceptError> {
        let truth = items.labels.clone().unwrap_or_default();
        let (mut told, plain) = (Vec::with_capacity(items.len), self.device.clone().inner());
        let all: Vec<usize> = (0..items.len).collect();
        for some in all.chunks(1000) {
            let x = to_device(items.gather(some), self.dataset.shape, &plain);
            let logits: Tensor<2> = classifier.forward(x, Pass::Eval);
            told.extend(logits.argmax(1).to_data().iter::<i64>().map(|class| class as u32));
        }
        Confusion::of(&truth, &told, self.dataset.class_names.len()).map_err(AcceptError::figure)
    }

    /// Takes the system through steps `from..to`; with `best`, keeps its classifier where it does best.
    fn run(&self, system: &mut Cegan, from: u64, to: u64, mut best: Option<&mut Best>) -> Result<(), AcceptError> {
        let mut at = from;
        while at < to {
            let until = (at + EVERY).min(to);
            let mut session = Session::new(system, self.dataset, &self.device, self.options.clone(), at, 0.0)?;
            for _ in at..until {
                session.step(false)?;
            }
            drop(session);
            at = until;
            if let Some(best) = &mut best {
                best.look(self, system.classifier.shown())?;
            }
        }
        Ok(())
    }
}

/// The classifier of the step with the largest macro F1 on validation items.
struct Best(f64, Classifier);

impl Best {
    fn of(bench: &Bench, classifier: Classifier) -> Result<Self, AcceptError> {
        Ok(Self(bench.confusion(&classifier, bench.validation)?.macro_f1(), classifier))
    }

    fn look(&mut self, bench: &Bench, classifier: Classifier) -> Result<(), AcceptError> {
        let now = Self::of(bench, classifier)?;
        if now.0 > self.0 {
            *self = now;
        }
        Ok(())
    }
}

fn trial(
    acceptance: &mut Acceptance,
    dataset: &Dataset,
    reference: &Extractor,
    seed: u64,
) -> Result<Trial, AcceptError> {
    let started = Instant::now();
    let (rare, dataset, validation) = imbalanced(dataset, seed)?;
    let streams = Streams::new(seed);
    let device = acceptance.device().clone();
    let config = CeganConfig { ambiguity: 0.0, ..images() };
    let spec = DataSpec::of(&dataset);
    let mut system = Cegan::build(&config, &spec, &Build { streams, device: &device })?;
    let options = Options::new(streams, BATCH, STEPS);
    let bench = Bench { dataset: &dataset, validation: &validation, device, options };
    let begins =
        |is: &dyn Fn(Stage) -> bool| (0..STEPS).find(|&i| is(system.stage(bench.options.progress(i)))).unwrap_or(STEPS);
    let adversarial = begins(&|stage| stage != Stage::WarmUp);
    let heard = begins(&|stage| matches!(stage, Stage::Adversarial { done } if done >= config.coupling_from));
    let enhancement = begins(&|stage| matches!(stage, Stage::Enhancement { .. }));
    let mut outcomes = Vec::new();

    let mut tell = |name: &'static str, confusion: &Confusion| {
        let (f1, seconds) = (100.0 * confusion.mean_f1(&rare), started.elapsed().as_secs_f64());
        let whole = 100.0 * confusion.macro_f1();
        acceptance.tell(&format!("  seed {seed}, {name}: minority F1 {f1:.2}, macro F1 {whole:.2}, {seconds:.0} s"));
    };

    bench.run(&mut system, 0, adversarial, None)?;
    let warm = system.classifier.clone();
    // Up to where the classifier is heard, all three are the same.
    bench.run(&mut system, adversarial, heard, None)?;
    let mut alone = system.clone();
    alone.config.coupling = 0.0;
    bench.run(&mut system, heard, enhancement, None)?;
    bench.run(&mut alone, heard, enhancement, None)?;
    let mut ambiguous = system.clone();
    ambiguous.config.ambiguity = images().ambiguity;
    for (name, variant) in [("CE", &mut system), ("AR", &mut ambiguous), ("S", &mut alone)] {
        let mut best = Best::of(&bench, variant.classifier.shown())?;
        bench.run(variant, enhancement, STEPS, Some(&mut best))?;
        let confusion = bench.confusion(&best.1, &dataset.test)?;
        tell(name, &confusion);
        outcomes.push((name, confusion));
    }
    // All rivals go on from the same warm-up, in as many updates, and are chosen by the same validation items.
    let mut pairs = Vec::new();
    for remedy in Remedy::ALL {
        let best = train(&bench, &warm, remedy, enhancement..STEPS, config.critic_steps)?;
        if remedy == Remedy::None {
            pairs = bench.confusion(&best.1, &validation)?.ambiguous(AMBIGUOUS);
        }
        let confusion = bench.confusion(&best.1, &dataset.test)?;
        tell(remedy.name(), &confusion);
        outcomes.push((remedy.name(), confusion));
    }
    let fidelity = fidelity(&system, &rare, &dataset, reference, seed, &bench.device.clone().inner())?;
    Ok(Trial { seed, rare, outcomes, pairs, fidelity, seconds: started.elapsed().as_secs_f64() })
}

/// See [`Trial::fidelity`].
fn fidelity(
    system: &Cegan,
    rare: &[usize],
    dataset: &Dataset,
    reference: &Extractor,
    seed: u64,
    device: &Device,
) -> Result<Vec<[f64; 3]>, AcceptError> {
    let planes = dataset.shape.planes();
    let labels = dataset.test.labels.clone().unwrap_or_default();
    let judge = |images: Images, class: usize| -> Result<(f64, f64), AcceptError> {
        let told = reference.classes(&images).map_err(AcceptError::figure)?;
        let agree = told.iter().filter(|&&told| told as usize == class).count() as f64 / told.len().max(1) as f64;
        Ok((agree, variance(&reference.features(&images).map_err(AcceptError::figure)?)))
    };
    let of = |&class: &usize| {
        let fake = sample_class(system, class, 0..JUDGED, &Streams::new(seed).fork("fidelity"), device);
        let items: Vec<usize> = (0..labels.len()).filter(|&i| labels[i] as usize == class).collect();
        let (agree, spread) = judge(Images::new(planes, fake), class)?;
        let (of_real, real_spread) = judge(Images::new(planes, dataset.test.gather(&items)), class)?;
        Ok([agree, of_real, spread / real_spread.max(1e-12)])
    };
    rare.iter().map(of).collect()
}

/// The sum of the variances of all features.
fn variance(features: &Features) -> f64 {
    let n = features.len() as f64;
    let of = |dim: usize| {
        let values = || (0..features.len()).map(|i| f64::from(features.item(i)[dim]));
        let mean = values().sum::<f64>() / n;
        values().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0)
    };
    (0..features.dims).map(of).sum()
}

/// The figures of a seed: those of each classifier, and check 4.
fn report(acceptance: &mut Acceptance, trial: &Trial, reference: &Extractor) -> Result<(), AcceptError> {
    let Trial { seed, rare, .. } = trial;
    for (name, confusion) in &trial.outcomes {
        let recalls: Vec<String> = rare.iter().map(|&class| format!("{:.2}", confusion.recall(class))).collect();
        let conditions = format!(
            "seed {seed}, rare {rare:?} with recalls {}, majority F1 {:.2}, macro F1 {:.2}, G-mean {:.3}, whole seed in {:.0} s",
            recalls.join(" "),
            trial.majority(name)?,
            trial.macro_f1(name)?,
            confusion.g_mean(),
            trial.seconds
        );
        acceptance.check(&format!("3 minority F1 of {name}"), trial.minority(name)?, Threshold::Recorded, conditions);
    }
    let list = |which: usize| {
        let values: Vec<String> = trial.fidelity.iter().map(|found| format!("{:.3}", found[which])).collect();
        values.join(" ")
    };
    let conditions = format!(
        "seed {seed}, mean of classes {rare:?}: {}, of real ones {}, {JUDGED} each, {}",
        list(0),
        list(1),
        reference.label()
    );
    let agree = trial.fidelity.iter().map(|found| found[0]).sum::<f64>() / trial.fidelity.len() as f64;
    acceptance.check("4 rare labels confirmed", agree, Threshold::AtLeast(0.8), conditions);
    let least = trial.fidelity.iter().map(|found| found[2]).fold(f64::INFINITY, f64::min);
    let conditions = format!("seed {seed}, smallest of classes {rare:?}: {}", list(2));
    acceptance.check("4 variance within a class, generated / real", least, Threshold::AtLeast(0.3), conditions);
    Ok(())
}

/// What is compared over the seeds, pair by pair.
fn compare(acceptance: &mut Acceptance, trials: &[Trial]) -> Result<(), AcceptError> {
    let n = trials.len();
    let seconds: f64 = trials.iter().map(|trial| trial.seconds).sum();
    let seeds: Vec<u64> = trials.iter().map(|trial| trial.seed).collect();
    let conditions = format!("seeds {seeds:?}, {STEPS} steps of {BATCH}, {seconds:.0} s in all");
    let each = |f: &dyn Fn(&Trial) -> Result<f64, AcceptError>| trials.iter().map(f).collect::<Result<Vec<f64>, _>>();
    let gain = |of: &str, over: &str| each(&|trial| Ok(trial.minority(of)? - trial.minority(over)?));
    let list = |values: &[f64]| {
        let values: Vec<String> = values.iter().map(|value| format!("{value:.2}")).collect();
        format!("{conditions}: {}", values.join(" "))
    };

    let over_none = gain("CE", "N")?;
    let told = list(&over_none);
    acceptance.check("1 minority F1, CE - N", mean(&over_none), Threshold::AtLeast(3.0), &told);
    if n > 1 {
        acceptance.check("1 lower end of its 95 % interval", interval(&over_none)?[0], Threshold::AtLeast(0.0), told);
    }
    let whole = each(&|trial| Ok(trial.macro_f1("CE")? - trial.macro_f1("N")?))?;
    acceptance.check("2 macro F1, CE - N", mean(&whole), Threshold::AtLeast(0.0), list(&whole));
    let fall = each(&|trial| Ok(trial.majority("N")? - trial.majority("CE")?))?;
    acceptance.check("2 fall of majority F1, N - CE", mean(&fall), Threshold::AtMost(1.0), list(&fall));
    for rival in ["W", "O", "OA", "S"] {
        let found = gain("CE", rival)?;
        let mut told = list(&found);
        if n > 1 {
            let [low, high] = interval(&found)?;
            told = format!("95 % interval {low:.2} to {high:.2}, {told}");
        }
        acceptance.check(&format!("3 minority F1, CE - {rival}"), mean(&found), Threshold::Recorded, told);
    }
    let fall = each(&|trial| Ok(1.0 - trial.mistaken("AR")? / trial.mistaken("CE")?.max(1e-12)))?;
    acceptance.check("5 fall of confusion, AR / CE", mean(&fall), Threshold::AtLeast(0.05), list(&fall));
    let whole = each(&|trial| Ok(trial.macro_f1("AR")? - trial.macro_f1("CE")?))?;
    acceptance.check("5 macro F1, AR - CE", mean(&whole), Threshold::AtLeast(-0.5), list(&whole));
    Ok(())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The 95 % interval of the mean of paired differences.
fn interval(values: &[f64]) -> Result<[f64; 2], AcceptError> {
    let (n, centre) = (values.len(), mean(values));
    let variance = values.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / (n as f64 - 1.0);
    of_few(centre, (variance / n as f64).sqrt(), n, 0.95).map_err(AcceptError::figure)
}
