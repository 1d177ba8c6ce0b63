//! `ganvas worker`: this machine's devices, for training that is led from another.

use std::net::SocketAddr;

use burn::server::{BURN_REMOTE_ALPN, IrohIdentity, RemoteServer, ServeError, TokenAuthorizer, WebSocketTransport};
use burn::tensor::Device;
use iroh::endpoint::presets;
use iroh::protocol::Router;
use iroh::{Endpoint, RelayMode, SecretKey};

use crate::args::WorkerArgs;
use crate::device::{TOKEN, choose_several, given_token};
use crate::error::CliError;

/// Serves until it is interrupted.
pub fn run(args: &WorkerArgs) -> Result<(), CliError> {
    let several = choose_several(&args.device)?;
    let devices: Vec<Device> =
        std::iter::once(several.first.device).chain(several.others).map(|device| device.inner()).collect();
    let given = match &args.token_file {
        Some(file) => Some(std::fs::read_to_string(file).map_err(|error| CliError::io("read", file, &error))?),
        None => given_token()?,
    };
    let given = given.map(|token| token.trim().to_owned());
    let token = given.clone().unwrap_or_else(random_token);
    let authorizer = TokenAuthorizer::new(token.as_str()).map_err(|_| {
        CliError::usage("the token is empty", format!("fill the file or {TOKEN}, or leave both out to have one made"))
    })?;
    let server = RemoteServer::new(devices).with_authorizer(authorizer);
    let failed = |error: ServeError| CliError::failure(format!("cannot serve: {error}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CliError::failure(format!("cannot serve: {error}")))?;
    let announce = |address: &str| {
        println!("serving {} as remote:{address}", several.words.join(", "));
        match &given {
            Some(_) => println!("it is for those who have the token; Ctrl-C ends it"),
            None => {
                println!("it is for those who have this token, made for now; Ctrl-C ends it\n  export {TOKEN}={token}")
            }
        }
        println!("  ganvas train vae --device remote:{address}");
    };
    // Each who connects is served on a thread of its own, which ends by a panic where the other side is gone in the middle.
    std::panic::set_hook(Box::new(|panic| {
        let told = panic.payload_as_str().unwrap_or("no reason given");
        eprintln!("a connection ended early: {told}");
    }));
    runtime.block_on(async {
        if args.websocket {
            let listener = std::net::TcpListener::bind(args.listen).map_err(|error| refused(args.listen, error))?;
            let address = listener.local_addr().map_err(|error| refused(args.listen, error))?;
            if !address.ip().is_loopback() {
                eprintln!(
                    "warning: over a WebSocket weights, data and the token travel as they are, for anyone to read"
                );
            }
            announce(&format!("ws://{}", reached(address)));
            let serving = server.serve_async(WebSocketTransport::from_listener(listener));
            return tokio::select! {
                ended = serving => ended.map_err(failed),
                _ = tokio::signal::ctrl_c() => Ok(()),
            };
        }
        let identity = match &args.key {
            Some(file) => IrohIdentity::load_or_create(file).map_err(|error| CliError::io("use", file, &error))?,
            None => IrohIdentity::random(),
        };
        let builder = Endpoint::builder(presets::Minimal)
            .relay_mode(RelayMode::Disabled)
            .secret_key(SecretKey::from_bytes(&identity.to_bytes()))
            .alpns(vec![BURN_REMOTE_ALPN.to_vec()])
            .clear_ip_transports()
            .bind_addr(args.listen)
            .map_err(|error| refused(args.listen, error))?;
        let endpoint = builder.bind().await.map_err(|error| refused(args.listen, error))?;
        let address = endpoint.bound_sockets().first().copied().unwrap_or(args.listen);
        let protocol = server.into_protocol(&endpoint).map_err(failed)?;
        let router = Router::builder(endpoint).accept(BURN_REMOTE_ALPN, protocol).spawn();
        announce(&format!("{}@{}", identity.id(), reached(address)));
        let waited = tokio::signal::ctrl_c().await;
        // What is open is closed, so that nobody waits for an answer.
        let _ = router.shutdown().await;
        waited.map_err(|error| CliError::failure(format!("cannot wait for Ctrl-C: {error}")))
    })
}

/// Where others reach it: an address that stands for all of this machine's has to be replaced by its name.
fn reached(address: SocketAddr) -> String {
    if address.ip().is_unspecified() { format!("HOST:{}", address.port()) } else { address.to_string() }
}

fn refused(address: SocketAddr, error: impl std::fmt::Display) -> CliError {
    CliError::failure(format!("cannot listen on {address}: {error}"))
}

/// 32 bytes from the system's source of randomness, in hexadecimal digits.
fn random_token() -> String {
    SecretKey::generate().to_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}
