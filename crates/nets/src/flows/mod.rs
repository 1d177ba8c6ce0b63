//! Normalising flows: invertible maps of flat items whose change of volume is known, so that a density can be followed
//! through them, log q(f(x)) = log q(x) - log |det df/dx| (Rezende and Mohamed 2015, eq. 5).
//!
//! | flow | one pass | inverse | context |
//! | --- | --- | --- | --- |
//! | [`Maf`] | items to noise: densities | a pass for each dimension | yes |
//! | [`Iaf`] | noise to items: samples | a pass for each dimension | yes |
//! | [`Planar`] | along a plane | none | no |
//! | [`Radial`] | around a point | closed form | no |
//!
//! Each starts near the identity. [`FlowConfig`] names one of them, [`AnyFlow`] is the one that it names.

mod autoregressive;
mod made;
mod planar;
mod radial;

pub use autoregressive::{Iaf, Maf};
pub use made::{Made, MadeConfig, Order};
pub use planar::Planar;
pub(crate) use planar::PlanarLayer;
pub use radial::Radial;
pub(crate) use radial::RadialLayer;

use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use crate::init::{Init, Initializer};
use crate::layers::Activation;

/// An invertible map with its change of volume.
pub trait Flow {
    /// y = f(x), and log |det dy/dx| of each item, given a context of the width that the flow was made for. A flow
    /// without one does not look at it.
    ///
    /// # Shapes
    /// `[batch, dims]` and `[batch, context]` to `[batch, dims]` and `[batch]`.
    fn forward(&self, x: Tensor<2>, context: Option<Tensor<2>>) -> (Tensor<2>, Tensor<1>);
}

/// A flow that can be run backwards.
pub trait Inverse: Flow {
    /// The x with f(x) = y.
    ///
    /// # Shapes
    /// `[batch, dims]` and `[batch, context]` to `[batch, dims]`.
    fn inverse(&self, y: Tensor<2>, context: Option<Tensor<2>>) -> Tensor<2>;
}

/// Log-density of each item under N(0, I), in nats.
///
/// # Shapes
/// `[batch, dims]` to `[batch]`.
pub fn log_standard_normal(x: Tensor<2>) -> Tensor<1> {
    let constant = 0.5 * x.dims()[1] as f64 * std::f64::consts::TAU.ln();
    sum_over_dims(x.square()).mul_scalar(-0.5).sub_scalar(constant)
}

/// `[batch, dims]` to `[batch]`.
fn sum_over_dims(x: Tensor<2>) -> Tensor<1> {
    x.sum_dim(1).squeeze_dim(1)
}

/// One map after the other: their log-determinants add up.
fn chain<L>(
    x: Tensor<2>,
    layers: impl IntoIterator<Item = L>,
    forward: impl Fn(L, Tensor<2>) -> (Tensor<2>, Tensor<1>),
) -> (Tensor<2>, Tensor<1>) {
    let none = Tensor::zeros([x.dims()[0]], (&x.device(), x.dtype()));
    layers.into_iter().fold((x, none), |(x, before), layer| {
        let (y, log_det) = forward(layer, x);
        (y, before + log_det)
    })
}

/// Which flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlowKind {
    /// [`Maf`].
    Maf,
    /// [`Iaf`].
    Iaf,
    /// [`Planar`].
    Planar,
    /// [`Radial`].
    Radial,
}

/// A flow and its settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowConfig {
    /// Which.
    pub kind: FlowKind,
    /// Maps in a row: blocks of a MAF or IAF, layers of a planar or radial flow.
    pub layers: usize,
    /// Units of each hidden layer of a block; planar and radial flows have none.
    #[serde(default)]
    pub hidden: Vec<usize>,
    /// What follows each hidden layer.
    #[serde(default = "relu")]
    pub activation: Activation,
    /// Rule for the initial weights.
    #[serde(default = "he")]
    pub init: Initializer,
}

fn relu() -> Activation {
    Activation::Relu
}

