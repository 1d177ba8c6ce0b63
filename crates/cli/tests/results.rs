//! The book's page of acceptance results is what `ganvas accept --table` makes of the files beside it.
//!
//! After `ganvas accept ID --json docs/src/results/ID.json`, `GANVAS_RESULTS=write cargo test -p ganvas --test results` writes
//! the page anew.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{succeed, systems};

/// Ends what is written by hand.
const MARK: &str = "<!-- All that follows is made by `ganvas accept --table`. -->\n";

#[test]
fn the_page_is_made_of_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/results");
    let file = |id: &String| results.join(format!("{id}.json"));
    let files: Vec<PathBuf> = systems(folder.path()).iter().map(file).filter(|file| file.exists()).collect();
    let there = fs::read_dir(&results).unwrap().map(|entry| entry.unwrap().path());
    let there = there.filter(|path| path.extension().is_some_and(|extension| extension == "json")).count();
    assert_eq!(files.len(), there, "each file is named after a system");
    let paths = files.iter().flat_map(|file| ["--table", file.to_str().unwrap()]);
    let table = succeed(folder.path(), &["accept"].into_iter().chain(paths).collect::<Vec<_>>());
    let page = results.join("acceptance.md");
    let text = fs::read_to_string(&page).unwrap();
    let (head, found) = text.split_once(MARK).expect("the page has the mark");
    if std::env::var_os("GANVAS_RESULTS").is_some_and(|word| word == "write") {
        fs::write(&page, format!("{head}{MARK}{table}")).unwrap();
        return;
    }
    assert!(found == table, "{} is not what its files say: see this test", page.display());
}
