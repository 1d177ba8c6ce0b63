#![no_main]

#[path = "../prob.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::constructors(bytes));
