//! A table of lines for each dialect, with what is to be read in them.

use super::*;

#[test]
#[allow(clippy::too_many_lines, reason = "a table")]
fn unix_lines_are_read() {
    check(
        Dialect::Unix,
        System::Unix,
        &[
            (
                b"-rw-r-----   1 mira     dev         48213 Feb  7 09:41 notes v2.txt",
                &["file notes v2.txt size=48213 time=202402070941 mode=640 owner=mira \
                        group=dev links=1"],
            ),
            (
                b"drwxr-xr-x   3 root         512 Oct 19  2019 pub",
                &["dir pub time=20191019 mode=755 owner=root links=3"],
            ),
            (
                b"-rw-r--r-- 1 1004 1004 77 Jan 02 03:04 a",
                &["file a size=77 time=202401020304 mode=644 owner=1004 group=1004 links=1"],
            ),
            (
                b"-rw-r--r-- 9120 Dec 30 11:12 data.bin",
                &["file data.bin size=9120 time=202312301112 mode=644"],
            ),
            (
                b"-rw-r--r--+ 1 u g 10 Jun 1 2020 x",
                &["file x size=10 time=20200601 mode=644 owner=u group=g links=1"],
            ),
            (
                b"81234  16 -rw-r--r-- 1 u g 7001 Jul 15 16:00 y",
                &["file y size=7001 time=202307151600 mode=644 owner=u group=g links=1"],
            ),
            (
                b"crw-rw----  1 root tty    4,  64 Jan  3 10:00 ttyS0",
                &["other ttyS0 time=202401031000 mode=660 owner=root group=tty links=1"],
            ),
            (
                b"-rw-r--r-- 1 u verylonggroup123456789 Aug 9 2018 z",
                &["file z size=123456789 time=20180809 mode=644 owner=u \
                        group=verylonggroup links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 55 2023-11-05 14:22 k.txt",
                &["file k.txt size=55 time=202311051422 mode=644 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 55 2023-11-05 14:22:31.000 +0100 k.txt",
                &["file k.txt size=55 time=20231105132231.000Z mode=644 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 55 05 Nov 14:22 k.txt",
                &["file k.txt size=55 time=202311051422 mode=644 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 55 5. Nov 2023 k.txt",
                &["file k.txt size=55 time=20231105 mode=644 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 55 Nov 05 14:22:31 2023 k.txt",
                &["file k.txt size=55 time=20231105142231 mode=644 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 55 Nov 05 9.51 k.txt",
                &["file k.txt size=55 time=202311050951 mode=644 owner=u group=g links=1"],
            ),
            (
                b"lrwxrwxrwx 1 u g 9 Sep 1 12:00 cur -> rel/2.0",
                &["link>rel/2.0 cur size=9 time=202309011200 mode=777 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 55 M\xC3\xA4r 12 2022 k",
                &["file k size=55 time=20220312 mode=644 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 55 M\xE4r 12 2022 k",
                &["file k size=55 time=20220312 mode=644 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 55 12\xE6\x9C\x88 05 2022 k",
                &["file k size=55 time=20221205 mode=644 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 55 12\x8C\x8E 05\x93\xFA 2022 k",
                &["file k size=55 time=20221205 mode=644 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 55 ao\xC3\xBBt 12 2022 k",
                &["file k size=55 time=20220812 mode=644 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 55 \xFF\xED\xE2 12 2022 k",
                &["file k size=55 time=20220112 mode=644 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 Domain Users staff 812 Feb 2 2020 q",
                &["file q size=812 time=20200202 mode=644 links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 5 Feb 29 2020  two spaces ",
                &["file  two spaces  size=5 time=20200229 mode=644 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 5 Feb 10 24:00 midnight",
                &["file midnight size=5 time=202402110000 mode=644 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 33.5k Oct 5 21:22 n",
                &["file n about=34304 time=202310052122 mode=644 owner=u group=g links=1"],
            ),
            (
                b"-rw-r--r-- 1 u g 5 Jan  1 00:00 a -> b",
                &["file a -> b size=5 time=202401010000 mode=644 owner=u group=g links=1"],
            ),
            (
                b"-------r--      512    20480    20992 Nov 05  2022 Read Me",
                &["file Read Me about=20992 time=20221105 mode=4"],
            ),
            (
                b"drwxrwxr-x          folder        3 Nov 05 14:22 Docs",
                &["dir Docs time=202311051422 mode=775 owner=folder"],
            ),
            (
                b"-rwxr-xr-x 1 u g DISK 77 Jan 02 03:04 a",
                &["file a size=77 time=202401020304 mode=755 owner=u group=g links=1"],
            ),
        ],
    );
}

#[test]
fn dos_lines_are_read() {
    check(
        Dialect::Dos,
        System::Windows,
        &[
            (
                b"11-05-23  02:22PM       <DIR>          Web Root",
                &["dir Web Root time=202311051422"],
            ),
            (
                b"11-05-2023  14:22            10,234 a.txt",
                &["file a.txt size=10234 time=202311051422"],
            ),
            (
                b"04-27-00  12:09AM                 5 midnight",
                &["file midnight size=5 time=200004270009"],
            ),
            (b"04-27-00  12:09PM                 5 noon", &["file noon size=5 time=200004271209"]),
            (b"2002-09-02  18:48       <DIR>          iso", &["dir iso time=200209021848"]),
            (b"23/02/2000  18:48                 7 dmy", &["file dmy size=7 time=200002231848"]),
            (b"18.09.06  18:48                 7 dots", &["file dots size=7 time=200609181848"]),
            (
                b"11-05-23  02:22PM       <JUNCTION>     j [\\??\\C:\\x]",
                &["link>\\\\??\\\\C:\\\\x j time=202311051422"],
            ),
        ],
    );
}

#[test]
fn eplf_lines_are_read() {
    check(
        Dialect::Eplf,
        System::Unknown,
        &[
            (
                b"+i81.4411,m1699194151,r,s10234,up644,\ta.txt",
                &["file a.txt size=10234 time=20231105142231Z mode=644 unique=81.4411"],
            ),
            (b"+m1699194151,/,\tpub", &["dir pub time=20231105142231Z"]),
            (b"+i81,r,\t  spaced ", &["file   spaced  unique=81"]),
        ],
    );
}

#[test]
fn vms_lines_are_read() {
    check(
        Dialect::Vms,
        System::Vms,
        &[
            (
                b"REPORT.TXT;3      12/16      5-NOV-2023 14:22:31  [OPS,MIRA]  (RWED,RE,,)",
                &["file REPORT.TXT about=6144 time=20231105142231 owner=OPS,MIRA"],
            ),
            (
                b"DOCS.DIR;1        1/3        19-NOV-2001 21:41  [OPS,MIRA]  (RWE,RE,,)",
                &["dir DOCS time=200111192141 owner=OPS,MIRA"],
            ),
            (
                b"A_LONG_NAME_THAT_NEEDS_ITS_LINE.TXT;1\r\n\
                \x20     2   5-NOV-2023 14:22  [OPS,MIRA]  (RWED,RE,,)",
                &["file A_LONG_NAME_THAT_NEEDS_ITS_LINE.TXT about=1024 time=202311051422 \
                        owner=OPS,MIRA"],
            ),
            (b"LOGIN.COM;7   %RMS-E-PRV, insufficient privilege", &["file LOGIN.COM"]),
            (
                b"Directory DISK$U:[MIRA]\r\n\
                \r\n\
                A.TXT;2  1  5-NOV-2023 14:22  [MIRA]  (RWED,RE,,)\r\n\
                \r\n\
                Total of 1 file, 1 block.",
                &["file A.TXT about=512 time=202311051422 owner=MIRA"],
            ),
        ],
    );
}

#[test]
fn mvs_lines_are_read() {
    check(
        Dialect::Mvs,
        System::Mvs,
        &[(
            b"Volume Unit    Referred Ext Used Recfm Lrecl BlkSz Dsorg Dsname\r\n\
                WRK007 3390   2023/11/05  1   15  FB      80 27920  PS  PAY.INPUT\r\n\
                WRK007 3390   2023/11/05  1   15  FB      80 27920  PO  PAY.LIB\r\n\
                Migrated                                                PAY.OLD\r\n\
                Pseudo Directory                                        PAY.X",
            &["file PAY.INPUT about=849960", "dir PAY.LIB", "unknown PAY.OLD", "dir PAY.X"],
        )],
    );
}

#[test]
fn pds_lines_are_read() {
    check(Dialect::Pds, System::Mvs, &[
        (
            b" Name     VV.MM   Created       Changed      Size  Init   Mod   Id\r\n\
                PAYCALC   01.04 2023/02/01 2023/11/05 14:22   310   300     0 MIRA\r\n\
                PAYLIST",
            &["file PAYCALC time=202311051422 owner=MIRA", "file PAYLIST"],
        ),
        (
            b" Name      Size   TTR   Alias-of AC --------- Attributes --------- Amode Rmode\r\n\
                IEFBR14   0000A8   000004          00 FO             31    ANY",
            &["file IEFBR14 about=168"],
        ),
    ]);
}

#[test]
fn jes_lines_are_read() {
    check(
        Dialect::Jes,
        System::Mvs,
        &[
            (
                b"JOBNAME  JOBID    OWNER    STATUS CLASS\r\n\
                PAYJOB   JOB04211 MIRA     OUTPUT A        RC=0000 5 spool files",
                &["file JOB04211 owner=MIRA"],
            ),
            (b"PAYJOB    JOB04211  OUTPUT    5 Spool Files", &["file JOB04211"]),
        ],
    );
}

#[test]
fn as400_lines_are_read() {
    check(
        Dialect::As400,
        System::Os400,
        &[
            (
                b"MIRA           20480 11/05/23 14:22:31 *STMF      a.txt",
                &["file a.txt size=20480 time=20231105142231 owner=MIRA"],
            ),
            (
                b"QSYS            4096 05.11.23 14:22:31 *DIR       docs/",
                &["dir docs time=20231105142231 owner=QSYS"],
            ),
            (
                b"MIRA           20480 11/05/23 14:22:31 *FILE      LIB.FILE\r\n\
                MIRA                                   *MEM       LIB.FILE/X.MBR",
                &["dir LIB.FILE time=20231105142231 owner=MIRA"],
            ),
        ],
    );
}

#[test]
fn netware_lines_are_read() {
    check(
        Dialect::NetWare,
        System::NetWare,
        &[
            (
                b"d [RWCEAFMS] mira                 512 Nov 05 14:22 SHARE",
                &["dir SHARE time=202311051422 owner=mira"],
            ),
            (
                b"-[R----F-] mira 8192 Nov 05  2022 X.DAT",
                &["file X.DAT size=8192 time=20221105 owner=mira"],
            ),
        ],
    );
}

#[test]
fn nonstop_lines_are_read() {
    check(
        Dialect::NonStop,
        System::NonStop,
        &[(
            b"File         Code             EOF  Last Modification    Owner  RWEP\r\n\
                PAYLOG        101           20480 05-Nov-23 14:22:31 044,007 \"NUNU\"\r\n\
                PAYOPEN   O   101           20480 05-Nov-23 14:22:31 044,007 \"NUNU\"",
            &[
                "file PAYLOG size=20480 time=20231105142231 owner=044,007",
                "file PAYOPEN size=20480 time=20231105142231 owner=044,007",
            ],
        )],
    );
}

#[test]
fn zvm_lines_are_read() {
    check(
        Dialect::ZVm,
        System::ZVm,
        &[
            (
                b"PROFILE  EXEC     V         71        38          1 2023-11-05 14:22:31 MIRA",
                &["file PROFILE.EXEC time=20231105142231 owner=MIRA"],
            ),
            (
                b"SUBDIR   DIR      -          -         -          - 2023-11-05 14:22:31 -",
                &["dir SUBDIR time=20231105142231 owner=-"],
            ),
        ],
    );
}

#[test]
fn os2_lines_are_read() {
    check(
        Dialect::Os2,
        System::Os2,
        &[
            (
                b"   20480      A    11-05-23   14:22  CONFIG.SYS",
                &["file CONFIG.SYS size=20480 time=202311051422"],
            ),
            (b"       0           DIR   04-23-103  10:57  OS2", &["dir OS2 time=200304231057"]),
        ],
    );
}

#[test]
fn vshell_lines_are_read() {
    check(
        Dialect::VShell,
        System::Unknown,
        &[
            (b"206876  Apr 04, 2021 21:06 VDATA/", &["dir VDATA time=202104042106"]),
            (b"16384  Apr 04, 2021 21:06 a b.txt", &["file a b.txt size=16384 time=202104042106"]),
        ],
    );
}

#[test]
fn vxworks_lines_are_read() {
    check(
        Dialect::VxWorks,
        System::VxWorks,
        &[
            (
                b"       512  JAN-01-2021  00:00:00   FLASH             <DIR>",
                &["dir FLASH time=20210101000000"],
            ),
            (
                b"      7681  MAR-27-2023  14:22:31   startup.txt",
                &["file startup.txt size=7681 time=20230327142231"],
            ),
        ],
    );
}

#[test]
fn os9_lines_are_read() {
    check(
        Dialect::Os9,
        System::Os9,
        &[(
            b"Owner Last modified Attributes Sector Bytecount Name\r\n\
                0.100 23/11/05 1422 d-ewrewr 4C1A 512 CMDS\r\n\
                0.100 23/11/05 1422 --ewrewr 4C1B 77 motd",
            &[
                "dir CMDS time=202311051422 owner=0.100",
                "file motd size=77 time=202311051422 owner=0.100",
            ],
        )],
    );
}
