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

#[test]
fn what_lies_between_items_and_on_the_plane_of_two_latents_is_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "vae", "--out", "flat", "--steps", "20", "--set", "latent=2"]);
    let size = |name: &str| {
        let image = image::open(f.join(name)).unwrap();
        (image.width(), image.height())
    };
    let (two, nine) = (["--rows", "2", "--steps", "9"], ["--rows", "4", "--steps", "20"]);
    for (path, rows) in [("linear", two), ("spherical", nine)] {
        let arguments = [&["interpolate", "flat", "--path", path, "--out", "between.png"], &rows[..]].concat();
        let said = succeed(f, &arguments);
        assert!(said.contains(&format!("{} ways of {} steps", rows[1], rows[3])), "{said}");
        let (width, height) = size("between.png");
        let (columns, lines) = (rows[3].parse::<u32>().unwrap() + 2, rows[1].parse::<u32>().unwrap());
        assert!(width * lines / columns / height <= 1 && width > height, "{width}x{height}");
    }
    let said = succeed(f, &["traverse", "flat", "--map", "--steps", "5", "--out", "map.png"]);
    // A tenth and nine tenths of the mass of N(0, 1) lie below -1.282 and 1.282.
    assert!(said.contains("from -1.282 to 1.282"), "{said}");
    let (width, height) = size("map.png");
    assert_eq!(width, height);

    for (arguments, words) in [
        (&["interpolate", "flat", "--rows", "0", "--out", "x.png"][..], &["at least one row"][..]),
        (&["interpolate", "flat", "--steps", "1", "--out", "x.png"], &["two steps"]),
        (&["interpolate", "flat", "--out", "x.npy"], &["does not end in .png"]),
        (&["traverse", "flat", "--map", "--steps", "65", "--out", "x.png"], &["at most 64 --steps"]),
        (&["traverse", "flat", "--map", "--code", "z1", "--out", "x.png"], &["--code"]),
    ] {
        refused(f, arguments, 2, words);
    }
    succeed(f, &["train", "vae", "--out", "deep", "--steps", "1"]);
    refused(f, &["traverse", "deep", "--map", "--out", "x.png"], 2, &["codes of 16 values", "latent=2"]);
    succeed(f, &["train", "gan", "--out", "gan", "--steps", "1"]);
    refused(f, &["interpolate", "gan", "--out", "x.png"], 2, &["`gan` is no autoencoder"]);
    succeed(f, &["train", "vae", "--out", "points", "--steps", "1", "--data", "ring8"]);
    refused(f, &["interpolate", "points", "--out", "x.png"], 2, &["points"]);
    assert!(!f.join("x.png").exists() && !f.join("x.npy").exists());
}

#[test]
fn codes_of_images_with_known_factors_are_measured_against_them() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    succeed(f, &["train", "beta-tcvae", "--data", "sprites", "--out", "run", "--steps", "60", "--eval-every", "0"]);
    let json = succeed(f, &["eval", "run", "--metrics", "mig,sap,dci,factor_vae", "--json"]);
    for name in ["mig", "sap", "disentanglement", "completeness", "informativeness", "factor_vae"] {
        let found = metric(&json, name).unwrap_or_else(|| panic!("no {name} in {json}"));
        assert!((0.0..=1.0).contains(&found), "{name}: {found}");
    }
    assert!(metric(&json, "informativeness").unwrap() > 0.2, "{json}");
    assert_eq!(metric(&json, "ffd"), None, "nothing is drawn");
    succeed(f, &["train", "vae", "--out", "digits", "--steps", "1"]);
    refused(f, &["eval", "digits", "--metrics", "mig"], 2, &["there is no metric `mig`"]);
}

/// Two images that are the same and each of one grey: there is nothing to learn, and nothing that is not a number; of one image
/// there would be nothing to hold out.
#[test]
fn constant_images_and_next_to_none_are_trained_on_or_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let f = folder.path();
    let add = |name: &str| {
        image::GrayImage::from_pixel(8, 8, image::Luma([128])).save(f.join("grey").join(name)).unwrap();
    };
    std::fs::create_dir(f.join("grey")).unwrap();
    add("0.png");
    refused(f, &["train", "vae", "--data", "grey", "--out", "one"], 1, &["1 item(s)", "at least two"]);
    add("1.png");
    for system in ["vae", "beta-tcvae", "vqvae"] {
        succeed(f, &["train", system, "--data", "grey", "--out", system, "--steps", "5"]);
        let json = succeed(f, &["eval", system, "--nll", "--k", "5000", "--json"]);
        assert!(metric(&json, "nll").is_some_and(f64::is_finite), "{system}: {json}");
        succeed(f, &["sample", system, "--sampler", "gaussian", "--out", &format!("{system}.png")]);
    }
}
