//! Buffers of tensors that are gone, for tensors to come: a steady step asks the system for no memory, and nothing is filled with
//! zeros that is written over.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::tensor::{AllocationProperty, Bytes};

/// Values from which on a buffer is kept.
const LARGE: usize = 1 << 12;
/// Values that are kept at most: 1 GiB.
const MOST: usize = 1 << 28;

/// Buffers of one length.
#[derive(Default)]
struct Shelf {
    buffers: Vec<Vec<f32>>,
    /// When one was last taken or brought back.
    used: u64,
}

#[derive(Default)]
struct Pool {
    shelves: HashMap<usize, Shelf>,
    /// Values in all buffers.
    held: usize,
    /// Counts what is taken and brought back.
    clock: u64,
}

/// Whether what is to be written is filled with NaN first, so that tests see what is read before.
static SPOILED: AtomicBool = AtomicBool::new(false);

/// From now on what is to be written is filled with NaN first.
pub fn spoil_buffers() {
    SPOILED.store(true, Ordering::Relaxed);
}

/// Fills with NaN what is to be written, where that is asked for.
pub fn spoil(values: &mut [f32]) {
    if SPOILED.load(Ordering::Relaxed) {
        values.fill(f32::NAN);
    }
}

static POOL: Mutex<Option<Pool>> = Mutex::new(None);

fn pool() -> MutexGuard<'static, Option<Pool>> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    fn shelf(&mut self, n: usize) -> &mut Shelf {
        self.clock += 1;
        let shelf = self.shelves.entry(n).or_default();
        shelf.used = self.clock;
        shelf
    }

    fn take(&mut self, n: usize) -> Option<Vec<f32>> {
        let buffer = self.shelf(n).buffers.pop()?;
        self.held -= n;
        Some(buffer)
    }

    /// Keeps a buffer, and gives those that have to go for it: of the lengths that were asked for longest ago.
    fn bring(&mut self, buffer: Vec<f32>, most: usize) -> Vec<Vec<f32>> {
        if buffer.len() > most {
            return vec![buffer];
        }
        self.held += buffer.len();
        self.shelf(buffer.len()).buffers.push(buffer);
        let mut gone = Vec::new();
        while self.held > most {
            let Some((&n, oldest)) = self.shelves.iter_mut().min_by_key(|(_, shelf)| shelf.used) else { break };
            match oldest.buffers.pop() {
                Some(buffer) => {
                    self.held -= n;
                    gone.push(buffer);
                }
                None => drop(self.shelves.remove(&n)),
            }
        }
        gone
    }
}

/// Values whose buffer is used again once they are gone, also where a tensor has taken them.
#[derive(Debug)]
pub struct Buffer(Vec<f32>);

impl Buffer {
    /// `n` values, whatever they are: each is to be written before it is read.
    pub fn take(n: usize) -> Self {
        let kept = if n < LARGE { None } else { pool().get_or_insert_default().take(n) };
        let mut buffer = kept.unwrap_or_else(|| vec![0.0; n]);
        spoil(&mut buffer);
        Self(buffer)
    }

    /// The bytes of a tensor of these values.
    pub fn into_bytes(mut self) -> Bytes {
        if self.0.len() < LARGE {
            return Bytes::from_elems(std::mem::take(&mut self.0));
        }
        Bytes::from_shared(bytes::Bytes::from_owner(self), AllocationProperty::Native)
    }
}

impl From<Vec<f32>> for Buffer {
    fn from(values: Vec<f32>) -> Self {
        Self(values)
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.0.len() >= LARGE {
            let gone = pool().get_or_insert_default().bring(std::mem::take(&mut self.0), MOST);
            // Freed once others can go on.
            drop(gone);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_brought_is_taken_again_and_the_oldest_goes_first() {
        let mut pool = Pool::default();
        assert!(pool.take(10).is_none());
        for n in [10, 20, 20, 30] {
            assert!(pool.bring(vec![1.0; n], 80).is_empty());
        }
        assert_eq!((pool.held, pool.take(20).map(|buffer| buffer.len()), pool.held), (80, Some(20), 60));
        // 10 was asked for longest ago, then 30.
        let gone = |pool: &mut Pool, n: usize| pool.bring(vec![1.0; n], 80).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!((gone(&mut pool, 25), pool.held), (vec![10], 75));
        assert_eq!((gone(&mut pool, 35), pool.held), (vec![30], 80));
        assert_eq!((gone(&mut pool, 81), pool.held), (vec![81], 80), "one that is larger than all may be is not kept");
    }
}
