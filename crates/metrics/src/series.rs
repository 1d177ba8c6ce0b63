//! Figures on series, `[n, steps, channels]`: whole sequences, how their values follow each other, and their values
//! alone.
//!
//! Each looks at something else: the [marginals](marginal_distances) do not see any order in time, the
//! [autocorrelation](autocorrelation_distances) sees it between two values of one channel, and only
//! [`series_mmd2`] sees whole sequences with all channels.

use ganvas_prob::distance::{Kernel, median_distance, mmd_squared, wasserstein1};

use crate::{Features, MetricError, Series};

/// The unbiased estimate of the squared maximum mean discrepancy of series as whole sequences, with the kernel
/// exp(-|a - b|^2 / (2 h^2)), where h is the median of the distances between the series of both sets (of at most 1,000;
/// A. Gretton et al. 2012, "A Kernel Two-Sample Test", eq. 3 and section 8).
///
/// In [-1, 2]; around zero, on either side, for two samples of one distribution. The bandwidth depends on both sets, so
/// that figures compare only where the median hardly differs. Beyond 1,000 series it is taken of those at equal steps
/// and depends on their order.
///
/// # Errors
/// If the sets differ in steps or channels, one has fewer than two series, a value is not finite, or most series are
/// equal.
pub fn series_mmd2(real: &Series, fake: &Series) -> Result<f64, MetricError> {
    check(real, fake, 2)?;
    let dims = real.steps * real.channels;
    let wide = |series: &Series| series.values.iter().map(|&x| x.into()).collect::<Vec<f64>>();
    let (real, fake) = (wide(real), wide(fake));
    let kernel = Kernel::Gaussian { bandwidth: median_distance(&real, &fake, dims)? };
    Ok(mmd_squared(&real, &fake, dims, &kernel)?)
}

/// As [`series_mmd2`], with the mean of the kernels of three bandwidths: half the median distance, the median distance and twice that.
/// No single one has to suit.
///
/// # Errors
/// As [`series_mmd2`].
pub fn series_mmd2_mixed(real: &Series, fake: &Series) -> Result<f64, MetricError> {
    check(real, fake, 2)?;
    let dims = real.steps * real.channels;
    let wide = |series: &Series| series.values.iter().map(|&x| x.into()).collect::<Vec<f64>>();
    let (real, fake) = (wide(real), wide(fake));
    let median = median_distance(&real, &fake, dims)?;
    let of = |factor: f64| mmd_squared(&real, &fake, dims, &Kernel::Gaussian { bandwidth: factor * median });
    Ok((of(0.5)? + of(1.0)? + of(2.0)?) / 3.0)
}

/// Frequencies of a [spectrum](spectra) at most.
const FREQUENCIES: usize = 10;

/// How strong each of the lowest ten frequencies is in each channel of a series, whatever its phase: ln(|X_k|^2 + 0.001) of the discrete
/// Fourier transform at k = 0, 1, ..., as a row for each series.
pub fn spectra(series: &Series) -> Features {
    let (steps, channels) = (series.steps, series.channels);
    let frequencies = FREQUENCIES.min(steps / 2 + 1);
    let turns: Vec<[f64; 2]> = (0..steps)
        .map(|t| {
            let angle = std::f64::consts::TAU * t as f64 / steps as f64;
            [angle.cos(), angle.sin()]
        })
        .collect();
    let power = |one: &[f32], channel: usize, k: usize| {
        let values = one.iter().skip(channel).step_by(channels).enumerate();
        let [re, im] = values.fold([0.0; 2], |[re, im], (t, &x)| {
            let [cos, sin] = turns[k * t % steps];
            [re + f64::from(x) * cos, im - f64::from(x) * sin]
        });
        (re * re + im * im + 1e-3).ln() as f32
    };
    let row = |one: &[f32]| -> Vec<f32> {
        let places = (0..channels).flat_map(|channel| (0..frequencies).map(move |k| (channel, k)));
        places.map(|(channel, k)| power(one, channel, k)).collect()
    };
    let values = series.values.chunks_exact((steps * channels).max(1)).flat_map(row).collect();
    Features { dims: frequencies * channels, values }
}

