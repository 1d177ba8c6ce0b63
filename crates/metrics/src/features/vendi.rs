use faer::{Mat, Side};

use crate::pairs::{squared_distance, squared_norms};
use crate::{Features, MetricError};

/// How alike two items are, 1 for an item and itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Similarity {
    /// The cosine of their angle: a.b / (|a| |b|).
    Cosine,
    /// exp(-|a - b|^2 / (2 bandwidth^2)).
    Gaussian {
        /// Finite and positive.
        bandwidth: f64,
    },
}

/// The Vendi score: exp of the entropy of the eigenvalues of K / n, where K holds the similarities of all pairs
/// (D. Friedman and A. B. Dieng 2022, "The Vendi Score", definition 3.1).
///
/// In [1, n]: the effective number of different items, 1 if all are the same and n if none resembles another. It
/// looks at no real data. Keeps n^2 values and takes O(n^3), but for [`Similarity::Cosine`] of more items than
/// dimensions, where d takes the place of n.
///
/// # Errors
/// If there is no item, a value is not finite, the bandwidth is not positive, or the cosine is asked for of an item of
/// zeros.
pub fn vendi_score(features: &Features, similarity: Similarity) -> Result<f64, MetricError> {
    features.check("generated", 1)?;
    let kernel = match similarity {
        Similarity::Cosine => cosines(features)?,
        Similarity::Gaussian { bandwidth } if bandwidth.is_finite() && bandwidth > 0.0 => {
            let of =
                |i: usize, j: usize| squared_distance(features.item(i), features.item(j)) / (bandwidth * bandwidth);
            Mat::from_fn(features.len(), features.len(), |i, j| (-0.5 * of(i, j)).exp())
        }
        Similarity::Gaussian { bandwidth } => {
            return Err(MetricError::Parameter { name: "bandwidth", domain: "finite and positive", got: bandwidth });
        }
    };
    let n = features.len() as f64;
    let eigenvalues = kernel
        .self_adjoint_eigenvalues(Side::Lower)
        .map_err(|_| MetricError::NoEigenvalues { side: kernel.nrows() })?;
    let entropy: f64 = eigenvalues.iter().map(|x| x / n).filter(|&p| p > 0.0).map(|p| -p * p.ln()).sum();
    Ok(entropy.exp())
}

/// The cosines of all pairs, or a smaller matrix with the same eigenvalues but for zeros.
fn cosines(features: &Features) -> Result<Mat<f64>, MetricError> {
    let norms = squared_norms(features);
    if let Some(item) = norms.iter().position(|&norm| norm == 0.0) {
        return Err(MetricError::Zero { set: "generated", item });
    }
    let (n, dims) = (features.len(), features.dims);
    let unit = Mat::from_fn(n, dims, |i, j| f64::from(features.item(i)[j]) / norms[i].sqrt());
    Ok(if n <= dims { &unit * unit.transpose() } else { unit.transpose() * &unit })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ganvas_prob::stream::{Streams, normals};

    fn features(dims: usize, values: &[f32]) -> Features {
        Features { dims, values: values.to_vec() }
    }

    /// Two pairs of equal items at right angles: two kinds in equal shares. Three to one: exp of H(1/4).
    #[test]
    fn it_counts_the_different_items() {
        let (e1, e2) = ([2.0, 0.0, 0.0], [0.0, 0.5, 0.0]);
        let score = |rows: &[[f32; 3]]| vendi_score(&features(3, &rows.concat()), Similarity::Cosine).unwrap();
        assert!((score(&[e1, e1, e2, e2]) - 2.0).abs() < 1e-12);
        assert!((score(&[e1; 5]) - 1.0).abs() < 1e-12);
        let entropy = -(0.25f64.ln() * 0.25 + 0.75f64.ln() * 0.75);
        assert!((score(&[e1, e1, e2, e1]) - entropy.exp()).abs() < 1e-12);
        // As many items as dimensions: the other matrix.
        assert!((score(&[e1, e2, [0.0, 0.0, 3.0]]) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_bandwidth_decides_what_is_alike() {
        let far = features(1, &[0.0, 1.0, 2.0, 3.0]);
        let score = |bandwidth| vendi_score(&far, Similarity::Gaussian { bandwidth }).unwrap();
        assert!((score(1e-2) - 4.0).abs() < 1e-9 && (score(1e4) - 1.0).abs() < 1e-5);
        // K = [[1, k], [k, 1]] has the eigenvalues 1 + k and 1 - k.
        let k = (-0.125f64).exp();
        let entropy: f64 = [0.5 * (1.0 + k), 0.5 * (1.0 - k)].iter().map(|p| -p * p.ln()).sum();
        let two = vendi_score(&features(1, &[0.0, 1.0]), Similarity::Gaussian { bandwidth: 2.0 }).unwrap();
        assert!((two - entropy.exp()).abs() < 1e-12);
    }

    #[test]
    fn it_is_at_most_the_dimensions_for_cosines() {
        let rows = Features { dims: 6, values: normals(&mut Streams::new(1).rng("x", 0), 6 * 500) };
        let score = vendi_score(&rows, Similarity::Cosine).unwrap();
        assert!(score > 5.9 && score <= 6.0 + 1e-9, "{score}");
    }

    #[test]
    fn what_has_no_similarity_is_refused() {
        let zero = features(2, &[1.0, 0.0, 0.0, 0.0]);
        assert!(matches!(vendi_score(&zero, Similarity::Cosine), Err(MetricError::Zero { item: 1, .. })));
        let error = vendi_score(&zero, Similarity::Gaussian { bandwidth: 0.0 });
        assert!(matches!(error, Err(MetricError::Parameter { name: "bandwidth", .. })));
        assert!(matches!(vendi_score(&features(2, &[]), Similarity::Cosine), Err(MetricError::TooFew { .. })));
    }
}
