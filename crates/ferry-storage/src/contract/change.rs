//! Promises about names and metadata: directories, removing, renaming, times and permission bits.

use ferry_proto::date::UnixTime;

use super::{Case, p, refused};
use crate::{FsError, Kind, SetMeta};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a directory is made with exactly the permission bits asked for",
        run: |fx| {
            Box::pin(async move {
                for perm in [0o700, 0o755, 0o777, 0o511] {
                    let path = p(format!("/d{perm:o}"));
                    fx.storage.make_dir(&path, perm).await.unwrap();
                    let meta = fx.storage.stat(&path, true).await.unwrap();
                    assert_eq!((meta.kind, meta.mode.unwrap_or(perm)), (Kind::Dir, perm));
                }
            })
        },
    },
    Case {
        name: "a directory is not made where the name is taken",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                fx.put("/f", b"x").await;
                for path in ["/d", "/f", "/"] {
                    refused!(fx.storage.make_dir(&p(path), 0o755).await, FsError::Exists);
                }
                assert_eq!(fx.get("/f").await, b"x");
            })
        },
    },
    Case {
        name: "directories nest, and each name means what its directory says",
        run: |fx| {
            Box::pin(async move {
                for path in ["/a", "/a/a", "/a/a/a"] {
                    fx.dir(path).await;
                    fx.put(format!("{path}/f"), path.as_bytes()).await;
                }
                assert_eq!(fx.get("/a/a/f").await, b"/a/a");
                assert_eq!(fx.names("/a/a/a").await, [b"f"]);
            })
        },
    },
    Case {
        name: "an empty directory is removed, a full one is not",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                fx.put("/d/f", b"").await;
                refused!(fx.storage.remove_dir(&p("/d")).await, FsError::NotEmpty);
                fx.remove("/d/f").await.unwrap();
                fx.storage.remove_dir(&p("/d")).await.unwrap();
                assert!(!fx.exists("/d").await);
            })
        },
    },
    Case {
        name: "files are not removed as directories nor directories as files",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                fx.put("/f", b"").await;
                refused!(fx.storage.remove_dir(&p("/f")).await, FsError::NotDir);
                refused!(fx.remove("/d").await, FsError::NotFile);
                assert_eq!(fx.names("/").await, [b"d", b"f"]);
            })
        },
    },
    Case {
        name: "the root is neither removed nor renamed nor renamed onto",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                refused!(fx.storage.remove_dir(&p("/")).await, FsError::Denied);
                refused!(fx.remove("/").await, FsError::Denied);
                refused!(fx.rename("/", "/d/x", true).await, FsError::Denied);
                refused!(fx.rename("/d", "/", true).await, FsError::Denied);
            })
        },
    },
    Case {
        name: "a removed file is gone and its name is free",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"1").await;
                fx.remove("/f").await.unwrap();
                refused!(fx.remove("/f").await, FsError::NotFound);
                fx.dir("/f").await;
            })
        },
    },
    Case {
        name: "a file is renamed, within a directory and into another",
        run: |fx| {
            Box::pin(async move {
                fx.put("/a", b"x").await;
                fx.dir("/d").await;
                fx.rename("/a", "/b", false).await.unwrap();
                fx.rename("/b", "/d/c", true).await.unwrap();
                assert_eq!(fx.names("/").await, [b"d"]);
                assert_eq!(fx.get("/d/c").await, b"x");
            })
        },
    },
    Case {
        name: "renaming onto a file replaces it or is refused, as asked",
        run: |fx| {
            Box::pin(async move {
                fx.put("/a", b"a").await;
                fx.put("/b", b"b").await;
                refused!(fx.rename("/a", "/b", false).await, FsError::Exists);
                assert_eq!((fx.get("/a").await, fx.get("/b").await), (b"a".into(), b"b".into()));
                fx.rename("/a", "/b", true).await.unwrap();
                assert_eq!(fx.names("/").await, [b"b"]);
                assert_eq!(fx.get("/b").await, b"a");
            })
        },
    },
    Case {
        name: "renaming a thing to its own name changes nothing",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"x").await;
                fx.rename("/f", "/f", true).await.unwrap();
                refused!(fx.rename("/f", "/f", false).await, FsError::Exists);
                assert_eq!(fx.get("/f").await, b"x");
            })
        },
    },
    Case {
        name: "a directory moves with everything in it",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/a").await;
                fx.dir("/a/b").await;
                fx.put("/a/b/f", b"x").await;
                fx.dir("/c").await;
                fx.rename("/a/b", "/c/d", false).await.unwrap();
                assert_eq!(fx.get("/c/d/f").await, b"x");
                refused!(fx.stat("/a/b").await, FsError::NotFound);
            })
        },
    },
    Case {
        name: "a directory does not move into itself or below itself",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/a").await;
                fx.dir("/a/b").await;
                for replace in [true, false] {
                    refused!(fx.rename("/a", "/a/x", replace).await, FsError::IntoItself);
                    refused!(fx.rename("/a", "/a/b/x", replace).await, FsError::IntoItself);
                }
                assert_eq!(fx.names("/a").await, [b"b"]);
            })
        },
    },
    Case {
        name: "a directory and a file never take each other's place",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                fx.put("/f", b"x").await;
                for replace in [true, false] {
                    refused!(fx.rename("/f", "/d", replace).await, FsError::Exists);
                    refused!(fx.rename("/d", "/f", replace).await, FsError::Exists);
                }
                assert_eq!(fx.names("/").await, [b"d", b"f"]);
            })
        },
    },
    Case {
        name: "a directory takes the place of an empty directory only, and only if asked",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/a").await;
                fx.put("/a/f", b"x").await;
                fx.dir("/empty").await;
                fx.dir("/full").await;
                fx.put("/full/g", b"").await;
                refused!(fx.rename("/a", "/full", true).await, FsError::NotEmpty);
                refused!(fx.rename("/a", "/empty", false).await, FsError::Exists);
                fx.rename("/a", "/empty", true).await.unwrap();
                assert_eq!(fx.get("/empty/f").await, b"x");
                assert_eq!(fx.names("/").await, [&b"empty"[..], b"full"]);
            })
        },
    },
    Case {
        name: "nothing takes the place of a directory it lies in",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/a").await;
                fx.dir("/a/b").await;
                refused!(fx.rename("/a/b", "/a", true).await, FsError::NotEmpty);
                assert_eq!(fx.names("/a").await, [b"b"]);
            })
        },
    },
    Case {
        name: "a time of modification is set exactly, also long ago, on files and directories",
        run: |fx| {
            Box::pin(async move {
                if !fx.storage.caps().set_times {
                    let set = SetMeta { modified: Some(UnixTime::default()), ..Default::default() };
                    fx.put("/f", b"").await;
                    refused!(fx.storage.set_meta(&p("/f"), set).await, FsError::Unsupported);
                    return;
                }
                fx.put("/f", b"x").await;
                fx.dir("/d").await;
                let odd = UnixTime { secs: 1_234_567_890, nanos: 123_456_000 };
                for time in [UnixTime::from_secs(0), UnixTime::from_secs(-86_400), odd] {
                    for path in ["/f", "/d"] {
                        let set = SetMeta { modified: Some(time), ..Default::default() };
                        fx.storage.set_meta(&p(path), set).await.unwrap();
                        assert_eq!(fx.stat(path).await.unwrap().modified, time);
                    }
                }
            })
        },
    },
    Case {
        name: "permission bits are set exactly, on files and directories",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"x").await;
                fx.dir("/d").await;
                for mode in [0o700, 0o755, 0o771] {
                    for path in ["/f", "/d"] {
                        let set = SetMeta { mode: Some(mode), ..Default::default() };
                        let done = fx.storage.set_meta(&p(path), set).await;
                        if fx.storage.caps().set_mode {
                            done.unwrap();
                            assert_eq!(fx.stat(path).await.unwrap().mode, Some(mode));
                        } else {
                            refused!(done, FsError::Unsupported);
                        }
                    }
                }
            })
        },
    },
    Case {
        name: "what is not asked for is not changed",
        run: |fx| {
            Box::pin(async move {
                let caps = fx.storage.caps();
                if caps.set_times && caps.set_mode {
                    fx.put("/f", b"content").await;
                    let time = UnixTime::from_secs(1_000_000_000);
                    let set =
                        SetMeta { modified: Some(time), mode: Some(0o604), ..Default::default() };
                    fx.storage.set_meta(&p("/f"), set).await.unwrap();
                    fx.storage.set_meta(&p("/f"), SetMeta::default()).await.unwrap();
                    let set =
                        SetMeta { accessed: Some(UnixTime::from_secs(5)), ..Default::default() };
                    fx.storage.set_meta(&p("/f"), set).await.unwrap();
                    let meta = fx.stat("/f").await.unwrap();
                    assert_eq!((meta.modified, meta.mode), (time, Some(0o604)));
                    assert_eq!(fx.get("/f").await, b"content");
                }
            })
        },
    },
];
