//! The second table: every TYPE, STRU and MODE, in the clear and under TLS, both ways. Each moves a
//! file over real sockets; the client's side codes and decodes with the pipeline of `ferry-proto`,
//! which has tests of its own against octets written by hand.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use ferry_proto::command::TypeCode;
use ferry_proto::repr::pipeline::{Form, Format, Mode, Options, Receiver, RecordStore, Sender};
use ferry_proto::repr::pipeline::{ROOM_MIN, Structure};
use ferry_proto::repr::{Mark, Progress, RestartPoint, Transducer};
use ferry_storage::memory::Memory;

use crate::support::{Blueprint, Client, Site, Wire};

/// The types, as TYPE names them.
const TYPES: [(&str, TypeCode, Format); 13] = [
    ("A", TypeCode::Ascii, Format::NonPrint),
    ("A N", TypeCode::Ascii, Format::NonPrint),
    ("A T", TypeCode::Ascii, Format::Telnet),
    ("A C", TypeCode::Ascii, Format::CarriageControl),
    ("E N", TypeCode::Ebcdic, Format::NonPrint),
    ("E T", TypeCode::Ebcdic, Format::Telnet),
    ("E C", TypeCode::Ebcdic, Format::CarriageControl),
    ("I", TypeCode::Image, Format::NonPrint),
    ("L 8", TypeCode::Local(8), Format::NonPrint),
    ("L 1", TypeCode::Local(1), Format::NonPrint),
    ("L 7", TypeCode::Local(7), Format::NonPrint),
    ("L 36", TypeCode::Local(36), Format::NonPrint),
    ("L 255", TypeCode::Local(255), Format::NonPrint),
];

/// So many lines of so many octets are a whole number of logical bytes of every size above, so that
/// nothing is completed with zeros.
const LINES: usize = 315;
const LINE: usize = 17;

/// Where a restart begins: with a line.
const RESTART: usize = 100 * LINE;

/// What was proved of one representation.
#[derive(Debug)]
pub(crate) struct Proved {
    pub(crate) type_name: &'static str,
    pub(crate) structure: char,
    pub(crate) mode: char,
    /// RETR and STOR in the clear, then under PROT P.
    pub(crate) moved: [&'static str; 4],
    pub(crate) restart: &'static str,
    pub(crate) cut: &'static str,
}

/// Moves the file in every representation.
pub(crate) fn proved() -> Vec<Proved> {
    let storage = Arc::new(Memory::new());
    let site = Blueprint::of(Arc::<Memory>::clone(&storage)).with_tls().build();
    let mut all = Vec::new();
    let mut stage = Stage::new(&site, storage);
    for (type_name, type_code, format) in TYPES {
        for structure in [Structure::File, Structure::Record, Structure::Page] {
            for mode in [Mode::Stream, Mode::Block, Mode::Compressed, Mode::Deflate] {
                let form = Form { type_code, format, structure, mode };
                all.push(stage.prove(type_name, form));
            }
        }
    }
    all
}

struct Stage {
    storage: Arc<Memory>,
    clear: Client,
    private: Client,
    content: Vec<u8>,
}

impl Stage {
    fn new(site: &Site, storage: Arc<Memory>) -> Self {
        let peer = site.certified.as_ref().unwrap().peer12();
        let line = |n: usize| format!("{n:>4} of  aaaaaaa\n").into_bytes();
        let content: Vec<u8> = (0..LINES).flat_map(line).collect();
        assert_eq!(content.len(), LINES * LINE);
        Self { storage, clear: site.writer(), private: site.private_writer(&peer), content }
    }

    fn prove(&mut self, type_name: &'static str, form: Form) -> Proved {
        let (structure, mode) = (form.structure.letter(), form.mode.letter());
        let (structure, mode) = (char::from(structure), char::from(mode));
        for client in [&mut self.clear, &mut self.private] {
            client.ok(&format!("TYPE {type_name}"), 200);
            client.ok(&format!("STRU {structure}"), 200);
            client.ok(&format!("MODE {mode}"), 200);
        }
        let moved = [
            retrieve(&mut self.clear, &self.storage, form, &self.content),
            store(&mut self.clear, &self.storage, form, &self.content),
            retrieve(&mut self.private, &self.storage, form, &self.content),
            store(&mut self.private, &self.storage, form, &self.content),
        ];
        let restart = restarted(&mut self.clear, &self.storage, form, &self.content);
        let cut = cut_short(&mut self.clear, form, &self.content);
        Proved { type_name, structure, mode, moved, restart, cut }
    }
}

/// What a file can be told of: its octets, records one behind the other.
fn plain(start: usize) -> Options {
    let offset = u64::try_from(start).unwrap();
    let start = RestartPoint { offset, after_cr: false };
    Options { record_store: RecordStore::Plain, start, ..Options::default() }
}

fn done(form: Form) -> u16 {
    if form.mode == Mode::Block { 250 } else { 226 }
}

/// The connection for a command, once that is admitted; or the refusal.
fn begin(client: &mut Client, command: &str) -> Result<Wire, u16> {
    let data = client.data();
    match client.ask(command).code {
        150 => Ok(client.protect(data).unwrap()),
        code => Err(code),
    }
}

fn retrieve(client: &mut Client, files: &Memory, form: Form, content: &[u8]) -> &'static str {
    files.put(b"/f", content).unwrap();
    let mut data = match begin(client, "RETR /f") {
        Ok(data) => data,
        Err(code) => return refused(form, code),
    };
    let got = decoded(&mut data, Receiver::new(form, &plain(0)).unwrap());
    assert!(got == content, "RETR in {form:?} gave other octets");
    drop(data);
    client.expect(done(form));
    "identity"
}

