//! Where a density has its mass.

use crate::sampling::quadrature::integrate;
use crate::sampling::{SamplingError, checked};

/// Segments (a, b, mass) that cover where the density has mass: doubling in width away from the peak and the points.
pub fn segments(
    pdf: &impl Fn(f64) -> f64,
    low: f64,
    high: f64,
    points: &[f64],
) -> Result<Vec<(f64, f64, f64)>, SamplingError> {
    let (peak, width) = peak(pdf, low, high, points)?;
    let scale = pdf(peak) * width;
    let (first, last) = (points.first().copied().unwrap_or(peak), points.last().copied().unwrap_or(peak));
    let mut edges = vec![peak];
    edges.extend(points);
    // Inside of a finite support no place is left to chance: 128 equal parts.
    if low.is_finite() && high.is_finite() {
        edges.extend((1..128).map(|i| low + (high - low) * f64::from(i) / 128.0));
    }
    for sign in [-1.0, 1.0] {
        let end = if sign < 0.0 { low } else { high };
        let reach = if end.is_finite() { (end - peak).abs() } else { (first - peak).abs().max((last - peak).abs()) };
        let steps = (0..1100).map(|k| width * (2f64.powi(k) - 1.0)).take_while(|step| *step < reach);
        edges.extend(steps.map(|step| peak + sign * step));
        if end.is_finite() {
            edges.push(end);
        }
    }
    edges.retain(|&x| low <= x && x <= high && x.is_finite());
    edges.sort_unstable_by(f64::total_cmp);
    edges.dedup();
    let mut segments = Vec::with_capacity(edges.len() + 100);
    for pair in edges.windows(2) {
        segments.push((pair[0], pair[1], integrate(pdf, pair[0], pair[1], 1e-16 * scale)?));
    }
    for sign in [-1.0, 1.0] {
        let end = if sign < 0.0 { low } else { high };
        if end.is_finite() {
            continue;
        }
        let mut total: f64 = segments.iter().map(|s: &(f64, f64, f64)| s.2).sum();
        let origin = if sign < 0.0 { edges[0] } else { edges[edges.len() - 1] };
        let (mut near, mut idle, mut beyond) = (origin, 0, Vec::new());
        for k in 0.. {
            let far = origin + sign * width * (2f64.powi(k + 1) - 1.0);
            if !far.is_finite() || k > 1000 {
                return Err(SamplingError::Diverges { x: near });
            }
            if far == near {
                continue;
            }
            let part = integrate(pdf, near.min(far), near.max(far), 1e-16 * scale.max(total))?;
            total += part;
            idle = if part <= 1e-18 * total { idle + 1 } else { 0 };
            beyond.push((near.min(far), near.max(far), part));
            near = far;
            if idle >= 3 && k >= 20 {
                break;
            }
        }
        if sign < 0.0 {
            beyond.reverse();
            beyond.append(&mut segments);
            segments = beyond;
        } else {
            segments.append(&mut beyond);
        }
    }
    Ok(segments)
}

/// A place of high density, and the distance over which it falls to about half.
fn peak(pdf: &impl Fn(f64) -> f64, low: f64, high: f64, points: &[f64]) -> Result<(f64, f64), SamplingError> {
    let powers = || (-30..=60).map(|k| 2f64.powi(k));
    let mut grid: Vec<f64> = points.to_vec();
    match (low.is_finite(), high.is_finite()) {
        (true, true) => {
            grid.extend((0..1024).map(|i| low + (high - low) * (f64::from(i) + 0.5) / 1024.0));
            let near = (-60..-10).map(|k| (high - low) * 2f64.powi(k));
            grid.extend(near.flat_map(|step| [low + step, high - step]));
        }
        (true, false) => grid.extend(powers().map(|step| low + step)),
        (false, true) => grid.extend(powers().map(|step| high - step)),
        (false, false) => {
            grid.push(0.0);
            grid.extend(powers().flat_map(|step| [step, -step, 1.5 * step, -1.5 * step]));
        }
    }
    grid.retain(|&x| low < x && x < high);
    grid.sort_unstable_by(f64::total_cmp);
    grid.dedup();
    let at = |x: f64| checked(x, pdf(x));
    let (mut best, mut highest) = (0, 0.0);
    for (i, &x) in grid.iter().enumerate() {
        let value = at(x)?;
        if value > highest {
            (best, highest) = (i, value);
        }
    }
    if highest == 0.0 {
        return Err(SamplingError::NoMass { low, high });
    }
    let x = grid[best];
    let left = if best > 0 { grid[best - 1] } else { low.max(x - x.abs().max(1.0)) };
    let right = if best + 1 < grid.len() { grid[best + 1] } else { high.min(x + x.abs().max(1.0)) };
    let (mut a, mut b) = (left, right);
    for _ in 0..60 {
        let (p, q) = (a + (b - a) / 3.0, b - (b - a) / 3.0);
        if at(p)? < at(q)? { a = p } else { b = q }
    }
    let refined = 0.5 * (a + b);
    let centre = if at(refined)? > highest { refined } else { x };
    let half = 0.5 * at(centre)?;
    let inside = |step: f64| -> Result<bool, SamplingError> {
        let up = centre + step < high && at(centre + step)? > half;
        Ok(up || centre - step > low && at(centre - step)? > half)
    };
    let mut width = 0.5 * (right - left);
    for _ in 0..200 {
        if inside(width)? {
            break;
        }
        width *= 0.5;
    }
    for _ in 0..200 {
        if !inside(2.0 * width)? {
            break;
        }
        width *= 2.0;
    }
    Ok((centre, width.max(centre.abs() * 1e-12).max(f64::MIN_POSITIVE)))
}

/// Where the mass from the first segment's outer end reaches `tail`, and that mass. Segments are (outer, inner, mass).
pub fn cut(
    pdf: &impl Fn(f64) -> f64,
    segments: impl Iterator<Item = (f64, f64, f64)>,
    tail: f64,
    absolute: f64,
) -> Result<(f64, f64), SamplingError> {
    let mut beyond = 0.0;
    let mut end = f64::NAN;
    for (outer, inner, mass) in segments {
        end = inner;
        if beyond + mass <= tail {
            beyond += mass;
            continue;
        }
        let (mut a, mut b, mut lost) = (outer, inner, beyond);
        for _ in 0..60 {
            let middle = 0.5 * (a + b);
            if middle == a || middle == b {
                break;
            }
            let part = integrate(pdf, a.min(middle), a.max(middle), 1e-3 * absolute)?;
            if lost + part <= tail { (a, lost) = (middle, lost + part) } else { b = middle }
        }
        return Ok((a, lost));
    }
    Ok((end, beyond))
}
