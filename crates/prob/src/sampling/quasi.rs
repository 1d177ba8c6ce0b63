use super::SamplingError;
use crate::estimate::Estimate;
use rand::Rng;
use sobol::{Sobol, SobolParams, params::JoeKuoD6};
use std::sync::LazyLock;

/// The direction numbers of S. Joe and F. Y. Kuo 2008 ("Constructing Sobol sequences with better two-dimensional
/// projections", their set D(6)).
static DIRECTIONS: LazyLock<JoeKuoD6> = LazyLock::new(JoeKuoD6::standard);

/// Digits in base 2 that points are computed with.
const DIGITS: usize = 64;

/// Points of a Sobol sequence in (0, 1)^dims, randomised: a random linear scramble of the binary digits (J. Matousek
/// 1998, "On the L2-discrepancy for anchored boxes") and a random digital shift.
///
/// Every point is uniform on the cube, so means over points are unbiased; the first 2^m points stay a digital net,
/// so that they fill it more evenly than independent draws, whatever the seed. Take 2^m points, and all of them from
/// the first on (A. B. Owen 2020, "On dropping the first Sobol' point").
///
/// ```
/// use ganvas_prob::{distributions::Exponential, sampling::QuasiRandom, stream::Streams, traits::Quantile};
/// let mut sequence = QuasiRandom::new(1, &mut Streams::new(7).rng("sobol", 0))?;
/// // One point in each quarter of the unit interval; a law follows from its quantiles.
/// let points = sequence.points(4);
/// let mut quarters: Vec<_> = points.iter().map(|u| (4.0 * u) as u8).collect();
/// quarters.sort_unstable();
/// assert_eq!(quarters, [0, 1, 2, 3]);
/// let law = Exponential::new(1.0)?;
/// let draws: Vec<_> = points.iter().map(|&u| law.ppf(u)).collect();
/// assert!(draws.iter().all(|x| *x > 0.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct QuasiRandom {
    /// `[dims][DIGITS]`, scrambled.
    directions: Vec<Vec<u64>>,
    /// The digits of the next point, `[dims]`.
    digits: Vec<u64>,
    drawn: u64,
}

impl QuasiRandom {
    /// A sequence of points with 1 to 1,000 coordinates, randomised by `rng`.
    ///
    /// # Errors
    /// If `dims` is 0 or above 1,000.
    pub fn new<R: Rng + ?Sized>(dims: usize, rng: &mut R) -> Result<Self, SamplingError> {
        if !(1..=DIRECTIONS.max_dims()).contains(&dims) {
            return Err(SamplingError::Parameter { name: "dims", domain: "from 1 to 1,000", value: dims as f64 });
        }
        let mut directions = Sobol::<u64>::init_direction_vals::<u32>(dims, DIGITS, &*DIRECTIONS);
        for dimension in &mut directions {
            let scramble = Scramble::new(rng);
            dimension.iter_mut().for_each(|direction| *direction = scramble.apply(*direction));
        }
        Ok(Self { directions, digits: (0..dims).map(|_| rng.next_u64()).collect(), drawn: 0 })
    }

    /// The next `n` points, `[n, dims]` row-major.
    pub fn points(&mut self, n: usize) -> Vec<f64> {
        let mut points = Vec::with_capacity(n * self.digits.len());
        for _ in 0..n {
            points.extend(self.digits.iter().map(|&digits| unit(digits)));
            self.advance();
        }
        points
    }

    /// In the order of the Gray code (I. A. Antonov and V. M. Saleev 1979), in which neighbours differ by one
    /// direction.
    fn advance(&mut self) {
        self.drawn = self.drawn.wrapping_add(1);
        let changed = self.drawn.trailing_zeros() as usize;
        for (digits, directions) in self.digits.iter_mut().zip(&self.directions) {
            *digits ^= directions.get(changed).unwrap_or(&0);
        }
    }
}