fn store(client: &mut Client, files: &Memory, form: Form, content: &[u8]) -> &'static str {
    let Some(wire) = coded(form, content) else {
        return refused(form, begin(client, "STOR /g").err().unwrap());
    };
    // What an earlier upload left there must not be taken for this one's.
    files.put(b"/g", b"another").unwrap();
    let mut data = begin(client, "STOR /g").unwrap_or_else(|code| panic!("{form:?}: {code}"));
    data.write_all(&wire).unwrap();
    if form.mode == Mode::Block {
        data.flush().unwrap();
    } else {
        data.end().unwrap();
    }
    client.expect(done(form));
    drop(data);
    let stored = files.get(b"/g").unwrap();
    // Records of types that have no lines are kept apart in the file; sent again they are the same.
    if form.structure == Structure::Record && !form.is_text() {
        assert!(stored.len() > content.len(), "STOR in {form:?} lost where the record ends");
        return retrieve_again(client, form, content);
    }
    assert!(stored == content, "STOR in {form:?} kept other octets");
    "identity"
}

fn retrieve_again(client: &mut Client, form: Form, content: &[u8]) -> &'static str {
    let mut data = begin(client, "RETR /g").unwrap();
    let got = decoded(&mut data, Receiver::new(form, &plain(0)).unwrap());
    assert!(got == content, "RETR of what STOR kept in {form:?} gave other octets");
    drop(data);
    client.expect(done(form));
    "identity, with records"
}

/// RETR from the middle: an offset of what TYPE and STRU make of the file, or of the file itself.
fn restarted(client: &mut Client, files: &Memory, form: Form, content: &[u8]) -> &'static str {
    files.put(b"/f", content).unwrap();
    client.ok(&format!("REST {RESTART}"), 350);
    let mut data = match begin(client, "RETR /f") {
        Ok(data) => data,
        Err(554) if form.structure == Structure::Page && form.is_possible() => return "554",
        Err(code) => return refused(form, code),
    };
    let marks = matches!(form.mode, Mode::Block | Mode::Compressed);
    let whole;
    let (receiver, want) = if marks {
        (Receiver::new(form, &plain(RESTART)).unwrap(), &content[RESTART..])
    } else {
        whole = coded(Form { mode: Mode::Stream, ..form }, content).unwrap();
        let (type_code, structure) = (TypeCode::Image, Structure::File);
        let octets = Form { type_code, structure, ..form };
        (Receiver::new(octets, &plain(0)).unwrap(), &whole[RESTART..])
    };
    let got = decoded(&mut data, receiver);
    assert!(got == want, "REST and RETR in {form:?} gave other octets");
    drop(data);
    client.expect(done(form));
    if marks { "marker" } else { "offset" }
}

/// STOR of half of what there is: seen wherever the representation says where a file ends.
fn cut_short(client: &mut Client, form: Form, content: &[u8]) -> &'static str {
    let Some(wire) = coded(form, content) else {
        return refused(form, begin(client, "STOR /h").err().unwrap());
    };
    let mut data = begin(client, "STOR /h").unwrap();
    data.write_all(&wire[..wire.len() / 2]).unwrap();
    data.end().unwrap();
    let seen = form.mode != Mode::Stream || form.structure != Structure::File;
    client.expect(if seen { 426 } else { 226 });
    if seen { "426" } else { "226: not to be seen" }
}

/// Logical bytes below four bits have no pages.
fn refused(form: Form, code: u16) -> &'static str {
    assert!(code == 555 && !form.is_possible(), "{form:?} is refused with {code}");
    "555"
}

fn coded(form: Form, content: &[u8]) -> Option<Vec<u8>> {
    let mut sender = Sender::new(form, &plain(0))?;
    let (mut input, mut out) = (content, Vec::new());
    sender.close_after(&mut input, &mut out);
    Some(out)
}

/// All of a file, coded in one go.
trait Whole: Transducer {
    fn close_after(&mut self, input: &mut &[u8], out: &mut Vec<u8>) {
        let mut closed = false;
        loop {
            match self.step(input, out, 64 << 10).unwrap() {
                Progress::Mark(Mark::EndOfFile) => return,
                Progress::Hungry if !closed => {
                    self.close();
                    closed = true;
                }
                Progress::Hungry => panic!("hungry behind the end"),
                _ => {}
            }
        }
    }
}

impl Whole for Sender {}

/// Reads and decodes one file; the connection need not end behind it.
fn decoded(from: &mut Wire, mut receiver: Receiver) -> Vec<u8> {
    let (mut out, mut chunk) = (Vec::new(), vec![0; 16 << 10]);
    loop {
        let n = from.read(&mut chunk).unwrap();
        if n == 0 {
            receiver.close();
        }
        let mut input = &chunk[..n];
        loop {
            match receiver.step(&mut input, &mut out, ROOM_MIN << 10).unwrap() {
                Progress::Mark(Mark::EndOfFile) => return out,
                Progress::Hungry => break,
                _ => {}
            }
        }
    }
}
