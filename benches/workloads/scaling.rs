//! How cost grows: with the batch, the side, the width, and the number of samples. `cargo xtask bench --scaling DIR`.
//!
//! Each point is measured in a process of its own, so that its memory is its own too.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use burn::tensor::Device;
use clap::ValueEnum;
use ganvas_engine::session::{Options, Session, sample};
use ganvas_engine::system::{Build, DataSpec, Preset, System};
use ganvas_gan::networks::Networks;
use ganvas_gan::systems::adversarial::AdversarialConfig;
use ganvas_gan::systems::dcgan::{Dcgan, settings};
use ganvas_metrics::neighbours::precision_recall;
use ganvas_metrics::{Features, frechet_distance};
use ganvas_prob::stream::{Streams, normals};
use plotters::prelude::*;
use serde::{Deserialize, Serialize};

use crate::report::Machine;
use crate::run::{images, peak_memory};

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Series {
    /// Items of a batch, in training a DCGAN of width 16 on 32x32 in colour.
    Batch,
    /// The side of its images, in batches of 32.
    Side,
    /// Its width, at 32x32 in batches of 32.
    Width,
    /// Samples drawn of it, at 32x32.
    Samples,
    /// Items on each side of the Frechet distance, of 64 features each.
    Frechet,
    /// The same of precision and recall.
    Neighbours,
}

/// What a point costs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Point {
    /// Of what grows.
    pub n: usize,
    /// Of a step, or of all samples or items together: the median of several.
    pub seconds: f64,
    /// The largest resident memory, in bytes; absent where the system does not tell.
    pub memory: Option<u64>,
}

impl Series {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Side => "side",
            Self::Width => "width",
            Self::Samples => "samples",
            Self::Frechet => "frechet",
            Self::Neighbours => "neighbours",
        }
    }

    /// What is measured, and what grows.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Batch => ("a training step of a DCGAN of width 16 at 32x32", "items of a batch"),
            Self::Side => ("the same, batches of 32", "side of the images"),
            Self::Width => ("the same at 32x32, batches of 32", "width of the networks"),
            Self::Samples => ("drawing samples of the DCGAN of width 16 at 32x32", "samples"),
            Self::Frechet => ("the Frechet distance, 64 features", "items on each side"),
            Self::Neighbours => ("precision and recall, 64 features", "items on each side"),
        }
    }

    fn values(self) -> &'static [usize] {
        match self {
            Self::Batch => &[16, 32, 64, 128, 256, 512, 1024],
            Self::Side => &[16, 32, 64, 128],
            Self::Width => &[8, 16, 32, 64, 128],
            Self::Samples => &[100, 1000, 10_000, 50_000],
            Self::Frechet => &[500, 2000, 10_000, 50_000],
            Self::Neighbours => &[500, 1000, 2000, 5000, 10_000],
        }
    }

    /// Measures one point, for so many seconds or three times.
    pub fn measure(self, n: usize, seconds: f64) -> Point {
        let seconds = match self {
            Self::Batch => training(n, 32, 16, seconds),
            Self::Side => training(32, n, 16, seconds),
            Self::Width => training(32, 32, n, seconds),
            Self::Samples => {
                let device = Device::flex();
                let model = build(32, 16, &device.clone().autodiff());
                let draw = || drop(std::hint::black_box(sample(&model, n, &Streams::new(1), &device)));
                times(seconds, draw)
            }
            Self::Frechet | Self::Neighbours => {
                let features =
                    |name: &str| Features { dims: 64, values: normals(&mut Streams::new(0).rng(name, 0), 64 * n) };
                let (real, fake) = (features("real"), features("fake"));
                match self {
                    Self::Frechet => times(seconds, || drop(std::hint::black_box(frechet_distance(&real, &fake)))),
                    _ => times(seconds, || drop(std::hint::black_box(precision_recall(&real, &fake, 3)))),
                }
            }
        };
        Point { n, seconds, memory: peak_memory() }
    }
}

fn build(side: usize, width: usize, device: &Device) -> Dcgan {
    let data = images(3, side, 1).expect("made of whole items");
    let mut config: AdversarialConfig = settings(Preset::Paper, side);
    if let Networks::Dcgan { width: of, .. } = &mut config.networks {
        *of = width;
    }
    let build = Build { streams: Streams::new(0), device };
    Dcgan::build(&config, &DataSpec::of(&data), &build).expect("a preset of another width is valid")
}

fn training(batch: usize, side: usize, width: usize, seconds: f64) -> f64 {
    let device = Device::flex().autodiff();
    let mut model = build(side, width, &device);
    let data = std::sync::Arc::new(images(3, side, 2 * batch).expect("made of whole items"));
    let options = Options { log_every: u64::MAX, ..Options::new(Streams::new(0), batch, u64::MAX) };
    let mut session = Session::new(&mut model, &data, &device, options, 0, 0.0).expect("enough data");
    times(seconds, || drop(session.step(false).expect("training goes on")))
}

/// The median of the seconds that a call takes, after one that warms it up, of at least three.
fn times(seconds: f64, mut call: impl FnMut()) -> f64 {
    call();
    let (began, mut taken) = (Instant::now(), Vec::new());
    while taken.len() < 3 || began.elapsed().as_secs_f64() < seconds {
        let started = Instant::now();
        call();
        taken.push(started.elapsed().as_secs_f64());
    }
    crate::report::median(taken)
}

