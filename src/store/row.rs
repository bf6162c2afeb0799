//! One declaration per table row: from it follow what is read, what is written and what is compared.
//!
//! Invariant: every column a row has is written, and every column written is compared by `verify`.

use std::borrow::Cow;

use diesel::QueryResult;
use diesel::query_builder::AstPass;
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Binary, HasSqlType, Nullable, Text};
use diesel::sqlite::Sqlite;
use serde::{Deserialize, Serialize};

/// A text column that mostly holds one of the program's own words.
pub(crate) type Word = Cow<'static, str>;

/// What happens to a row whose key is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// It cannot be: the statement fails.
    Fail,
    /// The new row replaces it.
    Replace,
}

/// A table as the writer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Table {
    /// Its name.
    pub(crate) name: &'static str,
    /// All its columns, in the order of [`Row::cells`].
    pub(crate) columns: &'static [&'static str],
    /// The columns of its primary key.
    pub(crate) keys: &'static [&'static str],
    /// What happens to a row whose key is there already.
    pub(crate) conflict: Conflict,
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Int(value) => value.fmt(f),
            Self::Text(value) => write!(f, "{value:?}"),
            Self::Bytes(value) => write!(f, "{} bytes", value.len()),
        }
    }
}

/// One column of many rows, as PostgreSQL takes it.
#[derive(Debug)]
pub(crate) enum Array<'a> {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<&'a str>>),
    Bytes(Vec<&'a [u8]>),
}

/// A value a column can hold.
pub(crate) trait Stored {
    type Sql;
    fn cell(&self) -> Cell;
    fn array<'a>(values: impl Iterator<Item = &'a Self>) -> Array<'a>
    where
        Self: 'a;
}

impl Stored for i64 {
    type Sql = BigInt;

    fn cell(&self) -> Cell {
        Cell::Int(*self)
    }

    fn array<'a>(values: impl Iterator<Item = &'a Self>) -> Array<'a> {
        Array::Int(values.map(|value| Some(*value)).collect())
    }
}

impl Stored for Option<i64> {
    type Sql = Nullable<BigInt>;

    fn cell(&self) -> Cell {
        self.map_or(Cell::Null, Cell::Int)
    }

    fn array<'a>(values: impl Iterator<Item = &'a Self>) -> Array<'a> {
        Array::Int(values.copied().collect())
    }
}

impl Stored for Word {
    type Sql = Text;

    fn cell(&self) -> Cell {
        Cell::Text(self.to_string())
    }

    fn array<'a>(values: impl Iterator<Item = &'a Self>) -> Array<'a> {
        Array::Text(values.map(|value| Some(value.as_ref())).collect())
    }
}

impl Stored for Option<Word> {
    type Sql = Nullable<Text>;

    fn cell(&self) -> Cell {
        self.as_ref().map_or(Cell::Null, Stored::cell)
    }

    fn array<'a>(values: impl Iterator<Item = &'a Self>) -> Array<'a> {
        Array::Text(values.map(Option::as_deref).collect())
    }
}

impl Stored for Vec<u8> {
    type Sql = Binary;

    fn cell(&self) -> Cell {
        Cell::Bytes(self.clone())
    }

    fn array<'a>(values: impl Iterator<Item = &'a Self>) -> Array<'a> {
        Array::Bytes(values.map(Vec::as_slice).collect())
    }
}

/// A row of a table. Implemented by [`row!`] alone.
pub(crate) trait Row: Sized + 'static {
    const TABLE: Table;

    /// Returns the values of all columns.
    fn cells(&self) -> Vec<Cell>;
    /// Returns the values of the primary key.
    fn key(&self) -> Vec<Cell>;
    /// Binds all columns to a statement, each after its separator.
    fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()>;
    /// Returns rows turned into columns.
    fn arrays(rows: &[Self]) -> Vec<Array<'_>>;
}

/// Binds one value.
pub(crate) fn bind_one<'b, T>(out: &mut AstPass<'_, 'b, Sqlite>, first: &mut bool, value: &'b T) -> QueryResult<()>
where
    T: Stored + ToSql<<T as Stored>::Sql, Sqlite>,
    Sqlite: HasSqlType<<T as Stored>::Sql>,
{
    if !std::mem::replace(first, false) {
        out.push_sql(", ");
    }
    out.push_bind_param::<T::Sql, T>(value)
}

/// Declares a row: `Name in table (key, columns) Conflict { column: type, ... }`, columns as in the table.
macro_rules! row {
    ($($(#[$doc:meta])* $name:ident in $table:ident ($($key:ident),+) $conflict:ident { $($field:ident: $ty:ty,)+ })+) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, diesel::Queryable, diesel::Selectable, serde::Serialize, serde::Deserialize,
        )]
        #[diesel(table_name = $crate::store::schema::$table)]
        pub(crate) struct $name {
            $(pub(crate) $field: $ty,)+
        }

        impl $crate::store::row::Row for $name {
            const TABLE: $crate::store::row::Table = $crate::store::row::Table {
                name: stringify!($table),
                columns: &[$(stringify!($field)),+],
                keys: &[$(stringify!($key)),+],
                conflict: $crate::store::row::Conflict::$conflict,
            };

            fn cells(&self) -> Vec<$crate::store::row::Cell> {
                vec![$($crate::store::row::Stored::cell(&self.$field)),+]
            }

            fn key(&self) -> Vec<$crate::store::row::Cell> {
                vec![$($crate::store::row::Stored::cell(&self.$key)),+]
            }

            fn bind<'b>(
                &'b self,
                out: &mut diesel::query_builder::AstPass<'_, 'b, diesel::sqlite::Sqlite>,
            ) -> diesel::QueryResult<()> {
                let mut first = true;
                $($crate::store::row::bind_one(out, &mut first, &self.$field)?;)+
                Ok(())
            }

            fn arrays(rows: &[Self]) -> Vec<$crate::store::row::Array<'_>> {
                vec![$(<$ty as $crate::store::row::Stored>::array(rows.iter().map(|row| &row.$field))),+]
            }
        }
    )+};
}

pub(crate) use row;
