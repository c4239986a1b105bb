//! The one table of verbs. Parsing, sequencing, FEAT, HELP and the documentation all read it, so
//! that nothing can be half-registered: a verb is here with all that is known of it, or unknown.

/// What a verb takes after itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArgumentKind {
    /// Nothing; what follows is ignored, because real clients send a stray space.
    None,
    /// Nothing, and anything is a syntax error (FEAT, RFC 2389 §3.1).
    NoneStrict,
    /// A name that runs to the end of the line after exactly one space (RFC 2640 §3.1).
    Name,
    /// As `Name`, but may be left out.
    OptionalName,
    /// A parameter; spaces around it do not count.
    Parameter,
    /// As `Parameter`, but may be left out.
    OptionalParameter,
}

/// What becomes of a pending REST offset when this verb arrives (RFC 959 §5.4; the list of verbs
/// that may stand between REST and its transfer is the field's).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Restart {
    /// The offset stays for a later transfer.
    Keeps,
    /// The offset is dropped, or used up by this very command.
    Clears,
}

/// Everything there is to know of a verb before its argument is read.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct VerbInfo {
    /// Which verb.
    pub verb: Verb,
    /// Its name on the wire, upper case.
    pub name: &'static str,
    /// Whether it is carried out here; if not, it is known and answered 502.
    pub served: bool,
    /// Whether one must be logged in (else 530).
    pub login: bool,
    /// Whether it uses a data connection.
    pub data: bool,
    /// What follows it.
    pub argument: ArgumentKind,
    /// What it does to a pending REST.
    pub restart: Restart,
    /// Whether PASS may still follow the USER before it.
    pub between_user_and_pass: bool,
    /// Its line in FEAT, for extensions that are announced.
    pub feat: Option<&'static str>,
    /// Its syntax after the verb, for HELP.
    pub syntax: &'static str,
    /// Where it is defined.
    pub source: &'static str,
}

macro_rules! verbs {
    ($(
        $verb:ident $name:literal $($flag:ident)* , $arg:ident, $feat:expr, $syntax:literal,
        $source:literal;
    )*) => {
        /// A verb of FTP that this crate knows.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "each is documented by its row in `VERBS`")]
        pub enum Verb { $($verb),* }

        /// The table, in the order of [`Verb`].
        pub static VERBS: &[VerbInfo] = &[$(VerbInfo {
            verb: Verb::$verb,
            name: $name,
            argument: ArgumentKind::$arg,
            feat: $feat,
            syntax: $syntax,
            source: $source,
            ..flags(Verb::$verb, &[$(Flag::$flag),*])
        }),*];
    };
}

/// What the rows below say besides text; the plain case is a served verb that needs a login,
/// clears REST and uses no data connection.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Flag {
    /// Allowed before logging in.
    Free,
    /// Uses a data connection.
    Data,
    /// Keeps REST.
    Keep,
    /// May stand between USER and PASS.
    Mid,
    /// Known but not carried out: 502.
    Off,
}

const fn has(flags: &[Flag], flag: Flag) -> bool {
    let mut i = 0;
    while i < flags.len() {
        if flags[i] as u8 == flag as u8 {
            return true;
        }
        i += 1;
    }
    false
}

const fn flags(verb: Verb, f: &[Flag]) -> VerbInfo {
    VerbInfo {
        verb,
        name: "",
        served: !has(f, Flag::Off),
        login: !has(f, Flag::Free),
        data: has(f, Flag::Data),
        argument: ArgumentKind::None,
        restart: if has(f, Flag::Keep) { Restart::Keeps } else { Restart::Clears },
        between_user_and_pass: has(f, Flag::Mid),
        feat: None,
        syntax: "",
        source: "",
    }
}

