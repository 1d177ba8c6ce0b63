//! The fuzz targets on their corpus and on mutations of it, bounded: `fuzz/` runs the same functions without an end.

#[path = "../../../fuzz/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/engine.rs"]
mod targets;

#[test]
fn checkpoints_of_any_bytes() {
    corpus::run("checkpoint", 5000, targets::checkpoint);
}

#[test]
fn events_of_any_bytes() {
    corpus::run("events", 2000, targets::events);
}

#[test]
#[ignore = "writes the seed of the target `checkpoint`"]
fn write_seed() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/checkpoint");
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(format!("{folder}/small"), targets::whole_checkpoint()).unwrap();
}
