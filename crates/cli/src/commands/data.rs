//! `ganvas data`.

use std::path::Path;

use ganvas_data::{Entry, How, OpenOptions, Origin, cache_dir, catalog, find, get, is_fetched};

use crate::args::DataCommand;
use crate::error::CliError;
use crate::progress::Progress;

/// Lists, describes or fetches.
pub fn run(command: DataCommand) -> Result<(), CliError> {
    match command {
        DataCommand::List => list(),
        DataCommand::Info { id } => info(&id)?,
        DataCommand::Get { id, from } => fetch(&id, from.as_deref())?,
    }
    Ok(())
}

fn list() {
    for entry in catalog() {
        println!("{:<14} {:<8} {:>6} items  {:<9} {}", entry.id, entry.shape, entry.items, state(entry), entry.title);
    }
    println!(
        "\nA folder of PNG or JPEG images (a subfolder for each class) or an IDX file is a data set too: --data PATH."
    );
}

fn state(entry: &Entry) -> &'static str {
    match entry.origin {
        Origin::Embedded => "built in",
        Origin::Procedural => "computed",
        _ if is_fetched(entry) => "fetched",
        _ => "to fetch",
    }
}

fn info(id: &str) -> Result<(), CliError> {
    let entry = find(id)?;
    println!("{} ({})", entry.title, entry.id);
    println!("shape        {}", entry.shape);
    println!("items        {} to train on, {} held out", entry.items - entry.test_items, entry.test_items);
    println!(
        "classes      {}",
        if entry.class_names.is_empty() { "none".into() } else { entry.class_names.join(", ") }
    );
    println!("licence      {}", entry.licence);
    println!("attribution  {}", entry.attribution);
    println!("source       {}", entry.source);
    println!("state        {}", state(entry));
    if let Origin::Files { files, .. } = &entry.origin {
        println!("folder       {}", cache_dir().join(entry.folder()).display());
        for file in *files {
            println!("  {:<28} {:>11} bytes unpacked, SHA-256 {}", file.name, file.size, file.sha256);
        }
    }
    Ok(())
}

fn fetch(id: &str, from: Option<&Path>) -> Result<(), CliError> {
    let mut progress = Progress::new(None, "{spinner} {msg}");
    let mut report = |p: ganvas_data::Progress| {
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let line = match p.total_bytes {
            Some(total) => format!("{}  {:.1} of {:.1} MiB", p.file, mib(p.done_bytes), mib(total)),
            None => format!("{}  {:.1} MiB", p.file, mib(p.done_bytes)),
        };
        progress.update(p.done_bytes, &line, false);
    };
    let got = get(id, from, &OpenOptions::default(), &mut report);
    progress.finish();
    let got = got?;
    for file in &got.files {
        let how = match file.how {
            How::Present => "was there",
            How::Copied => "copied",
            How::Downloaded => "downloaded",
        };
        println!("{how:<10} {}", file.path.display());
    }
    println!("`{id}` is ready: `ganvas train gan --data {id}`");
    Ok(())
}
