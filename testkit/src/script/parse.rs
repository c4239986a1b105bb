//! From the text of conversations to steps. The language is described in the module above.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use ferry_accounts::AcctFor;

use super::step::{Content, Outcome, Setup, Slot, Step, What};
use super::text::{Pattern, duration, quoted};
use crate::net::Host;

/// One conversation: a sentence about behaviour, and the steps that show it.
#[derive(Debug, Clone)]
pub struct Conversation {
    title: String,
    pub(crate) steps: Vec<Step>,
}

impl Conversation {
    /// The sentence it starts with.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Reads every conversation in `text`.
    ///
    /// # Errors
    /// The first line that cannot be read, with its number.
    pub fn read_all(text: &str) -> Result<Vec<Self>, String> {
        let mut all: Vec<Self> = Vec::new();
        for (i, raw) in text.lines().enumerate() {
            let line = raw.trim();
            if let Some(title) = line.strip_prefix("== ") {
                all.push(Self { title: title.trim().to_owned(), steps: Vec::new() });
                continue;
            }
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let at = |what: String| format!("line {}: {what}: {line}", i + 1);
            let current = all.last_mut().ok_or_else(|| at("no conversation yet".to_owned()))?;
            let (who, rest) = speaker(line);
            let what = step(rest).map_err(at)?;
            current.steps.push(Step { line: i + 1, source: line.to_owned(), who, what });
        }
        if all.is_empty() { Err("no conversation in this text".to_owned()) } else { Ok(all) }
    }
}

/// Splits off the letter of the client that a line is about. C, S, D and O have other meanings.
fn speaker(line: &str) -> (char, &str) {
    let mut chars = line.chars();
    match (chars.next(), chars.next()) {
        (Some(who), Some(' ')) if who.is_ascii_uppercase() && !"CSDO".contains(who) => {
            (who, chars.as_str().trim_start())
        }
        _ => ('A', line),
    }
}

fn step(line: &str) -> Result<What, String> {
    if let Some(pattern) = line.strip_prefix("S:") {
        // Every further space belongs to the reply: FEAT lines begin with one.
        return Ok(What::Line(Pattern::new(pattern.strip_prefix(' ').unwrap_or(pattern))?));
    }
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim();
    match word {
        "C:" => Ok(What::Send([rest.as_bytes(), b"\r\n"].concat())),
        "C" => client(rest),
        "S" => server(rest),
        "connect" => connect(rest),
        "name" => name(rest),
        "control" => match rest {
            "eof" => Ok(What::ControlFin),
            "close" => Ok(What::ControlClose),
            "reset" => Ok(What::ControlReset),
            _ => Err("control eof, close or reset".to_owned()),
        },
        "data" => data(Slot::Data, rest),
        "other" => data(Slot::Other, rest),
        "D" | "D<" | "D>" => flow(Slot::Data, word, rest),
        "O" | "O<" | "O>" => flow(Slot::Other, word, rest),
        "shutdown" if rest.is_empty() => Ok(What::Shutdown),
        "wait" => Ok(What::Wait(duration(rest)?)),
        "expect" => expect(rest),
        _ => setup(word, rest).map(What::Setup),
    }
}

fn connect(rest: &str) -> Result<What, String> {
    let Some((before, header)) = rest.split_once("proxied for ") else {
        return Ok(What::Connect { from: from(rest)?, proxied: None });
    };
    let (source, destination) = header.split_once(" to ").ok_or("proxied for A:P to B:Q")?;
    let proxied = Some((address(source)?, address(destination)?));
    Ok(What::Connect { from: from(before.trim_end())?, proxied })
}

fn name(rest: &str) -> Result<What, String> {
    let (name, meaning) = rest.split_once(" is ").ok_or("name NAME is ADDRESS|nothing")?;
    let ip = if meaning == "nothing" { None } else { Some(address(meaning)?) };
    Ok(What::Name(name.to_owned(), ip))
}

