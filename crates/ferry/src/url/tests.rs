//! Arguments: which are URLs, bookmarks and local paths, and what follows from a bookmark.

use super::*;
use ferry_client::Security;
use ferry_client::url::{Scheme, encode};
use proptest::prelude::*;

fn remote_of(text: &str) -> Remote {
    match parse(OsStr::new(text), &Bookmarks::default()) {
        Ok(Spec::Remote(remote)) => *remote,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_path_of_a_url_is_from_the_root_if_it_begins_with_another_slash() {
    for (text, path, absolute) in [
        ("ftp://h", "", false),
        ("ftp://h/a/b", "a/b", false),
        ("ftp://h/%2Fetc/x", "/etc/x", true),
        ("ftp://h//etc/x", "/etc/x", true),
    ] {
        let spec = remote_of(text).path;
        assert_eq!((spec.literal.as_slice(), spec.absolute), (path.as_bytes(), absolute), "{text}");
    }
}

#[test]
fn wildcards_in_urls_are_those_that_are_not_encoded() {
    assert!(remote_of("ftp://h/*.txt").path.pattern.is_some());
    assert_eq!(remote_of("ftp://h/%2A.txt").path.pattern, None);
}

#[test]
fn what_is_no_place_is_named_for_what_it_is() {
    let cases =
        [("sftp://h/", "is not spoken here"), ("ftp://", "no host"), ("nobody:x", "no bookmark")];
    for (text, want) in cases {
        match parse(OsStr::new(text), &Bookmarks::default()) {
            Err(error) => assert!(error.to_string().contains(want), "{text}: {error}"),
            Ok(spec) => panic!("{text}: {spec:?}"),
        }
    }
}

#[test]
fn everything_else_is_of_this_machine() {
    let local = |text: &str| parse(OsStr::new(text), &Bookmarks::default());
    assert_eq!(local("-"), Ok(Spec::Standard));
    for text in ["a/b", "./nobody:x", "/abs", "..", "dir/a:b", "a b:c"] {
        assert_eq!(local(text), Ok(Spec::Local(PathBuf::from(text))), "{text}");
    }
    assert_eq!(local("file:///a%20b"), Ok(Spec::Local(PathBuf::from("/a b"))));
}

#[test]
fn a_bookmark_is_a_url_with_more_path() {
    let bookmarks = Bookmarks::read("[work]\nurl = \"ftpes://a@h/dir\"\n").unwrap();
    let parsed = |text: &str| match parse(OsStr::new(text), &bookmarks) {
        Ok(Spec::Remote(remote)) => *remote,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(parsed("work:").path.literal, b"dir");
    assert_eq!(parsed("work:x/*").path.pattern.as_deref(), Some(&b"dir/x/*"[..]));
    assert_eq!(parsed("work:/abs%20").path.literal, b"/abs%20");
    assert_eq!(parsed("work:x").url.scheme, Scheme::Explicit);
    let broken = parse(OsStr::new("work:a\nb"), &bookmarks);
    assert_eq!(broken, Err(SpecError::Url(UrlError::Control)));
}

#[test]
fn a_bookmark_may_ask_for_the_clear_and_a_flag_for_the_opposite() {
    use Protection::{Tls, Usual};
    let marked = Remote { plain: true, ..remote_of("ftp://u@h/") };
    assert_eq!(remote_of("ftp://u@h/").site(Usual).security, Security::Explicit);
    assert_eq!(marked.site(Usual).security, Security::Plain);
    assert_eq!(marked.site(Tls).security, Security::Explicit);
}

proptest! {
    #[test]
    fn an_encoded_path_reads_back(path in proptest::collection::vec(1u8.., 0..40)) {
        prop_assume!(!path.iter().any(|b| matches!(b, b'\r' | b'\n')));
        let url = format!("ftp://h/{}", encode(&path));
        prop_assert_eq!(&remote_of(&url).path.literal, &path);
    }

    #[test]
    fn no_argument_panics(text in "\\PC{0,40}") {
        let _ = parse(OsStr::new(&text), &Bookmarks::default());
    }
}
