//! From flags to what the engine's copier wants: how files are placed, resumed, limited, chosen.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use ferry_client::Error;
use ferry_client::copy::{CopyOptions, Limiter, Placing, Resume, Retry, Segments, Timetable};
use ferry_client::filter::{Filter, Rules};
use ferry_client::fxp::Direct;
use ferry_storage::{Meta, Precision};

use crate::cli::{Choice, Flags};
use crate::cx;
use crate::exit::{Failure, Outcome};
use crate::place::Place;
use crate::say;

/// Whether a text is a timetable of rates.
pub(crate) fn timetable(text: &str) -> Result<(), String> {
    Timetable::parse(text).map(|_| ()).map_err(|e| e.to_string())
}

/// How two servers are had to move files between themselves.
pub(crate) struct BetweenServers {
    /// Fails where they will not.
    pub(crate) only: bool,
    /// How long they may take for a file.
    pub(crate) longest: Option<Duration>,
    /// Is told, once, why they will not.
    pub(crate) refused: Box<dyn Fn(&Error) + Send + Sync>,
}

impl fmt::Debug for BetweenServers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BetweenServers").field("only", &self.only).finish_non_exhaustive()
    }
}

/// What the flags say, ready for use.
#[derive(Debug)]
pub(crate) struct Engine {
    flags: Arc<Flags>,
    pub(crate) filter: Filter,
    down: Option<Arc<Limiter>>,
    up: Option<Arc<Limiter>>,
    umask: u32,
    between: Mutex<Option<BetweenServers>>,
    /// What that has come to, for the only two servers there are.
    direct: OnceLock<Option<Arc<Direct>>>,
}

impl Engine {
    pub(crate) fn new(flags: &Arc<Flags>) -> Outcome<Self> {
        let (down, up) = limiters(flags)?;
        Ok(Self {
            flags: Arc::clone(flags),
            filter: filter(&flags.choice)?,
            down,
            up,
            umask: umask(),
            between: Mutex::new(None),
            direct: OnceLock::new(),
        })
    }

    /// Servers are to move files between themselves.
    pub(crate) fn between_servers(self, how: BetweenServers) -> Self {
        Self { between: Mutex::new(Some(how)), ..self }
    }

    /// The two servers, if they are to do it, and the files are taken as they are.
    fn direct(&self, from: &Place, to: &Place) -> Option<Arc<Direct>> {
        let of = |place: &Place| {
            let link = place.link.clone()?;
            Arc::ptr_eq(&link.storage(), &place.storage).then(|| link.remote().clone())
        };
        let made = self.direct.get_or_init(|| {
            let how = self.between.lock().unwrap_or_else(PoisonError::into_inner).take()?;
            let direct = Direct::new(of(from)?, of(to)?).telling(how.refused);
            let direct = if how.only { direct.only() } else { direct };
            Some(Arc::new(match how.longest {
                Some(longest) => direct.longest(longest),
                None => direct,
            }))
        });
        made.clone()
    }

    /// How files get from one place to another.
    pub(crate) fn copy_options(&self, from: &Place, to: &Place) -> CopyOptions {
        let transfer = &self.flags.transfer;
        let usual = CopyOptions::default();
        // Uploads appear under their own names, as everywhere: servers forbid to rename, and watch
        // directories.
        let placing = match (to.is_local(), transfer.atomic) {
            (true, _) => Placing::default(),
            (false, true) => Placing::Partial { above: 0 },
            (false, false) => Placing::Final,
        };
        let resume = match (transfer.resume, transfer.no_resume) {
            (true, _) => Resume::Existing,
            (_, true) => Resume::Never,
            _ => Resume::Partial,
        };
        let segments = match transfer.segments {
            None => Segments::Auto,
            Some(1) => Segments::Off,
            Some(count) => Segments::Count(count),
        };
        CopyOptions {
            placing,
            resume,
            segments,
            times: !transfer.no_times,
            verify: transfer.verify,
            retry: Retry { retries: self.flags.connection.retries, ..usual.retry.clone() },
            limits: self.limits(from.is_local(), to),
            perm: self.file_perm(),
            direct: self.direct(from, to),
            ..usual
        }
    }

    /// The limits on what comes from somewhere, and goes there.
    pub(crate) fn limits(&self, from_here: bool, to: &Place) -> Vec<Arc<Limiter>> {
        let down = self.down.iter().filter(|_| !from_here);
        down.chain(self.up.iter().filter(|_| !to.is_local())).cloned().collect()
    }

    /// Both limits, for what goes both ways.
    pub(crate) fn all_limits(&self) -> Vec<Arc<Limiter>> {
        self.down.iter().chain(&self.up).cloned().collect()
    }

    /// Permission bits of new files.
    pub(crate) fn file_perm(&self) -> u32 {
        0o666 & !self.umask
    }

