//! Downloads in bursts on threads that may block.

use super::*;
use crate::pump::sendfile::{BURSTS, BURSTS_MAX};

const LARGE: usize = 24 << 20;

#[tokio::test]
async fn where_others_have_all_the_threads_a_file_is_read_and_written() {
    for cover in COVERS {
        let all = BURSTS.acquire_many(u32::try_from(BURSTS_MAX).unwrap()).await.unwrap();
        let content = pattern(LARGE);
        let given_back = async {
            tokio::task::yield_now().await;
            drop(all);
        };
        let whole = download(cover, file(&content, 0), image());
        assert!(tokio::join!(whole, given_back).0 == content, "{cover:?}");
    }
}

#[tokio::test]
async fn under_tls_a_peer_that_takes_nothing_stalls_and_one_that_is_slow_does_not() {
    let content = Arc::new(pattern(LARGE));
    for (slow, version) in [(true, Cover::Tls13), (false, Cover::Tls13), (false, Cover::Tls12)] {
        let (free, held) = std::sync::mpsc::channel::<()>();
        let (mut wire, peer) = connected(
            version,
            Channel::Download,
            |_| Vec::new(),
            move |mut client| {
                let (mut all, mut some) = (Vec::new(), [0; 40_000]);
                if !slow {
                    let _until_it_is_over = held.recv();
                    return all;
                }
                loop {
                    std::thread::yield_now();
                    let mut tls = rustls::Stream::new(&mut client.tls, &mut client.tcp);
                    match tls.read(&mut some).unwrap() {
                        0 => return all,
                        n => all.extend_from_slice(some.get(..n).unwrap()),
                    }
                }
            },
        )
        .await;
        let progress = AtomicU64::new(0);
        let stall = if slow { STALL } else { Duration::from_millis(200) };
        let mut flow = Flow::new(&progress, stall, Pace::default());
        let sent = send_file(&mut wire, file(&content, 0), None, &mut flow).await;
        if slow {
            sent.unwrap();
            finish(&mut wire, STALL, CLOSE).await.unwrap();
            assert!(peer.await.unwrap() == *content);
        } else {
            assert!(matches!(sent, Err(PumpError::Stalled)), "{sent:?}");
            drop(free);
            peer.await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_download_that_is_given_up_within_a_burst_is_no_whole_file_to_its_peer() {
    let (mut wire, mut tcp) = pair().await;
    let progress = AtomicU64::new(0);
    let content = pattern(LARGE);
    {
        let mut flow = flow(&progress);
        let sending = send_file(&mut wire, file(&content, 0), None, &mut flow);
        let mut sending = std::pin::pin!(sending);
        // Until it waits for its thread.
        let begun = poll_fn(|cx| std::task::Poll::Ready(sending.as_mut().poll(cx).is_pending()));
        assert!(begun.await);
    }
    wire.abort();
    let peer = beside(move || io::copy(&mut tcp, &mut io::sink()));
    let error = peer.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_peer_that_reads_in_fits_and_starts_gets_it_all() {
    let (mut wire, mut tcp) = pair().await;
    let peer = beside(move || {
        let (mut all, mut buf) = (Vec::new(), vec![0; 1 << 20]);
        loop {
            // The system's buffers fill meanwhile.
            std::thread::yield_now();
            match tcp.read(&mut buf).unwrap() {
                0 => return all,
                n => all.extend_from_slice(buf.get(..n).unwrap()),
            }
        }
    });
    let progress = AtomicU64::new(0);
    let content = pattern(LARGE);
    let sent = send_file(&mut wire, file(&content, 5), None, &mut flow(&progress)).await.unwrap();
    finish(&mut wire, STALL, CLOSE).await.unwrap();
    assert_eq!(sent, widen(LARGE - 5));
    assert!(peer.await.unwrap() == content[5..]);
}
