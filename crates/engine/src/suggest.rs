//! The nearest of several names to one that does not exist.

pub use ganvas_prob::text::nearest;

/// "did you mean `x`? known: a, b, c".
pub fn help(wanted: &str, names: &[&str]) -> String {
    let guess = nearest(wanted, names.iter().copied()).map_or(String::new(), |name| format!("did you mean `{name}`? "));
    format!("{guess}known: {}", names.join(", "))
}
