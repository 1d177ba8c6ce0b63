use super::clusters::squared_distance;
use super::*;
use crate::distributions::VectorMixture;
use crate::gaussian::Moments;
use crate::stream::Streams;

const CONFIG: GaussianMixtureConfig =
    GaussianMixtureConfig { max_iterations: 100, tolerance: 1e-4, ridge: 1e-6, starts: 1 };

/// Three in the plane, far apart or upon each other.
fn three(apart: f64) -> GaussianMixture {
    let means = [-1.0, 0.0, 1.0, 0.5, 0.0, -1.0].map(|x| apart * x);
    let covariances = [1.0, 0.3, 0.3, 0.5, 0.8, -0.4, -0.4, 1.2, 0.4, 0.0, 0.0, 0.9];
    GaussianMixture::new(&[0.2, 0.3, 0.5], &means, &covariances).unwrap()
}

fn drawn(mixture: &GaussianMixture, n: usize) -> Vec<f64> {
    mixture.sample_n(&mut Streams::new(1).rng("data", 0), n)
}

fn fit(data: &[f64], dims: usize, components: usize, config: GaussianMixtureConfig) -> GaussianMixture {
    GaussianMixture::fit(data, dims, components, &config, &mut Streams::new(2).rng("start", 0)).unwrap()
}

fn near(a: &[f64], b: &[f64], error: f64) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < error)
}

#[test]
fn no_step_lowers_the_likelihood() {
    let data = drawn(&three(1.5), 3000);
    let config = CONFIG.with_ridge(0.0).with_tolerance(0.0);
    for components in [2, 3, 6] {
        let rng = &mut Streams::new(3).rng("start", components as u64);
        let start = GaussianMixture::start(&data, 2, components, 0.0, rng).unwrap();
        let (mixture, history) = start.climb(&data, &config).unwrap();
        assert!(history.len() > 20, "{} steps", history.len());
        assert!(history.windows(2).all(|pair| pair[1] > pair[0] - 1e-13), "{history:?}");
        assert!((mixture.mean_log_density(&data).unwrap() - history[history.len() - 1]).abs() < 1e-12);
    }
}

/// Within five standard errors: sqrt(w (1 - w) / n) of a weight, sqrt(S_ii / (w n)) of a mean and
/// sqrt((S_ii S_jj + S_ij^2) / (w n)) of a covariance.
#[test]
fn separated_components_are_recovered() {
    let (truth, n) = (three(12.0), 20_000);
    let fitted = fit(&drawn(&truth, n), 2, 3, CONFIG);
    for (weight, law) in truth.components() {
        let distance = |other: &MultivariateNormal| squared_distance(other.mean(), law.mean());
        let (found_weight, found) = fitted.components().min_by(|a, b| distance(a.1).total_cmp(&distance(b.1))).unwrap();
        let items = weight * n as f64;
        assert!((found_weight - weight).abs() < 5.0 * (weight * (1.0 - weight) / n as f64).sqrt());
        let (s, found_s) = (law.covariance(), found.covariance());
        for i in 0..2 {
            assert!((found.mean()[i] - law.mean()[i]).abs() < 5.0 * (s[3 * i] / items).sqrt());
            for j in 0..2 {
                let error = ((s[3 * i] * s[3 * j] + s[2 * i + j].powi(2)) / items).sqrt();
                assert!((found_s[2 * i + j] - s[2 * i + j]).abs() < 5.0 * error, "{found_s:?} against {s:?}");
            }
        }
    }
}

/// Sums on a grid converge faster than any power of its spacing for such functions.
#[test]
fn a_fitted_density_integrates_to_one() {
    let fitted = fit(&drawn(&three(2.0), 2000), 2, 4, CONFIG);
    let h = 0.05;
    let at = |i: i32| f64::from(i) * h;
    let sum: f64 = (-300..=300)
        .flat_map(|i| (-300..=300).map(move |j| [at(i), at(j)]))
        .map(|x| fitted.log_density(&x).exp())
        .sum();
    assert!((sum * h * h - 1.0).abs() < 1e-9, "{}", sum * h * h);
}

