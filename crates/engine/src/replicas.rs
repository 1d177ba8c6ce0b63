//! Several devices that train one system.
//!
//! Each device has a replica of the system, on a thread of its own, and an equal share of every batch. Within an update the
//! gradients of all shares are added up on the first device and handed to all, so that every replica does the same update, the
//! one of the whole batch (Li et al. 2020, *PyTorch Distributed*, section 3). An update rule knows nothing of it.
//!
//! What a network keeps beside its weights (running averages of batch norm) each replica makes of its own share, and what counts
//! is that of the first.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use ganvas_data::{HostBatch, ItemShape};
use ganvas_kernels::with_products_in;
use ganvas_nets::optim::{packed, unpacked};

use crate::session::{Options, go_back, remember, upload};
use crate::step::Step;
use crate::system::Model;

/// A system on a further device, in the same state as on the first.
pub struct Replica {
    /// The system.
    pub model: Box<dyn Model>,
    /// Its device, tracking gradients.
    pub device: Device,
}

/// What one of the replicas has to do with the others.
pub(crate) struct Share {
    /// Which share of the batch this is.
    pub(crate) index: usize,
    /// Shares.
    pub(crate) count: usize,
    ends: Ends,
}

enum Ends {
    /// Of the first, one for each of the others.
    First(Vec<End>),
    /// Of another, to the first.
    Other(End),
}

/// One end of a connection between two replicas.
struct End {
    to: Sender<Tensor<1>>,
    from: Receiver<Tensor<1>>,
    /// The plain device of the other end.
    device: Device,
}

/// Thrown where another replica is gone: its number.
struct Alone(usize);

impl Share {
    /// The sums over all replicas of the gradients of their shares and of what else is given with them.
    pub(crate) fn sum<M: Module>(
        &self,
        gradients: GradientsParams,
        module: &M,
        more: Vec<Tensor<1>>,
    ) -> (GradientsParams, Vec<Tensor<1>>) {
        let n = more.len();
        let own = packed(&gradients, module, more);
        let sum = match &self.ends {
            Ends::First(ends) => {
                let shares = ends.iter().enumerate().map(|(i, end)| end.from.recv().unwrap_or_else(|_| alone(i + 1)));
                let sum = shares.fold(own, |sum, share| sum + share);
                for (i, end) in ends.iter().enumerate() {
                    end.to.send(sum.clone().to_device(&end.device)).unwrap_or_else(|_| alone(i + 1));
                }
                sum
            }
            Ends::Other(end) => {
                end.to.send(own.to_device(&end.device)).unwrap_or_else(|_| alone(0));
                end.from.recv().unwrap_or_else(|_| alone(0))
            }
        };
        unpacked(sum, gradients, module, n)
    }
}

/// Ends a step without a word, for the reason is told elsewhere.
fn alone<T>(gone: usize) -> T {
    resume_unwind(Box::new(Alone(gone)))
}

/// What a replica is asked to do.
enum Order {
    Step(HostBatch, StepOrder),
    GoBack,
}

/// What a step is.
#[derive(Clone, Copy)]
pub(crate) struct StepOrder {
    pub(crate) index: u64,
    pub(crate) reported: bool,
    /// Whether it may be taken back.
    pub(crate) checked: bool,
    /// The factor of losses.
    pub(crate) scale: f64,
}

/// All replicas but the first, and the first one's share.
pub(crate) struct Others {
    pub(crate) share: Share,
    threads: Vec<Other>,
}

