//! `cat`: files to standard output, octet by octet.

use crate::cli::Cat;
use crate::cx::Cx;
use crate::exit::{Exit, Failure, Outcome};
use crate::place::{Place, Role};
use crate::say;
use crate::stream::Reader;

pub(crate) async fn run(cx: &Cx, args: &Cat) -> Outcome<Exit> {
    let (offset, length) = (args.offset.unwrap_or(0), args.length);
    let exit =
        cx.each(&args.places, Role::Read, async |place| write_out(place, offset, length).await);
    exit.await
}

/// Writes a file from `offset` on, at most `length` octets of it.
pub(crate) async fn write_out(place: &Place, offset: u64, length: Option<u64>) -> Outcome<()> {
    let fail = |e| Failure::storage(place.shown(), &e);
    let source = place.storage.read(&place.path, offset).await.map_err(fail)?;
    let mut reader = Reader::new(source).map_err(fail)?;
    let (mut buf, mut left) = (Vec::new(), length.unwrap_or(u64::MAX));
    while left > 0 {
        buf = reader.next(buf).await.map_err(fail)?;
        if buf.is_empty() {
            break;
        }
        let wanted = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        say::raw(buf.get(..wanted).unwrap_or_default())?;
        left = left.saturating_sub(wanted as u64);
    }
    say::flush()
}
