//! The IDX format of MNIST and its relatives, for unsigned bytes.
//!
//! Header, big-endian: bytes `0 0 8 ndim` (8: unsigned byte), then `ndim` sizes of 32 bits. Then the values, row-major.
//! Source: <http://yann.lecun.com/exdb/mnist/>, "The IDX file format".
//!
//! The reader trusts nothing: what the header declares is compared with what the file can hold before room for it is
//! made, and a file that is longer or shorter than declared is an error.

use std::io::{self, Read, Write};

/// The most dimensions that are read; the format's own limit is 255.
const MAX_DIMS: usize = 4;

/// An array of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idx {
    /// The size of each dimension, the slowest first: `[items, height, width]` for images, `[items]` for labels.
    pub dims: Vec<usize>,
    /// The values, row-major.
    pub data: Vec<u8>,
}

/// What is wrong with an IDX file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdxError {
    /// Reading or unpacking failed.
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
    /// The file does not begin as one of unsigned bytes with 1 to 4 dimensions does.
    #[error("no IDX file of unsigned bytes: it begins with {got:02x?}, expected [00, 00, 08, 01 to 04]")]
    Magic {
        /// The first four bytes, or fewer if there are not as many.
        got: Vec<u8>,
    },
    /// The file ends before its header does.
    #[error("truncated: the file ends inside its header")]
    Header,
    /// Another number of dimensions than the contents need.
    #[error("{got} dimensions, expected {expected}")]
    Rank {
        /// How many there are.
        got: usize,
        /// How many there should be.
        expected: usize,
    },
    /// The header declares more than the file can hold, or than is read.
    #[error("the header declares {dims:?}, which is more than the file can hold or is read ({limit} bytes)")]
    Oversize {
        /// The declared sizes.
        dims: Vec<u32>,
        /// What the file can hold at most, unpacked, or what is read at most.
        limit: u64,
    },
    /// A dimension of zero where there must be something.
    #[error("the header declares {dims:?}: nothing inside")]
    Empty {
        /// The declared sizes.
        dims: Vec<usize>,
    },
    /// The file ends too early.
    #[error("truncated: {got} bytes after the header, expected {expected}")]
    Truncated {
        /// Bytes declared.
        expected: u64,
        /// Bytes there.
        got: u64,
    },
    /// The file goes on after its end.
    #[error("more than the declared {expected} bytes after the header")]
    Trailing {
        /// Bytes declared.
        expected: u64,
    },
}

impl Idx {
    /// The array as it is in a file.
    ///
    /// # Errors
    /// Those of the writer, and `InvalidInput` if the sizes do not fit the format or the data.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        let product = self.dims.iter().try_fold(1_usize, |product, &dim| product.checked_mul(dim));
        let sizes: Option<Vec<u32>> = self.dims.iter().map(|&dim| u32::try_from(dim).ok()).collect();
        let (Some(sizes), true) =
            (sizes, product == Some(self.data.len()) && (1..=MAX_DIMS).contains(&self.dims.len()))
        else {
            let message =
                format!("{} bytes cannot be written as an IDX array of sizes {:?}", self.data.len(), self.dims);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        to.write_all(&[0, 0, 8, sizes.len() as u8])?;
        for size in sizes {
            to.write_all(&size.to_be_bytes())?;
        }
        to.write_all(&self.data)
    }
}

/// Reads an array from the bytes of an unpacked file.
///
/// # Errors
/// Everything that [`read`] finds.
pub fn parse(bytes: &[u8]) -> Result<Idx, IdxError> {
    read(bytes, bytes.len() as u64)
}

/// Reads an array from an unpacked stream that holds at most `limit` bytes, to its end.
///
/// # Errors
/// If the stream is no IDX file of unsigned bytes, is longer or shorter than its header says, or the header says more
/// than `limit`.
pub fn read(mut from: impl Read, limit: u64) -> Result<Idx, IdxError> {
    let magic = read_up_to(&mut from, 4)?;
    let ndim = match magic[..] {
        [0, 0, 8, ndim] if (1..=MAX_DIMS).contains(&usize::from(ndim)) => u64::from(ndim),
        _ => return Err(IdxError::Magic { got: magic }),
    };
    let header = read_up_to(&mut from, 4 * ndim)?;
    if (header.len() as u64) < 4 * ndim {
        return Err(IdxError::Header);
    }
    let sizes: Vec<u32> = header.chunks_exact(4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]])).collect();
    let declared = sizes.iter().try_fold(1_u64, |product, &size| product.checked_mul(u64::from(size)));
    let dims: Option<Vec<usize>> = sizes.iter().map(|&size| usize::try_from(size).ok()).collect();
    let (Some(declared), Some(dims)) = (declared.filter(|&bytes| bytes <= limit), dims) else {
        return Err(IdxError::Oversize { dims: sizes, limit });
    };
    // One more than declared, so that a longer file shows. Room is made as bytes arrive: a short file that declares
    // much costs nothing.
    let data = read_up_to(&mut from, declared + 1)?;
    match (data.len() as u64).cmp(&declared) {
        std::cmp::Ordering::Less => Err(IdxError::Truncated { expected: declared, got: data.len() as u64 }),
        std::cmp::Ordering::Greater => Err(IdxError::Trailing { expected: declared }),
        std::cmp::Ordering::Equal => Ok(Idx { dims, data }),
    }
}

