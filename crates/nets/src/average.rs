//! Averages of a network's weights over its training.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;

use crate::state::Path;

/// The exponential moving average of a network: a copy of its own, on the device without gradients.
///
/// a_t = d_t a_{t-1} + (1 - d_t) w_t over the updates t = 1, 2, ... (Karras et al. 2018, appendix A.1; Yazici et al.
/// 2019), with d_t from [`decay_at`]. Running statistics of batch norms are averaged as weights are, as in the authors'
/// code of BigGAN (Brock et al. 2019): the statistics of averaged weights are, to first order, the averaged statistics,
/// while those of the last batches belong to the last weights. What does not change is its own average exactly.
#[derive(Clone)]
pub(crate) struct Average<M> {
    pub net: M,
    decay: f64,
}

impl<M: Module> Average<M> {
    /// The average of no update yet: the network as it is.
    pub fn new(net: &M, decay: f64) -> Self {
        Self { net: net.valid(), decay }
    }

    /// Takes in the network after its update number `updates`, from 1.
    pub fn follow(&mut self, net: &M, updates: u64) {
        let mut live = Values::default();
        net.valid().visit(&mut live);
        let mut blend = Blend { path: Path::default(), live: live.found, share: 1.0 - decay_at(self.decay, updates) };
        self.net = self.net.clone().map(&mut blend);
    }
}

/// d_t = min(decay, (1 + t) / (10 + t)): the first updates are forgotten sooner than late ones (the warm-up of
/// TensorFlow's `ExponentialMovingAverage`).
fn decay_at(decay: f64, updates: u64) -> f64 {
    let t = updates as f64;
    decay.min((1.0 + t) / (10.0 + t))
}

/// All values of a module, flat, by path.
#[derive(Default)]
struct Values {
    path: Path,
    found: BTreeMap<String, Tensor<1>>,
}

impl ModuleVisitor for Values {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let n = value.dims().iter().product::<usize>();
        self.found.insert(self.path.below(""), value.reshape([n]));
    }
}

struct Blend {
    path: Path,
    live: BTreeMap<String, Tensor<1>>,
    share: f64,
}

