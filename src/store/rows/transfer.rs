//! Movements of money.

use super::field::{Place, text, word};
use crate::exchange::entities::{Account, Cause, Transfer};
use crate::store::StoreError;
use crate::store::row::{Word, row};
use crate::types::{AccountKind, ContractId, Money, OrderId, OrganizationId, Timestamp, TransferId};

row! {
    /// A movement of money.
    TransferRow in transfers (number) Fail {
        number: i64,
        created_at: i64,
        debit_organization: i64,
        debit_account: i64,
        credit_organization: i64,
        credit_account: i64,
        amount: i64,
        cause: Word,
        cause_number: Option<i64>,
        reference: Option<Word>,
        previous_of_debit: Option<i64>,
        previous_of_credit: Option<i64>,
    }
}

impl TransferRow {
    pub(crate) fn of(transfer: &Transfer) -> Self {
        let cause = transfer.cause;
        let cause_number = cause.order().map(OrderId::number).or(cause.contract().map(ContractId::number));
        Self {
            number: transfer.id.number(),
            created_at: transfer.created_at.millis(),
            debit_organization: transfer.debit.organization.number(),
            debit_account: transfer.debit.kind.code(),
            credit_organization: transfer.credit.organization.number(),
            credit_account: transfer.credit.kind.code(),
            amount: transfer.amount.micros(),
            cause: word(cause.as_str()),
            cause_number,
            reference: transfer.reference.clone().map(text),
            previous_of_debit: transfer.previous_of_debit.map(TransferId::number),
            previous_of_credit: transfer.previous_of_credit.map(TransferId::number),
        }
    }
}

impl TryFrom<TransferRow> for Transfer {
    type Error = StoreError;

    fn try_from(row: TransferRow) -> Result<Self, StoreError> {
        let at = Place::new("transfers", row.number);
        let account = |organization, column, code| {
            let kind = AccountKind::ALL.iter().copied().find(|kind| kind.code() == code);
            let kind = at.parsed(column, kind)?;
            Ok::<_, StoreError>(Account { organization: OrganizationId::new(organization), kind })
        };
        Ok(Self {
            id: TransferId::new(row.number),
            created_at: Timestamp::from_millis(row.created_at),
            debit: account(row.debit_organization, "debit_account", row.debit_account)?,
            credit: account(row.credit_organization, "credit_account", row.credit_account)?,
            amount: Money::from_micros(row.amount),
            cause: at.parsed("cause", cause_of(&row.cause, row.cause_number))?,
            reference: row.reference.map(String::from),
            previous_of_debit: row.previous_of_debit.map(TransferId::new),
            previous_of_credit: row.previous_of_credit.map(TransferId::new),
        })
    }
}

fn cause_of(word: &str, number: Option<i64>) -> Option<Cause> {
    Some(match (word, number) {
        ("deposit", None) => Cause::Deposit,
        ("withdrawal", None) => Cause::Withdrawal,
        ("hold", Some(number)) => Cause::Hold(OrderId::new(number)),
        ("release", Some(number)) => Cause::Release(OrderId::new(number)),
        ("escrow", Some(number)) => Cause::Escrow(ContractId::new(number)),
        ("refund", Some(number)) => Cause::Refund(ContractId::new(number)),
        ("payment", Some(number)) => Cause::Payment(ContractId::new(number)),
        ("fee", Some(number)) => Cause::Fee(ContractId::new(number)),
        ("credit", Some(number)) => Cause::Credit(ContractId::new(number)),
        ("draw", Some(number)) => Cause::Draw(ContractId::new(number)),
        ("forfeit", Some(number)) => Cause::Forfeit(ContractId::new(number)),
        ("price_gap", Some(number)) => Cause::PriceGap(ContractId::new(number)),
        ("notice_fee", Some(number)) => Cause::NoticeFee(ContractId::new(number)),
        ("owner_share", Some(number)) => Cause::OwnerShare(ContractId::new(number)),
        ("royalty", Some(number)) => Cause::Royalty(ContractId::new(number)),
        ("novation", Some(number)) => Cause::Novation(ContractId::new(number)),
        ("novation_royalty", Some(number)) => Cause::NovationRoyalty(ContractId::new(number)),
        ("takeover", Some(number)) => Cause::Takeover(ContractId::new(number)),
        ("bond", Some(number)) => Cause::Bond(OrderId::new(number)),
        ("bond_release", Some(number)) => Cause::BondRelease(OrderId::new(number)),
        ("bond_return", Some(number)) => Cause::BondReturn(ContractId::new(number)),
        ("bond_cover", Some(number)) => Cause::BondCover(ContractId::new(number)),
        _ => return None,
    })
}
