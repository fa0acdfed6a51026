//! Conversion between records and rows.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flate2::Crc;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::{Error, ErrorKind, Result};
use crate::model::{InfoHashV1, InfoHashV2, InfoHashes, OnConflict};
use crate::store::{COMMIT, Change, Key, Loaded, Record, Relocation, Value};
use crate::sys::convert;

const READ: &str = "read the torrent";
const READ_STATE: &str = "read the client's own state";

/// A result from SQLite.
type Rows<T> = rusqlite::Result<T>;

pub(super) fn state(connection: &mut Connection) -> Rows<BTreeMap<String, Result<Arc<[u8]>>>> {
    let mut query = connection.prepare_cached("SELECT name, value, sum FROM state")?;
    let mut rows = query.query([])?;
    let mut parts = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let name = row.get_ref(0)?.as_bytes()?;
        let part = || {
            let value: Vec<u8> = row.get(1)?;
            check(row.get(2)?, &[name, &value])?;
            Ok(value.into())
        };
        let name = String::from_utf8_lossy(name).into_owned();
        let part = part().map_err(|error: rusqlite::Error| {
            Error::new(ErrorKind::Corrupt, READ_STATE, error.to_string()).on(&name)
        });
        parts.insert(name, part);
    }
    Ok(parts)
}

const COLUMNS: &str = "t.key, t.v1, t.v2, t.name, t.source, t.added, t.completed, t.save_dir, \
                       t.moving_to, t.moving_existing, t.paused, t.deleting, t.queue_position, \
                       t.info, t.sum";

pub(super) fn load(
    connection: &mut Connection,
    after: Option<Key>,
    limit: usize,
) -> Rows<Vec<Loaded>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut query = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, i.data, i.sum, r.data, r.sum FROM torrents t
         LEFT JOIN info i ON i.hash = t.info LEFT JOIN resume_data r ON r.key = t.key
         WHERE t.key > ? ORDER BY t.key LIMIT ?"
    ))?;
    let mut rows = query.query(params![above(after), limit])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        let key: Key = row.get(0)?;
        page.push(match whole(row) {
            Ok(record) => Loaded::Torrent(Box::new(record)),
            Err(error) => Loaded::Unreadable {
                key,
                info_hashes: hashes(row).unwrap_or_default(),
                name: row.get::<_, String>(3).unwrap_or_default().into(),
                error: Error::new(ErrorKind::Corrupt, READ, error.to_string()),
            },
        });
    }
    if let Some(last) = page.last().map(Loaded::key) {
        attach(connection, after, last, &mut page)?;
    }
    Ok(page)
}

impl ToSql for Key {
    fn to_sql(&self) -> Rows<ToSqlOutput<'_>> {
        Ok(self.get().cast_signed().into())
    }
}

impl FromSql for Key {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        u64::try_from(number).ok().and_then(Self::new).ok_or(FromSqlError::OutOfRange(number))
    }
}

/// Returns the lower bound for a query, exclusive. No key is 0.
fn above(after: Option<Key>) -> i64 {
    after.map_or(0, |key| key.get().cast_signed())
}

fn bytes(key: Key) -> [u8; 8] {
    key.get().to_le_bytes()
}

/// Reads a record including its info dictionary and resume data.
fn whole(row: &Row<'_>) -> Rows<Record> {
    let mut record = torrent(row)?;
    let data: Option<Vec<u8>> = row.get(15)?;
    let hash: Option<Vec<u8>> = row.get(13)?;
    if let Some(hash) = hash {
        let data = data.ok_or(damaged("its info dictionary is missing"))?;
        check(row.get(16)?, &[&hash, &data])?;
        record.info = Some(data.into());
    }
    let data: Option<Vec<u8>> = row.get(17)?;
    let data = data.ok_or(damaged("its resume data is missing"))?;
    check(row.get(18)?, &[&bytes(row.get(0)?), &data])?;
    record.resume_data = data.into();
    Ok(record)
}

fn hashes(row: &Row<'_>) -> Rows<InfoHashes> {
    let v1: Option<[u8; 20]> = row.get(1)?;
    let v2: Option<[u8; 32]> = row.get(2)?;
    Ok(InfoHashes { v1: v1.map(InfoHashV1), v2: v2.map(InfoHashV2) })
}

