//! Every statement of the month against a model that adds up what the events said, forwards.

use std::collections::BTreeMap;

use gpubourse::app::reads::Slice;
use gpubourse::app::statements::{Balances, Flow, Part, Statement, Sums, statement};
use gpubourse::exchange::Event;
use gpubourse::exchange::entities::{Cause, Transfer};
use gpubourse::market::Month;
use gpubourse::types::{AccountKind, ContractId, Money, OrganizationId};

use super::scene::{Written, on_sqlite, played, write};
use crate::backend::for_each_backend;
use crate::delivery::life::{Life, P, R, X, Y};

const EVERYBODY: [OrganizationId; 5] = [OrganizationId::EXCHANGE, P, R, X, Y];

/// What an organization's month must say.
#[derive(Default)]
struct Expected {
    causes: BTreeMap<&'static str, Flow>,
    contracts: BTreeMap<(ContractId, Part), Sums>,
    transfers: Vec<Transfer>,
}

#[derive(Default)]
struct Model {
    /// By organization, after each month.
    balances: BTreeMap<(OrganizationId, Month), BTreeMap<AccountKind, Money>>,
    months: BTreeMap<(OrganizationId, Month), Expected>,
}

fn more(sum: &mut Money, amount: Money) {
    *sum = sum.plus(amount).unwrap();
}

fn less(sum: &mut Money, amount: Money) {
    *sum = sum.minus(amount).unwrap();
}

impl Model {
    fn of(life: &Life) -> Self {
        let mut model = Self::default();
        let mut sellers = BTreeMap::new();
        // Whom the last payment went to: what was kept back of it follows. Minutes may be an earlier seller's.
        let mut payee = None;
        let mut now: BTreeMap<OrganizationId, BTreeMap<AccountKind, Money>> = BTreeMap::new();
        for event in &life.events {
            match event {
                Event::Traded { contract, .. } => drop(sellers.insert(contract.id, contract.seller)),
                Event::ContractPassed { contract, seller, .. } => drop(sellers.insert(*contract, *seller)),
                Event::Transferred { transfer } => {
                    let Transfer { debit, credit, amount, .. } = *transfer;
                    let of = transfer.cause.contract();
                    payee = match transfer.cause {
                        Cause::Payment(_) => Some((of, credit.organization)),
                        Cause::Fee(_) | Cause::OwnerShare(_) | Cause::Royalty(_) => {
                            payee.filter(|(paid, _)| *paid == of)
                        }
                        _ => None,
                    };
                    less(now.entry(debit.organization).or_default().entry(debit.kind).or_default(), amount);
                    more(now.entry(credit.organization).or_default().entry(credit.kind).or_default(), amount);
                    let month = Month::of(transfer.created_at.minute());
                    for organization in EVERYBODY {
                        model
                            .balances
                            .insert((organization, month), now.get(&organization).cloned().unwrap_or_default());
                        let seller = payee.map(|(_, seller)| seller);
                        let seller = seller.or_else(|| of.and_then(|of| sellers.get(&of).copied()));
                        model.take(organization, month, transfer, seller);
                    }
                }
                _ => {}
            }
        }
        model
    }

