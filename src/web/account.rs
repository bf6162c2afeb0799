//! `/login`, `/register`, `/logout`, and `/about`: what the words mean and where the figures come from.

use askama::Template;

use super::fields::Fields;
use super::format;
use super::respond::{Fault, Reply};
use super::session::{self, REFRESH};
use super::shell::{Said, Shell};
use super::visit::Visit;
use super::{Guest, Shown};
use crate::api::problem::Problem;
use crate::app::accounts::Registration;
use crate::app::{AppError, Role};
use crate::importers::bundled;
use crate::types::OrganizationKind;

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage {
    shell: Shell,
    said: Option<Said>,
    email: String,
    next: String,
}

#[derive(Template)]
#[template(path = "register.html")]
struct RegisterPage {
    shell: Shell,
    said: Option<Said>,
    fields: Fields,
}

#[derive(Template)]
#[template(path = "about.html")]
struct AboutPage {
    shell: Shell,
    sources: [bundled::Bundled; 4],
}

/// Asks who somebody is.
pub async fn login(visit: Guest) -> Shown {
    let query = visit.query();
    Reply::page(&login_page(&visit, None, query.text("email"), query.text("next")))
}

/// Begins a session.
pub async fn log_in(visit: Guest, fields: Fields) -> Shown {
    let (email, next) = (fields.text("email"), fields.text("next"));
    let begun = visit.app().accounts().login(email, fields.raw("password").to_owned(), visit.address()).await;
    match begun {
        Ok(tokens) => {
            let home = visit.app().accounts().authenticate(tokens.access_token.expose());
            let next = if next.is_empty() {
                home.map_or("/", |who| home_of(who.role)).to_owned()
            } else {
                session::local(next)
            };
            Ok(Reply::SignedIn(tokens, next))
        }
        Err(error @ (AppError::Unauthorized(_) | AppError::TooMany { .. })) => {
            let said = Said::of(&Problem::from(error));
            let status = said.status;
            Reply::form(&login_page(&visit, Some(said), email, next), Some(status))
        }
        Err(error) => Err(error.into()),
    }
}

/// Asks what somebody registers with.
pub async fn register(visit: Guest) -> Shown {
    let fields = visit.query().or("kind", OrganizationKind::Renter.as_str());
    Reply::page(&register_page(&visit, None, fields))
}

/// Makes an organization with its first user, and begins a session.
pub async fn sign_up(visit: Guest, fields: Fields) -> Shown {
    match registered(&visit, &fields).await {
        Ok(reply) => Ok(reply),
        Err(Fault::Problem(problem)) if Said::of(&problem).status < 500 => {
            let said = Said::of(&problem);
            let status = said.status;
            Reply::form(&register_page(&visit, Some(said), fields), Some(status))
        }
        Err(fault) => Err(fault),
    }
}

/// Ends the session.
pub async fn log_out(visit: Guest, _: Fields) -> Shown {
    if let Some(token) = visit.cookie(REFRESH) {
        visit.app().accounts().logout(&token).await?;
    }
    Ok(Reply::SignedOut("/".to_owned()))
}

/// Says what the words mean and where the figures come from.
pub async fn about(visit: Guest) -> Shown {
    Reply::page(&AboutPage { shell: Shell::of(&visit, "Definitions and sources", ""), sources: bundled::ALL })
}

async fn registered(visit: &Visit, fields: &Fields) -> Shown {
    let registration = Registration {
        organization_name: fields.text("organization").to_owned(),
        organization_kind: fields.word("kind", OrganizationKind::parse)?,
        email: fields.text("email").to_owned(),
        password: fields.raw("password").to_owned(),
    };
    let (email, password) = (registration.email.clone(), registration.password.clone());
    let kind = registration.organization_kind;
    visit.app().register(registration, visit.address(), visit.request_id()).await?;
    let tokens = visit.app().accounts().login(&email, password, visit.address()).await?;
    Ok(Reply::SignedIn(tokens, home_of(Role::Member(kind)).to_owned()))
}

const fn home_of(role: Role) -> &'static str {
    match role {
        Role::Member(OrganizationKind::Provider) => "/provider",
        Role::Member(OrganizationKind::Reseller) => "/reseller",
        Role::Member(OrganizationKind::Renter) => "/renter",
        Role::Admin | Role::Auditor => "/admin",
    }
}

fn login_page(visit: &Visit, said: Option<Said>, email: &str, next: &str) -> LoginPage {
    let shell = Shell::of(visit, "Log in", "");
    LoginPage { shell, said, email: email.to_owned(), next: next.to_owned() }
}

fn register_page(visit: &Visit, said: Option<Said>, fields: Fields) -> RegisterPage {
    RegisterPage { shell: Shell::of(visit, "Register", ""), said, fields }
}
