//! What holds of the figures whatever the sets are.

use ganvas_metrics::features::{
    Similarity, bootstrap_frechet, frechet_infinity, inception_score, kid, kid_subsets, moments, per_class,
    sliced_wasserstein, vendi_score,
};
use ganvas_metrics::neighbours::{copies, prdc, two_sample_test};
use ganvas_metrics::probe::transfer;
use ganvas_metrics::scores::{auroc, average_precision, best_f1};
use ganvas_metrics::tables::{column_tests, correlation_distance};
use ganvas_metrics::{Features, MetricError, frechet_distance};
use ganvas_prob::gaussian::{Moments, frechet};
use ganvas_prob::stream::{Streams, normals, permutation};
use proptest::prelude::*;

fn draw(seed: u64, n: usize, dims: usize) -> Features {
    let mut values = normals(&mut Streams::new(seed).rng("features", 0), n * dims);
    // Columns of different scales and offsets.
    values.iter_mut().enumerate().for_each(|(i, x)| *x = *x * (1.0 + (i % dims) as f32) - (i % dims) as f32);
    Features { dims, values }
}

fn shuffled(features: &Features, seed: u64) -> Features {
    let order = permutation(&mut Streams::new(seed).rng("order", 0), features.len());
    Features { dims: features.dims, values: order.into_iter().flat_map(|i| features.item(i)).copied().collect() }
}

fn scaled(features: &Features, factor: f32) -> Features {
    Features { dims: features.dims, values: features.values.iter().map(|x| x * factor).collect() }
}

fn near(a: f64, b: f64, tolerance: f64) -> Result<(), TestCaseError> {
    prop_assert!((a - b).abs() <= tolerance * b.abs().max(1.0), "{} against {}", a, b);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_frechet_distance_is_zero_for_the_same_symmetric_and_scales(
        seed in 0u64..1000, n in 2usize..60, m in 2usize..60, dims in 1usize..8,
    ) {
        let (a, b) = (draw(seed, n, dims), draw(seed + 1, m, dims));
        let trace: f64 = moments(&a, "a").unwrap().covariance().unwrap().iter().step_by(dims + 1).sum();
        // Roots of eigenvalues that are zero but for round-off.
        prop_assert!(frechet_distance(&a, &a).unwrap() <= 1e-6 * trace);
        let distance = frechet_distance(&a, &b).unwrap();
        near(frechet_distance(&b, &a).unwrap(), distance, 1e-6)?;
        near(frechet_distance(&scaled(&a, 4.0), &scaled(&b, 4.0)).unwrap(), 16.0 * distance, 1e-6)?;
        near(frechet_distance(&shuffled(&a, 1), &shuffled(&b, 2)).unwrap(), distance, 1e-6)?;
    }

    #[test]
    fn moments_do_not_depend_on_the_batches(seed in 0u64..1000, cuts in proptest::collection::vec(0usize..200, 0..6)) {
        let dims = 4;
        let (a, b) = (draw(seed, 200, dims), draw(seed + 1, 150, dims));
        let mut cuts = cuts;
        cuts.extend([0, 200]);
        cuts.sort_unstable();
        let mut streamed = Moments::new(dims);
        for pair in cuts.windows(2) {
            streamed.merge(&Moments::of(dims, &a.values[pair[0] * dims..pair[1] * dims]).unwrap()).unwrap();
        }
        let b_moments = moments(&b, "b").unwrap();
        near(frechet(&streamed, &b_moments).unwrap(), frechet_distance(&a, &b).unwrap(), 1e-10)?;
    }

    #[test]
    fn the_kernel_distance_is_symmetric_and_blind_to_order(
        seed in 0u64..1000, n in 2usize..200, m in 2usize..200, dims in 1usize..8,
    ) {
        let (a, b) = (draw(seed, n, dims), draw(seed + 1, m, dims));
        let distance = kid(&a, &b).unwrap();
        // The kernel's values are of the size of the third power of the squared norms.
        let largest = a.values.iter().chain(&b.values).fold(0.0, |m: f64, &x| m.max(f64::from(x).abs()));
        let size = (1.0 + largest.powi(2)).powi(3);
        prop_assert!((kid(&b, &a).unwrap() - distance).abs() < 1e-12 * size);
        prop_assert!((kid(&shuffled(&a, 1), &shuffled(&b, 2)).unwrap() - distance).abs() < 1e-12 * size);
    }

    /// Small whole numbers, so that ties and duplicates are the rule.
    #[test]
    fn neighbours_are_blind_to_order_and_scale(
        seed in 0u64..1000, n in 6usize..150, m in 6usize..150, dims in 1usize..4, k in 1usize..5,
        whole in any::<bool>(),
    ) {
        let make = |seed, n| {
            let mut set = draw(seed, n, dims);
            if whole {
                set.values.iter_mut().for_each(|x| *x = x.round());
            }
            set
        };
        let (a, b) = (make(seed, n), make(seed + 1, m));
        let (mixed_a, mixed_b) = (scaled(&shuffled(&a, 1), 0.25), scaled(&shuffled(&b, 2), 0.25));
        let found = prdc(&a, &b, k).unwrap();
        for share in [found.precision, found.recall, found.coverage] {
            prop_assert!((0.0..=1.0).contains(&share));
        }
        prop_assert!(found.density >= 0.0);
        prop_assert!(found.precision <= found.density * k as f64 + 1e-12);
        prop_assert_eq!(prdc(&mixed_a, &mixed_b, k).unwrap(), found);
        let swapped = prdc(&b, &a, k).unwrap();
        prop_assert_eq!((swapped.precision, swapped.recall), (found.recall, found.precision));
        prop_assert_eq!(copies(&mixed_a, &mixed_b, k).unwrap(), copies(&a, &b, k).unwrap());
        prop_assert!(copies(&a, &b, k).unwrap() <= found.precision);
        prop_assert_eq!(two_sample_test(&mixed_a, &mixed_b).unwrap(), two_sample_test(&a, &b).unwrap());
    }

    #[test]
    fn monotone_maps_of_scores_change_nothing(seed in 0u64..1000, n in 2usize..200, whole in any::<bool>()) {
        let scores: Vec<f64> = normals(&mut Streams::new(seed).rng("scores", 0), n)
            .iter()
            .map(|&x| if whole { f64::from(x).round() } else { f64::from(x) })
            .collect();
        let labels: Vec<bool> = (0..n).map(|i| i == 0 || i % 3 == 1).collect();
        let mapped: Vec<f64> = scores.iter().map(|x| 3.0 * x.exp() - 7.0).collect();
        prop_assert_eq!(auroc(&mapped, &labels).unwrap_or(-1.0), auroc(&scores, &labels).unwrap_or(-1.0));
        prop_assert_eq!(average_precision(&mapped, &labels).unwrap(), average_precision(&scores, &labels).unwrap());
        prop_assert_eq!(best_f1(&mapped, &labels).unwrap().0, best_f1(&scores, &labels).unwrap().0);
        let reversed: Vec<f64> = scores.iter().map(|x| -x).collect();
        if let Ok(area) = auroc(&scores, &labels) {
            near(auroc(&reversed, &labels).unwrap(), 1.0 - area, 1e-12)?;
        }
    }
}

