//! Figures of what a system that translates makes of held-out items.

use std::ops::Range;

use burn::tensor::Device;
use ganvas_data::Dataset;
use ganvas_engine::system::{Direction, Translation};
use ganvas_engine::translation::{sources, translated};
use ganvas_metrics::{Figure, Images, MetricError};

use super::extraction::{Items, Ordered, see};
use super::measures::Measures;
use crate::error::CliError;
use crate::progress::Stages;

/// The mean absolute difference of an item and what comes of it there and back.
pub const CYCLE: &str = "cycle_l1";

/// A part of a domain smaller than this is too small to compare distributions with: its training part stands in.
const ENOUGH_REAL: usize = 1000;

/// Items of a part as they are translated.
struct Translated<'a> {
    translation: &'a dyn Translation,
    dataset: &'a Dataset,
    direction: Direction,
    items: Vec<usize>,
    device: &'a Device,
}

impl Items for Translated<'_> {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn planes(&self) -> [usize; 3] {
        self.dataset.shape.planes()
    }

    fn take(&self, range: Range<usize>) -> Result<Images, CliError> {
        let items = self.dataset.test.gather(&self.items[range]);
        let made = translated(self.translation, &items, self.dataset.shape, self.direction, self.device);
        Ok(Images::new(self.planes(), made))
    }
}

/// The mean absolute difference of some held-out items and what comes of them there and back.
pub fn cycle(
    translation: &dyn Translation,
    dataset: &Dataset,
    direction: Direction,
    items: &[usize],
    device: &Device,
) -> f64 {
    let source = dataset.test.gather(items);
    let there = translated(translation, &source, dataset.shape, direction, device);
    let back = translated(translation, &there, dataset.shape, direction.reversed(), device);
    let apart: f64 = source.iter().zip(&back).map(|(a, b)| f64::from((a - b).abs())).sum();
    apart / source.len().max(1) as f64
}

/// For each direction the figures between at most `n` translated held-out items and real ones of the domain that it ends at: beside
/// each real items against real items as its floor, and items that are not translated as its baseline. `usual`: none were asked
/// for by name.
pub fn figures(
    translation: &dyn Translation,
    dataset: &Dataset,
    n: usize,
    measures: &Measures,
    usual: bool,
    device: &Device,
    stages: &mut Stages,
) -> Result<Vec<Figure>, CliError> {
    let extraction = measures.extraction;
    let mut all = Vec::new();
    for direction in Direction::ALL {
        let (from, to) = (direction.from() as u32, direction.to() as u32);
        let mut of = |what: &str, items: &dyn Items| {
            stages.begin(&format!("{}: features of {what}", direction.name()), n.min(items.len()));
            see(extraction, items, n, None, stages)
        };
        let (held_out, trained_on) = (&dataset.test, &dataset.train);
        let test = Ordered::of_class(dataset, held_out, "test", to);
        let train = Ordered::of_class(dataset, trained_on, "train", to);
        let is_small = test.len() < ENOUGH_REAL;
        let (real, again) = if is_small { (&train, &test) } else { (&test, &train) };
        let (real, again) = (of("real items", real)?, of("real items for the floor", again)?);
        let naive = of("items as they are", &Ordered::of_class(dataset, held_out, "test", from))?;
        let items: Vec<usize> = sources(&dataset.test, direction).into_iter().take(n).collect();
        let fake =
            of("translated items", &Translated { translation, dataset, direction, items: items.clone(), device })?;
        let fewest = real.len().min(again.len()).min(fake.len());
        let mut names = measures.names.to_vec();
        if usual {
            names.push("fd");
            names.extend(["precision", "recall"].into_iter().filter(|_| fewest > measures.k));
        }
        let asks_cycle = usual || names.contains(&CYCLE);
        names.retain(|name| *name != CYCLE);
        let measures = Measures { names: &names, ..*measures };
        let beside = |other: Result<Vec<Figure>, MetricError>| match other {
            // What is too small for a figure has nothing beside it.
            Err(MetricError::TooFew { .. }) => Ok(Vec::new()),
            found => found,
        };
        let (floors, baselines) = (beside(measures.plainly(&real, &again))?, beside(measures.plainly(&real, &naive))?);
        let [_, height, width] = dataset.shape.planes();
        for (i, figure) in measures.between(&real, &fake, stages)?.into_iter().enumerate() {
            all.push(Figure {
                name: format!("{}_{}", figure.name, direction.name()),
                floor: floors.get(i).map(|floor| floor.value),
                baseline: baselines.get(i).map(|baseline| baseline.value),
                n_real: Some(real.len()),
                n_fake: Some(fake.len()),
                extractor: Some(extraction.label((height, width))),
                ..figure
            });
        }
        if asks_cycle {
            let value = cycle(translation, dataset, direction, &items, device);
            let named = Figure::new(format!("{CYCLE}_{}", direction.name()), value);
            all.push(Figure { n_real: Some(items.len()), n_fake: Some(items.len()), ..named });
        }
    }
    Ok(all)
}
