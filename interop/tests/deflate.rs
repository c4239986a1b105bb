//! `ferry --compress` against the real ProFTPD with mod_deflate and the real `ferryd`, in the clear
//! and under TLS: what arrives is what was sent, and the conversation shows that it went in MODE Z
//! where it should, and in MODE S where the name tells that nothing would be gained.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests, helpers included")]

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use interop::content::noise;
use interop::peers::say;
use interop::process::{Finished, run};
use interop::server::command_binary;
use interop::servers::{Kind, Peer, Tls, start};
use interop::table::{Cell, Table};
use interop::{PASSWORD, USER};

/// How long one run of the command may take; the large file is compressed by builds without
/// optimisation, too.
const LIMIT: Duration = Duration::from_secs(60);

/// A little more than the engine sends from memory, and than small files that share a connection.
const MEDIUM: usize = 300_000;
const LARGE: usize = 32 << 20;
/// ProFTPD takes some 40 kB of a zlib stream a second, whoever sends it; the large file would take
/// minutes.
const LARGE_FOR_PROFTPD: usize = 1 << 20;

/// ProFTPD with TLS 1.3 runs out of tickets and crashes, compressed or not; what it does there is
/// in the table of servers.
const ROWS: [(Kind, Tls); 4] = [
    (Kind::Proftpd, Tls::Plain),
    (Kind::Proftpd, Tls::V12),
    (Kind::Ferryd, Tls::Plain),
    (Kind::Ferryd, Tls::V13),
];

type Outcome = Result<(), String>;

/// One thing that is done, in a directory of its name.
struct Column {
    name: &'static str,
    run: fn(&At<'_>) -> Outcome,
}

const COLUMNS: [Column; 8] = [
    Column { name: "get", run: get },
    Column { name: "put", run: put },
    Column { name: "list", run: list },
    Column { name: "large", run: large },
    Column { name: "packed", run: packed },
    Column { name: "resume-dn", run: resume_down },
    Column { name: "resume-up", run: resume_up },
    Column { name: "levels", run: levels },
];

#[test]
fn the_command_compresses_what_it_moves() {
    let mut table = Table::default();
    let rows: Vec<_> = thread::scope(|scope| {
        let rows = ROWS.map(|(kind, tls)| scope.spawn(move || row(kind, tls)));
        rows.into_iter().filter_map(|row| row.join().unwrap()).collect()
    });
    for (name, cells) in rows {
        table.row(&name, cells);
    }
    say(&table.print("MODE Z", &COLUMNS.map(|column| column.name)));
    assert_eq!(table.counts().2, 0, "\n{}", table.failures());
}

/// Everything with one server.
fn row(kind: Kind, tls: Tls) -> Option<(String, Vec<Cell>)> {
    let told = if tls == Tls::Plain { "plain" } else { "TLS" };
    let name = format!("{kind} {told}");
    // Ferryd always offers TLS; the command asks for what the row says.
    let offered = if kind.tls_left_out(tls).is_some() { Tls::V13 } else { tls };
    let peer = match start(kind, offered) {
        Ok(Some(peer)) => peer,
        Ok(None) => return None,
        Err(e) => return Some((name, vec![Cell::Failed(e.to_string())])),
    };
    let cells = COLUMNS.map(|Column { name: column, run }| {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(peer.root.join(column)).unwrap();
        let at = At { peer: &peer, tls, home: home.path(), dir: column };
        match run(&at) {
            Ok(()) => Cell::Ok,
            Err(why) => Cell::Failed(format!("{name}, {column}: {why}\n{}", peer.log_tail())),
        }
    });
    Some((name, cells.to_vec()))
}

/// A server, a directory of it, and one of this machine.
struct At<'a> {
    peer: &'a Peer,
    tls: Tls,
    home: &'a Path,
    dir: &'a str,
}

