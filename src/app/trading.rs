//! Orders: placing, previewing, amending, cancelling and reading them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::catalogue::{Accepted, listing_by_id, made_nothing, product_named, site_by_id};
use super::face::{Faces, Mentioned, Mentions};
use super::reads::{Listed, OrderFilter, Slice};
use super::view::Title;
use super::{App, AppError, Receipt, Scope, View, facade::Caller};
use crate::exchange::entities::{Order, Product, Trade};
use crate::exchange::{
    AmendOrder, BidWindow, Command, Event, Made, PlaceAsk, PlaceBid, Preview, Reject, Requirements, Terms, check_price,
};
use crate::store::read;
use crate::types::limits::REQUIREMENT_VALUES_MAX;
use crate::types::{
    ContractId, Country, Funding, Interconnect, Kind, Minute, OrderId, OrderStatus, OrganizationId, Price, ProductId,
    PublicId, Region, Side, SlaClass, Source, Tier, Timestamp,
};

/// Fills shown with one order.
pub const FILLS_SHOWN_MAX: u32 = 1_000;

/// An order to be placed.
#[derive(Debug, Clone)]
pub enum NewOrder {
    /// An ask.
    Ask(NewAsk),
    /// A bid.
    Bid(NewBid),
}

/// An ask to be placed.
#[derive(Debug, Clone)]
pub struct NewAsk {
    /// A listing or a contract.
    pub source: PublicId,
    /// How many GPUs.
    pub gpus: u32,
    /// From; the source's start if absent.
    pub start: Option<Minute>,
    /// To; the source's end if absent.
    pub end: Option<Minute>,
    /// At what price.
    pub price: Price,
    /// Fills come in multiples of it.
    pub lot: Option<u32>,
    /// The shortest rental.
    pub min_minutes: Option<u32>,
    /// Notice before a window starts.
    pub lead_minutes: u32,
    /// The rest.
    pub terms: Terms,
}

/// A bid to be placed.
#[derive(Debug, Clone)]
pub struct NewBid {
    /// What.
    pub product: String,
    /// How many GPUs.
    pub gpus: u32,
    /// When.
    pub window: BidWindow,
    /// The limit price.
    pub price: Price,
    /// Each fill is a multiple of it.
    pub lot: u32,
    /// What the capacity must be like.
    pub requirements: NewRequirements,
    /// All fills from one site.
    pub same_site: bool,
    /// The limit of the bid that is to replace what a seller defaults on.
    pub cover: Option<Price>,
    /// How what it buys is paid for.
    pub funding: Funding,
    /// The rest.
    pub terms: Terms,
}

/// What a bid asks of the capacity, with sites by their outward ids.
#[derive(Debug, Clone)]
pub struct NewRequirements {
    /// One of these regions.
    pub regions: Vec<String>,
    /// One of these countries.
    pub countries: Vec<String>,
    /// One of these.
    pub interconnects: Vec<Interconnect>,
    /// One of these sites; `None` stands for an id that names no site.
    pub sites: Vec<Option<PublicId>>,
    /// At least this promise.
    pub min_sla_class: SlaClass,
    /// No resale.
    pub primary_only: bool,
    /// A provider known at least so well.
    pub min_tier: Tier,
    /// A provider with at least this published score, in basis points.
    pub min_score_bps: Option<u32>,
}

/// An order whose ids have been looked up: what is left is to queue it.
#[derive(Debug)]
pub struct PreparedOrder {
    organization: OrganizationId,
    command: Command,
    mentioned: Mentioned,
}

/// New values of an order; absent ones stay.
#[derive(Debug, Clone, Copy)]
pub struct OrderChange {
    /// How many GPUs, those already filled included.
    pub gpus: Option<u32>,
    /// At what price.
    pub price: Option<Price>,
    /// From.
    pub start: Option<Minute>,
    /// To.
    pub end: Option<Minute>,
    /// In multiples of what.
    pub lot: Option<u32>,
}

