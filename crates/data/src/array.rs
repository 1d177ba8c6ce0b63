//! Numbers in `.npy` and `.csv` files.
//!
//! An `.npy` file: `93 "NUMPY"`, two bytes of version, the header's length (16 bits, from version 2 on 32 bits,
//! little-endian), the header, the values. The header is a Python dictionary of three entries: `descr`, `fortran_order` and
//! `shape`. Source: NumPy Enhancement Proposal 1 (R. Kern 2007), "A Simple File Format for NumPy Arrays".
//!
//! What the header declares is compared with what the file holds before room for it is made.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::DataError;
use crate::files::Within;

/// The most values that are read: 2 GiB of them.
const MOST: u64 = 1 << 28;
/// The longest header that is read; NumPy refuses longer ones too (`max_header_size`).
const LONGEST_HEADER: u64 = 10_000;
/// The longest `.csv` file that is read: 32 bytes for each of the most values.
const LONGEST_TEXT: u64 = MOST * 32;

/// Numbers, row-major; the first axis counts the items.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// The sides, at least one.
    pub shape: Vec<usize>,
    /// The values, as many as the product of the sides.
    pub values: Vec<f64>,
}

impl Array {
    /// Values of an item.
    pub fn dims(&self) -> usize {
        self.shape[1..].iter().product()
    }
}

/// What is wrong with a file of numbers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArrayError {
    /// Reading failed, or the file ends too early.
    #[error("cut off or damaged: {0}")]
    Io(#[from] io::Error),
    /// It does not begin as an array does.
    #[error("no .npy array: {problem}")]
    Header {
        /// What is wrong.
        problem: String,
    },
    /// Values that are no real numbers of at most 8 bytes.
    #[error("values of type `{kind}`; real numbers of at most 8 bytes are wanted")]
    Kind {
        /// Their type, as NumPy writes it.
        kind: String,
    },
    /// The slowest axis is the last.
    #[error("columns come first (Fortran order); save it with numpy.ascontiguousarray")]
    Fortran,
    /// More values than are read.
    #[error("an array of shape {shape:?} is too large: more than {MOST} values")]
    TooLarge {
        /// The sides.
        shape: Vec<u64>,
    },
    /// More values than the file holds.
    #[error("an array of shape {shape:?} does not fit into the file's {length} bytes")]
    DoesNotFit {
        /// The sides.
        shape: Vec<u64>,
        /// Bytes of the file.
        length: u64,
    },
    /// A line that cannot be read, or that has another number of cells than those before.
    #[error("{0}")]
    Csv(#[from] csv::Error),
    /// A cell that is no number.
    #[error("`{cell}` in line {line}, column {column} is no number")]
    Cell {
        /// The cell, shortened to 40 characters.
        cell: String,
        /// From 1, by rows.
        line: usize,
        /// From 1.
        column: usize,
    },
}

/// What precedes the values of an `.npy` array.
struct Header {
    shape: Vec<u64>,
    kind: Kind,
}

/// How a value is written.
struct Kind {
    size: usize,
    big_endian: bool,
    /// From little-endian bytes, of which the first `size` count.
    number: fn([u8; 8]) -> f64,
}

/// An array of real numbers of at most 8 bytes, in C order.
///
/// # Errors
/// If the file cannot be read, or is no such array.
pub fn read_npy(path: &Path) -> Result<Array, DataError> {
    let (file, length) = open(path)?;
    npy(BufReader::new(file), length).map_err(fault(path))
}

/// The sides of what [`read_npy`] would give, without its values.
///
/// # Errors
/// As [`read_npy`], but that the file may end too early.
pub fn npy_shape(path: &Path) -> Result<Vec<usize>, DataError> {
    let (file, length) = open(path)?;
    let header = header(&mut BufReader::new(file), length).map_err(fault(path))?;
    Ok(sides(&header.shape))
}

/// The rows of a file, `[rows, columns]`, or `[rows]` where there is one column. A first line without any number is left
/// out.
///
/// # Errors
/// If the file cannot be read, its rows are of different lengths, or a cell is no number.
pub fn read_csv(path: &Path) -> Result<Array, DataError> {
    let (file, length) = open(path)?;
    if length > LONGEST_TEXT {
        return Err(DataError::TooLarge { path: path.to_owned(), bytes: length, limit: LONGEST_TEXT });
    }
    csv(file).map_err(fault(path))
}

fn open(path: &Path) -> Result<(File, u64), DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    let length = file.metadata().map_err(DataError::io("read", path))?.len();
    Ok((file, length))
}

