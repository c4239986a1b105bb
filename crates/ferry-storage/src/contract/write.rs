//! Promises about writing: modes, offsets, permission bits.

use super::{Case, drain, p, refused};
use crate::{FsError, Upload, WriteMode};

const UPLOADS: [Upload; 3] = [Upload::Atomic, Upload::Discard, Upload::Direct];

pub(super) const CASES: &[Case] = &[
    Case {
        name: "a new file is there, whole, when commit has returned",
        run: |fx| {
            Box::pin(async move {
                for upload in UPLOADS {
                    for (i, mode) in [WriteMode::Create(upload), WriteMode::CreateNew(upload)]
                        .into_iter()
                        .enumerate()
                    {
                        let path = format!("/{upload:?}{i}");
                        fx.put_as(&path, b"content", mode).await;
                        assert_eq!(fx.get(&path).await, b"content");
                    }
                }
            })
        },
    },
    Case {
        name: "an existing file is replaced whole, also by a shorter one",
        run: |fx| {
            Box::pin(async move {
                for upload in UPLOADS {
                    fx.put_as("/f", b"something longer", WriteMode::Create(upload)).await;
                    fx.put_as("/f", b"short", WriteMode::Create(upload)).await;
                    assert_eq!(fx.get("/f").await, b"short");
                    assert_eq!(fx.names("/").await, [b"f"]);
                }
            })
        },
    },
    Case {
        name: "many buffers follow each other, empty ones included",
        run: |fx| {
            Box::pin(async move {
                for upload in UPLOADS {
                    let mut sink = fx.open("/f", WriteMode::Create(upload)).await.unwrap();
                    for piece in [&b"ab"[..], b"", b"c", b"defg"] {
                        sink.write(piece.to_vec()).await.1.unwrap();
                    }
                    sink.commit().await.unwrap();
                    assert_eq!(fx.get("/f").await, b"abcdefg");
                }
            })
        },
    },
    Case {
        name: "a seek skips octets, which read as zeros, and goes back; appending cannot",
        run: |fx| {
            Box::pin(async move {
                for upload in UPLOADS {
                    let mut sink = fx.open("/f", WriteMode::Create(upload)).await.unwrap();
                    let steps = [(4, &b"ef"[..]), (0, b"ab"), (6, b"")];
                    for (offset, piece) in steps {
                        match sink.seek(offset).await {
                            Err(FsError::Unsupported) => return,
                            done => done.unwrap(),
                        }
                        sink.write(piece.to_vec()).await.1.unwrap();
                    }
                    sink.commit().await.unwrap();
                    assert_eq!(fx.get("/f").await, b"ab\0\0ef");
                }
                if fx.in_place() {
                    let mut sink = fx.open("/f", WriteMode::Append).await.unwrap();
                    assert!(matches!(sink.seek(0).await, Err(FsError::Unsupported)));
                    let mut sink = fx.open("/f", WriteMode::At(2)).await.unwrap();
                    sink.seek(3).await.unwrap();
                    sink.write(b"x".to_vec()).await.1.unwrap();
                    sink.commit().await.unwrap();
                    assert_eq!(fx.get("/f").await, b"ab\0x");
                }
            })
        },
    },
    Case {
        name: "a lent buffer comes back with its capacity",
        run: |fx| {
            Box::pin(async move {
                let mut sink = fx.open("/f", WriteMode::Create(Upload::Atomic)).await.unwrap();
                let mut buf = Vec::with_capacity(4096);
                buf.extend_from_slice(b"xyz");
                let (back, done) = sink.write(buf).await;
                done.unwrap();
                assert!(back.capacity() >= 4096);
                sink.commit().await.unwrap();
            })
        },
    },
    Case {
        name: "create-new is refused when the name is taken, by a file or a directory",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"mine").await;
                fx.dir("/d").await;
                for upload in UPLOADS {
                    refused!(fx.open("/f", WriteMode::CreateNew(upload)).await, FsError::Exists);
                    refused!(fx.open("/d", WriteMode::CreateNew(upload)).await, FsError::Exists);
                }
                assert_eq!(fx.get("/f").await, b"mine");
            })
        },
    },
    Case {
        name: "two create-new at once never get the same name",
        run: |fx| {
            Box::pin(async move {
                for upload in UPLOADS {
                    let path = format!("/{upload:?}");
                    let first = fx.begin(&path, b"first", WriteMode::CreateNew(upload)).await;
                    refused!(fx.open(&path, WriteMode::CreateNew(upload)).await, FsError::Exists);
                    first.commit().await.unwrap();
                    assert_eq!(fx.get(&path).await, b"first");
                }
            })
        },
    },
    Case {
        name: "a create-new whose name went to someone else meanwhile does not replace it",
        run: |fx| {
            Box::pin(async move {
                let sink = fx.begin("/f", b"mine", WriteMode::CreateNew(Upload::Atomic)).await;
                fx.remove("/f").await.unwrap();
                fx.put("/f", b"theirs").await;
                refused!(sink.commit().await, FsError::Exists);
                assert_eq!(fx.get("/f").await, b"theirs");
            })
        },
    },
    Case {
        name: "a directory, or the root, cannot be written as a file",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                let mut modes: Vec<WriteMode> = UPLOADS.map(WriteMode::Create).to_vec();
                if fx.in_place() {
                    modes.extend([WriteMode::At(0), WriteMode::Append]);
                }
                for mode in modes {
                    refused!(fx.open("/d", mode).await, FsError::NotFile);
                    refused!(fx.open("/", mode).await, FsError::NotFile);
                }
            })
        },
    },
    Case {
        name: "writing at an offset keeps what is before it and cuts off what followed",
        run: |fx| {
            Box::pin(async move {
                if fx.in_place() {
                    fx.put("/f", b"0123456789").await;
                    fx.put_as("/f", b"ab", WriteMode::At(4)).await;
                    assert_eq!(fx.get("/f").await, b"0123ab");
                }
            })
        },
    },
    Case {
        name: "opening at an offset already cuts off what followed",
        run: |fx| {
            Box::pin(async move {
                if fx.in_place() {
                    fx.put("/f", b"0123456789").await;
                    fx.open("/f", WriteMode::At(4)).await.unwrap().commit().await.unwrap();
                    assert_eq!(fx.get("/f").await, b"0123");
                }
            })
        },
    },
    Case {
        name: "writing at exactly the end continues the file, beyond it is refused",
        run: |fx| {
            Box::pin(async move {
                if fx.in_place() {
                    fx.put("/f", b"0123").await;
                    refused!(fx.open("/f", WriteMode::At(5)).await, FsError::BadOffset);
                    assert_eq!(fx.get("/f").await, b"0123");
                    fx.put_as("/f", b"45", WriteMode::At(4)).await;
                    assert_eq!(fx.get("/f").await, b"012345");
                }
            })
        },
    },
    Case {
        name: "writing a missing file is possible at offset 0 only",
        run: |fx| {
            Box::pin(async move {
                if fx.in_place() {
                    refused!(fx.open("/f", WriteMode::At(1)).await, FsError::NotFound);
                    assert!(!fx.exists("/f").await);
                    fx.put_as("/f", b"new", WriteMode::At(0)).await;
                    assert_eq!(fx.get("/f").await, b"new");
                }
            })
        },
    },
    Case {
        name: "writing at offset 0 begins an existing file anew",
        run: |fx| {
            Box::pin(async move {
                if fx.in_place() {
                    fx.put("/f", b"old content").await;
                    fx.put_as("/f", b"new", WriteMode::At(0)).await;
                    assert_eq!(fx.get("/f").await, b"new");
                }
            })
        },
    },
    Case {
        name: "appending goes to the end, and makes a missing file",
        run: |fx| {
            Box::pin(async move {
                if fx.in_place() {
                    fx.put_as("/f", b"one", WriteMode::Append).await;
                    fx.put_as("/f", b" two", WriteMode::Append).await;
                    assert_eq!(fx.get("/f").await, b"one two");
                }
            })
        },
    },
    Case {
        name: "two who append at once lose nothing of each other",
        run: |fx| {
            Box::pin(async move {
                if fx.in_place() {
                    let mut a = fx.begin("/f", b"a1.", WriteMode::Append).await;
                    let b = fx.begin("/f", b"b1.", WriteMode::Append).await;
                    a.write(b"a2.".to_vec()).await.1.unwrap();
                    a.commit().await.unwrap();
                    b.commit().await.unwrap();
                    assert_eq!(fx.get("/f").await, b"a1.b1.a2.");
                }
            })
        },
    },
    Case {
        name: "what was written in place stays when it is abandoned",
        run: |fx| {
            Box::pin(async move {
                if fx.in_place() {
                    fx.put("/f", b"0123").await;
                    assert!(
                        fx.begin("/f", b"45", WriteMode::Append).await.abandon().await.unwrap()
                    );
                    assert!(fx.begin("/f", b"ab", WriteMode::At(5)).await.abandon().await.unwrap());
                    assert!(fx.begin("/n", b"x", WriteMode::At(0)).await.abandon().await.unwrap());
                    assert_eq!(fx.get("/f").await, b"01234ab");
                    assert_eq!(fx.get("/n").await, b"x");
                }
            })
        },
    },
    Case {
        name: "in-place writing keeps the file's identity",
        run: |fx| {
            Box::pin(async move {
                if fx.in_place() {
                    fx.put("/f", b"0123").await;
                    let before = fx.stat("/f").await.unwrap().unique;
                    fx.put_as("/f", b"45", WriteMode::Append).await;
                    fx.put_as("/f", b"x", WriteMode::At(1)).await;
                    fx.put_as("/f", b"y", WriteMode::Create(Upload::Direct)).await;
                    assert_eq!(fx.stat("/f").await.unwrap().unique, before);
                }
            })
        },
    },
    Case {
        name: "a new file has exactly the permission bits asked for",
        run: |fx| {
            Box::pin(async move {
                let modes = UPLOADS.map(WriteMode::Create).into_iter();
                for mode in modes.chain(UPLOADS.map(WriteMode::CreateNew)) {
                    for perm in [0o600, 0o644, 0o666, 0o777, 0o400] {
                        let mut sink = fx.storage.write(&p("/f"), mode, perm).await.unwrap();
                        sink.write(b"x".to_vec()).await.1.unwrap();
                        sink.commit().await.unwrap();
                        let meta = fx.stat("/f").await.unwrap();
                        assert_eq!(meta.mode.unwrap_or(perm), perm, "{mode:?}");
                        fx.remove("/f").await.unwrap();
                    }
                }
            })
        },
    },
    Case {
        name: "a replaced file keeps its permission bits",
        run: |fx| {
            Box::pin(async move {
                for upload in UPLOADS {
                    for mode in [0o604, 0o640] {
                        let path = format!("/{upload:?}{mode:o}");
                        let sink =
                            fx.storage.write(&p(&path), WriteMode::Create(upload), mode).await;
                        sink.unwrap().commit().await.unwrap();
                        let sink =
                            fx.storage.write(&p(&path), WriteMode::Create(upload), 0o666).await;
                        sink.unwrap().commit().await.unwrap();
                        assert_eq!(fx.stat(&path).await.unwrap().mode.unwrap_or(mode), mode);
                    }
                }
            })
        },
    },
    Case {
        name: "whoever reads a file while it is replaced or removed reads the old one whole",
        run: |fx| {
            Box::pin(async move {
                for upload in [Upload::Atomic, Upload::Discard] {
                    fx.put("/f", b"the old content").await;
                    let replaced = fx.storage.read(&p("/f"), 4).await.unwrap();
                    fx.put_as("/f", b"new", WriteMode::Create(upload)).await;
                    let removed = fx.storage.read(&p("/f"), 0).await.unwrap();
                    fx.remove("/f").await.unwrap();
                    assert_eq!(drain(replaced).await, b"old content");
                    assert_eq!(drain(removed).await, b"new");
                }
            })
        },
    },
];
