//! The formats of text: e-mail addresses, URIs, base64 and UUIDs.

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

/// Five groups of hexadecimal digits with hyphens between them (RFC 9562, section 4); no braces, no `urn:uuid:`.
pub(super) fn is_uuid(text: &str) -> bool {
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    let fits = |(at, byte): (usize, u8)| if HYPHENS.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(reads: fn(&str) -> bool, right: &[&str], wrong: &[&str]) {
        for text in right {
            assert!(reads(text), "{text:?}");
        }
        for text in wrong {
            assert!(!reads(text), "{text:?}");
        }
    }

    #[test]
    fn email_addresses() {
        check(
            is_email,
            &[
                "a@example.com",
                "a.b+c@x.example.co",
                "\"a.b\"@example.com",
                "\"a\\.b\"@example.com",
                "é@example.com",
                "a@münchen.de",
            ],
            &[
                "",
                "a",
                "@example.com",
                "a@",
                "a@b",
                "a@@b.co",
                "a b@example.com",
                "\"a b\"@example.com",
                "\"a\\b\"@example.com",
                "a@-x.com",
                "a@x-.com",
                "a@x..com",
                "a@example.com.",
                "a@example.c",
                "a@example.c1",
                "a@[127.0.0.1]",
                "a..b@example.com",
                ".a@example.com",
                "a@exa_mple.com",
                "\"@example.com",
            ],
        );
        let local = |length: usize| format!("{}@example.com", "x".repeat(length));
        assert!(is_email(&local(64)) && !is_email(&local(65)));
        let label = |length: usize| format!("a@{}.com", "x".repeat(length));
        assert!(is_email(&label(63)) && !is_email(&label(64)));
        assert!(!is_email(&format!("a@{}com", "x.".repeat(126))));
    }

    #[test]
    fn uris() {
        check(
            is_uri,
            &[
                "https://example.com/a?b#c",
                "mailto:a@b.co",
                "urn:isbn:1",
                "a:",
                "x+y-z.1://a",
                "http://a/%20",
                "http://a/é",
            ],
            &[
                "",
                "example.com",
                ":a",
                "1http://a",
                "h_t:a",
                "http://a b",
                "http://a/%zz",
                "http://a/%2",
                "http://<a>",
                "é:a",
            ],
        );
    }

    #[test]
    fn base64() {
        check(
            is_base64,
            &["", "YQ==", "YWI=", "YWJj", "+/+/", "AAAAAAAA"],
            &["YQ", "YQ=", "Y===", "====", "YW=j", "YW J", "-_-_", "YWJj\n", "YQ==YQ==", "é"],
        );
    }

    #[test]
    fn uuids() {
        let whole = "95ecc380-afe9-11e4-9b6c-751b66dd541e";
        check(
            is_uuid,
            &[whole, &whole.to_uppercase(), "00000000-0000-0000-0000-000000000000"],
            &[
                "",
                &whole.replace('-', ""),
                &format!("{{{whole}}}"),
                &format!("urn:uuid:{whole}"),
                &whole.replace('c', "g"),
                "95ecc380+afe9-11e4-9b6c-751b66dd541e",
                "95ecc3800afe9-11e4-9b6c-751b66dd541e",
                "é5ecc380-afe9-11e4-9b6c-751b66dd541",
            ],
        );
    }
}
