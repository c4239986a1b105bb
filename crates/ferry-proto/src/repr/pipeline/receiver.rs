//! From the data connection to a file.

#[cfg(feature = "deflate")]
use super::super::deflate;
use super::super::step::{Mark, Progress, Transducer, transfer};
use super::super::{FormatError, RestartPoint, block, compressed, ebcdic, page, record};
use super::{CHUNK, Form, Mode, Options, ROOM_MIN, RecordStore, Structure, ascii};
use crate::command::TypeCode;

/// What the end of a file or a record may add: a CR held back and what stands for the end.
const END_MAX: usize = 4;

/// Turns what is received into a file. Close it when the connection closes; the file is complete at
/// [`Mark::EndOfFile`] and not before, which in some representations comes without a close. One
/// more step with all that is left of the input then tells whether something follows that should
/// not, or, in mode block, leaves it: it belongs to the next file.
///
/// [`Mark::EndOfRecord`] comes in structure record alone, and the octets that keep records apart in
/// the file have been appended by then.
#[derive(Debug)]
pub struct Receiver {
    form: Form,
    mode: Wire,
    /// Octets between MODE and STRU, how many are used, and how the mode went on behind them.
    payload: Vec<u8>,
    used: usize,
    after: Result<Progress, FormatError>,
    frame: Frame,
    kind: Kind,
    store: Store,
    /// Octets between STRU and TYPE; kept for its memory only.
    framed: Vec<u8>,
    point: RestartPoint,
    closed: bool,
    ended: bool,
}

#[derive(Debug)]
enum Wire {
    Stream,
    Block(block::Decoder),
    Compressed(compressed::Decoder),
    #[cfg(feature = "deflate")]
    Deflate(Box<deflate::Decoder>),
}

#[derive(Debug)]
enum Frame {
    None,
    Escape(record::Decoder),
    Pages(page::Decoder),
}

#[derive(Debug)]
enum Kind {
    Image,
    Ascii(ascii::ToLocal),
    Ebcdic(ebcdic::ToLocal),
}

/// What ends a record in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Store {
    Nothing,
    Lf,
    Escapes,
}

impl Receiver {
    /// Starts a file; `None` where the representation is not possible, and where pages are to start
    /// elsewhere than at the beginning.
    #[must_use]
    pub fn new(form: Form, options: &Options) -> Option<Self> {
        let mode = match form.mode {
            Mode::Stream => Wire::Stream,
            Mode::Block => Wire::Block(block::Decoder::default()),
            Mode::Compressed => Wire::Compressed(compressed::Decoder::new(form.filler())),
            #[cfg(feature = "deflate")]
            Mode::Deflate => Wire::Deflate(Box::new(deflate::Decoder::new(options.limits))),
        };
        let frame = match form.structure {
            Structure::Page if form.is_text() => {
                Frame::Pages(page::Decoder::sequential(form.pages()?))
            }
            Structure::Page => Frame::Pages(page::Decoder::new(form.pages()?)),
            _ if form.escapes_records() => Frame::Escape(record::Decoder::default()),
            _ => Frame::None,
        };
        let kind = match form.type_code {
            TypeCode::Ascii => Kind::Ascii(ascii::ToLocal::holding(options.start.after_cr)),
            TypeCode::Ebcdic => {
                Kind::Ebcdic(ebcdic::ToLocal::new(options.code_page, options.charset))
            }
            TypeCode::Image | TypeCode::Local(_) => Kind::Image,
        };
        let store = match (form.structure, options.record_store) {
            (Structure::Record, _) if form.is_text() => Store::Lf,
            (Structure::Record, RecordStore::Invertible) => Store::Escapes,
            _ => Store::Nothing,
        };
        form.can_start_at(options.start).then(|| Self {
            form,
            mode,
            payload: Vec::new(),
            used: 0,
            after: Ok(Progress::Hungry),
            frame,
            kind,
            store,
            framed: Vec::new(),
            point: options.start,
            closed: false,
            ended: false,
        })
    }

    /// The place in the file behind all octets given so far: what to answer a marker with once they
    /// are safe, and where to go on from.
    #[must_use]
    pub fn restart_point(&self) -> RestartPoint {
        let after_cr = match &self.kind {
            Kind::Ascii(ascii) => ascii.holds_cr(),
            _ => false,
        };
        RestartPoint { after_cr, ..self.point }
    }

