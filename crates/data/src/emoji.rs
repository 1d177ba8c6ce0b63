//! The emoji: a sheet of tiles for each style, and a table of what the tiles show.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use csv::ByteRecord;
use image::{DynamicImage, ImageReader};

use crate::dataset::{ItemShape, Split, Values};
use crate::open::Attribute;
use crate::{DataError, folder};

/// The id in the catalogue.
pub(crate) const ID: &str = "emoji";
/// The styles, in the order of their sheets in the catalogue; the table comes after them.
pub(crate) const STYLES: [&str; 3] = ["noto", "twemoji", "openmoji"];
/// Side of a tile, in pixels.
const TILE: usize = 64;
const SHAPE: ItemShape = ItemShape::Image { channels: 3, height: TILE, width: TILE };

/// A file and its unpacked contents.
pub(crate) type Contents = (PathBuf, Vec<u8>);

/// What the table says of each emoji.
struct Table {
    columns: [Column; 5],
    held_out: Vec<bool>,
}

/// One column, each cell as an index into the values.
struct Column {
    name: &'static str,
    values: Vec<String>,
    /// Whether no other value may occur.
    closed: bool,
    cells: Vec<u32>,
}

/// The number of the style that a data set is of by its id, `emoji-noto` for one; none where it has all.
pub(crate) fn style_of(id: &str) -> Option<usize> {
    let word = id.strip_prefix(ID)?.strip_prefix('-')?;
    STYLES.iter().position(|style| *style == word)
}

/// The tiles of one style, or of all, labelled by category, which is one of `categories`. Of all, item `3 k + s` of a part is
/// the part's `k`-th emoji in style `s`, so that the first items of a part have all styles.
pub(crate) fn items(
    files: &[Contents],
    categories: &[&str],
    style: Option<usize>,
) -> Result<(ItemShape, Split, Split), DataError> {
    let (table, sheets) = parts(files)?;
    let sheets = style.map_or(sheets, |style| &sheets[style..style + 1]);
    let table = Table::read(&table.0, &table.1, categories)?;
    let sheets =
        sheets.iter().map(|sheet| Sheet::decode(sheet, table.held_out.len())).collect::<Result<Vec<_>, _>>()?;
    let split = |test: bool| {
        let emoji = table.of_part(test);
        let len = emoji.len() * sheets.len();
        let mut values = Vec::with_capacity(len * SHAPE.len());
        emoji.iter().for_each(|&i| sheets.iter().for_each(|sheet| sheet.tile(i, &mut values)));
        Split { values: Values::U8(values), labels: Some(table.category().items(&emoji, sheets.len())), len }
    };
    Ok((SHAPE, split(false), split(true)))
}

/// Style, then the columns of the table, for the items in the order of [`items`].
pub(crate) fn attributes(files: &[Contents], categories: &[&str]) -> Result<Vec<Attribute>, DataError> {
    let ((path, table), _) = parts(files)?;
    attributes_of(path, table, categories)
}

/// The same from the table alone.
pub(crate) fn attributes_of(path: &Path, table: &[u8], categories: &[&str]) -> Result<Vec<Attribute>, DataError> {
    let table = Table::read(path, table, categories)?;
    let (train, test) = (table.of_part(false), table.of_part(true));
    let styles = |emoji: &[usize]| emoji.iter().flat_map(|_| 0..STYLES.len() as u32).collect();
    let values = STYLES.map(str::to_owned).to_vec();
    let style = Attribute { name: "style", values, train: styles(&train), test: styles(&test) };
    let others = table.columns.into_iter().map(|column| {
        let (train, test) = (column.items(&train, STYLES.len()), column.items(&test, STYLES.len()));
        Attribute { name: column.name, values: column.values, train, test }
    });
    Ok([style].into_iter().chain(others).collect())
}

/// The table and the sheets.
fn parts(files: &[Contents]) -> Result<(&Contents, &[Contents]), DataError> {
    match files.split_last() {
        Some((table, sheets)) if sheets.len() == STYLES.len() => Ok((table, sheets)),
        _ => Err(DataError::Inconsistent {
            id: ID.into(),
            part: "catalogue entry".into(),
            got: format!("{} files", files.len()),
            expected: "three sheets and a table".into(),
        }),
    }
}

impl Column {
    fn open(name: &'static str) -> Self {
        Self { name, values: Vec::new(), closed: false, cells: Vec::new() }
    }

    fn closed(name: &'static str, values: &[&str]) -> Self {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        Self { name, values, closed: true, cells: Vec::new() }
    }

