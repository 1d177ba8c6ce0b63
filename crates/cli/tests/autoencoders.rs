//! What only autoencoders have: likelihoods in full, and samples by laws that are fitted to codes.

mod common;

use common::{refused, succeed};
use serde_json::Value;

fn metric(json: &str, name: &str) -> Option<f64> {
    let json: Value = serde_json::from_str(json).unwrap();
    let all = json["metrics"].as_array().unwrap();
    all.iter().find(|figure| figure["name"] == name)?["value"].as_f64()
}

#[test]
fn the_likelihood_is_told_in_full_and_tightens_with_k() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "vae", "--out", "run", "--steps", "400"]);
    let nll = |k: &str| succeed(f, &["eval", "run", "--nll", "--k", k, "--n", "100", "--json"]);
    let (few, many) = (nll("1"), nll("500"));
    let of = |json: &str, name: &str| metric(json, name).unwrap_or_else(|| panic!("no {name} in {json}"));
    assert!(of(&many, "nll") < of(&few, "nll") - 0.2, "{few} {many}");
    let bits = of(&many, "nll") / 64.0 / std::f64::consts::LN_2;
    assert!((of(&many, "bits_per_dim") - bits).abs() < 1e-9);
    assert!((of(&many, "neg_elbo") - of(&many, "kl") - of(&many, "reconstruction")).abs() < 1e-6);
    assert!(of(&many, "mse") > 0.0 && of(&many, "active_units") >= 1.0);
    let json: Value = serde_json::from_str(&many).unwrap();
    let latents: Vec<f64> = json["kl_per_latent"].as_array().unwrap().iter().map(|kl| kl.as_f64().unwrap()).collect();
    assert_eq!(latents.len(), 16);
    assert!((latents.iter().sum::<f64>() - of(&many, "kl")).abs() < 1e-4);
    assert_eq!(metric(&many, "ffd"), None, "nothing is drawn");
    let text = succeed(f, &["eval", "run", "--nll", "--k", "2", "--n", "50"]);
    assert!(text.contains("bound of k = 2") && text.contains("KL per latent"), "{text}");
    // A density has no number of bits.
    succeed(f, &["train", "vae", "--out", "density", "--steps", "20", "--set", "decoder.kind=continuous-bernoulli"]);
    assert_eq!(metric(&succeed(f, &["eval", "density", "--nll", "--k", "1", "--json"]), "bits_per_dim"), None);

    refused(f, &["eval", "run", "--nll", "--k", "0"], 2, &["--k", "0"]);
    refused(f, &["eval", "run", "--nll", "--metrics", "ffd"], 2, &["--metrics"]);
    succeed(f, &["train", "gan", "--out", "gan", "--steps", "1"]);
    refused(f, &["eval", "gan", "--nll"], 2, &["`gan` bounds no likelihood", "ganvas train vae"]);
    succeed(f, &["train", "ae", "--out", "ae", "--steps", "1"]);
    refused(f, &["eval", "ae", "--nll"], 2, &["`ae` bounds no likelihood"]);
}

#[test]
fn codes_are_drawn_by_laws_that_are_fitted_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "wae-mmd", "--out", "run", "--steps", "600", "--set", "objective.mmd=0.1"]);
    let draw = |law: &str, out: &str| succeed(f, &["sample", "run", "--sampler", law, "--n", "32", "--out", out]);
    for law in ["own", "normal", "gaussian", "gmm", "maf"] {
        draw(law, &format!("{law}.npy"));
    }
    let file = |name: &str| std::fs::read(f.join(name)).unwrap();
    assert_eq!(file("own.npy"), file("normal.npy"), "its prior is N(0, I)");
    assert_ne!(file("own.npy"), file("gmm.npy"));
    draw("gmm", "again.npy");
    assert_eq!(file("again.npy"), file("gmm.npy"), "the same seed fits the same law");
    let ffd = |law: &str| {
        let json = succeed(f, &["eval", "run", "--sampler", law, "--n", "300", "--metrics", "ffd", "--json"]);
        let word = serde_json::from_str::<Value>(&json).unwrap()["sampler"].as_str().map(str::to_owned);
        assert_eq!(word.as_deref(), (law != "own").then_some(law));
        metric(&json, "ffd").unwrap()
    };
    assert!(ffd("gmm") < 0.9 * ffd("own"));
    succeed(f, &["train", "gan", "--out", "gan", "--steps", "1"]);
    succeed(f, &["train", "cvae", "--out", "told", "--steps", "1"]);
    for run in ["gan", "told"] {
        refused(f, &["sample", run, "--sampler", "gmm", "--out", "x.npy"], 2, &["--sampler", "ganvas train vae"]);
    }
    refused(f, &["sample", "run", "--sampler", "gm", "--out", "x.npy"], 2, &["gm", "gmm"]);
}
