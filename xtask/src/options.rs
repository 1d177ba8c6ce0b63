//! The options that `xtask` keeps for itself; all that follows them goes to `ganvas`.

use crate::Failure;
use std::ffi::{OsStr, OsString};

/// How `ganvas` is built, and what it is then given.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// Cargo features of `ganvas`, comma separated.
    pub features: Option<OsString>,
    /// Cargo profile.
    pub profile: OsString,
    /// The arguments of `ganvas`.
    pub rest: Vec<OsString>,
}

impl Options {
    /// Reads `--features LIST` and `--profile NAME` from the front of `args`, up to the first other word.
    pub fn parse(args: &[OsString]) -> Result<Self, Failure> {
        let mut options = Self { features: None, profile: "release".into(), rest: Vec::new() };
        let mut args = args;
        while let Some(first) = args.first() {
            let mut take = |name: &str| -> Result<Option<OsString>, Failure> {
                let Some((value, used)) = value_of(args, name)? else {
                    return Ok(None);
                };
                args = &args[used..];
                Ok(Some(value))
            };
            if let Some(features) = take("--features")? {
                options.features = Some(features);
            } else if let Some(profile) = take("--profile")? {
                options.profile = profile;
            } else {
                if first == "--" {
                    args = &args[1..];
                }
                break;
            }
        }
        options.rest = args.to_vec();
        Ok(options)
    }
}

/// The value of the option `name` if `args` starts with it, as `--name VALUE` or `--name=VALUE`, and how many words it took.
fn value_of(args: &[OsString], name: &str) -> Result<Option<(OsString, usize)>, Failure> {
    let Some(first) = args.first() else {
        return Ok(None);
    };
    if first == name {
        return match args.get(1) {
            Some(value) if !value.is_empty() => Ok(Some((value.clone(), 2))),
            _ => Err(Failure::Usage(format!("{name} needs a value"))),
        };
    }
    match first.to_str().and_then(|first| first.strip_prefix(name)?.strip_prefix('=')) {
        Some("") => Err(Failure::Usage(format!("{name} needs a value"))),
        Some(value) => Ok(Some((value.into(), 1))),
        None => Ok(None),
    }
}

/// The value of the option `name` anywhere in `args`; the last one counts.
pub fn find_value<'a>(args: &'a [OsString], name: &str) -> Option<&'a OsStr> {
    let mut found = None;
    for (i, arg) in args.iter().enumerate() {
        if arg == name {
            found = args.get(i + 1).map(OsString::as_os_str);
        } else if let Some(value) = arg.to_str().and_then(|arg| arg.strip_prefix(name)?.strip_prefix('=')) {
            found = Some(OsStr::new(value));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn os(args: &[&str]) -> Vec<OsString> {
        args.iter().map(OsString::from).collect()
    }

    #[test]
    fn own_options_stand_before_the_system() {
        let options = Options::parse(&os(&[
            "--features",
            "wgpu",
            "--profile=smoke",
            "dcgan",
            "--device",
            "wgpu",
            "--steps",
            "3",
        ]))
        .unwrap();
        assert_eq!(options.features, Some("wgpu".into()));
        assert_eq!(options.profile, "smoke");
        assert_eq!(options.rest, os(&["dcgan", "--device", "wgpu", "--steps", "3"]));
    }

    #[test]
    fn words_after_the_system_are_not_read() {
        let args = os(&["vae", "--profile", "x", "--features=y"]);
        let options = Options::parse(&args).unwrap();
        assert_eq!(options.features, None);
        assert_eq!(options.profile, "release");
        assert_eq!(options.rest, args);
    }

    #[test]
    fn flags_of_ganvas_end_the_own_options() {
        let options = Options::parse(&os(&["--steps", "20"])).unwrap();
        assert_eq!(options.rest, os(&["--steps", "20"]));
    }

    #[test]
    fn a_double_dash_ends_the_own_options_and_is_dropped() {
        let options = Options::parse(&os(&["--profile", "dev", "--", "--profile", "x"])).unwrap();
        assert_eq!(options.profile, "dev");
        assert_eq!(options.rest, os(&["--profile", "x"]));
    }

    #[test]
    fn a_missing_value_is_a_usage_error() {
        for args in [os(&["--features"]), os(&["--features="]), os(&["--profile", ""])] {
            assert!(matches!(Options::parse(&args), Err(Failure::Usage(_))), "{args:?}");
        }
    }

    #[test]
    fn an_option_that_only_begins_alike_is_left_alone() {
        let options = Options::parse(&os(&["--profiles", "2"])).unwrap();
        assert_eq!(options.rest, os(&["--profiles", "2"]));
    }

    #[test]
    fn the_last_value_counts() {
        let args = os(&["--data", "mnist", "--seed", "1", "--data=digits"]);
        assert_eq!(find_value(&args, "--data"), Some(OsStr::new("digits")));
        assert_eq!(find_value(&args, "--out"), None);
        assert_eq!(find_value(&os(&["--data"]), "--data"), None);
    }
}
