//! What `--json` writes: one struct a record type, and the table that documents each of them in
//! `docs/json.md` (a test keeps that page so).

use ferry_proto::date::UnixTime;
use ferry_storage::{Kind, Meta, Precision};

use crate::json::Obj;

/// One field: its name, its kind of value, what it says. A `?` behind the name: it may be missing.
#[allow(dead_code, reason = "the page of the schema is made of it, by a test")]
pub(crate) type Field = (&'static str, &'static str, &'static str);

/// Something that is written as one line of JSON.
pub(crate) trait Record {
    /// The value of `type`.
    const NAME: &'static str;
    /// What it is, in a sentence.
    #[allow(dead_code, reason = "the page of the schema is made of it, by a test")]
    const MEANING: &'static str;
    /// Its fields, in order, without `type`.
    #[allow(dead_code, reason = "the page of the schema is made of it, by a test")]
    const FIELDS: &'static [Field];

    /// Writes the fields.
    fn fill(&self, obj: &mut Obj);

    /// The whole line.
    fn line(&self) -> String {
        let mut obj = Obj::new(Self::NAME);
        self.fill(&mut obj);
        obj.end()
    }
}

const NAME_KEYS: (&str, &str) = ("name", "name_hex");
const PATH_KEYS: (&str, &str) = ("path", "path_hex");

/// Something in a directory.
pub(crate) struct Listed<'a> {
    /// The place's own words in front of the path: a URL, or nothing.
    pub(crate) base: &'a str,
    pub(crate) path: &'a [u8],
    pub(crate) name: &'a [u8],
    pub(crate) meta: &'a Meta,
    pub(crate) link: Option<&'a [u8]>,
}

/// The word for a kind.
pub(crate) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::File => "file",
        Kind::Dir => "dir",
        Kind::Symlink => "link",
        _ => "other",
    }
}

/// `2026-03-01T12:30:15Z`, with as much of it as is known to count.
pub(crate) fn time(time: UnixTime) -> String {
    let civil = time.civil();
    let (year, month, day) = (civil.year, civil.month, civil.day);
    let (hour, minute, second) = (civil.hour, civil.minute, civil.second);
    let nanos = match time.nanos {
        0 => String::new(),
        nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
    };
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{nanos}Z")
}

fn precision(precision: Precision) -> &'static str {
    match precision {
        Precision::Fraction => "fraction",
        Precision::Second => "second",
        Precision::Minute => "minute",
        _ => "day",
    }
}

impl Record for Listed<'_> {
    const NAME: &'static str = "entry";
    const MEANING: &'static str = "A file, directory or link: `ls`, `tree`, `stat`, `find`.";
    const FIELDS: &'static [Field] = &[
        ("base", "string", "the server as a URL, or an empty string for this machine"),
        ("path", "string", "the whole path there"),
        ("path_hex?", "string", "its octets in hexadecimal, if they are no UTF-8"),
        ("name", "string", "the last part of the path"),
        ("name_hex?", "string", "its octets in hexadecimal, if they are no UTF-8"),
        ("kind", "string", "`file`, `dir`, `link` or `other`"),
        ("size?", "number", "octets, if known and no directory"),
        ("modified?", "string", "time of last modification, UTC (RFC 3339), if known"),
        ("precision?", "string", "how exactly: `fraction`, `second`, `minute` or `day`"),
        ("mode?", "string", "permission bits in octal"),
        ("owner?", "number", "numeric owner"),
        ("group?", "number", "numeric group"),
        ("target?", "string", "where a link leads"),
        ("target_hex?", "string", "its octets in hexadecimal, if they are no UTF-8"),
    ];

    fn fill(&self, obj: &mut Obj) {
        let meta = self.meta;
        obj.text("base", self.base).name(PATH_KEYS, self.path).name(NAME_KEYS, self.name);
        obj.text("kind", kind(meta.kind));
        if meta.size_known && meta.kind != Kind::Dir {
            obj.number("size", meta.size);
        }
        if meta.precision < Precision::Unknown {
            obj.text("modified", &time(meta.modified));
            obj.text("precision", precision(meta.precision));
        }
        obj.maybe_text("mode", meta.mode.map(|mode| format!("{mode:04o}")).as_deref());
        obj.maybe_number("owner", meta.owner).maybe_number("group", meta.group);
        if let Some(target) = self.link {
            obj.name(("target", "target_hex"), target);
        }
    }
}

