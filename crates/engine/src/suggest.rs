//! The nearest of several names to one that does not exist.

/// The name that `wanted` was probably meant to be, if one is near.
///
/// ```
/// use ganvas_engine::suggest::nearest;
/// assert_eq!(nearest("dcgna", ["gan", "dcgan", "vae"]), Some("dcgan"));
/// assert_eq!(nearest("vea", ["gan", "dcgan", "vae"]), Some("vae"));
/// assert_eq!(nearest("transformer", ["gan", "dcgan", "vae"]), None);
/// ```
pub fn nearest<'a>(wanted: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A slip of the finger in every four letters, swapped ones counting once.
    let near = 1 + wanted.len() / 4;
    let slips = names.into_iter().map(|name| (strsim::damerau_levenshtein(wanted, name), name));
    slips.filter(|&(slips, _)| slips <= near).min_by_key(|&(slips, _)| slips).map(|(_, name)| name)
}

/// "did you mean `x`? known: a, b, c".
pub fn help(wanted: &str, names: &[&str]) -> String {
    let guess = nearest(wanted, names.iter().copied()).map_or(String::new(), |name| format!("did you mean `{name}`? "));
    format!("{guess}known: {}", names.join(", "))
}
