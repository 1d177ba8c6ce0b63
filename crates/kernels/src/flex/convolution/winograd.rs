//! Fewer products for small kernels (Winograd 1980; Lavin and Gray 2016, section 4).
//!
//! Two neighbouring outputs of a kernel of r values take r + 1 products in place of 2 r, of sums of the inputs with sums of the
//! kernel; in two dimensions that is done along both, so that tiles of 2x2 outputs take (r + 1)^2 products in place of 4 r^2. With
//! a stride of 2 the even and the odd rows and columns of an image are images of their own, each with its own part of the
//! kernel: a kernel of 4x4 is four of 2x2 without a stride. The sums are of at most three values in each direction, with weights
//! of 1 and 1/2, so that little precision is lost.

use std::marker::PhantomData;

use faer::{MatMut, MatRef};
use rayon::prelude::*;

use super::pixels::Frame;
use super::{Plan, Sizes, room};
use crate::flex::passes::wide;
use crate::flex::pool::Buffer;

/// Channels that are computed together.
const LANES: usize = 8;

/// Values of the weight that are worth a thread.
const MOVED: usize = 1 << 15;

/// Values of as many channels.
type Lanes = [f32; LANES];

/// Whether fewer products are worth their sums.
pub fn pays(sizes: &Sizes) -> bool {
    let (wide, narrow) = (sizes.wide[0], sizes.narrow[0]);
    wide.is_multiple_of(LANES) && narrow.is_multiple_of(LANES) && wide * narrow >= 1024 && sizes.area() >= 4
}

// Loops in place of the iterators of arrays, which are not always made part of their caller: all of this is to stay in registers.

#[inline(always)]
fn load(values: &[f32], at: usize) -> Lanes {
    *values[at..].first_chunk().expect("channels by eights")
}

#[inline(always)]
fn store(values: &mut [f32], at: usize, lanes: Lanes) {
    *values[at..].first_chunk_mut().expect("channels by eights") = lanes;
}

#[inline(always)]
fn add(mut a: Lanes, b: Lanes) -> Lanes {
    for i in 0..LANES {
        a[i] += b[i];
    }
    a
}

#[inline(always)]
fn sub(mut a: Lanes, b: Lanes) -> Lanes {
    for i in 0..LANES {
        a[i] -= b[i];
    }
    a
}

#[inline(always)]
fn half(mut a: Lanes) -> Lanes {
    for a in &mut a {
        *a *= 0.5;
    }
    a
}

/// A map of columns, then of rows; what comes out is transposed.
#[inline(always)]
fn both<const I: usize, const O: usize>(d: [[Lanes; I]; I], f: impl Fn([Lanes; I]) -> [Lanes; O]) -> [[Lanes; O]; O] {
    let mut turned = [[[0.0; LANES]; I]; O];
    for i in 0..I {
        let row = f(d[i]);
        for o in 0..O {
            turned[o][i] = row[o];
        }
    }
    let mut out = [[[0.0; LANES]; O]; O];
    for o in 0..O {
        out[o] = f(turned[o]);
    }
    out
}

/// A scheme in one dimension: two outputs of a kernel of `TAPS` values from `IN` inputs by as many products. With linear maps
/// B, G and A, y = A (B d . G g).
pub trait Scheme<const TAPS: usize, const IN: usize>: Send + Sync + 'static {
    /// Steps between outputs.
    const STRIDE: usize;

    fn input(d: [Lanes; IN]) -> [Lanes; IN];
    fn input_adjoint(v: [Lanes; IN]) -> [Lanes; IN];
    fn kernel(g: [Lanes; TAPS]) -> [Lanes; IN];
    fn kernel_adjoint(u: [Lanes; IN]) -> [Lanes; TAPS];
    fn output(m: [Lanes; IN]) -> [Lanes; 2];
    fn output_adjoint(y: [Lanes; 2]) -> [Lanes; IN];
}

/// 4 values with a stride of 2, as twice 2 values: F(2, 2).
pub struct OfFour;

impl Scheme<2, 3> for OfFour {
    const STRIDE: usize = 2;

    #[inline(always)]
    fn input([a, b, c]: [Lanes; 3]) -> [Lanes; 3] {
        [sub(a, b), b, sub(c, b)]
    }

    #[inline(always)]
    fn input_adjoint([a, b, c]: [Lanes; 3]) -> [Lanes; 3] {
        [a, sub(sub(b, a), c), c]
    }

    #[inline(always)]
    fn kernel([a, b]: [Lanes; 2]) -> [Lanes; 3] {
        [a, add(a, b), b]
    }

