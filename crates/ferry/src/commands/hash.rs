//! `hash`: the server's word where it has one, else what we compute from what it sends.

use ferry_client::copy::digest;
use ferry_proto::hash::{Algorithm, hex};
use ferry_storage::FsError;

use crate::cli::Hash;
use crate::cx::Cx;
use crate::exit::{Exit, Failure, Outcome};
use crate::place::{Place, Role};
use crate::records::Digest;

pub(crate) async fn run(cx: &Cx, args: &Hash) -> Outcome<Exit> {
    cx.each(&args.places, Role::Read, async |place| one(cx, args, place).await).await
}

async fn one(cx: &Cx, args: &Hash, place: &Place) -> Outcome<()> {
    let known = match place.storage.hash(&place.path, args.algorithm, 0, None).await {
        Err(FsError::Unsupported | FsError::Denied) => None,
        known => known.map_err(|e| Failure::storage(place.shown(), &e))?,
    };
    let by_server = known.is_some() && !place.is_local();
    let digest = match known {
        Some(digest) => digest,
        None if args.no_download && !place.is_local() => {
            let what = format!("{}: the server does not compute this hash", place.shown());
            return Err(Failure::new(Exit::Refused, what));
        }
        None => computed(place, args.algorithm).await?,
    };
    let (plain, digest) = (place.plain(&place.path), hex(&digest));
    let algorithm = args.algorithm.name();
    cx.put(
        || Digest { base: &place.base, path: &plain, algorithm, digest: &digest, by_server },
        || format!("{digest}  {}", place.shown()),
    )
}

async fn computed(place: &Place, algorithm: Algorithm) -> Outcome<Vec<u8>> {
    let digest = digest(&*place.storage, &place.path, algorithm, None).await;
    digest.map_err(|e| Failure::storage(place.shown(), &e))
}