/// A sum of sizes.
pub(crate) struct Usage<'a> {
    pub(crate) base: &'a str,
    pub(crate) path: &'a [u8],
    pub(crate) size: u64,
    pub(crate) files: u64,
    pub(crate) dirs: u64,
}

impl Record for Usage<'_> {
    const NAME: &'static str = "usage";
    const MEANING: &'static str = "What a directory holds, all levels added up: `du`.";
    const FIELDS: &'static [Field] = &[
        ("base", "string", "the server as a URL, or an empty string for this machine"),
        ("path", "string", "the directory or file"),
        ("path_hex?", "string", "its octets in hexadecimal, if they are no UTF-8"),
        ("size", "number", "octets of all files whose size is known"),
        ("files", "number", "how many files and links"),
        ("dirs", "number", "how many directories, itself not counted"),
    ];

    fn fill(&self, obj: &mut Obj) {
        obj.text("base", self.base).name(PATH_KEYS, self.path);
        obj.number("size", self.size).number("files", self.files).number("dirs", self.dirs);
    }
}

/// A hash of a file.
pub(crate) struct Digest<'a> {
    pub(crate) base: &'a str,
    pub(crate) path: &'a [u8],
    pub(crate) algorithm: &'a str,
    pub(crate) digest: &'a str,
    pub(crate) by_server: bool,
}

impl Record for Digest<'_> {
    const NAME: &'static str = "hash";
    const MEANING: &'static str = "The hash of a file: `hash`.";
    const FIELDS: &'static [Field] = &[
        ("base", "string", "the server as a URL, or an empty string for this machine"),
        ("path", "string", "the file"),
        ("path_hex?", "string", "its octets in hexadecimal, if they are no UTF-8"),
        ("algorithm", "string", "as FEAT names it: `SHA-256`, …"),
        ("digest", "string", "the hash in hexadecimal"),
        ("by_server", "boolean", "whether the server computed it, or we did from what it sent"),
    ];

    fn fill(&self, obj: &mut Obj) {
        obj.text("base", self.base).name(PATH_KEYS, self.path);
        obj.text("algorithm", self.algorithm).text("digest", self.digest);
        obj.truth("by_server", self.by_server);
    }
}

/// Something was done to one name.
pub(crate) struct Done<'a> {
    /// `removed`, `moved`, `made`, …
    pub(crate) action: &'a str,
    pub(crate) base: &'a str,
    pub(crate) path: &'a [u8],
    pub(crate) to: Option<&'a [u8]>,
    pub(crate) dry_run: bool,
}

impl Record for Done<'_> {
    const NAME: &'static str = "done";
    const MEANING: &'static str = "Something was done to one name: `rm`, `mv`, `mkdir`, `chmod`.";
    const FIELDS: &'static [Field] = &[
        ("action", "string", "`removed`, `moved`, `made` or `changed`"),
        ("base", "string", "the server as a URL, or an empty string for this machine"),
        ("path", "string", "what it was done to"),
        ("path_hex?", "string", "its octets in hexadecimal, if they are no UTF-8"),
        ("to?", "string", "its new path"),
        ("to_hex?", "string", "its octets in hexadecimal, if they are no UTF-8"),
        ("dry_run", "boolean", "whether it would only have been done"),
    ];

    fn fill(&self, obj: &mut Obj) {
        obj.text("action", self.action).text("base", self.base).name(PATH_KEYS, self.path);
        if let Some(to) = self.to {
            obj.name(("to", "to_hex"), to);
        }
        obj.truth("dry_run", self.dry_run);
    }
}

