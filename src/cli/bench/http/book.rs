//! The book of a window, read while orders run at half load, beside the echo.

use std::sync::Arc;

use serde_json::{Value, json};

use super::super::client::{Load, ask};
use super::super::figure::{Figure, Goal, ratio};
use super::request::{BATCHES, ORDERS, get, post};
use super::server::Server;
use super::{Run, complain};
use crate::app::market_data::LEVELS_MAX;
use crate::cli::Failure;
use crate::types::Minute;
use crate::types::limits::BATCH_ORDERS_MAX;

/// The window begins so many minutes after the market was set up, and lasts so many.
const AHEAD: u32 = 30 * 24 * 60;
const MINUTES: u32 = 60;
/// The lowest price, in tenths of a cent: no bid of the load reaches it.
const PRICE_MIN: usize = 5_000;

pub(super) async fn measure(run: &Run) -> Result<Vec<Figure>, Failure> {
    let connections = run.connections();
    let server = run.serve()?;
    let read = Arc::new(fill(run, &server).await?);
    let mut ratios = Vec::new();
    for _ in 0..run.rounds {
        let echo = run.echo(&server, connections).await?.per_second();
        let full = run.load(&server, connections, ORDERS).run().await?;
        let half = (full.per_second() / 2).max(1);
        let orders = Load { pace: Some(half), ..run.load(&server, connections, ORDERS) };
        let request = Arc::clone(&read);
        // Its numbers are nobody's: the orders are paced by theirs.
        let numbers = Arc::default();
        let reads = Load { numbers, ..run.load_of(&server, connections, Arc::new(move |_| request.to_vec())) };
        let (orders, reads) = tokio::join!(orders.run(), reads.run());
        let (orders, reads) = (orders?, reads?);
        complain("orders", &orders);
        complain("reads", &reads);
        println!(
            "book of {LEVELS_MAX} prices, {connections} connections: {}/s beside {} orders/s of {}/s; echo {echo}/s",
            reads.per_second(),
            orders.per_second(),
            full.per_second()
        );
        ratios.push(ratio(reads.per_second(), echo));
    }
    server.stop()?;
    let name = format!("book of a window, {LEVELS_MAX} prices, at half load / echo");
    Ok(vec![Figure::new(name, Some(Goal::at_least(30, 60)), ratios)])
}

/// Offers something at so many prices that the book is full; returns the request that reads it.
async fn fill(run: &Run, server: &Server) -> Result<Vec<u8>, Failure> {
    let start = run.cast.now.plus(AHEAD);
    let window = (start, start.plus(MINUTES));
    let seller = run.cast.sellers.first().and_then(|seller| Some((seller, *seller.listings.first()?)));
    let (seller, listing) = seller.ok_or_else(|| Failure::new("nobody sells"))?;
    let symbol = run.cast.symbols.get(listing.product).ok_or_else(|| Failure::new("no such product"))?;
    let prices: Vec<usize> = (PRICE_MIN..PRICE_MIN.saturating_add(LEVELS_MAX)).collect();
    for prices in prices.chunks(BATCH_ORDERS_MAX) {
        let orders: Vec<Value> = prices.iter().map(|price| offer(&listing.public, window, *price)).collect();
        let request = post(BATCHES, &seller.key, &json!({ "orders": orders }));
        expect(ask(server.address, &request).await?, |answer| answer.pointer("/results/0/order").is_some())?;
    }
    let (start, end) = (window.0.to_rfc3339(), window.1.to_rfc3339());
    let request = get(&format!("/v1/markets/{symbol}/book?start={start}&end={end}"), &seller.key);
    let is_full =
        |answer: &Value| answer.get("asks").and_then(Value::as_array).is_some_and(|asks| asks.len() == LEVELS_MAX);
    expect(ask(server.address, &request).await?, is_full)?;
    Ok(request)
}

fn offer(listing: &uuid::Uuid, (start, end): (Minute, Minute), price: usize) -> Value {
    json!({
        "side": "ask", "listing_id": listing, "gpus": 8, "start": start.to_rfc3339(), "end": end.to_rfc3339(),
        "price": format!("{}.{:03}", price / 1_000, price % 1_000), "client_order_id": format!("level-{price}"),
    })
}

fn expect((status, body): (u16, Vec<u8>), is_good: impl Fn(&Value) -> bool) -> Result<(), Failure> {
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status == 200 && is_good(&answer) {
        return Ok(());
    }
    Err(Failure::new(format!("{status} {}", String::from_utf8_lossy(&body))))
}
