//! Devices by the words of `--device`.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
use std::panic::AssertUnwindSafe;

use burn::tensor::Device;
use ganvas_engine::config::Precision;
use ganvas_engine::step::Guard;
use ganvas_engine::suggest;

use crate::commands::{memory, shown};
use crate::error::CliError;

/// A device of this machine, as `ganvas devices` lists it.
pub struct Listed {
    /// The word for it.
    pub word: String,
    /// What it is.
    pub what: String,
    /// What `--precision` may be on it.
    pub precisions: Vec<&'static str>,
}

impl Listed {
    fn new(word: impl Into<String>, what: impl Into<String>, device: &Device) -> Self {
        let on = Precision::ALL.into_iter().filter(|precision| precision.is_on(device));
        let precisions = on.map(Precision::name).collect();
        Self { word: word.into(), what: what.into(), precisions }
    }
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

/// Devices that were asked for together.
pub struct Several {
    /// The words for them, the first one's first.
    pub words: Vec<String>,
    /// The first.
    pub first: Chosen,
    /// The others, tracking gradients.
    pub others: Vec<Device>,
}

/// The words that this build knows, whether or not the machine has such a device.
pub fn built() -> Vec<&'static str> {
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
    if cfg!(feature = "remote") {
        words.push("remote");
    }
    words
}

/// The devices that words stand for, which have commas between them.
pub fn choose_several(words: &str) -> Result<Several, CliError> {
    let mut chosen = words.split(',').map(choose).collect::<Result<Vec<_>, _>>()?;
    let (words, first) = (chosen.iter().map(|chosen| chosen.word.clone()).collect(), chosen.remove(0));
    Ok(Several { words, first, others: chosen.into_iter().map(|chosen| chosen.device).collect() })
}

/// The device that a word stands for: `flex` (or `cpu`), `ndarray`, `wgpu[:i]`, `cuda[:i]`, `remote:...`.
pub fn choose(word: &str) -> Result<Chosen, CliError> {
    #[cfg(feature = "remote")]
    if let Some(address) = word.strip_prefix("remote:") {
        let device = remote(address)?.autodiff();
        return Ok(Chosen { word: word.into(), device, guard: Guard::AtTicks });
    }
    if word == "remote" || word.starts_with("remote:") {
        let help =
            "`ganvas worker` prints the word, such as `remote:ID@127.0.0.1:4433`, on a build with `--features remote`";
        return Err(CliError::usage(format!("`{word}` is no device of this build"), help));
    }
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
    #[cfg(feature = "flex")]
    {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let memory = memory().map(|bytes| format!(", {} of memory", shown(bytes))).unwrap_or_default();
        let what = format!("this machine's processor, {threads} threads{memory} (also: cpu)");
        listed.push(Listed::new("flex", what, &Device::flex()));
    }
    #[cfg(feature = "ndarray")]
    {
        listed.push(Listed::new("ndarray", "this machine's processor, burn's older backend", &ndarray()));
    }
    #[cfg(feature = "wgpu")]
    listed.extend(gpus("wgpu", burn::tensor::DeviceType::Wgpu));
    #[cfg(feature = "cuda")]
    listed.extend(gpus("cuda", burn::tensor::DeviceType::Cuda));
    listed
}

/// The environment variable that has the token for workers, and of a worker.
#[cfg(feature = "remote")]
pub const TOKEN: &str = "GANVAS_TOKEN";

/// The token that is set.
#[cfg(feature = "remote")]
pub fn given_token() -> Result<Option<String>, CliError> {
    match std::env::var(TOKEN) {
        Ok(token) => Ok(Some(token)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(CliError::usage(format!("{TOKEN}: {error}"), "a token is text")),
    }
}

/// A worker's device: `ID@HOST:PORT`, over Iroh, or `ws://HOST:PORT`, and which one, `/1`, where that is not the first.
#[cfg(feature = "remote")]
fn remote(address: &str) -> Result<Device, CliError> {
    use burn::remote::{IrohHost, IrohRelays, RemoteHost};
    use std::net::ToSocketAddrs;

    const HELP: &str =
        "`ganvas worker` prints the word, such as `remote:ID@127.0.0.1:4433` or `remote:ws://127.0.0.1:3000`";
    let wrong = |what: String| CliError::usage(format!("`remote:{address}` is no device: {what}"), HELP);
    let scheme = if address.starts_with("ws://") { 5 } else { 0 };
    let (place, index) = match address[scheme..].split_once('/') {
        None | Some((_, "")) => (address.trim_end_matches('/'), 0),
        Some((place, index)) => {
            let number = index.parse::<u32>().map_err(|_| wrong(format!("`{index}` is not a number")))?;
            (&address[..scheme + place.len()], number)
        }
    };
    let host = if scheme > 0 {
        RemoteHost::websocket(place)
    } else {
        let (id, at) = place.split_once('@').ok_or_else(|| wrong("it has no `@`".into()))?;
        let id: iroh::EndpointId = id.parse().map_err(|error| wrong(format!("`{id}` is no ID: {error}")))?;
        let found = at.to_socket_addrs().map_err(|error| wrong(format!("`{at}` is no address: {error}")))?;
        let host = IrohHost::new(id).with_relays(IrohRelays::Disabled);
        RemoteHost::iroh(found.fold(host, IrohHost::with_address))
    };
    let host = match given_token()? {
        Some(token) => host.with_credential(token.trim()),
        None => host,
    };
    Device::remote_options(&host).device_index(index as usize).init().map_err(|error| {
        let help = format!("see that the worker runs there, and that {TOKEN} is its token");
        CliError { help: Some(help), ..CliError::failure(format!("no connection to `remote:{address}`: {error}")) }
    })
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
    let devices = std::panic::catch_unwind(AssertUnwindSafe(|| Device::enumerate(kind).into_vec())).unwrap_or_default();
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
            Listed::new(format!("{word}:{i}"), name, &device)
        })
        .collect()
}
