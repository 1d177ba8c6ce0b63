//! Devices by the words of `--device`.

use burn::tensor::Device;
use ganvas_engine::step::Guard;
use ganvas_engine::suggest;

use crate::error::CliError;

/// A device of this machine, as `ganvas devices` lists it.
pub struct Listed {
    /// The word for it.
    pub word: String,
    /// What it is.
    pub what: String,
}

/// A device that was asked for.
pub struct Chosen {
    /// The canonical word for it.
    pub word: String,
    /// The device, tracking gradients.
    pub device: Device,
    /// When losses are checked on it.
    pub guard: Guard,
}

/// The words that this build knows, whether or not the machine has such a device.
fn built() -> Vec<&'static str> {
    let mut words = Vec::new();
    if cfg!(feature = "flex") {
        words.extend(["flex", "cpu"]);
    }
    if cfg!(feature = "ndarray") {
        words.push("ndarray");
    }
    if cfg!(feature = "wgpu") {
        words.push("wgpu");
    }
    if cfg!(feature = "cuda") {
        words.push("cuda");
    }
    words
}

/// The device that a word stands for: `flex` (or `cpu`), `ndarray`, `wgpu[:i]`, `cuda[:i]`.
pub fn choose(word: &str) -> Result<Chosen, CliError> {
    let (kind, index) = match word.split_once(':') {
        None => (word, None),
        Some((kind, index)) => {
            let index = index.parse::<usize>().map_err(|_| {
                CliError::usage(
                    format!("`{word}` is no device: `{index}` is not a number"),
                    "for example `--device wgpu:0`",
                )
            })?;
            (kind, Some(index))
        }
    };
    match kind {
        "flex" | "cpu" | "ndarray" if index.is_some() => {
            let help = format!("`--device {kind}`");
            Err(CliError::usage(format!("`{word}` is no device: there is only one {kind}"), help))
        }
        #[cfg(feature = "flex")]
        "flex" | "cpu" => Ok(on_cpu("flex", Device::flex())),
        #[cfg(feature = "ndarray")]
        "ndarray" => Ok(on_cpu("ndarray", ndarray())),
        #[cfg(feature = "wgpu")]
        "wgpu" => {
            gpu("wgpu", index, burn::tensor::DeviceType::Wgpu, || Device::wgpu(burn::tensor::DeviceKind::DefaultDevice))
        }
        #[cfg(feature = "cuda")]
        "cuda" => gpu("cuda", index, burn::tensor::DeviceType::Cuda, || Device::cuda(0)),
        #[allow(unreachable_patterns, reason = "which of these are left depends on the features")]
        "flex" | "cpu" | "ndarray" | "wgpu" | "cuda" => {
            let help = format!("this build has {}; build with `--features {kind}`", built().join(", "));
            Err(CliError::usage(format!("this build has no `{kind}` backend"), help))
        }
        _ => Err(CliError::usage(format!("there is no device `{word}`"), suggest::help(kind, &built()))),
    }
}

/// What there is to choose from.
pub fn list() -> Vec<Listed> {
    let mut listed = Vec::new();
    if cfg!(feature = "flex") {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        listed.push(Listed {
            word: "flex".into(),
            what: format!("this machine's processor, {threads} threads (also: cpu)"),
        });
    }
    if cfg!(feature = "ndarray") {
        listed.push(Listed { word: "ndarray".into(), what: "this machine's processor, burn's older backend".into() });
    }
    #[cfg(feature = "wgpu")]
    listed.extend(gpus("wgpu", burn::tensor::DeviceType::Wgpu));
    #[cfg(feature = "cuda")]
    listed.extend(gpus("cuda", burn::tensor::DeviceType::Cuda));
    listed
}

#[cfg(any(feature = "flex", feature = "ndarray"))]
fn on_cpu(word: &str, device: Device) -> Chosen {
    Chosen { word: word.into(), device: device.autodiff(), guard: Guard::EveryStep }
}

#[cfg(feature = "ndarray")]
#[allow(deprecated)]
fn ndarray() -> Device {
    Device::ndarray()
}

/// The devices of a kind; none where the driver is missing, which some drivers report by a panic.
#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn found(kind: burn::tensor::DeviceType) -> Vec<Device> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let devices = std::panic::catch_unwind(|| Device::enumerate(kind).into_vec()).unwrap_or_default();
    std::panic::set_hook(hook);
    devices
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn gpu(
    word: &str,
    index: Option<usize>,
    kind: burn::tensor::DeviceType,
    best: impl FnOnce() -> Device,
) -> Result<Chosen, CliError> {
    let devices = found(kind);
    let device = match index {
        _ if devices.is_empty() => {
            let help = "install the card's driver, or use `--device flex`; `ganvas devices` lists what is found";
            return Err(CliError::usage(format!("this machine has no device for `{word}`"), help));
        }
        None => best(),
        Some(i) => devices.get(i).cloned().ok_or_else(|| {
            let help = format!("the last one is `{word}:{}`; `ganvas devices` lists them", devices.len() - 1);
            CliError::usage(format!("there is no `{word}:{i}`"), help)
        })?,
    };
    let word = index.map_or(word.to_owned(), |i| format!("{word}:{i}"));
    Ok(Chosen { word, device: device.autodiff(), guard: Guard::AtTicks })
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
fn gpus(word: &str, kind: burn::tensor::DeviceType) -> Vec<Listed> {
    let devices = found(kind).into_iter().enumerate();
    devices
        .map(|(i, device)| {
            let name = device.identity().map_or_else(|| format!("{device:?}"), |identity| identity.name);
            Listed { word: format!("{word}:{i}"), what: name }
        })
        .collect()
}
