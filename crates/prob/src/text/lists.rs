use super::cursor::Cursor;
use super::{Problem, TextError};
use crate::information::pmf;

/// The ends of an interval such as `0:2`, `-inf:inf` or `0:2pi`.
///
/// ```
/// use ganvas_prob::text::interval;
/// assert_eq!(interval("-pi : inf")?, (-std::f64::consts::PI, f64::INFINITY));
/// assert_eq!(interval("2:0").unwrap_err().position, 2);
/// # Ok::<(), ganvas_prob::text::TextError>(())
/// ```
///
/// # Errors
/// If it is no interval, with the place.
pub fn interval(text: &str) -> Result<(f64, f64), TextError> {
    let mut cursor = Cursor::new(text)?;
    let low = cursor.number()?;
    cursor.expect(':', "`:` and the upper end")?;
    let place = cursor.place();
    let high = cursor.number()?;
    cursor.end("the end")?;
    if low < high { Ok((low, high)) } else { Err(cursor.error(place, Problem::Interval { low, high })) }
}

/// Probabilities such as `0.5, 0.25, 1/4`, divided by their sum.
///
/// ```
/// use ganvas_prob::text::probabilities;
/// assert_eq!(probabilities("1/2, 0.25, 0.25")?, [0.5, 0.25, 0.25]);
/// assert!(probabilities("0.5, 0.6").is_err());
/// # Ok::<(), ganvas_prob::text::TextError>(())
/// ```
///
/// # Errors
/// If one is outside of [0, 1] or they do not add up to 1 within 1e-9, with the place.
pub fn probabilities(text: &str) -> Result<Vec<f64>, TextError> {
    let mut cursor = Cursor::new(text)?;
    let items = cursor.list(None, |cursor| Ok((cursor.place(), cursor.number()?)))?;
    let values: Vec<f64> = items.iter().map(|item| item.1).collect();
    pmf(&values).map_err(|error| {
        let outside = items.iter().find(|item| !(0.0..=1.0).contains(&item.1));
        cursor.error(outside.map_or(0, |item| item.0), error)
    })
}

/// What is asked for and what is known, each an axis and an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// What is asked for.
    pub query: Vec<(&'a str, &'a str)>,
    /// What is known; may be empty.
    pub given: Vec<(&'a str, &'a str)>,
}

/// An event such as `y=2, z=1 | x=1`, for a [`JointTable`](crate::joint::JointTable). Names are as in the text, without
/// the spaces around them.
///
/// ```
/// use ganvas_prob::text::event;
/// let event = event("y=2 | x=1, z=a b")?;
/// assert_eq!(event.query, [("y", "2")]);
/// assert_eq!(event.given, [("x", "1"), ("z", "a b")]);
/// # Ok::<(), ganvas_prob::text::TextError>(())
/// ```
///
/// # Errors
/// If it is no event, with the place.
pub fn event(text: &str) -> Result<Event<'_>, TextError> {
    let mut cursor = Cursor::new(text)?;
    let query = assignments(&mut cursor)?;
    let given = if cursor.eat('|') { assignments(&mut cursor)? } else { Vec::new() };
    cursor.end("`,`, `|` or the end")?;
    Ok(Event { query, given })
}

fn assignments<'a>(cursor: &mut Cursor<'a>) -> Result<Vec<(&'a str, &'a str)>, TextError> {
    let word = |cursor: &mut Cursor<'a>, what| {
        cursor.place();
        let missing = cursor.expected(what);
        let word = cursor.while_(|c| !matches!(c, '=' | ',' | '|'));
        if word.is_empty() { Err(missing) } else { Ok(word) }
    };
    let mut pairs = Vec::new();
    loop {
        let axis = word(cursor, "the name of an axis")?;
        cursor.expect('=', "`=` and an outcome")?;
        pairs.push((axis, word(cursor, "an outcome")?));
        if !cursor.eat(',') {
            return Ok(pairs);
        }
    }
}
