//! A time value that is read prints and reads back, and every second survives the calendar.
#![no_main]
use ferry_proto::date::UnixTime;

libfuzzer_sys::fuzz_target!(|input: (i64, &[u8])| {
    let time = UnixTime::from_secs(input.0);
    assert_eq!(UnixTime::from_civil(time.civil()), time);
    let Some(read) = UnixTime::parse_timeval(input.1) else {
        return;
    };
    let back = UnixTime::parse_timeval(read.format_timeval(false).as_bytes());
    // 9999-12-31T23:59:60 is the first second beyond what can be written.
    assert!(back == Some(UnixTime::from_secs(read.secs)) || read.civil().year == 10_000);
});
