-- From version 2. What lay in the queue then was handed out, for all that is known: no
-- mark says otherwise.

CREATE TABLE handed (
    message INTEGER NOT NULL
);

CREATE TABLE pair (
    source              BLOB NOT NULL,
    destination         BLOB NOT NULL,
    source_address      BLOB NOT NULL,
    destination_address BLOB NOT NULL
);

INSERT INTO handed (message) SELECT coalesce(max(id), 0) FROM messages;