/// For each channel the Wasserstein-1 distance of the values of all series at all steps, in the channel's unit.
///
/// # Errors
/// If the sets differ in steps or channels, one is empty, or a value is not finite.
pub fn marginal_distances(real: &Series, fake: &Series) -> Result<Vec<f64>, MetricError> {
    check(real, fake, 1)?;
    (0..real.channels).map(|c| Ok(wasserstein1(&real.channel(c), &fake.channel(c))?)).collect()
}

/// For each channel the Euclidean distance of the autocorrelations at the lags 1 to `lags` (after the ACF score of M.
/// Wiese et al. 2020, "Quant GANs: Deep Generation of Financial Time Series").
///
/// The autocorrelation at lag l is the mean of (x_t - m)(x_{t+l} - m) over all series and steps, over the variance,
/// with the mean m and the variance over all of them: what differs from series to series counts as correlation. In [0,
/// 2 sqrt(lags)], but for short series, whose estimates may leave [-1, 1].
///
/// # Errors
/// If the sets differ in steps or channels, one is empty, a value is not finite, `lags` is not in 1..steps, or a
/// channel is constant.
pub fn autocorrelation_distances(real: &Series, fake: &Series, lags: usize) -> Result<Vec<f64>, MetricError> {
    check(real, fake, 1)?;
    if lags == 0 || lags >= real.steps {
        return Err(MetricError::Parameter { name: "lags", domain: "from 1 to the steps less 1", got: lags as f64 });
    }
    let distance = |channel| {
        let real = autocorrelations(real, channel, lags, "real")?;
        let fake = autocorrelations(fake, channel, lags, "fake")?;
        Ok(real.iter().zip(&fake).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt())
    };
    (0..real.channels).map(distance).collect()
}

