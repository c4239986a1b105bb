//! HELP for every command there is: 214 with its syntax where it is in force, 502 where it is not.

use super::*;
use crate::site::SITE_VERBS;
use crate::verb::VERBS;

/// Sessions under rules that leave out much, and under rules that allow everything.
fn few_and_many() -> [Talk; 2] {
    let (mut few, mut many) = (Talk::ready(), Talk::ready());
    few.rules.tls = false;
    (many.rules.ccc, many.rules.long_addresses, many.rules.fxp) = (true, true, true);
    [few, many]
}

/// Whether the verb itself is refused in a session like this one, whatever it is asked.
fn is_refused(t: &Talk, verb: &str) -> bool {
    if verb == "CCC" {
        // Its refusal has codes of its own (RFC 4217 §12.3), the first of them for lack of TLS.
        return !t.rules.ccc;
    }
    let mut t = Talk { session: t.session.clone(), rules: t.rules.clone() };
    // AUTH is refused by what it is asked for.
    let argument = if verb == "AUTH" { " TLS" } else { "" };
    t.say(&format!("{verb}{argument}")).split(' ').any(|word| word == "502")
}

#[test]
fn help_tells_the_syntax_of_every_command_in_force_and_of_no_other() {
    for mut t in few_and_many() {
        let list = t.text("HELP");
        let listed: Vec<&str> = list.split_ascii_whitespace().collect();
        let mut counts = [0, 0];
        // HELP SITE lists its commands instead, see below.
        for info in VERBS.iter().filter(|info| info.verb != Verb::Site) {
            let asked = format!("HELP {}", info.name.to_lowercase());
            let answer = t.text(&asked);
            let refused = is_refused(&t, info.name);
            assert_eq!(listed.contains(&info.name), !refused, "{} in HELP", info.name);
            if refused {
                counts[0] += 1;
                assert_eq!(answer, format!("502 {} is not available.\r\n", info.name));
            } else {
                counts[1] += 1;
                let rest = answer.strip_prefix(&format!("214 Syntax: {}", info.name));
                let rest = rest.unwrap_or_else(|| panic!("{asked}: {answer}"));
                assert_eq!(rest.trim(), info.syntax, "{asked}");
            }
        }
        assert!(counts[0] > 10 && counts[1] > 60, "{counts:?}: not all verbs were walked");
    }
}

#[test]
fn help_tells_the_syntax_of_every_site_command_in_both_forms() {
    for mut t in few_and_many() {
        let list = t.text("HELP SITE");
        assert_eq!(list, t.text("SITE HELP"));
        for (name, syntax) in SITE_VERBS {
            let asked = name.to_lowercase();
            let (one, other) =
                (t.text(&format!("HELP SITE {asked}")), t.text(&format!("SITE HELP {asked}")));
            assert_eq!(one, other);
            let rest = one.strip_prefix(&format!("214 Syntax: SITE {name}"));
            let rest = rest.unwrap_or_else(|| panic!("{asked}: {one}"));
            assert_eq!(rest.trim(), *syntax, "{asked}");
            assert!(list.contains(&format!(" SITE {name}")), "{asked} in HELP SITE");
        }
    }
}

#[test]
fn help_on_what_is_no_command_is_502() {
    let mut t = Talk::ready();
    for info in VERBS.iter().filter(|v| SITE_VERBS.iter().all(|(name, _)| *name != v.name)) {
        let name = info.name;
        for line in [format!("HELP SITE {name}"), format!("SITE HELP {name}")] {
            assert!(t.text(&line).starts_with("502 Unknown SITE command"), "{line}");
        }
    }
    for (name, _) in SITE_VERBS.iter().filter(|(name, _)| Verb::find(name.as_bytes()).is_none()) {
        assert!(t.text(&format!("HELP {name}")).starts_with("502 Unknown command"), "{name}");
    }
    for line in ["HELP XYZZY", "HELP SITE XYZZY", "SITE HELP XYZZY", "HELP SITEX"] {
        assert!(t.text(line).starts_with("502 "), "{line}");
    }
}
