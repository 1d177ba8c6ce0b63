//! Two sets of items of which none belongs to one of the other: what a translation is trained on.

use crate::dataset::{Dataset, Split, Values};
use crate::{DataError, catalog};

/// Two data sets as the domains of one: class 0 is `a`, class 1 is `b`, whatever classes they had. Items of both follow each other
/// in turn while there are some of both, so that the first ones of a part are of both. Each keeps its training and its held-out
/// part.
///
/// # Errors
/// [`DataError::Domains`] if their items differ in shape, or they are the same.
pub fn join(a: Dataset, b: Dataset) -> Result<Dataset, DataError> {
    let wrong = |problem: String, help: &'static str| {
        Err(DataError::Domains { id: format!("{} and {}", a.id, b.id), problem, help })
    };
    if a.fingerprint == b.fingerprint {
        return wrong("both domains have the same items".into(), "name two different ones");
    }
    let ([channels, height, width], [other_channels, other_height, other_width]) = (a.shape.planes(), b.shape.planes());
    if (height, width) != (other_height, other_width) {
        let problem = format!("items of the one are {}, of the other {}", a.shape, b.shape);
        return wrong(problem, "pass `--set resolution=N` to bring all images to N x N");
    }
    if channels != other_channels {
        let problem = format!("images of the one have {channels} channel(s), of the other {other_channels}");
        return wrong(problem, "pass `--set channels=3` (or 1) to make all of them coloured (or grey)");
    }
    if a.shape != b.shape {
        return wrong("one has images, the other points".into(), "name two of one kind");
    }
    let names = names(&a, &b);
    let (Some(train), Some(test)) = (in_turn(&a.train, &b.train, &a), in_turn(&a.test, &b.test, &a)) else {
        return wrong("the values of one are bytes, of the other numbers".into(), "name two of one kind");
    };
    let attribution = match (a.attribution.as_str(), b.attribution.as_str()) {
        (one, other) if one == other => one.to_owned(),
        (one, "") | ("", one) => one.to_owned(),
        (one, other) => format!("{one}; {other}"),
    };
    let title = format!("{} and {}", a.title, b.title);
    let joined = Dataset::new(a.id, title, a.shape, names.to_vec(), train, test, attribution)?;
    Ok(Dataset { second: Some(b.id), ..joined })
}

/// What the domains are called: as in the catalogue, or as their folders, or where these are the same by their paths.
fn names(a: &Dataset, b: &Dataset) -> [String; 2] {
    let name = |of: &Dataset| if catalog::find(&of.id).is_ok() { of.id.clone() } else { of.title.clone() };
    let names = [name(a), name(b)];
    if names[0] == names[1] { [a.id.clone(), b.id.clone()] } else { names }
}

/// The items of two parts in turn, labelled 0 and 1; none where their values are not of one kind.
fn in_turn(a: &Split, b: &Split, dataset: &Dataset) -> Option<Split> {
    let item = dataset.shape.len();
    let values = match (&a.values, &b.values) {
        (Values::U8(a), Values::U8(b)) => Values::U8(alternating(a, b, item)),
        (Values::F32(a), Values::F32(b)) => Values::F32(alternating(a, b, item)),
        _ => return None,
    };
    let labels = alternating(&vec![0; a.len], &vec![1; b.len], 1);
    Some(Split { values, labels: Some(labels), len: a.len + b.len })
}

fn alternating<T: Copy>(a: &[T], b: &[T], item: usize) -> Vec<T> {
    let both = a.len().min(b.len());
    let mut all = Vec::with_capacity(a.len() + b.len());
    for (one, other) in a.chunks_exact(item).zip(b.chunks_exact(item)) {
        all.extend_from_slice(one);
        all.extend_from_slice(other);
    }
    all.extend_from_slice(&a[both..]);
    all.extend_from_slice(&b[both..]);
    all
}

impl Dataset {
    /// Refuses what are no two domains: other than two classes, or one that has no item to train on or none held out.
    ///
    /// # Errors
    /// [`DataError::Domains`].
    pub fn check_domains(&self) -> Result<(), DataError> {
        const TWO: &str = "name two data sets, `--data A --data-b B`, or a folder with two subfolders";
        const MORE: &str = "add items to it: at least two are needed, one to train on and one that is held out";
        let wrong = |problem: String, help| Err(DataError::Domains { id: self.name(), problem, help });
        if self.class_names.len() != 2 || self.train.labels.is_none() || self.test.labels.is_none() {
            return wrong(
                format!("a translation needs two domains, there are {} classes", self.class_names.len()),
                TWO,
            );
        }
        for (class, name) in self.class_names.iter().enumerate() {
            let [train, test] = [&self.train, &self.test].map(|part| part.of_class(class as u32).len());
            if train == 0 || test == 0 {
                return wrong(format!("domain `{name}` has {train} item(s) to train on and {test} held out"), MORE);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ItemShape;

    /// Points of one value, `from` and so on.
    fn numbered(id: &str, from: u8, train: usize, test: usize) -> Dataset {
        let part = |from: u8, n: usize| Split {
            values: Values::F32((0..n).map(|i| f32::from(from) + i as f32).collect()),
            labels: None,
            len: n,
        };
        let shape = ItemShape::Points { dims: 1 };
        Dataset::new(id, id, shape, Vec::new(), part(from, train), part(from + 50, test), "").unwrap()
    }

    #[test]
    fn domains_follow_each_other_in_turn() {
        let joined = join(numbered("x", 0, 2, 1), numbered("y", 100, 4, 2)).unwrap();
        assert_eq!(joined.train.values, Values::F32(vec![0.0, 100.0, 1.0, 101.0, 102.0, 103.0]));
        assert_eq!(joined.train.labels.as_deref(), Some(&[0, 1, 0, 1, 1, 1][..]));
        assert_eq!(joined.test.values, Values::F32(vec![50.0, 150.0, 151.0]));
        assert_eq!(joined.train.of_class(1), [1, 3, 4, 5]);
        assert_eq!(
            (joined.class_names, joined.id.as_str(), joined.second.as_deref()),
            (vec!["x".into(), "y".into()], "x", Some("y"))
        );
    }

    #[test]
    fn what_are_no_two_domains_is_told() {
        let said = |a: Dataset, b: Dataset| join(a, b).unwrap_err().to_string();
        assert!(said(numbered("x", 0, 2, 1), numbered("z", 0, 2, 1)).contains("the same items"));
        let images = |channels: usize, side: usize| {
            let shape = ItemShape::Image { channels, height: side, width: side };
            let part = Split { values: Values::U8(vec![7; shape.len()]), labels: None, len: 1 };
            Dataset::new("x", "x", shape, Vec::new(), part.clone(), part, "").unwrap()
        };
        assert!(said(images(3, 4), images(3, 5)).contains("3x4x4, of the other 3x5x5"));
        assert!(said(images(1, 4), images(3, 4)).contains("1 channel(s), of the other 3"));
        let mut joined = join(numbered("x", 0, 2, 1), numbered("y", 100, 4, 2)).unwrap();
        joined.check_domains().unwrap();
        joined.test.labels = Some(vec![1, 1, 1]);
        assert!(
            joined.check_domains().unwrap_err().to_string().contains("`x` has 2 item(s) to train on and 0 held out")
        );
        assert!(numbered("x", 0, 2, 1).check_domains().unwrap_err().to_string().contains("there are 0 classes"));
    }
}
