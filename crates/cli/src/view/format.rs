//! How numbers are written, in the terminal and in the report alike.

/// A measured value with four significant digits; whole numbers below ten million stay whole.
pub fn number(value: f64) -> String {
    significant(value, 4)
}

/// A standard error with two significant digits: more would claim to know the error's error.
pub fn uncertainty(value: f64) -> String {
    significant(value, 2)
}

/// Both ends of an interval.
pub fn interval([low, high]: [f64; 2]) -> String {
    format!("{} to {}", significant(low, 3), significant(high, 3))
}

/// A count with its thousands set apart.
pub fn count(value: usize) -> String {
    group(&value.to_string())
}

fn significant(value: f64, digits: usize) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf".into() } else { "-inf".into() };
    }
    if value.fract() == 0.0 && value.abs() < 1e7 {
        // Adding zero turns -0 into 0.
        return group(&format!("{:.0}", value + 0.0));
    }
    let scientific = format!("{value:.*e}", digits - 1);
    // The exponent after rounding, so that 9.9999 is written as 10.00.
    let exponent = scientific.rsplit_once('e').and_then(|(_, e)| e.parse::<i32>().ok()).unwrap_or(0);
    if !(-4..7).contains(&exponent) {
        return scientific;
    }
    let decimals = usize::try_from(digits as i32 - 1 - exponent).unwrap_or(0);
    group(&format!("{value:.decimals$}"))
}

/// Commas between thousands; `text` is a plain decimal number.
pub(super) fn group(text: &str) -> String {
    let (sign, rest) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    let (whole, fraction) = rest.find('.').map_or((rest, ""), |dot| rest.split_at(dot));
    if whole.len() < 4 {
        return text.to_owned();
    }
    let mut grouped = String::with_capacity(text.len() + text.len() / 3);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_significant_digits() {
        let cases = [
            (0.0, "0"),
            (-0.0, "0"),
            (10.0, "10"),
            (0.98765, "0.9877"),
            (0.000123456, "0.0001235"),
            (0.0000123456, "1.235e-5"),
            (9.99996, "10.00"),
            (-104.256, "-104.3"),
            (1234.56, "1,235"),
            (123456.7, "123,457"),
            (-1797.0, "-1,797"),
            (1.5e9, "1.500e9"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "NaN"),
            (f64::MIN_POSITIVE, "2.225e-308"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text, "{value:e}");
        }
    }

    #[test]
    fn an_uncertainty_keeps_two() {
        assert_eq!(uncertainty(0.01234), "0.012");
        assert_eq!(uncertainty(12.34), "12");
    }

    #[test]
    fn counts_set_thousands_apart() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1797), "1,797");
        assert_eq!(count(60_000), "60,000");
        assert_eq!(count(1_234_567), "1,234,567");
    }
}
