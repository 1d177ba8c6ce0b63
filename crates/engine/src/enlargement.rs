//! Systems that make large images of small ones.

use burn::tensor::{Device, Tensor, TensorData};
use ganvas_data::ItemShape;
use ganvas_kernels::keep_awake;
use ganvas_nets::resample::Kernel;

use crate::system::{to_device, to_images};

/// Pixels between the parts of a strip, and their value: between dark and light.
pub const GAP: usize = 2;
const MIDDLE: f32 = 0.15;

/// Images that are enlarged at a time.
const BLOCK: usize = 16;

/// A system that enlarges images by a whole factor. All images here are `[n, channels, h, w]` in [-1, 1].
pub trait Enlargement {
    /// How much larger a side becomes.
    fn factor(&self) -> usize;

    /// Channels of an image.
    fn channels(&self) -> usize;

    /// How many pixels of the small image to each side a pixel of the large one depends on.
    fn reach(&self) -> usize;

    /// Small images by the rule by which those were made that it was trained on, of images whose sides are multiples of the factor.
    fn shrink(&self, images: Tensor<4>) -> Tensor<4>;

    /// Large images of small ones of any size. An image does not depend on the others.
    fn enlarge(&self, images: Tensor<4>) -> Tensor<4>;

    /// The same as it was done before adversarial training, by squared errors alone; none where that has not come to its end.
    fn enlarge_before(&self, _images: Tensor<4>) -> Option<Tensor<4>> {
        None
    }
}

/// What became of images that were shrunk, each `[n, values]` row-major as the images were.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Enlarged {
    /// Each pixel of the small images as a square.
    pub nearest: Vec<f32>,
    /// Bicubic interpolation of the small images, cut off at -1 and 1.
    pub bicubic: Vec<f32>,
    /// By the system as it was before adversarial training, where that is past.
    pub before: Option<Vec<f32>>,
    /// By the system.
    pub enlarged: Vec<f32>,
    /// By the system, shrunk again by means of squares, and the small images: `[n, values / factor^2]` both.
    pub again: [Vec<f32>; 2],
}

/// Shrinks images `[n, values]` of this shape and enlarges them again; `device` does not track gradients.
pub fn enlarged(model: &dyn Enlargement, images: &[f32], shape: ItemShape, device: &Device) -> Enlarged {
    let mut all = Enlarged::default();
    let (mut before, factor) = (Vec::new(), model.factor());
    for block in images.chunks(BLOCK * shape.len().max(1)) {
        let low = model.shrink(to_images(to_device(block.to_vec(), shape, device), shape));
        let values = |images: Tensor<4>| images.to_data().iter::<f32>().collect::<Vec<_>>();
        all.nearest.extend(values(Kernel::Box.enlarge(low.clone(), factor)));
        all.bicubic.extend(values(Kernel::Bicubic.enlarge(low.clone(), factor).clamp(-1.0, 1.0)));
        before.extend(keep_awake(device, || model.enlarge_before(low.clone()).map(values)).into_iter().flatten());
        let large = keep_awake(device, || model.enlarge(low.clone()));
        all.again[0].extend(values(Kernel::Box.shrink(large.clone(), factor)));
        all.again[1].extend(values(low));
        all.enlarged.extend(values(large));
    }
    all.before = Some(before).filter(|before| !before.is_empty());
    all
}

/// Images `[n, values]` beside what became of them when they were shrunk and enlarged, as one wide image each: nearest pixels, bicubic,
/// before adversarial training where that is past, the system's, the truth. And the shape of these.
pub fn strips(model: &dyn Enlargement, images: &[f32], shape: ItemShape, device: &Device) -> (Vec<f32>, ItemShape) {
    let Enlarged { nearest, bicubic, before, enlarged, .. } = enlarged(model, images, shape, device);
    let columns: Vec<&[f32]> = [Some(&nearest), Some(&bicubic), before.as_ref(), Some(&enlarged)]
        .into_iter()
        .flatten()
        .map(Vec::as_slice)
        .chain([images])
        .collect();
    let [channels, height, width] = shape.planes();
    let rows = images.len() / width.max(1);
    let row = |row: usize| {
        let part = move |column: &&[f32]| column[row * width..(row + 1) * width].to_vec();
        columns.iter().map(part).collect::<Vec<_>>().join(&[MIDDLE; GAP][..])
    };
    let wide = columns.len() * (width + GAP) - GAP;
    ((0..rows).flat_map(row).collect(), ItemShape::Image { channels, height, width: wide })
}

