//! The data sets that are known by name.

use crate::{DataError, emoji, horse_zebra, series, sprites, synthetic, waves};

/// A data set that is known by name.
#[derive(Debug)]
#[non_exhaustive]
pub struct Entry {
    /// The name to open it by.
    pub id: &'static str,
    /// The name that a person reads.
    pub title: &'static str,
    /// The shape of one item, as [`ItemShape`](crate::ItemShape) shows it: `1x28x28`, `2`.
    pub shape: &'static str,
    /// The number of items, training and test part together.
    pub items: usize,
    /// How many of them are held out for testing.
    pub test_items: usize,
    /// The name of each class; empty where a class has only a number.
    pub class_names: &'static [&'static str],
    /// The licence.
    pub licence: &'static str,
    /// Whom the data come from.
    pub attribution: &'static str,
    /// The official page or pages; empty for what is made here.
    pub source: &'static str,
    /// How it is had.
    pub origin: Origin,
}

impl Entry {
    /// The folder of the cache that its files are in: its own, or one that it shares with others.
    pub fn folder(&self) -> &'static str {
        match self.origin {
            Origin::Files { folder, .. } => folder,
            _ => self.id,
        }
    }
}

/// How a data set is had.
#[derive(Debug)]
#[non_exhaustive]
pub enum Origin {
    /// It is part of the program.
    Embedded,
    /// It is computed.
    Procedural,
    /// Its files are fetched into the cache folder.
    Files {
        /// The folder of the cache that they are in, which several data sets may share.
        folder: &'static str,
        /// Folders on the web that hold all the files, the official one first, then mirrors; each ends with `/`. None
        /// where no page serves these very files: they are taken from a folder.
        base_urls: &'static [&'static str],
        /// The files.
        files: &'static [RemoteFile],
    },
}

/// A file on the web.
#[derive(Debug)]
#[non_exhaustive]
pub struct RemoteFile {
    /// Its official name.
    pub name: &'static str,
    /// SHA-256 of the official file, which may be packed. Packings of the same contents differ, so this is for
    /// information.
    pub packed_sha256: &'static str,
    /// Bytes of the official file.
    pub packed_size: u64,
    /// SHA-256 of the unpacked bytes: what is checked.
    pub sha256: &'static str,
    /// The number of unpacked bytes.
    pub size: u64,
}

/// Every data set that is known by name.
pub fn catalog() -> &'static [Entry] {
    CATALOG
}

/// The data set with this name.
///
/// # Errors
/// [`DataError::UnknownDataset`], with the nearest name.
pub fn find(id: &str) -> Result<&'static Entry, DataError> {
    CATALOG.iter().find(|entry| entry.id == id).ok_or_else(|| {
        let nearest = CATALOG
            .iter()
            .map(|entry| (strsim::jaro_winkler(&id.to_lowercase(), entry.id), entry.id))
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .filter(|(similarity, _)| *similarity > 0.7)
            .map(|(_, id)| id);
        DataError::UnknownDataset { id: id.to_owned(), nearest, known: CATALOG.iter().map(|entry| entry.id).collect() }
    })
}

/// The classes of mixtures.
const MODES: &[&str] = &[
    "mode 0", "mode 1", "mode 2", "mode 3", "mode 4", "mode 5", "mode 6", "mode 7", "mode 8", "mode 9", "mode 10",
    "mode 11", "mode 12", "mode 13", "mode 14", "mode 15", "mode 16", "mode 17", "mode 18", "mode 19", "mode 20",
    "mode 21", "mode 22", "mode 23", "mode 24",
];

const MIXTURE_ATTRIBUTION: &str = "computed; isotropic Gaussian mixtures as commonly used to show mode collapse";

const EMOJI_CATEGORIES: &[&str] = &[
    "Smileys & Emotion",
    "People & Body",
    "Animals & Nature",
    "Food & Drink",
    "Travel & Places",
    "Activities",
    "Objects",
    "Symbols",
];

