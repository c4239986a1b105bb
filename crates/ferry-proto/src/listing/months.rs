//! The names of months in the languages that listings are written in, as the C libraries of the
//! world abbreviate them, and the numbered months of East Asia.

/// One line per language, twelve words each; `/` separates ways to write one month. Lower case.
const LANGUAGES: [&str; 14] = [
    // English
    "jan/january feb/february mar/march apr/april may jun/june jul/july aug/august \
     sep/sept/september oct/october nov/november dec/december",
    // German
    "jan/januar/jän/jänner feb/februar mär/märz/mrz apr/april mai jun/juni jul/juli aug/august \
     sep/sept/september okt/oktober nov/november dez/dezember",
    // French
    "janv/janvier/jan févr/fév/février/fevr mars/mar avr/avril mai juin/jun juil/juillet/jul \
     août/aoû/aout sept/septembre oct/octobre nov/novembre déc/décembre/dec",
    // Italian
    "gen/gennaio feb/febbraio mar/marzo apr/aprile mag/maggio giu/giugno lug/luglio ago/agosto \
     set/settembre ott/ottobre nov/novembre dic/dicembre",
    // Spanish
    "ene/enero feb/febrero mar/marzo abr/abril may/mayo jun/junio jul/julio ago/agosto \
     sep/sept/septiembre oct/octubre nov/noviembre dic/diciembre",
    // Portuguese
    "jan/janeiro fev/fevereiro mar/março abr/abril mai/maio jun/junho jul/julho ago/agosto \
     set/setembro out/outubro nov/novembro dez/dezembro",
    // Dutch
    "jan/januari feb/februari mrt/maart/maa apr/april mei jun/juni jul/juli aug/augustus \
     sep/sept/september okt/oktober nov/november dec/december",
    // Polish
    "sty/stycznia/styczeń lut/lutego/luty mar/marca/marzec kwi/kwietnia/kwiecień maj/maja \
     cze/czerwca/czerwiec lip/lipca/lipiec sie/sierpnia/sierpień wrz/września/wrzesień \
     paź/października/październik lis/listopada gru/grudnia/grudzień",
    // Russian
    "янв/января/январь фев/февр/февраля/февраль мар/марта/март апр/апреля/апрель май/мая \
     июн/июня/июнь июл/июля/июль авг/августа/август сен/сент/сентября/сентябрь \
     окт/октября/октябрь ноя/нояб/ноября/ноябрь дек/декабря/декабрь",
    // Czech
    "led/leden/ledna úno/únor/února bře/březen/března dub/duben/dubna kvě/květen/května \
     čen/čvn/červen/června čec/čvc/červenec/července srp/srpen/srpna zář/září říj/říjen/října \
     lis/listopad/listopadu pro/prosinec/prosince",
    // Finnish
    "tammi/tammikuu/tammikuuta helmi/helmikuu/helmikuuta maalis/maaliskuu/maaliskuuta \
     huhti/huhtikuu/huhtikuuta touko/toukokuu/toukokuuta kesä/kesäkuu/kesäkuuta \
     heinä/heinäkuu/heinäkuuta elo/elokuu/elokuuta syys/syyskuu/syyskuuta loka/lokakuu/lokakuuta \
     marras/marraskuu/marraskuuta joulu/joulukuu/joulukuuta",
    // Swedish
    "jan/januari feb/februari mar/mars apr/april maj jun/juni jul/juli aug/augusti \
     sep/sept/september okt/oktober nov/november dec/december",
    // Danish and Norwegian
    "jan/januar feb/februar mar/marts/mars apr/april maj/mai jun/juni jul/juli aug/august \
     sep/sept/september okt/oktober nov/november dec/des/december/desember",
    // Hungarian
    "jan/január febr/feb/február márc/már/március ápr/április máj/május jún/június júl/július \
     aug/augusztus szept/szep/szeptember okt/október nov/november dec/december",
];

/// How an octet above 7F reads in a charset.
type Decode = fn(u8) -> char;

