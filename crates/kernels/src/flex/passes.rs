//! Kernels that pass over their values once or twice.

use pulp::Arch;
use rayon::prelude::*;

use super::functions::{sigmoid, softplus};
use super::pool::Buffer;
use crate::AdamRates;

/// Values of a piece.
const SOME: usize = 1 << 13;
/// Pieces that are worth a thread: a pass over less than twice as many stays on its own.
const WORTH: usize = 2;

/// Planes of this area that are worth a thread.
fn planes_worth(area: usize) -> usize {
    (WORTH * SOME).div_ceil(area.max(1))
}

/// A loop with the widest registers that this processor has.
#[inline]
pub fn wide<T>(f: impl FnOnce() -> T) -> T {
    Arch::new().dispatch(f)
}

/// A value for each value.
pub fn map(x: &[f32], f: impl Fn(f32) -> f32 + Sync) -> Buffer {
    let mut y = Buffer::take(x.len());
    let each = |(y, x): (&mut [f32], &[f32])| wide(|| y.iter_mut().zip(x).for_each(|(y, &x)| *y = f(x)));
    y.par_chunks_mut(SOME).zip(x.par_chunks(SOME)).with_min_len(WORTH).for_each(each);
    y
}

/// A value for each pair.
pub fn map2(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> f32 + Sync) -> Buffer {
    let mut y = Buffer::take(a.len());
    let each = |((y, a), b): ((&mut [f32], &[f32]), &[f32])| {
        wide(|| y.iter_mut().zip(a).zip(b).for_each(|((y, &a), &b)| *y = f(a, b)));
    };
    y.par_chunks_mut(SOME).zip(a.par_chunks(SOME)).zip(b.par_chunks(SOME)).with_min_len(WORTH).for_each(each);
    y
}

/// Sums of the planes of `[batch, channels, area]` for each channel, of a value and of its product with another.
///
/// Runs of 16 are summed side by side in `f32`, planes in `f64`.
fn sums(batch: usize, channels: usize, of: impl Fn(usize) -> [f64; 2] + Sync) -> Vec<[f64; 2]> {
    let channel = |c: usize| {
        (0..batch).map(|n| of(n * channels + c)).fold([0.0; 2], |sum, part| [sum[0] + part[0], sum[1] + part[1]])
    };
    (0..channels).into_par_iter().map(channel).collect()
}

