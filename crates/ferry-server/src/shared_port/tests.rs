//! Who may wait beside whom, and what a connection that says nothing of use is taken for. Whole
//! sessions are in the conversations, TLS over loopback.

use std::future::Future;
use std::task::{Context, Poll};

use super::*;
use crate::options::DataResumption;
use crate::testing::{Stubborn, certified};
use crate::tls::TlsFacts;

const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const NEIGHBOUR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

fn port(rule: DataPeer) -> Arc<SharedPort> {
    let options = Options { data_peer: rule, ..Options::default() };
    SharedPort::new(vec![([203, 0, 113, 1], 2100).into()], &options)
}

fn tls() -> SessionTls {
    certified().0.session(DataResumption::Strict).unwrap()
}

fn arrival() -> Arrival {
    Arrival { link: Box::new(Stubborn::default()), early: Vec::new() }
}

fn claimant(session: u64, peer: IpAddr, tls: Option<&SessionTls>) -> Claimant {
    let account = format!("user {session}");
    Claimant { session: SessionId(session), peer, account, tls: tls.cloned() }
}

/// Whether the claim has been given a connection.
fn has_arrived(claim: &Claim) -> bool {
    let mut waiting = std::pin::pin!(claim.arrival());
    let mut cx = Context::from_waker(std::task::Waker::noop());
    matches!(waiting.as_mut().poll(&mut cx), Poll::Ready(Ok(_)))
}

#[tokio::test(start_paused = true)]
async fn only_bound_claims_of_one_address_wait_side_by_side() {
    let tls = tls();
    let cases = [
        (true, true, HOME, true),
        (true, false, HOME, false),
        (false, true, HOME, false),
        (false, false, HOME, false),
        (false, false, NEIGHBOUR, true),
        (false, true, NEIGHBOUR, true),
    ];
    for (first, second, from, goes) in cases {
        let port = port(DataPeer::Strict);
        let bind = |bound: bool| bound.then_some(&tls);
        let _first = port.claim(claimant(1, HOME, bind(first))).await.unwrap();
        let second_claim = port.claim(claimant(2, from, bind(second))).await;
        assert_eq!(second_claim.is_some(), goes, "{first} {second} {from}");
    }
}