    /// Permission bits of new directories.
    pub(crate) fn dir_perm(&self) -> u32 {
        0o777 & !self.umask
    }
}

/// What this process takes away from the permission bits of new files. It can only be read by
/// setting it; nobody makes files meanwhile, since those who do are told the bits.
fn umask() -> u32 {
    let mask = rustix::process::umask(rustix::fs::Mode::empty());
    rustix::process::umask(mask);
    mask.bits()
}

/// Whether a shorter file of the same name is what an upload of this very source has left: it was
/// written after the source was last changed, which an older version was not. (What is there is
/// compared all the same before it is continued.)
pub(crate) fn is_unfinished(there: &Meta, source: &Meta) -> bool {
    let timed = there.precision <= Precision::Minute && source.precision <= Precision::Minute;
    let shorter = there.size_known && source.size_known && there.size < source.size;
    timed && shorter && there.size > 0 && there.modified.secs > source.modified.secs
}

/// Which files count.
fn filter(choice: &Choice) -> Outcome<Filter> {
    let mut rules = Rules::default();
    let wrong = |e: ferry_client::filter::RuleError| Failure::usage(e.to_string());
    for (include, rule) in &choice.rules {
        match include {
            true => rules.include(rule).map_err(wrong)?,
            false => rules.exclude(rule).map_err(wrong)?,
        }
    }
    for file in &choice.exclude_from {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|e| Failure::local(file.display(), &e))?;
        rules.add_file(&text).map_err(wrong)?;
    }
    Ok(Filter {
        rules,
        min_size: choice.min_size,
        max_size: choice.max_size,
        newer_than: choice.newer_than.map(|since| since.from(cx::now())),
        older_than: None,
    })
}

type Limits = (Option<Arc<Limiter>>, Option<Arc<Limiter>>);

fn limiters(flags: &Flags) -> Outcome<Limits> {
    let Some(rates) = &flags.transfer.limit_rate else { return Ok((None, None)) };
    let second = second_of_day(rates.down.contains('-') || rates.up.contains('-'));
    let limiter = |text: &str| {
        let table = Timetable::parse(text).map_err(|e| Failure::usage(e.to_string()))?;
        Ok::<_, Failure>(Some(Arc::new(Limiter::new(table, second))))
    };
    Ok((limiter(&rates.down)?, limiter(&rates.up)?))
}

/// The second of the day here, or in UTC if that cannot be told or does not matter.
fn second_of_day(matters: bool) -> u32 {
    let offset = if matters { zone_offset() } else { Some(0) };
    if offset.is_none() {
        say::warn("the time zone cannot be told; the timetable is taken as UTC");
    }
    let secs = cx::now().secs.saturating_add(offset.unwrap_or(0)).rem_euclid(86_400);
    u32::try_from(secs).unwrap_or(0)
}

/// Seconds that local time is ahead of UTC. The system's rules of time zones are large; date(1)
/// knows them.
fn zone_offset() -> Option<i64> {
    let output = std::process::Command::new("date").arg("+%z").output().ok()?;
    zone(std::str::from_utf8(&output.stdout).ok()?.trim())
}

/// `+0130` in seconds.
fn zone(text: &str) -> Option<i64> {
    let sign = match text.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_at_checked(2)?;
    let (hours, minutes): (u32, u32) = (hours.parse().ok()?, minutes.parse().ok()?);
    Some(sign * i64::from(hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_proto::date::UnixTime;
    use ferry_storage::Kind;

    #[test]
    fn zones_are_hours_and_minutes() {
        let cases = [
            ("+0000", Some(0)),
            ("+0530", Some(19_800)),
            ("-0800", Some(-28_800)),
            ("", None),
            ("UTC", None),
            ("+1", None),
        ];
        for (text, want) in cases {
            assert_eq!(zone(text), want, "{text}");
        }
    }

    #[test]
    fn only_what_was_begun_after_the_source_changed_is_unfinished() {
        let meta = |size, secs, precision| Meta {
            kind: Kind::File,
            size,
            size_known: true,
            modified: UnixTime::from_secs(secs),
            precision,
            created: None,
            mode: None,
            links: 1,
            owner: None,
            group: None,
            unique: (0, 0),
        };
        let source = meta(100, 1000, Precision::Fraction);
        let cases = [
            (meta(50, 2000, Precision::Second), true),
            (meta(50, 1000, Precision::Second), false),
            (meta(50, 500, Precision::Second), false),
            (meta(0, 2000, Precision::Second), false),
            (meta(100, 2000, Precision::Second), false),
            (meta(150, 2000, Precision::Second), false),
            (meta(50, 2000, Precision::Day), false),
            (Meta { size_known: false, ..meta(50, 2000, Precision::Second) }, false),
        ];
        for (there, want) in cases {
            assert_eq!(is_unfinished(&there, &source), want, "{there:?}");
        }
    }
}