    #[inline(always)]
    fn kernel_adjoint([a, b, c]: [Lanes; 3]) -> [Lanes; 2] {
        [add(a, b), add(b, c)]
    }

    #[inline(always)]
    fn output(m: [Lanes; 3]) -> [Lanes; 2] {
        Self::kernel_adjoint(m)
    }

    #[inline(always)]
    fn output_adjoint(y: [Lanes; 2]) -> [Lanes; 3] {
        Self::kernel(y)
    }
}

/// 3 values: F(2, 3).
pub struct OfThree;

impl Scheme<3, 4> for OfThree {
    const STRIDE: usize = 1;

    #[inline(always)]
    fn input([a, b, c, d]: [Lanes; 4]) -> [Lanes; 4] {
        [sub(a, c), add(b, c), sub(c, b), sub(b, d)]
    }

    #[inline(always)]
    fn input_adjoint([a, b, c, d]: [Lanes; 4]) -> [Lanes; 4] {
        [a, add(sub(b, c), d), sub(add(b, c), a), sub([0.0; LANES], d)]
    }

    #[inline(always)]
    fn kernel([a, b, c]: [Lanes; 3]) -> [Lanes; 4] {
        let ends = add(a, c);
        [a, half(add(ends, b)), half(sub(ends, b)), c]
    }

    #[inline(always)]
    fn kernel_adjoint([a, b, c, d]: [Lanes; 4]) -> [Lanes; 3] {
        let middle = half(add(b, c));
        [add(a, middle), half(sub(b, c)), add(d, middle)]
    }

    #[inline(always)]
    fn output([a, b, c, d]: [Lanes; 4]) -> [Lanes; 2] {
        [add(add(a, b), c), sub(sub(b, c), d)]
    }

    #[inline(always)]
    fn output_adjoint([a, b]: [Lanes; 2]) -> [Lanes; 4] {
        [a, add(a, b), sub(a, b), sub([0.0; LANES], b)]
    }
}

/// X has a row for each tile of 2x2 outputs, with the channels of each phase for each product; Y has one with the channels for
/// each product.
pub struct Winograd<S, const TAPS: usize, const IN: usize> {
    sizes: Sizes,
    /// Rows and columns of tiles.
    tiles: [usize; 2],
    scheme: PhantomData<S>,
}

impl<S: Scheme<TAPS, IN>, const TAPS: usize, const IN: usize> Winograd<S, TAPS, IN> {
    const PRODUCTS: usize = IN * IN;
    const PHASES: usize = S::STRIDE * S::STRIDE;
    /// The kernel's side.
    const SIDE: usize = S::STRIDE * TAPS;

    pub fn new(sizes: Sizes) -> Self {
        let tiles = [1, 2].map(|i| sizes.narrow[i].div_ceil(2));
        Self { sizes, tiles, scheme: PhantomData }
    }

    /// The image with zeros around it, as far as tiles reach, and its values in all.
    fn inputs(&self) -> (Frame, usize) {
        let Sizes { wide, padding, .. } = self.sizes;
        let [height, width] = [0, 1].map(|i| {
            let reached = S::STRIDE * (2 * self.tiles[i] + TAPS - 1);
            reached.max(wide[i + 1] + 2 * padding)
        });
        (Frame { shape: wide, columns: width, offset: padding }, height * width * wide[0])
    }

    /// What comes out, up to whole tiles, and its values in all.
    fn outputs(&self) -> (Frame, usize) {
        let [height, width] = self.tiles.map(|tiles| 2 * tiles);
        (Frame { shape: self.sizes.narrow, columns: width, offset: 0 }, height * width * self.sizes.narrow[0])
    }

    /// Calls `f` for all inputs of each tile, phase and eight channels: with where they are among the image's pixels, and where
    /// what is made of them stands in X.
    #[inline(always)]
    fn each_input(&self, columns: usize, mut f: impl FnMut([[usize; IN]; IN], [[usize; IN]; IN])) {
        let (channels, depth) = (self.sizes.wide[0], self.depth());
        for tile in 0..self.rows() {
            let corner = [tile / self.tiles[1], tile % self.tiles[1]].map(|place| 2 * S::STRIDE * place);
            for phase in 0..Self::PHASES {
                let [down, right] = [corner[0] + phase / S::STRIDE, corner[1] + phase % S::STRIDE];
                for c in (0..channels).step_by(LANES) {
                    let from = grid(|i, j| ((down + S::STRIDE * i) * columns + right + S::STRIDE * j) * channels + c);
                    let first = tile * Self::PRODUCTS * depth + phase * channels + c;
                    f(from, grid(|i, j| first + (i * IN + j) * depth));
                }
            }
        }
    }

