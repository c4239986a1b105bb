//! The states of a session, each with the commands that lead there and what holds in it.

/// How far the login is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    Out,
    /// After USER.
    Named,
    /// After 332.
    NeedsAcct,
    In,
    /// Logged in; changes need ACCT.
    WantsAcct,
}

/// What goes on while the command arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Busy {
    No,
    /// A transfer.
    Moving,
    /// A transfer that ABOR is stopping.
    Aborting,
    /// Long work without a data connection.
    Working,
}

/// What else holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Has {
    /// The control connection is under TLS.
    Secured,
    /// It was, until CCC.
    Cleared,
    /// The client showed a certificate: that of carol.
    Certified,
    Pbsz,
    Private,
    EpsvAll,
    Renaming,
    Copying,
    Rest,
    Rang,
    /// What is sent is the file as it is: TYPE I, STRU F, MODE S.
    Image,
    /// MODE B; and a data connection that an earlier transfer left open.
    Block,
    Kept,
    /// STRU R.
    Records,
    /// STRU P; and in bytes too small for it.
    Pages,
    NoPages,
    /// A passive port or an address for the next transfer.
    Prepared,
    Implicit,
    /// The client comes over IPv6.
    V6,
    /// The name that USER gave is of an account that needs ACCT.
    AsksForAcct,
    /// The next wrong password is the last; the next line that is too long is.
    LastPassword,
    LastLongLine,
    /// What the operator decided: without a certificate; login, or data, only under TLS; no
    /// default data port; LPRT and LPSV; CCC.
    NoTls,
    LoginNeedsTls,
    DataNeedsTls,
    NoDefaultPort,
    LongAddresses,
    CccAllowed,
    /// A balancer is trusted, so that XPSV and XDTP are not served.
    Balanced,
    /// The operator lets data move between servers; the account may, too.
    Fxp,
    Partners,
}

/// One state.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) title: &'static str,
    /// The way there.
    pub(crate) lines: &'static [&'static str],
    pub(crate) login: Login,
    pub(crate) busy: Busy,
    pub(crate) has: &'static [Has],
}

impl State {
    pub(crate) fn has(&self, what: Has) -> bool {
        self.has.contains(&what)
    }

    pub(crate) fn is_logged_in(&self) -> bool {
        matches!(self.login, Login::In | Login::WantsAcct)
    }
}

macro_rules! states {
    ($($title:literal: $login:ident $busy:ident [$($has:ident)*] [$($line:literal)*];)*) => {
        /// Every state.
        pub(crate) static STATES: &[State] = &[$(State {
            title: $title,
            lines: &[$($line),*],
            login: Login::$login,
            busy: Busy::$busy,
            has: &[$(Has::$has),*],
        }),*];
    };
}

