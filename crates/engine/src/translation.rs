//! What a system that translates makes of items.

use burn::tensor::Device;
use ganvas_data::{ItemShape, Split};
use ganvas_kernels::keep_awake;

use crate::system::{Direction, Translation, to_device};

/// Items that are translated at a time.
const BLOCK: usize = 50;

/// What some items, row-major `[n, values]`, become in the other domain. `device` does not track gradients.
pub fn translated(
    translation: &dyn Translation,
    items: &[f32],
    shape: ItemShape,
    direction: Direction,
    device: &Device,
) -> Vec<f32> {
    let blocks = items.chunks(BLOCK * shape.len().max(1));
    let translate = |block: &[f32]| {
        let items = to_device(block.to_vec(), shape, device);
        let out = keep_awake(device, || translation.translate(items, direction));
        out.to_data().iter::<f32>().collect::<Vec<f32>>()
    };
    blocks.flat_map(translate).collect()
}

/// The items of a part that a direction begins at, by their numbers.
pub fn sources(split: &Split, direction: Direction) -> Vec<usize> {
    split.of_class(direction.from() as u32)
}

/// Strips of items of a part, one after the other: for each direction an item, what it becomes, and what comes of that on the way
/// back, as `[strips, 3 x directions, values]`. At most `n` of them, and no more than each domain has items.
pub fn strips(
    translation: &dyn Translation,
    split: &Split,
    shape: ItemShape,
    directions: &[Direction],
    n: usize,
    device: &Device,
) -> Vec<f32> {
    let items: Vec<Vec<usize>> = directions.iter().map(|&direction| sources(split, direction)).collect();
    let n = items.iter().map(Vec::len).fold(n, usize::min);
    let mut columns = Vec::with_capacity(3 * directions.len());
    for (&direction, items) in directions.iter().zip(items) {
        let source = split.gather(&items[..n]);
        let there = translated(translation, &source, shape, direction, device);
        let back = translated(translation, &there, shape, direction.reversed(), device);
        columns.extend([source, there, back]);
    }
    let row = |i: usize| columns.iter().flat_map(move |column| &column[i * shape.len()..(i + 1) * shape.len()]);
    (0..n).flat_map(row).copied().collect()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Tensor;
    use ganvas_data::Values;

    use super::*;

    /// Adds 10 one way and doubles the other.
    struct Sums;

    impl Translation for Sums {
        fn translate(&self, items: Tensor<2>, direction: Direction) -> Tensor<2> {
            match direction {
                Direction::AToB => items.add_scalar(10.0),
                Direction::BToA => items.mul_scalar(2.0),
            }
        }
    }

    #[test]
    fn a_strip_goes_there_and_back_both_ways() {
        let (shape, device) = (ItemShape::Points { dims: 1 }, Device::flex());
        let values = Values::F32(vec![1.0, 5.0, 2.0, 3.0, 6.0]);
        let split = Split { values, labels: Some(vec![0, 1, 0, 0, 1]), len: 5 };
        let found = strips(&Sums, &split, shape, &Direction::ALL, 9, &device);
        assert_eq!(found, [1.0, 11.0, 22.0, 5.0, 10.0, 20.0, 2.0, 12.0, 24.0, 6.0, 12.0, 22.0]);
        let one = strips(&Sums, &split, shape, &[Direction::AToB], 9, &device);
        assert_eq!(one, [1.0, 11.0, 22.0, 2.0, 12.0, 24.0, 3.0, 13.0, 26.0], "the other domain does not matter");
        let many: Vec<f32> = (0..120).map(|i| i as f32).collect();
        let there = translated(&Sums, &many, shape, Direction::AToB, &device);
        assert!(there.iter().zip(&many).all(|(there, x)| *there == x + 10.0) && there.len() == 120);
    }
}
