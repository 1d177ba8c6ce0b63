//! Everything that a network or an optimiser keeps, by name.
//!
//! A [`State`] is a flat map from dotted names to values, the content of a checkpoint. Something that has to survive a
//! restart implements [`Part`]: it writes itself under a name and reads itself back, strictly: a missing entry, a
//! wrong shape and (by [`State::finish`]) an entry that nobody wanted are errors.

use std::any::Any;
use std::collections::BTreeMap;

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{DType, Tensor, TensorData};

use crate::export::{ExportError, Weights, export_module};

/// What can be wrong with a state that is read back.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StateError {
    /// An entry that the network needs is not there.
    #[error("the checkpoint has no `{name}`")]
    Missing {
        /// Name of the entry.
        name: String,
    },
    /// An entry has another shape than the network's.
    #[error("`{name}` has shape {got:?} in the checkpoint, the network needs {expected:?}")]
    Shape {
        /// Name of the entry.
        name: String,
        /// The network's shape.
        expected: Vec<usize>,
        /// The checkpoint's shape.
        got: Vec<usize>,
    },
    /// An entry is of another type than 32-bit floats (counters: 64-bit integers).
    #[error("`{name}` is of a type that cannot be read here")]
    Type {
        /// Name of the entry.
        name: String,
    },
    /// An entry that nothing asked for.
    #[error("the checkpoint holds `{name}`, which this system does not have")]
    Unused {
        /// Name of the entry.
        name: String,
    },
}

/// Named values: weights, statistics, optimiser moments and counters.
#[derive(Clone, Debug, Default)]
pub struct State {
    entries: BTreeMap<String, TensorData>,
}

impl State {
    /// A state with these entries.
    pub fn from_entries(entries: BTreeMap<String, TensorData>) -> Self {
        Self { entries }
    }

    /// The entries, by name.
    pub fn entries(&self) -> &BTreeMap<String, TensorData> {
        &self.entries
    }

    /// Adds a tensor.
    pub fn put<const D: usize>(&mut self, name: String, tensor: Tensor<D>) {
        self.entries.insert(name, tensor.to_data().convert::<f32>());
    }

    /// Adds a counter.
    pub fn put_counter(&mut self, name: String, value: u64) {
        self.entries.insert(name, TensorData::new(vec![value as i64], [1]));
    }

    /// Takes out a tensor's values, which must have this shape.
    pub fn take(&mut self, name: &str, expected: &[usize]) -> Result<TensorData, StateError> {
        let data = self.entries.remove(name).ok_or_else(|| StateError::Missing { name: name.into() })?;
        if data.shape().as_slice() != expected {
            let got = data.shape().as_slice().to_vec();
            return Err(StateError::Shape { name: name.into(), expected: expected.to_vec(), got });
        }
        if data.dtype() != DType::F32 {
            return Err(StateError::Type { name: name.into() });
        }
        Ok(data)
    }

    /// Takes out a counter.
    pub fn take_counter(&mut self, name: &str) -> Result<u64, StateError> {
        let data = self.entries.remove(name).ok_or_else(|| StateError::Missing { name: name.into() })?;
        let value = (data.dtype() == DType::I64).then(|| data.iter::<i64>().next()).flatten();
        value.and_then(|v| u64::try_from(v).ok()).ok_or_else(|| StateError::Type { name: name.into() })
    }

    /// The first entry that holds a value that is no finite number.
    pub fn not_finite(&self) -> Option<&str> {
        let finite = |data: &TensorData| data.dtype() != DType::F32 || data.iter::<f32>().all(f32::is_finite);
        self.entries.iter().find(|(_, data)| !finite(data)).map(|(name, _)| name.as_str())
    }

    /// Ends the reading: everything must have been taken.
    pub fn finish(self) -> Result<(), StateError> {
        match self.entries.into_keys().next() {
            None => Ok(()),
            Some(name) => Err(StateError::Unused { name }),
        }
    }
}

/// A part of a system that a checkpoint has to hold.
pub trait Part {
    /// Everything as it is now, in memory; tensors are shared with what they are copies of until one of both changes.
    fn remember(&self) -> Box<dyn Any>;

