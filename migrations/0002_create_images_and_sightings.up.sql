-- Pictures, known by their bytes, and the paths at which those bytes were seen.

CREATE TABLE images (
    id UUID PRIMARY KEY,
    sha256 BYTEA NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    bytes BIGINT NOT NULL CHECK (bytes > 0),
    format TEXT NOT NULL CHECK (format IN ('jpeg', 'png', 'webp', 'gif', 'bmp', 'tiff')),
    width INT NOT NULL CHECK (width > 0),
    height INT NOT NULL CHECK (height > 0),
    orientation SMALLINT NOT NULL DEFAULT 1 CHECK (orientation BETWEEN 1 AND 8),
    taken_at TIMESTAMPTZ,
    ingested_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    stored_key TEXT CHECK (stored_key <> ''),
    listing_key TEXT CHECK (octet_length(listing_key) BETWEEN 1 AND 1000),
    external_id TEXT CHECK (octet_length(external_id) BETWEEN 1 AND 1000),
    attributes JSONB NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    signals JSONB CHECK (jsonb_typeof(signals) = 'object'),
    signals_version INT,
    phash BIGINT,
    phash_version INT,
    hidden_at TIMESTAMPTZ,
    hidden_by UUID REFERENCES annotators (id),
    hidden_why TEXT,
    audit BOOLEAN NOT NULL,
    UNIQUE (id, audit),
    CONSTRAINT images_signals_have_a_version CHECK ((signals IS NULL) = (signals_version IS NULL)),
    CONSTRAINT images_phash_has_a_version CHECK ((phash IS NULL) = (phash_version IS NULL)),
    CONSTRAINT images_hidden_by_somebody_are_hidden CHECK (hidden_at IS NOT NULL OR (hidden_by IS NULL AND hidden_why IS NULL))
);
CREATE INDEX images_listing_key ON images (listing_key) WHERE listing_key IS NOT NULL;
CREATE INDEX images_external_id ON images (external_id) WHERE external_id IS NOT NULL;
COMMENT ON TABLE images IS 'Pictures, each identified by the SHA-256 of its bytes and never by a path.';
COMMENT ON COLUMN images.id IS 'Version 7 UUID, made by the program when the image came in.';
COMMENT ON COLUMN images.sha256 IS 'SHA-256 of the file''s bytes.';
COMMENT ON COLUMN images.bytes IS 'Size of the file in bytes.';
COMMENT ON COLUMN images.format IS 'File format by its content.';
COMMENT ON COLUMN images.width IS 'Width in pixels, after orientation.';
COMMENT ON COLUMN images.height IS 'Height in pixels, after orientation.';
COMMENT ON COLUMN images.orientation IS 'EXIF orientation (1 to 8) that decoding applies.';
COMMENT ON COLUMN images.taken_at IS 'When it was taken, by its EXIF data; taken as UTC where they name no offset.';
COMMENT ON COLUMN images.ingested_at IS 'When it first came in.';
COMMENT ON COLUMN images.stored_key IS 'Key of the original in the image store; null while it stays where it was dropped.';
COMMENT ON COLUMN images.listing_key IS 'The offer that it belongs to: cut from the path, or set by the API.';
COMMENT ON COLUMN images.external_id IS 'What another system calls it.';
COMMENT ON COLUMN images.attributes IS 'Whatever another system says about it, as a JSON object.';
COMMENT ON COLUMN images.signals IS 'Sharpness, exposure, contrast, noise and size, measured at a long side of 512 px; null until it is decoded.';
COMMENT ON COLUMN images.signals_version IS 'Version of the code that measured the signals.';
COMMENT ON COLUMN images.phash IS 'Perceptual hash: 64 bits of a DCT, as a signed number; null until it is decoded.';
COMMENT ON COLUMN images.phash_version IS 'Version of the code that made the perceptual hash.';
COMMENT ON COLUMN images.hidden_at IS 'Since when galleries leave it out.';
COMMENT ON COLUMN images.hidden_by IS 'Who hid it.';
COMMENT ON COLUMN images.hidden_why IS 'Why it is hidden.';
COMMENT ON COLUMN images.audit IS 'Whether it is in the audit set: never tunes a threshold, never trains. Set at import, never recomputed.';
COMMENT ON INDEX images_pkey IS 'Serves: an image by id.';
COMMENT ON INDEX images_sha256_key IS 'Serves: are these bytes known? One image per hash.';
COMMENT ON INDEX images_id_audit_key IS 'Serves: foreign keys that admit no image of the audit set.';
COMMENT ON INDEX images_listing_key IS 'Serves: the images of a listing; the audit flag that a new image of it joins.';
COMMENT ON INDEX images_external_id IS 'Serves: an image by another system''s id.';

CREATE TABLE roots (
    root TEXT PRIMARY KEY,
    device BIGINT,
    marker TEXT,
    state TEXT NOT NULL DEFAULT 'ok' CHECK (state IN ('ok', 'empty', 'foreign', 'unreachable')),
    last_sweep_at TIMESTAMPTZ,
    last_sweep_cpu_ms BIGINT CHECK (last_sweep_cpu_ms >= 0),
    last_found_by TEXT CHECK (last_found_by IN ('events', 'sweep'))
);
COMMENT ON TABLE roots IS 'Folders that are watched, so that a dropped mount is not taken for a mass deletion.';
COMMENT ON COLUMN roots.root IS 'Absolute path of the folder.';
COMMENT ON COLUMN roots.device IS 'Number of the device that it lay on when it was last in order.';
COMMENT ON COLUMN roots.marker IS 'What tells this folder from another one mounted in its place.';
COMMENT ON COLUMN roots.state IS 'ok, empty (though files are known), foreign (another device or marker), or unreachable.';
COMMENT ON COLUMN roots.last_sweep_at IS 'When it was last listed in full.';
COMMENT ON COLUMN roots.last_sweep_cpu_ms IS 'CPU time of that sweep in milliseconds; the pause to the next one follows from it.';
COMMENT ON COLUMN roots.last_found_by IS 'What noticed the latest new file: events, or the sweep (no events: a network share).';
COMMENT ON INDEX roots_pkey IS 'Serves: what is known of a root.';

