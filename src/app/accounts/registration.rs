//! How people come to be: members with their organization, the exchange's staff by hand.

use std::net::IpAddr;

use uuid::Uuid;

use super::super::permission::require_admin;
use super::{Accounts, AppError, Principal, Role, Submission, internal, invalid, note};
use crate::app::sequencer::{Before, Side};
use crate::auth::{AuthError, EmailAddress, password};
use crate::exchange::{Command, Made, check_text};
use crate::store::accounts::{self, User};
use crate::types::{OrganizationId, OrganizationKind};

const USER: &str = "user";

/// What somebody registers with.
#[derive(Clone)]
pub struct Registration {
    /// The organization's name.
    pub organization_name: String,
    /// What it is in the market for.
    pub organization_kind: OrganizationKind,
    /// The address of its first user.
    pub email: String,
    /// The password of its first user.
    pub password: String,
}

/// What a registration made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// The user.
    pub user: Uuid,
    /// The organization.
    pub organization: OrganizationId,
    /// The journal row of the registration.
    pub sequence: i64,
}

impl Accounts {
    /// Makes an organization and its first user, both or neither.
    ///
    /// # Errors
    /// [`AppError::TooMany`] from one address; [`AppError::Invalid`] with `invalid_email` or `invalid_password`;
    /// [`AppError::Conflict`] with `email_taken`; what the exchange refuses; as [`super::Sequencer::submit`].
    pub async fn register(
        &self,
        registration: Registration,
        address: IpAddr,
        request_id: &str,
    ) -> Result<Registered, AppError> {
        let email = checked(&registration.email, &registration.password)?;
        check_text(&registration.organization_name)?;
        self.count_address(address)?;
        let role = Role::Member(registration.organization_kind);
        let user = self.new_user(email, registration.password, role).await?;
        let id = user.id;
        let command = Command::RegisterOrganization {
            name: registration.organization_name,
            organization_kind: registration.organization_kind,
        };
        let submission = Submission {
            actor: format!("user:{id}"),
            request_id: request_id.to_owned(),
            idempotency_key: None,
            command,
        };
        let side = Side { submission: Some(submission), before: Some(email_is_free(&user.email)) };
        self.sequencer
            .side(side, move |db, receipt| {
                let (organization, sequence) = match receipt.map(|receipt| (receipt.outcome.made, receipt.sequence)) {
                    Some((Made::Organization(organization), sequence)) => (organization, sequence),
                    _ => return Err(AppError::Internal("a registration made no organization".to_owned())),
                };
                let user = User { organization: Some(organization), ..user };
                accounts::insert_user(db, &user).map_err(internal)?;
                Ok(Registered { user: id, organization, sequence })
            })
            .await
    }

    /// Makes somebody who runs the exchange; for the command line, which has no caller to ask for permission.
    ///
    /// # Errors
    /// As [`Accounts::register`].
    pub async fn create_admin(&self, email: &str, password: String, request_id: &str) -> Result<Uuid, AppError> {
        self.create_staff(email, password, Role::Admin, "admin_created", request_id).await
    }

    /// Makes somebody who sees everything and changes nothing; for the command line.
    ///
    /// # Errors
    /// As [`Accounts::register`].
    pub async fn create_auditor(&self, email: &str, password: String, request_id: &str) -> Result<Uuid, AppError> {
        self.create_staff(email, password, Role::Auditor, "auditor_created", request_id).await
    }

    /// Shuts a user out, or lets it in again. Sessions and API keys of one who is shut out are revoked for good;
    /// access tokens given out before run for their quarter of an hour.
    ///
    /// # Errors
    /// [`AppError::Forbidden`] for all but admins; [`AppError::NotFound`]; as [`super::Sequencer::submit`].
    pub async fn set_disabled(
        &self,
        principal: &Principal,
        user: Uuid,
        disabled: bool,
        request_id: &str,
    ) -> Result<(), AppError> {
        require_admin(principal)?;
        let now = self.clock.now();
        let verb = if disabled { "disabled" } else { "enabled" };
        let submission = Some(note(principal.actor(), request_id, USER, user, verb));
        let known: Before =
            Box::new(move |db| accounts::user(db, user).map_err(internal)?.map(|_| ()).ok_or(AppError::NotFound));
        let changed = self
            .sequencer
            .side(Side { submission, before: Some(known) }, move |db, _| {
                accounts::set_user_disabled(db, user, disabled).map_err(internal)?;
                if disabled {
                    accounts::revoke_refresh_tokens(db, user, now).map_err(internal)?;
                    accounts::revoke_api_keys_of(db, user, now).map_err(internal)?;
                }
                Ok(())
            })
            .await;
        // Who may have been shut out is shut out here, even if the fate of the commit is not known.
        if disabled && matches!(changed, Ok(()) | Err(AppError::Unknown)) {
            self.keys.remove_user(user);
        }
        changed
    }

    async fn create_staff(
        &self,
        email: &str,
        password: String,
        role: Role,
        verb: &'static str,
        request_id: &str,
    ) -> Result<Uuid, AppError> {
        let email = checked(email, &password)?;
        let user = self.new_user(email, password, role).await?;
        let id = user.id;
        let submission = Some(note("system".to_owned(), request_id, USER, id, verb));
        let side = Side { submission, before: Some(email_is_free(&user.email)) };
        self.sequencer.side(side, move |db, _| accounts::insert_user(db, &user).map_err(internal)).await?;
        Ok(id)
    }

    async fn new_user(&self, email: EmailAddress, password: String, role: Role) -> Result<User, AppError> {
        let created_at = self.clock.now();
        let id = self.ids.uuid(created_at)?;
        let password_hash = self.passwords.hash(password, self.ids.random()?).await?;
        Ok(User { id, organization: None, email, password_hash, role, created_at, disabled: false })
    }
}

fn checked(email: &str, password: &str) -> Result<EmailAddress, AppError> {
    let form = "must be an address such as \"ops@example.com\"";
    let email = EmailAddress::parse(email).ok_or_else(|| invalid("invalid_email", "email", form))?;
    password::check(password).map_err(|error| {
        let bound = match error {
            AuthError::PasswordTooShort => format!("must have at least {} characters", password::PASSWORD_CHARS_MIN),
            _ => format!("must have at most {} characters", password::PASSWORD_CHARS_MAX),
        };
        invalid("invalid_password", "password", bound)
    })?;
    Ok(email)
}

/// Asked on the writer, so that of two at once only one finds it free.
fn email_is_free(email: &EmailAddress) -> Before {
    let folded = email.folded();
    Box::new(move |db| match accounts::user_by_email(db, &folded).map_err(internal)? {
        Some(_) => Err(AppError::Conflict("email_taken")),
        None => Ok(()),
    })
}
