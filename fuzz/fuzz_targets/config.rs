#![no_main]

#[path = "../config.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let systems = [ganvas_gan::SYSTEMS, ganvas_vae::SYSTEMS].concat();
    targets::config(bytes, &systems);
});
