//! Products of matrices that are shared among threads.

use super::pool::Buffer;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Multiplications from which on a product is halved.
const MANY: usize = 1 << 21;

/// a b, `[rows, columns]` row by row.
pub fn product(a: MatRef<f32>, b: MatRef<f32>) -> Buffer {
    let (rows, columns) = (a.nrows(), b.ncols());
    let mut out = Buffer::take(rows * columns);
    into(MatMut::from_row_major_slice_mut(&mut out, rows, columns), a, b);
    out
}

/// Large products are halved by their sizes alone, so that a result does not depend on the number of threads.
fn into(out: MatMut<f32>, a: MatRef<f32>, b: MatRef<f32>) {
    let (rows, columns) = (a.nrows(), b.ncols());
    if rows * columns * a.ncols() < MANY || rows.max(columns) < 64 {
        matmul(out, Accum::Replace, a, b, 1.0, Par::Seq);
    } else if rows >= columns {
        let half = rows / 2;
        let ((above, below), (a_above, a_below)) = (out.split_at_row_mut(half), a.split_at_row(half));
        rayon::join(|| into(above, a_above, b), || into(below, a_below, b));
    } else {
        let half = columns / 2;
        let ((left, right), (b_left, b_right)) = (out.split_at_col_mut(half), b.split_at_col(half));
        rayon::join(|| into(left, a, b_left), || into(right, a, b_right));
    }
}
