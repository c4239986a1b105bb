//! `stat`: everything that is known of files and directories.

use crate::cli::Places;
use crate::cx::Cx;
use crate::exit::{Exit, Failure, Outcome};
use crate::place::Role;
use crate::records::Listed;
use crate::show;

pub(crate) async fn run(cx: &Cx, args: &Places) -> Outcome<Exit> {
    cx.each(&args.places, Role::Read, async |place| {
        let meta = place.storage.stat(&place.path, false).await;
        let meta = meta.map_err(|e| Failure::storage(place.shown(), &e))?;
        let plain = place.plain(&place.path);
        let name = place.path.name();
        let record = || Listed { base: &place.base, path: &plain, name, meta: &meta, link: None };
        cx.put(record, || show::full(&place.shown(), &meta))
    })
    .await
}