/// Reads the columns of the `torrents` table.
fn torrent(row: &Row<'_>) -> Rows<Record> {
    let path = |column| row.get(column).map(|path: Option<Vec<u8>>| path.map(convert::path));
    let mut record = Record::new(row.get(0)?, hashes(row)?, path(7)?.unwrap_or_default());
    record.name = row.get::<_, String>(3)?.into();
    record.source = row.get::<_, String>(4)?.into();
    record.added = moment(row.get(5)?);
    record.completed = row.get::<_, Option<i64>>(6)?.map(moment);
    if let Some(to) = path(8)? {
        record.moving = Some(Relocation::new(to, on_conflict(row.get(9)?)));
    }
    record.paused = row.get(10)?;
    record.deleting = row.get(11)?;
    record.queue_position = row.get(12)?;
    let info: Option<Vec<u8>> = row.get(13)?;
    check(row.get(14)?, &[&columns(&record, info.as_deref())])?;
    Ok(record)
}

/// Adds labels and notes to the records of a page.
fn attach(connection: &Connection, after: Option<Key>, last: Key, page: &mut [Loaded]) -> Rows<()> {
    let mut spoil = |key: Key, change: Rows<Value>| {
        let Ok(place) = page.binary_search_by_key(&key, Loaded::key) else { return };
        let Loaded::Torrent(record) = &mut page[place] else { return };
        match change {
            Ok(value) => record.set(&value),
            Err(error) => {
                let error = Error::new(ErrorKind::Corrupt, READ, error.to_string());
                let (info_hashes, name) = (record.info_hashes, std::mem::take(&mut record.name));
                page[place] = Loaded::Unreadable { key, info_hashes, name, error };
            }
        }
    };
    let range = params![above(after), last];
    let mut query = connection
        .prepare_cached("SELECT key, label, sum FROM labels WHERE key > ? AND key <= ?")?;
    let mut rows = query.query(range)?;
    while let Some(row) = rows.next()? {
        let key = row.get(0)?;
        let label = || {
            let label: String = row.get(1)?;
            check(row.get(2)?, &[&bytes(key), label.as_bytes()])?;
            Ok(Value::Label(label.into(), true))
        };
        spoil(key, label());
    }
    let mut query = connection
        .prepare_cached("SELECT key, note, value, sum FROM notes WHERE key > ? AND key <= ?")?;
    let mut rows = query.query(range)?;
    while let Some(row) = rows.next()? {
        let key = row.get(0)?;
        let note = || {
            let (note, value): (String, Vec<u8>) = (row.get(1)?, row.get(2)?);
            check(row.get(3)?, &[&bytes(key), note.as_bytes(), &value])?;
            Ok(Value::Note(note.into(), Some(value.into())))
        };
        spoil(key, note());
    }
    Ok(())
}

/// Applies a change. The inner error means that the change is invalid.
pub(super) fn change(connection: &Connection, change: &Change) -> Rows<Result<()>> {
    match change {
        Change::Add(record) => add(connection, record),
        Change::Set(key, value) => set(connection, *key, value),
        Change::Remove(key) => remove(connection, *key).map(Ok),
        Change::State(name, Some(value)) => {
            let mut put = connection.prepare_cached(
                "INSERT OR REPLACE INTO state (name, value, sum) VALUES (?, ?, ?)",
            )?;
            put.execute(params![name, value, sum(&[name.as_bytes(), value])])?;
            Ok(Ok(()))
        }
        Change::State(name, None) => {
            connection.prepare_cached("DELETE FROM state WHERE name = ?")?.execute([name])?;
            Ok(Ok(()))
        }
    }
}

fn add(connection: &Connection, record: &Record) -> Rows<Result<()>> {
    if is_there(connection, record.key)? {
        let message = format!("a torrent with key {} already exists", record.key);
        return Ok(Err(Error::new(ErrorKind::InvalidArgument, COMMIT, message)));
    }
    let info = match &record.info {
        Some(info) => Some(put_info(connection, &record.info_hashes, info)?),
        None => None,
    };
    put(connection, record, info.as_deref())?;
    put_resume_data(connection, record.key, &record.resume_data)?;
    for label in &record.labels {
        put_label(connection, record.key, label)?;
    }
    for (note, value) in &record.notes {
        put_note(connection, record.key, note, value)?;
    }
    Ok(Ok(()))
}

