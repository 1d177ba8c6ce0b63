//! Downloads that can be continued, and are checked.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ureq::Agent;
use ureq::http::{StatusCode, header};

use crate::catalog::RemoteFile;
use crate::{DataError, Progress, files};

/// How often a source is asked again after its connection broke off.
const TRIES: usize = 4;
/// The longest silence before a connection counts as broken.
const SILENCE: Duration = Duration::from_secs(30);

/// Why a source did not give the file.
enum Failure {
    /// The connection broke off, or what was kept is of no use: worth another try.
    Broken(String),
    /// The source won't give it.
    Refused(String),
    /// The fault is on this side.
    Here(DataError),
}

/// Downloads `file` to `target` from the first of `urls` that gives it. What has arrived is kept in `target` with `.part`
/// added, and continued by a later call; contents that prove wrong are not kept.
pub(crate) fn download(
    urls: &[String],
    file: &RemoteFile,
    target: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), DataError> {
    let agent = agent(urls);
    let part = target.with_added_extension("part");
    let mut attempts = Vec::new();
    let mut wrong_hash = None;
    for url in urls {
        for _ in 0..TRIES {
            let continued = match fetch(&agent, url, file, &part, progress) {
                Ok(continued) => continued,
                Err(Failure::Here(error)) => return Err(error),
                Err(Failure::Broken(problem)) => {
                    attempts.push(format!("{url}: {problem}"));
                    continue;
                }
                Err(Failure::Refused(problem)) => {
                    attempts.push(format!("{url}: {problem}"));
                    break;
                }
            };
            let Err(error) = files::verify(&part, file.sha256, file.size) else {
                return files::publish(&part, target);
            };
            remove(&part)?;
            match error {
                DataError::WrongHash { expected, got, .. } => {
                    attempts.push(format!("{url}: SHA-256 of the unpacked bytes is {got}, expected {expected}"));
                    wrong_hash = Some(DataError::WrongHash { path: PathBuf::from(url), expected, got });
                }
                DataError::Idx { source, .. } => attempts.push(format!("{url}: {source}")),
                error => return Err(error),
            }
            // The beginning may have come from another source, or before the file was changed there: once more, whole.
            if !continued {
                break;
            }
        }
    }
    Err(wrong_hash.unwrap_or_else(|| DataError::Download { file: file.name.to_owned(), attempts }))
}

fn agent(urls: &[String]) -> Agent {
    let mut config = Agent::config_builder();
    if urls.iter().all(|url| url.starts_with("http://127.0.0.1") || url.starts_with("http://localhost")) {
        // A proxy from the environment has no way to this machine itself.
        config = config.proxy(None);
    }
    config
        .http_status_as_error(false)
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        // The files are packed already, and a transport packing would make lengths and ranges mean something else.
        .accept_encoding("identity")
        .user_agent(concat!("ganvas/", env!("CARGO_PKG_VERSION")))
        .build()
        .into()
}

/// Fetches what `part` lacks. Says whether it began with something that was there before.
fn fetch(
    agent: &Agent,
    url: &str,
    file: &RemoteFile,
    part: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<bool, Failure> {
    // Deflate adds less than a thousandth to what it cannot pack: no source has a reason to send more than this.
    let limit = file.size.max(file.packed_size) + file.size / 1000 + (1 << 16);
    let mut done = fs::metadata(part).map_or(0, |part| part.len());
    if done == file.packed_size && files::verify(part, file.sha256, file.size).is_ok() {
        // An earlier process ended between the last byte and the renaming.
        return Ok(true);
    }
    let mut request = agent.get(url);
    if done > 0 {
        request = request.header(header::RANGE, format!("bytes={done}-"));
    }
    let response = request.call().map_err(|error| Failure::Refused(error.to_string()))?;
    let content_range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let continued = match response.status() {
        // Asked for the rest, given the rest.
        StatusCode::PARTIAL_CONTENT
            if done > 0 && content_range.is_some_and(|range| range.starts_with(&format!("bytes {done}-"))) =>
        {
            true
        }
        StatusCode::OK => {
            done = 0;
            false
        }
        StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
            remove(part).map_err(Failure::Here)?;
            return Err(Failure::Broken(format!("cannot continue at byte {done}")));
        }
        status => return Err(Failure::Refused(format!("status {status}"))),
    };
    let mut body = response.into_body();
    let total_bytes = body.content_length().map(|length| length.saturating_add(done));
    let too_large =
        |bytes: u64| Failure::Refused(format!("{bytes} bytes or more, expected about {}", file.packed_size));
    if let Some(bytes) = total_bytes.filter(|&bytes| bytes > limit) {
        return Err(too_large(bytes));
    }
    let here = |action| move |error| Failure::Here(DataError::io(action, part)(error));
    let mut out = File::options()
        .create(true)
        .write(true)
        .append(continued)
        .truncate(!continued)
        .open(part)
        .map_err(here("create"))?;
    let mut reader = body.as_reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        progress(Progress { file: file.name, done_bytes: done, total_bytes });
        let n =
            reader.read(&mut buffer).map_err(|error| Failure::Broken(format!("broke off at byte {done}: {error}")))?;
        if n == 0 {
            break;
        }
        done += n as u64;
        if done > limit {
            drop(out);
            remove(part).map_err(Failure::Here)?;
            return Err(too_large(done));
        }
        out.write_all(&buffer[..n]).map_err(here("write"))?;
    }
    match total_bytes {
        Some(total) if done < total => Err(Failure::Broken(format!("broke off at byte {done} of {total}"))),
        _ => Ok(continued),
    }
}

fn remove(part: &Path) -> Result<(), DataError> {
    match fs::remove_file(part) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(DataError::io("remove", part)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
