//! One product of all patches, for any kernel.

use faer::{MatMut, MatRef};

use super::pixels::Frame;
use super::{Plan, Sizes, room};
use crate::flex::passes::wide;
use crate::flex::pool::Buffer;

/// X has a row for each patch, in the order row, column, channel. Y lies with its channels first: `[channels, rows]`.
pub struct Patches(pub Sizes);

impl Patches {
    /// The image with zeros around it, as far as patches reach, and its pixels in all.
    fn frame(&self) -> (Frame, usize) {
        let sizes = &self.0;
        let [height, width] = [0, 1].map(|i| {
            let reached = (sizes.narrow[i + 1] - 1) * sizes.stride + sizes.kernel[i];
            reached.max(sizes.wide[i + 1] + 2 * sizes.padding)
        });
        (Frame { shape: sizes.wide, columns: width, offset: sizes.padding }, height * width)
    }

    /// Where in the image's pixels each run of a patch's values begins, in their order.
    fn runs(&self, columns: usize) -> impl Iterator<Item = usize> {
        let Sizes { wide: [channels, ..], narrow: [_, height, width], kernel: [rows, _], stride, .. } = self.0;
        (0..height).flat_map(move |y| {
            (0..width).flat_map(move |x| (0..rows).map(move |k| ((y * stride + k) * columns + x * stride) * channels))
        })
    }

    /// The values of the weight in another order within each of its rows.
    fn reordered(&self, values: &[f32], places: impl Fn(usize, usize, usize, usize) -> (usize, usize)) -> Buffer {
        let (channels, area) = (self.0.wide[0], self.0.kernel[0] * self.0.kernel[1]);
        if channels == 1 || area == 1 {
            return values.to_vec().into();
        }
        let mut moved = Buffer::take(values.len());
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

    /// Where plane `i` of a group of `images` begins once their channels are first.
    fn place(&self, i: usize, images: usize) -> usize {
        let (image, channel) = (i / self.0.narrow[0], i % self.0.narrow[0]);
        (channel * images + image) * self.0.area()
    }
}

impl Plan for Patches {
    fn products(&self) -> usize {
        1
    }

    fn rows(&self) -> usize {
        self.0.area()
    }

    fn depth(&self) -> usize {
        self.0.patch()
    }

    fn worth(&self) -> usize {
        256
    }

    fn gather(&self, x: &[f32], image: &mut Vec<f32>, rows: &mut [f32]) {
        let (frame, pixels) = self.frame();
        let (channels, run) = (self.0.wide[0], self.0.kernel[1] * self.0.wide[0]);
        let image = room(image, pixels * channels);
        wide(|| {
            image.fill(0.0);
            frame.write(x, image);
            for (from, to) in self.runs(frame.columns).zip(rows.chunks_exact_mut(run)) {
                // Not `copy_from_slice`: most runs are shorter than it takes to call that.
                to.iter_mut().zip(&image[from..from + run]).for_each(|(to, &value)| *to = value);
            }
        });
    }

    fn scatter(&self, rows: &[f32], image: &mut Vec<f32>, bias: Option<&[f32]>, x: &mut [f32]) {
        let (frame, pixels) = self.frame();
        let (channels, run) = (self.0.wide[0], self.0.kernel[1] * self.0.wide[0]);
        let image = room(image, pixels * channels);
        wide(|| {
            image.fill(0.0);
            for (to, from) in self.runs(frame.columns).zip(rows.chunks_exact(run)) {
                image[to..to + run].iter_mut().zip(from).for_each(|(sum, &value)| *sum += value);
            }
            frame.read(image, bias, x);
        });
    }

    fn weights(&self, weight: &[f32]) -> Buffer {
        self.reordered(weight, |channel, place, area, channels| (channel * area + place, place * channels + channel))
    }

    fn weight(&self, weights: &[f32]) -> Buffer {
        self.reordered(weights, |channel, place, area, channels| (place * channels + channel, channel * area + place))
    }

    fn unsettle<'a>(&self, y: &'a [f32], _: &mut Vec<f32>, planes: &'a mut Vec<f32>) -> &'a [f32] {
        let (images, area) = (y.len() / self.0.narrow_len(), self.0.area());
        if images == 1 {
            return y;
        }
        let planes = room(planes, y.len());
        for (i, line) in y.chunks_exact(area).enumerate() {
            planes[self.place(i, images)..][..area].copy_from_slice(line);
        }
        planes
    }

    fn settle(
        &self,
        product: &mut dyn FnMut(&mut [f32]),
        _: &mut Vec<f32>,
        planes: &mut Vec<f32>,
        bias: Option<&[f32]>,
        y: &mut [f32],
    ) {
        let (images, area) = (y.len() / self.0.narrow_len(), self.0.area());
        if images == 1 {
            product(y);
        } else {
            let planes = room(planes, y.len());
            product(planes);
            for (i, line) in y.chunks_exact_mut(area).enumerate() {
                line.copy_from_slice(&planes[self.place(i, images)..][..area]);
            }
        }
        if let Some(bias) = bias {
            for (line, bias) in y.chunks_exact_mut(area).zip(bias.iter().cycle()) {
                line.iter_mut().for_each(|value| *value += bias);
            }
        }
    }

    fn part<'a>(&self, planes: &'a [f32], _: usize) -> MatRef<'a, f32> {
        let channels = self.0.narrow[0];
        MatRef::from_row_major_slice(planes, channels, planes.len() / channels).transpose()
    }

    fn part_mut<'a>(&self, planes: &'a mut [f32], _: usize) -> MatMut<'a, f32> {
        let (channels, rows) = (self.0.narrow[0], planes.len() / self.0.narrow[0]);
        MatMut::from_row_major_slice_mut(planes, channels, rows).transpose_mut()
    }
}
