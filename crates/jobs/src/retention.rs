//! Uploads and results that are removed some days after their batch has ended.
//!
//! How long they are kept is said for each customer, else by the server's setting; when nobody says, they are kept for
//! ever. What is removed is what a customer's own deletion removes, but for rows that were contributed: those stay
//! until their batch is deleted by its customer. A tombstone stays, and the log tells of it like of any change.

use bordereau_base::ids::CustomerName;
use jiff::{SignedDuration, Timestamp};

use crate::audit::{Actor, Deed, DeedName};
use crate::error::Result;
use crate::jobs::Jobs;
use crate::store::Withdrawal;

/// How long the uploads and results of a customer are kept after their batch has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// As the server's setting says.
    AsSet,
    /// Until somebody deletes them.
    Forever,
    /// So many days.
    Days(u32),
}

impl std::str::FromStr for Retention {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "as-set" => Ok(Self::AsSet),
            "forever" => Ok(Self::Forever),
            days => match days.parse() {
                Ok(days) if days > 0 => Ok(Self::Days(days)),
                _ => Err("must be a number of days above 0, forever, or as-set".to_owned()),
            },
        }
    }
}

impl std::fmt::Display for Retention {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AsSet => f.write_str("as-set"),
            Self::Forever => f.write_str("forever"),
            Self::Days(days) => write!(f, "{days}"),
        }
    }
}

impl Jobs {
    /// Says how long uploads and results of a customer are kept.
    ///
    /// # Errors
    /// [`crate::Error::Absent`] without that customer.
    pub async fn set_retention(&self, actor: &Actor, customer: &CustomerName, retention: Retention) -> Result<()> {
        let deed = Deed::new(actor, DeedName::RetentionChanged).of(customer).with(&retention);
        self.inner.store.set_retention(customer, retention, &deed, self.now()).await
    }

    /// How long those of each customer are kept.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn retention(&self) -> Result<Vec<(CustomerName, Retention)>> {
        self.inner.store.retention().await
    }

    /// Removes what has been kept long enough.
    pub(crate) async fn sweep_retention(&self) -> Result<()> {
        let (store, now, actor) = (&self.inner.store, self.now(), Actor::program());
        for (customer, retention) in store.retention().await? {
            let days = match retention {
                Retention::AsSet => self.inner.options.retention_days,
                Retention::Forever => None,
                Retention::Days(days) => Some(days),
            };
            let Some(before) = days.and_then(|days| days_before(now, days)) else { continue };
            for (key, ids) in store.ended_before(&customer, before).await? {
                let deed = Deed::new(&actor, DeedName::BatchDeleted).of(&customer).to(&key).with(&"kept long enough");
                let deletion = store.delete(&customer, key, &ids, Withdrawal::Keep, &deed, now).await?;
                if let Some(deleted) = deletion.done() {
                    tracing::info!(%customer, %key, "upload and results were kept long enough and are removed");
                    self.inner.measures.expired();
                    self.remove_artefacts(deleted).await?;
                }
            }
        }
        Ok(())
    }
}

fn days_before(now: Timestamp, days: u32) -> Option<Timestamp> {
    now.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).ok()
}
