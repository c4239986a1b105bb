//! Promises about looking: metadata, listings, reading.

use super::{Case, kinds, len_of, p, refused};
use crate::{BATCH_MAX, FsError, Kind, Upload, WriteMode};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "the root of an empty storage is an empty directory",
        run: |fx| {
            Box::pin(async move {
                assert_eq!(fx.stat("/").await.unwrap().kind, Kind::Dir);
                assert!(fx.names("/").await.is_empty());
            })
        },
    },
    Case {
        name: "stat says kind and length of a file",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"12345").await;
                let meta = fx.stat("/f").await.unwrap();
                assert_eq!((meta.kind, meta.size), (Kind::File, 5));
            })
        },
    },
    Case {
        name: "stat says that a directory is one",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                assert_eq!(fx.stat("/d").await.unwrap().kind, Kind::Dir);
            })
        },
    },
    Case {
        name: "what is missing is not found by any operation",
        run: |fx| {
            Box::pin(async move {
                refused!(fx.stat("/no").await, FsError::NotFound);
                refused!(fx.storage.list(&p("/no")).await, FsError::NotFound);
                refused!(fx.get_from("/no", 0).await, FsError::NotFound);
                refused!(fx.remove("/no").await, FsError::NotFound);
                refused!(fx.storage.remove_dir(&p("/no")).await, FsError::NotFound);
                refused!(fx.rename("/no", "/yes", true).await, FsError::NotFound);
                refused!(
                    fx.storage.set_meta(&p("/no"), Default::default()).await,
                    FsError::NotFound
                );
                refused!(fx.storage.free_space(&p("/no")).await, FsError::NotFound);
            })
        },
    },
    Case {
        name: "below a missing directory nothing is found and nothing can be made",
        run: |fx| {
            Box::pin(async move {
                refused!(fx.stat("/no/f").await, FsError::NotFound);
                let create = WriteMode::Create(Upload::Atomic);
                refused!(fx.open("/no/f", create).await, FsError::NotFound);
                refused!(fx.storage.make_dir(&p("/no/d"), 0o755).await, FsError::NotFound);
                fx.put("/f", b"").await;
                refused!(fx.rename("/f", "/no/f", true).await, FsError::NotFound);
            })
        },
    },
    Case {
        name: "a file in the middle of a path makes the rest not found",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"x").await;
                refused!(fx.stat("/f/x").await, FsError::NotFound);
                refused!(fx.get_from("/f/x", 0).await, FsError::NotFound);
                refused!(fx.storage.list(&p("/f/x")).await, FsError::NotFound);
                let create = WriteMode::Create(Upload::Direct);
                refused!(fx.open("/f/x", create).await, FsError::NotFound);
                refused!(fx.storage.make_dir(&p("/f/x"), 0o755).await, FsError::NotFound);
            })
        },
    },
    Case {
        name: "two files differ in identity, one file is always itself",
        run: |fx| {
            Box::pin(async move {
                fx.put("/a", b"").await;
                fx.put("/b", b"").await;
                let (a, b) = (fx.stat("/a").await.unwrap(), fx.stat("/b").await.unwrap());
                assert_ne!(a.unique, b.unique);
                assert_eq!(a.unique, fx.stat("/a").await.unwrap().unique);
                fx.rename("/a", "/c", false).await.unwrap();
                assert_eq!(a.unique, fx.stat("/c").await.unwrap().unique);
            })
        },
    },
    Case {
        name: "a listing names every entry once, with its metadata, and never dot or dot-dot",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                fx.put("/d/f", b"123").await;
                fx.dir("/d/sub").await;
                let all = fx.list("/d").await;
                assert_eq!(kinds(&all), [(&b"f"[..], Kind::File), (&b"sub"[..], Kind::Dir)]);
                assert_eq!(all.first().unwrap().meta, fx.stat("/d/f").await.unwrap());
                assert!(all.iter().all(|e| e.link.is_none() && e.target.is_none()));
            })
        },
    },
    Case {
        name: "a listing is not recursive",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                fx.dir("/d/e").await;
                fx.put("/d/e/f", b"").await;
                assert_eq!(fx.names("/").await, [b"d"]);
                assert_eq!(fx.names("/d").await, [b"e"]);
            })
        },
    },
    Case {
        name: "a file cannot be listed as a directory",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"").await;
                refused!(fx.storage.list(&p("/f")).await, FsError::NotDir);
            })
        },
    },
    Case {
        name: "a large directory comes in batches of bounded size, complete",
        run: |fx| {
            Box::pin(async move {
                let total = BATCH_MAX + BATCH_MAX / 2;
                for i in 0..total {
                    let create = WriteMode::Create(Upload::Direct);
                    fx.put_as(format!("/f{i:05}"), b"", create).await;
                }
                let mut entries = fx.storage.list(&p("/")).await.unwrap();
                let mut names = Vec::new();
                loop {
                    let batch = entries.next_batch().await.unwrap();
                    assert!(batch.len() <= BATCH_MAX);
                    if batch.is_empty() {
                        break;
                    }
                    names.extend(batch.into_iter().map(|e| e.name));
                }
                names.sort();
                let want: Vec<_> = (0..total).map(|i| format!("f{i:05}").into_bytes()).collect();
                assert_eq!(names, want);
                assert!(entries.next_batch().await.unwrap().is_empty(), "the end stays the end");
            })
        },
    },
    Case {
        name: "a listing that is asked for by name comes so, or whole in any order if it is larger",
        run: |fx| {
            Box::pin(async move {
                let mut want = Vec::new();
                for i in (0..BATCH_MAX + 10).rev() {
                    let name = format!("{}", i * 7919 % 100_003);
                    fx.put(&format!("/{name}"), b"").await;
                    want.push(name.into_bytes());
                }
                want.sort();
                for (most, sorted) in [(want.len(), true), (want.len() - 1, false), (0, false)] {
                    let mut entries = fx.storage.list(&p("/")).await.unwrap();
                    let asked = entries.by_name(most).await.unwrap();
                    let mut names = Vec::new();
                    loop {
                        let batch = entries.next_batch().await.unwrap();
                        if batch.is_empty() {
                            break;
                        }
                        assert!(batch.len() <= BATCH_MAX);
                        names.extend(batch.into_iter().map(|entry| entry.name));
                    }
                    if !(asked && sorted) {
                        names.sort();
                    }
                    assert_eq!(names, want, "at most {most}");
                }
            })
        },
    },
    Case {
        name: "a listing survives the removal of what it has not come to",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                fx.put("/d/a", b"").await;
                let mut entries = fx.storage.list(&p("/d")).await.unwrap();
                fx.remove("/d/a").await.unwrap();
                fx.storage.remove_dir(&p("/d")).await.unwrap();
                while !entries.next_batch().await.unwrap().is_empty() {}
            })
        },
    },
    Case {
        name: "a file reads back as it was written",
        run: |fx| {
            Box::pin(async move {
                let content: Vec<u8> = (0..=255).cycle().take(100_000).collect();
                fx.put("/f", &content).await;
                assert!(fx.get("/f").await == content);
            })
        },
    },
    Case {
        name: "an empty file is a file and reads as nothing",
        run: |fx| {
            Box::pin(async move {
                fx.put_as("/e", b"", WriteMode::Create(Upload::Atomic)).await;
                assert_eq!(fx.stat("/e").await.unwrap().size, 0);
                assert_eq!(fx.get("/e").await, b"");
            })
        },
    },
    Case {
        name: "reading starts at the offset asked for and says the length of the whole",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"0123456789").await;
                assert_eq!(fx.get_from("/f", 4).await.unwrap(), b"456789");
                let source = fx.storage.read(&p("/f"), 4).await.unwrap();
                assert_eq!(len_of(&source), 10);
            })
        },
    },
    Case {
        name: "reading from exactly the end gives nothing, beyond it is refused",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"0123").await;
                assert_eq!(fx.get_from("/f", 4).await.unwrap(), b"");
                refused!(fx.get_from("/f", 5).await, FsError::BadOffset);
                refused!(fx.get_from("/f", u64::MAX).await, FsError::BadOffset);
            })
        },
    },
    Case {
        name: "a directory cannot be read as a file",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                refused!(fx.get_from("/d", 0).await, FsError::NotFile);
                refused!(fx.get_from("/", 0).await, FsError::NotFile);
            })
        },
    },
    Case {
        name: "free space is told for directories only",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"").await;
                fx.storage.free_space(&p("/")).await.unwrap();
                refused!(fx.storage.free_space(&p("/f")).await, FsError::NotDir);
            })
        },
    },
];