/// The charsets of one octet in which these names are met.
const CHARSETS: [Decode; 6] = [latin1, latin2, cp1251, koi8, cp866, iso_5];

/// The number, 1–12, of a month that is written by name; `.` or `,` may follow it.
pub(super) fn number(word: &[u8]) -> Option<u8> {
    let word = word.strip_suffix(b",").unwrap_or(word);
    let word = word.strip_suffix(b".").unwrap_or(word);
    // No name is longer than 14 letters of two octets, and none starts with a digit.
    if word.len() < 3 || word.len() > 28 || word.first()?.is_ascii_digit() {
        return None;
    }
    if word.is_ascii() {
        return find(|name| name.as_bytes().eq_ignore_ascii_case(word));
    }
    if let Ok(text) = core::str::from_utf8(word) {
        return find(|name| name.chars().eq(text.chars().flat_map(char::to_lowercase)));
    }
    CHARSETS.iter().find_map(|decode| {
        let text = || word.iter().flat_map(|b| decode(*b).to_lowercase());
        find(|name| name.chars().eq(text()))
    })
}

/// The number of the first month one of whose names `is` it.
fn find(is: impl Fn(&str) -> bool) -> Option<u8> {
    LANGUAGES.iter().find_map(|language| {
        let mut months = language.split(' ');
        let at = months.position(|names| names.split('/').any(&is))?;
        u8::try_from(at + 1).ok()
    })
}

fn latin1(octet: u8) -> char {
    char::from(octet)
}

/// ISO 8859-2 and Windows-1250, as far as months have it.
fn latin2(octet: u8) -> char {
    match octet {
        0xac | 0xbc | 0x8f | 0x9f => 'ź',
        0xa6 | 0xb6 | 0x8c | 0x9c => 'ś',
        0xd1 | 0xf1 => 'ń',
        0xd8 | 0xf8 => 'ř',
        0xcc | 0xec => 'ě',
        0xc8 | 0xe8 => 'č',
        _ => latin1(octet),
    }
}

/// The `at`th letter of the Russian alphabet, counted from `а`.
fn cyrillic(at: u8) -> char {
    char::from_u32(0x430 + u32::from(at)).unwrap_or('\u{fffd}')
}

fn cp1251(octet: u8) -> char {
    match octet {
        0xc0..=0xff => cyrillic((octet - 0xc0) & 31),
        _ => latin1(octet),
    }
}

fn koi8(octet: u8) -> char {
    const ORDER: [char; 32] = [
        'ю', 'а', 'б', 'ц', 'д', 'е', 'ф', 'г', 'х', 'и', 'й', 'к', 'л', 'м', 'н', 'о', 'п', 'я',
        'р', 'с', 'т', 'у', 'ж', 'в', 'ь', 'ы', 'з', 'ш', 'э', 'щ', 'ч', 'ъ',
    ];
    match octet {
        0xc0..=0xff => ORDER.get(usize::from(octet & 31)).copied().unwrap_or('\u{fffd}'),
        _ => latin1(octet),
    }
}

fn cp866(octet: u8) -> char {
    match octet {
        0x80..=0x9f => cyrillic(octet - 0x80),
        0xa0..=0xaf => cyrillic(octet - 0xa0),
        0xe0..=0xef => cyrillic(octet - 0xe0 + 16),
        _ => latin1(octet),
    }
}

fn iso_5(octet: u8) -> char {
    match octet {
        0xb0..=0xef => cyrillic((octet - 0xb0) & 31),
        _ => latin1(octet),
    }
}

/// What a number in a date of Japan, China or Korea counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Year,
    Month,
    Day,
}

