//! What is durable, in the auditor's words.

use super::audit::{
    Amend, Contract, Facts, Flow, Listing, Lower, Place, Pocket, Purse, Reply, Report, Request, Row, Standing,
    Terms as DeliveryTerms, Trade, Transfer, Wants,
};
use crate::app::{AppError, Receipt};
use crate::exchange::entities::{self, Account, Cause};
use crate::exchange::{BidWindow, Command, Made, MeterReport, PlaceAsk, PlaceBid, Requirements, Terms, parse_command};
use crate::store::{Batch, JournalRow};
use crate::types::{AccountKind, ContractStatus, Side, SlaClass};

/// Returns what a batch says.
///
/// # Errors
/// A row that cannot be read, or a trade without its contract.
pub(super) fn of(batch: &Batch) -> Result<Facts, String> {
    let changes = &batch.changes;
    let trade = |(trade, contract): (&std::sync::Arc<entities::Trade>, &std::sync::Arc<entities::Contract>)| Trade {
        id: trade.id.number(),
        ask: trade.ask.number(),
        bid: trade.bid.number(),
        gpus: trade.gpus,
        price_micros: trade.price.micros(),
        contract: self::contract(contract),
    };
    if changes.trades.len() != changes.contracted.len() {
        return Err("a trade without a contract".to_owned());
    }
    let live = changes.contracts.values().filter(|row| row.status.is_live());
    let over = changes.contracts.values().filter(|row| !row.status.is_live());
    Ok(Facts {
        rows: batch.journal.iter().map(row).collect::<Result<_, _>>()?,
        trades: changes.trades.iter().zip(&changes.contracted).map(trade).collect(),
        transfers: changes.transfers.iter().map(transfer).collect(),
        orders: changes.orders.values().map(|order| standing(order)).collect(),
        live: live.map(|row| (contract(row), is_in_use(row.status))).collect(),
        completed: over.map(|row| row.id.number()).collect(),
        purses: changes.purses.iter().map(|(id, row)| (id.number(), purse(row))).collect(),
    })
}

const fn is_in_use(status: ContractStatus) -> bool {
    matches!(status, ContractStatus::Active | ContractStatus::Degraded | ContractStatus::Disputed)
}

/// Returns what a reply says.
pub(super) fn reply(result: &Result<Receipt, AppError>) -> Reply {
    match result {
        Ok(receipt) => Reply::Done {
            sequence: receipt.sequence,
            made: made(receipt.outcome.made),
            replayed: receipt.outcome.replayed,
        },
        Err(AppError::Reject(reject)) => Reply::Refused(reject.code()),
        Err(AppError::NotApplied | AppError::ClockJumped) => Reply::NotApplied,
        Err(AppError::Unknown) => Reply::Unknown,
        Err(other) => Reply::Broken(other.to_string()),
    }
}

const fn made(made: Made) -> (&'static str, i64) {
    match made {
        Made::Order(id) => ("order", id.number()),
        Made::Organization(id) => ("organization", id.number()),
        Made::Product(id) => ("product", id.number()),
        Made::Site(id) => ("site", id.number()),
        Made::Listing(id) => ("listing", id.number()),
        Made::Transfer(id, _) => ("transfer", id.number()),
        Made::Contract(id) => ("contract", id.number()),
        Made::Nothing => ("nothing", 0),
    }
}

fn row(row: &JournalRow) -> Result<Row, String> {
    let command = parse_command(&row.command).map_err(|error| error.to_string())?;
    let client = match &command {
        Command::PlaceAsk(ask) => Some((ask.organization, &ask.terms.client_order_id)),
        Command::PlaceBid(bid) => Some((bid.organization, &bid.terms.client_order_id)),
        _ => None,
    };
    let name = match client {
        Some((organization, id)) => id.clone().map(|id| (format!("organization {organization}"), id)),
        None => row.idempotency_key.clone().map(|key| (row.actor.clone(), key)),
    };
    // Time comes without a request.
    let request_id = if matches!(command, Command::Advance { .. }) { String::new() } else { row.request_id.clone() };
    let (sequence, text, outcome) = (row.sequence, row.command.clone(), row.outcome.clone());
    Ok(Row { sequence, request_id, name, text, request: request(command), outcome })
}