fn client(rest: &str) -> Result<What, String> {
    if let Some(raw) = rest.strip_prefix("raw:") {
        return Ok(What::Send(one_quoted(raw)?));
    }
    if let Some(raw) = rest.strip_prefix("raw together:") {
        return Ok(What::SendTogether(one_quoted(raw)?));
    }
    if let Some(flood) = rest.strip_prefix("repeats ") {
        let (times, line) = flood.split_once(": ").ok_or("C repeats N: LINE")?;
        return Ok(What::SendTogether(format!("{line}\r\n").repeat(number(times)?).into_bytes()));
    }
    let mut text = rest.strip_prefix("together:").ok_or("C:, C raw: or C together:")?.trim();
    let mut all = Vec::new();
    while !text.is_empty() {
        let (line, after) = quoted(text)?;
        all.extend_from_slice(&line);
        all.extend_from_slice(b"\r\n");
        text = after.trim();
    }
    Ok(What::SendTogether(all))
}

fn server(rest: &str) -> Result<What, String> {
    if let Some(pattern) = rest.strip_prefix("has:") {
        return Ok(What::Has(Pattern::new(pattern.strip_prefix(' ').unwrap_or(pattern))?));
    }
    if let Some(pattern) = rest.strip_prefix("lacks:") {
        return Ok(What::Lacks(Pattern::new(pattern.strip_prefix(' ').unwrap_or(pattern))?));
    }
    if let Some(raw) = rest.strip_prefix("raw:") {
        return Ok(What::Line(Pattern::exactly(one_quoted(raw)?, raw)));
    }
    if let Some(time) = rest.strip_prefix("nothing for ") {
        return Ok(What::Silence(duration(time)?));
    }
    if rest == "EOF" {
        return Ok(What::ControlOver);
    }
    let codes: Vec<String> = rest.split('|').map(|c| c.trim().to_owned()).collect();
    let good = codes.iter().all(|c| c.len() == 3 && c.bytes().all(|b| b.is_ascii_digit()));
    if good { Ok(What::Reply(codes)) } else { Err("a reply code was expected".to_owned()) }
}

fn data(slot: Slot, rest: &str) -> Result<What, String> {
    let (word, tail) = rest.split_once(' ').unwrap_or((rest, ""));
    match (word, tail) {
        ("connect", "refused") => Ok(What::Dial { slot, from: None, outcome: Outcome::Refused }),
        ("connect", "") => Ok(What::Dial { slot, from: None, outcome: Outcome::Open }),
        ("connect", _) => {
            let ip = address(tail.strip_prefix("from ").ok_or("data connect from ADDRESS")?)?;
            Ok(What::Dial { slot, from: Some(ip), outcome: Outcome::Open })
        }
        ("listen", "control") => Ok(What::Listen(None)),
        ("listen", _) => Ok(What::Listen(Some(address(tail)?))),
        ("accept", _) => Ok(What::Accept { from: from(tail)? }),
        _ => Err("data connect, listen or accept".to_owned()),
    }
}