struct Other {
    orders: Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Others {
    /// Sets threads to work. `first` is the first device.
    pub(crate) fn start(replicas: Vec<Replica>, first: &Device, options: &Options, shape: ItemShape) -> Self {
        let count = replicas.len() + 1;
        let (mut ends, mut threads) = (Vec::new(), Vec::new());
        for (i, Replica { model, device }) in replicas.into_iter().enumerate() {
            let (to_first, from_other) = channel();
            let (to_other, from_first) = channel();
            ends.push(End { to: to_other, from: from_other, device: device.clone().inner() });
            let end = End { to: to_first, from: from_first, device: first.clone().inner() };
            let share = Share { index: i + 1, count, ends: Ends::Other(end) };
            let (orders, received) = channel();
            let options = options.clone();
            let thread = std::thread::spawn(move || {
                let work = || work(model, &device, &options, &share, shape, received);
                if let Err(thrown) = catch_unwind(AssertUnwindSafe(work))
                    && !thrown.is::<Alone>()
                {
                    resume_unwind(thrown);
                }
            });
            threads.push(Other { orders, thread: Some(thread) });
        }
        Self { share: Share { index: 0, count, ends: Ends::First(ends) }, threads }
    }

    /// Has the others do a step, each on its share.
    pub(crate) fn step(&self, shares: Vec<HostBatch>, order: StepOrder) {
        for (i, (other, share)) in self.threads.iter().zip(shares).enumerate() {
            other.orders.send(Order::Step(share, order)).unwrap_or_else(|_| alone(i + 1));
        }
    }

    /// Has the others take their last step, which was checked, back.
    pub(crate) fn go_back(&self) {
        for (i, other) in self.threads.iter().enumerate() {
            other.orders.send(Order::GoBack).unwrap_or_else(|_| alone(i + 1));
        }
    }

    /// Which device failed, and why, where what was thrown on this thread tells.
    pub(crate) fn failed(&mut self, thrown: &(dyn Any + Send)) -> (usize, String) {
        let Some(&Alone(gone)) = thrown.downcast_ref::<Alone>() else { return (0, words(thrown)) };
        let thread = gone.checked_sub(1).and_then(|i| self.threads.get_mut(i)).and_then(|other| other.thread.take());
        let thrown = thread.and_then(|thread| thread.join().err());
        (gone, thrown.map_or_else(|| "it ended".into(), |thrown| words(thrown.as_ref())))
    }
}

impl Drop for Others {
    fn drop(&mut self) {
        // A thread that waits for the first replica ends with its connection.
        self.share.ends = Ends::First(Vec::new());
        for Other { orders, thread } in self.threads.drain(..) {
            drop(orders);
            // What it has to say was asked for before, or comes too late.
            let _ = thread.map(JoinHandle::join);
        }
    }
}

/// What a panic says.
pub(crate) fn words(thrown: &(dyn Any + Send)) -> String {
    let text = thrown.downcast_ref::<String>().cloned();
    text.or_else(|| thrown.downcast_ref::<&str>().map(|&text| text.to_owned()))
        .unwrap_or_else(|| "no reason given".into())
}

fn work(
    mut model: Box<dyn Model>,
    device: &Device,
    options: &Options,
    share: &Share,
    shape: ItemShape,
    orders: Receiver<Order>,
) {
    let mut before = Vec::new();
    for order in orders {
        match order {
            Order::Step(items, StepOrder { index, reported, checked, scale }) => {
                if checked {
                    before = remember(model.as_mut());
                }
                let batch = upload(items, shape, device);
                let mut step = Step::new(options, index, device, reported).sharing(share).scaling(scale);
                with_products_in(options.precision.dtype(), || model.step(&batch, &mut step));
                // What is not finite is seen by the first, whose figures are those of all.
            }
            Order::GoBack => go_back(model.as_mut(), std::mem::take(&mut before)),
        }
    }
}

/// A batch in equal shares, one after the other.
pub(crate) fn shares(batch: HostBatch, count: usize) -> Vec<HostBatch> {
    let HostBatch { step, values, labels, other } = batch;
    let part = |len: usize, i: usize| len / count * i..len / count * (i + 1);
    let share = |i: usize| HostBatch {
        step,
        values: values[part(values.len(), i)].to_vec(),
        labels: labels.as_ref().map(|labels| labels[part(labels.len(), i)].to_vec()),
        other: other.as_ref().map(|other| other[part(other.len(), i)].to_vec()),
    };
    match count {
        1 => vec![HostBatch { step, values, labels, other }],
        _ => (0..count).map(share).collect(),
    }
}