/// Bit for bit, with more blocks than threads.
#[test]
fn the_number_of_threads_changes_nothing() {
    let (a, b) = (draw(1, 700, 11), draw(2, 900, 11));
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let figures = (kid(&a, &b).unwrap(), frechet_distance(&a, &b).unwrap(), copies(&a, &b, 2).unwrap());
            (figures, prdc(&a, &b, 5).unwrap(), two_sample_test(&a, &b).unwrap())
        })
    };
    assert_eq!(on(1), on(4));
}

/// In either set, by each figure that compares two of them.
#[test]
fn values_that_are_not_finite_other_sizes_and_empty_sets_are_refused() {
    type Figure<'a> = &'a dyn Fn(&Features, &Features) -> Result<(), MetricError>;
    let streams = Streams::new(1);
    let labels = [0; 30];
    let figures: [(&str, Figure); 12] = [
        ("frechet_distance", &|a, b| frechet_distance(a, b).map(drop)),
        ("frechet_infinity", &|a, b| frechet_infinity(a, b, 3, &streams).map(drop)),
        ("bootstrap_frechet", &|a, b| bootstrap_frechet(a, b, 2, 0.9, &streams).map(drop)),
        ("kid", &|a, b| kid(a, b).map(drop)),
        ("kid_subsets", &|a, b| kid_subsets(a, b, 2, 5, &streams).map(drop)),
        ("sliced_wasserstein", &|a, b| sliced_wasserstein(a, b, 2, &streams).map(drop)),
        ("prdc", &|a, b| prdc(a, b, 2).map(drop)),
        ("copies", &|a, b| copies(a, b, 2).map(drop)),
        ("two_sample_test", &|a, b| two_sample_test(a, b).map(drop)),
        ("column_tests", &|a, b| column_tests(a, b).map(drop)),
        ("correlation_distance", &|a, b| correlation_distance(a, b).map(drop)),
        ("transfer", &|a, b| transfer(a, &labels[..a.len()], b, &labels[..b.len()], 1).map(drop)),
    ];
    let good = draw(1, 30, 3);
    let mut broken = good.clone();
    broken.values[40] = f32::NAN;
    let empty = Features { dims: 3, values: vec![] };
    for (name, figure) in figures {
        figure(&good, &draw(2, 30, 3)).unwrap();
        for (a, b) in [(&good, &broken), (&broken, &good)] {
            let error = figure(a, b).unwrap_err();
            assert!(matches!(error, MetricError::NotFinite { item: 13, position: 1, .. }), "{name}: {error}");
        }
        for (a, b) in [(&good, &empty), (&empty, &good)] {
            let error = figure(a, b).unwrap_err();
            assert!(matches!(error, MetricError::TooFew { got: 0, .. }), "{name}: {error}");
        }
        let error = figure(&good, &draw(2, 30, 4)).unwrap_err();
        assert!(matches!(error, MetricError::Dims { left: 3 | 4, .. }), "{name}: {error}");
    }
    let not_finite = |error| matches!(error, MetricError::NotFinite { item: 13, position: 1, .. });
    assert!(not_finite(inception_score(&broken, 3, &streams).unwrap_err()));
    assert!(not_finite(vendi_score(&broken, Similarity::Cosine).unwrap_err()));
    assert!(not_finite(per_class(&good, &labels, &broken, &labels, 1, frechet_distance).unwrap_err()));
}