states! {
    "before the first command": Out No [] [];
    "after a NOOP": Out No [] ["NOOP"];
    "after USER": Named No [] ["USER alice"];
    "after USER and NOOP": Named No [] ["USER alice" "NOOP"];
    "after USER of an account with ACCT": Named No [AsksForAcct] ["USER needs"];
    "before the last password": Named No [LastPassword]
        ["USER alice" "PASS a" "USER bob" "PASS b" "USER alice"];
    "after a wrong password": Out No [] ["USER alice" "PASS wrong"];
    "when ACCT is needed to log in": NeedsAcct No [] ["USER needs" "PASS secret"];
    "after a wrong ACCT": Out No [] ["USER needs" "PASS secret" "ACCT wrong"];
    "before the last long line": In No [LastLongLine]
        ["USER alice" "PASS secret" "LONG" "LONG"];
    "logged in": In No [] ["USER alice" "PASS secret"];
    "when ACCT is needed to write": WantsAcct No [] ["USER writes" "PASS secret"];
    "in TYPE I": In No [Image] ["USER alice" "PASS secret" "TYPE I"];
    "in TYPE E": In No [] ["USER alice" "PASS secret" "TYPE E"];
    "in TYPE L 36": In No [] ["USER alice" "PASS secret" "TYPE L 36"];
    "in MODE B": In No [Block] ["USER alice" "PASS secret" "TYPE I" "MODE B"];
    "in MODE C": In No [] ["USER alice" "PASS secret" "TYPE I" "MODE C"];
    "in MODE Z": In No [] ["USER alice" "PASS secret" "TYPE I" "MODE Z"];
    "in STRU R": In No [Records] ["USER alice" "PASS secret" "TYPE I" "STRU R"];
    "in STRU P": In No [Pages] ["USER alice" "PASS secret" "TYPE I" "STRU P"];
    "in STRU P of small bytes": In No [Pages NoPages]
        ["USER alice" "PASS secret" "TYPE L 3" "STRU P"];
    "with a data connection kept": In No [Block Kept]
        ["USER alice" "PASS secret" "MODE B" "RETR f"];
    "with a data connection no longer kept": In No []
        ["USER alice" "PASS secret" "MODE B" "RETR f" "MODE S"];
    "while a transfer in MODE B runs": In Moving [Block Kept]
        ["USER alice" "PASS secret" "MODE B" "PASV" "RETR f"];
    "after RNFR": In No [Renaming] ["USER alice" "PASS secret" "RNFR f"];
    "after SITE CPFR": In No [Copying] ["USER alice" "PASS secret" "SITE CPFR f"];
    "after REST": In No [Rest Image] ["USER alice" "PASS secret" "TYPE I" "REST 5"];
    "after RANG": In No [Rest Rang Image] ["USER alice" "PASS secret" "TYPE I" "RANG 2 9"];
    "after RANG and TYPE A": In No [Rest Rang]
        ["USER alice" "PASS secret" "TYPE I" "RANG 2 9" "TYPE A"];
    "after EPSV ALL": In No [EpsvAll] ["USER alice" "PASS secret" "EPSV ALL"];
    "with a passive port": In No [Prepared] ["USER alice" "PASS secret" "PASV"];
    "with a data connection expected by name": In No [Prepared]
        ["USER alice" "PASS secret" "XPSV 0123456789abcdef"];
    "with an address of PORT": In No [Prepared]
        ["USER alice" "PASS secret" "PORT 192,0,2,9,156,64"];
    "without a data port": In No [NoDefaultPort] ["USER alice" "PASS secret"];
    "while a transfer runs": In Moving [] ["USER alice" "PASS secret" "PASV" "RETR f"];
    "while an upload runs": In Moving [] ["USER alice" "PASS secret" "STOU"];
    "while a transfer is stopped": In Aborting [] ["USER alice" "PASS secret" "RETR f" "ABOR"];
    "while a file is hashed": In Working [] ["USER alice" "PASS secret" "HASH f"];
    "while a tree is removed": In Working [] ["USER alice" "PASS secret" "RMDA d"];
    "under TLS": Out No [Secured] ["AUTH TLS"];
    "under TLS with PBSZ": Out No [Secured Pbsz] ["AUTH TLS" "PBSZ 0"];
    "under TLS after USER": Named No [Secured] ["AUTH TLS" "USER alice"];
    "under TLS with a certificate": Out No [Secured Certified] ["AUTH TLS"];
    "with the certificate of another": Named No [Secured Certified] ["AUTH TLS" "USER alice"];
    "logged in by certificate": In No [Secured Certified] ["AUTH TLS" "USER carol"];
    "logged in by password in spite of a certificate": In No [Secured Certified]
        ["AUTH TLS" "USER alice" "PASS secret"];
    "logged in under TLS": In No [Secured Pbsz Private]
        ["AUTH TLS" "PBSZ 0" "PROT P" "USER alice" "PASS secret"];
    "under implicit TLS": Out No [Implicit Secured Pbsz Private] [];
    "logged in under implicit TLS": In No [Implicit Secured Pbsz Private]
        ["USER alice" "PASS secret"];
    "after AUTH SSL": Out No [Secured Pbsz Private] ["AUTH SSL"];
    "where CCC is allowed": In No [Secured CccAllowed] ["AUTH TLS" "USER alice" "PASS secret"];
    "after CCC": In No [Cleared CccAllowed] ["AUTH TLS" "USER alice" "PASS secret" "CCC"];
    "after REIN": Out No [] ["USER alice" "PASS secret" "EPSV ALL" "REIN"];
    "after REIN under TLS": Out No [] ["AUTH TLS" "USER alice" "PASS secret" "REIN"];
    "after REIN under implicit TLS": Out No [Implicit Secured Pbsz Private]
        ["USER alice" "PASS secret" "REIN"];
    "after HOST": Out No [] ["HOST example.org"];
    "after ABOR with nothing to stop": In No [] ["USER alice" "PASS secret" "PASV" "ABOR"];
    "after QUIT's neighbours": In No [] ["USER alice" "PASS secret" "STAT" "HELP" "FEAT"];
    "in German": In No [] ["LANG de" "USER alice" "PASS secret"];
    "without a certificate": Out No [NoTls] ["AUTH TLS"];
    "where login needs TLS": Out No [LoginNeedsTls] ["NOOP"];
    "where data needs TLS": In No [DataNeedsTls] ["USER alice" "PASS secret"];
    "where data needs TLS and has it": In No [DataNeedsTls Secured Pbsz Private]
        ["AUTH TLS" "PBSZ 0" "PROT P" "USER alice" "PASS secret"];
    "where others may use partners": In No [Fxp Secured Pbsz Private]
        ["AUTH TLS" "PBSZ 0" "PROT P" "USER alice" "PASS secret"];
    "with partners": In No [Fxp Partners] ["USER pat" "PASS secret"];
    "with partners under TLS": In No [Fxp Partners Secured Pbsz Private]
        ["AUTH TLS" "PBSZ 0" "PROT P" "USER pat" "PASS secret"];
    "with partners and PROT C": In No [Fxp Partners Secured]
        ["AUTH TLS" "USER pat" "PASS secret"];
    "after SSCN": In No [Fxp Partners Secured Pbsz Private]
        ["AUTH TLS" "PBSZ 0" "PROT P" "USER pat" "PASS secret" "SSCN ON"];
    "after CPSV": In No [Fxp Partners Secured Pbsz Private Prepared]
        ["AUTH TLS" "PBSZ 0" "PROT P" "USER pat" "PASS secret" "CPSV"];
    "with partners after EPSV ALL": In No [Fxp Partners Secured Pbsz Private EpsvAll]
        ["AUTH TLS" "PBSZ 0" "PROT P" "USER pat" "PASS secret" "EPSV ALL"];
    "with partners over IPv6": In No [Fxp Partners Secured Pbsz Private V6]
        ["AUTH TLS" "PBSZ 0" "PROT P" "USER pat" "PASS secret"];
    "with partners after CCC": In No [Fxp Partners Cleared CccAllowed Private]
        ["AUTH TLS" "PBSZ 0" "PROT P" "USER pat" "PASS secret" "CCC"];
    "behind a balancer": Out No [Balanced] [];
    "logged in behind a balancer": In No [Balanced] ["USER alice" "PASS secret"];
    "over IPv6": In No [V6] ["USER alice" "PASS secret"];
    "with long addresses": In No [LongAddresses] ["USER alice" "PASS secret"];
    "with long addresses over IPv6": In No [LongAddresses V6] ["USER alice" "PASS secret"];
    "with long addresses after EPSV ALL": In No [LongAddresses EpsvAll]
        ["USER alice" "PASS secret" "EPSV ALL"];
}
