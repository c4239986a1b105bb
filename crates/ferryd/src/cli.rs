//! The command line: what can be typed, and the help that explains it.
//!
//! Only syntax lives here. What the flags mean together is decided in [`crate::oneshot`].

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ferry_server::options::{Public, Timetable};

use crate::values::{self, ListenAt, UserArg};

const USAGE: &str = "\
ferryd [OPTIONS] <DIRECTORY>
       ferryd [-q | -v] --config <FILE>
       ferryd check-config <FILE>
       ferryd check-reachability [--config <FILE>]
       ferryd hash-password";

const EXAMPLES: &str = "\
Examples:
  ferryd ./share                         Serve a directory; a user and a password are made up
  ferryd --read-only --qr ./share        Downloads only, with a QR code for a telephone
  ferryd --anonymous ./pub               Anyone may also download without a password
  ferryd --user alice:secret ./share     A user of your own
  ferryd --config /etc/ferry.toml        Serve what a configuration file says
  ferryd check-config /etc/ferry.toml    Look for mistakes in it, without serving
  ferryd check-reachability              What clients outside would see, and what is wrong with it
  ferryd hash-password                   Make the password hash a configuration file wants

Environment:
  FERRY_PASSWORD   Password of the first user that --user gives none

Exit status:
  0   stopped as asked (Ctrl-C or SIGTERM), or nothing wrong was found
  1   something failed while running: a port that is taken, no randomness, a second signal;
      or clients could not reach what was checked
  2   the command line or the configuration file is wrong";

/// An FTP and FTPS server.
///
/// Serves one directory at once, or whatever a configuration file says. Every FTP client can use
/// it, with or without TLS.
#[derive(Debug, Parser)]
#[command(
    name = "ferryd",
    version,
    override_usage = USAGE,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) serve: Serve,
}

/// What can be done besides serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Look for mistakes in a configuration file.
    ///
    /// Everything is checked that is checked at start, except whether the ports are free.
    CheckConfig {
        /// The file to check.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Tell what clients outside would see, and what is wrong with it.
    ///
    /// Looks up names, binds the ports and connects to them as far as that can be tried on this
    /// machine, while no server runs or beside one that does. Nothing is served.
    CheckReachability {
        /// Check what FILE says instead of what a directory served from flags would have.
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
    },
    /// Make a password hash for a configuration file.
    ///
    /// Asks for the password twice without showing it, or reads one line where standard input is
    /// not a terminal. Only the hash is printed.
    HashPassword,
}

