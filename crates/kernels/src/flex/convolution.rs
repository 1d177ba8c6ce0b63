//! Convolution, its adjoint and the gradient of its weight, as matrix products of patches.
//!
//! All three work on groups of images: those of a group are laid out with their channels last and zeros around, their patches
//! are gathered as rows of a matrix, and one product takes the group. Groups depend on the shape alone, and sums over groups are
//! taken in their order, so a result does not depend on the number of threads.

use std::cell::RefCell;

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

use super::passes::wide;

/// Rows of patches that make a product worth its while.
const ROWS: usize = 256;
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

/// Buffers that a thread keeps.
#[derive(Default)]
struct Scratch {
    /// An image with its channels last and zeros around.
    image: Vec<f32>,
    /// Patches of a group, one a row.
    patches: Vec<f32>,
    /// What came out of a group, or its gradient: a row a channel.
    planes: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

fn scratch<T>(f: impl FnOnce(&mut Scratch) -> T) -> T {
    SCRATCH.with(|scratch| match scratch.try_borrow_mut() {
        Ok(mut scratch) => f(&mut scratch),
        // A thread that waits within a product may be given another group.
        Err(_) => f(&mut Scratch::default()),
    })
}

/// The first `n` values of a buffer, whatever they are.
fn room(buffer: &mut Vec<f32>, n: usize) -> &mut [f32] {
    if buffer.len() < n {
        buffer.resize(n, 0.0);
    }
    &mut buffer[..n]
}

impl Sizes {
    /// Patches of an image.
    fn area(&self) -> usize {
        self.narrow[1] * self.narrow[2]
    }

    /// Values of a patch.
    fn patch(&self) -> usize {
        self.wide[0] * self.kernel[0] * self.kernel[1]
    }

    fn wide_len(&self) -> usize {
        self.wide.iter().product()
    }

    fn narrow_len(&self) -> usize {
        self.narrow.iter().product()
    }

    /// Images of a group.
    fn group(&self) -> usize {
        ROWS.div_ceil(self.area().max(1)).clamp(1, self.batch.max(1))
    }

    /// Height and width of an image with the zeros around it, as far as patches reach.
    fn padded(&self) -> [usize; 2] {
        [0, 1].map(|i| {
            let reached = (self.narrow[i + 1] - 1) * self.stride + self.kernel[i];
            reached.max(self.wide[i + 1] + 2 * self.padding)
        })
    }

    /// The patches of an image `[channels, height, width]` as rows, each in the order row, column, channel.
    #[inline(always)]
    fn gather(&self, x: &[f32], image: &mut Vec<f32>, patches: &mut [f32]) {
        let [channels, height, width] = self.wide;
        let [_, columns] = self.padded();
        let image = room(image, self.padded().iter().product::<usize>() * channels);
        image.fill(0.0);
        for y in 0..height {
            let row = ((y + self.padding) * columns + self.padding) * channels;
            let row = &mut image[row..row + width * channels];
            for c in 0..channels {
                let line = &x[(c * height + y) * width..][..width];
                for (pixel, &value) in row.chunks_exact_mut(channels).zip(line) {
                    pixel[c] = value;
                }
            }
        }
        let run = self.kernel[1] * channels;
        let mut runs = patches.chunks_exact_mut(run);
        for y in 0..self.narrow[1] {
            for x in 0..self.narrow[2] {
                for k in 0..self.kernel[0] {
                    let from = ((y * self.stride + k) * columns + x * self.stride) * channels;
                    if let Some(to) = runs.next() {
                        // Not `copy_from_slice`: most runs are shorter than it takes to call that.
                        to.iter_mut().zip(&image[from..from + run]).for_each(|(to, &value)| *to = value);
                    }
                }
            }
        }
    }

