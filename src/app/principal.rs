//! Who is asking, once the credentials have been checked.

use uuid::Uuid;

use crate::types::{OrganizationId, OrganizationKind};

/// What a user may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Of an organization, with its kind.
    Member(OrganizationKind),
    /// Runs the exchange.
    Admin,
    /// Sees everything, changes nothing.
    Auditor,
}

/// What an API key may do. People's tokens carry every scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read one's own things.
    Read,
    /// Place, amend and cancel orders.
    Trade,
    /// Make and lower sites and listings.
    List,
    /// What admins do.
    Admin,
}

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
