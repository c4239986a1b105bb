//! FEAT, HELP and OPTS against the tables of verbs: nothing is announced, explained or refused
//! by halves.

use super::*;
use crate::site::SITE_VERBS;
use crate::verb::VERBS;

/// The lines of FEAT between its first and its last.
fn features(t: &mut Talk) -> Vec<String> {
    let text = t.text("FEAT");
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    let [first, inner @ .., last] = lines.as_slice() else { panic!("{text}") };
    assert_eq!((*first, *last), ("211-Extensions supported:", "211 End"));
    inner.iter().map(|line| line.strip_prefix(' ').unwrap().to_owned()).collect()
}

fn without_tls() -> Talk {
    let mut t = Talk::new();
    t.rules.tls = false;
    t
}

/// What FEAT lists where everything is compiled in and the operator changed nothing.
const FEATURES: &str = "\
    AVBL|CLNT|COMB target;source_list|CSID|DSIZ|EPRT|EPSV|\
    HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32;X-BLAKE3|HOST|LANG en*;de;es;fr|MD5|MDTM|MFCT|\
    MFF Modify;UNIX.group;UNIX.mode;UNIX.owner;|MFMT|\
    MLST type*;size*;modify*;perm*;unique*;UNIX.mode*;UNIX.owner*;UNIX.group*;create*;|MMD5|\
    MODE B|MODE C|MODE Z|RANG STREAM|REST STREAM|RMDA directoryname|SITE CHMOD|SITE COPY|\
    SITE MKDIR|SITE RMDIR|SITE SYMLINK|SITE UTIME|SIZE|TVFS|UTF8|XCRC filename;start;end|\
    XMD5 filename;start;end|XPSV|XSHA filename;start;end|XSHA1 filename;start;end|\
    XSHA256 filename;start;end|XSHA512 filename;start;end";

#[test]
fn feat_lists_exactly_what_there_is_in_order() {
    let wanted: Vec<&str> =
        FEATURES.split('|').filter(|f| cfg!(feature = "deflate") || *f != "MODE Z").collect();
    assert_eq!(features(&mut without_tls()), wanted);
    let mut ready = Talk::ready();
    ready.rules.tls = false;
    assert_eq!(features(&mut ready), wanted);
}

#[test]
fn feat_adds_what_tls_brings_and_drops_auth_under_it() {
    let mut t = Talk::new();
    let plain = features(&mut without_tls());
    let more = |t: &mut Talk| -> Vec<String> {
        features(t).into_iter().filter(|line| !plain.contains(line)).collect()
    };
    assert_eq!(more(&mut t), ["AUTH TLS", "PBSZ", "PROT"]);
    t.rules.ccc = true;
    assert_eq!(more(&mut t), ["AUTH TLS", "CCC", "PBSZ", "PROT"]);
    t.session = ServerSession::new("192.0.2.9:4000".parse().unwrap(), 0o022, true);
    assert_eq!(more(&mut t), ["CCC", "PBSZ", "PROT"]);
    assert!(features(&mut t).is_sorted());
}

#[test]
fn help_explains_every_verb_in_force_and_refuses_every_other() {
    for long_addresses in [false, true] {
        let mut t = Talk::new();
        t.rules.long_addresses = long_addresses;
        let list = t.text("HELP");
        for info in VERBS {
            let listed = list.split_ascii_whitespace().any(|word| word == info.name);
            let reply = t.text(&format!("help {}", info.name.to_lowercase()));
            let wanted = match (info.name, listed) {
                ("SITE", true) => "214-These SITE commands are available:\r\n".to_owned(),
                (name, true) => {
                    let syntax = info.syntax;
                    format!("214 Syntax: {name}{}{syntax}\r\n", gap(syntax))
                }
                (name, false) => format!("502 {name} is not available.\r\n"),
            };
            assert!(reply.starts_with(&wanted), "{}: {reply}", info.name);
        }
    }
}

#[test]
fn what_help_lists_is_carried_out_and_what_it_does_not_is_502() {
    let list = Talk::new().text("HELP");
    for info in VERBS {
        let listed = list.split_ascii_whitespace().any(|word| word == info.name);
        let said = Talk::ready().say(info.name);
        // CCC is known and refused by policy, which is 533 or 534.
        let refused = said.split_ascii_whitespace().any(|word| word == "502");
        assert_eq!(refused, !listed && info.name != "CCC", "{}: {said}", info.name);
    }
}

#[test]
fn help_explains_every_site_verb_by_either_way_of_asking() {
    let mut t = Talk::ready();
    let list = t.text("SITE HELP");
    assert_eq!(t.text("HELP SITE"), list);
    for (name, syntax) in SITE_VERBS {
        let gap = gap(syntax);
        assert!(list.contains(&format!("\r\n SITE {name}{gap}{syntax}\r\n")), "{name}: {list}");
        let wanted = format!("214 Syntax: SITE {name}{gap}{syntax}\r\n");
        for asked in [format!("HELP SITE {name}"), format!("site help {}", name.to_lowercase())] {
            assert_eq!(t.text(&asked), wanted, "{asked}");
        }
        // What is explained is there: 504 is the answer to a subcommand nobody knows.
        assert_ne!(Talk::ready().say(&format!("SITE {name}")), "504", "{name}");
    }
    for unknown in ["PSWD", "EXEC", "DIRSTYLE", "INDEX", "ESTA"] {
        assert_eq!(t.say(&format!("HELP SITE {unknown}")), "502", "{unknown}");
        assert_eq!(t.say(&format!("SITE HELP {unknown}")), "502", "{unknown}");
        assert_eq!(t.say(&format!("SITE {unknown} x y")), "504", "{unknown}");
    }
}

#[test]
fn opts_of_a_verb_without_options_says_so() {
    let mut t = Talk::new();
    for info in VERBS {
        let name = info.name;
        let reply = t.text(&format!("OPTS {} x", name.to_lowercase()));
        let wanted = match name {
            // FactSet takes any list of names and lets those it does not know pass.
            "MLST" => "200 MLST OPTS".to_owned(),
            "HASH" | "MODE" | "REST" => "501 Syntax: OPTS ".to_owned(),
            _ => format!("501 {name} has no options.\r\n"),
        };
        assert!(reply.starts_with(&wanted), "{name}: {reply}");
    }
    assert!(t.text("OPTS XYZZY").starts_with("501 Syntax: OPTS <SP> command"));
    assert_eq!(t.say("OPTS LIST"), "501");
}

#[test]
fn opts_answers_for_everything_that_has_options() {
    let mut t = Talk::ready();
    for line in [
        "OPTS MLST type;size;",
        "OPTS HASH",
        "OPTS HASH SHA-512",
        "OPTS UTF8",
        "OPTS UTF8 ON",
        "OPTS UTF-8",
        "OPTS UTF-8 NLST",
        "OPTS REST STOR",
        "OPTS REST RETR",
        #[cfg(feature = "deflate")]
        "OPTS MODE Z LEVEL 6",
    ] {
        assert_eq!(t.say(line), "200", "{line}");
    }
}
