//! Organizations and their balances, products, sites and listings.

use super::field::{Place, minutes, text, word};
use crate::exchange::entities::{Holding, Listing, Organization, Product, Purse, Site, Tape};
use crate::exchange::rights::Rights;
use crate::store::StoreError;
use crate::store::row::{Word, row};
use crate::types::{
    Country, Interconnect, ListingId, Money, OrderId, OrganizationId, OrganizationKind, Price, ProductId, Region,
    SiteId, SlaClass, Symbol, Tier, Timestamp, TradeId, TransferId,
};

row! {
    /// An organization.
    OrganizationRow in organizations (number) Replace {
        number: i64,
        created_at: i64,
        name: Word,
        kind: Word,
        suspended: i64,
        access_key: Option<Word>,
        tier: Word,
        score_bps: Option<i64>,
    }

    /// An organization's accounts and the ends of its histories.
    BalanceRow in balances (organization) Replace {
        organization: i64,
        available: i64,
        held: i64,
        escrow: i64,
        bond: i64,
        external: i64,
        last_order: Option<i64>,
        last_holding: Option<i64>,
        last_transfer: Option<i64>,
    }

    /// Where a product's trades end.
    TapeRow in tapes (product) Replace {
        product: i64,
        last_trade: Option<i64>,
    }

    /// A product.
    ProductRow in products (number) Replace {
        number: i64,
        created_at: i64,
        symbol: Word,
        name: Word,
        tick: i64,
        fee_bps: i64,
        halted: i64,
    }

    /// A site.
    SiteRow in sites (number) Replace {
        number: i64,
        created_at: i64,
        organization: i64,
        name: Word,
        region: Word,
        country: Word,
        power_w: Option<i64>,
        pue_milli: Option<i64>,
    }

    /// A listing.
    ListingRow in listings (number) Replace {
        number: i64,
        created_at: i64,
        organization: i64,
        site: i64,
        product: i64,
        gpus: i64,
        start_minute: i64,
        end_minute: i64,
        gpus_per_node: i64,
        interconnect: Word,
        sla_class: Word,
        resale_allowed: i64,
        rights: Option<Word>,
    }
}

impl OrganizationRow {
    pub(crate) fn of(organization: &Organization) -> Self {
        Self {
            number: organization.id.number(),
            created_at: organization.created_at.millis(),
            name: text(organization.name.as_str()),
            kind: word(organization.kind.as_str()),
            suspended: i64::from(organization.suspended),
            access_key: organization.access_key.as_deref().map(text),
            tier: word(organization.tier.as_str()),
            score_bps: organization.score_bps.map(i64::from),
        }
    }
}

impl TryFrom<OrganizationRow> for Organization {
    type Error = StoreError;

    fn try_from(row: OrganizationRow) -> Result<Self, StoreError> {
        let at = Place::new("organizations", row.number);
        Ok(Self {
            id: OrganizationId::new(row.number),
            created_at: Timestamp::from_millis(row.created_at),
            name: row.name.into_owned(),
            kind: at.parsed("kind", OrganizationKind::parse(&row.kind))?,
            suspended: at.flag("suspended", row.suspended)?,
            access_key: row.access_key.map(String::from),
            tier: at.parsed("tier", Tier::parse(&row.tier))?,
            score_bps: row.score_bps.map(|score| at.int("score_bps", score)).transpose()?,
        })
    }
}

impl BalanceRow {
    pub(crate) fn of(organization: OrganizationId, purse: &Purse) -> Self {
        Self {
            organization: organization.number(),
            available: purse.available.micros(),
            held: purse.held.micros(),
            escrow: purse.escrow.micros(),
            bond: purse.bond.micros(),
            external: purse.external.micros(),
            last_order: purse.last_order.map(OrderId::number),
            last_holding: purse.last_holding.map(Holding::code),
            last_transfer: purse.last_transfer.map(TransferId::number),
        }
    }

    pub(crate) fn purse(&self) -> Result<(OrganizationId, Purse), StoreError> {
        let at = Place::new("balances", self.organization);
        let purse = Purse {
            available: Money::from_micros(self.available),
            held: Money::from_micros(self.held),
            escrow: Money::from_micros(self.escrow),
            bond: Money::from_micros(self.bond),
            external: Money::from_micros(self.external),
            last_order: self.last_order.map(OrderId::new),
            last_holding: at.holding("last_holding", self.last_holding)?,
            last_transfer: self.last_transfer.map(TransferId::new),
        };
        Ok((OrganizationId::new(self.organization), purse))
    }
}

