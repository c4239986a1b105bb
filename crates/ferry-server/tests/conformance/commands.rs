//! The first table: every command, what it was answered in tests that passed, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ferry_proto::site::SITE_VERBS;
use ferry_proto::verb::{VERBS, Verb};
use testkit::script::{Conversation, Exchange, Ferry};
use testkit::walk::{Seen, commands, walk};

use crate::secured;

/// OPTS has no table of its own: which command's options, how they are written, where from.
const OPTIONS: [(&str, &str, &str); 5] = [
    ("OPTS REST", "<SP> STOR or RETR", "field practice"),
    ("OPTS MODE", "<SP> Z [<SP> LEVEL <SP> digit]", "preston-ftpext-deflate"),
    ("OPTS UTF8", "[<SP> ON, NLST or OFF]", "ietf-ftpext-utf-8-option"),
    ("OPTS MLST", "[<SP> fact;fact;]", "RFC 3659"),
    ("OPTS HASH", "[<SP> algorithm]", "bryan-ftpext-hash"),
];

/// The word that stands for all that nobody ever defined.
pub(crate) const UNKNOWN: &str = "FROB";

/// What is known of one command.
#[derive(Debug, Default)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) source: String,
    pub(crate) syntax: String,
    /// Whether it is carried out here at all.
    pub(crate) served: bool,
    /// Replies to it that are good, with the preliminary ones before them.
    pub(crate) done: BTreeSet<String>,
    pub(crate) refused: BTreeSet<u16>,
    /// Texts of conversations, and other tests, in which it was carried out (or, if it never is,
    /// refused).
    pub(crate) proofs: BTreeSet<&'static str>,
    pub(crate) walked: Seen,
}

impl Row {
    /// What is not proved of it, if anything.
    pub(crate) fn lacks(&self) -> Option<String> {
        let unheard = self.unheard();
        let not_served = if self.name == UNKNOWN { 500 } else { 502 };
        let done =
            if self.served { !self.done.is_empty() } else { self.refused.contains(&not_served) };
        let lacks = [
            (!done, "that it is carried out, or refused on purpose, by the engine"),
            (self.served && self.refused.is_empty(), "a refusal by the engine"),
            (self.walked.bad.is_empty(), "a bad argument"),
            (self.proofs.is_empty(), "a test"),
            (!unheard.is_empty(), "by the walk, some of what the engine answers"),
        ];
        let all: Vec<&str> = lacks.iter().filter(|(lacks, _)| *lacks).map(|(_, s)| *s).collect();
        (!all.is_empty()).then(|| format!("{}: {} {unheard:?}", self.name, all.join(", ")))
    }
}

impl Row {
    /// Last replies of the engine that the machine never gave this command in the walk.
    fn unheard(&self) -> Vec<u16> {
        // Subcommands speak for SITE and OPTS; 421 and 426 may come to any command that waits.
        if matches!(self.name.as_str(), "SITE" | "OPTS") {
            return Vec::new();
        }
        let Seen { done, bad, wrong, failed, .. } = &self.walked;
        let known = |code: &u16| [done, bad, wrong, failed].iter().any(|all| all.contains(code));
        let last = |codes: &String| codes.rsplit('+').next().and_then(|code| code.parse().ok());
        let refused = self.refused.iter().copied().filter(|code| !matches!(code, 421 | 426));
        let all = self.done.iter().filter_map(last).chain(refused);
        all.filter(|code| !known(code)).collect()
    }
}

/// One row for each command.
pub(crate) fn rows() -> Vec<Row> {
    let mut walked = walk().expect("the walk").commands;
    let mut rows: Vec<Row> = commands()
        .map(|name| Row { walked: walked.remove(name).unwrap_or_default(), ..described(name) })
        .collect();
    let index: BTreeMap<String, usize> =
        rows.iter().enumerate().map(|(i, row)| (row.name.clone(), i)).collect();
    let mut note = |proof: &'static str, exchange: &Exchange| {
        let name = name_of(exchange);
        // What a subcommand proves, it proves of its command, too.
        let above = name.split_once(' ').map(|(verb, _)| verb.to_owned());
        for i in [Some(name), above].into_iter().flatten().filter_map(|name| index.get(&name)) {
            note(&mut rows[*i], proof, exchange);
        }
    };
    for (file, exchange) in conversations() {
        note(file, &exchange);
    }
    for exchange in secured::exchanges() {
        note("under TLS", &exchange);
    }
    rows
}

fn described(name: &str) -> Row {
    let (verb, sub) = name.split_once(' ').unwrap_or((name, ""));
    let info = Verb::find(verb.as_bytes()).map(Verb::info);
    let (mut syntax, mut source) = info.map_or(("", ""), |info| (info.syntax, info.source));
    if let Some((_, described)) = SITE_VERBS.iter().find(|(site, _)| verb == "SITE" && *site == sub)
    {
        syntax = described;
        source = "field practice";
    }
    if let Some((_, written, from)) = OPTIONS.iter().find(|(options, ..)| *options == name) {
        (syntax, source) = (written, from);
    }
    Row {
        name: name.to_owned(),
        source: source.to_owned(),
        syntax: syntax.to_owned(),
        served: info.is_some_and(|info| info.served),
        ..Row::default()
    }
}

/// The row that a command belongs to.
fn name_of(exchange: &Exchange) -> String {
    let first = exchange.verb();
    let line = String::from_utf8_lossy(&exchange.command).to_ascii_uppercase();
    let mut words = line.split(' ').skip(1);
    let Some(verb) = Verb::find(first.as_bytes()) else {
        return if first.is_empty() { String::new() } else { UNKNOWN.to_owned() };
    };
    let second = words.next().unwrap_or_default();
    let second = if second == "UTF-8" { "UTF8" } else { second };
    let both = format!("{} {second}", verb.name());
    if commands().any(|name| name == both) { both } else { verb.name().to_owned() }
}

fn note(row: &mut Row, proof: &'static str, exchange: &Exchange) {
    let Some(last) = exchange.codes.last().filter(|_| exchange.is_over()) else { return };
    if *last < 400 {
        let mut codes = exchange.codes.clone();
        codes.dedup();
        let shown: Vec<String> = codes.iter().map(u16::to_string).collect();
        row.done.insert(shown.join("+"));
    } else {
        row.refused.insert(*last);
    }
    if *last < 400 || !row.served {
        row.proofs.insert(proof);
    }
}

/// Everything asked and answered in every conversation, with the name of its text.
fn conversations() -> Vec<(&'static str, Exchange)> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/conversations");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut all = Vec::new();
    for file in files {
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        let name: &'static str = Box::leak(stem.into_boxed_str());
        for conversation in
            Conversation::read_all(&std::fs::read_to_string(&file).unwrap()).unwrap()
        {
            let exchanges = conversation.exchanges(&Ferry, 0).unwrap();
            all.extend(exchanges.into_iter().map(|exchange| (name, exchange)));
        }
    }
    all
}

#[test]
fn every_verb_has_its_row() {
    let rows: BTreeSet<&str> = commands().collect();
    let missing: Vec<&str> =
        VERBS.iter().map(|info| info.name).filter(|name| !rows.contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
