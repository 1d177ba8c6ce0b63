//! Optimisers.
//!
//! Their state is keyed by the path of each parameter, so that it can be written to a checkpoint by name and read back
//! into a new process. burn's own keeps it by random ids; the rules are the same and are tested against it.

use std::any::Any;
use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use ganvas_kernels::AdamRates;
use serde::{Deserialize, Serialize};

use crate::average::Average;
use crate::export::{ExportError, Weights, export_module};
use crate::state::{Part, Path, State, StateError, load_module, save_module};

/// An optimiser and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum OptimizerConfig {
    /// Adam (Kingma and Ba 2015, algorithm 1).
    Adam {
        /// Learning rate.
        lr: f64,
        /// Decay of the first moment.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// Added to the root of the second moment.
        epsilon: f64,
    },
    /// RMSProp (Tieleman and Hinton 2012) as PyTorch has it: v <- alpha v + (1 - alpha) g^2; w <- w - lr g / (sqrt(v) + epsilon).
    #[serde(rename = "rmsprop")]
    RmsProp {
        /// Learning rate.
        lr: f64,
        /// Decay of the mean square.
        alpha: f64,
        /// Added to its root.
        epsilon: f64,
    },
    /// Gradient descent with momentum, v <- m v - lr g; w <- w + v, and the schedule of Goodfellow et al. (2014):
    /// the rate is divided by `decay` at each update down to `lr_min`, the momentum rises linearly to `momentum_end`.
    Sgd {
        /// Learning rate of the first update.
        lr: f64,
        /// The rate is divided by this at each update; 1 keeps it.
        decay: f64,
        /// The rate does not fall below.
        lr_min: f64,
        /// Momentum of the first update.
        momentum: f64,
        /// Momentum after `momentum_steps` updates.
        momentum_end: f64,
        /// Updates until `momentum_end` is reached.
        momentum_steps: u64,
    },
}

impl OptimizerConfig {
    /// Adam with this rate and first-moment decay, beta2 = 0.999, epsilon = 1e-8 (burn's own default is 1e-5).
    pub fn adam(lr: f64, beta1: f64) -> Self {
        Self::Adam { lr, beta1, beta2: 0.999, epsilon: 1e-8 }
    }

    /// The first setting that is out of its domain, as (name, what it must be, value).
    pub fn fault(&self) -> Option<(&'static str, &'static str, f64)> {
        const RATE: &str = "a positive number";
        const DECAY: &str = "in [0, 1)";
        let rules: &[(&'static str, &'static str, f64, bool)] = match *self {
            Self::Adam { lr, beta1, beta2, epsilon } => &[
                ("lr", RATE, lr, lr > 0.0 && lr.is_finite()),
                ("beta1", DECAY, beta1, (0.0..1.0).contains(&beta1)),
                ("beta2", DECAY, beta2, (0.0..1.0).contains(&beta2)),
                ("epsilon", RATE, epsilon, epsilon > 0.0 && epsilon.is_finite()),
            ],
            Self::RmsProp { lr, alpha, epsilon } => &[
                ("lr", RATE, lr, lr > 0.0 && lr.is_finite()),
                ("alpha", DECAY, alpha, (0.0..1.0).contains(&alpha)),
                ("epsilon", RATE, epsilon, epsilon > 0.0 && epsilon.is_finite()),
            ],
            Self::Sgd { lr, decay, lr_min, momentum, momentum_end, .. } => &[
                ("lr", RATE, lr, lr > 0.0 && lr.is_finite()),
                ("decay", "at least 1", decay, decay >= 1.0 && decay.is_finite()),
                ("lr_min", "zero or more", lr_min, lr_min >= 0.0 && lr_min.is_finite()),
                ("momentum", DECAY, momentum, (0.0..1.0).contains(&momentum)),
                ("momentum_end", DECAY, momentum_end, (0.0..1.0).contains(&momentum_end)),
            ],
        };
        rules.iter().find(|rule| !rule.3).map(|&(name, domain, value, _)| (name, domain, value))
    }