    /// The same for the outputs of each tile and eight channels: where they are among the pixels, and where what they are made of
    /// stands in Y.
    #[inline(always)]
    fn each_output(&self, columns: usize, mut f: impl FnMut([[usize; 2]; 2], [[usize; IN]; IN])) {
        let channels = self.sizes.narrow[0];
        for tile in 0..self.rows() {
            let [down, right] = [tile / self.tiles[1], tile % self.tiles[1]].map(|place| 2 * place);
            for c in (0..channels).step_by(LANES) {
                let first = tile * Self::PRODUCTS * channels + c;
                f(
                    grid(|i, j| ((down + i) * columns + right + j) * channels + c),
                    grid(|i, j| first + (i * IN + j) * channels),
                );
            }
        }
    }

    /// The same for the kernel of one narrow channel: where each phase's values of eight channels are among the kernel's, with
    /// their channels last, and where what is made of them stands in its row of W.
    #[inline(always)]
    fn each_kernel(&self, mut f: impl FnMut([[usize; TAPS]; TAPS], [[usize; IN]; IN])) {
        let (channels, depth) = (self.sizes.wide[0], self.depth());
        for phase in 0..Self::PHASES {
            let [down, right] = [phase / S::STRIDE, phase % S::STRIDE];
            for c in (0..channels).step_by(LANES) {
                f(
                    grid(|i, j| ((down + S::STRIDE * i) * Self::SIDE + right + S::STRIDE * j) * channels + c),
                    grid(|i, j| phase * channels + c + (i * IN + j) * depth),
                );
            }
        }
    }

    /// A kernel as pixels.
    fn kernel(&self) -> Frame {
        Frame { shape: [self.sizes.wide[0], Self::SIDE, Self::SIDE], columns: Self::SIDE, offset: 0 }
    }

    #[inline(always)]
    fn take_inputs(&self, x: &[f32], image: &mut [f32], rows: &mut [f32]) {
        let (frame, _) = self.inputs();
        image.fill(0.0);
        frame.write(x, image);
        self.each_input(frame.columns, |from, to| stores(rows, to, both(loads(image, from), S::input)));
    }

    #[inline(always)]
    fn put_inputs(&self, rows: &[f32], image: &mut [f32], bias: Option<&[f32]>, x: &mut [f32]) {
        let (frame, _) = self.inputs();
        image.fill(0.0);
        self.each_input(frame.columns, |to, from| {
            let (mut sums, more) = (loads(image, to), both(loads(rows, from), S::input_adjoint));
            for i in 0..IN {
                for j in 0..IN {
                    sums[i][j] = add(sums[i][j], more[i][j]);
                }
            }
            stores(image, to, sums);
        });
        frame.read(image, bias, x);
    }

    #[inline(always)]
    fn put_outputs(&self, rows: &[f32], image: &mut [f32], bias: Option<&[f32]>, y: &mut [f32]) {
        let (frame, _) = self.outputs();
        self.each_output(frame.columns, |to, from| stores(image, to, both(loads(rows, from), S::output)));
        frame.read(image, bias, y);
    }

    #[inline(always)]
    fn take_outputs(&self, y: &[f32], image: &mut [f32], rows: &mut [f32]) {
        let (frame, _) = self.outputs();
        image.fill(0.0);
        frame.write(y, image);
        self.each_output(frame.columns, |from, to| stores(rows, to, both(loads(image, from), S::output_adjoint)));
    }

    #[inline(always)]
    fn take_kernel(&self, kernel: &[f32], row: &mut [f32]) {
        let mut pixels = vec![0.0; kernel.len()];
        self.kernel().write(kernel, &mut pixels);
        self.each_kernel(|from, to| stores(row, to, both(loads(&pixels, from), S::kernel)));
    }

    #[inline(always)]
    fn put_kernel(&self, row: &[f32], kernel: &mut [f32]) {
        let mut pixels = vec![0.0; kernel.len()];
        self.each_kernel(|to, from| stores(&mut pixels, to, both(loads(row, from), S::kernel_adjoint)));
        self.kernel().read(&pixels, None, kernel);
    }

    /// Columns of W.
    fn columns(&self) -> usize {
        Self::PRODUCTS * self.depth()
    }

    /// Values of Y for an image.
    fn planes_len(&self) -> usize {
        self.rows() * Self::PRODUCTS * self.sizes.narrow[0]
    }
}

