//! The conversation runner, tried on a very small server of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use testkit::net::{SimLink, SimNet};
use testkit::script::{Conversation, Running, Stage, Subject, play_all};

/// Greets, repeats every line, closes after 60 s of silence, and serves one file by EPSV and RETR.
#[derive(Debug)]
struct Parrot;

impl Subject for Parrot {
    fn start(&self, stage: &Stage) -> io::Result<Running> {
        let listener = stage.net.listen_at(stage.server, 8)?;
        let sessions = Arc::new(AtomicU32::new(0));
        let (net, counter) = (stage.net.clone(), Arc::clone(&sessions));
        let task = tokio::spawn(async move {
            loop {
                let link = listener.accept().await;
                let (net, counter) = (net.clone(), Arc::clone(&counter));
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let _ = parrot(&net, &link).await;
                    counter.fetch_sub(1, Ordering::Relaxed);
                });
            }
        });
        let handle = task.abort_handle();
        let (over_tx, over_rx) = tokio::sync::oneshot::channel::<()>();
        let over_tx = std::sync::Mutex::new(Some(over_tx));
        let watch = tokio::spawn(async move {
            let _ = over_rx.await;
            handle.abort();
        });
        Ok(Running::new(
            watch,
            Box::new(move || drop(over_tx.lock().unwrap().take())),
            Box::new(move || sessions.load(Ordering::Relaxed)),
        ))
    }
}

async fn parrot(net: &SimNet, link: &SimLink) -> io::Result<()> {
    link.send(b"220-Hello\r\n220 ready\r\n").await?;
    let mut passive = None;
    loop {
        let line = match tokio::time::timeout(Duration::from_secs(60), link.recv_line()).await {
            Err(_) => return link.send(b"421 too quiet\r\n").await,
            Ok(line) => line?,
        };
        let Some(line) = line else { return Ok(()) };
        match &line[..] {
            b"EPSV" => {
                let listener = net.listen_at(SocketAddr::new(link.local().ip(), 0), 1)?;
                let port = listener.at().port();
                passive = Some(listener);
                link.send(format!("229 Extended (|||{port}|)\r\n").as_bytes()).await?;
            }
            b"RETR" => {
                let Some(listener) = passive.take() else {
                    link.send(b"425 no port\r\n").await?;
                    continue;
                };
                link.send(b"150 here it comes\r\n").await?;
                let data = listener.accept().await;
                data.send(b"hello\n").await?;
                data.close();
                link.send(b"226 done\r\n").await?;
            }
            b"CALL" => {
                let to = "10.0.0.9:80".parse().unwrap();
                let _ = ferry_server::net::Net::connect(net, None, to).await;
                link.send(b"200 called\r\n").await?;
            }
            b"TWICE" => link.send(b"200 once\r\n200 twice\r\n").await?,
            _ => link.send(&[b"200 ", &line[..], b"\r\n"].concat()).await?,
        }
    }
}

const GOOD: &str = r#"
== A file is fetched and the silent client is told to go.
file /a "kept"
connect
S 220
S has: 220-Hello
C: one {two}
S: 200 one *
"#;

#[test]
fn a_conversation_that_goes_as_written_passes_under_every_seed() {
    let text = r#"
# Comments and empty lines are nothing.
== A file is fetched and the silent client is told to go.
file /a "kept"
connect
S: 220-Hello
S: 220 {word}
C: say {word}
S: 200 say ready
C together: "a" "b"
S 200
S 200|250
S has: 200 *
S lacks: 250 *
C: EPSV
S 229
data connect
C: RETR
S 150
D< "hello\n"
S 226
C raw: "x\ty\r\n"
S: 200 x*y
B connect from 192.0.2.77
B S 220
expect sessions 2
B control close
S nothing for 58s
expect within 3s
S 421
S EOF
expect file /a "kept"
expect no file /b
expect no connect to 10.0.0.9
"#;
    assert_eq!(play_all(text, &Parrot, "cargo test"), Ok(1));
}

