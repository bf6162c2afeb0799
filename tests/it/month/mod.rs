//! A month of many contracts with outages, disputes, defaults, resales, terminations and recalls, on both databases.

mod bundles;
mod reputation;
mod scene;
mod statements;