impl At<'_> {
    /// Runs `ferry` with these words, in which `@NAME` is a URL of that file, and says in which
    /// modes files and listings went.
    fn ferry(&self, words: &[&str]) -> Result<(Modes, Finished), String> {
        let mut command = Command::new(command_binary().map_err(|e| e.to_string())?);
        command.current_dir(self.home).env("HOME", self.home).env("FERRY_PASSWORD", PASSWORD);
        for variable in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
            command.env(variable, self.home.join("xdg"));
        }
        command.env_remove("NETRC").args(["--trace", "--timeout", "10"]);
        let scheme = if self.tls == Tls::Plain {
            command.arg("--plain");
            "ftp"
        } else {
            command.arg("--ca").arg(&self.peer.certificate);
            "ftpes"
        };
        let base = format!("{scheme}://{USER}@{}/{}/", self.peer.addr, self.dir);
        for word in words {
            match word.strip_prefix('@') {
                Some(name) => command.arg(format!("{base}{name}")),
                None => command.arg(word),
            };
        }
        let done = run(command, b"", LIMIT).map_err(|e| e.to_string())?.success()?;
        Ok((modes(&done.stderr), done))
    }

    /// As [`ferry`](Self::ferry); fails unless that verb was carried out, always in that mode.
    fn goes(&self, words: &[&str], verb: &str, mode: &str) -> Result<Finished, String> {
        let (modes, done) = self.ferry(words)?;
        let used = modes.get(verb);
        let right = used.is_some_and(|used| used.iter().all(|used| used == mode));
        if right { Ok(done) } else { Err(format!("{verb} not in MODE {mode}: {modes:?}\n{done}")) }
    }

    /// Writes a file on the server's disk.
    fn there(&self, name: &str, octets: &[u8]) -> Outcome {
        let written = fs::write(self.peer.root.join(self.dir).join(name), octets);
        written.and_then(|()| self.peer.settle()).map_err(|e| format!("{name}: {e}"))
    }

    /// Writes a file on ours.
    fn here(&self, name: &str, octets: &[u8]) -> Outcome {
        fs::write(self.home.join(name), octets).map_err(|e| format!("{name}: {e}"))
    }

    fn is_there(&self, name: &str, octets: &[u8]) -> Outcome {
        same(&self.peer.root.join(self.dir).join(name), octets)
    }

    fn is_here(&self, name: &str, octets: &[u8]) -> Outcome {
        same(&self.home.join(name), octets)
    }
}

/// Fails unless the file holds that.
fn same(path: &Path, octets: &[u8]) -> Outcome {
    let found = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    if found == octets {
        return Ok(());
    }
    let (found, wanted) = (found.len(), octets.len());
    Err(format!("{}: other content, {found} octets, not {wanted}", path.display()))
}

/// The modes each verb was carried out in.
type Modes = BTreeMap<String, Vec<String>>;

/// What a trace tells of that. Each last reply belongs to the first command of its session that has
/// none yet; so a MODE that was refused changes nothing here, whatever was sent ahead of its reply.
fn modes(trace: &str) -> Modes {
    let mut sessions: BTreeMap<&str, (VecDeque<&str>, &str)> = BTreeMap::new();
    let mut modes = Modes::new();
    for line in trace.lines() {
        let Some((id, said)) = line.split_once(' ') else { continue };
        let (asked, mode) = sessions.entry(id).or_insert((VecDeque::new(), "S"));
        if let Some(command) = said.strip_prefix("Command:") {
            asked.push_back(command.trim_start());
            continue;
        }
        let Some(reply) = said.strip_prefix("Response:").map(str::trim_start) else { continue };
        let last = reply.as_bytes().get(3) == Some(&b' ') && !reply.starts_with('1');
        let Some(command) = last.then(|| asked.pop_front()).flatten() else { continue };
        let (verb, argument) = command.split_once(' ').unwrap_or((command, ""));
        match (verb, reply.starts_with('2')) {
            ("MODE", true) => *mode = argument,
            ("RETR" | "STOR" | "MLSD" | "LIST", true) => {
                modes.entry(verb.to_owned()).or_default().push((*mode).to_owned());
            }
            _ => {}
        }
    }
    modes
}

/// Lines that deflate well, and are all different.
fn text(len: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(len + 64);
    for n in 0_u64.. {
        if text.len() >= len {
            break;
        }
        text.extend_from_slice(format!("{n} of these lines, {} in square\n", n * n).as_bytes());
    }
    text.truncate(len);
    text
}

fn get(at: &At<'_>) -> Outcome {
    let octets = text(MEDIUM);
    at.there("log", &octets)?;
    at.there("none", b"")?;
    at.goes(&["get", "--compress", "@log", "@none", "."], "RETR", "Z")?;
    at.is_here("log", &octets)?;
    at.is_here("none", b"")
}

fn put(at: &At<'_>) -> Outcome {
    let octets = text(MEDIUM);
    at.here("log", &octets)?;
    at.goes(&["put", "--compress", "log", "@"], "STOR", "Z")?;
    at.is_there("log", &octets)?;
    // Over what is there, and nothing of that stays.
    let short = text(MEDIUM / 2);
    at.here("log", &short)?;
    at.goes(&["put", "--compress", "--no-resume", "log", "@"], "STOR", "Z")?;
    at.is_there("log", &short)
}

