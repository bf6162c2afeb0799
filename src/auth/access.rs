//! Roles and scopes: what people are, and what their credentials may do.

use crate::types::OrganizationKind;

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

/// What an API key may do. People's tokens carry every scope of their role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read one's own things.
    Read,
    /// Place, amend and cancel orders.
    Trade,
    /// Make and lower sites and listings.
    List,
    /// Hand over, accept and report what contracts promise: what an agent beside the GPUs needs.
    Deliver,
    /// What admins do.
    Admin,
}

impl Role {
    /// Returns the one spelling of the role: the kind of a member's organization, `admin` or `auditor`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member(kind) => kind.as_str(),
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }

    /// Returns the role spelled so, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "admin" => Some(Self::Admin),
            "auditor" => Some(Self::Auditor),
            kind => OrganizationKind::parse(kind).map(Self::Member),
        }
    }

    /// Returns every scope the role has, in order.
    pub const fn scopes(self) -> &'static [Scope] {
        match self {
            Self::Member(OrganizationKind::Provider) => &[Scope::Read, Scope::Trade, Scope::List, Scope::Deliver],
            Self::Member(_) => &[Scope::Read, Scope::Trade, Scope::Deliver],
            Self::Admin => &[Scope::Read, Scope::Admin],
            Self::Auditor => &[Scope::Read],
        }
    }

    /// Tells whether the role has a scope.
    pub fn has(self, scope: Scope) -> bool {
        self.scopes().contains(&scope)
    }
}

impl Scope {
    /// Every scope, in order.
    pub const ALL: &'static [Self] = &[Self::Read, Self::Trade, Self::List, Self::Deliver, Self::Admin];

    /// Returns the one spelling of the scope.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Trade => "trade",
            Self::List => "list",
            Self::Deliver => "deliver",
            Self::Admin => "admin",
        }
    }

    /// Returns the scope spelled so, if there is one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == text)
    }

    /// Returns scopes as they are stored: in order, each once, with commas.
    pub fn join(scopes: &[Self]) -> String {
        let words: Vec<&str> =
            Self::ALL.iter().filter(|scope| scopes.contains(scope)).map(|scope| scope.as_str()).collect();
        words.join(",")
    }

    /// Returns the scopes written by [`Scope::join`], or nothing for any other text.
    pub fn split(text: &str) -> Option<Vec<Self>> {
        text.split(',').map(Self::parse).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_and_scopes_survive_their_spelling() {
        let members = OrganizationKind::ALL.iter().map(|kind| Role::Member(*kind));
        for role in members.chain([Role::Admin, Role::Auditor]) {
            assert_eq!(Role::parse(role.as_str()), Some(role));
            assert_eq!(Scope::split(&Scope::join(role.scopes())).as_deref(), Some(role.scopes()));
        }
        assert_eq!(Role::parse("member"), None);
        assert_eq!(Scope::split("read,write"), None);
        assert_eq!(Scope::split(""), None);
        assert_eq!(Scope::join(&[Scope::Trade, Scope::Read, Scope::Trade]), "read,trade");
    }

    #[test]
    fn only_admins_administrate_and_auditors_only_read() {
        assert_eq!(Role::Auditor.scopes(), [Scope::Read]);
        assert!(Role::Admin.has(Scope::Admin) && !Role::Admin.has(Scope::Trade) && !Role::Admin.has(Scope::Deliver));
        for kind in OrganizationKind::ALL {
            assert!(!Role::Member(*kind).has(Scope::Admin));
            assert_eq!(Role::Member(*kind).has(Scope::List), *kind == OrganizationKind::Provider);
        }
    }
}