/// Which orders.
#[derive(Debug, Clone, Default)]
pub struct OrdersAsked {
    /// Those that can still trade, from memory; else all, from the store.
    pub live: bool,
    /// Where it stands.
    pub status: Option<OrderStatus>,
    /// Of this side.
    pub side: Option<Side>,
    /// Of this product.
    pub product: Option<String>,
}

/// An order as it stands, with its fills and what else its outward face needs.
#[derive(Debug, Clone)]
pub struct OrderStanding {
    /// The order.
    pub order: Arc<Order>,
    /// Its newest fills, newest first.
    pub fills: Vec<Arc<Trade>>,
    /// The exchange's time.
    pub now: Timestamp,
    /// The journal row this reflects.
    pub as_of: i64,
    /// What it mentions.
    pub mentioned: Mentioned,
}

/// An order as it was seen.
struct Seen {
    order: Arc<Order>,
    /// The exchange's time then.
    now: Timestamp,
    /// The journal row it reflects at least.
    as_of: i64,
}

/// A page of orders, without their fills.
#[derive(Debug, Clone)]
pub struct OrderPage {
    /// The orders.
    pub orders: Listed<Arc<Order>>,
    /// The exchange's time.
    pub now: Timestamp,
    /// The journal row the open ones reflect.
    pub as_of: i64,
    /// What they mention.
    pub mentioned: Mentioned,
}

impl App {
    /// Places an order.
    ///
    /// # Errors
    /// `role_required`, `scope_required`, and what the exchange refuses.
    pub async fn place_order(&self, caller: &Caller, new: NewOrder) -> Result<Accepted<OrderStanding>, AppError> {
        let prepared = self.prepare_order(caller, new).await?;
        self.place_prepared(caller, prepared).await
    }

    /// Does all that comes before an order is queued.
    ///
    /// # Errors
    /// As [`App::place_order`].
    pub async fn prepare_order(&self, caller: &Caller, new: NewOrder) -> Result<PreparedOrder, AppError> {
        let organization = caller.member(Scope::Trade)?;
        let (command, mentioned) = self.command_of(organization, new).await?;
        Ok(PreparedOrder { organization, command, mentioned })
    }

    /// Places a prepared order; it is queued as soon as this is first polled.
    ///
    /// # Errors
    /// As [`App::place_order`].
    pub async fn place_prepared(
        &self,
        caller: &Caller,
        prepared: PreparedOrder,
    ) -> Result<Accepted<OrderStanding>, AppError> {
        let PreparedOrder { organization, command, mut mentioned } = prepared;
        let receipt = self.submit(caller, None, command).await?;
        let Made::Order(id) = receipt.outcome.made else { return Err(made_nothing("order")) };
        if receipt.outcome.replayed {
            let value = self.standing(organization, id).await?;
            return Ok(Accepted { value, replayed: true });
        }
        let fills = fills_of(&receipt, id);
        for fill in &fills {
            mentioned.contract(fill.contract, fill.created_at);
        }
        let now = self.live().read(|view| view.now);
        let as_of = receipt.sequence;
        let order = receipt.outcome.order.ok_or_else(|| made_nothing("order"))?;
        Ok(Accepted { value: OrderStanding { order, fills, now, as_of, mentioned }, replayed: false })
    }

    /// Says what placing an order next would do; never trades.
    ///
    /// # Errors
    /// As [`App::place_order`].
    pub async fn preview_order(&self, caller: &Caller, new: NewOrder) -> Result<(Preview, Timestamp), AppError> {
        let organization = caller.member(Scope::Trade)?;
        let (command, _) = self.command_of(organization, new).await?;
        let preview = self.sequencer().preview(command).await?;
        Ok((preview, self.live().read(|view| view.now)))
    }

    /// Amends an open order.
    ///
    /// # Errors
    /// [`AppError::NotFound`], `order_not_open`, and what the exchange refuses.
    pub async fn amend_order(
        &self,
        caller: &Caller,
        id: PublicId,
        change: OrderChange,
    ) -> Result<OrderStanding, AppError> {
        let organization = caller.member(Scope::Trade)?;
        let order = self.own_open(organization, id).await?;
        let OrderChange { gpus, price, start, end, lot } = change;
        let command = Command::AmendOrder(AmendOrder { organization, order, gpus, price, start, end, lot });
        self.changed(organization, caller, order, command).await
    }