const EMOJI_LICENCE: &str = "noto-64.png Apache-2.0; twemoji-64.png CC BY 4.0; openmoji-64.png CC BY-SA 4.0, under which it stays; \
                  names in emoji.csv Unicode License v3";

const EMOJI_ATTRIBUTION: &str = "Noto Emoji 2.048, Copyright Google LLC, Apache-2.0; Twemoji 16.0.1, Copyright 2019 Twitter, Inc and \
                      other contributors, 2022-present Jason Sofonia and Justine De Caires, CC BY 4.0; OpenMoji 17.0, \
                      all emojis designed by OpenMoji, the open-source emoji and icon project, CC BY-SA 4.0; names: \
                      Unicode CLDR, Unicode License v3, as packed by emojibase-data (MIT). Changed: 64x64 pixels on white, \
                      one sheet for each style";

const EMOJI_SOURCE: &str =
    "https://github.com/googlefonts/noto-emoji, https://github.com/jdecked/twemoji, https://openmoji.org";

/// The sheets in the order of [`emoji::STYLES`], then the table.
const EMOJI_FILES: &[RemoteFile] = &[
    RemoteFile {
        name: "noto-64.png",
        packed_sha256: "24421183653e8eaf71e23140db268228dc4e2dea26679e54e2c2835d2af2fac6",
        packed_size: 5_217_309,
        sha256: "24421183653e8eaf71e23140db268228dc4e2dea26679e54e2c2835d2af2fac6",
        size: 5_217_309,
    },
    RemoteFile {
        name: "twemoji-64.png",
        packed_sha256: "9e25a2bc78f3bee9968deea6135751b1f5b64c8f39d890d1b6c0c58528cc372d",
        packed_size: 4_405_400,
        sha256: "9e25a2bc78f3bee9968deea6135751b1f5b64c8f39d890d1b6c0c58528cc372d",
        size: 4_405_400,
    },
    RemoteFile {
        name: "openmoji-64.png",
        packed_sha256: "3928309f96fd7621fcb575f1c20bc52705275700ff2f2446596c21deb1def563",
        packed_size: 2_383_918,
        sha256: "3928309f96fd7621fcb575f1c20bc52705275700ff2f2446596c21deb1def563",
        size: 2_383_918,
    },
    RemoteFile {
        name: "emoji.csv",
        packed_sha256: "dae7f2742c0f1647f08c10c8fe640745b1f8099f4e2887526cc308abe5269bfa",
        packed_size: 249_076,
        sha256: "dae7f2742c0f1647f08c10c8fe640745b1f8099f4e2887526cc308abe5269bfa",
        size: 249_076,
    },
];

/// An entry made of the sheets.
const fn emoji(id: &'static str, title: &'static str, items: usize, test_items: usize) -> Entry {
    Entry {
        id,
        title,
        shape: "3x64x64",
        items,
        test_items,
        class_names: EMOJI_CATEGORIES,
        licence: EMOJI_LICENCE,
        attribution: EMOJI_ATTRIBUTION,
        source: EMOJI_SOURCE,
        origin: Origin::Files { folder: emoji::ID, base_urls: &[], files: EMOJI_FILES },
    }
}

