//! Counter-based random streams.
//!
//! A [`Streams`] is nothing but a seed. A generator is derived from it by a *name* (what is drawn: `"latent"`,
//! `"shuffle"`, ...), a *step* (when) and, where items are drawn independently of each other, an *index*. Two
//! generators with different keys are independent; the same key always gives the same numbers, on every platform and
//! in every thread, whatever was drawn before. There is no state to save.
//!
//! The generator is ChaCha with 8 rounds (D. J. Bernstein, 2008), whose key is the SHA-256 of seed and name, whose
//! 64-bit stream number is the step and whose block counter starts at the index.
//!
//! ```
//! use ganvas_prob::stream::Streams;
//! use rand::Rng;
//!
//! let streams = Streams::new(7);
//! let first = streams.rng("latent", 12).next_u64();
//! assert_eq!(first, streams.rng("latent", 12).next_u64());
//! assert_ne!(first, streams.rng("latent", 13).next_u64());
//! assert_ne!(first, streams.rng("shuffle", 12).next_u64());
//! ```

use rand::SeedableRng;
use rand::distr::StandardUniform;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};
use sha2::{Digest, Sha256};

/// The generator behind a stream.
pub type StreamRng = ChaCha8Rng;

/// Words of 32 bits reserved for each index of a stream: an item may draw this many before it meets the next one.
const WORDS_PER_INDEX: u128 = 1 << 24;

/// Every random number of a run, as a function of the key that it is asked for with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Streams {
    seed: u64,
}

impl Streams {
    /// The streams of a run with this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The seed that the streams are derived from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The generator for what is called `name` at `step`.
    pub fn rng(&self, name: &str, step: u64) -> StreamRng {
        let mut hash = Sha256::new();
        hash.update(b"ganvas stream 1");
        hash.update(self.seed.to_le_bytes());
        hash.update(name.as_bytes());
        let mut rng = ChaCha8Rng::from_seed(hash.finalize().into());
        rng.set_stream(step);
        rng
    }

    /// The generator for item `index` of what is called `name` at `step`.
    pub fn rng_at(&self, name: &str, step: u64, index: u64) -> StreamRng {
        let mut rng = self.rng(name, step);
        rng.set_word_pos(u128::from(index) * WORDS_PER_INDEX);
        rng
    }

    /// Streams of a part that shall share no key with the whole, such as one of several evaluations.
    pub fn fork(&self, name: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"ganvas fork 1");
        hash.update(self.seed.to_le_bytes());
        hash.update(name.as_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let mut seed = [0; 8];
        seed.copy_from_slice(&digest[..8]);
        Self { seed: u64::from_le_bytes(seed) }
    }
}

/// `n` draws from N(0, 1).
pub fn normals(rng: &mut StreamRng, n: usize) -> Vec<f32> {
    (0..n).map(|_| StandardNormal.sample(rng)).collect()
}

/// `n` draws from U[0, 1).
pub fn uniforms(rng: &mut StreamRng, n: usize) -> Vec<f32> {
    (0..n).map(|_| StandardUniform.sample(rng)).collect()
}

/// `n` random seeds, for what draws a number of values that is not known before.
pub fn seeds(rng: &mut StreamRng, n: usize) -> Vec<u64> {
    use rand::Rng;
    (0..n).map(|_| rng.next_u64()).collect()
}

/// A uniformly random order of `0..n` (Fisher and Yates 1938, in Durstenfeld's form).
pub fn permutation(rng: &mut StreamRng, n: usize) -> Vec<usize> {
    use rand::seq::SliceRandom;
    let mut order: Vec<usize> = (0..n).collect();
    order.shuffle(rng);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    /// The numbers of a stream are part of the promise that a seed repeats a run: a change of them is a breaking one.
    #[test]
    fn a_key_gives_the_pinned_numbers() {
        let mut rng = Streams::new(1).rng("latent", 0);
        assert_eq!([rng.next_u32(), rng.next_u32()], PINNED);
    }
    const PINNED: [u32; 2] = [4_013_497_060, 533_898_485];

    #[test]
    fn every_part_of_the_key_matters() {
        let streams = Streams::new(1);
        let draws = [
            streams.rng("a", 0).next_u64(),
            streams.rng("b", 0).next_u64(),
            streams.rng("a", 1).next_u64(),
            streams.rng_at("a", 0, 1).next_u64(),
            Streams::new(2).rng("a", 0).next_u64(),
            streams.fork("a").rng("a", 0).next_u64(),
        ];
        for (i, a) in draws.iter().enumerate() {
            assert!(draws[i + 1..].iter().all(|b| a != b), "draw {i} repeats: {draws:?}");
        }
        assert_eq!(draws[0], streams.rng_at("a", 0, 0).next_u64());
    }

    #[test]
    fn a_permutation_holds_every_index_once_and_depends_on_the_step() {
        let streams = Streams::new(3);
        let order = permutation(&mut streams.rng("shuffle", 0), 100);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..100));
        assert_ne!(order, permutation(&mut streams.rng("shuffle", 1), 100));
    }

    /// Mean and variance of a million draws within 5 standard errors: 1e-3 each, and sqrt(2) 1e-3 for the variance.
    #[test]
    fn normals_have_mean_zero_and_variance_one() {
        let draws = normals(&mut Streams::new(4).rng("normal", 0), 1_000_000);
        let mean = draws.iter().map(|&x| f64::from(x)).sum::<f64>() / 1e6;
        let variance = draws.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / 1e6;
        assert!(mean.abs() < 5e-3 && (variance - 1.0).abs() < 7.1e-3, "mean {mean}, variance {variance}");
    }
}
