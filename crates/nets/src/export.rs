//! A network's values with the names and layouts of PyTorch, for `load_state_dict`.
//!
//! Each layer says beside its code what PyTorch calls its values and how it lays them out ([`TorchLayer`]); [`LAYERS`]
//! lists them all. A value that no layer in the list claims is an error, so that nothing leaves in a layout that nobody
//! has thought of. What is built from layers keeps its own names: fields, and numbers within a list.

use std::collections::BTreeMap;

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Bool, Int, Tensor, TensorData};

use crate::encoder::Encoder;
use crate::flows::{PlanarLayer, RadialLayer};
use crate::layers::{
    BatchNorm, Codebook, Conv2d, ConvTranspose2d, GroupNorm, Linear, Lstm, Moments, PRelu, SpectralNorm, Values,
};

/// Values by the names of a PyTorch `state_dict`: 32-bit floats, and counters as 64-bit integers without a side.
pub type Weights = BTreeMap<String, TensorData>;

/// Why a network cannot be exported.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ExportError {
    /// A value of a layer whose names and layouts in PyTorch are not written down.
    #[error("`{name}` belongs to `{layer}`, whose names and layouts in PyTorch are not known")]
    Unknown {
        /// The value, by its path here.
        name: String,
        /// The type of the layer that has it.
        layer: String,
    },
}

/// How PyTorch lays a value out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// As it is here.
    Same,
    /// With the last two sides exchanged.
    Transposed,
    /// Zeros of the same shape: PyTorch has two where there is one here, and adds them up.
    Zeros,
}

/// What PyTorch has for a layer.
#[derive(Clone, Copy, Debug)]
pub struct TorchLayer {
    /// The name of the layer's type here.
    pub layer: &'static str,
    /// What it is in PyTorch, below `torch`.
    pub torch: &'static str,
    /// Each value: its name here, its name there, its layout there.
    pub values: &'static [(&'static str, &'static str, Layout)],
    /// What PyTorch's layer has beside, as counters that are 0.
    pub counters: &'static [&'static str],
}

/// All layers that have values.
pub const LAYERS: [TorchLayer; 14] = [
    Linear::TORCH,
    Lstm::TORCH,
    Conv2d::TORCH,
    ConvTranspose2d::TORCH,
    BatchNorm::TORCH,
    GroupNorm::TORCH,
    SpectralNorm::TORCH,
    Encoder::TORCH,
    Values::<1>::TORCH,
    Moments::TORCH,
    PlanarLayer::TORCH,
    RadialLayer::TORCH,
    Codebook::TORCH,
    PRelu::TORCH,
];

/// Adds all values of a module to `weights`, under `name`.
///
/// # Errors
/// If a value is of no layer in [`LAYERS`].
pub fn export_module<M: Module>(module: &M, name: &str, weights: &mut Weights) -> Result<(), ExportError> {
    let mut export = Export { path: vec![(name.to_owned(), String::new())], weights, error: None };
    module.visit(&mut export);
    if let Some(error) = export.error {
        return Err(error);
    }
    // PyTorch keeps the vectors of a spectral norm beside the weight, which it then calls the original.
    let below =
        |key: &str| key.strip_suffix("spectral.weight_u").or(key.strip_suffix("spectral.weight_v")).map(str::to_owned);
    for (key, layer) in weights.keys().filter_map(|key| Some((key.clone(), below(key)?))).collect::<Vec<_>>() {
        let mut rename = |from: String, to: String| {
            if let Some(value) = weights.remove(&from) {
                weights.insert(to, value);
            }
        };
        rename(format!("{layer}weight"), format!("{layer}weight_orig"));
        rename(key.clone(), key.replace("spectral.", ""));
    }
    Ok(())
}

struct Export<'a> {
    /// Each name on the way, with the type of what it is a name in.
    path: Vec<(String, String)>,
    weights: &'a mut Weights,
    error: Option<ExportError>,
}

impl Export<'_> {
    /// The layer that has the value which the walk is at, and the value's names and layouts.
    fn known(&self) -> Option<(&'static TorchLayer, Vec<(&'static str, Layout)>)> {
        let (name, owner) = self.path.last()?;
        let layer = LAYERS.iter().find(|layer| owner.strip_prefix("Struct:") == Some(layer.layer))?;
        let values = layer.values.iter().filter(|(ours, ..)| ours == name).map(|&(_, torch, layout)| (torch, layout));
        let values: Vec<_> = values.collect();
        (!values.is_empty()).then_some((layer, values))
    }

    /// The name of a value in PyTorch. Which variant an enum holds is no part of it.
    fn named(&self, value: &str) -> String {
        let (_, above) = self.path.split_last().unwrap_or((&(String::new(), String::new()), &[]));
        let above = above.iter().filter(|(_, owner)| !owner.starts_with("Enum:")).map(|(name, _)| name.as_str());
        above.chain([value]).collect::<Vec<_>>().join(".")
    }

    fn refuse(&mut self) {
        let name = self.path.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(".");
        let layer = self.path.last().map_or("", |(_, owner)| owner.rsplit(':').next().unwrap_or_default()).to_owned();
        self.error.get_or_insert(ExportError::Unknown { name, layer });
    }
}