fn read_up_to(from: &mut impl Read, bytes: u64) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    from.take(bytes).read_to_end(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes_of(idx: &Idx) -> Vec<u8> {
        let mut bytes = Vec::new();
        idx.write(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn the_example_of_the_format_is_read() {
        let bytes = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6];
        let idx = parse(&bytes).unwrap();
        assert_eq!(idx, Idx { dims: vec![2, 3], data: vec![1, 2, 3, 4, 5, 6] });
        assert_eq!(bytes_of(&idx), bytes);
    }

    #[test]
    fn another_type_or_no_idx_at_all_is_refused_by_its_first_bytes() {
        for bytes in
            [&[0, 0, 0x0d, 1, 0, 0, 0, 0][..], b"\x89PNG\r\n\x1a\n", &[0, 0, 8, 0], &[0, 0, 8, 5], &[0, 0], &[]]
        {
            let error = parse(bytes).unwrap_err();
            assert!(matches!(&error, IdxError::Magic { got } if bytes.starts_with(got)), "{error}");
        }
    }

    #[test]
    fn a_header_that_declares_more_than_the_file_holds_is_refused_before_room_is_made() {
        let bytes = [0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        assert!(matches!(parse(&bytes), Err(IdxError::Oversize { .. })));
        let bytes = [0, 0, 8, 1, 127, 255, 255, 255, 1];
        assert!(matches!(parse(&bytes), Err(IdxError::Oversize { .. })));
        // Through a packed file the limit can be larger than what comes.
        assert!(matches!(read(&bytes[..], u64::MAX), Err(IdxError::Truncated { expected: 0x7fff_ffff, got: 1 })));
    }

    #[test]
    fn one_byte_too_few_or_too_many_is_an_error() {
        let whole = [0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3];
        assert!(parse(&whole).is_ok());
        assert!(matches!(parse(&whole[..10]), Err(IdxError::Truncated { expected: 3, got: 2 })));
        assert!(matches!(parse(&whole[..6]), Err(IdxError::Header)));
        let longer = [&whole[..], &[4]].concat();
        assert!(matches!(parse(&longer), Err(IdxError::Trailing { expected: 3 })));
    }

    #[test]
    fn sizes_that_do_not_fit_the_data_are_not_written() {
        let mut sink = Vec::new();
        assert!(Idx { dims: vec![2], data: vec![1] }.write(&mut sink).is_err());
        assert!(Idx { dims: vec![], data: vec![1] }.write(&mut sink).is_err());
        assert!(Idx { dims: vec![1; 5], data: vec![1] }.write(&mut sink).is_err());
        assert!(sink.is_empty());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn arbitrary_bytes_after_a_plausible_start_never_panic(
            ndim in 0_u8..6,
            small in proptest::collection::vec(0_u32..5, 4),
            rest in proptest::collection::vec(any::<u8>(), 0..700),
        ) {
            let mut bytes = vec![0, 0, 8, ndim];
            small.iter().take(usize::from(ndim)).for_each(|size| bytes.extend(size.to_be_bytes()));
            bytes.extend(&rest);
            if let Ok(idx) = parse(&bytes) {
                prop_assert_eq!(idx.dims.iter().product::<usize>(), idx.data.len());
                prop_assert_eq!(bytes_of(&idx), bytes);
            }
        }

        #[test]
        fn what_is_written_is_read_back(
            dims in proptest::collection::vec(0_usize..6, 1..=4),
            fill in any::<u8>(),
        ) {
            let data = (0..dims.iter().product::<usize>()).map(|i| fill.wrapping_add(i as u8)).collect();
            let idx = Idx { dims, data };
            prop_assert_eq!(parse(&bytes_of(&idx)).unwrap(), idx);
        }
    }
}