/// What is served, to whom and where.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The directory to serve.
    #[arg(value_name = "DIRECTORY", required_unless_present = "config")]
    pub(crate) directory: Option<PathBuf>,

    /// Serve what FILE says; only -q and -v go with it.
    #[arg(long, value_name = "FILE", conflicts_with_all = SHARE_FLAGS)]
    pub(crate) config: Option<PathBuf>,

    /// Nobody may change anything.
    #[arg(long, help_heading = "Who may do what")]
    pub(crate) read_only: bool,

    /// Let anyone download without a password, as "anonymous" or "ftp".
    #[arg(long, help_heading = "Who may do what")]
    pub(crate) anonymous: bool,

    /// Let NAME in (repeatable); a password not given is made up. Without any, the user is "ferry".
    #[arg(long, value_name = "NAME[:PASSWORD]", value_parser = values::user_arg,
          help_heading = "Who may do what")]
    pub(crate) user: Vec<UserArg>,

    /// The port to listen on; otherwise 21, or 2121 where 21 is not to be had.
    #[arg(long, value_name = "PORT", help_heading = "Where it listens")]
    pub(crate) port: Option<u16>,

    /// An address to listen on (repeatable), IPv4 or IPv6, with or without a port; otherwise all.
    #[arg(long, value_name = "ADDRESS", value_parser = values::listen_at,
          help_heading = "Where it listens")]
    pub(crate) listen: Vec<ListenAt>,

    /// Also listen on PORT with TLS from the first octet (990 by custom).
    #[arg(long, value_name = "PORT", help_heading = "Where it listens")]
    pub(crate) implicit_port: Option<u16>,

    /// Ports for passive data connections [default: 50000-50999].
    #[arg(long, value_name = "A-B", value_parser = values::ports,
          help_heading = "Where it listens")]
    pub(crate) passive_ports: Option<RangeInclusive<u16>>,

    /// The IPv4 address to name in PASV replies, or a name for it, behind a router.
    #[arg(long, value_name = "IP|NAME", value_parser = values::public_address,
          help_heading = "Where it listens")]
    pub(crate) public_address: Option<Public>,

    /// Certificate chain (PEM); otherwise a self-signed one is made.
    #[arg(long, value_name = "FILE", requires = "tls_key", help_heading = "TLS")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Its private key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert", help_heading = "TLS")]
    pub(crate) tls_key: Option<PathBuf>,

    /// Refuse log-ins and data connections without TLS.
    #[arg(long, help_heading = "TLS")]
    pub(crate) require_tls: bool,

    /// Whether data connections must resume their control connection's TLS session.
    #[arg(long, value_name = "WHEN", default_value = "prefer", help_heading = "TLS")]
    pub(crate) resumption: Resumption,

    /// The most sessions at once [default: 10000, or what the open-files limit allows].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..),
          help_heading = "Limits")]
    pub(crate) max_sessions: Option<u32>,

    /// The most sessions at once from one address [default: 20].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..),
          help_heading = "Limits")]
    pub(crate) max_per_address: Option<u32>,

    /// Disconnect after this long a silence: seconds, or 90s, 5m, 1h [default: 5m].
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Limits")]
    pub(crate) idle_timeout: Option<Duration>,

    /// How fast all clients together may download: octets a second, or 500K, 2M, or by the time of
    /// day: "08:00-18:00 2M, else 20M".
    #[arg(long, value_name = "RATE", value_parser = values::rate, help_heading = "Limits")]
    pub(crate) limit_download: Option<Timetable>,

    /// How fast all clients together may upload.
    #[arg(long, value_name = "RATE", value_parser = values::rate, help_heading = "Limits")]
    pub(crate) limit_upload: Option<Timetable>,

    /// Also print the first address as a QR code.
    #[arg(long, help_heading = "What is printed")]
    pub(crate) qr: bool,

    /// Log only what goes wrong.
    #[arg(short, long, conflicts_with = "verbose", help_heading = "What is printed")]
    pub(crate) quiet: bool,

    /// Log every connection, too.
    #[arg(short, long, help_heading = "What is printed")]
    pub(crate) verbose: bool,
}

/// Everything a configuration file says better.
const SHARE_FLAGS: [&str; 19] = [
    "directory",
    "read_only",
    "anonymous",
    "user",
    "port",
    "listen",
    "implicit_port",
    "passive_ports",
    "public_address",
    "tls_cert",
    "tls_key",
    "require_tls",
    "resumption",
    "max_sessions",
    "max_per_address",
    "idle_timeout",
    "limit_download",
    "limit_upload",
    "qr",
];

