//! Series of a person's own, from `.npy` and `.csv` files.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use crate::array::{self, Array};
use crate::dataset::{Channel, Dataset, ItemShape, Split, Values};
use crate::files::Within;
use crate::open::no_images;
use crate::{DataError, Entry, OpenOptions};

/// The id of the electrocardiograms.
pub(crate) const ECG: &str = "ecg5000";

/// Of so many series of a file one is held out.
const HELD_OUT: usize = 10;

/// Columns of a `.csv` file that are no channels.
const TIME: &str = "time";
const ID: &str = "id";
const LABEL: &str = "label";

/// The most values that are read: 1 GiB of them.
const MOST: usize = 1 << 28;
/// The longest file that is read: 32 bytes for each of the most values.
const LONGEST: u64 = MOST as u64 * 32;

/// Some series of any length, with a name to speak of each by and a class where they have one.
struct Found {
    channels: Vec<String>,
    series: Vec<One>,
}

struct One {
    name: String,
    label: Option<String>,
    /// `[steps, channels]`.
    values: Vec<f32>,
}

/// A file of series.
///
/// - `.npy`: `[n, steps]` or `[n, steps, channels]`. Classes are whole numbers, `[n]`, in the file beside it whose name ends in `_y` in place of `_x`, or
///   in `-labels` where it does not.
/// - `.csv`: a header, and a row for each step: a column `time` whose numbers rise within a series, `id` that says which series a row belongs to (none:
///   all rows are of one), `label`, the class of the series (none: they have none), and the channels.
///
/// With a `window` each series is cut into pieces of so many steps that do not overlap, and a rest is left out; otherwise all are of one length.
/// Every tenth is held out. Channels are brought to [-1, 1] by the least and the largest value of what is trained on.
pub(crate) fn open(id: &str, path: &Path, options: &OpenOptions) -> Result<Dataset, DataError> {
    no_images(id, options)?;
    let found = if is_array(path) { of_array(path)? } else { of_table(path)? };
    let title = path.file_name().unwrap_or_default().to_string_lossy();
    finish((id, &title, ""), path, cut(path, found, options)?, HELD_OUT)
}

/// The data set of electrocardiograms, from the files of its entry.
pub(crate) fn ecg(entry: &Entry, paths: &[PathBuf], options: &OpenOptions) -> Result<Dataset, DataError> {
    no_images(entry.id, options)?;
    let Some(path) = paths.first() else {
        return Err(wrong(Path::new(entry.id), "it has no file"));
    };
    let found = cut(path, of_array(path)?, options)?;
    let mut dataset = finish((entry.id, entry.title, entry.attribution), path, found, 5)?;
    if dataset.class_names.len() == entry.class_names.len() {
        dataset.class_names = entry.class_names.iter().map(|&name| name.to_owned()).collect();
    }
    Ok(dataset)
}

fn cut(path: &Path, found: Found, options: &OpenOptions) -> Result<Found, DataError> {
    match options.window {
        Some(window) => windows(path, found, window),
        None => Ok(found),
    }
}

pub(crate) fn is_array(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("npy"))
}

/// Whether a `.csv` file is one of series: it has a column `time`.
pub(crate) fn is_table(path: &Path) -> bool {
    let names_time = || {
        let file = File::open(path).ok()?;
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(Within::new(file, 1 << 20));
        Some(reader.headers().ok()?.iter().any(|name| name.eq_ignore_ascii_case(TIME)))
    };
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv")) && names_time().unwrap_or(false)
}

fn wrong(path: &Path, problem: impl Into<String>) -> DataError {
    DataError::Series { path: path.to_owned(), problem: problem.into() }
}

fn of_array(path: &Path) -> Result<Found, DataError> {
    let Array { shape, values } = array::read_npy(path)?;
    let (n, steps, channels) = match shape[..] {
        [n, steps] => (n, steps, 1),
        [n, steps, channels] => (n, steps, channels),
        _ => {
            return Err(wrong(
                path,
                format!("an array of shape {shape:?}; series are [n, steps] or [n, steps, channels]"),
            ));
        }
    };
    if n == 0 || steps == 0 || channels == 0 {
        return Err(wrong(path, format!("an array of shape {shape:?} has no series")));
    }
    if let Some(place) = values.iter().position(|value| !(*value as f32).is_finite()) {
        let (series, step) = (place / (steps * channels), place / channels % steps);
        return Err(wrong(path, format!("series {series}, step {step}: {} is no finite number", values[place])));
    }
    let labels = labels_beside(path, n)?;
    let one = |(i, values): (usize, &[f64])| One {
        name: format!("series {i}"),
        label: labels.as_ref().map(|labels| labels[i].clone()),
        values: values.iter().map(|&value| value as f32).collect(),
    };
    let names = if channels == 1 { vec!["x".to_owned()] } else { (0..channels).map(|c| format!("x{c}")).collect() };
    Ok(Found { channels: names, series: values.chunks_exact(steps * channels).enumerate().map(one).collect() })
}

