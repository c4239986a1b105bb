//! Type, structure and mode put together: any file in any representation, both ways.
//!
//! ```text
//! Sender:    file -> records -> TYPE -> STRU -> MODE -> connection
//! Receiver:  connection -> MODE -> STRU -> TYPE -> records -> file
//! ```
//!
//! In structure record, a text file's lines are its records, and LF is not sent. Files of the types
//! image and local keep records apart in the escaped form of [`record`](super::record), so that
//! what was stored is sent again as the same records. The modes block and compressed mark records
//! themselves; stream and deflate carry the escaped form.
//!
//! Both are [`Transducer`](super::Transducer)s: octets in any chunks, output in steps of any size
//! from [`ROOM_MIN`] on. Beside what its parts say, a sender holds 256 KiB at most and a receiver
//! 64 KiB, whatever the file and whatever the peer sends.

use core::num::NonZeroU8;

#[cfg(feature = "deflate")]
use super::deflate::{Level, Limits};
use super::ebcdic::{Charset, CodePage};
use super::page::Geometry;
use super::{RestartPoint, ascii};
use crate::command::TypeCode;

mod encoder;
mod receiver;
mod sender;
mod start;

pub use encoder::Encoder;
pub use receiver::Receiver;
pub use sender::Sender;
pub use start::Start;

/// The least room a step needs to make headway.
pub const ROOM_MIN: usize = 16;

/// What passes between two parts at a time.
const CHUNK: usize = 16 << 10;

/// Vertical format control of text (RFC 959 §3.1.1.5). The octets are the same in all three: what
/// controls a printer is stored and sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// N.
    #[default]
    NonPrint,
    /// T: CR, LF, VT, FF and BS have their effect.
    Telnet,
    /// C: the first character of each line is ASA carriage control.
    CarriageControl,
}

impl Format {
    /// What the second parameter of TYPE A and TYPE E says, upper case; without one it is N again.
    #[must_use]
    pub fn of_argument(parameter: Option<&[u8]>) -> Option<Self> {
        match parameter {
            None | Some(b"N") => Some(Self::NonPrint),
            Some(b"T") => Some(Self::Telnet),
            Some(b"C") => Some(Self::CarriageControl),
            Some(_) => None,
        }
    }

    /// The parameter with the space before it; nothing for N.
    #[must_use]
    pub fn argument(self) -> &'static str {
        match self {
            Self::NonPrint => "",
            Self::Telnet => " T",
            Self::CarriageControl => " C",
        }
    }
}

/// The structure of a file (STRU).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Structure {
    /// F: octets and nothing else.
    #[default]
    File,
    /// R: records.
    Record,
    /// P: numbered pages.
    Page,
}

impl Structure {
    /// The structure of that letter, upper case.
    #[must_use]
    pub fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'F' => Some(Self::File),
            b'R' => Some(Self::Record),
            b'P' => Some(Self::Page),
            _ => None,
        }
    }

    /// Its letter.
    #[must_use]
    pub fn letter(self) -> u8 {
        match self {
            Self::File => b'F',
            Self::Record => b'R',
            Self::Page => b'P',
        }
    }
}

/// How octets go over the data connection (MODE).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mode {
    /// S: as they are; the file ends with the connection.
    #[default]
    Stream,
    /// B: in blocks; the connection outlives the file.
    Block,
    /// C: with repetitions counted.
    Compressed,
    /// Z: as one zlib stream.
    #[cfg(feature = "deflate")]
    Deflate,
}

impl Mode {
    /// The mode of that letter, upper case.
    #[must_use]
    pub fn from_letter(letter: u8) -> Option<Self> {
        match letter {
            b'S' => Some(Self::Stream),
            b'B' => Some(Self::Block),
            b'C' => Some(Self::Compressed),
            #[cfg(feature = "deflate")]
            b'Z' => Some(Self::Deflate),
            _ => None,
        }
    }

    /// Whether restart markers stand between the octets.
    #[must_use]
    pub fn has_markers(self) -> bool {
        matches!(self, Self::Block | Self::Compressed)
    }

    /// Its letter.
    #[must_use]
    pub fn letter(self) -> u8 {
        match self {
            Self::Stream => b'S',
            Self::Block => b'B',
            Self::Compressed => b'C',
            #[cfg(feature = "deflate")]
            Self::Deflate => b'Z',
        }
    }
}