fn set(connection: &Connection, key: Key, value: &Value) -> Rows<Result<()>> {
    if !is_there(connection, key)? {
        let message = format!("there is no torrent with the key {key}");
        return Ok(Err(Error::new(ErrorKind::NotFound, COMMIT, message)));
    }
    match value {
        Value::ResumeData(data) => put_resume_data(connection, key, data)?,
        Value::Label(label, true) => put_label(connection, key, label)?,
        Value::Label(label, false) => {
            let mut delete =
                connection.prepare_cached("DELETE FROM labels WHERE key = ? AND label = ?")?;
            delete.execute(params![key, label])?;
        }
        Value::Note(note, Some(value)) => put_note(connection, key, note, value)?,
        Value::Note(note, None) => {
            let mut delete =
                connection.prepare_cached("DELETE FROM notes WHERE key = ? AND note = ?")?;
            delete.execute(params![key, note])?;
        }
        Value::Info(data) => {
            let (record, _) = match find(connection, key)? {
                Ok(found) => found,
                Err(error) => return Ok(Err(error)),
            };
            let hash = put_info(connection, &record.info_hashes, data)?;
            put(connection, &record, Some(&hash))?;
        }
        value => {
            let (before, info) = match find(connection, key)? {
                Ok(found) => found,
                Err(error) => return Ok(Err(error)),
            };
            let mut record = before.clone();
            record.set(value);
            if record != before {
                put(connection, &record, info.as_deref())?;
            }
        }
    }
    Ok(Ok(()))
}

fn is_there(connection: &Connection, key: Key) -> Rows<bool> {
    connection.prepare_cached("SELECT 1 FROM torrents WHERE key = ?")?.exists([key])
}

/// Returns the row of a torrent, and the hash of its info dictionary. A row that cannot be read is an error of
/// the change: other torrents can be changed.
fn find(connection: &Connection, key: Key) -> Rows<Result<(Record, Option<Vec<u8>>)>> {
    let query = format!("SELECT {COLUMNS} FROM torrents t WHERE t.key = ?");
    let mut query = connection.prepare_cached(&query)?;
    match query.query_row([key], |row| Ok((torrent(row)?, row.get(13)?))) {
        Err(error @ rusqlite::Error::SqliteFailure(..)) => Err(error),
        Err(error) => {
            let message = format!("the torrent with the key {key} cannot be read: {error}");
            Ok(Err(Error::new(ErrorKind::NotFound, COMMIT, message)))
        }
        Ok(found) => Ok(Ok(found)),
    }
}

fn put(connection: &Connection, record: &Record, info: Option<&[u8]>) -> Rows<()> {
    let mut put = connection.prepare_cached(
        "INSERT INTO torrents (key, v1, v2, name, source, added, completed, save_dir, moving_to,
             moving_existing, paused, deleting, queue_position, info, sum)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (key) DO UPDATE SET v1 = ?2, v2 = ?3, name = ?4, completed = ?7,
             save_dir = ?8, moving_to = ?9, moving_existing = ?10, paused = ?11, deleting = ?12,
             queue_position = ?13, info = ?14, sum = ?15",
    )?;
    let InfoHashes { v1, v2 } = record.info_hashes;
    let moving = record.moving.as_ref();
    put.execute(params![
        record.key,
        v1.map(|hash| hash.0),
        v2.map(|hash| hash.0),
        record.name,
        record.source,
        millis(record.added),
        record.completed.map(millis),
        convert::path_bytes(&record.save_dir),
        moving.map(|moving| convert::path_bytes(&moving.to)),
        moving.map(|moving| moving.on_conflict as u8),
        record.paused,
        record.deleting,
        record.queue_position,
        info,
        sum(&[&columns(record, info)]),
    ])?;
    Ok(())
}

/// Inserts an info dictionary, or replaces one that is damaged. Returns its hash.
fn put_info(connection: &Connection, hashes: &InfoHashes, data: &[u8]) -> Rows<Vec<u8>> {
    let v1 = hashes.v1.map(|hash| hash.0.to_vec());
    let hash = v1.or_else(|| hashes.v2.map(|hash| hash.0.to_vec())).unwrap_or_default();
    let mut put = connection.prepare_cached(
        "INSERT INTO info (hash, data, sum) VALUES (?1, ?2, ?3)
         ON CONFLICT (hash) DO UPDATE SET data = ?2, sum = ?3 WHERE data <> ?2 OR sum <> ?3",
    )?;
    put.execute(params![hash, data, sum(&[&hash, data])])?;
    Ok(hash)
}

