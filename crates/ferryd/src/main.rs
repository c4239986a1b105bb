//! `ferryd`, the Ferry FTP server: from a command line to a running engine.
//!
//! This crate decides nothing about FTP. It reads what an operator wants (flags in [`cli`] and
//! [`oneshot`], a file in [`config`]), checks all of it, and hands it to `ferry_server`.

mod addresses;
mod announce;
mod auth;
mod certs;
mod cli;
mod clock;
mod config;
mod elsewhere;
mod hash_password;
mod homes;
mod log;
mod nofile;
mod oneshot;
mod ports;
mod qr;
mod reach;
mod say;
mod secret;
mod serve;
mod values;

use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use ferry_server::options::ListenTls;
use tracing::{info, warn};

use crate::cli::{Cli, Command, Serve};
use crate::log::Verbosity;
use crate::oneshot::Share;
use crate::serve::{Ended, Plan};

/// How many tasks a thread runs until it looks who else has something to do. Under TLS a transfer
/// seals for half a millisecond and more at a time, and the runtime by itself looks after 61 of
/// them. A NOOP beside four such downloads on two processors, at 99 %: 11.6 ms; with this, 2.8 ms.
const POLLS_MAX: u32 = 4;

/// The command line or the configuration file is wrong. clap uses the same number.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match (cli.command, &cli.serve.config, &cli.serve.directory) {
        (Some(Command::CheckConfig { file }), ..) => check_config(&file),
        (Some(Command::CheckReachability { config }), ..) => {
            check_reachability(config.as_deref(), &cli.serve)
        }
        (Some(Command::HashPassword), ..) => hash_password(),
        (None, Some(file), _) => serve_config(file, &cli.serve),
        (None, None, Some(directory)) => serve_directory(directory, &cli.serve),
        // clap asks for a directory where there is no configuration file.
        (None, None, None) => ExitCode::from(USAGE),
    }
}

fn check_config(file: &Path) -> ExitCode {
    match config::load(file) {
        Ok(plan) => {
            say::out(&config::summary(file, &plan));
            ExitCode::SUCCESS
        }
        Err(wrong) => usage(&wrong.render(io::stderr().is_terminal())),
    }
}

fn check_reachability(file: Option<&Path>, flags: &Serve) -> ExitCode {
    let (options, has_tls) = match file.map(config::load) {
        Some(Ok(plan)) => (plan.options, plan.identity.is_some()),
        Some(Err(wrong)) => return usage(&wrong.render(io::stderr().is_terminal())),
        // A directory served from flags always has a certificate.
        None => (oneshot::usual(flags), true),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return failed(&e),
    };
    let report = runtime.block_on(reach::check(options, has_tls));
    // A look-up that hangs must not hold up the end.
    runtime.shutdown_background();
    say::out(&report.text);
    if report.is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn hash_password() -> ExitCode {
    match hash_password::run() {
        Ok(hash) => {
            say::out(&format!("{hash}\n"));
            ExitCode::SUCCESS
        }
        Err(why) => failed(&why),
    }
}

fn serve_directory(directory: &Path, flags: &Serve) -> ExitCode {
    let env_password = match std::env::var("FERRY_PASSWORD") {
        Ok(text) => Some(text),
        Err(std::env::VarError::NotPresent) => None,
        Err(e) => return usage(&format!("ferryd: FERRY_PASSWORD: {e}")),
    };
    let mut share = match Share::new(flags, directory, env_password.as_deref()) {
        Ok(share) => share,
        Err(why) if why.is_usage() => return usage(&format!("ferryd: {why}")),
        Err(why) => return failed(&why),
    };
    in_runtime(verbosity(flags), async || {
        share.plan.fit_to_open_files();
        let bound = share.bind(flags)?;
        share.plan.sweep().await;
        let public = match &share.plan.options.public_address {
            Some(public) => addresses::of_public(public).await,
            None => None,
        };
        let (text, url) = share.announce(&bound, public);
        say::out(&text);
        if flags.qr {
            match url.and_then(|url| qr::render(&url)) {
                Some(code) => say::out(&code),
                None => say::err("No QR code: this machine has no address others could use."),
            }
        }
        serve::until_stopped(bound.server).await
    })
}

fn serve_config(file: &Path, flags: &Serve) -> ExitCode {
    let mut plan = match config::load(file) {
        Ok(plan) => plan,
        Err(wrong) => return usage(&wrong.render(io::stderr().is_terminal())),
    };
    in_runtime(verbosity(flags), async || {
        plan.fit_to_open_files();
        let server = plan.bind(plan.options.listen.clone())?;
        plan.sweep().await;
        log_start(&plan, &server.addresses());
        serve::until_stopped(server).await
    })
}

/// What an operator looks for first in a log.
fn log_start(plan: &Plan, addresses: &[std::net::SocketAddr]) {
    for (at, listen) in addresses.iter().zip(&plan.options.listen) {
        let tls = match (listen.tls, &plan.identity) {
            (ListenTls::Implicit, _) => "implicit TLS",
            (_, Some(_)) => "explicit TLS",
            (_, None) => "no TLS",
        };
        info!("listening on {at} ({tls})");
    }
    if let Some(identity) = &plan.identity {
        info!("certificate SHA-256 {}", identity.fingerprint);
    }
    for there in plan.homes.servers() {
        info!("serving {there}, connected when first used");
        if let Some(path) = &there.exposed {
            warn!("everyone on this machine can read the password in {}", path.display());
        }
    }
    for host in &plan.hosts {
        let names = host.names.join(", ");
        match &host.identity {
            Some(own) => info!("host {names}, certificate SHA-256 {}", own.fingerprint),
            None => info!("host {names}"),
        }
    }
}

fn verbosity(flags: &Serve) -> Verbosity {
    match (flags.quiet, flags.verbose) {
        (true, _) => Verbosity::Quiet,
        (_, true) => Verbosity::Verbose,
        _ => Verbosity::Normal,
    }
}

/// Runs `serving` with everything that has to be up around it.
fn in_runtime(verbosity: Verbosity, serving: impl AsyncFnOnce() -> io::Result<Ended>) -> ExitCode {
    let drain = log::start(verbosity);
    let built =
        tokio::runtime::Builder::new_multi_thread().enable_all().event_interval(POLLS_MAX).build();
    let runtime = match built {
        Ok(runtime) => runtime,
        Err(e) => return failed(&e),
    };
    let ended = runtime.block_on(serving());
    // Hashes and file operations still under way must not hold up the end.
    runtime.shutdown_background();
    drop(drain);
    match ended {
        Ok(Ended::Gracefully) => ExitCode::SUCCESS,
        Ok(Ended::Cut) => failed(&"stopped at once; transfers were cut"),
        Err(e) => failed(&e),
    }
}

/// The operator asked for something that cannot be.
fn usage(text: &str) -> ExitCode {
    say::err(text);
    ExitCode::from(USAGE)
}

/// Something went wrong while running.
fn failed(why: &dyn std::fmt::Display) -> ExitCode {
    say::err(&format!("ferryd: {why}"));
    ExitCode::FAILURE
}
