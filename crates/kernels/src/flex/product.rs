//! Products of matrices that are shared among threads.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::pool::Buffer;

/// Multiplications from which on a product is halved.
const MANY: usize = 1 << 20;
/// How often it is halved at most.
const HALVINGS: usize = 3;

/// a b, row by row, plus a bias for each column.
pub fn product(a: MatRef<f32>, b: MatRef<f32>, bias: Option<&[f32]>) -> Buffer {
    let (rows, columns) = (a.nrows(), b.ncols());
    let mut out = Buffer::take(rows * columns);
    into(MatMut::from_row_major_slice_mut(&mut out, rows, columns), a, b, bias, HALVINGS);
    out
}

/// Large products are halved by their sizes alone, so that a result does not depend on the number of threads.
fn into(mut out: MatMut<f32>, a: MatRef<f32>, b: MatRef<f32>, bias: Option<&[f32]>, halvings: usize) {
    let (rows, columns) = (a.nrows(), b.ncols());
    if halvings == 0 || rows * columns * a.ncols() < MANY || rows.max(columns) < 64 {
        if let Some(bias) = bias {
            for row in out.as_mut().row_iter_mut() {
                let row = row.try_as_row_major_mut().expect("rows of a matrix that lies row by row");
                row.as_slice_mut().copy_from_slice(bias);
            }
        }
        let accum = if bias.is_some() { Accum::Add } else { Accum::Replace };
        matmul(out, accum, a, b, 1.0, Par::Seq);
    } else if rows >= columns {
        let halvings = halvings - 1;
        let half = rows / 2;
        let ((above, below), (a_above, a_below)) = (out.split_at_row_mut(half), a.split_at_row(half));
        rayon::join(|| into(above, a_above, b, bias, halvings), || into(below, a_below, b, bias, halvings));
    } else {
        let halvings = halvings - 1;
        let half = columns / 2;
        let ((left, right), (b_left, b_right)) = (out.split_at_col_mut(half), b.split_at_col(half));
        let (bias_left, bias_right) = bias.map(|bias| bias.split_at(half)).unzip();
        rayon::join(|| into(left, a, b_left, bias_left, halvings), || into(right, a, b_right, bias_right, halvings));
    }
}
