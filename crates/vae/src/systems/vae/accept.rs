//! Acceptance checks of the VAE.

use burn::tensor::Tensor;
use ganvas_data::Split;
use ganvas_engine::accept::{AcceptError, Acceptance, Threshold, Trial, Until};
use ganvas_engine::system::{Likelihood, observed};
use ganvas_nets::noise::Noise;
use ganvas_prob::estimate::Estimate;
use ganvas_prob::stream::Streams;

use super::{Decoder, Vae, VaeConfig};

const EPOCHS: u64 = 8;

pub(super) fn run(acceptance: &mut Acceptance) -> Result<(), AcceptError> {
    let dataset = acceptance.data("mnist")?;
    let device = acceptance.plain_device();
    let config = VaeConfig::new(20, 400, Decoder::DYNAMIC);
    let steps = EPOCHS * (dataset.train.len as u64 / 128);
    for seed in acceptance.seeds() {
        let trial = Trial { dataset: &dataset, seed, batch: 128, until: Until::Steps(steps) };
        let trained = acceptance.train::<Vae>(&config, &trial)?;
        let vae = &trained.system;
        let observe = |split: &Split, name| observed(vae, split, split.len, dataset.shape, name, &device);
        let test = observe(&dataset.test, "test");
        let some = test.clone().narrow(0, 0, 1000.min(dataset.test.len));
        let noise = Noise::new(Streams::new(seed), "accept", 0, &device);
        let at = format!("seed {seed}, MNIST, 784-400-20, {EPOCHS} epochs of 128 in {:.0} s", trained.seconds);

        // 2: the closed-form KL against the mean of 2,000 draws, 200 images.
        let few = test.clone().narrow(0, 0, 200);
        let mut drawn: Option<Tensor<1>> = None;
        let mut closed = None;
        for _ in 0..2000 {
            let (exact, draw) = vae.kl(few.clone(), &noise);
            closed = Some(exact);
            drawn = Some(drawn.map_or(draw.clone(), |sum| sum + draw));
        }
        if let (Some(closed), Some(drawn)) = (closed, drawn) {
            let difference = Figures::of(drawn.div_scalar(2000.0) - closed);
            let conditions = format!("{at}; 200 test images, 2000 draws");
            let largest = difference.values.iter().fold(0.0f64, |m, d| m.max(d.abs()));
            acceptance.check("2 KL, mean difference", difference.mean.abs(), Threshold::AtMost(0.02), &conditions);
            acceptance.check("2 KL, largest difference", largest, Threshold::AtMost(0.4), conditions);
        }

        // 3: the bounds rise with k.
        let bounds: Vec<Figures> =
            [1, 5, 50, 500].into_iter().map(|k| Figures::of(batched(&some, |x| vae.bound(x, k, &noise)))).collect();
        let conditions = format!("{at}; 1000 test images");
        for (pair, name) in bounds.windows(2).zip(["3 L5 - L1", "3 L50 - L5", "3 L500 - L50"]) {
            let rise = Figures::new(pair[1].values.iter().zip(&pair[0].values).map(|(b, a)| b - a).collect());
            let threshold = Threshold::AtLeast(-2.0 * rise.stderr);
            acceptance.check(name, rise.mean, threshold, format!("{conditions}, se {:.4}", rise.stderr));
        }
        let gap = bounds[3].mean - bounds[0].mean;
        acceptance.check("3 L500 - L1", gap, Threshold::AtLeast(1.0), &conditions);
        let elbo = Figures::of(batched(&some, |x| vae.elbo(x, &noise)));
        let sum = Figures::new(bounds[0].values.iter().zip(&elbo.values).map(|(a, b)| a - b).collect());
        let threshold = Threshold::AtMost(3.0 * sum.stderr);
        acceptance.check("3 |L1 - ELBO|", sum.mean.abs(), threshold, format!("{conditions}, se {:.4}", sum.stderr));

        // 4: the level.
        let all = Figures::of(batched(&test, |x| vae.elbo(x, &noise)));
        let marginals = Figures::of(vae.independent(observe(&dataset.train, "train"), test));
        let conditions = format!("{at}; {} test images, dynamic binarization, se {:.3}", all.values.len(), all.stderr);
        acceptance.check("4 -ELBO, nats", -all.mean, Threshold::AtMost(110.0), conditions);
        let conditions = format!("{at}; 1000 test images, dynamic binarization, se {:.3}", bounds[3].stderr);
        acceptance.check("4 -L500, nats", -bounds[3].mean, Threshold::AtMost(105.0), conditions);
        acceptance.check("4 per-pixel marginals, nats", -marginals.mean, Threshold::Recorded, at);
    }
    Ok(())
}

/// A function of rows, 500 rows at a time.
fn batched(rows: &Tensor<2>, mut f: impl FnMut(Tensor<2>) -> Tensor<1>) -> Tensor<1> {
    let n = rows.dims()[0];
    let parts = (0..n).step_by(500).map(|start| f(rows.clone().narrow(0, start, 500.min(n - start))));
    Tensor::cat(parts.collect(), 0)
}

/// Values with their mean and its standard error.
struct Figures {
    values: Vec<f64>,
    mean: f64,
    stderr: f64,
}

impl Figures {
    fn new(values: Vec<f64>) -> Self {
        let Estimate { mean, stderr, .. } = Estimate::of(&values);
        Self { values, mean, stderr }
    }

    fn of(values: Tensor<1>) -> Self {
        Self::new(values.to_data().iter().collect())
    }
}