fn flow(slot: Slot, word: &str, rest: &str) -> Result<What, String> {
    if word.ends_with('>') {
        return Ok(What::DataSend(slot, content(rest)?));
    }
    if word.ends_with('<') {
        return match rest {
            "lines" => Ok(What::DataLines(slot)),
            "reset" => Ok(What::DataBroken(slot)),
            "anything" => Ok(What::DataOver(slot)),
            "nothing" => Ok(What::DataEmpty(slot)),
            _ => {
                if let Some(n) = rest.strip_prefix("some ") {
                    return Ok(What::DataSome(slot, number(n)?));
                }
                if let Some(next) = rest.strip_prefix("next ") {
                    return Ok(What::DataNext(slot, content(next)?));
                }
                if let Some(n) = rest.strip_prefix("fewer than ") {
                    return Ok(What::DataFewer(slot, number(n)?));
                }
                Ok(What::DataAll(slot, content(rest)?))
            }
        };
    }
    if let Some(pattern) = rest.strip_prefix("has:") {
        return Ok(What::DataHas(Pattern::new(pattern.strip_prefix(' ').unwrap_or(pattern))?));
    }
    if let Some(pattern) = rest.strip_prefix("lacks:") {
        return Ok(What::DataLacks(Pattern::new(pattern.strip_prefix(' ').unwrap_or(pattern))?));
    }
    match rest.split_once(' ').unwrap_or((rest, "")) {
        ("eof", "") => Ok(What::DataFin(slot)),
        ("close", "") => Ok(What::DataClose(slot)),
        ("reset", "") => Ok(What::DataReset(slot)),
        ("count", n) => Ok(What::DataCount(number(n)?)),
        ("stall", time) => Ok(What::Wait(duration(time)?)),
        _ => Err("not something a data connection does".to_owned()),
    }
}

fn expect(rest: &str) -> Result<What, String> {
    let (word, tail) = rest.split_once(' ').unwrap_or((rest, ""));
    match word {
        "within" => Ok(What::Within(duration(tail)?)),
        "sessions" => Ok(What::Sessions(number(tail)?)),
        "dir" if tail.starts_with('"') => Ok(What::Dir(one_quoted(tail)?)),
        "dir" => Ok(What::Dir(tail.as_bytes().to_vec())),
        "file" => {
            let (path, what) = path_and(tail)?;
            Ok(What::File(path, content(what)?))
        }
        "connect" => {
            Ok(What::Connected(address(tail.strip_prefix("to ").ok_or("expect connect to")?)?))
        }
        "no" => match tail.split_once(' ') {
            Some(("file", path)) => Ok(What::NoFile(path.as_bytes().to_vec())),
            Some(("dir", path)) => Ok(What::NoDir(path.as_bytes().to_vec())),
            Some(("connect", to)) => Ok(What::NeverConnected(address(
                to.strip_prefix("to ").ok_or("expect no connect to ADDRESS")?,
            )?)),
            _ => Err("expect no file, dir or connect".to_owned()),
        },
        _ => Err("nothing that can be expected".to_owned()),
    }
}

fn setup(word: &str, rest: &str) -> Result<Setup, String> {
    match word {
        "file" => {
            let (path, what) = path_and(rest)?;
            Ok(Setup::File(path, content(what)?))
        }
        "dir" => Ok(Setup::Dir(rest.as_bytes().to_vec())),
        "symlink" => {
            let (path, target) = rest.split_once(" -> ").ok_or("symlink PATH -> TARGET")?;
            Ok(Setup::Symlink(path.as_bytes().to_vec(), target.as_bytes().to_vec()))
        }
        "user" => user(rest),
        "acct" => acct(rest),
        "admin" => Ok(Setup::Admin(rest.to_owned())),
        "fxp" => Ok(Setup::Fxp { name: rest.to_owned() }),
        "charset" => {
            let (whose, label) = rest.split_once(' ').ok_or("charset USER|HOST LABEL")?;
            Ok(Setup::Charset { whose: whose.to_owned(), label: label.to_owned() })
        }
        "volume" => volume(rest),
        "vhost" => virtual_host(rest),
        "anonymous" => Ok(Setup::Anonymous),
        "option" => {
            let (name, value) = rest.split_once('=').ok_or("option NAME=VALUE")?;
            Ok(Setup::Option { name: name.to_owned(), value: value.to_owned() })
        }
        "server" => Ok(Setup::Server(address(rest)?)),
        "listen" => Ok(Setup::Listen(address(rest)?)),
        "peer" => Ok(Setup::Peer(address(rest)?)),
        "taken" => Ok(Setup::Taken(address(rest)?)),
        "forbidden" => Ok(Setup::Forbidden(address(rest)?)),
        "free" => Ok(Setup::Free(number(rest)?)),
        "host" => {
            let (ip, how) = rest.split_once(' ').ok_or("host ADDRESS HOW")?;
            let how = match how {
                "refuses" => Host::Refuses,
                "unreachable" => Host::Unreachable,
                "silent" => Host::Silent,
                _ => return Err("a host refuses, is unreachable or silent".to_owned()),
            };
            Ok(Setup::Host(address(ip)?, how))
        }
        _ => Err("not a line of this language".to_owned()),
    }
}