    /// The adjoint of [`gather`](Sizes::gather): each patch is added where it was taken from.
    #[inline(always)]
    fn scatter(&self, patches: &[f32], image: &mut Vec<f32>, bias: Option<&[f32]>, x: &mut [f32]) {
        let [channels, height, width] = self.wide;
        let [_, columns] = self.padded();
        let image = room(image, self.padded().iter().product::<usize>() * channels);
        image.fill(0.0);
        let run = self.kernel[1] * channels;
        let mut runs = patches.chunks_exact(run);
        for y in 0..self.narrow[1] {
            for x in 0..self.narrow[2] {
                for k in 0..self.kernel[0] {
                    let to = ((y * self.stride + k) * columns + x * self.stride) * channels;
                    if let Some(from) = runs.next() {
                        image[to..to + run].iter_mut().zip(from).for_each(|(sum, &value)| *sum += value);
                    }
                }
            }
        }
        for y in 0..height {
            let row = ((y + self.padding) * columns + self.padding) * channels;
            let row = &image[row..row + width * channels];
            for c in 0..channels {
                let line = &mut x[(c * height + y) * width..][..width];
                let offset = bias.map_or(0.0, |bias| bias[c]);
                for (value, pixel) in line.iter_mut().zip(row.chunks_exact(channels)) {
                    *value = pixel[c] + offset;
                }
            }
        }
    }

    /// The weight `[narrow, wide, rows, columns]` as a matrix with the columns of [`gather`](Sizes::gather).
    fn matrix(&self, weight: &[f32]) -> Vec<f32> {
        self.reordered(weight, |channel, place, area, channels| (channel * area + place, place * channels + channel))
    }

    /// The other way round.
    fn weight(&self, matrix: &[f32]) -> Vec<f32> {
        self.reordered(matrix, |channel, place, area, channels| (place * channels + channel, channel * area + place))
    }

    fn reordered(&self, values: &[f32], places: impl Fn(usize, usize, usize, usize) -> (usize, usize)) -> Vec<f32> {
        let (channels, area) = (self.wide[0], self.kernel[0] * self.kernel[1]);
        if channels == 1 || area == 1 {
            return values.to_vec();
        }
        let mut moved = vec![0.0; values.len()];
        for (to, from) in moved.chunks_exact_mut(channels * area).zip(values.chunks_exact(channels * area)) {
            for channel in 0..channels {
                for place in 0..area {
                    let (source, target) = places(channel, place, area, channels);
                    to[target] = from[source];
                }
            }
        }
        moved
    }

    /// Where plane `i` of a group of `images` begins once they are side by side, see [`abreast`](Sizes::abreast).
    fn abreast_at(&self, i: usize, images: usize) -> usize {
        let (image, channel) = (i / self.narrow[0], i % self.narrow[0]);
        (channel * images + image) * self.area()
    }

    /// The images of a group `[images, channels, area]` side by side, `[channels, images area]`.
    fn abreast<'a>(&self, group: &'a [f32], planes: &'a mut Vec<f32>) -> &'a [f32] {
        let (images, area) = (group.len() / self.narrow_len(), self.area());
        if images == 1 {
            return group;
        }
        let planes = room(planes, group.len());
        for (i, line) in group.chunks_exact(area).enumerate() {
            planes[self.abreast_at(i, images)..][..area].copy_from_slice(line);
        }
        planes
    }

    /// Patches of all images of a group.
    fn gathered<'a>(&self, group: &[f32], image: &mut Vec<f32>, patches: &'a mut Vec<f32>) -> &'a [f32] {
        let each = self.area() * self.patch();
        let patches = room(patches, group.len() / self.wide_len() * each);
        for (x, patches) in group.chunks_exact(self.wide_len()).zip(patches.chunks_exact_mut(each)) {
            wide(|| self.gather(x, image, patches));
        }
        patches
    }
}

