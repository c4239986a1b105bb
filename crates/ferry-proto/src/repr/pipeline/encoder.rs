//! A [`Sender`] that can begin anywhere: also so many octets into what TYPE and STRU make of the
//! file, a place that has to be looked for from the beginning.

use super::super::step::{Mark, Progress, Transducer, transfer};
use super::super::{FormatError, RestartPoint};
use super::{CHUNK, Form, Mode, Options, Sender, Start, Structure};
use crate::command::TypeCode;

/// Turns a file into what is sent, from where a restart says.
///
/// Where that is a place in the file, what is fed to it begins there. Where it is a place on the
/// wire, the file is first given to [`look_for`](Self::look_for) from its beginning, until the
/// place is reached, and stepping goes on behind the octets that took.
#[derive(Debug)]
pub struct Encoder {
    first: Sender,
    /// MODE, where the place was looked for before it.
    second: Option<Sender>,
    /// Octets of the wire to drop.
    skip: u64,
    /// Octets between the two, and how many of them are gone.
    between: Vec<u8>,
    used: usize,
    first_ended: bool,
}

impl Encoder {
    /// Starts a file; `None` where the representation is not possible.
    #[must_use]
    pub fn new(form: Form, options: &Options, start: Start) -> Option<Self> {
        let (first, second, skip) = match start {
            Start::File(point) => {
                let options = Options { start: point, ..*options };
                (Sender::new(form, &options)?, None, 0)
            }
            Start::Wire(skip) => {
                let options = Options { start: RestartPoint::default(), ..*options };
                let octets =
                    Form { type_code: TypeCode::Image, structure: Structure::File, ..form };
                let second = match form.mode {
                    Mode::Stream => None,
                    _ => Some(Sender::new(octets, &options)?),
                };
                (Sender::new(form.in_stream(), &options)?, second, skip)
            }
        };
        let (between, used, first_ended) = (Vec::new(), 0, false);
        Some(Self { first, second, skip, between, used, first_ended })
    }

    /// Takes octets from the beginning of the file on; true when the place is reached, with what
    /// these octets become behind it held for the steps to come.
    ///
    /// # Errors
    /// As a step.
    pub fn look_for(&mut self, octets: &[u8]) -> Result<bool, FormatError> {
        let mut input = octets;
        loop {
            let progress = self.first.step(&mut input, &mut self.between, CHUNK)?;
            self.drop_skipped();
            match progress {
                Progress::Full => {}
                Progress::Mark(Mark::EndOfFile) => {
                    self.first_ended = true;
                    return Ok(self.skip == 0);
                }
                _ => return Ok(self.skip == 0),
            }
        }
    }

    /// The file has ended while the place was looked for; whether it is the end.
    ///
    /// # Errors
    /// As a step.
    pub fn look_at_end(&mut self) -> Result<bool, FormatError> {
        self.first.close();
        self.look_for(&[])
    }

    /// See [`Sender::mark_restart`].
    pub fn mark_restart(&mut self, out: &mut Vec<u8>) -> bool {
        self.second.is_none() && self.first.mark_restart(out)
    }

    fn drop_skipped(&mut self) {
        let here = u64::try_from(self.between.len()).unwrap_or(u64::MAX);
        let gone = usize::try_from(self.skip.min(here)).unwrap_or(usize::MAX);
        self.between.drain(..gone);
        self.skip -= self.skip.min(here);
    }

    /// Gives what lies between the two; `None` when it is gone.
    fn drain(&mut self, out: &mut Vec<u8>, room: usize) -> Result<Option<Progress>, FormatError> {
        let mut rest = self.between.get(self.used..).unwrap_or_default();
        let progress = match &mut self.second {
            Some(second) => second.step(&mut rest, out, room)?,
            None => {
                transfer(&mut rest, out, room);
                if rest.is_empty() { Progress::Hungry } else { Progress::Full }
            }
        };
        self.used = self.between.len() - rest.len();
        Ok((progress != Progress::Hungry).then_some(progress))
    }
}

impl Transducer for Encoder {
    fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        room: usize,
    ) -> Result<Progress, FormatError> {
        let end = out.len().saturating_add(room);
        loop {
            if (self.used < self.between.len() || self.second.is_some())
                && let Some(progress) = self.drain(out, end.saturating_sub(out.len()))?
            {
                return Ok(progress);
            }
            self.between.clear();
            self.used = 0;
            let Some(second) = &mut self.second else {
                return self.first.step(input, out, end.saturating_sub(out.len()));
            };
            if self.first_ended {
                second.close();
                return second.step(&mut &[][..], out, end.saturating_sub(out.len()));
            }
            match self.first.step(input, &mut self.between, CHUNK)? {
                Progress::Hungry if self.between.is_empty() => return Ok(Progress::Hungry),
                Progress::Mark(Mark::EndOfFile) => self.first_ended = true,
                _ => {}
            }
        }
    }

    fn close(&mut self) {
        self.first.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repr::pipeline::Receiver;
    use proptest::prelude::*;

    /// All that comes of a file, in steps of that much room.
    fn all(encoder: &mut Encoder, file: &[u8], room: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let mut input = file;
        loop {
            match encoder.step(&mut input, &mut out, room).unwrap() {
                Progress::Full => {}
                Progress::Hungry => encoder.close(),
                Progress::Mark(_) => return out,
            }
        }
    }

    fn received(form: Form, wire: &[u8]) -> Vec<u8> {
        let mut receiver = Receiver::new(form, &Options::default()).unwrap();
        let (mut out, mut input) = (Vec::new(), wire);
        loop {
            match receiver.step(&mut input, &mut out, 64).unwrap() {
                Progress::Mark(Mark::EndOfFile) => return out,
                Progress::Hungry => receiver.close(),
                _ => {}
            }
        }
    }

    proptest! {
        /// The rest of the wire is the same, wherever the transfer begins, and in mode deflate too.
        #[test]
        fn a_place_on_the_wire_is_found(
            file in proptest::collection::vec(
                prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()],
                0..200,
            ),
            skip in 0usize..400,
            chunk in 1usize..50,
            structure in prop_oneof![Just(Structure::File), Just(Structure::Record)],
            type_code in prop_oneof![Just(TypeCode::Ascii), Just(TypeCode::Ebcdic)],
            deflate: bool,
        ) {
            let letter = if deflate { b'Z' } else { b'S' };
            let mode = Mode::from_letter(letter).unwrap_or_default();
            let form = Form { type_code, structure, mode, ..Form::default() };
            let options = Options::default();
            let start = Start::File(RestartPoint::default());
            let mut plain = Encoder::new(form.in_stream(), &options, start).unwrap();
            let whole = all(&mut plain, &file, 32);
            let place = Start::Wire(skip as u64);
            let mut encoder = Encoder::new(form, &options, place).unwrap();
            let (mut fed, mut found) = (0, encoder.look_for(&[]).unwrap());
            for piece in file.chunks(chunk) {
                if found {
                    break;
                }
                fed += piece.len();
                found = encoder.look_for(piece).unwrap();
            }
            found = found || encoder.look_at_end().unwrap();
            prop_assert_eq!(found, skip <= whole.len());
            if found {
                let wire = all(&mut encoder, &file[fed..], 32);
                let octets = Form {
                    type_code: TypeCode::Image,
                    structure: Structure::File,
                    ..form
                };
                prop_assert_eq!(received(octets, &wire), &whole[skip..]);
            }
        }
    }
}
