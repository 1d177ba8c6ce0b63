//! The fuzz targets on their corpus and on mutations of it, bounded: `fuzz/` runs the same functions without an end.

#[path = "../../../fuzz/corpus.rs"]
mod corpus;
#[path = "../../../fuzz/data.rs"]
mod targets;

#[test]
fn idx_files_of_any_bytes() {
    corpus::run("idx", 5000, targets::idx);
}

#[test]
fn npy_files_of_any_bytes() {
    corpus::run("npy", 2000, targets::npy);
}

#[test]
fn image_files_of_any_bytes() {
    corpus::run("image", 1000, targets::image);
}

#[test]
fn tables_of_any_bytes() {
    corpus::run("table", 3000, targets::table);
}