fn put_resume_data(connection: &Connection, key: Key, data: &[u8]) -> Rows<()> {
    let mut put = connection
        .prepare_cached("INSERT OR REPLACE INTO resume_data (key, data, sum) VALUES (?, ?, ?)")?;
    put.execute(params![key, data, sum(&[&bytes(key), data])])?;
    Ok(())
}

fn put_label(connection: &Connection, key: Key, label: &str) -> Rows<()> {
    let mut put = connection
        .prepare_cached("INSERT OR REPLACE INTO labels (key, label, sum) VALUES (?, ?, ?)")?;
    put.execute(params![key, label, sum(&[&bytes(key), label.as_bytes()])])?;
    Ok(())
}

fn put_note(connection: &Connection, key: Key, note: &str, value: &[u8]) -> Rows<()> {
    let mut put = connection.prepare_cached(
        "INSERT OR REPLACE INTO notes (key, note, value, sum) VALUES (?, ?, ?, ?)",
    )?;
    let sum = sum(&[&bytes(key), note.as_bytes(), value]);
    put.execute(params![key, note, value, sum])?;
    Ok(())
}

/// Removes a torrent, and its info dictionary unless another torrent uses it.
fn remove(connection: &Connection, key: Key) -> Rows<()> {
    let mut delete =
        connection.prepare_cached("DELETE FROM torrents WHERE key = ? RETURNING info")?;
    let info: Option<Option<Vec<u8>>> = delete.query_row([key], |row| row.get(0)).optional()?;
    let Some(Some(info)) = info else { return Ok(()) };
    let mut delete = connection.prepare_cached(
        "DELETE FROM info WHERE hash = ?1
         AND NOT EXISTS (SELECT 1 FROM torrents WHERE torrents.info = ?1)",
    )?;
    delete.execute([info])?;
    Ok(())
}

fn sum(parts: &[&[u8]]) -> u32 {
    let mut crc = Crc::new();
    for part in parts {
        // The lengths separate the parts.
        crc.update(&(part.len() as u64).to_le_bytes());
        crc.update(part);
    }
    crc.sum()
}

fn check(expected: u32, parts: &[&[u8]]) -> Rows<()> {
    if sum(parts) == expected { Ok(()) } else { Err(damaged("its checksum is wrong")) }
}

fn damaged(why: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, why.into())
}

/// Returns the columns of a torrent as bytes, for the checksum.
fn columns(record: &Record, info: Option<&[u8]>) -> Vec<u8> {
    let mut columns = Vec::new();
    let mut part = |part: Option<&[u8]>| {
        columns.push(u8::from(part.is_some()));
        let part = part.unwrap_or_default();
        columns.extend_from_slice(&(part.len() as u64).to_le_bytes());
        columns.extend_from_slice(part);
    };
    let InfoHashes { v1, v2 } = &record.info_hashes;
    let moving = record.moving.as_ref();
    part(Some(&bytes(record.key)));
    part(v1.as_ref().map(|hash| &hash.0[..]));
    part(v2.as_ref().map(|hash| &hash.0[..]));
    part(Some(record.name.as_bytes()));
    part(Some(record.source.as_bytes()));
    part(Some(&millis(record.added).to_le_bytes()));
    part(record.completed.map(|when| millis(when).to_le_bytes()).as_ref().map(|bytes| &bytes[..]));
    part(Some(convert::path_bytes(&record.save_dir)));
    part(moving.map(|moving| convert::path_bytes(&moving.to)));
    part(moving.map(|moving| [moving.on_conflict as u8]).as_ref().map(|bytes| &bytes[..]));
    part(Some(&[u8::from(record.paused), u8::from(record.deleting)]));
    part(record.queue_position.map(u32::to_le_bytes).as_ref().map(|bytes| &bytes[..]));
    part(info);
    columns
}

fn on_conflict(number: Option<u8>) -> OnConflict {
    [OnConflict::Fail, OnConflict::Replace, OnConflict::Keep]
        .into_iter()
        .find(|one| Some(*one as u8) == number)
        .unwrap_or_default()
}

fn millis(when: SystemTime) -> i64 {
    let since = when.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn moment(millis: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis.unsigned_abs())
}
