//! `ganvas prob kl` and `ganvas prob entropy`.

use ganvas_metrics::Figure;
use ganvas_prob::information::{entropy_nats, huffman};
use ganvas_prob::kl::{KlConfig, KlRegistry, Method};
use ganvas_prob::stream::Streams;
use ganvas_prob::text;

use super::{failed, in_unit, law, typed};
use crate::args::{EntropyArgs, KlArgs};
use crate::commands::show;
use crate::error::CliError;
use crate::view::format::{count, uncertainty};

/// KL(p || q).
pub fn kl(args: &KlArgs) -> Result<(), CliError> {
    let (p, q) = (law(&args.p)?, law(&args.q)?);
    let config = KlConfig::new().with_samples(args.samples).with_streams(Streams::new(args.seed));
    let found = KlRegistry::standard().kl(p.as_ref(), q.as_ref(), &config).map_err(failed)?;
    let (value, unit) = in_unit(found.nats, args.bits);
    let stderr = found.stderr.map(|nats| in_unit(nats, args.bits).0);
    let how = match found.method {
        Method::ClosedForm => "by its closed form".to_owned(),
        Method::Support => "p has mass where q has none".to_owned(),
        Method::Quadrature { error } => format!("by quadrature, error about {:.1e}", in_unit(error, args.bits).0),
        Method::MonteCarlo { n } => format!("by Monte Carlo, {} draws", count(n)),
        _ => String::new(),
    };
    let figure = Figure { stderr, extractor: Some(format!("{unit}, {how}")), ..Figure::new("kl", value) };
    show(args.json, Some(args.seed), vec![figure], || {
        let error = stderr.map(|e| format!(" ± {}", uncertainty(e))).unwrap_or_default();
        println!("KL({} || {}) = {value}{error} {unit}, {how}", args.p.trim(), args.q.trim());
    })
}

/// The entropy of a finite distribution, and the prefix code that comes closest to it.
pub fn entropy(args: &EntropyArgs) -> Result<(), CliError> {
    let p = text::probabilities(&args.p).map_err(|error| typed(&error, "for example `0.5,0.25,1/8,1/8`"))?;
    let (value, unit) = in_unit(entropy_nats(&p).map_err(failed)?, args.bits);
    let code = huffman(&p).map_err(failed)?;
    let figures = vec![
        Figure { extractor: Some(unit.into()), ..Figure::new("entropy", value) },
        Figure { extractor: Some("bits".into()), ..Figure::new("huffman_length", code.mean_length_bits()) },
    ];
    let words = (0..p.len()).filter_map(|symbol| code.word(symbol)).collect::<Vec<_>>().join(" ");
    show(args.json, None, figures, || {
        println!("entropy               {value} {unit}");
        println!("Huffman code, mean {} bits, words {words}", code.mean_length_bits());
    })
}
