//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use ganvas_engine::run::Which;
use ganvas_engine::system::{Direction, Preset};
use ganvas_metrics::inception::Resize;

use crate::commands::parse_size;

/// Train, sample, measure and show generative models, on any GPU or none.
#[derive(Parser)]
#[command(name = "ganvas", version, about, arg_required_else_help = true, max_term_width = 100)]
#[command(
    after_help = "Example:\n  ganvas train vae --out runs/first\n  ganvas eval runs/first\n  ganvas report runs/first"
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Command {
    /// Whether the thread that it runs on computes; a worker's waits for others.
    pub fn computes_here(&self) -> bool {
        !matches!(self, Self::Worker(_))
    }
}

/// What to do.
#[derive(Subcommand)]
pub enum Command {
    /// List the systems, or show one with its settings
    #[command(after_help = "Example:\n  ganvas systems show dcgan")]
    Systems {
        /// What of them.
        #[command(subcommand)]
        command: Option<SystemsCommand>,
    },
    /// List the devices that this build and this machine have
    #[command(after_help = "Example:\n  ganvas devices")]
    Devices,
    /// Lend this machine's devices to training that is led from another
    #[command(
        after_help = "Examples:\n  ganvas worker\n  ganvas worker --listen 0.0.0.0:4433 --device cuda:0,cuda:1 --key worker.key\n\nWhere \
        the training is led, with the addresses and the token that the workers print:\n  export GANVAS_TOKEN=...\n  \
        ganvas train dcgan --devices remote:ID@gpu1:4433,remote:ID@gpu2:4433"
    )]
    Worker(WorkerArgs),
    /// List, describe or fetch data sets
    #[command(after_help = "Example:\n  ganvas data get mnist")]
    Data {
        /// What to do with them.
        #[command(subcommand)]
        command: DataCommand,
    },
    /// Train a system
    #[command(
        after_help = "Examples:\n  ganvas train vae\n  ganvas train dcgan --data mnist --out runs/mnist --seed 1\n  \
        ganvas train dcgan --data ~/pictures --set resolution=64 --set width=32\n  \
        ganvas train cyclegan --data horses --data-b zebras\n  ganvas train dcgan --out runs/mnist --resume"
    )]
    Train(TrainArgs),
    /// Draw samples from a trained run
    #[command(
        after_help = "Examples:\n  ganvas sample runs/first --n 100 --out digits.png\n  ganvas sample runs/first --n 10000 --out digits.npy\n  \
        ganvas sample runs/first --raw --out not-averaged.png\n  \
        ganvas sample runs/by-class --class shirt --n 100 --out shirts.png\n  \
        ganvas sample runs/by-class --grid --truncation 0.7 --out classes.png\n  \
        ganvas sample runs/vae-mnist --sampler gmm --out better.png"
    )]
    Sample(SampleArgs),
    /// Draw images of a trained run along the codes that its latents have
    #[command(after_help = "Examples:\n  ganvas traverse runs/infogan-mnist --out codes.png\n  \
        ganvas traverse runs/infogan-mnist --code c2 --rows 8 --steps 15 --out c2.png\n  \
        ganvas traverse runs/flat --map --steps 20 --out map.png")]
    Traverse(TraverseArgs),
    /// Fill rare classes up: write real images with as many generated ones of each class as are missing
    #[command(after_help = "Examples:\n  ganvas augment runs/by-class --to balanced --out filled\n  \
        ganvas augment runs/by-class --data ~/pictures --to 5000 --out filled --format idx")]
    Augment(AugmentArgs),
    /// Write the codes that a run's encoder gives to data
    #[command(after_help = "Examples:\n  ganvas encode runs/aae-mnist --out codes.npy\n  \
        ganvas encode runs/aae-mnist --data fashion-mnist -n 1000 --out codes.csv\n  \
        ganvas encode runs/flat --out codes.svg")]
    Encode(EncodeArgs),
    /// Send data through a run's encoder and decoder, and show what comes of them
    #[command(after_help = "Examples:\n  ganvas reconstruct runs/aae-mnist --out pairs.png\n  \
        ganvas reconstruct runs/aae-mnist -n 10000 --out pairs.npy")]
    Reconstruct(ReconstructArgs),
    /// Translate images of one domain to the other, by a run of a system that translates
    #[command(after_help = "Examples:\n  ganvas translate runs/horses --from photos --out zebras\n  \
        ganvas translate runs/horses --from photos --out horses --direction ba\n  \
        ganvas translate runs/horses --out strips.png")]
    Translate(TranslateArgs),
    /// Draw what lies between items: what is decoded on the way from code to code
    #[command(after_help = "Examples:\n  ganvas interpolate runs/vae-mnist --out between.png\n  \
        ganvas interpolate runs/vae-mnist --path linear --rows 4 --steps 15 --out line.png")]
    Interpolate(InterpolateArgs),
    /// Enlarge images with a run of a system that does
    #[command(after_help = "Examples:\n  ganvas train srgan --data ~/photos --crop 96 --out runs/photos\n  \
        ganvas upscale runs/photos small/*.png --out large\n  ganvas upscale runs/photos ~/small --out large --tile 32")]
    Upscale(UpscaleArgs),
    /// Measure a trained run against held-out data
    #[command(
        after_help = "Examples:\n  ganvas eval runs/first\n  ganvas eval runs/first --n 5000 --metrics ffd,kid,prdc --json\n  \
        ganvas eval runs/vae-mnist --nll --k 5000 --n 1000"
    )]
    Eval(EvalArgs),
    /// Measure several runs in one way, side by side
    #[command(after_help = "Examples:\n  ganvas compare runs/gan-mnist runs/dcgan-mnist\n  \
        ganvas compare runs/a runs/b --metrics ffd,prdc --html compare.html\n  \
        ganvas compare --objectives minimax,non-saturating,wasserstein --data ring8 --out compare/ring8")]
    Compare(CompareArgs),
    /// Measure any sample against any other: .npy arrays or folders of images
    #[command(after_help = "Examples:\n  ganvas metrics real.npy fake.npy --features raw --metrics fd,kid,prdc\n  \
        ganvas metrics photos/ generated/ --features mnist --json")]
    Metrics(MetricsArgs),
    /// Write a run's networks with the names and layouts of PyTorch
    #[command(after_help = "Examples:\n  ganvas export runs/first --out first.safetensors\n  \
        ganvas export runs/first --out best.safetensors --checkpoint best --raw\n\nIn Python:\n  \
        safetensors.torch.load_file(\"first.safetensors\")")]
    Export(ExportArgs),
    /// Show what checkpoint files hold, or verify them
    #[command(after_help = "Examples:\n  ganvas checkpoint inspect runs/first/best/step-000001500.ganvas\n  \
        ganvas checkpoint verify runs/first/checkpoints/*.ganvas\n  \
        ganvas checkpoint replay runs/first/failure/step-000000123.ganvas")]
    Checkpoint {
        /// What to do with them.
        #[command(subcommand)]
        command: CheckpointCommand,
    },
    /// Write a run's report: one HTML file with pictures, curves, settings and figures
    #[command(after_help = "Example:\n  ganvas report runs/first")]
    Report {
        /// The run folder.
        run: PathBuf,
    },
    /// Run the acceptance checks of systems, which train as needed
    #[command(after_help = "Examples:\n  ganvas accept dcgan --json dcgan.json\n  ganvas accept --table dcgan.json")]
    Accept(AcceptArgs),
    /// Probability: draws from any density, KL divergences, joint tables, entropies, distances between samples
    #[command(after_help = "Example:\n  ganvas prob kl \"normal(1, 2)\" \"normal(0, 1)\"")]
    Prob {
        /// What to compute.
        #[command(subcommand)]
        command: ProbCommand,
    },
    /// Train the classifiers whose features measure images, and write their weights
    #[command(after_help = "Example:\n  ganvas train-extractors digits --out crates/metrics/weights")]
    TrainExtractors(ExtractorArgs),
    /// Print the shell's completions
    #[command(after_help = "Example:\n  ganvas completions bash > ~/.local/share/bash-completion/completions/ganvas")]
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual page
    #[command(after_help = "Example:\n  ganvas man > ganvas.1")]
    Man,
}

/// What of the systems.
#[derive(Subcommand)]
pub enum SystemsCommand {
    /// Show a system: paper, phases, and the settings of its presets
    #[command(after_help = "Example:\n  ganvas systems show gan --data ring8")]
    Show {
        /// The system's id.
        id: String,
        /// The data to show the settings for [default: what `train` takes].
        #[arg(long, value_name = "ID|PATH")]
        data: Option<String>,
    },
}

/// What to do with checkpoint files.
#[derive(Subcommand)]
pub enum CheckpointCommand {
    /// Print header, settings, and every tensor with shape, range and SHA-256
    Inspect {
        /// The file.
        file: PathBuf,
        /// Print one JSON object instead of lines.
        #[arg(long)]
        json: bool,
    },
    /// Do the next step of a checkpoint, such as one that failed: print its figures, or what is not finite
    Replay {
        /// The file, for example that of a run's folder `failure`.
        file: PathBuf,
        /// Where to do it [default: where the run was trained].
        #[arg(long, value_name = "D")]
        device: Option<String>,
    },
    /// Check that files are whole: their checksum and all that they hold
    Verify {
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// What to do with data sets.
#[derive(Subcommand)]
pub enum DataCommand {
    /// List the data sets
    #[command(after_help = "Example:\n  ganvas data list")]
    List,
    /// Describe a data set: shape, counts, licence, source, where it is
    #[command(after_help = "Example:\n  ganvas data info mnist")]
    Info {
        /// The data set.
        id: String,
    },
    /// Fetch a data set from its official page, or from a folder that has its files
    #[command(after_help = "Examples:\n  ganvas data get mnist\n  ganvas data get mnist --from ~/downloads/mnist")]
    Get {
        /// The data set.
        id: String,
        /// Take the files from this folder instead of the network.
        #[arg(long, value_name = "DIR")]
        from: Option<PathBuf>,
    },
}

/// What to compute.
#[derive(Subcommand)]
pub enum ProbCommand {
    /// Draw from a density or a law, and say how well the draws follow it
    #[command(after_help = "Examples:\n  ganvas prob sample --pdf \"3/8*x^2\" --on 0:2 --n 100000 --plot x.svg\n  \
        ganvas prob sample --pdf \"exp(-x^4)\" --on=-inf:inf --method rejection --proposal \"normal(0, 0.7)\" --factor 4\n  \
        ganvas prob sample --law \"gamma(2, 1)\" --out x.csv")]
    Sample(ProbSampleArgs),
    /// The KL divergence of two laws, by a closed form, by quadrature or by Monte Carlo
    #[command(after_help = "Example:\n  ganvas prob kl \"normal(1, 2)\" \"normal(0, 1)\" --bits")]
    Kl(KlArgs),
    /// Marginals, conditionals and mutual information of a joint table
    #[command(
        after_help = "The file: a table whose first cell names both axes, rows before columns,\n  x\\y,1,2,3\n  1,.32,.03,.01\n  \
        2,.06,.24,.02\n  3,.02,.03,.27\nor a line for each combination of outcomes, with its probability in the last column.\n\n\
        Examples:\n  ganvas prob table joint.csv --p \"y=2|x=1\"\n  ganvas prob table joint.csv"
    )]
    Table(TableArgs),
    /// The entropy of probabilities, and their Huffman code
    #[command(after_help = "Example:\n  ganvas prob entropy 0.5,0.25,0.125,0.125 --bits")]
    Entropy(EntropyArgs),
    /// Distances and tests between two samples: .npy arrays or .csv files, a row for each item
    #[command(after_help = "Example:\n  ganvas prob distance a.npy b.npy --json")]
    Distance(DistanceArgs),
    /// List the laws with their parameters
    #[command(after_help = "Example:\n  ganvas prob laws")]
    Laws,
}

/// How to draw.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum ProbMethod {
    /// By the inverse where it can be made, otherwise by rejection.
    Auto,
    /// By the numerical inverse of the distribution function.
    Inverse,
    /// By rejection: from a box, or from --proposal with --factor.
    Rejection,
}

/// `ganvas prob sample`.
#[derive(Args)]
pub struct ProbSampleArgs {
    /// The density as an expression in x; it need not be normalised.
    #[arg(long, value_name = "EXPRESSION", requires = "on", required_unless_present = "law")]
    pub pdf: Option<String>,
    /// Where it lives, such as 0:2, 0:inf or (with the sign) --on=-inf:inf.
    #[arg(long, value_name = "A:B", allow_hyphen_values = true, requires = "pdf")]
    pub on: Option<String>,
    /// A law instead; `ganvas prob laws` lists them.
    #[arg(long, value_name = "LAW", conflicts_with_all = ["pdf", "method", "proposal", "factor"])]
    pub law: Option<String>,
    /// How to draw.
    #[arg(long, default_value = "auto")]
    pub method: ProbMethod,
    /// What rejection draws from; a box over the interval where none is given.
    #[arg(long, value_name = "LAW", requires = "factor")]
    pub proposal: Option<String>,
    /// M with p(x) <= M q(x) for the density as given; for the box it is looked for where none is given.
    #[arg(long, value_name = "M")]
    pub factor: Option<f64>,
    /// Number of draws.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub n: usize,
    /// Seed of the draws.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// The draws: a .npy array of f64, or a .csv column.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// An .svg of histogram, density and distribution function.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Print one JSON object instead of lines.
    #[arg(long)]
    pub json: bool,
}

/// `ganvas prob kl`.
#[derive(Args)]
pub struct KlArgs {
    /// The law that the expectation is under; `ganvas prob laws` lists the laws.
    pub p: String,
    /// The other one.
    pub q: String,
    /// In bits instead of nats.
    #[arg(long)]
    pub bits: bool,
    /// Draws of a Monte Carlo estimate, where it takes one.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub samples: usize,
    /// Seed of the estimate.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Print one JSON object instead of a line.
    #[arg(long)]
    pub json: bool,
}

/// `ganvas prob table`.
#[derive(Args)]
pub struct TableArgs {
    /// The .csv file.
    pub file: PathBuf,
    /// A probability to compute, such as `y=2`, `y=2|x=1` or `x=1,y=2`. May be repeated.
    #[arg(long, value_name = "EVENT")]
    pub p: Vec<String>,
    /// The entries are counts: divide them by their sum.
    #[arg(long)]
    pub counts: bool,
    /// Mutual information in bits instead of nats.
    #[arg(long)]
    pub bits: bool,
    /// Print one JSON object instead of lines.
    #[arg(long)]
    pub json: bool,
}

/// `ganvas prob entropy`.
#[derive(Args)]
pub struct EntropyArgs {
    /// The probabilities, such as `0.5,0.25,1/8,1/8`.
    pub p: String,
    /// In bits instead of nats.
    #[arg(long)]
    pub bits: bool,
    /// Print one JSON object instead of lines.
    #[arg(long)]
    pub json: bool,
}

/// `ganvas prob distance`.
#[derive(Args)]
pub struct DistanceArgs {
    /// One sample.
    pub a: PathBuf,
    /// The other one.
    pub b: PathBuf,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
}

/// A preset, on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum PresetArg {
    /// Trains on two CPU cores in minutes.
    Small,
    /// The paper's networks and training.
    Paper,
}

impl From<PresetArg> for Preset {
    fn from(preset: PresetArg) -> Self {
        match preset {
            PresetArg::Small => Preset::Small,
            PresetArg::Paper => Preset::Paper,
        }
    }
}

/// A checkpoint, on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum CheckpointArg {
    /// The newest.
    Latest,
    /// The one with the best figure on held-out data.
    Best,
}

impl From<CheckpointArg> for Which {
    fn from(checkpoint: CheckpointArg) -> Self {
        match checkpoint {
            CheckpointArg::Latest => Which::Latest,
            CheckpointArg::Best => Which::Best,
        }
    }
}

/// A positive number of minutes.
fn minutes(text: &str) -> Result<Duration, String> {
    let minutes: f64 = text.parse().map_err(|_| "a number of minutes is wanted, for example 90 or 0.5")?;
    match Duration::try_from_secs_f64(60.0 * minutes) {
        Ok(time) if !time.is_zero() => Ok(time),
        _ => Err("it must be more than 0 and less than for ever".into()),
    }
}

/// `ganvas worker`.
#[derive(Args)]
#[cfg_attr(not(feature = "remote"), allow(dead_code, reason = "a build without workers only says so"))]
pub struct WorkerArgs {
    /// Where to listen (UDP; TCP with `--websocket`); port 0: one that is free.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The devices to lend, of one backend; who connects has the first, or with `/1` behind the address the second.
    #[arg(long, value_name = "D,D,...", default_value = "flex")]
    pub device: String,
    /// A file with this worker's key, made where it is missing: the worker keeps its ID [default: a new one each time].
    #[arg(long, value_name = "FILE", conflicts_with = "websocket")]
    pub key: Option<PathBuf>,
    /// A file with the token that has to be presented [default: GANVAS_TOKEN, or one that is made and printed].
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Serve over a WebSocket, which is not encrypted: for one machine or a network that is trusted.
    #[arg(long)]
    pub websocket: bool,
}

/// `ganvas train`.
#[derive(Args)]
pub struct TrainArgs {
    /// The system's id; `ganvas systems` lists them.
    pub system: String,
    /// A data set's id, a folder of images, an IDX file of images, or a .csv or .npy file of series [default: what the system is
    /// tried on, see `ganvas systems show`].
    #[arg(long, value_name = "ID|PATH")]
    pub data: Option<String>,
    /// The second domain of a system that translates, likewise; without it --data is of two classes, such as a folder with two subfolders.
    #[arg(long, value_name = "ID|PATH", requires = "data")]
    pub data_b: Option<String>,
    /// The settings to start from [default: small].
    #[arg(long, conflicts_with = "resume")]
    pub preset: Option<PresetArg>,
    /// Steps of training; with --resume, the new total.
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// Items of a batch.
    #[arg(long, value_name = "N")]
    pub batch: Option<u64>,
    /// Seed of everything random [default: 0].
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// Steps between measurements on held-out data; 0: none [default: a tenth of the steps, at least 100].
    #[arg(long, value_name = "N")]
    pub eval_every: Option<u64>,
    /// Where to train; `ganvas devices` lists what there is [default: flex].
    #[arg(long, value_name = "D")]
    pub device: Option<String>,
    /// Several devices, each of which gets an equal share of every batch, such as `wgpu:0,wgpu:1`.
    #[arg(long, value_name = "D,D,...", conflicts_with = "device")]
    pub devices: Option<String>,
    /// The run folder [default: runs/SYSTEM-DATA].
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Settings over those of the preset, such as another run's config.toml.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// One setting over all others; `ganvas systems show` lists them. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Cut images into squares of this side, in pixels, as they are, instead of resizing them to one size.
    #[arg(long, value_name = "SIDE", conflicts_with = "resume")]
    pub crop: Option<u64>,
    /// Parts of a batch whose gradients are added up to one update: less memory for the same batch [default: 1].
    #[arg(long, value_name = "N")]
    pub accumulate: Option<u64>,
    /// What layers multiply in: `f32`, `bf16` or `f16`, the latter with scaled losses [default: f32].
    #[arg(long, value_name = "P")]
    pub precision: Option<String>,
    /// Newest checkpoints that are kept; the best is kept beside them [default: 2].
    #[arg(long, value_name = "K")]
    pub keep: Option<u64>,
    /// Stop after so many minutes, with everything saved; --resume goes on.
    #[arg(long, value_name = "M", value_parser = minutes)]
    pub minutes: Option<Duration>,
    /// Go on with the run in --out from its newest checkpoint.
    #[arg(long)]
    pub resume: bool,
    /// With --resume: a setting that may differ from what the run was made with, or `data` or `version`. May be repeated.
    #[arg(long, value_name = "KEY", requires = "resume")]
    pub allow_change: Vec<String>,
}

/// What of a run is loaded, and where: what all commands share that take a trained run.
#[derive(Args)]
pub struct LoadingArgs {
    /// Which of the run's checkpoints.
    #[arg(long, value_name = "WHICH", default_value = "latest")]
    pub checkpoint: CheckpointArg,
    /// Use the trained weights where the run has averaged ones (setting `ema`).
    #[arg(long)]
    pub raw: bool,
    /// Where to compute.
    #[arg(long, value_name = "D", default_value = "flex")]
    pub device: String,
}

/// `ganvas export`.
#[derive(Args)]
pub struct ExportArgs {
    /// The run folder.
    pub run: PathBuf,
    /// The file to write, which must not be there yet.
    #[arg(long, value_name = "FILE.safetensors")]
    pub out: PathBuf,
    /// Which checkpoint and weights, and where to compute.
    #[command(flatten)]
    pub loading: LoadingArgs,
}

/// What codes are drawn by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SamplerArg {
    /// The system's own way: its prior, or a Gaussian fitted while it was trained where it has none
    Own,
    /// N(0, I)
    Normal,
    /// A Gaussian with mean and covariance of the codes
    Gaussian,
    /// A mixture of ten Gaussians
    Gmm,
    /// A masked autoregressive flow
    Maf,
    /// An inverse autoregressive flow
    Iaf,
    /// A second VAE, of the codes
    TwoStage,
}

impl SamplerArg {
    /// The word for it, where it is not the system's own way.
    pub fn word(self) -> Option<String> {
        self.to_possible_value().filter(|_| self != Self::Own).map(|value| value.get_name().to_owned())
    }
}

/// `ganvas sample`.
#[derive(Args)]
pub struct SampleArgs {
    /// The run folder.
    pub run: PathBuf,
    /// Number of samples, of each class where classes are asked for [default: 64; with --grid 8].
    #[arg(long, value_name = "N")]
    pub n: Option<usize>,
    /// Only samples of this class, by its name or number, of a run that was trained by class.
    #[arg(long, value_name = "K", conflicts_with = "classes")]
    pub class: Option<String>,
    /// Samples of these classes, one after the other.
    #[arg(long, value_name = "K,K,...", value_delimiter = ',')]
    pub classes: Vec<String>,
    /// Draw a row for each class, of all classes where none is named; the samples of a column have the same latent.
    #[arg(long)]
    pub grid: bool,
    /// Draw latents within [-PSI, PSI] only: more typical samples, and less diverse ones.
    #[arg(long, value_name = "PSI", allow_negative_numbers = true)]
    pub truncation: Option<f64>,
    /// Of an autoencoder: draw codes by this law, fitted to the codes of the training data first, and decode them.
    #[arg(long, value_name = "LAW", default_value = "own")]
    pub sampler: SamplerArg,
    /// Seed of the samples.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// A .png grid; a .npy array: f32, [n, channels, height, width] in [-1, 1], or [n, 2]; an .svg plot of points [default: RUN/sample-SEED.png].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Which checkpoint and weights, and where to compute.
    #[command(flatten)]
    pub loading: LoadingArgs,
}

/// `ganvas traverse`.
#[derive(Args)]
pub struct TraverseArgs {
    /// The run folder.
    pub run: PathBuf,
    /// Show this code alone [default: all, one after the other].
    #[arg(long, value_name = "NAME")]
    pub code: Option<String>,
    /// Instead, of a run with two latents: what is decoded all over the plane of them, at even quantiles of N(0, 1) in both directions.
    #[arg(long, conflicts_with_all = ["code", "rows"])]
    pub map: bool,
    /// Draws of the rest of the latents; each gives a row for every code that is shown [default: 1, with --code 10].
    #[arg(long, value_name = "N")]
    pub rows: Option<usize>,
    /// Values of a continuous code, from one end of its range to the other; of a categorical one all are shown.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub steps: usize,
    /// Seed of the latents.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// A .png grid, a row for each code and draw [default: RUN/traverse-SEED.png].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Which checkpoint and weights, and where to compute.
    #[command(flatten)]
    pub loading: LoadingArgs,
}

/// How many images each class shall have, on the command line.
#[derive(Clone, Copy)]
pub enum AugmentTo {
    /// As many as the largest class has.
    Balanced,
    /// So many, or what it has where that is more.
    Each(usize),
}

/// `balanced` or a number.
fn augment_to(text: &str) -> Result<AugmentTo, String> {
    match text {
        "balanced" => Ok(AugmentTo::Balanced),
        _ => text.parse().map(AugmentTo::Each).map_err(|_| "`balanced` or a number of images is wanted".into()),
    }
}

/// What images are written as, on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum AugmentFormat {
    /// A folder for each class, a PNG for each image.
    Png,
    /// IDX files as MNIST has them: images and labels, and the held-out part. Grey images only.
    Idx,
}

/// `ganvas augment`.
#[derive(Args)]
pub struct AugmentArgs {
    /// The folder of a run that was trained by class.
    pub run: PathBuf,
    /// The data to fill up, of the run's classes [default: what the run was trained on].
    #[arg(long, value_name = "ID|PATH")]
    pub data: Option<String>,
    /// How many images each class shall have: as many as the largest, or N; a class with more keeps them.
    #[arg(long, value_name = "balanced|N", value_parser = augment_to)]
    pub to: AugmentTo,
    /// The folder to write, which must not be there yet: images, and labels.csv with file, class and real or generated.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// What to write images as.
    #[arg(long, value_name = "FORMAT", default_value = "png")]
    pub format: AugmentFormat,
    /// Seed of the generated images.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// Which checkpoint and weights, and where to compute.
    #[command(flatten)]
    pub loading: LoadingArgs,
}

/// A part of a data set, on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum SplitArg {
    /// The part that is trained on.
    Train,
    /// The part that is held out.
    Test,
}

/// Which items `encode` and `reconstruct` take.
#[derive(Args)]
pub struct CodedArgs {
    /// A data set's id, a folder of images, or an IDX file; images are brought to the run's side and channels [default: the run's data].
    #[arg(long, value_name = "ID|PATH")]
    pub data: Option<String>,
    /// Which part of them.
    #[arg(long, value_name = "PART", default_value = "test")]
    pub split: SplitArg,
    /// The first so many items [default: `encode` all, `reconstruct` 64].
    #[arg(short, long, value_name = "N")]
    pub n: Option<usize>,
}

/// `ganvas encode`.
#[derive(Args)]
pub struct EncodeArgs {
    /// The run folder, of a system that has codes.
    pub run: PathBuf,
    /// A .npy array: f32, [n, values of a code]; a .csv table with a header and the class where it is known; an .svg plot of codes of two values.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Which items.
    #[command(flatten)]
    pub items: CodedArgs,
    /// Which checkpoint and weights, and where to compute.
    #[command(flatten)]
    pub loading: LoadingArgs,
}

/// `ganvas reconstruct`.
#[derive(Args)]
pub struct ReconstructArgs {
    /// The run folder, of a system that has codes.
    pub run: PathBuf,
    /// A .png grid, each original above its reconstruction, or a .npy array of pairs: f32, [n, 2, values of an item].
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Which items.
    #[command(flatten)]
    pub items: CodedArgs,
    /// Which checkpoint and weights, and where to compute.
    #[command(flatten)]
    pub loading: LoadingArgs,
}

/// `ganvas upscale`.
#[derive(Args)]
pub struct UpscaleArgs {
    /// The run folder, of a system that enlarges images.
    pub run: PathBuf,
    /// PNG and JPEG files, of any size, or folders of such.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The folder for the large images: a .png for each, under its name. None that is there is written over.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Side of the squares of the small image that are enlarged one after the other: fewer pixels take less memory.
    #[arg(long, value_name = "PIXELS", default_value_t = 64)]
    pub tile: usize,
    /// Which checkpoint and weights, and where to compute.
    #[command(flatten)]
    pub loading: LoadingArgs,
}

/// A direction, on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum DirectionArg {
    /// From the first domain to the second.
    Ab,
    /// From the second to the first.
    Ba,
}

impl From<DirectionArg> for Direction {
    fn from(direction: DirectionArg) -> Self {
        match direction {
            DirectionArg::Ab => Direction::AToB,
            DirectionArg::Ba => Direction::BToA,
        }
    }
}

/// `ganvas translate`.
#[derive(Args)]
pub struct TranslateArgs {
    /// The run folder, of a system that translates.
    pub run: PathBuf,
    /// Translate every image of this folder; each is brought to the run's side and channels. Without it held-out items are.
    #[arg(long, value_name = "DIR", requires = "out")]
    pub from: Option<PathBuf>,
    /// With --from a folder for the images, as PNG under the same names, which must not be there yet; otherwise a .png of strips (an
    /// item, what it becomes, what comes of that on the way back), or a .npy array of them [default: RUN/translate.png].
    #[arg(long, value_name = "DIR|FILE")]
    pub out: Option<PathBuf>,
    /// From the first domain to the second, or from the second to the first [default: with --from ab, otherwise both].
    #[arg(long, value_name = "ab|ba")]
    pub direction: Option<DirectionArg>,
    /// Strips.
    #[arg(short, long, value_name = "N", default_value_t = 16, conflicts_with = "from")]
    pub n: usize,
    /// Which checkpoint and weights, and where to compute.
    #[command(flatten)]
    pub loading: LoadingArgs,
}

/// `ganvas interpolate`.
#[derive(Args)]
pub struct InterpolateArgs {
    /// The run folder, of a system that has codes.
    pub run: PathBuf,
    /// A .png grid: in each row an item, what is decoded on the way to another, and that.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// On which path from code to code.
    #[arg(long, value_name = "PATH", default_value = "spherical")]
    pub path: PathArg,
    /// Pairs of items.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub rows: usize,
    /// Codes on each way, both ends among them.
    #[arg(long, value_name = "N", default_value_t = 9)]
    pub steps: usize,
    /// A data set's id, a folder of images, or an IDX file; images are brought to the run's side and channels [default: the run's data].
    #[arg(long, value_name = "ID|PATH")]
    pub data: Option<String>,
    /// Which part of them.
    #[arg(long, value_name = "PART", default_value = "test")]
    pub split: SplitArg,
    /// Which checkpoint and weights, and where to compute.
    #[command(flatten)]
    pub loading: LoadingArgs,
}

/// How one gets from code to code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PathArg {
    /// On the straight line
    Linear,
    /// On an arc whose distance from 0 changes evenly
    Spherical,
}

/// What `eval`, `compare` and `metrics` share.
#[derive(Args)]
pub struct MeasuringArgs {
    /// The most memory that measuring may take, such as 512MiB or 2GiB [default: three quarters of what is free].
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub limit: Option<u64>,
    /// Give 95 % intervals where they are sound; B: resamples for that of the Frechet distance, 200 if not given.
    #[arg(long, value_name = "B", num_args = 0..=1, require_equals = true, default_missing_value = "200",
        value_parser = clap::value_parser!(u32).range(40..=100_000))]
    pub intervals: Option<u32>,
    /// Neither use nor keep features of real data in the cache folder.
    #[arg(long)]
    pub no_cache: bool,
    /// Measure on the Inception network, whose weights are pt_inception-2015-12-05-6726825d.pth: fid, kid, is.
    #[arg(long, value_name = "FILE")]
    pub inception: Option<PathBuf>,
    /// How images are brought to its 299x299 pixels.
    #[arg(long, value_name = "MODE", default_value = "clean", requires = "inception")]
    pub resize: ResizeArg,
}

/// A resize, on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub enum ResizeArg {
    /// Bicubic with antialiasing, as clean-fid does.
    Clean,
    /// Bilinear without, as pytorch-fid does.
    Legacy,
}

impl From<ResizeArg> for Resize {
    fn from(resize: ResizeArg) -> Self {
        match resize {
            ResizeArg::Clean => Resize::Clean,
            ResizeArg::Legacy => Resize::Legacy,
        }
    }
}

/// `ganvas eval`.
#[derive(Args)]
pub struct EvalArgs {
    /// The run folder.
    pub run: PathBuf,
    /// Number of generated items to measure [default: 2000]. The real ones are the first of a fixed order, the same for every run
    /// and seed. With `--nll`: held-out items that it is measured on [default: 1000].
    #[arg(long, value_name = "N")]
    pub n: Option<usize>,
    /// What to measure, such as ffd,kid,prdc,is [default: what suits the data].
    #[arg(long, value_name = "NAME,NAME,...", value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// Of an autoencoder: measure samples decoded from codes by this law, fitted to those of the training data first.
    #[arg(long, value_name = "LAW", default_value = "own")]
    pub sampler: SamplerArg,
    /// Measure nothing but the likelihood of held-out items, and all of it: the evidence lower bound, the importance-weighted one,
    /// bits per dimension, the divergence of each latent, active ones, reconstruction error.
    #[arg(long, conflicts_with = "metrics")]
    pub nll: bool,
    /// Importance samples of the bound `nll`.
    #[arg(long, value_name = "K", default_value_t = crate::commands::likelihood::SAMPLES)]
    pub k: usize,
    /// How much memory, which intervals, whether features are kept.
    #[command(flatten)]
    pub measuring: MeasuringArgs,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Which checkpoint and weights, and where to compute.
    #[command(flatten)]
    pub loading: LoadingArgs,
}

/// `ganvas compare`.
#[derive(Args)]
pub struct CompareArgs {
    /// The run folders, all trained on the same data.
    #[arg(required_unless_present = "objectives", conflicts_with = "objectives", value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Instead of comparing runs, train them.
    #[command(flatten)]
    pub trial: TrialArgs,
    /// Number of generated items of each.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub n: usize,
    /// Seed of the samples, the same for all.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// What to measure, as for `ganvas eval`.
    #[arg(long, value_name = "NAME,NAME,...", value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// A page with the table, plots and pictures.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// How much memory, which intervals, whether features are kept.
    #[command(flatten)]
    pub measuring: MeasuringArgs,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Which checkpoint and weights, and where to compute.
    #[command(flatten)]
    pub loading: LoadingArgs,
}

/// `ganvas compare --objectives`.
#[derive(Args)]
#[command(next_help_heading = "Training with several objectives")]
pub struct TrialArgs {
    /// Train the same networks from the same seeds with each of these objectives, and draw how they go: `minimax`,
    /// `non-saturating`, `wasserstein` (with its gradient penalty) and so on, or `all`.
    #[arg(long, value_name = "NAME,NAME,...", value_delimiter = ',', requires = "out")]
    pub objectives: Vec<String>,
    /// The adversarial system that they share.
    #[arg(long, value_name = "ID", default_value = "gan")]
    pub system: String,
    /// What to train on.
    #[arg(long, value_name = "ID|PATH", default_value = "ring8")]
    pub data: String,
    /// Steps of each run [default: the system's].
    #[arg(long, value_name = "N")]
    pub steps: Option<u64>,
    /// Seeds of each objective.
    #[arg(long, value_delimiter = ',', default_value = "0,1,2", value_name = "S,S,...")]
    pub seeds: Vec<u64>,
    /// A setting of all of them, as for `ganvas train`.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Folder for the runs, the charts and `comparison.json`; what it has of an interrupted comparison is gone on with.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `ganvas metrics`.
#[derive(Args)]
pub struct MetricsArgs {
    /// The real items: a .npy array, a .csv file of rows, a folder of images, or a data set's id.
    pub real: PathBuf,
    /// The generated ones, likewise.
    pub fake: PathBuf,
    /// What to measure [default: fd, kid, prdc, and with a classifier is and class_share_min].
    #[arg(long, value_name = "NAME,NAME,...", value_delimiter = ',')]
    pub metrics: Vec<String>,
    /// On what: `raw` values, or a classifier's features of images: `digits`, `mnist`, `fashion-mnist`, `emoji`.
    #[arg(long, value_name = "raw|NAME", default_value = "raw", conflicts_with = "inception")]
    pub features: String,
    /// Neighbours of precision, recall, density and coverage.
    #[arg(long, value_name = "K", default_value_t = 5)]
    pub k: usize,
    /// Seed of subsets and splits.
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// How much memory, which intervals, whether features are kept.
    #[command(flatten)]
    pub measuring: MeasuringArgs,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    pub json: bool,
    /// Where to compute a classifier's features.
    #[arg(long, value_name = "D", default_value = "flex")]
    pub device: String,
}

/// `ganvas accept`.
#[derive(Args)]
pub struct AcceptArgs {
    /// The systems.
    #[arg(required_unless_present = "table", value_name = "ID")]
    pub ids: Vec<String>,
    /// Instead of running checks, print a Markdown table of what `--json` has written.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "ids")]
    pub table: Vec<PathBuf>,
    /// Seeds of what is random.
    #[arg(long, value_delimiter = ',', default_value = "0,1,2", value_name = "S,S,...")]
    pub seeds: Vec<u64>,
    /// Write the figures to this file too, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Where to compute.
    #[arg(long, value_name = "D", default_value = "flex")]
    pub device: String,
}

/// `ganvas train-extractors`.
#[derive(Args)]
pub struct ExtractorArgs {
    /// Which; all where none is named. MNIST, Fashion-MNIST and the emoji must have been fetched.
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// Folder for the weights.
    #[arg(long, value_name = "DIR", default_value = "crates/metrics/weights")]
    pub out: PathBuf,
    /// Seed of weights and order.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Where to compute.
    #[arg(long, value_name = "D", default_value = "flex")]
    pub device: String,
}
