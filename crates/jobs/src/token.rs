//! API tokens: what a program sends instead of a name and a password.
//!
//! A token is `bdr_PREFIX_SECRET`. The prefix (12 hexadecimal digits) is its name: it stands in lists and in the audit
//! log, and a token that was found somewhere is recognised by it. The secret has 256 random bits, is shown once, and is
//! stored as its SHA-256 only: nobody can try out that many, so a slow hash would protect nothing more.

use std::fmt;
use std::str::FromStr;

use bordereau_base::digest::hex;
use bordereau_base::ids::InvalidId;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::account::UserName;

/// What every token begins with, for programs that look for secrets in the wrong places.
const MARK: &str = "bdr_";
const PREFIX_CHARS: usize = 12;
const SECRET_BYTES: usize = 32;
const SECRET_CHARS: usize = 2 * SECRET_BYTES;
const LABEL_CHARS_MAX: usize = 100;

/// The name of a token: 12 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenPrefix(String);

impl TokenPrefix {
    /// The prefix as text, without the mark.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenPrefix {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let rule = "12 hexadecimal digits";
        if is_hex(text) && text.len() == PREFIX_CHARS {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId { what: "the prefix of a token", rule })
        }
    }
}

impl fmt::Display for TokenPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// A whole token. Its `Debug` shows the prefix alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    prefix: TokenPrefix,
    secret: String,
}

impl Token {
    pub(crate) fn random() -> Self {
        let name: [u8; PREFIX_CHARS / 2] = rand::random();
        let secret: [u8; SECRET_BYTES] = rand::random();
        Self { prefix: TokenPrefix(hex(&name)), secret: hex(&secret) }
    }

    /// Its name.
    pub fn prefix(&self) -> &TokenPrefix {
        &self.prefix
    }

    /// All of it, as a client sends it. To be shown once, and never logged.
    pub fn reveal(&self) -> String {
        format!("{MARK}{}_{}", self.prefix, self.secret)
    }

    pub(crate) fn secret(&self) -> &str {
        &self.secret
    }

    /// What is stored of the secret.
    pub(crate) fn sha256(&self) -> String {
        hex(&Sha256::digest(&self.secret))
    }
}

impl FromStr for Token {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId { what: "a token", rule: "bdr_PREFIX_SECRET" };
        let (prefix, secret) = text.strip_prefix(MARK).and_then(|rest| rest.split_once('_')).ok_or(invalid.clone())?;
        if !is_hex(secret) || secret.len() != SECRET_CHARS {
            return Err(invalid);
        }
        Ok(Self { prefix: prefix.parse().map_err(|_| invalid)?, secret: secret.to_owned() })
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}..)", self.prefix)
    }
}

/// What a token is for, in its owner's words: up to 100 characters without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenLabel(String);

impl TokenLabel {
    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenLabel {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.chars().count() > LABEL_CHARS_MAX || text.chars().any(char::is_control) {
            return Err(InvalidId { what: "the label of a token", rule: "at most 100 printable characters" });
        }
        Ok(Self(text.to_owned()))
    }
}

/// A token as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Its name.
    pub prefix: TokenPrefix,
    /// Whose it is.
    pub user: UserName,
    /// What it is for.
    pub label: TokenLabel,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it is worth nothing; never, when absent.
    pub expires: Option<Timestamp>,
    /// About when it was last used, to a minute.
    pub last_used: Option<Timestamp>,
    /// When it was revoked, if it was.
    pub revoked: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back_and_never_printed() {
        let token = Token::random();
        assert_eq!(token.reveal().parse::<Token>().unwrap(), token);
        assert_eq!(token.reveal().len(), MARK.len() + PREFIX_CHARS + 1 + SECRET_CHARS);
        assert!(!format!("{token:?}").contains(token.secret()));
        assert_ne!(Token::random(), token);
        assert_eq!(token.sha256().len(), 64);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let (good, secret) = (Token::random().reveal(), "s".repeat(SECRET_CHARS));
        for bad in [
            String::new(),
            "bdr_".to_owned(),
            good[1..].to_owned(),
            good[..good.len() - 1].to_owned(),
            format!("{good}x"),
            format!("bdr_0123456789AB_{secret}"),
            format!("bdr_0123456789a_{secret}"),
            format!("bdr_0123456789ab_{}\u{e9}", &secret[2..]),
        ] {
            assert!(bad.parse::<Token>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_label_is_one_short_line() {
        for (text, ok) in [("nightly upload", true), ("", true), ("a\nb", false)] {
            assert_eq!(text.parse::<TokenLabel>().is_ok(), ok, "{text:?}");
        }
        assert!("x".repeat(101).parse::<TokenLabel>().is_err());
    }
}
