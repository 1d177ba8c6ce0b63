//! Moments of samples, and distances between the Gaussians that have them.

use faer::linalg::matmul::triangular::{BlockStructure, matmul};
use faer::{Accum, Mat, MatRef, Par, Side};

/// Rows that are centred and multiplied at a time, at least; as many as an item has values, where that is more, so that
/// joining blocks costs less than multiplying them.
const BLOCK: usize = 256;
/// Columns that are centred at a time: a line of the cache in single precision.
const STRIP: usize = 16;

/// Eigenvalues of a covariance down to this share of the largest below zero are round-off.
const ROUND_OFF: f64 = 1e-10;

/// What keeps moments or a distance from being computed.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum GaussianError {
    /// Two parts of another size, or rows that do not fill their last one.
    #[error("{got} values where a multiple of {expected} was expected")]
    Dims {
        /// Size of an item.
        expected: usize,
        /// What was given.
        got: usize,
    },
    /// A value that is not a finite number.
    #[error("value {column} of row {row} is not finite")]
    NotFinite {
        /// The row, counted from the first that was ever added.
        row: u64,
        /// The position in the row.
        column: usize,
    },
    /// A covariance needs two rows.
    #[error("{count} rows: a covariance needs at least 2")]
    TooFew {
        /// How many there are.
        count: u64,
    },
    /// A given covariance is not symmetric.
    #[error("the covariance is not symmetric at ({row}, {column})")]
    NotSymmetric {
        /// Row of the entry.
        row: usize,
        /// Column of the entry.
        column: usize,
    },
    /// A given covariance has a negative eigenvalue that round-off does not explain.
    #[error("the covariance has the eigenvalue {eigenvalue:e} (largest: {largest:e}): it must have none below zero")]
    NotPositive {
        /// The smallest eigenvalue.
        eigenvalue: f64,
        /// The largest eigenvalue.
        largest: f64,
    },
    /// The eigenvalues were not found.
    #[error("the eigenvalues of a {dims} x {dims} matrix were not found")]
    NoConvergence {
        /// Side of the matrix.
        dims: usize,
    },
}

/// Mean and covariance of a sample, kept in `f64` while it streams past in blocks of any size.
///
/// Blocks are centred before they are multiplied and joined by the update of T. F. Chan, G. H. Golub and R. J. LeVeque
/// (1983, "Algorithms for computing the sample variance", eq. 2.1), so that a large common offset costs no digits.
///
/// ```
/// use ganvas_prob::gaussian::Moments;
/// let mut moments = Moments::new(2);
/// moments.add_rows(&[1.0, 5.0, 3.0, 5.0])?;
/// moments.add_rows(&[5.0, 8.0])?;
/// assert_eq!(moments.mean(), [3.0, 6.0]);
/// assert_eq!(moments.covariance()?, [4.0, 3.0, 3.0, 3.0]);
/// # Ok::<(), ganvas_prob::gaussian::GaussianError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Moments {
    count: u64,
    mean: Vec<f64>,
    /// The sum of (x - mean)(x - mean)^T, in its lower half.
    scatter: Mat<f64>,
}

impl Moments {
    /// The moments of nothing yet, for rows of `dims` values.
    pub fn new(dims: usize) -> Self {
        Self { count: 0, mean: vec![0.0; dims], scatter: Mat::zeros(dims, dims) }
    }

    /// The moments of all these rows, `[n, dims]` row-major.
    ///
    /// # Errors
    /// As [`add_rows`](Self::add_rows).
    pub fn of<T: Copy + Into<f64>>(dims: usize, rows: &[T]) -> Result<Self, GaussianError> {
        let mut moments = Self::new(dims);
        moments.add_rows(rows)?;
        Ok(moments)
    }

    /// A known mean `[dims]` and unbiased covariance `[dims, dims]` of `count` rows.
    ///
    /// # Errors
    /// If the sizes differ, a value is not finite, the covariance is not symmetric (to 1e-6 of its largest entry) or
    /// `count` is below 2.
    pub fn from_parameters(mean: &[f64], covariance: &[f64], count: u64) -> Result<Self, GaussianError> {
        let dims = mean.len();
        if covariance.len() != dims * dims {
            return Err(GaussianError::Dims { expected: dims * dims, got: covariance.len() });
        }
        if count < 2 {
            return Err(GaussianError::TooFew { count });
        }
        if let Some(i) = mean.iter().chain(covariance).position(|x| !x.is_finite()) {
            return Err(GaussianError::NotFinite { row: (i / dims) as u64, column: i % dims });
        }
        let largest = covariance.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
        for row in 0..dims {
            for column in 0..row {
                if (covariance[row * dims + column] - covariance[column * dims + row]).abs() > 1e-6 * largest {
                    return Err(GaussianError::NotSymmetric { row, column });
                }
            }
        }
        let weight = 0.5 * (count - 1) as f64;
        let scatter = Mat::from_fn(dims, dims, |i, j| weight * (covariance[i * dims + j] + covariance[j * dims + i]));
        Ok(Self { count, mean: mean.to_vec(), scatter })
    }

