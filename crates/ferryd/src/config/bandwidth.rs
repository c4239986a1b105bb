//! How fast octets may go: `[bandwidth]`, and the same of one user.

use std::ops::Range;

use ferry_server::options::{Bandwidth, Bandwidths, Rates, Timetable};
use toml::de::DeTable;

use super::diagnose::Problems;
use super::read;
use super::section::Section;

const KEYS: &[&str] =
    &["download", "upload", "user_download", "user_upload", "transfer_download", "transfer_upload"];

/// What is said of an account, in these keys: of all its sessions together down and up, of each
/// transfer down and up.
pub(super) type AccountKeys = [&'static str; 4];

/// Those in the section of a user.
pub(super) const OF_USER: AccountKeys =
    ["download", "upload", "transfer_download", "transfer_upload"];

/// Those that hold for every user who says nothing else.
const OF_EVERYONE: AccountKeys =
    ["user_download", "user_upload", "transfer_download", "transfer_upload"];

/// Reads `[bandwidth]`.
pub(super) fn read(
    table: &DeTable<'_>,
    at: Range<usize>,
    options: &mut Bandwidths,
    problems: &mut Problems,
) {
    let section = Section::open("[bandwidth]", table, at, KEYS, problems);
    options.in_all = Rates {
        download: rate(&section, "download", problems),
        upload: rate(&section, "upload", problems),
    };
    options.account = of_account(&section, OF_EVERYONE, problems);
}

/// Reads what is said of an account.
pub(super) fn of_account(
    section: &Section<'_>,
    [download, upload, transfer_download, transfer_upload]: AccountKeys,
    problems: &mut Problems,
) -> Bandwidth {
    Bandwidth {
        in_all: Rates {
            download: rate(section, download, problems),
            upload: rate(section, upload, problems),
        },
        transfer: Rates {
            download: rate(section, transfer_download, problems),
            upload: rate(section, transfer_upload, problems),
        },
    }
}

fn rate(section: &Section<'_>, key: &'static str, problems: &mut Problems) -> Option<Timetable> {
    let read = section.get(key, problems, read::rate);
    read.map(|(table, _)| table)
}
