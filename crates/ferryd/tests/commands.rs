//! The commands of the real binary that serve nothing: their output and their exit status.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

fn ferryd(args: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ferryd"))
        .args(args)
        .env_remove("FERRY_PASSWORD")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input may be gone before it is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn hash_of(password: &str) -> String {
    let out = ferryd(&["hash-password"], password);
    assert_eq!(out.status.code(), Some(0));
    text(&out.stdout).trim_end().to_owned()
}

#[test]
fn a_password_hash_is_all_that_is_printed() {
    let out = ferryd(&["hash-password"], "open sesame\n");
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(text(&out.stderr), "");
    let hash = text(&out.stdout);
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    assert_eq!(hash.matches('\n').count(), 1);
    assert!(hash.ends_with('\n'));
}

#[test]
fn a_password_nobody_could_use_is_not_hashed() {
    for input in ["", "\n", &"x".repeat(300)] {
        let out = ferryd(&["hash-password"], input);
        assert_eq!(out.status.code(), Some(1));
        assert_eq!(text(&out.stdout), "");
        assert!(text(&out.stderr).starts_with("ferryd: the password is "));
    }
}

#[test]
fn a_file_without_mistakes_is_summed_up() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ferry.toml");
    let source = format!(
        "[[user]]\nname = \"alice\"\npassword = \"{}\"\nhome = \".\"\naccess = \"read-write\"\n\
         [[listen]]\naddress = \"127.0.0.1\"\nport = 2121\n[anonymous]\nhome = \".\"\n",
        hash_of("secret")
    );
    std::fs::write(&file, source).unwrap();
    let path = file.to_str().unwrap();
    let out = ferryd(&["check-config", path], "");
    assert_eq!((out.status.code(), text(&out.stderr).as_str()), (Some(0), ""));
    let want = format!(
        "{path}: ok\n  listens on    127.0.0.1:2121 (no TLS)\n  data ports    50000-50999\n  \
         users         1, of whom 1 may write\n  anonymous     welcome, read only\n  \
         limits        10000 sessions, 20 per address, 300 s idle\n"
    );
    assert_eq!(text(&out.stdout), want);
}

#[test]
fn a_file_with_mistakes_is_answered_with_all_of_them_and_2() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ferry.toml");
    std::fs::write(&file, "[limits]\nidel = 5\n[[user]]\nname = \"a\"\npassword = \"hunter2\"\n")
        .unwrap();
    let path = file.to_str().unwrap();
    for args in [&["check-config", path][..], &["--config", path]] {
        let out = ferryd(args, "");
        assert_eq!(out.status.code(), Some(2), "{args:?}");
        assert_eq!(text(&out.stdout), "");
        let told = text(&out.stderr);
        for needle in [
            format!("--> {path}:2:1\n"),
            format!("--> {path}:3:1\n"),
            format!("--> {path}:5:12\n"),
            "= help: did you mean `idle`?\n".to_owned(),
            "`password` in [[user]]: a plain password".to_owned(),
            "[[user]] has no `home`\n".to_owned(),
            format!("{path}: 3 mistakes; nothing was started\n"),
        ] {
            assert!(told.contains(&needle), "{needle} in\n{told}");
        }
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn what_cannot_be_read_or_served_is_a_usage_error() {
    let cases: [(&[&str], &str); 5] = [
        (&["check-config", "/nonexistent/f.toml"], "ferryd: cannot read /nonexistent/f.toml: "),
        (&["--config", "/nonexistent/f.toml"], "ferryd: cannot read /nonexistent/f.toml: "),
        (&["/nonexistent/share"], "ferryd: cannot serve /nonexistent/share: "),
        (&["ftp://u:hunter2@h/"], "ferryd: a directory of another server is served from a conf"),
        (&["--nonsense"], "error: unexpected argument '--nonsense' found"),
    ];
    for (args, want) in cases {
        let out = ferryd(args, "");
        assert_eq!(out.status.code(), Some(2), "{args:?}");
        let told = text(&out.stderr);
        assert!(told.starts_with(want) && !told.contains("hunter2"), "{told}");
    }
}

/// Runs `check-reachability` on a file with this in `[server]` and one listener.
fn reachability(server: &str, listen: &str) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ferry.toml");
    let source = format!("[server]\n{server}\n[[listen]]\n{listen}\n[anonymous]\nhome = \".\"\n");
    std::fs::write(&file, source).unwrap();
    ferryd(&["check-reachability", "--config", file.to_str().unwrap()], "")
}

#[test]
fn what_keeps_clients_away_is_listed_and_the_status_is_1() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let server = format!("shared_data_port = {port}");
    let out = reachability(&server, "address = \"127.0.0.1\"\nport = 0");
    assert_eq!((out.status.code(), text(&out.stderr).as_str()), (Some(1), ""));
    let told = text(&out.stdout);
    for needle in [
        "no TLS; free to listen on\n".to_owned(),
        format!("EPSV           229 Entering Extended Passive Mode (|||{port}|)\n"),
        format!("data ports     {port}, shared by all sessions; "),
        "\nWrong\n 1. Only loopback addresses are listened on".to_owned(),
        format!(" 2. Of the data ports {port}, taken now: {port}. Another program"),
    ] {
        assert!(told.contains(&needle), "{needle} in\n{told}");
    }
}

#[test]
fn a_server_that_runs_already_is_no_other_program() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let greeting = std::thread::spawn(move || {
        let (mut client, _) = server.accept().unwrap();
        client.write_all(b"220 Ready.\r\n").unwrap();
        server
    });
    let out = reachability("", &format!("address = \"127.0.0.1\"\nport = {port}"));
    greeting.join().unwrap();
    let told = text(&out.stdout);
    assert!(told.contains("an FTP server answers there already"), "{told}");
    assert!(!told.contains("taken by another program"), "{told}");
}

#[test]
fn a_file_with_mistakes_is_not_tried_but_told_to_be_wrong() {
    let out = reachability("outside_ports = \"61000-61001\"", "port = 0");
    assert_eq!((out.status.code(), text(&out.stdout).as_str()), (Some(2), ""));
    assert!(text(&out.stderr).contains("2 ports outside for 1000 inside"));
}

#[test]
fn help_and_version_are_no_errors() {
    for arg in ["--help", "-h", "--version"] {
        let out = ferryd(&[arg], "");
        assert_eq!(out.status.code(), Some(0), "{arg}");
        assert!(text(&out.stdout).contains("ferryd"));
    }
}