    /// Memory between the parts.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.payload.capacity() + self.framed.capacity()
    }

    /// Undoes MODE and STRU.
    fn unframe(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        room: usize,
    ) -> Result<Progress, FormatError> {
        let end = out.len().saturating_add(room);
        let frame: &mut dyn Transducer = match &mut self.frame {
            Frame::None => return self.mode.step(input, out, room, self.closed),
            Frame::Escape(decoder) => decoder,
            Frame::Pages(decoder) => decoder,
        };
        loop {
            let mut rest = self.payload.get(self.used..).unwrap_or_default();
            let progress = frame.step(&mut rest, out, end.saturating_sub(out.len()))?;
            self.used = self.payload.len() - rest.len();
            let frame_ended = progress == Progress::Mark(Mark::EndOfFile);
            match progress {
                Progress::Hungry => {}
                // In stream mode the structure's end is the file's.
                Progress::Mark(Mark::EndOfFile) if !matches!(self.mode, Wire::Stream) => {
                    if !rest.is_empty() {
                        continue;
                    }
                }
                other => return Ok(other),
            }
            match core::mem::replace(&mut self.after, Ok(Progress::Hungry))? {
                Progress::Mark(Mark::EndOfFile) if frame_ended => {
                    return Ok(Progress::Mark(Mark::EndOfFile));
                }
                Progress::Mark(Mark::EndOfFile) => return Err(FormatError::Truncated),
                Progress::Mark(Mark::EndOfRecord) | Progress::Hungry | Progress::Full => {}
                Progress::Mark(other) => return Ok(Progress::Mark(other)),
            }
            self.payload.clear();
            self.used = 0;
            self.after = self.mode.step(input, &mut self.payload, CHUNK, self.closed);
            if self.payload.is_empty() && self.after == Ok(Progress::Hungry) {
                return Ok(Progress::Hungry);
            }
        }
    }

    /// Undoes TYPE for octets of a record or the file.
    fn deliver(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        match &mut self.kind {
            Kind::Image if self.store == Store::Escapes => record::Encoder.push(octets, out),
            Kind::Image => out.extend_from_slice(octets),
            Kind::Ascii(ascii) => ascii.push(octets, out),
            Kind::Ebcdic(ebcdic) => ebcdic.push(octets, out),
        }
    }

    /// Gives what was held back until the end of a record or of the file.
    fn release(&mut self, out: &mut Vec<u8>) {
        if let Kind::Ascii(ascii) = &mut self.kind {
            ascii.finish(out);
        }
    }

    /// Writes what a mark means to the file; false when it means nothing to the caller.
    fn mark(&mut self, mark: &Mark, out: &mut Vec<u8>) -> bool {
        match mark {
            Mark::EndOfRecord if self.form.structure != Structure::Record => return false,
            Mark::EndOfRecord => {
                self.release(out);
                match self.store {
                    Store::Nothing => {}
                    Store::Lf => out.push(b'\n'),
                    Store::Escapes => record::Encoder.end_record(out),
                }
            }
            Mark::EndOfFile => {
                self.release(out);
                if self.store == Store::Escapes {
                    record::Encoder.finish(out);
                }
                self.ended = true;
            }
            Mark::Place(_) | Mark::Restart(_) | Mark::Suspect => {}
        }
        true
    }

    /// Counts octets given.
    fn advance(&mut self, octets: usize) {
        let octets = u64::try_from(octets).unwrap_or(u64::MAX);
        self.point.offset = self.point.offset.saturating_add(octets);
    }
}

impl Transducer for Receiver {
    fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        room: usize,
    ) -> Result<Progress, FormatError> {
        let end = out.len().saturating_add(room);
        while !self.ended {
            let left = end.saturating_sub(out.len());
            if left < ROOM_MIN {
                return Ok(Progress::Full);
            }
            let before = out.len();
            let progress = if matches!(self.kind, Kind::Image) && self.store == Store::Nothing {
                self.unframe(input, out, left)
            } else {
                let mut framed = core::mem::take(&mut self.framed);
                framed.clear();
                // No type and no store makes more than two octets of one.
                let progress = self.unframe(input, &mut framed, CHUNK.min((left - END_MAX) / 2));
                self.deliver(&framed, out);
                self.framed = framed;
                progress
            };
            let mark = match &progress {
                Ok(Progress::Mark(mark)) => self.mark(mark, out).then(|| mark.clone()),
                _ => None,
            };
            self.advance(out.len() - before);
            if let Some(Mark::Place(offset)) = mark {
                self.point.offset = offset;
            }
            match (progress?, mark) {
                (_, Some(mark)) => return Ok(Progress::Mark(mark)),
                (Progress::Hungry, _) => return Ok(Progress::Hungry),
                _ => {}
            }
        }
        let followed = !input.is_empty() || self.used < self.payload.len();
        if followed && !matches!(self.mode, Wire::Block(_)) {
            return Err(FormatError::TrailingData);
        }
        Ok(Progress::Mark(Mark::EndOfFile))
    }

    fn close(&mut self) {
        self.closed = true;
        match &mut self.mode {
            Wire::Stream => {}
            Wire::Block(decoder) => decoder.close(),
            Wire::Compressed(decoder) => decoder.close(),
            #[cfg(feature = "deflate")]
            Wire::Deflate(decoder) => decoder.close(),
        }
    }
}

impl Wire {
    fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        room: usize,
        closed: bool,
    ) -> Result<Progress, FormatError> {
        match self {
            Self::Stream => {
                transfer(input, out, room);
                Ok(match (input.is_empty(), closed) {
                    (false, _) => Progress::Full,
                    (true, false) => Progress::Hungry,
                    (true, true) => Progress::Mark(Mark::EndOfFile),
                })
            }
            Self::Block(decoder) => decoder.step(input, out, room),
            Self::Compressed(decoder) => decoder.step(input, out, room),
            #[cfg(feature = "deflate")]
            Self::Deflate(decoder) => decoder.step(input, out, room),
        }
    }
}