/// All that was measured.
#[derive(Serialize)]
struct Scaling {
    version: &'static str,
    machine: Machine,
    series: Vec<Measured>,
}

#[derive(Serialize)]
struct Measured {
    name: &'static str,
    what: &'static str,
    of: &'static str,
    points: Vec<Point>,
}

/// Measures all points by `child`, and writes them into a folder: figures, a page and a chart.
pub fn run(
    folder: &Path,
    machine: Machine,
    child: impl Fn(Series, usize) -> Result<Point, String>,
) -> Result<(), String> {
    let mut all = Scaling { version: env!("CARGO_PKG_VERSION"), machine, series: Vec::new() };
    for &series in Series::value_variants() {
        let (what, of) = series.words();
        let mut points = Vec::new();
        for &n in series.values() {
            eprint!("\r  {}: {n} {:20}", series.name(), "");
            points.push(child(series, n)?);
        }
        eprint!("\r{:60}\r", "");
        println!("{}: {} of {} points", what, of, points.len());
        all.series.push(Measured { name: series.name(), what, of, points });
    }
    std::fs::create_dir_all(folder).map_err(|e| format!("cannot make {}: {e}", folder.display()))?;
    let json = serde_json::to_string_pretty(&all).map_err(|e| e.to_string())? + "\n";
    for (name, text) in [("scaling.json", json), ("scaling.md", page(&all)), ("scaling.svg", chart(&all)?)] {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

fn page(all: &Scaling) -> String {
    let Machine { cpu, threads, .. } = &all.machine;
    let mut page = format!(
        "# Scaling\n\nWhat a step, a sample or a measurement costs as something grows: medians of at least three calls, each row in a \
         process of its own, whose largest memory is given. *Grows as*: the power that leads from the row above to this one. Ganvas {}, {cpu}, {threads} threads. Made by `cargo xtask bench --scaling \
         docs/src/results/speed`; all figures: [scaling.json](scaling.json).\n\n![Time and memory](scaling.svg)\n",
        all.version
    );
    for Measured { what, of, points, .. } in &all.series {
        let mut what = what.to_string();
        what[..1].make_ascii_uppercase();
        let _ =
            write!(page, "\n## {what}\n\n| {of} | Seconds | Grows as | Memory, MiB |\n| ---: | ---: | ---: | ---: |\n");
        let mut before: Option<&Point> = None;
        for point in points {
            let power =
                |before: &Point| (point.seconds / before.seconds).ln() / (point.n as f64 / before.n as f64).ln();
            let growth = before.map_or_else(String::new, |before| format!("n^{:.2}", power(before)));
            let memory = point.memory.map_or_else(|| "-".to_owned(), |bytes| format!("{:.0}", mib(bytes)));
            let _ = writeln!(page, "| {} | {:.4} | {growth} | {memory} |", point.n, point.seconds);
            before = Some(point);
        }
    }
    page
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Time and memory of each series, side by side, on logarithmic axes.
fn chart(all: &Scaling) -> Result<String, String> {
    let mut text = String::new();
    {
        let rows = all.series.len();
        let root = SVGBackend::with_string(&mut text, (900, 250 * rows as u32)).into_drawing_area();
        root.fill(&WHITE).map_err(|e| e.to_string())?;
        for (area, (series, memory)) in root
            .split_evenly((rows, 2))
            .iter()
            .zip(all.series.iter().flat_map(|series| [(series, false), (series, true)]))
        {
            let points: Vec<(f64, f64)> = series
                .points
                .iter()
                .filter_map(|point| {
                    let y = if memory { mib(point.memory?) } else { point.seconds };
                    Some((point.n as f64, y))
                })
                .collect();
            let title = format!("{}: {}", series.name, if memory { "memory, MiB" } else { "seconds" });
            curve(area, &title, series.of, &points).map_err(|e| e.to_string())?;
        }
        root.present().map_err(|e| e.to_string())?;
    }
    Ok(text)
}

fn curve<B: DrawingBackend>(
    area: &DrawingArea<B, plotters::coord::Shift>,
    title: &str,
    axis: &str,
    points: &[(f64, f64)],
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let ends = |of: &dyn Fn(&(f64, f64)) -> f64| {
        points.iter().map(of).fold((f64::INFINITY, 0.0f64), |(low, high), x| (low.min(x), high.max(x)))
    };
    let ((left, right), (low, high)) = (ends(&|point| point.0), ends(&|point| point.1));
    if points.is_empty() {
        return Ok(());
    }
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 16))
        .margin(10)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d((left / 1.2..right * 1.2).log_scale(), (low / 1.5..high * 1.5).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(axis)
        .x_labels(6)
        .y_labels(5)
        .x_label_formatter(&f64::to_string)
        .y_label_formatter(&f64::to_string)
        .light_line_style(WHITE)
        .draw()?;
    chart.draw_series(LineSeries::new(points.iter().copied(), BLUE.stroke_width(2)))?;
    chart.draw_series(points.iter().map(|&point| Circle::new(point, 3, BLUE.filled())))?;
    Ok(())
}