#[test]
fn one_component_is_the_normal_law_of_the_data() {
    let data = drawn(&three(3.0), 777);
    let (n, moments) = (777.0, Moments::of(2, &data).unwrap());
    let law = fit(&data, 2, 1, CONFIG.with_ridge(0.0));
    let expected: Vec<f64> = moments.covariance().unwrap().iter().map(|c| c * (n - 1.0) / n).collect();
    assert_eq!(law.weights(), [1.0]);
    assert!(near(&law.means(), moments.mean(), 1e-13) && near(&law.covariances(), &expected, 1e-12));
    let ridged = fit(&data, 2, 1, CONFIG.with_ridge(0.5)).covariances();
    assert!(near(&ridged, &[expected[0] + 0.5, expected[1], expected[2], expected[3] + 0.5], 1e-12));
}

/// E[x] = sum w m; Cov[x] = sum w (S + m m^T) - E[x] E[x]^T. Five standard errors, that of the covariance from
/// fourth moments below those of a normal law.
#[test]
fn draws_have_the_moments_of_the_mixture() {
    let (mixture, n) = (three(2.0), 400_000);
    let moments = Moments::of(2, &drawn(&mixture, n)).unwrap();
    let (mut mean, mut second) = ([0.0; 2], [0.0; 4]);
    for (weight, law) in mixture.components() {
        let (m, s) = (law.mean(), law.covariance());
        (0..2).for_each(|i| mean[i] += weight * m[i]);
        (0..4).for_each(|k| second[k] += weight * (s[k] + m[k / 2] * m[k % 2]));
    }
    let covariance: Vec<f64> = (0..4).map(|k| second[k] - mean[k / 2] * mean[k % 2]).collect();
    let error = 5.0 * 2f64.sqrt() * 4.0 / (n as f64).sqrt();
    assert!(near(moments.mean(), &mean, error), "{:?} against {mean:?}", moments.mean());
    assert!(near(&moments.covariance().unwrap(), &covariance, error));
}

#[test]
fn densities_are_those_of_the_general_mixture() {
    let mixture = three(1.0);
    let parts = mixture.components().map(|(w, law)| (w, Box::new(law.clone()) as Box<dyn Law>)).collect();
    let general = VectorMixture::new(parts).unwrap();
    // Two whole blocks and a part of one; the last item is far out, where densities underflow.
    let mut data = drawn(&mixture, 600);
    data.extend([300.0, -200.0]);
    let each: Vec<f64> = data.chunks_exact(2).map(|x| mixture.log_density(x)).collect();
    let expected: Vec<f64> = data.chunks_exact(2).map(|x| general.ln_density(x)).collect();
    assert!(near(&each, &expected, 1e-9) && each[600] < -10_000.0);
    let mean = each.iter().sum::<f64>() / 601.0;
    assert!((mixture.mean_log_density(&data).unwrap() - mean).abs() < 1e-11);
    assert!(mixture.log_density(&[0.0]).is_nan() && mixture.log_density(&[0.0, f64::NAN]).is_nan());
}

#[test]
fn a_fit_does_not_depend_on_where_the_origin_is() {
    let data = drawn(&three(4.0), 1000);
    let moved: Vec<f64> = data.iter().map(|x| x + 1e5).collect();
    let (here, there) = (fit(&data, 2, 3, CONFIG), fit(&moved, 2, 3, CONFIG));
    assert!(near(here.weights(), there.weights(), 1e-7));
    assert!(near(&here.covariances(), &there.covariances(), 1e-6));
}

/// From some starts two clusters of nine fall to one component.
#[test]
fn the_best_of_several_starts_is_kept() {
    let means: Vec<f64> = (0..9).flat_map(|i| [f64::from(i % 3) * 9.0, f64::from(i / 3) * 9.0]).collect();
    let grid = GaussianMixture::new(&[1.0; 9], &means, &[1.0, 0.0, 0.0, 1.0].repeat(9)).unwrap();
    let data = drawn(&grid, 900);
    let reached = |starts, seed| {
        let rng = &mut Streams::new(seed).rng("start", 0);
        let fitted = GaussianMixture::fit(&data, 2, 9, &CONFIG.with_starts(starts), rng).unwrap();
        fitted.mean_log_density(&data).unwrap()
    };
    let worst = (0..10).map(|seed| reached(1, seed)).fold(f64::INFINITY, f64::min);
    let best = reached(10, 0);
    assert!(best > worst + 0.05, "{worst}, {best}");
    assert!(best > grid.mean_log_density(&data).unwrap());
}

