//! `ganvas prob distance`.

use ganvas_metrics::Figure;
use ganvas_prob::distance::{
    DistanceError, Kernel, anderson_darling_k_samples, energy_distance_unbiased, kolmogorov_smirnov_two_samples,
    median_distance, mmd_squared, wasserstein1, wasserstein2,
};
use ganvas_prob::gaussian::{Moments, frechet};

use super::failed;
use crate::args::DistanceArgs;
use crate::commands::{files, show};
use crate::error::CliError;
use crate::progress::Progress;
use crate::view::{figures_table, format::number};

/// Rows of each sample for what costs O(n^2).
const PAIRS_OF: usize = 10_000;

/// Every distance between two samples that suits their dimensions.
pub fn run(args: &DistanceArgs) -> Result<(), CliError> {
    let (a, b) = (files::read(&args.a)?, files::read(&args.b)?);
    let dims = a.dims();
    if dims != b.dims() {
        let (first, second) = (args.a.display(), args.b.display());
        let message = format!("rows of {first} hold {dims} values, rows of {second} {}", b.dims());
        return Err(CliError::failure(message));
    }
    let paths = [&args.a, &args.b];
    let fault = |error: DistanceError| {
        let text = error.to_string();
        let named = paths
            .iter()
            .enumerate()
            .fold(text, |text, (i, path)| text.replace(&format!("sample {i}"), &path.display().to_string()));
        CliError::failure(named)
    };
    let (n_a, n_b) = (a.values.len() / dims, b.values.len() / dims);
    let mut progress = Progress::new(None, "{spinner} {msg}");
    progress.update(0, "comparing", true);
    let label = |figure: Figure, a: usize, b: usize| Figure { n_real: Some(a), n_fake: Some(b), ..figure };
    let mut figures = Vec::new();
    let mut tests = Vec::new();
    if dims == 1 {
        let (x, y) = (&a.values, &b.values);
        figures.push(label(Figure::new("wasserstein1", wasserstein1(x, y).map_err(fault)?), n_a, n_b));
        figures.push(label(Figure::new("wasserstein2", wasserstein2(x, y).map_err(fault)?), n_a, n_b));
        tests.push(("ks", "Kolmogorov-Smirnov", kolmogorov_smirnov_two_samples(x, y).map_err(fault)?));
        tests.push(("ad", "Anderson-Darling", anderson_darling_k_samples(&[x, y]).map_err(fault)?));
    } else {
        let of = |values| Moments::of::<f64>(dims, values).map_err(failed);
        figures.push(label(
            Figure::new("frechet", frechet(&of(&a.values)?, &of(&b.values)?).map_err(failed)?),
            n_a,
            n_b,
        ));
    }
    // The first rows: those of a sample come in no order.
    let some = |values: &[f64]| values[..values.len().min(PAIRS_OF * dims)].to_vec();
    let (x, y) = if dims == 1 { (a.values, b.values) } else { (some(&a.values), some(&b.values)) };
    let (m, n) = (x.len() / dims, y.len() / dims);
    figures.push(label(Figure::new("energy", energy_distance_unbiased(&x, &y, dims).map_err(fault)?), m, n));
    let (x, y) = (some(&x), some(&y));
    let (m, n) = (x.len() / dims, y.len() / dims);
    let bandwidth = median_distance(&x, &y, dims).map_err(fault)?;
    let mmd2 = mmd_squared(&x, &y, dims, &Kernel::Gaussian { bandwidth }).map_err(fault)?;
    let kernel = format!("Gaussian kernel, bandwidth {} (median)", number(bandwidth));
    figures.push(label(Figure { extractor: Some(kernel), ..Figure::new("mmd2", mmd2) }, m, n));
    for (name, _, test) in &tests {
        figures.push(label(Figure::new(*name, test.statistic), n_a, n_b));
        figures.push(label(Figure::new(format!("{name}_p"), test.p_value), n_a, n_b));
    }
    progress.finish();
    show(args.json, None, figures.clone(), || print!("{}", figures_table(&figures)))
}