impl ModuleVisitor for Export<'_> {
    fn enter_module(&mut self, name: &str, owner: &str) {
        self.path.push((name.to_owned(), owner.to_owned()));
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some((layer, values)) = self.known() else { return self.refuse() };
        for (torch, layout) in values {
            let value = match layout {
                Layout::Same => param.val(),
                Layout::Transposed => param.val().transpose(),
                Layout::Zeros => param.val().zeros_like(),
            };
            let name = self.named(torch);
            self.weights.insert(name, value.to_data().convert::<f32>());
        }
        for counter in layer.counters {
            let name = self.named(counter);
            self.weights.insert(name, TensorData::new(vec![0i64], [0usize; 0]));
        }
    }

    fn visit_int<const D: usize>(&mut self, _: &Param<Tensor<D, Int>>) {
        self.refuse();
    }

    fn visit_bool<const D: usize>(&mut self, _: &Param<Tensor<D, Bool>>) {
        self.refuse();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::init::{Init, Initializer};
    use crate::labels::Conditioning;
    use crate::layers::{Activation, Buffer, ConditionalBatchNorm};
    use crate::mlp::{Mlp, MlpConfig};
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn init() -> Init {
        Init::new(&Streams::new(1), "net", Initializer::He, &Device::flex())
    }

    #[test]
    fn a_linear_layer_is_transposed() {
        let mut init = init();
        let mut layer = Linear::new(3, 2, true, &mut init);
        layer.weight = init.parameter(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [3, 2]);
        let mut weights = Weights::new();
        export_module(&layer, "net", &mut weights).unwrap();
        assert_eq!(weights["net.weight"].shape().as_slice(), [2, 3]);
        assert_eq!(weights["net.weight"].iter::<f32>().collect::<Vec<_>>(), [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        assert_eq!(weights["net.bias"].shape().as_slice(), [2]);
    }

    #[test]
    fn a_batch_norm_has_pytorchs_names() {
        let mut weights = Weights::new();
        export_module(&vec![BatchNorm::new(4, &mut init())], "norms", &mut weights).unwrap();
        let names: Vec<&str> = weights.keys().map(String::as_str).collect();
        let expected = ["bias", "num_batches_tracked", "running_mean", "running_var", "weight"];
        assert_eq!(names, expected.map(|name| format!("norms.0.{name}")));
        assert_eq!(weights["norms.0.num_batches_tracked"].shape().as_slice(), [0usize; 0]);
    }

    #[test]
    fn the_variant_of_a_layer_is_no_part_of_its_name() {
        let config = |maxout| MlpConfig { maxout, ..MlpConfig::new(&[4], Activation::Relu, Initializer::He) };
        for (maxout, hidden) in [(0, "net.hidden.0"), (2, "net.hidden.0.linear")] {
            let mut weights = Weights::new();
            export_module(&Mlp::new(3, 2, &config(maxout), &mut init()), "net", &mut weights).unwrap();
            let names: Vec<&String> = weights.keys().collect();
            let of = |layer: &str| [format!("{layer}.bias"), format!("{layer}.weight")];
            assert_eq!(names, [of(hidden), of("net.output")].concat().iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_layer_that_says_nothing_is_refused() {
        #[derive(Module, Debug)]
        struct Scale {
            gain: Buffer<1>,
        }
        #[derive(Module, Debug)]
        struct Net {
            first: Linear,
            scale: Scale,
        }
        let scale = Scale { gain: Buffer::new(Tensor::ones([2], &Device::flex())) };
        let net = Net { first: Linear::new(2, 2, true, &mut init()), scale };
        let error = export_module(&net, "net", &mut Weights::new()).unwrap_err();
        assert_eq!(error, ExportError::Unknown { name: "net.scale.gain".into(), layer: "Scale".into() });
    }

    #[test]
    fn spectral_norms_have_their_names() {
        let mut weights = Weights::new();
        let mut init = init();
        let layer = Linear::new(3, 2, true, &mut init).spectral(&mut init);
        export_module(&layer, "net", &mut weights).unwrap();
        let names: Vec<(&str, &[usize])> =
            weights.iter().map(|(name, data)| (name.as_str(), &data.shape()[..])).collect();
        let expected: [(&str, &[usize]); 4] =
            [("net.bias", &[2]), ("net.weight_orig", &[2, 3]), ("net.weight_u", &[2]), ("net.weight_v", &[3])];
        assert_eq!(names, expected);
    }

    #[test]
    fn what_knows_classes_has_its_names() {
        let mut init = init();
        let mut weights = Weights::new();
        export_module(&ConditionalBatchNorm::new(4, 3, &mut init), "norm", &mut weights).unwrap();
        let names: Vec<&str> = weights.keys().map(String::as_str).collect();
        // A batch norm of PyTorch without gain and offset has no values for them.
        let expected =
            ["gain.weight", "norm.num_batches_tracked", "norm.running_mean", "norm.running_var", "offset.weight"];
        assert_eq!(names, expected.map(|name| format!("norm.{name}")));
        assert_eq!(weights["norm.gain.weight"].shape().as_slice(), [4, 3]);
        let mut weights = Weights::new();
        let config = MlpConfig { spectral: true, ..MlpConfig::new(&[4], Activation::Relu, Initializer::He) };
        let net = Mlp::new(2, 1, &config, &mut init).with_classes(Conditioning::Projection, 3, &config, &mut init);
        export_module(&net, "net", &mut weights).unwrap();
        let head: Vec<&str> = weights.keys().filter_map(|name| name.strip_prefix("net.head.")).collect();
        assert_eq!(head, ["weight_orig", "weight_u", "weight_v"]);
        assert_eq!(weights["net.head.weight_orig"].shape().as_slice(), [3, 4]);
    }

    /// The table of the book has a line for every value.
    #[test]
    fn the_book_lists_every_value() {
        let page = include_str!("../../../docs/src/guide/export.md");
        for layer in LAYERS {
            for (ours, torch, layout) in layer.values {
                let layout = match layout {
                    Layout::Same => "as it is",
                    Layout::Transposed => "transposed",
                    Layout::Zeros => "zeros",
                };
                let line = format!("| `{}` | `{ours}` | `{}` | `{torch}` | {layout}", layer.layer, layer.torch);
                assert!(page.contains(&line), "{line}");
            }
        }
    }
}