    /// Adds rows, `[n, dims]` row-major.
    ///
    /// # Errors
    /// If the last row is not full or a value is not finite; nothing is added then.
    pub fn add_rows<T: Copy + Into<f64>>(&mut self, rows: &[T]) -> Result<(), GaussianError> {
        let dims = self.dims();
        if dims == 0 && !rows.is_empty() || !rows.len().is_multiple_of(dims.max(1)) {
            return Err(GaussianError::Dims { expected: dims, got: rows.len() });
        }
        if let Some(i) = rows.iter().position(|&x| !x.into().is_finite()) {
            return Err(GaussianError::NotFinite { row: self.count + (i / dims) as u64, column: i % dims });
        }
        for block in rows.chunks(BLOCK.max(dims) * dims.max(1)) {
            self.join(&Self::of_block(dims, block));
        }
        Ok(())
    }

    /// Adds the rows of another sample, as if they had been added here.
    ///
    /// # Errors
    /// If the rows have another size.
    pub fn merge(&mut self, other: &Self) -> Result<(), GaussianError> {
        if self.dims() != other.dims() {
            return Err(GaussianError::Dims { expected: self.dims(), got: other.dims() });
        }
        self.join(other);
        Ok(())
    }

    fn of_block<T: Copy + Into<f64>>(dims: usize, block: &[T]) -> Self {
        let count = block.len() / dims;
        let mut mean = vec![0.0; dims];
        for row in block.chunks_exact(dims) {
            mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += x.into());
        }
        mean.iter_mut().for_each(|sum| *sum /= count as f64);
        // Turned by strips that fit in the cache: the product below is twice as fast on columns that lie in memory as they
        // are read.
        let mut centred = Mat::zeros(count, dims);
        for start in (0..dims).step_by(STRIP) {
            for (i, row) in block.chunks_exact(dims).enumerate() {
                for j in start..(start + STRIP).min(dims) {
                    centred[(i, j)] = row[j].into() - mean[j];
                }
            }
        }
        let mut scatter = Mat::zeros(dims, dims);
        let (lower, full) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
        matmul(&mut scatter, lower, Accum::Replace, centred.transpose(), full, &centred, full, 1.0, Par::Seq);
        Self { count: count as u64, scatter, mean }
    }

    fn join(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (here, there) = (self.count as f64, other.count as f64);
        let total = here + there;
        let shift: Vec<f64> = self.mean.iter().zip(&other.mean).map(|(a, b)| b - a).collect();
        let weight = here * there / total;
        for (j, across) in shift.iter().enumerate() {
            for (i, down) in shift.iter().enumerate().skip(j) {
                self.scatter[(i, j)] += other.scatter[(i, j)] + weight * down * across;
            }
        }
        self.mean.iter_mut().zip(&shift).for_each(|(mean, shift)| *mean += shift * (there / total));
        self.count += other.count;
    }

    /// Size of a row.
    pub fn dims(&self) -> usize {
        self.mean.len()
    }

    /// Rows added so far.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean, `[dims]`; zeros before the first row.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The unbiased covariance, `[dims, dims]` row-major: sums divided by n - 1.
    ///
    /// # Errors
    /// With fewer than two rows.
    pub fn covariance(&self) -> Result<Vec<f64>, GaussianError> {
        let matrix = self.covariance_matrix()?;
        let dims = self.dims();
        Ok((0..dims * dims).map(|i| matrix[(i / dims, i % dims)]).collect())
    }

    fn covariance_matrix(&self) -> Result<Mat<f64>, GaussianError> {
        if self.count < 2 {
            return Err(GaussianError::TooFew { count: self.count });
        }
        let scale = 1.0 / (self.count - 1) as f64;
        Ok(Mat::from_fn(self.dims(), self.dims(), |i, j| scale * self.scatter[(i.max(j), i.min(j))]))
    }
}

