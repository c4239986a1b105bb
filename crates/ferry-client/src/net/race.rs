//! Several addresses of one name, tried side by side (RFC 8305): in which order, and who wins.
//! What trying one means is the caller's.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use crate::settings::Family;

/// How long one attempt has the field to itself (RFC 8305 §5, "Connection Attempt Delay").
const STAGGER: Duration = Duration::from_millis(250);

/// The most addresses of a name that are tried.
const ADDRESSES_MAX: usize = 32;

/// Puts addresses into the order they are tried in: the families take turns, and the one that the
/// system put first begins (RFC 8305 §4). Within a family the system's order stays (RFC 6724).
pub(super) fn in_turns(
    addresses: impl IntoIterator<Item = SocketAddr>,
    family: Family,
) -> Vec<SocketAddr> {
    let mut wanted: Vec<SocketAddr> = Vec::new();
    for address in addresses {
        let fits = match family {
            Family::Any => true,
            Family::V4 => address.is_ipv4(),
            Family::V6 => address.is_ipv6(),
        };
        if fits && !wanted.contains(&address) {
            wanted.push(address);
        }
    }
    let begins_v6 = wanted.first().is_some_and(SocketAddr::is_ipv6);
    let (begin, other): (Vec<_>, Vec<_>) =
        wanted.into_iter().partition(|address| address.is_ipv6() == begins_v6);
    let (mut begin, mut other) = (begin.into_iter(), other.into_iter());
    let mut order = Vec::new();
    while order.len() < ADDRESSES_MAX {
        let before = order.len();
        order.extend(begin.next());
        order.extend(other.next());
        if order.len() == before {
            break;
        }
    }
    order.truncate(ADDRESSES_MAX);
    order
}

/// Tries one address after the other, the next one as soon as one fails or 250 ms have passed. The
/// first that succeeds wins, the rest are dropped where they stand.
///
/// # Errors
/// All of them, in the order they happened; none if there was no address.
pub(super) async fn race<T, F>(
    addresses: Vec<SocketAddr>,
    attempt: impl Fn(SocketAddr) -> F,
) -> Result<T, Vec<(SocketAddr, io::Error)>>
where
    F: Future<Output = io::Result<T>>,
{
    let mut waiting = addresses.into_iter();
    let mut running = Vec::new();
    let mut failed = Vec::new();
    loop {
        match waiting.next() {
            Some(address) => running.push((address, Box::pin(attempt(address)))),
            None if running.is_empty() => return Err(failed),
            None => {}
        }
        tokio::select! {
            biased;
            (address, result) = first(&mut running) => match result {
                Ok(won) => return Ok(won),
                Err(e) => failed.push((address, e)),
            },
            () = tokio::time::sleep(STAGGER), if waiting.len() > 0 => {}
        }
    }
}

/// The first of these that is done; it is taken out.
async fn first<O, F: Future<Output = O>>(
    running: &mut Vec<(SocketAddr, Pin<Box<F>>)>,
) -> (SocketAddr, O) {
    poll_fn(|cx| {
        for at in 0..running.len() {
            let Some((address, attempt)) = running.get_mut(at) else { continue };
            if let Poll::Ready(result) = attempt.as_mut().poll(cx) {
                let address = *address;
                drop(running.remove(at));
                return Poll::Ready((address, result));
            }
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_and_the_systems_first_begins() {
        let given = addresses(&[
            "[2001:db8::1]:21",
            "[2001:db8::2]:21",
            "[2001:db8::2]:21",
            "[2001:db8::3]:21",
            "192.0.2.1:21",
            "192.0.2.2:21",
        ]);
        let expected = addresses(&[
            "[2001:db8::1]:21",
            "192.0.2.1:21",
            "[2001:db8::2]:21",
            "192.0.2.2:21",
            "[2001:db8::3]:21",
        ]);
        assert_eq!(in_turns(given.clone(), Family::Any), expected);
        assert_eq!(
            in_turns(given.clone(), Family::V4),
            addresses(&["192.0.2.1:21", "192.0.2.2:21"])
        );
        assert!(in_turns(given, Family::V6).iter().all(SocketAddr::is_ipv6));
    }

    #[test]
    fn no_more_than_a_bounded_number_is_tried() {
        let many = (0..200).map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        assert_eq!(in_turns(many, Family::Any).len(), ADDRESSES_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_never_answers_costs_a_quarter_of_a_second() {
        let silent = addresses(&["[2001:db8::1]:21", "192.0.2.1:21", "192.0.2.2:21"]);
        let begun = Instant::now();
        let won = race(silent, |address| async move {
            if address.is_ipv6() {
                std::future::pending::<()>().await;
            }
            Ok(address)
        })
        .await
        .unwrap();
        assert_eq!(won.to_string(), "192.0.2.1:21");
        assert_eq!(begun.elapsed(), STAGGER);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_lets_the_next_begin_at_once_and_a_late_first_may_still_win() {
        let three = addresses(&["192.0.2.1:21", "192.0.2.2:21", "192.0.2.3:21"]);
        let begun = Instant::now();
        let won = race(three, |address| async move {
            match address.ip().to_string().as_str() {
                "192.0.2.1" => Err(io::ErrorKind::ConnectionRefused.into()),
                "192.0.2.2" => {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    Ok(address)
                }
                _ => std::future::pending().await,
            }
        })
        .await
        .unwrap();
        assert_eq!(won.to_string(), "192.0.2.2:21");
        assert_eq!(begun.elapsed(), Duration::from_millis(300));
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_fail_all_are_told() {
        let two = addresses(&["192.0.2.1:21", "192.0.2.2:21"]);
        let failed =
            race::<(), _>(two.clone(), |_| async { Err(io::ErrorKind::ConnectionRefused.into()) })
                .await
                .unwrap_err();
        assert_eq!(failed.iter().map(|(address, _)| *address).collect::<Vec<_>>(), two);
        let nothing = race::<(), _>(Vec::new(), |_| async { Ok(()) }).await.unwrap_err();
        assert!(nothing.is_empty());
    }
}