    /// Cancels an open order.
    ///
    /// # Errors
    /// [`AppError::NotFound`], `order_not_open`.
    pub async fn cancel_order(&self, caller: &Caller, id: PublicId) -> Result<OrderStanding, AppError> {
        let organization = caller.member(Scope::Trade)?;
        let order = self.own_open(organization, id).await?;
        self.changed(organization, caller, order, Command::CancelOrder { organization, order }).await
    }

    /// Cancels every open order of the caller's organization; returns their ids and the journal row.
    ///
    /// # Errors
    /// `role_required`, `scope_required`, `unknown_product`.
    pub async fn cancel_orders(
        &self,
        caller: &Caller,
        product: Option<&str>,
        side: Option<Side>,
    ) -> Result<(Vec<PublicId>, i64), AppError> {
        let organization = caller.member(Scope::Trade)?;
        let product = self.product_number(product)?;
        let receipt = self.submit(caller, None, Command::CancelAll { organization, product, side }).await?;
        let ended: BTreeSet<OrderId> = receipt.outcome.events.iter().filter_map(ended_order).collect();
        if ended.is_empty() {
            return Ok((Vec::new(), receipt.sequence));
        }
        let mentions = Mentions { orders: ended, ..Mentions::default() };
        let mentioned = self.look_up(mentions.clone()).await?;
        let faces = self.live().read(|view| {
            let faces = Faces::new(view, &mentioned);
            mentions.orders.iter().map(|order| faces.order(*order)).collect::<Result<Vec<_>, _>>()
        });
        Ok((faces?, receipt.sequence))
    }

    /// Returns an order the caller may see.
    ///
    /// # Errors
    /// [`AppError::NotFound`], `scope_required`, or if the store fails.
    pub async fn order(&self, caller: &Caller, id: PublicId) -> Result<OrderStanding, AppError> {
        let of = caller.reader()?;
        let seen = self.find_order(id).await?;
        let seen = seen.filter(|seen| of.is_none_or(|own| own == seen.order.organization));
        self.with_fills(seen.ok_or(AppError::NotFound)?).await
    }

    /// Returns the orders of the caller's organization, newest first.
    ///
    /// # Errors
    /// `role_required`, `scope_required`, `unknown_product`, or if the store fails.
    pub async fn orders(&self, caller: &Caller, asked: OrdersAsked, slice: Slice) -> Result<OrderPage, AppError> {
        let organization = caller.member(Scope::Read)?;
        let product = self.product_number(asked.product.as_deref())?;
        let filter = OrderFilter { status: asked.status, side: asked.side, product };
        let (now, as_of, open) = self.live().read(|view| {
            let open = asked.live.then(|| open_orders(view, organization, filter, slice));
            (view.now, view.as_of, open)
        });
        let orders = match open {
            Some(orders) => orders,
            None => {
                let read = move |reader: &mut _| read::orders::of_organization(reader, organization, &filter, slice);
                self.read(read).await?
            }
        };
        let mut mentions = Mentions::default();
        orders.rows.iter().for_each(|order| mentions.source(order.source));
        Ok(OrderPage { now, as_of, mentioned: self.look_up(mentions).await?, orders })
    }

    fn product_number(&self, name: Option<&str>) -> Result<Option<ProductId>, AppError> {
        let Some(name) = name else { return Ok(None) };
        let product = self.live().read(|view| product_named(view, name).map(|row| row.id));
        Ok(Some(product.ok_or(Reject::UnknownProduct)?))
    }

    /// Submits a change of an open order and returns the order as it stands after it.
    async fn changed(
        &self,
        organization: OrganizationId,
        caller: &Caller,
        order: OrderId,
        command: Command,
    ) -> Result<OrderStanding, AppError> {
        let receipt = self.submit(caller, None, command).await?;
        let now = self.live().read(|view| view.now);
        match receipt.outcome.order {
            Some(order) => self.with_fills(Seen { order, now, as_of: receipt.sequence }).await,
            None => self.standing(organization, order).await,
        }
    }

