//! The book in use.
#[derive(Debug, Default)]
pub struct PriceTimeBook;
