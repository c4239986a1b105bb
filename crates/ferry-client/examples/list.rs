//! Lists a directory of an FTP server: `cargo run --example list HOST PORT USER PASSWORD PATH`.

use ferry_client::session::Session;
use ferry_client::settings::{Settings, Trust, Watcher, WireEvent};
use ferry_client::{Error, Secret, Security, Site};

#[derive(Debug)]
struct Show;
impl Watcher for Show {
    #[allow(clippy::print_stderr, reason = "an example")]
    fn on(&self, session: u64, event: &WireEvent<'_>) {
        match event {
            WireEvent::Command(c) => eprintln!("{session} > {}", String::from_utf8_lossy(c)),
            WireEvent::Response(r, t) => {
                eprintln!("{session} < {} ({t:?})", String::from_utf8_lossy(r))
            }
            other => eprintln!("{session}   {other:?}"),
        }
    }
}

#[tokio::main]
#[allow(clippy::print_stdout, reason = "an example")]
async fn main() -> Result<(), Error> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let site = Site {
        port: words[1].parse().ok(),
        user: Some(words[2].clone().into_bytes()),
        password: Some(Secret::new(words[3].clone())),
        security: if words.len() > 5 { Security::Explicit } else { Security::Plain },
        ..Site::new(words[0].clone())
    };
    let settings = Settings {
        watcher: Some(std::sync::Arc::new(Show)),
        trust: Trust::Any,
        ..Settings::default()
    };
    let session = Session::connect(&site, &settings).await?;
    let listing = session.list(words[4].as_bytes()).await?;
    for entry in &listing.entries {
        println!("{:?} {:?} {}", entry.kind, entry.size, String::from_utf8_lossy(&entry.name));
    }
    println!("{:?}", listing.report);
    let mut up = session.upload(b"/new.txt", Default::default()).await?;
    up.write(&vec![b'x'; 300_000]).await?;
    println!("{:?}", up.finish().await?);
    let mut down = session.download(b"/new.txt", 0).await?;
    let mut buf = vec![0; 100_000];
    let mut sum = 0;
    loop {
        let n = down.read(&mut buf).await?;
        if n == 0 {
            break;
        }
        sum += n;
    }
    println!("{sum}");
    println!("{:?}", session.stat(b"/new.txt").await?);
    println!(
        "{:?}",
        session.hash(b"/new.txt", Default::default(), 0, None).await?.map(|h| h.len())
    );
    session.quit().await;
    let session = Session::connect(&site, &settings).await?;
    let jobs: Vec<_> = (0..5)
        .map(|i| {
            let s = session.clone();
            tokio::spawn(async move {
                s.store_small(format!("/b{i}").as_bytes(), vec![b'y'; 1000 * i]).await
            })
        })
        .collect();
    for j in jobs {
        println!("{:?}", j.await.unwrap());
    }
    session.quit().await;
    let session = Session::connect(&site, &settings).await?;
    let jobs: Vec<_> = (0..5)
        .map(|i| {
            let s = session.clone();
            tokio::spawn(async move {
                s.fetch_small(format!("/b{i}").as_bytes()).await.map(|v| v.len())
            })
        })
        .collect();
    for j in jobs {
        println!("{:?}", j.await.unwrap());
    }
    session.quit().await;
    Ok(())
}
