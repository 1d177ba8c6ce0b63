//! Batches in an order that depends on the seed and the step alone.
//!
//! Epoch `e` visits the training items in the order `permutation(streams.rng("shuffle", e), n)`; what does not fill a
//! batch at its end is left out. Step `s` is slice `s % steps_per_epoch` of epoch `s / steps_per_epoch`, so a run goes on
//! at any step without state. Of `threads` workers, worker `w` prepares the steps `start + w`, `start + w + threads`, ...
//! and hands them over through a channel of its own; asking the channels in turn gives the steps in order.
//!
//! [Balanced](Sampling::Balanced) batches have no epochs: each item of step `s` is of a class drawn evenly and, among those of
//! the class, drawn evenly too, with replacement, by `streams.rng("balanced", s)`. Rare classes come as often as others.
//!
//! Of two [domains](Sampling::Domains) each has epochs of its own, in the orders `permutation(streams.rng("domain/0", e), n)` and
//! `"domain/1"`. They follow each other without a gap, so that a batch may begin in one epoch and end in the next.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use ganvas_prob::stream::{Streams, permutation, uniforms};

use crate::{DataError, Dataset};

/// Batches that a worker prepares ahead of the one asked for.
const AHEAD: usize = 2;

/// One batch, in the memory of the host.
#[derive(Clone, Debug, PartialEq)]
pub struct HostBatch {
    /// The step that it is for.
    pub step: u64,
    /// `[batch, item]`, row-major: pixels in [-1, 1], points as they are.
    pub values: Vec<f32>,
    /// The class of each item; `None` where items have none, or all are of one domain.
    pub labels: Option<Vec<u32>>,
    /// As many items of the second domain, where batches are of two.
    pub other: Option<Vec<f32>>,
}

/// Hands over the shuffled batches of the training part, step by step, without end.
#[derive(Debug)]
pub struct Loader {
    workers: Vec<Worker>,
    start_step: u64,
    next_step: u64,
    steps_per_epoch: u64,
}

/// Which items a batch has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    /// Each item once in an epoch.
    #[default]
    Shuffled,
    /// Each class as often as any other, whatever its share of the items.
    Balanced,
    /// As many items of class 0 and of class 1, drawn independently of each other: those of class 1 apart.
    Domains,
}

#[derive(Debug)]
struct Worker {
    /// `None` once the loader is being dropped: that ends the thread at its next hand-over.
    batches: Option<Receiver<HostBatch>>,
    thread: Option<JoinHandle<()>>,
}

impl Loader {
    /// A loader of shuffled batches of `batch` items, whose first step is `start_step`. It prepares them on `threads` threads, at
    /// least one; how many has no influence on what they hold.
    ///
    /// # Errors
    /// [`DataError::Batch`] if `batch` is zero or more than the training items; [`DataError::Thread`] if no thread could be
    /// started.
    pub fn new(
        dataset: Arc<Dataset>,
        batch: usize,
        streams: Streams,
        start_step: u64,
        threads: usize,
    ) -> Result<Self, DataError> {
        Self::by(Sampling::Shuffled, dataset, batch, streams, start_step, threads)
    }

    /// The same, with items chosen in another way.
    ///
    /// # Errors
    /// As [`new`](Loader::new); [`DataError::NoLabels`] if batches are to be balanced and items have no class;
    /// [`DataError::Domains`] if items are of no two domains.
    pub fn by(
        sampling: Sampling,
        dataset: Arc<Dataset>,
        batch: usize,
        streams: Streams,
        start_step: u64,
        threads: usize,
    ) -> Result<Self, DataError> {
        let source = Arc::new(Source::of(sampling, &dataset)?);
        let items = dataset.train.len;
        if batch == 0 || batch > items {
            return Err(DataError::Batch { batch, items });
        }
        let threads = threads.max(1);
        let mut loader = Self {
            workers: Vec::with_capacity(threads),
            start_step,
            next_step: start_step,
            steps_per_epoch: (items / batch) as u64,
        };
        for index in 0..threads {
            let (sender, receiver) = sync_channel(AHEAD);
            let mut schedule = Schedule::new(Arc::clone(&dataset), batch, streams, Arc::clone(&source));
            let thread = thread::Builder::new()
                .name(format!("loader-{index}"))
                .spawn(move || work(&mut schedule, &sender, start_step.checked_add(index as u64), threads as u64))
                .map_err(|source| DataError::Thread { source })?;
            loader.workers.push(Worker { batches: Some(receiver), thread: Some(thread) });
        }
        Ok(loader)
    }

