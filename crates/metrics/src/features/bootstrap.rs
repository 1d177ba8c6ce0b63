use ganvas_prob::gaussian::{Moments, frechet};
use ganvas_prob::stream::{StreamRng, Streams};
use rand::RngExt;
use rayon::prelude::*;

use super::frechet_distance;
use crate::items::same_dims;
use crate::{Features, MetricError};

/// Parts of a set that [`bootstrap_frechet`] draws, at most.
const GROUPS: usize = 100;

/// A figure with its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The figure on the sets as they are.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

/// The confidence interval of any figure by the percentile bootstrap: the figure is computed on `resamples` sets of as
/// many items, drawn from each set with replacement, and the interval holds the middle share `level` of them (B. Efron
/// and R. J. Tibshirani 1993, "An Introduction to the Bootstrap", section 13.3; between two of them linearly).
///
/// A figure with a bias by the number of items has it twice on resamples, which repeat items: the interval of a Frechet
/// distance lies above it and need not hold it. Nor does it fit nearest neighbours, for a repeated item is its own
/// neighbour. Depends on the order of the items, which they are drawn by.
///
/// ```
/// use ganvas_metrics::{Features, features::bootstrap};
/// use ganvas_prob::stream::Streams;
/// let sample = Features { dims: 1, values: (0..100).map(|i| i as f32).collect() };
/// let mean = |sets: &[Features]| Ok(sets[0].values.iter().map(|&x| f64::from(x)).sum::<f64>() / 100.0);
/// let interval = bootstrap(&[&sample], mean, 1000, 0.95, &Streams::new(1))?;
/// assert_eq!(interval.estimate, 49.5);
/// assert!(interval.low < 45.0 && interval.high > 54.0);
/// # Ok::<(), ganvas_metrics::MetricError>(())
/// ```
///
/// # Errors
/// If a set is empty or has a value that is not finite, `resamples` is 0, `level` is not in (0, 1), or the figure
/// cannot be computed.
pub fn bootstrap(
    sets: &[&Features],
    figure: impl Fn(&[Features]) -> Result<f64, MetricError> + Sync,
    resamples: usize,
    level: f64,
    streams: &Streams,
) -> Result<Interval, MetricError> {
    sets.iter().try_for_each(|set| set.check("resampled", 1))?;
    let estimate = figure(&sets.iter().map(|&set| set.clone()).collect::<Vec<_>>())?;
    interval(estimate, resamples, level, streams, |rng| {
        let sets: Vec<Features> = sets.iter().map(|set| set.select(&draw(rng, set.len()))).collect();
        figure(&sets)
    })
}

/// [`bootstrap`] of the [`frechet_distance`], at a cost that does not grow with the items: the moments of 100
/// groups of each set (item i is in group i modulo 100) are computed once, and groups are drawn in the place of items.
///
/// # Errors
/// As [`bootstrap`] and [`frechet_distance`].
pub fn bootstrap_frechet(
    real: &Features,
    fake: &Features,
    resamples: usize,
    level: f64,
    streams: &Streams,
) -> Result<Interval, MetricError> {
    same_dims(real, fake)?;
    let estimate = frechet_distance(real, fake)?;
    let groups = |features: &Features| -> Result<Vec<Moments>, MetricError> {
        let groups = features.len().min(GROUPS);
        let group = |of: usize| features.select(&(of..features.len()).step_by(groups).collect::<Vec<_>>());
        (0..groups).map(|of| Ok(Moments::of(features.dims, &group(of).values)?)).collect()
    };
    let (real, fake) = (groups(real)?, groups(fake)?);
    interval(estimate, resamples, level, streams, |rng| {
        let mut merged = |groups: &[Moments]| -> Result<Moments, MetricError> {
            let mut moments = Moments::new(groups[0].dims());
            draw(rng, groups.len()).into_iter().try_for_each(|group| moments.merge(&groups[group]))?;
            Ok(moments)
        };
        Ok(frechet(&merged(&real)?, &merged(&fake)?)?)
    })
}

/// `n` of `0..n`, with replacement.
fn draw(rng: &mut StreamRng, n: usize) -> Vec<usize> {
    (0..n).map(|_| rng.random_range(0..n)).collect()
}