fn request(command: Command) -> Request {
    match command {
        Command::Advance { now } => Request::Advance(now),
        Command::RegisterOrganization { .. } => Request::Register,
        Command::CreateProduct { fee_bps, .. } => Request::Product { fee_bps },
        Command::HaltProduct { product, halted } => Request::Halt { product: product.number(), halted },
        Command::CreateSite { organization, region, country, .. } => {
            Request::Site { organization: organization.number(), region: region.into(), country: country.into() }
        }
        Command::CreateListing { .. } => listing(command),
        Command::AmendListing { organization, listing, gpus, start, end } => {
            Request::Lower(Lower { organization: organization.number(), listing: listing.number(), gpus, start, end })
        }
        Command::EndContract { contract, fault, .. } => Request::EndContract { contract: contract.number(), fault },
        Command::PlaceAsk(ask) => Request::Place(place_ask(&ask)),
        Command::PlaceBid(bid) => Request::Place(place_bid(bid)),
        Command::AmendOrder(amend) => Request::Amend(Amend {
            organization: amend.organization.number(),
            order: amend.order.number(),
            gpus: amend.gpus,
            price_micros: amend.price.map(|price| price.micros()),
            start: amend.start,
            end: amend.end,
            lot: amend.lot,
        }),
        Command::CancelOrder { organization, order } => {
            Request::Cancel { organization: organization.number(), order: order.number() }
        }
        Command::CancelAll { organization, product, side } => Request::CancelAll {
            organization: organization.number(),
            product: product.map(|product| product.number()),
            side,
        },
        Command::SuspendOrganization { organization, suspended } => {
            Request::Suspend { organization: organization.number(), suspended }
        }
        Command::Deposit { organization, amount, .. } => {
            Request::Money { organization: organization.number(), micros: amount.micros() }
        }
        Command::Withdraw { organization, amount, .. } => {
            Request::Money { organization: organization.number(), micros: amount.micros().saturating_neg() }
        }
        Command::PublishTerms(terms) => Request::Publish(DeliveryTerms {
            close_after_minutes: terms.close_after_minutes,
            credits: terms.credits.iter().map(|step| (step.share_bps, step.times)).collect(),
        }),
        Command::DeclareReady { contract, .. } => Request::Ready { contract: contract.number() },
        Command::DeliverAccess { contract, .. } => Request::HandOver { contract: contract.number() },
        Command::AcceptDelivery { organization, contract } => {
            Request::Accept { organization: organization.number(), contract: contract.number() }
        }
        Command::Meter { organization, reports } => {
            Request::Meter { organization: organization.number(), reports: reports.iter().map(report).collect() }
        }
        Command::Settle { .. } => Request::Settle,
        _ => Request::Other,
    }
}

fn report(report: &MeterReport) -> Report {
    let runs = report.runs.iter().map(|run| (run.window(), run.gpus_up())).collect();
    Report { contract: report.contract.number(), runs }
}

fn listing(command: Command) -> Request {
    let Command::CreateListing {
        organization,
        site,
        product,
        gpus,
        start,
        end,
        interconnect,
        sla_class,
        resale_allowed,
        ..
    } = command
    else {
        return Request::Other;
    };
    Request::List(Listing {
        organization: organization.number(),
        site: site.number(),
        product: product.number(),
        gpus,
        window: crate::types::Window::new(start, end),
        interconnect,
        sla_class,
        resale_allowed,
    })
}

fn place(organization: i64, side: Side, terms: &Terms) -> Place {
    Place {
        organization,
        side,
        product: 0,
        source: None,
        gpus: 0,
        start: None,
        end: None,
        minutes: None,
        price_micros: 0,
        lot: None,
        min_minutes: None,
        lead_minutes: 0,
        wants: wants(Requirements::default()),
        time_in_force: terms.time_in_force,
        expires_at: terms.expires_at,
        post_only: terms.post_only,
        self_trade: terms.self_trade,
    }
}

