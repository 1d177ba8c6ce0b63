use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};

use super::Buffer;
use crate::export::{Layout, TorchLayer};
use crate::labels::indicators;
use crate::noise::Noise;

/// What a count starts from, so that no code is divided by 0.
const SMOOTHING: f64 = 1e-5;

/// Vectors of which each stands for what lies nearest to it, moved to the running mean of that (van den Oord et al. 2017, appendix A.1).
///
/// A code to which nothing has come for a while is put where something has, so that none is lost. The first batch finds all of them
/// idle and so gives them their places.
#[derive(Module, Debug)]
pub struct Codebook {
    /// `[codes, size]`.
    codes: Buffer<2>,
    /// How many vectors of a batch come to each, on the average, `[codes]`.
    counts: Buffer<1>,
    /// Their sum, on the average, `[codes, size]`.
    sums: Buffer<2>,
    /// Batches since the last that came to each, `[codes]`.
    idle: Buffer<1>,
}

/// How a [`Codebook`] follows what it stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Following {
    /// What the counts and sums of before weigh, in [0, 1).
    pub decay: f64,
    /// Batches after which an idle code is moved.
    pub patience: usize,
}

impl Codebook {
    pub(crate) const TORCH: TorchLayer = TorchLayer {
        layer: "Codebook",
        torch: "nn.Module",
        values: &[
            ("codes", "codes", Layout::Same),
            ("counts", "counts", Layout::Same),
            ("sums", "sums", Layout::Same),
            ("idle", "idle", Layout::Same),
        ],
        counters: &[],
    };

    /// Codes that wait for the first batch.
    pub fn new(codes: usize, size: usize, device: &Device) -> Self {
        let empty = || Buffer::new(Tensor::zeros([codes, size], device));
        Self {
            codes: empty(),
            counts: Buffer::new(Tensor::zeros([codes], device)),
            sums: empty(),
            idle: Buffer::new(Tensor::full([codes], 1e9, device)),
        }
    }

    /// The number of the code nearest to each vector: `[n, size]` to `[n]`.
    pub fn nearest(&self, vectors: Tensor<2>) -> Tensor<1, Int> {
        let codes = self.codes.get();
        let vectors = vectors.detach().cast(codes.dtype());
        // |v - e|^2 less |v|^2, which is the same for all, halved.
        let lengths = codes.clone().square().sum_dim(1).mul_scalar(0.5).transpose();
        (lengths - vectors.matmul(codes.transpose())).argmin(1).squeeze_dim(1)
    }

    /// The vectors of these codes: `[n]` to `[n, size]`.
    pub fn vectors(&self, tokens: Tensor<1, Int>) -> Tensor<2> {
        self.codes.get().select(0, tokens)
    }

    /// Vectors replaced by codes, with the gradient of the codes passed on to the vectors as it is (there, section 3.2).
    pub fn straight_through(&self, vectors: Tensor<2>, tokens: Tensor<1, Int>) -> Tensor<2> {
        let codes = self.vectors(tokens).cast(vectors.dtype());
        vectors.clone() + (codes - vectors).detach()
    }

    /// Moves the codes to what has come to them: `[n, size]`, and their numbers `[n]`.
    pub fn follow(&self, vectors: Tensor<2>, tokens: Tensor<1, Int>, how: Following, noise: &Noise) {
        let codes = self.codes.get();
        let ([count, size], [n, _]) = (codes.dims(), vectors.dims());
        if n == 0 {
            return;
        }
        let vectors = vectors.detach().cast(codes.dtype());
        let came = indicators(tokens, count).cast(codes.dtype());
        let here: Tensor<1> = came.clone().sum_dim(0).squeeze_dim(0);
        let follow =
            |mean: f64, before: Tensor<2>, now: Tensor<2>| before.mul_scalar(mean) + now.mul_scalar(1.0 - mean);
        let counts = follow(how.decay, self.counts.get().unsqueeze_dim(1), here.clone().unsqueeze_dim(1));
        let sums = follow(how.decay, self.sums.get(), came.transpose().matmul(vectors.clone()));
        // Laplace's rule keeps the sum of the counts.
        let total = counts.clone().sum().reshape([1, 1]);
        let smooth =
            counts.clone().add_scalar(SMOOTHING) * (total.clone() / total.add_scalar(SMOOTHING * count as f64));
        // A code that nothing has ever come to stays.
        let known = counts.clone().greater_elem(1e-12);
        let moved = codes.mask_where(known.expand([count, size]), sums.clone() / smooth.clamp_min(1e-12));
        let idle = (self.idle.get().add_scalar(1.0)) * here.equal_elem(0.0).float();
        let lost = idle.clone().greater_equal_elem(how.patience as f64);
        let rows = lost.clone().unsqueeze_dim::<2>(1);
        let places = vectors.select(0, noise.classes("codebook", count, n));
        let all = rows.clone().expand([count, size]);
        self.codes.set(moved.mask_where(all.clone(), places.clone()));
        // As if one vector had come there.
        self.sums.set(sums.mask_where(all, places));
        self.counts.set(counts.mask_fill(rows, 1.0).squeeze_dim(1));
        self.idle.set(idle.mask_fill(lost, 0.0));
    }
}

