//! Rounds side by side.

use serde::Serialize;

use crate::run::{Figures, Workload};

/// The rounds of a workload, here and in PyTorch.
pub struct Pair {
    workload: Workload,
    pub ours: Vec<Figures>,
    pub peer: Vec<Figures>,
}

/// One side of a workload: medians of its rounds.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Side {
    /// Items a second, round by round.
    rounds: Vec<f64>,
    /// Their median.
    rate: f64,
    /// Matrix products, in 10^9 floating-point operations a second.
    gflops: f64,
    /// The same as a share of the machine's peak, on its processor.
    of_peak: Option<f64>,
    first_step_s: f64,
    memory_mib: Option<f64>,
}

#[derive(Serialize)]
struct Entry {
    workload: &'static str,
    ours: Side,
    peer: Option<Side>,
    /// Ours over the peer's, of both medians.
    ratio: Option<f64>,
}

/// What it is measured on.
#[derive(Serialize)]
pub struct Machine {
    pub cpu: String,
    pub threads: u64,
    /// Of a product of two matrices 1536x1536 on each thread, in 10^9 operations a second.
    pub peak_gflops: Option<f64>,
    os: &'static str,
    architecture: &'static str,
}

/// All that was measured, as `--json` writes it.
#[derive(Serialize)]
pub struct Report {
    version: &'static str,
    peer: Option<String>,
    /// Device, precision and, where it is given, batch.
    how: String,
    rounds: u64,
    machine: Machine,
    workloads: Vec<Entry>,
}

impl Machine {
    /// This one, with its peak in operations a second.
    pub fn this(threads: u64, peak: Option<f64>) -> Self {
        let (os, architecture) = (std::env::consts::OS, std::env::consts::ARCH);
        Self { cpu: cpu(), threads, peak_gflops: peak.map(|peak| peak / 1e9), os, architecture }
    }
}

impl Report {
    pub fn new(machine: Machine, how: String, rounds: u64, torch: Option<String>) -> Self {
        let peer = torch.map(|version| format!("PyTorch {version}"));
        Self { version: env!("CARGO_PKG_VERSION"), peer, how, rounds, machine, workloads: Vec::new() }
    }

    /// What stands above the lines of the workloads.
    pub fn head(&self) -> String {
        let Machine { cpu, threads, peak_gflops, .. } = &self.machine;
        let peak = peak_gflops.map(|peak| format!(", {peak:.0} GFLOP/s in a matrix product")).unwrap_or_default();
        let beside = self.peer.as_ref().map(|peer| format!(" beside {peer}")).unwrap_or_default();
        format!(
            "{cpu}, {threads} threads{peak}; {}; medians of {} rounds{beside}\n\n\
             {:<10} {:>10} {:>10} {:>7}  {:>8} {:>7}  {:>16}  {:>17}",
            self.how,
            self.rounds,
            "workload",
            "items/s",
            "peer",
            "ratio",
            "GFLOP/s",
            "of peak",
            "first step, s",
            "memory, MiB"
        )
    }

    pub fn add(&mut self, pair: &Pair) {
        let side = |rounds: &[Figures]| pair.side(rounds, self.machine.peak_gflops.map(|peak| peak * 1e9));
        let (ours, peer) = (side(&pair.ours), (!pair.peer.is_empty()).then(|| side(&pair.peer)));
        let ratio = peer.as_ref().map(|peer| ours.rate / peer.rate);
        self.workloads.push(Entry { workload: pair.workload.name(), ours, peer, ratio });
    }
}

impl Pair {
    pub fn new(workload: Workload) -> Self {
        Self { workload, ours: Vec::new(), peer: Vec::new() }
    }

    /// An error where both sides do not train the same number of values: they would not be doing the same.
    pub fn same_networks(&self) -> Result<(), String> {
        let count = |rounds: &[Figures]| rounds.first().map(|round| round.parameters);
        match (count(&self.ours), count(&self.peer)) {
            (Some(a), Some(b)) if a != b => {
                Err(format!("{}: {a} trained values here, {b} in the peer", self.workload.name()))
            }
            _ => Ok(()),
        }
    }

    fn side(&self, rounds: &[Figures], peak: Option<f64>) -> Side {
        let of = |f: &dyn Fn(&Figures) -> f64| median(rounds.iter().map(f).collect());
        let rate = of(&|round| round.rate);
        let speed = rate * self.workload.flop();
        let memory: Option<Vec<f64>> = rounds.iter().map(|round| round.memory.map(|bytes| bytes as f64)).collect();
        Side {
            rounds: rounds.iter().map(|round| round.rate).collect(),
            rate,
            gflops: speed / 1e9,
            of_peak: peak.map(|peak| speed / peak),
            first_step_s: of(&|round| round.first_step),
            memory_mib: memory.map(|bytes| median(bytes) / f64::from(1 << 20)),
        }
    }

    /// The workload as a line of the table.
    pub fn line(&self, peak: Option<f64>) -> String {
        let ours = self.side(&self.ours, peak);
        let peer = (!self.peer.is_empty()).then(|| self.side(&self.peer, peak));
        let beside = |ours: String, peer: Option<String>| match peer {
            Some(peer) => format!("{ours} / {peer}"),
            None => ours,
        };
        let memory = |side: &Side| side.memory_mib.map_or_else(|| "-".to_owned(), |mib| format!("{mib:.0}"));
        format!(
            "{:<10} {:>10.0} {:>10} {:>7}  {:>8.1} {:>7}  {:>16}  {:>17}",
            self.workload.name(),
            ours.rate,
            peer.as_ref().map_or_else(|| "-".to_owned(), |peer| format!("{:.0}", peer.rate)),
            peer.as_ref().map_or_else(|| "-".to_owned(), |peer| format!("{:.2}", ours.rate / peer.rate)),
            ours.gflops,
            ours.of_peak.map_or_else(|| "-".to_owned(), |share| format!("{:.0}%", 100.0 * share)),
            beside(format!("{:.2}", ours.first_step_s), peer.as_ref().map(|peer| format!("{:.2}", peer.first_step_s))),
            beside(memory(&ours), peer.as_ref().map(memory)),
        )
    }
}

/// Of an even number, the mean of the two in the middle.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 { values[half] } else { (values[half - 1] + values[half]) / 2.0 }
}

/// What the system calls its processor.
fn cpu() -> String {
    let told = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = told.lines().find_map(|line| line.strip_prefix("model name"));
    name.and_then(|line| line.split(':').nth(1))
        .map_or_else(|| "an unnamed CPU".to_owned(), |name| name.trim().to_owned())
}
