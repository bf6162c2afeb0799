//! Who may do what. Every use case asks here before it does anything.
//!
//! Invariant: auditors change nothing; admins do what admins do and do not trade; members act for their own
//! organization. A suspended organization keeps its credentials: it may read and cancel, and the exchange
//! itself refuses its new orders.

use super::{AppError, Principal, Role, Scope};
use crate::types::OrganizationId;

/// The role never has what is asked; another user is needed.
pub const ROLE_REQUIRED: &str = "role_required";
/// The role has it, but the API key was made without it; another key is needed.
pub const SCOPE_REQUIRED: &str = "scope_required";

/// Checks for a scope.
///
/// # Errors
/// [`AppError::Forbidden`] with [`ROLE_REQUIRED`] or [`SCOPE_REQUIRED`].
pub fn require(principal: &Principal, scope: Scope) -> Result<(), AppError> {
    if !principal.role.has(scope) {
        return Err(forbidden(ROLE_REQUIRED));
    }
    if principal.scopes.contains(&scope) { Ok(()) } else { Err(forbidden(SCOPE_REQUIRED)) }
}

/// Checks for a member's scope and returns the organization it acts for.
///
/// # Errors
/// As [`require`]; [`ROLE_REQUIRED`] also for those without an organization.
pub fn require_member(principal: &Principal, scope: Scope) -> Result<OrganizationId, AppError> {
    require(principal, scope)?;
    match (principal.role, principal.organization) {
        (Role::Member(_), Some(organization)) => Ok(organization),
        _ => Err(forbidden(ROLE_REQUIRED)),
    }
}

/// Checks that an admin may change something.
///
/// # Errors
/// As [`require`].
pub fn require_admin(principal: &Principal) -> Result<(), AppError> {
    require(principal, Scope::Admin)
}

/// Checks that an admin or an auditor may look at what belongs to others.
///
/// # Errors
/// As [`require`].
pub fn require_overseer(principal: &Principal) -> Result<(), AppError> {
    match principal.role {
        Role::Admin | Role::Auditor => require(principal, Scope::Read),
        Role::Member(_) => Err(forbidden(ROLE_REQUIRED)),
    }
}

/// Checks that a person, not a program, asks for a change: keys do not make keys.
///
/// # Errors
/// [`AppError::Forbidden`] with [`SCOPE_REQUIRED`] for API keys, [`ROLE_REQUIRED`] for auditors.
pub fn require_person(principal: &Principal) -> Result<(), AppError> {
    if principal.role == Role::Auditor {
        return Err(forbidden(ROLE_REQUIRED));
    }
    if principal.key.is_none() { Ok(()) } else { Err(forbidden(SCOPE_REQUIRED)) }
}

fn forbidden(code: &str) -> AppError {
    AppError::Forbidden(code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::OrganizationKind;
    use uuid::Uuid;

    fn person(role: Role) -> Principal {
        let organization = matches!(role, Role::Member(_)).then(|| OrganizationId::new(3));
        Principal { user: Uuid::nil(), key: None, organization, role, scopes: role.scopes().to_vec() }
    }

    fn answer<T>(result: Result<T, AppError>) -> String {
        match result {
            Ok(_) => "ok".to_owned(),
            Err(AppError::Forbidden(code)) => code,
            Err(other) => other.to_string(),
        }
    }

    #[test]
    fn each_role_may_what_it_may() {
        let table = [
            (Role::Member(OrganizationKind::Provider), ["ok", "ok", "ok", "role_required", "role_required"]),
            (Role::Member(OrganizationKind::Reseller), ["ok", "ok", "role_required", "role_required", "role_required"]),
            (Role::Member(OrganizationKind::Renter), ["ok", "ok", "role_required", "role_required", "role_required"]),
            (Role::Admin, ["role_required", "role_required", "role_required", "ok", "ok"]),
            (Role::Auditor, ["role_required", "role_required", "role_required", "role_required", "ok"]),
        ];
        for (role, expected) in table {
            let who = person(role);
            let answers = [
                answer(require_member(&who, Scope::Read)),
                answer(require_member(&who, Scope::Trade)),
                answer(require_member(&who, Scope::List)),
                answer(require_admin(&who)),
                answer(require_overseer(&who)),
            ];
            assert_eq!(answers, expected, "{role:?}");
        }
    }

    #[test]
    fn a_key_may_no_more_than_its_scopes() {
        let key = Some(Uuid::nil());
        let renter = Principal { key, scopes: vec![Scope::Read], ..person(Role::Member(OrganizationKind::Renter)) };
        assert_eq!(answer(require_member(&renter, Scope::Read)), "ok");
        assert_eq!(answer(require_member(&renter, Scope::Trade)), "scope_required");
        assert_eq!(answer(require_member(&renter, Scope::List)), "role_required");
        assert_eq!(answer(require_person(&renter)), "scope_required");
        let reader = Principal { key, scopes: vec![Scope::Read], ..person(Role::Admin) };
        assert_eq!(answer(require_overseer(&reader)), "ok");
        assert_eq!(answer(require_admin(&reader)), "scope_required");
    }

    #[test]
    fn a_scope_beyond_the_role_counts_for_nothing() {
        let auditor = Principal { scopes: Scope::ALL.to_vec(), ..person(Role::Auditor) };
        assert_eq!(answer(require_admin(&auditor)), "role_required");
        assert_eq!(answer(require_person(&auditor)), "role_required");
    }
}
