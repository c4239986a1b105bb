//! What is written into a symbolic link that leads to a path of the same storage.

use ferry_proto::path::FtpPath;

/// The text of a symbolic link at `path` that leads to `target`: relative, so that it says the
/// same wherever the root is mounted.
pub(crate) fn link_text(path: &FtpPath, target: &FtpPath) -> Vec<u8> {
    let parent = path.parent().unwrap_or_else(FtpPath::root);
    let common = parent.components().zip(target.components()).take_while(|(a, b)| a == b).count();
    let ups = parent.components().skip(common).map(|_| &b".."[..]);
    let parts: Vec<&[u8]> = ups.chain(target.components().skip(common)).collect();
    if parts.is_empty() { b".".to_vec() } else { parts.join(&b'/') }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_the_way_from_its_own_directory() {
        let p = |s: &str| FtpPath::new(s.as_bytes()).unwrap();
        let cases = [
            ("/l", "/f", "f"),
            ("/a/l", "/f", "../f"),
            ("/a/l", "/a/f", "f"),
            ("/a/b/l", "/a/c/d", "../c/d"),
            ("/l", "/", "."),
            ("/a/l", "/", ".."),
            ("/a/l", "/a", "."),
            ("/a/b/l", "/a", ".."),
            ("/ab/l", "/a/f", "../a/f"),
        ];
        for (path, target, want) in cases {
            assert_eq!(link_text(&p(path), &p(target)), want.as_bytes(), "{path} -> {target}");
        }
    }
}
