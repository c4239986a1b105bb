//! `[representation]`: what files become on the data connection where TYPE, STRU and MODE leave it
//! to the operator.

use std::ops::Range;

use ferry_server::options::{Charset, CodePage, Coding, RecordStore};
use toml::de::DeTable;

use super::diagnose::Problems;
use super::file::set;
use super::read;
use super::section::Section;

const KEYS: &[&str] = &["ebcdic", "text", "records", "markers", "expand_ratio", "expand_max"];

/// Reads the section into `coding`.
pub(super) fn read(
    table: &DeTable<'_>,
    at: Range<usize>,
    coding: &mut Coding,
    problems: &mut Problems,
) {
    let section = Section::open("[representation]", table, at, KEYS, problems);
    let pages = [("1047", CodePage::Cp1047), ("037", CodePage::Cp037)];
    let page = section.get("ebcdic", problems, |value| read::word(value, &pages));
    set(&mut coding.code_page, page);
    let texts = [("utf-8", Charset::Utf8), ("latin-1", Charset::Latin1)];
    let text = section.get("text", problems, |value| read::word(value, &texts));
    set(&mut coding.charset, text);
    let stores = [("kept", RecordStore::Invertible), ("plain", RecordStore::Plain)];
    let records = section.get("records", problems, |value| read::word(value, &stores));
    set(&mut coding.record_store, records);
    set(&mut coding.markers, section.get("markers", problems, read::boolean));
    // Deflate never makes more than 1032 octets of one.
    let ratio = section.get("expand_ratio", problems, |value| read::number(value, 1..=1032));
    set(&mut coding.expansion.ratio_max, ratio);
    let most = section.get("expand_max", problems, read::size);
    set(&mut coding.expansion.output_max, most);
}