fn list(at: &At<'_>) -> Outcome {
    let names: Vec<String> = (0..200).map(|n| format!("{n:03} of many.txt")).collect();
    for name in &names {
        at.there(name, b"x")?;
    }
    let done = at.goes(&["ls", "--compress", "@"], "MLSD", "Z")?;
    let listed: Vec<&str> = done.stdout.lines().collect();
    if listed == names { Ok(()) } else { Err(done.to_string()) }
}

fn large(at: &At<'_>) -> Outcome {
    let octets = text(LARGE);
    at.there("down", &octets)?;
    at.goes(&["get", "--compress", "@down", "back"], "RETR", "Z")?;
    at.is_here("back", &octets)?;
    let len = if at.peer.kind == Kind::Proftpd { LARGE_FOR_PROFTPD } else { LARGE };
    let octets = octets.get(..len).unwrap_or_default();
    at.here("up", octets)?;
    at.goes(&["put", "--compress", "up", "@"], "STOR", "Z")?;
    at.is_there("up", octets)
}

fn packed(at: &At<'_>) -> Outcome {
    let octets = noise(11, MEDIUM);
    at.here("a.zip", &octets)?;
    at.goes(&["put", "--compress", "a.zip", "@"], "STOR", "S")?;
    at.is_there("a.zip", &octets)?;
    at.goes(&["get", "--compress", "@a.zip", "back.zip"], "RETR", "S")?;
    at.is_here("back.zip", &octets)?;
    // The two kinds by turns: the mode changes with the name.
    at.here("log", &octets)?;
    let (modes, done) = at.ferry(&["put", "--compress", "a.zip", "log", "@both/"])?;
    let mut used = modes.get("STOR").cloned().unwrap_or_default();
    used.sort();
    at.is_there("both/a.zip", &octets)?;
    at.is_there("both/log", &octets)?;
    if used == ["S", "Z"] { Ok(()) } else { Err(format!("STOR in {used:?}\n{done}")) }
}

/// Fails unless the transfer began in the middle.
fn continued(done: &Finished) -> Outcome {
    let places = done.stderr.lines().filter_map(|line| line.split_once("Command:  REST "));
    let place = places.filter_map(|(_, place)| place.parse().ok()).find(|place: &u64| *place > 0);
    place.map(drop).ok_or_else(|| format!("it began anew\n{done}"))
}

fn resume_down(at: &At<'_>) -> Outcome {
    let octets = text(MEDIUM);
    at.there("log", &octets)?;
    at.here("log", octets.get(..MEDIUM / 3).unwrap_or_default())?;
    let done = at.goes(&["get", "--compress", "--resume", "@log", "log"], "RETR", "Z")?;
    continued(&done)?;
    at.is_here("log", &octets)
}

fn resume_up(at: &At<'_>) -> Outcome {
    let octets = text(MEDIUM);
    at.here("log", &octets)?;
    at.there("log", octets.get(..MEDIUM / 3).unwrap_or_default())?;
    let done = at.goes(&["put", "--compress", "--resume", "log", "@log"], "STOR", "Z")?;
    continued(&done)?;
    at.is_there("log", &octets)
}

fn levels(at: &At<'_>) -> Outcome {
    let octets = text(MEDIUM);
    at.here("log", &octets)?;
    for level in [0, 1, 9] {
        let name = format!("log{level}");
        let (flag, to) = (format!("--compress={level}"), format!("@{name}"));
        let words = ["put", &flag, "log", &to];
        let done = at.goes(&words, "STOR", "Z")?;
        at.is_there(&name, &octets)?;
        let told = done.stderr.contains(&format!("OPTS MODE Z LEVEL {level}\n"));
        if !told {
            return Err(format!("the level is not told\n{done}"));
        }
        at.goes(&["get", &flag, &to, &name], "RETR", "Z")?;
        at.is_here(&name, &octets)?;
    }
    Ok(())
}

#[test]
fn a_mode_that_was_refused_is_not_taken_for_the_one_in_force() {
    let trace = "[1] Command:  MODE Z\n[1] Command:  RETR a\n[1] Response: 504 No  (1 ms)\n\
                 [2] Command:  MODE Z\n[2] Response: 200 Yes  (1 ms)\n[2] Command:  STOR b\n\
                 [1] Response: 150 Here  (1 ms)\n[1] Response: 226-It\n[1] Response: 226 is\n\
                 [2] Response: 226 Done  (1 ms)\n[2] Command:  RETR c\n[2] Response: 550 No\n";
    let want = [("RETR", "S"), ("STOR", "Z")];
    let want = want.map(|(verb, mode)| (verb.to_owned(), vec![mode.to_owned()]));
    assert_eq!(modes(trace), Modes::from(want));
}
