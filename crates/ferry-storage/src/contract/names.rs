//! Promises about odd names: octets are octets.

use super::Case;
use crate::{FsError, Upload, WriteMode};

/// Names that some layer somewhere has stumbled over.
fn odd() -> Vec<Vec<u8>> {
    let mut names: Vec<Vec<u8>> = [
        &b" "[..],
        b" leading and trailing ",
        b"two  spaces",
        b"quote\"d",
        b"'single'",
        b"back\\slash",
        b"-l",
        b"--help",
        b"-",
        b"*",
        b"a?b[c]",
        b"~",
        b"$HOME",
        b"%00",
        b"a:b",
        b"...",
        b".hidden",
        b"name.",
        b"semi;colon",
        b"pipe|&",
        b"gr\xc3\xbc\xc3\x9fe",
        b"\xe6\x97\xa5\xe6\x9c\xac",
        b"cafe\xcc\x81",
    ]
    .map(<[u8]>::to_vec)
    .to_vec();
    names.push(vec![b'x'; 255]);
    names.sort();
    names
}

pub(super) const CASES: &[Case] = &[
    Case {
        name: "odd names are stored, listed, read and removed octet for octet",
        run: |fx| {
            Box::pin(async move {
                for name in odd() {
                    fx.put(in_root(&name), &name).await;
                }
                assert_eq!(fx.names("/").await, odd());
                for name in odd() {
                    assert_eq!(fx.get(in_root(&name)).await, name);
                    fx.remove(in_root(&name)).await.unwrap();
                }
                assert!(fx.names("/").await.is_empty());
            })
        },
    },
    Case {
        name: "odd names name directories and go through renames as well",
        run: |fx| {
            Box::pin(async move {
                for name in odd() {
                    fx.dir(in_root(&name)).await;
                    let inner = [in_root(&name), in_root(&name)].concat();
                    fx.put(&inner, b"x").await;
                    let moved = [in_root(&name), b"/plain".to_vec()].concat();
                    let (from, to) = (super::p(&inner), super::p(&moved));
                    fx.storage.rename(&from, &to, false).await.unwrap();
                    assert_eq!(fx.names(in_root(&name)).await, [b"plain"]);
                }
            })
        },
    },
    Case {
        name: "octets that are no UTF-8 are a name or are refused, and never change",
        run: |fx| {
            Box::pin(async move {
                for name in [&b"\xff\xfe"[..], b"latin-1 \xe9", b"\xc3", b"cut \xe6\x97"] {
                    match fx.open(in_root(name), WriteMode::Create(Upload::Atomic)).await {
                        Ok(sink) => {
                            sink.commit().await.unwrap();
                            assert_eq!(fx.names("/").await, [name]);
                            fx.remove(in_root(name)).await.unwrap();
                        }
                        Err(FsError::BadName) => {}
                        Err(e) => panic!("{e:?}"),
                    }
                }
            })
        },
    },
    Case {
        name: "names that differ only in case or form do not meet where both can be",
        run: |fx| {
            Box::pin(async move {
                fx.put("/File", b"1").await;
                match fx.open("/file", WriteMode::CreateNew(Upload::Atomic)).await {
                    Ok(mut sink) => {
                        sink.write(b"2".to_vec()).await.1.unwrap();
                        sink.commit().await.unwrap();
                        assert_eq!(fx.get("/File").await, b"1");
                        assert_eq!(fx.get("/file").await, b"2");
                    }
                    // A medium that ignores case says so.
                    Err(FsError::Exists) => assert_eq!(fx.names("/").await.len(), 1),
                    Err(e) => panic!("{e:?}"),
                }
            })
        },
    },
    Case {
        name: "a path of many components works down to its end",
        run: |fx| {
            Box::pin(async move {
                let mut path = String::new();
                for _ in 0..60 {
                    path.push_str("/deep");
                    fx.dir(&path).await;
                }
                path.push_str("/file");
                fx.put(&path, b"x").await;
                assert_eq!(fx.get(&path).await, b"x");
            })
        },
    },
];

fn in_root(name: &[u8]) -> Vec<u8> {
    [b"/", name].concat()
}
