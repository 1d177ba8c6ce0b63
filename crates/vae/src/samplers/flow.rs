use burn::tensor::{Device, Int, Tensor, TensorData};
use ganvas_engine::EngineError;
use ganvas_engine::step::StepError;
use ganvas_nets::flows::{AnyFlow, Flow, FlowConfig, FlowKind, log_standard_normal};
use ganvas_nets::init::Init;
use ganvas_nets::noise::Noise;
use ganvas_nets::optim::{OptimizerConfig, Trained};
use ganvas_prob::stream::Streams;

use super::{CodeLaw, Codes, SamplerError};

/// Codes of a batch.
const BATCH: usize = 128;
/// Passes over the codes.
const PASSES: u64 = 10;
/// Fewer codes are passed over more often, many less often.
const STEPS: (u64, u64) = (500, 5000);

/// An autoregressive flow between codes, brought to mean 0 and variance 1, and N(0, I).
pub(super) struct Fitted {
    flow: AnyFlow,
    mean: Vec<f32>,
    sd: Vec<f32>,
    /// Where the flow is; it tracks no gradients.
    device: Device,
}

impl Fitted {
    /// Two blocks of three hidden layers of 64 by Adam at 1e-3, falling to a tenth over the last half.
    pub fn fit(
        codes: &Codes,
        kind: FlowKind,
        streams: Streams,
        device: &Device,
        tell: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, SamplerError> {
        let (n, d) = (codes.len(), codes.dims);
        let (mean, sd) = moments(codes);
        let config = FlowConfig::new(kind, 2, &[64; 3]);
        let flow = AnyFlow::new(d, 0, &config, &mut Init::new(&streams, "flow", config.init, device));
        let mut trained = Trained::new(flow, OptimizerConfig::adam(1e-3, 0.9));
        let all = standard(codes, (&mean, &sd), device);
        let steps = (PASSES * (n as u64).div_ceil(BATCH as u64)).clamp(STEPS.0, STEPS.1);
        let mut losses = Vec::new();
        for step in 0..steps {
            let noise = Noise::new(streams, "codes", step, device);
            let rows: Tensor<1, Int> = noise.classes("rows", BATCH.min(n), n);
            let batch = all.clone().select(0, rows);
            let loss = density(&trained.net, batch).mean().neg();
            losses.push(loss.clone().detach().inner());
            let gradients = trained.gradients(loss);
            let late = 2 * step >= steps;
            let rate = if late { 0.1f64.powf(2.0 * step as f64 / steps as f64 - 1.0) } else { 1.0 };
            trained.apply(gradients, rate);
            if step % 100 == 99 || step + 1 == steps {
                // Read now and then: a value that is read makes a device wait.
                let mean = Tensor::cat(std::mem::take(&mut losses), 0).mean().into_scalar::<f32>();
                if !mean.is_finite() {
                    return Err(diverged(step, mean).into());
                }
                tell(step + 1, steps);
            }
        }
        Ok(Self { flow: trained.shown(), mean, sd, device: device.clone().inner() })
    }
}

fn diverged(step: u64, value: f32) -> EngineError {
    let (network, phase) = ("flow".to_owned(), "sampler".to_owned());
    StepError { what: "loss", network, phase, value }.at(step)
}

/// Mean and standard deviation of each latent; one that does not vary has a deviation of 1.
fn moments(codes: &Codes) -> (Vec<f32>, Vec<f32>) {
    let (n, d) = (codes.len() as f64, codes.dims);
    let sum = |f: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
        let mut sums = vec![0.0; d];
        for code in codes.values.chunks(d) {
            code.iter().enumerate().for_each(|(i, &x)| sums[i] += f(i, f64::from(x)) / n);
        }
        sums
    };
    let mean = sum(&|_, x| x);
    let variance = sum(&|i, x| (x - mean[i]).powi(2));
    let sd = variance.iter().map(|v| if *v > 1e-12 { v.sqrt() as f32 } else { 1.0 }).collect();
    (mean.iter().map(|&x| x as f32).collect(), sd)
}

fn standard(codes: &Codes, (mean, sd): (&[f32], &[f32]), device: &Device) -> Tensor<2> {
    let d = codes.dims;
    let values = codes.values.iter().enumerate().map(|(at, x)| (x - mean[at % d]) / sd[at % d]).collect();
    Tensor::from_data(TensorData::new(values, [codes.len(), d]), device)
}

/// ln of the density of standardised codes, `[n]`.
fn density(flow: &AnyFlow, codes: Tensor<2>) -> Tensor<1> {
    match flow {
        AnyFlow::Iaf(iaf) => iaf.log_density(codes, None),
        other => {
            let (u, log_det) = other.forward(codes, None);
            log_standard_normal(u) + log_det
        }
    }
}

impl CodeLaw for Fitted {
    fn draw(&self, n: usize, noise: &Noise) -> Tensor<2> {
        let d = self.mean.len();
        let u = noise.normal("latent", [n, d]);
        let z = match &self.flow {
            AnyFlow::Maf(maf) => maf.sample(u, None),
            other => other.forward(u, None).0,
        };
        let row = |values: &[f32]| Tensor::<2>::from_data(TensorData::new(values.to_vec(), [1, d]), noise.device());
        z * row(&self.sd) + row(&self.mean)
    }

    fn mean_log_density(&self, codes: &Codes) -> Option<f64> {
        let volume: f64 = self.sd.iter().map(|&sd| f64::from(sd).ln()).sum();
        let codes = standard(codes, (&self.mean, &self.sd), &self.device);
        Some(density(&self.flow, codes).mean().into_scalar::<f64>() - volume)
    }
}
