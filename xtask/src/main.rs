//! The repository's own commands: `cargo xtask test` is the test command of the README,
//! `cargo xtask ci` is what a merge must pass. `.ci/run` calls the same.
//!
//! Nothing but the standard library, so that it is built in a moment.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod fuzz;
mod peers;
mod step;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use step::{Failed, cargo, step};

const HELP: &str = "\
usage: cargo xtask COMMAND

  peers        get the clients and servers that the tests drive
  test         the same, then run every test, then the interop suite
  bench [FLAGS]
               get them, then measure servers side by side (--quick, --help)
  bench-clients [FLAGS]
               the same with clients
  bench-scale [FLAGS]
               hold a million sessions, and measure what they cost
  fuzz-smoke   run every fuzz target for a moment
  conformance  write docs/conformance.md anew, from the tests that prove it
  fmt          check the formatting
  lint         clippy, warnings denied
  docs         rustdoc, private items too, warnings denied
  deny         licences, sources and bans of the dependencies (needs cargo-deny)
  ci           all of these, in this order

With CI=true a program that is missing is a failure; otherwise it is a printed skip.";

fn main() -> ExitCode {
    let command = std::env::args().nth(1).unwrap_or_default();
    let result = match command.as_str() {
        "peers" => peers(),
        "test" => test(),
        "bench" => bench("servers"),
        "bench-clients" => bench("clients"),
        "bench-scale" => bench("scale"),
        "fuzz-smoke" => fuzz::smoke(),
        "conformance" => conformance(),
        "fmt" => fmt(),
        "lint" => lint(),
        "docs" => docs(),
        "deny" => deny(),
        "ci" => ci(),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("xtask: {failed}");
            ExitCode::FAILURE
        }
    }
}

/// The top of the repository.
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// The programs that the tests drive.
fn peers() -> Result<(), Failed> {
    step("install the clients that the tests drive", || peers::install(is_ci()))?;
    step("get the servers that the tests drive", || peers::servers(&peers_dir(), is_ci()))
}

/// The folder the servers are in.
fn peers_dir() -> PathBuf {
    target_dir().join("peers")
}

/// The interop suite and the benchmark's tests run last and by themselves: they need the real
/// binaries, optimised, and say more.
fn test() -> Result<(), Failed> {
    peers()?;
    step("test the workspace", || {
        cargo(&["test", "--workspace", "--exclude", "interop", "--exclude", "ferry-bench"]).run()
    })?;
    step("build the server and the command", || {
        cargo(&["build", "--release", "--bin", "ferryd", "--bin", "ferry"]).run()
    })?;
    step("test them with real clients and servers", || {
        let mut suite = cargo(&["test", "--package", "interop", "--package", "ferry-bench"]);
        suite.env("FERRYD_BIN", target_dir().join("release/ferryd"));
        suite.env("FERRY_BIN", target_dir().join("release/ferry"));
        suite.env("FERRY_PEERS", peers_dir());
        if is_ci() {
            suite.env("FERRY_REQUIRE_PEERS", "1");
        }
        suite.run()
    })
}

/// Hours, unless the flags, which are those of `ferry-bench` with this subcommand, say otherwise.
fn bench(what: &str) -> Result<(), Failed> {
    peers()?;
    step("build what is measured", || {
        cargo(&["build", "--release", "--bin", "ferryd", "--bin", "ferry"]).run()
    })?;
    let flags: Vec<String> = std::env::args().skip(2).collect();
    let flags = flags.iter().map(String::as_str);
    let run = ["run", "--quiet", "--release", "--package", "ferry-bench", "--", what];
    let words: Vec<&str> = run.into_iter().chain(flags).collect();
    step(&format!("measure {what} side by side"), || {
        cargo(&words)
            .env("FERRYD_BIN", target_dir().join("release/ferryd"))
            .env("FERRY_PEERS", peers_dir())
            .run()
    })
}

/// The page is checked by `test`; this writes it when behaviour, or a proof of it, has changed.
fn conformance() -> Result<(), Failed> {
    step("write docs/conformance.md", || {
        cargo(&["test", "--package", "ferry-server", "--test", "conformance"])
            .env("FERRY_WRITE", "1")
            .run()
    })
}

/// Where cargo puts what it builds, as far as the environment says.
fn target_dir() -> PathBuf {
    let given = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    root().join(given.unwrap_or_else(|| "target".into()))
}

fn fmt() -> Result<(), Failed> {
    step("check the formatting", || {
        cargo(&["fmt", "--all", "--check"]).run()?;
        cargo(&["fmt", "--check", "--manifest-path", "fuzz/Cargo.toml"]).run()
    })
}

fn lint() -> Result<(), Failed> {
    step("lint", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()
    })
}

fn docs() -> Result<(), Failed> {
    step("build the documentation", || {
        cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"])
            .env("RUSTDOCFLAGS", "-D warnings")
            .run()
    })
}

fn deny() -> Result<(), Failed> {
    step("check the dependencies", || {
        cargo(&["deny", "--all-features", "check", "bans", "licenses", "sources"]).run()?;
        if std::env::var("FERRY_DENY_ADVISORIES").is_ok_and(|value| value == "1") {
            return cargo(&["deny", "check", "advisories"]).run();
        }
        println!("LEFT OUT: security advisories (they need the network: FERRY_DENY_ADVISORIES=1)");
        Ok(())
    })
}

fn ci() -> Result<(), Failed> {
    test()?;
    fuzz::smoke()?;
    fmt()?;
    lint()?;
    docs()?;
    deny()
}