#[tokio::test(start_paused = true)]
async fn whose_tickets_may_lie_in_one_place_takes_turns() {
    let (tls, mut mixing) = (tls(), tls());
    mixing.enter_control(TlsFacts {
        version: "TLSv1.3",
        resumed: false,
        sni: None,
        mixes: true,
        alpn: false,
        client: None,
    });
    let cases = [
        ("alice", &tls, "bob", &tls, true),
        ("alice", &tls, "alice", &tls, false),
        ("alice", &mixing, "bob", &tls, false),
        ("alice", &tls, "bob", &mixing, false),
    ];
    for (first, first_tls, second, second_tls, goes) in cases {
        let port = port(DataPeer::Strict);
        let named = |session, account: &str, tls| {
            let account = account.to_owned();
            Claimant { account, ..claimant(session, HOME, Some(tls)) }
        };
        let first_claim = port.claim(named(1, first, first_tls)).await.unwrap();
        let second_claim = named(2, second, second_tls);
        assert_eq!(port.try_claim(&second_claim).is_ok(), goes, "{first} {second}");
        // Nor does one get what is still under way to the other.
        drop(first_claim);
        assert_eq!(port.try_claim(&second_claim).is_ok(), goes, "{first} {second}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_neighbours_may_bring_data_they_are_in_each_other_s_way() {
    let port = port(DataPeer::SameNet);
    let first = port.claim(claimant(1, HOME, None)).await.unwrap();
    assert!(port.claim(claimant(2, NEIGHBOUR, None)).await.is_none());
    assert_eq!(port.offer(NEIGHBOUR, arrival()).0, Whose::Given);
    assert!(has_arrived(&first));
}

#[tokio::test(start_paused = true)]
async fn a_turn_comes_as_soon_as_the_one_before_has_its_connection() {
    let port = port(DataPeer::Strict);
    let first = port.claim(claimant(1, HOME, None)).await.unwrap();
    let waiting = {
        let port = Arc::clone(&port);
        tokio::spawn(async move { port.claim(claimant(2, HOME, None)).await.is_some() })
    };
    sleep(TURN_MAX / 2).await;
    assert!(!waiting.is_finished());
    assert_eq!(port.offer(HOME, arrival()).0, Whose::Given);
    assert!(waiting.await.unwrap() && has_arrived(&first));
}

#[tokio::test(start_paused = true)]
async fn an_address_stays_reserved_for_who_gave_a_claim_up() {
    let tls = tls();
    for bound in [false, true] {
        let port = port(DataPeer::Strict);
        drop(port.claim(claimant(1, HOME, bound.then_some(&tls))).await.unwrap());
        assert_eq!(port.offer(HOME, arrival()).0, Whose::Nobody);
        assert!(port.try_claim(&claimant(2, HOME, None)).is_err(), "its connection may come");
        let own = claimant(1, HOME, bound.then_some(&tls));
        assert!(port.try_claim(&own).is_ok(), "it is its own");
        let told = port.try_claim(&claimant(2, HOME, Some(&tls))).is_ok();
        assert_eq!(told, bound, "told apart by their tickets");
        sleep(Duration::from_secs(31)).await;
        assert!(port.try_claim(&claimant(2, HOME, None)).is_ok(), "long enough");
    }
}

#[tokio::test(start_paused = true)]
async fn what_says_nothing_of_use_goes_to_the_only_session_it_can_be_meant_for() {
    let (tls, port) = (tls(), port(DataPeer::Strict));
    let only = port.claim(claimant(1, HOME, Some(&tls))).await.unwrap();
    assert_eq!(port.offer(HOME, arrival()).0, Whose::MustSay);
    let pending = port.wait(HOME).unwrap();
    assert_eq!(port.sort(HOME, pending.before, None, arrival()), Whose::Given);
    assert!(has_arrived(&only), "to be refused there with 522");

    let _first = port.claim(claimant(1, HOME, Some(&tls))).await.unwrap();
    let _second = port.claim(claimant(2, HOME, Some(&tls))).await.unwrap();
    let pending = port.wait(HOME).unwrap();
    assert_eq!(port.sort(HOME, pending.before, None, arrival()), Whose::Nobody);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_never_given_to_a_claim_that_came_after_it() {
    let (tls, port) = (tls(), port(DataPeer::Strict));
    let before = port.claim(claimant(1, HOME, Some(&tls))).await.unwrap();
    let pending = port.wait(HOME).unwrap();
    drop(before);
    pending.unwanted().await;
    let after = port.claim(claimant(2, HOME, Some(&tls))).await.unwrap();
    assert_eq!(port.sort(HOME, pending.before, None, arrival()), Whose::Nobody);
    assert!(!has_arrived(&after));
}

#[tokio::test(start_paused = true)]
async fn connections_that_do_not_say_whose_they_are_are_few() {
    let (tls, port) = (tls(), port(DataPeer::Strict));
    let _claims = [
        port.claim(claimant(1, HOME, Some(&tls))).await.unwrap(),
        port.claim(claimant(2, HOME, Some(&tls))).await.unwrap(),
    ];
    let mut waiting: Vec<_> = std::iter::from_fn(|| port.wait(HOME)).collect();
    assert_eq!(waiting.len(), 2 + PENDING_SPARE);
    assert!(port.wait(HOME).is_none());
    waiting.pop();
    assert!(port.wait(HOME).is_some(), "a place that is given back is free");
    drop(waiting);
    assert_eq!(port.table().pending.len(), 0, "nothing is kept of addresses that are gone");
}

#[test]
fn the_port_is_that_of_the_address_or_of_all() {
    let at = ["192.0.2.1:2100", "0.0.0.0:2101", "[::]:2102"].map(|at| at.parse().unwrap());
    let port = SharedPort::new(at.to_vec(), &Options::default());
    assert_eq!(port.port(HOME), Some(2100));
    assert_eq!(port.port(NEIGHBOUR), Some(2101));
    assert_eq!(port.port("2001:db8::1".parse().unwrap()), Some(2102));
}