    /// Goes back to what [`remember`](Part::remember) gave.
    fn go_back(&mut self, to: Box<dyn Any>);

    /// Writes everything under `name`.
    fn save(&self, name: &str, state: &mut State);

    /// Reads back what [`save`](Part::save) wrote.
    ///
    /// # Errors
    /// If an entry is missing or does not fit.
    fn load(&mut self, name: &str, state: &mut State) -> Result<(), StateError>;

    /// The number of trained values.
    fn parameters(&self) -> usize;

    /// Adds the network that samples are drawn from, under `name`, with PyTorch's names and layouts.
    ///
    /// # Errors
    /// If it has a layer whose names and layouts are not known.
    fn export(&self, name: &str, weights: &mut Weights) -> Result<(), ExportError>;

    /// Whether samples are drawn from averaged weights.
    fn is_averaged(&self) -> bool {
        false
    }

    /// Drops the averaged weights, so that samples are drawn from the trained ones.
    fn forget_average(&mut self) {}
}

/// The dotted path of what a module walk is at.
#[derive(Default)]
pub(crate) struct Path(Vec<String>);

impl Path {
    pub(crate) fn enter(&mut self, name: &str) {
        self.0.push(name.to_owned());
    }

    pub(crate) fn exit(&mut self) {
        self.0.pop();
    }

    pub(crate) fn below(&self, root: &str) -> String {
        std::iter::once(root).chain(self.0.iter().map(String::as_str)).collect::<Vec<_>>().join(".")
    }
}

/// A network that is kept as it is: nothing trains it any more.
#[derive(Clone)]
pub struct Kept<M>(pub M);

impl<M: Module + 'static> Part for Kept<M> {
    fn remember(&self) -> Box<dyn Any> {
        Box::new(self.clone())
    }

    fn go_back(&mut self, to: Box<dyn Any>) {
        if let Ok(before) = to.downcast() {
            *self = *before;
        }
    }

    fn save(&self, name: &str, state: &mut State) {
        save_module(&self.0, name, state);
    }

    fn load(&mut self, name: &str, state: &mut State) -> Result<(), StateError> {
        self.0 = load_module(self.0.clone(), name, state)?;
        Ok(())
    }

    /// They are those of the network that it is a copy of.
    fn parameters(&self) -> usize {
        0
    }

    fn export(&self, name: &str, weights: &mut Weights) -> Result<(), ExportError> {
        export_module(&self.0, name, weights)
    }
}

/// Writes all parameters and buffers of a module under `name`.
pub fn save_module<M: Module>(module: &M, name: &str, state: &mut State) {
    struct Writer<'a> {
        path: Path,
        root: &'a str,
        state: &'a mut State,
    }
    impl ModuleVisitor for Writer<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.enter(name);
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.exit();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            self.state.put(self.path.below(self.root), param.val());
        }
    }
    module.visit(&mut Writer { path: Path::default(), root: name, state });
}

/// The same module with what [`save_module`] wrote, on the devices that its parameters are on.
///
/// # Errors
/// If an entry is missing or does not fit.
pub fn load_module<M: Module>(module: M, name: &str, state: &mut State) -> Result<M, StateError> {
    struct Reader<'a> {
        path: Path,
        root: &'a str,
        state: &'a mut State,
        error: Option<StateError>,
    }
    impl ModuleMapper for Reader<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.enter(name);
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.exit();
        }
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            if self.error.is_some() {
                return param;
            }
            let (id, tensor, mapper) = param.consume();
            let value = match self.state.take(&self.path.below(self.root), &tensor.dims()) {
                Ok(data) => Tensor::from_data(data, &tensor.device()).set_require_grad(tensor.is_require_grad()),
                Err(error) => {
                    self.error = Some(error);
                    tensor
                }
            };
            Param::from_mapped_value(id, value, mapper)
        }
    }
    let mut reader = Reader { path: Path::default(), root: name, state, error: None };
    let module = module.map(&mut reader);
    reader.error.map_or(Ok(module), Err)
}