/// y = w * x + bias: `[batch, wide]` to `[batch, narrow]`.
pub fn convolve(sizes: &Sizes, x: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let (channels, area, patch) = (sizes.narrow[0], sizes.area(), sizes.patch());
    let matrix = sizes.matrix(weight);
    let matrix = MatRef::from_row_major_slice(&matrix, channels, patch);
    let mut y = vec![0.0; sizes.batch * sizes.narrow_len()];
    let groups = x.par_chunks(sizes.group() * sizes.wide_len());
    groups.zip(y.par_chunks_mut(sizes.group() * sizes.narrow_len())).for_each(|(x, y)| {
        scratch(|Scratch { image, patches, planes }| {
            let rows = y.len() / channels;
            let patches = MatRef::from_row_major_slice(sizes.gathered(x, image, patches), rows, patch);
            let alone = rows == area;
            let out = if alone { &mut *y } else { room(planes, y.len()) };
            let target = MatMut::from_row_major_slice_mut(out, channels, rows);
            matmul(target, Accum::Replace, matrix, patches.transpose(), 1.0, Par::Seq);
            if !alone {
                for (i, line) in y.chunks_exact_mut(area).enumerate() {
                    line.copy_from_slice(&planes[sizes.abreast_at(i, rows / area)..][..area]);
                }
            }
            if let Some(bias) = bias {
                for (line, bias) in y.chunks_exact_mut(area).zip(bias.iter().cycle()) {
                    line.iter_mut().for_each(|value| *value += bias);
                }
            }
        });
    });
    y
}

/// The adjoint of [`convolve`] for the same weight, plus a bias for each channel: `[batch, narrow]` to `[batch, wide]`.
pub fn spread(sizes: &Sizes, y: &[f32], weight: &[f32], bias: Option<&[f32]>) -> Vec<f32> {
    let (channels, area, patch) = (sizes.narrow[0], sizes.area(), sizes.patch());
    let matrix = sizes.matrix(weight);
    let matrix = MatRef::from_row_major_slice(&matrix, channels, patch);
    let mut x = vec![0.0; sizes.batch * sizes.wide_len()];
    let groups = y.par_chunks(sizes.group() * sizes.narrow_len());
    groups.zip(x.par_chunks_mut(sizes.group() * sizes.wide_len())).for_each(|(y, x)| {
        scratch(|Scratch { image, patches, planes }| {
            let rows = y.len() / channels;
            let planes = MatRef::from_row_major_slice(sizes.abreast(y, planes), channels, rows);
            let patches = room(patches, rows * patch);
            let target = MatMut::from_row_major_slice_mut(patches, rows, patch);
            matmul(target, Accum::Replace, planes.transpose(), matrix, 1.0, Par::Seq);
            for (x, patches) in x.chunks_exact_mut(sizes.wide_len()).zip(patches.chunks_exact(area * patch)) {
                wide(|| sizes.scatter(patches, image, bias, x));
            }
        });
    });
    x
}

/// The gradient of `sum of y (w * x)` with respect to w: `[narrow, wide, rows, columns]`.
pub fn weight_gradient(sizes: &Sizes, x: &[f32], y: &[f32]) -> Vec<f32> {
    let (channels, patch) = (sizes.narrow[0], sizes.patch());
    let group = sizes.group();
    let part = sizes.batch.div_ceil(group).div_ceil(SUMS).max(1) * group;
    let parts = x.par_chunks(part * sizes.wide_len()).zip(y.par_chunks(part * sizes.narrow_len()));
    let sums = parts.map(|(x, y)| {
        let mut sum = vec![0.0; channels * patch];
        scratch(|Scratch { image, patches, planes }| {
            let groups = x.chunks(group * sizes.wide_len()).zip(y.chunks(group * sizes.narrow_len()));
            for (i, (x, y)) in groups.enumerate() {
                let rows = y.len() / channels;
                let patches = MatRef::from_row_major_slice(sizes.gathered(x, image, patches), rows, patch);
                let planes = MatRef::from_row_major_slice(sizes.abreast(y, planes), channels, rows);
                let target = MatMut::from_row_major_slice_mut(&mut sum, channels, patch);
                let accum = if i == 0 { Accum::Replace } else { Accum::Add };
                matmul(target, accum, planes, patches, 1.0, Par::Seq);
            }
        });
        sum
    });
    let mut sums = sums.collect::<Vec<Vec<f32>>>().into_iter();
    let mut whole = sums.next().unwrap_or_else(|| vec![0.0; channels * patch]);
    for sum in sums {
        whole.iter_mut().zip(&sum).for_each(|(whole, part)| *whole += part);
    }
    sizes.weight(&whole)
}
