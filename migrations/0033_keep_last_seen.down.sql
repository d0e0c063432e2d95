DROP TRIGGER sessions_keep_last_seen ON sessions;
DROP FUNCTION keep_last_seen();
ALTER TABLE annotators DROP COLUMN last_seen_at;
