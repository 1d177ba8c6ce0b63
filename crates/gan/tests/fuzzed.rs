//! The fuzz target of settings on its corpus and on mutations of it, bounded: `fuzz/` runs the same without an end.

#[path = "../../../fuzz/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/config.rs"]
mod targets;

#[test]
fn settings_of_any_bytes() {
    corpus::run("config", 500, |bytes| targets::config(bytes, ganvas_gan::SYSTEMS));
}
