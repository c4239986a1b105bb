//! What each command is by the rules: who may give it, what it takes, and how it is answered when
//! nothing is in its way.

/// A verb, or a verb and a subcommand.
pub(crate) type Verb = &'static str;

/// What a command takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reads {
    /// Nothing; whatever follows is passed over.
    Nothing,
    /// Nothing, and anything is 501.
    NothingAtAll,
    /// A path, to the end of the line.
    Path,
    MaybePath,
    /// Octets of any kind, to the end of the line.
    Text,
    MaybeText,
    /// A number from 0 to this, spaces around it not counted.
    Digits(u64),
    /// One of the good arguments, spaces around it not counted; anything else is one of these.
    Listed(&'static [u16]),
    MaybeListed(&'static [u16]),
    /// A good argument is good, none is 501 (or good, if it may be left out); what the rest means
    /// depends on its words: good, or one of these.
    Loose(&'static [u16]),
    MaybeLoose(&'static [u16]),
    /// It is known and not carried out: 502.
    Off,
    /// Nobody ever defined it: 500.
    Unknown,
}

/// One command.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: Verb,
    /// Whether it needs a login (530).
    pub(crate) login: bool,
    pub(crate) reads: Reads,
    /// Arguments that suit it, and the code of its last reply.
    pub(crate) good: &'static [(&'static str, u16)],
}

macro_rules! rows {
    ($($who:ident $name:literal $reads:expr => $($argument:literal $code:literal),*;)*) => {
        /// Every command.
        pub(crate) static ROWS: &[Row] = &[$(Row {
            name: $name,
            login: matches!(Who::$who, Who::User),
            reads: $reads,
            good: &[$(($argument, $code)),*],
        }),*];
    };
}

enum Who {
    Anyone,
    User,
}

use Reads::{
    Digits, Listed, Loose, MaybeListed, MaybeLoose, MaybePath, MaybeText, Nothing, NothingAtAll,
    Off, Path, Text, Unknown,
};

const REST_MAX: u64 = (1 << 63) - 1;

