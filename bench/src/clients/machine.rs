//! When, where and with what: the head of the page.

use super::tools::Ready;
use crate::machine::{facts, ferryd, said};
use std::fmt::Write as _;

/// The head, with `settings` of the kernel and the command that does it again.
pub(crate) fn about(tools: &[Ready], settings: &[String]) -> String {
    let mut text = format!(
        "# FTP clients side by side\n\n\
         Each client's best parallelism was found on a smaller load, then all ran by turns. What\n\
         came was compared octet for octet before its time counted. Everything lay in memory.\n\n\
         {}",
        facts()
    );
    for setting in settings {
        let _ = writeln!(text, "- {setting}");
    }
    text += "\n| program | version |\n|---|---|\n";
    for tool in tools {
        let version = tool.version.as_deref().unwrap_or("not here");
        let _ = writeln!(text, "| {} | {version} |", tool.kind.name);
    }
    let _ = writeln!(text, "| ferryd | {} |", ferryd());
    let vsftpd = interop::servers::folder().join("vsftpd/usr/sbin/vsftpd").display().to_string();
    // It writes to its standard input.
    let vsftpd = said("sh", &["-c", "\"$0\" -v 0>&1", &vsftpd]);
    let _ = writeln!(text, "| vsftpd | {vsftpd} |");
    text
}