    /// How many tensors of a parameter's size the rule keeps.
    fn slots(&self) -> usize {
        match self {
            Self::Adam { .. } => 2,
            Self::RmsProp { .. } | Self::Sgd { .. } => 1,
        }
    }

    /// One update: the parameter after it. `step` counts from 1, `rate` scales the learning rate.
    fn updated(&self, value: Tensor<1>, grad: Tensor<1>, slots: &mut [Tensor<1>], step: u64, rate: f64) -> Tensor<1> {
        match *self {
            Self::Adam { lr, beta1, beta2, epsilon } => {
                let t = step as f64;
                // lr m^ / (sqrt(v^) + eps) with the corrections m^ = m / (1 - beta1^t), v^ = v / (1 - beta2^t).
                let rates = AdamRates {
                    beta1,
                    beta2,
                    size: -lr * rate / (1.0 - beta1.powf(t)),
                    root: 1.0 / (1.0 - beta2.powf(t)).sqrt(),
                    epsilon,
                };
                let moments = [slots[0].clone(), slots[1].clone()];
                let (value, moments) = ganvas_kernels::adam(value, grad, moments, rates);
                slots.clone_from_slice(&moments);
                value
            }
            Self::RmsProp { lr, alpha, epsilon } => {
                slots[0] = slots[0].clone().mul_scalar(alpha) + grad.clone().square().mul_scalar(1.0 - alpha);
                value + grad.mul_scalar(-lr * rate) / slots[0].clone().sqrt().add_scalar(epsilon)
            }
            Self::Sgd { lr, decay, lr_min, momentum, momentum_end, momentum_steps } => {
                let done = (step - 1) as f64;
                let lr = (lr / decay.powf(done)).max(lr_min) * rate;
                let share = (done / momentum_steps.max(1) as f64).min(1.0);
                let momentum = momentum + (momentum_end - momentum) * share;
                slots[0] = slots[0].clone().mul_scalar(momentum) - grad.mul_scalar(lr);
                value + slots[0].clone()
            }
        }
    }
}

/// An optimiser's settings and what it keeps of a network's gradients.
///
/// A network that several losses train in turn has one for each, so that the moments of opposed gradients do not mix: the
/// first belongs to [`Trained`], a further one takes its place for an update by [`Trained::by`].
#[derive(Clone)]
pub struct Optimizer {
    config: OptimizerConfig,
    updates: u64,
    slots: BTreeMap<String, Vec<Tensor<1>>>,
    /// Size and device of every parameter, by path: what a state that is read back has to fit.
    parameters: BTreeMap<String, (usize, Device)>,
}

impl Optimizer {
    /// For this network, of which it has seen no gradient yet.
    pub fn new<M: Module>(net: &M, config: OptimizerConfig) -> Self {
        Self { config, updates: 0, slots: BTreeMap::new(), parameters: parameters_of(net) }
    }

    /// Updates applied so far.
    pub fn updates(&self) -> u64 {
        self.updates
    }

    fn apply<M: Module>(&mut self, net: M, gradients: GradientsParams, rate: f64) -> M {
        self.updates += 1;
        let mut update = Update {
            path: Path::default(),
            gradients,
            config: &self.config,
            step: self.updates,
            rate,
            slots: &mut self.slots,
        };
        net.map(&mut update)
    }
}

/// A network with the optimiser that trains it.
#[derive(Clone)]
pub struct Trained<M> {
    /// The network.
    pub net: M,
    optimizer: Optimizer,
    average: Option<Average<M>>,
}

impl<M: Module> Trained<M> {
    /// A network that has had no update yet.
    pub fn new(net: M, config: OptimizerConfig) -> Self {
        Self { optimizer: Optimizer::new(&net, config), net, average: None }
    }