impl TapeRow {
    pub(crate) fn of(product: ProductId, tape: &Tape) -> Self {
        Self { product: product.number(), last_trade: tape.last_trade.map(TradeId::number) }
    }

    pub(crate) fn tape(&self) -> (ProductId, Tape) {
        (ProductId::new(self.product), Tape { last_trade: self.last_trade.map(TradeId::new) })
    }
}

impl ProductRow {
    pub(crate) fn of(product: &Product) -> Self {
        Self {
            number: product.id.number(),
            created_at: product.created_at.millis(),
            symbol: text(product.symbol.as_str()),
            name: text(product.name.as_str()),
            tick: product.tick.micros(),
            fee_bps: i64::from(product.fee_bps),
            halted: i64::from(product.halted),
        }
    }
}

impl TryFrom<ProductRow> for Product {
    type Error = StoreError;

    fn try_from(row: ProductRow) -> Result<Self, StoreError> {
        let at = Place::new("products", row.number);
        Ok(Self {
            id: ProductId::new(row.number),
            created_at: Timestamp::from_millis(row.created_at),
            symbol: at.parsed("symbol", Symbol::new(row.symbol))?,
            name: row.name.into_owned(),
            tick: Price::from_micros(row.tick),
            fee_bps: at.int("fee_bps", row.fee_bps)?,
            halted: at.flag("halted", row.halted)?,
        })
    }
}

impl SiteRow {
    pub(crate) fn of(site: &Site) -> Self {
        Self {
            number: site.id.number(),
            created_at: site.created_at.millis(),
            organization: site.organization.number(),
            name: text(site.name.as_str()),
            region: text(site.region.as_str()),
            country: text(site.country.as_str()),
            power_w: site.power_w,
            pue_milli: site.pue_milli,
        }
    }
}

impl TryFrom<SiteRow> for Site {
    type Error = StoreError;

    fn try_from(row: SiteRow) -> Result<Self, StoreError> {
        let at = Place::new("sites", row.number);
        Ok(Self {
            id: SiteId::new(row.number),
            created_at: Timestamp::from_millis(row.created_at),
            organization: OrganizationId::new(row.organization),
            name: row.name.into_owned(),
            region: at.parsed("region", Region::new(row.region))?,
            country: at.parsed("country", Country::new(row.country))?,
            power_w: row.power_w,
            pue_milli: row.pue_milli,
        })
    }
}

impl ListingRow {
    pub(crate) fn of(listing: &Listing) -> Result<Self, StoreError> {
        let (start_minute, end_minute) = minutes(listing.window);
        let at = Place::new("listings", listing.id.number());
        let rights = (!listing.rights.is_none()).then(|| serde_json::to_string(&listing.rights)).transpose();
        let rights = rights.map_err(|_| at.corrupt("rights"))?;
        Ok(Self {
            number: listing.id.number(),
            created_at: listing.created_at.millis(),
            organization: listing.organization.number(),
            site: listing.site.number(),
            product: listing.product.number(),
            gpus: i64::from(listing.gpus),
            start_minute,
            end_minute,
            gpus_per_node: i64::from(listing.gpus_per_node),
            interconnect: word(listing.interconnect.as_str()),
            sla_class: word(listing.sla_class.as_str()),
            resale_allowed: i64::from(listing.resale_allowed),
            rights: rights.map(text),
        })
    }
}

impl TryFrom<ListingRow> for Listing {
    type Error = StoreError;

    fn try_from(row: ListingRow) -> Result<Self, StoreError> {
        let at = Place::new("listings", row.number);
        Ok(Self {
            id: ListingId::new(row.number),
            created_at: Timestamp::from_millis(row.created_at),
            organization: OrganizationId::new(row.organization),
            site: SiteId::new(row.site),
            product: ProductId::new(row.product),
            gpus: at.int("gpus", row.gpus)?,
            window: at.window(row.start_minute, row.end_minute)?,
            gpus_per_node: at.int("gpus_per_node", row.gpus_per_node)?,
            interconnect: at.parsed("interconnect", Interconnect::parse(&row.interconnect))?,
            sla_class: at.parsed("sla_class", SlaClass::parse(&row.sla_class))?,
            resale_allowed: at.flag("resale_allowed", row.resale_allowed)?,
            rights: match row.rights {
                Some(json) => serde_json::from_str(&json).map_err(|_| at.corrupt("rights"))?,
                None => Rights::default(),
            },
        })
    }
}
