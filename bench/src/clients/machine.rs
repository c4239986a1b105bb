//! When, where and with what: the head of the page.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use super::tools::Ready;

/// The head, with `settings` of the kernel and the command that does it again.
pub(crate) fn about(tools: &[Ready], settings: &[String]) -> String {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut text = format!(
        "# FTP clients side by side\n\n\
         Each client's best parallelism was found on a smaller load, then all ran by turns. What\n\
         came was compared octet for octet before its time counted. Everything lay in memory.\n\n\
         - Date: {}\n- Machine: {}, {} cores, {}\n- Load when it began: {}\n\
         - Again: `cargo run --release -p ferry-bench -- {}`\n",
        said("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        processor(),
        std::thread::available_parallelism().map_or(0, usize::from),
        said("uname", &["-sr"]),
        fs::read_to_string("/proc/loadavg").unwrap_or_default().trim(),
        words.join(" "),
    );
    for setting in settings {
        let _ = writeln!(text, "- {setting}");
    }
    text += "\n| program | version |\n|---|---|\n";
    for tool in tools {
        let version = tool.version.as_deref().unwrap_or("not here");
        let _ = writeln!(text, "| {} | {version} |", tool.kind.name);
    }
    let ferryd = interop::server::binary().map(|path| path.display().to_string());
    let ferryd = ferryd.map(|path| said(&path, &["--version"]));
    let _ = writeln!(text, "| ferryd | {} |", ferryd.unwrap_or_else(|e| e.to_string()));
    let vsftpd = interop::servers::folder().join("vsftpd/usr/sbin/vsftpd").display().to_string();
    // It writes to its standard input.
    let vsftpd = said("sh", &["-c", "\"$0\" -v 0>&1", &vsftpd]);
    let _ = writeln!(text, "| vsftpd | {vsftpd} |");
    text
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    model.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.trim().to_owned())
}

fn said(program: &str, arguments: &[&str]) -> String {
    let done = Command::new(program).args(arguments).output();
    let text = done.map(|done| String::from_utf8_lossy(&done.stdout).into_owned());
    text.unwrap_or_default().lines().next().unwrap_or("unknown").trim().to_owned()
}
