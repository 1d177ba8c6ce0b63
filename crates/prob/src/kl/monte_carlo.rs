use super::bregman::exp_rest;
use super::{Kl, KlConfig, KlError, Method};
use crate::estimate::Estimate;
use crate::traits::Law;

/// The largest share that one draw may have in the estimate.
const SHARE: f64 = 0.2;

/// Mean and standard error over draws from p of ln p - ln q or, where p and q are seen to be close to each other on both
/// their draws, of exp(ln q - ln p) - 1 - (ln q - ln p). That takes it for granted that q has all its mass where p has
/// some, and its variance is finite only while q/p is bounded on the average: hence the look at q's draws.
pub fn estimate(p: &dyn Law, q: &dyn Law, config: &KlConfig) -> Result<Kl, KlError> {
    let n = config.samples;
    let method = Method::MonteCarlo { n };
    let gaps = gaps(p, q, config, p, "kl p")?;
    if gaps.contains(&f64::INFINITY) {
        return Ok(Kl::certain(f64::INFINITY, method));
    }
    let near = |gaps: &[f64]| gaps.iter().all(|t| t.abs() <= 1.0);
    let mut terms = gaps;
    if near(&terms) && self::gaps(p, q, config, q, "kl q").is_ok_and(|there| near(&there)) {
        terms.iter_mut().for_each(|t| *t = exp_rest(-*t));
    }
    let sizes = terms.iter().map(|t| t.abs());
    let (largest, total) = (sizes.clone().fold(0.0, f64::max), sizes.sum::<f64>());
    if largest > SHARE * total {
        return Err(KlError::HeavyTail { n, share: largest / total });
    }
    let estimate = Estimate::of(&terms);
    Ok(Kl { nats: estimate.mean, method, stderr: Some(estimate.stderr) })
}

/// ln p - ln q at draws from `law`; infinite where p has mass and q has none, negative infinity where it is the other
/// way around.
fn gaps(p: &dyn Law, q: &dyn Law, config: &KlConfig, law: &dyn Law, stream: &str) -> Result<Vec<f64>, KlError> {
    let mut rng = config.streams.rng(stream, 0);
    let mut x = vec![0.0; p.dims()];
    (0..config.samples)
        .map(|_| {
            law.draw(&mut rng, &mut x);
            let (ln_p, ln_q) = (p.ln_density(&x), q.ln_density(&x));
            let gap = ln_p - ln_q;
            if gap.is_nan() || ln_p == f64::INFINITY {
                Err(KlError::NotANumber { x: x.clone(), ln_p, ln_q })
            } else {
                Ok(gap)
            }
        })
        .collect()
}
