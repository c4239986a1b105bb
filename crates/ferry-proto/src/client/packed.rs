//! Which files gain nothing by being compressed on the way, told by their names: they are
//! compressed already, or encrypted, and deflate would only cost time and add a little.

/// Endings of names, in lower case and sorted.
const PACKED: [&[u8]; 82] = [
    b"7z",
    b"aac",
    b"apk",
    b"appimage",
    b"arj",
    b"avi",
    b"avif",
    b"br",
    b"bz2",
    b"cab",
    b"cbr",
    b"cbz",
    b"crx",
    b"dar",
    b"deb",
    b"dmg",
    b"docx",
    b"ear",
    b"epub",
    b"flac",
    b"flv",
    b"gif",
    b"gpg",
    b"gz",
    b"heic",
    b"heif",
    b"ipa",
    b"jar",
    b"jfif",
    b"jpe",
    b"jpeg",
    b"jpg",
    b"jxl",
    b"kdbx",
    b"lha",
    b"lz",
    b"lz4",
    b"lzma",
    b"lzo",
    b"m4a",
    b"m4v",
    b"mkv",
    b"mov",
    b"mp3",
    b"mp4",
    b"mpeg",
    b"mpg",
    b"odp",
    b"ods",
    b"odt",
    b"oga",
    b"ogg",
    b"ogv",
    b"opus",
    b"pack",
    b"pgp",
    b"png",
    b"pptx",
    b"rar",
    b"rpm",
    b"rz",
    b"squashfs",
    b"sz",
    b"taz",
    b"tbz",
    b"tbz2",
    b"tgz",
    b"tlz",
    b"txz",
    b"tzst",
    b"vsix",
    b"war",
    b"webm",
    b"webp",
    b"whl",
    b"wma",
    b"wmv",
    b"xlsx",
    b"xpi",
    b"xz",
    b"zip",
    b"zst",
];

/// The longest of them.
const LONGEST: usize = 8;

/// Whether the name at the end of a path says that the file is compressed already.
#[must_use]
pub fn is_packed(path: &[u8]) -> bool {
    let name = path.rsplit(|octet| *octet == b'/').next().unwrap_or_default();
    // VMS numbers the versions of a file; without a dot, or with nothing before it, there is no
    // ending.
    let name = name.split(|octet| *octet == b';').next().unwrap_or_default();
    let Some(dot) = name.iter().rposition(|octet| *octet == b'.').filter(|dot| *dot > 0) else {
        return false;
    };
    let ending = name.get(dot + 1..).unwrap_or_default();
    if ending.len() > LONGEST {
        return false;
    }
    let ending = ending.to_ascii_lowercase();
    PACKED.binary_search(&ending.as_slice()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_sorted_in_lower_case_and_as_short_as_said() {
        assert!(PACKED.is_sorted());
        assert!(PACKED.iter().all(|e| e.len() <= LONGEST && !e.iter().any(u8::is_ascii_uppercase)));
    }

    #[test]
    fn the_ending_of_the_last_name_tells() {
        let cases: [(&[u8], bool); 14] = [
            (b"/pub/a.zip", true),
            (b"a.tar.gz", true),
            (b"/A.JPG", true),
            (b"/film.Mp4", true),
            (b"BACKUP.ZIP;3", true),
            (b"/a.squashfs", true),
            (b"", false),
            (b"/zip", false),
            (b"/.zip", false),
            (b"/a.zip/readme", false),
            (b"/a.zip.txt", false),
            (b"/a.", false),
            (b"/a.tar", false),
            (b"/a.zipzipzip", false),
        ];
        for (path, want) in cases {
            assert_eq!(is_packed(path), want, "{}", path.escape_ascii());
        }
    }
}
