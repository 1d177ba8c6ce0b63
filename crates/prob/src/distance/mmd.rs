use super::{DistanceError, Kernel, mean_across, mean_within, rows, squared_distance};

/// The squared maximum mean discrepancy of two samples of rows, `[n, dims]` and `[m, dims]`: the mean of k over pairs
/// within x, plus that within y, less twice that across; pairs of a row with itself are left out. Unbiased, so it may be
/// negative (A. Gretton et al. 2012, "A Kernel Two-Sample Test", eq. 3). No matrix of kernel values is kept.
///
/// ```
/// use ganvas_prob::distance::{Kernel, mmd_squared};
/// let kernel = Kernel::Polynomial { degree: 1, gamma: 1.0, coef0: 0.0 };
/// assert_eq!(mmd_squared(&[1.0, 3.0], &[0.0, 4.0], 1, &kernel)?, 3.0 + 0.0 - 2.0 * 4.0);
/// # Ok::<(), ganvas_prob::distance::DistanceError>(())
/// ```
///
/// # Errors
/// If a sample has fewer than two rows, its last row is not full, a value is not finite, or the kernel has a parameter
/// outside of its domain.
pub fn mmd_squared(x: &[f64], y: &[f64], dims: usize, kernel: &Kernel) -> Result<f64, DistanceError> {
    rows(0, x, dims, 2)?;
    rows(1, y, dims, 2)?;
    kernel.check()?;
    let k = |a: &[f64], b: &[f64]| kernel.evaluate(a, b);
    Ok(mean_within(x, dims, k) + mean_within(y, dims, k) - 2.0 * mean_across(x, y, dims, k))
}

/// Rows whose distances the median is taken of, at most.
const MEDIAN_ROWS: usize = 1000;

/// The median of the distances between rows of both samples: a common bandwidth of the Gaussian kernel (Gretton et al.
/// 2012, section 8). Of more than 1,000 rows, 1,000 at equal steps are compared.
///
/// # Errors
/// If there are fewer than two rows, a last row is not full, a value is not finite, or the median is zero.
pub fn median_distance(x: &[f64], y: &[f64], dims: usize) -> Result<f64, DistanceError> {
    let count = rows(0, x, dims, 0)? + rows(1, y, dims, 0)?;
    if count < 2 {
        return Err(DistanceError::TooFew { sample: 0, needed: 2, count });
    }
    let kept = count.min(MEDIAN_ROWS);
    let all: Vec<&[f64]> = x.chunks_exact(dims).chain(y.chunks_exact(dims)).collect();
    let all: Vec<&[f64]> = (0..kept).map(|i| all[i * count / kept]).collect();
    let mut distances: Vec<f64> =
        all.iter().enumerate().flat_map(|(i, a)| all[i + 1..].iter().map(|b| squared_distance(a, b).sqrt())).collect();
    let (count, half) = (distances.len(), distances.len() / 2);
    let (below, &mut upper, _) = distances.select_nth_unstable_by(half, f64::total_cmp);
    let lower = if count % 2 == 1 { upper } else { below.iter().copied().fold(0.0, f64::max) };
    let median = 0.5 * (lower + upper);
    if median > 0.0 { Ok(median) } else { Err(DistanceError::NoSpread { value: all[0][0] }) }
}