/// At the lags 1 to `lags`.
fn autocorrelations(series: &Series, channel: usize, lags: usize, set: &'static str) -> Result<Vec<f64>, MetricError> {
    let mut values = series.channel(channel);
    if values.iter().all(|x| *x == values[0]) {
        return Err(MetricError::Constant { set, column: channel });
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter_mut().for_each(|x| *x -= mean);
    let covariance = |lag: usize| {
        let products = |row: &[f64]| row.iter().zip(&row[lag..]).map(|(a, b)| a * b).sum::<f64>();
        let pairs = series.len() * (series.steps - lag);
        values.chunks_exact(series.steps).map(products).sum::<f64>() / pairs as f64
    };
    Ok((1..=lags).map(|lag| covariance(lag) / covariance(0)).collect())
}

fn check(real: &Series, fake: &Series, needed: usize) -> Result<(), MetricError> {
    for (left, right) in [(real.channels, fake.channels), (real.steps, fake.steps)] {
        if left != right {
            return Err(MetricError::Dims { left, right });
        }
    }
    real.check("real", needed)?;
    fake.check("fake", needed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, normals};

    /// Two channels of x_t = phi x_{t-1} + noise with variance 1, whose autocorrelation at lag l is phi^l.
    fn autoregression(seed: u64, n: usize, phi: [f64; 2]) -> Series {
        let steps = 40;
        let noise = normals(&mut Streams::new(seed).rng("noise", 0), n * steps * 2);
        let mut values = vec![0.0; noise.len()];
        for i in 0..noise.len() {
            let phi = phi[i % 2];
            let before = if i % (2 * steps) < 2 { None } else { Some(f64::from(values[i - 2])) };
            let noise = f64::from(noise[i]);
            values[i] = before.map_or(noise, |x: f64| phi * x + (1.0 - phi * phi).sqrt() * noise) as f32;
        }
        Series { steps, channels: 2, values }
    }

    /// cos(2 pi 3 t / 30) is 15 at k = 3 and nothing elsewhere; its phase is of no account.
    #[test]
    fn a_wave_has_one_frequency() {
        let wave =
            |phase: f64| (0..30).map(move |t| ((std::f64::consts::TAU * 3.0 * t as f64 / 30.0) + phase).cos() as f32);
        let series = Series { steps: 30, channels: 1, values: wave(0.0).chain(wave(1.1)).collect() };
        let found = spectra(&series);
        assert_eq!(found.dims, 10);
        for row in found.values.chunks_exact(10) {
            for (k, &power) in row.iter().enumerate() {
                let expected = if k == 3 { (225.001f64).ln() } else { (1e-3f64).ln() };
                assert!((f64::from(power) - expected).abs() < 1e-3, "k = {k}: {power} in place of {expected}");
            }
        }
        let short = Series { steps: 3, channels: 2, values: vec![1.0; 6] };
        assert_eq!(spectra(&short).dims, 4);
    }

    /// Lags 1 to 3 of phi = 0.8 and 0.5, of 20,000 values: standard errors about 0.01.
    #[test]
    fn autocorrelations_are_those_of_the_process() {
        let (a, b) = (autoregression(1, 2000, [0.8, 0.5]), autoregression(2, 2000, [0.5, 0.5]));
        let expected: f64 = (1..=3).map(|l| (0.8f64.powi(l) - 0.5f64.powi(l)).powi(2)).sum();
        let found = autocorrelation_distances(&a, &b, 3).unwrap();
        assert!((found[0] - expected.sqrt()).abs() < 0.03 && found[1] < 0.03, "{found:?} against {expected}");
    }

    /// The same marginals, so that these do not see the difference that the other two see.
    #[test]
    fn each_figure_sees_its_own() {
        let (a, same) = (autoregression(1, 300, [0.9, 0.0]), autoregression(2, 300, [0.9, 0.0]));
        let white = autoregression(3, 300, [0.0, 0.0]);
        assert!(marginal_distances(&a, &white).unwrap().iter().all(|&d| d < 0.15));
        let (apart, floor) = (series_mmd2(&a, &white).unwrap(), series_mmd2(&a, &same).unwrap());
        assert!(apart > 0.001 && floor.abs() < 0.2 * apart, "{apart}, {floor}");
        let mut moved = white.clone();
        moved.values.iter_mut().skip(1).step_by(2).for_each(|x| *x += 3.0);
        let found = marginal_distances(&white, &moved).unwrap();
        assert!(found[0] == 0.0 && (found[1] - 3.0).abs() < 1e-6, "{found:?}");
    }

    #[test]
    fn what_cannot_be_compared_is_named() {
        let series = |steps, channels, n: usize| Series { steps, channels, values: vec![1.0; n * steps * channels] };
        let dims = |a, b| matches!(marginal_distances(&a, &b), Err(MetricError::Dims { left: 2, right: 3 }));
        assert!(dims(series(5, 2, 4), series(5, 3, 4)) && dims(series(2, 5, 4), series(3, 5, 4)));
        let (a, one) = (series(5, 2, 4), series(5, 2, 1));
        assert!(matches!(series_mmd2(&a, &one), Err(MetricError::TooFew { set: "fake", needed: 2, got: 1 })));
        assert!(matches!(series_mmd2(&a, &a), Err(MetricError::Distance(_))));
        assert!(matches!(autocorrelation_distances(&a, &a, 5), Err(MetricError::Parameter { name: "lags", .. })));
        let constant = autocorrelation_distances(&a, &a, 2);
        assert!(matches!(constant, Err(MetricError::Constant { set: "real", column: 0 })));
        let mut broken = a.clone();
        broken.values[13] = f32::NAN;
        let error = marginal_distances(&a, &broken);
        assert!(matches!(error, Err(MetricError::NotFinite { set: "fake", item: 1, position: 3 })));
    }
}
