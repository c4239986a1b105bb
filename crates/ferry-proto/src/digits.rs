//! Numbers in lines that are written by the hundred thousand. The general way of formatting took a
//! third of the time that a listing spends outside the system.

/// The most digits of a 64-bit number, which are those of base 2.
const DIGITS_MAX: usize = 64;

/// Appends `value` in `BASE` (2 to 16), with `pad` before it up to `width` octets.
pub(crate) fn write<const BASE: u64>(value: u64, width: usize, pad: u8, out: &mut Vec<u8>) {
    let mut digits = [pad; DIGITS_MAX];
    let (mut left, mut from) = (value, DIGITS_MAX);
    for digit in digits.iter_mut().rev() {
        let value = u8::try_from(left % BASE).unwrap_or_default();
        *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        left /= BASE;
        from -= 1;
        if left == 0 {
            break;
        }
    }
    let from = from.min(DIGITS_MAX.saturating_sub(width));
    out.extend_from_slice(digits.get(from..).unwrap_or_default());
}

/// Appends `value` as people write it.
pub(crate) fn decimal(value: u64, out: &mut Vec<u8>) {
    write::<10>(value, 1, b'0', out);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written<const BASE: u64>(value: u64, width: usize, pad: u8) -> String {
        let mut out = b"=".to_vec();
        write::<BASE>(value, width, pad, &mut out);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn numbers_look_as_the_general_way_has_them(
            value: u64,
            shift in 0..64_u32,
            width in 0..20_usize,
        ) {
            let value = value >> shift;
            prop_assert_eq!(written::<10>(value, width, b' '), format!("={value:>width$}"));
            prop_assert_eq!(written::<10>(value, width, b'0'), format!("={value:0width$}"));
            prop_assert_eq!(written::<16>(value, width, b'0'), format!("={value:0width$x}"));
            prop_assert_eq!(written::<8>(value, width, b'0'), format!("={value:0width$o}"));
        }
    }
}
