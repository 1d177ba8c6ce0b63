use crate::items::{check_labels, same_dims};
use crate::{Features, MetricError};

/// A figure for each class.
#[derive(Clone, Debug, PartialEq)]
pub struct PerClass {
    /// The figures, `[classes]`.
    pub figures: Vec<f64>,
    /// Their mean, each class with the same weight.
    pub mean: f64,
}

/// A figure between the reals and the fakes of each class: with the Frechet distance, the intra-class FID of
/// T. Miyato and M. Koyama (2018, "cGANs with Projection Discriminator").
///
/// Each class has fewer items than the whole, so that what depends on their number does not compare with the figure of
/// the whole.
///
/// # Errors
/// If the sets differ in size of their items, labels are missing or not below `classes`, there is no class, a value is
/// not finite, or a class has no figure.
pub fn per_class(
    real: &Features,
    real_labels: &[u32],
    fake: &Features,
    fake_labels: &[u32],
    classes: usize,
    figure: impl Fn(&Features, &Features) -> Result<f64, MetricError>,
) -> Result<PerClass, MetricError> {
    if classes == 0 {
        return Err(MetricError::Parameter { name: "classes", domain: "at least 1", got: 0.0 });
    }
    same_dims(real, fake)?;
    real.check("real", 1)?;
    fake.check("fake", 1)?;
    check_labels(real_labels, real.len(), classes, "real")?;
    check_labels(fake_labels, fake.len(), classes, "fake")?;
    let of = |features: &Features, labels: &[u32], class: usize| {
        features.select(&(0..labels.len()).filter(|&i| labels[i] as usize == class).collect::<Vec<_>>())
    };
    let figures = (0..classes)
        .map(|class| {
            figure(&of(real, real_labels, class), &of(fake, fake_labels, class))
                .map_err(|source| MetricError::InClass { class, source: Box::new(source) })
        })
        .collect::<Result<Vec<f64>, _>>()?;
    let mean = figures.iter().sum::<f64>() / classes as f64;
    Ok(PerClass { figures, mean })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frechet_distance;

    /// In one dimension the distance is that of means and deviations: here of means alone, 1 and 9. Of the whole it
    /// would be another one.
    #[test]
    fn classes_are_compared_with_their_own() {
        let line = |values: &[f32]| Features { dims: 1, values: values.to_vec() };
        let real = line(&[0.0, 10.0, 1.0, 11.0]);
        let fake = line(&[1.0, 2.0, 14.0, 13.0]);
        let found = per_class(&real, &[0, 1, 0, 1], &fake, &[0, 0, 1, 1], 2, frechet_distance).unwrap();
        assert!((found.figures[0] - 1.0).abs() < 1e-12 && (found.figures[1] - 9.0).abs() < 1e-12, "{found:?}");
        assert!((found.mean - 5.0).abs() < 1e-12);
        let error = per_class(&real, &[0, 1, 0, 1], &fake, &[0, 0, 0, 1], 2, frechet_distance).unwrap_err();
        let source = |error| match error {
            MetricError::InClass { class, source } => (class, *source),
            other => panic!("{other}"),
        };
        assert!(matches!(source(error), (1, MetricError::TooFew { set: "fake", needed: 2, got: 1 })));
        let error = per_class(&real, &[0, 1, 2, 1], &fake, &[0; 4], 2, frechet_distance);
        assert!(matches!(error, Err(MetricError::Class { set: "real", item: 2, label: 2, .. })));
    }
}