verbs! {
    // Access and session.
    User "USER" Free, Name, None, "<SP> user-name", "RFC 959";
    Pass "PASS" Free, OptionalName, None, "<SP> password", "RFC 959";
    Acct "ACCT" Free, Name, None, "<SP> account-information", "RFC 959";
    Host "HOST" Free, Parameter, Some("HOST"), "<SP> host-name", "RFC 7151";
    Auth "AUTH" Free, Parameter, Some("AUTH TLS"),
        "<SP> mechanism (TLS, TLS-C, SSL, TLS-P)", "RFC 4217";
    Adat "ADAT" Free Off, Parameter, None, "<SP> base64data", "RFC 2228";
    Pbsz "PBSZ" Free Keep Mid, Parameter, Some("PBSZ"), "<SP> decimal-integer", "RFC 4217";
    Prot "PROT" Free Keep Mid, Parameter, Some("PROT"), "<SP> level (C or P)", "RFC 4217";
    Ccc "CCC", None, Some("CCC"), "", "RFC 4217";
    Mic "MIC" Free Off, Parameter, None, "<SP> base64data", "RFC 2228";
    Conf "CONF" Free Off, Parameter, None, "<SP> base64data", "RFC 2228";
    Enc "ENC" Free Off, Parameter, None, "<SP> base64data", "RFC 2228";
    Rein "REIN", None, None, "", "RFC 959";
    Quit "QUIT" Free, None, None, "", "RFC 959";
    Cwd "CWD", Name, None, "<SP> pathname", "RFC 959";
    Cdup "CDUP", None, None, "", "RFC 959";
    Pwd "PWD", None, None, "", "RFC 959";
    Smnt "SMNT", Name, None, "<SP> volume", "RFC 959";
    Xcwd "XCWD", Name, None, "<SP> pathname", "RFC 775";
    Xcup "XCUP", None, None, "", "RFC 775";
    Xpwd "XPWD", None, None, "", "RFC 775";
    Xmkd "XMKD", Name, None, "<SP> pathname", "RFC 775";
    Xrmd "XRMD", Name, None, "<SP> pathname", "RFC 775";

    // Transfer parameters.
    Type "TYPE" Keep, Parameter, None, "<SP> type-code (A, E, I or L n)", "RFC 959";
    Mode "MODE" Keep, Parameter, None, "<SP> mode-code (S, B, C or Z)", "RFC 959";
    Stru "STRU" Keep, Parameter, None, "<SP> structure-code (F, R or P)", "RFC 959";
    Port "PORT" Keep, Parameter, None, "<SP> h1,h2,h3,h4,p1,p2", "RFC 959";
    Pasv "PASV" Keep, None, None, "", "RFC 959";
    Eprt "EPRT" Keep, Parameter, Some("EPRT"), "<SP> |family|address|port|", "RFC 2428";
    Epsv "EPSV" Keep, OptionalParameter, Some("EPSV"), "[<SP> (1, 2 or ALL)]", "RFC 2428";
    Lprt "LPRT" Keep, Parameter, None, "<SP> af,hal,h1,...,pal,p1,...", "RFC 1639";
    Lpsv "LPSV" Keep, None, None, "", "RFC 1639";
    Spsv "SPSV" Off, OptionalParameter, None, "", "field practice";
    Xpsv "XPSV" Keep, Parameter, Some("XPSV"),
        "<SP> identifier (16 to 64 letters and digits)", "this server";
    Xdtp "XDTP" Free, Parameter, None,
        "<SP> identifier (16 to 64 letters and digits)", "this server";
    Cpsv "CPSV" Keep, None, Some("CPSV"), "", "field practice";
    Sscn "SSCN" Keep, OptionalParameter, Some("SSCN"), "[<SP> ON or OFF]", "field practice";
    Pret "PRET", Name, None, "<SP> command", "field practice";
    Rest "REST" Keep, Parameter, Some("REST STREAM"), "<SP> offset", "RFC 3659";
    Rang "RANG" Keep, Parameter, Some("RANG STREAM"), "<SP> start <SP> end", "bryan-ftp-range";
    Opts "OPTS" Free Keep Mid, Parameter, None,
        "<SP> command [<SP> options] (UTF8, MLST, HASH, MODE Z, REST)", "RFC 2389";
    Allo "ALLO", Parameter, None, "<SP> decimal-integer [<SP> R <SP> decimal-integer]", "RFC 959";
    Lang "LANG" Free Mid, OptionalParameter, Some("LANG"), "[<SP> language-tag]", "RFC 2640";

    // Transfers.
    Retr "RETR" Data, Name, None, "<SP> pathname", "RFC 959";
    Stor "STOR" Data, Name, None, "<SP> pathname", "RFC 959";
    Appe "APPE" Data, Name, None, "<SP> pathname", "RFC 959";
    Stou "STOU" Data, OptionalName, None, "[<SP> name]", "RFC 1123";
    List "LIST" Data, OptionalName, None, "[<SP> pathname]", "RFC 959";
    Nlst "NLST" Data, OptionalName, None, "[<SP> pathname]", "RFC 959";
    Mlsd "MLSD" Data, OptionalName, None, "[<SP> pathname]", "RFC 3659";
    Thmb "THMB" Data Off, Parameter, None,
        "<SP> format <SP> width <SP> height <SP> pathname", "peterson-streamlined-ftp";

    // Files and information.
    Abor "ABOR", None, None, "", "RFC 959";
    Dele "DELE", Name, None, "<SP> pathname", "RFC 959";
    Rmd "RMD", Name, None, "<SP> pathname", "RFC 959";
    Mkd "MKD", Name, None, "<SP> pathname", "RFC 959";
    Rnfr "RNFR", Name, None, "<SP> pathname", "RFC 959";
    Rnto "RNTO", Name, None, "<SP> pathname", "RFC 959";
    Size "SIZE" Keep, Name, Some("SIZE"), "<SP> pathname", "RFC 3659";
    Mdtm "MDTM" Keep, Name, Some("MDTM"), "<SP> pathname", "RFC 3659";
    Mfmt "MFMT", Name, Some("MFMT"), "<SP> YYYYMMDDHHMMSS <SP> pathname", "somers-ftp-mfxx";
    Mfct "MFCT", Name, Some("MFCT"), "<SP> YYYYMMDDHHMMSS <SP> pathname", "somers-ftp-mfxx";
    Mff "MFF", Name, Some("MFF Modify;UNIX.group;UNIX.mode;UNIX.owner;"),
        "<SP> fact=value; <SP> pathname", "somers-ftp-mfxx";
    Mlst "MLST", OptionalName, Some("MLST"), "[<SP> pathname]", "RFC 3659";
    Feat "FEAT" Free Mid, NoneStrict, None, "", "RFC 2389";
    Syst "SYST" Free Mid, None, None, "", "RFC 959";
    Stat "STAT", OptionalName, None, "[<SP> pathname]", "RFC 959";
    Help "HELP" Free Mid, OptionalParameter, None, "[<SP> command]", "RFC 959";
    Noop "NOOP" Free Keep Mid, None, None, "", "RFC 959";
    Clnt "CLNT" Free Mid, OptionalParameter, Some("CLNT"), "<SP> client-name", "field practice";
    Csid "CSID" Free Mid, Parameter, Some("CSID"), "<SP> fact=value;", "peterson-streamlined-ftp";
    Avbl "AVBL", OptionalName, Some("AVBL"), "[<SP> pathname]", "peterson-streamlined-ftp";
    Dsiz "DSIZ", Name, Some("DSIZ"), "<SP> pathname", "peterson-streamlined-ftp";
    Rmda "RMDA", Name, Some("RMDA directoryname"), "<SP> pathname", "peterson-streamlined-ftp";
    Comb "COMB", Name, Some("COMB target;source_list"),
        "<SP> target <SP> source [<SP> source ...]", "peterson-streamlined-ftp";
    Hash "HASH", Name, Some("HASH"), "<SP> pathname", "bryan-ftpext-hash";
    Xcrc "XCRC", Name, Some("XCRC filename;start;end"),
        "<SP> pathname [<SP> start <SP> end]", "field practice";
    Xmd5 "XMD5", Name, Some("XMD5 filename;start;end"),
        "<SP> pathname [<SP> start <SP> end]", "field practice";
    Xsha "XSHA", Name, Some("XSHA filename;start;end"),
        "<SP> pathname [<SP> start <SP> end]", "field practice";
    Xsha1 "XSHA1", Name, Some("XSHA1 filename;start;end"),
        "<SP> pathname [<SP> start <SP> end]", "field practice";
    Xsha256 "XSHA256", Name, Some("XSHA256 filename;start;end"),
        "<SP> pathname [<SP> start <SP> end]", "field practice";
    Xsha512 "XSHA512", Name, Some("XSHA512 filename;start;end"),
        "<SP> pathname [<SP> start <SP> end]", "field practice";
    Md5 "MD5", Name, Some("MD5"), "<SP> pathname", "twine-ftpmd5";
    Mmd5 "MMD5", Name, Some("MMD5"), "<SP> pathname [, pathname ...]", "twine-ftpmd5";
    Algs "ALGS" Off, OptionalParameter, None, "", "RFC 6384";
    Xquota "XQUOTA" Off, None, None, "", "field practice";
    Open "OPEN" Free Off, Parameter, None, "<SP> host-name", "field practice";
    Site "SITE", Name, None, "<SP> subcommand (SITE HELP lists them)", "RFC 959";

    // The mail that FTP once carried (RFC 765) and the oldest experiments: known, never served.
    Mail "MAIL" Off, OptionalParameter, None, "", "RFC 765";
    Msnd "MSND" Off, OptionalParameter, None, "", "RFC 765";
    Msom "MSOM" Off, OptionalParameter, None, "", "RFC 765";
    Msam "MSAM" Off, OptionalParameter, None, "", "RFC 765";
    Mrsq "MRSQ" Off, OptionalParameter, None, "", "RFC 765";
    Mrcp "MRCP" Off, OptionalParameter, None, "", "RFC 765";
    Mlfl "MLFL" Off, OptionalParameter, None, "", "RFC 765";
    Xsen "XSEN" Off, OptionalParameter, None, "", "RFC 737";
    Xsem "XSEM" Off, OptionalParameter, None, "", "RFC 737";
    Xmas "XMAS" Off, OptionalParameter, None, "", "RFC 737";
    Xrsq "XRSQ" Off, OptionalParameter, None, "", "RFC 743";
    Xrcp "XRCP" Off, OptionalParameter, None, "", "RFC 743";
}

