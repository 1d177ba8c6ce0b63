//! Figures against the packages that define them: `fixtures/references.py` made the values, on the same inputs.

use ganvas_metrics::features::{Similarity, inception_score_in_order, kid, vendi_score};
use ganvas_metrics::images::{ms_ssim, psnr, ssim};
use ganvas_metrics::neighbours::{Prdc, prdc, two_sample_test};
use ganvas_metrics::scores::{auroc, average_precision, best_f1, f1_at};
use ganvas_metrics::{Features, Images, frechet_distance};
use ganvas_prob::stream::{Streams, normals};
use serde_json::Value;

/// The generator of the script.
struct Lcg(u32);

impl Lcg {
    fn bits(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 16
    }

    fn uniform(&mut self) -> f64 {
        f64::from(self.bits()) / 32768.0 - 1.0
    }

    fn normal(&mut self) -> f64 {
        f64::from((0..4).map(|_| self.bits()).sum::<u32>()) / 32768.0 - 4.0
    }
}

fn features(seed: u32, n: usize, d: usize, scale: f64, shift: f64) -> Features {
    let mut lcg = Lcg(seed);
    let noise: Vec<f64> = (0..n * d).map(|_| lcg.normal()).collect();
    let before = |i: usize| if i.is_multiple_of(d) { 0.0 } else { 0.5 * noise[i - 1] };
    Features { dims: d, values: (0..n * d).map(|i| ((noise[i] + before(i)) * scale + shift) as f32).collect() }
}

fn pictures(seed: u32, channels: usize, height: usize, width: usize) -> (Images, Images) {
    let shape = [channels, height, width];
    let mut lcg = Lcg(seed);
    let (mut smooth, mut noisy) = (vec![0.0; channels * height * width], vec![0.0; channels * height * width]);
    for y in 0..height {
        for x in 0..width {
            for c in 0..channels {
                let steps = (y * (c + 2) * 7 + x * 13) % 64 + (y / 8 + x / 5 + c) % 2 * 64;
                let value = steps as f64 / 128.0 - 0.5;
                let at = (c * height + y) * width + x;
                smooth[at] = value as f32;
                noisy[at] = (value + 0.25 * lcg.uniform()) as f32;
            }
        }
    }
    (Images::new(shape, smooth), Images::new(shape, noisy))
}

/// The cases of one part of the script's output.
struct Case(Value);

impl Case {
    fn all(part: &str) -> Vec<Self> {
        let all: Value = serde_json::from_str(include_str!("fixtures/references.json")).unwrap();
        let cases: Vec<Self> = all[part].as_array().unwrap().iter().cloned().map(Self).collect();
        assert!(!cases.is_empty());
        cases
    }

    fn size(&self, key: &str) -> usize {
        self.0[key].as_u64().unwrap() as usize
    }

    fn number(&self, key: &str) -> f64 {
        self.0[key].as_f64().unwrap()
    }

    /// Relative to the value.
    fn near(&self, key: &str, found: f64, tolerance: f64) {
        let expected = self.number(key);
        assert!((found - expected).abs() <= tolerance * expected.abs(), "{key}: {found} against {}", self.0);
    }

    fn pair(&self) -> (Features, Features) {
        let d = self.size("d");
        let fake = features(2, self.size("m"), d, self.number("scale"), self.number("shift"));
        (features(1, self.size("n"), d, 1.0, 0.0), fake)
    }
}

#[test]
fn frechet_distances_are_those_of_torch_fidelity() {
    for case in Case::all("frechet") {
        let (real, fake) = case.pair();
        // With fewer items than dimensions the package takes roots of eigenvalues that are zero but for round-off.
        let tolerance = if case.size("n") < case.size("d") { 1e-6 } else { 1e-9 };
        case.near("value", frechet_distance(&real, &fake).unwrap(), tolerance);
    }
}

#[test]
fn kernel_distances_are_those_of_torch_fidelity() {
    for case in Case::all("kid") {
        let (real, fake) = case.pair();
        case.near("value", kid(&real, &fake).unwrap(), 1e-9);
    }
}

#[test]
fn inception_scores_are_those_of_torch_fidelity() {
    for case in Case::all("inception_score") {
        let (n, classes, height) = (case.size("n"), case.size("classes"), case.number("height"));
        let mut lcg = Lcg(3);
        let values = (0..n * classes).map(|_| (lcg.normal() * height) as f32).collect();
        let found = inception_score_in_order(&Features { dims: classes, values }, case.size("splits")).unwrap();
        case.near("mean", found.mean, 1e-12);
        case.near("sd", found.sd, 1e-9);
    }
}

