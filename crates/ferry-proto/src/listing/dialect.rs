//! The kinds of listings, and the order in which they are considered. What a line of each looks
//! like is in its own file.

use super::{Context, Read, System};
use super::{as400, bare, dos, eplf, facts, jes, mvs, netware, nonstop, numeric, os2, os9, pds};
use super::{unix, vms, vshell, vxworks, wfftp, zvm};

/// A kind of listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Facts (MLSD), wherever they come.
    Facts,
    /// `ls -l`.
    Unix,
    /// `dir` of MS-DOS and Windows.
    Dos,
    /// Easily Parsed LIST Format.
    Eplf,
    /// OpenVMS.
    Vms,
    /// IBM i.
    As400,
    /// OS/2.
    Os2,
    /// NetWare.
    NetWare,
    /// HPE NonStop.
    NonStop,
    /// CMS under z/VM.
    ZVm,
    /// VxWorks.
    VxWorks,
    /// VShell.
    VShell,
    /// Data sets of z/OS.
    Mvs,
    /// Members of a partitioned data set of z/OS.
    Pds,
    /// Jobs of z/OS.
    Jes,
    /// OS-9.
    Os9,
    /// `ls -l` in numbers only.
    Numeric,
    /// Routers of Nortel.
    WfFtp,
    /// `ls -l` without dates.
    UnixUndated,
    /// Nothing but names (also NLST).
    Names,
}

impl Dialect {
    /// Those that a listing is tried in, the likelier first; [`Dialect::Names`], in which
    /// everything is a name, only if nothing else knows a line.
    pub(super) const TRIED: [Self; 19] = [
        Self::Facts,
        Self::Unix,
        Self::Dos,
        Self::Eplf,
        Self::Vms,
        Self::As400,
        Self::Os2,
        Self::NetWare,
        Self::NonStop,
        Self::ZVm,
        Self::VxWorks,
        Self::VShell,
        Self::Mvs,
        Self::Pds,
        Self::Jes,
        Self::Os9,
        Self::Numeric,
        Self::WfFtp,
        Self::UnixUndated,
    ];

    /// The ones a system prefers when several know equally many lines.
    pub(super) const fn of_system(system: System) -> &'static [Self] {
        match system {
            System::ZVm => &[Self::ZVm],
            System::NonStop => &[Self::NonStop],
            System::Vms => &[Self::Vms],
            System::Os400 => &[Self::As400],
            System::Mvs => &[Self::Mvs, Self::Pds, Self::Jes],
            System::Windows => &[Self::Dos],
            System::Os2 => &[Self::Os2],
            System::NetWare => &[Self::NetWare],
            System::VxWorks => &[Self::VxWorks],
            System::Os9 => &[Self::Os9],
            System::Unix | System::MacOs | System::Unknown => &[],
        }
    }

    /// Whether `\` separates directories on whatever lists like this.
    pub(super) const fn backslash_separates(self) -> bool {
        matches!(self, Self::Dos | Self::Os2 | Self::NetWare)
    }

    /// Reads one line.
    pub(super) fn read<'a>(self, line: &'a [u8], context: &mut Context) -> Read<'a> {
        match self {
            Self::Facts => facts::read(line, context),
            Self::Unix => unix::read(line, context),
            Self::Dos => dos::read(line, context),
            Self::Eplf => eplf::read(line),
            Self::Vms => vms::read(line, context),
            Self::As400 => as400::read(line, context),
            Self::Os2 => os2::read(line, context),
            Self::NetWare => netware::read(line, context),
            Self::NonStop => nonstop::read(line, context),
            Self::ZVm => zvm::read(line, context),
            Self::VxWorks => vxworks::read(line, context),
            Self::VShell => vshell::read(line, context),
            Self::Mvs => mvs::read(line, context),
            Self::Pds => pds::read(line, context),
            Self::Jes => jes::read(line),
            Self::Os9 => os9::read(line, context),
            Self::Numeric => numeric::read(line),
            Self::WfFtp => wfftp::read(line, context),
            Self::UnixUndated => unix::read_undated(line),
            Self::Names => bare::read(line, context),
        }
    }
}
