//! Convolution, its adjoint and the gradient of its weight, as products of matrices.
//!
//! All three are made of the same three linear maps, which a [`Plan`] has: of images to rows of X, of the weight to W and of what
//! comes out to rows of Y, such that Y = X W^T, once or for each of several parts of their columns. The convolution is the last
//! map after the product, its adjoint the first one's adjoint after Y W, the weight's gradient that of the second one after
//! Y^T X.
//!
//! Images are taken in groups. Groups depend on the shape alone, and sums over groups are taken in their order, so a result does
//! not depend on the number of threads.

mod patches;
mod pixels;
mod winograd;

use std::cell::RefCell;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::pool::{Buffer, spoil};
use patches::Patches;
use winograd::{OfFour, OfThree, Winograd};

/// Sums of weight gradients that are taken apart from each other.
const SUMS: usize = 4;

/// Sizes of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Images.
    pub batch: usize,
    /// Channels, height and width of what is convolved.
    pub wide: [usize; 3],
    /// The same of what comes out.
    pub narrow: [usize; 3],
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Steps between patches.
    pub stride: usize,
    /// Zeros on each side.
    pub padding: usize,
}

impl Sizes {
    /// Positions of the kernel on an image.
    fn area(&self) -> usize {
        self.narrow[1] * self.narrow[2]
    }

    fn wide_len(&self) -> usize {
        self.wide.iter().product()
    }

    fn narrow_len(&self) -> usize {
        self.narrow.iter().product()
    }

    /// Values of the weight for one channel that comes out.
    fn patch(&self) -> usize {
        self.wide[0] * self.kernel[0] * self.kernel[1]
    }

    fn plan(&self) -> Box<dyn Plan> {
        match (self.kernel, self.stride) {
            _ if !winograd::pays(self) => Box::new(Patches(*self)),
            ([4, 4], 2) => Box::new(Winograd::<OfFour, 2, 3>::new(*self)),
            ([3, 3], 1) => Box::new(Winograd::<OfThree, 3, 4>::new(*self)),
            _ => Box::new(Patches(*self)),
        }
    }
}

/// How a convolution becomes products of matrices.
trait Plan: Sync {
    /// Products that it takes.
    fn products(&self) -> usize;

    /// Rows of each product for an image.
    fn rows(&self) -> usize;

    /// Columns of X in a product.
    fn depth(&self) -> usize;

    /// Rows that make a group worth its while.
    fn worth(&self) -> usize;

    /// An image `[channels, height, width]` as rows of X, each with the columns of all products. `image` is a buffer.
    fn gather(&self, x: &[f32], image: &mut Vec<f32>, rows: &mut [f32]);

    /// The adjoint of [`gather`](Plan::gather), plus a bias for each channel.
    fn scatter(&self, rows: &[f32], image: &mut Vec<f32>, bias: Option<&[f32]>, x: &mut [f32]);

    /// The weight `[narrow, wide, rows, columns]` as W: a row for each narrow channel with the columns of all products.
    fn weights(&self, weight: &[f32]) -> Buffer;

    /// The adjoint of [`weights`](Plan::weights).
    fn weight(&self, weights: &[f32]) -> Buffer;

    /// Y of a group of images `[images, channels, height, width]`, the adjoint of [`settle`](Plan::settle): a row for each row of
    /// X, with the channels of all products. Either `y` itself or in `planes`; `image` is a buffer.
    fn unsettle<'a>(&self, y: &'a [f32], image: &mut Vec<f32>, planes: &'a mut Vec<f32>) -> &'a [f32];

    /// What a group gives, plus a bias for each channel, once `product` has filled Y.
    fn settle(
        &self,
        product: &mut dyn FnMut(&mut [f32]),
        image: &mut Vec<f32>,
        planes: &mut Vec<f32>,
        bias: Option<&[f32]>,
        y: &mut [f32],
    );

    /// The matrix of a product in Y of a group, `[rows, narrow channels]`.
    fn part<'a>(&self, planes: &'a [f32], product: usize) -> MatRef<'a, f32>;

    /// The same, to be written.
    fn part_mut<'a>(&self, planes: &'a mut [f32], product: usize) -> MatMut<'a, f32>;
}

/// Buffers that a thread keeps.
#[derive(Default)]
struct Scratch {
    /// An image with its channels last.
    image: Vec<f32>,
    /// Rows of X of a group.
    rows: Vec<f32>,
    /// Y of a group.
    planes: Vec<f32>,
    /// A sum of weight gradients, as W.
    sum: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

fn scratch<T>(f: impl FnOnce(&mut Scratch) -> T) -> T {
    // Nothing within waits for another thread, so that no thread is given a second group meanwhile.
    SCRATCH.with(|scratch| f(&mut scratch.borrow_mut()))
}

/// The first `n` values of a buffer, whatever they are.
fn room(buffer: &mut Vec<f32>, n: usize) -> &mut [f32] {
    if buffer.len() < n {
        buffer.resize(n, 0.0);
    }
    spoil(&mut buffer[..n]);
    &mut buffer[..n]
}

/// A plan at work.
struct Run<'a> {
    sizes: &'a Sizes,
    plan: Box<dyn Plan>,
}

impl<'a> Run<'a> {
    fn new(sizes: &'a Sizes) -> Self {
        Self { sizes, plan: sizes.plan() }
    }

    /// Images of a group.
    fn group(&self) -> usize {
        self.plan.worth().div_ceil(self.plan.rows().max(1)).clamp(1, self.sizes.batch.max(1))
    }

    /// Columns of X and W.
    fn columns(&self) -> usize {
        self.plan.products() * self.plan.depth()
    }

