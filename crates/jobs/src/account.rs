//! Users, passwords, roles and rights as types. Pure: no store, no hashing.
//!
//! What a user may do is settled here and nowhere else: a [`Role`] says which [`Action`]s ([`Role::allows`], one
//! exhaustive table, written down in `docs/access.md`), the [`Grant`]s say with which solutions and submissions, and
//! [`Caller::may`] and [`Caller::may_of`] join both. Whoever acts for a caller asks one of these two.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use bordereau_base::ids::{CustomerName, InvalidId, SolutionName, SubmissionName};
use jiff::Timestamp;

use crate::batch::BatchStatus;
use crate::token::TokenPrefix;

const USER_NAME_CHARS_MAX: usize = 128;
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=1024;

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
    /// When it has fewer than 8 or more than 1024 characters.
    pub fn chosen(text: impl Into<String>) -> Result<Self, InvalidId> {
        let text = text.into();
        if PASSWORD_CHARS.contains(&text.chars().count()) {
            Ok(Self(text))
        } else {
            Err(InvalidId { what: "a password", rule: "8 to 1024 characters long" })
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

/// What a user is for. The table of `docs/access.md` is [`Role::allows`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Role {
    /// Sends batches and fetches their results: a program of the customer, or who looks after it.
    #[default]
    Integrator,
    /// Reads what the others send.
    Analyst,
    /// As an integrator, among test batches only: what it sends is marked as a test.
    TestUser,
    /// Of the installation, not of a customer: manages the accounts of all customers, and sees no batch of any.
    Administrator,
}

/// What a request does, as far as roles tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Lists or looks at batches, fetches results, profiles or findings.
    Read,
    /// Subscribes to events.
    Follow,
    /// Sends or submits an upload.
    Send,
    /// Cancels or deletes batches, or changes what else the customer has.
    Change,
    /// Manages the accounts of the installation, or reads its audit log.
    Administer,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Integrator, Self::Analyst, Self::TestUser, Self::Administrator];

    /// The stable spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Integrator => "integrator",
            Self::Analyst => "analyst",
            Self::TestUser => "testUser",
            Self::Administrator => "administrator",
        }
    }

    /// Whether users of this role may do that at all. With what is for the grants to say.
    pub const fn allows(self, action: Action) -> bool {
        match action {
            Action::Read | Action::Follow => !matches!(self, Self::Administrator),
            Action::Send | Action::Change => matches!(self, Self::Integrator | Self::TestUser),
            Action::Administer => matches!(self, Self::Administrator),
        }
    }
}

impl FromStr for Role {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let rule = "integrator, analyst, testUser or administrator";
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(InvalidId { what: "a role", rule })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a customer or user may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Standing {
    /// It may.
    #[default]
    Enabled,
    /// Nobody gets in by it, as if the credentials were wrong; what it has is kept.
    Disabled,
}

impl Standing {
    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
        }
    }

    pub(crate) const fn is_disabled(self) -> bool {
        matches!(self, Self::Disabled)
    }

    pub(crate) const fn stored(disabled: bool) -> Self {
        if disabled { Self::Disabled } else { Self::Enabled }
    }
}

/// A customer as a list shows one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// The name.
    pub name: CustomerName,
    /// Whether its users get in.
    pub standing: Standing,
    /// When it was added.
    pub created: Timestamp,
}

/// A user as a list shows one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: UserName,
    /// The customer the user belongs to.
    pub customer: CustomerName,
    /// What the user is for.
    pub role: Role,
    /// Whether the user gets in.
    pub standing: Standing,
    /// The rights, in order; none means that every request is refused.
    pub grants: Vec<Grant>,
}

impl User {
    /// An enabled integrator.
    pub fn new(name: UserName, customer: CustomerName, grants: Vec<Grant>) -> Self {
        Self { name, customer, role: Role::Integrator, standing: Standing::Enabled, grants }
    }
}

/// By what a caller was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verified {
    /// Of the user's account when it was verified: another one means that something was changed since.
    pub(crate) version: i64,
    /// The token, when it was one and not a password.
    pub(crate) token: Option<TokenPrefix>,
    /// When the token ends.
    pub(crate) expires: Option<Timestamp>,
}

/// A user whose credentials were verified. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    user: Arc<User>,
    verified: Option<Arc<Verified>>,
    from: Option<IpAddr>,
}

impl Caller {
    /// A caller with the rights of `user`; for those who have verified the user by other means.
    pub fn new(user: User) -> Self {
        Self { user: Arc::new(user), verified: None, from: None }
    }

    pub(crate) fn proven(user: User, verified: Verified) -> Self {
        Self { user: Arc::new(user), verified: Some(Arc::new(verified)), from: None }
    }

    /// The same caller, who asks from that address.
    pub(crate) fn at(self, from: Option<IpAddr>) -> Self {
        Self { from, ..self }
    }

    /// By what the caller was verified; none for [`Caller::new`].
    pub(crate) fn proof(&self) -> Option<&Verified> {
        self.verified.as_deref()
    }

    /// The address the caller asks from, where that is known.
    pub fn address(&self) -> Option<IpAddr> {
        self.from
    }

    /// The user's name.
    pub fn name(&self) -> &UserName {
        &self.user.name
    }

    /// The customer whose batches the user may see.
    pub fn customer(&self) -> &CustomerName {
        &self.user.customer
    }

    /// What the user is for.
    pub fn role(&self) -> Role {
        self.user.role
    }

    /// Whether what the caller sends is a test, and only tests are there for it.
    pub fn is_tester(&self) -> bool {
        self.user.role == Role::TestUser
    }

    /// Whether the role allows the action, with whatever.
    pub fn may_ever(&self, action: Action) -> bool {
        self.user.role.allows(action)
    }

    /// Whether the user may change whatever its customer has: webhooks tell of everything.
    pub fn may_change_all(&self) -> bool {
        self.may_ever(Action::Change) && !self.is_tester() && self.user.grants.contains(&Grant::ALL)
    }

    /// Whether role and grants of the user are enough to do that with that submission of that solution.
    pub fn may(&self, action: Action, solution: &SolutionName, submission: &SubmissionName) -> bool {
        self.may_ever(action) && self.user.grants.iter().any(|grant| grant.allows(solution, submission))
    }

    /// Whether they are enough to do that with this batch or profile of the caller's customer: as [`Caller::may`], and
    /// test users only with tests.
    pub fn may_of(&self, action: Action, status: &BatchStatus) -> bool {
        self.may(action, &status.solution, &status.submission) && (status.test || !self.is_tester())
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
            assert_eq!(Password::chosen("é".repeat(length)).is_ok(), ok, "{length} of two bytes");
        }
    }

    /// The table of `docs/access.md`, line by line.
    #[test]
    fn a_role_allows_what_the_table_in_the_docs_says() {
        let table = include_str!("../../../docs/access.md");
        for (action, means) in [
            (Action::Read, "read"),
            (Action::Follow, "follow"),
            (Action::Send, "send"),
            (Action::Change, "change"),
            (Action::Administer, "administer"),
        ] {
            let line = table.lines().find(|line| line.starts_with(&format!("| {means}: "))).unwrap();
            let cells: Vec<&str> = line.split('|').map(str::trim).skip(2).take(4).collect();
            for (role, cell) in Role::ALL.into_iter().zip(cells) {
                assert_eq!(role.allows(action), cell != "no", "{role} {means}: {cell}");
            }
        }
    }
}