fn place_ask(ask: &PlaceAsk) -> Place {
    Place {
        source: Some(ask.source),
        gpus: ask.gpus,
        start: ask.start,
        end: ask.end,
        price_micros: ask.price.micros(),
        lot: ask.lot,
        min_minutes: ask.min_minutes,
        lead_minutes: ask.lead_minutes,
        ..place(ask.organization.number(), Side::Ask, &ask.terms)
    }
}

fn place_bid(bid: PlaceBid) -> Place {
    let (start, end, minutes) = match bid.window {
        BidWindow::Fixed { start, end } => (Some(start), Some(end), None),
        BidWindow::AtOnce { minutes } => (None, None, Some(minutes)),
    };
    Place {
        product: bid.product.number(),
        gpus: bid.gpus,
        start,
        end,
        minutes,
        price_micros: bid.price.micros(),
        lot: Some(bid.lot),
        wants: wants(bid.requirements),
        ..place(bid.organization.number(), Side::Bid, &bid.terms)
    }
}

fn wants(asked: Requirements) -> Wants {
    // No simulated trader asks for a rank.
    let Requirements { regions, countries, interconnects, site_ids, min_sla_class, primary_only, .. } = asked;
    let sites = site_ids.into_iter().map(|site| site.number()).collect();
    let min_sla_class: SlaClass = min_sla_class;
    Wants { regions, countries, interconnects, sites, min_sla_class, primary_only }
}

fn contract(row: &entities::Contract) -> Contract {
    Contract {
        id: row.id.number(),
        product: row.product.number(),
        site: row.site.number(),
        listing: row.listing.number(),
        source: row.source,
        seller: row.seller.number(),
        buyer: row.buyer.number(),
        gpus: row.gpus,
        window: row.window,
        price_micros: row.price.micros(),
        lot: row.lot,
        min_minutes: row.min_minutes,
        fee_bps: row.fee_bps,
        depth: row.depth,
        escrow_micros: row.escrow.micros(),
    }
}

fn transfer(row: &entities::Transfer) -> Transfer {
    let account = |account: Account| (account.organization.number(), pocket(account.kind));
    Transfer {
        id: row.id.number(),
        debit: account(row.debit),
        credit: account(row.credit),
        micros: row.amount.micros(),
        flow: flow(row.cause),
    }
}

const fn flow(cause: Cause) -> Option<(Flow, i64)> {
    match cause {
        Cause::Payment(id) => Some((Flow::Payment, id.number())),
        Cause::Fee(id) => Some((Flow::Fee, id.number())),
        Cause::Refund(id) => Some((Flow::Refund, id.number())),
        Cause::PriceGap(id) => Some((Flow::PriceGap, id.number())),
        _ => None,
    }
}

const fn pocket(kind: AccountKind) -> Pocket {
    match kind {
        AccountKind::Available => Pocket::Available,
        AccountKind::Held => Pocket::Held,
        AccountKind::Escrow => Pocket::Escrow,
        AccountKind::External => Pocket::Outside,
        AccountKind::Bond => Pocket::Bond,
    }
}

fn standing(row: &entities::Order) -> Standing {
    Standing {
        id: row.id.number(),
        sequence: row.sequence,
        gpus: row.gpus,
        window: row.window,
        price_micros: row.price.micros(),
        lot: row.lot,
        filled_gpus: row.filled_gpus,
        sold: row.sold.clone(),
        held_micros: row.held.micros(),
        status: row.status,
        reason: row.reason,
    }
}

const fn purse(row: &entities::Purse) -> Purse {
    Purse {
        available: row.available.micros(),
        held: row.held.micros(),
        escrow: row.escrow.micros(),
        outside: row.external.micros(),
        bond: row.bond.micros(),
    }
}
