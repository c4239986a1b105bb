//! What came of a step, how a scene writes that, and whether it is what the scene wants.

use ferry_client::{Error, ErrorKind};
use ferry_proto::date::UnixTime;
use ferry_proto::listing::{ListedEntry, ListedKind, Report};
use testkit::scene::{Playing, quoted};

use super::line::number;

/// What came of a step.
pub(super) enum Came {
    Done,
    Octets(Vec<u8>),
    Words(String),
}

pub(super) type Outcome = Result<Came, Error>;

/// Whether that is what was wanted.
pub(super) fn held(
    want: &str,
    came: Outcome,
    playing: &Playing,
    path: &[u8],
) -> Result<(), String> {
    if let Some(error) = want.strip_prefix("error ") {
        let (kinds, part) = error.split_once(" saying ").unwrap_or((error, ""));
        let wrong = match came {
            Err(error) => {
                let kind = format!("{:?}", error.kind());
                let part = if part.is_empty() { Vec::new() } else { quoted(part)?.0 };
                let part = String::from_utf8_lossy(&part).into_owned();
                if kinds.split('|').any(|known| known == kind) && error.to_string().contains(&part)
                {
                    return Ok(());
                }
                told(&error)
            }
            Ok(came) => told_came(&came),
        };
        return Err(format!("came: {wrong}"));
    }
    let right = match &came {
        Err(error) => return Err(format!("came: {}", told(error))),
        Ok(Came::Done) => want == "ok",
        Ok(Came::Octets(octets)) => match want.strip_prefix("whole") {
            Some(from) => {
                let from: usize = match from.trim().strip_prefix("from ") {
                    Some(from) => number(from)?,
                    None => 0,
                };
                let file = playing.file(path).unwrap_or_default();
                file.get(from..) == Some(octets)
            }
            None => quoted(want)?.0 == *octets,
        },
        Ok(Came::Words(text)) => want == text,
    };
    match came {
        Ok(came) if !right => Err(format!("came: {}", told_came(&came))),
        _ => Ok(()),
    }
}

fn told(error: &Error) -> String {
    let kind: ErrorKind = error.kind();
    format!("error {kind:?}: {error}")
}

fn told_came(came: &Came) -> String {
    match came {
        Came::Done => "ok".to_owned(),
        Came::Octets(octets) => match octets.get(..100) {
            Some(head) => format!("{}… ({} octets)", shown(head), octets.len()),
            None => shown(octets),
        },
        Came::Words(words) => words.clone(),
    }
}

pub(super) fn told_time(time: UnixTime) -> String {
    time.format_timeval(time.nanos > 0)
}

pub(super) fn listed(entries: &[ListedEntry], report: &Report) -> Came {
    let mut names = Vec::new();
    for entry in entries {
        let mut name = shown(&entry.name);
        match entry.kind {
            ListedKind::Dir => name.push('/'),
            ListedKind::Symlink { .. } => name.push('@'),
            _ => {}
        }
        names.push(name);
    }
    let Came::Words(mut text) = words(&names) else {
        return Came::Done;
    };
    for (count, what) in [(report.unparsed, "unparsed"), (report.refused, "refused")] {
        if count > 0 {
            text.push_str(&format!(" ; {what} {count}"));
        }
    }
    if report.unterminated {
        text.push_str(" ; unterminated");
    }
    Came::Words(text)
}

pub(super) fn words(names: &[String]) -> Came {
    Came::Words(if names.is_empty() { "nothing".to_owned() } else { names.join(" ") })
}

/// Octets as a scene writes them: in quotes if they need any.
pub(super) fn shown(octets: &[u8]) -> String {
    let plain = |octet: &u8| octet.is_ascii_graphic() && !b"\"\\".contains(octet);
    if !octets.is_empty() && octets.iter().all(plain) {
        return octets.escape_ascii().to_string();
    }
    format!("\"{}\"", octets.escape_ascii().to_string().replace("\\'", "'"))
}