/// How evenly codes are used: exp of the entropy of their shares, from 1 to their number, `[1]`.
pub fn perplexity(tokens: Tensor<1, Int>, codes: usize) -> Tensor<1> {
    let shares = indicators(tokens, codes).mean_dim(0);
    let entropy = (shares.clone() * shares.clamp_min(1e-12).log()).sum().neg();
    entropy.exp()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::Streams;

    const HOW: Following = Following { decay: 0.9, patience: 20 };

    fn noise(step: u64) -> Noise {
        Noise::new(Streams::new(1), "test", step, &Device::flex())
    }

    /// Vectors about four places, the last of which is rare.
    fn batch(step: u64) -> Tensor<2> {
        let n = 64;
        let spread = noise(step).normal("spread", [n, 2]).mul_scalar(0.05);
        let at = |i: usize| match i % 16 {
            0 => [5.0, 5.0],
            i if i < 6 => [-1.0, 0.0],
            i if i < 11 => [1.0, 0.0],
            _ => [0.0, 2.0],
        };
        let places: Vec<f32> = (0..n).flat_map(at).collect();
        spread + Tensor::from_data(burn::tensor::TensorData::new(places, [n, 2]), &Device::flex())
    }

    /// With more codes than places, for with as many two places may share one and another have two, as in k-means.
    #[test]
    fn codes_come_to_where_vectors_are() {
        let codebook = Codebook::new(12, 2, &Device::flex());
        for step in 0..400 {
            let vectors = batch(step);
            let tokens = codebook.nearest(vectors.clone());
            codebook.follow(vectors, tokens, HOW, &noise(step));
        }
        let vectors = batch(1000);
        let error = vectors.clone() - codebook.vectors(codebook.nearest(vectors));
        let farthest = error.square().sum_dim(1).max().sqrt().into_scalar::<f64>();
        // The farthest of 64 draws of two normals of 0.05 lies at about 0.05 sqrt(2 ln 64) = 0.14 from its mean.
        assert!(farthest < 0.25, "{farthest}");
    }

    #[test]
    fn perplexity_is_the_number_of_codes_evenly_used() {
        let of = |tokens: &[i64]| {
            let tokens = burn::tensor::TensorData::new(tokens.to_vec(), [tokens.len()]);
            perplexity(Tensor::from_data(tokens, &Device::flex()), 4).into_scalar::<f64>()
        };
        assert!((of(&[0, 1, 2, 3]) - 4.0).abs() < 1e-5);
        assert!((of(&[2, 2, 2]) - 1.0).abs() < 1e-5);
        // Shares 1/4 and 3/4.
        assert!((of(&[0, 1, 1, 1]) - (0.25 * 4f64.ln() + 0.75 * (4f64 / 3.0).ln()).exp()).abs() < 1e-5);
    }

    #[test]
    fn an_idle_code_is_moved_to_where_something_is() {
        let codebook = Codebook::new(2, 1, &Device::flex());
        let at = |x: f32| Tensor::<2>::full([8, 1], x, &Device::flex());
        let follow = |x: f32, step: u64| {
            let tokens = codebook.nearest(at(x));
            codebook.follow(at(x), tokens, HOW, &noise(step));
        };
        let (near, far) = (Tensor::full([4, 1], 0.0, &Device::flex()), Tensor::full([4, 1], 10.0, &Device::flex()));
        let both = Tensor::cat(vec![near, far], 0);
        for step in 0..10 {
            let tokens = codebook.nearest(both.clone());
            codebook.follow(both.clone(), tokens, HOW, &noise(step));
        }
        // From now on there is nothing near 0.
        (10..29).for_each(|step| follow(10.0, step));
        let lowest = || codebook.codes.get().min().into_scalar::<f32>();
        assert!(lowest() < 5.0, "not yet: {}", lowest());
        (29..32).for_each(|step| follow(10.0, step));
        assert!(lowest() > 9.0, "{}", lowest());
    }

    /// The gradient with respect to the vectors is that with respect to the codes they were replaced by.
    #[test]
    fn gradients_pass_straight_through() {
        let device = Device::flex().autodiff();
        let codebook = Codebook::new(3, 2, &device);
        let start = Tensor::<2>::from_floats([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]], &device);
        let tokens = codebook.nearest(start.clone());
        codebook.follow(start, tokens, HOW, &noise(0));
        let weights = Tensor::<2>::from_floats([[1.0, -2.0], [0.5, 3.0]], &device);
        let vectors = Tensor::<2>::from_floats([[0.2, 0.1], [1.7, 0.2]], &device).require_grad();
        let tokens = codebook.nearest(vectors.clone());
        let quantized = codebook.straight_through(vectors.clone(), tokens.clone());
        let codes = codebook.vectors(tokens).detach().require_grad();
        let loss = |x: Tensor<2>| (x.square() * weights.clone()).sum();
        let through = vectors.grad(&loss(quantized).backward()).unwrap();
        let direct = codes.grad(&loss(codes.clone()).backward()).unwrap();
        assert!((through - direct).abs().max().into_scalar::<f64>() < 1e-6);
    }
}
