//! The steps that move octets: whole, in part, or begun and given up.

use std::time::Duration;

use ferry_client::Error;
use ferry_client::session::{Download, Session, UploadHow};
use testkit::scene::{filler, quoted};

use super::line::{number, word};
use super::outcome::{Came, Outcome};

pub(super) async fn get(session: &Session, path: &[u8], how: &str) -> Result<Outcome, String> {
    let words: Vec<&str> = how.split_whitespace().collect();
    let (mut from, mut size) = (0, None);
    for pair in words.chunks(2) {
        match pair {
            ["from", n] => from = number(n)?,
            ["knowing", n] => size = Some(number(n)?),
            _ => return Err("get it how?".to_owned()),
        }
    }
    let whole = async {
        let mut download = session.download(path, from).await?;
        if let Some(size) = size {
            download.expect(size);
        }
        let mut content = Vec::new();
        while read(&mut download, &mut content).await? > 0 {}
        Ok(Came::Octets(content))
    };
    Ok(Box::pin(whole).await)
}

async fn read(download: &mut Download, content: &mut Vec<u8>) -> Result<usize, Error> {
    let mut buf = vec![0; 16 * 1024];
    let n = download.read(&mut buf).await?;
    content.extend_from_slice(buf.get(..n).unwrap_or_default());
    Ok(n)
}

pub(super) async fn put(session: &Session, path: &[u8], rest: &str) -> Result<Outcome, String> {
    let (content, how) = match quoted(rest) {
        Ok((content, how)) => (content, how.trim()),
        Err(_) => {
            let (n, how) = rest.split_once(" octets").ok_or("what is put?")?;
            (filler(number(n)?), how.trim())
        }
    };
    let how = match how.split_once(' ') {
        Some(("at", n)) => UploadHow::At(number(n)?),
        None if how == "append" => UploadHow::Append,
        None if how.is_empty() => UploadHow::Create,
        _ => return Err("put it how?".to_owned()),
    };
    let whole = async {
        let mut upload = session.upload(path, how).await?;
        for piece in content.chunks(64 * 1024) {
            upload.write(piece).await?;
        }
        Box::pin(upload.finish()).await.map(|_| Came::Done)
    };
    Ok(Box::pin(whole).await)
}

pub(super) async fn unput(session: &Session, path: &[u8], rest: &str) -> Result<Outcome, String> {
    let (content, _) = quoted(rest)?;
    let work = async {
        let mut upload = session.upload(path, UploadHow::Create).await?;
        upload.write(&content).await?;
        upload.abort().await.map(|()| Came::Done)
    };
    Ok(Box::pin(work).await)
}

pub(super) async fn cut(
    session: &Session,
    path: &[u8],
    rest: &str,
    abort: bool,
) -> Result<Outcome, String> {
    let after: usize = number(rest.trim_start_matches("after "))?;
    let work = async {
        let mut download = session.download(path, 0).await?;
        let mut content = Vec::new();
        while content.len() < after && read(&mut download, &mut content).await? > 0 {}
        if abort {
            download.abort().await?;
        }
        Ok(Came::Done)
    };
    Ok(Box::pin(work).await)
}

/// Begins something and drops it. A server that answers later than that makes the scene; one that
/// does not is played as well, to no harm.
pub(super) async fn cancel(session: &Session, verb: &[u8], rest: &str) -> Result<Outcome, String> {
    let (path, rest) = word(rest)?;
    let new = word(rest)?.0;
    let begun = async {
        match verb {
            b"get" => Box::pin(get(session, &path, rest)).await.map(drop),
            b"put" => Box::pin(put(session, &path, rest)).await.map(drop),
            b"list" => Box::pin(session.list(&path)).await.map_or(Ok(()), |_| Ok(())),
            b"names" => Box::pin(session.names(&path)).await.map_or(Ok(()), |_| Ok(())),
            b"mv" => session.rename(&path, &new).await.map_or(Ok(()), |()| Ok(())),
            _ => Err("nothing to cancel".to_owned()),
        }
    };
    match tokio::time::timeout(Duration::from_millis(200), begun).await {
        Ok(Err(why)) => Err(why),
        Ok(Ok(())) | Err(_) => Ok(Ok(Came::Done)),
    }
}
