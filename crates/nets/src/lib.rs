//! Networks on burn: layers, then the generators, discriminators, encoders and decoders that are built from them, the
//! optimisers that train them and the state that a checkpoint keeps of them.
//!
//! - [`init`]: weights drawn from a keyed stream, so that a seed gives the same network on every backend
//! - [`layers`]: linear, convolutional and normalising layers, activations, dropout
//! - [`mlp`], [`dcgan`], [`resnet`], [`srresnet`], [`recurrent`], [`encoder`]: networks, by purpose
//! - [`resample`]: images at another size
//! - [`translator`], [`patchgan`]: images to images, and a score for each patch of one
//! - [`flows`]: invertible networks through which a density can be followed
//! - [`labels`]: how they are told classes
//! - [`dual`]: values with a tangent, for exact penalties on input gradients
//! - [`optim`]: optimisers whose state is keyed by parameter path, and [`optim::Trained`], a network with its own
//! - [`state`]: everything that a network or optimiser keeps, by name
//! - [`export`]: a network's values with PyTorch's names and layouts
//! - [`noise`]: random tensors of one step, and the mode that a forward pass runs in
//!
//! Images are `[batch, channels, height, width]` in [-1, 1]; a batch of anything is also `[batch, values]`.

mod average;
pub mod dcgan;
pub mod dual;
pub mod encoder;
pub mod export;
pub mod flows;
pub mod init;
pub mod labels;
pub mod layers;
pub mod mlp;
pub mod noise;
pub mod optim;
pub mod patchgan;
pub mod pixelcnn;
pub mod recurrent;
pub mod resample;
pub mod resnet;
pub mod srresnet;
pub mod state;
pub mod translator;
