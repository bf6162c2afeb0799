//! What handlers take: bodies, queries, path parts, headers and callers, each with its own refusals and its own
//! line in the OpenAPI document.

pub mod body;
pub mod caller;
pub mod headers;
pub mod path;
pub mod query;

pub use body::{Body, JsonBody, strict};
pub use headers::{AcceptsCsv, IdempotencyKey, RequestId, RequiredIdempotencyKey};
pub use path::{PathId, PathMonth, PathSymbol, PathUuid};
pub use query::Query;
