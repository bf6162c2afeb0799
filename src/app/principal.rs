//! Who is asking, once the credentials have been checked.

use uuid::Uuid;

pub use crate::auth::{Role, Scope};
use crate::types::OrganizationId;

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The person behind it.
    pub user: Uuid,
    /// The API key used, if one was.
    pub key: Option<Uuid>,
    /// The organization it acts for; admins and auditors have none.
    pub organization: Option<OrganizationId>,
    /// Its role.
    pub role: Role,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

impl Principal {
    /// Returns the actor the journal records: ids only.
    pub fn actor(&self) -> String {
        match self.key {
            Some(key) => format!("key:{key}"),
            None => format!("user:{}", self.user),
        }
    }
}
