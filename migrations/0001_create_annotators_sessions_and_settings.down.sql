DROP TABLE events;
DROP TABLE settings;
DROP TABLE idempotency_keys;
DROP TABLE api_tokens;
DROP TABLE one_time_links;
DROP TABLE sessions;
DROP TABLE annotators;
DROP FUNCTION refuse_change;
