//! JSON, written: one object a line (`docs/json.md`). What the objects hold is in
//! [`records`](crate::records).
//!
//! Everything that a terminal could obey is escaped, too, so that output with `--json` is as
//! harmless to look at as any other.

use std::fmt::Write as _;

/// An object being written.
#[derive(Debug)]
pub(crate) struct Obj {
    text: String,
    #[cfg(test)]
    pub(crate) keys: Vec<&'static str>,
}

impl Obj {
    /// Begins a record of that type.
    pub(crate) fn new(kind: &str) -> Self {
        let mut obj = Self {
            text: String::from("{"),
            #[cfg(test)]
            keys: Vec::new(),
        };
        obj.key("type");
        string(kind, &mut obj.text);
        obj
    }

    fn key(&mut self, key: &'static str) {
        #[cfg(test)]
        self.keys.push(key);
        if self.text.len() > 1 {
            self.text.push(',');
        }
        string(key, &mut self.text);
        self.text.push(':');
    }

    /// A text.
    pub(crate) fn text(&mut self, key: &'static str, value: &str) -> &mut Self {
        self.key(key);
        string(value, &mut self.text);
        self
    }

    /// A text, if there is one.
    pub(crate) fn maybe_text(&mut self, key: &'static str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// A name as it is on the server. What is not UTF-8 is replaced by U+FFFD, and all octets
    /// follow in hexadecimal under `hex_key`.
    pub(crate) fn name(
        &mut self,
        (key, hex_key): (&'static str, &'static str),
        octets: &[u8],
    ) -> &mut Self {
        self.text(key, &String::from_utf8_lossy(octets));
        if std::str::from_utf8(octets).is_err() {
            self.text(hex_key, &ferry_proto::hash::hex(octets));
        }
        self
    }

    /// A whole number.
    pub(crate) fn number(&mut self, key: &'static str, value: impl Into<i128>) -> &mut Self {
        self.key(key);
        // Writing into a string cannot fail.
        let _ = write!(self.text, "{}", value.into());
        self
    }

    /// A whole number, if known.
    pub(crate) fn maybe_number(
        &mut self,
        key: &'static str,
        value: Option<impl Into<i128>>,
    ) -> &mut Self {
        match value {
            Some(value) => self.number(key, value),
            None => self,
        }
    }

    /// Yes or no.
    pub(crate) fn truth(&mut self, key: &'static str, value: bool) -> &mut Self {
        self.key(key);
        self.text.push_str(if value { "true" } else { "false" });
        self
    }

    /// The object, without a line end.
    pub(crate) fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// Appends a JSON string (RFC 8259 §7).
fn string(value: &str, out: &mut String) {
    out.push('"');
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Control characters, and what makes text read backwards.
            c if c.is_control()
                || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_hold_nothing_that_a_terminal_obeys() {
        let cases = [
            ("plain é", "\"plain é\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("\n\r\t", "\"\\n\\r\\t\""),
            ("\u{1b}[2J\u{7f}\u{9b}", "\"\\u001b[2J\\u007f\\u009b\""),
            ("\u{202e}", "\"\\u202e\""),
        ];
        for (value, want) in cases {
            let mut out = String::new();
            string(value, &mut out);
            assert_eq!(out, want);
        }
    }

    #[test]
    fn a_name_that_is_no_utf8_comes_twice() {
        let mut obj = Obj::new("entry");
        obj.name(("name", "name_hex"), b"a\xff").number("size", 3u64).truth("whole", true);
        obj.maybe_text("gone", None).maybe_number("also", None::<u64>);
        let want = "{\"type\":\"entry\",\"name\":\"a\u{fffd}\",\"name_hex\":\"61ff\",\
                    \"size\":3,\"whole\":true}";
        assert_eq!(obj.end(), want);
    }
}