fn he() -> Initializer {
    Initializer::He
}

impl FlowConfig {
    /// So many maps in a row; with hidden layers of these units in each where the kind has some, ReLU behind them.
    pub fn new(kind: FlowKind, layers: usize, hidden: &[usize]) -> Self {
        Self { kind, layers, hidden: hidden.to_vec(), activation: relu(), init: he() }
    }

    /// The networks of a MAF or IAF.
    pub fn made(&self) -> MadeConfig {
        MadeConfig::new(&self.hidden, self.activation, self.init)
    }

    /// The first setting that is out of its domain, as (name, what it must be, value), for items of `dims` values and a
    /// context of `context`.
    ///
    /// Eight blocks with log-scales below 4 change a value by less than e^32 = 8e13: the square of what was 1e4, in
    /// a density, is still a 32-bit float.
    pub fn fault(&self, dims: usize, context: usize) -> Option<(&'static str, &'static str, String)> {
        let layers = |domain, most| {
            let inside = (1..=most).contains(&self.layers);
            (!inside).then(|| ("layers", domain, self.layers.to_string()))
        };
        match self.kind {
            FlowKind::Maf | FlowKind::Iaf => layers("1 to 8 blocks", 8).or_else(|| self.made().fault(dims, context)),
            FlowKind::Planar | FlowKind::Radial if !self.hidden.is_empty() => {
                Some(("hidden", "empty for a planar or radial flow", format!("{:?}", self.hidden)))
            }
            FlowKind::Planar | FlowKind::Radial => layers("1 to 256 layers", 256)
                .or_else(|| self.init.fault().map(|(name, domain, value)| (name, domain, value.to_string()))),
        }
    }
}

/// One of the flows.
#[derive(Module, Debug)]
pub enum AnyFlow {
    /// Items to noise.
    Maf(Maf),
    /// Noise to items.
    Iaf(Iaf),
    /// Along planes.
    Planar(Planar),
    /// Around points.
    Radial(Radial),
}

impl AnyFlow {
    /// For items of `dims` values and a context of `context` values, 0 for none; planar and radial flows use none.
    pub fn new(dims: usize, context: usize, config: &FlowConfig, init: &mut Init) -> Self {
        match config.kind {
            FlowKind::Maf => Self::Maf(Maf::new(dims, context, config.layers, &config.made(), init)),
            FlowKind::Iaf => Self::Iaf(Iaf::new(dims, context, config.layers, &config.made(), init)),
            FlowKind::Planar => Self::Planar(Planar::new(dims, config.layers, init)),
            FlowKind::Radial => Self::Radial(Radial::new(dims, config.layers, init)),
        }
    }

    /// The x with f(x) = y, of a flow that has an [`Inverse`].
    ///
    /// # Shapes
    /// `[batch, dims]` and `[batch, context]` to `[batch, dims]`.
    pub fn inverse(&self, y: Tensor<2>, context: Option<Tensor<2>>) -> Option<Tensor<2>> {
        match self {
            Self::Maf(flow) => Some(flow.inverse(y, context)),
            Self::Iaf(flow) => Some(flow.inverse(y, context)),
            Self::Planar(_) => None,
            Self::Radial(flow) => Some(flow.inverse(y, context)),
        }
    }
}

impl Flow for AnyFlow {
    fn forward(&self, x: Tensor<2>, context: Option<Tensor<2>>) -> (Tensor<2>, Tensor<1>) {
        match self {
            Self::Maf(flow) => flow.forward(x, context),
            Self::Iaf(flow) => flow.forward(x, context),
            Self::Planar(flow) => flow.forward(x, context),
            Self::Radial(flow) => flow.forward(x, context),
        }
    }
}

#[cfg(test)]
mod testing;

