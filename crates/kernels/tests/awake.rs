//! Threads that are kept awake work, and stop where they are to.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rayon::prelude::*;

/// A sum that all threads take part in.
fn sum(n: u32) -> u32 {
    (0..n).into_par_iter().with_min_len(1).map(|i| i % 1000 * i % 7).sum()
}

#[test]
fn threads_kept_awake_compute_and_rest_afterwards() {
    let outside = sum(10_000);
    assert_eq!(ganvas_kernels::keep_awake(|| sum(10_000)), outside, "outside of a pool nothing changes");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).use_current_thread().build().unwrap();
    for _ in 0..200 {
        assert_eq!(ganvas_kernels::keep_awake(|| sum(10_000)), outside);
    }
    // One within another, and one that ends by a panic.
    assert_eq!(ganvas_kernels::keep_awake(|| ganvas_kernels::keep_awake(|| sum(10_000))), outside);
    let thrown = catch_unwind(AssertUnwindSafe(|| ganvas_kernels::keep_awake(|| panic!("on purpose"))));
    assert!(thrown.is_err());
    assert_eq!(sum(10_000), outside);
    // The other threads are free again: each does something of its own at the same time.
    let began = Instant::now();
    let met = std::sync::Barrier::new(3);
    pool.broadcast(|_| {
        met.wait();
    });
    assert!(began.elapsed() < Duration::from_secs(20));
}
