//! Texts of an upload inside HTML and SVG: nothing in them is markup, and nothing in them is invisible.
//!
//! Characters with a meaning in HTML become references. Characters that would be invalid (controls), or would change
//! how the text around them is shown (marks of writing direction, zero-width characters), become visible: a control its
//! picture such as `␉`, the others their code such as `⟨U+202E⟩`. What comes out is fit for element content and for
//! attributes in either kind of quotes, in HTML and in XML.

use std::fmt::{self, Display, Write};

/// A text that is escaped where it is written.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a>(pub &'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                _ => shown(character, f)?,
            }
        }
        Ok(())
    }
}

/// A text for a terminal: nothing in it moves the cursor or turns the writing around. Markup is left as it is.
#[derive(Debug, Clone, Copy)]
pub struct Plain<'a>(pub &'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| shown(character, f))
    }
}

fn shown(character: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match character {
        '\0'..='\u{1f}' => f.write_char(char::from_u32(0x2400 + u32::from(character)).unwrap_or('\u{fffd}')),
        '\u{7f}' => f.write_char('\u{2421}'),
        _ if is_hidden(character) => write!(f, "⟨U+{:04X}⟩", u32::from(character)),
        _ => f.write_char(character),
    }
}

/// Characters that show nothing themselves, or no valid text.
fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}'
        | '\u{e0000}'..='\u{e007f}')
        || u32::from(character) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn markup_and_hidden_characters_are_shown() {
        for (text, expected) in [
            ("plain Ünïcode 中", "plain Ünïcode 中"),
            ("<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"),
            ("a\"b&c", "a&quot;b&amp;c"),
            ("a\tb\r\n\0", "a␉b␍␊␀"),
            ("\u{202e}evil\u{feff}\u{7f}", "⟨U+202E⟩evil⟨U+FEFF⟩␡"),
            ("\u{85}\u{ffff}", "⟨U+0085⟩⟨U+FFFF⟩"),
        ] {
            assert_eq!(Text(text).to_string(), expected);
        }
        assert_eq!(Plain("<b>\x1b[31m").to_string(), "<b>␛[31m");
    }

    proptest! {
        #[test]
        fn nothing_of_a_text_is_markup(text in "\\PC*|[<>&\"'\\x00-\\x20]*|(?s:.)*") {
            let escaped = Text(&text).to_string();
            prop_assert!(!escaped.contains(['<', '>', '"', '\'']));
            prop_assert!(!escaped.chars().any(|c| c.is_control()));
            let references = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"];
            for (at, _) in escaped.match_indices('&') {
                prop_assert!(references.iter().any(|reference| escaped[at..].starts_with(reference)));
            }
        }
    }
}