/// A representation: all that decides how a file looks on the data connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "the four parameters of RFC 959 §5.1")]
pub struct Form {
    /// TYPE.
    pub type_code: TypeCode,
    /// The second parameter of TYPE A and TYPE E.
    pub format: Format,
    /// STRU.
    pub structure: Structure,
    /// MODE.
    pub mode: Mode,
}

/// What a session starts with: ASCII non-print, file, stream.
impl Default for Form {
    fn default() -> Self {
        Self {
            type_code: TypeCode::Ascii,
            format: Format::default(),
            structure: Structure::default(),
            mode: Mode::default(),
        }
    }
}

impl Form {
    /// Whether there is such a representation: all but pages of logical bytes below four bits (a
    /// transfer is answered 555) and logical bytes of none.
    #[must_use]
    pub fn is_possible(self) -> bool {
        self.logical_bits() > 0 && (self.structure != Structure::Page || self.pages().is_some())
    }

    /// Whether the octets on the connection are those of the file, so that they may be moved
    /// without being looked at. (In type local a file being sent may need completion, and so that
    /// counts only with eight bits.)
    #[must_use]
    pub fn is_identity(self) -> bool {
        self.mode == Mode::Stream
            && self.structure == Structure::File
            && matches!(self.type_code, TypeCode::Image | TypeCode::Local(8))
    }

    /// Whether lines mean something: types ASCII and EBCDIC.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(self.type_code, TypeCode::Ascii | TypeCode::Ebcdic)
    }

    /// Whether the data connection may stay open behind the file.
    #[must_use]
    pub fn outlives_file(self) -> bool {
        self.mode == Mode::Block
    }

    /// The pages of this type, whatever the structure; `None` where none can be.
    #[must_use]
    pub fn pages(self) -> Option<Geometry> {
        Geometry::new(self.logical_bits())
    }

    /// Whether a transfer can start there: pages know their places themselves (a REST before them
    /// is answered 554).
    #[must_use]
    pub fn can_start_at(self, point: RestartPoint) -> bool {
        self.is_possible() && (self.structure != Structure::Page || point.offset == 0)
    }

    fn logical_bits(self) -> u8 {
        match self.type_code {
            TypeCode::Local(bits) => bits,
            TypeCode::Ascii | TypeCode::Ebcdic | TypeCode::Image => 8,
        }
    }

    /// Logical bytes that are no octets, with their size.
    fn odd_bits(self) -> Option<NonZeroU8> {
        NonZeroU8::new(self.logical_bits()).filter(|bits| bits.get() != 8)
    }

    /// The octet that MODE C writes shortest: the space of text, else zero.
    fn filler(self) -> u8 {
        match self.type_code {
            TypeCode::Ascii => b' ',
            TypeCode::Ebcdic => 0x40,
            TypeCode::Image | TypeCode::Local(_) => 0,
        }
    }

    /// Whether the structure's marks are octets to the mode.
    fn escapes_records(self) -> bool {
        let marked_by_mode = matches!(self.mode, Mode::Block | Mode::Compressed);
        self.structure == Structure::Record && !marked_by_mode
    }
}

/// How records of the types image and local are kept in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RecordStore {
    /// In the escaped form, so that they can be sent again as they were.
    #[default]
    Invertible,
    /// One behind the other; where they ended is lost.
    Plain,
}

/// What is configured or known beside the representation itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "plain settings; callers build it")]
pub struct Options {
    /// The code page of TYPE E.
    pub code_page: CodePage,
    /// How text files are encoded, for TYPE E.
    pub charset: Charset,
    /// Where in the file this transfer starts; what is given to the sender begins there.
    pub start: RestartPoint,
    /// Sending, STRU R, TYPE I or L: the file is wholly of the escaped form, as a
    /// [`Scanner`](super::record::Scanner) found, and is sent as its records. Otherwise it is one
    /// record.
    pub stored_records: bool,
    /// Receiving, STRU R, TYPE I or L.
    pub record_store: RecordStore,
    /// Sending, MODE Z.
    #[cfg(feature = "deflate")]
    pub level: Level,
    /// Receiving, MODE Z.
    #[cfg(feature = "deflate")]
    pub limits: Limits,
}

#[cfg(test)]
mod tests;
