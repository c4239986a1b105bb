//! From a file to the data connection.

use memchr::memchr;

#[cfg(feature = "deflate")]
use super::super::deflate;
use super::super::step::{Mark, Progress, Transducer, transfer};
use super::super::{FormatError, RestartPoint, block, compressed, ebcdic, local, page, record};
use super::{CHUNK, Form, Mode, Options, Structure, ascii};
use crate::command::TypeCode;

/// Turns a file into what is sent. Steps take octets of the file; closing ends it, and
/// [`Mark::EndOfFile`] then says that all was given. There are no other marks.
///
/// The errors are the file's: pages that cannot be numbered ([`FormatError::PageOverflow`]), or
/// records it was said to hold and does not.
#[derive(Debug)]
pub struct Sender {
    form: Form,
    source: Source,
    kind: Kind,
    frame: Frame,
    mode: Wire,
    /// Octets behind TYPE, and behind STRU; kept for their memory only.
    typed: Vec<u8>,
    framed: Vec<u8>,
    /// What the mode made of them, or is to make in mode deflate, and how much of it is gone.
    staged: Vec<u8>,
    sent: usize,
    point: RestartPoint,
    closed: bool,
    finished: bool,
}

/// Where records come from.
#[derive(Debug)]
enum Source {
    /// There are none.
    Octets,
    /// From lines; the flag says that one has begun.
    Lines(bool),
    /// All is one; the flag says that it has begun.
    Single(bool),
    /// From the escaped form, with memory for the octets of one.
    Stored(record::Decoder, Vec<u8>),
}

#[derive(Debug)]
enum Kind {
    Image,
    Ascii(ascii::ToNetwork),
    Ebcdic(ebcdic::ToNetwork),
    Local(local::ToNetwork),
}

#[derive(Debug)]
enum Frame {
    None,
    Escape,
    Pages(page::Encoder),
}

#[derive(Debug)]
enum Wire {
    Stream,
    Block,
    Compressed(compressed::Encoder),
    #[cfg(feature = "deflate")]
    Deflate(Box<deflate::Encoder>),
}

impl Sender {
    /// Starts a file; `None` where the representation is not possible, and where pages are to start
    /// elsewhere than at the beginning.
    #[must_use]
    pub fn new(form: Form, options: &Options) -> Option<Self> {
        let point = options.start;
        let kind = match (form.type_code, form.odd_bits()) {
            (TypeCode::Ascii, _) => Kind::Ascii(ascii::ToNetwork::after(point.after_cr)),
            (TypeCode::Ebcdic, _) => {
                Kind::Ebcdic(ebcdic::ToNetwork::new(options.code_page, options.charset))
            }
            // Pages complete their logical bytes themselves.
            (_, Some(bits)) if form.structure != Structure::Page => {
                Kind::Local(local::ToNetwork::at(bits.get(), point.offset))
            }
            _ => Kind::Image,
        };
        let source = match form.structure {
            Structure::Record if form.is_text() => Source::Lines(false),
            Structure::Record if options.stored_records => {
                Source::Stored(record::Decoder::default(), Vec::new())
            }
            Structure::Record => Source::Single(false),
            Structure::File | Structure::Page => Source::Octets,
        };
        let frame = match form.structure {
            Structure::Page => Frame::Pages(page::Encoder::new(form.pages()?)),
            _ if form.escapes_records() => Frame::Escape,
            _ => Frame::None,
        };
        let mode = match form.mode {
            Mode::Stream => Wire::Stream,
            Mode::Block => Wire::Block,
            Mode::Compressed => Wire::Compressed(compressed::Encoder::new(form.filler())),
            #[cfg(feature = "deflate")]
            Mode::Deflate => Wire::Deflate(Box::new(deflate::Encoder::new(options.level))),
        };
        form.can_start_at(point).then(|| Self {
            form,
            source,
            kind,
            frame,
            mode,
            typed: Vec::new(),
            framed: Vec::new(),
            staged: Vec::new(),
            sent: 0,
            point,
            closed: false,
            finished: false,
        })
    }

