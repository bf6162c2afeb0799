//! Who is behind listed capacity, and what they keep of it: owner and host, royalty and how far it may be resold.
//!
//! What a contract pays is shared in proportion, so that instalments add up to what one payment at the end would have
//! come to: of each leg's payments less the exchange's fee, cumulatively, `floor(net * a / b)`, where `a / b` follows from
//! the contract's price alone and is at most one.

use serde::{Deserialize, Serialize};

use super::book::Book;
use super::entities::{Cause, Contract, Listing};
use super::{Exchange, Failure, Reject};
use crate::types::limits::{BPS_WHOLE, CHAIN_DEPTH_MAX, POWER_W_MAX, PRICE_MICROS_MAX};
use crate::types::{Money, OrganizationId, OutOfRange, Price, ResaleForm, Source};

/// Hours in a month of power: a year's, by twelve.
const HOURS_PER_KW_MONTH: i64 = 730;
const WATTS_PER_KW: i64 = 1_000;

/// What a host keeps for running GPUs that somebody else owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostFee {
    /// So much a delivered GPU-hour.
    PerGpuHour(Price),
    /// This share of what is paid, in basis points.
    ShareBps(u32),
    /// So much a kW-month of 730 hours.
    PerKwMonth {
        /// USD per kW-month.
        price: Money,
        /// What a GPU draws with its part of the machine, in watts.
        watts_per_gpu: u32,
    },
}

/// Somebody else than the host who owns the GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Who.
    pub organization: OrganizationId,
    /// What the host keeps, first and at most all.
    pub host_fee: HostFee,
}

/// What is agreed of capacity beyond its sale; frozen with the listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rights {
    /// Who owns the GPUs, if not the host.
    pub owner: Option<Owner>,
    /// What a resale pays of its gain to the owner, or to the host that owns them, in basis points.
    pub royalty_bps: u32,
    /// Contracts in one chain of title, the first sale included.
    pub chain_max: Option<u8>,
    /// What a resale makes of its seller.
    #[serde(default, skip_serializing_if = "ResaleForm::is_sublease")]
    pub resale: ResaleForm,
}

/// What somebody who is no party of a contract gets of what it pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) organization: OrganizationId,
    pub(super) cause: Cause,
    share: Share,
}

/// A share of an amount: `floor(amount * part / whole)`, or what is left beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Share {
    part: i128,
    whole: i128,
    is_rest: bool,
}

impl Rights {
    /// Tells whether nothing is agreed.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Returns what a resale pays a GPU-hour of its gain over what its seller paid; nothing at a loss.
    pub(super) fn royalty(&self, price: Price, paid: Price) -> Price {
        let gain = price.micros().saturating_sub(paid.micros()).max(0);
        Price::from_micros(gain.saturating_mul(i64::from(self.royalty_bps)).div_euclid(BPS_WHOLE.into()))
    }
}

impl HostFee {
    /// Returns what the host keeps of a GPU-hour, as `part / whole` of its net price; not more than all.
    fn share(self, price: Price, fee_bps: u32) -> Share {
        match self {
            Self::ShareBps(bps) => Share::new(i128::from(bps), i128::from(BPS_WHOLE)),
            Self::PerGpuHour(rate) => Share::of_net(rate, price, fee_bps),
            Self::PerKwMonth { price: per_kw_month, watts_per_gpu } => {
                let watts = i128::from(per_kw_month.micros()).saturating_mul(i128::from(watts_per_gpu));
                let rate = watts.div_euclid(i128::from(HOURS_PER_KW_MONTH.saturating_mul(WATTS_PER_KW)));
                Share::of_net(Price::from_micros(i64::try_from(rate).unwrap_or(i64::MAX)), price, fee_bps)
            }
        }
    }

    /// Tells whether the host keeps nothing.
    pub const fn is_nothing(self) -> bool {
        match self {
            Self::PerGpuHour(rate) => rate.micros() == 0,
            Self::ShareBps(bps) => bps == 0,
            Self::PerKwMonth { price, watts_per_gpu } => price.micros() == 0 || watts_per_gpu == 0,
        }
    }

    const fn is_sound(self) -> bool {
        match self {
            Self::PerGpuHour(rate) => rate.micros() >= 0 && rate.micros() <= PRICE_MICROS_MAX,
            Self::ShareBps(bps) => bps <= BPS_WHOLE,
            Self::PerKwMonth { price, watts_per_gpu } => {
                price.micros() >= 0 && price.micros() <= PRICE_MICROS_MAX && watts_per_gpu <= POWER_W_MAX
            }
        }
    }
}

impl Share {
    fn new(part: i128, whole: i128) -> Self {
        Self { part: part.clamp(0, whole), whole: whole.max(1), is_rest: false }
    }

