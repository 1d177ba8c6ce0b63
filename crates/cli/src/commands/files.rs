//! Numbers in `.npy` and `.csv` files.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use ganvas_data::array::{self, Array};
use npyz::WriterBuilder;

use crate::error::CliError;

/// A `.npy` array, or the rows of a `.csv` file.
pub fn read(path: &Path) -> Result<Array, CliError> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("npy") => Ok(array::read_npy(path)?),
        Some("csv") => Ok(array::read_csv(path)?),
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
        return Ok(array::npy_shape(path)?);
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

/// Values, row-major, as bytes of a `.npy` array of these sides.
pub fn npy<T: npyz::AutoSerialize + Copy>(values: &[T], sides: &[usize]) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let sides: Vec<u64> = sides.iter().map(|&side| side as u64).collect();
    let write = |bytes: &mut Vec<u8>| {
        let mut writer = npyz::WriteOptions::new().default_dtype().shape(&sides).writer(bytes).begin_nd()?;
        writer.extend(values.iter().copied())?;
        writer.finish()
    };
    write(&mut bytes).map_err(|e: std::io::Error| CliError::failure(format!("cannot make the array: {e}")))?;
    Ok(bytes)
}

/// Points as rows of a `.csv` file with a column for each value, `x0` and so on.
pub fn csv_rows(values: &[f32], dims: usize) -> Vec<u8> {
    let names: Vec<String> = (0..dims).map(|i| format!("x{i}")).collect();
    let mut text = names.join(",") + "\n";
    for row in values.chunks_exact(dims.max(1)) {
        let cells: Vec<String> = row.iter().map(f32::to_string).collect();
        text += &(cells.join(",") + "\n");
    }
    text.into_bytes()
}

/// The draws as a `.csv` column named `x`, with the digits that make the same f64 again.
pub fn csv_bytes(draws: &[f64]) -> Vec<u8> {
    let mut text = String::from("x\n");
    for x in draws {
        text += &format!("{x}\n");
    }
    text.into_bytes()
}
