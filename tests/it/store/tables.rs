//! The tables themselves: the same on both databases, refusing changes to what is append-only.

use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use gpubourse::store::{Db, Store, StoreError};

use super::{columns, commit, run, sample};
use crate::backend::{Backend, for_each_backend};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

fn columns_of(backend: &Backend) -> Vec<String> {
    let mut writer = backend.open().writer().unwrap();
    columns(writer.db())
}

#[test]
fn both_databases_have_the_same_tables() {
    let sqlite = columns_of(&Backend::sqlite());
    assert!(sqlite.len() > 150, "{sqlite:?}");
    if let Some(postgres) = Backend::postgres() {
        let postgres = columns_of(&postgres);
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|column| !those.contains(column)).cloned().collect()
        };
        assert_eq!((only(&sqlite, &postgres), only(&postgres, &sqlite)), (vec![], vec![]));
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database: &str| {
        let folder = std::fs::read_dir(format!("{}/migrations/{database}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        let mut names: Vec<_> = folder.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
    assert!(!names("sqlite").is_empty());
}

#[test]
fn migrations_go_down_and_up_again() {
    for_each_backend(|backend| {
        let before = columns_of(backend);
        let mut db = backend.raw();
        match &mut db {
            Db::Sqlite(conn) => conn.revert_all_migrations(SQLITE).map(|_| ()).unwrap(),
            Db::Pg(conn) => conn.revert_all_migrations(POSTGRES).map(|_| ()).unwrap(),
        }
        assert_eq!(columns(&mut db), Vec::<String>::new());
        assert_eq!(columns_of(backend), before);
    });
}

#[test]
fn append_only_tables_refuse_changes() {
    for_each_backend(|backend| {
        let mut writer = backend.open().writer().unwrap();
        commit(&mut writer, &sample::first()).unwrap();
        for table in ["journal", "orders", "trades", "contracts", "transfers"] {
            let column = if table == "journal" { "at" } else { "created_at" };
            let mut statements =
                vec![format!("UPDATE {table} SET {column} = {column}"), format!("DELETE FROM {table}")];
            if backend.path.is_none() {
                statements.push(format!("TRUNCATE {table}"));
            }
            for sql in statements {
                let message = run(writer.db(), &sql).unwrap_err().to_string();
                assert!(message.contains(&format!("{table} is append-only")), "{sql}: {message}");
            }
        }
    });
}

#[test]
fn a_database_ahead_of_the_program_is_refused() {
    for_each_backend(|backend| {
        let store = backend.open();
        let sql = "INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')";
        store.writer().unwrap().side(|db| run(db, sql)).unwrap();
        assert!(matches!(Store::open(&backend.url).err(), Some(StoreError::Migration(_))));
    });
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let error = Store::open("postgres://nobody:secret@127.0.0.1:1/none").err();
    let Some(StoreError::Connection(message)) = error else { panic!("{error:?}") };
    assert!(!message.contains("secret"), "{message}");
}