/// The squared Frechet (2-Wasserstein) distance of the Gaussians with these moments:
/// |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1^1/2 S2 S1^1/2)^1/2)
/// (D. C. Dowson and B. V. Landau 1982, "The Frechet distance between multivariate normal distributions", eq. 4).
///
/// The trace of the root is the sum of the roots of a symmetric matrix' eigenvalues: no root of a matrix that is not
/// symmetric and no imaginary part arises, and singular covariances need no offset on their diagonal. Eigenvalues
/// below zero by no more than 1e-10 of the largest count as zero.
///
/// # Errors
/// If the rows differ in size, there are fewer than two of either, or a covariance is not positive.
pub fn frechet(a: &Moments, b: &Moments) -> Result<f64, GaussianError> {
    let dims = a.dims();
    if dims != b.dims() {
        return Err(GaussianError::Dims { expected: dims, got: b.dims() });
    }
    let (first, second) = (a.covariance_matrix()?, b.covariance_matrix()?);
    let means: f64 = a.mean.iter().zip(&b.mean).map(|(x, y)| (x - y).powi(2)).sum();
    if dims == 0 {
        return Ok(0.0);
    }
    // Any factor S1 = F F^T gives F^T S2 F the eigenvalues of S1^1/2 S2 S1^1/2. Cholesky's takes a fraction of the time of
    // the root, and exists unless S1 is singular.
    let product = match first.llt(Side::Lower) {
        Ok(factor) => between(factor.L(), &second),
        Err(_) => {
            let root = square_root(&first)?;
            &root * &second * &root
        }
    };
    let eigenvalues =
        product.self_adjoint_eigenvalues(Side::Lower).map_err(|_| GaussianError::NoConvergence { dims })?;
    let overlap: f64 = clamped(&eigenvalues)?.into_iter().map(f64::sqrt).sum();
    let traces: f64 = (0..dims).map(|i| first[(i, i)] + second[(i, i)]).sum();
    Ok((means + traces - 2.0 * overlap).max(0.0))
}

/// The lower half of F^T S F for a lower triangular F and a symmetric S, without the products that are zero.
fn between(factor: MatRef<'_, f64>, matrix: &Mat<f64>) -> Mat<f64> {
    let (lower, upper, full) =
        (BlockStructure::TriangularLower, BlockStructure::TriangularUpper, BlockStructure::Rectangular);
    let dims = factor.nrows();
    let (mut half, mut whole) = (Mat::zeros(dims, dims), Mat::zeros(dims, dims));
    let threads = faer::get_global_parallelism();
    matmul(&mut half, full, Accum::Replace, factor.transpose(), upper, matrix, full, 1.0, threads);
    matmul(&mut whole, lower, Accum::Replace, &half, full, factor, lower, 1.0, threads);
    whole
}

/// The symmetric root of a symmetric matrix without negative eigenvalues.
fn square_root(matrix: &Mat<f64>) -> Result<Mat<f64>, GaussianError> {
    let dims = matrix.nrows();
    let eigen = matrix.self_adjoint_eigen(Side::Lower).map_err(|_| GaussianError::NoConvergence { dims })?;
    let values: Vec<f64> = eigen.S().column_vector().iter().copied().collect();
    let roots: Vec<f64> = clamped(&values)?.into_iter().map(f64::sqrt).collect();
    let vectors = eigen.U();
    let scaled = Mat::from_fn(dims, dims, |i, j| vectors[(i, j)] * roots[j]);
    Ok(&scaled * vectors.transpose())
}

fn clamped(eigenvalues: &[f64]) -> Result<Vec<f64>, GaussianError> {
    let largest = eigenvalues.iter().fold(0.0, |m: f64, x| m.max(x.abs()));
    match eigenvalues.iter().find(|&&x| x < -ROUND_OFF * largest) {
        Some(&eigenvalue) => Err(GaussianError::NotPositive { eigenvalue, largest }),
        None => Ok(eigenvalues.iter().map(|x| x.max(0.0)).collect()),
    }
}

