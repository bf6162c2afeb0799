//! Lists: `{"data": [...], "next_cursor": null}`, newest first, keyset cursors.

use serde::Serialize;
use std::borrow::Cow;
use utoipa::openapi::{ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema, schema::SchemaType, schema::Type};
use utoipa::{PartialSchema, ToSchema};

use super::problem::Problem;
use super::wire::Whole;
use crate::app::reads::{Listed, Slice};
use crate::types::limits::PAGE_ROWS_MAX;

const LIMIT_DEFAULT: u32 = 50;
const CURSOR_PREFIX: &str = "c1";

/// One page of a list.
#[derive(Debug, Clone, Serialize)]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Give it as `cursor` to read on; null at the end.
    pub next_cursor: Option<String>,
    /// The last journal row a list from memory reflects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<i64>,
}

impl<T> Page<T> {
    /// Returns the page as it looks outside.
    pub fn of<R>(listed: Listed<R>, show: impl FnMut(R) -> T) -> Self {
        let Listed { rows, next } = listed;
        Self { data: rows.into_iter().map(show).collect(), next_cursor: next.map(write_cursor), as_of: None }
    }

    /// Returns the page with the sequence it reflects.
    pub fn as_of(mut self, sequence: i64) -> Self {
        self.as_of = Some(sequence);
        self
    }
}

impl<T, E> Page<Result<T, E>> {
    /// Returns the page if every row could be shown, else the first error.
    ///
    /// # Errors
    /// That of the first row that could not be shown.
    pub fn transpose(self) -> Result<Page<T>, E> {
        let data = self.data.into_iter().collect::<Result<_, E>>()?;
        Ok(Page { data, next_cursor: self.next_cursor, as_of: self.as_of })
    }
}

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let text_or_null = SchemaType::from_iter([Type::String, Type::Null]);
        ObjectBuilder::new()
            .property("data", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .property("next_cursor", ObjectBuilder::new().schema_type(text_or_null))
            .property("as_of", ObjectBuilder::new().schema_type(Type::Integer))
            .required("data")
            .required("next_cursor")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("PageOf{}", T::name()))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

/// Reads `limit` and `cursor` of a query.
///
/// # Errors
/// `invalid_field` for a limit outside 1 to 200 and for a cursor that was not handed out.
pub fn slice(limit: Option<Whole>, cursor: Option<&str>) -> Result<Slice, Problem> {
    let limit = match limit {
        None => LIMIT_DEFAULT,
        Some(Whole(limit)) => u32::try_from(limit)
            .ok()
            .filter(|limit| (1..=PAGE_ROWS_MAX).contains(limit))
            .ok_or_else(|| Problem::field("limit", format!("must be 1 to {PAGE_ROWS_MAX}")))?,
    };
    let wrong = || Problem::field("cursor", "must be a next_cursor of this list");
    let before = cursor.map(|text| read_cursor(text).ok_or_else(wrong)).transpose()?;
    Ok(Slice { before, limit })
}

fn write_cursor(number: i64) -> String {
    format!("{CURSOR_PREFIX}{number:016x}")
}

fn read_cursor(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(CURSOR_PREFIX).filter(|digits| digits.len() == 16)?;
    // Some places are negative; the digits are those of two's complement.
    let number = i64::from_be_bytes(u64::from_str_radix(digits, 16).ok()?.to_be_bytes());
    (write_cursor(number) == text).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_says_where_to_read_on() {
        let first = slice(Some(Whole(2)), None).unwrap();
        assert_eq!(first, Slice { before: None, limit: 2 });
        for place in [7, -7, i64::MIN] {
            let page = Page::of(Listed { rows: vec![9, 7], next: Some(place) }, |row| row);
            assert_eq!(page.data, vec![9, 7]);
            let cursor = page.next_cursor.unwrap();
            assert_eq!(slice(Some(Whole(2)), Some(&cursor)).unwrap().before, Some(place));
        }
        let last = Page::of(Listed::of(vec![4, 1], first, |row| *row), |row| row);
        assert_eq!((last.data, last.next_cursor), (vec![4, 1], None));
    }

    #[test]
    fn limits_and_cursors_are_checked() {
        for limit in [0, 201, i64::MAX] {
            assert_eq!(slice(Some(Whole(limit)), None).unwrap_err().code(), "invalid_field");
        }
        for cursor in
            ["", "c1", "7", "c1000000000000000g", "c1+00000000000000f", "c1000000000000000F", "c2000000000000000f"]
        {
            assert_eq!(slice(None, Some(cursor)).unwrap_err().code(), "invalid_field", "{cursor}");
        }
    }
}
