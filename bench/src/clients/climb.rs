//! Finding how parallel a client is fastest: from the middle of its ladder upwards while that
//! helps, else downwards.

use std::time::Duration;

use super::trial::Outcome;

/// A step that is not at least so much faster is not taken for better.
const BETTER: f64 = 0.97;

/// The best rung and what came of it there. `run` is asked for each rung at most once.
///
/// # Errors
/// Those of `run`.
pub(crate) fn climb<E>(
    ladder: &[u32],
    mut run: impl FnMut(u32) -> Result<Outcome, E>,
) -> Result<Option<(u32, Outcome)>, E> {
    let middle = ladder.len().saturating_sub(1) / 2;
    let (lower, upper) = ladder.split_at(middle);
    let Some((first, above)) = upper.split_first() else { return Ok(None) };
    let mut best = (*first, run(*first)?);
    let mut walk = |rungs: &mut dyn Iterator<Item = u32>, best: &mut (u32, Outcome)| {
        let mut moved = false;
        for rung in rungs {
            let outcome = run(rung)?;
            if !better(outcome.took(), best.1.took()) {
                break;
            }
            *best = (rung, outcome);
            moved = true;
        }
        Ok(moved)
    };
    if !walk(&mut above.iter().copied(), &mut best)? {
        walk(&mut lower.iter().rev().copied(), &mut best)?;
    }
    Ok(Some(best))
}

fn better(new: Option<Duration>, old: Option<Duration>) -> bool {
    match (new, old) {
        (Some(new), Some(old)) => new.as_secs_f64() < old.as_secs_f64() * BETTER,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fastest(ladder: &[u32], took: impl Fn(u32) -> Option<u64>) -> (Option<u32>, Vec<u32>) {
        let mut asked = Vec::new();
        let found = climb(ladder, |rung| {
            asked.push(rung);
            Ok::<_, ()>(match took(rung) {
                Some(ms) => Outcome::Done(Duration::from_millis(ms)),
                None => Outcome::Failed("no".into()),
            })
        });
        (found.unwrap().map(|(rung, _)| rung), asked)
    }

    #[test]
    fn the_search_goes_up_while_it_helps_and_down_otherwise() {
        let ladder = [1, 2, 4, 8, 16];
        let rising = |rung| Some(1000 / u64::from(rung));
        let falling = |rung| Some(1000 * u64::from(rung));
        let at_8 = |rung: u32| Some(u64::from(rung.abs_diff(8)) + 10);
        let only_small = |rung| (rung < 4).then_some(100);
        assert_eq!(fastest(&ladder, rising), (Some(16), vec![4, 8, 16]));
        assert_eq!(fastest(&ladder, falling), (Some(1), vec![4, 8, 2, 1]));
        assert_eq!(fastest(&ladder, at_8), (Some(8), vec![4, 8, 16]));
        assert_eq!(fastest(&ladder, only_small), (Some(2), vec![4, 8, 2, 1]));
        assert_eq!(fastest(&[1], |_| None), (Some(1), vec![1]));
        assert_eq!(fastest(&[], rising), (None, vec![]));
    }
}