    /// The batch of the next step.
    ///
    /// # Errors
    /// [`DataError::LoaderStopped`] if the thread that prepares it has ended.
    #[expect(clippy::should_implement_trait, reason = "there is no end, and a batch can fail")]
    pub fn next(&mut self) -> Result<HostBatch, DataError> {
        let step = self.next_step;
        let index = (step - self.start_step) % self.workers.len() as u64;
        let batch = self.workers[index as usize]
            .batches
            .as_ref()
            .and_then(|batches| batches.recv().ok())
            .ok_or(DataError::LoaderStopped { step })?;
        self.next_step = step.saturating_add(1);
        Ok(batch)
    }

    /// The number of steps in which each training item is seen once, but for those that fill no batch.
    pub fn steps_per_epoch(&self) -> u64 {
        self.steps_per_epoch
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        // All channels first: then no worker waits for another while it is joined.
        self.workers.iter_mut().for_each(|worker| drop(worker.batches.take()));
        for worker in &mut self.workers {
            if let Some(thread) = worker.thread.take() {
                // A worker that panicked has said so already, and a panic in `drop` would abort.
                let _ = thread.join();
            }
        }
    }
}

fn work(schedule: &mut Schedule, batches: &SyncSender<HostBatch>, first: Option<u64>, stride: u64) {
    let mut step = first;
    while let Some(now) = step {
        // The other end is gone: the loader was dropped.
        if batches.send(schedule.batch(now)).is_err() {
            return;
        }
        step = now.checked_add(stride);
    }
}

/// What batches are drawn from: numbers of items.
enum Source {
    All,
    /// Those of every class that has one.
    Classes(Vec<Vec<usize>>),
    Domains([Vec<usize>; 2]),
}

impl Source {
    fn of(sampling: Sampling, dataset: &Dataset) -> Result<Self, DataError> {
        let train = &dataset.train;
        Ok(match sampling {
            Sampling::Shuffled => Self::All,
            Sampling::Balanced if train.labels.is_none() => return Err(DataError::NoLabels { id: dataset.name() }),
            Sampling::Balanced => {
                let classes = (0..dataset.class_names.len()).map(|class| train.of_class(class as u32));
                Self::Classes(classes.filter(|items| !items.is_empty()).collect())
            }
            Sampling::Domains => {
                dataset.check_domains()?;
                Self::Domains([0, 1].map(|class| train.of_class(class)))
            }
        })
    }
}

/// Which items a step sees. Keeps the orders of one epoch, since the steps asked for ascend.
struct Schedule {
    dataset: Arc<Dataset>,
    batch: usize,
    streams: Streams,
    source: Arc<Source>,
    /// Of each that is shuffled, all items or each domain: an epoch and its order.
    epochs: [Option<(u64, Vec<usize>)>; 2],
}

impl Schedule {
    fn new(dataset: Arc<Dataset>, batch: usize, streams: Streams, source: Arc<Source>) -> Self {
        Self { dataset, batch, streams, source, epochs: [None, None] }
    }