    /// The same with an exponential moving average of the weights, with a decay in [0, 1); 0: with none.
    pub fn averaged(mut self, decay: f64) -> Self {
        self.average = (decay > 0.0).then(|| Average::new(&self.net, decay));
        self
    }

    /// The network to draw samples from, on the device without gradients: the averaged one where there is one.
    pub fn shown(&self) -> M {
        self.average.as_ref().map_or_else(|| self.net.valid(), |average| average.net.clone())
    }

    /// The network as a constant: gradients flow through it, none is computed for its weights.
    pub fn frozen(&self) -> M {
        self.net.clone().no_grad()
    }

    /// Updates applied so far.
    pub fn updates(&self) -> u64 {
        self.optimizer.updates
    }

    /// The gradients of `loss` with respect to this network alone.
    pub fn gradients(&self, loss: Tensor<1>) -> GradientsParams {
        GradientsParams::from_grads(loss.backward(), &self.net)
    }

    /// Applies one update, with the learning rate times `rate`. A parameter without a gradient stays, with its moments.
    pub fn apply(&mut self, gradients: GradientsParams, rate: f64) {
        self.net = self.optimizer.apply(self.net.clone(), gradients, rate);
        if let Some(average) = &mut self.average {
            average.follow(&self.net, self.optimizer.updates);
        }
    }

    /// Forgets all gradients seen: the next update is by an optimiser that has just begun.
    pub fn begin_anew(&mut self) {
        self.optimizer = Optimizer::new(&self.net, self.optimizer.config);
    }

    /// Does something with another optimiser of this network in place of its own. Averaged weights follow the updates of
    /// the network's own alone: once a step, however many losses train it.
    pub fn by<T>(&mut self, other: &mut Optimizer, update: impl FnOnce(&mut Self) -> T) -> T {
        let average = self.average.take();
        std::mem::swap(&mut self.optimizer, other);
        let done = update(self);
        std::mem::swap(&mut self.optimizer, other);
        self.average = average;
        done
    }
}

/// The square of the Euclidean norm of all gradients of a module, on its device.
pub fn squared_norm<M: Module>(gradients: &GradientsParams, module: &M) -> Option<Tensor<1>> {
    struct Norm<'a> {
        gradients: &'a GradientsParams,
        sum: Option<Tensor<1>>,
    }
    impl burn::module::ModuleVisitor for Norm<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.gradients.get::<D>(param.id) {
                let square = ganvas_kernels::sum_of_squares(grad);
                self.sum = Some(match self.sum.take() {
                    None => square,
                    Some(sum) => sum + square,
                });
            }
        }
    }
    let mut norm = Norm { gradients, sum: None };
    module.visit(&mut norm);
    norm.sum
}

/// The gradients scaled down to a Euclidean norm of at most `most` over the whole network, where `norm` (`[1]`) is theirs:
/// g min(1, most / (norm + 1e-6)), the rule of PyTorch's `clip_grad_norm_` (Pascanu, Mikolov and Bengio 2013, algorithm 1).
/// Nothing is read from the device.
pub fn clipped<M: Module>(gradients: GradientsParams, module: &M, norm: Tensor<1>, most: f64) -> GradientsParams {
    let factor = norm.add_scalar(1e-6).recip().mul_scalar(most).clamp_max(1.0);
    struct Scale(Tensor<1>);
    impl Each for Scale {
        fn change<const D: usize>(&mut self, grad: Tensor<D>) -> Tensor<D> {
            grad * self.0.clone().reshape([1; D])
        }
    }
    changed(gradients, module, Scale(factor))
}

/// The gradients times a number.
pub fn scaled<M: Module>(gradients: GradientsParams, module: &M, factor: f64) -> GradientsParams {
    struct Scale(f64);
    impl Each for Scale {
        fn change<const D: usize>(&mut self, grad: Tensor<D>) -> Tensor<D> {
            grad.mul_scalar(self.0)
        }
    }
    changed(gradients, module, Scale(factor))
}

