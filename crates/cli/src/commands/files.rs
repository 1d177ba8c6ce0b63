//! Numbers in `.npy` and `.csv` files.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use npyz::{DType, NpyFile, WriterBuilder};

use crate::error::CliError;

/// The most values that are read: 2 GiB of them.
const MOST: u64 = 1 << 28;

/// Numbers, row-major; the first axis counts the items.
pub struct Array {
    /// The sides, at least one.
    pub shape: Vec<usize>,
    /// The values.
    pub values: Vec<f64>,
}

impl Array {
    /// Values of an item.
    pub fn dims(&self) -> usize {
        self.shape[1..].iter().product()
    }
}

/// A `.npy` array, or the rows of a `.csv` file.
pub fn read(path: &Path) -> Result<Array, CliError> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("npy") => npy(path),
        Some("csv") => csv(path),
        _ => Err(CliError::usage(
            format!("`{}` ends in neither .npy nor .csv", path.display()),
            "save the sample as one",
        )),
    }
}

/// The sides of what [`read`] would give, without its values; of a `.csv` file by its first line and the number of its
/// lines.
pub fn shape(path: &Path) -> Result<Vec<usize>, CliError> {
    if path.extension().and_then(|e| e.to_str()) != Some("csv") {
        return opened(path).map(|(_, shape)| shape);
    }
    let fault = |e: std::io::Error| CliError::io("read", path, &e);
    let mut reader = BufReader::new(File::open(path).map_err(|e| CliError::io("open", path, &e))?);
    let (mut line, mut columns, mut lines) = (Vec::new(), 0, 0);
    while reader.read_until(b'\n', &mut line).map_err(fault)? > 0 {
        if columns == 0 {
            columns = 1 + line.iter().filter(|&&byte| byte == b',').count();
        }
        lines += 1;
        line.clear();
    }
    Ok(vec![lines, columns])
}

/// An array before its values are read, and its sides, which the file is large enough for.
fn opened(path: &Path) -> Result<(NpyFile<BufReader<File>>, Vec<usize>), CliError> {
    let fault = |what: String| CliError::failure(format!("{}: {what}", path.display()));
    let file = File::open(path).map_err(|e| CliError::io("open", path, &e))?;
    let length = file.metadata().map_err(|e| CliError::io("read", path, &e))?.len();
    let array = NpyFile::new(BufReader::new(file)).map_err(|e| fault(format!("no .npy array: {e}")))?;
    let shape = array.shape().to_vec();
    let count = shape.iter().try_fold(1u64, |product, &side| product.checked_mul(side)).filter(|&n| n <= MOST);
    let Some(count) = count else { return Err(fault(format!("an array of shape {shape:?} is too large"))) };
    if count > length {
        return Err(fault(format!("an array of shape {shape:?} does not fit into the file's {length} bytes")));
    }
    let shape = if shape.is_empty() { vec![1] } else { shape.iter().map(|&side| side as usize).collect() };
    Ok((array, shape))
}

fn npy(path: &Path) -> Result<Array, CliError> {
    let fault = |what: String| CliError::failure(format!("{}: {what}", path.display()));
    let (array, shape) = opened(path)?;
    if array.order() == npyz::Order::Fortran && shape.len() > 1 {
        return Err(fault("columns come first (Fortran order); save it with numpy.ascontiguousarray".into()));
    }
    let kind = match array.dtype() {
        DType::Plain(kind) => kind.to_string(),
        other => other.descr(),
    };
    let values: Result<Vec<f64>, std::io::Error> = match kind.trim_start_matches(['<', '>', '|', '=']) {
        "f8" => array.into_vec::<f64>(),
        "f4" => array.into_vec::<f32>().map(widened),
        "i8" => array.into_vec::<i64>().map(|v| v.into_iter().map(|x| x as f64).collect()),
        "i4" => array.into_vec::<i32>().map(widened),
        "i2" => array.into_vec::<i16>().map(widened),
        "i1" => array.into_vec::<i8>().map(widened),
        "u4" => array.into_vec::<u32>().map(widened),
        "u2" => array.into_vec::<u16>().map(widened),
        "u1" => array.into_vec::<u8>().map(widened),
        _ => return Err(fault(format!("values of type `{kind}`; real numbers of at most 8 bytes are wanted"))),
    };
    let values = values.map_err(|e| fault(format!("cut off or damaged: {e}")))?;
    Ok(Array { shape, values })
}

fn widened<T: Into<f64>>(values: Vec<T>) -> Vec<f64> {
    values.into_iter().map(Into::into).collect()
}

/// A line of names at the top is left out.
fn csv(path: &Path) -> Result<Array, CliError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(|e| CliError::failure(format!("cannot read {}: {e}", path.display())))?;
    let (mut dims, mut values) = (0, Vec::new());
    for (line, record) in reader.records().enumerate() {
        let record = record.map_err(|e| CliError::failure(format!("{}: {e}", path.display())))?;
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
                let place = format!("line {}, column {}", line + 1, column + 1);
                return Err(CliError::failure(format!("{}: `{cell}` in {place} is no number", path.display())));
            }
        }
    }
    let n = values.len() / dims.max(1);
    Ok(Array { shape: if dims == 1 { vec![n] } else { vec![n, dims] }, values })
}

/// The draws as bytes of a `.npy` array of f64, `[n]`.
pub fn npy_bytes(draws: &[f64]) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let write = |bytes: &mut Vec<u8>| {
        let mut writer =
            npyz::WriteOptions::new().default_dtype().shape(&[draws.len() as u64]).writer(bytes).begin_nd()?;
        writer.extend(draws.iter().copied())?;
        writer.finish()
    };
    write(&mut bytes).map_err(|e: std::io::Error| CliError::failure(format!("cannot make the array: {e}")))?;
    Ok(bytes)
}

/// The draws as a `.csv` column named `x`, with the digits that make the same f64 again.
pub fn csv_bytes(draws: &[f64]) -> Vec<u8> {
    let mut text = String::from("x\n");
    for x in draws {
        text += &format!("{x}\n");
    }
    text.into_bytes()
}
