//! Promises about what only some storages can do: links made, parts of files replaced, times of
//! creation, owners and groups. What [`Caps`](crate::Caps) denies must be refused.

use ferry_proto::date::UnixTime;

use super::{Case, p, refused};
use crate::{FsError, Kind, SetMeta, WriteMode};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a link that is made leads to its target by a relative text",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/a").await;
                fx.dir("/b").await;
                fx.put("/b/f", b"x").await;
                let made = fx.storage.make_link(&p("/a/l"), &p("/b/f")).await;
                if !fx.storage.caps().links {
                    return refused!(made, FsError::Unsupported);
                }
                made.unwrap();
                assert_eq!(fx.get("/a/l").await, b"x");
                assert_eq!(fx.list("/a").await[0].link.as_deref(), Some(&b"../b/f"[..]));
                fx.storage.make_link(&p("/b/up"), &p("/")).await.unwrap();
                assert_eq!(fx.names("/b/up").await, [b"a", b"b"]);
                fx.rename("/a/l", "/b/l", false).await.unwrap();
                assert_eq!(fx.get("/b/l").await, b"x");
            })
        },
    },
    Case {
        name: "a link is made only under a free name and to something that is there",
        run: |fx| {
            Box::pin(async move {
                if !fx.storage.caps().links {
                    return;
                }
                fx.dir("/d").await;
                fx.put("/f", b"").await;
                let make = async |path, target| fx.storage.make_link(&p(path), &p(target)).await;
                refused!(make("/d", "/f").await, FsError::Exists);
                refused!(make("/f", "/d").await, FsError::Exists);
                refused!(make("/", "/d").await, FsError::Exists);
                refused!(make("/l", "/missing").await, FsError::NotFound);
                refused!(make("/l", "/l").await, FsError::NotFound);
                refused!(make("/f/l", "/d").await, FsError::NotFound);
                refused!(make("/missing/l", "/d").await, FsError::NotFound);
                make("/l", "/f").await.unwrap();
                refused!(make("/l", "/f").await, FsError::Exists);
            })
        },
    },
    Case {
        name: "no link is made where a link on the way would turn it elsewhere",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/a").await;
                fx.dir("/a/b").await;
                fx.put("/f", b"outer").await;
                if !fx.storage.caps().links || !fx.link("/deep", "a/b") {
                    return;
                }
                // From /a/b, which /deep leads to, `../f` is /a/f.
                let made = fx.storage.make_link(&p("/deep/l"), &p("/f")).await;
                refused!(made, FsError::NotFound);
                fx.put("/a/f", b"inner").await;
                let made = fx.storage.make_link(&p("/deep/l"), &p("/f")).await;
                refused!(made, FsError::NotFound);
                if fx.link("/out", "..") {
                    let made = fx.storage.make_link(&p("/l"), &p("/out")).await;
                    refused!(made, FsError::NotFound);
                }
                assert!(fx.names("/a/b").await.is_empty());
            })
        },
    },
    Case {
        name: "writing over a part of a file keeps what follows and what comes before",
        run: |fx| {
            Box::pin(async move {
                if !fx.storage.caps().write_over {
                    let over = fx.open("/f", WriteMode::Over(0)).await.map(drop);
                    return refused!(over, FsError::Unsupported);
                }
                fx.put("/f", b"0123456789").await;
                fx.put_as("/f", b"ab", WriteMode::Over(4)).await;
                assert_eq!(fx.get("/f").await, b"0123ab6789");
                fx.put_as("/f", b"cde", WriteMode::Over(8)).await;
                assert_eq!(fx.get("/f").await, b"0123ab67cde");
                refused!(fx.open("/f", WriteMode::Over(12)).await, FsError::BadOffset);
                refused!(fx.open("/new", WriteMode::Over(1)).await, FsError::NotFound);
                fx.put_as("/new", b"x", WriteMode::Over(0)).await;
                assert_eq!(fx.get("/new").await, b"x");
            })
        },
    },
    Case {
        name: "a time of creation is set exactly or refused with nothing changed",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"x").await;
                let before = fx.stat("/f").await.unwrap();
                let created = Some(UnixTime::from_secs(86_400));
                let set = SetMeta { created, modified: created, ..SetMeta::default() };
                let done = fx.storage.set_meta(&p("/f"), set).await;
                let after = fx.stat("/f").await.unwrap();
                if fx.storage.caps().set_created {
                    done.unwrap();
                    assert_eq!(after.created, created);
                } else {
                    refused!(done, FsError::Unsupported);
                    assert_eq!(after, before);
                }
            })
        },
    },
    Case {
        name: "a file is given to the owner and group asked for",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"x").await;
                fx.dir("/d").await;
                for path in ["/f", "/d"] {
                    // Only those it has may everybody give it.
                    let now = fx.stat(path).await.unwrap();
                    let (owner, group) = (now.owner.unwrap_or(7), now.group.unwrap_or(8));
                    let (owner, group) = (Some(owner), Some(group));
                    let set = SetMeta { owner, group, ..SetMeta::default() };
                    let done = fx.storage.set_meta(&p(path), set).await;
                    if !fx.storage.caps().set_owner {
                        return refused!(done, FsError::Unsupported);
                    }
                    done.unwrap();
                    let after = fx.stat(path).await.unwrap();
                    assert_eq!((after.owner, after.group), (owner, group));
                    assert_eq!((after.kind == Kind::Dir, after.mode), (path == "/d", now.mode));
                }
            })
        },
    },
];
