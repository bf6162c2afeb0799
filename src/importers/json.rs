//! JSON records, field by field, with numbers as the file writes them.

use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

use super::{Format, ImportError, Refusal, RefusalCode};

/// Reads a whole file.
pub(super) fn document<'a, T: Deserialize<'a>>(format: Format, bytes: &'a [u8]) -> Result<T, ImportError> {
    let text = std::str::from_utf8(bytes).map_err(|_| ImportError::NotUtf8)?;
    serde_json::from_str(text).map_err(|error| ImportError::NotTheFormat { format, detail: error.to_string() })
}

/// The fields of one record.
pub(super) struct Record<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Record<'a> {
    /// Reads an object.
    pub(super) fn read(raw: &'a RawValue) -> Result<Self, Refusal> {
        let fields = serde_json::from_str(raw.get());
        fields.map(Self).map_err(|error| Refusal::new(RefusalCode::NotARecord, error.to_string()))
    }

    /// Returns a string's text, or a number as written; nothing for null, absent or empty ones and other values.
    pub(super) fn text(&self, field: &str) -> Option<String> {
        let raw = self.0.get(field)?.get();
        match raw.chars().next()? {
            '"' => serde_json::from_str::<String>(raw).ok().map(|text| text.trim().to_owned()),
            '-' | '0'..='9' => Some(raw.to_owned()),
            _ => None,
        }
        .filter(|text| !text.is_empty())
    }

    /// Returns whether a field is `true`.
    pub(super) fn is_true(&self, field: &str) -> bool {
        self.0.get(field).is_some_and(|raw| raw.get() == "true")
    }
}
