//! Every limit of the exchange that a user can run into, by name.

/// Fills one command may make; the next one is not made (`fill_limit`).
pub const FILLS_PER_COMMAND_MAX: usize = 1_024;
/// Contracts in one chain of title, the first sale included.
pub const CHAIN_DEPTH_MAX: u8 = 8;
/// GPUs in one order or listing.
pub const GPUS_MAX: u32 = 1_000_000;
/// Price in micro-USD per GPU-hour ($1,000,000).
pub const PRICE_MICROS_MAX: i64 = 1_000_000_000_000;
/// Length of an order's or a listing's window: ten years of minutes.
pub const WINDOW_MINUTES_MAX: u32 = 10 * 366 * 24 * 60;
/// Values in one list of a bid's requirements.
pub const REQUIREMENT_VALUES_MAX: usize = 64;
/// Characters in a name, reference or reason.
pub const NAME_CHARS_MAX: usize = 200;
/// Characters in a region.
pub const REGION_CHARS_MAX: usize = 64;
/// Characters in a product symbol.
pub const SYMBOL_CHARS_MAX: usize = 64;
/// Characters in a `client_order_id` or an `Idempotency-Key`.
pub const KEY_CHARS_MAX: usize = 128;
/// How long a `client_order_id` is remembered after the order was placed.
pub const CLIENT_ORDER_ID_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// How long an `Idempotency-Key` is remembered.
pub const IDEMPOTENCY_KEY_MS: i64 = 24 * 60 * 60 * 1_000;
/// Basis points in a whole.
pub const BPS_WHOLE: u32 = 10_000;
/// Orders in one `POST /v1/orders/batch`.
pub const BATCH_ORDERS_MAX: usize = 100;
/// Rows in one page of a list.
pub const PAGE_ROWS_MAX: u32 = 200;
/// Rows of one side write.
pub const SIDE_ROWS_MAX: usize = 500;
/// Contracts one `Meter` command reports on.
pub const METER_REPORTS_MAX: usize = 1_000;
/// Runs in the report on one contract: two days of slots, none like the one before.
pub const METER_RUNS_MAX: usize = 576;
/// Minutes in a contract month, counted from the contract's start: 30 days.
pub const MONTH_MINUTES: u32 = 30 * 24 * 60;
/// A monthly draw that the buyer could not pay is tried again after so many minutes, and in the minute its month begins.
pub const DRAW_AGAIN_MINUTES: u32 = 60;
/// What a GPU may draw, in watts.
pub const POWER_W_MAX: u32 = 100_000;
/// Contracts one `Settle` command looks at.
pub const SETTLE_CONTRACTS_MAX: u32 = 256;
/// Characters in what a provider hands over: a host, a host key, a user name, a sealed secret.
pub const ACCESS_CHARS_MAX: usize = 8_192;
/// Contracts that a statement lists; its totals are over all.
pub const STATEMENT_CONTRACTS_MAX: usize = 10_000;
/// Transfers in the file of a statement; the document has them all, page by page.
pub const STATEMENT_FILE_TRANSFERS_MAX: u32 = 50_000;
/// Transfers on the printed page of a statement.
pub const STATEMENT_PAGE_TRANSFERS_MAX: u32 = 2_000;
/// Months in a list of statements; older ones are had by their names.
pub const STATEMENT_MONTHS_MAX: usize = 120;
/// Contracts of a provider that its reputation looks at, the newest.
pub const REPUTATION_CONTRACTS_MAX: usize = 100_000;
/// Statements that one process makes up at once.
pub const STATEMENTS_AT_ONCE_MAX: usize = 2;
/// Committed batches that a node keeps for those who come back to `GET /v1/stream`.
pub const STREAM_BATCHES_MAX: usize = 10_000;
/// Bytes of them, about.
pub const STREAM_BATCHES_BYTES_MAX: usize = 32 * 1_024 * 1_024;
/// Topics of one stream.
pub const STREAM_TOPICS_MAX: usize = 64;
/// Trades of each product in a snapshot, the newest.
pub const STREAM_SNAPSHOT_TRADES: u32 = 50;
/// Contracts in a snapshot, the newest.
pub const STREAM_SNAPSHOT_CONTRACTS: u32 = 50;
/// Bytes that wait for one client of a stream; one that is further behind is let go.
pub const STREAM_BEHIND_BYTES_MAX: usize = 1_024 * 1_024;
/// Streams that one process serves at once.
pub const STREAMS_MAX: usize = 1_024;
/// Streams of one API key, user or, without either, address.
pub const STREAMS_OF_ONE_MAX: usize = 64;
/// Books of windows kept for those who ask next; each takes up to 150 kB.
pub const BOOKS_MAX: usize = 128;
/// Scores published by one command.
pub const SCORES_MAX: usize = 1_000;
/// What counts as the score of a provider of whom nothing was published: 97 %, as in the formula's prior.
pub const SCORE_PRIOR_BPS: u32 = 9_700;
/// Fixes of the index published by one command.
pub const FIXES_MAX: usize = 256;
