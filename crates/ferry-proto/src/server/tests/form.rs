//! Representations as the machine knows them, and data connections that outlive a file (MODE B).

use super::*;
use crate::command::TypeCode;
use crate::repr::Marker;
use crate::repr::RestartPoint;
use crate::repr::pipeline::{Format, Mode, Structure};

/// The words for what a transfer does once it is open, and the question it ends with.
fn begin(t: &mut Talk, line: &str) -> (String, Option<Ask>) {
    assert_eq!(t.say(line), "Open", "{line}");
    let mut out = Vec::new();
    let opened = Outcome::Opened { wire_len: None, stored_as: None };
    t.session.conclude(opened, &t.rules, &mut out);
    let said = words(&out);
    match out.pop() {
        Some(Action::Ask(ask)) => (said, Some(ask)),
        _ => (said, None),
    }
}

fn listening() -> Outcome {
    Outcome::Listening("192.0.2.1:50001".parse().unwrap())
}

/// A session in MODE B whose data connection is open.
fn kept() -> Talk {
    let mut t = Talk::ready();
    assert_eq!(t.say("MODE B"), "200");
    assert_eq!(t.ask("PASV", listening()), "227");
    let (said, ask) = begin(&mut t, "RETR a");
    assert_eq!(said, "150 Move");
    assert_eq!(
        ask,
        Some(Ask::Move { via: DataVia::Passive, protect: false, keep: true, fxp: Fxp::default() })
    );
    assert_eq!(t.hear(Outcome::Ended(End::Kept)), "250");
    assert!(t.session.keeps_data());
    t
}

#[test]
fn every_type_structure_and_mode_is_taken_and_shown() {
    for (line, shown) in [
        ("TYPE A", "TYPE: ASCII, STRU: File, MODE: Stream"),
        ("TYPE E C", "TYPE: EBCDIC, STRU: File, MODE: Stream"),
        ("TYPE L 8", "TYPE: Image, STRU: File, MODE: Stream"),
        ("TYPE L 36", "TYPE: L 36, STRU: File, MODE: Stream"),
        ("STRU R", "TYPE: ASCII, STRU: Record, MODE: Stream"),
        ("STRU P", "TYPE: ASCII, STRU: Page, MODE: Stream"),
        ("MODE B", "TYPE: ASCII, STRU: File, MODE: Block"),
        ("MODE C", "TYPE: ASCII, STRU: File, MODE: Compressed"),
        #[cfg(feature = "deflate")]
        ("MODE Z", "TYPE: ASCII, STRU: File, MODE: Deflate"),
    ] {
        let mut t = Talk::ready();
        assert_eq!(t.say(line), "200", "{line}");
        let status = t.text("STAT");
        assert!(status.contains(shown), "{line}: {status}");
    }
}

#[test]
fn a_plan_carries_the_representation_in_force_and_listings_have_their_own() {
    let mut t = Talk::ready();
    for line in ["TYPE E T", "STRU R", "MODE C", "OPTS MODE Z LEVEL 9"] {
        assert_eq!(t.say(line), "200", "{line}");
    }
    let mut plan = |line: &str| {
        let mut out = Vec::new();
        t.session.command(line.as_bytes(), &t.rules, 0, &mut out);
        t.hear(Outcome::Failed(Failure::NotFound));
        match out.pop() {
            Some(Action::Ask(Ask::Open(plan))) => (plan.form, plan.level),
            other => panic!("{other:?}"),
        }
    };
    let (form, level) = plan("RETR f");
    assert_eq!((form.type_code, form.format), (TypeCode::Ebcdic, Format::Telnet));
    assert_eq!((form.structure, form.mode, level), (Structure::Record, Mode::Compressed, 9));
    let (list, _) = plan("LIST");
    assert_eq!((list.type_code, list.structure), (TypeCode::Ebcdic, Structure::File));
    assert_eq!(list.mode, Mode::Compressed);
    assert_eq!(plan("MLSD").0.type_code, TypeCode::Image);
}

#[test]
fn what_a_representation_cannot_do_is_refused_before_anything_is_opened() {
    let cases: &[(&[&str], &str, &str)] = &[
        (&["TYPE L 3", "STRU P"], "RETR f", "555"),
        (&["TYPE L 3", "STRU P"], "STOU", "555"),
        (&["TYPE L 3", "STRU P"], "LIST", "Open"),
        (&["STRU P"], "APPE f", "555"),
        (&["STRU P"], "STOR f", "Open"),
        (&["STRU R"], "SIZE f", "550"),
        (&["MODE B"], "SIZE f", "Size"),
        (&["TYPE I", "MODE B"], "RANG 0 1", "551"),
        (&["TYPE I", "STRU R"], "RANG 0 1", "551"),
        (&["TYPE L 8"], "RANG 0 1", "350"),
        (&["TYPE A", "MODE B"], "REST 12.1", "350"),
        (&["TYPE A", "MODE C"], "REST 12.0", "350"),
        (&["TYPE I", "MODE B"], "REST 12.1", "501"),
        (&["TYPE A"], "REST 12.1", "501"),
        #[cfg(feature = "deflate")]
        (&["TYPE A", "MODE Z"], "REST 12.0", "501"),
    ];
    for (before, line, want) in cases {
        let mut t = Talk::ready();
        for line in *before {
            assert_eq!(t.say(line), "200", "{line}");
        }
        assert_eq!(t.say(line), *want, "{before:?} {line}");
    }
}