fn fault(path: &Path) -> impl FnOnce(ArrayError) -> DataError {
    let path = path.to_owned();
    move |source| DataError::Array { path, source }
}

/// An array from a stream of `length` bytes.
pub(crate) fn npy(mut from: impl Read, length: u64) -> Result<Array, ArrayError> {
    let Header { shape, kind } = header(&mut from, length)?;
    let count = shape.iter().product();
    let mut values = Vec::new();
    for _ in 0..count {
        let mut bytes = [0; 8];
        let value = &mut bytes[..kind.size];
        from.read_exact(value)?;
        if kind.big_endian {
            value.reverse();
        }
        values.push((kind.number)(bytes));
    }
    Ok(Array { shape: sides(&shape), values })
}

/// A single number has no side: it is an array of one item.
fn sides(shape: &[u64]) -> Vec<usize> {
    if shape.is_empty() { vec![1] } else { shape.iter().map(|&side| side as usize).collect() }
}

/// The header of a stream of `length` bytes, which its values fit into.
fn header(from: &mut impl Read, length: u64) -> Result<Header, ArrayError> {
    let wrong = |problem: String| ArrayError::Header { problem };
    let mut start = [0; 8];
    from.read_exact(&mut start).map_err(|_| wrong("it ends within its first bytes".into()))?;
    let [magic @ .., major, minor] = start;
    if &magic != b"\x93NUMPY" {
        return Err(wrong("it does not begin as one".into()));
    }
    let size = match (major, minor) {
        (1, 0) => 2,
        (2 | 3, 0) => 4,
        _ => return Err(wrong(format!("its version is {major}.{minor}, known are 1.0, 2.0 and 3.0"))),
    };
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes[..size])?;
    let text_length = u64::from(u32::from_le_bytes(bytes));
    if text_length > LONGEST_HEADER {
        return Err(wrong(format!("its header is of {text_length} bytes, more than {LONGEST_HEADER}")));
    }
    let mut text = vec![0; text_length as usize];
    from.read_exact(&mut text)?;
    let text = String::from_utf8(text).map_err(|_| wrong("its header is not UTF-8".into()))?;
    let Some((kind, fortran, shape)) = entries(&text) else {
        return Err(wrong("its header is not one of plain numbers".into()));
    };
    if fortran && shape.len() > 1 {
        return Err(ArrayError::Fortran);
    }
    let kind = of_name(kind).ok_or_else(|| ArrayError::Kind { kind: kind.escape_default().to_string() })?;
    // A side of zero must not hide others that are too large.
    let most = shape.iter().try_fold(1u64, |product, &side| product.checked_mul(side.max(1)));
    let Some(most) = most.filter(|&n| n <= MOST && shape.len() <= 32) else {
        return Err(ArrayError::TooLarge { shape });
    };
    let before = 8 + size as u64 + text_length;
    if !shape.contains(&0) && most * kind.size as u64 > length.saturating_sub(before) {
        return Err(ArrayError::DoesNotFit { shape, length });
    }
    Ok(Header { shape, kind })
}

