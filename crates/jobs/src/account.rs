//! Users, passwords and rights as types. Pure: no store, no hashing.

use std::fmt;
use std::str::FromStr;

use bordereau_base::ids::{CustomerName, InvalidId, SolutionName, SubmissionName};

const USER_NAME_CHARS_MAX: usize = 128;
const PASSWORD_BYTES: std::ops::RangeInclusive<usize> = 8..=1024;

/// The name of a user, unique over all customers: 1 to 128 of ASCII letters, digits and `. _ - + @`, so that an e-mail
/// address can be one. It holds no colon, which Basic authentication could not carry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserName(String);

impl UserName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'+' | b'@');
        let rule = "1 to 128 of letters, digits, '.', '_', '-', '+' and '@'";
        match text.len() {
            1..=USER_NAME_CHARS_MAX if text.bytes().all(allowed) => Ok(Self(text.to_owned())),
            _ => Err(InvalidId { what: "a user name", rule }),
        }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A password as a user types it. It is never printed: its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// A password to be compared with a stored one: any text.
    pub fn given(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A password to be stored.
    ///
    /// # Errors
    /// When it has fewer than 8 or more than 1024 bytes.
    pub fn chosen(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        if PASSWORD_BYTES.contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(InvalidId { what: "a password", rule: "8 to 1024 bytes long" })
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// The right to one submission of one solution, or to all where a part is absent. Written `solution/submission` with
/// `*` for all: `insureright/scoring`, `insureright/*`, `*/*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Grant {
    /// Absent: every solution.
    pub solution: Option<SolutionName>,
    /// Absent: every submission.
    pub submission: Option<SubmissionName>,
}

impl Grant {
    /// Every submission of every solution: what a new user gets unless told otherwise.
    pub const ALL: Grant = Grant { solution: None, submission: None };

    /// Whether this grant is enough for that submission of that solution.
    pub fn allows(&self, solution: &SolutionName, submission: &SubmissionName) -> bool {
        self.solution.as_ref().is_none_or(|granted| granted == solution)
            && self.submission.as_ref().is_none_or(|granted| granted == submission)
    }
}

impl FromStr for Grant {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId { what: "a grant", rule: "solution/submission, each a name or *" };
        let (solution, submission) = text.split_once('/').ok_or(invalid)?;
        Ok(Self { solution: part(solution)?, submission: part(submission)? })
    }
}

fn part<T: FromStr<Err = InvalidId>>(text: &str) -> Result<Option<T>, InvalidId> {
    if text == "*" { Ok(None) } else { text.parse().map(Some) }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let solution = self.solution.as_ref().map_or("*", SolutionName::as_str);
        let submission = self.submission.as_ref().map_or("*", SubmissionName::as_str);
        write!(f, "{solution}/{submission}")
    }
}

/// A user as a list shows one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: UserName,
    /// The customer the user belongs to.
    pub customer: CustomerName,
    /// The rights, in order; none means that every request is refused.
    pub grants: Vec<Grant>,
}

/// A user whose credentials were verified. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(std::sync::Arc<User>);

impl Caller {
    /// A caller with the rights of `user`; for those who have verified the user by other means.
    pub fn new(user: User) -> Self {
        Self(std::sync::Arc::new(user))
    }

    /// The user's name.
    pub fn name(&self) -> &UserName {
        &self.0.name
    }

    /// The customer whose batches the user may see.
    pub fn customer(&self) -> &CustomerName {
        &self.0.customer
    }

    /// Whether the user has the right to every submission of every solution.
    pub fn may_all(&self) -> bool {
        self.0.grants.contains(&Grant::ALL)
    }

    /// Whether a grant of the user is enough for that submission of that solution.
    pub fn may(&self, solution: &SolutionName, submission: &SubmissionName) -> bool {
        self.0.grants.iter().any(|grant| grant.allows(solution, submission))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_allows_what_it_names_and_nothing_else() {
        for (grant, solution, submission, allowed) in [
            ("*/*", "insureright", "scoring", true),
            ("insureright/*", "insureright", "scoring", true),
            ("insureright/*", "ca", "scoring", false),
            ("*/scoring", "ca", "scoring", true),
            ("*/scoring", "manage", "claim_detail", false),
            ("insureright/scoring", "insureright", "scoring", true),
            ("insureright/scoring", "insureright", "scoring2", false),
        ] {
            let parsed: Grant = grant.parse().unwrap();
            assert_eq!(parsed.to_string(), grant);
            let (solution, submission) = (solution.parse().unwrap(), submission.parse().unwrap());
            assert_eq!(parsed.allows(&solution, &submission), allowed, "{grant} for {solution}/{submission}");
        }
        for bad in ["", "*", "insureright", "a/b/c", "/scoring", "insureright/", "A/b", "**/x"] {
            assert!(bad.parse::<Grant>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_user_name_fits_into_basic_credentials() {
        for (text, ok) in [("jane.doe+x@valen.com", true), ("J_1-a", true), ("", false), ("a:b", false), ("a b", false)]
        {
            assert_eq!(text.parse::<UserName>().is_ok(), ok, "{text:?}");
        }
        assert!("x".repeat(129).parse::<UserName>().is_err());
    }

    #[test]
    fn a_password_is_never_printed_and_has_a_length() {
        assert_eq!(format!("{:?}", Password::given("opensesame")), "Password(..)");
        for (length, ok) in [(0, false), (7, false), (8, true), (1024, true), (1025, false)] {
            assert_eq!(Password::chosen("x".repeat(length)).is_ok(), ok, "{length}");
        }
    }
}