/// The classes in the file beside an array, where there is one.
fn labels_beside(path: &Path, n: usize) -> Result<Option<Vec<String>>, DataError> {
    let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else { return Ok(None) };
    let name = stem.strip_suffix("_x").map_or_else(|| format!("{stem}-labels.npy"), |stem| format!("{stem}_y.npy"));
    let beside: PathBuf = path.with_file_name(name);
    if !beside.is_file() {
        return Ok(None);
    }
    let Array { shape, values } = array::read_npy(&beside)?;
    if shape != [n] {
        return Err(wrong(&beside, format!("an array of shape {shape:?}, where {n} series want one class each")));
    }
    let whole =
        |value: &f64| if value.fract() == 0.0 && value.abs() < 1e9 { Ok(format!("{value}")) } else { Err(*value) };
    let labels: Result<Vec<String>, f64> = values.iter().map(whole).collect();
    labels.map(Some).map_err(|value| wrong(&beside, format!("{value} is no class; classes are whole numbers")))
}

fn of_table(path: &Path) -> Result<Found, DataError> {
    let file = File::open(path).map_err(DataError::io("open", path))?;
    table(path, file)
}

/// Series of the rows of a text.
pub(crate) fn parse(text: &[u8]) -> Result<usize, DataError> {
    table(Path::new("series"), text).map(|found| found.series.len())
}

fn table(path: &Path, from: impl std::io::Read) -> Result<Found, DataError> {
    let unreadable = |error: csv::Error| wrong(path, error.to_string());
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(Within::new(from, LONGEST));
    let header = reader.headers().map_err(unreadable)?.clone();
    let column = |name: &str| header.iter().position(|found| found.eq_ignore_ascii_case(name));
    let Some(time) = column(TIME) else {
        return Err(wrong(path, "no column `time`: series have a row for each step, and its moment in that column"));
    };
    let (id, label) = (column(ID), column(LABEL));
    let special = [Some(time), id, label];
    let places: Vec<usize> = (0..header.len()).filter(|&place| !special.contains(&Some(place))).collect();
    if places.is_empty() {
        return Err(wrong(path, "no column but `time`, `id` and `label`: there is no channel"));
    }
    let mut series: Vec<One> = Vec::new();
    let mut seen = BTreeMap::new();
    let (mut last, mut count) = (f64::NEG_INFINITY, 0usize);
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |place: usize| record.get(place).unwrap_or_default();
        let number = |place: usize| {
            cell(place).parse::<f64>().ok().filter(|value| (*value as f32).is_finite()).ok_or_else(|| {
                let (shown, name) = (shown(cell(place)), shown(&header[place]));
                wrong(path, format!("line {line}, column `{name}`: `{shown}` is no finite number"))
            })
        };
        let name = id.map_or_else(|| "the series".to_owned(), |id| format!("series `{}`", shown(cell(id))));
        let class = label.map(|label| cell(label).to_owned());
        let now = number(time)?;
        match series.last_mut() {
            Some(current) if current.name == name => {
                if now <= last {
                    return Err(wrong(
                        path,
                        format!("line {line}: {name} goes from time {last} to {now}; it has to rise"),
                    ));
                }
                if current.label != class {
                    return Err(wrong(path, format!("line {line}: {name} has two classes; each has one throughout")));
                }
            }
            _ => {
                if let Some(before) = seen.insert(name.clone(), line) {
                    return Err(wrong(
                        path,
                        format!("line {line}: {name} began in line {before} already; its rows stand together"),
                    ));
                }
                series.push(One { name, label: class, values: Vec::new() });
            }
        }
        last = now;
        count += places.len();
        if count > MOST {
            return Err(wrong(path, format!("more than {MOST} values")));
        }
        if let Some(current) = series.last_mut() {
            for &place in &places {
                current.values.push(number(place)? as f32);
            }
        }
    }
    if series.is_empty() {
        return Err(wrong(path, "no row below the header"));
    }
    Ok(Found { channels: places.iter().map(|&place| header[place].to_owned()).collect(), series })
}

fn shown(cell: &str) -> String {
    cell.chars().flat_map(char::escape_default).take(40).collect()
}

