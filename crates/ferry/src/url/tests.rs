//! URLs: tables of what is understood, what is refused, and who is protected how.

use super::*;
use proptest::prelude::*;

fn remote_of(text: &str) -> Remote {
    match parse(OsStr::new(text), &Bookmarks::default()) {
        Ok(Spec::Remote(remote)) => *remote,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn urls_are_taken_apart_as_rfc_1738_says() {
    let cases = [
        ("ftp://h", "h", None, None, None, "", false),
        ("ftp://h/", "h", None, None, None, "", false),
        ("FTP://h/a/b", "h", None, None, None, "a/b", false),
        ("ftp://h/%2Fetc/x", "h", None, None, None, "/etc/x", true),
        ("ftp://h//etc/x", "h", None, None, None, "/etc/x", true),
        ("ftp://u@h:2121/a", "h", Some(2121), Some("u"), None, "a", false),
        ("ftp://u:p@h/a", "h", None, Some("u"), Some("p"), "a", false),
        ("ftp://u%40x:p%3a%2F@h/", "h", None, Some("u@x"), Some("p:/"), "", false),
        ("ftp://u:p@ss@h/", "h", None, Some("u"), Some("p@ss"), "", false),
        ("ftp://u:@h/", "h", None, Some("u"), Some(""), "", false),
        ("ftp://[::1]:21/a", "::1", Some(21), None, None, "a", false),
        ("ftp://[fe80::1%25eth0]/", "fe80::1%eth0", None, None, None, "", false),
        ("ftp://h:/a", "h", None, None, None, "a", false),
        ("ftp://h/a%20b%ff", "h", None, None, None, "a b\u{0}", false),
        ("ftp://h/100%", "h", None, None, None, "100%", false),
        ("ftp://h/a;type=i", "h", None, None, None, "a", false),
        ("ftp://h/a;v=1", "h", None, None, None, "a;v=1", false),
        ("ftp://h/a#b?c", "h", None, None, None, "a#b?c", false),
    ];
    for (text, host, port, user, password, path, absolute) in cases {
        let url = remote_of(text);
        assert_eq!((url.host.as_str(), url.port), (host, port), "{text}");
        assert_eq!(url.user.as_deref(), user.map(str::as_bytes), "{text}");
        assert_eq!(url.password.as_ref().map(Secret::reveal), password.map(str::as_bytes));
        // NUL stands for the octet FF, which no Rust string can hold.
        let path: Vec<u8> = path.bytes().map(|b| if b == 0 { 0xff } else { b }).collect();
        assert_eq!(url.path.literal, path, "{text}");
        assert_eq!(url.path.absolute, absolute, "{text}");
    }
}

#[test]
fn wildcards_in_urls_are_those_that_are_not_encoded() {
    assert!(remote_of("ftp://h/*.txt").path.pattern.is_some());
    assert_eq!(remote_of("ftp://h/%2A.txt").path.pattern, None);
}

#[test]
fn text_is_asked_for_by_type() {
    assert!(remote_of("ftp://h/a;type=a").text && remote_of("ftp://h/a;TYPE=A").text);
    assert!(!remote_of("ftp://h/a;type=i").text);
}

#[test]
fn what_is_no_place_is_named_for_what_it_is() {
    let cases = [
        ("sftp://h/", "is not spoken here"),
        ("http://h/", "is not spoken here"),
        ("ftp://", "no host"),
        ("ftp:///a", "no host"),
        ("ftp://u@/a", "no host"),
        ("ftp://h:0/", "no port"),
        ("ftp://h:70000/", "no port"),
        ("ftp://h:2x/", "no port"),
        ("ftp://[::1/", "no name or address"),
        ("ftp://a b/", "no name or address"),
        ("ftp://h/a%0d%0aDELE%20x", "line ends"),
        ("ftp://u%0a@h/", "line ends"),
        ("ftp://h/a;type=d", "not understood"),
        ("nobody:x", "no bookmark"),
    ];
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
fn a_password_is_never_in_the_clear_unless_asked_for() {
    use Protection::{Plain, Tls, Usual};
    let cases = [
        ("ftp://h/", Usual, Security::Opportunistic),
        ("ftp://anonymous@h/", Usual, Security::Opportunistic),
        ("ftp://anonymous:me@h/", Usual, Security::Explicit),
        ("ftp://u@h/", Usual, Security::Explicit),
        ("ftp://u:p@h/", Usual, Security::Explicit),
        ("ftp://u:p@h/", Plain, Security::Plain),
        ("ftp://h/", Plain, Security::Plain),
        ("ftp://h/", Tls, Security::Explicit),
        ("ftpes://h/", Usual, Security::Explicit),
        ("ftpes://u@h/", Plain, Security::Explicit),
        ("ftps://h/", Plain, Security::Implicit),
        ("ftps://h/", Tls, Security::Implicit),
    ];
    for (text, protection, want) in cases {
        assert_eq!(remote_of(text).site(protection).security, want, "{text} {protection:?}");
    }
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
    assert_eq!(parsed("work:x").scheme, Scheme::Explicit);
}

#[test]
fn no_message_holds_the_password() {
    assert_eq!(remote_of("ftp://u:secret@h:99/a").base(), "ftp://u@h:99");
    assert_eq!(remote_of("ftps://[::1]/a").base(), "ftps://[::1]");
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
        let _ = parse(OsStr::new(&format!("ftp://{text}")), &Bookmarks::default());
    }
}
