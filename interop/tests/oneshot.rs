//! The README's main command: `ferryd DIR`, then paste one of the URLs it prints.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use interop::peers::have;
use interop::process::run;
use interop::server::binary;

const LIMIT: Duration = Duration::from_secs(20);

/// Starts `ferryd ./share`, hands over the URLs it prints, and ends it.
fn with_urls(check: impl FnOnce(&[String], &std::path::Path)) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("share")).unwrap();
    fs::write(dir.path().join("share/hello.txt"), "hello\n").unwrap();
    let mut ferryd = Command::new(fs::canonicalize(binary().unwrap()).unwrap())
        .arg("./share")
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stdout = ferryd.stdout.take().unwrap();
    let (send, lines) = channel();
    thread::spawn(move || {
        BufReader::new(stdout).lines().map_while(Result::ok).all(|line| send.send(line).is_ok())
    });
    let mut urls = Vec::new();
    // The announcement ends with how to stop.
    while let Ok(line) = lines.recv_timeout(LIMIT) {
        let words = line.split_whitespace().filter(|word| word.contains("://"));
        urls.extend(words.map(str::to_owned));
        if line.starts_with("Stop") {
            break;
        }
    }
    check(&urls, &dir.path().join("share"));
    drop(ferryd.kill());
    drop(ferryd.wait());
}

fn curl(arguments: &[&str]) -> String {
    let mut curl = Command::new("curl");
    curl.args(["--disable", "-sS", "--globoff"]).args(arguments);
    run(curl, b"", LIMIT).unwrap().success().unwrap().stdout
}

#[test]
fn a_printed_url_is_enough_to_download_and_upload() {
    if !have("curl") {
        return;
    }
    with_urls(|urls, share| {
        let plain = urls.iter().find(|url| url.starts_with("ftp://")).unwrap();
        assert_eq!(curl(&[&format!("{plain}hello.txt")]), "hello\n", "{urls:?}");
        let local = share.join("../new.txt");
        fs::write(&local, "sent\n").unwrap();
        curl(&["--upload-file", local.to_str().unwrap(), &format!("{plain}new.txt")]);
        assert_eq!(fs::read_to_string(share.join("new.txt")).unwrap(), "sent\n");
        // curl knows explicit TLS by an option, not by a scheme.
        let secure = urls.iter().find(|url| url.starts_with("ftpes://")).unwrap();
        let secure = secure.replacen("ftpes", "ftp", 1);
        let got = curl(&["--ssl-reqd", "--insecure", &format!("{secure}hello.txt")]);
        assert_eq!(got, "hello\n", "{urls:?}");
    });
}
