//! The nearest of several names to one that does not exist.

/// The name that `wanted` was probably meant to be, if one is near.
///
/// ```
/// use ganvas_engine::suggest::nearest;
/// assert_eq!(nearest("dcgna", ["gan", "dcgan", "vae"]), Some("dcgan"));
/// assert_eq!(nearest("transformer", ["gan", "dcgan", "vae"]), None);
/// ```
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = names.into_iter().map(|name| (strsim::jaro_winkler(wanted, name), name));
    scored.filter(|&(score, _)| score > 0.75).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// "did you mean `x`? known: a, b, c".
pub fn help(wanted: &str, names: &[&str]) -> String {
    let guess = nearest(wanted, names.iter().copied()).map_or(String::new(), |name| format!("did you mean `{name}`? "));
    format!("{guess}known: {}", names.join(", "))
}