    /// Appends a marker (some 400 octets at most, with what it makes due) that names the place in
    /// the file reached so far. False, and nothing is appended, where the representation knows no
    /// markers, or none can stand here: after a step that was not hungry, within a character or an
    /// escape, or in pages.
    pub fn mark_restart(&mut self, out: &mut Vec<u8>) -> bool {
        let point = self.restart_point();
        let between = match (&self.source, &self.kind) {
            // Where in its record a logical byte began is not in the marker.
            (Source::Stored(..), Kind::Local(_)) => false,
            (Source::Stored(decoder, _), _) => decoder.is_between(),
            (_, Kind::Ebcdic(ebcdic)) => ebcdic.is_between(),
            _ => true,
        };
        let drained = self.sent == self.staged.len() && !self.closed;
        if !between || !drained || self.form.structure == Structure::Page {
            return false;
        }
        let marker = point.marker(self.form.type_code == TypeCode::Ascii);
        match &mut self.mode {
            Wire::Block => block::Encoder.marker(&marker, out),
            Wire::Compressed(encoder) => encoder.marker(&marker, out),
            _ => return false,
        }
        true
    }

    /// The place in the file behind all octets taken so far.
    #[must_use]
    pub fn restart_point(&self) -> RestartPoint {
        let after_cr = match (&self.source, &self.kind) {
            (Source::Octets, Kind::Ascii(ascii)) => ascii.is_after_cr(),
            _ => false,
        };
        RestartPoint { after_cr, ..self.point }
    }

    /// Memory between the parts.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let memory = match &self.source {
            Source::Stored(_, memory) => memory.capacity(),
            _ => 0,
        };
        memory + self.typed.capacity() + self.framed.capacity() + self.staged.capacity()
    }

    /// Takes octets of the file.
    fn feed(&mut self, octets: &[u8]) -> Result<(), FormatError> {
        let taken = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        self.point.offset = self.point.offset.saturating_add(taken);
        match &mut self.source {
            Source::Octets => self.emit(octets, false),
            Source::Single(begun) => {
                *begun = true;
                self.emit(octets, false)
            }
            Source::Lines(begun) => {
                let mut open = *begun;
                let mut rest = octets;
                while let Some(at) = memchr(b'\n', rest) {
                    let (line, after) = rest.split_at(at);
                    self.emit(line, true)?;
                    rest = after.get(1..).unwrap_or_default();
                    open = false;
                }
                self.source = Source::Lines(open || !rest.is_empty());
                self.emit(rest, false)
            }
            Source::Stored(..) => self.feed_stored(octets),
        }
    }

    /// Takes octets of the escaped form.
    fn feed_stored(&mut self, octets: &[u8]) -> Result<(), FormatError> {
        let mut rest = octets;
        loop {
            let Source::Stored(decoder, memory) = &mut self.source else { return Ok(()) };
            let mut data = core::mem::take(memory);
            data.clear();
            let progress = decoder.step(&mut rest, &mut data, CHUNK)?;
            let record_ends = progress == Progress::Mark(Mark::EndOfRecord);
            self.emit(&data, record_ends)?;
            if let Source::Stored(_, memory) = &mut self.source {
                *memory = data;
            }
            match progress {
                Progress::Hungry => return Ok(()),
                Progress::Mark(Mark::EndOfFile) if rest.is_empty() => return Ok(()),
                _ => {}
            }
        }
    }

    /// Sends octets of the file through TYPE, STRU and MODE.
    fn emit(&mut self, octets: &[u8], record_ends: bool) -> Result<(), FormatError> {
        self.typed.clear();
        let typed = match &mut self.kind {
            Kind::Image => octets,
            kind => {
                kind.push(octets, &mut self.typed);
                if record_ends {
                    kind.finish(&mut self.typed);
                }
                &self.typed
            }
        };
        self.framed.clear();
        match &mut self.frame {
            Frame::None => self.mode.push(typed, record_ends, &mut self.staged),
            Frame::Escape => {
                record::Encoder.push(typed, &mut self.framed);
                if record_ends {
                    record::Encoder.end_record(&mut self.framed);
                }
                self.mode.push(&self.framed, false, &mut self.staged);
            }
            Frame::Pages(encoder) => {
                encoder.push(typed, &mut self.framed)?;
                self.mode.push(&self.framed, false, &mut self.staged);
            }
        }
        Ok(())
    }

    /// Sends what was held back, and every end that is due.
    fn finish(&mut self) -> Result<(), FormatError> {
        match &mut self.source {
            Source::Lines(true) | Source::Single(true) => self.emit(&[], true)?,
            Source::Stored(decoder, _) => {
                decoder.close();
                decoder.step(&mut &[][..], &mut self.typed, 0)?;
            }
            _ => {}
        }
        let mut last = Vec::new();
        self.kind.finish(&mut last);
        self.framed.clear();
        match &mut self.frame {
            Frame::None => self.framed.append(&mut last),
            Frame::Escape => {
                record::Encoder.push(&last, &mut self.framed);
                record::Encoder.finish(&mut self.framed);
            }
            Frame::Pages(encoder) => {
                encoder.push(&last, &mut self.framed)?;
                encoder.finish(&mut self.framed)?;
            }
        }
        self.mode.push(&self.framed, false, &mut self.staged);
        self.mode.finish(&mut self.staged);
        self.finished = true;
        Ok(())
    }

    /// Gives what is staged; `None` when all is gone and there may be more.
    fn drain(&mut self, out: &mut Vec<u8>, end: usize) -> Result<Option<Progress>, FormatError> {
        let mut rest = self.staged.get(self.sent..).unwrap_or_default();
        let room = end.saturating_sub(out.len());
        let progress = match &mut self.mode {
            #[cfg(feature = "deflate")]
            Wire::Deflate(encoder) => encoder.step(&mut rest, out, room)?,
            _ => {
                transfer(&mut rest, out, room);
                match rest {
                    [] if self.finished => Progress::Mark(Mark::EndOfFile),
                    [] => Progress::Hungry,
                    _ => Progress::Full,
                }
            }
        };
        self.sent = self.staged.len() - rest.len();
        Ok((progress != Progress::Hungry).then_some(progress))
    }
}