/// Values of `--resumption`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Resumption {
    /// Never offered.
    Off,
    /// Offered, not insisted on.
    Prefer,
    /// Data connections that do not resume are refused.
    Strict,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;
    use std::path::Path;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    fn serve(line: &str) -> Serve {
        parse(line).unwrap().serve
    }

    #[test]
    fn the_declaration_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_directory_is_enough() {
        let serve = serve("ferryd ./share");
        assert_eq!(serve.directory, Some(PathBuf::from("./share")));
        assert!(!serve.read_only && !serve.anonymous && serve.user.is_empty());
        assert_eq!((serve.port, serve.resumption), (None, Resumption::Prefer));
    }

    #[test]
    fn every_flag_is_understood() {
        let serve = serve(
            "ferryd --read-only --anonymous --user alice --user bob:pw --port 2100 \
             --listen 127.0.0.1 --listen [::1]:2200 --implicit-port 9900 \
             --passive-ports 4000-4100 --public-address 203.0.113.5 --tls-cert c.pem \
             --tls-key k.pem --require-tls --resumption strict --max-sessions 5 \
             --max-per-address 2 --idle-timeout 10m --limit-download 2M \
             --limit-upload 500K --qr -v dir",
        );
        assert!(serve.read_only && serve.anonymous && serve.require_tls && serve.qr);
        assert_eq!(
            serve.user.iter().map(|u| u.name.as_str()).collect::<Vec<_>>(),
            ["alice", "bob"]
        );
        assert_eq!((serve.port, serve.implicit_port), (Some(2100), Some(9900)));
        assert_eq!(serve.listen.len(), 2);
        assert_eq!(serve.passive_ports, Some(4000..=4100));
        assert_eq!(serve.public_address, Some(Public::Ip([203, 0, 113, 5].into())));
        assert_eq!(serve.tls_cert, Some(PathBuf::from("c.pem")));
        assert_eq!(serve.resumption, Resumption::Strict);
        assert_eq!((serve.max_sessions, serve.max_per_address), (Some(5), Some(2)));
        assert_eq!(serve.idle_timeout, Some(Duration::from_secs(600)));
        let rate = |table: Option<Timetable>| table.and_then(|table| table.at(0));
        assert_eq!(rate(serve.limit_download), Some(2 << 20));
        assert_eq!(rate(serve.limit_upload), Some(500 << 10));
        assert!(serve.verbose && !serve.quiet);
    }

    #[test]
    fn commands_are_told_from_directories() {
        let check = parse("ferryd check-config f.toml").unwrap();
        assert!(matches!(check.command, Some(Command::CheckConfig { file })
            if file == Path::new("f.toml")));
        let reach = parse("ferryd check-reachability --config f.toml").unwrap();
        assert!(matches!(reach.command, Some(Command::CheckReachability { config: Some(file) })
            if file == Path::new("f.toml")));
        let hash = parse("ferryd hash-password").unwrap();
        assert!(matches!(hash.command, Some(Command::HashPassword)));
        assert!(parse("ferryd ./check-config").unwrap().command.is_none());
    }

    #[test]
    fn lines_that_make_no_sense_are_refused() {
        for line in [
            "ferryd",
            "ferryd --port 21",
            "ferryd --config f.toml dir",
            "ferryd --config f.toml --read-only",
            "ferryd --config f.toml --resumption off",
            "ferryd --config f.toml --user a",
            "ferryd a b",
            "ferryd --tls-cert c.pem dir",
            "ferryd --tls-key k.pem dir",
            "ferryd -q -v dir",
            "ferryd --port 70000 dir",
            "ferryd --max-sessions 0 dir",
            "ferryd --idle-timeout never dir",
            "ferryd --limit-download fast dir",
            "ferryd --resumption always dir",
            "ferryd --public-address ::1 dir",
            "ferryd --passive-ports 9-1 dir",
            "ferryd --user : dir",
            "ferryd --nonsense dir",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("ferryd --config f.toml -q").is_ok());
    }

    #[test]
    fn every_share_flag_is_kept_from_a_configuration_file() {
        let command = Cli::command();
        let excepted = ["config", "quiet", "verbose", "help", "version"];
        for arg in command.get_arguments() {
            let id = arg.get_id().as_str();
            assert_ne!(SHARE_FLAGS.contains(&id), excepted.contains(&id), "{id}");
        }
    }

    #[test]
    fn the_help_explains_every_flag_and_the_exit_status() {
        let mut command = Cli::command();
        let help = command.render_long_help().to_string();
        for needle in ["Examples:", "Exit status:", "FERRY_PASSWORD", "Who may do what:"] {
            assert!(help.contains(needle), "{needle} in\n{help}");
        }
        for arg in command.get_arguments() {
            assert!(arg.get_help().is_some(), "{} has no help", arg.get_id());
        }
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
}
