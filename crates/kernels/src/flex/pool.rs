//! Buffers of tensors that are gone, for tensors to come: a steady step asks the system for no memory, and nothing is filled with
//! zeros that is written over.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
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

    fn bring(&mut self, buffer: Vec<f32>) -> Vec<Vec<f32>> {
        self.held += buffer.len();
        self.shelf(buffer.len()).buffers.push(buffer);
        let mut gone = Vec::new();
        while self.held > MOST {
            let oldest = self.shelves.iter().min_by_key(|(_, shelf)| shelf.used).map(|(&n, _)| n);
            let Some(shelf) = oldest.and_then(|n| self.shelves.remove(&n)) else { break };
            self.held -= shelf.buffers.iter().map(Vec::len).sum::<usize>();
            gone.extend(shelf.buffers);
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
        Self(kept.unwrap_or_else(|| vec![0.0; n]))
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
            let gone = pool().get_or_insert_default().bring(std::mem::take(&mut self.0));
            // Freed once others can go on.
            drop(gone);
        }
    }
}
