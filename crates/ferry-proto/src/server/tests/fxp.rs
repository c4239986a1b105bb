//! Transfers between servers: whose addresses count for whom, SSCN and CPSV.

use super::*;

fn with_right() -> Talk {
    let mut t = Talk::new();
    t.rules.fxp = true;
    log_in(&mut t);
    t
}

fn log_in(t: &mut Talk) {
    t.say("USER alice");
    t.say("PASS x");
    t.session.may_use_partners();
    assert_eq!(t.hear(Outcome::LoggedIn(FtpPath::root())), "230");
}

fn secured() -> Talk {
    let mut t = Talk::new();
    t.rules.fxp = true;
    assert_eq!(t.say("AUTH TLS"), "234 StartTls");
    t.session.tls_up();
    log_in(&mut t);
    t.say("PBSZ 0");
    assert_eq!(t.say("PROT P"), "200");
    t
}

/// Prepares a data connection by `line` and tells how a transfer over it would be made.
fn next(t: &mut Talk, line: &str) -> (DataVia, Fxp) {
    if t.say(line).ends_with("Listen") {
        t.hear(Outcome::Listening("192.0.2.1:50001".parse().unwrap()));
    }
    t.say("RETR f");
    let mut out = Vec::new();
    t.session.conclude(Outcome::Opened { wire_len: None, stored_as: None }, &t.rules, &mut out);
    let made = match out.last() {
        Some(Action::Ask(Ask::Move { via, fxp, .. })) => (*via, *fxp),
        other => panic!("{other:?}"),
    };
    t.hear(Outcome::Ended(End::Complete));
    made
}

#[test]
fn data_goes_to_others_only_where_the_operator_and_the_account_say_so() {
    for (switch, right, want) in
        [(false, false, "504"), (true, false, "504"), (false, true, "504"), (true, true, "200")]
    {
        let mut t = Talk::ready();
        (t.rules.fxp, t.rules.long_addresses) = (switch, true);
        if right {
            t.session.may_use_partners();
        }
        for line in ["PORT 192,0,2,8,16,0", "EPRT |1|192.0.2.8|4096|", "LPRT 4,4,192,0,2,8,2,16,0"]
        {
            assert_eq!(t.say(line), want, "{line}, switch {switch}, right {right}");
        }
        assert_eq!(t.say("PORT 192,0,2,9,16,0"), "200");
        let foreign = next(&mut t, "EPSV").1.foreign;
        assert_eq!(foreign, switch && right);
    }
}

#[test]
fn addresses_where_no_server_can_be_are_refused() {
    let mut t = with_right();
    let cases = [
        ("198,51,100,7,16,0", "200"),
        ("198,51,100,7,3,255", "504"),
        ("192,0,2,9,3,255", "504"),
        ("0,0,0,0,16,0", "504"),
        ("0,1,2,3,16,0", "504"),
        ("127,0,0,1,16,0", "504"),
        ("224,0,0,1,16,0", "504"),
        ("255,255,255,255,16,0", "504"),
    ];
    for (to, want) in cases {
        assert_eq!(t.say(&format!("PORT {to}")), want, "{to}");
    }
    assert_eq!(t.say("EPRT |2|2001:db8::1|4096|"), "522");
    t.rules.partners = vec!["198.51.100.0/24".parse().unwrap()];
    assert_eq!(t.say("PORT 198,51,100,7,16,0"), "200");
    assert_eq!(t.say("PORT 203,0,113,7,16,0"), "504");
    assert_eq!(t.say("PORT 192,0,2,9,16,0"), "200", "the client itself is no partner");
}

#[test]
fn servers_of_this_machine_are_partners_of_its_own_clients_only() {
    let rules = Rules { fxp: true, ..rules() };
    let cases = [
        ("127.0.0.2", "127.0.0.1", true),
        ("127.0.0.2", "192.0.2.9", false),
        ("::1", "2001:db8::9", false),
        ("2001:db8::1", "2001:db8::9", true),
        ("::", "2001:db8::9", false),
        ("ff02::1", "2001:db8::9", false),
    ];
    for (ip, client, want) in cases {
        let got = is_partner(ip.parse().unwrap(), client.parse().unwrap(), &rules);
        assert_eq!(got, want, "{ip} for {client}");
    }
}

#[test]
fn the_right_ends_with_the_log_in() {
    for line in ["USER bob", "REIN"] {
        let mut t = secured();
        assert_eq!(t.say("SSCN ON"), "200");
        t.say(line);
        t.say("USER bob");
        t.say("PASS x");
        assert_eq!(t.hear(Outcome::LoggedIn(FtpPath::root())), "230");
        assert_eq!(t.say("PORT 198,51,100,7,16,0"), "504", "{line}");
        assert_eq!(t.say("SSCN"), "504", "{line}");
        assert_eq!(next(&mut t, "PASV").1, Fxp::default(), "{line}");
    }
}

