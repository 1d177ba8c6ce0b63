//! The tasks of the workspace, run as `cargo xtask TASK`; `cargo xtask help` lists them.
//!
//! It uses the standard library alone, so that it is built in a second or two on a clean clone.

mod cargo;
mod digits;
mod nearest;
mod options;
mod tasks;

use std::ffi::OsString;
use std::process::ExitCode;

/// Why a task ended without success.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// The command line was wrong: exit code 2.
    Usage(String),
    /// The task could not be carried out: exit code 1.
    Failed(String),
    /// A child process failed and has said why: its exit code is passed on.
    Child(i32),
}

impl Failure {
    fn report(&self) -> u8 {
        match self {
            Self::Usage(message) => {
                eprintln!("error: {message}");
                2
            }
            Self::Failed(message) => {
                eprintln!("error: {message}");
                1
            }
            Self::Child(code) => u8::try_from(*code).ok().filter(|code| *code != 0).unwrap_or(1),
        }
    }
}

fn main() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => ExitCode::from(failure.report()),
    }
}

fn run(args: &[OsString]) -> Result<(), Failure> {
    let Some((name, rest)) = args.split_first() else {
        eprint!("{}", tasks::overview());
        return Err(Failure::Usage("name a task".to_owned()));
    };
    if matches!(name.to_str(), Some("help" | "--help" | "-h")) {
        let text = match rest.first() {
            Some(topic) => find(topic)?.help.to_owned(),
            None => tasks::overview(),
        };
        print!("{text}");
        return Ok(());
    }
    let task = find(name)?;
    // Only directly after the task's name: `train vae --help` asks `ganvas` itself.
    if matches!(rest.first().and_then(|arg| arg.to_str()), Some("--help" | "-h")) {
        print!("{}", task.help);
        return Ok(());
    }
    (task.run)(rest)
}

fn find(name: &OsString) -> Result<&'static tasks::Task, Failure> {
    let name = name.to_string_lossy();
    tasks::ALL.iter().find(|task| task.name == name).ok_or_else(|| {
        let names: Vec<&str> = tasks::ALL.iter().map(|task| task.name).collect();
        let hint = nearest::nearest(&name, &names).map(|near| format!(" Did you mean `{near}`?")).unwrap_or_default();
        Failure::Usage(format!("unknown task `{name}`.{hint} Tasks: {}, help.", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(args: &[&str]) -> Vec<OsString> {
        args.iter().map(OsString::from).collect()
    }

    #[test]
    fn unknown_task_is_a_usage_error_that_names_the_nearest() {
        let Err(Failure::Usage(message)) = run(&os(&["trian"])) else {
            panic!("`trian` must be refused as a usage error");
        };
        assert!(message.contains("Did you mean `train`?"), "{message}");
        assert_eq!(Failure::Usage(String::new()).report(), 2);
    }

    #[test]
    fn no_task_is_a_usage_error() {
        assert!(matches!(run(&[]), Err(Failure::Usage(_))));
    }

    #[test]
    fn every_task_answers_help_without_running_anything() {
        for task in tasks::ALL {
            assert!(task.help.contains(&format!("cargo xtask {}", task.name)), "{}", task.name);
            assert_eq!(run(&os(&[task.name, "--help"])), Ok(()));
            assert_eq!(run(&os(&["help", task.name])), Ok(()));
        }
        assert_eq!(run(&os(&["help"])), Ok(()));
    }

    #[test]
    fn exit_code_of_a_child_is_passed_on_and_never_becomes_success() {
        assert_eq!(Failure::Child(2).report(), 2);
        assert_eq!(Failure::Child(130).report(), 130);
        // Windows has wider exit codes; 256 must not wrap round to 0.
        assert_eq!(Failure::Child(256).report(), 1);
        assert_eq!(Failure::Child(0).report(), 1);
    }
}
