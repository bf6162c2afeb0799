//! Fixes of the index as they were published.

use super::field::{Place, text, word};
use crate::exchange::fixes::{IndexFix, PublishedFix};
use crate::store::StoreError;
use crate::store::row::{Word, row};
use crate::types::{FixId, FixOrigin, Price, ProductId, Region, Tenor, Timestamp};

row! {
    /// A fix.
    FixRow in index_fixes (number) Fail {
        number: i64,
        created_at: i64,
        as_of: i64,
        product: i64,
        region: Option<Word>,
        tenor: Option<Word>,
        from_listings: Option<i64>,
        day: i64,
        price: Option<i64>,
        thin: i64,
        rule_version: i64,
        origin: Word,
        inputs: i64,
        first_input: Option<i64>,
        last_input: Option<i64>,
        dropped: Word,
        hash: Word,
    }
}

impl FixRow {
    pub(crate) fn of(published: &PublishedFix) -> Self {
        let PublishedFix { id, created_at, as_of, fix } = published;
        let dropped: Vec<String> = fix.dropped.iter().map(i64::to_string).collect();
        Self {
            number: id.number(),
            created_at: created_at.millis(),
            as_of: *as_of,
            product: fix.product.number(),
            region: fix.region.as_ref().map(|region| text(region.as_str())),
            tenor: fix.tenor.map(|tenor| word(tenor.as_str())),
            from_listings: fix.primary.map(i64::from),
            day: i64::from(fix.day),
            price: fix.price.map(Price::micros),
            thin: i64::from(fix.thin),
            rule_version: i64::from(fix.rule_version),
            origin: word(fix.origin.as_str()),
            inputs: i64::from(fix.inputs),
            first_input: fix.between.map(|(first, _)| first),
            last_input: fix.between.map(|(_, last)| last),
            dropped: text(dropped.join(",")),
            hash: text(fix.hash.as_str()),
        }
    }
}

impl TryFrom<FixRow> for PublishedFix {
    type Error = StoreError;

    fn try_from(row: FixRow) -> Result<Self, StoreError> {
        let at = Place::new("index_fixes", row.number);
        let region = row.region.as_deref().map(|region| at.parsed("region", Region::new(region))).transpose()?;
        let tenor = row.tenor.as_deref().map(|tenor| at.parsed("tenor", Tenor::parse(tenor))).transpose()?;
        let primary = row.from_listings.map(|primary| at.flag("from_listings", primary)).transpose()?;
        let dropped = row.dropped.split_terminator(',').map(|number| at.parsed("dropped", number.parse().ok()));
        let fix = IndexFix {
            product: ProductId::new(row.product),
            region,
            tenor,
            primary,
            day: at.int("day", row.day)?,
            price: row.price.map(Price::from_micros),
            thin: at.flag("thin", row.thin)?,
            rule_version: at.int("rule_version", row.rule_version)?,
            origin: at.parsed("origin", FixOrigin::parse(&row.origin))?,
            inputs: at.int("inputs", row.inputs)?,
            between: row.first_input.zip(row.last_input),
            dropped: dropped.collect::<Result<_, _>>()?,
            hash: row.hash.into_owned(),
        };
        let (id, created_at) = (FixId::new(row.number), Timestamp::from_millis(row.created_at));
        Ok(Self { id, created_at, as_of: row.as_of, fix })
    }
}