impl Verb {
    /// The verb's row in [`VERBS`].
    #[must_use]
    pub fn info(self) -> &'static VerbInfo {
        VERBS.get(self as usize).unwrap_or(&UNKNOWN)
    }

    /// The name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// Finds a verb by its name, in any case. `P@SW` is what some firewalls make of PASV, and the
    /// servers people know accept it.
    #[must_use]
    pub fn find(name: &[u8]) -> Option<Self> {
        if name.eq_ignore_ascii_case(b"P@SW") {
            return Some(Self::Pasv);
        }
        let key = key(name);
        let at = KEYS.iter().position(|known| *known == key).filter(|_| key != 0)?;
        VERBS.get(at).map(|info| info.verb)
    }
}

/// A name of at most eight octets in capitals as a number, so that finding one among all takes a
/// look at each and no more; 0 for longer ones.
const fn key(name: &[u8]) -> u64 {
    let (mut key, mut rest) = (0, name);
    if name.len() > 8 {
        return 0;
    }
    while let [first, behind @ ..] = rest {
        key = key << 8 | first.to_ascii_uppercase() as u64;
        rest = behind;
    }
    key
}

/// The keys of [`VERBS`], in its order.
static KEYS: [u64; VERBS.len()] = {
    let mut keys = [0; VERBS.len()];
    let (mut at, mut rest) = (0, VERBS);
    while let ([info, behind @ ..], true) = (rest, at < keys.len()) {
        keys[at] = key(info.name.as_bytes());
        (at, rest) = (at + 1, behind);
    }
    keys
};

/// Stands in for a row that cannot be missing; a test holds the table to its order.
static UNKNOWN: VerbInfo = flags(Verb::Noop, &[Flag::Off]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_finds_its_own_row_in_any_case() {
        for (i, info) in VERBS.iter().enumerate() {
            assert_eq!(info.verb as usize, i, "{}", info.name);
            assert_eq!(Verb::find(info.name.as_bytes()), Some(info.verb));
            assert_eq!(Verb::find(info.name.to_lowercase().as_bytes()), Some(info.verb));
            assert!((3..=7).contains(&info.name.len()) && !info.source.is_empty());
        }
        assert_eq!(Verb::find(b"p@sw"), Some(Verb::Pasv));
        assert_eq!(Verb::find(b"XYZZY"), None);
    }

    #[test]
    fn only_served_verbs_are_announced() {
        assert!(VERBS.iter().all(|v| v.served || v.feat.is_none()));
    }

    #[test]
    fn a_verb_that_uses_a_data_connection_needs_a_login_and_uses_up_rest() {
        assert!(VERBS.iter().filter(|v| v.data).all(|v| v.login && v.restart == Restart::Clears));
    }
}
