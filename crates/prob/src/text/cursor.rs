use super::{Problem, TextError};
use std::f64::consts::PI;

/// The longest text that is read.
const LONGEST: usize = 4096;

/// A place in a text; what it reads skips spaces first.
pub struct Cursor<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Result<Self, TextError> {
        let cursor = Self { text, at: 0 };
        match text.char_indices().nth(LONGEST) {
            Some((at, _)) => Err(cursor.error(at, Problem::TooLong { most: LONGEST })),
            None => Ok(cursor),
        }
    }

    /// A problem at a place given in bytes.
    pub fn error(&self, at: usize, problem: impl Into<Problem>) -> TextError {
        let position = self.text.char_indices().take_while(|(start, _)| *start < at).count();
        TextError { problem: problem.into(), text: self.text.into(), position }
    }

    pub fn expected(&self, what: &'static str) -> TextError {
        self.error(self.at, Problem::Expected { what })
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Skips spaces; the place in bytes.
    pub fn place(&mut self) -> usize {
        self.at = self.text.len() - self.rest().trim_start().len();
        self.at
    }

    pub fn peek(&mut self) -> Option<char> {
        self.place();
        self.rest().chars().next()
    }

    /// Whether `c` comes next; if so, it is passed.
    pub fn eat(&mut self, c: char) -> bool {
        let comes = self.peek() == Some(c);
        if comes {
            self.at += c.len_utf8();
        }
        comes
    }

    pub fn expect(&mut self, c: char, what: &'static str) -> Result<(), TextError> {
        if self.eat(c) { Ok(()) } else { Err(self.expected(what)) }
    }

    /// Nothing may come any more.
    pub fn end(&mut self, what: &'static str) -> Result<(), TextError> {
        if self.peek().is_none() { Ok(()) } else { Err(self.expected(what)) }
    }

    /// What comes as long as `holds`, without the spaces around it; may be empty.
    pub fn while_(&mut self, holds: impl Fn(char) -> bool) -> &'a str {
        self.place();
        let rest = self.rest();
        let found = &rest[..rest.find(|c| !holds(c)).unwrap_or(rest.len())];
        self.at += found.len();
        found.trim_end()
    }

    /// A name in lower case: letters, digits and underscores, a letter first.
    pub fn name(&mut self) -> Option<String> {
        let starts = self.peek().is_some_and(char::is_alphabetic);
        starts.then(|| self.while_(|c| c.is_alphanumeric() || c == '_').to_lowercase())
    }

    /// The name of a parameter with its `=`, if they come next.
    pub fn parameter(&mut self) -> Option<String> {
        let start = self.at;
        let name = self.name();
        if name.is_some() && self.eat('=') {
            return name;
        }
        self.at = start;
        None
    }

    /// The place of the byte that was passed last.
    pub fn last(&self) -> usize {
        self.at.saturating_sub(1)
    }

    /// A number without a sign in decimals, such as 2, .5 or 1e-3, if there is one.
    pub fn decimal(&mut self) -> Result<Option<f64>, TextError> {
        let start = self.place();
        let bytes = self.rest().as_bytes();
        let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
        let mut length = digits(0);
        let mut count = length;
        if bytes.get(length) == Some(&b'.') {
            count += digits(length + 1);
            length += 1 + digits(length + 1);
        }
        if count == 0 {
            return Ok(None);
        }
        if matches!(bytes.get(length), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
            let exponent = bytes.get(length + 1 + sign).map_or(0, |_| digits(length + 1 + sign));
            if exponent > 0 {
                length += 1 + sign + exponent;
            }
        }
        let value: f64 = self.rest()[..length].parse().map_err(|_| self.expected("a number"))?;
        if value.is_infinite() {
            return Err(self.error(start, Problem::TooLarge));
        }
        self.at += length;
        Ok(Some(value))
    }

    /// A number with a sign: decimals, a multiple of pi, `inf`, or a quotient of two such.
    pub fn number(&mut self) -> Result<f64, TextError> {
        let value = self.part()?;
        if !self.eat('/') {
            return Ok(value);
        }
        let start = self.place();
        let quotient = value / self.part()?;
        if quotient.is_nan() {
            Err(self.error(start, Problem::Expected { what: "another denominator" }))
        } else {
            Ok(quotient)
        }
    }

    fn part(&mut self) -> Result<f64, TextError> {
        let sign = if self.eat('-') {
            -1.0
        } else {
            self.eat('+');
            1.0
        };
        let decimal = self.decimal()?;
        let start = self.place();
        let unit = match (self.name().as_deref(), decimal) {
            (Some("pi" | "π"), _) => PI,
            (Some("inf" | "infinity"), None) => f64::INFINITY,
            (None, Some(_)) => 1.0,
            _ => return Err(self.error(start, Problem::Expected { what: "a number" })),
        };
        Ok(sign * decimal.unwrap_or(1.0) * unit)
    }

    /// Reads `item` until `close`, with commas between; at least one.
    pub fn list<T>(
        &mut self,
        close: Option<char>,
        mut item: impl FnMut(&mut Self) -> Result<T, TextError>,
    ) -> Result<Vec<T>, TextError> {
        let mut items = vec![item(self)?];
        while self.eat(',') {
            items.push(item(self)?);
        }
        match close {
            Some(c) => self.expect(c, "`,` or `)`")?,
            None => self.end("`,` or the end")?,
        }
        Ok(items)
    }
}