    /// Adds a cell; what is wrong with it, if something is.
    fn push(&mut self, text: &str) -> Result<(), String> {
        let known = self.values.iter().position(|value| value == text);
        let value = match known {
            Some(value) => value,
            None if self.closed => return Err(format!("is {}, expected {}", quoted(text), self.values.join(", "))),
            None if text.is_empty() => return Err("is empty".into()),
            None => {
                self.values.push(text.to_owned());
                self.values.len() - 1
            }
        };
        self.cells.push(value as u32);
        Ok(())
    }

    /// The cells of these emoji, once for each of so many styles.
    fn items(&self, emoji: &[usize], styles: usize) -> Vec<u32> {
        emoji.iter().flat_map(|&i| std::iter::repeat_n(self.cells[i], styles)).collect()
    }
}

impl Table {
    /// Reads the columns that are of use here, by their names in the first line; others are passed over. The column
    /// `index` must count the emoji from 0, which is where their tiles are found by.
    fn read(path: &Path, bytes: &[u8], categories: &[&str]) -> Result<Self, DataError> {
        let wrong = |line: u64, column: &str, problem: String| DataError::Table {
            path: path.to_owned(),
            line,
            column: in_a_line(column),
            problem,
        };
        let mut table = Self {
            columns: [
                Column::closed("category", categories),
                Column::open("subcategory"),
                Column::closed("skin_tone", &["none", "default", "dark"]),
                Column::closed("gender", &["none", "woman", "man"]),
                Column::open("name"),
            ],
            held_out: Vec::new(),
        };
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let mut record = ByteRecord::new();
        let mut read = |record: &mut ByteRecord| {
            let more = reader.read_byte_record(record);
            let line = record.position().map_or(0, csv::Position::line);
            more.map(|more| more.then_some(line)).map_err(|error| wrong(line, "", error.to_string()))
        };
        read(&mut record)?;
        let header: Vec<String> = record.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        let at = |name: &str| {
            header.iter().position(|column| column == name).ok_or_else(|| wrong(1, name, "is missing".into()))
        };
        let (index, split) = (at("index")?, at("split")?);
        let places = table.columns.iter().map(|column| at(column.name)).collect::<Result<Vec<_>, _>>()?;
        while let Some(line) = read(&mut record)? {
            if record.len() != header.len() {
                let column = header.get(record.len()).or(header.last()).map_or("", String::as_str);
                let problem = format!("the line has {} fields, expected {}", record.len(), header.len());
                return Err(wrong(line, column, problem));
            }
            let text = |place: usize| {
                std::str::from_utf8(&record[place]).map_err(|_| wrong(line, &header[place], "is not UTF-8".into()))
            };
            let emoji = table.held_out.len();
            if text(index)?.parse() != Ok(emoji) {
                return Err(wrong(line, "index", format!("is {}, expected {emoji}", quoted(text(index)?))));
            }
            table.held_out.push(match text(split)? {
                "train" => false,
                "test" => true,
                other => return Err(wrong(line, "split", format!("is {}, expected train, test", quoted(other)))),
            });
            for (column, &place) in table.columns.iter_mut().zip(&places) {
                column.push(text(place)?).map_err(|problem| wrong(line, column.name, problem))?;
            }
        }
        Ok(table)
    }

    fn category(&self) -> &Column {
        &self.columns[0]
    }

    /// The emoji of the training part, or of the held-out one.
    fn of_part(&self, test: bool) -> Vec<usize> {
        (0..self.held_out.len()).filter(|&i| self.held_out[i] == test).collect()
    }
}

/// A sheet of tiles, row by row.
struct Sheet {
    /// `[height, width, 3]`.
    pixels: Vec<u8>,
    width: usize,
}

impl Sheet {
    /// A sheet with a tile for each of `emoji`.
    fn decode((path, bytes): &Contents, emoji: usize) -> Result<Self, DataError> {
        let reader = ImageReader::new(Cursor::new(bytes.as_slice())).with_guessed_format();
        let decoder = folder::bounded(path, reader.map_err(DataError::io("read", path))?)?;
        let image = DynamicImage::from_decoder(decoder).map_err(folder::cannot_decode(path))?.into_rgb8();
        let (width, height) = (image.width() as usize, image.height() as usize);
        if width % TILE != 0 || height % TILE != 0 || (width / TILE) * (height / TILE) < emoji {
            let problem = format!("{width}x{height} pixels are no {TILE}x{TILE} tiles for {emoji} emoji");
            return Err(DataError::Image { path: path.clone(), problem });
        }
        Ok(Self { pixels: image.into_raw(), width })
    }

