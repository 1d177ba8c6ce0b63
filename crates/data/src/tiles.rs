//! Images cut into squares.

use std::path::Path;

use crate::DataError;
use crate::dataset::{Split, Values};

/// Refuses an image of this width and height that has no square of this side.
pub(crate) fn check(path: &Path, got: (usize, usize), side: usize) -> Result<(), DataError> {
    match got.0.min(got.1) < side {
        true => Err(DataError::TooSmall { path: path.to_owned(), got, side }),
        false => Ok(()),
    }
}

/// The squares of an image `[channels, height, width]`, row by row, `[channels, side, side]` each: but for those that are all one
/// colour, and what is left at the right and lower edges.
pub(crate) fn of(
    image: &[u8],
    [channels, height, width]: [usize; 3],
    side: usize,
) -> impl Iterator<Item = Vec<u8>> + '_ {
    let corners =
        (0..height / side).flat_map(move |row| (0..width / side).map(move |column| (row * side, column * side)));
    let square = move |(top, left): (usize, usize)| -> Vec<u8> {
        let rows = (0..channels).flat_map(move |c| (top..top + side).map(move |y| (c * height + y) * width + left));
        rows.flat_map(|from| &image[from..from + side]).copied().collect()
    };
    let is_plain =
        move |square: &[u8]| square.chunks_exact(side * side).all(|plane| plane.iter().all(|&x| x == plane[0]));
    corners.map(square).filter(move |square| !is_plain(square))
}

/// The squares of all images `[channels, height, width]` of a part, each of its image's class.
pub(crate) fn cut(split: &Split, planes: [usize; 3], side: usize) -> Split {
    let Values::U8(values) = &split.values else { return split.clone() };
    let (mut cut, mut labels) = (Vec::new(), Vec::new());
    for (i, image) in values.chunks_exact(planes.iter().product()).enumerate() {
        for square in of(image, planes, side) {
            cut.extend(square);
            labels.push(split.labels.as_ref().map(|labels| labels[i]));
        }
    }
    let len = labels.len();
    Split { values: Values::U8(cut), labels: labels.into_iter().collect(), len }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2 channels of 5x7 whose values tell their place: squares of 2 leave a row and a column.
    #[test]
    fn squares_are_where_they_were() {
        let image: Vec<u8> = (0..70).collect();
        let squares: Vec<Vec<u8>> = of(&image, [2, 5, 7], 2).collect();
        assert_eq!(squares.len(), 2 * 3);
        // The second of the second row: rows 2 and 3, columns 2 and 3.
        assert_eq!(squares[4], [16, 17, 23, 24, 51, 52, 58, 59]);
    }

    #[test]
    fn plain_squares_are_left_out_and_classes_follow() {
        // Two images of 2x4: the first one's left square is plain, the second one's squares are not.
        let values = vec![7, 7, 1, 2, 7, 7, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8];
        let split = Split { values: Values::U8(values), labels: Some(vec![5, 6]), len: 2 };
        let cut = cut(&split, [1, 2, 4], 2);
        assert_eq!((cut.len, cut.labels), (3, Some(vec![5, 6, 6])));
        assert_eq!(cut.values, Values::U8(vec![1, 2, 3, 4, 1, 2, 5, 6, 3, 4, 7, 8]));
        // Of one colour, though its channels differ.
        assert_eq!(of(&[1, 1, 1, 1, 9, 9, 9, 9], [2, 2, 2], 2).count(), 0);
    }
}
