-- The first version of the database of torrent-patron. Times are milliseconds since 1970. Each `sum` is
-- a CRC-32 of its row, so that a damaged one is not taken for what was written.
CREATE TABLE info (
    hash BLOB PRIMARY KEY, -- the v1 info hash where there is one, else that of v2
    data BLOB NOT NULL,
    sum INTEGER NOT NULL
) STRICT;

CREATE TABLE torrents (
    key INTEGER PRIMARY KEY,
    v1 BLOB,
    v2 BLOB,
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    added INTEGER NOT NULL,
    completed INTEGER,
    save_dir BLOB NOT NULL,
    moving_to BLOB,
    moving_existing INTEGER, -- 0: fail, 1: replace, 2: keep
    paused INTEGER NOT NULL,
    deleting INTEGER NOT NULL,
    queue_position INTEGER,
    info BLOB REFERENCES info (hash),
    sum INTEGER NOT NULL
) STRICT;
CREATE INDEX torrents_by_info ON torrents (info);

CREATE TABLE resume_data (
    key INTEGER PRIMARY KEY REFERENCES torrents (key) ON DELETE CASCADE,
    data BLOB NOT NULL,
    sum INTEGER NOT NULL
) STRICT;

CREATE TABLE labels (
    key INTEGER NOT NULL REFERENCES torrents (key) ON DELETE CASCADE,
    label TEXT NOT NULL,
    sum INTEGER NOT NULL,
    PRIMARY KEY (key, label)
) STRICT, WITHOUT ROWID;

CREATE TABLE notes (
    key INTEGER NOT NULL REFERENCES torrents (key) ON DELETE CASCADE,
    note TEXT NOT NULL,
    value BLOB NOT NULL,
    sum INTEGER NOT NULL,
    PRIMARY KEY (key, note)
) STRICT, WITHOUT ROWID;

CREATE TABLE state (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
