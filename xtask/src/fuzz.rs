//! Every fuzz target for a moment: that each still builds, still finds its property true on what
//! it comes up with at once, and still starts. Finding new bugs takes longer runs.
//!
//! `cargo fuzz` needs a nightly compiler; these are its flags, minus the sanitizer, on the
//! compiler the project is built with.

use std::fs;

use crate::step::{Failed, cargo, program, step, timed};

/// What libFuzzer needs to see where an input goes.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                     -Cllvm-args=-sanitizer-coverage-pc-table -Ccodegen-units=1 \
                     -Cdebuginfo=line-tables-only";

/// Naming the target keeps the flags off build scripts and procedural macros.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Per target; long enough for some 100,000 inputs each.
const SECONDS: &str = "2";

/// Builds and runs every target.
pub(crate) fn smoke() -> Result<(), Failed> {
    if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        println!("SKIPPED: fuzzing ({TARGET} only)");
        return Ok(());
    }
    step("build the fuzz targets", || {
        cargo(&["build", "--release", "--manifest-path", "fuzz/Cargo.toml", "--target", TARGET])
            .env("RUSTFLAGS", FLAGS)
            // Whatever is set for the workspace is not meant for this build.
            .env("CARGO_TARGET_DIR", crate::root().join("fuzz/target"))
            .run()
    })?;
    step("run the fuzz targets", || targets()?.iter().try_for_each(|target| run(target)))
}

/// The names of the targets: their files. The tidy test holds them against the manifest.
fn targets() -> Result<Vec<String>, Failed> {
    let dir = crate::root().join("fuzz/fuzz_targets");
    let read = |e: std::io::Error| Failed(format!("{}: {e}", dir.display()));
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn run(target: &str) -> Result<(), Failed> {
    let binary = crate::root().join("fuzz/target").join(TARGET).join("release").join(target);
    let artifacts = crate::root().join("fuzz/artifacts").join(target);
    fs::create_dir_all(&artifacts).map_err(|e| Failed(e.to_string()))?;
    let time = format!("-max_total_time={SECONDS}");
    let prefix = format!("-artifact_prefix={}/", artifacts.display());
    let arguments = [&time, &prefix, "-timeout=10", "-rss_limit_mb=1024"];
    let mut fuzzer = program(&binary.display().to_string(), &arguments);
    let (result, took) = timed(|| fuzzer.env("RUST_BACKTRACE", "0").run_quietly());
    let end = if result.is_ok() { "ok" } else { "FAILED" };
    println!("{target}: {end} in {:.1} s", took.as_secs_f64());
    result
}
