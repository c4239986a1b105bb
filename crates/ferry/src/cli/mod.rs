//! The command line: what can be typed, and the help that explains it. Only syntax; what flags
//! mean together is decided in [`setup`](crate::setup), what commands do in
//! [`commands`](crate::commands).

mod commands;
pub(crate) mod values;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, Parser, ValueEnum};
use ferry_client::settings::{Compress, Proxy};

pub(crate) use commands::*;
use values::{Rates, Since};

use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  ferry ls -l ftp://ftp.example/pub/             List a directory
  ferry get 'ftp://ftp.example/pub/*.iso' .      Download, resuming what is half there
  ferry put report.pdf ftpes://me@ftp.example/   Upload over TLS
  ferry mirror ftp://ftp.example/pub ./pub       Make a local tree like the remote one
  ferry mirror ./site web:htdocs --delete        Make a remote tree like the local one
  ferry sync ./notes web:notes                   Make two trees alike, both ways
  ferry shell ftpes://me@ftp.example/            Work there by hand

Places are URLs, bookmarks (NAME:PATH), local paths, or - for standard input and output.
A path in a URL starts in the directory after log-in; //PATH or /%2FPATH start at the root.";

/// What `--help` says at its end: examples, the environment, the exit codes.
pub(crate) fn long_help(exits: &[(Exit, &str)]) -> String {
    let mut text = String::from(EXAMPLES);
    text.push_str(
        "\n\nEnvironment:\n  FERRY_PASSWORD   The password, where none is in the URL\n  \
         NETRC            The file of log-ins, in place of ~/.netrc\n\nExit status:\n",
    );
    for (exit, meaning) in exits {
        text.push_str(&format!("  {:>2}  {}\n", exit.code(), meaning.replace('`', "")));
    }
    text
}

/// Files to and from FTP servers.
#[derive(Debug, Parser)]
#[command(
    name = "ferry",
    version,
    after_help = EXAMPLES,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) flags: Flags,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Flags {
    #[command(flatten)]
    pub(crate) connection: Connection,
    #[command(flatten)]
    pub(crate) login: Login,
    #[command(flatten)]
    pub(crate) transfer: Transfer,
    #[command(flatten)]
    pub(crate) choice: Choice,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// How to get to a server, and whom to trust there.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connection")]
#[allow(clippy::struct_excessive_bools, reason = "flags are")]
pub(crate) struct Connection {
    /// The longest silence of the server
    #[arg(long, global = true, value_name = "SECONDS", default_value = "30",
          value_parser = values::timeout)]
    pub(crate) timeout: Duration,

    /// No TLS for ftp:// URLs: whoever listens reads passwords and files
    #[arg(long, global = true, conflicts_with = "tls")]
    pub(crate) plain: bool,

    /// TLS for anonymous log-ins, too, or none at all
    #[arg(long, global = true)]
    pub(crate) tls: bool,

    /// Accepts any certificate: whoever is in between can read and change everything
    #[arg(long, global = true, conflicts_with_all = ["pin", "ca"])]
    pub(crate) insecure: bool,

    /// Accepts the certificate with this SHA-256 and no other (repeatable)
    #[arg(long, global = true, value_name = "SHA256", value_parser = values::fingerprint,
          conflicts_with = "ca")]
    pub(crate) pin: Vec<[u8; 32]>,

    /// Accepts certificates issued by those in this PEM file and no others (repeatable)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca: Vec<PathBuf>,

    /// A certificate to show to the server (PEM)
    #[arg(long, global = true, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,

    /// Its key (PEM)
    #[arg(long, global = true, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,

    /// Goes by a proxy: `socks5://[USER:PASSWORD@]HOST[:PORT]` or `http://…`
    #[arg(long, global = true, value_name = "URL", value_parser = values::proxy)]
    pub(crate) proxy: Option<Proxy>,

    /// IPv4 only
    #[arg(short = '4', long, global = true, conflicts_with = "ipv6")]
    pub(crate) ipv4: bool,

    /// IPv6 only
    #[arg(short = '6', long, global = true)]
    pub(crate) ipv6: bool,

    /// Data connections come from the server, not from here
    #[arg(long, global = true)]
    pub(crate) active: bool,

    /// Says NOOP so often while a transfer keeps the control connection quiet
    #[arg(long, global = true, value_name = "SECONDS", value_parser = values::timeout)]
    pub(crate) keep_alive: Option<Duration>,

    /// The charset of the server's names, where it is not UTF-8
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) charset: Option<String>,

    /// The most connections to a server at a time
    #[arg(long, global = true, value_name = "N",
          value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) parallel: Option<u16>,

    /// How often something is tried again that may work later
    #[arg(long, global = true, value_name = "N", default_value_t = 4)]
    pub(crate) retries: u32,
}

