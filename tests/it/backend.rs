//! A fresh database of each kind for one test.

use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};
use gpubourse::store::{Db, Store};
use tempfile::TempDir;

use crate::settings::in_ci;

/// The URL of a PostgreSQL server on which databases may be made.
const PG_ENV: &str = "GPUBOURSE_TEST_PG";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database that goes away with the test.
pub struct Backend {
    /// What [`Store::open`] takes.
    pub url: String,
    /// The file, on SQLite.
    pub path: Option<String>,
    _place: Place,
}

enum Place {
    File { _dir: TempDir },
    Server { server: String, name: String },
}

impl Backend {
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.db").display().to_string();
        Self { url: format!("sqlite:{path}"), path: Some(path), _place: Place::File { _dir: dir } }
    }

    /// Returns a new database of the server, if there is one to test with.
    pub fn postgres() -> Option<Self> {
        Self::on_server(None)
    }

    fn on_server(template: Option<&str>) -> Option<Self> {
        let Ok(server) = std::env::var(PG_ENV) else {
            assert!(!in_ci(), "{PG_ENV} must be set in CI");
            println!("SKIPPED on PostgreSQL: {PG_ENV} is not set");
            return None;
        };
        let name = format!("gpubourse_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let like = template.map(|template| format!(" TEMPLATE {template}")).unwrap_or_default();
        PgConnection::establish(&server).unwrap().batch_execute(&format!("CREATE DATABASE {name}{like}")).unwrap();
        let (base, _) = server.rsplit_once('/').unwrap();
        Some(Self { url: format!("{base}/{name}"), path: None, _place: Place::Server { server: server.clone(), name } })
    }

    /// Returns a copy, as it is while nobody has it open.
    pub fn copy(&self) -> Self {
        let Some(path) = &self.path else {
            return Self::on_server(Some(self.url.rsplit_once('/').unwrap().1)).unwrap();
        };
        let copy = Self::sqlite();
        let to = copy.path.as_deref().unwrap();
        std::fs::copy(path, to).unwrap();
        // All that is not in the database yet.
        std::fs::copy(format!("{path}-wal"), format!("{to}-wal")).unwrap();
        copy
    }

    /// Returns a new database of the same kind.
    pub fn another(&self) -> Self {
        match self.path {
            Some(_) => Self::sqlite(),
            None => Self::postgres().unwrap(),
        }
    }

    pub fn open(&self) -> Store {
        Store::open(&self.url).unwrap()
    }

    /// Returns a connection as somebody with the database's own tools has it.
    pub fn raw(&self) -> Db {
        match &self.path {
            Some(path) => Db::Sqlite(SqliteConnection::establish(path).unwrap()),
            None => Db::Pg(PgConnection::establish(&self.url).unwrap()),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Self::Server { server, name } = self
            && let Ok(mut conn) = PgConnection::establish(server)
            && let Err(error) = conn.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)"))
        {
            println!("{name} stays behind: {error}");
        }
    }
}

/// Runs a test on a fresh SQLite file and, if there is a server, on a fresh PostgreSQL database.
pub fn for_each_backend(test: impl Fn(&Backend)) {
    let sqlite = Backend::sqlite();
    println!("on {}", sqlite.url);
    test(&sqlite);
    if let Some(postgres) = Backend::postgres() {
        println!("on {}", postgres.url);
        test(&postgres);
    }
}
