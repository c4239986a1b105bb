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
