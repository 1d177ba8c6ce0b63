//! Laws of codes that are fitted where they are asked for.

use burn::tensor::Device;
use ganvas_data::Dataset;
use ganvas_engine::run::Loaded;
use ganvas_engine::system::{Autoencoder, Model, to_device};
use ganvas_nets::noise::Noise;
use ganvas_prob::stream::Streams;
use ganvas_vae::samplers::{Codes, Law, Sampled, SamplerError};

use crate::args::SamplerArg;
use crate::error::CliError;
use crate::progress::Stages;

/// Items that pass an encoder at a time.
const BLOCK: usize = 500;

/// The system of a run with its samples decoded from draws of a law that is fitted to the codes of the training items. What is
/// random in that depends on the run's seed alone.
pub fn apply(asked: SamplerArg, loaded: Loaded, dataset: &Dataset, device: &Device) -> Result<Loaded, CliError> {
    let Some(law) = law(asked) else { return Ok(loaded) };
    let streams = Streams::new(loaded.config.seed).fork("sampler");
    let fitted = {
        let system = &loaded.config.system;
        let autoencoder = loaded.model.autoencoder().filter(|autoencoder| !autoencoder.needs_class());
        let Some(autoencoder) = autoencoder else {
            let message = format!("`--sampler` fits codes, and `{system}` has none, or none without a class");
            return Err(CliError::usage(message, "leave it out, or train one that has, such as `ganvas train vae`"));
        };
        let mut stages = Stages::new();
        let codes = codes(autoencoder, dataset, streams, device, &mut stages).map_err(failed)?;
        stages.begin(&format!("fitting {}", law.name()), 0);
        let mut begun = false;
        let mut tell = |done: u64, of: u64| {
            if !begun {
                stages.begin(&format!("fitting {}", law.name()), of as usize);
                begun = true;
            }
            stages.at(done as usize);
        };
        law.fit(&codes, streams, &device.clone().autodiff(), &mut tell).map_err(failed)?
    };
    let model: Box<dyn Model> = match Sampled::new(loaded.model, fitted) {
        Ok(sampled) => Box::new(sampled),
        Err(model) => model,
    };
    Ok(Loaded { model, ..loaded })
}

fn failed(error: SamplerError) -> CliError {
    CliError::failure(format!("the sampler cannot be fitted: {error}"))
}

fn law(asked: SamplerArg) -> Option<Law> {
    match asked {
        SamplerArg::Own => None,
        SamplerArg::Normal => Some(Law::Normal),
        SamplerArg::Gaussian => Some(Law::Gaussian),
        SamplerArg::Gmm => Some(Law::Mixture),
        SamplerArg::Maf => Some(Law::Maf),
        SamplerArg::Iaf => Some(Law::Iaf),
        SamplerArg::TwoStage => Some(Law::TwoStage),
    }
}

/// A draw of the code of every training item.
fn codes(
    autoencoder: &dyn Autoencoder,
    dataset: &Dataset,
    streams: Streams,
    device: &Device,
    stages: &mut Stages,
) -> Result<Codes, SamplerError> {
    let n = dataset.train.len;
    stages.begin("codes of training items", n);
    let mut values = Vec::with_capacity(n * autoencoder.code_size());
    for (i, from) in (0..n).step_by(BLOCK).enumerate() {
        let rows: Vec<usize> = (from..(from + BLOCK).min(n)).collect();
        let items = to_device(dataset.train.gather(&rows), dataset.shape, device);
        let noise = Noise::new(streams, "codes", i as u64, device);
        values.extend(autoencoder.draw(items, None, &noise).to_data().iter::<f32>());
        stages.at(from + rows.len());
    }
    Codes::new(autoencoder.code_size(), values)
}