    fn take(&mut self, own: OrganizationId, month: Month, transfer: &Transfer, seller: Option<OrganizationId>) {
        let expected = self.months.entry((own, month)).or_default();
        let (debit, credit) = (transfer.debit.organization, transfer.credit.organization);
        if [debit, credit].contains(&own) {
            let flow = expected.causes.entry(transfer.cause.as_str()).or_default();
            flow.transfers += 1;
            let part = match (debit == own, credit == own) {
                (true, true) => &mut flow.moved,
                (true, false) => &mut flow.paid,
                _ => &mut flow.received,
            };
            more(part, transfer.amount);
            expected.transfers.insert(0, transfer.clone());
        }
        let Some(contract) = transfer.cause.contract() else { return };
        if matches!(transfer.cause, Cause::BondReturn(_)) {
            return;
        }
        // Who is what follows from the contract, not from whose account it was.
        // Whoever left a contract has sold it; a recall goes back from purse to purse.
        let is_back = matches!(transfer.cause, Cause::Novation(_)) && transfer.debit.kind == AccountKind::Available;
        let seller = match transfer.cause {
            Cause::Novation(_) if !is_back => credit,
            // Each seller pays the credits of its own time, whoever sells by then.
            Cause::Novation(_) | Cause::Takeover(_) | Cause::Credit(_) => debit,
            _ => seller.unwrap(),
        };
        let buyer = match transfer.cause {
            Cause::Credit(_) => credit,
            Cause::BondCover(_) if debit == seller => credit,
            Cause::NoticeFee(_) if debit == seller => credit,
            Cause::Takeover(_) => credit,
            Cause::Novation(_) if is_back => credit,
            _ => debit,
        };
        let claims = matches!(transfer.cause, Cause::OwnerShare(_) | Cause::Royalty(_) | Cause::NovationRoyalty(_));
        let of_buyer =
            |cause| matches!(cause, Cause::Escrow(_) | Cause::Draw(_) | Cause::Refund(_) | Cause::NovationRoyalty(_));
        let exchange = OrganizationId::EXCHANGE;
        let parts = [(buyer, Part::Bought), (seller, Part::Sold), (exchange, Part::Cleared), (credit, Part::Owned)];
        for (who, part) in parts {
            let concerns = match part {
                Part::Bought => true,
                Part::Sold => !of_buyer(transfer.cause),
                Part::Owned => claims,
                Part::Cleared => matches!(transfer.cause, Cause::Fee(_)),
            };
            if who != own || !concerns {
                continue;
            }
            let sums = expected.contracts.entry((contract, part)).or_default();
            let amount = transfer.amount;
            match transfer.cause {
                Cause::Escrow(_) | Cause::Draw(_) => more(&mut sums.escrowed, amount),
                Cause::Novation(_) if is_back => less(&mut sums.novations, amount),
                Cause::Novation(_) | Cause::NovationRoyalty(_) => more(&mut sums.novations, amount),
                Cause::Takeover(_) => more(&mut sums.takeovers, amount),
                Cause::Refund(_) => more(&mut sums.refunds, amount),
                Cause::Credit(_) => more(&mut sums.credits, amount),
                Cause::PriceGap(_) => more(&mut sums.price_gaps, amount),
                Cause::BondCover(_) if debit == seller => more(&mut sums.covers, amount),
                Cause::BondCover(_) => sums.covers = sums.covers.minus(amount).unwrap(),
                Cause::NoticeFee(_) => more(&mut sums.notice_fees, amount),
                Cause::Forfeit(_) => more(&mut sums.forfeits, amount),
                Cause::Payment(_) => more(&mut sums.due, amount),
                Cause::OwnerShare(_) | Cause::Royalty(_) => {
                    more(&mut sums.due, amount);
                    more(&mut sums.owner_shares, amount);
                }
                Cause::Fee(_) => {
                    more(&mut sums.due, amount);
                    more(&mut sums.fees, amount);
                }
                _ => panic!("{:?} is for no contract", transfer.cause),
            }
        }
    }

    fn balances(&self, organization: OrganizationId, month: Month) -> Balances {
        let known = self.balances.range((organization, Month::parse("1970-01").unwrap())..=(organization, month));
        let held = known.last().map(|(_, held)| held.clone()).unwrap_or_default();
        let of = |kind| held.get(&kind).copied().unwrap_or_default();
        Balances {
            available: of(AccountKind::Available),
            held: of(AccountKind::Held),
            escrow: of(AccountKind::Escrow),
            bond: of(AccountKind::Bond),
            external: of(AccountKind::External),
        }
    }
}

fn months() -> Vec<Month> {
    ["2025-01", "2025-02", "2025-03", "2025-04", "2025-05"].map(|text| Month::parse(text).unwrap()).to_vec()
}

fn read(written: &Written, organization: OrganizationId, month: Month, slice: Slice) -> Statement {
    let now = played().exchange.counters().now;
    statement(&mut written.store.reader().unwrap(), (organization, &[]), month, now, slice).unwrap()
}