impl Transducer for Sender {
    fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        room: usize,
    ) -> Result<Progress, FormatError> {
        let end = out.len().saturating_add(room);
        loop {
            if let Some(progress) = self.drain(out, end)? {
                if progress == Progress::Full || input.is_empty() {
                    return Ok(progress);
                }
                return Err(FormatError::TrailingData);
            }
            self.staged.clear();
            self.sent = 0;
            match (input.is_empty(), self.closed) {
                (true, false) => return Ok(Progress::Hungry),
                (true, true) => self.finish()?,
                (false, _) => {
                    let (now, later) = input.split_at(input.len().min(CHUNK));
                    *input = later;
                    self.feed(now)?;
                }
            }
        }
    }

    fn close(&mut self) {
        self.closed = true;
    }
}

impl Kind {
    fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Image => out.extend_from_slice(octets),
            Self::Ascii(ascii) => ascii.push(octets, out),
            Self::Ebcdic(ebcdic) => ebcdic.push(octets, out),
            Self::Local(local) => local.push(octets, out),
        }
    }

    /// Ends the file or a record.
    fn finish(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Image | Self::Ascii(_) => {}
            Self::Ebcdic(ebcdic) => ebcdic.finish(out),
            Self::Local(local) => local.finish(out),
        }
    }
}

impl Wire {
    fn push(&mut self, octets: &[u8], record_ends: bool, out: &mut Vec<u8>) {
        match self {
            Self::Block if record_ends => block::Encoder.end_record(octets, out),
            Self::Block => block::Encoder.push(octets, out),
            Self::Compressed(encoder) => {
                encoder.push(octets, out);
                if record_ends {
                    encoder.end_record(out);
                }
            }
            _ => out.extend_from_slice(octets),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        match self {
            Self::Stream => {}
            Self::Block => block::Encoder.finish(out),
            Self::Compressed(encoder) => encoder.finish(out),
            #[cfg(feature = "deflate")]
            Self::Deflate(encoder) => encoder.close(),
        }
    }
}
