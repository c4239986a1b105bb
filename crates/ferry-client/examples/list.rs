//! Lists a directory of an FTP server: `cargo run --example list HOST PATH [USER PASSWORD]`.

use ferry_client::session::Session;
use ferry_client::{Error, ErrorKind, Secret, Settings, Site};

#[tokio::main]
#[allow(clippy::print_stdout, reason = "an example")]
async fn main() -> Result<(), Error> {
    let mut words = std::env::args().skip(1);
    let (Some(host), Some(path)) = (words.next(), words.next()) else {
        return Err(Error::new(ErrorKind::Local, "give a host and a path"));
    };
    let site = Site {
        user: words.next().map(String::into_bytes),
        password: words.next().map(Secret::new),
        ..Site::new(host)
    };
    let session = Session::connect(&site, &Settings::default()).await?;
    let listing = session.list(path.as_bytes()).await?;
    for entry in &listing.entries {
        let size = entry.size.map_or_else(|| "-".to_owned(), |size| size.to_string());
        println!("{size:>12} {}", ferry_proto::path::ForPeople(&entry.name));
    }
    if !listing.report.complete() {
        println!("{} lines were not understood", listing.report.unparsed);
    }
    session.quit().await;
    Ok(())
}
