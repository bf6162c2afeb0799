//! Fields of forms and of query strings: text by name, read as what a use case takes.

use std::collections::BTreeMap;

use crate::api::problem::Problem;
use crate::types::{Kind, Minute, Price, PublicId};

/// Fields by name; of a name that comes twice the first counts.
#[derive(Debug, Clone, Default)]
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// `invalid_field` for what is not.
    pub fn read(text: &str) -> Result<Self, Problem> {
        let pairs = actix_web::web::Query::<Vec<(String, String)>>::from_query(text);
        let pairs = pairs.map_err(|_| Problem::field("form", "is not what a form sends"))?.into_inner();
        let mut fields = BTreeMap::new();
        for (name, value) in pairs {
            fields.entry(name).or_insert(value);
        }
        Ok(Self(fields))
    }

    /// Returns a field without the spaces around it; empty if it was not sent.
    pub fn text(&self, name: &str) -> &str {
        self.0.get(name).map(|text| text.trim()).unwrap_or_default()
    }

    /// Returns a field as it was sent: passwords may begin with a space.
    pub fn raw(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    /// Returns a field if something stands in it.
    pub fn given(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    /// Tells whether a box was ticked.
    pub fn is_set(&self, name: &str) -> bool {
        self.given(name).is_some()
    }

    /// Tells whether a choice has a value.
    pub fn is(&self, name: &str, value: &str) -> bool {
        self.text(name) == value
    }

    /// Puts a value where none was sent.
    pub fn or(mut self, name: &str, value: impl Into<String>) -> Self {
        if !self.is_set(name) {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }

    /// Reads a whole number.
    ///
    /// # Errors
    /// `invalid_field`.
    pub fn number(&self, name: &str) -> Result<u32, Problem> {
        self.text(name).parse().map_err(|_| Problem::field(name, "must be a whole number"))
    }

    /// Reads a whole number if one was sent.
    ///
    /// # Errors
    /// `invalid_field`.
    pub fn maybe_number(&self, name: &str) -> Result<Option<u32>, Problem> {
        if self.is_set(name) { self.number(name).map(Some) } else { Ok(None) }
    }

    /// Reads a price.
    ///
    /// # Errors
    /// `invalid_field`.
    pub fn price(&self, name: &str) -> Result<Price, Problem> {
        Price::parse(self.text(name)).map_err(|_| Problem::field(name, "must be dollars such as 1.94"))
    }

    /// Reads a price if one was sent.
    ///
    /// # Errors
    /// `invalid_field`.
    pub fn maybe_price(&self, name: &str) -> Result<Option<Price>, Problem> {
        if self.is_set(name) { self.price(name).map(Some) } else { Ok(None) }
    }

    /// Reads a minute, UTC, as the browser writes it: `2026-12-01T08:00`.
    ///
    /// # Errors
    /// `invalid_field`.
    pub fn minute(&self, name: &str) -> Result<Minute, Problem> {
        let text = self.text(name).replace(' ', "T");
        let whole = match text.len() {
            10 => format!("{text}T00:00:00Z"),
            16 => format!("{text}:00Z"),
            19 => format!("{text}Z"),
            _ => text,
        };
        Minute::parse(&whole).map_err(|error| Problem::field(name, format!("{error}, or 2026-12-01T08:00")))
    }

    /// Reads a minute if one was sent.
    ///
    /// # Errors
    /// `invalid_field`.
    pub fn maybe_minute(&self, name: &str) -> Result<Option<Minute>, Problem> {
        if self.is_set(name) { self.minute(name).map(Some) } else { Ok(None) }
    }

    /// Reads an id of a kind.
    ///
    /// # Errors
    /// `not_found` for anything else: what cannot be an id names nothing.
    pub fn id(&self, name: &str, kinds: &[Kind]) -> Result<PublicId, Problem> {
        id(self.text(name), kinds)
    }

    /// Reads a word of a closed set.
    ///
    /// # Errors
    /// `invalid_field`.
    pub fn word<T>(&self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Problem> {
        parse(self.text(name)).ok_or_else(|| Problem::field(name, "is none of the choices"))
    }

    /// Reads a word of a closed set if one was sent.
    ///
    /// # Errors
    /// `invalid_field`.
    pub fn maybe_word<T>(&self, name: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        if self.is_set(name) { self.word(name, parse).map(Some) } else { Ok(None) }
    }
}

/// Reads an id of a kind out of a path or a field.
///
/// # Errors
/// `not_found`.
pub fn id(text: &str, kinds: &[Kind]) -> Result<PublicId, Problem> {
    let decoded = uuid::Uuid::parse_str(text).ok().and_then(PublicId::from_uuid);
    decoded.filter(|id| kinds.contains(&id.kind)).ok_or_else(|| Problem::of("not_found"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_as_browsers_send_them() {
        let fields =
            Fields::read("gpus=8&price=1.94&start=2026-12-01T08%3A00&end=2026-12-02&name=A+%26+B&gpus=9&on=").unwrap();
        assert_eq!(fields.number("gpus").unwrap(), 8);
        assert_eq!(fields.price("price").unwrap(), Price::from_micros(1_940_000));
        assert_eq!(fields.minute("start").unwrap().to_rfc3339(), "2026-12-01T08:00:00Z");
        assert_eq!(fields.minute("end").unwrap().to_rfc3339(), "2026-12-02T00:00:00Z");
        assert_eq!(fields.text("name"), "A & B");
        assert!(!fields.is_set("on") && fields.maybe_number("missing").unwrap().is_none());
    }

    #[test]
    fn what_does_not_fit_names_its_field() {
        let fields = Fields::read("gpus=eight&price=%241&start=tomorrow&id=x").unwrap();
        for problem in [
            fields.number("gpus").unwrap_err(),
            fields.price("price").unwrap_err(),
            fields.minute("start").unwrap_err(),
            fields.word("missing", |_| None::<()>).unwrap_err(),
        ] {
            assert_eq!(problem.code(), "invalid_field");
        }
        assert_eq!(fields.id("id", &[Kind::Site]).unwrap_err().code(), "not_found");
    }
}