/// Each series cut into pieces of so many steps.
fn windows(path: &Path, found: Found, window: usize) -> Result<Found, DataError> {
    let size = window * found.channels.len();
    if let Some(short) = found.series.iter().find(|one| one.values.len() < size) {
        let steps = short.values.len() / found.channels.len();
        return Err(wrong(path, format!("{} has {steps} steps, less than a window of {window}", short.name)));
    }
    let pieces = |one: &One| -> Vec<One> {
        let piece = |(i, values): (usize, &[f32])| One {
            name: format!("{}, window {i}", one.name),
            label: one.label.clone(),
            values: values.to_vec(),
        };
        one.values.chunks_exact(size).enumerate().map(piece).collect()
    };
    Ok(Found { series: found.series.iter().flat_map(pieces).collect(), ..found })
}

/// Id, title, attribution; every how many series one is held out.
fn finish(
    (id, title, attribution): (&str, &str, &str),
    path: &Path,
    found: Found,
    every: usize,
) -> Result<Dataset, DataError> {
    let Found { channels: names, series } = found;
    let size = series.first().map_or(0, |one| one.values.len());
    if let Some(other) = series.iter().find(|one| one.values.len() != size) {
        let (first, steps, others) = (&series[0].name, size / names.len(), other.values.len() / names.len());
        let least = series.iter().map(|one| one.values.len()).min().unwrap_or(0) / names.len();
        let problem = format!(
            "{first} has {steps} steps, {} has {others}; `--set window={least}` cuts all into pieces of {least} steps",
            other.name
        );
        return Err(wrong(path, problem));
    }
    if series.len() < 2 {
        let problem =
            format!("one series of {} steps; `--set window=N` cuts it into pieces of N steps", size / names.len());
        return Err(wrong(path, problem));
    }
    let shape = ItemShape::Series { steps: size / names.len(), channels: names.len() };
    let class_names = class_names(&series);
    let labels: Option<Vec<u32>> = (!class_names.is_empty()).then(|| {
        let place =
            |one: &One| class_names.iter().position(|name| Some(name) == one.label.as_ref()).unwrap_or(0) as u32;
        series.iter().map(place).collect()
    });
    let mut values: Vec<f32> = series.into_iter().flat_map(|one| one.values).collect();
    let items = values.len() / size;
    let last = (items - 1).min(every - 1);
    let is_test = |i: usize| i % every == last;
    let channels = channels(path, &names, &values, size, &is_test)?;
    for step in values.chunks_exact_mut(channels.len()) {
        step.iter_mut().zip(&channels).for_each(|(value, channel)| *value = channel.scaled(*value));
    }
    let (train, test) = Split::partition(&values, labels.as_deref(), size, Values::F32, &is_test);
    Ok(Dataset::new(id, title, shape, class_names, train, test, attribution)?.of_series(channels))
}

/// The classes that occur; in the order of their numbers where all are numbers.
fn class_names(series: &[One]) -> Vec<String> {
    let mut names: Vec<String> = series.iter().filter_map(|one| one.label.clone()).collect();
    names.sort_unstable();
    names.dedup();
    if names.iter().all(|name| name.parse::<i64>().is_ok()) {
        names.sort_by_key(|name| name.parse::<i64>().unwrap_or(0));
    }
    names
}

