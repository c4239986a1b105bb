//! What may share a session, by what is known of the server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::{Choice, Pool, Use};
use crate::session::capabilities::Shared;
use crate::settings::Settings;
use crate::{Secret, Security, Site};

/// A server with this greeting that lets so many in; it transfers nothing.
fn serve(greeting: &'static str, most: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (nth, connection) in listener.incoming().enumerate() {
            let greeting = if nth < most { greeting } else { "421 Too many.\r\n" };
            std::thread::spawn(move || converse(connection?, greeting));
        }
        std::io::Result::Ok(())
    });
    port
}

fn converse(mut connection: TcpStream, greeting: &str) -> std::io::Result<()> {
    connection.write_all(greeting.as_bytes())?;
    if greeting.starts_with('4') {
        return Ok(());
    }
    for line in BufReader::new(connection.try_clone()?).lines() {
        let reply = match line?.split(' ').next().unwrap_or_default() {
            "USER" => "331 Password?\r\n",
            "PASS" => "230 Welcome.\r\n",
            "PWD" => "257 \"/\"\r\n",
            _ => "502 Not here.\r\n",
        };
        connection.write_all(reply.as_bytes())?;
    }
    Ok(())
}

/// A pool of one session.
async fn pool(greeting: &'static str) -> Arc<Pool> {
    pool_of(1, greeting, usize::MAX).await
}

/// A pool of so many sessions, one of which is there, to a server that lets so many in.
async fn pool_of(connections: usize, greeting: &'static str, most: usize) -> Arc<Pool> {
    let port = Some(serve(greeting, most));
    let site = Site {
        port,
        security: Security::Plain,
        user: Some(b"pat".to_vec()),
        password: Some(Secret::new("pw")),
        ..Site::new("127.0.0.1")
    };
    let settings = Settings { connections, ..Settings::default() };
    let pool = Pool::new(site, settings, Arc::new(Shared::default()));
    drop(pool.lease(Use::Command).await.unwrap());
    pool
}

fn taken(choice: &Choice) -> bool {
    matches!(choice, Choice::Take(_))
}

#[tokio::test]
async fn a_command_joins_a_transfer_only_where_it_is_run_after_it() {
    for (greeting, joins) in [
        ("220 (vsFTPd 3.0.3)\r\n", true),
        ("220 ProFTPD Server (x) [127.0.0.1]\r\n", false),
        ("220 pyftpdlib based ftpd ready.\r\n", false),
        ("220 Some server.\r\n", false),
    ] {
        let pool = pool(greeting).await;
        for transfer in [Use::Upload, Use::Download] {
            let lease = pool.lease(transfer).await.unwrap();
            assert_eq!(taken(&pool.choose(Use::Command)), joins, "{greeting}: {transfer:?}");
            drop(lease);
            // What `choose` lent above has no lease that gives it back.
            pool.state().slots[0].load = 0;
            drop(pool.lease(Use::Command).await.unwrap());
        }
    }
}

#[tokio::test]
async fn commands_share_a_session_with_each_other() {
    let pool = pool("220 ProFTPD Server (x) [127.0.0.1]\r\n").await;
    let _one = pool.lease(Use::Command).await.unwrap();
    assert!(taken(&pool.choose(Use::Command)));
    assert!(
        !taken(&pool.choose(Use::Upload)),
        "what is asked there may be run beside the transfer"
    );
}

#[tokio::test]
async fn a_part_of_a_file_waits_for_the_session_that_is_being_made_for_it() {
    let pool = pool("220 (vsFTPd 3.0.3)\r\n").await;
    let _first = pool.lease(Use::Download).await.unwrap();
    pool.state().opening = 1;
    assert!(!taken(&pool.choose(Use::Part)), "it would come after the whole of the other one");
    assert!(taken(&pool.choose(Use::Download)));

    // What `choose` lent above has no lease that gives it back.
    pool.state().slots[0].load = 1;

    // The server takes no more: better behind another one than never.
    pool.state().opening = 0;
    assert!(taken(&pool.choose(Use::Part)));
}

#[tokio::test]
async fn sessions_are_gathered_for_what_should_begin_together() {
    const EVER: usize = usize::MAX;
    // How many are wanted, how many the settings allow, how many the server lets in, and come.
    for (count, connections, most, come) in
        [(3, 8, EVER, 3), (5, 4, EVER, 4), (4, 8, 2, 2), (0, 8, EVER, 1), (1, 8, EVER, 1)]
    {
        let pool = pool_of(connections, "220 (vsFTPd 3.0.3)\r\n", most).await;
        // As on a machine that is busy: the time is not what is tested.
        pool.known().lock().rtt = Some(Duration::from_secs(1));
        pool.gather(count).await;
        {
            let state = pool.state();
            let there = (state.slots.len(), state.opening);
            assert_eq!(there, (come, 0), "{count} {connections} {most}");
            assert!(state.slots.iter().all(|slot| slot.load == 0));
        }
        pool.gather(count.min(come)).await;
        assert_eq!(pool.state().slots.len(), come, "who are there are enough");
    }
}

#[tokio::test]
async fn sessions_are_not_waited_for_longer_than_a_log_in_takes() {
    let pool = pool_of(4, "220 (vsFTPd 3.0.3)\r\n", usize::MAX).await;
    // One that is being made and never comes.
    pool.state().opening = 1;
    pool.known().lock().rtt = Some(Duration::from_millis(1));
    tokio::time::timeout(Duration::from_secs(60), pool.gather(4)).await.unwrap();
    let state = pool.state();
    assert_eq!(state.slots.len() + state.opening, 4);
}