rows! {
    Anyone "USER" Text => "alice" 331, "carol" 331;
    Anyone "PASS" MaybeText => "secret" 230;
    Anyone "ACCT" Text => "info" 230;
    Anyone "HOST" Loose(&[501]) => "example.org" 220, "[2001:db8::1]" 220;
    Anyone "AUTH" Listed(&[504]) => "TLS" 234, "TLS-C" 234, "SSL" 234, "TLS-P" 234;
    Anyone "ADAT" Off => "YQ==" 502;
    Anyone "PBSZ" Digits((1 << 32) - 1) => "0" 200;
    Anyone "PROT" Listed(&[504]) => "P" 200, "C" 200, "S" 536, "E" 536;
    User "CCC" Nothing => "" 200;
    Anyone "MIC" Off => "YQ==" 502;
    Anyone "CONF" Off => "YQ==" 502;
    Anyone "ENC" Off => "YQ==" 502;
    User "REIN" Nothing => "" 220;
    Anyone "QUIT" Nothing => "" 221;
    User "CWD" Path => "d" 250;
    User "CDUP" Nothing => "" 250;
    User "PWD" Nothing => "" 257;
    User "SMNT" Text => "photos" 250;
    User "XCWD" Path => "d" 250;
    User "XCUP" Nothing => "" 250;
    User "XPWD" Nothing => "" 257;
    User "XMKD" Path => "d" 257;
    User "XRMD" Path => "d" 250;

    User "TYPE" Listed(&[501, 504]) => "A" 200, "A N" 200, "A T" 200, "A C" 200, "E" 200,
        "E N" 200, "E T" 200, "E C" 200, "I" 200, "L 8" 200, "L 1" 200, "L 36" 200, "L 255" 200,
        "A X" 504, "L 256" 504;
    User "MODE" Listed(&[501, 504]) => "S" 200, "B" 200, "C" 200, "Z" 200;
    User "STRU" Listed(&[501, 504]) => "F" 200, "R" 200, "P" 200;
    User "PORT" Listed(&[501]) => "192,0,2,9,156,64" 200, "192,0,2,9,3,255" 504,
        "198,51,100,7,156,64" 504;
    User "PASV" Nothing => "" 227;
    User "EPRT" Listed(&[501, 522]) => "|1|192.0.2.9|40000|" 200, "|1|192.0.2.9|80|" 504,
        "|1|198.51.100.7|40000|" 504;
    User "EPSV" MaybeListed(&[501, 522]) => "" 229, "1" 229, "ALL" 200;
    User "LPRT" Listed(&[501, 521]) => "4,4,192,0,2,9,2,156,64" 200,
        "4,4,198,51,100,7,2,156,64" 504;
    User "LPSV" Nothing => "" 228;
    User "SPSV" Off => "" 502;
    User "XPSV" Loose(&[501]) => "0123456789abcdef" 200;
    Anyone "XDTP" Loose(&[501]) => "0123456789abcdef" 200;
    User "CPSV" Nothing => "" 227;
    User "SSCN" MaybeListed(&[501]) => "ON" 200, "OFF" 200, "" 200;
    User "PRET" Loose(&[500, 501, 502]) => "RETR f" 200, "LIST" 200, "STOU" 200;
    User "REST" Digits(REST_MAX) => "5" 350, "0" 350;
    User "RANG" Listed(&[501]) => "2 9" 350, "1 0" 350, "0 0" 350;
    Anyone "OPTS" Listed(&[501]) => "UTF8 ON" 200;
    Anyone "OPTS UTF8" MaybeListed(&[501]) => "ON" 200, "" 200, "NLST" 200, "OFF" 200;
    Anyone "OPTS MLST" MaybeLoose(&[501]) => "Type;Size;" 200, "" 200;
    Anyone "OPTS HASH" MaybeListed(&[501]) => "SHA-256" 200, "SHA-512" 200, "SHA-1" 200, "MD5" 200,
        "CRC32" 200, "X-BLAKE3" 200, "" 200;
    Anyone "OPTS REST" Listed(&[501]) => "STOR" 200, "RETR" 200;
    Anyone "OPTS MODE" Listed(&[501]) => "Z" 200, "Z LEVEL 9" 200;
    User "ALLO" Loose(&[501]) => "10" 200, "10 R 5" 200, "9223372036854775807" 200;
    Anyone "LANG" MaybeListed(&[501, 504]) => "en" 200, "de" 200, "" 200;

    User "RETR" Path => "f" 226;
    User "STOR" Path => "f" 226;
    User "APPE" Path => "f" 226;
    User "STOU" MaybeText => "f" 226, "" 226;
    User "LIST" MaybePath => "d" 226, "-la d" 226, "*.txt" 226;
    User "NLST" MaybePath => "d" 226;
    User "MLSD" MaybePath => "d" 226;
    User "THMB" Off => "PNG 1 1 f" 502;

    User "ABOR" Nothing => "" 226;
    User "DELE" Path => "f" 250;
    User "RMD" Path => "d" 250;
    User "MKD" Path => "d" 257;
    User "RNFR" Path => "f" 350;
    User "RNTO" Path => "g" 250;
    User "SIZE" Path => "f" 213;
    User "MDTM" Path => "f" 213, "20200101000000 f" 213;
    User "MFMT" Loose(&[501, 553]) => "20200101000000 f" 213;
    User "MFCT" Loose(&[501, 553]) => "20200101000000 f" 213;
    User "MFF" Loose(&[501, 504, 553]) => "Modify=20200101000000;UNIX.mode=0644; f" 213;
    User "MLST" MaybePath => "f" 250;
    Anyone "FEAT" NothingAtAll => "" 211;
    Anyone "SYST" Nothing => "" 215;
    User "STAT" MaybePath => "d" 213;
    Anyone "HELP" MaybeListed(&[502]) => "" 214, "USER" 214, "SITE" 214, "SITE CHMOD" 214;
    Anyone "NOOP" Nothing => "" 200;
    Anyone "CLNT" MaybeText => "test" 200;
    Anyone "CSID" Loose(&[501]) => "Name=test;Version=1;" 200;
    User "AVBL" MaybePath => "d" 213;
    User "DSIZ" Path => "d" 213;
    User "RMDA" Path => "d" 250;
    User "COMB" Loose(&[501, 553]) => "t a b" 250;
    User "HASH" Path => "f" 213;
    User "XCRC" Loose(&[501, 553]) => "f" 250, "f 0 9" 250;
    User "XMD5" Loose(&[501, 553]) => "f" 250, "f 0 9" 250;
    User "XSHA" Loose(&[501, 553]) => "f" 250, "f 0 9" 250;
    User "XSHA1" Loose(&[501, 553]) => "f" 250, "f 0 9" 250;
    User "XSHA256" Loose(&[501, 553]) => "f" 250, "f 0 9" 250;
    User "XSHA512" Loose(&[501, 553]) => "f" 250, "f 0 9" 250;
    User "MD5" Path => "f" 251;
    User "MMD5" Loose(&[501, 553]) => "a, b" 252;
    User "ALGS" Off => "" 502;
    User "XQUOTA" Off => "" 502;
    Anyone "OPEN" Off => "host" 502;

    User "SITE" Loose(&[501, 504]) => "ZONE" 210;
    User "SITE CHGRP" Loose(&[501, 504, 553]) => "7 f" 200;
    User "SITE CHMOD" Loose(&[501, 553]) => "644 f" 200, "u+x f" 200;
    User "SITE CHOWN" Loose(&[501, 504, 553]) => "7 f" 200, "7:8 f" 200;
    User "SITE COPY" Loose(&[501, 553]) => "f g" 200;
    User "SITE CPFR" Path => "f" 350;
    User "SITE CPTO" Path => "g" 250;
    User "SITE HELP" MaybeLoose(&[502]) => "" 214, "CHMOD" 214;
    User "SITE WHO" MaybeLoose(&[550]) => "" 211;
    User "SITE IDLE" MaybeLoose(&[501]) => "60" 200, "" 200;
    User "SITE MKDIR" Path => "d" 200;
    User "SITE QUOTA" Nothing => "" 202;
    User "SITE RMDIR" Path => "d" 200;
    User "SITE SYMLINK" Loose(&[501, 553]) => "f l" 200;
    User "SITE UMASK" MaybeLoose(&[501]) => "022" 200, "" 200;
    User "SITE UTIME" Loose(&[501, 553]) => "20200101000000 f" 200,
        "f 20200101000000 20200101000000 20200101000000 UTC" 200;
    User "SITE ZONE" Nothing => "" 210;

    User "MAIL" Off => "" 502;
    User "MSND" Off => "" 502;
    User "MSOM" Off => "" 502;
    User "MSAM" Off => "" 502;
    User "MRSQ" Off => "" 502;
    User "MRCP" Off => "" 502;
    User "MLFL" Off => "" 502;
    User "XSEN" Off => "" 502;
    User "XSEM" Off => "" 502;
    User "XMAS" Off => "" 502;
    User "XRSQ" Off => "" 502;
    User "XRCP" Off => "" 502;
    Anyone "FROB" Unknown => "" 500;
}