    fn batch(&mut self, step: u64) -> HostBatch {
        let source = Arc::clone(&self.source);
        let indices = match source.as_ref() {
            Source::All => self.shuffled(step),
            Source::Classes(classes) => {
                let draws = uniforms(&mut self.streams.rng("balanced", step), 2 * self.batch);
                draws
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|&[class, item]| *pick(pick::<Vec<_>>(classes, class), item))
                    .collect()
            }
            Source::Domains(domains) => {
                let [values, other] = [0, 1].map(|domain| {
                    let items = self.of_domain(domain, &domains[domain], step);
                    self.dataset.train.gather(&items)
                });
                return HostBatch { step, values, labels: None, other: Some(other) };
            }
        };
        let train = &self.dataset.train;
        HostBatch { step, values: train.gather(&indices), labels: train.gather_labels(&indices), other: None }
    }

    /// The items of a step among those of a domain, in which epochs follow each other without a gap.
    fn of_domain(&mut self, domain: usize, items: &[usize], step: u64) -> Vec<usize> {
        let n = items.len() as u128;
        let first = u128::from(step) * self.batch as u128;
        let places = (first..first + self.batch as u128).map(|place| ((place / n) as u64, (place % n) as usize));
        places.map(|(epoch, place)| items[self.order(domain, epoch, items.len())[place]]).collect()
    }

    /// The order of an epoch of a domain.
    fn order(&mut self, domain: usize, epoch: u64, n: usize) -> &[usize] {
        let known = &mut self.epochs[domain];
        if known.as_ref().is_none_or(|(of, _)| *of != epoch) {
            let name = ["domain/0", "domain/1"][domain];
            *known = Some((epoch, permutation(&mut self.streams.rng(name, epoch), n)));
        }
        known.as_ref().map_or(&[], |(_, order)| order)
    }

    fn shuffled(&mut self, step: u64) -> Vec<usize> {
        let n = self.dataset.train.len;
        let steps_per_epoch = (n / self.batch) as u64;
        let (epoch, slice) = (step / steps_per_epoch, (step % steps_per_epoch) as usize);
        let order = match self.epochs[0].take() {
            Some((known, order)) if known == epoch => order,
            _ => permutation(&mut self.streams.rng("shuffle", epoch), n),
        };
        let indices = order[slice * self.batch..(slice + 1) * self.batch].to_vec();
        self.epochs[0] = Some((epoch, order));
        indices
    }
}

