use super::{Kl, KlConfig, KlError, Method, crossed, numerical, same};
use crate::distributions::*;
use crate::traits::Law;
use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;

type Form = Box<dyn Fn(&dyn Any, &dyn Any) -> f64 + Send + Sync>;

/// Closed forms of KL(p || q), by the types of p and q.
///
/// ```
/// use ganvas_prob::distributions::{Logistic, Normal};
/// use ganvas_prob::kl::{KlConfig, KlRegistry, Method};
///
/// let (p, q) = (Logistic::new(0.0, 1.0)?, Logistic::new(0.0, 2.0)?);
/// let mut registry = KlRegistry::standard();
/// assert!(matches!(registry.kl(&p, &q, &KlConfig::new())?.method, Method::Quadrature { .. }));
/// registry.register::<Logistic, Logistic>(|p, q| if p == q { 0.0 } else { f64::NAN });
/// assert_eq!(registry.kl(&p, &p, &KlConfig::new())?.method, Method::ClosedForm);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct KlRegistry {
    forms: HashMap<(TypeId, TypeId), (&'static str, &'static str, Form)>,
}

impl std::fmt::Debug for KlRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.pairs()).finish()
    }
}

impl KlRegistry {
    /// No closed forms: everything by quadrature, sums and draws.
    pub fn new() -> Self {
        Self::default()
    }

    /// The closed forms in the table of [`kl`](crate::kl).
    pub fn standard() -> Self {
        let mut forms = Self::new();
        within_families(&mut forms);
        across_families(&mut forms);
        forms
    }

    /// Adds or replaces the closed form of KL(p || q), in nats, for all p of type `P` and q of type `Q`. NaN says that it
    /// does not hold for these parameters, and leaves them to the numerical methods.
    pub fn register<P: Law, Q: Law>(&mut self, form: impl Fn(&P, &Q) -> f64 + Send + Sync + 'static) {
        let erased = move |p: &dyn Any, q: &dyn Any| match (p.downcast_ref(), q.downcast_ref()) {
            (Some(p), Some(q)) => form(p, q),
            _ => f64::NAN,
        };
        let names = (type_name::<P>(), type_name::<Q>());
        self.forms.insert((TypeId::of::<P>(), TypeId::of::<Q>()), (names.0, names.1, Box::new(erased)));
    }

    /// The pairs that have a closed form, as the names of their types, in order.
    pub fn pairs(&self) -> Vec<(&'static str, &'static str)> {
        let mut pairs: Vec<_> = self.forms.values().map(|(p, q, _)| (*p, *q)).collect();
        pairs.sort_unstable();
        pairs
    }

    /// KL(p || q): see [`kl`](crate::kl).
    ///
    /// # Errors
    /// If the laws are over vectors of different sizes, a log-density is no number, the integral is left open, or a
    /// setting is out of its domain.
    pub fn kl(&self, p: &dyn Law, q: &dyn Law, config: &KlConfig) -> Result<Kl, KlError> {
        let (p_any, q_any): (&dyn Any, &dyn Any) = (p, q);
        if let Some((_, _, form)) = self.forms.get(&(p_any.type_id(), q_any.type_id())) {
            let nats = form(p_any, q_any);
            if !nats.is_nan() {
                // Round-off of terms of both signs must not show as a divergence below zero.
                return Ok(Kl::certain(nats.max(0.0), Method::ClosedForm));
            }
        }
        numerical(p, q, config)
    }
}

fn within_families(forms: &mut KlRegistry) {
    forms.register(same::normal);
    forms.register(same::log_normal);
    forms.register(same::exponential);
    forms.register(same::gamma);
    forms.register(same::beta);
    forms.register(same::laplace);
    forms.register(same::gumbel);
    forms.register(same::weibull);
    forms.register(same::pareto);
    forms.register(same::uniform);
    forms.register(same::cauchy);
    forms.register(same::von_mises);
    forms.register(same::bernoulli);
    forms.register(same::binomial);
    forms.register(same::geometric);
    forms.register(same::poisson);
    forms.register(same::categorical);
    forms.register(same::discrete);
    forms.register(same::multivariate_normal);
    forms.register(same::dirichlet);
    // Families that contain one another.
    forms.register(same::exponential_gamma);
    forms.register(same::gamma_exponential);
    forms.register(same::exponential_weibull);
    forms.register(same::weibull_exponential);
    forms.register(same::categorical_discrete);
    forms.register(same::discrete_categorical);
}

fn across_families(forms: &mut KlRegistry) {
    forms.register(crossed::to_normal::<LogNormal>);
    forms.register(crossed::to_normal::<Exponential>);
    forms.register(crossed::to_normal::<Gamma>);
    forms.register(crossed::to_normal::<Beta>);
    forms.register(crossed::to_normal::<Laplace>);
    forms.register(crossed::to_normal::<Logistic>);
    forms.register(crossed::to_normal::<Gumbel>);
    forms.register(crossed::to_normal::<Weibull>);
    forms.register(crossed::to_normal::<Pareto>);
    forms.register(crossed::to_normal::<Uniform>);
    forms.register(crossed::to_normal::<Cauchy>);
    forms.register(crossed::to_normal::<StudentT>);
    forms.register(crossed::to_normal::<VonMises>);
    forms.register(crossed::to_normal::<TruncatedNormal>);

    forms.register(crossed::to_exponential::<LogNormal>);
    forms.register(crossed::to_exponential::<Pareto>);
    forms.register(crossed::to_exponential::<Beta>);
    forms.register(crossed::to_exponential::<Uniform>);
    forms.register(crossed::to_exponential::<TruncatedNormal>);

    forms.register(crossed::to_uniform::<Beta>);
    forms.register(crossed::to_uniform::<VonMises>);
    forms.register(crossed::to_uniform::<TruncatedNormal>);

    forms.register(crossed::to_gamma::<Weibull>);
    forms.register(crossed::to_gamma::<LogNormal>);
    forms.register(crossed::to_gamma::<Pareto>);
    forms.register(crossed::to_gamma::<Beta>);
    forms.register(crossed::uniform_gamma);

    forms.register(crossed::to_weibull::<Gamma>);
    forms.register(crossed::to_weibull::<LogNormal>);
    forms.register(crossed::to_weibull::<Pareto>);
    forms.register(crossed::to_weibull::<Beta>);

    forms.register(crossed::to_log_normal::<Exponential>);
    forms.register(crossed::to_log_normal::<Gamma>);
    forms.register(crossed::to_log_normal::<Weibull>);
    forms.register(crossed::to_log_normal::<Pareto>);
    forms.register(crossed::to_log_normal::<Beta>);

    forms.register(crossed::normal_gumbel);
    forms.register(crossed::laplace_gumbel);
    forms.register(crossed::uniform_gumbel);
    forms.register(crossed::exponential_gumbel);
    forms.register(crossed::gamma_gumbel);

    forms.register(crossed::normal_laplace);
    forms.register(crossed::uniform_laplace);
    forms.register(crossed::uniform_beta);
    forms.register(crossed::uniform_pareto);

    forms.register(crossed::bernoulli_counts::<Binomial>);
    forms.register(crossed::bernoulli_counts::<Poisson>);
    forms.register(crossed::binomial_bernoulli);
}