fn user(rest: &str) -> Result<Setup, String> {
    let mut words = rest.split(' ');
    let (Some(name), Some(password), Some(access)) = (words.next(), words.next(), words.next())
    else {
        return Err("user NAME PASSWORD read-only|read-write [HOME]".to_owned());
    };
    let writes = match access {
        "read-write" => true,
        "read-only" => false,
        _ => return Err("a user is read-only or read-write".to_owned()),
    };
    let home = words.next().unwrap_or("/").as_bytes().to_vec();
    Ok(Setup::User { name: name.to_owned(), password: password.as_bytes().to_vec(), writes, home })
}

fn acct(rest: &str) -> Result<Setup, String> {
    let mut words = rest.splitn(3, ' ');
    let (Some(name), Some(until), Some(info)) = (words.next(), words.next(), words.next()) else {
        return Err("acct NAME login|writing INFO".to_owned());
    };
    let until = match until {
        "login" => AcctFor::Login,
        "writing" => AcctFor::Writing,
        _ => return Err("ACCT is for login or writing".to_owned()),
    };
    Ok(Setup::Acct { name: name.to_owned(), until, info: info.as_bytes().to_vec() })
}

fn volume(rest: &str) -> Result<Setup, String> {
    let mut words = rest.splitn(3, ' ');
    let (Some(user), Some(name), Some(file)) = (words.next(), words.next(), words.next()) else {
        return Err("volume USER NAME PATH CONTENT".to_owned());
    };
    let (path, what) = path_and(file)?;
    let (user, name) = (user.to_owned(), name.to_owned());
    Ok(Setup::Volume { user, name, path, content: content(what)? })
}

fn virtual_host(rest: &str) -> Result<Setup, String> {
    let mut words = rest.splitn(4, ' ');
    let (Some(name), Some(user), Some(password), Some(banner)) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("vhost NAME USER PASSWORD \"BANNER\"".to_owned());
    };
    let banner = String::from_utf8(one_quoted(banner)?).map_err(|e| e.to_string())?;
    let (name, user) = (name.to_owned(), user.to_owned());
    Ok(Setup::VirtualHost { name, user, password: password.as_bytes().to_vec(), banner })
}

/// A path (bare or quoted) and what follows it.
fn path_and(text: &str) -> Result<(Vec<u8>, &str), String> {
    if text.starts_with('"') {
        return quoted(text);
    }
    let (path, rest) = text.split_once(' ').ok_or("a path and a content")?;
    Ok((path.as_bytes().to_vec(), rest))
}

fn content(text: &str) -> Result<Content, String> {
    match text.strip_suffix(" octets") {
        Some(n) => Ok(Content::Filler(number(n)?)),
        None => Ok(Content::Octets(one_quoted(text)?)),
    }
}

fn one_quoted(text: &str) -> Result<Vec<u8>, String> {
    let (octets, rest) = quoted(text)?;
    if rest.trim().is_empty() { Ok(octets) } else { Err(format!("superfluous: {rest:?}")) }
}

fn from(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let text = text.strip_prefix("from ").ok_or("from ADDRESS")?;
    match text.parse::<IpAddr>() {
        Ok(ip) => Ok(Some(SocketAddr::new(ip, 0))),
        Err(_) => address(text).map(Some),
    }
}

fn address<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not an address: {text:?}"))
}

fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.replace('_', "").parse().map_err(|_| format!("not a number: {text:?}"))
}
