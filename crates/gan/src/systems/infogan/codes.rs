use burn::tensor::{Int, Tensor};
use ganvas_nets::noise::Noise;

use crate::objectives::cross_entropy;
use crate::systems::adversarial::indicators;

/// What a latent is made of.
#[derive(Clone, Debug)]
pub struct Codes {
    /// Values that are no code.
    pub noise: usize,
    /// Categories of each categorical code.
    pub categorical: Vec<usize>,
    /// Number of continuous codes.
    pub continuous: usize,
}

/// Latents in their parts, `n` of each.
#[derive(Clone)]
pub struct Latents {
    /// `[n, noise]`.
    pub noise: Tensor<2>,
    /// `[n]` of each categorical code.
    pub classes: Vec<Tensor<1, Int>>,
    /// `[n, 1]` of each continuous code.
    pub continuous: Vec<Tensor<2>>,
}

/// How far what Q reads is from the codes, each `[1]`, a mean over items.
pub struct Misread {
    /// The sum of the cross-entropies of the categorical codes, in nats; none without such codes.
    pub cross_entropy: Option<Tensor<1>>,
    /// The sum of the squared errors of the continuous codes; none without such codes.
    pub squared_error: Option<Tensor<1>>,
}

impl Codes {
    /// Values that the generator takes.
    pub fn inputs(&self) -> usize {
        self.noise + self.outputs()
    }

    /// Values that Q gives: a logit for each category and a mean for each continuous code.
    pub fn outputs(&self) -> usize {
        self.categorical.iter().sum::<usize>() + self.continuous
    }

    /// The entropy of all categorical codes, in nats: the most that can be told of them.
    pub fn entropy(&self) -> f64 {
        self.categorical.iter().map(|&count| (count as f64).ln()).sum()
    }

    /// `n` latents.
    pub fn draw(&self, n: usize, noise: &Noise) -> Latents {
        Latents {
            noise: noise.uniform("latent", [n, self.noise], -1.0, 1.0),
            classes: self.categorical.iter().map(|&count| noise.classes("category", n, count)).collect(),
            continuous: (0..self.continuous).map(|_| noise.uniform("code", [n, 1], -1.0, 1.0)).collect(),
        }
    }

    /// Latents as the generator takes them, `[n, inputs]`: noise, indicators of each category, continuous codes.
    pub fn joined(&self, latents: &Latents) -> Tensor<2> {
        let classes = latents.classes.iter().zip(&self.categorical);
        let classes = classes.map(|(classes, &count)| indicators(classes.clone(), count));
        let parts = std::iter::once(latents.noise.clone()).chain(classes).chain(latents.continuous.iter().cloned());
        Tensor::cat(parts.collect(), 1)
    }

    /// Q's logits of each categorical code, `[n, categories]`, and its means of each continuous one, `[n, 1]`, from all that
    /// it gives, `[n, outputs]`.
    pub fn split(&self, read: Tensor<2>) -> (Vec<Tensor<2>>, Vec<Tensor<2>>) {
        let mut from = 0;
        let mut take = |count: usize| {
            from += count;
            read.clone().narrow(1, from - count, count)
        };
        let logits = self.categorical.iter().map(|&count| take(count)).collect();
        (logits, (0..self.continuous).map(|_| take(1)).collect())
    }

    /// How far what Q gives, `[n, outputs]`, is from the codes.
    pub fn misread(&self, read: Tensor<2>, truth: &Latents) -> Misread {
        let (logits, means) = self.split(read);
        let entropies = logits.into_iter().zip(&truth.classes).map(|(l, classes)| cross_entropy(l, classes.clone()));
        let errors = means.into_iter().zip(&truth.continuous).map(|(mean, c)| (mean - c.clone()).square().mean());
        Misread { cross_entropy: entropies.reduce(|a, b| a + b), squared_error: errors.reduce(|a, b| a + b) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use ganvas_prob::stream::Streams;

    fn codes() -> Codes {
        Codes { noise: 3, categorical: vec![4, 2], continuous: 2 }
    }

    fn latents(n: usize) -> Latents {
        codes().draw(n, &Noise::new(Streams::new(1), "phase", 0, &Device::flex()))
    }

    fn values(tensor: Tensor<1>) -> Vec<f64> {
        tensor.to_data().iter().collect()
    }

    #[test]
    fn latents_are_noise_then_one_of_each_category_then_continuous_codes() {
        let latents = latents(2000);
        let joined = codes().joined(&latents);
        assert_eq!(joined.dims(), [2000, codes().inputs()]);
        assert!(joined.clone().abs().max().into_scalar::<f64>() <= 1.0);
        let shares = values(joined.clone().narrow(1, 3, 6).mean_dim(0).flatten(0, 1));
        for (share, expected) in shares.iter().zip([0.25, 0.25, 0.25, 0.25, 0.5, 0.5]) {
            // Four standard errors of a share of 2,000 draws are less than this.
            assert!((share - expected).abs() < 0.045, "{shares:?}");
        }
        for (from, count) in [(3, 4), (7, 2)] {
            let sums = values(joined.clone().narrow(1, from, count).sum_dim(1).flatten(0, 1));
            assert!(sums.iter().all(|&sum| sum == 1.0));
        }
        for (k, code) in latents.continuous.into_iter().enumerate() {
            assert_eq!(values(code.flatten(0, 1)), values(joined.clone().narrow(1, 9 + k, 1).flatten(0, 1)));
        }
    }

    /// Equal logits say nothing: the cross-entropy is ln 4 + ln 2, the entropy itself. Means of 0 are off by the codes.
    #[test]
    fn who_reads_nothing_is_told_nothing() {
        let truth = latents(500);
        let read = Tensor::zeros([500, codes().outputs()], &Device::flex());
        let misread = codes().misread(read, &truth);
        assert!((misread.cross_entropy.unwrap().into_scalar::<f64>() - codes().entropy()).abs() < 1e-5);
        assert!((codes().entropy() - 8f64.ln()).abs() < 1e-12);
        let squares: f64 = truth.continuous.into_iter().flat_map(|c| values(c.flatten(0, 1))).map(|c| c * c).sum();
        let error = misread.squared_error.unwrap().into_scalar::<f64>();
        assert!((error - squares / 500.0).abs() < 1e-5, "{error}");
    }

    #[test]
    fn who_reads_the_codes_themselves_misreads_nothing() {
        let truth = latents(50);
        let joined = codes().joined(&truth);
        // Indicators times 50 as logits: all others have e^-50 of the weight.
        let read = Tensor::cat(vec![joined.clone().narrow(1, 3, 6).mul_scalar(50.0), joined.narrow(1, 9, 2)], 1);
        let misread = codes().misread(read, &truth);
        assert!(misread.cross_entropy.unwrap().into_scalar::<f64>() < 1e-6);
        assert_eq!(misread.squared_error.unwrap().into_scalar::<f64>(), 0.0);
    }
}