/// KL(N(mu, diag(exp(logvar))) || N(0, I)) in nats: 1/2 sum(mu^2 + sigma^2 - 1 - ln sigma^2)
/// (D. P. Kingma and M. Welling 2014, "Auto-Encoding Variational Bayes", appendix B).
///
/// ```
/// use ganvas_prob::gaussian::kl_diagonal_to_standard;
/// assert_eq!(kl_diagonal_to_standard(&[0.0, 3.0], &[0.0, 0.0])?, 4.5);
/// # Ok::<(), ganvas_prob::gaussian::GaussianError>(())
/// ```
///
/// # Errors
/// If there is not one log-variance for each mean.
pub fn kl_diagonal_to_standard(mu: &[f64], logvar: &[f64]) -> Result<f64, GaussianError> {
    if mu.len() != logvar.len() {
        return Err(GaussianError::Dims { expected: mu.len(), got: logvar.len() });
    }
    // exp(l) - 1 - l loses all its digits near l = 0 unless the first difference is taken by exp_m1.
    Ok(mu.iter().zip(logvar).map(|(m, l)| 0.5 * (m * m + (l.exp_m1() - l))).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::{Streams, normals};
    use proptest::prelude::*;

    fn gaussian(mean: &[f64], covariance: &[f64]) -> Moments {
        Moments::from_parameters(mean, covariance, 100).unwrap()
    }

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{a} against {b}");
    }

    fn sample(seed: u64, n: usize, dims: usize) -> Vec<f32> {
        let mut rows = normals(&mut Streams::new(seed).rng("rows", 0), n * dims);
        // Correlated columns of different scales and offsets.
        for row in rows.chunks_exact_mut(dims) {
            for i in 1..dims {
                row[i] += 0.7 * row[i - 1];
            }
            row.iter_mut().enumerate().for_each(|(i, x)| *x = *x * (1.0 + i as f32) - i as f32);
        }
        rows
    }

    #[test]
    fn in_one_dimension_the_distance_is_that_of_means_and_deviations() {
        let distance = frechet(&gaussian(&[1.0], &[4.0]), &gaussian(&[-2.0], &[25.0])).unwrap();
        close(distance, 9.0 + 9.0, 1e-12);
    }

    #[test]
    fn diagonal_covariances_add_up_dimension_by_dimension() {
        let a = gaussian(&[0.0, 1.0, 2.0], &[1.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0, 0.0, 9.0]);
        let b = gaussian(&[1.0, 1.0, 0.0], &[16.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
        close(frechet(&a, &b).unwrap(), 1.0 + 4.0 + 9.0 + 1.0 + 9.0, 1e-12);
    }

    /// In two dimensions tr((S1 S2)^1/2) = sqrt(tr(S1 S2) + 2 sqrt(det S1 det S2)), by the theorem of Cayley and
    /// Hamilton: no eigenvalue is needed.
    #[test]
    fn correlated_covariances_meet_the_closed_form_of_two_dimensions() {
        let (s, t) = ([2.0, 0.8, 0.8, 1.0], [1.5, -1.1, -1.1, 3.0]);
        let trace = s[0] * t[0] + s[1] * t[2] + s[2] * t[1] + s[3] * t[3];
        let det = |m: [f64; 4]| m[0] * m[3] - m[1] * m[2];
        let overlap = (trace + 2.0 * (det(s) * det(t)).sqrt()).sqrt();
        let expected = s[0] + s[3] + t[0] + t[3] - 2.0 * overlap;
        close(frechet(&gaussian(&[0.0; 2], &s), &gaussian(&[0.0; 2], &t)).unwrap(), expected, 1e-12);
    }

    #[test]
    fn with_equal_covariances_only_the_means_count() {
        let rows = sample(1, 500, 8);
        let moved: Vec<f32> = rows.iter().map(|x| x + 0.5).collect();
        let (a, b) = (Moments::of(8, &rows).unwrap(), Moments::of(8, &moved).unwrap());
        close(frechet(&a, &b).unwrap(), 8.0 * 0.25, 1e-5);
        assert!(frechet(&a, &a).unwrap() < 1e-9 * a.covariance().unwrap().iter().sum::<f64>());
    }

    #[test]
    fn the_distance_is_symmetric_and_scales_with_the_square() {
        let (x, y) = (sample(1, 300, 6), sample(2, 200, 6));
        let y: Vec<f32> = y.iter().map(|v| v * 1.5).collect();
        let times4 = |rows: &[f32]| rows.iter().map(|v| v * 4.0).collect::<Vec<_>>();
        let of = |rows: &[f32]| Moments::of(6, rows).unwrap();
        let distance = frechet(&of(&x), &of(&y)).unwrap();
        assert!(distance > 1.0);
        close(frechet(&of(&y), &of(&x)).unwrap(), distance, 1e-10);
        close(frechet(&of(&times4(&x)), &of(&times4(&y))).unwrap(), 16.0 * distance, 1e-10);
    }

    /// Fewer rows than dimensions: both covariances are singular, here on the same axis.
    #[test]
    fn singular_covariances_are_no_obstacle() {
        let line = |scale: f64| [scale, scale, scale, scale];
        let distance = frechet(&gaussian(&[0.0; 2], &line(1.0)), &gaussian(&[0.0; 2], &line(4.0))).unwrap();
        close(distance, 2.0, 1e-7);
        let few = Moments::of(20, &sample(3, 5, 20)).unwrap();
        let scale: f64 = few.covariance().unwrap().iter().step_by(21).sum();
        assert!(frechet(&few, &few).unwrap() < 1e-6 * scale);
    }

    #[test]
    fn a_common_offset_costs_no_digits() {
        let rows = sample(4, 1000, 3);
        let near: Vec<f64> = rows.iter().map(|&x| f64::from(x)).collect();
        let far: Vec<f64> = near.iter().map(|x| x + 1e8).collect();
        let (near, far) = (Moments::of(3, &near).unwrap(), Moments::of(3, &far).unwrap());
        for (a, b) in near.covariance().unwrap().into_iter().zip(far.covariance().unwrap()) {
            close(b, a, 1e-7);
        }
    }

    proptest! {
        /// Against the textbook's two passes over all rows, whatever the blocks are.
        #[test]
        fn blocks_and_merges_give_the_moments_of_the_whole(n in 2usize..700, cut in 0.0f64..1.0, seed in 0u64..50) {
            let dims = 3;
            let rows = sample(seed, n, dims);
            let cut = (cut * n as f64) as usize * dims;
            let mut moments = Moments::of(dims, &rows[..cut]).unwrap();
            moments.merge(&Moments::of(dims, &rows[cut..]).unwrap()).unwrap();
            prop_assert_eq!(moments.count(), n as u64);
            let mean = |j: usize| rows.chunks_exact(dims).map(|row| f64::from(row[j])).sum::<f64>() / n as f64;
            let covariance = moments.covariance().unwrap();
            for i in 0..dims {
                prop_assert!((moments.mean()[i] - mean(i)).abs() < 1e-10);
                for j in 0..dims {
                    let sum: f64 = rows.chunks_exact(dims)
                        .map(|row| (f64::from(row[i]) - mean(i)) * (f64::from(row[j]) - mean(j)))
                        .sum();
                    prop_assert!((covariance[i * dims + j] - sum / (n - 1) as f64).abs() < 1e-9);
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_right_is_refused() {
        let mut moments = Moments::new(2);
        assert_eq!(moments.add_rows(&[1.0, 2.0, 3.0]), Err(GaussianError::Dims { expected: 2, got: 3 }));
        moments.add_rows(&[1.0, 2.0]).unwrap();
        let error = moments.add_rows(&[1.0, 2.0, 3.0, f64::NAN]);
        assert_eq!(error, Err(GaussianError::NotFinite { row: 2, column: 1 }));
        assert_eq!(moments.count(), 1);
        assert_eq!(moments.covariance(), Err(GaussianError::TooFew { count: 1 }));
        assert!(frechet(&moments, &moments).is_err());
        assert!(moments.merge(&Moments::new(3)).is_err());
        assert!(Moments::new(0).add_rows(&[1.0]).is_err());
        let asymmetric = Moments::from_parameters(&[0.0; 2], &[1.0, 0.5, 0.0, 1.0], 9);
        assert!(matches!(asymmetric, Err(GaussianError::NotSymmetric { row: 1, column: 0 })));
        let indefinite = gaussian(&[0.0; 2], &[1.0, 0.0, 0.0, -1.0]);
        assert!(matches!(frechet(&indefinite, &indefinite), Err(GaussianError::NotPositive { .. })));
        assert!(kl_diagonal_to_standard(&[0.0], &[]).is_err());
    }

    /// The integral of q ln(q / p) by the midpoint rule, over 12 standard deviations.
    #[test]
    fn kl_is_the_integral_that_defines_it() {
        for (mu, logvar) in [(0.0, 0.0), (1.5, -1.0), (-0.3, 0.7)] {
            let sd = (0.5f64 * logvar).exp();
            let density =
                |x: f64, m: f64, s: f64| -0.5 * ((x - m) / s).powi(2) - (s * std::f64::consts::TAU.sqrt()).ln();
            let (n, width) = (20_000, 24.0 * sd / 20_000.0);
            let integral: f64 = (0..n)
                .map(|i| mu - 12.0 * sd + (i as f64 + 0.5) * width)
                .map(|x| density(x, mu, sd).exp() * (density(x, mu, sd) - density(x, 0.0, 1.0)) * width)
                .sum();
            close(kl_diagonal_to_standard(&[mu], &[logvar]).unwrap(), integral, 1e-9);
        }
        let tiny = kl_diagonal_to_standard(&[0.0], &[1e-9]).unwrap();
        close(tiny / 2.5e-19, 1.0, 1e-6);
    }
}