#[test]
fn the_address_of_another_server_ends_with_the_log_in_and_the_clients_own_does_not() {
    for (to, outlives) in [("198,51,100,7,16,0", false), ("192,0,2,9,16,0", true)] {
        let mut t = with_right();
        t.rules.default_data_port = false;
        assert_eq!(t.say(&format!("PORT {to}")), "200");
        t.say("USER bob");
        t.say("PASS x");
        assert_eq!(t.hear(Outcome::LoggedIn(FtpPath::root())), "230");
        t.say("RETR f");
        let want = if outlives { "150 Move" } else { "DropOpened 425" };
        assert_eq!(t.opened(), want, "{to}");
    }
}

#[test]
fn without_the_switch_or_a_certificate_sscn_and_cpsv_are_not_there() {
    for (switch, tls) in [(false, true), (true, false), (false, false)] {
        let mut t = with_right();
        (t.rules.fxp, t.rules.tls) = (switch, tls);
        for line in ["SSCN", "SSCN ON", "SSCN nonsense", "CPSV", "HELP SSCN", "HELP CPSV"] {
            assert_eq!(t.say(line), "502", "{line}, switch {switch}, TLS {tls}");
        }
        let feat = t.text("FEAT");
        assert!(!feat.contains(" SSCN") && !feat.contains(" CPSV"), "{feat}");
    }
    let feat = with_right().text("FEAT");
    assert!(feat.contains(" SSCN\r\n") && feat.contains(" CPSV\r\n"), "{feat}");
}

#[test]
fn sscn_tells_and_sets_who_is_tls_client() {
    let mut t = secured();
    assert_eq!(t.text("SSCN"), "200 SSCN:SERVER METHOD\r\n");
    assert_eq!(next(&mut t, "PASV").1, Fxp { foreign: true, tls_client: false });
    assert_eq!(t.text("SSCN on"), "200 SSCN:CLIENT METHOD\r\n");
    assert_eq!(t.text("SSCN"), "200 SSCN:CLIENT METHOD\r\n");
    let as_client = Fxp { foreign: true, tls_client: true };
    assert_eq!(next(&mut t, "PASV").1, as_client);
    assert_eq!(next(&mut t, "PORT 198,51,100,7,16,0").1, as_client);
    assert_eq!(t.say("SSCN maybe"), "501");
    assert_eq!(t.say("PROT C"), "200");
    assert!(!next(&mut t, "PASV").1.tls_client, "there is no TLS");
    assert_eq!(t.text("SSCN OFF"), "200 SSCN:SERVER METHOD\r\n");
    let mut t = with_right();
    assert_eq!(t.say("SSCN ON"), "503", "without TLS");
    assert_eq!(Talk::new().say("SSCN ON"), "530");
}

#[test]
fn cpsv_is_pasv_with_the_roles_of_one_handshake_exchanged() {
    let mut t = secured();
    t.say("CPSV");
    let mut out = Vec::new();
    let at = "192.0.2.1:50001".parse().unwrap();
    t.session.conclude(Outcome::Listening(at), &t.rules, &mut out);
    let want = Reply::new(227, "Entering Passive Mode (192,0,2,1,195,81).");
    assert_eq!(out, [Action::Reply(want)]);
    assert_eq!(t.say("PWD"), "257", "it waits for its transfer");
    let made = next(&mut t, "CPSV");
    assert_eq!(made, (DataVia::Passive, Fxp { foreign: true, tls_client: true }));
    assert!(!next(&mut t, "PASV").1.tls_client, "it was for one connection");
    t.say("CPSV");
    t.hear(Outcome::Listening(at));
    t.session.passive_expired();
    t.rules.default_data_port = false;
    assert_eq!(t.say("RETR f"), "Open");
    assert_eq!(t.opened(), "DropOpened 425", "its port has expired");
    assert_eq!(t.ask("CPSV", Outcome::Failed(Failure::NoPort)), "425");
}

#[test]
fn cpsv_needs_private_data_ipv4_and_no_epsv_all() {
    assert_eq!(with_right().say("CPSV"), "503", "without TLS");
    let mut t = secured();
    t.say("PROT C");
    assert_eq!(t.say("CPSV"), "503");
    t.say("PROT P");
    t.say("EPSV ALL");
    assert_eq!(t.say("CPSV"), "503");
    let mut t = secured();
    t.session.peer = "[2001:db8::9]:4000".parse().unwrap();
    assert_eq!(t.say("CPSV"), "501");
    let mut t = Talk::ready();
    t.rules.fxp = true;
    assert_eq!(t.say("CPSV"), "504", "not for this account");
}

#[test]
fn a_connection_that_was_kept_ends_when_the_roles_change() {
    let mut t = secured();
    t.say("MODE B");
    t.ask("PASV", Outcome::Listening("192.0.2.1:50001".parse().unwrap()));
    t.say("RETR f");
    assert_eq!(t.opened(), "150 Move");
    assert_eq!(t.hear(Outcome::Ended(End::Kept)), "250");
    assert_eq!(t.say("SSCN OFF"), "200", "nothing changes");
    assert_eq!(t.say("SSCN ON"), "CloseData 200");
}