/// What is done with each gradient.
trait Each {
    fn change<const D: usize>(&mut self, grad: Tensor<D>) -> Tensor<D>;
}

fn changed<M: Module>(gradients: GradientsParams, module: &M, each: impl Each) -> GradientsParams {
    struct Visit<E> {
        gradients: GradientsParams,
        each: E,
    }
    impl<E: Each> burn::module::ModuleVisitor for Visit<E> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if let Some(grad) = self.gradients.remove::<D>(param.id) {
                self.gradients.register(param.id, self.each.change(grad));
            }
        }
    }
    let mut visit = Visit { gradients, each };
    module.visit(&mut visit);
    visit.gradients
}

/// All gradients of a network and `more` behind them, in one tensor, in the order of the parameters: what devices exchange.
pub fn packed<M: Module>(gradients: &GradientsParams, module: &M, more: Vec<Tensor<1>>) -> Tensor<1> {
    struct Collect<'g> {
        gradients: &'g GradientsParams,
        found: Vec<Tensor<1>>,
    }
    impl burn::module::ModuleVisitor for Collect<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.found.extend(self.gradients.get::<D>(param.id).map(|grad| grad.flatten(0, D - 1)));
        }
    }
    let mut collect = Collect { gradients, found: Vec::new() };
    module.visit(&mut collect);
    collect.found.extend(more);
    Tensor::cat(collect.found, 0)
}

/// What [`packed`] made a tensor of, for a network of the same shape and gradients of the same parameters: the gradients and,
/// each of one value, what stood behind them.
pub fn unpacked<M: Module>(
    packed: Tensor<1>,
    like: GradientsParams,
    module: &M,
    more: usize,
) -> (GradientsParams, Vec<Tensor<1>>) {
    struct Replace {
        packed: Tensor<1>,
        done: usize,
    }
    impl Replace {
        fn next(&mut self, n: usize) -> Tensor<1> {
            self.done += n;
            self.packed.clone().narrow(0, self.done - n, n)
        }
    }
    impl Each for &mut Replace {
        fn change<const D: usize>(&mut self, grad: Tensor<D>) -> Tensor<D> {
            self.next(grad.dims().iter().product()).reshape(grad.dims())
        }
    }
    let mut replace = Replace { packed, done: 0 };
    let gradients = changed(like, module, &mut replace);
    let more = (0..more).map(|_| replace.next(1)).collect();
    (gradients, more)
}

struct Update<'a> {
    path: Path,
    gradients: GradientsParams,
    config: &'a OptimizerConfig,
    step: u64,
    rate: f64,
    slots: &'a mut BTreeMap<String, Vec<Tensor<1>>>,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.enter(name);
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.exit();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(grad) = self.gradients.remove::<D>(id) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let tracked = tensor.is_require_grad();
        let value = tensor.inner();
        let shape = value.dims();
        let n: usize = shape.iter().product();
        let slots = self.slots.entry(self.path.below("")).or_insert_with(|| empty(self.config, n, &value.device()));
        let value = self.config.updated(value.reshape([n]), grad.reshape([n]), slots, self.step, self.rate);
        let value = value.reshape(shape);
        Param::from_mapped_value(id, Tensor::from_inner(value).set_require_grad(tracked), mapper)
    }
}

fn empty(config: &OptimizerConfig, n: usize, device: &Device) -> Vec<Tensor<1>> {
    vec![Tensor::zeros([n], device); config.slots()]
}

impl Part for Optimizer {
    fn remember(&self) -> Box<dyn Any> {
        Box::new(self.clone())
    }

    fn go_back(&mut self, to: Box<dyn Any>) {
        if let Ok(before) = to.downcast() {
            *self = *before;
        }
    }