#[test]
fn a_conversation_that_does_not_says_where_and_how_to_repeat_it() {
    let text = GOOD.replace("C: one {two}\nS: 200 one *", "C: one\nS: 200 two");
    let report = play_all(&text, &Parrot, "cargo test x").unwrap_err();
    for part in [
        "A file is fetched",
        "S: 220-Hello",
        "C: one",
        "line 8: S: 200 two",
        "\"200 one\" does not fit \"200 two\"",
        "seed 0",
        "FERRY_SEED=0 FERRY_CONVERSATION=\"A file is fetched",
        "cargo test x",
    ] {
        assert!(report.contains(part), "{part:?} is not in:\n{report}");
    }
}

#[test]
fn every_kind_of_disappointment_is_noticed() {
    let cases: &[(&str, &str)] = &[
        ("C: x\nS 250", "the reply is 200"),
        ("C: x\nS: 201 *", "does not fit"),
        ("C: x\nS 200\nS has: 2*y", "no line fits"),
        ("C: x\nS 200\nS lacks: 2*x", "is there"),
        ("S 200", "nothing came within"),
        ("C: x\nS nothing for 1s", "a line came where none was expected"),
        ("S nothing for 70s", "a line came where none was expected"),
        ("S EOF", "nothing came within"),
        ("wait 61s\nS EOF", "a line came instead of the end"),
        ("C: x", "after the last line"),
        ("C: TWICE\nS 200", "after the last line"),
        ("D< \"\"", "there is no data connection"),
        ("data connect", "no 227 or 229 was seen"),
        ("expect file /a \"other\"", "the file holds 4 octets, wanted 5"),
        ("expect file /b \"x\"", "there is no such file"),
        ("expect no file /a", "the file is there"),
        ("expect dir /nowhere", "there is no such directory"),
        ("expect sessions 7", "the server has 1 sessions"),
        ("C: CALL\nS 200\nexpect no connect to 10.0.0.9", "the server tried to connect"),
        ("expect connect to 10.0.0.9:80", "never tried"),
        ("C: EPSV\nS 229\ndata connect\nC: RETR\nS 150\nD< \"hullo\\n\"", "at 1:"),
        ("C: EPSV\nS 229\ndata connect refused", "was open"),
        ("wait 59s\nexpect within 100ms\nS 421", "nothing came within"),
        ("file /late \"x\"", "setup comes before"),
        ("B C: x", "not connected"),
    ];
    for (lines, want) in cases {
        let text = format!("== Something.\nfile /a \"kept\"\nconnect\nS 220\n{lines}\n");
        let report = play_all(&text, &Parrot, "").unwrap_err();
        assert!(report.contains(want), "{lines:?}: {want:?} is not in:\n{report}");
    }
}

#[test]
fn lines_that_cannot_be_read_are_named() {
    for bad in ["jump", "S two", "C raw: \"x", "wait 3", "expect file /a", "option idle=x"] {
        let text = format!("== Something.\nconnect\n{bad}\n");
        let report = play_all(&text, &Parrot, "").unwrap_err();
        assert!(report.contains("line 3"), "{bad}: {report}");
    }
    assert!(Conversation::read_all("connect").is_err());
}

#[test]
fn the_same_seed_gives_the_same_transcript_to_the_octet() {
    let text = "== Something.\nconnect\nS 220\nC: EPSV\nS 229\ndata connect\nC: RETR\nS 150\n\
                D< \"hello\\n\"\nS 226\nC together: \"a\" \"b\"\nS 200\nS 200\n";
    let conversation = &Conversation::read_all(text).unwrap()[0];
    let mut all = std::collections::BTreeSet::new();
    for seed in 0..12 {
        let first = conversation.play(&Parrot, seed).unwrap();
        assert_eq!(first, conversation.play(&Parrot, seed).unwrap());
        all.insert(first);
    }
    assert!(all.len() > 6, "seeds hardly differ: {}", all.len());
}
