use crate::MetricError;

/// Images on the host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Images {
    /// Channels: 1 for grey, 3 for red, green and blue.
    pub channels: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
    /// The pixels in [-1, 1], `[n, channels, height, width]` row-major.
    pub values: Vec<f32>,
}

impl Images {
    /// Images of this shape, `[channels, height, width]`, from their values.
    pub fn new([channels, height, width]: [usize; 3], values: Vec<f32>) -> Self {
        Self { channels, height, width, values }
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.item_len()).unwrap_or(0)
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values of an image: channels times height times width.
    pub fn item_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// The values of image `i`, `[channels, height, width]`.
    ///
    /// # Panics
    /// If `i` is not below [`len`](Self::len).
    pub fn item(&self, i: usize) -> &[f32] {
        &self.values[i * self.item_len()..(i + 1) * self.item_len()]
    }

    /// Each image as one row, `[n, channels * height * width]`.
    pub fn to_features(&self) -> Features {
        Features { dims: self.item_len(), values: self.values.clone() }
    }

    pub(crate) fn check(&self, set: &'static str) -> Result<(), MetricError> {
        let item = || format!("{}x{}x{}", self.channels, self.height, self.width);
        check(&self.values, self.item_len(), set, item)
    }
}

/// Series of several channels on the host, all of one length.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Values of a channel in an item.
    pub steps: usize,
    /// Values of a step.
    pub channels: usize,
    /// The values, `[n, steps, channels]` row-major.
    pub values: Vec<f32>,
}

impl Series {
    /// How many series there are.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.steps * self.channels).unwrap_or(0)
    }

    /// Whether there is no series.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each series as one row, `[n, steps * channels]`.
    pub fn to_features(&self) -> Features {
        Features { dims: self.steps * self.channels, values: self.values.clone() }
    }

    pub(crate) fn check(&self, set: &'static str, needed: usize) -> Result<(), MetricError> {
        let item = || format!("{} steps of {} channels", self.steps, self.channels);
        check(&self.values, self.steps * self.channels, set, item)?;
        check_count(set, self.len(), needed)
    }

    /// The values of a channel, item after item, `[n, steps]`.
    pub(crate) fn channel(&self, channel: usize) -> Vec<f64> {
        self.values.iter().skip(channel).step_by(self.channels).map(|&x| x.into()).collect()
    }
}

/// A point per item, in a space where distances mean something.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    /// Values of an item.
    pub dims: usize,
    /// The values, `[n, dims]` row-major.
    pub values: Vec<f32>,
}

impl Features {
    /// Points of the plane as features of two dimensions.
    pub fn from_points(points: &[[f32; 2]]) -> Self {
        Self { dims: 2, values: points.iter().flatten().copied().collect() }
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.dims).unwrap_or(0)
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values of item `i`, `[dims]`.
    ///
    /// # Panics
    /// If `i` is not below [`len`](Self::len).
    pub fn item(&self, i: usize) -> &[f32] {
        &self.values[i * self.dims..(i + 1) * self.dims]
    }

    /// One value of each item, `[n]`.
    pub(crate) fn column(&self, column: usize) -> Vec<f64> {
        self.values.iter().skip(column).step_by(self.dims).map(|&x| x.into()).collect()
    }

    /// Items by their indices, which are below [`len`](Self::len).
    pub(crate) fn select(&self, items: &[usize]) -> Self {
        Self { dims: self.dims, values: items.iter().flat_map(|&i| self.item(i)).copied().collect() }
    }

    pub(crate) fn check(&self, set: &'static str, needed: usize) -> Result<(), MetricError> {
        check(&self.values, self.dims, set, || format!("{} values", self.dims))?;
        check_count(set, self.len(), needed)
    }
}

pub(crate) fn check_count(set: &'static str, got: usize, needed: usize) -> Result<(), MetricError> {
    if got < needed { Err(MetricError::TooFew { set, needed, got }) } else { Ok(()) }
}

/// Whole items of finite values.
fn check(values: &[f32], size: usize, set: &'static str, item: impl Fn() -> String) -> Result<(), MetricError> {
    if values.len().checked_rem(size).unwrap_or(1) != 0 {
        return Err(MetricError::Ragged { set, values: values.len(), item: item() });
    }
    match values.iter().position(|x| !x.is_finite()) {
        Some(i) => Err(MetricError::NotFinite { set, item: i / size, position: i % size }),
        None => Ok(()),
    }
}

pub(crate) fn same_dims(left: &Features, right: &Features) -> Result<(), MetricError> {
    match (left.dims, right.dims) {
        (left, right) if left != right => Err(MetricError::Dims { left, right }),
        _ => Ok(()),
    }
}

/// A label below `classes` for each of `items`.
pub(crate) fn check_labels(labels: &[u32], items: usize, classes: usize, set: &'static str) -> Result<(), MetricError> {
    if labels.len() != items {
        return Err(MetricError::Labels { set, labels: labels.len(), items });
    }
    match labels.iter().position(|&label| label as usize >= classes) {
        Some(item) => Err(MetricError::Class { set, item, label: labels[item], classes }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_that_are_not_whole_or_not_finite_are_named() {
        let images = |values: Vec<f32>| Images { channels: 1, height: 2, width: 2, values };
        assert!(images(vec![0.0; 8]).check("real").is_ok());
        let error = images(vec![0.0; 7]).check("real").unwrap_err();
        assert!(matches!(error, MetricError::Ragged { values: 7, ref item, .. } if item == "1x2x2"), "{error}");
        let mut values = vec![0.0; 8];
        values[6] = f32::NAN;
        let error = images(values).check("real").unwrap_err();
        assert!(matches!(error, MetricError::NotFinite { item: 1, position: 2, .. }), "{error}");
        let nothing = Images { channels: 0, height: 2, width: 2, values: vec![] };
        assert!(nothing.check("real").is_err() && nothing.is_empty());
    }

    #[test]
    fn an_item_is_its_part_of_the_values() {
        let features = Features::from_points(&[[1.0, 2.0], [3.0, 4.0]]);
        assert_eq!((features.len(), features.item(1)), (2, &[3.0, 4.0][..]));
    }
}