/// One file was copied.
pub(crate) struct Copied<'a> {
    /// As an argument that leads there.
    pub(crate) from: &'a [u8],
    pub(crate) to: &'a [u8],
    pub(crate) size: u64,
    pub(crate) resumed: u64,
    pub(crate) moved: u64,
    pub(crate) retried: u32,
    pub(crate) verified: bool,
    pub(crate) direct: bool,
    pub(crate) milliseconds: u64,
    pub(crate) dry_run: bool,
}

impl Record for Copied<'_> {
    const NAME: &'static str = "copied";
    const MEANING: &'static str = "One file has arrived: `get`, `put`, `fxp`, `mirror`, `sync`.";
    const FIELDS: &'static [Field] = &[
        ("from", "string", "the source: a local path, a URL, or `-`"),
        ("from_hex?", "string", "its octets in hexadecimal, if they are no UTF-8"),
        ("to", "string", "the copy: a local path or a URL"),
        ("to_hex?", "string", "its octets in hexadecimal, if they are no UTF-8"),
        ("size", "number", "octets of the file"),
        ("resumed", "number", "octets that were there already"),
        ("moved", "number", "octets that were moved, failed attempts included"),
        ("retried", "number", "attempts after the first"),
        ("verified", "boolean", "whether the hashes were compared"),
        ("direct", "boolean", "whether two servers moved it between themselves"),
        ("milliseconds", "number", "how long it took"),
        ("dry_run", "boolean", "whether it would only have been copied"),
    ];

    fn fill(&self, obj: &mut Obj) {
        obj.name(("from", "from_hex"), self.from).name(("to", "to_hex"), self.to);
        obj.number("size", self.size);
        obj.number("resumed", self.resumed).number("moved", self.moved);
        obj.number("retried", self.retried).truth("verified", self.verified);
        obj.truth("direct", self.direct);
        obj.number("milliseconds", self.milliseconds).truth("dry_run", self.dry_run);
    }
}

/// What was to go from server to server goes through here.
pub(crate) struct ThroughHere<'a> {
    pub(crate) why: &'a str,
}

impl Record for ThroughHere<'_> {
    const NAME: &'static str = "through_here";
    const MEANING: &'static str = "The servers do not move files between themselves, so that from \
                                   here on the octets come through this machine: `fxp`, once.";
    const FIELDS: &'static [Field] = &[("why", "string", "why, in words")];

    fn fill(&self, obj: &mut Obj) {
        obj.text("why", self.why);
    }
}

/// How far it is, every now and then.
pub(crate) struct Progress {
    pub(crate) files_done: u64,
    pub(crate) files: Option<u64>,
    pub(crate) moved: u64,
    pub(crate) total: Option<u64>,
    pub(crate) rate: u64,
    pub(crate) eta_secs: Option<u64>,
}

impl Record for Progress {
    const NAME: &'static str = "progress";
    const MEANING: &'static str = "How far it is, about every ten seconds while files are moved.";
    const FIELDS: &'static [Field] = &[
        ("files_done", "number", "files that have arrived"),
        ("files?", "number", "files in all, as far as known"),
        ("moved", "number", "octets that have arrived"),
        ("total?", "number", "octets in all, as far as known"),
        ("rate", "number", "octets a second, smoothed"),
        ("eta_secs?", "number", "seconds to go, at that rate"),
    ];

    fn fill(&self, obj: &mut Obj) {
        obj.number("files_done", self.files_done).maybe_number("files", self.files);
        obj.number("moved", self.moved).maybe_number("total", self.total);
        obj.number("rate", self.rate).maybe_number("eta_secs", self.eta_secs);
    }
}

/// Something did not work.
pub(crate) struct Failed<'a> {
    pub(crate) message: &'a str,
    pub(crate) exit: u8,
    pub(crate) reply: Option<u16>,
}

impl Record for Failed<'_> {
    const NAME: &'static str = "error";
    const MEANING: &'static str = "Something did not work; the rest goes on where it can.";
    const FIELDS: &'static [Field] = &[
        ("message", "string", "a sentence for a person"),
        ("exit", "number", "the exit code of this cause"),
        ("reply?", "number", "the code of the server's reply, where it is the cause"),
    ];

    fn fill(&self, obj: &mut Obj) {
        obj.text("message", self.message).number("exit", self.exit);
        obj.maybe_number("reply", self.reply);
    }
}

