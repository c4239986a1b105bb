//! The real `ferry`: the same by words and exit codes.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ferry_client::site::Security;
use interop::PASSWORD;
use interop::USER;
use interop::process::{Finished, run};
use interop::server::command_binary;

use super::at::At;
use super::sample::alike;

const LIMIT: Duration = Duration::from_secs(20);

/// Runs it in a home of its own; `@PATH` is a URL of PATH.
fn ferry(at: &At<'_>, home: &Path, words: &[&str]) -> Result<Finished, String> {
    let mut command = Command::new(command_binary().map_err(|e| e.to_string())?);
    command.current_dir(home).env("HOME", home).env("FERRY_PASSWORD", PASSWORD);
    for variable in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
        command.env(variable, home.join("xdg"));
    }
    command.env_remove("NETRC").arg("--timeout").arg("5");
    let scheme = match at.site.security {
        Security::Implicit => "ftps",
        Security::Explicit => "ftpes",
        _ => "ftp",
    };
    match at.site.security {
        Security::Plain => command.arg("--plain"),
        _ => command.arg("--ca").arg(&at.peer.certificate),
    };
    let base = format!("{scheme}://{USER}@{}:{}/", at.site.host, at.site.port());
    for word in words {
        match word.strip_prefix('@') {
            Some(path) => command.arg(format!("{base}{path}")),
            None => command.arg(word),
        };
    }
    run(command, b"", LIMIT).map_err(|e| e.to_string())
}

/// Lists, stores, fetches, renames, removes, mirrors with deletion, and tells what is not there.
pub(super) async fn command(at: &At<'_>) -> Result<(), String> {
    at.dir("cmd")?;
    let home = tempfile::tempdir().map_err(|e| e.to_string())?;
    let home = home.path();
    let well = |words: &[&str]| ferry(at, home, words)?.success();
    let name = "a b;-> ü[1].txt";
    fs::write(home.join(name), "by command").map_err(|e| e.to_string())?;
    well(&["put", name, "@cmd/"])?;
    at.is_on_disk(&format!("cmd/{name}"), b"by command")?;
    let listed = well(&["ls", "@cmd/"])?;
    at.check(listed.stdout == format!("{name}\n"), &listed.to_string())?;
    let shown = well(&["cat", "@cmd/a%20b;-%3E%20%C3%BC%5B1%5D.txt"])?;
    at.check(shown.stdout == "by command", &shown.to_string())?;
    well(&["mv", "@cmd/a%20b;-%3E%20%C3%BC%5B1%5D.txt", "@cmd/new"])?;
    well(&["get", "@cmd/new", "back"])?;
    let back = fs::read(home.join("back")).map_err(|e| e.to_string())?;
    at.check(back == b"by command", "something else came back")?;
    well(&["rm", "@cmd/new"])?;
    at.check(!at.peer.root.join("cmd/new").exists(), "it is still there")?;
    let none = ferry(at, home, &["get", "@cmd/none", "none"])?;
    at.check(none.status.code() == Some(3), &none.to_string())?;

    for (dir, extra) in [("tree/-a b", "cmd/tree/extra"), ("tree/c", "cmd/tree/c/extra")] {
        let dir = home.join(dir);
        fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
        for i in 0..5 {
            fs::write(dir.join(format!("{i} \"x\"")), [i; 9]).map_err(|e| e.to_string())?;
        }
        let extra = at.peer.root.join(extra);
        fs::create_dir_all(extra.parent().unwrap_or(&at.peer.root)).map_err(|e| e.to_string())?;
        fs::write(extra, "to go").map_err(|e| e.to_string())?;
    }
    at.peer.settle().map_err(|e| e.to_string())?;
    well(&["mirror", "--no-times", "--delete", "tree", "@cmd/tree"])?;
    alike(&home.join("tree"), &at.peer.root.join("cmd/tree"), u64::MAX)?;
    well(&["mirror", "--delete", "@cmd/tree", "down"])?;
    alike(&home.join("tree"), &home.join("down"), u64::MAX)
}
