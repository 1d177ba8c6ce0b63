//! What the tests of all flows use.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};
use ganvas_prob::stream::{StreamRng, Streams, normals};

use crate::init::{Init, Initializer};

pub fn init(device: &Device) -> Init {
    Init::new(&Streams::new(1), "flow", Initializer::Glorot, device)
}

fn draw<const D: usize>(rng: &mut StreamRng, shape: [usize; D], sd: f64, device: &Device) -> Tensor<D> {
    let values = normals(rng, shape.iter().product());
    Tensor::from_data(TensorData::new(values, shape), device).mul_scalar(sd)
}

/// Draws from N(0, sd^2).
pub fn points(n: usize, dims: usize, sd: f64) -> Tensor<2> {
    draw(&mut Streams::new(2).rng("points", dims as u64), [n, dims], sd, &Device::flex())
}

/// A module with N(0, sd^2) added to each of its parameters, so that it is no longer near the identity.
pub fn stirred<M: Module>(module: M, sd: f64) -> M {
    struct Stir(StreamRng, f64);
    impl ModuleMapper for Stir {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let (id, value, mapper) = param.consume();
            let more = draw(&mut self.0, value.dims(), self.1, &value.device());
            Param::from_mapped_value(id, value + more, mapper)
        }
    }
    module.map(&mut Stir(Streams::new(3).rng("stir", 0), sd))
}

/// The largest difference, over items, of the flow's log |det| and that of its Jacobian by central differences.
///
/// # Shapes
/// `[batch, dims]`, in double precision.
pub fn jacobian_error(flow: impl Fn(Tensor<2>) -> (Tensor<2>, Tensor<1>), x: Tensor<2>) -> f64 {
    const STEP: f64 = 1e-5;
    let [batch, dims] = x.dims();
    let columns: Vec<Vec<f64>> = (0..dims)
        .map(|j| {
            let moved = |by: f64| {
                let column = x.clone().narrow(1, j, 1).add_scalar(by);
                flow(x.clone().slice_assign([0..batch, j..j + 1], column)).0
            };
            (moved(STEP) - moved(-STEP)).div_scalar(2.0 * STEP).to_data().iter::<f64>().collect()
        })
        .collect();
    let log_dets: Vec<f64> = flow(x).1.to_data().iter().collect();
    let error = |(item, log_det): (usize, &f64)| {
        let jacobian = (0..dims).map(|i| columns.iter().map(|column| column[item * dims + i]).collect()).collect();
        (log_abs_det(jacobian) - log_det).abs()
    };
    log_dets.iter().enumerate().map(error).fold(0.0, f64::max)
}

/// By elimination with row exchanges.
fn log_abs_det(mut rows: Vec<Vec<f64>>) -> f64 {
    let mut sum = 0.0;
    while let Some(pivot) = (0..rows.len()).max_by(|&a, &b| rows[a][0].abs().total_cmp(&rows[b][0].abs())) {
        let pivot = rows.swap_remove(pivot);
        sum += pivot[0].abs().ln();
        for row in &mut rows {
            let factor = row[0] / pivot[0];
            *row = row.iter().zip(&pivot).skip(1).map(|(a, b)| a - factor * b).collect();
        }
    }
    sum
}
