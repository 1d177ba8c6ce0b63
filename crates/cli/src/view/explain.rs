//! What each figure means, in one line: nobody should have to look up a name to read a report.

/// Which way a figure improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// Smaller is better.
    Lower,
    /// Larger is better.
    Higher,
}

impl Better {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lower => "lower",
            Self::Higher => "higher",
        }
    }
}

/// How to read a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// Which way it improves, if either.
    pub better: Option<Better>,
    /// What it measures, in one line.
    pub text: &'static str,
}

const LOWER: Option<Better> = Some(Better::Lower);
const HIGHER: Option<Better> = Some(Better::Higher);

/// Sorted by name; a name also stands for what continues it by a digit or a sign, such as `fid50k_full` or `nll_test`.
const MEANINGS: &[(&str, Option<Better>, &str)] = &[
    ("active_units", HIGHER, "Latent dimensions whose posterior mean varies with the input; the others carry nothing"),
    (
        "autocorrelation",
        LOWER,
        "Distance between the autocorrelations of real and generated series, mean over channels",
    ),
    ("bits_per_dim", LOWER, "Bits per dimension: negative log-likelihood of held-out data, per value, in bits"),
    ("bpd", LOWER, "Bits per dimension: negative log-likelihood of held-out data, per value, in bits"),
    (
        "c2st",
        None,
        "How often the nearest item tells real from generated: 0.5 when they agree, towards 1 apart, towards 0 copies",
    ),
    ("class_share_max", LOWER, "Share of the most frequent class among generated samples, by a classifier"),
    (
        "class_share_min",
        HIGHER,
        "Share of the rarest class among generated samples, by a classifier; 0 means a class is missing",
    ),
    ("classes", HIGHER, "Classes found among generated samples, by a classifier"),
    ("classifier_score", HIGHER, "Inception score of our own classifier: how sure and how varied its answers are"),
    ("completeness", HIGHER, "Whether each factor of the data is told by one latent; 1 when it is"),
    (
        "copies",
        LOWER,
        "Share of generated items nearer to a real one than its neighbour is; compare with held-out data",
    ),
    ("coverage", HIGHER, "Share of real samples that have a generated one in their neighbourhood: variety"),
    ("covered", HIGHER, "Modes that get at least a fifth of their fair share of the samples"),
    ("density", HIGHER, "How many real neighbourhoods a generated sample falls into, on average: fidelity"),
    ("disentanglement", HIGHER, "Whether each latent stands for one factor of the data; 1 when it does"),
    ("diversity", HIGHER, "Mean distance between generated samples; a fall to zero is mode collapse"),
    ("duplicates", LOWER, "Share of generated samples that repeat another one, nearly or exactly"),
    ("elbo", HIGHER, "Evidence lower bound on the log-likelihood of held-out data, in nats per sample"),
    ("factor_vae", HIGHER, "How often the latent that varies least tells which factor of the data is fixed"),
    ("fd", LOWER, "Frechet distance of the Gaussians with the two samples' moments"),
    (
        "ffd",
        LOWER,
        "Frechet distance of real and generated samples on our own classifier's features; not comparable to FID",
    ),
    ("fid", LOWER, "Frechet distance between real and generated images on Inception features"),
    (
        "fkd",
        LOWER,
        "Squared kernel distance of real and generated samples on our own classifier's features; not comparable to KID",
    ),
    (
        "hq3",
        HIGHER,
        "Share of samples within three standard deviations of a mode; read it together with the modes covered",
    ),
    ("inception_score", HIGHER, "How sure and how varied the classifier's answers on generated images are"),
    ("informativeness", HIGHER, "How well the factors of the data are told from all latents together"),
    ("jsd", LOWER, "Jensen-Shannon divergence between the real and the generated distribution, in nats"),
    ("kid", LOWER, "Squared maximum mean discrepancy of Inception features with a cubic kernel"),
    (
        "kl",
        None,
        "Divergence of the posterior from the prior, in nats: how much the latent code says; 0 is posterior collapse",
    ),
    ("lpips", LOWER, "Distance between images on the features of a pretrained network"),
    ("mae", LOWER, "Mean absolute error"),
    (
        "marginal",
        LOWER,
        "Wasserstein distance of single values of real and generated series, whatever their order, mean over channels",
    ),
    ("mig", HIGHER, "By how much each factor is told better by its best latent than by the next; 1 when by that alone"),
    ("mmd", LOWER, "Maximum mean discrepancy between real and generated samples"),
    ("mmd2", LOWER, "Squared maximum mean discrepancy between real and generated samples; around 0 when they agree"),
    ("mmd2_cubic", LOWER, "Squared maximum mean discrepancy with a cubic kernel; around 0 when the samples agree"),
    ("modes", HIGHER, "Modes of the data that the samples reach"),
    ("mse", LOWER, "Mean squared error"),
    ("near", HIGHER, "Share of samples close to any mode; read it together with the modes covered"),
    ("neg_elbo", LOWER, "Upper bound on the negative log-likelihood of held-out data, in nats per sample"),
    ("nelbo", LOWER, "Upper bound on the negative log-likelihood of held-out data, in nats per sample"),
    ("nll", LOWER, "Negative log-likelihood of held-out data, in nats per sample"),
    ("precision", HIGHER, "Share of generated samples that lie among real ones: fidelity"),
    ("psnr", HIGHER, "Peak signal-to-noise ratio, in decibel"),
    ("recall", HIGHER, "Share of real samples that lie among generated ones: variety"),
    ("reconstruction", LOWER, "Error of decoding the code of a held-out sample"),
    ("sap", HIGHER, "By how much each factor is told better by its best latent than by the next, by thresholds"),
    ("ssim", HIGHER, "Structural similarity of two images; 1 when they are the same"),
    ("swd", LOWER, "Sliced Wasserstein distance between real and generated samples"),
    ("trts", HIGHER, "Accuracy of a classifier that was trained on real series and is tested on generated ones"),
    ("tstr", HIGHER, "Accuracy of a classifier that was trained on generated series and is tested on real ones"),
    ("vendi", HIGHER, "Effective number of different items among the generated ones"),
    ("wasserstein", LOWER, "Wasserstein distance between real and generated samples"),
];

