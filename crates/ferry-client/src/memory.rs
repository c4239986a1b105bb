//! What was learned of servers, kept between runs: a small text file for each, in the folder the
//! settings name. What is kept saves questions and failed attempts, nothing depends on it: a file
//! that is missing, old or damaged means to learn again.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::session::capabilities::{Capabilities, Known, Ranges, SetTime};
use crate::settings::Settings;
use crate::site::Site;

/// The first line of each file. A new format has a new one.
const HEAD: &str = "ferry server memory 1";

/// The longest round trip that is believed, in milliseconds.
const TRIP_MAX: u64 = 10_000;

fn file(site: &Site, settings: &Settings) -> Option<PathBuf> {
    let folder = settings.memory.as_ref()?;
    let safe = |c: char| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '_' };
    let host: String = site.host.to_ascii_lowercase().chars().take(200).map(safe).collect();
    Some(folder.join(format!("{host}_{}", site.port())))
}

/// What is known of a server.
pub(crate) fn recall(site: &Site, settings: &Settings) -> Capabilities {
    let text = file(site, settings).and_then(|path| fs::read_to_string(path).ok());
    text.map_or_else(Capabilities::default, |text| parse(&text))
}

/// Keeps what is known of a server. That it cannot be kept is no failure.
pub(crate) fn keep(site: &Site, settings: &Settings, known: &Capabilities) {
    let Some(path) = file(site, settings) else {
        return;
    };
    let text = print(known);
    if fs::read_to_string(&path).is_ok_and(|before| before == text) {
        return;
    }
    if let Some(folder) = path.parent() {
        _ = fs::create_dir_all(folder);
    }
    // Written aside: programs side by side must not read half of it.
    let aside = path.with_extension(format!("new{}", std::process::id()));
    if fs::write(&aside, text).is_ok() {
        _ = fs::rename(&aside, &path);
    }
}

fn word(known: Known) -> &'static str {
    match known {
        Known::Untried => "untried",
        Known::Yes => "yes",
        Known::No => "no",
    }
}

fn known(word: &str) -> Known {
    match word {
        "yes" => Known::Yes,
        "no" => Known::No,
        _ => Known::Untried,
    }
}

fn print(c: &Capabilities) -> String {
    let set_time = match c.set_time {
        SetTime::Mfmt => "mfmt",
        SetTime::Mff => "mff",
        SetTime::Mdtm => "mdtm",
        SetTime::Utime => "utime",
        SetTime::None => "none",
    };
    let ranges = match c.ranges {
        Ranges::Untried => "untried",
        Ranges::Rang => "rang",
        Ranges::Rest => "rest",
        Ranges::None => "none",
    };
    let mut text = format!(
        "{HEAD}\nepsv {}\npasv {}\nmlsd {}\nlist-a {}\ndeflate {}\nsize {}\nmdtm {}\nrename {}\n\
         ranges {ranges}\nset-time {set_time} {}\ntls12-only {}\n",
        word(c.epsv),
        word(c.pasv),
        word(c.mlsd),
        word(c.list_all),
        word(c.deflate),
        word(c.size),
        word(c.mdtm),
        word(c.rename),
        if c.set_time_works { "works" } else { "untried" },
        c.tls12_only,
    );
    if let Some(trip) = c.begins_early {
        text += &format!("begins-early {}\njoins {}\n", trip.as_millis(), word(c.joins));
    }
    if let Some(zone) = c.zone {
        text += &format!("zone {zone}\n");
    }
    if let Some(most) = c.connections_max {
        text += &format!("connections {most}\n");
    }
    text
}

fn parse(text: &str) -> Capabilities {
    let mut c = Capabilities::default();
    let mut lines = text.lines();
    if lines.next() != Some(HEAD) {
        return c;
    }
    for line in lines {
        let Some((key, value)) = line.split_once(' ') else {
            continue;
        };
        match key {
            "epsv" => c.epsv = known(value),
            "pasv" => c.pasv = known(value),
            "joins" => c.joins = known(value),
            "mlsd" => c.mlsd = known(value),
            "list-a" => c.list_all = known(value),
            "deflate" => c.deflate = known(value),
            "size" => c.size = known(value),
            "mdtm" => c.mdtm = known(value),
            "rename" => c.rename = known(value),
            "ranges" => {
                c.ranges = match value {
                    "rang" => Ranges::Rang,
                    "rest" => Ranges::Rest,
                    "none" => Ranges::None,
                    _ => Ranges::Untried,
                }
            }
            "tls12-only" => c.tls12_only = value == "true",
            "begins-early" => {
                let trip = value.parse().ok().filter(|trip| *trip <= TRIP_MAX);
                c.begins_early = trip.map(Duration::from_millis);
            }
            "zone" => c.zone = value.parse().ok().filter(|zone: &i32| zone.abs() <= 26 * 3600),
            // Twice as many are tried: what was too many once need not be for ever.
            "connections" => {
                let most: Option<usize> = value.parse().ok().filter(|most| *most > 0);
                c.connections_max = most.map(|most| most.saturating_mul(2));
            }
            "set-time" => {
                let (way, works) = value.split_once(' ').unwrap_or((value, ""));
                c.set_time_works = works == "works";
                c.set_time = match way {
                    "mff" => SetTime::Mff,
                    "mdtm" => SetTime::Mdtm,
                    "utime" => SetTime::Utime,
                    "none" => SetTime::None,
                    _ => SetTime::Mfmt,
                }
            }
            _ => {}
        }
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_recalled() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { memory: Some(folder.path().into()), ..Settings::default() };
        let site = Site::new("FTP.example.org");
        let mut c = Capabilities {
            epsv: Known::No,
            pasv: Known::Yes,
            deflate: Known::Yes,
            set_time: SetTime::Mdtm,
            ranges: Ranges::Rest,
            zone: Some(-3600),
            connections_max: Some(4),
            tls12_only: true,
            begins_early: Some(Duration::from_millis(50)),
            joins: Known::Yes,
            ..Capabilities::default()
        };
        keep(&site, &settings, &c);
        let back = recall(&Site::new("ftp.EXAMPLE.org"), &settings);
        assert_eq!(back.connections_max, Some(8), "more are tried the next time");
        assert_eq!(print(&Capabilities { connections_max: Some(4), ..back.clone() }), print(&c));
        assert_eq!(back.ranges, Ranges::Rest);
        c.epsv = Known::Yes;
        keep(&site, &settings, &c);
        assert_eq!(recall(&site, &settings).epsv, Known::Yes);
        assert_eq!(recall(&Site::new("other"), &settings).epsv, Known::Untried);
    }

    #[test]
    fn a_damaged_file_means_to_learn_again() {
        for text in ["", "ferry server memory 0\nepsv no\n", "\0", "ferry server memory 1\nx"] {
            assert_eq!(print(&parse(text)), print(&Capabilities::default()), "{text:?}");
        }
    }
}