/// Each channel with its ends among the series that are trained on.
fn channels(
    path: &Path,
    names: &[String],
    values: &[f32],
    size: usize,
    is_test: &dyn Fn(usize) -> bool,
) -> Result<Vec<Channel>, DataError> {
    let of = |(place, name): (usize, &String)| {
        let train = values.chunks_exact(size).enumerate().filter(|(i, _)| !is_test(*i)).map(|(_, series)| series);
        let all = train.flat_map(|series| series.iter().skip(place).step_by(names.len()));
        let [low, high] = all.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], &x| [low.min(x), high.max(x)]);
        if low < high {
            return Ok(Channel { name: name.clone(), low, high });
        }
        Err(wrong(path, format!("column `{}` is {low} throughout; leave out what never changes", shown(name))))
    };
    names.iter().enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    fn opened(text: &str, window: Option<usize>) -> Result<Dataset, String> {
        let (_folder, path) = written("series.csv", text);
        let options = OpenOptions { window, ..OpenOptions::default() };
        crate::open(&path.to_string_lossy(), &options).map_err(|error| error.to_string())
    }

    /// Twenty series of two steps of two channels: `a` rises from 0 to 39, `b` falls.
    fn twenty() -> String {
        let row = |i: usize| format!("s{},{},{},{i},{}\n", i / 2, i % 2, ["up", "down"][i / 2 % 2], 100 - i);
        format!("id,Time,label,a,b\n{}", (0..40).map(row).collect::<String>())
    }

    #[test]
    fn rows_become_series_scaled_by_what_is_trained_on() {
        let dataset = opened(&twenty(), None).unwrap();
        assert_eq!(dataset.shape, ItemShape::Series { steps: 2, channels: 2 });
        assert_eq!((dataset.train.len, dataset.test.len), (18, 2));
        assert_eq!(dataset.class_names, ["down", "up"]);
        assert_eq!(dataset.train.labels.as_ref().unwrap()[..3], [1, 0, 1]);
        // Items 9 and 19 are held out: the largest `a` and the least `b` of the others are those of item 18.
        let [a, b] = &dataset.channels[..] else { panic!("two channels") };
        assert_eq!((a.name.as_str(), a.low, a.high), ("a", 0.0, 37.0));
        assert_eq!((b.name.as_str(), b.low, b.high), ("b", 63.0, 100.0));
        let first = dataset.train.first(1);
        assert_eq!((first[0], first[1]), (-1.0, 1.0));
        let held_out = dataset.test.gather(&[1]);
        assert!(held_out[2] > 1.0, "beyond the ends of what is trained on: {held_out:?}");
        assert!((a.in_own_unit(held_out[2]) - 39.0).abs() < 1e-5);
    }

    #[test]
    fn a_long_series_is_cut_into_windows() {
        let rows: String = (0..47).map(|i| format!("{i},{}\n", (i as f64).sin())).collect();
        let dataset = opened(&format!("time,x\n{rows}"), Some(5)).unwrap();
        assert_eq!(
            (dataset.shape, dataset.train.len + dataset.test.len),
            (ItemShape::Series { steps: 5, channels: 1 }, 9)
        );
        assert!(opened(&format!("time,x\n{rows}"), None).unwrap_err().contains("`--set window=N`"));
        assert!(
            opened(&format!("time,x\n{rows}"), Some(48)).unwrap_err().contains("47 steps, less than a window of 48")
        );
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, words) in [
            ("time,x\n0,1\n1\n", "line: 3"),
            ("time,x\n0,1\n1,\n", "line 3, column `x`: `` is no finite number"),
            ("time,x\n0,1\n1,inf\n", "`inf` is no finite number"),
            ("time,x\n0,1\n0,2\n", "line 3: the series goes from time 0 to 0"),
            ("id,time,x\na,0,1\nb,0,2\na,1,2\n", "line 4: series `a` began in line 2"),
            ("id,time,label,x\na,0,1,1\na,1,2,2\n", "line 3: series `a` has two classes"),
            ("id,time,x\na,0,1\na,1,2\nb,0,2\n", "series `a` has 2 steps, series `b` has 1; `--set window=1`"),
            ("id,time,x,y\na,0,1,3\na,1,2,3\nb,0,2,3\nb,1,4,3\n", "column `y` is 3 throughout"),
            ("id,time\na,0\nb,0\n", "there is no channel"),
            ("time,x\n", "no row"),
        ] {
            let said = opened(text, None).expect_err(text);
            assert!(said.contains(words), "{text}: {said}");
        }
    }

    #[test]
    fn arrays_have_their_classes_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, shape: &str, values: Vec<f32>| {
            let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let start = [b"\x93NUMPY\x01\x00".as_slice(), &(header.len() as u16).to_le_bytes(), header.as_bytes()];
            std::fs::write(folder.path().join(name), [start.concat(), bytes].concat()).unwrap();
        };
        write("beats_x.npy", "(10, 3, 2)", (0..60).map(|i| i as f32).collect());
        let open = || crate::open(&folder.path().join("beats_x.npy").to_string_lossy(), &OpenOptions::default());
        assert!(open().unwrap().class_names.is_empty());
        write("beats_y.npy", "(10,)", (0..10).map(|i| [3.0, 10.0, 2.0][i % 3]).collect());
        let dataset = open().unwrap();
        assert_eq!(dataset.class_names, ["2", "3", "10"]);
        assert_eq!(dataset.shape, ItemShape::Series { steps: 3, channels: 2 });
        assert_eq!(dataset.channels.iter().map(|c| c.name.as_str()).collect::<Vec<_>>(), ["x0", "x1"]);
        for (shape, values, words) in
            [("(9,)", vec![1.0; 9], "want one class"), ("(10,)", vec![0.5; 10], "0.5 is no class")]
        {
            write("beats_y.npy", shape, values);
            assert!(open().unwrap_err().to_string().contains(words));
        }
        write("beats_y.npy", "(10,)", vec![1.0; 10]);
        let values = (0..60).map(|i| if i == 31 { f32::NAN } else { i as f32 }).collect();
        write("beats_x.npy", "(10, 3, 2)", values);
        assert!(open().unwrap_err().to_string().contains("series 5, step 0"));
    }
}