/// What differs between two trees, or what a plan does.
pub(crate) struct Planned<'a> {
    pub(crate) action: &'a str,
    pub(crate) path: &'a [u8],
    pub(crate) size: Option<u64>,
    pub(crate) why: &'a str,
}

impl Record for Planned<'_> {
    const NAME: &'static str = "step";
    const MEANING: &'static str =
        "One difference, and what is done about it: `diff`, `mirror` and `sync` with `--dry-run`.";
    const FIELDS: &'static [Field] = &[
        (
            "action",
            "string",
            "`mkdir`, `copy`, `link`, `time`, `rename`, `delete`, `skip`; \
             of `diff`: `first`, `second` (only there), `differs`",
        ),
        ("path", "string", "the path below both trees"),
        ("path_hex?", "string", "its octets in hexadecimal, if they are no UTF-8"),
        ("size?", "number", "octets to be moved"),
        ("why", "string", "the difference, in words"),
    ];

    fn fill(&self, obj: &mut Obj) {
        obj.text("action", self.action).name(PATH_KEYS, self.path);
        obj.maybe_number("size", self.size).text("why", self.why);
    }
}

/// The end of a command that moves or changes several files.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Summary {
    pub(crate) copied: u64,
    pub(crate) moved: u64,
    pub(crate) same: u64,
    pub(crate) removed: u64,
    pub(crate) made: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    pub(crate) milliseconds: u64,
}

impl Record for Summary {
    const NAME: &'static str = "summary";
    const MEANING: &'static str =
        "What was done in all: the last line of `mirror` and `sync`, but of dry runs.";
    const FIELDS: &'static [Field] = &[
        ("copied", "number", "files that were copied"),
        ("moved", "number", "octets that were moved"),
        ("same", "number", "files that were alike already"),
        ("removed", "number", "files and directories that were removed"),
        ("made", "number", "directories and links that were made"),
        ("failed", "number", "things that did not work"),
        ("skipped", "number", "conflicts and things that were left as they are"),
        ("milliseconds", "number", "how long it took"),
    ];

    fn fill(&self, obj: &mut Obj) {
        obj.number("copied", self.copied).number("moved", self.moved).number("same", self.same);
        obj.number("removed", self.removed).number("made", self.made);
        obj.number("failed", self.failed).number("skipped", self.skipped);
        obj.number("milliseconds", self.milliseconds);
    }
}

/// A reply to a command that was sent as it is.
pub(crate) struct Reply<'a> {
    pub(crate) code: u16,
    pub(crate) lines: &'a [Vec<u8>],
}

impl Record for Reply<'_> {
    const NAME: &'static str = "reply";
    const MEANING: &'static str = "What the server replied: `quote` and `site` of the shell.";
    const FIELDS: &'static [Field] =
        &[("code", "number", "the code"), ("text", "string", "the lines, joined by line ends")];

    fn fill(&self, obj: &mut Obj) {
        let text: Vec<_> = self.lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
        obj.number("code", self.code).text("text", &text.join("\n"));
    }
}

/// A bookmark.
pub(crate) struct Mark<'a> {
    pub(crate) name: &'a str,
    pub(crate) url: &'a str,
    pub(crate) plain: bool,
}

impl Record for Mark<'_> {
    const NAME: &'static str = "bookmark";
    const MEANING: &'static str = "A bookmark: `bookmark list` and `bookmark show`.";
    const FIELDS: &'static [Field] = &[
        ("name", "string", "its name"),
        ("url", "string", "where it leads"),
        ("plain", "boolean", "whether it goes without TLS"),
    ];

    fn fill(&self, obj: &mut Obj) {
        obj.text("name", self.name).text("url", self.url).truth("plain", self.plain);
    }
}

#[cfg(test)]
#[path = "records/tests.rs"]
mod tests;
