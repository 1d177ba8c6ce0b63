//! Series that are computed: `sines` and `waves3` (after C. Esteban, S. L. Hyland and G. Raetsch 2017, section 4.1).
//!
//! `x_t = A sin(2 pi f t / 30 + p)` for t = 1 to 30. Of `sines` f is from U(1, 5), A from U(0.1, 0.9), p from U(-pi, pi). `waves3` has three
//! classes, whose f are from U(1, 2), U(2.5, 3.5) and U(4, 5), A from U(0.3, 0.9), and noise of N(0, 0.05^2) at every step. They come from
//! a seed of their own; values are multiples of 2^-20, so that a last bit of the sine, which differs between platforms, is of no account.

use std::f64::consts::PI;

use ganvas_prob::stream::{StreamRng, Streams, normals, uniforms};

use crate::dataset::{Channel, Dataset, ItemShape, Split, Values};
use crate::{DataError, Entry};

/// Ids of the data sets.
pub(crate) const SINES: &str = "sines";
pub(crate) const WAVES: &str = "waves3";

/// Steps of a series.
pub(crate) const STEPS: usize = 30;

/// Series to train on and held out, of each set.
pub(crate) const SINES_PARTS: [usize; 2] = [10_000, 2_000];
pub(crate) const WAVES_PARTS: [usize; 2] = [6_000, 3_000];

/// Seed of the series; not that of a run.
const SEED: u64 = 0;

/// How the frequency, the amplitude and the noise of a class are drawn.
struct Wave {
    frequency: [f64; 2],
    amplitude: [f64; 2],
    noise: f64,
}

fn classes(id: &str) -> Option<Vec<Wave>> {
    match id {
        SINES => Some(vec![Wave { frequency: [1.0, 5.0], amplitude: [0.1, 0.9], noise: 0.0 }]),
        WAVES => Some(
            [[1.0, 2.0], [2.5, 3.5], [4.0, 5.0]]
                .map(|frequency| Wave { frequency, amplitude: [0.3, 0.9], noise: 0.05 })
                .into(),
        ),
        _ => None,
    }
}

/// The data set of an entry, where it is one of these.
pub(crate) fn dataset(entry: &Entry) -> Option<Result<Dataset, DataError>> {
    let waves = classes(entry.id)?;
    let [train, test] = if entry.id == SINES { SINES_PARTS } else { WAVES_PARTS };
    let streams = Streams::new(SEED).fork(entry.id);
    let [train, test] = [train, test].map(|n| draw(&mut streams.rng("series", n as u64), &waves, n));
    let shape = ItemShape::Series { steps: STEPS, channels: 1 };
    let names = entry.class_names.iter().map(|&name| name.to_owned()).collect();
    let made = Dataset::new(entry.id, entry.title, shape, names, train, test, entry.attribution);
    Some(made.map(|dataset| dataset.of_series(vec![Channel { name: "x".into(), low: -1.0, high: 1.0 }])))
}

/// As many series of each class, in turn.
fn draw(rng: &mut StreamRng, waves: &[Wave], n: usize) -> Split {
    let drawn = uniforms(rng, 3 * n);
    let noise = normals(rng, n * STEPS);
    let between = |[low, high]: [f64; 2], u: f32| low + (high - low) * f64::from(u);
    let mut values = Vec::with_capacity(n * STEPS);
    for (i, (u, noise)) in drawn.as_chunks::<3>().0.iter().zip(noise.chunks_exact(STEPS)).enumerate() {
        let wave = &waves[i % waves.len()];
        let (frequency, amplitude) = (between(wave.frequency, u[0]), between(wave.amplitude, u[1]));
        let phase = between([-PI, PI], u[2]);
        values.extend(noise.iter().enumerate().map(|(t, &noise)| {
            let angle = 2.0 * PI * frequency * (t + 1) as f64 / STEPS as f64 + phase;
            let value = amplitude * angle.sin() + wave.noise * f64::from(noise);
            ((value * f64::from(1 << 20)).round() / f64::from(1 << 20)) as f32
        }));
    }
    let labels = (waves.len() > 1).then(|| (0..n).map(|i| (i % waves.len()) as u32).collect());
    Split { values: Values::F32(values), labels, len: n }
}

#[cfg(test)]
mod tests {
    use crate::{OpenOptions, Values, open};

    /// How strong the k-th of the 30 frequencies is.
    fn power(series: &[f32], k: usize) -> f64 {
        let turn = |t: usize| 2.0 * std::f64::consts::PI * (k * t) as f64 / series.len() as f64;
        let [re, im] = [f64::cos, f64::sin]
            .map(|f| series.iter().enumerate().map(|(t, &x)| f64::from(x) * f(turn(t))).sum::<f64>());
        re * re + im * im
    }

    #[test]
    fn the_strongest_frequency_is_that_of_the_class() {
        let waves = open("waves3", &OpenOptions::default()).unwrap();
        assert_eq!((waves.shape.to_string().as_str(), waves.train.len, waves.test.len), ("30x1", 6000, 3000));
        let labels = waves.test.labels.as_ref().unwrap();
        let Values::F32(values) = &waves.test.values else { panic!("no numbers") };
        let right = values.chunks_exact(30).zip(labels).filter(|(series, label)| {
            let strongest = (1..=6).max_by(|&a, &b| power(series, a).total_cmp(&power(series, b))).unwrap();
            match *label {
                0 => strongest <= 2,
                1 => (2..=4).contains(&strongest),
                _ => strongest >= 4,
            }
        });
        assert!(right.count() > 2980);
        assert!(values.iter().all(|x| x.abs() < 1.2));
    }

    #[test]
    fn sines_have_no_class_and_stay_within_their_amplitude() {
        let sines = open("sines", &OpenOptions::default()).unwrap();
        assert!(sines.train.labels.is_none() && sines.class_names.is_empty());
        let Values::F32(values) = &sines.train.values else { panic!("no numbers") };
        let largest = values.chunks_exact(30).map(|series| series.iter().fold(0f32, |most, x| most.max(x.abs())));
        let largest: Vec<f32> = largest.collect();
        assert!(largest.iter().all(|&most| most < 0.9));
        // That of U(0.1, 0.9), of which the largest of 30 values falls a little short: 10,000 of them, standard error 0.0023.
        let mean = largest.iter().map(|&x| f64::from(x)).sum::<f64>() / largest.len() as f64;
        assert!((0.48..0.51).contains(&mean), "{mean}");
    }
}