/// Compares every statement with the model and returns them all.
fn compare(written: &Written, model: &Model) -> Vec<Statement> {
    let all = Slice::first(u32::MAX);
    let mut statements = Vec::new();
    for organization in EVERYBODY {
        for month in months() {
            let statement = read(written, organization, month, all);
            let name = format!("{organization} in {month}");
            assert_eq!(statement.figures.opening, model.balances(organization, month.previous()), "{name}");
            assert_eq!(statement.figures.closing, model.balances(organization, month), "{name}");
            let none = Expected::default();
            let expected = model.months.get(&(organization, month)).unwrap_or(&none);
            assert_eq!(statement.figures.causes, expected.causes, "{name}");
            for (key, sums) in &statement.figures.contracts {
                assert_eq!(Some(sums), expected.contracts.get(key), "{key:?} for {name}");
            }
            assert_eq!(statement.figures.contracts.len(), expected.contracts.len(), "{name}");
            assert_eq!(statement.transfers.rows, expected.transfers, "{name}");
            assert_eq!(statement.figures.transfers, expected.transfers.len() as u64, "{name}");
            assert_eq!((statement.transfers.next, statement.left_out), (None, 0), "{name}");
            statements.push(statement);
        }
    }
    statements
}

#[test]
fn statements_of_a_month_add_up_to_the_ledger_on_both_databases() {
    let life = played();
    let model = Model::of(life);
    let mut made: Vec<(u128, Vec<Statement>)> = Vec::new();
    let known = std::cell::RefCell::new(&mut made);
    for_each_backend(|backend| {
        let written = write(backend, life);
        known.borrow_mut().push((written.digest, compare(&written, &model)));
    });
    assert!(made.iter().all(|one| *one == made[0]), "the databases differ");
    let contracts = life.events.iter().filter(|event| matches!(event, Event::Traded { .. })).count();
    assert!(contracts >= 1_000, "{contracts}");
    let has = |wanted: fn(&Event) -> bool| life.events.iter().filter(|event| wanted(event)).count();
    let passed = has(|event| matches!(event, Event::ContractPassed { .. }));
    let disputed = has(|event| matches!(event, Event::DisputeOpened { .. }));
    println!("{contracts} contracts, {passed} passed, {disputed} disputes, {} rows", life.rows.len());
    assert!(passed > 5 && disputed > 10);
    let causes = made[0].1.iter().flat_map(|one| one.figures.causes.keys().copied());
    let causes: std::collections::BTreeSet<_> = causes.collect();
    for cause in [
        "deposit",
        "hold",
        "escrow",
        "refund",
        "payment",
        "fee",
        "credit",
        "price_gap",
        "notice_fee",
        "draw",
        "forfeit",
        "novation",
        "novation_royalty",
        "takeover",
    ] {
        assert!(causes.contains(cause), "no {cause} in the month");
    }
}

#[test]
fn the_gpu_hours_of_all_months_are_those_that_were_delivered() {
    let (_, written) = on_sqlite();
    let mut delivered: BTreeMap<(ContractId, Part), u64> = BTreeMap::new();
    for organization in EVERYBODY {
        for month in months() {
            for line in read(written, organization, month, Slice::first(0)).lines {
                *delivered.entry((line.contract.id, line.part)).or_default() += match line.part {
                    Part::Cleared => 0,
                    _ => line.delivered().get(),
                };
            }
        }
    }
    let used = written.deliveries.iter().filter(|(_, row)| row.delivery.delivered > 0);
    let mut count = 0;
    for (id, standing) in used {
        for part in [Part::Bought, Part::Sold] {
            assert_eq!(delivered.get(&(*id, part)), Some(&standing.delivery.delivered), "{id} {part:?}");
        }
        count += 1;
    }
    assert!(count > 500, "{count}");
}

#[test]
fn transfers_come_in_pages_that_leave_nothing_out() {
    let (_, written) = on_sqlite();
    let month = Month::parse("2025-03").unwrap();
    let whole = read(written, R, month, Slice::first(u32::MAX));
    let (mut seen, mut slice) = (Vec::new(), Slice::first(97));
    loop {
        let page = read(written, R, month, slice);
        assert_eq!(page.figures, whole.figures);
        assert!(page.transfers.rows.len() <= 97);
        seen.extend(page.transfers.rows);
        match page.transfers.next {
            Some(next) => slice = slice.after(next),
            None => break,
        }
    }
    assert!(seen.len() > 970);
    assert_eq!(seen, whole.transfers.rows);
}