    /// Returns the number of an order if it is the organization's and can still trade.
    async fn own_open(&self, organization: OrganizationId, id: PublicId) -> Result<OrderId, AppError> {
        let Seen { order, .. } = self.find_order(id).await?.ok_or(AppError::NotFound)?;
        if order.organization != organization {
            return Err(AppError::NotFound);
        }
        if order.status.is_open() { Ok(order.id) } else { Err(Reject::OrderNotOpen.into()) }
    }

    async fn find_order(&self, id: PublicId) -> Result<Option<Seen>, AppError> {
        let seen = self.see(OrderId::new(id.number)).await?;
        Ok(seen.filter(|seen| id.kind == Kind::Order && seen.order.created_at == id.created_at))
    }

    async fn see(&self, id: OrderId) -> Result<Option<Seen>, AppError> {
        let (open, now, as_of) = self.live().read(|view| (view.orders.get(&id).cloned(), view.now, view.as_of));
        let order = match open {
            Some(order) => Some(order),
            None => self.read(move |reader| read::orders::get(reader, id)).await?,
        };
        Ok(order.map(|order| Seen { order, now, as_of }))
    }

    async fn standing(&self, organization: OrganizationId, id: OrderId) -> Result<OrderStanding, AppError> {
        let seen = self.see(id).await?.filter(|seen| seen.order.organization == organization);
        self.with_fills(seen.ok_or(AppError::NotFound)?).await
    }

    /// Adds its fills to an order. They are walked from the last one it knows, so they are those of the order as it was
    /// seen, whatever has happened since.
    async fn with_fills(&self, seen: Seen) -> Result<OrderStanding, AppError> {
        let Seen { order, now, as_of } = seen;
        let mut mentions = Mentions::default();
        mentions.source(order.source);
        if order.fills == 0 {
            let mentioned = self.look_up(mentions).await?;
            return Ok(OrderStanding { order, fills: Vec::new(), now, as_of, mentioned });
        }
        let (order, fills, mut mentioned) = self
            .read(move |reader| {
                let fills = read::trades::of_order(reader, &order, Slice::first(FILLS_SHOWN_MAX))?.map(Arc::new).rows;
                let mentioned = mentions.look_up(reader)?;
                Ok((order, fills, mentioned))
            })
            .await?;
        for fill in &fills {
            mentioned.contract(fill.contract, fill.created_at);
        }
        Ok(OrderStanding { order, fills, now, as_of, mentioned })
    }

    async fn command_of(&self, organization: OrganizationId, new: NewOrder) -> Result<(Command, Mentioned), AppError> {
        match new {
            NewOrder::Bid(bid) => {
                let command = self.live().read(|view| bid_command(view, organization, bid))?;
                Ok((command, Mentioned::default()))
            }
            NewOrder::Ask(ask) => {
                let mut mentioned = Mentioned::default();
                let source = self.source_of(organization, ask.source, &mut mentioned).await?;
                Ok((ask_command(organization, source, ask), mentioned))
            }
        }
    }

    async fn source_of(
        &self,
        organization: OrganizationId,
        id: PublicId,
        mentioned: &mut Mentioned,
    ) -> Result<Source, AppError> {
        if id.kind == Kind::Listing {
            let listing = self.live().read(|view| listing_by_id(view, id).map(|row| row.id));
            return listing.map(Source::Listing).ok_or(AppError::NotFound);
        }
        let number = ContractId::new(id.number);
        let title = match self.live().read(|view| view.titles.get(&number).copied()) {
            Some(title) => Some(title),
            // Only what cannot be resold any more is not in the view; the store tells that from what never was.
            None => {
                let ended = self.read(move |reader| read::contracts::get(reader, number)).await?;
                ended.as_ref().map(Title::of)
            }
        };
        let own = |title: &Title| title.buyer == organization && title.created_at == id.created_at;
        let title = title.filter(|title| id.kind == Kind::Contract && own(title)).ok_or(AppError::NotFound)?;
        mentioned.contract(number, title.created_at);
        Ok(Source::Contract(number))
    }
}