    /// The matrix of a product in X or W, whose rows are these.
    fn of<'v>(&self, rows: &'v [f32], product: usize) -> MatRef<'v, f32> {
        let all = MatRef::from_row_major_slice(rows, rows.len() / self.columns(), self.columns());
        all.subcols(product * self.plan.depth(), self.plan.depth())
    }

    /// The same, to be written.
    fn of_mut<'v>(&self, rows: &'v mut [f32], product: usize) -> MatMut<'v, f32> {
        let count = rows.len() / self.columns();
        let all = MatMut::from_row_major_slice_mut(rows, count, self.columns());
        all.subcols_mut(product * self.plan.depth(), self.plan.depth())
    }

    /// X of a group.
    fn gathered<'v>(&self, group: &[f32], image: &mut Vec<f32>, rows: &'v mut Vec<f32>) -> &'v [f32] {
        let each = self.plan.rows() * self.columns();
        let rows = room(rows, group.len() / self.sizes.wide_len() * each);
        for (x, rows) in group.chunks_exact(self.sizes.wide_len()).zip(rows.chunks_exact_mut(each)) {
            self.plan.gather(x, image, rows);
        }
        rows
    }
}

/// y = w * x + bias: `[batch, wide]` to `[batch, narrow]`.
pub fn convolve(sizes: &Sizes, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Buffer {
    let run = Run::new(sizes);
    let (plan, weights) = (&run.plan, run.plan.weights(weight));
    let mut y = Buffer::take(sizes.batch * sizes.narrow_len());
    let groups = x.par_chunks(run.group() * sizes.wide_len());
    groups.zip(y.par_chunks_mut(run.group() * sizes.narrow_len())).for_each(|(x, y)| {
        scratch(|Scratch { image, rows, planes, .. }| {
            let rows = run.gathered(x, image, rows);
            let mut product = |planes: &mut [f32]| {
                for k in 0..plan.products() {
                    let [x, w] = [rows, &weights].map(|rows| run.of(rows, k));
                    matmul(plan.part_mut(planes, k), Accum::Replace, x, w.transpose(), 1.0, Par::Seq);
                }
            };
            plan.settle(&mut product, image, planes, bias, y);
        });
    });
    y
}

/// The adjoint of [`convolve`] for the same weight, plus a bias for each channel: `[batch, narrow]` to `[batch, wide]`.
pub fn spread(sizes: &Sizes, y: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Buffer {
    let run = Run::new(sizes);
    let (plan, weights) = (&run.plan, run.plan.weights(weight));
    let each = plan.rows() * run.columns();
    let mut x = Buffer::take(sizes.batch * sizes.wide_len());
    let groups = y.par_chunks(run.group() * sizes.narrow_len());
    groups.zip(x.par_chunks_mut(run.group() * sizes.wide_len())).for_each(|(y, x)| {
        scratch(|Scratch { image, rows, planes, .. }| {
            let rows = room(rows, y.len() / sizes.narrow_len() * each);
            let planes = plan.unsettle(y, image, planes);
            for k in 0..plan.products() {
                let (y, w) = (plan.part(planes, k), run.of(&weights, k));
                matmul(run.of_mut(rows, k), Accum::Replace, y, w, 1.0, Par::Seq);
            }
            for (x, rows) in x.chunks_exact_mut(sizes.wide_len()).zip(rows.chunks_exact(each)) {
                plan.scatter(rows, image, bias, x);
            }
        });
    });
    x
}

/// The gradient of `sum of y (w * x)` with respect to w: `[narrow, wide, rows, columns]`.
pub fn weight_gradient(sizes: &Sizes, x: &[f32], y: &[f32]) -> Buffer {
    let run = Run::new(sizes);
    let (plan, group) = (&run.plan, run.group());
    let part = sizes.batch.div_ceil(group).div_ceil(SUMS).max(1) * group;
    let parts = x.par_chunks(part * sizes.wide_len()).zip(y.par_chunks(part * sizes.narrow_len()));
    let sums = parts.map(|(x, y)| {
        scratch(|Scratch { image, rows, planes, sum }| {
            let sum = room(sum, sizes.narrow[0] * run.columns());
            let groups = x.chunks(group * sizes.wide_len()).zip(y.chunks(group * sizes.narrow_len()));
            for (i, (x, y)) in groups.enumerate() {
                let rows = run.gathered(x, image, rows);
                let planes = plan.unsettle(y, image, planes);
                let accum = if i == 0 { Accum::Replace } else { Accum::Add };
                for k in 0..plan.products() {
                    let (y, x) = (plan.part(planes, k), run.of(rows, k));
                    matmul(run.of_mut(sum, k), accum, y.transpose(), x, 1.0, Par::Seq);
                }
            }
            plan.weight(sum)
        })
    });
    let mut sums = sums.collect::<Vec<Buffer>>().into_iter();
    let mut whole = sums.next().unwrap_or_else(|| vec![0.0; sizes.narrow[0] * sizes.patch()].into());
    for sum in sums {
        whole.iter_mut().zip(sum.iter()).for_each(|(whole, part)| *whole += part);
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_kernels_of_many_channels_take_fewer_products() {
        let of = |kernel: usize, stride: usize, channels: usize| {
            let sizes = Sizes {
                batch: 2,
                wide: [channels, 16, 16],
                narrow: [channels, 16 / stride, 16 / stride],
                kernel: [kernel; 2],
                stride,
                padding: 1,
            };
            sizes.plan().products()
        };
        assert_eq!(
            [of(4, 2, 32), of(3, 1, 32), of(4, 1, 32), of(5, 2, 32), of(3, 1, 30), of(4, 2, 8)],
            [9, 16, 1, 1, 1, 1]
        );
    }
}
