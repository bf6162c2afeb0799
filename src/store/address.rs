//! Where a database is.

use std::fmt;
use std::path::PathBuf;

use super::StoreError;

/// The address of a database. Its `Display` and `Debug` show no password.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// A file of the embedded database.
    Sqlite(PathBuf),
    /// The URL of a PostgreSQL database.
    Postgres(String),
}

impl Address {
    /// Reads `sqlite:PATH`, `sqlite://PATH`, a plain path that ends in `.db` or `.sqlite`, or `postgres://...`.
    ///
    /// # Errors
    /// [`StoreError::Address`] for anything else: a mistyped address must never become a new empty database. An
    /// in-memory database is refused because each connection would have one of its own.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        let path = match text.strip_prefix("sqlite:") {
            Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
            None if has_scheme(text) => return Err(StoreError::Address("the scheme is not known".to_owned())),
            None if text.ends_with(".db") || text.ends_with(".sqlite") => text,
            None => return Err(StoreError::Address(format!("{text:?} names no database"))),
        };
        if path.is_empty() || path.starts_with("file:") || path.starts_with(':') {
            return Err(StoreError::Address(format!("{path:?} is not the path of a file")));
        }
        Ok(Self::Sqlite(PathBuf::from(path)))
    }
}

fn has_scheme(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => {
                let place = url.rsplit_once('@').map_or_else(|| url.split("//").nth(1), |(_, place)| Some(place));
                let place = place.and_then(|place| place.split('?').next());
                write!(f, "postgres://{}", place.unwrap_or_default())
            }
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_addresses_are_taken() {
        let sqlite = |path: &str| Some(Address::Sqlite(PathBuf::from(path)));
        assert_eq!(Address::parse("sqlite:a/b").ok(), sqlite("a/b"));
        assert_eq!(Address::parse("sqlite://a.db").ok(), sqlite("a.db"));
        assert_eq!(Address::parse("sqlite:///tmp/a.db").ok(), sqlite("/tmp/a.db"));
        assert_eq!(Address::parse("a.db").ok(), sqlite("a.db"));
        assert!(matches!(Address::parse("postgres://u:p@h/d"), Ok(Address::Postgres(_))));
        for text in ["", "mysql://h/d", "mysql:a.db", "postgre://h/d", "data", "sqlite:", "sqlite::memory:", ":memory:"]
        {
            assert!(matches!(Address::parse(text), Err(StoreError::Address(_))), "{text}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let address = Address::parse("postgres://user:secret@host:5432/base?password=secret").unwrap();
        assert_eq!(format!("{address} {address:?}"), "postgres://host:5432/base postgres://host:5432/base");
    }
}
