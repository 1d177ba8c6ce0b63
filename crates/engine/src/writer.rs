//! Checkpoints and pictures are written while training goes on.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::Duration;

use crate::EngineError;
use crate::checkpoint::{Checkpoint, UNFINISHED, make_folder, write_whole};
use crate::run::{Painter, Shown, Which};

/// Pauses before a checkpoint that could not be written is tried again.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(1)];

/// Something to write.
pub(crate) enum Job {
    Checkpoint { checkpoint: Box<Checkpoint>, which: Which, kept: usize, seconds: f64 },
    Picture { step: u64, shown: Shown, painter: Painter },
}

/// What came of a job: the file, from the run folder.
pub(crate) enum Written {
    Checkpoint { step: u64, seconds: f64, which: Which, file: Result<String, EngineError> },
    Picture { step: u64, file: Result<String, String> },
}

/// A thread that writes into a run folder, one file after the other. Besides the one being written one may wait: who hands
/// over more has to wait, so that memory is bounded.
pub(crate) struct Writer {
    jobs: Option<SyncSender<Job>>,
    written: Receiver<Written>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(folder: &Path) -> Result<Self, EngineError> {
        let (jobs, waiting) = sync_channel(1);
        let (done, written) = channel();
        let run = folder.to_owned();
        let thread = Builder::new().name("writer".into()).spawn(move || write(&run, &waiting, &done));
        let thread = thread.map_err(EngineError::io("start a thread that writes into", folder))?;
        Ok(Self { jobs: Some(jobs), written, thread: Some(thread) })
    }

    pub(crate) fn hand_over(&self, job: Job) {
        // The thread ends only where this is dropped, or by a panic, which is passed on then.
        if let Some(jobs) = &self.jobs {
            let _ = jobs.send(job);
        }
    }

    /// What has been written since the last call.
    pub(crate) fn written(&self) -> Vec<Written> {
        self.written.try_iter().collect()
    }

    /// Waits until all is written.
    pub(crate) fn finish(&mut self) -> Vec<Written> {
        self.jobs = None;
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
        self.written.try_iter().collect()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // Who is here without `finish` has an error of its own to tell.
            let _ = thread.join();
        }
    }
}

fn write(run: &Path, jobs: &Receiver<Job>, done: &Sender<Written>) {
    for job in jobs {
        let written = match job {
            Job::Checkpoint { checkpoint, which, kept, seconds } => {
                let file = write_checkpoint(run, &checkpoint, which, kept);
                Written::Checkpoint { step: checkpoint.header.step, seconds, which, file }
            }
            Job::Picture { step, shown, painter } => {
                Written::Picture { step, file: write_picture(run, step, &shown, &painter) }
            }
        };
        if done.send(written).is_err() {
            return;
        }
    }
}

fn write_checkpoint(run: &Path, checkpoint: &Checkpoint, which: Which, kept: usize) -> Result<String, EngineError> {
    let folder = which.folder(run);
    let mut written = checkpoint.write(&folder, kept);
    for pause in PAUSES {
        if written.is_ok() {
            break;
        }
        sleep(pause);
        written = checkpoint.write(&folder, kept);
    }
    Ok(below(run, &written?))
}

fn write_picture(run: &Path, step: u64, shown: &Shown, painter: &Painter) -> Result<String, String> {
    let (bytes, extension) = painter(shown)?;
    let path = run.join("samples").join(format!("step-{step:09}.{extension}"));
    let made = make_folder(&run.join("samples")).and_then(|()| write_whole(&path, &bytes));
    made.map_err(|e: io::Error| format!("{}: {e}", path.display()))?;
    Ok(below(run, &path))
}

fn below(run: &Path, path: &Path) -> String {
    path.strip_prefix(run).unwrap_or(path).to_string_lossy().into_owned()
}

/// Removes what a process that was killed had begun to write.
pub(crate) fn clear(run: &Path) {
    let folders = [run.to_owned(), Which::Latest.folder(run), Which::Best.folder(run), run.join("samples")];
    let files = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let begun = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED));
    for path in files.map(|entry| entry.path()).filter(begun) {
        // A file that stays does no harm.
        let _ = fs::remove_file(path);
    }
}