CREATE TABLE sightings (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    root TEXT NOT NULL CHECK (octet_length(root) <= 2000),
    path BYTEA NOT NULL CHECK (octet_length(path) > 0),
    path_text TEXT NOT NULL,
    size_bytes BIGINT NOT NULL CHECK (size_bytes >= 0),
    mtime_ns BIGINT NOT NULL,
    ctime_ns BIGINT NOT NULL,
    sha256 BYTEA CHECK (octet_length(sha256) = 32),
    first_seen TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_seen TIMESTAMPTZ NOT NULL DEFAULT now(),
    superseded_at TIMESTAMPTZ,
    moved_to BIGINT REFERENCES sightings (id) ON DELETE SET NULL,
    image_id UUID REFERENCES images (id) ON DELETE SET NULL,
    state TEXT NOT NULL CHECK (state IN ('settling', 'imported', 'duplicate', 'failed', 'ignored', 'missing')),
    reason TEXT,
    tries INT NOT NULL DEFAULT 0 CHECK (tries >= 0),
    CONSTRAINT sightings_taken_have_an_image CHECK (
        state NOT IN ('imported', 'duplicate') OR (image_id IS NOT NULL AND sha256 IS NOT NULL)),
    CONSTRAINT sightings_refused_have_a_reason CHECK (state NOT IN ('failed', 'ignored') OR (reason <> '') IS TRUE),
    CONSTRAINT sightings_moved_are_closed CHECK (moved_to IS NULL OR superseded_at IS NOT NULL)
);
-- The path's hash, since an index entry holds at most 2,704 bytes and a path may be longer.
CREATE UNIQUE INDEX sightings_current_path ON sightings (root, sha256(path)) WHERE superseded_at IS NULL;
CREATE INDEX sightings_path ON sightings USING hash (path);
CREATE INDEX sightings_state ON sightings (state, first_seen DESC, id DESC) WHERE superseded_at IS NULL;
CREATE INDEX sightings_newest ON sightings (first_seen DESC, id DESC) WHERE superseded_at IS NULL;
CREATE INDEX sightings_image_id ON sightings (image_id, first_seen DESC, id DESC) WHERE image_id IS NOT NULL;
CREATE INDEX sightings_sha256 ON sightings (sha256) WHERE sha256 IS NOT NULL;
CREATE INDEX sightings_moved_to ON sightings (moved_to) WHERE moved_to IS NOT NULL;
COMMENT ON TABLE sightings IS 'Paths at which bytes were seen. Those not superseded are the ledger: every path is in one state there.';
COMMENT ON COLUMN sightings.id IS 'Names the ledger row, also in answers of the API.';
COMMENT ON COLUMN sightings.root IS 'Watched folder (as in roots), or the name of another way in. No foreign key: it outlives the setting.';
COMMENT ON COLUMN sightings.path IS 'Path relative to the root, as bytes: names need not be UTF-8.';
COMMENT ON COLUMN sightings.path_text IS 'The path for display and search, with replacement characters.';
COMMENT ON COLUMN sightings.size_bytes IS 'Size of the file at the last look.';
COMMENT ON COLUMN sightings.mtime_ns IS 'Modification time at the last look, in nanoseconds since 1970.';
COMMENT ON COLUMN sightings.ctime_ns IS 'Time of the last change of the file or its permissions, in nanoseconds since 1970.';
COMMENT ON COLUMN sightings.sha256 IS 'SHA-256 of the bytes, once they were read.';
COMMENT ON COLUMN sightings.first_seen IS 'When these bytes were first seen at this path.';
COMMENT ON COLUMN sightings.last_seen IS 'When they were last seen there.';
COMMENT ON COLUMN sightings.superseded_at IS 'When another sighting took the place of this one; null while it is current.';
COMMENT ON COLUMN sightings.moved_to IS 'The sighting of the same bytes at the path to which the file was moved.';
COMMENT ON COLUMN sightings.image_id IS 'The image that these bytes are.';
COMMENT ON COLUMN sightings.state IS 'settling, imported, duplicate, failed, ignored or missing.';
COMMENT ON COLUMN sightings.reason IS 'Why it is in this state, as a sentence for people.';
COMMENT ON COLUMN sightings.tries IS 'How often it was tried in vain.';
COMMENT ON INDEX sightings_pkey IS 'Serves: a ledger row by id.';
COMMENT ON INDEX sightings_current_path IS 'Serves: all current sightings of a root. One per path.';
COMMENT ON INDEX sightings_path IS 'Serves: the sightings of one path.';
COMMENT ON INDEX sightings_state IS 'Serves: the ledger''s totals, and its rows in one state, newest first.';
COMMENT ON INDEX sightings_newest IS 'Serves: the latest arrivals in any state.';
COMMENT ON INDEX sightings_image_id IS 'Serves: the sightings of an image, and its newest file name.';
COMMENT ON INDEX sightings_sha256 IS 'Serves: where else were these bytes seen (moves and duplicates)?';
COMMENT ON INDEX sightings_moved_to IS 'Serves: where did a file come from, and deletion of a sighting.';
