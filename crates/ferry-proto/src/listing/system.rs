//! What SYST tells about a server's system (RFC 959 §4.1.3), as far as it says which listings to
//! expect. The text is free, so it is searched for words.

/// A family of systems whose listings look alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub enum System {
    /// Unix, Linux and all who claim to be one.
    Unix,
    /// Windows; its listings look like MS-DOS' or like Unix'.
    Windows,
    /// OpenVMS.
    Vms,
    /// z/OS and its ancestors.
    Mvs,
    /// z/VM with CMS.
    ZVm,
    /// IBM i, once AS/400.
    Os400,
    /// HPE NonStop, once Tandem.
    NonStop,
    /// OS/2.
    Os2,
    /// NetWare.
    NetWare,
    /// Mac OS before X.
    MacOs,
    /// VxWorks.
    VxWorks,
    /// OS-9.
    Os9,
    /// SYST failed or says nothing known.
    #[default]
    Unknown,
}

/// Words in lower case and what they mean; the first that occurs decides. Words that stand in
/// others' texts come after those: `UNIX emulated by Windows` is Windows.
const WORDS: [(&str, System); 24] = [
    ("z/vm", System::ZVm),
    ("vm/esa", System::ZVm),
    ("cms", System::ZVm),
    ("nonstop", System::NonStop),
    ("tandem", System::NonStop),
    ("guardian", System::NonStop),
    ("os/400", System::Os400),
    ("as/400", System::Os400),
    ("ibm i", System::Os400),
    ("mvs", System::Mvs),
    ("z/os", System::Mvs),
    ("os/390", System::Mvs),
    ("vms", System::Vms),
    ("os/2", System::Os2),
    ("netware", System::NetWare),
    ("vxworks", System::VxWorks),
    ("os-9", System::Os9),
    ("os9", System::Os9),
    ("macos", System::MacOs),
    ("mac os", System::MacOs),
    ("windows", System::Windows),
    ("win32", System::Windows),
    ("ms-dos", System::Windows),
    ("unix", System::Unix),
];

impl System {
    /// Whether LIST may be given `-a` there without being taken for a name or a pattern.
    #[must_use]
    pub const fn takes_list_options(self) -> bool {
        matches!(self, Self::Unix | Self::Unknown)
    }

    /// Whether a listing can be read in TYPE I: octets are octets and text is ASCII.
    #[must_use]
    pub const fn lists_in_image(self) -> bool {
        matches!(self, Self::Unix | Self::Windows | Self::Unknown)
    }

    /// Reads the text of a reply to SYST, with or without its code.
    ///
    /// ```
    /// use ferry_proto::listing::System;
    /// assert_eq!(System::of_syst(b"215 UNIX Type: L8"), System::Unix);
    /// assert_eq!(System::of_syst(b"215 Windows_NT"), System::Windows);
    /// ```
    #[must_use]
    pub fn of_syst(text: &[u8]) -> Self {
        let holds = |word: &&(&str, Self)| {
            let part = word.0.as_bytes();
            text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
        };
        WORDS.iter().find(holds).map_or(Self::Unknown, |(_, system)| *system)
    }

    /// Whether `\` separates directories there, so that no name may hold it.
    #[must_use]
    pub const fn backslash_separates(self) -> bool {
        matches!(self, Self::Windows | Self::Os2 | Self::NetWare)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syst_is_searched_for_words() {
        let cases = [
            ("215 UNIX Type: L8", System::Unix),
            ("UNIX emulated by FileZilla", System::Unix),
            ("215 Windows_NT version 5.0", System::Windows),
            ("215 UNIX emulated on Windows", System::Windows),
            ("215 VMS system type. VMS V8.4", System::Vms),
            ("200 OpenVMS", System::Vms),
            ("215 MVS is the operating system of this server.", System::Mvs),
            ("215 z/VM 7.3 is the operating system", System::ZVm),
            ("215 VM/ESA Version 2", System::ZVm),
            (" OS/400 is the remote operating system.", System::Os400),
            ("215 NonStop Guardian", System::NonStop),
            ("215 NETWARE Type : L8", System::NetWare),
            ("215 MACOS NetPresenz", System::MacOs),
            ("215 OS/2 operating system", System::Os2),
            ("215 VxWorks5.4", System::VxWorks),
            ("215 OS-9/68000", System::Os9),
            ("502 what?", System::Unknown),
            ("", System::Unknown),
        ];
        for (text, want) in cases {
            assert_eq!(System::of_syst(text.as_bytes()), want, "{text}");
        }
    }
}
