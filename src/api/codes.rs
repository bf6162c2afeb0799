//! The one error table: every code the API can answer with, its status, its title and what it means.
//!
//! Codes are part of the API: never rename one. A refusal of the exchange without a row here fails a test.

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// The machine-readable reason.
    pub code: &'static str,
    /// The HTTP status it comes with.
    pub status: u16,
    /// A short name for people.
    pub title: &'static str,
    /// What it means, in one sentence.
    pub prose: &'static str,
    /// The field it is about, where there is one.
    pub field: Option<&'static str>,
}

/// Returns the row of a code, if there is one.
pub fn find(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|row| row.code == code)
}

macro_rules! codes {
    ($($status:literal $code:ident $($field:literal)? : $title:literal, $prose:literal;)+) => {
        /// All rows, by status.
        pub const CODES: &[Code] = &[$(Code {
            code: stringify!($code),
            status: $status,
            title: $title,
            prose: $prose,
            field: field!($($field)?),
        },)+];
    };
}

macro_rules! field {
    () => {
        None
    };
    ($field:literal) => {
        Some($field)
    };
}

codes! {
    400 malformed: "Malformed request", "The body is not JSON.";
    401 unauthorized: "Unauthorized", "The request carries no valid credentials.";
    401 invalid_token: "Invalid token", "The bearer is no access token or API key of this exchange, or was revoked.";
    401 invalid_hop: "Invalid hop", "The request claims to be passed on by a server of this exchange, and none has signed that.";
    401 expired_token: "Expired token", "The access token or API key has expired.";
    401 invalid_credentials: "Invalid credentials", "The e-mail address or the password is wrong.";
    401 invalid_refresh_token: "Invalid refresh token", "The refresh token was used, revoked, has expired, or never was one.";
    403 role_required: "Role required", "The caller's role may not do this.";
    403 scope_required: "Scope required", "The API key lacks the scope for this.";
    403 forged_form: "Form not taken", "The form is out of date or was sent from somewhere else; open its page and send it again.";
    404 not_found: "Not found", "There is no such thing, or it belongs to others.";
    405 method_not_allowed: "Method not allowed", "The path exists, but not with this method.";
    408 body_timeout: "Body timeout", "The body did not arrive in time.";
    409 client_order_id_reused "client_order_id": "Client order id reused", "The same client_order_id was used with another request.";
    409 order_not_open: "Order not open", "The order has ended.";
    409 idempotency_key_reused "Idempotency-Key": "Idempotency key reused", "The same Idempotency-Key was used with another request.";
    409 symbol_taken "symbol": "Symbol taken", "A product with this symbol exists.";
    409 email_taken "email": "E-mail taken", "An account with this e-mail address exists.";
    409 too_many_api_keys: "Too many API keys", "The user has as many live API keys as it may.";
    409 contract_not_live: "Contract not live", "The contract has ended already.";
    409 illegal_transition: "Illegal transition", "The contract cannot go there from where it stands.";
    409 no_delivery_terms: "No delivery terms", "The contract was made before terms of delivery were published.";
    409 not_delivered: "Not delivered", "Access was not handed over yet.";
    409 no_access_key: "No access key", "The buyer has registered no public key.";
    409 wrong_recipient: "Wrong recipient", "The secret is not sealed to the buyer's key.";
    409 slot_closed: "Slot closed", "The slot is closed, or the time for this is over.";
    409 not_disputed: "Not disputed", "These slots are not in dispute.";
    409 notice_not_allowed: "Notice not allowed", "The terms of the contract allow no notice.";
    409 notice_given: "Notice given", "Notice was given before.";
    409 notice_too_late: "Notice too late", "The contract ends before the notice would have run out.";
    409 recall_not_proposed: "Recall not proposed", "Nobody has proposed to recall the contract.";
    409 same_person: "Same person", "Whoever proposes a recall cannot confirm it.";
    409 clock_believed: "Clock believed", "The server's clock is not in doubt; there is nothing to accept.";
    409 conflict: "Conflict", "The thing is no longer what the request assumes.";
    413 body_too_large: "Body too large", "The body exceeds the limit of the route.";
    415 unsupported_media_type: "Unsupported media type", "The body must be application/json.";
    421 misdirected: "Misdirected request", "This server answers only what other servers of the exchange pass on.";
    422 invalid_field: "Invalid field", "A field is missing, unknown or of the wrong form.";
    422 idempotency_key_required "Idempotency-Key": "Idempotency key required", "This request moves money and needs an Idempotency-Key header.";
    422 unknown_product "product": "Unknown product", "There is no such product.";
    422 unknown_requirement "requirements": "Unknown requirement", "A requirement is malformed or names a site that does not exist.";
    422 invalid_gpus "gpus": "Invalid GPUs", "This is not a number of GPUs that can be traded.";
    422 invalid_lot "lot": "Invalid lot", "GPUs must be a multiple of the lot, and the lot must fit the source's.";
    422 invalid_min_minutes "min_minutes": "Invalid min_minutes", "This is not a rental length, or it is shorter than the source's.";
    422 invalid_price "price": "Invalid price", "A price must be positive and not absurd.";
    422 off_tick "price": "Price off tick", "The price is not a multiple of the product's tick.";
    422 invalid_window "end": "Invalid window", "The window must end after it starts and not be too long.";
    422 window_in_past "start": "Window in the past", "The window has begun or passed.";
    422 out_of_range: "Out of range", "An amount leaves the range of money.";
    422 invalid_combination: "Invalid combination", "These attributes exclude each other.";
    422 funding_not_allowed "funding": "Funding not allowed", "Monthly funding needs a window of more than 30 days and terms of delivery in force.";
    422 invalid_expiry "expires_at": "Invalid expiry", "A gtd order needs an expires_at to come; no other order has one.";
    422 market_halted "product": "Market halted", "Trading in this product is halted.";
    422 organization_suspended: "Organization suspended", "The organization may not place orders.";
    422 source_not_live "contract_id": "Source not live", "The contract behind the ask has ended.";
    422 resale_not_allowed "contract_id": "Resale not allowed", "The listing does not allow resale.";
    422 novation_not_allowed "contract_id": "Novation not allowed", "What is paid for by the month cannot be resold where its buyer would take it over.";
    422 chain_too_deep "contract_id": "Chain too deep", "The chain of title would grow too long.";
    422 outside_source_window "start": "Outside the source's window", "The window leaves that of the listing or contract.";
    422 insufficient_capacity "gpus": "Insufficient capacity", "The listing or contract has fewer GPUs free in some minute.";
    422 below_min_minutes "end": "Below min_minutes", "The window is shorter than the shortest rental.";
    422 window_fixed "start": "Window fixed", "A bid with fills keeps its window.";
    422 below_sold "gpus": "Below sold", "This is less than what is sold, or resting, in some minute to come.";
    422 post_only_would_trade "post_only": "Post-only would trade", "A post-only order that would fill on arrival is refused.";
    422 insufficient_funds: "Insufficient funds", "The available balance does not cover the worst case.";
    422 invalid_text: "Invalid text", "A name, reference or reason is empty or too long.";
    422 invalid_amount "amount": "Invalid amount", "An amount of money must be positive.";
    422 invalid_email "email": "Invalid e-mail address", "This is not an e-mail address.";
    422 invalid_password "password": "Invalid password", "The password is too short or too long.";
    422 invalid_name "name": "Invalid name", "A name must be printable and not too long.";
    422 invalid_scopes "scopes": "Invalid scopes", "A key's scopes must be some of its user's.";
    422 invalid_terms: "Invalid terms", "A share is above the whole, a tick is not a price, or a span is out of range.";
    422 slot_in_future: "Slot in the future", "The slot has not ended yet.";
    422 time_backwards: "Time backwards", "Time only moves forward.";
    422 unknown_rules: "Unknown rules", "This program does not know these rules.";
    429 slow_consumer: "Slow consumer", "The client is too far behind what its stream has to say; come back with Last-Event-ID.";
    429 too_many_requests: "Too many requests", "The rate limit is exhausted; try again after Retry-After seconds.";
    500 internal: "Internal error", "The exchange failed in a way it should not; the request id names the log entry.";
    503 unavailable: "Unavailable", "The exchange cannot take the request now; `applied` says what is known about it.";
    503 clock: "Clock in doubt", "The server's clock has jumped ahead; nothing trades until an admin accepts it.";
    503 view_behind "min_sequence": "View behind", "This server has not yet seen the sequence asked for.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Reject;

    #[test]
    fn every_refusal_has_a_row() {
        let missing: Vec<_> = Reject::ALL.iter().filter(|reject| find(reject.code()).is_none()).collect();
        assert_eq!(missing, Vec::<&Reject>::new());
    }

    #[test]
    fn refusals_have_the_statuses_of_the_design() {
        for (reject, status) in [
            (Reject::RoleRequired, 403),
            (Reject::NotFound, 404),
            (Reject::ClientOrderIdReused, 409),
            (Reject::OrderNotOpen, 409),
            (Reject::IdempotencyKeyReused, 409),
            (Reject::SymbolTaken, 409),
            (Reject::InsufficientFunds, 422),
            (Reject::OffTick, 422),
        ] {
            assert_eq!(find(reject.code()).map(|row| row.status), Some(status), "{reject:?}");
        }
    }

    #[test]
    fn codes_are_unique_and_said_in_one_sentence() {
        for (at, row) in CODES.iter().enumerate() {
            assert!(CODES[at + 1..].iter().all(|other| other.code != row.code), "{}", row.code);
            assert!(row.prose.ends_with('.') && !row.title.is_empty(), "{}", row.code);
        }
    }
}