#[cfg(test)]
mod tests {
    use super::testing::{init, jacobian_error, points, stirred};
    use super::*;
    use crate::dual::in_double_precision;
    use crate::optim::{OptimizerConfig, Trained, trainable};
    use crate::state::{Part, State};
    use burn::module::{ModuleVisitor, Param};
    use burn::optim::GradientsParams;
    use burn::tensor::{DType, Device};
    use serde::de::value::{Error, MapDeserializer};

    const KINDS: [FlowKind; 4] = [FlowKind::Maf, FlowKind::Iaf, FlowKind::Planar, FlowKind::Radial];

    fn config(kind: FlowKind) -> FlowConfig {
        let hidden: &[usize] = if matches!(kind, FlowKind::Maf | FlowKind::Iaf) { &[32, 32] } else { &[] };
        FlowConfig { activation: Activation::Tanh, init: Initializer::Glorot, ..FlowConfig::new(kind, 3, hidden) }
    }

    fn flow(kind: FlowKind, dims: usize, context: usize, device: &Device) -> AnyFlow {
        assert_eq!(config(kind).fault(dims, context), None);
        AnyFlow::new(dims, context, &config(kind), &mut init(device))
    }

    #[test]
    fn log_determinants_are_those_of_the_numerical_jacobian() {
        for (kind, dims, context) in KINDS.into_iter().flat_map(|kind| [(kind, 4, 0), (kind, 4, 3), (kind, 1, 0)]) {
            let flow = in_double_precision(stirred(flow(kind, dims, context, &Device::flex()), 0.3));
            // The same context for all that is compared.
            let given = |x: &Tensor<2>| {
                let shape = [x.dims()[0], context];
                (context > 0).then(|| Tensor::full(shape, 0.4, (&Device::flex(), DType::F64)))
            };
            let x = points(16, dims, 1.0).cast(DType::F64);
            let (_, log_det) = flow.forward(x.clone(), given(&x));
            assert!(log_det.abs().max().into_scalar::<f64>() > 0.1, "{kind:?}: far from the identity");
            let error = jacobian_error(|x| flow.forward(x.clone(), given(&x)), x);
            assert!(error < 1e-6, "{kind:?} of {dims} dimensions, context {context}: {error}");
        }
    }

    #[test]
    fn all_but_the_planar_flow_have_an_inverse() {
        for (kind, dims) in KINDS.into_iter().flat_map(|kind| [1, 4].map(|dims| (kind, dims))) {
            let flow = stirred(flow(kind, dims, 0, &Device::flex()), 0.2);
            let x = points(32, dims, 1.0);
            let Some(back) = flow.inverse(flow.forward(x.clone(), None).0, None) else {
                assert_eq!(kind, FlowKind::Planar);
                continue;
            };
            let error: f64 = (back - x).abs().max().into_scalar();
            assert!(error < 1e-4, "{kind:?} of {dims} dimensions: {error}");
        }
    }

    #[test]
    fn a_new_flow_is_near_the_identity() {
        for kind in KINDS {
            let flow = flow(kind, 8, 0, &Device::flex());
            let x = points(64, 8, 1.0);
            let (y, log_det) = flow.forward(x.clone(), None);
            assert!((y - x).abs().max().into_scalar::<f64>() < 0.2, "{kind:?}");
            assert!(log_det.abs().max().into_scalar::<f64>() < 0.5, "{kind:?}");
        }
    }

    #[test]
    fn far_items_keep_finite_values_and_densities() {
        for (kind, dims) in KINDS.into_iter().flat_map(|kind| [1, 4, 64].map(|dims| (kind, dims))) {
            let flow = stirred(flow(kind, dims, 0, &Device::flex()), 1.0);
            for x in [1e4, -1e4, 0.0] {
                let x = Tensor::full([2, dims], x, &Device::flex());
                let (y, log_det) = flow.forward(x, None);
                let density = log_standard_normal(y.clone()) + log_det;
                assert!(y.clone().is_finite().all().into_scalar::<bool>(), "{kind:?} {dims}");
                assert!(density.is_finite().all().into_scalar::<bool>(), "{kind:?} {dims}");
                let back = flow.inverse(y.clone(), None).unwrap_or(y);
                assert!(back.is_finite().all().into_scalar::<bool>(), "{kind:?} {dims}");
            }
        }
    }

