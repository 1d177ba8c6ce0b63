//! Values with a tangent: how a network's output changes along a direction of its input.
//!
//! burn differentiates once. A penalty on the input gradient g(x) = df/dx of a critic f needs a second derivative, that of
//! g with respect to the weights. It is had by going forward: for a direction v that is held constant, v . g is the tangent
//! of f at x along v, an ordinary function of the weights made of ordinary operations, and one backward pass through it
//! gives the exact derivative of v . g (Pearlmutter 1994, with the roles of weights and inputs exchanged).
//!
//! A layer says beside its `forward` how it takes a [`Dual`]. A network is written once, on duals: without a tangent no
//! operation is added.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{DType, Tensor};

/// A module with its values in double precision, for checks against differences; not every device has that.
pub fn in_double_precision<M: Module>(module: M) -> M {
    struct Cast;
    impl ModuleMapper for Cast {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            let (id, value, mapper) = param.consume();
            let tracked = value.is_require_grad();
            let value = value.set_require_grad(false).detach().cast(DType::F64);
            Param::from_mapped_value(id, value.set_require_grad(tracked), mapper)
        }
    }
    module.map(&mut Cast)
}

/// A value and, where it is wanted, its tangent.
#[derive(Clone, Debug)]
pub struct Dual<const D: usize> {
    /// The value.
    pub value: Tensor<D>,
    /// Its derivative along the direction that the input was given, of the same shape.
    pub tangent: Option<Tensor<D>>,
}

impl<const D: usize> From<Tensor<D>> for Dual<D> {
    fn from(value: Tensor<D>) -> Self {
        Self { value, tangent: None }
    }
}

impl<const D: usize> Dual<D> {
    /// An input and the direction that it is moved along, of the same shape.
    pub fn along(value: Tensor<D>, direction: Tensor<D>) -> Self {
        Self { value, tangent: Some(direction) }
    }

    /// Through a linear function, which is its own tangent.
    pub fn linear<const E: usize>(self, f: impl Fn(Tensor<D>) -> Tensor<E>) -> Dual<E> {
        Dual { value: f(self.value), tangent: self.tangent.map(f) }
    }

    /// Through a linear function and an offset, which the tangent does not have.
    pub fn affine<const E: usize>(
        self,
        value: impl FnOnce(Tensor<D>) -> Tensor<E>,
        tangent: impl FnOnce(Tensor<D>) -> Tensor<E>,
    ) -> Dual<E> {
        Dual { value: value(self.value), tangent: self.tangent.map(tangent) }
    }

    /// Through a function of each element; `slope` is its derivative, given the argument and the value.
    pub fn map(
        self,
        f: impl FnOnce(Tensor<D>) -> Tensor<D>,
        slope: impl FnOnce(Tensor<D>, Tensor<D>) -> Tensor<D>,
    ) -> Self {
        let Some(tangent) = self.tangent else { return f(self.value).into() };
        let value = f(self.value.clone());
        Self { tangent: Some(tangent * slope(self.value, value.clone())), value }
    }

    /// x^2, element by element.
    pub fn square(self) -> Self {
        self.map(|x| x.square(), |x, _| x.mul_scalar(2.0))
    }

    /// sqrt(x + epsilon), element by element.
    pub fn root(self, epsilon: f64) -> Self {
        self.map(|x| x.add_scalar(epsilon).sqrt(), |_, y| y.recip().mul_scalar(0.5))
    }

    /// Quotients; the divisor's dimensions of size 1 are repeated.
    pub fn over(self, divisor: Self) -> Self {
        let value = self.value / divisor.value.clone();
        let tangent = match (self.tangent, divisor.tangent) {
            (None, None) => None,
            (Some(a), None) => Some(a / divisor.value),
            (None, Some(b)) => Some((value.clone() * b / divisor.value).neg()),
            (Some(a), Some(b)) => Some((a - value.clone() * b) / divisor.value),
        };
        Self { value, tangent }
    }

    /// Values one after the other along a dimension. One without a tangent does not move.
    pub fn cat(parts: Vec<Self>, dim: usize) -> Self {
        let moves = parts.iter().any(|part| part.tangent.is_some());
        let tangents = parts.iter().map(|part| part.tangent.clone().unwrap_or_else(|| part.value.zeros_like()));
        let tangent = moves.then(|| Tensor::cat(tangents.collect(), dim));
        Self { value: Tensor::cat(parts.into_iter().map(|part| part.value).collect(), dim), tangent }
    }

    /// Less its mean over some dimensions, divided by its standard deviation over them: (x - mean) / sqrt(variance + eps),
    /// the variance biased.
    pub fn normalized(self, dims: &[usize], epsilon: f64) -> Self {
        let mean = |x: Tensor<D>| dims.iter().fold(x, |x, &dim| x.mean_dim(dim));
        let centred = self.linear(|x| x.clone() - mean(x));
        let deviation = centred.clone().square().linear(mean).root(epsilon);
        centred.over(deviation)
    }

    /// The same values in another shape.
    pub fn reshape<const E: usize>(self, shape: [usize; E]) -> Dual<E> {
        self.linear(|x| x.reshape(shape))
    }

    /// Dimensions `from` to `to` as one.
    pub fn flatten<const E: usize>(self, from: usize, to: usize) -> Dual<E> {
        self.linear(|x| x.flatten(from, to))
    }
}

/// Products of values of one shape, element by element.
impl<const D: usize> std::ops::Mul for Dual<D> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let tangent = match (self.tangent, other.tangent) {
            (None, None) => None,
            (Some(a), None) => Some(a * other.value.clone()),
            (None, Some(b)) => Some(self.value.clone() * b),
            (Some(a), Some(b)) => Some(a * other.value.clone() + self.value.clone() * b),
        };
        Self { value: self.value * other.value, tangent }
    }
}

impl<const D: usize> std::ops::Add for Dual<D> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let tangent = match (self.tangent, other.tangent) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Self { value: self.value + other.value, tangent }
    }
}
