//! How much memory measuring takes: estimated from numbers and sizes, and refused before any work.

use super::extraction::HELD;
use crate::error::CliError;

/// The program itself, a model and a classifier, and the blocks that they work on.
const BASE: u64 = 128 << 20;
/// Where the system does not say how much memory is free.
const UNKNOWN: u64 = 4 << 30;
/// Items of the subsets of the kernel distance; pairs that neighbours are looked for in at a time.
const SUBSET: u64 = 1000;
const PAIRS: [u64; 2] = [128, 512];

/// A number of bytes, such as `1000000`, `512MiB`, `1.5GiB` or `2GB`.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kib" | "k" => 1 << 10,
        "mib" | "m" => 1 << 20,
        "gib" | "g" => 1 << 30,
        "tib" | "t" => 1 << 40,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        other => return Err(format!("`{other}` is no unit: for example 512MiB or 2GiB")),
    };
    let number: f64 = number.parse().map_err(|_| "a number with a unit is wanted: for example 512MiB or 2GiB")?;
    let bytes = number * unit as f64;
    if bytes >= 1.0 { Ok(bytes as u64) } else { Err("it must be at least one byte".into()) }
}

/// `1.5 GiB`.
pub fn shown(bytes: u64) -> String {
    let (bytes, mib) = (bytes as f64, f64::from(1 << 20));
    if bytes < 1024.0 * mib {
        format!("{:.0} MiB", (bytes / mib).ceil())
    } else {
        format!("{:.1} GiB", bytes / mib / 1024.0)
    }
}

/// All memory of this machine, in bytes, where the system tells.
pub fn memory() -> Option<u64> {
    told("MemTotal:")
}

/// Three quarters of the memory that the system could hand out now.
fn free() -> u64 {
    told("MemAvailable:").map_or(UNKNOWN, |bytes| bytes / 4 * 3)
}

/// What Linux says of memory under a name.
fn told(name: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Refuses `n` items that need more than the limit; `need` gives the bytes for any number of them.
pub fn check(limit: Option<u64>, n: usize, need: impl Fn(u64) -> u64) -> Result<(), CliError> {
    let n = n as u64;
    let (given, limit) = (limit.is_some(), limit.unwrap_or_else(free));
    if need(n) <= limit {
        return Ok(());
    }
    let (mut fits, mut too_many) = (0, n);
    while too_many - fits > 1 {
        let middle = fits + (too_many - fits) / 2;
        *(if need(middle) <= limit { &mut fits } else { &mut too_many }) = middle;
    }
    let whose = if given { "--limit" } else { "three quarters of the free memory" };
    let message =
        format!("{n} items need about {} of memory, more than the {} of {whose}", shown(need(n)), shown(limit));
    let help = match fits {
        0..2 => format!("no two items fit: two need {}", shown(need(2))),
        fits => format!("at most n = {fits} fits; or raise --limit, or ask for fewer --metrics"),
    };
    Err(CliError::usage(message, help))
}

/// What decides how much memory figures take beside the features.
pub struct Figures<'a> {
    /// As `wanted` gives them.
    pub names: &'a [&'a str],
    /// Features of an item.
    pub dims: usize,
    /// Classes that logits are of; 0 where there are none.
    pub classes: usize,
    /// Neighbours.
    pub k: usize,
    /// Whether intervals are asked for.
    pub intervals: bool,
}

impl Figures<'_> {
    /// Bytes of the features and logits of `n` items.
    pub fn seen(&self, n: u64) -> u64 {
        product(&[n, (self.dims + self.classes) as u64, 4])
    }

    /// Bytes that the greediest figure takes beside them, between so many reals and fakes.
    pub fn working(&self, real: u64, fake: u64) -> u64 {
        let (d, both, most) = (self.dims as u64, real.saturating_add(fake), real.max(fake));
        let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        // Sums, covariances, factor and products of both, at most so many of them at a time.
        let distance = product(&[8, d, sum(&[product(&[8, d]), 2 * 256])]);
        let pairs = product(&[threads, 8, (PAIRS[0] + PAIRS[1]) * d + PAIRS[0] * PAIRS[1]]);
        let of = |name: &str| match name {
            "fd" if self.intervals => product(&[threads, sum(&[distance, product(&[8, most])])]),
            "fd" => distance,
            "fd_infinity" => sum(&[distance, product(&[fake, 4 * d + 8])]),
            "kid" => sum(&[pairs, product(&[2 * SUBSET, 4 * d]), product(&[both, 32])]),
            "precision" | "recall" | "density" | "coverage" | "c2st" | "copies" => {
                sum(&[pairs, product(&[both, sum(&[96, product(&[16, self.k as u64])])])])
            }
            "vendi" => product(&[8, sum(&[product(&[fake, d]), product(&[4, fake.min(d), fake.min(d)])])]),
            "is" => product(&[fake, 4 * self.classes as u64 + 8]),
            _ => product(&[fake, 8]),
        };
        self.names.iter().map(|name| of(name)).max().unwrap_or(0)
    }
}

/// What everything takes, and the items that are held while they are seen, of `item` values.
pub fn base(item: usize) -> u64 {
    // The items as they are made, as values and as the classifier's own.
    BASE + 3 * 4 * (HELD.min(100 * item).max(item)) as u64
}

/// Without overflow: more than all memory is more than all memory.
pub fn product(factors: &[u64]) -> u64 {
    factors.iter().fold(1, |product, &factor| product.saturating_mul(factor))
}

/// Likewise.
pub fn sum(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |sum, &part| sum.saturating_add(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_their_units() {
        for (text, bytes) in [("17", 17), ("512MiB", 512 << 20), ("1.5 GiB", 3 << 29), ("2gb", 2_000_000_000)] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "many", "5 parsecs", "-1", "0", "1..2"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_told_what_would() {
        assert!(check(Some(1000), 100, |n| 10 * n).is_ok());
        let error = check(Some(1000), 101, |n| 10 * n).unwrap_err();
        assert_eq!(error.code, 2);
        assert!(error.help.unwrap().contains("at most n = 100 "), "{}", error.message);
        assert!(check(Some(5), 101, |n| 10 * n).unwrap_err().help.unwrap().contains("no two items"));
        assert!(check(Some(5), usize::MAX, |n| product(&[n, n, n])).is_err());
    }
}