    /// The parameters that a gradient other than 0 reaches, and all.
    fn reached(gradients: &GradientsParams, flow: &AnyFlow) -> (usize, usize) {
        struct Count<'g>(&'g GradientsParams, usize, usize);
        impl ModuleVisitor for Count<'_> {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                let gradient = self.0.get::<D>(param.id);
                let largest = gradient.map_or(0.0, |gradient| gradient.abs().max().into_scalar::<f64>());
                assert!(largest.is_finite());
                self.1 += usize::from(largest > 0.0);
                self.2 += 1;
            }
        }
        let mut count = Count(gradients, 0, 0);
        flow.visit(&mut count);
        (count.1, count.2)
    }

    #[test]
    fn gradients_reach_every_parameter_and_the_context() {
        let device = Device::flex().autodiff();
        for (kind, dims) in KINDS.into_iter().flat_map(|kind| [1, 4].map(|dims| (kind, dims))) {
            let trained = Trained::new(flow(kind, dims, 2, &device), OptimizerConfig::adam(1e-3, 0.9));
            let context = Tensor::<2>::from_inner(points(16, 2, 1.0)).require_grad();
            let (y, log_det) = trained.net.forward(Tensor::from_inner(points(16, dims, 2.0)), Some(context.clone()));
            let mut gradients = (log_standard_normal(y) + log_det).mean().backward();
            let autoregressive = matches!(kind, FlowKind::Maf | FlowKind::Iaf);
            assert_eq!(context.grad(&gradients).is_some(), autoregressive, "{kind:?}");
            let gradients = GradientsParams::from_module(&mut gradients, &trained.net);
            let (with, all) = reached(&gradients, &trained.net);
            assert_eq!(with, all, "{kind:?} of {dims} dimensions");
            assert_eq!(trainable(&trained.net), trained.parameters());
        }
    }

    #[test]
    fn a_flow_that_is_read_back_is_the_same() {
        let device = Device::flex().autodiff();
        let x = points(4, 6, 1.0);
        let shown = |trained: &Trained<AnyFlow>| trained.shown().forward(x.clone(), None).0.to_data();
        for kind in KINDS {
            let new = |sd| Trained::new(stirred(flow(kind, 6, 0, &device), sd), OptimizerConfig::adam(1e-3, 0.9));
            let (written, mut read) = (new(0.3).averaged(0.9), new(0.0).averaged(0.9));
            let mut state = State::default();
            written.save("flow", &mut state);
            assert_ne!(shown(&written), shown(&read), "{kind:?}");
            read.load("flow", &mut state).unwrap();
            state.finish().unwrap();
            assert_eq!(shown(&written), shown(&read), "{kind:?}");
        }
    }

    #[test]
    fn settings_out_of_their_domain_are_named() {
        let fault = |config: FlowConfig| config.fault(8, 0).map(|fault| fault.0);
        for kind in KINDS {
            assert_eq!(fault(FlowConfig { layers: 0, ..config(kind) }), Some("layers"));
            assert_eq!(fault(FlowConfig { layers: 300, ..config(kind) }), Some("layers"));
            let init = Initializer::Uniform { bound: f64::NAN };
            assert_eq!(fault(FlowConfig { init, ..config(kind) }), Some("init.bound"));
        }
        assert_eq!(fault(FlowConfig { hidden: vec![0], ..config(FlowKind::Maf) }), Some("hidden"));
        assert_eq!(fault(FlowConfig { hidden: vec![8], ..config(FlowKind::Planar) }), Some("hidden"));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let entries = [("kind", "planar"), ("colour", "red")];
        let read = FlowConfig::deserialize(MapDeserializer::<_, Error>::new(entries.into_iter()));
        assert!(read.unwrap_err().to_string().starts_with("unknown field `colour`"));
    }
}
