//! A month of many contracts with outages, disputes, defaults, resales, terminations and recalls, and what covers a
//! default, on both databases.

mod bundles;
mod covers;
mod cut_off;
mod debts;
mod reputation;
mod scene;
mod statements;
