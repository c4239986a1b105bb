//! How data looks on the connection: TYPE, STRU, MODE and OPTS MODE Z, and from where it is sent:
//! REST and RANG (RFC 959 §3, §4.1.2, RFC 3659 §5). What they mean to a file is in
//! [`repr`](crate::repr).

use crate::command::TypeCode;
use crate::reply::Reply;
use crate::repr::RestartPoint;
use crate::repr::pipeline::{Format, Mode, Structure};
use crate::server::{Action, ServerSession};

/// What MODE Z does unless OPTS MODE Z says otherwise; the customary balance.
pub(super) const LEVEL: u8 = 6;

impl ServerSession {
    pub(super) fn set_type(&mut self, code: TypeCode, format: Format) -> Reply {
        (self.form.type_code, self.form.format) = (code, format);
        match code {
            TypeCode::Ascii => Reply::new(200, "Type is ASCII."),
            TypeCode::Ebcdic => Reply::new(200, "Type is EBCDIC."),
            TypeCode::Image | TypeCode::Local(8) => Reply::new(200, "Type is Image."),
            TypeCode::Local(bits) => {
                Reply::new(200, format!("Type is Local, with bytes of {bits} bits."))
            }
        }
    }

    /// A data connection that was kept open is of the mode it was made in.
    pub(super) fn set_mode(&mut self, letter: u8, out: &mut Vec<Action>) -> Reply {
        let Some(mode) = Mode::from_letter(letter) else {
            return Reply::new(504, "That mode is not available.");
        };
        self.form.mode = mode;
        if !self.form.outlives_file() {
            self.close_kept(out);
        }
        Reply::new(200, format!("Mode is {}.", mode_name(mode)))
    }

    pub(super) fn set_structure(&mut self, letter: u8) -> Reply {
        let Some(structure) = Structure::from_letter(letter) else {
            return Reply::new(504, "That structure is not available.");
        };
        self.form.structure = structure;
        Reply::new(200, format!("Structure is {}.", structure_name(structure)))
    }

    pub(super) fn set_level(&mut self, level: Option<u8>) -> Reply {
        self.level = level.unwrap_or(LEVEL);
        Reply::new(200, format!("MODE Z LEVEL is {}.", self.level))
    }

    pub(super) fn set_range(&mut self, start: u64, end: u64) {
        (self.restart_at, self.range_end, self.restart_after_cr) = (start, end, false);
    }

    pub(super) fn set_restart(&mut self, offset: u64) -> Reply {
        self.set_range(offset, u64::MAX);
        Reply::new(350, format!("The next transfer starts at {offset}."))
    }

    /// A marker that only the modes with markers make, in TYPE A.
    pub(super) fn set_restart_mark(&mut self, point: RestartPoint) -> Reply {
        if !self.form.mode.has_markers() || self.form.type_code != TypeCode::Ascii {
            return Reply::new(501, "Such a marker needs TYPE A and MODE B or C.");
        }
        self.set_range(point.offset, u64::MAX);
        self.restart_after_cr = point.after_cr;
        Reply::new(350, format!("The next transfer starts at {}.", point.offset))
    }

    /// RANG names octets of the file, which are those of the wire only where nothing changes them.
    pub(super) fn set_rang(&mut self, range: Option<(u64, u64)>) -> Reply {
        let Some((first, last)) = range else {
            self.set_range(0, u64::MAX);
            return Reply::new(350, "The next transfer is of the whole file.");
        };
        if !self.form.is_identity() {
            return Reply::new(551, "RANG needs TYPE I and MODE S.");
        }
        self.set_range(first, last.saturating_add(1));
        Reply::new(350, format!("The next transfer is of octets {first} to {last}."))
    }
}

/// The name of a mode, as replies say it.
pub(super) fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Stream => "Stream",
        Mode::Block => "Block",
        Mode::Compressed => "Compressed",
        #[cfg(feature = "deflate")]
        Mode::Deflate => "Deflate",
    }
}

/// The name of a structure, as replies say it.
pub(super) fn structure_name(structure: Structure) -> &'static str {
    match structure {
        Structure::File => "File",
        Structure::Record => "Record",
        Structure::Page => "Page",
    }
}

/// The name of a type, as STAT says it.
pub(super) fn type_name(code: TypeCode) -> String {
    match code {
        TypeCode::Ascii => String::from("ASCII"),
        TypeCode::Ebcdic => String::from("EBCDIC"),
        TypeCode::Image | TypeCode::Local(8) => String::from("Image"),
        TypeCode::Local(bits) => format!("L {bits}"),
    }
}
