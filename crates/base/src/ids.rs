//! Names and keys as types, parsed once at the edge so that nothing further in can hold an ill-formed one.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not the id it was meant to be. The text itself is not repeated: it may come from anyone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct InvalidId {
    /// What was expected, such as `customer name`.
    pub what: &'static str,
    /// What such an id looks like.
    pub rule: &'static str,
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_name(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId { what: $what, rule: NAME_RULE })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

const NAME_RULE: &str = "1 to 64 of the characters a-z, 0-9, '_', '-' and '.', starting with a letter or digit";

fn is_name(text: &str) -> bool {
    let first = text.as_bytes().first().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let rest = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.'));
    first && rest && text.len() <= 64
}

name_type!(
    /// The tenant: users, batches, profiles and events belong to exactly one customer.
    CustomerName,
    "a customer name"
);
name_type!(
    /// A line of business or product, such as `insureright`.
    SolutionName,
    "a solution name"
);
name_type!(
    /// What is asked of a solution, such as `scoring`.
    SubmissionName,
    "a submission name"
);

impl SolutionName {
    /// The name of [`SolutionName::unstructured`].
    pub const UNSTRUCTURED: &str = "unstructured";

    /// The solution of uploads that have no dictionary yet.
    pub fn unstructured() -> Self {
        Self(Self::UNSTRUCTURED.to_owned())
    }
}

impl SubmissionName {
    /// The name of [`SubmissionName::profile`].
    pub const PROFILE: &str = "profile";

    /// What is asked of the solution of uploads without a dictionary.
    pub fn profile() -> Self {
        Self(Self::PROFILE.to_owned())
    }
}

/// The GUID of an upload: batch key and profile key are the same thing. Chosen by the client or by the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchKey(pub Uuid);

impl BatchKey {
    /// A fresh random key (version 4).
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl FromStr for BatchKey {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let rule = "a GUID, such as ac5b3d51-50f8-40d1-e378-18f8db2fabc9";
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidId { what: "a batch key", rule })
    }
}

impl fmt::Display for BatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The id of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookId(Uuid);

impl WebhookId {
    /// A fresh random (version 4) id.
    pub fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl FromStr for WebhookId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidId { what: "the id of a webhook", rule: "a GUID" })
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// The version of a solution's release: one to four numbers, such as `1.0.7`. Ordered by the numbers, so that
/// `1.0.10` is newer than `1.0.9`; a missing number counts as zero for the order, yet `1.0` and `1.0.0` differ.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseVersion {
    text: String,
    numbers: [u32; 4],
}

impl ReleaseVersion {
    /// The version as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for ReleaseVersion {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = || InvalidId { what: "a release version", rule: "one to four numbers, such as 1.0.7" };
        let mut numbers = [0; 4];
        for (at, part) in text.split('.').enumerate() {
            let digits = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            let slot = numbers.get_mut(at).filter(|_| digits).ok_or_else(invalid)?;
            *slot = part.parse().map_err(|_| invalid())?;
        }
        Ok(Self { text: text.to_owned(), numbers })
    }
}

impl TryFrom<String> for ReleaseVersion {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ReleaseVersion> for String {
    fn from(version: ReleaseVersion) -> String {
        version.text
    }
}

impl Ord for ReleaseVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.numbers.cmp(&other.numbers).then_with(|| self.text.cmp(&other.text))
    }
}

impl PartialOrd for ReleaseVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ReleaseVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for (text, ok) in
            [("valen", true), ("wc_claims", true), ("", false), ("../x", false), ("Valen", false), ("a b", false)]
        {
            assert_eq!(text.parse::<CustomerName>().is_ok(), ok, "{text:?}");
        }
        assert!("x".repeat(65).parse::<CustomerName>().is_err());
    }

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let version = |text: &str| text.parse::<ReleaseVersion>().ok();
        assert!(version("1.0.10") > version("1.0.9"));
        assert!(version("2") > version("1.9.9.9"));
        for bad in ["", "1.", ".1", "1.x", "1.2.3.4.5", "v1", "99999999999"] {
            assert_eq!(version(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn batch_keys_read_in_any_case_and_print_in_lower() {
        let key: BatchKey = "AC5B3D51-50F8-40D1-E378-18F8DB2FABC9".parse().expect("a GUID");
        assert_eq!(key.to_string(), "ac5b3d51-50f8-40d1-e378-18f8db2fabc9");
        assert!("ac5b3d51".parse::<BatchKey>().is_err());
    }
}
