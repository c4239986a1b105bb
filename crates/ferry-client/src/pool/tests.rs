//! What may share a session, by what is known of the server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use super::{Choice, Pool, Use};
use crate::session::capabilities::Shared;
use crate::settings::Settings;
use crate::{Secret, Security, Site};

/// A server with this greeting that lets everybody in; it transfers nothing.
fn serve(greeting: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            std::thread::spawn(move || converse(connection?, greeting));
        }
        std::io::Result::Ok(())
    });
    port
}

fn converse(mut connection: TcpStream, greeting: &str) -> std::io::Result<()> {
    connection.write_all(greeting.as_bytes())?;
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
    let port = Some(serve(greeting));
    let site = Site {
        port,
        security: Security::Plain,
        user: Some(b"pat".to_vec()),
        password: Some(Secret::new("pw")),
        ..Site::new("127.0.0.1")
    };
    let settings = Settings { connections: 1, ..Settings::default() };
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