/// The midpoint of the one of 2^52 cells of (0, 1) that the digits name.
fn unit(digits: u64) -> f64 {
    ((digits >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
}

/// A random lower triangular matrix over the field of two elements, ones on its diagonal: one row for each digit, the
/// most significant first.
struct Scramble([u64; DIGITS]);

impl Scramble {
    fn new<R: Rng + ?Sized>(rng: &mut R) -> Self {
        Self(std::array::from_fn(|i| (1 << (DIGITS - 1 - i)) | (rng.next_u64() & !(u64::MAX >> i))))
    }

    fn apply(&self, digits: u64) -> u64 {
        self.0.iter().fold(0, |out, row| out << 1 | u64::from((row & digits).count_ones() & 1))
    }
}

/// Estimates the integral of f over (0, 1)^dims by `replications` independently randomised sequences of `n` points,
/// n best a power of two; its standard error is that over the replications. For smooth f the error falls almost as n^-3/2 (A. B. Owen 1997, "Scrambled net variance for
/// integrals of smooth functions"), against n^-1/2 for independent draws; an expectation under a law is the integral
/// of f(ppf(u)).
///
/// ```
/// use ganvas_prob::{sampling::quasi_mean, stream::Streams};
/// // E[x y] = 1/4 for x and y uniform on (0, 1).
/// let estimate = quasi_mean(|u| u[0] * u[1], 2, 1 << 10, 8, &mut Streams::new(7).rng("product", 0))?;
/// assert!((estimate.mean - 0.25).abs() < 4.0 * estimate.stderr);
/// assert!(estimate.stderr < 1e-4);
/// # Ok::<(), ganvas_prob::sampling::SamplingError>(())
/// ```
///
/// # Errors
/// If `dims` is 0 or above 1,000, there is no point or fewer than two replications, or f is not finite at a point.
pub fn quasi_mean<R: Rng + ?Sized>(
    f: impl Fn(&[f64]) -> f64,
    dims: usize,
    n: usize,
    replications: usize,
    rng: &mut R,
) -> Result<Estimate, SamplingError> {
    for (name, domain, value, least) in [("n", "1 or more", n, 1), ("replications", "2 or more", replications, 2)] {
        if value < least {
            return Err(SamplingError::Parameter { name, domain, value: value as f64 });
        }
    }
    let mut means = Vec::with_capacity(replications);
    for _ in 0..replications {
        let mut sequence = QuasiRandom::new(dims, rng)?;
        let mut sum = 0.0;
        for _ in 0..n {
            let value = f(&sequence.points(1));
            if !value.is_finite() {
                return Err(SamplingError::Parameter { name: "f", domain: "finite at every point", value });
            }
            sum += value;
        }
        means.push(sum / n as f64);
    }
    Ok(Estimate::of(&means))
}

#[cfg(test)]
mod tests {
    use super::super::open_unit;
    use super::*;
    use crate::distributions::{Exponential, Normal};
    use crate::stream::Streams;
    use crate::traits::Quantile;

    /// The first points of 5 of 1,000 dimensions of scipy's unscrambled sequence.
    #[test]
    fn without_scramble_and_shift_the_points_are_scipys() {
        let mut sequence = QuasiRandom::new(1000, &mut Streams::new(1).rng("scipy", 0)).unwrap();
        sequence.directions = Sobol::<u64>::init_direction_vals::<u32>(1000, DIGITS, &*DIRECTIONS);
        sequence.digits.fill(0);
        let points = sequence.points(64);
        for line in include_str!("../../tests/fixtures/sobol.csv").lines() {
            let [row, column, value] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let index = row.parse::<usize>().unwrap() * 1000 + column.parse::<usize>().unwrap();
            // Points stand in the middle of cells of 2^-52.
            assert!((points[index] - value.parse::<f64>().unwrap()).abs() < 2e-16, "{line}: {}", points[index]);
        }
    }

    /// A (t, m, s)-net property that a scramble keeps: each coordinate of the first 2^m points has one point in each
    /// of 2^m cells, and the first two coordinates one in each elementary box.
    #[test]
    fn scrambled_points_stay_a_net() {
        for seed in 0..20 {
            let points = QuasiRandom::new(7, &mut Streams::new(seed).rng("net", 0)).unwrap().points(256);
            let of = |column: usize, cells: usize| {
                let points = &points;
                (0..256).map(move |row| (points[row * 7 + column] * cells as f64) as usize)
            };
            for column in 0..7 {
                let mut seen: Vec<_> = of(column, 256).collect();
                seen.sort_unstable();
                assert!(seen.into_iter().eq(0..256), "coordinate {column} at seed {seed}");
            }
            for shift in 0..=8 {
                let mut boxes: Vec<_> =
                    of(0, 1 << shift).zip(of(1, 256 >> shift)).map(|(a, b)| a * (256 >> shift) + b).collect();
                boxes.sort_unstable();
                assert!(boxes.into_iter().eq(0..256), "boxes of 2^-{shift} at seed {seed}");
            }
        }
    }

    /// The star discrepancy of n points: on a line at most 1/n for a net; in the square at most (log2(n) / 2 + 3/2) / n
    /// (H. Niederreiter 1987, "Point sets and sequences with small discrepancy", for t = 0), found over the corners that
    /// points make.
    #[test]
    fn star_discrepancies_are_those_of_nets() {
        for seed in 0..5 {
            let n = 128;
            let rng = &mut Streams::new(seed).rng("star", 0);
            let points = QuasiRandom::new(2, rng).unwrap().points(n);
            let mut line: Vec<f64> = points.iter().copied().step_by(2).collect();
            line.sort_by(f64::total_cmp);
            let gap = |(i, x): (usize, &f64)| (x - i as f64 / n as f64).max((i + 1) as f64 / n as f64 - x);
            let one = line.iter().enumerate().map(gap).fold(0.0, f64::max);
            assert!(one <= 1.0 / n as f64, "{one}");
            let square = star_discrepancy(&points);
            assert!(square <= (n.ilog2() as f64 / 2.0 + 1.5) / n as f64, "{square}");
            let independent: Vec<f64> = (0..2 * n).map(|_| open_unit(rng)).collect();
            assert!(2.0 * square < star_discrepancy(&independent));
        }
    }

    /// The largest difference between the share of points in a box [0, a] x [0, b] and its area.
    fn star_discrepancy(points: &[f64]) -> f64 {
        let n = points.len() as f64 / 2.0;
        let sides = |k| points.iter().copied().skip(k).step_by(2).chain([1.0]);
        let mut largest: f64 = 0.0;
        for (a, b) in sides(0).flat_map(|a| sides(1).map(move |b| (a, b))) {
            let inside = |closed: bool| {
                let holds = |x: f64, side: f64| x < side || closed && x == side;
                points.chunks_exact(2).filter(|p| holds(p[0], a) && holds(p[1], b)).count() as f64 / n
            };
            largest = largest.max(inside(true) - a * b).max(a * b - inside(false));
        }
        largest
    }

    /// E[exp(sum u_i / 3)] over 5 uniforms: (3 (e^(1/3) - 1))^5. The error falls by far more than the 4 of independent
    /// draws from n = 256 to 4,096, and lies far below theirs.
    #[test]
    fn the_error_falls_faster_than_that_of_independent_draws() {
        let f = |u: &[f64]| (u.iter().sum::<f64>() / 3.0).exp();
        let exact = (3.0 * (1f64 / 3.0).exp_m1()).powi(5);
        let error = |n| {
            let squares = (0..40).map(|i| {
                let estimate = quasi_mean(f, 5, n, 2, &mut Streams::new(3).rng("decay", i)).unwrap();
                (estimate.mean - exact).powi(2)
            });
            (squares.sum::<f64>() / 40.0).sqrt()
        };
        let (few, many) = (error(256), error(4096));
        assert!(few / many > 16.0, "{few:e} to {many:e}");
        let independent: f64 = (0..40)
            .map(|i| {
                let mut rng = Streams::new(3).rng("independent", i);
                let mut point = || f(&std::array::from_fn::<f64, 5, _>(|_| open_unit(&mut rng)));
                ((0..8192).map(|_| point()).sum::<f64>() / 8192.0 - exact).powi(2)
            })
            .sum();
        assert!(100.0 * many < (independent / 40.0).sqrt(), "{many:e}");
    }

    /// Over 400 repetitions with 16 replications, (mean - exact) / standard error has the variance 15/13 of Student's
    /// t with 15 degrees of freedom; 4 standard errors of it are 0.4.
    #[test]
    fn the_standard_error_is_the_spread_of_repeated_estimates() {
        let (normal, exponential) = (Normal::new(0.0, 1.0).unwrap(), Exponential::new(1.0).unwrap());
        // E[Z^2 X] = 1.
        let f = |u: &[f64]| normal.ppf(u[0]).powi(2) * exponential.ppf(u[1]);
        let z = (0..400).map(|i| {
            let e = quasi_mean(f, 2, 64, 16, &mut Streams::new(4).rng("honest", i)).unwrap();
            ((e.mean - 1.0) / e.stderr).powi(2)
        });
        let spread = z.sum::<f64>() / 400.0;
        assert!((spread - 15.0 / 13.0).abs() < 0.4, "{spread}");
    }

    #[test]
    fn a_seed_gives_the_pinned_points() {
        let points = QuasiRandom::new(2, &mut Streams::new(1).rng("pinned", 0)).unwrap().points(2);
        assert!(points.iter().zip(PINNED).all(|(a, b)| (a - b).abs() < 1e-15), "{points:?}");
    }
    const PINNED: [f64; 4] = [0.8519968232909939, 0.07233262831323561, 0.1998228274319701, 0.7332976059782671];

    #[test]
    fn what_cannot_be_drawn_or_estimated_is_refused() {
        let mut rng = Streams::new(1).rng("refused", 0);
        assert!(QuasiRandom::new(0, &mut rng).is_err() && QuasiRandom::new(1001, &mut rng).is_err());
        let mut of = |f: fn(&[f64]) -> f64, n, replications| quasi_mean(f, 1, n, replications, &mut rng);
        assert!(of(|u| u[0], 0, 2).is_err() && of(|u| u[0], 1, 1).is_err() && of(|_| f64::NAN, 1, 2).is_err());
        assert!(of(|u| u[0], 1, 2).is_ok());
    }
}
