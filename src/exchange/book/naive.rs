//! The reference book.
use super::*;
#[derive(Debug, Default)]
pub struct NaiveBook;
