//! Promises about symbolic links. Nothing is checked where the fixture cannot make any.

use super::{Case, p, refused};
use crate::{FsError, Kind, SetMeta, Upload, WriteMode};

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a link inside is followed by stat, list and read",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                fx.put("/d/f", b"x").await;
                if fx.link("/to-dir", "d") && fx.link("/d/to-file", "../d/f") {
                    assert_eq!(fx.stat("/to-dir").await.unwrap().kind, Kind::Dir);
                    assert_eq!(fx.names("/to-dir").await, [&b"f"[..], b"to-file"]);
                    assert_eq!(fx.get("/to-dir/to-file").await, b"x");
                }
            })
        },
    },
    Case {
        name: "stat without following sees the link itself",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"x").await;
                if fx.link("/l", "f") && fx.link("/nowhere", "missing") {
                    for path in ["/l", "/nowhere"] {
                        let meta = fx.storage.stat(&p(path), false).await.unwrap();
                        assert_eq!(meta.kind, Kind::Symlink);
                    }
                    assert_eq!(fx.stat("/l").await.unwrap(), fx.stat("/f").await.unwrap());
                }
            })
        },
    },
    Case {
        name: "a link that leads nowhere is not found when followed",
        run: |fx| {
            Box::pin(async move {
                if fx.link("/nowhere", "missing") && fx.link("/loop", "loop") {
                    for path in ["/nowhere", "/loop"] {
                        refused!(fx.stat(path).await, FsError::NotFound);
                        refused!(fx.get_from(path, 0).await, FsError::NotFound);
                        refused!(fx.storage.list(&p(path)).await, FsError::NotFound);
                        refused!(
                            fx.storage.set_meta(&p(path), SetMeta::default()).await,
                            FsError::NotFound
                        );
                    }
                }
            })
        },
    },
    Case {
        name: "a link that leads out is not found, however it leads out",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                let out = ["..", "../x", "d/../../x", "/", "/etc", "/etc/passwd", "d/../.."];
                for (i, target) in out.into_iter().enumerate() {
                    let path = format!("/l{i}");
                    if !fx.link(&path, target) {
                        return;
                    }
                    refused!(fx.stat(&path).await, FsError::NotFound);
                    refused!(fx.get_from(&path, 0).await, FsError::NotFound);
                    refused!(fx.storage.list(&p(&path)).await, FsError::NotFound);
                    refused!(fx.stat(format!("{path}/passwd")).await, FsError::NotFound);
                    let below = p(format!("{path}/new"));
                    refused!(fx.storage.make_dir(&below, 0o755).await, FsError::NotFound);
                    refused!(fx.storage.remove_file(&below).await, FsError::NotFound);
                    refused!(fx.storage.rename(&p("/d"), &below, true).await, FsError::NotFound);
                    let create = WriteMode::Create(Upload::Atomic);
                    refused!(fx.storage.write(&below, create, 0o644).await, FsError::NotFound);
                }
            })
        },
    },
    Case {
        name: "writing through a link that leads out is refused in every mode",
        run: |fx| {
            Box::pin(async move {
                for (i, target) in ["../evil", "/ferry-evil"].into_iter().enumerate() {
                    let path = format!("/l{i}");
                    if !fx.link(&path, target) {
                        return;
                    }
                    for upload in [Upload::Atomic, Upload::Discard, Upload::Direct] {
                        refused!(
                            fx.open(&path, WriteMode::Create(upload)).await,
                            FsError::NotFound
                        );
                    }
                    if fx.in_place() {
                        refused!(fx.open(&path, WriteMode::At(0)).await, FsError::NotFound);
                        refused!(fx.open(&path, WriteMode::Append).await, FsError::NotFound);
                    }
                }
            })
        },
    },
    Case {
        name: "a listing shows a link, where it points, and what is there if that is inside",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                fx.put("/f", b"123").await;
                if fx.link("/d/in", "../f") && fx.link("/d/out", "../../x") && fx.link("/d/z", "no")
                {
                    let all = fx.list("/d").await;
                    let seen: Vec<_> = all
                        .iter()
                        .map(|e| {
                            assert_eq!(e.meta.kind, Kind::Symlink);
                            (
                                e.link.as_deref().unwrap(),
                                e.target.as_ref().map(|t| (t.kind, t.size)),
                            )
                        })
                        .collect();
                    let want: [(&[u8], _); 3] =
                        [(b"../f", Some((Kind::File, 3))), (b"../../x", None), (b"no", None)];
                    assert_eq!(seen, want);
                }
            })
        },
    },
    Case {
        name: "writing through a link writes what it leads to and keeps the link",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                fx.put("/d/f", b"old").await;
                if fx.link("/l", "chain") && fx.link("/chain", "d/./f") {
                    for upload in [Upload::Atomic, Upload::Discard, Upload::Direct] {
                        let content = format!("{upload:?}");
                        fx.put_as("/l", content.as_bytes(), WriteMode::Create(upload)).await;
                        assert_eq!(fx.get("/d/f").await, content.as_bytes());
                    }
                    if fx.in_place() {
                        fx.put_as("/l", b"+", WriteMode::Append).await;
                        assert_eq!(fx.get("/d/f").await, b"Direct+");
                    }
                    let link = fx.storage.stat(&p("/l"), false).await.unwrap();
                    assert_eq!(link.kind, Kind::Symlink);
                    assert_eq!(fx.names("/d").await, [b"f"]);
                }
            })
        },
    },
    Case {
        name: "writing through a link to a missing file makes that file",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                if fx.link("/l", "d/new") {
                    fx.put("/l", b"x").await;
                    assert_eq!(fx.get("/d/new").await, b"x");
                }
            })
        },
    },
    Case {
        name: "writing through a link to a directory or a loop is refused",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                if fx.link("/l", "d") && fx.link("/slash", "d/") && fx.link("/loop", "loop") {
                    let create = WriteMode::Create(Upload::Atomic);
                    refused!(fx.open("/l", create).await, FsError::NotFile);
                    refused!(fx.open("/slash", create).await, FsError::NotFile);
                    refused!(fx.open("/loop", create).await, FsError::NotFound);
                }
            })
        },
    },
    Case {
        name: "a link's own name is taken, wherever it leads",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"").await;
                if fx.link("/nowhere", "missing") {
                    let new = WriteMode::CreateNew(Upload::Atomic);
                    refused!(fx.open("/nowhere", new).await, FsError::Exists);
                    refused!(fx.storage.make_dir(&p("/nowhere"), 0o755).await, FsError::Exists);
                    refused!(fx.rename("/f", "/nowhere", false).await, FsError::Exists);
                    assert!(!fx.exists("/missing").await);
                }
            })
        },
    },
    Case {
        name: "removing and renaming act on the link, not on what it leads to",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"x").await;
                fx.dir("/d").await;
                if fx.link("/l", "f") && fx.link("/out", "../x") && fx.link("/to-dir", "d") {
                    fx.rename("/l", "/d/l", false).await.unwrap();
                    refused!(fx.stat("/d/l").await, FsError::NotFound);
                    fx.remove("/d/l").await.unwrap();
                    fx.rename("/out", "/out2", false).await.unwrap();
                    fx.remove("/out2").await.unwrap();
                    refused!(fx.storage.remove_dir(&p("/to-dir")).await, FsError::NotDir);
                    fx.remove("/to-dir").await.unwrap();
                    assert_eq!(fx.names("/").await, [b"d", b"f"]);
                }
            })
        },
    },
    Case {
        name: "a link on the way is followed by everything",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                if fx.link("/l", "d") {
                    fx.put("/l/f", b"x").await;
                    fx.dir("/l/sub").await;
                    fx.rename("/l/f", "/l/sub/g", false).await.unwrap();
                    assert_eq!(fx.get("/d/sub/g").await, b"x");
                    fx.remove("/l/sub/g").await.unwrap();
                    fx.storage.remove_dir(&p("/l/sub")).await.unwrap();
                    assert!(fx.names("/d").await.is_empty());
                }
            })
        },
    },
    Case {
        name: "metadata set through a link is that of what it leads to",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"x").await;
                if fx.storage.caps().set_mode && fx.link("/l", "f") {
                    let set = SetMeta { mode: Some(0o604), ..Default::default() };
                    fx.storage.set_meta(&p("/l"), set).await.unwrap();
                    assert_eq!(fx.stat("/f").await.unwrap().mode, Some(0o604));
                }
            })
        },
    },
];
