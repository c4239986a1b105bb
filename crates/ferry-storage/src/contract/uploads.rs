//! Promises about uploads that are aside: what is seen meanwhile, and what is left when they break.

use super::{Case, p, refused};
use crate::{FsError, Upload, WriteMode};

const ASIDE: [Upload; 2] = [Upload::Atomic, Upload::Discard];

pub(super) const CASES: &[Case] = &[
    Case {
        name: "until commit a new name is not there",
        run: |fx| {
            Box::pin(async move {
                for upload in ASIDE {
                    let sink = fx.begin("/f", b"half", WriteMode::Create(upload)).await;
                    assert!(!fx.exists("/f").await);
                    sink.commit().await.unwrap();
                    assert!(fx.exists("/f").await);
                    fx.remove("/f").await.unwrap();
                }
            })
        },
    },
    Case {
        name: "until commit an existing file is the old one",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"old").await;
                for upload in ASIDE {
                    let sink = fx.begin("/f", b"new content", WriteMode::Create(upload)).await;
                    assert_eq!(fx.get("/f").await, b"old");
                    assert_eq!(fx.stat("/f").await.unwrap().size, 3);
                    sink.abandon().await.unwrap();
                }
            })
        },
    },
    Case {
        name: "what is aside is never listed",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"old").await;
                for upload in ASIDE {
                    let over = fx.begin("/f", b"new", WriteMode::Create(upload)).await;
                    let new = fx.begin("/g", b"new", WriteMode::Create(upload)).await;
                    assert_eq!(fx.names("/").await, [b"f"]);
                    over.abandon().await.unwrap();
                    drop(new);
                }
            })
        },
    },
    Case {
        name: "direct uploads are seen as they arrive",
        run: |fx| {
            Box::pin(async move {
                let mut sink = fx.begin("/f", b"one", WriteMode::Create(Upload::Direct)).await;
                assert_eq!(fx.get("/f").await, b"one");
                sink.write(b" two".to_vec()).await.1.unwrap();
                assert_eq!(fx.get("/f").await, b"one two");
                sink.commit().await.unwrap();
            })
        },
    },
    Case {
        name: "a broken atomic upload of a new name leaves what arrived",
        run: |fx| {
            Box::pin(async move {
                let modes =
                    [WriteMode::Create(Upload::Atomic), WriteMode::CreateNew(Upload::Atomic)];
                for (i, mode) in modes.into_iter().enumerate() {
                    let path = format!("/f{i}");
                    let sink = fx.begin(&path, b"part", mode).await;
                    assert!(sink.abandon().await.unwrap());
                    assert_eq!(fx.get(&path).await, b"part");
                    let perm = fx.stat(&path).await.unwrap().mode;
                    assert_eq!(perm.unwrap_or(0o640), 0o640);
                }
            })
        },
    },
    Case {
        name: "what a broken upload left can be continued",
        run: |fx| {
            Box::pin(async move {
                if fx.in_place() {
                    let sink = fx.begin("/f", b"part", WriteMode::Create(Upload::Atomic)).await;
                    sink.abandon().await.unwrap();
                    fx.put_as("/f", b" two", WriteMode::At(4)).await;
                    assert_eq!(fx.get("/f").await, b"part two");
                }
            })
        },
    },
    Case {
        name: "a broken atomic upload over an existing file leaves the old one",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"old").await;
                let sink = fx.begin("/f", b"new", WriteMode::Create(Upload::Atomic)).await;
                assert!(!sink.abandon().await.unwrap());
                assert_eq!(fx.get("/f").await, b"old");
                assert_eq!(fx.names("/").await, [b"f"]);
            })
        },
    },
    Case {
        name: "a broken upload never takes a name that someone else took meanwhile",
        run: |fx| {
            Box::pin(async move {
                let sink = fx.begin("/f", b"part", WriteMode::Create(Upload::Atomic)).await;
                fx.put("/f", b"theirs").await;
                assert!(!sink.abandon().await.unwrap());
                assert_eq!(fx.get("/f").await, b"theirs");
            })
        },
    },
    Case {
        name: "a broken upload over a file that was removed meanwhile leaves nothing",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"old").await;
                let sink = fx.begin("/f", b"new", WriteMode::Create(Upload::Atomic)).await;
                fx.remove("/f").await.unwrap();
                assert!(!sink.abandon().await.unwrap());
                assert!(fx.names("/").await.is_empty());
            })
        },
    },
    Case {
        name: "a broken upload that is to be discarded leaves nothing new and the old as it was",
        run: |fx| {
            Box::pin(async move {
                fx.put("/old", b"old").await;
                let discard = Upload::Discard;
                for (path, mode) in [
                    ("/old", WriteMode::Create(discard)),
                    ("/new", WriteMode::Create(discard)),
                    ("/new", WriteMode::CreateNew(discard)),
                ] {
                    assert!(!fx.begin(path, b"x", mode).await.abandon().await.unwrap());
                }
                assert_eq!(fx.get("/old").await, b"old");
                assert_eq!(fx.names("/").await, [b"old"]);
            })
        },
    },
    Case {
        name: "a broken direct upload leaves what arrived",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"old").await;
                let sink = fx.begin("/f", b"n", WriteMode::Create(Upload::Direct)).await;
                assert!(sink.abandon().await.unwrap());
                assert_eq!(fx.get("/f").await, b"n");
            })
        },
    },
    Case {
        name: "an upload dropped without an end leaves an existing file and no second name",
        run: |fx| {
            Box::pin(async move {
                fx.put("/f", b"old").await;
                for upload in ASIDE {
                    drop(fx.begin("/f", b"new", WriteMode::Create(upload)).await);
                    assert_eq!(fx.get("/f").await, b"old");
                    drop(fx.begin("/g", b"new", WriteMode::CreateNew(Upload::Discard)).await);
                    assert_eq!(fx.names("/").await, [b"f"]);
                }
            })
        },
    },
    Case {
        name: "a write in place of a new name that never begins leaves nothing",
        run: |fx| {
            Box::pin(async move {
                let mut modes = vec![WriteMode::Create(Upload::Direct)];
                modes.push(WriteMode::CreateNew(Upload::Direct));
                if fx.in_place() {
                    modes.extend([WriteMode::Append, WriteMode::At(0), WriteMode::Over(0)]);
                }
                for mode in modes {
                    drop(fx.open("/new", mode).await.unwrap());
                    assert!(!fx.exists("/new").await, "{mode:?}");
                }
                fx.put("/old", b"content").await;
                if fx.in_place() {
                    drop(fx.open("/old", WriteMode::Append).await.unwrap());
                    assert_eq!(fx.get("/old").await, b"content");
                }
                // An end that is asked for makes the file, even an empty one.
                fx.open("/new", WriteMode::Create(Upload::Direct))
                    .await
                    .unwrap()
                    .commit()
                    .await
                    .unwrap();
                assert!(fx.exists("/new").await);
            })
        },
    },
    Case {
        name: "an upload completes over a file that came or went meanwhile",
        run: |fx| {
            Box::pin(async move {
                for upload in ASIDE {
                    let sink = fx.begin("/f", b"mine", WriteMode::Create(upload)).await;
                    fx.put("/f", b"theirs").await;
                    sink.commit().await.unwrap();
                    assert_eq!(fx.get("/f").await, b"mine");
                    let sink = fx.begin("/f", b"again", WriteMode::Create(upload)).await;
                    fx.remove("/f").await.unwrap();
                    sink.commit().await.unwrap();
                    assert_eq!(fx.get("/f").await, b"again");
                    fx.remove("/f").await.unwrap();
                }
            })
        },
    },
    Case {
        name: "an upload does not replace a directory that came meanwhile",
        run: |fx| {
            Box::pin(async move {
                let sink = fx.begin("/f", b"mine", WriteMode::Create(Upload::Atomic)).await;
                fx.dir("/f").await;
                refused!(sink.commit().await, FsError::NotFile);
                assert!(fx.names("/f").await.is_empty());
                assert_eq!(fx.names("/").await, [b"f"]);
            })
        },
    },
    Case {
        name: "an upload into a directory removed meanwhile is not found, and nothing is left",
        run: |fx| {
            Box::pin(async move {
                fx.dir("/d").await;
                let sink = fx.begin("/d/f", b"x", WriteMode::Create(Upload::Atomic)).await;
                match fx.storage.remove_dir(&p("/d")).await {
                    Ok(()) => refused!(sink.commit().await, FsError::NotFound),
                    // A medium that keeps what is aside in the directory itself may refuse this.
                    Err(FsError::NotEmpty) => {
                        drop(sink);
                        fx.storage.remove_dir(&p("/d")).await.unwrap();
                    }
                    Err(e) => panic!("{e:?}"),
                }
                assert!(fx.names("/").await.is_empty());
            })
        },
    },
    Case {
        name: "the last of two uploads of one name to complete wins, whole",
        run: |fx| {
            Box::pin(async move {
                let a = fx.begin("/f", b"from a", WriteMode::Create(Upload::Atomic)).await;
                let b = fx.begin("/f", b"b", WriteMode::Create(Upload::Atomic)).await;
                b.commit().await.unwrap();
                assert_eq!(fx.get("/f").await, b"b");
                a.commit().await.unwrap();
                assert_eq!(fx.get("/f").await, b"from a");
                assert_eq!(fx.names("/").await, [b"f"]);
            })
        },
    },
];
