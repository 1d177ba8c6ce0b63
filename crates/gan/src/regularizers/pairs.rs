use burn::tensor::Tensor;
use ganvas_nets::noise::Noise;

/// Generated items, of which about this share gave way to real items that are told the class asked for and are of another one:
/// what a matching-aware discriminator is to take for fake (Reed et al. 2016, algorithm 1, s_w beside s_f).
///
/// Each row is drawn by itself, and the real item comes from the next row; where its class is the one that was asked for, the
/// generated item stays. So a penalty between row i of the real items and of these reaches what is told the class of row i.
///
/// # Shapes
/// `fake` and `real` `[n, values]`; `asked`, what generated items were asked to be, and `are`, what real ones are, as indicators
/// `[n, classes]`.
pub fn with_wrong_pairs(
    fake: Tensor<2>,
    asked: &Tensor<2>,
    real: &Tensor<2>,
    are: &Tensor<2>,
    share: f64,
    noise: &Noise,
) -> Tensor<2> {
    let [n, _] = fake.dims();
    if share <= 0.0 || n < 2 {
        return fake;
    }
    let next = |x: &Tensor<2>| Tensor::cat(vec![x.clone().narrow(0, 1, n - 1), x.clone().narrow(0, 0, 1)], 0);
    let same = (asked.clone() * next(are)).sum_dim(1);
    let drawn = noise.uniform("wrong", [n, 1], 0.0, 1.0).lower_elem(share).float();
    let taken = drawn * same.neg().add_scalar(1.0);
    fake.clone() + (next(real) - fake) * taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, Int};
    use ganvas_prob::stream::Streams;

    use crate::systems::adversarial::indicators;

    /// Real items are 10 + row, generated ones minus the row. Real classes go 0 1 2 0 1 2 ..; 0 is asked for throughout, so that the
    /// item of the next row may be taken but where it is of class 0.
    #[test]
    fn real_items_of_another_class_take_the_place_of_a_share() {
        let device = Device::flex();
        let n = 3000;
        let of = |f: &dyn Fn(usize) -> f32| {
            let values: Vec<f32> = (0..n).map(f).collect();
            Tensor::<1>::from_floats(values.as_slice(), &device).reshape([n, 1])
        };
        let classes = |f: &dyn Fn(usize) -> i64| {
            let values: Vec<i64> = (0..n).map(f).collect();
            indicators(Tensor::<1, Int>::from_ints(values.as_slice(), &device), 3)
        };
        let (real, fake) = (of(&|i| 10.0 + i as f32), of(&|i| -(i as f32)));
        let (asked, are) = (classes(&|_| 0), classes(&|i| (i % 3) as i64));
        let noise = Noise::new(Streams::new(1), "phase", 0, &device);
        let found: Vec<f32> =
            with_wrong_pairs(fake.clone(), &asked, &real, &are, 0.25, &noise).to_data().iter().collect();
        let mut taken = 0;
        for (i, value) in found.into_iter().enumerate() {
            let next = (i + 1) % n;
            if value != -(i as f32) {
                assert!(value == 10.0 + next as f32 && next % 3 != 0, "row {i}: {value}");
                taken += 1;
            }
        }
        // A quarter of two thirds of the rows; four standard deviations.
        assert!((f64::from(taken) - 500.0).abs() < 82.0, "{taken}");
        let none = with_wrong_pairs(fake.clone(), &asked, &real, &are, 0.0, &noise);
        assert_eq!(none.to_data(), fake.to_data());
    }
}
