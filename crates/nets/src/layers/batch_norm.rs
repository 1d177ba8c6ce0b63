use std::sync::{Mutex, PoisonError};

use burn::module::{Content, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::tensor::module::batch_norm;
use burn::tensor::{Device, Tensor};

use crate::dual::Dual;
use crate::export::{Layout, TorchLayer};
use crate::init::Init;
use crate::noise::Pass;

/// A tensor that a forward pass may replace and no optimiser touches, such as a running average.
///
/// A clone has a value of its own. (burn's `RunningState` is shared by its clones, so that an averaged copy of a
/// generator would write into the live one; and when visited it may lag behind by an update.)
#[derive(Debug)]
pub struct Buffer<const D: usize> {
    id: ParamId,
    value: Mutex<Tensor<D>>,
}

impl<const D: usize> Buffer<D> {
    /// A buffer that starts with this value, cut from any graph.
    pub fn new(value: Tensor<D>) -> Self {
        Self::with_id(ParamId::new(), value)
    }

    /// The value now.
    pub fn get(&self) -> Tensor<D> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces the value, cut from any graph.
    pub fn set(&self, value: Tensor<D>) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = value.detach();
    }

    fn with_id(id: ParamId, value: Tensor<D>) -> Self {
        Self { id, value: Mutex::new(value.detach()) }
    }
}

impl<const D: usize> Clone for Buffer<D> {
    fn clone(&self) -> Self {
        Self::with_id(self.id, self.get())
    }
}

impl<const D: usize> Module for Buffer<D> {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visitor.visit_float(&Param::initialized(self.id, self.get()));
    }

    fn map<M: ModuleMapper>(self, mapper: &mut M) -> Self {
        let (id, value, _) = mapper.map_float(Param::initialized(self.id, self.get())).consume();
        Self::with_id(id, value.set_require_grad(false))
    }

    fn to_device(self, device: &Device) -> Self {
        Self::with_id(self.id, self.get().to_device(device))
    }

    fn fork(self, device: &Device) -> Self {
        self.to_device(device)
    }

    fn collect_devices(&self, mut devices: Vec<Device>) -> Vec<Device> {
        let device = self.get().device();
        if !devices.contains(&device) {
            devices.push(device);
        }
        devices
    }

    fn materialize(self) -> Self {
        self
    }

    fn valid(&self) -> Self {
        Self::with_id(self.id, self.get().without_autodiff())
    }

    fn train(self) -> Self {
        Self::with_id(self.id, self.get().autodiff())
    }
}

impl<const D: usize> ModuleDisplayDefault for Buffer<D> {
    fn content(&self, content: Content) -> Option<Content> {
        content.add_formatted(&format!("{:?}", self.get().dims())).optional()
    }
}

impl<const D: usize> ModuleDisplay for Buffer<D> {}

/// Batch normalisation over batch and space (Ioffe and Szegedy 2015): in training by the batch's own mean and
/// (biased) variance, otherwise by their running averages (the variance unbiased there), as PyTorch does it.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// Gain, `[channels]`; none: 1.
    pub gamma: Option<Param<Tensor<1>>>,
    /// Offset, `[channels]`; none: 0.
    pub beta: Option<Param<Tensor<1>>>,
    running_mean: Buffer<1>,
    running_variance: Buffer<1>,
    momentum: f64,
    epsilon: f64,
}

impl BatchNorm {
    pub(crate) const TORCH: TorchLayer = TorchLayer {
        layer: "BatchNorm",
        torch: "nn.BatchNorm2d",
        values: &[
            ("gamma", "weight", Layout::Same),
            ("beta", "bias", Layout::Same),
            ("running_mean", "running_mean", Layout::Same),
            ("running_variance", "running_var", Layout::Same),
        ],
        counters: &["num_batches_tracked"],
    };

    /// For `channels` channels: gain N(1, 0.02), offset 0 (Radford et al. 2015); momentum 0.1, epsilon 1e-5.
    pub fn new(channels: usize, init: &mut Init) -> Self {
        let (gamma, beta) = (init.normal([channels], 1.0, 0.02), init.zeros([channels]));
        Self { gamma: Some(gamma), beta: Some(beta), ..Self::plain(channels, init) }
    }

    /// The same without gain and offset.
    pub fn plain(channels: usize, init: &Init) -> Self {
        let device = init.device().clone();
        Self {
            gamma: None,
            beta: None,
            running_mean: Buffer::new(Tensor::zeros([channels], &device)),
            running_variance: Buffer::new(Tensor::ones([channels], &device)),
            momentum: 0.1,
            epsilon: 1e-5,
        }
    }