/// Who logs in.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Log-in")]
pub(crate) struct Login {
    /// The name to log in with, where the URL has none
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) user: Option<String>,

    /// A command whose first line of output is the password
    #[arg(long, global = true, value_name = "COMMAND")]
    pub(crate) password_command: Option<String>,

    /// A file of log-ins, in place of ~/.netrc
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) netrc: Option<PathBuf>,
}

/// How files are moved.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Transfers")]
#[allow(clippy::struct_excessive_bools, reason = "flags are")]
pub(crate) struct Transfer {
    /// Continues files that are there in part under their own name, too
    #[arg(long, global = true, conflicts_with = "no_resume")]
    pub(crate) resume: bool,

    /// Begins every file anew
    #[arg(long, global = true)]
    pub(crate) no_resume: bool,

    /// Compares hashes of both files when a file is whole
    #[arg(long, global = true)]
    pub(crate) verify: bool,

    /// Uploads to a temporary name, too, renamed when whole
    #[arg(long, global = true)]
    pub(crate) atomic: bool,

    /// Leaves times of modification alone
    #[arg(long, global = true)]
    pub(crate) no_times: bool,

    /// Compresses what is moved where the server can (MODE Z), as hard as LEVEL says, 0 to 9
    #[arg(long, global = true, value_name = "LEVEL", num_args = 0..=1, require_equals = true,
          default_missing_value = "", value_parser = values::compress)]
    pub(crate) compress: Option<Compress>,

    /// Octets per second: RATE, DOWN:UP, or timetables 'HH:MM-HH:MM RATE, else RATE / …'
    #[arg(long, global = true, value_name = "RATE", value_parser = values::rates)]
    pub(crate) limit_rate: Option<Rates>,

    /// Ends when so many octets were moved
    #[arg(long, global = true, value_name = "SIZE", value_parser = values::size)]
    pub(crate) max_transfer: Option<u64>,

    /// Parts of a large file that are moved at the same time
    #[arg(long, global = true, value_name = "N",
          value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) segments: Option<u8>,

    /// Says what would be done, and does nothing
    #[arg(short = 'n', long, global = true)]
    pub(crate) dry_run: bool,
}

/// Which files.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which files")]
pub(crate) struct Choice {
    /// Takes what matches back in, by the rules of .gitignore (repeatable, in order)
    #[arg(long, global = true, value_name = "GLOB")]
    pub(crate) include: Vec<String>,

    /// Leaves out what matches, by the rules of .gitignore (repeatable, in order)
    #[arg(short = 'x', long, global = true, value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,

    /// Both in the order they were typed in: whether it includes, and the pattern
    #[arg(skip)]
    pub(crate) rules: Vec<(bool, String)>,