/// How to read the figure called `name`, if we know it.
///
/// Case and a leading minus don't matter except that the minus turns the direction: `-elbo` is better when lower.
pub fn meaning(name: &str) -> Option<Meaning> {
    let lower = name.to_ascii_lowercase().replace([' ', '-'], "_");
    let known = |name: &str| {
        let continues = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_alphabetic());
        let fits = MEANINGS.iter().filter(|(key, ..)| name.strip_prefix(key).is_some_and(continues));
        fits.max_by_key(|(key, ..)| key.len()).map(|&(_, better, text)| Meaning { better, text })
    };
    match lower.strip_prefix('_') {
        Some("elbo") => known("neg_elbo"),
        Some(_) => None,
        None => known(&lower),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_suffix_are_known_and_others_are_not_guessed() {
        assert_eq!(meaning("fid50k_full"), meaning("fid"));
        assert_eq!(meaning("nll_test"), meaning("NLL"));
        assert_eq!(meaning("mmd2").unwrap().text, MEANINGS.iter().find(|m| m.0 == "mmd2").unwrap().2);
        assert_eq!(meaning("inception score"), meaning("inception_score"));
        for unknown in ["fidelity", "nearest", "", "_", "-", "-fid", "kidney"] {
            assert_eq!(meaning(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn the_sign_of_the_elbo_turns_its_direction() {
        assert_eq!(meaning("elbo").unwrap().better, Some(Better::Higher));
        assert_eq!(meaning("-elbo").unwrap().better, Some(Better::Lower));
        assert_eq!(meaning("-ELBO").unwrap().better, Some(Better::Lower));
    }

    #[test]
    fn the_list_is_sorted_without_repeats() {
        assert!(MEANINGS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