impl<S: Scheme<TAPS, IN>, const TAPS: usize, const IN: usize> Plan for Winograd<S, TAPS, IN> {
    fn products(&self) -> usize {
        Self::PRODUCTS
    }

    fn rows(&self) -> usize {
        self.tiles[0] * self.tiles[1]
    }

    fn depth(&self) -> usize {
        Self::PHASES * self.sizes.wide[0]
    }

    fn worth(&self) -> usize {
        128
    }

    fn gather(&self, x: &[f32], image: &mut Vec<f32>, rows: &mut [f32]) {
        let image = room(image, self.inputs().1);
        wide(|| self.take_inputs(x, image, rows));
    }

    fn scatter(&self, rows: &[f32], image: &mut Vec<f32>, bias: Option<&[f32]>, x: &mut [f32]) {
        let image = room(image, self.inputs().1);
        wide(|| self.put_inputs(rows, image, bias, x));
    }

    fn weights(&self, weight: &[f32]) -> Buffer {
        let mut weights = Buffer::take(self.sizes.narrow[0] * self.columns());
        let rows = weights.par_chunks_mut(self.columns()).zip(weight.par_chunks(self.sizes.patch()));
        rows.with_min_len(MOVED.div_ceil(self.columns()))
            .for_each(|(row, kernel)| wide(|| self.take_kernel(kernel, row)));
        weights
    }

    fn weight(&self, weights: &[f32]) -> Buffer {
        let mut weight = Buffer::take(self.sizes.narrow[0] * self.sizes.patch());
        let rows = weight.chunks_mut(self.sizes.patch()).zip(weights.chunks(self.columns()));
        rows.for_each(|(kernel, row)| wide(|| self.put_kernel(row, kernel)));
        weight
    }

    fn unsettle<'a>(&self, y: &'a [f32], image: &mut Vec<f32>, planes: &'a mut Vec<f32>) -> &'a [f32] {
        let planes = room(planes, y.len() / self.sizes.narrow_len() * self.planes_len());
        let image = room(image, self.outputs().1);
        for (y, rows) in y.chunks_exact(self.sizes.narrow_len()).zip(planes.chunks_exact_mut(self.planes_len())) {
            wide(|| self.take_outputs(y, image, rows));
        }
        planes
    }

    fn settle(
        &self,
        product: &mut dyn FnMut(&mut [f32]),
        image: &mut Vec<f32>,
        planes: &mut Vec<f32>,
        bias: Option<&[f32]>,
        y: &mut [f32],
    ) {
        let planes = room(planes, y.len() / self.sizes.narrow_len() * self.planes_len());
        product(planes);
        let image = room(image, self.outputs().1);
        for (y, rows) in y.chunks_exact_mut(self.sizes.narrow_len()).zip(planes.chunks_exact(self.planes_len())) {
            wide(|| self.put_outputs(rows, image, bias, y));
        }
    }

    fn part<'a>(&self, planes: &'a [f32], product: usize) -> MatRef<'a, f32> {
        let (channels, columns) = (self.sizes.narrow[0], Self::PRODUCTS * self.sizes.narrow[0]);
        let all = MatRef::from_row_major_slice(planes, planes.len() / columns, columns);
        all.subcols(product * channels, channels)
    }

    fn part_mut<'a>(&self, planes: &'a mut [f32], product: usize) -> MatMut<'a, f32> {
        let (channels, columns) = (self.sizes.narrow[0], Self::PRODUCTS * self.sizes.narrow[0]);
        let rows = planes.len() / columns;
        MatMut::from_row_major_slice_mut(planes, rows, columns).subcols_mut(product * channels, channels)
    }
}

#[inline(always)]
fn grid<const N: usize>(f: impl Fn(usize, usize) -> usize) -> [[usize; N]; N] {
    let mut places = [[0; N]; N];
    for (i, row) in places.iter_mut().enumerate() {
        for (j, place) in row.iter_mut().enumerate() {
            *place = f(i, j);
        }
    }
    places
}

#[inline(always)]
fn loads<const N: usize>(values: &[f32], places: [[usize; N]; N]) -> [[Lanes; N]; N] {
    let mut lanes = [[[0.0; LANES]; N]; N];
    for i in 0..N {
        for j in 0..N {
            lanes[i][j] = load(values, places[i][j]);
        }
    }
    lanes
}

#[inline(always)]
fn stores<const N: usize>(values: &mut [f32], places: [[usize; N]; N], lanes: [[Lanes; N]; N]) {
    for i in 0..N {
        for j in 0..N {
            store(values, places[i][j], lanes[i][j]);
        }
    }
}
