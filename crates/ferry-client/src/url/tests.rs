//! URLs: tables of what is understood, what is refused, and who is protected how.

use super::*;
use proptest::prelude::*;

fn url(text: &str) -> Url {
    Url::parse(text.as_bytes()).unwrap_or_else(|why| panic!("{text}: {why}"))
}

#[test]
fn urls_are_taken_apart_as_rfc_1738_says() {
    let cases = [
        ("ftp://h", "h", None, None, None, ""),
        ("ftp://h/", "h", None, None, None, ""),
        ("FTP://h/a/b", "h", None, None, None, "a/b"),
        ("ftp://h/%2Fetc/x", "h", None, None, None, "/etc/x"),
        ("ftp://h//etc/x", "h", None, None, None, "/etc/x"),
        ("ftp://u@h:2121/a", "h", Some(2121), Some("u"), None, "a"),
        ("ftp://u:p@h/a", "h", None, Some("u"), Some("p"), "a"),
        ("ftp://u%40x:p%3a%2F@h/", "h", None, Some("u@x"), Some("p:/"), ""),
        ("ftp://u:p@ss@h/", "h", None, Some("u"), Some("p@ss"), ""),
        ("ftp://u:@h/", "h", None, Some("u"), Some(""), ""),
        ("ftp://[::1]:21/a", "::1", Some(21), None, None, "a"),
        ("ftp://[fe80::1%25eth0]/", "fe80::1%eth0", None, None, None, ""),
        ("ftp://h:/a", "h", None, None, None, "a"),
        ("ftp://h/a%20b%ff", "h", None, None, None, "a b\u{0}"),
        ("ftp://h/100%", "h", None, None, None, "100%"),
        ("ftp://h/a;type=i", "h", None, None, None, "a"),
        ("ftp://h/a;v=1", "h", None, None, None, "a;v=1"),
        ("ftp://h/a#b?c", "h", None, None, None, "a#b?c"),
    ];
    for (text, host, port, user, password, path) in cases {
        let url = url(text);
        assert_eq!((url.host.as_str(), url.port), (host, port), "{text}");
        assert_eq!(url.user.as_deref(), user.map(str::as_bytes), "{text}");
        assert_eq!(url.password.as_ref().map(Secret::reveal), password.map(str::as_bytes));
        // NUL stands for the octet FF, which no Rust string can hold.
        let path: Vec<u8> = path.bytes().map(|b| if b == 0 { 0xff } else { b }).collect();
        assert_eq!(url.path.octets(), path, "{text}");
    }
}

#[test]
fn what_was_written_with_a_percent_sign_is_told_from_what_was_not() {
    let quoted: Vec<_> = url("ftp://h/%2A*").path.quoted().collect();
    assert_eq!(quoted, [(b'*', true), (b'*', false)]);
}

#[test]
fn text_is_asked_for_by_type() {
    assert!(url("ftp://h/a;type=a").text && url("ftp://h/a;TYPE=A").text);
    assert!(!url("ftp://h/a;type=i").text);
}

#[test]
fn what_is_no_url_is_named_for_what_it_is() {
    let cases = [
        ("h/a", "begins with a scheme"),
        ("1ftp://h/", "begins with a scheme"),
        ("sftp://h/", "is not spoken here"),
        ("http://h/", "is not spoken here"),
        ("ftp://", "no host"),
        ("ftp:///a", "no host"),
        ("ftp://u@/a", "no host"),
        ("ftp://h:0/", "no port"),
        ("ftp://h:70000/", "no port"),
        ("ftp://h:2x/", "no port"),
        ("ftp://u:pass/word@h/", "write / in it as %2F"),
        ("ftp://u:12345678/x@h/", "write / in it as %2F"),
        ("ftp://[::1/", "no name or address"),
        ("ftp://a b/", "no name or address"),
        ("ftp://h/a%0d%0aDELE%20x", "line ends"),
        ("ftp://u%0a@h/", "line ends"),
        ("ftp://u:p%00@h/", "line ends"),
        ("ftp://h/a;type=d", "not understood"),
    ];
    for (text, want) in cases {
        match Url::parse(text.as_bytes()) {
            Err(error) => assert!(error.to_string().contains(want), "{text}: {error}"),
            Ok(url) => panic!("{text}: {url:?}"),
        }
    }
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
        assert_eq!(url(text).site(protection).security, want, "{text} {protection:?}");
    }
}

#[test]
fn no_message_holds_the_password() {
    let full = url("ftp://u:secret@h:99/a%20b");
    assert_eq!(
        (full.base(), full.to_string()),
        ("ftp://u@h:99".into(), "ftp://u@h:99/a%20b".into())
    );
    assert_eq!(url("ftps://[::1]//a").to_string(), "ftps://[::1]//a");
    assert!(!format!("{full:?}").contains("secret"));
    let cases = [
        ("ftp://u:secret@h:x/", Some("secret")),
        ("ftp://u:sec@ret@h/", Some("sec@ret")),
        ("x ftp://u:secret@", Some("secret")),
        ("ftp://u:sec/ret@h/", Some("sec/ret")),
        ("ftp://u@h/a:b@c", None),
        ("ftp://h:21/a@b", None),
        ("ftp://h:21/", None),
        ("plain", None),
    ];
    for (text, want) in cases {
        assert_eq!(password_in(text.as_bytes()).and_then(|at| text.get(at)), want, "{text}");
    }
}

proptest! {
    #[test]
    fn an_encoded_path_reads_back(path in proptest::collection::vec(1u8.., 0..40)) {
        prop_assume!(!path.iter().any(|b| matches!(b, b'\r' | b'\n')));
        let written = url(&format!("ftp://h/{}", encode(&path)));
        prop_assert_eq!(&written.path.octets(), &path);
        prop_assert_eq!(&url(&written.to_string()), &written);
    }

    #[test]
    fn no_text_panics_and_no_error_holds_the_password(text in "\\PC{0,40}") {
        let _ = Url::parse(text.as_bytes());
        let _ = Url::parse(format!("ftp://{text}").as_bytes());
        if let Err(why) = Url::parse(format!("ftp://u:hunter2@{text}").as_bytes()) {
            prop_assert!(!why.to_string().contains("hunter2"), "{}", why);
        }
    }
}
