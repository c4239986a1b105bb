//! The shape of every transducer that frames octets: bounded steps, which stop at what is not an
//! octet of the file. The marks themselves live here; what produces them does not.

use super::FormatError;
use super::marker::Marker;

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// All input was taken, and nothing more comes of it.
    Hungry,
    /// The room is used up; another step may yield more, even without input.
    Full,
    /// A mark stands after all octets appended so far; another step continues behind it.
    Mark(Mark),
}

/// What stands between the octets of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mark {
    /// The file is complete. Nothing comes behind it.
    EndOfFile,
    /// A record is complete.
    EndOfRecord,
    /// The octets that follow belong at this offset, not behind those before.
    Place(u64),
    /// The sender can restart from here.
    Restart(Marker),
    /// The sender doubts the octets of the block or string that follows.
    Suspect,
}

/// Turns octets into octets and marks, in steps whose output is bounded, so that a caller with a
/// buffer of any size can take all that a few octets may expand to.
///
/// Any chunking of the input and any sequence of rooms give the same octets, marks and error.
/// After [`Mark::EndOfFile`] a step without input returns it again. One with input is an error,
/// except in block mode, which leaves the octets alone: they are the next file's. After an error a
/// transducer is of no further use (and still does not panic).
pub trait Transducer {
    /// Takes octets from the front of `input` and appends at most `room` octets to `out`.
    ///
    /// # Errors
    /// The octets are not of the form; what was appended before is good.
    fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        room: usize,
    ) -> Result<Progress, FormatError>;

    /// Says that no input follows what was given: the connection or the file has ended. Steps
    /// without input then return what is left, up to [`Mark::EndOfFile`] or
    /// [`FormatError::Truncated`], and never [`Progress::Hungry`].
    fn close(&mut self);
}

/// What both ends of a step have: octets to take, and room for octets. A step has one of these for
/// all its turns.
pub(super) struct Sides<'s, 'i> {
    pub(super) input: &'s mut &'i [u8],
    pub(super) out: &'s mut Vec<u8>,
    /// How long `out` may become.
    pub(super) end: usize,
}

impl Sides<'_, '_> {
    /// Moves as much as there is, and is room for, but no more than `most`; returns how much.
    #[inline]
    pub(super) fn transfer(&mut self, most: usize) -> usize {
        let most = most.min(self.room());
        transfer(self.input, self.out, most)
    }

    /// Takes one octet.
    #[inline]
    pub(super) fn take(&mut self) -> Option<u8> {
        take(self.input)
    }

    /// How many octets may still be appended.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.end.saturating_sub(self.out.len())
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.out.len() >= self.end
    }

    #[inline]
    pub(super) fn is_hungry(&self) -> bool {
        self.input.is_empty()
    }

    /// What a step says behind the end of a file that nothing may follow.
    pub(super) fn ended(&self) -> Result<Option<Progress>, FormatError> {
        if self.is_hungry() {
            Ok(Some(Progress::Mark(Mark::EndOfFile)))
        } else {
            Err(FormatError::TrailingData)
        }
    }
}

/// What a step says that needs input and has none, before the end.
#[inline]
pub(super) fn starve(closed: bool) -> Result<Option<Progress>, FormatError> {
    if closed { Err(FormatError::Truncated) } else { Ok(Some(Progress::Hungry)) }
}

/// A transducer by its single turns, of which steps are made: the loop is the same for all that do
/// one thing. Turns are to be inlined into it: called, those of a small block took half as long
/// again. Whole pipelines have loops of their own: this way a sender of small files was a tenth
/// slower.
pub(super) trait Turns {
    /// Does a little; gives how the step ends where it ends with this. A turn that gives nothing
    /// has come nearer to one that does.
    ///
    /// # Errors
    /// As a step.
    fn turn(&mut self, sides: &mut Sides<'_, '_>) -> Result<Option<Progress>, FormatError>;

    /// See [`Transducer::close`].
    fn end_input(&mut self);
}

impl<T: Turns> Transducer for T {
    fn step(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        room: usize,
    ) -> Result<Progress, FormatError> {
        let end = out.len().saturating_add(room);
        let mut sides = Sides { input, out, end };
        loop {
            if let Some(progress) = self.turn(&mut sides)? {
                return Ok(progress);
            }
        }
    }

    fn close(&mut self) {
        self.end_input();
    }
}

/// Moves as much as both sides allow from `input` to `out`; returns how much.
pub(super) fn transfer(input: &mut &[u8], out: &mut Vec<u8>, most: usize) -> usize {
    let (now, later) = input.split_at(most.min(input.len()));
    out.extend_from_slice(now);
    *input = later;
    now.len()
}

/// Takes one octet.
pub(super) fn take(input: &mut &[u8]) -> Option<u8> {
    let (first, rest) = input.split_first()?;
    *input = rest;
    Some(*first)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// What is on the connection, and the octets and marks that come of it.
    pub(in crate::repr) type Case<'a> = (&'a [u8], &'a [u8], &'a [(usize, Mark)]);

    /// All a transducer makes of its input: octets, marks with where they stood, and how it ended.
    #[derive(Debug, PartialEq)]
    pub(in crate::repr) struct Run {
        pub octets: Vec<u8>,
        pub marks: Vec<(usize, Mark)>,
        pub end: Result<(), FormatError>,
    }

    impl Run {
        /// What comes of nothing, so far.
        pub(in crate::repr) fn empty() -> Self {
            Self { octets: Vec::new(), marks: Vec::new(), end: Ok(()) }
        }
    }

    /// Feeds `wire` in chunks, closes, and steps to the end; panics if that never comes.
    pub(in crate::repr) fn run(
        transducer: &mut dyn Transducer,
        wire: &[u8],
        size: usize,
        room: usize,
    ) -> Run {
        let (mut octets, mut marks) = (Vec::new(), Vec::new());
        let mut chunks = wire.chunks(size);
        let mut input = chunks.next().unwrap_or_default();
        let mut closed = false;
        for _ in 0..100_000_000u64 {
            let before = octets.len();
            let progress = transducer.step(&mut input, &mut octets, room);
            assert!(octets.len() - before <= room, "more than there was room for");
            match progress {
                Err(error) => return Run { octets, marks, end: Err(error) },
                Ok(Progress::Full) => assert!(octets.len() > before, "no room"),
                Ok(Progress::Mark(Mark::EndOfFile)) => {
                    marks.push((octets.len(), Mark::EndOfFile));
                    let rest: Vec<u8> =
                        [input].into_iter().chain(chunks).flatten().copied().collect();
                    let end = match transducer.step(&mut &rest[..], &mut octets, room) {
                        Ok(Progress::Mark(Mark::EndOfFile)) => Ok(()),
                        Ok(other) => panic!("{other:?} after the end"),
                        Err(error) => Err(error),
                    };
                    return Run { octets, marks, end };
                }
                Ok(Progress::Mark(mark)) => marks.push((octets.len(), mark)),
                Ok(Progress::Hungry) => {
                    assert!(input.is_empty() && !closed, "hungry with food");
                    match chunks.next() {
                        Some(chunk) => input = chunk,
                        None => {
                            closed = true;
                            transducer.close();
                        }
                    }
                }
            }
        }
        panic!("no end");
    }
}