    /// Returns a rate per GPU-hour as a share of a price less the exchange's fee.
    fn of_net(rate: Price, price: Price, fee_bps: u32) -> Self {
        let net_bps = i128::from(BPS_WHOLE.saturating_sub(fee_bps));
        let part = i128::from(rate.micros()).saturating_mul(i128::from(BPS_WHOLE));
        Self::new(part, i128::from(price.micros()).saturating_mul(net_bps))
    }

    fn of(self, amount: Money) -> Result<Money, OutOfRange> {
        let part = amount.portion(self.part, self.whole)?;
        if self.is_rest { amount.minus(part) } else { Ok(part) }
    }
}

impl Claim {
    /// Returns what the claim comes to, out of what has been paid less the exchange's fee.
    pub(super) fn of(self, net: Money) -> Result<Money, OutOfRange> {
        self.share.of(net)
    }
}

impl<B: Book> Exchange<B> {
    /// Refuses rights that cannot be.
    pub(super) fn check_rights(&self, organization: OrganizationId, rights: &Rights) -> Result<(), Reject> {
        if let Some(Owner { organization: owner, host_fee }) = rights.owner {
            self.organizations.get(&owner).filter(|row| row.id != OrganizationId::EXCHANGE).ok_or(Reject::NotFound)?;
            if owner == organization {
                return Err(Reject::InvalidCombination);
            }
            if !host_fee.is_sound() {
                return Err(Reject::InvalidTerms);
            }
        }
        let depth = rights.chain_max.is_none_or(|most| (1..=CHAIN_DEPTH_MAX).contains(&most));
        if depth && rights.royalty_bps <= BPS_WHOLE { Ok(()) } else { Err(Reject::InvalidTerms) }
    }

    /// Returns who else than the seller is paid by a contract: the owner where the host sells, whoever has the right to a
    /// royalty where it is a resale at a gain. It goes by the source out of which it was sold.
    pub(super) fn claim(&self, contract: &Contract, source: Source) -> Result<Option<Claim>, Failure> {
        let listing = self.listings.get(&contract.listing).ok_or(Failure::Invariant("listing_missing"))?;
        let rights = &listing.rights;
        match source {
            Source::Listing(_) => Ok(rights.owner.map(|owner| Claim {
                organization: owner.organization,
                cause: Cause::OwnerShare(contract.id),
                share: Share { is_rest: true, ..owner.host_fee.share(contract.price, contract.fee_bps) },
            })),
            Source::Contract(parent) => {
                let paid = self.contract(parent).map_or(contract.price, |parent| parent.price);
                let rate = rights.royalty(contract.price, paid);
                Ok((rate > Price::default()).then(|| Claim {
                    organization: listing.titled(),
                    cause: Cause::Royalty(contract.id),
                    share: Share::of_net(rate, contract.price, contract.fee_bps),
                }))
            }
        }
    }
}

impl Listing {
    /// Returns whose the GPUs are.
    pub(super) fn titled(&self) -> OrganizationId {
        self.rights.owner.map_or(self.organization, |owner| owner.organization)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    #[test]
    fn the_host_comes_first_and_takes_at_most_everything() {
        let price = Price::parse("2.00").unwrap();
        // 1,000 GPU-hours at 2.00, less 5 %.
        let net = usd("1900");
        for (fee, kept) in [
            (HostFee::ShareBps(2_500), "475"),
            (HostFee::ShareBps(10_000), "1900"),
            (HostFee::PerGpuHour(Price::parse("0.40").unwrap()), "400"),
            (HostFee::PerGpuHour(Price::parse("1.90").unwrap()), "1900"),
            (HostFee::PerGpuHour(Price::parse("5").unwrap()), "1900"),
            // 146.00 a kW-month is 0.20 a kWh; 1.5 kW draw 0.30 an hour.
            (HostFee::PerKwMonth { price: usd("146"), watts_per_gpu: 1_500 }, "300"),
        ] {
            let share = fee.share(price, 500);
            assert_eq!(share.of(net), Ok(usd(kept)), "{fee:?}");
            let owner = Share { is_rest: true, ..share };
            assert_eq!(owner.of(net), net.minus(usd(kept)), "{fee:?}");
        }
    }

    #[test]
    fn instalments_of_both_shares_only_grow() {
        let share =
            HostFee::PerGpuHour(Price::parse("0.333333").unwrap()).share(Price::parse("1.234567").unwrap(), 137);
        let owner = Share { is_rest: true, ..share };
        let mut before = (Money::ZERO, Money::ZERO);
        for micros in 0..5_000 {
            let net = Money::from_micros(micros);
            let now = (share.of(net).unwrap(), owner.of(net).unwrap());
            assert!(now.0 >= before.0 && now.1 >= before.1 && now.0.plus(now.1) == Ok(net));
            before = now;
        }
    }
}
