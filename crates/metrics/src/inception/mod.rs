//! Inception-V3 as the Frechet inception distance takes it, with the weights that the user has.
//!
//! It is the network of the TensorFlow graph `inception-2015-12-05`, which Heusel et al. (2017) chose and pytorch-fid,
//! torch-fidelity and clean-fid carried to PyTorch. From the Inception-V3 of Szegedy et al. (2016) it differs in its
//! average pools, which leave out the padding, in its last block, which has a max pool for an average pool, and in its
//! 1008 classes. The weights can't be shipped: [`Inception::open`] reads the file that pytorch-fid publishes.
//!
//! Every figure on it depends on how images are brought to 299x299, so [`label`](Inception::label) names the
//! [`Resize`] too.

mod net;
mod resize;
mod weights;

use std::path::Path;

use burn::tensor::{Device, Tensor, TensorData};
use ganvas_nets::state::State;

use crate::{Features, Images, MetricError};

use net::Net;
pub use resize::Resize;
use resize::SIDE;

/// Values of the last pool.
pub const FEATURES: usize = 2048;
/// Classes: 1000 of ImageNet and 8 that no image is of.
pub const CLASSES: usize = 1008;
/// Images that go through the network at a time.
const BATCH: usize = 16;
/// What figures are marked with, before the resize.
const NAME: &str = "inception-v3-2015-12-05";

/// Inception-V3 for the Frechet inception distance, on a device without autodiff.
#[derive(Clone, Debug)]
pub struct Inception {
    net: Net,
    device: Device,
}

impl Inception {
    /// The network with the weights of the file `pt_inception-2015-12-05-6726825d.pth` (torch-fidelity calls the same
    /// file `weights-inception-2015-12-05-6726825d.pth`), on `device` (or, where that tracks gradients, on the one
    /// below).
    ///
    /// # Errors
    /// If the file cannot be read, or is not the one: its size and its SHA-256 are checked before anything in it is
    /// looked at.
    pub fn open(path: &Path, device: &Device) -> Result<Self, MetricError> {
        Self::from_state(weights::open(path)?, device)
    }

    /// The network with weights from elsewhere, by the names of the file: `Conv2d_1a_3x3.conv.weight`,
    /// `Conv2d_1a_3x3.bn.running_mean`, ..., `fc.bias`.
    ///
    /// # Errors
    /// If a tensor is missing, of another shape, not finite or one that the network does not have.
    pub fn from_state(mut state: State, device: &Device) -> Result<Self, MetricError> {
        let name = || NAME.to_owned();
        if let Some(tensor) = state.not_finite() {
            let reason = format!("`{tensor}` holds a value that is not finite");
            return Err(MetricError::WeightsContent { name: name(), reason });
        }
        let device = device.clone().without_autodiff();
        let fit = |source| MetricError::Weights { name: name(), source };
        let net = Net::load(&mut state, &device).map_err(fit)?;
        state.finish().map_err(fit)?;
        Ok(Self { net, device })
    }

    /// What a figure on its features is marked with, such as `inception-v3-2015-12-05/clean`.
    pub fn label(resize: Resize) -> String {
        format!("{NAME}/{}", resize.name())
    }

    /// The 2048 values of the last pool, zero or more. An image's features depend on no other image; an image of one
    /// channel is taken as red, green and blue alike.
    ///
    /// # Errors
    /// If the images are not whole, not finite, or of other than 1 or 3 channels.
    pub fn features(&self, images: &Images, resize: Resize) -> Result<Features, MetricError> {
        let values = self.run(images, resize, |x| self.net.features(x, &mut |_, _| ()))?;
        Ok(Features { dims: FEATURES, values })
    }

    /// [`features`](Self::features) and the 1008 logits **without their bias**, by one pass.
    ///
    /// The Inception score has always been computed without the bias of the last layer (Salimans et al. 2016;
    /// `logits_unbiased` in torch-fidelity). The network's own logits are these plus [`bias`](Self::bias). A score by
    /// torch-fidelity also rests on the bilinear resize of TensorFlow 1, which is neither [`Resize`]: compare with
    /// care.
    ///
    /// # Errors
    /// As [`features`](Self::features).
    pub fn features_and_logits(&self, images: &Images, resize: Resize) -> Result<(Features, Features), MetricError> {
        let both = self.run(images, resize, |x| {
            let features = self.net.features(x, &mut |_, _| ());
            Tensor::cat(vec![features.clone(), self.net.logits(features)], 1)
        })?;
        let (mut features, mut logits) = (Vec::new(), Vec::new());
        for row in both.chunks_exact(FEATURES + CLASSES) {
            features.extend_from_slice(&row[..FEATURES]);
            logits.extend_from_slice(&row[FEATURES..]);
        }
        Ok((Features { dims: FEATURES, values: features }, Features { dims: CLASSES, values: logits }))
    }

    /// The bias of the last layer, one value for each of the 1008 classes.
    pub fn bias(&self) -> &[f32] {
        self.net.bias()
    }

    /// The [`features`](Self::features) again, while `look` is given the outputs on the way, batch after batch, with
    /// their names in the file: of each convolution after its rectifier (`Mixed_5b.branch1x1`) and of each block
    /// (`Mixed_5b`), `[batch, channels, height, width]`.
    ///
    /// # Errors
    /// As [`features`](Self::features).
    pub fn look(
        &self,
        images: &Images,
        resize: Resize,
        mut look: impl FnMut(&str, &Tensor<4>),
    ) -> Result<Features, MetricError> {
        let values = self.run(images, resize, |x| self.net.features(x, &mut look))?;
        Ok(Features { dims: FEATURES, values })
    }

    fn run(
        &self,
        images: &Images,
        resize: Resize,
        mut f: impl FnMut(Tensor<4>) -> Tensor<2>,
    ) -> Result<Vec<f32>, MetricError> {
        resize::check(images)?;
        let n = images.len();
        let mut values = Vec::new();
        for from in (0..n).step_by(BATCH) {
            let to = (from + BATCH).min(n);
            let data = TensorData::new(resize.input(images, from, to), [to - from, 3, SIDE, SIDE]);
            let y = f(Tensor::from_data(data, &self.device)).into_data().try_into_vec_as::<f32>();
            values.extend(y.map_err(|error| MetricError::Device { reason: error.to_string() })?);
        }
        Ok(values)
    }
}
