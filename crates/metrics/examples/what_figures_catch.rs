//! What each figure sees and what it misses, on real data with a known fault: the tables of
//! `docs/src/guide/metrics.md`.
//!
//! ```text
//! cargo run --release -p ganvas-metrics --example what_figures_catch
//! cargo run --release -p ganvas-metrics --example what_figures_catch -- mnist
//! ```
//!
//! The second line needs MNIST: `ganvas data get mnist`.

use std::error::Error;
use std::process::ExitCode;

use burn::tensor::Device;
use ganvas_data::{Dataset, OpenOptions, Split};
use ganvas_metrics::extractor::labels;
use ganvas_metrics::features::{SPLITS, Similarity, frechet_infinity, inception_score, kid, vendi_score};
use ganvas_metrics::neighbours::{copies, prdc, two_sample_test};
use ganvas_metrics::scores::{auroc, best_f1, point_adjusted};
use ganvas_metrics::tables::{column_tests, correlation_distance};
use ganvas_metrics::{Extractor, Features, Images, classes, frechet_distance};
use ganvas_prob::stream::{Streams, normals, permutation};

type Fallible<T> = Result<T, Box<dyn Error>>;
type Figures = Vec<(&'static str, f64)>;

const SEEDS: [u64; 3] = [1, 2, 3];
/// Neighbours of precision, recall, density and coverage.
const K: usize = 5;
/// Classes of which none is generated.
const DROPPED: [usize; 5] = [0, 1, 3, 5, 9];
/// Standard deviations of noise, for pixels in [-1, 1].
const NOISE: [f32; 4] = [0.1, 0.25, 0.5, 1.0];
/// Values of a row of the tables.
const COLUMNS: usize = 3;

/// How many items each experiment takes of a data set, real and generated ones alike.
struct Plan {
    id: &'static str,
    /// No more than the rarest class has in the training part.
    dropped: usize,
    spoiled: usize,
    /// At most half of the test part.
    copied: usize,
    /// At most half of the training part.
    sizes: [usize; 4],
    /// Standard deviations of the blur, in pixels.
    blur: [f32; 4],
}

const PLANS: [Plan; 2] = [
    Plan {
        id: "digits",
        dropped: 130,
        spoiled: 350,
        copied: 175,
        sizes: [100, 200, 400, 700],
        blur: [0.5, 0.75, 1.0, 2.0],
    },
    Plan {
        id: "mnist",
        dropped: 1000,
        spoiled: 1000,
        copied: 1000,
        sizes: [100, 400, 1000, 4000],
        blur: [1.0, 1.5, 2.0, 4.0],
    },
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Fallible<()> {
    let id = std::env::args().nth(1).unwrap_or_else(|| "digits".into());
    let plan =
        PLANS.iter().find(|plan| plan.id == id).ok_or_else(|| format!("`{id}` is neither `digits` nor `mnist`"))?;
    let lab = Lab::new(plan)?;
    println!("{}, mean (min..max) of the seeds {SEEDS:?}", lab.extractor.label());
    lab.mode_dropping()?;
    lab.blur()?;
    lab.noise()?;
    lab.memorisation()?;
    lab.sample_size()?;
    point_adjustment()?;
    table_figures()
}

/// Images as the classifier sees them.
struct Seen {
    features: Features,
    logits: Features,
}

struct Lab {
    plan: &'static Plan,
    extractor: Extractor,
    data: Dataset,
}

impl Lab {
    fn new(plan: &'static Plan) -> Fallible<Self> {
        let extractor = Extractor::load(plan.id, &Device::flex())?;
        Ok(Self { plan, extractor, data: ganvas_data::open(plan.id, &OpenOptions::default())? })
    }

    fn images(&self, split: &Split, items: &[usize]) -> Images {
        Images::new(self.data.shape.planes(), split.gather(items))
    }

    fn see(&self, images: &Images) -> Fallible<Seen> {
        let (features, logits) = self.extractor.features_and_logits(images)?;
        Ok(Seen { features, logits })
    }

    fn figures(&self, real: &Images, fake: &Images, streams: &Streams) -> Fallible<Figures> {
        let (real, fake) = (self.see(real)?.features, self.see(fake)?);
        let mut figures = vec![("ffd", frechet_distance(&real, &fake.features)?), ("fkd", kid(&real, &fake.features)?)];
        let balls = prdc(&real, &fake.features, K)?;
        figures.extend([("precision", balls.precision), ("recall", balls.recall)]);
        figures.extend([("density", balls.density), ("coverage", balls.coverage)]);
        let told = two_sample_test(&real, &fake.features)?;
        figures.extend([("c2st", told.accuracy), ("c2st_real", told.real), ("c2st_fake", told.fake)]);
        figures.push(("copies", copies(&real, &fake.features, 1)?));
        figures.push(("vendi", vendi_score(&fake.features, Similarity::Cosine)?));
        figures.push(("classifier_score", inception_score(&fake.logits, SPLITS, streams)?.mean));
        let shares = classes::class_shares(&labels(&fake.logits), self.extractor.classes_count())?;
        figures.push(("class_share_min", shares.into_iter().fold(1.0, f64::min)));
        Ok(figures)
    }

    /// Test images against training images of fewer and fewer classes.
    fn mode_dropping(&self) -> Fallible<()> {
        let n = self.plan.dropped;
        heading("Classes dropped", n);
        let labels = self.data.train.labels.as_ref().ok_or("the data have no classes")?;
        let columns = DROPPED.map(|k| format!("{k} dropped"));
        table(&columns, |column, streams| {
            let classes = permutation(&mut streams.rng("classes", 0), self.data.class_names.len());
            let kept = &classes[DROPPED[column]..];
            let mut items = order(&self.data.train, "fake", streams);
            items.retain(|&i| kept.contains(&(labels[i] as usize)));
            let real = self.images(&self.data.test, &order(&self.data.test, "real", streams)[..n]);
            self.figures(&real, &self.images(&self.data.train, &items[..n]), streams)
        })
    }

    /// Training images against test images that `spoil` has changed, by columns.
    fn spoiled(&self, columns: &[String], spoil: impl Fn(usize, &mut Images, &Streams)) -> Fallible<()> {
        let n = self.plan.spoiled;
        table(columns, |column, streams| {
            let real = self.images(&self.data.train, &order(&self.data.train, "real", streams)[..n]);
            let mut fake = self.images(&self.data.test, &order(&self.data.test, "fake", streams)[..n]);
            spoil(column, &mut fake, streams);
            self.figures(&real, &fake, streams)
        })
    }

    fn blur(&self) -> Fallible<()> {
        heading("Blur: Gaussian, standard deviation in pixels", self.plan.spoiled);
        let columns: Vec<String> =
            std::iter::once("none".into()).chain(self.plan.blur.map(|sd| sd.to_string())).collect();
        self.spoiled(&columns, |column, images, _| {
            if let Some(&sd) = column.checked_sub(1).and_then(|i| self.plan.blur.get(i)) {
                blur(images, sd);
            }
        })
    }

    fn noise(&self) -> Fallible<()> {
        heading("Noise: Gaussian, standard deviation for pixels in [-1, 1]", self.plan.spoiled);
        let columns: Vec<String> = std::iter::once("none".into()).chain(NOISE.map(|sd| sd.to_string())).collect();
        self.spoiled(&columns, |column, images, streams| {
            if let Some(&sd) = column.checked_sub(1).and_then(|i| NOISE.get(i)) {
                add_noise(images, sd, streams);
            }
        })
    }

    /// Held-out images and repeated training images, against those training images and against others held out.
    fn memorisation(&self) -> Fallible<()> {
        let n = self.plan.copied;
        let trained =
            |streams: &Streams| self.images(&self.data.train, &order(&self.data.train, "train", streams)[..n]);
        let held_out = |part: usize, streams: &Streams| {
            self.images(&self.data.test, &order(&self.data.test, "test", streams)[part * n..(part + 1) * n])
        };
        heading("Memorisation, the real items are what is repeated", n);
        let columns = ["new", "half copies", "copies, noise 0.25", "noise 0.05", "copies"].map(String::from);
        table(&columns, |column, streams| {
            let real = trained(streams);
            let mut fake = if column == 0 { held_out(0, streams) } else { real.clone() };
            match column {
                1 => {
                    let half = n / 2 * fake.item_len();
                    fake.values[..half].copy_from_slice(&held_out(0, streams).values[..half]);
                }
                2 => add_noise(&mut fake, 0.25, streams),
                3 => add_noise(&mut fake, 0.05, streams),
                _ => {}
            }
            self.figures(&real, &fake, streams)
        })?;
        heading("Memorisation, the real items are held out", n);
        table(&["new", "copies of training items"].map(String::from), |column, streams| {
            let fake = if column == 0 { held_out(0, streams) } else { trained(streams) };
            self.figures(&held_out(1, streams), &fake, streams)
        })
    }

    /// Training images against others: nothing is wrong, and the distance of the distributions is 0.
    fn sample_size(&self) -> Fallible<()> {
        println!("\n### Sample size: real against real\n");
        table(&self.plan.sizes.map(|n| format!("n = {n}")), |column, streams| {
            let n = self.plan.sizes[column];
            let items = order(&self.data.train, "size", streams);
            let [real, fake] = [&items[..n], &items[n..2 * n]].map(|items| self.images(&self.data.train, items));
            let mut figures = self.figures(&real, &fake, streams)?;
            let [real, fake] = [self.see(&real)?.features, self.see(&fake)?.features];
            figures.insert(1, ("ffd_infinity", frechet_infinity(&real, &fake, 15, streams)?));
            Ok(figures)
        })
    }
}

/// A score of chance, and one that is one standard deviation higher in anomalies, plain and point-adjusted.
fn point_adjustment() -> Fallible<()> {
    const POINTS: usize = 20_000;
    const LENGTHS: [usize; 4] = [1, 10, 100, 1000];
    println!("\n### Point adjustment: {POINTS} points, 10 % in anomalous segments\n");
    table(&LENGTHS.map(|length| format!("segments of {length}")), |column, streams| {
        let length = LENGTHS[column];
        let labels: Vec<bool> = (0..POINTS).map(|i| i / length % 10 == 9).collect();
        let chance: Vec<f64> = normals(&mut streams.rng("score", 0), POINTS).into_iter().map(f64::from).collect();
        let honest: Vec<f64> =
            chance.iter().zip(&labels).map(|(score, &anomalous)| score + f64::from(u8::from(anomalous))).collect();
        Ok(vec![
            ("chance: F1", best_f1(&chance, &labels)?.0),
            ("chance: F1 adjusted", best_f1(&point_adjusted(&chance, &labels)?, &labels)?.0),
            ("detector: F1", best_f1(&honest, &labels)?.0),
            ("detector: F1 adjusted", best_f1(&point_adjusted(&honest, &labels)?, &labels)?.0),
            ("chance: AUROC", auroc(&chance, &labels)?),
            ("detector: AUROC", auroc(&honest, &labels)?),
        ])
    })
}

/// Rows of three columns: the second goes with the first in a line, the third with its square.
fn rows(n: usize, seed: u64) -> Features {
    let mut values = normals(&mut Streams::new(seed).rng("rows", 0), n * COLUMNS);
    for row in values.chunks_exact_mut(COLUMNS) {
        row[1] = 0.8 * row[0] + 0.6 * row[1];
        row[2] = row[0] * row[0] + 0.3 * row[2];
    }
    Features { dims: COLUMNS, values }
}

fn table_figures() -> Fallible<()> {
    const ROWS: usize = 1000;
    heading("Tables: y = 0.8 x + noise, z = x^2 + noise", ROWS);
    let columns = ["same law", "y shuffled", "z shuffled", "z shifted"].map(String::from);
    table(&columns, |column, streams| {
        let real = rows(ROWS, streams.seed());
        let mut fake = rows(ROWS, streams.fork("fake").seed());
        match column {
            1 | 2 => {
                let whole = fake.clone();
                for (row, from) in permutation(&mut streams.rng("shuffle", 0), ROWS).into_iter().enumerate() {
                    fake.values[row * COLUMNS + column] = whole.item(from)[column];
                }
            }
            3 => fake.values.iter_mut().skip(2).step_by(COLUMNS).for_each(|z| *z += 0.3),
            _ => {}
        }
        let tests = column_tests(&real, &fake)?;
        Ok(vec![
            ("largest KS statistic", tests.iter().map(|test| test.statistic).fold(0.0, f64::max)),
            ("smallest KS p-value", tests.iter().map(|test| test.p_value).fold(1.0, f64::min)),
            ("correlation_distance", correlation_distance(&real, &fake)?),
            ("fd, raw", frechet_distance(&real, &fake)?),
            ("c2st, raw", two_sample_test(&real, &fake)?.accuracy),
        ])
    })
}

/// Each image with a blur by a Gaussian of `sd` pixels, the border going on outwards.
fn blur(images: &mut Images, sd: f32) {
    let (height, width) = (images.height, images.width);
    let reach = (3.0 * sd).ceil() as isize;
    let weights: Vec<f32> = (-reach..=reach).map(|by| (-((by * by) as f32) / (2.0 * sd * sd)).exp()).collect();
    let total: f32 = weights.iter().sum();
    let along = |line: &[f32]| -> Vec<f32> {
        let at = |i: isize| line[i.clamp(0, line.len() as isize - 1) as usize];
        let mean = |i: usize| (-reach..).zip(&weights).map(|(by, w)| w * at(i as isize + by)).sum::<f32>() / total;
        (0..line.len()).map(mean).collect()
    };
    for plane in images.values.chunks_exact_mut(height * width) {
        for row in plane.chunks_exact_mut(width) {
            row.copy_from_slice(&along(row));
        }
        for x in 0..width {
            let column: Vec<f32> = (0..height).map(|y| plane[y * width + x]).collect();
            along(&column).into_iter().enumerate().for_each(|(y, value)| plane[y * width + x] = value);
        }
    }
}

/// What leaves [-1, 1] is cut off.
fn add_noise(images: &mut Images, sd: f32, streams: &Streams) {
    let noise = normals(&mut streams.rng("noise", 0), images.values.len());
    images.values.iter_mut().zip(noise).for_each(|(x, z)| *x = (*x + sd * z).clamp(-1.0, 1.0));
}

fn order(split: &Split, name: &str, streams: &Streams) -> Vec<usize> {
    permutation(&mut streams.rng(name, 0), split.len)
}

fn heading(what: &str, n: usize) {
    println!("\n### {what}; n = {n}\n");
}

/// Prints a line for each figure and a column for each case: the mean over the seeds, the least and the most.
fn table(columns: &[String], measure: impl Fn(usize, &Streams) -> Fallible<Figures>) -> Fallible<()> {
    println!("| | {} |\n| --- |{}", columns.join(" | "), " ---: |".repeat(columns.len()));
    let mut lines: Vec<(&str, Vec<String>)> = Vec::new();
    for column in 0..columns.len() {
        let seeds = SEEDS.map(|seed| measure(column, &Streams::new(seed)));
        let seeds = seeds.into_iter().collect::<Fallible<Vec<Figures>>>()?;
        for (line, &(name, _)) in seeds[0].iter().enumerate() {
            if column == 0 {
                lines.push((name, Vec::new()));
            }
            lines[line].1.push(cell(&seeds.iter().map(|figures| figures[line].1).collect::<Vec<_>>()));
        }
    }
    for (name, cells) in lines {
        println!("| {name} | {} |", cells.join(" | "));
    }
    Ok(())
}

/// `mean (min..max)`, to three digits or so.
fn cell(values: &[f64]) -> String {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &x| (l.min(x), h.max(x)));
    let digits = match low.abs().max(high.abs()) {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size > 1.0 => 2,
        _ => 3,
    };
    let [mean, low, high] = [mean, low, high].map(|x| format!("{x:.digits$}"));
    if low == high { mean } else { format!("{mean} ({low}..{high})") }
}
