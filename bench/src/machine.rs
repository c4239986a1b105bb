//! When, where and by what a page was measured.

use std::fs;
use std::process::Command;

/// Date, machine, load and the command that does it again, as a list.
pub(crate) fn facts() -> String {
    let words: Vec<String> = std::env::args().skip(1).collect();
    format!(
        "- Date: {}\n- Machine: {}, {} cores, {}\n- Load when it began: {}\n\
         - Again: `cargo run --release -p ferry-bench -- {}`\n",
        said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        processor(),
        std::thread::available_parallelism().map_or(0, usize::from),
        said("uname", &["-sr"]),
        fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
        words.join(" "),
    )
}

/// The version of the `ferryd` that is measured.
pub(crate) fn ferryd() -> String {
    let path = interop::server::binary().map(|path| path.display().to_string());
    path.map(|path| said(&path, &["--version"])).unwrap_or_else(|e| e.to_string())
}

/// The first line a program says.
pub(crate) fn said(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).output();
    let text = done.map(|done| String::from_utf8_lossy(&done.stdout).into_owned());
    text.unwrap_or_default().lines().next().unwrap_or("unknown").trim().to_owned()
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.trim().to_owned())
}
