//! Threads that are kept awake work, rest where they are to, and never keep what they are waited for from going on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::time::Duration;

use burn::tensor::Device;
use ganvas_kernels::keep_awake;
use rayon::prelude::*;

/// A sum that all threads take part in, of parts that are split again.
fn sum(n: u32) -> u32 {
    (0..n).into_par_iter().with_min_len(1).map(|i| i % 1000 * i % 7).sum()
}

/// Seconds of processor time that this process has had.
#[cfg(target_os = "linux")]
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // User and system time, in hundredths of a second.
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// One test, for a thread can be of one pool only and the time is that of the process.
#[test]
fn threads_kept_awake_compute_and_rest_afterwards() {
    let cpu = Device::flex();
    let expected = sum(10_000);
    assert_eq!(keep_awake(&cpu, || sum(10_000)), expected, "outside of a pool nothing changes");
    let _pool = rayon::ThreadPoolBuilder::new().num_threads(4).use_current_thread().build().unwrap();
    for _ in 0..500 {
        assert_eq!(keep_awake(&cpu, || sum(10_000)), expected);
    }
    // One within another, and one that ends by a panic.
    assert_eq!(keep_awake(&cpu, || keep_awake(&cpu, || sum(10_000))), expected);
    let thrown = catch_unwind(AssertUnwindSafe(|| keep_awake(&cpu, || panic!("on purpose"))));
    assert!(thrown.is_err());
    assert_eq!(sum(10_000), expected);

    // A thread that waits for a part of an operation may come by the order to stay awake, while that operation is waited for.
    for _ in 0..300 {
        let (done, waited) = channel();
        rayon::spawn(move || done.send(sum(2_000)).unwrap());
        keep_awake(&cpu, || {
            assert_eq!(sum(100), sum(100));
            waited.recv_timeout(Duration::from_secs(30)).expect("what is waited for goes on");
        });
    }

    // Afterwards, and on other devices, nobody looks for work.
    #[cfg(target_os = "linux")]
    {
        std::thread::sleep(Duration::from_millis(100));
        let before = processor();
        std::thread::sleep(Duration::from_millis(1000));
        assert!(processor() - before < 0.5, "{} s of processor time in a second of sleep", processor() - before);
    }
}