/// The characters that follow such numbers, in UTF-8, Shift JIS, EUC-JP, GBK, Big5 and EUC-KR.
const UNITS: [(Unit, &[u8]); 21] = [
    (Unit::Year, "年".as_bytes()),
    (Unit::Month, "月".as_bytes()),
    (Unit::Day, "日".as_bytes()),
    (Unit::Year, "년".as_bytes()),
    (Unit::Month, "월".as_bytes()),
    (Unit::Day, "일".as_bytes()),
    (Unit::Year, b"\x94\x4e"),
    (Unit::Month, b"\x8c\x8e"),
    (Unit::Day, b"\x93\xfa"),
    (Unit::Year, b"\xc7\xaf"),
    (Unit::Month, b"\xb7\xee"),
    (Unit::Day, b"\xc6\xfc"),
    (Unit::Year, b"\xc4\xea"),
    (Unit::Month, b"\xd4\xc2"),
    (Unit::Day, b"\xc8\xd5"),
    (Unit::Year, b"\xa6\x7e"),
    (Unit::Month, b"\xa4\xeb"),
    (Unit::Day, b"\xa4\xe9"),
    (Unit::Year, b"\xb3\xe2"),
    (Unit::Month, b"\xbf\xf9"),
    (Unit::Day, b"\xc0\xcf"),
];

/// A number of up to four digits and its unit at the start of `text`, and what follows them.
pub(super) fn counted(text: &[u8]) -> Option<(Unit, &[u8], &[u8])> {
    let digits = text.iter().position(|b| !b.is_ascii_digit())?;
    let (number, tail) = text.split_at_checked(digits)?;
    if number.is_empty() || number.len() > 4 {
        return None;
    }
    UNITS.iter().find_map(|(unit, sign)| Some((*unit, number, tail.strip_prefix(*sign)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_twelve_months_that_are_found() {
        for language in LANGUAGES {
            assert_eq!(language.split(' ').count(), 12, "{language}");
            for (at, names) in language.split(' ').enumerate() {
                for name in names.split('/') {
                    let want = u8::try_from(at + 1).ok();
                    assert_eq!(number(name.as_bytes()), want, "{name}");
                    assert_eq!(number(name.to_uppercase().as_bytes()), want, "{name}");
                    assert_eq!(number(format!("{name}.,").as_bytes()), want, "{name}");
                }
            }
        }
    }

    #[test]
    fn months_are_found_in_charsets_of_one_octet() {
        let cases: [(&[u8], u8); 13] = [
            (b"M\xe4r", 3),
            (b"M\xc4R", 3),
            (b"f\xe9vr.", 2),
            (b"ao\xfb", 8),
            (b"pa\xbc", 10),
            (b"pa\x9f", 10),
            (b"b\xf8e", 3),
            (b"\xe8en", 6),
            (b"m\xe1rc.", 3),
            (b"\xff\xed\xe2", 1),
            (b"\xcc\xe0\xf0", 3),
            (b"\xc1\xd7\xc7", 8),
            (b"\xc6\xc5\xd7", 2),
        ];
        for (word, want) in cases {
            assert_eq!(number(word).unwrap_or(0), want, "{}", word.escape_ascii());
        }
        assert_eq!(number(b"\xa4\xa5\xaa"), Some(12), "code page 866");
        for wrong in [&b"ma"[..], b"", b"janx", b"1an", b"\xff\xff\xff", b"total"] {
            assert_eq!(number(wrong), None, "{}", wrong.escape_ascii());
        }
    }

    #[test]
    fn numbers_with_units_of_east_asia() {
        let month = "4月".as_bytes();
        assert_eq!(counted(month), Some((Unit::Month, &b"4"[..], &b""[..])));
        let year = "2005년".as_bytes();
        assert_eq!(counted(year), Some((Unit::Year, &b"2005"[..], &b""[..])));
        let shift_jis = b"4\x8c\x8e18\x93\xfa";
        assert_eq!(counted(shift_jis), Some((Unit::Month, &b"4"[..], &b"18\x93\xfa"[..])));
        assert_eq!(counted(b"18\xc6\xfc"), Some((Unit::Day, &b"18"[..], &b""[..])), "EUC-JP");
        assert_eq!(counted(b"18"), None);
        assert_eq!(counted("月".as_bytes()), None);
    }
}