#[test]
fn a_marker_of_type_a_reaches_the_transfer_whole() {
    let mut t = Talk::ready();
    for line in ["MODE B", "REST 12.1", "TYPE A"] {
        t.say(line);
    }
    let mut out = Vec::new();
    t.session.command(b"STOR f", &t.rules, 0, &mut out);
    let Some(Action::Ask(Ask::Open(plan))) = out.pop() else { panic!("no Open") };
    let Transfer::Store { from, .. } = plan.what else { panic!("no STOR") };
    assert_eq!(from, RestartPoint { offset: 12, after_cr: true });
}

#[test]
fn the_next_transfer_uses_the_connection_that_was_kept() {
    let mut t = kept();
    let (said, ask) = begin(&mut t, "RETR b");
    assert_eq!(said, "125 Move");
    assert_eq!(
        ask,
        Some(Ask::Move { via: DataVia::Kept, protect: false, keep: true, fxp: Fxp::default() })
    );
    assert_eq!(t.hear(Outcome::Ended(End::Kept)), "250");
    let (said, _) = begin(&mut t, "STOR c");
    assert_eq!(said, "125 Move");
    assert_eq!(t.hear(Outcome::Ended(End::Broken)), "426");
    assert!(!t.session.keeps_data(), "what broke is gone");
}

#[test]
fn what_changes_the_data_connection_closes_the_one_that_was_kept() {
    for (line, want) in [
        ("MODE S", "CloseData 200"),
        ("MODE B", "200"),
        ("TYPE I", "200"),
        ("STRU R", "200"),
        ("NOOP", "200"),
        ("PORT 192,0,2,9,16,0", "CloseData 200"),
        ("PASV", "CloseData Listen"),
        ("EPSV", "CloseData Listen"),
        ("ABOR", "CloseData 226"),
        ("QUIT", "221 CloseData Close"),
        ("REIN", "Forget CloseData LeaveHost 220"),
        ("USER bob", "Forget CloseData 331"),
        ("AUTH TLS", "234 Forget CloseData StartTls"),
    ] {
        assert_eq!(kept().say(line), want, "{line}");
    }
}

/// Its octets may be on the way already, and would be taken for the next file's.
#[test]
fn an_upload_that_is_refused_closes_the_connection_that_was_kept() {
    for line in ["STOR f", "APPE f", "STOU"] {
        let mut t = kept();
        t.say(line);
        assert_eq!(t.hear(Outcome::Failed(Failure::Denied)), "550 CloseData", "{line}");
    }
    assert_eq!(kept().say("STOR"), "501 CloseData");
    let mut t = kept();
    t.say("STRU P");
    assert_eq!(t.say("APPE f"), "555 CloseData");
    let mut t = kept();
    t.say("RETR f");
    assert_eq!(t.hear(Outcome::Failed(Failure::NotFound)), "550", "nothing was on the way");
    assert!(t.session.keeps_data());
}

#[test]
fn a_kept_connection_that_ended_by_itself_is_not_used() {
    let mut t = kept();
    t.session.kept_ended();
    let (said, ask) = begin(&mut t, "RETR b");
    assert_eq!(said, "150 Move");
    assert!(!matches!(ask, Some(Ask::Move { via: DataVia::Kept, .. })));
}

#[test]
fn an_abort_closes_the_connection_even_if_the_file_was_whole() {
    let mut t = kept();
    begin(&mut t, "RETR b");
    assert_eq!(t.say("ABOR"), "AbortTransfer");
    assert_eq!(t.hear(Outcome::Ended(End::Kept)), "CloseData 226 226");
    assert!(!t.session.keeps_data());
}

#[test]
fn markers_are_answered_with_the_place_in_our_file() {
    let t = Talk::ready();
    let mut out = Vec::new();
    let marker = Marker::new(b"their-7").unwrap();
    t.session.marked(&marker, RestartPoint { offset: 9, after_cr: true }, &mut out);
    let Some(Action::Reply(reply)) = out.pop() else { panic!("no reply") };
    let mut wire = Vec::new();
    reply.write(&mut wire);
    assert_eq!(wire, b"110 MARK their-7 = 9.1\r\n");
}