static CATALOG: &[Entry] = &[
    Entry {
        id: "digits",
        title: "Handwritten digits, 8x8",
        shape: "1x8x8",
        items: 1_797,
        test_items: 359,
        class_names: &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        licence: "CC BY 4.0",
        attribution: "E. Alpaydin, C. Kaynak (1998), Optical Recognition of Handwritten Digits, UCI Machine Learning \
                      Repository, CC BY 4.0; the 1,797 test images, rescaled from 0-16 to 0-255",
        source: "https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits",
        origin: Origin::Embedded,
    },
    Entry {
        id: "mnist",
        title: "MNIST handwritten digits",
        shape: "1x28x28",
        items: 70_000,
        test_items: 10_000,
        class_names: &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        licence: "CC BY-SA 3.0",
        attribution: "Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits, CC BY-SA 3.0",
        source: "http://yann.lecun.com/exdb/mnist/",
        origin: Origin::Files {
            folder: "mnist",
            base_urls: &["http://yann.lecun.com/exdb/mnist/", "https://ossci-datasets.s3.amazonaws.com/mnist/"],
            files: &[
                RemoteFile {
                    name: "train-images-idx3-ubyte.gz",
                    packed_sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                    packed_size: 9_912_422,
                    sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
                    size: 47_040_016,
                },
                RemoteFile {
                    name: "train-labels-idx1-ubyte.gz",
                    packed_sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                    packed_size: 28_881,
                    sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
                    size: 60_008,
                },
                RemoteFile {
                    name: "t10k-images-idx3-ubyte.gz",
                    packed_sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                    packed_size: 1_648_877,
                    sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
                    size: 7_840_016,
                },
                RemoteFile {
                    name: "t10k-labels-idx1-ubyte.gz",
                    packed_sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                    packed_size: 4_542,
                    sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
                    size: 10_008,
                },
            ],
        },
    },
    Entry {
        id: "fashion-mnist",
        title: "Fashion-MNIST",
        shape: "1x28x28",
        items: 70_000,
        test_items: 10_000,
        class_names: &[
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ],
        licence: "MIT",
        attribution: "Fashion-MNIST, Copyright 2017 Zalando SE, MIT",
        source: "https://github.com/zalandoresearch/fashion-mnist",
        origin: Origin::Files {
            folder: "fashion-mnist",
            base_urls: &["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"],
            files: &[
                RemoteFile {
                    name: "train-images-idx3-ubyte.gz",
                    packed_sha256: "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                    packed_size: 26_421_880,
                    sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
                    size: 47_040_016,
                },
                RemoteFile {
                    name: "train-labels-idx1-ubyte.gz",
                    packed_sha256: "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                    packed_size: 29_515,
                    sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
                    size: 60_008,
                },
                RemoteFile {
                    name: "t10k-images-idx3-ubyte.gz",
                    packed_sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                    packed_size: 4_422_102,
                    sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
                    size: 7_840_016,
                },
                RemoteFile {
                    name: "t10k-labels-idx1-ubyte.gz",
                    packed_sha256: "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                    packed_size: 5_148,
                    sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
                    size: 10_008,
                },
            ],
        },
    },
    emoji(emoji::ID, "Emoji in three styles", 5_856, 660),
    emoji("emoji-noto", "Emoji, Noto Emoji", 1_952, 220),
    emoji("emoji-twemoji", "Emoji, Twemoji", 1_952, 220),
    emoji("emoji-openmoji", "Emoji, OpenMoji", 1_952, 220),
    Entry {
        id: "ring8",
        title: "Ring of 8 Gaussians",
        shape: "2",
        items: synthetic::TRAIN + synthetic::TEST,
        test_items: synthetic::TEST,
        class_names: MODES.split_at(8).0,
        licence: "MIT OR Apache-2.0",
        attribution: MIXTURE_ATTRIBUTION,
        source: "",
        origin: Origin::Procedural,
    },
    Entry {
        id: "grid25",
        title: "Grid of 25 Gaussians",
        shape: "2",
        items: synthetic::TRAIN + synthetic::TEST,
        test_items: synthetic::TEST,
        class_names: MODES,
        licence: "MIT OR Apache-2.0",
        attribution: MIXTURE_ATTRIBUTION,
        source: "",
        origin: Origin::Procedural,
    },
    Entry {
        id: sprites::ID,
        title: "Sprites with known factors",
        shape: "1x32x32",
        items: sprites::len(),
        test_items: sprites::TEST,
        class_names: sprites::SHAPES,
        licence: "MIT OR Apache-2.0",
        attribution: "computed; factors after dSprites (L. Matthey, I. Higgins, D. Hassabis, A. Lerchner 2017)",
        source: "",
        origin: Origin::Procedural,
    },
    Entry {
        id: series::ECG,
        title: "Heartbeats (ECG5000, training part)",
        shape: "140x1",
        items: 500,
        test_items: 100,
        class_names: &["normal", "R-on-T premature", "ventricular premature", "supraventricular", "unclassified"],
        licence: "ODC-By 1.0",
        attribution: "ECG5000 (Y. Chen, E. Keogh): BIDMC congestive heart failure database, record chf07, A. L. Goldberger et al., PhysioNet \
                      2000, ODC-By 1.0",
        source: "https://www.timeseriesclassification.com/description.php?Dataset=ECG5000",
        origin: Origin::Files {
            folder: series::ECG,
            base_urls: &[],
            files: &[
                RemoteFile {
                    name: "ecg5000_train_x.npy",
                    packed_sha256: "61fa9c6ec76a7c6ec33374aa996dcf23dc9adc340d28a1de05507f5b8a960951",
                    packed_size: 280_128,
                    sha256: "61fa9c6ec76a7c6ec33374aa996dcf23dc9adc340d28a1de05507f5b8a960951",
                    size: 280_128,
                },
                RemoteFile {
                    name: "ecg5000_train_y.npy",
                    packed_sha256: "0233dde86a6debf5aa4a8fac391b59928005dd111e05a63f24adbd9cc09b82ce",
                    packed_size: 628,
                    sha256: "0233dde86a6debf5aa4a8fac391b59928005dd111e05a63f24adbd9cc09b82ce",
                    size: 628,
                },
            ],
        },
    },
    Entry {
        id: waves::SINES,
        title: "Sine waves",
        shape: "30x1",
        items: waves::SINES_PARTS[0] + waves::SINES_PARTS[1],
        test_items: waves::SINES_PARTS[1],
        class_names: &[],
        licence: "MIT OR Apache-2.0",
        attribution: "computed, after C. Esteban, S. L. Hyland, G. Raetsch 2017",
        source: "",
        origin: Origin::Procedural,
    },
    Entry {
        id: waves::WAVES,
        title: "Waves of three frequencies",
        shape: "30x1",
        items: waves::WAVES_PARTS[0] + waves::WAVES_PARTS[1],
        test_items: waves::WAVES_PARTS[1],
        class_names: &["slow", "middle", "fast"],
        licence: "MIT OR Apache-2.0",
        attribution: "computed, after C. Esteban, S. L. Hyland, G. Raetsch 2017",
        source: "",
        origin: Origin::Procedural,
    },
    Entry {
        id: horse_zebra::ID,
        title: "Horses and zebras, drawn",
        shape: "3x32x32",
        items: 2 * (horse_zebra::TRAIN + horse_zebra::TEST),
        test_items: 2 * horse_zebra::TEST,
        class_names: horse_zebra::KINDS,
        licence: "MIT OR Apache-2.0",
        attribution: "computed; after the task of J.-Y. Zhu, T. Park, P. Isola, A. Efros (2017)",
        source: "",
        origin: Origin::Procedural,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_gets_the_nearest_one_and_the_list() {
        let error = find("minst").unwrap_err();
        let message = error.to_string();
        assert!(message.contains("did you mean `mnist`?") && message.contains("fashion-mnist"), "{message}");
        assert!(find("Ring8").unwrap_err().to_string().contains("did you mean `ring8`?"));
        assert!(matches!(find("zzz"), Err(DataError::UnknownDataset { nearest: None, .. })));
    }

    #[test]
    fn names_are_unique_and_every_file_has_two_hashes() {
        for (i, entry) in catalog().iter().enumerate() {
            assert!(catalog()[i + 1..].iter().all(|other| other.id != entry.id), "{}", entry.id);
            let Origin::Files { base_urls, files, .. } = entry.origin else { continue };
            assert!(base_urls.iter().all(|url| url.starts_with("http") && url.ends_with('/')));
            for file in files {
                for hash in [file.sha256, file.packed_sha256] {
                    assert!(hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit()), "{}", file.name);
                }
            }
        }
    }
}