    /// Leaves out what lines of this file match
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) exclude_from: Vec<PathBuf>,

    /// Leaves out smaller files
    #[arg(long, global = true, value_name = "SIZE", value_parser = values::size)]
    pub(crate) min_size: Option<u64>,

    /// Leaves out larger files
    #[arg(long, global = true, value_name = "SIZE", value_parser = values::size)]
    pub(crate) max_size: Option<u64>,

    /// Leaves out what was not changed since: 2d, 3h, or a date like 2026-03-01
    #[arg(long, global = true, value_name = "TIME", value_parser = values::since)]
    pub(crate) newer_than: Option<Since>,
}

/// What is said.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
#[allow(clippy::struct_excessive_bools, reason = "flags are")]
pub(crate) struct Output {
    /// One JSON object a line instead of text for people
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Says nothing but errors and what was asked for
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,

    /// Says more: every file, every decision
    #[arg(short, long, global = true, action = ArgAction::SetTrue)]
    pub(crate) verbose: bool,

    /// Shows the conversation with the server, without passwords
    #[arg(long, global = true)]
    pub(crate) trace: bool,
}

/// With includes and excludes in the order they were typed in.
pub(crate) fn with_rules(mut cli: Cli, matches: &ArgMatches) -> Cli {
    cli.flags.choice.rules = rules(matches);
    cli
}

/// Includes and excludes in the order they were typed in, which decides what they mean.
pub(crate) fn rules(matches: &ArgMatches) -> Vec<(bool, String)> {
    let inner = innermost(matches);
    let mut rules: Vec<(usize, bool, String)> = Vec::new();
    for (id, include) in [("include", true), ("exclude", false)] {
        let typed = inner.get_many::<String>(id).into_iter().flatten();
        let places = inner.indices_of(id).into_iter().flatten();
        rules.extend(places.zip(typed).map(|(at, rule)| (at, include, rule.clone())));
    }
    rules.sort_by_key(|(at, ..)| *at);
    rules.into_iter().map(|(_, include, rule)| (include, rule)).collect()
}

/// The flags that were typed with the command itself, which knows those before it, too.
fn innermost(mut matches: &ArgMatches) -> &ArgMatches {
    while let Some((_, below)) = matches.subcommand() {
        matches = below;
    }
    matches
}

/// The flags of a command line as words again, for commands that run under it.
pub(crate) fn session_words(matches: &ArgMatches) -> Vec<OsString> {
    let inner = innermost(matches);
    let mut words = Vec::new();
    for argument in Flags::augment_args(clap::Command::new("flags")).get_arguments() {
        let (id, Some(long)) = (argument.get_id().as_str(), argument.get_long()) else { continue };
        if inner.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        if matches!(argument.get_action(), ArgAction::SetTrue) {
            words.push(OsString::from(format!("--{long}")));
            continue;
        }
        for value in inner.get_raw(id).into_iter().flatten() {
            let mut word = OsString::from(format!("--{long}="));
            word.push(value);
            words.push(word);
        }
    }
    words
}

/// When `--delete` removes what the source does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeleteWhen {
    Before,
    During,
    After,
}

/// What becomes of symbolic links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LinksHow {
    Skip,
    Follow,
    Copy,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_is_explained() {
        for argument in Cli::command().get_arguments() {
            let id = argument.get_id();
            assert!(argument.get_help().is_some() || id == "help" || id == "version", "{id}");
        }
    }

    #[test]
    fn flags_stand_before_or_behind_the_command() {
        let parse = |words: &[&str]| Cli::try_parse_from(words);
        for words in [
            &["ferry", "--json", "ls", "ftp://h/"][..],
            &["ferry", "ls", "--json", "ftp://h/"],
            &["ferry", "ls", "ftp://h/", "--json", "--timeout", "5"],
        ] {
            assert!(parse(words).unwrap().flags.output.json, "{words:?}");
        }
        for words in [
            &["ferry", "ls", "--plain", "--tls", "ftp://h/"][..],
            &["ferry", "ls", "--timeout", "0", "ftp://h/"],
            &["ferry", "get"],
            &["ferry", "nonsense"],
        ] {
            assert!(parse(words).is_err(), "{words:?}");
        }
    }
}