#[test]
fn precision_recall_density_and_coverage_are_exactly_those_of_prdc() {
    let cases = Case::all("prdc");
    assert_eq!(cases.len(), 10);
    for case in cases {
        let (n, m, d, below) = (case.size("n"), case.size("m"), case.size("d"), case.size("below") as u32);
        let integers = |seed, size: usize| {
            let mut lcg = Lcg(seed);
            Features { dims: d, values: (0..size * d).map(|_| (lcg.bits() % below) as f32).collect() }
        };
        let (real, mut fake) = match below {
            0 => (features(4, n, d, 1.0, 0.0), features(5, m, d, 1.25, 0.25)),
            _ => (integers(4, n), integers(5, m)),
        };
        for i in 0..case.size("copied") {
            fake.values[i * d..(i + 1) * d].copy_from_slice(real.item(i / 2));
        }
        let Prdc { precision, recall, density, coverage } = prdc(&real, &fake, case.size("k")).unwrap();
        let (n, m, k) = (n as f64, m as f64, case.number("k"));
        // Counts over sizes: the same count, whatever the quotient rounds to.
        for (key, found, unit) in
            [("precision", precision, m), ("recall", recall, n), ("density", density, m * k), ("coverage", coverage, n)]
        {
            assert_eq!((found * unit).round(), (case.number(key) * unit).round(), "{key}: {found} against {}", case.0);
        }
    }
}

#[test]
fn nearest_neighbour_tests_are_those_of_scikit_learn() {
    for case in Case::all("two_sample") {
        let (real, fake) = case.pair();
        let found = two_sample_test(&real, &fake).unwrap();
        case.near("accuracy", found.accuracy, 1e-15);
        case.near("real", found.real, 1e-15);
        case.near("fake", found.fake, 1e-15);
    }
}

#[test]
fn vendi_scores_are_those_of_the_definition_in_numpy() {
    for case in Case::all("vendi") {
        let rows = features(6, case.size("n"), case.size("d"), 1.0, 0.0);
        case.near("cosine", vendi_score(&rows, Similarity::Cosine).unwrap(), 1e-10);
        case.near("gaussian", vendi_score(&rows, Similarity::Gaussian { bandwidth: 2.0 }).unwrap(), 1e-10);
    }
}

#[test]
fn signal_to_noise_and_structural_similarity_are_those_of_scikit_image() {
    for case in Case::all("images") {
        let (a, b) = pictures(7, case.size("channels"), case.size("height"), case.size("width"));
        case.near("psnr", psnr(&a, &b).unwrap()[0], 1e-12);
        case.near("ssim", ssim(&a, &b).unwrap()[0], 1e-10);
    }
}

#[test]
fn similarity_over_scales_is_that_of_pytorch_msssim() {
    for case in Case::all("multi_scale") {
        let side = case.size("side");
        let (a, b) = pictures(8, case.size("channels"), side, side);
        let weights: Vec<f64> = case.0["weights"].as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).collect();
        case.near("value", ms_ssim(&a, &b, &weights).unwrap()[0], 1e-6);
    }
}

#[test]
fn scores_are_judged_as_by_scikit_learn() {
    for case in Case::all("scores") {
        let (n, ties, share) = (case.size("n"), case.number("ties"), case.size("share") as u32);
        let mut lcg = Lcg(9);
        let labels: Vec<bool> = (0..n).map(|_| lcg.bits().is_multiple_of(share)).collect();
        let score = |label: &bool| {
            let value = lcg.normal() + f64::from(u8::from(*label));
            if ties > 0.0 { (value * ties / 8.0).floor() } else { value }
        };
        let scores: Vec<f64> = labels.iter().map(score).collect();
        case.near("auroc", auroc(&scores, &labels).unwrap(), 1e-12);
        case.near("average_precision", average_precision(&scores, &labels).unwrap(), 1e-12);
        case.near("best_f1", best_f1(&scores, &labels).unwrap().0, 1e-12);
        case.near("f1_at_one", f1_at(&scores, &labels, 1.0).unwrap(), 1e-12);
    }
}

/// The example of the prdc package's documentation: 10,000 items each of N(0, I) in 1,000 dimensions, k = 5. In so many
/// dimensions some items lie in very many balls: over draws the package's own figures have the standard deviations
/// 0.014, 0.006, 0.05 and 0.005.
#[test]
#[ignore = "takes a quarter of a minute"]
fn ten_thousand_gaussians_have_the_figures_that_prdc_documents() {
    let draw = |seed| Features { dims: 1000, values: normals(&mut Streams::new(seed).rng("x", 0), 10_000_000) };
    let found = prdc(&draw(1), &draw(2), 5).unwrap();
    let near = |found: f64, expected: f64, tolerance: f64| assert!((found - expected).abs() < tolerance, "{found}");
    near(found.precision, 0.4772, 0.05);
    near(found.recall, 0.4705, 0.03);
    near(found.density, 1.0555, 0.15);
    near(found.coverage, 0.9735, 0.02);
}