fn interval(
    estimate: f64,
    resamples: usize,
    level: f64,
    streams: &Streams,
    figure: impl Fn(&mut StreamRng) -> Result<f64, MetricError> + Sync,
) -> Result<Interval, MetricError> {
    if resamples == 0 {
        return Err(MetricError::Parameter { name: "resamples", domain: "at least 1", got: 0.0 });
    }
    if !(level > 0.0 && level < 1.0) {
        return Err(MetricError::Parameter { name: "level", domain: "in (0, 1)", got: level });
    }
    let resample = |i: usize| figure(&mut streams.rng_at("bootstrap", 0, i as u64));
    let mut figures = (0..resamples).into_par_iter().map(resample).collect::<Result<Vec<f64>, _>>()?;
    figures.sort_unstable_by(f64::total_cmp);
    let quantile = |share: f64| {
        let at = share * (resamples - 1) as f64;
        let below = figures[at.floor() as usize];
        below + at.fract() * (figures[at.ceil() as usize] - below)
    };
    Ok(Interval { estimate, low: quantile(0.5 - 0.5 * level), high: quantile(0.5 + 0.5 * level) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::normals;

    fn sample(step: u64, n: usize, dims: usize) -> Features {
        Features { dims, values: normals(&mut Streams::new(1).rng("features", step), n * dims) }
    }

    fn mean(sets: &[Features]) -> Result<f64, MetricError> {
        Ok(sets[0].values.iter().map(|&x| f64::from(x)).sum::<f64>() / sets[0].len() as f64)
    }

    /// A level of 0.9 over 400 samples: a standard error of 0.015, and a little less than 0.9 at n = 60.
    #[test]
    fn the_interval_holds_the_truth_as_often_as_it_says() {
        let holds = |i: u64| {
            let interval = bootstrap(&[&sample(i, 60, 1)], mean, 300, 0.9, &Streams::new(i)).unwrap();
            interval.low <= 0.0 && interval.high >= 0.0
        };
        let share = (0..400).filter(|&i| holds(i)).count() as f64 / 400.0;
        assert!((share - 0.89).abs() < 0.06, "{share}");
    }

    /// The sets are resampled independently: the difference of two means has the width of both.
    #[test]
    fn the_width_is_that_of_theory() {
        let (a, b) = (sample(1, 1000, 1), sample(2, 500, 1));
        let difference = |sets: &[Features]| Ok(mean(&sets[..1])? - mean(&sets[1..])?);
        let interval = bootstrap(&[&a, &b], difference, 2000, 0.95, &Streams::new(3)).unwrap();
        let width = 2.0 * 1.96 * (1.0f64 / 1000.0 + 1.0 / 500.0).sqrt();
        assert!(((interval.high - interval.low) / width - 1.0).abs() < 0.15, "{interval:?} against {width}");
        assert_eq!(interval.estimate, difference(&[a, b]).unwrap());
    }

    /// Groups of moments against items one by one.
    #[test]
    fn groups_give_the_interval_of_items() {
        let (real, mut fake) = (sample(1, 2000, 4), sample(2, 2000, 4));
        fake.values.iter_mut().for_each(|x| *x = 1.2 * *x + 0.5);
        let cheap = bootstrap_frechet(&real, &fake, 600, 0.9, &Streams::new(1)).unwrap();
        let figure = |sets: &[Features]| frechet_distance(&sets[0], &sets[1]);
        let plain = bootstrap(&[&real, &fake], figure, 600, 0.9, &Streams::new(1)).unwrap();
        assert_eq!(cheap.estimate, plain.estimate);
        let (width, expected) = (cheap.high - cheap.low, plain.high - plain.low);
        assert!((width / expected - 1.0).abs() < 0.25, "{cheap:?} against {plain:?}");
        assert!((cheap.low - plain.low).abs() < 0.25 * expected, "{cheap:?} against {plain:?}");
    }

    #[test]
    fn strange_levels_and_broken_figures_are_refused() {
        let x = sample(1, 10, 1);
        let run = |resamples, level| bootstrap(&[&x], mean, resamples, level, &Streams::new(1));
        assert!(matches!(run(0, 0.9), Err(MetricError::Parameter { name: "resamples", .. })));
        assert!(matches!(run(9, 1.0), Err(MetricError::Parameter { name: "level", .. })));
        assert!(matches!(run(9, f64::NAN), Err(MetricError::Parameter { name: "level", .. })));
        let one = bootstrap_frechet(&x, &sample(2, 1, 1), 9, 0.9, &Streams::new(1));
        assert!(matches!(one, Err(MetricError::TooFew { set: "fake", .. })));
    }
}
