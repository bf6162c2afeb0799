//! Which journal row wrote each row of each table last, found out a second time from the journal alone.

use std::collections::BTreeMap;

use gpubourse::exchange::{Changes, Envelope, Exchange, parse_command};
use gpubourse::store::read::journal;
use gpubourse::store::{JournalRow, Store};

use crate::course::execute;

#[derive(Default)]
pub struct History {
    pub rows: Vec<JournalRow>,
    /// By table and key, the key's columns joined by commas.
    writers: BTreeMap<(&'static str, String), i64>,
}

impl History {
    pub fn of(store: &Store) -> Self {
        let rows = store.read(|db| journal::after(db, 0, u32::MAX)).unwrap();
        let mut history = Self::default();
        let mut exchange = Exchange::new();
        for row in &rows {
            let (_, outcome) = execute(&mut exchange, &envelope(row));
            assert_eq!(outcome, row.outcome, "row {}", row.sequence);
            history.take(row.sequence, &exchange.settle().unwrap());
        }
        Self { rows, ..history }
    }

    pub fn last(&self) -> i64 {
        self.rows.last().unwrap().sequence
    }

    /// Returns the journal row that wrote there last.
    pub fn writer(&self, table: &str, key: &[String]) -> i64 {
        match table {
            "journal" => key[0].parse().unwrap(),
            "exchange_state" | "states_mark" => self.last(),
            "pending_states" => key[0].parse().unwrap(),
            _ => {
                let found = self.writers.iter().find(|((name, at), _)| *name == table && *at == key.join(","));
                *found.unwrap_or_else(|| panic!("nobody wrote {table} {key:?}")).1
            }
        }
    }

    fn take(&mut self, sequence: i64, changes: &Changes) {
        let mut wrote = |table, key: String| self.writers.extend([((table, key), sequence)]);
        changes.placed.iter().for_each(|row| wrote("orders", row.id.to_string()));
        changes.trades.iter().for_each(|row| wrote("trades", row.id.to_string()));
        changes.contracted.iter().for_each(|row| wrote("contracts", row.id.to_string()));
        changes.transfers.iter().for_each(|row| wrote("transfers", row.id.to_string()));
        changes.orders.keys().for_each(|id| wrote("order_states", id.to_string()));
        changes.contracts.keys().for_each(|id| wrote("contract_states", id.to_string()));
        changes.purses.keys().for_each(|id| wrote("balances", id.to_string()));
        changes.organizations.keys().for_each(|id| wrote("organizations", id.to_string()));
        changes.products.keys().for_each(|id| wrote("products", id.to_string()));
        changes.sites.keys().for_each(|id| wrote("sites", id.to_string()));
        changes.listings.keys().for_each(|id| wrote("listings", id.to_string()));
        changes.keys.keys().for_each(|(actor, key)| wrote("remembered_keys", format!("{actor},{key}")));
        changes.passed.iter().for_each(|row| wrote("contract_passes", row.id.to_string()));
        changes.fixes.iter().for_each(|row| wrote("index_fixes", row.id.to_string()));
        changes.terms.keys().for_each(|version| wrote("contract_terms", version.to_string()));
        changes.deliveries.keys().for_each(|id| wrote("deliveries", id.to_string()));
        changes.tapes.keys().for_each(|id| wrote("tapes", id.to_string()));
    }
}

/// Returns what a journal row records of its command.
pub fn envelope(row: &JournalRow) -> Envelope {
    Envelope {
        at: row.at,
        actor: row.actor.clone(),
        request_id: row.request_id.clone(),
        idempotency_key: row.idempotency_key.clone(),
        command: parse_command(&row.command).unwrap(),
    }
}
