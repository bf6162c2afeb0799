//! Pages of lists: newest first, with the number to read on from.

use super::visit::Visit;
use crate::app::reads::Slice;

/// Rows on one page of a list.
pub const ROWS: u32 = 25;

/// Returns which part of a list a visit asks for, by a field of its query string.
pub fn slice(visit: &Visit, name: &str, limit: u32) -> Slice {
    Slice { before: visit.query().text(name).parse().ok(), limit }
}
