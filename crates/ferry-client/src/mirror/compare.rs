//! Whether two files are the same, by what is known of them without reading them.

use std::cmp::Ordering;

use ferry_proto::date::UnixTime;
use ferry_storage::{Meta, Precision};

use super::options::Compare;
use super::plan::{State, Why};

/// What comparing says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Same,
    /// Copy, for that reason.
    Differs(Why),
    /// The content has to be compared; if it is the same, whether the time has to be set.
    Read {
        set_time: bool,
    },
    /// The destination's is newer, and is to be left alone.
    Newer,
}

/// How a destination's file is compared.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) how: Compare,
    pub(crate) update: bool,
    /// Whether copies get the source's time. Where they do not, a destination's file that is not
    /// older than the source was made from it.
    pub(crate) times_kept: bool,
}

pub(crate) fn compare(from: &Meta, to: &Meta, rules: Rules) -> Verdict {
    let (a, b) = (State::of(from), State::of(to));
    let order = order_of(&a, &b);
    if rules.update && order == Some(Ordering::Less) {
        return Verdict::Newer;
    }
    if rules.how == Compare::Never {
        return Verdict::Differs(Why::Asked);
    }
    if a.size.zip(b.size).is_some_and(|(a, b)| a != b) {
        return Verdict::Differs(Why::Size);
    }
    let same_time = match order {
        None | Some(Ordering::Equal) => true,
        Some(Ordering::Less) => !rules.times_kept,
        Some(Ordering::Greater) => false,
    };
    match rules.how {
        Compare::Content => Verdict::Read { set_time: rules.times_kept && !same_time },
        Compare::SizeAndTime if !same_time => Verdict::Differs(Why::Time),
        _ => Verdict::Same,
    }
}

/// Whether two times are the same, as exactly as both are known.
pub(crate) fn same_time(a: &State, b: &State) -> bool {
    matches!(order_of(a, b), None | Some(Ordering::Equal))
}

/// How `a`'s time is to `b`'s; [`None`] when one says nothing.
pub(crate) fn order_of(a: &State, b: &State) -> Option<Ordering> {
    let mut precision = a.precision.max(b.precision);
    // A whole second may be one that a server or file system has cut off.
    if precision == Precision::Fraction && (a.modified.nanos == 0 || b.modified.nanos == 0) {
        precision = Precision::Second;
    }
    // Below a millisecond lies what servers do not say; the rest is what listings cut off. Where a
    // listing says days, its zone may be any, too.
    let unit: i128 = match precision {
        Precision::Fraction => 1_000_000,
        Precision::Second => 1_000_000_000,
        Precision::Minute => 60_000_000_000,
        Precision::Day => 86_400_000_000_000,
        _ => return None,
    };
    let apart = nanos(a.modified) - nanos(b.modified);
    Some(if apart.abs() < unit { Ordering::Equal } else { apart.cmp(&0) })
}

fn nanos(time: UnixTime) -> i128 {
    i128::from(time.secs) * 1_000_000_000 + i128::from(time.nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferry_storage::Kind;

    fn meta(size: u64, secs: i64, nanos: u32, precision: Precision) -> Meta {
        Meta {
            kind: Kind::File,
            size,
            size_known: true,
            modified: UnixTime { secs, nanos },
            precision,
            created: None,
            mode: None,
            links: 1,
            owner: None,
            group: None,
            unique: (0, 0),
        }
    }

    const RULES: Rules = Rules { how: Compare::SizeAndTime, update: false, times_kept: true };

    #[test]
    fn times_are_compared_as_exactly_as_the_coarser_side_knows_them() {
        use Precision::{Day, Fraction, Minute, Second, Unknown};
        // Source, destination, same.
        let cases = [
            ((100, 5_000_000, Fraction), (100, 5_000_000, Fraction), true),
            ((100, 5_000_000, Fraction), (100, 9_000_000, Fraction), false),
            ((100, 5_123_456, Fraction), (100, 5_000_000, Fraction), true),
            ((100, 500_000_000, Fraction), (100, 0, Fraction), true),
            ((101, 0, Fraction), (100, 0, Fraction), false),
            ((100, 999_999_999, Fraction), (100, 0, Second), true),
            ((101, 0, Fraction), (100, 0, Second), false),
            ((119, 0, Second), (60, 0, Minute), true),
            ((120, 0, Second), (60, 0, Minute), false),
            ((60, 0, Minute), (119, 0, Second), true),
            ((86_399, 0, Second), (0, 0, Day), true),
            ((86_400, 0, Second), (0, 0, Day), false),
            ((86_400, 0, Unknown), (0, 0, Second), true),
        ];
        for (from, to, same) in cases {
            let verdict =
                compare(&meta(1, from.0, from.1, from.2), &meta(1, to.0, to.1, to.2), RULES);
            let want = if same { Verdict::Same } else { Verdict::Differs(Why::Time) };
            assert_eq!(verdict, want, "{from:?} {to:?}");
        }
    }

    #[test]
    fn every_way_to_compare_does_what_it_says() {
        let exact = |size, secs| meta(size, secs, 0, Precision::Second);
        let (old, new, long) = (exact(1, 10), exact(1, 20), exact(2, 10));
        let unknown = Meta { size_known: false, ..exact(0, 10) };
        let rules = |how| Rules { how, ..RULES };
        let update = Rules { update: true, ..RULES };
        let unkept = Rules { times_kept: false, ..RULES };
        let cases = [
            (&old, &old, RULES, Verdict::Same),
            (&old, &long, RULES, Verdict::Differs(Why::Size)),
            (&old, &new, RULES, Verdict::Differs(Why::Time)),
            (&old, &unknown, RULES, Verdict::Same),
            (&old, &new, rules(Compare::Size), Verdict::Same),
            (&old, &long, rules(Compare::Size), Verdict::Differs(Why::Size)),
            (&old, &new, rules(Compare::Content), Verdict::Read { set_time: true }),
            (&old, &old, rules(Compare::Content), Verdict::Read { set_time: false }),
            (&old, &old, rules(Compare::Never), Verdict::Differs(Why::Asked)),
            (&old, &new, update, Verdict::Newer),
            (&new, &old, update, Verdict::Differs(Why::Time)),
            (&old, &new, unkept, Verdict::Same),
            (&new, &old, unkept, Verdict::Differs(Why::Time)),
        ];
        for (from, to, rules, want) in cases {
            assert_eq!(compare(from, to, rules), want, "{from:?} {to:?} {rules:?}");
        }
    }
}
