//! The formats of text: e-mail addresses, URIs and base64.

/// A local part (dot-atom or quoted, RFC 5322) of at most 64 bytes, `@`, and a domain name of at least two labels.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let one_at = !local.contains('@');
    one_at && local.chars().count() <= 64 && is_local(local) && is_domain(domain)
}

fn is_local(local: &str) -> bool {
    if let Some(inner) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return is_quoted(inner);
    }
    let atom_char =
        |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+/=?^_`{}|~-".contains(c) || matches!(c, '\u{a0}'..='\u{24f}');
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(atom_char))
}

/// Between the quotes: no bare quote, backslash, line end or blank; a backslash before a tab or dot.
fn is_quoted(inner: &str) -> bool {
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let plain = match c {
            '\\' => matches!(chars.next(), Some('\t' | '.')),
            '\0' | '\t' | '\n' | '\r' | ' ' | '"' => false,
            c => c.is_ascii() || matches!(c, '\u{a0}'..='\u{24f}'),
        };
        if !plain {
            return false;
        }
    }
    true
}

/// Labels of letters (of any script), digits and inner hyphens, 1 to 63 bytes each; the last ends in a letter and has
/// at least two characters.
fn is_domain(domain: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || (!c.is_ascii() && c.is_alphanumeric());
    let label_char = |c: char| letter(c) || c.is_ascii_digit() || c == '-';
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(label_char)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let Some((_, last)) = domain.rsplit_once('.') else { return false };
    domain.len() <= 253 && domain.split('.').all(is_label) && last.chars().count() >= 2 && last.ends_with(letter)
}

/// A scheme, a colon, and the characters RFC 3986 allows; also those beyond ASCII (RFC 3987).
pub(super) fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let scheme_char = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-');
    let first = scheme.bytes().next().is_some_and(|b| b.is_ascii_alphabetic());
    first && scheme.bytes().all(scheme_char) && has_uri_chars(rest)
}

fn has_uri_chars(rest: &str) -> bool {
    let mut bytes = rest.bytes();
    while let Some(byte) = bytes.next() {
        let allowed = match byte {
            b'%' => {
                let digit = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_hexdigit());
                digit(bytes.next()) && digit(bytes.next())
            }
            0..=b' ' | 0x7f | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
            _ => true,
        };
        if !allowed {
            return false;
        }
    }
    true
}

/// Base64 with padding and nothing else (RFC 4648, section 4).
pub(super) fn is_base64(text: &str) -> bool {
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    text.len().is_multiple_of(4) && digits.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}
