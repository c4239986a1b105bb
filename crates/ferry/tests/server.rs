//! The command against a server of Ferry's own, in the clear, on loopback.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../../ferry-client/tests/support/mod.rs"]
mod host;
mod support;

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use ferry_server::options::{DataPeer, Options};
use ferry_storage::local::LocalDir;
use host::Host;
use rustix::process::{Pid, Signal, kill_process};
use support::{Desk, Ran, ended};

/// A desk, and a server of its directory `srv`.
struct Office {
    desk: Desk,
    host: Host,
}

impl Office {
    fn new() -> Self {
        let desk = Desk::new();
        std::fs::create_dir(desk.at("srv")).unwrap();
        let host = Host::serve(Arc::new(LocalDir::open(&desk.at("srv")).unwrap()));
        Self { desk, host }
    }

    /// A URL of that path there, with a password that no output may show.
    fn url(&self, path: &str) -> String {
        format!("ftp://pat:S3cret@{}/{path}", self.host.at)
    }

    /// Runs `ferry --plain` with words in which `@PATH` is a URL of PATH.
    fn run(&self, words: &[&str]) -> Ran {
        self.run_with(words, "")
    }

    fn run_with(&self, words: &[&str], input: &str) -> Ran {
        let words: Vec<String> = ["--plain"].iter().chain(words).map(|w| self.word(w)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ran = self.desk.run_with(&words, input);
        assert!(!ran.out.contains("S3cret") && !ran.err.contains("S3cret"), "{ran:?}");
        ran
    }

    fn word(&self, word: &str) -> String {
        word.strip_prefix('@').map_or_else(|| word.to_owned(), |path| self.url(path))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_file_is_is_asked_once() {
    let office = Office::new();
    office.desk.put("srv/large", vec![b'x'; 600_000]);
    let ran = office.run(&["--trace", "get", "@large", "here"]).well();
    let asked = |verb: &str| ran.err.matches(&format!("Command:  {verb} ")).count();
    assert_eq!((asked("MLST"), asked("SIZE"), asked("RETR")), (1, 1, 1), "{}", ran.err);
    assert_eq!(office.desk.read("here").len(), 600_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_and_go() {
    let office = Office::new();
    let desk = &office.desk;
    desk.put("srv/pub/a.txt", "one");
    desk.put("srv/pub/b.txt", "two");
    desk.put("srv/pub/c.bin", "three");
    desk.put("srv/odd *[x].txt", "odd");
    office.run(&["get", "@pub/*.txt"]).well();
    assert!(desk.has("a.txt") && desk.has("b.txt") && !desk.has("c.bin"));
    office.run(&["get", "@odd%20*[x].txt", "odd"]).well();
    assert_eq!(desk.read("odd"), "odd", "a name that is there is no pattern");
    assert_eq!(office.run(&["get", "@pub/*.none"]).code, Some(3));
    office.run(&["put", "a.txt", "b.txt", "@up/"]).well();
    office.run(&["put", "a.txt", "@up/renamed"]).well();
    office.run(&["put", "--atomic", "--verify", "odd", "@up/atomic"]).well();
    office.run_with(&["put", "-", "@up/piped"], "from a pipe").well();
    let names: Vec<String> = desk.tree("srv/up").into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a.txt", "atomic", "b.txt", "piped", "renamed"]);
    assert_eq!(office.run(&["cat", "@up/piped", "@pub/a.txt"]).well().out, "from a pipeone");
    assert_eq!(office.run(&["mv", "@up/*.txt", "@pub/"]).code, Some(16), "names are taken");
    office.run(&["mv", "-f", "@up/*.txt", "@pub/"]).well();
    office.run(&["rm", "-r", "@up"]).well();
    office.run(&["mkdir", "-p", "@x/y/z"]).well();
    assert!(!desk.has("srv/up") && desk.has("srv/x/y/z"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_told() {
    let office = Office::new();
    office.desk.put("srv/d/a", "12345");
    office.desk.put("srv/d/sub/b", "123");
    let listed = office.run(&["ls", "-l", "@d"]).well();
    assert!(listed.lines()[0].ends_with(" a") && listed.lines()[0].starts_with('-'));
    assert_eq!(office.run(&["ls", "@"]).well().out, "d/\n");
    let record = office.run(&["--json", "stat", "@d/a"]).well().out;
    assert!(record.contains("\"path\":\"/d/a\"") && record.contains("\"size\":5"), "{record}");
    let found = office.run(&["find", "@", "--name", "b"]).well().out;
    assert!(found.ends_with("/d/sub/b\n"), "{found}");
    assert!(office.run(&["tree", "@"]).well().out.contains("    └── sub\n        └── b\n"));
    let used = office.run(&["--json", "du", "-s", "@"]).well().out;
    assert!(used.contains("\"size\":8,\"files\":2,\"dirs\":2"), "{used}");
    let hash = office.run(&["--json", "hash", "@d/a"]).well().out;
    assert!(hash.contains("\"by_server\":true"), "{hash}");
    let trace = office.run(&["--trace", "ls", "@d"]).well();
    for word in ["Status:", "Command:  PASS ****", "Response: 230"] {
        assert!(trace.err.contains(word), "{word}: {}", trace.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trees_go_both_ways() {
    let office = Office::new();
    let desk = &office.desk;
    for number in 0..50 {
        desk.put(&format!("tree/sub{}/f {number}", number % 5), format!("{number}"));
    }
    office.run(&["mirror", "tree", "@tree"]).well();
    assert_eq!(desk.tree("tree"), desk.tree("srv/tree"));
    office.run(&["diff", "tree", "@tree"]).well();
    office.run(&["mirror", "@tree", "back"]).well();
    assert_eq!(desk.tree("tree"), desk.tree("back"));
    desk.put("back/new", "x");
    office.run(&["sync", "back", "@tree"]).well();
    assert_eq!(desk.tree("back"), desk.tree("srv/tree"));
    office.run(&["get", "-r", "@tree", "copies/"]).well();
    assert_eq!(desk.tree("copies/tree"), desk.tree("srv/tree"));
    office.run(&["put", "-r", "copies", "@"]).well();
    assert_eq!(desk.tree("srv/copies/tree"), desk.tree("srv/tree"));
}

/// Two servers of the directories `srv` and `srv2`; of the second `tweak` says more.
struct Pair {
    desk: Desk,
    hosts: [Host; 2],
}

impl Pair {
    fn new(tweak: impl Fn(&mut Options)) -> Self {
        let desk = Desk::new();
        let hosts = [("srv", 2), ("srv2", 3)].map(|(dir, last)| {
            std::fs::create_dir(desk.at(dir)).unwrap();
            let storage = Arc::new(LocalDir::open(&desk.at(dir)).unwrap());
            let at = Ipv4Addr::new(127, 0, 0, last).into();
            Host::among_servers(at, storage, None, |options| {
                if last == 3 {
                    tweak(options);
                }
            })
        });
        Self { desk, hosts }
    }

    /// Runs `ferry --plain fxp` with words in which `@PATH` is on the first server and `%PATH` on
    /// the second.
    fn fxp(&self, words: &[&str]) -> Ran {
        let [first, second] = self.hosts.each_ref().map(|host| host.at);
        let full = |word: &str| match (word.strip_prefix('@'), word.strip_prefix('%')) {
            (Some(path), _) => format!("ftp://pat:S3cret@{first}/{path}"),
            (_, Some(path)) => format!("ftp://pat:S3cret@{second}/{path}"),
            _ => word.to_owned(),
        };
        let words: Vec<String> = ["--plain", "fxp"].iter().chain(words).map(|w| full(w)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.desk.run(&words)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_directly_from_server_to_server() {
    let pair = Pair::new(|_| {});
    let desk = &pair.desk;
    desk.put("srv/f", "hello");
    for number in 0..30 {
        desk.put(&format!("srv/tree/sub{}/f {number}", number % 3), format!("{number}"));
    }
    let ran = pair.fxp(&["--json", "--direct", "@f", "%g"]).well();
    assert!(
        ran.out.contains("\"direct\":true") && ran.out.contains("\"verified\":true"),
        "{ran:?}"
    );
    assert_eq!(desk.read("srv2/g"), "hello");
    pair.fxp(&["-r", "--direct", "@tree", "%"]).well();
    assert_eq!(desk.tree("srv/tree"), desk.tree("srv2/tree"));
    // Of one server, too.
    pair.fxp(&["--direct", "--trace", "%g", "%tree/h"]).well();
    assert_eq!(desk.read("srv2/tree/h"), "hello");
    let ran = pair.fxp(&["--trace", "--direct", "--atomic", "@f", "%g"]).well();
    assert!(ran.err.contains("RNTO /g") && !ran.err.contains("STOR /g\n"), "{ran:?}");
    let ran = pair.fxp(&["--json", "--via-here", "@f", "%here"]).well();
    assert!(ran.out.contains("\"direct\":false") && !ran.out.contains("through_here"), "{ran:?}");
    let ran = pair.fxp(&["--limit-rate", "1M", "@f", "%limited"]).well();
    assert!(ran.err.contains("through this machine"), "{ran:?}");
    assert_eq!(pair.fxp(&["--direct", "--limit-rate", "1M", "@f", "%x"]).code, Some(2));
    assert_eq!(pair.fxp(&["--direct", "@none", "%x"]).code, Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_server_refuses_files_go_through_here_and_that_is_said_once() {
    let pair = Pair::new(|options| {
        options.fxp = false;
        options.data_peer = DataPeer::Strict;
    });
    let desk = &pair.desk;
    for name in ["srv/t/a", "srv/t/b", "srv/t/c"] {
        desk.put(name, name);
    }
    let ran = pair.fxp(&["-r", "@t", "%"]).well();
    assert_eq!(desk.tree("srv/t"), desk.tree("srv2/t"));
    assert_eq!(ran.err.matches("through this machine").count(), 1, "{ran:?}");
    let ran = pair.fxp(&["--json", "@t/a", "%a"]).well();
    assert!(ran.out.contains("\"type\":\"through_here\",\"why\":\""), "{ran:?}");
    let ran = pair.fxp(&["--direct", "@t/a", "%b"]);
    assert!(ran.code == Some(6) || ran.code == Some(17), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_compressed_as_hard_as_is_said() {
    let office = Office::new();
    let text = "much the same again and again\n".repeat(3000);
    office.desk.put("f", &text);
    let levels = (0..=9).map(|level| (format!("--compress={level}"), Some(level)));
    for (flag, level) in [("--compress".to_owned(), None)].into_iter().chain(levels) {
        let there = format!("srv/{flag}");
        let ran = office.run(&["--trace", "put", &flag, "f", &format!("@{flag}")]).well();
        assert_eq!(office.desk.read(&there), text, "{flag}");
        assert!(ran.err.contains("Command:  MODE Z\n"), "{flag}: {}", ran.err);
        let said = |level: i32| ran.err.contains(&format!("OPTS MODE Z LEVEL {level}\n"));
        let told: Vec<i32> = (0..=9).filter(|level| said(*level)).collect();
        assert_eq!(told, Vec::from_iter(level), "{flag}: {}", ran.err);
        office.run(&["get", &flag, &format!("@{flag}"), "back"]).well();
        assert_eq!(office.desk.read("back"), text, "{flag}");
        std::fs::remove_file(office.desk.at("back")).unwrap();
    }
    let ran = office.run(&["--trace", "put", "f", "@plain"]).well();
    assert!(!ran.err.contains("MODE Z\n"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_tell_their_cause() {
    let office = Office::new();
    office.desk.put("srv/f", "x");
    assert_eq!(office.run(&["get", "@none"]).code, Some(3));
    let record = office.run(&["--json", "cat", "@none"]);
    assert!(record.out.contains("\"exit\":3"), "{}", record.out);
    // Someone who logs in does so under TLS, which this server does not have.
    let url = office.url("f");
    assert_eq!(office.desk.run(&["cat", &url]).code, Some(7));
    let nobody = format!("ftp://pat@{}/f", office.host.at);
    let ran = office.desk.run(&["--plain", "--password-command", "false", "cat", &nobody]);
    assert_eq!(ran.code, Some(5), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_come_from_where_they_are_kept() {
    let office = Office::new();
    office.desk.put("srv/f", "x");
    let url = format!("ftp://pat@{}/f", office.host.at);
    let cat = |words: &[&str]| office.desk.run(&[&["--plain", "cat", &url][..], words].concat());
    cat(&["--password-command", "echo it"]).well();
    office.desk.put("logins", "machine 127.0.0.1 login pat password it");
    let ran = cat(&["--netrc", "logins"]).well();
    assert!(ran.err.contains("chmod 600"), "others may read it: {}", ran.err);
    let mut command = office.desk.command(&["--plain", "cat", &url]);
    let output = command.env("FERRY_PASSWORD", "it").output().unwrap();
    assert_eq!(output.stdout, b"x");
}

#[cfg(all(unix, not(target_os = "macos")))]
#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_is_asked_where_there_is_one() {
    use std::os::unix::fs::PermissionsExt as _;

    let office = Office::new();
    office.desk.put("srv/f", "x");
    let url = format!("ftp://pat@{}/f", office.host.at);
    // Stands for the desktop's own program, which is no part of what is tested.
    let answer = "#!/bin/sh\n[ \"$*\" = \"lookup service ferry server 127.0.0.1 user pat\" ] \
                  && echo it\n";
    office.desk.put("bin/secret-tool", answer);
    let tool = office.desk.at("bin/secret-tool");
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", tool.parent().unwrap().display());
    let run = |bus: &str| {
        let mut command = office.desk.command(&["--plain", "cat", &url]);
        command.env("PATH", &path).env("DBUS_SESSION_BUS_ADDRESS", bus).output().unwrap()
    };
    assert_eq!(run("unix:path=/nowhere").stdout, b"x");
    assert_eq!(run("").status.code(), Some(5), "no desktop, no keyring");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_has_line_ends_of_its_own_on_the_way() {
    let office = Office::new();
    office.desk.put("text", "one\ntwo\n");
    office.run(&["put", "text", "@there;type=a"]).well();
    office.run(&["get", "@there;type=a", "back"]).well();
    assert_eq!(office.desk.read("back"), "one\ntwo\n");
    assert_eq!(office.run(&["cat", "@there;type=a"]).well().out, "one\ntwo\n");
    let trace = office.run(&["--trace", "cat", "@there;type=a"]).well();
    assert!(trace.err.contains("TYPE A") && !trace.err.contains("TYPE I"), "{}", trace.err);
    let script = "ascii; get there shell; binary; status";
    let ran = office.run(&["shell", "@", "-c", script]).well();
    assert!(ran.out.contains("as they are") && office.desk.has("shell"), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shell_obeys_scripts() {
    let office = Office::new();
    let desk = &office.desk;
    desk.put("srv/d/a b", "one");
    desk.put("srv/d/c", "two");
    let script = "cd d && cls; get 'a b'; mv c e; chmod 600 e; mkdir n; cd n; pwd; \
                  cd nowhere || echo caught; put 'a b'; lls; quote NOOP";
    let ran = office.run(&["shell", "@", "-c", script]).well();
    let told = ran.lines();
    assert_eq!(told.get(..2), Some(&["a b", "c"][..]), "{told:?}");
    assert!(told.contains(&"caught") && told.last().unwrap().starts_with("200"), "{told:?}");
    assert_eq!(desk.read("a b"), "one");
    assert!(desk.has("srv/d/n/a b") && desk.has("srv/d/e"));
    desk.put("script", "cd d\nget e &\nwait\nnonsense\nrm e\n");
    let ran = office.run(&["shell", "@", "-f", "script"]);
    assert_eq!(ran.code, Some(2), "a command that fails ends a script: {}", ran.err);
    assert!(desk.has("e") && desk.has("srv/d/e"));
    let script = "mkdir up; cd up; mirror -R tree here -x '*.log'; lcd down; mget here/*.txt; \
                  mirror here there; lls there; cd -; rmdir up || rm -r up; find . --name '*.txt'";
    for name in ["tree/a.txt", "tree/b.log", "tree/sub/c.txt"] {
        desk.put(name, name);
    }
    std::fs::create_dir(desk.at("down")).unwrap();
    let ran = office.run(&["--json", "shell", "@", "-c", script]).well();
    assert!(desk.has("down/a.txt") && desk.has("down/there/sub/c.txt") && !desk.has("srv/up"));
    assert!(!desk.has("down/there/b.log"), "{}", ran.out);
    assert!(ran.out.contains("\"type\":\"summary\""), "flags hold for all: {}", ran.out);
    let piped = office.run_with(&["shell", "@"], "cd d\nls\nexit 3\nrm e\n");
    assert_eq!(piped.code, Some(3), "{}", piped.err);
}

/// Waits until something is there. It is looked for again and again: what another process has
/// written into a file, no system tells in a way that the others know, too.
fn until(what: &str, there: impl Fn() -> bool) {
    const LOOKS: u32 = 12_000;
    const BETWEEN: Duration = Duration::from_millis(5);
    for _ in 0..LOOKS {
        if there() {
            return;
        }
        std::thread::sleep(BETWEEN);
    }
    panic!("never: {what}");
}

fn partial_in(dir: &Path) -> bool {
    let names = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let mut grown = names.filter(|entry| entry.metadata().is_ok_and(|meta| meta.len() > 0));
    grown.any(|entry| entry.file_name().to_string_lossy().ends_with(".ferry-part"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_was_stopped_is_continued() {
    let office = Office::new();
    let content: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    office.desk.put("srv/large", &content);
    std::fs::create_dir(office.desk.at("to")).unwrap();
    let url = office.url("large");
    let words = ["--plain", "--limit-rate", "500K", "get", &url, "to"];
    let mut child = office.desk.command(&words);
    let child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    until("a beginning of the file", || partial_in(&office.desk.at("to")));
    let pid = Pid::from_raw(child.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let ran = ended(child);
    assert_eq!(ran.code, Some(13), "{}", ran.err);
    assert!(!office.desk.has("to/large") && partial_in(&office.desk.at("to")));
    let ran = office.run(&["--json", "get", "@large", "to"]).well();
    assert!(!ran.out.contains("\"resumed\":0,"), "{}", ran.out);
    assert_eq!(std::fs::read(office.desk.at("to/large")).unwrap(), content);
    assert!(!partial_in(&office.desk.at("to")));
}
