use super::{DistanceError, mean_across, mean_within, rows, sorted, squared_distance};

/// The energy distance 2 E|X - Y| - E|X - X'| - E|Y - Y'| of two samples of rows, `[n, dims]` and `[m, dims]`, as a
/// V-statistic: expectations under the empirical laws, so pairs of a row with itself count. Zero or more, zero only for
/// equal empirical laws, and biased upwards (G. J. Szekely and M. L. Rizzo 2013, "Energy statistics", eq. 6.1).
///
/// In the unit of the rows, not squared: SciPy's `energy_distance` is the square root of this in one dimension. There
/// it is 2 times the integral of (F - G)^2, which takes O(n log n).
///
/// ```
/// use ganvas_prob::distance::energy_distance;
/// assert_eq!(energy_distance(&[0.0, 0.0], &[3.0, 4.0], 2)?, 10.0);
/// # Ok::<(), ganvas_prob::distance::DistanceError>(())
/// ```
///
/// # Errors
/// If a sample is empty, its last row is not full, or a value is not finite.
pub fn energy_distance(x: &[f64], y: &[f64], dims: usize) -> Result<f64, DistanceError> {
    Ok(expectations(x, y, dims, 1)?.distance)
}

/// The same as a U-statistic: pairs of a row with itself are left out, so it is unbiased, and may be negative.
///
/// # Errors
/// If a sample has fewer than two rows, its last row is not full, or a value is not finite.
pub fn energy_distance_unbiased(x: &[f64], y: &[f64], dims: usize) -> Result<f64, DistanceError> {
    let of = expectations(x, y, dims, 2)?;
    let others = |values: &[f64]| (values.len() / dims - 1) as f64;
    Ok(of.distance - of.within_x / others(x) - of.within_y / others(y))
}

/// Expectations under the empirical laws.
struct Expectations {
    distance: f64,
    within_x: f64,
    within_y: f64,
}

fn expectations(x: &[f64], y: &[f64], dims: usize, needed: usize) -> Result<Expectations, DistanceError> {
    let (n, m) = (rows(0, x, dims, needed)? as f64, rows(1, y, dims, needed)? as f64);
    if dims == 1 {
        return Ok(on_the_line(&sorted(0, x)?, &sorted(1, y)?));
    }
    let distance = |a: &[f64], b: &[f64]| squared_distance(a, b).sqrt();
    let within_x = mean_within(x, dims, distance) * (1.0 - 1.0 / n);
    let within_y = mean_within(y, dims, distance) * (1.0 - 1.0 / m);
    // Below zero by rounding only.
    let distance = (2.0 * mean_across(x, y, dims, distance) - within_x - within_y).max(0.0);
    Ok(Expectations { distance, within_x, within_y })
}

/// E|X - Y| is the integral of F (1 - G) + G (1 - F), so all three are integrals of steps that are not negative.
fn on_the_line(x: &[f64], y: &[f64]) -> Expectations {
    let (n, m) = (x.len() as f64, y.len() as f64);
    let mut of = Expectations { distance: 0.0, within_x: 0.0, within_y: 0.0 };
    let (mut i, mut j) = (0, 0);
    let mut last = x[0].min(y[0]);
    while i < x.len() || j < y.len() {
        let next = x.get(i).copied().unwrap_or(f64::INFINITY).min(y.get(j).copied().unwrap_or(f64::INFINITY));
        // As counts, so that equal ones cancel exactly.
        let gap = (i as f64 * m - j as f64 * n) / (n * m);
        let (f, g) = (i as f64 / n, j as f64 / m);
        of.distance += 2.0 * gap * gap * (next - last);
        of.within_x += 2.0 * f * (1.0 - f) * (next - last);
        of.within_y += 2.0 * g * (1.0 - g) * (next - last);
        last = next;
        i += usize::from(x.get(i) == Some(&next));
        j += usize::from(y.get(j) == Some(&next));
    }
    of
}