#[test]
fn more_components_than_different_items_do_no_harm() {
    let data = [1.0, 2.0, 5.0, 6.0].repeat(10);
    let fitted = fit(&data, 2, 4, CONFIG);
    assert!((fitted.weights().iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert!(fitted.mean_log_density(&data).unwrap() > 5.0);
    assert!(fitted.sample(&mut Streams::new(1).rng("x", 0)).iter().all(|x| x.is_finite()));
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let rng = &mut Streams::new(1).rng("start", 0);
    let mut of = |data: &[f64], dims, components, config| {
        GaussianMixture::fit(data, dims, components, &config, rng).unwrap_err()
    };
    assert_eq!(of(&[], 2, 1, CONFIG), GaussianMixtureError::NoData);
    assert_eq!(of(&[1.0], 0, 1, CONFIG), GaussianMixtureError::NoDims);
    assert_eq!(of(&[1.0; 3], 2, 1, CONFIG), GaussianMixtureError::Ragged { values: 3, dims: 2 });
    assert_eq!(of(&[1.0; 4], 2, 3, CONFIG), GaussianMixtureError::TooFew { items: 2, components: 3 });
    let not_finite = of(&[1.0, 2.0, 3.0, f64::NAN], 2, 1, CONFIG);
    assert_eq!(not_finite, GaussianMixtureError::NotFinite { item: 1, position: 1 });
    assert!(matches!(of(&[1.0], 1, 0, CONFIG), GaussianMixtureError::Setting { name: "components", .. }));
    for config in [CONFIG.with_ridge(-1.0), CONFIG.with_tolerance(f64::NAN), CONFIG.with_starts(0)] {
        assert!(matches!(of(&[1.0], 1, 1, config), GaussianMixtureError::Setting { .. }));
    }
    // On a line in the plane, once without a ridge and once where it is lost beside the variances.
    let singular = |ridge| GaussianMixtureError::NotPositiveDefinite { component: 0, ridge };
    let flat: Vec<f64> = (0..50).flat_map(|i| [f64::from(i), 3.0]).collect();
    assert_eq!(of(&flat, 2, 1, CONFIG.with_ridge(0.0)), singular(0.0));
    let slanted: Vec<f64> = (0..50).flat_map(|i| [f64::from(i) * 1e9; 2]).collect();
    assert_eq!(of(&slanted, 2, 1, CONFIG), singular(1e-6));
    let huge = [f64::MAX, -f64::MAX, f64::MAX, 1.0];
    assert!(matches!(of(&huge, 1, 2, CONFIG), GaussianMixtureError::Parameters(SamplingError::Parameter { .. })));
}

#[test]
fn what_is_no_mixture_is_refused() {
    let of = |w: &[f64], m: &[f64], c: &[f64]| GaussianMixture::new(w, m, c).unwrap_err();
    assert!(matches!(of(&[], &[], &[]), GaussianMixtureError::Parameters(SamplingError::WeightSum { .. })));
    assert_eq!(of(&[1.0], &[], &[]), GaussianMixtureError::NoDims);
    let lengths = [of(&[1.0, 1.0], &[0.0; 3], &[1.0; 2]), of(&[1.0], &[0.0, 0.0], &[1.0; 3])];
    assert!(lengths.iter().all(|e| matches!(e, GaussianMixtureError::Parameters(SamplingError::Length { .. }))));
    let negative = of(&[1.0], &[0.0], &[-1.0]);
    assert!(matches!(negative, GaussianMixtureError::Parameters(SamplingError::NotPositiveDefinite { .. })));
}
