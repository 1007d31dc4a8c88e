//! What the terminal can show: its width, its characters, colours.
//!
//! Nothing is known of a terminal that is none (a pipe, a file): then lines are [`PLAIN_WIDTH`] wide unless `COLUMNS`
//! says otherwise, and there are no colours. A locale that is not UTF-8 gets ASCII.

use std::io::IsTerminal;

use bordereau_report::escape::Plain;

/// Width where there is no terminal.
const PLAIN_WIDTH: usize = 110;
/// Narrower than this is not tried.
const WIDTH_MIN: usize = 40;

/// What can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Characters in a line.
    pub width: usize,
    /// Which characters.
    pub glyphs: Glyphs,
    /// Whether colours.
    pub colours: Colours,
}

/// Which characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// Any.
    Unicode,
    /// Those of ASCII.
    Ascii,
}

/// Whether text has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// Yes.
    Ansi,
    /// No.
    None,
}

/// How a text stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paint {
    /// It does not.
    #[default]
    Normal,
    /// Headings.
    Strong,
    /// Beside the point.
    Faint,
    /// Bad.
    Red,
    /// To look at.
    Yellow,
    /// Good to know.
    Blue,
    /// Good.
    Green,
}

impl Screen {
    /// Standard output, as the environment tells of it.
    pub fn of_standard_output() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let is_terminal = std::io::stdout().is_terminal();
        let told = variable("COLUMNS").and_then(|columns| columns.parse().ok());
        let measured = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let width = match is_terminal {
            true => measured().or(told),
            false => told,
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable).unwrap_or_default().to_lowercase();
        let is_dumb = variable("TERM").is_some_and(|term| term == "dumb");
        let coloured = is_terminal && variable("NO_COLOR").is_none() && !is_dumb;
        Self {
            width: width.unwrap_or(PLAIN_WIDTH).max(WIDTH_MIN),
            glyphs: if locale.contains("utf-8") || locale.contains("utf8") { Glyphs::Unicode } else { Glyphs::Ascii },
            colours: if coloured { Colours::Ansi } else { Colours::None },
        }
    }

    /// A text of the upload or of ours as it can be shown: nothing in it moves the cursor.
    pub fn text(&self, text: &str) -> String {
        let text = Plain(text).to_string();
        match self.glyphs {
            Glyphs::Unicode => text,
            Glyphs::Ascii => text.chars().map(ascii).collect(),
        }
    }

    /// A text in a colour, where there are any.
    pub fn paint(&self, text: &str, paint: Paint) -> String {
        let code = match paint {
            _ if self.colours == Colours::None || text.is_empty() => return text.to_owned(),
            Paint::Normal => return text.to_owned(),
            Paint::Strong => "1",
            Paint::Faint => "2",
            Paint::Red => "31",
            Paint::Yellow => "33",
            Paint::Blue => "34",
            Paint::Green => "32",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A text in at most `width` characters; where it is cut, its last one says so.
    pub fn cut(&self, text: &str, width: usize) -> String {
        if text.chars().count() <= width {
            return text.to_owned();
        }
        let mark = if self.glyphs == Glyphs::Unicode { '…' } else { '~' };
        text.chars().take(width.saturating_sub(1)).chain([mark]).take(width).collect()
    }

    /// A paragraph in lines of the width, the first behind `first`, the others behind as many blanks.
    pub fn wrap(&self, first: &str, text: &str) -> String {
        let indent = first.chars().count();
        let room = self.width.saturating_sub(indent).max(20);
        let mut lines: Vec<String> = Vec::new();
        for word in text.split_whitespace() {
            match lines.last_mut() {
                Some(line) if line.chars().count() + 1 + word.chars().count() <= room => {
                    line.push(' ');
                    line.push_str(word);
                }
                _ => lines.push(word.to_owned()),
            }
        }
        let blanks = " ".repeat(indent);
        let lines =
            lines.iter().enumerate().map(|(at, line)| format!("{}{line}\n", if at == 0 { first } else { &blanks }));
        lines.collect()
    }
}

/// The nearest character of ASCII.
fn ascii(character: char) -> char {
    match character {
        _ if character.is_ascii() => character,
        '≈' => '~',
        '−' | '–' => '-',
        '…' => '~',
        '±' => '+',
        '≥' => '>',
        '×' => 'x',
        '·' => '.',
        '→' => '>',
        '“' | '”' => '"',
        '’' => '\'',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREEN: Screen = Screen { width: 24, glyphs: Glyphs::Unicode, colours: Colours::None };

    #[test]
    fn texts_fit_the_screen_and_do_not_drive_it() {
        assert_eq!(SCREEN.text("a\x1b[31m\u{202e}b"), "a␛[31m⟨U+202E⟩b");
        assert_eq!(Screen { glyphs: Glyphs::Ascii, ..SCREEN }.text("≈ 3 … 4, Zürich"), "~ 3 ~ 4, Z?rich");
        assert_eq!((SCREEN.cut("abcdef", 4), SCREEN.cut("abcd", 4)), ("abc…".to_owned(), "abcd".to_owned()));
        assert_eq!(SCREEN.wrap("* ", "eins zwei drei vier fünf"), "* eins zwei drei vier\n  fünf\n");
    }

    #[test]
    fn colours_are_only_given_where_there_are_any() {
        assert_eq!(SCREEN.paint("x", Paint::Red), "x");
        assert_eq!(Screen { colours: Colours::Ansi, ..SCREEN }.paint("x", Paint::Red), "\x1b[31mx\x1b[0m");
    }
}
