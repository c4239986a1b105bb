//! Promises about small files that are read and written whole, and about files that are lent: both
//! are only shorter ways, so what they bring must be what the long way brings.

use std::io::Write as _;

use ferry_proto::date::UnixTime;

use super::{Case, p, refused};
use crate::{FsError, SetMeta, Upload, WriteMode};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a whole file is read if it is no longer than asked for",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"four").await;
                fx.put("/empty", b"").await;
                let load = async |path, most| fx.storage.load(&p(path), most).await;
                assert_eq!(load("/f", 4).await.unwrap().as_deref(), Some(&b"four"[..]));
                assert_eq!(load("/f", 100).await.unwrap().as_deref(), Some(&b"four"[..]));
                assert_eq!(load("/f", 3).await.unwrap(), None);
                assert_eq!(load("/empty", 0).await.unwrap().as_deref(), Some(&b""[..]));
                refused!(load("/missing", 4).await, FsError::NotFound);
                refused!(load("/", 4).await, FsError::NotFile);
            })
        },
    },
    Case {
        name: "a file stored whole is new, or replaces the old, with its time",
        run: |fx| {
            Box::pin(async move {
                let modified = UnixTime { secs: 1_234_567_890, nanos: 0 };
                let set = SetMeta { modified: Some(modified), ..SetMeta::default() };
                for (upload, octets) in [
                    (Upload::Atomic, "one"),
                    (Upload::Discard, "two, longer"),
                    (Upload::Direct, "3"),
                ] {
                    let octets = octets.as_bytes();
                    let (path, octets_now) = (p("/f"), octets.to_vec());
                    let stored = fx.storage.store(&path, octets_now, upload, 0o644, set);
                    let kept = stored.await.unwrap();
                    assert_eq!(kept, fx.storage.caps().set_times);
                    assert_eq!(fx.get("/f").await, octets);
                    if kept {
                        assert_eq!(fx.stat("/f").await.unwrap().modified, modified);
                    }
                    assert_eq!(fx.names("/").await, [b"f"]);
                }
            })
        },
    },
    Case {
        name: "a file stored whole goes only where a file may be",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                let store = async |path| {
                    let set = SetMeta::default();
                    fx.storage.store(&p(path), b"x".to_vec(), Upload::Atomic, 0o644, set).await
                };
                refused!(store("/d").await, FsError::NotFile);
                refused!(store("/").await, FsError::NotFile);
                refused!(store("/missing/f").await, FsError::NotFound);
                assert!(store("/d/f").await.unwrap());
            })
        },
    },
    Case {
        name: "what is written to a lent file comes where the next octets would",
        run: |fx| {
            Box::pin(async move {
                let mut sink = fx.begin("/f", b"one ", WriteMode::Create(Upload::Atomic)).await;
                let Some(mut file) = sink.lend_file().await.unwrap() else { return };
                file.write_all(b"two ").unwrap();
                sink.write(b"three".to_vec()).await.1.unwrap();
                sink.commit().await.unwrap();
                assert_eq!(fx.get("/f").await, b"one two three");
            })
        },
    },
];
