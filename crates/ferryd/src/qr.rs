//! A URL as a QR code for a terminal.

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

/// `url` as a QR code of half blocks with its quiet zone, lines ended; `None` when it is too long
/// for one.
///
/// Light modules are drawn and dark ones left out, because most terminals are dark.
pub(crate) fn render(url: &str) -> Option<String> {
    let code = QrCode::new(url).ok()?;
    let mut text =
        code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build();
    text.push('\n');
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_square_of_half_blocks() {
        let text = render("ftp://ferry:abcd-efgh-jkmn-pqrs@192.0.2.7:2121/").unwrap();
        let lines: Vec<_> = text.lines().collect();
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == width));
        assert_eq!(lines.len(), width.div_ceil(2));
        assert!(text.chars().all(|c| " ▄▀█\n".contains(c)), "{text}");
        assert!(lines[0].chars().all(|c| c == '█'), "the quiet zone is light");
    }

    #[test]
    fn what_fits_no_code_gives_none() {
        assert_eq!(render(&"x".repeat(5000)), None);
    }
}
