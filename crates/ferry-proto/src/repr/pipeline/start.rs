//! What a restart (REST) means in each representation (RFC 959 §3.5, RFC 3659 §5): an offset in the
//! file, an offset in what is sent of it, or nothing at all.

use super::{Form, Mode, Structure};
use crate::command::TypeCode;
use crate::repr::RestartPoint;

/// Where a download begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a caller must handle each")]
pub enum Start {
    /// At that place in the file.
    File(RestartPoint),
    /// So many octets into what TYPE and STRU make of the file, before MODE.
    Wire(u64),
}

impl Form {
    /// Where a download starts that a restart named; `None` where that means nothing (554). Whether
    /// the file is that long, only the file can say.
    #[must_use]
    pub fn start_sending(self, at: RestartPoint) -> Option<Start> {
        if at == RestartPoint::default() {
            return Some(Start::File(at));
        }
        if self.structure == Structure::Page || at.after_cr && self.type_code != TypeCode::Ascii {
            return None;
        }
        match () {
            () if self.mode.has_markers() => Some(Start::File(at)),
            () if at.after_cr => None,
            () if self.keeps_octets() => Some(Start::File(at)),
            () => Some(Start::Wire(at.offset)),
        }
    }

    /// Where in the file an upload starts that a restart named; `None` where that means nothing
    /// (554). Text that comes without markers does not say what place in the file it means.
    #[must_use]
    pub fn start_receiving(self, at: RestartPoint) -> Option<RestartPoint> {
        match self.start_sending(at)? {
            Start::File(point) => Some(point),
            Start::Wire(_) => None,
        }
    }

    /// Whether TYPE and STRU leave octets where they are: an offset on the wire is one of the file.
    fn keeps_octets(self) -> bool {
        self.structure == Structure::File && !self.is_text()
    }

    /// How many octets a file of that length is on the wire in mode stream, where that follows from
    /// its length alone. Text and logical bytes of other sizes than eight bits have to be looked
    /// through, and records and pages have no such length.
    #[must_use]
    pub fn wire_len(self, file_len: u64) -> Option<u64> {
        self.in_stream().is_identity().then_some(file_len)
    }

    /// The same in mode stream: what REST and SIZE count (docs/protocol.md).
    #[must_use]
    pub fn in_stream(self) -> Self {
        Self { mode: Mode::Stream, ..self }
    }

    /// How a listing is sent: lines of text in the mode in force, whatever the structure; only TYPE
    /// E makes it EBCDIC. MLSD is never anything but octets (RFC 3659 §7.2).
    #[must_use]
    pub fn of_listing(self, facts: bool) -> Self {
        let ebcdic = self.type_code == TypeCode::Ebcdic && !facts;
        Self {
            type_code: if ebcdic { TypeCode::Ebcdic } else { TypeCode::Image },
            structure: Structure::File,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repr::pipeline::Format;

    fn form(type_code: TypeCode, structure: Structure, mode: Mode) -> Form {
        Form { type_code, format: Format::default(), structure, mode }
    }

    #[test]
    fn an_offset_is_one_of_the_file_or_of_the_wire_or_means_nothing() {
        use Mode::{Block, Compressed, Stream};
        use Structure::{File, Page, Record};
        use TypeCode::{Ascii, Ebcdic, Image, Local};
        let at = |offset, after_cr| RestartPoint { offset, after_cr };
        let (plain, cr) = (at(7, false), at(7, true));
        let file = |point| Some(Start::File(point));
        let wire = Some(Start::Wire(7));
        // Sending without and with a CR before the place; whether receiving without one can start.
        let cases = [
            (Image, File, Stream, file(plain), None, true),
            (Local(8), File, Stream, file(plain), None, true),
            (Local(7), File, Stream, file(plain), None, true),
            (Ascii, File, Stream, wire, None, false),
            (Ebcdic, File, Stream, wire, None, false),
            (Image, Record, Stream, wire, None, false),
            (Ascii, Record, Stream, wire, None, false),
            (Image, File, Block, file(plain), None, true),
            (Ascii, File, Block, file(plain), file(cr), true),
            (Ascii, Record, Compressed, file(plain), file(cr), true),
            (Ebcdic, File, Compressed, file(plain), None, true),
            (Image, Page, Stream, None, None, false),
            (Ascii, Page, Block, None, None, false),
        ];
        for (type_code, structure, mode, sending, after_cr, receives) in cases {
            let form = form(type_code, structure, mode);
            assert_eq!(form.start_sending(plain), sending, "{form:?}");
            assert_eq!(form.start_sending(cr), after_cr, "{form:?}");
            assert_eq!(form.start_receiving(plain).is_some(), receives, "{form:?}");
            assert_eq!(form.start_sending(at(0, false)), file(at(0, false)), "{form:?}");
        }
    }

    #[test]
    fn lengths_on_the_wire_follow_from_the_file_where_octets_stay_octets() {
        let len = |type_code, structure| form(type_code, structure, Mode::Block).wire_len(5);
        assert_eq!(len(TypeCode::Image, Structure::File), Some(5));
        assert_eq!(len(TypeCode::Local(8), Structure::File), Some(5));
        assert_eq!(len(TypeCode::Local(7), Structure::File), None);
        assert_eq!(len(TypeCode::Ascii, Structure::File), None);
        assert_eq!(len(TypeCode::Image, Structure::Record), None);
    }

    #[test]
    fn listings_are_text_in_the_mode_in_force() {
        let ebcdic = form(TypeCode::Ebcdic, Structure::Record, Mode::Block);
        assert_eq!(ebcdic.of_listing(false), form(TypeCode::Ebcdic, Structure::File, Mode::Block));
        assert_eq!(ebcdic.of_listing(true), form(TypeCode::Image, Structure::File, Mode::Block));
        assert!(Form::default().of_listing(false).is_identity());
    }
}