/// The sums over all pairs of the two values that `f` makes of each.
fn pair_sums(x: &[f32], y: &[f32], f: impl Fn(f32, f32) -> [f32; 2]) -> [f64; 2] {
    const LANES: usize = 16;
    let ((xs, x_rest), (ys, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    let lanes = wide(|| lane_sums(xs, ys, &f));
    let mut sums = lanes.map(|lanes| lanes.into_iter().map(f64::from).sum::<f64>());
    for (&x, &y) in x_rest.iter().zip(y_rest) {
        let values = f(x, y);
        sums = [0, 1].map(|i| sums[i] + f64::from(values[i]));
    }
    sums
}

/// The sums of each lane; apart, so that it is made part of what has the wide registers.
#[inline(always)]
fn lane_sums<const LANES: usize>(
    xs: &[[f32; LANES]],
    ys: &[[f32; LANES]],
    f: &impl Fn(f32, f32) -> [f32; 2],
) -> [[f32; LANES]; 2] {
    let mut sums = [[0f32; LANES]; 2];
    for (x, y) in xs.iter().zip(ys) {
        for lane in 0..LANES {
            let [a, b] = f(x[lane], y[lane]);
            sums[0][lane] += a;
            sums[1][lane] += b;
        }
    }
    sums
}

/// The sum of each channel of `[batch, channels, area]`.
pub fn channel_sums(x: &[f32], channels: usize, area: usize) -> Vec<f32> {
    let batch = x.len() / (channels * area).max(1);
    let sums = sums(batch, channels, |plane| {
        let x = &x[plane * area..][..area];
        pair_sums(x, x, |x, _| [x, 0.0])
    });
    sums.into_iter().map(|[sum, _]| sum as f32).collect()
}

/// The sum of each column of `[rows, columns]`. Rows of a piece are summed in `f32`, pieces in `f64`.
pub fn column_sums(x: &[f32], columns: usize) -> Vec<f32> {
    const ROWS: usize = 16;
    let piece = |rows: &[f32]| {
        let mut sums = vec![0f32; columns];
        wide(|| {
            for row in rows.chunks_exact(columns) {
                sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += value);
            }
        });
        sums
    };
    let mut sums = vec![0f64; columns];
    for rows in x.chunks(ROWS * columns.max(1)) {
        sums.iter_mut().zip(piece(rows)).for_each(|(sum, part)| *sum += f64::from(part));
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// The sum of all squares: pieces in `f32`, their sums in `f64`.
pub fn sum_of_squares(x: &[f32]) -> f32 {
    let pieces = x.par_chunks(SOME).with_min_len(WORTH).map(|x| pair_sums(x, x, |x, _| [x * x, 0.0])[0]);
    // In the order of the pieces.
    pieces.collect::<Vec<f64>>().into_iter().sum::<f64>() as f32
}

/// For each row of `[rows, columns]` the sum over its values of x l - ln(1 + e^l), with l the logits.
pub fn bernoulli(x: &[f32], logits: &[f32], columns: usize) -> Vec<f32> {
    let rows = x.par_chunks(columns).zip(logits.par_chunks(columns)).with_min_len(planes_worth(columns));
    rows.map(|(x, logits)| pair_sums(x, logits, |x, l| [x * l - softplus(l), 0.0])[0] as f32).collect()
}

/// The gradients of [`bernoulli`] for the logits, given those of the rows.
pub fn bernoulli_logits(x: &[f32], logits: &[f32], columns: usize, dy: &[f32]) -> Buffer {
    let mut out = Buffer::take(x.len());
    let rows = out.par_chunks_mut(columns).zip(x.par_chunks(columns)).zip(logits.par_chunks(columns)).zip(dy);
    rows.with_min_len(planes_worth(columns)).for_each(|(((out, x), logits), &dy)| {
        wide(|| {
            for ((out, &x), &l) in out.iter_mut().zip(x).zip(logits) {
                *out = dy * (x - sigmoid(l));
            }
        });
    });
    out
}

/// Mean and biased variance of each channel of `[batch, channels, area]`.
pub fn moments(x: &[f32], channels: usize, area: usize) -> [Vec<f32>; 2] {
    let batch = x.len() / (channels * area).max(1);
    let count = (batch * area) as f64;
    // Less a value near its mean, so that the variance is no small difference of large sums.
    // The mean of its first plane, since a single value may lie far out.
    let pivots: Vec<f32> = match batch {
        0 => vec![0.0; channels],
        _ => x[..channels * area]
            .chunks_exact(area.max(1))
            .map(|x| pair_sums(x, x, |x, _| [x, 0.0])[0] / area as f64)
            .map(|mean| mean as f32)
            .collect(),
    };
    let pivot = |plane: usize| pivots[plane % channels];
    let sums = sums(batch, channels, |plane| {
        let (x, pivot) = (&x[plane * area..][..area], pivot(plane));
        pair_sums(x, x, |x, _| {
            let d = x - pivot;
            [d, d * d]
        })
    });
    let mean = sums.iter().enumerate().map(|(c, sum)| (f64::from(pivot(c)) + sum[0] / count) as f32).collect();
    let variance = sums.iter().map(|sum| (sum[1] / count - (sum[0] / count).powi(2)).max(0.0) as f32).collect();
    [mean, variance]
}

/// a x + b with a and b of each channel of `[batch, channels, area]`.
pub fn channel_affine(x: &[f32], area: usize, scale: &[f32], offset: &[f32]) -> Buffer {
    let channels = scale.len();
    let mut y = Buffer::take(x.len());
    let each = |(plane, (y, x)): (usize, (&mut [f32], &[f32]))| {
        let (scale, offset) = (scale[plane % channels], offset[plane % channels]);
        wide(|| y.iter_mut().zip(x).for_each(|(y, &x)| *y = scale * x + offset));
    };
    let planes = y.par_chunks_mut(area).zip(x.par_chunks(area)).enumerate();
    planes.with_min_len(planes_worth(area)).for_each(each);
    y
}

/// The largest value of each square of planes of these sides; one that is no number is the largest.
pub fn largest(x: &[f32], [height, width]: [usize; 2], size: usize) -> Buffer {
    let (area, columns) = (height * width, width / size);
    let squares = height / size * columns;
    let mut y = Buffer::take(x.len() / area * squares);
    let planes = y.par_chunks_mut(squares).zip(x.par_chunks(area));
    planes.with_min_len(planes_worth(area)).for_each(|(y, x)| {
        wide(|| {
            y.fill(f32::NEG_INFINITY);
            for (y, rows) in y.chunks_exact_mut(columns).zip(x.chunks_exact(size * width)) {
                for row in rows.chunks_exact(width) {
                    for (y, values) in y.iter_mut().zip(row.chunks_exact(size)) {
                        for &value in values {
                            *y = if value > *y || value.is_nan() { value } else { *y };
                        }
                    }
                }
            }
        });
    });
    y
}

/// The gradient for what [`largest`] was given: that of each square goes to the first of its largest values.
pub fn to_largest(x: &[f32], [height, width]: [usize; 2], size: usize, y: &[f32], dy: &[f32]) -> Buffer {
    let (area, columns) = (height * width, width / size);
    let squares = height / size * columns;
    let mut dx = Buffer::take(x.len());
    let planes = dx.par_chunks_mut(area).zip(x.par_chunks(area)).zip(y.par_chunks(squares).zip(dy.par_chunks(squares)));
    planes.with_min_len(planes_worth(area)).for_each(|((dx, x), (y, dy))| {
        dx.fill(0.0);
        let mut left = vec![0.0; columns];
        let rows = dx.chunks_exact_mut(size * width).zip(x.chunks_exact(size * width));
        for ((dx, x), (y, dy)) in rows.zip(y.chunks_exact(columns).zip(dy.chunks_exact(columns))) {
            left.copy_from_slice(dy);
            for (dx, x) in dx.chunks_exact_mut(width).zip(x.chunks_exact(width)) {
                let squares = dx.chunks_exact_mut(size).zip(x.chunks_exact(size));
                for (((dx, x), y), left) in squares.zip(y).zip(&mut left) {
                    for (dx, x) in dx.iter_mut().zip(x) {
                        *dx = if x == y { std::mem::take(left) } else { 0.0 };
                    }
                }
            }
        }
    });
    dx
}

/// What [`batch_norm_gradients`] gives.
pub struct BatchNormGradients {
    /// For the input.
    pub x: Buffer,
    /// For the gains.
    pub gamma: Vec<f32>,
    /// For the offsets.
    pub beta: Vec<f32>,
}

/// The gradients of a batch norm in training (Ioffe and Szegedy 2015, section 3).
pub fn batch_norm_gradients(
    x: &[f32],
    dy: &[f32],
    area: usize,
    [mean, variance, gamma]: [&[f32]; 3],
    epsilon: f64,
) -> BatchNormGradients {
    let channels = mean.len();
    let batch = x.len() / (channels * area).max(1);
    let count = (batch * area) as f64;
    let sums = sums(batch, channels, |plane| {
        let (x, dy, mean) = (&x[plane * area..][..area], &dy[plane * area..][..area], mean[plane % channels]);
        pair_sums(x, dy, |x, dy| [dy, dy * (x - mean)])
    });
    let inverse: Vec<f64> = variance.iter().map(|&v| 1.0 / (f64::from(v) + epsilon).sqrt()).collect();
    // dx = gamma / sd (dy - mean(dy) - (x - mean) / sd^2 mean(dy (x - mean)))
    let terms: Vec<[f32; 3]> = (0..channels)
        .map(|c| {
            let scale = f64::from(gamma[c]) * inverse[c];
            let slope = -scale * inverse[c].powi(2) * sums[c][1] / count;
            let offset = -scale * sums[c][0] / count - slope * f64::from(mean[c]);
            [scale as f32, slope as f32, offset as f32]
        })
        .collect();
    let mut dx = Buffer::take(x.len());
    let planes = dx.par_chunks_mut(area).zip(dy.par_chunks(area)).zip(x.par_chunks(area)).enumerate();
    planes.with_min_len(planes_worth(area)).for_each(|(plane, ((dx, dy), x))| {
        let [scale, slope, offset] = terms[plane % channels];
        wide(|| {
            for ((dx, &dy), &x) in dx.iter_mut().zip(dy).zip(x) {
                *dx = scale * dy + (slope * x + offset);
            }
        });
    });
    BatchNormGradients {
        x: dx,
        gamma: (0..channels).map(|c| (sums[c][1] * inverse[c]) as f32).collect(),
        beta: sums.iter().map(|sum| sum[0] as f32).collect(),
    }
}

/// An update of Adam (Kingma and Ba 2015, algorithm 1) with its corrections in `size` and `root`: the moments and the values
/// after it.
pub fn adam(values: &[f32], gradient: &[f32], moments: [&[f32]; 2], rates: &AdamRates) -> [Buffer; 3] {
    // In double precision 1 - beta2 is what the corrections take it for; in single it is 5e-5 off.
    let [beta1, rest1, beta2, rest2] =
        [rates.beta1, 1.0 - rates.beta1, rates.beta2, 1.0 - rates.beta2].map(|x| x as f32);
    let [size, root, epsilon] = [rates.size, rates.root, rates.epsilon].map(|x| x as f32);
    let n = values.len();
    let [mut m, mut v, mut w] = [(); 3].map(|()| Buffer::take(n));
    let pieces = m.par_chunks_mut(SOME).zip(v.par_chunks_mut(SOME)).zip(w.par_chunks_mut(SOME)).enumerate();
    pieces.with_min_len(WORTH).for_each(|(i, ((m, v), w))| {
        let from = i * SOME;
        let [g, m0, v0, w0] = [gradient, moments[0], moments[1], values].map(|all| &all[from..from + m.len()]);
        wide(|| {
            for i in 0..m.len().min(v.len()).min(w.len()).min(g.len()) {
                m[i] = m0[i] * beta1 + g[i] * rest1;
                v[i] = v0[i] * beta2 + g[i] * g[i] * rest2;
                w[i] = w0[i] + m[i] * size / (v[i].sqrt() * root + epsilon);
            }
        });
    });
    [w, m, v]
}