    /// # Shapes
    /// `[batch, channels, h, w]` to the same.
    pub fn forward(&self, x: Tensor<4>, pass: Pass) -> Tensor<4> {
        let or = |param: &Option<Param<Tensor<1>>>, value| match param {
            Some(param) => param.val(),
            None => self.running_mean.get().full_like(value),
        };
        let (gamma, beta) = (or(&self.gamma, 1.0), or(&self.beta, 0.0));
        match pass {
            Pass::Eval => {
                batch_norm(x, gamma, beta, self.running_mean.get(), self.running_variance.get(), self.epsilon)
            }
            Pass::Train(_) => {
                let [batch, _, height, width] = x.dims();
                let count = (batch * height * width) as f64;
                let normed = ganvas_kernels::batch_norm(x, gamma, beta, self.epsilon);
                self.average(&self.running_mean, normed.mean);
                self.average(&self.running_variance, normed.variance.mul_scalar(count / (count - 1.0).max(1.0)));
                normed.output
            }
        }
    }

    /// [`forward`](BatchNorm::forward), with a tangent. In training an item's tangent depends on the whole batch's.
    pub fn dual(&self, x: Dual<4>, pass: Pass) -> Dual<4> {
        let Some(direction) = x.tangent else { return self.forward(x.value, pass).into() };
        let value = self.forward(x.value.clone(), pass);
        let gamma = |t: Tensor<4>| match &self.gamma {
            Some(gamma) => t * gamma.val().reshape([1, -1, 1, 1]),
            None => t,
        };
        let tangent = match pass {
            Pass::Eval => {
                let deviation = self.running_variance.get().add_scalar(self.epsilon).sqrt();
                Some(direction / deviation.reshape([1, -1, 1, 1]))
            }
            Pass::Train(_) => Dual::along(x.value, direction).normalized(&[0, 2, 3], self.epsilon).tangent,
        };
        Dual { value, tangent: tangent.map(gamma) }
    }

    fn average(&self, running: &Buffer<1>, new: Tensor<1>) {
        running.set(running.get().mul_scalar(1.0 - self.momentum) + new.mul_scalar(self.momentum));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::Initializer;
    use crate::noise::Noise;
    use ganvas_prob::stream::Streams;

    fn layer() -> (BatchNorm, Noise, Tensor<4>) {
        let device = Device::flex();
        let mut init = Init::new(&Streams::new(1), "net", Initializer::Normal { sd: 1.0 }, &device);
        let x = init.weight([8, 3, 4, 4], 1, 1).val().mul_scalar(3.0).add_scalar(2.0);
        (BatchNorm::new(3, &mut init), Noise::new(Streams::new(1), "phase", 0, &device), x)
    }

    fn close(a: Tensor<4>, b: Tensor<4>) -> f32 {
        (a - b).abs().max().into_scalar()
    }

    #[test]
    fn training_agrees_with_burns_batch_norm() {
        let (ours, noise, x) = layer();
        let mut theirs = burn::nn::BatchNormConfig::new(3).with_epsilon(1e-5).init(&Device::flex().autodiff());
        theirs.gamma = Param::from_tensor(ours.gamma.as_ref().unwrap().val().autodiff());
        let y = ours.forward(x.clone(), Pass::Train(&noise));
        let expected = theirs.forward(x.autodiff()).inner();
        assert!(close(y, expected) < 1e-5);
    }

    #[test]
    fn a_clone_keeps_its_own_running_statistics() {
        let (live, noise, x) = layer();
        let copy = live.clone();
        live.forward(x, Pass::Train(&noise));
        assert_eq!(copy.running_mean.get().abs().max().into_scalar::<f32>(), 0.0);
        assert!(live.running_mean.get().abs().max().into_scalar::<f32>() > 0.1);
    }

    #[test]
    fn evaluation_does_not_depend_on_the_rest_of_the_batch() {
        let (layer, noise, x) = layer();
        layer.forward(x.clone(), Pass::Train(&noise));
        let whole = layer.forward(x.clone(), Pass::Eval);
        let alone = layer.forward(x.narrow(0, 2, 1), Pass::Eval);
        assert_eq!(close(whole.narrow(0, 2, 1), alone), 0.0);
    }

    /// After many passes over the same batch the averages are its moments, so both modes agree but for n / (n - 1).
    #[test]
    fn running_statistics_reach_the_batchs() {
        let (layer, noise, x) = layer();
        for _ in 0..200 {
            layer.forward(x.clone(), Pass::Train(&noise));
        }
        let train = layer.forward(x.clone(), Pass::Train(&noise));
        assert!(close(train, layer.forward(x, Pass::Eval)) < 0.02);
    }
}
