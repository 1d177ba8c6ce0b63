use burn::tensor::Tensor;

use crate::dual::Dual;
use crate::noise::Pass;

/// Keeps each value with probability `keep` and scales what it keeps by 1 / keep; nothing outside of training
/// (Srivastava et al. 2014, in the "inverted" form).
pub fn dropout<const D: usize>(x: Tensor<D>, keep: f64, pass: Pass) -> Tensor<D> {
    dropout_dual(x.into(), keep, pass).value
}

/// [`dropout`], with a tangent that loses the same values.
pub fn dropout_dual<const D: usize>(x: Dual<D>, keep: f64, pass: Pass) -> Dual<D> {
    match pass {
        Pass::Train(noise) if keep < 1.0 => {
            let draws = noise.uniform("dropout", x.value.dims(), 0.0, 1.0);
            let dropped = draws.greater_equal_elem(keep);
            x.linear(|x| x.mask_fill(dropped.clone(), 0.0).mul_scalar(1.0 / keep))
        }
        _ => x,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::Noise;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    #[test]
    fn dropout_keeps_its_share_and_the_mean() {
        let device = Device::flex();
        let noise = Noise::new(Streams::new(1), "d", 0, &device);
        let ones = Tensor::<1>::ones([100_000], &device);
        let out: Vec<f32> = dropout(ones.clone(), 0.8, Pass::Train(&noise)).to_data().iter().collect();
        let kept = out.iter().filter(|&&x| x != 0.0).count() as f32 / 1e5;
        assert!((kept - 0.8).abs() < 5.0 * (0.16f32 / 1e5).sqrt(), "kept {kept}");
        assert!(out.iter().all(|&x| x == 0.0 || (x - 1.25).abs() < 1e-6));
        assert_eq!(dropout(ones, 0.8, Pass::Eval).sum().into_scalar::<f32>(), 1e5);
    }
}
