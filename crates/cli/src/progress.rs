//! The live line of training and other long work: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ganvas_engine::config::RunConfig;
use ganvas_engine::health::Kind;
use ganvas_engine::run::{Observer, Painter, Shown};
use ganvas_engine::session::Tick;
use ganvas_engine::system::Model;
use indicatif::{ProgressBar, ProgressStyle};

use crate::commands::held_out::HeldOut;
use crate::view;

/// Lines are no closer than this where there is no terminal.
const QUIET: Duration = Duration::from_secs(5);

/// Progress of something that is counted.
pub struct Progress {
    bar: Option<ProgressBar>,
    last: Option<Instant>,
}

impl Progress {
    /// Of `total` things, or of an unknown number.
    pub fn new(total: Option<u64>, template: &str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = total.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar, last: None }
    }

    /// How far it is, and a word on it. `always` prints a plain line whatever the time since the last one.
    pub fn update(&mut self, position: u64, line: &str, always: bool) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(position);
                bar.set_message(line.to_owned());
            }
            None if always || self.last.is_none_or(|last| last.elapsed() >= QUIET) => {
                self.last = Some(Instant::now());
                eprintln!("{line}");
            }
            None => {}
        }
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => eprintln!("{line}"),
        }
    }

    /// Ends it; the bar goes.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Stages of work, each named and, where it can be, counted: a bar on a terminal, plain lines elsewhere.
pub struct Stages {
    bar: Option<ProgressBar>,
    /// Before the name of each stage.
    pub prefix: String,
    line: String,
    total: usize,
    begun: Instant,
    last: Instant,
    said: Vec<String>,
}

impl Stages {
    /// None of them begun.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
        if let Some(bar) = &bar {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        let (now, empty) = (Instant::now(), String::new);
        Self { bar, prefix: empty(), line: empty(), total: 0, begun: now, last: now, said: Vec::new() }
    }

    /// Begins a stage of `total` things, or of what is not counted: 0.
    pub fn begin(&mut self, name: &str, total: usize) {
        (self.begun, self.last) = (Instant::now(), Instant::now());
        self.total = total;
        self.line = format!("{}{name}", self.prefix);
        let Some(bar) = &self.bar else {
            eprintln!("{}", self.line);
            return;
        };
        bar.set_message(self.line.clone());
        let template =
            if total > 0 { "{msg} {bar:24} {pos} of {len}  {elapsed}" } else { "{spinner} {msg}  {elapsed}" };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_length(total as u64);
        bar.set_position(0);
        bar.reset_elapsed();
    }

    /// So many of the stage are done.
    pub fn at(&mut self, done: usize) {
        match &self.bar {
            Some(bar) => bar.set_position(done as u64),
            None if self.last.elapsed() >= QUIET => {
                self.last = Instant::now();
                let time = duration(self.begun.elapsed().as_secs_f64());
                eprintln!("{}: {done} of {}, {time}", self.line, self.total);
            }
            None => {}
        }
    }

    /// A line that stays, unless it has been said.
    pub fn say_once(&mut self, line: String) {
        if self.said.contains(&line) {
            return;
        }
        match &self.bar {
            Some(bar) => bar.println(&line),
            None => eprintln!("{line}"),
        }
        self.said.push(line);
    }
}

impl Drop for Stages {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Watches a run train.
pub struct Watcher {
    progress: Progress,
    real: Arc<[[f32; 2]]>,
    held_out: HeldOut,
    /// What goes wrong, as it is shown before the losses.
    alarm: String,
}

impl Watcher {
    /// Of a run of `steps`. `real` are the points that samples of points are drawn over, `held_out` what is measured on.
    pub fn new(steps: u64, real: Vec<[f32; 2]>, held_out: HeldOut) -> Self {
        let template = "{bar:24} {pos}/{len} {msg}";
        let progress = Progress::new(Some(steps), template);
        Self { progress, real: real.into(), held_out, alarm: String::new() }
    }

    /// Ends the watching.
    pub fn finish(&self) {
        self.progress.finish();
    }
}

impl Observer for Watcher {
    fn tick(&mut self, tick: &Tick, config: &RunConfig) {
        let left = (config.steps - tick.step) as f64 * config.batch as f64 / tick.items_per_second.max(1e-9);
        let losses = tick.figures.iter().filter(|(name, _)| !name.contains('/'));
        let losses: Vec<String> = losses.map(|(name, value)| format!("{name} {value:.3}")).collect();
        let rate = format!("{:.0} items/s", tick.items_per_second);
        let rest = format!("{}{rate}  {}  {} left", self.alarm, losses.join("  "), duration(left));
        let line = match self.progress.bar {
            Some(_) => rest,
            None => format!("step {}/{}  {rest}", tick.step, config.steps),
        };
        self.progress.update(tick.step, &line, tick.step == config.steps);
    }

    fn painter(&self) -> Painter {
        let real = self.real.clone();
        Arc::new(move |Shown { values, shape, columns }: &Shown| {
            view::items_png(values, *shape, *columns, &real).map(|png| (png, "png")).map_err(|e| e.to_string())
        })
    }

    fn measure(&mut self, model: &dyn Model, config: &RunConfig) -> Result<Vec<(String, f64)>, String> {
        self.held_out.measure(model, config).map_err(|e| e.message)
    }

    fn health(&mut self, current: &[Kind]) {
        self.alarm = current.iter().map(|kind| format!("! {}  ", kind.words())).collect();
    }

    fn note(&mut self, text: &str) {
        self.progress.say(text);
    }
}

/// "41 s", "3 min 05 s", "2 h 10 min".
pub fn duration(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_read_like_words() {
        let words = [(0.4, "0 s"), (59.4, "59 s"), (185.0, "3 min 05 s"), (7800.0, "2 h 10 min")];
        for (seconds, word) in words {
            assert_eq!(duration(seconds), word);
        }
    }
}