/// The one at this share, in [0, 1), of the way through some of which there is one at least.
fn pick<T>(from: &[T], share: f32) -> &T {
    &from[((f64::from(share) * from.len() as f64) as usize).min(from.len() - 1)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ItemShape, Split, Values};
    use proptest::prelude::*;

    /// Items 0..n of two coordinates, both the item's number; so is the label.
    fn numbered(n: usize) -> Arc<Dataset> {
        let split = |n: usize| Split {
            values: Values::F32((0..2 * n).map(|i| (i / 2) as f32).collect()),
            labels: Some((0..n as u32).collect()),
            len: n,
        };
        let classes = (0..n).map(|i| i.to_string()).collect();
        Arc::new(Dataset::new("numbers", "", ItemShape::Points { dims: 2 }, classes, split(n), split(1), "").unwrap())
    }

    fn batches(n: usize, batch: usize, start: u64, threads: usize, count: usize) -> Vec<HostBatch> {
        let mut loader = Loader::new(numbered(n), batch, Streams::new(5), start, threads).unwrap();
        (0..count).map(|_| loader.next().unwrap()).collect()
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let one = batches(53, 8, 0, 1, 40);
        for threads in [0, 2, 5, 64] {
            assert_eq!(batches(53, 8, 0, threads, 40), one, "{threads} threads");
        }
    }

    #[test]
    fn a_loader_started_at_a_step_goes_on_as_an_unbroken_one() {
        let whole = batches(53, 8, 0, 2, 40);
        for start in [1, 6, 7, 20] {
            for threads in [1, 3] {
                assert_eq!(batches(53, 8, start as u64, threads, 40 - start), whole[start..], "from step {start}");
            }
        }
    }

    #[test]
    fn the_order_is_that_of_the_shuffle_stream() {
        let streams = Streams::new(5);
        let got = batches(10, 3, 0, 2, 6);
        for (step, batch) in got.iter().enumerate() {
            let order = permutation(&mut streams.rng("shuffle", step as u64 / 3), 10);
            let expected: Vec<u32> = order[step % 3 * 3..][..3].iter().map(|&i| i as u32).collect();
            assert_eq!(batch.step, step as u64);
            assert_eq!(batch.labels.as_deref(), Some(&expected[..]));
        }
    }

    #[test]
    fn values_and_labels_belong_to_the_same_item() {
        for batch in batches(20, 4, 3, 2, 10) {
            let labels = batch.labels.unwrap();
            let expected: Vec<f32> = labels.iter().flat_map(|&l| [l as f32, l as f32]).collect();
            assert_eq!(batch.values, expected);
        }
    }

    #[test]
    fn a_batch_of_nothing_or_of_more_than_there_is_is_refused() {
        for batch in [0, 11] {
            let error = Loader::new(numbered(10), batch, Streams::new(1), 0, 1).unwrap_err();
            assert!(matches!(error, DataError::Batch { items: 10, batch: b } if b == batch), "{error}");
        }
        assert_eq!(batches(10, 10, 0, 1, 2).len(), 2);
    }

    /// 90 items of class 0, 9 of class 2, 1 of class 3, none of class 1.
    fn uneven() -> Arc<Dataset> {
        let labels = (0..100).map(|i| [0, 2, 3][usize::from(i >= 90) + usize::from(i == 99)]).collect();
        let split = Split { values: Values::F32((0..100).map(|i| i as f32).collect()), labels: Some(labels), len: 100 };
        let names = ["a", "b", "c", "d"].map(String::from).to_vec();
        let shape = ItemShape::Points { dims: 1 };
        Arc::new(Dataset::new("uneven", "", shape, names, split.clone(), split, "").unwrap())
    }

    /// 8,000 draws: a class's share has a standard error of 0.0053, an item's among 90 one of 0.0007.
    #[test]
    fn balanced_batches_have_each_class_and_each_of_its_items_as_often() {
        let mut loader = Loader::by(Sampling::Balanced, uneven(), 80, Streams::new(5), 0, 2).unwrap();
        let (mut classes, mut items) = ([0f64; 4], [0f64; 100]);
        for _ in 0..100 {
            let batch = loader.next().unwrap();
            for (label, value) in batch.labels.unwrap().into_iter().zip(batch.values) {
                classes[label as usize] += 1.0 / 8000.0;
                items[value as usize] += 1.0 / 8000.0;
            }
        }
        for (share, expected) in classes.into_iter().zip([1.0 / 3.0, 0.0, 1.0 / 3.0, 1.0 / 3.0]) {
            assert!((share - expected).abs() < 0.027, "{classes:?}");
        }
        assert!(items[..90].iter().all(|share| (share - 1.0 / 270.0).abs() < 0.0034), "{items:?}");
        assert!(items[90..99].iter().all(|share| (share - 1.0 / 27.0).abs() < 0.011), "{items:?}");
    }

    #[test]
    fn a_balanced_loader_goes_on_as_an_unbroken_one_whatever_its_threads() {
        let batches = |start: u64, threads, count: usize| -> Vec<HostBatch> {
            let mut loader = Loader::by(Sampling::Balanced, uneven(), 7, Streams::new(5), start, threads).unwrap();
            (0..count).map(|_| loader.next().unwrap()).collect()
        };
        let whole = batches(0, 1, 30);
        assert_ne!(whole[0].values, whole[1].values);
        for (start, threads) in [(0, 3), (1, 1), (11, 2)] {
            assert_eq!(batches(start, threads, 30 - start as usize), whole[start as usize..]);
        }
    }

    #[test]
    fn items_without_a_class_are_not_balanced() {
        let mut dataset = (*uneven()).clone();
        dataset.train.labels = None;
        let error = Loader::by(Sampling::Balanced, Arc::new(dataset), 7, Streams::new(5), 0, 1).unwrap_err();
        assert!(matches!(error, DataError::NoLabels { id } if id == "uneven"));
    }

    /// 5 items of class 0, 3 of class 1, of values 0 to 7.
    fn domains() -> Arc<Dataset> {
        let labels = vec![0, 1, 0, 1, 0, 1, 0, 0];
        let split = Split { values: Values::F32((0..8).map(|i| i as f32).collect()), labels: Some(labels), len: 8 };
        let shape = ItemShape::Points { dims: 1 };
        let names = vec!["a".into(), "b".into()];
        Arc::new(Dataset::new("two", "", shape, names, split.clone(), split, "").unwrap())
    }

    /// Five batches of three are three epochs of domain 0 and five of domain 1, each in an order of its own.
    #[test]
    fn each_domain_has_epochs_of_its_own() {
        let batches = |start: u64, threads, count: usize| -> Vec<HostBatch> {
            let mut loader = Loader::by(Sampling::Domains, domains(), 3, Streams::new(5), start, threads).unwrap();
            (0..count).map(|_| loader.next().unwrap()).collect()
        };
        let whole = batches(0, 1, 40);
        let all = |of: &dyn Fn(&HostBatch) -> Vec<f32>| whole.iter().flat_map(of).collect::<Vec<f32>>();
        let (a, b) = (all(&|batch| batch.values.clone()), all(&|batch| batch.other.clone().unwrap()));
        for (values, items) in [(&a, vec![0.0, 2.0, 4.0, 6.0, 7.0]), (&b, vec![1.0, 3.0, 5.0])] {
            let epochs: Vec<&[f32]> = values.chunks_exact(items.len()).collect();
            for epoch in &epochs {
                let mut sorted = epoch.to_vec();
                sorted.sort_by(f32::total_cmp);
                assert_eq!(sorted, items);
            }
            assert!(epochs.iter().any(|epoch| *epoch != epochs[0]), "one order for all epochs");
        }
        for (start, threads) in [(0, 3), (1, 1), (2, 2), (11, 4)] {
            assert_eq!(batches(start, threads, 40 - start as usize), whole[start as usize..]);
        }
    }

    #[test]
    fn a_batch_may_have_more_items_than_a_domain() {
        let mut loader = Loader::by(Sampling::Domains, domains(), 8, Streams::new(5), 0, 1).unwrap();
        let batch = loader.next().unwrap();
        assert_eq!((batch.values.len(), batch.other.unwrap().len()), (8, 8));
        let error = Loader::by(Sampling::Domains, uneven(), 8, Streams::new(5), 0, 1).unwrap_err();
        assert!(error.to_string().contains("there are 4 classes"), "{error}");
    }

    #[test]
    fn a_loader_dropped_early_stops_its_threads() {
        let dataset = numbered(50);
        for asked in [0, 1, 7] {
            let mut loader = Loader::new(Arc::clone(&dataset), 5, Streams::new(1), 0, 4).unwrap();
            (0..asked).for_each(|_| drop(loader.next().unwrap()));
            drop(loader);
            // Every worker held the data set; after the drop none does.
            assert_eq!(Arc::strong_count(&dataset), 1);
        }
    }

    #[test]
    fn the_last_step_there_is_ends_without_overflow() {
        let mut loader = Loader::new(numbered(4), 2, Streams::new(1), u64::MAX, 2).unwrap();
        assert_eq!(loader.next().unwrap().step, u64::MAX);
        assert!(loader.next().is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn an_epoch_visits_no_item_twice_and_leaves_out_less_than_a_batch(
            n in 1_usize..60,
            fraction in 0.0_f64..1.0,
            threads in 1_usize..4,
            epoch in 0_u64..5,
        ) {
            let batch = 1 + (fraction * n as f64) as usize % n;
            let steps = n / batch;
            let got = batches(n, batch, epoch * steps as u64, threads, steps);
            let mut seen: Vec<u32> = got.into_iter().flat_map(|b| b.labels.unwrap()).collect();
            seen.sort_unstable();
            let visited = seen.len();
            seen.dedup();
            prop_assert_eq!(seen.len(), visited, "an item came twice");
            prop_assert!(n - visited < batch);
        }
    }
}