    fn save(&self, name: &str, state: &mut State) {
        state.put_counter(format!("{name}/optimizer/updates"), self.updates);
        for (path, slots) in &self.slots {
            for (i, slot) in slots.iter().enumerate() {
                state.put(format!("{name}/optimizer/{i}{path}"), slot.clone());
            }
        }
    }

    fn load(&mut self, name: &str, state: &mut State) -> Result<(), StateError> {
        self.updates = state.take_counter(&format!("{name}/optimizer/updates"))?;
        self.slots.clear();
        // A parameter that no gradient has reached yet has no slots; one that has some has all.
        for (path, (n, device)) in &self.parameters {
            let entry = |slot: usize| format!("{name}/optimizer/{slot}{path}");
            if (0..self.config.slots()).all(|slot| !state.entries().contains_key(&entry(slot))) {
                continue;
            }
            let slots =
                (0..self.config.slots()).map(|slot| Ok(Tensor::from_data(state.take(&entry(slot), &[*n])?, device)));
            self.slots.insert(path.clone(), slots.collect::<Result<_, StateError>>()?);
        }
        if self.updates > 0 && self.slots.is_empty() {
            return Err(StateError::Missing { name: format!("{name}/optimizer/0") });
        }
        Ok(())
    }

    /// Those that it trains are the network's.
    fn parameters(&self) -> usize {
        0
    }

    fn export(&self, _: &str, _: &mut Weights) -> Result<(), ExportError> {
        Ok(())
    }
}

impl<M: Module + 'static> Part for Trained<M> {
    fn remember(&self) -> Box<dyn Any> {
        Box::new(self.clone())
    }

    fn go_back(&mut self, to: Box<dyn Any>) {
        if let Ok(before) = to.downcast() {
            *self = *before;
        }
    }

    fn save(&self, name: &str, state: &mut State) {
        save_module(&self.net, name, state);
        if let Some(average) = &self.average {
            save_module(&average.net, &average_of(name), state);
        }
        self.optimizer.save(name, state);
    }

    fn load(&mut self, name: &str, state: &mut State) -> Result<(), StateError> {
        self.net = load_module(self.net.clone(), name, state)?;
        if let Some(average) = &mut self.average {
            average.net = load_module(average.net.clone(), &average_of(name), state)?;
        }
        self.optimizer.load(name, state)
    }

    fn parameters(&self) -> usize {
        trainable(&self.net)
    }

    fn export(&self, name: &str, weights: &mut Weights) -> Result<(), ExportError> {
        export_module(&self.shown(), name, weights)
    }

    fn is_averaged(&self) -> bool {
        self.average.is_some()
    }

    fn forget_average(&mut self) {
        self.average = None;
    }
}

fn average_of(name: &str) -> String {
    format!("{name}/average")
}

/// Size and plain device of every parameter, by path.
fn parameters_of<M: Module>(module: &M) -> BTreeMap<String, (usize, Device)> {
    #[derive(Default)]
    struct Collect {
        path: Path,
        found: BTreeMap<String, (usize, Device)>,
    }
    impl burn::module::ModuleVisitor for Collect {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.enter(name);
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.exit();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val();
            self.found.insert(self.path.below(""), (tensor.dims().iter().product(), tensor.device().inner()));
        }
    }
    let mut collect = Collect::default();
    module.visit(&mut collect);
    collect.found
}

/// The sum of squares of a module's trained weights, `[1]`; biases and whatever else has one side are left out. None where
/// there are no weights.
pub fn sum_of_squares<M: Module>(module: &M) -> Option<Tensor<1>> {
    #[derive(Default)]
    struct Sum(Option<Tensor<1>>);
    impl burn::module::ModuleVisitor for Sum {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val();
            if D > 1 && tensor.is_require_grad() {
                let square = tensor.square().sum();
                self.0 = Some(match self.0.take() {
                    Some(sum) => sum + square,
                    None => square,
                });
            }
        }
    }
    let mut sum = Sum::default();
    module.visit(&mut sum);
    sum.0
}

