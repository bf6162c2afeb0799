//! The real prices that traders look at: what a spot GPU cost at Google Cloud in us-central1.

use super::Scene;
use super::desk::Desk;
use crate::app::ingest::{FEE_BPS, TICK};
use crate::app::{AppError, Venue};
use crate::cli::demo::scaled;
use crate::exchange::{Command, Made};
use crate::market::Day;
use crate::types::{Price, ProductId, Symbol};

const SOURCE: &str = "gcp";
const KIND: &str = "spot";
const REGION: &str = "us-central1";
const FIRST: &str = "h100";
/// Days over which traders see prices rise or fall.
const TREND_DAYS: u32 = 45;
const PER_CENT: i64 = 100;

/// A product and its real price by day.
pub(in crate::cli::demo) struct Track {
    symbol: Symbol,
    /// The product on the exchange.
    pub(super) product: ProductId,
    path: Vec<(Day, Price)>,
}

impl Track {
    /// Returns the price of a day: that of the last day before it on which it was seen, or of the first.
    fn on(&self, day: Day) -> Option<Price> {
        let seen = self.path.partition_point(|(seen, _)| *seen <= day);
        self.path.get(seen.saturating_sub(1)).map(|(_, price)| *price)
    }

    /// Returns a day's price in per cent of the price some weeks before.
    pub(super) fn trend(&self, day: Day) -> i64 {
        let before = self.on(Day::new(day.get().saturating_sub(TREND_DAYS)));
        let prices = self.on(day).zip(before);
        let of_before = prices.map(|(now, before)| {
            now.micros().saturating_mul(PER_CENT).checked_div(before.micros()).unwrap_or(PER_CENT)
        });
        of_before.unwrap_or(PER_CENT)
    }
}

impl Scene {
    /// Returns a price at so many per cent of today's, as one trader sees it: up to 3 % off.
    pub(super) fn price(&mut self, track: usize, percent: u32) -> Result<Price, AppError> {
        let off = self.dice.between(97, 103);
        let row = self.tracks.get(track).and_then(|track| track.on(self.day)).ok_or_else(no_prices)?;
        scaled(scaled(row, i64::from(percent), TICK)?, i64::from(off), TICK)
    }
}

/// Returns the products whose real prices go back to the first day, the H100 first.
pub(in crate::cli::demo) async fn tracks(venue: &Venue, first: Day) -> Result<Vec<Track>, AppError> {
    let series = venue.app().price_series().await?;
    let mut tracks = Vec::new();
    for series in series.iter().filter(|series| series.source == SOURCE && series.kind == KIND) {
        let path: Vec<(Day, Price)> = series.points.iter().map(|point| (Day::of(point.at), point.price)).collect();
        let goes_back = path.first().is_some_and(|(day, _)| *day <= first);
        if let (Some(symbol), true) = (Symbol::new(series.product.as_str()), goes_back)
            && series.region.as_deref() == Some(REGION)
        {
            tracks.push(Track { symbol, product: ProductId::new(0), path });
        }
    }
    tracks.sort_by_key(|track| !track.symbol.as_str().starts_with(FIRST));
    if tracks.first().is_none_or(|track| !track.symbol.as_str().starts_with(FIRST)) {
        return Err(no_prices());
    }
    Ok(tracks)
}

/// Opens the market of each product.
pub(super) fn make_products(desk: &mut Desk, tracks: &mut [Track]) -> Result<(), AppError> {
    for track in tracks {
        let (symbol, name) = (track.symbol.clone(), track.symbol.to_string());
        let made = desk.must(Command::CreateProduct { symbol, name, tick: TICK, fee_bps: FEE_BPS })?;
        let Made::Product(product) = made else { return Err(no_prices()) };
        track.product = product;
    }
    Ok(())
}

fn no_prices() -> AppError {
    AppError::Internal("the bundled series has no spot prices from the first day on".to_owned())
}
