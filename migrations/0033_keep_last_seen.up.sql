-- A session that ends takes with it when somebody was last here.
ALTER TABLE annotators ADD COLUMN last_seen_at TIMESTAMPTZ;
COMMENT ON COLUMN annotators.last_seen_at IS 'When they were last seen in a browser that is signed out by now.';

CREATE FUNCTION keep_last_seen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE annotators a SET last_seen_at = greatest(a.last_seen_at, s.last_seen_at)
    FROM (SELECT annotator_id, max(last_seen_at) AS last_seen_at FROM ended GROUP BY annotator_id) s
    WHERE a.id = s.annotator_id;
    RETURN NULL;
END $$;
COMMENT ON FUNCTION keep_last_seen IS 'Keeps when somebody was last seen as their sessions are deleted.';
CREATE TRIGGER sessions_keep_last_seen AFTER DELETE ON sessions
    REFERENCING OLD TABLE AS ended FOR EACH STATEMENT EXECUTE FUNCTION keep_last_seen();
