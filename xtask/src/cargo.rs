//! Calls of cargo, and of the binary it builds.
//!
//! Nothing here changes the current directory: a path such as `--out runs/a` is the caller's, wherever the repository lies.

use crate::Failure;
use crate::options::Options;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// The root of the workspace.
pub fn root() -> PathBuf {
    // Set by `cargo run`; the compile-time value serves when the binary is called by itself.
    let own = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let own = PathBuf::from(own);
    own.parent().map_or_else(|| own.clone(), Path::to_path_buf)
}

/// `cargo SUBCOMMAND` on this workspace.
pub fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What `cargo run` tells the task runner of its own package is not for the packages it builds: build scripts that read
    // it (ring's) would run anew whenever `cargo build` and `cargo xtask` are used in turn.
    let own = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| own.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    command.arg(subcommand).arg("--manifest-path").arg(root().join("Cargo.toml"));
    command
}

/// Builds the binary `ganvas`, with cargo's progress visible, and says where it lies.
pub fn build(options: &Options) -> Result<PathBuf, Failure> {
    let mut command = cargo("build");
    command.args(["--package", "ganvas", "--bin", "ganvas", "--profile"]).arg(&options.profile);
    if let Some(features) = &options.features {
        command.arg("--features").arg(features);
    }
    // Diagnostics and progress stay on stderr; stdout says where the binary is, whatever target folder is configured.
    command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| cannot_start(&command, &error))?;
    let mut binary = None;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            binary = executable(&line).or(binary);
        }
    }
    check(child.wait().map_err(|error| cannot_start(&command, &error))?)?;
    binary.ok_or_else(|| Failure::Failed("cargo built `ganvas` but named no executable".to_owned()))
}

/// The path of the executable in one line of cargo's JSON messages.
fn executable(line: &str) -> Option<PathBuf> {
    if !line.contains(r#""reason":"compiler-artifact""#) {
        return None;
    }
    let (_, rest) = line.split_once(r#""executable":""#)?;
    let mut path = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return Some(path.into()),
            '\\' => match chars.next()? {
                'u' => {
                    let code: String = chars.by_ref().take(4).collect();
                    path.push(char::from_u32(u32::from_str_radix(&code, 16).ok()?)?);
                }
                escaped => path.push(escaped),
            },
            plain => path.push(plain),
        }
    }
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    check(status)
}

/// Runs a command, shows its output as it comes, and returns what it wrote to stdout.
pub fn run_and_read(command: &mut Command) -> Result<String, Failure> {
    command.stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| cannot_start(command, &error))?;
    let mut output = String::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            println!("{line}");
            output.push_str(&line);
            output.push('\n');
        }
    }
    check(child.wait().map_err(|error| cannot_start(command, &error))?)?;
    Ok(output)
}

/// Runs a command in place of this process where the system can do that, so that Ctrl-C reaches it alone.
pub fn become_(command: &mut Command) -> Result<(), Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let error = command.exec();
        Err(cannot_start(command, &error))
    }
    #[cfg(not(unix))]
    run(command)
}

fn check(status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Err(Failure::Child(128 + signal));
    }
    Err(Failure::Child(status.code().unwrap_or(1)))
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    Failure::Failed(format!("cannot run {}: {error}", command.get_program().to_string_lossy()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_holds_the_workspace_manifest() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn executable_is_read_from_an_artifact_line() {
        let line = r#"{"reason":"compiler-artifact","target":{"name":"ganvas"},"executable":"/t/release/ganvas","fresh":true}"#;
        assert_eq!(executable(line), Some("/t/release/ganvas".into()));
        let windows = r#"{"reason":"compiler-artifact","executable":"C:\\t\\ganvas.exe"}"#;
        assert_eq!(executable(windows), Some(r"C:\t\ganvas.exe".into()));
        let accents = r#"{"reason":"compiler-artifact","executable":"/caf\u00e9/ganvas"}"#;
        assert_eq!(executable(accents), Some("/café/ganvas".into()));
    }

    #[test]
    fn other_lines_name_no_executable() {
        for line in [
            "",
            "not json",
            r#"{"reason":"compiler-artifact","executable":null}"#,
            r#"{"reason":"build-finished","success":true}"#,
            r#"{"reason":"compiler-artifact","executable":"/cut short"#,
        ] {
            assert_eq!(executable(line), None, "{line}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn exit_codes_and_signals_are_passed_on() {
        let sh = |script: &str| run(Command::new("sh").args(["-c", script]));
        assert_eq!(sh("exit 0"), Ok(()));
        assert_eq!(sh("exit 3"), Err(Failure::Child(3)));
        assert_eq!(sh("kill -TERM $$"), Err(Failure::Child(143)));
        assert!(matches!(run(&mut Command::new("/nowhere/at/all")), Err(Failure::Failed(_))));
        let read = run_and_read(Command::new("sh").args(["-c", "echo report: a"]));
        assert_eq!(read, Ok("report: a\n".to_owned()));
    }
}