/// The number of values of a module that a gradient reaches: buffers are not counted.
pub fn trainable<M: Module>(module: &M) -> usize {
    struct Count(usize);
    impl burn::module::ModuleVisitor for Count {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val();
            if tensor.is_require_grad() {
                self.0 += tensor.dims().iter().product::<usize>();
            }
        }
    }
    let mut count = Count(0);
    module.visit(&mut count);
    count.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::{Init, Initializer};
    use crate::layers::Linear;
    use crate::noise::Pass;
    use burn::optim::AdamConfig;
    use ganvas_prob::stream::Streams;

    fn net() -> Linear {
        let device = Device::flex().autodiff();
        Linear::new(3, 2, true, &mut Init::new(&Streams::new(1), "net", Initializer::He, &device))
    }

    fn loss(net: &Linear) -> Tensor<1> {
        let x = Tensor::<2>::from_floats([[0.5, -1.0, 2.0], [1.0, 0.1, -0.3]], &Device::flex().autodiff());
        (net.forward(x, Pass::Eval).tanh() - 0.5).square().sum()
    }

    fn weights(net: &Linear) -> Vec<f32> {
        net.weight.val().to_data().iter().chain(net.bias.as_ref().unwrap().val().to_data().iter()).collect()
    }

    fn step(trained: &mut Trained<Linear>) {
        let gradients = trained.gradients(loss(&trained.net));
        trained.apply(gradients, 1.0);
    }

    #[test]
    fn adam_follows_burns_adam() {
        let mut ours = Trained::new(net(), OptimizerConfig::adam(0.01, 0.5));
        let mut theirs = net();
        let mut adam = AdamConfig::new().with_beta_1(0.5).with_epsilon(1e-8).init();
        for _ in 0..50 {
            step(&mut ours);
            let gradients = GradientsParams::from_grads(loss(&theirs).backward(), &theirs);
            theirs = adam.step(0.01, theirs, gradients);
        }
        for (a, b) in weights(&ours.net).into_iter().zip(weights(&theirs)) {
            assert!((a - b).abs() < 1e-5, "{a} against {b}");
        }
    }

    #[test]
    fn gradients_are_clipped_over_the_whole_network() {
        let net = net();
        let gradients = || GradientsParams::from_grads(loss(&net).backward(), &net);
        let norm = |gradients: &GradientsParams| squared_norm(gradients, &net).unwrap().sqrt();
        let whole: f32 = norm(&gradients()).into_scalar();
        let half: f32 = norm(&clipped(gradients(), &net, norm(&gradients()), f64::from(whole) / 2.0)).into_scalar();
        assert!((half - whole / 2.0).abs() < 1e-5 * whole, "{half} is not half of {whole}");
        let kept: f32 = norm(&clipped(gradients(), &net, norm(&gradients()), 2.0 * f64::from(whole))).into_scalar();
        assert_eq!(kept, whole);
        let ratio = |gradients: GradientsParams| -> f32 {
            let of = |gradients: &GradientsParams| gradients.get::<1>(net.bias.as_ref().unwrap().id).unwrap();
            let bias: f32 = of(&gradients).abs().sum().into_scalar();
            bias / norm(&gradients).into_scalar::<f32>()
        };
        let clip = clipped(gradients(), &net, norm(&gradients()), 1e-3);
        assert!((ratio(clip) - ratio(gradients())).abs() < 1e-4, "the direction stays");
    }

    #[test]
    fn packed_gradients_are_the_same_unpacked() {
        let net = net();
        let gradients = GradientsParams::from_grads(loss(&net).backward(), &net);
        let more = [1.0, 2.0].map(|x| Tensor::<1>::from_floats([x], &Device::flex()));
        let one = packed(&gradients, &net, more.to_vec());
        assert_eq!(one.dims(), [2 * 3 + 2 + 2]);
        let like = GradientsParams::from_grads((loss(&net) * 0.0).backward(), &net);
        let (same, more) = unpacked(one, like, &net, 2);
        let values = |gradients: &GradientsParams| {
            let weight = gradients.get::<2>(net.weight.id).unwrap().to_data();
            (weight, gradients.get::<1>(net.bias.as_ref().unwrap().id).unwrap().to_data())
        };
        assert_eq!(values(&same), values(&gradients));
        assert_eq!(more.into_iter().map(|x| x.into_scalar::<f32>()).collect::<Vec<_>>(), [1.0, 2.0]);
    }

    /// Two updates by hand: gradients 1 and 2, v = 0.01 and 0.0499.
    #[test]
    fn rmsprop_follows_its_rule() {
        let config = OptimizerConfig::RmsProp { lr: 0.1, alpha: 0.99, epsilon: 1e-8 };
        let device = Device::flex();
        let mut slots = empty(&config, 1, &device);
        for (step, gradient, v) in [(1, 1.0f32, 0.01f32), (2, 2.0, 0.0499)] {
            let change = config.updated(
                Tensor::zeros([1], &device),
                Tensor::from_floats([gradient], &device),
                &mut slots,
                step,
                1.0,
            );
            let expected = -0.1 * gradient / v.sqrt();
            assert!((change.into_scalar::<f32>() - expected).abs() < 1e-5);
        }
    }

    /// Three updates by hand of one weight with the constant gradient 1.
    #[test]
    fn sgd_follows_its_schedule() {
        let config = OptimizerConfig::Sgd {
            lr: 0.1,
            decay: 2.0,
            lr_min: 0.03,
            momentum: 0.5,
            momentum_end: 0.7,
            momentum_steps: 2,
        };
        let device = Device::flex();
        let mut slots = empty(&config, 1, &device);
        let mut changes = Vec::new();
        for step in 1..=3 {
            let zero = Tensor::zeros([1], &device);
            changes.push(config.updated(zero, Tensor::ones([1], &device), &mut slots, step, 1.0).into_scalar::<f32>());
        }
        let first: f32 = -0.1;
        let second = 0.6 * first - 0.05;
        let third = 0.7 * second - 0.03;
        for (got, expected) in changes.iter().zip([first, second, third]) {
            assert!((got - expected).abs() < 1e-6, "{changes:?}");
        }
    }

    #[test]
    fn a_network_continues_from_its_state_exactly() {
        let mut unbroken = Trained::new(net(), OptimizerConfig::adam(0.01, 0.9));
        for _ in 0..5 {
            step(&mut unbroken);
        }
        let mut state = State::default();
        unbroken.save("net", &mut state);
        let mut resumed = Trained::new(net(), OptimizerConfig::adam(0.01, 0.9));
        resumed.load("net", &mut state).unwrap();
        state.finish().unwrap();
        for _ in 0..5 {
            step(&mut unbroken);
            step(&mut resumed);
        }
        assert_eq!(weights(&unbroken.net), weights(&resumed.net));
    }

    /// The loss of a network's bias alone: its other parameter stays.
    fn loss_of_bias(net: &Linear) -> Tensor<1> {
        net.bias.as_ref().unwrap().val().sub_scalar(1.0).square().sum()
    }

    #[test]
    fn each_optimiser_of_a_network_has_its_own_moments_and_state() {
        let adam = OptimizerConfig::adam(0.01, 0.9);
        let mut trained = Trained::new(net(), adam).averaged(0.5);
        let mut other = Optimizer::new(&trained.net, OptimizerConfig::adam(0.05, 0.0));
        let both = |trained: &mut Trained<Linear>, other: &mut Optimizer| {
            step(trained);
            let before = (trained.net.weight.val().to_data(), trained.shown().bias.unwrap().val().to_data());
            trained.by(other, |trained| {
                let gradients = trained.gradients(loss_of_bias(&trained.net));
                trained.apply(gradients, 1.0);
            });
            assert_eq!(trained.net.weight.val().to_data(), before.0, "no gradient, no update");
            assert_eq!(trained.shown().bias.unwrap().val().to_data(), before.1, "the average follows the first alone");
        };
        for _ in 0..3 {
            both(&mut trained, &mut other);
        }
        assert_eq!((trained.updates(), other.updates()), (3, 3));
        assert_eq!(other.slots.keys().collect::<Vec<_>>(), [".bias"]);
        // What a bias has of each: the mean of opposed gradients in one, the last gradient alone (beta1 = 0) in the other.
        assert_ne!(trained.optimizer.slots[".bias"][0].to_data(), other.slots[".bias"][0].to_data());

        let mut state = State::default();
        trained.save("net", &mut state);
        other.save("other", &mut state);
        let mut resumed = Trained::new(net(), adam).averaged(0.5);
        let mut resumed_other = Optimizer::new(&resumed.net, OptimizerConfig::adam(0.05, 0.0));
        resumed.load("net", &mut state).unwrap();
        resumed_other.load("other", &mut state).unwrap();
        state.finish().unwrap();
        both(&mut trained, &mut other);
        both(&mut resumed, &mut resumed_other);
        assert_eq!(weights(&trained.net), weights(&resumed.net));
        assert_eq!(weights(&trained.shown()), weights(&resumed.shown()));
    }

    #[test]
    fn moments_that_do_not_fit_are_named() {
        let mut trained = Trained::new(net(), OptimizerConfig::adam(0.01, 0.9));
        step(&mut trained);
        let mut whole = State::default();
        trained.save("net", &mut whole);
        let moment = "net/optimizer/1.weight";
        assert!(whole.entries().contains_key(moment), "{:?}", whole.entries().keys());
        let mut missing = whole.entries().clone();
        missing.remove(moment);
        let error = trained.load("net", &mut State::from_entries(missing)).unwrap_err();
        assert_eq!(error, StateError::Missing { name: moment.into() });
        let mut short = whole.entries().clone();
        short.insert(moment.into(), burn::tensor::TensorData::new(vec![1.0f32], [1]));
        let error = trained.load("net", &mut State::from_entries(short)).unwrap_err();
        assert!(matches!(error, StateError::Shape { name, .. } if name == moment));
        let weights =
            whole.entries().iter().filter(|(name, _)| !name.contains("/optimizer/0") && !name.contains("/optimizer/1"));
        let none = weights.map(|(name, data)| (name.clone(), data.clone())).collect();
        assert!(trained.load("net", &mut State::from_entries(none)).is_err(), "updates without moments");
    }

    #[test]
    fn a_state_that_does_not_fit_is_named() {
        let mut state = State::default();
        Trained::new(net(), OptimizerConfig::adam(0.01, 0.9)).save("other", &mut state);
        let mut trained = Trained::new(net(), OptimizerConfig::adam(0.01, 0.9));
        let error = trained.load("net", &mut state).unwrap_err();
        assert!(matches!(error, StateError::Missing { ref name } if name.starts_with("net.")), "{error}");
    }

    #[test]
    fn a_frozen_network_passes_gradients_on_and_gets_none() {
        let trained = Trained::new(net(), OptimizerConfig::adam(0.01, 0.9));
        let frozen = trained.frozen();
        let device = Device::flex().autodiff();
        let x = Tensor::<2>::ones([1, 3], &device).require_grad();
        let mut grads = frozen.forward(x.clone(), Pass::Eval).sum().backward();
        assert!(x.grad(&grads).is_some());
        assert!(GradientsParams::from_module(&mut grads, &trained.net).is_empty());
    }

    #[test]
    fn a_negative_rate_is_a_fault() {
        assert_eq!(OptimizerConfig::adam(-0.1, 0.5).fault(), Some(("lr", "a positive number", -0.1)));
        assert_eq!(OptimizerConfig::adam(0.1, 0.5).fault(), None);
    }
}