    /// Adds tile `i`, `[3, 64, 64]`.
    fn tile(&self, i: usize, out: &mut Vec<u8>) {
        let across = self.width / TILE;
        let (top, left) = (i / across * TILE, i % across * TILE);
        for channel in 0..3 {
            for row in top..top + TILE {
                let pixels = &self.pixels[3 * (row * self.width + left)..][..3 * TILE];
                out.extend(pixels.iter().skip(channel).step_by(3));
            }
        }
    }
}

/// What a cell holds, in a message.
fn quoted(cell: &str) -> String {
    format!("`{}`", in_a_line(cell))
}

/// Without ends of lines, and not longer than a line.
fn in_a_line(text: &str) -> String {
    let mut short: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        short.push_str("...");
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageFormat, Rgb, RgbImage};

    const CATEGORIES: &[&str] = &["Faces", "Food & Drink"];
    const HEADER: &str = "index,emoji,name,category,subcategory,skin_tone,gender,split\n";
    const ROWS: &str = "0,a,grin,Faces,smiling,none,none,train\n\
        1,b,\"leek, raw\",Food & Drink,vegetable,none,none,test\n\
        2,c,man,Faces,person,default,man,train\n\
        3,d,man: dark,Faces,person,dark,man,train\n\
        4,e,pear,Food & Drink,fruit,none,none,test\n";

    /// Where pixel (x, y) of a tile tells style, emoji and place.
    fn colour(style: usize, emoji: usize, x: usize, y: usize) -> [u8; 3] {
        [(100 * style + emoji) as u8, x as u8, (2 * y) as u8]
    }

    /// Two tiles beside each other, as many below each other as needed; the last is white.
    fn sheet(style: usize, rows: u32) -> Contents {
        let mut image = RgbImage::from_pixel(128, 64 * rows, Rgb([255; 3]));
        for (x, y, pixel) in image.enumerate_pixels_mut() {
            let emoji = (y / 64 * 2 + x / 64) as usize;
            if emoji < 5 {
                *pixel = Rgb(colour(style, emoji, x as usize % 64, y as usize % 64));
            }
        }
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, ImageFormat::Png).unwrap();
        (format!("{}.png", STYLES[style]).into(), bytes.into_inner())
    }

    fn pack(table: &str) -> Vec<Contents> {
        vec![sheet(0, 3), sheet(1, 3), sheet(2, 3), ("emoji.csv".into(), table.as_bytes().to_vec())]
    }

    #[test]
    fn each_tile_is_an_item_style_after_style() {
        let (shape, train, test) = items(&pack(&format!("{HEADER}{ROWS}")), CATEGORIES, None).unwrap();
        assert_eq!(shape.to_string(), "3x64x64");
        assert_eq!((train.len, test.len), (9, 6));
        assert_eq!(train.labels.as_deref(), Some(&[0, 0, 0, 0, 0, 0, 0, 0, 0][..]));
        assert_eq!(test.labels.as_deref(), Some(&[1, 1, 1, 1, 1, 1][..]));
        for (split, emoji) in [(&train, [0, 2, 3].as_slice()), (&test, &[1, 4])] {
            let Values::U8(values) = &split.values else { panic!("no images") };
            assert_eq!(values.len(), split.len * 3 * 64 * 64);
            for (item, tile) in values.chunks_exact(3 * 64 * 64).enumerate() {
                for at in 0..64 * 64 {
                    let pixel = [0, 1, 2].map(|channel| tile[channel * 64 * 64 + at]);
                    assert_eq!(pixel, colour(item % 3, emoji[item / 3], at % 64, at / 64), "item {item}, {at}");
                }
            }
        }
    }

    #[test]
    fn one_style_is_every_third_item() {
        assert_eq!(
            ["emoji-noto", "emoji-openmoji", "emoji", "emoji-x", "ring8"].map(style_of),
            [Some(0), Some(2), None, None, None]
        );
        let pack = pack(&format!("{HEADER}{ROWS}"));
        let (_, all, _) = items(&pack, CATEGORIES, None).unwrap();
        let (_, own, own_test) = items(&pack, CATEGORIES, Some(1)).unwrap();
        assert_eq!((own.len, own_test.len, own.labels.as_deref()), (3, 2, Some(&[0, 0, 0][..])));
        assert_eq!(own.first(3), all.gather(&[1, 4, 7]));
    }

    #[test]
    fn attributes_follow_the_items() {
        let attributes = attributes(&pack(&format!("{HEADER}{ROWS}")), CATEGORIES).unwrap();
        let seen = |name: &str| {
            let found = attributes.iter().find(|attribute| attribute.name == name).unwrap();
            let words = |cells: &[u32]| cells.iter().map(|&i| found.values[i as usize].clone()).collect::<Vec<_>>();
            (words(&found.train), words(&found.test))
        };
        let each = |words: &[&'static str]| words.iter().flat_map(|&word| [word; 3]).collect::<Vec<_>>();
        let names: Vec<&str> = attributes.iter().map(|attribute| attribute.name).collect();
        assert_eq!(names, ["style", "category", "subcategory", "skin_tone", "gender", "name"]);
        assert_eq!(seen("style").0, STYLES.repeat(3));
        assert_eq!(seen("style").1, STYLES.repeat(2));
        assert_eq!(seen("category").1, each(&["Food & Drink", "Food & Drink"]));
        assert_eq!(seen("subcategory").0, each(&["smiling", "person", "person"]));
        assert_eq!(seen("skin_tone").0, each(&["none", "default", "dark"]));
        assert_eq!(seen("gender").0, each(&["none", "man", "man"]));
        assert_eq!(seen("name").1, each(&["leek, raw", "pear"]));
    }

    #[test]
    fn what_is_wrong_with_the_table_is_told_with_line_and_column() {
        let problem = |table: &str| items(&pack(table), CATEGORIES, None).unwrap_err().to_string();
        let replaced = |from: &str, to: &str| problem(&format!("{HEADER}{ROWS}").replacen(from, to, 1));
        for (got, expected) in [
            (replaced("gender", "sex"), "line 1, column `gender`: is missing"),
            (problem(""), "line 1, column `index`: is missing"),
            (replaced("2,c", "3,c"), "line 4, column `index`: is `3`, expected 2"),
            (replaced("test", "valid"), "line 3, column `split`: is `valid`, expected train, test"),
            (replaced("Food", "Feed"), "line 3, column `category`: is `Feed & Drink`, expected Faces, Food & Drink"),
            (replaced("dark,man", "pale,man"), "line 5, column `skin_tone`: is `pale`, expected none, default, dark"),
            (replaced("fruit", ""), "line 6, column `subcategory`: is empty"),
            (replaced(",vegetable", ""), "line 3, column `split`: the line has 7 fields, expected 8"),
            (replaced("pear,", "pear,,"), "line 6, column `split`: the line has 9 fields, expected 8"),
        ] {
            assert_eq!(got, format!("emoji.csv, {expected}"));
        }
        let mut files = pack(&format!("{HEADER}{ROWS}"));
        let grin = files[3].1.windows(4).position(|bytes| bytes == b"grin").unwrap();
        files[3].1[grin] = 0xff;
        let problem = items(&files, CATEGORIES, None).unwrap_err().to_string();
        assert_eq!(problem, "emoji.csv, line 2, column `name`: is not UTF-8");
    }

    #[test]
    fn whatever_byte_of_the_table_is_hit_there_is_no_panic() {
        let mut files = pack(&format!("{HEADER}{ROWS}"));
        for at in 0..files[3].1.len() {
            for bit in 0..8 {
                files[3].1[at] ^= 1 << bit;
                if let Ok(attributes) = attributes(&files, CATEGORIES) {
                    let items = |a: &Attribute| a.train.len() + a.test.len();
                    assert!(attributes.iter().all(|a| items(a) == items(&attributes[0])));
                }
                files[3].1[at] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn sheets_that_do_not_hold_the_tiles_are_refused() {
        let mut files = pack(&format!("{HEADER}{ROWS}"));
        files[1] = sheet(1, 2);
        let problem = items(&files, CATEGORIES, None).unwrap_err().to_string();
        assert!(problem.contains("twemoji.png") && problem.contains("128x128") && problem.contains("5 emoji"));
        files[1].1.truncate(100);
        assert!(
            matches!(items(&files, CATEGORIES, None), Err(DataError::Image { path, .. }) if path.ends_with("twemoji.png"))
        );
        assert!(matches!(items(&files[1..], CATEGORIES, None), Err(DataError::Inconsistent { .. })));
    }

    /// A header alone that declares 2^31 by 2^31 pixels takes no memory.
    #[test]
    fn a_sheet_beyond_the_bounds_is_refused() {
        let mut files = pack(&format!("{HEADER}{ROWS}"));
        let mut crc = flate2::Crc::new();
        files[0].1[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        crc.update(&files[0].1[12..29]);
        files[0].1[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        let problem = items(&files, CATEGORIES, None).unwrap_err().to_string();
        assert!(problem.contains("noto.png") && problem.to_lowercase().contains("limit"), "{problem}");
    }
}
