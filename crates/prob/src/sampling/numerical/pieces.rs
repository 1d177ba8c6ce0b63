//! Polynomials that approximate the inverse between two places.

use crate::sampling::SamplingError;

/// Degree of the polynomials.
const ORDER: usize = 5;

/// Most intervals: a smooth density needs a few hundred.
const INTERVALS: usize = 100_000;

/// x = sum of c_k t^k with t = (u - start) * scale: one cache line.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// Where the piece starts, in u.
    pub start: f64,
    /// One by the piece's width in u.
    pub scale: f64,
    c: [f64; ORDER + 1],
}

impl Piece {
    /// x at u.
    #[inline]
    pub fn at(&self, u: f64) -> f64 {
        let t = (u - self.start) * self.scale;
        let c = &self.c;
        c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))))
    }
}

/// The pieces between `ends`, and the mass that they hold together.
pub fn pieces(
    rough: &impl Fn(f64, f64) -> Result<f64, SamplingError>,
    ends: (f64, f64),
    tolerance: f64,
    points: &[f64],
) -> Result<(Vec<Piece>, f64), SamplingError> {
    // Chebyshev nodes stretched to include both ends (Derflinger, Hoermann and Leydold 2010, eq. 10).
    let angle = std::f64::consts::PI / (2.0 * (ORDER + 1) as f64);
    let node = |i: usize| (i as f64 * angle).sin() * ((i + 1) as f64 * angle).sin() / angle.cos();
    let nodes: [f64; ORDER + 1] = std::array::from_fn(|i| if i == ORDER { 1.0 } else { node(i) });
    let (mut pieces, mut u, mut a) = (Vec::new(), 0.0, ends.0);
    let mut step = (ends.1 - ends.0) / 128.0;
    let mut stops = points.iter().copied().filter(|&x| ends.0 < x && x < ends.1).chain([ends.1]).peekable();
    while let Some(&stop) = stops.peek() {
        if a >= stop {
            stops.next();
            continue;
        }
        if pieces.len() > INTERVALS {
            return Err(SamplingError::Stuck { x: a });
        }
        // No sliver is left over before a stop.
        let b = if a + 1.1 * step >= stop { stop } else { a + step };
        if b <= a {
            return Err(SamplingError::Stuck { x: a });
        }
        let width = b - a;
        let x: [f64; ORDER + 1] = std::array::from_fn(|i| if i == ORDER { b } else { a + width * nodes[i] });
        let mut v = [0.0; ORDER + 1];
        for i in 0..ORDER {
            v[i + 1] = v[i] + if x[i + 1] > x[i] { rough(x[i], x[i + 1])? } else { 0.0 };
        }
        let mass = v[ORDER];
        let scaled: [f64; ORDER + 1] = std::array::from_fn(|i| v[i] / mass);
        let distinct = mass > 0.0 && scaled.windows(2).all(|pair| pair[1] - pair[0] > 1e-9);
        let error = if distinct {
            let piece = Piece { start: u, scale: 1.0 / mass, c: interpolate(&scaled, &x) };
            let error = piece_error(rough, &piece, &scaled, &x, mass)?;
            if error <= tolerance {
                pieces.push(piece);
            }
            error
        } else {
            f64::INFINITY
        };
        if error > tolerance {
            // What holds less mass than the tolerance cannot be off by more: a straight line will do.
            if mass > tolerance {
                step = 0.5 * width.min(step);
                if a + step <= a {
                    return Err(SamplingError::Stuck { x: a });
                }
                continue;
            }
            if mass > 0.0 {
                pieces.push(Piece { start: u, scale: 1.0 / mass, c: [a, width, 0.0, 0.0, 0.0, 0.0] });
            }
        }
        u += mass;
        a = b;
        step = if error < 0.01 * tolerance || mass <= tolerance { 2.0 * width } else { 1.2 * width };
    }
    if pieces.is_empty() { Err(SamplingError::NoMass { low: ends.0, high: ends.1 }) } else { Ok((pieces, u)) }
}

/// The largest u-error of a piece half-way between its nodes; infinite if x leaves the nodes it lies between.
fn piece_error(
    rough: &impl Fn(f64, f64) -> Result<f64, SamplingError>,
    piece: &Piece,
    scaled: &[f64; ORDER + 1],
    x: &[f64; ORDER + 1],
    mass: f64,
) -> Result<f64, SamplingError> {
    let mut largest: f64 = 0.0;
    for i in 0..ORDER {
        let t = 0.5 * (scaled[i] + scaled[i + 1]);
        let place = piece.at(piece.start + t * mass);
        if !(x[i] <= place && place <= x[i + 1]) {
            return Ok(f64::INFINITY);
        }
        largest = largest.max((rough(x[i], place)? - (t - scaled[i]) * mass).abs());
    }
    Ok(largest)
}

/// The coefficients of the polynomial through (t, x): Newton's divided differences, then multiplied out.
fn interpolate(t: &[f64; ORDER + 1], x: &[f64; ORDER + 1]) -> [f64; ORDER + 1] {
    // Differences are taken from x[0], so that a large offset costs no digits.
    let mut d: [f64; ORDER + 1] = std::array::from_fn(|i| x[i] - x[0]);
    for level in 1..=ORDER {
        for i in (level..=ORDER).rev() {
            d[i] = (d[i] - d[i - 1]) / (t[i] - t[i - level]);
        }
    }
    let mut c = [0.0; ORDER + 1];
    for k in (0..=ORDER).rev() {
        // c <- c * (t - t[k]) + d[k]
        for i in (1..=ORDER).rev() {
            c[i] = c[i - 1] - t[k] * c[i];
        }
        c[0] = d[k] - t[k] * c[0];
    }
    c[0] += x[0];
    c
}