/// `descr`, `fortran_order` and `shape`, where the first is a string and all are there once.
fn entries(text: &str) -> Option<(&str, bool, Vec<u64>)> {
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    let mut rest = text.trim().strip_prefix('{')?.trim_start();
    while !rest.starts_with('}') {
        let (key, value) = quoted(rest)?;
        let value = value.trim_start().strip_prefix(':')?.trim_start();
        rest = match key {
            "descr" if descr.is_none() => {
                let (kind, rest) = quoted(value)?;
                descr = Some(kind);
                rest
            }
            "fortran_order" if fortran.is_none() => {
                fortran = Some(value.starts_with("True"));
                value.strip_prefix("True").or_else(|| value.strip_prefix("False"))?
            }
            "shape" if shape.is_none() => {
                let (list, rest) = value.strip_prefix('(')?.split_once(')')?;
                // `(3,)` and `(3, 4)`; `()` is of a single number.
                let list = list.trim();
                let sides = list.strip_suffix(',').unwrap_or(list).split(',').map(|side| side.trim().parse().ok());
                shape = Some(if list.is_empty() { Vec::new() } else { sides.collect::<Option<_>>()? });
                rest
            }
            _ => return None,
        }
        .trim_start();
        match rest.strip_prefix(',') {
            Some(next) => rest = next.trim_start(),
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
    (rest == "}").then_some((descr?, fortran?, shape?))
}

/// The text between quotation marks at the beginning, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mark = text.chars().next().filter(|mark| matches!(mark, '\'' | '"'))?;
    text[1..].split_once(mark).filter(|(inside, _)| !inside.contains('\\'))
}

/// NumPy's name of a type: byte order, kind, bytes.
fn of_name(name: &str) -> Option<Kind> {
    fn first<const N: usize>(bytes: [u8; 8]) -> [u8; N] {
        std::array::from_fn(|i| bytes[i])
    }
    let plain = name.trim_start_matches(['<', '>', '|', '=']);
    let (size, number): (usize, fn([u8; 8]) -> f64) = match plain {
        "f8" => (8, f64::from_le_bytes),
        "f4" => (4, |b| f32::from_le_bytes(first(b)).into()),
        "i8" => (8, |b| i64::from_le_bytes(b) as f64),
        "i4" => (4, |b| i32::from_le_bytes(first(b)).into()),
        "i2" => (2, |b| i16::from_le_bytes(first(b)).into()),
        "i1" => (1, |b| i8::from_le_bytes(first(b)).into()),
        "u8" => (8, |b| u64::from_le_bytes(b) as f64),
        "u4" => (4, |b| u32::from_le_bytes(first(b)).into()),
        "u2" => (2, |b| u16::from_le_bytes(first(b)).into()),
        "u1" => (1, |b| b[0].into()),
        _ => return None,
    };
    let order = &name[..name.len() - plain.len()];
    matches!(order, "<" | ">" | "|" | "=").then_some(Kind { size, big_endian: order == ">", number })
}

/// The rows of a text.
pub(crate) fn csv(from: impl Read) -> Result<Array, ArrayError> {
    let from = Within::new(from, LONGEST_TEXT);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(from);
    let (mut dims, mut values) = (0, Vec::new());
    for (line, record) in reader.records().enumerate() {
        let record = record?;
        let row: Result<Vec<f64>, usize> =
            record.iter().enumerate().map(|(column, cell)| cell.parse().map_err(|_| column)).collect();
        match row {
            Ok(row) => {
                dims = row.len();
                values.extend(row);
            }
            // Names; one number among them makes it a row with a fault.
            Err(_) if line == 0 && record.iter().all(|cell| cell.parse::<f64>().is_err()) => {}
            Err(column) => {
                let cell = record.get(column).unwrap_or_default();
                let cell = cell.chars().flat_map(char::escape_default).take(40).collect();
                return Err(ArrayError::Cell { cell, line: line + 1, column: column + 1 });
            }
        }
        if values.len() as u64 > MOST {
            return Err(ArrayError::TooLarge { shape: vec![line as u64 + 1, dims as u64] });
        }
    }
    let n = values.len() / dims.max(1);
    Ok(Array { shape: if dims == 1 { vec![n] } else { vec![n, dims] }, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, values: &[u8]) -> Vec<u8> {
        let length = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", length.as_slice(), header.as_bytes(), values].concat()
    }

    fn read(bytes: &[u8]) -> Result<Array, ArrayError> {
        npy(bytes, bytes.len() as u64)
    }

    fn dict(kind: &str, fortran: &str, shape: &str) -> String {
        format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}, }}      \n")
    }

    #[test]
    fn every_kind_of_number_is_read_in_either_byte_order() {
        let shape = [2, 1];
        for (kind, bytes, expected) in [
            ("<f8", [1.5f64.to_le_bytes(), (-2.0f64).to_le_bytes()].concat(), [1.5, -2.0]),
            (">f8", [1.5f64.to_be_bytes(), (-2.0f64).to_be_bytes()].concat(), [1.5, -2.0]),
            ("<f4", [1.5f32.to_le_bytes(), (-2.0f32).to_le_bytes()].concat(), [1.5, -2.0]),
            ("<i8", [7i64.to_le_bytes(), (-2i64).to_le_bytes()].concat(), [7.0, -2.0]),
            (">i4", [7i32.to_be_bytes(), (-2i32).to_be_bytes()].concat(), [7.0, -2.0]),
            ("<i2", [7i16.to_le_bytes(), (-2i16).to_le_bytes()].concat(), [7.0, -2.0]),
            ("|i1", vec![7, 254], [7.0, -2.0]),
            ("<u8", [7u64.to_le_bytes(), (1u64 << 63).to_le_bytes()].concat(), [7.0, (1u64 << 63) as f64]),
            ("<u4", [7u32.to_le_bytes(), u32::MAX.to_le_bytes()].concat(), [7.0, 4_294_967_295.0]),
            (">u2", vec![1, 2, 255, 255], [258.0, 65535.0]),
            ("|u1", vec![7, 254], [7.0, 254.0]),
        ] {
            let array = read(&file(&dict(kind, "False", "(2, 1)"), &bytes)).unwrap();
            assert_eq!((array.shape.as_slice(), array.values.as_slice()), (&shape[..], &expected[..]), "{kind}");
        }
    }

    #[test]
    fn headers_are_read_as_numpy_writes_them() {
        let one = 3f64.to_le_bytes();
        for (header, shape) in [
            (dict("<f8", "False", "()"), vec![1]),
            (dict("<f8", "False", "(1,)"), vec![1]),
            (dict("<f8", "True", "(1,)"), vec![1]),
            (dict("<f8", "False", "(1, 1, 1)"), vec![1, 1, 1]),
            (dict("<f8", "False", "(0, 5)"), vec![0, 5]),
            ("{\"shape\":(1,),\"descr\":\"<f8\",\"fortran_order\":False}".into(), vec![1]),
        ] {
            assert_eq!(read(&file(&header, &one)).unwrap().shape, shape, "{header}");
        }
    }

    #[test]
    fn what_is_no_array_of_numbers_is_named() {
        let values = [0; 48];
        let said = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        for (kind, fortran, shape, words) in [
            ("<f8", "True", "(2, 3)", "Fortran"),
            ("<c16", "False", "(2, 3)", "`<c16`"),
            ("|O", "False", "(2, 3)", "`|O`"),
            ("<f8", "False", "(2, 4)", "does not fit"),
            ("<f8", "False", "(18446744073709551615, 2)", "too large"),
            ("<f8", "False", "(0, 9223372036854775808, 2)", "too large"),
            ("<f8", "False", "(-1,)", "plain numbers"),
            ("<f8", "False", "((((1))))", "plain numbers"),
            ("<f8", "Maybe", "(2,)", "plain numbers"),
        ] {
            let said = said(&file(&dict(kind, fortran, shape), &values));
            assert!(said.contains(words), "{kind} {fortran} {shape}: {said}");
        }
        let long = [b"\x93NUMPY\x02\x00", u32::MAX.to_le_bytes().as_slice(), b"{}"].concat();
        assert!(said(&long).contains("4294967295 bytes"));
        assert!(said(b"\x93NUMPY\x09\x00").contains("9.0"));
        assert!(said(b"PK\x03\x04rest").contains("does not begin"));
        let cut = file(&dict("<f8", "False", "(2, 3)"), &values);
        assert!(npy(&cut[..cut.len() - 1], cut.len() as u64).unwrap_err().to_string().contains("cut off"));
    }

    #[test]
    fn rows_of_numbers_have_names_over_them_or_not() {
        let rows = Array { shape: vec![2, 2], values: vec![1.0, 2.5, -3.0, 4e5] };
        assert_eq!(csv(&b"a, b\n1,2.5\n -3 ,4e5\n"[..]).unwrap(), rows);
        assert_eq!(csv(&b"1,2.5\n-3,4e5"[..]).unwrap(), rows);
        assert_eq!(csv(&b"x\n1\n2\n"[..]).unwrap(), Array { shape: vec![2], values: vec![1.0, 2.0] });
        let said = |text: &str| csv(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(said("1,2\n3,x\n"), "`x` in line 2, column 2 is no number");
        assert!(said("1,2\n3\n").contains("1 field"), "{}", said("1,2\n3\n"));
    }
}