/// A small image of any size, `[channels, height, width]` row-major, enlarged square by square of at most `tile` pixels of the small
/// image, so that the memory it takes does not grow with the image but for the result. Each square comes with as much around it as its
/// pixels depend on: the result is that of the whole image, up to rounding. `to` makes of a value in [-1, 1] what is kept.
pub fn enlarge_in_tiles<T: Copy + Default>(
    model: &dyn Enlargement,
    image: &[f32],
    [channels, height, width]: [usize; 3],
    tile: usize,
    device: &Device,
    to: impl Fn(f32) -> T,
) -> Vec<T> {
    let (factor, reach, tile) = (model.factor(), model.reach(), tile.max(1));
    let mut large = vec![T::default(); image.len() * factor * factor];
    for top in (0..height).step_by(tile) {
        for left in (0..width).step_by(tile) {
            let (bottom, right) = ((top + tile).min(height), (left + tile).min(width));
            let (from_y, from_x) = (top.saturating_sub(reach), left.saturating_sub(reach));
            let (to_y, to_x) = ((bottom + reach).min(height), (right + reach).min(width));
            let (rows, columns) = (to_y - from_y, to_x - from_x);
            let line = |c: usize, y: usize| &image[(c * height + y) * width..][from_x..to_x];
            let values: Vec<f32> =
                (0..channels).flat_map(|c| (from_y..to_y).flat_map(move |y| line(c, y)).copied()).collect();
            let small = Tensor::from_data(TensorData::new(values, [1, channels, rows, columns]), device);
            let found = keep_awake(device, || model.enlarge(small)).to_data();
            let found: Vec<T> = found.iter::<f32>().map(&to).collect();
            let (across, length) = (columns * factor, (right - left) * factor);
            for c in 0..channels {
                for y in top * factor..bottom * factor {
                    let source = (c * rows * factor + y - from_y * factor) * across + (left - from_x) * factor;
                    let target = (c * height * factor + y) * width * factor + left * factor;
                    large[target..target + length].copy_from_slice(&found[source..source + length]);
                }
            }
        }
    }
    large
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nearest pixels, doubled; a pixel depends on nothing around it.
    struct Nearest;

    impl Enlargement for Nearest {
        fn factor(&self) -> usize {
            2
        }

        fn channels(&self) -> usize {
            2
        }

        fn reach(&self) -> usize {
            0
        }

        fn shrink(&self, images: Tensor<4>) -> Tensor<4> {
            Kernel::Box.shrink(images, 2)
        }

        fn enlarge(&self, images: Tensor<4>) -> Tensor<4> {
            Kernel::Box.enlarge(images, 2)
        }
    }

    #[test]
    fn squares_come_to_their_places() {
        let image: Vec<f32> = (0..2 * 5 * 7).map(|i| i as f32).collect();
        let device = Device::flex();
        let of = |tile| enlarge_in_tiles(&Nearest, &image, [2, 5, 7], tile, &device, |x| x);
        for tile in [0, 1, 3, 5, 100] {
            assert_eq!(of(tile), of(7), "{tile}");
        }
        let at = |c: usize, y: usize, x: usize| of(3)[(c * 10 + y) * 14 + x];
        assert_eq!((at(0, 0, 13), at(1, 9, 13), at(1, 5, 4)), (6.0, 69.0, 35.0 + 14.0 + 2.0));
    }

    #[test]
    fn strips_are_side_by_side() {
        let shape = ItemShape::Image { channels: 2, height: 2, width: 2 };
        // Two images; the first channel of the second has the mean 0.25.
        let images: Vec<f32> = [[0.0; 8], [0.0, 1.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5]].concat();
        let (strips, wide) = strips(&Nearest, &images, shape, &Device::flex());
        assert_eq!(wide, ItemShape::Image { channels: 2, height: 2, width: 4 * 2 + 3 * GAP });
        let gap = [MIDDLE; GAP];
        let row = |truth: [f32; 2]| [&[0.25; 2], &gap[..], &[0.25; 2], &gap, &[0.25; 2], &gap, &truth].concat();
        assert_eq!(strips[56..84], [row([0.0, 1.0]), row([0.0, 0.0])].concat());
    }
}
