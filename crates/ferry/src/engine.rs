//! From flags to what the engine's copier wants.

/// Whether a text is a timetable of rates.
pub(crate) fn timetable(text: &str) -> Result<(), String> {
    match text.bytes().next() {
        Some(b'0'..=b'9' | b'o') => Ok(()),
        _ => Err(format!("{text} is not a rate")),
    }
}