impl ModuleMapper for Blend {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, average, mapper) = param.consume();
        let live = self.live.remove(&self.path.below("")).expect("an average has the values of its network");
        let moved = (live.reshape(average.dims()) - average.clone()).mul_scalar(self.share);
        Param::from_mapped_value(id, average + moved, mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::{Init, Initializer};
    use crate::layers::{BatchNorm, Buffer, Linear};
    use crate::noise::{Noise, Pass};
    use crate::optim::{OptimizerConfig, Trained};
    use crate::state::{Part, State};
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn init() -> Init {
        Init::new(&Streams::new(1), "net", Initializer::He, &Device::flex().autodiff())
    }

    fn values(net: &Linear) -> Vec<f32> {
        net.weight.val().to_data().iter().collect()
    }

    /// A weight that falls by 1 at each update, from 0: its gradient is always 1.
    fn falling(decay: f64) -> Trained<Linear> {
        let sgd = OptimizerConfig::Sgd {
            lr: 1.0,
            decay: 1.0,
            lr_min: 0.0,
            momentum: 0.0,
            momentum_end: 0.0,
            momentum_steps: 1,
        };
        let mut init = init();
        let mut net = Linear::new(1, 1, false, &mut init);
        net.weight = init.zeros([1, 1]);
        Trained::new(net, sgd).averaged(decay)
    }

    fn fall(trained: &mut Trained<Linear>) {
        let gradients = trained.gradients(trained.net.weight.val().sum());
        trained.apply(gradients, 1.0);
    }

    #[test]
    fn the_decay_warms_up() {
        for (updates, expected) in [(1, 2.0 / 11.0), (2, 3.0 / 12.0), (8, 0.5), (80, 0.9), (81, 0.9), (1000, 0.9)] {
            assert!((decay_at(0.9, updates) - expected).abs() < 1e-15, "{updates}");
        }
    }

    /// With w_t = -t and the decay (1 + t) / (10 + t) of the warm-up, a_t = -(0.9 t - 0.1 + 0.1 p_t), where p_t is the
    /// product of the decays: put it into the recurrence.
    #[test]
    fn a_constant_gradient_has_its_closed_form_in_the_warm_up() {
        let mut trained = falling(0.9999);
        let mut product = 1.0;
        for t in 1..=50 {
            fall(&mut trained);
            let t = f64::from(t);
            product *= (1.0 + t) / (10.0 + t);
            let expected = -(0.9 * t - 0.1 + 0.1 * product);
            let got = f64::from(values(&trained.shown())[0]);
            assert!((got - expected).abs() < 1e-5 * expected.abs(), "update {t}: {got} for {expected}");
        }
        assert_eq!(values(&trained.net), [-50.0], "the weights themselves");
    }

    /// A decay below 2/11 has no warm-up: a_t = -(t - d (1 - d^t) / (1 - d)).
    #[test]
    fn a_constant_gradient_has_its_closed_form_at_a_constant_decay() {
        let (d, mut trained) = (0.125f64, falling(0.125));
        for t in 1..=20 {
            fall(&mut trained);
            let expected = -(f64::from(t) - d * (1.0 - d.powi(t)) / (1.0 - d));
            let got = f64::from(values(&trained.shown())[0]);
            assert!((got - expected).abs() < 1e-5, "update {t}: {got} for {expected}");
        }
    }

    #[test]
    fn without_a_decay_the_weights_are_shown() {
        let mut trained = falling(0.0);
        fall(&mut trained);
        assert_eq!((values(&trained.shown()), trained.is_averaged()), (vec![-1.0], false));
    }

    #[test]
    fn a_forgotten_average_leaves_the_trained_weights() {
        let mut trained = falling(0.9);
        fall(&mut trained);
        assert_ne!(values(&trained.shown()), values(&trained.net));
        trained.forget_average();
        assert_eq!((values(&trained.shown()), trained.is_averaged()), (vec![-1.0], false));
    }

    #[test]
    fn an_average_continues_from_its_state_exactly() {
        let mut unbroken = falling(0.9);
        for _ in 0..5 {
            fall(&mut unbroken);
        }
        let mut state = State::default();
        unbroken.save("net", &mut state);
        assert!(state.entries().contains_key("net/average.weight"), "{:?}", state.entries().keys());
        let mut resumed = falling(0.9);
        resumed.load("net", &mut state).unwrap();
        state.finish().unwrap();
        for _ in 0..5 {
            fall(&mut unbroken);
            fall(&mut resumed);
        }
        assert_eq!(values(&unbroken.shown()), values(&resumed.shown()));
    }

    /// A net that normalises, and knows a constant.
    #[derive(Module, Debug)]
    struct Normed {
        norm: BatchNorm,
        constant: Buffer<1>,
    }

    impl Normed {
        fn means(&self) -> Vec<f32> {
            let mut state = State::default();
            crate::state::save_module(self, "net", &mut state);
            state.entries()["net.norm.running_mean"].iter().collect()
        }
    }

    #[test]
    fn running_statistics_are_averaged_and_not_shared() {
        let mut init = init();
        let device = init.device().clone();
        let constant = Tensor::from_floats([0.1, 0.7], &device);
        let net = Normed { norm: BatchNorm::new(2, &mut init), constant: Buffer::new(constant) };
        let mut trained = Trained::new(net, OptimizerConfig::adam(0.01, 0.9)).averaged(0.9);
        let noise = Noise::new(Streams::new(1), "phase", 0, &device);
        let x = Tensor::<4>::ones([4, 2, 3, 3], &device).mul_scalar(5.0);
        let pass = |trained: &Trained<Normed>| trained.net.norm.forward(x.clone(), Pass::Train(&noise)).square().mean();
        pass(&trained);
        assert_eq!(trained.net.means(), [0.5; 2]);
        assert_eq!(trained.shown().means(), [0.0; 2], "no update yet: the live statistics are not the average's");
        let gradients = trained.gradients(pass(&trained));
        trained.apply(gradients, 1.0);
        // 0.95 after two passes, of which the first average keeps a share of 9/11.
        for mean in trained.shown().means() {
            assert!((mean - 0.95 * 9.0 / 11.0).abs() < 1e-6, "{mean}");
        }
        let shown = trained.shown();
        shown.norm.forward(x.clone().inner(), Pass::Train(&Noise::new(Streams::new(1), "p", 0, &Device::flex())));
        assert_eq!(trained.net.means(), [0.95; 2], "what runs the average does not touch the live net");
        assert_eq!(shown.constant.get().to_data().iter::<f32>().collect::<Vec<_>>(), [0.1, 0.7]);
    }
}