/// Returns the fills of an order among the events of the command that placed it, newest first.
fn fills_of(receipt: &Receipt, order: OrderId) -> Vec<Arc<Trade>> {
    let traded = |event: &Event| match event {
        Event::Traded { trade, .. } if trade.ask == order || trade.bid == order => Some(Arc::clone(trade)),
        _ => None,
    };
    let newest_first = receipt.outcome.events.iter().rev();
    newest_first.filter_map(traded).take(usize::try_from(FILLS_SHOWN_MAX).unwrap_or(usize::MAX)).collect()
}

const fn ended_order(event: &Event) -> Option<OrderId> {
    match event {
        Event::OrderEnded { order, .. } => Some(*order),
        _ => None,
    }
}

fn open_orders(view: &View, own: OrganizationId, filter: OrderFilter, slice: Slice) -> Listed<Arc<Order>> {
    let before = OrderId::new(slice.before.unwrap_or(i64::MAX));
    let fits = usize::try_from(slice.limit).unwrap_or(usize::MAX);
    let ids = view.orders_of.get(&own).into_iter().flat_map(|ids| ids.range(..before).rev());
    let found = ids.filter_map(|id| view.orders.get(id)).filter(|order| filter.takes(order));
    Listed::of(found.take(fits.saturating_add(1)).cloned().collect(), slice, |order| order.id.number())
}

fn ask_command(organization: OrganizationId, source: Source, ask: NewAsk) -> Command {
    let NewAsk { gpus, start, end, price, lot, min_minutes, lead_minutes, terms, .. } = ask;
    Command::PlaceAsk(PlaceAsk { organization, source, gpus, start, end, price, lot, min_minutes, lead_minutes, terms })
}

/// Tells whether requirements are worth queueing: what the exchange refuses for its form is not journalled at any length.
fn is_bounded(asked: &NewRequirements) -> bool {
    let counts = [asked.regions.len(), asked.countries.len(), asked.interconnects.len(), asked.sites.len()];
    counts.into_iter().all(|count| count <= REQUIREMENT_VALUES_MAX)
        && asked.regions.iter().all(|region| Region::new(region.as_str()).is_some())
        && asked.countries.iter().all(|country| Country::new(country.as_str()).is_some())
}

/// Refuses a cover price by the rules of prices; the exchange does so too, but cannot say that it is not the bid's own.
fn check_cover(limit: Price, product: &Product) -> Result<(), AppError> {
    check_price(limit, Some(product)).map_err(|reject| AppError::Invalid {
        code: reject.code(),
        field: "cover_price".to_owned(),
        message: "must be positive, not absurd, and a multiple of the product's tick".to_owned(),
    })
}

fn bid_command(view: &View, organization: OrganizationId, bid: NewBid) -> Result<Command, AppError> {
    let product = product_named(view, &bid.product).ok_or(Reject::UnknownProduct)?;
    bid.cover.map_or(Ok(()), |limit| check_cover(limit, product))?;
    let product = product.id;
    let asked = bid.requirements;
    if !is_bounded(&asked) {
        return Err(Reject::UnknownRequirement.into());
    }
    let site = |id: &Option<PublicId>| id.and_then(|id| site_by_id(view, id)).map(|site| site.id);
    let site_ids: Option<Vec<_>> = asked.sites.iter().map(site).collect();
    let requirements = Requirements {
        regions: asked.regions,
        countries: asked.countries,
        interconnects: asked.interconnects,
        site_ids: site_ids.ok_or(Reject::UnknownRequirement)?,
        min_sla_class: asked.min_sla_class,
        primary_only: asked.primary_only,
        min_tier: asked.min_tier,
        min_score_bps: asked.min_score_bps,
    };
    let NewBid { gpus, window, price, lot, same_site, cover, funding, terms, .. } = bid;
    Ok(Command::PlaceBid(PlaceBid {
        organization,
        product,
        gpus,
        window,
        price,
        lot,
        requirements,
        same_site,
        terms,
        cover,
        funding,
    }))
}
