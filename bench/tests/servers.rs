//! The benchmark of servers finds, drives and reports `ferryd`. No number is looked at: the machine
//! may be busy.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::fs;
use std::process::Command;
use std::time::Duration;

use interop::peers::say;
use interop::process::run;

const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn every_kind_of_figure_has_a_row_for_ferryd_and_no_remark() {
    let required = std::env::var_os("FERRY_REQUIRE_PEERS").is_some_and(|value| !value.is_empty());
    if interop::server::binary().is_err() {
        assert!(!required, "ferryd is not built, and FERRY_REQUIRE_PEERS demands it");
        say("SKIPPED: ferryd is not built (`cargo xtask test` builds it)\n");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("page.md");
    let figures = [
        "retr plain 1",
        "stor tls 4",
        "small put tls 8",
        "small get plain 1 pipelined",
        "noop plain pipelined",
        "login tls full",
        "latency plain",
        "mlsd",
        "idle tls 50",
    ];
    let mut bench = Command::new(env!("CARGO_BIN_EXE_ferry-bench"));
    bench.args(["servers", "--quick", "--servers", "ferryd", "--out"]).arg(&out);
    for figure in figures {
        bench.args(["--only", figure]);
    }
    let finished = run(bench, b"", LIMIT).unwrap();
    assert!(finished.status.success(), "{}", finished.stderr);
    let page = fs::read_to_string(out).unwrap();
    for figure in figures {
        let table = page.split(&format!("## {figure}\n")).nth(1).unwrap_or_default();
        let table = table.split("\n## ").next().unwrap_or_default();
        let row = table.lines().find(|line| line.starts_with("| ferryd |"));
        // The last column is the remark.
        let fine = row.is_some_and(|row| row.ends_with("|  |") && !row.contains("| — |"));
        assert!(fine, "{figure}: {row:?}\n{page}");
    }
}
